"""The strict decoder: what it hands on is what was written, to the last digit, and all else is
refused with the row and, where it is known, the column."""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hms_backup.exceptions import RowInvalid, SchemaUnsupported
from hms_backup.rows import RowBatch, RowColumn, RowDecoder, first_keys
from hms_backup.schema import Kind

FRAMINGS = pytest.mark.parametrize("per_line", [True, False], ids=["lines", "array"])

COLUMNS = (
    RowColumn(name="id", kind=Kind.INTEGER),
    RowColumn(name="t", kind=Kind.TEXT),
    RowColumn(name="b", kind=Kind.BOOLEAN),
    RowColumn(name="n", kind=Kind.NUMERIC),
    RowColumn(name="f", kind=Kind.FLOAT),
    RowColumn(name="j", kind=Kind.JSON, unique_members=True),
    RowColumn(name="v", kind=Kind.JSON),
)
PLAIN = {"id": "1", "t": '"x"', "b": "true", "n": "1.50", "f": "0.1", "j": "{}", "v": "[]"}


def decode(
    text: bytes, columns: Sequence[RowColumn] = COLUMNS, *, per_line: bool = True, size: int = 64
) -> RowBatch:
    blocks = [text[start : start + size] for start in range(0, len(text), size)]
    batches = RowDecoder("t", columns).decode(blocks, one_row_per_line=per_line)
    return [row for batch in batches for row in batch]


def row(**given: str | bytes) -> bytes:
    """One line of JSON: a plain row with some values' literal text replaced."""
    members = {**PLAIN, **given}.items()
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), as_bytes(v)) for k, v in members) + b"}"


def member(rows: Iterable[bytes]) -> bytes:
    return b"[\n" + b",\n".join(rows) + b"\n]\n"


def as_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def refusal(culprit: bytes, *, per_line: bool = True) -> RowInvalid:
    """The error for the third of five rows; the rows around it decode."""
    assert decode(member([row()] * 4), per_line=per_line)
    with pytest.raises(RowInvalid) as caught:
        decode(member([row(), row(), culprit, row(), row()]), per_line=per_line)
    assert caught.value.table == "t"
    return caught.value


# What was written comes back

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
).filter(lambda value: "NaN" not in json.dumps(value) and "Infinity" not in json.dumps(value))
DECIMAL = st.decimals(allow_nan=False, allow_infinity=False).map(str)
ROW = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(min_value=-(10**30), max_value=10**30),
        "t": st.none() | TEXT,
        "b": st.none() | st.booleans(),
        "n": st.none() | DECIMAL | st.sampled_from(["NaN", "Infinity", "-Infinity"]),
        "f": st.none() | st.floats(allow_nan=False, allow_infinity=False).map(repr),
        "j": JSON,
        "v": JSON,
    }
)


def literal(name: str, value: object, *, ascii_only: bool) -> str:
    if name in "nf" and value is not None:
        return f'"{value}"' if value in ("NaN", "Infinity", "-Infinity") else str(value)
    return json.dumps(value, ensure_ascii=ascii_only)


def expected(name: str, value: object, text: str) -> object:
    if name in "jv":
        return None if text == "null" else text
    return value


@given(
    rows=st.lists(ROW, max_size=4),
    size=st.integers(min_value=1, max_value=300),
    ascii_only=st.booleans(),
    per_line=st.booleans(),
)
def test_any_rows_come_back_as_they_were_written(
    rows: list[dict[str, object]], size: int, ascii_only: bool, per_line: bool
) -> None:
    texts = [
        {name: literal(name, value, ascii_only=ascii_only) for name, value in each.items()}
        for each in rows
    ]
    written = member([row(**each) for each in texts]) if rows else b"[]\n"

    found = decode(written, per_line=per_line, size=size)

    assert found == [
        tuple(expected(name, each[name], text[name]) for name in PLAIN)
        for each, text in zip(rows, texts, strict=True)
    ]


@FRAMINGS
@pytest.mark.parametrize(
    "text",
    [
        'a":',
        '","id":2,"',
        '"id":1',
        '\\"id\\":',
        "\\u0022id\\u0022:",
        '{"$json":"x"}',
        "}\n,{",
        "],[",
        '" :',
    ],
)
def test_text_that_looks_like_a_member_is_text(text: str, per_line: bool) -> None:
    quoted = json.dumps(text)
    found = decode(member([row(t=quoted, j=f"[{quoted}]", v=quoted)] * 3), per_line=per_line)

    assert [each[1] for each in found] == [text] * 3
    assert {each[5:] for each in found} == {(f"[{quoted}]", quoted)}


