"""Constraints that only PostgreSQL has, and names that only an attacker would give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from hms_backup.exceptions import ConstraintViolated, PlanRefused
from hms_backup.plan import Counts, Mode, Severity
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore, undo
from tests.support import add_reference, adhoc_scope, query, run_sql, snapshot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

CODES = adhoc_scope("codes")
ACCEPTED = frozenset({"cascade_outside"})


def swap_codes() -> str:
    """Exchange the codes of rows 1 and 2 in one transaction."""
    return (
        "CREATE TEMP TABLE swapped ON COMMIT DROP AS SELECT 3 - id AS id, code FROM codes "
        "WHERE id < 3; DELETE FROM codes WHERE id < 3;"
        "INSERT INTO codes (id, code) SELECT id, code FROM swapped"
    )


# Unique keys


def test_rows_exchange_a_null_that_counts_as_a_value(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code INTEGER UNIQUE NULLS NOT DISTINCT);
        INSERT INTO codes VALUES (1, NULL), (2, 1), (3, 2);
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "DELETE FROM codes; INSERT INTO codes VALUES (1, 2), (2, NULL), (3, 1)",
    )

    assert planned.counts == Counts(update=3)


def test_null_that_counts_as_a_value_may_be_taken(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code INTEGER UNIQUE NULLS NOT DISTINCT);
        INSERT INTO codes VALUES (1, NULL);
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("DELETE FROM codes; INSERT INTO codes VALUES (2, NULL)")

    (problem,) = plan(CODES, path).blocking

    assert (problem.code, problem.rows) == ("unique_taken", ("1",))


@pytest.mark.parametrize("when", ["IMMEDIATE", "DEFERRED"])
def test_rows_exchange_a_deferrable_unique_value_of_any_type(
    make_table: MakeTable, tmp_path: Path, when: str
) -> None:
    make_table(
        f"""
        CREATE TABLE codes (id INTEGER PRIMARY KEY,
                            code INET NOT NULL UNIQUE DEFERRABLE INITIALLY {when});
        INSERT INTO codes VALUES (1, '10.0.0.1'), (2, '10.0.0.2');
        """
    )

    planned = undo(CODES, tmp_path, swap_codes())

    assert planned.counts == Counts(update=2)
    assert not planned.problems


def test_swap_of_a_type_without_spare_values_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code INET NOT NULL UNIQUE);
        INSERT INTO codes VALUES (1, '10.0.0.1'), (2, '10.0.0.2'), (3, '10.0.0.3');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql(swap_codes())

    (problem,) = plan(CODES, path).blocking
    with pytest.raises(PlanRefused):
        restore(CODES, path)

    assert (problem.code, problem.severity, problem.count) == (
        "unique_swap",
        Severity.BLOCKING,
        2,
    )
    assert query("SELECT id, host(code) FROM codes ORDER BY id") == [
        (1, "10.0.0.2"),
        (2, "10.0.0.1"),
        (3, "10.0.0.3"),
    ]


def test_value_stepped_aside_to_that_a_rule_forbids_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE,
            CONSTRAINT code_fits CHECK (code = 'code ' || 1 OR code = 'code ' || 2 OR id > 9));
        INSERT INTO codes VALUES (1, 'code 1'), (2, 'code 2');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql(swap_codes())
    before = snapshot("codes")

    with pytest.raises(ConstraintViolated, match="code_fits") as caught:
        restore(CODES, path)

    assert caught.value.table == "codes"
    assert snapshot("codes") == before


def test_many_rows_rotate_unique_values(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code VARCHAR(4) NOT NULL UNIQUE);
        INSERT INTO codes SELECT n, to_hex(n) FROM generate_series(1, 3000) n;
        """
    )

    planned = undo(
        CODES,
        tmp_path,
        "DELETE FROM codes;"
        "INSERT INTO codes SELECT n % 3000 + 1, to_hex(n) FROM generate_series(1, 3000) n",
    )

    assert planned.counts == Counts(update=3000)


