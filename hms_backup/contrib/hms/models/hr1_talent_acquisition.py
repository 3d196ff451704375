"""HR1, Talent Acquisition: hiring, from the vacancy to the first day."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, wall_clock
from .shared import User


class Vacancy(models.Model):
    """A position to fill."""

    id = models.AutoField(primary_key=True)
    position_name = models.CharField(max_length=100)
    department = models.CharField(max_length=50, null=True, blank=True)
    reason = models.CharField(max_length=100, null=True, blank=True)
    requirements = models.TextField(null=True, blank=True)
    qualifications = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Open")
    approved_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="approved_by",
        related_name="vacancies_as_approved_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "vacancies"
        verbose_name = _("vacancy")
        verbose_name_plural = _("vacancies")

    def __str__(self) -> str:
        return self.position_name


class Applicant(models.Model):
    """Someone who applied for a vacancy."""

    id = models.AutoField(primary_key=True)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    email = models.EmailField(max_length=120, null=True, blank=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    source = models.CharField(max_length=50, null=True, blank=True)
    vacancy = models.ForeignKey(
        Vacancy, on_delete=models.SET_NULL, null=True, blank=True, related_name="applicants"
    )
    status = models.CharField(max_length=50, null=True, blank=True, default="Screening")
    documents = models.JSONField(null=True, blank=True, default=list)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "applicants"
        verbose_name = _("applicant")
        verbose_name_plural = _("applicants")

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Interview(models.Model):
    """A meeting with an applicant."""

    id = models.AutoField(primary_key=True)
    applicant = models.ForeignKey(
        Applicant, on_delete=models.CASCADE, null=True, blank=True, related_name="interviews"
    )
    interviewer = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="interviews_as_interviewer",
    )
    interview_date = WallClockField("date and time")
    location = models.CharField(max_length=200, null=True, blank=True)
    notes = models.TextField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Scheduled")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "interviews"
        verbose_name = _("interview")
        verbose_name_plural = _("interviews")

    def __str__(self) -> str:
        return f"{self.applicant} on {self.interview_date:%Y-%m-%d}"


class Onboarding(models.Model):
    """A hired applicant's first steps."""

    id = models.AutoField(primary_key=True)
    applicant = models.ForeignKey(
        Applicant, on_delete=models.CASCADE, null=True, blank=True, related_name="onboarding"
    )
    position = models.ForeignKey(
        Vacancy, on_delete=models.SET_NULL, null=True, blank=True, related_name="onboarding"
    )
    start_date = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Pending")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "onboarding"
        verbose_name = _("onboarding")
        verbose_name_plural = _("onboardings")

    def __str__(self) -> str:
        return f"{self.applicant} from {self.start_date}"
