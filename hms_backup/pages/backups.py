"""Back up a department or subsystem: the form, and the download that it starts."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from ..downloads import download
from ..forms import DownloadForm
from ..policy import Right
from . import rights, wording
from .asking import actor_of, page, scope_or_404
from .door import Door

BEGAN = "hms_backup_download_"
"""Begins the name of the cookie by which the pages' script learns that the download it ordered
began; its value is the operation's id. No script can otherwise know."""
SECONDS = 300
"""How long that cookie lives."""
PLACEHOLDER = UUID(int=0)
"""Stands for the operation's id in the address that the script completes."""


@page
def back_up(request: HttpRequest, door: Door, kind: str, id: str) -> HttpResponseBase:
    """GET shows what a backup would hold, POST answers with the backup itself."""
    scope = scope_or_404(kind, id)
    if request.method == "POST":
        response = download(scope, actor=actor_of(request))
        form = DownloadForm(request.POST)
        if form.is_valid() and form.cleaned_data["token"]:
            response.set_cookie(
                BEGAN + form.cleaned_data["token"],
                response["X-Operation-Id"],
                max_age=SECONDS,
                secure=request.is_secure(),
                samesite="Lax",
            )
        return response
    rights.demand(request, Right.BACKUP, scope)
    context = {
        "title": _("Backup %(scope)s") % {"scope": wording.title(scope)},
        "scope": scope,
        "tables": list(wording.table_labels(scope).items()),
        "began": BEGAN,
        "result_url": door.url("result", PLACEHOLDER),
    }
    return door.render(request, "backup.html", context)
