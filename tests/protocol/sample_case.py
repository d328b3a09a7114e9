"""A social inquiry between two States, as both nodes would hold it: statements, manifests, evidence."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

from protocol import evidence, statements
from protocol.base64url import decode, encode
from protocol.bundle import BundleMessage, export_bundle
from protocol.content import Draft, SignedContent, sign_content
from protocol.directory import Owner
from protocol.envelope import ClearHeader, Envelope, Outgoing, assemble
from protocol.evidence import About
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, new_case_reference
from protocol.statements import Statement, StatementType
from tests.protocol.sample_directory import IT, IT_FOCAL_POINT, RO, RO_LOCAL, World, sample_directory

CASE: CaseReference = new_case_reference(lambda count: hashlib.sha256(b"case").digest()[:count])


def message_id(name: str) -> MessageId:
    return MessageId(str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4)))


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One message and its envelope."""

    sender_node: NodeCode
    recipient_node: NodeCode
    sender: Address
    recipient: Address
    content: SignedContent
    envelope: Envelope
    id: MessageId

    @property
    def about(self) -> About:
        return About(
            sender_node=self.sender_node,
            id=self.id,
            manifest_digest=self.envelope.manifest_digest,
            statement_digest=self.content.statement.digest,
        )


def send(
    world: World,
    sender: Address,
    recipient: Address,
    type_: str,
    name: str,
    number: int = 1,
    entry: str | None = None,
) -> Sent:
    """Sign and seal a message as its node would."""
    from_node, to_node = NodeCode(sender[:2]), NodeCode(recipient[:2])
    identifier = message_id(name)
    content = sign_content(
        Draft(
            id=identifier,
            type=type_,
            case=CASE,
            thread=ThreadId(message_id("request")),
            sender=sender,
            recipient=recipient,
            coded={"reason": "example"},
            identity={"name": "a child's name, which no bundle may hold"},
            vocabulary="2026.11",
            recipient_entry=entry or world.directory.authority(RO_LOCAL).digest,
        ),
        key=world.signing[sender],
        issued_at=world.now,
        random_bytes=lambda count: hashlib.shake_256(name.encode()).digest(count),
    )
    sealing = world.directory.sealing_key(to_node, "content", world.now)
    envelope = assemble(
        Outgoing(
            kind="content",
            id=identifier,
            sender=sender,
            recipient=recipient,
            statements=(content.statement.token,),
            identity=content.identity,
        ),
        clear=ClearHeader(
            sender=from_node,
            recipient=to_node,
            id=identifier,
            sent_at=world.now,
            epoch="2026-11-24",
            sequence=number,
            suite=str(sealing.suite),
            key=sealing.kid,
        ),
        node_key=world.signing[from_node],
        sealing_key=sealing,
        identity_key=world.directory.sealing_key(to_node, "identity", world.now),
    )
    return Sent(
        sender_node=from_node,
        recipient_node=to_node,
        sender=sender,
        recipient=recipient,
        content=content,
        envelope=envelope,
        id=identifier,
    )


def attest(
    world: World,
    kind: str,
    issuer: Owner,
    about: About,
    previous: Statement | None = None,
    code: str | None = None,
) -> Statement:
    """Evidence by whoever is asked to sign it, entitled or not: the claims are as `evidence.issue` writes
    them.
    """
    claims = {
        "iss": issuer,
        "iat": int(world.now.timestamp()),
        "kind": kind,
        "message": {
            "sender": about.sender_node,
            "id": about.id,
            "statement": about.statement_digest,
            "manifest": about.manifest_digest,
        },
        "previous": previous.digest if previous else None,
        "directory": world.directory.snapshot.digest,
        "vocabulary": "2026.11",
        "code": code,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return statements.issue(StatementType.EVIDENCE, claims, world.signing[issuer])


def delivered(world: World, sent: Sent) -> list[Statement]:
    """Submission, consignment and retrieval, a minute apart, each signed as it should be."""
    links: list[Statement] = []
    for kind, issuer in (
        ("submission-accepted", sent.sender_node),
        ("content-consigned", sent.recipient_node),
        ("content-retrieved", sent.recipient),
    ):
        # The recipient's side never saw the sender's own submission evidence.
        previous = links[-1].digest if kind == "content-retrieved" else None
        links.append(
            evidence.issue(
                kind,
                about=sent.about,
                issuer=issuer,
                previous=previous,
                directory=world.directory.snapshot.digest,
                vocabulary="2026.11",
                issued_at=world.now,
                key=world.signing[issuer],
            )
        )
        world.wait(minutes=1)
    return links


@dataclass(kw_only=True)
class Case:
    """A request and its report, days apart, with a rotation of two keys between them."""

    world: World
    messages: list[BundleMessage]

    def export(self, exporter: NodeCode = IT) -> bytes:
        return export_bundle(
            exporter=exporter,
            case=CASE,
            directory=self.world.directory,
            messages=self.messages,
            snapshots=self.world.snapshots,
            exported_at=self.world.now,
            key=self.world.signing[exporter],
        )


def held(sent: Sent, links: list[Statement]) -> BundleMessage:
    return BundleMessage(
        sender_node=sent.sender_node,
        id=sent.id,
        statement=sent.content.statement.token,
        manifests=(sent.envelope.manifest.token,),
        evidence=tuple(link.token for link in links),
    )


def sample_case() -> Case:
    world = sample_directory()
    request = send(world, IT_FOCAL_POINT, RO_LOCAL, "social-inquiry.request", "request")
    requested = held(request, delivered(world, request))
    for turn in (2, 3, 4):  # three rotations lie between the request and the report
        world.wait(days=15)
        for owner in (RO_LOCAL, RO, IT):
            world.rotate(owner, f"{owner}-{turn}", overlap=timedelta(days=10))
        world.refresh()
    report = send(world, RO_LOCAL, IT_FOCAL_POINT, "social-inquiry.report", "report")
    return Case(world=world, messages=[requested, held(report, delivered(world, report))])


def tampered(token: str) -> str:
    """The same token with one character of its claims changed, still well-formed."""
    header, _, signature = token.split(".")
    claims = statements_claims(token)
    position = claims.index(b"2026.11")
    return f"{header}.{encode(claims[:position] + b'2026.12' + claims[position + 7 :]).decode()}.{signature}"


def statements_claims(token: str) -> bytes:
    return decode(token.split(".")[1].encode())
