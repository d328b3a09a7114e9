"""What happened and somebody is to be told: `tell`, in the transaction of the act itself.

A notice has an id, a kind and a due date. What it is about stays in the node: the console makes a link of it,
and no channel carries it. Who is told is an audience of one authority, or of the node; who hears it by
e-mail or webhook is a subscription's (`service.notifying`).

    told = tell(session, "message-arrived", authority=office, audience="officer", subject=message,
                due_at=due, key=f"message-arrived/{sender}/{message}", now=now)

After the commit, `node.wake.notices.notify()` has those who wait look at once; without it they look a few
seconds later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from protocol.identifiers import Address, new_message_id
from service.access.roles import Role
from service.random_source import SystemRandomSource
from service.store.prepared import Change
from service.store.tables import NOTICE

__all__ = ["AUDIENCES", "KINDS", "NODE_AUDIENCES", "Audience", "Kind", "audiences_of", "tell"]

type Audience = Literal["officer", "supervisor", "operator", "administrator"]

NODE_AUDIENCES: Final = frozenset[str]({"operator", "administrator"})
"""Told of what is the node's, of whatever authority. They see no content and no case."""

AUDIENCES: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {
        Role.CASE_OFFICER: frozenset({"officer"}),
        Role.SUPERVISOR: frozenset({"officer", "supervisor"}),
        Role.INTERMEDIARY_OFFICER: frozenset({"officer"}),
        # It works for both, and shows each what is theirs.
        Role.AGENCY_SYSTEM: frozenset({"officer", "supervisor"}),
        Role.OPERATOR: frozenset({"operator"}),
        # Who registers the mailboxes sees what goes to them.
        Role.ADMINISTRATOR: NODE_AUDIENCES,
        Role.AUDITOR: frozenset(),
        Role.STATISTICIAN: frozenset(),
    }
)
"""Whose notices a role is shown: of its own authorities, or of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A type of event. `due`: its notices may have a due date. `looked_for`: found by a look at how things
    stand, again and again, so that its key is kept for as long as the node."""

    name: str
    due: bool = False
    looked_for: bool = False


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(name="message-arrived", due=True),
            Kind(name="message-refused"),
            Kind(name="message-sent-on", due=True),
            Kind(name="due-soon", due=True, looked_for=True),
            Kind(name="overdue", due=True, looked_for=True),
            Kind(name="escalated", due=True, looked_for=True),
            Kind(name="lapsed", due=True, looked_for=True),
            Kind(name="clock-differs", due=True, looked_for=True),
            Kind(name="approval-waiting", due=True),
            Kind(name="approval-decided"),
            Kind(name="identity-released", due=True),
            Kind(name="protection-unknown"),
            Kind(name="stuck", looked_for=True),
            Kind(name="key-ending", due=True, looked_for=True),
            Kind(name="directory-ending", due=True, looked_for=True),
            Kind(name="split-view", looked_for=True),
            Kind(name="relay-failed", looked_for=True),
            Kind(name="adapter-unwell", looked_for=True),
        )
    }
)
"""Their words for people are in `service/notifying/locales`."""

_RANDOM = SystemRandomSource()
_COLUMNS = [column.name for column in NOTICE.columns if column.name not in ("row", "spread_at")]
_TELL: Final = MappingProxyType(
    {
        "sqlite": Change(sqlite.insert(NOTICE).inline().on_conflict_do_nothing(), _COLUMNS),
        "postgresql": Change(postgresql.insert(NOTICE).inline().on_conflict_do_nothing(), _COLUMNS),
    }
)


def audiences_of(role: Role) -> frozenset[str]:
    return AUDIENCES[role]


def tell(
    session: Session,
    kind: str,
    *,
    authority: Address | None,
    audience: Audience,
    subject: str,
    due_at: datetime | None,
    key: str,
    now: datetime,
) -> bool:
    """Have it told, once: False, and nothing done, when `key` was told before.

    `subject`: an id or a code, never a name and never content. `key` says what happened, for ever: begin it
    with the kind. KeyError for a kind that is not in `KINDS`; ValueError for an officer's or a supervisor's
    notice that is for no authority: nobody would see it.
    """
    if authority is None and audience not in NODE_AUDIENCES:
        raise ValueError("an officer's notice is for an authority")
    connection: Connection = session.connection()
    values: dict[str, Any] = {
        "id": new_message_id(_RANDOM.bytes),
        "kind": KINDS[kind].name,
        "authority": authority,
        "audience": audience,
        "subject": subject,
        "due_at": due_at,
        "at": now,
        "key": key,
    }
    return _TELL[connection.dialect.name].run(connection, **values) == 1
