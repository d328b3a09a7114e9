"""A State takes its own node into use: its open cases move there from the intermediary's, with all that they
hold.

    export   at the intermediary, once the directory names the State's own node: each piece sealed to that
             node's identity key, the list of pieces signed by the intermediary's node, and the documents
             behind them; its own copy of the cases is blocked
             what was sealed past the intermediary goes along as it came
    import   at the new node: every statement verified again, nothing taken twice; the conversations are
             told anew from what was said and from the receipts that hold, their deadlines counted anew on the
             calendars that the messages cite. Where one stands nobody is believed. What was sealed past the
             intermediary is opened with its authority's own key, where that is here by now

The other States need to do nothing: their nodes write to whichever node the directory names.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from protocol import base64url, conversations
from protocol.claims import Claims, seconds_of
from protocol.content import Content, read_content
from protocol.directory import Directory
from protocol.directory.mandates import intermediary_of_node, was_mandated
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties, check_parties, read_evidence
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId, state_of
from protocol.intermediary import check_unnamed, parts_to_be_given, require_may_say
from protocol.json_strict import dumps, parse_object
from protocol.sealed_past import Past
from protocol.sealing import read_sealed, seal
from protocol.statements import Statement, StatementType, digest, issue, read, verify
from service.access import journal
from service.access.actor import Actor
from service.access.roles import Scope
from service.errors import Conflict, NotFound
from service.exchange import proof
from service.exchange.accept import Outcome
from service.exchange.handed_documents import (
    Document,
    announce,
    lines,
    pieces_of,
    sealed_chunks,
    take_chunks,
)
from service.exchange.mandated import MANDATE_ENDED
from service.exchange.receipts import about_nothing_read, opened_by, rebuild
from service.exchange.sealed_past import open_here, take_past
from service.exchange.views import MOST_HANDED_OVER
from service.node import Node
from service.store import cases, mailbox, relay, retention
from service.store.tables import CASE_PARTY, INBOX, RELAY, SENT_MANIFEST
from service.store.vault import Purpose

__all__ = ["export_hand_over", "import_hand_over"]

FORMAT: Final = "focalpoint-hand-over"
BLOCKED: Final = "handed-over"
_MESSAGE_TEXTS: Final = (
    "sender_node",
    "id",
    "case_reference",
    "thread",
    "in_reply_to",
    "type",
    "sender",
    "recipient",
    "statement",
    "statement_digest",
    "urgency",
    "status",
    "refusal_code",
    "vocabulary",
)
_OF_THE_STATEMENT: Final = (
    "id",
    "case_reference",
    "thread",
    "in_reply_to",
    "type",
    "sender",
    "recipient",
    "urgency",
)
"""Of these the message's own statement has the word."""
_MESSAGE_TIMES: Final = ("issued_at", "recorded_at")
_UNANSWERED: Final = ("held", "accepted", "sent")
_PARTS: Final[tuple[Purpose, ...]] = ("narrative", "identity")


async def export_hand_over(node: Node, actor: Actor, state: StateCode) -> AsyncIterator[bytes]:
    """The cases of `state` as one file for its own node, in pieces; here they are blocked from then on.

    The first line is the cases; each line after it is a chunk of a document. Exported again it is sealed
    afresh, of the same cases. NotAcceptable `hand_over.no_own_node` while the
    directory names no node of that State's own for its authorities.
    """
    actor.require(Scope.ADMIN)
    now = node.clock.now()
    directory = node.directory.current()
    own = _own_node(directory, state)

    key = directory.sealing_key(own, "identity", now)
    documents: list[Document] = []

    def work(session: Session) -> tuple[bytes, str]:
        connection = session.connection()
        documents.clear()
        references = _cases_of(session, state) if _was_served(node, directory, state) else []
        pieces = [
            piece for reference in references for piece in _pieces(node, session, reference, state, documents)
        ]
        pieces += list(_sealed_past(session, state))
        sealed = [
            seal(dumps(piece), to=key, header_digest=_place(node.code, own, number))
            for number, piece in enumerate(pieces)
        ]
        claims = {
            "iss": node.code,
            "aud": own,
            "state": state,
            "iat": seconds_of(now),
            "pieces": [digest(one) for one in sealed],
        }
        signed = issue(StatementType.HAND_OVER, claims, node.keys.signing(node.code))
        for reference in references:
            held = retention.of_case(connection, reference)
            if held is None or held.blocked_at is None or held.block_reason == MANDATE_ENDED:
                retention.change(connection, reference, blocked_at=now, block_reason=BLOCKED)
                journal.note(session, actor, "retention-blocked", reference, at=now, reason=BLOCKED)
        connection.execute(
            RELAY.update()
            .where(RELAY.c.recipient.like(f"{state}.%"), RELAY.c.state.in_(("waiting", "failed")))
            .values(state="moved", changed_at=now)
        )
        journal.note(session, actor, "cases-handed-over", state, at=now)
        file = {
            "format": FORMAT,
            "statement": signed.token,
            "pieces": [one.decode("ascii") for one in sealed],
        }
        return dumps(file), signed.digest

    head, statement = await node.store.write(work)

    async def file() -> AsyncIterator[bytes]:
        yield head + b"\n"
        async for line in sealed_chunks(node, documents, to=key, hand_over=statement):
            yield line

    return file()


