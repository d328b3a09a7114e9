"""What an authority without a system gets: the message in its language, and a form for the reply.

    handed = hand_over(rendering, form)        one PDF: the message's pages, then the form's
    protected(handed, password)                the same, AES-256 (PDF 2.0, revision 6), for an e-mail

The form's fields are those of `mapping.questions`, with a code behind each answer and a label in front of it.
Its pages are set by Typst (`form.typ`), which also says where each field came to lie; the fields are put
there with pikepdf. A consent has no field: it is given with a pen.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any, Final

import pikepdf
import segno
from pikepdf import Array, Dictionary, Name, String
from typst import Compiler, Fonts, TypstError

from adapters.relay.mapping import EXTRA, Question, questions
from adapters.relay.words import words
from protocol.rendering.labels import Labels
from protocol.rendering.sentences import Sentences

__all__ = ["ANSWERS", "Sheet", "form_pages", "one_file", "protected", "sheet_of"]

ANSWERS: Final = "answers"
"""The field that says which message a form answers: read-only, and believed of nobody's file."""

_PRINTED_AT_MOST: Final = 12
"""Answers that are printed below their field, for a pen: more would be a page for one question."""
_HEIGHT: Final = 841.89  # points of an A4 page
_FONTS: Final = ["Noto Sans", "Noto Naskh Arabic", "Droid Sans Fallback"]
_EAST_ASIAN: Final = [{"name": "Noto Sans", "covers": "latin-in-cjk"}, "Droid Sans Fallback", *_FONTS]
_READ_ONLY, _REQUIRED, _MULTILINE, _COMBO = 1, 1 << 1, 1 << 12, 1 << 17
_PRINT: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A form for one reply. `reply`: its message type; None for a version that is accepted or not, on paper
    alone. `link`: of the one-time page, with the moment until when. `return_to`: as the intermediary words
    it. `agreement`: the digest of the version."""

    message: str
    language: str
    return_to: str
    reply: str | None = None
    narrative: bool = True
    link: str | None = None
    until: str | None = None
    agreement: str | None = None


def sheet_of(sheet: Sheet) -> bytes:
    """The form's pages as a PDF, with its fields."""
    data, asked = form_pages(sheet)
    text = json.dumps(data, ensure_ascii=False)
    folder = files("adapters.relay")
    with as_file(folder / "form.typ") as layout:
        compiler = Compiler(
            str(layout),
            root=str(layout.parent),
            font_paths=_typst_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"form": text},
        )
        try:
            pages = compiler.compile(format="pdf")
            places = json.loads(compiler.query("<field>", field="value", format="json"))
        except TypstError:
            # It quotes the words, which no log may have.
            raise RuntimeError("the form could not be set") from None
    assert isinstance(pages, bytes)
    return _with_fields(pages, places, asked, sheet)


def form_pages(sheet: Sheet) -> tuple[dict[str, Any], tuple[Question, ...]]:
    """The words of the form, and what it asks."""
    say, labels = words(sheet.language), Labels(sentences=words(sheet.language))
    asked = () if sheet.reply is None else questions(sheet.reply, narrative=sheet.narrative)
    about = [f"{say.say('answers-message')}: {sheet.message}"]
    if sheet.reply is not None:
        about += [labels.text("message-type", sheet.reply), say.say("fill-in")]
    if sheet.link is not None and sheet.until is not None:
        about += [f"{say.say('web-also')} {sheet.link}", say.say("until", when=sheet.until)]
    paper, options = [], []
    if sheet.agreement is not None:
        paper = [
            say.say("paper-title"),
            say.say("paper-version", digest=sheet.agreement),
            say.say("paper-only"),
        ]
        options = [say.say("paper-accepts"), say.say("paper-refuses")]
    return {
        "title": say.say("title") if sheet.agreement is None else say.say("paper-title"),
        "language": say.language,
        "direction": say.direction,
        "fonts": _EAST_ASIAN if say.language == "zh" else _FONTS,
        "outlined": say.language == "zh",
        "about": about,
        "warning": say.say("no-consent") if sheet.agreement is None else say.say("paper-only"),
        "answers": sheet.message,
        "required": say.say("required"),
        "several": say.say("several"),
        "text_language": say.say("text-language"),
        "scan": say.say("scan"),
        "code": _code(sheet.link or f"urn:uuid:{sheet.message}"),
        "sections": list(_sections(asked, labels, say)),
        "paper": paper[1:],
        "paper_options": options,
        "fillable": sheet.agreement is None,
        "closing": [{"name": name, "label": say.say(name)} for name in EXTRA],
        "signature": say.say("signature"),
        "return_to": say.say("return-to", who=sheet.return_to),
    }, asked


