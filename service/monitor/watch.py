"""What stands still for longer than it may: found, told once for each occurrence, and gone when it moves.

    look -> what is over its dwell time (`dwell.json`)    bounded reads over small indexes, never over what is
    done
    note -> the table `stuck`, and notices                one transaction: a crash repeats and loses nothing

Several workers may look; a lease saves the others the work. That something is told once rests on the key of
its notice and not on the lease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlmodel import Session

from protocol.errors import Refused
from protocol.identifiers import new_message_id
from service.monitor import delivery, peers
from service.monitor.backups import last_backup
from service.monitor.dwell import Dwell, dwell, most_of
from service.monitor.key_lives import endings
from service.monitor.rounds import round_after_round
from service.node import Node
from service.notices import tell
from service.store import comparisons
from service.store.leases import hold
from service.store.tables import (
    APPROVAL,
    ATTACHMENT,
    CASE_RETENTION,
    DEADLINE,
    EVIDENCE,
    INBOX,
    MESSAGE,
    NOTICE,
    NOTICE_DELIVERY,
    OUTBOX,
    QUARANTINE,
    RELAY,
    STUCK,
    THREAD,
)

__all__ = ["LOOKED_EVERY", "MOST", "Looked", "Stuck", "Watch", "look", "stuck"]

LOOKED_EVERY = 30.0
"""Seconds. The shortest dwell time that is not at once is an hour."""
MOST = 100
"""Of one kind this many are named and told, those first that have stood longest. The rest is counted."""
COUNTED = 10_000
"""And counted up to this many: what is looked at stays bounded when everything stands still."""
_LEASE = "watch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """`what` is a row of `dwell.json`; `subject` names which: ids, codes of nodes, never a case. It has stood
    so since `since`, and might for `most`. `page`: the runbook that explains it.
    """

    what: str
    subject: str
    since: datetime
    most: timedelta
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """`items`: at most `MOST` of each kind. `counts`: how many there are, by what, zero included; exact up to
    `COUNTED`."""

    items: tuple[Stuck, ...]
    counts: Mapping[str, int]

    @property
    def more(self) -> bool:
        """There are more than are named."""
        return sum(self.counts.values()) > len(self.items)


def stuck(session: Session, node: Node, now: datetime) -> tuple[Stuck, ...]:
    """What stands still, longest over its time first. Also says so of what was found and not yet told."""
    return look(session, node, now).items


def look(session: Session, node: Node, now: datetime) -> Looked:
    connection = session.connection()
    items: list[Stuck] = []
    counts: dict[str, int] = {what: 0 for what, row in dwell().items() if row.most is not None}
    for place in _PLACES:
        found, count = place.find(connection, now)
        items += found
        counts[place.what] = count
    for one in (
        *_channels(connection, node, now),
        *_directory(node, now),
        *_splits(connection, now),
        *_keys(connection, node, now),
        *_quarantine(connection, now),
        *_backups(node, now),
    ):
        counts[one.what] += 1
        if counts[one.what] <= MOST:
            items.append(one)
    items.sort(key=lambda one: (one.since + one.most, one.what, one.subject))
    return Looked(items=tuple(items), counts=counts)


# -- rows that stand in a state


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where to look for one kind. `standing` is written in the words of a partial index, where there is one:
    what is done is never walked over."""

    what: str
    table: Table
    standing: ColumnElement[bool]
    since: ColumnElement[datetime]
    subject: tuple[ColumnElement[Any], ...]
    besides: Callable[[datetime], ColumnElement[bool]] | None = None
    """A dearer condition, for those alone that the first two leave. It is given the latest `since`."""
    begun: ColumnElement[datetime] | None = None
    """Since when exactly, where `since` is only the earliest that it can be."""

    def find(self, connection: Connection, now: datetime) -> tuple[list[Stuck], int]:
        most, page = most_of(self.what), dwell()[self.what].page
        latest = now - most
        wanted = [self.standing, self.since <= latest]
        if self.besides is not None:
            wanted.append(self.besides(latest))
        begun = self.since if self.begun is None else self.begun
        rows = connection.execute(
            select(*self.subject, begun.label("begun"))
            .select_from(self.table)
            .where(and_(*wanted))
            .order_by(self.since)
            .limit(MOST)
        ).all()
        count = len(rows)
        if count == MOST:
            some: Select[Any] = (
                select(literal_column("1")).select_from(self.table).where(and_(*wanted)).limit(COUNTED)
            )
            count = connection.execute(select(func.count()).select_from(some.subquery())).scalar_one()
        found = [
            Stuck(
                what=self.what,
                subject="/".join(str(part) for part in row[:-1]),
                since=row.begun,
                most=most,
                page=page,
            )
            for row in rows
        ]
        return found, count


