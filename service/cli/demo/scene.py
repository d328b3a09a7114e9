"""What every chapter needs: people at their desks, the case, and ways to say, wait, look and let time pass.

Nothing here sleeps. Whatever takes its time is waited for by the API's long poll, within a deadline.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from protocol import vocabularies
from service.cli.demo.telling import Teller
from service.cli.local_network import described_node, read_description, token_of
from service.client import Accepted, Awaiting, Client, Message, NarrativeBlock, Problem, Submission
from service.clock import SimulatedClock
from service.network.control import ask

__all__ = ["Person", "Scene", "due_words", "moment", "names_of", "unexpected"]

_WITHIN: Final = 40.0
"""Seconds that one message, or one proof, may take from node to node."""
_HELD: Final = 10
"""Seconds of one long poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at a desk: who they are, whom they act for, and their node, through a token of their own."""

    who: str
    authority: str
    node: Client


class Scene:
    """The stage while the case is played. `place` is the network's directory, and where files are put."""

    def __init__(self, place: Path, teller: Teller) -> None:
        self.place = place
        self.tell = teller
        self.network = read_description(place)
        self.case = ""
        self.said: dict[str, Accepted] = {}
        """What was said so far and is referred to later, by a name of the story."""
        self.agreement = ""
        """Digest of the agreement, once both States have signed it."""
        self._clock = SimulatedClock(Path(str(self.network["simulated_clock"])))
        self._desks = AsyncExitStack()

    async def __aenter__(self) -> Scene:
        await self._take_seats()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._desks.aclose()

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def today(self) -> date:
        return self.now.date()

    async def time_passes(self, by: str) -> None:
        """Move the network's clock ahead, by a duration such as P1M. Everybody gets a new token."""
        await ask(self.place, "advance-clock", by)
        self.network = read_description(self.place)
        await self._desks.aclose()
        await self._take_seats()

    async def _take_seats(self) -> None:
        self._desks = AsyncExitStack()

        async def person(who: str, code: str, role: str, number: int = 1) -> Person:
            node = described_node(self.network, code)
            client = Client(node["api"], token_of(node, role, person=number))
            return Person(
                who=who, authority=node["authorities"][0], node=await self._desks.enter_async_context(client)
            )

        self.officer = await person("officer, Italy", "it", "case-officer")
        self.colleague = await person("second officer, Italy", "it", "case-officer", 2)
        self.superior = await person("supervisor, Italy", "it", "supervisor")
        self.answering = await person("officer, Romania", "ro", "case-officer")
        self.supervisor = await person("supervisor, Romania", "ro", "supervisor")
        self.desk = await person("intermediary officer", "int-iom", "intermediary-officer")

    # Saying

    async def say(
        self,
        by: Person,
        kind: str,
        to: Person,
        coded: Mapping[str, Any],
        *,
        narrative: list[NarrativeBlock] | None = None,
        identity: Mapping[str, Any] | None = None,
        reply_to: Accepted | None = None,
        urgency: Any = "ordinary",
    ) -> Accepted:
        """Send a message, and see it consigned: the other node has it, and this one has the proof."""
        submission = self._submission(by, kind, to, coded, reply_to=reply_to)
        submission["urgency"] = urgency
        submission["narrative"] = narrative or []
        if identity is not None:
            submission["identity"] = identity
        sent = await by.node.send(submission)
        if sent["status"] == "awaiting-approval":
            raise unexpected(f"a {kind} waits for a second person")
        await self.arrives(to, sent)
        return sent

    async def propose(
        self, by: Person, kind: str, to: Person, coded: Mapping[str, Any], *, reply_to: Accepted
    ) -> Awaiting:
        """Submit what binds the State. It is kept, and not sent."""
        waits = await by.node.send(self._submission(by, kind, to, coded, reply_to=reply_to))
        if waits["status"] != "awaiting-approval":
            raise unexpected(f"a {kind} was sent by one person alone")
        return waits

    async def approve(self, by: Person, waits: Awaiting, to: Person) -> Accepted:
        """The second person; then it is signed, sent, and seen to arrive."""
        sent = (await by.node.approve(waits["approval"])).get("accepted")
        if sent is None:
            raise unexpected("what was approved was not sent")
        await self.arrives(to, sent)
        return sent

    def _submission(
        self, by: Person, kind: str, to: Person, coded: Mapping[str, Any], *, reply_to: Accepted | None
    ) -> Submission:
        submission = Submission(
            id=str(uuid.uuid4()),
            case=self.case,
            type=kind,
            sender=by.authority,
            recipient=to.authority,
            declares_no_danger=True,
            coded=coded,
        )
        if reply_to is not None:
            submission["in_reply_to"] = reply_to["id"]
        return submission

    async def refused(
        self, by: Person, kind: str, to: Person, coded: Mapping[str, Any], **more: Any
    ) -> Problem:
        """Try to send what must not be sent, show the refusal, and return it."""
        try:
            await self.say(by, kind, to, coded, **more)
        except Problem as refusal:
            self.tell.refused(refusal)
            return refusal
        raise unexpected(f"a {kind} was accepted that has to be refused")

    # Waiting

    async def arrives(self, at: Person, message: Accepted) -> None:
        async with asyncio.timeout(_WITHIN):
            async for arrived in at.node.follow(direction="in", case=self.case, wait=_HELD):
                if arrived["id"] == message["id"]:
                    return

    async def becomes(self, at: Person, message: Accepted, status: str) -> None:
        async with asyncio.timeout(_WITHIN):
            while not (
                await at.node.messages(
                    thread=message["thread"],
                    type=message["type"],
                    direction="out",
                    status=status,
                    wait=_HELD,
                )
            )["messages"]:
                continue

    # Looking

    async def digest_of(self, at: Person, message: Accepted) -> str:
        """The exact version of a document: what later documents refer to it by."""
        return (await at.node.message(message["id"]))["statement_digest"]

    async def thread(self, at: Person, message: Accepted) -> Mapping[str, Any]:
        timeline = await at.node.case(self.case)
        for thread in timeline["threads"]:
            if thread["id"] == message["thread"]:
                return thread
        raise unexpected("a conversation is not on the timeline")

    async def both_agree(self, message: Accepted, state: str) -> None:
        """Both nodes, each from its own copy, come to the same state of a conversation."""
        for at in (self.officer, self.answering):
            thread = await self.thread(at, message)
            if state not in (thread["state"], thread.get("standing", {}).get("state")):
                raise unexpected(f"{at.who} sees a conversation {thread['state']}, not {state}")

    async def owed(self, at: Person, request: Accepted) -> str:
        thread = await self.thread(at, request)
        if "due" not in thread:
            return ""
        if thread["due"]["paused"]:
            return "; until Italy answers, the clock stands still"
        return f"; the report is due by {moment(thread['due']['at'])} ({_basis(thread['due']['basis'])})"


def due_words(message: Accepted) -> str:
    due = message.get("due")
    return f"; an answer is due by {moment(due['at'])} ({_basis(due['basis'])})" if due else ""


def moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d %b %Y, %H:%M} UTC"


def names_of(message: Message) -> str:
    people = message["content"].get("identity", {}).get("persons", [])
    return ", ".join(name["full"] for person in people for name in person["names"])


def unexpected(what: str) -> AssertionError:
    return AssertionError(f"{what}: this is a bug, please report it")


def _basis(code: str) -> str:
    return vocabularies.label("due-basis", code, "en").text
