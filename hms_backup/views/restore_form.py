"""The form of a restore: every field is checked, and one that is not known is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from ..plan import Mode
from ..registry import Scope
from ..selection import is_column_of
from ..services import RestoreOptions
from .problems import RequestError

FILE = "file"
MOST_CHANGES = 1000
"""The most changed rows per table that an answer lists."""

TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreForm:
    """What was asked for."""

    options: RestoreOptions
    dry_run: bool
    digest: str | None = None


@dataclass(slots=True)
class _Reading:
    """Reads fields one by one and collects what is wrong with them."""

    post: QueryDict
    errors: dict[str, str] = field(default_factory=dict)

    def one(self, name: str, read: Callable[[str], Any], default: Any) -> Any:
        values = self.post.getlist(name)
        if not values:
            return default
        try:
            [value] = values
            return read(value)
        except (KeyError, ValueError):
            self.errors[name] = EXPECTED[name]
            return default

    def many(self, name: str, accepted: Callable[[str], bool]) -> tuple[str, ...]:
        given = self.post.getlist(name)
        names = tuple(dict.fromkeys(part for each in given for part in each.split(",")))
        if not all(accepted(each) for each in names):
            self.errors[name] = EXPECTED[name]
        return names


def read_form(post: QueryDict, scope: Scope) -> RestoreForm:
    """Return what the form asks for. Raises `RequestError` naming every field that is wrong."""
    reading = _Reading(post)
    for name in post:
        if name not in EXPECTED and name != "csrfmiddlewaretoken":
            reading.errors[name[:80]] = f"There is no such field; known are {', '.join(EXPECTED)}."
    form = RestoreForm(
        options=RestoreOptions(
            mode=reading.one("mode", Mode, Mode.UPSERT),
            tables=reading.many("table", lambda each: each in scope.tables),
            leave_out=frozenset(
                reading.many("leave_out", lambda each: is_column_of(each, scope.tables))
            ),
            accept=frozenset(reading.many("accept", _is_code)),
            show_changes=reading.one("show_changes", _count, 0),
        ),
        dry_run=reading.one("dry_run", TRUTHS.__getitem__, False),
        digest=reading.one("digest", _digest, None),
    )
    if form.dry_run and form.digest is not None:
        reading.errors["digest"] = "A dry run makes a new plan: send the digest with the restore."
    _refuse(reading.errors)
    return form


EXPECTED: Mapping[str, str] = {
    "dry_run": "Must be one of true and false, once.",
    "mode": f"Must be one of {', '.join(Mode)}, once.",
    "table": "Must be tables of what is restored.",
    "leave_out": "Must be table.column, of tables of what is restored.",
    "accept": "Must be codes of problems that a dry run asked to confirm.",
    "show_changes": f"Must be a whole number from 0 to {MOST_CHANGES}, once.",
    "digest": "Must be the 64 characters of a dry run's digest, once.",
}
"""The fields beside the file, and what is said of a wrong one."""


def missing_file() -> RequestError:
    """The refusal of a form without its file."""
    return _invalid({FILE: "Must be the archive, as a file."})


def _refuse(errors: Mapping[str, str]) -> None:
    if errors:
        raise _invalid(errors)


def _invalid(errors: Mapping[str, str]) -> RequestError:
    return RequestError(
        "request_invalid",
        f"The form is not in order: {', '.join(errors)}.",
        hint="See the OpenAPI document for every field.",
        errors=list(_listed(errors)),
    )


def _listed(errors: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for name, message in errors.items():
        yield {"field": name, "message": message}


def _is_code(text: str) -> bool:
    return re.fullmatch(r"[a-z_]{1,64}", text) is not None


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) > MOST_CHANGES:
        raise ValueError(text)
    return int(text)


def _digest(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(text)
    return text
