"""Evidence that came back, its signatures verified when it was opened: stored, and applied to what it is
about.

Node evidence settles delivery and moves nothing else. Only retrieval, which the recipient authority signs,
is an act of the conversation. Evidence about a message that we did not send, or by somebody who was no side
of it, is left out and logged: it proves nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row
from sqlmodel import Session

from protocol import conversations, evidence
from protocol.content import Content, read_content
from protocol.conversations import Thread
from protocol.conversations.machine import Said
from protocol.deadlines import CorridorProfile
from protocol.directory import AuthorityEntry, Directory
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties
from protocol.identifiers import Address, MessageId, NodeCode, ThreadId
from protocol.intermediary import ATTEST
from protocol.statements import Statement
from service.exchange import case_files, clocks, proof
from service.exchange.message_row import stored_statement
from service.exchange.telling import directory_or_none
from service.node import Node
from service.notices import tell
from service.store import attachments, mailbox, outgoing

__all__ = ["about_nothing_read", "confirm_on_paper", "opened_by", "rebuild", "take_back", "take_receipts"]

WITH_THEIR_MESSAGE = frozenset({"countersigned", "received-from-non-node", clocks.DIFFERS})
"""Kinds of the sender's side: they travel behind a message, and not back."""
RESEAL_AFTER = timedelta(seconds=2)
"""The peer could not open it: most likely our copy of its keys is old. A moment later the directory is
fresh."""

LEFT_OUT = "conversation.predecessor_refused"
"""`refusal_code` of our own message that is still unanswered and does not count for the present: what it
builds on was refused. The other node has the last word on it."""
_UNANSWERED = ("held", "accepted", "sent")


def take_receipts(
    node: Node,
    session: Session,
    statements: Iterable[Statement],
    sender: NodeCode,
    now: datetime,
) -> None:
    for statement in statements:
        if mailbox.has_evidence(session.connection(), statement.digest):
            continue
        try:
            receipt = evidence.read_evidence(statement)
            if receipt.kind.name in WITH_THEIR_MESSAGE:
                _take_with_message(node, session, statement, receipt, sender, now)
                continue
            row = _own_message(node, session, receipt, sender)
        except Refused as reason:
            node.log.warning("evidence.left_out", code=reason.code, node=sender)
            continue
        _apply(node, session, statement, receipt, row, now)


def _take_with_message(
    node: Node, session: Session, statement: Statement, receipt: Evidence, sender: NodeCode, now: datetime
) -> None:
    """The sender's focal point has approved it, an intermediary says where it had it from, or the sender's
    node counts a deadline otherwise: that is kept only where it says something new, so that there is no more
    of it than there is owed."""
    about = receipt.about
    row = mailbox.find_message(session.connection(), about.sender_node, about.id)
    if row is None or about.sender_node != sender or row.direction != "in":
        raise Refused("evidence.not_ours", "evidence with a message that is not here")
    if about.statement_digest != row.statement_digest:
        raise Refused("evidence.other_statement", "evidence about another statement under this id")
    # The recipient's side plays no part in it.
    evidence.check_parties(
        receipt,
        Parties(sender_node=sender, recipient_node=sender, recipient=Address(row.recipient)),
    )
    if receipt.kind.name == clocks.DIFFERS and not clocks.take_difference(node, session, row, receipt, now):
        return
    proof.store(
        session,
        statement,
        sender=sender,
        message=MessageId(row.id),
        kind=receipt.kind.name,
        issuer=receipt.issuer,
        code=None,
        ours=False,
        issued_at=receipt.issued_at,
    )


def _own_message(node: Node, session: Session, receipt: Evidence, sender: NodeCode) -> Row[Any]:
    about = receipt.about
    row = mailbox.find_message(session.connection(), about.sender_node, about.id)
    if row is None or about.sender_node != node.code or row.direction != "out":
        raise Refused("evidence.not_ours", "evidence about a message that this node did not send")
    if about.statement_digest is not None and about.statement_digest != row.statement_digest:
        raise Refused("evidence.other_statement", "evidence about another statement under this id")
    evidence.check_parties(
        receipt,
        Parties(sender_node=node.code, recipient_node=sender, recipient=Address(row.recipient)),
    )
    return row


