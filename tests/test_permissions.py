"""The permissions that migrate makes: one for each right on each scope, and no others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client

from hms_backup.models import AuditLog, DataManagement
from hms_backup.registry import Department, Subsystem, registry
from hms_backup.signals import make_permissions
from tests.support import ROOT, manage

pytestmark = pytest.mark.django_db


@pytest.fixture
def laboratory() -> Iterator[Department]:
    """A further department, with ids that no codename could hold."""
    department = Department(
        "LAB / Ünit 7",
        "Laboratory " * 30,
        (Subsystem("LAB: A", "Samples", ("hms.User",)), Subsystem("LAB; A", "Results", ())),
    )
    registry.register(department)
    yield department
    registry._departments.pop(department.id.casefold(), None)


def ours() -> dict[str, str]:
    content_type = ContentType.objects.get(app_label="hms_backup", model="datamanagement")
    found = Permission.objects.filter(content_type=content_type)
    return dict(found.values_list("codename", "name"))


def test_migrate_makes_one_permission_for_each_right_on_each_scope() -> None:
    call_command("migrate", verbosity=0)

    made = ours()

    assert len(made) == 2 * 14
    assert made["restore_subsystem_hr1"] == "Can restore HR1 · Talent Acquisition"
    assert made["backup_subsystem_hr1"] == "Can back up HR1 · Talent Acquisition"
    assert made["backup_department_hr"] == "Can back up all of HR · Human Resources"


def test_migrating_twice_changes_nothing() -> None:
    call_command("migrate", verbosity=0)
    before = list(Permission.objects.order_by("pk").values_list("pk", "codename", "name"))

    call_command("migrate", verbosity=0)

    assert list(Permission.objects.order_by("pk").values_list("pk", "codename", "name")) == before


def test_odd_ids_and_long_names_have_permissions_of_their_own(laboratory: Department) -> None:
    make_permissions()

    made = ours()

    assert len(made) == 2 * 17
    assert all(len(name) <= 255 for name in made.values())
    assert "Can restore LAB: A · Samples" in made.values()


def test_removed_scope_takes_its_permissions_with_it(laboratory: Department) -> None:
    make_permissions()

    registry.unregister(laboratory.id)
    make_permissions()

    assert len(ours()) == 2 * 14


def test_renamed_scope_renames_its_permission_and_keeps_who_has_it() -> None:
    make_permissions()
    permission = Permission.objects.get(codename="restore_subsystem_hr1")
    Permission.objects.filter(pk=permission.pk).update(name="Can restore HR1 · Old name")
    group = Group.objects.create(name="HR1 administrators")
    group.permissions.add(permission)

    make_permissions()

    assert group.permissions.get().name == "Can restore HR1 · Talent Acquisition"


def test_permissions_of_others_stay() -> None:
    make_permissions()
    for model in (DataManagement, AuditLog):
        content_type = ContentType.objects.get_for_model(model, for_concrete_model=False)
        Permission.objects.create(content_type=content_type, codename="sign", name="Can sign")
    other = ContentType.objects.get_for_model(AuditLog)
    Permission.objects.create(content_type=other, codename="backup_subsystem_x", name="Other")
    DataManagement.objects.count()

    make_permissions()

    assert Permission.objects.filter(codename="sign").count() == 2
    assert Permission.objects.filter(codename="backup_subsystem_x").exists()


def test_flush_brings_the_permissions_back(transactional_db: None) -> None:
    call_command("flush", interactive=False, verbosity=0)

    assert len(ours()) == 2 * 14


def test_permissions_can_be_given_to_groups_in_the_admin() -> None:
    make_permissions()
    root = User.objects.create_superuser("root", None, "secret")
    client = Client()
    client.force_login(root)
    permission = Permission.objects.get(codename="restore_subsystem_hr1")

    page = client.get("/admin/auth/group/add/")
    client.post("/admin/auth/group/add/", {"name": "HR1", "permissions": [permission.pk]})

    assert "Can restore HR1 · Talent Acquisition" in page.content.decode()
    assert site.is_registered(Group)
    member = User.objects.create_user("maria")
    member.groups.add(Group.objects.get(name="HR1"))
    assert member.has_perm("hms_backup.restore_subsystem_hr1")


def test_migrating_another_database_makes_them_there(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    (tmp_path / "two_databases.py").write_text(
        "from tests.settings import *\n"
        "DATABASES = {\n"
        '    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},\n'
        f'    "other": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {str(other)!r}}},\n'
        "}\n"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "two_databases",
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }

    for _ in range(2):
        done = manage("migrate", "--database", "other", "--verbosity", "0", env=environment)
        assert done.returncode == 0, done.stderr

    connection = sqlite3.connect(other)
    made = connection.execute(
        "SELECT count(*) FROM auth_permission WHERE codename LIKE '%_subsystem_%'"
        " OR codename LIKE '%_department_%'"
    ).fetchone()
    connection.close()
    assert made == (2 * 14,)
