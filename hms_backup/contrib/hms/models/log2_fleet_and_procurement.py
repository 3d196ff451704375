"""LOG2, Fleet & Procurement: vehicles, drivers, suppliers and orders."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import WallClockField, today, wall_clock
from .shared import User


class FleetVehicle(models.Model):
    """An ambulance or other vehicle."""

    id = models.AutoField(primary_key=True)
    plate_number = models.CharField(max_length=20, null=True, blank=True, unique=True)
    model_name = models.CharField(max_length=100, null=True, blank=True)
    vehicle_type = models.CharField(max_length=50, null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Available")
    last_service = models.DateField(null=True, blank=True)
    mileage = models.IntegerField(null=True, blank=True, default=0)
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "fleet_vehicles"
        verbose_name = _("vehicle")
        verbose_name_plural = _("vehicles")

    def __str__(self) -> str:
        return self.plate_number or self.model_name or f"vehicle {self.pk}"


class Driver(models.Model):
    """Someone licensed to drive the fleet."""

    id = models.AutoField(primary_key=True)
    full_name = models.CharField(max_length=100)
    license_number = models.CharField(max_length=50, null=True, blank=True, unique=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "drivers"
        verbose_name = _("driver")
        verbose_name_plural = _("drivers")

    def __str__(self) -> str:
        return self.full_name


class FleetDispatch(models.Model):
    """One trip of a vehicle."""

    id = models.AutoField(primary_key=True)
    vehicle = models.ForeignKey(
        FleetVehicle,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="fleet_dispatch",
    )
    driver = models.ForeignKey(
        Driver, on_delete=models.RESTRICT, null=True, blank=True, related_name="fleet_dispatch"
    )
    destination = models.TextField(null=True, blank=True)
    purpose = models.TextField(null=True, blank=True)
    departure_time = WallClockField(null=True, blank=True, default=wall_clock)
    return_time = WallClockField(null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    logged_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="logged_by",
        related_name="fleet_dispatch_as_logged_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "fleet_dispatch"
        verbose_name = _("dispatch")
        verbose_name_plural = _("dispatches")

    def __str__(self) -> str:
        return f"{self.vehicle} to {self.destination}"


class FleetCost(models.Model):
    """Money spent on a vehicle."""

    id = models.AutoField(primary_key=True)
    vehicle = models.ForeignKey(
        FleetVehicle, on_delete=models.RESTRICT, null=True, blank=True, related_name="fleet_costs"
    )
    cost_type = models.CharField(max_length=50, null=True, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    description = models.TextField(null=True, blank=True)
    log_date = models.DateField(null=True, blank=True, default=today)
    logged_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="logged_by",
        related_name="fleet_costs_as_logged_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "fleet_costs"
        verbose_name = _("fleet cost")
        verbose_name_plural = _("fleet costs")

    def __str__(self) -> str:
        return f"{self.cost_type} for {self.vehicle}"


class Supplier(models.Model):
    """A firm that logistics orders from."""

    id = models.AutoField(primary_key=True)
    supplier_name = models.CharField(max_length=200)
    contact_person = models.CharField(max_length=100, null=True, blank=True)
    email = models.EmailField(max_length=120, null=True, blank=True)
    phone = models.CharField(max_length=20, null=True, blank=True)
    category = models.CharField(max_length=100, null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Active")
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "suppliers"
        verbose_name = _("supplier")
        verbose_name_plural = _("suppliers")

    def __str__(self) -> str:
        return self.supplier_name


class PurchaseOrder(models.Model):
    """An order to a supplier."""

    id = models.AutoField(primary_key=True)
    po_number = models.CharField("PO number", max_length=50, unique=True)
    supplier = models.ForeignKey(
        Supplier, on_delete=models.RESTRICT, null=True, blank=True, related_name="purchase_orders"
    )
    total_amount = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, blank=True, default=Decimal("0.00")
    )
    status = models.CharField(max_length=50, null=True, blank=True, default="Draft")
    notes = models.TextField(null=True, blank=True)
    requested_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="requested_by",
        related_name="purchase_orders_as_requested_by",
    )
    approved_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="approved_by",
        related_name="purchase_orders_as_approved_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "purchase_orders"
        verbose_name = _("purchase order")
        verbose_name_plural = _("purchase orders")

    def __str__(self) -> str:
        return self.po_number


class PurchaseOrderItem(models.Model):
    """One line of a purchase order."""

    id = models.AutoField(primary_key=True)
    purchase_order = models.ForeignKey(
        PurchaseOrder,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_column="po_id",
        related_name="po_items",
    )
    item_name = models.CharField(max_length=200)
    quantity = models.IntegerField()
    unit_price = models.DecimalField(max_digits=12, decimal_places=2)
    total_price = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        managed = False
        db_table = "po_items"
        verbose_name = _("purchase order item")
        verbose_name_plural = _("purchase order items")

    def __str__(self) -> str:
        return f"{self.quantity} of {self.item_name}"


class LogisticsDocument(models.Model):
    """An invoice, receipt or contract on file."""

    id = models.AutoField(primary_key=True)
    doc_type = models.CharField("document type", max_length=50)
    doc_number = models.CharField("document number", max_length=100, null=True, blank=True)
    title = models.CharField(max_length=200)
    file_url = models.TextField("file (URL)", null=True, blank=True)
    status = models.CharField(max_length=50, null=True, blank=True, default="Pending")
    uploaded_by = models.ForeignKey(
        User,
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        db_column="uploaded_by",
        related_name="log_documents_as_uploaded_by",
    )
    created_at = WallClockField(null=True, blank=True, default=wall_clock)

    class Meta:
        managed = False
        db_table = "log_documents"
        verbose_name = _("logistics document")
        verbose_name_plural = _("logistics documents")

    def __str__(self) -> str:
        return self.title
