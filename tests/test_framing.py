"""Where rows begin and end must not depend on how the bytes happen to arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_backup.exceptions import RowInvalid
from hms_backup.framing import MAX_DEPTH, frame_array, frame_lines, is_too_deep, split_rows

Frame = Callable[[str, Iterator[bytes]], Iterator[bytes]]
FRAMES = [frame_lines, frame_array]
BOTH = pytest.mark.parametrize("frame", FRAMES, ids=["lines", "array"])

ROWS = st.lists(
    st.dictionaries(st.text(max_size=8), st.one_of(st.none(), st.text(), st.integers()), max_size=4)
)
CUTS = st.lists(st.integers(min_value=0, max_value=10_000), max_size=20)


def cut(text: bytes, places: list[int]) -> Iterator[bytes]:
    """``text`` in blocks that end at ``places``, empty ones included."""
    ends = [*sorted(min(place, len(text)) for place in places), len(text)]
    starts = [0, *ends]
    return (text[start:end] for start, end in zip(starts, ends, strict=False))


def one_per_line(rows: list[object]) -> bytes:
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    return ("[\n" + ",\n".join(lines) + "\n]\n" if rows else "[]\n").encode()


def framed(frame: Frame, text: bytes, places: list[int]) -> list[object]:
    return [row for array in frame("t", cut(text, places)) for row in json.loads(array)]


def shape(frame: Frame, text: bytes, places: list[int]) -> object:
    try:
        return framed(frame, text, places)
    except (RowInvalid, ValueError):
        return "refused"


@given(ROWS, CUTS)
def test_rows_are_whole_wherever_blocks_are_cut(rows: list[object], places: list[int]) -> None:
    text = one_per_line(rows)

    assert framed(frame_lines, text, places) == rows
    assert framed(frame_array, text, places) == rows


@given(ROWS, CUTS, st.sampled_from([None, 0, 1, 4]))
def test_indented_rows_are_whole_wherever_blocks_are_cut(
    rows: list[object], places: list[int], indent: int | None
) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=False).encode()

    assert framed(frame_array, text, places) == rows


@given(st.text(alphabet='[]{},"\\ \n1a', max_size=30), CUTS)
def test_array_that_is_no_json_is_refused_wherever_blocks_are_cut(
    text: str, places: list[int]
) -> None:
    raw = text.encode()

    assert shape(frame_array, raw, places) == shape(frame_array, raw, [])


@BOTH
def test_rows_larger_than_a_block_are_joined(frame: Frame) -> None:
    rows: list[object] = [{"id": number, "t": "x" * 300_000} for number in range(4)]
    text = one_per_line(rows)

    assert framed(frame, text, list(range(0, len(text), 65_536))) == rows


@BOTH
def test_many_rows_come_in_several_arrays(frame: Frame) -> None:
    text = one_per_line([{"id": number, "t": "x" * 100} for number in range(5_000)])
    blocks = cut(text, list(range(0, len(text), 65_536)))

    arrays = list(frame("t", blocks))

    assert len(arrays) > 2
    assert max(map(len, arrays)) < 400_000


@BOTH
@pytest.mark.parametrize("text", [b"[]", b"[]\n", b"[\n]\n", b" [ ] "])
def test_empty_array_has_no_rows(frame: Frame, text: bytes) -> None:
    for place in range(len(text) + 1):
        assert framed(frame, text, [place]) == []


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" \n",
        b"null",
        b"{}",
        b'{"id":1}',
        b"[",
        b'[{"id":1}',
        b'[\n{"id":1},\n]',
        b"\xef\xbb\xbf[]",
        "[]".encode("utf-16"),
        '[{"id":1}]'.encode("utf-16-le"),
        b'[{"id":1}] x',
        b'"[]',
    ],
)
def test_what_is_no_array_of_rows_is_refused_naming_the_table(frame: Frame, text: bytes) -> None:
    with pytest.raises((RowInvalid, ValueError)) as caught:
        framed(frame, text, [2])

    if isinstance(caught.value, RowInvalid):
        assert caught.value.table == "t"


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, 100_000])
def test_nesting_too_deep_is_refused_naming_the_row(depth: int) -> None:
    text = b'[{"id":1},\n{"id":' + b"[" * depth + b"]" * depth + b"}]"
    if depth <= MAX_DEPTH - 2:
        assert len(list(frame_array("t", iter([text])))) == 1
        return

    with pytest.raises(RowInvalid) as caught:
        list(frame_array("t", iter([text])))

    assert (caught.value.table, caught.value.row) == ("t", "#2")


def test_depth_is_not_taken_from_text() -> None:
    deep = b"[" * 600 + b"]" * 600

    assert is_too_deep(deep, inside=0)
    assert not is_too_deep(b'"' + deep + b'"', inside=0)
    assert not is_too_deep(b"[" + b"[]," * 1000 + b"[]]", inside=2)
    assert is_too_deep(b"[" * 511 + b'"' + b" " * 900 + b'"' + b"]" * 511, inside=2)
    assert not is_too_deep(b"[" * 510 + b'"' + b" " * 900 + b'"' + b"]" * 510, inside=2)


def test_rows_of_an_array_that_breaks_off_are_split_up_to_there() -> None:
    whole = rb'[{"a":"],\""} , {"b":[1,2]},{"c":"x]'

    assert split_rows(whole) == [rb'{"a":"],\""} ', rb' {"b":[1,2]}', rb'{"c":"x']
