"""Ordering tables by the references between them, and opening the circles in these."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from .schema import DependencyOrder, ForeignKey, OnDelete, Table


def dependency_order(tables: Sequence[Table]) -> DependencyOrder:
    """Order ``tables`` so that each comes after those it refers to.

    References to tables outside the list and self-references (one statement inserts all rows of a
    table, and the database checks at its end) do not constrain the order. A cycle is opened at
    deferrable references, which need no more than to be deferred, else at nullable ones.
    """
    edges = _constraining_references(tables)
    deferred: dict[str, list[str]] = {}
    unbroken: list[tuple[str, ...]] = []
    ordered: list[str] = []
    waiting = [table.name for table in tables]
    while waiting:
        ready = [name for name in waiting if not any(key.target in waiting for key in edges[name])]
        if not ready:
            cycle = _find_cycle(waiting, edges)
            if _open_cycle(tables, cycle, edges, deferred):
                continue
            unbroken.append(tuple(cycle))
            ready = cycle[:1]
        ordered.extend(ready)
        waiting = [name for name in waiting if name not in ready]
    return DependencyOrder(
        tuple(ordered),
        {name: tuple(dict.fromkeys(columns)) for name, columns in deferred.items()},
        tuple(unbroken),
    )


def _constraining_references(tables: Sequence[Table]) -> dict[str, list[ForeignKey]]:
    names = {table.name for table in tables}
    return {
        table.name: [
            key for key in table.foreign_keys if key.target in names and key.target != table.name
        ]
        for table in tables
    }


def _find_cycle(waiting: Collection[str], edges: Mapping[str, list[ForeignKey]]) -> list[str]:
    path: list[str] = []
    name = next(iter(waiting))
    while name not in path:
        path.append(name)
        name = next(key.target for key in edges[name] if key.target in waiting)
    return path[path.index(name) :]


def _open_cycle(
    tables: Sequence[Table],
    cycle: list[str],
    edges: dict[str, list[ForeignKey]],
    deferred: dict[str, list[str]],
) -> bool:
    by_name = {table.name: table for table in tables}
    links = list(zip(cycle, cycle[1:] + cycle[:1], strict=True))
    for attempt in range(3):
        for name, following in links:
            keys = [key for key in edges[name] if key.target == following]
            opened = [_opening(by_name[name], key, attempt) for key in keys]
            if None not in opened:
                edges[name] = [key for key in edges[name] if key not in keys]
                columns = [column for each in opened for column in each or ()]
                if columns:
                    deferred.setdefault(name, []).extend(columns)
                return True
    return False


def _opening(table: Table, key: ForeignKey, attempt: int) -> tuple[str, ...] | None:
    """Return the columns to leave null for now so that ``key`` does not count; None if it must.

    Of a reference over several columns one null is enough (SQL:2016, MATCH SIMPLE). RESTRICT is
    checked at once even where the reference is deferrable, so those come last.
    """
    if key.deferrable and (key.on_delete is not OnDelete.RESTRICT or attempt == 2):
        return ()
    nullable = tuple(name for name in key.columns if table.column(name).nullable)
    return nullable if nullable and attempt >= 1 else None
