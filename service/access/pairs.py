"""The second pair of eyes: acts that one person proposes and another, different person decides on.

    propose    by whoever may, with a reason; it is stored, and nothing else happens
    decide     by another person whose role allows it: approve, and it is carried out in the same
               transaction; or return it with a reason
    lapse      nobody decided in time: nothing happens, and it is seen

An act that only takes power away may hold from the moment it is proposed (`in_force_since`): the second
person confirms it. Returned or lapsed it holds on; only another proposal, by two people, gives the power
back.

Which acts these are, who may propose and who may decide is data (`KINDS`). What is carried out stands in
`ACTS`, one entry a kind, put there by the module whose act it is. A refusal while it is carried out leaves
the proposal as it was.

The protection status has its own two people (`service.exchange.cases`), because there the first person's
doubt takes effect at once. That they are two is asked here all the same (`require_both`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Literal, NewType

from sqlalchemy import Row
from sqlmodel import Session

from protocol.identifiers import Address, new_message_id
from service.access import journal, people
from service.access.actor import Actor, Via
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.errors import Conflict, Forbidden
from service.node import Node
from service.notices import Audience, audiences_of, tell
from service.store import approvals

__all__ = [
    "ACCOUNT_ACTION",
    "ACTS",
    "DIRECTORY_ACTION",
    "IDENTITY_RELEASE",
    "KEY_ACTION",
    "KINDS",
    "VIA",
    "Act",
    "ApprovalId",
    "ApprovalKind",
    "Decision",
    "State",
    "check_decision",
    "close",
    "facts_of",
    "may_see",
    "payload_of",
    "preview_of",
    "propose",
    "proposer_of",
    "release_allowed",
    "require_both",
    "require_present",
    "state_at",
    "via_of",
]

ApprovalId = NewType("ApprovalId", str)

type Decision = Literal["approve", "return"]
type State = Literal["proposed", "approved", "returned", "lapsed"]
type Work = Callable[[Session], Any]
type Act = Callable[[Node, Row[Any]], Awaitable[Work]]
"""Carries an approved proposal out. Called outside the writer with the approval's row, for what takes time;
returns the unit that runs in the transaction of the decision. Refuses as the act itself would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalKind:
    """`proposes`, `decides`: the scope that it takes. `of_a_case`: only those who act for the authority
    concerned see it; other kinds are the node's own. `used_later`: the decision carries nothing out, it
    allows something for a time."""

    name: str
    proposes: Scope
    decides: Scope
    of_a_case: bool = True
    used_later: bool = False


VIA: Final = "via"
"""The fact that names the intermediary through which a proposed message would be said."""
IDENTITY_RELEASE: Final = "identity-release"
KEY_ACTION: Final = "key-action"
DIRECTORY_ACTION: Final = "directory-action"
ACCOUNT_ACTION: Final = "account-action"

KINDS: Final[Mapping[str, ApprovalKind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            ApprovalKind(
                name=IDENTITY_RELEASE,
                proposes=Scope.IDENTITY_REQUEST,
                decides=Scope.IDENTITY_READ,
                used_later=True,
            ),
            # A message that binds the State: an agreement accepted or revoked, and what a setting adds.
            ApprovalKind(
                name="binding-message", proposes=Scope.AGREEMENTS_PROPOSE, decides=Scope.AGREEMENTS_SIGN
            ),
            # A local authority's message, where its State has them go through the focal point.
            ApprovalKind(name="countersignature", proposes=Scope.MESSAGES_SEND, decides=Scope.MESSAGES_SEND),
            # What an intermediary attests of another State's consent on paper: never an agreement.
            ApprovalKind(
                name="paper-consent", proposes=Scope.AGREEMENTS_PROPOSE, decides=Scope.AGREEMENTS_SIGN
            ),
            ApprovalKind(name=KEY_ACTION, proposes=Scope.ADMIN, decides=Scope.ADMIN, of_a_case=False),
            ApprovalKind(name=DIRECTORY_ACTION, proposes=Scope.ADMIN, decides=Scope.ADMIN, of_a_case=False),
            # Who may be one of two people, and which systems may ask.
            ApprovalKind(name=ACCOUNT_ACTION, proposes=Scope.ADMIN, decides=Scope.ADMIN, of_a_case=False),
            ApprovalKind(name="erasure", proposes=Scope.ADMIN, decides=Scope.ADMIN, of_a_case=False),
        )
    }
)
"""A setting may add acts that need two people. None takes a row away."""

ACTS: Final[dict[str, Act]] = {}
"""By kind: what is done when it is approved."""