async def import_hand_over(node: Node, actor: Actor, body: AsyncIterator[bytes]) -> tuple[int, int, int]:
    """Take the cases in, and the documents after them: how many cases, how many messages that were not here
    yet, and how many stay sealed, for want of the authority's own key or of what they build on. Twice does
    no harm, and what broke off, or could not be opened, goes on by the same file.

    NotAcceptable `hand_over.malformed` for what is not whole, not signed by its intermediary, or not for this
    node; Conflict `hand_over.differs` for a message that is here already and says something else.
    """
    actor.require(Scope.ADMIN)
    now = node.clock.now()
    directory = node.directory.current()
    rest = lines(body, first=MOST_HANDED_OVER)
    head = await anext(rest, b"")
    pieces, statement = await asyncio.to_thread(_opened, node, head, directory, now)
    said: dict[str, set[Address]] = {}
    proven: dict[int, _Proven] = {}
    for number, piece in enumerate(pieces):
        if piece["kind"] == "message":
            proven[number] = one = _verify(piece, node.state, directory)
            said.setdefault(one.content.case, set()).update({one.content.sender, one.content.recipient})
            if one.left_out:
                node.log.warning("evidence.left_out", code="hand_over.malformed", count=one.left_out)

    past = await asyncio.to_thread(
        lambda: {
            number: _past(node, piece, directory, now)
            for number, piece in enumerate(pieces)
            if piece["kind"] == "envelope"
        }
    )
    every = (one.content for one in proven.values())
    openings = {one.thread: one for one in every if one.id == MessageId(one.thread)}

    def work(session: Session) -> tuple[int, int, int]:
        references, new, closed = set(), 0, 0
        told: set[ThreadId] = set()
        for number, piece in enumerate(pieces):
            match piece["kind"]:
                case "case":
                    references.add(piece["reference"])
                    _take_case(session, piece, said.get(piece["reference"], set()))
                case "message":
                    if _take_message(node, session, piece, proven[number]):
                        new += 1
                        told.add(proven[number].content.thread)
                case "attachment":
                    announce(node, session, piece, now)
        for thread in sorted(told):
            _tell_anew(node, session, thread, openings.get(thread), directory, now)
        # After all that was readable: it may build on that.
        for number, sealed in past.items():
            outcome = None if sealed is None else _open(node, session, sealed, directory, now)
            if outcome is None or outcome.disposition == "wait":
                _take_envelope(session, pieces[number], now)
                closed += 1
            elif outcome.disposition == "consigned" and sealed is not None and sealed.past.content:
                references.add(sealed.past.content.case)
                new += 1
        journal.note(session, actor, "cases-taken-over", node.state, at=now)
        return len(references), new, closed

    taken = await node.store.write(work)
    announced = [piece for piece in pieces if piece["kind"] == "attachment"]
    await take_chunks(node, rest, announced, hand_over=statement, now=now)
    node.wake.outbox_ready.notify()
    node.wake.mail_arrived.notify()
    return taken


# --- out ----------------------------------------------------------------------------------------------------


def _own_node(directory: Directory, state: StateCode) -> NodeCode:
    nodes = {entry.node for entry in directory.authorities() if entry.state == state}
    own = {node for node in nodes if directory.state_of_node(node) == state}
    if not own or nodes != own or len(own) > 1:
        raise NotAcceptable("hand_over.no_own_node", f"{state} is not served by a node of its own")
    return own.pop()


