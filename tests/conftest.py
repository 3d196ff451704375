"""The suite's database: one server per run, the hospital's tables in it, empty before each test."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dj_database_url
import psutil
import pytest
from django.conf import settings
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from example_project.embedded_postgres import EmbeddedPostgres
from example_project.hospital.ddl import create_hospital
from hms_backup.signals import make_permissions
from tests import settings as test_settings
from tests.support import database_url, empty_hospital, hospital_shape, recreate_hospital

pytest_plugins = ["tests.fixtures"]
collect_ignore = [] if "HMS_TEST_BROWSER" in os.environ else ["browser"]

SERVER_PREFIX = "hms-test-"
SERVER_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SERVER = pytest.StashKey[EmbeddedPostgres]()
SHAPE = pytest.StashKey[list[tuple[object, ...]]]()
"""What the hospital's tables looked like before any test."""


def pytest_configure(config: pytest.Config) -> None:
    """Start an embedded PostgreSQL unless an address was given.

    The address goes into the environment, so that pytest-xdist's workers share the server.
    """
    _remove_abandoned_files()
    given = os.environ.get("TEST_POSTGRES_URL") or os.environ.get("DATABASE_URL")
    if test_settings.VENDOR != "postgresql" or given or config.option.collectonly:
        return
    _remove_abandoned_servers()
    folder = Path(tempfile.mkdtemp(prefix=f"{SERVER_PREFIX}{os.getpid()}-"))
    server = EmbeddedPostgres(folder=folder / "pg", options=SERVER_OPTIONS)
    config.stash[SERVER] = server
    server.start()
    os.environ["TEST_POSTGRES_URL"] = server.url()
    settings.DATABASES["default"].update(dj_database_url.parse(server.url()))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server this run started and remove its folders."""
    shutil.rmtree(test_settings.UPLOADS, ignore_errors=True)
    server = config.stash.get(SERVER, None)
    if server is not None:
        server.remove()
        shutil.rmtree(server.folder.parent, ignore_errors=True)
        os.environ.pop("TEST_POSTGRES_URL", None)


def _remove_abandoned_servers() -> None:
    """Stop the servers of runs that were killed."""
    for folder in _abandoned(f"{SERVER_PREFIX}*"):
        EmbeddedPostgres(folder=folder / "pg").remove()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned_files() -> None:
    """Delete the SQLite databases and uploads of runs that were killed."""
    for folder in _abandoned("hms-uploads-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in _abandoned("test_hms_*.sqlite3*"):
        file.unlink(missing_ok=True)


def _abandoned(pattern: str) -> Iterator[Path]:
    """Our temporary files whose name carries the id of a process that is gone."""
    for path in Path(tempfile.gettempdir()).glob(pattern):
        pid = re.search(r"\d+", path.name)
        if pid and not psutil.pid_exists(int(pid[0])) and os.access(path, os.W_OK):
            yield path


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that were written for the other vendors alone."""
    others = [vendor for vendor in test_settings.VENDORS if vendor != test_settings.VENDOR]
    foreign = [item for item in items if any(item.get_closest_marker(other) for other in others)]
    if foreign:
        config.hook.pytest_deselected(items=foreign)
        items[:] = [item for item in items if item not in foreign]


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, pytestconfig: pytest.Config
) -> None:
    """Add the hospital's unmanaged tables to the database that pytest-django made.

    From here on child processes find this very database in their environment.
    """
    with django_db_blocker.unblock():
        create_hospital(connection)
        pytestconfig.stash[SHAPE] = hospital_shape()
        os.environ["HMS_TEST_DATABASE_URL"] = database_url()
    os.environ["HMS_TEST_UPLOADS"] = str(test_settings.UPLOADS)


@pytest.fixture(autouse=True)
def _hospital_left_as_it_was(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Empty the hospital after each committing test, and make it anew if it was altered.

    Django's own flush passes unmanaged tables by.
    """
    yield
    if "transactional_db" in request.fixturenames or _is_transactional(request):
        with django_db_blocker.unblock():
            if hospital_shape() == request.config.stash[SHAPE]:
                empty_hospital()
            else:
                recreate_hospital()
            # The flush ran migrate's signal, perhaps while the test had other registrations.
            make_permissions()


def _is_transactional(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("django_db")
    return marker is not None and bool(marker.kwargs.get("transaction"))
