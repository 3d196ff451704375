"""References between the rows of a backup, and out of it: order, trees, cycles, missing rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hms_backup.engines import get_engine
from hms_backup.exceptions import ConstraintViolated, PlanRefused
from hms_backup.ordering import dependency_order
from hms_backup.plan import Counts, Mode, Severity
from hms_backup.registry import Scope, registry
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore, undo
from tests.support import (
    add_reference,
    adhoc_scope,
    delete_unchecked,
    query,
    run_sql,
    snapshot,
)
from tests.tampering import rewritten

pytestmark = pytest.mark.django_db(transaction=True)

WARDS = """
    CREATE TABLE wards (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, ward_id INTEGER NOT NULL REFERENCES wards (id));
    CREATE TABLE cots (id INTEGER PRIMARY KEY, room_id INTEGER NOT NULL REFERENCES rooms (id),
                       ward_id INTEGER REFERENCES wards (id));
    INSERT INTO wards VALUES (1, 'A'), (2, 'B');
    INSERT INTO rooms VALUES (10, 1), (20, 2);
    INSERT INTO cots VALUES (100, 10, 1), (200, 20, NULL);
"""
EMPTY_WARDS = "DELETE FROM cots; DELETE FROM rooms; DELETE FROM wards;"


# Order


@pytest.mark.parametrize(
    "tables", [("cots", "rooms", "wards"), ("rooms", "cots", "wards"), ("wards", "rooms", "cots")]
)
def test_parents_are_written_first_whatever_order_they_are_registered_in(
    make_table: MakeTable, tmp_path: Path, tables: tuple[str, ...]
) -> None:
    make_table(WARDS)

    planned = undo(adhoc_scope(*tables), tmp_path, EMPTY_WARDS)

    assert [each.table for each in planned.tables] == ["wards", "rooms", "cots"]
    assert planned.counts == Counts(insert=6)


def test_order_of_an_archives_members_does_not_matter(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(WARDS)
    scope = adhoc_scope("wards", "rooms", "cots")
    before = snapshot(*scope.tables)
    path = rewritten(backup(scope, tmp_path), order=lambda names: names[::-1])
    run_sql(EMPTY_WARDS)

    restore(scope, path)

    assert snapshot(*scope.tables) == before


def test_children_are_deleted_first(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(WARDS)
    scope = adhoc_scope("wards", "rooms", "cots")
    run_sql(EMPTY_WARDS)

    planned = undo(
        scope,
        tmp_path,
        "INSERT INTO wards VALUES (3, 'C'); INSERT INTO rooms VALUES (30, 3);"
        "INSERT INTO cots VALUES (300, 30, 3)",
    )

    assert planned.counts == Counts(delete=3)


def test_row_moves_to_another_parent_while_its_parent_is_deleted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(WARDS)

    planned = undo(
        adhoc_scope("wards", "rooms", "cots"),
        tmp_path,
        "INSERT INTO wards VALUES (3, 'C'); UPDATE rooms SET ward_id = 3 WHERE id = 10",
    )

    assert planned.counts == Counts(update=1, unchanged=5, delete=1)
    assert not planned.problems


def test_row_moves_to_a_new_parent_while_its_parent_goes(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE wards (id INTEGER PRIMARY KEY);
        CREATE TABLE rooms (id INTEGER PRIMARY KEY,
                            ward_id INTEGER NOT NULL REFERENCES wards (id) ON DELETE CASCADE);
        INSERT INTO wards VALUES (1); INSERT INTO rooms VALUES (10, 1);
        """
    )

    planned = undo(
        adhoc_scope("rooms", "wards"),
        tmp_path,
        "INSERT INTO wards VALUES (2); UPDATE rooms SET ward_id = 2;DELETE FROM wards WHERE id = 1",
    )

    assert planned.counts == Counts(insert=1, update=1, delete=1)
    assert not planned.problems


