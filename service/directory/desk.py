"""What an administrator sees of the directory and does to this State's part of it: look, preview, publish.

    state      which directory the node has, how long it is good, and what peers see of it
    preview    what an entry would say and change; signed by nobody yet
    publish    the entry, signed here when the node holds the root key, or brought along signed

An entry is named by its kind (`authority`, `mandate`, `corridor`) and name; `facts` are its metadata as the
entry has it, and for a mandate its `intermediary`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from protocol import statements
from protocol.claims import seconds_of
from protocol.directory import AuthorityEntry, CorridorEntry, Directory, MandateEntry
from protocol.directory.between import CORRIDOR_TYPE, MANDATE_TYPE
from protocol.directory.entries import AUTHORITY_TYPE, Entry, read_entry
from protocol.directory.trust import Admission, verify_entry
from protocol.errors import NotAcceptable
from protocol.statements import Statement, StatementType
from service.access import journal
from service.access.actor import Actor
from service.directory.laid_out import lay_out
from service.directory.own_entries import claims_of
from service.errors import NotFound
from service.keystore import STATE_ROOT
from service.node import Node
from service.store import comparisons

__all__ = [
    "DirectoryState",
    "EntryDraft",
    "PeerView",
    "Published",
    "directory_state",
    "preview_entry",
    "publish_entry",
]

_METADATA: Final = {"authority": AUTHORITY_TYPE, "mandate": MANDATE_TYPE, "corridor": CORRIDOR_TYPE}
_LASTS: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """How a peer's directory compared with ours when it last told us. `differing`: paths."""

    peer: str
    outcome: str
    compared_at: datetime
    snapshot: int
    since: int | None
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryState:
    """`alarms`: codes and event names that want a person; none is good."""

    charter: str
    charter_sequence: int
    snapshot: int
    snapshot_digest: str
    issued_at: datetime
    half_life: datetime
    expires_at: datetime
    freshness: str
    suspended: tuple[str, ...]
    peers: tuple[PeerView, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDraft:
    """An entry as it would be. `claims`: what the root key signs. `signs_here`: the node holds that key."""

    path: str
    changes: tuple[str, ...]
    claims: Mapping[str, Any] = field(hash=False)
    signs_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    path: str
    digest: str
    changes: tuple[str, ...]


async def directory_state(node: Node, _: Actor, /) -> DirectoryState:
    """Refuses as `DirectorySource.current`."""
    directory, now = node.directory.current(), node.clock.now()
    rows = await node.store.read(lambda session: comparisons.all_of(session.connection()))
    snapshot, freshness = directory.snapshot, directory.freshness(now)
    peers = tuple(
        PeerView(
            peer=row.peer,
            outcome=row.outcome,
            compared_at=row.compared_at,
            snapshot=row.their_sequence,
            since=row.since,
            differing=tuple((row.differing or "").splitlines()),
        )
        for row in rows
    )
    alarms = [f"directory.{freshness}"] if freshness != "good" else []
    if any(peer.outcome == "split" for peer in peers):
        alarms.append("directory.split_view")
    return DirectoryState(
        charter=directory.charter.digest,
        charter_sequence=directory.charter.sequence,
        snapshot=snapshot.sequence,
        snapshot_digest=snapshot.digest,
        issued_at=snapshot.issued_at,
        half_life=snapshot.half_life,
        expires_at=snapshot.expires_at,
        freshness=freshness,
        suspended=tuple(
            member
            for member in sorted(snapshot.admissions)
            if (admission := directory.archive.admission(member)) is not None and admission.suspended
        ),
        peers=peers,
        alarms=tuple(alarms),
    )


async def preview_entry(
    node: Node, _: Actor, kind: str, name: str, facts: Mapping[str, Any], /
) -> EntryDraft:
    """Refuses `directory.malformed`, `directory.critical`, `directory.wrong_path`, `directory.not_admitted`;
    NotFound `request.not_found` for a kind that there is not, or an authority that has no entry yet: its keys
    come first (`focalpoint directory entry`)."""
    directory, now = node.directory.current(), node.clock.now()
    path, claims = _draft(node, directory, kind, name, facts, now)
    entry = read_entry(path, _unsigned(claims))
    return EntryDraft(
        path=path,
        changes=tuple(_changes(directory, entry, claims)),
        claims=claims,
        signs_here=_root_key(node) is not None,
    )


async def publish_entry(
    node: Node,
    actor: Actor,
    kind: str,
    name: str,
    facts: Mapping[str, Any] | None,
    signed: str | None,
    /,
) -> Published:
    """Lay the entry where the node takes it from; the hub has it within seconds, other States believe it once
    a snapshot lists it. Refuses as `preview_entry` and `verify_entry`, `directory.entry_rollback` for one
    that is no newer than the last, `directory.root_key_revoked`, and NotFound `keystore.unknown_owner` for
    facts where the root key is elsewhere.
    """
    directory, now = node.directory.current(), node.clock.now()
    path = f"{_member(node)}/{kind}/{name}"
    if signed is None:
        key = _root_key(node)
        if key is None:
            raise NotFound("keystore.unknown_owner", "the State's root key is not here: bring a signed entry")
        _, claims = _draft(node, directory, kind, name, facts or {}, now)
        signed = statements.sign(StatementType.STATE_ENTRY, claims, key)
    elif kind not in _METADATA:
        raise NotFound("request.not_found", "no entry of that kind is published in this way")
    entry, root = verify_entry(path, signed, directory.charter, _admission(directory, node))
    if root.revoked_at is not None:
        raise NotAcceptable("directory.root_key_revoked", f"root key {root.kid} was revoked")
    newest = directory.archive.newest(path)
    if newest is not None and entry.issued_at <= newest.entry.issued_at and entry != newest.entry:
        raise NotAcceptable("directory.entry_rollback", f"a newer entry at {path} was seen")
    changes = tuple(_changes(directory, entry, claims_of(signed)))
    token = signed
    await asyncio.to_thread(lay_out, node.settings.data_dir, path, token)
    await node.store.write(lambda session: journal.note(session, actor, "entry-published", path, at=now))
    return Published(path=path, digest=entry.digest, changes=changes)


def _member(node: Node) -> str:
    return node.code if node.state == "int" else node.state


def _admission(directory: Directory, node: Node) -> Admission:
    admission = directory.archive.admission(_member(node))
    if admission is None:
        raise NotAcceptable("directory.not_admitted", f"{_member(node)} is not admitted")
    return admission


def _root_key(node: Node) -> Any:
    try:
        return node.keys.signing(STATE_ROOT)
    except (NotFound, KeyError):
        return None


def _draft(
    node: Node, directory: Directory, kind: str, name: str, facts: Mapping[str, Any], now: datetime
) -> tuple[str, dict[str, Any]]:
    member = _member(node)
    path = f"{member}/{kind}/{name}"
    if kind not in _METADATA:
        raise NotFound("request.not_found", "no entry of that kind is published in this way")
    said = dict(facts)
    subject = {"authority": f"{node.state}.{name}", "corridor": name}.get(kind) or said.pop(
        "intermediary", ""
    )
    newest = directory.archive.newest(path)
    if kind == "authority" and newest is None:
        raise NotFound("request.not_found", "this authority has no entry yet, and so no keys")
    keys = {} if newest is None else {"jwks": claims_of(newest.token)["jwks"]} if kind == "authority" else {}
    return path, {
        "iss": member,
        "sub": subject,
        "iat": seconds_of(now),
        "exp": seconds_of(now + _LASTS),
        "authority_hints": [directory.charter.network],
        **keys,
        "metadata": {_METADATA[kind]: said},
    }


def _unsigned(claims: Mapping[str, Any]) -> Statement:
    return Statement(
        typ=StatementType.STATE_ENTRY, kid="unsigned", claims=dict(claims), token="", digest="unsigned"
    )


def _changes(directory: Directory, entry: Entry, claims: Mapping[str, Any]) -> Iterator[str]:
    newest = directory.archive.newest(entry.path)
    before = {} if newest is None else next(iter(claims_of(newest.token)["metadata"].values()))
    after = next(iter(claims["metadata"].values()))
    if newest is None:
        yield "new"
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: changed" if name in before and name in after else f"{name}: said or no more said"
    match entry:
        case MandateEntry(facts=facts):
            ends = min(facts.until, facts.revoked_at or facts.until)
            named = ", ".join(facts.procedures)
            yield f"{facts.intermediary} acts for {facts.state} in {named} until {ends:%Y-%m-%d}"
        case CorridorEntry(facts=facts):
            both = directory.archive.profile_fault(entry) is None
            yield (
                f"profile {facts.profile_digest} counts for what is opened until {facts.terms.until:%Y-%m-%d}"
                if both
                else "the profile is NOT signed by both States and counts for nobody"
            )
            if facts.ended_at is not None:
                yield f"the profile ends at {facts.ended_at:%Y-%m-%d %H:%M} UTC, and that cannot be unsaid"
        case AuthorityEntry() if newest is not None and isinstance(newest.entry, AuthorityEntry):
            for procedure in sorted(set(newest.entry.competences) - set(entry.competences)):
                yield f"{entry.address} is no longer competent for {procedure} and receives nothing of it"
