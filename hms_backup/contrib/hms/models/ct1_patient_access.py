"""CT1, Patient Access: patients and their appointments."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, wall_clock
from .shared import User


class Patient(models.Model):
    """A person the hospital cares for."""

    id = models.AutoField(primary_key=True)
    patient_id_alt = models.CharField(
        "patient number", max_length=50, null=True, blank=True, unique=True
    )
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    dob = models.DateField("date of birth", null=True, blank=True)
    gender = models.CharField(max_length=20, null=True, blank=True)
    contact_number = models.CharField(max_length=20, null=True, blank=True)
    address = models.TextField(null=True, blank=True)
    insurance_info = models.JSONField(null=True, blank=True, default=dict)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    allergies = models.TextField(null=True, blank=True, default="None known")
    temp_id = models.CharField("temporary number", max_length=30, null=True, blank=True)
    status = models.CharField(max_length=20, null=True, blank=True, default="Temporary")
    no_show_count = models.IntegerField("no-shows", null=True, blank=True, default=0)
    is_banned = models.BooleanField("banned", null=True, blank=True, default=False)
    ban_reason = models.TextField(null=True, blank=True)
    queue_number = models.CharField(max_length=20, null=True, blank=True)
    terms_agreed = models.BooleanField(null=True, blank=True, default=False)
    terms_agreed_at = WallClockField(null=True, blank=True)
    visit_type = models.CharField(max_length=30, null=True, blank=True)
    gov_id_url = models.TextField("government ID (URL)", null=True, blank=True)
    official_id = models.CharField("official number", max_length=30, null=True, blank=True)

    class Meta:
        managed = False
        db_table = "patients"
        verbose_name = _("patient")
        verbose_name_plural = _("patients")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Appointment(models.Model):
    """A patient's time with a doctor."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.RESTRICT, null=True, blank=True, related_name="appointments"
    )
    doctor = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="appointments_as_doctor",
    )
    appointment_date = WallClockField("date and time")
    status = models.CharField(max_length=50, null=True, blank=True, default="Scheduled")
    type = models.CharField(max_length=50, null=True, blank=True)
    notes = models.TextField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    visit_type = models.CharField(max_length=30, null=True, blank=True)
    reschedule_count = models.IntegerField(null=True, blank=True, default=0)
    last_rescheduled_at = WallClockField(null=True, blank=True)
    original_date = WallClockField(null=True, blank=True)
    cancellation_fee = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, blank=True, default=Decimal(0)
    )
    no_show_fee = models.DecimalField(
        "no-show fee", max_digits=10, decimal_places=2, null=True, blank=True, default=Decimal(0)
    )
    checked_in_at = WallClockField(null=True, blank=True)
    terms_agreed = models.BooleanField(null=True, blank=True, default=False)
    room_number = models.CharField(max_length=30, null=True, blank=True)

    class Meta:
        managed = False
        db_table = "appointments"
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")

    def __str__(self) -> str:
        return f"{self.patient} on {self.appointment_date:%Y-%m-%d %H:%M}"
