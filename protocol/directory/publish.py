"""Writing the directory's statements: what a charter holder, a State and the snapshot's keeper sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from protocol.claims import Claims, seconds_of
from protocol.directory.between import CorridorFacts, MandateFacts
from protocol.directory.entries import (
    AUTHORITY_TYPE,
    MALFORMED,
    AuthorityFacts,
    KeyRecord,
    NodeFacts,
    authority_path,
    by_purpose,
    corridor_path,
    described,
    mandate_path,
    node_path,
    state_of_member,
)
from protocol.directory.trust import Admission, Charter
from protocol.identifiers import Address, NodeCode, state_of
from protocol.json_strict import Json, dumps
from protocol.statements import CoSigned, SigningKey, StatementType, VerifyKey, cosign, digest, sign

__all__ = [
    "Facts",
    "authority_facts",
    "entry_claims",
    "entry_path",
    "sign_admission",
    "sign_charter",
    "sign_entry",
    "sign_snapshot",
]


def sign_charter(
    *,
    network: str,
    keys: Iterable[VerifyKey],
    threshold: int,
    snapshot_keys: Iterable[KeyRecord],
    issued_at: datetime,
    expires_at: datetime,
    signers: Sequence[SigningKey],
    previous: Charter | None = None,
    admissions: Iterable[Admission] = (),
) -> CoSigned:
    """A charter signed by `signers`. Its `digest` is what every node is to be given by another way.

    With `previous` it replaces that one, and `signers` are enough of both charters' keys. `admissions`: those
    that it takes over; whoever is not among them is out of the network.
    """
    return _cosigned(
        StatementType.CHARTER,
        {
            "network": network,
            **({} if previous is None else {"sequence": previous.sequence + 1, "previous": previous.digest}),
            "threshold": threshold,
            "jwks": {"keys": [key.jwk() for key in keys]},
            "snapshot_jwks": {"keys": [record.to_json() for record in snapshot_keys]},
            "iat": seconds_of(issued_at),
            "exp": seconds_of(expires_at),
            **(
                {}
                if previous is None
                else {
                    "admissions": [
                        {"member": one.member, "sequence": one.sequence, "digest": one.digest}
                        for one in sorted(admissions, key=lambda one: one.member)
                    ]
                }
            ),
        },
        signers,
    )


def sign_admission(
    *,
    charter: Charter | CoSigned,
    member: str,
    root_keys: Iterable[KeyRecord],
    nodes: Iterable[NodeCode],
    sequence: int,
    issued_at: datetime,
    expires_at: datetime,
    signers: Sequence[SigningKey],
    suspended: bool = False,
    authorities: Iterable[Address] = (),
) -> CoSigned:
    """The admission of `member` (`ro`, `int-iom`), or its suspension, signed by charter keys.

    Old root keys stay listed for as long as what they signed is to verify.
    """
    return _cosigned(
        StatementType.ADMISSION,
        {
            "charter": charter.digest,
            "member": member,
            "sequence": sequence,
            "suspended": suspended,
            "jwks": {"keys": [record.to_json() for record in root_keys]},
            "nodes": list(nodes),
            **({"authorities": addresses} if (addresses := list(authorities)) else {}),
            "iat": seconds_of(issued_at),
            "exp": seconds_of(expires_at),
        },
        signers,
    )


def authority_facts(
    address: Address, description: Mapping[str, Any], keys: Iterable[KeyRecord]
) -> AuthorityFacts:
    """What a State is about to say of an authority. `description`: as `AuthorityFacts.metadata` writes it.

    Refuses `directory.malformed`, also for a member that an entry does not have or that is not said: what
    goes to every State should hold nothing by accident.
    """
    claims = Claims(description, code=MALFORMED)
    signing, sealing = by_purpose(keys)
    facts = AuthorityFacts(
        address=address,
        state=state_of(address),
        signing_keys=signing,
        sealing_keys=sealing,
        **described(claims),
    )
    written = facts.metadata()[AUTHORITY_TYPE]
    for name in sorted({*written, *description}):
        if name not in written or name not in description or written[name] != description[name]:
            raise claims.wrong(name, "what an entry says, all of it and nothing more")
    return facts


type Facts = AuthorityFacts | NodeFacts | MandateFacts | CorridorFacts
"""Whatever an entry says."""


def entry_path(facts: Facts, *, member: str | None = None) -> str:
    """Where the entry stands. `member` is needed for an international body alone."""
    member = member or facts.state
    match facts:
        case NodeFacts():
            return node_path(member, facts.code)
        case AuthorityFacts():
            return authority_path(member, facts.address)
        case MandateFacts():
            return mandate_path(member, facts.name)
        case CorridorFacts():
            return corridor_path(member, facts.other)


def entry_claims(
    facts: Facts, *, network: str, issued_at: datetime, expires_at: datetime, member: str | None = None
) -> Json:
    """What the member's root key signs, wherever that is.

    A retired key stays in the entry until its `verify_until`: mail queued across the rotation needs it.
    """
    member = member or facts.state
    assert state_of_member(member) == facts.state, "an entry belongs to the member's own State"
    subject: str
    keys: tuple[KeyRecord, ...] = ()
    match facts:
        case NodeFacts():
            subject, keys = facts.code, facts.signing_keys + facts.sealing_keys
        case AuthorityFacts():
            subject, keys = facts.address, facts.signing_keys + facts.sealing_keys
        case _:
            subject = facts.subject
    return {
        "iss": member,
        "sub": subject,
        "iat": seconds_of(issued_at),
        "exp": seconds_of(expires_at),
        "authority_hints": [network],
        **(
            {"jwks": {"keys": [record.to_json() for record in keys]}}
            if isinstance(facts, (AuthorityFacts, NodeFacts))
            else {}
        ),
        "metadata": facts.metadata(),
    }


def sign_entry(
    facts: Facts,
    *,
    network: str,
    issued_at: datetime,
    expires_at: datetime,
    key: SigningKey,
    member: str | None = None,
) -> str:
    """The token of an entry, signed by the member's root key."""
    claims = entry_claims(facts, network=network, issued_at=issued_at, expires_at=expires_at, member=member)
    return sign(StatementType.STATE_ENTRY, claims, key)


def sign_snapshot(
    *,
    charter: Charter | CoSigned,
    sequence: int,
    previous: str | None,
    admissions: Mapping[str, CoSigned],
    entries: Mapping[str, str],
    issued_at: datetime,
    expires_at: datetime,
    key: SigningKey,
) -> str:
    """The token of a snapshot over `admissions` (by member) and `entries` (tokens by path).

    `previous` is the digest of the snapshot before this one; None for the first.
    """
    claims: Json = {
        "charter": charter.digest,
        "sequence": sequence,
        **({"previous": previous} if previous is not None else {}),
        "iat": seconds_of(issued_at),
        "exp": seconds_of(expires_at),
        "admissions": {member: admissions[member].digest for member in sorted(admissions)},
        "entries": {path: digest(entries[path].encode("ascii")) for path in sorted(entries)},
    }
    return sign(StatementType.SNAPSHOT, claims, key)


def _cosigned(typ: StatementType, claims: Json, signers: Sequence[SigningKey]) -> CoSigned:
    payload = dumps(claims)
    return CoSigned(payload=payload, signatures=tuple(cosign(typ, payload, key) for key in signers))