def _was_served(node: Node, directory: Directory, state: StateCode) -> bool:
    """That State once gave a mandate to an intermediary at this node: nobody else's cases are handed over."""
    here = set(intermediary_of_node(directory, node.code))
    given = (one for versions in directory.archive.mandates(state).values() for one in versions)
    return any(one.facts.intermediary in here for one in given)


def _cases_of(session: Session, state: StateCode) -> list[CaseReference]:
    rows = session.connection().execute(
        select(CASE_PARTY.c.reference)
        .where(CASE_PARTY.c.address.like(f"{state}.%"))
        .distinct()
        .order_by(CASE_PARTY.c.reference)
    )
    return [CaseReference(reference) for reference in rows.scalars()]


def _pieces(
    node: Node, session: Session, reference: CaseReference, state: StateCode, documents: list[Document]
) -> Iterator[dict[str, Any]]:
    """Of a case only what that State said or was told. `documents` grows by those that go along."""
    connection = session.connection()
    case = cases.load_case(connection, reference)
    assert case is not None
    rows = [
        row
        for row in mailbox.messages_of_case(connection, reference)
        if state in (state_of(Address(row.sender)), state_of(Address(row.recipient)))
    ]
    yield {
        "kind": "case",
        "reference": reference,
        "role": case.row.role,
        "opened_by": case.row.opened_by,
        "opened_at": case.row.opened_at.isoformat(),
        "parties": sorted({party for row in rows for party in (row.sender, row.recipient)}),
    }
    for row in rows:
        yield _message_piece(node, session, row)
        said, found = pieces_of(node, session, row)
        documents += found
        yield from said


def _message_piece(node: Node, session: Session, row: Row[Any]) -> dict[str, Any]:
    connection = session.connection()
    sender, message = NodeCode(row.sender_node), MessageId(row.id)
    parts = {}
    for part in _PARTS:
        sealed = row.narrative_sealed if part == "narrative" else row.identity_sealed
        if not sealed:
            continue
        try:
            plain = node.vault.open(session, row.case_reference, part, sealed, bound_to=row.id)
        except NotFound:  # erased: it stays so
            continue
        parts[part] = base64url.encode(plain).decode()
    inbox = mailbox.find_inbox(connection, sender, message)
    manifests = connection.execute(select(SENT_MANIFEST).where(SENT_MANIFEST.c.id == message)).all()
    return {
        "kind": "message",
        "row": {name: getattr(row, name) for name in _MESSAGE_TEXTS},
        "times": {
            name: getattr(row, name).isoformat() for name in _MESSAGE_TIMES if getattr(row, name) is not None
        },
        "parts": parts,
        "evidence": [
            {
                "token": one.token,
                "kind": one.kind,
                "issuer": one.issuer,
                "issued_at": one.issued_at.isoformat(),
                "code": one.code,
            }
            for one in mailbox.evidence_of(connection, sender, message)
        ],
        "manifests": [{"digest": one.digest, "token": one.token} for one in manifests],
        "inbox": None
        if inbox is None
        else {
            **{
                name: getattr(inbox, name)
                for name in (
                    "statement_digest",
                    "manifest",
                    "manifest_digest",
                    "epoch",
                    "sequence",
                    "kind",
                    "outcome",
                    "code",
                    "evidence_digest",
                )
            },
            "received_at": inbox.received_at.isoformat(),
        },
    }


def _sealed_past(session: Session, state: StateCode) -> Iterator[dict[str, Any]]:
    """What nobody here could read, and is not handed over yet: it goes to whom it was sealed to."""
    rows = session.connection().execute(
        select(RELAY)
        .where(RELAY.c.recipient.like(f"{state}.%"), RELAY.c.envelope.is_not(None))
        .order_by(RELAY.c.received_at, RELAY.c.id)
    )
    for row in rows:
        yield {
            "kind": "envelope",
            "sender_node": row.sender_node,
            "id": row.id,
            "recipient": row.recipient,
            "case": row.case_reference,
            "envelope": base64url.encode(row.envelope).decode(),
            "evidence": [
                one.token
                for one in mailbox.evidence_of(
                    session.connection(), NodeCode(row.sender_node), MessageId(row.id)
                )
            ],
        }


