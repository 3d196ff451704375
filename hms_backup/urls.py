"""Addresses of the API; a project includes them with ``path("", include("hms_backup.urls"))``."""

from __future__ import annotations

from django.urls import path, re_path

from .views import api

app_name = "hms_backup"

SCOPE = r"(?P<kind>[^/]+)/(?P<id>[\s\S]*)$"
"""Matches whatever may be meant as an id: what is none is answered as the API answers."""

urlpatterns = [
    path("api/openapi.json", api.openapi, name="openapi"),
    re_path(rf"^api/backup/{SCOPE}", api.backup, name="api-backup"),
    re_path(rf"^api/restore/{SCOPE}", api.restore, name="api-restore"),
]
