"""Reading `Table` descriptions from SQLite's pragmas and the statements that it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from ...exceptions import DatabaseError, SchemaUnsupported, TableMissing, TableUnkeyed
from ...schema import Check, Column, ForeignKey, Kind, OnDelete, Table, Trigger, UniqueKey
from .connection import Connection
from .ddl import CheckClause, check_clauses, fold
from .declared import Declared
from .dialect import SQLiteDialect

SCHEMA = "main"

_VIRTUAL, _STORED = 2, 3  # table_xinfo's "hidden"

_ROW_NUMBERS = frozenset({"rowid", "_rowid_", "oid"})

_TABLES = "SELECT name, sql FROM main.sqlite_master WHERE type IN ('table', 'view')"
_COLUMNS = """
SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid
"""
_SHAPE = "SELECT type, strict, wr FROM pragma_table_list(?) WHERE schema = 'main'"
# Neither partial indexes nor those over expressions, whose columns have no name.
_UNIQUE = """
SELECT l.name, l.origin, x.name, x.coll FROM pragma_index_list(?, 'main') l
  JOIN pragma_index_xinfo(l.name, 'main') x ON x.key
 WHERE l."unique" AND NOT l.partial ORDER BY l.seq DESC, x.seqno
"""
_FOREIGN_KEYS = """
SELECT m.name, f.id, f."table", f."from", f."to", f.on_delete, f.on_update
  FROM main.sqlite_master m JOIN pragma_foreign_key_list(m.name, 'main') f
 WHERE m.type = 'table' ORDER BY m.name, f.id DESC, f.seq
"""
_TRIGGERS = """
SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE
 ORDER BY rowid
"""


def inspect(connection: Connection, names: Sequence[str]) -> tuple[Table, ...]:
    """Describe ``names``. Raises `TableMissing`, `TableUnkeyed` or `SchemaUnsupported`."""
    catalogue = Catalogue(connection, names)
    return tuple(catalogue.table(name) for name in names)


def triggers(connection: Connection, table: Table) -> list[tuple[str, str]]:
    """Return name and CREATE statement of a table's triggers, in the order they were made."""
    return [(name, sql) for name, sql in connection.query(_TRIGGERS, (table.path[-1],))]


def collations(connection: Connection, table: Table) -> dict[str, str]:
    """Return the collation of every column that is part of a unique index or the primary key."""
    return {
        column: collation
        for _, _, column, collation in connection.query(_UNIQUE, (table.path[-1],))
        if column is not None
    }


