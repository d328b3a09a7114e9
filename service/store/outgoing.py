"""The outbox and the channels' counters: what must still reach another node, and under which number.

    queued -> released -> done        held <-> queued        released -> failed

A row is numbered in the transaction that releases it, never before: what is held leaves no gap. `done`
comes from the other side alone: consignment evidence for content, the peer's running digest for evidence,
for chunks of attachments and for what is returned to a node that lost it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Exists, Row, and_, bindparam, insert, literal_column, select, update

from protocol.channels import Channel, open_channel
from protocol.identifiers import CaseReference, MessageId, NodeCode
from protocol.statements import Statement
from service.store.prepared import Adding, Change
from service.store.tables import CHANNEL, CHANNEL_SEEN, MESSAGE, OUTBOX, SENT_MANIFEST

__all__ = [
    "Release",
    "acknowledge",
    "begin_epoch",
    "channel",
    "counted_as",
    "due_again",
    "hold_case",
    "keep_manifests",
    "manifests_of",
    "newest_channel",
    "of_message",
    "postpone",
    "queue",
    "release",
    "release_held",
    "renumber",
    "repeat_lost",
    "repeat_numbers",
    "resend_evidence",
    "save_channel",
    "settle",
    "still_released",
    "to_release",
    "to_repeat",
    "touch_channel",
    "try_again",
    "whole_envelopes",
]

type AnyRow = Row[tuple[Any, ...]]

QUICK_RESEALS = 5
"""Attempts that follow at once when the peer says that it cannot open a message. Its keys in our directory
were old; if it still cannot, its key is lost, and each further answer is evidence that both must keep."""

# Written out, not bound: a partial index is found only for the words that it was made with.
_QUEUED = OUTBOX.c.state == literal_column("'queued'")
_RELEASED = OUTBOX.c.state == literal_column("'released'")

_QUEUE = Adding(OUTBOX)
_TO_RELEASE = (
    select(OUTBOX, MESSAGE.c.case_reference)
    .join_from(
        OUTBOX,
        MESSAGE,
        and_(MESSAGE.c.sender_node == OUTBOX.c.sender_node, MESSAGE.c.id == OUTBOX.c.message_id),
        isouter=True,
    )
    .where(_QUEUED)
    .order_by(OUTBOX.c.row)
    .limit(bindparam("most"))
)
_TO_REPEAT = (
    select(OUTBOX)
    .where(_RELEASED, OUTBOX.c.next_attempt_at <= bindparam("now"))
    .order_by(OUTBOX.c.next_attempt_at, OUTBOX.c.row)
    .limit(bindparam("most"))
)
_RELEASE = Change(
    update(OUTBOX)
    .where(OUTBOX.c.row == bindparam("number"), OUTBOX.c.state == "queued")
    .values(
        state="released",
        envelope_id=bindparam("envelope"),
        epoch=bindparam("in_epoch"),
        sequence=bindparam("as_sequence"),
        attempts=1,
        next_attempt_at=bindparam("again_at"),
    )
)
_ADD_SEEN = Adding(CHANNEL_SEEN)
_ADD_MANIFEST = Adding(SENT_MANIFEST)
# By the message that the evidence is about: that is what the index knows.
_EVIDENCE_ROW = select(OUTBOX.c.row, OUTBOX.c.state).where(
    OUTBOX.c.sender_node == bindparam("sender"),
    OUTBOX.c.message_id == bindparam("message"),
    OUTBOX.c.evidence_digest == bindparam("digest"),
)
_POSTPONE = (
    update(OUTBOX)
    .where(OUTBOX.c.row == bindparam("number"))
    .values(next_attempt_at=bindparam("again_at"), attempts=OUTBOX.c.attempts + 1)
)
_SETTLE = Change(
    update(OUTBOX)
    .where(
        OUTBOX.c.sender_node == bindparam("sender"),
        OUTBOX.c.message_id == bindparam("message"),
        OUTBOX.c.kind == "content",
        OUTBOX.c.state != "done",
    )
    .values(state="done", done_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One numbered envelope and the outbox rows that travel in it."""

    rows: tuple[int, ...]
    envelope_id: MessageId
    sequence: int
    statement_digest: str
    chain: str
    """The channel's running digest with this number."""
    again_at: datetime
    """When to publish it again, if nothing answers before."""


def queue(
    connection: Connection,
    *,
    recipient: NodeCode,
    kind: str,
    sender: NodeCode,
    message: MessageId,
    now: datetime,
    evidence_digest: str | None = None,
    attachment: str | None = None,
    chunk: int | None = None,
) -> None:
    """`sender` and `message` name the message that the envelope is, is about, or goes with."""
    _QUEUE.run(
        connection,
        {
            "recipient_node": recipient,
            "kind": kind,
            "message_id": message,
            "sender_node": sender,
            "evidence_digest": evidence_digest,
            "attachment": attachment,
            "chunk": chunk,
            "attempts": 0,
            "next_attempt_at": now,
            "state": "queued",
            "queued_at": now,
        },
    )


