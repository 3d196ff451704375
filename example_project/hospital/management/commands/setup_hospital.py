"""Makes the example's database ready: migrations, the hospital's tables, records, accounts."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from ...accounts import create_accounts
from ...ddl import NotTheExample, create_hospital, drop_hospital
from ...seeding import is_empty, seed_hospital


class Command(BaseCommand):
    """``manage.py setup_hospital``; safe to repeat: a hospital with records stays as it is."""

    help = "Create the hospital's tables, fill them with records, and let people sign in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which hospital, and how large."""
        parser.add_argument("--seed", type=int, default=1, help="the same seed, the same records")
        parser.add_argument(
            "--scale", type=float, default=1.0, help="multiplies every table's size"
        )
        parser.add_argument(
            "--reset", action="store_true", help="drop the hospital's tables and start over"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, create and seed what is missing."""
        call_command("migrate", verbosity=0)
        try:
            if options["reset"]:
                drop_hospital(connection)
            if create_hospital(connection):
                self.stdout.write("Created the hospital's tables.")
        except NotTheExample as error:
            raise CommandError(str(error)) from error
        if not is_empty():
            create_accounts()
            self.stdout.write("The hospital has records already; --reset starts over.")
            return
        made = seed_hospital(seed=options["seed"], scale=options["scale"])
        create_accounts()
        self.stdout.write(
            self.style.SUCCESS(f"Filled {len(made)} tables with {sum(made.values()):,} rows.")
        )
