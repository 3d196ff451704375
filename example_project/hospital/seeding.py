"""Fills the hospital's empty tables with linked records, the same ones for the same seed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import factory
from django.db import connections, models, transaction
from factory.django import DjangoModelFactory
from factory.random import randgen, reseed_random

from .awkward import add_awkward_rows
from .ddl import creation_order, table_facts
from .factories import care, financials, logistics, people
from .factories.draw import among
from .vocabulary import WEEKDAYS

BATCH = 1000

SIZES = {
    "users": 40, "vacancies": 12, "applicants": 60, "interviews": 50, "onboarding": 15,
    "competencies": 20, "staff_competencies": 60, "trainings": 10, "training_participants": 60,
    "attendance_logs": 200, "leave_requests": 40, "staff_schedules": 80, "salary_grades": 20,
    "compensation_records": 40, "payroll_records": 120, "patients": 150, "appointments": 200,
    "lab_orders": 150, "prescriptions": 180, "medical_records": 250, "beds": 60, "inventory": 60,
    "dispensing_history": 200, "assets": 40, "asset_maintenance_logs": 60, "fleet_vehicles": 12,
    "drivers": 10, "fleet_dispatch": 80, "fleet_costs": 80, "suppliers": 12, "purchase_orders": 40,
    "po_items": 120, "log_documents": 30, "billing_records": 150, "general_ledger": 18,
    "vendors": 12, "vendor_invoices": 60, "vendor_payments": 40, "receivables": 80,
    "collections": 50, "bank_accounts": 5, "cash_transactions": 80, "generated_reports": 20,
}  # fmt: skip
"""Rows per table at scale 1."""

NAMED_USERS = (
    ("hr1.admin", "Corazon Villanueva", "HR1", "Admin"),
    ("log2.admin", "Benigno Salonga", "LOG2", "Admin"),
    ("dr.reyes", "Dr. Lourdes Reyes", "CT2", "Doctor"),
)
"""Users 1, 2 and 3, whom archives of the live system refer to."""


Rows = dict[str, list[Any]]
"""The rows grown so far, per table, for later ones to refer to."""


def seed_hospital(*, seed: int = 1, scale: float = 1.0, using: str = "default") -> dict[str, int]:
    """Empty the hospital and fill it; return the rows per table.

    ``scale`` multiplies every size, down to three rows each. One transaction: a failed or
    interrupted seeding leaves the tables as they were.
    """
    reseed_random(seed)
    rows: Rows = {}
    with transaction.atomic(using=using):
        empty_tables(using)
        for table in creation_order():
            rows[table] = grow_table(table, max(3, round(SIZES[table] * scale)), rows)
            insert(rows[table], using)
        total_orders(rows, using)
        extra = add_awkward_rows(rows, using)
    return {table: len(grown) + extra.get(table, 0) for table, grown in rows.items()}


def is_empty(using: str = "default") -> bool:
    """Whether no hospital table holds a row."""
    with connections[using].cursor() as cursor:
        for name in table_facts():
            cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")  # noqa: S608 - names of tables.json
            if cursor.fetchone():
                return False
    return True


def empty_tables(using: str = "default") -> None:
    """Delete every row and rewind every sequence."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            used = [name for name in table_facts() if _is_used(cursor, name)]
            if used:
                cursor.execute(f"TRUNCATE {', '.join(used)} RESTART IDENTITY CASCADE")
            return
        for name in reversed(creation_order()):
            cursor.execute(f"DELETE FROM {name}")  # noqa: S608 - names of tables.json
        cursor.execute("DELETE FROM sqlite_sequence")


def _is_used(cursor: Any, table: str) -> bool:
    """Whether a PostgreSQL table holds rows or ever gave out an id."""
    cursor.execute(
        f"SELECT EXISTS (SELECT FROM {table})"  # noqa: S608 - names of tables.json
        " OR pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass) IS NOT NULL",
        [table],
    )
    return bool(cursor.fetchone()[0])


