"""The door for people in the Django admin: Data Management, and the audit log."""

from __future__ import annotations

from django.contrib import admin

from ..models import AuditLog, DataManagement
from .audit_log import AuditLogAdmin
from .data_management import DataManagementAdmin

admin.site.register(DataManagement, DataManagementAdmin)
admin.site.register(AuditLog, AuditLogAdmin)

__all__ = ["AuditLogAdmin", "DataManagementAdmin"]
