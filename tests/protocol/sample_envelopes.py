"""Envelopes from `it` to `ro` in the sample directory, for tests that open, change and forge them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from protocol.content import Draft, NarrativeBlock, SignedContent, sign_content
from protocol.envelope import ClearHeader, Envelope, Outgoing, assemble
from protocol.identifiers import MessageId, ThreadId, new_case_reference
from protocol.sealing import SealingPrivateKey
from protocol.statements import LocalSigningKey, StatementType, sign
from tests.protocol.sample_directory import (
    IT,
    IT_FOCAL_POINT,
    NOW,
    RO,
    RO_LOCAL,
    seeded_key,
    seeded_sealing_key,
)

MESSAGE = MessageId("6f7b3a52-04a2-4d4c-9d0c-7a3f0e1d2c3b")
IT_KEY = seeded_key("it-node-1")
AUTHORITY_KEY = seeded_key(f"{IT_FOCAL_POINT}-1")
RO_CONTENT = seeded_sealing_key("ro-content-1")
RO_IDENTITY = seeded_sealing_key("ro-identity-1")

DRAFT = Draft(
    id=MESSAGE,
    type="social-inquiry.request",
    case=new_case_reference(lambda count: bytes(range(count))),
    thread=ThreadId(MESSAGE),
    sender=IT_FOCAL_POINT,
    recipient=RO_LOCAL,
    coded={"purpose": "family-tracing"},
    narrative=(NarrativeBlock(field="reasons", language="it", text="Ha uno zio a Iași."),),
    identity={"given_name": "Example"},
    urgency="ordinary",
    declares_no_danger=True,
    vocabulary="2026.11",
)


def zeros(count: int) -> bytes:
    return bytes(count)


def signed_content(
    draft: Draft = DRAFT, *, key: LocalSigningKey = AUTHORITY_KEY, issued_at: datetime = NOW
) -> SignedContent:
    return sign_content(draft, key=key, issued_at=issued_at, random_bytes=zeros)


def outgoing_content(
    draft: Draft = DRAFT, *, signed: SignedContent | None = None, **changes: Any
) -> Outgoing:
    signed = signed or signed_content(draft)
    return replace(
        Outgoing(
            kind="content",
            id=draft.id,
            sender=draft.sender,
            recipient=draft.recipient,
            statements=(signed.statement.token,),
            narrative=signed.narrative,
            identity=signed.identity,
        ),
        **changes,
    )


def clear_header(**changes: Any) -> ClearHeader:
    header = ClearHeader(
        sender=IT,
        recipient=RO,
        id=MESSAGE,
        sent_at=NOW,
        epoch="000000000001",
        sequence=1,
        suite=RO_CONTENT.suite,
        key=RO_CONTENT.kid,
    )
    return replace(header, **changes)


def envelope(
    *,
    outgoing: Outgoing | None = None,
    clear: ClearHeader | None = None,
    node_key: LocalSigningKey = IT_KEY,
    sealing_key: SealingPrivateKey = RO_CONTENT,
    identity_key: SealingPrivateKey = RO_IDENTITY,
) -> Envelope:
    return assemble(
        outgoing or outgoing_content(),
        clear=clear or clear_header(),
        node_key=node_key,
        sealing_key=sealing_key.public,
        identity_key=identity_key.public,
    )


def receipt(signer: str = "it", key: LocalSigningKey = IT_KEY, **claims: Any) -> str:
    """A statement of evidence as far as opening looks at it."""
    said = {"iss": signer, "iat": int(NOW.timestamp()), "kind": "content-consigned", **claims}
    return sign(StatementType.EVIDENCE, said, key)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """The sealing keys of `ro`, as `opening.Keys`."""

    keys: Mapping[str, SealingPrivateKey] = field(
        default_factory=lambda: {key.kid: key for key in (RO_CONTENT, RO_IDENTITY)}
    )

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        return self.keys.get(kid)

    def current_sealing_kid(self, purpose: Literal["content", "identity"] = "content", /) -> str:
        return f"ro-{purpose}-2"
