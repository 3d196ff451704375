"""The services' question to the policy; a denial is always in the audit log.

Where the actor of a service is a user, the policy decides. An actor without one is an operator,
whom the system itself let in: the command line, or Python code of the project's own.
"""

from __future__ import annotations

from typing import NoReturn

from . import inspection, policy
from .audit import Actor
from .exceptions import NotPermitted
from .inspection import Inspection, Source, scope_of
from .models import AuditLog
from .operation import Operation
from .policy import Right
from .progress import Progress
from .registry import Scope


def require(actor: Actor, right: Right, scope: Scope) -> None:
    """Raise `NotPermitted` for a user without the right; operators need none."""
    if actor.user is not None:
        policy.authorize(actor.user, right, scope)


def authorize(actor: Actor, right: Right, scope: Scope) -> None:
    """Raise `NotPermitted` unless the actor has the right on all of ``scope``, and record that.

    For doors that ask before they receive a file; every other service asks by itself.
    """
    try:
        require(actor, right, scope)
    except NotPermitted as refusal:
        refuse(actor, right, refusal, scope=scope)


def refuse(
    actor: Actor, right: Right, refusal: NotPermitted, *, scope: Scope | None = None
) -> NoReturn:
    """Record a refusal and raise it; without ``scope``, nothing in particular was asked for."""
    with Operation(AuditLog.Action[right.name], actor, scope=scope):
        raise refusal from None


def inspect_archive(
    source: Source, *, actor: Actor | None = None, expected: Scope | None = None
) -> Inspection:
    """Read what an archive says about itself, touching none of the hospital's tables.

    A user needs a right, either, on what the archive is of, or on the ``expected`` part of it.
    Raises `ArchiveError` and `NotPermitted`.
    """
    found = inspection.inspect_archive(source)
    if actor is not None and actor.user is not None:
        _authorize_either(actor, _addressed(found, expected))
    return found


def verify_archive(
    source: Source,
    *,
    actor: Actor | None = None,
    expected: Scope | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Prove every checksum of an archive; return, need and raise what `inspect_archive` does."""
    if actor is not None and actor.user is not None:
        inspect_archive(source, actor=actor, expected=expected)
    return inspection.verify_archive(source, progress=progress)


def _addressed(found: Inspection, expected: Scope | None) -> Scope:
    scope = found.scope or scope_of(found.manifest)
    if expected is not None and expected.whole_department == scope:
        return expected
    return scope


def _authorize_either(actor: Actor, scope: Scope) -> None:
    try:
        require(actor, Right.BACKUP, scope)
    except NotPermitted:
        authorize(actor, Right.RESTORE, scope)
