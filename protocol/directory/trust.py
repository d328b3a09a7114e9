"""Who may say what in the directory: charter → admission → a State's entries, and the snapshot over all of
it.

    charter      m of n charter keys, its digest given to each node out of band; its successor is signed by
                 m of its keys and by those of its own
    admission    m of n charter keys: this member, its root keys, its node codes; suspended or not
    entry        the member's root key: its own node and authorities, nothing of anybody else's
    snapshot     a key that the charter delegates to: which admission and which version of each entry count
    now

The charter's keys cannot speak for a State, a State cannot speak for another, and the snapshot key can leave
something out but never invent or bring back: a node remembers the newest that it has seen of each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from protocol.claims import Claims
from protocol.directory.entries import (
    MALFORMED,
    AuthorityEntry,
    Entry,
    KeyRecord,
    NodeEntry,
    is_member_code,
    read_entry,
    read_keys,
    split_path,
    state_of_member,
)
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, NodeCode, StateCode, parse_address, parse_node_code
from protocol.json_strict import parse_object
from protocol.statements import (
    CoSigned,
    StatementType,
    VerifyKey,
    read,
    verify,
    verify_threshold,
)

__all__ = [
    "CLOCK_SKEW",
    "Admission",
    "Charter",
    "Snapshot",
    "TakenOver",
    "read_admission",
    "read_charter",
    "verify_admission",
    "verify_charter",
    "verify_charters",
    "verify_entry",
    "verify_snapshot",
]

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours another clock may be."""

