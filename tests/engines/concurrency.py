"""What tests of locks and lost connections share: other sessions, and waiting without sleeping."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.export import export_scope
from hms_backup.plan import RestorePlan
from hms_backup.registry import Scope
from hms_backup.restore import RestoreOptions, apply_restore
from tests.roundtrip import UNLIMITED
from tests.support import ROOT, child_environment

PATIENCE = 20.0
"""Seconds after which a test gives up; nothing here takes more than two."""


@contextmanager
def another_session() -> Iterator[psycopg.Connection[Any]]:
    """A further connection to the test's database, in autocommit mode, that waits 0.2 s at most
    for a lock."""
    wrapper = connection.copy()
    wrapper.ensure_connection()
    raw: psycopg.Connection[Any] = wrapper.connection
    raw.execute("SET lock_timeout = '200ms'")
    try:
        yield raw
    finally:
        with suppress(psycopg.Error):
            raw.execute("ROLLBACK")
        wrapper.close()


def wait_until(condition: Callable[[], object]) -> None:
    """Poll until ``condition`` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def backends(condition: str) -> list[int]:
    """The server processes of this database, other than the asker's, that fulfil a condition on
    pg_stat_activity."""
    with another_session() as session:
        found = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            f"AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND {condition}"
        ).fetchall()
    return [pid for (pid,) in found]


def waiting_for_a_lock(statement: str) -> list[int]:
    """The server processes that run such a statement (LIKE) and wait for a lock."""
    return backends(f"wait_event_type = 'Lock' AND query LIKE '{statement}'")


def terminate(pid: int) -> None:
    """End a server process and wait until it is gone."""
    with another_session() as session:
        session.execute("SELECT pg_terminate_backend(%s)", (pid,))
    wait_until(lambda: not backends(f"pid = {pid}"))


@contextmanager
def in_background(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Run ``work`` in a thread; it must be over when the block ends."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(work)
        yield running
        running.exception(timeout=PATIENCE)


@contextmanager
def repeated(work: Callable[[], None]) -> Iterator[None]:
    """Run ``work`` over and over in a thread until the block ends. Raises what it raised."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            work()

    with ThreadPoolExecutor(max_workers=1) as pool:
        running = pool.submit(loop)
        try:
            yield
        finally:
            stop.set()
        running.result(timeout=PATIENCE)


@contextmanager
def child(verb: str, scope_id: str, path: Path, step: str) -> Iterator[subprocess.Popen[str]]:
    """Start `tests.engines.child`; kill it when the block ends."""
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.engines.child", verb, scope_id, str(path), step],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=child_environment(),
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


def at(step: str, act: Callable[[], object], table: str = "") -> Callable[..., None]:
    """Progress that calls ``act`` the first time ``step`` is reached, for ``table`` if given."""
    pending = [act]

    def progress(reached: str, where: str, done: int, total: int | None) -> None:
        if pending and reached == step and table in ("", where):
            pending.pop()()

    return progress


def watched_export(scope: Scope, path: Path, progress: Callable[..., None]) -> None:
    """Back up with ``progress``."""
    export_scope(scope, path, settings=get_settings(), progress=progress)


def watched_restore(
    scope: Scope,
    path: Path,
    *,
    progress: Callable[..., None] | None = None,
    before_writing: Callable[[], None] | None = None,
    **options: Any,
) -> RestorePlan:
    """Restore with callbacks."""
    with ArchiveReader.open(path, UNLIMITED) as reader:
        return apply_restore(
            reader,
            scope,
            RestoreOptions(**options),
            settings=get_settings(),
            progress=progress,
            before_writing=before_writing,
        )