def test_whole_hospital_is_restored_from_nothing(hospital: dict[str, int], tmp_path: Path) -> None:
    before = snapshot()
    scopes = [
        registry.department(name) for name in ("CORE_TRANSACTION", "HR", "LOGISTICS", "FINANCIALS")
    ]
    paths = [backup(scope, tmp_path, f"{scope.id}.hms-backup") for scope in scopes]
    run_sql(";".join(f"DELETE FROM {name}" for name in deletion_order(scopes)))

    counts = [restore(scope, path) for scope, path in zip(scopes, paths, strict=True)]

    assert snapshot() == before
    assert sum(done.counts.insert for done in counts) == sum(
        hospital[table] for scope in scopes for table in scope.tables
    )


def deletion_order(scopes: list[Scope]) -> list[str]:
    tables = [table for scope in scopes for table in scope.tables]
    described = get_engine("default").inspect(tables)
    return list(dependency_order(described).tables)[::-1]


# Trees


TREE = """
    CREATE TABLE units (id INTEGER PRIMARY KEY, name TEXT, parent_id INTEGER REFERENCES units (id));
    INSERT INTO units VALUES (9, 'root', NULL);
    INSERT INTO units VALUES (5, 'branch', 9), (2, 'other branch', 9);
    INSERT INTO units VALUES (1, 'leaf', 5);
"""


