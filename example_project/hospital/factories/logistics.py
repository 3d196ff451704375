"""Stock, equipment, vehicles and orders."""

from __future__ import annotations

import datetime as dt

import factory
from factory.django import DjangoModelFactory
from factory.random import randgen

from hms_backup.contrib.hms import models

from ..vocabulary import CITIES, EQUIPMENT, FIRMS, MEDICINES, SUPPLIES, VEHICLES
from .care import PatientFactory
from .draw import day, drawn, moment, money, one_of, person, phone, sometimes, whole
from .people import UserFactory


class InventoryItemFactory(DjangoModelFactory[models.InventoryItem]):
    """A stocked medicine or supply."""

    class Meta:
        model = models.InventoryItem

    item_name = one_of(*MEDICINES, *SUPPLIES)
    category = factory.LazyAttribute(
        lambda item: "Medicine" if item.item_name in MEDICINES else "Supply"
    )
    quantity = drawn(whole, 0, 5_000)
    unit = one_of("units", "boxes", "vials", None)
    reorder_level = one_of(10, 50, 200)
    location = one_of("Main pharmacy", "Central supply, rack 4", "ER cart", None)
    expiry_date = drawn(sometimes, lambda: day(-30, 900))
    batch_number = factory.Sequence(lambda n: f"LOT{n:05d}" if n % 4 else None)
    created_at = drawn(moment)


class DispensingFactory(DjangoModelFactory[models.Dispensing]):
    """Stock given to a patient."""

    class Meta:
        model = models.Dispensing

    patient = factory.SubFactory(PatientFactory)
    inventory = factory.SubFactory(InventoryItemFactory)
    quantity = drawn(whole, 1, 60)
    dispensed_by = factory.SubFactory(UserFactory)
    notes = one_of(None, "", "Senior citizen discount")
    dispensed_at = drawn(moment)


class AssetFactory(DjangoModelFactory[models.Asset]):
    """A piece of equipment."""

    class Meta:
        model = models.Asset

    asset_name = one_of(*EQUIPMENT)
    tag_number = factory.Sequence(lambda n: f"TAG-{n + 1:05d}")
    status = one_of("Active", "Active", "Under repair", "Retired")
    last_maintenance = drawn(sometimes, day)
    warranty_expiry = drawn(sometimes, lambda: day(-400, 1_500))


class AssetMaintenanceLogFactory(DjangoModelFactory[models.AssetMaintenanceLog]):
    """One inspection or repair."""

    class Meta:
        model = models.AssetMaintenanceLog

    asset = factory.SubFactory(AssetFactory)
    maintenance_date = drawn(day)
    maintenance_type = one_of("Preventive", "Repair", "Calibration", "Other")
    performed_by = factory.SubFactory(UserFactory)
    notes = one_of(None, "Replaced the battery\r\nTested OK", "")
    cost = drawn(money, 0, 40_000)
    created_at = drawn(moment)


class FleetVehicleFactory(DjangoModelFactory[models.FleetVehicle]):
    """An ambulance or other vehicle."""

    class Meta:
        model = models.FleetVehicle

    plate_number = factory.Sequence(lambda n: f"NB{chr(65 + n % 26)} {1000 + n}")
    model_name = one_of(*VEHICLES)
    vehicle_type = one_of("Ambulance", "Service van", "Truck", None)
    status = one_of("Available", "In use", "Under repair")
    last_service = drawn(sometimes, day)
    mileage = drawn(whole, 0, 350_000)
    created_at = drawn(moment)


class DriverFactory(DjangoModelFactory[models.Driver]):
    """Someone licensed to drive the fleet."""

    class Meta:
        model = models.Driver

    full_name = drawn(person)
    license_number = factory.Sequence(lambda n: f"N{n % 90 + 10}-12-{345678 + n:06d}")
    phone = drawn(sometimes, phone)
    status = one_of("Active", "Active", "On leave")
    created_at = drawn(moment)