def one_file(message: bytes, form: bytes) -> bytes:
    """The message's pages, then the form's, as one PDF. The node's own rendering is what evidence can name;
    this file is a copy of it with a form behind."""
    with pikepdf.open(io.BytesIO(message)) as whole, pikepdf.open(io.BytesIO(form)) as asked:
        whole.add_pages_from(asked)
        whole.Root.AcroForm.NeedAppearances = True
        with whole.open_metadata(set_pikepdf_as_editor=False) as told:
            # It has fields now, and no longer the form of an archive's file.
            for claim in ("pdfaid:part", "pdfaid:conformance", "pdfuaid:part"):
                if claim in told:
                    del told[claim]
        return _written(whole)


def protected(file: bytes, password: str) -> bytes:
    """AES-256, revision 6. Without the password nothing of it is read, not even its title."""
    with pikepdf.open(io.BytesIO(file)) as opened:
        encryption = pikepdf.Encryption(
            user=password, owner=secrets.token_urlsafe(32), R=6, aes=True, metadata=True
        )
        return _written(opened, encryption=encryption)


def _written(pdf: pikepdf.Pdf, **options: Any) -> bytes:
    made = io.BytesIO()
    pdf.save(made, **options)
    return made.getvalue()


def _code(text: str) -> str:
    made = io.BytesIO()
    segno.make_qr(text, error="m").save(made, kind="svg", border=2, xmldecl=False, svgns=True)
    return made.getvalue().decode()


def _sections(asked: Sequence[Question], labels: Labels, say: Sentences) -> Iterator[dict[str, Any]]:
    """By the groups that the questions stand in; the boxes of one field together."""
    sections: dict[tuple[tuple[str, int], ...], list[dict[str, Any]]] = {}
    for one in asked:
        rows = sections.setdefault(one.of, [])
        label = labels.text("field", one.label)
        if one.kind == "language":
            continue
        if one.kind == "tick":
            option = {"name": one.name, "label": labels.text(one.scheme or "", one.options[0])}
            if rows and rows[-1]["kind"] == "ticks" and rows[-1]["field"] == one.label:
                rows[-1]["options"].append(option)
            else:
                rows.append(
                    {
                        "kind": "ticks",
                        "field": one.label,
                        "label": label,
                        "required": one.required,
                        "options": [option],
                    }
                )
            continue
        printed = _labels(one, labels) if len(one.options) <= _PRINTED_AT_MOST else []
        rows.append(
            {
                "kind": one.kind,
                "name": one.name,
                "label": label,
                "required": one.required,
                "printed": printed if one.kind in ("code", "reference") else [],
            }
        )
    for of, rows in sections.items():
        yield {"heading": _heading(of, labels, say), "questions": rows}


def _heading(of: tuple[tuple[str, int], ...], labels: Labels, say: Sentences) -> str | None:
    parts = []
    for code, number in of:
        label = labels.text("field", code)
        parts.append(say.say("numbered", label=label, number=number) if number else label)
    return " – ".join(parts) or None


def _labels(question: Question, labels: Labels) -> list[str]:
    if question.scheme is None:
        return [labels.party(one).text for one in question.options]
    return [labels.text(question.scheme, one) for one in question.options]


