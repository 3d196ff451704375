"""Where the pages are mounted, and so how they look and link to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

FRAGMENT_HEADER = "X-Hms-Fragment"
"""Sent by the pages' script, which wants a page's content alone, to show it in a dialog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One place where the pages are mounted."""

    prefix: str
    """What the names of the addresses begin with."""
    base_template: str
    surroundings: Callable[[HttpRequest], Mapping[str, Any]]
    """The context that the base template needs."""
    current_app: str = ""

    def url(self, name: str, *args: object) -> str:
        """Return the address of a page."""
        return reverse(self.prefix + name, args=args, current_app=self.current_app or None)

    def render(
        self,
        request: HttpRequest,
        template: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
    ) -> HttpResponse:
        """Render a page, or its content alone when the pages' script asks for that."""
        fragment = FRAGMENT_HEADER in request.headers
        whole = {
            **({} if fragment else self.surroundings(request)),
            "door": self,
            "is_fragment": fragment,
            "base_template": "hms_backup/fragment.html" if fragment else self.base_template,
            **context,
        }
        if self.current_app:
            request.current_app = self.current_app
        response = render(request, f"hms_backup/pages/{template}", whole, status=status)
        # The pages show patients' rows: nothing may keep them for the next person.
        response["Cache-Control"] = "no-store, private"
        # No other site may have people press buttons that they do not see.
        response["X-Frame-Options"] = settings.X_FRAME_OPTIONS
        return response
