"""What the network's keepers decide, on paper: proposed by one, signed by enough of them, then filed.

    proposal = propose_suspension(papers, "ro", now=now)     bytes, and no signature yet
    proposal = proposal.signed(key)                          by each keeper, on a machine of its own
    file(directory, proposal)                                once enough have signed

A proposal is a file that holds no secret and may travel by any way: what is signed is its bytes, and each
keeper is shown what they mean, read from the bytes and never from what somebody wrote beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from protocol.claims import Claims
from protocol.directory import Charter, KeyRecord, sign_admission, sign_charter
from protocol.directory.entries import MALFORMED, read_keys
from protocol.directory.trust import Admission, read_admission, read_charter
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import NodeCode, parse_address
from protocol.statements import (
    CoSigned,
    SigningKey,
    StatementType,
    VerifyKey,
    cosign,
    cosigner_kid,
    verify_threshold,
)
from service.directory.papers import Papers, file_admission, file_charter

__all__ = [
    "Proposal",
    "effect",
    "file",
    "propose_admission",
    "propose_charter",
    "propose_readmission",
    "propose_rotation",
    "propose_suspension",
    "read_proposal",
    "signers",
]

_KINDS = (StatementType.CHARTER, StatementType.ADMISSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    kind: StatementType
    document: CoSigned

    def signed(self, key: SigningKey) -> Proposal:
        """With one signature more; the same again when this key has signed it."""
        if any(cosigner_kid(one, self.kind) == key.kid for one in self.document.signatures):
            return self
        signature = cosign(self.kind, self.document.payload, key)
        return Proposal(kind=self.kind, document=self.document.with_signature(signature))

    def with_signatures_of(self, other: Proposal) -> Proposal:
        """Two keepers signed apart. Refuses `directory.entry_mismatch` for other bytes."""
        if (other.kind, other.document.payload) != (self.kind, self.document.payload):
            raise NotAcceptable("directory.entry_mismatch", "the two files hold two different proposals")
        signatures = dict.fromkeys((*self.document.signatures, *other.document.signatures))
        document = CoSigned(payload=self.document.payload, signatures=tuple(signatures))
        return Proposal(kind=self.kind, document=document)

    def text(self) -> str:
        return json.dumps({"kind": self.kind.value, **self.document.to_json()}, indent=1) + "\n"


def read_proposal(text: str) -> Proposal:
    """Refuses `statement.malformed`. Says nothing about who signed."""
    try:
        value = json.loads(text)
        kind = StatementType(value.pop("kind"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotAcceptable("statement.malformed", "expected a keepers' proposal") from None
    if kind not in _KINDS:
        raise NotAcceptable("statement.wrong_type", "expected a charter or an admission")
    return Proposal(kind=kind, document=CoSigned.from_json(value))


def propose_charter(
    *,
    network: str,
    keys: Iterable[VerifyKey],
    threshold: int,
    snapshot_keys: Iterable[KeyRecord],
    now: datetime,
    lasts: timedelta,
) -> Proposal:
    """A network's first charter."""
    document = sign_charter(
        network=network,
        keys=keys,
        threshold=threshold,
        snapshot_keys=snapshot_keys,
        issued_at=now,
        expires_at=now + lasts,
        signers=(),
    )
    return Proposal(kind=StatementType.CHARTER, document=document)


def propose_rotation(
    papers: Papers,
    *,
    now: datetime,
    lasts: timedelta,
    keys: Iterable[VerifyKey] = (),
    threshold: int | None = None,
    snapshot_keys: Iterable[KeyRecord] = (),
    without: Iterable[str] = (),
) -> Proposal:
    """The next charter, which takes over every admission but those of `without`. What is not given stays."""
    left_out, rules = set(without), papers.rules
    document = sign_charter(
        network=rules.network,
        keys=tuple(keys) or rules.keys.values(),
        threshold=threshold or rules.threshold,
        snapshot_keys=tuple(snapshot_keys) or rules.snapshot_keys,
        issued_at=now,
        expires_at=now + lasts,
        signers=(),
        previous=rules,
        admissions=[one for member, one in papers.admissions.items() if member not in left_out],
    )
    return Proposal(kind=StatementType.CHARTER, document=document)


def propose_admission(
    papers: Papers, request: Mapping[str, Any], *, now: datetime, lasts: timedelta
) -> Proposal:
    """From what `focalpoint node init` or `focalpoint intermediary join` printed; the latter names no node.
    Of a member that is there already: its new root keys beside
    the old ones, which are needed for as long as what they signed is to verify.

    Refuses `directory.malformed`.
    """
    claims = Claims(request, code=MALFORMED)
    member = claims.text("member")
    fresh = read_keys(Claims({"keys": [dict(claims.inside("root_key").members())]}, code=MALFORMED))
    former = papers.admissions.get(member)
    old = former.root_keys if former else ()
    known = {record.kid for record in fresh}
    named = claims.text_or_none("node")
    node = () if named is None else (NodeCode(named),)
    nodes = tuple(dict.fromkeys((*(former.nodes if former else ()), *node)))
    document = sign_admission(
        charter=papers.rules,
        member=member,
        root_keys=(*fresh, *(record for record in old if record.kid not in known)),
        nodes=nodes,
        authorities=[parse_address(text) for text in claims.texts("authorities")],
        sequence=former.sequence + 1 if former else 1,
        issued_at=now,
        expires_at=now + lasts,
        signers=(),
        suspended=former.suspended if former else False,
    )
    return Proposal(kind=StatementType.ADMISSION, document=document)


