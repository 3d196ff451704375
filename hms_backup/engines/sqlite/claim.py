"""Keeping a second restore away, without keeping other writers out while rows are staged."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from ...exceptions import Busy
from .errors import translated


class Claim:
    """A lock on a file beside the database, held until `release` or the end of the process.

    SQLite has one writer at a time and says of none who it is: the lock on the database alone
    could not tell another restore (busy, give up) from a save (wait). The file is an empty SQLite
    database, since SQLite's own locks work on every system, also between threads.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}-hms-restore")
        with translated():
            self._lock = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._lock.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                with translated():
                    raise
            raise Busy(
                "Another restore is running on this database.",
                hint="Wait until it is done, then look at the dry run again.",
            ) from None

    def release(self) -> None:
        """Let others in. Should one slip in before the file is gone, it waits for the database."""
        with suppress(OSError):
            self._path.unlink()
        self._lock.close()
