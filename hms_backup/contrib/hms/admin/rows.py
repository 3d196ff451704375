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

MOST_YEARS = 40


class DatedRows(QuerySet):
    """Rows whose years, months and days are told fast, and by the clock on the wall.

    Django would first convert such a time from the project's zone, and so tell a visit on the
    first of March, at one in the morning, as one in February.
    """

    def dates(
        self,
        field_name: str,
        kind: Literal["year", "month", "week", "day"],
        order: Literal["ASC", "DESC"] = "ASC",
    ) -> Any:
        """Return the distinct years, months or days."""
        years = self._years(field_name) if kind == "year" else []
        return years or super().dates(field_name, kind, order)

    def datetimes(
        self,
        field_name: str,
        kind: Literal["year", "month", "week", "day", "hour", "minute", "second"],
        order: Literal["ASC", "DESC"] = "ASC",
        tzinfo: dt.tzinfo | None = None,
    ) -> Any:
        """Return the distinct years, months, days and so on."""
        if isinstance(self.model._meta.get_field(field_name), WallClockField):
            tzinfo = connections[self.db].timezone
        years = self._years(field_name) if kind == "year" else []
        return years or super().datetimes(field_name, kind, order, tzinfo)

    def _years(self, field_name: str) -> list[dt.date]:
        """Every year from the first row's to the last's, where those are not absurdly many.

        Reading every row for the years that occur takes five times as long, and a year without
        rows between others is rare.
        """
        ends = self.aggregate(first=models.Min(field_name), last=models.Max(field_name))
        if ends["first"] is None or ends["last"].year - ends["first"].year > MOST_YEARS:
            return []
        return [dt.date(year, 1, 1) for year in range(ends["first"].year, ends["last"].year + 1)]


def dated(rows: models.QuerySet[models.Model]) -> DatedRows:
    """Return the same rows."""
    return DatedRows(model=rows.model, query=rows.query, using=rows.db)


class HospitalRowsAdmin(SubsystemRowsAdmin):
    """The admin of a hospital's table; `admin_for` makes one for each."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[models.Model]:
        """The rows, dated by the wall clock."""
        return dated(super().get_queryset(request))
