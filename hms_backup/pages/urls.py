"""The pages' addresses: the admin mounts them, and a project can include them itself.

``path("backups/", include("hms_backup.pages.urls"))`` gives the pages to people who are no staff,
for use with the template tag ``{% hms_backup_data_management %}``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_protect

from . import backups, overviews, restores, results
from .door import Door

app_name = "hms_backup_pages"

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]

_SCOPE = "<str:kind>/<str:id>/"
_UPLOAD = f"{_SCOPE}restore/<str:upload_id>/"
PAGES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("index", "", overviews.index),
    ("result", "operation/<uuid:operation_id>/", results.result),
    ("scope", _SCOPE, overviews.scope),
    ("backup", f"{_SCOPE}backup/", backups.back_up),
    ("restore", f"{_SCOPE}restore/", restores.receive),
    ("preview", _UPLOAD, restores.preview),
    ("changes", f"{_UPLOAD}changes/", restores.changes),
    ("confirm", f"{_UPLOAD}confirm/", restores.confirm),
    ("discard", f"{_UPLOAD}discard/", restores.discard),
)
"""Name, address and view of every page."""


def page_patterns(door: Door, wrap: Wrap, *, prefix: str = "") -> list[URLPattern]:
    """Return the pages' addresses where ``door`` is; ``wrap`` lets only the right people in."""
    return [
        path(route, wrap(_through(view, door)), name=f"{prefix}{name}")
        for name, route, view in PAGES
    ]


def _through(view: Callable[..., Any], door: Door) -> Callable[..., Any]:
    @functools.wraps(view)
    def at_door(request: Any, *args: Any, **kwargs: Any) -> Any:
        return view(request, door, *args, **kwargs)

    return at_door


OWN_DOOR = Door(
    prefix=f"{app_name}:",
    base_template="hms_backup/base.html",
    surroundings=lambda _request: {},
)
"""The pages outside the admin, in the frame of the template ``hms_backup/base.html``."""


def _for_people(view: Callable[..., Any]) -> Callable[..., Any]:
    """Ask for a sign-in, and for the CSRF token even in projects without the middleware."""
    checked_by_itself = getattr(view, "csrf_exempt", False)
    return login_required(view if checked_by_itself else csrf_protect(view))


urlpatterns = page_patterns(OWN_DOOR, _for_people)
