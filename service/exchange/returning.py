"""After a node was put back from a backup: its peers give back what it had itself sent since.

    restored node   says in its reconciliation that it was, and how far it knows its former epochs
    peer            queues each later message of that node, once, with its evidence    `give_back`
    restored node   verifies its own signatures, stores them as sent, builds the conversations anew
                                                                                       `take_returned`

Whoever gives back is no witness of what we said: our own signature is (`protocol.returned`). What was erased
stays erased. What the peer refused, and what had not left, is not given back.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Row, delete
from sqlmodel import Session

from protocol import conversations
from protocol.content import Content, read_content
from protocol.conversations import Thread
from protocol.directory import Directory
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, MessageId, NodeCode, ThreadId, state_of
from protocol.reconciliation import Restored
from protocol.retention import ERASABLE, ErasablePart
from protocol.returned import NOT_OURS, Proven, Returned, verify_returned
from protocol.statements import StatementType, read
from service.errors import NotFound
from service.exchange import clocks, letters, proof
from service.exchange.drafts import Prepared
from service.exchange.erasure import erase
from service.exchange.message_row import said_in, stored_statement
from service.exchange.receipts import WITH_THEIR_MESSAGE, opened_by, rebuild, take_receipts
from service.node import Node
from service.notices import tell
from service.store import cases, mailbox, outgoing, restoration, retention
from service.store.tables import EVIDENCE
from service.store.vault import CaseVault

__all__ = ["WAITS", "give_back", "says_the_same", "take_returned"]

WAITS: Final = "conversation.predecessor_missing"
NOTIFICATION: Final = "case.notification"
_UNANSWERED = ("held", "accepted", "sent")
_CLOCK_SKEW = timedelta(minutes=5)
_DIRECTORY_BEHIND = frozenset({"directory.unknown_entry", "directory.unknown_profile"})
_SIGNATURE = "signature"
"""A coded field that is signed by a key of the day: no part of what somebody wanted to say."""


# -- the peer


def give_back(node: Node, session: Session, restored: Restored, peer: NodeCode, now: datetime) -> int:
    """Queue for `peer` what it had sent and lost; how many messages that is. Each once: if it is lost there
    again, the channel says so like anything else's."""
    connection = session.connection()
    first = restored.known[0][0] if restored.known else ""
    came = mailbox.came_in_epochs(connection, peer, first=first, before=restored.epoch)
    lost = [message for message, epoch, number in came if restored.lost(epoch, number)]
    for message in lost:
        outgoing.queue(connection, recipient=peer, kind="returned", sender=peer, message=message, now=now)
        row = mailbox.find_message(connection, peer, message)
        _, beside = letters.proofs_of(session, row) if row is not None else ((), ())
        for digest in beside:
            # Behind it, under a number of its own: under its old one it was passed over, or will be.
            outgoing.queue(
                connection,
                recipient=peer,
                kind="evidence",
                sender=peer,
                message=message,
                evidence_digest=digest,
                now=now,
            )
    if lost:
        node.log.warning("channel.gives_back", peer=peer, epoch=restored.epoch, count=len(lost))
    return len(lost)


# -- the restored node


def take_returned(
    node: Node, session: Session, returned: Returned, sender: NodeCode, directory: Directory, now: datetime
) -> str | None:
    """Store a message of ours that `sender` gives back. None when it is here now, `WAITS` when what it builds
    on has still to come, else the code of why it is not taken."""
    connection = session.connection()
    restored_at = restoration.restored_at(connection, now - proof.RESTORED_FOR)
    try:
        if restored_at is None:
            raise NotAcceptable(NOT_OURS, "this node was not restored, and has lost nothing")
        proven = verify_returned(
            returned, me=node.code, by=sender, before=restored_at + _CLOCK_SKEW, directory=directory
        )
        found = mailbox.find_message(connection, node.code, proven.content.id)
        if found is None or found.statement_digest != proven.content.statement_digest:
            _require_replaceable(found)
            if _waits(node, session, proven.content):
                return WAITS
            opened = _opened(session, proven.content, directory)
            _store(node, session, proven, found, opened, now)
            node.log.info("channel.given_back", peer=sender, id=proven.content.id)
    except Refused as reason:
        if reason.code in _DIRECTORY_BEHIND:
            # Our copy of the directory was put back too, and may not have caught up.
            return WAITS
        node.log.warning("channel.return_refused", peer=sender, code=reason.code)
        return reason.code
    _take_proofs(node, session, proven, sender, now)
    if found is None or found.statement_digest != proven.content.statement_digest:
        _submitted_again(node, session, proven.content, directory, now)
    if proven.left_out:
        node.log.warning("evidence.left_out", code=NOT_OURS, node=sender, count=proven.left_out)
    return None