MAX_COSIGNED_BYTES = 65_536
MAX_ENTRY_BYTES = 131_072
MAX_SNAPSHOT_BYTES = 4_194_304
"""About 30,000 entries: every State with a hundred local authorities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """Which admission of a member a new charter takes over from the one before."""

    sequence: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """The network's founding statement. `digest` is what a node is given out of band.

    `sequence`: 1 for the first, one more at each rotation; `previous`: the digest of the one before.
    `admissions`: what a rotation takes over, by member; under the former charter nothing newer counts.
    `earlier`: the charters before this one, oldest first, as far as they are known (`verify_charters`).
    """

    network: str
    keys: Mapping[str, VerifyKey] = field(hash=False)
    threshold: int
    snapshot_keys: tuple[KeyRecord, ...]
    issued_at: datetime
    expires_at: datetime
    digest: str
    sequence: int = 1
    previous: str | None = None
    admissions: Mapping[str, TakenOver] = field(hash=False, default_factory=dict)
    earlier: tuple[Charter, ...] = field(default=(), repr=False)

    def named(self, charter_digest: str) -> Charter:
        """This charter, or the earlier one with that digest. Refuses `directory.wrong_charter`."""
        for one in (self, *self.earlier):
            if one.digest == charter_digest:
                return one
        raise NotAcceptable("directory.wrong_charter", "the statement belongs to another network")

    def successor_of(self, one: Charter) -> Charter | None:
        """The charter that replaced `one`; None for the newest."""
        return next((later for later in (*self.earlier, self) if later.previous == one.digest), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The network's word that a member belongs to it, with which root keys and node codes.

    `authorities`: for an international body, the addresses that it may speak for; empty for a State, which
    speaks for all of its own. Of two admissions of one member the one with the higher `sequence` counts.
    `charter`: digest of the one that it was signed under.
    """

    charter: str
    member: str
    state: StateCode
    root_keys: tuple[KeyRecord, ...]
    nodes: tuple[NodeCode, ...]
    authorities: tuple[Address, ...]
    suspended: bool
    sequence: int
    issued_at: datetime
    expires_at: datetime
    digest: str

    def root_key(self, kid: str) -> KeyRecord | None:
        return next((key for key in self.root_keys if key.kid == kid), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Which version of everything counts. `entries`: digest by path; `admissions`: digest by member;
    `charter`: digest of the one that it was signed under.
    """

    charter: str
    sequence: int
    previous: str | None
    issued_at: datetime
    expires_at: datetime
    admissions: Mapping[str, str] = field(hash=False)
    entries: Mapping[str, str] = field(hash=False)
    digest: str
    token: str = field(repr=False)

    @property
    def half_life(self) -> datetime:
        """From here on a node that has seen no newer snapshot should raise an alarm."""
        return self.issued_at + (self.expires_at - self.issued_at) / 2


def verify_charter(cosigned: CoSigned, charter_digest: str) -> Charter:
    """The charter, when it is the one whose digest we were given and enough of its keys signed it.

    Refuses `directory.wrong_charter`, `directory.below_threshold`, and as `read_charter`.
    """
    if cosigned.digest != charter_digest:
        raise NotAcceptable("directory.wrong_charter", "this is not the charter whose digest was entered")
    charter = read_charter(cosigned)
    _meets_threshold(cosigned, StatementType.CHARTER, charter)
    return charter


def read_charter(cosigned: CoSigned) -> Charter:
    """What the bytes say, whoever signed them.

    Refuses `directory.malformed`, and `directory.charter_keys` (one key under two names, a threshold that one
    stolen key would meet, or a snapshot key that is also a charter key).
    """
    claims = _payload(cosigned)
    keys = {key.kid: key for key in map(_bare_key, claims.inside("jwks").each("keys"))}
    charter = Charter(
        network=claims.text("network"),
        keys=MappingProxyType(keys),
        threshold=claims.integer("threshold"),
        snapshot_keys=read_keys(claims.inside("snapshot_jwks")),
        issued_at=claims.moment("iat"),
        expires_at=claims.moment("exp"),
        digest=cosigned.digest,
        sequence=claims.integer("sequence", least=1) if "sequence" in claims else 1,
        previous=claims.text_or_none("previous"),
        admissions=MappingProxyType(_taken_over(claims)),
    )
    if (charter.previous is None) != (charter.sequence == 1):
        raise claims.wrong("previous", "the digest of the charter before, in every charter but the first")
    material = {key.raw for key in keys.values()}
    if len(material) != sum(1 for _ in claims.inside("jwks").each("keys")):
        raise NotAcceptable("directory.charter_keys", "a charter key is listed twice")
    if not 2 <= charter.threshold <= len(material):
        raise NotAcceptable(
            "directory.charter_keys", "the threshold must be at least 2 and at most the number of keys"
        )
    if any(record.verify_key().raw in material for record in charter.snapshot_keys):
        raise NotAcceptable("directory.charter_keys", "a snapshot key may not be a charter key")
    return charter


def verify_charters(documents: Iterable[CoSigned], charter_digest: str) -> Charter:
    """The newest charter that the one with `charter_digest` leads to, with its `earlier` ones.

    Forward, each successor is signed by the threshold of the charter before it; backward, a charter that is
    trusted names the digest of the one before. What belongs to no such chain is left alone.

    Refuses as `verify_charter`, and `directory.below_threshold` for a successor that too few of the former
    keys signed, `directory.wrong_network` for one of another name, `directory.fork` for two successors of one
    charter, `directory.malformed` for one that skips a number or is dated before its predecessor.
    """
    by_digest: dict[str, CoSigned] = {}
    for document in documents:
        known = by_digest.get(document.digest)
        # Two keepers may have signed apart: the signatures of both count.
        signatures = dict.fromkeys((*(known.signatures if known else ()), *document.signatures))
        by_digest[document.digest] = CoSigned(payload=document.payload, signatures=tuple(signatures))
    if charter_digest not in by_digest:
        raise NotAcceptable("directory.wrong_charter", "the charter whose digest was entered is not here")
    chain = [verify_charter(by_digest[charter_digest], charter_digest)]
    while (before := chain[0].previous) is not None and before in by_digest:
        earlier = verify_charter(by_digest[before], before)
        _check_succession(earlier, chain[0])
        chain.insert(0, earlier)
    while True:
        last = chain[-1]
        following = [
            one for one in by_digest.values() if _payload(one).text_or_none("previous") == last.digest
        ]
        if not following:
            return dataclasses.replace(last, earlier=tuple(chain[:-1]))
        if len(following) > 1:
            raise NotAcceptable("directory.fork", f"charter {last.sequence} has two successors")
        # First by the old keys: nobody else says who keeps the network from now on.
        _meets_threshold(following[0], StatementType.CHARTER, last)
        successor = verify_charter(following[0], following[0].digest)
        _check_succession(last, successor)
        chain.append(successor)


def _check_succession(earlier: Charter, later: Charter) -> None:
    if later.network != earlier.network:
        raise NotAcceptable("directory.wrong_network", "a charter's successor bears another network's name")
    if later.sequence != earlier.sequence + 1 or later.issued_at < earlier.issued_at:
        raise NotAcceptable(MALFORMED, "a charter's successor has the next number and a later date")


def _taken_over(claims: Claims) -> dict[str, TakenOver]:
    return {
        one.text("member"): TakenOver(sequence=one.integer("sequence", least=1), digest=one.text("digest"))
        for one in claims.each("admissions")
    }


def verify_admission(cosigned: CoSigned, charter: Charter) -> Admission:
    """Refuses `directory.below_threshold`, `directory.wrong_charter`, `directory.malformed`,
    `directory.critical`, and `directory.superseded_charter` for one under an earlier charter that the next
    charter does not take over, nor knows as older than what it takes over: keys that were rotated away admit
    nobody any more.
    """
    under = _under(cosigned, charter)
    _meets_threshold(cosigned, StatementType.ADMISSION, under)
    admission = read_admission(cosigned)
    charter.named(admission.charter)
    member = admission.member
    successor = charter.successor_of(under)
    if successor is not None:
        taken = successor.admissions.get(member)
        if taken is None or (admission.digest != taken.digest and admission.sequence >= taken.sequence):
            raise NotAcceptable(
                "directory.superseded_charter",
                f"charter {successor.sequence} does not take this admission of {member} over",
            )
    return admission


def read_admission(cosigned: CoSigned) -> Admission:
    """What the bytes say, whoever signed them. Refuses `directory.malformed`, `directory.critical`."""
    claims = _payload(cosigned)
    member = claims.text("member")
    if not is_member_code(member):
        raise claims.wrong("member", "a State's code, or `int-` and a body's name")
    state = state_of_member(member)
    authorities = tuple(parse_address(text) for text in claims.texts("authorities"))
    if (state == "int") != bool(authorities) or any(not one.startswith(f"{state}.") for one in authorities):
        raise claims.wrong("authorities", "the addresses of an international body, and of nobody else")
    return Admission(
        charter=claims.text("charter"),
        member=member,
        state=state,
        root_keys=read_keys(claims.inside("jwks")),
        nodes=tuple(parse_node_code(text) for text in claims.texts("nodes")),
        authorities=authorities,
        suspended=claims.boolean("suspended"),
        sequence=claims.integer("sequence", least=1),
        issued_at=claims.moment("iat"),
        expires_at=claims.moment("exp"),
        digest=cosigned.digest,
    )


def verify_snapshot(token: str, charter: Charter) -> Snapshot:
    """Whether the snapshot is the newest, and not expired, is for its reader to check.

    One under an earlier charter is read too, for old evidence names it. Refuses `directory.wrong_signer` (no
    snapshot key of the charter), `directory.key_not_valid`, `directory.wrong_charter`, `directory.malformed`,
    `directory.critical` and the codes of `statements.read` and `statements.verify`.
    """
    unverified = read(token, typ=StatementType.SNAPSHOT, max_bytes=MAX_SNAPSHOT_BYTES)
    # Which charter it says it is of decides whose key to look for, and is believed once that key signed it.
    said = Claims(unverified.claims, code=MALFORMED).text_or_none("charter")
    under = next((one for one in (charter, *charter.earlier) if one.digest == said), charter)
    record = next((key for key in under.snapshot_keys if key.kid == unverified.kid), None)
    if record is None:
        raise NotAcceptable(
            "directory.wrong_signer", "the snapshot is not signed by a snapshot key of the charter"
        )
    statement = verify(unverified, record.verify_key())
    claims = Claims(statement.claims, code=MALFORMED)
    claims.no_unknown_critical("directory.critical")
    if claims.text("charter") != under.digest:
        raise NotAcceptable("directory.wrong_charter", "the snapshot belongs to another network")
    snapshot = Snapshot(
        charter=under.digest,
        sequence=claims.integer("sequence", least=1),
        previous=claims.text_or_none("previous"),
        issued_at=claims.moment("iat"),
        expires_at=claims.moment("exp"),
        admissions=MappingProxyType(claims.texts_by_name("admissions")),
        entries=MappingProxyType(claims.texts_by_name("entries")),
        digest=statement.digest,
        token=statement.token,
    )
    if snapshot.expires_at <= snapshot.issued_at:
        raise claims.wrong("exp", "a moment after iat")
    if not record.in_use(snapshot.issued_at):
        raise NotAcceptable("directory.key_not_valid", f"snapshot key {record.kid} may not sign at that date")
    return snapshot


def verify_entry(path: str, token: str, charter: Charter, admission: Admission) -> tuple[Entry, KeyRecord]:
    """The entry, and the root key that vouches for it. Revocation and expiry are the caller's to weigh.

    Refuses `directory.wrong_state` (a member speaks for another), `directory.wrong_network`,
    `directory.wrong_signer` (no root key of that member: a node's, an authority's, a snapshot or a charter
    key), `directory.key_not_valid`, `directory.node_not_admitted`, the codes of `read_entry`,
    `statements.read` and `statements.verify`.
    """
    member, _, _ = split_path(path)
    unverified = read(token, typ=StatementType.STATE_ENTRY, max_bytes=MAX_ENTRY_BYTES)
    claims = Claims(unverified.claims, code=MALFORMED)
    if member != admission.member or claims.text("iss") != member:
        raise NotAcceptable("directory.wrong_state", f"the entry at {path} is not spoken by {member}")
    record = admission.root_key(unverified.kid)
    if record is None:
        raise NotAcceptable(
            "directory.wrong_signer", f"the entry at {path} is not signed by a root key of {member}"
        )
    statement = verify(unverified, record.verify_key())
    if charter.network not in claims.texts("authority_hints"):
        raise NotAcceptable("directory.wrong_network", f"the entry at {path} was made for another network")
    entry = read_entry(path, statement)
    if not record.not_before <= entry.issued_at < record.signing_until:
        raise NotAcceptable("directory.key_not_valid", f"root key {record.kid} may not sign at that date")
    _within_admission(entry, admission)
    return entry, record


def _under(cosigned: CoSigned, charter: Charter) -> Charter:
    """Whose keys to look for. What the bytes say of it is believed once these have signed them."""
    try:
        return charter.named(_payload(cosigned).text("charter"))
    except Refused:
        return charter


def _within_admission(entry: Entry, admission: Admission) -> None:
    match entry:
        case NodeEntry():
            node = entry.code
        case AuthorityEntry():
            node = entry.node
            if node.startswith("int-") and admission.state != "int":
                # A State may be served by an international body's node. Nothing follows from that alone: what
                # it may do there is for a mandate to say (`protocol.directory.mandates`).
                return
            if admission.authorities and entry.address not in admission.authorities:
                raise NotAcceptable(
                    "directory.wrong_state", f"{admission.member} may not speak for {entry.address}"
                )
        case _:
            return
    if node not in admission.nodes:
        raise NotAcceptable(
            "directory.node_not_admitted",
            f"{node} is not a node that the network admitted for {admission.member}",
        )


def _meets_threshold(cosigned: CoSigned, typ: StatementType, charter: Charter) -> None:
    try:
        verify_threshold(cosigned, typ, charter.keys, charter.threshold)
    except Refused as refused:
        raise NotAcceptable("directory.below_threshold", refused.detail) from None


def _payload(cosigned: CoSigned) -> Claims:
    claims = Claims(parse_object(cosigned.payload, max_bytes=MAX_COSIGNED_BYTES), code=MALFORMED)
    claims.no_unknown_critical("directory.critical")
    return claims


def _bare_key(claims: Claims) -> VerifyKey:
    return VerifyKey.from_jwk(dict(claims.members()))
