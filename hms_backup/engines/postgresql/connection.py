"""A connection of its own for each operation, with settings that end with its transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from typing import Any

import psycopg
from django.db import connections

from ...conf import get_settings
from ...exceptions import ConnectionLost
from .errors import translated

# Text forms, in both directions, must not depend on who asks: roles and databases can have settings
# of their own (ALTER ROLE … SET). row_security = off makes PostgreSQL refuse where a policy would
# hide rows (PostgreSQL 20.11.1, row_security).
_SETTINGS = {
    "client_encoding": "UTF8",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "xmlbinary": "base64",
    "xmloption": "content",
    "array_nulls": "on",
    "quote_all_identifiers": "off",
    "standard_conforming_strings": "on",
    "lc_monetary": "C",
    "row_security": "off",
    "jit": "off",
    "work_mem": "64MB",
    "temp_buffers": "32MB",
}


@contextmanager
def own_connection(alias: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a second connection to the database, outside any transaction of the caller's."""
    wrapper = connections[alias].copy()
    try:
        try:
            with translated():
                wrapper.ensure_connection()
        except ConnectionLost as error:
            raise ConnectionLost(
                f"The database {alias!r} cannot be reached.",
                hint=f"Check that it runs, and DATABASES[{alias!r}], then try again.",
            ) from error
        raw: psycopg.Connection[Any] = wrapper.connection
        raw.prepare_threshold = None
        yield raw
    finally:
        with suppress(Exception):
            wrapper.close()


@contextmanager
def transaction(alias: str, begin: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction with ``begin`` and the settings above; roll back unless committed."""
    with own_connection(alias) as connection, translated():
        connection.execute(begin)
        timeouts = get_settings()
        settings = _SETTINGS | {
            # Rounded up: 0 would mean for ever.
            "lock_timeout": f"{ceil(timeouts.lock_timeout * 1000)}ms",
            "statement_timeout": f"{ceil(timeouts.statement_timeout * 1000)}ms",
        }
        for name, value in settings.items():
            connection.execute(f"SET LOCAL {name} = '{value}'")
        # Switched off for whole databases by some, and with it every foreign key. Only asked: most
        # roles may not even set what it is already.
        if connection.execute("SHOW session_replication_role").fetchone() != ("origin",):
            connection.execute("SET LOCAL session_replication_role = origin")
        # Ends the transaction of a process that was killed while a long statement runs, and so
        # frees its locks. PostgreSQL 13, and servers on some systems, cannot.
        with suppress(psycopg.Error), connection.transaction():
            connection.execute("SET LOCAL client_connection_check_interval = '1s'")
        try:
            yield connection
        finally:
            # Not COMMIT: what is to stay was committed before. A broken connection is rolled
            # back by the server.
            with suppress(psycopg.Error):
                connection.execute("ROLLBACK")
