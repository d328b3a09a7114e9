"""Everything verified that a member has ever said, so that old messages verify against what was true then.

An archive answers three questions about the past: which version of an entry has this digest, whose key is
this, and did it count when the thing it signed was made and received. It grows and forgets nothing; whether
an owner is served *now* is for `Directory` to say.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from protocol.directory.entries import (
    AuthorityEntry,
    CorridorEntry,
    Entry,
    KeyPurpose,
    KeyRecord,
    MandateEntry,
    NodeEntry,
    OtherEntry,
    Owner,
    corridor_path,
    split_path,
)
from protocol.directory.trust import Admission, Charter, Snapshot, verify_entry
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.statements import CoSigned, StatementType, VerifyKey, verify_threshold

__all__ = ["Archive", "CutOff", "Held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A verified entry with the bytes that made it so. `admission`: the digest of the one it was checked
    against.
    """

    entry: Entry
    token: str = field(repr=False)
    root_key: KeyRecord
    admission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """A key was given up as stolen: its signatures dated before `at` need a counterpart's checkpoint.

    `checkpoints`: the digests of those that its owner names, each with the date of the entry that named it
    first: by then the checkpoint existed.
    """

    at: datetime
    checkpoints: Mapping[str, datetime] = field(hash=False)
    state: StateCode


