"""``{% hms_backup_data_management %}`` in a project's own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client, override_settings

from hms_backup.exceptions import ConfigurationError, UnknownScope

from .conftest import PEOPLE, Browser
from .journeys import ADMIN, text

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("transactional_db"),
]


@override_settings(ROOT_URLCONF="tests.admin.urls")
@pytest.mark.parametrize("name", PEOPLE)
def test_section_is_shown_to_those_with_a_right_alone(browser: Browser, name: str) -> None:
    shown = text(browser(name).get("/hub/HR1/"))

    backs_up = name in ("superuser", "hr1", "hr1_backup", "hr", "hr_piecewise", "outsider")
    restores = name in ("superuser", "hr1", "hr1_restore", "hr", "outsider")
    assert ("Backup HR1 …" in shown) is backs_up
    assert ("Restore HR1 …" in shown) is restores
    if not (backs_up or restores):
        assert shown.strip() == "Hub"


@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_someone_signed_out_sees_nothing() -> None:
    response = Client().get("/hub/HR1/")

    assert response.content.strip() == b"<h1>Hub</h1>"


@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_department_shows_itself_and_its_subsystems(browser: Browser) -> None:
    whole = text(browser("hr").get("/hub/HR/"))
    part = text(browser("hr1").get("/hub/HR/"))

    assert "Backup Human Resources …" in whole
    assert "Backup HR4 …" in whole
    assert "Backup HR1 …" in part
    assert "HR4" not in part


@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_links_lead_to_the_projects_own_pages_which_open(browser: Browser) -> None:
    client = browser("outsider")
    page = client.get("/hub/HR1/").content.decode()

    assert 'href="/backups/subsystem/HR1/backup/"' in page
    assert client.get("/backups/subsystem/HR1/backup/").status_code == 200


def test_project_that_mounts_no_pages_is_led_to_the_admin(browser: Browser) -> None:
    from tests.admin.urls import hub

    client = browser("hr1")
    request = client.get("/admin/").wsgi_request

    assert f'href="{ADMIN}subsystem/HR1/backup/"' in hub(request, "HR1").content.decode()


def test_user_who_can_open_no_page_is_a_clear_error(browser: Browser) -> None:
    from tests.admin.urls import hub

    request = browser("outsider").get("/admin/").wsgi_request

    with pytest.raises(ConfigurationError, match="no address") as raised:
        hub(request, "HR1")
    assert 'include("hms_backup.pages.urls")' in raised.value.hint


@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_mistakes_of_the_project_are_clear_errors(browser: Browser) -> None:
    client = browser("hr1")

    with pytest.raises(ConfigurationError, match="needs the request"):
        client.get("/hub-without-request/")
    with pytest.raises(UnknownScope, match="HR9"):
        client.get("/hub/HR9/")


@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_page_goes_on_working_when_the_rights_cannot_be_read(
    browser: Browser, settings: Settings
) -> None:
    policy = "tests.admin.test_rights.UnreachablePolicy"
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "POLICY": policy}
    response = browser("hr1").get("/hub/HR1/")

    assert response.status_code == 200
    assert "Hub" in text(response)
    assert "Data Management" not in text(response)
