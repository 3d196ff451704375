"""Archives for these tests: honest ones, and zip files of which every field can be made to lie."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from hms_backup.archive import ArchiveReader, ArchiveWriter, Limits, Manifest, Member
from hms_backup.archive import zipformat as zf
from hms_backup.archive.manifest import to_json
from hms_backup.schema import ArchivedColumn, Kind

LIVE = Path(__file__).resolve().parent.parent / "archives" / "live"
ANY_SIZE = Limits()

COLUMNS = (
    ArchivedColumn(name="id", type="integer", kind=Kind.INTEGER, nullable=False),
    ArchivedColumn(name="name", type="character varying(20)", kind=Kind.TEXT, nullable=True),
)
LINES = {
    "patients": [b'{"id":1,"name":"Jos\xc3\xa9"}', b'{"id":2,"name":null}'],
    "visits": [b'{"id":7,"name":"x"}'],
    "wards": [],
}
LIVE_METADATA: dict[str, Any] = {
    "export_date": "2026-11-23T01:59:06.479328",
    "scope": "subsystem",
    "target_id": "HR1",
    "version": "1.0.0",
    "tables": ["vacancies"],
}
LIVE_ROWS = b'[\n    {\n        "id": 1\n    }\n]'

Contents = tuple[Manifest, dict[str, bytes]]


def manifest_of(members: Sequence[Member]) -> Manifest:
    return Manifest(
        export_date="2026-11-23T01:59:06.479328+00:00",
        scope="subsystem",
        target_id="CT1",
        version="1.0.0",
        members=tuple(members),
        format_version="2.0",
        system={"name": "hms", "version": "3", "instance": "ward-7"},
        database={"vendor": "postgresql", "version": "18.1"},
    )


def write_archive(file: BinaryIO, tables: Mapping[str, Iterable[list[bytes]]]) -> Manifest:
    writer = ArchiveWriter(file)
    members = [
        writer.write_table(name, COLUMNS, ("id",), batches) for name, batches in tables.items()
    ]
    manifest = manifest_of(members)
    writer.finish(manifest)
    return manifest


def archive(lines: Mapping[str, list[bytes]] | None = None) -> bytes:
    """A whole archive as this release writes it."""
    file = io.BytesIO()
    write_archive(
        file, {name: [each] for name, each in (LINES if lines is None else lines).items()}
    )
    return file.getvalue()


def live_archive(*, unseekable: bool = False, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A whole archive as the live HMS writes it, to a file or to a stream."""
    file: io.BytesIO = Unseekable() if unseekable else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as target:
        target.writestr("metadata.json", json.dumps(LIVE_METADATA, indent=4))
        target.writestr("vacancies.json", LIVE_ROWS)
    return file.getvalue()


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError("a stream has no position")

    def seek(self, _offset: int, _whence: int = 0) -> int:
        raise OSError("a stream has no position")


def read(content: bytes, limits: Limits = ANY_SIZE) -> Contents:
    """Everything an archive says: its manifest, and every member's bytes."""
    with ArchiveReader.open(io.BytesIO(content), limits) as reader:
        return reader.manifest, {
            member.file: b"".join(reader.blocks(member)) for member in reader.manifest.members
        }


@dataclass(kw_only=True)
class Lie:
    """One member of a crafted zip. ``local`` and ``central`` replace fields of its two headers."""

    name: str
    content: bytes = b""
    raw: bytes | None = None
    """Compressed data instead of what ``content`` would compress to."""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    before: bytes = b""
    """Bytes between the member before and this one."""


LOCAL_FIELDS = [
    "signature",
    "needed",
    "flags",
    "method",
    "time",
    "date",
    "crc",
    "compressed",
    "expanded",
    "name_length",
    "extra_length",
]
CENTRAL_FIELDS = [
    "signature",
    "made",
    "needed",
    "flags",
    "method",
    "time",
    "date",
    "crc",
    "compressed",
    "expanded",
    "name_length",
    "extra_length",
    "comment_length",
    "disk",
    "internal",
    "attributes",
    "offset",
]
END_FIELDS = [
    "signature",
    "disk",
    "first_disk",
    "here",
    "count",
    "size",
    "offset",
    "comment_length",
]


def deflated(content: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(content) + compressor.flush()


def craft(members: Sequence[Lie], *, end: Mapping[str, Any] | None = None) -> bytes:
    """A zip file of ``members``, true but for what they and ``end`` replace."""
    body = directory = b""
    for member in members:
        body += member.before
        truth = _truth(member, len(body))
        local = truth | member.local
        body += _pack(zf.LOCAL, LOCAL_FIELDS, local)
        body += local["name"] + local["extra"] + local["data"]
        central = truth | {"signature": zf.CENTRAL_SIGNATURE, "extra_length": 0, "extra": b""}
        central |= member.central
        directory += _pack(zf.CENTRAL, CENTRAL_FIELDS, central)
        directory += central["name"] + central["extra"] + central["comment"]
    fields: dict[str, Any] = dict.fromkeys(END_FIELDS, 0)
    fields |= {"signature": zf.END_SIGNATURE, "here": len(members), "count": len(members)}
    fields |= {"size": len(directory), "offset": len(body), "tail": b"", "before": b""}
    fields |= end or {}
    ending: bytes = fields["before"] + _pack(zf.END, END_FIELDS, fields) + fields["tail"]
    return body + directory + ending


def _truth(member: Lie, offset: int) -> dict[str, Any]:
    data = deflated(member.content) if member.raw is None else member.raw
    name = member.name.encode()
    return {
        "signature": zf.LOCAL_SIGNATURE,
        "made": zf.MADE_BY_UNIX,
        "needed": 20,
        "flags": 0 if member.name.isascii() else zf.FLAG_UTF8,
        "method": zf.DEFLATED,
        "time": 0,
        "date": zf.FIRST_DAY,
        "crc": zlib.crc32(member.content),
        "compressed": len(data),
        "expanded": len(member.content),
        "name_length": len(name),
        "extra_length": 0,
        "comment_length": 0,
        "disk": 0,
        "internal": 0,
        "attributes": zf.REGULAR_FILE,
        "offset": offset,
        "name": name,
        "extra": b"",
        "comment": b"",
        "data": data,
    }


def _pack(form: struct.Struct, names: Sequence[str], values: Mapping[str, Any]) -> bytes:
    return form.pack(*(values[name] for name in names))


def metadata(tables: Sequence[str] = ("vacancies",), **changes: Any) -> Lie:
    """The manifest of a format 1.0.0 archive that lists ``tables``."""
    content = json.dumps(LIVE_METADATA | {"tables": list(tables)} | changes).encode()
    return Lie(name="metadata.json", content=content)


def current_metadata(content: Mapping[str, bytes]) -> Lie:
    """The manifest of a format 2.0 archive of those members."""
    members = [
        Member(
            table=name,
            file=f"{name}.json",
            rows=0,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            columns=COLUMNS,
            primary_key=("id",),
        )
        for name, data in content.items()
    ]
    return Lie(name="metadata.json", content=to_json(manifest_of(members)))
