"""A workbook's rows, read where nothing else is: in a process of its own, which `workbook.opened` starts,
with limits on memory and time and without our environment.

A workbook comes from anywhere. It is looked at before it is opened, and what is not an ordinary one is
refused with a code. What gets past that, and would fill memory or run on, ends this process and nothing more.
Parts go by their declared types, as they do for the library that reads them, and not by their names alone.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from xml.etree import ElementTree

from openpyxl import load_workbook
from openpyxl.cell.read_only import EMPTY_CELL

from adapters.htcds.columns import Header, header_of
from adapters.htcds.mapping import Unread, Value

__all__ = ["MOST_FILE", "MOST_ROWS", "SHEET", "Row", "Sheet", "WorkbookError", "cells_of", "looked_into"]

MOST_ROWS: Final = 100_000
MOST_FILE: Final = 64 << 20
SHEET: Final = "HTCDS_SHEET"
"""The variable that names the sheet: not an argument, which everybody on the machine may read."""
MEMORY: Final = 1 << 30
SECONDS: Final = 600  # of the processor's time

_LAST_ROW: Final = 1 << 20
"""The last that a spreadsheet has. Rows without anything in them count up to it."""
_MOST_COLUMNS: Final = 256
_MOST_PARTS: Final = 1_000
_MOST_PART: Final = 256 << 20
_MOST_STRINGS: Final = 64 << 20
"""Shared strings are held in memory whole, as a list."""
_MOST_OTHER: Final = 4 << 20
"""So is every other part that is no sheet, as objects: of a style that is six bytes long, as a thousand."""
_MOST_WHOLE: Final = 512 << 20
_MOST_CELL: Final = 2_000
_CHUNK: Final = 1 << 16
_OVERLAP: Final = 64
_DECLARES: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_FAR_OUT: Final = re.compile(rb"""\sr\s*=\s*["'](?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{8})""")
"""A cell or row of an address that would have everything before it filled up with nothing."""
_HEADER_ROWS: Final = 2
_NEEDED: Final = frozenset({"con_Consent", "prs_Citizenship", "vic_TraffickingStatus"})
_TYPES: Final = "[Content_Types].xml"


class WorkbookError(Exception):
    """`code` is stable. Neither it nor `hint` holds anything of the workbook's rows."""

    def __init__(self, code: str, hint: str) -> None:
        super().__init__(f"{code}: {hint}")
        self.code, self.hint = code, hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`number`: as the spreadsheet shows it. `cells`: what is filled, by column from 0."""

    number: int
    cells: dict[int, Value]


class Sheet:
    """Open for one reading. `rows_at_most`: for a progress bar; rows that only have a number count too."""

    def __init__(self, sheet: Any, rows_at_most: int) -> None:
        self._sheet = sheet
        self.rows_at_most = rows_at_most
        with _refusing():
            self._rows = iter(self._numbered())
            first, second = (next(self._rows, (at, ()))[1] for at in (1, 2))
        self.first, self.second = ([_plain(cell) for cell in row] for row in (first, second))
        self.header: Header = header_of(self.first, self.second)
        if missing := _NEEDED - self.header.known:
            raise WorkbookError(
                "workbook.no_header",
                "rows 1 and 2 are not those of the standard: missing " + ", ".join(sorted(missing)),
            )
        if self.header.twice:
            raise WorkbookError("workbook.column_twice", "more than once: " + ", ".join(self.header.twice))

    def rows(self) -> Iterator[Row]:
        """The rows with anything in them, once. WorkbookError wherever the file turns out
        not to be in order."""
        headed = {placed.at for placed in self.header.placed}
        blank: Sequence[Any] | None = None
        while True:
            with _refusing():
                found = next(self._rows, None)
                # What the library fills a gap with is one and the same, and there may be a million of it.
                while found is not None and found[1] is blank and found[0] <= _LAST_ROW:
                    found = next(self._rows, None)
            if found is None:
                return
            number, row = found
            if number > _LAST_ROW:
                raise WorkbookError(
                    "workbook.too_many_rows", f"expected at most {_LAST_ROW} rows, empty ones too"
                )
            cells: dict[int, Value] = {}
            for at, cell in enumerate(row):
                if cell is EMPTY_CELL or (value := _value(cell)) is None:
                    continue
                # Column A of the standard numbers its rows, also those with nothing in them.
                if at or at in headed or not isinstance(value, int | float):
                    cells[at] = value
            if cells and number > MOST_ROWS + _HEADER_ROWS:
                raise WorkbookError("workbook.too_many_rows", f"expected at most {MOST_ROWS} rows")
            if cells:
                yield Row(number=number, cells=cells)
            else:
                blank = row

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        return enumerate(self._sheet.iter_rows(max_col=_MOST_COLUMNS), start=1)


@contextmanager
def looked_into(file: Any, sheet: str | None = None) -> Iterator[Sheet]:
    """The workbook's first sheet, or the one named. Raises WorkbookError."""
    sheets, rows = _looked_at(file)
    file.seek(0)
    with _refusing():
        # data_only=False: what a formula once gave is the file's claim, and nobody's value.
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False, keep_vba=False)
    try:
        names = [found.title for found in book.worksheets]
        if not names or (sheet is not None and sheet not in names):
            raise WorkbookError("workbook.no_sheet", "no such sheet")
        chosen: Any = book.worksheets[0 if sheet is None else names.index(sheet)]
        if chosen._worksheet_path not in sheets:
            raise WorkbookError("workbook.unreadable", "the sheet's part is declared to be something else")
        chosen.reset_dimensions()  # what the file says of its size is believed nowhere
        yield Sheet(chosen, rows)
    finally:
        book.close()


