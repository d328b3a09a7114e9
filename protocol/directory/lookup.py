"""The directory as a node uses it: who exists, who serves whom, and whose key counts.

    directory = Directory.assemble(charter, charter_digest, admissions, snapshot, entries, now=now)
    directory.serving(address, "social-inquiry")            -> the node to seal to
    directory.signing_key(address, kid, at, received_at=now) -> the key to verify with

`assemble` believes nothing that the charter's digest does not lead to. Its checks, in order; each refuses the
whole, so that a node keeps its last good directory:

    1  the charter is the one whose digest was entered, or one that it leads to by rotations that enough of
       the former keys signed; signed by its threshold, not expired
    2  the snapshot is signed by a key that the charter delegates to, and is of this network
    3  it is not expired (freeze), not from the future, not older than the last one (rollback), and follows it
    (fork) 4  every admission that it names is there, signed by the threshold, and not older than the one we
    had 5  no node code is admitted twice 6  every entry that it names is there, byte for byte (mix and
    match), spoken by its own member's root key,
       within that member's admission, and not older than the one we had
    7  nobody else's address or node is claimed

What is merely over (an expired entry or admission) or suspended is set aside, not refused: one State's
forgotten renewal must not stop the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self

from protocol.directory.archive import Archive, Held
from protocol.directory.entries import (
    AuthorityEntry,
    CorridorEntry,
    KeyPurpose,
    MandateEntry,
    NodeEntry,
    OtherEntry,
    Owner,
    Role,
    Routing,
    split_path,
)
from protocol.directory.trust import (
    CLOCK_SKEW,
    Admission,
    Charter,
    Snapshot,
    verify_admission,
    verify_charters,
    verify_entry,
    verify_snapshot,
)
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.sealing import SealingPublicKey, SealingSuite
from protocol.statements import CoSigned, VerifyKey, digest

__all__ = ["Directory", "Freshness", "SealingPurpose"]

type Freshness = Literal["good", "half-life", "expired"]
type SealingPurpose = Literal["content", "identity"]

_PURPOSES = {"content": KeyPurpose.SEAL_CONTENT, "identity": KeyPurpose.SEAL_IDENTITY}
_SUITES = (SealingSuite.HPKE_9_KE, SealingSuite.HPKE_3_KE)
"""Best first. A key of a suite that we do not know is passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """One snapshot, verified, and all that was verified before it. Made by `assemble` and `with_history`
    alone.

    `withheld`: owners whose entries stand in the snapshot and are not served, with the code that says why;
    `unserved`: the same for entries without keys, by their path.
    `forgotten`: what of its history did not verify, and the code that says why.
    """

    charter: Charter
    charter_documents: tuple[CoSigned, ...] = field(repr=False)
    snapshot: Snapshot
    archive: Archive = field(repr=False)
    withheld: Mapping[Owner, str] = field(hash=False)
    others: Mapping[str, OtherEntry] = field(hash=False, repr=False)
    unserved: Mapping[str, str] = field(hash=False, default_factory=dict)
    forgotten: tuple[tuple[str, str], ...] = ()
    _authorities: Mapping[Address, AuthorityEntry] = field(hash=False, repr=False)
    _nodes: Mapping[NodeCode, NodeEntry] = field(hash=False, repr=False)
    _left_out: Mapping[Owner, datetime] = field(hash=False, repr=False)
    """Owners that the snapshot no longer names, and since when."""

    @classmethod
    def assemble(
        cls,
        charter: CoSigned | Iterable[CoSigned],
        charter_digest: str,
        admissions: Iterable[CoSigned],
        snapshot_token: str,
        entries: Mapping[str, str],
        *,
        now: datetime,
        previous: Directory | None = None,
    ) -> Self:
        """Verify the whole chain of trust. `charter_digest` comes from outside the network's own channels.

        `entries`: tokens by path. What the snapshot does not name is ignored; what it names and `previous`
        has already verified need not be given again, and costs no signature check. Without `previous` a
        rollback to an older, unexpired snapshot cannot be seen: keep the last snapshot, and pass it.

        `charter`: one document, or all that are known; those of `previous` need not be given again.

        Refuses with the codes of `verify_charters`, `verify_admission`, `verify_snapshot` and `verify_entry`,
        and `directory.charter_expired`, `directory.charter_rollback`, `directory.expired`,
        `directory.from_the_future`, `directory.rollback`, `directory.fork`, `directory.admission_missing`,
        `directory.admission_rollback`, `directory.claimed_twice`, `directory.not_admitted`,
        `directory.entry_missing`, `directory.entry_mismatch`, `directory.entry_rollback`,
        `directory.root_key_revoked`, `directory.key_changed`.
        """
        documents = _charter_documents(charter, previous)
        rules = _rules(documents, charter_digest, previous)
        if now >= rules.expires_at:
            raise NotAcceptable(
                "directory.charter_expired", f"the charter expired at {rules.expires_at:%Y-%m-%d}"
            )
        snapshot = verify_snapshot(snapshot_token, rules)
        if snapshot.charter != rules.digest:
            raise NotAcceptable(
                "directory.charter_rollback",
                f"snapshot {snapshot.sequence} is of an earlier charter than number {rules.sequence}",
            )
        _check_snapshot_is_next(snapshot, previous.snapshot if previous else None, now)

        archive = (previous.archive if previous else Archive.empty(rules)).under(rules)
        admitted = _admissions(snapshot, admissions, archive, rules)
        archive = archive.adding(admissions=admitted.values())
        current = {member: admission for member, (admission, _) in admitted.items()}
        _check_codes_are_claimed_once(current.values())
        held = _entries(snapshot, entries, archive, current, now)
        archive = archive.adding(entries=held)
        return cls._serving_from(
            charter_documents=documents,
            snapshot=snapshot,
            archive=archive,
            admissions=current,
            held=held,
            now=now,
            previous=previous,
        )

    @classmethod
    def _serving_from(
        cls,
        *,
        charter_documents: tuple[CoSigned, ...],
        snapshot: Snapshot,
        archive: Archive,
        admissions: Mapping[str, Admission],
        held: Iterable[Held],
        now: datetime,
        previous: Directory | None,
    ) -> Self:
        authorities: dict[Address, AuthorityEntry] = {}
        nodes: dict[NodeCode, NodeEntry] = {}
        others: dict[str, OtherEntry] = {}
        unserved: dict[str, str] = {}
        withheld: dict[Owner, str] = {}
        named: set[Owner] = set()
        for one in held:
            entry = one.entry
            reason = _set_aside(one, admissions[split_path(entry.path)[0]], now)
            if isinstance(entry, OtherEntry):
                others[entry.path] = entry
                if reason is None and isinstance(entry, CorridorEntry):
                    reason = archive.profile_fault(entry)
                if reason is not None:
                    unserved[entry.path] = reason
                continue
            if entry.owner in named:
                raise NotAcceptable("directory.claimed_twice", f"{entry.owner} has two entries")
            named.add(entry.owner)
            if reason is not None:
                withheld[entry.owner] = reason
            elif isinstance(entry, AuthorityEntry):
                authorities[entry.address] = entry
            else:
                nodes[entry.code] = entry
        before = previous._owners() if previous else {}
        left_out = {
            **{owner: since for owner, since in before.items() if since is not None},
            **{owner: snapshot.issued_at for owner, since in before.items() if since is None},
        }
        return cls(
            charter=archive.charter,
            charter_documents=charter_documents,
            snapshot=snapshot,
            archive=archive,
            withheld=withheld,
            others=others,
            unserved=unserved,
            _authorities=authorities,
            _nodes=nodes,
            _left_out={owner: since for owner, since in left_out.items() if owner not in named},
        )

    def _owners(self) -> Mapping[Owner, datetime | None]:
        """Every owner ever seen; with the moment since when the snapshots leave it out, when they do."""
        present: Iterable[Owner] = (*self._authorities, *self._nodes, *self.withheld)
        return {**self._left_out, **dict.fromkeys(present)}

    def with_history(
        self,
        entries: Mapping[str, Iterable[str]] | Iterable[tuple[str, str]],
        *,
        admissions: Iterable[CoSigned] = (),
        snapshots: Iterable[str] = (),
    ) -> Directory:
        """This directory, remembering older versions too, as a node keeps them: pairs of path and token.

        Each is verified again. `snapshots` (tokens) are needed for entries that a root key signed which was
        revoked later; see `Archive.verify`. What does not verify is not remembered, and `forgotten` says why:
        a damaged memory must not keep a node from starting. Refuses `directory.fork`,
        `directory.key_changed`.
        """
        listed = (
            [(path, token) for path, tokens in entries.items() for token in tokens]
            if isinstance(entries, Mapping)
            else list(entries)
        )
        forgotten: list[tuple[str, str]] = []
        verified: list[tuple[Admission, CoSigned]] = []
        for cosigned in admissions:
            try:
                verified.append((verify_admission(cosigned, self.charter), cosigned))
            except Refused as refused:
                forgotten.append((f"admission {cosigned.digest}", refused.code))
        archive = self.archive.adding(admissions=verified)
        seen = [self.snapshot]
        for token in snapshots:
            try:
                seen.append(verify_snapshot(token, self.charter))
            except Refused as refused:
                forgotten.append((f"snapshot {token_digest(token)}", refused.code))
        held: list[Held] = []
        for path, token in listed:
            if token_digest(token) in archive.held:
                continue
            try:
                held.append(archive.verify(path, token, snapshots=seen))
            except Refused as refused:
                forgotten.append((path, refused.code))
        archive = archive.adding(entries=held, older=True)
        served = set(self._owners())
        left_out = {
            one.entry.owner: self.snapshot.issued_at
            for one in held
            if not isinstance(one.entry, OtherEntry) and one.entry.owner not in served
        }
        return dataclasses.replace(
            self,
            archive=archive,
            forgotten=(*self.forgotten, *forgotten),
            _left_out={**left_out, **self._left_out},
        )

    # --- who ------------------------------------------------------------------------------------------------

    def authority(self, address: Address) -> AuthorityEntry:
        """Refuses `directory.unknown_authority`, `directory.suspended`, `directory.entry_expired`."""
        entry = self._authorities.get(address)
        if entry is None:
            raise self._absent(address, "directory.unknown_authority")
        return entry

    def node(self, code: NodeCode) -> NodeEntry:
        """Refuses `directory.unknown_node`, `directory.suspended`, `directory.entry_expired`."""
        entry = self._nodes.get(code)
        if entry is None:
            raise self._absent(code, "directory.unknown_node")
        return entry

    def authorities(self) -> tuple[AuthorityEntry, ...]:
        """All that are served, by address."""
        return tuple(self._authorities[address] for address in sorted(self._authorities))

    def nodes(self) -> tuple[NodeEntry, ...]:
        """All that are served, by code."""
        return tuple(self._nodes[code] for code in sorted(self._nodes))

    def state_of_node(self, code: NodeCode) -> StateCode:
        """Refuses as `node`."""
        return self.node(code).state

    def competent(self, address: Address, procedure: str) -> bool:
        """True when the authority is served and may bind its State in `procedure`."""
        entry = self._authorities.get(address)
        return entry is not None and procedure in entry.competences

    def serving(self, address: Address, procedure: str) -> NodeEntry:
        """The node that serves an authority in a procedure. Refuses as `authority` and `node`, and
        `directory.not_competent` when the authority may not act in `procedure`.
        """
        entry = self.authority(address)
        if procedure not in entry.competences:
            raise NotAcceptable(
                "directory.not_competent",
                f"{address} is not competent for {procedure}",
                facts={"address": address},
            )
        return self.node(entry.node)

    def focal_point(self, state: StateCode) -> AuthorityEntry | None:
        """The State's focal point. While it is changing, and two are shown, the newer word counts."""
        found = [
            entry for entry in self.authorities() if entry.state == state and entry.role is Role.FOCAL_POINT
        ]
        return max(found, key=lambda entry: entry.issued_at, default=None)

    def countersigner(self, address: Address) -> Address | None:
        """Whose people have to approve what this authority says; None where it sends directly.

        Its own entry decides, and where that is silent the focal point's, for the whole State. A focal point
        sends directly, and so does everybody in a State that has none.
        """
        entry = self.authority(address)
        focal_point = self.focal_point(entry.state)
        if focal_point is None or focal_point.address == address or entry.role is not Role.LOCAL:
            return None
        routing = entry.routing if entry.routing is not None else focal_point.routing
        return focal_point.address if routing is Routing.THROUGH_FOCAL_POINT else None

    def landing(self, state: StateCode, procedure: str, jurisdiction: str | None = None) -> Address:
        """Where a message of `procedure` to a State goes: by competence, then jurisdiction, then the focal
        point.

        `jurisdiction` is an ISO 3166-2 code when it is known. The competent authority with the narrowest
        jurisdiction that covers it is chosen. Where none does, or it is not known and several are competent,
        it is the focal point. Refuses `directory.no_landing` when the State has neither.
        """
        of_state = [entry for entry in self.authorities() if entry.state == state]
        focal_point = self.focal_point(state)
        competent = [entry for entry in of_state if procedure in entry.competences]
        if jurisdiction is not None:
            covering = [(width, entry) for entry in competent if (width := _covers(entry, jurisdiction)) > 0]
            if covering:
                return max(covering, key=lambda pair: (pair[0], pair[1] is not focal_point))[1].address
        if focal_point is not None and (focal_point in competent or len(competent) != 1):
            return focal_point.address
        if len(competent) == 1:
            return competent[0].address
        raise NotAcceptable(
            "directory.no_landing", f"{state} has no focal point, and no one authority for {procedure}"
        )

    # --- between States -------------------------------------------------------------------------------------

    def mandates(
        self,
        *,
        at: datetime,
        intermediary: Address | None = None,
        state: StateCode | None = None,
        procedure: str | None = None,
        towards: StateCode | None = None,
    ) -> tuple[MandateEntry, ...]:
        """The mandates in force at `at`, of States that are served, narrowed by whatever is given."""
        return tuple(
            entry
            for path, entry in sorted(self.others.items())
            if isinstance(entry, MandateEntry)
            and path not in self.unserved
            and entry.facts.in_force(at)
            and intermediary in (None, entry.facts.intermediary)
            and state in (None, entry.state)
            and (procedure is None or procedure in entry.facts.procedures)
            and (towards is None or not entry.facts.states or towards in entry.facts.states)
        )

    def corridor_profile(self, one: StateCode, other: StateCode, at: datetime) -> CorridorEntry | None:
        """What the two States agreed for messages between them, in force at `at`; None when nothing is.

        Of several the one that was agreed last.
        """
        standing = [
            entry
            for entry in self.others.values()
            if isinstance(entry, CorridorEntry)
            and set(entry.facts.terms.states) == {one, other}
            and entry.path not in self.unserved
            and self.archive.profile_fault(entry) is None
            and self.archive.profile_in_force(entry, at)
        ]
        return max(
            standing,
            key=lambda entry: (entry.facts.terms.issued_at, entry.facts.profile_digest),
            default=None,
        )

    # --- keys -----------------------------------------------------------------------------------------------

    def signing_key(
        self,
        owner: Owner,
        kid: str,
        at: datetime,
        *,
        received_at: datetime,
        refuse: type[Refused] = NotAcceptable,
    ) -> VerifyKey:
        """As `Archive.signing_key`. An owner whom the snapshots have come to leave out is unknown from then
        on: refuses `directory.unknown_authority` or `directory.unknown_node`.
        """
        since = self._left_out.get(owner)
        if since is not None and received_at >= since:
            code = "directory.unknown_authority" if "." in owner else "directory.unknown_node"
            raise refuse(code, f"{owner} is not in the directory since {since:%Y-%m-%d}")
        return self.archive.signing_key(owner, kid, at, received_at=received_at, refuse=refuse)

    def sealing_key(self, owner: Owner, purpose: SealingPurpose, now: datetime) -> SealingPublicKey:
        """The key to seal to: of those in use at `now` one of the best suite, and of these the newest.

        Refuses `directory.no_sealing_key` when a node has none, `directory.no_recipient_key` when an
        authority has none of its own (never widened to its node's: only the sender can choose that), and as
        `node` and `authority`.
        """
        entry = self.authority(Address(owner)) if "." in owner else self.node(NodeCode(owner))
        wanted = _PURPOSES[purpose]
        usable = [
            key
            for key in entry.sealing_keys
            if key.purpose is wanted and key.in_use(now) and key.jwk.get("alg") in _SUITES
        ]
        if now >= entry.expires_at or not usable:
            code = (
                "directory.no_sealing_key" if isinstance(entry, NodeEntry) else "directory.no_recipient_key"
            )
            raise NotAcceptable(
                code, f"{owner} has no key in use to seal {purpose} to", facts={"owner": owner}
            )
        best = max(usable, key=lambda key: (-_SUITES.index(key.jwk["alg"]), key.not_before, key.kid))
        return SealingPublicKey.from_jwk(dict(best.jwk))

    # --- then -----------------------------------------------------------------------------------------------

    def entry_by_digest(self, entry_digest: str) -> AuthorityEntry | NodeEntry:
        """The version of an entry that a message cites, old or new. Refuses `directory.unknown_entry`."""
        return self.archive.entry_by_digest(entry_digest)

    def profile_by_digest(self, profile_digest: str) -> CorridorEntry:
        """The corridor profile that a message cites. Refuses as `Archive.profile_by_digest`."""
        return self.archive.profile_by_digest(profile_digest)

    @property
    def history(self) -> Mapping[str, AuthorityEntry]:
        """Every version of an authority's entry that is known, by digest."""
        return {
            entry_digest: held.entry
            for entry_digest, held in self.archive.held.items()
            if isinstance(held.entry, AuthorityEntry)
        }

    # --- how fresh ------------------------------------------------------------------------------------------

    @property
    def ends_at(self) -> datetime:
        """The hard expiry: that of the snapshot, or of the charter where it is earlier."""
        return min(self.snapshot.expires_at, self.charter.expires_at)

    def freshness(self, now: datetime) -> Freshness:
        """`half-life` is the moment to raise an alarm; `expired` the moment to stop: see `require_fresh`."""
        if now >= self.ends_at:
            return "expired"
        return "half-life" if now >= self.snapshot.half_life else "good"

    def require_fresh(self, now: datetime) -> None:
        """Refuses `directory.expired` past the hard expiry."""
        if self.freshness(now) == "expired":
            raise NotAcceptable(
                "directory.expired",
                f"the newest snapshot here, {self.snapshot.sequence}, has expired",
            )

    def _absent(self, owner: Owner, code: str) -> NotAcceptable:
        return NotAcceptable(self.withheld.get(owner, code), f"{owner} is not served", facts={"owner": owner})


