"""Loading archived rows into a staging table, and refusing every value that it would alter.

PostgreSQL alters some values without a word: a numeric is rounded to its column's scale, a
``"char"`` keeps one byte, ``today`` becomes a date, a time of day is cut off a date. So types that
only limit are staged without their limit and then seen to fit; types that alter in ways of their
own are staged beside the text they were given; and dates and times are checked to be spelt in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import psycopg

from ...exceptions import HmsBackupError, RowInvalid, ValueUnsupported
from ...rows import RowBatch, Value
from ...schema import Column, Kind
from ..merging import Execute, Sources
from .dialect import PostgreSQLDialect
from .errors import copy_position, translate

_NUMERIC_TYPE = re.compile(r"numeric\((\d+),(-?\d+)\)")
_TEMPORAL_TYPES = {
    Kind.DATE: "date",
    Kind.TIME: "time",
    Kind.TIMESTAMP: "timestamp",
    Kind.TIMESTAMPTZ: "timestamptz",
    Kind.UUID: "uuid",
    Kind.BYTES: "bytea",
}

# Every digit is written 0 here, so that a column has only few shapes.
_DATE = r"0{4,7}-00-00"
_TIME = r"00:00(?::00(?:\.0{1,6})?)?"
_ZONE = r"(?:Z|[+-]00(?::?00){0,2})?"
_SHAPES = {
    Kind.DATE: re.compile(rf"{_DATE}(?: BC)?|-?infinity".encode()),
    Kind.TIME: re.compile(_TIME.encode()),
    Kind.TIMESTAMP: re.compile(rf"{_DATE}[T ]{_TIME}(?: BC)?|-?infinity".encode()),
    Kind.TIMESTAMPTZ: re.compile(rf"{_DATE}[T ]{_TIME}{_ZONE}(?: BC)?|-?infinity".encode()),
    Kind.BYTES: re.compile(rb"\\x[0a-fA-F]*"),
}
# A second 60 and, behind a date, an hour 24 are carried into the next minute and day.
_CARRIED_OVER = re.compile(rb":60(?!\d)|[T ]24:")
_CARRYING = (Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= code <= 0x39 else code for code in range(256))


class Loader:
    """Fills one staging table. Raises `RowInvalid` or `ValueUnsupported` naming row and column."""

    def __init__(
        self, connection: psycopg.Connection[Any], execute: Execute, source: Sources
    ) -> None:
        self._connection = connection
        self._execute = execute
        self._source = source
        self._dialect = PostgreSQLDialect()
        self._columns = [source.table.column(name) for name in source.staged.columns]
        self._twins = {
            index: f"hms_given_{index}"
            for index, column in enumerate(self._columns)
            if column.alters_input
        }
        """Position of a column → the column beside it that keeps the text it was given."""

    def load(self, batches: Iterable[RowBatch]) -> int:
        """Create the table, fill it, and see that it holds what it was given. Return the rows."""
        self._create()
        rows = self._copy(batches)
        self._refuse_altered()
        return rows

    def _create(self) -> None:
        definitions = [
            f"{self._dialect.quote(each.name)} {each.base_type}"
            + (f" COLLATE {each.collation}" if each.collation else "")
            for each in self._columns
        ]
        definitions += [f"{name} text" for name in self._twins.values()]
        self._execute(
            f"CREATE TEMPORARY TABLE {self._source.stage} ({', '.join(definitions)}) ON COMMIT DROP"
        )

    def _copy(self, batches: Iterable[RowBatch]) -> int:
        rows = 0
        names = [self._dialect.quote(each.name) for each in self._columns]
        target = f"{self._source.stage} ({', '.join([*names, *self._twins.values()])})"
        twins = tuple(self._twins)
        try:
            with (
                self._connection.cursor() as cursor,
                cursor.copy(f"COPY {target} FROM STDIN".encode()) as copy,
            ):
                write_row = copy.write_row
                for batch in batches:
                    self._refuse_misspelt(batch, rows)
                    for row in _doubled(batch, twins) if twins else batch:
                        write_row(row)
                    rows += len(batch)
        except psycopg.Error as error:
            raise self._refused(error) from None
        return rows

    def _refuse_misspelt(self, batch: RowBatch, seen: int) -> None:
        for index, column in enumerate(self._columns):
            shape = _SHAPES.get(column.kind)
            if shape is None:
                continue
            values = map(itemgetter(index), batch)
            text = "\n".join(filter(None, values)).encode()
            shapes = set(text.translate(_DIGITS_TO_ZERO).split(b"\n"))
            carries = column.kind in _CARRYING and _carries_over(text)
            if not carries and all(map(shape.fullmatch, shapes - {b""})):
                continue
            for number, row in enumerate(batch, start=seen + 1):
                if not _is_spelt_in_full(row[index], column.kind, shape):
                    raise self._invalid(number, column.name, "is not spelt as it must be")

    def _refused(self, error: psycopg.Error) -> HmsBackupError:
        place = copy_position(error, [each.name for each in self._columns])
        if place is None:
            return translate(error)
        return self._invalid(*place, "holds a value that the database does not accept there")

    def _invalid(self, row: int, column: str, problem: str) -> RowInvalid:
        table = self._source.table.name
        where = f"column {column} of row #{row}" if column else f"row #{row}"
        return RowInvalid(
            f"In {table}.json, {where} {problem}.",
            hint="The file was altered, or the column's type has changed since the backup.",
            table=table,
            row=f"#{row}",
            column=column,
        )

    def _refuse_altered(self) -> None:
        tests = [
            (column, test)
            for index, column in enumerate(self._columns)
            if (test := _altered(self._dialect, column, self._twins.get(index)))
        ]
        if not tests:
            return
        sums = ", ".join(f"count(*) FILTER (WHERE {test})" for _, test in tests)
        counts = self._execute(f"SELECT {sums} FROM {self._source.stage} x").fetchone()
        for (column, test), count in zip(tests, counts, strict=True):
            if count:
                raise self._altered(column, test, count)

    def _altered(self, column: Column, test: str, count: int) -> ValueUnsupported:
        table = self._source.table
        (key,) = self._execute(
            f"SELECT {self._dialect.key_text(table, 'x')} FROM {self._source.stage} x "
            f"WHERE {test} ORDER BY {self._dialect.names(self._source.key, 'x')} LIMIT 1"
        ).fetchone()
        return ValueUnsupported(
            f"{count:,} archived {'value' if count == 1 else 'values'} of "
            f"{table.name}.{column.name} cannot be held by "
            f"{column.type} without being cut, rounded or altered; the first is in row {key}.",
            hint="Widen the column, or restore with --table without this table.",
            table=table.name,
            row=str(key),
            column=column.name,
        )


def _doubled(batch: RowBatch, twins: Sequence[int]) -> Iterator[tuple[Value, ...]]:
    return ((*row, *(row[index] for index in twins)) for row in batch)


def _carries_over(text: bytes) -> bool:
    # Looking for these alone first is ten times as fast as the expression.
    suspicious = b":60" in text or b" 24:" in text or b"T24:" in text
    return suspicious and _CARRIED_OVER.search(text) is not None


def _is_spelt_in_full(value: Value, kind: Kind, shape: re.Pattern[bytes]) -> bool:
    if not isinstance(value, str):
        return True
    text = value.encode()
    if kind in _CARRYING and _carries_over(text):
        return False
    return shape.fullmatch(text.translate(_DIGITS_TO_ZERO)) is not None


def _altered(dialect: PostgreSQLDialect, column: Column, twin: str | None) -> str:
    """Return a condition: the staged value is not, or would not be, what was given; or nothing."""
    value = dialect.column(column.name, "x")
    if twin is not None:
        return f"x.{twin} IS NOT NULL AND {_differs_from_text(column, value, f'x.{twin}')}"
    if column.base_type == column.type:
        return ""
    numeric = _NUMERIC_TYPE.fullmatch(column.type)
    if numeric is None:
        return f"{value}::{column.type}::text IS DISTINCT FROM {value}::text"
    precision, scale = map(int, numeric.groups())
    return (
        f"{value}::text IN ('Infinity', '-Infinity') OR {value} <> 'NaN' AND "
        f"({value} <> round({value}, {scale}) OR abs({value}) >= 1e{precision - scale}::numeric)"
    )


def _differs_from_text(column: Column, value: str, given: str) -> str:
    if column.kind.is_number:
        # 1.5 given to numeric(5,2) is 1.50. Infinity is no numeric before PostgreSQL 14.
        numbers = f"{given} ~ '^-?[0-9]' AND {value}::text ~ '^-?[0-9]'"
        return (
            f"{value}::text <> {given} AND CASE WHEN {numbers} "
            f"THEN {value}::text::numeric <> {given}::numeric ELSE true END"
        )
    if column.kind in _TEMPORAL_TYPES:
        unlimited = _TEMPORAL_TYPES[column.kind]
        return f"{value}::{unlimited}::text IS DISTINCT FROM {given}::{unlimited}::text"
    # A cast to text and the type's own text differ for character and inet; either is the value's.
    return f"({given} = {value}::text OR {given} = format('%s', {value})) IS NOT TRUE"
