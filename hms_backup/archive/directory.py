"""Reads a zip file's structure and accepts only what cannot be understood in two ways.

Refused: bytes that belong to no member, members that overlap, records that contradict each
other, names that are not plain, methods other than stored and deflate. Nothing is decompressed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from ..exceptions import ArchiveError
from . import zipformat as zf
from .source import Source
from .zipformat import Entry, shown

_FLAGS_ALLOWED: Final = zf.FLAG_DESCRIPTOR | zf.FLAG_UTF8 | 0x0006
"""The last two say how hard the writer tried to compress; they change nothing for a reader."""

_RECORD_MAX: Final = zf.CENTRAL.size + zf.MAX_NAME_BYTES + zf.EXTRA.size + 3 * 8
_FILE_TYPE: Final = 0o170000
_REGULAR: Final = (0, 0o100000)
_DOS_DIRECTORY: Final = 0x10
_ALTERED: Final = "The file was altered, damaged, or not written by this system. Use the original."


@dataclass(frozen=True, slots=True)
class Located:
    """A member and where its data is."""

    entry: Entry
    data: int
    """Offset of its first compressed byte."""


@dataclass(frozen=True, slots=True)
class _End:
    """Where the central directory is, from the record at the end of the file."""

    count: int
    size: int
    offset: int


def read_directory(source: Source, max_members: int) -> dict[str, Located]:
    """Return the members by name, in file order.

    Raises `ArchiveError` unless the whole file, from its first byte to its last, is members that
    follow each other without gap, each described twice alike, and then the directory.
    """
    end = _read_end(source)
    if end.count > max_members:
        raise _refused(f"it holds {end.count} files, and {max_members} is the most accepted")
    if end.size > end.count * _RECORD_MAX:
        raise _refused("its directory is larger than its entries")
    entries = _read_central(source.read(end.offset, end.size), end.count)
    _check_names(entries)
    members: dict[str, Located] = {}
    position = 0
    for entry in entries:
        if entry.offset != position:
            raise _refused(f"{shown(entry.name)} does not begin where the file before it ends")
        members[entry.name], position = _read_local(source, entry)
    if position != end.offset:
        raise _refused("there is something between its last file and its directory")
    return members


def _read_end(source: Source) -> _End:
    offset = source.size - zf.END.size
    if offset < 0:
        raise _no_end(source.size)
    signature, *disks, here, count, size, start, comment = zf.END.unpack(
        source.read(offset, zf.END.size)
    )
    if signature != zf.END_SIGNATURE:
        raise _no_end(source.size)
    if any(disks) or here != count or comment:
        raise _refused("the record at its end contradicts itself")
    short = _End(count, size, start)
    end, boundary = _read_end64(source, offset, short)
    if end.offset + end.size != boundary:
        raise _refused("its directory is not where the record at its end says")
    return end


def _read_end64(source: Source, offset: int, short: _End) -> tuple[_End, int]:
    """Return the end record's 64-bit form if there is one, and where the directory must end."""
    at = offset - zf.LOCATOR.size
    found = source.read(at, zf.LOCATOR.size) if at >= zf.END64.size else b""
    if not found.startswith(zf.LOCATOR_SIGNATURE):
        return short, offset
    _, disk, where, disks = zf.LOCATOR.unpack(found)
    boundary = at - zf.END64.size
    fields = zf.END64.unpack(source.read(boundary, zf.END64.size))
    signature, length, _, needed, this_disk, first_disk, here, count, size, start = fields
    end = _End(count, size, start)
    consistent = (
        signature == zf.END64_SIGNATURE
        and length == zf.END64.size - 12
        and needed <= zf.VERSION_ZIP64
        and (disk, disks, this_disk, first_disk) == (0, 1, 0, 0)
        and where == boundary
        and here == count
        and short.count in (zf.MAX16, end.count)
        and short.size in (zf.MAX32, end.size)
        and short.offset in (zf.MAX32, end.offset)
    )
    if not consistent:
        raise _refused("the two records at its end contradict each other")
    return end, boundary


def _read_central(directory: bytes, count: int) -> list[Entry]:
    entries = []
    position = 0
    for _ in range(count):
        head = directory[position : position + zf.CENTRAL.size]
        if len(head) < zf.CENTRAL.size or not head.startswith(zf.CENTRAL_SIGNATURE):
            raise _refused("its directory cannot be read")
        fields = zf.CENTRAL.unpack(head)
        length = zf.CENTRAL.size + sum(fields[10:13])
        tail = directory[position + zf.CENTRAL.size : position + length]
        entries.append(_central_entry(fields, tail))
        position += length
    if position != len(directory):
        raise _refused("its directory is larger than its entries")
    return entries


