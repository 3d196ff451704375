"""Unique keys other than the primary key, and the database's other rules about values."""

from __future__ import annotations

from pathlib import Path

import pytest

from hms_backup.exceptions import ConstraintViolated, PlanRefused
from hms_backup.plan import Counts, Mode
from hms_backup.registry import registry
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore, undo
from tests.support import adhoc_scope, copy_row, query, run_sql, snapshot
from tests.tampering import Row, rewritten

pytestmark = pytest.mark.django_db(transaction=True)

UUID = "00000000-0000-4000-8000-00000000000{}"
CODES = adhoc_scope("codes")


def swap(one: str, other: str, spare: str) -> str:
    """SQL that exchanges the ``code`` of rows 1 and 2 by way of a spare value."""
    return (
        f"UPDATE codes SET code = {spare} WHERE id = 1; UPDATE codes SET code = {one} WHERE id = 2;"
        f"UPDATE codes SET code = {other} WHERE id = 1"
    )


@pytest.mark.parametrize(
    ("definition", "one", "other", "spare"),
    [
        ("TEXT UNIQUE", "'a'", "'b'", "'c'"),
        ("TEXT NOT NULL UNIQUE", "'a'", "'b'", "'c'"),
        ("VARCHAR(3) NOT NULL UNIQUE", "'abc'", "'abd'", "'abe'"),
        ("VARCHAR(1) NOT NULL UNIQUE", "'1'", "'2'", "'3'"),
        ("CHAR(2) NOT NULL UNIQUE", "'a'", "'b'", "'c'"),
        ("INTEGER NOT NULL UNIQUE", "1", "2", "3"),
        ("INTEGER NOT NULL UNIQUE CHECK (code > 0)", "1", "2", "3"),
        ("INTEGER NOT NULL UNIQUE CHECK (code >= 1000)", "1000", "2147483647", "1001"),
        ("SMALLINT NOT NULL UNIQUE CHECK (code BETWEEN 1 AND 5)", "1", "2", "3"),
        ("INTEGER NOT NULL UNIQUE", "-2147483648", "2147483647", "0"),
        ("NUMERIC(4,2) NOT NULL UNIQUE", "0.01", "0.02", "0.03"),
        ("DATE NOT NULL UNIQUE", "'2026-01-01'", "'2026-01-02'", "'2026-01-03'"),
        (
            "TIMESTAMP NOT NULL UNIQUE",
            "'2026-01-01 00:00:00'",
            "'2026-01-02 00:00:00'",
            "'2026-01-03 00:00:00'",
        ),
        ("UUID NOT NULL UNIQUE", *(f"'{UUID.format(number)}'" for number in (1, 2, 3))),
    ],
)
def test_two_rows_exchange_a_unique_value(
    make_table: MakeTable, tmp_path: Path, definition: str, one: str, other: str, spare: str
) -> None:
    make_table(f"CREATE TABLE codes (id INTEGER PRIMARY KEY, code {definition})")
    run_sql(f"INSERT INTO codes VALUES (1, {one}), (2, {other})")

    planned = undo(CODES, tmp_path, swap(one, other, spare), mode=Mode.UPSERT)

    assert planned.counts == Counts(update=2)
    assert not planned.problems


