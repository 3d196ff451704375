"""An export ends in a whole, verified file under its final name, or in no file at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hms_backup.archive import ArchiveReader, Manifest
from hms_backup.conf import get_settings
from hms_backup.exceptions import (
    HmsBackupError,
    StorageError,
    TableMissing,
    TableProtected,
    TableUnkeyed,
)
from hms_backup.export import ExportResult, export_scope, export_to_file
from hms_backup.registry import registry
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, exported
from tests.support import adhoc_scope, run_sql

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

BEDS = adhoc_scope("beds_", "wards_", id="BEDS")


@pytest.fixture
def beds(make_table: MakeTable) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT,
                            ward_id INTEGER REFERENCES wards_ (id));
        INSERT INTO wards_ VALUES (1, 'w');
        INSERT INTO beds_ VALUES (2, 'b', 1), (1, 'a', NULL), (10, 'c', 1);
        """
    )


def members(path: Path) -> dict[str, bytes]:
    """A zip file's members, metadata aside."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}


def manifest(path: Path) -> Manifest:
    with ArchiveReader.open(path, UNLIMITED) as reader:
        return reader.manifest


def watched(progress: Callable[..., None], path: Path) -> ExportResult:
    return export_scope(BEDS, path, settings=get_settings(), progress=progress)


# What is written


def test_export_holds_every_row_in_the_order_of_its_key(beds: None, tmp_path: Path) -> None:
    result = exported(BEDS, tmp_path)

    written = members(result.path)
    assert list(written) == ["wards_.json", "beds_.json"]
    assert json.loads(written["beds_.json"]) == [
        {"id": 1, "name": "a", "ward_id": None},
        {"id": 2, "name": "b", "ward_id": 1},
        {"id": 10, "name": "c", "ward_id": 1},
    ]
    assert (result.rows, result.size) == (4, result.path.stat().st_size)
    assert result.sha256 == hashlib.sha256(result.path.read_bytes()).hexdigest()
    assert result.expanded == sum(map(len, written.values()))


def test_unchanged_data_gives_the_same_bytes(beds: None, tmp_path: Path) -> None:
    first = backup(BEDS, tmp_path, "first.hms-backup")
    second = backup(BEDS, tmp_path, "second.hms-backup")

    assert members(first) == members(second)
    one, other = manifest(first), manifest(second)
    assert one.members == other.members
    assert one.export_date <= other.export_date


def test_manifest_says_where_the_rows_come_from(
    beds: None, tmp_path: Path, settings: Settings
) -> None:
    settings.HMS_BACKUP = {
        "SYSTEM_NAME": "HMS",
        "SYSTEM_VERSION": "3.1",
        "INSTANCE_ID": "ward-7",
    }
    before = datetime.now(UTC)

    written = manifest(backup(BEDS, tmp_path))

    assert (written.scope, written.target_id) == ("subsystem", "BEDS")
    assert written.version == "1.0.0"  # of the present system's keys, whatever the system's own is
    assert written.system == {"name": "HMS", "version": "3.1", "instance": "ward-7"}
    assert written.database is not None
    assert set(written.database) == {"vendor", "version"}
    assert before <= datetime.fromisoformat(written.export_date) <= datetime.now(UTC)
    assert written.has_checksums


def test_department_holds_the_tables_of_all_its_subsystems(
    hospital: dict[str, int], tmp_path: Path
) -> None:
    scope = registry.department("LOGISTICS")

    result = exported(scope, tmp_path)

    assert {each.table: each.rows for each in result.manifest.members} == {
        table: hospital[table] for table in scope.tables
    }


def test_file_is_for_its_owner_alone(beds: None, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = backup(BEDS, tmp_path)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_progress_counts_every_row_and_every_verified_byte(beds: None, tmp_path: Path) -> None:
    seen: list[tuple[str, str, int, int | None]] = []

    result = watched(lambda *each: seen.append(each), tmp_path / "beds.hms-backup")

    assert [each for each in seen if each[:2] == ("read", "beds_")] == [
        ("read", "beds_", 0, 3),
        ("read", "beds_", 3, 3),
    ]
    verified = [each for each in seen if each[0] == "verify"]
    assert verified[-1][2:] == (result.expanded, result.expanded)


# What is not


def failing(step: str, table: str, error: BaseException) -> Callable[..., None]:
    def progress(reached: str, where: str, done: int, total: int | None) -> None:
        if (reached, where) == (step, table):
            raise error

    return progress


@pytest.mark.parametrize(
    ("step", "table"),
    [("read", "wards_"), ("read", "beds_"), ("verify", "wards_"), ("verify", "beds_")],
)
@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt(), SystemExit(3)])
def test_export_that_is_broken_off_leaves_no_file(
    beds: None, tmp_path: Path, step: str, table: str, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        watched(failing(step, table, error), tmp_path / "beds.hms-backup")

    assert list(tmp_path.iterdir()) == []


def test_export_that_fails_keeps_the_file_that_was_there(beds: None, tmp_path: Path) -> None:
    path = backup(BEDS, tmp_path)
    before = path.read_bytes()
    run_sql("DELETE FROM beds_")

    with pytest.raises(RuntimeError):
        watched(failing("read", "beds_", RuntimeError("bug")), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]

    backup(BEDS, tmp_path)
    assert json.loads(members(path)["beds_.json"]) == []


def test_half_an_export_is_no_archive(beds: None, tmp_path: Path) -> None:
    parts: list[bytes] = []

    def copy_what_is_there(step: str, table: str, done: int, total: int | None) -> None:
        if step == "read":
            (part,) = tmp_path.iterdir()
            parts.append(part.read_bytes())

    watched(copy_what_is_there, tmp_path / "beds.hms-backup")

    assert len(parts) >= 3
    for part in parts:
        with pytest.raises(HmsBackupError):
            ArchiveReader.open(io.BytesIO(part), UNLIMITED)


def test_file_has_another_name_until_it_is_verified(beds: None, tmp_path: Path) -> None:
    names: set[str] = set()

    def look(step: str, table: str, done: int, total: int | None) -> None:
        names.update(each.name for each in tmp_path.iterdir())

    path = tmp_path / "beds.hms-backup"
    watched(look, path)

    (name,) = names
    assert name.startswith(".beds.hms-backup.")
    assert name.endswith(".part")
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_reads_back_wrong_gets_no_name(beds: None, tmp_path: Path) -> None:
    # Large enough not to have been read whole already when the first member is verified.
    run_sql("UPDATE beds_ SET name = %s WHERE id = 10", secrets.token_hex(500_000))

    def damage(step: str, table: str, done: int, total: int | None) -> None:
        if (step, table) == ("verify", "wards_"):
            (part,) = tmp_path.iterdir()
            with part.open("r+b") as file:
                file.seek(part.stat().st_size // 2)
                file.write(b"\0\0\0\0")

    with pytest.raises(HmsBackupError):
        watched(damage, tmp_path / "beds.hms-backup")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["missing/beds.hms-backup", "file/beds.hms-backup"])
def test_folder_that_cannot_be_written_to_is_told(beds: None, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(StorageError):
        export_scope(BEDS, tmp_path / where, settings=get_settings())

    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_name_that_is_a_folder_is_told(beds: None, tmp_path: Path) -> None:
    (tmp_path / "beds.hms-backup").mkdir()

    with pytest.raises(StorageError):
        backup(BEDS, tmp_path, "beds.hms-backup")

    assert [each.name for each in tmp_path.iterdir()] == ["beds.hms-backup"]


def test_file_object_that_cannot_be_written_to_is_told(beds: None) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(StorageError):
        export_to_file(BEDS, full, settings=get_settings())


class Trickle(io.RawIOBase):
    """A raw file that takes a few bytes at a time, as unbuffered standard output may."""

    def __init__(self) -> None:
        self.got = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        taken = bytes(data[:100])
        self.got += taken
        return len(taken)


def test_unbuffered_file_object_gets_every_byte(beds: None) -> None:
    trickle = Trickle()

    written = export_to_file(BEDS, trickle, settings=get_settings())  # type: ignore[arg-type]

    assert hashlib.sha256(trickle.got).hexdigest() == written.sha256


def test_unbuffered_file_object_that_takes_nothing_is_told(beds: None) -> None:
    class Blocked(Trickle):
        def write(self, _: Any) -> None:  # type: ignore[override]
            return None

    with pytest.raises(StorageError):
        export_to_file(BEDS, Blocked(), settings=get_settings())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ddl", "error"),
    [
        ("DROP TABLE beds_", TableMissing),
        ("DROP TABLE beds_; CREATE TABLE beds_ (id INTEGER)", TableUnkeyed),
    ],
)
def test_table_that_cannot_be_backed_up_is_named_and_no_file_left(
    beds: None, tmp_path: Path, ddl: str, error: type[HmsBackupError]
) -> None:
    run_sql(ddl)

    with pytest.raises(error) as caught:
        backup(BEDS, tmp_path)

    assert caught.value.table == "beds_"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table", ["users", "auth_user", "django_session", "system_audit_logs"])
def test_protected_table_is_never_exported(beds: None, tmp_path: Path, table: str) -> None:
    with pytest.raises(TableProtected):
        backup(adhoc_scope("beds_", table), tmp_path)

    assert list(tmp_path.iterdir()) == []
