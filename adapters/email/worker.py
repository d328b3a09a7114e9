"""The adapter: mail first, collect then. In between stands a note of its own, written through to the disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.email.mapping import composed, encrypted
from adapters.kit.errors import Unfit
from adapters.kit.mail import Busy, MailServer
from adapters.kit.running import Adapter, Desk
from service.client import Message, Printed

__all__ = ["MailLink", "Office"]

_TRIES: Final = 12
"""Of one busy mailbox, over half an hour or so, before the others go on without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """`authority`: whose messages. `to`: the office's mailbox, never a person's."""

    authority: str
    to: str
    language: str
    password: str = field(repr=False)


class MailLink(Adapter):
    version = "1"
    delivers = True

    def __init__(self, server: MailServer, offices: Mapping[str, Office]) -> None:
        self._server, self._offices = server, offices
        self._busy: dict[str, int] = defaultdict(int)

    async def deliver(self, message: Message, desk: Desk) -> str:
        office = self._offices.get(message["recipient"])
        number, note = message["id"], f"mail {message['id']}"
        if office is None:
            return "skipped"
        if message.get("collected_at"):
            # By us, before a kill; or somebody read it at the node, and needs no mail.
            mailed = desk.memory.position(note) is not None
            desk.memory.forget(note)
            return "mailed" if mailed else "collected-elsewhere"
        printed = await desk.node.printed(number, language=office.language, format="pdf")
        if desk.memory.position(note) is None:
            await self._mail(message, office, printed, desk)
            # From here to the disk is the only moment in which a kill sends a second mail.
            desk.memory.reached(note, printed.digest)
        # Only for the bytes that went out can the evidence say that they were what was handed over.
        same = desk.memory.position(note) == printed.digest
        await desk.node.collect(number, shown=printed if same else None)
        return "mailed"

    async def _mail(self, message: Message, office: Office, printed: Printed, desk: Desk) -> None:
        number = message["id"]
        mail = composed(
            message,
            encrypted(printed.content, office.password),
            sender=self._server.sender,
            to=office.to,
            language=office.language,
            now=desk.now(),
        )
        await desk.pace.wait()
        try:
            await self._server.send(mail, to=office.to)
        except Busy as busy:
            self._busy[number] += 1
            if self._busy[number] >= _TRIES:
                del self._busy[number]
                raise Unfit(busy.code, busy.hint) from None
            raise
        self._busy.pop(number, None)
