"""What travels: a manifest signed by the sending node, and sealed parts.

    {"manifest": "<JWS>", "parts": {"header": "<JWE>", "statement": "<JWE>", "narrative": …, "identity": …}}
    {"manifest": "<JWS>", "parts": {"header": "<JWE>", "blob": "<JWE>"}}

The manifest holds the clear header and the SHA-256 and size of each sealed part. A part stands in the
envelope as a *string*, so that its bytes are hashed exactly as they came and nothing is written anew to check
a signature. The clear header is all that the hub and a relay see. It tells neither authority, case, procedure
nor deadline, nor whether this is a message, a receipt or a refusal; number and padded size of the parts show.

`assemble` makes an envelope; `parse` takes one apart and believes nothing. Belief is earned in
`protocol.opening`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from protocol import base64url
from protocol.attachments import ChunkPlace
from protocol.claims import Claims, seconds_of
from protocol.errors import CannotOpen, NotAcceptable, Unauthenticated
from protocol.identifiers import (
    Address,
    MessageId,
    NodeCode,
    parse_address,
    parse_message_id,
    parse_node_code,
)
from protocol.json_strict import Json, dumps, parse_object
from protocol.limits import MAX_STATEMENTS, Limits
from protocol.sealing import SealingPublicKey, seal, sealed_size
from protocol.statements import (
    SigningKey,
    Statement,
    StatementType,
    Unverified,
    digest,
    issue,
    read,
)

__all__ = [
    "PART_NAMES",
    "PROTOCOL_VERSION",
    "ClearHeader",
    "Envelope",
    "Kind",
    "Limits",
    "Outgoing",
    "SealedHeader",
    "UnverifiedEnvelope",
    "assemble",
    "parse",
]

PROTOCOL_VERSION = "1.0"
PART_NAMES = ("header", "statement", "narrative", "identity", "blob")

type Kind = Literal["content", "evidence", "reconciliation", "blob", "returned"]

_KINDS: tuple[Kind, ...] = ("content", "evidence", "reconciliation", "blob", "returned")
_SEVERAL: tuple[Kind, ...] = ("evidence", "returned")
_MAJOR, _MINOR = 1, 0
_VERSION = re.compile(r"(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})", re.ASCII)
_EPOCH = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_CLEAR_MEMBERS = frozenset(
    {"version", "from", "to", "id", "sent_at", "epoch", "sequence", "suite", "key", "crit"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearHeader:
    """What everybody on the way can read.

    `sent_at`: aware UTC, whole seconds. `epoch` and `sequence`: place in the channel from sender to
    recipient, from 1; 0 for a reconciliation, which stands outside the numbers. `suite` and `key`: the
    recipient *node's* sealing key for header, statement and narrative. `unknown`: members of a newer minor
    version, kept; `critical`: those that must be understood.
    """

    version: str = PROTOCOL_VERSION
    sender: NodeCode
    recipient: NodeCode
    id: MessageId
    sent_at: datetime
    epoch: str
    sequence: int
    suite: str
    key: str
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)
    critical: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The header as the manifest holds it. What was received is not written anew: its bytes are kept."""
        members: Json = {
            "version": self.version,
            "from": self.sender,
            "to": self.recipient,
            "id": self.id,
            "sent_at": seconds_of(self.sent_at),
            "epoch": self.epoch,
            "sequence": self.sequence,
            "suite": self.suite,
            "key": self.key,
            **self.unknown,
        }
        if self.critical:
            members["crit"] = list(self.critical)
        return dumps(members)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHeader:
    """What the recipient's node needs to know before it opens the rest.

    `sender` and `recipient`: authorities, for `content` alone. `statements`: digests of what the statement
    part holds, in its order. `blob`: the place of the one chunk that a blob carries in place of statements.
    """

    kind: Kind
    id: MessageId
    sender: Address | None
    recipient: Address | None
    statements: tuple[str, ...]
    blob: ChunkPlace | None = None

    def to_bytes(self) -> bytes:
        members: Json = {"kind": self.kind, "jti": self.id}
        if self.sender is not None and self.recipient is not None:
            members |= {"iss": self.sender, "aud": self.recipient}
        if self.blob is not None:
            return dumps(members | {"blob": self.blob.to_json()})
        return dumps(members | {"statements": list(self.statements)})

    @classmethod
    def from_bytes(cls, data: bytes, limits: Limits) -> SealedHeader:
        """Refuses `envelope.sealed_header`, as `CannotOpen`."""
        members = parse_object(data, max_bytes=limits.part("header"), refuse=CannotOpen)
        claims = Claims(members, code="envelope.sealed_header", refuse=CannotOpen)
        kind = claims.text("kind")
        if kind not in _KINDS:
            raise claims.wrong("kind", f"one of {', '.join(_KINDS)}")
        statements = claims.texts("statements")
        if kind == "blob":
            if statements:
                raise claims.wrong("statements", "none with a blob")
        elif not 1 <= len(statements) <= (MAX_STATEMENTS if kind in _SEVERAL else 1):
            raise claims.wrong("statements", "one digest, or several for evidence and what is returned")
        if not all(_DIGEST.fullmatch(one) for one in statements):
            raise claims.wrong("statements", "digests")
        ends = [claims.text_or_none("iss"), claims.text_or_none("aud")]
        if any((end is not None) != (kind == "content") for end in ends):
            raise claims.wrong("iss", "`iss` and `aud` for content, and for content alone")
        try:
            addresses = [None if end is None else parse_address(end) for end in ends]
            message = parse_message_id(claims.text("jti"))
        except NotAcceptable:
            raise claims.wrong("jti", "addresses and a message id") from None
        return cls(
            kind=kind,
            id=message,
            sender=addresses[0],
            recipient=addresses[1],
            statements=statements,
            blob=ChunkPlace.from_claims(claims.inside("blob")) if kind == "blob" else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What goes into one envelope: one content, one reconciliation, receipts (evidence) for one peer, one
    chunk of an attachment and its place, or a message given back to who sent it (`protocol.returned`).

    `statements`: tokens as signed. `narrative` and `identity`: part bytes, salt inside.
    """

    kind: Kind
    id: MessageId
    sender: Address | None = None
    recipient: Address | None = None
    statements: tuple[str, ...]
    narrative: bytes | None = field(default=None, repr=False)
    identity: bytes | None = field(default=None, repr=False)
    blob: ChunkPlace | None = None
    chunk: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope whose manifest is known to be its sender's. `data`: as it travels; `parts`: sealed."""

    data: bytes = field(repr=False)
    manifest: Statement
    header: ClearHeader
    header_digest: bytes
    parts: Mapping[str, bytes] = field(hash=False, repr=False)

    @property
    def manifest_digest(self) -> str:
        """Names this envelope: unguessable, unlike the message id."""
        return self.manifest.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedEnvelope:
    """An envelope taken apart, not believed. `claimed`: digest and size of each part, says its manifest."""

    data: bytes = field(repr=False)
    manifest: Unverified
    header: ClearHeader
    header_digest: bytes
    parts: Mapping[str, bytes] = field(hash=False, repr=False)
    claimed: Mapping[str, tuple[str, int]] = field(hash=False)


def assemble(
    outgoing: Outgoing,
    *,
    clear: ClearHeader,
    node_key: SigningKey,
    sealing_key: SealingPublicKey,
    identity_key: SealingPublicKey | None,
    narrative_key: SealingPublicKey | None = None,
    limits: Limits | None = None,
) -> Envelope:
    """Seal the parts, each alone, and sign the manifest.

    `limits`: those of the recipient's directory entry. Refuses `content.too_large` above them, and
    `directory.no_recipient_key` for an identity part or a chunk without a key of its own: they are
    never sealed to a key that more can open. Raises `ValueError` when `clear` names another key or id than it
    is given: our fault.
    """
    if (clear.key, clear.suite, clear.id) != (sealing_key.kid, sealing_key.suite, outgoing.id):
        raise ValueError("the clear header names another sealing key or message id")
    header_bytes = clear.to_bytes()
    header_digest = hashlib.sha256(header_bytes).digest()
    sealed_header = SealedHeader(
        kind=outgoing.kind,
        id=outgoing.id,
        sender=outgoing.sender,
        recipient=outgoing.recipient,
        statements=tuple(digest(token.encode("ascii")) for token in outgoing.statements),
        blob=outgoing.blob,
    )
    plain = {
        "header": sealed_header.to_bytes(),
        # A token has no line break, so one between two tokens needs no quoting and no parser.
        "statement": "\n".join(outgoing.statements).encode("ascii") if outgoing.statements else None,
        "narrative": outgoing.narrative,
        "identity": outgoing.identity,
        "blob": outgoing.chunk,
    }
    limits = limits or Limits()
    parts: dict[str, bytes] = {}
    for name, part in plain.items():
        if part is None:
            continue
        if len(part) > limits.part(name):
            raise NotAcceptable(
                "content.too_large", f"expected at most {limits.part(name)} bytes", field=f"/{name}"
            )
        key = identity_key if name in ("identity", "blob") else sealing_key
        if name == "narrative" and narrative_key is not None:
            key = narrative_key
        if key is None:
            raise NotAcceptable("directory.no_recipient_key", "the recipient lists no key for identity parts")
        parts[name] = seal(part, to=key, header_digest=header_digest)
    manifest = issue(
        StatementType.MANIFEST,
        {
            "header": base64url.encode(header_bytes).decode(),
            "parts": {name: {"sha256": digest(part), "size": len(part)} for name, part in parts.items()},
        },
        node_key,
    )
    text = {name: part.decode("ascii") for name, part in parts.items()}
    return Envelope(
        data=dumps({"manifest": manifest.token, "parts": text}),
        manifest=manifest,
        header=clear,
        header_digest=header_digest,
        parts=parts,
    )


def parse(data: bytes, limits: Limits | None = None) -> UnverifiedEnvelope:
    """Take an envelope apart.

    Refuses, as `Unauthenticated`: `envelope.too_large`, `envelope.malformed`, `envelope.version` (not within
    one minor version of ours), and the codes of `json_strict` and `statements.read`.
    """
    limits = limits or Limits()
    if len(data) > limits.envelope:
        raise Unauthenticated(
            "envelope.too_large", f"expected at most {limits.envelope} bytes, came {len(data)}"
        )
    body = parse_object(data, max_bytes=limits.envelope, max_depth=2, refuse=Unauthenticated)
    token, texts = body.get("manifest"), body.get("parts")
    if body.keys() != {"manifest", "parts"} or not isinstance(token, str) or not isinstance(texts, dict):
        raise Unauthenticated("envelope.malformed", "expected a manifest and parts alone")
    parts = {name: _part(name, text, limits) for name, text in texts.items()}
    manifest = read(token, typ=StatementType.MANIFEST, max_bytes=limits.manifest, refuse=Unauthenticated)
    claims = Claims(manifest.claims, code="envelope.malformed", refuse=Unauthenticated)
    claimed = _claimed(claims.inside("parts"))
    if claimed.keys() != parts.keys() or not _of_one_kind(parts.keys()):
        raise Unauthenticated("envelope.malformed", "the parts are not those that the manifest lists")
    try:
        header_bytes = base64url.decode(claims.text("header").encode())
    except ValueError:
        raise claims.wrong("header", "base64url") from None
    return UnverifiedEnvelope(
        data=data,
        manifest=manifest,
        header=_clear_header(header_bytes, limits),
        header_digest=hashlib.sha256(header_bytes).digest(),
        parts=parts,
        claimed=claimed,
    )


def _of_one_kind(names: Set[str]) -> bool:
    return names == {"header", "blob"} or ("blob" not in names and {"header", "statement"} <= names)


def _part(name: str, text: object, limits: Limits) -> bytes:
    if name not in PART_NAMES or not isinstance(text, str) or not text.isascii():
        raise Unauthenticated("envelope.malformed", "expected known parts, each a string")
    if len(text) > sealed_size(limits.part(name)):
        raise Unauthenticated("envelope.too_large", f"the {name} part is larger than its limit")
    return text.encode("ascii")


def _claimed(claims: Claims) -> dict[str, tuple[str, int]]:
    names = [name for name, _ in claims.members()]
    if not set(names) <= set(PART_NAMES):
        raise Unauthenticated("envelope.malformed", "expected known parts alone", field="/parts")
    records = {name: claims.inside(name) for name in names}
    return {name: (record.text("sha256"), record.integer("size")) for name, record in records.items()}


def _clear_header(data: bytes, limits: Limits) -> ClearHeader:
    members = parse_object(data, max_bytes=limits.manifest, refuse=Unauthenticated)
    claims = Claims(members, code="envelope.malformed", at="/header", refuse=Unauthenticated)
    version = claims.text("version")
    _check_version(version)
    sequence = claims.integer("sequence")
    epoch = claims.text("epoch")
    if not _EPOCH.fullmatch(epoch):
        raise claims.wrong("epoch", "letters, digits, `-` and `_`")
    try:
        sender, recipient = parse_node_code(claims.text("from")), parse_node_code(claims.text("to"))
        message = parse_message_id(claims.text("id"))
    except NotAcceptable as reason:
        raise claims.wrong(reason.code.rpartition(".")[2], reason.detail) from None
    return ClearHeader(
        version=version,
        sender=sender,
        recipient=recipient,
        id=message,
        sent_at=claims.moment("sent_at"),
        epoch=epoch,
        sequence=sequence,
        suite=claims.text("suite"),
        key=claims.text("key"),
        unknown={name: value for name, value in members.items() if name not in _CLEAR_MEMBERS},
        critical=claims.texts("crit"),
    )


def _check_version(version: str) -> None:
    found = _VERSION.fullmatch(version)
    if found is None or int(found[1]) != _MAJOR or abs(int(found[2]) - _MINOR) > 1:
        raise Unauthenticated(
            "envelope.version", f"expected a version within one minor step of {PROTOCOL_VERSION}"
        )
