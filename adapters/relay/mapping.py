"""From a form of ours to questions that paper or a page can ask, and from what was filled in to a draft.

What comes back was typed by nobody we know, with a program that we do not know. A value counts when it is
exactly one that the form offered: a code, or its label in the form's own language; a day as YYYY-MM-DD; a
number in digits. Everything else is reported by its field and left out. An empty field is left out too: it is
no "unknown", which somebody has to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from pydantic import ValidationError

from protocol import intermediary, messages, vocabularies
from protocol.errors import NotAcceptable
from protocol.identifiers import Address
from protocol.messages import FORMS, MAX_NARRATIVE_LENGTH, FormField
from protocol.messages.form import is_language_tag

__all__ = ["EXTRA", "Answer", "Question", "Reply", "offered", "questions", "read_reply", "usual_reply"]

type Kind = Literal["code", "tick", "date", "count", "reference", "text", "language"]
type Outcome = Literal["taken", "empty", "not-understood", "not-asked", "missing", "for-the-officer"]

SEPARATOR: Final = ":"
"""Between the parts of a field's name: a full stop would mean something to a PDF."""
ROWS: Final = 3
"""Of what may be said several times, this often (project choice): more would be pages of empty lines."""
EXTRA: Final = ("office", "person", "day")
"""On every form beside the questions. For the officer who reads it, and in no message."""

_TICKS_AT_MOST: Final = 40
_LISTS: Final = frozenset({"code", "date", "count", "reference"})
_NOT_ON_PAPER: Final = frozenset({"address", "message-id", "case-reference", "digest", "signature", "text"})
_REFERENCES: Final = (
    "child",
    *(f"{kind}-{number}" for kind in ("carer", "person", "place") for number in (1, 2, 3)),
)
_NOBODY: Final = Address("int.nobody")
_USUAL: Final[Mapping[str, str]] = {
    "query": "answer",
    "social-inquiry.request": "social-inquiry.report",
    "identity.request": "identity.result",
    "risk-assessment.request": "risk-assessment.contribution",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to fill in. `name`: unique on the form. `label` is a code of the scheme `field`; `of`: the
    groups that it stands in, as (code, number from 1 or 0). `options`: codes of `scheme`."""

    name: str
    kind: Kind
    label: str
    of: tuple[tuple[str, int], ...] = ()
    scheme: str | None = None
    options: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one field. Never what was in it."""

    name: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A draft for the officer to look at: `coded` and `narrative` as the API takes them."""

    type: str
    coded: Mapping[str, Any]
    narrative: tuple[Mapping[str, str], ...]
    fields: tuple[Answer, ...]

    @property
    def complete(self) -> bool:
        """Whether it is a whole message of its type as it stands."""
        return not any(one.outcome in ("missing", "for-the-officer") for one in self.fields)


def offered(message_type: str) -> bool:
    """Whether an intermediary may pass on such a reply at all: nothing that binds a State, nothing of its
    own."""
    form = FORMS.get(message_type)
    if form is None or form.opens_thread or message_type in (intermediary.ATTEST, "nudge", "escalate"):
        return False
    try:
        intermediary.require_may_say(message_type, _NOBODY, _NOBODY, {})
    except NotAcceptable:
        return False
    return True


def usual_reply(message_type: str) -> str | None:
    """What is usually said to such a message; None where no form is the usual one."""
    return _USUAL.get(message_type)


def questions(message_type: str, *, narrative: bool) -> tuple[Question, ...]:
    """What the form of a reply asks. `narrative`: also for free text, which may name people."""
    form = messages.form(message_type)
    asked = tuple(_asked(form.coded_fields, "", ()))
    if not narrative:
        return asked
    texts: list[Question] = []
    for field in form.narrative_fields:
        name = f"narrative{SEPARATOR}{field}"
        texts.append(Question(name=name, kind="text", label=field, required=field in form.required_narrative))
        texts.append(Question(name=f"{name}{SEPARATOR}language", kind="language", label=field))
    return (*asked, *texts)


def _asked(fields: Sequence[FormField], above: str, of: tuple[tuple[str, int], ...]) -> Iterator[Question]:
    for field in fields:
        name = f"{above}{field.name}"
        if field.kind in _NOT_ON_PAPER:
            continue
        if field.kind == "group":
            for number in range(1, ROWS + 1) if field.many else (0,):
                inside = f"{name}{SEPARATOR}{number}{SEPARATOR}" if number else f"{name}{SEPARATOR}"
                yield from _asked(field.fields, inside, (*of, (field.name, number)))
        elif field.many and field.kind == "code" and len(_codes(field)) <= _TICKS_AT_MOST:
            for code in _codes(field):
                yield Question(
                    name=f"{name}={code}",
                    kind="tick",
                    label=field.name,
                    of=of,
                    scheme=field.scheme,
                    options=(code,),
                    required=field.required,
                )
        else:
            for number in range(1, ROWS + 1) if field.many else (0,):
                yield _question(field, f"{name}{SEPARATOR}{number}" if number else name, of, number)


def _question(field: FormField, name: str, of: tuple[tuple[str, int], ...], number: int) -> Question:
    kind: Any = field.kind
    options = _codes(field) if kind == "code" else _REFERENCES if kind == "reference" else ()
    return Question(
        name=name,
        kind=kind if kind in ("code", "date", "count", "reference", "language") else "text",
        label=field.name,
        of=of,
        scheme=field.scheme,
        options=tuple(options),
        required=field.required and number in (0, 1),
    )


def _codes(field: FormField) -> tuple[str, ...]:
    assert field.scheme is not None
    return tuple(vocabularies.scheme(field.scheme).concepts)


def read_reply(
    message_type: str, values: Mapping[str, str], *, language: str, narrative: bool = True
) -> Reply:
    """What the filled fields say. `language`: that of the form, for labels and for free text without one.

    Nothing in `values` that was not asked is used, whatever it is called.
    """
    asked = {one.name: one for one in questions(message_type, narrative=narrative)}
    report: list[Answer] = []
    understood: dict[str, str | int] = {}
    for name, question in asked.items():
        typed = _plain(values.get(name, ""), lines=question.kind == "text").strip()
        if not typed:
            if question.kind not in ("tick", "language"):
                report.append(Answer(name=name, outcome="empty"))
            continue
        value = _understood(question, typed, language)
        if value is None:
            report.append(Answer(name=name, outcome="not-understood"))
        else:
            understood[name] = value
            report.append(Answer(name=name, outcome="taken"))
    report += [
        Answer(name=_named(name), outcome="not-asked")
        for name in sorted(values)
        if name not in asked and name not in EXTRA
    ]
    form = messages.form(message_type)
    coded = _built(form.coded_fields, "", understood)
    texts = tuple(_texts(form.narrative_fields, understood, language)) if narrative else ()
    return Reply(
        type=message_type,
        coded=coded,
        narrative=texts,
        fields=(*report, *_lacking(message_type, coded, texts)),
    )


def _understood(question: Question, typed: str, language: str) -> str | int | None:
    match question.kind:
        case "tick":
            # A PDF says the code, a browser the name of the box. "Off" is a box that is not ticked.
            return question.options[0] if typed in ("Yes", "on", "yes", *question.options) else None
        case "code" | "reference":
            return typed if typed in question.options else _by_label(question, typed, language)
        case "date":
            day = _digits(typed)
            return day if _is_day(day) else None
        case "count":
            number = _digits(typed)
            return int(number) if number.isdecimal() and len(number) <= 4 and int(number) <= 1000 else None
        case "language":
            return typed if is_language_tag(typed) else None
        case "text":
            return typed if len(typed) <= MAX_NARRATIVE_LENGTH else None


def _is_day(text: str) -> bool:
    """One that was or will be: people write the 31st of any month."""
    try:
        return _DAY.fullmatch(text) is not None and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _by_label(question: Question, typed: str, language: str) -> str | None:
    """Some programs keep what they show in place of the code behind it. Only when it can mean one thing."""
    if question.scheme is None:
        return None
    scheme = question.scheme
    found = [code for code in question.options if vocabularies.label(scheme, code, language).text == typed]
    return found[0] if len(found) == 1 else None


def _plain(text: str, *, lines: bool) -> str:
    """Without characters that do not show, or that turn the reading direction over."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "\n\t" if lines else ""
    return "".join(
        one
        for one in text
        if one in kept
        or not (unicodedata.category(one) in ("Cc", "Cs", "Co") or one in "\u202a\u202b\u202c\u202d\u202e")
    )


def _digits(text: str) -> str:
    """Any writing's digits are numbers to whoever typed them."""
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)


