"""Running ``manage.py hms_backup`` inside the test's process, and what it said."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from django.core.management import call_command

from tests.support import run_sql


@dataclass(frozen=True)
class Said:
    """One run: its exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which is one JSON document."""
        return json.loads(self.out)


def hms_backup(*arguments: object, stdin: Any = "", checked: bool = False) -> Said:
    """Run a verb as ``manage.py`` would, with ``stdin`` as all that is typed, or a file object.

    The system checks run only when ``checked``.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    typed = io.StringIO(stdin) if isinstance(stdin, str) else stdin
    wide = {"COLUMNS": "300"}  # however wide the terminal is in which the tests run
    with patch.object(sys, "stdin", typed), patch.dict(os.environ, wide):
        try:
            call_command(
                *("hms_backup", *map(str, arguments)),
                stdout=out, stderr=err, skip_checks=not checked,
            )  # fmt: skip
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def fill_hr1() -> None:
    """A few rows in HR1, and one in HR4."""
    run_sql("INSERT INTO vacancies (id, position_name) VALUES (1, 'Nurse'), (2, 'Guard')")
    run_sql(
        "INSERT INTO applicants (id, first_name, last_name, vacancy_id)"
        " VALUES (1, 'Ana', 'Cruz', 1), (2, 'Ben', 'Diaz', 2), (3, 'Cora', 'Lim', NULL)"
    )
    run_sql(
        "INSERT INTO salary_grades (id, grade_name, min_salary, max_salary) VALUES (1, '11', 1, 2)"
    )


def damage_hr1() -> None:
    """Alter one of the applicants, delete one, add one."""
    run_sql("UPDATE applicants SET first_name = 'Eve' WHERE id = 1")
    run_sql("DELETE FROM applicants WHERE id = 2")
    run_sql("INSERT INTO applicants (id, first_name, last_name) VALUES (9, 'New', 'Here')")