def says_the_same(vault: CaseVault, found: Row[Any], prepared: Prepared) -> bool:
    """Whether a request says what this message of ours says. What an agency signed itself is compared by its
    statement; of what this node signed, everything that the agency chose. A part that is not here any more
    cannot be compared: that there was one has to agree."""
    ours = prepared.content
    if prepared.submitted == ours.statement_digest.encode():
        return bool(found.statement_digest == ours.statement_digest)
    was = _as_stored(vault, found)
    if _chosen(was) != _chosen(ours):
        return False
    return (not was.narrative or was.narrative == ours.narrative) and (
        was.identity is None or was.identity == ours.identity
    )


def _chosen(content: Content) -> tuple[object, ...]:
    return (
        content.type,
        content.case,
        content.thread,
        content.in_reply_to,
        content.sender,
        content.recipient,
        content.via,
        content.urgency,
        content.declares_no_danger,
        {name: value for name, value in content.coded.items() if name != _SIGNATURE},
        content.attachments,
        sorted(content.parts),
    )


def _as_stored(vault: CaseVault, row: Row[Any]) -> Content:
    def part(purpose: Literal["narrative", "identity"], sealed: bytes | None) -> bytes | None:
        try:
            return vault.open(purpose, sealed, bound_to=row.id) if sealed else None
        except NotFound:
            return None

    return read_content(
        stored_statement(row),
        part("narrative", row.narrative_sealed),
        part("identity", row.identity_sealed),
    )


def _require_replaceable(found: Row[Any] | None) -> None:
    """Said again under the same id before the first one came back: the peer has refused that, or will, since
    it has the first. Refuses `returned.not_ours` when it had taken the second too, which cannot be."""
    if found is None or found.status in _UNANSWERED or found.refusal_code == "id_reused":
        return
    raise NotAcceptable(NOT_OURS, "another statement under this id was answered for")


def _waits(node: Node, session: Session, content: Content) -> bool:
    """The case is not here and this does not open it, or what it replies to has not come. The peer sends its
    own part again at the same time."""
    connection = session.connection()
    opens_case = content.type == NOTIFICATION and state_of(content.sender) == node.state
    if cases.load_case(connection, content.case) is None and not opens_case:
        return True
    if content.id != MessageId(content.thread) and mailbox.load_thread(connection, content.thread) is None:
        return True
    answered = content.in_reply_to
    return answered is not None and mailbox.thread_of_message(connection, answered, content.case) is None


def _store(
    node: Node,
    session: Session,
    proven: Proven,
    former: Row[Any] | None,
    opened: Thread | None,
    now: datetime,
) -> None:
    """`opened`: the conversation that it opens. Nothing here is refused: what is half stored would stay."""
    connection, content, signed = session.connection(), proven.content, proven.signed
    case = cases.load_case(connection, content.case)
    if case is None:
        # Its protection status is nobody's but ours, and is lost: unknown blocks until two people settle it.
        cases.add_case(
            connection,
            content.case,
            role="destination",
            opened_by=content.sender,
            opened_at=content.issued_at,
            protection="unknown",
        )
        clocks.to_be_notified(session, content.case, content.sender, content.issued_at)
    parties = case.parties if case is not None else frozenset({content.sender})
    cases.add_parties(connection, content.case, {content.sender, content.recipient} - parties)
    named = tuple(part for part in ERASABLE if node.ledger.names(content.case, part))
    if named:
        erase(node, session, content.case, named, now)
    gone = retention.erased_parts(connection, content.case)
    vault = node.vault.case(session, content.case)

    def sealed(purpose: ErasablePart, part: bytes | None) -> bytes | None:
        if purpose not in content.parts:
            return None
        # Empty: there was one.
        return b"" if part is None or purpose in gone else vault.seal(purpose, part, bound_to=content.id)

    values: dict[str, Any] = {
        **said_in(content, signed, recorded_at=now),
        "narrative_sealed": sealed("narrative", signed.narrative),
        "identity_sealed": sealed("identity", signed.identity),
        "status": "consigned",
        "refusal_code": None,
        "request_mark": None,
    }
    if former is None:
        key = {"sender_node": node.code, "id": content.id, "direction": "out"}
        mailbox.add_message(connection, {**key, **values})
    else:
        _end_second(node, session, former, content, now)
        mailbox.replace_message(connection, former.cursor, values)
    _speak(node, session, content, opened, now)


