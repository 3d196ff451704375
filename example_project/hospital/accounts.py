"""Who can sign in to the example: one user for each role, the same at every door.

Each is an administrator twice over: by a group with Django's permissions, and by a row of the
hospital's ``users`` table, so that either policy of docs/permissions.md gives the same rights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction

from hms_backup.contrib.hms import models as hms
from hms_backup.policy import Right, codename
from hms_backup.registry import Scope, ScopeKind, registry

PASSWORD = "hospital"  # noqa: S105 - everybody's, and no secret: the example listens on loopback only

WARDS = ("patient", "appointment", "medicalrecord", "bed")
"""The models whose rows a nurse may look at in the admin."""

DEPARTMENT_ADMINS = {
    "HR": "hr.admin",
    "CORE_TRANSACTION": "core.admin",
    "LOGISTICS": "logistics.admin",
    "FINANCIALS": "financials.admin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in."""

    username: str
    full_name: str
    title: str
    scope: Scope | None = None
    """What they administer; None for nothing or, with ``is_super``, for everything."""
    is_super: bool = False


def accounts() -> list[Account]:
    """A super administrator, one for each department and subsystem, and a nurse."""
    named = iter(NAMES)
    return [
        Account(
            username="super.admin",
            full_name="Imelda Concepcion",
            title="super administrator",
            is_super=True,
        ),
        *(
            Account(
                username=_username(scope),
                full_name=next(named),
                title=f"administrator of {scope.title}",
                scope=scope,
            )
            for scope in registry.scopes()
        ),
        Account(username="nurse", full_name="Marisol Dizon", title="nurse, no administrator"),
    ]


NAMES = (
    "Teresita Aguinaldo", "Corazon Villanueva", "Rodrigo Macaraeg", "Luzviminda Ocampo",
    "Ferdinand Salazar", "Milagros Buenaventura", "Andres Katigbak", "Rosario Evangelista",
    "Crisanto Dimaculangan", "Perla Magsaysay", "Ernesto Panganiban", "Benigno Salonga",
    "Gloria Macaspac", "Emilio Tolentino",
)  # fmt: skip
"""Of the administrators, in the order of the registry's scopes."""


def create_accounts() -> None:
    """Make the groups and users that are missing, and their rows in the ``users`` table."""
    hashed = make_password(PASSWORD)
    with transaction.atomic():
        for account in accounts():
            user, made = User.objects.get_or_create(
                username=account.username,
                defaults={
                    "password": hashed,
                    "first_name": account.full_name.split(" ", 1)[0],
                    "last_name": account.full_name.split(" ", 1)[1],
                    "is_staff": True,
                    "is_superuser": account.is_super,
                },
            )
            if made and not account.is_super:
                user.groups.add(_group(account))
            hms.User.objects.get_or_create(username=account.username, defaults=_staff_row(account))


def _username(scope: Scope) -> str:
    if scope.kind is ScopeKind.DEPARTMENT:
        return DEPARTMENT_ADMINS[scope.id]
    return f"{scope.id.lower()}.admin"


def _group(account: Account) -> Group:
    """The group of the account's role, as somebody would make it in the admin."""
    if account.scope is None:
        group, made = Group.objects.get_or_create(name="Nurses")
        wanted = [f"view_{model}" for model in WARDS]
        app = "hms"
    else:
        group, made = Group.objects.get_or_create(name=f"{account.scope.id} administrators")
        wanted = [codename(right, account.scope) for right in Right]
        app = "hms_backup"
    if made:
        group.permissions.set(
            Permission.objects.filter(content_type__app_label=app, codename__in=wanted)
        )
    return group


def _staff_row(account: Account) -> dict[str, Any]:
    """The hospital's own record of them: see `hms_backup.contrib.hms.policy.HospitalPolicy`."""
    scope = account.scope
    if account.is_super:
        place = {"subsystem": "", "department": "", "role": "Super Admin"}
    elif scope is None:
        place = {"subsystem": "CT2", "department": "CORE_TRANSACTION", "role": "Nurse"}
    elif scope.kind is ScopeKind.DEPARTMENT:
        place = {"subsystem": scope.id, "department": scope.id, "role": "Admin"}
    else:
        place = {"subsystem": scope.id, "department": scope.department.id, "role": "Admin"}
    return {
        **place,
        "full_name": account.full_name,
        "email": f"{account.username}@hospital.example",
        "password_hash": "!",
        "status": "Active",
    }
