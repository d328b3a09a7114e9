"""Consents on paper that count: which may be confirmed now, and which that were confirmed still stand.

A consent is confirmed while its version is open and its State's mandate for the intermediary is in force: who
cannot be asked any more cannot take back what was read out of its paper, and a child who was handed over on
it is not fetched back. Waiting for a renewed mandate can be made good (project choice).

What was confirmed stands after the mandate has ended. It stands no more when the State says that there was
no mandate when the paper was attested: then nobody attested anything. A bundle comes to the same.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row
from sqlmodel import Session

from protocol import conversations
from protocol.agreement import VERSIONS, agreement_digest
from protocol.content import Content, read_content
from protocol.conversations import Thread
from protocol.conversations.clock import with_clock
from protocol.conversations.durable_solution import open_version, paper_consents
from protocol.conversations.table import PAPER_CONSENT
from protocol.directory import Directory
from protocol.directory.mandates import require_mandate, was_mandated
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import CaseReference, MessageId, NodeCode, ThreadId, state_of
from protocol.intermediary import ATTEST, CONSENT_FORMS, IDENTIFIED
from service.access import journal
from service.errors import Conflict, NodeError
from service.exchange.message_row import stored_statement
from service.store import attachments, mailbox

__all__ = [
    "SCAN_OPENED",
    "confirmed",
    "refusal_of",
    "require_confirmable",
    "require_mandated",
    "require_opened",
    "thread_of",
    "was_covered",
]

SCAN_OPENED: Final = "scan-opened"
"""In the journal: somebody opened the scan of a paper that an intermediary attests."""


def require_confirmable(session: Session, row: Row[Any], directory: Directory, now: datetime) -> str:
    """The digest of the version that the paper accepts, when two people may confirm it now.

    NotAcceptable `paper.not_a_consent`, and as `require_mandated`; Conflict `paper.not_open` once the version
    is refused, withdrawn or replaced, and `paper.scan_missing`.
    """
    content = read_content(stored_statement(row), None, None) if row.type == ATTEST else None
    if (
        content is None
        or row.direction != "in"
        or content.via is None
        or content.coded.get("agreement") is None
        or content.coded.get("original_form") not in CONSENT_FORMS
        or content.coded.get("authentication") not in IDENTIFIED
    ):
        raise NotAcceptable("paper.not_a_consent", "no consent on paper from somebody identified")
    agreement = str(content.coded["agreement"])
    version = _version(session.connection(), content)
    states = {state_of(version.sender), state_of(version.recipient)} if version else set()
    if version is None or agreement_digest(version) != agreement or state_of(content.sender) not in states:
        raise NotAcceptable(
            "paper.not_a_consent", "it does not name the version that it replies to", field="/coded/agreement"
        )
    thread = thread_of(session.connection(), content.thread, directory)
    on_the_table = None if thread is None else open_version(thread)
    if on_the_table is None or on_the_table.id != version.id:
        raise Conflict("paper.not_open", "the version was refused, withdrawn or replaced")
    require_mandated(content, directory, now)
    _require_scan(session.connection(), row, content)
    return agreement


def require_opened(session: Session, row: Row[Any], person: str | None) -> None:
    """Conflict `paper.scan_not_opened` unless this person has opened the scan of this attestation."""
    if person is None or not journal.has_done(session, person, SCAN_OPENED, row.id):
        raise Conflict("paper.scan_not_opened", "whoever confirms a paper has opened its scan first")


def refusal_of(
    session: Session, row: Row[Any], directory: Directory, now: datetime, person: str
) -> str | None:
    """The code with which this person's confirmation would be refused now; None where it would not."""
    try:
        require_confirmable(session, row, directory, now)
        require_opened(session, row, person)
    except (Refused, NodeError) as refused:
        return refused.code
    return None


def require_mandated(content: Content, directory: Directory, now: datetime) -> None:
    """Refuses `mandate.not_covered` when no mandate covered it when it was signed, and as `require_mandate`
    when none does at `now`."""
    if not was_covered(content, directory):
        raise NotAcceptable("mandate.not_covered", "no mandate covered this when it was signed")
    require_mandate(directory, **_asked(content), at=now)


def was_covered(content: Content, directory: Directory) -> bool:
    """A mandate covered the attestation when it was signed, by all that the directory says today."""
    return was_mandated(directory, **_asked(content), at=content.issued_at)


def thread_of(connection: Connection, thread: ThreadId, directory: Directory | None) -> Thread | None:
    """The conversation as it stands by what the States say of their mandates today: without the consents that
    no mandate covered. Computed, so that nothing is shown that a bundle of the same moment would deny.
    `directory`: None while there is none yet."""
    found = mailbox.load_thread(connection, thread)
    if found is None or directory is None or not any(found.said(PAPER_CONSENT)):
        return found
    void = frozenset(
        content.id for content in _attestations(connection, found) if not was_covered(content, directory)
    )
    if not void:
        return found
    kept = tuple(one for one in found.entries if one.type != PAPER_CONSENT or one.id not in void)
    table = conversations.table_for(found.procedure)
    left = dataclasses.replace(found, entries=kept)
    return with_clock(dataclasses.replace(left, state=table.read(left)), table)


def confirmed(connection: Connection, case: CaseReference, directory: Directory | None) -> frozenset[str]:
    """Digests of the attestations of this case whose consent two people have confirmed, and which count."""
    digests = mailbox.confirmed_attestations(connection, case)
    if not digests:
        return digests
    found = set()
    for thread_id in {ThreadId(MessageId(one.thread)) for one in mailbox.messages_of_case(connection, case)}:
        thread = thread_of(connection, thread_id, directory)
        if thread is None:
            continue
        counted = {one.id for one in paper_consents(thread)}
        found |= {
            row.statement_digest
            for row in mailbox.messages_of_thread(connection, thread_id)
            if row.id in counted and row.type == ATTEST
        }
    return digests & found


def _attestations(connection: Connection, thread: Thread) -> list[Content]:
    said = {one.id for one in thread.said(PAPER_CONSENT)}
    rows = mailbox.messages_of_thread(connection, ThreadId(thread.id))
    return [
        read_content(stored_statement(row), None, None)
        for row in rows
        if row.type == ATTEST and row.id in said
    ]


def _asked(content: Content) -> dict[str, Any]:
    assert content.via is not None, "only an intermediary's attestation brings a consent"
    return {
        "state": state_of(content.sender),
        "intermediary": content.via,
        "procedure": "durable-solution",
        "towards": state_of(content.recipient),
    }


def _version(connection: Connection, content: Content) -> Content | None:
    for row in mailbox.messages_of_thread(connection, content.thread):
        if row.id == content.in_reply_to and row.type in VERSIONS and row.status != "refused":
            return read_content(stored_statement(row), None, None)
    return None


def _require_scan(connection: Connection, row: Row[Any], content: Content) -> None:
    here = [
        one
        for one in attachments.of_message(connection, NodeCode(row.sender_node), MessageId(row.id))
        if one.state == "complete"
    ]
    if not content.attachments or len(here) < len(content.attachments):
        raise Conflict("paper.scan_missing", "nobody confirms a paper whose scan is not here")
