"""The JSON that the API answers, as JSON Schema, for its OpenAPI document."""

from __future__ import annotations

from typing import Any

from .. import exceptions
from ..exceptions import HmsBackupError
from ..plan import Action, Counts, Mode, Severity
from .problems import REQUEST_CODES

Json = dict[str, Any]


def schemas() -> dict[str, Json]:
    """Return every schema by its name."""
    return {
        "Problem": _problem(),
        "Outcome": _outcome(),
        "Plan": _plan(),
        "Counts": _object({name: _count() for name in Counts().as_dict()}),
        "TablePlan": _table_plan(),
        "RowChange": _row_change(),
        "PlanProblem": _plan_problem(),
        "SideEffect": _side_effect(),
    }


def reference(name: str) -> Json:
    """Return a reference to one of them."""
    return {"$ref": f"#/components/schemas/{name}"}


def codes() -> list[str]:
    """Return every code that an answer can carry."""
    return sorted({*REQUEST_CODES, *(each.code for each in error_classes())})


def error_classes() -> list[type[HmsBackupError]]:
    """Return every class of the core's error tree."""
    return [
        each
        for each in vars(exceptions).values()
        if isinstance(each, type) and issubclass(each, HmsBackupError)
    ]


def _problem() -> Json:
    always = {
        "type": {"type": "string", "format": "uri"},
        "title": _text(),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _text(),
        "code": {"type": "string", "enum": codes()},
    }
    sometimes = {
        "hint": _text("What to do."),
        "table": _text(),
        "row": _text("The primary key, or # and the position in the archive."),
        "column": _text(),
        "errors": _list(_object({"field": _text(), "message": _text()})),
        "digest": _text("Of the plan as it would be now."),
        "problems": _list(_plan_problem(rows=False)),
    }
    return {
        **_object(always),
        "properties": {**always, **sometimes},
        "description": "RFC 9457. The code is stable; of a row it never holds more than its key.",
    }


def _outcome() -> Json:
    return _object(
        {
            "operation_id": {"type": "string", "format": "uuid"},
            "scope": _object({"kind": _text(), "id": _text(), "name": _text()}),
            "archive": _object(
                {
                    "sha256": _text(),
                    "scope": _text(),
                    "target_id": _text(),
                    "export_date": _text(),
                }
            ),
            "dry_run": {"type": "boolean"},
            "applied": {"type": "boolean"},
            "plan": reference("Plan"),
            "warnings": _list(_text()),
        }
    )


def _plan() -> Json:
    return _object(
        {
            "mode": {"type": "string", "enum": list(Mode)},
            "digest": _text(),
            "counts": reference("Counts"),
            "tables": _list(reference("TablePlan")),
            "problems": _list(reference("PlanProblem")),
            "side_effects": _list(reference("SideEffect")),
        }
    )


def _table_plan() -> Json:
    column = _object({"column": _text(), "compatibility": _text(), "reason": _text()})
    return _object(
        {
            "table": _text(),
            **{name: _count() for name in Counts().as_dict()},
            "schema": _list(column),
            "changes": _list(reference("RowChange")),
        }
    )


def _row_change() -> Json:
    values = {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
    return _object(
        {
            "table": _text(),
            "key": _text(),
            "action": {"type": "string", "enum": list(Action)},
            "before": values,
            "after": values,
            "changed": _list(_text()),
        }
    )


def _plan_problem(*, rows: bool = True) -> Json:
    return _object(
        {
            "code": _text(),
            "severity": {"type": "string", "enum": list(Severity)},
            "table": _text(),
            "column": _text(),
            **({"rows": _list(_text())} if rows else {}),
            "count": _count(),
            "message": _text(),
            "hint": _text(),
        }
    )


def _side_effect() -> Json:
    return _object(
        {
            "table": _text(),
            "column": _text(),
            "on_delete": _text(),
            "rows": _count(),
            "because_of": _text(),
        }
    )


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _count() -> Json:
    return {"type": "integer", "minimum": 0}


def _text(about: str = "") -> Json:
    return {"type": "string", "description": about} if about else {"type": "string"}
