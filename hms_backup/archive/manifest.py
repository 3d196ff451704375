"""``metadata.json``: what an archive says about itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from ..exceptions import ManifestInvalid, VersionUnsupported
from ..schema import ArchivedColumn
from .zipformat import METADATA, file_name, folded, name_problem, shown

FORMAT_VERSION = "2.0"
"""Version of the format this release writes; 1.0.0 is the live HMS's own, without checksums."""

LIVE_VERSION: Final = "1.0.0"
"""What the live HMS writes as ``version``, and we with it. Its own have no ``format_version``."""

_READABLE = re.compile(r"2\.(0|[1-9][0-9]{0,3})")
_UNALTERED = "The file was altered or damaged. Use an unaltered backup."


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One ``<table>.json``. All but ``table`` and ``file`` are None in a 1.0.0 archive."""

    table: str
    file: str
    rows: int | None = None
    bytes: int | None = None
    """Length of the uncompressed member."""
    sha256: str | None = None
    """Of the uncompressed member, in hex."""
    columns: tuple[ArchivedColumn, ...] | None = None
    primary_key: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An archive's ``metadata.json``.

    ``version`` is a key of the live HMS, and `LIVE_VERSION` in what either of us writes.
    """

    export_date: str
    """ISO 8601, in UTC when this release wrote it."""
    scope: str
    """``subsystem`` or ``department``."""
    target_id: str
    version: str
    members: tuple[Member, ...]
    format_version: str | None = None
    """None for archives of the live HMS."""
    system: Mapping[str, str] | None = None
    """``name``, ``version``, ``instance`` of the system that wrote it."""
    database: Mapping[str, str] | None = None
    """``vendor`` and ``version`` of the database it was read from."""

    @property
    def has_checksums(self) -> bool:
        """Whether every member's bytes can be proved to be the ones written."""
        return all(member.sha256 is not None for member in self.members)


