"""From a message's content to words: what it says, to whom, in the reader's language.

Nothing here knows a form: the fields, their order and their kinds come from `protocol.messages`, their labels
from the vocabularies.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.intermediary import ATTEST, Attested
from protocol.languages import direction, language_name, same_language
from protocol.messages import FORMS, FormField
from protocol.rendering.labels import Labels
from protocol.rendering.words import Block, Document, Fact, Group, Narrative, Remark, Section, Value

__all__ = ["Readable", "closing", "field_blocks", "how_sure", "message_document"]

# An authority worded its own labels, or a standard did: nothing to warn of.
_REVIEWED_ORIGINS = frozenset({"official", "unterm-aligned", "cldr", "project-wording"})


class ReadableBlock(Protocol):
    """One block of free text with its BCP 47 language."""

    @property
    def field(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def text(self) -> str: ...


class Readable(Protocol):
    """What a rendering needs of a content: `protocol.content.Content`, or anything with its attributes."""

    @property
    def id(self) -> MessageId: ...
    @property
    def type(self) -> str: ...
    @property
    def case(self) -> CaseReference: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def via(self) -> Address | None: ...
    @property
    def issued_at(self) -> datetime.datetime: ...
    @property
    def urgency(self) -> str: ...
    @property
    def declares_no_danger(self) -> bool: ...
    @property
    def vocabulary(self) -> str: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def narrative(self) -> Iterable[ReadableBlock]: ...
    @property
    def identity(self) -> Mapping[str, Any] | None: ...
    @property
    def parts(self) -> Mapping[str, str]: ...


def message_document(content: Readable, labels: Labels, attested: Attested | None = None) -> Document:
    """The words of a message. A part that the statement binds and `content` lacks is said not to be shown.

    `attested`: what its intermediary said of the paper that it typed this from."""
    say = labels.sentences.say
    form = FORMS.get(content.type)
    sections = [
        Section(heading=None, blocks=tuple(_header(content, labels, attested))),
        Section(
            heading=labels.text("message-part", "coded"),
            blocks=tuple(field_blocks(content.coded, form.coded_fields if form else (), labels)),
        ),
        Section(heading=labels.text("message-part", "narrative"), blocks=tuple(_narrative(content, labels))),
    ]
    if content.identity is not None:
        identity = tuple(field_blocks(content.identity, form.identity_fields if form else (), labels))
        sections.append(Section(heading=labels.text("message-part", "identity"), blocks=identity))
    elif "identity" in content.parts:
        sections.append(Section(heading=None, blocks=(Remark(text=say("identity-sealed")),)))
    sections.append(Section(heading=None, blocks=tuple(closing(labels))))
    return Document(
        title=labels.text("message-type", content.type),
        language=labels.sentences.language,
        direction=labels.sentences.direction,
        sections=tuple(section for section in sections if section.blocks),
        reference=f"{content.case} · {content.id}",
        as_of=content.issued_at,
    )


def closing(labels: Labels) -> Iterator[Remark]:
    """What stands under every rendering: what the software vouches for, and what its labels are."""
    yield Remark(text=labels.sentences.say("people-judge"), standing=True)
    if labels.origins - _REVIEWED_ORIGINS:
        yield Remark(text=labels.sentences.say("unreviewed"))


def _header(content: Readable, labels: Labels, attested: Attested | None) -> Iterator[Fact]:
    say = labels.sentences.say

    def fact(name: str, value: Value) -> Fact:
        return Fact(label=say(f"header-{name}"), values=(value,))

    yield fact("case", _identifier(content.case))
    yield fact("sender", labels.authority(content.sender))
    if content.via is not None:
        yield fact("via", _typed_by(content.via, content, labels, attested))
    yield fact("recipient", labels.authority(content.recipient))
    yield fact("signed", Value(text=labels.sentences.moment(content.issued_at)))
    yield fact("urgency", labels.code("urgency", content.urgency))
    declaration = "no-danger-to-life-or-liberty" if content.declares_no_danger else "not-declared"
    yield fact("safety", labels.code("safety-declaration", declaration))
    yield fact("id", _identifier(content.id))
    if str(content.thread) != str(content.id):
        yield fact("thread", _identifier(content.thread))
    if content.in_reply_to is not None:
        yield fact("reply", _identifier(content.in_reply_to))
    yield fact("vocabulary", _identifier(content.vocabulary))


def _typed_by(via: Address, content: Readable, labels: Labels, attested: Attested | None) -> Value:
    say = labels.sentences.say
    text = say(
        "via-on-behalf",
        via=labels.name(via) or via,
        sender=labels.name(content.sender) or content.sender,
    )
    own = content.type == ATTEST
    return Value(text=text, notes=(say("via-attestation") if own else how_sure(attested, labels),))


def how_sure(attested: Attested | None, labels: Labels, *, counted: bool = True) -> str:
    """What an intermediary said of where it had a message from, or that it has not said so. Every attestation
    of it, the one that counts first."""
    say = labels.sentences.say
    if attested is None:
        return say("via-not-attested")
    day = "…" if attested.received_on is None else labels.sentences.day(attested.received_on)
    first = say(
        "via-attested" if counted else "via-attested-again",
        form=labels.code("original-form", attested.original_form).text,
        strength=labels.code("authentication-strength", attested.authentication).text,
        date=day,
    )
    return " ".join((first, *(how_sure(one, labels, counted=False) for one in attested.besides)))


def field_blocks(values: Mapping[str, Any], fields: tuple[FormField, ...], labels: Labels) -> Iterator[Block]:
    """Each field that has a value, in the form's order; then what this release has no field for."""
    for field in fields:
        if (value := values.get(field.name)) not in (None, [], ()):
            yield from _field(field, value, labels)
    known = {field.name for field in fields}
    for name, value in values.items():
        if name not in known:
            yield Fact(label=labels.text("field", name), values=(_identifier(str(value)),))


