"""Who sends a request to the API, and that they mean to.

Either the session says who, and then the CSRF token proves intent; or the project's callable,
``HMS_BACKUP["AUTHENTICATE"]``, and then a browser's word that another site sent it disproves it.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from ..authentication import load_authenticate
from ..conf import get_settings
from ..services import Actor
from ..web import origin_of
from .problems import RequestError

SESSION_CHALLENGE = 'Session realm="hms_backup"'
"""RFC 9110 asks for a challenge with each 401, and has none for cookies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user behind a request."""

    user: AbstractBaseUser
    by_session: bool

    def actor(self, request: HttpRequest) -> Actor:
        """The caller as the audit log shall remember them."""
        return Actor(username=self.user.get_username(), origin=origin_of(request), user=self.user)


def identify(request: HttpRequest) -> Caller:
    """Return who sends the request. Raises `RequestError` when nobody who is active does."""
    authenticate = load_authenticate(get_settings().authenticate)
    user = authenticate(request) if authenticate is not None else None
    if isinstance(user, AbstractBaseUser) and user.is_active:
        return Caller(user=user, by_session=False)
    user = getattr(request, "user", None)
    if isinstance(user, AbstractBaseUser) and user.is_active:
        return Caller(user=user, by_session=True)
    challenge = getattr(authenticate, "challenge", SESSION_CHALLENGE)
    raise RequestError(
        "not_authenticated",
        "Sign in first.",
        hint="Send a session cookie, or the credentials that this system accepts.",
        headers={"WWW-Authenticate": challenge},
    )


def refuse_forgery(request: HttpRequest, caller: Caller) -> None:
    """Raise `RequestError` unless the caller's own pages or programs sent this request.

    For a session the form must have been received: the token may be in it.
    """
    if not caller.by_session:
        if not _comes_from_here(request):
            raise _forged("Another site sent it.")
        return
    check = _CsrfCheck(lambda _request: None)  # type: ignore[arg-type]  # no response follows
    check.process_request(request)
    reason = check.process_view(request, HttpResponse, (), {})
    if reason is not None:
        raise _forged(str(reason))


def refuse_embedding(request: HttpRequest) -> None:
    """Raise `RequestError` when another site's page orders something that nobody clicked on.

    A picture with the address of a backup would have the server make one in its reader's name.
    """
    clicked = request.headers.get("Sec-Fetch-User") == "?1"
    if not (clicked or _comes_from_here(request)):
        raise _forged("Another site sent it.")


def _comes_from_here(request: HttpRequest) -> bool:
    """Whether no browser says that another site sent it; other programs say nothing.

    Browsers send Fetch Metadata to HTTPS and to the machine itself alone; to a plain HTTP address
    only the origin.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site in ("none", "same-origin"):
        return True
    if "Origin" in request.headers:
        check = _CsrfCheck(lambda _request: None)  # type: ignore[arg-type]  # no response follows
        return check.knows_origin(request)
    return site is None


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, that says why instead of rendering a page."""

    def knows_origin(self, request: HttpRequest) -> bool:
        """Whether it is this host's or one of ``CSRF_TRUSTED_ORIGINS``."""
        return bool(self._origin_verified(request))  # type: ignore[attr-defined]  # not in stubs

    def _reject(self, _request: HttpRequest, reason: str) -> str:
        return reason


def _forged(reason: str) -> RequestError:
    return RequestError(
        "csrf_failed",
        f"The request was not accepted. {reason}",
        hint="With a session, send its CSRF token in the X-CSRFToken header.",
    )
