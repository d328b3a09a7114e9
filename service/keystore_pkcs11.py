"""The same keystore with its signing keys in a hardware module, by PKCS#11 (extra `[hsm]`).

    in the token    signing keys (Ed25519): made there, never leave it
    in files        the index, the key-encryption key and the sealing keys, encrypted as in `service.keystore`

Sealing keys stay in files because no module that we know can open HPKE with ML-KEM-768 (project finding);
their files lie encrypted under the passphrase. For a signing key the file holds its public half, bound to its
entry like every secret: a key file moved to another owner does not open. A key that was made in a file before
there was a module goes on there until it is rotated into the module or ends.

A PKCS#11 session is not for several threads at once, so signatures wait for each other. Losing the connection
to the module is `keystore.module`, and the next signature tries again.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from protocol.signing_keys import SigningKey, VerifyKey, thumbprint_kid
from protocol.statements import LocalSigningKey
from service.errors import Conflict, Misconfigured, Unavailable
from service.keystore import FileKeyStore, KeyEntry, is_public_half
from service.ports import Clock, RandomSource

__all__ = ["Pkcs11KeyStore", "Token"]

_ED25519 = "1.3.101.112"
"""The curve's object identifier (RFC 8410), by which PKCS#11 3.0 names it."""


_LOGGED_IN: dict[tuple[str, str], bytes] = {}
"""Digest of the PIN with which this process is logged in, by library and token."""


class Token:
    """One token of a PKCS#11 module, opened with its user's PIN.

    Misconfigured `keystore.module` when the library, the token or the PIN is not right.
    """

    def __init__(self, library: Path, label: str, pin: str) -> None:
        self._library, self._label, self._pin = library, label, pin
        self._guard = threading.Lock()
        self._session: Any = None
        try:
            self._with(lambda session: session)
        except Unavailable as reason:
            raise Misconfigured("keystore.module", reason.detail) from reason

    def generate(self) -> tuple[str, bytes]:
        """A new key: its id and its 32 public bytes. The private half is made in the token and stays."""
        pkcs11 = _pkcs11()
        curve = import_module("pkcs11.util.ec").encode_named_curve_parameters(_ED25519)

        def work(session: Any) -> tuple[str, bytes]:
            parameters = session.create_domain_parameters(
                pkcs11.KeyType.EC_EDWARDS,
                {pkcs11.Attribute.EC_PARAMS: curve},
                local=True,
            )
            public, private = parameters.generate_keypair(
                mechanism=pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN, store=True
            )
            raw = _point(public[pkcs11.Attribute.EC_POINT])
            kid = thumbprint_kid(raw)
            for half in (public, private):
                half[pkcs11.Attribute.LABEL] = kid
            return kid, raw

        return self._with(work)

    def sign(self, kid: str, data: bytes) -> bytes:
        """64 bytes. Unavailable `keystore.module`."""
        pkcs11 = _pkcs11()

        def work(session: Any) -> bytes:
            key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=kid)
            return bytes(key.sign(data, mechanism=pkcs11.Mechanism.EDDSA))

        return self._with(work)

    def destroy(self, kid: str) -> None:
        """Both halves, as far as they are there."""
        pkcs11 = _pkcs11()

        def work(session: Any) -> None:
            for one in list(session.get_objects({pkcs11.Attribute.LABEL: kid})):
                one.destroy()

        self._with(work)

    def _open(self, pkcs11: Any) -> Any:
        """A session. A process is logged in to a token once, for all of its sessions."""
        token = pkcs11.lib(str(self._library)).get_token(token_label=self._label)
        name, pin = (str(self._library), self._label), hashlib.sha256(self._pin.encode()).digest()
        try:
            session = token.open(user_pin=self._pin, rw=True)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            if not hmac.compare_digest(_LOGGED_IN.get(name, b""), pin):
                raise
            session = token.open(rw=True)
        _LOGGED_IN[name] = pin
        return session

    def _with[T](self, work: Callable[[Any], T]) -> T:
        pkcs11 = _pkcs11()
        with self._guard:
            try:
                if self._session is None:
                    self._session = self._open(pkcs11)
                return work(self._session)
            except (pkcs11.PKCS11Error, RuntimeError, OSError) as reason:
                self._session = None
                # The kind alone: what a module says may hold anything.
                raise Unavailable(
                    "keystore.module", f"the hardware module did not do it: {type(reason).__name__}"
                ) from reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _TokenSigningKey:
    """A key that signs in the token."""

    kid: str
    public: VerifyKey
    _token: Token = field(repr=False, compare=False)

    def sign(self, data: bytes) -> bytes:
        return self._token.sign(self.kid, data)


class Pkcs11KeyStore(FileKeyStore):
    """Refuses as `FileKeyStore`; Unavailable `keystore.module` while the module is away."""

    def __init__(
        self, directory: Path, passphrase: bytes, *, clock: Clock, random: RandomSource, token: Token
    ) -> None:
        self._token = token
        super().__init__(directory, passphrase, clock=clock, random=random)

    def add_signing(
        self,
        owner: str,
        key: LocalSigningKey | None = None,
        *,
        waiting: bool = False,
        former_until: datetime | None = None,
    ) -> SigningKey:
        """As `FileKeyStore.add_signing`; the key is made in the token. Conflict `keystore.made_in_module` for
        one that is given: it has been elsewhere."""
        if key is not None:
            raise Conflict(
                "keystore.made_in_module", "signing keys are made in the module and come from nowhere"
            )
        kid, raw = self._token.generate()
        self._add_signing_entry(owner, kid, raw, waiting=waiting, former_until=former_until)
        return _TokenSigningKey(kid=kid, public=VerifyKey(kid=kid, raw=raw), _token=self._token)

    def _signing_key(self, entry: KeyEntry) -> SigningKey:
        raw = self._secret(entry)
        if not is_public_half(entry, raw):  # made before there was a module: a seed is nothing to publish
            return super()._signing_key(entry)
        return _TokenSigningKey(kid=entry.kid, public=VerifyKey(kid=entry.kid, raw=raw), _token=self._token)

    def outside_module(self) -> tuple[KeyEntry, ...]:
        held = self._current()
        return tuple(
            held.entries[kid] for kid, key in held.signing.items() if not isinstance(key, _TokenSigningKey)
        )

    def _erase_elsewhere(self, entry: KeyEntry) -> None:
        if entry.kind == "sign":
            self._token.destroy(entry.kid)


def _pkcs11() -> Any:
    try:
        return import_module("pkcs11")
    except ImportError as reason:
        raise Misconfigured(
            "keystore.module", "PKCS#11 needs the extra `[hsm]`: pip install focalpoint[hsm]"
        ) from reason


def _point(encoded: bytes) -> bytes:
    """The 32 bytes of an Edwards point: modules give it bare, or as an ASN.1 octet or bit string."""
    for header in (b"", b"\x04\x20", b"\x03\x21\x00"):
        if len(encoded) == 32 + len(header) and encoded.startswith(header):
            return encoded[len(header) :]
    raise Unavailable("keystore.module", "the module gave a public key that is not one for Ed25519")
