"""The set-based checks on what a merge would write: each finds its rows with one query."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Counts, Mode, Problem, Severity
from ..schema import ForeignKey
from .base import Merge
from .colliding import find_collisions, find_immovable
from .dialect import Dialect
from .finding import Rule, find_broken
from .merging import Execute, Sources


def find_problems(
    execute: Execute, dialect: Dialect, merge: Merge, counts: dict[str, Counts]
) -> Iterator[Problem]:
    """Yield every reason the merge could not be written, before anything is."""
    sources = {
        each.table.name: Sources(dialect, each, counts[each.table.name]) for each in merge.staged
    }
    for name, source in sources.items():
        yield from _duplicates(source)
        yield from _keyless(execute, source)
        writes = counts[name].insert + counts[name].update
        if writes:
            yield from _required(source, counts[name])
            yield from _nulls(execute, source)
            yield from _checks(execute, source)
            yield from _fixed(execute, source)
        if writes or merge.mode is Mode.MIRROR:
            for key in source.table.foreign_keys:
                yield from _dangling(execute, source, key, sources, merge.mode)
        if writes:
            for unique in source.table.unique_keys:
                yield from find_collisions(execute, source, unique)
            yield from find_immovable(execute, source, sources, counts[name])
    for cycle in merge.order.unbroken:
        yield _unbroken_cycle(cycle)


def _duplicates(source: Sources) -> Iterator[Problem]:
    keys = source.staged.duplicates
    if keys:
        yield Problem(
            code="duplicate_key",
            severity=Severity.BLOCKING,
            table=source.table.name,
            column=", ".join(source.key),
            rows=keys,
            count=len(keys),
            message="The archive holds more than one row with the same primary key.",
            hint="The file was altered. Use an unaltered backup.",
        )


def _required(source: Sources, counts: Counts) -> Iterator[Problem]:
    """Columns that new rows must have and the archive cannot give them."""
    if not counts.insert:
        return
    for column in source.table.writable:
        if column.name in source.staged.columns or column.nullable or column.has_default:
            continue
        yield Problem(
            code="column_required",
            severity=Severity.BLOCKING,
            table=source.table.name,
            column=column.name,
            count=counts.insert,
            message="New rows need a value for this column, which the archive does not hold.",
            hint="Give the column a default, or restore with --table without this table.",
        )


def _keyless(execute: Execute, source: Sources) -> Iterator[Problem]:
    """Archived rows without a primary key, which no comparison by key would find again."""
    nulls = " OR ".join(f"{source.dialect.column(name, 'w')} IS NULL" for name in source.key)
    (count,) = execute(f"SELECT count(*) FROM {source.stage} w WHERE {nulls}").fetchone()
    if count:
        yield Problem(
            code="null_value",
            severity=Severity.BLOCKING,
            table=source.table.name,
            column=", ".join(source.key),
            count=int(count),
            message="The primary key must not be empty.",
            hint="The file was altered. Use an unaltered backup.",
        )


def _nulls(execute: Execute, source: Sources) -> Iterator[Problem]:
    rules = [
        Rule(
            code="null_value",
            column=name,
            broken=f"{source.dialect.column(name, 'w')} IS NULL",
            message="The column must not be empty, and in the archive it is.",
            hint="Allow NULL there, or restore with --table without this table.",
        )
        for name in source.staged.columns
        if name not in source.key and not source.table.column(name).nullable
    ]
    yield from find_broken(execute, source, source.written(), rules)


def _checks(execute: Execute, source: Sources) -> Iterator[Problem]:
    """Rules of the database, those over columns added since the backup included."""
    columns = {column.name for column in source.table.columns}
    by_lacking: dict[tuple[str, ...], list[Rule]] = {}
    for check in source.table.checks:
        if not set(check.columns) <= columns or not source.knows(check.columns):
            continue  # The database has the last word.
        lacking = tuple(name for name in check.columns if name not in source.staged.columns)
        by_lacking.setdefault(lacking, []).append(
            Rule(
                code="check_violated",
                column=", ".join(check.columns),
                broken=f"NOT ({check.expression})",
                message=f"The rule {check.name} of the database does not allow the archived value.",
                hint="Change the rule, or restore with --table without this table.",
            )
        )
    for lacking, rules in by_lacking.items():
        yield from find_broken(execute, source, source.resulting(lacking), rules)


def _fixed(execute: Execute, source: Sources) -> Iterator[Problem]:
    """Columns that the database numbers and lets no one update (GENERATED ALWAYS AS IDENTITY)."""
    dialect = source.dialect
    for column in source.table.writable:
        if not column.always_identity or column.name in source.key:
            continue
        if column.name in source.staged.columns:
            same = dialect.equal(source.key, "m", "w")
            differs = dialect.differs((column.name,), "m", "w")
            rule = Rule(
                code="identity_fixed",
                column=column.name,
                broken=f"EXISTS (SELECT 1 FROM {source.live} m WHERE {same} AND {differs})",
                message="The database numbers this column itself and does not let it be changed.",
            )
            yield from find_broken(execute, source, source.written("U"), [rule])


def _dangling(
    execute: Execute,
    source: Sources,
    key: ForeignKey,
    sources: dict[str, Sources],
    mode: Mode,
) -> Iterator[Problem]:
    carried = set(key.columns) & set(source.staged.columns)
    parent = sources.get(key.target)
    if not carried or not source.knows(key.columns):
        return
    if key.by_period or (parent is not None and not parent.knows(key.target_columns)):
        return  # The database has the last word.
    whole = len(carried) == len(key.columns)
    relation = source.archived if mode is Mode.MIRROR and whole else source.resulting(key.columns)
    conditions = [source.dialect.not_null(key.columns, "w")]
    conditions += _nowhere(key, source.dialect, sources, mode)
    rule = Rule(
        code="reference_missing",
        column=", ".join(key.columns),
        broken=" AND ".join(conditions),
        message=f"It refers to a row of {key.target} that exists neither in the database nor in "
        "the archive.",
        hint=f"Restore or add the missing rows of {key.target} first.",
    )
    yield from find_broken(execute, source, relation, [rule])


def _nowhere(
    key: ForeignKey, dialect: Dialect, sources: dict[str, Sources], mode: Mode
) -> list[str]:
    """Return conditions: after the merge no row is there for ``w`` to refer to."""
    pairs = list(zip(key.target_columns, key.columns, strict=True))
    match = dialect.paired(pairs, "p", "w")
    live = f"{dialect.quote(*key.target_path)} p WHERE {match}"
    parent = sources.get(key.target)
    if parent is None or not set(key.target_columns) & set(parent.staged.columns):
        return [f"NOT EXISTS (SELECT 1 FROM {live})"]
    written = parent.resulting(key.target_columns)
    if mode is Mode.MIRROR and set(key.target_columns) <= set(parent.staged.columns):
        return [f"NOT EXISTS (SELECT 1 FROM {parent.archived} p WHERE {match})"]
    if not set(key.target_columns) <= set(parent.key):
        live += f" AND NOT {parent.in_delta('p', 'UD')}"
    return [
        f"NOT EXISTS (SELECT 1 FROM {written} p WHERE {match})",
        f"NOT EXISTS (SELECT 1 FROM {live})",
    ]


def _unbroken_cycle(cycle: tuple[str, ...]) -> Problem:
    return Problem(
        code="reference_cycle",
        severity=Severity.WARNING,
        table=cycle[0],
        message=f"The tables {', '.join(cycle)} refer to each other in a circle that has no "
        "nullable column; inserting new rows may be refused by the database.",
        hint="Make one of the references nullable or DEFERRABLE.",
    )
