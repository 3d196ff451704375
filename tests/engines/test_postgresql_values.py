"""PostgreSQL's own types: every value comes back to the last digit and bit, or is refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import NotSupportedError, ProgrammingError, connection

from hms_backup.exceptions import RowInvalid, ValueUnsupported
from hms_backup.plan import Mode
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, query, run_sql

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

TYPES: dict[str, list[str]] = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767", "0"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "numeric": [
        "0", "1.0", "1.00", "-0.000", "1e-30", "1e400", "'NaN'", f"'{'7' * 600}.{'3' * 400}'",
    ],
    "numeric(12,2)": ["9999999999.99", "-0.01", "'NaN'", "1"],
    "numeric(38,10)": ["1234567890123456789012345678.0123456789"],
    "real": ["'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "1.1", "1e-45", "3.4028235e38", "1e10"],
    "double precision": [
        "'-0'", "'NaN'", "'Infinity'", "'-Infinity'", "'5e-324'", "0.1", "1e22", "123456789012345.6",
        "'1.7976931348623157e308'", "100000", "1e-5", "0.30000000000000004",
    ],
    "money": ["'-92233720368547758.08'", "'1234.56'", "'0.01'"],
    "text": [
        "''", "' x '", "E'\\\\N'", "'\\N'", "E'a\\tb\\nc\\rd\\be\\ff\\x01\\x1f\\x7f'", "'null'", "'NULL'",
        "'\"quoted\"'", "'{\"$json\":1}'", "'\\u0000'", "'a\\\\b'", "U&'\\+01F600\\0301'", "repeat('é', 99)",
        "U&'\\2028\\FEFF\\FFFF'",
    ],
    "varchar(5)": ["''", "'abc  '", "'ééééé'"],
    "char(5)": ["''", "'ab'", "'abcde'", "' x'"],
    "character": ["' '", "'x'"],
    "bpchar": ["'ab   '", "'ab'"],
    '"char"': ["'a'", "''", "' '"],
    "name": ["'pg_class'", "''"],
    "bytea": ["''", "'\\x00ff5c6e'", "'abc'", "decode(repeat('00', 3000), 'hex')"],
    "date": ["'infinity'", "'-infinity'", "'0044-03-15 BC'", "'4713-01-01 BC'", "'5874897-12-31'",
             "'10000-01-01'", "'0001-01-01'"],
    "time": ["'24:00'", "'00:00'", "'23:59:59.999999'", "'12:00:00.1'"],
    "time(0)": ["'24:00'", "'23:59:59'"],
    "timetz": ["'24:00+08'", "'10:00:00.5-15:59:59'", "'00:00Z'"],
    "timestamp": ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00.000001 BC'", "'294276-12-31'",
                  "'2026-01-01 00:00:00.123456'", "'10000-01-01'", "'4713-01-01 BC'"],
    "timestamp(0)": ["'2026-01-01 23:59:59'", "'infinity'"],
    "timestamp(3)": ["'2026-01-01 23:59:59.999'"],
    "timestamptz": ["'infinity'", "'-infinity'", "'0044-03-15 12:00:00.5+08 BC'", "'294276-12-31Z'",
                    "'2026-03-29 02:30+01'", "'2026-10-25 02:30:00.123456 Europe/Berlin'"],
    "timestamptz(0)": ["'2026-01-01 00:00:00+14'"],
    "interval": ["'1 mon -1 day'", "'1 year 2 mons -3 days +04:05:06.789'", "'-1 mon +1 day'", "'0'",
                 "'-178000000 years'", "'25:00:00'", "'1 day -00:00:01'", "'0.000001 s'"],
    "interval(0)": ["'1 s'"],
    "interval day to second": ["'3 04:05:06.7'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
    "json": [
        "'{}'", "'null'", "' null '", "'{\"a\" :\t1,\n \"a\":2}'", "'[1.0, 1e2, -0]'", "'\"\\u0000\"'",
        "'{\"$json\": 1}'", "'{\"\\u0024json\": \"x\"}'", "'\"\\ud800\"'", "'\"x\"'", "'  [ ]  '",
        "'\"a\\\\b\"'", "'1e400'", "'[[1,2],[3]]'", "'\"\\ud83d\\ude00\"'",
    ],
    "jsonb": [
        "'{}'", "'null'", "'[null]'", "'\"\"'", "'{\"$json\": 1}'", "'{\"$json\": \"null\"}'",
        "'[\"$json\"]'", "'\"$json\"'", "'{\"a\": {\"$json\": \"x\"}}'", "'1.00'", "'1e400'", "'-0.0'",
        "'{\"a\\\":\": 1, \"\": [true, null, \"\\n\"]}'", "'12345678901234567890.123456789'",
        "('[' || repeat('9', 5000) || ']')::jsonb", "'{\"a\\u0022:\": 1}'", "'\"é😀\"'",
    ],
    "bit(3)": ["'101'", "'000'"],
    "bit varying(5)": ["''", "'10101'"],
    "bit varying": ["''", "'1'", "repeat('10', 40)::varbit"],
    "inet": ["'10.0.0.1'", "'10.0.0.1/8'", "'::1'", "'fe80::1/64'"],
    "cidr": ["'10.0.0.0/8'", "'2001:db8::/32'"],
    "macaddr": ["'08:00:2b:01:02:03'"],
    "macaddr8": ["'08:00:2b:01:02:03:04:05'"],
    "point": ["'(0.1,-0)'", "'(Infinity,NaN)'"],
    "line": ["'{1,-1,0}'"],
    "lseg": ["'[(0,0),(1,1)]'"],
    "box": ["'(1,1),(0,0)'"],
    "path": ["'((0,0),(1,1))'", "'[(0,0),(1,1)]'"],
    "polygon": ["'((0,0),(1,1),(1,0))'"],
    "circle": ["'<(0,0),0.30000000000000004>'"],
    "int4range": ["'empty'", "'(,)'", "'[1,)'", "'[1,10)'"],
    "numrange": ["'[1.0,1.00]'", "'(,5)'"],
    "tstzrange": ["'[2026-01-01 00:00+08,infinity]'", "'[,)'"],
    "tsrange": ["'[\"2026-01-01 00:00:00.000001\",\"10000-01-01\")'"],
    "daterange": ["'[2026-01-01,2026-01-31]'", "'empty'"],
    "int4multirange": ["'{}'", "'{[1,3),[5,)}'"],
    "datemultirange": ["'{[2026-01-01,2026-02-01)}'"],
    "integer[]": ["'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[2:3]={7,8}'", "'[0:1][-1:0]={{1,2},{3,4}}'"],
    "text[]": ["'{\"\",NULL,\"NULL\",\"a,b\",\"{}\",\"q\\\"\",\"\\\\\\\\\"}'", "'{\" x \"}'", "ARRAY[E'a\\nb']"],
    "varchar(3)[]": ["'{abc,\"\"}'"],
    "char(3)[]": ["'{ab,abc}'"],
    "bit(3)[]": ["'{101}'"],
    "numeric(5,2)[]": ["'{1.5,-999.99,NaN}'"],
    "timestamptz[]": ["'{\"2026-01-01 00:00+08\",infinity}'"],
    "jsonb[]": ["ARRAY['null', '{\"a\": 1.0}']::jsonb[]"],
    "bytea[]": ["ARRAY['\\x00ff'::bytea, '']"],
    "tsvector": ["'a:1A fat:2,4B ''q'':9'", "''"],
    "tsquery": ["'fat & (rat | !cat:AB)'", "'a <2> b'"],
    "oid": ["0", "4294967295"],
    "regclass": ["'pg_class'"],
    "xid8": ["'18446744073709551615'"],
    "pg_lsn": ["'FFFFFFFF/FFFFFFFF'", "'0/0'"],
    "txid_snapshot": ["'10:20:10,14,15'"],
    "mood": ["'sad'", "'it''s \"ok\"'", "'ünwell'"],
    "mood[]": ["'{sad,NULL}'"],
    "price": ["1.5", "-999.99"],
    "price[]": ["'{1.50,2.00}'"],
    "code": ["'ab'", "'abc'"],
    "padded": ["'ab'"],
    "settings": ["'{\"a\": 1}'", "'null'", "'{\"$json\": 2}'"],
    "moment": ["'2026-01-01 10:00:00'", "'0044-03-15 BC'"],
    "ratio": ["0.1", "'NaN'"],
    "flag": ["true"],
    "tally": ["7"],
    "spot": ["ROW(1, 'x', 1.50)", "ROW(NULL, NULL, NULL)", "ROW(1, 'a\"b,(c)\\', NULL)"],
    "spot[]": ["ARRAY[ROW(1, 'x', 1.50)]::spot[]"],
}  # fmt: skip
NEWER_TYPES = {
    "numeric(3,-2)": ["12300", "-100"],
    "numeric(3,5)": ["0.00999"],
    "numeric": ["'Infinity'", "'-Infinity'"],
    "interval": ["'infinity'", "'-infinity'"],
}
"""Values of PostgreSQL 15 (numeric scales), 14 (infinite numerics) and 17 (infinite intervals)."""

OWN_TYPES = (
    """CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"', 'ünwell')""",
    "CREATE DOMAIN price AS numeric(5,2)",
    "CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> 'bad')",
    "CREATE DOMAIN padded AS char(5)",
    "CREATE DOMAIN settings AS jsonb",
    "CREATE DOMAIN moment AS timestamp(0)",
    "CREATE DOMAIN ratio AS real",
    "CREATE DOMAIN flag AS boolean CHECK (VALUE)",
    "CREATE DOMAIN tally AS integer CHECK (VALUE < 100)",
    "CREATE TYPE spot AS (a integer, b text, c numeric(6,2))",
)