def _central_entry(fields: tuple[int, ...], tail: bytes) -> Entry:
    (_, _, needed, flags, method, time, date, crc, compressed, expanded) = fields[:10]
    (name_length, extra_length, comment, disk, _, attributes, offset) = fields[10:]
    name = _decode_name(tail[:name_length], flags)
    _check_kind(name, needed, flags, method, attributes)
    if comment or disk:
        raise _refused(f"the directory's record of {shown(name)} is not a plain one")
    extra = tail[name_length : name_length + extra_length]
    expanded, compressed, offset = _widen(name, (expanded, compressed, offset), extra)
    if method == zf.STORED and compressed != expanded:
        raise _refused(f"{shown(name)} is not compressed and yet has two sizes")
    return Entry(
        name=name,
        crc=crc,
        compressed=compressed,
        expanded=expanded,
        offset=offset,
        method=method,
        flags=flags,
        time=time,
        date=date,
    )


def _decode_name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & zf.FLAG_UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise _refused("it holds a file whose name cannot be read") from error


def _check_kind(name: str, needed: int, flags: int, method: int, attributes: int) -> None:
    quoted = shown(name)
    if problem := zf.name_problem(name):
        raise _refused(f"the name {quoted!r} in it is not acceptable: {problem}")
    if flags & zf.FLAG_ENCRYPTED:
        raise _refused(f"{quoted} is encrypted")
    if method not in (zf.STORED, zf.DEFLATED):
        raise _refused(f"{quoted} is compressed in a way that backups never are")
    if flags & ~_FLAGS_ALLOWED or needed > zf.VERSION_ZIP64:
        raise _refused(f"{quoted} uses features of zip files that backups never use")
    if (attributes >> 16) & _FILE_TYPE not in _REGULAR or attributes & _DOS_DIRECTORY:
        raise _refused(f"{quoted} is not a regular file")


def _widen(name: str, sizes: tuple[int, ...], extra: bytes) -> list[int]:
    """Replace each size that did not fit 32 bits by its value from the zip64 field.

    The field must hold exactly those, or, as Python before 3.11.4 writes it, repeat all sizes; and
    no other extra field is accepted: some of them give a member a second name.
    """
    repeated = struct.pack(f"<{len(sizes)}Q", *sizes)
    if extra == zf.EXTRA.pack(zf.ZIP64_TAG, len(repeated)) + repeated and zf.MAX32 not in sizes:
        return list(sizes)
    saturated = sizes.count(zf.MAX32)
    tag = zf.EXTRA.pack(zf.ZIP64_TAG, 8 * saturated) if saturated else b""
    if not extra.startswith(tag) or len(extra) != len(tag) + 8 * saturated:
        raise _refused(f"{shown(name)} has additional fields that backups never have")
    wide = iter(struct.unpack(f"<{saturated}Q", extra[len(tag) :]))
    return [next(wide) if size == zf.MAX32 else size for size in sizes]


def _check_names(entries: list[Entry]) -> None:
    taken: set[str] = set()
    for entry in entries:
        if zf.folded(entry.name) in taken:
            raise _refused(f"two files in it are named {shown(entry.name)}")
        taken.add(zf.folded(entry.name))


def _read_local(source: Source, entry: Entry) -> tuple[Located, int]:
    """Hold the header before the data against the directory; return the member and its end."""
    fields = zf.LOCAL.unpack(source.read(entry.offset, zf.LOCAL.size))
    signature, needed, flags, method, time, date, crc, compressed, expanded = fields[:9]
    name_length, extra_length = fields[9:]
    tail = source.read(entry.offset + zf.LOCAL.size, name_length + extra_length)
    extra = tail[name_length:]
    expanded, compressed = _widen(entry.name, (expanded, compressed), extra)
    sizes = (crc, compressed, expanded)
    described = (entry.crc, entry.compressed, entry.expanded)
    same = (
        signature == zf.LOCAL_SIGNATURE
        and needed <= zf.VERSION_ZIP64
        and (flags, method, time, date) == (entry.flags, entry.method, entry.time, entry.date)
        and tail[:name_length] == entry.name.encode()
        and (sizes == described or (flags & zf.FLAG_DESCRIPTOR and sizes == (0, 0, 0)))
    )
    if not same:
        raise _refused(f"{shown(entry.name)} is described in two ways that contradict each other")
    data = entry.offset + zf.LOCAL.size + len(tail)
    end = data + entry.compressed
    if flags & zf.FLAG_DESCRIPTOR:
        end += _check_descriptor(source, entry, end, wide=bool(extra))
    return Located(entry, data), end


def _check_descriptor(source: Source, entry: Entry, offset: int, *, wide: bool) -> int:
    form = zf.DESCRIPTOR64 if wide else zf.DESCRIPTOR
    found = form.unpack(source.read(offset, form.size))
    expected = (zf.DESCRIPTOR_SIGNATURE, entry.crc, entry.compressed, entry.expanded)
    if found != expected:
        raise _refused(f"{shown(entry.name)} is described in two ways that contradict each other")
    return form.size


def _no_end(size: int) -> ArchiveError:
    if size == 0:
        return ArchiveError("The file is empty.", hint="Use the file that the backup wrote.")
    return ArchiveError(
        "The file is not a whole .hms-backup archive: it does not end as one.",
        hint="It is incomplete, has something added behind it, or is another kind of file. "
        "Copy or download it again.",
    )


def _refused(reason: str) -> ArchiveError:
    return ArchiveError(f"The file is not a well-formed archive: {reason}.", hint=_ALTERED)
