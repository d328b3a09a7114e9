"""Narrative and identity at rest: sealed under the case's own keys, so that destroying a key destroys the
part.

    key-encryption key (keystore)  wraps (RFC 3394)  data key of (case, purpose)  seals (AES-256-GCM)  each
    part

A sealed part is bound to its case, its purpose and its message: moved to another row, it does not open. The
wrapped data key has one copy, in `case_key`. After `destroy` and `Store.forget_deleted` no file of this node
holds it; backups hold it until they expire, and a restored one is erased again from the ledger.

In memory an open key is a cipher of the crypto library, which clears what it frees; its bytes are
overwritten as soon as the cipher is made.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from sqlalchemy import bindparam, insert, select, update
from sqlmodel import Session

from service.errors import Misconfigured, NodeError, NotFound
from service.ports import Clock, RandomSource
from service.store.prepared import Query
from service.store.tables import CASE_KEY
from service.store.wiping import wipe

__all__ = ["OPEN_KEYS", "CaseVault", "Purpose", "Vault"]

type Purpose = Literal["identity", "narrative"]

OPEN_KEYS = 1_024
"""Unwrapped data keys kept in memory, at most; the least recently used goes first."""

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32

_OF_CASE = (CASE_KEY.c.reference == bindparam("of"), CASE_KEY.c.purpose == bindparam("for"))
_FIND = select(CASE_KEY.c.wrapped, CASE_KEY.c.destroyed_at).where(*_OF_CASE)
_FIND_ALL = Query(
    select(CASE_KEY.c.purpose, CASE_KEY.c.wrapped, CASE_KEY.c.destroyed_at).where(
        CASE_KEY.c.reference == bindparam("of")
    )
)
_ADD = insert(CASE_KEY)
_DESTROY = (
    update(CASE_KEY)
    .where(*_OF_CASE, CASE_KEY.c.destroyed_at.is_(None))
    .values(wrapped=None, destroyed_at=bindparam("at"))
)


class Vault:
    """Seals and opens parts inside the caller's transaction. Safe to use from every thread.

    `kek`: 32 bytes from the keystore; another one than sealed is refused as Misconfigured `vault.wrong_key`.
    """

    def __init__(self, kek: bytes, *, clock: Clock, random: RandomSource, open_keys: int = OPEN_KEYS) -> None:
        if len(kek) != _KEY_BYTES:
            raise Misconfigured("vault.wrong_key", f"expected a key of {_KEY_BYTES} bytes")
        self._kek = kek
        self._clock = clock
        self._random = random
        self._limit = open_keys
        # By the wrapped form, which each use reads from its own transaction: a data key whose row was rolled
        # back, destroyed or replaced can not be used by mistake.
        self._opened: OrderedDict[bytes, _OpenKey] = OrderedDict()
        self._lock = threading.Lock()

    def case(self, session: Session, reference: str) -> CaseVault:
        """The vault of one case, its keys read once. Good for the transaction that it was asked in."""
        found = _FIND_ALL.all(session.connection(), of=reference)
        wrapped = {row.purpose: None if row.destroyed_at is not None else row.wrapped for row in found}
        return CaseVault(self, session, reference, wrapped)

    def seal(
        self, session: Session, reference: str, purpose: Purpose, part: bytes, *, bound_to: str
    ) -> bytes:
        """`CaseVault.seal`, for a single part."""
        return self.case(session, reference).seal(purpose, part, bound_to=bound_to)

    def open(
        self, session: Session, reference: str, purpose: Purpose, sealed: bytes, *, bound_to: str
    ) -> bytes:
        """`CaseVault.open`, for a single part."""
        return self.case(session, reference).open(purpose, sealed, bound_to=bound_to)

    def mark(self, session: Session, reference: str, purpose: Purpose, data: bytes) -> str:
        """`CaseVault.mark`, for a single request."""
        return self.case(session, reference).mark(purpose, data)

    def destroy(self, session: Session, reference: str, purpose: Purpose) -> bool:
        """Destroy the case's data key. False when it was destroyed before.

        A case that never had one is closed all the same. Call `Store.forget_deleted` after the commit: until
        then the old page is in the log.
        """
        connection = session.connection()
        found = connection.execute(_FIND, {"of": reference, "for": purpose}).first()
        now = self._clock.now()
        if found is None:
            connection.execute(
                _ADD,
                {"reference": reference, "purpose": purpose, "created_at": now, "destroyed_at": now},
            )
            return True
        if found.wrapped is not None:
            with self._lock:
                self._close(self._opened.pop(found.wrapped, None))
        return connection.execute(_DESTROY, {"of": reference, "for": purpose, "at": now}).rowcount == 1

    def let_go(self) -> None:
        """Drop every data key that is open in memory: each is unwrapped anew when it is needed."""
        with self._lock:
            while self._opened:
                self._close(self._opened.popitem()[1])

    def _cipher(self, wrapped: bytes) -> AESGCM:
        with self._lock:
            return self._open(wrapped).cipher

    def _marked(self, wrapped: bytes, data: bytes) -> str:
        # Under the lock: the marking key is overwritten when it is let go.
        with self._lock:
            return hmac.digest(self._open(wrapped).marking, data, hashlib.sha256).hex()

    def _open(self, wrapped: bytes) -> _OpenKey:
        """Call it under the lock."""
        found = self._opened.get(wrapped)
        if found is not None:
            self._opened.move_to_end(wrapped)
            return found
        try:
            key = aes_key_unwrap(self._kek, wrapped)
        except InvalidUnwrap as error:
            raise Misconfigured(
                "vault.wrong_key",
                "case keys were wrapped under another key; use this database's own keystore",
            ) from error
        return self._remember(wrapped, key)

    def _new_key(self, session: Session, reference: str, purpose: Purpose) -> bytes:
        """Make the case's data key and store it; its wrapped form."""
        key = self._random.bytes(_KEY_BYTES)
        wrapped = aes_key_wrap(self._kek, key)
        session.connection().execute(
            _ADD,
            {"reference": reference, "purpose": purpose, "wrapped": wrapped, "created_at": self._clock.now()},
        )
        with self._lock:
            self._remember(wrapped, key)
        return wrapped

    def _remember(self, wrapped: bytes, key: bytes) -> _OpenKey:
        """Call it under the lock. `key` is overwritten: what is kept is what can be used and not be read."""
        opened = _OpenKey(
            cipher=AESGCM(key), marking=hmac.digest(key, b"focalpoint request mark", hashlib.sha256)
        )
        wipe(key)
        self._opened[wrapped] = opened
        while len(self._opened) > self._limit:
            self._close(self._opened.popitem(last=False)[1])
        return opened

    @staticmethod
    def _close(opened: _OpenKey | None) -> None:
        if opened is not None:
            wipe(opened.marking)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenKey:
    """`marking`: for request marks; derived from the data key."""

    cipher: AESGCM
    marking: bytes


