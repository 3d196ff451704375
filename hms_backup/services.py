"""The use cases: what the command line, the Python API and every later door call.

Whatever reads or writes the hospital's tables is audited. Where the actor is a user,
the policy is asked first; an actor without one is an operator, whom the system itself let in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from .access import authorize, inspect_archive, refuse, require, verify_archive
from .archive import ArchiveReader, Manifest
from .audit import Actor
from .conf import Settings, get_settings
from .exceptions import PlanError, ScopeMismatch, StorageError
from .export import ExportResult, export_scope, export_to_file
from .inspection import Inspection, Source, file_name, open_archive, scope_of
from .models import AuditLog
from .operation import Operation
from .overview import Standing, history, overview
from .plan import RestorePlan
from .policy import Right
from .progress import Progress
from .registry import Scope, ScopeKind
from .restore import RestoreOptions, apply_restore
from .restore import plan_restore as plan_of_restore

__all__ = [
    "Actor",
    "Backup",
    "Expected",
    "Inspection",
    "Restoration",
    "RestoreOptions",
    "Right",
    "Source",
    "Standing",
    "authorize",
    "create_backup",
    "history",
    "inspect_archive",
    "overview",
    "plan_restore",
    "refuse",
    "restore",
    "verify_archive",
]


Expected = Scope | ScopeKind | None
"""What the archive of a restore must be of; None takes the archive's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished, verified backup."""

    operation_id: UUID
    scope: Scope
    path: Path | None
    """None when it was written to a file object."""
    manifest: Manifest
    sha256: str
    size: int
    """In bytes."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A plan, and whether it was carried out."""

    operation_id: UUID
    scope: Scope
    manifest: Manifest
    sha256: str
    plan: RestorePlan
    applied: bool
    warnings: tuple[str, ...] = ()


