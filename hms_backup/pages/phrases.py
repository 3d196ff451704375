"""What each code and mode means, in an administrator's words: a title, and what one can do.

The core's own messages name tables, columns and counts; these say what that means to somebody who
has the pages and no command line. Both are shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..plan import Mode

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
        _("Triggers or rules of the database run while rows are written"),
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

ERRORS: Mapping[str, tuple[Text, Text]] = {
    "archive_invalid": (
        _("This file is not a backup, or it is damaged"),
        _("Choose another copy of the file, or download it again."),
    ),
    "archive_too_large": (
        _("This file is too large"),
        _("Ask your system administrator to raise the limit if it is the right file."),
    ),
    "busy": (
        _("Another restore of these tables is running"),
        _("Wait until it is done, then try again."),
    ),
    "cancelled": (
        _("This was cancelled"),
        _("Start again if you still want it."),
    ),
    "checksum_mismatch": (
        _("This backup was altered or damaged"),
        _("Do not use it. Choose another backup."),
    ),
    "configuration_invalid": (
        _("The backups are not set up correctly"),
        _("Tell your system administrator."),
    ),
    "connection_lost": (
        _("The database could not be reached"),
        _("Try again in a while. If that does not help, tell your system administrator."),
    ),
    "constraint_violated": (
        _("The database has a rule that does not allow this"),
        _("Ask your database administrator about the rule, or leave the table out."),
    ),
    "crashed": (
        _("This ended without saying how it went"),
        _("Look at the data before you try again."),
    ),
    "database_failed": (
        _("The database refused this"),
        _("Tell your system administrator."),
    ),
    "deadlock": (
        _("Two operations stood in each other's way: please try again"),
        _("Try again in a while."),
    ),
    "error": (
        _("This did not work"),
        _("Tell your system administrator."),
    ),
    "export_too_large": (
        _("These are too many rows for one file"),
        _("Narrow the list with its search and filters, and export that."),
    ),
    "lock_timeout": (
        _("Somebody else was using a table for too long"),
        _("Try again in a while."),
    ),
    "manifest_invalid": (
        _("This file is not a backup, or it was altered"),
        _("Choose another copy of the file."),
    ),
    "not_permitted": (
        _("You may not do this"),
        _("Ask your system administrator for the right, or choose what you have it on."),
    ),
    "plan_invalid": (
        _("The restore cannot go ahead"),
        _("Look at a new preview."),
    ),
    "plan_outdated": (
        _("The data changed after the preview was shown"),
        _("Look at a new preview, then confirm that."),
    ),
    "plan_refused": (
        _("The restore was refused"),
        _("Look at the preview: it says why, and what you can do."),
    ),
    "privilege_missing": (
        _("The database does not let this system do it"),
        _("Tell your system administrator."),
    ),
    "proof_failed": (
        _("The restore was undone: rows were not what the backup holds"),
        _("Ask your database administrator which trigger or rule altered them."),
    ),
    "row_invalid": (
        _("A row of this backup cannot be read"),
        _("The file was altered or damaged. Choose another backup."),
    ),
    "schema_invalid": (
        _("The database's tables do not allow this"),
        _("Tell your system administrator."),
    ),
    "schema_unsupported": (
        _("A table cannot be backed up or restored exactly"),
        _("Tell your system administrator."),
    ),
    "scope_mismatch": (
        _("This is a backup of something else"),
        _("Open the department or subsystem that the file is of, or choose another file."),
    ),
    "scope_unknown": (
        _("There is no such department or subsystem"),
        _("Start again from Data Management."),
    ),
    "statement_timeout": (
        _("The database took too long"),
        _("Try again at a quieter time, or tell your system administrator."),
    ),
    "storage_failed": (
        _("A file could not be read or written"),
        _("Tell your system administrator."),
    ),
    "table_missing": (
        _("A table does not exist in the database"),
        _("Tell your system administrator."),
    ),
    "table_protected": (
        _("A table may not be backed up or restored"),
        _("Tell your system administrator."),
    ),
    "table_unkeyed": (
        _("A table has no primary key"),
        _("Tell your system administrator."),
    ),
    "upload_invalid": (
        _("This upload could not be taken"),
        _("Send the file again."),
    ),
    "upload_missing": (
        _("There is no such upload any more"),
        _("Uploads are kept for a while only. Send the file again."),
    ),
    "upload_used": (
        _("This upload is being restored, or was"),
        _("Look at the result."),
    ),
    "value_unsupported": (
        _("A value cannot be carried over exactly"),
        _("Tell your system administrator which table, row and column it is."),
    ),
    "version_unsupported": (
        _("This backup was written by another version"),
        _("Ask your system administrator for a version that can read it."),
    ),
}
"""Per error code: what went wrong, and what an administrator can do."""

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
