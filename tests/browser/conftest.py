"""The browser, the example hospital, and people who sign in to it.

``HMS_TEST_BROWSER`` says where Chromium is; without it this folder is left out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

from tests.support import ROOT

from .hospital import RunningHospital, new_folder
from .steps import sign_in

Visit = Callable[..., Page]

QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--no-first-run", "--disable-gpu",
)  # fmt: skip
"""Chromium asks nobody outside."""

DESKTOP = {"width": 1280, "height": 860}
"""The size of a window, in pixels, where a test says nothing else."""


@pytest.fixture(scope="session")
def site() -> Iterator[RunningHospital]:
    """The example hospital, running."""
    folder = new_folder()
    running = RunningHospital(folder=folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _as_new(site: RunningHospital) -> None:
    site.renew()


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium; as root it cannot have its sandbox."""
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    return {"executable_path": os.environ["HMS_TEST_BROWSER"], "args": [*QUIET, *sandbox]}


@pytest.fixture(scope="session")
def browser_context_args(site: RunningHospital) -> dict[str, Any]:
    """Somebody in Manila."""
    return {
        "base_url": site.address,
        "locale": "en-US",
        "timezone_id": "Asia/Manila",
    }


@pytest.fixture
def visit(new_context: Callable[..., BrowserContext]) -> Iterator[Visit]:
    """A function from a user name to a page of theirs, signed in, in a browser of their own.

    Afterwards no page may have broken the Content-Security-Policy or run into an error.
    """
    wrong: list[str] = []

    def signed_in(username: str, **options: Any) -> Page:
        context = new_context(**{"viewport": DESKTOP, **options})
        _watch(context, wrong)
        page = context.new_page()
        if username:
            sign_in(page, username)
        return page

    yield signed_in
    assert wrong == []


def _watch(context: BrowserContext, wrong: list[str]) -> None:
    missing: set[str] = (
        set()
    )  # Django's own page about them, for developers, has a style of its own

    def answered(response: Response) -> None:
        if response.status == 404:
            missing.add(response.url)
        if response.status >= 500:
            wrong.append(f"{response.status} {response.url}")

    def said(message: ConsoleMessage) -> None:
        source = message.location["url"]  # empty for what the test itself evaluates, axe say
        if source and source not in missing and "Content Security Policy" in message.text:
            wrong.append(f"{source}: {message.text}")

    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("response", answered)
    context.on("console", said)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the pictures of the pages go: ``SCREENSHOTS``, or a folder that git ignores."""
    folder = ROOT / os.environ.get("SCREENSHOTS", "build/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
