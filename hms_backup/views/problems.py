"""What is wrong, as ``application/problem+json`` of RFC 9457, with nothing of the data in it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

from ..exceptions import HmsBackupError, PlanError
from ..plan import Problem
from ..statuses import retry_after, status_of

CONTENT_TYPE: Final = "application/problem+json"

REQUEST_CODES: Final = {
    "request_invalid": 400,
    "not_authenticated": 401,
    "csrf_failed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_too_large": 413,
    "media_type_unsupported": 415,
    "internal_error": 500,
}
"""The codes of what is wrong with a request, beside those of the core's errors."""


class RequestError(Exception):
    """The request itself cannot be answered, whatever the archive and the database hold."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})
        self.errors = tuple(errors)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return REQUEST_CODES[self.code]


def problem_of_request(error: RequestError) -> JsonResponse:
    """Answer a request that cannot be answered."""
    more: dict[str, Any] = {"errors": list(error.errors)} if error.errors else {}
    if error.hint:
        more["hint"] = error.hint
    title = HTTPStatus(error.status).phrase
    return _response(error.status, error.code, title, error.message, more, error.headers)


def problem_of(error: HmsBackupError) -> JsonResponse:
    """Answer with one of the core's errors; of a refused plan, with its problems."""
    more: dict[str, Any] = {
        name: text for name, text in error.as_dict().items() if name not in ("code", "message")
    }
    if isinstance(error, PlanError) and error.plan is not None:
        more["digest"] = error.plan.digest
        more["problems"] = [_without_rows(each) for each in error.plan.problems]
    seconds = retry_after(error)
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return _response(
        status_of(error), error.code, title_of(type(error)), error.message, more, headers
    )


def title_of(kind: type[HmsBackupError]) -> str:
    """Return what all errors of a class have in common, in a sentence."""
    said = inspect.cleandoc(kind.__doc__ or kind.__name__).split("\n\n")[0]
    return " ".join(said.replace("`", "").split())


def _without_rows(problem: Problem) -> dict[str, object]:
    """The problem without the keys of its rows: a key can be somebody's name."""
    return {name: value for name, value in problem.as_dict().items() if name != "rows"}


def _response(
    status: int,
    code: str,
    title: str,
    detail: str,
    more: Mapping[str, Any],
    headers: Mapping[str, str],
) -> JsonResponse:
    body = {
        "type": f"urn:hms-backup:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE, headers=dict(headers))