def test_exclusion_constraint_is_left_to_the_database(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code INT4RANGE,
                            CONSTRAINT apart EXCLUDE USING gist (code WITH &&));
        INSERT INTO codes VALUES (1, '[1,5)'), (2, '[5,9)');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("DELETE FROM codes WHERE id = 2; UPDATE codes SET code = '[1,8)' WHERE id = 1;")
    run_sql("INSERT INTO codes VALUES (3, '[8,20)')")
    before = snapshot("codes")

    with pytest.raises(ConstraintViolated, match="apart"):
        restore(CODES, path)

    assert snapshot("codes") == before
    run_sql("UPDATE codes SET code = '[1,5)' WHERE id = 1")
    restore(CODES, path, mode=Mode.MIRROR)
    assert query("SELECT id, code::text FROM codes ORDER BY id") == [(1, "[1,5)"), (2, "[5,9)")]


# Other rules


def test_rule_over_whole_rows_is_left_to_the_database(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT,
                            CONSTRAINT whole CHECK (codes IS NOT NULL));
        INSERT INTO codes VALUES (1, 'a');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("ALTER TABLE codes DROP CONSTRAINT whole; UPDATE codes SET code = NULL")
    empty = backup(CODES, tmp_path, "empty.hms-backup")
    run_sql("DELETE FROM codes; ALTER TABLE codes ADD CONSTRAINT whole CHECK (codes IS NOT NULL)")

    assert not plan(CODES, empty).problems
    with pytest.raises(ConstraintViolated, match="whole"):
        restore(CODES, empty)
    assert query("SELECT * FROM codes") == []
    restore(CODES, path)
    assert query("SELECT code FROM codes") == [("a",)]


def test_rules_that_are_not_enforced_stop_nothing(make_table: MakeTable, tmp_path: Path) -> None:
    # Before PostgreSQL 18 there are none: this restore then meets no rule at all.
    off = connection.cursor().connection.info.server_version >= 180000
    check, reference = (
        ("CHECK (code > 5) NOT ENFORCED", "REFERENCES wards_ (id) NOT ENFORCED")
        if off
        else ("", "")
    )
    make_table(
        f"""
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY);
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code INTEGER {check},
                            ward_id INTEGER {reference});
        INSERT INTO codes VALUES (1, 1, 77);
        """
    )

    planned = undo(CODES, tmp_path, "DELETE FROM codes")

    assert planned.counts == Counts(insert=1)
    assert not planned.problems


def test_number_that_the_database_gives_and_lets_no_one_change_is_named(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT,
                            number INTEGER GENERATED ALWAYS AS IDENTITY);
        INSERT INTO codes (id, code) VALUES (1, 'a'), (2, 'b'), (3, 'c');
        """
    )
    path = backup(CODES, tmp_path)
    run_sql("DELETE FROM codes WHERE id > 1; INSERT INTO codes (id, code) VALUES (2, 'b')")
    run_sql("UPDATE codes SET code = 'x' WHERE id = 1")
    before = snapshot("codes")

    planned = plan(CODES, path)
    with pytest.raises(PlanRefused):
        restore(CODES, path)
    assert snapshot("codes") == before
    run_sql("DELETE FROM codes WHERE id = 2")
    restore(CODES, path)

    assert [(each.code, each.column, each.rows) for each in planned.blocking] == [
        ("identity_fixed", "number", ("2",))
    ]
    assert query("SELECT id, code, number FROM codes ORDER BY id") == [
        (1, "a", 1),
        (2, "b", 2),
        (3, "c", 3),
    ]


# References


def test_cycle_that_nothing_opens_is_warned_about_and_refused_by_the_database(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL, note TEXT);
        CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER NOT NULL REFERENCES a (id));
        INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 1);
        """
    )
    add_reference("a", "b_id", "b (id)")
    scope = adhoc_scope("b", "a")
    path = backup(scope, tmp_path)
    run_sql("ALTER TABLE a DISABLE TRIGGER ALL; ALTER TABLE b DISABLE TRIGGER ALL;")
    run_sql("DELETE FROM a; DELETE FROM b")
    run_sql("ALTER TABLE a ENABLE TRIGGER ALL; ALTER TABLE b ENABLE TRIGGER ALL")

    planned = plan(scope, path)
    with pytest.raises(ConstraintViolated):
        restore(scope, path)

    assert [(each.code, each.severity) for each in planned.problems] == [
        ("reference_cycle", Severity.WARNING)
    ]
    assert snapshot("a", "b") == {"a": [], "b": []}


