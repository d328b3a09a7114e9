"""A consent on paper, from a State without a node: looked at and confirmed by two people of the other State.

    attested    the intermediary says what it received, with the digest of the version and a scan
    proposed    one person has opened the scan, and asks for a second
    confirmed   another person has too: the authority signs that, and the version is accepted on paper

It never becomes an agreement, whatever the paper says: that takes the State's own signature. What may be
confirmed at all, `service.exchange.consents` says; it is asked of both people, each at their own moment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import safeguards
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, state_of
from protocol.intermediary import CONFIRMED
from protocol.safeguards.asked import Asked
from service.access import pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.exchange import case_files, consents, proof
from service.exchange.approvals import view_of
from service.exchange.reading import own_message
from service.exchange.receipts import confirm_on_paper
from service.exchange.views import ApprovalView
from service.node import Node
from service.store import approvals, cases, mailbox

__all__ = ["propose_paper_consent"]

KIND: Final = "paper-consent"
_PROTECTION: Final = next(one for one in safeguards.SAFEGUARDS if one.number == 11)


async def propose_paper_consent(node: Node, actor: Actor, message: MessageId) -> ApprovalView:
    """Ask that another person confirm what this attestation attests. Asked again, the first answer again.

    NotAcceptable `paper.not_a_consent` for anything but an intermediary's attestation that its State accepted
    a version of this conversation, on paper and from somebody identified; `intermediary.cannot_bind` at a
    node that is not the recipient's State's own; Conflict `paper.scan_not_opened` for whoever has not opened
    the scan; as `consents.require_confirmable`; and as safeguard 11, for the confirmation leaves like
    anything that is said.
    """
    now = node.clock.now()
    directory = node.directory.current()

    def work(session: Session) -> ApprovalView:
        actor.require(Scope.AGREEMENTS_PROPOSE)
        row = own_message(session, actor, message)
        if state_of(Address(row.recipient)) != node.state:
            # An intermediary's people act for that State, and are no people of it.
            raise NotAcceptable("intermediary.cannot_bind", "two people of the State itself confirm it")
        agreement = consents.require_confirmable(session, row, directory, now)
        consents.require_opened(session, row, actor.person)
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
        agreement = consents.require_confirmable(session, row, directory, now)
        decided = approvals.by_id(connection, approval.id)
        assert decided is not None, "it is being decided"
        for person in (approval.proposed_by, decided.decided_by):
            consents.require_opened(session, row, person)
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
