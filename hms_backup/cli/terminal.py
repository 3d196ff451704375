"""Where the command line writes: results to stdout, everything said about them to stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..exceptions import HmsBackupError, OperationCancelled, StorageError
from ..progress import Progress
from .words import printable

PIPE_WIDTH = 1000
"""Columns when nobody's terminal says how wide it is: a path or an error stays in one piece."""


class Terminal:
    """Two consoles that know whether somebody is looking, and the choice of JSON."""

    def __init__(
        self, stdout: TextIO, stderr: TextIO, *, as_json: bool = False, color: bool | None = None
    ) -> None:
        self.as_json = as_json
        self.lost = False
        """Whether standard output takes no more."""
        self.stdout = stdout
        self.out = _console(stdout, color)
        self.err = _console(stderr, color)

    def show(self, *contents: RenderableType) -> None:
        """Write results to stdout, without the blanks that rich pads lines with."""
        with self._showing():
            with self.out.capture() as captured:
                for content in contents:
                    self.out.print(content)
            lines = captured.get().splitlines()
            self.stdout.write("".join(f"{line.rstrip()}\n" for line in lines))

    def json(self, content: Any) -> None:
        """Write one JSON document to stdout."""
        text = json.dumps(content, indent=2, ensure_ascii=not _is_utf8(self.stdout), default=str)
        with self._showing():
            self.stdout.write(f"{text}\n")

    @contextmanager
    def _showing(self) -> Iterator[None]:
        try:
            yield
            self.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self.lost = True
            raise StorageError(
                f"The result cannot be shown: {error.strerror or type(error).__name__}.",
                hint="hms_backup log says what was done: only showing it failed.",
            ) from error

    def error(self, error: HmsBackupError) -> None:
        """Say what is wrong and what to do: in words on stderr, or as JSON on stdout."""
        if self.as_json and not self.lost:
            plan = getattr(error, "plan", None)
            self.json({"error": error.as_dict(), **({"plan": plan.as_dict()} if plan else {})})
            return
        line = Text.assemble((f"error [{error.code}]:", "bold red"), " ", printable(error.message))
        self.err.print(line)
        if where := _where(error):
            self.err.print(indented(Text(printable(f"in {where}"))))
        if error.hint:
            self.err.print(indented(Text(printable(error.hint))))

    def warn(self, warnings: Sequence[str]) -> None:
        """Say on stderr what went well only in part."""
        for warning in warnings:
            self.err.print(Text.assemble(("warning:", "bold yellow"), " ", printable(warning)))

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """Yield a progress bar on stderr; None when nobody watches it, so that nothing counts."""
        if not self.err.is_terminal or self.as_json:
            yield None
            return
        from .bar import Bar  # rich's progress bar takes longer to import than a small export

        with Bar(self.err) as bar:
            yield bar

    def ask(self, question: Text) -> str | None:
        """Ask on stderr and return the answer; None when there is nobody to give one.

        Raises `OperationCancelled` for Ctrl-C.
        """
        self.err.print(question, end=" ")
        self.stdout.flush()
        answer = ""
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt as interrupt:
            raise OperationCancelled("Interrupted; nothing was written.") from interrupt
        finally:
            if not (answer and sys.stdin.isatty()):  # then nobody's Enter has ended the line
                self.err.print()
        return answer.strip() if answer else None


def grid(*columns: str | tuple[str, str]) -> Table:
    """A table without lines: a column is a header, or a header and ``right``."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        header, justify = column if isinstance(column, tuple) else (column, "left")
        if justify == "right":  # a number on two lines would be read as two
            table.add_column(header, justify="right", no_wrap=True)
        else:
            table.add_column(header, overflow="fold")
    return table


def facts(*pairs: tuple[str, str]) -> Table:
    """Names and their values, aligned; pairs without a value are left out."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        if value:
            table.add_row(name, Text(printable(value)))
    return table


def indented(content: Table | Text, by: int = 2) -> Padding:
    """Content set off from the line before it."""
    return Padding(content, (0, 0, 0, by), expand=False)


def _where(error: HmsBackupError) -> str:
    """Table, row and column, as far as the message does not name them."""
    known = error.as_dict()
    return ", ".join(
        f"{part} {known[part]}"
        for part in ("table", "row", "column")
        if part in known and known[part] not in error.message
    )


def _console(stream: TextIO, color: bool | None) -> Console:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:  # an arrow, or a file's name, must not be what a restore fails of
        reconfigure(errors="backslashreplace")
    console = Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        no_color=True if color is False else None,
        force_terminal=True if color else None,
    )
    if "COLUMNS" not in os.environ and not _someone_has_a_terminal():
        console.width = PIPE_WIDTH
    return console


def _is_utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower() in ("utf-8", "utf8")


def _someone_has_a_terminal() -> bool:
    """Whether rich could learn a width, as in ``log | less``."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        try:
            if stream is not None and stream.isatty():
                return True
        except (ValueError, io.UnsupportedOperation):
            continue
    return False
