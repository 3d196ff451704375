"""Comparing an archive's columns with the live table's: same, safe or blocking, per column."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .schema import ArchivedColumn, Column, ColumnDiff, Compatibility, Kind, Table, TableDiff


def compare_table(
    archived: Iterable[ArchivedColumn] | None,
    live: Table,
    *,
    same_vendor: bool,
    leave_out: Collection[str] = (),
) -> TableDiff:
    """Say, per column, whether a restore can carry it.

    ``archived`` is None for archives that describe no columns (the live HMS's own, version
    1.0.0): the rows' keys are then held against the live columns as they are read.
    """
    if archived is None:
        carried = tuple(column.name for column in live.writable)
        return TableDiff(table=live.name, carried=carried)
    before = {column.name: column for column in archived}
    now = {column.name: column for column in live.columns if not column.generated}
    computed = {column.name for column in live.columns if column.generated}
    dropped = tuple(
        name
        for name, column in before.items()
        if name not in now and not (name in computed and column.generated)
    )
    left_out = tuple(name for name in dropped if name in leave_out or before[name].generated)
    added = tuple(name for name in now if name not in before)
    carried = tuple(name for name in now if name in before)
    diffs = [
        *(_dropped(name, name in left_out, name in computed) for name in dropped),
        *(_added(name) for name in added),
        *(_changed(before[name], now[name], same_vendor)
          for name in carried if name not in leave_out),
        *(_blocking(name, "the live table still has it, so it cannot be left out")
          for name in carried if name in leave_out),
        *(_blocking(name, "the archive does not hold it, so it cannot be left out")
          for name in sorted(leave_out) if name not in before),
        *(_blocking(name, "it is part of the primary key and the archive does not hold it")
          for name in live.primary_key if name not in before),
        *(_blocking(name, "it is part of the primary key and the database computes it")
          for name in live.primary_key if name in computed),
    ]  # fmt: skip
    return TableDiff(
        table=live.name,
        carried=carried,
        added=added,
        dropped=dropped,
        left_out=left_out,
        columns=tuple(each for each in diffs if each.compatibility is not Compatibility.SAME),
    )


def _blocking(column: str, reason: str) -> ColumnDiff:
    return ColumnDiff(column=column, compatibility=Compatibility.BLOCKING, reason=reason)


def _safe(column: str, reason: str) -> ColumnDiff:
    return ColumnDiff(column=column, compatibility=Compatibility.SAFE, reason=reason)


def _dropped(name: str, left_out: bool, computed: bool) -> ColumnDiff:
    what = "the database computes it now" if computed else "the live table no longer has it"
    if left_out:
        return _safe(name, f"{what}; left out")
    return _blocking(name, f"{what}; its archived values would be lost")


def _added(name: str) -> ColumnDiff:
    return _safe(
        name, "added since the backup; updated rows keep their value, new rows get the default"
    )


def _changed(before: ArchivedColumn, now: Column, same_vendor: bool) -> ColumnDiff:
    if before.type == now.type and before.kind == now.kind:
        return ColumnDiff(column=now.name, compatibility=Compatibility.SAME, reason="")
    change = f"its type was {before.type} and is {now.type} now"
    if before.kind == now.kind and (before.kind is not Kind.OTHER or not same_vendor):
        return _safe(now.name, f"{change}; every value is checked to fit")
    if (before.kind, now.kind) == (Kind.INTEGER, Kind.NUMERIC):
        return _safe(now.name, f"{change}; every value is checked to fit")
    if before.kind.is_string and now.kind is Kind.TEXT:
        return _safe(now.name, f"{change}; the text form is kept")
    if not same_vendor and _comparable(before.kind, now.kind):
        return _safe(now.name, f"{change} in another kind of database; every value is checked")
    return _blocking(now.name, f"{change}; values could be altered on the way")


def _comparable(before: Kind, now: Kind) -> bool:
    """Whether two vendors' kinds share a JSON form, so that reading the value is the check."""
    return (
        before == now
        or (before.is_string and now.is_string)
        or (before.is_number and now.is_number)
    )
