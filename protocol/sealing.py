"""One part, sealed for one recipient: JWE in flattened JSON, `HPKE-9-KE` or `HPKE-3-KE`, `A256GCM`.

The default suite joins ML-KEM-768 and X25519, for what is recorded today may be attacked in decades.
Sources: draft-ietf-jose-hpke-encrypt (Key Encryption mode), draft-ietf-jose-hpke-pq-pqt (HPKE-9). Both are
drafts, hence the suite is named in the clear header and in the directory, and can change.

In this mode the JWE header is bound only under the content key, and whoever holds that key, such as a second
recipient, could replace content and header. So a JWE has one recipient, and the digest of the envelope's
clear header is bound twice: as the JWE's AAD, and in HPKE's `info`, on which the wrapping key depends.
Randomness: the content key, its nonce and HPKE's ephemeral keys come from the operating system.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol import base64url, padding
from protocol.errors import CannotOpen, NotAcceptable
from protocol.json_strict import Json, dumps, parse_object
from protocol.padding import PADDING_CLASSES, padded_size
from protocol.signing_keys import digest, is_kid

__all__ = [
    "DEFAULT_SUITE",
    "PADDING_CLASSES",
    "Sealed",
    "SealingPrivateKey",
    "SealingPublicKey",
    "SealingSuite",
    "open_sealed",
    "padded_size",
    "read_sealed",
    "seal",
    "sealed_size",
    "sealed_to",
]

ENCRYPTION = "A256GCM"


class SealingSuite(StrEnum):
    """JWE `alg`. The order is that of preference."""

    HPKE_9_KE = "HPKE-9-KE"
    HPKE_3_KE = "HPKE-3-KE"


DEFAULT_SUITE = SealingSuite.HPKE_9_KE

_HPKE = {
    SealingSuite.HPKE_9_KE: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.SHAKE256, hpke.AEAD.AES_256_GCM),
    SealingSuite.HPKE_3_KE: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_128_GCM),
}
_ENCAPSULATED_BYTES = {SealingSuite.HPKE_9_KE: 1120, SealingSuite.HPKE_3_KE: 32}
_PUBLIC_BYTES = {SealingSuite.HPKE_9_KE: 1216, SealingSuite.HPKE_3_KE: 32}
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
_TAG_BYTES = 16
_NONCE_BYTES = 12
_CONTENT_KEY_BYTES = 32
_MAX_PROTECTED_BYTES = 4096
# Base64url has nothing that JSON would have to escape.
_JWE = b'{"protected":"%b","aad":"%b","encrypted_key":"%b","iv":"%b","ciphertext":"%b","tag":"%b"}'
_MEMBERS = {"protected", "aad", "encrypted_key", "iv", "ciphertext", "tag"}
_PROTECTED_MEMBERS = {"alg", "kid", "enc", "ek"}

type _Private = hpke.MLKEM768X25519PrivateKey | X25519PrivateKey
type _Public = hpke.MLKEM768X25519PublicKey | X25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingPublicKey:
    """Where a part is sealed to. `raw`: X25519's 32 bytes, or ML-KEM-768's 1184 followed by them.

    Refuses `sealing.key_malformed`.
    """

    kid: str
    suite: SealingSuite
    raw: bytes = field(repr=False)
    _public: _Public = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_kid(self.kid) or len(self.raw) != _PUBLIC_BYTES[self.suite]:
            raise NotAcceptable("sealing.key_malformed", f"expected a key id and a key for {self.suite}")
        try:
            object.__setattr__(self, "_public", _public(self.suite, self.raw))
        except ValueError:
            raise NotAcceptable("sealing.key_malformed", f"not a key for {self.suite}") from None

    def jwk(self) -> Json:
        """`OKP` for X25519 alone, `AKP` (one algorithm for the key, RFC 9964's kind) for the hybrid."""
        encoded = base64url.encode(self.raw).decode()
        if self.suite is SealingSuite.HPKE_3_KE:
            return {
                "kty": "OKP",
                "crv": "X25519",
                "x": encoded,
                "kid": self.kid,
                "alg": str(self.suite),
                "use": "enc",
            }
        return {"kty": "AKP", "alg": str(self.suite), "kid": self.kid, "pub": encoded, "use": "enc"}

    @classmethod
    def from_jwk(cls, jwk: Json) -> Self:
        """Refuses `sealing.key_malformed`, a key that shows its private part above all."""
        try:
            suite = SealingSuite(jwk.get("alg", ""))
            kid, encoded = jwk["kid"], jwk["x" if suite is SealingSuite.HPKE_3_KE else "pub"]
            raw = base64url.decode(encoded.encode())
        except (ValueError, KeyError, AttributeError):
            raise NotAcceptable("sealing.key_malformed", "expected a public key for a known suite") from None
        family = (jwk.get("kty"), jwk.get("crv"))
        if family != (("OKP", "X25519") if suite is SealingSuite.HPKE_3_KE else ("AKP", None)):
            raise NotAcceptable("sealing.key_malformed", f"not the key family of {suite}")
        if "d" in jwk or "priv" in jwk or jwk.get("use", "enc") != "enc":
            raise NotAcceptable("sealing.key_malformed", "expected a public key for sealing")
        return cls(kid=kid, suite=suite, raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealingPrivateKey:
    """What opens a part. `repr` never shows it.

    Its secret is 32 bytes: X25519's own, or the hybrid's seed, which SHAKE256 stretches to ML-KEM's 64 bytes
    and X25519's 32 (as X-Wing does, draft-connolly-cfrg-xwing-kem).
    """

    kid: str
    suite: SealingSuite
    _secret: bytes = field(repr=False, compare=False)
    public: SealingPublicKey = field(init=False)
    _private: _Private = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self._secret) != 32:
            raise NotAcceptable("sealing.key_malformed", "expected a secret of 32 bytes")
        private, raw = _private(self.suite, self._secret)
        object.__setattr__(self, "_private", private)
        object.__setattr__(self, "public", SealingPublicKey(kid=self.kid, suite=self.suite, raw=raw))

    @classmethod
    def generate(
        cls,
        kid: str | None = None,
        suite: SealingSuite = DEFAULT_SUITE,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> Self:
        """A new key. Without a `kid` the beginning of its RFC 7638 thumbprint names it."""
        secret = random_bytes(32)
        return cls(kid=kid or _thumbprint(suite, _private(suite, secret)[1]), suite=suite, _secret=secret)

    @classmethod
    def from_secret(cls, kid: str, suite: SealingSuite, secret: bytes) -> Self:
        return cls(kid=kid, suite=suite, _secret=secret)

    def to_secret(self) -> bytes:
        """The 32 secret bytes, for a key store to encrypt."""
        return self._secret


def _private(suite: SealingSuite, secret: bytes) -> tuple[_Private, bytes]:
    if suite is SealingSuite.HPKE_3_KE:
        alone = X25519PrivateKey.from_private_bytes(secret)
        return alone, alone.public_key().public_bytes_raw()
    stretched = hashlib.shake_256(secret).digest(_MLKEM_SEED_BYTES + 32)
    lattice = MLKEM768PrivateKey.from_seed_bytes(stretched[:_MLKEM_SEED_BYTES])
    curve = X25519PrivateKey.from_private_bytes(stretched[_MLKEM_SEED_BYTES:])
    raw = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
    return hpke.MLKEM768X25519PrivateKey(lattice, curve), raw


def _public(suite: SealingSuite, raw: bytes) -> _Public:
    if suite is SealingSuite.HPKE_3_KE:
        return X25519PublicKey.from_public_bytes(raw)
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]),
    )


