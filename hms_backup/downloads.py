"""Backups on their way to a browser: finished and verified first, then streamed and gone."""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress

from django.http import FileResponse

from .inspection import new_name
from .private import private_folder, remove, unwritable
from .receiving import release_connections
from .registry import Scope
from .services import Actor, Backup, create_backup
from .uploads import purge

CONTENT_TYPE = "application/vnd.hms-backup+zip"
"""Not ``application/zip``: some browsers unpack that."""


class ArchiveResponse(FileResponse):
    """An attachment in large blocks."""

    block_size = 256 * 1024


def download(scope: Scope, *, actor: Actor) -> ArchiveResponse:
    """Back up the scope and return the response that streams the verified file.

    The file has lost its name before the first byte is sent, so nothing is left of it when the
    client goes away or the server is killed. Raises what `services.create_backup` raises.
    """
    root = private_folder()
    with suppress(OSError):
        purge()
    folder = root / f".{secrets.token_hex(16)}.download"
    try:
        folder.mkdir(mode=0o700)
        path = folder / new_name(scope.id)
        backup = create_backup(scope, path, actor=actor)
        file = path.open("rb")
    except OSError as error:
        raise unwritable(error) from error
    finally:
        remove(folder)
    release_connections()
    return _with_headers(
        ArchiveResponse(file, as_attachment=True, filename=path.name, content_type=CONTENT_TYPE),
        backup,
    )


def _with_headers(response: ArchiveResponse, backup: Backup) -> ArchiveResponse:
    digest = base64.b64encode(bytes.fromhex(backup.sha256)).decode()
    response["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530
    response["Digest"] = f"SHA-256={digest}"  # RFC 3230, which it replaces
    response["X-Archive-SHA256"] = backup.sha256
    response["X-Operation-Id"] = str(backup.operation_id)
    response["Cache-Control"] = "no-store, private, no-transform"
    response["X-Content-Type-Options"] = "nosniff"
    # Django's GZipMiddleware would take the length away; it leaves alone what has an encoding.
    response["Content-Encoding"] = "identity"
    return response
