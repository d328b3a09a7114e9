"""Looks at what waits to be handed over, mails what may be mailed, and shows the operator what stands still.

    waits, and no e-mail is agreed for that authority      set aside as `relay.by_hand`
    mailed or printed, and never confirmed                  set aside as `relay.unconfirmed` after some days
    a reply from the web page                               set aside as `relay.reply_to_review`
    a reply that no mandate lets anybody say any more       set aside as `relay.reply_undelivered`

Set aside is where an adapter's things wait for a person, and so it is here: none of these is a fault, and
each ends by itself once somebody has dealt with it. No hand-over is said to have happened because an e-mail
left: somebody confirms that it arrived, or a reply shows it.

It also closes the page for what can be answered no more. Only the node knows that, and the page never asks
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.kit import Adapter, Batch, Desk, NotNow, Unfit
from adapters.kit.mail import AddressRefused, MailRefused, MailServer
from adapters.relay import handing
from adapters.relay.desk import DeskBook
from adapters.relay.mapping import usual_reply
from adapters.relay.paper import protected
from adapters.relay.post import Attached, letter
from protocol import courier
from service.client import PendingRelay

__all__ = ["RelayDesk"]

_LOOKED_AFTER: Final = timedelta(minutes=1)
"""How long it counts that a message in no list could still be answered."""
_OF_REPLIES: Final = ("reply", "undelivered")


@dataclass(slots=True, kw_only=True)
class RelayDesk(Adapter):
    """`offices`: by address, as the settings have them. `page`: the address of the reply page, without a
    token; None when there is none."""

    book: DeskBook
    offices: Mapping[str, Any]
    return_to: str
    mail: MailServer | None = None
    page: str | None = None
    confirm_within: timedelta = timedelta(days=5)
    link_lasts: timedelta = timedelta(days=14)
    _open: dict[str, datetime] = field(default_factory=dict, repr=False)

    version = "1"
    takes = True

    async def changed(self, after: str | None, desk: Desk) -> Batch:  # noqa: ARG002 (there is no position)
        """What has to be looked at now: the node's list is short, and always whole."""
        waiting = (await desk.node.pending_relays())["messages"]
        now = desk.now()
        aside = {one.name for one in desk.memory.aside()} | {one.name for one in desk.memory.waiting()}
        listed = {one["id"] for one in waiting}
        names: list[str] = []
        for one in waiting:
            handed = self.book.handed(one["id"])
            if handed is None:
                # A new name each day: what is settled stays settled, and a mandate that ended may come back.
                names.append(f"{one['id']}@hand-over-{now:%Y%m%d}")
            elif handed.state == "failed":
                names.append(f"{one['id']}@failed-{handed.attempt}")
            elif handed.state == "sent" and handed.at < now - self.confirm_within:
                names.append(f"{one['id']}@confirm-{handed.attempt}")
        replies = self.book.waiting()
        closed = await self._closed({one.message for one in replies}, waiting, desk)
        names += [f"{one.id}@{'undelivered' if one.message in closed else 'reply'}" for one in replies]
        # What was set aside and is dealt with by now is settled; what still waits is not told again. What the
        # node does not list any more and nobody has confirmed, a narrower mandate perhaps took away: where a
        # wider one brings it back, it is news again.
        unread = {one.id for one in replies}
        gone = {name for name in aside - set(names) if self._is_gone(name, listed, unread)}
        for name in gone:
            desk.memory.let_go("to-node", name)
        dealt_with = aside - set(names) - gone
        return Batch(names=(*sorted(dealt_with), *(name for name in names if name not in aside)))

    def _is_gone(self, name: str, listed: set[str], unread: set[str]) -> bool:
        id_, _, what = name.partition("@")
        if what in _OF_REPLIES:
            return id_ in unread  # and it waits under its other name now
        return id_ not in listed and not self._is_confirmed(id_)

    async def _closed(self, answered: set[str], waiting: list[PendingRelay], desk: Desk) -> set[str]:
        """Of what was answered, and of what may still be answered on the page, what nobody can say any more.
        Its links are closed."""
        now, listed = desk.now(), {one["id"]: one for one in waiting}
        linked = self.book.spool.linked(now)
        self._open = {id_: at for id_, at in self._open.items() if now - at < _LOOKED_AFTER}
        closed = set[str]()
        for message in sorted(answered | linked):
            if message not in listed and message in self._open:
                continue
            if await handing.is_closed(desk.node, message, listed):
                closed.add(message)
                self.book.spool.close_links(message, now)
            else:
                self._open[message] = now
        return closed

    def _is_confirmed(self, message: str) -> bool:
        handed = self.book.handed(message)
        return handed is not None and handed.state == "confirmed"

    async def take(self, name: str, desk: Desk) -> str:
        id_, _, what = name.partition("@")
        waiting = {one["id"]: one for one in (await desk.node.pending_relays())["messages"]}
        if what in _OF_REPLIES:
            for reply in self.book.waiting():
                if reply.id == id_:
                    if await handing.is_closed(desk.node, reply.message, waiting):
                        raise Unfit("relay.reply_undelivered", "nobody can say it: tell the office so")
                    raise Unfit("relay.reply_to_review", "somebody has to look at it")
            return "reviewed"
        found = waiting.get(id_)
        handed = self.book.handed(id_)
        if found is None:
            if not self._is_confirmed(id_):
                raise NotNow("relay.not_pending", "somebody else handed it over, or no mandate covers it")
            return "done"
        kind, _, attempt = what.rpartition("-")
        if kind == "hand-over":
            if handed is not None:
                return "sent"
            if attempt != f"{desk.now():%Y%m%d}":
                return "still-waits"
            return await self._hand_over(found, desk)
        if handed is None or str(handed.attempt) != attempt:
            return "tried-again"
        if kind == "failed" and handed.state == "failed":
            raise Unfit(handed.code or "relay.way_failed", "hand it over another way")
        if kind == "confirm" and handed.state == "sent":
            raise Unfit("relay.unconfirmed", "nobody has confirmed that it arrived")
        return "confirmed"

    async def _hand_over(self, message: PendingRelay, desk: Desk) -> str:
        office = await handing.office_of(desk.node, message["recipient"], self.offices)
        if self.mail is None or office.email is None or (message["readable"] and office.password is None):
            raise Unfit("relay.by_hand", "no e-mail is agreed with this authority")
        await self.mail_to(message, office, desk)
        return "mailed"

    async def mail_to(
        self,
        message: PendingRelay,
        office: handing.Office,
        desk: Desk,
        *,
        reply: str | None = None,
        identity_reason: str | None = None,
    ) -> None:
        """One e-mail with what the authority is to have. What is refused for good is told to the node."""
        assert self.mail is not None
        assert office.email is not None
        attached: list[Attached] = []
        token: str | None = None
        until = None
        if message["readable"]:
            assert office.password is not None
            asked = reply or usual_reply(message.get("type", ""))
            if self.page is not None and asked is not None:
                token, until = self.book.new_link(
                    message["id"],
                    asked,
                    office.language,
                    narrative=office.narrative,
                    lasting=self.link_lasts,
                    now=desk.now(),
                )
            file = await handing.sheets(
                desk.node,
                message,
                office,
                return_to=self.return_to,
                reply=reply,
                link=None if token is None else f"{self.page}/reply/{token}",
                until=until,
                identity_reason=identity_reason,
            )
            attached.append(
                Attached(
                    name="message.pdf",
                    media_type="application/pdf",
                    content=protected(file, office.password),
                )
            )
        if message["sealed"]:
            sealed = await handing.sealed_file(desk.node, message["id"])
            attached.append(Attached(name="sealed.focalpoint", media_type=courier.MEDIA_TYPE, content=sealed))
        handed = self.book.handed(message["id"])
        attempt = 1 if handed is None else handed.attempt + 1
        id_ = desk.memory.message_id("mail", message["id"], str(attempt))
        e_mail = letter(
            self.mail.sender,
            office.email,
            office.language,
            id_=id_,
            attached=attached,
            sealed=not message["readable"],
        )
        await desk.pace.wait()
        try:
            await self.mail.send(e_mail, to=office.email)
        except (AddressRefused, MailRefused) as refused:
            # Only what says something of this office or e-mail: our own settings are no failed hand-over.
            reason = "relay.not_reached" if isinstance(refused, AddressRefused) else "relay.way_failed"
            self.book.sent(message["id"], message["recipient"], "e-mail", desk.now())
            await handing.failed(desk.node, self.book, message["id"], "e-mail", reason)
            raise Unfit(reason, "the mail server refused it") from None
        self.book.sent(message["id"], message["recipient"], "e-mail", desk.now(), link=token)
