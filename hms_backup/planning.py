"""Staged rows → RestorePlan: what would change, what is in the way, and a digest of it all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .archive import ArchiveReader
from .conf import Settings
from .engines.base import Merge, RestoreSession, Staged
from .ordering import dependency_order
from .plan import Counts, Problem, RestorePlan, Severity, SideEffect, TablePlan
from .protection import is_protected
from .registry import Scope
from .schema import OnDelete
from .selection import RestoreOptions, archive_name, wanted_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan and what the session needs to carry it out."""

    plan: RestorePlan
    merge: Merge
    counts: Mapping[str, Counts]


def make_plan(
    session: RestoreSession,
    reader: ArchiveReader,
    scope: Scope,
    staged: Sequence[Staged],
    options: RestoreOptions,
    settings: Settings,
) -> Planned:
    """Compare ``staged`` with the live rows and say what a restore would do, and at what price."""
    order = dependency_order([each.table for each in staged])
    by_name = {each.table.name: each for each in staged}
    ordered = tuple(by_name[name] for name in order.tables)
    problems = [
        *_schema_problems(ordered, options),
        *_archive_warnings(reader, scope, options, settings),
    ]
    merge = Merge(
        staged=tuple(each for each in ordered if not each.diff.blocking),
        order=order,
        mode=options.mode,
    )
    counts = session.classify(merge)
    problems += session.problems(merge)
    side_effects = session.side_effects(merge)
    problems += [_consequence(each, merge) for each in side_effects]
    problems += _trigger_warnings(merge, options)
    plan = RestorePlan(
        mode=options.mode,
        tables=tuple(
            TablePlan(
                table=each.table.name,
                counts=counts.get(each.table.name, Counts()),
                diff=each.diff,
                changes=tuple(session.changes(each, options.show_changes))
                if options.show_changes and not each.diff.blocking
                else (),
            )
            for each in ordered
        ),
        problems=tuple(sorted(problems, key=lambda each: list(Severity).index(each.severity))),
        side_effects=tuple(side_effects),
        digest=_digest(session, reader, merge, counts, options, side_effects),
    )
    return Planned(plan=plan, merge=merge, counts=counts)


def _schema_problems(staged: Sequence[Staged], options: RestoreOptions) -> list[Problem]:
    return [
        Problem(
            code="column_incompatible",
            severity=Severity.BLOCKING,
            table=each.table.name,
            column=diff.column,
            message=f"The column cannot be restored: {diff.reason}.",
            hint=_way_out(each, diff.column, options),
        )
        for each in staged
        for diff in each.diff.blocking
    ]


def _way_out(staged: Staged, column: str, options: RestoreOptions) -> str:
    name = f"{staged.table.name}.{column}"
    if name in options.leave_out:
        return f"Restore without --leave-out {name}."
    if column in staged.diff.dropped:
        return f"Add --leave-out {name} to restore without it."
    return "Restore with --table without this table, or change the column back."


def _archive_warnings(
    reader: ArchiveReader, scope: Scope, options: RestoreOptions, settings: Settings
) -> list[Problem]:
    manifest = reader.manifest
    found = []

    def warn(code: str, message: str, hint: str, table: str = "") -> None:
        found.append(
            Problem(code=code, severity=Severity.WARNING, table=table, message=message, hint=hint)
        )

    if not manifest.has_checksums:
        warn(
            "no_checksums",
            "The archive carries no checksums: it cannot be proved that it is as it was written.",
            "Make sure that the file comes from where you think it does.",
        )
    instance = (manifest.system or {}).get("instance", "")
    if instance and settings.instance_id and instance != settings.instance_id:
        warn(
            "other_instance",
            f"The archive was written by another installation, {instance[:80]}.",
            "Make sure that its rows belong here.",
        )
    present = {member.table for member in manifest.members}
    for name in wanted_tables(scope, options):
        if archive_name(name) not in present:
            warn(
                "table_not_in_archive",
                "The archive does not hold this table; its rows stay as they are.",
                "It was added to the subsystem after the backup was made.",
                name,
            )
    return found


def _consequence(effect: SideEffect, merge: Merge) -> Problem:
    """Say what the merge does to rows that it does not write, by way of their references."""
    rows = f"{effect.rows:,} {'row' if effect.rows == 1 else 'rows'} of {effect.table}"
    rule = f"({effect.column}, ON {effect.event} {effect.on_delete})"
    deleting = effect.event == "DELETE"
    cause = "Deleting rows here" if deleting else "Changing a key of rows here"
    without = (
        "Restore without deleting (mode upsert)"
        if deleting
        else "Restore with --table without this table"
    )
    code, severity, hint = "cascade_outside", Severity.CONFIRM, ""
    if effect.on_delete in (OnDelete.NO_ACTION, OnDelete.RESTRICT):
        code, severity = "still_referenced", Severity.BLOCKING
        message = f"{cause} is not possible: {rows} refer to them {rule}."
    else:
        what = "deleted" if deleting and effect.on_delete == OnDelete.CASCADE else "changed"
        message = f"{cause} would also have {rows} {what} that this restore does not write {rule}."
        hint = ", or accept it with --accept cascade_outside"
        if is_protected(effect.table):
            code, severity, hint = "cascade_protected", Severity.BLOCKING, ""
            message += " No restore may touch that table."
        elif deleting and effect.table in merge.names:
            code, severity, hint = "cascade_inside", Severity.BLOCKING, ""
            message += " The backup holds these rows as they are."
    return Problem(
        code=code,
        severity=severity,
        table=effect.because_of,
        count=effect.rows,
        message=message,
        hint=f"{without}{hint}.",
    )


def _trigger_warnings(merge: Merge, options: RestoreOptions) -> Iterator[Problem]:
    for table in (each.table for each in merge.staged):
        fire = options.fire_triggers or not table.owned
        running = [*(table.triggers if fire else ()), *table.rules]
        if not running:
            continue
        if table.rules:
            hint = "A rule is never switched off. If it alters rows, the restore is refused."
        elif options.fire_triggers:
            hint = "They were asked for."
        else:
            hint = (
                "The database role does not own the table and cannot switch them off. If they "
                "alter rows, the restore is refused."
            )
        yield Problem(
            code="triggers_run",
            severity=Severity.WARNING,
            table=table.name,
            message=f"{'Triggers or rules' if table.rules else 'Triggers'} run while its rows are "
            f"written: {', '.join(each.name for each in running)}.",
            hint=hint,
        )


def _digest(
    session: RestoreSession,
    reader: ArchiveReader,
    merge: Merge,
    counts: Mapping[str, Counts],
    options: RestoreOptions,
    side_effects: Sequence[SideEffect],
) -> str:
    digest = hashlib.sha256()

    def add(*parts: str) -> None:
        digest.update(("\x1f".join(parts) + "\n").encode())

    add(reader.sha256, str(options.mode), *sorted(options.leave_out))
    for staged in merge.staged:
        add(staged.table.name, *staged.columns)
        if counts[staged.table.name] == Counts(insert=staged.rows):
            add("every row into an empty table")  # and the archive's hash says which
            continue
        for line in session.fingerprints(staged):
            digest.update(line)
    for effect in side_effects:
        add(*map(str, effect.as_dict().values()))
    return digest.hexdigest()
