"""What one node knows of a case: every message that it said or took, as far as a rule may ask.

A file is a value. Every function over it reads the set of its documents, never the order in which they came:
two nodes that hold the same documents come to the same answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol, Self

from protocol.identifiers import Address, CaseReference, MessageId, ThreadId, state_of

__all__ = ["CaseFile", "Document", "ProtectionStatus", "Role"]


class Role(StrEnum):
    """What this node's State is in the case."""

    DESTINATION = "destination"
    ORIGIN = "origin"
    UNKNOWN = "unknown"


class ProtectionStatus(StrEnum):
    """International protection, as known at the State of destination alone. Two people set and lift it."""

    UNKNOWN = "unknown"
    NOT_SOUGHT = "not-sought"
    POSSIBLE = "possible"
    SOUGHT = "sought"


class Said(Protocol):
    """What a document is made from: `protocol.content.Content` has it."""

    @property
    def id(self) -> MessageId: ...
    @property
    def statement_digest(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def via(self) -> Address | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A message of the case: its coded part and what binds it. `digest` is that of its statement; `via` the
    intermediary that typed it for its sender."""

    id: MessageId
    digest: str
    type: str
    sender: Address
    recipient: Address
    thread: ThreadId
    in_reply_to: MessageId | None
    issued_at: datetime
    coded: Mapping[str, Any] = field(hash=False)
    via: Address | None = None

    @classmethod
    def of(cls, content: Said) -> Self:
        return cls(
            id=content.id,
            digest=content.statement_digest,
            type=content.type,
            sender=content.sender,
            recipient=content.recipient,
            thread=content.thread,
            in_reply_to=content.in_reply_to,
            issued_at=content.issued_at,
            coded=content.coded,
            via=content.via,
        )

    @property
    def relayed_by(self) -> Address | None:
        """The international body that typed it; None for what a State said itself."""
        return self.sender if self.state == "int" else self.via

    @property
    def state(self) -> str:
        """The State that said it, or `int`."""
        return state_of(self.sender)

    @property
    def states(self) -> frozenset[str]:
        """Both sides of it."""
        return frozenset({state_of(self.sender), state_of(self.recipient)})


# Not slotted: it counts its documents once, however often a rule asks.
@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """`destination`: the State where the child is, as its authorities' addresses begin; None while unknown.

    `documents`: every message of the case that this node said or took, of whatever thread; not what was
    refused. `confirmed`: digests of attestations of a consent on paper that two people have confirmed,
    and that counts.

    `others`: documents of the same child under its other references, as far as both States know those. They
    may forbid and never allow: a rule is asked of the file alone and of both `together`. `elsewhere`: the
    strictest status of the other references of which this State is the destination.
    """

    reference: CaseReference
    role: Role
    protection: ProtectionStatus = ProtectionStatus.UNKNOWN
    destination: str | None = None
    documents: tuple[Document, ...] = ()
    confirmed: frozenset[str] = frozenset()
    others: tuple[Document, ...] = ()
    elsewhere: ProtectionStatus = ProtectionStatus.NOT_SOUGHT

    @property
    def withheld(self) -> bool:
        """Nothing may leave: under this reference, or another one of the same child, protection is not ruled
        out. Only the State of origin is free of it; a role that nobody has settled is treated as
        destination."""
        blocked = self.role is not Role.ORIGIN and self.protection is not ProtectionStatus.NOT_SOUGHT
        return blocked or self.elsewhere is not ProtectionStatus.NOT_SOUGHT

    @cached_property
    def views(self) -> tuple[CaseFile, ...]:
        """The file as each rule has to hold on it: alone, and with what is known under other references."""
        alone = dataclasses.replace(self, others=())
        if not self.others:
            return (alone,)
        return (alone, dataclasses.replace(alone, documents=(*self.documents, *self.others)))

    @property
    def together(self) -> CaseFile:
        return self.views[-1]

    @cached_property
    def _by_digest(self) -> Mapping[str, Document]:
        return {document.digest: document for document in self.documents}

    def cited(self, digest: str | None) -> Document | None:
        """The document that this digest names, if it is here."""
        return None if digest is None else self._by_digest.get(digest)

    def message(self, message: str | None) -> Document | None:
        """The document with that message id. Of two States' ids that collide, none is taken."""
        found = [document for document in self.documents if document.id == message]
        return found[0] if len(found) == 1 else None

    def of_type(self, *types: str) -> Iterator[Document]:
        return (document for document in self.documents if document.type in types)

    def in_thread(self, thread: str) -> Iterator[Document]:
        return (document for document in self.documents if document.thread == thread)

    def until(self, day: date) -> CaseFile:
        """The file as it was said up to the end of `day` (UTC, by the signed times)."""
        kept, others = (
            tuple(document for document in some if document.issued_at.date() <= day)
            for some in (self.documents, self.others)
        )
        return dataclasses.replace(self, documents=kept, others=others)

    def from_destination(self, document: Document) -> bool:
        return self.destination is not None and document.state == self.destination