def _state(column: ColumnElement[Any], state: str) -> ColumnElement[bool]:
    """Written out, not bound: a partial index is found only for the words that it was made with."""
    return column == literal_column(f"'{state}'")


# A message that was held for long is consigned at once when it is let go: when that was, its evidence says.
_CONSIGNED_AT = (
    select(func.max(EVIDENCE.c.issued_at))
    .where(
        EVIDENCE.c.sender_node == MESSAGE.c.sender_node,
        EVIDENCE.c.id == MESSAGE.c.id,
        EVIDENCE.c.kind == "content-consigned",
    )
    .correlate(MESSAGE)
    .scalar_subquery()
)


def _is_held(latest: datetime) -> ColumnElement[bool]:  # noqa: ARG001 (the same for every moment)
    held = select(MESSAGE.c.id).where(
        MESSAGE.c.id == ATTACHMENT.c.message_id,
        MESSAGE.c.sender_node == ATTACHMENT.c.sender_node,
        MESSAGE.c.status == "held",
    )
    return held.correlate(ATTACHMENT).exists()


def _places() -> Iterator[_Place]:
    for what, row in dwell().items():
        kind, _, rest = what.partition(".")
        if kind == "conversation" and row.most is not None:
            procedure, _, state = rest.rpartition(".")
            yield _Place(
                what=what,
                table=THREAD,
                standing=and_(THREAD.c.procedure == procedure, THREAD.c.state == state),
                since=THREAD.c.updated_at,
                subject=(THREAD.c.id,),
            )
    yield _Place(
        what="message.held",
        table=MESSAGE,
        standing=_state(MESSAGE.c.status, "held"),
        since=MESSAGE.c.recorded_at,
        subject=(MESSAGE.c.sender_node, MESSAGE.c.id),
    )
    yield _Place(
        what="message.consigned",
        table=MESSAGE,
        standing=_state(MESSAGE.c.status, "consigned"),
        since=MESSAGE.c.recorded_at,
        subject=(MESSAGE.c.sender_node, MESSAGE.c.id),
        besides=lambda latest: func.coalesce(_CONSIGNED_AT, MESSAGE.c.recorded_at) <= latest,
        begun=func.coalesce(_CONSIGNED_AT, MESSAGE.c.recorded_at, type_=MESSAGE.c.recorded_at.type),
    )
    for state in ("queued", "released"):
        yield _Place(
            what=f"outbox.{state}",
            table=OUTBOX,
            standing=_state(OUTBOX.c.state, state),
            since=OUTBOX.c.queued_at,
            subject=(OUTBOX.c.recipient_node, OUTBOX.c.row),
        )
    yield _Place(
        what="inbox.waiting",
        table=INBOX,
        standing=_state(INBOX.c.outcome, "waiting"),
        since=INBOX.c.received_at,
        subject=(INBOX.c.sender_node, INBOX.c.id),
    )
    for state, words in (
        ("uploading", "state IN ('uploading', 'uploaded')"),
        ("uploaded", "state IN ('uploading', 'uploaded')"),
        ("cited", "state IN ('cited', 'whole')"),
        ("whole", "state IN ('cited', 'whole')"),
        ("sent", "state IN ('sent', 'arriving')"),
        ("arriving", "state IN ('sent', 'arriving')"),
    ):
        yield _Place(
            what=f"attachment.{state}",
            table=ATTACHMENT,
            standing=and_(_words(words), _state(ATTACHMENT.c.state, state)),
            since=ATTACHMENT.c.changed_at,
            subject=(ATTACHMENT.c.name,),
            # What waits for its message to be let go is that message's matter.
            besides=(lambda latest: ~_is_held(latest)) if state in ("cited", "sent") else None,
        )
    yield _Place(
        what="approval.proposed",
        table=APPROVAL,
        standing=_state(APPROVAL.c.state, "proposed"),
        since=APPROVAL.c.expires_at,
        subject=(APPROVAL.c.id,),
    )
    for state in ("waiting", "failed"):
        yield _Place(
            what=f"relay.{state}",
            table=RELAY,
            standing=and_(_words("state IN ('waiting', 'failed')"), _state(RELAY.c.state, state)),
            since=RELAY.c.received_at,
            subject=(RELAY.c.sender_node, RELAY.c.id),
        )
    yield _Place(
        what="reminder.late",
        table=DEADLINE,
        standing=DEADLINE.c.look_at.is_not(None),
        since=DEADLINE.c.look_at,
        # Of a duty towards a child the row is known by its case: that stays here.
        subject=(case((DEADLINE.c.kind == "answer", DEADLINE.c.thread), else_="duty"), DEADLINE.c.obligation),
    )
    yield _Place(
        what="notice.unspread",
        table=NOTICE,
        standing=NOTICE.c.spread_at.is_(None),
        since=NOTICE.c.at,
        subject=(NOTICE.c.id,),
    )
    yield _Place(
        what="notice_delivery.waiting",
        table=NOTICE_DELIVERY,
        standing=_state(NOTICE_DELIVERY.c.state, "waiting"),
        since=NOTICE_DELIVERY.c.since,
        subject=(NOTICE_DELIVERY.c.subscription, NOTICE_DELIVERY.c.notice),
    )
    yield _Place(
        what="retention.unforgotten",
        table=CASE_RETENTION,
        standing=and_(CASE_RETENTION.c.erased_at.is_not(None), CASE_RETENTION.c.forgotten_at.is_(None)),
        since=CASE_RETENTION.c.erased_at,
        # Never the case: the moment says enough to find it in the node's own log.
        subject=(literal_column("'erasure'"),),
    )


