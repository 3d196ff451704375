"""The audit log: who backed up, restored or exported what, when, and how it went."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .exceptions import NotPermitted


def _refuse_change() -> NoReturn:
    raise NotPermitted(
        "The audit log is append-only: its entries cannot be changed or deleted.",
        hint="Entries are written by the operations they describe and by nothing else.",
    )


class AuditLogQuerySet(models.QuerySet["AuditLog"]):
    """Reads; every way of changing many rows at once is refused."""

    def update(self, **_: Any) -> NoReturn:
        """Raise `NotPermitted`."""
        _refuse_change()

    def delete(self) -> NoReturn:
        """Raise `NotPermitted`."""
        _refuse_change()

    # As on Django's own QuerySet: templates must not call it, and managers do not get it.
    delete.alters_data = True  # type: ignore[attr-defined]  # Django's documented convention
    delete.queryset_only = True  # type: ignore[attr-defined]  # Django's documented convention

    def bulk_create(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `NotPermitted`: with ``update_conflicts`` it changes rows."""
        _refuse_change()

    def bulk_update(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `NotPermitted`."""
        _refuse_change()


class AuditLog(models.Model):
    """One operation, from the moment before it began.

    An entry is inserted as ``STARTED`` and makes one transition, to ``SUCCESS`` or ``FAIL``, in
    `hms_backup.audit.finish`. Nothing else in the ORM can change or delete it. It holds names and
    counts, never a row's values.
    """

    class Action(models.TextChoices):
        """What was done."""

        BACKUP = "BACKUP", _("backup")
        RESTORE = "RESTORE", _("restore")
        EXPORT = "EXPORT", _("export")

    class Scope(models.TextChoices):
        """What ``target_id`` identifies."""

        DEPARTMENT = "DEPARTMENT", _("department")
        SUBSYSTEM = "SUBSYSTEM", _("subsystem")

    class Status(models.TextChoices):
        """How it went."""

        STARTED = "STARTED", _("started")
        SUCCESS = "SUCCESS", _("success")
        FAIL = "FAIL", _("failed")

    operation_id = models.UUIDField(_("operation"), default=uuid.uuid4, unique=True, editable=False)
    timestamp = models.DateTimeField(_("started at"), default=timezone.now)
    duration = models.PositiveBigIntegerField(
        _("duration"), null=True, blank=True, help_text=_("In milliseconds.")
    )
    # No constraint and no ON DELETE: the log may live in another database than the users, and
    # deleting a user must neither fail nor rewrite history. username survives in any case.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("user"),
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    username = models.CharField(_("user name"), max_length=255, blank=True)
    origin = models.CharField(
        _("origin"),
        max_length=255,
        blank=True,
        help_text=_("The command line, or the address a request came from."),
    )
    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    dry_run = models.BooleanField(_("dry run"), default=False)
    scope = models.CharField(
        _("scope"),
        max_length=16,
        choices=Scope.choices,
        blank=True,
        help_text=_("Empty when the archive could not be read."),
    )
    target_id = models.CharField(_("target"), max_length=255, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.STARTED
    )
    file_name = models.CharField(_("file"), max_length=255, blank=True)
    file_size = models.PositiveBigIntegerField(
        _("file size"), null=True, blank=True, help_text=_("In bytes.")
    )
    archive_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64, blank=True)
    rows_archived = models.PositiveBigIntegerField(_("rows archived"), default=0)
    rows_inserted = models.PositiveBigIntegerField(_("rows inserted"), default=0)
    rows_updated = models.PositiveBigIntegerField(_("rows updated"), default=0)
    rows_unchanged = models.PositiveBigIntegerField(_("rows unchanged"), default=0)
    rows_deleted = models.PositiveBigIntegerField(_("rows deleted"), default=0)
    details = models.JSONField(
        _("details"),
        default=dict,
        blank=True,
        help_text=_("Options, problems, and rows per table."),
    )
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    error_message = models.TextField(_("error message"), blank=True)
    host = models.CharField(_("host"), max_length=255, blank=True)
    pid = models.PositiveBigIntegerField(_("process id"), null=True, blank=True)
    owner = models.CharField(
        _("owner"),
        max_length=255,
        blank=True,
        help_text=_("Tells the process from any other, so that a crash is recognised."),
    )
    heartbeat = models.DateTimeField(_("last sign of life"), db_default=Now())

    objects = AuditLogQuerySet.as_manager()

    class Meta:
        db_table = "system_audit_logs"
        ordering = ("-timestamp", "-id")
        get_latest_by = "timestamp"
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log")
        indexes = (
            models.Index(fields=["-timestamp"], name="audit_by_time"),
            models.Index(
                fields=["target_id", "action", "status", "-timestamp"], name="audit_by_target"
            ),
            models.Index(
                fields=["status"], name="audit_running", condition=models.Q(status="STARTED")
            ),
        )

    def __str__(self) -> str:
        return f"{self.local_timestamp:%Y-%m-%d %H:%M} {self.action} {self.target_id} {self.status}"

    def save(self, **options: Any) -> None:
        """Insert a new entry. Raise `NotPermitted` for one that exists.

        Always an INSERT: with a primary key given, Django would otherwise try an UPDATE first.
        """
        changes = options.get("force_update") or options.get("update_fields") is not None
        if changes or not self._state.adding:
            _refuse_change()
        super().save(**{**options, "force_insert": True})

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Raise `NotPermitted`."""
        _refuse_change()

    @property
    def local_timestamp(self) -> datetime:
        """When it began, by the clock of the current time zone, if the project has any."""
        aware = timezone.is_aware(self.timestamp)
        return timezone.localtime(self.timestamp) if aware else self.timestamp


class DataManagement(AuditLog):
    """What the rights on departments and subsystems belong to; it has no rows of its own.

    A proxy, so that there is a content type to hang permissions on and no table to keep.
    """

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("data management")
        verbose_name_plural = _("data management")
