"""A restore in the browser: changing one's mind, changes meanwhile, doing it twice, other files."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import Visit
from .hospital import RunningHospital
from .people import ADMIN
from .steps import back_up, close_dialog, confirm, open_dialog, scope_page, upload

HR1 = scope_page("subsystem", "HR1")
RESTORES = (
    "SELECT status FROM system_audit_logs WHERE action = 'RESTORE' AND NOT dry_run ORDER BY id"
)


@pytest.fixture
def page(visit: Visit) -> Page:
    """HR1's page, as its administrator sees it in the admin."""
    page = visit("hr1.admin")
    page.goto(HR1)
    return page


@pytest.fixture
def archive(page: Page, tmp_path: Path) -> Path:
    """A backup of HR1 as it was."""
    path = back_up(page, "HR1", tmp_path)
    close_dialog(page)
    return path


@pytest.fixture
def rejected(site: RunningHospital, archive: Path) -> None:
    """Then somebody rejected all applicants."""
    site.query("UPDATE applicants SET status = 'Lost'")


def test_preview_shows_what_would_change_before_and_after(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    site.query("DELETE FROM interviews WHERE id IN (1, 2)")
    ((applicants,),) = site.query("SELECT count(*) FROM applicants")
    ((name,),) = site.query("SELECT status FROM applicants WHERE id = 1")

    upload(page, "HR1", archive)

    expect(page.get_by_text("hr1.admin").first).to_be_visible()
    expect(page.get_by_text("Example hospital · 1.0 · example")).to_be_visible()
    totals = page.locator(".hms-totals li strong")
    assert totals.all_inner_texts()[:3] == ["2", str(applicants), "0"]
    first = page.locator(".hms-change-update").first
    assert first.locator("del").inner_text() == name == "Lost"
    expect(first.locator("ins")).not_to_have_text("Lost")


def test_changed_rows_can_be_paged_and_searched(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    page.get_by_role("link", name="Show and search all changed rows of Applicants").click()

    expect(page.locator("table.hms-change")).to_have_count(20)
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("Changed rows 21 to 40")).to_be_visible()
    page.get_by_label("Find rows that contain").fill("no such text anywhere")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No changed row contains this.")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="← Back to the preview").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()


def test_mode_and_tables_can_be_changed_and_previewed_again(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    site.query("INSERT INTO vacancies (position_name) VALUES ('Astronaut')")
    upload(page, "HR1", archive)

    page.get_by_text("Mode: Bring back and correct").click()
    page.get_by_role("radio", name="Make exactly as in the backup").check()
    page.get_by_role("checkbox", name="Applicants").uncheck()
    page.get_by_role("button", name="Preview again").click()

    assert page.locator(".hms-totals li strong").all_inner_texts()[:3] == ["0", "0", "1"]
    expect(page.locator(".hms-change-delete").get_by_text("Astronaut")).to_be_visible()
    confirm(page, "HR1")
    assert site.query("SELECT * FROM vacancies WHERE position_name = 'Astronaut'") == []
    assert site.query("SELECT DISTINCT status FROM applicants") == [("Lost",)]


def test_cancelled_preview_deletes_the_upload_and_changes_nothing(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    preview = page.url

    page.get_by_role("button", name="Cancel and delete the upload").click()

    expect(page.get_by_text("The upload was deleted. Nothing was changed.")).to_be_visible()
    assert site.query("SELECT DISTINCT status FROM applicants") == [("Lost",)]
    answer = page.goto(preview)
    assert answer is not None
    assert answer.status == 404


def test_wrong_click_is_backed_out_of_at_every_step(site: RunningHospital, page: Page) -> None:
    for verb in ("Backup", "Restore"):
        dialog = open_dialog(page, verb, "HR1")
        dialog.get_by_role("link", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        open_dialog(page, verb, "HR1")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    assert page.url.endswith(HR1)
    assert site.audit() == []


def test_data_changed_meanwhile_is_told_and_previewed_anew(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    site.query("UPDATE applicants SET phone = '0917' WHERE id = 5")

    page.get_by_role("button", name="Restore HR1 now").click()

    expect(page.get_by_text("The data changed after you looked at the preview")).to_be_visible()
    assert site.query("SELECT phone FROM applicants WHERE id = 5") == [("0917",)]
    confirm(page, "HR1")
    assert site.query("SELECT phone FROM applicants WHERE id = 5") != [("0917",)]
    assert site.query(RESTORES) == [("FAIL",), ("SUCCESS",)]


def test_double_click_restores_once(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)

    page.get_by_role("button", name="Restore HR1 now").dblclick()

    expect(page.get_by_role("heading", name="HR1 was restored")).to_be_visible()
    assert site.query(RESTORES) == [("SUCCESS",)]


def test_back_button_after_a_restore_leads_to_its_result(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    confirm(page, "HR1")
    site.query("UPDATE applicants SET status = 'Later'")

    page.go_back()
    page.reload()

    expect(page.get_by_role("heading", name="HR1 was restored")).to_be_visible()
    assert site.query("SELECT DISTINCT status FROM applicants") == [("Later",)]
    assert site.query(RESTORES) == [("SUCCESS",)]


def test_two_tabs_restore_once(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    other = page.context.new_page()
    other.goto(page.url)

    confirm(page, "HR1")
    other.get_by_role("button", name="Restore HR1 now").click()

    expect(other.get_by_text("This upload was restored already")).to_be_visible()
    assert site.query(RESTORES) == [("SUCCESS",)]


def test_dropped_file_is_taken(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    dialog = open_dialog(page, "Restore", "HR1")
    content = list(archive.read_bytes())
    transfer = page.evaluate_handle(
        """(content) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], "dropped.hms-backup"));
            return transfer;
        }""",
        content,
    )
    page.dispatch_event(".hms-drop", "dragenter", {"dataTransfer": transfer})
    expect(page.locator(".hms-drop-over")).to_have_count(1)
    page.dispatch_event(".hms-drop", "drop", {"dataTransfer": transfer})
    dialog.get_by_role("button", name="Upload and preview").click()

    expect(page.get_by_text("dropped.hms-backup")).to_be_visible()
    confirm(page, "HR1")
    assert site.query("SELECT * FROM applicants WHERE status = 'Lost'") == []


def test_file_over_the_limit_is_refused_before_it_is_sent(
    site: RunningHospital, page: Page, tmp_path: Path
) -> None:
    huge = tmp_path / "huge.hms-backup"
    with huge.open("wb") as file:
        file.truncate(51 * 1024 * 1024)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    dialog = open_dialog(page, "Restore", "HR1")

    dialog.get_by_label("Backup file").set_input_files(huge)
    dialog.get_by_role("button", name="Upload and preview").click()

    expect(dialog.get_by_role("alert")).to_contain_text("This file is too large")
    assert "POST" not in sent
    assert site.audit() == []


def test_no_file_is_asked_for_in_the_dialog(page: Page) -> None:
    dialog = open_dialog(page, "Restore", "HR1")

    dialog.get_by_role("button", name="Upload and preview").click()

    assert dialog.get_by_label("Backup file").evaluate("each => each.matches(':invalid')")
    expect(dialog).to_be_visible()


def test_file_of_another_subsystem_is_refused(
    site: RunningHospital, visit: Visit, page: Page, tmp_path: Path
) -> None:
    other = visit("hr2.admin")
    other.goto(ADMIN)
    archive = back_up(other, "HR2", tmp_path)

    dialog = open_dialog(page, "Restore", "HR1")
    dialog.get_by_label("Backup file").set_input_files(archive)
    dialog.get_by_role("button", name="Upload and preview").click()

    expect(page.get_by_role("heading", name="This is a backup of something else")).to_be_visible()
    assert site.audit()[-1] == ("hr1.admin", "RESTORE", True, "HR1", "FAIL", "scope_mismatch")
    page.get_by_role("link", name="Choose another file").click()
    expect(page.get_by_label("Backup file")).to_be_visible()


def test_file_that_is_no_backup_is_refused_in_plain_words(
    site: RunningHospital, page: Page, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.hms-backup"
    letter.write_text("Dear hospital")

    dialog = open_dialog(page, "Restore", "HR1")
    dialog.get_by_label("Backup file").set_input_files(letter)
    dialog.get_by_role("button", name="Upload and preview").click()

    expect(page.get_by_text("This file is not a backup, or it is damaged").first).to_be_visible()
    assert site.audit()[-1][-2:] == ("FAIL", "archive_invalid")


def test_missing_reference_blocks_and_says_what_to_do(
    site: RunningHospital, page: Page, archive: Path
) -> None:
    site.query("UPDATE interviews SET interviewer_id = NULL")
    site.query("UPDATE vacancies SET approved_by = NULL")
    site.query("DELETE FROM interviews")
    site.query("SET session_replication_role = replica; DELETE FROM users WHERE id > 3")

    upload(page, "HR1", archive)

    expect(page.get_by_role("heading", name="This cannot be restored as it is")).to_be_visible()
    expect(page.get_by_text("Rows refer to something that does not exist").first).to_be_visible()
    expect(page.get_by_role("button", name="Restore HR1 now")).to_have_count(0)


def test_cascade_out_of_the_subsystem_needs_a_ticked_box(
    site: RunningHospital, visit: Visit, tmp_path: Path
) -> None:
    page = visit("ct1.admin")
    page.goto(scope_page("subsystem", "CT1"))
    archive = back_up(page, "CT1", tmp_path)
    close_dialog(page)
    site.query(
        "WITH made AS (INSERT INTO patients (first_name, last_name, dob)"
        " VALUES ('New', 'Patient', '2000-01-01') RETURNING id)"
        " INSERT INTO medical_records (patient_id, doctor_id, diagnosis)"
        " SELECT id, 3, 'Cold' FROM made"
    )
    records = site.table("medical_records")

    upload(page, "CT1", archive)
    page.get_by_text("Mode: Bring back and correct").click()
    page.get_by_role("radio", name="Make exactly as in the backup").check()
    page.get_by_role("button", name="Preview again").click()
    box = page.get_by_role("checkbox", name="I accept this")
    page.get_by_role("button", name="Restore CT1 now").click()
    assert box.evaluate("each => each.matches(':invalid')")
    assert site.table("medical_records") == records
    box.check()
    confirm(page, "CT1")

    assert len(site.table("medical_records")) == len(records) - 1


def test_uploads_previews_and_results_of_others_do_not_exist(
    site: RunningHospital, visit: Visit, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    preview = page.url
    other = visit("hr.admin")  # who has the same right, and more
    for address in (preview, f"{preview}changes/?of=applicants"):
        answer = other.goto(address)
        assert answer is not None
        assert answer.status == 404
    confirm(page, "HR1")

    answer = other.goto(page.url)

    assert answer is not None
    assert answer.status == 404


def test_right_lost_after_the_preview_is_refused(
    site: RunningHospital, page: Page, archive: Path, rejected: None
) -> None:
    upload(page, "HR1", archive)
    site.query("DELETE FROM auth_user_groups")

    page.get_by_role("button", name="Restore HR1 now").click()

    expect(page.get_by_text("You may not restore HR1")).to_be_visible()
    assert site.query("SELECT DISTINCT status FROM applicants") == [("Lost",)]
    assert site.audit()[-1][-2:] == ("FAIL", "not_permitted")


def test_session_that_ended_leads_to_the_sign_in(site: RunningHospital, page: Page) -> None:
    page.context.clear_cookies(name="sessionid")

    page.get_by_role("link", name="Backup HR1 …").click()

    expect(page.get_by_label("Password")).to_be_visible()
    assert site.audit() == []


def test_form_of_an_earlier_sign_in_says_so(
    site: RunningHospital, page: Page, archive: Path
) -> None:
    dialog = open_dialog(page, "Restore", "HR1")
    page.context.clear_cookies(name="csrftoken")
    dialog.get_by_label("Backup file").set_input_files(archive)
    dialog.get_by_role("button", name="Upload and preview").click()

    expect(
        dialog.get_by_text("You have signed in again since this page was opened")
    ).to_be_visible()
