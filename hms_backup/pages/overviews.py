"""Data Management: how the departments and subsystems stand, for those with a right on them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from .. import services, uploads
from ..exceptions import HmsBackupError, NotPermitted
from ..models import AuditLog
from ..policy import Right
from ..registry import Department, Scope, ScopeKind
from ..services import Standing
from . import rights, wording
from .asking import actor_of, page, scope_or_404, signed_in
from .door import Door

RECENT = 10
"""Operations shown on the page of a department or subsystem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """One table's line."""

    name: str
    label: str
    rows: int | None
    """None when the table does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A department or subsystem as one user sees it."""

    scope: Scope
    tables: tuple[TableRows, ...]
    last_backup: AuditLog | None
    may_back_up: bool
    may_restore: bool

    @property
    def rows(self) -> int:
        """How many rows there are in all its tables."""
        return sum(each.rows or 0 for each in self.tables)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tables that do not exist."""
        return tuple(each.name for each in self.tables if each.rows is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A department's own card, for those with a right on all of it, and its subsystems' cards."""

    department: Department
    whole: Card | None
    subsystems: tuple[Card, ...]


@page
def index(request: HttpRequest, door: Door) -> HttpResponse:
    """Everything the user has a right on."""
    with suppress(HmsBackupError, OSError):
        uploads.purge()
    found = sections(request)
    if not found:
        refusal = NotPermitted(
            "You have no right to back up or restore any department or subsystem.",
            hint="Ask your system administrator for the right you need.",
        )
        services.refuse(actor_of(request), Right.BACKUP, refusal)
    context = {"title": _("Data Management"), "sections": found}
    return door.render(request, "index.html", context)


@page
def scope(request: HttpRequest, door: Door, kind: str, id: str) -> HttpResponse:
    """One department or subsystem: its tables, and what was done with it lately."""
    wanted = scope_or_404(kind, id)
    found = sections(request, wanted)
    if not found:
        rights.demand(request, Right.BACKUP, wanted)
    card = _card_of(found, wanted)
    context = {
        "title": wording.title(wanted),
        "scope": wanted,
        "card": card,
        "cards": found[0].subsystems if wanted.kind is ScopeKind.DEPARTMENT else (),
        "recent": _recent(wanted) if card else (),
        "user_pk": signed_in(request).pk,
    }
    return door.render(request, "scope.html", context)


def sections(request: HttpRequest, only: Scope | None = None) -> list[Section]:
    """Return the user's departments and subsystems, or what is ``only`` or part of it.

    Empty without any right. Raises `DatabaseError`.
    """
    known = rights.of(request)
    permitted = [each for each in known.scopes if only is None or _within(each, only)]
    if not permitted:
        return []
    departments = {each.department.id: each.department for each in permitted}
    shared = permitted[0].whole_department if len(departments) == 1 else None
    standings = {_key(each.scope): each for each in services.overview(shared)}
    cards = {_key(each): _card(standings[_key(each)], known) for each in permitted}
    return [_section(department, cards) for department in departments.values()]


def _within(each: Scope, only: Scope) -> bool:
    if only.kind is ScopeKind.DEPARTMENT:
        return each.department.id == only.department.id
    return _key(each) == _key(only)


def _key(scope: Scope) -> tuple[str, str]:
    return scope.kind, scope.id


def _card(standing: Standing, known: rights.Rights) -> Card:
    labels = wording.table_labels(standing.scope)
    return Card(
        scope=standing.scope,
        tables=tuple(
            TableRows(name=table, label=labels.get(table, table), rows=rows)
            for table, rows in standing.rows.items()
        ),
        last_backup=standing.last_backup,
        may_back_up=standing.scope in known.back_up,
        may_restore=standing.scope in known.restore,
    )


def _section(department: Department, cards: dict[tuple[str, str], Card]) -> Section:
    inside = [cards.get((ScopeKind.SUBSYSTEM, each.id)) for each in department.subsystems]
    return Section(
        department=department,
        whole=cards.get((ScopeKind.DEPARTMENT, department.id)),
        subsystems=tuple(card for card in inside if card is not None),
    )


def _card_of(found: Iterable[Section], wanted: Scope) -> Card | None:
    cards = [card for each in found for card in (each.whole, *each.subsystems)]
    return next((card for card in cards if card and _key(card.scope) == _key(wanted)), None)


def _recent(scope: Scope) -> list[AuditLog]:
    entries = services.history().filter(scope=scope.kind.upper(), target_id=scope.id)
    return list(entries[:RECENT])
