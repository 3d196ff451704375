"""What the lists of the hospital's rows need beyond any other table's."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal

from django.db import connections, models
from django.http import HttpRequest

from hms_backup.admin.subsystem_rows import SubsystemRowsAdmin

from ..fields import WallClockField

if TYPE_CHECKING:
    QuerySet = models.QuerySet[models.Model]
else:
    QuerySet = models.QuerySet


class WallClockQuerySet(QuerySet):
    """Rows whose days and months are those of the clock on the wall.

    Django would first convert such a time from the project's zone, and so tell a visit on the
    first of March, at one in the morning, as one in February.
    """

    def datetimes(
        self,
        field_name: str,
        kind: Literal["year", "month", "week", "day", "hour", "minute", "second"],
        order: Literal["ASC", "DESC"] = "ASC",
        tzinfo: dt.tzinfo | None = None,
    ) -> Any:
        """Return the distinct years, months or days, for the date hierarchy of a list."""
        if isinstance(self.model._meta.get_field(field_name), WallClockField):
            tzinfo = connections[self.db].timezone
        return super().datetimes(field_name, kind, order, tzinfo)


def on_the_wall_clock(rows: models.QuerySet[models.Model]) -> WallClockQuerySet:
    """Return the same rows."""
    return WallClockQuerySet(model=rows.model, query=rows.query, using=rows.db)


class HospitalRowsAdmin(SubsystemRowsAdmin):
    """The admin of a hospital's table; `admin_for` makes one for each."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[models.Model]:
        """The rows, dated by the wall clock."""
        return on_the_wall_clock(super().get_queryset(request))
