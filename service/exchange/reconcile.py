"""Running digests: what each node has of both directions, said by one and compared by the other.

What it does here: evidence that the peer has is done; what it lacks is sent again at once; what we lack, or
hold under another digest, is named in the log and counted, so that a suppressed envelope is noticed by
both. A peer that was restored from a backup is given back what it had sent (`service.exchange.returning`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session

from protocol import channels
from protocol.channels import Channel
from protocol.directory import Directory
from protocol.directory.views import DirectoryView
from protocol.errors import Refused
from protocol.identifiers import NodeCode
from protocol.indicators import Told
from protocol.reconciliation import (
    ChannelReport,
    compare,
    issue_reconciliation,
    read_reconciliation,
    report_on,
)
from protocol.statements import Statement
from service.access import journal
from service.exchange import checkpoints, indicators, returning
from service.exchange.proof import RESTORED_FOR
from service.node import Node
from service.notices import tell
from service.store import comparisons, outgoing, restoration
from service.store.tables import CHANNEL_SEEN

__all__ = ["state_of_channels", "take_reconciliation"]

MOST_ABOVE = 4_096
"""Numbers above the first gap that one statement looks at; the rest is named when the gap is closed."""


def state_of_channels(
    node: Node,
    session: Session,
    peer: NodeCode,
    directory: Directory,
    now: datetime,
    *,
    gaps: bool = True,
    figures: tuple[Told, ...] = (),
) -> Statement | None:
    """Our signed statement on both channels with a peer; None before anything has passed.

    Without `gaps` it says no more than what came unbroken: what is above may be on its way, and to name it
    would have it sent twice. `figures`: our indicators, when the peer has still to be told of them.
    """
    reports = [
        _report(session, channel, received=gaps and channel.recipient == node.code)
        for channel in _channels(session, node.code, peer)
    ]
    if not reports:
        return None
    return issue_reconciliation(
        issuer=node.code,
        peer=peer,
        channels=reports,
        directory=directory.snapshot.digest,
        view=comparisons.our_view(session.connection(), directory, peer),
        checkpoint=journal.checkpoint(session)[1] or None,
        indicators=figures,
        restored=restoration.told_to(session.connection(), node.code, peer, now - RESTORED_FOR),
        issued_at=now,
        key=node.keys.signing(node.code),
    )


def take_reconciliation(
    node: Node, session: Session, statement: Statement, sender: NodeCode, now: datetime
) -> None:
    """Compare what a peer says with what we have. Its signature was verified when the envelope was opened."""
    try:
        said = read_reconciliation(statement)
    except Refused as reason:
        node.log.warning("reconciliation.left_out", peer=sender, code=reason.code)
        return
    if said.peer != node.code or said.issuer != sender:
        node.log.warning("reconciliation.left_out", peer=sender, code="channel.not_a_party")
        return
    checkpoints.keep(node, session, statement, issuer=sender, peer=node.code, at=said.issued_at)
    if said.view is not None:
        _compare_directories(node, session, said.view, sender, now)
    indicators.take_told(node, session, said, statement)
    for theirs in said.channels:
        if theirs.channel.sender == node.code:
            _received_by_peer(node, session, theirs, said.issued_at, now)
        else:
            _sent_by_peer(node, session, theirs, now)
    if said.restored is not None:
        returning.give_back(node, session, said.restored, sender, now)


def _compare_directories(
    node: Node, session: Session, theirs: DirectoryView, peer: NodeCode, now: datetime
) -> None:
    """A split is kept, told once for each pair of snapshots, and named when the peer says what it holds."""
    news = comparisons.compare(session.connection(), node.directory.current(), theirs, peer, now)
    if news.first:
        node.log.error("directory.split_view", peer=peer, snapshot=theirs.sequence, sequence=news.since)
        node.wake.directory_differs.notify()
        # Of one parting there is one notice, however many snapshots follow it.
        tell(
            session,
            "split-view",
            authority=None,
            audience="operator",
            subject=peer,
            due_at=None,
            key=f"split-view/{peer}/{news.since if news.since is not None else theirs.digest}",
            now=now,
        )
    for path in news.named:
        node.log.error("directory.entry_differs", peer=peer, snapshot=theirs.sequence, entry=path)


def _received_by_peer(
    node: Node, session: Session, theirs: ChannelReport, said_at: datetime, now: datetime
) -> None:
    connection, peer = session.connection(), theirs.channel.recipient
    # Of an earlier epoch too: a peer that was put back from a backup may know only that one.
    channel = outgoing.channel(connection, node.code, peer, theirs.channel.epoch)
    if channel is None:
        return
    for first, last in theirs.has():
        outgoing.acknowledge(connection, peer, channel.epoch, first, last, now)
    difference = compare(
        _report(session, channel, received=False),
        theirs,
        chain_at=_chains(session, channel, theirs.marks),
    )
    lost = outgoing.repeat_lost(
        connection, peer, channel.epoch, after=theirs.highest, before=said_at, now=now
    )
    if lost:
        node.log.warning("channel.they_lost", peer=peer, epoch=channel.epoch, count=lost)
    for first, last in theirs.gaps:
        again = outgoing.repeat_numbers(connection, peer, channel.epoch, first, last, now)
        node.log.warning("channel.they_lack", peer=peer, epoch=channel.epoch, sequence=first, count=again)
    newest = outgoing.newest_channel(connection, node.code, peer)
    if newest is not None and newest.epoch != channel.epoch:
        # They will speak of the newest alone from now on, and under an old number nothing could be confirmed.
        outgoing.renumber(connection, peer, channel.epoch, now)
    _name_parting(node, difference.parted, peer, channel.epoch)


def _sent_by_peer(node: Node, session: Session, theirs: ChannelReport, now: datetime) -> None:
    peer = theirs.channel.sender
    channel = outgoing.newest_channel(session.connection(), peer, node.code)
    if channel is None or channel.epoch < theirs.channel.epoch:
        # Kept, so that our next statement says of it that we have nothing: whoever was put back from a backup
        # is sent again what it had.
        channel = channels.open_channel(peer, node.code, theirs.channel.epoch)
        outgoing.save_channel(session.connection(), channel, was=None, now=now)
    elif channel.epoch != theirs.channel.epoch:
        channel = channels.open_channel(peer, node.code, theirs.channel.epoch)
    difference = compare(_report(session, channel, received=True), theirs)
    for first, last in difference.we_lack:
        node.log.warning(
            "channel.we_lack", peer=peer, epoch=channel.epoch, sequence=first, count=last - first + 1
        )
    node.metrics.channel_lacks(peer, sum(last - first + 1 for first, last in difference.we_lack))
    _name_parting(node, difference.parted, peer, channel.epoch)


def _name_parting(node: Node, parted: channels.Span | None, peer: NodeCode, epoch: str) -> None:
    if parted is not None:
        first, last = parted
        node.log.error("channel.parted", peer=peer, epoch=epoch, sequence=first, count=last - first + 1)


def _channels(session: Session, me: NodeCode, peer: NodeCode) -> Iterable[Channel]:
    for sender, recipient in ((me, peer), (peer, me)):
        channel = outgoing.newest_channel(session.connection(), sender, recipient)
        if channel is not None:
            yield channel


def _report(session: Session, channel: Channel, *, received: bool) -> ChannelReport:
    if not received:
        return report_on(channel)
    above = list(
        session.connection()
        .execute(
            select(CHANNEL_SEEN.c.sequence)
            .where(
                CHANNEL_SEEN.c.sender_node == channel.sender,
                CHANNEL_SEEN.c.recipient_node == channel.recipient,
                CHANNEL_SEEN.c.epoch == channel.epoch,
                CHANNEL_SEEN.c.sequence > channel.last,
            )
            .order_by(CHANNEL_SEEN.c.sequence)
            .limit(MOST_ABOVE)
        )
        .scalars()
    )
    highest = above[-1] if above else channel.last
    # Shifted, so that the walk costs what lies above the first gap and not the whole past.
    gaps = [
        (first + channel.last, last + channel.last)
        for first, last in channels.missing(
            (number - channel.last for number in above), highest - channel.last
        )
    ]
    return report_on(channel, highest=highest, gaps=gaps)


def _chains(session: Session, channel: Channel, wanted: Iterable[int]) -> dict[int, str]:
    """Our running digests at the numbers that the peer shows."""
    rows = session.connection().execute(
        select(CHANNEL_SEEN.c.sequence, CHANNEL_SEEN.c.chain).where(
            CHANNEL_SEEN.c.sender_node == channel.sender,
            CHANNEL_SEEN.c.recipient_node == channel.recipient,
            CHANNEL_SEEN.c.epoch == channel.epoch,
            CHANNEL_SEEN.c.sequence.in_(list(wanted)),
        )
    )
    return {row.sequence: row.chain for row in rows if row.chain is not None}
