"""Problems, errors and tables in an administrator's words and language, chosen by their codes.

The core's own messages name tables, columns and counts; the titles and advice here say what that
means to somebody who has the pages and no command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from ..exceptions import HmsBackupError
from ..plan import Mode, Problem, Severity
from ..registry import Scope, ScopeKind, resolve_model

Text = str | Promise

PROBLEMS: Mapping[str, tuple[Text, Text]] = {
    "cascade_inside": (
        _("Deleting rows here would also delete rows that the backup holds"),
        _("Choose a mode that deletes nothing."),
    ),
    "cascade_protected": (
        _("Deleting rows here would change a table that no restore may touch"),
        _("Choose a mode that deletes nothing."),
    ),
    "cascade_outside": (
        _("Deleting rows here would also delete or change rows elsewhere"),
        _("Choose a mode that deletes nothing, or tick the box to accept it."),
    ),
    "check_violated": (
        _("The database has a rule that does not allow an archived value"),
        _("Leave the table out, or ask your database administrator about the rule."),
    ),
    "column_incompatible": (
        _("A column cannot be restored as it is"),
        _("Leave the column out if that is offered below, or restore without this table."),
    ),
    "column_required": (
        _("New rows need a value that the backup does not hold"),
        _("Ask your database administrator to give the column a default, or leave the table out."),
    ),
    "duplicate_key": (
        _("The backup holds the same row twice"),
        _("The file was altered. Use an unaltered backup."),
    ),
    "identity_fixed": (
        _("A number that only the database gives differs from the backup's"),
        _("Leave the table out, or ask your database administrator."),
    ),
    "no_checksums": (
        _("The backup carries no checksums"),
        _("Make sure that the file comes from where you think it does."),
    ),
    "not_as_planned": (
        _("After writing, rows were not what the backup holds"),
        _("A trigger of the database altered them. Ask your database administrator."),
    ),
    "null_value": (
        _("A value is empty that must not be empty"),
        _("Leave the table out, or use another backup."),
    ),
    "other_instance": (
        _("The backup comes from another installation"),
        _("Make sure that its rows belong here."),
    ),
    "reference_cycle": (
        _("Tables refer to each other in a circle"),
        _("Ask your database administrator to make one of the references optional."),
    ),
    "reference_missing": (
        _("Rows refer to something that does not exist"),
        _("Restore or add the missing rows first: they belong to another table or subsystem."),
    ),
    "still_referenced": (
        _("Rows to be deleted are still in use elsewhere"),
        _("Choose a mode that deletes nothing."),
    ),
    "table_not_in_archive": (
        _("The backup does not hold this table"),
        _("Its rows stay as they are."),
    ),
    "triggers_run": (
        _("Triggers of the database run while rows are written"),
        _("If they alter rows, the restore is refused and nothing is changed."),
    ),
    "unique_in_archive": (
        _("Two rows of the backup hold the same unique value"),
        _("Leave the table out, or use another backup."),
    ),
    "unique_swap": (
        _("Rows would exchange unique values"),
        _("Correct these rows by hand, or ask your database administrator."),
    ),
    "unique_taken": (
        _("Another row already holds a unique value of the backup"),
        _("Correct or delete the other row, or leave the table out."),
    ),
}
"""Per problem code: what is wrong, and what an administrator can do."""

ERRORS: Mapping[str, Text] = {
    "archive_invalid": _("This file is not a backup, or it is damaged"),
    "archive_too_large": _("This file is too large"),
    "busy": _("Another restore of these tables is running"),
    "cancelled": _("This was cancelled"),
    "checksum_mismatch": _("This backup was altered or damaged"),
    "configuration_invalid": _("The backups are not set up correctly"),
    "connection_lost": _("The database could not be reached"),
    "constraint_violated": _("The database has a rule that does not allow this"),
    "crashed": _("This ended without saying how it went"),
    "database_failed": _("The database refused this"),
    "deadlock": _("Two operations stood in each other's way: please try again"),
    "error": _("This did not work"),
    "export_too_large": _("These are too many rows for one file"),
    "lock_timeout": _("Somebody else was using a table for too long"),
    "manifest_invalid": _("This file is not a backup, or it was altered"),
    "not_permitted": _("You may not do this"),
    "plan_invalid": _("The restore cannot go ahead"),
    "plan_outdated": _("The data changed after the preview was shown"),
    "plan_refused": _("The restore was refused"),
    "privilege_missing": _("The database does not let this system do it"),
    "proof_failed": _("The restore was undone: rows were not what the backup holds"),
    "row_invalid": _("A row of this backup cannot be read"),
    "schema_invalid": _("The database's tables do not allow this"),
    "schema_unsupported": _("A table cannot be backed up or restored exactly"),
    "scope_mismatch": _("This is a backup of something else"),
    "scope_unknown": _("There is no such department or subsystem"),
    "statement_timeout": _("The database took too long"),
    "storage_failed": _("A file could not be read or written"),
    "table_missing": _("A table does not exist in the database"),
    "table_protected": _("A table may not be backed up or restored"),
    "table_unkeyed": _("A table has no primary key"),
    "upload_invalid": _("This upload could not be taken"),
    "upload_missing": _("There is no such upload any more"),
    "upload_used": _("This upload is being restored, or was"),
    "value_unsupported": _("A value cannot be carried over exactly"),
    "version_unsupported": _("This backup was written by another version"),
}
"""Per error code: what went wrong."""

MODES: Mapping[Mode, tuple[Text, Text]] = {
    Mode.UPSERT: (
        _("Bring back and correct"),
        _("Adds missing rows and sets changed rows back. Deletes nothing."),
    ),
    Mode.INSERT: (
        _("Bring back only"),
        _("Adds missing rows. Rows that were changed since stay as they are."),
    ),
    Mode.MIRROR: (
        _("Make exactly as in the backup"),
        _("Also deletes every row that the backup does not hold."),
    ),
}
"""Per mode: its name, and what it does."""


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


def error_title(error: HmsBackupError) -> Text:
    """Return what went wrong, in one line."""
    return ERRORS.get(error.code, ERRORS["error"])


def error_code_title(code: str) -> Text:
    """As `error_title`, for an error that only the audit log remembers."""
    return ERRORS.get(code, ERRORS["error"])


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
    """Return an archive's ``export_date``; without a zone it is in UTC. None if unreadable."""
    try:
        value = datetime.fromisoformat(export_date)
    except ValueError:
        return None
    return value if timezone.is_aware(value) else timezone.make_aware(value)


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
    return " ".join(text for text in (f"{error_title(error)}.", error.message, error.hint) if text)
