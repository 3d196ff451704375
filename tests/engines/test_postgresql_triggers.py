"""Triggers of the restored tables: off where the role owns the table, else caught by the proof."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from hms_backup.exceptions import ConstraintViolated, PrivilegeMissing, ProofFailed
from hms_backup.plan import Counts, Mode, Severity
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, query, run_sql, snapshot

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

BEDS = adhoc_scope("beds_")
ACCEPTED = frozenset({"not_as_planned"})
STATES = (
    "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger "
    "WHERE NOT tgisinternal OR tgparentid <> 0 ORDER BY 1, 2"
)


def function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    """Beds 1 to 3; then 1 is altered, 2 gone, and 4 new."""
    make_table(
        """
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT, updated_at TIMESTAMP);
        CREATE TABLE diary (what TEXT, bed_id INTEGER);
        INSERT INTO beds_ SELECT n, 'bed ' || n, '2020-01-01' FROM generate_series(1, 3) n;
        """
    )
    path = backup(BEDS, tmp_path)
    run_sql(
        "UPDATE beds_ SET name = 'x' WHERE id = 1; DELETE FROM beds_ WHERE id = 2;"
        "INSERT INTO beds_ VALUES (4, 'bed 4', '2020-01-01')"
    )
    return path


def add_trigger(make_table: MakeTable, name: str, event: str, body: str) -> None:
    make_table(
        function(f"{name}_body", body)
        + f"CREATE TRIGGER {name} {event} ON beds_ FOR EACH ROW EXECUTE FUNCTION {name}_body()"
    )


def touch(make_table: MakeTable) -> None:
    """The trigger that half the world has: it sets ``updated_at``."""
    add_trigger(
        make_table,
        "touch",
        "BEFORE INSERT OR UPDATE",
        "NEW.updated_at := '2030-12-31'; RETURN NEW;",
    )


# Switched off


def test_archived_values_arrive_exactly_where_the_role_owns_the_table(
    archive: Path, make_table: MakeTable
) -> None:
    touch(make_table)

    planned = plan(BEDS, archive, mode=Mode.MIRROR)
    restore(BEDS, archive, mode=Mode.MIRROR, expected_digest=planned.digest)

    assert not planned.problems
    assert query("SELECT id, name, updated_at::text FROM beds_ ORDER BY id") == [
        (number, f"bed {number}", "2020-01-01 00:00:00") for number in (1, 2, 3)
    ]
    run_sql("UPDATE beds_ SET name = 'y' WHERE id = 1")
    assert query("SELECT updated_at::text FROM beds_ WHERE id = 1") == [("2030-12-31 00:00:00",)]


def every_state(make_table: MakeTable) -> None:
    for state in ("ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA", "DISABLE"):
        name = state.lower().replace(" ", "_")
        add_trigger(
            make_table,
            name,
            "AFTER INSERT OR UPDATE OR DELETE",
            f"INSERT INTO diary VALUES ('{name}', 0); RETURN NULL;",
        )
        run_sql(f"ALTER TABLE beds_ {state} TRIGGER {name}")


def test_every_trigger_is_set_afterwards_as_it_was(archive: Path, make_table: MakeTable) -> None:
    every_state(make_table)
    before = query(STATES)

    restore(BEDS, archive, mode=Mode.MIRROR)

    assert query(STATES) == before
    assert [state for *_, state in before] == ["D", "O", "A", "R"]
    assert query("SELECT * FROM diary") == []


def test_every_trigger_is_set_as_it_was_after_a_restore_that_failed(
    archive: Path, make_table: MakeTable
) -> None:
    every_state(make_table)
    run_sql("INSERT INTO beds_ VALUES (9, 'bed 2', '2020-01-01')")
    run_sql("CREATE UNIQUE INDEX odd ON beds_ (lower(name))")
    states, rows = query(STATES), snapshot("beds_")

    with pytest.raises(ConstraintViolated):
        restore(BEDS, archive)

    assert query(STATES) == states
    assert snapshot("beds_") == rows


def test_triggers_of_partitions_are_set_afterwards_as_they_were(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT) PARTITION BY RANGE (id);
        CREATE TABLE beds_low PARTITION OF beds_ FOR VALUES FROM (0) TO (10);
        CREATE TABLE beds_high PARTITION OF beds_ FOR VALUES FROM (10) TO (20);
        INSERT INTO beds_ SELECT n, 'bed ' || n FROM generate_series(5, 15) n;
        """
    )
    add_trigger(make_table, "shout", "BEFORE UPDATE", "NEW.name := upper(NEW.name); RETURN NEW;")
    make_table(
        function("own_body", "NEW.name := 'own'; RETURN NEW;")
        + "CREATE TRIGGER own BEFORE UPDATE ON beds_high "
        "FOR EACH ROW EXECUTE FUNCTION own_body();"
        "ALTER TABLE ONLY beds_low DISABLE TRIGGER shout;"
        "ALTER TABLE beds_high ENABLE ALWAYS TRIGGER own"
    )
    before, states = snapshot("beds_"), query(STATES)
    path = backup(BEDS, tmp_path)
    run_sql("UPDATE beds_ SET name = 'x'; DELETE FROM beds_ WHERE id IN (5, 15)")

    restore(BEDS, path)

    assert snapshot("beds_") == before
    assert query(STATES) == states
    assert [state for *_, state in states] == ["O", "A", "O", "D"]


