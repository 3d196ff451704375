"""Backing up and restoring over HTTP: what is answered, what is done, and what is logged."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from hms_backup import export_department_data, export_subsystem_data, private
from hms_backup.models import AuditLog
from hms_backup.policy import PermissionPolicy
from tests.people import person
from tests.support import query, run_sql, snapshot

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db(transaction=True)

BACKUP = "/api/backup/subsystem/HR1"
RESTORE = "/api/restore/subsystem/HR1"
SECRET = "Anastasia-Kruz"


class BrokenPolicy(PermissionPolicy):
    def holds(self, *_: object) -> bool:
        raise ZeroDivisionError(SECRET)


@pytest.fixture(autouse=True)
def _rows(transactional_db: None) -> None:
    run_sql("INSERT INTO vacancies (id, position_name) VALUES (1, 'Nurse'), (2, 'Guard')")
    run_sql(
        "INSERT INTO applicants (id, first_name, last_name, vacancy_id)"
        " VALUES (1, %s, 'Cruz', 1), (2, 'Ben', 'Diaz', 2)",
        SECRET,
    )


@pytest.fixture
def maria(transactional_db: None) -> User:
    return person("maria", backup=["subsystem HR1"], restore=["subsystem HR1"])


@pytest.fixture
def client(maria: User) -> Client:
    client = Client(enforce_csrf_checks=False)
    client.force_login(maria)
    return client


def archive(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("hr1.hms-backup", content or export_subsystem_data("HR1"))


def post(client: Client, address: str = RESTORE, **fields: Any) -> Any:
    return client.post(address, fields)


def latest() -> AuditLog:
    return AuditLog.objects.order_by("-id")[0]


def in_the_private_folder() -> list[str]:
    return [entry.name for entry in private.private_folder().iterdir()]


def open_downloads() -> list[str]:
    """The files of downloads that this process has open, whether or not they have a name."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return [name for name in found if ".download/" in name]


# Backing up


def test_backup_is_the_archive_with_its_length_name_and_hash(client: Client) -> None:
    response = client.get(BACKUP)

    content = response.getvalue()
    sha256 = hashlib.sha256(content)
    assert response.status_code == 200
    assert response["Content-Length"] == str(len(content))
    assert response["Content-Type"] == "application/vnd.hms-backup+zip"
    assert response["Content-Disposition"].startswith('attachment; filename="HR1-')
    assert response["X-Archive-SHA256"] == sha256.hexdigest()
    assert response["Repr-Digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    assert "no-store" in response["Cache-Control"]
    assert "applicants.json" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    entry = AuditLog.objects.get(operation_id=response["X-Operation-Id"])
    assert (entry.status, entry.username, entry.origin) == ("SUCCESS", "maria", "127.0.0.1")
    assert entry.file_name in response["Content-Disposition"]
    assert entry.archive_sha256 == sha256.hexdigest()


def test_backup_leaves_no_file_behind_when_the_client_goes_away(client: Client) -> None:
    response = client.get(BACKUP)

    assert in_the_private_folder() == []
    assert len(open_downloads()) == 1
    response.close()
    assert open_downloads() == []


def test_backup_keeps_no_lock_while_a_client_stalls(client: Client) -> None:
    alone = {
        "postgresql": "BEGIN; SET LOCAL lock_timeout = '5s';"
        "LOCK TABLE applicants IN ACCESS EXCLUSIVE MODE; COMMIT",
        "sqlite": "BEGIN EXCLUSIVE; COMMIT",
    }
    response = client.get(BACKUP)
    assert len(open_downloads()) == 1

    run_sql(alone[connection.vendor])

    response.close()


@pytest.mark.parametrize("kind", ["dept", "department"])
def test_backup_of_a_department_holds_all_its_subsystems(client: Client, kind: str) -> None:
    client.force_login(person("head", backup=["dept HR"]))

    content = client.get(f"/api/backup/{kind}/hr").getvalue()

    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {"applicants.json", "payroll_records.json"} <= set(names)


def test_backup_keeps_its_length_behind_gzip_middleware(client: Client, settings: Settings) -> None:
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]

    response = client.get(BACKUP, headers={"Accept-Encoding": "gzip"})

    assert response["Content-Length"] == str(len(response.getvalue()))


