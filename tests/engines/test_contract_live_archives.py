"""Archives that the hospital's present system wrote (format 1.0.0) restore on every vendor."""

from __future__ import annotations

from pathlib import Path

import pytest

from hms_backup.plan import Mode
from hms_backup.registry import registry
from tests.roundtrip import backup, plan, restore
from tests.support import query, run_sql, snapshot

pytestmark = pytest.mark.django_db(transaction=True)

LIVE = Path(__file__).parent.parent / "archives" / "live"


@pytest.fixture
def users(transactional_db: None) -> None:
    """The three users that the archives' rows refer to."""
    for number, name in enumerate(("hr1.admin", "log2.admin", "dr.reyes"), start=1):
        run_sql(
            "INSERT INTO users (id, username, email, password_hash, subsystem, department, "
            "password_created_at, password_expires_at) "
            "VALUES (%s, %s, %s, 'x', 'HR1', 'HR', '2026-01-01', '2027-01-01')",
            number,
            name,
            f"{name}@example.org",
        )


@pytest.mark.parametrize(
    ("file", "scope_id", "rows"), [("live-HR1", "HR1", 8), ("live-LOGISTICS", "LOGISTICS", 12)]
)
def test_restore_inserts_all_rows_of_a_live_archive(
    users: None, tmp_path: Path, file: str, scope_id: str, rows: int
) -> None:
    scope = registry.scope(scope_id)
    path = LIVE / f"{file}.hms-backup"
    planned = plan(scope, path)
    assert [problem.code for problem in planned.problems] == ["no_checksums"]
    assert planned.counts.insert == rows
    restore(scope, path, expected_digest=planned.digest)
    again = plan(scope, path, mode=Mode.MIRROR)
    assert (again.counts.unchanged, again.counts.changes) == (rows, 0)
    before = snapshot()
    ours = backup(scope, tmp_path)
    run_sql(f"DELETE FROM {'interviews' if scope_id == 'HR1' else 'po_items'}")
    restore(scope, ours)
    assert snapshot() == before


def test_restore_keeps_text_exactly_of_a_live_archive(users: None) -> None:
    restore(registry.subsystem("HR1"), LIVE / "live-HR1.hms-backup")
    assert query("SELECT last_name, email FROM applicants WHERE id = 1") == [
        ("Peñaflor", "jose@example.org")
    ]
    assert query("SELECT email, phone FROM applicants WHERE id = 2") == [("", None)]
    assert query("SELECT location, notes FROM interviews WHERE id = 1") == [
        ("Room 2\\B", "Strong candidate.\nSecond line\twith tab")
    ]


def test_restore_names_the_missing_user_of_a_live_archive() -> None:
    scope = registry.subsystem("HR1")
    planned = plan(scope, LIVE / "live-HR1.hms-backup")
    missing = {
        (problem.table, problem.column, problem.rows)
        for problem in planned.blocking
        if problem.code == "reference_missing"
    }
    assert missing == {
        ("vacancies", "approved_by", ("1", "2")),
        ("interviews", "interviewer_id", ("1", "2")),
    }
    assert query("SELECT count(*) FROM vacancies") == [(0,)]
