"""Who may ask, who signed in, what takes two people, and who did what."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlmodel import Field

from service.store.columns import Instant, RowNumber
from service.store.tables.base import Row, core_table, partial_index

__all__ = [
    "ACCESS_JOURNAL",
    "APPROVAL",
    "CLIENT",
    "CLIENT_ASSERTION",
    "INVITATION",
    "NARRATIVE_READING",
    "PERSON",
    "SIGN_IN_ATTEMPT",
    "SIGN_IN_SESSION",
    "AccessJournal",
    "ApprovalRow",
    "ClientAssertion",
    "ClientRow",
    "InvitationRow",
    "NarrativeReading",
    "PersonRow",
    "SignInAttempt",
    "SignInSession",
]


class AccessJournal(Row, table=True):
    """Who did what, to what, and why: a hash chain (`protocol.journal`). `subject` is an id or a case
    reference; `reason` is a code. Written by `service.access.journal` alone."""

    __tablename__ = "access_journal"
    __table_args__ = (
        Index("ix_access_journal_subject", "subject", "position"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=RowNumber)
    at: datetime = Field(sa_type=Instant)
    actor: str
    role: str
    action: str
    subject: str
    reason: str | None = None
    via: str | None = None
    """How the actor came to be known: `command`, `client` or `session`."""
    previous: str | None = None
    digest: str | None = None
    """Empty only where the release before this one wrote the row: verification names it."""


class ApprovalRow(Row, table=True):
    """An act that one person proposed and another has to decide on. What it would do is sealed, if it says
    anything about a child, and is dropped with the decision."""

    __tablename__ = "approval"
    __table_args__ = (
        Index("ix_approval_subject", "subject"),
        partial_index("ix_approval_proposed", "expires_at", where="state = 'proposed'"),
    )

    id: str = Field(primary_key=True)
    kind: str
    """A row of `service.access.pairs.KINDS`."""
    subject: str
    """A message id, a key id, or what else the act is about."""
    sender_node: str | None = None
    """With a message that is here already: the node that sent it."""
    case_reference: str | None = None
    proposing: str | None = None
    """The authority on whose behalf it was proposed; None for acts of the node itself."""
    deciding: str | None = None
    """The authority whose people decide."""
    reason: str | None = None
    facts: str | None = Field(default=None, sa_type=Text)
    """Codes and names of offices and keys, as JSON: what the act needs to know and may be read by all."""
    payload_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    payload: str | None = Field(default=None, sa_type=Text)
    """What an act of the node itself needs and is too long for `facts`, as JSON: nothing about a child.
    Dropped with the decision."""
    preview: str | None = Field(default=None, sa_type=Text)
    """What it would change, a line each, as it was when it was proposed: what whoever decides is shown."""
    in_force_since: datetime | None = Field(default=None, sa_type=Instant)
    """With an act that only takes power away: since when it holds, before anybody else has looked."""
    request_mark: str | None = None
    """`Vault.mark` of the message that waits: the same request again is the same proposal."""
    state: Literal["proposed", "approved", "returned", "lapsed"] = Field(sa_type=String)
    proposed_by: str
    proposed_role: str
    proposed_via: str | None = None
    """As the journal's `via`. None, like the next, in rows of an earlier release."""
    proposed_scopes: str | None = Field(default=None, sa_type=Text)
    """What the token of whoever proposed it granted, with a space between, in order."""
    proposed_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    """Until when it may be decided; once approved, until when it may be used."""
    decided_by: str | None = None
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decided_reason: str | None = None


class NarrativeReading(Row, table=True):
    """That somebody was shown a message's free text on a day: it stands in the journal, once."""

    __tablename__ = "narrative_reading"

    day: date = Field(primary_key=True)
    """In UTC."""
    person: str = Field(primary_key=True)
    sender_node: str = Field(primary_key=True)
    message: str = Field(primary_key=True)


class ClientRow(Row, table=True):
    """An agency's system, and the public keys by which it is known."""

    __tablename__ = "client"

    id: str = Field(primary_key=True)
    role: str
    authorities: str
    """Addresses with a space between, in order. So are the scopes."""
    scopes: str
    keys: str = Field(sa_type=Text)
    """A JSON Web Key Set, public halves alone."""
    registered_at: datetime = Field(sa_type=Instant)
    registered_by: str
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class ClientAssertion(Row, table=True):
    """An assertion that was used, for as long as it could be used again."""

    __tablename__ = "client_assertion"
    __table_args__ = (Index("ix_client_assertion_until", "until"),)

    digest: str = Field(primary_key=True)
    until: datetime = Field(sa_type=Instant)


class PersonRow(Row, table=True):
    """Somebody who may sign in: an opaque name, never their own. `subject_digest` is of what the identity
    provider calls them."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("subject_digest"),)

    id: str = Field(primary_key=True)
    role: str
    authorities: str
    subject_digest: str | None = None
    registered_at: datetime = Field(sa_type=Instant)
    registered_by: str
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class InvitationRow(Row, table=True):
    """A one-time sign-in link, by the digest of its secret."""

    __tablename__ = "invitation"
    __table_args__ = (Index("ix_invitation_person", "person"),)

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.id")
    issued_at: datetime = Field(sa_type=Instant)
    issued_by: str
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInSession(Row, table=True):
    """A browser that somebody signed in with, by the digest of its cookie."""

    __tablename__ = "sign_in_session"
    __table_args__ = (Index("ix_sign_in_session_person", "person"),)

    digest: str = Field(primary_key=True)
    person: str = Field(foreign_key="person.id")
    opened_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ends_at: datetime = Field(sa_type=Instant)
    how: Literal["provider", "invitation"] = Field(sa_type=String)
    acr: str | None = None
    amr: str | None = None


class SignInAttempt(Row, table=True):
    """A way to the identity provider and not yet back, by the digest of its state."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("ix_sign_in_attempt_until", "until"),)

    digest: str = Field(primary_key=True)
    nonce: str
    verifier: str
    return_to: str
    until: datetime = Field(sa_type=Instant)


ACCESS_JOURNAL = core_table(AccessJournal)
APPROVAL = core_table(ApprovalRow)
NARRATIVE_READING = core_table(NarrativeReading)
CLIENT = core_table(ClientRow)
CLIENT_ASSERTION = core_table(ClientAssertion)
PERSON = core_table(PersonRow)
INVITATION = core_table(InvitationRow)
SIGN_IN_SESSION = core_table(SignInSession)
SIGN_IN_ATTEMPT = core_table(SignInAttempt)
