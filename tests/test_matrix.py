"""Every role at every scope with every right through every door: default deny.

Who may do what is written down here in full, not derived; a further door is one more entry in
`DOORS`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hms_backup import export_department_data, export_subsystem_data, services
from hms_backup.audit import Actor
from hms_backup.exceptions import NotPermitted
from hms_backup.models import AuditLog
from hms_backup.policy import Right
from hms_backup.services import RestoreOptions
from tests.people import person, scope, titles

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.admin.urls"),
]


@pytest.fixture(autouse=True)
def _private_folder(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "UPLOAD_DIRECTORY": str(folder)}


HR = ["subsystem HR1", "subsystem HR2", "subsystem HR3", "subsystem HR4"]
LOG = ["subsystem LOG1", "subsystem LOG2"]


def super_admin() -> User:
    return person("super", is_superuser=True)


def hr_admin() -> User:
    return person("hr", backup=["dept HR"], restore=["dept HR"])


def hr1_admin() -> User:
    return person("hr1", backup=["subsystem HR1"], restore=["subsystem HR1"])


def logistics_by_parts() -> User:
    return person("log", backup=LOG, restore=LOG[:1])


def backup_operator() -> User:
    return person("operator", backup=["dept HR", "dept CORE_TRANSACTION"])


def nurse() -> User:
    return person("nurse", is_staff=True)


def suspended_admin() -> User:
    return person("suspended", is_active=False, is_superuser=True)


ROLES: dict[Callable[[], User], dict[Right, list[str]]] = {
    super_admin: {Right.BACKUP: titles(), Right.RESTORE: titles()},
    hr_admin: {Right.BACKUP: ["dept HR", *HR], Right.RESTORE: ["dept HR", *HR]},
    hr1_admin: {Right.BACKUP: HR[:1], Right.RESTORE: HR[:1]},
    logistics_by_parts: {Right.BACKUP: ["dept LOGISTICS", *LOG], Right.RESTORE: LOG[:1]},
    backup_operator: {
        Right.BACKUP: [
            "dept HR",
            *HR,
            "dept CORE_TRANSACTION",
            "subsystem CT1",
            "subsystem CT2",
            "subsystem CT3",
        ],
        Right.RESTORE: [],
    },
    nurse: {Right.BACKUP: [], Right.RESTORE: []},
    suspended_admin: {Right.BACKUP: [], Right.RESTORE: []},
}

Door = Callable[[User, Right, str], bool]
"""Tries to do it, and returns whether that was allowed."""


@functools.cache
def archive(title: str) -> bytes:
    """An archive of the empty hospital's scope."""
    kind, _space, id = title.partition(" ")
    return export_department_data(id) if kind == "dept" else export_subsystem_data(id)


def through_the_services(user: User, right: Right, title: str) -> bool:
    actor = Actor(username=user.username, origin="matrix", user=user)
    try:
        if right is Right.BACKUP:
            services.authorize(actor, right, scope(title))
        else:
            services.plan_restore(
                archive(title), actor=actor, options=RestoreOptions(), expected=scope(title)
            )
    except NotPermitted:
        return False
    return True


def through_the_api(user: User, right: Right, title: str) -> bool:
    client = Client()
    client.force_login(user)
    address = f"/api/{right}/{title.replace(' ', '/')}"
    if right is Right.BACKUP:
        response = client.get(address)
        response.close()
    else:
        file = SimpleUploadedFile("a", archive(title))
        response = client.post(address, {"file": file, "dry_run": "true"})
    assert response.status_code in (200, 401, 403)
    return response.status_code == 200


def through_the_pages(prefix: str, user: User, right: Right, title: str) -> bool:
    client = Client()
    client.force_login(user)
    kind, _space, id = title.partition(" ")
    address = f"{prefix}{'department' if kind == 'dept' else kind}/{id}/{right}/"
    if right is Right.BACKUP:
        response = client.post(address)
        response.close()
    else:
        file = SimpleUploadedFile("a", archive(title))
        response = client.post(address, {"archive": file})
        if response.status_code == 302 and prefix in response["Location"].split("?")[0]:
            response = client.get(response["Location"])
    assert response.status_code in (200, 302, 403)
    return response.status_code == 200


def through_the_admin(user: User, right: Right, title: str) -> bool:
    User.objects.filter(pk=user.pk).update(is_staff=True)
    return through_the_pages("/admin/hms_backup/datamanagement/", user, right, title)


def through_the_own_pages(user: User, right: Right, title: str) -> bool:
    return through_the_pages("/backups/", user, right, title)


DOORS: dict[str, Door] = {
    "services": through_the_services,
    "API": through_the_api,
    "admin": through_the_admin,
    "pages": through_the_own_pages,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.__name__)
def test_role_may_do_what_it_may_and_nothing_else(
    role: Callable[[], User], right: Right, door: str
) -> None:
    user = role()
    for title in titles():
        archive(title)
    AuditLog._base_manager.all()._raw_delete("default")

    allowed = [title for title in titles() if DOORS[door](user, right, title)]

    assert allowed == sorted(ROLES[role][right], key=titles().index)
    denied = AuditLog.objects.filter(error_code="not_permitted", status="FAIL")
    if user.is_active or door == "services":
        assert denied.count() == len(titles()) - len(allowed)


@pytest.mark.parametrize("right", Right)
def test_nobody_gets_nothing_from_the_api(right: Right) -> None:
    for title in titles():
        address = f"/api/{right}/{title.replace(' ', '/')}"
        send = Client().get if right is Right.BACKUP else Client().post
        assert send(address).status_code == 401
