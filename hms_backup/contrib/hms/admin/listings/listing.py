"""What can be said of the list of a model's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the list shows and finds; each is the names of fields."""

    columns: tuple[str, ...]
    search: tuple[str, ...]
    filters: tuple[str, ...] = ()
    date: str | None = None
    """The field by which the list is narrowed to a year, a month or a day."""
    named_by: tuple[str, ...] = ()
    """The foreign keys that a line follows: in its columns, and in the names of what those show."""


Listings = Mapping[type[Model], Listing]

PATIENT: Final = "patient__last_name patient__first_name patient__patient_id_alt"
"""Finds the rows of a patient."""


def listing(
    columns: str, *, search: str, filters: str = "", date: str | None = None, named_by: str = ""
) -> Listing:
    """Return the listing of these fields, written with blanks between them."""
    return Listing(
        columns=tuple(columns.split()),
        search=tuple(search.split()),
        filters=tuple(filters.split()),
        date=date,
        named_by=tuple(named_by.split()),
    )
