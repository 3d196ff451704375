"""Back up, damage, look, confirm: as plain posts, the way a browser without JavaScript does it."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings

from hms_backup.models import AuditLog
from tests.support import query, run_sql, snapshot

from .conftest import Browser
from .journeys import ADMIN, DOORS, download, fields, preview_address, text, upload

HR1 = ("applicants", "vacancies", "interviews", "onboarding")


def damage() -> None:
    """An update without its WHERE, and rows that went."""
    run_sql("UPDATE applicants SET status = 'Rejected' WHERE status <> 'Rejected'")
    run_sql("DELETE FROM interviews")


@pytest.mark.parametrize("door", DOORS)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_damaged_subsystem_is_restored_through_the_pages(
    hospital: dict[str, int], browser: Browser, door: str
) -> None:
    client, prefix = browser("hr1"), DOORS[door]
    before = snapshot(*HR1)
    archive = download(client, door=prefix)
    damage()

    address = preview_address(client, archive, door=prefix)
    preview = client.get(address)
    shown = text(preview)

    assert snapshot("interviews") == {"interviews": []}, "a preview changed something"
    assert re.search(r"By hr1 From hms_backup", shown)
    assert "less than a minute ago" in shown
    changed = len(before["interviews"])
    assert re.search(rf"{changed} added .* set back 0 deleted", shown)
    assert "<del>Rejected</del>" in preview.content.decode()

    response = client.post(f"{address}confirm/", fields(preview.content.decode()))
    result = client.get(response["Location"])

    assert snapshot(*HR1) == before
    assert "The restore is complete, and every row was verified" in text(result)
    entry = AuditLog.objects.get(action="RESTORE", dry_run=False)
    assert entry.rows_inserted == changed
    assert entry.file_name == "HR1.hms-backup"
    assert f"/admin/hms_backup/auditlog/{entry.pk}/change/" in result.content.decode()


@pytest.mark.parametrize("scope", ["subsystem/HR1", "department/HR"])
def test_departments_archive_restores_the_department_or_one_subsystem(
    hospital: dict[str, int], browser: Browser, scope: str
) -> None:
    client = browser("hr")
    before = snapshot(*HR1)
    archive = download(client, "department/HR")
    damage()

    address = preview_address(client, archive, scope)
    client.post(f"{address}confirm/", fields(client.get(address).content.decode()))

    assert snapshot(*HR1) == before
    assert AuditLog.objects.get(action="RESTORE", dry_run=False).target_id == scope.split("/")[1]


def test_page_says_what_a_download_held(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    response = client.post(f"{ADMIN}subsystem/HR1/backup/", {"token": "a" * 32})
    operation = response.cookies["hms_backup_download_" + "a" * 32].value
    response.close()

    result = client.get(f"{ADMIN}operation/{operation}/", headers={"X-Hms-Fragment": "1"})

    shown = text(result)
    assert "HR1 was backed up" in shown
    assert f"Total {sum(hospital[table] for table in HR1)}" in shown
    assert "<html" not in result.content.decode()
    recent = text(client.get(f"{ADMIN}subsystem/HR1/"))
    assert re.search(r"Backup hr1 Done", recent)


@pytest.mark.parametrize("token", ["x; Path=/", "a" * 33, "a" * 32 + "; Path=/x", "a" * 31])
def test_cookie_is_only_set_for_a_token_that_is_one(
    hospital: dict[str, int], browser: Browser, token: str
) -> None:
    response = browser("hr1").post(f"{ADMIN}subsystem/HR1/backup/", {"token": token})
    response.close()
    assert not response.cookies


# The decision holds for what was shown, once


def test_data_that_changed_after_the_preview_is_told_with_a_new_preview(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    damage()
    address = preview_address(client, archive)
    shown = client.get(address).content.decode()
    run_sql(
        "UPDATE applicants SET first_name = 'Changed' WHERE id = (SELECT min(id) FROM applicants)"
    )
    between = snapshot(*HR1)

    response = client.post(f"{address}confirm/", fields(shown))
    again = client.get(response["Location"])

    assert snapshot(*HR1) == between
    assert "The data changed after you looked at the preview" in text(again)
    assert "Changed" in text(again)
    client.post(f"{address}confirm/", fields(again.content.decode()))
    assert query("SELECT count(*) FROM applicants WHERE first_name = 'Changed'") == [(0,)]


def test_second_confirmation_restores_nothing_and_leads_to_the_result(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    damage()
    address = preview_address(client, archive)
    decision = fields(client.get(address).content.decode())
    first = client.post(f"{address}confirm/", decision)
    damage()
    damaged = snapshot(*HR1)

    second = client.post(f"{address}confirm/", decision)
    back = client.get(address)

    assert second["Location"] == first["Location"] == back["Location"]
    assert snapshot(*HR1) == damaged
    assert AuditLog.objects.filter(action="RESTORE", dry_run=False).count() == 1


def test_looking_never_restores(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    archive = download(client)
    damage()
    damaged = snapshot(*HR1)
    address = preview_address(client, archive)
    decision = fields(client.get(address).content.decode())

    assert client.get(f"{address}confirm/", decision).status_code == 405
    assert client.get(f"{address}discard/").status_code == 405
    assert snapshot(*HR1) == damaged


def test_confirmation_without_a_digest_only_shows_the_preview(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    damage()
    damaged = snapshot(*HR1)
    address = preview_address(client, archive)

    for digest in ("", "nonsense"):
        response = client.post(f"{address}confirm/", {"digest": digest, "mode": "mirror"})
        assert response["Location"] == address
    assert snapshot(*HR1) == damaged


def test_cancelled_upload_is_deleted(hospital: dict[str, int], browser: Browser) -> None:
    client = browser("hr1")
    address = preview_address(client, download(client))

    response = client.post(f"{address}discard/", follow=True)

    assert "The upload was deleted. Nothing was changed." in text(response)
    assert client.get(address).status_code == 404


# Nobody else's


def test_uploads_and_results_of_others_do_not_exist(
    hospital: dict[str, int], browser: Browser
) -> None:
    client, other = browser("hr1"), browser("superuser")
    archive = download(client)
    damage()
    damaged = snapshot(*HR1)
    address = preview_address(client, archive)
    decision = fields(client.get(address).content.decode())
    operation = AuditLog.objects.filter(action="BACKUP").latest().operation_id

    assert other.get(address).status_code == 404
    assert other.get(f"{address}changes/?of=applicants").status_code == 404
    assert other.post(f"{address}confirm/", decision).status_code == 404
    assert other.post(f"{address}discard/").status_code == 404
    assert other.get(f"{ADMIN}operation/{operation}/").status_code == 404
    assert other.get(f"{ADMIN}operation/{uuid4()}/").status_code == 404
    assert snapshot(*HR1) == damaged
    assert client.get(address).status_code == 200


def test_upload_cannot_be_taken_to_a_scope_without_the_right(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    address = preview_address(client, download(client))

    assert client.get(address.replace("HR1", "HR2")).status_code == 403


# Requests that are not from the pages


@pytest.mark.parametrize("door", DOORS)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_posts_without_the_csrf_token_are_refused(
    hospital: dict[str, int], browser: Browser, door: str
) -> None:
    prefix = DOORS[door]
    signed_in = browser("hr1")
    archive = download(signed_in, door=prefix)
    address = preview_address(signed_in, archive, door=prefix)
    damage()
    decision = fields(signed_in.get(address).content.decode())
    decision.pop("csrfmiddlewaretoken")
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in.cookies
    before = snapshot(*HR1)

    assert client.post(f"{prefix}subsystem/HR1/backup/").status_code == 403
    assert upload(client, archive, door=prefix).status_code == 403
    assert client.post(f"{address}confirm/", decision).status_code == 403
    assert client.post(f"{address}discard/").status_code == 403
    assert snapshot(*HR1) == before


@pytest.mark.parametrize("door", DOORS)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_token_in_the_upload_form_is_accepted(
    hospital: dict[str, int], browser: Browser, door: str
) -> None:
    prefix = DOORS[door]
    signed_in = browser("hr1")
    archive = download(signed_in, door=prefix)
    client = Client(enforce_csrf_checks=True)
    client.cookies = signed_in.cookies
    form = client.get(f"{prefix}subsystem/HR1/restore/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None

    response = client.post(
        f"{prefix}subsystem/HR1/restore/",
        {
            "csrfmiddlewaretoken": token[1],
            "archive": SimpleUploadedFile("HR1.hms-backup", archive),
        },
    )

    assert response.status_code == 302
