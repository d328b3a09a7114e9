"""From what a browser posted to the content of a message, or to errors beside the inputs.

What is wrong is said by the message's own model (`protocol.messages`): this module finds the input that an
error belongs to and the sentence for it. No sentence repeats what was typed; the page shows that in its
place.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocol import messages
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import case_reference
from protocol.limits import Limits
from protocol.messages import MAX_NARRATIVE_BLOCKS, MAX_NARRATIVE_LENGTH, Form
from protocol.messages.form import is_language_tag
from protocol.refusals import explain
from protocol.vocabularies import RELEASE
from service.console.forms.entering import Entered, Group, Pairs, TooMuch, blank, enter, is_blank, settled
from service.console.forms.language_names import tag_of
from service.console.forms.shape import FormShape, Shape, shape_of
from service.console.words import Words, words
from service.exchange.views import NarrativeView

__all__ = ["FORM_PATH", "FieldError", "Filled", "Parsed", "parse", "rule_key"]

FORM_PATH: Final = "form"
"""Where an error stands that belongs to no input."""

_STAND_IN: Final = f"A..{'A' * 86}"
"""Has the shape of a signature. The node signs; until then the rest of the form is checked with it."""

_FRAME_BYTES: Final = 256
"""More than the salt and the frame of a part take up beside what was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """`path`: of the input, list, group or part; `FORM_PATH` for the form as a whole."""

    path: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The content of a submission. `coded` and `identity` are JSON, as the API takes them."""

    coded: dict[str, Any]
    narrative: tuple[NarrativeView, ...] = ()
    identity: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`content` is there exactly when there are no `errors`. `entered` is what to show again: what was typed,
    without the rows that nobody typed into."""

    content: Filled | None
    errors: tuple[FieldError, ...]
    entered: Entered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What `messages.validate` reads of a content."""

    type: str
    form: int
    vocabulary: str
    coded: Mapping[str, Any]
    narrative: tuple[NarrativeView, ...]
    identity: Mapping[str, Any] | None


def parse(form: Form, posted: Pairs, language: str) -> Parsed:
    """What `posted` says. Whatever it holds, it is read or reported, and nothing is raised.

    A field that was left empty is left out of the content: nothing stands for `unknown` but `unknown`.
    """
    said = words(language)
    try:
        entered = settled(form, enter(form, posted))
    except TooMuch:
        too_much = FieldError(path=FORM_PATH, sentence=said.say("forms-error-too-much"))
        return Parsed(content=None, errors=(too_much,), entered=blank(form))
    shape = shape_of(form)
    content = Filled(
        coded=_built(shape.coded, entered.coded, said.language),
        narrative=tuple(_blocks(entered, said.language)),
        identity=_identity(shape, entered, said.language),
    )
    errors = tuple(_errors(form, shape, entered, content, said)) or tuple(_last(form, content, said))
    return Parsed(content=None if errors else content, errors=errors, entered=entered)


def rule_key(message: str) -> str:
    """The sentence of forms.ftl for what a model says in English."""
    return "forms-rule-" + "-".join(re.findall("[a-z0-9]+", message.lower()))


# -- building the content


def _identity(shape: FormShape, entered: Entered, language: str) -> dict[str, Any] | None:
    if shape.identity is None or (not shape.identity_required and is_blank(entered.identity)):
        return None
    return _built(shape.identity, entered.identity or {}, language)


def _built(shapes: tuple[Shape, ...], group: Group, language: str) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for one in shapes:
        entry = group.get(one.name)
        if one.kind == "group" and one.many:
            if entry or one.required:
                built[one.name] = [_built(one.fields, row, language) for row in entry or ()]
        elif one.kind == "group":
            if entry is not None:
                built[one.name] = _built(one.fields, entry, language)
        elif one.many:
            if entry or one.required:
                built[one.name] = [_value(one, item, language) for item in entry or ()]
        elif entry and entry.strip():
            built[one.name] = _value(one, entry, language)
    return built


def _value(shape: Shape, text: str, language: str) -> str | int:
    match shape.kind:
        case "text":
            return text
        case "count":
            # Any script's digits are a number to whoever typed them.
            typed = text.strip()
            return int(typed) if typed.isdecimal() and len(typed) <= 10 else typed
        case "language":
            return tag_of(text, language)
        case "case-reference":
            try:
                return case_reference(text)
            except Refused:
                return text.strip()
        case _:
            return text.strip()


def _blocks(entered: Entered, language: str) -> Iterator[NarrativeView]:
    for name, rows in entered.narrative.items():
        for row in rows:
            if row["text"].strip():
                tag = tag_of(row["language"], language)
                yield NarrativeView(field=name, language=tag, text=row["text"])


# -- what is wrong


def _errors(
    form: Form, shape: FormShape, entered: Entered, content: Filled, said: Words
) -> Iterator[FieldError]:
    if entered.strays:
        yield FieldError(path=FORM_PATH, sentence=said.say("forms-error-strays"))
    yield from _part_errors("coded", form.model, shape.coded, content.coded, said)
    yield from _narrative_errors(shape, entered, said)
    if content.identity is not None and form.identity_model is not None and shape.identity is not None:
        yield from _part_errors("identity", form.identity_model, shape.identity, content.identity, said)
    limits = Limits()
    narrative = [dataclasses.asdict(block) for block in content.narrative]
    for part, value in (("coded", content.coded), ("narrative", narrative), ("identity", content.identity)):
        most = limits.coded if part == "coded" else limits.part(part) - _FRAME_BYTES
        if value is not None and len(_json(value)) > most:
            yield FieldError(path=part, sentence=said.say("forms-error-part-too-large"))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _part_errors(
    part: str, model: type[BaseModel], shapes: tuple[Shape, ...], submitted: dict[str, Any], said: Words
) -> Iterator[FieldError]:
    unsigned = {one.name: _STAND_IN for one in shapes if one.kind == "signature"}
    try:
        model.model_validate({**unsigned, **submitted})
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_input=False)
    else:
        return
    sentences: dict[str, str] = {}
    for error in found:
        path, shape = _where(part, shapes, error)
        # One input has one sentence, and the first says enough.
        sentences.setdefault(path, _sentence(error, shape, said))
    for path, sentence in sentences.items():
        # A list whose entries are wrong also says that it has too few: once they are right, it has not.
        counted = sentence == said.say("forms-error-too-few")
        if not (counted and any(one.startswith(f"{path}.") for one in sentences)):
            yield FieldError(path=path, sentence=sentence)


def _where(part: str, shapes: tuple[Shape, ...], error: ErrorDetails) -> tuple[str, Shape | None]:
    """The input of an error. A rule about a whole group is an error of the field that its type names."""
    path, shape, here = part, None, shapes
    for step in error["loc"]:
        if isinstance(step, int):
            path += f".{step}"
            continue
        shape = next((one for one in here if one.name == step), None)
        if shape is None:
            break
        path, here = f"{path}.{step}", shape.fields
    named = next((one for one in here if one.name == error["type"]), None)
    return (path, shape) if named is None else (f"{path}.{named.name}", named)


def _sentence(error: ErrorDetails, shape: Shape | None, said: Words) -> str:
    rule = rule_key(error["msg"])
    if said.knows(rule):
        return said.say(rule)
    kind = shape.kind if shape is not None else "group"
    context = error.get("ctx", {})
    match error["type"]:
        case "missing" if kind == "code":
            return said.say("forms-error-missing-code")
        case "missing" if kind == "date":
            return said.say("forms-error-missing-date")
        case "missing" | "string_too_short":
            return said.say("forms-error-missing")
        case "too_short":
            return said.say("forms-error-too-few")
        case "too_long":
            return said.say("forms-error-too-many", most=said.number(context.get("max_length", 0)))
        case "string_too_long":
            return said.say("forms-error-too-long", most=said.number(context.get("max_length", 0)))
        case "string_pattern_mismatch" if said.knows(f"forms-error-{kind}"):
            return said.say(f"forms-error-{kind}")
        case "string_unicode":
            return said.say("forms-error-characters")
        case _ if kind == "count" and shape is not None:
            return said.say(
                "forms-number", least=said.number(shape.smallest), most=said.number(shape.largest)
            )
        case _:
            return said.say("forms-error-other")


def _narrative_errors(shape: FormShape, entered: Entered, said: Words) -> Iterator[FieldError]:
    blocks = 0
    for name, rows in entered.narrative.items():
        path = f"narrative.{name}"
        given = [(number, row) for number, row in enumerate(rows) if row["text"].strip()]
        blocks += len(given)
        if not given and name in shape.required_narrative:
            yield FieldError(path=f"{path}.0.text", sentence=said.say("forms-error-missing"))
        for number, row in given:
            here = f"{path}.{number}"
            if len(row["text"]) > MAX_NARRATIVE_LENGTH:
                most = said.number(MAX_NARRATIVE_LENGTH)
                yield FieldError(path=f"{here}.text", sentence=said.say("forms-error-too-long", most=most))
            elif not _sendable(row["text"]):
                yield FieldError(path=f"{here}.text", sentence=said.say("forms-error-characters"))
            if not row["language"].strip():
                yield FieldError(path=f"{here}.language", sentence=said.say("forms-error-text-language"))
            elif not is_language_tag(tag_of(row["language"], said.language)):
                sentence = said.say(rule_key("expected a BCP 47 tag"))
                yield FieldError(path=f"{here}.language", sentence=sentence)
    if blocks > MAX_NARRATIVE_BLOCKS:
        sentence = said.say("forms-error-too-many", most=said.number(MAX_NARRATIVE_BLOCKS))
        yield FieldError(path="narrative", sentence=sentence)


def _sendable(text: str) -> bool:
    """Half of a character cannot be written as UTF-8, and NUL ends a text for some of those who read it."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _last(form: Form, content: Filled, said: Words) -> Iterator[FieldError]:
    """What the protocol itself says to the whole: a guard, should this module and it ever disagree."""
    unsigned = {one.name: _STAND_IN for one in form.coded_fields if one.kind == "signature"}
    draft = _Draft(
        type=form.type,
        form=form.version,
        vocabulary=RELEASE,
        coded={**unsigned, **content.coded},
        narrative=content.narrative,
        identity=content.identity,
    )
    try:
        messages.validate(draft)
    except NotAcceptable as refused:
        sentence = explain(refused.code, said.language, refused.facts).title
        yield FieldError(path=FORM_PATH, sentence=sentence)