@dataclass(frozen=True, slots=True)
class _Key:
    """The newest that is known of one key of one owner, and the version of the entry that says it."""

    record: KeyRecord
    verify_key: VerifyKey
    listed_in: AuthorityEntry | NodeEntry
    dropped_at: datetime | None  # when a newer version came that no longer lists it


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Verified admissions and entries, old and new. Made by `empty` and `adding` alone."""

    charter: Charter
    admissions: Mapping[str, tuple[tuple[Admission, CoSigned], ...]] = field(hash=False)
    held: Mapping[str, Held] = field(hash=False, repr=False)
    _versions: Mapping[str, tuple[Held, ...]] = field(hash=False, repr=False)
    _keys: Mapping[tuple[Owner, str], _Key] = field(hash=False, repr=False)
    _paths: Mapping[Owner, frozenset[str]] = field(hash=False, repr=False)

    @classmethod
    def empty(cls, charter: Charter) -> Self:
        return cls(charter=charter, admissions={}, held={}, _versions={}, _keys={}, _paths={})

    def under(self, charter: Charter) -> Archive:
        """The same, its charter replaced by the one that it has come to."""
        return self if charter is self.charter else dataclasses.replace(self, charter=charter)

    def adding(
        self,
        *,
        admissions: Iterable[tuple[Admission, CoSigned]] = (),
        entries: Iterable[Held] = (),
        older: bool = False,
    ) -> Archive:
        """This archive and more. What is added must have been verified.

        `older`: of two versions issued in the same second, the one that is already here is the newer.

        Refuses `directory.fork` (one admission sequence with two contents) and `directory.key_changed` (a key
        id that its owner once gave to another key: old signatures could be disowned that way).
        """
        fresh = {one.entry.digest: one for one in entries if one.entry.digest not in self.held}
        by_member = dict(self.admissions)
        for admission, cosigned in admissions:
            by_member[admission.member] = _with_admission(
                by_member.get(admission.member, ()), admission, cosigned
            )
        if not fresh:
            return dataclasses.replace(self, admissions=by_member)
        versions, keys, paths = dict(self._versions), dict(self._keys), dict(self._paths)
        touched: dict[str, list[Held]] = {}
        for one in fresh.values():
            touched.setdefault(one.entry.path, []).append(one)
        for path, added in touched.items():
            present = list(versions.get(path, ()))
            of_path = added + present if older else present + added
            of_path.sort(key=lambda held: held.entry.issued_at)  # stable: equal seconds keep this order
            versions[path] = tuple(of_path)
            keys.update(_keys_of(of_path))
            for owner in {held.entry.owner for held in added if not isinstance(held.entry, OtherEntry)}:
                paths[owner] = paths.get(owner, frozenset()) | {path}
        return dataclasses.replace(
            self,
            admissions=by_member,
            held={**self.held, **fresh},
            _versions=versions,
            _keys=keys,
            _paths=paths,
        )

    def admission(self, member: str) -> Admission | None:
        """The newest known admission of `member`."""
        known = self.admissions.get(member, ())
        return known[-1][0] if known else None

    def verify(self, path: str, token: str, *, snapshots: Iterable[Snapshot] = ()) -> Held:
        """Check an entry of any age against the admissions that are known.

        The newest admission that lists the root key decides. One signed by a root key that has since been
        revoked is believed only when a snapshot from before the cut-off lists it: a thief could have dated it
        back. Refuses as `trust.verify_entry`, `directory.not_admitted` and `directory.root_key_revoked`.
        """
        member, _, _ = split_path(path)
        known = self.admissions.get(member, ())
        if not known:
            raise NotAcceptable("directory.not_admitted", f"no admission of {member} is known")
        refusal: Refused | None = None
        for admission, _ in reversed(known):
            try:
                entry, record = verify_entry(path, token, self.charter, admission)
            except Refused as refused:
                # Of several reasons the newest admission's is the one to tell.
                refusal = refusal or refused
                continue
            if record.revoked_at is not None and not any(
                one.issued_at < record.revoked_at and one.entries.get(path) == entry.digest
                for one in snapshots
            ):
                raise NotAcceptable(
                    "directory.root_key_revoked", f"root key {record.kid} of {member} was revoked"
                )
            return Held(entry=entry, token=token, root_key=record, admission=admission.digest)
        assert refusal is not None
        raise refusal

    def versions(self, path: str) -> tuple[Entry, ...]:
        """Every known version of an entry, oldest first."""
        return tuple(held.entry for held in self._versions.get(path, ()))

    def newest(self, path: str) -> Held | None:
        versions = self._versions.get(path, ())
        return versions[-1] if versions else None

    def entry_by_digest(self, entry_digest: str) -> AuthorityEntry | NodeEntry:
        """The version of an entry that a message cites. Refuses `directory.unknown_entry`."""
        held = self.held.get(entry_digest)
        if held is None or not isinstance(held.entry, (AuthorityEntry, NodeEntry)):
            raise NotAcceptable(
                "directory.unknown_entry", "no version of an entry with that digest is known here"
            )
        return held.entry

    def profile_by_digest(self, profile_digest: str) -> CorridorEntry:
        """The corridor profile that a message cites, of any age. Refuses `directory.unknown_profile`, and
        `directory.profile_signatures` when the two States did not both sign it."""
        entries = [
            held.entry
            for held in self.held.values()
            if isinstance(held.entry, CorridorEntry) and held.entry.facts.profile_digest == profile_digest
        ]
        if not entries:
            raise NotAcceptable(
                "directory.unknown_profile", "no corridor profile with that digest is known here"
            )
        # The same bytes in two entries, of which one may carry a signature that the other lacks.
        faults = [self.profile_fault(entry) for entry in entries]
        if all(fault is not None for fault in faults):
            raise NotAcceptable(
                "directory.profile_signatures", "a root key of each of the two States has to sign a profile"
            )
        return entries[faults.index(None)]

    def profile_fault(self, entry: CorridorEntry) -> str | None:
        """Why a profile does not count: a root key of each of its States, good at its date, has to have
        signed it. None when it does.
        """
        if entry.facts.terms.network != self.charter.network:
            return "directory.wrong_network"
        for state in entry.facts.terms.states:
            keys = {
                record.kid: record.verify_key()
                for admission, _ in self.admissions.get(state, ())
                for record in admission.root_keys
                if record.not_before <= entry.facts.terms.issued_at < record.signing_until
            }
            # The newest word about a key: what it signed before it was revoked could be dated back.
            revoked = {
                record.kid
                for admission, _ in self.admissions.get(state, ())
                for record in admission.root_keys
                if record.revoked_at is not None
            }
            good = {kid: key for kid, key in keys.items() if kid not in revoked}
            try:
                verify_threshold(entry.facts.profile, StatementType.CORRIDOR, good, 1)
            except Refused:
                return "directory.profile_signatures"
        return None

    def profile_in_force(self, entry: CorridorEntry, at: datetime) -> bool:
        """True within its period, and before either of its States ended it, as far as is known here."""
        one, other = entry.facts.terms.states
        ends = [
            held.entry.facts.ended_at
            for path in (corridor_path(one, other), corridor_path(other, one))
            for held in self._versions.get(path, ())
            if isinstance(held.entry, CorridorEntry)
            and held.entry.facts.profile_digest == entry.facts.profile_digest
            and held.entry.facts.ended_at is not None
        ]
        return entry.facts.terms.since <= at < min((*ends, entry.facts.terms.until))

    def mandates(self, state: StateCode) -> Mapping[str, tuple[MandateEntry, ...]]:
        """Every version that is known of each mandate that the State gave, oldest first, by path."""
        found: dict[str, tuple[MandateEntry, ...]] = {}
        for path, versions in self._versions.items():
            given = tuple(
                held.entry
                for held in versions
                if isinstance(held.entry, MandateEntry) and held.entry.state == state
            )
            if given:
                found[path] = given
        return found

    def authority_at(self, address: Address, at: datetime) -> AuthorityEntry | None:
        """The authority's entry as it was at `at`: the newest version issued by then."""
        entry = self._entry_at(address, at)
        return entry if isinstance(entry, AuthorityEntry) else None

    def node_at(self, code: NodeCode, at: datetime) -> NodeEntry | None:
        """The node's entry as it was at `at`: the newest version issued by then."""
        entry = self._entry_at(code, at)
        return entry if isinstance(entry, NodeEntry) else None

    def signing_key(
        self,
        owner: Owner,
        kid: str,
        at: datetime,
        *,
        received_at: datetime,
        refuse: type[Refused] = NotAcceptable,
    ) -> VerifyKey:
        """The key `kid` of `owner`, when a signature dated `at` and received at `received_at` counts.

        For something that has just arrived `received_at` is now. For something older it is when it was
        received, which its evidence shows. The owner's newest word about the key decides, also about the
        past: a cut-off is published afterwards. Refuses, as a `refuse`: `statement.unknown_key` (no version
        of the owner's entry lists it), `statement.key_not_valid` (dated outside the signing interval,
        received after the overlap, or after the owner had dropped the key), `statement.key_revoked`,
        `directory.entry_expired` and `directory.suspended` (the owner's member had been suspended when it was
        received).
        """
        key = self._keys.get((owner, kid))
        if key is None:
            raise refuse(
                "statement.unknown_key", f"no entry of {owner} lists key {kid}; refresh the directory"
            )
        record = key.record
        if record.revoked_at is not None and (at >= record.revoked_at or received_at >= record.revoked_at):
            raise refuse(
                "statement.key_revoked", f"key {kid} of {owner} was revoked at {record.revoked_at:%Y-%m-%d}"
            )
        if not record.vouches(at, received_at):
            raise refuse("statement.key_not_valid", f"key {kid} of {owner} does not count at that date")
        if key.dropped_at is not None and received_at >= key.dropped_at:
            raise refuse("statement.key_not_valid", f"{owner} no longer lists key {kid}")
        if received_at >= key.listed_in.expires_at:
            raise refuse(
                "directory.entry_expired",
                f"the entry of {owner} expired at {key.listed_in.expires_at:%Y-%m-%d}",
            )
        member = split_path(key.listed_in.path)[0]
        if (since := self.suspended_since(member, received_at)) is not None:
            raise refuse("directory.suspended", f"{member} is suspended since {since:%Y-%m-%d}")
        return key.verify_key

    def revoked_key(self, owner: Owner, kid: str) -> VerifyKey | None:
        """A key that its owner revoked or gave up as stolen; None for every other. To say for good that
        something was signed with it, which no newer directory will change."""
        key = self._keys.get((owner, kid))
        return None if key is None or key.record.revoked_at is None else key.verify_key

    def cut_off(self, owner: Owner, kid: str) -> CutOff | None:
        """What its owner says of a stolen key; None for every other key, also for one that was revoked."""
        key = self._keys.get((owner, kid))
        if key is None or key.record.revoked_at is None or key.record.checkpoints is None:
            return None
        named: dict[str, datetime] = {}
        for path in self._paths.get(owner, ()):
            for held in self._versions[path]:
                if not isinstance(held.entry, (AuthorityEntry, NodeEntry)):
                    continue
                for record in held.entry.signing_keys:
                    if record.kid == kid:
                        for one in record.checkpoints or ():
                            named[one] = min(held.entry.issued_at, named.get(one, held.entry.issued_at))
        return CutOff(
            at=key.record.revoked_at,
            checkpoints={one: named[one] for one in key.record.checkpoints},
            state=key.listed_in.state,
        )

    def suspended_since(self, member: str, at: datetime) -> datetime | None:
        """When the suspension began that was in force at `at`; None when there was none."""
        in_force = [one for one, _ in self.admissions.get(member, ()) if one.issued_at <= at]
        if not in_force or not in_force[-1].suspended:
            return None
        since = in_force[-1].issued_at
        for one in reversed(in_force):
            if not one.suspended:
                break
            since = one.issued_at
        return since

    def _entry_at(self, owner: Owner, at: datetime) -> Entry | None:
        # One path, unless the network has since admitted a node code or a body's address for another member.
        candidates = [
            held.entry
            for path in self._paths.get(owner, ())
            for held in self._versions[path]
            if held.entry.issued_at <= at
        ]
        candidates.sort(key=lambda entry: entry.issued_at)
        return candidates[-1] if candidates else None


