"""How every department and subsystem stands: its rows now, and its last backup."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from . import audit
from .conf import get_settings
from .engines import get_engine
from .models import AuditLog
from .registry import Scope, ScopeKind, registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one department or subsystem stands."""

    scope: Scope
    rows: dict[str, int | None]
    """Per table; None for a table that does not exist."""
    last_backup: AuditLog | None
    """The newest that holds it: for a subsystem, its department's counts too."""


def overview(only: Scope | None = None) -> list[Standing]:
    """Return how each department and, after it, its subsystems stand; or just ``only`` and its own.

    Rows are counted exactly. Raises `DatabaseError`.
    """
    scopes = [scope for scope in registry.scopes() if only is None or _within(scope, only)]
    names = dict.fromkeys(table for scope in scopes for table in scope.tables)
    counts = get_engine(get_settings().database).row_counts(list(names))
    audit.end_crashed()
    backups = audit.last_backups()
    return [
        Standing(
            scope=scope,
            rows={table: counts[table] for table in scope.tables},
            last_backup=_last_backup(scope, backups),
        )
        for scope in scopes
    ]


def history() -> QuerySet[AuditLog]:
    """Return the audit log, newest first, the entries of crashed operations ended.

    Raises `ConfigurationError` or `ConnectionLost` when it cannot be read.
    """
    audit.end_crashed()
    return audit.entries()


def _within(scope: Scope, only: Scope) -> bool:
    return scope == only or (
        only.kind is ScopeKind.DEPARTMENT and scope.department == only.department
    )


def _last_backup(scope: Scope, backups: dict[tuple[str, str], AuditLog]) -> AuditLog | None:
    holding = [(scope.kind.upper(), scope.id)]
    if scope.kind is ScopeKind.SUBSYSTEM:
        holding.append((ScopeKind.DEPARTMENT.upper(), scope.department.id))
    found = [backups[key] for key in holding if key in backups]
    return max(found, key=lambda entry: entry.timestamp, default=None)
