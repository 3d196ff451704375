"""What tables look like: the catalogue's answer as frozen data, and how two answers compare."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Kind(enum.StrEnum):
    """How a column's values are written in JSON; the same vocabulary for every vendor."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMERIC = "numeric"
    FLOAT = "float"
    JSON = "json"
    TEXT = "text"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    UUID = "uuid"
    BYTES = "bytes"
    OTHER = "other"
    """Anything else: the database's own text form, in a string."""

    @property
    def is_number(self) -> bool:
        """Written as a JSON number with every digit, or the string NaN or ±Infinity."""
        return self in (Kind.NUMERIC, Kind.FLOAT)

    @property
    def is_string(self) -> bool:
        """Written as a JSON string."""
        return self not in (Kind.BOOLEAN, Kind.INTEGER, Kind.NUMERIC, Kind.FLOAT, Kind.JSON)


class OnDelete(enum.StrEnum):
    """What the database does to a referring row when the row it refers to is deleted."""

    NO_ACTION = "NO ACTION"
    RESTRICT = "RESTRICT"
    CASCADE = "CASCADE"
    SET_NULL = "SET NULL"
    SET_DEFAULT = "SET DEFAULT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column as the catalogue has it."""

    name: str
    type: str
    """The database's own full type text, such as ``numeric(12,2)``."""
    kind: Kind
    nullable: bool
    has_default: bool = False
    """Whether an insert may leave it out (a default, a sequence or an identity)."""
    generated: bool = False
    """Computed by the database from other columns: archived, never written."""
    always_identity: bool = False
    """GENERATED ALWAYS AS IDENTITY: inserts need OVERRIDING SYSTEM VALUE, updates are refused."""
    merges_members: bool = False
    """A JSON type that keeps only the last of an object's members of the same name."""
    base_type: str = ""
    """The type to stage values in: without length or precision, so that nothing is altered before
    it was checked to fit. The same as ``type`` where that restricts nothing."""
    alters_input: bool = False
    """Its type may round, cut or interpret what is written to it without a word, so that only
    reading it back shows whether it is still the same."""
    collation: str = ""
    """How SQL names the collation of a text column by which different texts may be equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UniqueKey:
    """A unique constraint or plain unique index other than the primary key."""

    name: str
    columns: tuple[str, ...]
    nulls_distinct: bool = True
    deferrable: bool = False
    """Checked when the transaction ends if asked to, so rows may swap their values meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A reference from ``table`` to ``target``; columns pair up by position."""

    name: str
    table: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    on_delete: OnDelete = OnDelete.NO_ACTION
    on_update: OnDelete = OnDelete.NO_ACTION
    """The same, when the row that is referred to gets another key."""
    deferrable: bool = False
    by_period: bool = False
    """Refers to all rows that together cover a range (PERIOD), not to one of equal values."""
    table_path: tuple[str, ...] = ()
    """Namespace and name by which SQL addresses ``table``."""
    target_path: tuple[str, ...] = ()
    """Namespace and name by which SQL addresses ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A CHECK constraint."""

    name: str
    columns: tuple[str, ...]
    expression: str
    """SQL over the bare column names, from the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A user trigger, or a rule, that would run while rows are merged."""

    name: str
    table: str
    mode: str = "O"
    """PostgreSQL's ``tgenabled``: O (origin), A (always)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One live table: everything an export or a restore needs to know of it."""

    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    path: tuple[str, ...] = ()
    """Namespace and name by which SQL addresses it."""
    unique_keys: tuple[UniqueKey, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    """References that leave this table."""
    referenced_by: tuple[ForeignKey, ...] = ()
    """References that arrive at this table, from anywhere in the database."""
    checks: tuple[Check, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Trigger, ...] = ()
    """PostgreSQL's rewrite rules on writes, which run whatever is switched off."""
    owned: bool = True
    """Whether the current role may disable this table's triggers."""

    def column(self, name: str) -> Column:
        """Return the column of that name. Raise `KeyError` if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def writable(self) -> tuple[Column, ...]:
        """The columns that a restore may write: all but the generated ones."""
        return tuple(column for column in self.columns if not column.generated)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedColumn:
    """One column as an archive's manifest describes it."""

    name: str
    type: str
    kind: Kind
    nullable: bool
    generated: bool = False


class Compatibility(enum.StrEnum):
    """Whether archived values of a column can be written into the live column."""

    SAME = "same"
    SAFE = "safe"
    BLOCKING = "blocking"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDiff:
    """One column that is not the same in the archive and in the live table."""

    column: str
    compatibility: Compatibility
    reason: str
    """In words an administrator understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDiff:
    """How one table changed since it was archived, and which columns a restore carries."""

    table: str
    carried: tuple[str, ...]
    """Columns present on both sides and written by a restore, in live order."""
    added: tuple[str, ...] = ()
    """Live columns the archive lacks."""
    dropped: tuple[str, ...] = ()
    """Archived columns the live table lacks, or computes itself by now."""
    left_out: tuple[str, ...] = ()
    """Dropped columns that the operator said to leave out."""
    columns: tuple[ColumnDiff, ...] = ()
    """Every column that is not the same, with the reason."""
    native: bool = False
    """Whether the archive says that the same kind of database wrote it: its text forms are then
    this database's own, and its values were held by one before."""

    @property
    def blocking(self) -> tuple[ColumnDiff, ...]:
        """The differences that stop a restore."""
        return tuple(each for each in self.columns if each.compatibility is Compatibility.BLOCKING)


@dataclass(frozen=True, slots=True)
class DependencyOrder:
    """Tables with parents before children, and the references that had to be left open."""

    tables: tuple[str, ...]
    deferred: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Table → nullable referring columns that are written in a second step, to break a cycle."""
    unbroken: tuple[tuple[str, ...], ...] = ()
    """Cycles with no nullable or deferrable reference to break them at."""
