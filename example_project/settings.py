"""Settings of the example hospital: a project like any other, with hms_backup added."""

from __future__ import annotations

import os
from typing import Any

from django.conf.locale import LANG_INFO

from example_project.database import database

DATABASES = {"default": database()}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "import_export",
    "example_project.hospital",  # before hms_backup, whose pages it gives its own frame
    "hms_backup",
    "hms_backup.contrib.hms",
]
HMS_BACKUP: dict[str, Any] = {
    "SYSTEM_NAME": "Example hospital",
    "SYSTEM_VERSION": "1.0",
    "INSTANCE_ID": "example",
    "AUTHENTICATE": "example_project.hospital.api_auth.basic_or_bearer",
}
if POLICY := os.environ.get("HMS_POLICY"):
    HMS_BACKUP["POLICY"] = POLICY

DEBUG = True
SECRET_KEY = "not-a-secret-this-is-an-example"  # noqa: S105 - the example serves nobody
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "example_project.urls"
STATIC_URL = "static/"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fil", "Filipino")]
# Django has no texts of its own in Filipino and so does not know its name; some admin themes ask.
LANG_INFO["fil"] = {"bidi": False, "code": "fil", "name": "Filipino", "name_local": "Filipino"}
TIME_ZONE = "Asia/Manila"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.security.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
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
