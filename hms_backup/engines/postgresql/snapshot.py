"""Reading rows out of PostgreSQL as JSON lines that the server builds."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import errors

from ...exceptions import DatabaseError, ValueUnsupported
from ...framing import MAX_DEPTH, is_too_deep
from ...schema import Column, Kind, Table
from ...values import JSON_ESCAPE
from ..base import Snapshot
from .dialect import PostgreSQLDialect
from .errors import translated

_BATCH = 256 * 1024
_SURELY_SHALLOW = 2 * (MAX_DEPTH - 1)
"""Bytes in which a row, one level down in its file, cannot open and close too many more."""
# PostgreSQL, COPY, "Binary Format": an 11-byte signature, flags, and the length of an extension;
# then per row a field count, and per field its length.
_SIGNATURE = b"PGCOPY\n\377\r\n\0"
_HEADER = 19
_FIELD = 6
_TRAILER = b"\xff\xff"
_length = struct.Struct("!i").unpack_from

# A json value that cannot stand as itself on one line, or that is no JSON text by RFC 8259, 8.2,
# since it has half a surrogate pair: see docs/format.md.
_JSON_ODD = rf"E'^null$|^\\s|\\s$|[\\n\\r]|\\{JSON_ESCAPE}|u0024|\\\\u[dD][89a-fA-F]'"


class PostgreSQLSnapshot(Snapshot):
    """A REPEATABLE READ transaction whose snapshot was taken after all tables were locked."""

    def __init__(self, connection: psycopg.Connection[Any], tables: tuple[Table, ...]) -> None:
        self.connection = connection
        self.tables = tables

    def read(self, table: Table) -> Iterator[list[bytes]]:
        may_nest = any(column.kind is Kind.JSON for column in table.columns)
        seen = 0
        for batch in self._rows(table):
            if may_nest and max(map(len, batch)) > _SURELY_SHALLOW:
                _refuse_too_deep(table, batch, seen)
            seen += len(batch)
            yield batch

    def _rows(self, table: Table) -> Iterator[list[bytes]]:
        query = f"COPY ({_select(table)}) TO STDOUT (FORMAT binary)"
        rows = 0
        with (
            translated(),
            _refusing_other_encodings(table, lambda: rows),
            self.connection.cursor() as cursor,
            cursor.copy(query) as copy,
        ):
            batch: list[bytes] = []
            size = 0
            for message in copy:
                row = bytes(message)
                if row.startswith(_SIGNATURE):
                    row = row[_HEADER:]
                if row == _TRAILER or not row:
                    continue
                if _length(row, 2)[0] != len(row) - _FIELD:
                    raise DatabaseError("The server sent a row in pieces.", table=table.name)
                batch.append(row[_FIELD:])
                rows += 1
                size += len(row)
                if size >= _BATCH:
                    yield batch
                    batch, size = [], 0
            if batch:
                yield batch


@contextmanager
def _refusing_other_encodings(table: Table, rows: Callable[[], int]) -> Iterator[None]:
    """Name the row, after so many that arrived, whose text the server cannot send as UTF-8.

    Only databases of the encoding SQL_ASCII hold such text, and few characters of others.
    """
    try:
        yield
    except (errors.CharacterNotInRepertoire, errors.UntranslatableCharacter):
        row = f"#{rows() + 1}"
        raise ValueUnsupported(
            f"In {table.name}, row {row} in primary-key order holds text that is not valid in the "
            "database's encoding or cannot be written as UTF-8.",
            hint="Correct that row's text.",
            table=table.name,
            row=row,
        ) from None


def _refuse_too_deep(table: Table, batch: list[bytes], seen: int) -> None:
    for number, row in enumerate(batch, start=seen + 1):
        if is_too_deep(row, inside=1):
            members = msgspec.json.decode(row, type=dict[str, msgspec.Raw])
            column = next(
                name for name, value in members.items() if is_too_deep(bytes(value), inside=2)
            )
            raise ValueUnsupported(
                f"In {table.name}, column {column} of row #{number} in primary-key order holds "
                f"JSON that is nested more than {MAX_DEPTH} levels deep.",
                hint="No reader of backups could be relied on to read it back. Flatten the value.",
                table=table.name,
                row=f"#{number}",
                column=column,
            )


def _select(table: Table) -> str:
    dialect = PostgreSQLDialect()
    columns = ", ".join(
        f"{_expression(column, dialect)} AS {dialect.quote(column.name)}"
        for column in table.columns
    )
    return (
        # Not row_to_json(r): a column may be called r.
        f"SELECT row_to_json(r.*) FROM (SELECT {columns} FROM {dialect.quote(*table.path)} t "
        f"ORDER BY {dialect.names(table.primary_key, 't')}) r"
    )


def _expression(column: Column, dialect: PostgreSQLDialect) -> str:
    """Return the value in the JSON form of its kind; the server knows the others itself."""
    value = dialect.column(column.name, "t")
    if column.kind is Kind.OTHER:
        return f"{value}::text"
    if column.kind is not Kind.JSON:
        return value
    if column.merges_members:
        odd = f"{value}::jsonb = 'null' OR {value}::jsonb ? '{JSON_ESCAPE}'"
        escaped = f"jsonb_build_object('{JSON_ESCAPE}', {value}::text)"
        return f"CASE WHEN {odd} THEN {escaped} ELSE {value}::jsonb END"
    escaped = f"json_build_object('{JSON_ESCAPE}', {value}::text)"
    return f"CASE WHEN {value}::text ~ {_JSON_ODD} THEN {escaped} ELSE {value}::json END"
