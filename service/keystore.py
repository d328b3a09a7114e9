"""The node's private keys in encrypted files.

    passphrase file (0600)  scrypt  master key  HKDF  ├─ one key per purpose: AES-256-GCM over each key file
                                                      └─ HMAC over index.json

`index.json` says which keys there are, whose, and which is current; it holds no secret, and altered it is
refused. Each key file is bound to its entry: a file moved to another owner does not open. Every change is
written beside, flushed and renamed, under a lock; a running node notices what a command changed.
`service.keystore_pkcs11` keeps signing keys in a hardware module instead, behind the same port.

Destroying overwrites and unlinks the file. On a copying file system or a worn flash cell that is a wish: the
encryption under the passphrase, and short-lived identity keys, are what is relied on.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import hmac
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.sealing import DEFAULT_SUITE, SealingPrivateKey, SealingSuite
from protocol.signing_keys import LocalSigningKey, SigningKey, VerifyKey, thumbprint_kid
from service.errors import Conflict, Misconfigured, NotFound
from service.ports import Clock, RandomSource, SealingPurpose
from service.private_files import write_private

__all__ = [
    "API_TOKEN",
    "PASSPHRASE_LEAST",
    "SNAPSHOT",
    "STATE_ROOT",
    "WEBHOOK",
    "FileKeyStore",
    "KeyEntry",
    "charter_owner",
    "is_public_half",
    "new_passphrase_file",
    "read_passphrase",
]

STATE_ROOT = "state-root"
"""Owner of the key that signs a State's directory entries."""
SNAPSHOT = "snapshot"
"""Owner of the key that signs directory snapshots."""
API_TOKEN = "api-token"  # noqa: S105 - the name of an owner
"""Owner of the key that signs this node's access tokens."""
WEBHOOK = "webhook"
"""Owner of the key that signs what this node tells other systems by webhook."""


def charter_owner(number: int) -> str:
    """Owner of one of the network's charter keys, counted from 1."""
    return f"charter-{number}"


_INDEX = "index.json"
_LOCK = ".lock"
_FORMAT = 1
_KEK = "key-encryption"
_NONCE_BYTES = 12
_SALT_BYTES = 16
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1  # 32 MiB and some 80 ms: once a start
_SCRYPT_MEMORY = 2**28  # bytes
PASSPHRASE_LEAST = 16
"""Bytes."""

