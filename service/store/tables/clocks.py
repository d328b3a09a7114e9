"""What is owed, how far its reminders have gone, and where two nodes count differently."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index, String
from sqlmodel import Field

from service.store.columns import Instant
from service.store.tables.base import Row, core_table, partial_index

__all__ = [
    "CLOCK_DIFFERENCE",
    "DEADLINE",
    "DUTY_DONE",
    "REMINDER",
    "ClockDifference",
    "DeadlineRow",
    "DutyDone",
    "ReminderRow",
]

type OwedKind = Literal[
    "answer",  # by one side of a conversation to the other
    "duty",  # towards the child, known at this node alone; `thread` and `message` are then an id of its own
]

type DoneBy = Literal[
    "recorded",  # by a person here, who may take it back
    "notice",  # a message to another State
    "closed",  # the case is
]


class DeadlineRow(Row, table=True):
    """One thing that is owed now. It goes when it is owed no more; nothing here completes anything."""

    __tablename__ = "deadline"
    __table_args__ = (
        Index("ix_deadline_due_at", "due_at", "thread", "message", "obligation"),
        Index("ix_deadline_owed_by", "owed_by", "due_at"),
        Index("ix_deadline_case_reference", "case_reference"),
        partial_index("ix_deadline_look_at", "look_at", where="look_at IS NOT NULL"),
    )

    thread: str = Field(primary_key=True)
    message: str = Field(primary_key=True)
    """The one that started the clock."""
    obligation: str = Field(primary_key=True)
    kind: OwedKind = Field(sa_type=String)
    case_reference: str
    procedure: str
    state: str
    lapses_at: datetime | None = Field(default=None, sa_type=Instant)
    """When silence makes the state `lapsed`, in a view."""
    asker: str
    answerer: str
    owed_by: str
    urgency: str
    basis: str
    paused: bool
    counted_at: datetime = Field(sa_type=Instant)
    """As this node counts it."""
    due_at: datetime = Field(sa_type=Instant)
    """What holds: the earlier of the two where the nodes count differently."""
    earlier_by: int = 0
    """Seconds by which the other node's count is earlier than ours."""
    step: str | None = None
    """The last step of the ladder that was taken for this due instant."""
    step_at: datetime | None = Field(default=None, sa_type=Instant)
    look_at: datetime | None = Field(default=None, sa_type=Instant)
    """When a worker has to look at it next; None once the ladder is at its end."""


class DutyDone(Row, table=True):
    """A duty towards the child that is owed no more, as it stood: so that it does not begin anew, and one
    that was ended by mistake goes on where it was."""

    __tablename__ = "duty_done"

    thread: str = Field(primary_key=True)
    message: str = Field(primary_key=True)
    obligation: str = Field(primary_key=True)
    case_reference: str
    owed_by: str
    basis: str
    due_at: datetime = Field(sa_type=Instant)
    step: str | None = None
    step_at: datetime | None = Field(default=None, sa_type=Instant)
    done_by: DoneBy = Field(sa_type=String)


class ReminderRow(Row, table=True):
    """One step that was taken, for ever: what makes each happen once."""

    __tablename__ = "reminder"

    thread: str = Field(primary_key=True)
    message: str = Field(primary_key=True)
    obligation: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    due_at: datetime = Field(primary_key=True, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
    sent: str | None = None
    """The id of the message that was signed for it; None where people were told."""
    code: str | None = None
    """Why no message was signed, where the ladder has one."""


class ClockDifference(Row, table=True):
    """The other node counted another instant from the same message, before any pause. `holds_at`: what holds
    here because of it; None in rows of an earlier release, where it is the earlier of the two."""

    __tablename__ = "clock_difference"
    __table_args__ = (Index("ix_clock_difference_case_reference", "case_reference"),)

    message: str = Field(primary_key=True)
    obligation: str = Field(primary_key=True)
    thread: str
    case_reference: str
    peer: str
    ours_at: datetime = Field(sa_type=Instant)
    theirs_at: datetime = Field(sa_type=Instant)
    holds_at: datetime | None = Field(default=None, sa_type=Instant)
    cause: str
    found_at: datetime = Field(sa_type=Instant)


DEADLINE = core_table(DeadlineRow)
DUTY_DONE = core_table(DutyDone)
REMINDER = core_table(ReminderRow)
CLOCK_DIFFERENCE = core_table(ClockDifference)
