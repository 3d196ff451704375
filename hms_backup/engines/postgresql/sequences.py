"""Moving sequences forward, never back, whatever others do meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...schema import Kind, Table
from ..dialect import Dialect
from ..merging import Execute

# Sequences that a column owns (serial, identity), and those its default draws from.
_SEQUENCES = r"""
SELECT DISTINCT a.attname, n.nspname, s.relname, q.seqincrement, q.seqmin, q.seqmax,
       pg_has_role(s.relowner, 'USAGE')
  FROM (
    SELECT refobjsubid AS attnum, objid AS seq FROM pg_depend
     WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
       AND refobjid = to_regclass(%s) AND deptype IN ('a', 'i')
    UNION
    SELECT d.adnum, p.refobjid FROM pg_attrdef d
      JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
                      AND p.refclassid = 'pg_class'::regclass
     WHERE d.adrelid = to_regclass(%s)
    UNION
    -- Named as text, as before PostgreSQL 8.1: nothing in the catalogue refers to it then.
    SELECT d.adnum, to_regclass(replace(named[1], '''''', ''''))
      FROM pg_attrdef d,
           regexp_matches(pg_get_expr(d.adbin, d.adrelid),
                          $$nextval\(\('((?:[^']|'')+)'::text\)::regclass\)$$, 'g') AS named
     WHERE d.adrelid = to_regclass(%s)
  ) AS drawn
  JOIN pg_class s ON s.oid = drawn.seq AND s.relkind = 'S'
  JOIN pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_sequence q ON q.seqrelid = s.oid
  JOIN pg_attribute a ON a.attrelid = to_regclass(%s) AND a.attnum = drawn.attnum
 ORDER BY n.nspname, s.relname, a.attname
"""
_MOST_DRAWN = 1_000_000


@dataclass(frozen=True, slots=True)
class _Sequence:
    """A sequence that a column's values come from."""

    column: str
    path: str
    """Quoted and qualified."""
    increment: int
    smallest: int
    largest: int
    owned: bool
    """Whether the current role may alter it."""

    def is_beyond(self, one: int, other: int) -> bool:
        """Whether ``one`` is drawn later than ``other``."""
        return (one - other) * self.increment > 0

    def first_beyond(self, furthest: int, upcoming: int) -> int:
        """The first value after ``furthest`` that it would come to by itself from ``upcoming``.

        Its steps are kept: several servers may share out numbers by them.
        """
        return upcoming + ((furthest - upcoming) // self.increment + 1) * self.increment


def advance(execute: Execute, dialect: Dialect, table: Table) -> None:
    """Make each sequence of ``table`` continue beyond the largest value in its column.

    The table is locked, so that largest value stays what it is. ``ALTER SEQUENCE`` is used where
    the role owns the sequence: unlike ``setval`` it is rolled back with the transaction, and it
    keeps others from drawing a number meanwhile. Elsewhere numbers are drawn and dropped, which is
    not rolled back but never moves a sequence back either.
    """
    live = dialect.quote(*table.path)
    for name, schema, sequence, *limits in execute(_SEQUENCES, (live,) * 4).fetchall():
        if table.column(name).kind in (Kind.INTEGER, Kind.NUMERIC):
            _advance(
                execute,
                live,
                _Sequence(dialect.quote(name), dialect.quote(schema, sequence), *limits),
            )


def _advance(execute: Execute, live: str, sequence: _Sequence) -> None:
    furthest = _furthest(execute, live, sequence)
    if furthest is None or sequence.is_beyond(_upcoming(execute, sequence), furthest):
        return
    if sequence.owned:
        # Changes nothing, but takes the lock under which the sequence stands still.
        execute(f"ALTER SEQUENCE {sequence.path} INCREMENT BY {sequence.increment:d}")
    upcoming = _upcoming(execute, sequence)
    if sequence.is_beyond(upcoming, furthest):
        return
    target = sequence.first_beyond(furthest, upcoming)
    if sequence.owned:
        execute(f"ALTER SEQUENCE {sequence.path} RESTART WITH {target:d}")
        return
    missing = (target - upcoming) // sequence.increment
    if missing <= _MOST_DRAWN:
        execute(
            "SELECT count(nextval(to_regclass(%s))) FROM generate_series(1, %s)",
            (sequence.path, missing),
        )
    else:  # Nobody draws that many between two statements, so this is no step back.
        execute("SELECT setval(to_regclass(%s), %s, false)", (sequence.path, target))


def _furthest(execute: Execute, live: str, sequence: _Sequence) -> int | None:
    """Return the last value that the sequence could still pass: not a marker at its very end."""
    if sequence.increment > 0:
        last, limit = "max", f"<= {sequence.largest - sequence.increment:d}"
    else:
        last, limit = "min", f">= {sequence.smallest - sequence.increment:d}"
    (found,) = execute(
        f"SELECT {last}({sequence.column}) FROM {live} WHERE {sequence.column} {limit}"
    ).fetchone()
    if found is None:
        return None
    return int(math.floor(found) if sequence.increment > 0 else math.ceil(found))


def _upcoming(execute: Execute, sequence: _Sequence) -> int:
    last, is_called = execute(f"SELECT last_value, is_called FROM {sequence.path}").fetchone()
    return int(last) + sequence.increment if is_called else int(last)
