"""Every error hms_backup raises on purpose: one tree, one stable code per class.

    HmsBackupError
    ├── ConfigurationError            configuration_invalid
    │   ├── UnknownScope              scope_unknown
    │   └── TableProtected            table_protected
    ├── ArchiveError                  archive_invalid
    │   ├── ArchiveTooLarge           archive_too_large
    │   ├── ManifestInvalid           manifest_invalid
    │   ├── VersionUnsupported        version_unsupported
    │   ├── ChecksumMismatch          checksum_mismatch
    │   ├── RowInvalid                row_invalid
    │   └── ScopeMismatch             scope_mismatch
    ├── SchemaError                   schema_invalid
    │   ├── TableMissing              table_missing
    │   ├── TableUnkeyed              table_unkeyed
    │   └── SchemaUnsupported         schema_unsupported
    ├── ValueUnsupported              value_unsupported
    ├── PlanError                     plan_invalid
    │   ├── PlanRefused               plan_refused
    │   ├── PlanOutdated              plan_outdated
    │   └── ProofFailed               proof_failed
    ├── DatabaseError                 database_failed
    │   ├── Busy                      busy
    │   ├── LockTimeout               lock_timeout
    │   ├── StatementTimeout          statement_timeout
    │   ├── Deadlock                  deadlock
    │   ├── ConnectionLost            connection_lost
    │   ├── PrivilegeMissing          privilege_missing
    │   └── ConstraintViolated        constraint_violated
    ├── StorageError                  storage_failed
    ├── UploadError                   upload_invalid
    │   ├── UploadMissing             upload_missing
    │   └── UploadUsed                upload_used
    ├── ExportTooLarge                export_too_large
    ├── NotPermitted                  not_permitted
    ├── OperationCancelled            cancelled
    └── OperationCrashed              crashed

A message says what is wrong and where; ``hint`` says what to do. Neither ever holds a value of a
row other than its primary key, so both may be logged and sent to a client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from .plan import RestorePlan


class HmsBackupError(Exception):
    """Base of every deliberate error.

    ``table``, ``row`` (the primary key as text, or the 1-based position in the archive written as
    ``#12``) and ``column`` say where, each empty when it does not apply.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self, message: str, *, hint: str = "", table: str = "", row: str = "", column: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.table = table
        self.row = row
        self.column = column

    def as_dict(self) -> dict[str, str]:
        """The error for machines: code, message, hint and, where known, table, row and column."""
        fields = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "table": self.table,
            "row": self.row,
            "column": self.column,
        }
        return {key: value for key, value in fields.items() if value}


class ConfigurationError(HmsBackupError):
    """The project's settings or registrations contradict themselves."""

    code = "configuration_invalid"


class UnknownScope(ConfigurationError):
    """No department or subsystem has that id."""

    code = "scope_unknown"


class TableProtected(ConfigurationError):
    """A table that no backup may touch was registered or addressed."""

    code = "table_protected"


class ArchiveError(HmsBackupError):
    """The file is not a well-formed ``.hms-backup`` archive."""

    code = "archive_invalid"


class ArchiveTooLarge(ArchiveError):
    """The file, or what it expands to, is over the configured size."""

    code = "archive_too_large"


class ManifestInvalid(ArchiveError):
    """``metadata.json`` is missing, malformed, or does not describe the members present."""

    code = "manifest_invalid"


class VersionUnsupported(ArchiveError):
    """The archive was written in a format version this release does not read."""

    code = "version_unsupported"


class ChecksumMismatch(ArchiveError):
    """A member's bytes are not the ones that were written."""

    code = "checksum_mismatch"


class RowInvalid(ArchiveError):
    """A row of the archive cannot be read as a row of its table."""

    code = "row_invalid"


class ScopeMismatch(ArchiveError):
    """The archive belongs to another department or subsystem than the one addressed."""

    code = "scope_mismatch"


class SchemaError(HmsBackupError):
    """The database's tables do not allow the operation."""

    code = "schema_invalid"


class TableMissing(SchemaError):
    """A registered table does not exist in the database."""

    code = "table_missing"


class TableUnkeyed(SchemaError):
    """A registered table has no primary key, so its rows cannot be told apart."""

    code = "table_unkeyed"


class SchemaUnsupported(SchemaError):
    """A table has a shape that cannot be backed up or restored exactly."""

    code = "schema_unsupported"


class ValueUnsupported(HmsBackupError):
    """A value cannot be carried exactly between the database and the archive."""

    code = "value_unsupported"


class PlanError(HmsBackupError):
    """A restore cannot go ahead as planned."""

    code = "plan_invalid"
    plan: RestorePlan | None = None
    """The plan that was not carried out, with its problems; None where there was none yet."""

    def with_plan(self, plan: RestorePlan) -> Self:
        """Attach the plan, for the door to show."""
        self.plan = plan
        return self


class PlanRefused(PlanError):
    """The plan has blocking problems; nothing was changed."""

    code = "plan_refused"


class PlanOutdated(PlanError):
    """The data changed after the plan was shown; nothing was changed."""

    code = "plan_outdated"


class ProofFailed(PlanError):
    """After the merge the tables were not what the plan predicted; everything was rolled back."""

    code = "proof_failed"


class DatabaseError(HmsBackupError):
    """The database refused or failed; nothing was changed unless the message says otherwise."""

    code = "database_failed"


class Busy(DatabaseError):
    """Another restore of an overlapping scope is running."""

    code = "busy"


class LockTimeout(DatabaseError):
    """A table stayed locked by someone else for longer than ``LOCK_TIMEOUT``."""

    code = "lock_timeout"


class StatementTimeout(DatabaseError):
    """A statement ran for longer than ``STATEMENT_TIMEOUT``."""

    code = "statement_timeout"


class Deadlock(DatabaseError):
    """The database chose this operation as the victim of a deadlock."""

    code = "deadlock"


class ConnectionLost(DatabaseError):
    """The database connection broke or the database cannot be reached."""

    code = "connection_lost"


class PrivilegeMissing(DatabaseError):
    """The database role may not do what is needed, or may see only some of the rows."""

    code = "privilege_missing"


class ConstraintViolated(DatabaseError):
    """A constraint of the database that no check foresaw refused the merge."""

    code = "constraint_violated"


class StorageError(HmsBackupError):
    """A file could not be read or written."""

    code = "storage_failed"


class UploadError(HmsBackupError):
    """A file that was sent cannot be taken, or is no longer to be had."""

    code = "upload_invalid"


class UploadMissing(UploadError):
    """There is no such upload: it expired, was discarded, or is somebody else's."""

    code = "upload_missing"


class UploadUsed(UploadError):
    """The upload is being restored, or was: each is restored once."""

    code = "upload_used"
    operation_id: str = ""
    """Which operation restored it; empty while that is running."""


class ExportTooLarge(HmsBackupError):
    """More rows than can be exported for analysis at once."""

    code = "export_too_large"


class NotPermitted(HmsBackupError):
    """The user may not do this to that department or subsystem."""

    code = "not_permitted"
    right: str = ""
    """``backup`` or ``restore``, where a department or subsystem was asked for."""
    scope_title: str = ""
    """What it was asked for."""
    missing: tuple[str, ...] = ()
    """Of a department, the titles of the subsystems on which the right is missing."""


class OperationCancelled(HmsBackupError):
    """The operator declined or interrupted; nothing was changed."""

    code = "cancelled"


class OperationCrashed(HmsBackupError):
    """Recorded for an operation whose process ended without saying how it went."""

    code = "crashed"
