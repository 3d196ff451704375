"""The hospital's rows in the admin: looking, backing up from a list, taking some away."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import Visit
from .hospital import RunningHospital
from .people import NURSE

APPLICANTS = "/admin/hms/applicant/"


def test_list_backs_up_its_whole_subsystem(
    site: RunningHospital, visit: Visit, tmp_path: Path
) -> None:
    page = visit("hr1.admin")
    page.goto(APPLICANTS)
    page.locator("input.action-select").first.check()
    page.get_by_label("Action:").select_option(label="Back up the subsystem of these rows")

    with page.expect_download() as started:
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    archive = tmp_path / started.value.suggested_filename
    started.value.save_as(archive)

    assert {"vacancies.json", "interviews.json"} <= set(zipfile.ZipFile(archive).namelist())
    assert site.audit() == [("hr1.admin", "BACKUP", False, "HR1", "SUCCESS", "")]


def test_list_with_its_search_is_exported_and_recorded(
    site: RunningHospital, visit: Visit, tmp_path: Path
) -> None:
    site.query("UPDATE applicants SET last_name = '=HYPERLINK(\"x\")' WHERE id = 3")
    page = visit("hr1.admin")
    page.goto(f"{APPLICANTS}?q=HYPERLINK")
    page.get_by_role("link", name="Export").click()
    page.get_by_label("Format").select_option(label="csv")

    with page.expect_download() as started:
        page.get_by_role("button", name="Submit").click()
    file = tmp_path / started.value.suggested_filename
    started.value.save_as(file)

    (row,) = csv.DictReader(file.read_text().splitlines())
    assert row["id"] == "3"
    assert row["last_name"] == '\'=HYPERLINK("x")'
    assert site.audit() == [("hr1.admin", "EXPORT", False, "HR1", "SUCCESS", "")]


def test_related_rows_are_reached_from_a_row(visit: Visit) -> None:
    page = visit("ct1.admin")
    page.goto("/admin/hms/patient/1/change/")

    page.get_by_role("link", name="Appointments").last.click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("appointment")
    page.locator("#result_list tbody th a").first.click()
    expect(page.get_by_role("link", name="CT1 · Patient Access")).to_be_visible()


@pytest.mark.parametrize("username", [NURSE, "hr2.admin"])
def test_rows_of_others_can_be_neither_seen_nor_exported(
    site: RunningHospital, visit: Visit, username: str
) -> None:
    page = visit(username)

    for address in (APPLICANTS, f"{APPLICANTS}1/change/", f"{APPLICANTS}export/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status in (302, 403)
        expect(page.locator("#result_list")).to_have_count(0)


def test_nurse_looks_at_patients_and_takes_nothing_away(
    site: RunningHospital, visit: Visit
) -> None:
    page = visit(NURSE)
    page.goto("/admin/hms/patient/")

    expect(page.locator("#result_list tbody tr").first).to_be_visible()
    expect(page.get_by_role("link", name="Export")).to_have_count(0)
    expect(page.get_by_label("Action:")).to_have_count(0)
    answer = page.goto("/admin/hms/patient/export/")
    assert answer is not None
    assert answer.status == 403
    assert site.audit()[-1][-2:] == ("FAIL", "not_permitted")
