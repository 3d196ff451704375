"""The audit log in the admin: who sees which entries, what they say, and that nothing changes."""

from __future__ import annotations

import csv
import io
import json

import openpyxl
import pytest
from django.test import Client

from hms_backup.models import AuditLog
from tests.support import run_sql

from .conftest import Browser, person
from .journeys import ADMIN, download, fields, preview_address, text

LOG = "/admin/hms_backup/auditlog/"
CSV, XLSX, JSON = "0", "1", "2"


@pytest.fixture
def entries(hospital: dict[str, int], browser: Browser) -> list[AuditLog]:
    """One backup of HR1 and one of CT1, oldest first."""
    client = browser("superuser")
    download(client, "subsystem/HR1")
    download(client, "subsystem/CT1")
    return list(AuditLog.objects.order_by("pk"))


def export(client: Client, format: str, query: str = "") -> bytes:
    response = client.post(f"{LOG}export/{query}", {"format": format, "resource": "0"})
    assert response.status_code == 200, response.content
    assert "attachment" in response["Content-Disposition"], text(response)
    return bytes(response.content)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("superuser", {"HR1", "CT1"}),
        ("auditor", {"HR1", "CT1"}),
        ("hr1", {"HR1"}),
        ("hr", {"HR1"}),
        ("nurse", None),
    ],
)
def test_everybody_sees_the_entries_that_are_theirs_to_see(
    entries: list[AuditLog], browser: Browser, name: str, seen: set[str] | None
) -> None:
    client = browser(name)
    response = client.get(LOG)

    if seen is None:
        assert response.status_code == 403
        assert client.post(f"{LOG}export/", {"format": CSV}).status_code == 403
        assert client.get(f"{LOG}{entries[0].pk}/change/").status_code == 403
        return
    for entry in entries:
        listed = f"{LOG}{entry.pk}/change/" in response.content.decode()
        assert listed is (entry.target_id in seen)
        opened = client.get(f"{LOG}{entry.pk}/change/").status_code == 200
        assert opened is (entry.target_id in seen)
    exported = list(csv.DictReader(io.StringIO(export(client, CSV).decode())))
    assert {row["target_id"] for row in exported} == seen


def test_nobody_changes_deletes_or_adds_an_entry(entries: list[AuditLog], browser: Browser) -> None:
    client = browser("superuser")
    before = list(AuditLog.objects.values())
    address = f"{LOG}{entries[0].pk}/"

    assert client.post(f"{address}change/", {"username": "nobody"}).status_code == 403
    assert client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LOG}add/").status_code == 403
    client.post(
        LOG, {"action": "delete_selected", "_selected_action": entries[0].pk, "post": "yes"}
    )
    assert list(AuditLog.objects.values()) == before


def test_list_can_be_searched_filtered_and_narrowed_by_date(
    entries: list[AuditLog], browser: Browser
) -> None:
    client = browser("superuser")
    day = entries[0].timestamp
    hits = {
        "?q=CT1": 1,
        f"?q={entries[0].archive_sha256}": 1,
        f"?q={entries[0].operation_id}": 1,
        "?q=nobody": 0,
        "?action__exact=BACKUP": 2,
        "?status__exact=FAIL": 0,
        "?target_id=HR1": 1,
        f"?timestamp__year={day.year}": 2,
        "?timestamp__year=1999": 0,
    }
    for query, expected in hits.items():
        page = client.get(LOG + query).content.decode()
        found = sum(f"{LOG}{entry.pk}/change/" in page for entry in entries)
        assert found == expected, query


