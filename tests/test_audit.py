"""The audit log: committed first, ended once, never changed, and truthful about crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.utils import timezone

from hms_backup import audit, liveness
from hms_backup.audit import Actor, Ending
from hms_backup.exceptions import (
    Busy,
    ConfigurationError,
    ConnectionLost,
    NotPermitted,
)
from hms_backup.models import AuditLog
from hms_backup.plan import Counts
from hms_backup.registry import registry
from tests.support import ROOT, child_environment, query, run_sql

MARIA = Actor(username="maria", origin="command line")


def begin(**options: object) -> UUID:
    operation_id = uuid4()
    audit.begin(operation_id, AuditLog.Action.RESTORE, MARIA, **options)  # type: ignore[arg-type]  # each test passes what it is about
    return operation_id


def entry(operation_id: UUID) -> AuditLog:
    return AuditLog.objects.get(operation_id=operation_id)


def pretend(operation_id: UUID, **columns: object) -> None:
    """Rewrite an entry behind the ORM's back, as another machine would have written it."""
    names = ", ".join(f"{name} = %s" for name in columns)
    identity = AuditLog.objects.get(operation_id=operation_id).pk
    run_sql(f"UPDATE system_audit_logs SET {names} WHERE id = %s", *columns.values(), identity)


@pytest.mark.django_db(transaction=True)
def test_begin_commits_who_what_and_where_before_anything_runs() -> None:
    operation_id = begin(scope=registry.subsystem("HR1"), file_name="HR1.hms-backup", dry_run=True)

    found = entry(operation_id)

    assert (found.status, found.action, found.scope, found.target_id) == (
        "STARTED",
        "RESTORE",
        "SUBSYSTEM",
        "HR1",
    )
    assert (found.username, found.origin, found.file_name) == (
        "maria",
        "command line",
        "HR1.hms-backup",
    )
    assert found.dry_run
    assert found.pid == os.getpid()
    assert found.duration is None
    assert abs(timezone.now() - found.timestamp) < timedelta(minutes=1)


@pytest.mark.django_db
def test_finish_records_counts_and_hash_once() -> None:
    operation_id = begin()

    audit.finish(
        operation_id,
        Ending(
            duration=1234,
            scope=registry.department("HR"),
            archive_sha256="ab" * 32,
            counts=Counts(insert=1, update=2, unchanged=3, delete=4),
            details={"mode": "mirror"},
        ),
    )

    found = entry(operation_id)
    assert (found.status, found.scope, found.target_id) == ("SUCCESS", "DEPARTMENT", "HR")
    assert (found.rows_inserted, found.rows_updated) == (1, 2)
    assert (found.rows_unchanged, found.rows_deleted) == (3, 4)
    assert (found.duration, found.archive_sha256) == (1234, "ab" * 32)
    assert found.details == {"mode": "mirror"}
    with pytest.raises(ConfigurationError):
        audit.finish(operation_id, Ending(error=Busy("late")))
    assert entry(operation_id).status == "SUCCESS"


@pytest.mark.django_db
def test_finish_records_the_code_and_message_of_a_failure() -> None:
    operation_id = begin()

    audit.finish(operation_id, Ending(error=Busy("Another restore is running.")))

    found = entry(operation_id)
    assert (found.status, found.error_code) == ("FAIL", "busy")
    assert found.error_message == "Another restore is running."


@pytest.mark.django_db
def test_entries_cannot_be_changed_or_deleted_through_the_orm() -> None:
    operation_id = begin()
    found = entry(operation_id)
    found.status = "SUCCESS"
    twin = AuditLog(pk=found.pk, operation_id=uuid4(), action="BACKUP")
    every = AuditLog.objects.all()
    attempts = (
        found.save,
        found.delete,
        lambda: found.save(update_fields=["status"]),
        lambda: AuditLog(operation_id=uuid4()).save(force_update=True),
        lambda: every.update(status="SUCCESS"),
        every.delete,
        lambda: every.filter(pk=found.pk).delete(),
        lambda: AuditLog.objects.bulk_update([found], ["status"]),
        lambda: AuditLog.objects.bulk_create([twin], update_conflicts=True),
        lambda: AuditLog.objects.update_or_create({"status": "SUCCESS"}, pk=found.pk),
    )

    for attempt in attempts:
        with pytest.raises(NotPermitted):
            attempt()

    assert entry(operation_id).status == "STARTED"
    assert AuditLog.objects.count() == 1