def create_backup(
    scope: Scope,
    destination: Path | BinaryIO,
    *,
    actor: Actor,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Backup:
    """Back up a department or subsystem.

    A file object gets the archive only once it is complete and verified. Raises `HmsBackupError`,
    among others `NotPermitted`; then there is no file, and the audit log says why.
    """
    settings = get_settings()
    name = file_name(destination)
    with Operation(AuditLog.Action.BACKUP, actor, scope=scope, file_name=name) as operation:
        require(actor, Right.BACKUP, scope)
        if isinstance(destination, Path):
            _check_free(destination, overwrite)
            result = export_scope(scope, destination, settings=settings, progress=progress)
        else:
            result = export_to_file(scope, destination, settings=settings, progress=progress)
        operation.learned(
            archive_sha256=result.sha256,
            file_size=result.size,
            rows_archived=result.rows,
        )
        operation.learned_details(
            tables={member.table: {"rows": member.rows} for member in result.manifest.members}
        )
    return Backup(
        operation_id=operation.id,
        scope=scope,
        path=destination if isinstance(destination, Path) else None,
        manifest=result.manifest,
        sha256=result.sha256,
        size=result.size,
        warnings=(*_over_limits(result, settings), *operation.warnings),
    )


def plan_restore(
    source: Source,
    *,
    actor: Actor,
    options: RestoreOptions,
    expected: Expected = None,
    progress: Progress | None = None,
) -> Restoration:
    """Say exactly what a restore would do, and do none of it; audited as a dry run.

    A subsystem may be ``expected`` of its department's archive too: then only that subsystem is
    planned. Problems are part of the plan. Raises `ArchiveError`, `SchemaError`, `DatabaseError`.
    """
    with _restoring(source, actor, options, expected, dry_run=True) as (operation, restoring):
        plan = plan_of_restore(
            restoring.reader,
            restoring.scope,
            restoring.options,
            settings=get_settings(),
            progress=progress,
        )
        operation.learned_plan(plan)
    return restoring.done(operation, plan, applied=False)


def restore(
    source: Source,
    *,
    actor: Actor,
    options: RestoreOptions,
    expected: Expected = None,
    expected_digest: str | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Plan, apply, prove and commit, in one transaction.

    With ``expected_digest``, the digest of a plan shown before, it refuses when anything changed
    since. Raises `PlanRefused`, `PlanOutdated`, `ProofFailed` and everything `plan_restore` does;
    then nothing was changed.
    """
    with _restoring(source, actor, options, expected, dry_run=False) as (operation, restoring):
        plan = apply_restore(
            restoring.reader,
            restoring.scope,
            restoring.options,
            settings=get_settings(),
            expected_digest=expected_digest,
            progress=progress,
            before_writing=lambda: require(
                actor, Right.RESTORE, _touched(restoring.scope, restoring.options)
            ),
        )
        operation.learned_plan(plan)
    return restoring.done(operation, plan, applied=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Restoring:
    """An open archive, and where and how it is restored."""

    reader: ArchiveReader
    scope: Scope
    options: RestoreOptions

    def done(self, operation: Operation, plan: RestorePlan, *, applied: bool) -> Restoration:
        return Restoration(
            operation_id=operation.id,
            scope=_touched(self.scope, self.options),
            manifest=self.reader.manifest,
            sha256=self.reader.sha256,
            plan=plan,
            applied=applied,
            warnings=operation.warnings,
        )


@contextmanager
def _restoring(
    source: Source, actor: Actor, options: RestoreOptions, expected: Expected, *, dry_run: bool
) -> Iterator[tuple[Operation, _Restoring]]:
    """Open the audit entry, then the archive, and check that it is the ``expected`` one."""
    operation = Operation(
        AuditLog.Action.RESTORE,
        actor,
        scope=_touched(expected, options) if isinstance(expected, Scope) else None,
        dry_run=dry_run,
        file_name=file_name(source),
        details=_options(options),
    )
    with operation, _permitted_archive(source, actor, options, expected) as reader:
        operation.learned(archive_sha256=reader.sha256, file_size=reader.size)
        scope, options = _addressed(reader.manifest, expected, options)
        touched = _touched(scope, options)
        operation.learned(scope=touched)
        require(actor, Right.RESTORE, touched)
        try:
            yield operation, _Restoring(reader=reader, scope=scope, options=options)
        except PlanError as error:
            if error.plan is not None:
                operation.learned_plan(error.plan)
            raise


def _permitted_archive(
    source: Source, actor: Actor, options: RestoreOptions, expected: Expected
) -> ArchiveReader:
    """Open the archive; where its scope is known beforehand, only for those who may restore it."""
    if isinstance(expected, Scope):
        require(actor, Right.RESTORE, _touched(expected, options))
    return open_archive(source)


def _addressed(
    manifest: Manifest, expected: Expected, options: RestoreOptions
) -> tuple[Scope, RestoreOptions]:
    """Return the scope the archive is of, and the options with what of it is to be restored."""
    if isinstance(expected, Scope) and expected.kind is ScopeKind.SUBSYSTEM:
        whole = expected.whole_department
        if whole.covers(manifest.scope, manifest.target_id):
            return whole, replace(options, only=expected.id)
    scope = expected if isinstance(expected, Scope) else scope_of(manifest)
    kind = expected or scope.kind
    if not scope.covers(manifest.scope, manifest.target_id) or kind not in (scope, scope.kind):
        wanted = f"{scope.kind} {scope.id}" if isinstance(expected, Scope) else f"a {expected}"
        raise ScopeMismatch(
            f"The archive is of {manifest.scope} {manifest.target_id}, not of {wanted}.",
            hint="Choose the archive of the department or subsystem you want to restore.",
        )
    return scope, options


def _touched(scope: Scope, options: RestoreOptions) -> Scope:
    """Return what the operation touches: with ``only``, one subsystem of a department."""
    only = (options.only or "").casefold()
    for each in scope.subsystems:
        if only in {name.casefold() for name in (each.id, *each.aliases)}:
            return Scope(ScopeKind.SUBSYSTEM, each.id, each.name, scope.department, (each,))
    return scope


def _options(options: RestoreOptions) -> dict[str, Any]:
    return {
        "mode": str(options.mode),
        "only": options.only,
        "selected": list(options.tables),
        "left_out": sorted(options.leave_out),
        "fire_triggers": options.fire_triggers,
        "accepted": sorted(options.accept),
    }


def _over_limits(result: ExportResult, settings: Settings) -> Iterator[str]:
    """Say now that a restore would refuse the file, not on the day it is needed."""
    for what, size, key in (
        ("has", result.size, "MAX_ARCHIVE_BYTES"),
        ("unpacks to", result.expanded, "MAX_EXPANDED_BYTES"),
    ):
        if size > getattr(settings, key.lower()):
            yield (
                f"The backup {what} {size:,} bytes: to restore it here, raise "
                f'HMS_BACKUP["{key}"] to at least that.'
            )


def _check_free(path: Path, overwrite: bool) -> None:
    try:
        taken = not overwrite and path.exists()
    except OSError:  # too long, or in a folder that is closed to us: writing to it will say so
        return
    if taken:
        raise StorageError(
            f"{path} exists already and was left as it is.",
            hint="Choose another name, or replace it with --force (overwrite=True in Python).",
        )
