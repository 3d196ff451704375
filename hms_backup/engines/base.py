"""The contract between restore and export on one side and a database vendor on the other.

Callers never test the vendor: they ask `get_engine` for the engine of a database alias.
All SQL lives behind this contract. Nothing from an archive ever reaches it as an identifier: the
names come from the registry and the catalogue.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

from ..plan import Counts, Mode, Problem, RowChange, SideEffect
from ..rows import RowBatch
from ..schema import DependencyOrder, Table, TableDiff


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One table with its archived rows in a staging table of the current session."""

    table: Table
    diff: TableDiff
    rows: int
    suffix: str
    """Tells this table's temporary tables from the others'."""
    duplicates: tuple[str, ...] = ()
    """Primary keys, as text, that the archive holds more than once (the first few)."""
    identical: bool = False
    """The live table was found to hold exactly the archived rows: it stands for its own staging
    table, and there is nothing to classify."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are staged, compared and written."""
        return self.diff.carried


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Everything a session needs to classify and apply: all staged tables, and how."""

    staged: tuple[Staged, ...]
    """In foreign-key order, parents first."""
    order: DependencyOrder
    mode: Mode

    @property
    def names(self) -> frozenset[str]:
        """The tables being restored."""
        return frozenset(each.table.name for each in self.staged)


class Snapshot(abc.ABC):
    """One consistent view over some tables, for an export."""

    tables: tuple[Table, ...]
    """The tables as the catalogue has them inside the snapshot."""

    @abc.abstractmethod
    def read(self, table: Table) -> Iterator[list[bytes]]:
        """Yield the table's rows in primary-key order, in batches.

        Each row is one line of JSON without its newline, keys in column order, in the form that
        docs/format.md specifies. Raises `ValueUnsupported` naming table, row and column.
        """


class RestoreSession(abc.ABC):
    """One transaction in which a restore is planned and perhaps applied.

    Staging, checking and classifying write only to temporary tables. Leaving the session without
    `commit` rolls everything back.
    """

    vendor: ClassVar[str]
    dry_run: bool
    """Whether it may never be committed."""

    @abc.abstractmethod
    def claim(self, names: Sequence[str]) -> None:
        """Keep other restores of any of these tables out until the session ends. Raises `Busy`."""

    @abc.abstractmethod
    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        """As `Engine.inspect`, inside the session's transaction."""

    def recognise(self, table: Table, diff: TableDiff, blocks: Iterable[bytes]) -> Staged | None:
        """Return the table as if staged, if an export of it would now give exactly ``blocks``.

        None means that it would not, or that the engine has no quick way to tell. Only asked in
        dry runs, which see one state of the database from beginning to end.
        """
        return None

    @abc.abstractmethod
    def stage(self, table: Table, diff: TableDiff, batches: Iterable[RowBatch]) -> Staged:
        """Load archived rows into a staging table typed like the live one, without constraints.

        ``batches`` hold tuples in the order of ``diff.carried``. Raises `RowInvalid` naming
        table, row and column for a value the type does not accept, `ValueUnsupported` for one it
        would alter.
        """

    @abc.abstractmethod
    def lock(self, tables: Sequence[Table]) -> None:
        """Keep writers, not readers, out of ``tables`` until the session ends.

        Raises `LockTimeout` when another transaction holds one for too long.
        """

    @abc.abstractmethod
    def classify(self, merge: Merge) -> dict[str, Counts]:
        """Compare staged with live rows, remember every change, and count them per table.

        A row is unchanged when every carried column is identical to the last digit.
        """

    @abc.abstractmethod
    def problems(self, merge: Merge) -> list[Problem]:
        """Run the set-based checks on what `classify` would write."""

    @abc.abstractmethod
    def side_effects(self, merge: Merge) -> list[SideEffect]:
        """Count the rows outside the restore that its deletions would delete or alter."""

    @abc.abstractmethod
    def changes(
        self, staged: Staged, limit: int, offset: int = 0, search: str = ""
    ) -> list[RowChange]:
        """Return some of the changed rows, in primary-key order."""

    @abc.abstractmethod
    def fingerprints(self, staged: Staged) -> Iterator[bytes]:
        """Yield a canonical line per change: action, key, and a hash of the live row."""

    @abc.abstractmethod
    def apply(self, merge: Merge, *, fire_triggers: bool) -> None:
        """Insert, update and delete what `classify` remembered, references intact throughout."""

    @abc.abstractmethod
    def prove(self, merge: Merge, predicted: Mapping[str, Counts]) -> list[Problem]:
        """Classify again; return a problem per table that is not what was predicted."""

    @abc.abstractmethod
    def advance_sequences(self, tables: Sequence[Table]) -> None:
        """Make every sequence's next value greater than the largest in its column."""

    @abc.abstractmethod
    def commit(self) -> None:
        """Make it permanent."""


class Engine(abc.ABC):
    """One vendor's way of reading, comparing and merging rows."""

    vendor: ClassVar[str]

    def __init__(self, alias: str) -> None:
        self.alias = alias

    @abc.abstractmethod
    def version(self) -> str:
        """The database server's version, such as ``16.4``."""

    @abc.abstractmethod
    def inspect(self, names: Sequence[str]) -> tuple[Table, ...]:
        """Read the catalogue's description of ``names``, in that order.

        Raises `TableMissing`, `TableUnkeyed` or `SchemaUnsupported`, naming the table.
        """

    @abc.abstractmethod
    def row_counts(self, names: Sequence[str]) -> dict[str, int | None]:
        """Exact row counts; None for a table that does not exist."""

    @abc.abstractmethod
    def snapshot(self, names: Sequence[str]) -> AbstractContextManager[Snapshot]:
        """Open one read-only snapshot over the tables on a connection of its own.

        Raises what `inspect` raises.
        """

    @abc.abstractmethod
    def restore_session(self, *, dry_run: bool) -> AbstractContextManager[RestoreSession]:
        """Open a transaction for a restore on a connection of its own.

        A dry run sees one consistent state of the database from beginning to end and can never
        be committed.
        """