def to_release(connection: Connection, most: int, *, without: Collection[NodeCode] = ()) -> Sequence[AnyRow]:
    """What may leave and has no number yet, oldest first, each with its case; nothing for nodes in
    `without`."""
    statement = _TO_RELEASE.where(OUTBOX.c.recipient_node.not_in(without)) if without else _TO_RELEASE
    return connection.execute(statement, {"most": most}).all()


def to_repeat(connection: Connection, now: datetime, most: int) -> Sequence[AnyRow]:
    """What was released and is still unanswered when its next attempt is due."""
    return connection.execute(_TO_REPEAT, {"now": now, "most": most}).all()


def whole_envelopes(connection: Connection, rows: Sequence[AnyRow]) -> Sequence[AnyRow]:
    """These released rows and all that were sealed together with them, in the order of that sealing.

    Also what is done: an envelope repeated with fewer receipts under its id and number would be another
    statement under them, and what it left out would be passed over when it came.
    """
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    whole = [row for row in rows if row.kind != "evidence"]
    for row in rows:
        if row.kind == "evidence":
            numbers[row.recipient_node, row.epoch].add(row.sequence)
    for (peer, epoch), wanted in numbers.items():
        whole += connection.execute(
            select(OUTBOX)
            .where(
                OUTBOX.c.recipient_node == peer,
                OUTBOX.c.epoch == epoch,
                OUTBOX.c.sequence.in_(wanted),
                OUTBOX.c.kind == "evidence",
            )
            .order_by(OUTBOX.c.row)
        ).all()
    return whole


def of_message(connection: Connection, sender: NodeCode, message: MessageId) -> AnyRow | None:
    """The row that carries one of our messages, done or not."""
    return connection.execute(
        select(OUTBOX).where(
            OUTBOX.c.sender_node == sender, OUTBOX.c.message_id == message, OUTBOX.c.kind == "content"
        )
    ).one_or_none()


def release(connection: Connection, channel: Channel, releases: Sequence[Release]) -> bool:
    """Number the rows, if nothing changed since they were read; else False.

    The caller rolls back on False: a row was held meanwhile, or another worker took it.
    """
    rows = [
        {
            "number": row,
            "envelope": item.envelope_id,
            "in_epoch": channel.epoch,
            "as_sequence": item.sequence,
            "again_at": item.again_at,
        }
        for item in releases
        for row in item.rows
    ]
    if _RELEASE.run_all(connection, rows) != len(rows):
        return False
    _ADD_SEEN.run_all(
        connection,
        [
            {
                "sender_node": channel.sender,
                "recipient_node": channel.recipient,
                "epoch": channel.epoch,
                "sequence": item.sequence,
                "id": item.envelope_id,
                "statement_digest": item.statement_digest,
                "chain": item.chain,
            }
            for item in releases
        ],
    )
    return True


def counted_as(connection: Connection, row: AnyRow) -> str | None:
    """What its channel's running digest has counted under the number of an outbox row; None without one."""
    if row.sequence is None:
        return None
    counted: str | None = connection.execute(
        select(CHANNEL_SEEN.c.statement_digest).where(
            CHANNEL_SEEN.c.sender_node == row.sender_node,
            CHANNEL_SEEN.c.recipient_node == row.recipient_node,
            CHANNEL_SEEN.c.epoch == row.epoch,
            CHANNEL_SEEN.c.sequence == row.sequence,
        )
    ).scalar_one_or_none()
    return counted


def postpone(connection: Connection, attempts: Iterable[tuple[int, datetime]]) -> None:
    """One more attempt is made now; the next is due at the moment beside each row."""
    connection.execute(_POSTPONE, [{"number": row, "again_at": again_at} for row, again_at in attempts])


def keep_manifests(connection: Connection, manifests: Iterable[tuple[MessageId, Statement]]) -> None:
    """Under what each message left, before it leaves: evidence that comes back names the manifest."""
    _ADD_MANIFEST.run_all(
        connection,
        [{"digest": manifest.digest, "id": id_, "token": manifest.token} for id_, manifest in manifests],
    )


def manifests_of(connection: Connection, message: MessageId) -> tuple[str, ...]:
    return tuple(
        connection.execute(select(SENT_MANIFEST.c.token).where(SENT_MANIFEST.c.id == message)).scalars()
    )


def settle(connection: Connection, sender: NodeCode, message: MessageId, at: datetime) -> None:
    """The message is answered for: its row asks for no more attempts."""
    _SETTLE.run(connection, sender=sender, message=message, at=at)


