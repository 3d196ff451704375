"""Reading rows out of SQLite as JSON lines."""

from __future__ import annotations

from collections.abc import Iterator

from ...schema import Table
from ..base import Snapshot
from .connection import Connection
from .dialect import SQLiteDialect
from .encoding import RowEncoder

_BATCH = 256 * 1024


class SQLiteSnapshot(Snapshot):
    """A read transaction: it sees the database as it was when the transaction first read."""

    def __init__(self, connection: Connection, tables: tuple[Table, ...]) -> None:
        self.connection = connection
        self.tables = tables

    def read(self, table: Table) -> Iterator[list[bytes]]:
        dialect = SQLiteDialect()
        encode = RowEncoder(table).encode
        names = dialect.names([column.name for column in table.columns])
        batch: list[bytes] = []
        size = 0
        for row in self.connection.execute(
            f"SELECT {names} FROM {dialect.quote(*table.path)} "
            f"ORDER BY {dialect.names(table.primary_key)}"
        ):
            line = encode(row)
            batch.append(line)
            size += len(line)
            if size >= _BATCH:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch
