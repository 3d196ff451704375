"""``hms_backup restore``: the plan it shows, the question it asks, and its exit codes."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from hms_backup import export_department_data, export_subsystem_data
from hms_backup.models import AuditLog
from tests.commandline import damage_hr1, fill_hr1, hms_backup
from tests.support import child_environment, manage, query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)
HR1 = ("applicants", "vacancies", "interviews", "onboarding")


@pytest.fixture
def archive(tmp_path: Path, transactional_db: None) -> Path:
    """HR1 as it was before it was damaged; the log holds nothing yet."""
    fill_hr1()
    path = tmp_path / "hr1.hms-backup"
    path.write_bytes(export_subsystem_data("HR1"))
    run_sql("DELETE FROM system_audit_logs")
    return path


def lines(text: str) -> list[str]:
    """Lines with runs of blanks made one."""
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


def test_dry_run_shows_rows_per_action_and_writes_nothing(archive: Path) -> None:
    damage_hr1()
    before = snapshot(*HR1)

    shown = hms_backup("restore", archive, "--dry-run")

    assert shown.code == 0
    assert "table insert update unchanged delete kept" in lines(shown.out)
    assert "applicants 1 1 1 0 1" in lines(shown.out)
    assert "total 1 1 3 0 1" in lines(shown.out)
    assert "Dry run: nothing was written." in shown.out
    assert snapshot(*HR1) == before
    assert AuditLog.objects.get().dry_run


def test_dry_run_of_unchanged_data_says_that_there_is_nothing_to_do(archive: Path) -> None:
    shown = hms_backup("restore", archive, "--dry-run")

    assert shown.code == 0
    assert "Nothing to restore" in shown.out


def test_changes_are_shown_before_and_after(archive: Path) -> None:
    damage_hr1()
    run_sql("UPDATE applicants SET phone = 'NULL', source = '' WHERE id = 3")

    shown = hms_backup("restore", archive, "--dry-run", "--mode", "mirror", "--show-changes", 9)

    said = lines(shown.out)
    assert said[said.index("update applicants 1") + 1] == "first_name Eve → Ana"
    assert "insert applicants 2" in said
    assert "first_name Ben" in said
    assert said[said.index("update applicants 3") + 1] == "phone 'NULL' → NULL"
    assert said[said.index("update applicants 3") + 2] == "source '' → NULL"
    assert "delete applicants 9" in said
    assert "and 1 more change" not in shown.out


def test_changes_beyond_the_asked_number_are_counted(archive: Path) -> None:
    damage_hr1()

    shown = hms_backup("restore", archive, "--dry-run", "--show-changes", 1)

    assert "and 1 more change of applicants" in lines(shown.out)


def test_values_cannot_command_the_terminal(archive: Path) -> None:
    run_sql("UPDATE applicants SET first_name = %s WHERE id = 1", "\x1b[2J\u202eEve\nBob")

    shown = hms_backup("restore", archive, "--dry-run", "--show-changes", 1)

    assert r"\x1b[2J\u202eEve\nBob → Ana" in shown.out
    assert "\x1b" not in shown.out


def test_long_values_are_shown_where_they_differ(archive: Path) -> None:
    run_sql("UPDATE applicants SET source = %s WHERE id = 1", "a" * 45)
    long = '[{"note": "' + "x" * 200 + '", "stage": "old"}]'
    run_sql("UPDATE applicants SET documents = %s WHERE id = 1", long)
    path = archive.with_name("long.hms-backup")
    path.write_bytes(export_subsystem_data("HR1"))
    run_sql("UPDATE applicants SET documents = %s WHERE id = 1", long.replace("old", "new"))

    shown = hms_backup("restore", path, "--dry-run", "--show-changes", 1)

    [change] = [line for line in lines(shown.out) if line.startswith("documents ")]
    assert '"new"' in change.split(" → ")[0]
    assert '"old"' in change.split(" → ")[1]
    assert len(change) < 120


def test_restore_names_what_it_will_write_and_goes_on_after_yes(archive: Path) -> None:
    before = snapshot("vacancies")
    damage_hr1()

    done = hms_backup("restore", archive, stdin="yes\n")

    assert done.code == 0
    assert "This will insert 1, update 1 and delete 0 rows of HR1 · Talent" in done.err
    assert "Restored HR1 · Talent Acquisition: 1 inserted, 1 updated, 0 deleted" in done.out
    assert snapshot("vacancies") == before
    assert query("SELECT first_name FROM applicants ORDER BY id") == [
        ("Ana",),
        ("Ben",),
        ("Cora",),
        ("New",),
    ]
    assert [(entry.dry_run, entry.status) for entry in AuditLog.objects.order_by("id")] == [
        (True, "SUCCESS"),
        (False, "SUCCESS"),
    ]


@pytest.mark.parametrize(
    ("typed", "said"), [("no\n", "Declined"), ("y\n", "Declined"), ("", "Nobody answered")]
)
def test_restore_without_a_yes_writes_nothing(archive: Path, typed: str, said: str) -> None:
    damage_hr1()
    before = snapshot(*HR1)

    declined = hms_backup("restore", archive, stdin=typed)

    assert declined.code == 4
    assert f"error [cancelled]: {said}" in declined.err
    assert snapshot(*HR1) == before
    assert [entry.dry_run for entry in AuditLog.objects.all()] == [True]


def test_restore_unasked_plans_and_writes_in_one_operation(archive: Path) -> None:
    before = snapshot(*HR1)
    damage_hr1()

    done = hms_backup("restore", archive, "--noinput", "--mode", "mirror")

    assert done.code == 0
    assert snapshot(*HR1) == before
    assert "applicants 1 1 1 1" in lines(done.out)
    assert [entry.dry_run for entry in AuditLog.objects.all()] == [False]


def test_restore_of_unchanged_data_asks_nothing(archive: Path) -> None:
    done = hms_backup("restore", archive)

    assert done.code == 0
    assert "Nothing to restore" in done.out


def test_restore_limited_to_a_table_leaves_the_others(archive: Path) -> None:
    damage_hr1()
    run_sql("UPDATE vacancies SET position_name = 'Cook' WHERE id = 2")

    hms_backup("restore", archive, "--noinput", "--table", "vacancies")

    assert query("SELECT position_name FROM vacancies WHERE id = 2") == [("Guard",)]
    assert query("SELECT first_name FROM applicants WHERE id = 1") == [("Eve",)]


def test_restore_in_insert_mode_leaves_differing_rows(archive: Path) -> None:
    damage_hr1()

    done = hms_backup("restore", archive, "--noinput", "--mode", "insert")

    assert "applicants 1 0 1 0 1 1" in lines(done.out)
    assert query("SELECT first_name FROM applicants ORDER BY id")[:2] == [("Eve",), ("Ben",)]


def test_one_subsystem_of_a_departments_archive(archive: Path) -> None:
    path = archive.with_name("hr.hms-backup")
    path.write_bytes(export_department_data("HR"))
    before = snapshot(*HR1)
    damage_hr1()
    run_sql("UPDATE salary_grades SET grade_name = '12'")

    done = hms_backup("restore", path, "--only", "hr1", "--mode", "mirror", "--noinput")

    assert done.code == 0
    assert snapshot(*HR1) == before
    assert query("SELECT grade_name FROM salary_grades") == [("12",)]
    assert AuditLog.objects.latest().target_id == "HR1"


def test_dry_run_with_a_problem_names_it_and_exits_as_refused(
    archive: Path, altered_hospital: None
) -> None:
    run_sql("ALTER TABLE interviews DROP COLUMN notes")

    shown = hms_backup("restore", archive, "--dry-run")

    assert shown.code == 3
    assert "blocking [column_incompatible] interviews.notes" in lines(shown.out)
    assert "Add --leave-out interviews.notes to restore without it." in shown.out
    assert "Refused: 1 problem would stop it. Nothing was written." in shown.out
    left = hms_backup("restore", archive, "--dry-run", "--leave-out", "interviews.notes")
    assert left.code == 0
    assert "interviews.notes: the live table no longer has it; left out" in lines(left.out)


def test_refused_restore_shows_its_plan_and_the_first_problem(
    archive: Path, altered_hospital: None
) -> None:
    damage_hr1()
    run_sql("ALTER TABLE interviews DROP COLUMN notes")
    before = snapshot(*HR1)

    refused = hms_backup("restore", archive, "--noinput")

    assert refused.code == 3
    assert "blocking [column_incompatible] interviews.notes" in lines(refused.out)
    assert refused.err.startswith("error [plan_refused]:")
    assert snapshot(*HR1) == before


def test_deletions_that_reach_outside_need_to_be_accepted_by_code(tmp_path: Path) -> None:
    run_sql("INSERT INTO patients (id, first_name, last_name) VALUES (1, 'A', 'B')")
    path = tmp_path / "ct1.hms-backup"
    path.write_bytes(export_subsystem_data("CT1"))
    run_sql("INSERT INTO patients (id, first_name, last_name) VALUES (2, 'C', 'D')")
    run_sql("INSERT INTO medical_records (id, patient_id, diagnosis) VALUES (1, 2, 'flu')")

    refused = hms_backup("restore", path, "--mode", "mirror", "--noinput")

    assert refused.code == 3
    assert "to accept [cascade_outside] patients" in lines(refused.out)
    assert query("SELECT count(*) FROM patients") == [(2,)]
    accepted = hms_backup(
        "restore", path, "--mode", "mirror", "--noinput", "--accept", "cascade_outside"
    )
    assert accepted.code == 0
    assert query("SELECT count(*) FROM patients") == [(1,)]
    assert query("SELECT count(*) FROM medical_records") == [(0,)]


def test_json_plan_holds_counts_changes_and_digest(archive: Path) -> None:
    damage_hr1()

    found = hms_backup("restore", archive, "--dry-run", "--show-changes", 1, "--json").json

    assert (found["id"], found["applied"]) == ("HR1", False)
    assert found["plan"]["counts"]["update"] == 1
    [table] = [each for each in found["plan"]["tables"] if each["table"] == "applicants"]
    assert table["changes"][0]["before"]["first_name"] == "Eve"
    assert re.fullmatch(r"[0-9a-f]{64}", found["plan"]["digest"])


def test_restore_expects_the_plan_that_was_looked_at(archive: Path) -> None:
    damage_hr1()
    digest = hms_backup("restore", archive, "--dry-run", "--json").json["plan"]["digest"]
    run_sql("UPDATE applicants SET first_name = 'Mallory' WHERE id = 1")

    outdated = hms_backup("restore", archive, "--noinput", "--expect", digest)

    assert outdated.code == 5
    assert "error [plan_outdated]" in outdated.err
    assert query("SELECT first_name FROM applicants WHERE id = 1") == [("Mallory",)]
    digest = hms_backup("restore", archive, "--dry-run", "--json").json["plan"]["digest"]
    assert hms_backup("restore", archive, "--noinput", "--expect", digest, "--json").json["applied"]


def test_data_that_changes_while_the_operator_thinks_is_not_overwritten(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_hr1()

    class Slow:
        """Somebody who takes so long to type yes that another changes the data."""

        def readline(self) -> str:
            run_sql("UPDATE applicants SET first_name = 'Mallory' WHERE id = 1")
            return "yes\n"

        def isatty(self) -> bool:
            return True

    outdated = hms_backup("restore", archive, stdin=Slow())

    assert outdated.code == 5
    assert query("SELECT first_name FROM applicants WHERE id = 1") == [("Mallory",)]


@pytest.mark.parametrize(
    "arguments", [("--json",), ("--expect", "abc"), ("--expect", "abc", "--dry-run")]
)
def test_arguments_that_contradict_each_other_are_refused(
    archive: Path, arguments: tuple[str, ...]
) -> None:
    refused = hms_backup("restore", archive, *arguments)

    assert refused.code == 2
    assert "usage" in refused.out + refused.err
    assert AuditLog.objects.count() == 0


def test_missing_file_is_an_error_without_traceback(tmp_path: Path) -> None:
    missing = hms_backup("restore", tmp_path / "gone.hms-backup", "--noinput")

    assert missing.code == 1
    assert missing.err.startswith("error [storage_failed]: gone.hms-backup cannot be read: No such")


def test_damaged_file_is_refused_before_anything_is_written(archive: Path) -> None:
    damage_hr1()
    before = snapshot(*HR1)
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 3] ^= 1
    archive.write_bytes(raw)

    refused = hms_backup("restore", archive, "--noinput")

    assert refused.code == 3
    assert snapshot(*HR1) == before
    assert AuditLog.objects.get().status == "FAIL"


def test_code_that_cannot_be_accepted_is_refused_at_once(archive: Path) -> None:
    refused = manage("hms_backup", "restore", str(archive), "--accept", "duplicate_key")

    assert refused.returncode == 2
    assert "cascade_outside" in refused.stderr
    assert AuditLog.objects.count() == 0


class Interrupted(io.StringIO):
    """Ctrl-C instead of an answer."""

    def readline(self, *_: Any) -> NoReturn:
        raise KeyboardInterrupt


def test_interrupted_question_writes_nothing_and_says_so(archive: Path) -> None:
    damage_hr1()
    before = snapshot(*HR1)

    declined = hms_backup("restore", archive, stdin=Interrupted())

    assert declined.code == 4
    assert declined.err.endswith(
        "Type yes to go on: \nerror [cancelled]: Interrupted; nothing was written.\n"
    )
    assert snapshot(*HR1) == before


# From standard input


def test_archive_from_standard_input_is_restored_unasked(archive: Path) -> None:
    damage_hr1()
    read = archive.read_bytes()

    verified = piped(read, "verify", "-")
    dry = piped(read, "restore", "-", "--dry-run")
    done = piped(read, "restore", "-", "--noinput", "--json")

    assert (verified.returncode, dry.returncode, done.returncode) == (0, 0, 0)
    assert b"standard input" in verified.stdout
    assert json.loads(piped(read, "inspect", "-", "--json").stdout)["target_id"] == "HR1"
    assert json.loads(done.stdout)["applied"] is True
    assert query("SELECT first_name FROM applicants WHERE id = 1") == [("Ana",)]
    assert [each.file_name for each in AuditLog.objects.all()] == ["", ""]


def test_archive_from_standard_input_leaves_nobody_to_ask(archive: Path) -> None:
    refused = piped(archive.read_bytes(), "restore", "-")

    assert refused.returncode == 2
    assert b"error [usage]" in refused.stderr
    assert b"--noinput" in refused.stderr


def test_archive_from_standard_input_is_limited_in_size(archive: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {"MAX_ARCHIVE_BYTES": 1000}

    class Endless(io.StringIO):
        buffer = BytesIO(b"PK" * 5_000_000)

    refused = hms_backup("verify", "-", stdin=Endless())

    assert refused.code == 3
    assert "error [archive_too_large]" in refused.err
    assert Endless.buffer.tell() < 3_000_000


def test_pipe_as_a_file_says_what_to_do_instead(archive: Path, tmp_path: Path) -> None:
    refused = piped(archive.read_bytes(), "verify", "/dev/stdin")

    assert refused.returncode == 1
    assert b"error [storage_failed]: stdin is a pipe" in refused.stderr


def piped(archive: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "django", "hms_backup", *arguments],
        input=archive,
        capture_output=True,
        env=child_environment(),
        check=False,
    )


@pytest.mark.parametrize(
    ("left_out", "code", "said"),
    [
        ("patients.first_name", 2, "'patients.first_name' is no column of the tables of HR1"),
        ("applicants.shoe_size", 3, "the archive does not hold it, so it cannot be left out"),
        ("applicants.email", 3, "the live table still has it, so it cannot be left out"),
    ],
)
def test_column_that_cannot_be_left_out_is_refused_not_ignored(
    archive: Path, left_out: str, code: int, said: str
) -> None:
    damage_hr1()
    before = snapshot(*HR1)

    refused = hms_backup("restore", archive, "--noinput", "--leave-out", left_out)

    assert refused.code == code
    assert said in refused.out + refused.err
    if code == 3:
        assert f"Restore without --leave-out {left_out}." in refused.out
    assert snapshot(*HR1) == before


def test_refused_restore_tells_scripts_every_problem(archive: Path) -> None:
    run_sql("ALTER TABLE applicants DROP COLUMN email")
    run_sql("ALTER TABLE interviews DROP COLUMN notes")

    planned = hms_backup("restore", archive, "--dry-run", "--json").json["plan"]
    refused = hms_backup("restore", archive, "--noinput", "--json")

    assert refused.code == 3
    assert refused.json["error"]["code"] == "plan_refused"
    assert len(refused.json["plan"]["problems"]) == 2
    assert refused.json["plan"]["problems"] == planned["problems"]
    assert refused.json["plan"]["digest"] == planned["digest"]
