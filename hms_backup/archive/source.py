"""Reads ranges of a file of unknown origin: exactly the bytes asked for, or an error of ours."""

from __future__ import annotations

import errno
import io
from pathlib import PurePath
from typing import BinaryIO

from ..exceptions import ArchiveError, StorageError


class Source:
    """A seekable binary file, its size measured once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        try:
            self.size = file.seek(0, io.SEEK_END)
        except (OSError, ValueError) as error:
            raise unreadable(error, getattr(file, "name", None)) from error

    def read(self, offset: int, size: int) -> bytes:
        """Return the ``size`` bytes at ``offset``.

        Raises `ArchiveError` when the file does not hold them, `StorageError` when it cannot be
        read.
        """
        data = self._read(offset, size) if offset + size <= self.size else b""
        if len(data) != size:
            raise ArchiveError(
                "The file ends before what it says it holds.",
                hint="It is incomplete or damaged. Copy or download it again.",
            )
        return data

    def _read(self, offset: int, size: int) -> bytes:
        try:
            self._file.seek(offset)
            return self._file.read(size)
        except (OSError, ValueError) as error:
            raise unreadable(error, getattr(self._file, "name", None)) from error


def unreadable(error: Exception, name: object = None) -> StorageError:
    """The file system's complaint as an error of ours. Of a path only the name is told."""
    said = PurePath(name).name if isinstance(name, str | PurePath) else ""
    if isinstance(error, io.UnsupportedOperation) or getattr(error, "errno", 0) == errno.ESPIPE:
        return StorageError(
            f"{said or 'The archive'} is a pipe, and an archive is read from its end.",
            hint="Save it to a file first; the command line also takes - for standard input.",
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StorageError(
        f"{said or 'The archive'} cannot be read: {reason.rstrip('.')}.",
        hint="Check that the file exists and that this process may read it.",
    )
