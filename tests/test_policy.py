"""Who may do what: inherited rights, rights that add up, and everybody else."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db import connection, models
from django.test.utils import isolate_apps

from hms_backup import policy, services
from hms_backup.audit import Actor
from hms_backup.contrib.hms.fields import wall_clock
from hms_backup.contrib.hms.policy import HospitalPolicy
from hms_backup.exceptions import (
    ConfigurationError,
    ConnectionLost,
    NotPermitted,
    ScopeMismatch,
    TableProtected,
)
from hms_backup.models import AuditLog
from hms_backup.policy import PermissionPolicy, Policy, Right, authorize, permitted
from hms_backup.registry import Department, Scope, ScopeKind, registry
from hms_backup.services import RestoreOptions
from hms_backup.signals import make_permissions
from tests.people import grant, person, scope, titles
from tests.support import ROOT, adhoc_scope, query, run_sql

if TYPE_CHECKING:
    from pytest_django import Settings


def allowed(user: Any, right: Right) -> set[str]:
    return {
        f"{'dept' if each.kind is ScopeKind.DEPARTMENT else 'subsystem'} {each.id}"
        for each in permitted(user, right)
    }


HR = {"dept HR", "subsystem HR1", "subsystem HR2", "subsystem HR3", "subsystem HR4"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], set()),
        (["subsystem HR1"], {"subsystem HR1"}),
        (["dept HR"], HR),
        ([f"subsystem HR{n}" for n in (1, 2, 3)], {f"subsystem HR{n}" for n in (1, 2, 3)}),
        ([f"subsystem HR{n}" for n in (1, 2, 3, 4)], HR),
        (["subsystem FIN1"], {"subsystem FIN1", "dept FINANCIALS"}),
    ],
)
def test_permissions_allow_what_they_name_and_what_follows(
    given: list[str], expected: set[str]
) -> None:
    user = person("maria", restore=given)

    assert allowed(user, Right.RESTORE) == expected
    assert allowed(user, Right.BACKUP) == set()


@pytest.mark.django_db
def test_superuser_may_do_everything_and_nobody_else_anything() -> None:
    inactive = person("gone", is_superuser=True, is_active=False, backup=["dept HR"])

    assert allowed(person("root", is_superuser=True), Right.RESTORE) == set(titles())
    for user in (None, AnonymousUser(), inactive, person("nurse"), person("staff", is_staff=True)):
        assert allowed(user, Right.BACKUP) == set()


@pytest.mark.django_db
def test_refusal_of_a_department_names_the_members_that_are_missing() -> None:
    user = person("maria", restore=["subsystem HR1", "subsystem HR3"])

    with pytest.raises(NotPermitted) as caught:
        policy.authorize(user, Right.RESTORE, registry.department("HR"))

    message = caught.value.message
    assert "HR2 · Talent Development" in message
    assert "HR4 · Compensation & Analytics" in message
    assert "HR1 ·" not in message
    assert "HR3 ·" not in message


@pytest.mark.django_db
def test_empty_department_is_not_everybodys() -> None:
    empty = Department("EMPTY", "Empty", ())
    scope = Scope(ScopeKind.DEPARTMENT, "EMPTY", "Empty", empty, ())

    with pytest.raises(NotPermitted, match="EMPTY"):
        policy.authorize(person("nurse"), Right.BACKUP, scope)


@pytest.mark.django_db
def test_rights_are_read_anew_for_each_operation() -> None:
    user = person("maria", backup=["subsystem HR1"])
    hr1 = registry.subsystem("HR1")
    policy.authorize(user, Right.BACKUP, hr1)
    assert user.has_perm("hms_backup.backup_subsystem_hr1")

    user.user_permissions.clear()

    with pytest.raises(NotPermitted):
        policy.authorize(user, Right.BACKUP, hr1)


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"is_active": False}, {"id": -1}])
def test_user_deactivated_or_deleted_meanwhile_may_do_nothing(change: dict[str, Any]) -> None:
    user = person("root", is_superuser=True)
    User.objects.filter(pk=user.pk).update(**change)

    with pytest.raises(NotPermitted):
        policy.authorize(user, Right.BACKUP, registry.subsystem("HR1"))


@pytest.mark.django_db
@isolate_apps("tests")
def test_key_of_another_model_is_nobodys_here() -> None:
    """A project may tell its programs by accounts of another kind, with numbers of their own."""

    class Machine(AbstractBaseUser):
        username = models.CharField(max_length=10, unique=True)
        USERNAME_FIELD = "username"

        class Meta:
            app_label = "tests"

    admin = User.objects.create_superuser("admin")
    machine = Machine(pk=admin.pk, username="sensor")

    with pytest.raises(NotPermitted):
        authorize(machine, Right.RESTORE, scope("subsystem HR1"))
    with pytest.raises(NotPermitted):
        services.authorize(
            Actor(username="sensor", origin="10.0.0.1", user=machine),
            Right.RESTORE,
            scope("subsystem HR1"),
        )
    assert AuditLog.objects.get().user_id is None


@pytest.mark.parametrize("kind", ScopeKind)
@pytest.mark.parametrize("ids", [("a b", "a-b", "a/b", "A?B"), ("é", "è"), ("x" * 300, "x" * 301)])
def test_odd_ids_have_codenames_of_their_own_that_fit(
    ids: tuple[str, ...], kind: ScopeKind
) -> None:
    department = Department("D", "D", ())
    names = [
        policy.codename(right, Scope(kind, id, id, department, ())) for id in ids for right in Right
    ]

    assert len(set(names)) == len(names)
    assert all(len(name) <= 100 and name.isascii() for name in names)


# The services


@pytest.fixture
def archive(transactional_db: None, tmp_path: Path) -> Path:
    run_sql("INSERT INTO vacancies (id, position_name) VALUES (1, 'Nurse')")
    path = tmp_path / "hr1.hms-backup"
    operator = Actor(username="operator", origin="test")
    services.create_backup(registry.subsystem("HR1"), path, actor=operator)
    AuditLog._base_manager.all()._raw_delete("default")
    run_sql("DELETE FROM vacancies")
    return path


def as_actor(user: User) -> Actor:
    return Actor(username=user.username, origin="test", user=user)


OPTIONS = RestoreOptions()
HR1 = registry.subsystem("HR1")
ATTEMPTS: dict[str, Callable[[Path, Actor], object]] = {
    "create_backup": lambda path, actor: services.create_backup(
        HR1, path.with_suffix(".new"), actor=actor
    ),
    "plan_restore": lambda path, actor: services.plan_restore(
        path, actor=actor, options=OPTIONS, expected=HR1
    ),
    "plan_restore of what it says": lambda path, actor: services.plan_restore(
        path, actor=actor, options=OPTIONS
    ),
    "restore": lambda path, actor: services.restore(
        path, actor=actor, options=OPTIONS, expected=HR1
    ),
    "restore of what it says": lambda path, actor: services.restore(
        path, actor=actor, options=OPTIONS
    ),
    "inspect_archive": lambda path, actor: services.inspect_archive(path, actor=actor),
    "verify_archive": lambda path, actor: services.verify_archive(path, actor=actor),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_service_refuses_and_records_a_user_without_the_right(attempt: str, archive: Path) -> None:
    user = person("nurse", backup=["subsystem HR2"], restore=["subsystem HR2"])

    with pytest.raises(NotPermitted, match="HR1"):
        ATTEMPTS[attempt](archive, as_actor(user))

    [entry] = AuditLog.objects.all()
    assert (entry.status, entry.error_code) == ("FAIL", "not_permitted")
    assert (entry.username, entry.user_id, entry.target_id) == ("nurse", user.pk, "HR1")
    assert query("SELECT count(*) FROM vacancies") == [(0,)]
    assert [file.name for file in archive.parent.iterdir()] == [archive.name]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_service_serves_a_user_with_the_right(attempt: str, archive: Path) -> None:
    user = person("maria", backup=["subsystem HR1"], restore=["subsystem HR1"])

    assert ATTEMPTS[attempt](archive, as_actor(user))

    assert not AuditLog.objects.filter(status="FAIL").exists()


@pytest.mark.django_db(transaction=True)
def test_right_lost_while_the_restore_was_planned_stops_it_before_writing(archive: Path) -> None:
    user = person("maria", restore=["subsystem HR1"])

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        if step == "stage":
            User.objects.get(pk=user.pk).user_permissions.clear()

    with pytest.raises(NotPermitted):
        services.restore(
            archive, actor=as_actor(user), options=OPTIONS, expected=HR1, progress=progress
        )

    assert query("SELECT count(*) FROM vacancies") == [(0,)]
    assert AuditLog.objects.get().error_code == "not_permitted"


@pytest.mark.django_db(transaction=True)
def test_subsystem_of_a_departments_archive_needs_only_its_own_right(tmp_path: Path) -> None:
    path = tmp_path / "hr.hms-backup"
    services.create_backup(
        registry.department("HR"), path, actor=Actor(username="operator", origin="test")
    )
    actor = as_actor(person("maria", restore=["subsystem HR1"]))

    done = services.plan_restore(path, actor=actor, options=OPTIONS, expected=HR1)
    services.inspect_archive(path, actor=actor, expected=HR1)

    assert done.scope.id == "HR1"
    for expected in (None, registry.department("HR"), registry.subsystem("HR2")):
        with pytest.raises(NotPermitted):
            services.plan_restore(path, actor=actor, options=OPTIONS, expected=expected)
    with pytest.raises(NotPermitted):
        services.inspect_archive(path, actor=actor)


@pytest.mark.django_db(transaction=True)
def test_superuser_cannot_back_up_a_protected_table(tmp_path: Path) -> None:
    root = as_actor(person("root", is_superuser=True))

    with pytest.raises(TableProtected):
        services.create_backup(adhoc_scope("auth_user"), tmp_path / "a", actor=root)


@pytest.mark.django_db(transaction=True)
def test_archive_of_no_scope_here_is_shown_to_no_user(archive: Path) -> None:
    department = registry._departments.pop("hr")
    try:
        with pytest.raises(ScopeMismatch):
            services.inspect_archive(archive, actor=as_actor(person("root", is_superuser=True)))
    finally:
        registry._departments = {"hr": department, **registry._departments}


# Replacing it


class NightShift(Policy):
    """Backs up at night, restores never."""

    def holds(self, _user: object, right: Right, _scope: Scope) -> bool:
        return right is Right.BACKUP


@pytest.mark.django_db
def test_setting_puts_another_policy_in_place(settings: Settings) -> None:
    settings.HMS_BACKUP = {"POLICY": "tests.test_policy.NightShift"}
    nurse = person("nurse")

    assert allowed(nurse, Right.BACKUP) == set(titles())
    assert allowed(nurse, Right.RESTORE) == set()


@pytest.mark.parametrize(
    "path",
    ["", "nonsense", "tests.nowhere.Policy", "tests.test_policy.scope", "hms_backup.policy.Policy"],
)
def test_policy_that_is_none_is_an_error(settings: Settings, path: str) -> None:
    settings.HMS_BACKUP = {"POLICY": path}

    with pytest.raises(ConfigurationError) as caught:
        policy.get_policy()

    assert caught.value.hint


@pytest.mark.django_db(transaction=True)
def test_policy_whose_database_is_down_allows_nothing(settings: Settings) -> None:
    settings.HMS_BACKUP = {"POLICY": "hms_backup.contrib.hms.policy.HospitalPolicy"}
    user = person("hr1.admin")
    run_sql("ALTER TABLE users RENAME TO mislaid")
    try:
        with pytest.raises(ConnectionLost):
            policy.authorize(user, Right.BACKUP, HR1)
    finally:
        run_sql("ALTER TABLE mislaid RENAME TO users")


# The hospital's own rule


@pytest.fixture
def hospital_policy(settings: Settings) -> None:
    settings.HMS_BACKUP = {"POLICY": "hms_backup.contrib.hms.policy.HospitalPolicy"}


def staff(username: str, **columns: Any) -> User:
    """A Django user, and their row in the hospital's table."""
    row = {
        "username": username,
        "email": f"{username}@hospital.example",
        "password_hash": "x",
        "subsystem": "HR1",
        "department": "HR",
        "role": "Admin",
        "is_active": True,
        "status": "Active",
        "password_created_at": wall_clock(),
        "password_expires_at": wall_clock(),
        **columns,
    }
    names = ", ".join(connection.ops.quote_name(name) for name in row)
    marks = ", ".join(["%s"] * len(row))
    run_sql(f"INSERT INTO users ({names}) VALUES ({marks})", *row.values())
    return User.objects.create_user(username)


