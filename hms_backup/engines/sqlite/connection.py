"""A connection of its own for each operation, closed, and with it rolled back, at its end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from django.db import connections

from ...conf import Settings, get_settings
from ...exceptions import ConfigurationError, DatabaseError
from .dialect import register_functions
from .errors import translated

_FOREVER = 2**31 - 1
_STEPS = 20_000
"""How many of SQLite's virtual instructions run between two looks at the clock."""


class Connection:
    """A raw SQLite connection in autocommit mode whose errors are this package's."""

    def __init__(self, raw: sqlite3.Connection, statement_timeout: float = 0.0) -> None:
        self._raw = raw
        self._timeout = statement_timeout
        self._deadline = 0.0
        if statement_timeout:
            raw.set_progress_handler(self._overdue, _STEPS)

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement and return its cursor."""
        self._deadline = time.monotonic() + self._timeout
        with translated():
            return self._raw.execute(statement, tuple(parameters))

    def executemany(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement per row."""
        self._deadline = time.monotonic() + self._timeout
        with translated():
            self._raw.executemany(statement, rows)

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return all its rows."""
        with translated():
            return self.execute(statement, parameters).fetchall()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.in_transaction

    def _overdue(self) -> bool:
        return time.monotonic() > self._deadline


@contextmanager
def own_connection(alias: str) -> Iterator[Connection]:
    """Open a second connection to the database, outside any transaction of the caller's.

    It is opened by Django, so that the project's own functions and collations are there.

    Raises `ConfigurationError` for a database in memory, which no second connection can see.
    """
    wrapper = connections[alias].copy()
    if wrapper.is_in_memory_db():  # type: ignore[attr-defined]  # of Django's SQLite wrapper
        raise ConfigurationError(
            f"Database {alias!r} is kept in memory, where only one connection can see it.",
            hint="Use a SQLite file: backups and restores open a connection of their own.",
        )
    # Values must arrive as they are stored, not as Django's converters for "bool" or "date" say.
    wrapper.settings_dict["OPTIONS"] = {**wrapper.settings_dict["OPTIONS"], "detect_types": 0}
    with translated():
        wrapper.ensure_connection()
    raw: sqlite3.Connection = wrapper.connection
    with closing(raw), translated():
        yield _prepared(raw, get_settings())


def _prepared(raw: sqlite3.Connection, settings: Settings) -> Connection:
    raw.isolation_level = None
    raw.text_factory = as_str
    register_functions(raw)
    connection = Connection(raw, settings.statement_timeout)
    wait = min(int(settings.lock_timeout * 1000), _FOREVER) or _FOREVER
    connection.execute(f"PRAGMA busy_timeout = {wait:d}")
    connection.execute("PRAGMA ignore_check_constraints = OFF")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.query("PRAGMA foreign_keys") != [(1,)]:
        raise DatabaseError(
            "This SQLite was built without foreign keys.",
            hint="Use a Python whose sqlite3 module enforces them.",
        )
    return connection


class NotUnicode(str):
    """Stored text that is not UTF-8: to be refused by an export, and shown escaped to people."""

    __slots__ = ()


def as_str(raw: bytes) -> str:
    """Decode a stored text. SQLite itself checks none, and the driver's error quotes it."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NotUnicode(raw.decode(errors="backslashreplace"))
