"""Every role does the whole journey: back up, damage, restore with a preview, find the entry."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from example_project.hospital.ddl import table_facts

from .conftest import Visit
from .hospital import RunningHospital
from .people import ACCOUNTS, ADMIN, JOURNEYS, NURSE, SUPER, Journey, permitted
from .steps import back_up, close_dialog, confirm, upload


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda each: f"{each.username}-{each.id}")
def test_administrator_backs_up_and_restores_what_is_theirs(
    site: RunningHospital, visit: Visit, journey: Journey, tmp_path: Path
) -> None:
    page = visit(journey.username)
    before = {table: site.table(table) for table in table_facts()}
    page.goto(journey.start)

    archive = back_up(page, journey.label, tmp_path)
    close_dialog(page)
    for statement in journey.damage:
        site.query(statement)
    damaged = {table for table in before if site.table(table) != before[table]}
    upload(page, journey.label, archive)
    assert {table for table in before if site.table(table) != before[table]} == damaged
    confirm(page, journey.label)
    page.get_by_role("link", name="Show the audit log entry").click()

    assert len(damaged) == len(journey.damage)
    assert {table: site.table(table) for table in before} == before
    assert site.audit() == [
        (journey.username, "BACKUP", False, journey.id, "SUCCESS", ""),
        (journey.username, "RESTORE", True, journey.id, "SUCCESS", ""),
        (journey.username, "RESTORE", False, journey.id, "SUCCESS", ""),
    ]
    expect(page.get_by_text(archive.name)).to_be_visible()
    manifest = json.loads(zipfile.ZipFile(archive).read("metadata.json"))
    assert (manifest["scope"], manifest["target_id"]) == (journey.kind, journey.id)


@pytest.mark.parametrize("username", ACCOUNTS)
def test_everybody_sees_exactly_what_they_may(visit: Visit, username: str) -> None:
    page = visit(username)
    wanted = permitted(username)

    for start, inside in (
        (ADMIN, None),
        ("/hr/", {"HR", "HR1", "HR2", "HR3", "HR4"}),
        ("/logistics/log2/", {"LOG2"}),
    ):
        page.goto(start)
        shown = wanted if inside is None else wanted & inside
        links = page.locator("a[data-hms-dialog]")
        expect(links).to_have_count(2 * len(shown))
        addresses = {str(link.get_attribute("href")).split("/")[-3] for link in links.all()}
        assert addresses == shown
    page.goto("/admin/")
    entry = page.locator("#content").get_by_role("link", name="Data management")
    expect(entry).to_have_count(1 if wanted else 0)


def test_nurse_is_refused_everywhere_and_it_is_recorded(
    site: RunningHospital, visit: Visit
) -> None:
    page = visit(NURSE)

    for address in (ADMIN, f"{ADMIN}subsystem/HR1/", f"{ADMIN}subsystem/HR1/restore/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_text("not_permitted")).to_be_visible()
    answer = page.goto("/backups/subsystem/HR1/backup/")
    assert answer is not None
    assert answer.status == 403
    answer = page.goto("/api/backup/subsystem/HR1")
    assert answer is not None
    assert answer.status == 403

    refused = site.audit()
    assert len(refused) == 5
    assert {entry[0] for entry in refused} == {NURSE}
    assert {entry[-1] for entry in refused} == {"not_permitted"}


def test_visitor_is_sent_to_the_sign_in_and_back(visit: Visit) -> None:
    page = visit("")

    page.goto("/backups/subsystem/HR1/")
    page.get_by_label("User name").fill("hr1.admin")
    page.get_by_label("Password").fill("hospital")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="HR1 · Talent Acquisition")).to_be_visible()
    assert page.url.endswith("/backups/subsystem/HR1/")


def test_group_made_in_the_admin_gives_its_members_the_right(
    site: RunningHospital, visit: Visit
) -> None:
    page = visit(SUPER)
    page.goto("/admin/auth/group/add/")
    page.get_by_label("Name").fill("Night shift")
    permissions = page.locator("#id_permissions_from")
    choice = permissions.locator("option", has_text="Can restore HR1 · Talent Acquisition")
    permissions.select_option(str(choice.get_attribute("value")))
    page.locator("#id_permissions_add, #id_permissions_add_link").click()
    page.get_by_role("button", name="Save", exact=True).click()
    ((nurse_id,),) = site.query("SELECT id FROM auth_user WHERE username = 'nurse'")
    page.goto(f"/admin/auth/user/{nurse_id}/change/")
    page.locator("#id_groups_from").select_option(label="Night shift")
    page.locator("#id_groups_add, #id_groups_add_link").click()
    page.get_by_role("button", name="Save", exact=True).click()

    nurse = visit(NURSE)
    nurse.goto(ADMIN)

    expect(nurse.get_by_role("link", name="Restore HR1 …")).to_be_visible()
    expect(nurse.get_by_role("link", name="Backup HR1 …")).to_have_count(0)
