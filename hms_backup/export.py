"""Scope → snapshot → rows → archive: a verified file under its final name, or no file at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from .archive import ArchiveReader, ArchiveWriter, Limits, Manifest, Member
from .archive.manifest import FORMAT_VERSION, LIVE_VERSION
from .conf import MEBIBYTE, Settings
from .engines import Engine, get_engine
from .engines.base import Snapshot
from .exceptions import ChecksumMismatch, StorageError
from .ordering import dependency_order
from .progress import Progress
from .protection import refuse_protected
from .registry import Scope
from .rows import refuse_unnameable
from .schema import ArchivedColumn, Table

UNLIMITED = Limits(max_archive_bytes=None, max_expanded_bytes=None)
"""For files this process wrote itself a moment ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """A finished, verified archive."""

    path: Path
    manifest: Manifest
    sha256: str
    """Of the file, in hex."""
    size: int
    """Of the file, in bytes."""

    @property
    def rows(self) -> int:
        """All rows of all tables."""
        return sum(member.rows or 0 for member in self.manifest.members)

    @property
    def expanded(self) -> int:
        """Bytes of all members once decompressed."""
        return sum(member.bytes or 0 for member in self.manifest.members)


def export_scope(
    scope: Scope, destination: Path, *, settings: Settings, progress: Progress | None = None
) -> ExportResult:
    """Write ``scope`` as it is at this moment to ``destination``, replacing what is there.

    The file gets its name only after it was written, synced to disk, opened again and verified;
    on any error there is no file under that name that was not there before.

    Raises `TableProtected`, the `SchemaError` family, `ValueUnsupported`, the `DatabaseError`
    family, and `StorageError`.
    """
    refuse_protected(scope.tables)
    engine = get_engine(settings.database)
    with _part_file(destination) as (part, file):
        manifest = _write(scope, engine, file, settings, progress)
        _sync(file)
        return _verify(part, destination, manifest, progress)


def export_to_file(
    scope: Scope, file: BinaryIO, *, settings: Settings, progress: Progress | None = None
) -> ExportResult:
    """Write ``scope`` to a file object, which gets the archive once it is complete and verified.

    Raises as `export_scope` does.
    """
    with tempfile.TemporaryDirectory(prefix="hms_backup-") as folder:
        path = Path(folder) / "export.hms-backup"
        result = export_scope(scope, path, settings=settings, progress=progress)
        try:
            with path.open("rb") as finished:
                while block := finished.read(MEBIBYTE):
                    _write_all(file, block)
            file.flush()
        except OSError as error:
            raise StorageError(
                f"The backup could not be written: {error.strerror or type(error).__name__}.",
                hint="What arrived is incomplete; do not keep it.",
            ) from error
    return result


def _write_all(file: BinaryIO, block: bytes) -> None:
    """Write all of it: a raw file, as unbuffered standard output is, may take less at a time."""
    if not isinstance(file, io.RawIOBase):
        file.write(block)
        return
    left = memoryview(block)
    while left:
        taken = file.write(left)
        if taken is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[taken:]


def _write(
    scope: Scope,
    engine: Engine,
    file: BinaryIO,
    settings: Settings,
    progress: Progress | None,
) -> Manifest:
    writer = ArchiveWriter(file)
    exported_at = datetime.now(UTC)
    totals = engine.row_counts(scope.tables) if progress else {}
    with engine.snapshot(scope.tables) as snapshot:
        by_name = {table.name: table for table in snapshot.tables}
        members = [
            _write_table(writer, snapshot, by_name[name], totals.get(name), progress)
            for name in dependency_order(snapshot.tables).tables
        ]
    manifest = _manifest(scope, members, exported_at, engine, settings)
    writer.finish(manifest)
    return manifest


def _write_table(
    writer: ArchiveWriter,
    snapshot: Snapshot,
    table: Table,
    total: int | None,
    progress: Progress | None,
) -> Member:
    batches = snapshot.read(table)
    if progress is not None:
        batches = _counted(batches, table.name, total, progress)
    return writer.write_table(table.name, _archived(table), table.primary_key, batches)


def _counted(
    batches: Iterator[list[bytes]], table: str, total: int | None, progress: Progress
) -> Iterator[list[bytes]]:
    done = 0
    progress("read", table, done, total)
    for batch in batches:
        done += len(batch)
        progress("read", table, done, total)
        yield batch


def _archived(table: Table) -> tuple[ArchivedColumn, ...]:
    refuse_unnameable(table.name, [column.name for column in table.columns])
    return tuple(
        ArchivedColumn(
            name=column.name,
            type=column.type,
            kind=column.kind,
            nullable=column.nullable,
            generated=column.generated,
        )
        for column in table.columns
    )


def _manifest(
    scope: Scope,
    members: list[Member],
    exported_at: datetime,
    engine: Engine,
    settings: Settings,
) -> Manifest:
    return Manifest(
        export_date=exported_at.isoformat(),
        scope=str(scope.kind),
        target_id=scope.id,
        version=LIVE_VERSION,
        members=tuple(members),
        format_version=FORMAT_VERSION,
        system={
            "name": settings.system_name,
            "version": settings.system_version,
            "instance": settings.instance_id,
        },
        database={"vendor": engine.vendor, "version": engine.version()},
    )


@contextmanager
def _part_file(destination: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a file beside ``destination`` that takes its name only if all goes well."""
    part = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
    try:
        # Readable by its owner only: it holds people's records.
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                yield part, file
            part.replace(destination)
            _sync_directory(destination.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise StorageError(
            f"The backup cannot be written to {destination}: {error.strerror or error}.",
            hint="Check that the folder exists, is writable and has free space.",
        ) from error


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    """Make the new name survive a power cut, where the platform can."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _verify(
    part: Path, destination: Path, manifest: Manifest, progress: Progress | None
) -> ExportResult:
    """Read the file back from disk as a restore would."""
    with ArchiveReader.open(part, UNLIMITED) as reader:
        if reader.manifest != manifest:
            raise ChecksumMismatch(
                "The backup that was written does not read back as it was meant.",
                hint="Check the disk it was written to, then try again.",
            )
        reader.verify(progress)
        return ExportResult(
            path=destination, manifest=manifest, sha256=reader.sha256, size=reader.size
        )
