"""The department or subsystem that an address names."""

from __future__ import annotations

from ..registry import Scope, registry
from .problems import RequestError

FIND = {
    "dept": registry.department,
    "department": registry.department,
    "subsystem": registry.subsystem,
}
"""How each kind of scope is found by its id."""


def scope_of(kind: str, id: str) -> Scope:
    """Return the scope of an address. Raises `RequestError` and `UnknownScope`."""
    if kind not in FIND:
        raise RequestError(
            "not_found",
            f"There is no kind of scope {kind[:80]!r}.",
            hint=f"It is one of {', '.join(FIND)}.",
        )
    return FIND[kind](id)
