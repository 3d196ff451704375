"""Archives that were uploaded wait here for their preview and their restore.

Each is a folder named by an unguessable id, in the `private_folder`. It belongs to one user, is
restored once, and expires. The folder's name says how it stands, and renaming it, which only one
process can do, is what claims it::

    ID            waiting
    ID.claimed    being restored
    ID.used       restored: the archive is gone, and which operation it was is remembered
"""

from __future__ import annotations

import io
import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

from .conf import get_settings
from .exceptions import StorageError, UploadMissing, UploadUsed
from .private import private_folder, remove, sweep, unwritable

MOST_WAITING = 10
"""How many uploads of one user wait at a time; a further one takes the oldest one's place."""

_ID = re.compile(r"[0-9a-f]{32}")
_ARCHIVE = "archive"
_ABOUT = "about.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A received archive, not looked into yet."""

    id: str
    name: str
    """The file's name on the user's side, without folders."""
    size: int
    """In bytes."""
    sha256: str
    received: float
    """When, in seconds since the epoch."""
    folder: Path

    @property
    def expires(self) -> float:
        """When it will be deleted, in seconds since the epoch."""
        return self.received + get_settings().upload_lifetime

    def open(self) -> BinaryIO:
        """Open the archive; the file's ``name`` is the user's. Raises `UploadMissing`."""
        try:
            return open_named(self.folder / _ARCHIVE, self.name)
        except FileNotFoundError as error:
            raise _missing() from error


class Claim:
    """An upload that nobody else can restore meanwhile."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self.operation_id: UUID | None = None

    def done(self, operation_id: UUID) -> None:
        """Say that it was restored, and by which operation: it is then used up."""
        self.operation_id = operation_id


def keep(archive: Path, user: AbstractBaseUser, *, name: str, size: int, sha256: str) -> Upload:
    """Take a received file, of the private folder, as the user's. Raises `StorageError`."""
    purge()
    id = secrets.token_hex(16)
    root = private_folder()
    about = {"owner": _owner(user), "name": name, "size": size, "sha256": sha256}
    new = root / f".{id}.new"
    try:
        new.mkdir(mode=0o700)
        archive.replace(new / _ARCHIVE)
        _write(new, {**about, "received": time.time()})
        new.rename(root / id)
    except OSError as error:
        remove(new)
        raise unwritable(error) from error
    _discard_oldest(user)
    return find(id, user)


def find(id: str, user: AbstractBaseUser) -> Upload:
    """Return a waiting upload of the user's.

    Raises `UploadUsed`, with ``operation_id`` once it is known, when it is being or was restored,
    and `UploadMissing` otherwise: whether it expired or is somebody else's makes no difference.
    """
    purge()
    if not _ID.fullmatch(id):
        raise _missing()
    root = private_folder()
    # Twice: it may be given back, from the second name to the first, between two looks.
    for folder in (root / id, root / f"{id}.claimed", root / f"{id}.used") * 2:
        about = _read(folder)
        if about is None or about["owner"] != _owner(user):
            continue
        upload = _upload(id, folder, about)
        if upload.expires <= time.time():
            break
        if folder.suffix:
            raise _used(about.get("operation_id", ""))
        return upload
    raise _missing()


def waiting(user: AbstractBaseUser) -> list[Upload]:
    """Return the user's waiting uploads, newest first."""
    found = []
    for folder in private_folder().iterdir():
        about = _read(folder) if _ID.fullmatch(folder.name) else None
        if about is not None and about["owner"] == _owner(user):
            found.append(_upload(folder.name, folder, about))
    return sorted(found, key=lambda upload: upload.received, reverse=True)


@contextmanager
def claim(id: str, user: AbstractBaseUser) -> Iterator[Claim]:
    """Have the user's upload alone while it is restored; see `Claim.done`.

    Left without that, by an error too, the upload waits again. Raises what `find` raises.
    """
    upload = find(id, user)
    claimed = upload.folder.with_name(f"{id}.claimed")
    try:
        upload.folder.rename(claimed)
    except OSError:
        find(id, user)
        raise _used("") from None
    taken = Claim(replace(upload, folder=claimed))
    try:
        yield taken
    finally:
        if taken.operation_id is None:
            with suppress(OSError):
                claimed.rename(upload.folder)
        else:
            _use_up(claimed, user, taken)


def discard(id: str, user: AbstractBaseUser) -> None:
    """Delete a waiting upload of the user's. Raises what `find` raises."""
    remove(find(id, user).folder)


def purge() -> None:
    """Delete every upload that expired.

    There is no clock that does it: whoever uses these pages or the API next does.
    """
    sweep(get_settings().upload_lifetime)


def open_named(path: Path, name: str) -> BinaryIO:
    """Open a file whose ``name`` is another one: the one that the audit log shall remember."""
    raw = io.FileIO(path)
    raw.name = name
    return io.BufferedReader(raw)


def _use_up(claimed: Path, user: AbstractBaseUser, taken: Claim) -> None:
    with suppress(OSError):
        remove(claimed / _ARCHIVE)
        about = {**_about(taken.upload), "owner": _owner(user)}
        _write(claimed, {**about, "operation_id": str(taken.operation_id)})
        claimed.rename(claimed.with_suffix(".used"))


def _discard_oldest(user: AbstractBaseUser) -> None:
    for upload in waiting(user)[MOST_WAITING:]:
        remove(upload.folder)


def _owner(user: AbstractBaseUser) -> str:
    """With the name too: a deleted user's key may be given to somebody else."""
    return f"{user._meta.label_lower}:{user.pk}:{user.get_username()}"


def _about(upload: Upload) -> dict[str, Any]:
    return {
        "name": upload.name,
        "size": upload.size,
        "sha256": upload.sha256,
        "received": upload.received,
    }


def _upload(id: str, folder: Path, about: dict[str, Any]) -> Upload:
    return Upload(
        id=id,
        name=about["name"],
        size=about["size"],
        sha256=about["sha256"],
        received=about["received"],
        folder=folder,
    )


def _write(folder: Path, about: dict[str, Any]) -> None:
    new = folder / f"{_ABOUT}.new"
    new.touch(mode=0o600)
    new.write_text(json.dumps(about))
    new.replace(folder / _ABOUT)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        about: dict[str, Any] = json.loads((folder / _ABOUT).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        raise StorageError(
            f"The upload cannot be read: {error.strerror or type(error).__name__}.",
            hint="Send the file again.",
        ) from error
    return about


def _missing() -> UploadMissing:
    return UploadMissing(
        "There is no such upload any more.",
        hint="Uploads are kept for a while only. Send the file again.",
    )


def _used(operation_id: str) -> UploadUsed:
    if operation_id:
        used = UploadUsed(
            "This upload was restored already.", hint="Look at the result, or send the file again."
        )
    else:
        used = UploadUsed(
            "This upload is being restored right now.", hint="Wait for the result of that."
        )
    used.operation_id = operation_id
    return used
