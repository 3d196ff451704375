"""Projects with settings of their own, and what nobody foresaw: no bare server error, no data in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from django.http import HttpRequest, UnreadablePostError
from django.test import Client, override_settings

from hms_backup import services
from hms_backup.models import AuditLog
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
    for path in (
        ADMIN,
        f"{ADMIN}subsystem/HR1/",
        DOORS["own"],
        "/hub/HR/",
        "/admin/hms_backup/auditlog/",
        f"/admin/hms_backup/auditlog/{entry.pk}/change/",
        "/admin/hms/applicant/",
    ):
        assert client.get(path).status_code == 200, path
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
    from django.urls import resolve

    aliases = set(connections.settings)
    for path in (
        ADMIN,
        f"{ADMIN}subsystem/HR1/backup/",
        f"{ADMIN}subsystem/HR1/restore/",
        f"{ADMIN}subsystem/HR1/restore/x/confirm/",
        "/admin/hms/applicant/",
        "/admin/hms/applicant/export/",
    ):
        outside: set[str] = getattr(resolve(path).func, "_non_atomic_requests", set())
        assert aliases <= outside, path


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