@pytest.mark.django_db
def test_saving_a_new_entry_under_a_taken_key_never_overwrites() -> None:
    operation_id = begin()
    twin = AuditLog(pk=entry(operation_id).pk, operation_id=uuid4(), action="BACKUP")

    with pytest.raises(Exception, match=r"(?i)unique|duplicate"), transaction.atomic():
        twin.save()

    assert entry(operation_id).action == "RESTORE"


@pytest.mark.django_db
def test_user_name_survives_the_users_deletion() -> None:
    user = get_user_model().objects.create_user("jose")
    operation_id = uuid4()
    actor = Actor(username="jose", origin="10.0.0.7", user=user)
    audit.begin(operation_id, AuditLog.Action.BACKUP, actor)
    key = user.pk

    user.delete()

    found = AuditLog.objects.select_related("user").get(operation_id=operation_id)
    assert (found.username, found.user_id, found.user) == ("jose", key, None)


@pytest.mark.django_db(transaction=True)
def test_begin_inside_a_transaction_is_refused() -> None:
    with transaction.atomic(), pytest.raises(ConfigurationError, match="transaction is open"):
        begin()

    assert AuditLog.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_begin_with_autocommit_off_is_refused() -> None:
    transaction.set_autocommit(False)
    try:
        with pytest.raises(ConfigurationError, match="transaction is open"):
            begin()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.mark.django_db
def test_begin_inside_a_test_cases_own_transaction_is_allowed() -> None:
    assert entry(begin()).status == "STARTED"


@pytest.mark.django_db(transaction=True)
def test_begin_without_the_logs_table_says_to_migrate() -> None:
    run_sql("ALTER TABLE system_audit_logs RENAME TO mislaid")
    try:
        with pytest.raises(ConfigurationError) as caught:
            begin()
    finally:
        run_sql("ALTER TABLE mislaid RENAME TO system_audit_logs")

    assert "migrate" in caught.value.hint


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_begin_with_the_logs_database_read_only_starts_nothing() -> None:
    run_sql("SET default_transaction_read_only = on")
    try:
        with pytest.raises(ConnectionLost, match="audit log"):
            begin()
    finally:
        run_sql("SET default_transaction_read_only = off")

    assert AuditLog.objects.count() == 0


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_finish_after_the_connection_was_dropped_opens_a_new_one() -> None:
    operation_id = begin()
    [[pid]] = query("SELECT pg_backend_pid()")
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.connection.close()

    audit.finish(operation_id, Ending())

    assert entry(operation_id).status == "SUCCESS"


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_begin_on_a_connection_that_broke_meanwhile_opens_a_new_one() -> None:
    [[pid]] = query("SELECT pg_backend_pid()")
    with connection.copy().cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    other.connection.close()

    assert entry(begin()).status == "STARTED"


# Crashes


