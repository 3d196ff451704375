"""Logistics: its lists in the admin."""

from __future__ import annotations

from ... import models
from .listing import PATIENT, Listings, listing

LISTINGS: Listings = {
    # LOG1
    models.InventoryItem: listing(
        "item_name category quantity unit reorder_level location expiry_date batch_number",
        search="item_name category location batch_number",
        filters="category location",
        date="expiry_date",
    ),
    models.Dispensing: listing(
        "inventory quantity patient dispensed_by dispensed_at",
        search=f"inventory__item_name {PATIENT} dispensed_by__full_name",
        date="dispensed_at",
        named_by="inventory patient dispensed_by",
    ),
    models.Asset: listing(
        "asset_name tag_number status last_maintenance warranty_expiry",
        search="asset_name tag_number",
        filters="status",
        date="last_maintenance",
    ),
    models.AssetMaintenanceLog: listing(
        "asset maintenance_date maintenance_type performed_by cost",
        search="asset__asset_name asset__tag_number performed_by__full_name notes",
        filters="maintenance_type",
        date="maintenance_date",
        named_by="asset performed_by",
    ),
    # LOG2
    models.FleetVehicle: listing(
        "plate_number model_name vehicle_type status mileage last_service",
        search="plate_number model_name",
        filters="status vehicle_type",
        date="last_service",
    ),
    models.Driver: listing(
        "full_name license_number phone status",
        search="full_name license_number phone",
        filters="status",
        date="created_at",
    ),
    models.FleetDispatch: listing(
        "vehicle driver destination departure_time return_time status",
        search="vehicle__plate_number driver__full_name destination purpose",
        filters="status",
        date="departure_time",
        named_by="vehicle driver",
    ),
    models.FleetCost: listing(
        "vehicle cost_type amount log_date logged_by",
        search="vehicle__plate_number cost_type description",
        filters="cost_type",
        date="log_date",
        named_by="vehicle logged_by",
    ),
    models.Supplier: listing(
        "supplier_name category contact_person email phone status",
        search="supplier_name contact_person email phone",
        filters="status category",
        date="created_at",
    ),
    models.PurchaseOrder: listing(
        "po_number supplier total_amount status requested_by approved_by created_at",
        search="po_number supplier__supplier_name notes",
        filters="status",
        date="created_at",
        named_by="supplier requested_by approved_by",
    ),
    models.PurchaseOrderItem: listing(
        "item_name purchase_order quantity unit_price total_price",
        search="item_name purchase_order__po_number",
        named_by="purchase_order",
    ),
    models.LogisticsDocument: listing(
        "title doc_type doc_number status uploaded_by created_at",
        search="title doc_number uploaded_by__full_name",
        filters="status doc_type",
        date="created_at",
        named_by="uploaded_by",
    ),
}
