"""One table's rows: from the bytes of a ``<table>.json`` to tuples, strictly.

The decoder is the validation: a row has exactly the archive's columns, each of its kind, and
anything else is refused with the row and column named. Numbers and JSON stay text, so no digit
is ever touched. Blocks of rows are decoded at once; row by row happens only to name a culprit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec

from .exceptions import RowInvalid, SchemaUnsupported
from .framing import frame_array, frame_lines, split_rows
from .schema import Kind
from .values import (
    CONVERTERS,
    MALFORMED,
    TOO_DEEP,
    BadValue,
    members_survive,
    refuse_ambiguous,
    refuse_duplicate_members,
)

Value: TypeAlias = str | int | bool | None
"""A decoded value: numbers other than integers, JSON and all other types are text."""

RowBatch: TypeAlias = list[tuple[Value, ...]]
"""Some consecutive rows, each with one value per carried column."""

_PATH = re.compile(r" - at `\$(?:\[\d+\])?\.(?P<column>.*)`$", re.DOTALL)
_ZERO = re.compile(rb"\\u0000")
_MISSING = re.compile(r"missing required field `(?P<column>.*?)`(?: - at `\$[^`]*`)?$", re.DOTALL)
_UNNAMEABLE = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True, slots=True, kw_only=True)
class RowColumn:
    """One key that every row of a member must have."""

    name: str
    kind: Kind
    carried: bool = True
    """Whether its values are wanted; the others are checked to be there and passed over."""
    unique_members: bool = False
    """For JSON: refuse duplicate member names, which the database would silently drop."""


_encode = msgspec.json.Encoder().encode
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _text(value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise BadValue("text without the character U+0000")
    return value


_TYPES: dict[Kind, Any] = {Kind.BOOLEAN: bool | None, Kind.INTEGER: int | None}
_EXPECTED = {
    Kind.BOOLEAN: "true, false or null",
    Kind.INTEGER: "a whole number or null",
    Kind.JSON: "a JSON value",
}


def _type_of(kind: Kind) -> Any:
    if kind.is_number or kind is Kind.JSON:
        return msgspec.Raw
    return _TYPES.get(kind, str | None)


def refuse_unnameable(table: str, columns: Iterable[str]) -> None:
    """Raise `SchemaUnsupported` for a column name that JSON cannot carry unescaped."""
    for name in columns:
        if _UNNAMEABLE.search(name) or not name.isprintable():
            raise SchemaUnsupported(
                f"Table {table} has a column whose name holds a quote, a backslash or a character "
                "that cannot be seen.",
                hint="Rename the column.",
                table=table,
            )


class RowDecoder:
    """Decodes the rows of one table.

    Raises `SchemaUnsupported` for a column name that JSON cannot carry unescaped.
    """

    def __init__(self, table: str, columns: Sequence[RowColumn]) -> None:
        self.table = table
        self.columns = tuple(columns)
        refuse_unnameable(table, [column.name for column in columns])
        fields = [
            (f"c{index}", _type_of(column.kind), msgspec.field(name=column.name))
            for index, column in enumerate(self.columns)
        ]
        row = msgspec.defstruct("Row", fields, forbid_unknown_fields=True, gc=False)
        self._decode_row = msgspec.json.Decoder(row).decode
        self._decode_rows = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]  # built at run time
        self._convert = self._converter()
        self._strict_json = [i for i, c in enumerate(self.columns) if c.unique_members]

    def decode(self, blocks: Iterable[bytes], *, one_row_per_line: bool) -> Iterator[RowBatch]:
        """Yield the rows of a member given its bytes, in batches.

        ``one_row_per_line`` is the framing of archives this package wrote; others are scanned for
        the ends of rows. Raises `RowInvalid` naming the row by its position in the member.
        """
        frame = frame_lines if one_row_per_line else frame_array
        seen = 0
        for array in frame(self.table, blocks):
            batch = self._decode_array(array, seen, one_row_per_line)
            seen += len(batch)
            yield batch

    def _decode_array(self, array: bytes, seen: int, one_row_per_line: bool) -> RowBatch:
        try:
            rows = self._decode_rows(array)
            if one_row_per_line and array.count(b"\n") != len(rows) - 1:
                raise BadValue("one row per line")
            self._refuse_duplicates(array, rows)
            if _ZERO.search(array):
                self._refuse_zero(rows)
            return self._convert(rows)
        except (*MALFORMED, BadValue) as error:
            raise self._explain(array, seen, one_row_per_line) from error

    def _converter(self) -> Callable[[list[Any]], RowBatch]:
        """Build the function from decoded structs to tuples of the carried columns.

        Columns that need no conversion are picked in C; the others are replaced in place first.
        """
        replaced: list[tuple[str, Callable[[list[Any]], list[str | None]]]] = []
        for index, column in enumerate(self.columns):
            if column.carried and column.kind in CONVERTERS:
                replaced.append((f"c{index}", CONVERTERS[column.kind]))
        wanted = [index for index, column in enumerate(self.columns) if column.carried]
        everything = len(wanted) == len(self.columns)
        astuple = msgspec.structs.astuple

        def convert(rows: list[Any]) -> RowBatch:
            for name, function in replaced:
                converted = function(list(map(attrgetter(name), rows)))
                for row, value in zip(rows, converted, strict=True):
                    setattr(row, name, value)
            values = map(astuple, rows)
            if everything:
                return list(values)
            return [tuple([each[index] for index in wanted]) for each in values]

        return convert

    def _refuse_zero(self, rows: list[Any]) -> None:
        for index, column in enumerate(self.columns):
            if column.kind.is_string:
                for row in rows:
                    _text(getattr(row, f"c{index}"))

    def _refuse_duplicates(self, array: bytes, rows: list[Any]) -> None:
        """Raise `BadValue` if a row, or a value that must not, names a member twice.

        Rows that are encoded again to the very same bytes have no member that decoding dropped.
        Others, of archives that other programs wrote, are looked at one by one.
        """
        if _encode(rows) != array.replace(b"\n", b""):
            for raw in _decode_raws(array):
                refuse_duplicate_members(raw, nested=False)
        for index in self._strict_json:
            values = list(map(attrgetter(f"c{index}"), rows))
            if not members_survive(values):
                for value in values:
                    refuse_ambiguous(value)

    def _explain(self, array: bytes, seen: int, one_row_per_line: bool) -> RowInvalid:
        """Find the first row of ``array`` that does not decode, and say what is wrong with it."""
        raws = array[1:-1].split(b",\n") if one_row_per_line else split_rows(array)
        for position, raw in enumerate(raws, start=seen + 1):
            problem = self._problem_of(raw)
            if problem is None and one_row_per_line and b"\n" in raw:
                problem = "", "one row on one line"
            if problem is not None:
                column, expected = problem
                return self._invalid(f"#{position}", column, expected)
        return self._invalid(f"#{seen + 1}", "", "a JSON array of row objects")

    def _problem_of(self, raw: bytes) -> tuple[str, str] | None:
        try:
            row = self._decode_row(raw)
            refuse_duplicate_members(raw, nested=False)
        except msgspec.ValidationError as error:
            return self._validation_problem(str(error))
        except RecursionError:
            return "", TOO_DEEP
        except MALFORMED:
            return "", "well-formed JSON in UTF-8"
        except BadValue as error:
            return "", str(error)
        return self._value_problem(row)

    def _validation_problem(self, message: str) -> tuple[str, str]:
        found = _PATH.search(message)
        if found:
            column = found["column"]
            kinds = {each.name: each.kind for each in self.columns}
            kind = kinds.get(column)
            return column, _EXPECTED.get(kind, "text or null") if kind else "another value"
        if "unknown field" in message:
            return "", "only the columns that the table has"
        missing = _MISSING.search(message)
        if missing:
            return missing["column"], "it must be there"
        return "", "an object with one member per column"

    def _value_problem(self, row: Any) -> tuple[str, str] | None:
        for index, column in enumerate(self.columns):
            value = getattr(row, f"c{index}")
            try:
                if column.kind in CONVERTERS and column.carried:
                    CONVERTERS[column.kind]([value])
                    if column.unique_members:
                        refuse_ambiguous(value)
                elif column.kind.is_string:
                    _text(value)
            except BadValue as error:
                return column.name, str(error)
            except MALFORMED:
                return column.name, _EXPECTED.get(column.kind, "another value")
        return None

    def _invalid(self, row: str, column: str, expected: str) -> RowInvalid:
        where = f"column {column} of row {row}" if column else f"row {row}"
        return RowInvalid(
            f"In {self.table}.json, {where} is not what it must be: {expected}.",
            hint="The file was altered or was not written for this table. Use an unaltered backup.",
            table=self.table,
            row=row,
            column=column,
        )


def first_keys(table: str, blocks: Iterable[bytes]) -> tuple[str, ...] | None:
    """Return the first row's member names, in order; None when there is no row.

    For archives that do not describe their columns. Raises `RowInvalid`.
    """
    for array in frame_array(table, blocks):
        try:
            first = split_rows(array)[0]
            return tuple(msgspec.json.decode(first, type=dict[str, msgspec.Raw]))
        except MALFORMED as error:
            raise RowInvalid(
                f"In {table}.json, the first row is not a JSON object.",
                hint="The file was altered or damaged. Use an unaltered backup.",
                table=table,
                row="#1",
            ) from error
    return None