def propose(
    node: Node,
    session: Session,
    actor: Actor,
    kind: str,
    subject: str,
    payload: Mapping[str, str] | None,
    now: datetime,
    *,
    reason: str | None = None,
    case: str | None = None,
    proposing: Address | None = None,
    deciding: Address | None = None,
    expires_at: datetime | None = None,
    id: ApprovalId | None = None,  # noqa: A002 (the row's own name)
    act: Mapping[str, Any] | None = None,
    preview: Iterable[str] = (),
    **columns: Any,
) -> ApprovalId:
    """Keep an act for a second person.

    `subject`: what it is about, by an id. `payload`: codes and names of offices and keys, never content,
    which goes into `payload_sealed` under its case's key. `act`: what carrying it out takes and is too long
    for that. `preview`: its effect, a line each, for whoever decides. `proposing`, `deciding`: the
    authorities whose people propose and decide, for what is of a case. `id`: where it was named before.
    Forbidden `access.scope` unless the actor may propose.
    """
    policy = KINDS[kind]
    actor.require(policy.proposes)
    approval = id or ApprovalId(str(new_message_id(node.random.bytes)))
    until = expires_at or now + timedelta(seconds=node.settings.approval_seconds)
    approvals.add(
        session.connection(),
        id=approval,
        kind=kind,
        subject=subject,
        case_reference=case,
        proposing=proposing,
        deciding=deciding if deciding is not None else proposing,
        reason=reason,
        facts=None if payload is None else _written(payload),
        payload=None if act is None else _written(act),
        preview="\n".join(preview) or None,
        state="proposed",
        proposed_by=actor.person,
        proposed_role=actor.role,
        proposed_via=actor.via,
        proposed_scopes=" ".join(sorted(actor.scopes)),
        proposed_at=now,
        expires_at=until,
        **columns,
    )
    journal.note(session, actor, f"{kind}-proposed", subject, at=now, reason=reason)
    tell(
        session,
        "approval-waiting",
        authority=deciding if deciding is not None else proposing,
        audience=_who_decides(policy, payload or {}),
        subject=approval,
        due_at=until,
        key=f"approval-waiting/{approval}",
        now=now,
    )
    return approval


def _who_decides(policy: ApprovalKind, payload: Mapping[str, str]) -> Audience:
    """The first audience whose role has every scope that the decision takes."""
    scopes = {Scope.APPROVALS_DECIDE, policy.decides, Scope(payload.get("scope", policy.decides))}
    if scopes <= ROLE_SCOPES[Role.CASE_OFFICER]:
        return "officer"
    return "supervisor" if scopes <= ROLE_SCOPES[Role.SUPERVISOR] else "administrator"


def _tell_decision(session: Session, row: Row[Any], until: datetime | None, now: datetime) -> None:
    """Whoever proposed it. A release of identity is told as such, with its end."""
    told = audiences_of(Role(row.proposed_role))
    audience: Audience | None = next(
        (one for one in ("officer", "supervisor", "administrator", "operator") if one in told), None
    )
    if audience is None or (row.proposing is None and audience in ("officer", "supervisor")):
        return
    kind = "identity-released" if row.kind == IDENTITY_RELEASE and until else "approval-decided"
    tell(
        session,
        kind,
        authority=None if row.proposing is None else Address(row.proposing),
        audience=audience,
        subject=row.id,
        due_at=until,
        key=f"{kind}/{row.id}",
        now=now,
    )


def state_at(row: Row[Any], now: datetime) -> State:
    """As it stands at `now`, whether or not anybody has written down that it lapsed."""
    state: State = row.state
    used_later = row.kind in KINDS and KINDS[row.kind].used_later
    if now >= row.expires_at and (state == "proposed" or (state == "approved" and used_later)):
        return "lapsed"
    return state


def facts_of(row: Row[Any]) -> Mapping[str, str]:
    facts: dict[str, str] = json.loads(row.facts or "{}")
    return facts


def payload_of(row: Row[Any]) -> Mapping[str, Any]:
    """What carrying it out takes. Gone once it is decided."""
    payload: dict[str, Any] = json.loads(row.payload or "{}")
    return payload


def preview_of(row: Row[Any]) -> tuple[str, ...]:
    return tuple((row.preview or "").splitlines())


def _written(values: Mapping[str, Any]) -> str:
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def may_see(actor: Actor, row: Row[Any]) -> bool:
    """Whoever may propose such an act or decide on it, for one of the two authorities concerned."""
    kind = KINDS.get(row.kind)
    if kind is None or not (actor.may(kind.proposes) or actor.may(kind.decides)):
        return False
    return not kind.of_a_case or not actor.authorities.isdisjoint({row.proposing, row.deciding})


def proposer_of(row: Row[Any]) -> Actor:
    """Whoever proposed it, as they came then, with what their token granted and their role may still do
    today; at an intermediary's node through the one that they proposed it for."""
    role = Role(row.proposed_role)
    granted = ROLE_SCOPES[role]
    if row.proposed_scopes is not None:
        # Of a role that has lost a scope since, the word may be no scope any more.
        said = frozenset(row.proposed_scopes.split())
        granted = frozenset(scope for scope in granted if scope in said)
    spoke_as = (row.proposing, facts_of(row).get(VIA))
    return Actor(
        person=row.proposed_by,
        role=role,
        authorities=frozenset(Address(one) for one in spoke_as if one is not None),
        scopes=granted,
        expires_at=row.expires_at,
        via=via_of(row),
    )