@FRAMINGS
@pytest.mark.parametrize(
    "number",
    ["0", "-0", "1.00", "1e-30", "1E+5", "0.1", "12345678901234567890.123", "9" * 1000, "1e400"],
)
def test_numeric_keeps_every_digit(number: str, per_line: bool) -> None:
    assert decode(member([row(n=number)]), per_line=per_line)[0][3] == number


@pytest.mark.parametrize(
    "number",
    ["-0", "0.1", "5e-324", "1.7976931348623157e+308", "-2.5E-7", "123456789012345680",
     "1.1754943508222875e-38", "100000000000000000000000", "2.060446379545101e+16",
     "2.0604463795451008e+16", "5.684341886080802e-14", "0.1000000000000000055511151231257827"],
)  # fmt: skip
def test_float_keeps_every_digit(number: str) -> None:
    assert decode(member([row(f=number)]))[0][4] == number


@pytest.mark.parametrize("name", ["n", "f"])
@pytest.mark.parametrize("special", ["NaN", "Infinity", "-Infinity"])
def test_special_numbers_are_strings(name: str, special: str) -> None:
    found = decode(member([row(**{name: f'"{special}"'})]))[0]

    assert found[3 if name == "n" else 4] == special


@pytest.mark.parametrize("number", ["1e400", "9" * 5_000, "1" * 400, "1e-400", "-0", "1.000"])
def test_json_keeps_numbers_that_python_cannot_hold(number: str) -> None:
    value = f'{{"a":{number},"b":[{number}]}}'

    assert decode(member([row(j=value, v=value)]))[0][5:] == (value, value)


def test_json_null_is_told_from_sql_null() -> None:
    escaped = '{"$json":"null"}'
    found = decode(member([row(j="null", v="null"), row(j=escaped, v=escaped)]))

    assert [each[5:] for each in found] == [(None, None), ("null", "null")]


@FRAMINGS
@pytest.mark.parametrize(
    "text", ["null", '{"$json": 1}', ' {"a": 1,\n\t"b":2} ', '["\\ud800", "\\u0000"]', '"x"']
)
def test_escaped_json_is_its_text(text: str, per_line: bool) -> None:
    escaped = json.dumps({"$json": text}, separators=(",", ":"))

    assert decode(member([row(v=escaped), row()]), per_line=per_line)[0][6] == text


def test_object_with_the_escape_further_on_is_an_object() -> None:
    value = '{"a":1,"$json":"x"}'

    assert decode(member([row(j=value, v=value)]))[0][5:] == (value, value)


def test_column_that_is_left_out_is_checked_and_passed_over() -> None:
    columns = [
        RowColumn(name="id", kind=Kind.INTEGER),
        RowColumn(name="gone", kind=Kind.NUMERIC, carried=False),
        RowColumn(name="t", kind=Kind.TEXT),
    ]

    assert decode(b'[{"id":1,"gone":1.5,"t":"x"}]', columns) == [(1, "x")]
    with pytest.raises(RowInvalid) as caught:
        decode(b'[{"id":1,"t":"x"}]', columns)
    assert caught.value.column == "gone"


@FRAMINGS
@pytest.mark.parametrize(
    "name", ["select", "a b", "%s", "a.b", "a`b", "é日", "$", "{", "Ünï", "a'b"]
)
def test_column_names_are_taken_as_they_are(name: str, per_line: bool) -> None:
    columns = [RowColumn(name=name, kind=Kind.INTEGER)]

    assert decode(b'[{"%s":1}]' % name.encode(), columns, per_line=per_line) == [(1,)]
    with pytest.raises(RowInvalid) as caught:
        decode(b'[{"%s":1},\n{"%s":"1"}]' % ((name.encode(),) * 2), columns, per_line=per_line)
    assert (caught.value.row, caught.value.column) == ("#2", name)


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\tb", "\0"])
def test_column_name_that_json_would_escape_is_refused(name: str) -> None:
    with pytest.raises(SchemaUnsupported) as caught:
        RowDecoder("t", [RowColumn(name=name, kind=Kind.TEXT)])

    assert caught.value.table == "t"