_Line = Annotated[str, msgspec.Meta(max_length=200)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Names = Annotated[list[_Name], msgspec.Meta(min_length=1, max_length=10_000)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Facts = Annotated[dict[_Line, _Line], msgspec.Meta(max_length=50)]


class _Versions(msgspec.Struct):
    version: _Line
    format_version: _Line | None = None


class _Live(msgspec.Struct):
    """The keys that the live HMS reads and writes."""

    export_date: _Line
    scope: Literal["subsystem", "department"]
    target_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    version: _Line
    tables: Annotated[list[_Name], msgspec.Meta(max_length=10_000)]


class _Member(msgspec.Struct):
    table: _Name
    file: _Name
    rows: _Count
    bytes: _Count
    sha256: _Sha256
    columns: Annotated[list[ArchivedColumn], msgspec.Meta(min_length=1, max_length=10_000)]
    primary_key: _Names


class _Current(_Live, kw_only=True):
    format_version: _Line
    members: Annotated[list[_Member], msgspec.Meta(max_length=10_000)]
    system: _Facts | None = None
    database: _Facts | None = None


# Made while this module is imported, by one thread. msgspec fills in a Struct's types at its first
# use, and threads that meet there crash the process (seen with 0.22 under gunicorn).
_decode_versions = msgspec.json.Decoder(_Versions).decode
_decode_live = msgspec.json.Decoder(_Live).decode
_decode_current = msgspec.json.Decoder(_Current).decode

_T = TypeVar("_T")


def to_json(manifest: Manifest) -> bytes:
    """Write ``metadata.json``: the live HMS's own keys first, then the ones that format 2.0 adds.

    Raises `ManifestInvalid` for text that UTF-8 cannot carry.
    """
    content: dict[str, Any] = {
        "export_date": manifest.export_date,
        "scope": manifest.scope,
        "target_id": manifest.target_id,
        "version": manifest.version,
        "tables": [member.table for member in manifest.members],
    }
    if manifest.format_version is not None:
        content["format_version"] = manifest.format_version
        content["system"] = manifest.system and dict(manifest.system)
        content["database"] = manifest.database and dict(manifest.database)
        content["members"] = [asdict(member) for member in manifest.members]
    try:
        return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise ManifestInvalid("The manifest has text that UTF-8 cannot carry.") from error


def parse_manifest(raw: bytes) -> Manifest:
    """Read ``metadata.json``, believing nothing: sizes, types, names and references are checked.

    Keys this release does not know are passed over: later minor versions of the format may add
    some. Raises `VersionUnsupported` for a format that is not 1.0.0 or 2.x, `ManifestInvalid` for
    anything else that is not as docs/format.md says.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _invalid("it is not UTF-8") from error
    versions = _decode(text, _decode_versions)
    if versions.format_version is None:
        _check_version(versions.version, versions.version == LIVE_VERSION)
        manifest = _from_live(_decode(text, _decode_live))
    else:
        readable = _READABLE.fullmatch(versions.format_version) is not None
        _check_version(versions.format_version, readable)
        manifest = _from_current(_decode(text, _decode_current))
    _refuse_duplicate_keys(text)
    _check_texts(manifest)
    _check_names(manifest)
    for member in manifest.members:
        _check_columns(member)
    return manifest


def _decode(text: str, decode: Callable[[str], _T]) -> _T:
    try:
        return decode(text)
    except RecursionError as error:
        raise _invalid("it is nested too deeply") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise _invalid(shown(str(error))) from error


def _check_version(version: str, readable: bool) -> None:
    if not readable:
        raise VersionUnsupported(
            f"The archive is in format {shown(version)}, which this release does not read.",
            hint=f"It reads {LIVE_VERSION} and 2.x. Restore it with the release that wrote it, "
            "or update hms_backup.",
        )


def _from_live(read: _Live) -> Manifest:
    return Manifest(
        export_date=read.export_date,
        scope=read.scope,
        target_id=read.target_id,
        version=read.version,
        members=tuple(Member(table=table, file=file_name(table)) for table in read.tables),
    )


def _from_current(read: _Current) -> Manifest:
    if read.tables != [member.table for member in read.members]:
        raise _invalid("its tables and its members are not the same")
    return Manifest(
        export_date=read.export_date,
        scope=read.scope,
        target_id=read.target_id,
        version=read.version,
        members=tuple(_to_member(member) for member in read.members),
        format_version=read.format_version,
        system=read.system,
        database=read.database,
    )


def _to_member(read: _Member) -> Member:
    return Member(
        table=read.table,
        file=read.file,
        rows=read.rows,
        bytes=read.bytes,
        sha256=read.sha256,
        columns=tuple(read.columns),
        primary_key=tuple(read.primary_key),
    )


def _refuse_duplicate_keys(text: str) -> None:
    """Two values for one key: which one counts would be up to the reader."""
    try:
        json.loads(text, object_pairs_hook=_unique_keys, parse_int=len)
    except RecursionError as error:
        raise _invalid("it is nested too deeply") from error
    except ValueError as error:
        raise _invalid(shown(str(error))) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("an object has a key twice")


def _check_texts(manifest: Manifest) -> None:
    texts = [manifest.export_date, manifest.target_id, manifest.version]
    for facts in (manifest.system or {}, manifest.database or {}):
        texts.extend([*facts.keys(), *facts.values()])
    if not all(text.isprintable() for text in texts):
        raise _invalid("it has characters that cannot be seen")
    try:
        datetime.fromisoformat(manifest.export_date)
    except ValueError as error:
        raise _invalid("its export_date is not a date and time") from error


def _check_names(manifest: Manifest) -> None:
    taken = {folded(METADATA)}
    for member in manifest.members:
        if member.file != file_name(member.table) or name_problem(member.file):
            raise _invalid(f"{shown(member.file)} cannot be a table's file")
        if folded(member.file) in taken:
            raise _invalid(f"{shown(member.file)} is named twice")
        taken.add(folded(member.file))


def _check_columns(member: Member) -> None:
    if member.columns is None or member.primary_key is None:
        return
    names = [column.name for column in member.columns]
    if len(set(names)) != len(names) or len(set(member.primary_key)) != len(member.primary_key):
        raise _invalid(f"{member.table} has a column twice", member.table)
    if not set(member.primary_key) <= set(names):
        raise _invalid(f"{member.table}'s primary key is not among its columns", member.table)
    for column in member.columns:
        if not (column.name and column.name.isprintable() and column.type.isprintable()):
            raise _invalid(f"{member.table} has a column whose name cannot be read", member.table)


def _invalid(reason: str, table: str = "") -> ManifestInvalid:
    return ManifestInvalid(f"{METADATA} is not valid: {reason}.", hint=_UNALTERED, table=table)
