"""What every refusal of a restore has in common, whatever it is that is refused.

Nothing is changed; a stable code says what is wrong; the place is named; the attempt is in the
audit log with both; and no value of any row is in the message, the plan or the log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.forms.models import model_to_dict

from hms_backup import services
from hms_backup.exceptions import HmsBackupError, PlanError
from hms_backup.models import AuditLog
from hms_backup.plan import Mode
from hms_backup.services import Actor, RestoreOptions
from tests.fixtures import MakeTable
from tests.roundtrip import backup
from tests.support import adhoc_scope, run_sql, snapshot
from tests.tampering import Row, rewritten, with_text, write_zip

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "Zyx9Secret"
OPERATOR = Actor(username="maria", origin="test")
PEOPLE = adhoc_scope("people_")
TABLES = ("people_", "wards_")


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    """Three people; since the backup one is gone, one is altered and one is new."""
    make_table(
        f"""
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY);
        CREATE TABLE people_ (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE,
            ward_id INTEGER REFERENCES wards_ (id), score DECIMAL(6, 2), born DATE, notes TEXT,
            CHECK (score >= 0));
        INSERT INTO wards_ VALUES (5);
        INSERT INTO people_ VALUES (1, '{SECRET} A', 5, 1.5, '2000-01-01', '{SECRET}'),
            (2, '{SECRET} B', NULL, NULL, NULL, NULL), (3, '{SECRET} C', NULL, 2, NULL, '');
        """
    )
    path = backup(PEOPLE, tmp_path)
    run_sql(
        f"DELETE FROM people_ WHERE id = 2; UPDATE people_ SET notes = 'x {SECRET}' WHERE id = 1;"
        f"INSERT INTO people_ (id, name) VALUES (9, '{SECRET} D')"
    )
    return path


def boss() -> Actor:
    """Somebody who may do everything."""
    user = User.objects.create_superuser("boss")
    return Actor(username="boss", origin="test", user=user)


def refusal(
    path: Path, mode: Mode = Mode.UPSERT, actor: Actor = OPERATOR, scope: Any = PEOPLE
) -> HmsBackupError:
    """Restore ``path``, which must fail as all refusals do. Return how."""
    before = snapshot(*TABLES)
    known = AuditLog.objects.count()

    with pytest.raises(HmsBackupError) as caught:
        services.restore(path, actor=actor, options=RestoreOptions(mode=mode), expected=scope)

    error = caught.value
    assert snapshot(*TABLES) == before
    assert AuditLog.objects.count() == known + 1
    entry = AuditLog.objects.latest()
    assert (entry.status, entry.error_code) == ("FAIL", error.code)
    assert entry.duration is not None
    place = {key: value for key, value in error.as_dict().items() if key in _PLACE}
    assert entry.details.get("where", {}) == place
    shown = [error.as_dict(), model_to_dict(entry), str(error.args)]
    if isinstance(error, PlanError) and error.plan is not None:
        shown += [each.as_dict() for each in error.plan.problems]
    assert SECRET not in json.dumps(shown, default=str)
    return error


_PLACE = ("table", "row", "column")


# Rows that are none


NOTES = f'"notes":"{SECRET}"'
GOOD = f'{{"id":1,"name":"{SECRET}","ward_id":null,"score":1.5,"born":null,{NOTES}}}'


def altered(old: str, new: str) -> bytes:
    assert old in GOOD
    return f"[\n{GOOD.replace(old, new)}\n]\n".encode()


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Bytes for a table's file, and what is to be said of them."""

    text: bytes
    row: str = "#1"
    column: str = ""
    codes: tuple[str, ...] = ("row_invalid",)


