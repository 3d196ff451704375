"""The shortest way for a test to back a scope up, look at a plan, and restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hms_backup.archive import ArchiveReader, Limits
from hms_backup.conf import get_settings
from hms_backup.export import ExportResult, export_scope
from hms_backup.plan import Mode, RestorePlan
from hms_backup.registry import Scope
from hms_backup.restore import RestoreOptions, apply_restore, plan_restore
from tests.support import run_sql, snapshot

UNLIMITED = Limits(max_archive_bytes=None, max_expanded_bytes=None)


def backup(scope: Scope, folder: Path, name: str = "backup.hms-backup") -> Path:
    """Export ``scope`` and return the file."""
    return exported(scope, folder, name).path


def exported(scope: Scope, folder: Path, name: str = "backup.hms-backup") -> ExportResult:
    """Export ``scope`` and return all that is known of the file."""
    return export_scope(scope, folder / name, settings=get_settings())


def plan(scope: Scope, path: Path, **options: Any) -> RestorePlan:
    """A dry run."""
    with ArchiveReader.open(path, UNLIMITED) as reader:
        return plan_restore(reader, scope, RestoreOptions(**options), settings=get_settings())


def restore(
    scope: Scope, path: Path, *, expected_digest: str | None = None, **options: Any
) -> RestorePlan:
    """A restore that is carried out."""
    with ArchiveReader.open(path, UNLIMITED) as reader:
        return apply_restore(
            reader,
            scope,
            RestoreOptions(**options),
            settings=get_settings(),
            expected_digest=expected_digest,
        )


def undo(
    scope: Scope, folder: Path, damage: str, *, mode: Mode = Mode.MIRROR, **options: Any
) -> RestorePlan:
    """Back up, run ``damage``, restore as planned; every row is as it was. Return the plan."""
    before = snapshot(*scope.tables)
    path = backup(scope, folder)
    run_sql(damage)
    assert snapshot(*scope.tables) != before
    planned = plan(scope, path, mode=mode, **options)
    done = restore(scope, path, mode=mode, expected_digest=planned.digest, **options)
    assert done.counts == planned.counts
    assert snapshot(*scope.tables) == before
    assert plan(scope, path, mode=mode).counts.changes == 0
    return planned
