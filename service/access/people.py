"""People who may sign in: an opaque name, one role, the authorities they act for. Never their own name:
who stands behind `person-…` is known to those who hand over the link, and to the identity provider.

A person comes by the identity provider, which calls them by a subject that is kept as a digest; or by a
one-time link: 256 random bits, kept as a digest, good once and for some hours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlmodel import Session

from protocol import base64url
from protocol.errors import Refused
from protocol.identifiers import Address, StateCode, parse_address
from protocol.json_strict import dumps
from service.access import journal
from service.access.actor import Actor
from service.access.roles import CONTENT_SCOPES, ROLE_SCOPES, Role
from service.errors import Conflict, Malformed, NotFound
from service.store.tables import ACCESS_JOURNAL, INVITATION, PERSON, SIGN_IN_SESSION

__all__ = [
    "PERSON_ROLES",
    "Person",
    "add",
    "administrators",
    "authorities_of",
    "by_subject",
    "check",
    "disable",
    "has_come",
    "has_gone",
    "invite",
    "new_id",
    "people",
    "person_of",
    "redeem",
    "secret_digest",
    "subject_digest",
]

PERSON_ROLES: Final = frozenset(Role) - {Role.AGENCY_SYSTEM}
MOST_AUTHORITIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`by_provider`: the identity provider knows them; otherwise they come by links alone."""

    id: str
    role: Role
    authorities: tuple[Address, ...]
    by_provider: bool
    registered_at: datetime
    registered_by: str
    disabled_at: datetime | None


def authorities_of(role: Role, given: Iterable[str], state: StateCode) -> list[Address]:
    """On whose behalf, checked: this State's own, and at least one for a role that sees content.

    Malformed `request.body`.
    """
    texts = sorted(set(given))
    field = "/authorities"
    try:
        authorities = [parse_address(text) for text in texts]
    except Refused:
        raise Malformed("request.body", "expected addresses of authorities", field=field) from None
    if len(authorities) > MOST_AUTHORITIES or any(one.partition(".")[0] != state for one in authorities):
        raise Malformed("request.body", f"expected at most {MOST_AUTHORITIES}, of {state}", field=field)
    if ROLE_SCOPES[role] & CONTENT_SCOPES and not authorities:
        raise Malformed("request.body", "this role acts for an authority: name it", field=field)
    return authorities


def subject_digest(issuer: str, subject: str) -> str:
    """What the provider calls somebody may be their mail address: only its digest is kept."""
    return base64url.encode(hashlib.sha256(dumps(["subject", issuer, subject])).digest()).decode()


def secret_digest(secret: str) -> str:
    """How a link's or a cookie's secret is kept: it has 256 random bits, so nobody finds it by trying."""
    return base64url.encode(hashlib.sha256(secret.encode()).digest()).decode()


def new_id(random_bytes: Callable[[int], bytes]) -> str:
    """An opaque name that says nothing about whose it is."""
    return f"person-{base64url.encode(random_bytes(9)).decode()}"


def check(
    session: Session, *, state: StateCode, role: Role, authorities: Iterable[str], subject: str | None
) -> list[Address]:
    """On whose behalf such a person would act. Malformed `request.body`; Conflict `access.subject_known` when
    somebody who is not disabled has the subject: one human being is one person, or two people would not be
    two."""
    if role not in PERSON_ROLES:
        raise Malformed("request.body", "expected a role that people have", field="/role")
    allowed = authorities_of(role, authorities, state)
    if subject is not None and by_subject(session, subject) is not None:
        raise Conflict("access.subject_known", "somebody is known by this subject already", field="/subject")
    return allowed


def administrators(session: Session) -> int:
    """How many were ever registered. Disabled ones count: else one who disables the others would be the
    first again."""
    counted = select(func.count()).select_from(PERSON).where(PERSON.c.role == str(Role.ADMINISTRATOR))
    return int(session.connection().execute(counted).scalar_one())


def has_come(session: Session, id: str) -> bool:  # noqa: A002
    """Whether somebody has ever signed in under this name, or can without a link."""
    signed_in = (
        select(ACCESS_JOURNAL.c.position)
        .where(ACCESS_JOURNAL.c.subject == id, ACCESS_JOURNAL.c.action == "signed-in")
        .limit(1)
    )
    return person_of(session, id).by_provider or session.connection().execute(signed_in).first() is not None


