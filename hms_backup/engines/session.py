"""What every SQL vendor's restore session shares: the merge itself."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..plan import Counts, Problem, RowChange, SideEffect
from ..schema import ForeignKey, Table, Trigger
from . import cascading, checking, merging, proving, reading, writing
from .base import Merge, RestoreSession, Staged
from .dialect import Dialect
from .merging import Sources


class SqlRestoreSession(RestoreSession):
    """Implements planning, merging and proving over `execute` and a `Dialect`."""

    dialect: Dialect
    row_lock = ""
    """What ends a SELECT so that no one else can refer to its rows ``r`` until the session ends."""

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}
        self._running: list[Trigger] = []

    @abc.abstractmethod
    def execute(self, statement: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement and return its cursor. Raises this package's errors only."""

    @abc.abstractmethod
    def incoming(self, path: tuple[str, ...]) -> Sequence[ForeignKey]:
        """Return the references that arrive at a table."""

    @abc.abstractmethod
    def address(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """Return columns that tell a table's rows apart within the transaction, key or none."""

    @abc.abstractmethod
    def search_condition(self, text: str) -> str:
        """Return a WHERE clause, with one placeholder, that finds a text regardless of case."""

    def classify(self, merge: Merge) -> dict[str, Counts]:
        for staged in merge.staged:
            source = Sources(self.dialect, staged)
            self._counts[staged.table.name] = merging.classify(self.execute, source, merge.mode)
            self.classified(source)
        return dict(self._counts)

    def classified(self, source: Sources) -> None:
        """Called after a table's changes were remembered; a vendor may gather statistics."""

    def problems(self, merge: Merge) -> list[Problem]:
        return list(checking.find_problems(self.execute, self.dialect, merge, self._counts))

    def side_effects(self, merge: Merge) -> list[SideEffect]:
        return list(
            cascading.find_side_effects(
                self.execute,
                self.dialect,
                self.incoming,
                merge,
                self._counts,
                self.address,
                self.row_lock,
            )
        )

    def changes(
        self, staged: Staged, limit: int, offset: int = 0, search: str = ""
    ) -> list[RowChange]:
        source = Sources(self.dialect, staged)
        condition = self.search_condition(reading.searched_text(source)) if search else ""
        query = reading.changes_query(source, limit, offset, condition)
        rows = self.execute(query, (search,) if search else ()).fetchall()
        return list(reading.row_changes(source, rows))

    def fingerprints(self, staged: Staged) -> Iterator[bytes]:
        for (line,) in self.execute(self.fingerprints_query(staged)):
            yield line.encode()

    def fingerprints_query(self, staged: Staged) -> str:
        """Return the query behind `fingerprints`."""
        return reading.fingerprints_query(Sources(self.dialect, staged))

    def can_switch_off(self, table: Table) -> bool:
        """Whether `apply` can keep the table's own triggers from running."""
        return table.owned

    def apply(self, merge: Merge, *, fire_triggers: bool) -> None:
        self._running = [
            trigger
            for staged in merge.staged
            for trigger in staged.table.triggers
            if fire_triggers or not self.can_switch_off(staged.table)
        ]
        self._running += [rule for staged in merge.staged for rule in staged.table.rules]
        if self._running:
            for staged in merge.staged:
                proving.watch(self.execute, Sources(self.dialect, staged))
        writing.write(self.execute, self.dialect, merge, self._counts)

    def prove(self, merge: Merge, predicted: Mapping[str, Counts]) -> list[Problem]:
        found = []
        for staged in merge.staged:
            problem = proving.prove(
                self.execute,
                Sources(self.dialect, staged),
                predicted[staged.table.name],
                self._running,
                watched=bool(self._running),
            )
            if problem is not None:
                found.append(problem)
        return found
