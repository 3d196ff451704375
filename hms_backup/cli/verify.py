"""``hms_backup verify``: prove that an archive is intact, without a database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from rich.text import Text

from .. import services
from . import inspect, source
from .exits import Exit
from .terminal import Terminal, facts, indented
from .words import count

HELP = "prove that an archive is intact"
EXAMPLES = """\
  manage.py hms_backup verify HR1-20261123T063000Z.hms-backup
  for f in /backups/*.hms-backup; do manage.py hms_backup verify "$f" || echo "$f is damaged"; done
"""


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("file", metavar="FILE", type=Path, help=source.HELP)


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Read every byte of the archive and hold it against the checksums."""
    with source.archive(options["file"]) as file, terminal.progress() as progress:
        found = services.verify_archive(file, progress=progress)
    if terminal.as_json:
        terminal.json({"intact": True, **inspect.as_json(found)})
        return Exit.OK
    rows = sum(member.rows or 0 for member in found.manifest.members)
    tables = len(found.manifest.members)
    proof, what = "every checksum matches.", ("rows", f"{rows:,} of {count(tables, 'table')}")
    if not found.manifest.has_checksums:
        proof = "readable to the end, but it carries no checksums to prove more."
        what = ("tables", f"{tables:,}")
    terminal.show(
        Text.assemble(("Intact: ", "bold green"), proof),
        "",
        indented(facts(("file", source.named(options["file"])), what, *inspect.describe(found))),
    )
    return Exit.OK