def _field(field: FormField, value: Any, labels: Labels) -> Iterator[Block]:
    named = labels.code("field", field.name)
    label = named.text
    items = tuple(value) if field.many else (value,)
    if field.kind != "group":
        first, *others = (_value(field, item, labels) for item in items)
        yield Fact(label=label, values=(replace(first, notes=(*first.notes, *named.notes)), *others))
        return
    for number, item in enumerate(items, start=1):
        heading = label
        if len(items) > 1:
            heading = labels.sentences.say("numbered", label=label, number=labels.sentences.number(number))
        yield Group(label=heading, blocks=tuple(field_blocks(item, field.fields, labels)))


def _value(field: FormField, value: Any, labels: Labels) -> Value:
    match field.kind:
        case "code":
            # `scheme` is set for this kind.
            return labels.code(field.scheme or "", str(value))
        case "date":
            return Value(text=labels.sentences.day(datetime.date.fromisoformat(str(value))))
        case "count":
            return Value(text=labels.sentences.number(int(value)))
        case "address":
            return labels.authority(Address(str(value)))
        case "language":
            return Value(text=language_name(str(value), reader=labels.sentences.language))
        case "text":
            return Value(text=str(value), direction="auto")
        case "reference":
            return labels.party(str(value))
        case "message-id" | "case-reference" | "digest" | "signature" | "group":
            return _identifier(str(value))


def _narrative(content: Readable, labels: Labels) -> Iterator[Block]:
    blocks = tuple(content.narrative)
    if not blocks and "narrative" in content.parts:
        yield Remark(text=labels.sentences.say("narrative-absent"))
    for block in blocks:
        mark = None
        if not same_language(block.language, labels.sentences.language):
            name = language_name(block.language, reader=labels.sentences.language)
            mark = labels.sentences.say("untranslated", language=name)
        yield Narrative(
            label=labels.text("field", block.field),
            mark=mark,
            language=block.language,
            direction=direction(block.language),
            text=block.text,
        )


def _identifier(text: str) -> Value:
    return Value(text=text, direction="ltr")
