"""``hms_backup inspect``: what an archive says about itself, without a database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from .. import services
from ..services import Inspection
from . import source
from .exits import Exit
from .terminal import Terminal, facts, grid, indented
from .words import printable, size, written

HELP = "show what an archive holds"
EXAMPLES = """\
  manage.py hms_backup inspect HR1-20261123T063000Z.hms-backup
  manage.py hms_backup inspect old.hms-backup --json | jq .target_id
"""
VENDORS = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help=source.HELP)


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Read the archive's structure and manifest; its rows are left unread."""
    with source.archive(options["file"]) as file:
        found = services.inspect_archive(file)
    if terminal.as_json:
        terminal.json(as_json(found))
        return Exit.OK
    terminal.show(facts(*describe(found)), "", indented(_tables(found)))
    return Exit.OK


def as_json(found: Inspection) -> dict[str, object]:
    """The manifest for scripts; sizes in bytes."""
    manifest = found.manifest
    return {
        "scope": manifest.scope,
        "target_id": manifest.target_id,
        "registered_as": found.scope.id if found.scope else None,
        "export_date": manifest.export_date,
        "format_version": manifest.format_version or manifest.version,
        "version": manifest.version,
        "system": dict(manifest.system or {}),
        "database": dict(manifest.database or {}),
        "checksums": manifest.has_checksums,
        "bytes": found.size,
        "expanded_bytes": found.expanded,
        "sha256": found.sha256,
        "tables": [
            {
                "table": member.table,
                "rows": member.rows,
                "bytes": found.sizes[member.table],
                "sha256": member.sha256,
                "columns": member.columns and [column.name for column in member.columns],
                "primary_key": member.primary_key and list(member.primary_key),
            }
            for member in manifest.members
        ],
    }


def describe(found: Inspection) -> list[tuple[str, str]]:
    """What the archive says of itself, as names and values."""
    manifest = found.manifest
    system, database = manifest.system or {}, manifest.database or {}
    vendor = database.get("vendor", "")
    instance = system.get("instance", "")
    name = found.scope.name if found.scope else "not registered here"
    return [
        ("holds", f"{manifest.scope} {manifest.target_id} · {name}"),
        ("written", written(manifest.export_date)),
        (
            "by",
            f"{system.get('name', '')} {system.get('version', '')}".strip()
            + (f", instance {instance}" if instance else ""),
        ),
        ("from", f"{VENDORS.get(vendor, vendor)} {database.get('version', '')}".strip()),
        ("format", manifest.format_version or f"{manifest.version} of the live HMS"),
        ("size", f"{size(found.size)}, {size(found.expanded)} unpacked"),
        ("SHA-256", found.sha256),
        (
            "checksums",
            "" if manifest.has_checksums else "none: only its zip structure can be proved",
        ),
    ]


def _tables(found: Inspection) -> Any:
    table = grid("table", ("rows", "right"), ("columns", "right"), ("unpacked", "right"))
    for member in found.manifest.members:
        table.add_row(
            printable(member.table),
            "?" if member.rows is None else f"{member.rows:,}",
            "?" if member.columns is None else f"{len(member.columns):,}",
            size(found.sizes[member.table]),
        )
    return table
