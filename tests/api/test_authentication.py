"""Requests without a session: the documentation's own examples, run as they stand there."""

from __future__ import annotations

import base64
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hms_backup import export_subsystem_data
from hms_backup.models import AuditLog
from tests.people import person
from tests.support import ROOT

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

BACKUP = "/api/backup/subsystem/HR1"
RESTORE = "/api/restore/subsystem/HR1"
CODE = re.compile(r"```python\n# hospital/api_auth\.py\n(.*?)```", re.DOTALL)


@pytest.fixture
def examples() -> Iterator[ModuleType]:
    """The module that docs/api.md shows, in its two parts."""
    module = ModuleType("documented_api_auth")
    parts = CODE.findall((ROOT / "docs" / "api.md").read_text())
    assert len(parts) == 2
    for part in parts:
        exec(compile(part, "docs/api.md", "exec"), module.__dict__)  # noqa: S102 - our own docs
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def maria(transactional_db: None) -> User:
    return person("maria", backup=["subsystem HR1"], restore=["subsystem HR1"])


def credentials(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def restore(client: Client, headers: dict[str, str]) -> Any:
    file = SimpleUploadedFile("a", export_subsystem_data("HR1"))
    return client.post(RESTORE, {"file": file, "dry_run": "true"}, headers=headers)


@pytest.fixture
def basic(examples: ModuleType, settings: Settings) -> None:
    settings.HMS_BACKUP = {"AUTHENTICATE": "documented_api_auth.basic"}


@pytest.mark.usefixtures("basic")
def test_basic_credentials_do_without_session_and_token(maria: User) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.get(BACKUP, headers=credentials("maria:secret"))

    assert response.status_code == 200
    response.close()
    assert restore(client, credentials("maria:secret")).status_code == 200
    assert {each.username for each in AuditLog.objects.filter(user=maria)} == {"maria"}


@pytest.mark.usefixtures("basic")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        credentials("maria:wrong"),
        credentials("nobody:secret"),
        credentials(""),
        {"Authorization": "Basic ="},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer x"},
    ],
)
def test_wrong_basic_credentials_are_answered_with_the_challenge(
    maria: User, headers: dict[str, str]
) -> None:
    response = Client().get(BACKUP, headers=headers)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Basic realm="hospital", charset="UTF-8"'


@pytest.mark.usefixtures("basic")
def test_basic_credentials_of_someone_inactive_are_not_accepted(maria: User) -> None:
    User.objects.update(is_active=False)

    assert Client().get(BACKUP, headers=credentials("maria:secret")).status_code == 401


@pytest.mark.usefixtures("basic")
@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("none", 200)]
)
def test_browser_sending_remembered_credentials_for_another_site_is_refused(
    maria: User, site: str, status: int
) -> None:
    headers = {**credentials("maria:secret"), "Sec-Fetch-Site": site}

    response = restore(Client(), headers)

    assert response.status_code == status


@pytest.mark.usefixtures("basic")
@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("null", 403),
        ("https://testserver", 403),
        ("http://testserver", 200),
        ("https://front.example", 200),
    ],
)
def test_browser_that_says_only_the_origin_is_refused_for_another_one(
    maria: User, settings: Settings, origin: str, status: int
) -> None:
    """Over plain HTTP, as in many a hospital's own network, browsers send no Sec-Fetch-Site."""
    settings.CSRF_TRUSTED_ORIGINS = ["https://front.example"]
    headers = {**credentials("maria:secret"), "Origin": origin}

    response = restore(Client(), headers)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-User": "?1"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_other_site_cannot_order_a_backup_that_nobody_clicked_on(
    maria: User, headers: dict[str, str], status: int
) -> None:
    client = Client()
    client.force_login(maria)

    response = client.get(BACKUP, headers=headers)

    assert response.status_code == status
    assert AuditLog.objects.exists() is (status == 200)
    response.close()


@pytest.mark.usefixtures("basic")
def test_session_still_counts_beside_it_and_needs_its_token(maria: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(maria)

    assert client.head(BACKUP).status_code == 200
    assert restore(client, {}).json()["code"] == "csrf_failed"


def test_bearer_token_is_accepted_until_it_is_tampered_with(
    maria: User, examples: ModuleType, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"AUTHENTICATE": "documented_api_auth.bearer"}
    token = examples.issue_token(maria)

    assert restore(Client(), {"Authorization": f"Bearer {token}"}).status_code == 200
    refused = Client().get(BACKUP, headers={"Authorization": f"Bearer {token}x"})
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == 'Bearer realm="hospital"'


def test_without_the_setting_credentials_count_for_nothing(maria: User) -> None:
    response = Client().get(BACKUP, headers=credentials("maria:secret"))

    assert response.status_code == 401
