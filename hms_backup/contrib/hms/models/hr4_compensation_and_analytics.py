"""HR4, Compensation & Analytics: salary grades, compensation and payroll."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, today, wall_clock
from .shared import User


class SalaryGrade(models.Model):
    """A band of salaries."""

    id = models.AutoField(primary_key=True)
    grade_name = models.CharField(max_length=50, unique=True)
    min_salary = models.DecimalField(max_digits=12, decimal_places=2)
    max_salary = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "salary_grades"
        verbose_name = _("salary grade")
        verbose_name_plural = _("salary grades")

    def __str__(self) -> str:
        return self.grade_name


class CompensationRecord(models.Model):
    """What a member of staff is paid from a date on."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="compensation_records"
    )
    base_salary = models.DecimalField(max_digits=12, decimal_places=2)
    allowances = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    bonuses = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    deductions = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    effective_date = models.DateField(null=True, blank=True, default=today)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "compensation_records"
        verbose_name = _("compensation record")
        verbose_name_plural = _("compensation records")

    def __str__(self) -> str:
        return f"{self.user} from {self.effective_date}"


class PayrollRecord(models.Model):
    """One pay slip."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="payroll_records"
    )
    pay_period_start = models.DateField()
    pay_period_end = models.DateField()
    base_salary = models.DecimalField(max_digits=12, decimal_places=2)
    gross_salary = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    bonuses = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    deductions = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    net_pay = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=50, null=True, blank=True, default="Processed")
    processed_date = WallClockField(null=True, blank=True, default=wall_clock)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "payroll_records"
        verbose_name = _("payroll record")
        verbose_name_plural = _("payroll records")

    def __str__(self) -> str:
        return f"{self.user}, {self.pay_period_start} to {self.pay_period_end}"
