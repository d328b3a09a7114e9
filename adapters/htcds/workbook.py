"""A workbook read row by row, and written row by row. A workbook comes from anywhere: it is looked at before
it is opened, and what is not an ordinary one is refused.

No formula is calculated, no link followed, no macro kept. Whatever is written is a text or a date: nothing
that a spreadsheet would calculate.
"""

from __future__ import annotations

import os
import re
import secrets
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook as Book
from openpyxl import load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.read_only import EMPTY_CELL

from adapters.htcds.columns import COLUMNS, Header, header_of
from adapters.htcds.mapping import Unread, Value

__all__ = ["MOST_ROWS", "Row", "Workbook", "WorkbookError", "Writer", "guarded", "opened", "written"]

MOST_ROWS: Final = 100_000
_MOST_COLUMNS: Final = 256
_MOST_FILE: Final = 64 << 20
_MOST_PARTS: Final = 1_000
_MOST_PART: Final = 256 << 20
_MOST_STRINGS: Final = 64 << 20
"""Shared strings are the one part that is held in memory whole."""
_MOST_WHOLE: Final = 512 << 20
_MOST_CELL: Final = 2_000
_CHUNK: Final = 1 << 16
_OVERLAP: Final = 64
_DECLARES: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_FAR_OUT: Final = re.compile(rb"""\sr\s*=\s*["'](?:[A-Za-z]{3,}[0-9]|[A-Za-z]*[0-9]{8})""")
"""A cell or row of an address that would have everything before it filled up with nothing."""
_HEADER_ROWS: Final = 2
_NEEDED: Final = frozenset({"con_Consent", "prs_Citizenship", "vic_TraffickingStatus"})

SOURCE: Final = (
    "Columns: Human Trafficking Case Data Standard 2.0, International Organization for Migration,"
    " UNMigration/HTCDS at 3c2f653, CC BY 4.0. IOM has neither seen nor endorsed this workbook."
)


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


class Workbook:
    """Open for one reading. `rows_at_most`: for a progress bar; rows that only have a number count too."""

    def __init__(self, book: Any, sheet: Any, rows_at_most: int) -> None:
        self._book, self._sheet = book, sheet
        self.rows_at_most = rows_at_most
        with _refusing():
            self._rows = iter(self._numbered())
            first, second = (next(self._rows, (at, ()))[1] for at in (1, 2))
        self.header: Header = header_of([_plain(cell) for cell in first], [_plain(cell) for cell in second])
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
        while True:
            with _refusing():
                found = next(self._rows, None)
            if found is None:
                return
            number, row = found
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

    def _numbered(self) -> Iterator[tuple[int, Sequence[Any]]]:
        return enumerate(self._sheet.iter_rows(max_col=_MOST_COLUMNS), start=1)


@contextmanager
def opened(path: Path, *, sheet: str | None = None) -> Iterator[Workbook]:
    """The workbook's first sheet, or the one named. Raises WorkbookError."""
    try:
        file = path.open("rb")
    except OSError:
        raise WorkbookError("workbook.unreadable", "the file cannot be opened") from None
    with file:
        if path.stat().st_size > _MOST_FILE:
            raise WorkbookError("workbook.too_large", f"expected at most {_MOST_FILE >> 20} MiB")
        rows = _looked_at(file)
        file.seek(0)
        with _refusing():
            # data_only=False: what a formula once gave is the file's claim, and nobody's value.
            book = load_workbook(file, read_only=True, data_only=False, keep_links=False, keep_vba=False)
        try:
            names = [found.title for found in book.worksheets]
            if not names or (sheet is not None and sheet not in names):
                raise WorkbookError("workbook.no_sheet", "no such sheet")
            chosen = book.worksheets[0 if sheet is None else names.index(sheet)]
            chosen.reset_dimensions()  # what the file says of its size is believed nowhere
            yield Workbook(book, chosen, rows)
        finally:
            book.close()


def _looked_at(file: Any) -> int:
    """Unpacks every part once, into nothing. Returns about how many rows there are."""
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
        for part in listed:
            if part.flag_bits & 0x1:
                raise WorkbookError("workbook.encrypted", "take the password off first")
            most = _MOST_STRINGS if part.filename.lower().endswith("sharedstrings.xml") else _MOST_PART
            if part.file_size > most:
                raise WorkbookError("workbook.too_large", f"a part is larger than {most >> 20} MiB")
            is_xml = part.filename.lower().endswith((".xml", ".rels", ".vml"))
            sheet = part.filename.startswith("xl/worksheets/")
            size, before = 0, b""
            with parts.open(part) as unpacked:
                while chunk := unpacked.read(_CHUNK):
                    size += len(chunk)
                    total += len(chunk)
                    if size > most or total > _MOST_WHOLE:
                        raise WorkbookError("workbook.too_large", "it unpacks to more than it says")
                    if is_xml:
                        _harmless(before + chunk, first=size - len(chunk) < 4, sheet=sheet)
                        rows += chunk.count(b"<row ") if sheet else 0
                    before = (before + chunk)[-_OVERLAP:]
    return rows


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


_CALCULATES: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def guarded(text: str) -> str:
    """For a CSV file: what a spreadsheet would calculate gets an apostrophe before it (as OWASP advises)."""
    return f"'{text}" if text.startswith(_CALCULATES) else text


class Writer:
    """Rows under the standard's header, and a second sheet that names what is not in them."""

    def __init__(self) -> None:
        self._book = Book(write_only=True)
        self._book.properties.creator = "Focalpoint"
        self._rows = self._book.create_sheet("HTCDS")
        self._left = self._book.create_sheet("not carried")
        self._rows.append([None, *(_cell(self._rows, column.name or "") for column in COLUMNS)])
        self._rows.append([None, *(_cell(self._rows, column.label) for column in COLUMNS)])
        self._left.append([_cell(self._left, SOURCE)])
        self._left.append(
            [
                _cell(self._left, word)
                for word in ("row", "message", "case", "field", "value", "code", "reason")
            ]
        )
        self.written = 0

    def add(self, cells: Any) -> int:
        """`cells` by the column's key. The row's number, as column A has it."""
        self.written += 1
        row = [_cell(self._rows, cells[column.key]) if column.key in cells else None for column in COLUMNS]
        self._rows.append([self.written, *row])
        return self.written

    def leave_out(self, row: int, facts: Iterable[str]) -> None:
        self._left.append([row, *(_cell(self._left, fact) for fact in facts)])

    def save(self, path: Path) -> None:
        self._book.save(path)


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """The workbook appears under its name when it is whole, for its owner alone. FileExistsError for one that
    is there already."""
    if path.exists():
        raise FileExistsError(path.name)
    writer = Writer()
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        try:
            yield writer
        finally:
            # Also of what is broken off: only so does the library let go of the rows it keeps on disk.
            writer.save(beside)
        os.link(beside, path)
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def _cell(sheet: Any, value: str | date) -> Any:
    cell = WriteOnlyCell(sheet, value=value if isinstance(value, date) else None)
    if isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
        return cell
    text = "".join(character for character in value if character.isprintable() or character == "\n")
    if not text:
        return None
    # By its kind and not by its first character: a text stays a text however it begins.
    cell.value = text
    cell.data_type = "s"
    if text.startswith(_CALCULATES):
        cell.quotePrefix = True
    return cell
