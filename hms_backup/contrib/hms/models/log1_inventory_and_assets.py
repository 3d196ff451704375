"""LOG1, Inventory & Assets: stock, dispensing and equipment."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, today, wall_clock
from .ct1_patient_access import Patient
from .shared import User


class InventoryItem(models.Model):
    """A stocked medicine or supply."""

    id = models.AutoField(primary_key=True)
    item_name = models.CharField(max_length=200)
    category = models.CharField(max_length=100, null=True, blank=True)
    quantity = models.IntegerField(null=True, blank=True, default=0)
    unit = models.CharField(max_length=50, null=True, blank=True, default="units")
    reorder_level = models.IntegerField(null=True, blank=True, default=10)
    location = models.CharField(max_length=100, null=True, blank=True)
    expiry_date = models.DateField(null=True, blank=True)
    batch_number = models.CharField(max_length=100, null=True, blank=True)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "inventory"
        verbose_name = _("inventory item")
        verbose_name_plural = _("inventory items")

    def __str__(self) -> str:
        return self.item_name


class Dispensing(models.Model):
    """Stock given to a patient."""

    id = models.AutoField(primary_key=True)
    patient = models.ForeignKey(
        Patient, on_delete=models.RESTRICT, null=True, blank=True, related_name="dispensing_history"
    )
    inventory = models.ForeignKey(
        InventoryItem,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="dispensing_history",
    )
    quantity = models.IntegerField()
    dispensed_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="dispensed_by",
        related_name="dispensing_history_as_dispensed_by",
    )
    notes = models.TextField(null=True, blank=True)
    dispensed_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "dispensing_history"
        verbose_name = _("dispensing")
        verbose_name_plural = _("dispensings")

    def __str__(self) -> str:
        return f"{self.quantity} of {self.inventory} to {self.patient}"


class Asset(models.Model):
    """A piece of equipment."""

    id = models.AutoField(primary_key=True)
    asset_name = models.CharField(max_length=200)
    tag_number = models.CharField(max_length=100, null=True, blank=True, unique=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    last_maintenance = models.DateField(null=True, blank=True)
    warranty_expiry = models.DateField(null=True, blank=True)

    class Meta:
        managed = False
        db_table = "assets"
        verbose_name = _("asset")
        verbose_name_plural = _("assets")

    def __str__(self) -> str:
        return self.asset_name


class AssetMaintenanceLog(models.Model):
    """One inspection or repair of a piece of equipment."""

    id = models.AutoField(primary_key=True)
    asset = models.ForeignKey(
        Asset,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="asset_maintenance_logs",
    )
    maintenance_date = models.DateField(null=True, blank=True, default=today)
    maintenance_type = models.CharField(max_length=50, null=True, blank=True, default="Other")
    performed_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="performed_by",
        related_name="asset_maintenance_logs_as_performed_by",
    )
    notes = models.TextField(null=True, blank=True)
    cost = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "asset_maintenance_logs"
        verbose_name = _("asset maintenance log")
        verbose_name_plural = _("asset maintenance logs")

    def __str__(self) -> str:
        return f"{self.asset}: {self.maintenance_type} on {self.maintenance_date}"
