"""The OpenAPI document: true to the views, to the documentation, and to its own standard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from hms_backup.statuses import status_of
from hms_backup.views.openapi import document
from hms_backup.views.problems import REQUEST_CODES
from hms_backup.views.restore_form import EXPECTED, FILE
from hms_backup.views.schemas import error_classes
from tests.support import ROOT

if TYPE_CHECKING:
    from pytest_django import Settings


def documented_statuses() -> dict[str, int]:
    """Every code in the table of docs/api.md, with its status."""
    text = (ROOT / "docs" / "api.md").read_text()
    lines = re.findall(r"^\| (\d{3}) \| (.+) \|$", text, re.MULTILINE)
    return {code: int(status) for status, codes in lines for code in re.findall(r"`(\w+)`", codes)}


def test_documentation_gives_every_code_its_true_status() -> None:
    core = {each.code: status_of(each("")) for each in error_classes()}

    assert documented_statuses() == {**core, **REQUEST_CODES}


def test_documentation_lists_every_field_of_the_form() -> None:
    text = (ROOT / "docs" / "api.md").read_text()
    fields = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)

    form = document("/")["paths"]["/api/restore/{scope}/{id}"]["post"]["requestBody"]
    properties = form["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(fields) == set(properties) == {FILE, *EXPECTED}


@pytest.mark.django_db
def test_document_is_served_with_the_address_it_is_mounted_at() -> None:
    response = Client().get("/api/openapi.json")

    assert response.status_code == 200
    assert response.json() == document("/")
    assert response.json()["openapi"] == "3.1.0"


def test_every_reference_in_the_document_leads_somewhere() -> None:
    described = document("/")

    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(described)))

    assert references <= set(described["components"]["schemas"])
    assert references


def test_document_names_the_projects_own_scheme(settings: Settings) -> None:
    settings.HMS_BACKUP = {"AUTHENTICATE": "hms_backup.views.scopes.scope_of"}

    schemes = document("/")["components"]["securitySchemes"]

    assert schemes["other"] == {"type": "http", "scheme": "bearer"}