def _words(sql: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = text(sql)  # type: ignore[assignment]
    return found


_PLACES: Final = tuple(_places())


# -- what is not a row in a state


def _found(what: str, subject: str, since: datetime) -> Stuck:
    return Stuck(what=what, subject=subject, since=since, most=most_of(what), page=dwell()[what].page)


def _channels(connection: Connection, node: Node, now: datetime) -> Iterator[Stuck]:
    """Peers that have said nothing for long, and those of whom we lack envelopes. Only who was ever heard, or
    written to, and is still a member."""
    try:
        members = {entry.code for entry in node.directory.known().nodes()}
    except Refused:
        return
    for peer in peers.known(connection, node.code):
        if peer not in members:
            continue
        heard = peers.last_heard(connection, node.code, peer) or peers.oldest_waiting(connection, peer)
        if heard is not None and now - heard >= most_of("channel.silent"):
            yield _found("channel.silent", peer, heard)
        lacking = peers.lacking(connection, node.code, peer)
        if lacking.since is not None and now - lacking.since >= most_of("channel.lacking"):
            yield _found("channel.lacking", peer, lacking.since)


def _directory(node: Node, now: datetime) -> Iterator[Stuck]:
    try:
        directory = node.directory.known()
    except Refused:
        return
    snapshot = directory.snapshot
    which = f"snapshot/{snapshot.sequence}"
    if now >= directory.ends_at:
        yield _found("directory.expired", which, directory.ends_at)
    elif now >= snapshot.half_life:
        yield _found("directory.half-life", which, snapshot.half_life)


def _splits(connection: Connection, now: datetime) -> Iterator[Stuck]:
    for peer, split in comparisons.splits(connection).items():
        if split:
            yield _found("directory.split", peer, _first_found(connection, "directory.split", peer, now))


def _keys(connection: Connection, node: Node, now: datetime) -> Iterator[Stuck]:
    try:
        directory = node.directory.known()
    except Refused:
        return
    for ending in endings(directory, node.code, now):
        if ending.due:
            what = f"key.{ending.what}"
            # What is published anew ends later: then this one is gone.
            yield _found(what, ending.owner, _first_found(connection, what, ending.owner, now))


def _quarantine(connection: Connection, now: datetime) -> Iterator[Stuck]:
    row = dwell()["quarantine.growing"]
    came = connection.execute(
        select(func.count()).select_from(QUARANTINE).where(QUARANTINE.c.received_at > now - most_of(row.what))
    ).scalar_one()
    if came > row.more_than:
        yield _found(row.what, "quarantine", _first_found(connection, row.what, "quarantine", now))


def _backups(node: Node, now: datetime) -> Iterator[Stuck]:
    last = last_backup(node.settings.ledger_dir)
    if last is not None and now - last >= most_of("backup.old"):
        yield _found("backup.old", "database", last)


def _first_found(connection: Connection, what: str, subject: str, now: datetime) -> datetime:
    """Of what does not say itself since when: since it was first seen so."""
    found: datetime | None = connection.execute(
        select(STUCK.c.since).where(STUCK.c.what == what, STUCK.c.subject == subject)
    ).scalar_one_or_none()
    return found or now


# -- told, and cleared


class Watch:
    """The worker. `holder` names it among others of the same node."""

    def __init__(self, node: Node, *, holder: str | None = None) -> None:
        self._node = node
        self._holder = holder or new_message_id(node.random.bytes)

    async def run(self) -> None:
        """Until cancelled."""
        await round_after_round(self._node, self.once, failed="watch.round_failed", every=LOOKED_EVERY)

    async def once(self) -> tuple[int, int]:
        """How many were found for the first time, and how many move again; none while another looks."""
        node = self._node
        now = node.clock.now()
        if not await node.store.write(lambda session: self._mine(session, now)):
            return 0, 0
        while await node.store.write(lambda session: delivery.measure(session, node)):
            """A few hundred at a time: nobody else's write waits long."""
        looked = await node.store.read(lambda session: look(session, node, now))

        def work(session: Session) -> tuple[list[Stuck], list[str], bool]:
            # Whoever lost the lease since looked too early, and would clear what another has found.
            if not self._mine(session, now):
                return [], [], False
            new, cleared = _noted(session, looked.items, now)
            told = [one for one in new if _tell(session, dwell()[one.what], one, now)]
            return new, cleared, bool(told)

        new, cleared, told = await node.store.write(work)
        for one in new:
            # What somebody else tells, somebody else writes down: with keys an office would stand in the log.
            if dwell()[one.what].notice is not None:
                age = int((now - one.since).total_seconds())
                node.log.warning("watch.stuck", kind=one.what, id=one.subject, age_seconds=age)
        for what in cleared:
            node.log.info("watch.cleared", kind=what)
        if told:
            node.wake.notices.notify()
        return len(new), len(cleared)

    def _mine(self, session: Session, now: datetime) -> bool:
        until = now + timedelta(seconds=3 * LOOKED_EVERY)
        return hold(session, _LEASE, self._holder, until=until, now=now)


def _noted(session: Session, items: tuple[Stuck, ...], now: datetime) -> tuple[list[Stuck], list[str]]:
    """Bring the table to what was found."""
    connection = session.connection()
    standing = {(row.what, row.subject): row.since for row in connection.execute(select(STUCK))}
    found = {(one.what, one.subject): one for one in items}
    cleared = [key for key in standing if key not in found]
    for what, subject in cleared:
        connection.execute(delete(STUCK).where(STUCK.c.what == what, STUCK.c.subject == subject))
    new = []
    for (what, subject), one in found.items():
        values = {"since": one.since, "found_at": now}
        if (what, subject) not in standing:
            connection.execute(insert(STUCK).values(what=what, subject=subject, **values))
        elif standing[what, subject] != one.since:
            this = and_(STUCK.c.what == what, STUCK.c.subject == subject)
            connection.execute(update(STUCK).where(this).values(**values))
        else:
            continue
        new.append(one)
    return new, [what for what, _ in cleared]


def _tell(session: Session, row: Dwell, one: Stuck, now: datetime) -> bool:
    if row.notice is None:
        return False
    return tell(
        session,
        row.notice,
        authority=None,
        audience="operator",
        subject=f"{one.what} {one.subject}",
        due_at=None,
        key=f"{row.notice}/{one.what}/{one.subject}/{one.since.isoformat()}",
        now=now,
    )
