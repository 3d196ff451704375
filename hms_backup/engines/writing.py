"""Writing what a merge remembered: inserts, updates and deletions, references intact throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..plan import Counts
from .base import Merge
from .dialect import Dialect
from .merging import Execute, Sources
from .parking import step_aside


def write(execute: Execute, dialect: Dialect, merge: Merge, counts: Mapping[str, Counts]) -> None:
    """Write every remembered change.

    Table by table, parents first, so that a row can refer to a new or changed one; then the
    references that were left open to break a cycle; and deletions last, children first, so that
    no row refers to a deleted one any more. Rows to be deleted that nothing refers to go before
    all that, and rows that hold a unique value which another row takes over step aside.
    """
    sources = [Sources(dialect, staged, counts[staged.table.name]) for staged in merge.staged]
    step_aside(execute, sources, counts)
    for source in sources:
        deferred = merge.order.deferred.get(source.table.name, ())
        if counts[source.table.name].insert:
            _insert(execute, source, deferred)
        if counts[source.table.name].update:
            _update(execute, source, deferred)
    for source in sources:
        _fill_deferred(execute, source, merge, counts[source.table.name])
    doomed = [source for source in sources if counts[source.table.name].delete]
    for source in doomed:
        _empty_deferred(execute, source, merge)
    for source in reversed(doomed):
        _delete(execute, source)


def _insert(execute: Execute, source: Sources, deferred: Sequence[str]) -> None:
    dialect = source.dialect
    values = ", ".join(
        "NULL" if name in deferred else dialect.column(name, "w") for name in source.staged.columns
    )
    execute(
        f"INSERT INTO {source.live} ({dialect.names(source.staged.columns)}) {dialect.overriding} "
        f"SELECT {values} FROM {source.written('I')} w"
    )


def _update(execute: Execute, source: Sources, deferred: Sequence[str]) -> None:
    columns = [
        name for name in source.staged.columns if source.rewrites(name) and name not in deferred
    ]
    _set_columns(execute, source, columns, source.written("U"))


def _fill_deferred(execute: Execute, source: Sources, merge: Merge, counts: Counts) -> None:
    deferred = [
        name
        for name in merge.order.deferred.get(source.table.name, ())
        if name in source.staged.columns
    ]
    if counts.insert + counts.update:
        _set_columns(execute, source, deferred, source.written())


def _set_columns(execute: Execute, source: Sources, columns: Sequence[str], rows: str) -> None:
    if not columns:
        return
    dialect = source.dialect
    assignments = ", ".join(
        f"{dialect.quote(name)} = {dialect.column(name, 'w')}" for name in columns
    )
    execute(
        f"UPDATE {source.live} AS hms_live SET {assignments} FROM {rows} w "
        f"WHERE {dialect.equal(source.key, 'hms_live', 'w')}"
    )


def _empty_deferred(execute: Execute, source: Sources, merge: Merge) -> None:
    """Open the cycles among rows that are about to be deleted."""
    dialect = source.dialect
    deferred = merge.order.deferred.get(source.table.name, ())
    if deferred:
        assignments = ", ".join(f"{dialect.quote(name)} = NULL" for name in deferred)
        execute(
            f"UPDATE {source.live} AS hms_live SET {assignments} FROM {source.delta} d "
            f"WHERE d.hms_action = 'D' AND {dialect.equal(source.key, 'hms_live', 'd')}"
        )


def _delete(execute: Execute, source: Sources) -> None:
    dialect = source.dialect
    execute(
        f"DELETE FROM {source.live} AS hms_live WHERE EXISTS (SELECT 1 FROM {source.delta} d "
        f"WHERE d.hms_action = 'D' AND {dialect.equal(source.key, 'hms_live', 'd')})"
    )
