"""Lists of rows whose address may ask for anything, as people's and attackers' addresses do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError
from django.http import HttpRequest
from django.urls import reverse


class CarefulList(ChangeList):
    """A list that refuses what no database can be asked; Django alone answers a server error."""

    def get_results(self, request: HttpRequest) -> None:
        """Look the rows up."""
        try:
            super().get_results(request)
        except (ValueError, DataError) as error:  # U+0000, the year 0, half a regular expression
            raise IncorrectLookupParameters(error) from error


def list_address(model_admin: admin.ModelAdmin[Any]) -> str:
    """Return the address of a model's list."""
    meta = model_admin.opts
    name = f"admin:{meta.app_label}_{meta.model_name}_changelist"
    return reverse(name, current_app=model_admin.admin_site.name)
