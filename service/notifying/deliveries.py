"""Notices given to subscriptions, as rows.

    spread     every new notice gets a delivery for each subscription that asks for it, in one transaction
    claim      one worker takes what is due under a lease, and counts the attempt before it makes it
    taken      done; or
    not_taken  later again: the delivery at its own pace, and the subscription as a whole more slowly, so that
               a receiver that is away is asked once, and not once for everything that waits

A worker that dies between sending and `taken` leaves a lease, which ends: the same goes out again under the
same batch. Nothing is lost, and the receiver knows what it had.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select, update

from protocol.identifiers import new_message_id
from service.notices import KINDS
from service.notifying.outgoing import Outgoing, Told
from service.store.tables import NOTICE, NOTICE_DELIVERY, SUBSCRIPTION

__all__ = [
    "GIVEN_UP_AFTER",
    "LEASE",
    "After",
    "ClaimedElsewhere",
    "Waiting",
    "any_due",
    "claim",
    "forget",
    "forget_subscription",
    "not_taken",
    "release",
    "spread",
    "taken",
    "waiting",
    "wake_up",
]

LEASE: Final = timedelta(minutes=2)
"""Longer than any attempt may take, and short enough that a dead worker's work is not late."""
GIVEN_UP_AFTER: Final = timedelta(days=3)
_PAUSES: Final = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds after the first, second, … failure of one delivery: three days in all, and beyond by the last.
Close to the schedule that Standard Webhooks recommends (specification, "Retries")."""
_PROBE_AT_LEAST: Final = 3_600
"""Seconds. A receiver that is away is asked again at least this often: so late at most is its return seen."""
SPREAD_AT_ONCE: Final = 500
CLAIMED_AT_ONCE: Final = 32
MAIL_AT_MOST: Final = 200
"""Notices in one mail."""
FORGOTTEN_AT_ONCE: Final = 500

type AnyRow = Row[tuple[Any, ...]]

_OPEN: Final = NOTICE_DELIVERY.c.state == "waiting"
_GOES: Final = SUBSCRIPTION.c.disabled_at.is_(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits, and for how long at most, by channel."""

    rows: Mapping[str, int]
    oldest_seconds: float


def spread(connection: Connection, now: datetime, due: Callable[[AnyRow, datetime], datetime]) -> int:
    """Give new notices to the subscriptions that ask for them. `due`: when what is told at a moment goes out
    to a subscription. Returns how many notices were looked at."""
    new = connection.execute(
        select(NOTICE.c.row, NOTICE.c.id, NOTICE.c.kind, NOTICE.c.authority, NOTICE.c.audience)
        .where(NOTICE.c.spread_at.is_(None))
        .order_by(NOTICE.c.row)
        .limit(SPREAD_AT_ONCE)
    ).all()
    if not new:
        return 0
    # Compare and set: of two processes one spreads each.
    ours = [
        one
        for one in new
        if connection.execute(
            update(NOTICE).where(NOTICE.c.row == one.row, NOTICE.c.spread_at.is_(None)).values(spread_at=now)
        ).rowcount
    ]
    by_audience: dict[tuple[str | None, str], list[AnyRow]] = defaultdict(list)
    for subscription in connection.execute(select(SUBSCRIPTION)):
        by_audience[subscription.authority, subscription.audience].append(subscription)
    deliveries = [
        {
            "notice": one.id,
            "subscription": subscription.id,
            "state": "waiting",
            "attempts": 0,
            "since": now,
            "next_attempt_at": due(subscription, now),
        }
        for one in ours
        for subscription in by_audience.get((_addressed(one), one.audience), ())
        if not subscription.kinds or one.kind in subscription.kinds.split()
    ]
    if deliveries:
        connection.execute(insert(NOTICE_DELIVERY), deliveries)
    return len(new)


def _addressed(notice: Any) -> str | None:
    """What is told to the node's people goes to the node's subscriptions, of whatever authority it is."""
    return notice.authority if notice.audience in ("officer", "supervisor") else None


def any_due(connection: Connection, now: datetime) -> bool:
    """Whether a round has anything to write: most have not."""
    unspread = select(NOTICE.c.row).where(NOTICE.c.spread_at.is_(None)).limit(1)
    if connection.execute(unspread).first() is not None:
        return True
    return connection.execute(_due(now).limit(1)).first() is not None


def _due(now: datetime) -> Any:
    return (
        select(NOTICE_DELIVERY.c.row)
        .join(SUBSCRIPTION, SUBSCRIPTION.c.id == NOTICE_DELIVERY.c.subscription)
        .where(*_may_go(now), _GOES, _may_be_tried(now))
    )


def _may_go(now: datetime) -> tuple[Any, ...]:
    free = or_(NOTICE_DELIVERY.c.lease_until.is_(None), NOTICE_DELIVERY.c.lease_until <= now)
    return _OPEN, NOTICE_DELIVERY.c.next_attempt_at <= now, free


def _may_be_tried(now: datetime) -> Any:
    return or_(SUBSCRIPTION.c.next_attempt_at.is_(None), SUBSCRIPTION.c.next_attempt_at <= now)


