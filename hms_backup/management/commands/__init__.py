"""The ``manage.py`` commands; see `hms_backup.cli` for what they do."""