type Kind = Literal["sign", "seal", "open", "wrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """One key, without its secret. `purpose` and `suite` are of sealing keys only.

    `kind` "open": a sealing key of an authority's own, from when its State had no node. It has no purpose,
    for nobody is told to seal to it here.

    `not_before`: a sealing key made ahead is used from then on. `waiting`: a signing key that signs nothing
    until the directory lists it. `until`: of a former key, until when what it signed is still honoured here
    (tokens). `destroy_after`: when a sealing key may be destroyed.
    """

    kid: str
    kind: Kind
    owner: str
    purpose: SealingPurpose | None
    suite: SealingSuite | None
    created_at: datetime
    current: bool
    destroyed_at: datetime | None = None
    waiting: bool = False
    not_before: datetime | None = None
    until: datetime | None = None
    destroy_after: datetime | None = None

    @property
    def starts_at(self) -> datetime:
        return self.not_before or self.created_at


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was read from the directory at one moment; replaced as a whole."""

    stamp: tuple[int, int, int]
    entries: Mapping[str, KeyEntry]
    signing: Mapping[str, SigningKey]
    sealing: Mapping[str, SealingPrivateKey]
    current_signing: Mapping[str, str]
    kek: bytes


class FileKeyStore:
    """Keys in `directory`, by owner and by key id. Safe to use from every thread and several processes.

    Misconfigured `keystore.missing`, `keystore.permissions`, `keystore.passphrase` (also for an altered
    index), `keystore.damaged`.
    """

    def __init__(self, directory: Path, passphrase: bytes, *, clock: Clock, random: RandomSource) -> None:
        self._directory = directory
        self._clock = clock
        self._random = random
        self._guard = threading.RLock()
        _refuse_open_to_others(directory)
        document = self._document()
        self._derivation = _Derivation(salt=document["salt"], scrypt_n=document["scrypt_n"])
        self._master = self._derivation.master_key(passphrase)
        self._loaded = self._load()
        self._finish_destroying()

    @classmethod
    def create(
        cls,
        directory: Path,
        passphrase: bytes,
        *,
        clock: Clock,
        random: RandomSource,
        scrypt_n: int = _SCRYPT_N,
    ) -> Self:
        """A new store with a key-encryption key and nothing else. Conflict `keystore.exists`.

        `scrypt_n`: cost of one guess at the passphrase; each doubling takes twice the time and memory.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_open_to_others(directory)
        if (directory / _INDEX).exists():
            raise Conflict("keystore.exists", "there is a keystore already; a second one would hide its keys")
        derivation = _Derivation(salt=random.bytes(_SALT_BYTES).hex(), scrypt_n=scrypt_n)
        master = derivation.master_key(passphrase)
        entry = KeyEntry(
            kid="kek-1",
            kind="wrap",
            owner=_KEK,
            purpose=None,
            suite=None,
            created_at=clock.now(),
            current=True,
        )
        secret = _sealed_secret(master, entry, random.bytes(32), random.bytes(_NONCE_BYTES))
        _write(directory / _file_name(entry.kid), secret)
        _write(directory / _INDEX, _index(master, derivation, {entry.kid: entry}))
        return cls(directory, passphrase, clock=clock, random=random)

    def signing(self, owner: str, /) -> SigningKey:
        """The key that `owner` signs with today. NotFound `keystore.unknown_owner`."""
        loaded = self._current()
        kid = loaded.current_signing.get(owner)
        if kid is None:
            raise NotFound("keystore.unknown_owner", "no signing key here belongs to that owner")
        return loaded.signing[kid]

    def signing_by_kid(self, kid: str, /) -> SigningKey | None:
        return self._current().signing.get(kid)

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        """None for a key that we never had and for one that was destroyed alike."""
        return self._current().sealing.get(kid)

    def current_sealing_kid(self, purpose: SealingPurpose = "content", /) -> str:
        """The key that peers should seal to today. NotFound `keystore.no_sealing_key`."""
        kid = self._sealed_to(self._current().entries, purpose)
        if kid is None:
            raise NotFound("keystore.no_sealing_key", f"there is no sealing key for {purpose}")
        return kid

    def _sealed_to(self, entries: Mapping[str, KeyEntry], purpose: SealingPurpose | None) -> str | None:
        """Of those that have begun the one that began last; of two at once the one that was made last."""
        now = self._clock.now()
        begun = [
            (entry.starts_at, position, entry.kid)
            for position, entry in enumerate(entries.values())
            if entry.kind == "seal" and entry.purpose == purpose and entry.destroyed_at is None
            if entry.current or entry.starts_at <= now
        ]
        return max(begun)[2] if begun else None

    def honoured(self, owner: str, kid: str) -> VerifyKey | None:
        """The key `kid`, when what it signs for `owner` still counts here: its current one, and a former one
        until its `until`. For what this node itself reads back, such as its tokens."""
        loaded = self._current()
        entry = loaded.entries.get(kid)
        if entry is None or entry.kind != "sign" or entry.owner != owner or entry.destroyed_at is not None:
            return None
        if not entry.current and (entry.until is None or self._clock.now() >= entry.until):
            return None
        return loaded.signing[kid].public

    def kek(self) -> bytes:
        """32 bytes under which every case key is wrapped."""
        return self._current().kek

    def entries(self) -> tuple[KeyEntry, ...]:
        """Every key there is or was, oldest first, without its secret."""
        return tuple(self._current().entries.values())

    def add_signing(
        self,
        owner: str,
        key: LocalSigningKey | None = None,
        *,
        waiting: bool = False,
        former_until: datetime | None = None,
    ) -> SigningKey:
        """Give `owner` a key, a new one unless given; it becomes the current one, or, `waiting`, once it is
        `promote`d. The former stays: it may have signed what is still on its way. `former_until`: how long
        this node honours that one. Conflict `keystore.kid_taken`."""
        key = key or LocalSigningKey.from_seed(None, self._random.bytes(32))
        self._add_signing_entry(owner, key.kid, key.seed(), waiting=waiting, former_until=former_until)
        return key

    def _add_signing_entry(
        self, owner: str, kid: str, secret: bytes, *, waiting: bool, former_until: datetime | None
    ) -> None:
        entry = self._entry(kid, "sign", owner)
        self._add(dataclasses.replace(entry, current=not waiting, waiting=waiting), secret, former_until)

    def promote(self, kid: str) -> None:
        """A waiting key signs from now on. NotFound `keystore.unknown_key`."""
        with self._changing() as entries:
            entry = _there(entries, kid)
            _make_former(entries, entry, None)
            entries[kid] = dataclasses.replace(entry, current=True, waiting=False)

    def retire(self, kid: str) -> None:
        """The key signs no more, whether or not its owner has another. NotFound `keystore.unknown_key`."""
        with self._changing() as entries:
            entries[kid] = dataclasses.replace(_there(entries, kid), current=False, waiting=False)

    def add_sealing(
        self,
        purpose: SealingPurpose,
        *,
        suite: SealingSuite = DEFAULT_SUITE,
        key: SealingPrivateKey | None = None,
        not_before: datetime | None = None,
        destroy_after: datetime | None = None,
    ) -> SealingPrivateKey:
        """A sealing key, a new one unless given; it becomes the current one for `purpose`, at `not_before` if
        that is given. Former ones still open what was sealed to them, until destroyed. Conflict
        `keystore.kid_taken`."""
        key = key or SealingPrivateKey.generate(None, suite, self._random.bytes)
        entry = self._entry(key.kid, "seal", "node", purpose=purpose, suite=key.suite)
        ahead = dataclasses.replace(
            entry, current=not_before is None, not_before=not_before, destroy_after=destroy_after
        )
        self._add(ahead, key.to_secret())
        return key

    def take_over(self, owner: str, key: SealingPrivateKey, destroy_after: datetime) -> None:
        """Open here, until then, what was sealed to an authority before its State had a node. Conflict
        `keystore.kid_taken`."""
        entry = self._entry(key.kid, "open", owner, suite=key.suite)
        self._add(dataclasses.replace(entry, current=False, destroy_after=destroy_after), key.to_secret())

    def let_go(self, kid: str, destroy_after: datetime) -> None:
        """Say when a sealing key may be destroyed. NotFound `keystore.unknown_key`."""
        with self._changing() as entries:
            entries[kid] = dataclasses.replace(_there(entries, kid), destroy_after=destroy_after)

    def destroy(self, kid: str) -> None:
        """Destroy a key that is not current. Its entry and date stay. NotFound `keystore.unknown_key`,
        Conflict `keystore.key_current`: add its successor first."""
        with self._changing() as entries:
            entry = _there(entries, kid)
            sealed_to = entry.kind == "seal" and self._sealed_to(entries, entry.purpose) == kid
            if sealed_to or (entry.kind != "seal" and entry.current):
                raise Conflict("keystore.key_current", "the key is in use; add its successor first")
            # The index first: whatever happens next, the key is never loaded again.
            entries[kid] = dataclasses.replace(entry, destroyed_at=self._clock.now())

    def _entry(
        self,
        kid: str,
        kind: Kind,
        owner: str,
        *,
        purpose: SealingPurpose | None = None,
        suite: SealingSuite | None = None,
    ) -> KeyEntry:
        return KeyEntry(
            kid=kid,
            kind=kind,
            owner=owner,
            purpose=purpose,
            suite=suite,
            created_at=self._clock.now(),
            current=True,
        )

    def _add(self, entry: KeyEntry, secret: bytes, former_until: datetime | None = None) -> None:
        with self._changing() as entries:
            if entry.kid in entries:
                raise Conflict(
                    "keystore.kid_taken", "a key with that id is or was here; ids are not used twice"
                )
            if entry.current:
                _make_former(entries, entry, former_until)
            entries[entry.kid] = entry
            _write(
                self._directory / _file_name(entry.kid),
                _sealed_secret(self._master, entry, secret, self._random.bytes(_NONCE_BYTES)),
            )

    @contextmanager
    def _changing(self) -> Iterator[dict[str, KeyEntry]]:
        """Alone among threads and processes; what the block leaves in the dictionary is the new index."""
        with self._guard, _locked(self._directory / _LOCK):
            entries = dict(self._load().entries)
            yield entries
            _write(self._directory / _INDEX, _index(self._master, self._derivation, entries))
            self._loaded = self._load()
            self._finish_destroying()

    def _finish_destroying(self) -> None:
        """Also at the start: a crash may have come between the index and the file."""
        for entry in self._loaded.entries.values():
            if entry.destroyed_at is not None and (self._directory / _file_name(entry.kid)).exists():
                self._erase_elsewhere(entry)
                _erase(self._directory / _file_name(entry.kid))

    def outside_module(self) -> tuple[KeyEntry, ...]:
        """Signing keys that lie in files though the settings ask for a hardware module."""
        return ()

    def _erase_elsewhere(self, entry: KeyEntry) -> None:
        """For a keystore that has more of a key than its file."""

    def _current(self) -> _Loaded:
        loaded = self._loaded
        if _stamp(self._directory / _INDEX) == loaded.stamp:
            return loaded
        with self._guard:
            self._loaded = self._load()
            return self._loaded

    def _document(self) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self._directory / _INDEX).read_bytes())
            if document["format"] != _FORMAT:
                raise ValueError
            bytes.fromhex(document["salt"])
            if type(document["scrypt_n"]) is not int:
                raise ValueError
        except FileNotFoundError as error:
            raise Misconfigured(
                "keystore.missing", "there is no keystore here; make one, or name its path"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Misconfigured("keystore.damaged", "the keystore's index cannot be read") from error
        return document

    def _load(self) -> _Loaded:
        path = self._directory / _INDEX
        stamp = _stamp(path)  # before reading: a change in between is then noticed by the next look
        document = self._document()
        body = document.get("keys", [])
        if not hmac.compare_digest(str(document.get("mac", "")), _mac(self._master, self._derivation, body)):
            raise Misconfigured(
                "keystore.passphrase", "the passphrase does not fit, or the index was altered"
            )
        entries = {entry.kid: entry for entry in map(_read_entry, body)}
        signing: dict[str, SigningKey] = {}
        sealing: dict[str, SealingPrivateKey] = {}
        current_signing: dict[str, str] = {}
        kek = b""
        former = getattr(self, "_loaded", None)
        for kid, entry in entries.items():
            if entry.destroyed_at is not None:
                continue
            if entry.kind == "sign":
                known = former.signing.get(kid) if former else None
                signing[kid] = known or self._signing_key(entry)
                if entry.current:
                    current_signing[entry.owner] = kid
            elif entry.kind in ("seal", "open"):
                assert entry.suite is not None
                held = former.sealing.get(kid) if former else None
                sealing[kid] = held or SealingPrivateKey.from_secret(kid, entry.suite, self._secret(entry))
            else:
                kek = self._secret(entry)
        return _Loaded(stamp, entries, signing, sealing, current_signing, kek)

    def _signing_key(self, entry: KeyEntry) -> SigningKey:
        secret = self._secret(entry)
        if is_public_half(entry, secret):  # taken for a seed it would sign with a key that everybody has
            raise Misconfigured(
                "keystore.in_module",
                f"key {entry.kid} is in a hardware module; expected `keystore` to be pkcs11",
            )
        return LocalSigningKey.from_seed(entry.kid, secret)

    def _secret(self, entry: KeyEntry) -> bytes:
        path = self._directory / _file_name(entry.kid)
        try:
            _refuse_open_to_others(path)
            sealed = path.read_bytes()
            return AESGCM(_key(self._master, entry.kind)).decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(entry)
            )
        except (OSError, InvalidTag, ValueError) as error:
            raise Misconfigured(
                "keystore.damaged", f"the file of key {entry.kid} is missing or not what was written"
            ) from error


def _there(entries: Mapping[str, KeyEntry], kid: str) -> KeyEntry:
    entry = entries.get(kid)
    if entry is None or entry.destroyed_at is not None:
        raise NotFound("keystore.unknown_key", "there is no such key, or it is destroyed already")
    return entry


def _make_former(entries: dict[str, KeyEntry], successor: KeyEntry, until: datetime | None) -> None:
    whose = (successor.kind, successor.owner, successor.purpose)
    for kid, other in entries.items():
        if (other.kind, other.owner, other.purpose) == whose and other.current:
            entries[kid] = dataclasses.replace(other, current=False, until=until)


def read_passphrase(path: Path, *, least: int = PASSPHRASE_LEAST) -> bytes:
    """The passphrase in `path`, without the line's end; at least `least` bytes. Misconfigured
    `keystore.passphrase_file`, `keystore.permissions`."""
    try:
        _refuse_open_to_others(path)
        passphrase = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise Misconfigured("keystore.passphrase_file", "the passphrase file cannot be read") from error
    if len(passphrase) < least:
        raise Misconfigured("keystore.passphrase_file", f"expected a passphrase of at least {least} bytes")
    return passphrase


def new_passphrase_file(path: Path, random: RandomSource) -> bytes:
    """Write 256 random bits to a new file, 0600. Conflict `keystore.exists`: an old passphrase is not
    replaced."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        raise Conflict("keystore.exists", "there is a passphrase file already")
    passphrase = random.bytes(32).hex().encode()
    _write(path, passphrase + b"\n")
    return passphrase


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derivation:
    """How the passphrase becomes the master key. In the index, so that its cost can be raised one day."""

    salt: str
    scrypt_n: int

    def master_key(self, passphrase: bytes) -> bytes:
        try:
            return hashlib.scrypt(
                passphrase,
                salt=bytes.fromhex(self.salt),
                n=self.scrypt_n,
                r=_SCRYPT_R,
                p=_SCRYPT_P,
                maxmem=_SCRYPT_MEMORY,
                dklen=32,
            )
        except (ValueError, TypeError, OverflowError) as error:
            raise Misconfigured("keystore.damaged", "the keystore's index asks for an odd cost") from error


def _key(master: bytes, use: str) -> bytes:
    return hmac.digest(master, b"focalpoint keystore " + use.encode(), hashlib.sha256)


def _sealed_secret(master: bytes, entry: KeyEntry, secret: bytes, nonce: bytes) -> bytes:
    return nonce + AESGCM(_key(master, entry.kind)).encrypt(nonce, secret, _bound(entry))


def _bound(entry: KeyEntry) -> bytes:
    return json.dumps([entry.kid, entry.kind, entry.owner, entry.purpose, entry.suite]).encode()


def is_public_half(entry: KeyEntry, secret: bytes) -> bool:
    """Whether the file of a signing key holds its public half: the key itself is in a hardware module."""
    return thumbprint_kid(secret) == entry.kid


def _file_name(kid: str) -> str:
    # Hashed: a key id may hold a slash, and differ from another in case only.
    return hashlib.sha256(kid.encode()).hexdigest()[:32] + ".key"


def _index(master: bytes, derivation: _Derivation, entries: Mapping[str, KeyEntry]) -> bytes:
    body = [_written_entry(entry) for entry in entries.values()]
    document = dataclasses.asdict(derivation) | {"format": _FORMAT, "keys": body}
    return json.dumps(document | {"mac": _mac(master, derivation, body)}, indent=1).encode()


def _mac(master: bytes, derivation: _Derivation, body: Any) -> str:
    text = json.dumps([_FORMAT, dataclasses.asdict(derivation), body], sort_keys=True, separators=(",", ":"))
    return hmac.digest(_key(master, "index"), text.encode(), hashlib.sha256).hex()


def _written_entry(entry: KeyEntry) -> dict[str, Any]:
    written = dataclasses.asdict(entry)
    for name in _MOMENTS:
        written[name] = written[name].isoformat() if written[name] is not None else None
    return written


_MOMENTS = ("created_at", "destroyed_at", "not_before", "until", "destroy_after")


def _read_entry(written: dict[str, Any]) -> KeyEntry:
    suite = written["suite"]
    # An index of an earlier release lacks the later members.
    moments = {
        name: datetime.fromisoformat(written[name]) if written.get(name) else None for name in _MOMENTS
    }
    created_at = moments.pop("created_at")
    if created_at is None:
        raise Misconfigured("keystore.damaged", "a key in the index has no date")
    return KeyEntry(
        kid=written["kid"],
        kind=written["kind"],
        owner=written["owner"],
        purpose=written["purpose"],
        suite=SealingSuite(suite) if suite else None,
        created_at=created_at,
        current=written["current"],
        waiting=written.get("waiting", False),
        **moments,
    )


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise Misconfigured("keystore.missing", "the keystore is gone from its place") from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def _refuse_open_to_others(path: Path) -> None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError as error:
        raise Misconfigured(
            "keystore.missing", f"{path.name} is not there; make it, or name its path"
        ) from error
    if mode & 0o077:
        wanted = "700" if path.is_dir() else "600"
        raise Misconfigured(
            "keystore.permissions", f"{path.name} is open to other users; chmod it to {wanted}"
        )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    write_private(path, data)
    _flush_directory(path.parent)


def _erase(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    _flush_directory(path.parent)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
