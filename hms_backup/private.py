"""The folder where uploads and finished downloads wait, which no other system user can read."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings as django_settings
from django.utils.crypto import salted_hmac

from .conf import get_settings
from .exceptions import ConfigurationError, StorageError

ABANDONED = 24 * 3600
"""Seconds after which what is not finished was left behind by a killed process."""

UPLOADS = re.compile(r"[0-9a-f]{32}(\.claimed|\.used)?")
"""The names of uploads."""

UNFINISHED = re.compile(r"\.[0-9a-f]{32}\.(new|part|download)")
"""The names of what is still being received or made, for however long that takes."""


def private_folder() -> Path:
    """Return the folder, made when it is missing, having checked that it is private.

    Raises `ConfigurationError` when others can read it or own it: in a folder for temporary files
    anybody could have made it first. Raises `StorageError` when it cannot be made.
    """
    folder = Path(get_settings().upload_directory or _default())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise unwritable(error) from error
    mine = found.st_uid == os.geteuid()
    if not stat.S_ISDIR(found.st_mode) or not mine or found.st_mode & 0o077:
        raise ConfigurationError(
            f"{folder} is not a folder that only this system user can read.",
            hint="Make it a folder of the server's user with mode 0700, or name another one in "
            "HMS_BACKUP['UPLOAD_DIRECTORY'].",
        )
    return folder


def sweep(lifetime: float) -> None:
    """Delete uploads older than ``lifetime`` seconds, and what was `ABANDONED` unfinished.

    Other files are left alone: the folder may have been chosen unwisely. What is still open is
    read to its end: a name goes, not the file behind it.
    """
    now = time.time()
    for entry in private_folder().iterdir():
        for names, seconds in ((UPLOADS, lifetime), (UNFINISHED, ABANDONED)):
            with suppress(OSError):
                if names.fullmatch(entry.name) and entry.lstat().st_mtime < now - seconds:
                    remove(entry)


def remove(entry: Path) -> None:
    """Delete a file or folder that may be gone already."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with suppress(OSError):
            entry.unlink()


def unwritable(error: OSError) -> StorageError:
    """The file system's complaint, without the path: it is shown to whoever uploads."""
    return StorageError(
        f"The server cannot store files: {error.strerror or type(error).__name__}.",
        hint="Free some disk space, or check HMS_BACKUP['UPLOAD_DIRECTORY'].",
    )


def _default() -> str:
    """Return a folder for this system user and this project alone."""
    mac = salted_hmac("hms_backup.private", django_settings.ROOT_URLCONF, algorithm="sha256")
    name = f"hms_backup-{os.geteuid()}-{mac.hexdigest()[:16]}"
    return str(Path(tempfile.gettempdir()) / name)
