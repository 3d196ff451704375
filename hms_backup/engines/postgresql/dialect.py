"""PostgreSQL's spelling of what `Dialect` asks for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...schema import Column, Kind
from ..dialect import Dialect


class PostgreSQLDialect(Dialect):
    """Rows are compared by their binary image.

    ``IS DISTINCT FROM`` takes 1.0 for 1.00 and -0 for 0, and json, xml and point cannot be
    compared by it at all (PostgreSQL 9.24.5 "Row-wise comparison", record image operators). Images
    may differ though nothing else does, as those of arrays that once held a null: then the text
    decides, which is what archives carry.
    """

    overriding = "OVERRIDING SYSTEM VALUE"
    temporary = "CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {query}"

    def temporary_name(self, name: str) -> str:
        # A search_path may put pg_temp behind the other schemas.
        return self.quote("pg_temp", name)

    def as_text(self, expression: str) -> str:
        return f"{expression}::text"

    def archived(self, column: Column, prefix: str) -> str:
        staged = self.column(column.name, prefix)
        return staged if column.base_type == column.type else f"{staged}::{column.type}"

    def differs(self, columns: Sequence[str], left: str, right: str) -> str:
        # The cast keeps the parser from comparing column by column.
        one, other = (f"ROW({self.names(columns, side)})::record" for side in (left, right))
        return f"({one} OPERATOR(pg_catalog.*<>) {other} AND {one}::text <> {other}::text)"

    def rewritten(self, columns: Sequence[str], left: str, right: str) -> str:
        # As ON UPDATE sees it: by the bytes of the key (ri_triggers.c, ri_KeysEqual).
        one, other = (f"ROW({self.names(columns, side)})::record" for side in (left, right))
        return f"{one} OPERATOR(pg_catalog.*<>) {other}"

    def row_hash(self, columns: Sequence[str], prefix: str) -> str:
        row = f"ROW({self.names(columns, prefix)})::text"
        return f"encode(sha256(convert_to({row}, 'UTF8')), 'hex')"

    def parking_value(self, column: Column, number: str) -> str | None:
        """Whole numbers count from both ends, since a CHECK often rules out one of them."""
        if column.kind is Kind.INTEGER:
            largest = _LARGEST.get(column.base_type, _LARGEST["smallint"])
            return (
                f"(CASE WHEN {number} >= {largest} THEN NULL "
                f"WHEN {number} % 2 = 1 THEN ({number} + 1) / 2 "
                f"ELSE {largest} - {number} / 2 END)::{column.type}"
            )
        if column.kind is Kind.NUMERIC:
            return self._parked_numeric(column, number)
        if column.kind is Kind.DATE:
            return f"(date '1900-01-01' + {number})::{column.type}"
        if column.kind in (Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            return f"(timestamp '1900-01-01' + {number} * interval '1 second')::{column.type}"
        if column.kind is Kind.UUID:
            return f"lpad(to_hex({number}), 32, '0')::uuid::{column.type}"
        if column.kind is Kind.TEXT:
            # Cast to the column's own type, which cuts it to the column's length.
            text = f"to_hex({number})"
            whole = f"{text}::{column.type}::text = {text}"
            return f"(CASE WHEN {whole} THEN {text}::{column.type} END)"
        return None

    def _parked_numeric(self, column: Column, number: str) -> str:
        precision = _NUMERIC.fullmatch(column.type)
        if precision is None:
            return f"{number}::{column.type}"
        digits, scale = map(int, precision.groups())
        return (
            f"(CASE WHEN {number}::numeric < 1e{digits}::numeric "
            f"THEN {number} * (1e{-scale})::numeric END)::{column.type}"
        )


_LARGEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