@contextmanager
def process_that_began(dry_run: bool = False) -> Iterator[tuple[subprocess.Popen[str], UUID]]:
    """A process that has begun a restore and goes on with it until somebody ends it."""
    program = f"""
import sys, time, uuid, django; django.setup()
from hms_backup import audit
from hms_backup.models import AuditLog
key = uuid.uuid4()
actor = audit.Actor(username="maria", origin="test")
audit.begin(key, AuditLog.Action.RESTORE, actor, dry_run={dry_run}, details={{"mode": "upsert"}})
print(key, flush=True); time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(),
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        yield process, UUID(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.django_db(transaction=True)
def test_killed_process_is_recognised_and_ended_as_crashed() -> None:
    with process_that_began() as (process, operation_id):
        assert audit.end_crashed() == 0
        assert entry(operation_id).status == "STARTED"
        process.send_signal(signal.SIGKILL)
        process.wait()

        assert audit.end_crashed() == 1

    found = entry(operation_id)
    assert (found.status, found.error_code) == ("FAIL", "crashed")
    assert "Either everything was restored or nothing" in found.error_message
    assert found.details == {"mode": "upsert"}


@pytest.mark.django_db(transaction=True)
def test_killed_dry_run_is_ended_and_says_that_nothing_was_changed() -> None:
    with process_that_began(dry_run=True) as (process, operation_id):
        process.send_signal(signal.SIGKILL)
        process.wait()
        audit.end_crashed()

    assert "nothing was changed" in entry(operation_id).error_message


@pytest.mark.django_db
def test_zombie_process_counts_as_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    machine = liveness.this_process().identity.split("/")[0]
    try:
        while (started := liveness._start_time(child.pid)) not in (None, "ended"):
            time.sleep(0.01)
        assert started == "ended"
        assert liveness.is_gone(f"{machine}/{child.pid}/1")
    finally:
        child.wait()


def test_reused_process_id_is_not_the_same_process() -> None:
    machine, pid, started = liveness.this_process().identity.split("/")

    assert not liveness.is_gone(f"{machine}/{pid}/{started}")
    assert liveness.is_gone(f"{machine}/{pid}/{int(started) - 1}")


@pytest.mark.parametrize("identity", ["", "another-boot:4026531836/1/1", "/1/1", "nonsense"])
def test_process_of_another_machine_is_never_called_gone(identity: str) -> None:
    assert not liveness.is_gone(identity)


@pytest.mark.django_db
def test_operation_on_another_machine_is_left_alone_while_it_shows_life() -> None:
    operation_id = begin()
    pretend(operation_id, host="ward-7", pid=1, owner="another-boot:1/1/1")

    assert audit.end_crashed() == 0
    assert entry(operation_id).status == "STARTED"


@pytest.mark.django_db
def test_operation_on_another_machine_is_ended_once_its_lease_is_over() -> None:
    operation_id = begin()
    silent = timezone.now() - liveness.LEASE - timedelta(seconds=5)
    pretend(operation_id, host="ward-7", pid=1, owner="another-boot:1/1/1", heartbeat=silent)

    assert audit.end_crashed() == 1
    assert entry(operation_id).error_code == "crashed"
    assert "ward-7" in entry(operation_id).error_message


@pytest.mark.django_db
def test_next_operation_ends_the_crashed_one_first() -> None:
    crashed = begin()
    pretend(crashed, heartbeat=timezone.now() - timedelta(days=1), owner="")

    begin()

    assert entry(crashed).error_code == "crashed"


@pytest.mark.django_db(transaction=True)
def test_heartbeat_renews_the_lease_and_stops_with_the_operation() -> None:
    operation_id = begin()
    long_ago = timezone.now() - timedelta(days=1)
    pretend(operation_id, heartbeat=long_ago)

    with liveness.Heartbeat(operation_id, "default", timedelta(milliseconds=20)):
        deadline = time.monotonic() + 10
        while entry(operation_id).heartbeat == long_ago and time.monotonic() < deadline:
            time.sleep(0.02)

    assert timezone.now() - entry(operation_id).heartbeat < timedelta(minutes=1)
    pretend(operation_id, heartbeat=long_ago)
    time.sleep(0.1)
    assert entry(operation_id).heartbeat == long_ago


@pytest.mark.django_db(transaction=True)
def test_heartbeat_never_touches_an_ended_entry() -> None:
    operation_id = begin()
    audit.finish(operation_id, Ending())
    before = entry(operation_id).heartbeat

    with liveness.Heartbeat(operation_id, "default", timedelta(milliseconds=5)):
        time.sleep(0.1)

    assert entry(operation_id).heartbeat == before


# Reading


@pytest.mark.django_db
def test_last_backups_are_the_newest_successful_ones_per_target() -> None:
    scope = registry.subsystem("HR1")
    expected = []
    for error in (None, None, Busy("no")):
        operation_id = uuid4()
        audit.begin(operation_id, AuditLog.Action.BACKUP, MARIA, scope=scope)
        audit.finish(operation_id, Ending(error=error))
        expected.append(operation_id)

    found = audit.last_backups()

    assert {key: each.operation_id for key, each in found.items()} == {
        ("SUBSYSTEM", "HR1"): expected[1]
    }
