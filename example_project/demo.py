"""The story of ``make demo``: back up, damage, look, restore, prove that every row is back.

Everything goes through ``manage.py``, as an operator would type it. Exits with 1 when a table is
not what it was, and with the command's own code when one fails.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANAGE = Path("example_project") / "manage.py"
BACKUPS = Path("example_project") / "backups"
SCOPES = ("HR1", "LOGISTICS")
COLUMNS = "100"
"""Width of the commands' tables when no terminal says otherwise."""


def main() -> None:
    """Tell the story from beginning to end."""
    chapter("A hospital with records in 43 tables")
    manage("setup_hospital", "--reset")
    manage("hms_backup", "list")

    chapter("Back up HR1 and the whole of LOGISTICS")
    before = fingerprints()
    for scope in SCOPES:
        archive(scope).unlink(missing_ok=True)
        manage("hms_backup", "export", scope, "-o", str(archive(scope)))
    manage("hms_backup", "inspect", str(archive("HR1")))

    chapter("Then, one tired evening …")
    manage("damage")
    damaged = fingerprints()
    if damaged == before:
        sys.exit("The damage changed nothing, so there is nothing to show.")

    chapter("What would a restore change? Nothing is written yet")
    for scope in SCOPES:
        manage("hms_backup", "restore", str(archive(scope)), "--dry-run", "--show-changes", "3")
    if fingerprints() != damaged:
        sys.exit("A dry run wrote to the tables.")

    chapter("Restore")
    for scope in SCOPES:
        manage("hms_backup", "restore", str(archive(scope)), "--noinput")

    chapter("Is every row back?")
    manage("fingerprint", *SCOPES)
    compare(before, fingerprints())

    chapter("Who did what")
    manage("hms_backup", "log")
    print(FAREWELL)
    print(GIVEN_DATABASE if os.environ.get("DATABASE_URL") else OWN_DATABASE)


FAREWELL = """
Open the hospital in a browser: `make run`, then http://127.0.0.1:8000/ and sign in as

  super.admin                who may do everything
  hr.admin                   who administers the department Human Resources; likewise
                             core.admin, logistics.admin and financials.admin
  hr1.admin to fin1.admin    who administer one subsystem each
  nurse                      who may back up and restore nothing

Everybody's password is "hospital".

On the command line, activate .venv (`. .venv/bin/activate`), then try:

  python example_project/manage.py hms_backup --help
  python example_project/manage.py hms_backup export HR
  python example_project/manage.py damage
  python example_project/manage.py setup_hospital --reset --scale 20
"""
OWN_DATABASE = "`make stop` stops the database, `make clean` removes everything."
GIVEN_DATABASE = "All of this needs DATABASE_URL to stay set as it is now."


def archive(scope: str) -> Path:
    """Where the demo keeps a scope's archive."""
    return BACKUPS / f"{scope}.hms-backup"


def chapter(title: str) -> None:
    """Print a heading."""
    print(f"\n\033[1m── {title} ──\033[0m" if sys.stdout.isatty() else f"\n── {title} ──")


def manage(*arguments: str) -> None:
    """Show a command and run it; stop the demo with its exit code if it fails."""
    print(f"\n$ python {shlex.join([str(MANAGE), *arguments])}", flush=True)
    ran = run(arguments, capture=False)
    if ran.returncode:
        sys.exit(ran.returncode)


def fingerprints() -> dict[str, str]:
    """Every table's rows and hash, as ``manage.py fingerprint`` says them."""
    ran = run(("fingerprint", *SCOPES), capture=True)
    if ran.returncode:
        sys.exit(ran.returncode)
    return {line.split()[0]: line for line in ran.stdout.splitlines()}


def run(arguments: tuple[str, ...], *, capture: bool) -> subprocess.CompletedProcess[str]:
    """Run one ``manage.py`` command in a process of its own."""
    (ROOT / BACKUPS).mkdir(exist_ok=True)
    return subprocess.run(  # noqa: S603 - this file's own arguments, no shell
        [sys.executable, str(MANAGE), *arguments],
        cwd=ROOT,
        env={"COLUMNS": COLUMNS, **os.environ},
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )


def compare(before: dict[str, str], after: dict[str, str]) -> None:
    """Exit with 1, naming the tables, unless both states are the same."""
    different = [table for table in before if before[table] != after.get(table)]
    if different:
        sys.exit(f"Not what it was before the damage: {', '.join(different)}.")
    print(f"Yes: all {len(before)} tables hold exactly what they held before the damage.")


if __name__ == "__main__":
    main()
