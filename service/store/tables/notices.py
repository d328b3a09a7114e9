"""That something happened, for whom, and how far it has been told outside.

A notice names its subject by an id alone, and the subject leaves the node by no channel.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Index, String, Text, UniqueConstraint
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Row, core_table, partial_index

__all__ = [
    "NOTICE",
    "NOTICE_DELIVERY",
    "NOTICE_READ",
    "SUBSCRIPTION",
    "NoticeDelivery",
    "NoticeRead",
    "NoticeRow",
    "SubscriptionRow",
]


class NoticeRow(Row, table=True):
    """Something that somebody is to be told. Written by `service.notices.tell` alone."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("key"),
        UniqueConstraint("id"),
        Index("ix_notice_authority", "authority", "row"),
        Index("ix_notice_audience", "audience", "row"),
        partial_index("ix_notice_unspread", "row", where="spread_at IS NULL"),
        # A list hands out its last row number, as `message` does: never used twice, even after a delete.
        {"sqlite_autoincrement": True},
    )

    row: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    id: str
    kind: str
    """A row of `service.notices.KINDS`."""
    authority: str | None = None
    """Whose office it is for; None for what is the node's own."""
    audience: str
    subject: str
    """What it is about, by an id or a code: for links of the console. It goes out by no channel."""
    due_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
    key: str
    """What happened, once: the second notice of the same key is none."""
    spread_at: datetime | None = Field(default=None, sa_type=Instant)
    """When it was given to the subscriptions that ask for it."""


class NoticeRead(Row, table=True):
    """How far a person has read."""

    __tablename__ = "notice_read"

    person: str = Field(primary_key=True)
    """As `Actor.person`: it may come from elsewhere than the table of persons."""
    position: int = Field(sa_type=RowNumber)
    at: datetime = Field(sa_type=Instant)


class SubscriptionRow(Row, table=True):
    """Where notices are sent: an office's mailbox, or a system's address. Never a person's."""

    __tablename__ = "subscription"

    id: str = Field(primary_key=True)
    authority: str | None = None
    """Whose notices; None for the node's own."""
    audience: str
    channel: Literal["email", "webhook"] = Field(sa_type=String)
    target: str = Field(sa_type=Text)
    """The mailbox or the URL. A URL's path may be a secret: it is shown to administrators alone."""
    kinds: str = Field(sa_type=Text)
    """With a space between, in order; empty for every kind."""
    daily_at: int | None = None
    """The hour at which what has gathered goes out, where the office is; None for at once."""
    language: str | None = None
    """Of the mail; None for the first that the authority's entry lists."""
    registered_at: datetime = Field(sa_type=Instant)
    registered_by: str
    failures: int = 0
    """In a row, until something was taken."""
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    next_attempt_at: datetime | None = Field(default=None, sa_type=Instant)
    """While it fails, nothing is tried before."""
    failure_code: str | None = None
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    """Nothing is sent any more, until an administrator puts it again. What waits stays."""


class NoticeDelivery(Row, table=True):
    """A notice on its way to one subscription."""

    __tablename__ = "notice_delivery"
    __table_args__ = (
        UniqueConstraint("notice", "subscription"),
        partial_index("ix_notice_delivery_due", "subscription", "next_attempt_at", where="state = 'waiting'"),
        Index("ix_notice_delivery_batch", "batch"),
    )

    row: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    notice: str = Field(foreign_key="notice.id")
    subscription: str = Field(foreign_key="subscription.id")
    state: Literal["waiting", "done", "failed"] = Field(sa_type=String)
    batch: str | None = None
    """What goes out as one, drawn before the first attempt: the receiver knows a repetition by it."""
    attempts: int = 0
    since: datetime = Field(sa_type=Instant)
    next_attempt_at: datetime = Field(sa_type=Instant)
    holder: str | None = None
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    """Until then nobody but `holder` sends it."""
    code: str | None = None
    done_at: datetime | None = Field(default=None, sa_type=Instant)


NOTICE = core_table(NoticeRow)
NOTICE_READ = core_table(NoticeRead)
SUBSCRIPTION = core_table(SubscriptionRow)
NOTICE_DELIVERY = core_table(NoticeDelivery)
