"""Rows as a file that a spreadsheet opens, and that it takes for text alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["comma_separated"]

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def comma_separated(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """UTF-8, RFC 4180. A cell that a spreadsheet could take for a formula has an apostrophe in front."""
    file = io.StringIO()
    lines = csv.writer(file, lineterminator="\r\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in row])
    return file.getvalue().encode()
