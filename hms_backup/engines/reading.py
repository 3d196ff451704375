"""Reading a plan's remembered changes back, for people and for the digest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..plan import Action, RowChange
from .merging import Sources

_ACTIONS = {"I": Action.INSERT, "U": Action.UPDATE, "D": Action.DELETE}


def changes_query(source: Sources, limit: int, offset: int, search_condition: str = "") -> str:
    """Return the query for some changed rows: action, key, live values, archived values."""
    dialect, columns = source.dialect, source.staged.columns
    before = ", ".join(dialect.as_text(dialect.column(name, "m")) for name in columns)
    after = ", ".join(dialect.as_text(dialect.column(name, "s")) for name in columns)
    return (
        f"SELECT d.hms_action, {dialect.key_text(source.table, 'd')}, {before}, {after} "
        f"FROM {source.delta} d "
        f"LEFT JOIN {source.current} m ON {dialect.equal(source.key, 'm', 'd')} "
        f"LEFT JOIN {source.archived} s ON {dialect.equal(source.key, 's', 'd')} "
        f"{search_condition} "
        f"ORDER BY {dialect.names(source.key, 'd')} LIMIT {limit:d} OFFSET {offset:d}"
    )


def searched_text(source: Sources) -> str:
    """Return one expression that holds everything a person might look for in a change."""
    dialect = source.dialect
    parts = [dialect.key_text(source.table, "d")]
    for side in ("m", "s"):
        parts += [
            f"coalesce({dialect.as_text(dialect.column(name, side))}, '')"
            for name in source.staged.columns
        ]
    return " || ' ' || ".join(parts)


def row_changes(source: Sources, rows: Sequence[Sequence[Any]]) -> Iterator[RowChange]:
    """Turn the rows of `changes_query` into changes."""
    columns = source.staged.columns
    for action, key, *values in rows:
        kind = _ACTIONS[action]
        before = dict(zip(columns, values[: len(columns)], strict=True))
        after = dict(zip(columns, values[len(columns) :], strict=True))
        yield RowChange(
            table=source.table.name,
            key=key,
            action=kind,
            before={} if kind is Action.INSERT else before,
            after={} if kind is Action.DELETE else after,
        )


def fingerprints_query(source: Sources) -> str:
    """Return the query for one text per change, in key order: action, key, live row's hash."""
    dialect = source.dialect
    return (
        f"SELECT d.hms_action || ' ' || coalesce({dialect.key_text(source.table, 'd')}, '') "
        f"|| ' ' || coalesce(d.hms_live, '') FROM {source.delta} d "
        f"ORDER BY {dialect.names(source.key, 'd')}"
    )
