"""What people read: every code has words, and differences are cut where they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils.translation import override

import hms_backup
from hms_backup import exceptions
from hms_backup.pages import phrases, wording
from hms_backup.pages.differences import LONGEST, cells, compare, recognisable
from hms_backup.plan import Action, Mode, RowChange
from hms_backup.receiving import too_large

PACKAGE = Path(hms_backup.__file__).parent


def test_every_problem_code_has_words() -> None:
    sources = [*(PACKAGE / "engines").rglob("*.py"), *PACKAGE.glob("*.py")]
    found = {
        code
        for path in sources
        for code in re.findall(
            r'(?:\bcode=|\bcode, severity(?:, hint)? = |warn\(\s*)"(\w+)"', path.read_text()
        )
    }

    assert {"cascade_outside", "duplicate_key", "no_checksums"} <= found
    assert found - set(phrases.PROBLEMS) == set()


def test_every_error_code_has_words() -> None:
    kinds = [each for each in vars(exceptions).values() if isinstance(each, type)]
    codes = {each.code for each in kinds if issubclass(each, exceptions.HmsBackupError)}

    assert codes - set(phrases.ERRORS) == set()


def test_every_error_says_what_to_do() -> None:
    assert all(title and advice for title, advice in phrases.ERRORS.values())


def test_updated_row_is_recognised_by_texts_that_stay() -> None:
    before = {
        "id": "7", "active": "true", "first_name": "Maria", "last_name": None, "email": "m@x.example",
        "tags": '["a"]', "ward": "W" * 60, "note": "", "status": "old", "city": "Cebu", "unit": "B",
    }  # fmt: skip
    change = RowChange(
        table="staff",
        key="7",
        action=Action.UPDATE,
        before=before,
        after={**before, "status": "new"},
    )

    assert recognisable(change) == ("Maria", "m@x.example", "Cebu")


def test_new_row_needs_no_recognising() -> None:
    change = RowChange(table="staff", key="7", action=Action.INSERT, after={"name": "Maria"})

    assert recognisable(change) == ()


def test_every_mode_has_words() -> None:
    assert set(phrases.MODES) == set(Mode)


def test_difference_is_cut_to_what_differs() -> None:
    before, after = compare("Ward 7, bed 3", "Ward 9, bed 3")

    assert (before.lead, before.changed, before.tail) == ("Ward ", "7", ", bed 3")
    assert (after.lead, after.changed, after.tail) == ("Ward ", "9", ", bed 3")


def test_words_are_not_cut_apart() -> None:
    before, after = compare("was Rejected today", "was Hired today")

    assert (before.lead, before.changed, before.tail) == ("was ", "Rejected", " today")
    assert after.changed == "Hired"


@pytest.mark.parametrize(
    ("before", "after"),
    [("aa", "aaa"), ("", "x"), ("x", ""), ("abcabc", "abc"), ("ab", "ba"), ("same", "same")],
)
def test_pieces_of_a_difference_make_up_the_values(before: str, after: str) -> None:
    old, new = compare(before, after)

    assert old.lead + old.changed + old.tail == before
    assert new.lead + new.changed + new.tail == after
    assert (old.lead, old.tail) == (new.lead, new.tail)


def test_null_and_empty_text_are_told_apart() -> None:
    before, after = compare(None, "")

    assert before.is_null
    assert not before.is_empty
    assert after.is_empty


def test_long_values_are_shortened_around_the_difference() -> None:
    before, after = compare("a" * 1000 + "x" + "b" * 1000, "a" * 1000 + "y" * 1000 + "b" * 1000)

    assert before.changed == "x"
    assert len(before.lead + before.tail) < 60
    assert len(after.changed) == LONGEST + 1


def test_new_and_deleted_rows_show_what_they_hold() -> None:
    row = {"id": "1", "name": "Ana", "note": None}
    new = RowChange(table="t", key="1", action=Action.INSERT, after=row)
    gone = RowChange(table="t", key="1", action=Action.DELETE, before=row)

    assert [cell.column for cell in cells(new)] == ["id", "name"]
    assert all(cell.before is None for cell in cells(new))
    assert all(cell.after is None for cell in cells(gone))


@pytest.mark.parametrize("language", ["en", "fil"])
def test_people_without_a_terminal_are_not_told_of_settings_first(language: str) -> None:
    error = too_large(1024 * 1024)
    assert "HMS_BACKUP" in error.hint

    with override(language):
        worded = wording.explained(error)
        advice = str(worded.advice)

    assert "HMS_BACKUP" not in advice
    assert "HMS_BACKUP" in worded.detail, "whoever helps them finds it"
    if language == "en":
        with override("en"):
            assert wording.in_words(error) == (
                "This file is too large. The file is larger than the 1 MB that are accepted. "
                "Ask your system administrator to raise the limit if it is the right file."
            )
