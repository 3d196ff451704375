"""An archive of either vendor restores into the other, or is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from example_project.hospital.ddl import create_statements, table_facts
from hms_backup.exceptions import PlanRefused, RowInvalid, ValueUnsupported
from hms_backup.plan import Counts, Mode
from hms_backup.registry import Scope, registry
from tests.engines.site import ALIAS, Site
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, columns, query, rows, run_sql, snapshot

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

Use = Callable[[str], None]
ORDER = ("CORE_TRANSACTION", "HR", "LOGISTICS", "FINANCIALS")
"""The departments, each after those whose rows it refers to."""


@pytest.fixture
def use(site: Site, settings: Settings) -> Use:
    """A function that directs backups and restores to ``default`` (PostgreSQL) or ``site``."""

    def use(alias: str) -> None:
        settings.HMS_BACKUP = {**settings.HMS_BACKUP, "DATABASE": alias}

    return use


def test_hospital_moves_to_sqlite_and_back_without_losing_a_digit(
    hospital: object, site: Site, use: Use, tmp_path: Path
) -> None:
    before = snapshot()
    site.sql(*create_statements("sqlite"))
    _copy_users(site)
    for department in map(registry.department, ORDER):
        use("default")
        path = backup(department, tmp_path, f"{department.id}.postgresql")
        use(ALIAS)
        assert not plan(department, path).blocking
        restore(department, path)
        assert plan(department, path, mode=Mode.MIRROR).counts.changes == 0
    archives = {
        department.id: backup(department, tmp_path, f"{department.id}.sqlite")
        for department in map(registry.department, ORDER)
    }
    use("default")
    users = rows("users")
    _empty_but_users()
    assert rows("users") == users
    for department in map(registry.department, ORDER):
        restore(department, archives[department.id])
    assert snapshot() == before


def test_unchanged_hospital_is_unchanged_for_the_other_vendor(
    hospital: object, site: Site, use: Use, tmp_path: Path
) -> None:
    scope = registry.department("CORE_TRANSACTION")
    site.sql(*create_statements("sqlite"))
    _copy_users(site)
    use("default")
    ours = backup(scope, tmp_path)
    use(ALIAS)
    restore(scope, ours)
    theirs = backup(scope, tmp_path, "sqlite.hms-backup")
    use("default")
    planned = plan(scope, theirs, mode=Mode.MIRROR)
    assert not planned.blocking
    assert planned.counts == Counts(unchanged=planned.counts.unchanged)
    assert planned.counts.unchanged == sum(len(rows(table)) for table in scope.tables)


def _copy_users(site: Site) -> None:
    """No backup holds users: give the site the rows that all others refer to."""
    names = columns("users")
    listed = ", ".join(f'"{name}"::text' for name in names)
    places = ", ".join("?" * len(names))
    for row in query(f"SELECT {listed} FROM users"):
        site.sql(f"INSERT INTO users VALUES ({places})", parameters=row)


def _empty_but_users() -> None:
    others = [name for name in table_facts() if name != "users"]
    run_sql(f"TRUNCATE {', '.join(others)} RESTART IDENTITY")


SAME = [
    ("boolean", "true", "bool"),
    ("integer", "-2147483648", "integer"),
    ("bigint", "9223372036854775807", "bigint"),
    ("numeric(12,2)", "1234567890.10", "decimal"),
    ("numeric(20,2)", "1234567890123.45", "decimal(20,2)"),
    ("numeric(12,2)", "-0.01", "decimal(12,2)"),
    ("numeric(12,2)", "0.00", "decimal(12,2)"),
    ("double precision", "0.1::float8 + 0.2::float8", "real"),
    ("double precision", "'5e-324'", "real"),
    ("double precision", "'-Infinity'", "real"),
    ("text", "E'tab\\t newline\\n quote\" \\\\ \\u2028 \U0001f600'", "text"),
    ("text", "''", "text"),
    ("varchar(3)", "'éßü'", "varchar(3)"),
    ("date", "'0001-01-01'", "date"),
    ("time", "'23:59:59.5'", "time"),
    ("timestamp", "'9999-12-31 23:59:59.999999'", "datetime"),
    ("timestamp", "'2024-02-29 12:00:00'", "datetime"),
    ("timestamptz", "'2024-02-29 12:00:00.5+02'", "datetime"),
    ("uuid", "'123e4567-e89b-12d3-a456-426614174000'", "char(32)"),
    ("bytea", "'\\x00ff'", "blob"),
    ("bytea", "''", "blob"),
    ("jsonb", """'{"a": [1.50, null, "é"], "$json": "x"}'""", "text CHECK (JSON_VALID(v))"),
    ("jsonb", "'null'", "text CHECK (JSON_VALID(v) OR v IS NULL)"),
    ("jsonb", "NULL", "text CHECK (JSON_VALID(v) OR v IS NULL)"),
]


@pytest.mark.parametrize(("type_", "literal", "declared"), SAME)
def test_value_survives_the_way_through_sqlite(
    make_table: MakeTable, site: Site, use: Use, type_: str, literal: str, declared: str
) -> None:
    scope = _both(make_table, site, type_, declared)
    run_sql(f"INSERT INTO cells VALUES (1, {literal})")
    before = rows("cells")
    use("default")
    path = backup(scope, site.archives)
    use(ALIAS)
    restore(scope, path)
    path = backup(scope, site.archives)
    use("default")
    assert plan(scope, path).counts == Counts(unchanged=1)
    run_sql("DELETE FROM cells")
    restore(scope, path)
    assert rows("cells") == before


@pytest.mark.parametrize(
    ("type_", "literal", "declared"),
    [
        ("numeric", "'NaN'", "decimal"),
        ("numeric", "1234567890123456.78", "decimal"),
        ("numeric", "12345678901234567890123456789012345678901", "decimal"),
        ("numeric", "1000.00", "decimal(5,2)"),
        ("double precision", "'NaN'", "real"),
        ("double precision", "'-0'", "real"),
        ("date", "'infinity'", "date"),
        ("date", "'0044-03-15 BC'", "date"),
        ("date", "'10000-01-01'", "date"),
        ("time", "'24:00'", "time"),
        ("timestamp", "'-infinity'", "datetime"),
        ("timestamp", "'0044-03-15 12:00 BC'", "datetime"),
        ("timestamptz", "'10000-01-01 00:00Z'", "datetime"),
        ("text", "'longer'", "varchar(5)"),
    ],
)
def test_value_that_sqlite_cannot_hold_is_refused(
    make_table: MakeTable, site: Site, use: Use, type_: str, literal: str, declared: str
) -> None:
    scope = _both(make_table, site, type_, declared)
    run_sql(f"INSERT INTO cells VALUES (1, NULL), (42, {literal})")
    use("default")
    path = backup(scope, site.archives)
    use(ALIAS)
    with pytest.raises(ValueUnsupported) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.row, caught.value.column) == ("cells", "42", "v")
    assert site.rows("cells") == []


@pytest.mark.parametrize(
    ("declared", "literal", "type_"),
    [
        ("integer", "2147483648", "integer"),
        ("decimal", "1000", "numeric(5,2)"),
        ("decimal", "0.125", "numeric(5,2)"),
        ("varchar(5)", "'longer'", "varchar(5)"),
        ("char(32)", "'no uuid at all'", "uuid"),
        ("json", "'no json'", "jsonb"),
    ],
)
def test_value_that_postgresql_cannot_hold_is_refused(
    make_table: MakeTable, site: Site, use: Use, declared: str, literal: str, type_: str
) -> None:
    scope = _both(make_table, site, type_, declared)
    site.sql(f"INSERT INTO cells VALUES (1, NULL), (42, {literal})")
    use(ALIAS)
    path = backup(scope, site.archives)
    use("default")
    with pytest.raises((ValueUnsupported, RowInvalid)) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.column) == ("cells", "v")
    assert caught.value.row in ("42", "#2")
    assert rows("cells") == []


@pytest.mark.parametrize(
    ("type_", "declared"), [("interval", "bigint"), ("jsonb", "blob"), ("boolean", "integer")]
)
def test_column_of_another_kind_is_refused_before_its_values_are_looked_at(
    make_table: MakeTable, site: Site, use: Use, type_: str, declared: str
) -> None:
    scope = _both(make_table, site, type_, declared)
    use("default")
    path = backup(scope, site.archives)
    use(ALIAS)
    with pytest.raises(PlanRefused) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.column) == ("cells", "v")


def _both(make_table: MakeTable, site: Site, type_: str, declared: str) -> Scope:
    make_table(f"CREATE TABLE cells (id integer PRIMARY KEY, v {type_})")
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    return adhoc_scope("cells")
