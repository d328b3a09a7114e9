"""What can I do next, and what is missing? Asked before anyone tries, answered by the same rules.

At an intermediary's node what is shown rests only on what the reader may read (ADR 0037). A safeguard that
looks into the documents of a case of which some are closed to the reader is not answered there, in either
direction: `mandate.undecided` says so, whatever the closed ones say. Whoever sends it all the same is told by
the safeguards themselves, which see the whole case always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from protocol import conversations, safeguards
from protocol.conversations import Thread
from protocol.directory import Directory
from protocol.directory.mandates import carried_by
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, state_of
from protocol.intermediary import require_may_say
from service.access.actor import Actor
from service.exchange import case_files, consents
from service.exchange.covered import MayRead, ReadableFile, speaks_as
from service.exchange.views import NextStep, NextStepsView, RefusalView
from service.node import Node
from service.store.tables import THREAD

__all__ = ["UNDECIDED", "next_steps"]

UNDECIDED: Final = "mandate.undecided"
"""Of a step alone, never of a message: what the reader may read does not show whether it can be sent."""


async def next_steps(node: Node, actor: Actor, reference: CaseReference) -> NextStepsView:
    """Every message that the procedures know for this case now: by whom, until when, or why not yet."""
    now = node.clock.now()
    directory = node.directory.known()

    def work(session: Session) -> NextStepsView:
        connection = session.connection()
        case = case_files.own_case(connection, actor, reference)
        own = sorted(
            address
            for address in case.parties
            if address in actor.authorities and (node.state == "int" or state_of(address) == node.state)
        )
        ids = connection.execute(
            select(THREAD.c.id).where(THREAD.c.case_reference == reference).order_by(THREAD.c.opened_at)
        ).scalars()
        threads = [
            thread for id_ in ids if (thread := consents.thread_of(connection, ThreadId(id_), directory))
        ]
        if node.state == "int":
            # Whom others here talk with on this case is not for this reader to see.
            threads = [thread for thread in threads if actor.acts_for(thread.asker, *thread.answerers)]
        file = case_files.whole_file(connection, case.row, directory)
        known = MayRead(node, session, actor).readable(file, case.parties)
        through = speaks_as(node, directory, actor)
        steps = [
            step
            for authority in own
            for step in _within_mandate(
                (
                    *_opening(known, threads, authority, directory, now),
                    *_continuing(known, threads, authority, now),
                ),
                authority,
                node,
                through,
                directory,
                now,
            )
        ]
        return NextStepsView(reference=reference, at=now, steps=tuple(steps))

    return await node.store.read(work)


def _within_mandate(
    steps: Iterable[NextStep],
    authority: Address,
    node: Node,
    through: tuple[Address, ...],
    directory: Directory,
    now: datetime,
) -> Iterator[NextStep]:
    """As they are at a State’s own node. At an intermediary’s none that binds the State is open: only the
    State signs that, or consents on paper. Nor what no mandate gives. Either is said before anything that may
    be missing, as it is at sending."""
    if node.state != "int" or state_of(authority) == "int":
        yield from steps
        return
    for step in steps:
        reason = _not_given(step, authority, through, directory, now)
        if reason is not None:
            refusal = RefusalView(code=reason.code, facts=reason.facts)
            yield replace(step, open=False, refusal=refusal)
        else:
            yield step


def _not_given(
    step: NextStep, authority: Address, through: tuple[Address, ...], directory: Directory, now: datetime
) -> NotAcceptable | None:
    try:
        require_may_say(step.type, next(iter(through), None), authority, {"on_behalf_of": authority})
        if step.to is not None:
            carried_by(
                directory,
                authority,
                procedure=step.procedure,
                towards=state_of(step.to),
                at=now,
                by=through,
            )
    except NotAcceptable as reason:
        return reason
    return None


def _opening(
    known: ReadableFile, threads: list[Thread], authority: Address, directory: Directory, now: datetime
) -> Iterator[NextStep]:
    """Conversations that could be opened. Only the State where the child is notifies, and it does so once."""
    for procedure, table in conversations.PROCEDURES.items():
        notified = any(thread.procedure == "case" for thread in threads)
        if procedure == "case" and notified:
            continue
        if not conversations.may_say(table, table.opens, authority, known.file.destination):
            continue
        peer = _landing(directory, _peer(threads, authority), procedure)
        refusal = _safeguarded(known, table.opens, authority, peer, now)
        yield NextStep(
            type=table.opens,
            procedure=procedure,
            by=authority,
            to=peer,
            open=refusal is None,
            refusal=refusal,
        )


def _peer(threads: list[Thread], authority: Address) -> Address | None:
    """Whom it talks with on this case already, whoever opened; else whom another authority of its State does:
    what the safeguards ask for was told to that State."""
    sides = [(thread.asker, thread.answerer) for thread in threads]
    pairs = [one for pair in sides for one in (pair, pair[::-1])]
    own = [other for me, other in pairs if me == authority]
    ours = [other for me, other in pairs if state_of(me) == state_of(authority) != state_of(other)]
    return next(iter((*own, *ours)), None)


def _landing(directory: Directory, peer: Address | None, procedure: str) -> Address | None:
    """Whom it talks with already, if that authority may act in the procedure; else where its State has such
    messages land."""
    if peer is None or directory.competent(peer, procedure):
        return peer
    try:
        return directory.landing(state_of(peer), procedure)
    except NotAcceptable:
        return peer


def _continuing(
    known: ReadableFile, threads: list[Thread], authority: Address, now: datetime
) -> Iterator[NextStep]:
    for thread in threads:
        table = conversations.table_for(thread.procedure)
        for move in conversations.moves_from(
            thread, authority, now, table=table, destination=known.file.destination
        ):
            to = thread.answerer if authority == thread.asker else thread.asker
            replies_to = move.replies_to[-1] if move.replies_to else None
            refusal = _safeguarded(known, move.type, authority, to, now, thread.id, replies_to)
            if refusal is None and move.missing:
                refusal = RefusalView(code="conversation.not_now", missing=move.missing)
            yield NextStep(
                type=move.type,
                procedure=thread.procedure,
                by=authority,
                to=to,
                open=refusal is None,
                thread=thread.id,
                in_reply_to=replies_to,
                until=_until(thread, authority),
                refusal=refusal,
            )


def _until(thread: Thread, authority: Address) -> datetime | None:
    """The earliest that it owes in this conversation."""
    by = thread.party(authority)
    return min((one.due.at for one in thread.owed if one.by is by), default=None)


def _safeguarded(
    known: ReadableFile,
    message_type: str,
    sender: Address,
    recipient: Address | None,
    now: datetime,
    thread: ThreadId | None = None,
    in_reply_to: MessageId | None = None,
) -> RefusalView | None:
    """What the safeguards would say before anybody has written it."""
    if not known.whole and safeguards.ready_reads_documents(message_type, withheld=known.file.withheld):
        return RefusalView(code=UNDECIDED)
    reason = safeguards.ready(
        known.file,
        message_type,
        now,
        sender=sender,
        # Before anybody is addressed: any authority of another State, which is what safeguard 11 asks about.
        recipient=recipient or Address("int.any"),
        thread=thread,
        in_reply_to=in_reply_to,
    )
    if reason is None:
        return None
    return RefusalView(code=reason.code, field=reason.field, facts=reason.facts, missing=reason.missing)