BAD = {
    "nul": Bad(text=altered(NOTES, f'"notes":"{SECRET}\\u0000"'), column="notes"),
    "half a surrogate pair": Bad(text=altered(NOTES, f'"notes":"{SECRET}\\ud800"')),
    "invalid utf-8": Bad(text=altered(SECRET, "Zyx9Secret~").replace(b"~", b"\xff")),
    "utf-16": Bad(text=f"[\n{GOOD}\n]\n".encode("utf-16"), row=""),
    "byte-order mark": Bad(text=b"\xef\xbb\xbf" + altered("1.5", "1.5"), row=""),
    "nan": Bad(text=altered("1.5", "NaN")),
    "infinity": Bad(text=altered("1.5", "-Infinity")),
    "1e400": Bad(
        text=altered("1.5", "1e400"),
        row="1",
        column="score",
        codes=("value_unsupported", "row_invalid"),
    ),
    "duplicate key": Bad(text=altered(NOTES, f'{NOTES},"notes":"x"')),
    "duplicate key spelt otherwise": Bad(text=altered(NOTES, f'{NOTES},"note\\u0073":"x"')),
    "5,000 digits": Bad(text=altered('"id":1', f'"id":{"9" * 5000}'), column="id"),
    "nesting without end": Bad(text=altered(NOTES, '"notes":' + "[" * 100_000), column="notes"),
    "nesting 100,000 deep": Bad(
        text=altered(NOTES, f'"notes":{"[" * 100_000}{"]" * 100_000}'), column="notes"
    ),
    "objects 100,000 deep": Bad(
        text=altered(NOTES, '"notes":' + '{"a":' * 100_000 + "1" + "}" * 100_000), column="notes"
    ),
    "no date": Bad(text=altered('"born":null', f'"born":"{SECRET}"'), column="born"),
    "another type": Bad(text=altered('"born":null', '"born":20000101'), column="born"),
    "column that is missing": Bad(text=altered(f",{NOTES}", ""), column="notes"),
    "column that is unknown": Bad(text=altered(NOTES, f'{NOTES},"{SECRET}":1')),
    "no array": Bad(text=GOOD.encode(), row=""),
    "array that breaks off": Bad(text=altered("1.5", "1.5")[:-3], row=""),
    "rows that are none": Bad(text=f'[\n"{SECRET}"\n]\n'.encode()),
    "nothing": Bad(text=b"", row=""),
}


OF_THE_FIRST_ROW = ("column that is missing", "column that is unknown")
"""No fault of a live archive, whose columns are those of its first row."""


@pytest.mark.parametrize("name", BAD)
def test_rows_that_are_none_are_refused_alike(archive: Path, name: str) -> None:
    bad = BAD[name]

    error = refusal(with_text(archive, "people_", bad.text))

    assert error.code in bad.codes
    assert (error.table, error.row, error.column) == ("people_", bad.row, bad.column)


@pytest.mark.parametrize("name", [name for name in BAD if name not in OF_THE_FIRST_ROW])
def test_rows_of_a_live_archive_that_are_none_are_refused_alike(archive: Path, name: str) -> None:
    bad = BAD[name]

    error = refusal(with_text(archive, "people_", bad.text, live=True))

    assert error.code in bad.codes
    assert error.table == "people_"
    assert error.row in (bad.row, "#1", "")
    assert error.column in (bad.column, "")


# Files that are no archive, or not this one


