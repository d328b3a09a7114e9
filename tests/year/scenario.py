"""What the authorities of a simulated year do: who asks whom, and how each answers, by a seed.

Nobody here knows of deadlines' lengths; what is accepted late or answered too late is so by its day.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from tests.year.world import START, focal_point, second_office

_IDS = uuid.UUID("5b1f2d1c-8f5e-4a7b-9a53-0f0a4f3c7b29")
ANSWERS = {
    "social-inquiry.request": "social-inquiry.report",
    "identity.request": "identity.result",
    "risk-assessment.request": "risk-assessment.contribution",
}
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """`by` says `type` in the conversation `thread` at about `at`. `collect`: it takes `reply` from its
    node."""

    at: datetime
    id: str
    type: str
    by: str
    to: str
    thread: str | None = None
    reply: str | None = None
    urgency: Literal["ordinary", "urgent"] = "ordinary"
    coded: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    number: int
    asking: str
    answering: str
    acts: tuple[Act, ...]


def corridors(states: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each State with the next and, where there are more than three, the one after: two pairs a State."""
    steps = (1, 2) if len(states) > 3 else (1,)
    pairs = {
        tuple(sorted((one, states[(place + step) % len(states)])))
        for place, one in enumerate(states)
        for step in steps
    }
    return sorted((one, other) for one, other in pairs)


def plan(seed: int, states: tuple[str, ...], cases_per_corridor: int) -> list[PlannedCase]:
    planned = []
    for pair in corridors(states):
        for number in range(cases_per_corridor):
            random = Random(f"{seed}/{pair}/{number}")
            asking, answering = pair if random.random() < 0.5 else pair[::-1]
            planned.append(_case(random, seed, len(planned), asking, answering))
    return planned


def _case(random: Random, seed: int, number: int, asking: str, answering: str) -> PlannedCase:
    begins = START + timedelta(seconds=random.randrange(364 * 86_400))
    us, them = focal_point(asking), focal_point(answering)
    acts: list[Act] = []
    names = iter(range(1_000))

    def act(at: datetime, type_: str, by: str, to: str, **more: Any) -> Act:
        one = Act(
            at=at,
            id=str(uuid.uuid5(_IDS, f"{seed}/{asking}/{answering}/{number}/{next(names)}")),
            type=type_,
            by=by,
            to=to,
            **more,
        )
        acts.append(one)
        return one

    urgency = "urgent" if random.random() < 0.2 else "ordinary"
    notice = act(begins, "case.notification", us, them, urgency=urgency)
    if random.random() < 0.93:
        after = begins + random.choice((0.5, 1, 2, 4, 9, 20)) * DAY * random.uniform(0.5, 1.5)
        act(after, "accept", them, us, thread=notice.id, reply=notice.id)
    kinds = random.sample(tuple(ANSWERS), k=random.choice((1, 2, 2, 3)))
    for kind in kinds:
        at = min(begins + random.uniform(1, 60) * DAY, START + 364 * DAY)
        _conversation(random, act, at, kind, us, them, answering)
    return PlannedCase(
        number=number, asking=asking, answering=answering, acts=tuple(sorted(acts, key=lambda one: one.at))
    )


def _conversation(
    random: Random, act: Any, at: datetime, kind: str, us: str, them: str, answering: str
) -> None:
    urgency = "urgent" if random.random() < 0.2 else "ordinary"
    request = act(at, kind, us, them, urgency=urgency)
    usual = (25 if urgency == "urgent" else 75) if kind != "risk-assessment.request" else 20
    dice = random.random()
    if dice < 0.08:
        return  # silence
    common = {"thread": request.id, "reply": request.id}
    if dice < 0.13:
        act(at + random.uniform(1, 15) * DAY, "decline", them, us, **common)
        return
    now = at + random.uniform(0.6, 1.5) * DAY
    if random.random() < 0.1:
        other = second_office(answering)
        act(now, "redirect", them, us, **common, coded={"redirected_to": other})
        them = other
        now += DAY
    if random.random() < 0.85:
        now += random.expovariate(1 / 5) * DAY
        act(now, "accept", them, us, **common)
        now += DAY
    if random.random() < 0.05:
        act(now + random.uniform(1, 10) * DAY, "withdraw", us, them, **common)
        return
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        now += random.uniform(1, 8) * DAY
        question = act(now, "query", them, us, **common)
        if random.random() < 0.1:
            break
        now += random.uniform(1, 22) * DAY
        act(now, "answer", us, them, thread=request.id, reply=question.id)
        now += DAY
    if random.random() < 0.15:
        longest = {"urgent": 20, "ordinary": 45} if kind == "risk-assessment.request" else {
            "urgent": 60, "ordinary": 130,
        }  # fmt: skip
        day = (at + longest[urgency] * DAY).date().isoformat()
        now += random.uniform(0.6, 5) * DAY
        act(now, "progress", them, us, **common, coded={"new_due_on": day})
        now += DAY
    if random.random() < 0.12:
        return  # accepted, and no more heard
    late = random.random() < 0.3
    answered = max(now, at + usual * random.uniform(*((1.0, 2.6) if late else (0.3, 1.1))) * DAY)
    answer = act(answered, ANSWERS[kind], them, us, **common)
    if random.random() < 0.7:
        act(answered + random.uniform(1, 10) * DAY, "collect", us, them, reply=answer.id)


def ticks(seed: int, *, per_day: float, days: int) -> list[datetime]:
    """When the clock stands: jumps of uneven length, so that no two instants fall together by themselves."""
    random = Random(f"ticks/{seed}")
    found, at = [], START
    while at < START + days * DAY:
        at += timedelta(seconds=random.randint(int(43_200 / per_day), int(129_600 / per_day)))
        found.append(at)
    return found
