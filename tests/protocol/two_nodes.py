"""Two nodes that tell each other about one conversation over a network that delays, repeats and reorders.

Node `asker` serves one authority; node `answerer` serves the offices of another State. Each applies its own
message at once and puts it into the other's bag, from which it is delivered in any order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from protocol.content import Content
from protocol.conversations import (
    DURABLE_SOLUTION,
    Party,
    PredecessorMissing,
    Table,
    Thread,
    advance,
    agreed_version,
    collected,
    current_final,
    moves_from,
    on_the_table,
    rebuilt,
)
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId

ASKER = Address("it.servizio-minori")
OFFICES = (Address("ro.anpdca"), Address("ro.dgaspc-iasi"), Address("ro.dgaspc-cluj"))
CASE = CaseReference("K7QM-3XPT-9V2D-6")
OPENING = MessageId("opening")
THREAD = ThreadId(OPENING)
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def message(message_type: str, name: str, **fields: Any) -> Content:
    """A content statement, as it is read."""
    given: dict[str, Any] = {
        "id": MessageId(name),
        "type": message_type,
        "case": CASE,
        "thread": THREAD,
        "coded": {},
        "declares_no_danger": True,
        "vocabulary": "2026.11",
        "issued_at": START,
        "statement_digest": f"digest-of-{name}",
        "parts": {},
        "unknown": {},
    }
    return Content(**(given | fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """Retrieval evidence: signed by the asker's agency."""

    message: MessageId
    at: datetime


def opening(table: Table, at: datetime = START, **changes: Any) -> Content:
    fields: dict[str, Any] = {"sender": ASKER, "recipient": OFFICES[0], "issued_at": at}
    if table.opens == "durable-solution.proposal":
        fields["coded"] = {"terms": {"monitoring": [{"follow_up_point": "month-1"}]}}
    return message(table.opens, OPENING, **(fields | changes))