@pytest.mark.parametrize("nullable", ["", " NOT NULL"])
def test_rows_exchange_a_unique_pair(make_table: MakeTable, tmp_path: Path, nullable: str) -> None:
    make_table(
        f"""
        CREATE TABLE codes (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER{nullable});
        CREATE UNIQUE INDEX pairs ON codes (a, b);
        INSERT INTO codes VALUES (1, 'x', 1), (2, 'x', 2), (3, 'y', 1);
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "UPDATE codes SET b = 9 WHERE id = 1; UPDATE codes SET b = 1 WHERE id = 2;"
        "UPDATE codes SET b = 2 WHERE id = 1",
    )

    assert planned.counts == Counts(update=2, unchanged=1)


def test_three_rows_rotate_a_unique_value(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(3) NOT NULL UNIQUE,
                            n INTEGER UNIQUE);
        INSERT INTO codes VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, '1', NULL);
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "UPDATE codes SET code = code || '+', n = n + 10 WHERE id < 4;"
        "UPDATE codes SET code = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE 'a' END,"
        "n = CASE id WHEN 1 THEN 2 WHEN 2 THEN 3 ELSE 1 END WHERE id < 4",
    )

    assert planned.counts == Counts(update=3, unchanged=1)


def test_rows_do_not_step_aside_to_a_value_that_a_new_row_brings(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE codes (id INTEGER PRIMARY KEY, code SMALLINT NOT NULL UNIQUE)")
    near = [*range(1, 4), *range(7, 10), *range(-6, 0), *range(32760, 32767)]
    for number, code in enumerate([5, 6, *near], start=1):
        run_sql("INSERT INTO codes VALUES (%s, %s)", number, code)

    planned = undo(CODES, tmp_path, "DELETE FROM codes WHERE id > 2;" + swap("5", "6", "0"))

    assert planned.counts == Counts(insert=len(near), update=2)


def test_chain_of_unique_values_ends_at_a_row_that_is_deleted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(3) NOT NULL UNIQUE);
        INSERT INTO codes VALUES (1, 'a'), (2, 'b'), (3, 'c');
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "DELETE FROM codes WHERE id = 3; UPDATE codes SET code = 'x' WHERE id = 1;"
        "UPDATE codes SET code = 'a' WHERE id = 2; INSERT INTO codes VALUES (9, 'b'), (8, 'c')",
    )

    assert planned.counts == Counts(insert=1, update=2, delete=2)


ONE_TO_ONE = """
    CREATE TABLE people (id INTEGER PRIMARY KEY);
    CREATE TABLE cards (id INTEGER PRIMARY KEY, note TEXT,
                        person_id INTEGER NOT NULL UNIQUE REFERENCES people (id));
    INSERT INTO people VALUES (1), (2){more};
    INSERT INTO cards VALUES (11, 'x', 1), (12, 'y', 2);
"""


def test_reference_that_is_unique_moves_from_a_deleted_row(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(ONE_TO_ONE.format(more=""))

    planned = undo(
        adhoc_scope("cards"),
        tmp_path,
        "DELETE FROM cards WHERE id = 11; INSERT INTO cards VALUES (13, 'z', 1)",
    )

    assert planned.counts == Counts(insert=1, unchanged=1, delete=1)
    assert not planned.problems


def test_rows_exchange_a_reference_that_is_unique(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(ONE_TO_ONE.format(more=", (3), (4)"))

    planned = undo(
        adhoc_scope("cards"),
        tmp_path,
        "UPDATE cards SET person_id = 3 WHERE id = 11;"
        "UPDATE cards SET person_id = 1 WHERE id = 12;"
        "UPDATE cards SET person_id = 2 WHERE id = 11",
    )

    assert planned.counts == Counts(update=2)
    assert not planned.problems


def test_deleted_row_gives_its_unique_value_to_a_row_that_still_referred_to_it(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(3) NOT NULL UNIQUE,
                            parent_id INTEGER REFERENCES codes (id));
        INSERT INTO codes VALUES (1, 'a', NULL), (2, 'b', 1);
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "UPDATE codes SET code = 'c' WHERE id = 2; INSERT INTO codes VALUES (3, 'b', NULL);"
        "UPDATE codes SET parent_id = 3 WHERE id = 2",
    )

    assert planned.counts == Counts(update=1, unchanged=1, delete=1)


def test_unique_value_held_by_another_live_row_is_named(
    hospital: dict[str, int], tmp_path: Path
) -> None:
    scope = registry.subsystem("LOG2")
    path = backup(scope, tmp_path)
    ((row, number),) = query("SELECT id, po_number FROM purchase_orders ORDER BY id LIMIT 1")
    run_sql("UPDATE purchase_orders SET po_number = 'PO-MOVED' WHERE id = %s", row)
    copy_row("purchase_orders", row, 99001, po_number=number)
    before = snapshot()

    planned = plan(scope, path)
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path)

    (problem,) = planned.blocking
    assert (problem.code, problem.table, problem.column, problem.rows, problem.count) == (
        "unique_taken",
        "purchase_orders",
        "po_number",
        (str(row),),
        1,
    )
    assert (caught.value.table, caught.value.column) == ("purchase_orders", "po_number")
    assert number not in str(problem.as_dict())
    assert snapshot() == before


@pytest.fixture
def codes(make_table: MakeTable) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(9) NOT NULL UNIQUE);
        INSERT INTO codes VALUES (1, 'a'), (2, 'b'), (3, 'c');
        """
    )