def due_again(connection: Connection, now: datetime) -> None:
    """After a start: what was released once may never have been published, so its next attempt is now."""
    connection.execute(
        update(OUTBOX)
        .where(_RELEASED, OUTBOX.c.next_attempt_at > now, OUTBOX.c.attempts <= 1)
        .values(next_attempt_at=now)
    )


def try_again(connection: Connection, sender: NodeCode, message: MessageId, *, at: datetime) -> None:
    """The peer could not open it: seal it anew at `at`; after `QUICK_RESEALS` attempts only when its turn
    comes."""
    connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.sender_node == sender,
            OUTBOX.c.message_id == message,
            OUTBOX.c.kind == "content",
            OUTBOX.c.state == "released",
            OUTBOX.c.attempts < QUICK_RESEALS,
        )
        .values(next_attempt_at=at)
    )


def acknowledge(
    connection: Connection, peer: NodeCode, epoch: str, first: int, last: int, at: datetime
) -> int:
    """The peer has everything from `first` to `last`: evidence, chunks and what was returned in there need no
    further attempt.

    Content waits for its own consignment evidence: received is not yet answered for.
    """
    return connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.recipient_node == peer,
            OUTBOX.c.epoch == epoch,
            OUTBOX.c.sequence.between(first, last),
            OUTBOX.c.kind.in_(("evidence", "blob", "returned")),
            OUTBOX.c.state == "released",
        )
        .values(state="done", done_at=at)
    ).rowcount


def repeat_numbers(
    connection: Connection, peer: NodeCode, epoch: str, first: int, last: int, now: datetime
) -> int:
    """The peer lacks these: send them again at once. Returns how many rows that is.

    Also what was done: a number that the peer lacks was lost with something that it restored.
    """
    return connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.recipient_node == peer,
            OUTBOX.c.epoch == epoch,
            OUTBOX.c.sequence.between(first, last),
            OUTBOX.c.state.in_(("released", "done")),
        )
        .values(state="released", next_attempt_at=now, done_at=None)
    ).rowcount


def repeat_lost(
    connection: Connection, peer: NodeCode, epoch: str, *, after: int, before: datetime, now: datetime
) -> int:
    """What the peer had confirmed before the moment `before`, and does not have then: send it again.

    It was put back from a backup. Confirmed later than that, it may have come while the peer was writing.
    """
    return connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.recipient_node == peer,
            OUTBOX.c.epoch == epoch,
            OUTBOX.c.sequence > after,
            OUTBOX.c.state == "done",
            OUTBOX.c.done_at < before,
        )
        .values(state="released", next_attempt_at=now, done_at=None)
    ).rowcount


def begin_epoch(connection: Connection, me: NodeCode, peer: NodeCode, epoch: str, now: datetime) -> str:
    """Go on with this peer in a new epoch, from number 1; `epoch`, or a later one if it was used. What is
    unanswered gets a number in it."""
    newest = newest_channel(connection, me, peer)
    if newest is not None and newest.epoch >= epoch:
        epoch = f"{int(newest.epoch) + 1:012d}"
    save_channel(connection, open_channel(me, peer, epoch), was=None, now=now)
    renumber(connection, peer, None, now)
    return epoch


def renumber(connection: Connection, peer: NodeCode, epoch: str | None, now: datetime) -> None:
    """What is unanswered under a number of this epoch, or of any, waits for a new number."""
    in_epoch = () if epoch is None else (OUTBOX.c.epoch == epoch,)
    connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.recipient_node == peer, OUTBOX.c.state == "released", *in_epoch)
        .values(state="queued", epoch=None, sequence=None, envelope_id=None, attempts=0, next_attempt_at=now)
    )


def resend_evidence(
    connection: Connection, peer: NodeCode, message: MessageId, evidence_digest: str, now: datetime
) -> bool:
    """Send what was once sent again, at once. False when no such row stands.

    What has not left yet is about to, and is left alone: under load the same question comes more than once.
    """
    row = connection.execute(
        _EVIDENCE_ROW, {"sender": peer, "message": message, "digest": evidence_digest}
    ).first()
    if row is None:
        return False
    if row.state in ("released", "done"):
        connection.execute(
            update(OUTBOX)
            .where(OUTBOX.c.row == row.row)
            .values(state="released", next_attempt_at=now, done_at=None)
        )
    return True


