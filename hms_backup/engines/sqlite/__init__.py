"""SQLite: fully supported for development and small sites."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from ...schema import Table
from ..base import Engine, RestoreSession, Snapshot
from . import catalogue
from .connection import own_connection
from .dialect import SQLiteDialect
from .session import SQLiteRestoreSession, begin_reading
from .snapshot import SQLiteSnapshot


class SQLiteEngine(Engine):
    """Checks each value's storage class, since a column's type does not bind SQLite."""

    vendor = "sqlite"

    def version(self) -> str:
        return sqlite3.sqlite_version

    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        with own_connection(self.alias) as connection:
            begin_reading(connection)
            return catalogue.inspect(connection, names)

    def row_counts(self, names: Sequence[str]) -> dict[str, int | None]:
        counts: dict[str, int | None] = dict.fromkeys(names)
        with own_connection(self.alias) as connection:
            begin_reading(connection)
            live = catalogue.Catalogue(connection, names)
            for name in filter(live.exists, names):
                table = SQLiteDialect.quote(catalogue.SCHEMA, catalogue.bare(name))
                ((counts[name],),) = connection.query(f"SELECT count(*) FROM {table}")
        return counts

    @contextmanager
    def snapshot(self, names: Sequence[str]) -> Iterator[Snapshot]:
        with own_connection(self.alias) as connection:
            connection.execute("PRAGMA query_only = ON")
            begin_reading(connection)
            yield SQLiteSnapshot(connection, catalogue.inspect(connection, names))

    @contextmanager
    def restore_session(self, *, dry_run: bool) -> Iterator[RestoreSession]:
        with (
            own_connection(self.alias) as connection,
            closing(SQLiteRestoreSession(connection, dry_run=dry_run)) as session,
        ):
            yield session
