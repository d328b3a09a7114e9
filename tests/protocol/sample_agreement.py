"""A durable solution between two States, from its documents to an agreement and the one that amends it.

Signed statements and evidence, without the envelopes that carried them: `Story.said` has every message as a
node holds it, `Story.export` the file. The coded parts are made up, and shorter than the forms ask for.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol import evidence
from protocol.agreement import ACCEPTANCE, Agreement, agreement_bytes, agreement_digest, sign
from protocol.bundle import BundleMessage, export_bundle
from protocol.content import Content, Draft, read_content, sign_content
from protocol.evidence import About
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, new_case_reference
from protocol.statements import LocalSigningKey
from tests.protocol.sample_directory import IT, IT_FOCAL_POINT, RO_FOCAL_POINT, World, sample_directory

CASE: CaseReference = new_case_reference(lambda count: hashlib.sha256(b"agreement").digest()[:count])
DOCUMENTS = {
    "social_inquiries": ("social-inquiry.report", RO_FOCAL_POINT),
    "risk_assessment": ("risk-assessment.final", IT_FOCAL_POINT),
    "child_views": ("child-views.record", IT_FOCAL_POINT),
    "guardian_notice": ("guardian.notice", IT_FOCAL_POINT),
    "best_interests": ("best-interests.summary", IT_FOCAL_POINT),
}
"""Name in `rests_on`: the form, and who says it."""


def message_id(name: str) -> MessageId:
    return MessageId(
        str(uuid.UUID(bytes=hashlib.sha256(f"agreement:{name}".encode()).digest()[:16], version=4))
    )


@dataclass(kw_only=True)
class Story:
    """Every message of the case, in order, with the world in which it was said."""

    world: World = field(default_factory=sample_directory)
    contents: dict[str, Content] = field(default_factory=dict)
    said: dict[str, BundleMessage] = field(default_factory=dict)

    def say(
        self,
        name: str,
        type_: str,
        sender: Address,
        coded: Mapping[str, Any],
        *,
        thread: str | None = None,
        in_reply_to: str | None = None,
        outcome: str = "content-consigned",
    ) -> Content:
        """Sign a message, attest that it was accepted and what became of it."""
        world = self.world
        recipient = RO_FOCAL_POINT if sender.startswith("it.") else IT_FOCAL_POINT
        signed = sign_content(
            Draft(
                id=message_id(name),
                type=type_,
                case=CASE,
                thread=ThreadId(message_id(thread or name)),
                in_reply_to=None if in_reply_to is None else message_id(in_reply_to),
                sender=sender,
                recipient=recipient,
                coded=dict(coded),
                identity={"name": "a child's name, which no export may hold"},
                vocabulary="2026.11",
                recipient_entry=world.directory.authority(recipient).digest,
            ),
            key=world.signing[sender],
            issued_at=world.now,
            random_bytes=lambda count: hashlib.shake_256(name.encode()).digest(count),
        )
        nodes = NodeCode(sender[:2]), NodeCode(recipient[:2])
        about = About(
            sender_node=nodes[0],
            id=message_id(name),
            manifest_digest=None,
            statement_digest=signed.statement.digest,
        )
        links = []
        for kind, issuer in (("submission-accepted", nodes[0]), (outcome, nodes[1])):
            links.append(
                evidence.issue(
                    kind,
                    about=about,
                    issuer=issuer,
                    previous=None,
                    directory=world.directory.snapshot.digest,
                    vocabulary="2026.11",
                    issued_at=world.now,
                    code="conversation.not_allowed_now" if kind == "consignment-failed" else None,
                    key=world.signing[issuer],
                )
            )
            world.wait(minutes=1)
        self.said[name] = BundleMessage(
            sender_node=nodes[0],
            id=message_id(name),
            statement=signed.statement.token,
            manifests=(),
            evidence=tuple(link.token for link in links),
        )
        self.contents[name] = read_content(signed.statement, None, signed.identity)
        return self.contents[name]

    def document(self, name: str, *, version: int = 1) -> Content:
        type_, sender = DOCUMENTS[name]
        return self.say(f"{name}-{version}", type_, sender, {"reason": "example", "edition": version})

    def propose(
        self,
        name: str,
        sender: Address,
        *,
        documents: Mapping[str, Content],
        thread: str | None = None,
        in_reply_to: str | None = None,
        amends: str | None = None,
    ) -> Content:
        inquiry = documents["social_inquiries"].statement_digest
        coded = {
            "terms": {
                "solution": "return/to-family",
                "receiving_country": "RO",
                "receiving_carer": {"reference": "carer-1", "agreement_shown_in": inquiry},
                "legal_basis": "für die Probe: é, ж, ع, 中",
            },
            "rests_on": {
                "social_inquiries": [inquiry],
                **{
                    kind: document.statement_digest
                    for kind, document in documents.items()
                    if kind != "social_inquiries"
                },
            },
        }
        if amends is not None:
            coded["amends"] = amends  # type: ignore[assignment]
        type_ = "durable-solution.proposal" if in_reply_to is None else "durable-solution.counter-proposal"
        return self.say(name, type_, sender, coded, thread=thread, in_reply_to=in_reply_to)

    def accept(
        self,
        version: str,
        sender: Address,
        *,
        key: LocalSigningKey | None = None,
        payload: bytes | None = None,
        name: str | None = None,
        thread: str = "proposal",
        outcome: str = "content-consigned",
    ) -> Content:
        proposal = self.contents[version]
        signature = sign(payload or agreement_bytes(proposal), key or self.world.signing[sender])
        return self.say(
            name or f"{version}-accepted-by-{sender[:2]}",
            ACCEPTANCE,
            sender,
            {"agreement": agreement_digest(proposal), "signature": signature},
            thread=thread,
            in_reply_to=version,
            outcome=outcome,
        )

    def agreement(self, version: str) -> Agreement:
        return Agreement.of(self.contents[version], self.contents.values())

    def export(
        self, version: str = "counter", *, names: Iterable[str] | None = None, **changes: Any
    ) -> bytes:
        wanted = list(self.said) if names is None else list(names)
        arguments: dict[str, Any] = {
            "exporter": IT,
            "case": CASE,
            "directory": self.world.directory,
            "messages": [message for name, message in self.said.items() if name in wanted],
            "snapshots": self.world.snapshots,
            "exported_at": self.world.now,
            "key": self.world.signing[IT],
        }
        if "agreement" not in changes:
            changes["agreement"] = self.agreement(version)
        return export_bundle(**{**arguments, **changes})


def proposed() -> Story:
    """The documents, a proposal by Italy, a counter-proposal by Romania."""
    story = Story()
    documents = {name: story.document(name) for name in DOCUMENTS}
    story.propose("proposal", IT_FOCAL_POINT, documents=documents)
    story.propose("counter", RO_FOCAL_POINT, documents=documents, thread="proposal", in_reply_to="proposal")
    return story


def agreed() -> Story:
    """As `proposed`, and both accept the counter-proposal."""
    story = proposed()
    story.accept("counter", IT_FOCAL_POINT)
    story.accept("counter", RO_FOCAL_POINT)
    return story


def amended() -> Story:
    """As `agreed`, and a month later a new risk assessment and an agreement that takes the other's place."""
    story = agreed()
    documents = {name: story.contents[f"{name}-1"] for name in DOCUMENTS}
    documents["risk_assessment"] = story.document("risk_assessment", version=2)
    story.propose(
        "amendment",
        IT_FOCAL_POINT,
        documents=documents,
        thread="proposal",
        in_reply_to="counter",
        amends=story.agreement("counter").digest,
    )
    story.accept("amendment", RO_FOCAL_POINT)
    story.accept("amendment", IT_FOCAL_POINT)
    return story
