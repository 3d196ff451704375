"""People with different rights, and their browsers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

if TYPE_CHECKING:
    from pytest_django import Settings

Browser = Callable[[str], Client]

PEOPLE: dict[str, tuple[str, ...]] = {
    "superuser": (),
    "hr1": ("backup_subsystem_hr1", "restore_subsystem_hr1"),
    "hr1_backup": ("backup_subsystem_hr1",),
    "hr1_restore": ("restore_subsystem_hr1",),
    "hr": ("backup_department_hr", "restore_department_hr"),
    "hr_piecewise": tuple(f"backup_subsystem_hr{number}" for number in (1, 2, 3, 4)),
    "auditor": ("view_auditlog",),
    "nurse": (),
    "outsider": ("backup_subsystem_hr1", "restore_subsystem_hr1"),
}
"""Everybody's permissions. ``outsider`` is no staff and cannot enter the admin."""


@pytest.fixture(autouse=True)
def _private_folder(tmp_path: Path, settings: Settings) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "UPLOAD_DIRECTORY": str(folder)}


@pytest.fixture
def browser(transactional_db: None) -> Browser:
    """A function from a person's name to their signed-in browser."""

    def signed_in(name: str) -> Client:
        client = Client(REMOTE_ADDR="10.1.2.3")
        client.force_login(person(name))
        return client

    return signed_in


def person(name: str) -> User:
    """Return the user, made when first asked for."""
    found = User.objects.filter(username=name).first()
    if found is not None:
        return found
    user = User.objects.create_user(
        name, is_staff=name != "outsider", is_superuser=name == "superuser"
    )
    wanted = Permission.objects.filter(codename__in=PEOPLE[name])
    assert wanted.count() == len(PEOPLE[name])
    user.user_permissions.set(wanted)
    return user
