"""A runnable hospital that shows hms_backup at work."""
