"""What another node sent is taken in: once, whole, and answered with signed evidence.

    found before           same statement: the first outcome again; another statement: refused `id_reused`
    predecessor missing    nothing is stored; the same bytes may come again later
    a rule says no         a signed refusal, remembered as this message's outcome
    all well               message, conversation, evidence and inbox row in one transaction

The id is looked up *before* the conversation: a message delivered twice must not meet a state that it has
itself changed. Everything here runs inside one unit of the writer; whoever called acknowledges after its
commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from protocol import conversations, messages, safeguards
from protocol.attachments import check_described, check_size
from protocol.channels import Numbered, shared_digest
from protocol.content import Content, SignedContent
from protocol.conversations import Advance, PredecessorMissing
from protocol.conversations.table import REDIRECT
from protocol.deadlines import CorridorProfile
from protocol.directory import Directory
from protocol.directory.mandates import carried_by
from protocol.envelope import ClearHeader, Kind
from protocol.errors import CannotOpen, NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, state_of
from protocol.intermediary import check_relayed
from protocol.limits import Limits
from protocol.messages.person import described_attachments
from protocol.opening import AuthenticEnvelope, Opened, past_digest
from protocol.safeguards.asked import cited_digests
from service.errors import Conflict
from service.exchange import (
    agreements,
    case_files,
    chunks,
    clocks,
    consents,
    proof,
    relay,
    returning,
    withholding,
)
from service.exchange.message_row import parts_in, said_in, sealed_parts
from service.exchange.receipts import take_receipts
from service.exchange.reconcile import take_reconciliation
from service.exchange.relayed import check_original
from service.node import Node
from service.notices import tell
from service.store import cases, mailbox, outgoing, retention
from service.store.cases import KnownCase

__all__ = ["Outcome", "accept", "answer_unopened", "carry", "refuse_unopened"]

type Work = Callable[[Session], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an envelope.

    consigned: a message, stored and answered. refused: answered with a signed refusal. noted: evidence, a
    reconciliation, a chunk of an attachment, or a message of ours that was given back. known: it had come
    before. wait: its predecessor has not come; nothing was stored. quarantined: nobody vouches for it.

    `numbered`: the number in its channel that it used, when it used one.
    """

    disposition: Literal["consigned", "refused", "noted", "known", "wait", "quarantined"]
    sender: NodeCode | None = None
    message: MessageId | None = None
    code: str | None = None
    evidence: str | None = None
    epoch: str | None = None
    numbered: Numbered | None = None
    kind: Kind | None = None