def test_entry_of_a_restore_says_what_it_did_in_words(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("DELETE FROM interviews")
    address = preview_address(client, archive)
    page = client.get(f"{address}?mode=mirror&table=interviews").content.decode()
    client.post(f"{address}confirm/", fields(page))

    shown = text(client.get(f"{LOG}{AuditLog.objects.latest().pk}/change/"))

    assert f"Interviews interviews {hospital['interviews']} 0 0 0" in shown
    assert "Make exactly as in the backup" in shown
    assert "only the tables interviews" in shown
    assert "10.1.2.3" in shown
    assert "{" not in shown


def test_entry_of_a_failure_says_why_in_words(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET vacancy_id = NULL")
    run_sql("DELETE FROM vacancies")
    client.get(preview_address(client, b"no archive"))
    failed = AuditLog.objects.latest()
    client.get(f"{preview_address(client, archive)}?table=applicants")
    blocked = AuditLog.objects.latest()

    said = text(client.get(f"{LOG}{failed.pk}/change/"))
    problems = text(client.get(f"{LOG}{blocked.pk}/change/"))

    assert "This file is not a backup, or it is damaged" in said
    assert "archive_invalid" in said
    assert "Rows refer to something that does not exist" in problems


# Export


def test_all_formats_hold_every_entry(entries: list[AuditLog], browser: Browser) -> None:
    client = browser("superuser")

    rows = list(csv.DictReader(io.StringIO(export(client, CSV).decode())))
    documents = json.loads(export(client, JSON))
    sheet = openpyxl.load_workbook(io.BytesIO(export(client, XLSX))).active
    assert sheet is not None

    ids = {str(entry.operation_id) for entry in entries}
    assert {row["operation_id"] for row in rows} == ids
    assert {document["operation_id"] for document in documents} == ids
    assert {row[0] for row in sheet.iter_rows(min_row=2, values_only=True)} == ids
    assert {int(row["rows_archived"]) for row in rows} == {entry.rows_archived for entry in entries}


def test_export_follows_the_search(entries: list[AuditLog], browser: Browser) -> None:
    rows = csv.DictReader(io.StringIO(export(browser("superuser"), CSV, "?q=CT1").decode()))

    assert [row["target_id"] for row in rows] == ["CT1"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_an_export_is_a_formula(
    transactional_db: None, browser: Browser, start: str
) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    AuditLog(action="BACKUP", username=evil, file_name=evil, target_id="HR1").save()
    client = browser("superuser")

    (row,) = csv.DictReader(io.StringIO(export(client, CSV).decode(), newline=""))
    sheet = openpyxl.load_workbook(io.BytesIO(export(client, XLSX))).active
    assert sheet is not None

    assert row["username"] == row["file_name"] == f"'{evil}"
    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert all(cell.data_type != "f" for cell in cells)
    assert sum(str(cell.value).startswith("'") for cell in cells) == 2


def test_entry_of_a_deleted_user_stays_readable(entries: list[AuditLog], browser: Browser) -> None:
    client = browser("auditor")
    person("superuser").delete()

    assert "superuser" in text(client.get(f"{LOG}{entries[0].pk}/change/"))
    assert "superuser" in text(client.get(LOG))


def test_entry_whose_subsystem_is_no_longer_registered_stays_readable(
    transactional_db: None, browser: Browser
) -> None:
    AuditLog(
        action="RESTORE",
        scope="SUBSYSTEM",
        target_id="GONE",
        details={"mode": "odd", "tables": {"old_table": {"insert": 1}}, "problems": [{}, 3]},
    ).save()
    entry = AuditLog.objects.get()

    shown = text(browser("auditor").get(f"{LOG}{entry.pk}/change/"))

    assert "GONE" in shown
    assert "old_table" in shown


def test_running_operation_is_shown_as_such(transactional_db: None, browser: Browser) -> None:
    client = browser("hr1")
    AuditLog(
        action="RESTORE", scope="SUBSYSTEM", target_id="HR1", user=person("hr1"), username="hr1"
    ).save()
    entry = AuditLog.objects.get()

    result = text(client.get(f"{ADMIN}operation/{entry.operation_id}/"))

    assert "HR1 is being restored" in result
    assert "This is still running" in result