def test_tree_is_restored_whose_parents_have_higher_keys(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(TREE)

    planned = undo(
        adhoc_scope("units"),
        tmp_path,
        "UPDATE units SET parent_id = NULL; DELETE FROM units",
    )

    assert planned.counts == Counts(insert=4)


def test_subtree_is_deleted(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(TREE)

    planned = undo(
        adhoc_scope("units"),
        tmp_path,
        "INSERT INTO units VALUES (3, 'new', 1); INSERT INTO units VALUES (4, 'newer', 3);"
        "INSERT INTO units VALUES (8, 'newest', 4)",
    )

    assert planned.counts == Counts(unchanged=4, delete=3)
    assert not planned.problems


def test_tree_is_turned_upside_down(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(TREE)

    planned = undo(
        adhoc_scope("units"),
        tmp_path,
        """
        UPDATE units SET parent_id = NULL;
        UPDATE units SET parent_id = 1 WHERE id = 5;
        UPDATE units SET parent_id = 5 WHERE id = 9;
        DELETE FROM units WHERE id = 2;
        INSERT INTO units VALUES (7, 'intruder', NULL);
        UPDATE units SET parent_id = 7 WHERE id = 1;
        """,
    )

    assert planned.counts == Counts(insert=1, update=3, delete=1)


# Cycles


PAIR = """
    CREATE TABLE wards (id INTEGER PRIMARY KEY, name TEXT, head_id INTEGER);
    CREATE TABLE nurses (id INTEGER PRIMARY KEY, ward_id INTEGER NOT NULL REFERENCES wards (id));
"""
CLOSED_PAIR = """
    INSERT INTO wards (id, name) VALUES (1, 'A'), (2, 'B');
    INSERT INTO nurses VALUES (11, 1), (12, 2);
    UPDATE wards SET head_id = id + 10;
"""


@pytest.fixture
def pair(make_table: MakeTable) -> None:
    make_table(PAIR)
    add_reference("wards", "head_id", "nurses (id)")
    run_sql(CLOSED_PAIR)


def test_cycle_of_two_tables_is_inserted(pair: None, tmp_path: Path) -> None:
    planned = undo(
        adhoc_scope("wards", "nurses"),
        tmp_path,
        "UPDATE wards SET head_id = NULL; DELETE FROM nurses; DELETE FROM wards",
    )

    assert planned.counts == Counts(insert=4)


def test_cycle_of_two_tables_is_deleted(pair: None, tmp_path: Path) -> None:
    planned = undo(
        adhoc_scope("wards", "nurses"),
        tmp_path,
        "INSERT INTO wards (id) VALUES (3); INSERT INTO nurses VALUES (13, 3);"
        "UPDATE wards SET head_id = 13 WHERE id = 3",
    )

    assert planned.counts == Counts(unchanged=4, delete=2)
    assert not planned.problems


def test_rows_of_a_cycle_exchange_their_partners(pair: None, tmp_path: Path) -> None:
    planned = undo(
        adhoc_scope("nurses", "wards"),
        tmp_path,
        "UPDATE wards SET head_id = CASE id WHEN 1 THEN 12 ELSE 11 END;"
        "UPDATE nurses SET ward_id = CASE id WHEN 11 THEN 2 ELSE 1 END",
    )

    assert planned.counts == Counts(update=4)


def test_new_row_of_a_cycle_takes_over_from_one_that_goes(pair: None, tmp_path: Path) -> None:
    planned = undo(
        adhoc_scope("wards", "nurses"),
        tmp_path,
        "INSERT INTO nurses VALUES (13, 1); UPDATE wards SET head_id = 13 WHERE id = 1;"
        "DELETE FROM nurses WHERE id = 11",
    )

    assert planned.counts == Counts(insert=1, update=1, unchanged=2, delete=1)


def test_cycle_of_three_tables_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY, c_id INTEGER);
        CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER NOT NULL REFERENCES a (id));
        CREATE TABLE c (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL REFERENCES b (id));
        """
    )
    add_reference("a", "c_id", "c (id)")
    run_sql(
        "INSERT INTO a (id) VALUES (1); INSERT INTO b VALUES (2, 1); INSERT INTO c VALUES (3, 2);"
        "UPDATE a SET c_id = 3"
    )
    scope = adhoc_scope("c", "b", "a")

    emptied = undo(
        scope, tmp_path, "UPDATE a SET c_id = NULL; DELETE FROM c; DELETE FROM b; DELETE FROM a"
    )
    filled = undo(
        scope,
        tmp_path,
        "INSERT INTO a (id) VALUES (4); INSERT INTO b VALUES (5, 4); INSERT INTO c VALUES (6, 5);"
        "UPDATE a SET c_id = 6",
    )

    assert emptied.counts == Counts(insert=3)
    assert filled.counts == Counts(update=1, unchanged=2, delete=3)


def test_cycle_of_deferrable_references_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    deferrable = "DEFERRABLE INITIALLY DEFERRED"
    make_table(
        f"""
        CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL);
        CREATE TABLE b (id INTEGER PRIMARY KEY,
                        a_id INTEGER NOT NULL REFERENCES a (id) {deferrable});
        """
    )
    add_reference("a", "b_id", f"b (id) {deferrable}")
    run_sql("BEGIN; INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 1); COMMIT")

    planned = undo(
        adhoc_scope("a", "b"),
        tmp_path,
        "BEGIN; DELETE FROM a; DELETE FROM b;"
        "INSERT INTO a VALUES (3, 4); INSERT INTO b VALUES (4, 3); COMMIT",
    )

    assert planned.counts == Counts(insert=2, delete=2)
    assert not planned.problems


# References over several columns, and to unique keys


VISITS = """
    CREATE TABLE visits (site INTEGER, number INTEGER, PRIMARY KEY (site, number));
    CREATE TABLE bills (id INTEGER PRIMARY KEY, site INTEGER NOT NULL, number INTEGER,
                        FOREIGN KEY (site, number) REFERENCES visits (site, number));
    INSERT INTO visits VALUES (1, 1), (1, 2), (2, 1);
    INSERT INTO bills VALUES (1, 1, 2), (2, 2, 1), (3, 7, NULL);
"""


def test_reference_over_two_columns_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(VISITS)

    planned = undo(
        adhoc_scope("bills", "visits"),
        tmp_path,
        "DELETE FROM bills WHERE id < 3; DELETE FROM visits WHERE site = 1",
    )

    assert planned.counts == Counts(insert=4, unchanged=2)
    assert not planned.problems


def test_reference_over_two_columns_that_is_missing_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(VISITS)
    scope = adhoc_scope("bills")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM bills; DELETE FROM visits WHERE site = 1 AND number = 2")

    (problem,) = plan(scope, path).problems

    assert (problem.code, problem.table, problem.column) == (
        "reference_missing",
        "bills",
        "site, number",
    )
    assert (problem.rows, problem.count) == (("1",), 1)


CODED = """
    CREATE TABLE drugs (id INTEGER PRIMARY KEY, code VARCHAR(10) NOT NULL UNIQUE);
    CREATE TABLE doses (id INTEGER PRIMARY KEY,
                        code VARCHAR(10) REFERENCES drugs (code){action});
    INSERT INTO drugs VALUES (1, 'ASA'), (2, 'IBU');
    INSERT INTO doses VALUES (11, 'ASA'), (12, 'IBU'), (13, NULL);