def _with_fields(
    pages: bytes, places: Sequence[dict[str, Any]], asked: Sequence[Question], sheet: Sheet
) -> bytes:
    say, labels = words(sheet.language), Labels(sentences=words(sheet.language))
    by_name = {one.name: one for one in asked}
    with pikepdf.open(io.BytesIO(pages)) as pdf:
        made = []
        for place in places:
            question = by_name.get(place["name"])
            field = _field(pdf, place, question, labels, say)
            page = pdf.pages[place["page"] - 1]
            field.P = page.obj
            field = pdf.make_indirect(field)
            _annotate(page, field)
            made.append(field)
        said = Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Tx,
            T=String(ANSWERS),
            V=String(sheet.message),
            Ff=_READ_ONLY,
            F=2,  # hidden: the page says it in print
            Rect=Array([0, 0, 0, 0]),
            P=pdf.pages[0].obj,
        )
        said = pdf.make_indirect(said)
        _annotate(pdf.pages[0], said)
        font = pdf.make_indirect(
            Dictionary(
                Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
            )
        )
        pdf.Root.AcroForm = Dictionary(
            Fields=Array([*made, said]),
            # Whoever shows it draws what is filled in, in a font that has the letters.
            NeedAppearances=True,
            DR=Dictionary(Font=Dictionary(Helv=font)),
            DA=String("/Helv 0 Tf 0 g"),
        )
        pdf.Root.Lang = String(say.language)
        return _written(pdf)


def _annotate(page: pikepdf.Page, field: pikepdf.Object) -> None:
    if "/Annots" not in page.obj:
        page.obj.Annots = Array()
    page.obj.Annots.append(field)
    page.obj.Tabs = Name.S  # from field to field as the page is read


def _field(
    pdf: pikepdf.Pdf, place: dict[str, Any], question: Question | None, labels: Labels, say: Sentences
) -> Dictionary:
    x, y, w, h = (float(place[one]) for one in ("x", "y", "w", "h"))
    base: dict[str, Any] = {
        "Type": Name.Annot,
        "Subtype": Name.Widget,
        "T": String(place["name"]),
        "F": _PRINT,
        "Rect": Array([x, _HEIGHT - y - h, x + w, _HEIGHT - y]),
        "DA": String("/Helv 9 Tf 0 g"),
        "TU": String(_spoken(place["name"], question, labels, say)),
    }
    if question is not None and question.kind == "tick":
        return Dictionary(
            **base, FT=Name.Btn, V=Name.Off, AS=Name.Off, MK=Dictionary(CA=String("4")), AP=_tick(pdf, w, h)
        )
    if question is not None and question.kind in ("code", "reference"):
        shown = _labels(question, labels)
        options = [
            Array([String(code), String(label)]) for code, label in zip(question.options, shown, strict=True)
        ]
        blank = Array([String(""), String("-")])
        return Dictionary(**base, FT=Name.Ch, Ff=_COMBO, Opt=Array([blank, *options]), V=String(""))
    many = question is not None and question.kind == "text"
    return Dictionary(**base, FT=Name.Tx, Ff=_MULTILINE if many else 0, V=String(""))


def _tick(pdf: pikepdf.Pdf, w: float, h: float) -> Dictionary:
    on = pdf.make_stream(
        f"q 1.2 w 1.5 {h / 2:.1f} m {w / 2.5:.1f} 1.5 l {w - 1.5:.1f} {h - 1.5:.1f} l S Q".encode(),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, w, h]),
    )
    off = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, w, h]))
    return Dictionary(N=Dictionary(Yes=on, Off=off))


def _spoken(name: str, question: Question | None, labels: Labels, say: Sentences) -> str:
    """What a screen reader says of a field."""
    if question is None:
        return say.say(name) if name in EXTRA else name
    label = labels.text("field", question.label)
    if question.kind == "tick":
        return f"{label}: {labels.text(question.scheme or '', question.options[0])}"
    if question.kind == "language":
        return f"{label}: {say.say('text-language')}"
    above = _heading(question.of, labels, say)
    return label if above is None else f"{above}: {label}"


@cache
def _typst_fonts() -> Fonts:
    with as_file(files("protocol") / "rendering" / "fonts") as folder:
        return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
