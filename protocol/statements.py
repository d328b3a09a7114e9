"""The one signed thing: what somebody vouches for, as a compact JWS.

`alg` is always `Ed25519` (RFC 9864), `typ` says which kind of statement it is and is named by the verifier,
and `kid` says whose key. Nothing is negotiated and nothing is canonicalised: what is signed is the bytes as
written, and the token is kept as received.

    unverified = read(token, typ=StatementType.CONTENT)     # shape only; believe nothing yet
    statement = verify(unverified, key)                     # from here on its claims are its signer's

Where several sign the same bytes (a charter, an admission), each writes a detached JWS with unencoded payload
(RFC 7797): `cosign`, `CoSigned`, `verify_threshold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

from protocol import base64url
from protocol.errors import NotAcceptable, Refused
from protocol.json_strict import Json, dumps, parse_object
from protocol.signing_keys import (
    ALGORITHM,
    LocalSigningKey,
    SigningKey,
    VerifyKey,
    digest,
    is_kid,
    thumbprint_kid,
)

__all__ = [
    "MAX_STATEMENT_BYTES",
    "CoSigned",
    "LocalSigningKey",
    "SigningKey",
    "Statement",
    "StatementType",
    "Unverified",
    "VerifyKey",
    "cosign",
    "cosigner_kid",
    "digest",
    "issue",
    "read",
    "sign",
    "thumbprint_kid",
    "verify",
    "verify_threshold",
]

MAX_STATEMENT_BYTES = 131_072
"""Bytes of a token, unless the caller knows a tighter bound: room for a full coded part in base64."""
MAX_COSIGNATURES = 64
_MAX_PROTECTED_BYTES = 256
_SIGNATURE_BYTES = 64


class StatementType(StrEnum):
    """The `typ` of each kind of statement. A statement of one kind is never read as another."""

    CONTENT = "fp-content+jws"
    MANIFEST = "fp-manifest+jws"
    EVIDENCE = "fp-evidence+jws"
    STATE_ENTRY = "entity-statement+jwt"
    SNAPSHOT = "fp-snapshot+jws"
    RECONCILIATION = "fp-reconciliation+jws"
    CHARTER = "fp-charter+jws"
    ADMISSION = "fp-admission+jws"
    CORRIDOR = "fp-corridor+jws"
    BUNDLE_INDEX = "fp-bundle-index+jws"
    AGREEMENT = "fp-agreement+jws"
    HAND_OVER = "fp-hand-over+jws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """What a token says before anybody knows whether it is true."""

    typ: StatementType
    kid: str
    claims: Json
    token: str
    digest: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the holder of `kid` said. Whose key that is, and whether it may say so, the directory knows.

    `token` is the text as received; `digest` names it (SHA-256 of its ASCII bytes).
    """

    typ: StatementType
    kid: str
    claims: Json
    token: str
    digest: str


def sign(typ: StatementType, claims: Mapping[str, Any], key: SigningKey) -> str:
    """The token of a new statement. The claims are written once, in their given order."""
    signed = _protected(typ, key.kid) + b"." + base64url.encode(dumps(claims))
    return (signed + b"." + base64url.encode(key.sign(signed))).decode()


def issue(typ: StatementType, claims: Mapping[str, Any], key: SigningKey) -> Statement:
    """A new statement of our own, which needs no verifying."""
    token = sign(typ, claims, key)
    return Statement(
        typ=typ, kid=key.kid, claims=dict(claims), token=token, digest=digest(token.encode("ascii"))
    )


def read(
    token: str | bytes,
    *,
    typ: StatementType,
    max_bytes: int = MAX_STATEMENT_BYTES,
    refuse: type[Refused] = NotAcceptable,
) -> Unverified:
    """Take a token apart without believing it.

    Refuses, as a `refuse`: `statement.too_large` (over `max_bytes`), `statement.malformed`,
    `statement.algorithm` (any but Ed25519, or any header member that asks for more), `statement.wrong_type`
    (a statement, but not of `typ`), and the codes of `json_strict.parse` for the claims.
    """
    if len(token) > max_bytes:
        raise refuse("statement.too_large", f"expected at most {max_bytes} bytes, came {len(token)}")
    try:
        raw = token.encode("ascii") if isinstance(token, str) else token
        protected, payload, signature = raw.split(b".")
        claims_bytes, signature_bytes = base64url.decode(payload), base64url.decode(signature)
        text = raw.decode("ascii")
    except ValueError:
        raise refuse("statement.malformed", "expected a compact JWS") from None
    kid = _kid_of(protected, typ, refuse)
    if len(signature_bytes) != _SIGNATURE_BYTES:
        raise refuse("statement.malformed", "expected a signature of 64 bytes")
    return Unverified(
        typ=typ,
        kid=kid,
        claims=parse_object(claims_bytes, max_bytes=max_bytes, refuse=refuse),
        token=text,
        digest=digest(raw),
        signature=signature_bytes,
    )


def verify(unverified: Unverified, key: VerifyKey, *, refuse: type[Refused] = NotAcceptable) -> Statement:
    """Believe it, once `key` signed it. Refuses `statement.signature`, as a `refuse`."""
    signed = unverified.token[: unverified.token.rindex(".")].encode("ascii")
    # A key that is published under another id could else speak under a revoked one.
    if key.kid != unverified.kid or not key.verify(unverified.signature, signed):
        raise refuse("statement.signature", f"key {key.kid} did not sign these bytes")
    return Statement(
        typ=unverified.typ,
        kid=unverified.kid,
        claims=unverified.claims,
        token=unverified.token,
        digest=unverified.digest,
    )