def hold_case(
    connection: Connection, reference: CaseReference, *, but: Collection[MessageId] = ()
) -> frozenset[NodeCode]:
    """Nothing of this case that its recipient has not answered for leaves, or leaves again (safeguard 11),
    but these messages of ours.

    What was numbered gives its number back, whether or not an envelope with it came through: nobody can tell.
    Returns the peers whose channel is left with a gap; whoever calls this begins a new epoch with them. The
    sender's evidence that goes with a message stays with it: alone it would tell that there is one.
    """
    rows = connection.execute(
        select(
            OUTBOX.c.row, OUTBOX.c.recipient_node, OUTBOX.c.kind, OUTBOX.c.message_id, OUTBOX.c.sequence
        ).where(
            OUTBOX.c.state.in_(("queued", "released")),
            OUTBOX.c.kind.in_(_OF_A_CASE),
            OUTBOX.c.message_id.not_in(but),
            _ours(reference),
        )
    ).all()
    held = {row.message_id for row in rows if row.kind == "content"}
    # Evidence with a message that was answered for may come again: of that there is nothing left to hide.
    stopped = [
        row for row in rows if row.kind != "evidence" or row.sequence is None or row.message_id in held
    ]
    if not stopped:
        return frozenset()
    connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.row.in_([row.row for row in stopped]))
        .values(state="held", epoch=None, sequence=None, envelope_id=None, attempts=0)
    )
    # Without a number it has not been said, as far as anybody knows.
    connection.execute(
        update(MESSAGE)
        .where(
            MESSAGE.c.case_reference == reference,
            MESSAGE.c.direction == "out",
            MESSAGE.c.id.in_(held),
            MESSAGE.c.status == "sent",
        )
        .values(status="accepted")
    )
    return frozenset(NodeCode(row.recipient_node) for row in stopped if row.sequence is not None)


def release_held(connection: Connection, reference: CaseReference, now: datetime) -> int:
    """From now on they wait to leave: how long they were held is no delay of delivery."""
    return connection.execute(
        update(OUTBOX)
        .where(OUTBOX.c.state == "held", OUTBOX.c.kind.in_(_OF_A_CASE), _ours(reference))
        .values(state="queued", queued_at=now)
    ).rowcount


_OF_A_CASE = ("content", "blob", "evidence")


def _ours(reference: CaseReference) -> Exists:
    """The row carries, or is about, a message of ours in this case."""
    return (
        select(MESSAGE.c.id)
        .where(
            MESSAGE.c.case_reference == reference,
            MESSAGE.c.direction == "out",
            MESSAGE.c.sender_node == OUTBOX.c.sender_node,
            MESSAGE.c.id == OUTBOX.c.message_id,
        )
        .exists()
    )


def still_released(connection: Connection, rows: Iterable[int]) -> frozenset[int]:
    """Which of these rows nobody has held or renumbered since they were read."""
    found = connection.execute(select(OUTBOX.c.row).where(_RELEASED, OUTBOX.c.row.in_(list(rows))))
    return frozenset(found.scalars())


def channel(connection: Connection, sender: NodeCode, recipient: NodeCode, epoch: str) -> Channel | None:
    row = connection.execute(
        select(CHANNEL).where(
            CHANNEL.c.sender_node == sender, CHANNEL.c.recipient_node == recipient, CHANNEL.c.epoch == epoch
        )
    ).one_or_none()
    return None if row is None else _channel(row)


def _channel(row: AnyRow) -> Channel:
    # `count` is also a method of rows, so it is read by name.
    return Channel(
        sender=NodeCode(row.sender_node),
        recipient=NodeCode(row.recipient_node),
        epoch=row.epoch,
        count=row._mapping["count"],
        last=row.last,
        chain=row.chain,
    )


def newest_channel(connection: Connection, sender: NodeCode, recipient: NodeCode) -> Channel | None:
    """The channel's latest epoch; None before anything was sent. Epochs sort by their name."""
    row = connection.execute(
        select(CHANNEL)
        .where(CHANNEL.c.sender_node == sender, CHANNEL.c.recipient_node == recipient)
        .order_by(CHANNEL.c.epoch.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _channel(row)


def save_channel(connection: Connection, channel: Channel, *, was: int | None, now: datetime) -> bool:
    """Store the channel if its last number is still `was` (None: it is new). False when another was
    faster."""
    values = {"count": channel.count, "last": channel.last, "chain": channel.chain, "updated_at": now}
    key = {
        "sender_node": channel.sender,
        "recipient_node": channel.recipient,
        "epoch": channel.epoch,
    }
    if was is None:
        new = insert(CHANNEL).prefix_with("OR IGNORE").values(**key, **values)
        return connection.execute(new).rowcount == 1
    done = connection.execute(
        update(CHANNEL)
        .where(*(CHANNEL.c[name] == value for name, value in key.items()), CHANNEL.c.last == was)
        .values(**values)
    )
    return done.rowcount == 1


def touch_channel(connection: Connection, channel: Channel, now: datetime) -> None:
    """Something came on it that did not move its last number: its peer should hear what we have."""
    connection.execute(
        update(CHANNEL)
        .where(
            CHANNEL.c.sender_node == channel.sender,
            CHANNEL.c.recipient_node == channel.recipient,
            CHANNEL.c.epoch == channel.epoch,
        )
        .values(updated_at=now)
    )
