"""``hms_backup`` ``list``, ``inspect``, ``verify``, ``log``, and what all verbs have in common."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from hms_backup import export_department_data, export_subsystem_data
from hms_backup.cli import words
from hms_backup.cli.exits import Exit, UsageError, exit_for
from hms_backup.cli.terminal import Terminal, grid
from hms_backup.exceptions import (
    ArchiveTooLarge,
    Busy,
    ConfigurationError,
    ConnectionLost,
    HmsBackupError,
    NotPermitted,
    OperationCancelled,
    PlanOutdated,
    PrivilegeMissing,
    ProofFailed,
    RowInvalid,
    StorageError,
    TableMissing,
    UnknownScope,
    ValueUnsupported,
)
from hms_backup.models import AuditLog
from tests.commandline import damage_hr1, fill_hr1, hms_backup
from tests.support import child_environment, manage, run_sql

if TYPE_CHECKING:
    from pytest_django import Settings

LIVE_HR1 = Path(__file__).parent / "archives" / "live" / "live-HR1.hms-backup"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path, transactional_db: None) -> Path:
    """HR1, backed up."""
    fill_hr1()
    path = tmp_path / "hr1.hms-backup"
    path.write_bytes(export_subsystem_data("HR1"))
    return path


def lines(text: str) -> list[str]:
    """Lines with runs of blanks made one."""
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


# list


def test_list_shows_rows_and_the_last_backup_of_each(archive: Path) -> None:
    username = AuditLog.objects.get().username
    shown = hms_backup("list")

    said = lines(shown.out)
    assert shown.code == 0
    assert said[0] == "department, subsystem, table rows last backup (UTC) by"
    assert "HR · Human Resources 6 never" in said
    assert any(
        re.fullmatch(rf"HR1 · Talent Acquisition 5 \d{{4}}-\d\d-\d\d \d\d:\d\d {username}", line)
        for line in said
    )
    assert "applicants 3" in said
    assert "FIN1 · Billing & Accounts 0 never" in said


def test_list_of_one_subsystem_names_the_department_that_was_backed_up(archive: Path) -> None:
    export_department_data("HR")

    shown = hms_backup("list", "hr1")

    assert "(HR)" in shown.out
    assert "HR2" not in shown.out


def test_list_shows_a_table_that_is_missing(altered_hospital: None) -> None:
    run_sql("DROP TABLE onboarding")

    assert "onboarding missing" in lines(hms_backup("list", "HR1").out)


def test_list_as_json_has_every_scope(archive: Path) -> None:
    found = {each["id"]: each for each in hms_backup("list", "--json").json}

    assert len(found) == 14
    assert found["HR1"]["tables"]["vacancies"] == 2
    assert found["HR1"]["last_backup"]["id"] == "HR1"
    assert found["LOG1"]["last_backup"] is None


# inspect and verify


def test_inspect_shows_what_the_archive_says_of_itself(archive: Path) -> None:
    shown = hms_backup("inspect", archive)

    said = lines(shown.out)
    assert shown.code == 0
    assert "holds subsystem HR1 · Talent Acquisition" in said
    assert "by hms_backup, instance tests" in said
    assert any(line.startswith("applicants 3 10 ") for line in said)


def test_inspect_as_json_has_checksums_and_columns(archive: Path) -> None:
    found = hms_backup("inspect", archive, "--json").json

    assert (found["scope"], found["target_id"], found["checksums"]) == ("subsystem", "HR1", True)
    [table] = [each for each in found["tables"] if each["table"] == "applicants"]
    assert table["rows"] == 3
    assert table["primary_key"] == ["id"]
    assert "first_name" in table["columns"]


def test_verify_proves_an_intact_archive(archive: Path) -> None:
    shown = hms_backup("verify", archive)

    assert shown.code == 0
    assert shown.out.startswith("Intact: every checksum matches.")
    assert hms_backup("verify", archive, "--json").json["intact"] is True


def test_verify_of_a_damaged_archive_is_refused(archive: Path) -> None:
    raw = bytearray(archive.read_bytes())
    raw[len(raw) // 3] ^= 1
    archive.write_bytes(raw)

    refused = hms_backup("verify", archive)

    assert refused.code == 3
    assert refused.err.startswith("error [")
    assert "Intact" not in refused.out


def test_reading_an_archive_needs_no_database(archive: Path) -> None:
    unreachable = {"HMS_TEST_DATABASE_URL": "sqlite:////nonexistent/folder/x.sqlite3"}

    assert manage("hms_backup", "inspect", str(archive), env=unreachable).returncode == 0
    assert manage("hms_backup", "verify", str(archive), env=unreachable).returncode == 0


def test_archive_over_the_limit_is_refused_with_the_setting_to_raise(
    archive: Path, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"MAX_ARCHIVE_BYTES": 100}

    refused = hms_backup("inspect", archive)

    assert refused.code == 3
    assert "error [archive_too_large]" in refused.err
    assert "MAX_ARCHIVE_BYTES" in refused.err


# log


def test_log_shows_newest_first_who_what_and_how_it_went(archive: Path) -> None:
    damage_hr1()
    hms_backup("restore", archive, "--dry-run")
    hms_backup("restore", archive, "--noinput", "--only", "HR2")

    shown = hms_backup("log")

    said = [re.sub(r"^\S+ \S+ ", "", line) for line in lines(shown.out)]
    who = f"{AuditLog.objects.latest().username}, command line"
    assert shown.code == 0
    assert said[0] == "by result" or said[0].endswith("result")
    assert said[1].startswith(f"restore HR1 {who} failed [scope_unknown]")
    assert f"dry run HR1 {who} ok +1 ~1 -0 =3" in said
    assert any(line.endswith("Python ok 5 rows") for line in said)


def test_log_tells_warnings_from_problems_and_names_files_of_unknown_scope(
    archive: Path, tmp_path: Path
) -> None:
    fill = "INSERT INTO patients (id, first_name, last_name) VALUES (1, 'A', 'B')"
    run_sql(fill)
    hms_backup("restore", LIVE_HR1, "--dry-run")
    hms_backup("restore", tmp_path / "gone.hms-backup", "--dry-run")

    said = lines(hms_backup("log").out)

    assert " dry run gone.hms-backup " in said[1]
    assert said[2].endswith(("1 warning", "1 warning, 1 problem", "1 problem, 1 warning"))


def test_log_can_be_limited_to_failures_targets_and_numbers(archive: Path) -> None:
    for _ in range(3):
        hms_backup("export", "HR2", "-o", archive)
    hms_backup("export", "HR2", "-o", archive.with_name("new"))

    assert len(hms_backup("log", "--json").json) == 5
    assert len(hms_backup("log", "--json", "--failed").json) == 3
    assert len(hms_backup("log", "--json", "hr2").json) == 4
    assert len(hms_backup("log", "--json", "--limit", 2).json) == 2
    assert len(hms_backup("log", "--json", "--limit", 0).json) == 5
    newest = hms_backup("log", "--json").json[0]
    assert (newest["status"], newest["target_id"]) == ("SUCCESS", "HR2")


def test_log_ends_operations_that_crashed(archive: Path) -> None:
    AuditLog(action="RESTORE", scope="SUBSYSTEM", target_id="HR1", host="gone", pid=1).save()
    long_ago = timezone.now() - timedelta(days=1)
    run_sql("UPDATE system_audit_logs SET heartbeat = %s WHERE pid = 1", long_ago)

    assert "failed [crashed]" in hms_backup("log").out


def test_empty_log_says_so() -> None:
    shown = hms_backup("log")

    assert (shown.code, shown.out) == (0, "Nothing of this kind is in the log.\n")


# Every verb


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (HmsBackupError("x"), Exit.FAILED),
        (ConnectionLost("x"), Exit.FAILED),
        (StorageError("x"), Exit.FAILED),
        (ConfigurationError("x"), Exit.FAILED),
        (UsageError("x"), Exit.USAGE),
        (UnknownScope("x"), Exit.USAGE),
        (ArchiveTooLarge("x"), Exit.REFUSED),
        (TableMissing("x"), Exit.REFUSED),
        (ValueUnsupported("x"), Exit.REFUSED),
        (ProofFailed("x"), Exit.REFUSED),
        (NotPermitted("x"), Exit.REFUSED),
        (OperationCancelled("x"), Exit.CANCELLED),
        (Busy("x"), Exit.TRY_AGAIN),
        (PlanOutdated("x"), Exit.TRY_AGAIN),
    ],
)
def test_error_ends_in_its_documented_exit_code(error: HmsBackupError, code: Exit) -> None:
    assert exit_for(error) is code


def test_error_says_where_unless_its_message_does() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err)

    terminal.error(PrivilegeMissing("Not allowed.", hint="Ask.", table="beds"))
    terminal.error(RowInvalid("Row 7 of beds is none.", table="beds", row="7", column="name"))

    assert err.getvalue().splitlines() == [
        "error [privilege_missing]: Not allowed.",
        "  in table beds",
        "  Ask.",
        "error [row_invalid]: Row 7 of beds is none.",
        "  in column name",
    ]


def test_numbers_stay_in_one_piece_in_a_narrow_terminal() -> None:
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "30")
        table = grid("table", ("insert", "right"), ("unchanged", "right"))
        table.add_row("a_table_with_a_long_name", "1,000,000", "20,000,000")
        Terminal(said, io.StringIO()).show(table)

    assert re.search(r"1,000,000 +20,000,000$", said.getvalue(), re.MULTILINE)


def test_unforeseen_error_shows_no_traceback_unless_asked(
    archive: Path,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.db.router.routers", [BrokenRouter()])
        failed = hms_backup("log")
        with pytest.raises(ZeroDivisionError):
            hms_backup("log", "--traceback")

    assert failed.code == 1
    assert failed.err.startswith("error [error]: Unexpected ZeroDivisionError.")
    assert "Jose" not in failed.err


class BrokenRouter:
    """A project's router with a fault in it."""

    def db_for_write(self, *_: object, **__: object) -> str:
        raise ZeroDivisionError("Jose Rizal has dengue")


