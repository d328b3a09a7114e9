"""The yearly report on corridors: a page in the reader's language, and a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from protocol.identifiers import StateCode
from protocol.indicators.figures import DEFINITION, Figures, Row, Share
from protocol.indicators.published import PublishedRow
from protocol.indicators.told import Difference
from protocol.json_strict import Json
from protocol.rendering.labels import Labels
from protocol.rendering.message import closing
from protocol.rendering.sentences import Sentences, sentences
from protocol.rendering.spreadsheet import comma_separated
from protocol.rendering.words import Block, Document, Fact, Group, Remark, Section, Value

__all__ = ["COLUMNS", "Comparison", "Report", "csv", "document"]

COLUMNS: Final = ("asking", "answering", "procedure", "figure", "label", "value", "of", "status")
"""`of`: what a share is of, and over how many requests a percentile is taken. `status`: `shown`, `suppressed`
(no value), `together` (the sum of those suppressed, joined by a space), or `not-reached`."""

_SHARES: Final = (
    "accepted_in_seven_days",
    "accepted_in_time",
    "answered_in_time",
    "answered_in_first_time",
)
_PERCENTILES: Final = ("median_days", "ninetieth_days")
_COUNTS: Final = (
    "answered",
    "lapsed",
    "open",
    "declined",
    "withdrawn",
    "concluded",
    "extended",
    "redirected",
    "paused",
)
_EXPLAINED: Final = (
    "moments",
    "accepted",
    "seven-days",
    "answered",
    "first-time",
    "shares",
    "days",
    "ends",
    "paused",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Our figures beside those that a peer's node told. `differences` is None where they cannot be compared:
    its node counts by another definition."""

    peer: str
    as_of: datetime
    told_at: datetime
    differences: tuple[Difference, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A year's figures as of an instant. `published`: it is for everybody, and `rows` is empty."""

    year: int
    as_of: datetime
    made_at: datetime
    rows: tuple[Row, ...] = ()
    published: tuple[PublishedRow, ...] | None = None
    comparisons: tuple[Comparison, ...] = ()

    @property
    def id(self) -> str:
        """For people and file names."""
        return f"indicators-{self.year}"

    def to_json(self) -> Json:
        rows: list[Json] = (
            [
                {
                    "asking": row.asking,
                    "answering": row.answering,
                    "procedure": row.procedure,
                    **row.figures.to_json(),
                }
                for row in self.rows
            ]
            if self.published is None
            else [row.to_json() for row in self.published]
        )
        return {
            "year": self.year,
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "definition": DEFINITION,
            "for": "states" if self.published is None else "publication",
            "rows": rows,
            "comparisons": [_compared(one) for one in self.comparisons],
        }


def _compared(one: Comparison) -> Json:
    told: Json = {
        "peer": one.peer,
        "as_of": one.as_of.isoformat().replace("+00:00", "Z"),
        "told_at": one.told_at.isoformat().replace("+00:00", "Z"),
        "comparable": one.differences is not None,
        "differences": [
            {
                "asking": each.asking,
                "answering": each.answering,
                "procedure": each.procedure,
                "figure": each.figure,
                **({} if each.ours is None else {"ours": each.ours}),
                **({} if each.theirs is None else {"theirs": each.theirs}),
            }
            for each in one.differences or ()
        ],
    }
    return told


def document(report: Report, language: str) -> Document:
    """The words of the page, in `language` or the nearest there is."""
    labels = Labels(sentences=sentences(language))
    words = labels.sentences
    sections = [Section(heading=None, blocks=tuple(_head(report, words)))]
    rows: tuple[Row | PublishedRow, ...] = report.rows if report.published is None else report.published
    for (asking, answering), of_corridor in groupby(rows, key=lambda row: (row.asking, row.answering)):
        blocks = tuple(
            Group(label=labels.text("procedure", row.procedure), blocks=tuple(_row(row, words)))
            for row in of_corridor
        )
        sections.append(Section(heading=_corridor(asking, answering, words), blocks=blocks))
    if not rows:
        sections.append(
            Section(heading=None, blocks=(Remark(text=words.say("indicators-none", year=str(report.year))),))
        )
    sections += [_comparison(one, labels) for one in report.comparisons]
    explained = [Remark(text=words.say(f"indicators-about-{name}")) for name in _EXPLAINED]
    sections.append(Section(heading=words.say("indicators-about"), blocks=tuple(explained)))
    sections.append(Section(heading=None, blocks=tuple(closing(labels))))
    return Document(
        title=words.say("indicators-title"),
        language=words.language,
        direction=words.direction,
        sections=tuple(sections),
        reference=report.id,
        as_of=report.as_of,
    )


def csv(report: Report, language: str) -> bytes:
    """A row a figure. See `protocol.rendering.spreadsheet`."""
    words = sentences(language)
    if report.published is None:
        return comma_separated(COLUMNS, [line for row in report.rows for line in _lines(row, words)])
    return comma_separated(COLUMNS, [line for row in report.published for line in _told_lines(row, words)])


def _head(report: Report, words: Sentences) -> Iterator[Block]:
    yield Fact(label=words.say("indicators-year"), values=(Value(text=str(report.year)),))
    yield Fact(label=words.say("indicators-as-of"), values=(Value(text=words.moment(report.as_of)),))
    yield Fact(label=words.say("statistics-made"), values=(Value(text=words.moment(report.made_at)),))
    if report.published is None:
        yield Remark(text=words.say("indicators-for-states"), standing=True)
    else:
        threshold = next((row.threshold for row in report.published), None)
        if threshold is not None:
            yield Remark(text=words.say("statistics-hidden", threshold=threshold))


def _row(row: Row | PublishedRow, words: Sentences) -> Iterator[Fact]:
    if isinstance(row, PublishedRow):
        yield from _told(row, words)
        return
    figures = row.figures
    yield _number("requests", figures.requests, words)
    for name in _SHARES:
        share: Share = getattr(figures, name)
        yield Fact(label=_label(name, words), values=(Value(text=_share(share, words)),))
    for name in _PERCENTILES:
        yield Fact(
            label=_label(name, words), values=(_days(getattr(figures, name), words, of=figures.days_of),)
        )
    for name in _COUNTS:
        yield _number(name, getattr(figures, name), words)
    yield _number("paused-days", _whole_days(figures), words)


def _told(row: PublishedRow, words: Sentences) -> Iterator[Fact]:
    if row.requests is None:
        fewer = Value(text=words.say("statistics-fewer", threshold=row.threshold))
        yield Fact(label=_label("requests", words), values=(fewer,))
        return
    yield _number("requests", row.requests, words)
    for question in row.questions:
        for block, count in question.cells:
            if len(block) == 1:
                yield _number(block[0], count, words)
                continue
            hidden = Value(text=words.say("statistics-not-shown"))
            yield from (Fact(label=_label(code, words), values=(hidden,)) for code in block)
            yield Fact(label=words.say("statistics-together"), values=(Value(text=words.number(count)),))
    if row.days_told:
        yield Fact(label=_label("median_days", words), values=(_days(row.median_days, words),))
        yield Fact(label=_label("ninetieth_days", words), values=(_days(row.ninetieth_days, words),))


def _comparison(one: Comparison, labels: Labels) -> Section:
    words = labels.sentences
    blocks: list[Block] = [
        Fact(label=words.say("indicators-as-of"), values=(Value(text=words.moment(one.as_of)),)),
        Fact(label=words.say("indicators-told-at"), values=(Value(text=words.moment(one.told_at)),)),
    ]
    if one.differences is None:
        blocks.append(Remark(text=words.say("indicators-other-definition")))
    elif not one.differences:
        blocks.append(Remark(text=words.say("indicators-agree")))
    else:
        blocks.append(Remark(text=words.say("indicators-differ")))
    for each in one.differences or ():
        where = (
            _corridor(each.asking, each.answering, words),
            labels.text("procedure", each.procedure),
            _label(each.figure, words),
        )
        both = words.say(
            "indicators-both", ours=_told_as(each.ours, words), theirs=_told_as(each.theirs, words)
        )
        blocks.append(Fact(label=" · ".join(where), values=(Value(text=both),)))
    return Section(heading=words.say("indicators-beside", state=words.state(one.peer)), blocks=tuple(blocks))


def _corridor(asking: StateCode, answering: StateCode, words: Sentences) -> str:
    return words.say("indicators-corridor", asking=words.state(asking), answering=words.state(answering))


def _label(name: str, words: Sentences) -> str:
    if name.endswith("_of"):
        of = name.removesuffix("_of")
        if of == "days":
            return words.say("indicators-days-of")
        return words.say("indicators-of", figure=_label(of, words))
    return words.say(f"indicators-{name.replace('_', '-')}")


def _number(name: str, count: int, words: Sentences) -> Fact:
    return Fact(label=_label(name, words), values=(Value(text=words.number(count)),))


def _share(share: Share, words: Sentences) -> str:
    if share.percent is None:
        return words.say("indicators-share-of-none")
    return words.say(
        "indicators-share",
        percent=words.number(share.percent),
        part=words.number(share.part),
        of=words.number(share.of),
    )


def _days(days: int | None, words: Sentences, *, of: int | None = None) -> Value:
    text = words.say("indicators-not-reached") if days is None else words.number(days)
    detail = None if of is None else f"{words.say('indicators-days-of')}: {words.number(of)}"
    return Value(text=text, detail=detail)


def _told_as(value: int | None, words: Sentences) -> str:
    return "–" if value is None else words.number(value)


def _whole_days(figures: Figures) -> int:
    return timedelta(seconds=figures.paused_seconds) // timedelta(days=1)


def _lines(row: Row, words: Sentences) -> Iterator[tuple[str, ...]]:
    figures = row.figures
    where = (row.asking, row.answering, row.procedure)

    def line(name: str, value: int | None, of: int | None = None) -> tuple[str, ...]:
        status = "not-reached" if value is None else "shown"
        shown = "" if value is None else str(value)
        return (*where, name, _label(name, words), shown, "" if of is None else str(of), status)

    yield line("requests", figures.requests)
    for name in _SHARES:
        share: Share = getattr(figures, name)
        yield line(name, share.part, share.of)
    for name in _PERCENTILES:
        yield line(name, getattr(figures, name), figures.days_of)
    for name in _COUNTS:
        yield line(name, getattr(figures, name), figures.requests)
    yield line("paused_seconds", figures.paused_seconds)


def _told_lines(row: PublishedRow, words: Sentences) -> Iterator[tuple[str, ...]]:
    where = (row.asking, row.answering, row.procedure)
    if row.requests is None:
        yield (*where, "requests", _label("requests", words), "", "", "suppressed")
        return
    of = str(row.requests)
    yield (*where, "requests", _label("requests", words), of, "", "shown")
    for question in row.questions:
        for block, count in question.cells:
            if len(block) == 1:
                yield (*where, block[0], _label(block[0], words), str(count), of, "shown")
                continue
            for code in block:
                yield (*where, code, _label(code, words), "", of, "suppressed")
            together = words.say("statistics-together")
            yield (*where, " ".join(block), together, str(count), of, "together")
    if row.days_told:
        for name, days in (("median_days", row.median_days), ("ninetieth_days", row.ninetieth_days)):
            status = "not-reached" if days is None else "shown"
            yield (*where, name, _label(name, words), "" if days is None else str(days), "", status)
