"""Crossing messages: whatever the order of arrival, both nodes end in the same state and lose nothing."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_nodes import OPENING, START, Book, Collection, World, coded_for, said

from protocol.content import Content
from protocol.conversations import (
    CASE,
    PROCEDURES,
    SOCIAL_INQUIRY,
    Party,
    Table,
    Thread,
    advance,
    state_at,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId

IN_TIME, OVERDUE = timedelta(days=1), timedelta(days=400)
REPORT = "social-inquiry.report"

CROSSINGS = {
    "a question crosses a withdrawal": ("query", "withdraw", "withdrawn"),
    "an acceptance crosses a withdrawal": ("accept", "withdraw", "withdrawn"),
    "a progress note crosses a withdrawal": ("progress", "withdraw", "withdrawn"),
    "a report crosses a withdrawal and wins": (REPORT, "withdraw", "reported"),
    "a refusal crosses a withdrawal and wins": ("decline", "withdraw", "declined"),
    "a redirection crosses a withdrawal": ("redirect", "withdraw", "withdrawn"),
    "a progress note crosses a nudge": ("progress", "nudge", "requested"),
    "an acceptance crosses a nudge": ("accept", "nudge", "accepted"),
    "a report crosses a nudge": (REPORT, "nudge", "reported"),
    "a redirection crosses a nudge": ("redirect", "nudge", "redirected"),
}


@pytest.mark.parametrize(("theirs", "ours", "state"), CROSSINGS.values(), ids=CROSSINGS)
def test_crossing(theirs: str, ours: str, state: str) -> None:
    now = START + OVERDUE
    world = World.begin(SOCIAL_INQUIRY).say(Party.ASKER, ours, OPENING, now)
    world = settle(world.say(Party.ANSWERER, theirs, OPENING, now))
    assert world.agrees()
    assert world.asker.state == state
    assert {ours, theirs} <= {entry.type for entry in world.asker.entries}


def settle(world: World) -> World:
    """Deliver everything. Nothing that was rightly sent may be refused, and nothing may wait for ever."""
    while world.on_the_way():
        delivered = [later for side, item in world.on_the_way() if (later := world.deliver(side, item))]
        assert delivered, "a message waits for one that will never come"
        world = delivered[0]
    return world


ALIKE = {
    "alert.danger": ("alert.missing-child", "consent.withdrawal", "appeal.notice", "relay.attestation"),
    "guardian.notice": ("child-views.record", "best-interests.summary", "age.outcome"),
}
"""Messages of a case that have the same rows: of each group the walks below say one."""


def test_messages_that_the_walks_take_for_alike_have_the_same_rows() -> None:
    def rows_of(move_type: str) -> set[tuple[object, ...]]:
        return {(m.state, m.by, m.to, m.when, m.crossing) for m in CASE.moves if m.type == move_type}

    for one, others in ALIKE.items():
        assert all(rows_of(other) == rows_of(one) for other in others)
        assert not CASE.replies.keys() & {one, *others}


LEFT_OUT = {other for others in ALIKE.values() for other in others}


@pytest.mark.parametrize("late", [IN_TIME, OVERDUE], ids=["in time", "overdue"])
@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_every_interleaving_of_two_messages_ends_the_same(table: Table, late: timedelta) -> None:
    assert walk_all(table, late, messages=2) > 20


@pytest.mark.slow
@pytest.mark.parametrize("late", [IN_TIME, OVERDUE], ids=["in time", "overdue"])
@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_every_interleaving_of_three_messages_ends_the_same(table: Table, late: timedelta) -> None:
    assert walk_all(table, late, messages=3) > 100


def walk_all(table: Table, late: timedelta, *, messages: int) -> int:
    """All of them, not a sample. Returns in how many ways it ended."""
    seen = set()
    ends = 0
    ahead = [World.begin(table)]
    while ahead:
        world = ahead.pop()
        view = (frozenset(world.asker.entries), frozenset(world.answerer.entries))
        if (world.asker.state, world.answerer.state, view) in seen:
            continue
        seen.add((world.asker.state, world.answerer.state, view))
        arrivals = [later for side, item in world.on_the_way() if (later := world.deliver(side, item))]
        if world.on_the_way():
            assert arrivals, "a message waits for one that will never come"
        else:
            ends += 1
            assert world.agrees(), (world.asker, world.answerer)
        ahead += arrivals
        if world.count < messages:
            now = START + late + timedelta(hours=world.count)
            for side in Party:
                for move_type, replies in world.can_say(side, now):
                    if move_type in LEFT_OUT:
                        continue
                    ahead += [world.say(side, move_type, reply, now) for reply in {replies[0], replies[-1]}]
            ahead.append(world.collect(now))
    return ends


TABLES = st.sampled_from(list(PROCEDURES.values()))


@settings(max_examples=150, deadline=None)
@given(data=st.data(), table=TABLES)
def test_two_nodes_agree_after_long_talk_over_a_bad_network(data: st.DataObject, table: Table) -> None:
    """Delays, repeats and reorders; the two clocks differ by up to a day."""
    world = World.begin(table)
    clocks = dict.fromkeys(Party, START)
    skew = timedelta(minutes=data.draw(st.integers(-1440, 1440)))
    for _ in range(data.draw(st.integers(1, 14))):
        side = data.draw(st.sampled_from(list(Party)))
        clocks[side] += timedelta(hours=data.draw(st.integers(0, 900)))
        now = clocks[side] + (skew if side is Party.ANSWERER else timedelta())
        match data.draw(st.sampled_from(["say", "say", "deliver", "deliver", "collect"])):
            case "say" if choices := world.can_say(side, now):
                move_type, replies = data.draw(st.sampled_from(choices))
                world = world.say(side, move_type, data.draw(st.sampled_from(replies)), now)
            case "deliver" if flying := world.on_the_way():
                to, item = data.draw(st.sampled_from(flying))
                world = world.deliver(to, item, keep=data.draw(st.booleans())) or world
            case "collect":
                world = world.collect(clocks[Party.ASKER])
            case _:
                continue
    world = settle(world)
    assert world.agrees(), (world.asker, world.answerer)
    moment = START + timedelta(days=data.draw(st.integers(0, 900)))
    assert state_at(world.asker, moment, table=table) == state_at(world.answerer, moment, table=table)


def unlikely(thread: Thread, table: Table, data: st.DataObject) -> object:
    """Any message at all, most of them wrong."""
    types = sorted({move.type for move in table.moves} | {table.opens, "ds.propose"})
    move_type = data.draw(st.sampled_from(types))
    by = data.draw(st.sampled_from(list(Party)))
    return said(
        thread,
        move_type,
        by=by,
        name=data.draw(st.sampled_from(["new", "other", *(entry.id for entry in thread.entries)])),
        at=START + timedelta(days=data.draw(st.integers(-5, 500))),
        in_reply_to=data.draw(st.sampled_from([None, "nowhere", *(entry.id for entry in thread.entries)])),
        coded=data.draw(st.sampled_from([{}, {"new_due_on": 3}, coded_for(thread, move_type) or {}])),
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data(), table=TABLES, sending=st.booleans())
def test_no_walk_reaches_a_forbidden_state_and_a_refused_event_changes_nothing(
    data: st.DataObject, table: Table, sending: bool
) -> None:
    thread = World.begin(table).asker
    for _ in range(data.draw(st.integers(1, 20))):
        before = thread.to_json()
        try:
            moved = advance(thread, unlikely(thread, table, data), table=table, sending=sending).thread  # type: ignore[arg-type]
        except NotAcceptable:
            assert thread.to_json() == before
            continue
        thread = moved
        types = {entry.type for entry in thread.entries}
        # Silence, time and the answerer's own words never complete, and nothing is reported without a report.
        assert (thread.state == "reported") == (REPORT in types)
        assert (thread.state == "answered") == ("identity.result" in types)
        check_allowed(thread)
        assert sum(1 for entry in thread.said("progress")) <= len(thread.answerers)
        assert len(thread.pauses(limits(table), Party.ANSWERER, urgency="ordinary")) <= 2


BY_WORDS_OF_BOTH = ("agreed", "suspended", "implementing", "completed")
NEEDS = {
    "accepted": "accept",
    "gathering": "risk-assessment.contribution",
    "final": "risk-assessment.final",
    "corroborated": "risk-assessment.corroboration",
    "disputed": "risk-assessment.dispute",
    "closed": "case.closure",
    "countered": "durable-solution.counter-proposal",
    "accepted-one": "durable-solution.acceptance",
    "suspended": "durable-solution.suspension",
    "implementing": "handover.confirmation",
    "completed": "follow-up.report",
    "revoked": "durable-solution.revocation",
    "refused": "durable-solution.refusal",
    "withdrawn": "withdraw",
    "declined": "decline",
    "redirected": "redirect",
    "awaiting-info": "query",
    "complete": "collection",
}


def check_allowed(thread: Thread) -> None:
    """No state without the words that it stands for; silence and time store none."""
    assert thread.state not in ("lapsed", "stale")
    assert NEEDS.get(thread.state, thread.entries[0].type) in {entry.type for entry in thread.entries} or (
        thread.state in ("reported", "answered")
    )
    if thread.state in BY_WORDS_OF_BOTH:
        accepted: dict[object, set[Party]] = {}
        for entry in thread.said("durable-solution.acceptance"):
            accepted.setdefault(entry.in_reply_to, set()).add(entry.by)
        assert {*Party} in accepted.values(), "agreed without both sides' words on one version"
    if thread.state == "completed":
        assert any(thread.said("handover.confirmation"))


def limits(table: Table):  # type: ignore[no-untyped-def]
    from protocol.deadlines import limits_of

    return limits_of(table.procedure)


class Exchange:
    """A conversation over a network that delays, repeats and reorders messages and the evidence that answers
    them.

    `refused`: ids that a node refused for good, as its inbox remembers them. `evidence`: on its way back, to
    the side named, about its message: whether it was taken.
    """

    def __init__(self, table: Table, chance: Random) -> None:
        self.world = World.begin(table)
        self.chance = chance
        self.books = {side: Book() for side in Party}
        self.refused: set[str] = set()
        self.evidence: list[tuple[Party, MessageId, bool]] = []
        self.rejoined = 0

    def say(self, side: Party, now: datetime, *types: str) -> None:
        choices = [
            choice
            for choice in self.world.can_say(side, now)
            if choice[0] not in LEFT_OUT and (not types or choice[0] in types)
        ]
        if choices:
            move_type, replies = self.chance.choice(choices)
            self._said(side, self.world.say(side, move_type, self.chance.choice(replies), now))

    def say_carelessly(self, side: Party, now: datetime) -> None:
        view = self.world.view(side)
        types = sorted({move.type for move in self.world.table.moves} - LEFT_OUT)
        move_type = self.chance.choice(types)
        reply = self.chance.choice([entry.id for entry in view.entries])
        if coded_for(view, move_type) is None:
            return
        with contextlib.suppress(NotAcceptable):  # no node of ours records that
            self._said(side, self.world.say(side, move_type, reply, now, careless=True))

    def _said(self, side: Party, later: World) -> None:
        before = {item for _, item in self.world.on_the_way()}
        (new,) = (item for _, item in later.on_the_way() if item not in before)
        assert isinstance(new, Content)
        self.books[side].own(new)
        self.world = later

    def collect(self, now: datetime) -> None:
        later = self.world.collect(now)
        if later is not self.world:
            collection = later.asker.entries[-1]
            self.books[Party.ASKER].collected_at[collection.id] = now
            self.world = later

    def deliver(
        self, side: Party, item: Content | Collection, *, repeat: bool = False, refuse: bool = False
    ) -> bool:
        """False while it waits. `refuse`: for a reason of its own, such as a safeguard."""
        if isinstance(item, Collection):
            self._learn_of_collection(side, item, repeat=repeat)
            return True
        sender = other(side)
        if self.world.view(side).entry(item.id):
            refuse = False  # known: the first outcome again
        later: World | None = None
        try:
            later = self.world.deliver(side, item, keep=repeat)
        except NotAcceptable:
            refuse = True
        if refuse or item.id in self.refused or (later is None and item.in_reply_to in self.refused):
            self.refused.add(item.id)
            self.evidence.append((sender, item.id, False))
            self.world = self.world.without(side, item)
            return True
        if later is None:
            return False
        if item not in self.books[side].said:
            self.books[side].said.append(item)
        self.evidence.append((sender, item.id, True))
        self.world = later
        return True

    def _learn_of_collection(self, side: Party, item: Collection, *, repeat: bool) -> None:
        """Evidence too: it is never refused, and says that the answer was taken."""
        book = self.books[side]
        book.collected_at[item.message] = item.at
        if book.taken(item.message):
            self._rebuild(side)
        with contextlib.suppress(NotAcceptable):
            self.world = self.world.deliver(side, item, keep=True) or self.world
        if not repeat:
            self.world = self.world.without(side, item)

    def evidence_arrives(self) -> None:
        """Any one, whichever was sent first."""
        if not self.evidence:
            return
        side, name, taken = self.evidence.pop(self.chance.randrange(len(self.evidence)))
        book = self.books[side]
        if taken:
            if book.taken(name):
                self.rejoined += 1
                self._rebuild(side)
        elif name in book.unanswered:
            book.refused(name)
            self._rebuild(side)

    def _rebuild(self, side: Party) -> None:
        self.world = self.world.seen(side, self.books[side].rebuild(self.world.view(side), self.world.table))

    def settle(self) -> None:
        """Until all is answered, but for what waits for a redirection that was refused and never comes
        again."""
        moved = True
        while moved or self.evidence:
            order = self.world.on_the_way()
            self.chance.shuffle(order)
            moved = sum(self.deliver(side, item) for side, item in order) > 0
            while self.evidence:
                self.evidence_arrives()

    def check(self) -> None:
        """All has arrived: both nodes know the same, and each knows what became of what it said."""
        world = self.world
        assert world.agrees(), (world.asker, world.answerer)
        check_allowed(world.asker)
        for side, book in self.books.items():
            waiting = {item.id for to, item in world.on_the_way() if to is other(side)}
            assert book.unanswered == book.left_out == waiting, "an answer went unheard"
            counts = {item.id for item in book.said} - book.left_out
            assert counts == {entry.id for entry in world.view(side).entries} - {OPENING}
            assert not counts & self.refused, "a message that was refused still counts"


def other(side: Party) -> Party:
    return Party.ANSWERER if side is Party.ASKER else Party.ASKER


@settings(max_examples=250, deadline=None)
@given(chance=st.randoms(use_true_random=False), table=TABLES)
def test_both_nodes_agree_whatever_is_said_refused_lost_from_sight_and_taken_back(
    chance: Random, table: Table
) -> None:
    walk(chance, table, steps=14)


WALKS = 2000


@pytest.mark.slow
@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_both_nodes_agree_in_a_long_campaign(table: Table) -> None:
    """Each walk has a seed of its own, so that the one that fails is walked again by its number."""
    rejoined = 0
    for seed in range(WALKS):
        try:
            rejoined += walk(Random(seed), table, steps=40).rejoined
        except AssertionError as reason:
            reason.add_note(f"walk(Random({seed}), {table.procedure}, steps=40)")
            raise
    assert rejoined, "no walk came to a message that counts again after all"


STEPS = ["say", "say", "carelessly", "deliver", "deliver", "refuse", "evidence", "evidence", "collect"]
REDIRECTIONS = [*STEPS, "redirect", "redirect", "refuse redirection", "refuse redirection", "evidence"]
"""Steps of a walk in which offices are named, refused and named again."""


def walk(chance: Random, table: Table, *, steps: int) -> Exchange:
    exchange = Exchange(table, chance)
    now = START
    kinds = chance.choice([STEPS, REDIRECTIONS])
    for _ in range(chance.randint(1, steps)):
        side = chance.choice(list(Party))
        now += timedelta(hours=chance.choice([1, 30, 900]))
        match chance.choice(kinds):
            case "say":
                exchange.say(side, now)
            case "carelessly":
                exchange.say_carelessly(side, now)
            case "evidence":
                exchange.evidence_arrives()
            case "collect":
                exchange.collect(now)
            case "redirect":
                exchange.say(Party.ANSWERER, now, "redirect")
            case "refuse redirection":
                for to, item in exchange.world.on_the_way():
                    if isinstance(item, Content) and item.type == "redirect":
                        exchange.deliver(to, item, repeat=chance.random() < 0.5, refuse=True)
            case step if flying := exchange.world.on_the_way():
                to, item = chance.choice(flying)
                exchange.deliver(to, item, repeat=chance.random() < 0.5, refuse=step == "refuse")
            case _:
                pass
        check_allowed(exchange.world.asker)
        check_allowed(exchange.world.answerer)
    exchange.settle()
    exchange.check()
    much_later = now + timedelta(days=4000)
    by_time = state_at(exchange.world.asker, much_later, table=table)
    allowed = (exchange.world.asker.state, table.lapsed, table.stale)
    assert by_time in allowed, "silence became something else"
    return exchange


def test_an_answer_to_the_former_office_leaves_the_new_offices_question_open() -> None:
    """The asker answered before it learned of the redirection; the new office had asked meanwhile."""
    now = START + IN_TIME
    world = World.begin(SOCIAL_INQUIRY).say(Party.ANSWERER, "query", OPENING, now)
    first = world.answerer.entries[-1].id
    ((side, question),) = world.on_the_way()
    world = world.deliver(side, question) or world
    world = world.say(Party.ANSWERER, "redirect", OPENING, now)
    second = world.say(Party.ANSWERER, "query", world.answerer.entries[-1].id, now)
    crossed = settle(second.say(Party.ASKER, "answer", first, now))
    assert crossed.agrees()
    assert crossed.answerer.state == "awaiting-info"