def _with_admission(
    known: tuple[tuple[Admission, CoSigned], ...], admission: Admission, cosigned: CoSigned
) -> tuple[tuple[Admission, CoSigned], ...]:
    for other, _ in known:
        if other.digest == admission.digest:
            return known
        if other.sequence == admission.sequence:
            raise NotAcceptable(
                "directory.fork",
                f"admission {admission.sequence} of {admission.member} exists with two contents",
            )
    return tuple(sorted((*known, (admission, cosigned)), key=lambda pair: pair[0].sequence))


def _keys_of(versions: list[Held]) -> dict[tuple[Owner, str], _Key]:
    keys: dict[tuple[Owner, str], _Key] = {}
    for held in versions:
        entry = held.entry
        if not isinstance(entry, (AuthorityEntry, NodeEntry)):
            continue
        listed = {record.kid for record in entry.signing_keys}
        for (owner, kid), key in keys.items():
            if kid not in listed and key.dropped_at is None:
                keys[owner, kid] = _Key(key.record, key.verify_key, key.listed_in, entry.issued_at)
        for record in entry.signing_keys:
            assert record.purpose is KeyPurpose.SIGN
            verify_key = record.verify_key()
            before = keys.get((entry.owner, record.kid))
            if before is not None and before.verify_key.raw != verify_key.raw:
                raise NotAcceptable(
                    "directory.key_changed", f"{entry.owner} gave key id {record.kid} to another key"
                )
            keys[entry.owner, record.kid] = _Key(record, verify_key, entry, None)
    return keys
