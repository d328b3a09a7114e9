"""The access journal as a hash chain: each entry carries the digest of the one before it.

    digest = SHA-256 of the entry's members but `digest`, as one line of compact JSON in the order below
    previous = the digest of the entry before; of the first, `ORIGIN`

So a change, a removal or another order shows in the entry itself or in the one behind it. What a chain alone
cannot show is that its end was cut off or written anew: for that, compare with a checkpoint (position and
digest) that somebody else holds, such as the counterpart's node (`protocol.reconciliation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from protocol.errors import NotAcceptable, Refused
from protocol.json_strict import dumps, parse_object
from protocol.signing_keys import digest

__all__ = ["ORIGIN", "Checkpoint", "Entry", "Fault", "Report", "chained", "read_entry", "verify", "written"]

ORIGIN: Final = digest(b"focalpoint access journal 1")
MAX_ENTRY_BYTES: Final = 4_096

type Checkpoint = tuple[int, str]
"""Position and digest of an entry: whoever holds it would notice another history up to there."""
type FaultKind = Literal[
    "unreadable", "changed", "unlinked", "out-of-order", "differs", "missing", "appended"
]

_MEMBERS: Final = ("position", "at", "actor", "role", "via", "action", "subject", "reason", "previous")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who (`actor`, an opaque name, as `role`, known by `via`) did what to what (`subject`: an id or a case
    reference), when, and why (`reason`, a code). Never content, never a person's own name."""

    position: int
    at: str
    actor: str
    role: str
    via: str | None
    action: str
    subject: str
    reason: str | None
    previous: str
    digest: str

    @property
    def checkpoint(self) -> Checkpoint:
        return self.position, self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong, first at the entry `position`.

    `changed`        the entry is not what its digest was made of
    `unlinked`       it does not follow the entry before it: one was removed, replaced or put in
    `out-of-order`   its position is not higher than that of the one before
    `differs`        a checkpoint has another digest for it
    `missing`        a checkpoint has an entry that is not there
    `appended`       it stands behind the end that was given
    """

    position: int
    kind: FaultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`fault` is the first one found, None when all is well. `last` is where the entries end."""

    entries: int
    last: Checkpoint
    fault: Fault | None


def chained(
    *,
    position: int,
    at: datetime,
    actor: str,
    role: str,
    via: str | None,
    action: str,
    subject: str,
    reason: str | None,
    previous: str,
) -> Entry:
    """The entry behind the one whose digest is `previous`."""
    members: dict[str, Any] = {
        "position": position,
        "at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "actor": actor,
        "role": role,
        "via": via,
        "action": action,
        "subject": subject,
        "reason": reason,
        "previous": previous,
    }
    return Entry(**members, digest=_digest(members))


def written(entry: Entry) -> bytes:
    """The entry as a line of an export, without its end."""
    return dumps({name: getattr(entry, name) for name in (*_MEMBERS, "digest")})


def read_entry(line: bytes) -> Entry:
    """NotAcceptable `journal.malformed` when the line is not an entry. Whether it is true, `verify` says."""
    try:
        members = parse_object(line, max_bytes=MAX_ENTRY_BYTES)
    except Refused:
        raise NotAcceptable("journal.malformed", "expected one JSON object a line") from None
    if set(members) != {*_MEMBERS, "digest"} or not _well_typed(members):
        raise NotAcceptable("journal.malformed", "expected the members of a journal entry")
    return Entry(**members)


def verify(
    entries: Iterable[Entry],
    *,
    start: Checkpoint = (0, ORIGIN),
    known: Mapping[int, str] | None = None,
    end: int | None = None,
    excerpt: bool = False,
) -> Report:
    """Walk the chain from behind `start` and stop at the first fault.

    `known`: checkpoints that others hold, digest by position. `end`: the position of the last entry, where
    it is known from elsewhere. `excerpt`: entries of one case, between which others are left out; then only
    neighbours are held to be linked, and nothing shows that none is missing.
    """
    position, previous = start
    count, ahead = 0, dict(known or {})
    for entry in entries:
        kind = _fault(entry, position, previous, excerpt=excerpt)
        if kind is None and ahead.pop(entry.position, entry.digest) != entry.digest:
            kind = "differs"
        if kind is None and end is not None and entry.position > end:
            kind = "appended"
        if kind is not None:
            return _report(count, (position, previous), Fault(position=entry.position, kind=kind))
        count, position, previous = count + 1, entry.position, entry.digest
    absent = [] if excerpt else [one for one in ahead if one > start[0]]
    if not excerpt and end is not None and end > position:
        absent.append(end)
    fault = Fault(position=min(absent), kind="missing") if absent else None
    return _report(count, (position, previous), fault)


def _report(count: int, last: Checkpoint, fault: Fault | None) -> Report:
    return Report(entries=count, last=last, fault=fault)


def _fault(entry: Entry, position: int, previous: str, *, excerpt: bool) -> FaultKind | None:
    if entry.digest != _digest({name: getattr(entry, name) for name in _MEMBERS}):
        return "changed"
    if entry.position <= position:
        return "out-of-order"
    if entry.previous != previous and not (excerpt and entry.position > position + 1):
        return "unlinked"
    return None


def _digest(members: Mapping[str, Any]) -> str:
    return digest(dumps(dict(members)))


def _well_typed(members: Mapping[str, Any]) -> bool:
    optional = ("via", "reason")
    return type(members["position"]) is int and all(
        isinstance(members[name], str) or (name in optional and members[name] is None)
        for name in (*_MEMBERS[1:], "digest")
    )
