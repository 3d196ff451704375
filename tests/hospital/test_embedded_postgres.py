"""The example's own PostgreSQL starts whatever the last run left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from example_project.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.support import ROOT

pytestmark = pytest.mark.postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="hms-embedded-"))
    embedded = EmbeddedPostgres(folder=folder / "pg", options=("fsync=off",))
    yield embedded
    embedded.remove()
    shutil.rmtree(folder)


def answers(server: EmbeddedPostgres) -> bool:
    with psycopg.connect(server.url()) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.folder / "postmaster.pid").read_text().split()[0])


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_server_starts_once_when_two_processes_ask_at_once(server: EmbeddedPostgres) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from example_project.embedded_postgres import EmbeddedPostgres;"
        "EmbeddedPostgres(folder=Path(sys.argv[1])).start()"
    )
    asking = [
        subprocess.Popen([sys.executable, "-c", code, str(server.folder)], cwd=ROOT)
        for _ in range(2)
    ]

    assert [process.wait(60) for process in asking] == [0, 0]
    assert answers(server)


def test_server_starts_after_it_was_killed(server: EmbeddedPostgres) -> None:
    server.start()
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)

    server.start()

    assert answers(server)
    assert postmaster(server) != pid


@pytest.mark.parametrize(
    "content",
    ["", "rubbish\n", f"{os.getpid()}\n"],
    ids=["empty", "rubbish", "the number of another process"],
)
def test_server_starts_over_a_pid_file_that_is_not_its_own(
    server: EmbeddedPostgres, content: str
) -> None:
    server.start()
    server.stop()
    left = server.folder / "postmaster.pid"
    left.write_text(content)

    server.start()

    assert answers(server)


def test_server_starts_after_an_unfinished_initialization(server: EmbeddedPostgres) -> None:
    server.remove()
    unfinished = server.folder.with_name("pg.new-killed")
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")

    server.start()

    assert answers(server)
    assert not unfinished.exists()


def test_server_uses_a_short_socket_path_when_its_folder_is_deep(server: EmbeddedPostgres) -> None:
    deep = EmbeddedPostgres(folder=server.folder.parent / ("deep" * 30) / "pg")

    deep.start()

    assert answers(deep)
    deep.remove()
    assert not deep.socket_folder.exists()


def test_server_of_an_unknown_version_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="has no PostgreSQL 9; it has 16, 18"):
        EmbeddedPostgres(folder=tmp_path / "pg", version=9).start()
