"""Rows of a subsystem's table: to see, back up and export for those who may back it up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from import_export.admin import ExportMixin
from import_export.formats.base_formats import Format
from import_export.forms import ExportForm
from import_export.resources import ModelResource

from .. import services
from ..downloads import download
from ..exceptions import HmsBackupError
from ..pages import rights, wording
from ..pages.asking import actor_of, error_page
from ..policy import Right
from ..registry import registry
from ..row_exports import authorize_row_export, export_rows, resource_of
from ..spreadsheets import FORMATS
from ..web import outside_transactions
from .lists import list_address
from .rows import RowsAdmin, door_of

BACK_UP = "back_up_subsystem"
_outside_transactions = method_decorator(outside_transactions)


class SubsystemRowsAdmin(ExportMixin, RowsAdmin):  # type: ignore[misc]  # it ships no annotations
    """Whoever may back up the table's subsystem sees its rows, backs it up, and exports rows.

    That right gives all rows away, so it lets people look at them; Django's own permissions do
    too, and they alone let people add, change and delete.
    """

    formats = FORMATS
    export_formats = FORMATS
    export_form_class = ExportForm  # the other one is not usable under a Content-Security-Policy
    actions = (BACK_UP, "export_chosen")

    # Who may do what

    def has_back_up_permission(self, request: HttpRequest) -> bool:
        """Whether the user may back up the subsystem of these rows."""
        return rights.subsystem_for_menus(request, self.model) is not None

    def has_export_permission(self, request: HttpRequest) -> bool:
        """As `has_back_up_permission`."""
        return self.has_back_up_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether Django's permissions or that right let the user look."""
        django = super().has_view_permission(request, obj)
        return bool(django) or self.has_back_up_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is in the user's index."""
        return bool(super().has_module_permission(request)) or self.has_back_up_permission(request)

    # Back up

    @_outside_transactions
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; with the action in a request, its backup, or why there is none."""
        if BACK_UP not in request.POST.getlist("action"):
            with _as_atomic_requests_says():
                return super().changelist_view(request, extra_context)
        try:
            if not self.has_back_up_permission(request):
                self._deny(request)
            return super().changelist_view(request, extra_context)
        except HmsBackupError as error:
            return self._error_page(request, error)

    @admin.action(permissions=["back_up"], description=_("Back up the subsystem of these rows"))
    def back_up_subsystem(
        self, request: HttpRequest, rows: QuerySet[Model]
    ) -> HttpResponseBase | None:
        """Answer with the backup of the whole subsystem, whichever of its rows were chosen."""
        scope = registry.subsystem_of(self.model)
        if scope is None:
            raise PermissionDenied
        try:
            return download(scope, actor=actor_of(request))
        except HmsBackupError as error:
            self.message_user(request, wording.in_words(error), messages.ERROR)
            return None

    def _deny(self, request: HttpRequest) -> None:
        """Have the refusal recorded that Django's list of actions would only imply."""
        scope = registry.subsystem_of(self.model)
        if scope is None:
            raise PermissionDenied
        services.authorize(actor_of(request), Right.BACKUP, scope)

    # Export

    def get_export_resource_classes(self, request: HttpRequest) -> list[type[ModelResource]]:
        """The model's own columns."""
        return [resource_of(self.model)]

    @_outside_transactions
    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """The form that asks for a format, and the file."""
        try:
            authorize_row_export(self.model, actor=actor_of(request))
            response = cast(HttpResponse, super().export_action(request))
        except HmsBackupError as error:
            return self._error_page(request, error)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{list_address(self)}?e=1")
        response["Cache-Control"] = "no-store, private"
        return response

    @admin.action(permissions=["export"], description=_("Export the chosen rows"))
    def export_chosen(self, request: HttpRequest, rows: QuerySet[Model]) -> HttpResponseBase:
        """Ask for a format; for a whole list that is filtered, on the list's own page."""
        query = request.GET.urlencode()
        address = f"{list_address(self)}export/{f'?{query}' if query else ''}"
        if request.POST.get("select_across") == "1":
            return HttpResponseRedirect(address)
        chosen = [str(key) for key in rows.values_list("pk", flat=True)]
        form = ExportForm(
            formats=self.get_export_formats(),
            resources=self.get_export_resource_classes(request),
            initial={"export_items": chosen},
        )
        context = {**self.init_request_context_data(request, form), "export_url": address}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, [self.export_template_name], context)

    def get_valid_export_item_pks(self, request: HttpRequest) -> list[str]:
        """The chosen keys, to filter the list by; import_export's own reads all there are."""
        return [key for key in request.POST.getlist("export_items") if self._is_key(key)]

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return True

    def get_export_data(
        self, file_format: Format, request: HttpRequest, queryset: QuerySet[Model], **_: Any
    ) -> bytes:
        """Return the file's content, as the use case makes it."""
        name = self.get_export_filename(request, queryset, file_format)
        return export_rows(queryset, file_format, actor=actor_of(request), file_name=name).content

    def _error_page(self, request: HttpRequest, error: HmsBackupError) -> HttpResponse:
        door = door_of(self.admin_site)
        if door is None:
            raise PermissionDenied from error
        back = list_address(self) if self.has_view_permission(request) else ""
        return error_page(request, door, error, back=back, back_text=_now("Back to the list"))


@contextmanager
def _as_atomic_requests_says() -> Iterator[None]:
    """Do for the rest of the list what Django does for views that allow it."""
    with ExitStack() as stack:
        for alias, settings in connections.settings.items():
            if settings["ATOMIC_REQUESTS"]:
                stack.enter_context(transaction.atomic(using=alias))
        yield
