"""Does to the hospital's records what tired people and bad scripts do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from ...ddl import NotTheExample, refuse_unless_example

ACCIDENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "HR1: an UPDATE without its WHERE rejected every applicant",
        ("UPDATE applicants SET status = 'Rejected'",),
    ),
    (
        "HR1: an import emptied the phone numbers",
        ("UPDATE applicants SET phone = '' WHERE id % 3 = 0",),
    ),
    (
        "HR1: a vacancy was deleted, and its applicants now point nowhere",
        ("DELETE FROM vacancies WHERE id = 1",),
    ),
    (
        "HR1: last week's interviews were deleted",
        ("DELETE FROM interviews WHERE id % 4 = 0",),
    ),
    (
        "LOGISTICS: a wrong price list multiplied prices by ten",
        ("UPDATE po_items SET unit_price = unit_price * 10 WHERE id % 2 = 0",),
    ),
    (
        "LOGISTICS: a purchase order was deleted with its items",
        ("DELETE FROM purchase_orders WHERE id = 2",),
    ),
    (
        "LOGISTICS: two vehicles' plate numbers were swapped",
        (
            "UPDATE fleet_vehicles SET plate_number = 'swapping' WHERE id = 1",
            "UPDATE fleet_vehicles SET plate_number = (SELECT 'NBA 1000') WHERE id = 2",
            "UPDATE fleet_vehicles SET plate_number = 'NBB 1001' WHERE id = 1",
        ),
    ),
    (
        "LOGISTICS: a stocktake set every quantity to zero",
        ("UPDATE inventory SET quantity = 0 WHERE category = 'Medicine'",),
    ),
    (
        "LOGISTICS: the dispatch book of drivers 1 and 2 was deleted",
        ("DELETE FROM fleet_dispatch WHERE driver_id IN (1, 2)",),
    ),
)


class Command(BaseCommand):
    """``manage.py damage``: harm in HR1 and LOGISTICS that a restore can undo."""

    help = "Delete and alter rows of HR1 and LOGISTICS, as accidents do."

    def handle(self, *args: Any, **options: Any) -> None:
        """Let every accident happen, saying how many rows it cost."""
        try:
            refuse_unless_example(connection)
        except NotTheExample as error:
            raise CommandError(str(error)) from error
        with transaction.atomic(), connection.cursor() as cursor:
            for story, statements in ACCIDENTS:
                for statement in statements:
                    cursor.execute(statement)
                cost = f" ({cursor.rowcount} rows)" if len(statements) == 1 else ""
                self.stdout.write(f"{story}{cost}")
