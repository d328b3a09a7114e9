"""An authority says something to another: everything that must hold is checked, then it is on disk, then 202.

prepare (outside the writer)   form, codes, addresses, competence, signature
one transaction                same id?  case and party  safeguards  conversation
                               message, conversation, submission evidence, outbox row
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import conversations, safeguards
from protocol.content import Content
from protocol.conversations import Advance
from protocol.conversations.table import REDIRECT
from protocol.directory.mandates import carried_by
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, state_of
from protocol.intermediary import check_relayed
from service.access import journal
from service.access.actor import Actor
from service.errors import Conflict, NotFound
from service.exchange import (
    agreements,
    attachments,
    case_files,
    clocks,
    consents,
    proof,
    returning,
    waiting,
    withholding,
)
from service.exchange.drafts import Prepared, prepare, require_recipient_keys
from service.exchange.message_row import parts_in, said_in, sealed_parts
from service.exchange.relayed import check_original
from service.exchange.views import (
    Accepted,
    Awaiting,
    DueView,
    RefusalView,
    SignedSubmission,
    Submission,
    Validation,
)
from service.exchange.waiting import SIGNED_AT_MOST, Wait
from service.node import Node
from service.notices import tell
from service.store import cases, mailbox, outgoing, retention
from service.store.cases import KnownCase
from service.store.vault import CaseVault, Purpose

__all__ = ["record", "send", "validate"]

_MARKING: Final[Purpose] = "identity"
"""A request is marked under the key whose destruction erases identity: afterwards its mark tells nobody
anything."""

_NOT_TO_BE_TOLD: Final = frozenset({"case.alias_withheld", "safeguard.international_protection"})


async def send(node: Node, actor: Actor, submission: Submission | SignedSubmission) -> Accepted | Awaiting:
    """Take a message and promise that it is not lost.

    The message id makes it idempotent: the same request again gets the first answer again; another statement
    under the same id is refused `id_reused` (Conflict). A refusal stores nothing and uses up nothing; but
    that two cases are one child's is known here from then on, also where nobody may be told. What a second
    person has to approve is checked as if it were sent, and then waits.
    """
    prepared = await prepare(node, actor, submission)
    wait = waiting.second_person(node, prepared)
    try:
        if wait is not None:
            waits = await node.store.write(
                lambda session: _propose(node, session, actor, submission, prepared, wait)
            )
            node.wake.notices.notify()
            return waits
        accepted = await node.store.write(lambda session: record(node, session, actor, prepared))
    except NotAcceptable as reason:
        if reason.code in _NOT_TO_BE_TOLD and case_files.names_another(prepared.content):
            await node.store.write(lambda session: _note_alias(node, session, actor, prepared))
        raise
    node.wake.outbox_ready.notify()
    if accepted.type == REDIRECT:
        node.wake.notices.notify()
    node.metrics.accepted(accepted.type)
    return accepted


def _note_alias(node: Node, session: Session, actor: Actor, prepared: Prepared) -> None:
    """Whoever takes part in both cases says that they are one child's. It was not said to the other State; it
    holds here all the same, and only ever tightens."""
    connection, content = session.connection(), prepared.content
    same_as = CaseReference(content.coded["same_as"])
    for reference in (content.case, same_as):
        case = cases.load_case(connection, reference)
        if case is None or actor.authorities.isdisjoint(case.parties):
            return
    if same_as not in case_files.same_child(connection, content.case):
        cases.add_alias(connection, content.case, same_as, prepared.now)
        journal.note(session, actor, "same-child-noted", content.case, at=prepared.now)
        withholding.apply(node, session, content.case, prepared.now)


async def validate(node: Node, actor: Actor, submission: Submission | SignedSubmission) -> Validation:
    """What `send` would say now. Stores nothing; what it signs to find out is thrown away."""
    try:
        prepared = await prepare(node, actor, submission)
        advance = await node.store.read(lambda session: _dry_run(node, session, actor, prepared))
    except Refused as reason:
        return Validation(
            acceptable=False,
            refusals=(
                RefusalView(code=reason.code, field=reason.field, facts=reason.facts, missing=reason.missing),
            ),
        )
    return Validation(acceptable=True, due=_due_of(advance))


def _dry_run(node: Node, session: Session, actor: Actor, prepared: Prepared) -> Advance:
    _, advance = _check(session, actor, prepared)
    attachments.check_uploads(node, session, prepared.content.case, prepared.attachments)
    return advance


def _propose(
    node: Node,
    session: Session,
    actor: Actor,
    submission: Submission | SignedSubmission,
    prepared: Prepared,
    wait: Wait,
) -> Accepted | Awaiting:
    known = _known(node, session, prepared)
    if known is not None:
        return known
    _check(session, actor, prepared)
    if case_files.names_another(prepared.content):
        _note_alias(node, session, actor, prepared)
    return waiting.keep(node, session, actor, submission, prepared, wait)


def _known(node: Node, session: Session, prepared: Prepared) -> Accepted | None:
    """The first answer again, for a message that was said already."""
    connection, content = session.connection(), prepared.content
    found = mailbox.find_message(connection, node.code, content.id)
    if found is None:
        return None
    vault = node.vault.case(session, found.case_reference)
    if not _same_request(vault, found, prepared):
        raise Conflict(
            "id_reused",
            "this id already stands for another statement; choose a new id for a new message",
        )
    return _answer(dict(found._mapping), mailbox.first_evidence(connection, node.code, content.id))


def _same_request(vault: CaseVault, found: Row[Any], prepared: Prepared) -> bool:
    """By the mark of what was submitted. What a peer gave back after a restore has none: then by what was
    said, as far as it is still here to compare."""
    if found.request_mark is not None:
        return bool(found.request_mark == _marked(vault, prepared))
    return returning.says_the_same(vault, found, prepared)


def record(
    node: Node,
    session: Session,
    actor: Actor,
    prepared: Prepared,
    *,
    countersigned_by: Address | None = None,
) -> Accepted:
    """It is said: message, conversation, evidence and outbox row, in the caller's transaction.

    `countersigned_by`: the focal point that has approved it, and signs that it did.
    """
    connection = session.connection()
    content, now = prepared.content, prepared.now
    known = _known(node, session, prepared)
    if known is not None:
        return known
    case, advance = _check(session, actor, prepared)
    vault = node.vault.case(session, content.case)

    due = _due_of(advance)
    values = {
        "sender_node": node.code,
        "id": content.id,
        "direction": "out",
        **said_in(content, prepared.signed, recorded_at=now),
        **sealed_parts(vault, content, prepared.signed),
        "due_at": due.at if due else None,
        "due_basis": due.basis if due else None,
        "status": "accepted",
        "request_mark": _marked(vault, prepared),
    }
    if prepared.attachments:
        attachments.cite(
            node, session, content.case, prepared.attachments, content.id, prepared.peer, now=now
        )
    mailbox.add_message(connection, values)
    if case_files.names_another(content):
        withholding.apply(node, session, content.case, now)
    mailbox.save_thread(connection, advance.thread, now=now, new=str(content.thread) == content.id)
    clocks.keep_duties(session, advance.thread, now)
    # Whom a redirection names has to see the case, or it could not answer.
    cases.add_parties(connection, content.case, {content.recipient, advance.thread.answerer} - case.parties)
    if content.type == REDIRECT:
        # It gets no message: the one that it has to answer came to its colleagues.
        tell(
            session,
            "message-sent-on",
            authority=advance.thread.answerer,
            audience="officer",
            subject=content.id,
            due_at=due.at if due else None,
            key=f"message-sent-on/{node.code}/{content.id}",
            now=now,
        )
    countersignature = None
    if countersigned_by is not None:
        # The first link of the sender's side: the recipient's node gets this one, and not the next.
        countersignature = proof.issue(
            node,
            session,
            kind="countersigned",
            sender=node.code,
            message=content.id,
            statement_digest=prepared.signed.statement.digest,
            issuer=countersigned_by,
            directory=prepared.directory,
            now=now,
            first=True,
        )
    received = None
    if content.via is not None:
        # What it was typed from came from an authority without a node. Before the submission: the recipient's
        # node gets this one, and not the next.
        received = proof.issue(
            node,
            session,
            kind="received-from-non-node",
            sender=node.code,
            message=content.id,
            statement_digest=prepared.signed.statement.digest,
            directory=prepared.directory,
            now=now,
            first=countersignature is None,
        )
    submission = proof.issue(
        node,
        session,
        kind="submission-accepted",
        sender=node.code,
        message=content.id,
        statement_digest=prepared.signed.statement.digest,
        directory=prepared.directory,
        now=now,
        first=countersignature is None and received is None,
    )
    outgoing.queue(
        connection, recipient=prepared.peer, kind="content", sender=node.code, message=content.id, now=now
    )
    for travels in (countersignature, received):
        if travels is None:
            continue
        # Behind its message: evidence of a message that is not there is left out.
        outgoing.queue(
            connection,
            recipient=prepared.peer,
            kind="evidence",
            sender=node.code,
            message=content.id,
            evidence_digest=travels.digest,
            now=now,
        )
    return _answer(values, submission.token)


def _check(session: Session, actor: Actor, prepared: Prepared) -> tuple[KnownCase, Advance]:
    """Everything that needs the case: it is the actor's, the safeguards hold, the conversation takes the
    move."""
    connection = session.connection()
    content = prepared.content
    if content.issued_at < prepared.now - SIGNED_AT_MOST:
        raise NotAcceptable(
            "content.signed_too_long_ago",
            "deadlines count from the signature: expected one of the last day; sign it again",
        )
    case = case_files.own_case(connection, actor, content.case)
    if content.sender not in case.parties:
        raise NotAcceptable("case.unknown", "the sender takes no part in this case")
    if prepared.signed.identity is not None:
        retention.require_unblocked(session.connection(), content.case)
    retention.require_parts(session.connection(), content.case, list(parts_in(prepared.signed)))
    directory = prepared.directory
    case_files.require_tellable(connection, actor, content)
    between = {state_of(content.sender), state_of(content.recipient)}
    file = case_files.file_for(connection, case.row, content.type, directory, between)
    safeguards.check_sending(file, content)
    thread = consents.thread_of(connection, content.thread, directory)
    procedure = thread.procedure if thread else conversations.procedure_of(content.type)
    if procedure is None:
        raise NotAcceptable(
            "conversation.not_party", "no such conversation here to continue", field="/thread"
        )
    for authority in (content.sender, content.recipient):
        if not prepared.directory.competent(authority, procedure):
            raise NotAcceptable(
                "directory.not_competent",
                f"the entry of {authority} does not list {procedure}; the focal point of its State does",
                facts={"procedure": procedure},
            )
    advance = conversations.advance(
        thread,
        content,
        table=conversations.table_for(procedure),
        sending=True,
        answering=case_files.answering_entry(prepared.directory, content.recipient_entry),
        profile=case_files.cited_profile(prepared.directory, content),
        destination=state_of(Address(case.row.opened_by)),
    )
    agreements.check_cosigned(connection, content, prepared.directory, prepared.now)
    _check_mandates(content, procedure, prepared)
    check_original(connection, content)
    return case, advance


def _check_mandates(content: Content, procedure: str, prepared: Prepared) -> None:
    """Again, now that the procedure of a neutral move is known too."""
    directory, now = prepared.directory, prepared.now
    check_relayed(content, procedure=procedure, directory=directory, now=now)
    if prepared.towards is not None:
        towards = carried_by(
            directory,
            content.recipient,
            procedure=procedure,
            towards=state_of(content.sender),
            at=now,
            blind=True,
        )
        require_recipient_keys(directory, content, towards, now)


def _marked(vault: CaseVault, prepared: Prepared) -> str:
    """By what the same request is known again. Codes alone can be said after an erasure too (an alert), and
    then a bare digest gives nothing away."""
    try:
        return vault.mark(_MARKING, prepared.submitted)
    except NotFound:
        if prepared.signed.narrative is not None or prepared.signed.identity is not None:
            raise
        return hashlib.sha256(prepared.submitted).hexdigest()


def _due_of(advance: Advance) -> DueView | None:
    due = advance.thread.due
    return DueView(at=due.at, basis=due.basis) if due else None


def _answer(row: Mapping[str, Any], submission_evidence: str) -> Accepted:
    """The first answer, from what was stored then: repeated a thousand times it is the same."""
    return Accepted(
        id=MessageId(row["id"]),
        sender_node=NodeCode(row["sender_node"]),
        case=CaseReference(row["case_reference"]),
        thread=ThreadId(row["thread"]),
        type=row["type"],
        sender=Address(row["sender"]),
        recipient=Address(row["recipient"]),
        status="accepted",
        issued_at=row["issued_at"],
        recorded_at=row["recorded_at"],
        due=DueView(at=row["due_at"], basis=row["due_basis"]) if row["due_at"] else None,
        statement_digest=row["statement_digest"],
        evidence=submission_evidence,
    )