def values_of(type_: str) -> list[str]:
    newer = {"numeric(3,-2)": 15, "numeric(3,5)": 15, "numeric": 14, "interval": 17}
    extra = NEWER_TYPES.get(type_, []) if server_version() >= newer.get(type_, 0) else []
    return [f"({value})::{type_}" for value in [*TYPES.get(type_, []), *extra]]


def server_version() -> int:
    (row,) = query("SELECT current_setting('server_version_num')::integer / 10000")
    return int(row[0])


@pytest.fixture(autouse=True)
def _own_types(transactional_db: None) -> Iterator[None]:
    for statement in OWN_TYPES:
        run_sql(statement)
    yield
    for statement in reversed(OWN_TYPES):
        _, kind, name = statement.split()[:3]
        run_sql(f"DROP {kind} {name} CASCADE")


def image(table: str) -> list[tuple[str, str]]:
    """Every row's text, and the bytes that the server would send for it."""
    found = query(f"SELECT t::text, encode(record_send(t), 'hex') FROM \"{table}\" t ORDER BY 1")
    return [(text, binary) for text, binary in found]


def member(path: Path, table: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{table}.json")


def rewritten(path: Path, table: str, old: str, new: str) -> Path:
    """The same archive with another text in a member, as a version 1.0.0 one: no checksums."""
    text = member(path, table).decode()
    assert old in text
    return write_live(path.with_name("altered.hms-backup"), table, text.replace(old, new))


def write_live(path: Path, table: str, text: str) -> Path:
    manifest = {
        "export_date": "2026-01-01T00:00:00",
        "scope": "subsystem",
        "target_id": "ADHOC",
        "version": "1.0.0",
        "tables": [table],
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(manifest))
        archive.writestr(f"{table}.json", text)
    return path


def make_odd(make_table: MakeTable, type_: str, values: list[str]) -> None:
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, v {type_})")
    for number, value in enumerate([*values, "NULL"], start=1):
        run_sql(f"INSERT INTO odd VALUES ({number}, {value})")