@pytest.mark.django_db
@pytest.mark.usefixtures("hospital_policy")
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, {"subsystem HR1"}),
        ({"subsystem": "hr1", "role": "ADMIN"}, {"subsystem HR1"}),
        ({"subsystem": "HR"}, HR),
        ({"subsystem": ""}, HR),
        ({"subsystem": "HR", "department": "human resources"}, HR),
        ({"subsystem": "HR9"}, set()),
        ({"subsystem": "HR", "department": "LOGISTICS"}, set()),
        ({"subsystem": "", "department": ""}, set()),
        (
            {"subsystem": "FINANCIALS", "department": "FINANCIALS"},
            {"subsystem FIN1", "dept FINANCIALS"},
        ),
        ({"role": "Super Admin", "subsystem": "IT"}, set(titles())),
        ({"role": "super_admin"}, set(titles())),
        ({"role": "Nurse"}, set()),
        ({"role": "Administrator"}, set()),
        ({"role": None}, set()),
        ({"is_active": False}, set()),
        ({"is_active": None}, set()),
        ({"status": "Pending"}, set()),
        ({"status": None}, set()),
        ({"status": "active"}, {"subsystem HR1"}),
        ({"account_locked_until": dt.datetime(2000, 1, 1)}, {"subsystem HR1"}),
        ({"account_locked_until": dt.datetime(2100, 1, 1)}, set()),
        ({"role": "Super Admin", "is_active": False}, set()),
    ],
)
def test_hospitals_administrators_have_the_rights_of_their_row(
    columns: dict[str, Any], expected: set[str]
) -> None:
    user = staff("hr1.admin", **columns)

    assert allowed(user, Right.RESTORE) == expected
    assert allowed(user, Right.BACKUP) == expected


