"""What a column's declared type means: its values' kind, and SQLite's own conversions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...schema import Kind

# By declared type without its parentheses: what Django declares, and its usual synonyms.
_KINDS = {
    **dict.fromkeys(("bool", "boolean"), Kind.BOOLEAN),
    **dict.fromkeys(
        ("int", "integer", "smallint", "tinyint", "mediumint", "bigint", "int2", "int4", "int8"),
        Kind.INTEGER,
    ),
    **dict.fromkeys(("decimal", "numeric", "number"), Kind.NUMERIC),
    **dict.fromkeys(("real", "double", "double precision", "float"), Kind.FLOAT),
    **dict.fromkeys(("json", "jsonb"), Kind.JSON),
    **dict.fromkeys(
        ("text", "clob", "char", "nchar", "varchar", "nvarchar", "character", "character varying"),
        Kind.TEXT,
    ),
    "date": Kind.DATE,
    "time": Kind.TIME,
    **dict.fromkeys(("datetime", "timestamp"), Kind.TIMESTAMP),
    "uuid": Kind.UUID,
    **dict.fromkeys(("blob", "binary", "varbinary", "bytea"), Kind.BYTES),
}

_DECORATION = re.compile(r"\(.*\)|\bunsigned\b", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Declared:
    """A column's declared type, in lower case: SQLite itself changed how it reports some."""

    text: str

    @property
    def kind(self) -> Kind:
        """How its values are written."""
        return _KINDS.get(" ".join(_DECORATION.sub(" ", self.text).split()), Kind.OTHER)

    @property
    def affinity(self) -> str:
        """How SQLite converts what is stored in it: the first match counts.

        Source: https://www.sqlite.org/datatype3.html, 3.1 "Determination Of Column Affinity".
        """
        for parts, affinity in _AFFINITIES:
            if any(part in self.text for part in parts):
                return affinity
        return "NUMERIC" if self.text else "BLOB"


_AFFINITIES: Sequence[tuple[Sequence[str], str]] = (
    (("int",), "INTEGER"),
    (("char", "clob", "text"), "TEXT"),
    (("blob",), "BLOB"),
    (("real", "floa", "doub"), "REAL"),
)