# --- the steps of assemble ----------------------------------------------------------------------------------


def _charter_documents(
    given: CoSigned | Iterable[CoSigned], previous: Directory | None
) -> tuple[CoSigned, ...]:
    offered = (given,) if isinstance(given, CoSigned) else tuple(given)
    known = previous.charter_documents if previous else ()
    return (*known, *(one for one in offered if one not in known))


def _rules(documents: tuple[CoSigned, ...], charter_digest: str, previous: Directory | None) -> Charter:
    if previous is None:
        return verify_charters(documents, charter_digest)
    known = previous.charter
    rules = known
    if documents != previous.charter_documents:
        # From where we have come to: an earlier one that is shown again leads here, and no further back.
        rules = verify_charters(documents, known.digest)
    if all(one.digest != charter_digest for one in (rules, *rules.earlier)):
        raise NotAcceptable("directory.wrong_charter", "the last good directory is of another charter")
    return rules


def _check_snapshot_is_next(snapshot: Snapshot, last: Snapshot | None, now: datetime) -> None:  # step 3
    if now >= snapshot.expires_at:
        raise NotAcceptable(
            "directory.expired", f"snapshot {snapshot.sequence} expired; no newer one has come"
        )
    if snapshot.issued_at > now + CLOCK_SKEW:
        raise NotAcceptable(
            "directory.from_the_future", f"snapshot {snapshot.sequence} is dated ahead of our clock"
        )
    if last is None:
        return
    if snapshot.sequence < last.sequence:
        raise NotAcceptable(
            "directory.rollback", f"snapshot {last.sequence} was seen, {snapshot.sequence} came"
        )
    if snapshot.sequence == last.sequence and snapshot.digest != last.digest:
        raise NotAcceptable("directory.fork", f"snapshot {snapshot.sequence} exists with two contents")
    if snapshot.sequence == last.sequence + 1 and snapshot.previous != last.digest:
        raise NotAcceptable("directory.fork", f"snapshot {snapshot.sequence} does not follow the one we hold")


