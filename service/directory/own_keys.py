"""What this State's entries say of its keys: taken from the keystore and from what its last entry said.

A key that was listed stays listed until nothing that it signed can still be on its way. One that has a
successor may sign for a week after that, so that the new entry has time to reach everybody, and verifies for
a month longer, twice as long as an envelope lives. What arrived while it counted goes on verifying: nodes
keep every version of an entry. A stolen one stays listed for good: whoever looks must find its cut-off.

Of content sealing keys the current one is listed: others shall seal to nothing else. Identity sealing keys
are listed ahead (`service.directory.identity_keys`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from protocol.directory import KeyPurpose, KeyRecord, key_record, sealing_key_record
from service.keystore import FileKeyStore

__all__ = [
    "OVERLAP",
    "REAL",
    "KeyLives",
    "ended",
    "identity_records",
    "sealing_records",
    "signing_records",
    "spans",
    "succeeded",
]

OVERLAP = timedelta(days=7)
"""How long a key that has a successor may still sign. The successor signs once the directory lists it."""
_STILL_ARRIVES = timedelta(days=30)


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
    this keystore does not hold is the agency's own, and stays as it is. `revoked`: cut-offs by key id; of two
    for one key the earlier counts.

    NotFound `keystore.unknown_owner` when it has no key, here or listed.
    """
    records = {record.kid: record for record in listed if record.purpose is KeyPurpose.SIGN}
    held = [entry for entry in keys.entries() if entry.kind == "sign" and entry.owner == owner]
    if not records:
        keys.signing(owner)
    for position, entry in enumerate(held):
        in_use = entry.current or entry.waiting or position + 1 < len(held)
        if entry.kid not in records and entry.destroyed_at is None and in_use:
            key = keys.signing_by_kid(entry.kid)
            assert key is not None, "a key that was not destroyed is there"
            records[entry.kid] = key_record(key.public, **spans(entry.created_at, lives))
        if entry.kid in records and position + 1 < len(held):
            records[entry.kid] = succeeded(records[entry.kid], held[position + 1].created_at)
    for kid, cut_off in (revoked or {}).items():
        if kid in records:
            # A later one would give a thief the time between.
            earliest = min(cut_off, records[kid].revoked_at or cut_off)
            records[kid] = dataclasses.replace(records[kid], revoked_at=earliest)
    counting = [
        record for record in records.values() if record.verify_until > now or record.checkpoints is not None
    ]
    return tuple(sorted(counting, key=lambda record: (record.not_before, record.kid), reverse=True))


def sealing_records(
    keys: FileKeyStore, *, lives: KeyLives, now: datetime, listed: Iterable[KeyRecord] = ()
) -> tuple[KeyRecord, ...]:
    """The node's keys to seal to now, and for identity those to come. NotFound `keystore.no_sealing_key`."""
    known = {record.kid: record for record in listed}
    kid = keys.current_sealing_kid("content")
    key = keys.sealing(kid)
    assert key is not None, "a current sealing key is there"
    made = next(entry.created_at for entry in keys.entries() if entry.kid == kid)
    content = sealing_key_record(key.public, KeyPurpose.SEAL_CONTENT, **spans(made, lives))
    return known.get(kid, content), *identity_records(keys, lives=lives, now=now)


def identity_records(keys: FileKeyStore, *, lives: KeyLives, now: datetime) -> tuple[KeyRecord, ...]:
    """Identity sealing keys from the one in use on, each until the next begins.

    The last is listed for long: a State that forgets to make more loses the short life of its keys, not its
    mail. NotFound `keystore.no_sealing_key`.
    """
    current = keys.current_sealing_kid("identity")
    series = sorted(
        (
            entry
            for entry in keys.entries()
            if entry.purpose == "identity" and entry.destroyed_at is None
            if entry.kid == current or entry.starts_at > now
        ),
        key=lambda entry: entry.starts_at,
    )
    records = []
    for position, entry in enumerate(series):
        key = keys.sealing(entry.kid)
        assert key is not None, "a key that was not destroyed is there"
        record = sealing_key_record(key.public, KeyPurpose.SEAL_IDENTITY, **spans(entry.starts_at, lives))
        if position + 1 < len(series):
            following = series[position + 1].starts_at.replace(microsecond=0)
            opens = (entry.destroy_after or following).replace(microsecond=0)
            record = dataclasses.replace(
                record,
                signing_until=following,
                verify_until=max(following, opens),
            )
        records.append(record)
    return tuple(records)


def succeeded(record: KeyRecord, at: datetime) -> KeyRecord:
    """A record whose owner has another key since `at`."""
    return ended(record, at.replace(microsecond=0) + OVERLAP)


def ended(record: KeyRecord, last: datetime) -> KeyRecord:
    """A record that signs no more from `last` on, and verifies for a month longer."""
    last = max(last.replace(microsecond=0), record.not_before + timedelta(seconds=1))
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
