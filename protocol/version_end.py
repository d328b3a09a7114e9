"""How a version of a durable solution ended, read from what was said: refused, withdrawn, revoked, replaced.

What was accepted on paper stays provable for good, and stands only while nothing of this was said. So whoever
shows it asks here first. The same reading as `protocol.conversations.durable_solution` makes of a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from protocol.agreement import VERSIONS
from protocol.identifiers import Address, MessageId, ThreadId, state_of

__all__ = ["EndKind", "VersionEnd", "version_end"]

type EndKind = Literal["refused", "withdrawn", "revoked", "superseded", "not-mandated"]


class Spoken(Protocol):
    """What is read of a message: `protocol.content.Content` has it."""

    @property
    def id(self) -> MessageId: ...
    @property
    def type(self) -> str: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def sender(self) -> Address: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def issued_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEnd:
    """`message`: what said so, signed by `by` at `at`. `not-mandated`: that is the attestation itself, which
    no mandate of its State covered when `by`, the intermediary, signed it."""

    kind: EndKind
    by: Address
    at: datetime
    message: MessageId


def version_end(
    version: Spoken,
    said: Sequence[Spoken],
    *,
    agreement: str,
    confirmed_at: datetime,
    settled: Collection[MessageId],
) -> VersionEnd | None:
    """The first thing that ended a version which was accepted on paper; None while it stands.

    `said`: of the whole case. `agreement`: the digest of the version. `confirmed_at`: when two people
    confirmed the consent; a counter-proposal from before takes its place, whatever became of that
    (project choice: nobody is bound by a consent after whose paper somebody had said something newer).
    `settled`: versions that are agreed, or accepted on paper, themselves.
    """
    found = list(_ends(version, said, agreement, confirmed_at, settled))
    return min(found, key=lambda end: (end.at, end.message), default=None)


def _ends(
    version: Spoken,
    said: Sequence[Spoken],
    agreement: str,
    confirmed_at: datetime,
    settled: Collection[MessageId],
) -> Iterator[VersionEnd]:
    thread = [one for one in said if one.thread == version.thread]
    by_id = {one.id: one for one in thread}
    opener = by_id.get(MessageId(version.thread))
    for one in thread:
        if one.type == "durable-solution.refusal" and _refuses(one, version, by_id, settled):
            yield _end("refused", one)
        elif one.type == "durable-solution.revocation":
            yield _end("revoked", one)
        elif one.type == "withdraw" and (opener is None or state_of(one.sender) == state_of(opener.sender)):
            yield _end("withdrawn", one)
        elif one.type in VERSIONS and one.id != version.id:
            crossed = one.in_reply_to == version.id and one.issued_at <= confirmed_at
            if crossed or (one.id in settled and version.id in _above(one, by_id)):
                yield _end("superseded", one)
    for one in said:
        if one.type in VERSIONS and one.id in settled and one.coded.get("amends") == agreement:
            yield _end("superseded", one)


def _refuses(
    refusal: Spoken, version: Spoken, by_id: Mapping[MessageId, Spoken], settled: Collection[MessageId]
) -> bool:
    """A refused version ends the conversation, unless it would have amended one that is settled."""
    refused = by_id.get(refusal.in_reply_to) if refusal.in_reply_to else None
    if refused is None or refused.type not in VERSIONS:
        return False
    return refused.id == version.id or not ({version.id, *settled} & _above(refused, by_id))


def _above(version: Spoken, by_id: Mapping[MessageId, Spoken]) -> set[MessageId]:
    """The versions that it changes, up to the first one."""
    found: set[MessageId] = set()
    above = by_id.get(version.in_reply_to) if version.in_reply_to else None
    while above is not None and above.id not in found:
        found.add(above.id)
        above = by_id.get(above.in_reply_to) if above.in_reply_to else None
    return found


def _end(kind: EndKind, one: Spoken) -> VersionEnd:
    return VersionEnd(kind=kind, by=one.sender, at=one.issued_at, message=one.id)
