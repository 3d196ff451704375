"""The app that brings the hospital's models and registers its departments."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HmsConfig(AppConfig):
    """Opt in with ``"hms_backup.contrib.hms"`` in ``INSTALLED_APPS``."""

    name = "hms_backup.contrib.hms"
    label = "hms"
    verbose_name = _("Hospital")
    default_auto_field = "django.db.models.AutoField"
