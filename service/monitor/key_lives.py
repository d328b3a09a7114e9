"""Keys and entries of this State that come to their end: said long before anybody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from protocol.directory import AuthorityEntry, Directory, KeyRecord, NodeEntry
from protocol.identifiers import NodeCode

__all__ = ["FEW_AHEAD", "Ending", "endings"]

_BEFORE: Final = timedelta(days=30)
_KEEPERS_MEET: Final = timedelta(days=90)
"""How long before its end the admission, or the State's root key, wants somebody: keepers sign together."""
FEW_AHEAD: Final = 2
"""Identity keys ahead: with fewer than this many it is time to make more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """`what`: entry, sign, seal-content, or seal-identity, of `owner`; of the member, admission and
    state-root, the last key that may sign its entries. Over at `at`; `due` when somebody has
    to do something: in the last 30 days, or in the second half of what lives shorter than 60.

    `ahead`: identity keys that have not begun.
    """

    what: str
    owner: str
    at: datetime
    due: bool
    ahead: int | None = None


def endings(directory: Directory, node: NodeCode, now: datetime) -> Iterator[Ending]:
    """As the directory that everybody sees says it: a key that was made and not published is no comfort. Also
    the entries that are over, and served no more."""
    served: list[AuthorityEntry | NodeEntry] = [*directory.nodes(), *directory.authorities()]
    for entry in (*served, *_over(directory)):
        if node not in (entry.owner, getattr(entry, "node", None)):
            continue
        yield Ending(
            what="entry",
            owner=entry.owner,
            at=entry.expires_at,
            due=_due(entry.issued_at, entry.expires_at, now),
        )
        yield from _keys(entry, now)
    yield from _admitted(directory, node, now)


def _admitted(directory: Directory, node: NodeCode, now: datetime) -> Iterator[Ending]:
    """What the network's keepers alone renew, and for which they have to meet."""
    for member in sorted(directory.snapshot.admissions):
        admission = directory.archive.admission(member)
        if admission is None or node not in admission.nodes:
            continue
        yield Ending(
            what="admission",
            owner=member,
            at=admission.expires_at,
            due=now >= admission.expires_at - _KEEPERS_MEET,
        )
        counting = [record for record in admission.root_keys if record.revoked_at is None]
        if counting:
            last = max(record.signing_until for record in counting)
            yield Ending(what="state-root", owner=member, at=last, due=now >= last - _KEEPERS_MEET)


def _over(directory: Directory) -> Iterator[AuthorityEntry | NodeEntry]:
    for owner, reason in sorted(directory.withheld.items()):
        if reason != "directory.entry_expired":
            continue
        versions = [
            held.entry
            for held in directory.archive.held.values()
            if isinstance(held.entry, AuthorityEntry | NodeEntry) and held.entry.owner == owner
        ]
        yield max(versions, key=lambda entry: entry.issued_at)


def _keys(entry: AuthorityEntry | NodeEntry, now: datetime) -> Iterator[Ending]:
    by_purpose: dict[str, list[KeyRecord]] = {}
    for record in entry.keys:
        if record.revoked_at is None:
            by_purpose.setdefault(record.purpose.value, []).append(record)
    for purpose, records in sorted(by_purpose.items()):
        last = max(records, key=lambda record: record.signing_until)
        ahead = sum(record.not_before > now for record in records) if purpose == "seal-identity" else None
        due = _due(last.not_before, last.signing_until, now)
        yield Ending(
            what=purpose,
            owner=entry.owner,
            at=last.signing_until,
            due=due if ahead is None else ahead < FEW_AHEAD,
            ahead=ahead,
        )


def _due(begun: datetime, ends: datetime, now: datetime) -> bool:
    return now >= ends - min(_BEFORE, (ends - begun) / 2)
