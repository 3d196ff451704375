"""What only the text of a CREATE TABLE tells: its CHECK constraints.

SQLite's pragmas do not list them. The text is the one that SQLite itself parsed and stored, so
splitting it into tokens and matching parentheses finds them for certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# https://www.sqlite.org/lang_keywords.html for the four ways of quoting, lang_comment.html.
_TOKEN = re.compile(
    r"""(?P<skipped>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])
      | (?P<number>\.?\d[\w.]*)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def keyword(self) -> str:
        """The token in capitals if it may be a keyword or an operator, else nothing."""
        return self.text.upper() if self.kind in ("word", "sign") else ""

    @property
    def name(self) -> str:
        """The identifier this token may be, unquoted and in lower case, else nothing."""
        if self.kind == "word":
            return fold(self.text)
        if self.kind == "quoted":
            closing = self.text[-1]
            return fold(self.text[1:-1].replace(closing * 2, closing))
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckClause:
    """One CHECK of a table or of a column."""

    name: str
    """Empty if it has none."""
    expression: str
    names: frozenset[str]
    """Every identifier in it, folded: columns, functions and keywords."""
    json_columns: frozenset[str]
    """Columns, folded, that it passes to ``json_valid``."""


def fold(name: str) -> str:
    """Return the form in which SQLite compares identifiers: ASCII letters in lower case."""
    return name.encode("utf-8", "surrogateescape").lower().decode("utf-8", "surrogateescape")


def check_clauses(create_table: str) -> tuple[CheckClause, ...]:
    """Return the CHECK constraints of a CREATE TABLE statement, in order."""
    return tuple(_clauses(create_table, list(_tokens(create_table))))


def _tokens(statement: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(statement):
        if found.lastgroup != "skipped":
            yield _Token(str(found.lastgroup), found[0], found.start(), found.end())


def _clauses(statement: str, tokens: Sequence[_Token]) -> Iterator[CheckClause]:
    depth = 0
    for index, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.keyword, 0)
        # Deeper down are types, defaults and expressions; CHECK itself is a reserved word.
        if depth == 1 and token.keyword == "CHECK":
            inner = _parenthesized(tokens, index + 1)
            named = index >= 2 and tokens[index - 2].keyword == "CONSTRAINT"
            yield CheckClause(
                name=_written(tokens[index - 1]) if named else "",
                expression=statement[inner[0].start : inner[-1].end] if inner else "NULL",
                names=frozenset(each.name for each in inner if each.name),
                json_columns=_json_columns(inner),
            )


def _parenthesized(tokens: Sequence[_Token], opening: int) -> Sequence[_Token]:
    """Return the tokens between the parenthesis at ``opening`` and the one that closes it."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].keyword, 0)
        if depth == 0:
            return tokens[opening + 1 : index]
    return ()


def _json_columns(tokens: Sequence[_Token]) -> frozenset[str]:
    return frozenset(
        column.name
        for function, opening, column, closing in zip(
            tokens, tokens[1:], tokens[2:], tokens[3:], strict=False
        )
        if function.name == "json_valid" and (opening.text, closing.text) == ("(", ")")
    )


def _written(token: _Token) -> str:
    return token.text if token.kind == "word" else token.text[1:-1]
