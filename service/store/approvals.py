"""Acts that wait for a second person, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    insert,
    literal,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from service.store.tables import APPROVAL

__all__ = ["Place", "Sought", "add", "by_id", "change", "lapse", "listed", "of_subject"]

type AnyRow = Row[tuple[Any, ...]]


def add(connection: Connection, **values: Any) -> None:
    connection.execute(insert(APPROVAL), values)


def by_id(connection: Connection, approval: str) -> AnyRow | None:
    return connection.execute(select(APPROVAL).where(APPROVAL.c.id == approval)).one_or_none()


def of_subject(connection: Connection, subject: str, kinds: Sequence[str]) -> Sequence[AnyRow]:
    """The newest first."""
    return connection.execute(
        select(APPROVAL)
        .where(APPROVAL.c.subject == subject, APPROVAL.c.kind.in_(kinds))
        .order_by(APPROVAL.c.proposed_at.desc(), APPROVAL.c.id)
    ).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Whose proposals. `of_cases`, `of_node`: the kinds that the reader may see for their `authorities`, and
    for the node itself. `used_later`: kinds whose approval also ends. `state`, `subject`: None for any."""

    of_cases: Sequence[str]
    of_node: Sequence[str]
    authorities: Sequence[str]
    used_later: Sequence[str]
    state: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Of the last row of a page: whether it waited, when it was proposed, its id."""

    waited: bool
    proposed_at: datetime
    id: str


def listed(
    connection: Connection, sought: Sought, now: datetime, most: int, after: Place | None = None
) -> Sequence[AnyRow]:
    """What waits at `now`, the oldest first; then the rest, the newest first."""
    at, id_, state, ends = APPROVAL.c.proposed_at, APPROVAL.c.id, APPROVAL.c.state, APPROVAL.c.expires_at
    own = or_(APPROVAL.c.proposing.in_(sought.authorities), APPROVAL.c.deciding.in_(sought.authorities))
    wanted = [
        or_(and_(APPROVAL.c.kind.in_(sought.of_cases), own), APPROVAL.c.kind.in_(sought.of_node)),
        *(() if sought.subject is None else (APPROVAL.c.subject == sought.subject,)),
    ]
    waits = and_(state == "proposed", ends > now)
    rows: list[AnyRow] = []
    if sought.state in (None, "proposed") and (after is None or after.waited):
        begin = () if after is None else (_place > _value(after),)
        chosen = select(APPROVAL).where(*wanted, waits, *begin).order_by(at, id_).limit(most)
        rows += connection.execute(chosen).all()
    if sought.state != "proposed" and len(rows) < most:
        begin = () if after is None or after.waited else (_place < _value(after),)
        late = and_(
            ends <= now,
            or_(state == "proposed", and_(state == "approved", APPROVAL.c.kind.in_(sought.used_later))),
        )
        match sought.state:
            case None:
                so = not_(waits)
            case "lapsed":
                so = or_(state == "lapsed", late)
            case known:
                so = and_(state == known, not_(late))
        chosen = select(APPROVAL).where(*wanted, so, *begin).order_by(at.desc(), id_.desc())
        rows += connection.execute(chosen.limit(most - len(rows))).all()
    return rows


_place = tuple_(APPROVAL.c.proposed_at, APPROVAL.c.id)


def _value(place: Place) -> ColumnElement[Any]:
    return tuple_(literal(place.proposed_at, APPROVAL.c.proposed_at.type), literal(place.id))


def change(connection: Connection, approval: str, *, was: str, **values: Any) -> bool:
    """False when it is not in the state `was` any more."""
    done = connection.execute(
        update(APPROVAL).where(APPROVAL.c.id == approval, APPROVAL.c.state == was).values(**values)
    )
    return done.rowcount == 1


def lapse(connection: Connection, now: datetime) -> Sequence[tuple[str, str]]:
    """Nobody decided in time: id and kind of each. What these would have done is dropped."""
    late = (APPROVAL.c.state == "proposed", APPROVAL.c.expires_at <= now)
    rows = connection.execute(select(APPROVAL.c.id, APPROVAL.c.kind).where(*late))
    found = [(row.id, row.kind) for row in rows]
    if found:
        connection.execute(
            update(APPROVAL).where(*late).values(state="lapsed", payload=None, payload_sealed=None)
        )
    return found
