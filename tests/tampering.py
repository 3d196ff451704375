"""Archives that are well formed and lie: other rows, tables or scope than were exported."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hms_backup.archive import ArchiveReader, ArchiveWriter, Limits, Member

Row = dict[str, Any]
Alter = Callable[[list[Row]], list[Row]]
UNLIMITED = Limits(max_archive_bytes=None, max_expanded_bytes=None)


def rewritten(
    path: Path,
    *,
    rows: dict[str, Alter] | None = None,
    rename: dict[str, str] | None = None,
    columns: dict[str, dict[str, str]] | None = None,
    order: Callable[[list[str]], list[str]] = list,
    **manifest: Any,
) -> Path:
    """Write ``path`` again beside it with rows altered per table, tables and columns renamed,
    members reordered and fields of the manifest replaced; every checksum fits."""
    target = path.with_name(f"rewritten-{path.name}")
    with ArchiveReader.open(path, UNLIMITED) as reader, target.open("w+b") as file:
        writer = ArchiveWriter(file)
        members = {member.table: member for member in reader.manifest.members}
        written = []
        for name in order(list(members)):
            found = json.loads(b"".join(reader.blocks(members[name])))
            altered = (rows or {}).get(name, list)(found)
            member = _renamed(members[name], (columns or {}).get(name, {}))
            written.append(_member(writer, member, (rename or {}).get(name, name), altered))
        writer.finish(replace(reader.manifest, members=tuple(written), **manifest))
    return target


def _member(writer: ArchiveWriter, member: Member, name: str, rows: list[Row]) -> Member:
    lines = [json.dumps(row, ensure_ascii=False).encode() for row in rows]
    assert member.columns is not None
    assert member.primary_key is not None
    return writer.write_table(name, member.columns, member.primary_key, [lines])


def _renamed(member: Member, names: dict[str, str]) -> Member:
    columns = member.columns or ()
    return replace(
        member,
        columns=tuple(replace(each, name=names.get(each.name, each.name)) for each in columns),
    )


def with_text(path: Path, table: str, text: bytes, *, live: bool = False) -> Path:
    """Write ``path`` again beside it with other bytes for one table; every checksum fits.

    ``live`` gives it the form of the live system's archives, which have none.
    """
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(texts.pop("metadata.json"))
    texts[f"{table}.json"] = text
    if live:
        keys = ("export_date", "scope", "target_id", "tables")
        manifest = {"version": "1.0.0"} | {key: manifest[key] for key in keys}
    for member in manifest.get("members", ()):
        if member["table"] == table:
            member |= {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    return write_zip(path.with_name(f"altered-{path.name}"), manifest, texts)


def write_zip(path: Path, manifest: dict[str, Any], texts: dict[str, bytes]) -> Path:
    """Write an archive of any manifest and any files, with Python's own zip module."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        archive.writestr("metadata.json", json.dumps(manifest))
    return path
