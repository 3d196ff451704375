"""The models of contrib.hms say what tables.json says."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import override_settings
from django.utils import timezone

from example_project.hospital.ddl import TABLES_JSON, Facts, table_facts
from hms_backup.contrib.hms.models import Appointment, LabOrder, Patient, User
from hms_backup.registry import ScopeKind, registry
from tests.support import query

FIELD_TYPES = {
    # Before date: Django's DateTimeField is a DateField too.
    "timestamp without time zone": models.DateTimeField,
    "boolean": models.BooleanField,
    "character varying": models.CharField,
    "date": models.DateField,
    "integer": models.IntegerField,
    "jsonb": models.JSONField,
    "numeric": models.DecimalField,
    "text": models.TextField,
    "time without time zone": models.TimeField,
}
ON_DELETE = {
    "CASCADE": models.CASCADE,
    "SET NULL": models.SET_NULL,
    "NO ACTION": models.RESTRICT,
}


def model_of(table: str) -> type[models.Model]:
    return next(m for m in apps.get_app_config("hms").get_models() if m._meta.db_table == table)


def described_column(field: models.Field[Any, Any]) -> Facts:
    """A field in the vocabulary of tables.json, defaults aside."""
    assert field.column is not None
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    kind = next(name for name, each in FIELD_TYPES.items() if isinstance(target, each))
    if isinstance(target, models.DecimalField):
        kind += f"({target.max_digits},{target.decimal_places})"
    if isinstance(target, models.CharField):
        kind += f"({target.max_length})"
    return {"name": field.column, "type": kind, "null": field.null}


@pytest.mark.parametrize("table", table_facts())
def test_model_declares_every_column_with_its_type_and_nullability(table: str) -> None:
    declared = [described_column(field) for field in model_of(table)._meta.concrete_fields]

    assert declared == [
        {key: column[key] for key in ("name", "type", "null")}
        for column in table_facts()[table]["columns"]
    ]


@pytest.mark.parametrize("table", table_facts())
def test_model_refers_and_deletes_as_the_database_does(table: str) -> None:
    declared = {
        field.column: (
            f"{field.related_model._meta.db_table}.{field.target_field.column}",
            field.remote_field.on_delete,
        )
        for field in model_of(table)._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
    }

    assert declared == {
        key["column"]: (key["references"], ON_DELETE[key["on_delete"]])
        for key in table_facts()[table]["foreign_keys"]
    }


@pytest.mark.parametrize("table", table_facts())
def test_model_is_unmanaged_and_has_the_tables_keys(table: str) -> None:
    meta = model_of(table)._meta
    unique = [[field.column] for field in meta.concrete_fields if field.unique]
    column_of = {field.name: field.column for field in meta.concrete_fields}
    unique += [
        [column_of[name] for name in constraint.fields]
        for constraint in meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
    ]

    assert not meta.managed
    assert sorted(unique) == sorted([["id"], *table_facts()[table]["unique"]])


@pytest.mark.parametrize("table", table_facts())
def test_model_defaults_where_the_column_does(table: str) -> None:
    declared = {
        field.column for field in model_of(table)._meta.concrete_fields if field.has_default()
    }

    assert declared == {
        column["name"]
        for column in table_facts()[table]["columns"]
        if column["default"] not in (None, "serial")
    }


def test_registry_holds_the_departments_and_subsystems_of_tables_json() -> None:
    described = json.loads(TABLES_JSON.read_text(encoding="utf-8"))["departments"]
    registered = [
        {
            "id": department.id,
            "name": department.name,
            "subsystems": [
                {"id": each.id, "name": each.name, "tables": list(each.tables)}
                for each in department.subsystems
            ],
        }
        for department in registry.departments()
    ]

    for department in described:
        for subsystem in department["subsystems"]:
            subsystem["tables"] = [table["name"] for table in subsystem["tables"]]
    assert registered == described


def test_registry_protects_users_and_knows_financials_as_a_subsystem() -> None:
    scope = registry.subsystem("financials")

    assert (scope.kind, scope.id) == (ScopeKind.SUBSYSTEM, "FIN1")
    assert registry.protected_models() == {User}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Manila", "America/New_York"])
def test_wall_clock_is_stored_and_read_to_the_microsecond_in_any_zone(zone: str) -> None:
    moment = dt.datetime(2026, 3, 5, 23, 45, 59, 999999)
    with override_settings(TIME_ZONE=zone):
        patient = Patient.objects.create(first_name="Ana", last_name="Cruz", created_at=moment)
        Appointment.objects.create(patient=patient, appointment_date=timezone.make_aware(moment))

    stored = query("SELECT CAST(created_at AS text) FROM patients")
    assert stored == [("2026-03-05 23:45:59.999999",)]
    assert Patient.objects.get().created_at == moment
    assert Appointment.objects.get().appointment_date == moment


@pytest.mark.django_db(transaction=True)
def test_deleting_a_patient_is_refused_where_the_database_would_refuse() -> None:
    patient = Patient.objects.create(first_name="Ana", last_name="Cruz")
    LabOrder.objects.create(patient=patient, test_name="CBC")

    with pytest.raises(models.RestrictedError):
        patient.delete()
