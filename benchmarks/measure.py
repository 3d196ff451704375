"""Time whole processes, from start to exit, by the operating system's own account."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process that exited with 0."""

    seconds: float
    """Wall time."""
    peak: int
    """Largest resident memory, in bytes."""


@dataclass(slots=True)
class Runs:
    """Several runs of one command."""

    all: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.all)

    @property
    def spread(self) -> str:
        """Fastest to slowest."""
        times = [run.seconds for run in self.all]
        return f"{min(times):.1f} – {max(times):.1f}"

    @property
    def peak(self) -> int:
        """The largest."""
        return max(run.peak for run in self.all)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run ``command`` and return how long it took. Stops the benchmark if it fails."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=dict(environment), stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{output.read().decode(errors='replace')}")
    return Run(seconds=seconds, peak=usage.ru_maxrss * 1024)
