"""From a condition that no row to be written may fulfil to a Problem that names those that do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..plan import Problem, Severity
from .merging import Execute, Sources

SHOWN = 5
"""How many primary keys a problem names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must not be true of a row ``w``, and what to say where it is."""

    code: str
    column: str
    broken: str
    """An SQL condition on ``w``."""
    message: str
    hint: str = "The backup does not fit the data around it. Restore what it needs first."


def find_broken(
    execute: Execute, source: Sources, relation: str, rules: Sequence[Rule]
) -> Iterator[Problem]:
    """Yield a problem per rule that rows of ``relation`` break."""
    counts = _count_each(execute, f"{relation} w", [rule.broken for rule in rules])
    for rule, count in zip(rules, counts, strict=True):
        if count:
            yield Problem(
                code=rule.code,
                severity=Severity.BLOCKING,
                table=source.table.name,
                column=rule.column,
                rows=_first_keys(execute, source, f"{relation} w WHERE {rule.broken}"),
                count=count,
                message=rule.message,
                hint=rule.hint,
            )


def _count_each(execute: Execute, rows: str, conditions: Sequence[str]) -> list[int]:
    """One scan for all conditions; as a WHERE clause alone one can become a join."""
    if not conditions:
        return []
    if len(conditions) == 1:
        (count,) = execute(f"SELECT count(*) FROM {rows} WHERE {conditions[0]}").fetchone()
        return [int(count)]
    sums = ", ".join(f"sum(CASE WHEN {each} THEN 1 ELSE 0 END)" for each in conditions)
    return [int(count or 0) for count in execute(f"SELECT {sums} FROM {rows}").fetchone()]


def _first_keys(execute: Execute, source: Sources, rows: str) -> tuple[str, ...]:
    dialect = source.dialect
    found = execute(
        f"SELECT {dialect.key_text(source.table, 'w')} FROM {rows} "
        f"ORDER BY {dialect.names(source.key, 'w')} LIMIT {SHOWN}"
    )
    return tuple(str(key) for (key,) in found.fetchall())
