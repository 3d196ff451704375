"""What became of an operation, for the one who did it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ..conf import get_settings
from ..exceptions import UnknownScope
from ..models import AuditLog
from ..plan import Mode
from ..registry import Scope, ScopeKind, registry
from . import wording
from .asking import audit_address, own_entry_or_404, page
from .door import Door
from .phrases import MODES


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """What was done to one table."""

    label: str
    table: str
    counts: dict[str, int]


@page
def result(request: HttpRequest, door: Door, operation_id: UUID) -> HttpResponse:
    """One operation's outcome, from the audit log."""
    entry = own_entry_or_404(request, operation_id)
    context = {
        "title": title_of(entry),
        "entry": entry,
        "scope": scope_of(entry),
        "tables": tables_of(entry),
        "error_title": wording.error_code_title(entry.error_code),
        "error_advice": wording.error_code_advice(entry.error_code),
        "audit_url": audit_address(request, door, entry),
        "unsure": _is_unsure(entry),
        "over_limit": _is_over_limit(entry),
    }
    return door.render(request, "result.html", context)


def _is_unsure(entry: AuditLog) -> bool:
    """Whether a failed restore may have been completed all the same."""
    restore = entry.action == AuditLog.Action.RESTORE and not entry.dry_run
    return restore and wording.leaves_unsure(entry.error_code)


def _is_over_limit(entry: AuditLog) -> bool:
    """Whether a backup is larger than what a restore here would take."""
    is_backup = entry.action == AuditLog.Action.BACKUP
    return is_backup and (entry.file_size or 0) > get_settings().max_archive_bytes


def title_of(entry: AuditLog) -> str:
    """Say what was done and how it went."""
    scope = scope_of(entry)
    return _title(entry) % {"id": wording.short(scope) if scope else entry.target_id}


def _title(entry: AuditLog) -> str:
    if entry.action == AuditLog.Action.BACKUP:
        ended = {"SUCCESS": _("%(id)s was backed up"), "FAIL": _("%(id)s was not backed up")}
        return ended.get(entry.status, _("%(id)s is being backed up"))
    if entry.action == AuditLog.Action.EXPORT:
        ended = {
            "SUCCESS": _("Rows of %(id)s were exported"),
            "FAIL": _("No rows of %(id)s were exported"),
        }
        return ended.get(entry.status, _("Rows of %(id)s are being exported"))
    ended = {"SUCCESS": _("%(id)s was restored"), "FAIL": _("%(id)s was not restored")}
    if entry.dry_run:
        ended = {"SUCCESS": _("Preview of %(id)s"), "FAIL": _("%(id)s could not be previewed")}
    return ended.get(entry.status, _("%(id)s is being restored"))


def tables_of(entry: AuditLog) -> list[TableResult]:
    """Return what the entry remembers per table, in the order it was done."""
    scope = scope_of(entry)
    labels = wording.table_labels(scope) if scope else {}
    return [
        TableResult(label=labels.get(table, table), table=table, counts=counts)
        for table, counts in _as_dict(entry.details.get("tables")).items()
        if isinstance(counts, dict)
    ]


def problems_of(entry: AuditLog) -> list[dict[str, object]]:
    """Return the problems that the entry remembers, in words."""
    found = entry.details.get("problems")
    return [
        {**each, "title": wording.problem_code_title(str(each.get("code", "")))}
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, dict)
    ]


def options_of(entry: AuditLog) -> list[tuple[str, str]]:
    """Return how the operation was asked for: only what is not the default, except the mode."""
    details = entry.details
    names = {
        "table": _("table"),
        "format": _("format"),
        "only": _("only the subsystem"),
        "selected": _("only the tables"),
        "left_out": _("without the columns"),
        "accepted": _("accepted"),
    }
    found = []
    if mode := details.get("mode"):
        known = mode in set(Mode)
        found.append((_("mode"), str(MODES[Mode(mode)][0]) if known else str(mode)))
    for key, name in names.items():
        value = details.get(key)
        if value:
            found.append((name, ", ".join(value) if isinstance(value, list) else str(value)))
    if details.get("fire_triggers"):
        found.append((_("triggers"), _("run")))
    return found


def scope_of(entry: AuditLog) -> Scope | None:
    """Return what the entry is about; None when it is not registered any more, or unknown."""
    department = entry.scope == ScopeKind.DEPARTMENT.upper()
    try:
        return (registry.department if department else registry.subsystem)(entry.target_id)
    except UnknownScope:
        return None


def _as_dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
