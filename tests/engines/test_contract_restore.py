"""The restore contract, unchanged over every vendor: planning, confirming, refusing, proving."""

from __future__ import annotations

from pathlib import Path

import pytest

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.exceptions import (
    OperationCancelled,
    PlanOutdated,
    ScopeMismatch,
    TableMissing,
    TableProtected,
)
from hms_backup.plan import Action, Mode
from hms_backup.registry import registry
from hms_backup.restore import RestoreOptions, apply_restore
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, plan, restore
from tests.support import adhoc_department, adhoc_scope, adhoc_subsystem, query, run_sql, snapshot
from tests.tampering import rewritten

pytestmark = pytest.mark.django_db(transaction=True)

BEDS = adhoc_scope("beds_", "wards_")


def test_restore_brings_every_row_back_after_damage(hospital: object, tmp_path: Path) -> None:
    scope = registry.subsystem("HR1")
    before = snapshot()
    path = backup(scope, tmp_path)
    run_sql("UPDATE vacancies SET position_name = 'Wrong' WHERE id <= 2")
    run_sql("DELETE FROM interviews WHERE id = 1")
    planned = plan(scope, path, show_changes=5)
    assert planned.counts.update == 2
    assert planned.counts.insert == 1
    assert not planned.problems
    done = restore(scope, path, expected_digest=planned.digest)
    assert done.counts == planned.counts
    assert snapshot() == before


def test_dry_run_changes_nothing(hospital: object, tmp_path: Path) -> None:
    scope = registry.subsystem("HR1")
    path = backup(scope, tmp_path)
    run_sql("UPDATE vacancies SET position_name = 'Wrong' WHERE id = 1")
    before = snapshot()
    planned = plan(scope, path, show_changes=5, mode=Mode.MIRROR)
    assert planned.counts.changes == 1
    (change,) = [change for table in planned.tables for change in table.changes]
    assert change.action is Action.UPDATE
    assert change.changed_columns == ("position_name",)
    assert change.before["position_name"] == "Wrong"
    assert snapshot() == before


@pytest.fixture
def archive(make_table: MakeTable, tmp_path: Path) -> Path:
    """Beds 1 to 3 and a ward; then 1 is altered, 2 gone, and 4 new."""
    make_table(
        """
        CREATE TABLE beds_ (id INTEGER PRIMARY KEY, name TEXT, note TEXT);
        CREATE TABLE wards_ (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO beds_ VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'c', NULL);
        INSERT INTO wards_ VALUES (1, 'w');
        """
    )
    path = backup(BEDS, tmp_path)
    run_sql(
        "UPDATE beds_ SET name = 'x' WHERE id = 1; DELETE FROM beds_ WHERE id = 2;"
        "INSERT INTO beds_ VALUES (4, 'd', NULL)"
    )
    return path


# The digest


def test_digest_is_the_same_for_the_same_data(archive: Path) -> None:
    assert plan(BEDS, archive).digest == plan(BEDS, archive).digest
    assert len(plan(BEDS, archive).digest) == 64


def test_digest_does_not_depend_on_what_is_shown(archive: Path) -> None:
    assert plan(BEDS, archive).digest == plan(BEDS, archive, show_changes=3).digest


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE beds_ SET name = 'y' WHERE id = 1",
        "UPDATE beds_ SET note = '' WHERE id = 1",
        "UPDATE beds_ SET name = 'a' WHERE id = 1",
        "UPDATE beds_ SET name = 'z' WHERE id = 3",
        "DELETE FROM beds_ WHERE id = 3",
        "DELETE FROM beds_ WHERE id = 1",
        "INSERT INTO beds_ VALUES (2, 'b', NULL)",
        "INSERT INTO beds_ VALUES (2, 'x', NULL)",
        "UPDATE wards_ SET name = NULL",
    ],
)
def test_any_change_of_a_row_in_the_plan_outdates_it(archive: Path, change: str) -> None:
    planned = plan(BEDS, archive)
    run_sql(change)
    before = snapshot("beds_", "wards_")

    with pytest.raises(PlanOutdated) as caught:
        restore(BEDS, archive, expected_digest=planned.digest)

    assert caught.value.plan is not None
    assert caught.value.plan.digest == plan(BEDS, archive).digest != planned.digest
    assert snapshot("beds_", "wards_") == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE beds_ SET name = 'e' WHERE id = 4",
        "INSERT INTO beds_ VALUES (5, 'e', NULL)",
        "DELETE FROM beds_ WHERE id = 4",
    ],
)
def test_row_to_be_deleted_outdates_the_plan_of_a_mirror_only(archive: Path, change: str) -> None:
    upsert, mirror = (plan(BEDS, archive, mode=mode) for mode in (Mode.UPSERT, Mode.MIRROR))
    run_sql(change)

    with pytest.raises(PlanOutdated):
        restore(BEDS, archive, mode=Mode.MIRROR, expected_digest=mirror.digest)
    restore(BEDS, archive, expected_digest=upsert.digest)

    assert query("SELECT name FROM beds_ WHERE id <= 3 ORDER BY id") == [("a",), ("b",), ("c",)]


