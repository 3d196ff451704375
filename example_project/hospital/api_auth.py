"""How programs say who they are to the API: HTTP Basic, or a bearer token of ``api_token``."""

from __future__ import annotations

import base64
import binascii

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest

SALT = "hospital.api"
SECONDS = 3600
"""How long a token is good for."""


def basic(request: HttpRequest) -> AbstractBaseUser | None:
    """Return the user whose name and password the request brings."""
    encoded = _credentials(request, "basic")
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return authenticate(request, username=username, password=password)


def bearer(request: HttpRequest) -> AbstractBaseUser | None:
    """Return the user for whom the request's token was issued."""
    try:
        pk = signing.loads(_credentials(request, "bearer"), salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return None
    return get_user_model()._default_manager.filter(pk=pk, is_active=True).first()


def issue_token(user: AbstractBaseUser) -> str:
    """Make a token for the user."""
    return signing.dumps(user.pk, salt=SALT)


class BasicOrBearer:
    """What ``HMS_BACKUP["AUTHENTICATE"]`` names."""

    challenge = 'Basic realm="hospital", charset="UTF-8"'

    def __call__(self, request: HttpRequest) -> AbstractBaseUser | None:
        """Return the user, if the request brings good credentials of either kind."""
        return basic(request) or bearer(request)


basic_or_bearer = BasicOrBearer()


def _credentials(request: HttpRequest, scheme: str) -> str:
    given, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials if given.lower() == scheme else ""
