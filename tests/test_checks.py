"""System checks: each finding by its id, and silence where nothing is wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connections

from hms_backup import Department, Subsystem
from hms_backup.conf import KEYS
from hms_backup.contrib.hms import models as hms
from hms_backup.registry import Registry, registry
from tests.fixtures import MakeTable
from tests.support import manage, throwaway_model

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def empty_registry() -> Iterator[Registry]:
    """The project's registry with nothing in it, until the test is over.

    With a patch of its own: the shared one is undone last, after conftest put the permissions of
    all that is registered back.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_departments", {})
        patch.setattr(registry, "_excluded", [])
        patch.setattr(registry, "_protected", [])
        yield registry


def laboratory(*models: Any, more: Iterable[Subsystem] = ()) -> Department:
    return Department("LAB", "Laboratory", (Subsystem("LAB1", "Samples", models), *more))


def found(databases: list[str] | None = None) -> dict[str, list[CheckMessage]]:
    """Our findings by id."""
    messages: dict[str, list[CheckMessage]] = {}
    for message in run_checks(tags=["hms_backup"], databases=databases or []):
        messages.setdefault(str(message.id), []).append(message)
    return messages


def test_hospital_as_shipped_has_no_findings() -> None:
    assert found() == {}


@pytest.mark.django_db
def test_hospital_on_its_own_tables_has_no_warnings() -> None:
    assert set(found(["default"])) <= {"hms_backup.I001"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("fast", "must be a dict"),
        ({"MAX_SIZE": 1}, "unknown key 'MAX_SIZE'"),
        ({3: 1}, "unknown key 3"),
        ({"MAX_ARCHIVE_BYTES": "50 MB"}, "a whole number of bytes above 0"),
        ({"MAX_EXPANDED_BYTES": 0}, "a whole number of bytes above 0"),
        ({"MAX_EXPANDED_BYTES": True}, "a whole number of bytes above 0"),
        ({"LOCK_TIMEOUT": -1}, "a number of seconds, 0 or more"),
        ({"STATEMENT_TIMEOUT": float("nan")}, "a number of seconds, 0 or more"),
        ({"PROTECTED_TABLES": "users"}, "a list of table names"),
        ({"PROTECTED_TABLES": [1]}, "a list of table names"),
        ({"DATABASE": None}, "a string"),
        ({"INSTANCE_ID": 7}, "a string"),
    ],
)
def test_wrong_settings_are_reported(settings: Settings, given: object, said: str) -> None:
    settings.HMS_BACKUP = given

    [message] = found()["hms_backup.E001"]

    assert said in message.msg
    assert message.hint


def test_every_wrong_setting_is_reported_at_once(settings: Settings) -> None:
    settings.HMS_BACKUP = {"A": 1, "B": 2, "LOCK_TIMEOUT": "soon"}

    assert len(found()["hms_backup.E001"]) == 3


def test_every_key_at_a_plausible_value_is_accepted(settings: Settings) -> None:
    settings.HMS_BACKUP = {
        "DATABASE": "default",
        "MAX_ARCHIVE_BYTES": 1,
        "MAX_EXPANDED_BYTES": 10**12,
        "LOCK_TIMEOUT": 0,
        "STATEMENT_TIMEOUT": 1.5,
        "SYSTEM_NAME": "HMS",
        "SYSTEM_VERSION": "4.2",
        "INSTANCE_ID": "ward-7",
        "PROTECTED_TABLES": {"staff_secrets"},
        "POLICY": "hms_backup.policy.PermissionPolicy",
        "AUTHENTICATE": "",
        "UPLOAD_DIRECTORY": "",
        "UPLOAD_LIFETIME": 60,
    }

    assert set(settings.HMS_BACKUP) == set(KEYS)
    assert found() == {}


@pytest.mark.parametrize("key", ["POLICY", "AUTHENTICATE"])
@pytest.mark.parametrize("path", ["nowhere", "tests.nowhere.it", "tests.settings.VENDORS"])
def test_replacement_that_is_none_is_an_error(settings: Settings, key: str, path: str) -> None:
    settings.HMS_BACKUP = {key: path}

    [message] = found()["hms_backup.E009"]

    assert path in message.msg
    assert message.hint


def test_model_in_two_subsystems_is_an_error(empty_registry: Registry) -> None:
    twice = Subsystem("LAB2", "Results", (hms.Applicant,))
    empty_registry.register(laboratory(hms.Applicant, more=[twice]))

    [message] = found()["hms_backup.E002"]

    assert "LAB1 and LAB2" in message.msg
    assert message.obj is hms.Applicant


def test_model_twice_in_one_subsystem_is_an_error(empty_registry: Registry) -> None:
    empty_registry.register(laboratory(hms.Applicant, "hms.Applicant"))

    assert len(found()["hms_backup.E002"]) == 1


