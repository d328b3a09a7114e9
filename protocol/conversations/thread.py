"""A conversation as a value: who speaks, what was said so far, where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from protocol.conversations.table import ANSWER, NOT_SAID, PROGRESS, QUERY, Party
from protocol.deadlines import Due, Limits, Pause, Terms
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId

__all__ = ["Entry", "Owed", "Thread"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing said (or collected). `at` is its signed time.

    `named` is what the machine needs of its coded part: the authority that a redirection names, the date that
    a progress note promises, the points in time at which a proposed solution is to be followed up, the one
    that a follow-up report is about. `lifts` are the suspensions that a proposed solution answers. `terms`:
    the clock that it started, where it asks for something; the opening message's are the thread's.
    """

    id: MessageId
    type: str
    sender: Address
    by: Party
    in_reply_to: MessageId | None
    at: datetime
    named: tuple[str, ...] = ()
    lifts: tuple[MessageId, ...] = ()
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """`by` owes `obligation` because of `message`; `due` counts pauses and a new date. `main`: what the
    procedure waits for, and not the answer to a question."""

    message: MessageId
    by: Party
    obligation: str
    due: Due
    main: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One conversation.

    `state` is what the messages say; what time adds (lapsed, stale) is `machine.state_at(thread, now)`.
    `answerers` holds every authority that the conversation was addressed to, the present one last.
    `terms` are the deadlines set at opening. `owed` is all that either side owes now, pauses and new dates
    counted; `due` is the first that the procedure waits for. `entries` are in the order in which this node
    learned of them; the other node may have another order.
    """

    id: ThreadId
    procedure: str
    case: CaseReference
    state: StrEnum
    asker: Address
    answerers: tuple[Address, ...]
    opened_at: datetime
    terms: Terms | None
    due: Due | None
    entries: tuple[Entry, ...]
    owed: tuple[Owed, ...] = ()

    @property
    def answerer(self) -> Address:
        """The authority that the conversation is addressed to now."""
        return self.answerers[-1]

    @property
    def extended(self) -> bool:
        """A new date was promised; there is no second one by the same authority."""
        return any(entry.type == PROGRESS for entry in self.entries)

    def party(self, authority: Address) -> Party | None:
        """The side that `authority` speaks for, also where the conversation was redirected away from it."""
        if authority == self.asker:
            return Party.ASKER
        return Party.ANSWERER if authority in self.answerers else None

    def entry(self, message: MessageId | None) -> Entry | None:
        """What was said under that id; a collection is not looked for."""
        return next((entry for entry in self.entries if entry.id == message and _is_message(entry)), None)

    def said(self, move_type: str, by: Address | None = None) -> Iterator[Entry]:
        """Every entry of that type, by that authority or by any."""
        for entry in self.entries:
            if entry.type == move_type and by in (None, entry.sender):
                yield entry

    def said_by(self, by: Party, *types: str) -> tuple[Entry, ...]:
        """Every entry of one of those types by that side, whichever of its authorities spoke."""
        return tuple(entry for entry in self.entries if entry.by is by and entry.type in types)

    def open_questions(self, to: Party) -> tuple[Entry, ...]:
        """Questions that `to` has not answered, in the order in which they came."""
        answered = {entry.in_reply_to for entry in self.said(ANSWER)}
        return tuple(entry for entry in self.said(QUERY) if entry.by != to and entry.id not in answered)

    def speaker(self, by: Party) -> Address:
        """The authority that speaks for that side now."""
        return self.asker if by is Party.ASKER else self.answerer

    def pauses(self, limits: Limits, by: Party, *, urgency: str) -> tuple[Pause, ...]:
        """When a clock of `by` that a message of `urgency` started may have stood still: from each of the
        questions of `by` to the answer. Which of these a deadline counts is in `clock`.

        A question without an answer stops the clock for the longest pause of that urgency, whether that time
        has passed or not: the clock then runs on by itself. Only the first `limits.pauses` questions count,
        by signed time and id, so the order of arrival makes no difference.
        """
        answers = {entry.in_reply_to: entry.at for entry in self.said(ANSWER)}
        return tuple(
            Pause(start=query.at, end=_end(query.at, answers.get(query.id), limits.longest_pause(urgency)))
            for query in self.pausing(limits, by)
        )

    def pausing(self, limits: Limits, by: Party = Party.ANSWERER) -> tuple[Entry, ...]:
        """The questions of `by` that stop its clock, answered or not."""
        asked = sorted(self.said_by(by, QUERY), key=lambda entry: (entry.at, entry.id))
        return tuple(asked[: limits.pauses])

    def new_dates(self, to: MessageId | None = None) -> tuple[tuple[datetime, date], ...]:
        """When a new date was promised, and which, the earliest promise first: for what `to` asked for, or
        for what the opening message did. Also those that came too late to move the deadline."""
        promised = (
            (entry.at, date.fromisoformat(day))
            for entry in self.said(PROGRESS)
            for day in entry.named
            if self.extends(entry.by, entry.in_reply_to) == to
        )
        return tuple(sorted(promised))

    def extends(self, by: Party, in_reply_to: MessageId | None) -> MessageId | None:
        """Whose clock a new date by `by` in reply to that message moves: that of the message, where it has
        one of its own and the other side said it; else None, for the opening message's."""
        asked = self.entry(in_reply_to)
        own = asked is not None and asked.terms is not None and asked.by is not by and asked.type != QUERY
        return in_reply_to if own else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, for storage at one node; it never travels."""
        return {
            "id": self.id,
            "procedure": self.procedure,
            "case": self.case,
            "state": self.state.value,
            "asker": self.asker,
            "answerers": list(self.answerers),
            "opened_at": self.opened_at.isoformat(),
            "terms": self.terms and self.terms.to_json(),
            "due": self.due and self.due.to_json(),
            "owed": [
                {
                    "message": one.message,
                    "by": one.by.value,
                    "obligation": one.obligation,
                    "due": one.due.to_json(),
                    "main": one.main,
                }
                for one in self.owed
            ],
            "entries": [
                {
                    "id": entry.id,
                    "type": entry.type,
                    "sender": entry.sender,
                    "by": entry.by.value,
                    "in_reply_to": entry.in_reply_to,
                    "at": entry.at.isoformat(),
                    "named": list(entry.named),
                    "lifts": list(entry.lifts),
                    **({"terms": entry.terms.to_json()} if entry.terms else {}),
                }
                for entry in self.entries
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, states: type[StrEnum]) -> Thread:
        """Read what `to_json` wrote. `states` are those of the procedure's table."""
        return cls(
            id=ThreadId(data["id"]),
            procedure=data["procedure"],
            case=CaseReference(data["case"]),
            state=states(data["state"]),
            asker=Address(data["asker"]),
            answerers=tuple(Address(address) for address in data["answerers"]),
            opened_at=datetime.fromisoformat(data["opened_at"]),
            terms=Terms.from_json(data["terms"]) if data["terms"] else None,
            due=Due.from_json(data["due"]) if data["due"] else None,
            entries=tuple(
                Entry(
                    id=MessageId(entry["id"]),
                    type=entry["type"],
                    sender=Address(entry["sender"]),
                    by=Party(entry["by"]),
                    in_reply_to=entry["in_reply_to"] and MessageId(entry["in_reply_to"]),
                    at=datetime.fromisoformat(entry["at"]),
                    named=_named(entry["named"]),
                    lifts=tuple(MessageId(message) for message in entry.get("lifts", ())),
                    terms=Terms.from_json(entry["terms"]) if "terms" in entry else None,
                )
                for entry in data["entries"]
            ),
            owed=tuple(
                Owed(
                    message=MessageId(one["message"]),
                    by=Party(one["by"]),
                    obligation=one["obligation"],
                    due=Due.from_json(one["due"]),
                    main=one["main"],
                )
                for one in data.get("owed", ())
            ),
        )


def _is_message(entry: Entry) -> bool:
    return entry.type not in NOT_SAID


def _named(stored: str | list[str] | None) -> tuple[str, ...]:
    """A thread that an older node stored has one name there, or none."""
    if isinstance(stored, str):
        return (stored,)
    return tuple(stored or ())


def _end(asked: datetime, answered: datetime | None, at_most: timedelta) -> datetime:
    # The two signed times come from two clocks: an answer "before" its question is a pause of no length.
    latest = asked + at_most
    return latest if answered is None else min(max(answered, asked), latest)
