"""Receives an uploaded archive straight into the private folder, counting while it is read.

Django's own handlers know no limit: ``DATA_UPLOAD_MAX_MEMORY_SIZE`` does not cover files. And
`CsrfViewMiddleware` reads the whole request before a view runs, so a view that receives a file
is wrapped in `receives_file`, which makes both happen in the right order.
"""

from __future__ import annotations

import functools
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Concatenate, ParamSpec, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.db import connections
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from .conf import MEBIBYTE, get_settings
from .exceptions import ArchiveTooLarge, ConfigurationError, UploadError
from .private import private_folder, remove, unwritable
from .uploads import Upload, keep, open_named

if TYPE_CHECKING:
    BytesFile = UploadedFile[bytes]
else:
    BytesFile = UploadedFile

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

FORM_BYTES = MEBIBYTE
"""How much longer than its file a request may be: the form's other fields."""


class ReceivedFile(BytesFile):
    """A file in the private folder; it is deleted with the request unless it is kept."""

    def __init__(self, path: Path, file: BinaryIO, name: str | None, content_type: str) -> None:
        super().__init__(cast("Any", file), name, content_type, 0)
        self.path = path
        self.sha256 = ""

    def keep(self, user: AbstractBaseUser) -> Upload:
        """Make it an upload of the user's, to be found again. Raises `StorageError`."""
        return keep(self.path, user, name=self.name or "", size=self.size or 0, sha256=self.sha256)

    def reopen(self) -> BinaryIO:
        """Open it for reading; its ``name`` is the one on the user's side."""
        return open_named(self.path, self.name or "")

    def close(self) -> None:
        """Close and delete it; a kept one has moved away and stays."""
        super().close()
        remove(self.path)


class PrivateUploadHandler(FileUploadHandler):
    """Writes the one file of a form to the private folder and refuses what is too large."""

    def __init__(self, request: HttpRequest, field: str, limit: int) -> None:
        super().__init__(request)
        self._field = field
        self._limit = limit
        self._hash = hashlib.sha256()
        self._received = 0
        self.file: ReceivedFile | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open a file of our own for it."""
        super().new_file(*args, **kwargs)
        if self.field_name != self._field or self.file is not None:
            raise UploadError(
                f"Send exactly one file, as {self._field!r}.", hint="Choose one backup file."
            )
        path = private_folder() / f".{secrets.token_hex(16)}.part"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise unwritable(error) from error
        self.file = ReceivedFile(
            path, os.fdopen(descriptor, "w+b"), self.file_name, self.content_type or ""
        )

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> None:
        """Write a piece of it."""
        self._received += len(raw_data)
        if self._received > self._limit:
            raise too_large(self._limit)
        self._hash.update(raw_data)
        try:
            self._open_file.write(raw_data)
        except OSError as error:
            raise unwritable(error) from error

    def file_complete(self, file_size: int) -> ReceivedFile:
        """Return the file, whole and flushed."""
        file = self._open_file
        try:
            file.flush()
        except OSError as error:
            raise unwritable(error) from error
        file.seek(0)
        file.size = file_size
        file.sha256 = self._hash.hexdigest()
        return file

    def upload_interrupted(self) -> None:
        """Delete what came."""
        self.drop()

    def drop(self) -> None:
        """Delete the file that was begun, if any."""
        if self.file is not None:
            self.file.close()

    @property
    def _open_file(self) -> ReceivedFile:
        if self.file is None:
            raise UploadError("The form is not in order.", hint="Send it again.")
        return self.file


def receives_file(field: str) -> Callable[[View[P]], View[P]]:
    """Let a view of the web receive one file, as ``field``, with the CSRF token checked.

    Whoever may not post at all must be turned away before: the whole file is read to find a token
    that is in the form. Raises `ArchiveTooLarge`, `UploadError`, `StorageError` for what encloses
    the view to answer.
    """

    def decorate(view: View[P]) -> View[P]:
        protected = csrf_protect(view)

        @csrf_exempt
        @functools.wraps(view)
        def receiving(
            request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            if request.method == "POST":
                receive(request, field)
            return protected(request, *args, **kwargs)

        return receiving

    return decorate


def receive(request: HttpRequest, field: str) -> ReceivedFile | None:
    """Read the request's form, with its file as ``field``. Return the file; None without one.

    No database connection is held while it arrives. Raises `ArchiveTooLarge`, `UploadError`,
    `StorageError`, and what Django raises for a form that is not well-formed.
    """
    release_connections()
    limit = get_settings().max_archive_bytes
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > limit + FORM_BYTES:
        raise too_large(limit)
    handler = PrivateUploadHandler(request, field, limit)
    try:
        request.upload_handlers = [handler]
    except AttributeError as error:
        raise ConfigurationError(
            "Something read this request before its file could be received.",
            hint="Look for a middleware that uses request.POST or request.FILES of every request.",
        ) from error
    counted = _count_reading(request)
    try:
        file = request.FILES.get(field)
        # Django takes what came for the whole form. Of one that was cut off, the field may be
        # missing that says to restore nothing.
        if declared.isdigit() and counted() < int(declared):
            raise UploadError("The form did not arrive whole.", hint="Send it again.")
    except BaseException:
        handler.drop()
        raise
    return file if isinstance(file, ReceivedFile) else None


def _count_reading(request: HttpRequest) -> Callable[[], int]:
    """Count the bytes that are read from the request's body from now on."""
    if hasattr(request, "_body"):  # a middleware has read all of it into memory
        return lambda: len(request.body)
    read, sizes = request.read, [0]

    def counting(size: int | None = None) -> bytes:
        data = read(size)
        sizes[0] += len(data)
        return data

    request.read = counting  # type: ignore[method-assign]  # what the parser reads from
    return lambda: sizes[0]


def release_connections() -> None:
    """Close this thread's idle database connections: Django opens new ones when they are needed."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def too_large(limit: int) -> ArchiveTooLarge:
    """The refusal of a file over the limit."""
    return ArchiveTooLarge(
        f"The file is larger than the {limit / MEBIBYTE:,.0f} MB that are accepted.",
        hint="Raise HMS_BACKUP['MAX_ARCHIVE_BYTES'] if it is the right file.",
    )
