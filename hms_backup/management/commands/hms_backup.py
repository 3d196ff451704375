"""The door for operators: parses the command line, calls the verb, turns errors into exit codes."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol, TextIO, cast

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
    SystemCheckError,
)

from ... import __version__
from ...checks import TAG
from ...cli import export, inspect, log, restore, verify
from ...cli import list as list_
from ...cli.exits import Exit, UsageError, exit_for
from ...cli.terminal import Terminal
from ...exceptions import ConfigurationError, HmsBackupError, StorageError
from ...operation import as_recorded


class Verb(Protocol):
    """What a module of ``hms_backup.cli`` offers."""

    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the verb takes."""

    def run(self, options: dict[str, Any], terminal: Terminal) -> Exit:
        """Do it."""


VERBS: dict[str, Verb] = {
    "list": list_,
    "export": export,
    "inspect": inspect,
    "verify": verify,
    "restore": restore,
    "log": log,
}
JSON = "--json"
_FOUND = re.compile(r"^(?:\x1b\[[0-9;]*m)?(.*\(hms_backup\.\w+\).*?)(?:\x1b\[0m)?$", re.MULTILINE)
"""The lines of a failed system check that say what was found."""
EXIT_CODES = "exit codes:\n" + "\n".join(f"  {code.value}  {code.meaning}" for code in Exit)


class HelpFormatter(RawDescriptionHelpFormatter, DjangoHelpFormatter):
    """Leaves the examples' lines alone, and lists Django's own options last."""


class Command(BaseCommand):
    """``manage.py hms_backup VERB …``."""

    help = "Back up and restore departments and subsystems."
    requires_system_checks = [TAG]

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Check no live table first: from Django 6.1 on, naming none would mean all databases."""
        kwargs: Any = super().get_check_kwargs(options)
        return {**kwargs, "databases": []}

    def get_version(self) -> str:
        """Return this package's version, not Django's."""
        return __version__

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add the exit codes to the help."""
        kwargs.update(formatter_class=HelpFormatter, epilog=EXIT_CODES)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """One sub-command per verb; each also takes Django's general options."""
        common = _common_arguments()
        verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
        for name, verb in VERBS.items():
            added = verbs.add_parser(
                name,
                help=verb.HELP,
                description=_sentence(verb.__doc__ or ""),
                epilog=f"examples:\n{verb.EXAMPLES}\n{EXIT_CODES}",
                formatter_class=HelpFormatter,
                parents=[common],
            )
            verb.add_arguments(added)

    def run_from_argv(self, argv: list[str]) -> None:
        """With ``--json``, say as JSON too what argparse refuses, which would print its usage."""
        if JSON in argv[2:]:
            try:
                self.create_parser(argv[0], argv[1]).parse_args(argv[2:])
            except CommandError as error:
                wrong = str(error).removeprefix("Error: ").rstrip(".")
                self._end_in_json(UsageError(f"{wrong}.", hint="Add --help to see what it takes."))
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """With ``--json``, say as JSON too what the system checks find."""
        try:
            return super().execute(*args, **options)
        except SystemCheckError as error:
            if not options.get("as_json"):
                raise
            found = "; ".join(_FOUND.findall(str(error)))
            self._end_in_json(
                ConfigurationError(
                    f"The system checks found errors: {found}", hint="Run manage.py check."
                )
            )

    def _end_in_json(self, error: HmsBackupError) -> NoReturn:
        self._terminal({"as_json": True, "no_color": True}).error(error)
        sys.exit(exit_for(error))

    def _terminal(self, options: dict[str, Any]) -> Terminal:
        for stream in (self.stdout, self.stderr):  # rich ends its lines and styles them itself
            stream.ending, stream.style_func = "", None
        return Terminal(
            cast(TextIO, self.stdout),
            cast(TextIO, self.stderr),
            as_json=options.get("as_json", False),
            color=_color(options),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the verb; exit with its code unless all went well."""
        terminal = self._terminal(options)
        code = _guarded(options, terminal)
        if code is not Exit.OK:
            sys.exit(code)


def _sentence(docstring: str) -> str:
    """What a verb does, from its module's first line: ``hms_backup VERB``: what it does."""
    said = docstring.partition(": ")[2]
    return said[:1].upper() + said[1:]


def _guarded(options: dict[str, Any], terminal: Terminal) -> Exit:
    try:
        with _stoppable():
            return VERBS[options["verb"]].run(options, terminal)
    except HmsBackupError as error:
        if options["traceback"]:
            raise
        terminal.error(error)
        to_stdout = options.get("output") == export.STDOUT
        if terminal.lost or (isinstance(error, StorageError) and to_stdout):
            _let_go_of(terminal.stdout)
        return exit_for(error)
    except KeyboardInterrupt as interrupt:
        terminal.error(as_recorded(interrupt))
        return Exit.CANCELLED
    except BrokenPipeError:
        # The reader of `log | head` has seen enough.
        _let_go_of(terminal.stdout)
        return Exit.OK
    except Exception as error:
        if options["traceback"]:
            raise
        unexpected = as_recorded(error)
        unexpected.hint = (
            "This is a fault of hms_backup: run it again with --traceback to see where."
        )
        terminal.error(unexpected)
        return Exit.FAILED


def _let_go_of(stdout: TextIO) -> None:
    """Leave what is still to be written unwritten, so that Python does not fail on it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let a lost terminal or a polite kill roll back and be recorded, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
    stopping = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {each: signal.getsignal(each) for each in stopping}
    for each in stopping:
        if before[each] is signal.SIG_DFL:  # nohup and supervisors know what they do
            signal.signal(each, _interrupt)
    try:
        yield
    finally:
        for each in stopping:
            signal.signal(each, before[each])


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _color(options: dict[str, Any]) -> bool | None:
    if options["no_color"]:
        return False
    return True if options["force_color"] else None


def _common_arguments() -> CommandParser:
    """What may stand after the verb too; without a value, the one before the verb counts."""
    parser = CommandParser(add_help=False, argument_default=SUPPRESS)
    parser.add_argument(
        JSON, action="store_true", dest="as_json", help="write one JSON document, for scripts"
    )
    for name in ("--traceback", "--no-color", "--force-color"):
        parser.add_argument(name, action="store_true", help=SUPPRESS)
    for name in ("--settings", "--pythonpath"):
        parser.add_argument(name, help=SUPPRESS)
    parser.add_argument("-v", "--verbosity", type=int, choices=range(4), help=SUPPRESS)
    return parser
