"""Ed25519 keys (RFC 8032): the public half in a directory entry, the private half wherever it can sign."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol import base64url
from protocol.errors import NotAcceptable
from protocol.json_strict import Json, dumps

__all__ = ["ALGORITHM", "LocalSigningKey", "SigningKey", "VerifyKey", "digest", "is_kid", "thumbprint_kid"]

ALGORITHM = "Ed25519"
"""The fully specified name of RFC 9864, which retires `EdDSA`."""
_MAX_KID = 64


def digest(data: bytes) -> str:
    """SHA-256 in base64url: how the protocol names any bytes."""
    return base64url.encode(hashlib.sha256(data).digest()).decode()


def thumbprint_kid(raw_public: bytes) -> str:
    """A key id for an Ed25519 key: the first 16 characters (96 bits) of its RFC 7638 thumbprint."""
    x = base64url.encode(raw_public).decode()
    return digest(dumps({"crv": "Ed25519", "kty": "OKP", "x": x}))[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyKey:
    """An Ed25519 public key under the id that its owner's directory entry gives it.

    Refuses `statement.key_malformed` for what is no point of the main group. Under a small-order key one
    signature fits many messages, so that its owner could later disown any of them (RFC 8032 §5.1.7 leaves the
    check to us).
    """

    kid: str
    raw: bytes
    _public: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != 32 or not is_kid(self.kid):
            raise NotAcceptable("statement.key_malformed", "expected a key id and 32 bytes")
        if _is_weak(self.raw):
            raise NotAcceptable("statement.key_malformed", "not a canonical point, or one of small order")
        object.__setattr__(self, "_public", Ed25519PublicKey.from_public_bytes(self.raw))

    def verify(self, signature: bytes, data: bytes) -> bool:
        """True when this key signed `data`."""
        try:
            self._public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def jwk(self) -> Json:
        """RFC 8037, with the algorithm name of RFC 9864."""
        x = base64url.encode(self.raw).decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}

    @classmethod
    def from_jwk(cls, jwk: Json) -> Self:
        """Refuses `statement.key_malformed`; a key that shows its private part above all."""
        wanted = jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519" and "d" not in jwk
        if not wanted or jwk.get("alg", ALGORITHM) != ALGORITHM or jwk.get("use", "sig") != "sig":
            raise NotAcceptable("statement.key_malformed", "expected a public Ed25519 key for signatures")
        kid, x = jwk.get("kid"), jwk.get("x")
        if not isinstance(kid, str) or not isinstance(x, str):
            raise NotAcceptable("statement.key_malformed", "expected members `kid` and `x`")
        try:
            raw = base64url.decode(x.encode())
        except ValueError:
            raise NotAcceptable("statement.key_malformed", "expected `x` in base64url") from None
        return cls(kid=kid, raw=raw)


class SigningKey(Protocol):
    """Whatever can sign: a key in this process, or one behind a hardware module."""

    @property
    def kid(self) -> str: ...

    @property
    def public(self) -> VerifyKey: ...

    def sign(self, data: bytes) -> bytes:
        """64 bytes, the Ed25519 signature of `data`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSigningKey:
    """A signing key held in memory. Its private part is never shown by `repr`."""

    kid: str
    _private: Ed25519PrivateKey = field(repr=False, compare=False)
    public: VerifyKey = field(init=False)

    def __post_init__(self) -> None:
        raw = self._private.public_key().public_bytes_raw()
        object.__setattr__(self, "public", VerifyKey(kid=self.kid, raw=raw))

    @classmethod
    def from_seed(cls, kid: str | None, seed: bytes) -> Self:
        """`seed`: the 32 secret bytes of RFC 8032. Without a `kid` the key's thumbprint names it."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        return cls(kid=kid or thumbprint_kid(private.public_key().public_bytes_raw()), _private=private)

    @classmethod
    def generate(cls, kid: str | None = None) -> Self:
        """A new key from the operating system's randomness."""
        return cls.from_seed(kid, Ed25519PrivateKey.generate().private_bytes_raw())

    def seed(self) -> bytes:
        """The 32 secret bytes, for a key store to encrypt."""
        return self._private.private_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        return self._private.sign(data)


_FIELD_PRIME = 2**255 - 19
_ORDER_EIGHT_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# y of the eight points of small order: the identity (1), order two (-1), order four (0), order eight (±y).
_SMALL_ORDER_Y = {1, _FIELD_PRIME - 1, 0, _ORDER_EIGHT_Y, _FIELD_PRIME - _ORDER_EIGHT_Y}


def _is_weak(raw: bytes) -> bool:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    return y >= _FIELD_PRIME or y in _SMALL_ORDER_Y


def is_kid(kid: object) -> bool:
    """True for what may name a key: up to 64 printable ASCII characters."""
    return isinstance(kid, str) and 0 < len(kid) <= _MAX_KID and kid.isascii() and kid.isprintable()
