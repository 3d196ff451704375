"""How a restore's plan looks in a terminal: rows per action, problems, before → after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..plan import Action, Counts, Problem, RestorePlan, RowChange, Severity, TablePlan
from .terminal import grid, indented
from .words import change, count, printable, value

ACTIONS = ("insert", "update", "unchanged", "delete", "skipped", "kept")
OPTIONAL = ("skipped", "kept")
"""Columns of the plan that appear only when a table has such rows."""
STYLES = {"insert": "green", "update": "yellow", "delete": "red"}
SEVERITIES = {
    Severity.BLOCKING: ("blocking", "bold red"),
    Severity.CONFIRM: ("to accept", "bold yellow"),
    Severity.WARNING: ("warning", "yellow"),
}


def plan_lines(plan: RestorePlan) -> Iterator[RenderableType]:
    """Yield all of it: what happens per table, what is in the way, and the changes asked for."""
    yield indented(_counts(plan))
    notes = [*_notes(plan.tables)]
    if notes:
        yield ""
        yield from (indented(note) for note in notes)
    for problem in plan.problems:
        yield from _problem_lines(problem)
    for table in plan.tables:
        yield from _change_lines(table)


def told(counts: Counts) -> str:
    """``2 inserted, 3 updated, 0 deleted, 195 unchanged``."""
    return (
        f"{counts.insert:,} inserted, {counts.update:,} updated, {counts.delete:,} deleted, "
        f"{counts.unchanged:,} unchanged"
    )


def _counts(plan: RestorePlan) -> Table:
    total = plan.counts.as_dict()
    shown = [name for name in ACTIONS if name not in OPTIONAL or total[name]]
    table = grid("table", *((name, "right") for name in shown))
    for each in plan.tables:
        counts = each.counts.as_dict()
        table.add_row(printable(each.table), *(_number(name, counts[name]) for name in shown))
    if len(plan.tables) > 1:
        table.add_row(Text("total", "bold"), *(_number(name, total[name]) for name in shown))
    return table


def _number(action: str, number: int) -> Text:
    return Text(f"{number:,}", STYLES.get(action, "") if number else "dim")


def _notes(tables: Iterable[TablePlan]) -> Iterator[Text]:
    for table in tables:
        for diff in table.diff.columns:
            if diff not in table.diff.blocking:
                where = f"{table.table}.{diff.column}"
                yield Text.assemble((printable(where), "bold"), f": {printable(diff.reason)}")


def _problem_lines(problem: Problem) -> Iterator[RenderableType]:
    label, style = SEVERITIES[problem.severity]
    where = printable(".".join(part for part in (problem.table, problem.column) if part))
    yield ""
    yield indented(Text.assemble((label, style), f" [{problem.code}] ", (where, "bold")))
    yield indented(Text(printable(problem.message)), 4)
    if problem.rows:
        more = problem.count - len(problem.rows)
        keys = ", ".join(printable(key) for key in problem.rows)
        yield indented(Text(f"rows: {keys}{f' and {more:,} more' if more > 0 else ''}"), 4)
    if problem.hint:
        yield indented(Text(printable(problem.hint), "dim"), 4)


def _change_lines(table: TablePlan) -> Iterator[RenderableType]:
    for each in table.changes:
        yield ""
        yield indented(_heading(each))
        yield indented(_columns(each), 4)
    hidden = table.counts.changes - len(table.changes)
    if table.changes and hidden > 0:
        yield ""
        yield indented(Text(f"and {count(hidden, 'more change')} of {table.table}", "dim"))


def _heading(row: RowChange) -> Text:
    return Text.assemble(
        (f"{row.action:<6} ", STYLES.get(row.action, "")),
        (f"{printable(row.table)} {printable(row.key)}", "bold"),
    )


def _columns(row: RowChange) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name in row.changed_columns:
        table.add_row(printable(name), _change(row, name))
    return table


def _change(row: RowChange, name: str) -> Text:
    if row.action is Action.INSERT:
        return Text(value(row.after.get(name)), "green")
    if row.action is Action.DELETE:
        return Text(value(row.before.get(name)), "red")
    before, after = change(row.before.get(name), row.after.get(name))
    return Text.assemble((before, "red"), " → ", (after, "green"))
