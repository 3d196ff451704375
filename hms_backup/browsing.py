"""A use case for people: to page through and search the rows that a plan would change.

These look-ups are not in the audit log: the dry run or the preview that they are part of is, with
the same actor and archive, and an entry per page turned would bury what matters. Rights are asked
each time all the same, and a denial is recorded.
"""

from __future__ import annotations

from dataclasses import replace

from .access import authorize
from .audit import Actor
from .conf import get_settings
from .inspection import Source, open_archive
from .plan import TablePlan
from .policy import Right
from .registry import Scope, ScopeKind
from .restore import RestoreOptions, read_changes


def changed_rows(
    source: Source,
    table: str,
    *,
    actor: Actor,
    scope: Scope,
    options: RestoreOptions,
    limit: int,
    offset: int = 0,
    search: str = "",
) -> TablePlan | None:
    """Return one table's counts, and some of its changed rows as they would be found now.

    ``scope`` is what the archive must be of, or part of. None when the archive does not hold the
    table, or it cannot be restored. Raises `NotPermitted`, `UnknownScope` for a table that is not
    the scope's, and what `services.plan_restore` raises.
    """
    authorize(actor, Right.RESTORE, scope)
    options = replace(options, tables=(table,), only=None)
    with open_archive(source) as reader:
        whole = scope.whole_department
        manifest = reader.manifest
        if scope.kind is ScopeKind.SUBSYSTEM and whole.covers(manifest.scope, manifest.target_id):
            scope, options = whole, replace(options, only=scope.id)
        plans = read_changes(
            reader,
            scope,
            options,
            settings=get_settings(),
            limit=limit,
            offset=offset,
            search=search,
        )
    return plans[0] if plans else None