def _admissions(
    snapshot: Snapshot, documents: Iterable[CoSigned], archive: Archive, charter: Charter
) -> dict[str, tuple[Admission, CoSigned]]:  # step 4
    offered = {cosigned.digest: cosigned for cosigned in documents}
    found: dict[str, tuple[Admission, CoSigned]] = {}
    for member, wanted in snapshot.admissions.items():
        known = archive.admissions.get(member, ())
        pair = next((one for one in known if one[0].digest == wanted), None)
        if pair is None:
            if wanted not in offered:
                raise NotAcceptable("directory.admission_missing", f"the admission of {member} has not come")
            pair = verify_admission(offered[wanted], charter), offered[wanted]
            if pair[0].member != member:
                raise NotAcceptable(
                    "directory.entry_mismatch", f"the admission listed for {member} is another's"
                )
        taken_over = charter.admissions.get(member)
        if taken_over is not None and pair[0].sequence < taken_over.sequence:
            raise NotAcceptable("directory.admission_rollback", f"the charter names a newer one of {member}")
        if known and pair[0].sequence < known[-1][0].sequence:
            raise NotAcceptable("directory.admission_rollback", f"a newer admission of {member} was seen")
        found[member] = pair
    return found


def _check_codes_are_claimed_once(admissions: Iterable[Admission]) -> None:  # step 5
    claimed: set[NodeCode] = set()
    for admission in admissions:
        for code in admission.nodes:
            if code in claimed:
                raise NotAcceptable(
                    "directory.claimed_twice", f"node code {code} is admitted for two members"
                )
            claimed.add(code)


