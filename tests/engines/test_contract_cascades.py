"""Rows outside a restore that its deletions would take along, change, or be stopped by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hms_backup.exceptions import PlanOutdated, PlanRefused
from hms_backup.plan import Counts, Mode, Severity, SideEffect
from hms_backup.registry import registry
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore, undo
from tests.support import add_reference, adhoc_scope, copy_row, query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = frozenset({"cascade_outside"})
PATIENTS = adhoc_scope("patients_", id="CARE")


def effects(
    found: tuple[SideEffect, ...],
) -> set[tuple[str, str, str, int]]:
    return {(each.table, each.column, each.on_delete, each.rows) for each in found}


def two_levels(make_table: MakeTable, first: str, second: str) -> None:
    """Patients 1 to 3; visits and bills below them. Patient 3 is new since the backup."""
    make_table(
        f"""
        CREATE TABLE patients_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE visits (id INTEGER PRIMARY KEY,
            patient_id INTEGER DEFAULT 1 REFERENCES patients_ (id) ON DELETE {first});
        CREATE TABLE bills (id INTEGER PRIMARY KEY,
            visit_id INTEGER DEFAULT 11 REFERENCES visits (id) ON DELETE {second});
        INSERT INTO patients_ VALUES (1, 'A'), (2, 'B');
        """
    )


def arrive_later() -> None:
    """Patient 3 with two visits and three bills; patient 1 has a visit and a bill of their own."""
    run_sql(
        "INSERT INTO patients_ VALUES (3, 'C');"
        "INSERT INTO visits VALUES (11, 1), (31, 3), (32, 3);"
        "INSERT INTO bills VALUES (111, 11), (311, 31), (312, 31), (321, 32)"
    )


@pytest.mark.parametrize(
    ("first", "second", "expected", "left"),
    [
        (
            "CASCADE",
            "CASCADE",
            {("visits", "patient_id", "CASCADE", 2), ("bills", "visit_id", "CASCADE", 3)},
            ([(11, 1)], [(111, 11)]),
        ),
        (
            "CASCADE",
            "SET NULL",
            {("visits", "patient_id", "CASCADE", 2), ("bills", "visit_id", "SET NULL", 3)},
            ([(11, 1)], [(111, 11), (311, None), (312, None), (321, None)]),
        ),
        (
            "CASCADE",
            "SET DEFAULT",
            {("visits", "patient_id", "CASCADE", 2), ("bills", "visit_id", "SET DEFAULT", 3)},
            ([(11, 1)], [(111, 11), (311, 11), (312, 11), (321, 11)]),
        ),
        (
            "SET NULL",
            "CASCADE",
            {("visits", "patient_id", "SET NULL", 2)},
            ([(11, 1), (31, None), (32, None)], [(111, 11), (311, 31), (312, 31), (321, 32)]),
        ),
    ],
)
def test_deletion_reaches_outside_only_if_accepted_and_then_as_shown(
    make_table: MakeTable,
    tmp_path: Path,
    first: str,
    second: str,
    expected: set[tuple[str, str, str, int]],
    left: tuple[list[tuple[int, int | None]], ...],
) -> None:
    two_levels(make_table, first, second)
    path = backup(PATIENTS, tmp_path)
    arrive_later()
    before = snapshot("patients_", "visits", "bills")

    planned = plan(PATIENTS, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused) as caught:
        restore(PATIENTS, path, mode=Mode.MIRROR)
    assert snapshot("patients_", "visits", "bills") == before
    restore(PATIENTS, path, mode=Mode.MIRROR, accept=ACCEPTED, expected_digest=planned.digest)

    assert effects(planned.side_effects) == expected
    assert {(each.code, each.severity) for each in planned.problems} == {
        ("cascade_outside", Severity.CONFIRM)
    }
    assert sum(each.count for each in planned.problems) == sum(rows for *_, rows in expected)
    assert caught.value.table == "patients_"
    assert query("SELECT id FROM patients_ ORDER BY id") == [(1,), (2,)]
    assert query("SELECT id, patient_id FROM visits ORDER BY id") == left[0]
    assert query("SELECT id, visit_id FROM bills ORDER BY id") == left[1]


@pytest.mark.parametrize(
    ("first", "second", "stopping"),
    [
        ("NO ACTION", "CASCADE", ("visits", "patient_id", "NO ACTION", 2)),
        ("RESTRICT", "CASCADE", ("visits", "patient_id", "RESTRICT", 2)),
        ("CASCADE", "NO ACTION", ("bills", "visit_id", "NO ACTION", 3)),
        ("CASCADE", "RESTRICT", ("bills", "visit_id", "RESTRICT", 3)),
    ],
)
def test_deletion_that_the_database_would_refuse_is_named_beforehand(
    make_table: MakeTable,
    tmp_path: Path,
    first: str,
    second: str,
    stopping: tuple[str, str, str, int],
) -> None:
    two_levels(make_table, first, second)
    path = backup(PATIENTS, tmp_path)
    arrive_later()
    before = snapshot("patients_", "visits", "bills")

    planned = plan(PATIENTS, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(PATIENTS, path, mode=Mode.MIRROR, accept=ACCEPTED)

    assert stopping in effects(planned.side_effects)
    assert [(each.code, each.table, each.count) for each in planned.blocking] == [
        ("still_referenced", "patients_", stopping[-1])
    ]
    assert snapshot("patients_", "visits", "bills") == before
    assert not plan(PATIENTS, path).problems


def test_deleting_a_patient_shows_the_medical_records_of_another_subsystem(
    hospital: dict[str, int], tmp_path: Path
) -> None:
    scope = registry.subsystem("CT1")
    path = backup(scope, tmp_path)
    ((record, patient),) = query(
        "SELECT id, patient_id FROM medical_records WHERE patient_id IS NOT NULL "
        "ORDER BY id LIMIT 1"
    )
    copy_row("patients", patient, 9001, patient_id_alt=None)
    copy_row("medical_records", record, 9001, patient_id=9001)
    copy_row("medical_records", record, 9002, patient_id=9001)
    before = snapshot()

    planned = plan(scope, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(scope, path, mode=Mode.MIRROR)

    assert ("medical_records", "patient_id", "CASCADE", 2) in effects(planned.side_effects)
    assert snapshot() == before


def test_rows_reached_twice_are_counted_once(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE patients_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE letters (id INTEGER PRIMARY KEY,
            author_id INTEGER REFERENCES patients_ (id) ON DELETE CASCADE,
            reader_id INTEGER REFERENCES patients_ (id) ON DELETE CASCADE,
            answer_to INTEGER REFERENCES letters (id) ON DELETE CASCADE,
            copy_of INTEGER REFERENCES letters (id) ON DELETE SET NULL);
        INSERT INTO patients_ VALUES (1, 'A');
        """
    )
    path = backup(PATIENTS, tmp_path)
    run_sql(
        "INSERT INTO patients_ VALUES (2, 'B'), (3, 'C');"
        "INSERT INTO letters VALUES (1, 2, 3, NULL, NULL);"
        "INSERT INTO letters VALUES (2, 1, 1, 1, NULL);"
        "INSERT INTO letters VALUES (3, 1, 1, 2, NULL);"
        "INSERT INTO letters VALUES (4, 1, 1, 3, 1);"
        "INSERT INTO letters VALUES (5, 1, 1, NULL, 4);"
        "INSERT INTO letters VALUES (6, 1, 1, NULL, NULL)"
    )

    planned = plan(PATIENTS, path, mode=Mode.MIRROR)
    restore(PATIENTS, path, mode=Mode.MIRROR, accept=ACCEPTED)

    by_rule = {"CASCADE": 0, "SET NULL": 0}
    for effect in planned.side_effects:
        by_rule[effect.on_delete] += effect.rows
    assert by_rule == {"CASCADE": 4, "SET NULL": 1}
    assert query("SELECT id, copy_of FROM letters ORDER BY id") == [(5, None), (6, None)]


