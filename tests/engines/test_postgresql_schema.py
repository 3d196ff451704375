"""PostgreSQL's own ways to shape a table, hide its rows, and number them."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import NotSupportedError, connection

from hms_backup.archive import ArchiveReader
from hms_backup.conf import get_settings
from hms_backup.engines import get_engine
from hms_backup.exceptions import (
    ConstraintViolated,
    HmsBackupError,
    PlanRefused,
    PrivilegeMissing,
    RowInvalid,
    SchemaUnsupported,
    ValueUnsupported,
)
from hms_backup.plan import Mode
from hms_backup.registry import Scope
from hms_backup.restore import RestoreOptions, apply_restore
from hms_backup.schema import Compatibility
from tests.fixtures import MakeTable
from tests.roundtrip import UNLIMITED, backup, plan, restore
from tests.support import adhoc_scope, query, rows, run_sql, snapshot

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


def member(path: Path, table: str) -> list[dict[str, object]]:
    with zipfile.ZipFile(path) as archive:
        found: list[dict[str, object]] = json.loads(archive.read(f"{table}.json"))
    return found


def text_of(table: str) -> list[tuple[object, ...]]:
    return query(f"SELECT t::text FROM {table} t ORDER BY 1")


# Keys


def test_identity_always_key_is_restored_with_its_numbers(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)")
    run_sql("INSERT INTO odd (v) VALUES ('a'), ('b'), ('c')")
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id > 1")
    run_sql("UPDATE odd SET v = 'wrong'")

    restore(scope, path)

    assert rows("odd") == before
    run_sql("INSERT INTO odd (v) VALUES ('d')")
    assert query("SELECT max(id) FROM odd") == [(4,)]


@pytest.mark.parametrize("identity", ["ALWAYS", "BY DEFAULT"])
def test_identity_column_beside_the_key_is_restored(
    make_table: MakeTable, tmp_path: Path, identity: str
) -> None:
    make_table(
        "CREATE TABLE odd (code text PRIMARY KEY, v text, "
        f"number bigint GENERATED {identity} AS IDENTITY (START 10 INCREMENT 5) UNIQUE)"
    )
    run_sql("INSERT INTO odd (code) VALUES ('a'), ('b'), ('c')")
    scope = adhoc_scope("odd", key="code")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = 'wrong' WHERE code = 'a'")
    run_sql("DELETE FROM odd WHERE code = 'c'")

    restore(scope, path)

    assert rows("odd") == before
    run_sql("INSERT INTO odd (code) VALUES ('d')")
    assert query("SELECT number FROM odd WHERE code = 'd'") == [(25,)]


def test_row_that_was_numbered_anew_is_refused_before_anything_is_written(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        "CREATE TABLE odd (code text PRIMARY KEY, number integer GENERATED ALWAYS AS IDENTITY)"
    )
    run_sql("INSERT INTO odd (code) VALUES ('a'), ('b')")
    scope = adhoc_scope("odd", key="code")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE code = 'a'")
    run_sql("INSERT INTO odd (code) VALUES ('a')")

    planned = plan(scope, path)
    assert [(each.code, each.column, each.rows) for each in planned.blocking] == [
        ("identity_fixed", "number", ("a",))
    ]
    with pytest.raises(PlanRefused):
        restore(scope, path)
    run_sql("DELETE FROM odd WHERE code = 'a'")
    restore(scope, path)

    assert query("SELECT * FROM odd ORDER BY 1") == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("type_", "keys"),
    [
        ("uuid", [f"'{'0' * 31}a'", f"'{'f' * 32}'"]),
        ("bytea", ["'\\x00'", "''"]),
        ("date", ["'infinity'", "'0044-03-15 BC'"]),
        ("timestamptz", ["'2026-01-01 00:00:00.000001+08'", "'-infinity'"]),
        ("numeric", ["1.50", "'NaN'"]),
        ("double precision", ["0.1", "'NaN'"]),
        ("inet", ["'10.0.0.1'", "'10.0.0.1/8'"]),
        ("char(4)", ["'ab'", "'abcd'"]),
        ("interval", ["'1 mon'", "'40 days'"]),
        ("int4range", ["'[1,5)'", "'empty'"]),
        ("integer[]", ["'{1,2}'", "'{}'"]),
        ("jsonb", ["'{\"a\": 1}'", "'null'"]),
        ("boolean", ["true", "false"]),
        ("name", ["'a'", "'b'"]),
        ("mood", ["'sad'", "'glad'"]),
        ("ward", ["'north'", "'south'"]),
    ],
)  # fmt: skip
def test_key_of_any_type_tells_rows_apart(
    make_table: MakeTable, tmp_path: Path, type_: str, keys: list[str]
) -> None:
    make_table("CREATE TYPE mood AS ENUM ('sad', 'glad')")
    make_table("CREATE DOMAIN ward AS varchar(5)")
    make_table(f"CREATE TABLE odd (k {type_} PRIMARY KEY, v integer)")
    for number, key in enumerate(keys):
        run_sql(f"INSERT INTO odd VALUES ({key}, {number})")
    scope = adhoc_scope("odd", key="k")
    before = text_of("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = 9 WHERE v = 0")
    run_sql("DELETE FROM odd WHERE v = 1")

    planned = plan(scope, path, mode=Mode.MIRROR, show_changes=5)
    restore(scope, path, mode=Mode.MIRROR, expected_digest=planned.digest)

    assert (planned.counts.update, planned.counts.insert, planned.counts.delete) == (1, 1, 0)
    assert text_of("odd") == before


# Collations


@pytest.mark.parametrize("collation", ['"C"', '"POSIX"', "ucs_basic"])
def test_text_keys_of_any_collation_are_compared_by_it(
    make_table: MakeTable, tmp_path: Path, collation: str
) -> None:
    make_table(
        f"CREATE TABLE odd (code varchar(9) COLLATE {collation} PRIMARY KEY, v integer, "
        f"label text COLLATE {collation} UNIQUE)"
    )
    run_sql("INSERT INTO odd VALUES ('B', 1, 'x'), ('a', 2, 'y'), ('É', 3, 'z')")
    scope = adhoc_scope("odd", key="code")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = 0 WHERE v < 3")
    run_sql("UPDATE odd SET label = 'free' WHERE code = 'a'")
    run_sql("UPDATE odd SET label = 'y' WHERE code = 'B'")
    run_sql("DELETE FROM odd WHERE v = 3")

    planned = plan(scope, path, mode=Mode.MIRROR, show_changes=5)
    restore(scope, path, mode=Mode.MIRROR, expected_digest=planned.digest)

    assert rows("odd") == before
    order = [each["code"] for each in member(path, "odd")]
    assert order == [code for (code,) in query("SELECT code FROM odd ORDER BY code")]


@pytest.fixture
def case_blind(transactional_db: None) -> Iterator[list[str]]:
    """Text types by which A equals a, as far as the server has any."""
    found = []
    if query("SELECT FROM pg_collation WHERE collprovider = 'i'") and _has_icu():
        found.append("text COLLATE any_case")
    if query("SELECT FROM pg_available_extensions WHERE name = 'citext'"):
        run_sql("CREATE EXTENSION IF NOT EXISTS citext")
        found.append("citext")
    yield found
    run_sql("DROP COLLATION IF EXISTS any_case CASCADE")
    run_sql("DROP EXTENSION IF EXISTS citext CASCADE")


def _has_icu() -> bool:
    try:
        run_sql(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', "
            "deterministic = false)"
        )
    except NotSupportedError:
        return False
    return True


def test_key_that_is_equal_but_spelt_otherwise_is_an_update(
    make_table: MakeTable, tmp_path: Path, case_blind: list[str]
) -> None:
    cases = [("numeric", "1.00", "1.0"), ("float8", "-0", "0"), ("interval", "1 mon", "30 days")]
    cases += [(type_, "Abc", "aBC") for type_ in case_blind]
    for type_, archived, live in cases:
        run_sql("DROP TABLE IF EXISTS odd")
        make_table(f"CREATE TABLE odd (code {type_} PRIMARY KEY, v integer)")
        run_sql(f"INSERT INTO odd VALUES ('{archived}', 1)")
        scope = adhoc_scope("odd", key="code")
        before = rows("odd")
        path = backup(scope, tmp_path)
        run_sql(f"UPDATE odd SET code = '{live}'")

        assert restore(scope, path, mode=Mode.MIRROR).counts.update == 1

        assert rows("odd") == before


def test_reference_between_collations_is_checked(make_table: MakeTable, tmp_path: Path) -> None:
    make_table('CREATE TABLE wards (code text COLLATE "C" PRIMARY KEY)')
    make_table(
        'CREATE TABLE staff (id integer PRIMARY KEY, ward text COLLATE "POSIX" REFERENCES wards)'
    )
    run_sql("INSERT INTO wards VALUES ('north'), ('south')")
    run_sql("INSERT INTO staff VALUES (1, 'north'), (2, 'south')")
    scope = adhoc_scope("staff")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM staff")

    assert restore(scope, path).counts.insert == 2
    run_sql("DELETE FROM staff")
    run_sql("DELETE FROM wards WHERE code = 'south'")
    planned = plan(scope, path)

    assert [(each.code, each.rows) for each in planned.blocking] == [("reference_missing", ("2",))]


# Type changes


@pytest.mark.parametrize(
    ("old", "new", "value", "expected"),
    [
        ("numeric(12,2)", "numeric(6,1)", "1.50", "1.5"),
        ("numeric(6,1)", "numeric", "1.5", "1.5"),
        ("bigint", "numeric(20)", "9223372036854775807", "9223372036854775807"),
        ("double precision", "real", "0.5", "0.5"),
        ("json", "jsonb", '\'{"b":1,  "a":2}\'', '{"a": 2, "b": 1}'),
        ("jsonb", "json", "'{\"a\":2}'", '{"a": 2}'),
        ("timestamp", "text", "'2026-01-01 10:00:00.5'", "2026-01-01T10:00:00.5"),
        ("uuid", "text", f"'{'a' * 32}'", "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"),
        ("mood", "text", "'sad'", "sad"),
        ("inet", "varchar(40)", "'10.0.0.1'", "10.0.0.1/32"),
        ("integer[]", "text", "'{1,2}'", "{1,2}"),
        ("char(5)", "text", "'ab'", "ab   "),
        ("text", "char(5)", "'ab'", "ab"),
        ("integer", "tally", "7", "7"),
    ],
)
def test_safe_type_change_is_restored(
    make_table: MakeTable, tmp_path: Path, old: str, new: str, value: str, expected: str
) -> None:
    make_table("CREATE TYPE mood AS ENUM ('sad')")
    make_table("CREATE DOMAIN tally AS smallint")
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, v {old})")
    run_sql(f"INSERT INTO odd VALUES (1, {value}), (2, NULL)")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE odd")
    run_sql(f"CREATE TABLE odd (id integer PRIMARY KEY, v {new})")

    done = restore(scope, path)

    (diff,) = done.tables[0].diff.columns
    assert diff.compatibility is Compatibility.SAFE
    assert query("SELECT v::text FROM odd ORDER BY id") == [(expected,), (None,)]
    assert plan(scope, path, mode=Mode.MIRROR).counts.changes == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timestamp", "timestamptz"),
        ("timestamptz", "timestamp"),
        ("numeric", "double precision"),
        ("double precision", "numeric"),
        ("text", "mood"),
        ("text", "inet"),
        ("inet", "cidr"),
        ("interval", "time"),
        ("jsonb", "text"),
        ("integer", "boolean"),
        ("integer[]", "bigint[]"),
        ("bytea", "uuid"),
    ],
)
def test_type_change_that_could_alter_values_blocks_even_without_rows(
    make_table: MakeTable, tmp_path: Path, old: str, new: str
) -> None:
    make_table("CREATE TYPE mood AS ENUM ('sad')")
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, v {old})")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DROP TABLE odd")
    run_sql(f"CREATE TABLE odd (id integer PRIMARY KEY, v {new})")

    (problem,) = plan(scope, path).blocking

    assert (problem.code, problem.column) == ("column_incompatible", "v")
    with pytest.raises(PlanRefused):
        restore(scope, path)


# Domains


def test_required_domain_added_since_blocks_new_rows(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE DOMAIN label AS text NOT NULL")
    make_table("CREATE DOMAIN state AS text NOT NULL DEFAULT 'new'")
    make_table("CREATE TABLE odd (id integer PRIMARY KEY)")
    run_sql("INSERT INTO odd VALUES (1)")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd")
    run_sql("ALTER TABLE odd ADD COLUMN s state")
    assert restore(scope, path).counts.insert == 1
    assert query("SELECT s FROM odd") == [("new",)]
    run_sql("DELETE FROM odd")
    run_sql("ALTER TABLE odd ADD COLUMN l label")

    planned = plan(scope, path)

    assert [(each.code, each.column) for each in planned.blocking] == [("column_required", "l")]


def test_domain_tightened_since_the_backup_refuses_what_it_no_longer_allows(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE DOMAIN code AS text")
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v code)")
    run_sql("INSERT INTO odd VALUES (1, 'fine'), (2, 'Jane Doe')")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id = 2")
    run_sql("ALTER DOMAIN code ADD CHECK (VALUE = 'fine')")

    with pytest.raises((RowInvalid, ValueUnsupported)) as caught:
        restore(scope, path)

    assert (caught.value.table, caught.value.row, caught.value.column) == ("odd", "#2", "v")
    assert "Jane" not in caught.value.message


# Relations that are no ordinary tables


def test_partitioned_table_is_one_table(make_table: MakeTable, tmp_path: Path) -> None:
    make_table(
        "CREATE TABLE odd (id integer, day date, v text, PRIMARY KEY (id, day)) "
        "PARTITION BY RANGE (day)"
    )
    for year in (2025, 2026):
        make_table(
            f"CREATE TABLE odd_{year} PARTITION OF odd "
            f"FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
        )
    run_sql("INSERT INTO odd VALUES (1, '2025-05-05', 'a'), (2, '2026-05-05', 'b')")
    scope = adhoc_scope("odd")
    before = text_of("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id = 1")
    run_sql("UPDATE odd SET v = 'wrong'")

    restore(scope, path, mode=Mode.MIRROR)

    assert text_of("odd") == before
    assert query("SELECT count(*) FROM odd_2025") == [(1,)]


def test_inheritance_parent_is_refused_and_its_child_is_not(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE parent (id integer PRIMARY KEY, v text)")
    make_table("CREATE TABLE child (extra text, PRIMARY KEY (id)) INHERITS (parent)")
    run_sql("INSERT INTO child VALUES (1, 'a', 'b')")

    with pytest.raises(SchemaUnsupported) as caught:
        backup(adhoc_scope("parent"), tmp_path)
    assert caught.value.table == "parent"
    path = backup(adhoc_scope("child"), tmp_path)
    run_sql("DELETE FROM child")
    restore(adhoc_scope("child"), path)

    assert query("SELECT * FROM child") == [(1, "a", "b")]


def test_materialized_view_is_refused(make_table: MakeTable, tmp_path: Path) -> None:
    run_sql("CREATE MATERIALIZED VIEW summary AS SELECT 1 AS id")
    try:
        with pytest.raises(SchemaUnsupported):
            backup(adhoc_scope("summary"), tmp_path)
    finally:
        run_sql("DROP MATERIALIZED VIEW summary")


def test_table_that_became_a_view_is_refused_by_the_restore(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
    run_sql("INSERT INTO odd VALUES (1, 'a')")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("ALTER TABLE odd RENAME TO odd_base")
    run_sql("CREATE VIEW odd AS SELECT * FROM odd_base")
    try:
        for attempt in (plan, restore):
            with pytest.raises(SchemaUnsupported):
                attempt(scope, path)
    finally:
        run_sql("DROP VIEW odd")


# Other schemas


@pytest.fixture
def ward_schema(transactional_db: None) -> Iterator[None]:
    """A schema called Ward 1, dropped afterwards."""
    run_sql('CREATE SCHEMA "Ward 1"')
    yield
    run_sql('DROP SCHEMA "Ward 1" CASCADE')


@pytest.mark.parametrize("written", ['Ward 1"."Staff', '"Ward 1"."Staff"'])
def test_table_of_another_schema_is_addressed_as_django_does(
    ward_schema: None, make_table: MakeTable, tmp_path: Path, written: str
) -> None:
    make_table('CREATE TABLE "Staff" (id integer PRIMARY KEY, v text)')
    run_sql("INSERT INTO \"Staff\" VALUES (1, 'of public')")
    run_sql('CREATE TABLE "Ward 1"."Staff" (id serial PRIMARY KEY, v text, gone text)')
    run_sql("INSERT INTO \"Ward 1\".\"Staff\" (v) VALUES ('a'), ('b')")
    scope = adhoc_scope(written)
    path = backup(scope, tmp_path)
    assert [each["v"] for each in member(path, "Ward 1.Staff")] == ["a", "b"]
    run_sql('TRUNCATE "Ward 1"."Staff" RESTART IDENTITY')
    run_sql('ALTER TABLE "Ward 1"."Staff" DROP COLUMN gone')

    done = restore(scope, path, leave_out=frozenset({"Ward 1.Staff.gone"}))

    assert done.tables[0].table == "Ward 1.Staff"
    assert query('SELECT * FROM "Ward 1"."Staff" ORDER BY 1') == [(1, "a"), (2, "b")]
    assert query('SELECT * FROM "Staff"') == [(1, "of public")]
    assert query('SELECT nextval(\'"Ward 1"."Staff_id_seq"\')') == [(3,)]


def test_schema_that_is_in_the_search_path_may_be_written_out(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE wards (id integer PRIMARY KEY)")
    make_table("CREATE TABLE staff (id integer PRIMARY KEY, ward_id integer REFERENCES wards)")
    run_sql("INSERT INTO wards VALUES (1)")
    run_sql("INSERT INTO staff VALUES (1, 1)")
    scope = adhoc_scope('public"."staff', 'public"."wards')
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM staff")
    run_sql("DELETE FROM wards")

    done = restore(scope, path, mode=Mode.MIRROR)

    assert [each.table for each in done.tables] == ["public.wards", "public.staff"]
    assert query("SELECT * FROM staff") == [(1, 1)]
    run_sql("INSERT INTO wards VALUES (2)")
    run_sql("INSERT INTO staff VALUES (2, 2)")
    assert not plan(scope, path, mode=Mode.MIRROR).problems
    assert restore(scope, path, mode=Mode.MIRROR).counts.delete == 2


def test_reference_into_another_schema_is_checked(
    ward_schema: None, make_table: MakeTable, tmp_path: Path
) -> None:
    run_sql('CREATE TABLE "Ward 1".beds (id integer PRIMARY KEY)')
    make_table('CREATE TABLE stays (id integer PRIMARY KEY, bed integer REFERENCES "Ward 1".beds)')
    run_sql('INSERT INTO "Ward 1".beds VALUES (1)')
    run_sql("INSERT INTO stays VALUES (1, 1)")
    scope = adhoc_scope("stays")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM stays")
    run_sql('DELETE FROM "Ward 1".beds')

    (problem,) = plan(scope, path).blocking

    assert (problem.code, problem.rows) == ("reference_missing", ("1",))
    assert "Ward 1.beds" in problem.message


# TRAPS 10: rows and tables that the role may not see


@contextmanager
def as_role(name: str, *grants: str) -> Iterator[None]:
    """Let the connections of exports and restores work as a role with these rights only."""
    run_sql(f"CREATE ROLE {name}")
    run_sql(f"GRANT USAGE ON SCHEMA public TO {name}")
    for grant in grants:
        run_sql(f"GRANT {grant} TO {name}")
    options = connection.settings_dict["OPTIONS"]
    try:
        connection.settings_dict["OPTIONS"] = {**options, "assume_role": name}
        yield
    finally:
        connection.settings_dict["OPTIONS"] = options
        run_sql(f"DROP OWNED BY {name} CASCADE")
        run_sql(f"DROP ROLE {name}")


@pytest.fixture
def hidden_rows(make_table: MakeTable) -> Scope:
    """A table of two rows, of which a policy shows one to roles that do not own it."""
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
    run_sql("INSERT INTO odd VALUES (1, 'shown'), (2, 'hidden')")
    run_sql("ALTER TABLE odd ENABLE ROW LEVEL SECURITY")
    run_sql("CREATE POLICY shown ON odd USING (v = 'shown')")
    return adhoc_scope("odd")


def test_rows_that_a_policy_hides_are_never_left_out_of_a_backup(
    hidden_rows: Scope, tmp_path: Path
) -> None:
    with as_role("hms_reader", "SELECT ON odd"), pytest.raises(PrivilegeMissing) as caught:
        backup(hidden_rows, tmp_path)

    assert caught.value.table == "odd"
    assert "Row-level security" in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_rows_that_a_policy_hides_are_never_left_out_of_a_count(hidden_rows: Scope) -> None:
    engine = get_engine(get_settings().database)

    with as_role("hms_reader", "SELECT ON odd"), pytest.raises(PrivilegeMissing) as caught:
        engine.row_counts(["odd"])

    assert caught.value.table == "odd"
    assert engine.row_counts(["odd", "gone"]) == {"odd": 2, "gone": None}


@pytest.mark.parametrize("mode", Mode)
def test_rows_that_a_policy_hides_are_never_taken_for_missing(
    hidden_rows: Scope, tmp_path: Path, mode: Mode
) -> None:
    path = backup(hidden_rows, tmp_path)
    run_sql("UPDATE odd SET v = 'shown, but wrong' WHERE id = 1")
    before = rows("odd")

    with as_role("hms_writer", "ALL ON odd"):
        for attempt in (plan, restore):
            with pytest.raises(PrivilegeMissing) as caught:
                attempt(hidden_rows, path, mode=mode)
            assert caught.value.table == "odd"

    assert rows("odd") == before


def test_policy_that_binds_the_owner_too_refuses_the_owner(
    make_table: MakeTable, tmp_path: Path
) -> None:
    with as_role("hms_owner", "CREATE ON SCHEMA public"):
        make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
        run_sql("INSERT INTO odd VALUES (1, 'shown'), (2, 'hidden')")
        run_sql("ALTER TABLE odd OWNER TO hms_owner")
        run_sql("ALTER TABLE odd ENABLE ROW LEVEL SECURITY")
        run_sql("CREATE POLICY shown ON odd USING (v = 'shown')")
        scope = adhoc_scope("odd")
        assert len(member(backup(scope, tmp_path), "odd")) == 2
        run_sql("ALTER TABLE odd FORCE ROW LEVEL SECURITY")
        with pytest.raises(PrivilegeMissing):
            backup(scope, tmp_path, "forced.hms-backup")


def test_role_that_policies_do_not_bind_sees_every_row(hidden_rows: Scope, tmp_path: Path) -> None:
    with as_role("hms_all", "SELECT ON odd"):
        run_sql("ALTER ROLE hms_all BYPASSRLS")
        path = backup(hidden_rows, tmp_path)

    assert len(member(path, "odd")) == 2


def test_policy_on_a_table_that_is_referred_to_refuses_the_restore(
    make_table: MakeTable, hidden_rows: Scope, tmp_path: Path
) -> None:
    make_table("CREATE TABLE visits (id integer PRIMARY KEY, odd_id integer REFERENCES odd)")
    run_sql("INSERT INTO visits VALUES (1, 2)")
    scope = adhoc_scope("visits")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM visits")

    with as_role("hms_writer", "ALL ON odd, visits"), pytest.raises(PrivilegeMissing) as caught:
        plan(scope, path)

    assert caught.value.table == "odd"


@pytest.mark.parametrize("grant", [None, "SELECT (id) ON odd", "INSERT, UPDATE, DELETE ON odd"])
def test_role_that_may_not_read_a_table_is_told_which(
    make_table: MakeTable, tmp_path: Path, grant: str | None
) -> None:
    make_table("CREATE TABLE open (id integer PRIMARY KEY)")
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
    scope = adhoc_scope("open", "odd")
    path = backup(scope, tmp_path, "whole.hms-backup")

    with as_role("hms_reader", "SELECT ON open", *([grant] if grant else [])):
        for attempt in (lambda: backup(scope, tmp_path), lambda: plan(scope, path)):
            with pytest.raises(PrivilegeMissing) as caught:
                attempt()
            assert caught.value.table == "odd"

    assert [each.name for each in tmp_path.iterdir()] == ["whole.hms-backup"]


def test_role_that_may_only_read_can_plan_and_not_restore(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
    run_sql("INSERT INTO odd VALUES (1, 'a')")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = 'wrong'")

    with as_role("hms_reader", "SELECT ON odd"):
        assert plan(scope, path).counts.update == 1
        with pytest.raises(PrivilegeMissing) as caught:
            restore(scope, path)

    assert caught.value.table == "odd"
    assert query("SELECT v FROM odd") == [("wrong",)]


def test_role_that_may_write_but_does_not_own_restores(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id serial PRIMARY KEY, v text)")
    run_sql("INSERT INTO odd (v) VALUES ('a'), ('b')")
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("TRUNCATE odd RESTART IDENTITY")

    with as_role("hms_writer", "ALL ON odd", "ALL ON SEQUENCE odd_id_seq"):
        restore(scope, path)

    assert rows("odd") == before
    assert query("SELECT nextval('odd_id_seq')") == [(3,)]


# TRAPS 11: sequences


def upcoming(sequence: str) -> int:
    ((number,),) = query(f"SELECT nextval('{sequence}')")
    return int(number)


def emptied(make_table: MakeTable, tmp_path: Path, sequence: str, id_: str, *ids: int) -> Path:
    """Make odd with these ids, back it up, empty it, and start the sequence anew."""
    make_table(f"CREATE TABLE odd (id {id_} PRIMARY KEY, v text)")
    for number in ids:
        run_sql("INSERT INTO odd (id) OVERRIDING SYSTEM VALUE VALUES (%s)", number)
    path = backup(adhoc_scope("odd"), tmp_path)
    run_sql("DELETE FROM odd")
    run_sql(f"ALTER SEQUENCE {sequence} RESTART")
    return path


@pytest.mark.parametrize(
    ("id_", "sequence", "ids", "expected"),
    [
        ("smallserial", "odd_id_seq", (1, 7), 8),
        ("serial", "odd_id_seq", (1, 7), 8),
        ("bigserial", "odd_id_seq", (5_000_000_000,), 5_000_000_001),
        ("bigint GENERATED ALWAYS AS IDENTITY", "odd_id_seq", (7,), 8),
        ("integer GENERATED BY DEFAULT AS IDENTITY", "odd_id_seq", (7,), 8),
        ("integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10 START 3)", "odd_id_seq", (7,), 13),
        (
            "integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT 10 START 3)",
            "odd_id_seq",
            (13,),
            23,
        ),
        ("integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1)", "odd_id_seq", (-7, 5), -8),
        ("integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -2)", "odd_id_seq", (-8,), -9),
        # A marker at the very end would leave no id to hand out.
        ("serial", "odd_id_seq", (7, 2147483647), 8),
        ("serial", "odd_id_seq", (-5,), 1),
        ("serial", "odd_id_seq", (2147483646,), 2147483647),
    ],
)
def test_next_number_lies_beyond_the_restored_ones(
    make_table: MakeTable,
    tmp_path: Path,
    id_: str,
    sequence: str,
    ids: tuple[int, ...],
    expected: int,
) -> None:
    path = emptied(make_table, tmp_path, sequence, id_, *ids)

    restore(adhoc_scope("odd"), path)

    assert upcoming(sequence) == expected


@pytest.mark.parametrize("ids", [(7,), (5_000_000,)])
def test_sequence_of_another_owner_is_moved_forward_too(
    make_table: MakeTable, tmp_path: Path, ids: tuple[int, ...]
) -> None:
    path = emptied(make_table, tmp_path, "odd_id_seq", "serial", *ids)

    with as_role("hms_writer", "ALL ON odd", "ALL ON SEQUENCE odd_id_seq"):
        restore(adhoc_scope("odd"), path)

    assert upcoming("odd_id_seq") == ids[0] + 1


def test_sequence_that_the_role_may_not_move_refuses_the_restore(
    make_table: MakeTable, tmp_path: Path
) -> None:
    path = emptied(make_table, tmp_path, "odd_id_seq", "serial", 7)

    with as_role("hms_writer", "ALL ON odd"), pytest.raises(PrivilegeMissing) as caught:
        restore(adhoc_scope("odd"), path)

    assert caught.value.table == "odd_id_seq"
    assert query("SELECT count(*) FROM odd") == [(0,)]


@pytest.fixture
def shared_sequence(transactional_db: None) -> Iterator[str]:
    """A sequence that no column owns."""
    run_sql("CREATE SEQUENCE numbers")
    yield "numbers"
    run_sql("DROP SEQUENCE numbers CASCADE")


def test_sequence_shared_by_tables_lies_beyond_both(
    make_table: MakeTable, tmp_path: Path, shared_sequence: str
) -> None:
    for table in ("one", "two"):
        make_table(f"CREATE TABLE {table} (id integer PRIMARY KEY DEFAULT nextval('numbers'))")
    run_sql("INSERT INTO one VALUES (50)")
    run_sql("INSERT INTO two VALUES (20)")
    scope = adhoc_scope("two", "one")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM one")
    run_sql("DELETE FROM two")

    restore(scope, path, tables=("two",))
    assert upcoming("numbers") == 21
    restore(scope, path)
    assert upcoming("numbers") == 51


@pytest.mark.parametrize("name", ["numbers", "public.numbers", '"numbers"'])
def test_sequence_that_a_default_names_as_text_is_moved_on(
    make_table: MakeTable, tmp_path: Path, shared_sequence: str, name: str
) -> None:
    # As PostgreSQL 8.0 and older made them, and dumps have carried on since.
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY DEFAULT nextval('{name}'::text))")
    run_sql("INSERT INTO odd VALUES (7)")
    path = backup(adhoc_scope("odd"), tmp_path)
    run_sql("DELETE FROM odd")

    restore(adhoc_scope("odd"), path)

    assert upcoming("numbers") == 8


def test_sequence_behind_text_is_left_alone(
    make_table: MakeTable, tmp_path: Path, shared_sequence: str
) -> None:
    make_table(
        "CREATE TABLE odd (code text PRIMARY KEY DEFAULT 'PO-' || nextval('numbers'), "
        "n numeric DEFAULT nextval('numbers'), f float8 DEFAULT nextval('numbers'))"
    )
    run_sql("INSERT INTO odd VALUES ('PO-9', 7.5, 99), ('PO-8', 'NaN', 'NaN')")
    scope = adhoc_scope("odd", key="code")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd")

    restore(scope, path)

    assert rows("odd") == before
    assert upcoming("numbers") == 8


def test_sequence_never_goes_back(make_table: MakeTable, tmp_path: Path) -> None:
    path = emptied(make_table, tmp_path, "odd_id_seq", "serial", 1, 2, 3)
    run_sql("SELECT setval('odd_id_seq', 500)")

    restore(adhoc_scope("odd"), path, mode=Mode.MIRROR)

    assert upcoming("odd_id_seq") == 501


def test_restore_without_changes_touches_no_sequence(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE odd (id serial PRIMARY KEY)")
    run_sql("INSERT INTO odd VALUES (7)")
    path = backup(adhoc_scope("odd"), tmp_path)

    restore(adhoc_scope("odd"), path)

    assert upcoming("odd_id_seq") == 1


def test_sequence_is_where_it_was_when_the_restore_is_rolled_back(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id serial PRIMARY KEY)")
    run_sql("INSERT INTO odd VALUES (70)")
    engine = get_engine("default")
    state = query("SELECT last_value, is_called FROM odd_id_seq")

    with engine.restore_session(dry_run=False) as session:
        tables = session.inspect(["odd"])
        session.lock(tables)
        session.advance_sequences(tables)

    assert query("SELECT last_value, is_called FROM odd_id_seq") == state == [(1, False)]


def test_numbers_drawn_while_restoring_do_not_collide(
    make_table: MakeTable, tmp_path: Path
) -> None:
    path = emptied(make_table, tmp_path, "odd_id_seq", "serial", *range(1, 40))
    scope = adhoc_scope("odd")
    drawn: list[int] = []
    failures: list[BaseException] = []

    def insert() -> None:
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                for _ in range(5):
                    cursor.execute("INSERT INTO odd (v) VALUES ('meanwhile') RETURNING id")
                    drawn.append(cursor.fetchone()[0])
        except BaseException as error:
            failures.append(error)
        finally:
            other.close()

    thread = threading.Thread(target=insert)

    def progress(step: str, table: str, done: int, total: int | None) -> None:
        if step == "prove":
            drawn.append(upcoming("odd_id_seq"))  # drawn, and nothing inserted yet
            thread.start()

    with ArchiveReader.open(path, UNLIMITED) as reader:
        apply_restore(reader, scope, RestoreOptions(), settings=get_settings(), progress=progress)
    thread.join(timeout=30)

    assert failures == []
    assert drawn == [1, 40, 41, 42, 43, 44]
    assert query("SELECT count(*), max(id) FROM odd") == [(44, 44)]


# Errors name their place, never a value


def test_refusals_of_the_database_quote_no_value(make_table: MakeTable, tmp_path: Path) -> None:
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text, EXCLUDE (v WITH =))")
    run_sql("INSERT INTO odd VALUES (1, 'Jane Doe')")
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET id = 2")

    with pytest.raises(ConstraintViolated) as caught:
        restore(scope, path)

    assert caught.value.table == "odd"
    chain: list[BaseException | None] = [caught.value, caught.value.__cause__]
    assert not any("Jane" in str(error) for error in chain)
    assert isinstance(caught.value, HmsBackupError)


def test_tables_named_as_the_temporary_ones_are_left_alone(
    make_table: MakeTable, tmp_path: Path
) -> None:
    names = ("hms_stage_1", "hms_delta_1", "hms_watch_1")
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, v text); INSERT INTO odd VALUES (1, 'a')")
    for name in names:
        make_table(f"CREATE TABLE {name} (id integer, v text, hms_action text, hms_live text)")
    scope = adhoc_scope("odd")
    before = snapshot("odd", *names)
    path = backup(scope, tmp_path)
    run_sql("UPDATE odd SET v = 'b'")
    database = connection.settings_dict["NAME"]
    run_sql(f'ALTER DATABASE "{database}" SET search_path = public, pg_temp')

    try:
        restore(scope, path, mode=Mode.INSERT)
        restore(scope, path, mode=Mode.MIRROR, fire_triggers=True)
    finally:
        run_sql(f'ALTER DATABASE "{database}" RESET search_path')

    assert snapshot("odd", *names) == before