class CaseVault:
    """Seals and opens the parts of one case, inside one transaction."""

    __slots__ = ("_reference", "_session", "_vault", "_wrapped")

    def __init__(
        self, vault: Vault, session: Session, reference: str, wrapped: dict[Purpose, bytes | None]
    ) -> None:
        self._vault = vault
        self._session = session
        self._reference = reference
        self._wrapped = wrapped
        """By purpose; None for a key that was destroyed."""

    def seal(self, purpose: Purpose, part: bytes, *, bound_to: str) -> bytes:
        """Seal `part` for rest, bound to `bound_to` (its message). Makes the case's data key if it has none.

        NotFound `vault.key_destroyed`: what was erased does not come back under a new key unnoticed.
        """
        cipher = self._vault._cipher(self._key(purpose, make=True))
        nonce = self._vault._random.bytes(_NONCE_BYTES)
        return b"".join(
            (_FORMAT, nonce, cipher.encrypt(nonce, part, _bound(self._reference, purpose, bound_to)))
        )

    def open(self, purpose: Purpose, sealed: bytes, *, bound_to: str) -> bytes:
        """The part. NotFound `vault.key_destroyed` or `vault.no_key`; NodeError `vault.damaged` when the
        bytes are not what was sealed for this case, purpose and message."""
        cipher = self._vault._cipher(self._key(purpose, make=False))
        if not sealed.startswith(_FORMAT):
            _damaged()
        body = sealed[len(_FORMAT) :]
        try:
            return cipher.decrypt(
                body[:_NONCE_BYTES], body[_NONCE_BYTES:], _bound(self._reference, purpose, bound_to)
            )
        except (InvalidTag, ValueError):
            _damaged()

    def mark(self, purpose: Purpose, data: bytes) -> str:
        """A keyed digest (hex) by which a repeated request is known again: useless to whoever guesses at its
        content without the case's key, and useless to all once that is destroyed."""
        return self._vault._marked(self._key(purpose, make=True), data)

    def _key(self, purpose: Purpose, *, make: bool) -> bytes:
        """The data key, wrapped."""
        if purpose not in self._wrapped:
            if not make:
                raise NotFound("vault.no_key", "the case has no data key for this purpose")
            self._wrapped[purpose] = self._vault._new_key(self._session, self._reference, purpose)
        wrapped = self._wrapped[purpose]
        if wrapped is None:
            raise NotFound(
                "vault.key_destroyed", "the case's data key was destroyed; the part cannot be read again"
            )
        return wrapped


def _bound(reference: str, purpose: Purpose, message: str) -> bytes:
    """Lengths first, so that no two triples give the same bytes."""
    names = (reference.encode(), message.encode(), purpose.encode())
    return b"".join(len(name).to_bytes(4) + name for name in names)


def _damaged() -> NoReturn:
    raise NodeError(
        "vault.damaged", "a sealed part is not what was sealed for this case, purpose and message"
    )
