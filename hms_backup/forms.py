"""What people send: an archive, how to restore it, and that they want it done."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from .plan import Mode
from .registry import Scope
from .restore import RestoreOptions

DIGEST = re.compile(r"\A[0-9a-f]{64}\Z")
TOKEN = re.compile(r"\A[0-9a-f]{32}\Z")
_NAME = r"[^\x00-\x1f]{1,300}"


class DownloadForm(forms.Form):
    """The order of a backup."""

    token = forms.RegexField(TOKEN, required=False)
    """By which the pages' script recognises that its download began."""


class UploadForm(forms.Form):
    """The archive to restore."""

    archive = forms.FileField(
        label=_("Backup file"),
        allow_empty_file=False,
        error_messages={
            "required": _("Choose a backup file first."),
            "empty": _("This file is empty."),
        },
    )


class _Names(forms.MultipleChoiceField):
    """A list of names that the services check: only their shape is looked at here."""

    def valid_value(self, value: Any) -> bool:
        return re.fullmatch(_NAME, str(value)) is not None


class OptionsForm(forms.Form):
    """How to restore: what a preview is made with, and what is confirmed with it."""

    mode = forms.ChoiceField(choices=[(str(mode), str(mode)) for mode in Mode], required=False)
    table = _Names(required=False)
    leave_out = _Names(required=False)

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tables = scope.tables

    def options(self, *, show_changes: int = 0) -> RestoreOptions:
        """Return the options; the defaults for what is not in order.

        All tables chosen is the same as none.
        """
        self.is_valid()
        given = self.cleaned_data
        chosen = tuple(given.get("table", ()))
        return RestoreOptions(
            mode=Mode(given.get("mode") or Mode.UPSERT),
            tables=() if set(chosen) == set(self._tables) else chosen,
            leave_out=frozenset(given.get("leave_out", ())),
            show_changes=show_changes,
            accept=frozenset(given.get("accept", ())),
        )


class ConfirmForm(OptionsForm):
    """The decision, about exactly the plan that was shown."""

    digest = forms.RegexField(DIGEST)
    accept = _Names(required=False)


class ChangesForm(forms.Form):
    """Which of a table's changed rows to show."""

    of = forms.CharField(max_length=300)
    page = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    search = forms.CharField(max_length=200, required=False)

    def clean_search(self) -> str:
        """Refuse what no database can look for."""
        text = str(self.cleaned_data["search"])
        if "\x00" in text:
            raise ValidationError(_("This cannot be searched for."))
        return text
