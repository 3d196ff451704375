"""Schemathesis sends the API what its OpenAPI document allows, and what it does not."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from hms_backup import export_subsystem_data
from tests.people import person
from tests.support import query, run_sql

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
TOKEN = "a" * 32
REAL = {"dept": "HR", "department": "HR", "subsystem": "HR1"}


@pytest.fixture
def cookies(transactional_db: None) -> dict[str, str]:
    """Those of a signed-in user who may do everything with HR and nothing else."""
    client = Client()
    client.force_login(person("maria", backup=["dept HR"], restore=["dept HR"]))
    return {"sessionid": client.cookies["sessionid"].value, "csrftoken": TOKEN}


def closing_application() -> Any:
    """The application as a server runs it, who closes each response: Schemathesis does not."""
    application = get_wsgi_application()

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        with closing(application(environ, start_response)) as response:
            return list(response)

    return answer


@pytest.fixture
def api(transactional_db: None) -> Any:
    """The document, read from the running application.

    How to sign in is taken out of it: who may do what is tested elsewhere, case by case.
    """
    run_sql("INSERT INTO vacancies (id, position_name) VALUES (1, 'Nurse')")
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", closing_application())
    del schema.raw_schema["security"], schema.raw_schema["components"]["securitySchemes"]
    return schema


def made_real(case: Any, archive: bytes) -> Any:
    """Put a real id and a real archive into most cases: made-up ones are all refused alike."""
    scope, id = case.path_parameters["scope"], case.path_parameters["id"]
    if len(id) % 5:
        case.path_parameters["id"] = REAL[scope]
    if isinstance(case.body, dict) and len(case.body) % 5:
        real = {"file": archive, "table": ["vacancies"], "leave_out": [], "accept": ["any"]}
        kept = {name: value for name, value in case.body.items() if name != "digest"}
        case.body = {name: real.get(name, value) for name, value in kept.items()}
    return case


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/backup/{scope}/{id}"),
        ("HEAD", "/api/backup/{scope}/{id}"),
        ("POST", "/api/restore/{scope}/{id}"),
    ],
)
def test_views_answer_as_the_document_says(
    method: str, path: str, mode: GenerationMode, api: Any, cookies: dict[str, str]
) -> None:
    statuses = Counter[int]()
    archive = export_subsystem_data("HR1")
    positive = mode is GenerationMode.POSITIVE
    checks = CHECKS if positive else [*CHECKS, negative_data_rejection]

    @given(case=api[path][method].as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def answered(case: Any) -> None:
        case = made_real(case, archive) if positive else case
        response = case.call_and_validate(
            cookies=cookies, headers={"X-CSRFToken": TOKEN}, checks=checks
        )
        statuses[response.status_code] += 1

    answered()

    assert (200 in statuses) == positive, statuses
    assert query("SELECT id, position_name FROM vacancies") == [(1, "Nurse")]
