"""The few expressions in which the vendors' SQL differs."""

from __future__ import annotations

import abc
from collections.abc import Sequence

from ..schema import Column, Table, UniqueKey


class Dialect(abc.ABC):
    """Builds SQL text. Every identifier passes through `quote`; values are never part of it."""

    @staticmethod
    def quote(*names: str) -> str:
        """Return a quoted, possibly qualified identifier (SQL:2016, 5.4 delimited identifier)."""
        return ".".join('"' + name.replace('"', '""') + '"' for name in names if name)

    def temporary_name(self, name: str) -> str:
        """Return how to address a temporary table, which may be called as another table is."""
        return self.quote(name)

    def names(self, columns: Sequence[str], prefix: str = "") -> str:
        """Return a list of columns, each behind ``prefix`` if given."""
        return ", ".join(self.column(name, prefix) for name in columns)

    def column(self, name: str, prefix: str = "") -> str:
        """Return one column, behind ``prefix`` if given."""
        return f"{prefix}.{self.quote(name)}" if prefix else self.quote(name)

    def equal(self, columns: Sequence[str], left: str, right: str) -> str:
        """Return a condition: ``left`` and ``right`` agree in ``columns``, none of them null."""
        return " AND ".join(
            f"{self.column(name, left)} = {self.column(name, right)}" for name in columns
        )

    def paired(self, pairs: Sequence[tuple[str, str]], left: str, right: str) -> str:
        """Return a condition: columns of ``left`` equal their partners in ``right``."""
        return " AND ".join(
            f"{self.column(one, left)} = {self.column(other, right)}" for one, other in pairs
        )

    def changed(self, columns: Sequence[str], left: str, right: str) -> str:
        """Return a condition: ``left`` and ``right`` do not agree in ``columns``."""
        same = self.equal(columns, left, right)
        return f"NOT ({same} AND {self.not_null(columns, left)})"

    def rewritten(self, columns: Sequence[str], left: str, right: str) -> str:
        """Return a condition: to references, ``columns`` change where ``right`` becomes ``left``.

        Vendors may take a value that compares as equal, such as 1.00 for 1.0, for another one.
        """
        return self.changed(columns, left, right)

    def not_null(self, columns: Sequence[str], prefix: str) -> str:
        """Return a condition: none of the columns is null."""
        return " AND ".join(f"{self.column(name, prefix)} IS NOT NULL" for name in columns)

    def unique_match(self, key: UniqueKey, left: str, right: str) -> str:
        """Return a condition: both rows would claim the same place in a unique key."""
        operator = "=" if key.nulls_distinct else "IS NOT DISTINCT FROM"
        return " AND ".join(
            f"{self.column(name, left)} {operator} {self.column(name, right)}"
            for name in key.columns
        )

    def key_text(self, table: Table, prefix: str) -> str:
        """Return the primary key as text, parts separated by a comma."""
        return " || ', ' || ".join(self.as_text(self.column(k, prefix)) for k in table.primary_key)

    @abc.abstractmethod
    def as_text(self, expression: str) -> str:
        """Return the value as text, null staying null."""

    @abc.abstractmethod
    def archived(self, column: Column, prefix: str) -> str:
        """Return a staged column as a value of the live column's exact type."""

    @abc.abstractmethod
    def differs(self, columns: Sequence[str], left: str, right: str) -> str:
        """Return a condition: some column is not identical to the last digit."""

    @abc.abstractmethod
    def row_hash(self, columns: Sequence[str], prefix: str) -> str:
        """Return a text that two rows share only if all their columns are identical."""

    @abc.abstractmethod
    def parking_value(self, column: Column, number: str) -> str | None:
        """Return a value of a unique column for each ``number``, or None if the type has none.

        Values differ as their numbers do, and are null where the type has no more; the caller
        leaves out those that some row holds. ``number`` is an expression that counts from 1.
        """

    def series(self, length: int, name: str) -> str:
        """Return a subquery: the numbers from 1 to ``length``, in a column of that name."""
        number = self.quote(name)
        return (
            f"(WITH RECURSIVE hms_series({number}) AS (SELECT 1 UNION ALL "
            f"SELECT {number} + 1 FROM hms_series WHERE {number} < {length:d}) "
            f"SELECT {number} FROM hms_series)"
        )

    overriding: str = ""
    """What an INSERT says to write identity columns as they are."""

    temporary: str = "CREATE TEMPORARY TABLE {name} AS {query}"
    """How a table is made that vanishes with the transaction."""
