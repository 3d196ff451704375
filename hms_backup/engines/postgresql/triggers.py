"""Switching a table's own triggers off for a while, and back to exactly what they were."""

from __future__ import annotations

from ...schema import Table
from ..dialect import Dialect
from ..merging import Execute

TriggerStates = dict[tuple[str, str, str], str]
"""Schema, table and trigger → PostgreSQL's ``tgenabled``; the table itself before its partitions.
"""

# Foreign keys and deferrable unique keys are triggers too; those stay on. Partitions have copies
# of their parent's triggers, and perhaps triggers and states of their own.
_STATES = """
SELECT n.nspname, c.relname, t.tgname, t.tgenabled::text
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (c.oid = to_regclass(%s) OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%s))))
   AND (NOT t.tgisinternal OR t.tgparentid <> 0)
   AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't')
 ORDER BY c.oid <> to_regclass(%s), n.nspname, c.relname, t.tgname
"""
_FIRING = ("O", "A")
_STATE = {
    "O": "ENABLE TRIGGER",
    "A": "ENABLE ALWAYS TRIGGER",
    "R": "ENABLE REPLICA TRIGGER",
    "D": "DISABLE TRIGGER",
}


def switch_off(execute: Execute, dialect: Dialect, table: Table) -> TriggerStates:
    """Disable every trigger of ``table`` that would fire; return how all were set before.

    Takes SHARE ROW EXCLUSIVE, which blocks no reader. A rollback undoes it.
    """
    before = trigger_states(execute, dialect, table)
    if any(state in _FIRING for state in before.values()):
        _bring_to(
            execute,
            dialect,
            table,
            {trigger: "D" if state in _FIRING else state for trigger, state in before.items()},
        )
    return before


def switch_back(execute: Execute, dialect: Dialect, table: Table, before: TriggerStates) -> None:
    """Set every trigger of ``table`` as ``before`` says."""
    if any(state in _FIRING for state in before.values()):
        _bring_to(execute, dialect, table, before)


def trigger_states(execute: Execute, dialect: Dialect, table: Table) -> TriggerStates:
    """Return how every trigger of ``table`` and of its partitions is set."""
    live = dialect.quote(*table.path)
    return {
        (schema, name, trigger): state
        for schema, name, trigger, state in execute(_STATES, (live,) * 3).fetchall()
    }


def _bring_to(execute: Execute, dialect: Dialect, table: Table, wanted: TriggerStates) -> None:
    """Set the table's own triggers first, which sets their copies too; then what still differs."""
    for only in ("", "ONLY "):
        present = trigger_states(execute, dialect, table)
        for (schema, name, trigger), state in wanted.items():
            if present[schema, name, trigger] == state:
                continue
            if only or (schema, name) == table.path:
                execute(
                    f"ALTER TABLE {only}{dialect.quote(schema, name)} "
                    f"{_STATE[state]} {dialect.quote(trigger)}"
                )