def test_column_that_the_archive_lacks_outdates_the_plan_of_a_row_to_be_deleted(
    archive: Path,
) -> None:
    run_sql("ALTER TABLE beds_ ADD COLUMN price INTEGER")
    planned = plan(BEDS, archive, mode=Mode.MIRROR)
    run_sql("UPDATE beds_ SET price = 7 WHERE id = 4")

    with pytest.raises(PlanOutdated):
        restore(BEDS, archive, mode=Mode.MIRROR, expected_digest=planned.digest)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": Mode.MIRROR},
        {"mode": Mode.INSERT},
        {"tables": ("beds_",)},
        {"leave_out": frozenset({"beds_.gone"})},
    ],
)
def test_plan_of_other_options_is_outdated(archive: Path, options: dict[str, object]) -> None:
    planned = plan(BEDS, archive)
    before = snapshot("beds_", "wards_")

    with pytest.raises(PlanOutdated):
        restore(BEDS, archive, expected_digest=planned.digest, **options)

    assert snapshot("beds_", "wards_") == before


def test_plan_of_another_file_is_outdated(archive: Path) -> None:
    planned = plan(BEDS, archive)
    other = rewritten(archive, rows={"wards_": lambda rows: [*rows, {"id": 2, "name": None}]})

    with pytest.raises(PlanOutdated):
        restore(BEDS, other, expected_digest=planned.digest)

    assert query("SELECT name FROM beds_ WHERE id = 1") == [("x",)]


def test_restore_without_changes_leaves_everything_as_it_is(archive: Path) -> None:
    restore(BEDS, archive)
    before = snapshot("beds_", "wards_")
    planned = plan(BEDS, archive)

    done = restore(BEDS, archive, expected_digest=planned.digest)

    assert done.counts.changes == 0
    assert snapshot("beds_", "wards_") == before


def test_change_of_mind_before_the_writing_changes_nothing(archive: Path) -> None:
    before = snapshot("beds_", "wards_")

    def decline() -> None:
        raise OperationCancelled("No.")

    with (
        ArchiveReader.open(archive, UNLIMITED) as reader,
        pytest.raises(OperationCancelled),
    ):
        apply_restore(
            reader, BEDS, RestoreOptions(), settings=get_settings(), before_writing=decline
        )

    assert snapshot("beds_", "wards_") == before
    assert restore(BEDS, archive).counts.changes == 2


# Archives that do not belong here


HOSTILE = ["beds_' OR '1'='1", "beds_; DROP TABLE beds_", "beds_ CASCADE", "WARDS_"]


@pytest.mark.parametrize("name", [*HOSTILE, "users", "auth_user", "interlopers"])
def test_table_of_another_subsystem_smuggled_in_is_refused(
    archive: Path, make_table: MakeTable, name: str
) -> None:
    make_table("CREATE TABLE interlopers (id INTEGER PRIMARY KEY, name TEXT)")
    before = snapshot("beds_", "wards_", "users", "interlopers")
    smuggled = rewritten(archive, rename={"wards_": name})

    for run in (plan, restore):
        with pytest.raises(ScopeMismatch) as caught:
            run(BEDS, smuggled)
        assert name not in str(caught.value.as_dict())

    assert snapshot("beds_", "wards_", "users", "interlopers") == before


