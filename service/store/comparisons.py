"""How our directory compared with each peer's: one row a peer, the last that it told us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from protocol.directory import Directory
from protocol.directory.views import MOST_RECENT, DirectoryView, compare_views, differing_buckets, view_of
from protocol.identifiers import NodeCode
from service.store.tables import DIRECTORY_COMPARISON, DIRECTORY_SNAPSHOT

__all__ = ["News", "all_of", "compare", "our_view", "owed", "splits", "told"]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a comparison shows that was not known. `first`: these two snapshots were not compared before."""

    first: bool = False
    since: int | None = None
    named: tuple[str, ...] = ()


def our_view(connection: Connection, directory: Directory, peer: NodeCode) -> DirectoryView:
    """What `peer` is told: with the documents of the buckets in which it was found to differ."""
    row = _row(connection, peer)
    naming: Sequence[int] = ()
    if row is not None and row.outcome == "split":
        naming = differing_buckets(directory.snapshot, row.their_buckets.split(" "))
    return view_of(directory.snapshot, _recent(connection), naming=naming)


def compare(
    connection: Connection, directory: Directory, theirs: DirectoryView, peer: NodeCode, now: datetime
) -> News:
    """Compare, and keep what came of it."""
    snapshot = directory.snapshot
    found = compare_views(snapshot, _recent(connection), theirs)
    former = _row(connection, peer)
    pair = (snapshot.digest, theirs.digest)
    known = former is not None and former.outcome == "split" and pair == (former.digest, former.their_digest)
    before: set[str] = set((former.differing or "").splitlines()) if known and former is not None else set()
    split = found.outcome == "split"
    # A statement that names nothing does not unsay what an earlier one on the same two snapshots named.
    differing = found.differing or tuple(sorted(before))
    values: dict[str, Any] = {
        "compared_at": now,
        "outcome": found.outcome,
        "sequence": snapshot.sequence,
        "digest": snapshot.digest,
        "their_sequence": theirs.sequence,
        "their_digest": theirs.digest,
        "their_buckets": " ".join(theirs.buckets),
        "since": found.since,
        "differing": "\n".join(differing) if split and differing else None,
        # Once for each pair: two that answer every answer would never come to rest.
        "owed": split and (not known or (former is not None and former.owed)),
    }
    if former is None:
        connection.execute(insert(DIRECTORY_COMPARISON).values(peer=peer, **values))
    else:
        connection.execute(
            update(DIRECTORY_COMPARISON).where(DIRECTORY_COMPARISON.c.peer == peer).values(**values)
        )
    if not split:
        return News()
    return News(
        first=not known,
        since=found.since,
        named=tuple(path for path in found.differing if path not in before),
    )


def told(connection: Connection, peer: NodeCode) -> None:
    """The peer has now been told what we hold."""
    connection.execute(
        update(DIRECTORY_COMPARISON)
        .where(DIRECTORY_COMPARISON.c.peer == peer, DIRECTORY_COMPARISON.c.owed)
        .values(owed=False)
    )


def owed(connection: Connection) -> frozenset[NodeCode]:
    """Peers that are to be told at once."""
    rows = connection.execute(select(DIRECTORY_COMPARISON.c.peer).where(DIRECTORY_COMPARISON.c.owed))
    return frozenset(NodeCode(peer) for peer in rows.scalars())


def splits(connection: Connection) -> Mapping[str, bool]:
    """For each peer that was compared with, whether it sees another directory than we."""
    rows = connection.execute(select(DIRECTORY_COMPARISON.c.peer, DIRECTORY_COMPARISON.c.outcome))
    return {row.peer: row.outcome == "split" for row in rows}


def all_of(connection: Connection) -> Sequence[Row[Any]]:
    """Every comparison, by peer."""
    return connection.execute(select(DIRECTORY_COMPARISON).order_by(DIRECTORY_COMPARISON.c.peer)).all()


def _row(connection: Connection, peer: NodeCode) -> Row[Any] | None:
    return connection.execute(
        select(DIRECTORY_COMPARISON).where(DIRECTORY_COMPARISON.c.peer == peer)
    ).one_or_none()


def _recent(connection: Connection) -> dict[int, str]:
    rows = connection.execute(
        select(DIRECTORY_SNAPSHOT.c.sequence, DIRECTORY_SNAPSHOT.c.digest)
        .order_by(DIRECTORY_SNAPSHOT.c.sequence.desc())
        .limit(MOST_RECENT)
    )
    return {row.sequence: row.digest for row in rows}