def test_cascade_that_comes_back_to_rows_of_the_backup_is_refused(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE patients_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE visits (id INTEGER PRIMARY KEY,
            patient_id INTEGER REFERENCES patients_ (id) ON DELETE CASCADE);
        CREATE TABLE bills (id INTEGER PRIMARY KEY,
            visit_id INTEGER REFERENCES visits (id) ON DELETE CASCADE);
        INSERT INTO patients_ VALUES (1, 'A'), (3, 'C'); INSERT INTO visits VALUES (31, 3);
        INSERT INTO bills VALUES (311, 31);
        """
    )
    scope = adhoc_scope("bills", "patients_", id="CARE")
    run_sql("UPDATE visits SET patient_id = 1")
    run_sql("DELETE FROM patients_ WHERE id = 3")
    path = backup(scope, tmp_path)
    run_sql("INSERT INTO patients_ VALUES (3, 'C'); UPDATE visits SET patient_id = 3")
    before = snapshot("patients_", "visits", "bills")

    planned = plan(scope, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(scope, path, mode=Mode.MIRROR, accept=ACCEPTED)

    assert {(each.code, each.severity) for each in planned.problems} == {
        ("cascade_outside", Severity.CONFIRM),
        ("cascade_inside", Severity.BLOCKING),
    }
    assert snapshot("patients_", "visits", "bills") == before


def test_deletion_never_reaches_a_protected_table(
    make_table: MakeTable, tmp_path: Path, settings: Settings
) -> None:
    two_levels(make_table, "CASCADE", "CASCADE")
    path = backup(PATIENTS, tmp_path)
    arrive_later()
    settings.HMS_BACKUP = {"PROTECTED_TABLES": ["bills"]}
    before = snapshot("patients_", "visits", "bills")

    with pytest.raises(PlanRefused) as caught:
        restore(PATIENTS, path, mode=Mode.MIRROR, accept=ACCEPTED)

    assert caught.value.plan is not None
    assert [each.code for each in caught.value.plan.blocking] == ["cascade_protected"]
    assert snapshot("patients_", "visits", "bills") == before


def test_digest_covers_the_rows_outside_that_would_be_lost(
    make_table: MakeTable, tmp_path: Path
) -> None:
    two_levels(make_table, "CASCADE", "CASCADE")
    path = backup(PATIENTS, tmp_path)
    arrive_later()
    planned = plan(PATIENTS, path, mode=Mode.MIRROR)
    run_sql("INSERT INTO bills VALUES (322, 32)")
    before = snapshot("patients_", "visits", "bills")

    with pytest.raises(PlanOutdated):
        restore(PATIENTS, path, mode=Mode.MIRROR, accept=ACCEPTED, expected_digest=planned.digest)

    assert snapshot("patients_", "visits", "bills") == before


def test_table_of_the_scope_that_is_not_restored_counts_as_outside(
    make_table: MakeTable, tmp_path: Path
) -> None:
    two_levels(make_table, "CASCADE", "CASCADE")
    scope = adhoc_scope("bills", "visits", "patients_", id="CARE")
    path = backup(scope, tmp_path)
    arrive_later()

    partly = plan(scope, path, mode=Mode.MIRROR, tables=("patients_",))
    wholly = plan(scope, path, mode=Mode.MIRROR)

    assert effects(partly.side_effects) == {
        ("visits", "patient_id", "CASCADE", 2),
        ("bills", "visit_id", "CASCADE", 3),
    }
    assert wholly.side_effects == ()
    assert wholly.counts == Counts(unchanged=2, delete=8)


def test_reference_added_since_the_backup_is_not_cascaded_away(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE patients_ (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE visits (id INTEGER PRIMARY KEY);
        INSERT INTO patients_ VALUES (1, 'A'); INSERT INTO visits VALUES (11), (12);
        """
    )
    scope = adhoc_scope("patients_", "visits", id="CARE")
    path = backup(scope, tmp_path)
    run_sql(
        "ALTER TABLE visits ADD COLUMN patient_id INTEGER "
        "REFERENCES patients_ (id) ON DELETE CASCADE"
    )
    run_sql("INSERT INTO patients_ VALUES (3, 'C'); UPDATE visits SET patient_id = 3 WHERE id = 12")
    before = snapshot("patients_", "visits")

    planned = plan(scope, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(scope, path, mode=Mode.MIRROR, accept=ACCEPTED)

    assert [(each.code, each.count) for each in planned.blocking] == [("cascade_inside", 1)]
    assert snapshot("patients_", "visits") == before


def test_deletions_inside_the_scope_need_no_confirmation(
    make_table: MakeTable, tmp_path: Path
) -> None:
    two_levels(make_table, "CASCADE", "SET NULL")
    scope = adhoc_scope("patients_", "visits", "bills", id="CARE")
    run_sql("INSERT INTO visits VALUES (11, 1); INSERT INTO bills VALUES (111, 11)")

    planned = undo(
        scope,
        tmp_path,
        "INSERT INTO patients_ VALUES (3, 'C'); INSERT INTO visits VALUES (31, 3);"
        "INSERT INTO bills VALUES (311, 31); UPDATE bills SET visit_id = 31 WHERE id = 111",
    )

    assert planned.counts == Counts(update=1, unchanged=3, delete=3)
    assert not planned.problems


def test_cycle_with_a_cascade_is_deleted_as_planned(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE wards (id INTEGER PRIMARY KEY, head_id INTEGER);
        CREATE TABLE nurses (id INTEGER PRIMARY KEY,
            ward_id INTEGER NOT NULL REFERENCES wards (id) ON DELETE CASCADE);
        """
    )
    add_reference("wards", "head_id", "nurses (id) ON DELETE SET NULL")
    run_sql("INSERT INTO wards (id) VALUES (1); INSERT INTO nurses VALUES (11, 1)")
    run_sql("UPDATE wards SET head_id = 11")

    planned = undo(
        adhoc_scope("wards", "nurses"),
        tmp_path,
        "INSERT INTO wards (id) VALUES (2); INSERT INTO nurses VALUES (12, 2), (13, 1);"
        "UPDATE wards SET head_id = 12",
    )

    assert planned.counts == Counts(update=1, unchanged=1, delete=3)
