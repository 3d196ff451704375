"""Without a mouse, without JavaScript, on a phone."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from .conftest import Visit
from .hospital import RunningHospital
from .people import ADMIN
from .steps import back_up, confirm, scope_page, upload

PHONE = {"width": 360, "height": 740}


def test_dialogs_work_with_the_keyboard_alone(site: RunningHospital, visit: Visit) -> None:
    page = visit("hr1.admin")
    page.goto(ADMIN)
    link = page.get_by_role("link", name="Backup HR1 …")

    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Backup HR1 · Talent Acquisition")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading", level=2).first).to_be_focused()
    for _press in range(12):  # never out of the dialog into the page behind it
        page.keyboard.press("Tab")
        inside = (
            "document.activeElement === document.body || !!document.activeElement.closest('dialog')"
        )
        assert page.evaluate(inside)
    page.keyboard.press("Escape")

    expect(dialog).to_have_count(0)
    expect(link).to_be_focused()


def test_download_can_be_ordered_with_the_keyboard(visit: Visit) -> None:
    page = visit("hr1.admin")
    page.goto(ADMIN)
    page.get_by_role("link", name="Backup HR1 …").focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Download the backup of HR1")
    expect(button).to_be_visible()

    for _press in range(10):
        page.keyboard.press("Tab")
        if button.evaluate("each => each === document.activeElement"):
            break
    with page.expect_download():
        page.keyboard.press("Enter")

    done = page.get_by_role("heading", name="HR1 was backed up")
    expect(done).to_be_focused()


def test_everything_works_without_javascript(
    site: RunningHospital, visit: Visit, tmp_path: Path
) -> None:
    page = visit("hr1.admin", java_script_enabled=False)
    before = site.table("applicants")
    page.goto("/hr/hr1/")
    page.get_by_role("link", name="Backup HR1 …").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with page.expect_download() as started:
        page.get_by_role("button", name="Download the backup of HR1").click()
    archive = tmp_path / started.value.suggested_filename
    started.value.save_as(archive)
    site.query("UPDATE applicants SET status = 'Lost'")

    page.goto("/hr/hr1/")
    page.get_by_role("link", name="Restore HR1 …").click()
    page.get_by_label("Backup file").set_input_files(archive)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("link", name="Show and search all changed rows of Applicants").click()
    page.get_by_role("link", name="← Back to the preview").click()
    confirm(page, "HR1")

    assert site.table("applicants") == before


def test_wrong_file_without_javascript_is_explained_on_the_page(
    visit: Visit, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.hms-backup"
    with huge.open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    page = visit("hr1.admin", java_script_enabled=False)
    page.goto(f"{scope_page('subsystem', 'HR1')}restore/")

    page.get_by_label("Backup file").set_input_files(huge)
    page.get_by_role("button", name="Upload and preview").click()

    expect(page.get_by_role("alert")).to_contain_text("larger than the 50 MB")


def test_nothing_is_wider_than_a_phone(site: RunningHospital, visit: Visit, tmp_path: Path) -> None:
    page = visit("hr1.admin", viewport=PHONE, has_touch=True, is_mobile=True)
    site.query("UPDATE applicants SET documents = to_jsonb(repeat('unbreakable', 60)) WHERE id = 2")
    page.goto(scope_page("subsystem", "HR1"))
    _fits(page)

    archive = back_up(page, "HR1", tmp_path)
    _fits(page)
    site.query("UPDATE applicants SET status = 'Lost', documents = '[]'")
    page.goto(scope_page("subsystem", "HR1"))
    upload(page, "HR1", archive)
    _fits(page)
    page.get_by_role("link", name="Show and search all changed rows of Applicants").click()
    _fits(page)
    page.go_back()
    confirm(page, "HR1")
    _fits(page)
    for address in (ADMIN, "/", "/hr/", "/hr/hr1/", "/backups/"):
        page.goto(address)
        _fits(page)


def _fits(page: Page) -> None:
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, page.url


def test_pages_are_in_filipino_for_those_who_choose_it(visit: Visit) -> None:
    page = visit("hr1.admin")
    page.goto("/hr/hr1/")

    page.get_by_role("button", name="Filipino").click()

    expect(page.get_by_role("link", name="I-backup ang HR1 …")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "fil"
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("link", name="Backup HR1 …")).to_be_visible()
