"""SQLite's spelling of what `Dialect` asks for, and the functions it needs for that."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence

from ...schema import Column, Kind
from ..dialect import Dialect

_HASHED = 50
"""Columns that one call hashes: two arguments each, and SQLite allows 127."""

_LARGEST = 2**31 - 1


class SQLiteDialect(Dialect):
    """Rows are compared by storage class and value.

    ``IS`` takes 1 for 1.0, and a column's own collation may take 'a' for 'A'
    (https://www.sqlite.org/datatype3.html, 4 and 7).
    """

    def as_text(self, expression: str) -> str:
        # CAST shortens a REAL to 15 digits.
        return (
            f"CASE typeof({expression}) WHEN 'real' THEN hms_shortest({expression}) "
            f"WHEN 'blob' THEN '\\x' || lower(hex({expression})) "
            f"ELSE CAST({expression} AS TEXT) END"
        )

    def archived(self, column: Column, prefix: str) -> str:
        return self.column(column.name, prefix)

    def differs(self, columns: Sequence[str], left: str, right: str) -> str:
        pairs = [(self.column(name, left), self.column(name, right)) for name in columns]
        either = " OR ".join(
            f"{one} COLLATE BINARY IS NOT {other} OR typeof({one}) <> typeof({other})"
            for one, other in pairs
        )
        return f"({either})"

    def row_hash(self, columns: Sequence[str], prefix: str) -> str:
        values = [self.column(name, prefix) for name in columns]
        # Text goes as bytes, since it need not be UTF-8.
        arguments = [
            f"typeof({value}), CASE typeof({value}) WHEN 'text' THEN CAST({value} AS BLOB) "
            f"ELSE {value} END"
            for value in values
        ]
        calls = [
            f"hms_hash({', '.join(arguments[start : start + _HASHED])})"
            for start in range(0, len(arguments), _HASHED)
        ]
        return " || ".join(calls)

    def parking_value(self, column: Column, number: str) -> str | None:
        """Whole numbers count from both ends, since a CHECK often rules out one of them."""
        if column.kind is Kind.INTEGER:
            return (
                f"CASE WHEN {number} % 2 = 1 THEN ({number} + 1) / 2 "
                f"ELSE {_LARGEST} - {number} / 2 END"
            )
        if column.kind is Kind.NUMERIC:
            return number
        if column.kind is Kind.DATE:
            return f"date('1900-01-01', {number} || ' days')"
        if column.kind is Kind.TIMESTAMP:
            return f"datetime('1900-01-01', {number} || ' seconds')"
        if column.kind in (Kind.TEXT, Kind.UUID):
            return f"printf('%x', {number})"
        return None


def register_functions(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that the dialect's expressions call."""
    connection.create_function("hms_shortest", 1, repr, deterministic=True)
    connection.create_function("hms_hash", -1, _hash, deterministic=True)
    connection.create_function("hms_contains", 2, _contains, deterministic=True)


def _hash(*parts: str | int | float | bytes | None) -> str:
    """Hash storage classes and values; ``repr`` tells them all apart, to the last digit."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _contains(text: bytes, search: str) -> bool:
    return search.casefold() in text.decode(errors="replace").casefold()