# What is archived comes back


@pytest.mark.parametrize("type_", [*TYPES, "numeric(3,-2)", "numeric(3,5)"])
def test_every_value_comes_back_bit_by_bit(
    make_table: MakeTable, tmp_path: Path, type_: str
) -> None:
    values = values_of(type_)
    make_odd(make_table, type_, values)
    scope = adhoc_scope("odd")
    before = image("odd")
    path = backup(scope, tmp_path)

    untouched = restore(scope, path, mode=Mode.MIRROR)
    assert (untouched.counts.unchanged, untouched.counts.changes) == (len(before), 0)

    for number, value in enumerate([*values[1:], "NULL", *values[:1]], start=1):
        run_sql(f"UPDATE odd SET v = {value} WHERE id = {number}")
    planned = plan(scope, path)
    assert planned.counts.update == len(set(before) - set(image("odd")))
    restore(scope, path, expected_digest=planned.digest)
    assert image("odd") == before

    run_sql("DELETE FROM odd WHERE id % 2 = 1")
    run_sql("UPDATE odd SET v = NULL")
    assert restore(scope, path).counts.insert == (len(before) + 1) // 2
    assert image("odd") == before
    assert plan(scope, path, mode=Mode.MIRROR).counts.changes == 0


def test_table_of_all_types_comes_back(make_table: MakeTable, tmp_path: Path) -> None:
    make_wide(make_table)
    scope = adhoc_scope("odd")
    before = image("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id > 3")
    assignments = ", ".join(f"c{number} = NULL" for number in range(len(TYPES)))
    run_sql(f"UPDATE odd SET {assignments} WHERE id < 3")

    restore(scope, path)

    assert image("odd") == before


