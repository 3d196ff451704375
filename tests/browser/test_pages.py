"""Every page in light and dark, on a desktop and on a phone: accessible, and photographed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .conftest import Visit
from .hospital import RunningHospital
from .people import ADMIN
from .pictures import LOOKS, PAGES
from .steps import confirm, open_dialog, scope_page, upload

SERIOUS = {"serious", "critical"}
DJANGOS = ("#header", "#nav-sidebar", "#toolbar", "#changelist-filter", ".object-tools")
"""Parts of the admin around and beside our pages, which Django draws."""


class Photographer:
    """Takes a picture of each page it is shown, and notes what axe finds wrong with it."""

    def __init__(self, folder: Path, look: str) -> None:
        self._folder = folder
        self._look = look
        self.taken: list[str] = []
        self.wrong: list[str] = []

    def show(self, page: Page, name: str, *, whole: bool = True) -> None:
        page.wait_for_load_state("networkidle")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(
            path=self._folder / f"{name}-{self._look}.png", full_page=whole, animations="disabled"
        )
        self.taken.append(name)
        found = Axe().run(page, context={"exclude": [[each] for each in DJANGOS]})
        for violation in found.response["violations"]:
            if violation["impact"] in SERIOUS:
                where = "; ".join(node["html"][:300] for node in violation["nodes"][:3])
                self.wrong.append(f"{name}: {violation['id']}: {violation['help']}: {where}")


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible(
    site: RunningHospital, visit: Visit, tmp_path: Path, screenshots: Path, look: str
) -> None:
    photographer = Photographer(screenshots, look)
    show: Callable[..., None] = photographer.show
    visitor = visit("", **LOOKS[look])
    visitor.goto("/sign-in/")
    show(visitor, "sign-in")
    page = visit("hr.admin", **LOOKS[look])
    show(page, "home")
    page.goto("/hr/hr1/")
    show(page, "subsystem-hub")

    page.goto("/hr/")
    dialog = open_dialog(page, "Backup", "HR1")
    show(page, "backup-dialog", whole=False)
    with page.expect_download() as started:
        dialog.get_by_role("button", name="Download the backup of HR1").click()
    archive = tmp_path / started.value.suggested_filename
    started.value.save_as(archive)
    expect(dialog.get_by_role("heading", name="HR1 was backed up")).to_be_visible()
    show(page, "backup-done", whole=False)
    page.goto("/hr/")
    show(page, "department-hub")

    site.manage("damage")
    page.goto(ADMIN)
    show(page, "data-management")
    page.goto(scope_page("subsystem", "HR1"))
    dialog = open_dialog(page, "Restore", "HR1")
    dialog.get_by_label("Backup file").set_input_files(archive)
    show(page, "restore-dialog", whole=False)
    page.keyboard.press("Escape")
    upload(page, "HR1", archive)
    show(page, "preview")
    preview = page.url
    page.locator("#content").get_by_role("link", name="Applicants", exact=True).click()
    page.get_by_role("link", name="Show and search all changed rows of Applicants").click()
    show(page, "changes")
    page.goto(f"{preview}?mode=mirror")
    page.get_by_text("Mode: Make exactly as in the backup").click()
    show(page, "preview-options")
    page.goto(f"{preview}?table=applicants")
    show(page, "preview-problems")
    page.goto(preview)
    confirm(page, "HR1")
    show(page, "result")
    page.get_by_role("link", name="Show the audit log entry").click()
    show(page, "audit-entry")
    page.goto("/admin/hms_backup/auditlog/")
    show(page, "audit-log")
    page.goto(scope_page("subsystem", "HR1"))
    show(page, "subsystem")
    page.goto(f"{ADMIN}subsystem/LOG1/restore/")
    show(page, "refused")
    page.goto("/admin/hms/applicant/")
    show(page, "rows")
    page.goto("/admin/hms/applicant/1/change/")
    show(page, "row")
    page.goto("/admin/hms/applicant/export/")
    show(page, "row-export")
    letter = tmp_path / "letter.hms-backup"
    letter.write_text("Dear hospital")
    page.goto("/backups/subsystem/HR1/restore/")
    page.get_by_label("Backup file").set_input_files(letter)
    page.get_by_role("button", name="Upload and preview").click()
    page.get_by_role("link", name="Choose another file").wait_for()
    show(page, "not-a-backup")

    assert photographer.wrong == []
    assert tuple(photographer.taken) == PAGES
