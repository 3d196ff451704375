"""Writes a ``.hms-backup`` file: one member per table as its rows arrive, the manifest last.

Not `zipfile`: it cannot compress with isal, and leaving its ``with`` block through an exception
still writes a directory, which turns half an export into a valid archive. Here nothing is valid
until `ArchiveWriter.finish` has written ``metadata.json`` and the directory behind it.

One thread: with the database server busy on a core of its own, hashing or compressing in a second
thread was no faster on two cores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from operator import contains
from typing import BinaryIO, Final

from isal import isal_zlib

from ..exceptions import ManifestInvalid, SchemaUnsupported, StorageError, ValueUnsupported
from ..framing import member_text
from ..schema import ArchivedColumn
from .manifest import Manifest, Member, to_json
from .zipformat import (
    FLAG_UTF8,
    METADATA,
    Entry,
    file_name,
    folded,
    name_problem,
    pack_central,
    pack_end,
    pack_local,
)

CHUNK: Final = 512 * 1024
"""Bytes compressed at a time. Always exactly as many: where isal's input is cut shows in its
output, and the same rows must give the same bytes however they were batched."""

_LEVEL: Final = 1
_RAW_DEFLATE: Final = -15


class ArchiveWriter:
    """Writes one archive into an empty, seekable, buffered file; the caller opens and closes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._entries: list[Entry] = []
        self._members: list[Member] = []
        self._names = {folded(METADATA)}
        self._usable = True

    def write_table(
        self,
        table: str,
        columns: Sequence[ArchivedColumn],
        primary_key: Sequence[str],
        batches: Iterable[list[bytes]],
    ) -> Member:
        """Write a table's rows as the next member and return its description.

        Each batch is a list of JSON objects, each on one line without its newline.

        Raises `SchemaUnsupported` when the table's or a column's name has no place in an archive,
        `ValueUnsupported` for a row with a line break in it, and `StorageError` when the file
        cannot be written. Whatever is raised, also by ``batches``, the archive cannot be finished.
        """
        self._begin()
        _check_columns(table, columns)
        file = self._claim_name(table)
        offset = self._position
        rows = _Rows(table, batches)
        stream = _Deflate()
        self._write(pack_local(stream.entry(file, offset), zip64=True))
        for chunk in _equal_chunks(member_text(rows)):
            self._write(stream.feed(chunk))
        self._write(stream.flush())
        entry = stream.entry(file, offset)
        self._rewrite(offset, pack_local(entry, zip64=True))
        member = Member(
            table=table,
            file=file,
            rows=rows.count,
            bytes=stream.expanded,
            sha256=stream.sha256.hexdigest(),
            columns=tuple(columns),
            primary_key=tuple(primary_key),
        )
        self._entries.append(entry)
        self._members.append(member)
        self._usable = True
        return member

    def finish(self, manifest: Manifest) -> None:
        """Write ``metadata.json`` and the directory; only now is the file an archive.

        Raises `ManifestInvalid` when ``manifest`` does not describe exactly the members written.
        """
        self._begin()
        if manifest.members != tuple(self._members):
            raise ManifestInvalid("The manifest does not describe the tables that were written.")
        self._write_metadata(to_json(manifest))
        start = self._position
        for entry in self._entries:
            self._write(pack_central(entry))
        self._write(pack_end(len(self._entries), self._position - start, start))
        self._flush()

    def _begin(self) -> None:
        """Take the writer out of use until the step that begins here has succeeded."""
        if not self._usable:
            raise StorageError("The archive was abandoned or is finished; nothing can be added.")
        self._usable = False

    def _claim_name(self, table: str) -> str:
        name = file_name(table)
        problem = name_problem(name)
        if not problem and folded(name) in self._names:
            problem = "another file in the archive has that name, or one that differs only in case"
        if problem:
            raise SchemaUnsupported(
                f"Table {table!r} cannot be a file in an archive: {problem}.",
                hint="Rename the table, or leave it out of every subsystem.",
                table=table,
            )
        self._names.add(folded(name))
        return name

    def _write_metadata(self, content: bytes) -> None:
        stream = _Deflate()
        data = stream.feed(content) + stream.flush()
        entry = stream.entry(METADATA, self._position)
        self._write(pack_local(entry, zip64=False) + data)
        self._entries.append(entry)

    def _write(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise _unwritable(error) from error
        self._position += len(data)

    def _rewrite(self, offset: int, data: bytes) -> None:
        try:
            self._file.seek(offset)
            self._file.write(data)
            self._file.seek(self._position)
        except OSError as error:
            raise _unwritable(error) from error

    def _flush(self) -> None:
        try:
            self._file.flush()
        except OSError as error:
            raise _unwritable(error) from error


class _Deflate:
    """Compresses one member, counting and hashing what goes in and counting what comes out."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.expanded = 0
        self._compressed = 0
        self._crc = 0
        self._compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW_DEFLATE)

    def feed(self, chunk: bytes | memoryview) -> bytes:
        self.expanded += len(chunk)
        self._crc = isal_zlib.crc32(chunk, self._crc)
        self.sha256.update(chunk)
        return self._count(self._compressor.compress(chunk))

    def flush(self) -> bytes:
        return self._count(self._compressor.flush())

    def _count(self, data: bytes) -> bytes:
        self._compressed += len(data)
        return data

    def entry(self, name: str, offset: int) -> Entry:
        """The member as it stands."""
        return Entry(
            name=name,
            crc=self._crc,
            compressed=self._compressed,
            expanded=self.expanded,
            offset=offset,
            flags=0 if name.isascii() else FLAG_UTF8,
        )


class _Rows:
    """Counts rows as they pass, and refuses one that would take more than a line."""

    def __init__(self, table: str, batches: Iterable[list[bytes]]) -> None:
        self.count = 0
        """Rows so far."""
        self._table = table
        self._batches = batches

    def __iter__(self) -> Iterator[list[bytes]]:
        for lines in self._batches:
            if any(map(contains, lines, repeat(b"\n"))):
                raise self._broken_line(lines)
            self.count += len(lines)
            yield lines

    def _broken_line(self, lines: list[bytes]) -> ValueUnsupported:
        position = next(number for number, line in enumerate(lines, 1) if b"\n" in line)
        row = f"#{self.count + position}"
        return ValueUnsupported(
            f"Row {row} of {self._table} would not stand on one line of the archive.",
            hint="This is a defect of the database engine that produced the row; report it.",
            table=self._table,
            row=row,
        )


def _equal_chunks(texts: Iterable[bytes]) -> Iterator[memoryview]:
    """Cut the texts, laid end to end, into pieces of `CHUNK` bytes; the last may be shorter."""
    parts: list[bytes | memoryview] = []
    held = 0
    for text in texts:
        parts.append(text)
        held += len(text)
        if held < CHUNK:
            continue
        joined = memoryview(b"".join(parts))
        cut = held - held % CHUNK
        for start in range(0, cut, CHUNK):
            yield joined[start : start + CHUNK]
        parts = [joined[cut:]]
        held -= cut
    if held:
        yield memoryview(b"".join(parts))


def _check_columns(table: str, columns: Iterable[ArchivedColumn]) -> None:
    for column in columns:
        if not (column.name.isprintable() and column.type.isprintable()):
            raise SchemaUnsupported(
                f"A column of {table} has characters in its name or type that cannot be seen.",
                hint="Rename the column or the type.",
                table=table,
                column=column.name,
            )


def _unwritable(error: OSError) -> StorageError:
    return StorageError(
        f"The archive cannot be written: {error.strerror or error}.",
        hint="Check free space and permissions where it is being written.",
    )
