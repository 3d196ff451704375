"""From what SQLite stores to an archive: each storage class checked, nothing coerced.

A column's declared type does not bind SQLite, so any value may be of any class. What is not as
the column's kind is written, or would not come back the same, is refused with its row and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import msgspec

from ...exceptions import ValueUnsupported
from ...framing import is_too_deep
from ...schema import Column, Kind, Table
from ...values import JSON_ESCAPE

Encode = Callable[[Any], Any]
"""Turns one stored value, not null, into what stands for it in JSON. Raises `Misfit`."""

NUMERIC_AFFINITIES = frozenset({"INTEGER", "REAL", "NUMERIC"})
"""Affinities by which text that is a number is stored as that number, and back."""

INFINITE = "1e999"
"""A text that such a column stores as infinity, as it does no other that is written for it."""

DATE = r"\d{4}-\d\d-\d\d"
CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?"
_DATE = re.compile(DATE, re.ASCII)
_TIME = re.compile(CLOCK, re.ASCII)
_TIMESTAMP = re.compile(rf"{DATE}(?: {CLOCK})?", re.ASCII)

_ROW_DEPTH = 2
"""A value in a table's file is inside an array and a row."""

_write = msgspec.json.Encoder().encode


class Misfit(Exception):
    """A value is not what its column is to hold; the text says what that would be."""


class RowEncoder:
    """Writes one table's rows as lines of JSON. Takes rows of all columns, in their order."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._names = [column.name for column in table.columns]
        self._encoders = [encoder(column) for column in table.columns]
        self._key = [self._names.index(name) for name in table.primary_key]

    def encode(self, row: Sequence[Any]) -> bytes:
        """Return the row's line. Raises `ValueUnsupported`."""
        values: dict[str, Any] = {}
        for name, encode, value in zip(self._names, self._encoders, row, strict=True):
            try:
                values[name] = None if value is None else encode(value)
            except Misfit as misfit:
                raise self._refused(row, name, str(misfit)) from None
        if None in [row[place] for place in self._key]:
            raise self._refused(row, self._table.primary_key[0], "a primary key, not NULL")
        return _write(values)

    def _refused(self, row: Sequence[Any], column: str, expected: str) -> ValueUnsupported:
        key = key_text([row[place] for place in self._key])
        return ValueUnsupported(
            f"{self._table.name}.{column} of row {key} cannot be backed up exactly: it is not "
            f"{expected}.",
            hint="Correct this value in the database, or the column's declared type.",
            table=self._table.name,
            row=key,
            column=column,
        )


def key_text(values: Sequence[Any]) -> str:
    """Return a primary key as text, as `Dialect.key_text` does."""
    return ", ".join(
        "NULL" if value is None else bytes_text(value) if isinstance(value, bytes) else str(value)
        for value in values
    )


def bytes_text(value: bytes) -> str:
    """Return bytes as PostgreSQL writes them (8.4.1 "bytea Hex Format")."""
    return "\\x" + value.hex()


def encoder(column: Column) -> Encode:
    """Return the function that encodes a column's values."""
    if column.base_type in NUMERIC_AFFINITIES and column.kind in (Kind.JSON, Kind.OTHER):
        encode = _json if column.kind is Kind.JSON else _text
        return lambda value: encode(_unconverted(value))
    return _ENCODERS[column.kind]


def _unconverted(value: Any) -> Any:
    """Undo the conversion of text to numbers that the column's affinity made."""
    if type(value) is int:
        return str(value)
    return repr(value).replace("inf", INFINITE) if type(value) is float else value


def _boolean(value: Any) -> bool:
    if type(value) is not int or value not in (0, 1):
        raise Misfit("0 or 1")
    return value == 1


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise Misfit("a whole number")
    return value


def _number(value: Any) -> Any:
    if type(value) is int:
        return value
    return _float(value)


def _float(value: Any) -> Any:
    if type(value) is not float:
        raise Misfit("a number")
    text = repr(value)
    if text in ("inf", "-inf"):
        return text.replace("inf", "Infinity")
    if text == "-0.0":
        raise Misfit("a number that SQLite keeps when it copies it")
    return msgspec.Raw(text.encode())


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Misfit("text in UTF-8")
    if "\0" in value:
        raise Misfit("text without the character U+0000")
    return value


def _json(value: Any) -> Any:
    if type(value) is not str:
        raise Misfit("JSON text in UTF-8")
    return msgspec.Raw(value.encode()) if _stands_alone(value) else {JSON_ESCAPE: value}


def _stands_alone(text: str) -> bool:
    """Whether a JSON text can be embedded in a line as it is, and be told apart from others."""
    if text == "null" or text != text.strip() or "\n" in text or "\r" in text:
        return False
    if JSON_ESCAPE in text or "u0024" in text:
        return False
    if is_too_deep(text.encode(), inside=_ROW_DEPTH):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return False
    return True


def _written_as(pattern: re.Pattern[str], parse: Callable[[str], object], what: str) -> Encode:
    def encode(value: Any) -> str:
        if type(value) is not str or pattern.fullmatch(value) is None:
            raise Misfit(what)
        try:
            parse(value)
        except ValueError:
            raise Misfit(what) from None
        return value.replace(" ", "T")

    return encode


def _bytes(value: Any) -> str:
    if type(value) is not bytes:
        raise Misfit("bytes")
    return bytes_text(value)


_ENCODERS: dict[Kind, Encode] = {
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMERIC: _number,
    Kind.FLOAT: _float,
    Kind.JSON: _json,
    Kind.TEXT: _text,
    Kind.UUID: _text,
    Kind.OTHER: _text,
    Kind.DATE: _written_as(_DATE, date.fromisoformat, "a date written as YYYY-MM-DD"),
    Kind.TIME: _written_as(_TIME, time.fromisoformat, "a time written as HH:MM:SS[.ffffff]"),
    Kind.TIMESTAMP: _written_as(
        _TIMESTAMP,
        datetime.fromisoformat,
        "a date and time written as YYYY-MM-DD HH:MM:SS[.ffffff]",
    ),
    Kind.BYTES: _bytes,
}
