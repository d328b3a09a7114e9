"""Where notices are sent, said by an administrator: an office's mailbox, or a system.

A mailbox is an office's and never a person's: whoever holds it changes, and mail is forwarded. The one that
the authority's own directory entry names is taken where none is given; every change is in the journal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, func, insert, select, update
from sqlmodel import Session

from protocol.directory import AuthorityEntry
from protocol.errors import Refused
from protocol.identifiers import Address
from protocol.languages import available_languages
from service.access import journal
from service.access.actor import Actor
from service.errors import Malformed, NotFound
from service.node import Node
from service.notices import KINDS, NODE_AUDIENCES, Audience
from service.notifying import deliveries
from service.notifying.addresses import is_webhook_url
from service.store.tables import NOTICE_DELIVERY, SUBSCRIPTION

__all__ = [
    "ChannelName",
    "SubscriptionView",
    "Wanted",
    "check",
    "every",
    "one",
    "put",
    "remove",
]

type ChannelName = Literal["email", "webhook"]
type State = Literal["active", "failing", "disabled"]

_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
_MAILBOX: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
"""RFC 5321's Dot-string at a name: no quotes, comments or spaces, so that a header needs none."""
_MAILBOX_AT_MOST: Final = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an administrator asks for. `kinds`: none stands for every kind. `daily_at`: the hour, by the clock
    of the office, at which what has gathered goes out; None for at once. `target`: None for the mailbox of
    the authority's directory entry. `language`: None for the first of the entry."""

    channel: ChannelName
    authority: Address | None = None
    audience: Audience | None = None
    target: str | None = None
    kinds: tuple[str, ...] = ()
    daily_at: int | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """A subscription, and how it does. `waiting`: notices that have not gone out. `failure_code`: of the last
    attempt, while it fails."""

    id: str
    channel: ChannelName
    audience: str
    target: str
    kinds: tuple[str, ...]
    state: State
    waiting: int
    registered_at: datetime
    registered_by: str
    authority: Address | None = None
    daily_at: int | None = None
    language: str | None = None
    failing_since: datetime | None = None
    failure_code: str | None = None
    disabled_at: datetime | None = None


def check(node: Node, id_: str, wanted: Wanted) -> dict[str, Any]:
    """The row of what is asked for.

    Malformed `request.body` for what is no subscription, `notice.target` for an address that notices may not
    go to. NotFound `directory.unknown_authority` and its kin for an authority that is not served here,
    `notice.no_mail_server` for mail where the settings name no server.
    """
    if not _ID.fullmatch(id_):
        raise Malformed("request.body", "expected 3 to 64 of a-z, 0-9, `.`, `_` and `-`", field="/id")
    entry = None if wanted.authority is None else _served(node, wanted.authority)
    audience = wanted.audience or ("operator" if entry is None else "officer")
    if (audience in NODE_AUDIENCES) is not (entry is None):
        raise Malformed(
            "request.body", "officer or supervisor of an authority, else operator or administrator",
            field="/audience",
        )  # fmt: skip
    if not set(wanted.kinds) <= set(KINDS):
        raise Malformed("request.body", "expected kinds of notices", field="/kinds")
    if wanted.language is not None and wanted.language not in available_languages():
        raise Malformed("request.body", "expected a language that this node has", field="/language")
    if wanted.daily_at is not None and wanted.daily_at not in range(24):
        raise Malformed("request.body", "expected an hour from 0 to 23", field="/daily_at")
    return {
        "authority": wanted.authority,
        "audience": audience,
        "channel": wanted.channel,
        "target": _target(node, wanted, entry),
        "kinds": " ".join(sorted(set(wanted.kinds))),
        "daily_at": wanted.daily_at,
        "language": wanted.language,
    }


