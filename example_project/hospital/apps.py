"""The example's own app: its pages and its commands; it has no tables."""

from __future__ import annotations

from django.apps import AppConfig


class HospitalConfig(AppConfig):
    """Brings the pages, and ``setup_hospital``, ``damage`` and ``fingerprint``."""

    name = "example_project.hospital"
    label = "hospital"
