"""What a restore takes from an archive: the operator's options, and the members they select."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .archive import ArchiveReader, Member
from .exceptions import ScopeMismatch, UnknownScope
from .plan import Mode
from .protection import refuse_protected
from .registry import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """What the operator decides about a restore."""

    mode: Mode = Mode.UPSERT
    only: str | None = None
    """Id of one subsystem of a department's archive to restore."""
    tables: tuple[str, ...] = ()
    """Tables to restore; all of the scope's when empty."""
    leave_out: frozenset[str] = field(default_factory=frozenset)
    """``table.column`` of archived columns that the live table no longer has and may be dropped."""
    show_changes: int = 0
    """How many changed rows per table the plan lists, before and after."""
    fire_triggers: bool = False
    """Let the tables' own triggers run while rows are merged."""
    accept: frozenset[str] = field(default_factory=frozenset)
    """Codes of the problems to confirm that the operator accepts."""

    def __post_init__(self) -> None:
        """Take a mode by its name too. Raise `ValueError` for one that there is not."""
        object.__setattr__(self, "mode", Mode(self.mode))


def select(reader: ArchiveReader, scope: Scope, options: RestoreOptions) -> dict[str, Member]:
    """Return the members to restore by the names under which the registry knows their tables.

    An archive's names are only ever compared with the registry's: what does not belong to the
    scope is refused, whatever the archive says of itself.

    Raises `ScopeMismatch`, `TableProtected` or `UnknownScope`.
    """
    manifest = reader.manifest
    if not scope.covers(manifest.scope, manifest.target_id):
        raise ScopeMismatch(
            f"This is a backup of {manifest.scope} {manifest.target_id[:80]}, not of "
            f"{scope.kind} {scope.id}.",
            hint="Restore it where it belongs, or choose another file.",
        )
    refuse_protected(scope.tables)
    members = {member.table: member for member in manifest.members}
    foreign = sorted(set(members) - {archive_name(table) for table in scope.tables})
    if foreign:
        raise ScopeMismatch(
            f"The archive holds {len(foreign)} table(s) that do not belong to {scope.id}.",
            hint="The file was altered, or the table moved to another subsystem since.",
        )
    wanted = wanted_tables(scope, options)
    return {name: members[archive_name(name)] for name in wanted if archive_name(name) in members}


def archive_name(table: str) -> str:
    """Return how an archive names a table that is registered as ``schema"."table``."""
    return table.replace('"', "")


def is_column_of(name: str, tables: Iterable[str]) -> bool:
    """Whether ``name`` is ``table.column`` of one of these tables, as an archive names them.

    Either part may itself hold dots.
    """
    return any(name.startswith(f"{archive_name(table)}.") for table in tables)


def wanted_tables(scope: Scope, options: RestoreOptions) -> tuple[str, ...]:
    """Return the tables of ``scope`` that ``options`` ask for. Raises `UnknownScope`."""
    tables = scope.tables
    if options.only is not None:
        wanted = options.only.casefold()
        chosen = [
            each
            for each in scope.subsystems
            if wanted in {name.casefold() for name in (each.id, *each.aliases)}
        ]
        if not chosen:
            known = ", ".join(each.id for each in scope.subsystems)
            raise UnknownScope(
                f"{scope.id} has no subsystem {options.only[:80]!r}.", hint=f"It has {known}."
            )
        tables = chosen[0].tables
    for name in options.tables:
        if name not in tables:
            raise _unknown(f"{name[:80]!r} is not one of the tables", tables, scope, options)
    for name in sorted(options.leave_out):
        if not is_column_of(name, tables):
            raise _unknown(f"{name[:80]!r} is no column of the tables", tables, scope, options)
    return tuple(name for name in tables if not options.tables or name in options.tables)


def _unknown(
    what: str, tables: tuple[str, ...], scope: Scope, options: RestoreOptions
) -> UnknownScope:
    return UnknownScope(
        f"{what} of {options.only or scope.id}.", hint=f"They are {', '.join(tables)}."
    )