def _looked_at(file: Any) -> tuple[frozenset[str], int]:
    """Unpacks every part once, into nothing. Returns which parts are sheets, and about how many rows there
    are."""
    total = rows = 0
    with _refusing(), zipfile.ZipFile(file) as parts:
        listed = parts.infolist()
        if len(listed) > _MOST_PARTS:
            raise WorkbookError("workbook.too_large", f"expected at most {_MOST_PARTS} parts")
        if len({part.filename for part in listed}) != len(listed):
            raise WorkbookError("workbook.unreadable", "a part is there twice")
        # By what they say first: most that would be refused is refused without unpacking anything.
        if sum(part.file_size for part in listed) > _MOST_WHOLE:
            raise WorkbookError("workbook.too_large", f"expected at most {_MOST_WHOLE >> 20} MiB unpacked")
        types = _types(parts)
        for part in listed:
            if part.flag_bits & 0x1:
                raise WorkbookError("workbook.encrypted", "take the password off first")
            kind = types.get(part.filename) or types.get(part.filename.rpartition(".")[2].lower(), "")
            sheet = kind.endswith(_IS_SHEET)
            most = _most_of(part.filename, kind)
            if part.file_size > most:
                raise WorkbookError("workbook.too_large", f"a part is larger than {most >> 20} MiB")
            size, before = 0, b""
            with parts.open(part) as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    size += len(chunk)
                    total += len(chunk)
                    if size > most or total > _MOST_WHOLE:
                        raise WorkbookError("workbook.too_large", "it unpacks to more than it says")
                    if not _is_unread(part.filename, kind):
                        _harmless(before + chunk, first=size - len(chunk) < 4, sheet=sheet)
                        rows += chunk.count(b"<row ") if sheet else 0
                    before = (before + chunk)[-_OVERLAP:]
    return frozenset(name for name, kind in types.items() if kind.endswith(_IS_SHEET)), rows


_IS_SHEET: Final = ".worksheet+xml"
_IS_STRINGS: Final = ".sharedStrings+xml"


