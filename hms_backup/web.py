"""What every door of the web does alike: transactions, refused requests, errors nobody foresaw."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import connections, transaction
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from .conf import MEBIBYTE

logger = logging.getLogger(__name__)

View = TypeVar("View", bound=Callable[..., Any])

MALFORMED: Final = (MultiPartParserError, SuspiciousOperation, BadRequest, UnreadablePostError)
"""What Django raises for a request that is not well-formed, or did not arrive whole."""

DRAINED: Final = 64 * MEBIBYTE
"""How much of a refused request is read and thrown away, so that its sender hears the answer."""


def outside_transactions(view: View) -> View:
    """Have a view run outside the request's transaction, on every database.

    Backups and restores have transactions of their own, and cannot be part of one.
    """
    for alias in connections.settings:
        view = transaction.non_atomic_requests(alias)(view)
    return view


def origin_of(request: HttpRequest) -> str:
    """Return where a request came from, as the audit log shall remember it."""
    return request.META.get("REMOTE_ADDR") or "web"  # behind a Unix socket there is no address


def drain(request: HttpRequest) -> None:
    """Read what is still coming: a server that closes before that cuts its own answer off."""
    left = DRAINED
    try:
        while left > 0 and (piece := request.read(64 * 1024)):
            left -= len(piece)
    except (OSError, ValueError):
        return


def log_unforeseen(error: Exception) -> None:
    """Log where it happened, and not its text: that may quote a patient's row."""
    logger.error(
        "Unexpected %s.\n%s",
        type(error).__name__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
