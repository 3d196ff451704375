"""What one user may do to which scopes: the policy's answer, asked once per page."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import Error as DjangoDatabaseError
from django.http import HttpRequest

from .. import services
from ..exceptions import HmsBackupError
from ..policy import Right, permitted
from ..registry import Scope, registry
from .asking import actor_of

logger = logging.getLogger(__name__)


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
    try:
        return of(request).scopes
    except (HmsBackupError, DjangoDatabaseError) as error:
        logger.error("Who may back up and restore could not be read: %s", type(error).__name__)
        return ()


def demand(request: HttpRequest, right: Right, scope: Scope) -> None:
    """Raise `NotPermitted`, and record it, unless the user has the right on all of ``scope``."""
    services.authorize(actor_of(request), right, scope)