def test_backup_under_atomic_requests_is_made_outside_the_transaction(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    monkeypatch.setitem(connections["default"].settings_dict, "ATOMIC_REQUESTS", True)

    response = client.get(BACKUP)

    assert response.status_code == 200
    response.close()
    assert post(client, file=archive(), dry_run="true").status_code == 200


def test_head_tells_whether_a_backup_could_be_made_and_makes_none(client: Client) -> None:
    response = client.head(BACKUP)

    assert response.status_code == 200
    assert "Content-Length" not in response
    assert AuditLog.objects.count() == 0
    assert client.head("/api/backup/subsystem/HR2").status_code == 403
    assert latest().error_code == "not_permitted"


# Restoring


def test_dry_run_answers_the_plan_and_writes_nothing(client: Client) -> None:
    file = archive()
    run_sql("UPDATE applicants SET last_name = 'Santos' WHERE id = 1")
    before = snapshot()

    response = post(client, file=file, dry_run="true", show_changes="5")

    answer = response.json()
    assert response.status_code == 200
    assert (answer["applied"], answer["dry_run"]) == (False, True)
    assert answer["plan"]["counts"]["update"] == 1
    [table] = [each for each in answer["plan"]["tables"] if each["table"] == "applicants"]
    assert table["changes"][0]["changed"] == ["last_name"]
    assert snapshot() == before
    assert latest().dry_run
    assert in_the_private_folder() == []


def test_restore_with_the_dry_runs_digest_brings_the_rows_back(client: Client) -> None:
    content = export_subsystem_data("HR1")
    before = snapshot("applicants")
    run_sql("DELETE FROM applicants")
    digest = post(client, file=archive(content), dry_run="true").json()["plan"]["digest"]

    response = post(client, file=archive(content), digest=digest)

    assert response.status_code == 200
    assert response.json()["applied"]
    assert snapshot("applicants") == before
    entry = AuditLog.objects.get(operation_id=response.json()["operation_id"])
    assert (entry.status, entry.rows_inserted, entry.username) == ("SUCCESS", 2, "maria")
    assert entry.file_name == "hr1.hms-backup"
    assert in_the_private_folder() == []


def test_restore_after_the_data_changed_is_refused_as_outdated(client: Client) -> None:
    file = archive()
    run_sql("DELETE FROM applicants WHERE id = 2")
    content = file.read()
    digest = post(client, file=archive(content), dry_run="1").json()["plan"]["digest"]
    run_sql("UPDATE applicants SET last_name = 'Santos'")
    before = snapshot()

    response = post(client, file=archive(content), digest=digest)

    assert (response.status_code, response.json()["code"]) == (409, "plan_outdated")
    assert response.json()["digest"] not in ("", digest)
    assert snapshot() == before


def test_restore_in_a_mode_and_of_some_tables_does_just_that(client: Client) -> None:
    file = archive()
    run_sql("UPDATE vacancies SET position_name = 'Chef'")
    run_sql("DELETE FROM applicants")

    response = post(client, file=file, mode="insert", table="applicants,interviews")

    assert response.status_code == 200
    assert response.json()["plan"]["mode"] == "insert"
    assert {each["table"] for each in response.json()["plan"]["tables"]} == {
        "applicants",
        "interviews",
    }
    assert query("SELECT DISTINCT position_name FROM vacancies") == [("Chef",)]
    assert query("SELECT count(*) FROM applicants") == [(2,)]


def test_subsystem_is_restored_from_its_departments_archive(client: Client) -> None:
    content = export_department_data("HR")
    run_sql("DELETE FROM applicants")

    response = post(client, file=archive(content))

    assert response.json()["scope"] == {
        "kind": "subsystem",
        "id": "HR1",
        "name": "Talent Acquisition",
    }
    assert query("SELECT count(*) FROM applicants") == [(2,)]


def test_restore_of_another_scopes_archive_is_a_conflict(client: Client) -> None:
    before = snapshot()

    response = post(client, file=archive(export_subsystem_data("HR2")))

    assert (response.status_code, response.json()["code"]) == (409, "scope_mismatch")
    assert snapshot() == before
    assert latest().error_code == "scope_mismatch"


def test_refused_plan_names_its_problems_without_rows(client: Client) -> None:
    content = export_subsystem_data("HR1")
    run_sql("DELETE FROM applicants")
    run_sql("DELETE FROM vacancies")

    response = post(client, file=archive(content), table="applicants")

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "plan_refused")
    assert problem["problems"]
    assert all("rows" not in each for each in problem["problems"])
    assert SECRET not in json.dumps(problem)


def test_damaged_archive_is_unprocessable_and_says_nothing_of_the_data(client: Client) -> None:
    content = bytearray(export_subsystem_data("HR1"))
    content[60] ^= 0xFF

    response = post(client, file=archive(bytes(content)))

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert SECRET not in response.content.decode()


# The form


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"mode": "replace"}, ["mode"]),
        ({"mode": ["upsert", "mirror"]}, ["mode"]),
        ({"dry_run": "perhaps"}, ["dry_run"]),
        ({"dryrun": "true"}, ["dryrun"]),
        ({"table": "patients"}, ["table"]),
        ({"table": "applicants;DROP TABLE applicants"}, ["table"]),
        ({"leave_out": "applicants"}, ["leave_out"]),
        ({"leave_out": "patients.name"}, ["leave_out"]),
        ({"accept": "Everything!"}, ["accept"]),
        ({"show_changes": "-1"}, ["show_changes"]),
        ({"show_changes": "1001"}, ["show_changes"]),
        ({"digest": "abc"}, ["digest"]),
        ({"digest": "0" * 64, "dry_run": "true"}, ["digest"]),
        ({"mode": "", "digest": "\x00"}, ["mode", "digest"]),
    ],
)
def test_wrong_field_is_refused_by_name_before_anything_runs(
    client: Client, fields: dict[str, Any], wrong: list[str]
) -> None:
    before = snapshot()
    file = archive()
    entries = AuditLog.objects.count()

    response = post(client, file=file, **fields)

    assert (response.status_code, response.json()["code"]) == (400, "request_invalid")
    assert sorted(each["field"] for each in response.json()["errors"]) == sorted(wrong)
    assert snapshot() == before
    assert AuditLog.objects.count() == entries


