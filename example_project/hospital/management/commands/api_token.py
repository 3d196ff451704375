"""Issues a token with which a program may use the API as somebody."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...api_auth import issue_token


class Command(BaseCommand):
    """``manage.py api_token hr1.admin``."""

    help = "Print a bearer token for the API, good for an hour."

    def add_arguments(self, parser: CommandParser) -> None:
        """For whom."""
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        self.stdout.write(issue_token(user))
