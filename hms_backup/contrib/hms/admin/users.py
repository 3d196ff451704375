"""The hospital's accounts in the admin: Django's permissions alone, and never a password."""

from __future__ import annotations

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from hms_backup.admin.filters import FewValues
from hms_backup.admin.rows import RowsAdmin

from .rows import dated


class UserAdmin(RowsAdmin):
    """No backup holds this table, so no right to back up shows it, and nothing exports it."""

    hidden_fields = ("password_hash", "password_history")
    counts_related_rows = False
    list_display = ("username", "full_name", "email", "role", "subsystem", "department", "status")
    list_filter = (
        ("role", FewValues),
        ("subsystem", FewValues),
        ("department", FewValues),
        ("status", FewValues),
        "is_active",
    )
    search_fields = ("username", "full_name", "email")
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """The accounts, without what no page may show."""
        return dated(super().get_queryset(request).defer(*self.hidden_fields))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The hospital's own system makes accounts: a row made here would have no password."""
        return False
