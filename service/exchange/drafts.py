"""From what an agency submits to signed content, checked as far as no stored state is needed.

Two ways in: content that the node signs with the authority's key, and a statement that the agency has signed
itself. From here on they are the same.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from protocol import conversations, messages, opening, vocabularies
from protocol.agreement import sign as agreement_signature
from protocol.attachments import AttachmentClaim, check_described, check_size, chunks_of
from protocol.content import (
    Content,
    Draft,
    NarrativeBlock,
    SignedContent,
    check_parts,
    read_content,
    sign_content,
)
from protocol.deadlines import starts_clock
from protocol.directory import Directory
from protocol.directory.mandates import Carrier, carried_by
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, NodeCode, ThreadId, state_of
from protocol.intermediary import check_relayed, require_may_say
from protocol.messages.person import Attachment, described_attachments
from protocol.statements import StatementType, read
from service.access.actor import Actor
from service.access.roles import Scope
from service.exchange import agreements
from service.exchange.covered import speaks_as
from service.exchange.views import SignedSubmission, Submission
from service.node import Node
from service.store import mailbox

__all__ = ["Prepared", "prepare", "require_recipient_keys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Signed content on its way into the store.

    `submitted`: the bytes by which a repetition of this request is known again. `peer`: the node that
    serves the recipient. `attachments`: as the identity part describes them. `towards`: how the recipient is
    reached, when an intermediary's node serves it.
    """

    content: Content
    signed: SignedContent
    submitted: bytes
    peer: NodeCode
    directory: Directory
    now: datetime
    attachments: tuple[Attachment, ...] = ()
    towards: Carrier | None = None


async def prepare(node: Node, actor: Actor, submission: Submission | SignedSubmission) -> Prepared:
    """Refuses what can be refused without a look at the case: form, codes, addresses, competence, keys."""
    now = node.clock.now()
    directory = node.directory.current()
    if isinstance(submission, SignedSubmission):
        return await asyncio.to_thread(_presigned, node, actor, submission, directory, now)
    actor.require_authority(submission.sender)
    _require_proposer(actor, submission.type)
    thread = await _thread_of(node, submission)
    agreement = await agreements.bytes_to_sign(node, actor, submission)
    return _to_sign(node, actor, submission, thread, agreement, directory, now)


def _presigned(
    node: Node, actor: Actor, submission: SignedSubmission, directory: Directory, now: datetime
) -> Prepared:
    unverified = read(submission.statement, typ=StatementType.CONTENT)
    statement = opening.check_content(
        unverified, directory=directory, now=now, procedure_of=conversations.procedure_of
    )
    # Reading alone forgives a part that is not at hand, as after an erasure; a message travels whole.
    check_parts(statement, submission.narrative, submission.identity, refuse=NotAcceptable)
    content = read_content(statement, submission.narrative, submission.identity)
    actor.require_authority(content.sender)
    _require_proposer(actor, content.type)
    described = described_attachments(messages.validate(content).identity)
    check_described(content.attachments, described)
    if content.via is not None:
        actor.require_authority(content.via)
    _, towards = _carriers(node, actor, directory, content.sender, content.recipient, content.type, now)
    procedure = conversations.procedure_of(content.type)
    check_relayed(content, procedure=procedure, directory=directory, now=now, node=node.code)
    peer = towards.node
    check_size(content.attachments, directory.node(peer).limits["attachment"])
    require_recipient_keys(directory, content, towards, now)
    return Prepared(
        content=content,
        signed=SignedContent(
            statement=statement, narrative=submission.narrative, identity=submission.identity
        ),
        submitted=statement.digest.encode(),
        peer=peer,
        directory=directory,
        now=now,
        attachments=described,
        towards=towards if towards.intermediary else None,
    )


def _to_sign(
    node: Node,
    actor: Actor,
    submission: Submission,
    thread: ThreadId,
    agreement: bytes | None,
    directory: Directory,
    now: datetime,
) -> Prepared:
    speaks, towards = _carriers(
        node, actor, directory, submission.sender, submission.recipient, submission.type, now
    )
    peer = towards.node
    recipient = directory.authority(submission.recipient)
    coded = dict(submission.coded)
    require_may_say(submission.type, speaks.intermediary, submission.sender, coded)
    # A State's own key is not here, where an intermediary speaks for it.
    key = node.keys.signing(speaks.intermediary or submission.sender)
    if agreement is not None:
        coded["signature"] = agreement_signature(agreement, key)
    draft = Draft(
        id=submission.id,
        type=submission.type,
        form=messages.form(submission.type).version,
        case=submission.case,
        thread=thread,
        in_reply_to=submission.in_reply_to,
        sender=submission.sender,
        recipient=submission.recipient,
        coded=coded,
        narrative=tuple(
            NarrativeBlock(field=block.field, language=block.language, text=block.text)
            for block in submission.narrative
        ),
        identity=None if submission.identity is None else dict(submission.identity),
        urgency=submission.urgency,
        declares_no_danger=submission.declares_no_danger,
        vocabulary=vocabularies.RELEASE,
        recipient_entry=recipient.digest,
        corridor_profile=_agreed(directory, submission, now),
        via=speaks.intermediary,
    )
    described = described_attachments(messages.validate(draft).identity)
    if described:
        # What the identity part describes is what is signed for.
        claims = tuple(AttachmentClaim(digest=one.digest, chunks=chunks_of(one.size)) for one in described)
        check_described(claims, described)
        check_size(claims, directory.node(peer).limits["attachment"])
        draft = replace(draft, attachments=claims)
    signed = sign_content(draft, key=key, issued_at=now, random_bytes=node.random.bytes)
    content = read_content(signed.statement, signed.narrative, signed.identity)
    procedure = conversations.procedure_of(content.type)
    check_relayed(content, procedure=procedure, directory=directory, now=now, node=node.code)
    require_recipient_keys(directory, content, towards, now)
    return Prepared(
        content=content,
        signed=signed,
        submitted=_request_bytes(submission),
        peer=peer,
        directory=directory,
        now=now,
        attachments=described,
        towards=towards if towards.intermediary else None,
    )