def about_nothing_read(receipt: Evidence) -> bool:
    """It could not be opened, and is sealed afresh. A mandate's refusal is for good, of what was not to be
    opened there as well."""
    return receipt.about.statement_digest is None and not (receipt.code or "").startswith("mandate.")


def confirm_on_paper(session: Session, row: Row[Any], at: datetime, now: datetime) -> None:
    """Two people have confirmed the consent on paper that this attestation attests."""
    connection = session.connection()
    thread = mailbox.load_thread(connection, ThreadId(row.thread))
    if thread is None:
        return
    advance = conversations.paper_consented(
        thread, MessageId(row.id), at=at, table=conversations.table_for(thread.procedure)
    )
    mailbox.save_thread(connection, advance.thread, now=now, new=False)


def _confirmed_at(connection: Connection, rows: Iterable[Row[Any]]) -> dict[MessageId, datetime]:
    return {
        MessageId(row.id): proven.issued_at
        for row in rows
        if row.type == ATTEST
        for proven in mailbox.evidence_of(connection, NodeCode(row.sender_node), MessageId(row.id))
        if proven.kind == "paper-consent-confirmed"
    }


def _ended_by_mandate(row: Row[Any]) -> bool:
    return row.status == "refused" and (row.refusal_code or "").startswith("mandate.")


def _apply(
    node: Node, session: Session, statement: Statement, receipt: Evidence, row: Row[Any], now: datetime
) -> None:
    connection = session.connection()
    message = MessageId(row.id)
    proof.store(
        session,
        statement,
        sender=node.code,
        message=message,
        kind=receipt.kind.name,
        issuer=receipt.issuer,
        code=receipt.code,
        ours=False,
        issued_at=receipt.issued_at,
    )
    node.metrics.evidence(receipt.kind.name, ours=False)
    match receipt.kind.name:
        case "content-consigned":
            outgoing.settle(connection, node.code, message, now)
            clocks.compare(node, session, row, receipt, now)
            # A late consignment must not undo what came after it.
            if row.status in ("accepted", "sent"):
                mailbox.set_message(connection, node.code, message, status="consigned")
                if row.refusal_code is not None:
                    _say_again(node, session, row, now)
            elif row.refusal_code == "vault.key_destroyed" or _ended_by_mandate(row):
                # We had given up on it when its parts were erased, and it had arrived after all.
                mailbox.set_message(connection, node.code, message, status="consigned", refusal_code=None)
                rebuild(node, session, ThreadId(row.thread), now)
        case "relay-accepted":
            # It has what we sealed past it, and will carry it.
            outgoing.settle(connection, node.code, message, now)
            if row.status in ("accepted", "sent"):
                mailbox.set_message(connection, node.code, message, status="consigned")
        case "consignment-failed" if about_nothing_read(receipt):
            outgoing.try_again(connection, node.code, message, at=now + RESEAL_AFTER)
        case "consignment-failed" if row.status not in ("accepted", "sent"):
            # They had confirmed it before. Kept, to be held up to them; it undoes nothing.
            node.log.warning("evidence.contradicted", code=receipt.code, id=message, node=receipt.issuer)
        case "consignment-failed":
            outgoing.settle(connection, node.code, message, now)
            mailbox.set_message(connection, node.code, message, status="refused", refusal_code=receipt.code)
            take_back(node, session, ThreadId(row.thread), message, now)
            tell(
                session,
                "message-refused",
                authority=Address(row.sender),
                audience="officer",
                subject=message,
                due_at=None,
                key=f"message-refused/{message}",
                now=now,
            )
        case "content-retrieved":
            outgoing.settle(connection, node.code, message, now)
            mailbox.set_message(
                connection, node.code, message, status="retrieved", collected_at=receipt.issued_at
            )
            if row.refusal_code is not None and row.status in _UNANSWERED:
                _say_again(node, session, row, now)
            _collected(node, session, row, receipt, now)
        case "paper-consent-confirmed":
            confirm_on_paper(session, row, receipt.issued_at, now)
        case "attachment-consigned" | "attachment-failed":
            digest = receipt.facts.get("attachment", "")
            attachments.answered(connection, node.code, message, digest, receipt.code, now)
        case _:
            pass


