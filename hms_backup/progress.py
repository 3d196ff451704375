"""How long-running steps say how far they are, to whoever wants to know."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called as rows go by; must return quickly and must not raise.

    ``step`` names what is going on (``read``, ``verify``, ``stage``, …), ``table`` may be empty,
    ``done`` counts rows or bytes within the step and ``total`` is None when nobody knows it.
    """

    def __call__(self, step: str, table: str, done: int, total: int | None) -> None:
        """Take note."""
