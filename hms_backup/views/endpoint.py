"""What every address of the API has in common: its methods, its errors, its transactions."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt

from ..conf import MEBIBYTE
from ..exceptions import HmsBackupError
from .problems import RequestError, problem_of, problem_of_request

logger = logging.getLogger(__name__)

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

DRAINED = 64 * MEBIBYTE
"""How much of a refused request is read and thrown away, so that its sender hears the answer."""


def endpoint(*methods: str) -> Callable[[View[P]], View[P]]:
    """Answer ``methods`` and OPTIONS with a view, and whatever it raises with a problem.

    The view checks the CSRF token itself, once it knows who asks. It runs outside the request's
    transaction, on every database: backups and restores have their own, and cannot be part of one.
    """
    allow = ", ".join((*methods, "OPTIONS"))

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def answered(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if request.method == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": allow})
            try:
                if request.method not in methods:
                    raise RequestError(
                        "method_not_allowed",
                        f"{request.method} is not possible here.",
                        headers={"Allow": allow},
                    )
                response = view(request, *args, **kwargs)
            except Exception as error:
                response = _problem(error)
                _drain(request)
            response.headers.setdefault("Cache-Control", "no-store, private")
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            return response

        return csrf_exempt(_outside_transactions(answered))

    return decorate


def _outside_transactions(view: View[P]) -> View[P]:
    for alias in connections.settings:
        view = transaction.non_atomic_requests(alias)(view)
    return view


def _problem(error: Exception) -> HttpResponse:
    if isinstance(error, RequestError):
        return problem_of_request(error)
    if isinstance(error, HmsBackupError):
        return problem_of(error)
    if isinstance(error, RequestDataTooBig):
        return problem_of_request(
            RequestError("request_too_large", "The form's fields are too long.")
        )
    if isinstance(
        error, MultiPartParserError | SuspiciousOperation | BadRequest | UnreadablePostError
    ):
        return problem_of_request(
            RequestError("request_invalid", "The request is not well-formed, or incomplete.")
        )
    # The text of an error that nobody foresaw may quote a patient's row: only its place is logged.
    logger.error(
        "Unexpected %s.\n%s",
        type(error).__name__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
    return problem_of_request(
        RequestError(
            "internal_error", "Something unexpected went wrong. The audit log says how it ended."
        )
    )


def _drain(request: HttpRequest) -> None:
    """Read what is still coming: a server that closes before that cuts its own answer off."""
    left = DRAINED
    try:
        while left > 0 and (piece := request.read(64 * 1024)):
            left -= len(piece)
    except (OSError, ValueError):
        return
