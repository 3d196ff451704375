"""Prints a hash per table, to compare two states of the hospital."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hms_backup.registry import registry

from ...fingerprints import fingerprints


class Command(BaseCommand):
    """``manage.py fingerprint HR1 LOGISTICS``."""

    help = "Print rows and SHA-256 of every table of some departments or subsystems."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which tables."""
        parser.add_argument("scopes", nargs="+", help="ids such as HR1 or LOGISTICS")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line per table."""
        tables = [table for each in options["scopes"] for table in registry.scope(each).tables]
        for table, (rows, digest) in fingerprints(tables).items():
            self.stdout.write(f"{table:24} {rows:>6} rows  {digest[:32]}")
