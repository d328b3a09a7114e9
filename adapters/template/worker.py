"""The adapter itself: which record becomes which message, and which message is entered."""

from __future__ import annotations

from typing import cast

from adapters.kit import Adapter, Batch, Desk
from adapters.template.client import Register
from adapters.template.mapping import entry_of, notification_of
from service.client import Message, Submission

__all__ = ["RegisterLink"]


class RegisterLink(Adapter):
    version = "1"
    delivers = True
    takes = True

    def __init__(self, register: Register, *, sender: str, recipients: dict[str, str]) -> None:
        """`sender`: the office that notifies. `recipients`: by country, to whom (`focalpoint landing`)."""
        self._register, self._sender, self._recipients = register, sender, recipients

    async def changed(self, after: str | None, desk: Desk) -> Batch:
        await desk.pace.wait()
        changed, position, more = await self._register.changes(int(after or 0))
        names = tuple(f"{number}@{revision}" for number, revision in changed)
        return Batch(names=names, position=str(position), more=more)

    async def take(self, name: str, desk: Desk) -> str:
        number, _, revision = name.rpartition("@")
        await desk.pace.wait()
        record = await self._register.record(number, int(revision))
        if record.get("status") != "to-notify":
            return "skipped"
        country = str(record.get("nationality"))
        submission = notification_of(
            record,
            id=desk.memory.message_id(name),
            sender=self._sender,
            recipient=self._recipients.get(country, f"{country.lower()}.unknown"),
        )
        await desk.node.send(cast("Submission", submission))
        return "sent"

    async def deliver(self, message: Message, desk: Desk) -> str:
        await desk.pace.wait()
        if not await self._register.has_message(message["id"]):
            await desk.pace.wait()
            await self._register.enter(entry_of(message))
        return "entered"
