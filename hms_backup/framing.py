"""Where one row ends and the next begins, in the bytes of a ``<table>.json``.

`member_text` writes them. `frame_lines` and `frame_array` turn blocks of any size into complete
JSON arrays of consecutive rows, ready to be decoded at once, and hold no more than one block and
one row at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .exceptions import RowInvalid

_BLANK = b" \t\r\n"
_TARGET = 128 * 1024
_COMMA = 0x2C
_QUOTE = 0x22
_TOKEN = re.compile(rb'[{}\[\],"]')
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+(?P<closed>")?', re.DOTALL)

MAX_DEPTH = 512
"""How deeply a member's JSON may be nested, the array and the row included. What is deeper is
refused in both directions, before it exhausts the stack of whoever reads it."""


def frame_lines(table: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield arrays from a member that has one row per line. Raises `RowInvalid`."""
    parts: list[bytes] = []
    started = False
    cut = False
    for block in blocks:
        if not started:
            opened = b"".join([*parts, block])
            parts = [opened]
            if opened.strip(_BLANK) in (b"", b"["):
                continue
            parts, block = [], _after_opening(table, opened)
            started = True
        end = block.rfind(b"\n")
        if end < 1 or block[end - 1] != _COMMA:
            parts.append(block)
            continue
        yield b"[" + b"".join([*parts, block[: end - 1]]) + b"]"
        cut = True
        parts = [block[end + 1 :]]
    rest = b"".join(parts)
    if not started:
        rest = _after_opening(table, rest)
    yield from _closing(table, rest, cut)


def member_text(batches: Iterable[Sequence[bytes]]) -> Iterator[bytes]:
    """Yield the bytes of a member, given its rows in batches, as docs/format.md lays them out."""
    separator = b"[\n"
    for lines in filter(None, batches):
        yield separator + b",\n".join(lines)
        separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def same_bytes(one: Iterable[bytes], other: Iterable[bytes]) -> bool:
    """Whether two texts are the same, however each is cut into blocks; stops where they differ."""
    blocks = iter(other)
    held = b""
    for block in one:
        while len(held) < len(block):
            more = next(blocks, None)
            if more is None:
                return False
            held += more
        if not held.startswith(block):
            return False
        held = held[len(block) :]
    return not held and not any(blocks)


def _after_opening(table: str, block: bytes) -> bytes:
    opened = block.lstrip(_BLANK)
    if not opened.startswith(b"["):
        raise _not_an_array(table)
    return opened[1:].lstrip(_BLANK)


def _closing(table: str, rest: bytes, cut: bool) -> Iterator[bytes]:
    rest = rest.rstrip(_BLANK)
    if not rest.endswith(b"]"):
        raise _not_an_array(table)
    rows = rest[:-1].rstrip(_BLANK)
    if rows:
        yield b"[" + rows + b"]"
    elif cut:
        raise _not_an_array(table)


def _not_an_array(table: str) -> RowInvalid:
    return RowInvalid(
        f"{table}.json is not a JSON array of rows in UTF-8.",
        hint="The file was altered or damaged. Use an unaltered backup.",
        table=table,
    )


def _too_deep(table: str, row: int) -> RowInvalid:
    return _bad_row(table, row, f"is nested more than {MAX_DEPTH} levels deep")


def _broken_off(table: str, row: int) -> RowInvalid:
    return _bad_row(table, row, "has a string, an object or an array that does not end")


def _bad_row(table: str, row: int, problem: str) -> RowInvalid:
    return RowInvalid(
        f"In {table}.json, row #{row} {problem}.",
        hint="The file was altered or damaged. Use an unaltered backup.",
        table=table,
        row=f"#{row}",
    )


def is_too_deep(text: bytes, *, inside: int) -> bool:
    """Whether a well-formed JSON text, itself ``inside`` so many levels, exceeds `MAX_DEPTH`."""
    allowed = MAX_DEPTH - inside
    if len(text) <= 2 * allowed or text.count(b"[") + text.count(b"{") <= allowed:
        return False
    scanner = _Scanner("", inside=inside)
    try:
        scanner.scan(text)
    except RowInvalid:
        return True
    return False


def split_rows(array: bytes) -> list[bytes]:
    """Return the elements of an array as far as it is well-formed, and the rest as one more."""
    scanner = _Scanner("", every_comma=True)
    rows, start = [], 1
    while scanner.end < 0 and scanner.position < len(array):
        scanner.scan(array)
        if scanner.comma < start:
            break
        rows.append(array[start : scanner.comma])
        start = scanner.comma + 1
    return [*rows, array[start:-1]]


class _Scanner:
    """Finds the commas between the elements of the outermost array."""

    def __init__(self, table: str, *, every_comma: bool = False, inside: int = 0) -> None:
        self.table = table
        self.every_comma = every_comma
        """Stop at each comma, instead of at the last one there is."""
        self.outside = inside
        self.depth = inside
        self.row = 1
        self.position = 0
        """Where scanning resumes."""
        self.comma = -1
        """The last comma between two elements, or -1."""
        self.end = -1
        """Just after the outermost closing bracket, or -1."""
        self._in_string = False

    def scan(self, buffer: bytes | bytearray) -> None:
        """Go on to the end of ``buffer``, or as far as strings and escapes in it are complete."""
        self.comma = -1
        while self.end < 0 and not (self.every_comma and self.comma >= 0):
            if self._in_string and not self._leave_string(buffer):
                return
            token = _TOKEN.search(buffer, self.position)
            if token is None:
                self.position = len(buffer)
                return
            self.position = token.end()
            self._take(buffer[token.start()], token.start())

    def _leave_string(self, buffer: bytes | bytearray) -> bool:
        rest = _STRING_REST.match(buffer, self.position)
        if rest is not None:
            self.position = rest.end()
            self._in_string = rest["closed"] is None
        return not self._in_string

    def _take(self, token: int, start: int) -> None:
        if token == _QUOTE:
            self._in_string = True
        elif token in b"{[":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise _too_deep(self.table, self.row)
        elif token in b"}]":
            self.depth -= 1
            if self.depth == self.outside:
                self.end = start + 1
        elif self.depth == self.outside + 1:
            self.comma = start
            self.row += 1


def frame_array(table: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield arrays from a member that is any JSON array of objects. Raises `RowInvalid`."""
    scanner = _Scanner(table)
    buffer = bytearray()
    started = False
    cut = False
    for block in blocks:
        buffer += block
        if not started:
            if not buffer.strip(_BLANK):
                continue
            buffer = bytearray(b"[" + _after_opening(table, bytes(buffer)))
            started = True
        scanner.scan(buffer)
        if scanner.comma > 0 and len(buffer) >= _TARGET:
            yield bytes(buffer[: scanner.comma]) + b"]"
            cut = True
            # The bracket takes the place of the comma, so that positions shift by one constant.
            scanner.position -= scanner.comma
            if scanner.end >= 0:
                scanner.end -= scanner.comma
            buffer[: scanner.comma + 1] = b"["
    if started and scanner.end < 0:
        raise _broken_off(table, scanner.row)
    if not started or buffer[scanner.end :].strip(_BLANK):
        raise _not_an_array(table)
    yield from _closing(table, bytes(buffer[1 : scanner.end]), cut)
