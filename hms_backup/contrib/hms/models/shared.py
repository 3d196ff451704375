"""What every department refers to."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, in_ninety_days, wall_clock


class User(models.Model):
    """A member of staff who may sign in; no backup restores it."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=80, unique=True)
    full_name = models.CharField(max_length=100, null=True, blank=True)
    email = models.EmailField(max_length=120, unique=True)
    password_hash = models.CharField(max_length=255)
    subsystem = models.CharField(max_length=20)
    department = models.CharField(max_length=50)
    role = models.CharField(max_length=50, null=True, blank=True, default="Staff")
    password_created_at = WallClockField(default=wall_clock)
    password_expires_at = WallClockField(default=in_ninety_days)
    password_history = models.JSONField(null=True, blank=True, default=list)
    failed_login_attempts = models.IntegerField(null=True, blank=True, default=0)
    account_locked_until = WallClockField(null=True, blank=True)
    last_login = WallClockField(null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)
    is_active = models.BooleanField("active", null=True, blank=True, default=True)
    status = models.CharField(max_length=20, null=True, blank=True, default="Pending")
    avatar_url = models.TextField("avatar (URL)", null=True, blank=True)

    class Meta:
        managed = False
        db_table = "users"
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.full_name or self.username