def _place(sender: NodeCode, recipient: NodeCode, number: int) -> bytes:
    """A piece opens in its place of a hand-over between these two nodes, and nowhere else."""
    return hashlib.sha256(f"{FORMAT}|{sender}|{recipient}|{number}".encode()).digest()


# --- in -----------------------------------------------------------------------------------------------------


def _opened(node: Node, data: bytes, directory: Directory, now: datetime) -> tuple[list[dict[str, Any]], str]:
    """What the first line holds, and the digest of its statement."""
    try:
        body = parse_object(data, max_bytes=MOST_HANDED_OVER, max_depth=4)
        unverified = read(str(body.get("statement")), typ=StatementType.HAND_OVER, max_bytes=MOST_HANDED_OVER)
        claims = Claims(unverified.claims, code="hand_over.malformed")
        sender, at = NodeCode(claims.text("iss")), claims.moment("iat")
        key = directory.signing_key(sender, unverified.kid, at, received_at=now)
        verify(unverified, key)
        sealed = [str(one).encode() for one in body.get("pieces") or ()]
        if (
            body.get("format") != FORMAT
            or claims.text("aud") != node.code
            or claims.text("state") != node.state
            or directory.state_of_node(sender) != "int"
            or list(claims.texts("pieces")) != [digest(one) for one in sealed]
        ):
            raise NotAcceptable("hand_over.malformed", "not a whole hand-over for this node")
        pieces = [
            _open_piece(node, one, _place(sender, node.code, number)) for number, one in enumerate(sealed)
        ]
        return pieces, unverified.digest
    except Refused as reason:
        raise NotAcceptable("hand_over.malformed", f"{reason.code}: {reason.detail}") from None