def _served(node: Node, authority: Address) -> AuthorityEntry:
    try:
        entry = node.directory.known().authority(authority)
    except Refused as reason:
        raise NotFound("request.not_found", reason.detail, field="/authority") from None
    if entry.node != node.code:
        raise NotFound("request.not_found", "another node serves it", field="/authority")
    return entry


def _target(node: Node, wanted: Wanted, entry: AuthorityEntry | None) -> str:
    refused = Malformed("notice.target", "expected an office's mailbox, or https://host", field="/target")
    if wanted.channel == "webhook":
        if wanted.target is None:
            raise refused
        if not is_webhook_url(wanted.target, on_this_machine=node.settings.on_this_machine):
            raise refused
        return wanted.target
    if not node.settings.smtp_host:
        raise NotFound("notice.no_mail_server", "set `smtp_host` first", field="/channel")
    target = wanted.target
    if target is None and entry is not None:
        target = next((contact.email for contact in entry.contacts if contact.email is not None), None)
    if target is None or len(target) > _MAILBOX_AT_MOST or not _MAILBOX.fullmatch(target):
        raise refused
    return target


def put(session: Session, actor: Actor, id_: str, values: dict[str, Any], now: datetime) -> SubscriptionView:
    """Say what it is, anew where there is one: then it is tried again, and what waits goes out at once."""
    connection = session.connection()
    row = {
        **values,
        "registered_at": now,
        "registered_by": actor.person,
        "failures": 0,
        "failing_since": None,
        "next_attempt_at": None,
        "failure_code": None,
        "disabled_at": None,
    }
    known = connection.execute(select(SUBSCRIPTION.c.id).where(SUBSCRIPTION.c.id == id_)).first()
    if known is None:
        connection.execute(insert(SUBSCRIPTION), {"id": id_, **row})
    else:
        connection.execute(update(SUBSCRIPTION).where(SUBSCRIPTION.c.id == id_).values(**row))
        deliveries.wake_up(connection, id_, now)
    journal.note(session, actor, "subscription-put", id_, at=now)
    return one(session, id_)


def remove(session: Session, actor: Actor, id_: str, now: datetime) -> SubscriptionView:
    """With what waits for it. NotFound `request.not_found`."""
    last = one(session, id_)
    deliveries.forget_subscription(session.connection(), id_)
    journal.note(session, actor, "subscription-removed", id_, at=now)
    return last


def one(session: Session, id_: str) -> SubscriptionView:
    """NotFound `request.not_found`."""
    for view in _views(session, SUBSCRIPTION.c.id == id_):
        return view
    raise NotFound("request.not_found", "no such subscription")


def every(session: Session) -> tuple[SubscriptionView, ...]:
    return tuple(_views(session))


def _views(session: Session, *wanted: Any) -> Sequence[SubscriptionView]:
    connection = session.connection()
    rows = connection.execute(select(SUBSCRIPTION).where(*wanted).order_by(SUBSCRIPTION.c.id)).all()
    waiting = {
        row.subscription: row.rows
        for row in connection.execute(
            select(NOTICE_DELIVERY.c.subscription, func.count().label("rows"))
            .where(
                NOTICE_DELIVERY.c.state == "waiting",
                NOTICE_DELIVERY.c.subscription.in_([row.id for row in rows]),
            )
            .group_by(NOTICE_DELIVERY.c.subscription)
        )
    }
    return [_view(row, waiting.get(row.id, 0)) for row in rows]


def _view(row: Row[Any], waiting: int) -> SubscriptionView:
    state: State = "disabled" if row.disabled_at else "failing" if row.failures else "active"
    return SubscriptionView(
        id=row.id,
        channel=row.channel,
        audience=row.audience,
        target=row.target,
        kinds=tuple(row.kinds.split()),
        state=state,
        waiting=waiting,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        authority=None if row.authority is None else Address(row.authority),
        daily_at=row.daily_at,
        language=row.language,
        failing_since=row.failing_since,
        failure_code=row.failure_code,
        disabled_at=row.disabled_at,
    )
