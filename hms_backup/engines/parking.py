"""Rows that exchange unique values: how one steps aside until the other has taken its place.

A unique index checks every row as it is written, so of two rows that swap values neither can be
written first. Rows to be deleted go first where nothing refers to them; others get a spare value
for a moment, which the merge then overwrites.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..exceptions import ConstraintViolated
from ..plan import Counts
from ..schema import Column, ForeignKey, UniqueKey
from .merging import Execute, Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """Where rows can step aside to: a column of the unique key, and values that no row holds."""

    column: str
    values: str = ""
    """A subquery with one value per row in the column's own name; empty for NULL."""


def contested_keys(source: Sources, counts: Counts) -> list[UniqueKey]:
    """Return the unique keys whose values may have to change hands."""
    if not counts.update + counts.delete or not counts.insert + counts.update:
        return []
    carried = set(source.staged.columns)
    return [
        key
        for key in source.table.unique_keys
        if not key.deferrable and carried & set(key.columns) and source.knows(key.columns)
    ]


def colliding(source: Sources, key: UniqueKey, actions: str = "UD") -> str:
    """Return a condition on a live row ``m``: it must give up its unique value to another row."""
    dialect = source.dialect
    return (
        f"{source.in_delta('m', actions)} AND EXISTS (SELECT 1 FROM "
        f"{source.resulting(key.columns)} w WHERE {dialect.unique_match(key, 'w', 'm')} "
        f"AND NOT ({dialect.equal(source.key, 'w', 'm')}))"
    )


def count_colliding(execute: Execute, source: Sources, condition: str) -> int:
    """Count the live rows ``m`` that fulfil ``condition``."""
    (count,) = execute(f"SELECT count(*) FROM {source.live} m WHERE {condition}").fetchone()
    return int(count)


def find_parking(execute: Execute, source: Sources, key: UniqueKey, needed: int) -> Parking | None:
    """Find a column of ``key`` through which ``needed`` rows can step aside at once."""
    carried = [source.table.column(name) for name in key.columns if name in source.staged.columns]
    if key.nulls_distinct:
        for column in carried:
            if column.nullable:
                return Parking(column=column.name)
    for column in carried:
        values = _spare_values(execute, source, column, needed)
        if values:
            (found,) = execute(f"SELECT count(*) FROM {values} v").fetchone()
            if found >= needed:
                return Parking(column=column.name, values=values)
    return None


def park(execute: Execute, source: Sources, key: UniqueKey) -> None:
    """Move rows out of the way that hold a unique value which another row takes over.

    Raises `ConstraintViolated` when there is nowhere to step aside to.
    """
    condition = colliding(source, key)
    needed = count_colliding(execute, source, condition)
    if not needed:
        return
    parking = find_parking(execute, source, key, needed)
    if parking is None:
        raise ConstraintViolated(
            f"Rows exchange values of the unique key {key.name}, and no value is spare for one of "
            "them to step aside to.",
            hint="Declare the unique key DEFERRABLE, or correct these rows by hand.",
            table=source.table.name,
            column=", ".join(key.columns),
        )
    dialect, column = source.dialect, source.dialect.quote(parking.column)
    rows = (
        f"(SELECT {dialect.names(source.key, 'm')}, row_number() OVER () AS hms_number "
        f"FROM {source.live} m WHERE {condition}) p"
    )
    value = "NULL"
    if parking.values:
        value = "v.hms_value"
        rows += (
            f" JOIN (SELECT {column} AS hms_value, row_number() OVER () AS hms_number "
            f"FROM {parking.values} x) v ON v.hms_number = p.hms_number"
        )
    execute(
        f"UPDATE {source.live} AS hms_live SET {column} = {value} FROM {rows} "
        f"WHERE {dialect.equal(source.key, 'hms_live', 'p')}"
    )


def free_to_go(source: Sources, sources: Mapping[str, Sources], *, planned: bool) -> str:
    """Return a condition on a live row ``m``: no row of the restored tables refers to it.

    ``planned`` leaves out those that are to be deleted themselves, before this one.
    """
    conditions = [source.in_delta("m", "D")]
    for reference in source.table.referenced_by:
        child = sources.get(reference.table)
        if child is None:
            continue
        staying = ""
        if planned and child.table.name != source.table.name:
            staying = f" AND NOT {child.in_delta('c', 'D')}"
        conditions.append(
            f"NOT EXISTS (SELECT 1 FROM {child.live} c WHERE {_refers(source, reference)}{staying})"
        )
    return " AND ".join(conditions)


def _refers(source: Sources, reference: ForeignKey) -> str:
    pairs = list(zip(reference.target_columns, reference.columns, strict=True))
    return source.dialect.paired(pairs, "m", "c")


def _spare_values(execute: Execute, source: Sources, column: Column, needed: int) -> str | None:
    """Return a subquery of at most ``needed`` values of ``column`` that no row holds or takes."""
    candidates = _candidates(execute, source, column, needed)
    if candidates is None:
        return None
    name = source.dialect.quote(column.name)
    conditions = [
        f"c.{name} IS NOT NULL",
        *(
            f"NOT EXISTS (SELECT 1 FROM {relation} m WHERE m.{name} = c.{name})"
            for relation in (source.live, source.written())
        ),
        *(
            f"({check.expression}) IS NOT FALSE"
            for check in source.table.checks
            if check.columns == (column.name,)
        ),
    ]
    return (
        f"(SELECT c.{name} FROM {candidates} c WHERE {' AND '.join(conditions)} LIMIT {needed:d})"
    )


def _candidates(execute: Execute, source: Sources, column: Column, needed: int) -> str | None:
    """Return a subquery of distinct values that the column's type and references allow."""
    dialect, name = source.dialect, source.dialect.quote(column.name)
    references = list(_immediate_references(source, column.name))
    if references:
        if len(references) > 1 or len(references[0].columns) > 1:
            return None
        (target_column,) = references[0].target_columns
        parents = dialect.quote(*references[0].target_path)
        return f"(SELECT {dialect.column(target_column, 't')} AS {name} FROM {parents} t)"
    value = dialect.parking_value(column, "s.hms_number")
    if value is None:
        return None
    # However many are taken, as many are left; twice, for values that count from both ends.
    live = count_colliding(execute, source, "1 = 1")
    series = dialect.series(2 * (live + source.staged.rows + needed), "hms_number")
    return f"(SELECT {value} AS {name} FROM {series} s)"


def _immediate_references(source: Sources, column: str) -> Iterator[ForeignKey]:
    """The references that a value of ``column`` must satisfy at once."""
    for reference in source.table.foreign_keys:
        if column in reference.columns and not reference.deferrable:
            yield reference


def step_aside(
    execute: Execute,
    sources: Sequence[Sources],
    counts: Mapping[str, Counts],
) -> None:
    """Clear every unique value that changes hands. ``sources`` come parents first."""
    by_name = {source.table.name: source for source in sources}
    for source in reversed(sources):
        if counts[source.table.name].delete:
            execute(
                f"DELETE FROM {source.live} AS m WHERE {free_to_go(source, by_name, planned=False)}"
            )
    for source in sources:
        for key in contested_keys(source, counts[source.table.name]):
            park(execute, source, key)