OPTIONAL_TYPES = {
    "xml": ["'<a b=\"1\"> é </a>'", "'text'", "'<?xml version=\"1.0\" encoding=\"latin1\"?><a/>'", "''"],
    "hstore": ["'a=>1, b=>NULL, \"\"=>\"\"'", "''"],
    "citext": ["'Abc'", "''"],
    "ltree": ["'a.b.c'"],
}  # fmt: skip


@pytest.mark.parametrize("type_", OPTIONAL_TYPES)
def test_types_that_only_some_servers_have_come_back(
    make_table: MakeTable, tmp_path: Path, type_: str
) -> None:
    with available(type_):
        make_odd(make_table, type_, [f"({value})::{type_}" for value in OPTIONAL_TYPES[type_]])
        scope = adhoc_scope("odd")
        before = image("odd")
        path = backup(scope, tmp_path)
        assert restore(scope, path, mode=Mode.MIRROR).counts.changes == 0
        run_sql("UPDATE odd SET v = NULL WHERE id = 1; DELETE FROM odd WHERE id > 1")

        restore(scope, path)

        assert image("odd") == before


@contextmanager
def available(type_: str) -> Iterator[None]:
    """Make a type available, or skip the test where the server has none of that name."""
    if query("SELECT name FROM pg_available_extensions WHERE name = %s", type_):
        run_sql(f"CREATE EXTENSION {type_}")
        yield
        run_sql(f"DROP EXTENSION {type_} CASCADE")
        return
    try:
        query(f"SELECT ({OPTIONAL_TYPES[type_][0]})::{type_}")
    except (NotSupportedError, ProgrammingError):
        pytest.skip(f"the server has no {type_}")
    yield


def make_wide(make_table: MakeTable) -> None:
    columns = ", ".join(f"c{number} {type_}" for number, type_ in enumerate(TYPES))
    make_table(f"CREATE TABLE odd (id integer PRIMARY KEY, {columns})")
    lists = [[f"({value})::{type_}" for value in values] for type_, values in TYPES.items()]
    for number in range(max(map(len, lists))):
        row = ", ".join(each[number] if number < len(each) else "NULL" for each in lists)
        run_sql(f"INSERT INTO odd VALUES ({number}, {row})")