def test_unique_value_twice_in_the_archive_is_named(codes: None, tmp_path: Path) -> None:
    def same(rows: list[Row]) -> list[Row]:
        return [{**row, "code": "secret" if row["id"] > 1 else "a"} for row in rows]

    path = rewritten(backup(CODES, tmp_path), rows={"codes": same})
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path)

    assert caught.value.plan is not None
    (problem,) = caught.value.plan.blocking
    assert (problem.code, problem.column, problem.rows) == (
        "unique_in_archive",
        "code",
        ("2", "3"),
    )
    assert "secret" not in str(caught.value.as_dict())
    assert snapshot("codes") == before


@pytest.mark.parametrize("mode", list(Mode))
def test_primary_key_twice_in_the_archive_is_named(codes: None, tmp_path: Path, mode: Mode) -> None:
    path = rewritten(
        backup(CODES, tmp_path), rows={"codes": lambda rows: [*rows, {"id": 2, "code": "d"}]}
    )
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path, mode=mode)

    assert caught.value.plan is not None
    assert ("duplicate_key", ("2",)) in {
        (each.code, each.rows) for each in caught.value.plan.blocking
    }
    assert snapshot("codes") == before


def test_row_without_a_primary_key_is_named(codes: None, tmp_path: Path) -> None:
    path = rewritten(
        backup(CODES, tmp_path), rows={"codes": lambda rows: [*rows, {"id": None, "code": "d"}]}
    )
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path)

    assert caught.value.plan is not None
    assert [(each.code, each.column) for each in caught.value.plan.blocking] == [
        ("null_value", "id")
    ]
    assert snapshot("codes") == before


def test_column_that_must_not_be_empty_is_named(codes: None, tmp_path: Path) -> None:
    path = rewritten(
        backup(CODES, tmp_path),
        rows={"codes": lambda rows: [{**row, "code": None} for row in rows[:2]]},
    )
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path)

    assert caught.value.plan is not None
    assert [(each.code, each.column, each.rows) for each in caught.value.plan.blocking] == [
        ("null_value", "code", ("1", "2"))
    ]
    assert snapshot("codes") == before


@pytest.mark.parametrize(
    "index",
    [
        "CREATE UNIQUE INDEX odd ON codes (code) WHERE code > ''",
        "CREATE UNIQUE INDEX odd ON codes (lower(code))",
    ],
)
def test_index_over_part_of_the_rows_or_an_expression_is_left_to_the_database(
    make_table: MakeTable, tmp_path: Path, index: str
) -> None:
    make_table("CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT)")
    run_sql(f"INSERT INTO codes VALUES (1, 'a'), (2, 'b'); {index}")
    path = backup(CODES, tmp_path)
    run_sql("DELETE FROM codes; INSERT INTO codes VALUES (3, 'a'), (2, 'x')")
    before = snapshot("codes")

    planned = plan(CODES, path)
    with pytest.raises(ConstraintViolated):
        restore(CODES, path)

    assert planned.counts == Counts(insert=1, update=1, kept=1)
    assert snapshot("codes") == before


def test_swap_for_which_no_value_is_spare_is_named(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY,
                            code VARCHAR(9) NOT NULL UNIQUE CHECK (code IN ('red', 'green')));
        INSERT INTO codes VALUES (1, 'red'), (2, 'green');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql(
        "DELETE FROM codes; INSERT INTO codes VALUES (1, 'green'), (2, 'red')",
    )
    before = snapshot("codes")

    planned = plan(CODES, path)
    with pytest.raises(PlanRefused):
        restore(CODES, path)

    assert [(each.code, each.column, each.count) for each in planned.blocking] == [
        ("unique_swap", "code", 2)
    ]
    assert snapshot("codes") == before


