"""``{% hms_backup_data_management "HR1" %}``: Data Management in any page of a project."""

from __future__ import annotations

from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch

from ..exceptions import ConfigurationError
from ..pages.mounted import door_for
from ..pages.overviews import sections
from ..registry import registry

register = template.Library()


@register.inclusion_tag("hms_backup/data_management.html", takes_context=True)
def hms_backup_data_management(context: dict[str, Any], scope_id: str) -> dict[str, Any]:
    """Show a department or subsystem with its backup and restore, to those with a right on it.

    Everybody else sees nothing at all. Raises `UnknownScope` for an id that is not registered,
    and `ConfigurationError` when the page's context has no request or the pages have no address.
    """
    scope = registry.scope(scope_id)
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        raise ConfigurationError(
            "{% hms_backup_data_management %} needs the request in the page's context.",
            hint="Render with the request, and have django.template.context_processors.request "
            "among the context processors.",
        )
    found = sections(request, scope)
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
