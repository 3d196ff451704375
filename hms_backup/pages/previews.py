"""What the preview shows: a plan, the archive it is of, and the choices that led to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from .. import services
from ..models import AuditLog
from ..plan import Action, Counts, RestorePlan, RowChange, TablePlan
from ..registry import Scope
from ..services import Restoration, RestoreOptions
from . import wording
from .differences import Cell, cells, recognisable
from .phrases import MODES

SHOWN = 3
"""Changed rows per table that the preview shows before one asks for more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    """One row that changes."""

    action: Action
    key: str
    about: tuple[str, ...]
    """Some of what stays as it is, to recognise the row by."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableShown:
    """One table of the plan."""

    name: str
    label: str
    counts: Counts
    changes: tuple[ChangeShown, ...]
    url: str
    """Where all its changes are."""
    opened: bool

    @property
    def left_alone(self) -> int:
        """Rows that are not as in the backup and that the mode does not touch."""
        return self.counts.skipped + self.counts.kept


def shown(changes: tuple[RowChange, ...]) -> tuple[ChangeShown, ...]:
    """Prepare changed rows for people."""
    return tuple(
        ChangeShown(
            action=each.action, key=each.key, about=recognisable(each), cells=tuple(cells(each))
        )
        for each in changes
    )


def pairs_of(options: RestoreOptions) -> list[tuple[str, str]]:
    """Return the options as the fields of a form."""
    return [
        ("mode", str(options.mode)),
        *(("table", name) for name in options.tables),
        *(("leave_out", name) for name in sorted(options.leave_out)),
    ]


def query_of(options: RestoreOptions) -> str:
    """Return the options as the query of an address."""
    return urlencode(pairs_of(options))


def preview_context(
    restoration: Restoration, scope: Scope, options: RestoreOptions, changes_url: str
) -> dict[str, Any]:
    """Return what the preview's template shows of a plan."""
    plan = restoration.plan
    mode_name, _description = MODES[options.mode]
    return {
        "facts": _facts(restoration, scope),
        "problems": [wording.worded(each, scope) for each in plan.problems],
        "blocked": bool(plan.blocking),
        "counts": plan.counts,
        "tables": list(_tables(plan, scope, options, changes_url)),
        "left_alone": plan.counts.skipped + plan.counts.kept,
        "digest": plan.digest,
        "mode": str(options.mode),
        "mode_name": mode_name,
        "modes": [(str(mode), name, text) for mode, (name, text) in MODES.items()],
        "chosen_tables": options.tables,
        "table_choices": _table_choices(scope, options),
        "left_out": sorted(options.leave_out),
        "leave_out_choices": _leave_out_choices(plan, options),
        "options_open": bool(plan.blocking),
    }


def _facts(restoration: Restoration, scope: Scope) -> dict[str, object]:
    manifest = restoration.manifest
    made = wording.moment(manifest.export_date)
    system = manifest.system or {}
    known = [system.get(key, "") for key in ("name", "version", "instance")]
    return {
        "made": made,
        "export_date": manifest.export_date,
        "age": wording.age(made),
        "made_by": _made_by(restoration.sha256),
        "system": " · ".join(text for text in known if text),
        "holds": _holds(restoration, scope),
    }


def _holds(restoration: Restoration, scope: Scope) -> str:
    manifest = restoration.manifest
    known = manifest.target_id == scope.id
    counts = [member.rows for member in manifest.members]
    rows = sum(each or 0 for each in counts)
    parts: dict[str, object] = {
        "id": wording.title(scope) if known else manifest.target_id,
        "tables": len(counts),
        "rows": f"{rows:,}",
    }
    if None in counts:
        return _("%(id)s: %(tables)s tables") % parts
    return _("%(id)s: %(rows)s rows in %(tables)s tables") % parts


def _made_by(sha256: str) -> str:
    """Who made this very file, if it was made here."""
    found = services.history().filter(
        action=AuditLog.Action.BACKUP, status=AuditLog.Status.SUCCESS, archive_sha256=sha256
    )
    entry = found.first()
    return entry.username if entry else ""


def _tables(
    plan: RestorePlan, scope: Scope, options: RestoreOptions, changes_url: str
) -> Iterator[TableShown]:
    labels = wording.table_labels(scope)
    carried = query_of(options)
    first = next((each.table for each in plan.tables if each.changes), "")
    for each in plan.tables:
        yield TableShown(
            name=each.table,
            label=labels.get(each.table, each.table),
            counts=each.counts,
            changes=shown(each.changes),
            url=f"{changes_url}?{carried}&{urlencode({'of': each.table})}",
            opened=each.table == first,
        )


def _table_choices(scope: Scope, options: RestoreOptions) -> list[tuple[str, str, bool]]:
    return [
        (name, label, not options.tables or name in options.tables)
        for name, label in wording.table_labels(scope).items()
    ]


def _leave_out_choices(plan: RestorePlan, options: RestoreOptions) -> list[tuple[str, bool]]:
    names = [f"{each.table}.{column}" for each in plan.tables for column in _gone(each)]
    return [(name, name in options.leave_out) for name in names]


def _gone(table: TablePlan) -> list[str]:
    return list(dict.fromkeys((*table.diff.dropped, *table.diff.left_out)))
