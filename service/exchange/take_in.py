"""Bytes that claim to be envelopes, from the hub or from a file, are read and accepted.

Reading (signatures, opening) happens outside the writer, in one go for all that came together. Then each
envelope is one unit of the writer, in the order of arrival: a reply that travelled with its request meets
it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from protocol import conversations, opening
from protocol.directory import Directory
from protocol.errors import NotAcceptable, Refused, Unauthenticated
from protocol.opening import AuthenticEnvelope
from service.exchange import arrivals
from service.exchange.accept import Outcome, accept, answer_unopened, carry, refuse_unopened
from service.node import Node
from service.store import quarantine

__all__ = ["take_in"]

type _Work = Callable[[Session], Outcome]

_SHAPELESS = frozenset({"json", "envelope", "identifier"})
"""Families of the codes under which something is refused that is no envelope at all."""
_NO_MANIFEST = frozenset(
    {"statement.malformed", "statement.too_large", "statement.wrong_type", "statement.algorithm"}
)


async def take_in(
    node: Node, envelopes: Sequence[bytes], *, source: Literal["hub", "file"]
) -> Sequence[Outcome | Exception]:
    """One outcome per envelope, in order, each after its own commit. An exception is a passing fault of ours.

    Refuses `directory.expired` as a whole when this node has no directory that it may rely on.
    """
    now = node.clock.now()
    directory = node.directory.current()
    works = await asyncio.to_thread(lambda: [_work(node, data, source, directory, now) for data in envelopes])
    written = [asyncio.ensure_future(node.store.write(work)) for work in works]
    answers = await asyncio.gather(*written, return_exceptions=True)
    outcomes: list[Outcome | Exception] = []
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Exception):
            raise answer
        outcomes.append(answer)
    taken = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
    if any(outcome.numbered for outcome in taken):
        await node.store.write(lambda session: arrivals.count(node, session, taken, now))
    for outcome in taken:
        node.metrics.received(outcome.disposition, outcome.code or "")
    node.wake.outbox_ready.notify()
    node.wake.mail_arrived.notify()
    node.wake.notices.notify()
    kinds = {outcome.kind for outcome in taken}
    if "blob" in kinds:
        node.wake.chunks_came.notify()
    if kinds & {"blob", "reconciliation"}:
        node.wake.attachments_due.notify()
    return outcomes


def _work(node: Node, data: bytes, source: str, directory: Directory, now: datetime) -> _Work:
    """What to do with one envelope. A bug of ours that it brings out is its own outcome, and nobody
    else's."""
    try:
        return _read(node, data, source, directory, now)
    except Exception as bug:  # noqa: BLE001 - the caller logs it, and lets the envelope come again
        return _failing(bug)


def _failing(bug: Exception) -> _Work:
    def work(_: Session) -> Outcome:
        raise bug

    return work


def _read(node: Node, data: bytes, source: str, directory: Directory, now: datetime) -> _Work:
    try:
        authentic = opening.authenticate(
            data, directory=directory, me=node.code, now=now, limits=node.settings.limits
        )
    except Unauthenticated as reason:
        return _quarantined(node, data, source, reason, now)
    carried = opening.sealed_past(authentic, node.keys, directory)
    if carried is not None:
        return carry(node, authentic, carried, directory, now)
    try:
        opened = opening.open_envelope(
            authentic, keys=node.keys, directory=directory, now=now, procedure_of=conversations.procedure_of
        )
    except Refused as reason:
        if "blob" in authentic.parts:
            return _unopened_chunk(node, authentic, reason)
        if not isinstance(reason, NotAcceptable):
            return answer_unopened(node, authentic, reason, directory, now)
        if reason.statement_digest is None:
            return answer_unopened(node, authentic, reason, directory, now)
        return refuse_unopened(node, authentic, reason, reason.statement_digest, directory, now)
    return accept(node, opened, directory, now)


def _unopened_chunk(node: Node, authentic: AuthenticEnvelope, reason: Refused) -> _Work:
    """Not answered: it is no message that evidence could be about. It has used up nothing, and its sender
    seals it afresh when its turn comes again."""
    sender, id_ = authentic.header.sender, authentic.header.id
    node.log.info("inbox.not_opened", code=reason.code, node=sender, id=id_)
    return lambda _: Outcome(disposition="refused", sender=sender, message=id_, code=reason.code)


def _quarantined(node: Node, data: bytes, source: str, reason: Unauthenticated, now: datetime) -> _Work:
    code, most = reason.code, node.settings.quarantine_rows
    sealed = code.partition(".")[0] not in _SHAPELESS and code not in _NO_MANIFEST

    def work(session: Session) -> Outcome:
        quarantine.keep(
            session.connection(), data, sealed=sealed, code=code, source=source, now=now, most=most
        )
        return Outcome(disposition="quarantined", code=code)

    return work
