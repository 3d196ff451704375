"""The example's own app: commands only, no tables."""

from __future__ import annotations

from django.apps import AppConfig


class HospitalConfig(AppConfig):
    """Brings ``setup_hospital``, ``damage`` and ``fingerprint``."""

    name = "example_project.hospital"
    label = "hospital"
