"""Addresses of the example project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("backups/", include("hms_backup.pages.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("", include("hms_backup.urls")),
    path("", include("example_project.hospital.urls")),
]