def _end_second(node: Node, session: Session, former: Row[Any], content: Content, now: datetime) -> None:
    """The second statement under the id never counted for the peer. Its evidence, which is about a statement
    that is nowhere any more, goes with it; who meant something else by it is told that it was refused."""
    connection = session.connection()
    outgoing.settle(connection, node.code, content.id, now)
    for one in mailbox.evidence_of(connection, node.code, content.id):
        about = read(one.token, typ=StatementType.EVIDENCE).claims["message"]
        if about.get("statement") == former.statement_digest:
            connection.execute(delete(EVIDENCE).where(EVIDENCE.c.digest == one.digest))
    if not _same_but_parts(read_content(stored_statement(former), None, None), content):
        node.log.warning("channel.return_replaces", code="id_reused", id=content.id)
        tell(
            session,
            "message-refused",
            authority=content.sender,
            audience="officer",
            subject=content.id,
            due_at=None,
            key=f"message-refused/{content.id}",
            now=now,
        )
    if former.thread != content.thread:
        rebuild(node, session, ThreadId(former.thread), now)


def _same_but_parts(one: Content, other: Content) -> bool:
    return _chosen(one) == _chosen(other)


def _opened(session: Session, content: Content, directory: Directory) -> Thread | None:
    """The conversation that it opens; None for one that is here. Refuses as `conversations.advance`."""
    if mailbox.load_thread(session.connection(), content.thread) is not None:
        return None
    if not conversations.opens_thread(content.type):
        raise NotAcceptable(NOT_OURS, "it opens no conversation")
    return opened_by(content, directory)


def _speak(node: Node, session: Session, content: Content, opened: Thread | None, now: datetime) -> None:
    """The conversation with it, and with whatever of ours was said here meanwhile."""
    connection = session.connection()
    if opened is not None:
        mailbox.save_thread(connection, opened, now=now, new=True)
    else:
        rebuild(node, session, content.thread, now)
    thread = mailbox.load_thread(connection, content.thread)
    assert thread is not None
    clocks.keep_duties(session, thread, now)
    case = cases.load_case(connection, content.case)
    assert case is not None
    cases.add_parties(connection, content.case, {Address(thread.answerer)} - case.parties)
    mailbox.set_message(
        connection,
        node.code,
        content.id,
        due_at=thread.due.at if thread.due else None,
        due_basis=thread.due.basis if thread.due else None,
    )


def _take_proofs(node: Node, session: Session, proven: Proven, sender: NodeCode, now: datetime) -> None:
    connection, message = session.connection(), proven.content.id
    kept = outgoing.manifests_of(connection, message)
    outgoing.keep_manifests(connection, [(message, one) for one in proven.manifests if one.token not in kept])
    for statement, said in proven.evidence:
        if said.kind.name in WITH_THEIR_MESSAGE:
            # Our own side's, which travelled with the message.
            if not mailbox.has_evidence(connection, statement.digest):
                proof.store(
                    session,
                    statement,
                    sender=node.code,
                    message=message,
                    kind=said.kind.name,
                    issuer=said.issuer,
                    code=said.code,
                    ours=True,
                    issued_at=said.issued_at,
                )
        else:
            take_receipts(node, session, [statement], sender, now)


def _submitted_again(
    node: Node, session: Session, content: Content, directory: Directory, now: datetime
) -> None:
    """What was given to the agency when it sent it is gone. Attested anew, and said to be after a restore."""
    epoch = restoration.restored_since(session.connection(), now - proof.RESTORED_FOR)
    proof.issue(
        node,
        session,
        kind="submission-accepted",
        sender=node.code,
        message=content.id,
        statement_digest=content.statement_digest,
        facts={} if epoch is None else {"restored": epoch},
        directory=directory,
        now=now,
    )
