"""What one user may do to which scopes: the policy's answer, asked once per page."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import Error as DjangoDatabaseError
from django.db.models import Model
from django.http import HttpRequest

from .. import services
from ..exceptions import HmsBackupError
from ..policy import Right, permitted
from ..protection import bare_name, protected_tables
from ..registry import Scope, ScopeKind, registry
from .asking import actor_of

logger = logging.getLogger(__name__)

_KEPT = "_hms_backup_rights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """One user's rights."""

    back_up: frozenset[Scope]
    restore: frozenset[Scope]

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Every scope with at least one right, each department before its subsystems."""
        return tuple(
            each for each in registry.scopes() if each in self.back_up or each in self.restore
        )


def of(request: HttpRequest) -> Rights:
    """Return the rights of the user who asks; someone signed out has none."""
    return Rights(
        back_up=frozenset(permitted(request.user, Right.BACKUP)),
        restore=frozenset(permitted(request.user, Right.RESTORE)),
    )


def scopes_for_menus(request: HttpRequest) -> tuple[Scope, ...]:
    """As `Rights.scopes`; none where the policy cannot be asked.

    The rest of the admin goes on working while the hospital's tables are out of reach.
    """
    return _for_menus(request).rights.scopes


def subsystem_for_menus(request: HttpRequest, model: type[Model]) -> Scope | None:
    """Return the subsystem that the user may back up and that holds the model's table.

    None where there is none, or the policy cannot be asked, or no backup may hold the table.
    """
    return _for_menus(request).tables.get(model._meta.db_table)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForMenus:
    """What a page's menus ask over and over: an admin's index once for each of its models."""

    rights: Rights
    tables: Mapping[str, Scope]


def _for_menus(request: HttpRequest) -> _ForMenus:
    if not hasattr(request, _KEPT):
        setattr(request, _KEPT, _read_for_menus(request))
    known: _ForMenus = getattr(request, _KEPT)
    return known


def _read_for_menus(request: HttpRequest) -> _ForMenus:
    try:
        found = of(request)
        return _ForMenus(rights=found, tables=_tables(found.back_up))
    except (HmsBackupError, DjangoDatabaseError) as error:
        logger.error("Who may back up and restore could not be read: %s", type(error).__name__)
        return _ForMenus(rights=Rights(back_up=frozenset(), restore=frozenset()), tables={})


def _tables(back_up: frozenset[Scope]) -> dict[str, Scope]:
    protected = protected_tables()
    return {
        table: scope
        for scope in back_up
        if scope.kind is ScopeKind.SUBSYSTEM
        for table in scope.tables
        if bare_name(table) not in protected
    }


def demand(request: HttpRequest, right: Right, scope: Scope) -> None:
    """Raise `NotPermitted`, and record it, unless the user has the right on all of ``scope``."""
    services.authorize(actor_of(request), right, scope)
