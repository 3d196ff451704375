"""Who waits for whom: exports, dry runs and restores among each other and among other sessions."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.engines import get_engine
from hms_backup.exceptions import Busy, LockTimeout, PlanOutdated, TableMissing
from hms_backup.plan import Counts, Mode
from hms_backup.registry import Scope
from hms_backup.restore import RestoreOptions, plan_restore
from tests.engines.concurrency import (
    another_session,
    at,
    in_background,
    repeated,
    wait_until,
    waiting_for_a_lock,
    watched_export,
    watched_restore,
)
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, plan, restore
from tests.support import (
    adhoc_department,
    adhoc_scope,
    adhoc_subsystem,
    query,
    run_sql,
    snapshot,
)

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

BOOKS = adhoc_scope("cash", "debts")
ACCOUNTS = 20


@pytest.fixture
def books(make_table: MakeTable) -> None:
    """Two tables between which money moves; the sum of both stays 0."""
    make_table(
        f"""
        CREATE TABLE cash (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
        CREATE TABLE debts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
        INSERT INTO cash SELECT n, 0 FROM generate_series(1, {ACCOUNTS}) n;
        INSERT INTO debts SELECT n, 0 FROM generate_series(1, {ACCOUNTS}) n;
        """
    )


def transfer(session: psycopg.Connection[Any], amount: int = 7) -> None:
    first, second = random.sample(("cash", "debts"), 2)
    with session.transaction():
        for table, change in ((first, amount), (second, -amount)):
            session.execute(
                f"UPDATE {table} SET amount = amount + {change} "
                f"WHERE id = {random.randint(1, ACCOUNTS)}"
            )


def archived_sum(path: Path) -> int:
    """What the two tables of an archive amount to."""
    with ArchiveReader.open(path, UNLIMITED) as reader:
        members = {member.table: member for member in reader.manifest.members}
        texts = [b"".join(reader.blocks(members[name])) for name in ("cash", "debts")]
    return sum(int(part.split(b"}")[0]) for text in texts for part in text.split(b'"amount":')[1:])


# Counts


def test_count_of_a_locked_table_gives_up_after_the_lock_timeout(
    books: None, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"LOCK_TIMEOUT": 0.1}

    with another_session() as session, session.transaction():
        session.execute("LOCK TABLE debts")
        with pytest.raises(LockTimeout):
            get_engine(get_settings().database).row_counts(["cash", "debts"])


# Exports


def test_export_sees_no_transfer_that_happens_between_two_tables(
    books: None, tmp_path: Path
) -> None:
    path = tmp_path / "books.hms-backup"

    with another_session() as session:
        watched_export(BOOKS, path, at("read", lambda: transfer(session), "debts"))

    assert archived_sum(path) == 0
    assert query("SELECT count(*) FROM cash WHERE amount <> 0") == [(1,)]


def test_export_is_consistent_while_money_moves(books: None, tmp_path: Path) -> None:
    moved = 0

    def move() -> None:
        nonlocal moved
        transfer(session)
        moved += 1

    with another_session() as session, repeated(move):
        sums = set()
        for number in range(30):
            before = moved
            sums.add(archived_sum(backup(BOOKS, tmp_path, f"{number}.hms-backup")))
            assert moved > before

    assert sums == {0}


def test_export_waits_for_a_truncate_and_then_sees_all_of_its_transaction(
    books: None, tmp_path: Path
) -> None:
    with another_session() as session:
        session.execute("BEGIN; TRUNCATE cash; UPDATE debts SET amount = 1 WHERE id = 1")
        with in_background(lambda: backup(BOOKS, tmp_path)) as exporting:
            wait_until(lambda: waiting_for_a_lock("LOCK TABLE %ACCESS SHARE%"))
            session.execute("COMMIT")
            path = exporting.result(timeout=20)

    assert archived_sum(path) == 1
    run_sql("DELETE FROM debts")
    assert restore(BOOKS, path).counts == Counts(insert=ACCOUNTS)


def test_export_takes_columns_that_were_added_while_it_waited(books: None, tmp_path: Path) -> None:
    with another_session() as session:
        session.execute("BEGIN; ALTER TABLE cash ADD COLUMN note TEXT DEFAULT 'new'")
        with in_background(lambda: backup(BOOKS, tmp_path)) as exporting:
            wait_until(lambda: waiting_for_a_lock("LOCK TABLE %ACCESS SHARE%"))
            session.execute("COMMIT")
            path = exporting.result(timeout=20)

    run_sql("UPDATE cash SET note = NULL")
    assert restore(BOOKS, path).counts == Counts(update=ACCOUNTS, unchanged=ACCOUNTS)


def test_export_of_a_table_that_is_dropped_while_it_waits_leaves_no_file(
    books: None, tmp_path: Path
) -> None:
    with another_session() as session:
        session.execute("BEGIN; DROP TABLE debts")
        with in_background(lambda: backup(BOOKS, tmp_path)) as exporting:
            wait_until(lambda: waiting_for_a_lock("LOCK TABLE %ACCESS SHARE%"))
            session.execute("COMMIT")
            error = exporting.exception(timeout=20)

    assert isinstance(error, TableMissing)
    assert list(tmp_path.iterdir()) == []


def test_export_keeps_truncate_and_alter_out_and_lets_writers_in(
    books: None, tmp_path: Path
) -> None:
    path = tmp_path / "books.hms-backup"

    def meanwhile() -> None:
        for statement in ("TRUNCATE debts", "ALTER TABLE debts ADD COLUMN note TEXT"):
            with pytest.raises(errors.LockNotAvailable):
                session.execute(statement)
        session.execute("UPDATE debts SET amount = 1; DELETE FROM debts WHERE id > 5")

    with another_session() as session:
        watched_export(BOOKS, path, at("read", meanwhile, "cash"))

    assert archived_sum(path) == 0
    assert query("SELECT count(*), sum(amount) FROM debts") == [(5, 5)]


def test_export_gives_up_on_a_lock_after_the_timeout(
    books: None, tmp_path: Path, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"LOCK_TIMEOUT": 0.1}
    with another_session() as session:
        session.execute("BEGIN; LOCK TABLE debts IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(LockTimeout):
            backup(BOOKS, tmp_path)

    assert list(tmp_path.iterdir()) == []


# Dry runs


def test_dry_run_writes_nothing_and_keeps_no_one_out(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        """
        CREATE TABLE beds_ (id SERIAL PRIMARY KEY, name TEXT UNIQUE, ward_id INTEGER);
        CREATE TABLE diary (what TEXT);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO diary VALUES (TG_OP); RETURN NULL; END $$;
        INSERT INTO beds_ (name) SELECT 'bed ' || n FROM generate_series(1, 50) n;
        """
    )
    scope = adhoc_scope("beds_")
    path = backup(scope, tmp_path)
    run_sql(
        "UPDATE beds_ SET name = name || 'x' WHERE id < 5; DELETE FROM beds_ WHERE id > 45;"
        "INSERT INTO beds_ VALUES (99, 'new'); SELECT setval('beds_id_seq', 3);"
        "CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON beds_ "
        "FOR EACH STATEMENT EXECUTE FUNCTION note()"
    )
    traces = (
        "SELECT xmin::text, xmax::text, ctid::text, cmin::text, * FROM beds_ ORDER BY id",
        "SELECT last_value, log_cnt, is_called FROM beds_id_seq",
        "SELECT * FROM diary",
        "SELECT relname, relfilenode, xmin::text FROM pg_class WHERE relname LIKE 'beds%'",
        "SELECT tgname, tgenabled, xmin::text FROM pg_trigger WHERE tgname = 'note'",
    )
    before = [query(trace) for trace in traces]
    held: set[str] = set()

    def meanwhile() -> None:
        held.update(
            mode
            for (mode,) in query(
                "SELECT mode FROM pg_locks WHERE relation IN ('beds_'::regclass, "
                "'beds_pkey'::regclass, 'beds_id_seq'::regclass) AND pid <> pg_backend_pid()"
            )
        )

    with ArchiveReader.open(path, UNLIMITED) as reader:
        for mode in Mode:
            planned = plan_restore(
                reader,
                scope,
                RestoreOptions(mode=mode, show_changes=5),
                settings=get_settings(),
                progress=at("stage", meanwhile),
            )
            assert planned.counts.changes > 0

    assert [query(trace) for trace in traces] == before
    assert held <= {"AccessShareLock"}


# Restores


@pytest.fixture
def archive(books: None, tmp_path: Path) -> Path:
    path = backup(BOOKS, tmp_path)
    run_sql("UPDATE cash SET amount = 1 WHERE id = 1; DELETE FROM debts WHERE id = 1")
    return path


def test_restore_without_changes_writes_no_row(archive: Path) -> None:
    restore(BOOKS, archive)
    trace = "SELECT xmin::text, xmax::text, ctid::text FROM {} ORDER BY id"
    before = [query(trace.format(table)) for table in BOOKS.tables]

    restore(BOOKS, archive, mode=Mode.MIRROR)

    assert [query(trace.format(table)) for table in BOOKS.tables] == before


def test_dry_run_sees_one_state_of_all_tables(archive: Path) -> None:
    def meanwhile() -> None:
        session.execute("BEGIN; UPDATE cash SET amount = 9; DELETE FROM debts; COMMIT")

    with another_session() as session, ArchiveReader.open(archive, UNLIMITED) as reader:
        planned = plan_restore(
            reader,
            BOOKS,
            RestoreOptions(),
            settings=get_settings(),
            progress=at("stage", meanwhile, "debts"),
        )

    assert planned.counts == Counts(insert=1, update=1, unchanged=2 * ACCOUNTS - 2)
    assert plan(BOOKS, archive).counts == Counts(insert=ACCOUNTS, update=ACCOUNTS)


def test_readers_are_never_blocked_and_writers_wait(archive: Path) -> None:
    seen = []

    def meanwhile() -> None:
        seen.append(session.execute("SELECT amount FROM cash WHERE id = 1").fetchall())
        seen.append(session.execute("SELECT count(*) FROM debts").fetchall())
        for statement in (
            "UPDATE cash SET amount = 5 WHERE id = 2",
            "INSERT INTO debts VALUES (77, 0)",
            "DELETE FROM cash WHERE id = 3",
        ):
            with pytest.raises(errors.LockNotAvailable):
                session.execute(statement)

    with another_session() as session:
        watched_restore(BOOKS, archive, progress=at("prove", meanwhile))

    assert seen == [[(1,)], [(ACCOUNTS - 1,)]]
    assert query("SELECT sum(amount), count(*) FROM cash") == [(0, ACCOUNTS)]


def test_writer_that_waited_goes_on_after_the_restore(archive: Path) -> None:
    with another_session() as session, ExitStack() as stack:
        session.execute("SET lock_timeout = 0")

        def start_writer() -> None:
            stack.enter_context(
                in_background(
                    lambda: session.execute("UPDATE cash SET amount = amount + 10 WHERE id = 1")
                )
            )
            wait_until(lambda: waiting_for_a_lock("UPDATE cash%"))

        watched_restore(BOOKS, archive, progress=at("prove", start_writer))

    assert query("SELECT amount FROM cash WHERE id = 1") == [(10,)]


def test_restore_gives_up_on_a_lock_after_the_timeout(archive: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {"LOCK_TIMEOUT": 0.1}
    with another_session() as session:
        session.execute("BEGIN; UPDATE cash SET amount = 3 WHERE id = 9")

        with pytest.raises(LockTimeout):
            restore(BOOKS, archive)
        session.execute("ROLLBACK")

    assert query("SELECT amount FROM cash WHERE id = 1") == [(1,)]
    assert restore(BOOKS, archive).counts.changes == 2


def test_restore_waits_for_a_writer_and_sees_what_it_wrote(archive: Path) -> None:
    planned = plan(BOOKS, archive)
    with another_session() as session:
        session.execute("BEGIN; UPDATE cash SET amount = 3 WHERE id = 1")
        with in_background(
            lambda: restore(BOOKS, archive, expected_digest=planned.digest)
        ) as restoring:
            wait_until(lambda: waiting_for_a_lock("LOCK TABLE %SHARE ROW EXCLUSIVE%"))
            session.execute("COMMIT")
            error = restoring.exception(timeout=20)

    assert isinstance(error, PlanOutdated)
    assert query("SELECT amount FROM cash WHERE id = 1") == [(3,)]


def test_table_altered_while_the_archive_is_read_outdates_the_plan(archive: Path) -> None:
    before = snapshot("debts")

    with another_session() as session, pytest.raises(PlanOutdated):
        watched_restore(
            BOOKS,
            archive,
            progress=at("stage", lambda: session.execute("ALTER TABLE cash ADD COLUMN note TEXT")),
        )

    assert query("SELECT amount, note FROM cash WHERE id = 1") == [(1, None)]
    assert snapshot("debts") == before


# Two at a time


def overlapping() -> tuple[Scope, Scope, Scope, Scope]:
    """A department, its two subsystems, and a subsystem elsewhere."""
    cash, debts = adhoc_subsystem("cash", id="CASH"), adhoc_subsystem("debts", id="DEBTS")
    return (
        adhoc_department(cash, debts),
        adhoc_scope("cash", id="CASH"),
        adhoc_scope("debts", id="DEBTS"),
        adhoc_scope("third", id="THIRD"),
    )


@pytest.mark.parametrize("step", ["stage", "write", "prove"])
@pytest.mark.parametrize(("running", "coming"), [(1, 1), (0, 1), (1, 0), (0, 0), (2, 0)])
def test_second_restore_of_overlapping_scopes_is_told_at_once_that_it_is_busy(
    books: None, tmp_path: Path, step: str, running: int, coming: int
) -> None:
    first, second = overlapping()[running], overlapping()[coming]
    first_path = backup(first, tmp_path, "first.hms-backup")
    second_path = backup(second, tmp_path, "second.hms-backup")
    run_sql("UPDATE cash SET amount = 1; UPDATE debts SET amount = 1")
    refused = []

    def come() -> None:
        with pytest.raises(Busy) as caught:
            restore(second, second_path)
        refused.append(caught.value.table)

    done = watched_restore(first, first_path, progress=at(step, come))

    assert done.counts.update == ACCOUNTS * len(first.tables)
    assert len(refused) == 1
    restore(second, second_path)
    assert {query(f"SELECT sum(amount) FROM {table}")[0] for table in second.tables} == {(0,)}


def test_restores_of_different_scopes_do_not_mind_each_other(
    books: None, make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE third (id INTEGER PRIMARY KEY); INSERT INTO third VALUES (1)")
    department, _, _, third = overlapping()
    path = backup(department, tmp_path, "first.hms-backup")
    other = backup(third, tmp_path, "other.hms-backup")
    run_sql("UPDATE cash SET amount = 1; DELETE FROM third")

    watched_restore(department, path, progress=at("prove", lambda: restore(third, other)))

    assert query("SELECT count(*) FROM third") == [(1,)]
    assert query("SELECT sum(amount) FROM cash") == [(0,)]


def test_dry_run_and_export_run_beside_a_restore(archive: Path, tmp_path: Path) -> None:
    seen: list[object] = []

    def meanwhile() -> None:
        seen.append(plan(BOOKS, archive).counts.changes)
        seen.append(archived_sum(backup(BOOKS, tmp_path, "meanwhile.hms-backup")))

    watched_restore(BOOKS, archive, progress=at("prove", meanwhile))

    assert seen == [2, 1]


def test_no_one_adds_a_reference_to_a_row_that_is_about_to_be_deleted(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        """
        CREATE TABLE patients_ (id INTEGER PRIMARY KEY);
        CREATE TABLE visits (id INTEGER PRIMARY KEY,
            patient_id INTEGER REFERENCES patients_ (id) ON DELETE CASCADE);
        CREATE TABLE bills (id INTEGER PRIMARY KEY,
            visit_id INTEGER REFERENCES visits (id) ON DELETE CASCADE);
        INSERT INTO patients_ VALUES (1);
        """
    )
    scope = adhoc_scope("patients_")
    path = backup(scope, tmp_path)
    run_sql("INSERT INTO patients_ VALUES (2); INSERT INTO visits VALUES (1, 1), (2, 2)")

    def meanwhile() -> None:
        for statement in ("INSERT INTO visits VALUES (3, 2)", "INSERT INTO bills VALUES (4, 2)"):
            with pytest.raises(errors.LockNotAvailable):
                session.execute(statement)
        session.execute("INSERT INTO visits VALUES (5, 1); INSERT INTO bills VALUES (6, 1)")

    with another_session() as session:
        watched_restore(
            scope,
            path,
            before_writing=meanwhile,
            mode=Mode.MIRROR,
            accept=frozenset({"cascade_outside"}),
        )

    assert query("SELECT id FROM visits ORDER BY id") == [(1,), (5,)]
    assert query("SELECT id FROM bills") == [(6,)]
