"""Proving, before the commit, that the tables are what the plan said they would be."""

from __future__ import annotations

from collections.abc import Sequence

from ..plan import Counts, Problem, Severity
from ..schema import Trigger
from .merging import Execute, Sources


def prove(
    execute: Execute,
    source: Sources,
    counts: Counts,
    running: Sequence[Trigger],
    *,
    watched: bool,
) -> Problem | None:
    """Compare one table with its archived rows again; return what is not as planned.

    ``running`` are the triggers that may have fired, and ``watched`` says whether `watch` was
    called before the merge.
    """
    missing, different, live = _compare_again(execute, source)
    altered = max(different - counts.skipped, 0)
    surplus = live - (
        counts.unchanged + counts.update + counts.skipped + counts.insert + counts.kept
    )
    touched = _count_touched(execute, source) if watched else 0
    if not (missing or altered or surplus or touched) and different == counts.skipped:
        return None
    columns = _differing_columns(execute, source) if altered else []
    found = [
        f"{count:,} {what}"
        for count, what in (
            (missing, "missing"),
            (altered, f"altered in {', '.join(columns)}"),
            (max(surplus, 0), "too many"),
            (max(-surplus - missing, 0), "too few"),
            (touched, "altered that were to stay as they are"),
        )
        if count
    ]
    cause = "Triggers that ran: " + ", ".join(f"{each.table}.{each.name}" for each in running)
    return Problem(
        code="not_as_planned",
        severity=Severity.CONFIRM,
        table=source.table.name,
        column=", ".join(columns),
        count=missing + altered + abs(surplus) + touched,
        message=f"After the merge the rows of {source.table.name} are not what the plan says: "
        f"{'; '.join(found) or 'rows that were to differ do not'}."
        + (f" {cause}." if running else ""),
        hint="A trigger or rule of the database changed them. Have the tables' owner run the "
        "restore without firing triggers, or accept it with --accept not_as_planned.",
    )


def watch(execute: Execute, source: Sources) -> None:
    """Remember what the merge leaves alone: `prove` then sees whether anything else changed it."""
    execute(source.dialect.temporary.format(name=_watched(source), query=_untouched(source)))


def _watched(source: Sources) -> str:
    return source.dialect.temporary_name("hms_watch_" + source.staged.suffix)


def _untouched(source: Sources) -> str:
    """Return a query for key and hash of the rows, and parts of rows, that are not written."""
    dialect = source.dialect
    writable = [column.name for column in source.table.writable]
    lacking = [name for name in writable if name not in source.staged.columns]

    def select(columns: Sequence[str], condition: str) -> str:
        return (
            f"SELECT {dialect.names(source.key, 'm')}, "
            f"{dialect.row_hash(columns, 'm')} AS hms_hash FROM {source.live} m WHERE {condition}"
        )

    query = select(writable, f"NOT {source.in_delta('m', 'IUD')}")
    if lacking:
        query += f" UNION ALL {select(lacking, source.in_delta('m', 'U'))}"
    return query


def _count_touched(execute: Execute, source: Sources) -> int:
    (count,) = execute(
        f"SELECT count(*) FROM {_watched(source)} b LEFT JOIN ({_untouched(source)}) a "
        f"ON {source.dialect.equal(source.key, 'a', 'b')} "
        "WHERE a.hms_hash IS NULL OR a.hms_hash <> b.hms_hash"
    ).fetchone()
    return int(count)


def _compare_again(execute: Execute, source: Sources) -> tuple[int, int, int]:
    """Return how many archived rows are missing, how many differ, and how many rows are live."""
    dialect, first = source.dialect, source.dialect.column(source.key[0], "m")
    missing, different = execute(
        f"SELECT coalesce(sum(CASE WHEN {first} IS NULL THEN 1 ELSE 0 END), 0), "
        f"coalesce(sum(CASE WHEN {first} IS NOT NULL THEN 1 ELSE 0 END), 0) "
        f"FROM {source.archived} s LEFT JOIN {source.current} m "
        f"ON {dialect.equal(source.key, 's', 'm')} "
        f"WHERE {first} IS NULL OR {dialect.differs(source.staged.columns, 's', 'm')}"
    ).fetchone()
    (live,) = execute(f"SELECT count(*) FROM {source.live}").fetchone()
    return int(missing), int(different), int(live)


def _differing_columns(execute: Execute, source: Sources) -> list[str]:
    """Return the columns in which some written row is not as archived."""
    dialect, columns = source.dialect, source.staged.columns
    counted = ", ".join(
        f"sum(CASE WHEN {dialect.differs((name,), 's', 'm')} THEN 1 ELSE 0 END)" for name in columns
    )
    counts = execute(
        f"SELECT {counted} FROM {source.archived} s JOIN {source.current} m "
        f"ON {dialect.equal(source.key, 's', 'm')}"
    ).fetchone()
    return [name for name, count in zip(columns, counts, strict=True) if count]