class FleetDispatchFactory(DjangoModelFactory[models.FleetDispatch]):
    """One trip of a vehicle."""

    class Meta:
        model = models.FleetDispatch

    vehicle = factory.SubFactory(FleetVehicleFactory)
    driver = factory.SubFactory(DriverFactory)
    destination = factory.LazyFunction(lambda: f"St. Luke's, {randgen.choice(CITIES)}")
    purpose = one_of("Patient transfer", "Blood bank run", None)
    departure_time = drawn(moment)
    return_time = factory.LazyAttribute(
        lambda trip: sometimes(lambda: trip.departure_time + dt.timedelta(minutes=whole(20, 600)))
    )
    status = factory.LazyAttribute(lambda trip: "Completed" if trip.return_time else "Active")
    logged_by = factory.SubFactory(UserFactory)
    created_at = factory.SelfAttribute("departure_time")


class FleetCostFactory(DjangoModelFactory[models.FleetCost]):
    """Money spent on a vehicle."""

    class Meta:
        model = models.FleetCost

    vehicle = factory.SubFactory(FleetVehicleFactory)
    cost_type = one_of("Fuel", "Toll", "Repair", "Registration")
    amount = drawn(money, 50, 30_000)
    description = one_of("Diesel 60 L", None, "")
    log_date = drawn(day)
    logged_by = factory.SubFactory(UserFactory)
    created_at = drawn(moment)


class SupplierFactory(DjangoModelFactory[models.Supplier]):
    """A firm that logistics orders from."""

    class Meta:
        model = models.Supplier

    supplier_name = factory.Sequence(
        lambda n: f"{FIRMS[n % len(FIRMS)]} {n // len(FIRMS) or ''}".strip()
    )
    contact_person = drawn(sometimes, person)
    email = factory.Sequence(lambda n: f"sales{n}@supplier.example" if n % 3 else None)
    phone = drawn(sometimes, phone)
    category = one_of("Medical", "Office", "Gases", None)
    status = one_of("Active", "Active", "Inactive")
    created_at = drawn(moment)


class PurchaseOrderFactory(DjangoModelFactory[models.PurchaseOrder]):
    """An order to a supplier."""

    class Meta:
        model = models.PurchaseOrder

    po_number = factory.Sequence(lambda n: f"PO-2026-{n + 1:04d}")
    supplier = factory.SubFactory(SupplierFactory)
    status = one_of("Draft", "Approved", "Received", "Cancelled")
    notes = one_of(None, "", "Deliver before 5 p.m.")
    requested_by = factory.SubFactory(UserFactory)
    approved_by = factory.SubFactory(UserFactory)
    created_at = drawn(moment)


class PurchaseOrderItemFactory(DjangoModelFactory[models.PurchaseOrderItem]):
    """One line of a purchase order."""

    class Meta:
        model = models.PurchaseOrderItem

    purchase_order = factory.SubFactory(PurchaseOrderFactory)
    item_name = one_of(*SUPPLIES, *MEDICINES)
    quantity = drawn(whole, 1, 500)
    unit_price = drawn(money, 1, 2_500)
    total_price = factory.LazyAttribute(lambda item: item.quantity * item.unit_price)


class LogisticsDocumentFactory(DjangoModelFactory[models.LogisticsDocument]):
    """An invoice, receipt or contract on file."""

    class Meta:
        model = models.LogisticsDocument

    doc_type = one_of("Invoice", "Delivery receipt", "Contract")
    doc_number = factory.Sequence(lambda n: f"INV-{n}" if n % 5 else None)
    title = one_of("Gloves, March", "Oxygen tanks – refill", "Kontrata ng paglilinis")
    file_url = one_of(None, "", "https://files.hospital.example/log/1.pdf#page=2")
    status = one_of("Pending", "Filed")
    uploaded_by = factory.SubFactory(UserFactory)
    created_at = drawn(moment)
