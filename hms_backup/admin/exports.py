"""The audit log as a file: CSV, XLSX and JSON, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import Any

import tablib
from import_export.formats import base_formats
from import_export.resources import ModelResource

from ..models import AuditLog

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so is run by spreadsheets (OWASP, CSV Injection). User and file names come
from people; import_export's own setting knows only the first of these."""


class CSV(base_formats.CSV):  # type: ignore[misc]  # it ships no annotations
    """CSV in which no text is a formula."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> Any:
        """Return the file's content."""
        return super().export_data(neutralised(dataset), **kwargs)


class XLSX(base_formats.XLSX):  # type: ignore[misc]  # it ships no annotations
    """A workbook in which no text is a formula."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> Any:
        """Return the file's content."""
        return super().export_data(neutralised(dataset), **kwargs)


def neutralised(dataset: tablib.Dataset) -> tablib.Dataset:
    """Return the rows with an apostrophe before every text that could be a formula."""
    rows = ([_neutral(cell) for cell in row] for row in dataset)
    return tablib.Dataset(*rows, headers=dataset.headers, title=dataset.title)


def _neutral(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


class AuditLogResource(ModelResource):  # type: ignore[misc]  # it ships no annotations
    """Every column that says something about the operation, and none about the machine."""

    class Meta:
        model = AuditLog
        name = "audit log"
        fields = (
            "operation_id",
            "timestamp",
            "duration",
            "username",
            "origin",
            "action",
            "dry_run",
            "scope",
            "target_id",
            "status",
            "file_name",
            "file_size",
            "archive_sha256",
            "rows_archived",
            "rows_inserted",
            "rows_updated",
            "rows_unchanged",
            "rows_deleted",
            "error_code",
            "error_message",
            "details",
        )
        export_order = fields


FORMATS = (CSV, XLSX, base_formats.JSON)