def _types(parts: zipfile.ZipFile) -> dict[str, str]:
    """The declared type of each part, by its name, and of a name's ending where the part has none."""
    with parts.open(_TYPES) as file:
        raw = file.read(_MOST_OTHER + 1)
    if len(raw) > _MOST_OTHER:
        raise WorkbookError("workbook.too_large", f"a part is larger than {_MOST_OTHER >> 20} MiB")
    _harmless(raw, first=True, sheet=False)
    types: dict[str, str] = {}
    for one in ElementTree.fromstring(raw):  # noqa: S314 (nothing is declared in it, and it is small)
        name = one.get("PartName", "").removeprefix("/") or one.get("Extension", "").lower()
        if types.setdefault(name, one.get("ContentType", "")) != one.get("ContentType", ""):
            raise WorkbookError("workbook.unreadable", "a part is declared twice")
    return types


def _is_unread(name: str, kind: str) -> bool:
    """Pictures and macros, which nothing here opens."""
    return kind.startswith("image/") or name.lower().endswith(
        (".bin", ".png", ".jpeg", ".jpg", ".gif", ".emf")
    )


def _most_of(name: str, kind: str) -> int:
    if kind.endswith(_IS_SHEET) or _is_unread(name, kind):
        return _MOST_PART
    return _MOST_STRINGS if kind.endswith(_IS_STRINGS) else _MOST_OTHER


def _harmless(piece: bytes, *, first: bool, sheet: bool) -> None:
    if first and (b"\0" in piece[:4] or piece[:2] in (b"\xff\xfe", b"\xfe\xff")):
        # Parts are UTF-8 in practice; in another encoding the next line would see nothing.
        raise WorkbookError("workbook.unreadable", "a part is not UTF-8")
    if _DECLARES.search(piece):
        raise WorkbookError("workbook.declares_entities", "no spreadsheet program writes such a part")
    if sheet and _FAR_OUT.search(piece):
        raise WorkbookError(
            "workbook.too_large", f"expected at most {_MOST_COLUMNS} columns and {MOST_ROWS} rows"
        )


@contextmanager
def _refusing() -> Iterator[None]:
    """Whatever a library trips over in a file that is not in order is one refusal, and reveals nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts that are left alone
            yield
    except WorkbookError:
        raise
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # noqa: BLE001 (a hostile file finds every kind)
        raise WorkbookError("workbook.unreadable", "not a workbook (.xlsx) in order") from None


def _plain(cell: Any) -> object:
    value = _value(cell) if cell is not EMPTY_CELL else None
    return value if isinstance(value, str) else None


def _value(cell: Any) -> Value | None:
    with _refusing():
        kind, value = cell.data_type, cell.value
    if kind == "f":
        return Unread("cell.formula")
    if kind == "e":
        return Unread("cell.error")
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return value if len(value) <= _MOST_CELL else Unread("cell.too_long")
    if isinstance(value, bool | int | float | datetime | date):
        return value
    return Unread("cell.not_text")


def _told(value: Value) -> list[Any]:
    match value:
        case Unread():
            return ["unread", value.code]
        case datetime():
            return ["moment", value.isoformat()]
        case date():
            return ["day", value.isoformat()]
        case _:
            return ["plain", value]


_READ: Final[dict[str, Any]] = {
    "unread": Unread,
    "moment": datetime.fromisoformat,
    "day": date.fromisoformat,
    "plain": lambda value: value,
}


def cells_of(told: list[list[Any]]) -> dict[int, Value]:
    """What the process wrote of a row's cells."""
    return {int(at): _READ[kind](value) for at, kind, value in told}


def _lines() -> Iterator[dict[str, Any]]:
    """What is written, a line of JSON each: the header, the rows, and how it ended."""
    try:
        with looked_into(sys.stdin.buffer, os.environ.get(SHEET)) as sheet:
            yield {"rows_at_most": sheet.rows_at_most, "first": sheet.first, "second": sheet.second}
            for row in sheet.rows():
                yield {"row": row.number, "cells": [[at, *_told(value)] for at, value in row.cells.items()]}
    except WorkbookError as reason:
        yield {"code": reason.code, "hint": reason.hint}
    except (MemoryError, RecursionError):
        yield {"code": "workbook.too_large", "hint": "it would take more memory than a workbook needs"}
    else:
        yield {"end": True}


def _main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for line in _lines():
        sys.stdout.buffer.write(json.dumps(line).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
