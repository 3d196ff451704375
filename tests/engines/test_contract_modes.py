"""What each mode inserts, updates, deletes and leaves alone, to the row; and on which tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hms_backup.exceptions import PlanRefused, UnknownScope
from hms_backup.plan import Action, Counts, Mode, Severity
from hms_backup.registry import Scope, registry
from tests.fixtures import MakeTable
from tests.roundtrip import backup, exported, plan, restore
from tests.support import (
    adhoc_department,
    adhoc_scope,
    adhoc_subsystem,
    query,
    run_sql,
    snapshot,
)
from tests.tampering import rewritten

pytestmark = pytest.mark.django_db(transaction=True)

BEDS = adhoc_scope("beds_")
ARCHIVED = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, None)]
LIVE = [(2, "b"), (3, "x"), (4, None), (5, ""), (6, "f"), (7, "g")]
"""1 is gone, 2 as it was, 3 to 5 altered, 6 and 7 new."""


def fill(table: str, rows: list[tuple[int, str | None]]) -> None:
    run_sql(f"DELETE FROM {table}")
    for row in rows:
        run_sql(f"INSERT INTO {table} (id, name) VALUES (%s, %s)", *row)


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    make_table("CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT)")
    fill("beds_", ARCHIVED)
    path = backup(BEDS, tmp_path)
    fill("beds_", LIVE)
    return path


@pytest.mark.parametrize(
    ("mode", "counts", "after"),
    [
        (
            Mode.UPSERT,
            Counts(insert=1, update=3, unchanged=1, kept=2),
            [*ARCHIVED, (6, "f"), (7, "g")],
        ),
        (
            Mode.INSERT,
            Counts(insert=1, unchanged=1, skipped=3, kept=2),
            [(1, "a"), *LIVE],
        ),
        (
            Mode.MIRROR,
            Counts(insert=1, update=3, unchanged=1, delete=2),
            ARCHIVED,
        ),
    ],
)
def test_mode_does_what_its_counts_say(
    archive: Path, mode: Mode, counts: Counts, after: list[tuple[int, str | None]]
) -> None:
    planned = plan(BEDS, archive, mode=mode)
    done = restore(BEDS, archive, mode=mode, expected_digest=planned.digest)

    assert planned.counts == done.counts == counts
    assert planned.tables[0].counts == counts
    assert not planned.problems
    assert query("SELECT id, name FROM beds_ ORDER BY id") == after


@pytest.mark.parametrize("mode", list(Mode))
def test_second_restore_changes_nothing(archive: Path, mode: Mode) -> None:
    restore(BEDS, archive, mode=mode)
    after = snapshot("beds_")

    again = restore(BEDS, archive, mode=mode)

    assert again.counts.changes == 0
    assert snapshot("beds_") == after


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.UPSERT, {Action.INSERT: {"1"}, Action.UPDATE: {"3", "4", "5"}}),
        (Mode.INSERT, {Action.INSERT: {"1"}}),
        (
            Mode.MIRROR,
            {
                Action.INSERT: {"1"},
                Action.UPDATE: {"3", "4", "5"},
                Action.DELETE: {"6", "7"},
            },
        ),
    ],
)
def test_changes_show_every_row_before_and_after(
    archive: Path, mode: Mode, expected: dict[Action, set[str]]
) -> None:
    ((changes),) = [each.changes for each in plan(BEDS, archive, mode=mode, show_changes=9).tables]

    shown: dict[Action, set[str]] = {}
    for change in changes:
        shown.setdefault(change.action, set()).add(change.key)
        before = dict(LIVE).get(int(change.key))
        after = dict(ARCHIVED).get(int(change.key))
        assert change.before.get("name") == before
        assert change.after.get("name") == after
    assert shown == expected


def test_no_more_changes_are_shown_than_were_asked_for(archive: Path) -> None:
    (table,) = plan(BEDS, archive, show_changes=2).tables

    assert [change.key for change in table.changes] == ["1", "3"]
    assert table.counts.changes == 4


def test_empty_text_and_null_are_different_values(archive: Path) -> None:
    (table,) = plan(BEDS, archive, show_changes=9).tables

    (change,) = [change for change in table.changes if change.key == "5"]
    assert change.changed_columns == ("name",)
    assert (change.before["name"], change.after["name"]) == ("", None)


# Empty tables and archives


@pytest.mark.parametrize(
    ("mode", "counts", "left"),
    [
        (Mode.UPSERT, Counts(kept=6), LIVE),
        (Mode.INSERT, Counts(kept=6), LIVE),
        (Mode.MIRROR, Counts(delete=6), []),
    ],
)
def test_archive_of_an_empty_table(
    archive: Path, tmp_path: Path, mode: Mode, counts: Counts, left: list[tuple[int, str | None]]
) -> None:
    run_sql("DELETE FROM beds_")
    empty = backup(BEDS, tmp_path, "empty.hms-backup")
    fill("beds_", LIVE)

    planned = plan(BEDS, empty, mode=mode)
    restore(BEDS, empty, mode=mode)

    assert planned.counts == counts
    assert query("SELECT id, name FROM beds_ ORDER BY id") == left


@pytest.mark.parametrize("mode", list(Mode))
def test_restore_into_an_empty_table(archive: Path, mode: Mode) -> None:
    run_sql("DELETE FROM beds_")

    done = restore(BEDS, archive, mode=mode)

    assert done.counts == Counts(insert=5)
    assert query("SELECT id, name FROM beds_ ORDER BY id") == ARCHIVED


@pytest.mark.parametrize("mode", list(Mode))
def test_archive_without_any_table_changes_nothing(archive: Path, mode: Mode) -> None:
    nothing = rewritten(archive, order=lambda names: names[:0])
    before = snapshot("beds_")

    planned = plan(BEDS, nothing, mode=mode)
    done = restore(BEDS, nothing, mode=mode, expected_digest=planned.digest)

    assert done.counts == Counts()
    assert [(each.code, each.table, each.severity) for each in planned.problems] == [
        ("table_not_in_archive", "beds_", Severity.WARNING)
    ]
    assert snapshot("beds_") == before


def test_subsystem_without_tables_is_backed_up_and_restored(tmp_path: Path) -> None:
    nothing = adhoc_scope()

    result = exported(nothing, tmp_path)
    done = restore(nothing, result.path, mode=Mode.MIRROR)

    assert result.rows == 0
    assert done.counts == Counts()


# Some of the tables


@pytest.fixture
def department(make_table: MakeTable) -> Scope:
    for name in ("one", "two", "three"):
        make_table(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT)")
        fill(name, [(1, "a"), (2, "b")])
    return adhoc_department(
        adhoc_subsystem("one", "two", id="FIRST"), adhoc_subsystem("three", id="SECOND")
    )


def damage_all() -> None:
    for name in ("one", "two", "three"):
        run_sql(f"UPDATE {name} SET name = 'x'; DELETE FROM {name} WHERE id = 1")


@pytest.mark.parametrize(
    ("options", "restored"),
    [
        ({}, {"one", "two", "three"}),
        ({"tables": ("two",)}, {"two"}),
        ({"tables": ("three", "one")}, {"one", "three"}),
        ({"only": "FIRST"}, {"one", "two"}),
        ({"only": "second"}, {"three"}),
        ({"only": "first", "tables": ("two",)}, {"two"}),
    ],
)
def test_only_the_chosen_tables_are_restored(
    department: Scope, tmp_path: Path, options: dict[str, object], restored: set[str]
) -> None:
    before = snapshot("one", "two", "three")
    path = backup(department, tmp_path)
    damage_all()
    damaged = snapshot("one", "two", "three")

    planned = plan(department, path, mode=Mode.MIRROR, **options)
    restore(department, path, mode=Mode.MIRROR, expected_digest=planned.digest, **options)

    assert {each.table for each in planned.tables} == restored
    assert planned.counts == Counts(insert=len(restored), update=len(restored))
    assert snapshot("one", "two", "three") == {
        name: before[name] if name in restored else damaged[name] for name in before
    }


@pytest.mark.parametrize(
    "options",
    [
        {"tables": ("nine",)},
        {"tables": ("one", 'one"; DROP TABLE one; --')},
        {"tables": ("three",), "only": "FIRST"},
        {"tables": ("users",)},
        {"only": "THIRD"},
        {"only": ""},
    ],
)
def test_unknown_table_or_subsystem_is_refused(
    department: Scope, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = backup(department, tmp_path)
    damage_all()
    before = snapshot("one", "two", "three")

    with pytest.raises(UnknownScope):
        plan(department, path, **options)
    with pytest.raises(UnknownScope):
        restore(department, path, **options)

    assert snapshot("one", "two", "three") == before


def test_table_added_to_the_subsystem_since_the_backup_stays_as_it_is(
    department: Scope, tmp_path: Path
) -> None:
    path = backup(adhoc_scope("one", "two", id="FIRST"), tmp_path)
    damage_all()
    damaged = snapshot("three")

    larger = adhoc_scope("three", "two", "one", id="FIRST")
    planned = plan(larger, path, mode=Mode.MIRROR)
    restore(larger, path, mode=Mode.MIRROR)

    assert [(each.code, each.table) for each in planned.problems] == [
        ("table_not_in_archive", "three")
    ]
    assert snapshot("three") == damaged
    assert query("SELECT name FROM two ORDER BY id") == [("a",), ("b",)]


def test_one_subsystem_of_a_department_is_restored_from_the_hospitals_backup(
    hospital: dict[str, int], tmp_path: Path
) -> None:
    scope = registry.department("HR")
    before = snapshot()
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM onboarding; UPDATE applicants SET phone = 'x'")
    run_sql("UPDATE payroll_records SET status = 'x'")

    done = restore(scope, path, only="hr1")

    assert {each.table for each in done.tables} == set(registry.subsystem("HR1").tables)
    assert done.counts.insert == hospital["onboarding"]
    assert done.counts.update == hospital["applicants"]
    after = snapshot()
    assert {name for name in before if before[name] != after[name]} == {"payroll_records"}


def test_blocking_problem_in_one_table_stops_all_of_them(department: Scope, tmp_path: Path) -> None:
    path = rewritten(
        backup(department, tmp_path), rows={"three": lambda rows: [*rows, {"id": 1, "name": "z"}]}
    )
    damage_all()
    before = snapshot("one", "two", "three")

    with pytest.raises(PlanRefused):
        restore(department, path)

    assert snapshot("one", "two", "three") == before
