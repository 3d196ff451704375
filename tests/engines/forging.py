"""Archives that claim to come from a database of either vendor, with any values in one column."""

from __future__ import annotations

from pathlib import Path

from hms_backup.archive import ArchiveWriter, Manifest
from hms_backup.registry import Scope
from hms_backup.schema import ArchivedColumn, Kind

KEY = ArchivedColumn(name="id", type="integer", kind=Kind.INTEGER, nullable=False)


def forge(
    scope: Scope,
    folder: Path,
    column: ArchivedColumn,
    *values: str,
    vendor: str = "postgresql",
    name: str = "forged.hms-backup",
) -> Path:
    """Write an archive of the scope's only table: rows 1, 2, … with ``values``, as JSON."""
    (table,) = scope.tables
    lines = [
        f'{{"id":{number},"{column.name}":{value}}}'.encode()
        for number, value in enumerate(values, start=1)
    ]
    path = folder / name
    with path.open("w+b") as file:
        writer = ArchiveWriter(file)
        member = writer.write_table(table, (KEY, column), ("id",), [lines])
        writer.finish(
            Manifest(
                export_date="2026-11-23T01:59:06+00:00",
                scope=str(scope.kind),
                target_id=scope.id,
                version="1",
                members=(member,),
                format_version="2.0",
                system={"name": "hms_backup", "version": "", "instance": "tests"},
                database={"vendor": vendor, "version": "18.1"},
            )
        )
    return path
