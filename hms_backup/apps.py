"""The Django app: finds every installed app's ``backups.py`` and registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class HmsBackupConfig(AppConfig):
    """Put ``"hms_backup"`` into ``INSTALLED_APPS`` to use it."""

    name = "hms_backup"
    verbose_name = _("Backups")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the checks, then the registrations of all apps."""
        from .checks import register_checks
        from .signals import make_permissions

        register_checks()
        autodiscover_modules("backups")
        post_migrate.connect(
            make_permissions, sender=self, dispatch_uid="hms_backup.make_permissions"
        )
