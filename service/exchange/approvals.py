"""What waits for a second person: asked for, looked at, decided, and carried out in the same transaction."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import base64url
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId
from service.access import pairs
from service.access.actor import Actor
from service.access.pairs import IDENTITY_RELEASE, KINDS, Decision, State
from service.access.roles import Scope
from service.errors import Conflict, NotFound
from service.exchange import waiting
from service.exchange.covered import MayRead
from service.exchange.drafts import prepare
from service.exchange.reading import journal_reading, own_message
from service.exchange.send import record
from service.exchange.views import (
    Accepted,
    ApprovalsView,
    ApprovalView,
    InvitationView,
    WaitingMessage,
)
from service.node import Node
from service.store import approvals

__all__ = ["decide", "found_approval", "list_approvals", "read_approval", "request_release", "view_of"]

SHOWN_AT_MOST: Final = 200


async def request_release(node: Node, actor: Actor, message: MessageId, reason: str) -> ApprovalView:
    """Ask that another person release a message's identity part. Asked again, the first answer comes again,
    for as long as it waits or lasts.

    NotFound when the message has no identity part.
    """
    now = node.clock.now()

    def work(session: Session) -> ApprovalView:
        connection = session.connection()
        actor.require(Scope.IDENTITY_REQUEST)
        row = own_message(session, actor, message)
        MayRead(node, session, actor).require(row, "identity")
        if row.identity_sealed is None:
            raise NotFound("request.not_found", "the message has no identity part")
        for found in approvals.of_subject(connection, row.id, [IDENTITY_RELEASE]):
            same = (found.sender_node, found.proposed_by, found.reason) == (
                row.sender_node,
                actor.person,
                reason,
            )
            if same and pairs.state_at(found, now) in ("proposed", "approved"):
                return view_of(found, now)
        ours = row.sender if row.direction == "out" else row.recipient
        approval = pairs.propose(
            node,
            session,
            actor,
            IDENTITY_RELEASE,
            row.id,
            None,
            now,
            reason=reason,
            case=row.case_reference,
            proposing=Address(ours),
            sender_node=row.sender_node,
        )
        return view_of(found_approval(session, actor, approval), now)

    asked = await node.store.write(work)
    node.wake.notices.notify()
    return asked


async def list_approvals(
    node: Node,
    actor: Actor,
    state: State | None,
    *,
    subject: str | None = None,
    after: str | None = None,
    limit: int = SHOWN_AT_MOST,
) -> ApprovalsView:
    """What waits comes first, the oldest first; then the rest, the newest first. Never content.

    None does not filter. Refuses `request.cursor` for an `after` that no page has given.
    """
    now = node.clock.now()
    seen = [kind for kind in KINDS.values() if actor.may(kind.proposes) or actor.may(kind.decides)]
    sought = approvals.Sought(
        of_cases=sorted(kind.name for kind in seen if kind.of_a_case),
        of_node=sorted(kind.name for kind in seen if not kind.of_a_case),
        authorities=sorted(actor.authorities),
        used_later=sorted(kind.name for kind in KINDS.values() if kind.used_later),
        state=state,
        subject=subject,
    )
    begin = None if after is None else _place(after)

    def work(session: Session) -> ApprovalsView:
        rows = approvals.listed(session.connection(), sought, now, limit + 1, begin)
        shown = rows[:limit]
        return ApprovalsView(
            approvals=tuple(view_of(row, now) for row in shown if pairs.may_see(actor, row)),
            after=_after(shown[-1], now) if len(rows) > limit else None,
        )

    return await node.store.read(work)


def _after(row: Row[Any], now: datetime) -> str:
    waited = pairs.state_at(row, now) == "proposed"
    place = json.dumps([waited, row.proposed_at.isoformat(), row.id], separators=(",", ":"))
    return base64url.encode(place.encode()).decode("ascii")


def _place(after: str) -> approvals.Place:
    try:
        waited, proposed_at, id_ = json.loads(base64url.decode(after.encode("ascii")))
        moment = datetime.fromisoformat(proposed_at)
        if not isinstance(waited, bool) or not isinstance(id_, str) or moment.tzinfo is None:
            raise ValueError
    except (ValueError, TypeError, Refused):
        raise NotAcceptable(
            "request.cursor", "expected `after` as the page before gave it", field="after"
        ) from None
    return approvals.Place(waited=waited, proposed_at=moment, id=id_)


async def read_approval(node: Node, actor: Actor, approval: MessageId) -> ApprovalView:
    """With the message that waits, for a reader who may see messages; never its identity part."""
    now = node.clock.now()

    def work(session: Session) -> ApprovalView:
        row = found_approval(session, actor, approval)
        message = None
        if row.payload_sealed is not None and row.kind in waiting.MESSAGE_KINDS:
            actor.require(Scope.MESSAGES_READ)
            message = waiting.shown(waiting.kept(node, session, row))
            MayRead(node, session, actor).require(message)
        return view_of(row, now, message=message)

    view = await node.store.read(work)
    if view.message is not None and view.message.content.narrative:
        await journal_reading(node, actor, node.code, view.subject)
    return view


async def decide(
    node: Node, actor: Actor, approval: MessageId, decision: Decision, reason: str | None
) -> ApprovalView:
    """Approve what another person proposed, which carries it out, or return it with a reason.

    Decided again in the same way, the first answer comes again. Refuses as `pairs.check_decision`, an
    approval also as `pairs.require_both`, a return as `pairs.require_present`, and whatever the act itself
    refuses: then nothing is decided. What somebody proposed who was disabled since can still be returned.
    """
    now = node.clock.now()
    row = await node.store.read(lambda session: found_approval(session, actor, approval))
    fresh = pairs.check_decision(actor, row, decision, now)
    act = await pairs.ACTS[row.kind](node, row) if fresh and decision == "approve" else None

    def work(session: Session) -> ApprovalView:
        row = found_approval(session, actor, approval)
        if not pairs.check_decision(actor, row, decision, now):
            return view_of(row, now)
        if decision == "approve":
            pairs.require_both(session, actor, row.proposed_by)
        else:
            pairs.require_present(session, actor)
        pairs.close(node, session, actor, row, decision, now, reason=reason)
        done = act(session) if act is not None else None
        after = found_approval(session, actor, approval)
        return view_of(
            after,
            now,
            accepted=done if isinstance(done, Accepted) else None,
            invitation=done if isinstance(done, InvitationView) else None,
        )

    view = await node.store.write(work)
    if view.accepted is not None:
        node.metrics.accepted(view.accepted.type)
    node.wake.outbox_ready.notify()
    node.wake.notices.notify()
    return view


async def _release(node: Node, row: Row[Any]) -> pairs.Work:  # noqa: ARG001 (as every act is called)
    """Nothing to do yet: from now on the two may look."""
    return lambda _: None


async def _say(node: Node, row: Row[Any]) -> pairs.Work:
    """The message is said now, as its author's, and checked as if it were new."""
    proposer = pairs.proposer_of(row)
    submission = await node.store.read(lambda session: waiting.kept(node, session, row))
    prepared = await prepare(node, proposer, submission)
    wait = waiting.second_person(node, prepared)
    if wait is not None and (wait.kind, wait.deciding) != (row.kind, row.deciding):
        raise Conflict("access.proposal_void", "who has to approve this has changed since; propose it again")
    by = Address(row.deciding) if row.kind == waiting.COUNTERSIGNATURE else None
    return lambda session: record(node, session, proposer, prepared, countersigned_by=by)