def grow_table(table: str, size: int, rows: Rows) -> list[Any]:
    """Build, without saving, rows that refer to those already grown."""
    maker = factories()[table]
    maker.reset_sequence(0, force=True)
    if table == "users":
        return named_users(maker) + maker.build_batch(size - len(NAMED_USERS))
    special = SPECIAL[table](size, rows) if table in SPECIAL else {}
    chosen = {**references(maker._meta.model, rows), **special}
    return maker.build_batch(size, **chosen)


def factories() -> dict[str, type[DjangoModelFactory[Any]]]:
    """Every factory by the table it fills."""
    made = (
        each
        for module in (people, care, logistics, financials)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, DjangoModelFactory)
    )
    return {each._meta.model._meta.db_table: each for each in made if each._meta.model}


def references(model: type[models.Model], rows: Rows) -> dict[str, Any]:
    """A draw for every foreign key; now and then none, where that is all right."""
    chosen: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            pool = rows[field.related_model._meta.db_table]
            if field.name == "doctor":
                pool = doctors(pool)
            chosen[field.name] = among(pool, missing=0.1 if field.name in OPTIONAL else 0)
    return chosen


OPTIONAL = {"vacancy", "approved_by", "assessor", "interviewer", "dispensed_by", "logged_by"}
"""References that a real hospital leaves open at times."""


def doctors(users: Sequence[Any]) -> list[Any]:
    """Dr. Reyes and her colleagues."""
    return [users[2], *(user for user in users[3:] if user.role == "Doctor")]


def named_users(maker: type[DjangoModelFactory[Any]]) -> list[Any]:
    """Users 1, 2 and 3."""
    return [
        maker.build(
            username=username,
            full_name=name,
            email=f"{username}@hospital.example",
            subsystem=subsystem,
            role=role,
            status="Active",
        )
        for username, name, subsystem, role in NAMED_USERS
    ]


def leave_requests(_size: int, rows: Rows) -> Mapping[str, Any]:
    """Whoever decides, decides every step."""
    steps = ("approved_by", "hr_validated_by", "final_decided_by")
    own = {step: people.LeaveRequestFactory._meta.base_declarations[step] for step in steps}
    return {**own, "decider": among(rows["users"])}


def onboarding(_size: int, _rows: Rows) -> Mapping[str, Any]:
    """Applicants start in the position they applied for."""
    return {"position": people.OnboardingFactory._meta.base_declarations["position"]}


def training_participants(size: int, rows: Rows) -> Mapping[str, Any]:
    """Nobody enrolls twice."""
    return distinct_pairs(size, training=rows["trainings"], user=rows["users"])


def staff_schedules(size: int, rows: Rows) -> Mapping[str, Any]:
    """Nobody has two schedules on one day."""
    return distinct_pairs(size, user=rows["users"], day_of_week=WEEKDAYS)


def beds(size: int, rows: Rows) -> Mapping[str, Any]:
    """Half the beds are taken, each patient lying in one."""
    lying = randgen.sample(rows["patients"], min(size // 2, len(rows["patients"])))
    return {"patient": factory.Iterator(lying + [None] * (size - len(lying)), cycle=False)}


def distinct_pairs(size: int, **sides: Sequence[Any]) -> dict[str, Any]:
    """Draw ``size`` different combinations of two columns' values."""
    pairs = randgen.sample(list(itertools.product(*sides.values())), size)
    return {
        name: factory.Iterator([pair[i] for pair in pairs], cycle=False)
        for i, name in enumerate(sides)
    }


SPECIAL = {
    "leave_requests": leave_requests,
    "onboarding": onboarding,
    "training_participants": training_participants,
    "staff_schedules": staff_schedules,
    "beds": beds,
}


def insert(rows: list[Any], using: str) -> None:
    """Save built rows in batches; the database gives them their ids."""
    type(rows[0])._default_manager.using(using).bulk_create(rows, batch_size=BATCH)


def total_orders(rows: Rows, using: str) -> None:
    """Make each purchase order's total the sum of its items."""
    for order in rows["purchase_orders"]:
        order.total_amount = 0
    for item in rows["po_items"]:
        item.purchase_order.total_amount += item.total_price
    type(rows["purchase_orders"][0])._default_manager.using(using).bulk_update(
        rows["purchase_orders"], ["total_amount"], batch_size=BATCH
    )
