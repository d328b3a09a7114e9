"""The adapter itself: which referral becomes which message, and which message becomes a note.

A name of the loop is `referrals:<record>:<transition>`, and with `@<status>` for what somebody in Primero
answered to a note. It says nothing of when the record changed: a record changes for many reasons, our own
mark among them, and a referral is one message whatever happens to its record.

Three ways to hear of something: a poll by when records changed; a webhook, which is believed no more than
that its record is looked at; and a sweep over everything that the account sees, because the poll cannot see
all (an accepted referral does not change its record, and their search index may lag behind).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, cast

from adapters.kit import Adapter, Away, Batch, Desk, Unfit
from adapters.primero.client import Kind, Primero, Transition, moment
from adapters.primero.mapping import (
    NO_DANGER,
    Profile,
    answer_of,
    fields_for,
    message_in,
    note_of,
    status_of,
    understand,
)
from service.client import Message, Problem, Submission

__all__ = ["PrimeroLink", "Way"]

log = logging.getLogger("focalpoint.adapter")

_NOTIFICATION: Final = "case.notification"
_KINDS: Final[tuple[Kind, ...]] = ("referrals", "transfers")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERS: Final = frozenset({"accepted", "rejected", "done"})
_WITH_US: Final = frozenset(
    {
        "synced",
        "focalpoint-held",
        "focalpoint-waits:second-person",
        "focalpoint-accepted",
        "focalpoint-declined",
        "focalpoint-message",
        "focalpoint-refused:notified_before",
    }
)
"""Marks of what the node has. Of the others it has nothing."""
_MOST_HINTS: Final = 1_000
_MOST_SAME: Final = 50
"""Pages that may have changed in the same thousandth of a second."""
_NOT_THE_ITEM: Final = frozenset({401, 403, 408, 425, 429})
"""The node refuses the adapter or is busy: nothing is wrong with what is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How notes are made and records are marked. `inbox`: the user whom notes are for. `console`: the
    address of the node's console. `module`: of the records that are made for cases that come in.
    `accept_transfers`: whether a transfer is completed when the other State accepts, so that this account
    owns the record. `remote_agencies`: whose remote referrals are meant for the node too."""

    inbox: str
    console: str
    module: str = "primeromodule-cp"
    incoming: Kind = "referrals"
    accept_transfers: bool = False
    remote_agencies: frozenset[str] = field(default_factory=frozenset)
    sweep: timedelta = timedelta(minutes=10)
    page: int = 50


class PrimeroLink(Adapter):
    version = "1"
    delivers = True
    takes = True

    def __init__(self, primero: Primero, profile: Profile, way: Way) -> None:
        self._primero, self._profile, self._way = primero, profile, way
        self.nudged = asyncio.Event()
        self._hints: dict[str, None] = {}
        self._sweep_at: datetime | None = None
        self._swept: datetime | None = None
        self._aside: dict[str, str] = {}
        self._tried: dict[str, datetime] = {}
        """By name, when its record had last changed as it was tried."""

    def hint(self, record: str) -> None:
        """Somebody says that this record changed: look at it soon. Nothing else of it is believed."""
        if len(self._hints) < _MOST_HINTS:
            self._hints[record] = None
        self.nudged.set()

    # -- from Primero

    async def changed(self, after: str | None, desk: Desk) -> Batch:
        self._primero.before_each = desk.pace.wait
        self._aside = {item.name: item.code for item in desk.memory.aside() if item.way == "to-node"}
        self._tried = {name: at for name, at in self._tried.items() if name in self._aside}
        if self._hints:
            return await self._hinted(desk)
        now = desk.now()
        if after is not None and self._sweep_at is None and self._is_due(now):
            self._sweep_at = _BEGINNING
        if after is not None and self._sweep_at is not None:
            names, position, more = await self._page(self._sweep_at, desk, again=True)
            self._sweep_at = position if more else None
            self._swept = None if more else now
            return Batch(names=names, more=True)
        names, position, more = await self._page(moment(after) if after else _BEGINNING, desk)
        if after is None and not more:
            self._swept = now
        return Batch(names=names, position=position.isoformat(), more=more)

    def _is_due(self, now: datetime) -> bool:
        return self._swept is None or now - self._swept >= self._way.sweep

    async def _hinted(self, desk: Desk) -> Batch:
        record = next(iter(self._hints))
        try:
            names = await self._names(record, desk)
        except Unfit:
            names = []  # whoever hinted made it up, or the account does not see it
        self._hints.pop(record, None)
        return Batch(names=tuple(names), more=True)

    async def _page(
        self, since: datetime, desk: Desk, *, again: bool = False
    ) -> tuple[tuple[str, ...], datetime, bool]:
        """Names from one page of records, where to go on, and whether there is more."""
        page = await self._primero.cases(since=since, per=self._way.page)
        records = list(page.records)
        number = 1
        # More than a page that changed at one moment: only the next page leads past it.
        while page.full and records[-1].changed_at == since:
            number += 1
            if number > _MOST_SAME:
                raise Away("primero.nonsense", "the list does not go on")
            page = await self._primero.cases(since=since, per=self._way.page, page=number)
            records += page.records
        names: dict[str, None] = {}
        for record in records:
            try:
                found = await self._names(record.id, desk, record.changed_at, again=again)
            except Unfit as unfit:
                if unfit.code == "primero.gone":
                    continue  # gone since it was listed
                raise Away(unfit.code, "the account may not list referrals and transfers") from None
            names |= dict.fromkeys(found)
        return tuple(names), records[-1].changed_at if records else since, page.full

    async def _names(
        self, record: str, desk: Desk, changed_at: datetime | None = None, *, again: bool = False
    ) -> list[str]:
        """What is to be done with the record's transitions. What was set aside is tried again when its record
        has changed, and, where the node refused it, at each sweep: people may have settled it there."""
        aside = self._aside
        names = []
        found = [one for kind in _KINDS for one in await self._primero.transitions(kind, record)]
        for transition in sorted(found, key=lambda one: (one.created_at, one.id)):
            name = self._name(transition)
            if name is None or desk.memory.outcome("to-node", name) is not None:
                continue
            if name in aside and changed_at is not None:
                settled_elsewhere = again and aside[name].startswith("node.")
                if self._tried.get(name) == changed_at and not settled_elsewhere:
                    continue
            if changed_at is not None:
                self._tried[name] = changed_at
            names.append(name)
        return names

    def _name(self, one: Transition) -> str | None:
        name = f"{one.kind}:{one.record}:{one.id}"
        if one.by == self._primero.user:
            answered = one.status in _ANSWERS and message_in(one.notes) is not None
            return f"{name}@{one.status}" if answered else None
        return name if one.status == "inprogress" and self._is_for_us(one) else None

    def _is_for_us(self, one: Transition) -> bool:
        return one.to == self._primero.user or (one.remote and one.agency in self._way.remote_agencies)

    async def take(self, name: str, desk: Desk) -> str:
        self._primero.before_each = desk.pace.wait
        path, _, status = name.partition("@")
        kind, record, id_ = path.split(":")
        transition = await self._primero.transition(cast("Kind", kind), record, id_)
        if status:
            work = self._answer(transition, status, name, desk)
        elif transition.status == "inprogress":
            work = self._send(transition, name, desk)
        else:
            return "skipped"  # taken back since
        try:
            outcome, mark = await work
        except Unfit as unfit:
            await self._mark(record, name, status_of(unfit.code), desk)
            raise
        except Problem as problem:
            if problem.status >= 500 or problem.status in _NOT_THE_ITEM:
                raise
            if problem.code == "id_reused":
                # It went out before, and the record was changed before we could note that. Once is enough.
                outcome, mark = "sent", "synced"
            else:
                await self._mark(record, name, status_of(f"node.{problem.code}"), desk)
                raise
        if mark is not None:
            await self._mark(record, name, mark, desk)
        return outcome

    async def _send(self, transition: Transition, name: str, desk: Desk) -> tuple[str, str | None]:
        record = await self._primero.case(transition.record, fields_for(self._profile))
        understood = understand(record, transition, self._profile)
        id_ = desk.memory.message_id(name)
        case = await self._case_of(transition.record, desk)
        submission = {**understood.submission, "id": id_, "case": case}
        notifies = submission["type"] == _NOTIFICATION
        if notifies:
            await self._refuse_second(transition.record, case, name, desk)
        # Before it is sent: the answer may be here first.
        desk.memory.reached(f"sent:{id_}", name)
        try:
            told = await desk.node.send(cast("Submission", submission))
        except Problem as problem:
            if notifies and _is_refused(problem):
                desk.memory.forget(f"notified:{transition.record}")  # another referral may bring it
            raise
        for unknown in understood.unknown:
            log.info("adapter.left_unknown", extra={"code": f"primero.{unknown}", "message_id": id_})
        return _standing(told)

    async def _refuse_second(self, record: str, case: str, name: str, desk: Desk) -> None:
        """One child is notified once, however often its record is referred, and whoever notified it: what is
        new is told by a person. Unfit `primero.notified_before`."""
        key = f"notified:{record}"
        # What waits at the node for a second person is in no list of messages yet.
        before = desk.memory.position(key) not in (None, name)
        if not before:
            listed = await desk.node.messages(case=case, type=_NOTIFICATION, direction="out", limit=2)
            ours = desk.memory.message_id(name)
            before = any(message["id"] != ours for message in listed["messages"])
        if before:
            raise Unfit("primero.notified_before", "the record's case was notified; tell what is new there")
        desk.memory.reached(key, name)

    async def _case_of(self, record: str, desk: Desk) -> str:
        """Our reference of a record's case, which is opened once."""
        known = desk.memory.position(f"case-of:{record}")
        if known is None:
            opened = await desk.node.open_case(desk.memory.message_id("case-of", record))
            known = opened["reference"]
            desk.memory.reached(f"case-of:{record}", known)
        desk.memory.reached(f"record-of:{known}", record)
        return known

    async def _answer(
        self, transition: Transition, status: str, name: str, desk: Desk
    ) -> tuple[str, str | None]:
        """What somebody in Primero answered to a note of ours: taken on, or rejected."""
        id_ = message_in(transition.notes)
        if transition.status != status and not (status == "accepted" and transition.status == "done"):
            return "skipped", None
        message = await desk.node.message(str(id_))
        wanted = "decline" if status == "rejected" else "accept"
        steps = await desk.node.next_steps(message["case"])
        open_ = [
            step
            for step in steps["steps"]
            if step["type"] == wanted
            and step["open"]
            and step["by"] == message["recipient"]
            and step.get("thread") == message["thread"]
        ]
        # Most messages ask for no such answer; and what was answered in the console is answered.
        if not open_:
            return "nothing-to-answer", None
        answer = answer_of(
            status,
            transition.rejected_reason,
            message,
            in_reply_to=open_[0].get("in_reply_to", message["id"]),
            profile=self._profile,
        )
        # Whoever answers says that in Primero too, on the note's record. It is not for a program to assume.
        record = await self._primero.case(transition.record, (NO_DANGER,))
        answer["declares_no_danger"] = record.get(NO_DANGER) is True
        # `accepted` and `done` are one acceptance.
        answer["id"] = desk.memory.message_id(name.replace("@done", "@accepted"))
        told = await desk.node.send(cast("Submission", answer))
        return _standing(told)

    # -- to Primero

    async def deliver(self, message: Message, desk: Desk) -> str:
        self._primero.before_each = desk.pace.wait
        sent = desk.memory.position(f"sent:{message.get('in_reply_to')}")
        if sent is not None and message["type"] in {"accept", "decline"}:
            answered = await self._answered(message, sent, desk)
            if answered is not None:
                return answered
        return await self._noted(message, desk)

    async def _answered(self, message: Message, name: str, desk: Desk) -> str | None:
        """The other State took on, or declined, what a referral asked: the referral says so. None where it
        is no longer the account's to answer."""
        kind, record, id_ = name.split(":")
        accepted = message["type"] == "accept"
        try:
            transition = await self._primero.transition(cast("Kind", kind), record, id_)
            word = "accepted" if accepted else "declined"
            if transition.status == "inprogress":
                # Before: whoever has rejected a referral no longer sees its record.
                await self._mark(record, message["id"], f"focalpoint-{word}", desk)
                if accepted and transition.kind == "transfers" and not self._way.accept_transfers:
                    return "left-to-a-person"
                reason = None if accepted else _reason_of(message)
                await self._primero.set_status(
                    transition.kind,
                    record,
                    id_,
                    "accepted" if accepted else "rejected",
                    rejected_reason=reason,
                )
        except Unfit:
            return None
        return word

    async def _noted(self, message: Message, desk: Desk) -> str:
        """A note of the message for the people of the inbox. It is made on a record that holds nothing and
        that the account owns, because only there does Primero show the account every note that it made: on
        others, a note whose answer got lost would be made twice."""
        memory, way = desk.memory, self._way
        if way.incoming == "referrals":
            record = memory.message_id("notes-of", message["case"])
        else:
            # A transferred record is another's from then on: each message has its own.
            record = memory.message_id("notes-of", message["case"], message["id"])
        if not await self._primero.has_case(record):
            await self._primero.create_case(record, {"module_id": way.module})
        for made in await self._primero.transitions(way.incoming, record):
            if made.by == self._primero.user and message_in(made.notes) == message["id"]:
                break
        else:
            await self._primero.hand_on(
                way.incoming,
                record,
                to=way.inbox,
                notes=note_of(message, console=way.console, language=self._profile.language),
                # Of nobody's: the record is empty, and Primero refers no record without either.
                consent_overridden=True,
            )
        linked = memory.position(f"record-of:{message['case']}")
        if linked is not None:
            await self._mark(linked, message["id"], "focalpoint-message", desk)
        return "noted"

    async def _mark(self, record: str, name: str, status: str, desk: Desk) -> None:
        """Once for each change of how it stands: a mark changes the record, and would be heard as news."""
        key = f"marked:{desk.memory.message_id('mark', name)}"
        if desk.memory.position(key) == status:
            return
        synced = status in _WITH_US
        try:
            await self._primero.mark(record, synced=synced, url=self._way.console, status=status)
        except Unfit as unfit:
            log.warning("adapter.not_marked", extra={"code": unfit.code})
        desk.memory.reached(key, status)


def _is_refused(problem: Problem) -> bool:
    """The node has nothing of what was sent, and will have nothing of it as it is."""
    return problem.status < 500 and problem.status not in _NOT_THE_ITEM and problem.code != "id_reused"


def _standing(told: Mapping[str, Any]) -> tuple[Literal["sent", "held", "awaiting-approval"], str]:
    if told["status"] == "awaiting-approval":
        return "awaiting-approval", "focalpoint-waits:second-person"
    if told["status"] == "held":
        return "held", "focalpoint-held"
    return "sent", "synced"


def _reason_of(message: Message) -> str:
    """The code of the refusal, which is all that Primero is told of it."""
    coded = message.get("content", {}).get("coded", {})
    return str(coded.get("decline_reason", "withheld"))