@lru_cache(maxsize=512)
def _protected(typ: StatementType, kid: str) -> bytes:
    return base64url.encode(dumps({"alg": ALGORITHM, "kid": kid, "typ": typ.value}))


def _kid_of(protected: bytes, typ: StatementType, refuse: type[Refused]) -> str:
    header = _header(protected)
    if header is None:
        raise refuse("statement.malformed", "expected a protected header in JSON")
    if header.algorithm != ALGORITHM or header.members != {"alg", "kid", "typ"}:
        raise refuse("statement.algorithm", "expected header members alg (Ed25519), kid and typ alone")
    if header.typ != typ:
        raise refuse("statement.wrong_type", f"expected typ {typ}")
    if not is_kid(header.kid):
        raise refuse("statement.malformed", "expected a short printable key id")
    return str(header.kid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    members: frozenset[str]
    algorithm: object
    typ: object
    kid: object
    unencoded: bool


# One node's tokens all begin alike, so most headers were read before. Bounded, for a stranger may send any.
@lru_cache(maxsize=512)
def _header(protected: bytes) -> _Header | None:
    try:
        header = parse_object(base64url.decode(protected), max_bytes=_MAX_PROTECTED_BYTES, max_depth=2)
    except (ValueError, Refused):
        return None
    return _Header(
        members=frozenset(header),
        algorithm=header.get("alg"),
        typ=header.get("typ"),
        kid=header.get("kid"),
        unencoded=header.get("b64") is False and header.get("crit") == ["b64"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoSigned:
    """Bytes and the detached signatures over them. `digest` names the bytes, whoever has signed so far."""

    payload: bytes
    signatures: tuple[str, ...]

    @property
    def digest(self) -> str:
        return digest(self.payload)

    def with_signature(self, signature: str) -> CoSigned:
        """The same bytes with one signature more."""
        return CoSigned(payload=self.payload, signatures=(*self.signatures, signature))

    def to_json(self) -> Json:
        return {"payload": base64url.encode(self.payload).decode(), "signatures": list(self.signatures)}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Refuses `statement.malformed`. Says nothing about who signed: see `verify_threshold`."""
        if isinstance(value, dict) and value.keys() == {"payload", "signatures"}:
            payload, signatures = value["payload"], value["signatures"]
            if (
                isinstance(payload, str)
                and isinstance(signatures, list)
                and len(signatures) <= MAX_COSIGNATURES
                and all(isinstance(signature, str) for signature in signatures)
            ):
                try:
                    return cls(
                        payload=base64url.decode(payload.encode("ascii")), signatures=tuple(signatures)
                    )
                except ValueError:
                    pass
        raise NotAcceptable("statement.malformed", "expected `payload` in base64url and `signatures`")


def cosign(typ: StatementType, payload: bytes, key: SigningKey) -> str:
    """One signer's detached JWS over `payload` as it is (RFC 7797, RFC 7515 appendix F)."""
    protected = base64url.encode(
        dumps({"alg": ALGORITHM, "kid": key.kid, "typ": typ.value, "b64": False, "crit": ["b64"]})
    )
    return (protected + b".." + base64url.encode(key.sign(protected + b"." + payload))).decode()


def verify_threshold(
    cosigned: CoSigned, typ: StatementType, keys: Mapping[str, VerifyKey], threshold: int
) -> frozenset[str]:
    """The ids of the keys that signed, when they are at least `threshold` different keys.

    Signatures by keys that are not in `keys`, and those that do not verify, count nothing. One key under two
    ids counts once. Refuses `statement.threshold` below `threshold`, and for a threshold below one.
    """
    signers: dict[bytes, str] = {}
    for signature in cosigned.signatures[:MAX_COSIGNATURES]:
        key = _cosigner(cosigned.payload, signature, typ, keys)
        if key is not None:
            signers.setdefault(key.raw, key.kid)
    if threshold < 1 or len(signers) < threshold:
        raise NotAcceptable("statement.threshold", f"expected {threshold} signers, found {len(signers)}")
    return frozenset(signers.values())


def _cosigner(
    payload: bytes, signature: str, typ: StatementType, keys: Mapping[str, VerifyKey]
) -> VerifyKey | None:
    taken_apart = _detached(signature, typ)
    if taken_apart is None:
        return None
    protected, kid, signature_bytes = taken_apart
    key = keys.get(kid)
    if key is None or key.kid != kid or not key.verify(signature_bytes, protected + b"." + payload):
        return None
    return key


def cosigner_kid(signature: str, typ: StatementType) -> str | None:
    """The id of the key that a detached JWS says it is by; None when it is not one of ours of that type."""
    taken_apart = _detached(signature, typ)
    return None if taken_apart is None else taken_apart[1]


def _detached(signature: str, typ: StatementType) -> tuple[bytes, str, bytes] | None:
    """Protected header, key id and signature of a detached JWS."""
    try:
        protected, nothing, signature_part = signature.encode("ascii").split(b".")
        signature_bytes = base64url.decode(signature_part)
    except ValueError:
        return None
    header = _header(protected)
    if header is None or header.algorithm != ALGORITHM or header.typ != typ or not header.unencoded:
        return None
    if nothing or header.members != {"alg", "kid", "typ", "b64", "crit"} or not isinstance(header.kid, str):
        return None
    return protected, header.kid, signature_bytes
