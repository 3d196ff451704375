"""Archives that are well formed and lie: other rows, tables or scope than were exported."""

from __future__ import annotations

import json
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
