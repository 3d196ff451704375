"""The hospital's true tables, as ``tables.json`` describes them, in either vendor's SQL."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLES_JSON = Path(__file__).with_name("tables.json")

Facts = dict[str, Any]
"""One table of tables.json, or one column of a table."""


@functools.cache
def table_facts() -> dict[str, Facts]:
    """Every table by name, ``users`` first, then in the order of departments and subsystems."""
    described = json.loads(TABLES_JSON.read_text(encoding="utf-8"))
    tables = list(described["shared_tables"])
    for department in described["departments"]:
        for subsystem in department["subsystems"]:
            tables.extend(subsystem["tables"])
    return {table["name"]: table for table in tables}


def creation_order() -> list[str]:
    """Table names, each after the tables it refers to."""
    facts = table_facts()
    ordered: list[str] = []

    def place(name: str) -> None:
        if name in ordered:
            return
        for key in facts[name]["foreign_keys"]:
            place(key["references"].split(".")[0])
        ordered.append(name)

    for name in facts:
        place(name)
    return ordered


def create_statements(vendor: str) -> list[str]:
    """The DDL of all 43 tables for ``postgresql`` or ``sqlite``."""
    statements: list[str] = []
    for name in creation_order():
        facts = table_facts()[name]
        statements.append(_create_table(facts, vendor))
        if vendor == "postgresql" and facts["row_level_security"]:
            # Enabled without policies, as the live database has it: its owner sees every row,
            # any other role sees none.
            statements.append(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    return statements


def drop_statements(vendor: str) -> list[str]:
    """The DDL that removes them, children first."""
    cascade = " CASCADE" if vendor == "postgresql" else ""
    return [f"DROP TABLE IF EXISTS {name}{cascade}" for name in reversed(creation_order())]


MARKER = "example_hospital"
"""A table whose presence says that this example made the others, and may drop or damage them."""


class NotTheExample(Exception):
    """The database holds hospital tables that the example did not make."""


def create_hospital(connection: BaseDatabaseWrapper) -> bool:
    """Create the tables unless they are there. Return whether it did.

    Raises `NotTheExample` when some of their names are taken by someone else's tables.
    """
    existing = set(connection.introspection.table_names())
    taken = existing.intersection(table_facts())
    if taken:
        refuse_unless_example(connection)
        return False
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in create_statements(connection.vendor):
            cursor.execute(statement)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {MARKER} (id integer PRIMARY KEY)")
    return True


def drop_hospital(connection: BaseDatabaseWrapper) -> None:
    """Drop the tables that are there. Raises `NotTheExample` before touching any other's."""
    if set(connection.introspection.table_names()).intersection(table_facts()):
        refuse_unless_example(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in drop_statements(connection.vendor):
            cursor.execute(statement)
        cursor.execute(f"DROP TABLE IF EXISTS {MARKER}")


def refuse_unless_example(connection: BaseDatabaseWrapper) -> None:
    """Raise `NotTheExample` where ``DATABASE_URL`` points at a hospital that is not this one."""
    if MARKER not in connection.introspection.table_names():
        name = connection.settings_dict["NAME"]
        raise NotTheExample(
            f"Database {name!r} holds a hospital's tables that this example did not make;"
            " nothing was changed. Unset DATABASE_URL to use the example's own database."
        )


def _create_table(facts: Facts, vendor: str) -> str:
    write_column = _postgresql_column if vendor == "postgresql" else _sqlite_column
    lines = [write_column(column) for column in facts["columns"]]
    lines += [f"UNIQUE ({', '.join(columns)})" for columns in facts["unique"]]
    for key in facts["foreign_keys"]:
        target, target_column = key["references"].split(".")
        lines.append(
            f"FOREIGN KEY ({key['column']}) REFERENCES {target} ({target_column})"
            f" ON DELETE {key['on_delete']}"
        )
    body = ",\n    ".join(lines)
    return f"CREATE TABLE {facts['name']} (\n    {body}\n)"


def _postgresql_column(column: Facts) -> str:
    if column["default"] == "serial":
        return f"{column['name']} serial PRIMARY KEY"
    default = "" if column["default"] is None else f" DEFAULT {column['default']}"
    return f"{column['name']} {column['type']}{_not_null(column)}{default}"


def _sqlite_column(column: Facts) -> str:
    """The same column in the type names that Django's SQLite backend reads and writes."""
    if column["default"] == "serial":
        return f"{column['name']} integer NOT NULL PRIMARY KEY AUTOINCREMENT"
    default = "" if column["default"] is None else f" DEFAULT {_sqlite_default(column['default'])}"
    typed = f"{column['name']} {_sqlite_type(column)}"
    return f"{typed}{_not_null(column)}{default}{_sqlite_check(column)}"


def _not_null(column: Facts) -> str:
    return "" if column["null"] else " NOT NULL"


SQLITE_TYPES = {
    "boolean": "bool",
    "jsonb": "text",
    "timestamp without time zone": "datetime",
    "time without time zone": "time",
}
"""PostgreSQL type → the name Django gives it on SQLite; varchar, decimal and the rest are alike."""


def _sqlite_type(column: Facts) -> str:
    named = (
        str(column["type"]).replace("character varying", "varchar").replace("numeric", "decimal")
    )
    return SQLITE_TYPES.get(named, named)


def _sqlite_check(column: Facts) -> str:
    if column["type"] == "jsonb":
        return f" CHECK (json_valid({column['name']}) OR {column['name']} IS NULL)"
    return ""


SQLITE_DEFAULTS = {
    "now()": "CURRENT_TIMESTAMP",
    "(now() + '90 days'::interval)": "(datetime('now', '+90 days'))",
}


def _sqlite_default(default: str) -> str:
    return SQLITE_DEFAULTS.get(default, re.sub(r"::[a-z ]+$", "", default))
