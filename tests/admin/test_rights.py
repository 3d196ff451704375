"""Who gets which page: everything that is not granted is denied, and the denial is audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client, override_settings

from hms_backup.models import AuditLog
from hms_backup.policy import Policy, Right
from hms_backup.registry import Scope
from tests.support import query

from .conftest import PEOPLE, Browser, person
from .journeys import DOORS, text, upload

if TYPE_CHECKING:
    from pytest_django import Settings

SUBSYSTEM, OTHER, DEPARTMENT = "subsystem/HR1", "subsystem/HR2", "department/HR"
SCOPES = (SUBSYSTEM, OTHER, DEPARTMENT)

BACK_UP = {
    "superuser": SCOPES,
    "hr1": (SUBSYSTEM,),
    "hr1_backup": (SUBSYSTEM,),
    "hr": SCOPES,
    "hr_piecewise": SCOPES,
    "outsider": (SUBSYSTEM,),
}
RESTORE = {
    "superuser": SCOPES,
    "hr1": (SUBSYSTEM,),
    "hr1_restore": (SUBSYSTEM,),
    "hr": SCOPES,
    "outsider": (SUBSYSTEM,),
}


def enters(name: str, door: str) -> bool:
    return door != "admin" or name != "outsider"


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", PEOPLE)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_pages_open_exactly_for_those_with_the_right(
    transactional_db: None, browser: Browser, name: str, door: str
) -> None:
    client, prefix = browser(name), DOORS[door]
    for scope in SCOPES:
        may = {
            "backup": scope in BACK_UP.get(name, ()),
            "restore": scope in RESTORE.get(name, ()),
        }
        for page, allowed in may.items():
            expected = 200 if allowed else 403
            if not enters(name, door):
                expected = 302
            response = client.get(f"{prefix}{scope}/{page}/")
            assert response.status_code == expected, (scope, page)
        posted = client.post(f"{prefix}{scope}/backup/")
        allowed = may["backup"] and enters(name, door)
        assert ("attachment" in posted.get("Content-Disposition", "")) is allowed, scope
        posted.close()
        sent = upload(client, b"no archive", scope, prefix)
        arrived = sent.status_code == 302 and "/restore/" in sent["Location"].split("?")[0]
        assert arrived is (may["restore"] and enters(name, door)), scope


@pytest.mark.parametrize("name", PEOPLE)
def test_overview_shows_only_what_the_user_has_a_right_on(
    transactional_db: None, browser: Browser, name: str
) -> None:
    response = browser(name).get(DOORS["admin"])
    some = bool(BACK_UP.get(name) or RESTORE.get(name))
    if name == "outsider":
        assert response.status_code == 302
        return
    assert response.status_code == (200 if some else 403)
    shown = text(response)
    for scope in SCOPES:
        kind, id = scope.split("/")
        label = "Human Resources" if kind == "department" else id
        assert (f"Backup {label} …" in shown) is (scope in BACK_UP.get(name, ())), scope
        assert (f"Restore {label} …" in shown) is (scope in RESTORE.get(name, ())), scope
    assert ("CT1" in shown) is (name == "superuser")


@pytest.mark.parametrize("name", PEOPLE)
def test_entry_in_the_admins_index_is_for_those_with_a_right(
    transactional_db: None, browser: Browser, name: str
) -> None:
    response = browser(name).get("/admin/")
    has_right = bool(PEOPLE[name]) and name not in ("auditor", "outsider")
    shown = DOORS["admin"] in response.content.decode()
    assert shown is (has_right or name == "superuser")


@override_settings(ROOT_URLCONF="tests.admin.urls", LOGIN_URL="/admin/login/")
@pytest.mark.parametrize("door", DOORS)
def test_someone_signed_out_is_sent_to_the_sign_in(transactional_db: None, door: str) -> None:
    prefix = DOORS[door]
    for page in ("", "subsystem/HR1/", "subsystem/HR1/backup/", "subsystem/HR1/restore/"):
        response = Client().get(prefix + page)
        assert (response.status_code, response["Location"].split("?")[0]) == (302, "/admin/login/")
    assert Client().post(f"{prefix}subsystem/HR1/backup/").status_code == 302
    assert upload(Client(), b"x", door=prefix).status_code == 302


def test_denial_is_audited_and_says_what_is_missing(
    hospital: dict[str, int], browser: Browser
) -> None:
    response = browser("hr1").get(f"{DOORS['admin']}department/HR/backup/")

    assert response.status_code == 403
    assert "HR2 · Talent Development" in text(response)
    entry = AuditLog.objects.get()
    assert (entry.status, entry.error_code, entry.username, entry.origin) == (
        "FAIL",
        "not_permitted",
        "hr1",
        "10.1.2.3",
    )
    assert (entry.scope, entry.target_id) == ("DEPARTMENT", "HR")


def test_right_taken_away_counts_at_once(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    assert client.get(f"{DOORS['admin']}subsystem/HR1/backup/").status_code == 200

    person("hr1").user_permissions.clear()

    assert client.post(f"{DOORS['admin']}subsystem/HR1/backup/").status_code == 403


class UnreachablePolicy(Policy):
    """Asks a table that is not there."""

    def holds(self, _user: AbstractBaseUser, _right: Right, _scope: Scope) -> bool:
        """Never gets an answer."""
        return bool(query("SELECT 1 FROM no_such_table"))


def test_admin_goes_on_working_when_the_policy_cannot_be_asked(
    transactional_db: None, browser: Browser, settings: Settings
) -> None:
    settings.HMS_BACKUP = {
        **settings.HMS_BACKUP,
        "POLICY": "tests.admin.test_rights.UnreachablePolicy",
    }
    response = browser("hr1").get("/admin/")

    assert response.status_code == 200
    assert DOORS["admin"] not in response.content.decode()


def test_unknown_department_or_subsystem_does_not_exist(
    transactional_db: None, browser: Browser
) -> None:
    client = browser("superuser")
    for address in ("subsystem/HR9/", "department/HR1/", "nonsense/HR1/", "subsystem/HR9/backup/"):
        assert client.get(DOORS["admin"] + address).status_code == 404


def test_department_page_shows_the_one_subsystem_that_is_permitted(
    hospital: dict[str, int], browser: Browser
) -> None:
    shown = text(browser("hr1").get(f"{DOORS['admin']}department/HR/"))

    assert "Talent Acquisition" in shown
    assert "Talent Development" not in shown
    assert "Backup Human Resources" not in shown


@pytest.mark.parametrize("door", DOORS)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_overview_refused_to_those_without_any_right_is_recorded(
    transactional_db: None, browser: Browser, door: str
) -> None:
    response = browser("nurse").get(DOORS[door])

    assert response.status_code == 403
    entry = AuditLog.objects.get()
    assert (entry.username, entry.status, entry.error_code) == ("nurse", "FAIL", "not_permitted")
