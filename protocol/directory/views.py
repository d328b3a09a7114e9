"""What two nodes tell each other of the directory that they see, so that a split view is noticed by both.

Whoever holds the snapshot key, or stands between a node and the hub, might show different directories to
different States. Each node therefore says, with its running digests, which snapshots it has seen and, in 32
short digests, what stands in the newest. Two nodes that were shown two contents under one number both see
it. Each then names what lies in the buckets that differ, and so both can name the entry.

Two numbers alone are no split: the one with the lower has not seen the newer yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from protocol.claims import Claims
from protocol.directory.trust import Snapshot
from protocol.json_strict import Json
from protocol.statements import digest

__all__ = ["MOST_NAMED", "MOST_RECENT", "Comparison", "DirectoryView", "Outcome", "compare_views", "view_of"]

type Outcome = Literal["agrees", "we-are-ahead", "they-are-ahead", "split"]

BUCKETS = 32
MOST_RECENT = 8
"""Snapshots that a statement names, newest first."""
MOST_NAMED = 256
"""Documents named in one statement, by path. In a directory of thousands a differing bucket holds more; then
the first ones are named."""
_SHORT = 10
"""Characters of a bucket's digest: 60 bits, enough to tell two contents apart that nobody could search for,
since the content is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryView:
    """`recent`: digests of the snapshots seen last, by sequence. `named`: digest by path, of some buckets."""

    sequence: int
    digest: str
    recent: Mapping[int, str] = field(hash=False)
    buckets: tuple[str, ...]
    named: Mapping[str, str] = field(hash=False, default_factory=dict)

    def to_json(self) -> Json:
        return {
            "sequence": self.sequence,
            "recent": [[number, self.recent[number]] for number in sorted(self.recent)],
            "buckets": list(self.buckets),
            **({"named": dict(self.named)} if self.named else {}),
        }

    @classmethod
    def read(cls, claims: Claims, snapshot_digest: str) -> DirectoryView:
        """Refuses with the code of `claims` for anything else."""
        pairs = dict(claims.members()).get("recent", [])
        if not isinstance(pairs, list) or len(pairs) > MOST_RECENT:
            raise claims.wrong("recent", f"at most {MOST_RECENT} snapshots")
        recent: dict[int, str] = {}
        for pair in pairs:
            match pair:
                case [int(number), str(text)] if not isinstance(number, bool):
                    recent[number] = text
                case _:
                    raise claims.wrong("recent", "pairs of sequence and digest")
        buckets, named = claims.texts("buckets"), claims.texts_by_name("named")
        if len(buckets) != BUCKETS or len(named) > MOST_NAMED:
            raise claims.wrong("buckets", f"{BUCKETS} digests, and at most {MOST_NAMED} documents named")
        sequence = claims.integer("sequence", least=1)
        return cls(
            sequence=sequence,
            digest=snapshot_digest,
            recent=MappingProxyType({**recent, sequence: snapshot_digest}),
            buckets=buckets,
            named=MappingProxyType(named),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`since`: the lowest number under which the two hold different snapshots. `differing`: paths, as far as
    the peer has named what it holds. Both say nothing unless the views are split.
    """

    outcome: Outcome
    since: int | None = None
    differing: tuple[str, ...] = ()


def view_of(snapshot: Snapshot, recent: Mapping[int, str], *, naming: Iterable[int] = ()) -> DirectoryView:
    """Ours. `recent`: snapshots kept, digest by sequence. `naming`: buckets whose documents are named."""
    wanted = set(naming)
    contents = _contents(snapshot)
    named = [path for path in sorted(contents) if _bucket(path) in wanted][:MOST_NAMED]
    kept = sorted({**recent, snapshot.sequence: snapshot.digest}.items())[-MOST_RECENT:]
    return DirectoryView(
        sequence=snapshot.sequence,
        digest=snapshot.digest,
        recent=MappingProxyType(dict(kept)),
        buckets=_buckets(contents),
        named=MappingProxyType({path: contents[path] for path in named}),
    )


def differing_buckets(snapshot: Snapshot, theirs: Collection[str]) -> tuple[int, ...]:
    """Numbers of the buckets whose contents are not those that a peer told of."""
    ours = _buckets(_contents(snapshot))
    return tuple(
        number for number, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other
    )


def compare_views(snapshot: Snapshot, recent: Mapping[int, str], theirs: DirectoryView) -> Comparison:
    """How what a peer tells of the directory differs from what we hold and held."""
    ours = {**recent, snapshot.sequence: snapshot.digest}
    parted = [
        number
        for number in sorted(ours.keys() & theirs.recent.keys())
        if ours[number] != theirs.recent[number]
    ]
    if parted:
        return Comparison(outcome="split", since=parted[0], differing=_differing(snapshot, theirs))
    if snapshot.sequence == theirs.sequence:
        return Comparison(outcome="agrees")
    return Comparison(outcome="we-are-ahead" if snapshot.sequence > theirs.sequence else "they-are-ahead")


def _differing(snapshot: Snapshot, theirs: DirectoryView) -> tuple[str, ...]:
    """Only of buckets that the peer has named whole: what it left out for want of room is not missing."""
    if not theirs.named:
        return ()
    last = max(theirs.named) if len(theirs.named) == MOST_NAMED else None
    named = {_bucket(path) for path in theirs.named} | set(differing_buckets(snapshot, theirs.buckets))
    ours = {
        path: one
        for path, one in _contents(snapshot).items()
        if _bucket(path) in named and (last is None or path <= last)
    }
    return tuple(
        path for path in sorted(ours.keys() | theirs.named.keys()) if ours.get(path) != theirs.named.get(path)
    )


def _contents(snapshot: Snapshot) -> dict[str, str]:
    """Admissions beside entries, and what no entry says: a snapshot may differ in its dates alone."""
    admissions = {f"net/admission/{member}": one for member, one in snapshot.admissions.items()}
    return {"net/charter": snapshot.charter, **admissions, **snapshot.entries}


def _buckets(contents: Mapping[str, str]) -> tuple[str, ...]:
    held: list[list[str]] = [[] for _ in range(BUCKETS)]
    for path in sorted(contents):
        held[_bucket(path)].append(f"{path} {contents[path]}")
    return tuple(digest("\n".join(lines).encode())[:_SHORT] for lines in held)


def _bucket(path: str) -> int:
    return hashlib.sha256(path.encode()).digest()[0] % BUCKETS