def test_unreachable_database_is_an_error_without_traceback() -> None:
    gone = {"HMS_TEST_DATABASE_URL": "sqlite:////nonexistent/folder/x.sqlite3"}

    for arguments in (("list",), ("log",), ("export", "HR1")):
        failed = manage("hms_backup", *arguments, env=gone)

        assert failed.returncode == 1
        assert failed.stderr.startswith("error [connection_lost]:")
        assert "Traceback" not in failed.stderr


def test_missing_audit_table_says_to_migrate() -> None:
    run_sql("ALTER TABLE system_audit_logs RENAME TO mislaid")
    try:
        failed = hms_backup("log")
    finally:
        run_sql("ALTER TABLE mislaid RENAME TO system_audit_logs")

    assert failed.code == 1
    assert "manage.py migrate" in failed.err


def test_reader_that_has_seen_enough_is_no_error(archive: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "django", "hms_backup", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        env=child_environment(),
        check=False,
    )
    os.close(write)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_that_cannot_be_written_is_an_error_without_traceback(
    archive: Path, options: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "django", "hms_backup", "list", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=child_environment(),
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr.startswith("error [storage_failed]: The result cannot be shown: No space")
    assert len(done.stderr.splitlines()) == 2


def test_json_is_valid_in_every_encoding(archive: Path) -> None:
    done = manage("hms_backup", "inspect", str(archive), "--json", env={"LC_ALL": "C"})
    in_ascii = manage(
        "hms_backup", "list", "--json", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    refused = manage("hms_backup", "list", "\u00e3", "--json", env={"PYTHONIOENCODING": "ascii"})

    assert json.loads(done.stdout)["target_id"] == "HR1"
    assert json.loads(in_ascii.stdout)[0]["id"] == "HR"
    assert "\u00e3" in json.loads(refused.stdout)["error"]["message"]


def test_output_for_an_encoding_without_arrows_is_escaped(archive: Path) -> None:
    damage_hr1()

    done = manage(
        *("hms_backup", "restore", str(archive), "--dry-run", "--show-changes", "1"),
        env={"PYTHONIOENCODING": "ascii"},
    )

    assert done.returncode == 0
    assert r"Eve \u2192 Ana" in done.stdout


@pytest.mark.parametrize("verb", ["", "list", "export", "inspect", "verify", "restore", "log"])
def test_help_has_examples_and_exit_codes(verb: str) -> None:
    shown = manage("hms_backup", *([verb] if verb else []), "--help")

    assert shown.returncode == 0
    assert "exit codes:" in shown.stdout
    assert all(f"  {code.value}  {code.meaning}" in shown.stdout for code in Exit)
    assert not verb or f"examples:\n  manage.py hms_backup {verb}" in shown.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("lst",),
        ("restore", "x", "--mode", "Mirror"),
        ("log", "--limit=-1"),
        ("list", "-x"),
    ],
)
def test_wrong_arguments_are_json_too_when_asked_for(arguments: tuple[str, ...]) -> None:
    refused = manage("hms_backup", *arguments, "--json")
    in_words = manage("hms_backup", *arguments)

    assert refused.returncode == in_words.returncode == 2
    assert refused.stderr == in_words.stdout == ""
    assert json.loads(refused.stdout)["error"]["code"] == "usage"
    assert json.loads(refused.stdout)["error"]["message"][:-1] in in_words.stderr


