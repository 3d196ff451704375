"""``hms_backup export``: the file, the name, the pipe, and what it says."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hms_backup import services
from hms_backup.models import AuditLog
from hms_backup.registry import Department, Subsystem, registry
from tests.commandline import fill_hr1, hms_backup
from tests.support import ROOT, child_environment, manage, run_sql

pytestmark = pytest.mark.django_db(transaction=True)
COMMAND = [sys.executable, "-m", "django", "hms_backup"]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> None:
    monkeypatch.chdir(tmp_path)
    fill_hr1()


def test_export_writes_a_dated_file_here_and_says_what_it_holds() -> None:
    done = hms_backup("export", "hr1")

    [file] = Path().iterdir()
    assert re.fullmatch(r"HR1-\d{8}T\d{6}Z\.hms-backup", file.name)
    found = services.verify_archive(file)
    assert done.code == 0
    assert "Backed up HR1 · Talent Acquisition: 5 rows of 4 tables" in done.out
    assert str(file.absolute()) in done.out
    assert found.sha256 in done.out
    assert done.err == ""


def test_id_that_cannot_be_a_file_name_is_written_as_one() -> None:
    odd = Department("X", "X", (Subsystem("a/../: b", "Odd", ("hms.Vacancy",)),))
    registry.register(odd)
    try:
        assert hms_backup("export", "A/../: B").code == 0
    finally:
        registry.unregister("X")

    [file] = Path().iterdir()
    assert re.fullmatch(r"a-b-\d{8}T\d{6}Z\.hms-backup", file.name)


def test_export_of_a_department_holds_all_its_subsystems() -> None:
    assert hms_backup("export", "HR", "-o", "hr.hms-backup").code == 0

    manifest = services.inspect_archive(Path("hr.hms-backup")).manifest
    assert (manifest.scope, manifest.target_id, len(manifest.members)) == ("department", "HR", 14)


def test_export_into_a_folder_chooses_the_name() -> None:
    Path("backups").mkdir()

    hms_backup("export", "HR1", "-o", "backups")

    [file] = Path("backups").iterdir()
    assert file.name.startswith("HR1-")


def test_export_leaves_an_existing_file_alone_unless_forced() -> None:
    file = Path("hr1.hms-backup")
    file.write_bytes(b"precious")

    refused = hms_backup("export", "HR1", "-o", file)

    assert refused.code == 1
    assert refused.err.startswith("error [storage_failed]: hr1.hms-backup exists already")
    assert file.read_bytes() == b"precious"
    assert hms_backup("export", "HR1", "-o", file, "--force").code == 0
    assert services.verify_archive(file).manifest.target_id == "HR1"


@pytest.mark.parametrize("output", ["backups/", "x" * 300, "file/x"])
def test_place_that_is_none_is_an_error_that_names_it(output: str) -> None:
    Path("file").write_text("not a folder")

    refused = hms_backup("export", "HR1", "-o", output)

    assert refused.code == 1
    assert refused.err.startswith("error [storage_failed]:")
    assert output in refused.err
    assert [each.name for each in Path().iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_folder_that_may_not_be_looked_into_is_named() -> None:
    Path("locked").mkdir(mode=0)

    refused = hms_backup("export", "HR1", "-o", "locked/x/y.hms-backup")

    assert refused.err.startswith("error [storage_failed]:")
    assert "locked/x/y.hms-backup" in refused.err


def test_name_that_is_no_unicode_is_recorded_as_far_as_it_can_be() -> None:
    name = os.fsdecode(b"caf\xe9.hms-backup")

    done = hms_backup("export", "HR1", "-o", name)
    as_json = hms_backup("verify", name, "--json")

    assert done.code == as_json.code == 0
    assert services.verify_archive(Path(name)).manifest.target_id == "HR1"
    assert AuditLog.objects.get().file_name == "caf\ufffd.hms-backup"
    assert r"caf\udce9.hms-backup" in done.out


def test_name_in_another_encoding_is_written_as_it_was_typed() -> None:
    environment = child_environment(
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    )
    done = subprocess.run(
        [*COMMAND, "export", "HR1", "-o", "jo\u00e3o.hms-backup", "--json"],
        stdout=subprocess.PIPE,
        env=environment,
        check=False,
    )

    assert done.returncode == 0
    assert json.loads(done.stdout)["path"].endswith(".hms-backup")
    assert AuditLog.objects.get().file_name == "jo\u00e3o.hms-backup"
    assert Path("jo\u00e3o.hms-backup").exists()


def test_export_as_json_is_one_document() -> None:
    found = hms_backup("export", "HR1", "-o", "x.hms-backup", "--json").json

    assert found["id"] == "HR1"
    assert found["tables"]["applicants"] == 3
    assert found["bytes"] == Path("x.hms-backup").stat().st_size
    assert found["operation"] == str(AuditLog.objects.get().operation_id)


def test_mistyped_id_suggests_the_nearest_and_starts_nothing() -> None:
    refused = hms_backup("export", "HR11")

    assert refused.code == 2
    assert "error [scope_unknown]: There is no department or subsystem 'HR11'." in refused.err
    assert "Did you mean HR1?" in refused.err
    assert list(Path().iterdir()) == []
    assert AuditLog.objects.count() == 0


def test_error_as_json_goes_to_standard_output() -> None:
    refused = hms_backup("export", "HR11", "--json")

    assert refused.code == 2
    assert refused.json["error"]["code"] == "scope_unknown"
    assert refused.err == ""


def test_missing_folder_is_an_error_without_traceback() -> None:
    refused = hms_backup("export", "HR1", "-o", "nowhere/x.hms-backup")

    assert refused.code == 1
    assert refused.err.startswith("error [storage_failed]:")
    assert "Traceback" not in refused.err


def test_export_to_standard_output_is_the_archive_and_nothing_else() -> None:
    done = subprocess.run(
        [*COMMAND, "export", "HR1", "-o", "-"],
        capture_output=True,
        env=child_environment(),
        check=False,
    )

    assert done.returncode == 0
    found = services.verify_archive(io.BytesIO(done.stdout))
    assert found.manifest.target_id == "HR1"
    assert found.sha256 == AuditLog.objects.get().archive_sha256
    assert done.stderr.decode().startswith("Backed up HR1")
    assert b"\x1b" not in done.stderr


def test_standard_output_that_is_closed_early_is_a_recorded_failure() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "export", "HR1", "-o", "-"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=child_environment(),
        check=False,
    )
    os.close(write)

    assert done.returncode == 1
    assert done.stderr.decode().startswith("error [storage_failed]:")
    assert "Traceback" not in done.stderr.decode()
    assert AuditLog.objects.get().status == "FAIL"


def test_json_and_standard_output_cannot_be_combined() -> None:
    refused = hms_backup("export", "HR1", "-o", "-", "--json")

    assert (refused.code, refused.json["error"]["code"]) == (2, "usage")


def test_archive_is_not_written_to_a_terminal() -> None:
    code, seen = in_a_terminal("export", "HR1", "-o", "-")

    assert code == 2
    assert "error [usage]: An archive is no text for a terminal." in plain(seen)


def test_terminal_shows_progress_and_colour_and_a_pipe_neither() -> None:
    code, seen = in_a_terminal("export", "HR1", "-o", "a.hms-backup")
    piped = manage("hms_backup", "export", "HR1", "-o", str(Path("b.hms-backup").absolute()))

    assert code == piped.returncode == 0
    assert "verifying" in seen
    assert "\x1b[" in seen
    assert "\x1b" not in piped.stdout + piped.stderr
    assert piped.stderr == ""


def test_terminal_shows_no_colour_when_nobody_wants_it() -> None:
    _, seen = in_a_terminal("export", "HR1", "-o", "a.hms-backup", env={"NO_COLOR": "1"})

    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", seen)


@pytest.mark.postgresql
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_export_ends_quietly_without_a_file(number: signal.Signals) -> None:
    run_sql("BEGIN; LOCK TABLE vacancies IN ACCESS EXCLUSIVE MODE")
    try:
        process = subprocess.Popen(
            [*COMMAND, "export", "HR1", "-o", str(Path("x.hms-backup").absolute())],
            stderr=subprocess.PIPE,
            text=True,
            env=child_environment(),
            cwd=ROOT,
            preexec_fn=_obey_signals,
        )
        wait_for_the_lock()
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    finally:
        run_sql("ROLLBACK")

    assert process.returncode == 4
    assert err.startswith("error [cancelled]:")
    assert "Traceback" not in err
    assert list(Path().iterdir()) == []
    entry = AuditLog.objects.get()
    assert (entry.status, entry.error_code) == ("FAIL", "cancelled")


def _obey_signals() -> None:
    """A suite that a shell runs in the background inherits an ignored Ctrl-C."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def wait_for_the_lock() -> None:
    """Until the other process waits for the table that this one holds."""
    deadline = time.monotonic() + 20
    waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'vacancies'::regclass"
    while run_sql(waiting) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def in_a_terminal(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a verb with a terminal for both streams; return the exit code and all that it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=child_environment({"TERM": "xterm-256color", "COLUMNS": "100", **(env or {})}),
    )
    os.close(theirs)
    seen = b""
    while chunk := read_terminal(ours):
        seen += chunk
    os.close(ours)
    return process.wait(timeout=30), seen.decode()


def plain(seen: str) -> str:
    """What a person reads of it: without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", seen)


def read_terminal(descriptor: int) -> bytes:
    """What the terminal shows next; nothing once the other side is closed (EIO on Linux)."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""
