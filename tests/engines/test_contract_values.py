"""Every value comes back as it was, on every vendor, or is refused with its place."""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hms_backup.exceptions import RowInvalid, ValueUnsupported
from hms_backup.plan import Mode
from tests.fixtures import MakeTable
from tests.roundtrip import backup, plan, restore
from tests.support import adhoc_scope, query, rows, run_sql, snapshot

pytestmark = pytest.mark.django_db(transaction=True)

MakeModel = Callable[..., type[models.Model]]

FIELDS: dict[str, Callable[[], models.Field[Any, Any]]] = {
    "flag": lambda: models.BooleanField(null=True),
    "small": lambda: models.SmallIntegerField(null=True),
    "number": lambda: models.IntegerField(null=True),
    "large": lambda: models.BigIntegerField(null=True),
    "price": lambda: models.DecimalField(null=True, max_digits=12, decimal_places=2),
    "ratio": lambda: models.FloatField(null=True),
    "notes": lambda: models.TextField(null=True),
    "label": lambda: models.CharField(null=True, max_length=60),
    "vitals": lambda: models.JSONField(null=True),
    "day": lambda: models.DateField(null=True),
    "clock": lambda: models.TimeField(null=True),
    "moment": lambda: models.DateTimeField(null=True),
    "token": lambda: models.UUIDField(null=True),
    "image": lambda: models.BinaryField(null=True),
    "length": lambda: models.DurationField(null=True),
    "address": lambda: models.GenericIPAddressField(null=True),
}
VALUES: dict[str, list[object]] = {
    "flag": [True, False],
    "small": [-32768, 32767, 0],
    "number": [-(2**31), 2**31 - 1],
    "large": [-(2**63), 2**63 - 1, 2**53 + 1],
    "price": [Decimal("0.00"), Decimal("-0.01"), Decimal("9999999999.99"), Decimal("1.10")],
    "ratio": [0.1, -0.0, 5e-324, 1.7976931348623157e308, 0.30000000000000004, 1e22, 100.0, -1.5e-9],
    "notes": [
        "", " ", "NULL", "null", "\\N", "\\", "a\tb\nc\r\nd", "\x01\x1f\x7f", 'say "x"', "it's",
        "{\"$json\":1}", "\\u0000", "é", "e\u0301", "😀", "\ufeff", "\u2028", "שלום", "x" * 70_000,
        "a,b\n{},{", "%s %(x)s %", "'; DROP TABLE odd; --",
    ],
    "label": ["", "trailing  ", "  leading"],
    "vitals": [
        {}, [], "", "x", 0, 1.5, True, {"a": None, "b": [1, {"c": "é\n"}]}, {"$json": 1},
        {"$json": "null"}, ["$json"], {"": {"\":": "x"}}, {"a\\": "b\\u0022"}, 2**60, "null",
    ],
    "day": [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)],
    "clock": [dt.time(0, 0), dt.time(23, 59, 59, 999999), dt.time(12, 0, 0, 100000)],
    "moment": [
        dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=dt.UTC),
        dt.datetime(2026, 1, 1, 8, 0, tzinfo=dt.timezone(dt.timedelta(hours=8))),
    ],
    "token": [uuid.UUID(int=0), uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "image": [b"", b"\x00\xff\\x00\n", bytes(range(256)), b"abc" * 30_000],
    "length": [dt.timedelta(0), dt.timedelta(days=-1, microseconds=1), dt.timedelta(days=400, hours=7)],
    "address": ["10.0.0.1", "2001:db8::1"],
}  # fmt: skip


@pytest.fixture
def make_model(make_table: MakeTable) -> MakeModel:
    """A function that makes a table as Django would for a model with these fields of `FIELDS`."""

    def make(*names: str, key: models.Field[Any, Any] | None = None) -> type[models.Model]:
        meta = type("Meta", (), {"db_table": "odd", "app_label": "tests", "apps": Apps()})
        attributes: dict[str, Any] = {
            "__module__": __name__,
            "Meta": meta,
            "id": key or models.IntegerField(primary_key=True),
            **{name: FIELDS[name]() for name in names},
        }
        model = type("Odd", (models.Model,), attributes)
        with connection.schema_editor() as editor:
            editor.create_model(model)
        return model

    return make


def member(path: Path, table: str = "odd") -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(f"{table}.json")


def live_archive(folder: Path, text: str | bytes) -> Path:
    """An archive as the live system writes them, without checksums: anyone could have made it."""
    manifest = {
        "export_date": "2026-01-01T00:00:00",
        "scope": "subsystem",
        "target_id": "ADHOC",
        "version": "1.0.0",
        "tables": ["odd"],
    }
    path = folder / "altered.hms-backup"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(manifest))
        archive.writestr("odd.json", text)
    return path


def refill(model: type[models.Model], name: str, values: list[object]) -> None:
    model._default_manager.all().delete()
    model._default_manager.bulk_create(
        [model(id=number, **{name: value}) for number, value in enumerate([*values, None], 1)]
    )


