"""Uploads wait in private, belong to one user, are restored once, and expire."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory
from django.urls import path

from hms_backup import private, uploads
from hms_backup.exceptions import (
    ArchiveTooLarge,
    ConfigurationError,
    StorageError,
    UploadError,
    UploadMissing,
    UploadUsed,
)
from hms_backup.receiving import ReceivedFile, receive, receives_file
from hms_backup.uploads import Upload

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

CONTENT = b"PK" + bytes(range(256)) * 300


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Settings) -> Path:
    settings.HMS_BACKUP = {"UPLOAD_DIRECTORY": str(tmp_path / "uploads")}
    return tmp_path / "uploads"


@pytest.fixture
def maria() -> User:
    return User.objects.create_user("maria")


@pytest.fixture
def jose() -> User:
    return User.objects.create_user("jose")


def sent(content: bytes = CONTENT, name: str = "hr1.hms-backup") -> HttpRequest:
    return RequestFactory().post("/", {"file": SimpleUploadedFile(name, content), "mode": "insert"})


def upload(user: User, content: bytes = CONTENT) -> Upload:
    request = sent(content)
    file = receive(request, "file")
    assert file is not None
    kept = file.keep(user)
    request.close()
    return kept


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []


# Receiving


def test_received_file_is_private_whole_and_gone_with_its_request(folder: Path) -> None:
    request = sent()

    file = receive(request, "file")

    assert file is not None
    assert (file.name, file.size) == ("hr1.hms-backup", len(CONTENT))
    assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    with file.reopen() as opened:
        assert (opened.read(), opened.name) == (CONTENT, "hr1.hms-backup")
    assert request.POST["mode"] == "insert"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    request.close()
    assert entries(folder) == []


def test_file_in_no_field_of_that_name_is_none() -> None:
    assert receive(RequestFactory().post("/", {"mode": "insert"}), "file") is None


def test_other_field_with_a_file_is_refused(folder: Path) -> None:
    with pytest.raises(UploadError):
        receive(sent(), "archive")

    assert entries(folder) == []


def test_too_large_a_file_stops_the_reading(folder: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "MAX_ARCHIVE_BYTES": 300_000}
    request = sent(b"x" * 1_000_000)

    with pytest.raises(ArchiveTooLarge):
        receive(request, "file")

    assert len(request.read()) > 500_000
    assert entries(folder) == []


def test_too_long_a_request_is_not_read_at_all(folder: Path, settings: Settings) -> None:
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "MAX_ARCHIVE_BYTES": 1000}
    request = sent(b"x" * 2_000_000)

    with pytest.raises(ArchiveTooLarge):
        receive(request, "file")

    assert len(request.read()) > 2_000_000


@pytest.mark.parametrize("missing", [1, 60, len(CONTENT) // 2])
def test_form_that_was_cut_off_is_refused_whatever_it_still_holds(
    missing: int, folder: Path
) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + CONTENT
        + b'\r\n--x\r\nContent-Disposition: form-data; name="dry_run"\r\n\r\ntrue\r\n--x--\r\n'
    )
    cut: dict[str, Any] = {
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body[:-missing]),
    }
    request = RequestFactory().generic("POST", "/", body, "multipart/form-data; boundary=x", **cut)

    with pytest.raises(UploadError, match="whole"):
        receive(request, "file")

    request.close()
    assert entries(folder) == []


def test_form_that_a_middleware_used_before_is_refused(folder: Path) -> None:
    request = sent()
    assert request.POST["mode"] == "insert"

    with pytest.raises(ConfigurationError, match="before"):
        receive(request, "file")


def test_body_that_a_middleware_read_before_is_received_all_the_same(folder: Path) -> None:
    request = sent()
    assert len(request.body) > len(CONTENT)

    file = receive(request, "file")

    assert file is not None
    assert file.size == len(CONTENT)
    request.close()


def test_name_with_folders_is_kept_without_them(maria: User) -> None:
    request = sent(name="../../etc/passwd\x00.zip")

    file = receive(request, "file")

    assert file is not None
    assert "/" not in (file.name or "")
    request.close()


@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_while_a_file_arrives() -> None:
    User.objects.count()
    held: list[object] = []
    request = sent()
    read = request.read

    def watched(size: int | None = None) -> bytes:
        held.append(connection.connection)
        return read(size)

    request.read = watched  # type: ignore[method-assign]  # watches the reading

    receive(request, "file")
    request.close()

    assert held
    assert set(held) == {None}


# The private folder


def test_default_folder_is_this_users_own(settings: Settings) -> None:
    settings.HMS_BACKUP = {}

    found = private.private_folder()

    assert stat.S_IMODE(found.stat().st_mode) == 0o700
    assert found.stat().st_uid == os.geteuid()


def test_folder_that_others_can_read_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o755)

    with pytest.raises(ConfigurationError, match="only this system user"):
        private.private_folder()


def test_folder_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError):
        private.private_folder()


def test_folder_that_cannot_be_made_is_a_storage_error(folder: Path, settings: Settings) -> None:
    folder.write_text("a file")
    settings.HMS_BACKUP = {"UPLOAD_DIRECTORY": str(folder / "below")}

    with pytest.raises(StorageError):
        private.private_folder()


def test_sweeping_leaves_what_is_not_ours(folder: Path, maria: User) -> None:
    kept = upload(maria)
    strange = folder / "payroll.xlsx"
    strange.write_text("somebody's")
    for entry in (strange, kept.folder):
        os.utime(entry, (0, 0))

    uploads.purge()

    assert entries(folder) == ["payroll.xlsx"]


# Finding


def test_kept_upload_is_found_by_its_user_alone(maria: User, jose: User) -> None:
    kept = upload(maria)

    assert uploads.find(kept.id, maria) == kept
    with kept.open() as archive:
        assert archive.read() == CONTENT
    for attempt in (uploads.find, uploads.discard):
        with pytest.raises(UploadMissing):
            attempt(kept.id, jose)
    with pytest.raises(UploadMissing), uploads.claim(kept.id, jose):
        pass
    assert uploads.waiting(jose) == []
    assert uploads.find(kept.id, maria).folder.is_dir()


@pytest.mark.parametrize("id", ["", "0" * 32, "../" * 10, "0" * 32 + "/..", "é" * 32, "\x00"])
def test_made_up_id_finds_nothing(id: str, maria: User) -> None:
    upload(maria)

    with pytest.raises(UploadMissing):
        uploads.find(id, maria)


def test_ids_do_not_repeat(maria: User) -> None:
    ids = {upload(maria).id for _ in range(5)}

    assert len(ids) == 5
    assert all(len(id) == 32 for id in ids)


def test_expired_upload_is_missing_and_deleted_by_the_next(
    maria: User, folder: Path, settings: Settings
) -> None:
    old = upload(maria)
    os.utime(old.folder, (0, 0))
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "UPLOAD_LIFETIME": 0}
    with pytest.raises(UploadMissing):
        uploads.find(old.id, maria)
    settings.HMS_BACKUP = {**settings.HMS_BACKUP, "UPLOAD_LIFETIME": 60}

    new = upload(maria)

    assert entries(folder) == [new.id]


def test_discarded_upload_is_gone(maria: User, folder: Path) -> None:
    kept = upload(maria)

    uploads.discard(kept.id, maria)

    assert entries(folder) == []
    with pytest.raises(UploadMissing):
        uploads.find(kept.id, maria)


def test_user_keeps_only_so_many_uploads(maria: User, jose: User) -> None:
    others = upload(jose)
    made = [upload(maria).id for _ in range(uploads.MOST_WAITING + 2)]

    assert [each.id for each in uploads.waiting(maria)] == made[:1:-1]
    assert uploads.find(others.id, jose) == others


# Claiming


def test_restored_upload_is_used_up_and_says_by_which_operation(maria: User, jose: User) -> None:
    kept = upload(maria)
    operation = uuid4()

    with uploads.claim(kept.id, maria) as claim:
        with claim.upload.open() as archive:
            assert archive.read() == CONTENT
        claim.done(operation)

    with pytest.raises(UploadUsed) as caught:
        uploads.find(kept.id, maria)
    assert UUID(caught.value.operation_id) == operation
    with pytest.raises(UploadMissing):
        uploads.find(kept.id, jose)
    assert not list(private.private_folder().rglob("archive"))


def test_second_claim_meanwhile_is_refused(maria: User) -> None:
    kept = upload(maria)

    with uploads.claim(kept.id, maria):
        with pytest.raises(UploadUsed, match="right now"), uploads.claim(kept.id, maria):
            pass
        with pytest.raises(UploadUsed):
            uploads.discard(kept.id, maria)


def test_failed_restore_lets_the_upload_wait_again(maria: User) -> None:
    kept = upload(maria)

    with pytest.raises(ZeroDivisionError), uploads.claim(kept.id, maria):
        raise ZeroDivisionError

    assert uploads.find(kept.id, maria) == kept


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_once_one_succeeds(maria: User) -> None:
    kept = upload(maria)
    start = threading.Barrier(8)
    won: list[bool] = []

    def attempt() -> None:
        start.wait()
        try:
            with uploads.claim(kept.id, maria) as claim:
                claim.done(uuid4())
                won.append(True)
        except UploadUsed:
            won.append(False)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(won) == [False] * 7 + [True]


# The view's decorator


@receives_file("archive")
def receiving_view(request: HttpRequest) -> HttpResponseBase:
    file = request.FILES.get("archive")
    assert isinstance(file, ReceivedFile)
    return HttpResponse(f"{file.size} {request.POST.get('mode')}")


urlpatterns = [path("receive", receiving_view)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("token", "status"), [("a" * 32, 200), ("b" * 32, 403), ("", 403)])
def test_decorated_view_receives_the_file_and_checks_the_token_in_its_form(
    token: str, status: int, folder: Path
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32
    form = {
        "csrfmiddlewaretoken": token,
        "mode": "insert",
        "archive": SimpleUploadedFile("a", CONTENT),
    }

    response = client.post("/receive", form)

    assert response.status_code == status
    if status == 200:
        assert response.content.decode() == f"{len(CONTENT)} insert"
    assert entries(folder) == []


# Expiring


def test_purging_leaves_what_is_still_being_made(folder: Path, maria: User) -> None:
    """A backup may take longer than an upload is kept; its folder must not vanish under it."""
    running = folder / f".{'a' * 32}.download"
    arriving = folder / f".{'b' * 32}.part"
    upload(maria)
    running.mkdir()
    arriving.touch()
    hour_ago = time.time() - 2 * 3600
    for entry in (running, arriving):
        os.utime(entry, (hour_ago, hour_ago))

    uploads.purge()

    assert {running, arriving} <= set(folder.iterdir())

    day_ago = time.time() - 25 * 3600
    for entry in (running, arriving):
        os.utime(entry, (day_ago, day_ago))

    uploads.purge()

    assert not {running, arriving} & set(folder.iterdir()), "left behind by a killed process"


def test_looking_for_any_upload_deletes_the_expired_ones(maria: User, folder: Path) -> None:
    old = upload(maria)
    os.utime(old.folder, (0, 0))

    with pytest.raises(UploadMissing):
        uploads.find("0" * 32, maria)

    assert entries(folder) == []


def test_user_who_was_given_a_deleted_users_number_finds_none_of_their_uploads(
    maria: User,
) -> None:
    kept = upload(maria)
    number = maria.pk
    maria.delete()
    newcomer = User.objects.create_user("newcomer", pk=number)

    with pytest.raises(UploadMissing):
        uploads.find(kept.id, newcomer)
    assert uploads.waiting(newcomer) == []
