"""Problems, errors and tables in the reader's words and language, chosen by their codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from ..exceptions import HmsBackupError, NotPermitted
from ..plan import Problem, Severity
from ..registry import Scope, ScopeKind, resolve_model
from .phrases import ERRORS, PROBLEMS, Text

UNSURE = frozenset({"cancelled", "connection_lost", "crashed", "error"})
"""Codes of errors that may come while a restore is committed, and so hide how that ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedProblem:
    """A problem of a plan as the pages show it."""

    problem: Problem
    title: Text
    advice: Text
    table: Text

    @property
    def more_rows(self) -> bool:
        """Whether more rows are affected than the plan names."""
        return 0 < len(self.problem.rows) < self.problem.count

    @property
    def must_be_confirmed(self) -> bool:
        """Whether a box to tick decides."""
        return self.problem.severity is Severity.CONFIRM


@dataclass(frozen=True, slots=True, kw_only=True)
class WordedError:
    """An error as the pages show it."""

    title: Text
    message: str
    """What exactly, in the reader's language; empty where only ``detail`` says it."""
    advice: Text
    detail: str = ""
    """The core's own words, in English: they may speak of settings, to whoever has a terminal."""


def title(scope: Scope) -> str:
    """What a scope is called in full: a department's id says nothing that its name does not."""
    return scope.name if scope.kind is ScopeKind.DEPARTMENT else scope.title


def short(scope: Scope) -> str:
    """What a scope is called on a button."""
    return scope.name if scope.kind is ScopeKind.DEPARTMENT else scope.id


def worded(problem: Problem, scope: Scope) -> WordedProblem:
    """Put a problem into words. A code without words keeps the core's own."""
    title, advice = PROBLEMS.get(problem.code, (problem.message, problem.hint))
    return WordedProblem(
        problem=problem,
        title=title,
        advice=advice,
        table=table_labels(scope).get(problem.table, problem.table),
    )


def explained(error: HmsBackupError) -> WordedError:
    """Put an error into the reader's words.

    Everybody gets the advice for its code. The core's own hint, written for whoever has the
    settings and a command line, is a detail for those who help them; so is, for readers of
    another language, its message: both are in English, which is what the audit log keeps.
    """
    title, advice = _known_error(error.code)
    message = _not_permitted(error) if isinstance(error, NotPermitted) else ""
    if (get_language() or "en").startswith("en"):
        return WordedError(title=title, message=error.message, advice=advice, detail=error.hint)
    return WordedError(
        title=title,
        message=message,
        advice=advice,
        detail="" if message else f"{error.message} {error.hint}".strip(),
    )


def _not_permitted(error: NotPermitted) -> str:
    """A refusal's message in the reader's language: it says what is missing."""
    texts = {
        ("", False): _("You have no right to back up or restore any department or subsystem."),
        ("backup", False): _("You may not back up %(scope)s."),
        ("restore", False): _("You may not restore %(scope)s."),
        ("backup", True): _(
            "You may not back up the whole of %(scope)s. Missing is the right on %(missing)s."
        ),
        ("restore", True): _(
            "You may not restore the whole of %(scope)s. Missing is the right on %(missing)s."
        ),
    }
    text = texts[error.right, bool(error.missing)]
    return str(text) % {"scope": error.scope_title, "missing": ", ".join(error.missing)}


def _known_error(code: str) -> tuple[Text, Text]:
    return ERRORS.get(code, ERRORS["error"])


def error_code_title(code: str) -> Text:
    """What went wrong, in one line, for an error that only the audit log remembers."""
    return _known_error(code)[0]


def error_code_advice(code: str) -> Text:
    """What to do about an error that only the audit log remembers."""
    return _known_error(code)[1]


def leaves_unsure(code: str) -> bool:
    """Whether an error leaves open if the restore had been committed when it came."""
    return code in UNSURE


def problem_code_title(code: str) -> Text:
    """The title of a problem that only the audit log remembers."""
    return PROBLEMS[code][0] if code in PROBLEMS else code


def table_labels(scope: Scope) -> dict[str, str]:
    """What the models call the scope's tables."""
    return labels(model for each in scope.subsystems for model in each.models)


def labels(models: Iterable[object]) -> dict[str, str]:
    """The plural names of models, capitalised, by their table."""
    found = {}
    for model in models:
        meta = resolve_model(model)._meta  # type: ignore[arg-type]  # a model or its label
        name = str(meta.verbose_name_plural)
        found[meta.db_table] = name[:1].upper() + name[1:]
    return found


def moment(export_date: str) -> datetime | None:
    """Return an archive's ``export_date``; without a zone it is in UTC.

    None if it is unreadable, or so far away that there is no such time here.
    """
    try:
        value = datetime.fromisoformat(export_date)
        aware = value if timezone.is_aware(value) else value.replace(tzinfo=UTC)
        here = timezone.localtime(aware)
    except (ValueError, OverflowError):
        return None
    return here if settings.USE_TZ else timezone.make_naive(here)


def age(value: datetime | None) -> str:
    """How long ago, such as ``3 days, 4 hours``; empty for the future and the unknown."""
    now = timezone.now()
    if value is None or value > now:
        return ""
    if (now - value).total_seconds() < 60:
        return str(_("less than a minute"))
    return timesince(value, now)


def in_words(error: HmsBackupError) -> str:
    """Return an error in one line: what is wrong, and what to do."""
    worded = explained(error)
    detail = "" if worded.message else worded.detail
    texts = (f"{worded.title}.", worded.message, worded.advice, detail)
    return " ".join(str(text) for text in texts if text)
