"""What tests share: raw SQL on the test database, throw-away scopes, and snapshots of tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.apps.registry import Apps
from django.db import connection, models

from example_project.hospital.ddl import create_hospital, drop_hospital, table_facts
from hms_backup.registry import Department, Scope, ScopeKind, Subsystem

ROOT = Path(__file__).resolve().parent.parent


def run_sql(sql: str, *params: Any) -> int:
    """Run one statement, or without parameters several, and commit. Return the affected rows."""
    with connection.cursor() as cursor:
        if not params and connection.vendor == "sqlite" and ";" in sql.strip().rstrip(";"):
            cursor.executescript(sql)
        else:
            cursor.execute(sql, params or None)
        return int(cursor.rowcount)


def query(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run a query and return all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return [tuple(row) for row in cursor.fetchall()]


def rows(table: str) -> list[tuple[str | None, ...]]:
    """Every row in the database's own text form, sorted: two equal answers mean equal tables.

    On SQLite each value carries its storage class, so that 1, 1.0 and '1' differ.
    """
    as_text = (
        "{}::text" if connection.vendor == "postgresql" else "typeof({0}) || ' ' || quote({0})"
    )
    quoted = [connection.ops.quote_name(name) for name in columns(table)]
    selected = ", ".join(as_text.format(name) for name in quoted)
    found = query(f"SELECT {selected} FROM {connection.ops.quote_name(table)}")
    return sorted(found, key=lambda row: tuple((value is not None, value or "") for value in row))


def snapshot(*tables: str) -> dict[str, list[tuple[str | None, ...]]]:
    """`rows` of several tables, of the whole hospital when none is named."""
    return {table: rows(table) for table in tables or tuple(table_facts())}


def add_reference(table: str, column: str, target: str) -> None:
    """Add a foreign key to an empty table; SQLite has to make the table anew for that."""
    if connection.vendor == "postgresql":
        run_sql(f"ALTER TABLE {table} ADD FOREIGN KEY ({column}) REFERENCES {target}")
        return
    ((created,),) = query("SELECT sql FROM sqlite_master WHERE name = %s", table)
    run_sql(
        f"PRAGMA foreign_keys = OFF; DROP TABLE {table};"
        f"{created[:-1]}, FOREIGN KEY ({column}) REFERENCES {target});"
        "PRAGMA foreign_keys = ON;"
    )


def delete_unchecked(table: str, key: int) -> None:
    """Delete one row whatever refers to it."""
    if connection.vendor == "postgresql":
        run_sql(
            f"BEGIN; SET LOCAL session_replication_role = replica; "
            f"DELETE FROM {table} WHERE id = {key:d}; COMMIT"
        )
        return
    run_sql(
        f"PRAGMA foreign_keys = OFF; DELETE FROM {table} WHERE id = {key:d};"
        "PRAGMA foreign_keys = ON"
    )


def copy_row(table: str, key: int, new_key: int, **others: Any) -> None:
    """Insert a row's copy under another key, with other values in some columns."""
    given = {"id": new_key, **others}
    names = columns(table)
    selected = ", ".join("%s" if name in given else name for name in names)
    run_sql(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {selected} FROM {table} WHERE id = %s",
        *(given[name] for name in names if name in given),
        key,
    )


def columns(table: str) -> list[str]:
    """The column names a table really has, in order."""
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, table)
    return [column.name for column in described]


def throwaway_model(table: str, *, key: str = "id") -> type[models.Model]:
    """An unmanaged model for a table made by raw SQL, in an app registry of its own."""
    meta = type(
        "Meta", (), {"managed": False, "db_table": table, "app_label": "tests", "apps": Apps()}
    )
    name = "".join(filter(str.isalnum, table.title())) or "Table"
    attributes = {
        "__module__": __name__,
        "Meta": meta,
        key: models.IntegerField(primary_key=True),
    }
    return type(name, (models.Model,), attributes)


def adhoc_scope(*tables: str, id: str = "ADHOC", name: str = "Ad hoc", key: str = "id") -> Scope:
    """A subsystem's scope over tables made by raw SQL; nothing is registered anywhere."""
    subsystem = adhoc_subsystem(*tables, id=id, name=name, key=key)
    department = Department(f"{id}_DEPARTMENT", f"{name} department", (subsystem,))
    return Scope(ScopeKind.SUBSYSTEM, id, name, department, (subsystem,))


