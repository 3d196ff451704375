"""What SQLite's catalogue is read as: kinds, keys, references, checks, and names in any case."""

from __future__ import annotations

import pytest

from hms_backup.engines import get_engine
from hms_backup.exceptions import SchemaUnsupported, TableMissing, TableUnkeyed
from hms_backup.plan import Counts, Mode
from hms_backup.schema import Check, Kind, OnDelete, Table
from tests.engines.site import Site
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope


def inspect(*names: str) -> tuple[Table, ...]:
    return get_engine("site").inspect(names)


@pytest.mark.parametrize(
    ("declared", "kind", "base_type"),
    [
        ("bool", Kind.BOOLEAN, "NUMERIC"),
        ("INTEGER", Kind.INTEGER, "INTEGER"),
        ("integer unsigned", Kind.INTEGER, "INTEGER"),
        ("bigint", Kind.INTEGER, "INTEGER"),
        ("smallint unsigned", Kind.INTEGER, "INTEGER"),
        ("decimal", Kind.NUMERIC, "NUMERIC"),
        ("DECIMAL(10, 2)", Kind.NUMERIC, "NUMERIC"),
        ("real", Kind.FLOAT, "REAL"),
        ("double precision", Kind.FLOAT, "REAL"),
        ("varchar(40)", Kind.TEXT, "TEXT"),
        ("char(32)", Kind.TEXT, "TEXT"),
        ("text", Kind.TEXT, "TEXT"),
        ("date", Kind.DATE, "NUMERIC"),
        ("time", Kind.TIME, "NUMERIC"),
        ("datetime", Kind.TIMESTAMP, "NUMERIC"),
        ("timestamp", Kind.TIMESTAMP, "NUMERIC"),
        ("BLOB", Kind.BYTES, "BLOB"),
        ("json", Kind.JSON, "NUMERIC"),
        ("uuid", Kind.UUID, "NUMERIC"),
        ("interval", Kind.OTHER, "INTEGER"),
        ("geometry", Kind.OTHER, "NUMERIC"),
        ("", Kind.OTHER, "BLOB"),
        ("text CHECK ((JSON_VALID(\"v\") OR \"v\" IS NULL))", Kind.JSON, "TEXT"),
        ("text CHECK (json_valid(v))", Kind.JSON, "TEXT"),
        ("text CHECK (v <> 'json_valid(v)')", Kind.TEXT, "TEXT"),
    ],
)  # fmt: skip
def test_kind_follows_the_declared_type(
    site: Site, declared: str, kind: Kind, base_type: str
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    (table,) = inspect("cells")
    column = table.column("v")
    assert (column.kind, column.base_type) == (kind, base_type)
    assert column.nullable


def test_columns_tell_what_an_insert_may_leave_out_and_what_is_computed(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY AUTOINCREMENT, a text NOT NULL, "
        "b text NOT NULL DEFAULT 'x', c integer AS (id * 2), d integer AS (id * 3) STORED)"
    )
    (table,) = inspect("cells")
    facts = {c.name: (c.nullable, c.has_default, c.generated) for c in table.columns}
    assert facts == {
        "id": (False, True, False),
        "a": (False, False, False),
        "b": (False, True, False),
        "c": (True, False, True),
        "d": (True, False, True),
    }
    assert [column.name for column in table.writable] == ["id", "a", "b"]


def test_unique_keys_leave_out_partial_indexes_expressions_and_the_primary_key(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (a text, b text, c text UNIQUE, PRIMARY KEY (b, a), UNIQUE (c, a)) "
        "WITHOUT ROWID",
        "CREATE UNIQUE INDEX whole ON cells (b)",
        "CREATE UNIQUE INDEX partial ON cells (c) WHERE a > 'x'",
        "CREATE UNIQUE INDEX expression ON cells (lower(c))",
        "CREATE INDEX plain ON cells (a)",
    )
    (table,) = inspect("cells")
    assert table.primary_key == ("b", "a")
    assert sorted(key.columns for key in table.unique_keys) == [("b",), ("c",), ("c", "a")]


def test_references_are_named_as_their_columns_and_tables_are(site: Site) -> None:
    site.sql(
        "CREATE TABLE Wards (Id integer PRIMARY KEY, code text, UNIQUE (code))",
        "CREATE TABLE beds (id integer PRIMARY KEY, "
        "ward integer REFERENCES wards ON DELETE CASCADE ON UPDATE SET NULL, "
        "code text REFERENCES WARDS (CODE) ON DELETE RESTRICT, "
        "gone integer REFERENCES nowhere (id))",
    )
    wards, beds = inspect("wards", "BEDS")
    assert (wards.name, wards.primary_key, beds.name) == ("wards", ("Id",), "BEDS")
    assert wards.referenced_by == beds.foreign_keys
    by_code, by_key = sorted(beds.foreign_keys, key=lambda key: key.columns)
    assert (by_code.columns, by_code.target, by_code.target_columns) == (
        ("code",),
        "wards",
        ("code",),
    )
    assert by_code.on_delete is OnDelete.RESTRICT
    assert not by_code.deferrable
    assert (by_key.columns, by_key.target_columns) == (("ward",), ("Id",))
    assert (by_key.on_delete, by_key.on_update) == (OnDelete.CASCADE, OnDelete.SET_NULL)


def test_tables_named_in_another_case_are_backed_up_and_restored(site: Site) -> None:
    site.sql(
        "CREATE TABLE Wards (Id integer PRIMARY KEY, Name text)",
        "CREATE TABLE Beds (Id integer PRIMARY KEY, Ward integer REFERENCES WARDS (id))",
        "INSERT INTO wards VALUES (1, 'East')",
        "INSERT INTO beds VALUES (5, 1)",
    )
    scope, before = adhoc_scope("beds", "WARDS"), site.rows("Beds") + site.rows("Wards")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM beds", "DELETE FROM wards")
    planned = restore(scope, path)
    assert [table.table for table in planned.tables] == ["WARDS", "beds"]
    assert site.rows("Beds") + site.rows("Wards") == before


def test_checks_are_found_whatever_stands_around_them(site: Site) -> None:
    site.sql(
        """CREATE TABLE "che(ck" (
            id integer PRIMARY KEY, -- check (id > 'nothing')
            "a ""b" integer DEFAULT (1 + (2)) CHECK ("a ""b" > 0),
            c text DEFAULT 'check (c)' /* check (c = 1) */
                CONSTRAINT "c is short" CHECK (length(c) < 5 AND c <> ')'),
            [d] real AS (id * (2)),
            CONSTRAINT both CHECK ([d] > `c` OR id = 3),
            CHECK (rowid > 0),
            CHECK ("che(ck".id > 0)
        )"""
    )
    (table,) = inspect("che(ck")
    assert table.checks == (
        Check(name='"a ""b" > 0', columns=('a "b',), expression='"a ""b" > 0'),
        Check(name="c is short", columns=("c",), expression="length(c) < 5 AND c <> ')'"),
        Check(name="both", columns=("id", "c", "d"), expression="[d] > `c` OR id = 3"),
    )


def test_check_that_the_archive_would_break_is_in_the_plan(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY, n integer, m integer)",
        "INSERT INTO cells VALUES (1, -1, 5), (2, 1, 5), (3, NULL, 5)",
    )
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql(
        "DROP TABLE cells",
        "CREATE TABLE cells (id integer PRIMARY KEY, n integer, m integer, CHECK (0 < n AND n < m)"
        ")",
    )
    (problem,) = plan(scope, path).blocking
    assert (problem.code, problem.column, problem.rows) == ("check_violated", "n, m", ("1",))