def accept(node: Node, opened: Opened, directory: Directory, now: datetime) -> Work:
    """The unit of work for one opened envelope."""
    header = opened.header

    def outcome(disposition: str, *, code: str | None = None, evidence: str | None = None) -> Outcome:
        return Outcome(
            disposition=disposition,  # type: ignore[arg-type]
            sender=header.sender,
            message=header.id,
            code=code,
            evidence=evidence,
            epoch=header.epoch,
            numbered=Numbered(sequence=header.sequence, id=header.id, statement_digest=_sameness(opened))
            if header.sequence
            else None,
            kind=opened.kind,
        )

    def remember(session: Session, **result: str) -> None:
        _remember(
            session,
            opened,
            now,
            kind=opened.kind,
            sameness=_sameness(opened),
            carried=[one.digest for one in opened.evidence],
            **result,
        )

    def work(session: Session) -> Outcome:
        if opened.kind == "reconciliation":
            assert opened.reconciliation is not None
            take_reconciliation(node, session, opened.reconciliation, header.sender, now)
            return outcome("noted")
        if opened.kind == "blob":
            assert opened.blob is not None
            assert opened.chunk is not None
            taken = chunks.take_chunk(node, session, header.sender, opened.blob, opened.chunk, directory, now)
            if taken.disposition == "wait":
                return Outcome(disposition="wait", sender=header.sender, message=header.id, code=taken.code)
            return outcome(taken.disposition, code=taken.code)
        found = mailbox.find_inbox(session.connection(), header.sender, header.id)
        if opened.kind == "evidence":
            if found is not None:
                return outcome("known")
            take_receipts(node, session, opened.evidence, header.sender, now)
            remember(session, outcome="evidence")
            return outcome("noted")
        if opened.kind == "returned":
            assert opened.returned is not None
            if found is not None:
                return outcome("known", code=found.code)
            code = returning.take_returned(node, session, opened.returned, header.sender, directory, now)
            if code == returning.WAITS:
                return Outcome(disposition="wait", sender=header.sender, message=header.id, code=code)
            remember(session, outcome="returned", **({} if code is None else {"code": code}))
            return outcome("noted" if code is None else "refused", code=code)
        assert opened.content is not None
        assert opened.signed is not None
        if found is not None:
            if found.statement_digest != opened.content.statement_digest:
                proven = _refusal(node, session, opened, "id_reused", directory, now)
                return outcome("refused", code="id_reused", evidence=proven)
            _answer_again(session, header, found.evidence_digest, now)
            return outcome("known", code=found.code, evidence=found.evidence_digest)
        try:
            case, advance = _check_in_turn(
                session, header.sender, opened.content, directory, node.settings.limits, now, opened.past
            )
            _check_not_erased(session, opened.content.case, opened.signed)
        except PredecessorMissing as reason:
            return Outcome(disposition="wait", sender=header.sender, message=header.id, code=reason.code)
        except NotAcceptable as reason:
            proven = _refusal(node, session, opened, reason.code, directory, now)
            remember(session, outcome="refused", code=reason.code, evidence=proven)
            return outcome("refused", code=reason.code, evidence=proven)
        proven = _consign(node, session, opened, opened.content, opened.signed, case, advance, directory, now)
        return outcome("consigned", evidence=proven)

    return work


def answer_unopened(
    node: Node, authentic: AuthenticEnvelope, refused: Refused, directory: Directory, now: datetime
) -> Work:
    """The unit of work for an authentic envelope that could not be opened: answered, and nothing is used up.

    No inbox row, no number: the same message, sealed to the right key, is then taken as if for the first
    time.
    """
    header = authentic.header
    told = "cannot_open" if isinstance(refused, CannotOpen) else refused.code
    facts = {name: value for name, value in refused.facts.items() if name == "current_kid"}

    def work(session: Session) -> Outcome:
        proven = proof.issue(
            node,
            session,
            kind="consignment-failed",
            sender=header.sender,
            message=header.id,
            manifest_digest=authentic.manifest.digest,
            statement_digest=None,
            code=told,
            facts=facts,
            directory=directory,
            now=now,
            to=header.sender,
        )
        # The evidence names it, and what is opened later comes under another manifest.
        if authentic.manifest.token not in outgoing.manifests_of(session.connection(), header.id):
            outgoing.keep_manifests(session.connection(), [(header.id, authentic.manifest)])
        node.log.info("inbox.not_opened", code=refused.code, node=header.sender, id=header.id)
        return Outcome(
            disposition="refused",
            sender=header.sender,
            message=header.id,
            code=refused.code,
            evidence=proven.digest,
        )

    return work


