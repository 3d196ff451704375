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
from playwright.sync_api import BrowserContext, Page, Response

from tests.support import ROOT

from .hospital import RunningHospital, new_folder
from .steps import sign_in

Visit = Callable[..., Page]

QUIET = (
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-quic", "--no-first-run", "--disable-gpu",
)  # fmt: skip
"""Chromium asks nobody outside."""


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
    """A desktop's window, in Manila."""
    return {
        "base_url": site.address,
        "viewport": {"width": 1280, "height": 860},
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
        context = new_context(**options)
        _watch(context, wrong)
        page = context.new_page()
        if username:
            sign_in(page, username)
        return page

    yield signed_in
    assert wrong == []


def _watch(context: BrowserContext, wrong: list[str]) -> None:
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("response", lambda response: wrong.extend(_server_errors(response)))
    context.on(
        "console",
        lambda message: wrong.extend(
            [message.text] if "Content Security Policy" in message.text else []
        ),
    )


def _server_errors(response: Response) -> list[str]:
    return [f"{response.status} {response.url}"] if response.status >= 500 else []


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the pictures of the pages go: ``SCREENSHOTS``, or a folder that git ignores."""
    folder = ROOT / os.environ.get("SCREENSHOTS", "build/screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