def test_cycle_of_references_that_can_be_put_off_is_restored(
    make_table: MakeTable, tmp_path: Path
) -> None:
    deferrable = "DEFERRABLE INITIALLY IMMEDIATE"
    make_table(
        f"""
        CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL);
        CREATE TABLE b (id INTEGER PRIMARY KEY,
                        a_id INTEGER NOT NULL REFERENCES a (id) {deferrable});
        ALTER TABLE a ADD FOREIGN KEY (b_id) REFERENCES b (id) {deferrable};
        """
    )
    later = "BEGIN; SET CONSTRAINTS ALL DEFERRED;"
    run_sql(f"{later} INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (2, 1); COMMIT")

    planned = undo(
        adhoc_scope("a", "b"),
        tmp_path,
        f"{later} DELETE FROM a; DELETE FROM b;"
        "INSERT INTO a VALUES (3, 4); INSERT INTO b VALUES (4, 3); COMMIT",
    )

    assert planned.counts == Counts(insert=2, delete=2)
    assert not planned.problems


def test_cycle_of_references_that_restrict_and_are_put_off_is_deleted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    # RESTRICT is checked at once, however deferrable the reference is.
    restrict = "ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED"
    make_table(
        f"""
        CREATE TABLE wards (id integer PRIMARY KEY, head_id integer);
        CREATE TABLE nurses (id integer PRIMARY KEY,
            ward_id integer NOT NULL REFERENCES wards {restrict});
        ALTER TABLE wards ADD FOREIGN KEY (head_id) REFERENCES nurses {restrict};
        """
    )

    undo(
        adhoc_scope("wards", "nurses"),
        tmp_path,
        "BEGIN; INSERT INTO wards VALUES (1, 11); INSERT INTO nurses VALUES (11, 1); COMMIT",
    )


def test_reference_to_a_period_is_left_to_the_database(
    make_table: MakeTable, tmp_path: Path
) -> None:
    """PostgreSQL 18: rows that together cover a period, which no single row need do."""
    if query("SELECT current_setting('server_version_num')::integer < 180000") == [(True,)]:
        pytest.skip("the server has no PERIOD")
    make_table(
        """
        CREATE TABLE wards_ (id int4range, during daterange,
            PRIMARY KEY (id, during WITHOUT OVERLAPS));
        CREATE TABLE beds_ (id integer PRIMARY KEY, ward int4range, during daterange,
            FOREIGN KEY (ward, PERIOD during) REFERENCES wards_ (id, PERIOD during));
        INSERT INTO wards_ VALUES ('[1,2)', '[2020-01-01,2021-01-01)');
        INSERT INTO wards_ VALUES ('[1,2)', '[2021-01-01,2022-01-01)');
        INSERT INTO beds_ VALUES (1, '[1,2)', '[2020-06-01,2021-06-01)');
        """
    )
    undo(adhoc_scope("beds_", "wards_"), tmp_path, "DELETE FROM beds_; DELETE FROM wards_")
    beds = adhoc_scope("beds_")
    path = backup(beds, tmp_path)
    run_sql("DELETE FROM beds_; DELETE FROM wards_ WHERE lower(during) = '2021-01-01'")

    with pytest.raises(ConstraintViolated):
        restore(beds, path)

    assert query("SELECT count(*) FROM beds_") == [(0,)]


def test_rows_of_a_cycle_that_nothing_opens_are_still_updated(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL, note TEXT);
        CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER NOT NULL REFERENCES a (id));
        INSERT INTO a VALUES (1, 2), (3, 4); INSERT INTO b VALUES (2, 1), (4, 3);
        """
    )
    add_reference("a", "b_id", "b (id)")

    planned = undo(
        adhoc_scope("a", "b"),
        tmp_path,
        "UPDATE a SET note = 'x', b_id = 6 - b_id; UPDATE b SET a_id = 4 - a_id",
    )

    assert planned.counts == Counts(update=4)


def test_reference_over_two_columns_opens_a_cycle_by_its_nullable_one(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE a (site INTEGER, id INTEGER, b_id INTEGER, PRIMARY KEY (site, id));
        CREATE TABLE b (site INTEGER, id INTEGER, a_id INTEGER NOT NULL, PRIMARY KEY (site, id),
                        FOREIGN KEY (site, a_id) REFERENCES a (site, id));
        ALTER TABLE a ADD FOREIGN KEY (site, b_id) REFERENCES b (site, id);
        INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 2, 1); UPDATE a SET b_id = 2;
        """
    )

    planned = undo(
        adhoc_scope("a", "b"), tmp_path, "UPDATE a SET b_id = NULL; DELETE FROM b; DELETE FROM a"
    )

    assert planned.counts == Counts(insert=2)
    assert not planned.problems


