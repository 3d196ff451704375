"""What a restore would do: the one object behind dry run, preview, diff and restore."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from .schema import TableDiff


class Mode(enum.StrEnum):
    """What a restore may do to live rows."""

    UPSERT = "upsert"
    """Insert missing rows, update differing ones, keep what the archive does not hold."""
    INSERT = "insert"
    """Insert missing rows only; differing live rows stay as they are."""
    MIRROR = "mirror"
    """Upsert, and delete the rows the archive does not hold."""


class Action(enum.StrEnum):
    """What happens to one row."""

    INSERT = "insert"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Rows per action."""

    insert: int = 0
    update: int = 0
    unchanged: int = 0
    delete: int = 0
    skipped: int = 0
    """Rows that differ but that the mode leaves as they are."""
    kept: int = 0
    """Live rows that the archive does not hold and the mode keeps."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            insert=self.insert + other.insert,
            update=self.update + other.update,
            unchanged=self.unchanged + other.unchanged,
            delete=self.delete + other.delete,
            skipped=self.skipped + other.skipped,
            kept=self.kept + other.kept,
        )

    @property
    def changes(self) -> int:
        """How many rows would not be as they were."""
        return self.insert + self.update + self.delete

    def as_dict(self) -> dict[str, int]:
        """Counts for machines."""
        return {
            "insert": self.insert,
            "update": self.update,
            "unchanged": self.unchanged,
            "delete": self.delete,
            "skipped": self.skipped,
            "kept": self.kept,
        }


class Severity(enum.StrEnum):
    """Whether a problem stops the restore."""

    BLOCKING = "blocking"
    CONFIRM = "confirm"
    """Stops it until the operator accepts exactly this."""
    WARNING = "warning"


ACCEPTABLE = frozenset({"cascade_outside", "not_as_planned"})
"""Codes of the problems that an operator may accept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One reason a restore cannot, or should not without a second look, go ahead."""

    code: str
    severity: Severity
    table: str
    message: str
    """In plain words, holding no value of a row."""
    hint: str = ""
    column: str = ""
    rows: tuple[str, ...] = ()
    """Primary keys of the first affected rows, as text."""
    count: int = 0
    """How many rows are affected."""

    def as_dict(self) -> dict[str, object]:
        """The problem for machines."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "table": self.table,
            "column": self.column,
            "rows": list(self.rows),
            "count": self.count,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row's before and after, for people to look at. Holds data: never logged."""

    table: str
    key: str
    """Primary key as text; parts of a composite key are separated by ``, ``."""
    action: Action
    before: Mapping[str, str | None] = field(default_factory=dict)
    """Live values as text per column; empty for an insert. None is SQL NULL."""
    after: Mapping[str, str | None] = field(default_factory=dict)
    """Archived values as text per column; empty for a delete."""

    @property
    def changed_columns(self) -> tuple[str, ...]:
        """The columns whose text differs, in column order."""
        columns = self.after or self.before
        return tuple(
            name for name in columns if self.before.get(name, ...) != self.after.get(name, ...)
        )

    def as_dict(self) -> dict[str, object]:
        """The change for machines."""
        return {
            "table": self.table,
            "key": self.key,
            "action": str(self.action),
            "before": dict(self.before),
            "after": dict(self.after),
            "changed": list(self.changed_columns),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffect:
    """Rows that the plan does not write and a foreign key would delete, alter or hold on to."""

    table: str
    column: str
    on_delete: str
    """What the reference says to do: CASCADE, SET NULL, RESTRICT, …"""
    rows: int
    because_of: str
    """The restored table whose deletions or changed keys cause it."""
    event: str = "DELETE"
    """DELETE, or UPDATE where the key that the rows refer to is changed."""

    def as_dict(self) -> dict[str, object]:
        """The side effect for machines."""
        return {
            "table": self.table,
            "column": self.column,
            "event": self.event,
            "on_delete": self.on_delete,
            "rows": self.rows,
            "because_of": self.because_of,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePlan:
    """What happens to one table."""

    table: str
    counts: Counts
    diff: TableDiff
    changes: tuple[RowChange, ...] = ()
    """The first rows that change, as many as were asked for."""

    def as_dict(self) -> dict[str, object]:
        """The table's plan for machines."""
        return {
            "table": self.table,
            **self.counts.as_dict(),
            "schema": [
                {
                    "column": each.column,
                    "compatibility": str(each.compatibility),
                    "reason": each.reason,
                }
                for each in self.diff.columns
            ],
            "changes": [each.as_dict() for each in self.changes],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestorePlan:
    """Everything a restore would do, in the order it would do it."""

    mode: Mode
    tables: tuple[TablePlan, ...]
    """In foreign-key order, parents first."""
    problems: tuple[Problem, ...] = ()
    side_effects: tuple[SideEffect, ...] = ()
    digest: str = ""
    """SHA-256, in hex, over the archive's hash, the mode, the tables, and every change with the
    live row it was computed against."""

    @property
    def counts(self) -> Counts:
        """The totals over all tables."""
        total = Counts()
        for table in self.tables:
            total += table.counts
        return total

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """The problems that stop the restore whatever the operator says."""
        return tuple(each for each in self.problems if each.severity is Severity.BLOCKING)

    @property
    def to_confirm(self) -> tuple[Problem, ...]:
        """The problems that stop the restore until accepted."""
        return tuple(each for each in self.problems if each.severity is Severity.CONFIRM)

    def as_dict(self) -> dict[str, object]:
        """The plan for machines."""
        return {
            "mode": str(self.mode),
            "digest": self.digest,
            "counts": self.counts.as_dict(),
            "tables": [each.as_dict() for each in self.tables],
            "problems": [each.as_dict() for each in self.problems],
            "side_effects": [each.as_dict() for each in self.side_effects],
        }
