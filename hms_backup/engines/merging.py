"""Classifying staged rows against live rows: plain SQL over sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..plan import Counts, Mode
from ..schema import Kind, Table
from .base import Staged
from .dialect import Dialect

_SPELT_ONE_WAY = (Kind.INTEGER, Kind.BOOLEAN, Kind.UUID, Kind.DATE, Kind.BYTES)

Execute = Callable[..., Any]
"""Runs one statement, with optional parameters, and returns its cursor."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Names the relations of one table's merge, each ready for a FROM clause."""

    dialect: Dialect
    staged: Staged
    counts: Counts = Counts()
    """What `classify` counted; all zero before."""

    @property
    def table(self) -> Table:
        """The live table."""
        return self.staged.table

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key's columns."""
        return self.staged.table.primary_key

    @property
    def live(self) -> str:
        """The live table, qualified."""
        return self.dialect.quote(*self.table.path)

    @property
    def stage(self) -> str:
        """The staging table: archived values in unrestricted types."""
        if self.staged.identical:
            return self.live
        return self.dialect.temporary_name("hms_stage_" + self.staged.suffix)

    @property
    def delta(self) -> str:
        """The remembered changes: key, action (I, U or D), hash of the live row."""
        return self.dialect.temporary_name("hms_delta_" + self.staged.suffix)

    @property
    def archived(self) -> str:
        """A subquery: the staged rows in the live table's exact types."""
        columns = ", ".join(
            f"{self.dialect.archived(self.table.column(name), 'x')} AS {self.dialect.quote(name)}"
            for name in self.staged.columns
        )
        return f"(SELECT {columns} FROM {self.stage} x)"

    @property
    def current(self) -> str:
        """A subquery: the live rows, cut to the carried columns."""
        return f"(SELECT {self.dialect.names(self.staged.columns)} FROM {self.live})"

    def written(self, actions: str = "IU") -> str:
        """Return a subquery: the archived rows that will be inserted or updated."""
        sizes = {"I": self.counts.insert, "U": self.counts.update}
        if sum(sizes[action] for action in actions) == self.staged.rows:
            return self.archived  # all of them: there is nothing to look up
        listed = ", ".join(f"'{action}'" for action in actions)
        return (
            f"(SELECT a.* FROM {self.archived} a JOIN {self.delta} d "
            f"ON {self.dialect.equal(self.key, 'a', 'd')} AND d.hms_action IN ({listed}))"
        )

    def resulting(self, columns: Sequence[str]) -> str:
        """Return a subquery: the rows to be written as they will be, ``columns`` included.

        Of ``columns`` those that the archive lacks keep their live value in an updated row and are
        null in a new one; where they have a default instead, new rows are left out, since what it
        will be only the database knows.
        """
        lacking = self._lacking(columns)
        if not lacking:
            return self.written()
        dialect, table = self.dialect, self.table
        actions = "'U'" if any(table.column(name).has_default for name in lacking) else "'I', 'U'"
        return (
            f"(SELECT a.*, {dialect.names(lacking, 'm')} FROM {self.archived} a "
            f"JOIN {self.delta} d ON {dialect.equal(self.key, 'a', 'd')} "
            f"AND d.hms_action IN ({actions}) "
            f"LEFT JOIN {self.live} m ON {dialect.equal(self.key, 'a', 'm')})"
        )

    def rewrites(self, name: str) -> bool:
        """Whether an update writes that column.

        A key that compares as equal may still be spelt otherwise, so some keys are written too.
        """
        column = self.table.column(name)
        return (
            name in self.staged.columns
            and not column.always_identity
            and not (name in self.key and column.kind in _SPELT_ONE_WAY)
        )

    def knows(self, columns: Iterable[str]) -> bool:
        """Whether `resulting` can tell ``columns``: not those that the database computes."""
        return not any(self.table.column(name).generated for name in columns)

    def _lacking(self, columns: Iterable[str]) -> list[str]:
        return [name for name in columns if name not in self.staged.columns]

    def in_delta(self, row: str, actions: str) -> str:
        """Return a condition: the live row named ``row`` is among the remembered changes."""
        listed = ", ".join(f"'{action}'" for action in actions)
        return (
            f"EXISTS (SELECT 1 FROM {self.delta} d WHERE d.hms_action IN ({listed}) "
            f"AND {self.dialect.equal(self.key, 'd', row)})"
        )


def classify(execute: Execute, source: Sources, mode: Mode) -> Counts:
    """Remember every change of one table in its delta, and count them."""
    dialect, first = source.dialect, source.dialect.column(source.key[0], "m")
    if source.staged.identical:
        _remember_nothing(execute, source)
        return Counts(unchanged=source.staged.rows)
    execute(
        dialect.temporary.format(
            name=source.delta,
            query=(
                f"SELECT {dialect.names(source.key, 's')}, "
                f"CASE WHEN {first} IS NULL THEN 'I' ELSE 'U' END AS hms_action, "
                f"CASE WHEN {first} IS NOT NULL THEN "
                f"{dialect.row_hash(source.staged.columns, 'm')} END AS hms_live "
                f"FROM {source.archived} s LEFT JOIN {source.current} m "
                f"ON {dialect.equal(source.key, 's', 'm')} "
                f"WHERE {first} IS NULL OR {dialect.differs(source.staged.columns, 's', 'm')}"
            ),
        )
    )
    skipped = 0
    if mode is Mode.INSERT:
        skipped = execute(f"DELETE FROM {source.delta} WHERE hms_action = 'U'").rowcount
    if mode is Mode.MIRROR:
        _remember_deletions(execute, source)
    found = dict(
        execute(f"SELECT hms_action, count(*) FROM {source.delta} GROUP BY hms_action").fetchall()
    )
    insert, update, delete = (found.get(action, 0) for action in "IUD")
    unchanged = source.staged.rows - insert - update - skipped
    (live,) = execute(f"SELECT count(*) FROM {source.live}").fetchone()
    return Counts(
        insert=insert,
        update=update,
        unchanged=unchanged,
        delete=delete,
        skipped=skipped,
        kept=live - update - unchanged - skipped - delete,
    )


def _remember_nothing(execute: Execute, source: Sources) -> None:
    columns = source.dialect.names(source.key)
    query = f"SELECT {columns}, '' AS hms_action, '' AS hms_live FROM {source.live} WHERE 1 = 0"
    execute(source.dialect.temporary.format(name=source.delta, query=query))


def _remember_deletions(execute: Execute, source: Sources) -> None:
    dialect = source.dialect
    execute(
        f"INSERT INTO {source.delta} ({dialect.names(source.key)}, hms_action, hms_live) "
        f"SELECT {dialect.names(source.key, 'm')}, 'D', "
        f"{dialect.row_hash([each.name for each in source.table.columns], 'm')} "
        f"FROM {source.live} m "
        f"WHERE NOT EXISTS (SELECT 1 FROM {source.stage} s "
        f"WHERE {dialect.equal(source.key, 's', 'm')})"
    )