def claim(
    connection: Connection, holder: str, now: datetime, random_bytes: Callable[[int], bytes]
) -> list[Outgoing]:
    """Take what is due, for `LEASE`. Of a subscription that fails, one batch alone."""
    subscriptions = connection.execute(
        select(SUBSCRIPTION)
        .where(
            _GOES,
            _may_be_tried(now),
            select(NOTICE_DELIVERY.c.row)
            .where(NOTICE_DELIVERY.c.subscription == SUBSCRIPTION.c.id, *_may_go(now))
            .exists(),
        )
        .order_by(SUBSCRIPTION.c.id)
    ).all()
    claimed: list[Outgoing] = []
    for subscription in subscriptions:
        batches = _batches(connection, subscription, now, random_bytes)
        for batch, rows in batches[: 1 if subscription.failures else CLAIMED_AT_ONCE]:
            taken_up = connection.execute(
                update(NOTICE_DELIVERY)
                .where(NOTICE_DELIVERY.c.row.in_([row.row for row in rows]), *_may_go(now))
                .values(
                    holder=holder,
                    lease_until=now + LEASE,
                    batch=batch,
                    attempts=NOTICE_DELIVERY.c.attempts + 1,
                )
            ).rowcount
            if taken_up != len(rows):
                # Another worker was faster with a part of it. Ours must not go out as if it were whole.
                raise ClaimedElsewhere
            claimed.append(
                Outgoing(
                    batch=batch,
                    subscription=subscription.id,
                    authority=subscription.authority,
                    channel=subscription.channel,
                    target=subscription.target,
                    language=subscription.language,
                    daily=subscription.daily_at is not None,
                    attempts=rows[0].attempts + 1,
                    notices=tuple(Told(id=row.notice, kind=row.kind, due_at=row.due_at) for row in rows),
                )
            )
    return claimed


class ClaimedElsewhere(Exception):
    """Two workers took the same rows at once; neither has them by halves."""


def _batches(
    connection: Connection, subscription: AnyRow, now: datetime, random_bytes: Callable[[int], bytes]
) -> list[tuple[str, list[AnyRow]]]:
    rows = connection.execute(
        select(NOTICE_DELIVERY, NOTICE.c.kind, NOTICE.c.due_at)
        .join(NOTICE, NOTICE.c.id == NOTICE_DELIVERY.c.notice)
        .where(NOTICE_DELIVERY.c.subscription == subscription.id, *_may_go(now))
        .order_by(NOTICE_DELIVERY.c.next_attempt_at, NOTICE_DELIVERY.c.row)
        .limit(MAIL_AT_MOST)
    ).all()
    found: dict[str, list[AnyRow]] = {}
    new: list[AnyRow] = []
    for row in rows:
        if row.batch is None:
            new.append(row)
        else:
            found.setdefault(row.batch, []).append(row)
    for batch in found:  # whole, also where the limit cut it
        found[batch] = list(
            connection.execute(
                select(NOTICE_DELIVERY, NOTICE.c.kind, NOTICE.c.due_at)
                .join(NOTICE, NOTICE.c.id == NOTICE_DELIVERY.c.notice)
                .where(
                    NOTICE_DELIVERY.c.batch == batch, NOTICE_DELIVERY.c.subscription == subscription.id, _OPEN
                )
                .order_by(NOTICE_DELIVERY.c.row)
            ).all()
        )
    batches = list(found.items())
    if subscription.channel == "email" or subscription.daily_at is not None:
        # One mail for all that waits: an office that was away for a night does not get a hundred.
        batches += [(str(new_message_id(random_bytes)), new)] if new else []
    else:
        batches += [(_single(row), [row]) for row in new]
    return batches


def _single(row: AnyRow) -> str:
    """The notice's own id: whoever has two subscriptions to the same system gets it twice, and knows."""
    return str(row.notice)


def taken(connection: Connection, outgoing: Outgoing, holder: str, now: datetime) -> None:
    """It is done, unless the lease ended and another worker has it now: then that one says so."""
    connection.execute(
        update(NOTICE_DELIVERY)
        .where(*_ours(outgoing, holder))
        .values(state="done", done_at=now, holder=None, lease_until=None, code=None)
    )
    connection.execute(
        update(SUBSCRIPTION)
        .where(SUBSCRIPTION.c.id == outgoing.subscription, SUBSCRIPTION.c.failures > 0)
        .values(failures=0, failing_since=None, next_attempt_at=None, failure_code=None)
    )


def release(connection: Connection, outgoing: Outgoing, holder: str) -> None:
    """It was claimed and not tried."""
    connection.execute(
        update(NOTICE_DELIVERY)
        .where(*_ours(outgoing, holder))
        .values(holder=None, lease_until=None, attempts=NOTICE_DELIVERY.c.attempts - 1)
    )