def _thumbprint(suite: SealingSuite, raw: bytes) -> str:
    encoded = base64url.encode(raw).decode()
    members = (
        {"crv": "X25519", "kty": "OKP", "x": encoded}
        if suite is SealingSuite.HPKE_3_KE
        else {"alg": str(suite), "kty": "AKP", "pub": encoded}
    )
    return digest(dumps(members))[:16]


def seal(plaintext: bytes, *, to: SealingPublicKey, header_digest: bytes) -> bytes:
    """The JWE, in JSON, of `plaintext` padded to its size class.

    `header_digest`: SHA-256 of the envelope's clear header; the part opens under no other header.
    Refuses `sealing.too_large` beyond the largest class.
    """
    content_key, nonce = os.urandom(_CONTENT_KEY_BYTES), os.urandom(_NONCE_BYTES)
    try:
        wrapped = _HPKE[to.suite].encrypt(content_key, to._public, info=_info(ENCRYPTION, header_digest))
    except ValueError:
        # An X25519 point of small order passes for a key until it is used.
        raise NotAcceptable("sealing.key_malformed", f"key {to.kid} cannot be sealed to") from None
    size = _ENCAPSULATED_BYTES[to.suite]
    protected = base64url.encode(
        dumps(
            {
                "alg": str(to.suite),
                "kid": to.kid,
                "enc": ENCRYPTION,
                "ek": base64url.encode(wrapped[:size]).decode(),
            }
        )
    )
    aad = base64url.encode(header_digest)
    sealed = AESGCM(content_key).encrypt(nonce, padding.pad(plaintext), protected + b"." + aad)
    return _JWE % (
        protected,
        aad,
        base64url.encode(wrapped[size:]),
        base64url.encode(nonce),
        base64url.encode(sealed[:-_TAG_BYTES]),
        base64url.encode(sealed[-_TAG_BYTES:]),
    )


