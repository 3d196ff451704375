"""Archive → stage → check → classify → RestorePlan → apply → prove → commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .archive import ArchiveReader
from .conf import Settings
from .engines import get_engine
from .engines.base import Merge, RestoreSession
from .exceptions import PlanOutdated, PlanRefused, ProofFailed
from .ordering import dependency_order
from .plan import RestorePlan, TablePlan
from .planning import Planned, make_plan
from .progress import Progress
from .registry import Scope
from .selection import RestoreOptions, select
from .staging import stage

__all__ = ["RestoreOptions", "apply_restore", "plan_restore", "read_changes"]


def plan_restore(
    reader: ArchiveReader,
    scope: Scope,
    options: RestoreOptions,
    *,
    settings: Settings,
    progress: Progress | None = None,
) -> RestorePlan:
    """Return what `apply_restore` would do now. Nothing is written to the scope's tables.

    Raises the `ArchiveError`, `SchemaError` and `DatabaseError` families and `ValueUnsupported`;
    everything else that is wrong is in the plan's problems.
    """
    selection = select(reader, scope, options)
    with get_engine(settings.database).restore_session(dry_run=True) as session:
        tables = session.inspect(list(selection))
        staged = stage(session, reader, tables, selection, options, progress)
        return make_plan(session, reader, scope, staged, options, settings).plan


def apply_restore(
    reader: ArchiveReader,
    scope: Scope,
    options: RestoreOptions,
    *,
    settings: Settings,
    expected_digest: str | None = None,
    progress: Progress | None = None,
    before_writing: Callable[[], None] | None = None,
) -> RestorePlan:
    """Restore in one transaction, and return the plan that was carried out.

    With ``expected_digest``, refuse unless the plan is still the one it was taken from.
    ``before_writing`` is called when only the writing is left to do, and may raise to prevent it.

    Raises what `plan_restore` raises, and `Busy`, `PlanRefused`, `PlanOutdated` and `ProofFailed`;
    whatever is raised, nothing was changed.
    """
    selection = select(reader, scope, options)
    with get_engine(settings.database).restore_session(dry_run=False) as session:
        session.claim(list(selection))
        tables = session.inspect(list(selection))
        staged = stage(session, reader, tables, selection, options, progress)
        session.lock(tables)
        if session.inspect(list(selection)) != tables:
            raise _outdated("A table's structure changed while the archive was being read.")
        planned = make_plan(session, reader, scope, staged, options, settings)
        _refuse(planned.plan, options, expected_digest)
        if before_writing is not None:
            before_writing()
        if planned.plan.counts.changes:
            _apply(session, planned, options, progress)
        session.commit()
        return planned.plan


def read_changes(
    reader: ArchiveReader,
    scope: Scope,
    options: RestoreOptions,
    *,
    settings: Settings,
    limit: int,
    offset: int = 0,
    search: str = "",
) -> tuple[TablePlan, ...]:
    """Return the plan of ``options.tables`` alone, with some of the rows that change now.

    The order is the primary key's; ``search`` finds text in any column, before or after.
    Raises what `plan_restore` raises.
    """
    selection = select(reader, scope, options)
    with get_engine(settings.database).restore_session(dry_run=True) as session:
        tables = session.inspect(list(selection))
        staged = [
            each
            for each in stage(session, reader, tables, selection, options, None)
            if not each.diff.blocking
        ]
        order = dependency_order([each.table for each in staged])
        counts = session.classify(Merge(staged=tuple(staged), order=order, mode=options.mode))
        return tuple(
            TablePlan(
                table=each.table.name,
                counts=counts[each.table.name],
                diff=each.diff,
                changes=tuple(session.changes(each, limit, offset, search)),
            )
            for each in staged
        )


def _outdated(message: str) -> PlanOutdated:
    return PlanOutdated(message, hint="Look at a new dry run, then confirm that one.")


def _refuse(plan: RestorePlan, options: RestoreOptions, expected_digest: str | None) -> None:
    if expected_digest is not None and expected_digest != plan.digest:
        raise _outdated("The data changed after the plan was shown.").with_plan(plan)
    open_questions = [each for each in plan.to_confirm if each.code not in options.accept]
    stopping = [*plan.blocking, *open_questions]
    if stopping:
        first = stopping[0]
        several = f"{len(stopping)} problems stop the restore; the first"
        raise PlanRefused(
            f"{several if len(stopping) > 1 else 'A problem stops the restore'}: {first.message}",
            hint=first.hint,
            table=first.table,
            row=", ".join(first.rows[:1]),
            column=first.column,
        ).with_plan(plan)


def _apply(
    session: RestoreSession,
    planned: Planned,
    options: RestoreOptions,
    progress: Progress | None,
) -> None:
    tell = progress or _nobody
    tell("write", "", 0, None)
    session.apply(planned.merge, fire_triggers=options.fire_triggers)
    tell("prove", "", 0, None)
    surprises = session.prove(planned.merge, planned.counts)
    refused = [each for each in surprises if each.code not in options.accept]
    if refused:
        first = refused[0]
        raise ProofFailed(
            first.message, hint=first.hint, table=first.table, column=first.column
        ).with_plan(replace(planned.plan, problems=(*surprises, *planned.plan.problems)))
    session.advance_sequences([each.table for each in planned.merge.staged])


def _nobody(step: str, table: str, done: int, total: int | None) -> None:
    """Progress that no one asked for."""
