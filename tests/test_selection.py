"""What a restore takes from an archive: names of columns."""

from __future__ import annotations

import pytest

from hms_backup.inspection import new_name
from hms_backup.selection import is_column_of


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("beds.ward", True),
        ("beds.a.b", True),
        ("Ward 1.Staff.gone", True),
        ("beds", False),
        ("bed.ward", False),
        ("Staff.gone", False),
        ("", False),
    ],
)
def test_column_is_told_by_the_table_before_it(name: str, found: bool) -> None:
    assert is_column_of(name, ("beds", 'Ward 1"."Staff')) is found


@pytest.mark.parametrize("id", ["HR1", "../x", "病" * 100, "a" * 300, "", "CON:"])
def test_name_of_a_backup_can_be_a_files_name_everywhere(id: str) -> None:
    name = new_name(id)

    assert name.isascii()
    assert len(name) < 120
    assert not set(name) & set('/\\:*?"<>| ')