def via_of(row: Row[Any]) -> Via:
    """How whoever proposed it had come to be known."""
    match row.proposed_via:
        case "session":
            return "session"
        case "client":
            return "client"
        case _:
            return "command"


def check_decision(actor: Actor, row: Row[Any], decision: Decision, now: datetime) -> bool:
    """True when the actor may decide this now; False when they did so already, with the same result.

    Forbidden `access.scope`, `access.not_your_authority`; `access.second_person` for whoever proposed it,
    also to return it. Conflict `access.decided` when it was decided otherwise, `access.lapsed` when it is too
    late.
    """
    kind = KINDS[row.kind]
    actor.require(Scope.APPROVALS_DECIDE)
    # Before the role: nobody shall look for a role in which they could do it alone.
    if actor.person == row.proposed_by:
        raise Forbidden("access.second_person", "whoever proposed this does not decide on it")
    actor.require(kind.decides)
    if "scope" in facts_of(row):
        actor.require(Scope(facts_of(row)["scope"]))
    if kind.of_a_case and row.deciding is not None:
        actor.require_authority(Address(row.deciding))
    if VIA in facts_of(row):
        # Another intermediary at the same node has other mandates.
        actor.require_authority(Address(facts_of(row)[VIA]))
    state = state_at(row, now)
    if state == "lapsed":
        raise Conflict("access.lapsed", "nobody decided in time; it has to be proposed again")
    if state == "proposed":
        return True
    if row.decided_by == actor.person and state == ("approved" if decision == "approve" else "returned"):
        return False
    raise Conflict("access.decided", "another decision was taken on this already")


def require_both(session: Session, actor: Actor, first: str) -> None:
    """The two are two, and both are still people here, when the second of them decides.

    Everything that takes two people asks this, the protection status too. Forbidden `access.second_person`
    for the first person themself, and as `require_present`. Conflict `access.proposal_void` when the first
    has been disabled since: they may be registered anew under another name, and would be both.
    """
    if actor.person == first:
        raise Forbidden("access.second_person", "whoever proposed this does not decide on it")
    require_present(session, actor)
    if people.has_gone(session, first):
        raise Conflict("access.proposal_void", "whoever proposed this has been disabled; propose it again")


def require_present(session: Session, actor: Actor) -> None:
    """Forbidden `access.second_person` for a token that outlives its person: whoever holds it may be here
    under another name, and have proposed what it decides on."""
    if people.has_gone(session, actor.person):
        raise Forbidden("access.second_person", "whoever decides has been disabled")


def close(
    node: Node,
    session: Session,
    actor: Actor,
    row: Row[Any],
    decision: Decision,
    now: datetime,
    *,
    reason: str | None,
) -> None:
    """Write the decision down, and drop what was kept for it.

    Conflict `access.decided` when somebody else was faster.
    """
    lasts = node.settings.identity_release_seconds
    used_later = KINDS[row.kind].used_later and decision == "approve"
    until = now + timedelta(seconds=lasts) if used_later else None
    values = {"expires_at": until} if until else {}
    done = approvals.change(
        session.connection(),
        row.id,
        was="proposed",
        state="approved" if decision == "approve" else "returned",
        decided_by=actor.person,
        decided_at=now,
        decided_reason=reason,
        payload=None,
        payload_sealed=None,
        **values,
    )
    if not done:
        raise Conflict("access.decided", "another decision was taken on this already")
    _tell_decision(session, row, until, now)
    word = "approved" if decision == "approve" else "returned"
    journal.note(session, actor, f"{row.kind}-{word}", row.subject, at=now, reason=reason or row.reason)


def release_allowed(
    node: Node, session: Session, actor: Actor, message: Row[Any], reason: str, now: datetime
) -> None:
    """Whether the actor may be shown the identity part of this message for this reason now.

    Yes, when they asked for it and another person released it, or when they released it for another; each for
    as long as the release lasts. Where the node's policy asks for no second person, also a supervisor alone.
    Forbidden `access.second_person`, also for a token that outlives its person.
    """
    require_present(session, actor)
    if IDENTITY_RELEASE not in node.settings.second_person.split() and actor.may(Scope.IDENTITY_READ):
        return
    for row in approvals.of_subject(session.connection(), message.id, [IDENTITY_RELEASE]):
        if (
            row.sender_node == message.sender_node
            and row.state == "approved"
            and row.reason == reason
            and now < row.expires_at
            and actor.person in (row.proposed_by, row.decided_by)
        ):
            return
    raise Forbidden(
        "access.second_person", "expected a release for this reason that another person has approved"
    )