def test_failing_system_checks_are_json_too_when_asked_for(settings: Settings) -> None:
    settings.HMS_BACKUP = {"MAX_BYTES": 1, "SYSTEM_NAME": 5}

    refused = hms_backup("list", "--json", checked=True)

    assert (refused.code, refused.err) == (1, "")
    assert refused.json["error"]["code"] == "configuration_invalid"
    assert "(hms_backup.E001)" in refused.json["error"]["message"]
    assert "MAX_BYTES" in refused.json["error"]["message"]
    assert "SYSTEM_NAME" in refused.json["error"]["message"]


def test_general_options_may_follow_the_verb() -> None:
    assert manage("hms_backup", "log", "--settings", "tests.settings", "-v", "0").returncode == 0


# Words


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (45_234, "45.2 kB"),
     (999_960, "1.0 MB"), (52_428_800, "52.4 MB"), (7_200_000_000, "7.2 GB")],
)  # fmt: skip
def test_sizes_are_in_the_unit_that_fits(number: int, said: str) -> None:
    assert words.size(number) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "NULL"),
        ("", "''"),
        ("NULL", "'NULL'"),
        (" x", "' x'"),
        ("12", "12"),
        ("a\tb\r\n", r"a\tb\r\n"),
        ("naïve 漢字", "naïve 漢字"),
        ("\ud800", r"\ud800"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_values_are_shown_unambiguously(value: str | None, said: str) -> None:
    assert words.value(value) == said


def test_values_that_differ_late_are_cut_at_the_difference() -> None:
    before, after = words.change("a" * 100 + "b" + "z" * 100, "a" * 100 + "c" + "z" * 100)

    assert before.startswith("…" + "a" * 12 + "b")
    assert after.startswith("…" + "a" * 12 + "c")