def require_recipient_keys(directory: Directory, content: Content, towards: Carrier, now: datetime) -> None:
    """What the intermediary may not read is sealed to the authority's own key; where there is none, it is not
    sent, and never widened to whoever serves the authority.

    Refuses `directory.no_recipient_key`, and `intermediary.no_attachments`: a document goes in pieces that
    the intermediary's node has to put together.
    """
    parts = {"coded", *content.parts}
    past = parts - towards.readable
    if not past:
        return
    if "coded" in past or "narrative" in past:
        directory.sealing_key(content.recipient, "content", now)
    if "identity" in past:
        directory.sealing_key(content.recipient, "identity", now)
    if content.attachments:
        raise NotAcceptable(
            "intermediary.no_attachments",
            "documents cannot be carried past an intermediary",
            field="/identity",
        )


def _require_proposer(actor: Actor, type_: str) -> None:
    """A form that binds the State is proposed by a person, and approved by another: software is neither, also
    where an agency's system signed it."""
    if messages.form(type_).supervised:
        actor.require(Scope.AGREEMENTS_PROPOSE)


def _carriers(
    node: Node,
    actor: Actor,
    directory: Directory,
    sender: Address,
    recipient: Address,
    type_: str,
    now: datetime,
) -> tuple[Carrier, Carrier]:
    """How the sender speaks, and the node to send to. Refuses what no directory entry and no mandate allows,
    before anything is signed. A State without a node speaks through the actor's own intermediary alone.

    A procedure-neutral move has its competence, and the mandate for it, checked when its conversation is
    known.
    """
    procedure = conversations.procedure_of(type_)
    if _serving(directory, sender, procedure) != node.code:
        raise NotAcceptable("recipient.sender_not_here", f"{sender} is served by another node")
    peer = _serving(directory, recipient, procedure)
    if peer == node.code or state_of(recipient) == state_of(sender):
        raise NotAcceptable(
            "recipient.same_node",
            "sender and recipient share a node; this service carries messages between States",
        )
    own = speaks_as(node, directory, actor)
    return (
        carried_by(directory, sender, procedure=procedure, towards=state_of(recipient), at=now, by=own),
        carried_by(directory, recipient, procedure=procedure, towards=state_of(sender), at=now, blind=True),
    )


def _agreed(directory: Directory, submission: Submission, now: datetime) -> str | None:
    """What starts a clock cites what the two States agreed, when there is such a thing today."""
    if not (conversations.opens_thread(submission.type) or starts_clock(submission.type)):
        return None
    between = state_of(submission.sender), state_of(submission.recipient)
    profile = directory.corridor_profile(*between, now)
    return None if profile is None else profile.facts.profile_digest


def _serving(directory: Directory, address: Address, procedure: str | None) -> NodeCode:
    if procedure is not None:
        return directory.serving(address, procedure).code
    return directory.node(directory.authority(address).node).code


async def _thread_of(node: Node, submission: Submission) -> ThreadId:
    """A reply may leave its thread out; what opens a conversation has its own id as thread."""
    if submission.thread is not None:
        return submission.thread
    answered = submission.in_reply_to
    if answered is None:
        return ThreadId(submission.id)

    def look(session: Session) -> ThreadId | None:
        return mailbox.thread_of_message(session.connection(), answered, submission.case)

    thread = await node.store.read(look)
    if thread is None:
        raise NotAcceptable(
            "conversation.unknown_predecessor",
            "`in_reply_to` names no message of this case at this node",
            field="/in_reply_to",
        )
    return thread


def _request_bytes(submission: Submission) -> bytes:
    """The request in one spelling: the same content with its members in another order is the same request."""
    return json.dumps(
        {
            "id": submission.id,
            "case": submission.case,
            "type": submission.type,
            "from": submission.sender,
            "to": submission.recipient,
            "thread": submission.thread,
            "in_reply_to": submission.in_reply_to,
            "urgency": submission.urgency,
            "no_danger": submission.declares_no_danger,
            "coded": submission.coded,
            "narrative": [[block.field, block.language, block.text] for block in submission.narrative],
            "identity": submission.identity,
        },
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
