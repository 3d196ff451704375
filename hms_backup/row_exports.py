"""A use case for people: rows of one table as CSV, XLSX or JSON, to analyse elsewhere.

Whoever may back up a subsystem may take its rows away in this form too, and nobody else. Such a
file is no backup: it holds the columns that the model declares, and no restore reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import tablib
from django.db import Error as DjangoDatabaseError
from django.db.models import Model, QuerySet
from import_export.fields import Field
from import_export.formats.base_formats import Format
from import_export.resources import ModelResource

from .access import require
from .audit import Actor
from .exceptions import DatabaseError, ExportTooLarge, HmsBackupError, UnknownScope
from .models import AuditLog
from .operation import Operation
from .policy import Right
from .protection import refuse_protected
from .registry import Scope, registry

MOST_ROWS: Final = 100_000
"""The file is built in memory: this many rows of a wide table take up to 400 MB and 15 seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExport:
    """A finished file."""

    operation_id: UUID
    content: bytes
    rows: int


def export_rows(
    rows: QuerySet[Any], format: Format, *, actor: Actor, file_name: str = ""
) -> RowExport:
    """Return the rows in that format: begun in the audit log first, and only with the right.

    Raises `NotPermitted`, `UnknownScope` for a table of no subsystem, `TableProtected`,
    `ExportTooLarge` and `DatabaseError`; then nothing left the database, and the log says why.
    """
    table = rows.model._meta.db_table
    with _operation(rows.model, actor, file_name, format=format.get_title()) as operation:
        _require(rows.model, actor)
        try:
            _refuse_too_many(rows)
            dataset = resource_of(rows.model)().export(queryset=rows.select_related(None))
        except DjangoDatabaseError as error:
            raise DatabaseError(
                f"The rows of {table} could not be read ({type(error).__name__}).",
                hint="Check that the database is up, and what the list is filtered by.",
                table=table,
            ) from error
        content = _content(format, dataset)
        operation.learned(rows_archived=len(dataset), file_size=len(content))
        operation.learned_details(tables={table: {"rows": len(dataset)}})
    return RowExport(operation_id=operation.id, content=content, rows=len(dataset))


def authorize_row_export(model: type[Model], *, actor: Actor) -> None:
    """Raise as `export_rows` would before it reads any row, and record that.

    For doors that ask for a format before they export.
    """
    try:
        _require(model, actor)
    except HmsBackupError as refusal:
        with _operation(model, actor):
            raise refusal from None


def resource_of(model: type[Model]) -> type[ModelResource]:
    """Return django-import-export's description: columns by their names in the database."""
    columns = {
        field.name: Field(attribute=field.attname, column_name=field.column)
        for field in model._meta.concrete_fields
    }
    meta = type("Meta", (), {"model": model, "fields": tuple(columns)})
    name = f"{model.__name__}Resource"
    made: type[ModelResource] = type(ModelResource)(
        name, (_RowResource,), {"Meta": meta, **columns}
    )
    return made


class _RowResource(ModelResource):  # type: ignore[misc]  # it ships no annotations
    """Values stay what they are.

    Its widgets would write numbers as the user's language does, and times without their
    fractions; and to ask one for each value takes longer than everything else.
    """

    def export_resource(self, instance: Model, *_: Any, **__: Any) -> list[Any]:
        return [getattr(instance, each.attname) for each in instance._meta.concrete_fields]


def _operation(model: type[Model], actor: Actor, file_name: str = "", **details: str) -> Operation:
    return Operation(
        AuditLog.Action.EXPORT,
        actor,
        scope=registry.subsystem_of(model),
        file_name=file_name,
        details={"table": model._meta.db_table, **details},
    )


def _require(model: type[Model], actor: Actor) -> None:
    require(actor, Right.BACKUP, _scope_of(model))
    refuse_protected([model._meta.db_table])


def _scope_of(model: type[Model]) -> Scope:
    scope = registry.subsystem_of(model)
    if scope is None:
        table = model._meta.db_table
        raise UnknownScope(
            f"Table {table} is in no subsystem, so nobody was given a right to export it.",
            hint="Add its model to a subsystem in backups.py.",
            table=table,
        )
    return scope


def _refuse_too_many(rows: QuerySet[Any]) -> None:
    wanted = rows.count()
    if wanted > MOST_ROWS:
        raise ExportTooLarge(
            f"This export would hold {wanted:,} rows; at most {MOST_ROWS:,} can be exported.",
            hint="Filter or search the list first. A backup holds any number of rows.",
            table=rows.model._meta.db_table,
        )


def _content(format: Format, dataset: tablib.Dataset) -> bytes:
    content = format.export_data(dataset)
    return content if isinstance(content, bytes) else str(content).encode()
