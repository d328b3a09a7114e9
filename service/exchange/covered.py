"""What an intermediary's people may read of what lies at its node: what a mandate in force gives them now.

`Actor.acts_for` says whether a message is among those of one's authorities: that it exists, between whom,
when, what proves it and what is owed. What it *says* is asked here, of each message and at each request, by
everything that shows it. A mandate that was narrowed after the message came closes it, and a wider one opens
it again: nothing is written down for either.

Where one node serves two intermediaries, each has its own mandates: whoever reads, hands over or types does
so under one that was given to theirs (`speaks_as`).

At a State's own node there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from sqlalchemy import select
from sqlmodel import Session

from protocol import conversations
from protocol.case_file import CaseFile
from protocol.conversations import Thread
from protocol.directory import Directory
from protocol.directory.mandates import intermediary_of_node, require_mandate
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, StateCode, state_of
from protocol.intermediary import parts_to_be_given
from service.access.actor import Actor
from service.node import Node
from service.store.tables import THREAD

__all__ = ["MayRead", "Part", "ReadableFile", "speaks_as"]

type Part = Literal["coded", "narrative", "identity"]
type _Sides = frozenset[tuple[StateCode, StateCode]]
"""For which States the reader reads it, each with the other State of the message."""

_EVERYTHING: Final = frozenset({"coded", "narrative", "identity"})


class _Said(Protocol):
    """What is asked about: a message's row, and what waits to be one."""

    @property
    def type(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def recipient(self) -> str: ...
    @property
    def thread(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadableFile:
    """A case as its reader may know it. `whole`: nothing of it is closed to them, nor can be."""

    file: CaseFile
    whole: bool


def speaks_as(node: Node, directory: Directory, actor: Actor) -> tuple[Address, ...]:
    """The actor's own intermediaries at this node: only what was given to one of these is theirs to use. None
    at a State's node."""
    if node.state != "int":
        return ()
    return tuple(one for one in intermediary_of_node(directory, node.code) if actor.acts_for(one))


class MayRead:
    """For one request of one reader. However many messages are asked about, the directory is asked once for
    each procedure between the same States."""

    def __init__(self, node: Node, session: Session, actor: Actor) -> None:
        self._actor, self._session, self._home = actor, session, node.state
        self._anything, self._node = node.state != "int", node.code
        self._procedures: dict[str, str | None] = {}
        self._given: dict[tuple[str | None, _Sides], frozenset[str] | NotAcceptable] = {}
        if not self._anything:
            self._directory, self._now = node.directory.current(), node.clock.now()
            self._speaks_as = speaks_as(node, self._directory, actor)

    def require(self, said: _Said, part: Part = "coded") -> None:
        """Refuses as `require_mandate`, and `mandate.part` for a part that the mandate does not give."""
        reason = self.refusal(said, part)
        if reason is not None:
            raise reason

    def refusal(self, said: _Said, part: Part = "coded") -> NotAcceptable | None:
        """Why the reader may not read this part of a message of theirs; None when they may.

        A move whose conversation is not here (yet) is read by nobody: of which procedure it is, is not known.
        """
        if self._anything:
            return None
        try:
            procedure = self._procedure_of(said)
        except NotAcceptable as reason:
            return reason
        given = self._gives(procedure, Address(said.sender), [Address(said.recipient)])
        if isinstance(given, NotAcceptable):
            return given
        if parts_to_be_given(said.type, {part}) <= given:
            return None
        return NotAcceptable(
            "mandate.part", f"the mandate does not give the {part} part", facts={"part": part}
        )

    def conversation(self, thread: Thread) -> bool:
        """Whether the reader may be told what follows from the coded parts of a conversation of theirs."""
        if self._anything:
            return True
        given = self._gives(thread.procedure, thread.asker, thread.answerers)
        return not isinstance(given, NotAcceptable) and "coded" in given

    def readable(self, file: CaseFile, parties: Collection[Address]) -> ReadableFile:
        """The documents of a whole file whose coded part the reader may read.

        That there are more is taken from what they see anyhow: that their own messages are there, and who
        takes part in the case (`parties`). What closed ones say, and whether anything was said between
        authorities that are not the reader's, changes nothing of the answer.
        """
        if self._anything:
            return ReadableFile(file=file, whole=True)
        read = tuple(one for one in file.documents if self.refusal(one) is None)
        beside = tuple(one for one in file.others if self.refusal(one) is None)
        everything = (*file.documents, *file.others)
        own = sum(self._actor.acts_for(one.sender, one.recipient) for one in everything)
        unseen = any(self._is_served_here(one) for one in parties if not self._actor.acts_for(one))
        readable = (*read, *beside)
        return ReadableFile(
            file=replace(
                file,
                documents=read,
                others=beside,
                confirmed=file.confirmed & {one.digest for one in readable},
            ),
            whole=own == len(readable) and not unseen,
        )

    def _is_served_here(self, party: Address) -> bool:
        """Messages of such a party may lie here that its own people alone see."""
        try:
            return self._directory.authority(party).node == self._node
        except Refused:
            return True

    def _gives(
        self, procedure: str | None, sender: Address, recipients: Iterable[Address]
    ) -> frozenset[str] | NotAcceptable:
        own = [
            (one, other)
            for recipient in recipients
            for one, other in ((sender, recipient), (recipient, sender))
            if self._actor.acts_for(one)
        ]
        if any(state_of(one) == self._home for one, _ in own):
            return _EVERYTHING  # the intermediary's own correspondence
        asked = procedure, frozenset((state_of(one), state_of(other)) for one, other in own)
        if asked not in self._given:
            self._given[asked] = self._by_mandate(*asked)
        return self._given[asked]

    def _by_mandate(self, procedure: str | None, sides: _Sides) -> frozenset[str] | NotAcceptable:
        found: set[str] = set()
        refused: NotAcceptable | None = None
        for state, towards in sorted(sides):
            for intermediary in self._speaks_as:
                try:
                    # Without a procedure any mandate would do, which is right for what is only carried.
                    mandate = require_mandate(
                        self._directory,
                        state=state,
                        intermediary=intermediary,
                        procedure=procedure or "",
                        towards=towards,
                        at=self._now,
                    )
                except NotAcceptable as reason:
                    refused = refused or reason
                else:
                    found.update(mandate.parts)
        if found:
            return frozenset(found)
        return refused or NotAcceptable("mandate.none", "no State lets this intermediary read it")

    def _procedure_of(self, said: _Said) -> str | None:
        if said.type not in conversations.NEUTRAL_MOVES:
            return conversations.procedure_of(said.type)
        thread = str(said.thread)
        if thread not in self._procedures:
            self._procedures[thread] = (
                self._session.connection()
                .execute(select(THREAD.c.procedure).where(THREAD.c.id == thread))
                .scalar()
            )
        return self._procedures[thread]
