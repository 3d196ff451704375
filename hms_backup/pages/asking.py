"""What every page asks first: who is it, what is it about, and may they."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse

from .. import services
from ..audit import Actor
from ..exceptions import HmsBackupError, UnknownScope, UploadError, UploadUsed
from ..models import AuditLog
from ..operation import as_recorded
from ..registry import Scope, ScopeKind, registry
from ..statuses import status_of
from ..web import MALFORMED, drain, log_unforeseen, origin_of, outside_transactions
from . import wording
from .door import Door

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Door, P], HttpResponseBase]


def page(view: View[P]) -> View[P]:
    """Answer whatever a view raises with a page that says what is wrong and what to do."""

    @functools.wraps(view)
    def shown(
        request: HttpRequest, door: Door, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        try:
            return view(request, door, *args, **kwargs)
        except (Http404, PermissionDenied):
            raise  # Django's to answer, in the project's own words
        except Exception as error:
            if request.method == "POST":
                drain(request)
            return error_page(request, door, foreseen(error))

    return outside_transactions(shown)


def foreseen(error: Exception) -> HmsBackupError:
    """Return the error as one of the core's; of what nobody foresaw only the place is logged."""
    if isinstance(error, HmsBackupError):
        return error
    if isinstance(error, MALFORMED):
        return UploadError(
            "The form is not in order, or did not arrive whole.", hint="Send it again."
        )
    log_unforeseen(error)
    return as_recorded(error)


def error_page(
    request: HttpRequest,
    door: Door,
    error: HmsBackupError,
    *,
    back: str = "",
    back_text: str = "",
    restoring: bool = False,
) -> HttpResponse:
    """Say what is wrong, where, and what to do, with a way on.

    Where a restore was tried, ``restoring``, nothing is promised of the data that is not sure.
    """
    status = status_of(error)
    if wants_json(request):
        return JsonResponse({"errors": [wording.in_words(error)]}, status=status)
    worded = wording.explained(error)
    context = {
        "error": error,
        "worded": worded,
        "title": worded.title,
        "back": back,
        "back_text": back_text,
        "running": isinstance(error, UploadUsed),
        "unsure": restoring and wording.leaves_unsure(error.code),
    }
    return door.render(request, "error.html", context, status=status)


def wants_json(request: HttpRequest) -> bool:
    """Whether the pages' script asks, which shows errors where the user is."""
    return request.headers.get("Accept", "").startswith("application/json")


def actor_of(request: HttpRequest) -> Actor:
    """Who asks, from where, as the audit log shall remember them."""
    user = signed_in(request)
    return Actor(username=user.get_username(), origin=origin_of(request), user=user)


def signed_in(request: HttpRequest) -> AbstractBaseUser:
    """Return the user. Raises `Http404` without one: the pages are behind a sign-in."""
    if not isinstance(request.user, AbstractBaseUser):
        raise Http404
    return request.user


def scope_or_404(kind: str, id: str) -> Scope:
    """Return the department or subsystem of an address."""
    finders = {ScopeKind.DEPARTMENT: registry.department, ScopeKind.SUBSYSTEM: registry.subsystem}
    try:
        return finders[ScopeKind(kind)](id)
    except ValueError as error:
        raise Http404(kind) from error
    except UnknownScope as error:
        raise Http404(error.message) from error


def own_entry_or_404(request: HttpRequest, operation_id: UUID) -> AuditLog:
    """Return the audit entry of something this user did; others' do not exist for them."""
    user = signed_in(request)
    name = user.get_username()[:255]  # a deleted user's key may be given to somebody else
    own = services.history().filter(user_id=user.pk, username=name)
    entry = own.filter(operation_id=operation_id).first()
    if entry is None:
        raise Http404
    return entry


def audit_address(request: HttpRequest, door: Door, entry: AuditLog) -> str:
    """Return the entry's address in the admin; empty for those who cannot open it there."""
    if not getattr(request.user, "is_staff", False):
        return ""
    try:
        return reverse(
            "admin:hms_backup_auditlog_change",
            args=[entry.pk],
            current_app=door.current_app or None,
        )
    except NoReverseMatch:
        return ""
