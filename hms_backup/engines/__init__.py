"""One engine per database vendor; `get_engine` is the only place that knows which."""

from __future__ import annotations

from django.db import connections

from ..exceptions import ConfigurationError
from .base import Engine
from .postgresql import PostgreSQLEngine
from .sqlite import SQLiteEngine

ENGINES: tuple[type[Engine], ...] = (PostgreSQLEngine, SQLiteEngine)


def get_engine(alias: str) -> Engine:
    """Return the engine for a database alias.

    Raises `ConfigurationError` for an unknown alias or an unsupported vendor.
    """
    if alias not in connections:
        raise ConfigurationError(
            f"There is no database {alias!r} in DATABASES.",
            hint='Set HMS_BACKUP["DATABASE"] to one of its aliases.',
        )
    vendor = connections[alias].vendor
    for engine in ENGINES:
        if engine.vendor == vendor:
            return engine(alias)
    raise ConfigurationError(
        f"Database {alias!r} is {vendor}, which hms_backup does not support.",
        hint="Use PostgreSQL 13 to 18, or SQLite for development and small sites.",
    )


__all__ = ["ENGINES", "Engine", "get_engine"]
