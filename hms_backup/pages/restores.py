"""Restore a department or subsystem: upload, preview, look at rows, confirm. GET never restores."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .. import services, uploads
from ..browsing import changed_rows
from ..conf import get_settings
from ..exceptions import (
    ArchiveError,
    HmsBackupError,
    PlanError,
    PlanOutdated,
    PlanRefused,
    ScopeMismatch,
    UploadMissing,
    UploadUsed,
)
from ..forms import ChangesForm, ConfirmForm, OptionsForm, UploadForm
from ..policy import Right
from ..receiving import ReceivedFile, receives_file
from ..registry import Scope
from ..services import RestoreOptions
from ..statuses import status_of
from ..web import drain
from . import previews, rights, wording
from .asking import actor_of, error_page, foreseen, page, scope_or_404, signed_in, wants_json
from .door import Door

PER_PAGE = 20
"""Changed rows on one page."""


@csrf_exempt  # checked by `receives_file`, once it is sure that the user may send a file at all
@page
def receive(request: HttpRequest, door: Door, kind: str, id: str) -> HttpResponseBase:
    """GET shows the form, POST receives the archive and leads to its preview."""
    scope = scope_or_404(kind, id)
    rights.demand(request, Right.RESTORE, scope)
    if request.method != "POST":
        return _upload_page(request, door, scope, [])
    try:
        return _receive(request, door, scope)
    except HmsBackupError as error:
        drain(request)
        return _upload_page(
            request, door, scope, [wording.in_words(error)], status=status_of(error)
        )


@receives_file("archive")
def _receive(request: HttpRequest, door: Door, scope: Scope) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES)
    archive = request.FILES.get("archive")
    if not form.is_valid() or not isinstance(archive, ReceivedFile):
        found = [str(each) for errors in form.errors.values() for each in errors]
        return _upload_page(request, door, scope, found, status=400)
    upload = archive.keep(signed_in(request))
    address = door.url("preview", scope.kind, scope.id, upload.id)
    if wants_json(request):
        return JsonResponse({"location": address})
    return HttpResponseRedirect(address)


def _upload_page(
    request: HttpRequest, door: Door, scope: Scope, errors: list[str], *, status: int = 200
) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"errors": errors}, status=status)
    context = {
        "title": _("Restore %(scope)s") % {"scope": wording.title(scope)},
        "scope": scope,
        "errors": errors,
        "max_bytes": get_settings().max_archive_bytes,
    }
    return door.render(request, "restore.html", context, status=status)


@page
def preview(request: HttpRequest, door: Door, kind: str, id: str, upload_id: str) -> HttpResponse:
    """What the upload would change: one dry run, in the audit log as such."""
    scope = scope_or_404(kind, id)
    rights.demand(request, Right.RESTORE, scope)
    try:
        upload = uploads.find(upload_id, signed_in(request))
    except UploadUsed as used:
        return _result_of(request, door, used)
    form = OptionsForm(request.GET, scope=scope)
    options = form.options(show_changes=previews.SHOWN)
    try:
        with upload.open() as archive:
            planned = services.plan_restore(
                archive, actor=actor_of(request), options=options, expected=scope
            )
    except HmsBackupError as error:
        return _not_done(request, door, scope, upload_id, options, error)
    changes_url = door.url("changes", scope.kind, scope.id, upload.id)
    context = {
        "title": _("Restore %(scope)s: preview") % {"scope": wording.title(scope)},
        "scope": scope,
        "upload": upload,
        "outdated": "outdated" in request.GET,
        "none_chosen": "chosen" in request.GET and "table" not in request.GET,
        "refused": "refused" in request.GET,
        "accepted": request.GET.getlist("accept"),
        "confirm_url": door.url("confirm", scope.kind, scope.id, upload.id),
        "discard_url": door.url("discard", scope.kind, scope.id, upload.id),
        **previews.preview_context(planned, scope, options, changes_url),
    }
    return door.render(request, "preview.html", context)


@page
def changes(request: HttpRequest, door: Door, kind: str, id: str, upload_id: str) -> HttpResponse:
    """One table's changed rows, a page at a time, all or those that hold a text."""
    scope = scope_or_404(kind, id)
    rights.demand(request, Right.RESTORE, scope)
    upload = uploads.find(upload_id, signed_in(request))
    options = OptionsForm(request.GET, scope=scope).options()
    form = ChangesForm(request.GET)
    if not form.is_valid():
        return HttpResponseRedirect(door.url("preview", scope.kind, scope.id, upload.id))
    table, number = form.cleaned_data["of"], form.cleaned_data["page"] or 1
    search, offset = form.cleaned_data["search"], (number - 1) * PER_PAGE
    with upload.open() as archive:
        plan = changed_rows(
            archive,
            table,
            actor=actor_of(request),
            scope=scope,
            options=options,
            limit=PER_PAGE + 1,
            offset=offset,
            search=search,
        )
    found = plan.changes if plan else ()
    label = wording.table_labels(scope).get(table, table)
    here = door.url("changes", scope.kind, scope.id, upload.id)
    query = f"{here}?{previews.query_of(options)}&{urlencode({'of': table})}"
    searched = f"{query}&{urlencode({'search': search})}" if search else query
    preview_url = door.url("preview", scope.kind, scope.id, upload.id)
    context = {
        "title": _("%(table)s: rows that would change") % {"table": label},
        "scope": scope,
        "counts": plan.counts if plan else None,
        "changes": previews.shown(found[:PER_PAGE]),
        "search": search,
        "first": offset + 1,
        "last": offset + len(found[:PER_PAGE]),
        "carried": [*previews.pairs_of(options), ("of", table)],
        "all_url": query,
        "preview_url": f"{preview_url}?{previews.query_of(options)}",
        "previous_url": f"{searched}&page={number - 1}" if number > 1 else "",
        "next_url": f"{searched}&page={number + 1}" if len(found) > PER_PAGE else "",
    }
    return door.render(request, "changes.html", context)


