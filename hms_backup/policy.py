"""Who may do what to which department or subsystem: the one place that decides.

``HMS_BACKUP["POLICY"]`` names another `Policy` to put in place of `PermissionPolicy`.
"""

from __future__ import annotations

import abc
import enum
import functools
import hashlib
import re
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import Error as DjangoDatabaseError
from django.db import router
from django.utils.module_loading import import_string

from .conf import get_settings
from .exceptions import ConfigurationError, ConnectionLost, NotPermitted
from .registry import Scope, ScopeKind, Subsystem, registry

AnyUser = AbstractBaseUser | AnonymousUser | None

APP_LABEL: Final = "hms_backup"


class Right(enum.StrEnum):
    """What a user may be allowed to do with a department or a subsystem."""

    BACKUP = "backup"
    """Make a backup of it, and so read all of it."""
    RESTORE = "restore"
    """Restore it, and see what a restore would change."""

    @property
    def verb(self) -> str:
        """What it allows, as people say it."""
        return "back up" if self is Right.BACKUP else "restore"


class Policy(abc.ABC):
    """Decides. A subclass says who `holds` a right; what follows from that is decided here.

    A department's right covers its subsystems, and whoever holds the right on every one of its
    subsystems may use the department. Nobody, someone signed out and someone inactive may do
    nothing; a superuser may do everything. What no one may do, restoring a protected table, is
    not a question of rights and is refused elsewhere.
    """

    @abc.abstractmethod
    def holds(self, user: AbstractBaseUser, right: Right, scope: Scope) -> bool:
        """Whether an active user was given the right on exactly this department or subsystem.

        May keep what it learns on the user object: before each operation the user is read anew.
        """

    def may(self, user: AnyUser, right: Right, scope: Scope) -> bool:
        """Whether the user may do it to the whole of the scope."""
        if not isinstance(user, AbstractBaseUser) or not user.is_active:
            return False
        if getattr(user, "is_superuser", False):
            return True
        if self._given(user, right, scope):
            return True
        # A department without subsystems is covered by no one's rights on all of them.
        return bool(scope.subsystems) and not self.missing(user, right, scope)

    def missing(self, user: AnyUser, right: Right, scope: Scope) -> tuple[Subsystem, ...]:
        """The subsystems of the scope to which the user may not do it."""
        if not isinstance(user, AbstractBaseUser) or not user.is_active:
            return scope.subsystems
        if getattr(user, "is_superuser", False) or self._given(user, right, scope):
            return ()
        return tuple(
            each
            for each in scope.subsystems
            if not self.holds(user, right, _subsystem_scope(scope, each))
        )

    def _given(self, user: AbstractBaseUser, right: Right, scope: Scope) -> bool:
        return self.holds(user, right, scope) or self.holds(user, right, scope.whole_department)


class PermissionPolicy(Policy):
    """The default: Django's permissions, given to users and groups in the admin."""

    def holds(self, user: AbstractBaseUser, right: Right, scope: Scope) -> bool:
        """Whether any of the project's authentication backends grants the permission."""
        has_perm = getattr(user, "has_perm", None)
        return has_perm is not None and bool(has_perm(permission(right, scope)))


def permission(right: Right, scope: Scope) -> str:
    """Return the name of the Django permission: ``hms_backup.restore_subsystem_hr1``."""
    return f"{APP_LABEL}.{codename(right, scope)}"


def codename(right: Right, scope: Scope) -> str:
    """Return the permission's codename, at most 100 characters long and of a scope's own.

    An id that is not of plain letters, digits, ``-`` and ``_`` alone is told by its hash.
    """
    id = scope.id.casefold()
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", id):
        plain = re.sub(r"[^a-z0-9]+", "-", id).strip("-")[:20]
        id = f"{plain}.{hashlib.sha256(id.encode()).hexdigest()[:16]}"
    return f"{right}_{scope.kind}_{id}"


def get_policy() -> Policy:
    """Return the project's policy. Raises `ConfigurationError` when there is no such class."""
    return load_policy(get_settings().policy)


@functools.cache
def load_policy(path: str) -> Policy:
    """Return the policy of a dotted path. Raises `ConfigurationError`."""
    hint = "Set HMS_BACKUP['POLICY'] to the dotted path of a subclass of hms_backup.policy.Policy."
    try:
        found: Any = import_string(path)
    except ImportError as error:
        raise ConfigurationError(f"The policy {path!r} cannot be imported.", hint=hint) from error
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise ConfigurationError(f"{path!r} is no policy.", hint=hint)
    try:
        return found()
    except TypeError as error:
        raise ConfigurationError(f"The policy {path!r} is not complete.", hint=hint) from error


def permitted(user: AnyUser, right: Right) -> list[Scope]:
    """Return the departments and subsystems to which the user may do it, in registered order."""
    policy = get_policy()
    return [scope for scope in registry.scopes() if policy.may(user, right, scope)]


def authorize(user: AnyUser, right: Right, scope: Scope) -> None:
    """Raise `NotPermitted`, naming what is missing, unless the user may do it to all of ``scope``.

    The user and their rights are read anew from the database: what the session or a page knew
    may be out of date. Raises `ConnectionLost` when they cannot be read.
    """
    policy = get_policy()
    try:
        user = _read_anew(user)
        allowed = policy.may(user, right, scope)
        missing = () if allowed else policy.missing(user, right, scope)
    except DjangoDatabaseError as error:
        raise ConnectionLost(
            f"Who may {right.verb} {scope.title} could not be read ({type(error).__name__}).",
            hint="Check that the database of the users is up.",
        ) from error
    if not allowed:
        raise _refusal(right, scope, missing)


def _refusal(right: Right, scope: Scope, missing: tuple[Subsystem, ...]) -> NotPermitted:
    whole = scope.kind is ScopeKind.DEPARTMENT
    titles = tuple(f"{each.id} · {each.name}" for each in missing) if whole else ()
    lacking = scope.title
    if titles:
        lacking = f"the whole of {scope.title}: missing is the right on {', '.join(titles)}"
    refusal = NotPermitted(
        f"You may not {right.verb} {lacking}.",
        hint="Ask an administrator for the right, or choose one of the subsystems you have it on.",
    )
    refusal.right, refusal.scope_title, refusal.missing = str(right), scope.title, titles
    return refusal


def _read_anew(user: AnyUser) -> AnyUser:
    model = get_user_model()
    if not isinstance(user, model) or user.pk is None:  # another model's key means nothing here
        return None
    return model._base_manager.using(router.db_for_write(model)).filter(pk=user.pk).first()


def _subsystem_scope(scope: Scope, subsystem: Subsystem) -> Scope:
    return Scope(ScopeKind.SUBSYSTEM, subsystem.id, subsystem.name, scope.department, (subsystem,))
