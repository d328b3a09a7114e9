"""What is read, as a piece of a page: the very HTML rendering that evidence can name by its digest.

Drafts and proposals, which are no messages yet, are drawn by the same printer, so that nobody approves other
words than the recipient will read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import Response
from markupsafe import Markup

from protocol import vocabularies
from protocol.agreement import ACCEPTANCE
from protocol.errors import FocalpointError, Missing, Refused
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, state_of
from protocol.languages import DEFAULT_LANGUAGE, Direction, direction
from protocol.refusals import cited_in, explain
from protocol.rendering import Rendering, message_words, printed
from service.api.answers import shown as file_of
from service.console.pages import HEADERS, Viewing, render
from service.errors import NotFound
from service.exchange.printing import directory_names
from service.exchange.views import (
    ApprovalView,
    MessageView,
    NarrativeView,
    RefusalView,
    Submission,
)

__all__ = [
    "Draft",
    "Shown",
    "Told",
    "answered",
    "as_file",
    "drawn_draft",
    "of_approval",
    "of_submission",
    "of_view",
    "office_name",
    "piece",
    "show",
    "told",
    "told_of",
]

_MAIN: Final = re.compile(r"<main>\n<h1>(?P<title>.*?)</h1>\n(?P<body>.*)</main>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A rendering without its frame. `digest`: of the whole rendering, as evidence names it."""

    title: Markup
    body: Markup
    language: str
    direction: Direction
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldMissing:
    title: str
    supplier: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A refusal in the reader's words."""

    code: str
    title: str
    remedy: str
    missing: tuple[ToldMissing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is no message yet, as a rendering takes it (`protocol.rendering.Readable`)."""

    id: MessageId
    type: str
    case: CaseReference
    thread: ThreadId
    in_reply_to: MessageId | None
    sender: Address
    recipient: Address
    issued_at: datetime
    urgency: str
    declares_no_danger: bool
    coded: Mapping[str, Any]
    narrative: tuple[NarrativeView, ...]
    identity: Mapping[str, Any] | None
    parts: Mapping[str, str]
    vocabulary: str = vocabularies.RELEASE
    via: Address | None = None


def piece(rendering: Rendering) -> Shown:
    """An HTML rendering, for a page to hold. Its printer has escaped every text in it."""
    found = _MAIN.search(rendering.content.decode())
    assert found is not None
    return Shown(
        title=Markup(found["title"]),  # noqa: S704
        body=Markup(found["body"]),  # noqa: S704
        language=rendering.language,
        direction=direction(rendering.language),
        digest=rendering.digest,
    )


def as_file(rendering: Rendering, name: str) -> Response:
    """A whole rendering, under its own policy, which allows the style that it carries and nothing else."""
    response = file_of(rendering, name)
    for header, value in HEADERS.items():
        response.headers.setdefault(header, value)
    return response


def drawn_draft(see: Viewing, draft: Draft, language: str) -> Shown:
    words = message_words(draft, language=language, names=directory_names(see.node))
    return piece(printed(words, "html"))


async def answered(see: Viewing, draft: Draft, language: str) -> Shown | None:
    """The version of an agreement that an acceptance signs: it names nothing but a digest itself."""
    if draft.type != ACCEPTANCE or draft.in_reply_to is None:
        return None
    try:
        return piece(
            await see.exchange.render_message(see.node, see.actor, draft.in_reply_to, language, "html")
        )
    except NotFound:
        return None


def of_submission(submission: Submission, now: datetime) -> Draft:
    """With its identity part: whoever wrote it sees all that will be signed."""
    return Draft(
        id=submission.id,
        type=submission.type,
        case=submission.case,
        thread=submission.thread or ThreadId(submission.id),
        in_reply_to=submission.in_reply_to,
        sender=submission.sender,
        recipient=submission.recipient,
        issued_at=now,
        urgency=submission.urgency,
        declares_no_danger=submission.declares_no_danger,
        coded=submission.coded,
        narrative=submission.narrative,
        identity=submission.identity,
        parts={},
    )


def of_approval(approval: ApprovalView) -> Draft | None:
    """What waits for a second person; without its identity part, and said to be."""
    waiting = approval.message
    if waiting is None or approval.case is None:
        return None
    return Draft(
        id=MessageId(approval.subject),
        type=waiting.type,
        case=approval.case,
        thread=waiting.thread or ThreadId(MessageId(approval.subject)),
        in_reply_to=waiting.in_reply_to,
        sender=waiting.sender,
        recipient=waiting.recipient,
        issued_at=approval.proposed_at,
        urgency=waiting.urgency,
        declares_no_danger=waiting.content.declares_no_danger,
        coded=waiting.content.coded,
        narrative=waiting.content.narrative,
        identity=None,
        parts={} if waiting.content.identity_state == "none" else {"identity": ""},
    )


def of_view(view: MessageView) -> Draft:
    """A message with all that its view holds, such as an identity part that was released."""
    assert view.content is not None
    return Draft(
        id=view.id,
        type=view.type,
        case=view.case,
        thread=view.thread,
        in_reply_to=view.in_reply_to,
        sender=view.sender,
        recipient=view.recipient,
        issued_at=view.issued_at,
        urgency=view.urgency,
        declares_no_danger=view.content.declares_no_danger,
        coded=view.content.coded,
        narrative=view.content.narrative,
        identity=view.content.identity,
        parts={},
        vocabulary=view.vocabulary,
        via=None if view.via is None else view.via.by,
    )


def told(see: Viewing, refusal: RefusalView) -> Told:
    said = explain(refusal.code, see.language, refusal.facts)
    return Told(
        code=refusal.code,
        title=said.title,
        remedy=said.remedy,
        missing=tuple(_missing(see, one) for one in refusal.missing),
    )


def told_of(see: Viewing, error: FocalpointError) -> Told:
    """What an error says, without leaving the page on which somebody has typed."""
    code, facts = getattr(error, "code", "unknown"), getattr(error, "facts", {})
    return told(see, RefusalView(code=code, facts=facts, missing=getattr(error, "missing", ())))


def _missing(see: Viewing, one: Missing) -> ToldMissing:
    return ToldMissing(
        title=explain(one.code, see.language).title,
        supplier=see.words.label("supplier", one.supplier),
        source=cited_in(one.source, see.language),
    )


def office_name(see: Viewing, address: Address) -> tuple[str, str] | None:
    """An authority's name in the reader's language, otherwise as its State wrote it, and in which language
    that is. None where the directory has no such entry."""
    try:
        names = see.node.directory.known().authority(address).names
    except Refused:
        return None
    language = next((one for one in (see.language, DEFAULT_LANGUAGE, *names) if one in names), None)
    return None if language is None else (names[language], language)


def show(see: Viewing, template: str, status: int = 200, **values: Any) -> Response:
    """A page of the officer's. Beside what every page knows:

    office(address)   an authority's name, its State, and its address
    refused(refusal)  a refusal in words
    refusal_title(code)  the same, by its code alone, in a line
    event(name)       what a timeline calls an event of a case
    """

    def office(address: Address) -> Markup:
        code = Markup('<bdi dir="ltr" class="code">{}</bdi>').format(address)
        named = office_name(see, address)
        if named is None:
            return code
        name, language = named
        where = see.words.state(state_of(address))
        return Markup('<bdi lang="{}">{}</bdi> <span class="note">{} · {}</span>').format(
            language, name, where, code
        )

    return render(
        see,
        template,
        status,
        office=office,
        refused=lambda refusal: told(see, refusal),
        refusal_title=lambda code: explain(code, see.language).title,
        event=see.words.rendered.say,
        **values,
    )
