"""Filters for lists that may be long: none ever offers more choices than people can read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import ForeignKey, Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.contrib.admin.filters import _ListFilterChoices
    from django.contrib.admin.views.main import ChangeList

NEWEST = 10_000
MOST_CHOICES = 40
"""More values than this, and a search serves people better than a filter."""


class FilledValues(admin.AllValuesFieldListFilter):
    """The values that occur, without the empty one: its link would have no text."""

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        """Return the links."""
        return (each for each in super().choices(changelist) if str(each["display"]))


class FewValues(FilledValues):
    """The values that occur in the newest rows, if they are few; shown only then.

    To ask a tall table for all its values takes as long as everything else of its list.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        rows = self.lookup_choices.model._default_manager.using(self.lookup_choices.db)
        newest = rows.order_by("-pk").values_list(self.field_path, flat=True)[:NEWEST]
        found = {*newest, *(self.lookup_val or ())}
        few = len(found) <= MOST_CHOICES
        empty = [None] if None in found else []
        self.lookup_choices: Any = [*sorted(found - {None}), *empty] if few else []

    def has_output(self) -> bool:
        """Whether there is anything to choose."""
        return len(self.lookup_choices) > 1 or bool(self.lookup_val or self.lookup_val_isnull)


class ChosenRow(admin.FieldListFilter):
    """Shows by which related row the list is filtered, and takes the filter away.

    It offers no other row: there may be a million, and links from their pages lead here.
    """

    def __init__(
        self,
        field: ForeignKey[Model, Model],
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
        field_path: str,
    ) -> None:
        self.parameter = parameter(field)
        self._chosen = (params.get(self.parameter) or [""])[-1]
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = str(field.verbose_name)
        self._row = self._name(field, request, model_admin) if self._chosen else ""

    def expected_parameters(self) -> list[str | None]:
        """The one parameter that names the row."""
        return [self.parameter]

    def has_output(self) -> bool:
        """Whether a row is chosen."""
        return bool(self._chosen)

    def choices(self, changelist: ChangeList) -> Iterator[_ListFilterChoices]:
        """Return the way back to all rows, and the chosen one."""
        all_rows = changelist.get_query_string(remove=[self.parameter])
        chosen = changelist.get_query_string()
        yield {"selected": False, "query_string": all_rows, "display": _("All")}
        yield {"selected": True, "query_string": chosen, "display": self._row}

    def _name(
        self,
        field: ForeignKey[Model, Model],
        request: HttpRequest,
        model_admin: admin.ModelAdmin[Any],
    ) -> str:
        """What the row is called, for those who may see it; else its key."""
        other = model_admin.admin_site._registry.get(field.remote_field.model)
        if other is None or not other.has_view_permission(request):
            return self._chosen
        try:
            row = other.get_queryset(request).filter(pk=self._chosen).first()
        except (ValueError, TypeError) as error:
            raise IncorrectLookupParameters(error) from error
        return str(row) if row is not None else self._chosen


def parameter(field: ForeignKey[Any, Any]) -> str:
    """Return the parameter by which a list is filtered by the row that the field refers to."""
    return f"{field.name}__{field.target_field.name}__exact"