def _open_piece(node: Node, data: bytes, place: bytes) -> dict[str, Any]:
    sealed = read_sealed(data)
    key = node.keys.sealing(sealed.kid)
    if key is None:
        raise NotAcceptable("hand_over.malformed", "sealed to a key that is not held here; export it again")
    return dict(json.loads(sealed.open(key, place)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    """A message of the file, believed. `left_out`: how much evidence beside it did not hold."""

    content: Content
    evidence: tuple[tuple[Statement, Evidence], ...]
    left_out: int


def _verify(piece: Mapping[str, Any], state: StateCode, directory: Directory) -> _Proven:
    """The statement is its authority's, or was typed for it, and is to or from an authority of this State.

    Whoever writes the file has typed for this State: what it brings is held to what it might have said then,
    and so binds the State to nothing (`protocol.intermediary`).
    """
    said = piece["row"]
    unverified = read(said["statement"], typ=StatementType.CONTENT)
    claims = Claims(unverified.claims, code="hand_over.malformed")
    sender, at = Address(claims.text("iss")), claims.moment("iat")
    signer = Address(claims.text_or_none("via") or sender)
    parts = {name: base64url.decode(text.encode()) for name, text in piece["parts"].items()}
    try:
        key = directory.archive.signing_key(signer, unverified.kid, at, received_at=at)
        statement = verify(unverified, key)
        content = read_content(statement, parts.get("narrative"), parts.get("identity"))
        require_may_say(content.type, content.via, sender, content.coded)
        if content.via is None:
            check_unnamed(sender, key, directory)
    except Refused as reason:
        raise NotAcceptable("hand_over.malformed", f"a statement does not hold: {reason.code}") from None
    if content.via is not None and not was_mandated(
        directory,
        state=state_of(sender),
        intermediary=content.via,
        procedure=conversations.procedure_of(content.type),
        towards=state_of(content.recipient),
        parts=parts_to_be_given(content.type, content.parts),
        at=at,
    ):
        raise NotAcceptable("hand_over.malformed", "a statement was typed when no mandate covered it")
    if (
        state not in (state_of(sender), state_of(content.recipient))
        or {name: said[name] for name in _OF_THE_STATEMENT} != _claimed(content)
        or said["statement_digest"] != unverified.digest
        or datetime.fromisoformat(piece["times"]["issued_at"]) != at
    ):
        raise NotAcceptable("hand_over.malformed", "a message is not what its statement says")
    proven = [
        found
        for one in piece["evidence"]
        if (found := _evidence(str(one["token"]), NodeCode(said["sender_node"]), content, directory))
    ]
    return _Proven(content=content, evidence=tuple(proven), left_out=len(piece["evidence"]) - len(proven))


def _claimed(content: Content) -> dict[str, str | None]:
    return {
        "id": content.id,
        "case_reference": content.case,
        "thread": content.thread,
        "in_reply_to": content.in_reply_to,
        "type": content.type,
        "sender": content.sender,
        "recipient": content.recipient,
        "urgency": content.urgency,
    }


def _evidence(
    token: str, sender: NodeCode, content: Content, directory: Directory
) -> tuple[Statement, Evidence] | None:
    """None for what its issuer has not signed, or had no part in."""
    try:
        unverified = read(token, typ=StatementType.EVIDENCE)
        said = read_evidence(unverified)
        if (said.about.sender_node, said.about.id) != (sender, content.id):
            return None
        if said.about.statement_digest not in (None, content.statement_digest):
            return None
        # Which node received it nobody says but the evidence; whose act it was, the statement does.
        node = sender if "." in said.issuer else NodeCode(said.issuer)
        check_parties(said, Parties(sender_node=sender, recipient_node=node, recipient=content.recipient))
        at = said.issued_at
        key = directory.archive.signing_key(said.issuer, unverified.kid, at, received_at=at)
        return verify(unverified, key), said
    except Refused:
        return None


def _take_case(session: Session, piece: Mapping[str, Any], said: Set[Address]) -> None:
    """`said`: who says or is told something in it, which alone makes somebody a party."""
    connection = session.connection()
    reference = CaseReference(piece["reference"])
    known = cases.load_case(connection, reference)
    if known is None:
        cases.add_case(
            connection,
            reference,
            role=piece["role"],
            opened_by=Address(piece["opened_by"]),
            opened_at=datetime.fromisoformat(piece["opened_at"]),
            protection="unknown",
        )
    parties = frozenset() if known is None else known.parties
    new = {Address(one) for one in piece["parties"]} & said - parties - {Address(piece["opened_by"])}
    cases.add_parties(connection, reference, new)


def _take_message(node: Node, session: Session, piece: Mapping[str, Any], proven: _Proven) -> bool:
    connection = session.connection()
    row, times = piece["row"], {n: datetime.fromisoformat(piece["times"][n]) for n in _MESSAGE_TIMES}
    sender, message = NodeCode(row["sender_node"]), MessageId(row["id"])
    known = mailbox.find_message(connection, sender, message)
    if known is not None and known.statement_digest != row["statement_digest"]:
        raise Conflict("hand_over.differs", f"message {message} is here, and is another")
    if known is None:
        vault = node.vault.case(session, row["case_reference"])
        sealed = {
            f"{part}_sealed": vault.seal(part, base64url.decode(text.encode()), bound_to=message)
            for part, text in piece["parts"].items()
        }
        texts = {name: row[name] for name in _MESSAGE_TEXTS}
        mailbox.add_message(connection, {**texts, **times, **sealed, **_answered(node.state, row, proven)})
    for statement, one in proven.evidence:
        _keep_evidence(session, statement, one, sender, message)
    for manifest in piece["manifests"]:
        there = connection.execute(
            select(SENT_MANIFEST.c.digest).where(SENT_MANIFEST.c.digest == manifest["digest"])
        ).first()
        if there is None:
            connection.execute(insert(SENT_MANIFEST).values(**manifest, id=message))
    inbox = piece["inbox"]
    if inbox is not None and mailbox.find_inbox(connection, sender, message) is None:
        received = datetime.fromisoformat(inbox["received_at"])
        connection.execute(
            insert(INBOX).values(**{**inbox, "received_at": received}, sender_node=sender, id=message)
        )
    return known is None


def _answered(state: StateCode, row: Mapping[str, Any], proven: _Proven) -> dict[str, Any]:
    """Which way a message went and what became of it, as the receipts say that hold. Only of what nobody has
    answered the file is believed, that it waits or was given up."""
    retrieved = [one.issued_at for _, one in proven.evidence if one.kind.name == "content-retrieved"]
    if retrieved:
        answer = {"status": "retrieved", "refusal_code": None, "collected_at": retrieved[0]}
    elif state_of(proven.content.sender) != state:
        answer = {"status": "consigned", "refusal_code": None}
    else:
        answer = _said_of_ours(row, proven)
    ours = state_of(proven.content.sender) == state
    return {"collected_at": None, **answer, "direction": "out" if ours else "in"}


def _said_of_ours(row: Mapping[str, Any], proven: _Proven) -> dict[str, Any]:
    # Whoever sent it says nothing about its arrival.
    theirs = [one for _, one in proven.evidence if one.issuer != row["sender_node"]]
    if any(one.kind.name in ("content-consigned", "relay-accepted") for one in theirs):
        return {"status": "consigned", "refusal_code": None}
    refused = [one for one in theirs if one.kind.name == "consignment-failed" and not about_nothing_read(one)]
    if refused:
        return {"status": "refused", "refusal_code": refused[-1].code}
    waits = row["status"] in (*_UNANSWERED, "refused")
    return {
        "status": row["status"] if waits else "sent",
        "refusal_code": row["refusal_code"] if waits else None,
    }


def _tell_anew(
    node: Node,
    session: Session,
    thread: ThreadId,
    opening: Content | None,
    directory: Directory,
    now: datetime,
) -> None:
    """The conversation from what is here of it; one that went on here since takes in what is new.

    NotAcceptable `hand_over.malformed` when its first message opens none, or cites what is not known here.
    """
    connection = session.connection()
    if mailbox.load_thread(connection, thread) is None:
        here = mailbox.messages_of_thread(connection, thread)
        first = next((row for row in here if opening is not None and row.id == opening.id), None)
        if opening is None or first is None or first.status == "refused":
            return  # nothing counts in it
        try:
            opened = opened_by(opening, directory)
        except Refused as reason:
            raise NotAcceptable(
                "hand_over.malformed", f"conversation {thread} cannot be told anew: {reason.code}"
            ) from None
        mailbox.save_thread(connection, opened, now=now, new=True)
        if opened.due is not None:
            mailbox.set_message(
                connection,
                NodeCode(first.sender_node),
                opening.id,
                due_at=opened.due.at,
                due_basis=opened.due.basis,
            )
    rebuild(node, session, thread, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed:
    """An envelope of the file that a key here opens, and what its sender and the intermediary attested."""

    past: Past
    evidence: tuple[tuple[Statement, Evidence], ...]


def _past(node: Node, piece: Mapping[str, Any], directory: Directory, now: datetime) -> _Sealed | None:
    """None while no key here opens it, and for what does not hold: the intermediary could not look into it,
    and whoever sent it holds up no State's hand-over."""
    try:
        past = open_here(node, base64url.decode(piece["envelope"].encode()), directory, now)
    except (Refused, ValueError) as reason:
        code = reason.code if isinstance(reason, Refused) else "hand_over.malformed"
        node.log.warning("inbox.not_opened", code=code, node=piece["sender_node"], id=piece["id"])
        return None
    if past is None:
        return None
    found = (
        _evidence(str(token), past.header.sender, past.content, directory)
        for token in piece.get("evidence", ())
        if past.content is not None
    )
    return _Sealed(past=past, evidence=tuple(one for one in found if one is not None))


def _open(node: Node, session: Session, sealed: _Sealed, directory: Directory, now: datetime) -> Outcome:
    for statement, one in sealed.evidence:
        _keep_evidence(session, statement, one, sealed.past.header.sender, sealed.past.header.id)
    return take_past(node, sealed.past, directory, now)(session)


def _keep_evidence(
    session: Session, statement: Statement, one: Evidence, sender: NodeCode, message: MessageId
) -> None:
    if not mailbox.has_evidence(session.connection(), statement.digest):
        proof.store(
            session,
            statement,
            sender=sender,
            message=message,
            kind=one.kind.name,
            issuer=one.issuer,
            code=one.code,
            ours=False,
            issued_at=one.issued_at,
        )


def _take_envelope(session: Session, piece: Mapping[str, Any], now: datetime) -> None:
    connection = session.connection()
    sender, message = NodeCode(piece["sender_node"]), MessageId(piece["id"])
    if relay.find(connection, sender, message) is None:
        relay.add(
            connection,
            sender=sender,
            message=message,
            recipient=Address(piece["recipient"]),
            case=None if piece["case"] is None else CaseReference(piece["case"]),
            envelope=base64url.decode(piece["envelope"].encode()),
            now=now,
        )