def test_checks_that_were_put_off_do_not_keep_triggers_from_being_switched_on(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY);
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED,
            ward_id INTEGER REFERENCES wards_ (id) DEFERRABLE INITIALLY DEFERRED);
        INSERT INTO wards_ VALUES (1), (2); INSERT INTO beds_ VALUES (1, 'a', 1), (2, 'b', 2);
        """
    )
    add_trigger(make_table, "shout", "BEFORE UPDATE", "NEW.name := upper(NEW.name); RETURN NEW;")
    scope = adhoc_scope("beds_", "wards_")
    before, states = snapshot("beds_", "wards_"), query(STATES)
    path = backup(scope, tmp_path)
    run_sql("UPDATE beds_ SET name = CASE id WHEN 1 THEN 'b' ELSE 'a' END, ward_id = NULL")
    run_sql("DELETE FROM wards_ WHERE id = 2")

    restore(scope, path)

    assert snapshot("beds_", "wards_") == before
    assert query(STATES) == states


def test_constraint_trigger_of_a_restored_table_is_switched_off_too(
    archive: Path, make_table: MakeTable
) -> None:
    make_table(
        function("forbid_body", "RAISE EXCEPTION 'never'; RETURN NULL;")
        + "CREATE CONSTRAINT TRIGGER forbid AFTER INSERT OR UPDATE ON beds_ "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION forbid_body()"
    )
    states = query(STATES)

    restore(BEDS, archive)

    assert query("SELECT name FROM beds_ ORDER BY id") == [(f"bed {n}",) for n in (1, 2, 3, 4)]
    assert query(STATES) == states


def test_foreign_keys_stay_enforced_while_triggers_are_off(
    archive: Path, make_table: MakeTable
) -> None:
    make_table("CREATE TABLE wards_ (id INTEGER PRIMARY KEY)")
    run_sql("ALTER TABLE beds_ ADD COLUMN ward_id INTEGER REFERENCES wards_ (id)")
    run_sql("ALTER TABLE beds_ ALTER COLUMN ward_id SET DEFAULT 8")
    before = snapshot("beds_")

    with pytest.raises(ConstraintViolated):
        restore(BEDS, archive)

    assert snapshot("beds_") == before


# Left on


def test_triggers_run_if_asked_to_and_a_rewritten_value_is_named(
    archive: Path, make_table: MakeTable
) -> None:
    touch(make_table)
    before = snapshot("beds_")

    planned = plan(BEDS, archive, fire_triggers=True)
    with pytest.raises(ProofFailed) as caught:
        restore(BEDS, archive, fire_triggers=True)

    assert [(each.code, each.severity, each.table) for each in planned.problems] == [
        ("triggers_run", Severity.WARNING, "beds_")
    ]
    assert (caught.value.table, caught.value.column) == ("beds_", "updated_at")
    assert "beds_.touch" in caught.value.message
    assert "updated_at" in caught.value.message
    assert caught.value.plan is not None
    assert ("not_as_planned", 2) in {(each.code, each.count) for each in caught.value.plan.problems}
    assert snapshot("beds_") == before


def test_what_triggers_rewrote_stays_if_accepted(archive: Path, make_table: MakeTable) -> None:
    touch(make_table)

    restore(BEDS, archive, fire_triggers=True, accept=ACCEPTED)

    assert query("SELECT id, name, updated_at::text FROM beds_ ORDER BY id") == [
        (1, "bed 1", "2030-12-31 00:00:00"),
        (2, "bed 2", "2030-12-31 00:00:00"),
        (3, "bed 3", "2020-01-01 00:00:00"),
        (4, "bed 4", "2020-01-01 00:00:00"),
    ]


def test_trigger_that_writes_elsewhere_may_run(archive: Path, make_table: MakeTable) -> None:
    add_trigger(
        make_table,
        "note",
        "AFTER INSERT OR UPDATE OR DELETE",
        "INSERT INTO diary VALUES (TG_OP, coalesce(NEW.id, OLD.id)); RETURN NULL;",
    )

    done = restore(BEDS, archive, mode=Mode.MIRROR, fire_triggers=True)

    assert done.counts == Counts(insert=1, update=1, unchanged=1, delete=1)
    assert query("SELECT what, bed_id FROM diary ORDER BY bed_id") == [
        ("UPDATE", 1),
        ("INSERT", 2),
        ("DELETE", 4),
    ]


@pytest.mark.parametrize(
    ("event", "body", "mode"),
    [
        (
            "AFTER UPDATE",
            "INSERT INTO beds_ VALUES (99, 'extra', NULL); RETURN NULL;",
            Mode.UPSERT,
        ),
        ("AFTER INSERT", "DELETE FROM beds_ WHERE id = 4; RETURN NULL;", Mode.UPSERT),
        ("AFTER INSERT", "DELETE FROM beds_ WHERE id = 2; RETURN NULL;", Mode.UPSERT),
        ("BEFORE INSERT", "RETURN NULL;", Mode.UPSERT),
        ("BEFORE UPDATE", "RETURN NULL;", Mode.UPSERT),
        ("BEFORE DELETE", "RETURN NULL;", Mode.MIRROR),
        (
            "AFTER INSERT",
            "UPDATE beds_ SET name = 'kept row' WHERE id = 4; RETURN NULL;",
            Mode.UPSERT,
        ),
        (
            "AFTER INSERT",
            "UPDATE beds_ SET name = 'skipped row' WHERE id = 1; RETURN NULL;",
            Mode.INSERT,
        ),
        (
            "AFTER INSERT",
            "UPDATE beds_ SET name = 'unchanged row' WHERE id = 3; RETURN NULL;",
            Mode.UPSERT,
        ),
        (
            "AFTER INSERT",
            "UPDATE beds_ SET id = 5 WHERE id = 4; RETURN NULL;",
            Mode.UPSERT,
        ),
    ],
)
def test_whatever_a_trigger_does_to_a_restored_table_is_noticed(
    archive: Path, make_table: MakeTable, event: str, body: str, mode: Mode
) -> None:
    body = f"IF pg_trigger_depth() = 1 THEN {body} END IF; RETURN NEW;"
    add_trigger(make_table, "meddle", event, body)
    before = snapshot("beds_")

    with pytest.raises(ProofFailed) as caught:
        restore(BEDS, archive, mode=mode, fire_triggers=True)

    assert caught.value.table == "beds_"
    assert "beds_.meddle" in caught.value.message
    assert snapshot("beds_") == before


def test_columns_of_any_name_are_watched(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE beds_ (hash text PRIMARY KEY, name text, hms_action text)")
    run_sql("INSERT INTO beds_ VALUES ('a', 'A', 'x'), ('b', 'B', NULL)")
    scope = adhoc_scope("beds_", key="hash")
    path = backup(scope, tmp_path)
    before = snapshot("beds_")
    add_trigger(make_table, "nothing", "BEFORE UPDATE", "RETURN NEW;")
    run_sql("UPDATE beds_ SET name = 'C' WHERE hash = 'a'")

    restore(scope, path, fire_triggers=True)

    assert snapshot("beds_") == before


def test_column_added_since_that_a_trigger_rewrites_is_noticed(
    archive: Path, make_table: MakeTable
) -> None:
    run_sql("ALTER TABLE beds_ ADD COLUMN price INTEGER")
    add_trigger(make_table, "pay", "BEFORE UPDATE", "NEW.price := 7; RETURN NEW;")
    before = snapshot("beds_")

    with pytest.raises(ProofFailed):
        restore(BEDS, archive, fire_triggers=True)

    assert snapshot("beds_") == before


def test_trigger_of_one_restored_table_that_alters_another_is_noticed(
    archive: Path, make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE wards_ (id INTEGER PRIMARY KEY); INSERT INTO wards_ VALUES (1)")
    scope = adhoc_scope("wards_", "beds_")
    path = backup(scope, tmp_path)
    add_trigger(
        make_table,
        "meddle",
        "AFTER UPDATE",
        "INSERT INTO wards_ VALUES (2); RETURN NULL;",
    )
    run_sql("ALTER TABLE beds_ DISABLE TRIGGER meddle; UPDATE beds_ SET name = 'y' WHERE id = 3;")
    run_sql("ALTER TABLE beds_ ENABLE TRIGGER meddle")

    with pytest.raises(ProofFailed) as caught:
        restore(scope, path, fire_triggers=True)

    assert caught.value.table == "wards_"
    assert "beds_.meddle" in caught.value.message
    assert query("SELECT id FROM wards_") == [(1,)]


def test_rule_that_swallows_rows_is_noticed(archive: Path) -> None:
    run_sql("CREATE RULE swallow AS ON UPDATE TO beds_ DO INSTEAD NOTHING")
    before = snapshot("beds_")

    with pytest.raises(ProofFailed):
        restore(BEDS, archive)

    assert snapshot("beds_") == before


def test_rule_that_writes_elsewhere_is_warned_about(archive: Path) -> None:
    run_sql("CREATE RULE note AS ON UPDATE TO beds_ DO ALSO INSERT INTO diary VALUES ('x', NEW.id)")

    planned = plan(BEDS, archive)
    restore(BEDS, archive)

    assert [(each.code, each.severity, each.table) for each in planned.problems] == [
        ("triggers_run", Severity.WARNING, "beds_")
    ]
    assert "note" in planned.problems[0].message


def test_rule_that_alters_a_row_the_restore_leaves_alone_is_noticed(archive: Path) -> None:
    run_sql(
        "CREATE RULE meddle AS ON INSERT TO beds_ "
        "DO ALSO UPDATE beds_ SET name = 'kept row' WHERE id = 4"
    )
    before = snapshot("beds_")

    with pytest.raises(ProofFailed) as caught:
        restore(BEDS, archive)

    assert "beds_.meddle" in caught.value.message
    assert snapshot("beds_") == before


# Another's tables


@pytest.fixture
def guest(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Backups and restores run as a role that may read and write the tables and owns none."""
    run_sql(
        "CREATE ROLE hms_guest LOGIN PASSWORD 'guest';"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON beds_ TO hms_guest"
    )
    # Their connections are copies; the test's own is open already and stays the owner's.
    monkeypatch.setitem(connection.settings_dict, "USER", "hms_guest")
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "guest")
    yield
    run_sql("DROP OWNED BY hms_guest; DROP ROLE hms_guest")


