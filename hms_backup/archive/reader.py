"""Reads a ``.hms-backup`` file without trusting it: structure, limits, manifest, checksums.

Nothing is extracted to disk, every size is counted while it is read, and whatever is wrong with
the file comes out as an `ArchiveError`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, cast

from isal import igzip_lib, isal_zlib

from ..conf import MEBIBYTE
from ..exceptions import ArchiveError, ArchiveTooLarge, ChecksumMismatch, ManifestInvalid
from ..progress import Progress
from .directory import Located, read_directory
from .manifest import Manifest, Member, parse_manifest
from .source import Source, unreadable
from .zipformat import METADATA, STORED, shown

BLOCK: Final = 256 * 1024
"""Most bytes that `ArchiveReader.blocks` yields at a time."""

_INPUT: Final = 64 * 1024
_IsalError = cast("type[Exception]", igzip_lib.IsalError)
"""isal's stubs declare its exception classes as instances."""

_DAMAGED: Final = "The file is damaged or was altered. Use the original, or an older backup."


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a file is accepted before it is refused unread. Sizes are in bytes."""

    max_archive_bytes: int | None = None
    """Of the file itself; None for no limit."""
    max_expanded_bytes: int | None = None
    """Of all members together, once decompressed; None for no limit."""
    max_members: int = 2000
    max_manifest_bytes: int = 4 * MEBIBYTE


class ArchiveReader:
    """An archive whose structure and manifest were found sound; its rows are yet to be read."""

    def __init__(
        self,
        source: Source,
        members: dict[str, Located],
        manifest: Manifest,
        owned: BinaryIO | None,
    ) -> None:
        self._source = source
        self._members = members
        self._owned = owned
        self.manifest = manifest
        self.size = source.size
        """Of the file, in bytes."""

    @classmethod
    def open(cls, source: Path | BinaryIO, limits: Limits) -> ArchiveReader:
        """Open an archive and check everything but the tables' contents.

        A file object must be seekable and stays the caller's to close.

        Raises `ArchiveTooLarge`, `ManifestInvalid`, `VersionUnsupported`, `ChecksumMismatch` or
        another `ArchiveError`; `StorageError` when the file cannot be read.
        """
        if not isinstance(source, Path):
            return cls._open(source, limits, None)
        try:
            file = source.open("rb")
        except (OSError, ValueError) as error:
            raise unreadable(error, source) from error
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(file.close)
            reader = cls._open(file, limits, file)
            on_failure.pop_all()
            return reader

    @classmethod
    def _open(cls, file: BinaryIO, limits: Limits, owned: BinaryIO | None) -> ArchiveReader:
        source = Source(file)
        _check_archive_size(source.size, limits.max_archive_bytes)
        members = read_directory(source, limits.max_members)
        _check_expanded_size(members, limits.max_expanded_bytes)
        manifest = _read_manifest(source, members, limits.max_manifest_bytes)
        _match(manifest, members)
        return cls(source, members, manifest, owned)

    @cached_property
    def sha256(self) -> str:
        """Of the whole file, in hex; computed when first asked for."""
        digest = hashlib.sha256()
        for offset in range(0, self.size, MEBIBYTE):
            digest.update(self._source.read(offset, min(MEBIBYTE, self.size - offset)))
        return digest.hexdigest()

    @property
    def expanded(self) -> int:
        """How many bytes all tables have once decompressed."""
        return sum(self.expanded_bytes(member) for member in self.manifest.members)

    def expanded_bytes(self, member: Member) -> int:
        """How many bytes a member has once decompressed, as the zip's directory says."""
        return self._members[member.file].entry.expanded

    def blocks(self, member: Member) -> Iterator[bytes]:
        """Yield a member's bytes, decompressed, at most `BLOCK` at a time.

        The last block is not handed out before the checksums hold; whatever was made of those
        before it must be possible to undo. Raises `ChecksumMismatch` or another `ArchiveError`.
        """
        located = self._members[member.file]
        digest = hashlib.sha256()
        held = b""
        for block in _checked(self._source, located):
            digest.update(block)
            if held:
                yield held
            held = block
        if member.sha256 not in (None, digest.hexdigest()):
            raise _mismatch(member.file, member.table)
        if held:
            yield held

    def verify(self, progress: Progress | None = None) -> None:
        """Read every member to its end, so that all checksums are proved. Raises `ArchiveError`.

        ``progress`` is told bytes. Without checksums in the manifest, the zip's own are checked.
        """
        done, total = 0, self.expanded
        for member in self.manifest.members:
            for block in self.blocks(member):
                done += len(block)
                if progress is not None:
                    progress("verify", member.table, done, total)

    def close(self) -> None:
        """Close the file if `open` opened it."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _check_archive_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise ArchiveTooLarge(
            f"The file has {size:,} bytes; the limit is {limit:,}.",
            hint=f'Raise HMS_BACKUP["MAX_ARCHIVE_BYTES"] to at least {size} to restore it.',
        )


def _check_expanded_size(members: dict[str, Located], limit: int | None) -> None:
    """Hold what the members say they expand to against the limit; `_checked` holds them to it."""
    size = sum(located.entry.expanded for located in members.values())
    if limit is not None and size > limit:
        raise ArchiveTooLarge(
            f"The file expands to {size:,} bytes; the limit is {limit:,}.",
            hint=f'Raise HMS_BACKUP["MAX_EXPANDED_BYTES"] to at least {size} to restore it.',
        )


def _read_manifest(source: Source, members: dict[str, Located], limit: int) -> Manifest:
    located = members.get(METADATA)
    if located is None:
        raise ManifestInvalid(
            f"The file is a zip archive without {METADATA}, so it is not a backup.",
            hint="Use a file that the backup wrote.",
        )
    if located.entry.expanded > limit:
        raise ManifestInvalid(
            f"{METADATA} has {located.entry.expanded:,} bytes; no backup's has over {limit:,}.",
            hint=_DAMAGED,
        )
    return parse_manifest(b"".join(_checked(source, located)))


def _match(manifest: Manifest, members: dict[str, Located]) -> None:
    """Check that the archive holds the manifest and the files it lists, and nothing else."""
    listed = {member.file for member in manifest.members} | {METADATA}
    for name in sorted(listed.symmetric_difference(members)):
        fault = "lists" if name in listed else "does not list"
        other = "the archive lacks it" if name in listed else "the archive holds it"
        raise ManifestInvalid(f"{METADATA} {fault} {shown(name)}, but {other}.", hint=_DAMAGED)
    for member in manifest.members:
        if member.bytes not in (None, members[member.file].entry.expanded):
            raise _mismatch(member.file, member.table)


def _checked(source: Source, located: Located) -> Iterator[bytes]:
    """Yield a member's bytes; raise unless size and CRC are in the end what the zip says.

    No more is ever read than that size and one block.
    """
    entry = located.entry
    size = crc = 0
    for block in _expand(source, located):
        size += len(block)
        if size > entry.expanded:
            raise _damaged(entry.name, "it expands to more than it says")
        crc = isal_zlib.crc32(block, crc)
        yield block
    if size != entry.expanded:
        raise _damaged(entry.name, "it expands to less than it says")
    if crc != entry.crc:
        raise _mismatch(entry.name)


def _expand(source: Source, located: Located) -> Iterator[bytes]:
    position, end = located.data, located.data + located.entry.compressed
    if located.entry.method == STORED:
        for offset in range(position, end, BLOCK):
            yield source.read(offset, min(BLOCK, end - offset))
        return
    inflate = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
    while not inflate.eof:
        size = min(_INPUT, end - position) if inflate.needs_input else 0
        data = source.read(position, size)
        position += size
        try:
            block = inflate.decompress(data, BLOCK)
        except _IsalError as error:
            raise _damaged(located.entry.name, "it cannot be decompressed") from error
        if block:
            yield block
        elif not data and not inflate.eof:
            raise _damaged(located.entry.name, "its compressed data ends too soon")
    if position != end or inflate.unused_data:
        raise _damaged(located.entry.name, "something follows its compressed data")


def _damaged(name: str, reason: str) -> ArchiveError:
    return ArchiveError(f"{shown(name)} in the archive is damaged: {reason}.", hint=_DAMAGED)


def _mismatch(name: str, table: str = "") -> ChecksumMismatch:
    return ChecksumMismatch(
        f"{shown(name)} in the archive is not what was written: its checksum differs.",
        hint=_DAMAGED,
        table=table,
    )
