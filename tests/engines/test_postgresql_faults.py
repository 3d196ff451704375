"""What can go wrong while a backup or restore runs: the data is wholly old or wholly new."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.exceptions import (
    ConnectionLost,
    Deadlock,
    HmsBackupError,
    StatementTimeout,
    StorageError,
)
from hms_backup.registry import registry
from hms_backup.restore import RestoreOptions, plan_restore
from tests.engines.concurrency import (
    another_session,
    at,
    backends,
    child,
    in_background,
    terminate,
    wait_until,
    waiting_for_a_lock,
    watched_export,
    watched_restore,
)
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, plan, restore
from tests.support import adhoc_scope, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

BEDS = adhoc_scope("beds_")
GATE = 4711
"""The advisory lock at which the restored table's trigger waits."""


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    """A large enough table that copying it is under way when it is broken off."""
    make_table(
        """
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO beds_ SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 20000) n;
        """
    )
    path = backup(BEDS, tmp_path)
    run_sql("UPDATE beds_ SET name = 'x' WHERE id <= 10; DELETE FROM beds_ WHERE id > 19990")
    return path


@pytest.fixture
def gate(archive: Path, make_table: MakeTable) -> Iterator[Any]:
    """A session that holds the gate: rows are written only when it lets go."""
    make_table(
        f"""
        CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NEW; END $$;
        CREATE TRIGGER gate BEFORE INSERT ON beds_ FOR EACH STATEMENT
            EXECUTE FUNCTION wait_at_gate();
        """
    )
    with another_session() as session:
        session.execute(f"SELECT pg_advisory_lock({GATE})")
        yield session


def our_backend() -> int:
    """The server process of the only backup or restore that runs."""
    (pid,) = backends("xact_start IS NOT NULL AND query NOT LIKE '%pg_advisory_lock(%'")
    return pid


def end_our_backend() -> None:
    terminate(our_backend())


# Connections that break


