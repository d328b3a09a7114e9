"""The wire's cryptography with nothing around it: `cryptography`, `hashlib`, base64 and `json`.

The same bytes as `protocol` writes (tests/benchmarks/test_floor.py has each open the other's), and none of
its checks: no limits, no strict parsing, no key validity, no claims read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from bisect import bisect_left
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ed25519, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "Rest",
    "SealKey",
    "SignKey",
    "decode",
    "digest",
    "dumps",
    "encode",
    "issue",
    "open_part",
    "read",
    "seal_part",
]

_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.SHAKE256, hpke.AEAD.AES_256_GCM)
_INFO = b"JOSE-HPKE rcpt\xffA256GCM\xff"
_ENCAPSULATED = 1120
_CLASSES = sorted([1024 << step for step in range(11)] + [1536 << step for step in range(10)])


def encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode(data: bytes | str) -> bytes:
    return base64.urlsafe_b64decode((data.encode() if isinstance(data, str) else data) + b"==")


def digest(data: bytes) -> str:
    return encode(hashlib.sha256(data).digest()).decode()


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class SignKey:
    """Both halves: the floor's processes share their keys by fork."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        private = ed25519.Ed25519PrivateKey.generate()
        self.sign = private.sign
        self.public = private.public_key()
        self.verify = self.public.verify
        self._headers: dict[str, bytes] = {}

    def header(self, typ: str) -> bytes:
        found = self._headers.get(typ)
        if found is None:
            found = self._headers[typ] = encode(dumps({"alg": "Ed25519", "kid": self.kid, "typ": typ}))
        return found


def issue(key: SignKey, typ: str, claims: Any) -> bytes:
    signed = key.header(typ) + b"." + encode(dumps(claims))
    return signed + b"." + encode(key.sign(signed))


def read(key: SignKey, token: bytes) -> Any:
    """The claims, once the signature holds."""
    signed, _, signature = token.rpartition(b".")
    key.verify(decode(signature), signed)
    return json.loads(decode(signed.partition(b".")[2]))


class SealKey:
    def __init__(self, kid: str) -> None:
        self.kid = kid
        lattice, curve = mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
        self.private = hpke.MLKEM768X25519PrivateKey(lattice, curve)
        self.raw_public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        self.public = hpke.MLKEM768X25519PublicKey(lattice.public_key(), curve.public_key())


def seal_part(plain: bytes, key: SealKey, header_digest: bytes) -> bytes:
    content_key, nonce = os.urandom(32), os.urandom(12)
    wrapped = _SUITE.encrypt(content_key, key.public, info=_INFO + header_digest)
    ek = encode(wrapped[:_ENCAPSULATED])
    protected = encode(b'{"alg":"HPKE-9-KE","kid":"%s","enc":"A256GCM","ek":"%s"}' % (key.kid.encode(), ek))
    aad = encode(header_digest)
    padded = (plain + b"\x80").ljust(_CLASSES[bisect_left(_CLASSES, len(plain) + 1)], b"\0")
    sealed = AESGCM(content_key).encrypt(nonce, padded, protected + b"." + aad)
    return b'{"protected":"%s","aad":"%s","encrypted_key":"%s","iv":"%s","ciphertext":"%s","tag":"%s"}' % (
        protected,
        aad,
        encode(wrapped[_ENCAPSULATED:]),
        encode(nonce),
        encode(sealed[:-16]),
        encode(sealed[-16:]),
    )


def open_part(sealed: bytes | str, key: SealKey, header_digest: bytes) -> bytes:
    jwe = json.loads(sealed)
    ek = json.loads(decode(jwe["protected"]))["ek"]
    content_key = _SUITE.decrypt(
        decode(ek) + decode(jwe["encrypted_key"]), key.private, info=_INFO + header_digest
    )
    aad = (jwe["protected"] + "." + jwe["aad"]).encode()
    padded = AESGCM(content_key).decrypt(
        decode(jwe["iv"]), decode(jwe["ciphertext"]) + decode(jwe["tag"]), aad
    )
    return padded.rstrip(b"\0")[:-1]


class Rest:
    """A case's data key, for parts at rest, and the key for marks that follows from it once."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._marking = hmac.digest(key, b"focalpoint request", "sha256")

    def seal(self, part: bytes, bound_to: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + AESGCM(self.key).encrypt(nonce, part, bound_to)

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        return AESGCM(self.key).decrypt(sealed[:12], sealed[12:], bound_to)

    def mark(self, request: bytes) -> str:
        return hmac.digest(self._marking, request, "sha256").hex()
