"""Where a verb reads its archive from: a file, or standard input."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..conf import MEBIBYTE, get_settings
from ..exceptions import StorageError
from .exits import UsageError

STDIN = Path("-")
HELP = "a .hms-backup file; - is standard input"


@contextmanager
def archive(file: Path) -> Iterator[Path | BinaryIO]:
    """Yield the file, or what comes from standard input in one without a name.

    An archive is read from its end, which a pipe cannot; of one that is too large only enough is
    kept to be refused. Raises `StorageError`, and `UsageError` when a person sits at the pipe.
    """
    if file != STDIN:
        yield file
        return
    if sys.stdin.isatty():
        raise UsageError("Nothing is piped in, and nobody can type an archive.")
    limit = get_settings().max_archive_bytes
    with tempfile.TemporaryFile(prefix="hms_backup-") as kept:
        try:
            while kept.tell() <= limit and (block := sys.stdin.buffer.read(MEBIBYTE)):
                kept.write(block)
            kept.flush()
        except OSError as error:
            raise StorageError(
                f"Standard input cannot be kept: {error.strerror or type(error).__name__}.",
                hint="Check that the folder for temporary files has free space.",
            ) from error
        yield cast(BinaryIO, kept)


def named(file: Path) -> str:
    """The file as a person says it."""
    return "standard input" if file == STDIN else str(file)
