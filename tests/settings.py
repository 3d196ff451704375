"""Settings of the test suite; ``TEST_DATABASE`` chooses the vendor it runs on.

``TEST_POSTGRES_URL`` (or ``DATABASE_URL``) points the suite at a PostgreSQL of one's own; without
it conftest starts an embedded one. ``HMS_TEST_DATABASE_URL`` is for processes that a test starts:
it names that test's own database, as ``HMS_TEST_UPLOADS`` does its folder of uploads.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import dj_database_url

VENDORS = ("postgresql", "sqlite")
VENDOR = os.environ.get("TEST_DATABASE", "postgresql")
if VENDOR not in VENDORS:
    raise ValueError(f"TEST_DATABASE must be one of {', '.join(VENDORS)}, not {VENDOR!r}.")

TEST_NAME = f"test_hms_{os.getpid()}"


def postgresql_database(url: str) -> dict[str, Any]:
    """The configuration for a server's address, with a test database of this process's own."""
    return {**dj_database_url.parse(url), "TEST": {"NAME": TEST_NAME}}


def sqlite_database() -> dict[str, Any]:
    """A real file: restores open connections of their own, which an in-memory one cannot share."""
    folder = Path(tempfile.gettempdir())
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "TEST": {"NAME": str(folder / f"{TEST_NAME}.sqlite3")},
        "OPTIONS": {"timeout": 20},
    }


def default_database() -> dict[str, Any]:
    """The database of this run, or the one a test told its child process to use."""
    if url := os.environ.get("HMS_TEST_DATABASE_URL"):
        return dict(dj_database_url.parse(url))
    if VENDOR == "sqlite":
        return sqlite_database()
    url = os.environ.get("TEST_POSTGRES_URL") or os.environ.get("DATABASE_URL")
    return postgresql_database(url or "postgresql:///postgres")


DATABASES = {"default": default_database()}
SECRET_KEY = "only-for-tests"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
ALLOWED_HOSTS = ["*"]
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "import_export",
    "hms_backup",
    "hms_backup.contrib.hms",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
UPLOADS = Path(
    os.environ.get("HMS_TEST_UPLOADS") or f"{tempfile.gettempdir()}/hms-uploads-{os.getpid()}"
)
"""One folder per test process, which shares it with the processes it starts."""

HMS_BACKUP: dict[str, Any] = {"INSTANCE_ID": "tests", "UPLOAD_DIRECTORY": str(UPLOADS)}
