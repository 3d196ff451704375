"""Who sees the hospital's rows in the admin, who backs them up there, and what is recorded."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from hms_backup import services
from hms_backup.contrib.hms.models import (
    Applicant,
    Competency,
    Interview,
    Onboarding,
    Patient,
    User,
    Vacancy,
)
from hms_backup.models import AuditLog
from tests.admin.conftest import Browser, person
from tests.admin.journeys import text
from tests.support import query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

HR1 = ("applicants", "vacancies", "interviews", "onboarding")
LISTS = {
    "HR1": ("applicant", "vacancy", "interview", "onboarding"),
    "HR2": ("competency", "staffcompetency", "training", "trainingparticipant"),
}
ACTION = "Back up the subsystem of these rows"
EXPORT = "Export the chosen rows"


def back_up(client: Client, model: str = "applicant", **more: Any) -> Any:
    """Choose the first row of a list and run the action, as the list's form would."""
    chosen = Applicant.objects.order_by("pk")[0].pk
    data = {"action": "back_up_subsystem", "_selected_action": chosen, "index": 0, **more}
    return client.post(f"/admin/hms/{model}/", data)


def downloaded(response: Any) -> bytes:
    content = b"".join(response.streaming_content)
    response.close()
    return content


# Looking


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("superuser", ("HR1", "HR2")),
        ("hr", ("HR1", "HR2")),
        ("hr_piecewise", ("HR1", "HR2")),
        ("hr1_backup", ("HR1",)),
        ("hr1_restore", ()),
        ("auditor", ()),
        ("nurse", ()),
    ],
)
def test_rows_are_shown_to_those_who_may_back_them_up(
    hospital: dict[str, int], browser: Browser, name: str, seen: tuple[str, ...]
) -> None:
    client = browser(name)
    index = client.get("/admin/").content.decode()

    for subsystem, models in LISTS.items():
        for model in models:
            listed = f"/admin/hms/{model}/"
            response = client.get(listed)
            page = text(response)
            allowed = subsystem in seen
            assert response.status_code == (200 if allowed else 403), model
            assert (listed in index) is allowed, model
            assert (ACTION in page, EXPORT in page) == (allowed, allowed)
            assert (f"{listed}export/" in response.content.decode()) is allowed


