"""Keys that a restore writes anew though they compare as equal: 1.00 for 1.0.

PostgreSQL lets references act on any key whose bytes change: ON UPDATE CASCADE carries the new
spelling to every row that refers to it, and SET NULL empties them (ri_triggers.c, ri_KeysEqual).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hms_backup.exceptions import PlanRefused
from hms_backup.plan import Counts
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore, undo
from tests.support import adhoc_scope, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

ACCEPTED = frozenset({"cascade_outside"})
WARDS = adhoc_scope("wards_", id="CARE")
KEYS = {
    "primary": "CREATE TABLE wards_ (id numeric PRIMARY KEY, name text)",
    "unique": "CREATE TABLE wards_ (name text PRIMARY KEY, id numeric UNIQUE)",
}
BEDS = "CREATE TABLE beds_ (key integer PRIMARY KEY, ward numeric REFERENCES wards_ (id) {action})"


def make_wards(make_table: MakeTable, key: str, action: str) -> None:
    """Ward 1.0, of which the live database says 1.00 since the backup; a bed refers to it."""
    make_table(f"{KEYS[key]}; {BEDS.format(action=action)}")
    run_sql("INSERT INTO wards_ (id, name) VALUES (1.0, 'A'), (2, 'B')")


def respell() -> None:
    run_sql("UPDATE wards_ SET id = 1.00 WHERE name = 'A'; INSERT INTO beds_ VALUES (7, 1.00)")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("action", "left"), [("CASCADE", "1.0"), ("SET NULL", None), ("SET DEFAULT", None)]
)
def test_key_spelt_anew_reaches_rows_outside_only_if_accepted(
    make_table: MakeTable, tmp_path: Path, key: str, action: str, left: str | None
) -> None:
    make_wards(make_table, key, f"ON UPDATE {action}")
    path = backup(WARDS, tmp_path)
    respell()
    before = snapshot("wards_", "beds_")

    planned = plan(WARDS, path)
    with pytest.raises(PlanRefused):
        restore(WARDS, path)
    assert snapshot("wards_", "beds_") == before
    restore(WARDS, path, accept=ACCEPTED, expected_digest=planned.digest)

    assert [
        (each.table, each.column, each.event, each.on_delete, each.rows)
        for each in planned.side_effects
    ] == [("beds_", "ward", "UPDATE", action, 1)]
    assert snapshot("beds_") == {"beds_": [("7", left)]}


@pytest.mark.parametrize("key", KEYS)
def test_key_spelt_anew_never_reaches_a_protected_table(
    make_table: MakeTable, tmp_path: Path, settings: Settings, key: str
) -> None:
    make_wards(make_table, key, "ON UPDATE CASCADE")
    path = backup(WARDS, tmp_path)
    respell()
    settings.HMS_BACKUP = {"PROTECTED_TABLES": ["beds_"]}
    before = snapshot("wards_", "beds_")

    with pytest.raises(PlanRefused) as caught:
        restore(WARDS, path, accept=ACCEPTED)

    assert caught.value.plan is not None
    assert [each.code for each in caught.value.plan.blocking] == ["cascade_protected"]
    assert snapshot("wards_", "beds_") == before


@pytest.mark.parametrize("key", KEYS)
def test_key_spelt_anew_minds_no_reference_that_only_checks(
    make_table: MakeTable, tmp_path: Path, key: str
) -> None:
    make_wards(make_table, key, "")
    path = backup(WARDS, tmp_path)
    respell()

    assert not plan(WARDS, path).problems
    restore(WARDS, path)

    assert snapshot("beds_") == {"beds_": [("7", "1.00")]}
    assert plan(WARDS, path).counts == Counts(unchanged=2)


@pytest.mark.parametrize("key", KEYS)
def test_key_spelt_anew_that_the_database_would_refuse_is_named(
    make_table: MakeTable, tmp_path: Path, key: str
) -> None:
    make_wards(make_table, key, "ON UPDATE RESTRICT")
    path = backup(WARDS, tmp_path)
    respell()
    before = snapshot("wards_", "beds_")

    with pytest.raises(PlanRefused) as caught:
        restore(WARDS, path)

    assert caught.value.plan is not None
    assert [each.code for each in caught.value.plan.blocking] == ["still_referenced"]
    assert snapshot("wards_", "beds_") == before


def test_rows_inside_that_are_spelt_anew_with_their_key_need_no_confirmation(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_wards(make_table, "primary", "ON UPDATE CASCADE")
    run_sql("INSERT INTO beds_ VALUES (1, 1.0)")

    planned = undo(
        adhoc_scope("wards_", "beds_"), tmp_path, "UPDATE wards_ SET id = 1.00 WHERE name = 'A'"
    )

    assert planned.counts == Counts(update=2, unchanged=1)
    assert not planned.problems


def test_kept_row_of_a_restored_table_is_not_spelt_anew_unless_accepted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_wards(make_table, "primary", "ON UPDATE SET NULL")
    scope = adhoc_scope("wards_", "beds_")
    path = backup(scope, tmp_path)
    respell()
    before = snapshot("wards_", "beds_")

    with pytest.raises(PlanRefused):
        restore(scope, path)

    assert snapshot("wards_", "beds_") == before