# What was not written like this is refused

NO_NUMBER = ["01", "1.", "+1", ".5", "1e", "1e+", "0x1", "1_000", "1,0", "--1", "- 1", "1d", "",
             "inf", "nan", "NaN", "Infinity", "-Infinity", "\u0663", "\uff11", "1.5.2"]  # fmt: skip


@FRAMINGS
@pytest.mark.parametrize("name", ["id", "n", "f", "j"])
@pytest.mark.parametrize("number", NO_NUMBER)
def test_number_that_is_no_json_number_is_refused(name: str, number: str, per_line: bool) -> None:
    error = refusal(row(**{name: number}), per_line=per_line)

    assert error.row == "#3"


@FRAMINGS
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "1.0"),
        ("id", "1e2"),
        ("id", "true"),
        ("id", '"1"'),
        ("id", "9" * 5_000),
        ("id", "1e400"),
        ("id", "[1]"),
        ("b", "0"),
        ("b", "1"),
        ("b", '"true"'),
        ("b", '"t"'),
        ("t", "1"),
        ("t", "true"),
        ("t", '["x"]'),
        ("t", '"\\u0000"'),
        ("t", '"a\\u0000b"'),
        ("n", '"1.5"'),
        ("n", '"nan"'),
        ("n", '"infinity"'),
        ("n", "true"),
        ("n", "{}"),
        ("n", "[1]"),
        ("n", '"\u00e9"'),
        ("f", "1e400"),
        ("f", "-1e400"),
        ("f", "1e-400"),
        ("f", "0.10000000000000000000001"),
        ("f", "3.14159265358979323846"),
        ("f", "4e-324"),
        ("f", '"0.1"'),
        ("j", '{"a":1,"a":2}'),
        ("j", '[[{"a":1},{"b":{"c":1,"c":1}}]]'),
        ("j", '{"a":1,"a" :2}'),
        ("j", '{"a":1,"a"  :2}'),
        ("j", '{"a":1,"\\u0061":2}'),
        ("j", '{"x":"\\":","a":1,"a" :1}'),
        ("j", '{"x\\u0022:":1,"a":1,"a":1}'),
        ("j", '{"$json":1}'),
        ("j", '{"$json":null}'),
        ("j", '{"$json":"{}","a":1}'),
        ("j", '{"$json":"1","$json":"2"}'),
        ("j", '{"$json":"{\\"a\\":1,\\"a\\":2}"}'),
        ("j", '{"$json":"{\\"a\\":"}'),
        ("v", '{"$json":1}'),
        ("v", '{ "$json":{}}'),
        ("v", '{"$json":"1","$json":"2"}'),
        ("v", '{"$json":"1","\\u0024json":"2"}'),
        ("v", "[" * 511 + "1" + "]" * 511),
        ("v", '[{"a":' * 300 + "1" + "}]" * 300),
    ],
)
def test_value_of_another_kind_is_refused_naming_the_column(
    name: str, value: str, per_line: bool
) -> None:
    error = refusal(row(**{name: value}), per_line=per_line)

    assert error.row == "#3"
    # A scanner that looks for the ends of rows meets deep nesting before any column is known.
    assert error.column == name or (not per_line and len(value) > 1_000)
    assert value not in error.message + error.hint


