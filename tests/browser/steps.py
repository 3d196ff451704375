"""What people do in the pages, and what they then see."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from .people import ADMIN, PASSWORD


def sign_in(page: Page, username: str) -> None:
    """Sign in at the hospital's own page."""
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Departments", level=1)).to_be_visible()


def open_dialog(page: Page, verb: str, label: str) -> Locator:
    """Press ``Backup HR1 …`` or ``Restore HR1 …`` and return the dialog."""
    page.get_by_role("link", name=f"{verb} {label} …", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def back_up(page: Page, label: str, folder: Path) -> Path:
    """Back up through the dialog; leave the dialog open, saying what was written."""
    dialog = open_dialog(page, "Backup", label)
    with page.expect_download() as started:
        dialog.get_by_role("button", name=f"Download the backup of {label}").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    expect(dialog.get_by_role("heading", name=f"{label} was backed up")).to_be_visible()
    return path


def close_dialog(page: Page) -> None:
    """Close the dialog with its button."""
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def upload(page: Page, label: str, archive: Path) -> None:
    """Choose a file in the dialog and wait for the preview."""
    dialog = open_dialog(page, "Restore", label)
    dialog.get_by_label("Backup file").set_input_files(archive)
    dialog.get_by_role("button", name="Upload and preview").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible()


def confirm(page: Page, label: str) -> None:
    """Press the button at the end of the preview."""
    page.get_by_role("button", name=f"Restore {label} now").click()
    expect(page.get_by_role("heading", name=f"{label} was restored")).to_be_visible()


def scope_page(kind: str, id: str) -> str:
    """The address of a department's or subsystem's page in the admin."""
    return f"{ADMIN}{kind}/{id}/"
