"""The users that tests sign in as, by what they may do."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Permission, User

from hms_backup.policy import Right, codename
from hms_backup.registry import Scope, registry
from hms_backup.signals import make_permissions

DEPARTMENTS = {
    "HR": ("HR1", "HR2", "HR3", "HR4"),
    "CORE_TRANSACTION": ("CT1", "CT2", "CT3"),
    "LOGISTICS": ("LOG1", "LOG2"),
    "FINANCIALS": ("FIN1",),
}
"""The hospital, written down here once more: the expectations must not come from the registry."""


def scope(title: str) -> Scope:
    """The scope of ``dept HR`` or ``subsystem HR1``."""
    kind, _space, id = title.partition(" ")
    return registry.department(id) if kind == "dept" else registry.subsystem(id)


def titles() -> list[str]:
    """Every scope of the hospital, by the words that `scope` understands."""
    return [
        title
        for department, subsystems in DEPARTMENTS.items()
        for title in (f"dept {department}", *(f"subsystem {each}" for each in subsystems))
    ]


def grant(user: User, right: Right, *granted: str) -> None:
    """Give a user the permissions for some scopes."""
    make_permissions()
    for each in granted:
        permission = Permission.objects.get(codename=codename(right, scope(each)))
        user.user_permissions.add(permission)


def person(
    username: str, *, backup: Iterable[str] = (), restore: Iterable[str] = (), **fields: bool
) -> User:
    """A user with some rights."""
    user = User.objects.create_user(username, None, "secret", **fields)
    grant(user, Right.BACKUP, *backup)
    grant(user, Right.RESTORE, *restore)
    return user