def _ours(outgoing: Outgoing, holder: str) -> tuple[Any, ...]:
    return (
        NOTICE_DELIVERY.c.subscription == outgoing.subscription,
        NOTICE_DELIVERY.c.batch == outgoing.batch,
        NOTICE_DELIVERY.c.holder == holder,
        _OPEN,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """What a failure led to. `disabled`: the subscription is sent nothing any more. `given_up`: this delivery
    is not tried again, while others are taken."""

    disabled: bool = False
    given_up: bool = False


def not_taken(
    connection: Connection,
    outgoing: Outgoing,
    holder: str,
    *,
    code: str,
    for_good: bool,
    jitter: float,
    now: datetime,
) -> After:
    """Try again later. `jitter`: 0 to 1, so that those who failed together do not come back together."""
    subscription = connection.execute(
        select(SUBSCRIPTION).where(SUBSCRIPTION.c.id == outgoing.subscription)
    ).one_or_none()
    if subscription is None:
        return After()
    pause = _PAUSES[min(outgoing.attempts, len(_PAUSES)) - 1] * (0.8 + 0.4 * jitter)
    first = connection.execute(
        select(func.min(NOTICE_DELIVERY.c.since)).where(*_ours(outgoing, holder))
    ).scalar_one_or_none()
    if first is None:
        return After()  # it is another worker's now
    since = subscription.failing_since or now
    disabled = for_good or since + GIVEN_UP_AFTER <= now
    # Of a subscription that is disabled nothing is given up: it waits for whoever repairs it.
    given_up = not disabled and outgoing.attempts >= len(_PAUSES) and first + GIVEN_UP_AFTER <= now
    connection.execute(
        update(NOTICE_DELIVERY)
        .where(*_ours(outgoing, holder))
        .values(
            state="failed" if given_up else "waiting",
            done_at=now if given_up else None,
            next_attempt_at=now + timedelta(seconds=pause),
            code=code,
            holder=None,
            lease_until=None,
        )
    )
    probe = min(_PAUSES[min(subscription.failures, len(_PAUSES) - 1)] * (0.8 + 0.4 * jitter), _PROBE_AT_LEAST)
    connection.execute(
        update(SUBSCRIPTION)
        .where(SUBSCRIPTION.c.id == outgoing.subscription)
        .values(
            # Those that failed beside each other are one failure.
            failures=SUBSCRIPTION.c.failures
            + (subscription.next_attempt_at is None or subscription.next_attempt_at <= now),
            failing_since=since,
            failure_code=code,
            next_attempt_at=now + timedelta(seconds=probe),
            disabled_at=now if disabled else subscription.disabled_at,
        )
    )
    return After(disabled=disabled and subscription.disabled_at is None, given_up=given_up)


def wake_up(connection: Connection, subscription: str, now: datetime) -> None:
    """What waits for it may go at once: it was put anew."""
    connection.execute(
        update(NOTICE_DELIVERY)
        .where(NOTICE_DELIVERY.c.subscription == subscription, _OPEN, NOTICE_DELIVERY.c.attempts > 0)
        .values(next_attempt_at=now)
    )


def forget_subscription(connection: Connection, subscription: str) -> None:
    """With all that waits for it."""
    connection.execute(delete(NOTICE_DELIVERY).where(NOTICE_DELIVERY.c.subscription == subscription))
    connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.id == subscription))


def waiting(connection: Connection, now: datetime) -> Waiting:
    rows = connection.execute(
        select(
            SUBSCRIPTION.c.channel,
            func.count().label("rows"),
            func.min(NOTICE_DELIVERY.c.since)
            .filter(
                or_(NOTICE_DELIVERY.c.next_attempt_at <= now, NOTICE_DELIVERY.c.attempts > 0),
            )
            .label("oldest"),
        )
        .join(NOTICE_DELIVERY, and_(NOTICE_DELIVERY.c.subscription == SUBSCRIPTION.c.id, _OPEN))
        .where(_GOES)
        .group_by(SUBSCRIPTION.c.channel)
    ).all()
    ages = [(now - row.oldest).total_seconds() for row in rows if row.oldest is not None]
    return Waiting(rows={row.channel: row.rows for row in rows}, oldest_seconds=max(ages, default=0.0))


def forget(connection: Connection, before: datetime, *, audiences: Sequence[str]) -> int:
    """Take away what was told before a moment, a few hundred at a time. Returns how many.

    Of what is found anew at every look (an answer that is overdue, a key that ends) the key stays, or it
    would be told again.
    """
    old = [
        row
        for audience in audiences
        for row in connection.execute(
            select(NOTICE.c.row, NOTICE.c.id, NOTICE.c.kind)
            .where(NOTICE.c.audience == audience, NOTICE.c.at < before)
            .order_by(NOTICE.c.row)
            .limit(FORGOTTEN_AT_ONCE)
        )
    ]
    if not old:
        return 0
    connection.execute(delete(NOTICE_DELIVERY).where(NOTICE_DELIVERY.c.notice.in_([row.id for row in old])))
    for stays in (False, True):
        rows = [row.row for row in old if (row.kind not in KINDS or KINDS[row.kind].looked_for) is stays]
        if not rows:
            continue
        these = NOTICE.c.row.in_(rows)
        connection.execute(
            update(NOTICE)
            .where(these)
            .values(audience="", authority=None, subject="", due_at=None, spread_at=before)
            if stays
            else delete(NOTICE).where(these)
        )
    return len(old)