class Catalogue:
    """One reading of the schema.

    Table names are spelled as the registry does, whatever their case in the database, so that
    they can be compared.
    """

    def __init__(self, connection: Connection, names: Sequence[str]) -> None:
        self._connection = connection
        self._statements = {
            fold(name): (name, sql or "") for name, sql in connection.query(_TABLES)
        }
        self._spelled = {key: name for key, (name, _) in self._statements.items()}
        self._spelled |= {fold(bare(name)): bare(name) for name in names}
        self._described: dict[str, list[tuple[Any, ...]]] = {}
        self._references = self._foreign_keys()

    def exists(self, name: str) -> bool:
        """Whether there is a table or view of that name."""
        return fold(bare(name)) in self._statements

    def incoming(self, name: str) -> tuple[ForeignKey, ...]:
        """Return the references that arrive at a table."""
        return tuple(key for key in self._references if fold(key.target) == fold(name))

    def address(self, name: str) -> tuple[str, ...]:
        """Return what tells a table's rows apart: their number, or the key that they must have."""
        ((_, _, without_rowid),) = self._connection.query(_SHAPE, (name,))
        if without_rowid:
            return self._primary_key(name)
        return (rowid_name(row[0] for row in self._rows(name)),)

    def table(self, name: str) -> Table:
        """Describe one table."""
        name = bare(name)
        strict = self._refuse_shape(name)
        primary_key = self._primary_key(name)
        if not primary_key:
            raise TableUnkeyed(
                f"Table {name} has no primary key.",
                hint="Add one: without it rows cannot be told apart and none could be restored.",
                table=name,
            )
        clauses = check_clauses(self._statements[fold(name)][1])
        json = frozenset[str]().union(*(clause.json_columns for clause in clauses))
        columns = tuple(_column(row, primary_key, json, strict) for row in self._rows(name))
        path = (SCHEMA, name)
        return Table(
            name=name,
            path=path,
            columns=columns,
            primary_key=primary_key,
            unique_keys=self._unique_keys(name, primary_key),
            foreign_keys=tuple(k for k in self._references if fold(k.table) == fold(name)),
            referenced_by=self.incoming(name),
            checks=tuple(self._checks(path, columns, clauses)),
            triggers=tuple(
                Trigger(name=trigger, table=name)
                for trigger, _ in self._connection.query(_TRIGGERS, (name,))
            ),
        )

    def _refuse_shape(self, name: str) -> bool:
        """Refuse all but ordinary tables. Return whether the table is STRICT."""
        found = self._connection.query(_SHAPE, (name,))
        if not found:
            raise TableMissing(
                f"Table {name} does not exist in the database.",
                hint="Create it, or take its model out of the subsystem.",
                table=name,
            )
        shape, strict, _ = found[0]
        if shape != "table":
            raise SchemaUnsupported(
                f"{name} is not an ordinary table but a {shape} one.",
                hint="Only ordinary tables can be backed up, not views or virtual tables.",
                table=name,
            )
        return bool(strict)

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        """Return what the catalogue says of a table's columns, asking once."""
        if fold(name) not in self._described:
            self._described[fold(name)] = self._connection.query(_COLUMNS, (name,))
        return self._described[fold(name)]

    def _primary_key(self, name: str) -> tuple[str, ...]:
        placed = sorted((row[4], row[0]) for row in self._rows(name) if row[4])
        return tuple(column for _, column in placed)

    def _unique_keys(self, name: str, primary_key: tuple[str, ...]) -> tuple[UniqueKey, ...]:
        indexes: dict[str, list[str | None]] = {}
        for index, origin, column, _ in self._connection.query(_UNIQUE, (name,)):
            if origin != "pk":
                indexes.setdefault(index, []).append(column)
        return tuple(
            UniqueKey(name=index, columns=tuple(filter(None, columns)))
            for index, columns in indexes.items()
            if None not in columns and set(columns) != set(primary_key)
        )

    def _foreign_keys(self) -> tuple[ForeignKey, ...]:
        found: dict[tuple[str, int], list[tuple[str, str, str | None, str, str]]] = {}
        for table, number, *rest in self._connection.query(_FOREIGN_KEYS):
            found.setdefault((table, number), []).append(tuple(rest))
        return tuple(
            self._foreign_key(table, number, columns)
            for (table, number), columns in found.items()
            # One that names no table cannot be looked up; SQLite itself refuses rows for it.
            if fold(columns[0][0]) in self._statements
        )

    def _foreign_key(
        self, table: str, number: int, columns: list[tuple[str, str, str | None, str, str]]
    ) -> ForeignKey:
        table, target = self._spelled[fold(table)], self._spelled[fold(columns[0][0])]
        spelled = {fold(row[0]): row[0] for row in self._rows(target)}
        named = tuple(spelled.get(fold(to), to) for _, _, to, *_ in columns if to is not None)
        return ForeignKey(
            name=f"{table} reference {number}",
            table=table,
            columns=tuple(column for _, column, *_ in columns),
            target=target,
            target_columns=named or self._primary_key(target),
            on_delete=OnDelete(columns[0][3]),
            on_update=OnDelete(columns[0][4]),
            # By defer_foreign_keys, in a restore; but RESTRICT acts at once even then.
            deferrable=OnDelete.RESTRICT not in columns[0][3:],
            table_path=(SCHEMA, table),
            target_path=(SCHEMA, target),
        )

    def _checks(
        self, path: tuple[str, ...], columns: Sequence[Column], clauses: Sequence[CheckClause]
    ) -> list[Check]:
        """Return the checks that can be asked of rows outside their table."""
        return [
            Check(
                name=clause.name or clause.expression,
                columns=tuple(each.name for each in columns if fold(each.name) in clause.names),
                expression=clause.expression,
            )
            for clause in clauses
            if self._stands_alone(path, columns, clause)
        ]

    def _stands_alone(
        self, path: tuple[str, ...], columns: Sequence[Column], clause: CheckClause
    ) -> bool:
        """Whether a check names no more than columns: not its table, nor its rows' number."""
        if clause.names & (_ROW_NUMBERS - {fold(column.name) for column in columns}):
            return False
        quote = SQLiteDialect().quote
        names = ", ".join(quote(column.name) for column in columns)
        with suppress(DatabaseError):
            self._connection.query(
                f"SELECT {clause.expression} FROM (SELECT {names} FROM {quote(*path)}) w LIMIT 0"
            )
            return True
        return False


def bare(name: str) -> str:
    """Return a table's name without the quotes that Django lets ``db_table`` carry."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def rowid_name(columns: Iterable[str]) -> str:
    """Return the name of a row's number that no column hides.

    Source: https://www.sqlite.org/rowidtable.html. Raises `SchemaUnsupported` if all are hidden.
    """
    free = _ROW_NUMBERS - {fold(name) for name in columns}
    if free:
        return min(free)
    raise SchemaUnsupported(
        "A table has columns named rowid, _rowid_ and oid, which hide the number of its rows.",
        hint="Rename one of them.",
    )


def _column(
    row: tuple[Any, ...], primary_key: Sequence[str], json: frozenset[str], strict: bool
) -> Column:
    name, type_, not_null, default, _, hidden = row
    declared = Declared(type_.lower())
    kind = declared.kind
    if kind is Kind.TEXT and fold(name) in json:
        kind = Kind.JSON
    rowid_alias = declared.text == "integer" and tuple(primary_key) == (name,)
    return Column(
        name=name,
        type=declared.text,
        kind=kind,
        nullable=not not_null and name not in primary_key,
        has_default=default is not None or rowid_alias,
        generated=hidden in (_VIRTUAL, _STORED),
        # In a STRICT table, ANY converts nothing.
        base_type="BLOB" if strict and declared.text == "any" else declared.affinity,
    )
