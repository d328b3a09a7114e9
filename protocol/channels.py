"""Channels: what one node has sent another, counted so that nothing can be suppressed unnoticed.

Each ordered pair of nodes is a channel: an epoch, and in it a gapless sequence from 1, given when an envelope
is *released* (a held one leaves no gap). Over what was sent both nodes keep a running digest,

    chain(0) = SHA-256("focalpoint channel" ‖ 0 ‖ sender ‖ 0 ‖ recipient ‖ 0 ‖ epoch)
    chain(n) = SHA-256(chain(n-1) ‖ n as 8 bytes, big-endian ‖ message id, 16 bytes ‖ statement digest, 32
    bytes)

so that equal digests mean an equal past. On a schedule each node signs what it has of both directions
(a *reconciliation statement*) and compares what the other signed: a difference is named by its sequence
numbers. A node that was restored from an older backup opens a new epoch; its peers send again what the old
one held.
"""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol import base64url
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId, NodeCode

__all__ = [
    "Channel",
    "Numbered",
    "Span",
    "advance",
    "advance_over",
    "chain_marks",
    "mark_sequences",
    "missing",
    "open_channel",
    "shared_digest",
]

type Span = tuple[int, int]
"""First and last sequence number of an unbroken run, both included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One direction between two nodes, up to the last number without a gap before it.

    `count`: how many envelopes the running digest covers; equal to `last` because the sequence is gapless.
    `chain`: the running digest, base64url.
    """

    sender: NodeCode
    recipient: NodeCode
    epoch: str
    count: int
    last: int
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """What stands under one sequence number: the envelope's message id and its statement's digest
    (base64url).
    """

    sequence: int
    id: MessageId
    statement_digest: str


def open_channel(sender: NodeCode, recipient: NodeCode, epoch: str) -> Channel:
    """An epoch in which nothing has been sent yet."""
    named = "\0".join(("focalpoint channel", sender, recipient, epoch)).encode()
    chain = base64url.encode(hashlib.sha256(named).digest()).decode()
    return Channel(sender=sender, recipient=recipient, epoch=epoch, count=0, last=0, chain=chain)


def shared_digest(statement_digests: Iterable[str]) -> str:
    """What stands for the statement's digest where several pieces of evidence share an envelope.

    Over their digests, not their text: that one of them was there can be shown without showing the others.
    """
    named = "\n".join(statement_digests).encode("ascii")
    return base64url.encode(hashlib.sha256(named).digest()).decode()


def advance(channel: Channel, sequence: int, id: MessageId, statement_digest: str) -> Channel:  # noqa: A002 - the field's name on the wire
    """The channel with one more envelope.

    Refuses `channel.gap` when numbers before `sequence` have not come, and `channel.already_counted` when
    `sequence` has been passed; the channel stays as it was.
    """
    if sequence > channel.last + 1:
        raise NotAcceptable("channel.gap", f"expected number {channel.last + 1}, came {sequence}")
    if sequence <= channel.last:
        raise NotAcceptable("channel.already_counted", f"number {sequence} was counted before")
    chain = _link(channel.chain, sequence, id, statement_digest)
    return dataclasses.replace(channel, count=channel.count + 1, last=sequence, chain=chain)


def advance_over(channel: Channel, arrived: Iterable[Numbered]) -> tuple[Channel, tuple[Numbered, ...]]:
    """Count what arrived, in whatever order, as far as it goes without a gap.

    Returns the channel and what must still wait for a predecessor, lowest number first. Numbers that were
    counted before are passed over: whether they say the same is for `compare` and the inbox to find.
    """
    waiting = {one.sequence: one for one in arrived if one.sequence > channel.last}
    while (following := waiting.pop(channel.last + 1, None)) is not None:
        channel = advance(channel, following.sequence, following.id, following.statement_digest)
    return channel, tuple(waiting[sequence] for sequence in sorted(waiting))


def missing(received: Iterable[int], last: int) -> tuple[Span, ...]:
    """The numbers from 1 to `last` that are not in `received`, as spans, lowest first.

    Linear in what was received, never in the size of a gap: a peer may claim any number.
    """
    gaps: list[Span] = []
    expected = 1
    for sequence in sorted({one for one in received if 1 <= one <= last}):
        if sequence > expected:
            gaps.append((expected, sequence - 1))
        expected = sequence + 1
    if expected <= last:
        gaps.append((expected, last))
    return tuple(gaps)


def mark_sequences(last: int) -> tuple[int, ...]:
    """The numbers whose running digests a reconciliation statement shows: `last`, then ever wider steps back.

    About 2·log2(last) of them, so that two nodes that differ learn between which two numbers they part.
    """
    marks = [last]
    step = 1
    while marks[-1] - step > 0:
        marks.append(marks[-1] - step)
        if len(marks) % 2:
            step *= 2
    return tuple(reversed(marks)) if last > 0 else ()


def chain_marks(start: Channel, numbered: Iterable[Numbered], wanted: Iterable[int]) -> Mapping[int, str]:
    """The running digest after each wanted number, walking on from `start` over consecutive `numbered`.

    Refuses `channel.gap` when a number is left out.
    """
    wanted = frozenset(wanted)
    marks = {start.last: start.chain} if start.last in wanted else {}
    channel = start
    for one in numbered:
        channel = advance(channel, one.sequence, one.id, one.statement_digest)
        if channel.last in wanted:
            marks[channel.last] = channel.chain
    return marks


def _link(chain: str, sequence: int, message: MessageId, statement_digest: str) -> str:
    link = hashlib.sha256(base64url.decode(chain.encode()))
    link.update(sequence.to_bytes(8, "big"))
    link.update(uuid.UUID(message).bytes)
    link.update(base64url.decode(statement_digest.encode()))
    return base64url.encode(link.digest()).decode()