@pytest.mark.parametrize(
    ("type_", "before", "after"),
    [
        ("numeric", "1.0", "1.00"),
        ("double precision", "'-0'", "0"),
        ("double precision", "'5e-324'", "0"),
        ("json", "'{\"a\":1}'", "'{\"a\": 1}'"),
        ("json", "'null'", "NULL"),
        ("jsonb", "'null'", "NULL"),
        ("jsonb", "'1.0'", "'1.00'"),
        ("text", "''", "NULL"),
        ("text", "'x'", "'x '"),
        ("bytea", "''", "NULL"),
        ("integer[]", "'{}'", "NULL"),
        ("integer[]", "'{NULL}'", "'{}'"),
        ("integer[]", "'[2:3]={1,2}'", "'{1,2}'"),
        ("interval", "'1 mon'", "'30 days'"),
        ("interval", "'24:00:00'", "'1 day'"),
        ("timestamp", "'2026-01-01 00:00:00.000001'", "'2026-01-01 00:00:00'"),
        ("timetz", "'10:00+08'", "'02:00+00'"),
        ("inet", "'10.0.0.1/32'", "'10.0.0.1/31'"),
        ("point", "'(0,-0)'", "'(0,0)'"),
        ("bpchar", "'ab '", "'ab'"),
        ("numrange", "'[1.0,2]'", "'[1.00,2]'"),
    ],
)
def test_values_that_only_look_equal_are_told_apart(
    make_table: MakeTable, tmp_path: Path, type_: str, before: str, after: str
) -> None:
    make_odd(make_table, type_, [f"({before})::{type_}"])
    scope = adhoc_scope("odd")
    was = image("odd")
    path = backup(scope, tmp_path)
    run_sql(f"UPDATE odd SET v = ({after})::{type_} WHERE id = 1")

    assert restore(scope, path).counts.update == 1

    assert image("odd") == was


def test_value_stored_in_another_shape_but_read_the_same_is_unchanged(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_odd(make_table, "integer[]", ["'{1,NULL}'::integer[]"])
    run_sql("UPDATE odd SET v[2] = 2 WHERE id = 1")  # leaves a bitmap of nulls behind
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)

    assert restore(scope, path).counts.changes == 0


# The archive's bytes do not depend on who asks

SETTINGS = {
    "TimeZone": ["'UTC'", "'Asia/Manila'", "'America/St_Johns'", "'Pacific/Chatham'", "'-03:30'"],
    "DateStyle": ["'ISO, DMY'", "'SQL, DMY'", "'German'", "'Postgres, MDY'", "'SQL, MDY'"],
    "IntervalStyle": ["postgres", "sql_standard", "iso_8601", "postgres_verbose", "postgres"],
    "bytea_output": ["escape", "hex", "escape", "hex", "escape"],
    "extra_float_digits": ["-15", "0", "3", "-1", "1"],
    "lc_monetary": ["'C'", "'POSIX'", "'C'", "'C.utf8'", "'C'"],
    "xmlbinary": ["hex", "base64", "hex", "hex", "hex"],
    "array_nulls": ["off", "on", "off", "on", "off"],
    "quote_all_identifiers": ["on", "off", "on", "off", "on"],
    "standard_conforming_strings": ["on", "off", "on", "off", "on"],
    "transform_null_equals": ["on", "off", "on", "off", "on"],
}


@pytest.fixture
def database_settings() -> Iterator[None]:
    """Lets a test ALTER DATABASE … SET: all is reset afterwards."""
    yield
    run_sql(f'ALTER DATABASE "{connection.settings_dict["NAME"]}" RESET ALL')


def test_bytes_are_the_same_whatever_the_database_is_set_to(
    make_table: MakeTable, tmp_path: Path, database_settings: None
) -> None:
    make_wide(make_table)
    scope = adhoc_scope("odd")
    before = image("odd")
    expected = member(backup(scope, tmp_path), "odd")
    for number in range(5):
        for name, choices in SETTINGS.items():
            database = connection.settings_dict["NAME"]
            run_sql(f'ALTER DATABASE "{database}" SET {name} = {choices[number]}')
        path = backup(scope, tmp_path, f"{number}.hms-backup")
        assert member(path, "odd") == expected
        run_sql("DELETE FROM odd WHERE id % 3 = 0")
        done = restore(scope, path, mode=Mode.MIRROR)
        assert done.counts.update == 0
        assert image("odd") == before


def test_settings_of_the_database_reach_the_exports_connection(
    make_table: MakeTable, tmp_path: Path, database_settings: None
) -> None:
    database = connection.settings_dict["NAME"]
    run_sql(f'ALTER DATABASE "{database}" SET bytea_output = escape')
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("SHOW bytea_output")
            assert cursor.fetchone() == ("escape",)
    finally:
        own.close()