def take_back(node: Node, session: Session, thread_id: ThreadId, message: MessageId, now: datetime) -> None:
    """The other node refused what we had said already, or it never left: the conversation goes on as if it
    had not been said."""
    if message == MessageId(thread_id):
        mailbox.delete_thread(session.connection(), thread_id)
    rebuild(node, session, thread_id, now)


def _say_again(node: Node, session: Session, row: Row[Any], now: datetime) -> None:
    """The other node took what did not count here any more: there its predecessor came after all."""
    _mark(session.connection(), row, left_out=False)
    rebuild(node, session, ThreadId(row.thread), now)


def opened_by(content: Content, directory: Directory) -> Thread:
    """The conversation that a message which was said before opens, on the calendar and the profile that it
    cites. Refuses as `conversations.advance`, also for one that opens none."""
    procedure = conversations.procedure_of(content.type)
    if procedure is None or not conversations.opens_thread(content.type):
        raise NotAcceptable("conversation.wrong_thread", "it opens no conversation")
    return conversations.advance(
        None,
        content,
        table=conversations.table_for(procedure),
        sending=False,
        answering=case_files.answering_entry(directory, content.recipient_entry),
        profile=case_files.cited_profile(directory, content),
    ).thread


def rebuild(node: Node, session: Session, thread_id: ThreadId, now: datetime) -> None:
    """The conversation from all that nobody refused, and of our own messages that are not answered yet those
    marked that do not count in it now."""
    connection = session.connection()
    rows = [
        row
        for row in mailbox.messages_of_thread(connection, thread_id)
        if row.refusal_code is None or row.status in _UNANSWERED
    ]
    unanswered = [row for row in rows if row.status in _UNANSWERED]
    thread = mailbox.load_thread(connection, thread_id)
    if thread is not None:
        asker = thread.asker
        thread = conversations.rebuilt(
            thread,
            [read_content(stored_statement(row), None, None) for row in rows],
            table=conversations.table_for(thread.procedure),
            unanswered={MessageId(row.id) for row in unanswered},
            collected_at={
                MessageId(row.id): row.collected_at
                for row in rows
                if row.collected_at is not None and row.recipient == asker
            },
            confirmed_at=_confirmed_at(connection, rows),
            counted_on=_counted_on(node),
        )
        mailbox.save_thread(connection, thread, now=now, new=False)
    for row in unanswered:
        _mark(connection, row, left_out=thread is None or thread.entry(MessageId(row.id)) is None)


def _counted_on(
    node: Node,
) -> Callable[[Said], tuple[AuthorityEntry | None, CorridorProfile | None]]:
    """By what a message that starts a clock is counted, as when it was first taken."""
    directory = directory_or_none(node)

    def counted_on(said: Said) -> tuple[AuthorityEntry | None, CorridorProfile | None]:
        if directory is None or not isinstance(said, Content):
            return None, None
        entry = case_files.answering_entry(directory, said.recipient_entry)
        return entry, case_files.cited_profile(directory, said)

    return counted_on


def _mark(connection: Connection, row: Row[Any], *, left_out: bool) -> None:
    code = LEFT_OUT if left_out else None
    if row.refusal_code != code:
        mailbox.set_message(connection, NodeCode(row.sender_node), MessageId(row.id), refusal_code=code)


def _collected(node: Node, session: Session, row: Row[Any], receipt: Evidence, now: datetime) -> None:
    connection = session.connection()
    thread = mailbox.load_thread(connection, ThreadId(row.thread))
    if thread is None or row.recipient != thread.asker:
        return
    try:
        advance = conversations.collected(
            thread,
            MessageId(row.id),
            by=Address(row.recipient),
            at=receipt.issued_at,
            table=conversations.table_for(thread.procedure),
        )
    except NotAcceptable as reason:
        # They collected what they had refused before. As an error of ours it would come again for ever.
        node.log.warning("evidence.contradicted", code=reason.code, id=row.id, node=receipt.issuer)
        return
    mailbox.save_thread(connection, advance.thread, now=now, new=False)
