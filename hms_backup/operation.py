"""One audited operation: begun in the log before anything else, and ended there however it ends."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any
from uuid import UUID, uuid4

from . import audit
from .audit import Actor, Ending
from .conf import get_settings
from .exceptions import HmsBackupError, OperationCancelled
from .liveness import Heartbeat
from .models import AuditLog
from .plan import Problem, RestorePlan
from .registry import Scope

logger = logging.getLogger(__name__)


class Operation:
    """A context manager around a backup or a restore.

    What happens inside sets `ending` as it learns more; leaving ends the audit entry as SUCCESS,
    or as FAIL with the error's code: also for Ctrl-C and other exits, which count as cancelled.

    Entering raises `ConfigurationError` or `ConnectionLost` when nothing may run: see
    `audit.begin`. Leaving raises nothing of its own: a log that cannot be written any more does
    not undo a committed restore, so that goes to `warnings` and the entry is ended as crashed
    when the next operation begins.
    """

    def __init__(
        self,
        action: AuditLog.Action,
        actor: Actor,
        *,
        scope: Scope | None = None,
        dry_run: bool = False,
        file_name: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.id: UUID = uuid4()
        self.ending = Ending(details=details or {})
        self.warnings: tuple[str, ...] = ()
        self._action = action
        self._actor = actor
        self._scope = scope
        self._dry_run = dry_run
        self._file_name = file_name
        self._heartbeat = Heartbeat(self.id, audit.writing_alias())
        self._started = time.monotonic()

    def learned(self, **facts: Any) -> None:
        """Add to what the entry will say when it ends: fields of `audit.Ending`."""
        self.ending = replace(self.ending, **facts)

    def learned_details(self, **details: Any) -> None:
        """Add to the entry's ``details``."""
        self.learned(details={**self.ending.details, **details})

    def learned_plan(self, plan: RestorePlan) -> None:
        """Add what a restore did, or would have done."""
        self.learned(counts=plan.counts)
        self.learned_details(
            digest=plan.digest,
            tables={each.table: each.counts.as_dict() for each in plan.tables},
            problems=[_problem(each) for each in plan.problems],
        )

    def __enter__(self) -> Operation:
        # The caller's transaction on the data would be invisible to the backup, and in a
        # restore's way.
        audit.refuse_transaction(get_settings().database)
        try:
            audit.begin(
                self.id,
                self._action,
                self._actor,
                scope=self._scope,
                dry_run=self._dry_run,
                file_name=self._file_name,
                details=self.ending.details,
            )
            self._heartbeat.__enter__()
        except HmsBackupError:
            raise
        except BaseException as error:  # Ctrl-C after the entry was committed
            self._end(as_recorded(error))
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._heartbeat.__exit__(kind, error, traceback)
        self._end(as_recorded(error) if error is not None else None)

    def _end(self, error: HmsBackupError | None) -> None:
        if error is not None and (where := _where(error)):
            self.learned_details(where=where)
        self.learned(error=error, duration=round((time.monotonic() - self._started) * 1000))
        try:
            audit.finish(self.id, self.ending)
        except HmsBackupError as problem:
            logger.error("Operation %s could not be ended in the log: %s", self.id, problem)
            warning = (
                f"The audit log could not record how this ended: {problem.message} "
                f"Its entry for operation {self.id} will read as crashed."
            )
            self.warnings = (*self.warnings, warning)


def as_recorded(error: BaseException) -> HmsBackupError:
    """The error as the log shall have it.

    Of an error that nobody foresaw only the type is kept: its text may quote a patient's row.
    """
    if isinstance(error, HmsBackupError):
        return error
    if isinstance(error, Exception):
        return HmsBackupError(f"Unexpected {type(error).__name__}.")
    return OperationCancelled(
        "Interrupted; everything was rolled back unless the commit had just begun."
    )


def _where(error: HmsBackupError) -> dict[str, str]:
    known = error.as_dict()
    return {name: known[name] for name in ("table", "row", "column") if name in known}


def _problem(problem: Problem) -> dict[str, object]:
    """The problem without row keys: the log keeps them for longer than the rows live."""
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "table": problem.table,
        "column": problem.column,
        "count": problem.count,
    }
