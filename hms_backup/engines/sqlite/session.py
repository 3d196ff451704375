"""A restore's transaction on SQLite: staging, the write lock, triggers, references, sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ...exceptions import ConstraintViolated, HmsBackupError, PlanError
from ...plan import Counts
from ...rows import RowBatch
from ...schema import ForeignKey, Table, TableDiff
from ..base import Merge, Staged
from ..merging import Sources
from ..session import SqlRestoreSession
from . import catalogue
from .claim import Claim
from .connection import Connection
from .ddl import fold
from .dialect import SQLiteDialect
from .staging import StagingTable

Violations = Counter[tuple[str, str, int]]
"""How many rows break a reference: of a table, to a table, by the reference's number."""


class SQLiteRestoreSession(SqlRestoreSession):
    """See `RestoreSession`.

    A dry run is one read transaction from its beginning. A restore takes the write lock only
    after its rows were staged: till then, others may write. Temporary tables end with the
    connection.
    """

    vendor = "sqlite"
    dialect = SQLiteDialect()

    def __init__(self, connection: Connection, *, dry_run: bool) -> None:
        super().__init__()
        self.connection = connection
        self.dry_run = dry_run
        self._staged = 0
        self._names: Sequence[str] = ()
        self._held = ExitStack()
        if dry_run:
            begin_reading(connection)

    def close(self) -> None:
        """Roll back what was not committed, then let other restores in."""
        with suppress(HmsBackupError):
            if self.connection.in_transaction:
                self.execute("ROLLBACK")
        self._held.close()

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        return self.connection.execute(statement, parameters)

    def claim(self, names: Sequence[str]) -> None:
        """Exclude every other restore of this database, whatever its tables.

        SQLite could not write for both, and two plans made side by side would outdate each other.
        """
        del names
        ((file,),) = self.connection.query(
            "SELECT file FROM pragma_database_list WHERE name = 'main'"
        )
        self._held.callback(Claim(Path(file)).release)

    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        self._names = names
        return catalogue.inspect(self.connection, names)

    def incoming(self, path: tuple[str, ...]) -> Sequence[ForeignKey]:
        return catalogue.Catalogue(self.connection, self._names).incoming(path[-1])

    def stage(self, table: Table, diff: TableDiff, batches: Iterable[RowBatch]) -> Staged:
        suffix = str(self._staged)
        self._staged += 1
        staged = Staged(table=table, diff=diff, rows=0, suffix=suffix)
        collations = catalogue.collations(self.connection, table)
        staging = StagingTable(self.connection, staged, collations)
        with self._temporary_work():
            staging.create()
            staging.fill(batches)
            duplicates = staging.index()
        return Staged(
            table=table, diff=diff, rows=staging.rows, suffix=suffix, duplicates=duplicates
        )

    @contextmanager
    def _temporary_work(self) -> Iterator[None]:
        """One transaction for many rows. It writes to temporary tables only and locks nothing."""
        if self.connection.in_transaction:
            yield
            return
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def lock(self, tables: Sequence[Table]) -> None:
        """Take the write lock, which in SQLite is the whole database's."""
        del tables
        if not self.connection.in_transaction:
            self.execute("BEGIN IMMEDIATE")
            # Until the end of this transaction references are checked when it commits, so that
            # tables may refer to each other in a circle.
            self.execute("PRAGMA defer_foreign_keys = ON")

    def classify(self, merge: Merge) -> dict[str, Counts]:
        self.lock([staged.table for staged in merge.staged])
        return super().classify(merge)

    def classified(self, source: Sources) -> None:
        index = self.dialect.quote(f"hms_delta_index_{source.staged.suffix}")
        self.execute(
            f"CREATE INDEX temp.{index} ON {source.delta} ({self.dialect.names(source.key)})"
        )

    def address(self, path: tuple[str, ...]) -> tuple[str, ...]:
        return catalogue.Catalogue(self.connection, self._names).address(path[-1])

    def search_condition(self, text: str) -> str:
        return f"WHERE hms_contains(CAST({text} AS BLOB), ?)"

    def apply(self, merge: Merge, *, fire_triggers: bool) -> None:
        written = [each.table for each in merge.staged if self._counts[each.table.name].changes]
        before = self._violations(written)
        dropped = [] if fire_triggers else self._drop_triggers(written)
        super().apply(merge, fire_triggers=fire_triggers)
        for create_trigger in dropped:
            self.execute(create_trigger)
        self._refuse_violations(self._violations(written) - before)

    def _drop_triggers(self, tables: Sequence[Table]) -> list[str]:
        """Drop the tables' triggers, which SQLite cannot switch off. Return how to make them."""
        found = [each for table in tables for each in catalogue.triggers(self.connection, table)]
        for name, _ in found:
            self.execute(f"DROP TRIGGER {self.dialect.quote(catalogue.SCHEMA, name)}")
        return [create for _, create in found]

    def _violations(self, tables: Sequence[Table]) -> Violations:
        """Count the rows in and around ``tables`` whose references lead nowhere."""
        around = {key.table_path for table in tables for key in table.referenced_by}
        found: Violations = Counter()
        for _, name in sorted({table.path for table in tables} | around):
            check = f"PRAGMA main.foreign_key_check({self.dialect.quote(name)})"
            for table, _, target, number in self.connection.execute(check):
                found[table, target, number] += 1
        return found

    def _refuse_violations(self, violations: Violations) -> None:
        for (table, target, _), count in violations.items():
            raise ConstraintViolated(
                f"The merge would leave {count:,} row(s) of {table} that refer to missing rows of "
                f"{target}.",
                hint=f"Restore or add the missing rows of {target} first.",
                table=table,
            )

    def advance_sequences(self, tables: Sequence[Table]) -> None:
        """AUTOINCREMENT follows inserted keys by itself; only a counter that lags is moved."""
        if not catalogue.Catalogue(self.connection, ()).exists("sqlite_sequence"):
            return
        counted = self.connection.query("SELECT name FROM main.sqlite_sequence")
        for table in tables:
            for (name,) in counted:
                if fold(name) == fold(table.path[-1]):
                    self._advance(table, name)

    def _advance(self, table: Table, name: str) -> None:
        number = self.dialect.quote(table.primary_key[0])
        largest = f"SELECT max({number}) FROM {self.dialect.quote(*table.path)}"
        self.execute(
            f"UPDATE main.sqlite_sequence SET seq = max(seq, coalesce(({largest}), 0)) "
            "WHERE name = ?",
            (name,),
        )

    def commit(self) -> None:
        if self.dry_run:
            raise PlanError("A dry run cannot be committed.")
        if self.connection.in_transaction:
            self.execute("COMMIT")


def begin_reading(connection: Connection) -> None:
    """Begin a transaction that sees the database as it is now: SQLite waits for a first read."""
    connection.execute("BEGIN")
    connection.query("SELECT count(*) FROM main.sqlite_master")
