"""What only SQLite has: its locks, triggers, row numbers, collations and sequences."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from hms_backup.engines import get_engine
from hms_backup.engines.base import Merge
from hms_backup.exceptions import (
    Busy,
    ConfigurationError,
    ConnectionLost,
    ConstraintViolated,
    DatabaseError,
    LockTimeout,
    PlanError,
    PlanRefused,
    PrivilegeMissing,
    ProofFailed,
    StatementTimeout,
    StorageError,
)
from hms_backup.plan import Counts, Mode
from hms_backup.schema import DependencyOrder, TableDiff
from tests.engines.site import Site
from tests.roundtrip import backup, plan, restore
from tests.support import ROOT, adhoc_scope, child_environment

SCOPE = adhoc_scope("wards")
WARDS = "CREATE TABLE wards (id integer PRIMARY KEY, name text)"
ONE = "INSERT INTO wards VALUES (1, 'East')"


TRIGGERS = (
    """CREATE TRIGGER shout AFTER INSERT ON wards BEGIN
    UPDATE wards SET name = upper(name) WHERE id = new.id; END""",
    "CREATE TRIGGER whisper AFTER UPDATE ON wards BEGIN SELECT 1; END",
)
STORED_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid"


def set_timeouts(settings: Settings, **seconds: float) -> None:
    settings.HMS_BACKUP = {
        **settings.HMS_BACKUP,
        **{f"{name.upper()}_TIMEOUT": value for name, value in seconds.items()},
    }


# Locks


def test_claim_is_refused_while_another_restore_runs(site: Site) -> None:
    site.sql(WARDS)
    engine = get_engine("site")
    with engine.restore_session(dry_run=False) as first:
        first.claim(["wards"])
        with engine.restore_session(dry_run=False) as second, pytest.raises(Busy):
            second.claim(["wards"])
    with engine.restore_session(dry_run=False) as third:
        third.claim(["wards"])
    assert [path.name for path in site.path.parent.glob("site.sqlite3*")] == ["site.sqlite3"]


def test_others_may_write_until_the_rows_are_staged(site: Site) -> None:
    site.sql(WARDS)
    with get_engine("site").restore_session(dry_run=False) as session:
        session.claim(["wards"])
        (table,) = session.inspect(["wards"])
        diff = TableDiff(table="wards", carried=("id", "name"))
        session.stage(table, diff, [[(1, "East")]])
        site.sql("INSERT INTO wards VALUES (2, 'West')")
        session.lock([table])
        with closing(site.connect(timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("INSERT INTO wards VALUES (3, 'North')")
            assert other.execute("SELECT count(*) FROM wards").fetchone() == (1,)


def test_restore_gives_up_when_another_writer_stays(site: Site, settings: Settings) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    set_timeouts(settings, lock=0.2)
    with closing(site.connect()) as other:
        other.execute("BEGIN IMMEDIATE")
        assert plan(SCOPE, path).counts == Counts(unchanged=1)
        with pytest.raises(LockTimeout):
            restore(SCOPE, path)


def test_restore_waits_for_another_writer(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    with closing(
        sqlite3.connect(site.path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM wards")
        threading.Timer(0.3, other.execute, ["COMMIT"]).start()
        assert restore(SCOPE, path).counts == Counts(insert=1)
    assert site.query("SELECT * FROM wards") == [(1, "East")]


def test_commit_that_a_reader_holds_up_is_rolled_back(site: Site, settings: Settings) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql("UPDATE wards SET name = 'Wrong'")
    set_timeouts(settings, lock=0.2)
    with closing(site.connect()) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT name FROM wards").fetchall() == [("Wrong",)]
        with pytest.raises(LockTimeout):
            restore(SCOPE, path)
        assert reader.execute("SELECT name FROM wards").fetchall() == [("Wrong",)]
    restore(SCOPE, path)
    assert site.query("SELECT name FROM wards") == [("East",)]


def test_export_of_a_database_that_stays_locked_is_refused(site: Site, settings: Settings) -> None:
    site.sql(WARDS, ONE)
    set_timeouts(settings, lock=0.2)
    with closing(site.connect()) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LockTimeout):
            backup(SCOPE, site.archives)
    assert list(site.archives.iterdir()) == []


def test_dry_run_needs_no_right_to_write(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards")
    connections.settings["site"]["NAME"] = f"file:{site.path}?mode=ro"
    assert plan(SCOPE, path).counts == Counts(insert=1)


def test_lock_timeout_of_zero_waits(site: Site, settings: Settings) -> None:
    set_timeouts(settings, lock=0)
    test_restore_waits_for_another_writer(site)


def test_export_sees_one_state_while_others_write(site: Site) -> None:
    site.sql("PRAGMA journal_mode = WAL", WARDS, ONE, "CREATE TABLE rooms (id integer PRIMARY KEY)")
    with get_engine("site").snapshot(["wards", "rooms"]) as snapshot:
        site.sql("DELETE FROM wards", "INSERT INTO rooms VALUES (7)")
        lines = [list(snapshot.read(table)) for table in snapshot.tables]
    assert lines == [[[b'{"id":1,"name":"East"}']], []]
    assert site.query("SELECT * FROM rooms") == [(7,)]


def test_dry_run_sees_one_state_and_locks_nobody_out(site: Site) -> None:
    site.sql("PRAGMA journal_mode = WAL", WARDS, ONE)
    with get_engine("site").restore_session(dry_run=True) as session:
        (table,) = session.inspect(["wards"])
        site.sql("DELETE FROM wards")
        diff = TableDiff(table="wards", carried=("id", "name"))
        staged = session.stage(table, diff, [[(1, "East")]])
        merge = Merge(staged=(staged,), order=DependencyOrder(("wards",)), mode=Mode.MIRROR)
        assert session.classify(merge) == {"wards": Counts(unchanged=1)}
        with pytest.raises(PlanError):
            session.commit()


def test_session_without_lock_writes_nothing_before_commit(site: Site) -> None:
    site.sql(WARDS)
    with get_engine("site").restore_session(dry_run=False) as session:
        (table,) = session.inspect(["wards"])
        diff = TableDiff(table="wards", carried=("id", "name"))
        staged = session.stage(table, diff, [[(1, "East")]])
        merge = Merge(staged=(staged,), order=DependencyOrder(("wards",)), mode=Mode.UPSERT)
        session.classify(merge)
        session.apply(merge, fire_triggers=False)
    assert site.query("SELECT * FROM wards") == []


def test_staging_that_fails_leaves_nothing_open(site: Site) -> None:
    site.sql(WARDS)

    def batches() -> Any:
        yield [(1, "East")]
        raise StorageError("The archive cannot be read.")

    with get_engine("site").restore_session(dry_run=False) as session:
        (table,) = session.inspect(["wards"])
        diff = TableDiff(table="wards", carried=("id", "name"))
        with pytest.raises(StorageError):
            session.stage(table, diff, batches())
        staged = session.stage(table, diff, [[(1, "East")]])
        assert staged.rows == 1


DYING = """
import os, sys, django
django.setup()
from hms_backup.engines import get_engine
from hms_backup.engines.base import Merge
from hms_backup.plan import Mode
from hms_backup.schema import DependencyOrder, TableDiff

