"""Patients and their care."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory
from factory.random import randgen

from hms_backup.contrib.hms import models

from ..vocabulary import (
    DIAGNOSES,
    FIRST_NAMES,
    INSURERS,
    LAST_NAMES,
    MEDICINES,
    TESTS,
    TREATMENTS,
    WARDS,
)
from .draw import address, day, drawn, moment, money, one_of, phone, sometimes, visiting_hour, whole
from .people import UserFactory


class PatientFactory(DjangoModelFactory[models.Patient]):
    """A person the hospital cares for."""

    class Meta:
        model = models.Patient

    patient_id_alt = factory.Sequence(lambda n: f"PT-2026-{n + 1:06d}")
    first_name = one_of(*FIRST_NAMES)
    last_name = one_of(*LAST_NAMES)
    dob = drawn(day, -36_000, -1)
    gender = one_of("Female", "Male", "", None)
    contact_number = drawn(sometimes, phone)
    address = drawn(sometimes, address)
    insurance_info = factory.LazyFunction(lambda: insurance())
    allergies = one_of("None known", "None known", "Penicillin; shrimp", None, "")
    temp_id = factory.Sequence(lambda n: f"TMP-{n + 1:05d}" if n % 3 == 0 else None)
    official_id = factory.Sequence(lambda n: f"HOSP-{n + 1:05d}" if n % 3 else None)
    status = factory.LazyAttribute(lambda one: "Registered" if one.official_id else "Temporary")
    no_show_count = one_of(0, 0, 0, 1, 3)
    is_banned = factory.LazyAttribute(lambda one: one.no_show_count >= 3)
    ban_reason = factory.LazyAttribute(lambda one: "Three no-shows" if one.is_banned else None)
    queue_number = one_of(None, "A-001", "B-017", "P-100")
    terms_agreed = one_of(True, False)
    terms_agreed_at = factory.LazyAttribute(
        lambda one: one.created_at if one.terms_agreed else None
    )
    visit_type = one_of("Walk-in", "Appointment", "Emergency", None)
    gov_id_url = one_of(None, None, "https://files.hospital.example/ids/%C3%B1.png")
    created_at = drawn(moment, -900, 0)


def insurance() -> dict[str, Any]:
    """A patient's cover, nested as the registration form sends it."""
    insurer = randgen.choice(INSURERS)
    if insurer == "none":
        return {}
    return {
        "provider": insurer,
        "number": f"{whole(0, 10**12 - 1):012d}",
        "cover": {"limit": whole(1, 50) * 10_000.5, "dependents": whole(0, 4), "valid": True},
        "notes": [None, "", "ñ"][: whole(0, 3)],
    }


class AppointmentFactory(DjangoModelFactory[models.Appointment]):
    """A patient's time with a doctor."""

    class Meta:
        model = models.Appointment

    patient = factory.SubFactory(PatientFactory)
    doctor = factory.SubFactory(UserFactory)
    appointment_date = drawn(visiting_hour)
    status = one_of("Scheduled", "Completed", "Cancelled", "No-show", "Rescheduled")
    type = one_of("Consultation", "Follow-up", "Vaccination", None)
    notes = one_of(None, "", "Bring previous X-ray plates")
    created_at = drawn(moment, -120, 0)
    visit_type = one_of("New", "Returning", None)
    reschedule_count = factory.LazyAttribute(lambda one: int(one.status == "Rescheduled"))
    original_date = factory.LazyAttribute(
        lambda one: visiting_hour() if one.reschedule_count else None
    )
    no_show_fee = factory.LazyAttribute(
        lambda one: money(100, 500) if one.status == "No-show" else money(0, 0)
    )
    terms_agreed = one_of(True, False, None)
    room_number = one_of("101", "2-B", None)


class LabOrderFactory(DjangoModelFactory[models.LabOrder]):
    """A test that a doctor ordered."""

    class Meta:
        model = models.LabOrder

    patient = factory.SubFactory(PatientFactory)
    doctor = factory.SubFactory(UserFactory)
    test_name = one_of(*TESTS)
    status = one_of("Ordered", "Collected", "Completed")
    results = factory.LazyAttribute(
        lambda one: lab_results() if one.status == "Completed" else None
    )
    critical_alert = one_of(False, False, False, True)
    created_at = drawn(moment)


def lab_results() -> dict[str, Any]:
    """Results as an analyser reports them."""
    return {
        "hemoglobin": {"value": whole(700, 1800) / 100, "unit": "g/dL", "range": [12.0, 17.5]},
        "platelets": {
            "value": whole(20, 450),
            "unit": "×10⁹/L",
            "flag": sometimes(lambda: "L", 0.2),
        },
        "remarks": None,
    }


class PrescriptionFactory(DjangoModelFactory[models.Prescription]):
    """A medicine that a doctor prescribed."""

    class Meta:
        model = models.Prescription

    patient = factory.SubFactory(PatientFactory)
    doctor = factory.SubFactory(UserFactory)
    medication_name = one_of(*MEDICINES)
    dosage = one_of("1 tab", "1 cap every 8 hours", "10 mL", None)
    instructions = one_of("Pagkatapos kumain", "At bedtime; don't skip", None, "")
    status = one_of("Pending", "Dispensed", "Cancelled")
    created_at = drawn(moment)


class MedicalRecordFactory(DjangoModelFactory[models.MedicalRecord]):
    """What a visit found and decided."""

    class Meta:
        model = models.MedicalRecord

    patient = factory.SubFactory(PatientFactory)
    doctor = factory.SubFactory(UserFactory)
    visit_date = drawn(moment)
    diagnosis = one_of(*DIAGNOSES)
    treatment = one_of(*TREATMENTS, None, "")
    vitals = factory.LazyFunction(lambda: sometimes(vitals, 0.9))
    notes = one_of(None, "", "Patient reports “hilo” since Tuesday")
    created_at = factory.SelfAttribute("visit_date")


def vitals() -> dict[str, Any]:
    """What the nurse measured."""
    return {
        "bp": f"{whole(90, 180)}/{whole(55, 110)}",
        "hr": whole(50, 140),
        "temp": whole(355, 405) / 10,
        "spo2": whole(85, 100),
    }


class BedFactory(DjangoModelFactory[models.Bed]):
    """A bed; seeding decides who lies in it."""

    class Meta:
        model = models.Bed

    room_number = factory.Sequence(lambda n: f"{n // 4 + 101}-{'ABCD'[n % 4]}")
    ward_name = factory.Sequence(lambda n: WARDS[n // 4 % len(WARDS)])
    type = one_of("Ward", "Semi-private", "Private", "ICU")
    patient = None
    status = factory.LazyAttribute(
        lambda bed: "Occupied" if bed.patient else randgen.choice(("Available", "Cleaning"))
    )
    assigned_at = factory.LazyAttribute(lambda bed: moment(-20, 0) if bed.patient else None)
    cleaned_at = drawn(sometimes, moment)
    discharge_report_url = one_of(None, None, "")
