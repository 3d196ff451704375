"""The example's DDL makes the tables that tables.json describes."""

from __future__ import annotations

import pytest

from example_project.hospital.ddl import table_facts
from tests.support import columns, query, rows, run_sql

pytestmark = pytest.mark.django_db(transaction=True)


def test_hospital_has_every_column_in_order() -> None:
    live = {name: columns(name) for name in table_facts()}

    assert live == {
        name: [column["name"] for column in facts["columns"]]
        for name, facts in table_facts().items()
    }


@pytest.mark.postgresql
def test_hospital_has_the_described_types_and_nullability() -> None:
    live = query(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0"
        " AND c.relname = ANY(%s)",
        list(table_facts()),
    )

    assert set(live) == {
        (name, column["name"], column["type"], column["null"])
        for name, facts in table_facts().items()
        for column in facts["columns"]
    }


@pytest.mark.postgresql
def test_hospital_has_row_level_security_enabled_on_every_table() -> None:
    enabled = query("SELECT relname FROM pg_class WHERE relrowsecurity")

    assert {name for (name,) in enabled} == set(table_facts())


@pytest.mark.parametrize("turn", ["first", "second"])
def test_hospital_is_empty_and_its_keys_start_over_after_each_test(turn: str) -> None:
    assert rows("competencies") == []
    run_sql("INSERT INTO competencies (skill_name) VALUES ('Triage')")
    assert query("SELECT id, skill_name FROM competencies") == [(1, "Triage")]


@pytest.mark.parametrize("turn", ["first", "second"])
def test_hospital_is_made_anew_after_a_test_that_altered_it(turn: str) -> None:
    assert "since" not in columns("drivers")
    run_sql("ALTER TABLE drivers ADD COLUMN since date")
    assert "since" in columns("drivers")