def test_form_without_its_file_is_refused(client: Client) -> None:
    response = post(client, dry_run="true")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "file"


@pytest.mark.parametrize("names", [("file", "file"), ("file", "other"), ("other",)])
def test_other_files_than_the_one_are_refused(client: Client, names: tuple[str, ...]) -> None:
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\nPK\r\n'
        % name.encode()
        for name in names
    )

    response = client.generic(
        "POST", RESTORE, body + b"--x--\r\n", "multipart/form-data; boundary=x"
    )

    assert (response.status_code, response.json()["code"]) == (400, "upload_invalid")
    assert in_the_private_folder() == []


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("application/zip", 415),
        ("", 415),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=x", 400),
    ],
)
def test_body_that_is_no_form_is_refused(client: Client, content_type: str, status: int) -> None:
    response = client.generic("POST", RESTORE, b"{}", content_type)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_get_never_restores(client: Client) -> None:
    before = snapshot()

    response = client.get(RESTORE)

    assert (response.status_code, response["Allow"]) == (405, "POST, OPTIONS")
    assert response.json()["code"] == "method_not_allowed"
    assert snapshot() == before


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_other_methods_are_refused_with_those_allowed(client: Client, method: str) -> None:
    response = getattr(client, method)(BACKUP)

    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_options_names_the_methods() -> None:
    response = Client().options(RESTORE)

    assert (response.status_code, response["Allow"]) == (204, "POST, OPTIONS")


@pytest.mark.parametrize(
    "address",
    [
        "subsystem/HR9",
        "dept/HR1",
        "ward/HR1",
        "subsystem/HR1/x",
        "subsystem/%00",
        "subsystem/",
        "subsystem/a%0Ab",
    ],
)
def test_unknown_scope_is_not_found(client: Client, address: str) -> None:
    for response in (client.get(f"/api/backup/{address}"), post(client, f"/api/restore/{address}")):
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"


# Sizes


def test_file_over_the_limit_is_refused_while_it_is_read(
    client: Client, settings: Settings
) -> None:
    file = archive(b"PK" + b"x" * 3_000_000)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "MAX_ARCHIVE_BYTES": 2_500_000}

    response = post(client, file=file)

    assert (response.status_code, response.json()["code"]) == (413, "archive_too_large")
    assert in_the_private_folder() == []


def test_request_that_says_it_is_too_long_is_refused_unread(
    client: Client, settings: Settings
) -> None:
    settings.HMS_BACKUP = {"MAX_ARCHIVE_BYTES": 1000}

    response = post(client, file=archive(b"PK" + b"x" * 2_000_000))

    assert (response.status_code, response.json()["code"]) == (413, "archive_too_large")


def test_fields_that_are_too_long_are_refused(client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    response = post(client, file=archive(), accept="x" * 2000)

    assert (response.status_code, response.json()["code"]) == (413, "request_too_large")


def test_file_of_exactly_the_limit_is_accepted(client: Client, settings: Settings) -> None:
    content = export_subsystem_data("HR1")
    settings.HMS_BACKUP = {"MAX_ARCHIVE_BYTES": len(content)}

    assert post(client, file=archive(content), dry_run="true").status_code == 200


# Who


def test_nobody_is_told_to_sign_in() -> None:
    for response in (Client().get(BACKUP), post(Client(), file=archive())):
        assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
        assert response["WWW-Authenticate"]


def test_session_without_its_csrf_token_is_refused(maria: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(maria)
    before = snapshot()

    response = post(client, file=archive())

    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")
    assert response["Content-Type"] == "application/problem+json"
    assert snapshot() == before
    assert in_the_private_folder() == []


@pytest.mark.parametrize("where", ["header", "form"])
def test_session_with_its_csrf_token_is_accepted(maria: User, where: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(maria)
    token = "a" * 32
    client.cookies["csrftoken"] = token
    fields: dict[str, Any] = {"file": archive(), "dry_run": "true"}
    if where == "form":
        fields["csrfmiddlewaretoken"] = token
    headers = {"X-CSRFToken": token} if where == "header" else {}

    response = client.post(RESTORE, fields, headers=headers)

    assert response.status_code == 200


def test_unforeseen_error_says_nothing_of_itself(
    client: Client, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HMS_BACKUP = {"POLICY": "tests.api.test_api.BrokenPolicy"}

    response = client.get(BACKUP)

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert SECRET not in response.content.decode() + caplog.text
    assert "ZeroDivisionError" in caplog.text