@pytest.mark.django_db
@pytest.mark.usefixtures("hospital_policy")
def test_hospitals_rule_ignores_django_permissions_and_people_without_a_row() -> None:
    user = person("nobody")
    grant(user, Right.BACKUP, "dept HR")
    staff("somebody")
    lookalike = User.objects.create_user("SOMEBODY")

    assert allowed(user, Right.BACKUP) == set()
    assert allowed(lookalike, Right.BACKUP) == set()
    assert allowed(person("root", is_superuser=True), Right.BACKUP) == set(titles())


@pytest.mark.django_db
@pytest.mark.usefixtures("hospital_policy")
def test_hospitals_rule_sees_a_demotion_at_once() -> None:
    user = staff("hr1.admin")
    policy.authorize(user, Right.RESTORE, HR1)

    run_sql("UPDATE users SET role = 'Staff'")

    with pytest.raises(NotPermitted):
        policy.authorize(user, Right.RESTORE, HR1)


def test_both_policies_keep_the_rules_of_the_base() -> None:
    """What a right implies is decided in one place."""
    for kind in (PermissionPolicy, HospitalPolicy):
        assert (kind.may, kind.missing) == (Policy.may, Policy.missing)


def test_scope_titles_of_the_tests_are_those_of_the_registry() -> None:
    assert [scope(title) for title in titles()] == list(registry.scopes())


# What the documentation says


@pytest.mark.django_db
def test_documented_policy_works_as_it_stands_there(settings: Settings) -> None:
    text = (ROOT / "docs" / "permissions.md").read_text()
    [code] = re.findall(r"```python\n# laboratory/policy\.py\n(.*?)```", text, re.DOTALL)
    module = ModuleType("documented_policy")
    exec(compile(code, "docs/permissions.md", "exec"), module.__dict__)  # noqa: S102 - our own docs
    user = person("ana")
    user.groups.add(Group.objects.create(name="HR leads"))
    shift = module.ShiftPolicy()

    assert shift.may(user, Right.RESTORE, registry.subsystem("HR3"))
    assert not shift.may(user, Right.BACKUP, registry.subsystem("CT1"))


@pytest.mark.django_db
def test_documented_permissions_exist_under_their_names() -> None:
    make_permissions()
    text = (ROOT / "docs" / "permissions.md").read_text()
    listed = re.findall(r"^\| (Can .+) \| `hms_backup\.(\w+)` \|$", text, re.MULTILINE)

    assert len(listed) == 4
    for name, code in listed:
        assert Permission.objects.get(codename=code).name == name
