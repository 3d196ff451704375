"""``hms_backup list``: departments, subsystems, tables, rows, and when each was last backed up."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from rich.table import Table
from rich.text import Text

from .. import services
from ..models import AuditLog
from ..registry import ScopeKind, registry
from ..services import Standing
from .exits import Exit
from .terminal import Terminal, grid
from .words import moment, printable, zone

HELP = "list departments, subsystems and tables"
EXAMPLES = """\
  manage.py hms_backup list
  manage.py hms_backup list HR1
  manage.py hms_backup list --json | jq -r '.[] | select(.last_backup == null) | .id'
"""


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("id", metavar="ID", nargs="?", help="only this department or subsystem")


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Count the rows of every table and look up the last backups."""
    only = registry.scope(options["id"]) if options["id"] else None
    standings = services.overview(only)
    if terminal.as_json:
        terminal.json([as_json(each) for each in standings])
    elif standings:
        terminal.show(_table(standings))
    else:
        terminal.show("No department is registered: no installed app has a backups.py.")
    return Exit.OK


def as_json(standing: Standing) -> dict[str, object]:
    """One department or subsystem for scripts."""
    backup = standing.last_backup
    return {
        "scope": str(standing.scope.kind),
        "id": standing.scope.id,
        "name": standing.scope.name,
        "department": standing.scope.department.id,
        "tables": standing.rows,
        "last_backup": backup
        and {
            "operation": str(backup.operation_id),
            "timestamp": backup.timestamp.isoformat(),
            "by": backup.username,
            "scope": backup.scope.lower(),
            "id": backup.target_id,
            "file": backup.file_name,
            "sha256": backup.archive_sha256,
        },
    }


def _table(standings: list[Standing]) -> Table:
    table = grid("department, subsystem, table", ("rows", "right"), f"last backup ({zone()})", "by")
    for index, standing in enumerate(standings):
        scope, rows = standing.scope, standing.rows
        whole = scope.kind is ScopeKind.DEPARTMENT
        if whole and index:
            table.add_row()
        table.add_row(
            Text(scope.title if whole else f"  {scope.title}", style="bold" if whole else ""),
            f"{sum(count or 0 for count in rows.values()):,}",
            *_backup(standing.last_backup, scope.id),
        )
        for name, count in () if whole else rows.items():
            shown = Text("missing", style="red") if count is None else Text(f"{count:,}", "dim")
            table.add_row(Text(f"    {name}", style="dim"), shown)
    return table


def _backup(entry: AuditLog | None, scope_id: str) -> tuple[Text, Text]:
    if entry is None:
        return Text("never", style="yellow"), Text()
    by = printable(entry.username)
    return Text(moment(entry.timestamp)), Text(
        by if entry.target_id == scope_id else f"{by} ({entry.target_id})"
    )
