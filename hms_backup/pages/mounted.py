"""Which of the places where the pages are mounted one user is led to from elsewhere."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch

from ..models import DataManagement
from .door import Door
from .urls import OWN_DOOR


def door_for(request: HttpRequest) -> Door:
    """Return the project's own pages, else the admin's for those who may enter it.

    Raises `NoReverseMatch` when there is neither.
    """
    try:
        OWN_DOOR.url("index")
    except NoReverseMatch:
        model_admin = admin.site._registry.get(DataManagement)
        door = getattr(model_admin, "door", None)
        if not (isinstance(door, Door) and admin.site.has_permission(request)):
            raise
        door.url("index")
        return door
    return OWN_DOOR
