"""Live tables that are not what the models say, or no longer what they were when archived."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps.registry import Apps
from django.db import connection, models

from hms_backup.exceptions import (
    PlanRefused,
    RowInvalid,
    SchemaUnsupported,
    TableMissing,
    TableUnkeyed,
)
from hms_backup.plan import Mode, RestorePlan
from hms_backup.schema import Compatibility
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, query, rows, run_sql

pytestmark = pytest.mark.django_db(transaction=True)


def member(path: Path, table: str) -> list[dict[str, object]]:
    with zipfile.ZipFile(path) as archive:
        found: list[dict[str, object]] = json.loads(archive.read(f"{table}.json"))
    return found


def said(planned: RestorePlan, column: str) -> Compatibility | None:
    (table,) = planned.tables
    found = [each.compatibility for each in table.diff.columns if each.column == column]
    return found[0] if found else None


def codes(planned: RestorePlan) -> list[tuple[str, str]]:
    return [(problem.code, problem.column) for problem in planned.problems]


@pytest.fixture
def staff(make_table: MakeTable) -> None:
    """A table of three rows."""
    make_table("CREATE TABLE staff (id integer PRIMARY KEY, name varchar(20), age integer)")
    run_sql("INSERT INTO staff VALUES (1, 'Ana', 30), (2, 'Ben', 40), (3, NULL, NULL)")


# TRAPS 7: columns


def test_columns_that_no_model_declares_are_backed_up_and_restored(
    staff: None, tmp_path: Path
) -> None:
    scope = adhoc_scope("staff")  # its model has nothing but the key
    before = rows("staff")
    path = backup(scope, tmp_path)
    assert list(member(path, "staff")[0]) == ["id", "name", "age"]
    run_sql("UPDATE staff SET name = 'x', age = 0")
    run_sql("DELETE FROM staff WHERE id = 1")

    restore(scope, path)

    assert rows("staff") == before


def test_column_added_since_keeps_its_value_and_gets_its_default(
    staff: None, tmp_path: Path
) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("ALTER TABLE staff ADD COLUMN ward varchar(10) DEFAULT 'none'")
    run_sql("ALTER TABLE staff ADD COLUMN badge integer")
    run_sql("UPDATE staff SET ward = 'north', badge = 7, name = 'wrong' WHERE id = 1")
    run_sql("DELETE FROM staff WHERE id = 2")

    planned = plan(scope, path)
    restore(scope, path, expected_digest=planned.digest)

    assert said(planned, "ward") is said(planned, "badge") is Compatibility.SAFE
    assert query("SELECT id, name, ward, badge FROM staff ORDER BY id") == [
        (1, "Ana", "north", 7),
        (2, "Ben", "none", None),
        (3, None, "none", None),
    ]
    assert plan(scope, path).counts.changes == 0


def test_required_column_added_since_blocks_new_rows_only(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE staff (id integer PRIMARY KEY, name varchar(20))")
    run_sql("INSERT INTO staff VALUES (1, 'Ana'), (2, 'Ben')")
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE staff")
    run_sql("CREATE TABLE staff (id integer PRIMARY KEY, name varchar(20), ward text NOT NULL)")
    run_sql("INSERT INTO staff VALUES (1, 'wrong', 'north')")

    planned = plan(scope, path)
    assert [(each.code, each.column) for each in planned.blocking] == [("column_required", "ward")]
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.column) == ("staff", "ward")
    assert query("SELECT * FROM staff") == [(1, "wrong", "north")]

    run_sql("INSERT INTO staff VALUES (2, 'wrong', 'south')")
    restore(scope, path)
    assert query("SELECT * FROM staff ORDER BY id") == [(1, "Ana", "north"), (2, "Ben", "south")]


def test_column_dropped_since_blocks_unless_left_out(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("ALTER TABLE staff DROP COLUMN age")
    run_sql("UPDATE staff SET name = 'wrong'")

    planned = plan(scope, path)
    assert codes(planned) == [("column_incompatible", "age")]
    assert "--leave-out staff.age" in planned.problems[0].hint
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.column) == ("staff", "age")
    assert query("SELECT DISTINCT name FROM staff") == [("wrong",)]

    done = restore(scope, path, leave_out=frozenset({"staff.age"}))
    assert done.counts.update == 3
    assert said(done, "age") is Compatibility.SAFE
    assert query("SELECT * FROM staff ORDER BY id") == [(1, "Ana"), (2, "Ben"), (3, None)]


def test_column_that_is_still_there_cannot_be_left_out(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)

    with pytest.raises(PlanRefused):
        restore(scope, path, leave_out=frozenset({"staff.age"}))


def test_renamed_column_blocks(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("ALTER TABLE staff RENAME COLUMN age TO years")

    planned = plan(scope, path)

    assert said(planned, "age") is Compatibility.BLOCKING
    assert said(planned, "years") is Compatibility.SAFE


def test_column_in_another_place_is_the_same_column(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE staff")
    run_sql("CREATE TABLE staff (age integer, name varchar(20), id integer PRIMARY KEY)")

    done = restore(scope, path)

    assert not done.problems
    assert query("SELECT id, name, age FROM staff ORDER BY id") == [
        (1, "Ana", 30),
        (2, "Ben", 40),
        (3, None, None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "value", "expected"),
    [
        ("varchar(20)", "varchar(40)", "'Ana'", "Ana"),
        ("varchar(20)", "text", "'Ana'", "Ana"),
        ("date", "text", "'2026-01-01'", "2026-01-01"),
        ("integer", "bigint", "7", 7),
    ],
)
def test_safe_type_change_is_said_and_restored(
    make_table: MakeTable, tmp_path: Path, old: str, new: str, value: str, expected: object
) -> None:
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, v {old})")
    run_sql(f"INSERT INTO odd VALUES (1, {value})")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE odd")
    run_sql(f"CREATE TABLE odd (id integer PRIMARY KEY, v {new})")

    done = restore(scope, path)

    assert said(done, "v") is Compatibility.SAFE
    assert query("SELECT v FROM odd") == [(expected,)]


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("text", "integer", "'7'"),
        ("integer", "text", "7"),
        ("integer", "boolean", "1"),
        ("text", "date", "'2026-01-01'"),
        ("timestamp", "date", "'2026-01-01 10:00:00'"),
        ("numeric(10,2)", "integer", "1.50"),
    ],
)
def test_type_change_that_could_alter_values_blocks(
    make_table: MakeTable, tmp_path: Path, old: str, new: str, value: str
) -> None:
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, v {old})")
    run_sql(f"INSERT INTO odd VALUES (1, {value})")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE odd")
    run_sql(f"CREATE TABLE odd (id integer PRIMARY KEY, v {new})")

    assert said(plan(scope, path), "v") is Compatibility.BLOCKING
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path)

    assert (caught.value.table, caught.value.column) == ("odd", "v")
    assert query("SELECT count(*) FROM odd") == [(0,)]


def test_column_that_became_required_blocks_rows_without_it(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE staff")
    run_sql("CREATE TABLE staff (id integer PRIMARY KEY, name varchar(20) NOT NULL, age integer)")

    planned = plan(scope, path)

    assert codes(planned) == [("null_value", "name")]
    assert planned.problems[0].rows == ("3",)
    assert "Allow NULL" in planned.problems[0].hint
    with pytest.raises(PlanRefused):
        restore(scope, path)


# TRAPS 8: generated columns, keys


@pytest.fixture(params=["STORED", "VIRTUAL"])
def generated(request: pytest.FixtureRequest) -> str:
    """How a generated column is declared; PostgreSQL has virtual ones from 18 on."""
    stored = connection.vendor == "postgresql" and query("SHOW server_version_num") < [("180000",)]
    return "STORED" if stored else str(request.param)


def test_generated_column_is_archived_and_never_written(
    make_table: MakeTable, tmp_path: Path, generated: str
) -> None:
    make_table(
        "CREATE TABLE odd (id integer PRIMARY KEY, a integer, "
        f"twice integer GENERATED ALWAYS AS (a * 2) {generated}, z integer)"
    )
    run_sql("INSERT INTO odd (id, a, z) VALUES (1, 10, 1), (2, 20, 2)")
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)
    assert member(path, "odd")[1] == {"id": 2, "a": 20, "twice": 40, "z": 2}
    run_sql("UPDATE odd SET a = 0, z = 0 WHERE id = 1")
    run_sql("DELETE FROM odd WHERE id = 2")

    done = restore(scope, path)

    assert rows("odd") == before
    assert (done.counts.update, done.counts.insert) == (1, 1)


def test_column_that_became_generated_blocks_unless_left_out(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, a integer, twice integer)")
    run_sql("INSERT INTO odd VALUES (1, 10, 21)")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE odd")
    run_sql(
        "CREATE TABLE odd (id integer PRIMARY KEY, a integer, "
        "twice integer GENERATED ALWAYS AS (a * 2) STORED)"
    )

    assert codes(plan(scope, path)) == [("column_incompatible", "twice")]
    restore(scope, path, leave_out=frozenset({"odd.twice"}))

    assert query("SELECT * FROM odd") == [(1, 10, 20)]


def test_composite_keys_tell_rows_apart(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE odd (name varchar(20), day date, v integer, PRIMARY KEY (day, name))")
    run_sql("INSERT INTO odd VALUES ('a', '2026-01-02', 1), ('b', '2026-01-01', 2)")
    run_sql("INSERT INTO odd VALUES ('a', '2026-01-01', 3), ('a, 2026', '2026-01-01', 4)")
    scope = adhoc_scope("odd", key="name")
    before = rows("odd")
    path = backup(scope, tmp_path)
    assert [each["v"] for each in member(path, "odd")] == [3, 4, 2, 1]
    run_sql("UPDATE odd SET v = 0 WHERE name = 'a'")
    run_sql("DELETE FROM odd WHERE name = 'b'")
    run_sql("INSERT INTO odd VALUES ('c', '2026-01-01', 9)")

    planned = plan(scope, path, mode=Mode.MIRROR, show_changes=9)
    restore(scope, path, mode=Mode.MIRROR, expected_digest=planned.digest)

    assert [change.key for change in planned.tables[0].changes] == [
        "2026-01-01, a",
        "2026-01-01, b",
        "2026-01-01, c",
        "2026-01-02, a",
    ]
    assert rows("odd") == before


def test_table_that_is_all_key_is_restored(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE odd (a integer, b integer, PRIMARY KEY (a, b))")
    run_sql("INSERT INTO odd VALUES (1, 1), (1, 2), (2, 1)")
    scope = adhoc_scope("odd", key="a")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE a = 1")
    run_sql("INSERT INTO odd VALUES (3, 3)")

    restore(scope, path, mode=Mode.MIRROR)

    assert query("SELECT a, b FROM odd ORDER BY a, b") == [(1, 1), (1, 2), (2, 1)]


ODD_KEYS = [
    "", " ", "a", "A", "á", "a\u0301", "Z", "z", "10", "9", "a b", "a\tb\n", "\\", "'", '"', "%s",
    "😀", ",", "null", "NULL", "x" * 500,
]  # fmt: skip


def test_text_keys_of_any_characters_are_kept_apart(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE odd (code text NOT NULL PRIMARY KEY, v integer)")
    for number, key in enumerate(ODD_KEYS):
        run_sql("INSERT INTO odd VALUES (%s, %s)", key, number)
    scope = adhoc_scope("odd", key="code")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = -1 WHERE v % 2 = 0")
    run_sql("DELETE FROM odd WHERE v % 3 = 0")

    planned = plan(scope, path, show_changes=50)
    restore(scope, path, expected_digest=planned.digest)

    assert rows("odd") == before
    assert {change.key for change in planned.tables[0].changes} <= set(ODD_KEYS)
    assert restore(scope, path, mode=Mode.MIRROR).counts.unchanged == len(ODD_KEYS)


def test_key_twice_in_the_archive_blocks_and_is_named(staff: None, tmp_path: Path) -> None:
    path = tmp_path / "twice.hms-backup"
    manifest = {
        "export_date": "2026-01-01T00:00:00",
        "scope": "subsystem",
        "target_id": "ADHOC",
        "version": "1.0.0",
        "tables": ["staff"],
    }
    same = [{"id": 7, "name": name, "age": 1} for name in ("one", "two")]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(manifest))
        archive.writestr("staff.json", json.dumps(same))
    scope = adhoc_scope("staff")
    before = rows("staff")

    planned = plan(scope, path)

    assert ("duplicate_key", "id") in codes(planned)
    assert next(each for each in planned.blocking if each.code == "duplicate_key").rows == ("7",)
    with pytest.raises(PlanRefused):
        restore(scope, path)
    assert rows("staff") == before


def test_row_without_its_key_is_refused(staff: None, tmp_path: Path) -> None:
    path = tmp_path / "null.hms-backup"
    manifest = {
        "export_date": "2026-01-01T00:00:00",
        "scope": "subsystem",
        "target_id": "ADHOC",
        "version": "1.0.0",
        "tables": ["staff"],
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(manifest))
        archive.writestr("staff.json", '[{"id": null, "name": "x", "age": 1}]')
    before = rows("staff")

    with pytest.raises((PlanRefused, RowInvalid)) as caught:
        restore(adhoc_scope("staff"), path)

    assert (caught.value.table, caught.value.column) == ("staff", "id")
    assert rows("staff") == before


def test_table_without_a_primary_key_is_refused_never_skipped(
    make_table: MakeTable, tmp_path: Path, staff: None
) -> None:
    make_table("CREATE TABLE unkeyed (id integer, name text)")
    scope = adhoc_scope("staff", "unkeyed")

    with pytest.raises(TableUnkeyed) as caught:
        backup(scope, tmp_path)

    assert caught.value.table == "unkeyed"
    assert list(tmp_path.iterdir()) == []


def test_table_that_lost_its_primary_key_is_refused_by_a_restore(
    staff: None, tmp_path: Path
) -> None:
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE staff")
    run_sql("CREATE TABLE staff (id integer, name varchar(20), age integer)")

    for attempt in (plan, restore):
        with pytest.raises(TableUnkeyed):
            attempt(scope, path)

    assert query("SELECT count(*) FROM staff") == [(0,)]


# TRAPS 9: tables that are not there, or no tables


def test_missing_table_is_named_and_nothing_is_written(staff: None, tmp_path: Path) -> None:
    scope = adhoc_scope("staff", "nowhere")
    with pytest.raises(TableMissing) as caught:
        backup(scope, tmp_path)
    assert caught.value.table == "nowhere"
    assert list(tmp_path.iterdir()) == []


def test_table_that_vanished_since_the_backup_is_named(
    staff: None, make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE gone (id integer PRIMARY KEY)")
    run_sql("INSERT INTO gone VALUES (1)")
    scope = adhoc_scope("staff", "gone")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE gone")
    run_sql("UPDATE staff SET name = 'wrong'")

    for attempt in (plan, restore):
        with pytest.raises(TableMissing) as caught:
            attempt(scope, path)
        assert caught.value.table == "gone"

    assert query("SELECT DISTINCT name FROM staff") == [("wrong",)]
    restore(scope, path, tables=("staff",))
    assert query("SELECT name FROM staff WHERE id = 1") == [("Ana",)]


def test_view_is_refused(staff: None, make_table: MakeTable, tmp_path: Path) -> None:
    run_sql("CREATE VIEW elders AS SELECT * FROM staff WHERE age > 35")
    try:
        with pytest.raises(SchemaUnsupported) as caught:
            backup(adhoc_scope("elders"), tmp_path)
        assert caught.value.table == "elders"
    finally:
        run_sql("DROP VIEW elders")


# Names

ODD_NAMES = [
    "Mixed Case", "select", "100%", "%s", "%(x)s", "naïve", "日本", "o'clock", "$1", "a;b", "--",
    "x" * 60, "action", "live", "{x}", "a`b", "a", "c", "d", "m", "p", "r", "s", "t", "v", "w", "x",
]  # fmt: skip


@pytest.fixture
def odd_name(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[str]:
    """A name for a table, which is dropped afterwards."""
    name = str(request.param)
    yield name
    run_sql(f'DROP TABLE IF EXISTS "{name}"')


@pytest.mark.parametrize("odd_name", ODD_NAMES, indirect=True)
def test_tables_and_columns_may_have_any_name(odd_name: str, tmp_path: Path) -> None:
    run_sql(
        f'CREATE TABLE "{odd_name}" ("{odd_name}" integer PRIMARY KEY, "{odd_name}2" text UNIQUE, '
        f'"{odd_name}3" integer REFERENCES "{odd_name}" ("{odd_name}") CHECK ("{odd_name}3" > 0))'
    )
    run_sql(f"""INSERT INTO "{odd_name}" VALUES (1, 'one', NULL), (2, 'two', 1), (3, 'three', 2)""")
    scope = adhoc_scope(odd_name, key=odd_name)
    before = query(f'SELECT * FROM "{odd_name}" ORDER BY 1')
    path = backup(scope, tmp_path)
    name, key = f'"{odd_name}2"', f'"{odd_name}"'
    run_sql(f"DELETE FROM {key} WHERE {key} = 3")
    run_sql(f"INSERT INTO {key} VALUES (9, 'three', NULL)")
    for value, number in (("free", 1), ("one", 2), ("two", 1)):
        run_sql(f"UPDATE {key} SET {name} = '{value}' WHERE {key} = {number}")

    planned = plan(scope, path, mode=Mode.MIRROR, show_changes=9)
    restore(scope, path, mode=Mode.MIRROR, expected_digest=planned.digest)

    assert [change.key for change in planned.tables[0].changes] == ["1", "2", "3", "9"]
    assert query(f'SELECT * FROM "{odd_name}" ORDER BY 1') == before


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\tb", "a\nb"])
def test_column_whose_name_json_would_escape_is_refused_by_the_export(
    make_table: MakeTable, tmp_path: Path, name: str
) -> None:
    quoted = name.replace('"', '""')
    make_table(f'CREATE TABLE odd (id integer PRIMARY KEY, "{quoted}" text)')

    with pytest.raises(SchemaUnsupported) as caught:
        backup(adhoc_scope("odd"), tmp_path)

    assert caught.value.table == "odd"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "odd_name", ["a/b", "a\\b", "..", " x", "a:b", "a*", "con|x"], indirect=True
)
def test_table_whose_name_cannot_be_a_file_is_refused_by_the_export(
    odd_name: str, tmp_path: Path
) -> None:
    run_sql(f'CREATE TABLE "{odd_name}" (id integer PRIMARY KEY)')

    with pytest.raises(SchemaUnsupported) as caught:
        backup(adhoc_scope(odd_name), tmp_path)

    assert caught.value.table == odd_name
    assert list(tmp_path.iterdir()) == []


def test_table_of_a_hundred_columns_and_no_rows_is_restored(
    make_table: MakeTable, tmp_path: Path
) -> None:
    listed = ", ".join(f"c{number} integer" for number in range(100))
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, {listed})")
    scope = adhoc_scope("odd")
    empty = backup(scope, tmp_path, "empty.hms-backup")
    run_sql("INSERT INTO odd (id, c99) VALUES (1, 99), (2, NULL)")
    before = rows("odd")
    path = backup(scope, tmp_path)

    assert restore(scope, empty, mode=Mode.MIRROR).counts.delete == 2
    assert restore(scope, path).counts.insert == 2

    assert rows("odd") == before


# TRAPS 11: the next id


@pytest.fixture
def numbered(make_table: MakeTable) -> type[models.Model]:
    """A table as Django makes it for a model whose ids the database hands out."""
    meta = type("Meta", (), {"db_table": "odd", "app_label": "tests", "apps": Apps()})
    attributes = {"__module__": __name__, "Meta": meta, "v": models.IntegerField(default=0)}
    attributes["id"] = models.BigAutoField(primary_key=True)
    model = type("Odd", (models.Model,), attributes)
    with connection.schema_editor() as editor:
        editor.create_model(model)
    return model


def next_id(model: type[models.Model]) -> int:
    return int(model._default_manager.create().pk)


def rewind() -> None:
    """Make the database hand out ids from 1 again."""
    if connection.vendor == "sqlite":
        run_sql("DELETE FROM sqlite_sequence WHERE name = 'odd'")
    else:
        run_sql("ALTER TABLE odd ALTER id RESTART")


def test_next_id_is_greater_than_the_largest_restored(
    numbered: type[models.Model], tmp_path: Path
) -> None:
    for _ in range(5):
        next_id(numbered)
    numbered._default_manager.create(id=70)
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd")
    rewind()

    restore(scope, path)

    assert next_id(numbered) == 71


def test_next_id_never_goes_back(numbered: type[models.Model], tmp_path: Path) -> None:
    for _ in range(3):
        next_id(numbered)
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    for _ in range(6):
        next_id(numbered)
    run_sql("DELETE FROM odd WHERE id > 1")

    restore(scope, path, mode=Mode.MIRROR)

    assert next_id(numbered) == 10


def test_next_id_stays_when_the_table_is_emptied(
    numbered: type[models.Model], tmp_path: Path
) -> None:
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    for _ in range(4):
        next_id(numbered)

    assert restore(scope, path, mode=Mode.MIRROR).counts.delete == 4

    assert next_id(numbered) == 5


def test_next_id_stays_when_a_restore_is_only_planned(
    numbered: type[models.Model], tmp_path: Path
) -> None:
    numbered._default_manager.create(id=70)
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd")
    rewind()

    plan(scope, path)

    assert next_id(numbered) == 1
