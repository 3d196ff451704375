"""Dates and times as the hospital keeps them: the clock on the wall, without a zone."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone


def wall_clock() -> dt.datetime:
    """Now, in the project's zone: the database's default of ``now()``."""
    now = timezone.now()  # naive already in a project without time zones
    return timezone.make_naive(now) if timezone.is_aware(now) else now


def today() -> dt.date:
    """Today, in the project's zone: the database's default of ``CURRENT_DATE``."""
    return wall_clock().date()


def in_ninety_days() -> dt.datetime:
    """When a password set now expires: the database's default of ``now() + '90 days'``."""
    return wall_clock() + dt.timedelta(days=90)


class WallClockField(models.DateTimeField):  # type: ignore[type-arg]
    """A ``timestamp without time zone``: naive in Python too, whatever ``USE_TZ`` says.

    Django's own field declares such a column's values to be in the project's zone, warns of each
    one, and writes them back converted to UTC.
    """

    description = "Date and time without a zone"

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """The column's type: the one of tables.json on PostgreSQL, Django's own elsewhere."""
        if connection.vendor == "postgresql":
            return "timestamp without time zone"
        return super().db_type(connection)

    def from_db_value(
        self, value: dt.datetime | None, _expression: Any, connection: BaseDatabaseWrapper
    ) -> dt.datetime | None:
        """Take off the zone that Django's SQLite converter puts on."""
        if value is not None and timezone.is_aware(value):
            return timezone.make_naive(value, connection.timezone)
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Read an aware value, as forms make them, on the project's clock."""
        prepared = self.to_python(models.Field.get_prep_value(self, value))
        if prepared is not None and timezone.is_aware(prepared):
            return timezone.make_naive(prepared)
        return prepared
