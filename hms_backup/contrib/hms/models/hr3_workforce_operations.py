"""HR3, Workforce Operations: attendance, leave and schedules."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, wall_clock
from .shared import User


class AttendanceLog(models.Model):
    """One clock-in and clock-out."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="attendance_logs"
    )
    clock_in = WallClockField(null=True, blank=True)
    clock_out = WallClockField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True)
    remarks = models.TextField(null=True, blank=True)
    overtime_hours = models.DecimalField(
        max_digits=4, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )

    class Meta:
        managed = False
        db_table = "attendance_logs"
        verbose_name = _("attendance log")
        verbose_name_plural = _("attendance logs")

    def __str__(self) -> str:
        return f"{self.user} at {self.clock_in}"


class LeaveRequest(models.Model):
    """A request for leave and its way through supervisor, HR and final decision."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="leave_requests"
    )
    leave_type = models.CharField(max_length=50, null=True, blank=True)
    start_date = models.DateField(null=True, blank=True)
    end_date = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Pending")
    remarks = models.TextField(null=True, blank=True)
    approved_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="approved_by",
        related_name="leave_requests_as_approved_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    document_url = models.TextField("document (URL)", null=True, blank=True)
    workflow_step = models.CharField(
        max_length=50, null=True, blank=True, default="Supervisor Review"
    )
    supervisor = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="leave_requests_as_supervisor",
    )
    supervisor_decision = models.CharField(max_length=20, null=True, blank=True)
    supervisor_notes = models.TextField(null=True, blank=True)
    supervisor_decided_at = WallClockField(null=True, blank=True)
    hr_validated = models.BooleanField("validated by HR", null=True, blank=True, default=False)
    hr_validated_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="hr_validated_by",
        related_name="leave_requests_as_hr_validated_by",
        verbose_name="validated by",
    )
    hr_validated_at = WallClockField("validated at", null=True, blank=True)
    hr_notes = models.TextField("HR notes", null=True, blank=True)
    final_decision = models.CharField(max_length=20, null=True, blank=True)
    final_decided_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="final_decided_by",
        related_name="leave_requests_as_final_decided_by",
    )
    final_decided_at = WallClockField(null=True, blank=True)
    is_archived = models.BooleanField("archived", null=True, blank=True, default=False)
    archived_at = WallClockField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "leave_requests"
        verbose_name = _("leave request")
        verbose_name_plural = _("leave requests")

    def __str__(self) -> str:
        return f"{self.user}: {self.leave_type} from {self.start_date}"


class StaffSchedule(models.Model):
    """A member of staff's hours on one day of the week."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="staff_schedules"
    )
    day_of_week = models.CharField(max_length=20, null=True, blank=True)
    start_time = models.TimeField()
    end_time = models.TimeField()
    is_active = models.BooleanField("active", null=True, blank=True, default=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    updated_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "staff_schedules"
        verbose_name = _("staff schedule")
        verbose_name_plural = _("staff schedules")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "day_of_week"], name="staff_schedules_user_id_day_of_week_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.day_of_week}"
