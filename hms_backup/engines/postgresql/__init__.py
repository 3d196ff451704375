"""PostgreSQL 13 to 18: the engine that the product is built for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ...schema import Table
from ..base import Engine, RestoreSession, Snapshot
from . import catalogue
from .connection import own_connection, transaction
from .dialect import PostgreSQLDialect
from .errors import translated
from .session import PostgreSQLRestoreSession
from .snapshot import PostgreSQLSnapshot


class PostgreSQLEngine(Engine):
    """Builds JSON on the server, stages through COPY, compares by binary image."""

    vendor = "postgresql"

    def version(self) -> str:
        with own_connection(self.alias) as connection, translated():
            row = connection.execute("SHOW server_version").fetchone()
            return str(row[0]).split()[0] if row else ""

    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        with own_connection(self.alias) as connection, translated():
            return catalogue.inspect(connection, names)

    def row_counts(self, names: Sequence[str]) -> dict[str, int | None]:
        counts: dict[str, int | None] = {}
        # One state of all tables, a limit to waiting for locks, and no row hidden by a policy.
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        with transaction(self.alias, begin) as connection:
            for name in names:
                path = catalogue.path_of(connection, name)
                counts[name] = None
                if path is not None:
                    query = f"SELECT count(*) FROM {PostgreSQLDialect.quote(*path)}"
                    row = connection.execute(query.encode()).fetchone()
                    counts[name] = row[0] if row else None
        return counts

    @contextmanager
    def snapshot(self, names: Sequence[str]) -> Iterator[Snapshot]:
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
        # Looked up before, since any query inside would take the snapshot before the locks.
        paths = [table.path for table in self.inspect(names)]
        with transaction(self.alias, begin) as connection:
            if paths:
                listed = ", ".join(sorted(PostgreSQLDialect.quote(*path) for path in paths))
                connection.execute(f"LOCK TABLE {listed} IN ACCESS SHARE MODE".encode())
            yield PostgreSQLSnapshot(connection, catalogue.inspect(connection, names))

    @contextmanager
    def restore_session(self, *, dry_run: bool) -> Iterator[RestoreSession]:
        level = "REPEATABLE READ" if dry_run else "READ COMMITTED"
        with transaction(self.alias, f"BEGIN ISOLATION LEVEL {level}") as connection:
            yield PostgreSQLRestoreSession(connection, dry_run=dry_run)
