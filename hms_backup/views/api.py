"""Back up and restore over HTTP."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse

from .. import services
from ..downloads import CONTENT_TYPE, download
from ..receiving import ReceivedFile, receive
from ..services import Restoration, Right
from .authentication import identify, refuse_embedding, refuse_forgery
from .endpoint import endpoint
from .openapi import document
from .problems import RequestError
from .restore_form import FILE, RestoreForm, missing_file, read_form
from .scopes import scope_of


@endpoint("GET", "HEAD")
def backup(request: HttpRequest, kind: str, id: str) -> HttpResponseBase:
    """Answer with a backup made now. HEAD tells whether one could be asked for, and makes none."""
    caller = identify(request)
    refuse_embedding(request)
    scope = scope_of(kind, id)
    actor = caller.actor(request)
    if request.method == "HEAD":
        services.authorize(actor, Right.BACKUP, scope)
        # Streaming nothing: of any other response Django would tell a length, and a wrong one.
        return StreamingHttpResponse((), content_type=CONTENT_TYPE)
    return download(scope, actor=actor)


@endpoint("POST")
def restore(request: HttpRequest, kind: str, id: str) -> HttpResponseBase:
    """Restore the archive in the form, or with ``dry_run`` say what that would do."""
    caller = identify(request)
    scope = scope_of(kind, id)
    actor = caller.actor(request)
    # Asked before the file is received, and again by the service that uses it.
    services.authorize(actor, Right.RESTORE, scope)
    file = _received(request)
    refuse_forgery(request, caller)
    if file is None:
        raise missing_file()
    form = read_form(request.POST, scope)
    with file.reopen() as archive:
        if form.dry_run:
            done = services.plan_restore(archive, actor=actor, options=form.options, expected=scope)
        else:
            done = services.restore(
                archive,
                actor=actor,
                options=form.options,
                expected=scope,
                expected_digest=form.digest,
            )
    return JsonResponse(_answer(done, form))


@endpoint("GET", "HEAD")
def openapi(_request: HttpRequest) -> HttpResponseBase:
    """Answer with the description of this API."""
    here = reverse("hms_backup:openapi")
    return JsonResponse(document(here.removesuffix("/api/openapi.json") or "/"))


def _received(request: HttpRequest) -> ReceivedFile | None:
    if request.content_type != "multipart/form-data":
        raise RequestError(
            "media_type_unsupported",
            "A restore is sent as a form with a file.",
            hint="Send multipart/form-data.",
            headers={"Accept-Post": "multipart/form-data"},
        )
    return receive(request, FILE)


def _answer(done: Restoration, form: RestoreForm) -> dict[str, Any]:
    return {
        "operation_id": str(done.operation_id),
        "scope": {"kind": str(done.scope.kind), "id": done.scope.id, "name": done.scope.name},
        "archive": {
            "sha256": done.sha256,
            "scope": done.manifest.scope,
            "target_id": done.manifest.target_id,
            "export_date": done.manifest.export_date,
        },
        "dry_run": form.dry_run,
        "applied": done.applied,
        "plan": done.plan.as_dict(),
        "warnings": list(done.warnings),
    }
