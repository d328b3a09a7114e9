"""Who may see a case, decide on what others propose, or administer: said by two administrators.

    register a person    two, for a role that shows content or administers; one for the rest
    make their link      likewise: whoever holds the link IS that person. It is shown to whoever approves
    register a system    two
    disable either       one: it takes away

A new node begins with nobody who could approve. So one administrator alone registers administrators until
there have ever been two, and makes the links with which those come for the first time
(`people.administrators`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from service.access import clients, pairs, people
from service.access.actor import Actor
from service.access.pairs import ACCOUNT_ACTION
from service.access.people import Person
from service.access.roles import CONTENT_SCOPES, ROLE_SCOPES, Role, Scope
from service.errors import Conflict, NotFound
from service.exchange.approvals import found_approval, view_of
from service.exchange.views import ApprovalView, InvitationView
from service.node import Node
from service.store import approvals

__all__ = ["BY_TWO", "add_person", "invite_person", "register_client"]

BY_TWO: Final = frozenset(role for role in Role if ROLE_SCOPES[role] & (CONTENT_SCOPES | {Scope.ADMIN}))
"""Roles that nobody gives alone: with one of them somebody sees a case, or is one of two people."""
_FIRST: Final = 2


async def add_person(
    node: Node,
    actor: Actor,
    role: Role,
    authorities: Iterable[str],
    subject: str | None,
    *,
    id: str | None = None,  # noqa: A002 (the row's own name)
) -> Person | ApprovalView:
    """`subject`: a `people.subject_digest`. `id`: a `people.new_id` that a page has chosen; asked again with
    it, the first answer comes again. Refuses as `people.check`; Conflict `access.base_changed` where the id
    is somebody else's.
    """
    now, named = node.clock.now(), list(authorities)

    def work(session: Session) -> Person | ApprovalView:
        actor.require(Scope.ADMIN)
        if id is not None and (known := people.find_person(session, id)) is not None:
            same = (known.role, set(known.authorities)) == (role, set(named))
            if known.registered_by != actor.person or not same:
                raise Conflict("access.base_changed", "this id is somebody's already; begin again")
            return known
        people.check(session, state=node.state, role=role, authorities=named, subject=subject)
        id_ = id or people.new_id(node.random.bytes)
        act = {"act": "person", "role": str(role), "authorities": named, "subject": subject}
        if id is not None and _waits_for_another(session, id, act, now):
            raise Conflict("access.base_changed", "another proposal with this id waits; begin again")
        if role not in BY_TWO or (role is Role.ADMINISTRATOR and people.administrators(session) < _FIRST):
            return _add(node, session, actor, id_, act, now)
        comes = (
            "by one-time links" if subject is None else f"by the identity provider, subject digest {subject}"
        )
        lines = [
            f"{id_}: new, as {role}",
            *(f"acts for {authority}" for authority in named),
            f"comes {comes}",
        ]
        return _proposed(node, session, actor, id_, {"act": "register-person", "role": str(role)}, act, lines)

    return await node.store.write(work)


async def invite_person(node: Node, actor: Actor, id: str) -> InvitationView | ApprovalView:  # noqa: A002
    """A link, or what waits for a second person. NotFound `request.not_found`, also for somebody disabled."""
    now = node.clock.now()

    def work(session: Session) -> InvitationView | ApprovalView:
        actor.require(Scope.ADMIN)
        person = people.person_of(session, id)
        if person.disabled_at is not None:
            raise NotFound("request.not_found", "this person is disabled")
        first = (
            person.role is Role.ADMINISTRATOR
            and people.administrators(session) <= _FIRST
            and not people.has_come(session, id)
        )
        if person.role not in BY_TWO or first:
            return _invite(node, session, actor, id, now)
        lines = [f"{id}: a link that signs them in once, as {person.role}", "earlier links of theirs end"]
        facts = {"act": "invite", "role": str(person.role)}
        return _proposed(node, session, actor, id, facts, {"act": "invite"}, lines)

    return await node.store.write(work)


async def register_client(
    node: Node,
    actor: Actor,
    id: str,  # noqa: A002
    *,
    role: Role,
    authorities: Iterable[str],
    scopes: Iterable[Scope] | None,
    keys: Iterable[Mapping[str, Any]],
) -> ApprovalView:
    """Refuses as `clients.check`."""
    named, given = list(authorities), list(keys)
    wanted = None if scopes is None else sorted(scopes)

    def work(session: Session) -> ApprovalView:
        actor.require(Scope.ADMIN)
        values = clients.check(id, state=node.state, role=role, authorities=named, scopes=wanted, keys=given)
        act = {"act": "client", "role": str(role), "authorities": named, "scopes": wanted, "keys": given}
        act["base"] = _state_of_client(session, id)
        known = clients.known(session, id)
        lines = [
            f"{id}: {'new' if known is None else 'registered anew'}, as {role}",
            *(f"acts for {authority}" for authority in named),
            f"may: {values['scopes']}",
            *(f"key {kid}" for kid in clients.thumbprints(given)),
        ]
        if known is not None:
            lines += [f"no longer key {kid}" for kid in known.kids]
        return _proposed(node, session, actor, id, {"act": "register-client", "role": str(role)}, act, lines)

    return await node.store.write(work)


def _waits_for_another(session: Session, subject: str, act: Mapping[str, Any], now: datetime) -> bool:
    rows = approvals.of_subject(session.connection(), subject, [ACCOUNT_ACTION])
    return any(pairs.state_at(row, now) == "proposed" and pairs.payload_of(row) != act for row in rows)


def _proposed(
    node: Node,
    session: Session,
    actor: Actor,
    subject: str,
    facts: Mapping[str, str],
    act: Mapping[str, Any],
    lines: Iterable[str],
) -> ApprovalView:
    """The first answer again, where the same person asks the same again while it waits: a button pressed
    twice is one proposal."""
    now = node.clock.now()
    for row in approvals.of_subject(session.connection(), subject, [ACCOUNT_ACTION]):
        waits = pairs.state_at(row, now) == "proposed" and row.proposed_by == actor.person
        if waits and pairs.payload_of(row) == act:
            return view_of(row, now)
    approval = pairs.propose(
        node, session, actor, ACCOUNT_ACTION, subject, facts, now, act=act, preview=lines
    )
    return view_of(found_approval(session, actor, approval), now)


def _add(node: Node, session: Session, by: Actor, id_: str, act: Mapping[str, Any], now: datetime) -> Person:
    return people.add(
        session,
        by,
        state=node.state,
        role=Role(act["role"]),
        authorities=act["authorities"],
        subject=act["subject"],
        random_bytes=node.random.bytes,
        now=now,
        id=id_,
    )


def _invite(node: Node, session: Session, by: Actor, id_: str, now: datetime) -> InvitationView:
    secret, until = people.invite(
        session,
        by,
        id_,
        lifetime=timedelta(hours=node.settings.invitation_hours),
        random_bytes=node.random.bytes,
        now=now,
    )
    link = f"{node.settings.audience.rstrip('/')}/auth/invitation/{secret}"
    return InvitationView(link=link, expires_at=until)


def _state_of_client(session: Session, id_: str) -> str:
    """What a registration replaces: told apart by when it was made and whether it is disabled."""
    known = clients.known(session, id_)
    return "" if known is None else f"{known.registered_at.isoformat()} {known.disabled_at}"


async def _decided(node: Node, row: Row[Any]) -> pairs.Work:
    now, by = node.clock.now(), pairs.proposer_of(row)

    def work(session: Session) -> InvitationView | None:
        act = pairs.payload_of(row)
        match act["act"]:
            case "person":
                _add(node, session, by, row.subject, act, now)
            case "invite":
                return _invite(node, session, by, row.subject, now)
            case _:
                if _state_of_client(session, row.subject) != act["base"]:
                    raise Conflict("access.base_changed", "this system was registered or disabled since")
                # Registered anew, it is disabled no more.
                node.ledger.release("client-disabled", row.subject, now)
                clients.register(
                    session,
                    by,
                    row.subject,
                    state=node.state,
                    role=Role(act["role"]),
                    authorities=act["authorities"],
                    scopes=None if act["scopes"] is None else [Scope(one) for one in act["scopes"]],
                    keys=act["keys"],
                    now=now,
                )
        return None

    return work


pairs.ACTS[ACCOUNT_ACTION] = _decided