@pytest.mark.parametrize(
    ("ddl", "error"),
    [
        ("CREATE TABLE other (id integer PRIMARY KEY)", TableMissing),
        ("CREATE TABLE cells (a text, b integer)", TableUnkeyed),
        ("CREATE VIEW cells AS SELECT 1 AS id", SchemaUnsupported),
        ("CREATE VIRTUAL TABLE cells USING fts5 (a)", SchemaUnsupported),
    ],
)
def test_table_that_cannot_be_backed_up_is_refused_by_name(
    site: Site, ddl: str, error: type[Exception]
) -> None:
    site.sql(ddl)
    with pytest.raises(error, match="cells") as caught:
        backup(adhoc_scope("cells"), site.archives)
    assert getattr(caught.value, "table", "") == "cells"


def test_row_counts_tell_missing_tables_from_empty_ones(site: Site) -> None:
    site.sql(
        "CREATE TABLE Wards (id integer PRIMARY KEY)",
        "CREATE TABLE beds (id integer PRIMARY KEY)",
        "INSERT INTO wards VALUES (1), (2)",
    )
    counts = get_engine("site").row_counts(["wards", "beds", "nowhere"])
    assert counts == {"wards": 2, "beds": 0, "nowhere": None}


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE cells (a text, b integer, v text, PRIMARY KEY (b, a))",
        "CREATE TABLE cells (a text, b integer, v text, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "CREATE TABLE cells (a text, b integer, v text, PRIMARY KEY (b, a)) STRICT",
        "CREATE TABLE cells (a blob, b datetime, v text, PRIMARY KEY (b, a))",
    ],
)
def test_composite_keys_are_restored_and_named(site: Site, ddl: str) -> None:
    site.sql(ddl)
    blob, when = ("x'00ff'", "'2024-02-29 12:00:00'") if "datetime" in ddl else ("'x'", "7")
    site.sql(f"INSERT INTO cells VALUES ({blob}, {when}, 'one')")
    scope, before = adhoc_scope("cells", key="a"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("UPDATE cells SET v = 'wrong'")
    planned = plan(scope, path, show_changes=1)
    assert planned.counts == Counts(update=1)
    expected = "2024-02-29 12:00:00, \\x00ff" if "datetime" in ddl else "7, x"
    assert [change.key for change in planned.tables[0].changes] == [expected]
    restore(scope, path)
    assert site.rows("cells") == before


def test_generated_columns_are_archived_and_not_written(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY, n integer, "
        "twice integer AS (n * 2), thrice integer AS (n * 3) STORED)",
        "INSERT INTO cells (id, n) VALUES (1, 7)",
    )
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("UPDATE cells SET n = 8")
    restore(scope, path)
    assert site.rows("cells") == before


def test_column_added_since_keeps_its_value_and_gets_its_default(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY, v text)",
        "INSERT INTO cells VALUES (1, 'a'), (2, 'b')",
    )
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql(
        "ALTER TABLE cells ADD COLUMN extra text NOT NULL DEFAULT 'new'",
        "UPDATE cells SET v = 'wrong', extra = 'mine' WHERE id = 1",
        "DELETE FROM cells WHERE id = 2",
    )
    restore(scope, path)
    assert site.query("SELECT * FROM cells ORDER BY id") == [(1, "a", "mine"), (2, "b", "new")]