def carry(
    node: Node, authentic: AuthenticEnvelope, recipient: Address, directory: Directory, now: datetime
) -> Work:
    """The unit of work for an envelope that is sealed past this node: kept as it came, to be handed over.

    It is carried under whatever mandate of that State is in force, and under none it is refused.
    """
    header = authentic.header
    sameness = past_digest(header.id)

    def outcome(disposition: Literal["consigned", "refused", "known"], **more: str | None) -> Outcome:
        return Outcome(
            disposition=disposition,
            sender=header.sender,
            message=header.id,
            epoch=header.epoch,
            numbered=Numbered(sequence=header.sequence, id=header.id, statement_digest=sameness),
            kind="content",
            **more,
        )

    def work(session: Session) -> Outcome:
        found = mailbox.find_inbox(session.connection(), header.sender, header.id)
        if found is not None:
            _answer_again(session, header, found.evidence_digest, now)
            return outcome("known", code=found.code, evidence=found.evidence_digest)
        code = None
        try:
            carried_by(
                directory,
                recipient,
                procedure=None,
                towards=directory.state_of_node(header.sender),
                at=now,
                blind=True,
            )
        except NotAcceptable as reason:
            code = reason.code
        proven = proof.issue(
            node,
            session,
            kind="relay-accepted" if code is None else "consignment-failed",
            sender=header.sender,
            message=header.id,
            manifest_digest=authentic.manifest.digest,
            statement_digest=None,
            code=code,
            directory=directory,
            now=now,
            to=header.sender,
        ).digest
        _remember(
            session,
            authentic,
            now,
            kind="content",
            sameness=sameness,
            outcome="consigned" if code is None else "refused",
            code=code,
            evidence=proven,
        )
        if code is None:
            relay.await_hand_over(
                node,
                session,
                directory=directory,
                sender=header.sender,
                message=header.id,
                recipient=recipient,
                case=None,
                envelope=authentic.data,
                now=now,
            )
        return outcome("consigned" if code is None else "refused", code=code, evidence=proven)

    return work


def refuse_unopened(
    node: Node,
    authentic: AuthenticEnvelope,
    refused: NotAcceptable,
    statement_digest: str,
    directory: Directory,
    now: datetime,
) -> Work:
    """The unit of work for content that is authentic and may not be said: refused for good, as if a later
    check had found it.

    It has used its id and its number, else the sender would repeat it for ever and each running digest would
    ask for it again.
    """
    header = authentic.header

    def outcome(disposition: Literal["refused", "known"], code: str | None, evidence: str | None) -> Outcome:
        return Outcome(
            disposition=disposition,
            sender=header.sender,
            message=header.id,
            code=code,
            evidence=evidence,
            epoch=header.epoch,
            numbered=Numbered(sequence=header.sequence, id=header.id, statement_digest=statement_digest),
        )

    def work(session: Session) -> Outcome:
        found = mailbox.find_inbox(session.connection(), header.sender, header.id)
        if found is not None and found.statement_digest == statement_digest:
            _answer_again(session, header, found.evidence_digest, now)
            return outcome("known", found.code, found.evidence_digest)
        code = refused.code if found is None else "id_reused"
        proven = proof.issue(
            node,
            session,
            kind="consignment-failed",
            sender=header.sender,
            message=header.id,
            manifest_digest=authentic.manifest.digest,
            statement_digest=statement_digest,
            code=code,
            directory=directory,
            now=now,
            to=header.sender,
        ).digest
        if found is None:
            _remember(
                session,
                authentic,
                now,
                kind="content",
                sameness=statement_digest,
                outcome="refused",
                code=code,
                evidence=proven,
            )
        node.log.info("inbox.refused", code=code, node=header.sender, id=header.id)
        return outcome("refused", code, proven)

    return work


def _check_in_turn(
    session: Session,
    sender: NodeCode,
    content: Content,
    directory: Directory,
    limits: Limits,
    now: datetime,
    past: frozenset[str],
) -> tuple[KnownCase | None, Advance]:
    """Refuses `conversation.predecessor_refused` for what would wait for a message that never comes, and that
    its sender would repeat for ever."""
    try:
        return _check(session, content, directory, limits, now, past)
    except PredecessorMissing:
        connection = session.connection()
        predecessors = (content.in_reply_to, MessageId(content.thread))
        known = (one and mailbox.find_inbox(connection, sender, one) for one in predecessors)
        refused = any(found and found.outcome == "refused" for found in known)
        if refused or mailbox.any_refused(connection, sender, cited_digests(content.coded)):
            raise NotAcceptable(
                "conversation.predecessor_refused", "what this message builds on was refused here"
            ) from None
        raise


