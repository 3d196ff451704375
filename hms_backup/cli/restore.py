"""``hms_backup restore``: show exactly what a restore would change, ask, and restore."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connections
from rich.console import RenderableType
from rich.text import Text

from .. import services
from ..api import os_actor
from ..conf import get_settings
from ..exceptions import OperationCancelled, PlanError
from ..plan import ACCEPTABLE, Mode, Problem, RestorePlan
from ..services import Restoration, RestoreOptions, Source
from . import source
from .exits import Exit, UsageError
from .plan import plan_lines, told
from .terminal import Terminal
from .words import count, printable, written

ORIGIN = "command line"
HELP = "restore an archive, after showing what that changes"
EXAMPLES = """\
  manage.py hms_backup restore HR1.hms-backup --dry-run --show-changes 5
  manage.py hms_backup restore HR1.hms-backup
  manage.py hms_backup restore HR.hms-backup --only HR1
  manage.py hms_backup restore HR1.hms-backup --table applicants --mode insert
  manage.py hms_backup restore HR1.hms-backup --mode mirror --accept cascade_outside
  manage.py hms_backup restore HR1.hms-backup --noinput --json
  ssh vault 'cat hr1.hms-backup' | manage.py hms_backup restore - --noinput
"""


def add_arguments(parser: ArgumentParser) -> None:
    """What the verb takes."""
    add = parser.add_argument
    add("file", metavar="FILE", type=Path, help=source.HELP)
    add("--dry-run", action="store_true", help="show the plan and write nothing")
    add(
        "--mode",
        choices=[str(mode) for mode in Mode],
        default=str(Mode.UPSERT),
        help="upsert (default) inserts and updates; insert only adds missing rows; mirror also "
        "deletes rows that the archive does not hold",
    )
    add("--only", metavar="ID", help="one subsystem of a department's archive")
    add(
        "--table",
        action="append",
        default=[],
        metavar="TABLE",
        help="restore only this table; may be given more than once",
    )
    add(
        "--leave-out",
        action="append",
        default=[],
        type=_column,
        metavar="TABLE.COLUMN",
        help="restore without an archived column that the table no longer has",
    )
    add(
        "--show-changes",
        type=_number,
        default=0,
        metavar="N",
        help="show N changed rows of each table, before and after",
    )
    add(
        "--fire-triggers",
        action="store_true",
        help="let the tables' own triggers run while rows are written",
    )
    add(
        "--accept",
        action="append",
        choices=sorted(ACCEPTABLE),
        default=[],
        metavar="CODE",
        help=f"go ahead in spite of this problem: {' or '.join(sorted(ACCEPTABLE))}; may be given "
        "more than once",
    )
    add(
        "--expect",
        metavar="DIGEST",
        help="refuse unless the plan is the one with this digest, as printed by --dry-run --json",
    )
    add("--noinput", action="store_true", help="do not ask before writing")


def run(options: dict[str, Any], terminal: Terminal) -> Exit:
    """Plan, show, ask, restore; or only some of it."""
    _check_arguments(options, terminal)
    with source.archive(options["file"]) as file:
        return _run(file, options, terminal)


def _run(file: Source, options: dict[str, Any], terminal: Terminal) -> Exit:
    restore_options = _restore_options(options)
    if options["noinput"] and not options["dry_run"]:
        return _restore(file, restore_options, options["expect"], terminal)
    with terminal.progress() as progress:
        planned = services.plan_restore(
            file, actor=os_actor(ORIGIN), options=restore_options, progress=progress
        )
    stopping = _stopping(planned.plan, restore_options)
    if terminal.as_json:
        terminal.json(as_json(planned))
    else:
        terminal.show(*_shown(planned), "", *_conclusion(planned.plan, stopping, options))
    terminal.warn(planned.warnings)
    if stopping:
        return Exit.REFUSED
    if options["dry_run"] or not planned.plan.counts.changes:
        return Exit.OK
    _confirm(planned, terminal)
    return _restore(file, restore_options, planned.plan.digest, terminal, shown=True)


def as_json(restoration: Restoration) -> dict[str, object]:
    """A plan or a finished restore for scripts."""
    return {
        "operation": str(restoration.operation_id),
        "scope": str(restoration.scope.kind),
        "id": restoration.scope.id,
        "sha256": restoration.sha256,
        "applied": restoration.applied,
        "plan": restoration.plan.as_dict(),
        "warnings": list(restoration.warnings),
    }


def _check_arguments(options: dict[str, Any], terminal: Terminal) -> None:
    asking = not (options["dry_run"] or options["noinput"])
    if terminal.as_json and asking:
        raise UsageError("--json cannot ask.", hint="Add --dry-run or --noinput.")
    if options["file"] == source.STDIN and asking:
        raise UsageError(
            "Standard input is the archive, so nobody can answer there.",
            hint="Add --dry-run or --noinput.",
        )
    if options["expect"] and (options["dry_run"] or not options["noinput"]):
        raise UsageError(
            "--expect is for restores that do not ask.", hint="Add --noinput, without --dry-run."
        )


def _restore_options(options: dict[str, Any]) -> RestoreOptions:
    return RestoreOptions(
        mode=Mode(options["mode"]),
        only=options["only"],
        tables=tuple(options["table"]),
        leave_out=frozenset(options["leave_out"]),
        show_changes=options["show_changes"],
        fire_triggers=options["fire_triggers"],
        accept=frozenset(options["accept"]),
    )


def _restore(
    file: Source,
    options: RestoreOptions,
    expected_digest: str | None,
    terminal: Terminal,
    *,
    shown: bool = False,
) -> Exit:
    """Restore. The plan that stopped it is shown, and the one carried out unless it was before."""
    try:
        with terminal.progress() as progress:
            done = services.restore(
                file,
                actor=os_actor(ORIGIN),
                options=options,
                expected_digest=expected_digest,
                progress=progress,
            )
    except PlanError as error:
        if error.plan is not None and not terminal.as_json:
            terminal.show(*plan_lines(error.plan), "")
        raise
    if terminal.as_json:
        terminal.json(as_json(done))
    else:
        before = () if shown else (*_shown(done), "")
        terminal.show(*before, _restored(done))
    terminal.warn(done.warnings)
    return Exit.OK


def _shown(restoration: Restoration) -> Iterator[RenderableType]:
    archived = written(restoration.manifest.export_date)
    yield Text.assemble(
        (printable(restoration.scope.title), "bold"),
        f" as archived {archived}, mode {restoration.plan.mode}",
    )
    yield ""
    yield from plan_lines(restoration.plan)


def _stopping(plan: RestorePlan, options: RestoreOptions) -> list[Problem]:
    open_questions = [each for each in plan.to_confirm if each.code not in options.accept]
    return [*plan.blocking, *open_questions]


def _conclusion(
    plan: RestorePlan, stopping: list[Problem], options: dict[str, Any]
) -> Iterator[Text]:
    """Yield what comes of the plan; nothing when it is about to be asked for."""
    if stopping:
        what = f"{count(len(stopping), 'problem')} would stop it"
        yield Text.assemble(("Refused: ", "bold red"), f"{what}. Nothing was written.")
    elif not plan.counts.changes:
        yield Text.assemble(("Nothing to restore: ", "bold green"), "no row would change.")
    elif options["dry_run"]:
        yield Text.assemble(("Dry run: ", "bold green"), "nothing was written.")


def _restored(done: Restoration) -> Text:
    if not done.plan.counts.changes:
        return Text.assemble(("Nothing to restore: ", "bold green"), "no row had to change.")
    return Text.assemble(
        ("Restored ", "bold green"),
        (printable(done.scope.title), "bold"),
        f": {told(done.plan.counts)}. Proved and committed.",
    )


def _confirm(planned: Restoration, terminal: Terminal) -> None:
    """Name what will be written and where, and go on only after a yes."""
    counts = planned.plan.counts
    question = Text.assemble(
        f"This will insert {counts.insert:,}, update {counts.update:,} and delete "
        f"{count(counts.delete, 'row')} of ",
        (printable(planned.scope.title), "bold"),
        f" in {_database()}.\nType yes to go on:",
    )
    answer = terminal.ask(question)
    if answer is None:
        raise OperationCancelled(
            "Nobody answered, so nothing was written.", hint="Add --noinput to restore unasked."
        )
    if answer.casefold() != "yes":
        raise OperationCancelled("Declined; nothing was written.")


def _database() -> str:
    alias = get_settings().database
    settings = connections[alias].settings_dict
    host = settings["HOST"] or settings.get("OPTIONS", {}).get("host", "")
    return f"database {alias} ({settings['NAME']}{f' on {host}' if host else ''})"


def _column(text: str) -> str:
    table, dot, column = text.rpartition(".")
    if not (table and dot and column):
        raise ArgumentTypeError(f"{text!r} is not TABLE.COLUMN")
    return text


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)
