"""The door for Python code: back up and restore by id, without knowing scopes or services."""

from __future__ import annotations

import getpass
import io
import os
from pathlib import Path
from typing import BinaryIO, TypeVar, overload

from . import services
from .progress import Progress
from .registry import Scope, ScopeKind, registry
from .services import Actor, Backup, Expected, Restoration, RestoreOptions, Source

__all__ = [
    "Actor",
    "RestoreOptions",
    "export_department_data",
    "export_subsystem_data",
    "import_department_data",
    "import_subsystem_data",
    "os_actor",
]

ORIGIN = "Python"
_Other = TypeVar("_Other", bound="Source | BinaryIO")


@overload
def export_subsystem_data(
    subsystem_id: str,
    destination: None = None,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> bytes: ...


@overload
def export_subsystem_data(
    subsystem_id: str,
    destination: Path | str | BinaryIO,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> Backup: ...


def export_subsystem_data(
    subsystem_id: str,
    destination: Path | str | BinaryIO | None = None,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> bytes | Backup:
    """Back up one subsystem.

    Without a destination the archive is returned, whole and in memory; give a path or a binary
    file for constant memory. A path must not exist yet. Raises `HmsBackupError`: `UnknownScope`
    for an id that is not registered.
    """
    return _export(registry.subsystem(subsystem_id), destination, actor, progress)


@overload
def export_department_data(
    department_id: str,
    destination: None = None,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> bytes: ...


@overload
def export_department_data(
    department_id: str,
    destination: Path | str | BinaryIO,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> Backup: ...


def export_department_data(
    department_id: str,
    destination: Path | str | BinaryIO | None = None,
    *,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> bytes | Backup:
    """Back up a whole department, as `export_subsystem_data` does one subsystem."""
    return _export(registry.department(department_id), destination, actor, progress)


def import_subsystem_data(
    file_data: Source | str,
    subsystem_id: str | None = None,
    *,
    options: RestoreOptions | None = None,
    dry_run: bool = False,
    expected_digest: str | None = None,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Restore one subsystem from its archive, or from its department's.

    ``file_data`` is the archive's path, its bytes, or a seekable binary file.
    ``subsystem_id`` is the one the archive must be of; without it the archive says which. From a
    department's archive it chooses the subsystem, and is needed. With ``dry_run`` nothing is
    written and the result's ``plan`` says what would have been; its ``digest``, given as
    ``expected_digest``, makes the restore refuse when anything changed since.

    Raises `HmsBackupError`, among others `ScopeMismatch` and `PlanRefused`; then nothing was
    changed.
    """
    expected = ScopeKind.SUBSYSTEM if subsystem_id is None else registry.subsystem(subsystem_id)
    return _import(file_data, expected, options, dry_run, expected_digest, actor, progress)


def import_department_data(
    file_data: Source | str,
    department_id: str | None = None,
    *,
    options: RestoreOptions | None = None,
    dry_run: bool = False,
    expected_digest: str | None = None,
    actor: Actor | None = None,
    progress: Progress | None = None,
) -> Restoration:
    """Restore a whole department from its archive, as `import_subsystem_data` does a subsystem."""
    expected = ScopeKind.DEPARTMENT if department_id is None else registry.department(department_id)
    return _import(file_data, expected, options, dry_run, expected_digest, actor, progress)


def os_actor(origin: str) -> Actor:
    """Return who runs this process, as the operating system knows them.

    Not as the environment says, which anyone can set; only root is believed about ``SUDO_USER``.
    """
    try:
        import pwd
    except ImportError:  # Windows
        return Actor(username=getpass.getuser(), origin=origin)
    uid = os.getuid()
    try:
        username = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user may have no name
        username = f"uid {uid}"
    sudoer = os.environ.get("SUDO_USER", "") if uid == 0 else ""
    return Actor(username=f"{username} (sudo by {sudoer})" if sudoer else username, origin=origin)


def _export(
    scope: Scope,
    destination: Path | str | BinaryIO | None,
    actor: Actor | None,
    progress: Progress | None,
) -> bytes | Backup:
    actor = actor or os_actor(ORIGIN)
    if destination is not None:
        destination = _path(destination)
        return services.create_backup(scope, destination, actor=actor, progress=progress)
    memory = io.BytesIO()
    services.create_backup(scope, memory, actor=actor, progress=progress)
    return memory.getvalue()


def _import(
    source: Source | str,
    expected: Expected,
    options: RestoreOptions | None,
    dry_run: bool,
    expected_digest: str | None,
    actor: Actor | None,
    progress: Progress | None,
) -> Restoration:
    source = _path(source)
    actor, options = actor or os_actor(ORIGIN), options or RestoreOptions()
    if dry_run:
        return services.plan_restore(
            source, actor=actor, options=options, expected=expected, progress=progress
        )
    return services.restore(
        source,
        actor=actor,
        options=options,
        expected=expected,
        expected_digest=expected_digest,
        progress=progress,
    )


def _path(given: Path | str | _Other) -> Path | _Other:
    return Path(given) if isinstance(given, str) else given