def test_role_that_does_not_own_the_table_restores_it_if_no_trigger_minds(
    archive: Path, guest: None
) -> None:
    done = restore(BEDS, archive, mode=Mode.MIRROR)

    assert done.counts == Counts(insert=1, update=1, unchanged=1, delete=1)
    assert query("SELECT name FROM beds_ ORDER BY id") == [(f"bed {n}",) for n in (1, 2, 3)]


def test_triggers_of_anothers_table_run_and_the_proof_names_what_they_rewrote(
    archive: Path, make_table: MakeTable, guest: None
) -> None:
    touch(make_table)
    before, states = snapshot("beds_"), query(STATES)

    planned = plan(BEDS, archive)
    with pytest.raises(ProofFailed) as caught:
        restore(BEDS, archive)

    assert [each.code for each in planned.problems] == ["triggers_run"]
    assert caught.value.column == "updated_at"
    assert "beds_.touch" in caught.value.message
    assert (snapshot("beds_"), query(STATES)) == (before, states)

    restore(BEDS, archive, accept=ACCEPTED)

    assert query("SELECT updated_at::text FROM beds_ WHERE id = 1") == [("2030-12-31 00:00:00",)]


def test_role_without_the_right_to_write_is_refused(archive: Path, guest: None) -> None:
    run_sql("REVOKE UPDATE ON beds_ FROM hms_guest; REVOKE DELETE ON beds_ FROM hms_guest")
    before = snapshot("beds_")

    assert plan(BEDS, archive).counts.changes == 2
    with pytest.raises(PrivilegeMissing):
        restore(BEDS, archive)

    assert snapshot("beds_") == before


def test_role_without_the_right_to_read_is_refused(archive: Path, guest: None) -> None:
    run_sql("REVOKE SELECT ON beds_ FROM hms_guest")

    with pytest.raises(PrivilegeMissing):
        plan(BEDS, archive)
    with pytest.raises(PrivilegeMissing):
        backup(BEDS, archive.parent, "mine.hms-backup")

    assert not list(archive.parent.glob("*mine*"))
