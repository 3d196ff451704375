"""The zip structures that writer and reader share: byte layouts, and which names are plain.

Source: PKWARE's APPNOTE 6.3.10, sections 4.3 (records), 4.4 (fields) and 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from typing import Final

METADATA: Final = "metadata.json"
STORED: Final = 0
DEFLATED: Final = 8

FLAG_ENCRYPTED: Final = 0x0001
FLAG_DESCRIPTOR: Final = 0x0008
"""Sizes and CRC follow the data, because the file could not be rewound when it was written."""
FLAG_UTF8: Final = 0x0800

MAX16: Final = 0xFFFF
MAX32: Final = 0xFFFFFFFF
VERSION: Final = 20
VERSION_ZIP64: Final = 45
FIRST_DAY: Final = 0x0021
"""1980-01-01, the zip format's first date: the same data must give the same bytes."""
REGULAR_FILE: Final = 0o100600 << 16
MADE_BY_UNIX: Final = 3 << 8 | VERSION_ZIP64

LOCAL: Final = struct.Struct("<4s5H3L2H")
CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
END: Final = struct.Struct("<4s4H2LH")
END64: Final = struct.Struct("<4sQ2H2L4Q")
LOCATOR: Final = struct.Struct("<4sLQL")
DESCRIPTOR: Final = struct.Struct("<4s3L")
DESCRIPTOR64: Final = struct.Struct("<4sL2Q")
EXTRA: Final = struct.Struct("<2H")

LOCAL_SIGNATURE: Final = b"PK\x03\x04"
CENTRAL_SIGNATURE: Final = b"PK\x01\x02"
END_SIGNATURE: Final = b"PK\x05\x06"
END64_SIGNATURE: Final = b"PK\x06\x06"
LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"
ZIP64_TAG: Final = 1

MAX_NAME_BYTES: Final = 255
_QUOTED = 200
_UNPLAIN = frozenset('/\\:*?"<>|')


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member as the archive's central directory describes it. Sizes are in bytes."""

    name: str
    crc: int
    compressed: int
    expanded: int
    offset: int
    """Where its local header begins."""
    method: int = DEFLATED
    flags: int = 0
    time: int = 0
    date: int = FIRST_DAY


def name_problem(name: str) -> str:
    """Say why ``name`` cannot be a member's name; empty when it can.

    A plain name means the same file on every system that might unpack the archive: one path
    component, visible, in Unicode's composed form.
    """
    if not name.isprintable():
        return "it has characters that cannot be seen"
    if _UNPLAIN.intersection(name):
        return "it has a character that file names cannot have everywhere"
    if name != name.strip(" .") or not name:
        return "it is empty, or begins or ends with a dot or a space"
    if unicodedata.normalize("NFC", name) != name:
        return "it is not in Unicode's composed form (NFC)"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"it is longer than {MAX_NAME_BYTES} bytes"
    return ""


def folded(name: str) -> str:
    """The form in which two names are the same file on some system."""
    return unicodedata.normalize("NFC", name.casefold())


def file_name(table: str) -> str:
    """The member that holds a table's rows."""
    return f"{table}.json"


def shown(text: str) -> str:
    """Text from an archive as a message may quote it: short, and with nothing invisible in it."""
    visible = "".join(each if each.isprintable() else "?" for each in text[:_QUOTED])
    return f"{visible}…" if len(text) > _QUOTED else visible


def pack_local(entry: Entry, *, zip64: bool) -> bytes:
    """The header before a member's data.

    With ``zip64`` its length does not depend on the sizes, so that it can be written before they
    are known and put right afterwards.
    """
    name = entry.name.encode()
    extra = b""
    compressed, expanded = entry.compressed, entry.expanded
    if zip64:
        extra = EXTRA.pack(ZIP64_TAG, 16) + struct.pack("<2Q", expanded, compressed)
        compressed = expanded = MAX32
    head = LOCAL.pack(
        LOCAL_SIGNATURE,
        VERSION_ZIP64 if zip64 else VERSION,
        entry.flags,
        entry.method,
        entry.time,
        entry.date,
        entry.crc,
        compressed,
        expanded,
        len(name),
        len(extra),
    )
    return head + name + extra


def pack_central(entry: Entry) -> bytes:
    """A member's record in the central directory; sizes beyond 32 bits go to its zip64 field."""
    name = entry.name.encode()
    sizes = (entry.expanded, entry.compressed, entry.offset)
    large = [size for size in sizes if size >= MAX32]
    expanded, compressed, offset = (min(size, MAX32) for size in sizes)
    extra = struct.pack(f"<2H{len(large)}Q", ZIP64_TAG, 8 * len(large), *large) if large else b""
    head = CENTRAL.pack(
        CENTRAL_SIGNATURE,
        MADE_BY_UNIX,
        VERSION_ZIP64 if large else VERSION,
        entry.flags,
        entry.method,
        entry.time,
        entry.date,
        entry.crc,
        compressed,
        expanded,
        len(name),
        len(extra),
        0,
        0,
        0,
        REGULAR_FILE,
        offset,
    )
    return head + name + extra


def pack_end(count: int, size: int, offset: int) -> bytes:
    """The end of the archive: ``count`` records of together ``size`` bytes begin at ``offset``."""
    end64 = b""
    if count >= MAX16 or size >= MAX32 or offset >= MAX32:
        end64 = END64.pack(
            END64_SIGNATURE,
            END64.size - 12,
            MADE_BY_UNIX,
            VERSION_ZIP64,
            0,
            0,
            count,
            count,
            size,
            offset,
        ) + LOCATOR.pack(LOCATOR_SIGNATURE, 0, offset + size, 1)
    shortened = min(count, MAX16)
    return end64 + END.pack(
        END_SIGNATURE, 0, 0, shortened, shortened, min(size, MAX32), min(offset, MAX32), 0
    )