def flipped(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


FILES: dict[str, Callable[[bytes], bytes]] = {
    "no zip": lambda _: SECRET.encode() * 99,
    "nothing": lambda _: b"",
    "truncated": lambda content: content[:-9],
    "half": lambda content: content[: len(content) // 2],
    "flipped bit": flipped,
    "prepended": lambda content: b"#!/bin/sh\n" + content,
    "trailing": lambda content: content + SECRET.encode(),
    "twice": lambda content: content + content,
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_are_no_archive_are_refused_alike(archive: Path, name: str) -> None:
    archive.write_bytes(FILES[name](archive.read_bytes()))

    assert refusal(archive).code in ("archive_invalid", "checksum_mismatch", "manifest_invalid")


def test_file_of_more_than_50_megabytes_is_refused_unless_allowed(archive: Path) -> None:
    with archive.open("r+b") as file:
        file.truncate(50 * 1024 * 1024 + 1)

    assert refusal(archive).code == "archive_too_large"


def test_archive_of_more_than_50_megabytes_unpacked_is_refused_unless_allowed(
    archive: Path,
) -> None:
    text = altered(NOTES, f'"notes":"{"x" * 50 * 1024 * 1024}"')
    bomb = with_text(archive, "people_", text)
    assert bomb.stat().st_size < 100_000

    assert refusal(bomb).code == "archive_too_large"


def test_archive_of_another_scope_is_refused_alike(archive: Path) -> None:
    assert refusal(rewritten(archive, target_id="OTHER")).code == "scope_mismatch"


@pytest.mark.parametrize("table", ["wards_", "users", "auth_user"])
def test_smuggled_table_is_refused_alike(archive: Path, table: str) -> None:
    smuggled = rewritten(archive, rename={"people_": table})

    assert refusal(smuggled, actor=boss()).code == "scope_mismatch"


@pytest.mark.parametrize("place", ["table", "column", "target_id"])
def test_name_that_would_be_sql_is_refused_alike(archive: Path, place: str) -> None:
    hostile = 'x"; DROP TABLE people_; --'
    column = {"name": "id", "type": "integer", "kind": "integer", "nullable": False}
    member = {
        "table": hostile if place == "table" else "people_",
        "file": (hostile if place == "table" else "people_") + ".json",
        "rows": 0,
        "bytes": 3,
        "sha256": "37517e5f3dc66819f61f5a7bb8ace1921282415f10551d2defa5c3eb0985b570",
        "columns": [column, {**column, "name": hostile}] if place == "column" else [column],
        "primary_key": ["id"],
    }
    manifest = {
        "export_date": "2026-01-01T00:00:00+00:00",
        "scope": "subsystem",
        "target_id": hostile if place == "target_id" else "ADHOC",
        "version": "1.0.0",
        "tables": [member["table"]],
        "format_version": "2.0",
        "members": [member],
    }
    path = write_zip(
        archive.with_name("hostile.hms-backup"), manifest, {str(member["file"]): b"[]\n"}
    )

    expected = {
        "table": ("archive_invalid", "manifest_invalid"),
        "column": ("manifest_invalid", "schema_unsupported", "plan_refused"),
        "target_id": ("scope_mismatch",),
    }
    assert refusal(path).code in expected[place]


# Rows that do not fit the tables around them


def each_row(**changes: object) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [{**row, **changes} if row["id"] == 2 else row for row in rows]


PLANS: dict[str, tuple[Callable[[list[Row]], list[Row]], str, str]] = {
    "reference_missing": (each_row(ward_id=77), "2", "ward_id"),
    "unique_taken": (each_row(name=f"{SECRET} D"), "2", "name"),
    "unique_in_archive": (each_row(name=f"{SECRET} A"), "1", "name"),
    "null_value": (each_row(name=None), "2", "name"),
    "check_violated": (each_row(score=-1), "2", "score"),
    "duplicate_key": (each_row(id=1), "1", "id"),
}


@pytest.mark.parametrize("code", PLANS)
def test_rows_that_do_not_fit_are_refused_alike(archive: Path, code: str) -> None:
    alter, row, column = PLANS[code]

    error = refusal(rewritten(archive, rows={"people_": alter}))

    assert isinstance(error, PlanError)
    assert error.plan is not None
    assert code in [each.code for each in error.plan.blocking]
    assert (error.code, error.table, error.row) == ("plan_refused", "people_", row)
    assert error.column == column
    recorded = AuditLog.objects.latest().details["problems"]
    assert code in [each["code"] for each in recorded]


def test_column_that_is_gone_is_refused_alike(archive: Path) -> None:
    run_sql("ALTER TABLE people_ DROP COLUMN notes")

    error = refusal(archive)

    assert (error.code, error.table, error.column) == ("plan_refused", "people_", "notes")


@pytest.mark.postgresql
def test_value_that_no_longer_fits_is_refused_alike(archive: Path) -> None:
    run_sql("DELETE FROM people_; ALTER TABLE people_ ALTER name TYPE varchar(5)")

    error = refusal(archive)

    assert (error.code, error.table, error.column) == ("value_unsupported", "people_", "name")
    assert error.row == "1"


def test_rule_that_no_check_foresees_is_refused_alike(archive: Path) -> None:
    run_sql("CREATE UNIQUE INDEX odd_ones ON people_ (lower(name))")
    run_sql(f"UPDATE people_ SET name = '{SECRET.lower()} b' WHERE id = 9")

    assert refusal(archive).code == "constraint_violated"


# Tables that may not, or cannot, be restored


@pytest.mark.parametrize("table", ["users", "auth_user", "system_audit_logs"])
def test_protected_table_is_refused_alike_to_a_superuser(archive: Path, table: str) -> None:
    misconfigured = adhoc_scope("people_", table)

    error = refusal(archive, actor=boss(), scope=misconfigured)

    assert (error.code, error.table) == ("table_protected", table)


def test_missing_table_is_refused_alike(make_table: MakeTable, archive: Path) -> None:
    make_table("CREATE TABLE gone_ (id INTEGER PRIMARY KEY)")
    scope = adhoc_scope("people_", "gone_")
    path = backup(scope, archive.parent, "both.hms-backup")
    run_sql("DROP TABLE gone_; UPDATE people_ SET notes = NULL")

    error = refusal(path, scope=scope)

    assert (error.code, error.table) == ("table_missing", "gone_")


@pytest.mark.postgresql  # SQLite's lock keeps the log from being written, too
def test_lock_that_another_holds_is_refused_alike(archive: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {"LOCK_TIMEOUT": 0.2}
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; UPDATE people_ SET score = 3 WHERE id = 3")
            error = refusal(archive)
    finally:
        other.close()

    assert error.code == "lock_timeout"
