"""Draws of believable values, all from factory-boy's one seeded generator."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

import factory
from factory.random import randgen

from ..vocabulary import CITIES, FIRST_NAMES, LAST_NAMES, STREETS

T = TypeVar("T")

TODAY = dt.date(2026, 3, 1)
"""The example's present day: fixed, so that a seed gives the same hospital in any year."""


def drawn(draw: Callable[..., T], *arguments: Any) -> Any:
    """Declare a factory's attribute as the result of a draw."""
    return factory.LazyFunction(partial(draw, *arguments))


def one_of(*choices: Any) -> Any:
    """Declare a factory's attribute as one of ``choices``."""
    return drawn(randgen.choice, choices)


def among(rows: Sequence[Any], *, missing: float = 0.0) -> Any:
    """Declare a reference to one of ``rows``, to none in the given share of cases."""
    return drawn(lambda: None if randgen.random() < missing else randgen.choice(rows))


def sometimes(draw: Callable[[], T], share: float = 0.7) -> T | None:
    """A draw, or NULL."""
    return draw() if randgen.random() < share else None


def whole(low: int, high: int) -> int:
    """A whole number from low to high, both possible."""
    return randgen.randint(low, high)


def money(low: int, high: int) -> Decimal:
    """An amount in pesos and centavos."""
    return Decimal(randgen.randint(low * 100, high * 100)).scaleb(-2)


def day(first: int = -365, last: int = 0) -> dt.date:
    """A date so many days from the example's present day."""
    return TODAY + dt.timedelta(days=randgen.randint(first, last))


def moment(first: int = -365, last: int = 0) -> dt.datetime:
    """A time to the microsecond, on a day between those two."""
    midnight = dt.datetime.combine(day(first, last), dt.time())
    return midnight + dt.timedelta(microseconds=randgen.randrange(86_400_000_000))


def visiting_hour(first: int = -90, last: int = 30) -> dt.datetime:
    """A quarter of an hour between eight and five, as appointments are given."""
    time = dt.time(whole(8, 16), randgen.choice((0, 15, 30, 45)))
    return dt.datetime.combine(day(first, last), time)


def phone() -> str:
    """A Philippine mobile number, in one of the ways people write it."""
    prefix, rest = f"9{whole(10, 99)}", f"{whole(0, 9_999_999):07d}"
    written = (f"+63 {prefix} {rest[:3]} {rest[3:]}", f"0{prefix}-{rest[:3]}-{rest[3:]}")
    return randgen.choice((*written, f"0{prefix}{rest}"))


def person() -> str:
    """A full name."""
    return f"{randgen.choice(FIRST_NAMES)} {randgen.choice(LAST_NAMES)}"


def address() -> str:
    """A street address in two lines."""
    return f"{whole(1, 999)} {randgen.choice(STREETS)} St.\n{randgen.choice(CITIES)}"


def email_of(name: str, number: int) -> str:
    """An address that is that person's alone."""
    letters = "".join(each for each in name.lower() if each.isascii() and each.isalnum())
    return f"{letters}{number}@hospital.example"
