"""Core Transaction: its lists in the admin."""

from __future__ import annotations

from ... import models
from .listing import PATIENT, Listings, listing

LISTINGS: Listings = {
    # CT1
    models.Patient: listing(
        "last_name first_name patient_id_alt dob gender contact_number status",
        search="last_name first_name patient_id_alt temp_id official_id contact_number",
        filters="status gender visit_type is_banned",
        date="created_at",
    ),
    models.Appointment: listing(
        "patient doctor appointment_date type status room_number",
        search=f"{PATIENT} doctor__full_name type room_number",
        filters="status type visit_type",
        date="appointment_date",
        named_by="patient doctor",
    ),
    # CT2
    models.LabOrder: listing(
        "test_name patient doctor status critical_alert created_at",
        search=f"test_name {PATIENT} doctor__full_name",
        filters="status critical_alert",
        date="created_at",
        named_by="patient doctor",
    ),
    models.Prescription: listing(
        "medication_name patient doctor dosage status created_at",
        search=f"medication_name {PATIENT} doctor__full_name",
        filters="status",
        date="created_at",
        named_by="patient doctor",
    ),
    # CT3
    models.MedicalRecord: listing(
        "patient doctor visit_date diagnosis",
        search=f"{PATIENT} doctor__full_name diagnosis",
        date="visit_date",
        named_by="patient doctor",
    ),
    models.Bed: listing(
        "ward_name room_number type status patient assigned_at",
        search=f"ward_name room_number type {PATIENT}",
        filters="status ward_name type",
        date="assigned_at",
        named_by="patient",
    ),
}
