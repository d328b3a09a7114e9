"""A release as a page, in the reader's language, and as a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from protocol.rendering.labels import Labels
from protocol.rendering.message import closing
from protocol.rendering.sentences import Sentences, sentences
from protocol.rendering.spreadsheet import comma_separated
from protocol.rendering.words import Block, Document, Fact, Group, Remark, Section, Value
from protocol.statistics.dimensions import CORRIDOR, DIMENSIONS, OTHER, SEVERAL
from protocol.statistics.releases import Release, Table

__all__ = ["COLUMNS", "csv", "document"]

COLUMNS: Final = ("table", "sex", "code", "label", "count", "status")
"""`sex`: in tables within a sex. `status`: `shown`, `suppressed` (no count), or `together`: the sum of those
suppressed, whose codes are joined by a space."""

_SCHEMES: Final = {dimension.name: dimension.scheme for dimension in DIMENSIONS}


def document(release: Release, language: str) -> Document:
    """The words of the page, in `language` or the nearest there is."""
    labels = Labels(sentences=sentences(language))
    say, of = labels.sentences.say, release.population
    facts: list[Block] = [
        Fact(label=say("statistics-role"), values=(labels.code("case-role", of.role),)),
        Fact(
            label=say("statistics-period" if of.day is None else "statistics-stock"),
            values=(_when(release, labels),),
        ),
        Fact(label=say("statistics-made"), values=(Value(text=labels.sentences.moment(release.made_at)),)),
        Fact(label=say("header-vocabulary"), values=(Value(text=release.vocabulary, direction="ltr"),)),
        Fact(label=say("statistics-total"), values=(_number(release.total, labels.sentences, release),)),
        Remark(text=say("statistics-counted")),
        Remark(text=say("statistics-hidden", threshold=release.threshold)),
    ]
    tables = tuple(
        Section(heading=_heading(table, labels), blocks=tuple(_rows(table, labels)))
        for table in release.tables
    )
    return Document(
        title=say("statistics-title"),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=(
            Section(heading=None, blocks=tuple(facts)),
            *tables,
            Section(heading=None, blocks=tuple(closing(labels))),
        ),
        reference=of.id,
        as_of=release.made_at,
    )


def csv(release: Release, language: str) -> bytes:
    """A row a category. See `protocol.rendering.spreadsheet`."""
    labels = Labels(sentences=sentences(language))
    rows = (row for table in release.tables for row in _csv_rows(table, labels))
    return comma_separated(COLUMNS, [_total_row(release, labels), *rows])


def _total_row(release: Release, labels: Labels) -> tuple[str, ...]:
    label = labels.sentences.say("statistics-total")
    if release.total is None:
        return ("total", "", "", label, "", "suppressed")
    return ("total", "", "", label, str(release.total), "shown")


def _csv_rows(table: Table, labels: Labels) -> Iterator[tuple[str, ...]]:
    name = table.dimensions[-1]
    for cell in table.cells:
        sex = " ".join(cell.codes[0]) if len(cell.codes) > 1 else ""
        block = cell.codes[-1]
        if len(block) == 1:
            yield (name, sex, block[0], _label(name, block[0], labels), str(cell.count), "shown")
            continue
        for code in block:
            yield (name, sex, code, _label(name, code, labels), "", "suppressed")
        together = labels.sentences.say("statistics-together")
        yield (name, sex, " ".join(block), together, str(cell.count), "together")


def _rows(table: Table, labels: Labels) -> Iterator[Block]:
    if len(table.dimensions) == 1:
        for cell in table.cells:
            yield from _facts(table.dimensions[0], cell.codes[0], cell.count, labels)
        return
    sex, name = table.dimensions
    for of_sex in dict.fromkeys(cell.codes[0] for cell in table.cells):
        inside = [cell for cell in table.cells if cell.codes[0] == of_sex]
        yield Group(
            label=" / ".join(_label(sex, code, labels) for code in of_sex),
            blocks=tuple(fact for cell in inside for fact in _facts(name, cell.codes[1], cell.count, labels)),
        )


def _facts(name: str, block: tuple[str, ...], count: int, labels: Labels) -> Iterator[Fact]:
    words = labels.sentences
    if len(block) == 1:
        yield Fact(label=_label(name, block[0], labels), values=(Value(text=words.number(count)),))
        return
    for code in block:
        yield Fact(label=_label(name, code, labels), values=(Value(text=words.say("statistics-not-shown")),))
    yield Fact(label=words.say("statistics-together"), values=(Value(text=words.number(count)),))


def _heading(table: Table, labels: Labels) -> str:
    return " · ".join(
        labels.sentences.say("statistics-corridor") if name == CORRIDOR else labels.text("field", name)
        for name in table.dimensions
    )


def _label(name: str, code: str, labels: Labels) -> str:
    if name == CORRIDOR:
        if code == OTHER:
            return labels.sentences.say("statistics-other-corridors")
        found, notified = code.split("-")
        return labels.sentences.say(
            "statistics-pair",
            destination=labels.sentences.state(found),
            origin=labels.sentences.state(notified),
        )
    if code == SEVERAL:
        return labels.sentences.say("statistics-several-forms")
    scheme = _SCHEMES[name]
    assert scheme is not None
    return labels.text(scheme, code)


def _when(release: Release, labels: Labels) -> Value:
    of = release.population
    return Value(text=str(of.year) if of.day is None else labels.sentences.day(of.day))


def _number(count: int | None, words: Sentences, release: Release) -> Value:
    if count is None:
        return Value(text=words.say("statistics-fewer", threshold=release.threshold))
    return Value(text=words.number(count))