def test_exports_of_unchanged_data_are_the_same_bytes(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_wide(make_table)
    scope = adhoc_scope("odd")
    first = member(backup(scope, tmp_path), "odd")
    run_sql("UPDATE odd SET id = id WHERE id % 2 = 0")  # moves the rows about
    run_sql("VACUUM FULL odd")

    assert member(backup(scope, tmp_path), "odd") == first
    ids = [int(each["id"]) for each in json.loads(first, parse_int=str)]
    assert ids == sorted(ids)


# What does not fit is refused, and the value is not quoted

REFUSED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "integer": ("1", [("1", "2147483648")]),
    "smallint": ("1", [("1", "32768")]),
    "bigint": ("1", [("1", "9223372036854775808")]),
    "numeric(5,2)": (
        "1.5",
        [("1.50", "1.505"), ("1.50", "1000.00"), ("1.50", "1e3"), ("1.50", '"Infinity"')],
    ),
    "numeric": ("1.5", [("1.5", "1e200000")]),
    "price": ("1.5", [("1.50", "1.505"), ("1.50", "1000")]),
    "price[]": ("'{1.5}'", [('"{1.50}"', '"{1.505}"')]),
    "numeric(5,2)[]": ("'{1.5}'", [('"{1.50}"', '"{1.505}"'), ('"{1.50}"', '"{1000.00}"')]),
    "spot": ("ROW(1, 'x', 1.5)", [("1.50)", "1.505)")]),
    "real": ("1.5", [("1.5", "1.23456789"), ("1.5", "1e39"), ("1.5", "1e-46")]),
    "ratio": ("1.5", [("1.5", "1.23456789")]),
    "double precision": ("1.5", [("1.5", "1.2345678901234567890123")]),
    "varchar(3)": ("'abc'", [('"abc"', '"abcd"'), ('"abc"', '"abc "')]),
    "char(3)": ("'abc'", [('"abc"', '"abcd"')]),
    "code": ("'abc'", [('"abc"', '"abcd"'), ('"abc"', '"abc "'), ('"abc"', '"bad"')]),
    "flag": ("true", [("true", "false")]),
    "tally": ("7", [("7}", "100}")]),
    "name": ("'abc'", [('"abc"', f'"{"x" * 64}"')]),
    '"char"': ("'a'", [('"a"', '"ab"')]),
    "bit(3)": ("'101'", [('"101"', '"1010"'), ('"101"', '"10"')]),
    "bit varying(3)": ("'101'", [('"101"', '"1010"')]),
    "date": (
        "'2026-01-01'",
        [
            ('"2026-01-01"', '"today"'),
            ('"2026-01-01"', '"2026-01-01T23:59:59"'),
            ('"2026-01-01"', '"2026-02-30"'),
            ('"2026-01-01"', '"01/02/2026"'),
            ('"2026-01-01"', '""'),
            ('"2026-01-01"', '"2026-01-01\\n2026-01-01"'),
        ],
    ),
    "time": (
        "'10:00'",
        [
            ('"10:00:00"', '"now"'),
            ('"10:00:00"', '"2026-01-01T10:00:00"'),
            ('"10:00:00"', '"10:00:00.1234567"'),
        ],
    ),
    "time(0)": ("'10:00'", [('"10:00:00"', '"10:00:00.4"')]),
    "timestamp": (
        "'2026-01-01'",
        [
            ('"2026-01-01T00:00:00"', '"tomorrow"'),
            ('"2026-01-01T00:00:00"', '"2026-01-01T00:00:00+08:00"'),
            ('"2026-01-01T00:00:00"', '"2026-01-01T00:00:00.1234567"'),
        ],
    ),
    "timestamp(0)": ("'2026-01-01'", [('"2026-01-01T00:00:00"', '"2026-01-01T00:00:00.4"')]),
    "moment": (
        "'2026-01-01'",
        [('"2026-01-01T00:00:00"', '"2026-01-01T00:00:00.4"'), ('"2026-01-01T00:00:00"', '"now"')],
    ),
    "timestamptz": (
        "'2026-01-01Z'",
        [("00:00+00:00", "00:00.1234567+00:00"), ('"2026-01-01T00:00:00+00:00"', '"now"')],
    ),
    "interval": ("'1 mon -1 day'", [("1 mon -1 day", "1 mon -1 day 00:00:00.0000001")]),
    "interval(0)": ("'1 s'", [("00:00:01", "00:00:01.4")]),
    "tstzrange": ("'[2026-01-01Z,)'", [('[\\"2026-01-01 00:00:00+00\\",)', "[now,)")]),
    "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", [("380a11", "380a1")]),
    "bytea": ("'\\x00'", [('"\\\\x00"', '"00"'), ('"\\\\x00"', '"\\\\x0"')]),
    "mood": ("'sad'", [('"sad"', '"mad"')]),
    "inet": ("'10.0.0.1'", [("10.0.0.1/32", "10.0.0.256")]),
    "cidr": ("'10.0.0.0/8'", [("10.0.0.0/8", "10.0.0.1/8")]),
    "money": ("'1.25'", [("$1.25", "$1.255")]),
    "point": ("'(1,2)'", [("(1,2)", "(1,2.00000000000000001)")]),
    "integer[]": ("'{1}'", [('"{1}"', '"{1"'), ('"{1}"', "[1]")]),
    "jsonb": (
        "'{\"a\": 1}'",
        [('{"a": 1}', '"\\u0000"'), ('{"a": 1}', "1e200000"), ('{"a": 1}', '{"$json":"{"}')],
    ),
    "json": ("'{\"a\": 1}'", [('{"a": 1}', '{"$json":"not json"}')]),
    "settings": ("'{\"a\": 1}'", [('{"a": 1}', '{"a":1,"a":2}')]),
}
"""Type → a value that fits, and for texts in its line of JSON the ones that make it not fit."""


