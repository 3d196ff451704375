"""The ``HMS_BACKUP`` settings dict: its keys, their defaults, and one way to read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings as django_settings

from .exceptions import ConfigurationError

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One reading of ``settings.HMS_BACKUP``; field names are the lower-cased keys."""

    database: str = "default"
    """Alias of the database that holds the tables to back up. The audit log follows the project's
    database routers and may live elsewhere."""

    max_archive_bytes: int = 50 * MEBIBYTE
    """Largest ``.hms-backup`` file a restore accepts, in bytes."""

    max_expanded_bytes: int = 50 * MEBIBYTE
    """Largest total of an archive's members once decompressed, in bytes, counted while reading."""

    lock_timeout: float = 10.0
    """Seconds to wait for another transaction's lock; 0 waits forever."""

    statement_timeout: float = 0.0
    """Seconds any one database statement may run; 0 means no limit."""

    system_name: str = "hms_backup"
    """Name of the system that writes archives, recorded in each manifest."""

    system_version: str = ""
    """Version of that system, recorded in each manifest."""

    instance_id: str = ""
    """Which installation wrote an archive (``production``, ``ward-7``); a restore warns when it
    differs from its own."""

    protected_tables: tuple[str, ...] = field(default=())
    """Further table names that no backup may ever contain or restore."""

    policy: str = "hms_backup.policy.PermissionPolicy"
    """Dotted path of the `hms_backup.policy.Policy` that decides who may do what."""

    authenticate: str = ""
    """Dotted path of a callable from request to user, or None, for API requests that bring no
    session; empty for none."""

    upload_directory: str = ""
    """Folder where uploads and downloads wait, readable by this system user alone; empty for one
    of the project's own in the system's folder for temporary files. Several servers share it."""

    upload_lifetime: float = 3600.0
    """Seconds after which an upload that was not restored is deleted."""


KEYS: tuple[str, ...] = tuple(each.name.upper() for each in fields(Settings))


def get_settings() -> Settings:
    """Return the project's settings merged over the defaults.

    Raises `ConfigurationError` for the first of `settings_problems`; the system check
    ``hms_backup.E001`` names them all, earlier.
    """
    given: Any = getattr(django_settings, "HMS_BACKUP", {})
    for problem in settings_problems(given):
        raise ConfigurationError(problem, hint="See docs/settings.md.")
    values = {key.lower(): value for key, value in given.items()}
    values["protected_tables"] = tuple(values.get("protected_tables", ()))
    return Settings(**values)


def settings_problems(given: Any) -> Iterator[str]:
    """Yield, in words, everything wrong with ``HMS_BACKUP`` = ``given``: one sentence per key."""
    if not isinstance(given, dict):
        yield "HMS_BACKUP must be a dict."
        return
    for key, value in given.items():
        if key not in KEYS:
            yield f"HMS_BACKUP has an unknown key {key!r}; known keys are {', '.join(KEYS)}."
        elif not _acceptable(getattr(_DEFAULTS, key.lower()), value):
            yield f"HMS_BACKUP[{key!r}] must be {_EXPECTED[type(getattr(_DEFAULTS, key.lower()))]}."


def _acceptable(default: object, value: object) -> bool:
    match default:
        case float():  # seconds; nan fails the comparison
            return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        case int():
            return isinstance(value, int) and not isinstance(value, bool) and value > 0
        case tuple():  # a bare string would protect its letters, and so nothing
            return isinstance(value, list | tuple | set | frozenset) and all(
                isinstance(each, str) and each for each in value
            )
    return isinstance(value, str)


_DEFAULTS = Settings()
_EXPECTED = {
    float: "a number of seconds, 0 or more",
    int: "a whole number of bytes above 0",
    tuple: "a list of table names",
    str: "a string",
}