def adhoc_subsystem(
    *tables: str, id: str = "ADHOC", name: str = "Ad hoc", key: str = "id"
) -> Subsystem:
    """The subsystem alone, for tests that build departments of several."""
    return Subsystem(id, name, tuple(throwaway_model(table, key=key) for table in tables))


def adhoc_department(*subsystems: Subsystem, id: str = "ADHOC_DEPARTMENT") -> Scope:
    """A department's scope over ad hoc subsystems."""
    department = Department(id, "Ad hoc department", subsystems)
    return Scope(ScopeKind.DEPARTMENT, id, department.name, department, subsystems)


def empty_hospital() -> None:
    """Delete the hospital's rows and rewind its sequences, touching only tables in use."""
    if connection.vendor == "postgresql":
        _empty_postgresql()
    else:
        _empty_sqlite()


def _empty_postgresql() -> None:
    """Delete rather than truncate: with tables this small it is twenty times as fast."""
    present = {name for (name,) in query("SELECT tablename FROM pg_tables")}
    tables = [name for name in table_facts() if name in present]
    statements = [f"DELETE FROM {name}" for name in tables]
    statements += [
        f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in tables
    ]
    run_sql(f"BEGIN; SET LOCAL session_replication_role = replica; {'; '.join(statements)}; COMMIT")


def _empty_sqlite() -> None:
    """In one transaction: each costs SQLite a wait for the disk."""
    present = set(table_facts()) & set(connection.introspection.table_names())
    statements = "".join(f"DELETE FROM {name};" for name in present)
    run_sql("PRAGMA foreign_keys = OFF")
    run_sql(f"BEGIN; {statements} DELETE FROM sqlite_sequence; COMMIT")
    run_sql("PRAGMA foreign_keys = ON")


def hospital_shape() -> list[tuple[Any, ...]]:
    """The hospital's columns, constraints and triggers, to notice that a test altered them."""
    if connection.vendor == "sqlite":
        listed = query("SELECT tbl_name, sql FROM sqlite_master ORDER BY 1, 2")
        return [row for row in listed if row[0] in table_facts()]
    return query(POSTGRESQL_SHAPE, list(table_facts()))


POSTGRESQL_SHAPE = """
    WITH hospital AS (
        SELECT oid, relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)
    )
    SELECT relname, attname, format('%%s %%s %%s %%s', attnum, atttypid, atttypmod, attnotnull)
    FROM pg_attribute JOIN hospital h ON h.oid = attrelid WHERE attnum > 0
    UNION ALL
    SELECT relname, conname, pg_get_constraintdef(c.oid)
    FROM pg_constraint c JOIN hospital h ON h.oid = conrelid
    UNION ALL
    SELECT relname, tgname, tgenabled::text
    FROM pg_trigger JOIN hospital h ON h.oid = tgrelid WHERE NOT tgisinternal
    ORDER BY 1, 2, 3
"""


def recreate_hospital() -> None:
    """Drop and create the hospital's tables: for after a test that altered them."""
    drop_hospital(connection)
    create_hospital(connection)


def database_url() -> str:
    """The address of the database this test uses, for processes it starts."""
    settings = connection.settings_dict
    name = quote(str(settings["NAME"]), safe="/")
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    host = settings["HOST"] or settings.get("OPTIONS", {}).get("host", "")
    user, password, port = (str(settings[key] or "") for key in ("USER", "PASSWORD", "PORT"))
    account = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    if host.startswith("/"):
        return f"postgresql://{account}/{name}?host={quote(host, safe='/')}"
    return f"postgresql://{account}{host}{f':{port}' if port else ''}/{name}"


def manage(
    *arguments: str,
    stdin: str = "",
    env: dict[str, str] | None = None,
    timeout: float = 120,
    preexec: Any = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py``-like commands in a process of their own, on this test's database."""
    return subprocess.run(
        [sys.executable, "-m", "django", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=child_environment(env),
        timeout=timeout,
        check=False,
        preexec_fn=preexec,
    )


def child_environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that shall see this test's database."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "HMS_TEST_DATABASE_URL": database_url(),
        "PYTHONPATH": str(ROOT),
        **(more or {}),
    }


def primary_keys(table: str, order: Sequence[str] = ("id",)) -> list[tuple[Any, ...]]:
    """The primary keys present, in order."""
    names = ", ".join(connection.ops.quote_name(name) for name in order)
    return query(f"SELECT {names} FROM {connection.ops.quote_name(table)} ORDER BY {names}")
