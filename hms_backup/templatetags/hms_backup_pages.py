"""What this app's own templates need: addresses of the pages, and numbers as people read them."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ..pages import wording
from ..pages.door import Door

register = template.Library()


@register.simple_tag(takes_context=True)
def page_url(context: dict[str, Any], name: str, *args: object) -> str:
    """Return the address of one of the pages, where the current one is mounted."""
    door: Door = context["door"]
    return door.url(name, *args)


register.filter("full_title", wording.title)
register.filter("short_title", wording.short)
register.filter("age", wording.age)


@register.filter
def grouped(number: int | None) -> str:
    """``1,234,567``, in the reader's language; ``–`` for an unknown number."""
    return "–" if number is None else number_format(number, force_grouping=True)


@register.filter
def milliseconds(duration: int | None) -> str:
    """``0.04 s``, ``2.8 s``, ``2 min 5 s``; empty when nobody measured it."""
    if duration is None:
        return ""
    seconds = duration / 1000
    if seconds < 60:
        decimals = 2 if seconds < 1 else 1
        return _("%(seconds)s s") % {"seconds": number_format(seconds, decimal_pos=decimals)}
    return _("%(minutes)s min %(seconds)s s") % {
        "minutes": number_format(int(seconds // 60)),
        "seconds": int(seconds % 60),
    }
