"""A workbook that is not an ordinary one is refused; what is written is never calculated."""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import resource
import stat
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from adapters.htcds import reading, workbook
from adapters.htcds.columns import COLUMNS
from adapters.htcds.importing import Line, report_to
from adapters.htcds.mapping import Unread
from adapters.htcds.reading import looked_into
from adapters.htcds.workbook import Row, WorkbookError, _lines_of, guarded, opened, written
from tests.adapters.htcds_stage import book_of, file_of, good


def read(path: Path) -> list[Row]:
    with opened(path) as book:
        return list(book.rows())


def read_here(path: Path) -> list[Row]:
    """Without the process that contains it: what the checks alone do."""
    with path.open("rb") as file, looked_into(file) as sheet:
        return list(sheet.rows())


def refused(path: Path, read: Callable[[Path], list[Row]] = read) -> str:
    with pytest.raises(WorkbookError) as reason:
        read(path)
    return reason.value.code


def changed(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same workbook with other parts."""
    with zipfile.ZipFile(path) as before:
        parts = {name: before.read(name) for name in before.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in parts.items():
            after.writestr(name, data)
    return path


def test_rows_are_read_with_their_numbers_and_what_only_has_a_number_is_none(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.xlsx", [good(1), {}, {}, good(2), {}])
    rows = read(path)
    assert [row.number for row in rows] == [3, 6]
    assert all(0 not in row.cells for row in rows)
    assert datetime.datetime(2013, 5, 17) in rows[0].cells.values()


def test_a_formula_is_not_calculated_and_not_taken_for_what_it_once_gave(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.xlsx", [good(1, prs_FirstName='=HYPERLINK("http://example.org","x")')])
    (row,) = read(path)
    assert row.cells[3] == Unread("cell.formula")
    error = file_of(tmp_path / "b.xlsx", [good(1, prs_FirstName="#REF!")])
    assert read(error)[0].cells[3] in (Unread("cell.error"), "#REF!")
    long = file_of(tmp_path / "c.xlsx", [good(1, prs_FirstName="x" * 2_001)])
    assert read(long)[0].cells[3] == Unread("cell.too_long")


def bomb(parts: dict[str, bytes]) -> None:
    parts["xl/media/image1.png"] = b"\0" * (300 << 20)


def strings(parts: dict[str, bytes]) -> None:
    parts["xl/sharedStrings.xml"] = b" " * (65 << 20)


def entities(parts: dict[str, bytes]) -> None:
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet1.xml"] = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + sheet


def far_right(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"</sheetData>", b'<row r="9"><c r="ZZZZZ9"/></row></sheetData>')


def far_down(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].replace(b"</sheetData>", b'<row r="999999999999"></row></sheetData>')


def broken(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name][:-200]


def other_encoding(parts: dict[str, bytes]) -> None:
    name = "xl/worksheets/sheet1.xml"
    parts[name] = parts[name].decode().encode("utf-16")


def many_parts(parts: dict[str, bytes]) -> None:
    parts |= {f"xl/media/{number}.png": b"" for number in range(1_001)}


SHEET = "xl/worksheets/sheet1.xml"
FAR = b'<row r="&#57;99999999999"><c r="B1" t="inlineStr"><is><t>x</t></is></c></row></sheetData>'


def hidden_row(parts: dict[str, bytes]) -> None:
    """A number that only whoever decodes the part sees."""
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", FAR)


def hidden_column(parts: dict[str, bytes]) -> None:
    far = b'<row r="8"><c r="Z&#90;ZZZ8"><v>1</v></c></row></sheetData>'
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", far)


def moved(parts: dict[str, bytes]) -> None:
    far_down(parts)
    parts["xl/sheets/sheet1.xml"] = parts.pop(SHEET)
    for name in ("xl/_rels/workbook.xml.rels", "[Content_Types].xml"):
        parts[name] = parts[name].replace(b"worksheets/sheet1.xml", b"sheets/sheet1.xml")


def moved_and_declared_a_picture(parts: dict[str, bytes]) -> None:
    moved(parts)
    sheet = b"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(sheet, b"image/png")


def renamed_strings(parts: dict[str, bytes]) -> None:
    name = b"/xl/words.xml"
    parts["xl/words.xml"] = b"<si><t>a</t></si>" * (4 << 20)
    parts.pop("xl/sharedStrings.xml", None)
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    said = b'<Override PartName="%b" ContentType="%b"/></Types>' % (name, kind)
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", said)


def styles(parts: dict[str, bytes]) -> None:
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(
        b"</cellXfs>", b"<xf/>" * 3_000_000 + b"</cellXfs>"
    )


def entities_elsewhere(parts: dict[str, bytes]) -> None:
    entities(parts)
    parts["xl/sheets/sheet1.dat"] = parts.pop(SHEET)
    for name in ("xl/_rels/workbook.xml.rels", "[Content_Types].xml"):
        parts[name] = parts[name].replace(b"worksheets/sheet1.xml", b"sheets/sheet1.dat")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (hidden_row, "workbook.too_many_rows"),
        (hidden_column, "workbook.unreadable"),
        (moved, "workbook.too_large"),
        (moved_and_declared_a_picture, "workbook.unreadable"),
        (renamed_strings, "workbook.too_large"),
        (styles, "workbook.too_large"),
        (entities_elsewhere, "workbook.declares_entities"),
        (bomb, "workbook.too_large"),
        (strings, "workbook.too_large"),
        (entities, "workbook.declares_entities"),
        (far_right, "workbook.too_large"),
        (far_down, "workbook.too_large"),
        (broken, "workbook.unreadable"),
        (other_encoding, "workbook.unreadable"),
        (many_parts, "workbook.too_large"),
    ],
)
def test_a_hostile_workbook_is_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    path = changed(file_of(tmp_path / "a.xlsx", [good(1)]), change)
    assert refused(path) == code


@pytest.mark.parametrize("limit", ["r.MEMORY = 160 << 20", "r.SECONDS = 2"])
def test_what_the_checks_let_through_ends_its_process_and_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    def small_enough(parts: dict[str, bytes]) -> None:
        some = b"<xf/>" * 500_000
        parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(b"</cellXfs>", some + b"</cellXfs>")

    path = changed(file_of(tmp_path / "a.xlsx", [good(1)]), small_enough)
    reader = f"from adapters.htcds import reading as r; {limit}; r._main()"
    monkeypatch.setattr(workbook, "_READER", ("-c", reader))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refused(path) == "workbook.too_large"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_a_mebibyte_of_any_part_that_is_held_in_memory_is_read_and_five_are_not(tmp_path: Path) -> None:
    for mebibytes, code in ((1, None), (5, "workbook.too_large")):

        def with_a_large_part(parts: dict[str, bytes]) -> None:
            parts["xl/calcChain.xml"] = b" " * (mebibytes << 20)  # noqa: B023 (called at once)

        path = changed(file_of(tmp_path / "a.xlsx", [good(1)]), with_a_large_part)
        assert (refused(path) if code else len(read(path))) == (code or 1)


def test_what_is_not_said_to_be_all_is_not_taken_for_all() -> None:
    told = io.BytesIO(b'{"row": 3, "cells": []}\n{"row": 4, "cel')
    lines = _lines_of(told)
    assert next(lines)["row"] == 3
    with pytest.raises(WorkbookError):
        next(lines)


def test_a_bomb_is_refused_without_unpacking_it_into_memory(tmp_path: Path) -> None:
    path = changed(file_of(tmp_path / "a.xlsx", [good(1)]), bomb)
    tracemalloc.start()
    try:
        assert refused(path, read_here) == "workbook.too_large"
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_a_declaration_is_found_wherever_the_pieces_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = changed(file_of(tmp_path / "a.xlsx", [good(1)]), entities)
    for chunk in (1, 3, 7, 64):
        monkeypatch.setattr(reading, "_CHUNK", chunk)
        monkeypatch.setattr(reading, "_OVERLAP", 64)
        assert refused(path, read_here) == "workbook.declares_entities"


def test_more_rows_than_the_limit_are_refused_and_empty_ones_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 5)
    assert len(read_here(file_of(tmp_path / "a.xlsx", [*map(good, range(5)), {}, {}]))) == 5
    one_more = file_of(tmp_path / "b.xlsx", [*map(good, range(5)), {}, good(7)])
    assert refused(one_more, read_here) == "workbook.too_many_rows"


def test_what_is_no_workbook_of_the_standard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"name;born\nPlanted;2013\n")
    assert refused(tmp_path / "a.xlsx") == "workbook.unreadable"
    assert refused(tmp_path / "absent.xlsx") == "workbook.unreadable"
    book_of([good(1)], header=False).save(tmp_path / "b.xlsx")
    assert refused(tmp_path / "b.xlsx") == "workbook.no_header"
    book = book_of([good(1)])
    book.active["AN1"] = "con_Consent"  # type: ignore[index]
    book.save(tmp_path / "c.xlsx")
    assert refused(tmp_path / "c.xlsx") == "workbook.column_twice"


def test_macros_and_links_are_left_alone(tmp_path: Path) -> None:
    def with_macros(parts: dict[str, bytes]) -> None:
        parts["xl/vbaProject.bin"] = os.urandom(2_000)
        parts["xl/externalLinks/externalLink1.xml"] = b"<externalLink/>"

    assert len(read(changed(file_of(tmp_path / "a.xlsx", [good(1)]), with_macros))) == 1


def _whole() -> bytes:
    made = io.BytesIO()
    book_of([good(1), good(2)]).save(made)
    return made.getvalue()


WHOLE = _whole()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6))
def test_whatever_is_damaged_is_read_or_refused(tmp_path: Path, damage: list[tuple[int, int]]) -> None:
    raw = bytearray(WHOLE)
    for at, byte in damage:
        raw[at % len(raw)] = byte
    (tmp_path / "a.xlsx").write_bytes(raw)
    with contextlib.suppress(WorkbookError):
        read_here(tmp_path / "a.xlsx")


HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://example.org")',
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_exported_is_never_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.xlsx"
    with written(path) as writer:
        writer.add({column.key: text for column in COLUMNS})
        writer.leave_out(1, (text, text, text))
    book = load_workbook(path)
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in ("s", "n", "d"), cell.value
                if isinstance(cell.value, str) and cell.value.strip() == text.strip():
                    assert cell.quotePrefix
    with zipfile.ZipFile(path) as parts:
        assert not any(b"<f>" in parts.read(name) for name in parts.namelist())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_report_is_never_calculated_either(tmp_path: Path, text: str) -> None:
    with report_to(tmp_path / "r.csv") as report:
        report(Line(row=3, outcome=text, code=text, column=text, reason=text))
    raw = (tmp_path / "r.csv").read_text("utf-8")
    assert guarded(text) == f"'{text}"
    assert raw.count("'") >= 4
    assert stat.S_IMODE((tmp_path / "r.csv").stat().st_mode) == 0o600


def test_a_workbook_appears_whole_for_its_owner_alone_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "kept"))
    path = tmp_path / "a.xlsx"
    with pytest.raises(TypeError), written(path) as writer:
        writer.leave_out(writer.add({"prs_FirstName": "Planted"}), None)  # type: ignore[arg-type]
    # Nor do the rows stay where the library kept them meanwhile.
    assert list(tmp_path.rglob("*")) == [tmp_path / "kept"]
    with written(path):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(tmp_path.rglob("*")) == [path, tmp_path / "kept"]
    with pytest.raises(FileExistsError), written(path):
        pass


def test_the_standard_is_named_with_its_licence_and_nobody_s_logo_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with written(path):
        pass
    book = load_workbook(path)
    words: Any = book["not carried"]["A1"].value
    assert "UNMigration/HTCDS" in words
    assert "CC BY 4.0" in words
    with zipfile.ZipFile(path) as parts:
        assert not [name for name in parts.namelist() if "media" in name]
    sheet = book["HTCDS"]
    assert [cell.value for cell in sheet[1]] == [None, *(column.name for column in COLUMNS)]
    assert [cell.value for cell in sheet[2]] == [None, *(column.label for column in COLUMNS)]
