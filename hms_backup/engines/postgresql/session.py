"""A restore's transaction on PostgreSQL: staging through COPY, locks, triggers, sequences."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg
from psycopg import errors

from ...exceptions import Busy, ConnectionLost, PlanError
from ...framing import member_text, same_bytes
from ...rows import RowBatch
from ...schema import ForeignKey, Table, TableDiff
from ..base import Merge, Staged
from ..merging import Sources
from ..session import SqlRestoreSession
from . import catalogue
from .dialect import PostgreSQLDialect
from .errors import translate, translated
from .loading import Loader
from .sequences import advance
from .snapshot import PostgreSQLSnapshot
from .triggers import switch_back, switch_off

_LOCK_SPACE = 0x484D53  # "HMS": keeps these advisory locks apart from other programs'.


class _Different(Exception):
    """The live table is not what the archive holds."""


class PostgreSQLRestoreSession(SqlRestoreSession):
    """See `RestoreSession`. Everything ends with the transaction: temporary tables, settings and
    locks.
    """

    vendor = "postgresql"
    dialect = PostgreSQLDialect()

    def __init__(self, connection: psycopg.Connection[Any], *, dry_run: bool) -> None:
        super().__init__()
        self.connection = connection
        self.dry_run = dry_run
        # A dry run locks nothing: a row lock writes to the row.
        self.row_lock = "" if dry_run else "FOR UPDATE OF r"
        self._staged = 0
        self._names: tuple[str, ...] = ()

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        with translated():
            # Without parameters a % in an identifier stays what it is.
            return self.connection.execute(statement.encode(), parameters or None)

    def claim(self, names: Sequence[str]) -> None:
        for name in sorted(names):
            claimed = self.execute(
                "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", (_LOCK_SPACE, name)
            ).fetchone()
            if claimed != (True,):
                raise Busy(
                    f"Another restore that includes the table {name} is running.",
                    hint="Wait until it is done, then look at the dry run again.",
                    table=name,
                )

    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        self._names = tuple(names)
        with translated():
            return catalogue.inspect(self.connection, names)

    def incoming(self, path: tuple[str, ...]) -> Sequence[ForeignKey]:
        with translated():
            return catalogue.Catalogue(self.connection, self._names).incoming(path)

    def recognise(self, table: Table, diff: TableDiff, blocks: Iterable[bytes]) -> Staged | None:
        rows = 0

        def counted() -> Generator[list[bytes], None, None]:
            nonlocal rows
            for batch in PostgreSQLSnapshot(self.connection, (table,)).read(table):
                rows += len(batch)
                yield batch

        try:
            # Breaking off a COPY cancels it, which a savepoint survives.
            with translated(), self.connection.transaction(), closing(counted()) as batches:
                if not same_bytes(member_text(batches), blocks):
                    raise _Different
        except _Different:
            return None
        return Staged(table=table, diff=diff, rows=rows, suffix=self._suffix(), identical=True)

    def _suffix(self) -> str:
        self._staged += 1
        return str(self._staged)

    def stage(self, table: Table, diff: TableDiff, batches: Iterable[RowBatch]) -> Staged:
        suffix = self._suffix()
        staged = Staged(table=table, diff=diff, rows=0, suffix=suffix)
        source = Sources(self.dialect, staged)
        rows = Loader(self.connection, self.execute, source).load(batches)
        duplicates = self._index(source)
        self.execute(f"ANALYZE {source.stage} ({self.dialect.names(source.key)})")
        return Staged(table=table, diff=diff, rows=rows, suffix=suffix, duplicates=duplicates)

    def _index(self, source: Sources) -> tuple[str, ...]:
        """Index the staged keys. Return those that occur more than once."""
        key = self.dialect.names(source.key)
        try:
            with self.connection.transaction():
                self.connection.execute(f"CREATE UNIQUE INDEX ON {source.stage} ({key})".encode())
        except errors.UniqueViolation:
            self.execute(f"CREATE INDEX ON {source.stage} ({key})")
            found = self.execute(
                f"SELECT min({self.dialect.key_text(source.table, 'x')}) FROM {source.stage} x "
                f"GROUP BY {self.dialect.names(source.key, 'x')} HAVING count(*) > 1 LIMIT 5"
            )
            return tuple(str(text) for (text,) in found)
        except psycopg.Error as error:
            raise translate(error) from None
        return ()

    def classified(self, source: Sources) -> None:
        self.execute(f"ANALYZE {source.delta}")

    def lock(self, tables: Sequence[Table]) -> None:
        if tables:
            names = ", ".join(sorted(self.dialect.quote(*table.path) for table in tables))
            self.execute(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")

    def fingerprints(self, staged: Staged) -> Iterator[bytes]:
        with (
            translated(),
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY ({self.fingerprints_query(staged)}) TO STDOUT".encode()) as copy,
        ):
            yield from map(bytes, copy)

    def address(self, path: tuple[str, ...]) -> tuple[str, ...]:
        del path
        return ("tableoid", "ctid")

    def search_condition(self, text: str) -> str:
        return f"WHERE strpos(lower({text}), lower(%s)) > 0"

    def apply(self, merge: Merge, *, fire_triggers: bool) -> None:
        switched = {
            each.table: switch_off(self.execute, self.dialect, each.table)
            for each in merge.staged
            if self.can_switch_off(each.table) and not fire_triggers
        }
        self.execute("SET CONSTRAINTS ALL DEFERRED")
        super().apply(merge, fire_triggers=fire_triggers)
        # Checked now, to be proved with the rest: ALTER TABLE refuses while any check is pending.
        self.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table, before in switched.items():
            switch_back(self.execute, self.dialect, table, before)

    def advance_sequences(self, tables: Sequence[Table]) -> None:
        for table in tables:
            advance(self.execute, self.dialect, table)

    def commit(self) -> None:
        if self.dry_run:
            raise PlanError("A dry run cannot be committed.")
        try:
            self.execute("COMMIT")
        except ConnectionLost:
            raise ConnectionLost(
                "The connection broke during the commit: the restore was either done completely "
                "or not at all.",
                hint="Look at a dry run of the same file: it shows which.",
            ) from None