def test_insert_mode_keeps_a_live_rows_unique_value(codes: None, tmp_path: Path) -> None:
    path = backup(CODES, tmp_path)
    run_sql("DELETE FROM codes WHERE id = 3; UPDATE codes SET code = 'c' WHERE id = 1")

    (problem,) = plan(CODES, path, mode=Mode.INSERT).blocking

    assert (problem.code, problem.rows) == ("unique_taken", ("3",))
    assert not plan(CODES, path).problems


# Other rules


def test_rule_that_an_archived_value_breaks_is_named(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, low INTEGER, high INTEGER,
                            CONSTRAINT in_order CHECK (low < high));
        INSERT INTO codes VALUES (1, 1, 2), (2, 1, 2), (3, NULL, 2);
        """
    )

    def reverse(rows: list[Row]) -> list[Row]:
        return [{**row, "low": 1234567} if row["id"] == 2 else row for row in rows]

    path = rewritten(backup(CODES, tmp_path), rows={"codes": reverse})
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path)

    assert caught.value.plan is not None
    (problem,) = caught.value.plan.blocking
    assert (problem.code, problem.column, problem.rows) == ("check_violated", "low, high", ("2",))
    assert "in_order" in problem.message
    assert "1234567" not in str(problem.as_dict())
    assert snapshot("codes") == before


def test_rule_over_a_column_added_since_the_backup_is_checked_too(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, low INTEGER);
        INSERT INTO codes VALUES (1, 10), (2, 10), (3, 10), (4, 10);
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("ALTER TABLE codes ADD COLUMN high INTEGER CHECK (low < high)")
    run_sql("UPDATE codes SET low = 1, high = 20 WHERE id = 1")
    run_sql("UPDATE codes SET low = 1, high = 5 WHERE id = 2")
    run_sql("DELETE FROM codes WHERE id = 3")
    before = snapshot("codes")

    with pytest.raises(PlanRefused) as caught:
        restore(CODES, path)

    assert caught.value.plan is not None
    assert [(each.code, each.rows) for each in caught.value.plan.blocking] == [
        ("check_violated", ("2",))
    ]
    assert snapshot("codes") == before


def test_unique_key_over_a_column_added_since_the_backup_is_checked_too(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, a INTEGER NOT NULL);
        INSERT INTO codes VALUES (1, 1), (2, 2), (3, 3);
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("ALTER TABLE codes ADD COLUMN b INTEGER")
    run_sql(
        "UPDATE codes SET a = 7, b = 1; INSERT INTO codes VALUES (4, 1, 1);"
        "UPDATE codes SET b = id WHERE id < 4; CREATE UNIQUE INDEX pairs ON codes (a, b)"
    )
    before = snapshot("codes")

    planned = plan(CODES, path)
    with pytest.raises(PlanRefused):
        restore(CODES, path)
    run_sql("DELETE FROM codes WHERE id = 4")
    restore(CODES, path)

    assert [(each.code, each.column, each.rows) for each in planned.blocking] == [
        ("unique_taken", "a, b", ("1",))
    ]
    assert before != snapshot("codes")
    assert query("SELECT id, a, b FROM codes ORDER BY id") == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_swap_in_a_unique_key_with_a_column_added_since_the_backup(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, a INTEGER NOT NULL);
        INSERT INTO codes VALUES (1, 1), (2, 2);
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("ALTER TABLE codes ADD COLUMN b INTEGER; UPDATE codes SET b = 5, a = 3 - a")
    run_sql("CREATE UNIQUE INDEX pairs ON codes (a, b)")

    restore(CODES, path)

    assert query("SELECT id, a, b FROM codes ORDER BY id") == [(1, 1, 5), (2, 2, 5)]
