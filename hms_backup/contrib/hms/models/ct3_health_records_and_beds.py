"""CT3, Health Records & Beds: medical records and beds."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, wall_clock
from .ct1_patient_access import Patient
from .shared import User


class MedicalRecord(models.Model):
    """What a visit found and decided."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.CASCADE, null=True, blank=True, related_name="medical_records"
    )
    doctor = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="medical_records_as_doctor",
    )
    visit_date = WallClockField(null=True, blank=True, default=wall_clock)
    diagnosis = models.TextField()
    treatment = models.TextField(null=True, blank=True)
    vitals = models.JSONField(null=True, blank=True)
    notes = models.TextField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "medical_records"
        verbose_name = _("medical record")
        verbose_name_plural = _("medical records")

    def __str__(self) -> str:
        return f"{self.patient}: {self.diagnosis}"


class Bed(models.Model):
    """A bed and who lies in it."""

    id = models.AutoField(primary_key=True)
    room_number = models.CharField(max_length=20, null=True, blank=True)
    ward_name = models.CharField(max_length=50, null=True, blank=True)
    type = models.CharField(max_length=50, null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Available")
    patient = models.ForeignKey(
        Patient, on_delete=models.SET_NULL, null=True, blank=True, related_name="beds"
    )
    assigned_at = WallClockField(null=True, blank=True)
    discharged_at = WallClockField(null=True, blank=True)
    cleaned_at = WallClockField(null=True, blank=True)
    discharge_report_url = models.TextField("discharge report (URL)", null=True, blank=True)

    class Meta:
        managed = False
        db_table = "beds"
        verbose_name = _("bed")
        verbose_name_plural = _("beds")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.ward_name, self.room_number))) or f"bed {self.pk}"
