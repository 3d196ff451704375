"""The services: what they leave in the tables, on disk and in the audit log, however they end."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from hms_backup import (
    export_department_data,
    export_subsystem_data,
    import_department_data,
    import_subsystem_data,
    services,
)
from hms_backup.archive import ArchiveReader, Limits
from hms_backup.exceptions import (
    ArchiveError,
    ConfigurationError,
    PlanOutdated,
    PlanRefused,
    ScopeMismatch,
    StorageError,
    TableMissing,
    TableProtected,
)
from hms_backup.models import AuditLog
from hms_backup.plan import Counts, Mode
from hms_backup.progress import Progress
from hms_backup.registry import registry
from hms_backup.services import Actor, RestoreOptions
from tests.support import ROOT, adhoc_scope, child_environment, query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

MARIA = Actor(username="maria", origin="test")
HR1 = ("applicants", "vacancies", "interviews", "onboarding")


@pytest.fixture(autouse=True)
def _rows(transactional_db: None) -> None:
    run_sql("INSERT INTO vacancies (id, position_name) VALUES (1, 'Nurse'), (2, 'Guard')")
    run_sql(
        "INSERT INTO applicants (id, first_name, last_name, vacancy_id)"
        " VALUES (1, 'Ana', 'Cruz', 1), (2, 'Ben', 'Diaz', 2), (3, 'Cora', 'Lim', NULL)"
    )
    run_sql(
        "INSERT INTO salary_grades (id, grade_name, min_salary, max_salary) VALUES (1, '11', 1, 2)"
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """HR1 as the rows above have it, backed up; the log is then about what the test does."""
    path = tmp_path / "hr1.hms-backup"
    services.create_backup(registry.subsystem("HR1"), path, actor=MARIA)
    run_sql("DELETE FROM system_audit_logs")
    return path


def damage() -> None:
    run_sql("UPDATE applicants SET first_name = 'Eve' WHERE id = 1")
    run_sql("DELETE FROM applicants WHERE id = 2")
    run_sql("INSERT INTO applicants (id, first_name, last_name) VALUES (9, 'New', 'Here')")


def last() -> AuditLog:
    return AuditLog.objects.latest()


def stop_at(wanted: str, error: BaseException) -> Progress:
    """Progress that raises at a step: Ctrl-C, or a fault of somebody's callback."""

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        if step == wanted:
            raise error

    return progress


# Backups


def test_backup_is_recorded_with_rows_size_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "hr1.hms-backup"

    done = services.create_backup(registry.subsystem("HR1"), path, actor=MARIA)

    entry = last()
    assert (entry.action, entry.status, entry.scope) == ("BACKUP", "SUCCESS", "SUBSYSTEM")
    assert (entry.target_id, entry.username, entry.origin) == ("HR1", "maria", "test")
    assert (entry.file_name, entry.file_size) == ("hr1.hms-backup", path.stat().st_size)
    assert entry.rows_archived == 5
    assert entry.details["tables"]["applicants"] == {"rows": 3}
    assert entry.duration is not None
    with ArchiveReader.open(path, Limits()) as reader:
        assert entry.archive_sha256 == done.sha256 == reader.sha256
    assert done.operation_id == entry.operation_id


def test_backup_to_a_file_object_writes_a_whole_archive() -> None:
    memory = io.BytesIO()

    done = services.create_backup(registry.department("HR"), memory, actor=MARIA)

    found = services.verify_archive(memory.getvalue())
    assert (found.sha256, found.manifest.target_id) == (done.sha256, "HR")
    assert done.path is None


def test_backup_never_overwrites_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "precious.hms-backup"
    path.write_bytes(b"precious")
    scope = registry.subsystem("HR1")

    with pytest.raises(StorageError, match="exists already"):
        services.create_backup(scope, path, actor=MARIA)

    assert path.read_bytes() == b"precious"
    assert (last().status, last().error_code) == ("FAIL", "storage_failed")
    services.create_backup(scope, path, actor=MARIA, overwrite=True)
    assert path.read_bytes() != b"precious"


def test_backup_that_could_not_be_restored_here_warns(settings: Settings) -> None:
    settings.HMS_BACKUP = {"MAX_ARCHIVE_BYTES": 100, "MAX_EXPANDED_BYTES": 200}

    done = services.create_backup(registry.subsystem("HR1"), io.BytesIO(), actor=MARIA)

    assert ["MAX_ARCHIVE_BYTES" in done.warnings[0], "MAX_EXPANDED_BYTES" in done.warnings[1]] == [
        True,
        True,
    ]
    assert last().status == "SUCCESS"