step = sys.argv[1]
def die(at):
    if step == at:
        os.kill(os.getpid(), 9)

with get_engine("default").restore_session(dry_run=False) as session:
    session.claim(["wards"])
    (table,) = session.inspect(["wards"])
    diff = TableDiff(table="wards", carried=("id", "name"))
    staged = session.stage(table, diff, [[(n, "x" * 500) for n in range(2, 20000)]])
    die("staged")
    session.lock([table])
    merge = Merge(staged=(staged,), order=DependencyOrder(("wards",)), mode=Mode.MIRROR)
    session.classify(merge)
    die("classified")
    session.apply(merge, fire_triggers=False)
    die("applied")
    session.commit()
    die("committed")
"""


@pytest.mark.parametrize(
    ("step", "rows"), [("staged", 1), ("classified", 1), ("applied", 1), ("committed", 19998)]
)
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_kill_at_any_step_leaves_the_old_or_the_new_state(
    site: Site, step: str, rows: int, journal: str
) -> None:
    site.sql(f"PRAGMA journal_mode = {journal}", WARDS, ONE, *TRIGGERS)
    ended = subprocess.run(
        [sys.executable, "-c", DYING, step],
        env=child_environment({"HMS_TEST_DATABASE_URL": f"sqlite:///{site.path}"}),
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    assert site.query("SELECT count(*) FROM wards") == [(rows,)]
    assert len(site.query(STORED_TRIGGERS)) == len(TRIGGERS)
    assert site.query("PRAGMA integrity_check") == [("ok",)]
    with get_engine("site").restore_session(dry_run=False) as session:
        session.claim(["wards"])


# Errors


def test_database_in_memory_is_refused(settings: Settings, site: Site) -> None:
    connections.settings["site"]["NAME"] = ":memory:"
    for operation in (get_engine("site").inspect, get_engine("site").row_counts):
        with pytest.raises(ConfigurationError, match="memory"):
            operation(["wards"])
    connections.settings["site"]["NAME"] = str(site.path)


def test_database_that_cannot_be_opened_is_told(site: Site) -> None:
    connections.settings["site"]["NAME"] = str(site.path.parent / "missing" / "x.sqlite3")
    with pytest.raises(ConnectionLost):
        get_engine("site").inspect(["wards"])


def test_file_that_is_no_database_is_told(site: Site) -> None:
    site.path.write_bytes(b"no database at all, but long enough to have a header" * 50)
    with pytest.raises(DatabaseError, match="damaged"):
        get_engine("site").inspect(["wards"])


def test_restore_into_a_read_only_database_is_refused(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards")
    connections.settings["site"]["NAME"] = f"file:{site.path}?mode=ro"
    with pytest.raises(PrivilegeMissing):
        restore(SCOPE, path)


def test_restore_onto_a_full_disk_changes_nothing(site: Site) -> None:
    site.sql(WARDS, ONE)
    site.sql("UPDATE wards SET name = ?", parameters=("x" * 200_000,))
    before, path = site.rows("wards"), backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards", "VACUUM")
    connections.settings["site"]["OPTIONS"] = {"init_command": "PRAGMA max_page_count = 10"}
    with pytest.raises(StorageError):
        restore(SCOPE, path)
    assert site.query("SELECT count(*) FROM wards") == [(0,)]
    connections.settings["site"]["OPTIONS"] = {}
    restore(SCOPE, path)
    assert site.rows("wards") == before


def test_statement_that_runs_too_long_is_interrupted(site: Site, settings: Settings) -> None:
    site.sql(WARDS)
    set_timeouts(settings, statement=0.2)
    endless = (
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)"
    )
    site.sql(f"CREATE TRIGGER slow AFTER INSERT ON wards BEGIN SELECT {endless}; END")
    site.sql("DROP TRIGGER slow", ONE)
    path = backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards")
    site.sql(f"CREATE TRIGGER slow AFTER INSERT ON wards BEGIN SELECT {endless}; END")
    with pytest.raises(StatementTimeout):
        restore(SCOPE, path, fire_triggers=True)
    assert site.query("SELECT * FROM wards") == []
    restore(SCOPE, path)
    assert site.query("SELECT * FROM wards") == [(1, "East")]


def test_constraint_that_no_check_foresees_names_columns_and_no_value(site: Site) -> None:
    site.sql(WARDS, "INSERT INTO wards VALUES (1, 'Secret')")
    path = backup(SCOPE, site.archives)
    site.sql(
        "DELETE FROM wards",
        "INSERT INTO wards VALUES (2, 'sEcret')",
        "CREATE UNIQUE INDEX folded ON wards (lower(name))",
    )
    with pytest.raises(ConstraintViolated) as caught:
        restore(SCOPE, path)
    assert "ecret" not in f"{caught.value}{caught.value.hint}"
    assert site.query("SELECT id FROM wards") == [(2,)]


def test_raise_in_a_trigger_is_refused_without_its_text(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql(
        "DELETE FROM wards",
        "CREATE TRIGGER no BEFORE INSERT ON wards BEGIN SELECT RAISE(ABORT, 'secret'); END",
    )
    with pytest.raises(ConstraintViolated) as caught:
        restore(SCOPE, path, fire_triggers=True)
    assert "secret" not in str(caught.value)


# Triggers


def test_triggers_do_not_fire_and_are_there_afterwards(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards", *TRIGGERS)
    before = site.query(STORED_TRIGGERS)
    planned = plan(SCOPE, path)
    assert site.query(STORED_TRIGGERS) == before
    restore(SCOPE, path, expected_digest=planned.digest)
    assert site.query("SELECT name FROM wards") == [("East",)]
    assert site.query(STORED_TRIGGERS) == before
    site.sql("INSERT INTO wards VALUES (2, 'West')")
    assert site.query("SELECT name FROM wards WHERE id = 2") == [("WEST",)]


def test_triggers_are_there_after_a_rollback(site: Site) -> None:
    test_constraint_that_no_check_foresees_names_columns_and_no_value(site)
    site.sql(*TRIGGERS)
    before = site.query(STORED_TRIGGERS)
    with pytest.raises(ConstraintViolated):
        restore(SCOPE, site.archives / "backup.hms-backup")
    assert site.query(STORED_TRIGGERS) == before


def test_triggers_that_fire_and_rewrite_rows_are_refused_unless_accepted(site: Site) -> None:
    site.sql(WARDS, ONE)
    path = backup(SCOPE, site.archives)
    site.sql("DELETE FROM wards", *TRIGGERS)
    with pytest.raises(ProofFailed) as caught:
        restore(SCOPE, path, fire_triggers=True)
    assert (caught.value.table, caught.value.column) == ("wards", "name")
    assert "shout" in caught.value.message
    assert site.query("SELECT * FROM wards") == []
    restore(SCOPE, path, fire_triggers=True, accept=frozenset({"not_as_planned"}))
    assert site.query("SELECT name FROM wards") == [("EAST",)]


# References


CASCADING = "ward_id integer REFERENCES wards ON DELETE CASCADE"
BEDS = "CREATE TABLE beds (id integer PRIMARY KEY, ward_id integer REFERENCES wards (id) {})"


def test_references_are_checked_though_the_project_switched_them_off(site: Site) -> None:
    connections.settings["site"]["OPTIONS"] = {"init_command": "PRAGMA foreign_keys = OFF"}
    site.sql(WARDS, ONE, BEDS.format(""), "INSERT INTO beds VALUES (5, 1)")
    scope = adhoc_scope("beds")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM beds", "DELETE FROM wards")
    (problem,) = plan(scope, path).blocking
    assert (problem.code, problem.column, problem.rows) == ("reference_missing", "ward_id", ("5",))


def test_reference_that_a_trigger_breaks_is_refused_before_commit(site: Site) -> None:
    site.sql(
        "CREATE TABLE wards (id integer PRIMARY KEY, name text)",
        ONE,
        BEDS.format("DEFERRABLE INITIALLY DEFERRED"),
        "INSERT INTO beds VALUES (5, 1)",
    )
    path = backup(SCOPE, site.archives)
    site.sql(
        "UPDATE wards SET name = 'Wrong'",
        "CREATE TRIGGER move AFTER UPDATE ON wards BEGIN UPDATE beds SET ward_id = 99; END",
    )
    with pytest.raises(ConstraintViolated) as caught:
        restore(SCOPE, path, fire_triggers=True)
    assert caught.value.table == "beds"
    assert site.query("SELECT ward_id FROM beds") == [(1,)]


def test_references_that_were_broken_before_do_not_stop_a_restore(site: Site) -> None:
    site.sql(WARDS, ONE, BEDS.format(""), "INSERT INTO beds VALUES (5, 1), (6, 99)")
    scope = adhoc_scope("wards", "beds")
    path = backup(SCOPE, site.archives)
    site.sql("UPDATE wards SET name = 'Wrong'")
    restore(SCOPE, path)
    assert site.query("SELECT name FROM wards") == [("East",)]
    assert plan(scope, backup(scope, site.archives)).counts == Counts(unchanged=3)


def test_deleting_parents_before_children_is_no_matter_except_with_restrict(site: Site) -> None:
    for rule in ("", "ON DELETE RESTRICT", "ON DELETE SET NULL"):
        site.sql(WARDS, ONE, BEDS.format(rule), "INSERT INTO beds VALUES (5, 1)")
        scope = adhoc_scope("wards", "beds")
        path = backup(scope, site.archives)
        site.sql("INSERT INTO wards VALUES (2, 'West')", "INSERT INTO beds VALUES (6, 2)")
        assert restore(scope, path, mode=Mode.MIRROR).counts == Counts(unchanged=2, delete=2)
        assert site.query("SELECT id, ward_id FROM beds") == [(5, 1)]
        site.sql("DROP TABLE beds", "DROP TABLE wards")


def test_rows_of_two_tables_that_need_each_other_are_restored(site: Site) -> None:
    site.sql(
        "CREATE TABLE wards (id integer PRIMARY KEY, head integer NOT NULL REFERENCES nurses (id) "
        "DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE nurses (id integer PRIMARY KEY, ward integer NOT NULL REFERENCES wards (id) "
        "DEFERRABLE INITIALLY DEFERRED)",
        "INSERT INTO wards VALUES (1, 2)",
        "INSERT INTO nurses VALUES (2, 1)",
    )
    scope = adhoc_scope("wards", "nurses")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM wards", "DELETE FROM nurses")
    planned = plan(scope, path)
    assert planned.problems == ()
    restore(scope, path)
    assert site.query("SELECT * FROM wards, nurses") == [(1, 2, 2, 1)]


@pytest.mark.parametrize(
    ("beds", "rows"),
    [
        (f"id integer PRIMARY KEY, {CASCADING})", "(11, 1), (12, 2), (13, 2)"),
        (f"id text PRIMARY KEY, {CASCADING}) WITHOUT ROWID", "('a', 1), ('b', 2), ('c', 2)"),
        (f"rowid integer, {CASCADING}, _rowid_ text)", "(0, 1, 0), (0, 2, 0), (0, 2, 0)"),
    ],
)
def test_cascades_out_of_the_restore_are_counted_whatever_keys_their_tables_have(
    site: Site, beds: str, rows: str
) -> None:
    site.sql(
        WARDS,
        ONE,
        f"CREATE TABLE beds ({beds}",
        "CREATE TABLE sheets (id integer PRIMARY KEY, ward_id integer REFERENCES wards)",
        "INSERT INTO sheets VALUES (1, 1)",
    )
    path = backup(SCOPE, site.archives)
    site.sql("INSERT INTO wards VALUES (2, 'West')")
    site.sql(f"INSERT INTO beds VALUES {rows}")
    with pytest.raises(PlanRefused) as caught:
        restore(SCOPE, path, mode=Mode.MIRROR)
    assert caught.value.plan is not None
    (effect,) = caught.value.plan.side_effects
    assert (effect.table, effect.rows, effect.on_delete) == ("beds", 2, "CASCADE")
    restore(SCOPE, path, mode=Mode.MIRROR, accept=frozenset({"cascade_outside"}))
    assert site.query("SELECT count(*) FROM beds") == [(1,)]
