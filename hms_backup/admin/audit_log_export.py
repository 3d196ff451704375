"""Which columns of the audit log go into a file."""

from __future__ import annotations

from import_export.resources import ModelResource

from ..models import AuditLog


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
