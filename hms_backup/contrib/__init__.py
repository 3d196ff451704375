"""Apps a project may add to its own: opt-in through ``INSTALLED_APPS``."""
