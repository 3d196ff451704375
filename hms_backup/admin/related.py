"""From one row to the rows it refers to, and to those that refer to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import ForeignKey, ManyToOneRel, Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst

from .filters import parameter

COUNTED = 1000
"""So many related rows are counted and no further: a tall table is not read for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A way to a related row, or to a list of them."""

    label: str
    text: str
    address: str


def referred_to(row: Model, request: HttpRequest, site: AdminSite) -> Iterator[Link]:
    """Yield a link to each row that this one refers to and the user may see."""
    for field in row._meta.concrete_fields:
        if not isinstance(field, ForeignKey) or getattr(row, field.attname) is None:
            continue
        model = field.remote_field.model
        if may_see(model, request, site):
            other = getattr(row, field.name)
            address = _address(model, site, "change", other.pk)
            yield Link(label=capfirst(str(field.verbose_name)), text=str(other), address=address)


def referring(
    row: Model, request: HttpRequest, site: AdminSite, *, counted: bool
) -> Iterator[Link]:
    """Yield a link to each list of rows that refer to this one and the user may see.

    Empty lists are left out where rows are ``counted``.
    """
    relations = [each for each in row._meta.related_objects if isinstance(each, ManyToOneRel)]
    times = Counter(each.related_model for each in relations)
    for each in relations:
        if not may_see(each.related_model, request, site):
            continue
        text = _count(row, each) if counted else "…"
        if not text:
            continue
        field = each.field
        label = capfirst(str(each.related_model._meta.verbose_name_plural))
        if times[each.related_model] > 1:
            label = f"{label} ({field.verbose_name})"
        query = urlencode({parameter(field): getattr(row, field.target_field.attname)})
        address = f"{_address(each.related_model, site, 'changelist')}?{query}"
        yield Link(label=label, text=text, address=address)


def may_see(model: type[Model], request: HttpRequest, site: AdminSite) -> bool:
    """Whether the site has pages of the model's rows that the user may open."""
    found = site._registry.get(model)
    return found is not None and found.has_view_permission(request)


def _count(row: Model, relation: ManyToOneRel) -> str:
    """How many there are, to `COUNTED`; empty for none."""
    rows = relation.related_model._default_manager.using(row._state.db)
    found = rows.filter(**{relation.field.name: row})[: COUNTED + 1].count()
    more = "+" if found > COUNTED else ""
    return f"{number_format(min(found, COUNTED))}{more}" if found else ""


def _address(model: type[Model], site: AdminSite, page: str, *arguments: object) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments, current_app=site.name)
