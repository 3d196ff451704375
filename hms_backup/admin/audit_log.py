"""The audit log in the admin: to read, search and export; never to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin
from import_export.forms import ExportForm

from .. import services
from ..models import AuditLog
from ..pages import results, rights, wording
from ..spreadsheets import FORMATS
from ..templatetags.hms_backup_pages import grouped, milliseconds
from .audit_log_export import AuditLogResource
from .filters import FilledValues
from .lists import CarefulList, list_address

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[AuditLog]
else:
    ModelAdmin = admin.ModelAdmin


class AuditLogAdmin(ExportMixin, ModelAdmin):  # type: ignore[misc]  # it ships no annotations
    """Read-only for everybody, superusers included.

    Whoever has Django's permission to view audit log entries sees all of them. Others see those
    of the departments and subsystems on which they have a right, and without any right none.
    """

    change_form_template = "hms_backup/audit_log_entry.html"
    resource_classes = (AuditLogResource,)
    formats = FORMATS
    export_formats = FORMATS
    export_form_class = ExportForm  # the other one is not usable under a Content-Security-Policy
    date_hierarchy = "timestamp"
    list_display = (
        "started",
        "what",
        "target_id",
        "username",
        "outcome",
        "rows",
        "took",
    )
    list_filter = (
        "action",
        "dry_run",
        "status",
        "scope",
        ("target_id", FilledValues),
        ("error_code", FilledValues),
    )
    search_fields = (
        "username",
        "origin",
        "target_id",
        "file_name",
        "archive_sha256",
        "error_code",
        "error_message",
        "operation_id",
    )
    search_help_text = _("User, subsystem, file, SHA-256, error, or operation id")
    list_per_page = 50
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("what", "target", "outcome", "timestamp", "took", "operation_id")}),
        (_("Who"), {"fields": ("username", "origin", "host", "pid")}),
        (_("File"), {"fields": ("file_name", "size", "archive_sha256")}),
        (_("Rows"), {"fields": ("tables",)}),
        (_("Problems and options"), {"fields": ("error", "problems", "options")}),
    )

    class Media:
        css = {"all": ("hms_backup/pages.css",)}

    # Who may see what

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditLog]:
        """The entries that the user may see, newest first."""
        entries = services.history()
        return entries if _may_see_all(request) else entries.filter(_of_own_scopes(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user may see any entry."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: AuditLog | None = None) -> bool:
        """Whether the user may see the entry, or any."""
        if _may_see_all(request):
            return True
        keys = _keys(request)
        return bool(keys) if obj is None else (obj.scope, obj.target_id) in keys

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whoever may see entries may export the ones they see."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries are written by operations alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditLog | None = None) -> bool:
        """Entries are never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditLog | None = None) -> bool:
        """Entries are never deleted."""
        return False

    # Addresses that ask for what there cannot be

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[CarefulList]:
        """The list's class."""
        return CarefulList

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """The form that asks for a format, and the file."""
        try:
            return cast(HttpResponseBase, super().export_action(request))
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{list_address(self)}?e=1")

    # Columns and fields

    @admin.display(description=_("started"), ordering="timestamp")
    def started(self, entry: AuditLog) -> str:
        """When it began, to the minute."""
        return date_format(entry.local_timestamp, "SHORT_DATETIME_FORMAT")

    @admin.display(description=_("what"), ordering="action")
    def what(self, entry: AuditLog) -> str:
        """Backup, restore, preview, or export."""
        if entry.dry_run:
            return str(_("preview"))
        return str(entry.get_action_display())

    @admin.display(description=_("target"), ordering="target_id")
    def target(self, entry: AuditLog) -> str:
        """The department or subsystem."""
        scope = results.scope_of(entry)
        return wording.title(scope) if scope else entry.target_id or "–"

    @admin.display(description=_("status"), ordering="status")
    def outcome(self, entry: AuditLog) -> str:
        """How it went."""
        return render_to_string("hms_backup/pages/_outcome.html", {"entry": entry})

    @admin.display(description=_("rows"))
    def rows(self, entry: AuditLog) -> str:
        """Rows archived, or what a restore did."""
        return render_to_string("hms_backup/pages/_counts.html", {"entry": entry})

    @admin.display(description=_("duration"), ordering="duration")
    def took(self, entry: AuditLog) -> str:
        """How long it took."""
        return milliseconds(entry.duration) or "–"

    @admin.display(description=_("file size"))
    def size(self, entry: AuditLog) -> str:
        """In bytes."""
        if entry.file_size is None:
            return "–"
        return str(_("%(number)s bytes") % {"number": grouped(entry.file_size)})

    @admin.display(description=_("rows per table"))
    def tables(self, entry: AuditLog) -> str:
        """What was done to each table."""
        context = {"entry": entry, "tables": results.tables_of(entry)}
        return self._shown("_entry_tables.html", context) if context["tables"] else "–"

    @admin.display(description=_("error"))
    def error(self, entry: AuditLog) -> str:
        """What went wrong, where it is known."""
        if not entry.error_code:
            return "–"
        context = {
            "entry": entry,
            "title": wording.error_code_title(entry.error_code),
            "advice": wording.error_code_advice(entry.error_code),
            "where": entry.details.get("where", {}),
        }
        return self._shown("_entry_error.html", context)

    @admin.display(description=_("problems"))
    def problems(self, entry: AuditLog) -> str:
        """What the plan found."""
        found = results.problems_of(entry)
        return self._shown("_entry_problems.html", {"problems": found}) if found else "–"

    @admin.display(description=_("options"))
    def options(self, entry: AuditLog) -> str:
        """How it was asked for."""
        found = results.options_of(entry)
        return self._shown("_entry_options.html", {"options": found}) if found else "–"

    def _shown(self, template: str, context: dict[str, Any]) -> str:
        return render_to_string(f"hms_backup/pages/{template}", context)


def _may_see_all(request: HttpRequest) -> bool:
    has_perm = getattr(request.user, "has_perm", None)
    return has_perm is not None and bool(has_perm("hms_backup.view_auditlog"))


def _keys(request: HttpRequest) -> frozenset[tuple[str, str]]:
    return frozenset((scope.kind.upper(), scope.id) for scope in rights.scopes_for_menus(request))


def _of_own_scopes(request: HttpRequest) -> Q:
    own = Q(pk__in=())
    for kind, id in _keys(request):
        own |= Q(scope=kind, target_id=id)
    return own