def propose_suspension(papers: Papers, member: str, *, now: datetime) -> Proposal:
    """Refuses `directory.not_admitted`."""
    return _again(papers, member, now=now, suspended=True)


def propose_readmission(papers: Papers, member: str, *, now: datetime) -> Proposal:
    """Refuses `directory.not_admitted`."""
    return _again(papers, member, now=now, suspended=False)


def _again(papers: Papers, member: str, *, now: datetime, suspended: bool) -> Proposal:
    former = papers.admissions.get(member)
    if former is None:
        raise NotAcceptable("directory.not_admitted", f"{member} is not admitted")
    document = sign_admission(
        charter=papers.rules,
        member=member,
        root_keys=former.root_keys,
        nodes=former.nodes,
        authorities=former.authorities,
        sequence=former.sequence + 1,
        issued_at=now,
        expires_at=former.expires_at,
        signers=(),
        suspended=suspended,
    )
    return Proposal(kind=StatementType.ADMISSION, document=document)


def signers(proposal: Proposal, papers: Papers | None) -> Iterator[tuple[str, frozenset[str], int]]:
    """Whose signatures it needs: what they are called, which of them have signed, and how many have to."""
    if proposal.kind is StatementType.ADMISSION:
        if papers is not None:
            yield "keepers", _signed(proposal, papers.rules), papers.rules.threshold
        return
    charter = read_charter(proposal.document)
    if charter.previous is not None and papers is not None:
        yield "former keepers", _signed(proposal, papers.rules), papers.rules.threshold
    yield "new keepers", _signed(proposal, charter), charter.threshold


def _signed(proposal: Proposal, rules: Charter) -> frozenset[str]:
    try:
        return verify_threshold(proposal.document, proposal.kind, rules.keys, 1)
    except Refused:
        return frozenset()


def file(directory: Path, proposal: Proposal) -> Charter | Admission:
    """Refuses as `file_charter` and `file_admission`; below the threshold `directory.below_threshold`."""
    if proposal.kind is StatementType.CHARTER:
        return file_charter(directory, proposal.document)
    return file_admission(directory, proposal.document)


# --- what it means ------------------------------------------------------------------------------------------


def effect(proposal: Proposal, papers: Papers | None) -> tuple[str, ...]:
    """What filing it would do, in words. Refuses `directory.malformed` for bytes that say nothing."""
    if proposal.kind is StatementType.CHARTER:
        return tuple(_of_charter(read_charter(proposal.document), papers))
    return tuple(_of_admission(read_admission(proposal.document), papers))


def _of_charter(charter: Charter, papers: Papers | None) -> Iterator[str]:
    yield f"Charter {charter.sequence} of the network {charter.network}, digest {charter.digest}"
    yield f"Its keepers: {charter.threshold} of {len(charter.keys)} ({', '.join(sorted(charter.keys))})"
    yield f"Snapshots are signed by {', '.join(record.kid for record in charter.snapshot_keys)}"
    yield f"It is good until {charter.expires_at:%Y-%m-%d}"
    if charter.previous is None:
        yield "Every node has to be given this digest in person"
        return
    yield f"It replaces {charter.previous}; nodes that were given that digest follow by themselves"
    if papers is None:
        yield f"It takes over {len(charter.admissions)} admissions"
        return
    if charter.previous != papers.rules.digest:
        yield f"It does NOT follow the charter that is filed, number {papers.rules.sequence}"
    for member, admission in sorted(papers.admissions.items()):
        taken = charter.admissions.get(member)
        if taken is None:
            yield f"{member} is taken out of the network: nothing is sent to it or taken from it any more"
        elif taken.digest != admission.digest:
            yield f"It takes over another admission of {member} than the one that is filed"


def _of_admission(admission: Admission, papers: Papers | None) -> Iterator[str]:
    member = admission.member
    former = papers.admissions.get(member) if papers else None
    yield f"Admission {admission.sequence} of {member}, good until {admission.expires_at:%Y-%m-%d}"
    if admission.suspended:
        yield (
            f"{member} stops being served: from the next snapshot on no node sends to it or takes from it."
            " What was exchanged before stays, and can be proved"
        )
    elif former is not None and former.suspended:
        yield f"{member} is served again from the next snapshot on"
    elif former is None:
        yield f"{member} joins: its entries count from the next snapshot on"
    before = set(former.nodes) if former else set()
    for code in admission.nodes:
        if code not in before:
            yield f"Node {code} may speak for it"
    for code in sorted(before - set(admission.nodes)):
        yield f"Node {code} may speak for it no more"
    keys = {record.kid for record in former.root_keys} if former else set()
    for record in admission.root_keys:
        if record.kid not in keys:
            yield (
                f"Root key {record.kid} speaks for the whole State. Compare its id with the State by another"
                " way before you sign"
            )
    for kid in sorted(keys - {record.kid for record in admission.root_keys}):
        yield f"Root key {kid} is no longer listed: what it signed does not verify any more"
