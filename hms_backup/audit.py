"""The audit log's only writer: begins an entry, ends it once, and ends those that crashed.

Every write is committed at once, on the audit log's own connection and outside any transaction of
the caller, so that a rolled-back restore keeps its entry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DEFAULT_DB_ALIAS, connections, router, transaction
from django.db import Error as DjangoDatabaseError
from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Now

from .exceptions import ConfigurationError, ConnectionLost, HmsBackupError, OperationCrashed
from .liveness import LEASE, is_gone, this_process
from .models import AuditLog
from .plan import Counts
from .registry import Scope

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does it, as the log shall remember them."""

    username: str
    """Survives the user's deletion."""
    origin: str
    """``command line``, ``Python``, or the address a request came from."""
    user: AbstractBaseUser | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What is known when an operation ends: names and counts, never a row's values."""

    error: HmsBackupError | None = None
    """None when it succeeded."""
    duration: int | None = None
    """Milliseconds; None when nobody measured it."""
    scope: Scope | None = None
    """When the archive said it, after the entry had begun."""
    archive_sha256: str = ""
    file_size: int | None = None
    rows_archived: int = 0
    counts: Counts = field(default_factory=Counts)
    details: Mapping[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """The columns to set."""
        status = AuditLog.Status.FAIL if self.error else AuditLog.Status.SUCCESS
        known = {"duration": self.duration, "file_size": self.file_size}
        return {
            "status": status,
            "archive_sha256": self.archive_sha256,
            "rows_archived": self.rows_archived,
            "rows_inserted": self.counts.insert,
            "rows_updated": self.counts.update,
            "rows_unchanged": self.counts.unchanged,
            "rows_deleted": self.counts.delete,
            "details": _storable(dict(self.details)),
            "error_code": self.error.code if self.error else "",
            "error_message": _storable(self.error.message) if self.error else "",
            **{name: value for name, value in known.items() if value is not None},
            **(_target(self.scope) if self.scope else {}),
        }


def begin(
    operation_id: UUID,
    action: AuditLog.Action,
    actor: Actor,
    *,
    scope: Scope | None = None,
    dry_run: bool = False,
    file_name: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Commit a ``STARTED`` entry, having ended the entries of operations that crashed.

    Raises `ConfigurationError` inside the caller's transaction or when the log's table does not
    exist, `ConnectionLost` when the log's database cannot be reached: nothing runs unaudited.
    """
    alias = writing_alias()
    owner = this_process()
    refuse_transaction(alias)
    try:
        end_crashed()
        AuditLog(
            operation_id=operation_id,
            action=action,
            user_id=_user_key(actor.user),
            username=_storable(actor.username)[:255],
            origin=_storable(actor.origin)[:255],
            dry_run=dry_run,
            file_name=_storable(file_name)[-255:],
            details=_storable(dict(details or {})),
            host=owner.host,
            pid=owner.pid,
            owner=owner.identity,
            **(_target(scope) if scope else {}),
        ).save(using=alias)
    except DjangoDatabaseError as error:
        raise _unwritable(alias, error) from error


def finish(operation_id: UUID, ending: Ending) -> None:
    """Make the one transition an entry ever makes, from ``STARTED`` to ``SUCCESS`` or ``FAIL``.

    Raises `ConnectionLost` when the log cannot be written, even with a fresh connection, and
    `ConfigurationError` when there is no such running entry: it ended before, or never began.
    """
    alias = writing_alias()
    if not _reconnecting(alias, lambda: _end(alias, operation_id, ending)):
        raise ConfigurationError(f"The audit log has no running operation {operation_id}.")


def end_crashed() -> int:
    """End as failed every entry whose process is gone or silent. Return how many there were.

    Raises `ConfigurationError` or `ConnectionLost` as `begin` does.
    """
    alias = writing_alias()
    return _reconnecting(alias, lambda: _end_crashed(alias))


def _end_crashed(alias: str) -> int:
    running = AuditLog._base_manager.using(alias).filter(status=AuditLog.Status.STARTED)
    ended = 0
    for entry in running.annotate(silent=Q(heartbeat__lt=Now() - LEASE)):
        if is_gone(entry.owner) or entry.silent:
            ended += _end(
                alias, entry.operation_id, Ending(error=_crash(entry), details=entry.details)
            )
            logger.warning("Operation %s crashed; its audit entry was ended.", entry.operation_id)
    return ended


def entries() -> QuerySet[AuditLog]:
    """The whole log, newest first."""
    return AuditLog.objects.using(writing_alias()).all()


def last_backups() -> dict[tuple[str, str], AuditLog]:
    """The newest successful backup of each (``SUBSYSTEM`` or ``DEPARTMENT``, id)."""
    backups = entries().filter(action=AuditLog.Action.BACKUP, status=AuditLog.Status.SUCCESS)
    newest = backups.order_by().values("scope", "target_id").annotate(newest=Max("id"))
    found = entries().filter(pk__in=[each["newest"] for each in newest])
    return {(each.scope, each.target_id): each for each in found}


def writing_alias() -> str:
    """The database that holds the log, as the project's routers say."""
    return router.db_for_write(AuditLog)


def refuse_transaction(alias: str) -> None:
    """Raise `ConfigurationError` when the caller has a transaction open on ``alias``.

    The entry would vanish with a rollback, and the caller's uncommitted rows would be invisible
    to the backup. Test cases' own transactions are exempt, as they are from ``durable=True``.
    """
    connection = connections[alias]
    if connection.connection is None and connection.settings_dict["AUTOCOMMIT"]:
        return
    try:
        with transaction.atomic(using=alias, durable=True):
            nested = False
    except RuntimeError:
        nested = True
    except DjangoDatabaseError:
        connection.close()  # It broke some time ago, so no transaction is open on it.
        return
    if nested or not (connection.in_atomic_block or connection.get_autocommit()):
        raise ConfigurationError(
            f"A transaction is open on database {alias!r}: no backup or restore can be part of it.",
            hint="Call it outside atomic(); under ATOMIC_REQUESTS use @non_atomic_requests.",
        )


def _reconnecting(alias: str, work: Callable[[], int]) -> int:
    """Do it, if need be once more on a new connection: an idle one may have been dropped.

    Only for what may safely happen twice. Raises `ConfigurationError` or `ConnectionLost`.
    """
    try:
        return work()
    except DjangoDatabaseError as error:
        if connections[alias].in_atomic_block:
            raise _unwritable(alias, error) from error
        connections[alias].close()
    try:
        return work()
    except DjangoDatabaseError as error:
        raise _unwritable(alias, error) from error


def _end(alias: str, operation_id: UUID, ending: Ending) -> bool:
    running = AuditLog._base_manager.using(alias).filter(
        operation_id=operation_id, status=AuditLog.Status.STARTED
    )
    return running.update(**ending.fields()) == 1


def _user_key(user: AbstractBaseUser | None) -> Any:
    """The user's key; None for an account of another model, whose keys are others' here."""
    return user.pk if isinstance(user, get_user_model()) else None


def _target(scope: Scope) -> dict[str, str]:
    return {"scope": scope.kind.upper(), "target_id": scope.id}


def _storable(value: Any) -> Any:
    """Escape what no database stores: U+0000, and the half surrogates of undecodable arguments."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode().replace("\0", r"\x00")
        case dict():
            return {_storable(name): _storable(each) for name, each in value.items()}
        case list() | tuple():
            return [_storable(each) for each in value]
    return value


def _crash(entry: AuditLog) -> OperationCrashed:
    ended = f"Process {entry.pid} on {entry.host} ended without saying how this went."
    if entry.dry_run:
        return OperationCrashed(f"{ended} It was a dry run, so nothing was changed.")
    if entry.action == AuditLog.Action.EXPORT:
        return OperationCrashed(f"{ended} It only read rows: nothing was changed or sent.")
    if entry.action == AuditLog.Action.BACKUP:
        return OperationCrashed(
            f"{ended} If the file exists under its final name it is complete and verified."
        )
    return OperationCrashed(
        f"{ended} Either everything was restored or nothing: a dry run of the file shows which."
    )


def _unwritable(alias: str, error: DjangoDatabaseError) -> HmsBackupError:
    if _has_no_table(alias):
        return ConfigurationError(
            f"Database {alias!r} has no audit log, so nothing was started.",
            hint="Run manage.py migrate hms_backup"
            f"{f' --database {alias}' if alias != DEFAULT_DB_ALIAS else ''}.",
        )
    return ConnectionLost(
        f"The audit log in database {alias!r} cannot be written ({type(error).__name__}).",
        hint="Nothing runs unaudited: check that the database is up and may be written.",
    )


def _has_no_table(alias: str) -> bool:
    try:
        return AuditLog._meta.db_table not in connections[alias].introspection.table_names()
    except DjangoDatabaseError:
        return False
