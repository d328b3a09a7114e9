"""A message that waits for a second person: kept whole, and not yet said.

What was submitted rests sealed under its case's key until somebody decides. Nothing of it is in the
conversation, no number is taken, and nothing is signed that lasts: whoever approves has it said then, with
every check made again. So what was proposed before the protection status turned is refused like anything
else.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from protocol import base64url, messages
from protocol.content import read_content
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.messages.person import Attachment
from protocol.statements import Statement, StatementType, read
from service.access import pairs
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Conflict
from service.exchange import attachments as uploads
from service.exchange.drafts import Prepared
from service.exchange.views import (
    Awaiting,
    ContentView,
    NarrativeView,
    SignedSubmission,
    Submission,
    WaitingMessage,
)
from service.node import Node
from service.store import approvals, attachments
from service.store.vault import Purpose

__all__ = ["COUNTERSIGNATURE", "MESSAGE_KINDS", "Wait", "keep", "kept", "second_person", "shown"]

BINDING: Final = "binding-message"
COUNTERSIGNATURE: Final = "countersignature"
MESSAGE_KINDS: Final = (BINDING, COUNTERSIGNATURE)
SIGNED_AT_MOST: Final = timedelta(days=1)
"""How old an agency's own signature may be when its message is said. An older one would shorten the answering
authority's time, which counts from there."""
_SEALED: Final[Purpose] = "identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """For whom a message waits. `facts`: what the decision takes beside the kind's own scope."""

    kind: str
    deciding: Address
    facts: dict[str, str]


def second_person(node: Node, prepared: Prepared) -> Wait | None:
    """Who besides its author has to look at a message before it is said; None for most."""
    content = prepared.content
    binds = messages.form(content.type).supervised or content.type in node.settings.second_person.split()
    through = prepared.directory.countersigner(content.sender)
    if through is not None:
        # The focal point's supervisor is then the second person of what binds the State.
        scope = {"scope": str(Scope.AGREEMENTS_SIGN)} if binds else {}
        return Wait(kind=COUNTERSIGNATURE, deciding=through, facts={"type": content.type, **scope})
    if binds:
        return Wait(kind=BINDING, deciding=content.sender, facts={"type": content.type})
    return None


def keep(
    node: Node,
    session: Session,
    actor: Actor,
    submission: Submission | SignedSubmission,
    prepared: Prepared,
    wait: Wait,
) -> Awaiting:
    """Store the proposal. The same message again gets the same answer; another under its id is refused
    `id_reused` (Conflict)."""
    connection, content, now = session.connection(), prepared.content, prepared.now
    vault = node.vault.case(session, content.case)
    mark = vault.mark(_SEALED, prepared.submitted)
    for found in approvals.of_subject(connection, content.id, MESSAGE_KINDS):
        if found.request_mark != mark:
            raise Conflict(
                "id_reused", "this id already stands for another message; choose a new id for a new message"
            )
        return _awaiting(prepared, found.id, found)
    latest = now + timedelta(seconds=node.settings.approval_seconds)
    if isinstance(submission, SignedSubmission):
        latest = min(latest, content.issued_at + SIGNED_AT_MOST)
    approval = pairs.propose(
        node,
        session,
        actor,
        wait.kind,
        content.id,
        wait.facts if content.via is None else {**wait.facts, pairs.VIA: content.via},
        now,
        case=content.case,
        proposing=content.sender,
        deciding=wait.deciding,
        expires_at=latest,
        request_mark=mark,
    )
    # Bound to the approval, whose id is known only now.
    approvals.change(
        connection,
        approval,
        was="proposed",
        payload_sealed=vault.seal(_SEALED, _to_bytes(submission), bound_to=approval),
    )
    _hold_on_to(node, session, content.case, prepared.attachments, latest)
    row = approvals.by_id(connection, approval)
    assert row is not None
    return _awaiting(prepared, approval, row)


