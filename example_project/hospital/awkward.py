"""Rows whose values backups like to spoil: NULL and the empty string, edges, nesting."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import models

from hms_backup.contrib.hms import models as hms

NESTED: dict[str, Any] = {
    "": {"empty key": [[], {}, [[None]], "", "null"]},
    "ключ 🗝": {"a": {"b": {"c": {"d": [1, 2.5, 1e-7, 12345678901234567890, True, False]}}}},
    'quote" back\\slash /': "tab\t newline\n \u2028 \u007f ‮",
}
EDGE = dt.datetime(1899, 12, 31, 23, 59, 59, 1)
NOON = dt.datetime(2026, 2, 28, 12, 0)


def awkward_rows(patient: Any, staff: Any) -> list[models.Model]:
    """Unsaved rows; the text and the numbers are at the ends of what their columns hold."""
    return [
        hms.Applicant(
            first_name="  ", last_name="Ñ" * 100, email="", phone=None, source="", vacancy=None,
            status=None, documents=models.Value(None, models.JSONField()), created_at=EDGE,
        ),
        hms.Applicant(
            first_name="NULL", last_name="\\N", email=None, phone="", documents=None,
            created_at=None,
        ),
        hms.Patient(
            patient_id_alt=None, first_name="Zoë 👩🏽‍⚕️", last_name="O'Neill; DROP TABLE patients",
            dob=dt.date(1, 1, 1), insurance_info=NESTED, allergies="", no_show_count=-2147483648,
            is_banned=None, created_at=dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
        ),
        hms.MedicalRecord(
            patient=patient, doctor=staff, visit_date=None, diagnosis="",
            treatment="\r\n\tx\\y\n\n", vitals=[], notes="e\u0301 is not \u00e9", created_at=NOON,
        ),
        hms.LabOrder(
            patient=patient, doctor=None, test_name="Serum sodium",
            results=models.Value("text", models.JSONField()), critical_alert=None, created_at=NOON,
        ),
        hms.BankAccount(
            bank_name="BSP", account_number="0", balance=Decimal("9999999999999.99"),
            created_at=NOON,
        ),
        hms.LedgerAccount(
            account_code=None, account_name="Rounding", balance=Decimal("-0.01"), last_updated=NOON
        ),
        hms.SalaryGrade(
            grade_name="SG-none", min_salary=Decimal("0.00"), max_salary=Decimal("9999999999.99"),
            created_at=None,
        ),
        hms.StaffSchedule(
            user=None, day_of_week=None, start_time=dt.time(0, 0), is_active=None,
            end_time=dt.time(23, 59, 59, 999999), created_at=NOON, updated_at=NOON,
        ),
        hms.InventoryItem(
            item_name="Gauze, \"sterile\"", quantity=2147483647, unit="", reorder_level=None,
            expiry_date=dt.date(9999, 12, 31), created_at=NOON,
        ),
    ]  # fmt: skip


def add_awkward_rows(rows: dict[str, list[Any]], using: str) -> dict[str, int]:
    """Insert them; return how many each table got."""
    added: dict[str, int] = {}
    for row in awkward_rows(rows["patients"][0], rows["users"][2]):
        row.save(using=using)
        table = row._meta.db_table
        added[table] = added.get(table, 0) + 1
    return added
