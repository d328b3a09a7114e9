"""Sessions: somebody signed in with a browser, which from then on shows a cookie.

The cookie is 256 random bits that no script can read; the node keeps its digest. A session ends when nothing
was asked for a while, some hours after it began in any case, when its owner signs out, and when its owner is
disabled. What changes something also needs the session's own word in a header (`csrf`), which another site
cannot know: a cookie alone is sent by the browser whoever made the page.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Row, delete, insert, select, update
from sqlmodel import Session

from protocol import base64url
from protocol.identifiers import Address
from service.access import journal
from service.access.actor import Actor
from service.access.people import Person, secret_digest
from service.access.roles import ROLE_SCOPES, Role
from service.errors import Forbidden, NotAuthenticated
from service.settings import Settings
from service.store.tables import PERSON, SIGN_IN_SESSION

__all__ = [
    "CSRF_HEADER",
    "SAFE_METHODS",
    "SignedIn",
    "close",
    "cookie_name",
    "cookies_are_secure",
    "csrf_of",
    "find",
    "open_session",
    "require_csrf",
    "touch",
]

CSRF_HEADER: Final = "X-Focalpoint-CSRF"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
TOUCHED_EVERY: Final = timedelta(seconds=60)
"""A session is written to at most this often, for a page of ten requests is one visit."""
MAX_COOKIE: Final = 64
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

type How = Literal["provider", "invitation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """`acr`, `amr`: what the provider said of how it was done. `stale`: `touch` it."""

    actor: Actor
    how: How
    acr: str | None
    amr: str | None
    opened_at: datetime
    ends_at: datetime
    stale: bool


def cookies_are_secure(settings: Settings) -> bool:
    """Whether cookies go over https alone: everywhere but on this machine."""
    address = urlsplit(settings.audience)
    return address.scheme == "https" or address.hostname not in _LOOPBACK


def cookie_name(settings: Settings) -> str:
    """With https a name that no other host and no other path can set (`__Host-`, RFC 6265bis §4.1.3.2)."""
    return "__Host-focalpoint" if cookies_are_secure(settings) else "focalpoint"


def open_session(
    session: Session,
    person: Person,
    *,
    how: How,
    acr: str | None = None,
    amr: str | None = None,
    settings: Settings,
    random_bytes: Callable[[int], bytes],
    now: datetime,
) -> str:
    """The cookie of a new session. NotAuthenticated `access.person_unknown` for somebody disabled."""
    if person.disabled_at is not None:
        raise NotAuthenticated("access.person_unknown", "this person is disabled")
    cookie = base64url.encode(random_bytes(32)).decode()
    connection = session.connection()
    # What has ended goes, so that there are only as many as there are people at work.
    connection.execute(delete(SIGN_IN_SESSION).where(SIGN_IN_SESSION.c.ends_at <= now))
    ends_at = now + timedelta(seconds=settings.session_most_seconds)
    connection.execute(
        insert(SIGN_IN_SESSION),
        {
            "digest": secret_digest(cookie),
            "person": person.id,
            "opened_at": now,
            "seen_at": now,
            "ends_at": ends_at,
            "how": how,
            "acr": acr,
            "amr": amr,
        },
    )
    who = _actor(person.id, person.role, person.authorities, ends_at)
    journal.note(session, who, "signed-in", person.id, at=now, reason=how)
    return cookie


def find(session: Session, cookie: str, *, idle: timedelta, now: datetime) -> SignedIn:
    """Whose session it is. NotAuthenticated `access.session_ended`."""
    row: Row[Any] | None = None
    if len(cookie) <= MAX_COOKIE:
        row = (
            session.connection()
            .execute(
                select(SIGN_IN_SESSION, PERSON.c.role, PERSON.c.authorities, PERSON.c.disabled_at)
                .join(PERSON, PERSON.c.id == SIGN_IN_SESSION.c.person)
                .where(SIGN_IN_SESSION.c.digest == secret_digest(cookie))
            )
            .first()
        )
    if row is None or row.disabled_at is not None or row.ends_at <= now or row.seen_at + idle <= now:
        raise NotAuthenticated("access.session_ended", "no session, or no longer")
    authorities = tuple(Address(address) for address in row.authorities.split())
    return SignedIn(
        actor=_actor(row.person, Role(row.role), authorities, min(row.ends_at, row.seen_at + idle)),
        how=row.how,
        acr=row.acr,
        amr=row.amr,
        opened_at=row.opened_at,
        ends_at=row.ends_at,
        stale=now - row.seen_at >= TOUCHED_EVERY,
    )


def touch(session: Session, cookie: str, now: datetime) -> None:
    """It was used just now."""
    session.connection().execute(
        update(SIGN_IN_SESSION).where(SIGN_IN_SESSION.c.digest == secret_digest(cookie)).values(seen_at=now)
    )


def close(session: Session, cookie: str, actor: Actor, now: datetime) -> None:
    session.connection().execute(
        delete(SIGN_IN_SESSION).where(SIGN_IN_SESSION.c.digest == secret_digest(cookie))
    )
    journal.note(session, actor, "signed-out", actor.person, at=now)


def csrf_of(cookie: str) -> str:
    """The session's word against requests that another site's page makes. It follows from the cookie, and
    the cookie does not follow from it."""
    return base64url.encode(hmac.new(cookie.encode(), b"focalpoint csrf", hashlib.sha256).digest()).decode()


def require_csrf(cookie: str, given: str | None) -> None:
    """Forbidden `access.csrf`."""
    if given is None or not hmac.compare_digest(csrf_of(cookie).encode(), given.encode()):
        raise Forbidden("access.csrf", f"a session needs its word in {CSRF_HEADER}")


def _actor(id_: str, role: Role, authorities: tuple[Address, ...], expires_at: datetime) -> Actor:
    return Actor(
        person=id_,
        role=role,
        authorities=frozenset(authorities),
        scopes=ROLE_SCOPES[role],
        expires_at=expires_at,
        via="session",
    )
