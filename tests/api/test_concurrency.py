"""Twenty people at once, on the example project under gunicorn: no error, and flat memory."""

from __future__ import annotations

import hashlib
import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psutil
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import User

from hms_backup.conf import MEBIBYTE
from hms_backup.models import AuditLog
from tests.support import ROOT, child_environment, database_url, run_sql

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

AT_ONCE = 20
ROWS = 6_000
BACKUP = "/api/backup/subsystem/HR1"
RESTORE = "/api/restore/subsystem/HR1"
BOUNDARY = "0f4c9a1e7d3b4c5f8a6e2d1c0b9a8f7e"
"""Long enough not to occur in an archive by chance."""
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


class Server:
    """The example project under gunicorn, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._log = (folder / "gunicorn.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "example_project.wsgi"),
                *("--bind", f"127.0.0.1:{self.port}", "--workers", "2", "--threads", "10"),
                *("--timeout", "120", "--worker-tmp-dir", str(folder)),
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=child_environment(
                {
                    "DJANGO_SETTINGS_MODULE": "example_project.settings",
                    "DATABASE_URL": database_url(),
                }
            ),
        )
        self._wait()

    def _wait(self) -> None:
        for _attempt in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None
                time.sleep(0.1)
            else:
                return
        raise AssertionError("gunicorn does not listen")

    def memory(self) -> int:
        """The resident memory of all its processes together, in bytes."""
        master = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in [master, *master.children()])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self._log.close()


class Watch:
    """The most memory that the server has while something goes on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self.peak = max(self.peak, self._server.memory())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    _fill()
    server = Server(tmp_path)
    yield server
    server.stop()


def _fill() -> None:
    """Rows that hardly compress: an archive of some megabytes."""
    run_sql(
        "INSERT INTO applicants (first_name, last_name, documents)"
        " SELECT 'A', 'B', jsonb_build_array((SELECT string_agg(md5(n::text || '/' || m), '')"
        f" FROM generate_series(1, 50) m)) FROM generate_series(1, {ROWS}) n"
    )


def request(
    server: Server,
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    try:
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def signed_in(server: Server) -> dict[str, str]:
    """The headers of a superuser who has signed in at the admin."""
    hashed = make_password("secret", hasher=PBKDF2PasswordHasher())
    User.objects.create(username="root", password=hashed, is_superuser=True, is_staff=True)
    _status, headers, _page = request(server, "GET", "/admin/login/")
    token = _cookie(headers, "csrftoken")
    login = {"username": "root", "password": "secret", "csrfmiddlewaretoken": token}
    sent = {"Cookie": f"csrftoken={token}", "Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _page = request(
        server, "POST", "/admin/login/", sent, urlencode(login).encode()
    )
    assert status == 302
    token = _cookie(headers, "csrftoken")
    session = _cookie(headers, "sessionid")
    return {"Cookie": f"sessionid={session}; csrftoken={token}", "X-CSRFToken": token}


def _cookie(headers: http.client.HTTPMessage, name: str) -> str:
    [found] = [each for each in headers.get_all("Set-Cookie", []) if each.startswith(f"{name}=")]
    return found.split(";")[0].partition("=")[2]


def form(archive: bytes, **fields: str) -> bytes:
    """The body of a form with a file."""
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'name="file"; filename="a.hms-backup"\r\n\r\n' + archive)
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; ".encode()
    return b"".join(start + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def at_once(*actions: Callable[[], int]) -> list[int]:
    """Do `AT_ONCE` things at once, taking turns among the actions."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = [pool.submit(actions[n % len(actions)]) for n in range(AT_ONCE)]
        return [done.result() for done in started]


def test_twenty_downloads_and_uploads_at_once_need_no_more_memory_than_a_few(
    server: Server,
) -> None:
    headers = signed_in(server)
    _status, _headers, archive = request(server, "GET", BACKUP, headers)
    assert len(archive) > 4 * MEBIBYTE
    idle = server.memory()
    body = form(archive, dry_run="true")

    def download() -> int:
        status, answer, content = request(server, "GET", BACKUP, headers)
        assert hashlib.sha256(content).hexdigest() == answer["X-Archive-SHA256"]
        return status

    def upload() -> int:
        return request(server, "POST", RESTORE, {**headers, **FORM}, body)[0]

    peaks = []
    for _round in range(3):
        with Watch(server) as watch:
            assert at_once(download, upload) == [200] * AT_ONCE
        peaks.append(watch.peak)

    said = [peak // MEBIBYTE for peak in (idle, *peaks)]
    # Twenty requests that each held their archive would need more than this.
    assert max(peaks) - idle < AT_ONCE * len(archive), said
    assert peaks[2] < peaks[1] * 1.1, said
    assert AuditLog.objects.filter(status="FAIL").count() == 0
    assert AuditLog.objects.filter(status="SUCCESS").count() == 1 + 3 * AT_ONCE


def test_restores_at_once_are_done_one_at_a_time_or_told_to_wait(server: Server) -> None:
    headers = signed_in(server)
    archive = request(server, "GET", BACKUP, headers)[2]
    run_sql("DELETE FROM applicants")
    body = form(archive)

    def restore() -> int:
        return request(server, "POST", RESTORE, {**headers, **FORM}, body)[0]

    statuses = at_once(restore)

    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    inserted = AuditLog.objects.filter(action="RESTORE", rows_inserted=ROWS)
    assert inserted.count() == 1
