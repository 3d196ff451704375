"""The progress bar of the command line."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from .words import printable, size

STEPS = {
    "read": "reading",
    "verify": "verifying",
    "stage": "loading",
    "write": "writing",
    "prove": "proving",
}
"""Steps as a person would say them; an unknown one is shown under its own name."""


class Bar:
    """One line on the terminal that always shows the current step and table, then vanishes."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[done]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._measured = False

    def __enter__(self) -> Bar:
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, traceback)

    def __call__(self, step: str, table: str, done: int, total: int | None) -> None:
        """Show it; see `hms_backup.progress.Progress`."""
        description = f"{STEPS.get(step, step)} {printable(table)}".strip()
        said = size(done) if step == "verify" else f"{done:,} rows"
        task = self._task
        if task is None or self._measured != (total is not None):
            task = self._begin(total)
        self._progress.update(
            task,
            description=description,
            completed=done,
            total=total,
            done=said if done else "",
        )

    def _begin(self, total: int | None) -> TaskID:
        """Start the bar anew: rich cannot make one that has a total forget it."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._measured = total is not None
        self._task = self._progress.add_task("", total=total, done="")
        return self._task
