"""The OpenAPI 3.1 description of the API, made from the very lists that the views use."""

from __future__ import annotations

from django.conf import settings as django_settings

from .. import __version__
from ..authentication import load_authenticate
from ..conf import get_settings
from ..downloads import CONTENT_TYPE
from ..plan import Mode
from .problems import CONTENT_TYPE as PROBLEM_TYPE
from .restore_form import FILE, MOST_CHANGES
from .schemas import Json, reference, schemas
from .scopes import FIND

PROBLEM_STATUSES = {
    400: "The request or a field of its form is wrong.",
    401: "Nobody is signed in, or the credentials are not accepted.",
    403: "The user lacks the right on all or a part of it, the CSRF token is missing or wrong, or "
    "another site sent it.",
    404: "There is no such department or subsystem.",
    405: "Not with this method.",
    409: "The archive is of something else, the tables do not allow it, the data changed since the "
    "dry run, or another restore is running.",
    413: "The file is larger than accepted.",
    415: "The request is no multipart/form-data.",
    422: "The archive is damaged, or the plan has problems.",
    500: "The server's settings are wrong, or something unexpected went wrong.",
    503: "The database or the disk does not answer now; Retry-After says when to try again.",
}
"""What each status means, whichever address answers it."""


def document(server: str) -> Json:
    """Return the OpenAPI document of the API as mounted at ``server``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hms_backup",
            "version": __version__,
            "summary": "Back up and restore a hospital's departments and subsystems.",
        },
        "servers": [{"url": server}],
        "security": _security(),
        "paths": {
            "/api/backup/{scope}/{id}": {
                "parameters": _parameters(),
                "get": _backup(),
                "head": _possible(),
            },
            "/api/restore/{scope}/{id}": {"parameters": _parameters(), "post": _restore()},
        },
        "components": {
            "securitySchemes": _schemes(),
            "schemas": schemas(),
        },
    }


def _parameters() -> list[Json]:
    kinds = {"type": "string", "enum": list(FIND)}
    return [
        {"name": "scope", "in": "path", "required": True, "schema": kinds},
        {
            "name": "id",
            "in": "path",
            "required": True,
            "description": "As registered, in any case: HR, hr1, FINANCIALS.",
            "schema": {"type": "string", "minLength": 1},
        },
    ]


def _security() -> list[Json]:
    other: list[Json] = [{"other": []}] if get_settings().authenticate else []
    return [{"session": []}, *other]


def _schemes() -> Json:
    session = {
        "type": "apiKey",
        "in": "cookie",
        "name": django_settings.SESSION_COOKIE_NAME,
        "description": "A POST also needs the session's CSRF token, in the X-CSRFToken header or "
        "as csrfmiddlewaretoken in the form.",
    }
    authenticate = load_authenticate(get_settings().authenticate)
    if authenticate is None:
        return {"session": session}
    scheme = getattr(authenticate, "challenge", "Bearer").split()[0].lower()
    return {"session": session, "other": {"type": "http", "scheme": scheme}}


def _backup() -> Json:
    headers = {
        "Content-Length": "The size in bytes.",
        "Content-Disposition": "That it is a file to save, and its name.",
        "Repr-Digest": "The SHA-256 of the file, as RFC 9530 writes it.",
        "X-Archive-SHA256": "The same in hex.",
        "X-Operation-Id": "By which the audit log knows this backup.",
    }
    return {
        "operationId": "backup",
        "summary": "Make a backup and answer it.",
        "responses": {
            "200": {
                "description": "The archive, complete and verified before the first byte is sent.",
                "headers": {name: _header(about) for name, about in headers.items()},
                "content": {CONTENT_TYPE: {}},
            },
            **_problems(401, 403, 404, 405, 409, 422, 500, 503),
        },
    }


def _possible() -> Json:
    answers = (401, 403, 404, 500, 503)
    return {
        "operationId": "may_backup",
        "summary": "Ask whether a backup could be made, and make none.",
        "responses": {
            "200": {"description": "It could."},
            **{str(status): {"description": PROBLEM_STATUSES[status]} for status in answers},
        },
    }


def _restore() -> Json:
    return {
        "operationId": "restore",
        "summary": "Restore an archive, or say what that would do.",
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": {"schema": _form()}},
        },
        "responses": {
            "200": {
                "description": "What was done, or would be.",
                "content": {"application/json": {"schema": reference("Outcome")}},
            },
            **_problems(400, 401, 403, 404, 405, 409, 413, 415, 422, 500, 503),
        },
    }


def _form() -> Json:
    words = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [FILE],
        "properties": {
            FILE: {
                "type": "string",
                "format": "binary",  # of OpenAPI 3.0, which many generators still go by
                "contentMediaType": CONTENT_TYPE,
            },
            "dry_run": {
                "type": "string",
                "enum": ["true", "false", "1", "0"],
                "default": "false",
                "description": "Whether to write nothing and only say what would be written.",
            },
            "mode": {"type": "string", "enum": list(Mode), "default": str(Mode.UPSERT)},
            "table": {**words, "description": "Tables to restore; all when there are none."},
            "leave_out": {
                **words,
                "description": "table.column that the live table no longer has, to do without.",
            },
            "accept": {
                "type": "array",
                "items": {"type": "string", "pattern": "^[a-z_]{1,64}$"},
                "description": "Codes of the problems that a dry run asked to confirm.",
            },
            "show_changes": {
                "type": "integer",
                "minimum": 0,
                "maximum": MOST_CHANGES,
                "default": 0,
                "description": "How many changed rows per table the plan lists.",
            },
            "digest": {
                "type": "string",
                "pattern": "^[0-9a-f]{64}$",
                "description": "Of the dry run that is to be carried out; refused when the data "
                "changed since. Not together with dry_run.",
            },
        },
    }


def _problems(*statuses: int) -> Json:
    return {
        str(status): {
            "description": PROBLEM_STATUSES[status],
            "content": {PROBLEM_TYPE: {"schema": reference("Problem")}},
        }
        for status in statuses
    }


def _header(about: str) -> Json:
    return {"description": about, "required": True, "schema": {"type": "string"}}