def has_gone(session: Session, id: str) -> bool:  # noqa: A002
    """Whether this was one of our people and is disabled. One human being is one person at a time, and not
    for ever: who is registered anew, in another role, has another name."""
    disabled = select(PERSON.c.disabled_at).where(PERSON.c.id == id)
    return session.connection().execute(disabled).scalar_one_or_none() is not None


def add(
    session: Session,
    actor: Actor,
    *,
    state: StateCode,
    role: Role,
    authorities: Iterable[str],
    subject: str | None,
    random_bytes: Callable[[int], bytes],
    now: datetime,
    id: str | None = None,  # noqa: A002
) -> Person:
    """`subject`: a `subject_digest`. `id`: a `new_id` that was given out before. Refuses as `check`."""
    allowed = check(session, state=state, role=role, authorities=authorities, subject=subject)
    id_ = id or new_id(random_bytes)
    session.connection().execute(
        insert(PERSON),
        {
            "id": id_,
            "role": str(role),
            "authorities": " ".join(allowed),
            "subject_digest": subject,
            "registered_at": now,
            "registered_by": actor.person,
            "disabled_at": None,
        },
    )
    journal.note(session, actor, "person-added", id_, at=now)
    return person_of(session, id_)


def people(session: Session) -> list[Person]:
    return [_person(row) for row in session.connection().execute(select(PERSON).order_by(PERSON.c.id))]


def find_person(session: Session, id: str) -> Person | None:  # noqa: A002
    row = session.connection().execute(select(PERSON).where(PERSON.c.id == id)).first()
    return None if row is None else _person(row)


def person_of(session: Session, id: str) -> Person:  # noqa: A002
    """NotFound `request.not_found`."""
    found = find_person(session, id)
    if found is None:
        raise NotFound("request.not_found", "nobody has this id")
    return found


def by_subject(session: Session, subject: str) -> Person | None:
    row = session.connection().execute(select(PERSON).where(PERSON.c.subject_digest == subject)).first()
    return None if row is None else _person(row)


def disable(session: Session, actor: Actor, id: str, now: datetime) -> Person:  # noqa: A002
    """Ends their sessions and links at once; a bearer token lives out its minutes. The row stays, so that the
    journal's name for them is never another's. NotFound `request.not_found`."""
    person = person_of(session, id)
    connection = session.connection()
    connection.execute(delete(SIGN_IN_SESSION).where(SIGN_IN_SESSION.c.person == id))
    connection.execute(delete(INVITATION).where(INVITATION.c.person == id))
    if person.disabled_at is None:
        connection.execute(
            update(PERSON).where(PERSON.c.id == id).values(disabled_at=now, subject_digest=None)
        )
        journal.note(session, actor, "person-disabled", id, at=now)
    return person_of(session, id)


def invite(
    session: Session,
    actor: Actor,
    id: str,  # noqa: A002
    *,
    lifetime: timedelta,
    random_bytes: Callable[[int], bytes],
    now: datetime,
) -> tuple[str, datetime]:
    """A new link's secret and until when it is good. Earlier ones of the same person end.

    NotFound `request.not_found`, also for somebody who is disabled.
    """
    if person_of(session, id).disabled_at is not None:
        raise NotFound("request.not_found", "this person is disabled")
    secret = base64url.encode(random_bytes(32)).decode()
    connection = session.connection()
    connection.execute(delete(INVITATION).where(INVITATION.c.person == id))
    connection.execute(
        insert(INVITATION),
        {
            "digest": secret_digest(secret),
            "person": id,
            "issued_at": now,
            "issued_by": actor.person,
            "expires_at": now + lifetime,
        },
    )
    journal.note(session, actor, "person-invited", id, at=now)
    return secret, now + lifetime


def redeem(session: Session, secret: str, now: datetime) -> Person:
    """Whose link it is; it is used up with that. NotFound `access.invitation_invalid` for one that was used,
    is too old, or never was: which of them is not said."""
    used = (
        session.connection()
        .execute(
            update(INVITATION)
            .where(
                INVITATION.c.digest == secret_digest(secret),
                INVITATION.c.used_at.is_(None),
                INVITATION.c.expires_at > now,
            )
            .values(used_at=now)
            .returning(INVITATION.c.person)
        )
        .scalar_one_or_none()
    )
    if used is None:
        raise NotFound("access.invitation_invalid", "no such link, or no longer")
    return person_of(session, used)


def _person(row: Row[Any]) -> Person:
    return Person(
        id=row.id,
        role=Role(row.role),
        authorities=tuple(Address(address) for address in row.authorities.split()),
        by_provider=row.subject_digest is not None,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        disabled_at=row.disabled_at,
    )
