"""Filling a staging table, and reading back whether SQLite keeps what it was given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...rows import RowBatch, Value
from ...schema import Kind
from ..base import Staged
from ..merging import Sources
from .catalogue import rowid_name
from .connection import Connection
from .dialect import SQLiteDialect
from .encoding import NUMERIC_AFFINITIES, key_text
from .storing import Altered, Wrong, as_is, refused, storer


class StagingTable:
    """A temporary table whose columns convert and collate values as the live ones do."""

    def __init__(self, connection: Connection, staged: Staged, collations: dict[str, str]) -> None:
        self._connection = connection
        self._table = staged.table
        self._source = Sources(SQLiteDialect(), staged)
        self._columns = [staged.table.column(name) for name in staged.columns]
        self._collations = collations
        changed = {each.column for each in staged.diff.columns}
        storers = [
            storer(each, faithful=staged.diff.native and each.name not in changed)
            for each in self._columns
        ]
        self._storers = [(place, store) for place, store in enumerate(storers) if store != as_is]
        self._key = [staged.columns.index(name) for name in staged.table.primary_key]
        # Only here may a value compare equal to what was meant and yet be of another class.
        self._converted = [
            place
            for place, each in enumerate(self._columns)
            if each.kind in (Kind.JSON, Kind.OTHER) and each.base_type in NUMERIC_AFFINITIES
        ]
        self._rowid = rowid_name(staged.columns)
        self.rows = 0

    def create(self) -> None:
        """Make the table, empty."""
        quote = self._source.dialect.quote
        definition = ", ".join(
            f"{quote(each.name)} {each.base_type} "
            f"COLLATE {quote(self._collations.get(each.name, 'BINARY'))}"
            for each in self._columns
        )
        self._connection.execute(f"CREATE TEMPORARY TABLE {self._source.stage} ({definition})")

    def fill(self, batches: Iterable[RowBatch]) -> None:
        """Insert all rows. Raises `RowInvalid` or `ValueUnsupported`."""
        places = ", ".join("?" * len(self._columns))
        insert = f"INSERT INTO {self._source.stage} VALUES ({places})"
        for batch in batches:
            rows = [self._bound(row, number) for number, row in enumerate(batch, self.rows + 1)]
            self._connection.executemany(insert, rows)
            self._verify(rows)
            self.rows += len(rows)

    def index(self) -> tuple[str, ...]:
        """Index what the checks look rows up by. Return the keys that occur more than once."""
        source = self._source
        keys = {unique.columns for unique in self._table.unique_keys}
        keys |= {reference.target_columns for reference in self._table.referenced_by}
        keys = {key for key in keys if set(key) <= set(source.staged.columns)}
        names = source.dialect.names
        for number, key in enumerate(sorted({*keys, source.key})):
            index = source.dialect.quote(f"hms_index_{source.staged.suffix}_{number}")
            self._connection.execute(f"CREATE INDEX temp.{index} ON {source.stage} ({names(key)})")
        found = self._connection.query(
            f"SELECT {source.dialect.key_text(self._table, 'x')} FROM {source.stage} x "
            f"GROUP BY {names(source.key, 'x')} HAVING count(*) > 1 LIMIT 5"
        )
        return tuple(str(text) for (text,) in found)

    def _bound(self, row: Sequence[Value], number: int) -> tuple[Any, ...]:
        values: list[Any] = list(row)
        for place, store in self._storers:
            if row[place] is None:
                continue
            try:
                values[place] = store(row[place])
            except (Wrong, Altered) as error:
                key = key_text([row[index] for index in self._key])
                column = self._columns[place].name
                raise refused(self._table, column, key, f"#{number}", error) from None
        return tuple(values)

    def _verify(self, rows: Sequence[tuple[Any, ...]]) -> None:
        stored = self._connection.query(
            f"SELECT {self._source.dialect.names(self._source.staged.columns)} "
            f"FROM {self._source.stage} WHERE {self._rowid} > ? ORDER BY {self._rowid}",
            (self.rows,),
        )
        if stored == rows and not self._converted:
            return
        for number, (kept, meant) in enumerate(zip(stored, rows, strict=True), self.rows + 1):
            for place, column in enumerate(self._columns):
                if kept[place] == meant[place] and type(kept[place]) is type(meant[place]):
                    continue
                key = key_text([meant[index] for index in self._key])
                error = Altered(f"a column of type {column.type} turns it into another value")
                raise refused(self._table, column.name, key, f"#{number}", error)
