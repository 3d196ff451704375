"""Whether the process that began an operation still lives: its identity, and its heartbeat.

On the same machine the kernel answers exactly. From another machine, or another container, only
the heartbeat tells: see docs/adr/0007-crashed-operations.md.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from uuid import UUID

from django.db import Error as DjangoDatabaseError
from django.db import connections
from django.db.models.functions import Now

from .models import AuditLog

logger = logging.getLogger(__name__)

BEAT = timedelta(seconds=20)
"""How often a running operation says that it lives."""
LEASE = timedelta(minutes=10)
"""How long after its last sign of life an operation counts as crashed: thirty missed beats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One process, told apart from every other there was or will be."""

    host: str
    pid: int
    identity: str
    """Boot, process-id namespace, id and start time; empty where the system does not tell."""


def this_process() -> Owner:
    """Describe the process that calls."""
    pid = os.getpid()
    started = _start_time(pid)
    identity = f"{_machine()}/{pid}/{started}" if _machine() and started else ""
    return Owner(host=socket.gethostname()[:255], pid=pid, identity=identity)


def is_gone(identity: str) -> bool:
    """Whether the kernel says that this process has ended; False whenever it cannot know."""
    machine, _, rest = identity.partition("/")
    pid, _, started = rest.partition("/")
    if not identity or machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # it exists and is somebody else's
    now = _start_time(int(pid))
    # A file system mounted with hidepid shows other users' processes to nobody: unknown, not gone.
    return now is not None and now != started


def _machine() -> str:
    """The boot of the kernel and the namespace that process ids count in; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """The process's start in clock ticks since boot, ``ended`` for a zombie, None if unknown.

    Fields 3 and 22 of ``/proc/PID/stat``, see proc_pid_stat(5); the second, the command's name,
    may itself hold spaces and parentheses.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "ended" if fields[0] in "ZX" else fields[19]


class Heartbeat:
    """Touches an audit entry's ``heartbeat`` from a thread of its own while an operation runs.

    A context manager. The thread opens its database connection at the first beat, so operations
    shorter than that cost nothing. A missed beat is no error: the lease forgives it.
    """

    def __init__(self, operation_id: UUID, alias: str, beat: timedelta = BEAT) -> None:
        self._operation_id = operation_id
        self._alias = alias
        self._beat = beat.total_seconds()
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"hms_backup heartbeat {operation_id}", daemon=True
        )

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._beat):
                self._touch()
        finally:
            with suppress(DjangoDatabaseError):
                connections[self._alias].close()

    def _touch(self) -> None:
        entry = AuditLog._base_manager.using(self._alias).filter(operation_id=self._operation_id)
        try:
            entry.filter(status=AuditLog.Status.STARTED).update(heartbeat=Now())
        except DjangoDatabaseError as error:
            logger.warning("Heartbeat of %s missed: %s.", self._operation_id, type(error).__name__)
            connections[self._alias].close()