@require_POST
@page
def confirm(request: HttpRequest, door: Door, kind: str, id: str, upload_id: str) -> HttpResponse:
    """Restore exactly the plan whose digest was shown. One upload is restored once."""
    scope = scope_or_404(kind, id)
    rights.demand(request, Right.RESTORE, scope)
    form = ConfirmForm(request.POST, scope=scope)
    here = door.url("preview", scope.kind, scope.id, upload_id)
    if not form.is_valid():
        return HttpResponseRedirect(here)
    options = form.options()
    try:
        with uploads.claim(upload_id, signed_in(request)) as claim:
            with claim.upload.open() as archive:
                restored = services.restore(
                    archive,
                    actor=actor_of(request),
                    options=options,
                    expected=scope,
                    expected_digest=form.cleaned_data["digest"],
                )
            claim.done(restored.operation_id)
    except UploadUsed as used:
        return _result_of(request, door, used, waiting=here)
    except (PlanOutdated, PlanRefused) as error:
        return HttpResponseRedirect(f"{here}?{previews.query_of(options)}&{_why(error, options)}")
    except Exception as error:
        return _not_done(request, door, scope, upload_id, options, foreseen(error))
    for warning in restored.warnings:
        messages.warning(request, warning, fail_silently=True)
    return HttpResponseRedirect(door.url("result", restored.operation_id))


@require_POST
@page
def discard(request: HttpRequest, door: Door, kind: str, id: str, upload_id: str) -> HttpResponse:
    """Delete the upload: nothing is restored."""
    scope = scope_or_404(kind, id)
    try:
        uploads.discard(upload_id, signed_in(request))
    except UploadUsed as used:
        here = door.url("preview", scope.kind, scope.id, upload_id)
        return _result_of(request, door, used, waiting=here)
    messages.info(request, _("The upload was deleted. Nothing was changed."), fail_silently=True)
    return HttpResponseRedirect(door.url("scope", scope.kind, scope.id))


def _not_done(
    request: HttpRequest,
    door: Door,
    scope: Scope,
    upload_id: str,
    options: RestoreOptions,
    error: HmsBackupError,
) -> HttpResponse:
    """Say why there is no preview or no restore: another file may help, or another try."""
    if isinstance(error, ArchiveError | ScopeMismatch | UploadMissing):
        back, back_text = door.url("restore", scope.kind, scope.id), _("Choose another file")
    else:
        here = door.url("preview", scope.kind, scope.id, upload_id)
        back, back_text = f"{here}?{previews.query_of(options)}", _("Preview again")
    restoring = request.method == "POST"
    return error_page(request, door, error, back=back, back_text=back_text, restoring=restoring)


def _why(error: PlanError, options: RestoreOptions) -> str:
    """Tell the new preview what became of the confirmation; of a new plan nothing is accepted."""
    if isinstance(error, PlanOutdated):
        return "outdated=1"
    return urlencode([("refused", "1"), *(("accept", code) for code in sorted(options.accept))])


def _result_of(
    request: HttpRequest, door: Door, used: UploadUsed, *, waiting: str = ""
) -> HttpResponse:
    """Lead to what the upload's one restore did, or say that it is still running."""
    if not used.operation_id:
        return error_page(
            request, door, used, back=waiting or request.path, back_text=_("Show the result")
        )
    messages.info(
        request, _("This upload was restored already: this is what it did."), fail_silently=True
    )
    return HttpResponseRedirect(door.url("result", used.operation_id))
