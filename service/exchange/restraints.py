"""What only takes power away outlives a lost disk: legal holds, blocks by hand, and who was disabled.

    note     the ledger has it, on disk       from here on it stands, whatever becomes of the database
    commit   the database has it
    start    what the ledger has and the database has not is done again (`repeat`); then what the database
             has and the ledger has not is written there (`keep`)

Whatever goes wrong between the two, the restraint stands: to have ended one too often costs a click, to have
lost one may cost a child's file. What a retention rule blocks is not noted: the rule says it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from protocol.identifiers import CaseReference
from service.access import clients, journal, people
from service.access.actor import Actor
from service.access.clients import Client
from service.access.people import Person
from service.access.roles import Role, Scope
from service.node import Node
from service.store import retention
from service.store.tables import CASE_RETENTION

__all__ = [
    "BY_ITSELF",
    "BY_RULE",
    "Repeated",
    "disable_client",
    "disable_person",
    "keep",
    "note",
    "repeat",
    "repeat_now",
]

BY_RULE: Final = "retention-ended"
"""The reason that stands in the journal for what a rule makes due."""

BY_ITSELF: Final = Actor(
    person="node",
    role=Role.ADMINISTRATOR,
    authorities=frozenset(),
    scopes=frozenset({Scope.ADMIN, Scope.RETENTION_WRITE}),
    expires_at=datetime.max.replace(tzinfo=UTC),
)
"""Who does what nobody asked for at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """How many restraints were done again."""

    held: int = 0
    blocked: int = 0
    people: int = 0
    systems: int = 0

    def __bool__(self) -> bool:
        return bool(self.held or self.blocked or self.people or self.systems)


def note(node: Node, reference: CaseReference, act: str, reason: str | None, now: datetime) -> None:
    """Write an act on a case down outside, before it is committed."""
    match act:
        case "hold":
            node.ledger.restrain("hold", reference, now, reason)
        case "block" if reason != BY_RULE:
            node.ledger.restrain("block", reference, now, reason)
        case "lift-hold":
            node.ledger.release("hold", reference, now)
        case "unblock":
            node.ledger.release("block", reference, now)
        case _:
            return


async def disable_person(node: Node, actor: Actor, id: str) -> Person:  # noqa: A002 (as the API has it)
    """As `people.disable`, and known to the ledger."""
    now = node.clock.now()

    def work(session: Session) -> Person:
        people.person_of(session, id)
        node.ledger.restrain("person-disabled", id, now)
        return people.disable(session, actor, id, now)

    return await node.store.write(work)


async def disable_client(node: Node, actor: Actor, id: str) -> Client:  # noqa: A002 (as the API has it)
    """As `clients.disable`, and known to the ledger."""
    now = node.clock.now()

    def work(session: Session) -> Client:
        if clients.known(session, id) is not None:
            node.ledger.restrain("client-disabled", id, now)
        return clients.disable(session, actor, id, now)

    return await node.store.write(work)


def repeat(node: Node, session: Session, now: datetime) -> Repeated:
    """Do again what the ledger has and this database has not."""
    holds, blocks = node.ledger.restraints("hold"), node.ledger.restraints("block")
    gone = node.ledger.restraints("person-disabled")
    cut_off = node.ledger.restraints("client-disabled")
    connection, held, blocked = session.connection(), 0, 0
    for reference in retention.every_case(connection) if holds or blocks else ():
        named, row = node.ledger.named(reference), retention.of_case(connection, reference)
        if (since := holds.get(named)) and (row is None or row.held_at is None):
            retention.change(connection, reference, held_at=since.at, hold_reason=since.reason)
            journal.note(session, BY_ITSELF, "retention-held", reference, at=now, reason=since.reason)
            held += 1
        if (since := blocks.get(named)) and (row is None or row.blocked_at is None):
            retention.change(connection, reference, blocked_at=since.at, block_reason=since.reason)
            journal.note(session, BY_ITSELF, "retention-blocked", reference, at=now, reason=since.reason)
            blocked += 1
    persons = [one for one in people.people(session) if one.disabled_at is None] if gone else []
    persons = [one for one in persons if node.ledger.named(one.id) in gone]
    for person in persons:
        people.disable(session, BY_ITSELF, person.id, now)
    systems = [one for one in clients.clients(session) if one.disabled_at is None] if cut_off else []
    systems = [one for one in systems if node.ledger.named(one.id) in cut_off]
    for system in systems:
        clients.disable(session, BY_ITSELF, system.id, now)
    return Repeated(held=held, blocked=blocked, people=len(persons), systems=len(systems))


async def repeat_now(node: Node) -> Repeated:
    """As `repeat`, while the node runs: a case that the backup did not know may have come back since."""
    now = node.clock.now()
    done = await node.store.write(lambda session: repeat(node, session, now))
    if done:
        node.log.warning("retention.restrained_again", count=done.held + done.blocked)
    return done


def keep(node: Node, session: Session) -> None:
    """Write to the ledger what stands here and not there: from before there was a ledger of it, or because
    what was to end it never came to be committed."""
    known = {what: node.ledger.restraints(what) for what in ("hold", "block")}
    rows = session.connection().execute(
        select(CASE_RETENTION).where(
            CASE_RETENTION.c.held_at.is_not(None) | CASE_RETENTION.c.blocked_at.is_not(None)
        )
    )
    for row in rows.all():
        named = node.ledger.named(row.reference)
        if row.held_at is not None and named not in known["hold"]:
            note(node, CaseReference(row.reference), "hold", row.hold_reason, row.held_at)
        if row.blocked_at is not None and named not in known["block"]:
            note(node, CaseReference(row.reference), "block", row.block_reason, row.blocked_at)
    gone, cut_off = node.ledger.restraints("person-disabled"), node.ledger.restraints("client-disabled")
    for person in people.people(session):
        if person.disabled_at is not None and node.ledger.named(person.id) not in gone:
            node.ledger.restrain("person-disabled", person.id, person.disabled_at)
    for system in clients.clients(session):
        if system.disabled_at is not None and node.ledger.named(system.id) not in cut_off:
            node.ledger.restrain("client-disabled", system.id, system.disabled_at)
