"""The hospital's own rule: who is an administrator in its ``users`` table; see docs/adr/0301."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser

from hms_backup.conf import get_settings
from hms_backup.policy import Policy, Right
from hms_backup.registry import Scope, ScopeKind

from .fields import wall_clock
from .models import User

ADMIN = "admin"
SUPER_ADMIN = "superadmin"
ACTIVE = "active"

_KEPT = "_hms_staff"


class HospitalPolicy(Policy):
    """Grants both rights to administrators of the ``users`` table, linked by the user name.

    A row with role Admin is an administrator of the subsystem it names; one that names, as its
    subsystem, the department itself or none, of that whole department; a Super Admin of
    everything. Only an active row that is not locked counts. Set it with
    ``HMS_BACKUP = {"POLICY": "hms_backup.contrib.hms.policy.HospitalPolicy"}``.
    """

    def holds(self, user: AbstractBaseUser, _right: Right, scope: Scope) -> bool:
        """Whether the user's row makes them an administrator of exactly this scope."""
        staff = _staff(user)
        if staff is None or not _in_good_standing(staff):
            return False
        role = _plain(staff.role)
        return role == SUPER_ADMIN or (role == ADMIN and _administers(staff, scope))


def _staff(user: AbstractBaseUser) -> User | None:
    """Return the user's row, read once per user object, as Django does with permissions."""
    if not hasattr(user, _KEPT):
        rows = User._base_manager.using(get_settings().database)
        setattr(user, _KEPT, rows.filter(username=user.get_username()).first())
    staff: User | None = getattr(user, _KEPT)
    return staff


def _in_good_standing(staff: User) -> bool:
    locked = staff.account_locked_until is not None and staff.account_locked_until > wall_clock()
    return staff.is_active is True and _plain(staff.status) == ACTIVE and not locked


def _administers(staff: User, scope: Scope) -> bool:
    subsystem, department = staff.subsystem.strip(), staff.department.strip()
    if scope.kind is ScopeKind.SUBSYSTEM:
        return scope.covers(ScopeKind.SUBSYSTEM, subsystem)
    names = {scope.id.casefold(), scope.name.casefold()}
    return department.casefold() in names and subsystem.casefold() in {"", *names}


def _plain(text: str | None) -> str:
    """Without case, spaces, hyphens and underscores: ``Super Admin`` as ``super_admin``."""
    return "".join(filter(str.isalnum, text or "")).casefold()