def _named(name: str) -> str:
    """A field that we did not ask for has somebody else's name, which may say anything."""
    return name if re.fullmatch(r"[a-z0-9_:=/-]{1,80}", name) else "(another field)"


def _built(fields: Sequence[FormField], above: str, said: Mapping[str, str | int]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for field in fields:
        name = f"{above}{field.name}"
        value: Any
        if field.kind in _NOT_ON_PAPER:
            continue
        if field.kind == "group" and field.many:
            rows = (
                _built(field.fields, f"{name}{SEPARATOR}{number}{SEPARATOR}", said)
                for number in range(1, ROWS + 1)
            )
            value = [row for row in rows if row]
        elif field.kind == "group":
            value = _built(field.fields, f"{name}{SEPARATOR}", said)
        elif field.many and field.kind in _LISTS:
            ticked = [said[one] for code in _ticks(field) if (one := f"{name}={code}") in said]
            rows_of = (f"{name}{SEPARATOR}{number}" for number in range(1, ROWS + 1))
            value = ticked or [said[one] for one in rows_of if one in said]
        else:
            value = said.get(name)
        if value not in (None, [], {}):
            built[field.name] = value
    return built


def _ticks(field: FormField) -> tuple[str, ...]:
    return _codes(field) if field.kind == "code" else ()


def _texts(
    fields: Sequence[str], said: Mapping[str, str | int], language: str
) -> Iterator[Mapping[str, str]]:
    for field in fields:
        name = f"narrative{SEPARATOR}{field}"
        if name in said:
            spoken = said.get(f"{name}{SEPARATOR}language", language)
            yield {"field": field, "language": str(spoken), "text": str(said[name])}


def _lacking(
    message_type: str, coded: Mapping[str, Any], texts: Sequence[Mapping[str, str]]
) -> Iterator[Answer]:
    """What the message's own model still asks for, by its field."""
    form = messages.form(message_type)
    names = form.field_names
    off_paper = {field.name for field in form.coded_fields if field.kind in _NOT_ON_PAPER}
    try:
        form.model.model_validate(dict(coded))
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False, include_context=False)
    else:
        found = []
    for error in found:
        steps = [str(step) for step in error["loc"] if isinstance(step, int) or step in names]
        if error["loc"] == () and error["type"] in names:
            steps = [error["type"]]
        last = steps[-1] if steps else ""
        outcome: Outcome = "for-the-officer" if last in off_paper or last == "authority" else "missing"
        yield Answer(name=SEPARATOR.join(steps) or message_type, outcome=outcome)
    said = {one["field"] for one in texts}
    for field in form.required_narrative:
        if field not in said:
            yield Answer(name=f"narrative{SEPARATOR}{field}", outcome="missing")