def _entries(
    snapshot: Snapshot,
    tokens: Mapping[str, str],
    archive: Archive,
    admissions: Mapping[str, Admission],
    now: datetime,
) -> list[Held]:  # step 6
    found: list[Held] = []
    for path, wanted in snapshot.entries.items():
        member, _, _ = split_path(path)
        admission = admissions.get(member)
        if admission is None:
            raise NotAcceptable("directory.not_admitted", f"{member} is not admitted")
        held = archive.held.get(wanted)
        if held is None or held.admission != admission.digest:
            token = held.token if held else tokens.get(path)
            if token is None:
                raise NotAcceptable("directory.entry_missing", f"the entry at {path} has not come")
            if token_digest(token) != wanted:
                raise NotAcceptable(
                    "directory.entry_mismatch", f"the entry at {path} is not the one in the snapshot"
                )
            entry, root_key = verify_entry(path, token, archive.charter, admission)
            held = Held(entry=entry, token=token, root_key=root_key, admission=admission.digest)
        if held.entry.path != path:
            raise NotAcceptable("directory.wrong_path", f"the entry at {path} belongs to {held.entry.path}")
        if held.root_key.revoked_at is not None:
            raise NotAcceptable(
                "directory.root_key_revoked", f"the entry at {path} rests on a revoked root key"
            )
        if held.entry.issued_at > now + CLOCK_SKEW:
            raise NotAcceptable(
                "directory.from_the_future", f"the entry at {path} is dated ahead of our clock"
            )
        newest = archive.newest(path)
        if newest is not None and held.entry.issued_at < newest.entry.issued_at:
            raise NotAcceptable("directory.entry_rollback", f"a newer entry at {path} was seen")
        found.append(held)
    return found


def token_digest(token: str) -> str:
    # A token that is not ASCII matches no digest, and is refused for that.
    return digest(token.encode("utf-8", "replace"))


def _set_aside(held: Held, admission: Admission, now: datetime) -> str | None:
    """Why an entry is not served now; None when it is."""
    if admission.suspended:
        return "directory.suspended"
    if now >= admission.expires_at:
        return "directory.admission_expired"
    # Past its root key's overlap nobody vouches for the entry any more.
    if now >= held.entry.expires_at or now > held.root_key.verify_until:
        return "directory.entry_expired"
    return None


def _covers(entry: AuthorityEntry, jurisdiction: str) -> int:
    """How narrowly the entry's jurisdiction covers the place: 0 not at all, 1 as the whole State, more is
    closer.
    """
    wanted = jurisdiction.upper()
    best = 0
    for code in entry.jurisdiction:
        area = code.upper()
        if wanted == area or wanted.startswith(area + "-"):
            best = max(best, len(area))
    return best