@pytest.mark.parametrize("name", FIELDS)
def test_every_value_comes_back(make_model: MakeModel, tmp_path: Path, name: str) -> None:
    model = make_model(name)
    refill(model, name, VALUES[name])
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)

    untouched = restore(scope, path, mode=Mode.MIRROR)
    assert (untouched.counts.unchanged, untouched.counts.changes) == (len(before), 0)

    refill(model, name, [*VALUES[name][1:], VALUES[name][0]])
    damaged = rows("odd")
    planned = plan(scope, path)
    assert planned.counts.update == len(set(before) - set(damaged))
    restore(scope, path, expected_digest=planned.digest)
    assert rows("odd") == before

    run_sql("DELETE FROM odd WHERE id <> 2")
    run_sql(f"UPDATE odd SET {name} = NULL")
    restore(scope, path)
    assert rows("odd") == before
    assert plan(scope, path, mode=Mode.MIRROR).counts.changes == 0


def test_row_of_all_kinds_comes_back(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model(*FIELDS)
    for number in range(max(map(len, VALUES.values())) + 1):
        row = {name: each[number] for name, each in VALUES.items() if number < len(each)}
        model._default_manager.create(id=number, **row)
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id > 3")
    run_sql("UPDATE odd SET notes = NULL, vitals = NULL, image = NULL WHERE id < 3")

    restore(scope, path)

    assert rows("odd") == before


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("notes", "", None),
        ("notes", "x", "x "),
        ("notes", "x", "X"),
        ("notes", "\u00e9", "e\u0301"),
        ("notes", "a\r\n", "a\n"),
        ("notes", "1", "1.0"),
        ("image", b"", None),
        ("image", b"a", b"a\0"),
        ("ratio", 0.1, 0.10000000000000002),
        ("ratio", 5e-324, 0.0),
        ("vitals", "null", None),
        ("vitals", [1], [1.5]),
        ("vitals", 1, "1"),
        ("vitals", {"a": 1}, {"a": None}),
        ("large", 2**53, 2**53 + 1),
        ("clock", dt.time(1, 2, 3, 4), dt.time(1, 2, 3)),
        ("moment", dt.datetime(2026, 1, 1, 0, 0, 0, 1, dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)),
    ],
)  # fmt: skip
def test_values_that_only_look_equal_are_told_apart(
    make_model: MakeModel, tmp_path: Path, name: str, before: object, after: object
) -> None:
    model = make_model(name)
    refill(model, name, [before])
    scope = adhoc_scope("odd")
    was = rows("odd")
    path = backup(scope, tmp_path)
    refill(model, name, [after])

    assert restore(scope, path).counts.update == 1

    assert rows("odd") == was


def test_json_null_is_not_sql_null(make_model: MakeModel, tmp_path: Path) -> None:
    model = make_model("vitals")
    model._default_manager.create(id=1, vitals=models.Value(None, models.JSONField()))
    model._default_manager.create(id=2, vitals=None)
    scope = adhoc_scope("odd")
    path = backup(scope, tmp_path)
    before = rows("odd")
    assert query("SELECT id FROM odd WHERE vitals IS NULL") == [(2,)]
    archived = [each["vitals"] for each in json.loads(member(path))]
    assert archived == [{"$json": "null"}, None]

    run_sql("UPDATE odd SET vitals = NULL WHERE id = 1")
    assert plan(scope, path).counts.update == 1
    restore(scope, path)
    assert rows("odd") == before
    model._default_manager.filter(id=2).update(vitals=models.Value(None, models.JSONField()))
    restore(scope, path)
    assert rows("odd") == before


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.integers(min_value=-(2**31), max_value=2**31 - 1),
            "ratio": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "notes": st.none() | TEXT,
            "vitals": st.none() | st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none()),
            "moment": st.none() | st.datetimes(timezones=st.just(dt.UTC)),
            "image": st.none() | st.binary(max_size=30),
        }
    ),
    min_size=1,
    max_size=15,
)  # fmt: skip


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_rows_come_back(make_model: MakeModel, tmp_path: Path, data: st.DataObject) -> None:
    run_sql("DROP TABLE IF EXISTS odd")
    model = make_model("number", "ratio", "notes", "vitals", "moment", "image")
    drawn = data.draw(ROWS)
    model._default_manager.bulk_create([model(id=n, **each) for n, each in enumerate(drawn)])
    scope = adhoc_scope("odd")
    before = rows("odd")
    path = backup(scope, tmp_path)
    run_sql("DELETE FROM odd WHERE id % 2 = 0")
    run_sql("UPDATE odd SET number = 1, ratio = NULL, notes = 'x', vitals = NULL, image = NULL")

    restore(scope, path)

    assert rows("odd") == before
    assert plan(scope, path, mode=Mode.MIRROR).counts.changes == 0


# The hospital's own rows (TRAPS 2: another tool's round trip changed 100,000 of 100,000)


