"""Rows outside a restore that refer to a value which the restore changes, however far away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hms_backup.exceptions import PlanRefused
from hms_backup.plan import Mode, Severity, SideEffect
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = frozenset({"cascade_outside"})
WARDS = adhoc_scope("wards_", id="CARE")
TABLES = ("wards_", "rooms_", "cots_")
THREE_LEVELS = """
    CREATE TABLE wards_ (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE);
    CREATE TABLE rooms_ (id INTEGER PRIMARY KEY,
        ward VARCHAR(9) UNIQUE REFERENCES wards_ (code) {first});
    CREATE TABLE cots_ (id INTEGER PRIMARY KEY,
        room VARCHAR(9) REFERENCES rooms_ (ward) {second});
    INSERT INTO wards_ VALUES (1, 'A'), (2, 'B');
"""


def effects(found: tuple[SideEffect, ...]) -> set[tuple[str, str, str, str, int]]:
    return {(each.table, each.column, each.event, each.on_delete, each.rows) for each in found}


@pytest.mark.parametrize(
    ("second", "left"), [("ON UPDATE CASCADE", [(100, "A")]), ("ON UPDATE SET NULL", [(100, None)])]
)
def test_changed_value_that_cascades_on_is_shown_to_its_end(
    make_table: MakeTable, tmp_path: Path, second: str, left: list[tuple[int, str | None]]
) -> None:
    make_table(THREE_LEVELS.format(first="ON UPDATE CASCADE", second=second))
    path = backup(WARDS, tmp_path)
    run_sql("UPDATE wards_ SET code = 'X' WHERE id = 1")
    run_sql("INSERT INTO rooms_ VALUES (10, 'X'), (20, 'B'); INSERT INTO cots_ VALUES (100, 'X')")
    before = snapshot(*TABLES)

    planned = plan(WARDS, path)
    with pytest.raises(PlanRefused):
        restore(WARDS, path)
    assert snapshot(*TABLES) == before
    restore(WARDS, path, accept=ACCEPTED, expected_digest=planned.digest)

    assert effects(planned.side_effects) == {
        ("rooms_", "ward", "UPDATE", "CASCADE", 1),
        ("cots_", "room", "UPDATE", second.removeprefix("ON UPDATE "), 1),
    }
    assert query("SELECT id, ward FROM rooms_ ORDER BY id") == [(10, "A"), (20, "B")]
    assert query("SELECT id, room FROM cots_") == left


def test_changed_value_that_the_database_would_refuse_further_on_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(THREE_LEVELS.format(first="ON UPDATE CASCADE", second="ON UPDATE RESTRICT"))
    path = backup(WARDS, tmp_path)
    run_sql("UPDATE wards_ SET code = 'X' WHERE id = 1")
    run_sql("INSERT INTO rooms_ VALUES (10, 'X'); INSERT INTO cots_ VALUES (100, 'X')")
    before = snapshot(*TABLES)

    with pytest.raises(PlanRefused) as caught:
        restore(WARDS, path, accept=ACCEPTED)

    assert caught.value.plan is not None
    assert [each.code for each in caught.value.plan.blocking] == ["still_referenced"]
    assert snapshot(*TABLES) == before


def test_changed_value_never_cascades_on_into_a_protected_table(
    make_table: MakeTable, tmp_path: Path, settings: Settings
) -> None:
    make_table(THREE_LEVELS.format(first="ON UPDATE CASCADE", second="ON UPDATE CASCADE"))
    path = backup(WARDS, tmp_path)
    run_sql("UPDATE wards_ SET code = 'X' WHERE id = 1")
    run_sql("INSERT INTO rooms_ VALUES (10, 'X'); INSERT INTO cots_ VALUES (100, 'X')")
    settings.HMS_BACKUP = {"PROTECTED_TABLES": ["cots_"]}
    before = snapshot(*TABLES)

    with pytest.raises(PlanRefused) as caught:
        restore(WARDS, path, accept=ACCEPTED)

    assert caught.value.plan is not None
    assert [each.code for each in caught.value.plan.blocking] == ["cascade_protected"]
    assert snapshot(*TABLES) == before


def test_reference_emptied_by_a_deletion_is_followed_to_those_that_refer_to_it(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(THREE_LEVELS.format(first="ON DELETE SET NULL", second="ON UPDATE CASCADE"))
    path = backup(WARDS, tmp_path)
    run_sql("INSERT INTO wards_ VALUES (3, 'C')")
    run_sql("INSERT INTO rooms_ VALUES (30, 'C'); INSERT INTO cots_ VALUES (300, 'C')")
    before = snapshot(*TABLES)

    planned = plan(WARDS, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(WARDS, path, mode=Mode.MIRROR)
    assert snapshot(*TABLES) == before
    restore(WARDS, path, mode=Mode.MIRROR, accept=ACCEPTED, expected_digest=planned.digest)

    assert effects(planned.side_effects) == {
        ("rooms_", "ward", "DELETE", "SET NULL", 1),
        ("cots_", "room", "UPDATE", "CASCADE", 1),
    }
    assert query("SELECT id, ward FROM rooms_") == [(30, None)]
    assert query("SELECT id, room FROM cots_") == [(300, None)]


def test_values_that_refer_to_each_other_in_a_circle_are_followed_once(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE);
        CREATE TABLE rooms_ (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE
            REFERENCES wards_ (code) ON UPDATE CASCADE
            REFERENCES rooms_ (code) ON UPDATE CASCADE);
        INSERT INTO wards_ VALUES (1, 'A');
        """
    )
    path = backup(WARDS, tmp_path)
    run_sql("UPDATE wards_ SET code = 'X'")
    run_sql("INSERT INTO rooms_ VALUES (10, 'X')")

    planned = plan(WARDS, path)

    assert ("rooms_", "code", "UPDATE", "CASCADE", 1) in effects(planned.side_effects)
    assert {each.severity for each in planned.problems} == {Severity.CONFIRM}


def test_computed_value_that_cascades_is_shown(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY, name VARCHAR(9),
            code VARCHAR(9) GENERATED ALWAYS AS (upper(name)) STORED UNIQUE);
        CREATE TABLE rooms_ (id INTEGER PRIMARY KEY,
            code VARCHAR(9) REFERENCES wards_ (code) ON UPDATE CASCADE);
        INSERT INTO wards_ VALUES (1, 'a');
        """
    )
    path = backup(WARDS, tmp_path)
    run_sql("UPDATE wards_ SET name = 'x'; INSERT INTO rooms_ VALUES (10, 'X')")

    planned = plan(WARDS, path)
    with pytest.raises(PlanRefused):
        restore(WARDS, path)
    assert query("SELECT code FROM rooms_") == [("X",)]
    restore(WARDS, path, accept=ACCEPTED)

    assert effects(planned.side_effects) == {("rooms_", "code", "UPDATE", "CASCADE", 1)}
    assert query("SELECT code FROM rooms_") == [("A",)]
