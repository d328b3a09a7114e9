"""Identity sealing keys: short-lived, made ahead, each destroyed when its time is over (ADR 0022).

    |-- in use --|-- still opens --|  destroyed
                 |-- in use -------|-- still opens --|  destroyed
                                   |-- in use ...

The State's root key is offline, and only it signs an entry. So some weeks of keys are made together, listed
in one entry with the times between which others seal to each, and the node goes through them by itself. What
an observer recorded stays closed once the key is destroyed, whoever takes the node afterwards; what is still
to come, a thief of the keystore could read, until the State lists other keys.

An envelope that is on its way for longer than a former key opens is not lost: its sender seals it afresh, to
the key of the day, until it is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from protocol.directory import Directory, KeyPurpose, NodeEntry
from protocol.errors import Refused
from protocol.identifiers import NodeCode
from service.keystore import FileKeyStore, KeyEntry
from service.settings import Settings

__all__ = ["Policy", "ahead", "destroy_what_is_over", "make_ahead", "planned_starts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long others seal to one key, how long it then still opens, and how many are made ahead."""

    life: timedelta
    overlap: timedelta
    ahead: int

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        return cls(
            life=timedelta(days=settings.identity_key_days),
            overlap=timedelta(days=settings.identity_key_overlap_days),
            ahead=settings.identity_keys_ahead,
        )


def ahead(keys: FileKeyStore, now: datetime) -> tuple[KeyEntry, ...]:
    """The identity keys that have not begun, soonest first."""
    coming = [
        entry
        for entry in keys.entries()
        if entry.purpose == "identity" and entry.destroyed_at is None and entry.starts_at > now
    ]
    return tuple(sorted(coming, key=lambda entry: entry.starts_at))


def planned_starts(keys: FileKeyStore, policy: Policy, now: datetime) -> tuple[datetime, ...]:
    """When the keys begin that are lacking. The key in use goes on for one more life where none follows."""
    coming = ahead(keys, now)
    last = coming[-1].starts_at if coming else now.replace(microsecond=0)
    return tuple(last + policy.life * number for number in range(1, policy.ahead - len(coming) + 1))


def make_ahead(keys: FileKeyStore, policy: Policy, now: datetime) -> int:
    """Make the keys that are lacking, and say of every one when it may be destroyed. Returns how many."""
    starts = planned_starts(keys, policy, now)
    for start in starts:
        keys.add_sealing("identity", not_before=start)
    line = sorted(
        (entry for entry in keys.entries() if entry.purpose == "identity" and entry.destroyed_at is None),
        key=lambda entry: entry.starts_at,
    )
    for entry, successor in pairwise(line):
        # Also one that was made by hand in between: what nobody lets go opens for ever.
        if entry.destroy_after is None:
            keys.let_go(entry.kid, successor.starts_at + policy.overlap)
    return len(starts)


def destroy_what_is_over(
    keys: FileKeyStore, directory: Directory, node: NodeCode, now: datetime
) -> Iterable[KeyEntry]:
    """Destroy the sealing keys whose time is over, and say which.

    What was taken over from an authority ends by its date alone. Of the node's own, none that others may be
    told to seal to today, and none at all while they are told to use a key that is not here: the keystore's
    word counts only together with the directory's.
    """
    for entry in keys.entries():
        if entry.kind == "open" and entry.destroyed_at is None and now >= (entry.destroy_after or now):
            keys.destroy(entry.kid)
            yield entry
        if entry.kind != "seal" or entry.destroyed_at is not None or entry.purpose is None:
            continue
        if entry.destroy_after is None or now < entry.destroy_after:
            continue
        try:
            told = directory.sealing_key(node, entry.purpose, now).kid
        except Refused:
            continue
        if keys.sealing(told) is None or entry.kid in {told, *_told_by_copies(directory, node, now)}:
            continue
        if keys.current_sealing_kid(entry.purpose) != entry.kid:
            keys.destroy(entry.kid)
            yield entry


def _told_by_copies(directory: Directory, node: NodeCode, now: datetime) -> Iterable[str]:
    """Sealing keys that a former entry of the node names for today, as long as a peer that has not renewed
    its copy may go by it: for one snapshot's life after the next entry."""
    copies_last = directory.snapshot.expires_at - directory.snapshot.issued_at
    for former, following in pairwise(directory.archive.versions(directory.node(node).path)):
        if now >= following.issued_at + copies_last or not isinstance(former, NodeEntry):
            continue
        yield from (
            record.kid
            for record in former.keys
            if record.purpose is not KeyPurpose.SIGN and record.in_use(now)
        )
