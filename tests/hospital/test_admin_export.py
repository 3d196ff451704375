"""Rows for analysis elsewhere: exactly those that were chosen, safe to open, and on record."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils.translation import override

from hms_backup import overview, row_exports
from hms_backup.contrib.hms.models import (
    Applicant,
    BankAccount,
    CompensationRecord,
    LabOrder,
    Patient,
    User,
    Vacancy,
)
from hms_backup.exceptions import ExportTooLarge, NotPermitted, TableProtected, UnknownScope
from hms_backup.models import AuditLog
from hms_backup.registry import registry
from hms_backup.services import Actor
from hms_backup.spreadsheets import CSV as CSV_FORMAT
from tests.admin.conftest import Browser, person
from tests.admin.journeys import text
from tests.commandline import hms_backup
from tests.support import columns, query, run_sql

FORMATS = {"CSV": "0", "XLSX": "1", "JSON": "2"}
OPERATOR = Actor(username="root", origin="Python")


def export(client: Client, model: str, format: str, query: str = "", **more: Any) -> Any:
    data = {"format": FORMATS[format], "resource": "0", **more}
    return client.post(f"/admin/hms/{model}/export/{query}", data)


def content(response: Any) -> bytes:
    assert "attachment" in response.get("Content-Disposition", ""), text(response)
    return bytes(response.content)


def from_csv(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(response).decode(), newline="")))


def from_xlsx(response: Any) -> list[dict[str, Any]]:
    sheet = openpyxl.load_workbook(io.BytesIO(content(response))).active
    assert sheet is not None
    names, *lines = sheet.iter_rows(values_only=True)
    return [dict(zip((str(name) for name in names), line, strict=True)) for line in lines]


def from_json(response: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(content(response))
    return found


READ = {"CSV": from_csv, "XLSX": from_xlsx, "JSON": from_json}


# What is in the file


@pytest.mark.parametrize("format", FORMATS)
def test_export_holds_every_row_under_the_names_of_its_columns(
    hospital: dict[str, int], browser: Browser, format: str
) -> None:
    found = READ[format](export(browser("hr1_backup"), "applicant", format))

    expected = query("SELECT id, first_name, vacancy_id FROM applicants")
    assert list(found[0]) == columns("applicants")
    named = ("id", "first_name", "vacancy_id")
    given = sorted(tuple(str(row[name] or "") for name in named) for row in found)
    assert given == sorted(tuple(str(value or "") for value in row) for row in expected)


@pytest.mark.parametrize("format", FORMATS)
def test_export_follows_search_and_filters(
    transactional_db: None, browser: Browser, format: str
) -> None:
    open_, closed = (
        Vacancy.objects.create(position_name=f"Nurse {status}", status=status)
        for status in ("Open", "Closed")
    )
    Vacancy.objects.create(position_name="Midwife", status="Open")
    client = browser("hr1_backup")

    def exported(query: str) -> set[int]:
        return {int(row["id"]) for row in READ[format](export(client, "vacancy", format, query))}

    assert exported("?q=nurse") == {open_.pk, closed.pk}
    assert exported("?q=nurse&status=Open") == {open_.pk}
    assert exported("?q=nobody") == set()


def test_chosen_rows_are_exported_and_no_others(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1_backup")
    chosen = [str(row.pk) for row in Applicant.objects.order_by("pk")[:2]]
    form = client.post(
        "/admin/hms/applicant/", {"action": "export_chosen", "_selected_action": chosen}
    )
    assert form.status_code == 200
    page = form.content.decode()
    assert 'action="/admin/hms/applicant/export/"' in page
    assert all(f'name="export_items" value="{key}"' in page for key in chosen)

    rows = from_csv(export(client, "applicant", "CSV", export_items=chosen))

    assert {row["id"] for row in rows} == set(chosen)
    assert AuditLog.objects.get().rows_archived == 2


def test_whole_filtered_list_is_exported_by_its_filters_not_by_its_keys(
    hospital: dict[str, int], browser: Browser
) -> None:
    keys = [row.pk for row in Applicant.objects.all()]
    response = browser("hr1_backup").post(
        "/admin/hms/applicant/?q=a",
        {"action": "export_chosen", "_selected_action": keys, "select_across": "1"},
    )

    assert (response.status_code, response["Location"]) == (
        302,
        "/admin/hms/applicant/export/?q=a",
    )


def test_chosen_key_that_is_none_exports_nothing(
    hospital: dict[str, int], browser: Browser
) -> None:
    response = export(browser("hr1_backup"), "applicant", "CSV", export_items=["nonsense"])

    assert "nonsense is not one of the available choices" in text(response)
    assert "attachment" not in response.get("Content-Disposition", "")
    assert not AuditLog.objects.exists()


def test_values_arrive_as_they_are_in_any_language(
    transactional_db: None, browser: Browser
) -> None:
    moment = dt.datetime(2026, 3, 5, 23, 45, 59, 250000)
    BankAccount.objects.create(
        bank_name="BDO", account_number="007", balance=Decimal("1234567.80"), created_at=moment
    )
    LabOrder.objects.create(test_name="CBC", results={"Hb": "-12,5"}, critical_alert=True)
    CompensationRecord.objects.create(base_salary=Decimal("-0.05"))
    client = browser("superuser")

    with override("de"):
        (line,) = from_csv(export(client, "bankaccount", "CSV"))
        (cells,) = from_xlsx(export(client, "bankaccount", "XLSX"))
        (document,) = from_json(export(client, "bankaccount", "JSON"))
        (order,) = from_csv(export(client, "laborder", "CSV"))
        (paid,) = from_csv(export(client, "compensationrecord", "CSV"))

    assert (line["account_number"], line["balance"]) == ("007", "1234567.80")
    assert line["created_at"] == "2026-03-05 23:45:59.250000"
    assert (cells["account_number"], cells["balance"], cells["created_at"]) == (
        "007",
        1234567.8,
        moment,
    )
    assert document["balance"] == "1234567.80"
    assert document["created_at"] == moment.isoformat()
    assert (order["critical_alert"], json.loads(order["results"])) == ("true", {"Hb": "-12,5"})
    assert order["patient_id"] == ""
    assert paid["base_salary"] == "-0.05"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(transactional_db: None, browser: Browser, start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    Patient.objects.create(first_name=evil, last_name="Cruz", address=evil)
    client = browser("superuser")

    (line,) = from_csv(export(client, "patient", "CSV"))
    response = export(client, "patient", "XLSX")
    sheet = openpyxl.load_workbook(io.BytesIO(content(response))).active
    assert sheet is not None
    (document,) = from_json(export(client, "patient", "JSON"))

    assert line["first_name"] == line["address"] == f"'{evil}"
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert sum(str(cell.value).startswith("'") for cell in cells) == 2
    assert document["first_name"] == evil


def test_workbook_holds_what_a_workbook_can(transactional_db: None, browser: Browser) -> None:
    Patient.objects.create(
        first_name="Ana\x0bBea",
        last_name="Cruz",
        dob=dt.date(1899, 12, 31),
        address="x" * 40_000,
    )

    (cells,) = from_xlsx(export(browser("superuser"), "patient", "XLSX"))

    assert cells["first_name"] == "Ana\N{REPLACEMENT CHARACTER}Bea"
    assert cells["dob"] == "1899-12-31"
    assert (len(cells["address"]), cells["address"][-2:]) == (32_767, "x…")


# Who may


def test_export_is_recorded_before_and_after(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1_backup")
    rows = from_csv(export(client, "applicant", "CSV"))

    entry = AuditLog.objects.get()
    assert (entry.action, entry.status, entry.scope, entry.target_id) == (
        "EXPORT",
        "SUCCESS",
        "SUBSYSTEM",
        "HR1",
    )
    assert (entry.username, entry.origin) == ("hr1_backup", "10.1.2.3")
    assert entry.rows_archived == len(rows) == hospital["applicants"]
    assert entry.details == {
        "table": "applicants",
        "format": "csv",
        "tables": {"applicants": {"rows": len(rows)}},
    }
    assert entry.file_name.endswith(".csv")
    assert entry.file_size


def test_no_row_leaves_when_the_log_cannot_be_written(
    hospital: dict[str, int], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("hr1_backup")
    run_sql("ALTER TABLE system_audit_logs RENAME TO elsewhere")
    try:
        response = export(client, "applicant", "CSV")
    finally:
        run_sql("ALTER TABLE elsewhere RENAME TO system_audit_logs")

    assert response.status_code == 500
    assert "attachment" not in response.get("Content-Disposition", "")


@pytest.mark.parametrize("atomic_requests", [False, True])
def test_export_works_whatever_the_projects_requests_are(
    hospital: dict[str, int],
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    atomic_requests: bool,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", atomic_requests)

    assert from_csv(export(browser("hr1_backup"), "applicant", "CSV"))


@pytest.mark.parametrize("name", ["nurse", "hr1_restore", "auditor"])
@pytest.mark.parametrize("may_view", [False, True])
def test_export_without_the_right_is_refused_and_recorded(
    hospital: dict[str, int], browser: Browser, name: str, may_view: bool
) -> None:
    client = browser(name)
    if may_view:
        person(name).user_permissions.add(Permission.objects.get(codename="view_applicant"))

    looked = client.get("/admin/hms/applicant/export/")
    posted = export(client, "applicant", "CSV")
    chosen = export(client, "applicant", "CSV", export_items=["1"])

    assert [each.status_code for each in (looked, posted, chosen)] == [403, 403, 403]
    assert "You may not back up HR1" in text(posted)
    entries = AuditLog.objects.values_list("action", "status", "error_code", "username")
    assert list(entries) == [("EXPORT", "FAIL", "not_permitted", name)] * 3
    assert set(AuditLog.objects.values_list("details__table", flat=True)) == {"applicants"}


def test_right_on_one_subsystem_exports_no_other(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1_backup")

    assert export(client, "competency", "CSV").status_code == 403
    assert export(client, "user", "CSV").status_code != 200
    assert from_csv(export(client, "vacancy", "CSV"))


def test_use_case_refuses_by_itself(hospital: dict[str, int], settings: Any) -> None:
    nurse = Actor(username="nurse", origin="Python", user=person("nurse"))
    applicants = Applicant.objects.all()

    with pytest.raises(NotPermitted):
        row_exports.export_rows(applicants, CSV_FORMAT(), actor=nurse)
    with pytest.raises(UnknownScope):
        row_exports.export_rows(User.objects.all(), CSV_FORMAT(), actor=OPERATOR)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "PROTECTED_TABLES": ["applicants"]}
    with pytest.raises(TableProtected):
        row_exports.export_rows(applicants, CSV_FORMAT(), actor=OPERATOR)

    codes = AuditLog.objects.order_by("pk").values_list("error_code", flat=True)
    assert list(codes) == ["not_permitted", "scope_unknown", "table_protected"]


def test_more_rows_than_fit_in_memory_are_refused_with_what_to_do(
    hospital: dict[str, int], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_exports, "MOST_ROWS", 1)

    response = export(browser("hr1_backup"), "applicant", "CSV")

    assert response.status_code == 413
    assert "Filter or search the list first" in text(response)
    assert AuditLog.objects.get().error_code == ExportTooLarge.code


# What it looks like afterwards


def test_export_counts_as_no_backup(hospital: dict[str, int], browser: Browser) -> None:
    from_csv(export(browser("hr1"), "applicant", "CSV"))

    (standing,) = overview.overview(registry.subsystem("HR1"))

    assert standing.last_backup is None
    assert '"last_backup": null' in hms_backup("list", "HR1", "--json").out


def test_export_is_worded_as_one_wherever_it_is_listed(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    from_csv(export(client, "applicant", "CSV"))
    entry = AuditLog.objects.get()

    shown = text(client.get(f"/admin/hms_backup/auditlog/{entry.pk}/change/"))
    result = text(client.get(f"/admin/hms_backup/datamanagement/operation/{entry.operation_id}/"))
    recent = text(client.get("/admin/hms_backup/datamanagement/subsystem/HR1/"))
    log = hms_backup("log").out

    count = hospital["applicants"]
    assert f"Applicants applicants {count} Total {count}" in shown
    assert "format csv" in shown
    assert "Rows of HR1 were exported" in result
    assert "The export is complete." in result
    assert f"Export hr1 Done {count}" in recent
    assert "row export HR1" in log
    assert f"ok {count} rows of applicants" in " ".join(log.split())