def said(
    thread: Thread,
    message_type: str,
    *,
    by: Party,
    name: str = "",
    at: datetime = START,
    in_reply_to: str | None = OPENING,
    coded: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Content:
    """A message of that side to the other, replying to the opening message unless told otherwise."""
    ours, theirs = (thread.asker, thread.answerer) if by is Party.ASKER else (thread.answerer, thread.asker)
    fields: dict[str, Any] = {
        "in_reply_to": in_reply_to,
        "sender": ours,
        "recipient": theirs,
        "issued_at": at,
        "coded": coded or {},
    }
    return message(message_type, name or f"{message_type}-{len(thread.entries)}", **(fields | changes))


def coded_for(
    thread: Thread, message_type: str, by: Party = Party.ANSWERER, reply_to: str | None = None
) -> Mapping[str, Any] | None:
    """A coded part that the machine accepts; None where there is none left to give."""
    if message_type == "progress":
        asked = thread.entry(thread.extends(by, MessageId(reply_to) if reply_to else None))
        terms = asked.terms if asked else thread.terms
        assert terms
        assert terms.latest_new_date
        return {"new_due_on": terms.latest_new_date.isoformat()}
    if message_type == "redirect":
        left = [office for office in OFFICES if office not in thread.answerers]
        return {"redirected_to": left[0]} if left else None
    if message_type in ("durable-solution.proposal", "durable-solution.counter-proposal"):
        # Every version that follows a suspension answers it.
        lifts = [entry.id for entry in thread.said("durable-solution.suspension")]
        return {"terms": {"monitoring": [{"follow_up_point": "month-1"}]}, "lifts": lifts}
    if message_type == "follow-up.report":
        return {"follow_up_point": "month-1"}
    return {}


def _name(item: Content | Collection) -> str:
    return item.id if isinstance(item, Content) else f"collection-{item.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Both nodes' views and what is still on its way to each."""

    table: Table
    asker: Thread
    answerer: Thread
    to_asker: frozenset[Content] = frozenset()
    to_answerer: frozenset[Content | Collection] = frozenset()
    count: int = 0

    @classmethod
    def begin(cls, table: Table) -> World:
        thread = advance(None, opening(table), table=table, sending=True).thread
        return cls(table=table, asker=thread, answerer=thread)

    def view(self, side: Party) -> Thread:
        return self.asker if side is Party.ASKER else self.answerer

    def can_say(self, side: Party, now: datetime) -> list[tuple[str, tuple[MessageId, ...]]]:
        thread = self.view(side)
        me = thread.asker if side is Party.ASKER else thread.answerer
        return [
            (move.type, move.replies_to)
            for move in moves_from(thread, me, now, table=self.table)
            if not move.missing and coded_for(thread, move.type) is not None
        ]

    def say(
        self, side: Party, message_type: str, reply_to: MessageId, now: datetime, *, careless: bool = False
    ) -> World:
        """`careless`: this node holds itself to no more than a recipient would."""
        thread = self.view(side)
        statement = said(
            thread,
            message_type,
            by=side,
            name=f"{side}-{self.count}",
            at=now,
            in_reply_to=reply_to,
            coded=coded_for(thread, message_type, side, reply_to),
        )
        moved = advance(thread, statement, table=self.table, sending=not careless).thread
        if side is Party.ASKER:
            return dataclasses.replace(
                self, asker=moved, to_answerer=self.to_answerer | {statement}, count=self.count + 1
            )
        return dataclasses.replace(
            self, answerer=moved, to_asker=self.to_asker | {statement}, count=self.count + 1
        )

    def collect(self, now: datetime) -> World:
        """The asker's agency collects the report, if there is one to collect."""
        for entry in self.asker.said(self.table.answer or ""):
            moved = collected(self.asker, entry.id, by=ASKER, at=now, table=self.table).thread
            if moved != self.asker:
                evidence = Collection(message=entry.id, at=now)
                return dataclasses.replace(self, asker=moved, to_answerer=self.to_answerer | {evidence})
        return self

    def deliver(self, side: Party, item: Content | Collection, *, keep: bool = False) -> World | None:
        """None when it has to wait. `keep`: the network will deliver it again."""
        thread = self.view(side)
        try:
            if isinstance(item, Collection):
                moved = collected(thread, item.message, by=ASKER, at=item.at, table=self.table).thread
            else:
                moved = advance(thread, item, table=self.table, sending=False).thread
        except PredecessorMissing:
            return None
        if side is Party.ASKER:
            left = self.to_asker if keep else self.to_asker - {item}
            return dataclasses.replace(self, asker=moved, to_asker=left)
        rest = self.to_answerer if keep else self.to_answerer - {item}
        return dataclasses.replace(self, answerer=moved, to_answerer=rest)

    def seen(self, side: Party, thread: Thread) -> World:
        """That side's node has the conversation as `thread` now."""
        return dataclasses.replace(self, **{"asker" if side is Party.ASKER else "answerer": thread})

    def without(self, side: Party, item: Content | Collection) -> World:
        """The network delivers it to that side no more."""
        if side is Party.ASKER:
            return dataclasses.replace(self, to_asker=self.to_asker - {item})
        return dataclasses.replace(self, to_answerer=self.to_answerer - {item})

    def on_the_way(self) -> list[tuple[Party, Content | Collection]]:
        return [(Party.ASKER, item) for item in sorted(self.to_asker, key=_name)] + [
            (Party.ANSWERER, item) for item in sorted(self.to_answerer, key=_name)
        ]

    def agrees(self) -> bool:
        """Both nodes know the same and make the same of it; they may have learned it in another order."""
        a, b = self.asker, self.answerer
        if self.table is DURABLE_SOLUTION and on_the_table(a) != on_the_table(b):
            return False
        if agreed_version(a) != agreed_version(b) or current_final(a) != current_final(b):
            return False
        return (a.state, a.due, a.owed, a.answerers, frozenset(a.entries)) == (
            b.state,
            b.due,
            b.owed,
            b.answerers,
            frozenset(b.entries),
        )


@dataclass
class Book:
    """What a node keeps of the conversation beside the thread, as the rows of its messages.

    `said`: its own messages and those it took, in the order in which it recorded them. `unanswered`: its own
    that the other node has neither taken nor refused, as far as it knows. `left_out`: those of them that do
    not count in the thread for the present.
    """

    said: list[Content] = field(default_factory=list)
    unanswered: set[MessageId] = field(default_factory=set)
    left_out: set[MessageId] = field(default_factory=set)
    collected_at: dict[MessageId, datetime] = field(default_factory=dict)

    def own(self, item: Content) -> None:
        self.said.append(item)
        self.unanswered.add(item.id)

    def taken(self, name: MessageId) -> bool:
        """The other node took that message of ours. Whether the thread is to be rebuilt."""
        self.unanswered.discard(name)
        again = name in self.left_out
        self.left_out.discard(name)
        return again

    def refused(self, name: MessageId) -> None:
        self.unanswered.discard(name)
        self.left_out.discard(name)
        self.said = [item for item in self.said if item.id != name]

    def rebuild(self, thread: Thread, table: Table) -> Thread:
        again = rebuilt(
            thread,
            self.said,
            table=table,
            unanswered=self.unanswered,
            collected_at=self.collected_at,
        )
        self.left_out = {name for name in self.unanswered if again.entry(name) is None}
        return again