def sealed_size(size: int) -> int:
    """An upper bound, in bytes, on what `seal` makes of `size` bytes, whatever the key."""
    return padded_size(size) * 4 // 3 + 2560


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A JWE taken apart, still closed. `kid` and `suite` say which key opens it."""

    kid: str
    suite: SealingSuite
    encryption: str
    protected: bytes
    aad: bytes
    encapsulated: bytes
    encrypted_key: bytes
    nonce: bytes
    ciphertext: bytes
    tag: bytes

    def open(self, key: SealingPrivateKey, header_digest: bytes) -> bytes:
        """The part as it was before padding and sealing.

        Refuses, as `CannotOpen`: `sealing.wrong_key` (sealed to another key), `sealing.not_opened` (the key,
        the header or the bytes do not fit), `sealing.padding`.
        """
        if key.kid != self.kid or key.suite != self.suite:
            raise CannotOpen("sealing.wrong_key", f"sealed to {self.kid}, opened with {key.kid}")
        # The AAD that we expect, not the one that came: a part cut from another envelope does not open.
        if self.aad != base64url.encode(header_digest) or self.encryption != ENCRYPTION:
            raise CannotOpen("sealing.not_opened", "sealed for another clear header")
        content_key = self.content_key(key, header_digest)
        return padding.strip(self.content(content_key))

    def content_key(self, key: SealingPrivateKey, extra: bytes) -> bytes:
        """The content key, unwrapped with `extra` as HPKE's extra info. Refuses `sealing.not_opened`."""
        try:
            return _HPKE[key.suite].decrypt(
                self.encapsulated + self.encrypted_key, key._private, info=_info(self.encryption, extra)
            )
        except (InvalidTag, ValueError):
            raise CannotOpen("sealing.not_opened", f"key {key.kid} does not open this part") from None

    def content(self, content_key: bytes) -> bytes:
        """The plaintext, still padded. Refuses `sealing.not_opened`."""
        try:
            return AESGCM(content_key).decrypt(
                self.nonce, self.ciphertext + self.tag, self.protected + b"." + self.aad
            )
        except (InvalidTag, ValueError):
            raise CannotOpen("sealing.not_opened", "the part was changed after it was sealed") from None


def read_sealed(sealed: bytes) -> Sealed:
    """Take a JWE apart. Refuses `sealing.malformed` and `sealing.suite` (one that we do not know)."""
    jwe = parse_object(sealed, max_bytes=sealed_size(PADDING_CLASSES[-1] - 1), max_depth=1, refuse=CannotOpen)
    if jwe.keys() != _MEMBERS or not all(isinstance(value, str) for value in jwe.values()):
        raise CannotOpen("sealing.malformed", "expected a flattened JWE with AAD and one recipient")
    protected = _decode(jwe["protected"])
    header = parse_object(protected, max_bytes=_MAX_PROTECTED_BYTES, max_depth=1, refuse=CannotOpen)
    if header.keys() != _PROTECTED_MEMBERS or not is_kid(header["kid"]):
        raise CannotOpen("sealing.malformed", "expected header members alg, kid, enc and ek alone")
    if header["alg"] not in _HPKE or not isinstance(header["enc"], str):
        raise CannotOpen("sealing.suite", f"expected one of {', '.join(SealingSuite)}")
    suite = SealingSuite(header["alg"])
    encapsulated, nonce, tag = _decode(header["ek"]), _decode(jwe["iv"]), _decode(jwe["tag"])
    if (len(encapsulated), len(nonce), len(tag)) != (_ENCAPSULATED_BYTES[suite], _NONCE_BYTES, _TAG_BYTES):
        raise CannotOpen("sealing.malformed", "a value has not the length that its suite gives it")
    _decode(jwe["aad"])
    return Sealed(
        kid=header["kid"],
        suite=suite,
        encryption=header["enc"],
        protected=jwe["protected"].encode(),
        aad=jwe["aad"].encode(),
        encapsulated=encapsulated,
        encrypted_key=_decode(jwe["encrypted_key"]),
        nonce=nonce,
        ciphertext=_decode(jwe["ciphertext"]),
        tag=tag,
    )


def open_sealed(sealed: bytes, *, key: SealingPrivateKey, header_digest: bytes) -> bytes:
    """What `seal` was given. Refuses as `read_sealed` and `Sealed.open` do."""
    return read_sealed(sealed).open(key, header_digest)


def sealed_to(sealed: bytes) -> str:
    """The id of the key that opens it. Refuses as `read_sealed` does."""
    return read_sealed(sealed).kid


def _info(encryption: str, extra: bytes) -> bytes:
    # Recipient_structure of draft-ietf-jose-hpke-encrypt, Key Encryption mode.
    return b"JOSE-HPKE rcpt\xff" + encryption.encode() + b"\xff" + extra


def _decode(value: Any) -> bytes:
    try:
        return base64url.decode(value.encode())
    except (ValueError, AttributeError):
        raise CannotOpen("sealing.malformed", "expected base64url") from None
