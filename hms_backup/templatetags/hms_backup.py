"""``{% hms_backup_data_management "HR1" %}``: Data Management in any page of a project."""

from __future__ import annotations

import logging
from typing import Any

from django import template
from django.db import Error as DjangoDatabaseError
from django.http import HttpRequest
from django.urls import NoReverseMatch

from ..exceptions import ConfigurationError, DatabaseError
from ..pages.mounted import door_for
from ..pages.overviews import sections
from ..registry import registry

logger = logging.getLogger(__name__)

register = template.Library()


@register.inclusion_tag("hms_backup/data_management.html", takes_context=True)
def hms_backup_data_management(context: dict[str, Any], scope_id: str) -> dict[str, Any]:
    """Show a department or subsystem with its backup and restore, to those with a right on it.

    Everybody else sees nothing at all; nor does anybody while the tables or the rights cannot be
    read, so that the rest of the page goes on working. Raises `UnknownScope` for an id that is
    not registered, and `ConfigurationError` when the page's context has no request or the pages
    have no address.
    """
    scope = registry.scope(scope_id)
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ConfigurationError(
            "{% hms_backup_data_management %} needs the request in the page's context.",
            hint="Render with the request, and have django.template.context_processors.request "
            "among the context processors.",
        )
    try:
        found = sections(request, scope)
    except (DatabaseError, DjangoDatabaseError) as error:
        logger.error("Data Management could not be shown: %s", type(error).__name__)
        found = []
    if not found:
        return {"cards": ()}
    try:
        door = door_for(request)
    except NoReverseMatch as error:
        raise ConfigurationError(
            "The pages for backup and restore have no address that this user can open.",
            hint='Add path("backups/", include("hms_backup.pages.urls")) to the project\'s urls.',
        ) from error
    cards = [card for each in found for card in (each.whole, *each.subsystems) if card]
    return {"door": door, "scope": scope, "cards": cards, "request": request}
