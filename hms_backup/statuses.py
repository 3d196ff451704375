"""Which HTTP status each of the core's errors is answered with, at every door of the web."""

from __future__ import annotations

from .exceptions import (
    ArchiveError,
    ArchiveTooLarge,
    Busy,
    ConfigurationError,
    ConstraintViolated,
    DatabaseError,
    ExportTooLarge,
    HmsBackupError,
    NotPermitted,
    OperationCancelled,
    PlanError,
    PlanRefused,
    SchemaError,
    ScopeMismatch,
    StorageError,
    TableProtected,
    UnknownScope,
    UploadError,
    UploadMissing,
    UploadUsed,
    ValueUnsupported,
)

STATUSES: tuple[tuple[type[HmsBackupError], int], ...] = (
    (UnknownScope, 404),
    (TableProtected, 403),
    (ConfigurationError, 500),
    (ArchiveTooLarge, 413),
    (ScopeMismatch, 409),
    (ArchiveError, 422),
    (SchemaError, 409),
    (ValueUnsupported, 422),
    (PlanRefused, 422),
    (PlanError, 409),
    (Busy, 409),
    (ConstraintViolated, 422),
    (DatabaseError, 503),
    (StorageError, 503),
    (UploadMissing, 404),
    (UploadUsed, 409),
    (UploadError, 400),
    (ExportTooLarge, 413),
    (NotPermitted, 403),
    (OperationCancelled, 409),
)
"""An error has the status of the first class here that it is one of."""

RETRY_AFTER = 10
"""Seconds after which what is busy, locked or down may be asked again."""


def status_of(error: HmsBackupError) -> int:
    """Return the HTTP status of an error; 500 for one that nobody foresaw."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def retry_after(error: HmsBackupError) -> int | None:
    """Return after how many seconds it makes sense to try again, None if it does not."""
    return RETRY_AFTER if isinstance(error, DatabaseError | StorageError) else None
