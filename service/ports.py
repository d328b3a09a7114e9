"""What a node needs from outside, as protocols: the real ones and the tests' stand-ins fit the same holes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from protocol.directory import Directory
    from protocol.sealing import SealingPrivateKey
    from protocol.statements import SigningKey

__all__ = ["Clock", "DirectorySource", "KeyStore", "RandomSource", "SealingPurpose"]

type SealingPurpose = Literal["content", "identity"]
"""`content` opens the sealed header, coded and narrative parts; `identity` opens identity parts only and is
short-lived, so that destroying it closes whatever identity part was captured on the way."""


class Clock(Protocol):
    def now(self) -> datetime:
        """Aware, in UTC."""
        ...


class RandomSource(Protocol):
    def bytes(self, count: int, /) -> bytes:
        """`count` bytes that nobody can predict."""
        ...


class KeyStore(Protocol):
    """The node's private keys. An owner is a node code, an authority's address, or one of the roles of
    `service.keystore` (`state-root`, `charter-1`, `snapshot`, `api-token`)."""

    def signing(self, owner: str, /) -> SigningKey:
        """The key that `owner` signs with today. NotFound `keystore.unknown_owner`."""
        ...

    def signing_by_kid(self, kid: str, /) -> SigningKey | None: ...

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        """None for a key that we never had and for one that was destroyed alike."""
        ...

    def current_sealing_kid(self, purpose: SealingPurpose = "content", /) -> str:
        """The key that peers should seal to today. NotFound `keystore.no_sealing_key`."""
        ...

    def kek(self) -> bytes:
        """32 bytes under which every case key is wrapped."""
        ...


class DirectorySource(Protocol):
    def current(self) -> Directory:
        """The last good directory: what is signed, sent or taken in rests on it, and what is read under a
        mandate. Refuses `directory.none_yet`, and `directory.expired` past its hard expiry."""
        ...

    def known(self) -> Directory:
        """The last good directory, also past its expiry: for names, for what is read or typed, and for
        whoever watches. Refuses `directory.none_yet`."""
        ...
