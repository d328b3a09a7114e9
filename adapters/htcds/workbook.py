"""A workbook read row by row, and written row by row.

It is read in a process of its own (`reading`). No formula is calculated, no link followed, no macro kept.
Whatever is written is a text or a date: nothing that a spreadsheet would calculate.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import IO, Any, Final

from openpyxl import Workbook as Book
from openpyxl.cell import WriteOnlyCell

from adapters.htcds.columns import COLUMNS, Header, header_of
from adapters.htcds.reading import MOST_FILE, MOST_ROWS, SHEET, Row, WorkbookError, cells_of

__all__ = ["MOST_ROWS", "Row", "Workbook", "WorkbookError", "Writer", "guarded", "opened", "written"]

_MOST_LINE: Final = 8 << 20
_READER: Final = ("-m", "adapters.htcds.reading")

SOURCE: Final = (
    "Columns: Human Trafficking Case Data Standard 2.0, International Organization for Migration,"
    " UNMigration/HTCDS at 3c2f653, CC BY 4.0. IOM has neither seen nor endorsed this workbook."
)


class Workbook:
    """Open for one reading. `rows_at_most`: for a progress bar; rows that only have a number count too."""

    def __init__(self, lines: Iterator[dict[str, Any]]) -> None:
        self._lines = lines
        head = next(lines)
        self.rows_at_most = int(head["rows_at_most"])
        self.header: Header = header_of(head["first"], head["second"])

    def rows(self) -> Iterator[Row]:
        """The rows with anything in them, once. WorkbookError wherever the file turns out
        not to be in order."""
        for line in self._lines:
            yield Row(number=line["row"], cells=cells_of(line["cells"]))


@contextmanager
def opened(path: Path, *, sheet: str | None = None) -> Iterator[Workbook]:
    """The workbook's first sheet, or the one named. Raises WorkbookError."""
    try:
        file = path.open("rb")
    except OSError:
        raise WorkbookError("workbook.unreadable", "the file cannot be opened") from None
    with file:
        if path.stat().st_size > MOST_FILE:
            raise WorkbookError("workbook.too_large", f"expected at most {MOST_FILE >> 20} MiB")
        process = subprocess.Popen(  # noqa: S603 (this program, and no word of the file)
            [sys.executable, *_READER],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                "PYTHONPATH": ":".join(one for one in sys.path if one),
                "PATH": "",
                **({} if sheet is None else {SHEET: sheet}),
            },
        )
        assert process.stdout is not None
        try:
            yield Workbook(_lines_of(process.stdout))
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _lines_of(told: IO[bytes]) -> Iterator[dict[str, Any]]:
    """What the process writes, until it says that this was all."""
    while (raw := told.readline(_MOST_LINE)).endswith(b"\n"):
        line = json.loads(raw)
        if "code" in line:
            raise WorkbookError(line["code"], line["hint"])
        if "end" in line:
            return
        yield line
    raise WorkbookError("workbook.too_large", "to read it takes more memory or time than a workbook needs")


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
        raise FileExistsError(errno.EEXIST, "it is there already", str(path))
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as reason:
        raise type(reason)(reason.errno, reason.strerror, str(path)) from None
    writer = Writer()
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
