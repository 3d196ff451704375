"""The preview: problems first and in plain words, choices that can be changed, rows to look at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils.html import escape

from hms_backup.models import AuditLog
from tests.support import query, run_sql, snapshot

from .conftest import Browser
from .journeys import ADMIN, download, fields, preview_address, text, upload

if TYPE_CHECKING:
    from pytest_django import Settings

LIVE = Path(__file__).parent.parent / "archives" / "live" / "live-HR1.hms-backup"


# What cannot be taken at all


def test_file_that_is_no_backup_is_refused_in_plain_words(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    response = client.get(preview_address(client, b"This is a letter."))

    assert response.status_code == 422
    assert "This file is not a backup, or it is damaged" in text(response)
    assert "Nothing was changed." in text(response)
    assert f"{ADMIN}subsystem/HR1/restore/" in response.content.decode()
    assert AuditLog.objects.get().error_code == "archive_invalid"


def test_backup_of_another_subsystem_is_refused(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr")
    archive = download(client, "subsystem/HR2")

    response = client.get(preview_address(client, archive, "subsystem/HR1"))

    assert response.status_code == 409
    assert "This is a backup of something else" in text(response)


def test_file_over_the_limit_is_refused_on_the_form_itself(
    hospital: dict[str, int], browser: Browser, settings: Settings
) -> None:
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "MAX_ARCHIVE_BYTES": 1000}
    client = browser("hr1")

    plain = upload(client, b"x" * 2000)
    script = upload(client, b"x" * 2000, headers={"Accept": "application/json"})

    assert plain.status_code == script.status_code == 413
    assert "This file is too large" in text(plain)
    assert 'name="archive"' in plain.content.decode()
    assert "This file is too large" in script.json()["errors"][0]
    assert 'data-hms-max="1000"' in client.get(f"{ADMIN}subsystem/HR1/restore/").content.decode()


def test_form_without_a_file_says_so(transactional_db: None, browser: Browser) -> None:
    client = browser("hr1")

    response = client.post(f"{ADMIN}subsystem/HR1/restore/", {})

    assert response.status_code == 400
    assert "Choose a backup file first." in text(response)
    assert "This file is empty." in text(upload(client, b""))


def test_script_is_told_where_the_preview_is(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    answer = upload(client, download(client), headers={"Accept": "application/json"}).json()

    assert client.get(answer["location"]).status_code == 200


# Problems


def test_live_systems_archive_warns_that_it_has_no_checksums(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")

    shown = text(client.get(preview_address(client, LIVE.read_bytes())))

    assert "The backup carries no checksums" in shown
    assert "the file does not say" in shown


def test_missing_reference_blocks_and_names_the_rows(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET vacancy_id = NULL")
    run_sql("DELETE FROM vacancies")
    address = preview_address(client, archive)

    response = client.get(f"{address}?table=applicants")
    shown = text(response)

    assert "This cannot be restored as it is" in shown
    assert "Rows refer to something that does not exist" in shown
    assert shown.index("This cannot be restored") < shown.index("What would change")
    assert 'id="hms-confirm"' not in response.content.decode()


def test_deletion_that_reaches_elsewhere_needs_the_box_ticked(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    archive = download(client, "subsystem/CT1")
    run_sql("INSERT INTO patients (id, first_name, last_name) VALUES (900001, 'Ana', 'Cruz')")
    run_sql(
        "INSERT INTO medical_records (id, patient_id, diagnosis) VALUES (900001, 900001, 'flu')"
    )
    before = snapshot("patients", "medical_records")
    address = preview_address(client, archive, "subsystem/CT1")
    page = client.get(f"{address}?mode=mirror").content.decode()

    assert "Deleting rows here would also delete or change rows elsewhere" in page
    refused = client.post(f"{address}confirm/", fields(page), follow=True)
    assert "The restore was refused, and nothing was changed" in text(refused)
    assert snapshot("patients", "medical_records") == before

    accepted = {**fields(page), "accept": ["cascade_outside"]}
    done = client.post(f"{address}confirm/", accepted, follow=True)
    assert "The restore is complete" in text(done)
    assert query("SELECT count(*) FROM patients WHERE id = 900001") == [(0,)]


# Choices


def test_mode_and_tables_can_be_changed_and_previewed_again(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET status = 'Rejected'")
    run_sql("UPDATE interviews SET status = 'Cancelled'")
    run_sql("INSERT INTO vacancies (id, position_name, department) VALUES (900001, 'Porter', 'HR')")
    address = preview_address(client, archive)

    upsert = text(client.get(address))
    mirror = client.get(f"{address}?mode=mirror&table=vacancies")
    insert = text(client.get(f"{address}?mode=insert"))

    assert "0 deleted" in upsert
    assert "Left alone" in upsert
    assert "1 deleted" in text(mirror)
    assert "Applicants applicants 0" not in text(mirror)
    assert "0 set back" in insert
    client.post(f"{address}confirm/", fields(mirror.content.decode()))
    assert query("SELECT count(*) FROM vacancies WHERE id = 900001") == [(0,)]
    rejected = query("SELECT count(*) FROM applicants WHERE status = 'Rejected'")
    assert rejected == [(hospital["applicants"],)]


def test_column_that_is_gone_can_be_left_out(
    altered_hospital: None, hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("ALTER TABLE vacancies DROP COLUMN reason")
    run_sql("UPDATE vacancies SET department = 'Elsewhere'")
    address = preview_address(client, archive)
    blocked = client.get(address).content.decode()

    assert "A column cannot be restored as it is" in blocked
    assert 'name="leave_out" value="vacancies.reason"' in blocked
    page = client.get(f"{address}?leave_out=vacancies.reason").content.decode()
    client.post(f"{address}confirm/", fields(page))
    assert query("SELECT count(*) FROM vacancies WHERE department = 'Elsewhere'") == [(0,)]


@pytest.mark.parametrize("nonsense", ["mode=nonsense", "table=applicants%22;--", "table=patients"])
def test_nonsense_in_the_address_is_no_server_error(
    hospital: dict[str, int], browser: Browser, nonsense: str
) -> None:
    client = browser("hr1")
    address = preview_address(client, download(client))

    assert client.get(f"{address}?{nonsense}").status_code in (200, 404)


def test_unchanged_data_leaves_nothing_to_confirm(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    response = client.get(preview_address(client, download(client)))

    assert "Nothing would change" in text(response)
    assert 'id="hms-confirm"' not in response.content.decode()


# Rows


def applicants(count: int) -> None:
    """Many applicants who will be gone."""
    for number in range(count):
        run_sql(
            "INSERT INTO applicants (id, first_name, last_name, email) VALUES (%s, %s, %s, %s)",
            900_000 + number,
            f"Given{number:03}",
            "Family <b>",
            f"{number}@example.org",
        )


def test_changed_rows_are_paged_and_searchable_without_more_audit_entries(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    applicants(25)
    archive = download(client)
    run_sql("DELETE FROM applicants WHERE id >= 900000")
    address = preview_address(client, archive)
    preview = client.get(address).content.decode()
    link = re.search(r'href="([^"]*/changes/[^"]*of=applicants)"', preview)
    assert link is not None
    audited = AuditLog.objects.count()

    first = client.get(link[1].replace("&amp;", "&"))
    following = re.search(r'rel="next" href="([^"]*)"', first.content.decode())
    assert following is not None
    second = client.get(following[1].replace("&amp;", "&"))
    found = client.get(link[1].replace("&amp;", "&") + "&search=given007")
    nothing = client.get(link[1].replace("&amp;", "&") + "&search=nobody-like-this")

    assert "Changed rows 1 to 20 of 25" in text(first)
    assert "Changed rows 21 to 25 of 25" in text(second)
    assert "Given019" in text(first)
    assert "Given020" in text(second)
    assert "Given020" not in text(first)
    assert escape("Family <b>") in first.content.decode()
    assert "Given007" in text(found)
    assert "Given008" not in text(found)
    assert "No changed row contains this." in text(nothing)
    assert AuditLog.objects.count() == audited


def test_rows_of_a_table_outside_the_scope_are_not_shown(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    address = preview_address(client, download(client))

    response = client.get(f"{address}changes/?of=patients")

    assert response.status_code == 404
    assert client.get(f"{address}changes/").status_code == 302


def test_pages_with_rows_are_kept_by_no_cache(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    response = client.get(preview_address(client, download(client)))

    assert "no-store" in response["Cache-Control"]
