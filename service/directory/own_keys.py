"""What this State's entries say of its keys: taken from the keystore and from what its last entry said.

A key that was listed stays listed until nothing that it signed can still be on its way. One that has a
successor signs no more from an hour after that, and verifies for a month longer, twice as long as an envelope
lives. What arrived while it counted goes on verifying: nodes keep every version of an entry.

Of sealing keys the current ones are listed: others shall seal to nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.directory import KeyPurpose, KeyRecord, key_record, sealing_key_record
from service.keystore import FileKeyStore
from service.ports import SealingPurpose

__all__ = ["REAL", "KeyLives", "sealing_records", "signing_records", "spans"]

_OVERLAP = timedelta(hours=1)
"""What is being signed while the key is replaced, and clocks that differ."""
_STILL_ARRIVES = timedelta(days=30)
_SEALED_TO: Mapping[SealingPurpose, KeyPurpose] = {
    "content": KeyPurpose.SEAL_CONTENT,
    "identity": KeyPurpose.SEAL_IDENTITY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLives:
    """How long a key signs, or is sealed to, and for how long it verifies or opens, both from when it was
    made."""

    signs: timedelta
    verifies: timedelta


REAL = KeyLives(signs=timedelta(days=730), verifies=timedelta(days=760))


def signing_records(
    keys: FileKeyStore,
    owner: str,
    *,
    lives: KeyLives,
    now: datetime,
    listed: Iterable[KeyRecord] = (),
    revoked: Mapping[str, datetime] | None = None,
) -> tuple[KeyRecord, ...]:
    """The records for the next entry of `owner`, newest first. `listed` in its last entry; a key there that
    this keystore does not hold is the agency's own, and stays as it is. `revoked`: cut-offs by key id.

    NotFound `keystore.unknown_owner` when it has no key, here or listed.
    """
    records = {record.kid: record for record in listed if record.purpose is KeyPurpose.SIGN}
    held = [entry for entry in keys.entries() if entry.kind == "sign" and entry.owner == owner]
    if not records:
        keys.signing(owner)
    for position, entry in enumerate(held):
        if entry.kid not in records and entry.destroyed_at is None:
            key = keys.signing_by_kid(entry.kid)
            assert key is not None, "a key that was not destroyed is there"
            records[entry.kid] = key_record(key.public, **spans(entry.created_at, lives))
        if entry.kid in records and position + 1 < len(held):
            records[entry.kid] = _retired(records[entry.kid], held[position + 1].created_at)
    for kid, cut_off in (revoked or {}).items():
        if kid in records:
            records[kid] = dataclasses.replace(records[kid], revoked_at=cut_off)
    counting = [record for record in records.values() if record.verify_until > now]
    return tuple(sorted(counting, key=lambda record: (record.not_before, record.kid), reverse=True))


def sealing_records(
    keys: FileKeyStore, *, lives: KeyLives, listed: Iterable[KeyRecord] = ()
) -> tuple[KeyRecord, ...]:
    """The node's keys to seal to now. NotFound `keystore.no_sealing_key`."""
    known = {record.kid: record for record in listed}
    made = {entry.kid: entry.created_at for entry in keys.entries()}
    records = []
    for purpose, meaning in _SEALED_TO.items():
        kid = keys.current_sealing_kid(purpose)
        key = keys.sealing(kid)
        assert key is not None, "a current sealing key is there"
        fresh = sealing_key_record(key.public, meaning, **spans(made[kid], lives))
        records.append(known.get(kid, fresh))
    return tuple(records)


def _retired(record: KeyRecord, succeeded_at: datetime) -> KeyRecord:
    last = succeeded_at.replace(microsecond=0) + _OVERLAP
    return dataclasses.replace(
        record,
        signing_until=min(record.signing_until, last),
        verify_until=min(record.verify_until, last + _STILL_ARRIVES),
    )


def spans(created_at: datetime, lives: KeyLives) -> dict[str, datetime]:
    """The times in a key's record."""
    # Whole seconds are what travels; rounding up would make a key that was just made not yet valid.
    since = created_at.replace(microsecond=0)
    return {
        "not_before": since,
        "signing_until": since + lives.signs,
        "verify_until": since + lives.verifies,
    }
