"""A row's before and after, cut into what is the same and what is not, for people to see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from ..plan import Action, RowChange

CONTEXT = 24
"""Characters shown of what two long values share before and after they differ."""
TELLING = 3
"""How many unchanged texts of a row are shown."""
LONGEST = 400
"""Characters shown of the differing part of one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: what it shares with the other side around what it does not."""

    lead: str = ""
    changed: str = ""
    tail: str = ""
    is_null: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it is the empty string, which must not look like NULL."""
        return not (self.is_null or self.lead or self.changed or self.tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One column of a row that changes; a side that does not exist is None."""

    column: str
    before: Value | None
    after: Value | None


def cells(change: RowChange) -> Iterator[Cell]:
    """Yield the columns that differ; of a new or deleted row all that hold something."""
    for column in change.changed_columns:
        before, after = change.before.get(column), change.after.get(column)
        if change.action is Action.UPDATE:
            old, new = compare(before, after)
            yield Cell(column=column, before=old, after=new)
        elif change.action is Action.INSERT and after is not None:
            yield Cell(column=column, before=None, after=_whole(after))
        elif change.action is Action.DELETE and before is not None:
            yield Cell(column=column, before=_whole(before), after=None)


def recognisable(change: RowChange) -> tuple[str, ...]:
    """Of an updated row, the first short texts that stay as they are: a name, not a number.

    Of a new or deleted row nothing: all of it is shown.
    """
    if change.action is not Action.UPDATE:
        return ()
    changed = set(change.changed_columns)
    texts = (text for name, text in change.before.items() if name not in changed and text)
    return tuple(itertools.islice(filter(_is_telling, texts), TELLING))


def _is_telling(text: str) -> bool:
    return (
        len(text) <= 2 * CONTEXT
        and text[0] not in '[{"'  # JSON
        and text.casefold() not in {"true", "false", "t", "f"}
        and any(map(str.isalpha, text))
    )


def compare(before: str | None, after: str | None) -> tuple[Value, Value]:
    """Cut two values at the first and the last word in which they differ."""
    if before is None or after is None:
        return _only(before), _only(after)
    start = _whole_words(before, _shared(before, after))
    end = _shared(before[start:][::-1], after[start:][::-1])
    end = _whole_words(before[::-1], end)
    return _cut(before, start, end), _cut(after, start, end)


def _only(text: str | None) -> Value:
    return Value(is_null=True) if text is None else Value(changed=_shortened(text))


def _whole(text: str) -> Value:
    return Value(lead=_shortened(text))


def _cut(text: str, start: int, end: int) -> Value:
    lead, tail = text[:start], text[len(text) - end :]
    return Value(
        lead=f"…{lead[-CONTEXT:]}" if len(lead) > 2 * CONTEXT else lead,
        changed=_shortened(text[start : len(text) - end]),
        tail=f"{tail[:CONTEXT]}…" if len(tail) > 2 * CONTEXT else tail,
    )


def _whole_words(text: str, shared: int) -> int:
    """Give a word's shared beginning back to it: *Rejected* and *Hired* share no "ed"."""
    start = shared
    while start and text[start - 1].isalnum():
        start -= 1
    return start if shared - start <= CONTEXT else shared


def _shared(one: str, other: str) -> int:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return index
    return min(len(one), len(other))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
