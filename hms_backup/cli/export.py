"""``hms_backup export``: back up a department or subsystem to a file or to standard output."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from rich.text import Text

from .. import services
from ..api import os_actor
from ..inspection import new_name
from ..registry import Scope, registry
from ..services import Backup
from .exits import Exit, UsageError
from .terminal import Terminal, facts, grid, indented
from .words import count, size

HELP = "back up a department or a subsystem"
EXAMPLES = """\
  manage.py hms_backup export HR1                    to HR1-20261123T063000Z.hms-backup, here
  manage.py hms_backup export LOGISTICS -o /backups  a whole department, into a folder
  manage.py hms_backup export HR1 -o hr1.hms-backup --force
  manage.py hms_backup export HR1 -o - | ssh vault 'cat > hr1.hms-backup'
"""
ORIGIN = "command line"
STDOUT = "-"
FOLDER_ENDS = tuple(each for each in (os.sep, os.altsep) if each)


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("id", metavar="ID", help="a department or subsystem, such as HR or HR1")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        default="",
        help="the file to write, or the folder to write it in; - is standard output",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the file if it exists already"
    )


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Export, then say what was written and where."""
    scope = registry.scope(options["id"])
    actor = os_actor(ORIGIN)
    if options["output"] == STDOUT:
        stream = _binary_stdout(terminal)
        with terminal.progress() as progress:
            backup = services.create_backup(scope, stream, actor=actor, progress=progress)
        terminal.err.print(_summary(backup))
        terminal.warn(backup.warnings)
        return Exit.OK
    path = _path(options["output"], scope)
    with terminal.progress() as progress:
        backup = services.create_backup(
            scope, path, actor=actor, overwrite=options["force"], progress=progress
        )
    if terminal.as_json:
        terminal.json(as_json(backup))
    else:
        _show(backup, terminal)
    terminal.warn(backup.warnings)
    return Exit.OK


def as_json(backup: Backup) -> dict[str, object]:
    """The result for scripts."""
    return {
        "operation": str(backup.operation_id),
        "scope": str(backup.scope.kind),
        "id": backup.scope.id,
        "name": backup.scope.name,
        "path": str(backup.path),
        "bytes": backup.size,
        "sha256": backup.sha256,
        "tables": {member.table: member.rows for member in backup.manifest.members},
        "warnings": list(backup.warnings),
    }


def _path(output: str, scope: Scope) -> Path:
    name = new_name(scope.id)
    if not output:
        return Path.cwd() / name
    path = Path(output)
    return path / name if output.endswith(FOLDER_ENDS) or _is_folder(path) else path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long, or in a folder that is closed to us: writing to it will say so
        return False


def _binary_stdout(terminal: Terminal) -> BinaryIO:
    if terminal.as_json:
        raise UsageError(
            "--json and -o - cannot both have standard output.", hint="Write to a file instead."
        )
    if sys.stdout.isatty():
        raise UsageError(
            "An archive is no text for a terminal.", hint="Redirect it: -o - > FILE, or -o FILE."
        )
    return sys.stdout.buffer


def _summary(backup: Backup) -> Text:
    members = backup.manifest.members
    rows = sum(member.rows or 0 for member in members)
    return Text.assemble(
        ("Backed up ", "bold green"),
        (backup.scope.title, "bold"),
        f": {count(rows, 'row')} of {count(len(members), 'table')}, {size(backup.size)}, verified.",
    )


def _show(backup: Backup, terminal: Terminal) -> None:
    tables = grid("table", ("rows", "right"))
    for member in backup.manifest.members:
        tables.add_row(member.table, f"{member.rows or 0:,}")
    found = facts(("file", str(backup.path)), ("SHA-256", backup.sha256))
    terminal.show(_summary(backup), "", indented(tables), "", indented(found))