@pytest.mark.parametrize("type_", REFUSED)
def test_value_that_does_not_fit_is_refused_naming_row_and_column(
    make_table: MakeTable, tmp_path: Path, type_: str
) -> None:
    value, changes = REFUSED[type_]
    make_odd(make_table, type_, [f"({value})::{type_}"])
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    before = image("odd")
    lines = member(path, "odd").decode().splitlines(keepends=True)
    start = '{"id":1,"v":'
    for old, new in changes:
        value = lines[1].removeprefix(start)
        assert old in value
        text = "".join([lines[0], start, value.replace(old, new), *lines[2:]])
        altered = write_live(tmp_path / "altered.hms-backup", "odd", text)
        for attempt in (plan, restore):
            with pytest.raises((RowInvalid, ValueUnsupported)) as caught:
                attempt(scope, altered)
            error = caught.value
            assert (error.table, error.column) == ("odd", "v")
            assert error.row in ("1", "#1")
            for shown in (error.message, error.hint, str(error.__cause__ or "")):
                assert len(new) < 8 or new.strip('"') not in shown
    assert image("odd") == before


def test_column_narrowed_since_the_backup_refuses_what_no_longer_fits(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table(
        "CREATE TABLE odd (id integer PRIMARY KEY, n numeric(12,4), t varchar(20), f float8, "
        "s timestamp, i bigint)"
    )
    run_sql("INSERT INTO odd VALUES (1, 1.5, 'short', 1.5, '2026-01-01', 7)")
    run_sql(
        "INSERT INTO odd VALUES (2, 1.2345, 'much too long', 0.30000000000000004, now(), 99999)"
    )
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id = 2")
    for column, narrow in {
        "n": "numeric(6,2)", "t": "varchar(8)", "f": "real", "s": "timestamp(0)", "i": "smallint",
    }.items():  # fmt: skip
        wide = query(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = 'odd'::regclass AND attname = %s",
            column,
        )[0][0]
        run_sql(f"ALTER TABLE odd ALTER {column} TYPE {narrow}")
        with pytest.raises((RowInvalid, ValueUnsupported)) as caught:
            restore(scope, path)
        assert (caught.value.table, caught.value.column) == ("odd", column)
        assert caught.value.row in ("2", "#2")
        run_sql(f"ALTER TABLE odd ALTER {column} TYPE {wide}")
    assert restore(scope, path).counts.insert == 1


def test_json_too_deep_to_be_read_back_is_refused_by_the_export(
    make_table: MakeTable, tmp_path: Path
) -> None:
    make_table("CREATE TABLE odd (id integer PRIMARY KEY, a jsonb, b json)")
    run_sql("INSERT INTO odd VALUES (1, '[]', '[]'), (2, '[]', %s)", "[" * 400 + "]" * 400)
    scope = adhoc_scope("odd")
    before = image("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd")
    restore(scope, path)
    assert image("odd") == before

    run_sql("INSERT INTO odd VALUES (3, %s, '[]')", '{"a":' * 600 + "1" + "}" * 600)
    with pytest.raises(ValueUnsupported) as caught:
        backup(scope, tmp_path)

    assert (caught.value.table, caught.value.row) == ("odd", "#3")
    assert caught.value.column == "a"


def test_text_that_the_server_cannot_encode_is_refused(tmp_path: Path) -> None:
    """A server whose encoding is not UTF-8 refuses in COPY; the row is named."""
    settings: dict[str, Any] = connection.get_connection_params()
    with psycopg.connect(**{**settings, "dbname": "postgres"}, autocommit=True) as server:
        server.execute("DROP DATABASE IF EXISTS hms_latin")
        server.execute(
            "CREATE DATABASE hms_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    previous = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "hms_latin"
    try:
        run_sql("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
        run_sql("INSERT INTO odd VALUES (1, 'é')")
        scope = adhoc_scope("odd")
        path = backup(scope, tmp_path)
        assert member(path, "odd") == '[\n{"id":1,"v":"é"}\n]\n'.encode()
        run_sql("DELETE FROM odd")
        restore(scope, path)
        assert query("SELECT v FROM odd") == [("é",)]
        with pytest.raises(RowInvalid) as caught:
            restore(scope, rewritten(path, "odd", "é", "日"))
        assert (caught.value.row, caught.value.column) == ("#1", "")
    finally:
        connection.close()
        connection.settings_dict["NAME"] = previous
        run_sql("DROP DATABASE IF EXISTS hms_latin")


# Databases of other encodings


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A database that takes any bytes for text; backups are of it. Its connection."""
    run_sql("CREATE DATABASE hms_ascii TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")
    monkeypatch.setitem(connection.settings_dict, "NAME", "hms_ascii")
    own = connection.copy()
    try:
        own.ensure_connection()
        own.connection.execute("SET client_encoding = SQL_ASCII")
        own.connection.execute("CREATE TABLE odd (id integer PRIMARY KEY, v text)")
        yield own.connection
    finally:
        own.close()
        monkeypatch.undo()
        run_sql("DROP DATABASE hms_ascii")


def test_text_that_is_no_utf8_is_refused_by_the_export(encoded: Any, tmp_path: Path) -> None:
    encoded.execute("INSERT INTO odd SELECT n, 'x' FROM generate_series(1, 5000) n")
    encoded.execute(r"UPDATE odd SET v = E'SECRET\351' WHERE id = 4321")

    with pytest.raises(ValueUnsupported) as caught:
        backup(adhoc_scope("odd"), tmp_path)

    assert (caught.value.table, caught.value.row) == ("odd", "#4321")
    assert "SECRET" not in caught.value.message + caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_text_of_a_database_without_encoding_comes_back(encoded: Any, tmp_path: Path) -> None:
    encoded.execute(r"INSERT INTO odd VALUES (1, E'Jos\303\251'), (2, '')")
    path = backup(adhoc_scope("odd"), tmp_path)
    encoded.execute("UPDATE odd SET v = 'x' WHERE id = 1; DELETE FROM odd WHERE id = 2")

    restore(adhoc_scope("odd"), path)

    found = encoded.execute("SELECT id, encode(v::bytea, 'hex') FROM odd ORDER BY id").fetchall()
    assert [text for _, text in found] in (["4a6f73c3a9", ""], [b"4a6f73c3a9", b""])
