"""How a restore is asked for and answered: problems, warnings, progress, what people are shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.exceptions import (
    PlanRefused,
    RowInvalid,
    UnknownScope,
)
from hms_backup.plan import Action, Mode, Severity
from hms_backup.restore import RestoreOptions, apply_restore, read_changes
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, plan, restore
from tests.support import adhoc_scope, run_sql, snapshot
from tests.tampering import rewritten

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

BEDS = adhoc_scope("beds_", "wards_")


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    """Thirty beds and two wards; then ten beds are altered, one ward is gone and one new."""
    make_table(
        """
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO wards_ VALUES (1, 'Älpha'), (2, 'beta');
        """
    )
    for number in range(1, 31):
        run_sql("INSERT INTO beds_ VALUES (%s, %s)", number, f"bed {number}")
    path = backup(BEDS, tmp_path)
    run_sql("UPDATE beds_ SET name = 'altered' WHERE id <= 10")
    run_sql("DELETE FROM wards_ WHERE id = 1; INSERT INTO wards_ VALUES (3, '50% _off_')")
    return path


# What is shown


def test_plan_is_plain_data(archive: Path) -> None:
    planned = plan(BEDS, archive, mode=Mode.MIRROR, show_changes=1)

    data = json.loads(json.dumps(planned.as_dict()))

    assert data["counts"] == {
        "insert": 1,
        "update": 10,
        "unchanged": 21,
        "delete": 1,
        "skipped": 0,
        "kept": 0,
    }
    assert data["mode"] == "mirror"
    assert data["digest"] == planned.digest
    (shown,) = data["tables"][0]["changes"]
    assert (shown["action"], shown["key"], shown["changed"]) == ("update", "1", ["name"])
    assert (shown["before"]["name"], shown["after"]["name"]) == ("altered", "bed 1")


@pytest.mark.parametrize(
    ("limit", "offset", "keys"),
    [
        (3, 0, ["1", "2", "3"]),
        (3, 9, ["10"]),
        (100, 0, [str(number) for number in range(1, 11)]),
        (3, 10, []),
        (0, 0, []),
    ],
)
def test_changes_are_read_page_by_page(
    archive: Path, limit: int, offset: int, keys: list[str]
) -> None:
    with ArchiveReader.open(archive, UNLIMITED) as reader:
        (table,) = read_changes(
            reader,
            BEDS,
            RestoreOptions(tables=("beds_",)),
            settings=get_settings(),
            limit=limit,
            offset=offset,
        )

    assert [change.key for change in table.changes] == keys
    assert table.counts.update == 10


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("ALTERED", [("beds_", str(number)) for number in range(1, 11)]),
        ("bed 7", [("beds_", "7")]),
        ("ÄLPH", [("wards_", "1")]),
        ("50%", [("wards_", "3")]),
        ("_", [("wards_", "3")]),
        ("beta", []),
        ("'; DROP TABLE beds_; --", []),
    ],
)
def test_changes_are_found_by_a_text_in_any_column_before_or_after(
    archive: Path, search: str, found: list[tuple[str, str]]
) -> None:
    with ArchiveReader.open(archive, UNLIMITED) as reader:
        tables = read_changes(
            reader,
            BEDS,
            RestoreOptions(mode=Mode.MIRROR),
            settings=get_settings(),
            limit=50,
            search=search,
        )

    assert [(each.table, change.key) for each in tables for change in each.changes] == found


def test_deleted_and_inserted_rows_are_shown_with_one_side(archive: Path) -> None:
    planned = plan(BEDS, archive, mode=Mode.MIRROR, show_changes=5, tables=("wards_",))

    changes = {change.action: change for change in planned.tables[0].changes}
    assert dict(changes[Action.INSERT].before) == {}
    assert dict(changes[Action.INSERT].after) == {"id": "1", "name": "Älpha"}
    assert dict(changes[Action.DELETE].before) == {"id": "3", "name": "50% _off_"}
    assert dict(changes[Action.DELETE].after) == {}


def test_progress_tells_every_step_in_order(archive: Path) -> None:
    steps: list[str] = []

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        if step not in steps:
            steps.append(step)
        if step == "stage":
            assert total == {"beds_": 30, "wards_": 2}[table]
            assert done <= (total or 0)

    with ArchiveReader.open(archive, UNLIMITED) as reader:
        apply_restore(reader, BEDS, RestoreOptions(), settings=get_settings(), progress=progress)

    assert steps == ["stage", "write", "prove"]


# What is wrong


def test_all_problems_are_in_the_plan_and_the_first_is_in_the_error(archive: Path) -> None:
    path = rewritten(
        archive,
        rows={
            "beds_": lambda rows: [*rows, {"id": 3, "name": "again"}],
            "wards_": lambda rows: [*rows, {"id": 1, "name": "again"}],
        },
    )

    with pytest.raises(PlanRefused) as caught:
        restore(BEDS, path)

    error = caught.value
    assert error.plan is not None
    assert [(each.table, each.rows) for each in error.plan.blocking] == [
        ("beds_", ("3",)),
        ("wards_", ("1",)),
    ]
    assert (error.table, error.row) == ("beds_", "3")
    assert error.message.startswith("2 problems stop the restore; the first: ")
    assert error.hint


def test_blocking_problems_cannot_be_accepted(archive: Path) -> None:
    path = rewritten(archive, rows={"wards_": lambda rows: [*rows, {"id": 1, "name": "again"}]})
    before = snapshot("beds_", "wards_")

    with pytest.raises(PlanRefused):
        restore(BEDS, path, accept=frozenset({"duplicate_key"}))

    assert snapshot("beds_", "wards_") == before


def test_blocking_problems_come_before_warnings(
    archive: Path, make_table: MakeTable, tmp_path: Path
) -> None:
    path = rewritten(
        archive,
        order=lambda names: names[1:],
        rows={name: lambda rows: [*rows, rows[0]] for name in ("beds_", "wards_")},
    )

    planned = plan(BEDS, path)

    assert [each.severity for each in planned.problems] == [
        Severity.BLOCKING,
        Severity.WARNING,
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"id": "one", "name": "a"}, "id"),
        ({"id": 1.5, "name": "a"}, "id"),
        ({"id": True, "name": "a"}, "id"),
        ({"id": 1, "name": 5}, "name"),
        ({"id": 1}, "name"),
        ({"id": 1, "name": "a", "more": 1}, "more"),
    ],
)
def test_row_that_does_not_fit_its_table_is_refused(
    archive: Path, row: dict[str, object], column: str
) -> None:
    path = rewritten(archive, rows={"beds_": lambda rows: [*rows, row]})
    before = snapshot("beds_", "wards_")

    for run in (plan, restore):
        with pytest.raises(RowInvalid) as caught:
            run(BEDS, path)
        assert (caught.value.table, caught.value.row) == ("beds_", "#31")
        assert caught.value.column in (column, "")

    assert snapshot("beds_", "wards_") == before


def test_unchanged_rows_are_not_written_again(archive: Path) -> None:
    restore(BEDS, archive)
    done = restore(BEDS, archive)

    assert (done.counts.changes, done.counts.unchanged) == (0, 32)


# Warnings


def test_archive_of_another_installation_is_warned_about(archive: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {"INSTANCE_ID": "elsewhere"}

    planned = plan(BEDS, archive)

    assert [(each.code, each.severity) for each in planned.problems] == [
        ("other_instance", Severity.WARNING)
    ]
    restore(BEDS, archive)


@pytest.mark.parametrize("left_out", ["elsewhere.label", "name"])
def test_option_for_a_column_of_no_table_is_refused(archive: Path, left_out: str) -> None:
    with pytest.raises(UnknownScope) as caught:
        plan(BEDS, archive, leave_out=frozenset({left_out}))

    assert left_out in caught.value.message
    assert "beds_" in caught.value.hint


def test_option_for_a_column_of_another_table_leaves_nothing_out(archive: Path) -> None:
    run_sql("ALTER TABLE beds_ RENAME COLUMN name TO label")

    planned = plan(BEDS, archive, leave_out=frozenset({"wards_.label"}))

    assert ("column_incompatible", "beds_", "name") in [
        (each.code, each.table, each.column) for each in planned.blocking
    ]


def test_unknown_subsystem_is_answered_with_the_known_ones(archive: Path) -> None:
    with pytest.raises(UnknownScope) as caught:
        plan(BEDS, archive, only="NOPE")

    assert "ADHOC" in caught.value.hint
