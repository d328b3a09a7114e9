"""Envelopes that a dishonest or mistaken member could make: everything right, save the one thing asked for.

forger.envelope()                               a good one, from `it` to `ro`: it is taken
forger.envelope(node_key=somebody_elses)        the same, with another signature on the manifest
forger.envelope(sealed=lambda header: …)        the same, with another sealed header
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from protocol import base64url
from protocol.content import Draft, NarrativeBlock, SignedContent, sign_content
from protocol.envelope import ClearHeader, SealedHeader
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId, new_case_reference
from protocol.json_strict import dumps
from protocol.sealing import SealingPublicKey, seal
from protocol.statements import LocalSigningKey, StatementType, digest, issue
from protocol.vocabularies import RELEASE
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import IT_FOCAL_POINT, RO_FOCAL_POINT

__all__ = ["Forger", "new_case", "new_id", "raw_statement", "written"]


def new_id() -> MessageId:
    return MessageId(str(uuid.uuid4()))


def new_case() -> CaseReference:
    return new_case_reference(secrets.token_bytes)


def raw_statement(typ: StatementType, payload: bytes, key: LocalSigningKey) -> str:
    """A statement over claims that our own writer would never write."""
    header = dumps({"alg": "Ed25519", "kid": key.kid, "typ": str(typ)})
    signed = base64url.encode(header) + b"." + base64url.encode(payload)
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


@dataclass(frozen=True, kw_only=True)
class Forger:
    """Holds `it`'s keys, and what is public of `ro`."""

    now: datetime
    node_key: LocalSigningKey
    authority_key: LocalSigningKey
    content_key: SealingPublicKey
    identity_key: SealingPublicKey
    sender: Address = IT_FOCAL_POINT
    recipient: Address = RO_FOCAL_POINT
    epoch: str = "forged-epoch"

    def draft(self, type_: str = "case.notification", **changes: Any) -> Draft:
        content = sample(type_)
        id_ = changes.pop("id", None) or new_id()
        made = Draft(
            id=id_,
            type=type_,
            case=changes.pop("case", None) or new_case(),
            thread=ThreadId(id_),
            sender=self.sender,
            recipient=self.recipient,
            coded=content.coded,
            narrative=tuple(
                NarrativeBlock(field=block.field, language=block.language, text=block.text)
                for block in content.narrative
            ),
            identity=content.identity,
            declares_no_danger=True,
            vocabulary=RELEASE,
        )
        return replace(made, **changes)

    def signed(
        self, draft: Draft, *, key: LocalSigningKey | None = None, at: datetime | None = None
    ) -> SignedContent:
        return sign_content(
            draft,
            key=key or self.authority_key,
            issued_at=at or self.now,
            random_bytes=secrets.token_bytes,
        )

    def envelope(
        self,
        draft: Draft | None = None,
        *,
        signed: SignedContent | None = None,
        token: str | None = None,
        narrative: bytes | None = None,
        sealed: Callable[[SealedHeader], SealedHeader] = lambda header: header,
        sealed_bytes: Callable[[bytes], bytes] = lambda header: header,
        clear: Callable[[ClearHeader], ClearHeader] = lambda header: header,
        clear_bytes: Callable[[bytes], bytes] = lambda header: header,
        manifest: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims,
        parts: Callable[[dict[str, bytes]], dict[str, bytes]] = lambda parts: parts,
        node_key: LocalSigningKey | None = None,
        content_key: SealingPublicKey | None = None,
    ) -> bytes:
        """`token` and `narrative` replace what `signed` has; the others change what they are named for."""
        draft = draft or self.draft()
        signed = signed or self.signed(draft)
        token = token or signed.statement.token
        content_key = content_key or self.content_key
        header = clear(
            ClearHeader(
                sender=NodeCode("it"),
                recipient=NodeCode("ro"),
                id=draft.id,
                sent_at=self.now,
                epoch=self.epoch,
                sequence=1,
                suite=content_key.suite,
                key=content_key.kid,
            )
        )
        header_bytes = clear_bytes(header.to_bytes())
        header_digest = hashlib.sha256(header_bytes).digest()
        inner = sealed(
            SealedHeader(
                kind="content",
                id=draft.id,
                sender=draft.sender,
                recipient=draft.recipient,
                statements=(digest(token.encode()),),
            )
        )
        plain = {
            "header": sealed_bytes(inner.to_bytes()),
            "statement": token.encode(),
            "narrative": narrative or signed.narrative,
            "identity": signed.identity,
        }
        made = parts(
            {
                name: seal(
                    part,
                    to=self.identity_key if name == "identity" else content_key,
                    header_digest=header_digest,
                )
                for name, part in plain.items()
                if part is not None
            }
        )
        claims = manifest(
            {
                "header": base64url.encode(header_bytes).decode(),
                "parts": {name: {"sha256": digest(part), "size": len(part)} for name, part in made.items()},
            }
        )
        statement = issue(StatementType.MANIFEST, claims, node_key or self.node_key)
        return written(statement.token, made)

    def good(self) -> bytes:
        return self.envelope()


def written(manifest: str, parts: dict[str, bytes]) -> bytes:
    return dumps({"manifest": manifest, "parts": {name: part.decode() for name, part in parts.items()}})
