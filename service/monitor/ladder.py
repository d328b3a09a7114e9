"""The ladder of reminders, as data (`ladder.json`): what is done about one deadline before and after it, and
when.

Offsets are hours from the due instant that holds, by the urgency of the message that asked; all are project
choices. `sign`: a message by the authority that waits, which the node signs where it may, and else asks an
officer to send. `tell`: notices, which carry an id, a kind and the due date alone.

    who owing         the authority that owes it, or, of what they owe, nobody here
        waiting       the authority of this State that waits for it
        focal-point   this State's, which is told whose answer is late, and of no case

The other State's focal point is told by that State's own node, when it takes an `escalate` of that level
(`service.exchange.clocks`): no message goes to an authority that is no side of the conversation. A route
through an intermediary is named and never taken by itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Literal

__all__ = ["Step", "Telling", "following", "ladder", "ladder_for"]

type Side = Literal["us", "them"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A notice of `kind` for the `audience` of an authority."""

    kind: str
    who: Literal["owing", "waiting", "focal-point"]
    audience: Literal["officer", "supervisor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row. `offsets`: from the due instant, by urgency. `signs`: the message type, `level` its escalation
    level."""

    name: str
    owed_by: Side
    offsets: Mapping[str, timedelta] = field(hash=False)
    signs: Literal["nudge", "escalate"] | None
    level: str | None
    tell: tuple[Telling, ...]
    basis: str
    source: str

    def offset(self, urgency: str) -> timedelta:
        return self.offsets.get(urgency, self.offsets["ordinary"])


@cache
def ladder() -> tuple[Step, ...]:
    """Every row, in the order in which each side's are taken."""
    text = resources.files("service.monitor").joinpath("ladder.json").read_text(encoding="utf-8")
    return tuple(
        Step(
            name=row["step"],
            owed_by=row["owed_by"],
            offsets={urgency: timedelta(hours=hours) for urgency, hours in row["offset_hours"].items()},
            signs=row.get("sign", {}).get("type"),
            level=row.get("sign", {}).get("level"),
            tell=tuple(Telling(**one) for one in row["tell"]),
            basis=row["basis"],
            source=row["source"],
        )
        for row in json.loads(text)["steps"]
    )


def ladder_for(side: Side) -> tuple[Step, ...]:
    """The steps for what we owe, or for what they do."""
    return tuple(step for step in ladder() if step.owed_by == side)


def following(
    side: Side, urgency: str, *, due_at: datetime, after: str | None, after_at: datetime | None
) -> tuple[Step, datetime] | None:
    """The step after `after` (None: the first) and when it is to be taken; None at the end of the ladder.

    After a signed step there is at least the time that the ladder puts before the next, also when it was
    signed late: after a week in which this node was down nobody is reminded and reported in one breath.
    """
    steps = ladder_for(side)
    place = (
        0 if after is None else next((n for n, one in enumerate(steps, 1) if one.name == after), len(steps))
    )
    if place >= len(steps):
        return None
    step = steps[place]
    at = due_at + step.offset(urgency)
    if after_at is not None and any(one.signs for one in steps[:place]):
        at = max(at, after_at + (step.offset(urgency) - steps[place - 1].offset(urgency)))
    return step, at
