"""CT2, Clinical Operations: laboratory orders and prescriptions."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, wall_clock
from .ct1_patient_access import Patient
from .shared import User


class LabOrder(models.Model):
    """A test that a doctor ordered, and its results."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.RESTRICT, null=True, blank=True, related_name="lab_orders"
    )
    doctor = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="lab_orders_as_doctor"
    )
    test_name = models.CharField(max_length=100)
    status = models.CharField(max_length=50, null=True, blank=True, default="Ordered")
    results = models.JSONField(null=True, blank=True)
    critical_alert = models.BooleanField(null=True, blank=True, default=False)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "lab_orders"
        verbose_name = _("laboratory order")
        verbose_name_plural = _("laboratory orders")

    def __str__(self) -> str:
        return f"{self.test_name} for {self.patient}"


class Prescription(models.Model):
    """A medicine that a doctor prescribed."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.RESTRICT, null=True, blank=True, related_name="prescriptions"
    )
    doctor = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="prescriptions_as_doctor",
    )
    medication_name = models.CharField(max_length=200)
    dosage = models.CharField(max_length=100, null=True, blank=True)
    instructions = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Pending")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "prescriptions"
        verbose_name = _("prescription")
        verbose_name_plural = _("prescriptions")

    def __str__(self) -> str:
        return f"{self.medication_name} for {self.patient}"
