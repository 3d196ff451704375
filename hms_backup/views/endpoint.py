"""What every address of the API has in common: its methods, its errors, its transactions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from ..exceptions import HmsBackupError
from ..web import MALFORMED, drain, log_unforeseen, outside_transactions
from .problems import RequestError, problem_of, problem_of_request

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


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
                drain(request)
            response.headers.setdefault("Cache-Control", "no-store, private")
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            return response

        return csrf_exempt(outside_transactions(answered))

    return decorate


def _problem(error: Exception) -> HttpResponse:
    if isinstance(error, RequestError):
        return problem_of_request(error)
    if isinstance(error, HmsBackupError):
        return problem_of(error)
    if isinstance(error, RequestDataTooBig):
        return problem_of_request(
            RequestError("request_too_large", "The form's fields are too long.")
        )
    if isinstance(error, MALFORMED):
        return problem_of_request(
            RequestError("request_invalid", "The request is not well-formed, or incomplete.")
        )
    log_unforeseen(error)
    return problem_of_request(
        RequestError(
            "internal_error", "Something unexpected went wrong. The audit log says how it ended."
        )
    )
