"""Messages and timelines in the reader's language, as text, HTML or PDF. Never with an identity part."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Final

from sqlmodel import Session

from protocol import languages
from protocol.errors import Refused
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode
from protocol.intermediary import Attested
from protocol.rendering import (
    Format,
    Names,
    Rendering,
    TimelineEvent,
    message_words,
    printed,
    timeline_words,
)
from protocol.rendering.words import Document
from service.access.actor import Actor
from service.exchange.cases import case_timeline
from service.exchange.clocks import DIFFERS
from service.exchange.reading import journal_reading, own_message, readable_without_identity
from service.exchange.relayed import attested
from service.exchange.views import TimelineEntry, TimelineView, ViaView
from service.node import Node

__all__ = ["directory_names", "print_words", "render_message", "render_timeline", "words_of_timeline"]

# Setting a page is pure work for a processor. One thread for all of it: however many PDFs are asked for, the
# rest of the node keeps the other processors.
_PRINTER: Final = ThreadPoolExecutor(1, thread_name_prefix="printer")
_RETENTION_EVENTS = {
    "blocked": "parts-blocked",
    "unblocked": "parts-unblocked",
    "held": "hold-set",
    "hold-lifted": "hold-lifted",
    "identity-erased": "identity-erased",
    "narrative-erased": "narrative-erased",
}
_CASE_EVENTS: Final[Mapping[str, str]] = {
    "case-opened": "case-opened",
    "identity-released": "identity-shown",
    "overdue": "deadline-passed",
}
"""Kind of an entry of a timeline: what the rendering calls it."""


async def render_message(
    node: Node, actor: Actor, message: MessageId, language: str, form: Format
) -> Rendering:
    """The message in `language`, or the nearest there is. Refuses `rendering.too_large`, for a PDF alone, and
    as `read_message`."""
    names = directory_names(node)

    def work(session: Session) -> tuple[Document, str | None]:
        row = own_message(session, actor, message)
        content = readable_without_identity(node, session, actor, row)
        sure = None if content.via is None else attested(session.connection(), row, content.via)
        words = message_words(
            content, language=languages.nearest_language(language), names=names, attested=sure
        )
        return words, row.sender_node if content.narrative else None

    words, told_by = await node.store.read(work)
    if told_by is not None:
        await journal_reading(node, actor, told_by, message)
    return await print_words(words, form)


async def render_timeline(
    node: Node, actor: Actor, reference: CaseReference, language: str, form: Format
) -> Rendering:
    """The case's timeline as it is now. Refuses `rendering.too_large`, for a PDF alone."""
    timeline = await case_timeline(node, actor, reference)
    return await print_words(words_of_timeline(node, timeline, language), form)


def words_of_timeline(node: Node, timeline: TimelineView, language: str) -> Document:
    """With the names that the directory has now, and what is owed now."""
    return timeline_words(
        _events(timeline),
        language=languages.nearest_language(language),
        case=timeline.case.reference,
        now=node.clock.now(),
        names=directory_names(node),
    )


async def print_words(words: Document, form: Format) -> Rendering:
    """In the one thread that all printing shares. Refuses `rendering.too_large`, for a PDF alone."""
    return await asyncio.get_running_loop().run_in_executor(_PRINTER, printed, words, form)


def directory_names(node: Node) -> Names:
    """Authorities by their names in the directory as it is now."""
    directory = node.directory.known()

    def name(address: Address, language: str) -> str | None:
        try:
            return directory.authority(address).names.get(language)
        except Refused:
            return None

    return name


def _events(timeline: TimelineView) -> Iterator[TimelineEvent]:
    owed = {thread.id: thread.due.at for thread in timeline.threads if thread.due is not None}
    for entry in timeline.entries:
        match entry.kind:
            case "message":
                # Its thread owes something else by now, or nothing.
                answered = entry.due is not None and (
                    entry.thread is None or owed.get(entry.thread) != entry.due.at
                )
                yield _message(entry, answered)
            case "evidence" if entry.evidence == DIFFERS:
                continue  # as its finding is, below
            case "evidence":
                yield TimelineEvent(
                    at=entry.at,
                    kind="evidence",
                    code=entry.evidence or "",
                    by=None if entry.issuer is None else _party(entry.issuer),
                    refusal=entry.code,
                )
            case "protection":
                # Left out: what is printed is handed on, and that this status changed, or when, must never
                # reach the State of origin (safeguard 11). The case itself shows it here.
                continue
            case "guardian":
                # Left out too: nothing of it leaves this node.
                continue
            case "clock-differs":
                # Between two nodes, and not an event of the case: the case itself shows it here.
                continue
            case "retention":
                yield _event(entry.at, _RETENTION_EVENTS[entry.state or ""])
            case kind:
                yield _event(entry.at, _CASE_EVENTS[kind])


def _event(at: datetime, code: str) -> TimelineEvent:
    return TimelineEvent(at=at, kind="case", code=code)


def _message(entry: TimelineEntry, answered: bool) -> TimelineEvent:
    return TimelineEvent(
        at=entry.at,
        kind="message",
        code=entry.type or "",
        by=entry.sender,
        to=entry.recipient,
        due_at=None if entry.due is None else entry.due.at,
        due_basis=None if entry.due is None else entry.due.basis,
        answered=answered,
        via=None if entry.via is None else entry.via.by,
        attested=None if entry.via is None else _attested(entry.via),
        consents_to=None if entry.via is None else entry.via.agreement,
    )


def _attested(via: ViaView) -> Attested | None:
    if via.attestation is None:
        return None
    return Attested(
        original_form=via.original_form or "",
        authentication=via.authentication or "",
        received_on=None if via.received_on is None else date.fromisoformat(via.received_on),
        original_digest=via.original_digest or "",
        attestation=via.attestation,
        besides=tuple(
            Attested(
                original_form=one.original_form,
                authentication=one.authentication,
                received_on=None if one.received_on is None else date.fromisoformat(one.received_on),
                original_digest=one.original_digest,
                attestation=one.attestation,
            )
            for one in via.besides
        ),
    )


def _party(issuer: str) -> Address | NodeCode:
    return Address(issuer) if "." in issuer else NodeCode(issuer)
