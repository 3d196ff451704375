"""From an archive to what SQLite stores: the very same value, or refused.

An archive of the same kind of database brings values back as they were in columns of an unchanged
type. All others are held to what the declared type says, though SQLite would not, and are written
as Django writes them.
"""

from __future__ import annotations

import json
import math
import re
from binascii import unhexlify
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from ...exceptions import RowInvalid, ValueUnsupported
from ...schema import Column, Kind, Table
from .encoding import CLOCK, DATE, INFINITE, NUMERIC_AFFINITIES

Store = Callable[[Any], Any]
"""Turns one archived value, not null, into the value to bind. Raises `Wrong` or `Altered`."""

_PRECISE = 15
"""Significant digits that SQLite and Django keep of a fraction (Floating Point Numbers, 1.1)."""
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_INTEGER_DIGITS = 19

_NUMERIC = re.compile(r"(?:decimal|numeric) ?\( ?(\d+) ?(?:, ?(\d+) ?)?\)")
_LENGTH = re.compile(r"[a-z ]*char[a-z ]*\( ?(\d+) ?\)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DJANGO_UUID = "char(32)"
_BYTES = re.compile(r"\\x((?:[0-9a-fA-F]{2})*)")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_DATE = re.compile(DATE, re.ASCII)
_TIME = re.compile(CLOCK, re.ASCII)
_TIMESTAMP = re.compile(rf"{DATE}(?:T{CLOCK})?", re.ASCII)
_UTC_TIMESTAMP = re.compile(rf"{DATE}(?:[T ]{CLOCK}(?:\+00(?::?00)?|Z)?)?", re.ASCII)
_TIMESTAMP_FORM = "a date and time written as YYYY-MM-DDTHH:MM:SS[.ffffff]"
# What PostgreSQL writes for dates and times that SQLite's and Django's calendar lacks.
_BEYOND = re.compile(r"-?infinity|.* BC|\d{5,}-.*|(?:.*T)?24:00:00(?:[+-].*)?", re.ASCII)


class Wrong(Exception):
    """The value is not one of the column's type; the text says what that would be."""


class Altered(Exception):
    """SQLite, or the column's declared type, cannot hold the value as it is; the text says why."""


def storer(column: Column, *, faithful: bool) -> Store:
    """Return the function that turns a column's archived values into what is bound.

    ``faithful`` values come from a column of the same declared type of another SQLite table.
    """
    if column.kind is Kind.NUMERIC:
        return _numeric if faithful else _limited_numeric(column)
    if column.kind is Kind.TEXT:
        return as_is if faithful else _limited_text(column)
    if column.kind in (Kind.JSON, Kind.OTHER) and column.base_type in NUMERIC_AFFINITIES:
        checked = _json if column.kind is Kind.JSON and not faithful else as_is
        return lambda text: _converted(checked(text))
    if not faithful and column.kind is Kind.JSON:
        return _json
    if not faithful and column.kind in (Kind.TIME, Kind.TIMESTAMP):
        return _django_time if column.kind is Kind.TIME else _django_timestamp
    return _STORERS[column.kind]


def refused(table: Table, column: str, key: str, place: str, error: Exception) -> Exception:
    """Return the error to raise for a `Wrong` or `Altered` value."""
    if isinstance(error, Wrong):
        return RowInvalid(
            f"In {table.name}.json, column {column} of row {place} is not what it must be: "
            f"{error}.",
            hint="The file was altered, or the column's type has changed since the backup.",
            table=table.name,
            row=place,
            column=column,
        )
    return ValueUnsupported(
        f"The archived value of {table.name}.{column} in row {key} cannot be stored exactly: "
        f"{error}.",
        hint="Change the column's type, or restore with --table without this table.",
        table=table.name,
        row=key,
        column=column,
    )


def as_is(value: Any) -> Any:
    """Return a value that is bound as it was archived."""
    return value


def _integer(value: int) -> int:
    if not _SMALLEST <= value <= _LARGEST:
        raise Altered("SQLite's whole numbers have 64 bits")
    return value


def _numeric(text: str) -> int | float:
    """Return the number that SQLite holds for exactly these digits."""
    if text == "NaN":
        raise Altered("SQLite turns NaN into NULL")
    if text in ("Infinity", "-Infinity"):
        return float(text)
    exact = Decimal(text)
    if exact.adjusted() < _INTEGER_DIGITS and exact == exact.to_integral_value():
        whole = int(exact)
        if _SMALLEST <= whole <= _LARGEST:
            return whole
    approximate = float(text)
    if math.isinf(approximate) or Decimal(repr(approximate)) != exact:
        raise Altered("SQLite would round its digits")
    return approximate


def _limited_numeric(column: Column) -> Store:
    declared = _NUMERIC.fullmatch(" ".join(column.type.split()))

    def store(text: str) -> int | float:
        value = _numeric(text)
        if isinstance(value, float) and math.isfinite(value) and _digits(text) > _PRECISE:
            raise Altered(f"it has more than the {_PRECISE} digits that SQLite warrants")
        if declared and not _fits(text, int(declared[1]), int(declared[2] or 0)):
            raise Altered(f"it does not fit into {column.type}")
        return value

    return store


def _digits(text: str) -> int:
    digits = "".join(map(str, Decimal(text).as_tuple().digits))
    return len(digits.strip("0"))


def _fits(text: str, precision: int, scale: int) -> bool:
    if text in ("Infinity", "-Infinity"):
        return False
    value = Decimal(text)
    if value == 0:
        return True
    digits, exponent = value.as_tuple().digits, int(value.as_tuple().exponent)
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return exponent + trailing >= -scale and value.adjusted() < precision - scale


def _float(text: str) -> float:
    if text == "NaN":
        raise Altered("SQLite turns NaN into NULL")
    value = float(text)
    if text in ("Infinity", "-Infinity"):
        return value
    if math.isinf(value) or (value == 0 and re.match(r"-?[0.]*[1-9]", text)):
        raise Wrong("a number that 64 bits can hold")
    if value == 0 and text.startswith("-"):
        raise Altered("SQLite turns minus zero into zero")
    return value


def _limited_text(column: Column) -> Store:
    declared = _LENGTH.fullmatch(column.type)
    if declared is None:
        return as_is
    limit = int(declared[1])

    def store(text: str) -> str:
        if len(text) <= limit:
            return text
        if column.type == _DJANGO_UUID and _UUID.fullmatch(text):
            return text.replace("-", "")
        raise Altered(f"it does not fit into {column.type} without being cut")

    return store


def _json(text: str) -> str:
    """Refuse what is no JSON: an escaped text may be any, and not every column has a CHECK."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Wrong("a JSON value") from None
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _converted(text: str) -> str | int | float:
    """Return the number that the column's affinity makes of this text, exactly, or the text."""
    if _WHOLE.fullmatch(text) and len(text) <= _INTEGER_DIGITS:
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    return number if repr(number).replace("inf", INFINITE) == text else text


def _date(text: str) -> str:
    return _checked(text, _DATE, date.fromisoformat, "a date written as YYYY-MM-DD")


def _time(text: str) -> str:
    return _checked(text, _TIME, time.fromisoformat, "a time written as HH:MM:SS[.ffffff]")


def _timestamp(text: str) -> str:
    return _checked(text, _TIMESTAMP, datetime.fromisoformat, _TIMESTAMP_FORM).replace("T", " ")


def _django_time(text: str) -> str:
    return time.fromisoformat(_time(text)).isoformat()


def _django_timestamp(text: str) -> str:
    """Return the text as Django writes it: a space, six digits of a second or none, no zone."""
    _checked(text, _UTC_TIMESTAMP, datetime.fromisoformat, _TIMESTAMP_FORM)
    return datetime.fromisoformat(text).replace(tzinfo=None).isoformat(" ")


def _checked(
    text: str, pattern: re.Pattern[str], parse: Callable[[str], object], expected: str
) -> str:
    if _BEYOND.fullmatch(text):
        raise Altered("neither SQLite nor Django has this date or time")
    if pattern.fullmatch(text) is None:
        raise Wrong(expected)
    try:
        parse(text)
    except ValueError:
        raise Wrong(expected) from None
    return text


def _bytes(text: str) -> bytes:
    found = _BYTES.fullmatch(text)
    if found is None:
        raise Wrong("bytes written as \\x and pairs of hexadecimal digits")
    return unhexlify(found[1])


_STORERS: dict[Kind, Store] = {
    Kind.BOOLEAN: int,
    Kind.INTEGER: _integer,
    Kind.FLOAT: _float,
    Kind.JSON: as_is,
    Kind.UUID: as_is,
    Kind.OTHER: as_is,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp,
    Kind.BYTES: _bytes,
}
