"""Projects with settings of their own, and what nobody foresaw: no bare server error, no data in it."""

from __future__ import annotations

import io
import json
import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.db import OperationalError, connections
from django.http import HttpRequest, UnreadablePostError
from django.test import Client, override_settings
from django.urls import path, resolve

from hms_backup import services
from hms_backup.admin import AuditLogAdmin, DataManagementAdmin
from hms_backup.archive.zipformat import METADATA
from hms_backup.conf import MEBIBYTE, get_settings
from hms_backup.exceptions import Busy, ConnectionLost
from hms_backup.models import AuditLog, DataManagement
from hms_backup.pages import wording
from tests.support import run_sql

from .conftest import Browser, person
from .journeys import ADMIN, DOORS, download, fields, preview_address, text, upload

if TYPE_CHECKING:
    from pytest_django import Settings

SECRET = "Maria Clara, 0917 555 0101"


@pytest.fixture
def atomic_requests() -> Any:
    """``ATOMIC_REQUESTS`` on the one database, as the project's settings would have it."""
    settings = connections["default"].settings_dict
    settings["ATOMIC_REQUESTS"] = True
    yield
    settings["ATOMIC_REQUESTS"] = False


# Settings


@pytest.mark.parametrize("zone", ["UTC", "Asia/Manila"])
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_every_page_works_without_time_zones(
    hospital: dict[str, int], browser: Browser, settings: Settings, zone: str
) -> None:
    settings.USE_TZ = False
    settings.TIME_ZONE = zone
    client = browser("superuser")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    page = client.get(address)
    assert "less than a minute ago" in text(page)
    done = client.post(address + "confirm/", fields(page.content.decode()), follow=True)
    assert "HR1 was restored" in text(done)
    entry = AuditLog.objects.latest("pk")
    for address in (
        ADMIN,
        f"{ADMIN}subsystem/HR1/",
        DOORS["own"],
        "/hub/HR/",
        "/admin/hms_backup/auditlog/",
        f"/admin/hms_backup/auditlog/{entry.pk}/change/",
        "/admin/hms/applicant/",
    ):
        assert client.get(address).status_code == 200, address
    assert str(entry)


def test_refusal_of_the_overview_is_recorded_under_atomic_requests(
    transactional_db: None, browser: Browser, atomic_requests: None
) -> None:
    answer = browser("nurse").get(ADMIN)
    assert answer.status_code == 403
    assert AuditLog.objects.get().error_code == "not_permitted"