@FRAMINGS
@pytest.mark.parametrize("name", ["t", "j", "v"])
@pytest.mark.parametrize(
    "value",
    [
        rb'"\ud800"',
        rb'"\udc00"',
        rb'"\ud800 and more"',
        rb'"\ud800\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xe9"',
        b'"\x00"',
        b'"\x01"',
        b'"\t"',
        b'"\\x41"',
        b'"\\u12"',
        b'"\\u12zz"',
        b'"open',
        b"'x'",
        b"",
        b"tru",
        b"undefined",
        b"[1,]",
        b"/* */ 1",
        b'\xef\xbb\xbf"x"',
        b"[" * 100_000 + b"]" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json_in_utf8_is_refused_naming_the_row(
    name: str, value: bytes, per_line: bool
) -> None:
    error = refusal(row(**{name: value}), per_line=per_line)

    assert error.row == "#3"


@FRAMINGS
@pytest.mark.parametrize(
    "culprit",
    [
        row()[:-1] + b',"id":2}',
        row()[:-1] + b',"id" :2}',
        row()[:-1] + b',"id"  :2}',
        row()[:-1] + b',"id"\t:2}',
        row()[:-1] + b',"id"\r:2}',
        row()[:-1] + b',"\\u0069d":2}',
        row(t='"\\":"')[:-1] + b',"t" :"x"}',
        b'{"id" :1,' + row()[1:],
        b'{"\\u0069\\u0064":1,' + row()[1:],
        b'{"id":1,' * 2 + row()[1:],
    ],
)
def test_row_that_names_a_column_twice_is_refused(culprit: bytes, per_line: bool) -> None:
    assert refusal(culprit, per_line=per_line).row == "#3"


def test_duplicates_are_found_among_rows_whose_text_looks_like_names() -> None:
    crowd = [row(t=json.dumps('":' * number)) for number in range(40)]

    with pytest.raises(RowInvalid) as caught:
        decode(member([*crowd, row()[:-1] + b',"t":"y"}', *crowd]), size=100_000)

    assert caught.value.row == "#41"


@FRAMINGS
@pytest.mark.parametrize(
    "culprit",
    [b"null", b"1", b'"x"', b"[]", b"{}", b"true", row() + row(), row()[:-1], b"[" + row() + b"]",
     row()[:-1] + b',"other":1}', row()[:-1] + b",}", b"{" + row() + b"}", b""],
)  # fmt: skip
def test_row_that_is_no_row_of_the_table_is_refused(culprit: bytes, per_line: bool) -> None:
    assert refusal(culprit, per_line=per_line).row == "#3"


@FRAMINGS
def test_missing_column_is_named(per_line: bool) -> None:
    culprit = b"{" + row().partition(b",")[2]

    assert refusal(culprit, per_line=per_line).column == "id"


def test_unknown_column_is_not_quoted() -> None:
    error = refusal(row()[:-1] + b',"Jane Doe, HIV positive":1}')

    assert "Jane" not in error.message + error.hint


@pytest.mark.parametrize(
    "culprit",
    [
        row().replace(b",", b",\n"),
        row().replace(b",", b", \n"),
        b"\n" + row(),
        row() + b"," + row(),
    ],
)
def test_rows_that_are_not_one_per_line_are_refused_where_they_must_be(culprit: bytes) -> None:
    assert refusal(culprit).row == "#3"


def test_members_in_another_order_and_spaced_are_the_same_row() -> None:
    spaced = b'[ { "v" : [ ] , "j" : { } , "f" : 0.1 , "n":1.50, "b" : true , "t":"x", "id" : 1 } ]'

    assert decode(spaced, per_line=False) == [(1, "x", True, "1.50", "0.1", "{ }", "[ ]")]


WHOLE = member([row(), row(j='{"a":[1,"é",null]}'), row(v='{"$json":"null"}')])
CHANGES = [b"", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\xff", b"\n", b"0", b"null"]


@given(
    places=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=len(WHOLE)),
            st.integers(min_value=0, max_value=3),
            st.sampled_from(CHANGES),
        ),
        min_size=1,
        max_size=4,
    ),
    per_line=st.booleans(),
)
def test_mutated_rows_decode_or_are_refused_and_nothing_else(
    places: list[tuple[int, int, bytes]], per_line: bool
) -> None:
    text = bytearray(WHOLE)
    for place, length, change in places:
        text[place : place + length] = change
    try:
        found: RowBatch = decode(bytes(text), per_line=per_line)
    except RowInvalid:
        return
    assert all(len(each) == len(COLUMNS) for each in found)


# Archives that do not describe their columns


def test_first_keys_are_those_of_the_first_row() -> None:
    assert first_keys("t", [b'[ {"b":1,', b'"a" :2}, {"c":3}]']) == ("b", "a")
    assert first_keys("t", [b" [ ", b"]"]) is None


@pytest.mark.parametrize(
    "text", [b"[1]", b"[{]", b'[{"\xff":1}]', b'[{"a":' + b"[" * 100_000, b"{}", b""]
)
def test_first_row_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(RowInvalid):
        first_keys("t", [text])


def test_every_printable_character_is_carried() -> None:
    text = json.dumps(string.printable)

    assert decode(member([row(t=text)]))[0][1] == string.printable
