"""CSV, XLSX and JSON files that are safe to open in a spreadsheet, and say what the rows say."""

from __future__ import annotations

import datetime as dt
import io
import json
import warnings
from decimal import Decimal
from typing import Any, Final

import tablib
from import_export.formats import base_formats
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so is run by spreadsheets (OWASP, CSV Injection). Names and notes come from
people; import_export's own setting knows only the first of these."""
EXACT_DIGITS: Final = 15
"""Spreadsheets keep numbers as binary floating point, which holds this many decimal digits."""
LONGEST_TEXT: Final = 32_767
"""Characters of a workbook's cell; openpyxl would drop the rest without a word."""
FIRST_YEAR: Final = 1900
"""Workbooks have no dates before it."""


class CSV(base_formats.CSV):  # type: ignore[misc]  # it ships no annotations
    """CSV in which no text is a formula."""

    def export_data(self, dataset: tablib.Dataset, **kwargs: Any) -> Any:
        """Return the file's content."""
        rows = ([_csv_cell(value) for value in row] for row in dataset)
        neutral = tablib.Dataset(*rows, headers=dataset.headers, title=dataset.title)
        return super().export_data(neutral, **kwargs)


class XLSX(base_formats.XLSX):  # type: ignore[misc]  # it ships no annotations
    """A workbook in which no text is a formula, and numbers and dates are such."""

    def export_data(self, dataset: tablib.Dataset, **_: Any) -> Any:
        """Return the file's content, row by row: tablib's way takes ten times the memory."""
        book = Workbook(write_only=True)
        sheet = book.create_sheet(dataset.title)
        sheet.freeze_panes = "A2"
        sheet.append(dataset.headers)
        for row in dataset:
            sheet.append([_xlsx_cell(value) for value in row])
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # openpyxl's own, on Python 3.12
            book.save(content)
        return content.getvalue()


JSON = base_formats.JSON

FORMATS: Final = (CSV, XLSX, JSON)


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _neutral(_flat(value))


def _xlsx_cell(value: Any) -> Any:
    match value:
        case str():
            return _cut(_neutral(ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)))
        case dict() | list():
            return _xlsx_cell(_flat(value))
        case Decimal() if not value.is_finite() or len(value.as_tuple().digits) > EXACT_DIGITS:
            return str(value)
        case int() if abs(value) >= 10**EXACT_DIGITS:
            return str(value)
        case dt.datetime() if value.tzinfo or value.year < FIRST_YEAR:
            return value.isoformat(sep=" ")
        case dt.date() if value.year < FIRST_YEAR:
            return value.isoformat()
    return value


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _neutral(value: Any) -> Any:
    """Put an apostrophe before a text that could be a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
