"""The hospital's models in the admin: every page opens, finds, leads on, and writes what it should."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection, models
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from hms_backup.admin import filters
from hms_backup.admin.rows import RELATED
from hms_backup.contrib.hms.admin.listings import LISTINGS
from hms_backup.contrib.hms.models import (
    Applicant,
    Appointment,
    Interview,
    Onboarding,
    Patient,
    User,
    Vacancy,
)
from tests.admin.conftest import Browser, person
from tests.admin.journeys import text
from tests.admin.test_content_security import ELSEWHERE, INLINE
from tests.support import columns, query, rows, run_sql

MODELS: list[type[models.Model]] = list(apps.get_app_config("hms").get_models())


def address(model: type[models.Model], key: object = None, page: str = "change") -> str:
    listed = f"/admin/hms/{model._meta.model_name}/"
    return listed if key is None else f"{listed}{key}/{page}/"


def hits(client: Client, model: type[models.Model], parameters: str = "") -> set[int]:
    """The keys of the rows on a list's page."""
    response = client.get(address(model) + parameters)
    assert response.status_code == 200, response
    return {int(key) for key in re.findall(r"/(\d+)/change/", response.content.decode())}


def asked(client: Client, page: str) -> int:
    """How many queries a page takes."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(page).status_code == 200
    return len(captured)


TYPED = ("text", "number", "email", "hidden")


class _Fields(HTMLParser):
    """What a browser would send of the form that was opened, hidden fields included."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._open = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "select":
            self._open = name
        elif tag == "option" and "selected" in given:
            self.found[self._open] = value
        elif tag == "textarea":
            self._open = name
            self.found[name] = ""
        elif tag == "input" and ("checked" in given or given.get("type") in TYPED):
            self.found[name] = value

    def handle_data(self, data: str) -> None:
        if self._open in self.found and self.lasttag == "textarea":
            self.found[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.found[self._open] = self.found[self._open].removeprefix("\n")
            self._open = ""


def form(response: Any) -> dict[str, str]:
    fields = _Fields()
    fields.feed(response.content.decode())
    return fields.found


# Every model


def test_every_model_is_registered_and_listed() -> None:
    assert len(MODELS) == 43
    assert set(MODELS) <= set(admin.site._registry)
    assert set(MODELS) - set(LISTINGS) == {User}


def test_every_page_of_every_model_opens_with_nothing_inline(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    for model in MODELS:
        row = model._default_manager.order_by("-pk")[0]
        pages = [address(model), address(model, row.pk), address(model, row.pk, "delete")]
        if model is not User:
            pages += [f"{address(model)}add/", f"{address(model)}export/"]
        for page in pages:
            response = client.get(page)
            content = re.sub(
                r'<script[^>]*type="application/json".*?</script>',
                "",
                response.content.decode(),
                flags=re.DOTALL,
            )
            assert response.status_code == 200, page
            assert not (found := INLINE.findall(content)), (page, found)
            assert not ELSEWHERE.search(content), page


def test_every_list_is_searched_filtered_and_narrowed_by_date(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    for model in MODELS:
        assert hits(client, model, "?q=no-such-thing") == set(), model
        meta = admin.site._registry[model]
        if meta.date_hierarchy:
            assert hits(client, model, f"?{meta.date_hierarchy}__year=1066") == set(), model


def test_every_list_asks_the_database_as_often_for_many_rows_as_for_one(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    for model in MODELS:
        first = model._default_manager.order_by("pk")[0]
        client.get(address(model))  # content types are read once per process
        many, one = asked(client, address(model)), asked(client, f"{address(model)}?id={first.pk}")
        assert many - one <= 1, model  # the years of one row take no look at the others
        assert many <= 12, model


@pytest.mark.parametrize("name", ["superuser", "nurse", "hr1"])
def test_index_asks_the_database_a_bounded_number_of_times(
    hospital: dict[str, int], browser: Browser, name: str
) -> None:
    assert asked(browser(name), "/admin/") <= 8


# Search and related rows


def test_no_page_has_a_field_twice() -> None:
    for model in MODELS:
        own = {field.name for field in model._meta.get_fields()}
        assert not own & set(RELATED), model


def test_search_finds_a_patients_rows_by_the_patients_name(
    transactional_db: None, browser: Browser
) -> None:
    ana = Patient.objects.create(first_name="Ana", last_name="Peña")
    ben = Patient.objects.create(first_name="Ben", last_name="Reyes")
    wanted = Appointment.objects.create(patient=ana, appointment_date=dt.datetime(2026, 3, 1))
    Appointment.objects.create(patient=ben, appointment_date=dt.datetime(2026, 3, 1))

    client = browser("superuser")

    assert hits(client, Patient, "?q=ana+peña") == {ana.pk}
    assert hits(client, Appointment, "?q=peña") == {wanted.pk}


def test_related_rows_are_reachable_from_a_rows_page_in_both_directions(
    transactional_db: None, browser: Browser
) -> None:
    vacancy = Vacancy.objects.create(position_name="Nurse")
    ana = Applicant.objects.create(first_name="Ana", last_name="Cruz", vacancy=vacancy)
    ben = Applicant.objects.create(first_name="Ben", last_name="Reyes")
    when = dt.datetime(2026, 3, 1)
    hers = {Interview.objects.create(applicant=ana, interview_date=when).pk for _ in range(3)}
    Interview.objects.create(applicant=ben, interview_date=when)
    client = browser("hr1")

    page = client.get(address(Applicant, ana.pk)).content.decode()

    assert f'<a href="{address(Vacancy, vacancy.pk)}">Vacancy: Nurse</a>' in page
    link = f"{address(Interview)}?applicant__id__exact={ana.pk}"
    assert f'<a href="{link}">Interviews: 3</a>' in page
    assert "Referred to by: Interviews: 1 Subsystem" in text(client.get(address(Applicant, ben.pk)))
    assert hits(client, Interview, f"?applicant__id__exact={ana.pk}") == hers
    shown = text(client.get(link))
    assert "By applicant All Ana Cruz" in shown
    data_management = client.get("/admin/hms_backup/datamanagement/subsystem/HR1/")
    assert data_management.wsgi_request.path in page


def test_many_related_rows_are_counted_to_a_thousand_only(
    transactional_db: None, browser: Browser
) -> None:
    ana = Applicant.objects.create(first_name="Ana", last_name="Cruz")
    when = dt.datetime(2026, 3, 1)
    Interview.objects.bulk_create(
        Interview(applicant=ana, interview_date=when) for _ in range(1001)
    )

    assert "Interviews: 1000+" in text(browser("superuser").get(address(Applicant, ana.pk)))


def test_row_that_two_columns_refer_to_is_told_apart(
    hospital: dict[str, int], browser: Browser
) -> None:
    page = text(browser("superuser").get(address(User, 1)))

    assert "Staff competencies (user): …" in page
    assert "Staff competencies (assessor): …" in page


@pytest.mark.parametrize("value", ["nonsense", "1' OR '1", "", "9" * 40])
def test_filter_by_a_row_that_cannot_be_is_no_server_error(
    hospital: dict[str, int], browser: Browser, value: str
) -> None:
    client = browser("superuser")

    for page in ("", "export/"):
        response = client.get(
            f"{address(Interview)}{page}", {"applicant__id__exact": value}, follow=True
        )
        assert response.status_code == 200


# Writing


def test_row_is_added_changed_and_deleted_with_djangos_permissions_alone(
    transactional_db: None, browser: Browser
) -> None:
    client = browser("nurse")
    for each in ("add", "change", "delete", "view"):
        person("nurse").user_permissions.add(Permission.objects.get(codename=f"{each}_vacancy"))
    written = {
        "position_name": "Nurse",
        "status": "Open",
        "created_at_0": "2026-03-01",
        "created_at_1": "01:30:00",
    }

    added = client.post(f"{address(Vacancy)}add/", written)
    vacancy = Vacancy.objects.get()
    changed = client.post(address(Vacancy, vacancy.pk), {**written, "position_name": "Midwife"})

    assert (added.status_code, changed.status_code) == (302, 302)
    vacancy.refresh_from_db()
    assert vacancy.position_name == "Midwife"
    assert vacancy.created_at == dt.datetime(2026, 3, 1, 1, 30)
    chosen = {"action": "delete_selected", "_selected_action": vacancy.pk}
    assert "Midwife" in text(client.post(address(Vacancy), chosen))
    client.post(address(Vacancy), {**chosen, "post": "yes"})
    assert not Vacancy.objects.exists()


def test_change_writes_only_the_column_that_was_changed(
    transactional_db: None, browser: Browser
) -> None:
    moment = dt.datetime(2026, 3, 5, 23, 45, 59, 999999)
    patient = Patient.objects.create(
        first_name="Ana", last_name="Cruz", address="", created_at=moment, insurance_info=None
    )
    run_sql("UPDATE patients SET last_name = 'Changed meanwhile'")
    before = dict(zip(columns("patients"), rows("patients")[0], strict=True))
    client = browser("superuser")
    sent = form(client.get(address(Patient, patient.pk)))

    response = client.post(address(Patient, patient.pk), {**sent, "first_name": "Anna"})

    assert response.status_code == 302, text(response)
    after = dict(zip(columns("patients"), rows("patients")[0], strict=True))
    assert {name for name in before if before[name] != after[name]} == {"first_name"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Manila", "America/New_York"])
def test_dates_of_a_list_are_those_of_the_wall_clock_in_any_zone(
    transactional_db: None, browser: Browser, zone: str
) -> None:
    with override_settings(TIME_ZONE=zone):
        for moment in (dt.datetime(2026, 3, 1, 0, 30), dt.datetime(2026, 4, 30, 23, 30)):
            patient = Patient.objects.create(first_name="Ana", last_name="Cruz")
            Appointment.objects.create(patient=patient, appointment_date=moment)
        client = browser("superuser")

        page = client.get(address(Appointment)).content.decode()

        months = re.findall(r"appointment_date__month=(\d+)", page)
        assert months == ["3", "4"]
        found = hits(client, Appointment, "?appointment_date__year=2026&appointment_date__month=4")
        assert len(found) == 1


# The accounts of the hospital


def test_password_hash_is_on_no_page_and_nobody_can_ask_for_it(
    hospital: dict[str, int], browser: Browser
) -> None:
    run_sql("""UPDATE users SET password_hash = 'TheHash', password_history = '["OldHash"]'""")
    client = browser("superuser")
    pages: list[Any] = [client.get(address(User))]
    pages += [client.get(address(User, 1, page)) for page in ("change", "delete", "history")]
    for page in pages:
        assert page.status_code == 200
        assert not re.search("TheHash|OldHash|password_h", page.content.decode())
    assert hits(client, User, "?q=TheHash") == set()

    for lookup in ("password_hash__startswith=T", "password_history__contains=OldHash"):
        assert client.get(f"{address(User)}?{lookup}").status_code == 400
        assert client.get(f"{address(Interview)}?interviewer__{lookup}").status_code == 400
    assert client.get(f"{address(User)}add/").status_code == 403


def test_accounts_are_changed_without_touching_the_password(
    hospital: dict[str, int], browser: Browser
) -> None:
    before = query("SELECT password_hash, CAST(password_history AS text) FROM users ORDER BY id")
    client = browser("superuser")
    sent = form(client.get(address(User, 1)))

    response = client.post(
        address(User, 1),
        {**sent, "subsystem": "HR2", "password_hash": "mine", "password_history": "[]"},
    )

    assert response.status_code == 302, text(response)
    assert User.objects.get(pk=1).subsystem == "HR2"
    after = query("SELECT password_hash, CAST(password_history AS text) FROM users ORDER BY id")
    assert after == before


def test_accounts_are_shown_to_those_with_djangos_permission_only(
    hospital: dict[str, int], browser: Browser
) -> None:
    hr, nurse = browser("hr"), browser("nurse")
    person("nurse").user_permissions.add(
        Permission.objects.get(codename="view_user", content_type__app_label="hms")
    )

    assert hr.get(address(User)).status_code == 403
    assert hr.get(f"{address(User)}export/").status_code in (302, 404)
    page = nurse.get(address(User))
    assert page.status_code == 200
    for absent in ("back_up_subsystem", "export"):
        assert absent not in page.content.decode()
    superuser = browser("superuser")
    superuser.post(address(User), {"action": "back_up_subsystem", "_selected_action": 1})
    assert superuser.get(f"{address(User)}export/").status_code in (302, 404)
    assert rows("system_audit_logs") == []


# Lists that may be long


def test_filter_offers_the_values_of_the_newest_rows_and_none_if_they_are_many(
    transactional_db: None, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "NEWEST", 3)
    monkeypatch.setattr(filters, "MOST_CHOICES", 3)
    client = browser("superuser")

    def offered(parameters: str = "") -> list[str]:
        page = client.get(address(Vacancy) + parameters).content.decode()
        return re.findall(r'href="\?status=(\w+)"', page)

    for status in ("Old", "Open", "Closed", "Open"):
        Vacancy.objects.create(position_name="Nurse", status=status)
    assert offered() == ["Closed", "Open"]
    assert offered("?status=Old") == ["Closed", "Old", "Open"]
    for status in ("A", "B", "C"):
        Vacancy.objects.create(position_name="Nurse", status=status)
    assert offered() == ["A", "B", "C"]
    assert offered("?status=Old") == []
    assert len(hits(client, Vacancy, "?status=Old")) == 1


def test_dates_of_a_list_are_offered_only_without_a_search(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    dates = "appointment_date__"

    assert dates in client.get(address(Appointment)).content.decode()
    assert dates not in client.get(f"{address(Appointment)}?q=a").content.decode()
    narrowed = client.get(f"{address(Appointment)}?q=a&{dates}year=2026").content.decode()
    assert dates in narrowed


@pytest.mark.parametrize("first", [dt.date(2020, 5, 5), dt.date(1, 1, 1)])
def test_years_of_a_list_are_offered_even_if_a_date_is_absurd(
    transactional_db: None, browser: Browser, first: dt.date
) -> None:
    for start_date in (first, dt.date(2026, 1, 1)):
        Onboarding.objects.create(start_date=start_date)

    page = browser("superuser").get(address(Onboarding)).content.decode()

    years = re.findall(r"start_date__year=(\d+)", page)
    assert {str(first.year), "2026"} <= set(years)
    assert len(years) <= 7
