"""Words as a PDF for a file or a court: PDF/A-2a and PDF/UA-1, tagged, the same bytes for the same words.

Typst sets the page by one layout of this package (`layouts/page.typ`), in the fonts of this package and no
others. The words go to it as data, so that none of them is read as markup. Nothing else of the machine comes
in: no clock, no environment, no installed font.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, Final

from typst import Compiler, Fonts, TypstError

from protocol.errors import NotAcceptable
from protocol.languages import Direction, isolated
from protocol.rendering.coverage import shown
from protocol.rendering.foreign import printable
from protocol.rendering.sentences import sentences
from protocol.rendering.words import Block, Document, Fact, Group, Narrative, Remark, Section, Value

if TYPE_CHECKING:
    from typst import PDFStandard

__all__ = ["LONGEST_DOCUMENT", "to_pdf"]

LONGEST_DOCUMENT: Final = 1_000_000
"""Characters of all words together, 40 more for each line that begins. A message of the largest size stays
below; one of line ends by the ten thousand, which would be pages without end, does not."""

# Level A of PDF/A-2 asks for tags and for text that can be copied out; PDF/UA-1 for a title and languages.
_STANDARDS: Final[list[PDFStandard]] = ["a-2a", "ua-1"]
# For words without a time of their own: a PDF/A has a date, and it must not be the machine's.
_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
# In Arabic too: digits and full stops then look alike in an identifier and beside it.
_FONTS: Final[list[Any]] = ["Noto Sans", "Noto Naskh Arabic", "Droid Sans Fallback"]
# In Chinese, quotation marks and dashes are as wide as the writing around them.
_EAST_ASIAN_FONTS: Final = [{"name": "Noto Sans", "covers": "latin-in-cjk"}, "Droid Sans Fallback", *_FONTS]
# A layout could read files below this. Ours reads none.
_ROOT: Final = str(files("protocol") / "rendering" / "layouts")
_PAGE, _PAGES = "\x01", "\x02"
# A word that no line can hold would run off the page. Writings without spaces break anywhere by themselves.
_UNBROKEN = re.compile(r"[^\s\u0e00-\u0eff\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]{37,}")
_LINE: Final = 40
_BREAK_AFTER: Final = 36  # characters: an identifier stays whole
_MAY_BREAK: Final = "\u200b"


def to_pdf(document: Document) -> bytes:
    """The document as a PDF, dated `document.as_of`.

    What no shipped font can show has a stand-in, and the first page says so. Refuses `rendering.too_large`.
    """
    letters = _Letters()
    laid_out = {
        "name": "Focalpoint",
        "title": letters.line(document.title),
        "reference": "" if document.reference is None else letters.identifier(document),
        "language": _tag(document.language),
        "direction": document.direction,
        "fonts": _fonts(document.language),
        "outlined": _primary(document.language) == "zh",
        "sections": [_section(section, letters, document.direction) for section in document.sections],
    }
    if letters.count > LONGEST_DOCUMENT:
        raise NotAcceptable(
            "rendering.too_large", "the words are more than a PDF holds; text and HTML have no limit"
        )
    say = sentences(document.language).say
    laid_out["warning"] = say("not-shown", count=letters.lacking) if letters.lacking else None
    page_of = say("page-of", page=_PAGE, pages=_PAGES)
    foot = {
        "sentences": [letters.line(text) for text in _standing(document)],
        "pages": [
            {_PAGE: 0, _PAGES: 1}.get(part, part)
            for part in re.split(f"([{_PAGE}{_PAGES}])", page_of)
            if part
        ],
    }
    # A compiler is not to be used twice at once; the fonts, which take the time to read, can be.
    compiler = Compiler(root=_ROOT, font_paths=_typst_fonts(), ignore_system_fonts=True)
    try:
        pdf = compiler.compile(
            _layout(),
            format="pdf",
            sys_inputs={"document": json.dumps(laid_out), "foot": json.dumps(foot)},
            pdf_standards=_STANDARDS,
            # A clock's fractions of a second have no place in a PDF, and are refused.
            timestamp=(document.as_of or _NO_TIME).replace(microsecond=0),
        )
    except TypstError:
        # It quotes the words, which no log may have.
        raise RuntimeError("the page could not be set") from None
    assert isinstance(pdf, bytes)
    return pdf


@dataclass(slots=True)
class _Letters:
    """Makes texts fit to be set, and counts their characters and those that cannot be shown."""

    count: int = 0
    lacking: int = 0

    def line(self, text: str) -> str:
        """A text of our own: a label or a sentence. Isolates in it are ours."""
        self.count += len(text) + _LINE
        fit = shown(text)
        self.lacking += fit.lacking
        return _UNBROKEN.sub(_breakable, fit.text)

    def foreign(self, text: str, *, reading: Direction, towards: Direction | None) -> str:
        """A text that somebody else wrote, in a line of ours."""
        return isolated(self.line(printable(text).replace("\n", " ")), reading=reading, towards=towards)

    def identifier(self, document: Document) -> str:
        return self.foreign(document.reference or "", reading=document.direction, towards="ltr")


def _breakable(run: re.Match[str]) -> str:
    text = run[0]
    return _MAY_BREAK.join(text[at : at + _BREAK_AFTER] for at in range(0, len(text), _BREAK_AFTER))


def _standing(document: Document) -> Iterator[str]:
    for section in document.sections:
        yield from (block.text for block in section.blocks if isinstance(block, Remark) and block.standing)


def _section(section: Section, letters: _Letters, reading: Direction) -> dict[str, Any]:
    heading = None if section.heading is None else letters.line(section.heading)
    return {"heading": heading, "blocks": _blocks(section.blocks, letters, reading)}


def _blocks(blocks: Iterable[Block], letters: _Letters, reading: Direction) -> list[dict[str, Any]]:
    """The blocks, facts that follow one another as one list."""
    laid_out: list[dict[str, Any]] = []
    for block in blocks:
        match block:
            case Fact(label=label, values=values):
                row = {
                    "label": letters.line(label),
                    "values": [_value(value, letters, reading) for value in values],
                }
                if not laid_out or laid_out[-1]["kind"] != "facts":
                    laid_out.append({"kind": "facts", "rows": []})
                laid_out[-1]["rows"].append(row)
            case Group(label=label, blocks=inner):
                laid_out.append(
                    {
                        "kind": "group",
                        "label": letters.line(label),
                        "blocks": _blocks(inner, letters, reading),
                    }
                )
            case Narrative():
                laid_out.append(_narrative(block, letters))
            case Remark(text=text, standing=standing):
                if not standing:
                    laid_out.append({"kind": "remark", "text": letters.line(text)})
    return laid_out


def _narrative(block: Narrative, letters: _Letters) -> dict[str, Any]:
    return {
        "kind": "narrative",
        "label": letters.line(block.label),
        "mark": None if block.mark is None else letters.line(block.mark),
        "language": _tag(block.language),
        "direction": block.direction,
        "fonts": _fonts(block.language),
        "lines": [letters.line(line) for line in printable(block.text).split("\n")],
    }


def _value(value: Value, letters: _Letters, reading: Direction) -> dict[str, Any]:
    if value.direction is None:
        text = letters.line(value.text)
    else:
        towards = None if value.direction == "auto" else value.direction
        text = letters.foreign(value.text, reading=reading, towards=towards)
    if value.detail is not None:
        text += f" ({letters.line(value.detail)})"
    return {"text": text, "notes": [letters.line(note) for note in value.notes]}


def _fonts(language: str) -> list[Any]:
    return _EAST_ASIAN_FONTS if _primary(language) in ("zh", "ja", "ko") else _FONTS


def _primary(tag: str) -> str:
    return tag.replace("_", "-").split("-")[0].lower()


def _tag(tag: str) -> dict[str, str | None]:
    """A BCP 47 tag as Typst takes it: language and region. `und` for what is no language of ISO 639."""
    primary, *others = tag.replace("_", "-").split("-")
    language = primary.lower() if re.fullmatch("[A-Za-z]{2,3}", primary) else "und"
    region = next((subtag.upper() for subtag in others if re.fullmatch("[A-Za-z]{2}", subtag)), None)
    return {"lang": language, "region": region}


@cache
def _layout() -> bytes:
    return (files("protocol") / "rendering" / "layouts" / "page.typ").read_bytes()


@cache
def _typst_fonts() -> Fonts:
    with as_file(files("protocol") / "rendering" / "fonts") as folder:
        return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
