"""The example hospital, served to a browser, with a database that each test finds as new."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from example_project.embedded_postgres import EmbeddedPostgres
from tests.support import ROOT

PRISTINE = "hospital_as_new"
USED = "hospital"
SECONDS = 30
"""Until the server must listen."""


@dataclass(kw_only=True)
class RunningHospital:
    """A database server and a web server of the example's own."""

    folder: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def _postgres(self) -> EmbeddedPostgres:
        options = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
        return EmbeddedPostgres(folder=self.folder / "pg", options=options)

    def start(self) -> None:
        """Fill a database as new, and serve a copy of it."""
        self._postgres.start()
        self._run_sql("postgres", f"CREATE DATABASE {PRISTINE}")
        self.manage("setup_hospital", database=PRISTINE)
        self.renew()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (self.folder / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*MANAGE, "runserver", "--noreload", f"127.0.0.1:{self.port}"],
                cwd=ROOT,
                env=self._environment(USED),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def stop(self) -> None:
        """Stop both servers and delete what they kept."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=SECONDS)
        self._postgres.remove()

    def renew(self) -> None:
        """Make the served database a copy of the one as new: records, accounts, no sessions."""
        self._run_sql("postgres", f"DROP DATABASE IF EXISTS {USED} WITH (FORCE)")
        self._run_sql("postgres", f"CREATE DATABASE {USED} TEMPLATE {PRISTINE}")

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement on the served database; return its rows, if it has any."""
        with psycopg.connect(self._postgres.url(USED), autocommit=True) as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Every row of a table, as text."""
        return self.query(f"SELECT t::text FROM {name} t ORDER BY 1")

    def audit(self) -> list[tuple[Any, ...]]:
        """The audit log, oldest first: who, what, dry run, target, how it went, error code."""
        return self.query(
            "SELECT username, action, dry_run, target_id, status, error_code"
            " FROM system_audit_logs ORDER BY id"
        )

    def manage(self, *arguments: str, database: str = USED) -> str:
        """Run a command of the example's on a database; return what it printed."""
        ran = subprocess.run(
            [*MANAGE, *arguments],
            cwd=ROOT,
            env=self._environment(database),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def _run_sql(self, database: str, sql: str) -> None:
        with psycopg.connect(self._postgres.url(database), autocommit=True) as connection:
            connection.execute(sql)

    def _environment(self, database: str) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "example_project.settings",
            "DATABASE_URL": self._postgres.url(database),
            "TMPDIR": str(self.folder),
        }

    def _wait(self) -> None:
        assert self._process is not None
        for _attempt in range(SECONDS * 10):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.1)
            else:
                return
        raise AssertionError("The example hospital does not listen.")


MANAGE = (sys.executable, str(ROOT / "example_project" / "manage.py"))


def new_folder() -> Path:
    """A folder that the database server's own user can enter, too, when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="hms-browser-"))
    folder.chmod(0o755)
    return folder
