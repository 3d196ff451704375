"""HR2, Talent Development: skills and trainings."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, today, wall_clock
from .shared import User


class Competency(models.Model):
    """A skill that a role asks for."""

    id = models.AutoField(primary_key=True)
    role = models.CharField(max_length=100, null=True, blank=True)
    skill_name = models.CharField(max_length=100)
    description = models.TextField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "competencies"
        verbose_name = _("competency")
        verbose_name_plural = _("competencies")

    def __str__(self) -> str:
        return self.skill_name


class StaffCompetency(models.Model):
    """How well a member of staff has a skill."""

    id = models.AutoField(primary_key=True)
    user = models.ForeignKey(
        User, on_delete=models.RESTRICT, null=True, blank=True, related_name="staff_competencies"
    )
    competency = models.ForeignKey(
        Competency,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="staff_competencies",
    )
    assessment_date = models.DateField(null=True, blank=True, default=today)
    level = models.CharField(max_length=50, null=True, blank=True)
    assessor = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="staff_competencies_as_assessor",
    )

    class Meta:
        managed = False
        db_table = "staff_competencies"
        verbose_name = _("staff competency")
        verbose_name_plural = _("staff competencies")

    def __str__(self) -> str:
        return f"{self.user}: {self.competency}"


class Training(models.Model):
    """A course or seminar."""

    id = models.AutoField(primary_key=True)
    title = models.CharField(max_length=200)
    type = models.CharField(max_length=100, null=True, blank=True)
    schedule_date = WallClockField(null=True, blank=True)
    description = models.TextField(null=True, blank=True)
    location = models.CharField(max_length=200, null=True, blank=True)
    trainer = models.CharField(max_length=100, null=True, blank=True)
    target_department = models.CharField(max_length=100, null=True, blank=True)
    max_participants = models.IntegerField(null=True, blank=True)
    materials_url = models.TextField("materials (URL)", null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Scheduled")

    class Meta:
        managed = False
        db_table = "trainings"
        verbose_name = _("training")
        verbose_name_plural = _("trainings")

    def __str__(self) -> str:
        return self.title


class TrainingParticipant(models.Model):
    """A member of staff enrolled in a training, once each."""

    id = models.AutoField(primary_key=True)
    training = models.ForeignKey(
        Training,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="training_participants",
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, related_name="training_participants"
    )
    enrolled_at = WallClockField(null=True, blank=True, default=wall_clock)
    attendance_status = models.CharField(max_length=50, null=True, blank=True, default="Enrolled")

    class Meta:
        managed = False
        db_table = "training_participants"
        verbose_name = _("training participant")
        verbose_name_plural = _("training participants")
        constraints = [
            models.UniqueConstraint(
                fields=["training", "user"], name="training_participants_training_id_user_id_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.training}"