def test_whole_journey_works_under_atomic_requests(
    hospital: dict[str, int], browser: Browser, atomic_requests: None
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    page = client.get(address).content.decode()
    done = client.post(address + "confirm/", fields(page), follow=True)
    assert "HR1 was restored" in text(done)


def test_pages_and_lists_run_outside_the_transactions_of_every_database(
    settings: Settings,
) -> None:
    aliases = set(connections.settings)
    for page in (
        ADMIN,
        f"{ADMIN}subsystem/HR1/backup/",
        f"{ADMIN}subsystem/HR1/restore/",
        f"{ADMIN}subsystem/HR1/restore/x/confirm/",
        "/admin/hms/applicant/",
        "/admin/hms/applicant/export/",
    ):
        outside: set[str] = getattr(resolve(page).func, "_non_atomic_requests", set())
        assert aliases <= outside, page


# What nobody foresaw


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(f"a row: {SECRET}")


def database_down(*_: Any, **__: Any) -> Any:
    raise OperationalError(f"down while reading {SECRET}")


def cut_off(*_: Any, **__: Any) -> Any:
    raise UnreadablePostError("the browser went away")


@pytest.mark.parametrize("trouble", [broken, database_down])
@pytest.mark.parametrize("where", ["overview", "plan_restore", "restore"])
def test_unforeseen_error_is_a_page_that_says_nothing_of_itself(
    hospital: dict[str, int],
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
    trouble: Callable[..., Any],
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    confirmation = fields(client.get(address).content.decode())
    monkeypatch.setattr(services, where, trouble)
    client.raise_request_exception = False
    with caplog.at_level(logging.DEBUG):
        answer = {
            "overview": lambda: client.get(ADMIN),
            "plan_restore": lambda: client.get(address),
            "restore": lambda: client.post(address + "confirm/", confirmation),
        }[where]()
    assert answer.status_code == 500
    assert answer["Cache-Control"].count("no-store")
    assert "Tell your system administrator" in text(answer)
    assert SECRET not in answer.content.decode() + caplog.text
    assert trouble.__name__ in caplog.text, "the log says where it happened"


def test_upload_that_breaks_off_is_no_server_error(
    hospital: dict[str, int], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("hr1")
    client.raise_request_exception = False
    monkeypatch.setattr(HttpRequest, "read", cut_off)
    answer = upload(client, b"PK", HTTP_ACCEPT="application/json")
    assert answer.status_code == 400
    assert "This upload could not be taken" in answer.json()["errors"][0]


def test_malformed_upload_is_refused_in_words(transactional_db: None, browser: Browser) -> None:
    client = browser("hr1")
    address = f"{ADMIN}subsystem/HR1/restore/"
    answer = client.post(address, b"nonsense", content_type="multipart/form-data; boundary=")
    assert answer.status_code == 400
    assert "This upload could not be taken" in text(answer)


def test_pages_cannot_be_framed_by_other_sites(transactional_db: None, browser: Browser) -> None:
    """Even where the project has not installed the middleware for it, as this one has not."""
    assert browser("hr1").get(ADMIN)["X-Frame-Options"] == "DENY"


def test_disallowed_host_stays_a_bad_request(transactional_db: None, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["hospital.example"]
    client = Client(HTTP_HOST="evil.example")
    client.force_login(person("hr1"))
    assert client.get(ADMIN).status_code == 400


# Hostile files


@pytest.mark.parametrize("zone", ["Asia/Manila", "America/New_York"])
@pytest.mark.parametrize(
    "date", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00", "0001-01-01", "9999-12-31"]
)
def test_date_at_the_end_of_time_is_no_server_error(
    hospital: dict[str, int], browser: Browser, settings: Settings, zone: str, date: str
) -> None:
    settings.TIME_ZONE = zone
    client = browser("hr1")
    archive = archived(client, export_date=date)
    page = client.get(preview_address(client, archive))
    assert page.status_code == 200
    assert "What would change" in text(page)


def test_date_without_a_zone_is_in_utc(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Manila"
    made = wording.moment("2026-11-23T05:31:23")
    assert made == wording.moment("2026-11-23T05:31:23+00:00")


@pytest.mark.parametrize(
    "name",
    [
        '"><script>alert(1)</script>.hms-backup',
        "../../../../etc/passwd",
        "a" * 5000,
        "\u202egnp.hms-backup",
        "x\r\nSet-Cookie: a=b",
    ],
)
def test_hostile_file_name_does_no_harm(
    hospital: dict[str, int], browser: Browser, name: str
) -> None:
    client = browser("hr1")
    archive = download(client)
    page = client.get(preview_address_named(client, archive, name))
    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()
    entry = AuditLog.objects.latest("pk")
    assert "/" not in entry.file_name
    assert "\n" not in entry.file_name


def preview_address_named(client: Client, archive: bytes, name: str) -> str:
    return str(upload(client, archive, name=name)["Location"])


def archived(client: Client, **changes: str) -> bytes:
    """A backup of HR1 whose manifest says something else of itself, and no checksum of that."""
    source = io.BytesIO(download(client))
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == METADATA:
                content = json.dumps({**json.loads(content), **changes}).encode()
            new.writestr(member, content)
    return target.getvalue()


def test_expired_uploads_are_deleted_when_anybody_opens_data_management(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    upload(client, download(client))
    (waiting,) = folder().iterdir()
    os.utime(waiting, (0, 0))
    browser("nurse").get(ADMIN)
    assert list(folder().iterdir()) == []


def test_data_management_opens_when_the_folder_of_uploads_is_not_private(
    hospital: dict[str, int], browser: Browser
) -> None:
    folder().chmod(0o755)
    assert browser("hr1").get(ADMIN).status_code == 200


def folder() -> Path:
    return Path(get_settings().upload_directory)


# Ways on


def test_restore_that_is_refused_for_now_leads_back_to_its_preview(
    hospital: dict[str, int], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    confirmation = fields(client.get(address).content.decode())

    def busy(*_: Any, **__: Any) -> Any:
        raise Busy("Another restore is running.")

    monkeypatch.setattr(services, "restore", busy)
    monkeypatch.setattr(services, "plan_restore", busy)
    for answer in (client.post(address + "confirm/", confirmation), client.get(address)):
        assert answer.status_code == 409
        assert "Nothing was changed." in text(answer)
        assert f'href="{address}?mode=upsert"' in answer.content.decode()
        assert "Preview again" in text(answer)
        assert "Choose another file" not in text(answer)


def test_restore_whose_end_is_unknown_promises_nothing(
    hospital: dict[str, int], browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    confirmation = fields(client.get(address).content.decode())

    def lost(*_: Any, **__: Any) -> Any:
        raise ConnectionLost("The connection broke.")

    monkeypatch.setattr(services, "restore", lost)
    answer = client.post(address + "confirm/", confirmation)
    assert "Nothing was changed." not in text(answer)
    assert "Either everything was restored or nothing" in text(answer)


@pytest.mark.parametrize(
    ("code", "dry_run", "sure"),
    [("crashed", False, False), ("crashed", True, True), ("plan_refused", False, True)],
)
def test_result_of_a_crash_promises_nothing(
    transactional_db: None, browser: Browser, code: str, dry_run: bool, sure: bool
) -> None:
    client = browser("hr1")
    user = person("hr1")
    entry = AuditLog(
        action="RESTORE", scope="SUBSYSTEM", target_id="HR1", status="FAIL", error_code=code,
        dry_run=dry_run, username="hr1", user=user, error_message="It ended.",
    )  # fmt: skip
    entry.save()
    page = text(client.get(f"{ADMIN}operation/{entry.operation_id}/"))
    assert ("Nothing was changed." in page) is sure
    assert ("Either everything was restored or nothing" in page) is not sure


def test_cancelling_what_was_restored_already_leads_to_its_result(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    archive = download(client)
    run_sql("UPDATE applicants SET last_name = 'Changed'")
    address = preview_address(client, archive)
    client.post(address + "confirm/", fields(client.get(address).content.decode()))
    answer = client.post(address + "discard/", follow=True)
    assert "This upload was restored already" in text(answer)
    assert "HR1 was restored" in text(answer)


def test_preview_of_no_table_is_asked_for_again_and_not_taken_for_all(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("hr1")
    address = preview_address(client, download(client))
    page = text(client.get(address + "?mode=upsert&chosen=1"))
    assert "No table was chosen, so all of them are shown." in page


def test_browser_whose_file_is_refused_unread_hears_why(
    transactional_db: None, browser: Browser, settings: Settings
) -> None:
    """A server that answers before it has read the file cuts its own answer off."""
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "MAX_ARCHIVE_BYTES": 10}
    for name, status in (("hr1", 413), ("nurse", 403)):
        body = io.BytesIO(b"x" * 2 * MEBIBYTE)
        extra: dict[str, Any] = {"wsgi.input": body, "CONTENT_LENGTH": str(2 * MEBIBYTE)}
        kind = "multipart/form-data; boundary=x"
        answer = browser(name).post(
            f"{ADMIN}subsystem/HR1/restore/", b"", content_type=kind, **extra
        )
        assert answer.status_code == status
        assert body.tell() == 2 * MEBIBYTE


def test_result_leads_to_the_audit_log_of_the_same_site(
    transactional_db: None, browser: Browser
) -> None:
    site = admin.AdminSite(name="backups")
    site.register(DataManagement, DataManagementAdmin)
    site.register(AuditLog, AuditLogAdmin)
    urlconf = type("urlconf", (), {"urlpatterns": [
        path("admin/", admin.site.urls), path("other/", site.urls),
    ]})  # fmt: skip
    entry = AuditLog(action="BACKUP", scope="SUBSYSTEM", target_id="HR1", status="SUCCESS",
                     username="hr1", user=person("hr1"))  # fmt: skip
    entry.save()
    with override_settings(ROOT_URLCONF=urlconf):
        page = browser("hr1").get(
            f"/other/hms_backup/datamanagement/operation/{entry.operation_id}/"
        )
    assert f'href="/other/hms_backup/auditlog/{entry.pk}/change/"' in page.content.decode()
    assert f'href="/admin/hms_backup/auditlog/{entry.pk}/change/"' not in page.content.decode()


def test_result_is_not_shown_to_whoever_was_given_a_deleted_users_number(
    transactional_db: None, browser: Browser
) -> None:
    entry = AuditLog(action="BACKUP", scope="SUBSYSTEM", target_id="HR1", status="SUCCESS",
                     username="her", user=person("hr1"))  # fmt: skip
    entry.save()
    answer = browser("hr1").get(f"{ADMIN}operation/{entry.operation_id}/")
    assert answer.status_code == 404


# Hostile addresses


@pytest.mark.parametrize("list_", ["/admin/hms_backup/auditlog/", "/admin/hms/appointment/"])
@pytest.mark.parametrize(
    "asked", ["status=%00", "status__regex=(", "pk__in=a,b", "pk=%00", "q=%00", "no_such=1"]
)
def test_list_asked_for_the_impossible_is_no_server_error(
    hospital: dict[str, int], browser: Browser, list_: str, asked: str
) -> None:
    if connections["default"].vendor == "sqlite" and "regex" in asked:
        pytest.skip("SQLite does not say that it is the expression")
    client = browser("superuser")
    client.raise_request_exception = False
    for address in (list_, f"{list_}export/"):
        answer = client.get(f"{address}?{asked}", follow=True)
        assert answer.status_code == 200


def test_suggestions_for_the_impossible_are_no_server_error(
    hospital: dict[str, int], browser: Browser
) -> None:
    client = browser("superuser")
    client.raise_request_exception = False
    asked = "app_label=hms&model_name=appointment&field_name=patient&term=%00"
    assert client.get(f"/admin/autocomplete/?{asked}").status_code == 200