"""


def test_reference_to_a_unique_key_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(CODED.format(action=""))

    planned = undo(
        adhoc_scope("doses", "drugs"),
        tmp_path,
        "DELETE FROM doses WHERE id = 11; UPDATE drugs SET code = 'XXX' WHERE id = 1",
    )

    assert planned.counts == Counts(insert=1, update=1, unchanged=3)


def test_reference_to_a_unique_value_that_the_restore_takes_away_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(CODED.format(action=""))
    scope = adhoc_scope("drugs")
    path = backup(scope, tmp_path)
    run_sql("INSERT INTO drugs VALUES (3, 'NEW'); UPDATE drugs SET code = 'PCM' WHERE id = 3")
    run_sql("UPDATE doses SET code = NULL; UPDATE drugs SET code = 'ABC' WHERE id = 1")
    run_sql("UPDATE doses SET code = 'ABC' WHERE id = 11")
    before = snapshot("drugs", "doses")

    planned = plan(scope, path)
    with pytest.raises(PlanRefused):
        restore(scope, path, accept=frozenset({"cascade_outside"}))

    (effect,) = planned.side_effects
    assert (effect.table, effect.event, effect.on_delete, effect.rows) == (
        "doses",
        "UPDATE",
        "NO ACTION",
        1,
    )
    assert [(each.code, each.severity) for each in planned.problems] == [
        ("still_referenced", Severity.BLOCKING)
    ]
    assert snapshot("drugs", "doses") == before


@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.MIRROR])
def test_reference_to_a_unique_value_that_goes_with_this_restore_is_missing(
    make_table: MakeTable, tmp_path: Path, mode: Mode
) -> None:
    make_table(CODED.format(action=""))
    scope = adhoc_scope("drugs", "doses")
    path = rewritten(
        backup(scope, tmp_path), rows={"doses": lambda rows: [*rows, {"id": 14, "code": "NOW"}]}
    )
    run_sql("UPDATE doses SET code = NULL; UPDATE drugs SET code = 'NOW' WHERE id = 1")
    before = snapshot("drugs", "doses")

    planned = plan(scope, path, mode=mode)
    with pytest.raises(PlanRefused):
        restore(scope, path, mode=mode)

    assert [(each.code, each.table, each.rows) for each in planned.blocking] == [
        ("reference_missing", "doses", ("14",))
    ]
    assert snapshot("drugs", "doses") == before


def test_changed_unique_value_that_cascades_is_shown_and_happens_only_if_accepted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(CODED.format(action=" ON UPDATE CASCADE"))
    scope = adhoc_scope("drugs")
    path = backup(scope, tmp_path)
    run_sql("UPDATE drugs SET code = 'ABC' WHERE id = 1")
    assert query("SELECT code FROM doses WHERE id = 11") == [("ABC",)]

    planned = plan(scope, path)
    with pytest.raises(PlanRefused):
        restore(scope, path)
    assert query("SELECT code FROM doses WHERE id = 11") == [("ABC",)]
    restore(scope, path, accept=frozenset({"cascade_outside"}))

    assert [(each.code, each.count) for each in planned.problems] == [("cascade_outside", 1)]
    assert query("SELECT id, code FROM doses ORDER BY id") == [
        (11, "ASA"),
        (12, "IBU"),
        (13, None),
    ]


def test_reference_to_a_computed_value_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE drugs (id INTEGER PRIMARY KEY, name VARCHAR(9),
            code VARCHAR(9) GENERATED ALWAYS AS (upper(name)) STORED UNIQUE);
        CREATE TABLE doses (id INTEGER PRIMARY KEY, code VARCHAR(9) REFERENCES drugs (code));
        INSERT INTO drugs (id, name) VALUES (1, 'asa'), (2, 'ibu');
        INSERT INTO doses VALUES (11, 'ASA'), (12, 'IBU');
        """
    )

    planned = undo(
        adhoc_scope("doses", "drugs"),
        tmp_path,
        "DELETE FROM doses; DELETE FROM drugs WHERE id = 1; UPDATE drugs SET name = 'x'",
    )

    assert planned.counts == Counts(insert=3, update=1)


