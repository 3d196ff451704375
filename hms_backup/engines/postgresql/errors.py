"""Translating PostgreSQL's errors, by SQLSTATE, into this package's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import django.db
import psycopg

from ...exceptions import (
    Busy,
    ConnectionLost,
    ConstraintViolated,
    DatabaseError,
    Deadlock,
    HmsBackupError,
    LockTimeout,
    PrivilegeMissing,
    StatementTimeout,
    StorageError,
    TableMissing,
)

# PostgreSQL Appendix A, "Error Codes".
_BY_STATE: dict[str, tuple[type[HmsBackupError], str, str]] = {
    "55P03": (
        LockTimeout,
        "Another transaction holds a table for longer than LOCK_TIMEOUT.",
        "Wait until it is done, or find and end it, then try again.",
    ),
    "57014": (
        StatementTimeout,
        "A statement was cancelled, or ran for longer than STATEMENT_TIMEOUT.",
        'Try again at a quieter time, or raise HMS_BACKUP["STATEMENT_TIMEOUT"].',
    ),
    "40P01": (Deadlock, "The database resolved a deadlock by ending this operation.", "Try again."),
    "40001": (Busy, "The data changed while it was being read.", "Try again."),
    "42501": (
        PrivilegeMissing,
        "The database role may not do this, or row-level security would hide rows from it.",
        "Use a role that owns the tables, or has BYPASSRLS, and may create temporary tables.",
    ),
    "25P03": (
        ConnectionLost,
        "The database ended the connection, which was idle inside a transaction for too long.",
        "Raise idle_in_transaction_session_timeout for this role.",
    ),
    "25P04": (
        StatementTimeout,
        "The operation took longer than the database's transaction_timeout.",
        "Try again at a quieter time, or raise transaction_timeout for this role.",
    ),
    "42P01": (
        TableMissing,
        "A table that was there a moment ago is gone.",
        "Run the project's system checks and try again.",
    ),
}
_BY_CLASS: dict[str, tuple[type[HmsBackupError], str, str]] = {
    "08": (ConnectionLost, "The connection to the database broke.", "Try again."),
    "57": (ConnectionLost, "The database ended the connection.", "Try again."),
    "53": (
        StorageError,
        "The database has run out of disk, memory or connections.",
        "Free some and try again.",
    ),
    "23": (
        ConstraintViolated,
        "A constraint of the database does not allow the merge",
        "The rows around the backup have changed since. Look at a new dry run.",
    ),
}


def translate(error: psycopg.Error | django.db.Error) -> HmsBackupError:
    """Return the error to raise. No text of the server is kept: it may quote a value."""
    cause = error.__cause__ if isinstance(error, django.db.Error) else error
    state = getattr(cause, "sqlstate", None)
    if state is None:
        return ConnectionLost(
            "The connection to the database broke, or it cannot be reached.",
            hint="Check that the database runs, then try again.",
        )
    diag = getattr(cause, "diag", None)
    known = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
    if known is None:
        name = type(cause).__name__
        return DatabaseError(
            f"The database refused with {state} ({name}).",
            hint="The database server's log has the details.",
            table=_table_of(diag),
        )
    kind, message, hint = known
    if kind is PrivilegeMissing:
        return kind(message, hint=hint, table=_refused_relation(diag))
    if kind is ConstraintViolated:
        message = f"{message}: {getattr(diag, 'constraint_name', None) or 'unnamed'}."
    return kind(message, hint=hint, table=_table_of(diag))


def _table_of(diag: object) -> str:
    return getattr(diag, "table_name", None) or ""


_REFUSED_RELATION = re.compile(r' (?:table|view|relation|sequence) "?([^"]+)"?$')


def _refused_relation(diag: object) -> str:
    """Take the name from the message, for want of a field; row values are never in this one."""
    found = _REFUSED_RELATION.search(getattr(diag, "message_primary", None) or "")
    return found[1] if found else ""


@contextmanager
def translated() -> Iterator[None]:
    """Raise this package's errors instead of the driver's and Django's.

    Ctrl-C makes the driver cancel the statement, and the server's word on that can come last.
    """
    try:
        yield
    except (psycopg.Error, django.db.Error) as error:
        interruption = _interruption(error)
        if interruption is not None:
            raise interruption from None
        raise translate(error) from None


def _interruption(error: BaseException) -> BaseException | None:
    """Return what the error was raised in consequence of, if it was no error but an order to end.

    `GeneratorExit` is none: it is how a reader says that it has seen enough.
    """
    before = error.__context__
    while before is not None:
        if isinstance(before, KeyboardInterrupt | SystemExit):
            return before
        before = before.__context__
    return None


# Of several lines of context, the innermost first, COPY's is the last that has no value in it.
_COPY_CONTEXT = re.compile(
    r"^COPY \S+, line (?P<line>\d+)(?:, column (?P<rest>[\s\S]*))?", re.MULTILINE
)
_NOT_THE_VALUE = ("08", "40", "53", "55", "57", "58", "XX")


def copy_position(error: psycopg.Error, columns: Sequence[str]) -> tuple[int, str] | None:
    """Return the line, and the column where known, whose value a COPY did not accept.

    None when it failed for another reason than a value. The context quotes the value after the
    column's name, so of it only what is one of ``columns`` is taken.
    """
    found = _COPY_CONTEXT.search(error.diag.context or "")
    if found is None or (error.sqlstate or "XX")[:2] in _NOT_THE_VALUE:
        return None
    rest = found["rest"] or ""
    named = [name for name in columns if rest.startswith((f"{name}:", f"{name}, ", f"{name}\n"))]
    return int(found["line"]), max(named, key=len, default="")