@pytest.mark.parametrize("step", ["read", "verify"])
def test_backup_whose_connection_breaks_leaves_no_file(
    archive: Path, tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    path = folder / "beds.hms-backup"

    if step == "read":
        with pytest.raises(ConnectionLost):
            watched_export(BEDS, path, at(step, end_our_backend))
        assert list(folder.iterdir()) == []
    else:  # the database is no longer needed
        watched_export(BEDS, path, at(step, lambda: backends("true")))
        assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("step", ["stage", "write", "prove"])
def test_restore_whose_connection_breaks_changes_nothing(archive: Path, step: str) -> None:
    before = snapshot("beds_")

    with pytest.raises(ConnectionLost):
        watched_restore(BEDS, archive, progress=at(step, end_our_backend))

    assert snapshot("beds_") == before
    assert restore(BEDS, archive).counts.changes == 20


def test_restore_whose_connection_breaks_while_it_writes_changes_nothing(
    archive: Path, gate: Any
) -> None:
    before = snapshot("beds_")

    with in_background(lambda: restore(BEDS, archive, fire_triggers=True)) as restoring:
        wait_until(lambda: waiting_for_a_lock("INSERT INTO %beds_%"))
        for pid in waiting_for_a_lock("INSERT INTO %beds_%"):
            terminate(pid)
        error = restoring.exception(timeout=20)

    assert isinstance(error, ConnectionLost)
    assert snapshot("beds_") == before
    gate.execute("SELECT pg_advisory_unlock_all()")
    assert restore(BEDS, archive, fire_triggers=True).counts.changes == 20


def test_dry_run_whose_connection_breaks_says_so(archive: Path) -> None:
    with ArchiveReader.open(archive, UNLIMITED) as reader, pytest.raises(ConnectionLost):
        plan_restore(
            reader,
            BEDS,
            RestoreOptions(),
            settings=get_settings(),
            progress=at("stage", end_our_backend),
        )


def test_session_that_the_server_finds_idle_for_too_long_is_told_apart(archive: Path) -> None:
    before = snapshot("beds_")
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    run_sql(f"ALTER DATABASE {database} SET idle_in_transaction_session_timeout = '100ms'")
    try:
        with pytest.raises(ConnectionLost):
            watched_restore(
                BEDS,
                archive,
                progress=at(
                    "prove",
                    lambda: wait_until(lambda: not backends("state = 'idle in transaction'")),
                ),
            )
    finally:
        run_sql(f"ALTER DATABASE {database} RESET idle_in_transaction_session_timeout")

    assert snapshot("beds_") == before


def test_server_that_cannot_be_reached_is_told(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "no_such_database")

    for attempt in (
        lambda: plan(BEDS, archive),
        lambda: restore(BEDS, archive),
        lambda: backup(BEDS, tmp_path, "none.hms-backup"),
    ):
        with pytest.raises(HmsBackupError) as caught:
            attempt()
        assert caught.value.code == "connection_lost"

    assert not list(tmp_path.glob("*none*"))


# Deadlocks and timeouts


def test_deadlock_ends_the_restore_and_changes_nothing(
    archive: Path, make_table: MakeTable
) -> None:
    make_table("CREATE TABLE wards_ (id INTEGER PRIMARY KEY); INSERT INTO wards_ VALUES (1)")
    run_sql(
        "ALTER TABLE beds_ ADD COLUMN ward_id INTEGER NOT NULL DEFAULT 1 REFERENCES wards_ (id)"
    )
    before = snapshot("beds_")
    database = connection.ops.quote_name(connection.settings_dict["NAME"])

    def meet() -> None:
        other.execute("BEGIN; SET LOCAL deadlock_timeout = '60s'; SET LOCAL lock_timeout = 0")
        other.execute("SELECT 1 FROM wards_ WHERE id = 1 FOR UPDATE")
        other_writes.append(in_background(lambda: other.execute("UPDATE beds_ SET name = 'y'")))
        other_writes[0].__enter__()
        wait_until(lambda: waiting_for_a_lock("UPDATE beds_%"))

    other_writes: list[Any] = []
    run_sql(f"ALTER DATABASE {database} SET deadlock_timeout = '20ms'")
    try:
        with another_session() as other:
            with pytest.raises(Deadlock):
                watched_restore(BEDS, archive, before_writing=meet)
            other_writes[0].__exit__(None, None, None)
    finally:
        run_sql(f"ALTER DATABASE {database} RESET deadlock_timeout")

    assert snapshot("beds_") == before
    assert restore(BEDS, archive).counts.changes == 20


def test_statement_that_takes_too_long_ends_the_restore(
    archive: Path, gate: Any, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"STATEMENT_TIMEOUT": 0.3}
    before = snapshot("beds_")

    with pytest.raises(StatementTimeout):
        restore(BEDS, archive, fire_triggers=True)

    assert snapshot("beds_") == before
    gate.execute("SELECT pg_advisory_unlock_all()")
    settings.HMS_BACKUP = {}
    assert restore(BEDS, archive, fire_triggers=True).counts.changes == 20


def test_server_that_runs_out_of_disk_ends_the_restore(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id TEXT PRIMARY KEY, name TEXT);
        INSERT INTO wards_ SELECT repeat(md5(n::text), 8), 'a' FROM generate_series(1, 20000) n;
        """
    )
    scope = adhoc_scope("wards_")
    path = backup(scope, tmp_path)
    run_sql("UPDATE wards_ SET name = 'x' WHERE id < '1'")
    before = snapshot("wards_")
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    # The index over the staged keys is sorted on disk then, where there is no room.
    run_sql(f"ALTER DATABASE {database} SET maintenance_work_mem = '1MB'")
    run_sql(f"ALTER DATABASE {database} SET temp_file_limit = 0")
    try:
        for attempt in (plan, restore):
            with pytest.raises(StorageError):
                attempt(scope, path)
    finally:
        run_sql(f"ALTER DATABASE {database} RESET maintenance_work_mem")
        run_sql(f"ALTER DATABASE {database} RESET temp_file_limit")

    assert snapshot("wards_") == before
    assert restore(scope, path).counts.changes > 0


# Processes that are killed


@pytest.fixture
def damaged(hospital: dict[str, int], tmp_path: Path) -> Path:
    scope = registry.subsystem("HR1")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM onboarding; UPDATE applicants SET phone = 'x'")
    return path


@pytest.mark.parametrize("step", ["stage", "write", "prove"])
def test_killed_restore_changes_nothing_and_the_next_one_works(
    damaged: Path, hospital: dict[str, int], step: str
) -> None:
    before = snapshot()

    with child("restore", "HR1", damaged, step) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{step}\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
    wait_until(lambda: not backends("xact_start IS NOT NULL"))

    assert snapshot() == before
    done = restore(registry.subsystem("HR1"), damaged)
    assert done.counts.insert == hospital["onboarding"]
    assert done.counts.update == hospital["applicants"]


def test_locks_of_a_restore_that_is_killed_in_a_long_statement_are_freed(damaged: Path) -> None:
    before = snapshot()
    run_sql(
        """
        CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
        CREATE TRIGGER slow BEFORE INSERT ON onboarding FOR EACH STATEMENT
            EXECUTE FUNCTION take_long()
        """
    )
    slow = "wait_event = 'PgSleep' AND query LIKE 'INSERT INTO %onboarding%'"
    try:
        with child("restore", "HR1", damaged, "") as process:
            wait_until(lambda: backends(slow))
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=20)
        wait_until(lambda: not backends(slow))
    finally:
        for pid in backends(slow):
            terminate(pid)
        run_sql("DROP FUNCTION take_long CASCADE")

    assert snapshot() == before
    assert restore(registry.subsystem("HR1"), damaged).counts.changes > 0


@pytest.mark.parametrize("step", ["read", "verify"])
def test_killed_backup_leaves_nothing_under_its_final_name(
    damaged: Path, tmp_path: Path, step: str
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    path = folder / "HR1.hms-backup"

    with child("export", "HR1", path, step) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{step}\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
    wait_until(lambda: not backends("xact_start IS NOT NULL"))

    left = [each.name for each in folder.iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".HR1.hms-backup.")
    assert left[0].endswith(".part")
    backup(registry.subsystem("HR1"), folder, path.name)
    assert plan(registry.subsystem("HR1"), path).counts.changes == 0


def test_backup_onto_a_full_disk_leaves_no_file(hospital: dict[str, int], tmp_path: Path) -> None:
    path = tmp_path / "HR.hms-backup"

    with child("export", "HR", path, "read") as process:
        assert process.stdin is not None
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, 4096))
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=20) == 1
        assert process.stderr is not None
        assert process.stderr.read() == "storage_failed\n"

    assert list(tmp_path.iterdir()) == []
