"""``make bench``: whole processes against PostgreSQL's and Django's own tools, as ratios.

    python -m benchmarks.bench [--rows 1000000] [--small 100000] [--runs 3]

Every figure is a median over ``--runs``; commands that are compared take turns.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import hospital
from .hospital import DATA, Hospital
from .measure import Run, Runs

TABLES = ("--table", "medical_records", "--table", "beds")
MEBIBYTE = 1024 * 1024
Step = Callable[[], Run]


def main() -> None:
    """Run all of it and print one table."""
    arguments = _arguments()
    console = Console(width=110)
    server = hospital.start_server()
    try:
        console.print(f"Preparing {arguments.rows:,} and {arguments.small:,} medical records …")
        large = hospital.create(server, "large", arguments.rows)
        small = hospital.create(server, "small", arguments.small)
        bench = Bench(large, small, arguments.runs, console)
        bench.measure_all()
        bench.report(arguments.rows, arguments.small)
    finally:
        server.remove()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--small", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    return parser.parse_args()


class Bench:
    """Measures every command, each group in turns, and compares them."""

    def __init__(self, large: Hospital, small: Hospital, runs: int, console: Console) -> None:
        self.large = large
        self.small = small
        self.runs = runs
        self.console = console
        self.results: dict[str, Runs] = {}

    def measure_all(self) -> None:
        """Exports first: the restores need their files."""
        self._in_turns({"pg_dump": self._pg_dump, "export": lambda: self._export(self.large)})
        self._in_turns(
            {
                "dry run, identical": self._dry_run,
                "pg_restore, empty": self._pg_restore,
                "restore, 1 % changed": self._restore_changed,
                "restore, empty": lambda: self._restore_empty(self.large),
            }
        )
        self._in_turns({"dumpdata": lambda: self._dumpdata(self.large)}, runs=1)
        self._in_turns(
            {
                "export, small": lambda: self._export(self.small),
                "restore, small": lambda: self._restore_empty(self.small),
                "dry run, small": lambda: self._dry_run(self.small),
            }
        )
        self._dumpdata(self.small)
        self._in_turns({"loaddata, small": self._loaddata}, runs=1)

    def _in_turns(self, steps: dict[str, Step], runs: int | None = None) -> None:
        for _ in range(runs or self.runs):
            for name, step in steps.items():
                result = step()
                self.results.setdefault(name, Runs()).all.append(result)
                self.console.print(f"  {name:24} {result.seconds:8.1f} s")

    def _file(self, source: Hospital, suffix: str) -> Path:
        return DATA / f"{source.name}.{suffix}"

    def _pg_dump(self) -> Run:
        path = str(self._file(self.large, "dump"))
        return self.large.program("pg_dump", "-Fc", *TABLES, "--file", path)

    def _export(self, source: Hospital) -> Run:
        path = str(self._file(source, "hms-backup"))
        return source.manage("hms_backup", "export", "CT3", "--force", "-o", path)

    def _dry_run(self, source: Hospital | None = None) -> Run:
        source = source or self.large
        path = str(self._file(source, "hms-backup"))
        return source.manage("hms_backup", "restore", path, "--dry-run")

    def _restore(self, source: Hospital) -> Run:
        source.execute("VACUUM ANALYZE medical_records")
        path = str(self._file(source, "hms-backup"))
        return source.manage("hms_backup", "restore", path, "--noinput")

    def _restore_changed(self) -> Run:
        self.large.execute("UPDATE medical_records SET notes = 'Wrong' WHERE id % 100 = 0")
        return self._restore(self.large)

    def _restore_empty(self, source: Hospital) -> Run:
        source.execute("TRUNCATE medical_records")
        return self._restore(source)

    def _pg_restore(self) -> Run:
        self.large.execute("TRUNCATE medical_records")
        self.large.execute("VACUUM ANALYZE medical_records")
        return self.large.program("pg_restore", "--data-only", str(self._file(self.large, "dump")))

    def _dumpdata(self, source: Hospital) -> Run:
        path = str(self._file(source, "json"))
        return source.manage("dumpdata", "hms.MedicalRecord", "hms.Bed", "--output", path)

    def _loaddata(self) -> Run:
        self.small.execute("TRUNCATE medical_records")
        return self.small.manage("loaddata", str(self._file(self.small, "json")))

    def report(self, rows: int, small: int) -> None:
        """Print every figure, then every ratio beside what it must not exceed."""
        self.console.print(self._figures(rows, small))
        self.console.print(self._ratios())
        for name, path in (
            ("hms_backup", self._file(self.large, "hms-backup")),
            ("pg_dump -Fc", self._file(self.large, "dump")),
            ("dumpdata", self._file(self.large, "json")),
        ):
            self.console.print(f"{name:12} file: {path.stat().st_size / MEBIBYTE:8.1f} MiB")
        self.console.print(f"{platform.machine()}, Python {platform.python_version()}")

    def _figures(self, rows: int, small: int) -> Table:
        table = Table(title=f"{rows:,} medical records (small: {small:,}), whole processes")
        for column in ("command", "median s", "range s", "peak MiB"):
            table.add_column(column, justify="left" if column == "command" else "right")
        for name, runs in self.results.items():
            peak = f"{runs.peak / MEBIBYTE:.0f}"
            table.add_row(name, f"{runs.seconds:.1f}", runs.spread, peak)
        return table

    def _ratios(self) -> Table:
        size = self._file(self.large, "hms-backup").stat().st_size
        dump = self._file(self.large, "dump").stat().st_size
        ours = [name for name in self.results if name.startswith(("export", "dry", "restore"))]
        large = [name for name in ours if not name.endswith("small")]
        peak = max(self.results[name].peak for name in large)
        growth = max(
            self.results[name].peak / self.results[f"{name.split(',')[0]}, small"].peak
            for name in large
        )
        table = Table(title="Ratios of medians within this run")
        for column in ("what", "ratio", "at most"):
            table.add_column(column, justify="left" if column == "what" else "right")
        for what, value, limit in (
            ("export, verified ÷ pg_dump -Fc: time", self._ratio("export", "pg_dump"), 1.15),
            ("export ÷ pg_dump -Fc: size", size / dump, 1.2),
            ("export ÷ dumpdata: time", self._ratio("export", "dumpdata"), 0.15),
            (
                "dry run of an identical archive ÷ pg_restore into empty: time",
                self._ratio("dry run, identical", "pg_restore, empty"),
                0.6,
            ),
            (
                "restore with 1 % changed ÷ the same",
                self._ratio("restore, 1 % changed", "pg_restore, empty"),
                0.85,
            ),
            (
                "restore into empty tables ÷ the same",
                self._ratio("restore, empty", "pg_restore, empty"),
                1.75,
            ),
            (
                "restore ÷ loaddata (small): time",
                self._ratio("restore, small", "loaddata, small"),
                0.12,
            ),
            ("peak memory of our processes, MiB", peak / MEBIBYTE, 150),
            ("peak memory, large ÷ small", growth, 1.1),
        ):
            colour = "green" if value <= limit else "bold red"
            table.add_row(what, f"[{colour}]{value:.2f}[/]", f"{limit:g}")
        return table

    def _ratio(self, one: str, other: str) -> float:
        return self.results[one].seconds / self.results[other].seconds


if __name__ == "__main__":
    main()
