"""Translating SQLite's errors, by result code, into this package's."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import django.db

from ...exceptions import (
    ConnectionLost,
    ConstraintViolated,
    DatabaseError,
    HmsBackupError,
    LockTimeout,
    PrivilegeMissing,
    StatementTimeout,
    StorageError,
    TableMissing,
)

_LOCKED = (
    LockTimeout,
    "Another connection holds the database's lock for longer than LOCK_TIMEOUT.",
    "Wait until it is done, then try again. SQLite has one writer at a time.",
)
_STORAGE = (
    StorageError,
    "The database's disk is full, over its limit or failing.",
    "Free some space or check the disk, then try again.",
)
_UNREACHABLE = (
    ConnectionLost,
    "The database file cannot be opened.",
    "Check that its folder exists and that this user may read and write it.",
)
_FORBIDDEN = (
    PrivilegeMissing,
    "The database file may not be written by this user.",
    "Give the user that runs this write access to the file and its folder.",
)
_DAMAGED = (
    DatabaseError,
    "The database file is damaged, or is no SQLite database.",
    "Run PRAGMA integrity_check on it.",
)
# Result Codes, https://www.sqlite.org/rescode.html; an extended code's low byte is the primary.
_BY_CODE: dict[int, tuple[type[HmsBackupError], str, str]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _STORAGE,
    sqlite3.SQLITE_IOERR: _STORAGE,
    sqlite3.SQLITE_NOMEM: _STORAGE,
    sqlite3.SQLITE_CANTOPEN: _UNREACHABLE,
    sqlite3.SQLITE_READONLY: _FORBIDDEN,
    sqlite3.SQLITE_PERM: _FORBIDDEN,
    sqlite3.SQLITE_AUTH: _FORBIDDEN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_INTERRUPT: (
        StatementTimeout,
        "A statement ran for longer than STATEMENT_TIMEOUT.",
        'Try again at a quieter time, or raise HMS_BACKUP["STATEMENT_TIMEOUT"].',
    ),
}
# These messages name columns and nothing else. Others, RAISE's among them, may quote a value.
_COLUMNS = re.compile(r"(?:UNIQUE|NOT NULL) constraint failed: (?P<table>[^.]+)\.(?P<columns>.+)")
_MISSING = re.compile(r"no such table: (?P<table>\S+)")


def translate(error: sqlite3.Error | django.db.Error) -> HmsBackupError:
    """Return the error to raise. No text of SQLite is kept but names: it may quote a value."""
    cause = error.__cause__ if isinstance(error, django.db.Error) else error
    code = getattr(cause, "sqlite_errorcode", None)
    primary = (code or 0) & 0xFF
    if primary in _BY_CODE:
        kind, message, hint = _BY_CODE[primary]
        return kind(message, hint=hint)
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return _violated(str(cause), getattr(cause, "sqlite_errorname", ""))
    missing = _MISSING.match(str(cause))
    if missing:
        return TableMissing(
            f"Table {missing['table']} is gone, or a reference or trigger names it in vain.",
            hint="Run the project's system checks and try again.",
            table=missing["table"].removeprefix("main."),
        )
    name = getattr(cause, "sqlite_errorname", None) or type(cause).__name__
    return DatabaseError(f"SQLite refused with {name}.", hint="Report this with the code.")


def _violated(message: str, name: str) -> ConstraintViolated:
    found = _COLUMNS.match(message)
    table, columns = (found["table"], found["columns"]) if found else ("", "")
    columns = columns.replace(f"{table}.", "")
    where = f" on {table} ({columns})" if table else ""
    rule = name.removeprefix("SQLITE_CONSTRAINT_").lower().replace("foreignkey", "foreign key")
    return ConstraintViolated(
        f"A constraint of the database does not allow the merge: {rule}{where}.",
        hint="The rows around the backup have changed since. Look at the dry run, then restore "
        "what this table refers to first.",
        table=table,
        column=columns,
    )


@contextmanager
def translated() -> Iterator[None]:
    """Raise this package's errors instead of the driver's and Django's."""
    try:
        yield
    except (sqlite3.Error, django.db.Error) as error:
        raise translate(error) from None
