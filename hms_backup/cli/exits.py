"""What each exit code of ``manage.py hms_backup`` means, and which error ends in which."""

from __future__ import annotations

from enum import IntEnum

from ..exceptions import (
    ArchiveError,
    Busy,
    Deadlock,
    ExportTooLarge,
    HmsBackupError,
    LockTimeout,
    NotPermitted,
    OperationCancelled,
    PlanError,
    PlanOutdated,
    SchemaError,
    TableProtected,
    UnknownScope,
    ValueUnsupported,
)


class Exit(IntEnum):
    """Part of the command line's contract: scripts rely on these numbers."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    CANCELLED = 4
    TRY_AGAIN = 5

    @property
    def meaning(self) -> str:
        """In a few words, for ``--help``."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done, or nothing to do",
    Exit.FAILED: "failed: the database, the disk or the settings",
    Exit.USAGE: "wrong arguments, or an id that does not exist",
    Exit.REFUSED: "refused: the archive, the tables or the plan have problems",
    Exit.CANCELLED: "declined or interrupted",
    Exit.TRY_AGAIN: "busy, locked, or the data changed meanwhile: try again",
}


class UsageError(HmsBackupError):
    """The arguments are incomplete, unknown, or contradict each other."""

    code = "usage"


_EXITS: tuple[tuple[type[HmsBackupError], Exit], ...] = (
    (UsageError, Exit.USAGE),
    (UnknownScope, Exit.USAGE),
    (OperationCancelled, Exit.CANCELLED),
    (Busy, Exit.TRY_AGAIN),
    (LockTimeout, Exit.TRY_AGAIN),
    (Deadlock, Exit.TRY_AGAIN),
    (PlanOutdated, Exit.TRY_AGAIN),
    (PlanError, Exit.REFUSED),
    (ArchiveError, Exit.REFUSED),
    (SchemaError, Exit.REFUSED),
    (ValueUnsupported, Exit.REFUSED),
    (TableProtected, Exit.REFUSED),
    (ExportTooLarge, Exit.REFUSED),
    (NotPermitted, Exit.REFUSED),
)


def exit_for(error: HmsBackupError) -> Exit:
    """Return the exit code an error ends in: of the first class above that it is one of."""
    for kind, code in _EXITS:
        if isinstance(error, kind):
            return code
    return Exit.FAILED