def test_failed_backup_leaves_no_file_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(TableMissing):
        services.create_backup(adhoc_scope("nowhere"), tmp_path / "x", actor=MARIA)

    assert list(tmp_path.iterdir()) == []
    entry = last()
    assert (entry.status, entry.error_code, entry.target_id) == ("FAIL", "table_missing", "ADHOC")
    assert entry.details["where"] == {"table": "nowhere"}


def test_failed_backup_writes_nothing_to_a_file_object() -> None:
    memory = io.BytesIO()

    with pytest.raises(TableMissing):
        services.create_backup(adhoc_scope("vacancies", "nowhere"), memory, actor=MARIA)

    assert memory.getvalue() == b""


@pytest.mark.parametrize("table", ["auth_user", "system_audit_logs", "users", "django_session"])
def test_protected_table_is_refused_and_recorded(tmp_path: Path, table: str) -> None:
    with pytest.raises(TableProtected):
        services.create_backup(adhoc_scope(table), tmp_path / "x", actor=MARIA)

    assert last().error_code == "table_protected"
    assert list(tmp_path.iterdir()) == []


def test_backup_inside_a_transaction_is_refused_before_it_begins(tmp_path: Path) -> None:
    with transaction.atomic(), pytest.raises(ConfigurationError, match="transaction is open"):
        services.create_backup(registry.subsystem("HR1"), tmp_path / "x", actor=MARIA)

    assert list(tmp_path.iterdir()) == []
    assert AuditLog.objects.count() == 0


def test_backup_of_an_unreachable_database_is_recorded_where_the_log_is() -> None:
    program = """
from django.conf import settings
settings.DATABASES["lost"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nonexistent/x"}
settings.HMS_BACKUP = {"DATABASE": "lost"}
import django; django.setup()
from hms_backup import export_subsystem_data
export_subsystem_data("HR1")
"""
    environment = child_environment({"USER": "intruder", "LOGNAME": "intruder"})

    failed = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert failed.returncode == 1
    entry = last()
    assert (entry.status, entry.error_code) == ("FAIL", "connection_lost"), failed.stderr
    assert entry.username not in ("", "intruder")


# Restores


def test_dry_run_is_recorded_as_such_and_changes_nothing(archive: Path) -> None:
    damage()
    before = snapshot(*HR1)

    planned = services.plan_restore(archive, actor=MARIA, options=RestoreOptions())

    assert snapshot(*HR1) == before
    assert not planned.applied
    entry = last()
    assert (entry.action, entry.status, entry.dry_run) == ("RESTORE", "SUCCESS", True)
    assert (entry.target_id, entry.file_name) == ("HR1", "hr1.hms-backup")
    assert (entry.rows_inserted, entry.rows_updated, entry.rows_unchanged) == (1, 1, 3)
    assert entry.details["digest"] == planned.plan.digest


def test_restore_brings_the_rows_back_and_records_what_it_did(archive: Path) -> None:
    before = snapshot(*HR1)
    damage()

    done = services.restore(archive, actor=MARIA, options=RestoreOptions(mode=Mode.MIRROR))

    assert snapshot(*HR1) == before
    assert done.applied
    entry = last()
    assert (entry.status, entry.dry_run) == ("SUCCESS", False)
    assert (entry.rows_inserted, entry.rows_updated) == (1, 1)
    assert (entry.rows_unchanged, entry.rows_deleted) == (3, 1)
    assert entry.archive_sha256 == done.sha256
    assert entry.details["mode"] == "mirror"
    assert entry.details["tables"]["applicants"]["delete"] == 1


def test_refused_restore_changes_nothing_and_names_its_problems(archive: Path) -> None:
    damage()
    run_sql("ALTER TABLE interviews DROP COLUMN notes")
    before = snapshot(*HR1)
    try:
        with pytest.raises(PlanRefused) as caught:
            services.restore(archive, actor=MARIA, options=RestoreOptions())
        assert snapshot(*HR1) == before
    finally:
        run_sql("ALTER TABLE interviews ADD COLUMN notes text")

    assert caught.value.plan is not None
    entry = last()
    assert (entry.status, entry.error_code) == ("FAIL", "plan_refused")
    [problem] = entry.details["problems"]
    assert (problem["table"], problem["column"]) == ("interviews", "notes")