def test_right_to_back_up_lets_people_look_and_nothing_else(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    before = snapshot()
    row = Applicant.objects.order_by("pk")[0]
    address = f"/admin/hms/applicant/{row.pk}"

    page = client.get(f"{address}/change/")

    assert page.status_code == 200
    assert "_save" not in page.content.decode()
    assert client.get("/admin/hms/applicant/add/").status_code == 403
    assert client.post("/admin/hms/applicant/add/", {"first_name": "X"}).status_code == 403
    assert client.post(f"{address}/change/", {"first_name": "X"}).status_code == 403
    assert client.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    client.post(
        "/admin/hms/applicant/",
        {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"},
    )
    assert snapshot() == before


def test_links_lead_only_to_rows_that_the_user_may_see(
    hospital: dict[str, int], browser: Browser
) -> None:
    patient = Patient.objects.filter(medical_records__isnull=False)[0]
    client = browser("nurse")
    person("nurse").user_permissions.add(Permission.objects.get(codename="view_patient"))

    page = client.get(f"/admin/hms/patient/{patient.pk}/change/")

    assert page.status_code == 200
    assert "Medical records" not in text(page)
    assert ACTION not in text(client.get("/admin/hms/patient/"))


def test_every_link_of_a_rows_page_can_be_followed(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    for model in (Applicant, Interview, Onboarding, Vacancy):
        row = model._default_manager.order_by("pk")[0]
        page = client.get(f"/admin/hms/{model._meta.model_name}/{row.pk}/change/")
        links = re.findall(r'href="(/admin/hms[^"]+)"', page.content.decode())
        assert len(links) > 8
        assert {client.get(html.unescape(each)).status_code for each in set(links)} == {200}
    interview = Interview.objects.filter(interviewer__isnull=False)[0]
    shown = text(client.get(f"/admin/hms/interview/{interview.pk}/change/"))
    assert f"Interviewer: {interview.interviewer}" in shown


def test_suggestions_are_for_those_who_may_see_the_rows(
    hospital: dict[str, int], browser: Browser
) -> None:
    asked = {"app_label": "hms", "model_name": "interview", "field_name": "applicant", "term": ""}

    assert browser("hr1").get("/admin/autocomplete/", asked).json()["results"]
    assert browser("nurse").get("/admin/autocomplete/", asked).status_code == 403
    users = {**asked, "field_name": "interviewer"}
    assert browser("hr1").get("/admin/autocomplete/", users).status_code == 403


def test_protected_table_is_not_shown_for_a_right_to_back_up(
    hospital: dict[str, int], browser: Browser, settings: Settings
) -> None:
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "PROTECTED_TABLES": ["interviews"]}
    client = browser("hr1")

    assert client.get("/admin/hms/interview/").status_code == 403
    assert client.get("/admin/hms/applicant/").status_code == 200


def test_pages_go_on_working_when_the_policy_cannot_be_asked(
    hospital: dict[str, int], browser: Browser, settings: Settings
) -> None:
    settings.HMS_BACKUP = {
        **settings.HMS_BACKUP,
        "POLICY": "tests.admin.test_rights.UnreachablePolicy",
    }
    client = browser("nurse")
    person("nurse").user_permissions.add(Permission.objects.get(codename="view_applicant"))

    page = client.get("/admin/hms/applicant/")

    assert page.status_code == 200
    assert ACTION not in text(page)
    refused = back_up(client)
    assert refused.status_code == 503
    assert "attachment" not in refused.get("Content-Disposition", "")


# The hospital's own rule


@pytest.fixture
def hospital_policy(hospital: dict[str, int], settings: Settings) -> None:
    settings.HMS_BACKUP = {
        **settings.HMS_BACKUP,
        "POLICY": "hms_backup.contrib.hms.policy.HospitalPolicy",
    }


@pytest.mark.usefixtures("hospital_policy")
def test_administrator_of_the_users_table_sees_and_backs_up_their_subsystem(
    browser: Browser,
) -> None:
    User.objects.filter(username="hr1.admin").update(
        username="nurse", role="Admin", subsystem="HR1", is_active=True, status="Active"
    )
    client = browser("nurse")

    assert client.get("/admin/hms/applicant/").status_code == 200
    assert client.get("/admin/hms/competency/").status_code == 403
    assert downloaded(back_up(client))

    User.objects.filter(username="nurse").update(role="Staff")
    assert client.get("/admin/hms/applicant/").status_code == 403
    assert back_up(client).status_code == 403


# Backing up


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_action_answers_with_the_verified_backup_of_the_whole_subsystem(
    hospital: dict[str, int],
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    atomic_requests: bool,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)

    response = back_up(browser("hr1_backup"))
    content = downloaded(response)

    assert "attachment" in response["Content-Disposition"]
    found = services.verify_archive(io.BytesIO(content))
    held = {member.table: member.rows for member in found.manifest.members}
    assert held == {table: hospital[table] for table in HR1}
    entry = AuditLog.objects.get()
    assert (entry.action, entry.status, entry.target_id) == ("BACKUP", "SUCCESS", "HR1")
    assert (entry.username, entry.origin) == ("hr1_backup", "10.1.2.3")
    assert entry.rows_archived == sum(hospital[table] for table in HR1)


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_other_actions_keep_the_transaction_of_the_request(
    hospital: dict[str, int],
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    atomic_requests: bool,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)
    run_sql("DELETE FROM staff_competencies")
    chosen = {"action": "delete_selected", "_selected_action": list(ids("competencies"))}
    client = browser("superuser")

    assert client.post("/admin/hms/competency/", {**chosen, "post": "yes"}).status_code == 302

    assert not Competency.objects.exists()


def test_backup_that_fails_becomes_a_message(
    hospital: dict[str, int], browser: Browser, altered_hospital: None
) -> None:
    client = browser("hr1")
    run_sql("DROP TABLE onboarding")

    response = back_up(client)

    assert response.status_code == 302
    assert "A table does not exist in the database" in text(client.get(response["Location"]))
    entry = AuditLog.objects.get()
    assert (entry.status, entry.error_code) == ("FAIL", "table_missing")


@pytest.mark.parametrize("name", ["nurse", "hr1_restore"])
@pytest.mark.parametrize("may_view", [False, True])
def test_hand_made_request_for_a_backup_is_refused_and_recorded(
    hospital: dict[str, int], browser: Browser, name: str, may_view: bool
) -> None:
    client = browser(name)
    if may_view:
        person(name).user_permissions.add(Permission.objects.get(codename="view_applicant"))

    response = back_up(client)

    assert response.status_code == 403
    assert "You may not back up HR1 · Talent Acquisition" in text(response)
    entry = AuditLog.objects.get()
    assert (entry.action, entry.status, entry.error_code, entry.username, entry.target_id) == (
        "BACKUP",
        "FAIL",
        "not_permitted",
        name,
        "HR1",
    )


def test_right_taken_away_while_the_list_is_open_counts(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    assert client.get("/admin/hms/applicant/").status_code == 200
    person("hr1").user_permissions.clear()

    assert back_up(client).status_code == 403
    assert AuditLog.objects.get().error_code == "not_permitted"


def test_someone_signed_out_is_sent_to_the_sign_in(hospital: dict[str, int]) -> None:
    assert back_up(Client()).status_code == 302
    assert not AuditLog.objects.exists()


def ids(table: str) -> list[int]:
    return [key for (key,) in query(f"SELECT id FROM {table}")]