def test_medical_records_come_back_unchanged(hospital: object, tmp_path: Path) -> None:
    run_sql("UPDATE medical_records SET treatment = '' WHERE id % 3 = 0")
    run_sql("UPDATE medical_records SET treatment = NULL, notes = '' WHERE id % 3 = 1")
    run_sql("UPDATE medical_records SET created_at = '2026-03-29 02:30:00.123456' WHERE id % 2 = 0")
    scope = adhoc_scope("medical_records")
    before = snapshot()
    path = backup(scope, tmp_path)

    assert restore(scope, path, mode=Mode.MIRROR).counts.changes == 0
    run_sql("UPDATE medical_records SET treatment = 'wrong', created_at = NULL")
    restore(scope, path)

    assert snapshot() == before


# Same data, same bytes


def test_exports_of_unchanged_data_are_the_same_bytes_in_key_order(
    make_model: MakeModel, tmp_path: Path
) -> None:
    model = make_model("notes", "ratio", "vitals", "moment")
    numbers = list(range(500))
    random.Random(7).shuffle(numbers)
    for number in numbers:
        model._default_manager.create(
            id=number, notes=f"{number} é", ratio=number / 7, vitals={"b": 1, "a": number}
        )
    scope = adhoc_scope("odd")
    first = member(backup(scope, tmp_path))
    run_sql("DELETE FROM odd WHERE id % 5 = 0")
    for number in range(0, 500, 5):
        model._default_manager.create(
            id=number, notes=f"{number} é", ratio=number / 7, vitals={"b": 1, "a": number}
        )

    assert member(backup(scope, tmp_path)) == first
    assert [each["id"] for each in json.loads(first)] == sorted(numbers)
    assert first.count(b"\n") == 502


# What is not a value of its column is refused

REFUSED: dict[str, list[str]] = {
    "flag": ["0", "1", '"true"', '"t"', "2"],
    "number": ["1.0", '"1"', "1e3", "true", "99999999999999999999", "9" * 5000, "[1]"],
    "price": ['"1.00"', "true", "[1]", "1e400", "{}"],
    "ratio": ['"x"', "true", "1e400", "0.12345678901234567890123"],
    "notes": ["1", "true", '"\\u0000"', '"\\ud800"', "{}"],
    "vitals": [
        '{"a":1,"a":2}',
        '{"b":{"a":1,"a":2}}',
        '{"$json":1}',
        '{"$json":"{"}',
        "[" * 600 + "]" * 600,
    ],
    "day": ['"today"', '"2026-02-30"', '"2026-01-01T00:00:00"', "20260101", '""'],
    # A second 60 and an hour 24 would be carried into the next minute and day.
    "clock": ['"25:00"', '"now"', '"10:00:00.1234567"', '"10:00:60"'],
    "moment": [
        '"2026-01-01T24:00:00"',
        '"2026-01-01 24:00"',
        '"2026-01-01T10:00:60"',
        '"2026-01-01T23:59:60"',
        '"now"',
        '"2026-13-01 00:00:00"',
        '"2026-01-01T00:00:00.1234567"',
    ],
    "token": ["1"],
    "image": ['"00"', '"\\\\x0"', "[0]"],
}
# SQLite keeps JSON and UUIDs as text, and brings back whatever text was there.
KEPT_BY_SQLITE = ('{"a":1,"a":2}', '{"b":{"a":1,"a":2}}')


@pytest.mark.parametrize("name", REFUSED)
def test_value_that_is_none_of_its_column_is_refused_naming_row_and_column(
    make_model: MakeModel, tmp_path: Path, name: str
) -> None:
    model = make_model(name)
    refill(model, name, [])
    scope = adhoc_scope("odd")
    before = rows("odd")
    for value in REFUSED[name]:
        if connection.vendor == "sqlite" and value in KEPT_BY_SQLITE:
            continue
        text = f'[{{"id": 1, "{name}": null}},\n{{"id": 2, "{name}": {value}}}]'
        path = live_archive(tmp_path, text)
        with pytest.raises((RowInvalid, ValueUnsupported)) as caught:
            restore(scope, path)
        error = caught.value
        assert error.table == "odd"
        assert error.row in ("#2", "2")
        # Half a surrogate pair, or JSON without end, is found before there are columns.
        assert error.column == name or "ud800" in value or len(value) > 1000
        assert len(value) < 8 or value.strip('"') not in error.message + error.hint
    assert rows("odd") == before


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf[]",
        '[{"id": 1, "notes": "x"}]'.encode("utf-16"),
        b'[{"id": 1, "notes": "\xff"}]',
        b'[{"id": 1, "notes": "x"}',
        b'{"id": 1, "notes": "x"}',
        b'[{"id": 1, "notes": "x", "id": 2}]',
        b'[{"id": NaN, "notes": "x"}]',
        b'[{"id": 1, "notes": ' + b"[" * 100_000,
    ],
)
def test_file_that_is_no_array_of_rows_is_refused_and_nothing_changed(
    make_model: MakeModel, tmp_path: Path, text: bytes
) -> None:
    model = make_model("notes")
    refill(model, "notes", ["kept"])
    path = live_archive(tmp_path, text)
    before = rows("odd")

    with pytest.raises(RowInvalid) as caught:
        restore(adhoc_scope("odd"), path)

    assert caught.value.table == "odd"
    assert rows("odd") == before