pairs.ACTS[IDENTITY_RELEASE] = _release
for _kind in waiting.MESSAGE_KINDS:
    pairs.ACTS[_kind] = _say


def found_approval(session: Session, actor: Actor, approval: str) -> Row[Any]:
    """NotFound `request.not_found`, alike for one that is not the actor's to see."""
    row = approvals.by_id(session.connection(), approval)
    if row is None or not pairs.may_see(actor, row):
        raise NotFound("request.not_found", "nothing of that id waits for your authorities")
    return row


def view_of(
    row: Row[Any],
    now: datetime,
    *,
    message: WaitingMessage | None = None,
    accepted: Accepted | None = None,
    invitation: InvitationView | None = None,
) -> ApprovalView:
    """As it stands at `now`."""
    return ApprovalView(
        id=MessageId(row.id),
        kind=row.kind,
        subject=row.subject,
        state=pairs.state_at(row, now),
        case=None if row.case_reference is None else CaseReference(row.case_reference),
        proposing=None if row.proposing is None else Address(row.proposing),
        deciding=None if row.deciding is None else Address(row.deciding),
        reason=row.reason,
        facts=pairs.facts_of(row),
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        expires_at=row.expires_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_reason=row.decided_reason,
        message=message,
        accepted=accepted,
        preview=pairs.preview_of(row),
        in_force_since=row.in_force_since,
        invitation=invitation,
    )
