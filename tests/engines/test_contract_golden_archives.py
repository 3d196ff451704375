"""Archives of earlier releases restore on every vendor, to the same bytes, for ever."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from django.db import connection

from example_project.hospital.seeding import seed_hospital
from hms_backup.plan import Mode
from hms_backup.registry import registry
from tests.roundtrip import backup, plan, restore
from tests.support import run_sql

pytestmark = pytest.mark.django_db(transaction=True)

GOLDEN = Path(__file__).parent.parent / "archives" / "v1"
HR1 = ("interviews", "onboarding", "applicants", "vacancies")


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite"])
def test_golden_archive_restores_into_empty_tables_to_the_same_bytes(
    vendor: str, tmp_path: Path
) -> None:
    seed_hospital(seed=1, scale=1)  # the users that its rows refer to
    for table in HR1:
        run_sql(f"DELETE FROM {table}")
    scope = registry.subsystem("HR1")
    golden = GOLDEN / f"{vendor}-HR1.hms-backup"

    done = restore(scope, golden)
    assert (done.counts.insert, done.counts.changes) == (139, 139)

    again = plan(scope, golden, mode=Mode.MIRROR)
    assert (again.counts.unchanged, again.counts.changes) == (139, 0)
    if vendor == connection.vendor:
        written = backup(scope, tmp_path)
        assert {table: _rows(written, table) for table in HR1} == {
            table: _rows(golden, table) for table in HR1
        }


def test_golden_archive_of_ten_tables_brings_every_row_back() -> None:
    seed_hospital(seed=1, scale=1)
    scope = registry.subsystem("FIN1")
    golden = GOLDEN / "postgresql-FIN1.hms-backup"
    restore(scope, golden, mode=Mode.MIRROR)
    run_sql("UPDATE general_ledger SET balance = 0")
    run_sql("DELETE FROM collections")

    done = restore(scope, golden)

    assert done.counts.insert > 0
    assert done.counts.update > 0
    assert plan(scope, golden, mode=Mode.MIRROR).counts.changes == 0


def _rows(archive: Path, table: str) -> bytes:
    with zipfile.ZipFile(archive) as file:
        return file.read(f"{table}.json")