def test_reference_to_a_computed_value_that_is_missing_is_left_to_the_database(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE drugs (id INTEGER PRIMARY KEY, name VARCHAR(9),
            code VARCHAR(9) GENERATED ALWAYS AS (upper(name)) STORED UNIQUE);
        CREATE TABLE doses (id INTEGER PRIMARY KEY, code VARCHAR(9) REFERENCES drugs (code));
        INSERT INTO drugs (id, name) VALUES (1, 'asa');
        INSERT INTO doses VALUES (11, 'ASA');
        """
    )
    scope = adhoc_scope("doses", "drugs")
    path = rewritten(
        backup(scope, tmp_path), rows={"drugs": lambda rows: [{**rows[0], "name": "x"}]}
    )
    run_sql("DELETE FROM doses")
    before = snapshot("drugs", "doses")

    with pytest.raises(ConstraintViolated):
        restore(scope, path)

    assert snapshot("drugs", "doses") == before


# References that leave the scope


def test_missing_row_outside_the_scope_is_named_before_anything_is_written(
    hospital: dict[str, int], tmp_path: Path
) -> None:
    scope = registry.subsystem("CT3")
    path = backup(scope, tmp_path)
    ((doctor, patient),) = query(
        "SELECT doctor_id, patient_id FROM medical_records "
        "WHERE doctor_id IS NOT NULL AND patient_id IS NOT NULL ORDER BY id LIMIT 1"
    )
    expected = {
        column: tuple(
            str(key)
            for (key,) in query(
                f"SELECT id FROM medical_records WHERE {column} = %s ORDER BY id LIMIT 5", value
            )
        )
        for column, value in (("doctor_id", doctor), ("patient_id", patient))
    }
    run_sql("UPDATE beds SET patient_id = NULL")
    run_sql("DELETE FROM medical_records")
    delete_unchecked("patients", patient)
    delete_unchecked("users", doctor)
    before = snapshot()

    planned = plan(scope, path, tables=("medical_records",))
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path, tables=("medical_records",))

    missing = {each.column: each.rows for each in planned.blocking}
    assert missing == expected
    assert {each.code for each in planned.blocking} == {"reference_missing"}
    assert (caught.value.table, caught.value.row) == ("medical_records", expected["doctor_id"][0])
    assert snapshot() == before


def test_empty_references_are_not_missing(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(VISITS)
    scope = adhoc_scope("bills")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM bills; DELETE FROM visits")

    (problem,) = plan(scope, path).problems
    run_sql("INSERT INTO visits VALUES (1, 2), (2, 1)")
    restore(scope, path)

    assert problem.rows == ("1", "2")
    assert query("SELECT site, number FROM bills WHERE id = 3") == [(7, None)]


def test_reference_to_a_row_that_a_mirror_deletes_is_missing(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(WARDS)
    scope = adhoc_scope("wards", "rooms", "cots")
    path = rewritten(
        backup(scope, tmp_path),
        rows={"wards": lambda rows: [row for row in rows if row["id"] == 1]},
    )
    before = snapshot(*scope.tables)

    planned = plan(scope, path, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(scope, path, mode=Mode.MIRROR)

    assert [(each.table, each.column, each.rows) for each in planned.blocking] == [
        ("rooms", "ward_id", ("20",))
    ]
    assert snapshot(*scope.tables) == before
    assert not plan(scope, path).blocking
