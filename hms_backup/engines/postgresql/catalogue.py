"""Reading `Table` descriptions from PostgreSQL's catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from ...exceptions import PrivilegeMissing, SchemaUnsupported, TableMissing, TableUnkeyed
from ...schema import Check, Column, ForeignKey, Kind, OnDelete, Table, Trigger, UniqueKey
from . import queries

_KINDS = {
    "bool": Kind.BOOLEAN,
    "int2": Kind.INTEGER,
    "int4": Kind.INTEGER,
    "int8": Kind.INTEGER,
    "numeric": Kind.NUMERIC,
    "float4": Kind.FLOAT,
    "float8": Kind.FLOAT,
    "json": Kind.JSON,
    "jsonb": Kind.JSON,
    "text": Kind.TEXT,
    "varchar": Kind.TEXT,
    "bpchar": Kind.TEXT,
    "date": Kind.DATE,
    "time": Kind.TIME,
    "timestamp": Kind.TIMESTAMP,
    "timestamptz": Kind.TIMESTAMPTZ,
    "uuid": Kind.UUID,
    "bytea": Kind.BYTES,
}
_ACTIONS = {
    "a": OnDelete.NO_ACTION,
    "r": OnDelete.RESTRICT,
    "c": OnDelete.CASCADE,
    "n": OnDelete.SET_NULL,
    "d": OnDelete.SET_DEFAULT,
}

# Kinds whose types only limit length or precision: staged without it, values are seen to fit.
_RESTRICTED = (Kind.TEXT, Kind.NUMERIC, Kind.TIME, Kind.TIMESTAMP, Kind.TIMESTAMPTZ)
# Kinds whose text the decoder has checked so far that no type of them alters it.
_EXACT = (Kind.BOOLEAN, Kind.INTEGER, Kind.JSON)


def inspect(connection: psycopg.Connection[Any], names: Sequence[str]) -> tuple[Table, ...]:
    """Describe ``names``, resolved through the search path.

    Raises `TableMissing`, `TableUnkeyed`, `SchemaUnsupported` or `PrivilegeMissing`.
    """
    catalogue = Catalogue(connection, names)
    return tuple(catalogue.table(name) for name in names)


def path_of(connection: psycopg.Connection[Any], name: str) -> tuple[str, str] | None:
    """Return namespace and name of a relation, or None if there is none."""
    found = connection.execute(queries.RELATION, (_regclass(name),)).fetchone()
    return (found[1], found[2]) if found else None


class Catalogue:
    """Answers for some tables, and calls them by the names under which they were asked for."""

    def __init__(self, connection: psycopg.Connection[Any], names: Sequence[str]) -> None:
        self._connection = connection
        self._names = {path_of(connection, name): name.replace('"', "") for name in names}

    def table(self, given: str) -> Table:
        """Describe one table. Raises what `inspect` raises."""
        name = given.replace('"', "")
        found = self._connection.execute(queries.RELATION, (_regclass(given),)).fetchone()
        if found is None:
            raise TableMissing(
                f"Table {name} does not exist in the database.",
                hint="Create it, or take its model out of the subsystem.",
                table=name,
            )
        oid, namespace, relname, relkind, owned, has_children, readable, filtered = found
        if relkind not in ("r", "p") or (relkind == "r" and has_children):
            raise SchemaUnsupported(
                f"{name} is not an ordinary table.",
                hint="Only tables without inheritance children can be backed up, not views.",
                table=name,
            )
        if not readable or filtered:
            raise _unreadable(name, filtered)
        return self._described(
            oid,
            Table(name=name, path=(namespace, relname), columns=(), primary_key=(), owned=owned),
        )

    def incoming(self, path: tuple[str, ...]) -> tuple[ForeignKey, ...]:
        """Return the references that arrive at the table of that path."""
        rows = self._connection.execute(queries.OID, path).fetchall()
        return tuple(
            key for (oid,) in rows for key in self._references(oid) if key.target_path == path
        )

    def _described(self, oid: int, table: Table) -> Table:
        place = {"oid": oid}
        ask = self._connection.execute
        indexes = ask(queries.INDEXES, place).fetchall()
        primary_key = next((tuple(each[-1]) for each in indexes if each[1]), ())
        if not primary_key:
            raise TableUnkeyed(
                f"Table {table.name} has no primary key.",
                hint="Add one: without it rows cannot be told apart and none could be restored.",
                table=table.name,
            )
        references = self._references(oid)
        return replace(
            table,
            columns=tuple(map(_column, ask(queries.COLUMNS, place))),
            primary_key=primary_key,
            unique_keys=tuple(map(_unique_key, (each for each in indexes if not each[1]))),
            foreign_keys=tuple(key for key in references if key.table_path == table.path),
            referenced_by=tuple(key for key in references if key.target_path == table.path),
            checks=tuple(
                Check(name=check, columns=tuple(columns), expression=expression)
                for check, expression, columns in ask(queries.CHECKS, place)
            ),
            triggers=tuple(
                Trigger(name=trigger, table=table.name, mode=mode)
                for trigger, mode in ask(queries.TRIGGERS, place)
            ),
            rules=tuple(
                Trigger(name=rule, table=table.name, mode=mode)
                for rule, mode in ask(queries.RULES, place)
            ),
        )

    def _references(self, oid: int) -> list[ForeignKey]:
        rows = self._connection.execute(queries.FOREIGN_KEYS, {"oid": oid}).fetchall()
        return [self._foreign_key(row) for row in rows]

    def _foreign_key(self, row: tuple[Any, ...]) -> ForeignKey:
        name, table, target, on_delete, on_update, deferrable = row[:6]
        near, near_in, far, far_in, columns, others, by_period = row[6:]
        return ForeignKey(
            name=name,
            table=self._name((near_in, table), near),
            columns=tuple(columns),
            target=self._name((far_in, target), far),
            target_columns=tuple(others),
            on_delete=_ACTIONS[on_delete],
            on_update=_ACTIONS[on_update],
            deferrable=deferrable,
            by_period=by_period,
            table_path=(near_in, table),
            target_path=(far_in, target),
        )

    def _name(self, path: tuple[str, str], visible: bool) -> str:
        return self._names.get(path) or (path[1] if visible else ".".join(path))


def _unreadable(name: str, filtered: bool) -> PrivilegeMissing:
    if filtered:
        return PrivilegeMissing(
            f"Row-level security hides rows of {name} from this database role: a backup would be "
            "incomplete, and a restore would take hidden rows for missing ones.",
            hint="Use a role that has BYPASSRLS, or that owns the table without FORCE ROW LEVEL "
            "SECURITY.",
            table=name,
        )
    return PrivilegeMissing(
        f"The database role may not read {name}.",
        hint=f"Have its owner GRANT SELECT on {name} to the role, or use another role.",
        table=name,
    )


def _column(row: tuple[Any, ...]) -> Column:
    name, type_, base, base_type, is_domain, has_typmod = row[:6]
    nullable, has_default, generated, always_identity, collation = row[6:]
    kind = _KINDS.get(base, Kind.OTHER)
    staged_free = has_typmod and not is_domain and kind in _RESTRICTED
    return Column(
        name=name,
        type=type_,
        kind=kind,
        nullable=nullable,
        has_default=has_default,
        generated=generated,
        always_identity=always_identity,
        merges_members=base == "jsonb",
        base_type=base_type if staged_free else type_,
        alters_input=kind is Kind.OTHER or base == "float4" or (is_domain and kind not in _EXACT),
        collation=collation,
    )


def _unique_key(row: tuple[Any, ...]) -> UniqueKey:
    name, _, nulls_equal, deferrable, columns = row
    return UniqueKey(
        name=name,
        columns=tuple(columns),
        nulls_distinct=not nulls_equal,
        deferrable=deferrable,
    )


def _regclass(name: str) -> str:
    """Quote as Django does, which lets ``db_table = 'schema"."table'`` name a schema."""
    if name.startswith('"') and name.endswith('"'):
        return name
    return f'"{name}"'
