"""What an archive says about itself, and whether it is intact; no database is touched."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from .archive import ArchiveReader, Limits, Manifest
from .conf import get_settings
from .exceptions import ScopeMismatch, UnknownScope
from .progress import Progress
from .registry import Scope, ScopeKind, registry

Source = Path | bytes | BinaryIO
"""An archive: its path, its bytes, or a seekable binary file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What an archive says about itself."""

    manifest: Manifest
    sha256: str
    size: int
    expanded: int
    """Bytes of all tables, once decompressed."""
    sizes: Mapping[str, int]
    """The same of each table."""
    scope: Scope | None
    """Where this project would restore it; None when it has no such department or subsystem."""


def inspect_archive(source: Source) -> Inspection:
    """Read what an archive says about itself, touching no database. Raises `ArchiveError`."""
    with open_archive(source) as reader:
        return _inspection(reader)


def verify_archive(source: Source, *, progress: Progress | None = None) -> Inspection:
    """Prove every checksum of an archive, touching no database. Raises `ArchiveError`."""
    with open_archive(source) as reader:
        reader.verify(progress)
        return _inspection(reader)


def open_archive(source: Source) -> ArchiveReader:
    """Open an archive within the project's size limits. Raises `ArchiveError`, `StorageError`."""
    settings = get_settings()
    limits = Limits(
        max_archive_bytes=settings.max_archive_bytes,
        max_expanded_bytes=settings.max_expanded_bytes,
    )
    return ArchiveReader.open(io.BytesIO(source) if isinstance(source, bytes) else source, limits)


def scope_of(manifest: Manifest) -> Scope:
    """Return the scope an archive is of. Raises `ScopeMismatch` when the project has none such."""
    find = registry.department if manifest.scope == ScopeKind.DEPARTMENT else registry.subsystem
    try:
        return find(manifest.target_id)
    except UnknownScope as error:
        raise ScopeMismatch(
            f"The archive is of {manifest.scope} {manifest.target_id}, not registered here.",
            hint="Check that it belongs to this system; an old id can be registered as an alias.",
        ) from error


def file_name(file: Path | bytes | BinaryIO) -> str:
    """Return the name without folders that the audit log remembers; empty if there is none.

    A name that Python could not decode, as in a locale without UTF-8, is read as UTF-8 after all.
    """
    name = file.name if isinstance(file, Path) else getattr(file, "name", "")
    if not isinstance(name, str):
        return ""
    try:
        return Path(name).name.encode(errors="surrogateescape").decode(errors="replace")
    except UnicodeEncodeError:  # half a surrogate pair that is no byte of a file's name
        return Path(name).name.encode(errors="replace").decode()


def new_name(id: str) -> str:
    """Return the name of a backup made now: ``HR1-20261123T051500Z.hms-backup``.

    Of an id only what no file system takes for a folder or refuses.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", id).strip("-")[:80] or "backup"
    return f"{plain}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.hms-backup"


def _inspection(reader: ArchiveReader) -> Inspection:
    try:
        scope = scope_of(reader.manifest)
    except ScopeMismatch:
        scope = None
    return Inspection(
        manifest=reader.manifest,
        sha256=reader.sha256,
        size=reader.size,
        expanded=reader.expanded,
        sizes={each.table: reader.expanded_bytes(each) for each in reader.manifest.members},
        scope=scope,
    )
