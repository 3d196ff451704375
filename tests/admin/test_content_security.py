"""The pages work under a strict Content-Security-Policy: nothing inline, nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import override_settings

import hms_backup
from hms_backup.models import AuditLog
from tests.support import run_sql

from .conftest import Browser
from .journeys import DOORS, download, preview_address

PACKAGE = Path(hms_backup.__file__).parent
INLINE = re.compile(
    r"<style\b|\sstyle\s*=|<script(?![^>]*\ssrc=)[^>]*>|\son[a-z]+\s*=\s*[\"']|javascript:",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(r'(?:src|href|action)="(?:https?:)?//', re.IGNORECASE)


@pytest.mark.parametrize("door", DOORS)
@override_settings(ROOT_URLCONF="tests.admin.urls")
def test_no_page_has_anything_inline_or_from_elsewhere(
    hospital: dict[str, int], browser: Browser, door: str
) -> None:
    client, prefix = browser("superuser"), DOORS[door]
    archive = download(client, door=prefix)
    run_sql("UPDATE applicants SET status = 'Rejected'")
    run_sql("DELETE FROM interviews")
    address = preview_address(client, archive, door=prefix)
    operation = AuditLog.objects.latest()
    pages = [
        prefix,
        f"{prefix}subsystem/HR1/",
        f"{prefix}department/HR/",
        f"{prefix}subsystem/HR1/backup/",
        f"{prefix}subsystem/HR1/restore/",
        address,
        f"{address}?mode=mirror",
        f"{address}changes/?of=applicants",
        f"{prefix}operation/{operation.operation_id}/",
        "/hub/HR1/",
        "/admin/hms_backup/auditlog/",
        f"/admin/hms_backup/auditlog/{operation.pk}/change/",
        "/admin/hms_backup/auditlog/export/",
    ]
    for page in pages:
        response = client.get(page)
        content = response.content.decode()
        # Django's own admin puts JSON that is not run into a script element.
        content = re.sub(r'<script[^>]*type="application/json".*?</script>', "", content)
        assert response.status_code == 200, page
        assert not (found := INLINE.findall(content)), (page, found)
        assert not ELSEWHERE.search(content), page


def test_script_makes_neither_styles_nor_code_from_text() -> None:
    script = (PACKAGE / "static" / "hms_backup" / "pages.js").read_text()

    assert not re.search(
        r"\beval\(|new Function|\.style\b|setAttribute\(\"style|document\.write", script
    )


def test_template_comments_and_tags_are_balanced_in_every_template() -> None:
    templates = list((PACKAGE / "templates").rglob("*.html"))

    assert len(templates) > 15
    for template in templates:
        assert not INLINE.search(template.read_text()), template.name
