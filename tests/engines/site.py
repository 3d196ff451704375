"""A small site: one SQLite file of its own per test, whatever vendor the suite runs on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ALIAS = "site"


@dataclass(frozen=True)
class Site:
    """The file, and raw SQL on it."""

    path: Path
    archives: Path

    def sql(self, *statements: str, parameters: tuple[Any, ...] = ()) -> None:
        """Run statements and commit each."""
        with closing(self.connect()) as connection:
            for statement in statements:
                connection.execute(statement, parameters)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a query and return all its rows."""
        with closing(self.connect()) as connection:
            return connection.execute(statement).fetchall()

    def rows(self, table: str) -> list[tuple[str, ...]]:
        """Every row, each value with its storage class and to the last digit, in order."""
        with closing(self.connect()) as connection:
            described = connection.execute(f'PRAGMA table_xinfo("{table}")').fetchall()
            values = ", ".join(
                f'typeof("{row[1]}") || \' \' || quote("{row[1]}")' for row in described
            )
            return sorted(connection.execute(f'SELECT {values} FROM "{table}"').fetchall())

    def connect(self, timeout: float = 5.0) -> sqlite3.Connection:
        """Another connection, in autocommit mode."""
        connection = sqlite3.connect(self.path, timeout=timeout, isolation_level=None)
        connection.text_factory = lambda raw: raw.decode(errors="backslashreplace")
        return connection
