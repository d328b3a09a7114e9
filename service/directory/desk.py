"""What an administrator sees of the directory and does to this State's part of it: look, preview, propose.

    state      which directory the node has, how long it is good, and what peers see of it
    preview    what an entry would say and change; signed by nobody yet
    propose    the entry, of facts that the node signs when it holds the root key, or brought along signed; a
               second administrator sees what it changes, and with the approval it is published

An entry is named by its kind (`authority`, `mandate`, `corridor`) and name; `facts` are its metadata as the
entry has it, and for a mandate its `intermediary`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session

from protocol import statements
from protocol.claims import moment_of, seconds_of
from protocol.directory import AuthorityEntry, CorridorEntry, Directory, MandateEntry
from protocol.directory.between import CORRIDOR_TYPE, MANDATE_TYPE
from protocol.directory.entries import AUTHORITY_TYPE, Entry, read_entry
from protocol.statements import Statement, StatementType
from service.access import journal
from service.access.actor import Actor
from service.directory.own_entries import claims_of
from service.directory.publishing import (
    Standing,
    lay_out_entries,
    member_of_node,
    require_base,
    standing,
    verified,
)
from service.errors import NotFound
from service.keystore import STATE_ROOT
from service.node import Node
from service.store import comparisons

__all__ = [
    "DirectoryState",
    "EntryDraft",
    "EntryProposal",
    "PeerView",
    "directory_state",
    "preview_entry",
    "propose_entry",
    "publish_proposed",
]

_METADATA: Final = {"authority": AUTHORITY_TYPE, "mandate": MANDATE_TYPE, "corridor": CORRIDOR_TYPE}
_LASTS: Final = timedelta(days=365)
_SIGNED_ELSEWHERE: Final = timedelta(days=1)
"""How old the signature under a revocation may be that holds at once: it comes from where the root key is."""
_TYPED_BEFORE: Final = timedelta(minutes=5)
_MOMENTS: Final = frozenset({"from", "until", "revoked_at", "ended_at"})
_READABLE: Final = 400


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


async def directory_state(node: Node, _: Actor, /) -> DirectoryState:
    """Also of a directory that has expired. Refuses as `DirectorySource.known`."""
    directory, now = node.directory.known(), node.clock.now()
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
        changes=tuple(_changes(node, directory, entry, claims)),
        claims=claims,
        signs_here=_root_key(node) is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProposal:
    """An entry that is to be published once a second person has seen `changes`. `act`: what that takes.

    `at_once`: it does nothing but revoke a mandate, and so holds before anybody else has looked.
    """

    path: str
    changes: tuple[str, ...]
    act: Mapping[str, Any] = field(hash=False)
    at_once: bool


def propose_entry(
    node: Node, kind: str, name: str, facts: Mapping[str, Any] | None, signed: str | None
) -> EntryProposal:
    """Of facts that this node will sign, or of an entry that comes `signed`. Changes nothing.

    Refuses as `preview_entry` and `publishing.verified`; NotFound `keystore.unknown_owner` for facts where
    the root key is elsewhere.
    """
    directory, now = node.directory.current(), node.clock.now()
    path = f"{member_of_node(node)}/{kind}/{name}"
    if kind not in _METADATA:
        raise NotFound("request.not_found", "no entry of that kind is published in this way")
    there = standing(node, directory, path)
    claims: Mapping[str, Any]
    act: Mapping[str, Any]
    if signed is None:
        _require_root_key(node)
        _, claims = _draft(node, directory, kind, name, facts or {}, now)
        entry = read_entry(path, _unsigned(claims))
        act = {"kind": kind, "name": name, "facts": dict(facts or {}), "bases": {path: there.digest}}
    else:
        entry, claims = verified(node, directory, path, signed, there), claims_of(signed)
        act = {"entries": {path: signed}, "bases": {path: there.digest}}
    return EntryProposal(
        path=path,
        changes=tuple(_changes(node, directory, entry, claims)),
        act=act,
        at_once=_only_revokes(there, claims, now),
    )


def publish_proposed(
    node: Node, session: Session, by: Actor, act: Mapping[str, Any], path: str, now: datetime
) -> None:
    """Lay what was proposed where the node takes it from; the hub has it within seconds, other States believe
    it once a snapshot lists it.

    Refuses as `propose_entry`, now; Conflict `access.base_changed`.
    """
    entries: Mapping[str, str] = act.get("entries", {})
    if not entries:
        directory = node.directory.current()
        there = standing(node, directory, path)
        _, claims = _draft(node, directory, act["kind"], act["name"], act["facts"], now)
        # A crash between the file and the commit left it there, and the approval to be given again.
        if there.claims is None or there.claims["metadata"] != claims["metadata"]:
            require_base(there, act["bases"][path])
            entries = {path: statements.sign(StatementType.STATE_ENTRY, claims, _require_root_key(node))}
    lay_out_entries(node, entries, act["bases"])
    for published in entries or (path,):
        journal.note(session, by, "entry-published", published, at=now)


def _only_revokes(there: Standing, claims: Mapping[str, Any], now: datetime) -> bool:
    """Whether all that changes is that a mandate ends, from about now on.

    From an earlier moment on takes two: it disowns what the intermediary has done meanwhile.
    """
    said = next(iter(claims["metadata"].values()))
    revoked, before = said.get("revoked_at"), there.said.get("revoked_at")
    if there.claims is None or MANDATE_TYPE not in there.claims["metadata"] or type(revoked) is not int:
        return False
    unchanged = {**said, "revoked_at": None} == {**there.said, "revoked_at": None}
    recent = moment_of(claims["iat"]) >= now - _SIGNED_ELSEWHERE
    from_now_on = revoked >= claims["iat"] - _TYPED_BEFORE.total_seconds()
    return (
        unchanged
        and claims["sub"] == there.claims["sub"]
        and recent
        and from_now_on
        and (before is None or revoked < before)
    )


def _root_key(node: Node) -> Any:
    try:
        return node.keys.signing(STATE_ROOT)
    except (NotFound, KeyError):
        return None


def _require_root_key(node: Node) -> Any:
    key = _root_key(node)
    if key is None:
        raise NotFound("keystore.unknown_owner", "the State's root key is not here: bring a signed entry")
    return key


def _draft(
    node: Node, directory: Directory, kind: str, name: str, facts: Mapping[str, Any], now: datetime
) -> tuple[str, dict[str, Any]]:
    member = member_of_node(node)
    path = f"{member}/{kind}/{name}"
    if kind not in _METADATA:
        raise NotFound("request.not_found", "no entry of that kind is published in this way")
    said = dict(facts)
    subject = {"authority": f"{node.state}.{name}", "corridor": name}.get(kind) or said.pop(
        "intermediary", ""
    )
    before = standing(node, directory, path).claims
    if kind == "authority" and before is None:
        raise NotFound("request.not_found", "this authority has no entry yet, and so no keys")
    keys = {"jwks": before["jwks"]} if kind == "authority" and before is not None else {}
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


def _changes(node: Node, directory: Directory, entry: Entry, claims: Mapping[str, Any]) -> Iterator[str]:
    there = standing(node, directory, entry.path)
    if there.claims is None:
        yield "new"
    yield from _differences("", there.said, next(iter(claims["metadata"].values())))
    newest = directory.archive.newest(entry.path)
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


def _differences(under: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Each with what stood there and what would."""
    for name in sorted({*before, *after}):
        was, will, where = before.get(name), after.get(name), f"{under}{name}"
        if was == will:
            continue
        if isinstance(was, dict) and isinstance(will, dict):
            yield from _differences(f"{where}.", was, will)
        elif isinstance(was, list) and isinstance(will, list):
            gone, come = [one for one in was if one not in will], [one for one in will if one not in was]
            yield from (f"{where}: no longer {_shown(name, one)}" for one in gone)
            yield from (f"{where}: also {_shown(name, one)}" for one in come)
            if not gone and not come:
                yield f"{where}: in another order"
        else:
            yield f"{where}: {_shown(name, was)} -> {_shown(name, will)}"


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if name in _MOMENTS and type(value) is int:
        return f"{moment_of(value):%Y-%m-%d %H:%M} UTC"
    text = json.dumps(value, ensure_ascii=False)
    # Signatures and other long numbers, which nobody reads.
    return text if len(text) <= _READABLE else f"{text[:_READABLE]}…"
