"""Fixtures every test may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from example_project.hospital.seeding import seed_hospital
from tests.support import query, run_sql

MakeTable = Callable[[str], None]


@pytest.fixture
def make_table(transactional_db: None) -> Iterator[MakeTable]:
    """A function that runs DDL; every table, type and function it made is dropped afterwards."""
    before = _objects()

    def make(ddl: str) -> None:
        run_sql(ddl)

    yield make
    made = _objects() - before
    if connection.vendor == "sqlite":
        run_sql("PRAGMA foreign_keys = OFF")
    for kind, name in sorted(made):
        cascade = " CASCADE" if connection.vendor == "postgresql" else ""
        run_sql(f'DROP {kind} IF EXISTS "{name}"{cascade}')
    if connection.vendor == "sqlite":
        run_sql("PRAGMA foreign_keys = ON")


@pytest.fixture
def altered_hospital(transactional_db: None) -> None:
    """Says that a test alters the hospital's tables; conftest makes them anew afterwards."""


@pytest.fixture
def hospital(transactional_db: None) -> dict[str, int]:
    """A small hospital, the same in every test: linked rows in all 43 tables. Rows per table."""
    return seed_hospital(seed=1, scale=0.05)


def _objects() -> set[tuple[str, str]]:
    if connection.vendor == "sqlite":
        sql = "SELECT upper(type), name FROM sqlite_master WHERE type IN ('table', 'view')"
    else:
        sql = POSTGRESQL_OBJECTS
    return {(str(kind), str(name)) for kind, name in query(sql)}


POSTGRESQL_OBJECTS = """
    SELECT 'TABLE', tablename FROM pg_tables WHERE schemaname = 'public'
    UNION ALL
    SELECT CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, typname
    FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
    UNION ALL
    SELECT 'ROUTINE', proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