@pytest.fixture
def archive(elsewhere: None, tmp_path: Path) -> Path:
    path = backup(CODES, tmp_path)
    run_sql(
        "INSERT INTO codes VALUES (2, 'b'), (12, 'c'); INSERT INTO elsewhere.codes VALUES (21, 2);"
        "INSERT INTO parts VALUES (1, 2), (11, 2), (12, 12), (13, 1);"
        'INSERT INTO "odd ""name""; DROP TABLE codes; --" VALUES (1, 2)'
    )
    return path


@pytest.fixture
def elsewhere(make_table: MakeTable) -> Iterator[None]:
    """References to the table from another schema, from partitions, and from a hostile name."""
    make_table(
        """
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT);
        CREATE TABLE parts (id INTEGER, code_id INTEGER REFERENCES codes (id) ON DELETE CASCADE)
            PARTITION BY RANGE (id);
        CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
        CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (10) TO (20);
        CREATE TABLE "odd ""name""; DROP TABLE codes; --" (id INTEGER PRIMARY KEY,
            "code""id" INTEGER REFERENCES codes (id) ON DELETE SET NULL);
        CREATE SCHEMA elsewhere;
        CREATE TABLE elsewhere.codes (id INTEGER PRIMARY KEY,
            code_id INTEGER REFERENCES public.codes (id) ON DELETE CASCADE);
        INSERT INTO codes VALUES (1, 'a');
        """
    )
    yield
    run_sql('DROP SCHEMA elsewhere CASCADE; DROP TABLE "odd ""name""; DROP TABLE codes; --"')


def test_rows_in_other_schemas_and_partitions_are_counted_and_quoted(archive: Path) -> None:
    planned = plan(CODES, archive, mode=Mode.MIRROR)
    with pytest.raises(PlanRefused):
        restore(CODES, archive, mode=Mode.MIRROR)
    restore(CODES, archive, mode=Mode.MIRROR, accept=ACCEPTED)

    assert {(each.table, each.on_delete, each.rows) for each in planned.side_effects} == {
        ("elsewhere.codes", "CASCADE", 1),
        ("parts", "CASCADE", 3),
        ('odd "name"; DROP TABLE codes; --', "SET NULL", 1),
    }
    assert query("SELECT id FROM parts") == [(13,)]
    assert query("SELECT count(*) FROM elsewhere.codes") == [(0,)]
    assert query('SELECT "code""id" FROM "odd ""name""; DROP TABLE codes; --"') == [(None,)]
    assert query("SELECT id FROM codes") == [(1,)]


def test_trigger_of_a_hostile_name_is_switched_off_and_on(
    make_table: MakeTable, tmp_path: Path
) -> None:
    name = '"x""; DROP TABLE codes; --"'
    make_table(
        f"""
        CREATE TABLE codes (id INTEGER PRIMARY KEY, code TEXT);
        INSERT INTO codes VALUES (1, 'a');
        CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.code := upper(NEW.code); RETURN NEW; END $$;
        CREATE TRIGGER {name} BEFORE UPDATE ON codes FOR EACH ROW EXECUTE FUNCTION shout();
        """
    )

    undo(CODES, tmp_path, "UPDATE codes SET code = 'b'")

    assert query("SELECT tgenabled FROM pg_trigger WHERE tgname LIKE 'x%%'") == [("O",)]


def test_references_act_though_the_database_switches_them_off_for_sessions(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id integer PRIMARY KEY);
        CREATE TABLE beds_ (id integer PRIMARY KEY,
            ward_id integer REFERENCES wards_ ON DELETE CASCADE);
        INSERT INTO wards_ VALUES (1);
        """
    )
    scope = adhoc_scope("wards_")
    path = backup(scope, tmp_path)
    run_sql("INSERT INTO wards_ VALUES (2); INSERT INTO beds_ VALUES (11, 1), (12, 2)")
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    run_sql(f"ALTER DATABASE {database} SET session_replication_role = replica")
    try:
        restore(scope, path, mode=Mode.MIRROR, accept=frozenset({"cascade_outside"}))
    finally:
        run_sql(f"ALTER DATABASE {database} RESET session_replication_role")

    assert query("SELECT id FROM beds_") == [(11,)]
