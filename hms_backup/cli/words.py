"""Numbers, times and values as people read them; nothing here trusts where a text comes from."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

LONGEST_VALUE = 60
"""Characters of a value that a change shows."""
_CONTEXT = 12
"""Characters shown before the first difference of two long values."""


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 row``, ``1,234 rows``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int) -> str:
    """Bytes in decimal units, as ``ls -h --si`` and most file managers have them."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def duration(milliseconds: int | None) -> str:
    """``0.8 s``, ``2 min 05 s``; empty when nobody measured it."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02} s"


def moment(value: datetime) -> str:
    """A stored time in the project's time zone, to the minute."""
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{local:%Y-%m-%d %H:%M}"


def zone() -> str:
    """The zone of every `moment`."""
    return str(timezone.get_current_timezone())


def written(export_date: str) -> str:
    """An archive's ``export_date``: with its zone if it has one, as it is if it cannot be read."""
    try:
        value = datetime.fromisoformat(export_date)
    except ValueError:
        return printable(export_date)
    zone = f" {value:%Z}" if value.tzinfo else ""
    return f"{value:%Y-%m-%d %H:%M:%S}{zone}"


def printable(text: str) -> str:
    r"""Escape what a terminal could obey or hide: ``\x1b[2J`` in a name must not clear the screen.

    `str.isprintable` is false for controls, unassigned and private characters, and for the
    invisible ones that reorder text.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode()
        for char in text
    )


def value(text: str | None) -> str:
    """A column's value: NULL bare, and in quotes what could be taken for it or for nothing."""
    if text is None:
        return "NULL"
    shown = printable(text)
    if not shown or shown == "NULL" or shown != shown.strip():
        shown = f"'{shown}'"
    return shown if len(shown) <= LONGEST_VALUE else shown[: LONGEST_VALUE - 1] + "…"


def change(before: str | None, after: str | None) -> tuple[str, str]:
    """Two values to hold against each other, both cut to where they begin to differ."""
    if before is None or after is None or max(len(before), len(after)) <= LONGEST_VALUE:
        return value(before), value(after)
    start = max(_first_difference(before, after) - _CONTEXT, 0)
    lead = "…" if start else ""
    return lead + value(before[start:]), lead + value(after[start:])


def _first_difference(one: str, other: str) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))
