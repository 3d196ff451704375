"""Unique values that two rows would hold after a merge, or could not hand over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..plan import Counts, Problem, Severity
from ..schema import UniqueKey
from .finding import Rule, find_broken
from .merging import Execute, Sources
from .parking import colliding, contested_keys, count_colliding, find_parking, free_to_go

_HINT = "Correct or delete the other row, or restore without this table."


def find_collisions(execute: Execute, source: Sources, key: UniqueKey) -> Iterator[Problem]:
    """Find unique values that two rows would hold after the merge."""
    if not set(key.columns) & set(source.staged.columns) or not source.knows(key.columns):
        return
    dialect, written = source.dialect, source.resulting(key.columns)
    match = dialect.unique_match(key, "w", "m")
    other = f"{match} AND NOT ({dialect.equal(source.key, 'w', 'm')})"
    inside = Rule(
        code="unique_in_archive",
        column=", ".join(key.columns),
        broken=f"EXISTS (SELECT 1 FROM {written} m WHERE {other})",
        message="Two rows of the archive hold the same unique value.",
        hint=_HINT,
    )
    staying = f"{other} AND NOT {source.in_delta('m', 'UD')}"
    outside = Rule(
        code="unique_taken",
        column=", ".join(key.columns),
        broken=f"EXISTS (SELECT 1 FROM {source.live} m WHERE {staying})",
        message="Another row of the database, with another key, already holds this row's unique "
        "value.",
        hint=_HINT,
    )
    for rule in (inside, outside):
        yield from find_broken(execute, source, written, [rule])


def find_immovable(
    execute: Execute, source: Sources, sources: Mapping[str, Sources], counts: Counts
) -> Iterator[Problem]:
    """Find swaps of unique values that cannot be made, since no value is spare."""
    for key in contested_keys(source, counts):
        condition = (
            f"{colliding(source, key)} AND NOT ({free_to_go(source, sources, planned=True)})"
        )
        count = count_colliding(execute, source, condition)
        if count and find_parking(execute, source, key, count) is None:
            yield Problem(
                code="unique_swap",
                severity=Severity.BLOCKING,
                table=source.table.name,
                column=", ".join(key.columns),
                count=count,
                message="Rows exchange unique values, and no value is spare for one of them to "
                "step aside to.",
                hint="Declare the unique key DEFERRABLE, or correct these rows by hand.",
            )
