"""From a JSON value as it is written to what a database takes: no digit and no member is lost."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec

from .framing import MAX_DEPTH, is_too_deep
from .schema import Kind

JSON_ESCAPE = "$json"
"""The one member of an object that carries a JSON text which cannot stand as itself."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_SPECIAL_NUMBERS = {'"NaN"': "NaN", '"Infinity"': "Infinity", '"-Infinity"': "-Infinity"}
_UNCOUNTABLE = (b"\\u0022", b'" ', b"\t", b"\n", b"\r", b"$json", b"\\u0024")
TOO_DEEP = "JSON that is not nested so deeply"

MALFORMED = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What decoders raise: besides what they say, for numbers too large and for nesting too deep."""


class BadValue(Exception):
    """A value is JSON, but not what its column's kind is written as; the text says what that is."""


class _EscapedJson(msgspec.Struct, forbid_unknown_fields=True):
    text: str = msgspec.field(name=JSON_ESCAPE)


_decode_escaped = msgspec.json.Decoder(_EscapedJson).decode
_encode = msgspec.json.Encoder().encode


def _number(raw: msgspec.Raw) -> str | None:
    text = str(memoryview(raw), "ascii")
    if text == "null":
        return None
    if text in _SPECIAL_NUMBERS:
        return _SPECIAL_NUMBERS[text]
    if _NUMBER.fullmatch(text) is None:
        raise BadValue("a number, NaN, Infinity or -Infinity")
    return text


def _float(raw: msgspec.Raw) -> str | None:
    """Refuse what a float would alter; a decimal of up to 15 digits always survives (IEEE 754)."""
    text = _number(raw)
    if text is None or text in _SPECIAL_NUMBERS.values():
        return text
    if (len(text) > 15 or "e" in text or "E" in text) and not _is_float(Decimal(text)):
        raise BadValue("a number that a float holds without rounding it")
    return text


def _is_float(given: Decimal) -> bool:
    """Whether a float prints as ``given``: shortest, or its value rounded to as many digits."""
    value = float(given)
    digits = bytes(given.as_tuple().digits).rstrip(b"\0")
    rounded = f"{value:.{max(len(digits), 1) - 1}e}"
    return given in (Decimal(repr(value)), Decimal(rounded))


def _json(raw: msgspec.Raw) -> str | None:
    text = str(memoryview(raw), "utf-8")
    if text == "null":
        return None
    return _unescaped(text) if _is_escaped(text) else text


def _is_escaped(text: str) -> bool:
    return (
        JSON_ESCAPE in text
        and text.startswith("{")
        and text[1:].lstrip().startswith(f'"{JSON_ESCAPE}"')
    )


def _unescaped(text: str) -> str:
    refuse_duplicate_members(text.encode(), nested=False)
    return _decode_escaped(text).text


def _numbers(raws: list[msgspec.Raw]) -> list[str | None]:
    return [_number(raw) for raw in raws]


def _floats(raws: list[msgspec.Raw]) -> list[str | None]:
    return [_float(raw) for raw in raws]


def _jsons(raws: list[msgspec.Raw]) -> list[str | None]:
    """Convert a column at once; almost always none of it is null, escaped or deep."""
    if max(map(len, raws)) > MAX_DEPTH and any(is_too_deep(bytes(raw), inside=2) for raw in raws):
        raise BadValue(TOO_DEEP)
    joined = b",".join(raws)
    if b"null" in joined or b"$json" in joined or b"\\u0024" in joined:
        return [_json(raw) for raw in raws]
    return [str(raw, "utf-8") for raw in raws]


CONVERTERS = {Kind.NUMERIC: _numbers, Kind.FLOAT: _floats, Kind.JSON: _jsons}
"""For each kind that is kept as text: from a column's values as they are written to that text."""


def members_survive(values: list[msgspec.Raw]) -> bool:
    """Whether decoding and encoding keeps every member name: duplicates would be lost.

    Each name is followed by ``":``, unless white space stands between; an escaped quote could make
    text look like one, and an escaped JSON text has names of its own. Where any of these may be,
    or a number is too large to decode, the answer is False: look closer.
    """
    text = b"[" + b",".join(values) + b"]"
    if any(mark in text for mark in _UNCOUNTABLE):
        return False
    try:
        kept = _encode(msgspec.json.decode(text))
    except MALFORMED:
        return False
    return kept.count(b'":') == text.count(b'":')


def refuse_ambiguous(value: msgspec.Raw) -> None:
    """Raise `BadValue` if a JSON value, or the text that it escapes, names a member twice."""
    refuse_duplicate_members(value, nested=True)
    text = str(memoryview(value), "utf-8")
    if _is_escaped(text):
        refuse_duplicate_members(_unescaped(text).encode(), nested=True)


def refuse_duplicate_members(raw: bytes | msgspec.Raw, *, nested: bool) -> None:
    """Raise `BadValue` if an object names a member twice; ``nested`` looks inside it too."""
    found: list[bool] = []

    def pairs(members: list[tuple[str, Any]]) -> None:
        found.append(len({name for name, _ in members}) != len(members))

    json.loads(bytes(raw), object_pairs_hook=pairs, parse_float=str, parse_int=str)
    # The outermost object is finished last.
    if any(found if nested else found[-1:]):
        raise BadValue("an object that names no member twice")
