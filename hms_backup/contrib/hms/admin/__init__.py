"""The hospital's models in the Django admin: an admin class for each, made from `LISTINGS`."""

from __future__ import annotations

from django.contrib import admin
from django.db import models

from hms_backup.admin.filters import ChosenRow, FewValues
from hms_backup.admin.rows import foreign_keys

from ..models import User
from .listings import LISTINGS, Listing
from .rows import HospitalRowsAdmin
from .users import UserAdmin


def admin_for(model: type[models.Model], listing: Listing) -> type[HospitalRowsAdmin]:
    """Return the admin class of a model."""
    attributes = {
        "__doc__": f"The {model._meta.verbose_name_raw} in the admin.",
        "__module__": __name__,
        "list_display": listing.columns,
        "search_fields": listing.search,
        "list_filter": list_filter(model, listing.filters),
        "date_hierarchy": listing.date,
        "named_by": listing.named_by,
        "autocomplete_fields": foreign_keys(model),
    }
    return type(f"{model.__name__}Admin", (HospitalRowsAdmin,), attributes)


def list_filter(model: type[models.Model], names: tuple[str, ...]) -> tuple[object, ...]:
    """Return filters by the related row that a link names, and by these fields."""
    texts = {each.name for each in model._meta.fields if isinstance(each, models.CharField)}
    own = ((name, FewValues) if name in texts else name for name in names)
    return (*((name, ChosenRow) for name in foreign_keys(model)), *own)


for _model, _listing in LISTINGS.items():
    admin.site.register(_model, admin_for(_model, _listing))
admin.site.register(User, UserAdmin)