@pytest.mark.parametrize("column", ["name; DROP TABLE beds_; --", "name) VALUES (1)", "ctid"])
def test_hostile_column_never_reaches_the_database(archive: Path, column: str) -> None:
    run_sql("ALTER TABLE wards_ RENAME COLUMN name TO label; DELETE FROM wards_")
    before = snapshot("beds_", "wards_")
    hostile = rewritten(
        archive,
        columns={"wards_": {"name": column}},
        rows={"wards_": lambda rows: [{"id": row["id"], column: row["name"]} for row in rows]},
    )

    planned = plan(BEDS, hostile)
    left_out = restore(BEDS, hostile, leave_out=frozenset({f"wards_.{column}"}), mode=Mode.INSERT)

    assert [(each.code, each.column) for each in planned.blocking] == [
        ("column_incompatible", column)
    ]
    assert left_out.counts.insert == 2
    assert before["wards_"] == []
    assert query("SELECT id, label FROM wards_") == [(1, None)]
    assert query("SELECT count(*) FROM beds_") == [(4,)]


@pytest.mark.parametrize(
    ("scope", "target_id"),
    [
        ("subsystem", "OTHER"),
        ("department", "ADHOC"),
        ("subsystem", "ADHOC_DEPARTMENT"),
        ("subsystem", "ADHOC "),
        ("subsystem", "ADHOC'; DROP TABLE beds_; --"),
    ],
)
def test_archive_of_another_scope_is_refused(archive: Path, scope: str, target_id: str) -> None:
    before = snapshot("beds_", "wards_")
    other = rewritten(archive, scope=scope, target_id=target_id)

    for run in (plan, restore):
        with pytest.raises(ScopeMismatch):
            run(BEDS, other)

    assert snapshot("beds_", "wards_") == before


def test_archive_of_hr1_is_refused_at_hr2(hospital: object, tmp_path: Path) -> None:
    path = backup(registry.subsystem("HR1"), tmp_path)

    for scope in (registry.subsystem("HR2"), registry.department("HR")):
        with pytest.raises(ScopeMismatch):
            restore(scope, path)


def test_scope_is_compared_without_regard_to_case(archive: Path) -> None:
    restore(BEDS, rewritten(archive, target_id="adhoc"))

    assert query("SELECT name FROM beds_ WHERE id = 1") == [("a",)]


def test_tables_of_two_subsystems_do_not_mix_in_a_department(
    archive: Path, make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE third (id INTEGER PRIMARY KEY)")
    department = adhoc_department(adhoc_subsystem("beds_", "wards_"), id="D")
    larger = adhoc_department(adhoc_subsystem("beds_", "wards_", "third"), id="D")
    path = backup(larger, tmp_path, "larger.hms-backup")
    before = snapshot("beds_", "wards_")

    with pytest.raises(ScopeMismatch):
        restore(department, path)

    assert snapshot("beds_", "wards_") == before


# Protected tables


@pytest.mark.parametrize("table", ["users", "auth_user", "django_session", "system_audit_logs"])
def test_protected_table_is_neither_exported_nor_restored_even_if_registered(
    archive: Path, tmp_path: Path, table: str
) -> None:
    misconfigured = adhoc_scope("beds_", "wards_", table)
    before = snapshot("beds_", "wards_", table)

    for attempt in (
        lambda: backup(misconfigured, tmp_path, "secrets.hms-backup"),
        lambda: plan(misconfigured, archive),
        lambda: restore(misconfigured, archive),
        lambda: restore(misconfigured, archive, tables=("beds_",)),
    ):
        with pytest.raises(TableProtected) as caught:
            attempt()
        assert caught.value.table == table

    assert snapshot("beds_", "wards_", table) == before
    assert list(tmp_path.glob("*secrets*")) == []


# Tables that are not there


def test_table_that_does_not_exist_is_named(archive: Path) -> None:
    run_sql("DROP TABLE wards_")
    before = snapshot("beds_")

    for run in (plan, restore):
        with pytest.raises(TableMissing) as caught:
            run(BEDS, archive)
        assert caught.value.table == "wards_"

    assert snapshot("beds_") == before