def _check(
    session: Session,
    content: Content,
    directory: Directory,
    limits: Limits,
    now: datetime,
    past: frozenset[str],
) -> tuple[KnownCase | None, Advance]:
    """What needs the store: the case is the sender's too, the safeguards hold, the conversation takes the
    move."""
    connection = session.connection()
    checked = messages.validate(content, absent=past)
    check_described(content.attachments, described_attachments(checked.identity))
    check_size(content.attachments, limits.attachment)
    thread = consents.thread_of(connection, content.thread, directory)
    if thread is None and not conversations.opens_thread(content.type):
        # Before any look at the case: a stranger who tries a reference gets the same silence for one that is
        # in use and one that is not.
        raise PredecessorMissing(
            "conversation.predecessor_missing", "the message that opens the thread has not come"
        )
    case = cases.load_case(connection, content.case)
    if case is not None:
        case_files.require_party_state(case, content.sender)
    between = {state_of(content.sender), state_of(content.recipient)}
    file = (
        case_files.file_for(connection, case.row, content.type, directory, between)
        if case is not None
        else None
    )
    safeguards.check_receiving(file, content)
    procedure = conversations.procedure_of(content.type, thread)
    assert procedure is not None, "an opening message has one of its own, any other its thread's"
    for authority in (content.sender, content.recipient):
        if not directory.competent(authority, procedure):
            raise NotAcceptable(
                "directory.not_competent",
                f"the entry of {authority} does not list {procedure}",
                facts={"procedure": procedure},
            )
    advance = conversations.advance(
        thread,
        content,
        table=conversations.table_for(procedure),
        sending=False,
        answering=case_files.answering_entry(directory, content.recipient_entry),
        profile=_cited_profile(directory, content),
        destination=state_of(Address(case.row.opened_by) if case is not None else content.sender),
    )
    # Last: the version that an acceptance replies to is here, or the conversation had waited for it.
    agreements.check_cosigned(connection, content, directory, now)
    # Again, now that the procedure of a neutral move is known too.
    check_relayed(content, procedure=procedure, directory=directory, now=now)
    check_original(connection, content)
    carried_by(directory, content.recipient, procedure=procedure, towards=state_of(content.sender), at=now)
    return case, advance


def _cited_profile(directory: Directory, content: Content) -> CorridorProfile | None:
    """Waits for a profile that our directory may not list yet: the sender's may be newer than ours, and no
    newer than the message. Refuses as `case_files.cited_profile`."""
    try:
        return case_files.cited_profile(directory, content)
    except NotAcceptable as reason:
        if reason.code == "directory.unknown_profile" and directory.snapshot.issued_at <= content.issued_at:
            raise PredecessorMissing(reason.code, reason.detail) from None
        raise


def _check_not_erased(session: Session, case: CaseReference, signed: SignedContent) -> None:
    """Refuses `retention.erased` for a part of a kind that was erased here: it does not come back under a new
    key."""
    try:
        retention.require_parts(session.connection(), case, list(parts_in(signed)))
    except Conflict as reason:
        raise NotAcceptable(reason.code, reason.detail) from None


