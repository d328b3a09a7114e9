"""The adapter itself: which record becomes which message, and which message is entered.

A name of the loop is `notification:<record>`: which record, and what for. It says nothing of when the record
changed: a clerk corrects a remark, and the child would be notified a second time. What is corrected later is
told by a person, in the console.
"""

from __future__ import annotations

from typing import Final, cast

from adapters.kit import Adapter, Batch, Desk, Unfit
from adapters.template.client import Register
from adapters.template.mapping import entry_of, notification_of
from service.client import Message, Problem, Submission

__all__ = ["RegisterLink"]

_NOTIFY: Final = "to-notify"


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
        # Others are not named: what is skipped is settled, and would not be looked at when its time has come.
        names = tuple(f"notification:{number}" for number, status in changed if status == _NOTIFY)
        return Batch(names=names, position=str(position), more=more)

    async def take(self, name: str, desk: Desk) -> str:
        await desk.pace.wait()
        record = await self._register.record(name.removeprefix("notification:"))
        if record.get("status") != _NOTIFY:
            raise Unfit("register.not_to_notify", "its status changed since")
        country = str(record.get("nationality"))
        submission = notification_of(
            record,
            id=desk.memory.message_id(name),
            sender=self._sender,
            recipient=self._recipients.get(country, f"{country.lower()}.unknown"),
        )
        try:
            await desk.node.send(cast("Submission", submission))
        except Problem as problem:
            # It went out before, and the record was changed before that could be noted. Once is enough.
            if problem.code != "id_reused":
                raise
        return "sent"

    async def deliver(self, message: Message, desk: Desk) -> str:
        await desk.pace.wait()
        if not await self._register.has_message(message["id"]):
            await desk.pace.wait()
            await self._register.enter(entry_of(message))
        return "entered"