@pytest.mark.parametrize(
    "model",
    [
        "auth.User",
        "auth.User_groups",
        "auth.Permission",
        "contenttypes.ContentType",
        "sessions.Session",
        "admin.LogEntry",
        "hms_backup.AuditLog",
    ],
)
def test_protected_table_registered_is_an_error(empty_registry: Registry, model: str) -> None:
    empty_registry.register(laboratory(model))

    [message] = found()["hms_backup.E005"]

    assert "LAB1" in message.msg


def test_table_protected_by_a_registration_is_an_error(empty_registry: Registry) -> None:
    empty_registry.register(laboratory(hms.User), protect=[hms.User])

    assert len(found()["hms_backup.E005"]) == 1


def test_table_protected_by_the_settings_is_an_error(
    empty_registry: Registry, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"PROTECTED_TABLES": ["applicants"]}
    empty_registry.register(laboratory(hms.Applicant))

    assert len(found()["hms_backup.E005"]) == 1


@pytest.mark.parametrize("name", ["hms.Nobody", "nowhere.Nobody", "nonsense"])
def test_model_that_does_not_exist_is_an_error(empty_registry: Registry, name: str) -> None:
    empty_registry.register(laboratory(name), exclude=["hms.Gone"], protect=["hms.Lost"])

    messages = found()["hms_backup.E006"]

    assert {message.obj for message in messages} == {
        "Subsystem LAB1",
        "register(exclude=…)",
        "register(protect=…)",
    }


def test_unknown_database_alias_is_an_error(settings: Settings) -> None:
    settings.HMS_BACKUP = {"DATABASE": "hospital"}

    [message] = found()["hms_backup.E007"]

    assert "'hospital'" in message.msg
    assert "default" in str(message.hint)


def test_unsupported_vendor_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dummy = {**connections.settings["default"], "ENGINE": "django.db.backends.dummy"}
    monkeypatch.setitem(connections.settings, "legacy", dummy)
    settings.HMS_BACKUP = {"DATABASE": "legacy"}

    [message] = found()["hms_backup.E007"]

    assert "does not support" in message.msg


@pytest.mark.sqlite
def test_sqlite_too_old_to_compare_rows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 38, 5))

    assert "hms_backup.E008" in found()


def test_model_of_a_participating_app_in_no_subsystem_is_a_warning(
    empty_registry: Registry,
) -> None:
    empty_registry.register(laboratory(hms.Applicant), exclude=[hms.Vacancy], protect=["hms.User"])

    unassigned = {message.obj for message in found()["hms_backup.W001"]}

    assert hms.Interview in unassigned
    assert not unassigned & {hms.Applicant, hms.Vacancy, hms.User}


def test_app_without_backups_module_and_registrations_takes_no_part(
    empty_registry: Registry, settings: Settings
) -> None:
    settings.INSTALLED_APPS = [
        each for each in settings.INSTALLED_APPS if each != "hms_backup.contrib.hms"
    ]

    assert found() == {}


# The live database


@pytest.mark.django_db
def test_live_tables_are_looked_at_only_when_databases_are_named(empty_registry: Registry) -> None:
    empty_registry.register(laboratory(throwaway_model("nowhere")))

    assert "hms_backup.W003" not in found()
    assert "hms_backup.W003" in found(["default"])


@pytest.mark.django_db
def test_missing_tables_are_one_warning_per_subsystem(empty_registry: Registry) -> None:
    missing = (throwaway_model("nowhere"), throwaway_model("neither"))
    empty_registry.register(laboratory(hms.Applicant, *missing))

    [message] = found(["default"])["hms_backup.W003"]

    assert "nowhere, neither" in message.msg
    assert "applicants" not in message.msg


def test_table_without_primary_key_is_a_warning(
    empty_registry: Registry, make_table: MakeTable
) -> None:
    make_table("CREATE TABLE unkeyed (id integer)")
    empty_registry.register(laboratory(throwaway_model("unkeyed")))

    [message] = found(["default"])["hms_backup.W004"]

    assert "unkeyed" in message.msg


def test_columns_the_model_lacks_are_information(
    empty_registry: Registry, make_table: MakeTable
) -> None:
    make_table("CREATE TABLE wider (id integer PRIMARY KEY, colour text, size text)")
    empty_registry.register(laboratory(throwaway_model("wider")))

    [message] = found(["default"])["hms_backup.I001"]

    assert "colour, size" in message.msg


@pytest.mark.django_db
def test_database_that_cannot_be_opened_is_a_warning() -> None:
    lost = {"HMS_TEST_DATABASE_URL": "sqlite:////nonexistent/folder/hospital.sqlite3"}

    done = manage("check", "--tag", "hms_backup", "--database", "default", env=lost)

    assert done.returncode == 0
    assert "(hms_backup.W002) Database 'default' could not be inspected" in done.stderr


def test_commands_stop_at_an_error(empty_registry: Registry) -> None:
    empty_registry.register(laboratory("auth.User"))

    with pytest.raises(SystemCheckError, match=r"hms_backup\.E005"):
        call_command("check")
