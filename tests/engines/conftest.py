"""Fixtures of the engines' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from tests.engines.site import ALIAS, Site

if TYPE_CHECKING:
    from pytest_django import Settings


@pytest.fixture
def site(tmp_path: Path, settings: Settings, django_db_blocker: DjangoDbBlocker) -> Iterator[Site]:
    """An empty SQLite database that ``HMS_BACKUP["DATABASE"]`` names."""
    archives = tmp_path / "archives"
    archives.mkdir()
    found = Site(path=tmp_path / "site.sqlite3", archives=archives)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "DATABASE": ALIAS}
    described = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(found.path)}
    connections.settings[ALIAS] = connections.configure_settings(
        {"default": described, ALIAS: described}
    )[ALIAS]
    with django_db_blocker.unblock():
        yield found
        connections[ALIAS].close()
    del connections[ALIAS]
    del connections.settings[ALIAS]
