"""The project's own way to tell who sends an API request: ``HMS_BACKUP["AUTHENTICATE"]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.module_loading import import_string

from .exceptions import ConfigurationError

Authenticate = Callable[[HttpRequest], AbstractBaseUser | None]
"""Returns the user whose credentials the request brings, None when it brings none that are good.

Its attribute ``challenge``, if it has one, is sent as ``WWW-Authenticate`` with each 401.
"""


def load_authenticate(path: str) -> Authenticate | None:
    """Return the callable of a dotted path, None for an empty one. Raises `ConfigurationError`."""
    if not path:
        return None
    hint = "Set HMS_BACKUP['AUTHENTICATE'] to the dotted path of a callable from request to user."
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"{path!r} cannot be imported.", hint=hint) from error
    if not callable(found):
        raise ConfigurationError(f"{path!r} cannot be called.", hint=hint)
    authenticate: Authenticate = found
    return authenticate
