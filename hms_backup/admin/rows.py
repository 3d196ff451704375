"""Pages of a table's rows that stay fast with a million of them, and lead on to related rows.

Plain `ModelAdmin` pages, so that third-party themes style them, with nothing inline. Subclass them
for your own models; ``contrib.hms`` does for the hospital's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from ..models import DataManagement
from ..pages import rights, wording
from ..pages.door import Door
from . import related
from .lists import CarefulList

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Model]
else:
    ModelAdmin = admin.ModelAdmin

RELATED = ("related_forward", "related_back", "related_subsystem")
"""Read-only fields whose names no model's own field is likely to have."""
NONE = "–"
LINE = mark_safe("<br>")
_REQUEST = "_hms_request"


class RowsList(CarefulList):
    """A list that shows no dates to choose from beside what was searched.

    They would take the search twice more, which is what takes longest.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        dates = f"{self.date_hierarchy}__"
        if self.query and not any(each.startswith(dates) for each in self.params):
            self.date_hierarchy = None


class RowsAdmin(ModelAdmin):
    """Lists without exact totals or boxes of a million choices, and pages with related rows."""

    named_by: ClassVar[tuple[str, ...]] = ()
    """The foreign keys that ``str()`` of a row, or of a row in its columns, follows."""
    counts_related_rows = True
    """Whether a row's page counts the rows that refer to it; False where most tables do."""
    hidden_fields: ClassVar[tuple[str, ...]] = ()
    """Fields that no page shows and no address may filter by."""

    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-pk",)

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("hms_backup/pages.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """The rows, with those that their names need."""
        rows = super().get_queryset(request)
        return rows.select_related(*self.named_by) if self.named_by else rows

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        """Return the row. Its related rows depend on who asks, and Django's fields do not say."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            setattr(row, _REQUEST, request)
        return row

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        """The list's class."""
        return RowsList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Model], search_term: str
    ) -> tuple[QuerySet[Model], bool]:
        """Search; for U+0000, which no database can be asked for, as if it were not there."""
        return super().get_search_results(request, queryset, search_term.replace("\0", ""))

    def get_exclude(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """What no form and no page has."""
        return (*(super().get_exclude(request, obj) or ()), *self.hidden_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The related rows too."""
        return (*super().get_readonly_fields(request, obj), *RELATED)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The model's fields, and for a row that exists its related rows."""
        own = self.fieldsets or [(None, {"fields": self._own_fields(request, obj)})]
        related_rows = (_("Related rows"), {"fields": RELATED})
        return [*own, related_rows] if obj is not None else [*own]

    def _own_fields(self, request: HttpRequest, obj: Model | None) -> list[Any]:
        own = [each for each in self.get_fields(request, obj) if each not in RELATED]
        if obj is None or self.has_change_permission(request, obj):
            return own
        return [self._to_read(each, request) for each in own]

    def _to_read(self, name: Any, request: HttpRequest) -> Any:
        """Return the field, without Django's link where that would lead to a refusal."""
        if name not in foreign_keys(self.model):
            return name
        field = cast("ForeignKey[Model, Model]", self.opts.get_field(name))
        leads_on = related.may_see(field.remote_field.model, request, self.admin_site)
        return name if leads_on else _name_of(field)

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Refuse what is hidden: to be told which rows match is to be told the value."""
        if lookup.partition("__")[0] in self.hidden_fields:
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def save_model(
        self, request: HttpRequest, obj: Model, form: ModelForm[Model], change: bool
    ) -> None:
        """Write only what the user changed.

        A colleague's change to another field stays, and so does what forms cannot carry, such as
        microseconds, or an empty text where they know only NULL. A model whose ``save()`` sets
        other fields overrides this.
        """
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            obj.save(update_fields=_to_write(self.model, form.changed_data))

    @admin.display(description=_("refers to"))
    def related_forward(self, row: Model) -> str:
        """Links to the rows that this one refers to."""
        return _listed(related.referred_to(row, getattr(row, _REQUEST), self.admin_site))

    @admin.display(description=_("referred to by"))
    def related_back(self, row: Model) -> str:
        """Links to the lists of rows that refer to this one."""
        counted = self.counts_related_rows
        request = getattr(row, _REQUEST)
        return _listed(related.referring(row, request, self.admin_site, counted=counted))

    @admin.display(description=_("subsystem"))
    def related_subsystem(self, row: Model) -> str:
        """A link to where the subsystem of the row is backed up and restored."""
        scope = rights.subsystem_for_menus(getattr(row, _REQUEST), self.model)
        door = door_of(self.admin_site)
        if scope is None or door is None:
            return NONE
        try:
            address = door.url("scope", scope.kind, scope.id)
        except NoReverseMatch:
            return NONE
        return format_html('<a href="{}">{}</a>', address, wording.title(scope))


def door_of(site: admin.AdminSite) -> Door | None:
    """Return where Data Management's pages are mounted in an admin site, if they are."""
    door = getattr(site._registry.get(DataManagement), "door", None)
    return door if isinstance(door, Door) else None


def foreign_keys(model: type[Model]) -> tuple[str, ...]:
    """Return the names of the fields by which a row refers to others."""
    return tuple(each.name for each in model._meta.fields if isinstance(each, ForeignKey))


def _name_of(field: ForeignKey[Any, Any]) -> Callable[[Model], str]:
    @admin.display(description=str(field.verbose_name))
    def name(row: Model) -> str:
        other = getattr(row, field.name)
        return NONE if other is None else str(other)

    return name


def _to_write(model: type[Model], changed: list[str]) -> list[str]:
    """Return what was changed, and what Django itself sets whenever a row is saved."""
    fields = model._meta.concrete_fields
    return [
        each.name for each in fields if each.name in changed or getattr(each, "auto_now", False)
    ]


def _listed(links: Iterable[related.Link]) -> str:
    """One to a line: themes indent a list as if it were part of a form."""
    found = ((each.address, each.label, each.text) for each in links)
    return format_html_join(LINE, '<a href="{}">{}: {}</a>', found) or NONE
