"""Every value that SQLite can hold comes back as it was, or is refused with its place."""

from __future__ import annotations

import pytest

from hms_backup.engines import get_engine
from hms_backup.exceptions import HmsBackupError, RowInvalid, ValueUnsupported
from hms_backup.plan import Mode
from hms_backup.schema import ArchivedColumn, Kind
from tests.engines.forging import forge
from tests.engines.site import Site
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope

KINDS = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.INTEGER,
    "numeric": Kind.NUMERIC,
    "double precision": Kind.FLOAT,
    "jsonb": Kind.JSON,
    "text": Kind.TEXT,
    "date": Kind.DATE,
    "time without time zone": Kind.TIME,
    "timestamp without time zone": Kind.TIMESTAMP,
    "timestamp with time zone": Kind.TIMESTAMPTZ,
    "uuid": Kind.UUID,
    "bytea": Kind.BYTES,
    "interval": Kind.OTHER,
}


def archived(type_: str, kind: Kind | None = None) -> ArchivedColumn:
    return ArchivedColumn(name="v", type=type_, kind=kind or KINDS[type_], nullable=True)


@pytest.mark.parametrize(
    ("declared", "literals"),
    [
        ("bool", ["0", "1", "NULL"]),
        ("integer", ["0", "-9223372036854775808", "9223372036854775807", "NULL"]),
        ("bigint unsigned", ["18"]),
        ("decimal", ["'1.50'", "0.1 + 0.2", "123456789012345.67", "1e300", "'1e-30'", "1e999"]),
        ("decimal(5, 2)", ["123456.789", "9007199254740993", "-0.0"]),
        ("numeric", ["'123456789012345678901234567890123456789.01'"]),
        ("real", ["0.1", "1", "-1e999", "1e999", "5e-324", "1.7976931348623157e308", "-0.0"]),
        ("double precision", ["1e16", "123456789.123456789"]),
        ("varchar(5)", ["'longer than five'", "''", "NULL", "'quote\" \\ / ''x'''"]),
        (
            "text",
            ["char(9, 10, 13, 31, 127, 0x2028, 0x1F600)", "' padded '", "'null'", "'\\u0000'"],
        ),
        ("char(32)", ["'0123456789abcdef0123456789abcdef'"]),
        ("date", ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'"]),
        ("time", ["'00:00:00'", "'23:59:59.999999'", "'08:30'", "'08:30:00.5'"]),
        (
            "datetime",
            [
                "'2024-02-29 12:00:00'",
                "'2024-02-29 12:00:00.123456'",
                "'2024-02-29 12:00:00.100000'",
                "strftime('%Y-%m-%d %H:%M:%f', '2024-02-29 12:00:00.12')",
                "'2024-02-29'",
                "'2024-02-29 12:00'",
            ],
        ),
        ("blob", ["x''", "x'00ff'", "CAST('text' AS BLOB)"]),
        ("uuid", ["'123e4567-e89b-12d3-a456-426614174000'"]),
        ("interval", ["'1 mon -1 days'", "7", "1.5", "'007 days'"]),
        ("inet", ["'10.0.0.1/8'", "7", "1.5", "1e300", "1e999"]),
        ("", ["'any text'"]),
    ],
)
def test_restore_brings_back_the_same_storage_class_and_value(
    site: Site, declared: str, literals: list[str]
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    for literal in literals:
        site.sql(f"INSERT INTO cells (v) VALUES ({literal})")
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    assert plan(scope, path, mode=Mode.MIRROR).counts.changes == 0
    site.sql("DELETE FROM cells WHERE id > 1")
    site.sql("UPDATE cells SET v = NULL")
    restore(scope, path)
    assert site.rows("cells") == before


JSON_TEXTS = [
    '{"a": 1, "b": [1.50, 1e5]}',
    "null",
    '"text"',
    "[]",
    ' {"padded": true} ',
    '{"two":\n "lines"}',
    '{"$json": "null"}',
    '{"\\u0024json": 1}',
    '{"a": 1, "a": 2}',
    '"\\ud800"',
    "1e400",
    "123456789012345678901234567890.12345678901234567890",
    "[" * 600 + "]" * 600,
]


@pytest.mark.parametrize("declared", ["text CHECK (JSON_VALID(v) OR v IS NULL)", "json", "text"])
@pytest.mark.parametrize("text", JSON_TEXTS)
def test_restore_brings_back_the_same_json_text(site: Site, declared: str, text: str) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    site.sql("INSERT INTO cells (v) VALUES (?), (NULL)", parameters=(text,))
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM cells")
    restore(scope, path)
    assert site.rows("cells") == before


def test_restore_brings_back_json_that_is_none_in_a_column_declared_json(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, v json)")
    site.sql("INSERT INTO cells (v) VALUES ('no json'), (5), (1.5), ('NaN')")
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM cells")
    restore(scope, path)
    assert site.rows("cells") == before


@pytest.mark.parametrize(
    ("declared", "literal"),
    [
        ("bool", "2"),
        ("bool", "'t'"),
        ("integer", "'12a'"),
        ("integer", "1.5"),
        ("integer", "x'31'"),
        ("decimal", "'NaN'"),
        ("decimal", "x'31'"),
        ("real", "'abc'"),
        ("text", "x'41'"),
        ("text", "CAST(x'ff41' AS TEXT)"),
        ("text", "'secret' || char(0)"),
        ("varchar(5)", "CAST(x'eda080' AS TEXT)"),
        ("date", "'2024-02-30'"),
        ("date", "'29.02.2024'"),
        ("date", "20240229"),
        ("date", "2460000.5"),
        ("time", "'24:00:00'"),
        ("time", "'12:00:00+00:00'"),
        ("time", "'12:00:00.1234567'"),
        ("datetime", "'2024-02-29T12:00:00'"),
        ("datetime", "'2024-02-29 12:00:00+00:00'"),
        ("datetime", "'now'"),
        ("datetime", "'0000-01-01 00:00:00'"),
        ("datetime", "1700000000"),
        ("blob", "'text'"),
        ("text CHECK (json_valid(v) OR 1)", "x'7b7d'"),
        ("", "5"),
        ("uuid", "12345"),
    ],
)
def test_export_refuses_a_value_that_its_column_should_not_hold(
    site: Site, declared: str, literal: str
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    site.sql(f"INSERT INTO cells VALUES (1, NULL), (42, {literal})")
    with pytest.raises(ValueUnsupported) as caught:
        backup(adhoc_scope("cells"), site.archives)
    error = caught.value
    assert (error.table, error.row, error.column) == ("cells", "42", "v")
    assert "secret" not in f"{error} {error.hint}"
    assert list(site.archives.iterdir()) == []


def test_export_refuses_a_primary_key_that_is_null(site: Site) -> None:
    site.sql("CREATE TABLE cells (code varchar(9) PRIMARY KEY, v text)")
    site.sql("INSERT INTO cells VALUES (NULL, 'x')")
    with pytest.raises(ValueUnsupported) as caught:
        backup(adhoc_scope("cells", key="code"), site.archives)
    assert (caught.value.table, caught.value.column) == ("cells", "code")


@pytest.mark.parametrize(
    ("declared", "column", "value"),
    [
        ("decimal", archived("numeric"), "1234567890123456.5"),
        ("decimal", archived("numeric"), "12345678901234567890123456789012345678901"),
        ("decimal", archived("numeric"), "0.1234567890123456"),
        ("decimal", archived("numeric"), "1e400"),
        ("decimal", archived("numeric"), '"NaN"'),
        ("decimal(5,2)", archived("numeric"), "1000"),
        ("decimal(5,2)", archived("numeric"), "1.005"),
        ("decimal(5,2)", archived("numeric"), '"Infinity"'),
        ("real", archived("double precision"), '"NaN"'),
        ("real", archived("double precision"), "-0.0"),
        ("integer", archived("integer"), "9223372036854775808"),
        ("varchar(5)", archived("text"), '"secret"'),
        ("char(32)", archived("uuid"), '"123e4567-e89b-12d3-a456-42661417400000"'),
        ("date", archived("date"), '"infinity"'),
        ("date", archived("date"), '"10000-01-01"'),
        ("date", archived("date"), '"0044-03-15 BC"'),
        ("time", archived("time without time zone"), '"24:00:00"'),
        ("datetime", archived("timestamp without time zone"), '"-infinity"'),
        ("datetime", archived("timestamp without time zone"), '"0044-03-15T12:00:00 BC"'),
        ("datetime", archived("timestamp with time zone"), '"10000-01-01T00:00:00+00:00"'),
        ("uuid", archived("uuid"), '"12345"'),
        ("inet", archived("inet", Kind.OTHER), '"1.0"'),
        ("json", archived("jsonb"), "1.0"),
    ],
)
def test_restore_refuses_a_value_that_sqlite_would_alter(
    site: Site, declared: str, column: ArchivedColumn, value: str
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    scope = adhoc_scope("cells")
    path = forge(scope, site.archives, column, "null", value)
    for attempt in (plan, restore):
        with pytest.raises(ValueUnsupported) as caught:
            attempt(scope, path)
        error = caught.value
        assert (error.table, error.row, error.column) == ("cells", "2", "v")
        assert "secret" not in f"{error} {error.hint}"
    assert site.rows("cells") == []


@pytest.mark.parametrize(
    ("declared", "column", "value"),
    [
        ("date", archived("date"), '"yesterday"'),
        ("date", archived("text"), '"2024-02-30"'),
        ("time", archived("time without time zone"), '"12:60:00"'),
        ("datetime", archived("timestamp without time zone"), '"2024-02-29T12:00:00+02:00"'),
        ("real", archived("double precision"), "1e400"),
        ("blob", archived("bytea"), '"\\\\x0"'),
        ("blob", archived("bytea"), '"text"'),
        ("json", archived("jsonb"), '{"$json":"{"}'),
        ("text CHECK (json_valid(v))", archived("jsonb"), '{"$json":"NaN"}'),
        ("bool", archived("boolean"), "1"),
        ("integer", archived("integer"), '"5"'),
    ],
)
def test_restore_refuses_a_value_of_another_type(
    site: Site, declared: str, column: ArchivedColumn, value: str
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    scope = adhoc_scope("cells")
    path = forge(scope, site.archives, column, "null", value)
    with pytest.raises(RowInvalid) as caught:
        restore(scope, path)
    assert (caught.value.table, caught.value.row, caught.value.column) == ("cells", "#2", "v")
    assert site.rows("cells") == []


@pytest.mark.parametrize(
    ("declared", "column", "value", "stored"),
    [
        ("bool", archived("boolean"), "true", "integer 1"),
        ("decimal(12,2)", archived("numeric"), "1500.00", "integer 1500"),
        ("decimal(12,2)", archived("numeric"), "0.10", "real 0.1"),
        ("decimal(12,2)", archived("numeric"), "0.00", "integer 0"),
        ("decimal", archived("numeric"), "123456789012345678", "integer 123456789012345678"),
        ("decimal", archived("numeric"), "100000000000000000000", "real 1.0e+20"),
        ("real", archived("double precision"), "1", "real 1.0"),
        ("datetime", archived("timestamp without time zone"), '"2024-02-29T12:00:00"',
         "text '2024-02-29 12:00:00'"),
        ("datetime", archived("timestamp without time zone"), '"2024-02-29T12:00:00.5"',
         "text '2024-02-29 12:00:00.500000'"),
        ("datetime", archived("timestamp with time zone"), '"2024-02-29T12:00:00.000001+00:00"',
         "text '2024-02-29 12:00:00.000001'"),
        ("time", archived("time without time zone"), '"08:30:00.5"', "text '08:30:00.500000'"),
        ("char(32)", archived("uuid"), '"123e4567-e89b-12d3-a456-426614174000"',
         "text '123e4567e89b12d3a456426614174000'"),
        ("blob", archived("bytea"), '"\\\\x00FF"', "blob X'00FF'"),
        ("text", archived("text"), '"' + "é" * 3 + '"', "text 'ééé'"),
        ("varchar(3)", archived("text"), '"' + "é" * 3 + '"', "text 'ééé'"),
    ],
)  # fmt: skip
def test_restore_writes_what_django_would_write_of_a_postgresql_value(
    site: Site,
    declared: str,
    column: ArchivedColumn,
    value: str,
    stored: str,
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    scope = adhoc_scope("cells")
    path = forge(scope, site.archives, column, value)
    restore(scope, path)
    assert site.rows("cells") == [("integer 1", stored)]
    assert plan(scope, path, mode=Mode.MIRROR).counts.unchanged == 1


def test_restore_holds_values_to_a_type_that_changed_since(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, v varchar(40))")
    site.sql("INSERT INTO cells VALUES (1, 'more than five')")
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql("DROP TABLE cells")
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, v varchar(5))")
    with pytest.raises(ValueUnsupported, match=r"varchar\(5\)"):
        plan(scope, path)


@pytest.mark.parametrize(
    ("declared", "live", "saved"),
    [
        ("text COLLATE NOCASE", "'a'", "'A'"),
        ("text COLLATE RTRIM", "'a '", "'a'"),
        ("text", "''", "NULL"),
        ("decimal", "2", "2.0000000000000004"),
        ("datetime", "'2024-02-29 12:00:00.5'", "'2024-02-29 12:00:00.500000'"),
        ("bool", "'x'", "1"),
        ("integer", "'x'", "1"),
        ("text", "x'41'", "'A'"),
        ("text", "CAST(x'ff' AS TEXT)", "'A'"),
        ("blob", "'A'", "x'41'"),
    ],
)
def test_plan_sees_every_difference_in_storage_class_or_value(
    site: Site, declared: str, live: str, saved: str
) -> None:
    site.sql(f"CREATE TABLE cells (id integer PRIMARY KEY, v {declared})")
    site.sql(f"INSERT INTO cells VALUES (1, {saved})")
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql(f"UPDATE cells SET v = {live}")
    planned = plan(scope, path, show_changes=1)
    assert planned.counts.update == 1
    ((change,),) = [table.changes for table in planned.tables]
    assert change.key == "1"
    restore(scope, path, expected_digest=planned.digest)
    assert site.rows("cells") == before


def test_plan_shows_values_to_the_last_digit(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, f real, b blob, t text)")
    site.sql("INSERT INTO cells VALUES (1, 0.1 + 0.2, x'0aff', 'x')")
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    site.sql("UPDATE cells SET f = 0.3, b = NULL")
    ((change,),) = [table.changes for table in plan(scope, path, show_changes=1).tables]
    assert change.before == {"id": "1", "f": "0.3", "b": None, "t": "x"}
    assert change.after == {"id": "1", "f": "0.30000000000000004", "b": "\\x0aff", "t": "x"}
    assert change.changed_columns == ("f", "b")


def test_digest_depends_on_values_that_print_alike(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, v)")
    site.sql("INSERT INTO cells VALUES (1, 'kept')")
    scope = adhoc_scope("cells")
    path = backup(scope, site.archives)
    digests = set()
    for live in ("1", "1.0", "'1'", "x'31'", "1.0000000000000002", "CAST(x'ff' AS TEXT)", "x'ff'"):
        site.sql(f"UPDATE cells SET v = {live}")
        digests.add(plan(scope, path).digest)
    assert len(digests) == 7


def test_export_writes_the_documented_form_of_each_kind(site: Site) -> None:
    site.sql(
        "CREATE TABLE cells (id integer PRIMARY KEY, b bool, d decimal, r real, t text, "
        "at datetime, raw blob, j text CHECK (json_valid(j)), n integer)"
    )
    site.sql(
        "INSERT INTO cells VALUES (1, 1, '1.50', 1e999, 'é\"', '2024-02-29 12:00:00.5', x'00ff',"
        " '{\"a\": 1}', NULL)"
    )
    with get_engine("site").snapshot(["cells"]) as snapshot:
        (batch,) = snapshot.read(snapshot.tables[0])
    assert b"\n".join(batch).decode() == (
        '{"id":1,"b":true,"d":1.5,"r":"Infinity","t":"é\\"","at":"2024-02-29T12:00:00.5",'
        '"raw":"\\\\x00ff","j":{"a": 1},"n":null}'
    )


def test_restore_keeps_a_column_that_hides_the_row_number(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, rowid text, _rowid_ integer)")
    site.sql("INSERT INTO cells VALUES (1, 'x', 7), (2, 'y', 7)")
    scope, before = adhoc_scope("cells"), site.rows("cells")
    path = backup(scope, site.archives)
    site.sql("DELETE FROM cells")
    restore(scope, path)
    assert site.rows("cells") == before


def test_every_refusal_is_one_of_this_package(site: Site) -> None:
    site.sql("CREATE TABLE cells (id integer PRIMARY KEY, v text CHECK (v <> 'no'))")
    scope = adhoc_scope("cells")
    path = forge(scope, site.archives, archived("text"), '"no"')
    (problem,) = plan(scope, path).blocking
    assert (problem.code, problem.column, problem.rows) == ("check_violated", "v", ("1",))
    with pytest.raises(HmsBackupError):
        restore(scope, path)
    assert site.query("SELECT count(*) FROM cells") == [(0,)]
