"""Template tags: the hospital's pages use ``hms_backup``, this app's own ``hms_backup_pages``."""