def _hold_on_to(
    node: Node, session: Session, case: CaseReference, described: tuple[Attachment, ...], until: Any
) -> None:
    """What no message cites is forgotten after a day; these shall be there when it is decided."""
    for row in uploads.check_uploads(node, session, case, described):
        attachments.change(session.connection(), row.row, changed_at=until)


def kept(node: Node, session: Session, row: Row[Any]) -> Submission | SignedSubmission:
    """What was submitted. NotFound `vault.key_destroyed` when the case's key is gone."""
    sealed = node.vault.open(session, row.case_reference, _SEALED, row.payload_sealed, bound_to=row.id)
    return _from_bytes(sealed)


def shown(submission: Submission | SignedSubmission) -> WaitingMessage:
    """As whoever decides reads it: everything but the identity part."""
    if isinstance(submission, Submission):
        return WaitingMessage(
            type=submission.type,
            sender=submission.sender,
            recipient=submission.recipient,
            thread=submission.thread,
            in_reply_to=submission.in_reply_to,
            urgency=submission.urgency,
            content=ContentView(
                coded=submission.coded,
                narrative=submission.narrative,
                narrative_state="released" if submission.narrative else "none",
                identity_state="none" if submission.identity is None else "sealed",
                declares_no_danger=submission.declares_no_danger,
            ),
        )
    unverified = read(submission.statement, typ=StatementType.CONTENT)
    # It was verified when it was submitted, and will be again.
    content = read_content(
        Statement(
            typ=unverified.typ,
            kid=unverified.kid,
            claims=unverified.claims,
            token=unverified.token,
            digest=unverified.digest,
        ),
        submission.narrative,
        None,
    )
    return WaitingMessage(
        type=content.type,
        sender=content.sender,
        recipient=content.recipient,
        thread=content.thread,
        in_reply_to=content.in_reply_to,
        urgency=content.urgency,
        content=ContentView(
            coded=content.coded,
            narrative=tuple(
                NarrativeView(field=block.field, language=block.language, text=block.text)
                for block in content.narrative
            ),
            narrative_state="none" if submission.narrative is None else "released",
            identity_state="none" if submission.identity is None else "sealed",
            declares_no_danger=content.declares_no_danger,
        ),
    )


def _awaiting(prepared: Prepared, approval: str, row: Row[Any]) -> Awaiting:
    content = prepared.content
    return Awaiting(
        id=content.id,
        case=content.case,
        type=content.type,
        sender=content.sender,
        recipient=content.recipient,
        status="awaiting-approval",
        approval=MessageId(approval),
        deciding=Address(row.deciding),
        recorded_at=row.proposed_at,
        expires_at=row.expires_at,
    )


def _to_bytes(submission: Submission | SignedSubmission) -> bytes:
    if isinstance(submission, Submission):
        value: dict[str, Any] = {"submission": dataclasses.asdict(submission)}
    else:
        parts = {"narrative": submission.narrative, "identity": submission.identity}
        value = {"statement": submission.statement} | {
            name: base64url.encode(part).decode() for name, part in parts.items() if part is not None
        }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _from_bytes(data: bytes) -> Submission | SignedSubmission:
    value = json.loads(data)
    if "submission" not in value:
        narrative, identity = (
            base64url.decode(value[name].encode()) if name in value else None
            for name in ("narrative", "identity")
        )
        return SignedSubmission(statement=value["statement"], narrative=narrative, identity=identity)
    given = value["submission"]
    return Submission(
        **{
            **given,
            "id": MessageId(given["id"]),
            "case": CaseReference(given["case"]),
            "sender": Address(given["sender"]),
            "recipient": Address(given["recipient"]),
            "thread": given["thread"] and ThreadId(given["thread"]),
            "in_reply_to": given["in_reply_to"] and MessageId(given["in_reply_to"]),
            "narrative": tuple(NarrativeView(**block) for block in given["narrative"]),
        }
    )