def test_file_that_is_no_archive_is_recorded_without_a_target(tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8 not a zip")

    with pytest.raises(ArchiveError):
        services.restore(file, actor=MARIA, options=RestoreOptions())

    entry = last()
    assert (entry.status, entry.action, entry.target_id) == ("FAIL", "RESTORE", "")
    assert (entry.error_code, entry.file_name) == ("archive_invalid", "holiday.jpg")


def test_missing_file_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        services.restore(tmp_path / "gone", actor=MARIA, options=RestoreOptions())

    assert last().error_code == "storage_failed"


def test_archive_of_another_subsystem_is_refused(archive: Path) -> None:
    damage()
    before = snapshot(*HR1)

    with pytest.raises(ScopeMismatch):
        services.restore(
            archive, actor=MARIA, options=RestoreOptions(), expected=registry.subsystem("HR2")
        )

    assert snapshot(*HR1) == before
    assert last().error_code == "scope_mismatch"


def test_data_that_changed_since_the_plan_is_refused(archive: Path) -> None:
    damage()
    planned = services.plan_restore(archive, actor=MARIA, options=RestoreOptions())
    run_sql("UPDATE applicants SET first_name = 'Mallory' WHERE id = 1")

    with pytest.raises(PlanOutdated):
        services.restore(
            archive, actor=MARIA, options=RestoreOptions(), expected_digest=planned.plan.digest
        )

    assert query("SELECT first_name FROM applicants WHERE id = 1") == [("Mallory",)]
    assert last().error_code == "plan_outdated"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
@pytest.mark.parametrize("step", ["stage", "write", "prove"])
def test_interrupted_restore_is_rolled_back_and_recorded_as_cancelled(
    archive: Path, step: str, error: BaseException
) -> None:
    damage()
    before = snapshot(*HR1)

    with pytest.raises(type(error)):
        services.restore(
            archive, actor=MARIA, options=RestoreOptions(), progress=stop_at(step, error)
        )

    assert snapshot(*HR1) == before
    assert (last().status, last().error_code) == ("FAIL", "cancelled")


def test_unforeseen_error_is_recorded_without_its_text(archive: Path) -> None:
    damage()
    before = snapshot(*HR1)
    secret = ValueError("diagnosis of Ana Cruz")

    with pytest.raises(ValueError, match="diagnosis"):
        services.restore(
            archive, actor=MARIA, options=RestoreOptions(), progress=stop_at("prove", secret)
        )

    assert snapshot(*HR1) == before
    entry = last()
    assert (entry.status, entry.error_code) == ("FAIL", "error")
    assert entry.error_message == "Unexpected ValueError."


@pytest.mark.postgresql  # SQLite's restore holds the whole file
def test_log_that_is_lost_meanwhile_does_not_undo_or_hide_a_restore(archive: Path) -> None:
    before = snapshot(*HR1)
    damage()
    hidden = False

    def hide_log(step: str, table: str, done: int, total: int | None) -> None:
        nonlocal hidden
        if step == "prove" and not hidden:
            hidden = True
            run_sql("ALTER TABLE system_audit_logs RENAME TO mislaid")

    try:
        done = services.restore(
            archive, actor=MARIA, options=RestoreOptions(mode=Mode.MIRROR), progress=hide_log
        )
    finally:
        run_sql("ALTER TABLE mislaid RENAME TO system_audit_logs")

    assert hidden
    assert snapshot(*HR1) == before
    [warning] = done.warnings
    assert "will read as crashed" in warning
    assert last().status == "STARTED"


@pytest.mark.parametrize("step", ["stage", "write", "prove"])
def test_killed_restore_leaves_the_old_rows_and_ends_as_crashed(archive: Path, step: str) -> None:
    damage()
    before = snapshot(*HR1)
    program = f"""
import os, signal, sys, django; django.setup()
from pathlib import Path
from hms_backup.services import Actor, RestoreOptions, restore
def die(step, table, done, total):
    if step == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
actor = Actor(username="maria", origin="test")
restore(Path(sys.argv[1]), actor=actor, options=RestoreOptions(), progress=die)
"""
    died = subprocess.run(
        [sys.executable, "-c", program, str(archive)],
        env=child_environment(),
        cwd=ROOT,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert last().status == "STARTED"

    found = services.history()

    assert snapshot(*HR1) == before
    assert (found[0].status, found[0].error_code) == ("FAIL", "crashed")


def test_restore_killed_after_its_commit_is_whole_and_ends_as_crashed(archive: Path) -> None:
    before = snapshot(*HR1)
    damage()
    program = """
import os, signal, sys, django; django.setup()
from pathlib import Path
from hms_backup import audit
from hms_backup.plan import Mode
from hms_backup.services import Actor, RestoreOptions, restore
audit.finish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
actor = Actor(username="maria", origin="test")
restore(Path(sys.argv[1]), actor=actor, options=RestoreOptions(mode=Mode.MIRROR))
"""
    died = subprocess.run(
        [sys.executable, "-c", program, str(archive)],
        env=child_environment(),
        cwd=ROOT,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert last().status == "STARTED"

    found = services.history()

    assert snapshot(*HR1) == before
    assert (found[0].status, found[0].error_code) == ("FAIL", "crashed")
    planned = services.plan_restore(
        archive, actor=MARIA, options=RestoreOptions(mode=Mode.MIRROR)
    ).plan
    assert planned.counts.changes == 0


# By id, from Python


def test_bytes_of_a_subsystem_restore_it() -> None:
    before = snapshot(*HR1)

    data = export_subsystem_data("hr1")
    damage()
    done = import_subsystem_data(data, options=RestoreOptions(mode=Mode.MIRROR))

    assert snapshot(*HR1) == before
    assert done.plan.counts == Counts(insert=1, update=1, unchanged=3, delete=1)
    assert last().origin == "Python"
    assert last().username


def test_paths_may_be_text(tmp_path: Path) -> None:
    path = str(tmp_path / "hr1.hms-backup")

    assert export_subsystem_data("HR1", path).path == Path(path)
    assert import_subsystem_data(path, dry_run=True).plan.counts.changes == 0


def test_mode_may_be_given_by_its_name() -> None:
    assert RestoreOptions(mode="mirror").mode is Mode.MIRROR  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="merge"):
        RestoreOptions(mode="merge")  # type: ignore[arg-type]


def test_dry_run_by_id_writes_nothing() -> None:
    data = export_subsystem_data("HR1")
    damage()
    before = snapshot(*HR1)

    planned = import_subsystem_data(data, "HR1", dry_run=True)

    assert snapshot(*HR1) == before
    assert planned.plan.counts.changes == 2


def test_one_subsystem_restores_from_its_departments_archive() -> None:
    before = snapshot(*HR1)
    data = export_department_data("HR")
    damage()
    run_sql("UPDATE salary_grades SET grade_name = '12'")

    done = import_subsystem_data(data, "HR1", options=RestoreOptions(mode=Mode.MIRROR))

    assert snapshot(*HR1) == before
    assert query("SELECT grade_name FROM salary_grades") == [("12",)]
    assert done.scope.id == last().target_id == "HR1"
    import_department_data(data)
    assert query("SELECT grade_name FROM salary_grades") == [("11",)]
    assert (last().scope, last().target_id) == ("DEPARTMENT", "HR")


def test_departments_archive_as_a_subsystem_needs_its_id() -> None:
    with pytest.raises(ScopeMismatch, match="not of a subsystem"):
        import_subsystem_data(export_department_data("HR"))


def test_subsystems_archive_is_not_its_department() -> None:
    data = export_subsystem_data("HR1")

    with pytest.raises(ScopeMismatch, match="not of a department"):
        import_department_data(data)
    with pytest.raises(ScopeMismatch, match="not of department HR"):
        import_department_data(data, "HR")


def test_export_by_id_to_a_path_returns_the_backup(tmp_path: Path) -> None:
    done = export_department_data("hr", tmp_path / "hr.hms-backup")

    assert done.path == tmp_path / "hr.hms-backup"
    assert services.inspect_archive(done.path).sha256 == done.sha256


# Reading


def test_overview_counts_rows_and_finds_the_last_backup(tmp_path: Path) -> None:
    services.create_backup(registry.subsystem("HR1"), tmp_path / "1", actor=MARIA)
    services.create_backup(registry.department("HR"), tmp_path / "2", actor=MARIA)
    services.create_backup(registry.subsystem("HR2"), tmp_path / "3", actor=MARIA)

    found = {each.scope.id: each for each in services.overview(registry.department("HR"))}

    assert list(found) == ["HR", "HR1", "HR2", "HR3", "HR4"]
    assert found["HR1"].rows == {
        "applicants": 3,
        "vacancies": 2,
        "interviews": 0,
        "onboarding": 0,
    }
    newest = {id: each.last_backup and each.last_backup.target_id for id, each in found.items()}
    assert newest == {"HR": "HR", "HR1": "HR", "HR2": "HR2", "HR3": "HR", "HR4": "HR"}


def test_inspection_of_an_archive_nobody_registered_says_so(archive: Path) -> None:
    department = registry.subsystem("HR1").department
    registry.unregister("HR")
    try:
        assert services.inspect_archive(archive).scope is None
    finally:
        others = registry.departments()
        for other in others:
            registry.unregister(other.id)
        registry.register(department, *others)
