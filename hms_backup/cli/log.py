"""``hms_backup log``: who backed up, restored or exported what, when, and how it went."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rich.table import Table
from rich.text import Text

from .. import services
from ..models import AuditLog
from ..plan import Severity
from ..registry import registry
from .exits import Exit
from .terminal import Terminal, grid
from .words import count, moment, printable, zone

HELP = "show the audit log"
EXAMPLES = """\
  manage.py hms_backup log
  manage.py hms_backup log HR1 --limit 100
  manage.py hms_backup log --failed
  manage.py hms_backup log --json | jq '.[0].error_code'
"""


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    parser.add_argument("id", metavar="ID", nargs="?", help="only this department or subsystem")
    parser.add_argument(
        "--limit", type=_limit, default=20, metavar="N", help="how many entries (20); 0 shows all"
    )
    parser.add_argument("--failed", action="store_true", help="only what failed")


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Show the newest entries first."""
    found = _select(services.history(), options)
    if terminal.as_json:
        terminal.json([as_json(entry) for entry in found])
    elif found:
        terminal.show(_table(found))
    else:
        terminal.show("Nothing of this kind is in the log.")
    return Exit.OK


def as_json(entry: AuditLog) -> dict[str, object]:
    """One entry for scripts: its columns, as they are stored."""
    return {
        "operation": str(entry.operation_id),
        "timestamp": entry.timestamp.isoformat(),
        "duration_ms": entry.duration,
        "user_id": entry.user_id and str(entry.user_id),
        "username": entry.username,
        "origin": entry.origin,
        "action": entry.action,
        "dry_run": entry.dry_run,
        "scope": entry.scope,
        "target_id": entry.target_id,
        "status": entry.status,
        "file_name": entry.file_name,
        "file_size": entry.file_size,
        "archive_sha256": entry.archive_sha256,
        "rows_archived": entry.rows_archived,
        "rows_inserted": entry.rows_inserted,
        "rows_updated": entry.rows_updated,
        "rows_unchanged": entry.rows_unchanged,
        "rows_deleted": entry.rows_deleted,
        "error_code": entry.error_code,
        "error_message": entry.error_message,
        "details": entry.details,
        "host": entry.host,
        "pid": entry.pid,
    }


def _select(entries: QuerySet[AuditLog], options: dict[str, Any]) -> list[AuditLog]:
    if options["id"]:
        scope = registry.scope(options["id"])
        entries = entries.filter(scope=scope.kind.upper(), target_id=scope.id)
    if options["failed"]:
        entries = entries.filter(status=AuditLog.Status.FAIL)
    return list(entries[: options["limit"] or None])


def _table(entries: list[AuditLog]) -> Table:
    table = grid(f"when ({zone()})", "what", "by", "result")
    for entry in entries:
        table.add_row(
            moment(entry.timestamp),
            Text(f"{_verb(entry)} {printable(entry.target_id or entry.file_name)}".strip()),
            Text(printable(f"{entry.username}, {entry.origin}")),
            _result(entry),
        )
    return table


def _verb(entry: AuditLog) -> str:
    if entry.action == AuditLog.Action.BACKUP:
        return "backup"
    if entry.action == AuditLog.Action.EXPORT:
        return "row export"
    return "dry run" if entry.dry_run else "restore"


def _result(entry: AuditLog) -> Text:
    if entry.status == AuditLog.Status.STARTED:
        return Text(f"running: process {entry.pid} on {printable(entry.host)}", style="yellow")
    if entry.status == AuditLog.Status.FAIL:
        return Text.assemble(
            (f"failed [{entry.error_code}] ", "red"), printable(entry.error_message)
        )
    if entry.action == AuditLog.Action.BACKUP:
        return Text.assemble(("ok ", "green"), count(entry.rows_archived, "row"))
    if entry.action == AuditLog.Action.EXPORT:
        taken = f"{count(entry.rows_archived, 'row')} of {entry.details.get('table')}"
        return Text.assemble(("ok ", "green"), printable(taken))
    changes = f"+{entry.rows_inserted:,} ~{entry.rows_updated:,} -{entry.rows_deleted:,}"
    noted = ", ".join(("", *_noted(entry.details.get("problems", ()))))
    return Text.assemble(("ok ", "green"), f"{changes} ={entry.rows_unchanged:,}{noted}")


def _noted(problems: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    warnings = sum(problem.get("severity") == Severity.WARNING for problem in problems)
    if others := len(problems) - warnings:
        yield count(others, "problem")
    if warnings:
        yield count(warnings, "warning")


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)
