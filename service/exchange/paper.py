"""A consent on paper, from a State without a node: looked at and confirmed by two people of the other State.

    attested    the intermediary says what it received, with the digest of the version and a scan
    proposed    one person has looked at the scan, and asks for a second
    confirmed   another person has too: the authority signs that, and the version is accepted on paper

It never becomes an agreement, whatever the paper says: that takes the State's own signature.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import safeguards
from protocol.agreement import VERSIONS, agreement_digest
from protocol.content import Content, read_content
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, state_of
from protocol.intermediary import ATTEST, CONFIRMED, CONSENT_FORMS, IDENTIFIED
from protocol.safeguards.asked import Asked
from service.access import pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Conflict
from service.exchange import case_files, proof
from service.exchange.approvals import view_of
from service.exchange.message_row import stored_statement
from service.exchange.reading import own_message
from service.exchange.receipts import confirm_on_paper
from service.exchange.views import ApprovalView
from service.node import Node
from service.store import approvals, attachments, cases, mailbox

__all__ = ["propose_paper_consent"]

KIND: Final = "paper-consent"
_PROTECTION: Final = next(one for one in safeguards.SAFEGUARDS if one.number == 11)


async def propose_paper_consent(node: Node, actor: Actor, message: MessageId) -> ApprovalView:
    """Ask that another person confirm what this attestation attests. Asked again, the first answer again.

    NotAcceptable `paper.not_a_consent` for anything but an intermediary's attestation that its State accepted
    a version of this conversation, on paper and from somebody identified; `intermediary.cannot_bind` at a
    node that is not the recipient's State's own; Conflict `paper.scan_missing`; and as safeguard 11, for the
    confirmation leaves like anything that is said.
    """
    now = node.clock.now()

    def work(session: Session) -> ApprovalView:
        actor.require(Scope.AGREEMENTS_PROPOSE)
        row = own_message(session, actor, message)
        if state_of(Address(row.recipient)) != node.state:
            # An intermediary's people act for that State, and are no people of it.
            raise NotAcceptable("intermediary.cannot_bind", "two people of the State itself confirm it")
        agreement = _agreement(session, row)
        _require_may_leave(session, row, now)
        for found in approvals.of_subject(session.connection(), row.id, [KIND]):
            # Ids are unique per sending node: another's attestation under the same id is another matter.
            same = found.sender_node == row.sender_node
            if same and pairs.state_at(found, now) in ("proposed", "approved"):
                return view_of(found, now)
        approval = pairs.propose(
            node,
            session,
            actor,
            KIND,
            row.id,
            {"agreement": agreement},
            now,
            case=row.case_reference,
            proposing=Address(row.recipient),
            sender_node=row.sender_node,
        )
        kept = approvals.by_id(session.connection(), approval)
        assert kept is not None
        return view_of(kept, now)

    return await node.store.write(work)


async def _confirm(node: Node, approval: Row[Any]) -> pairs.Work:
    """The authority signs that two of its people have confirmed it."""
    now = node.clock.now()
    directory = node.directory.current()

    def work(session: Session) -> None:
        connection = session.connection()
        sender, message = NodeCode(approval.sender_node), MessageId(approval.subject)
        row = mailbox.find_message(connection, sender, message)
        if row is None:
            raise NotAcceptable("paper.not_a_consent", "the attestation is not here")
        agreement = _agreement(session, row)
        _require_may_leave(session, row, now)
        if any(one.kind == CONFIRMED for one in mailbox.evidence_of(connection, sender, message)):
            return
        proof.issue(
            node,
            session,
            kind=CONFIRMED,
            sender=sender,
            message=message,
            statement_digest=row.statement_digest,
            issuer=Address(row.recipient),
            directory=directory,
            now=now,
            facts={"agreement": agreement, "persons": "2"},
            to=sender,
        )
        confirm_on_paper(session, row, now.replace(microsecond=0), now)

    return work


pairs.ACTS[KIND] = _confirm


def _agreement(session: Session, row: Row[Any]) -> str:
    """The digest of the version that the paper accepts, when it counts as a consent."""
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
    version = _version(session, content)
    states = {state_of(version.sender), state_of(version.recipient)} if version else set()
    if version is None or agreement_digest(version) != agreement or state_of(content.sender) not in states:
        raise NotAcceptable(
            "paper.not_a_consent", "it does not name the version that it replies to", field="/coded/agreement"
        )
    _require_scan(session, row, content)
    return agreement


def _require_may_leave(session: Session, row: Row[Any], now: datetime) -> None:
    """It is evidence, which no queue holds back, and by it the other State would go on preparing: it is asked
    what a message would be asked."""
    case = cases.load_case(session.connection(), CaseReference(row.case_reference))
    assert case is not None, "a message that was taken in has its case"
    asked = Asked(
        type=CONFIRMED,
        sender=Address(row.recipient),
        recipient=Address(row.sender),
        thread=ThreadId(row.thread),
        in_reply_to=MessageId(row.id),
        coded={},
        issued_at=now,
    )
    file = case_files.case_file(case.row)
    missing = tuple(safeguards.CHECKS[_PROTECTION.number](_PROTECTION, file, asked))
    if missing:
        raise NotAcceptable(_PROTECTION.code, _PROTECTION.name, missing=missing)


def _version(session: Session, content: Content) -> Content | None:
    for row in mailbox.messages_of_thread(session.connection(), content.thread):
        if row.id == content.in_reply_to and row.type in VERSIONS and row.status != "refused":
            return read_content(stored_statement(row), None, None)
    return None


def _require_scan(session: Session, row: Row[Any], content: Content) -> None:
    here = [
        one
        for one in attachments.of_message(session.connection(), NodeCode(row.sender_node), MessageId(row.id))
        if one.state == "complete"
    ]
    if not content.attachments or len(here) < len(content.attachments):
        raise Conflict("paper.scan_missing", "nobody confirms a paper whose scan is not here")
