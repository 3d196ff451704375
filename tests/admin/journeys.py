"""Steps that people take through the pages, as plain requests: what a browser without JavaScript
sends."""

from __future__ import annotations

import html
import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

DOORS = {"admin": "/admin/hms_backup/datamanagement/", "own": "/backups/"}
ADMIN = DOORS["admin"]


def download(client: Client, scope: str = "subsystem/HR1", door: str = ADMIN) -> bytes:
    """Order a backup and return the file."""
    response = client.post(f"{door}{scope}/backup/")
    assert response.status_code == 200, response.content
    content = b"".join(getattr(response, "streaming_content"))  # noqa: B009 - not in the stubs
    response.close()
    assert int(response["Content-Length"]) == len(content)
    return content


def upload(
    client: Client,
    archive: bytes,
    scope: str = "subsystem/HR1",
    door: str = ADMIN,
    *,
    name: str = "HR1.hms-backup",
    **extra: Any,
) -> Any:
    """Send an archive."""
    file = SimpleUploadedFile(name, archive)
    return client.post(f"{door}{scope}/restore/", {"archive": file}, **extra)


def preview_address(
    client: Client, archive: bytes, scope: str = "subsystem/HR1", door: str = ADMIN
) -> str:
    """Send an archive and return where its preview is."""
    response = upload(client, archive, scope, door)
    assert response.status_code == 302, response.content
    return str(response["Location"])


def fields(page: str) -> dict[str, Any]:
    """The hidden fields of the form that confirms."""
    form = re.search(r'id="hms-confirm".*?</form>', page, re.DOTALL)
    assert form is not None, "nothing to confirm"
    found: dict[str, Any] = {}
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[0]):
        found.setdefault(name, []).append(html.unescape(value))
    return found


def text(response: Any) -> str:
    """What a person reads: the page without its tags."""
    content = re.sub(
        r"<(script|style|svg)\b.*?</\1>", "", response.content.decode(), flags=re.DOTALL
    )
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", content)))