@pytest.mark.parametrize("nocase", ["NOCASE", "RTRIM"])
def test_unique_key_collides_as_its_collation_says(site: Site, nocase: str) -> None:
    kept, taken = ("abc", "ABC") if nocase == "NOCASE" else ("abc", "abc  ")
    site.sql(
        f"CREATE TABLE cells (id integer PRIMARY KEY, code text COLLATE {nocase} UNIQUE)",
        f"INSERT INTO cells VALUES (1, '{kept}')",
    )
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM cells", f"INSERT INTO cells VALUES (2, '{taken}')")
    (problem,) = plan(scope, path).blocking
    assert (problem.code, problem.column, problem.rows) == ("unique_taken", "code", ("1",))
    assert restore(scope, path, mode=Mode.MIRROR).counts == Counts(insert=1, delete=1)
    assert site.query("SELECT * FROM cells") == [(1, kept)]


def test_key_that_differs_in_case_only_is_written_as_archived(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (code text COLLATE NOCASE PRIMARY KEY, v text)",
        "INSERT INTO cells VALUES ('abc', 'x')",
    )
    scope, before = adhoc_scope("cells", key="code"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("UPDATE cells SET code = 'ABC'")
    assert restore(scope, path).counts == Counts(update=1)
    assert site.rows("cells") == before


def test_autoincrement_continues_beyond_the_largest_and_never_goes_back(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY AUTOINCREMENT, v text)",
        "INSERT INTO cells VALUES (50, 'x')",
    )
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM cells", "UPDATE sqlite_sequence SET seq = 3")
    plan(scope, path)
    assert site.query("SELECT seq FROM sqlite_sequence") == [(3,)]
    restore(scope, path)
    site.sql("INSERT INTO cells (v) VALUES ('next')")
    assert site.query("SELECT max(id) FROM cells") == [(51,)]
    site.sql("DELETE FROM cells", "UPDATE sqlite_sequence SET seq = 90 WHERE name = 'cells'")
    restore(scope, path)
    site.sql("INSERT INTO cells (v) VALUES ('next')")
    assert site.query("SELECT max(id) FROM cells") == [(91,)]


def test_autoincrement_that_lags_is_moved_on(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY AUTOINCREMENT, v text)",
        "INSERT INTO cells VALUES (50, 'x')",
    )
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql("UPDATE cells SET v = 'wrong'", "UPDATE sqlite_sequence SET seq = 3")
    restore(scope, path)
    assert site.query("SELECT seq FROM sqlite_sequence") == [(50,)]