def _consign(
    node: Node,
    session: Session,
    opened: Opened,
    content: Content,
    signed: SignedContent,
    case: KnownCase | None,
    advance: Advance,
    directory: Directory,
    now: datetime,
) -> str:
    connection = session.connection()
    if case is None:
        cases.add_case(
            connection,
            content.case,
            role="origin",
            opened_by=content.sender,
            opened_at=now,
            protection="unknown",
        )
    parties = case.parties if case is not None else frozenset({content.sender})
    cases.add_parties(connection, content.case, {content.sender, content.recipient} - parties)

    vault = node.vault.case(session, content.case)

    due = advance.thread.due
    mailbox.add_message(
        connection,
        {
            "sender_node": opened.header.sender,
            "id": content.id,
            "direction": "in",
            **said_in(content, signed, recorded_at=now),
            **sealed_parts(vault, content, signed),
            "due_at": due.at if due else None,
            "due_basis": due.basis if due else None,
            "status": "consigned",
        },
    )
    if case_files.names_another(content):
        withholding.apply(node, session, content.case, now)
    mailbox.save_thread(connection, advance.thread, now=now, new=str(content.thread) == content.id)
    if content.attachments:
        chunks.announce(node, session, opened.header.sender, content, now)
    kind = "message-sent-on" if content.type == REDIRECT else "message-arrived"
    tell(
        session,
        kind,
        authority=content.recipient,
        audience="officer",
        subject=content.id,
        due_at=due.at if due else None,
        key=f"{kind}/{opened.header.sender}/{content.id}",
        now=now,
    )
    proven = proof.issue(
        node,
        session,
        kind="content-consigned",
        sender=opened.header.sender,
        message=content.id,
        manifest_digest=opened.manifest.digest,
        statement_digest=content.statement_digest,
        facts=clocks.counted(advance.thread, content),
        directory=directory,
        now=now,
        to=opened.header.sender,
    )
    clocks.tell_of_escalation(node, session, content, directory, now)
    _remember(
        session,
        opened,
        now,
        kind="content",
        sameness=content.statement_digest,
        outcome="consigned",
        evidence=proven.digest,
    )
    relay.await_hand_over(
        node,
        session,
        directory=directory,
        sender=opened.header.sender,
        message=content.id,
        recipient=content.recipient,
        case=content.case,
        envelope=opened.envelope,
        now=now,
    )
    return proven.digest


def _refusal(
    node: Node, session: Session, opened: Opened, code: str, directory: Directory, now: datetime
) -> str:
    assert opened.content is not None
    return proof.issue(
        node,
        session,
        kind="consignment-failed",
        sender=opened.header.sender,
        message=opened.header.id,
        manifest_digest=opened.manifest.digest,
        statement_digest=opened.content.statement_digest,
        code=code,
        directory=directory,
        now=now,
        to=opened.header.sender,
    ).digest


def _answer_again(session: Session, header: ClearHeader, evidence: str | None, now: datetime) -> None:
    if evidence is None:
        return
    connection, peer = session.connection(), header.sender
    if not outgoing.resend_evidence(connection, peer, header.id, evidence, now):
        outgoing.queue(
            connection,
            recipient=peer,
            kind="evidence",
            sender=peer,
            message=header.id,
            evidence_digest=evidence,
            now=now,
        )


def _remember(
    session: Session,
    envelope: Opened | AuthenticEnvelope,
    now: datetime,
    *,
    kind: Kind,
    sameness: str,
    outcome: str,
    code: str | None = None,
    evidence: str | None = None,
    carried: Iterable[str] = (),
) -> None:
    mailbox.add_inbox(
        session.connection(),
        {
            "sender_node": envelope.header.sender,
            "id": envelope.header.id,
            "statement_digest": sameness,
            "manifest": envelope.manifest.token,
            "manifest_digest": envelope.manifest.digest,
            "epoch": envelope.header.epoch,
            "sequence": envelope.header.sequence,
            "kind": kind,
            "outcome": outcome,
            "code": code,
            "evidence_digest": evidence,
            "carried": " ".join(carried) or None,
            "received_at": now,
        },
    )


def _sameness(opened: Opened) -> str:
    """As the sender's channel counts it: the digest of the one statement, over all that share the envelope,
    or of a chunk's place."""
    if opened.content is not None:
        return opened.content.statement_digest
    if opened.blob is not None:
        return opened.blob.digest
    if opened.returned is not None:
        return opened.returned.sameness
    return shared_digest(statement.digest for statement in opened.evidence)
