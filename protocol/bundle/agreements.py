"""What a bundle proves of agreements: who signed which bytes, when, and on which documents they rest.

Nothing is taken from what the file says of an agreement. Its bytes are derived from the signed proposal, its
co-signatures are those of the signed acceptances, and the `agreement` member has to be equal to both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from protocol.agreement import (
    ACCEPTANCE,
    VERSIONS,
    Agreement,
    agreement_digest,
    check_acceptance,
    check_cosignature,
    signer_kid,
)
from protocol.directory import Archive
from protocol.errors import Refused
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.intermediary import ATTEST, Attested, attested_in
from protocol.version_end import VersionEnd, version_end

__all__ = [
    "CoSignature",
    "ProvenAgreement",
    "ProvenOnPaper",
    "RestsOn",
    "Said",
    "prove_agreements",
    "prove_cosignatures",
    "prove_on_paper",
]

type Found = Callable[[str, str, str], None]
"""Takes code, place and detail of a finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A content statement whose signature was verified. `received_at`: when the other node had it, as its
    evidence shows; when it was signed where there is none."""

    id: MessageId
    type: str
    case: CaseReference
    thread: ThreadId
    in_reply_to: MessageId | None
    sender: Address
    recipient: Address
    coded: Mapping[str, Any] = field(hash=False, repr=False)
    statement_digest: str
    issued_at: datetime
    received_at: datetime
    via: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoSignature:
    """One authority signed the bytes. `signed_at`: of the acceptance that brought the signature."""

    by: Address
    kid: str
    signed_at: datetime
    acceptance: MessageId


type CoSignatures = Mapping[tuple[str, str], CoSignature]
"""Those that verify, by the digests of the acceptance's statement and of the version's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestsOn:
    """A document that an agreement names by digest. Without `type` it is not in this bundle."""

    name: str
    digest: str
    type: str | None = None
    message: MessageId | None = None
    sender: Address | None = None
    issued_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenAgreement:
    """An agreement that both States signed, and nothing else about it: not whether it is in force."""

    agreement: Agreement
    proposed_by: Address
    proposed_at: datetime
    cosignatures: tuple[CoSignature, ...]
    rests_on: tuple[RestsOn, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenOnPaper:
    """A version that one State signed and the other accepted on paper: never an agreement.

    `party`: whose paper it is; `via`: who `attested` it; `confirmed_by`: the authority that signed that two
    of its people confirmed it, at `confirmed_at`; `cosignature`: the one State's. `ended`: that it was once
    accepted is proven, and that it does not stand.
    """

    agreement: str
    party: Address
    via: Address
    attested: Attested
    confirmed_by: Address
    confirmed_at: datetime
    cosignature: CoSignature
    ended: VersionEnd | None = None


def prove_cosignatures(said: Sequence[Said], archive: Archive, found: Found) -> CoSignatures:
    """Of every acceptance whose version is there, in the order of the versions. What does not verify is
    found, and has none."""
    proven = {}
    for version in said:
        if version.type not in VERSIONS:
            continue
        for acceptance in _acceptances(said, version):
            cosignature = _cosignature(acceptance, version, archive, found)
            if cosignature is not None:
                proven[acceptance.statement_digest, version.statement_digest] = cosignature
    return proven


def _acceptances(said: Sequence[Said], version: Said) -> list[Said]:
    return [
        one
        for one in said
        if one.type == ACCEPTANCE and one.in_reply_to == version.id and one.thread == version.thread
    ]


def prove_on_paper(
    said: Sequence[Said],
    cosigned: CoSignatures,
    confirmed: Mapping[MessageId, tuple[Address, datetime]],
    agreed: Collection[MessageId] = (),
) -> tuple[ProvenOnPaper, ...]:
    """`confirmed`: attestations of which verified evidence says that two people confirmed them, by whom.
    `agreed`: versions that both States signed. What was refused, withdrawn, revoked or replaced is there with
    its end."""
    proven: list[tuple[Said, ProvenOnPaper]] = []
    for one in said:
        if one.type != ATTEST or one.via is None or one.id not in confirmed:
            continue
        version = next(
            (other for other in said if other.id == one.in_reply_to and other.type in VERSIONS), None
        )
        agreement = one.coded.get("agreement")
        if version is None or agreement is None or agreement_digest(version) != agreement:
            continue
        accepted = (
            cosigned.get((other.statement_digest, version.statement_digest))
            for other in _acceptances(said, version)
            if other.sender == one.recipient and other.coded.get("agreement") == agreement
        )
        cosignature = next((other for other in accepted if other is not None), None)
        if cosignature is None:
            continue
        by, at = confirmed[one.id]
        on_paper = ProvenOnPaper(
            agreement=str(agreement),
            party=one.sender,
            via=one.via,
            attested=attested_in(one.id, one.coded),
            confirmed_by=by,
            confirmed_at=at,
            cosignature=cosignature,
        )
        proven.append((version, on_paper))
    settled = {*agreed, *(version.id for version, _ in proven)}
    return tuple(
        replace(
            one,
            ended=version_end(
                version,
                said,
                agreement=one.agreement,
                confirmed_at=one.confirmed_at,
                settled=settled - {version.id},
            ),
        )
        for version, one in proven
    )


def prove_agreements(
    said: Sequence[Said],
    cosigned: CoSignatures,
    archive: Archive,
    *,
    exported: object,
    exported_digest: str | None,
    listed: Mapping[str, str],
    found: Found,
) -> tuple[ProvenAgreement, ...]:
    """Every agreement in the bundle that both States signed, in the order of its versions.

    `exported`: the member `agreement`, when the bundle is the export of one; `exported_digest`: which one the
    exporter listed. Then each document that it, or an agreement that it amends, rests on has to be there.
    `listed`: the message that the exporter listed each statement digest for.
    """
    by_digest = {one.statement_digest: one for one in said}
    proven: dict[str, ProvenAgreement] = {}
    for version in said:
        if version.type not in VERSIONS:
            continue
        # A withdrawn or crossed acceptance of the same version says the same bytes: the first one dates it.
        signed: dict[Address, CoSignature] = {}
        accepting: list[Said] = []
        for acceptance in _acceptances(said, version):
            cosignature = cosigned.get((acceptance.statement_digest, version.statement_digest))
            if cosignature is not None and cosignature.by not in signed:
                signed[cosignature.by] = cosignature
                accepting.append(acceptance)
        try:
            agreement = Agreement.of(version, accepting)
        except Refused:
            continue
        proven[agreement.digest] = ProvenAgreement(
            agreement=agreement,
            proposed_by=version.sender,
            proposed_at=version.issued_at,
            cosignatures=tuple(signed[party] for party in agreement.parties),
            rests_on=tuple(
                _document(document.name, document.digest, by_digest) for document in agreement.documents
            ),
        )
    if exported is not None or exported_digest is not None:
        _Exported(
            said=said, archive=archive, proven=proven, by_digest=by_digest, listed=listed, found=found
        ).check(exported, exported_digest)
    return tuple(proven.values())


def _cosignature(acceptance: Said, version: Said, archive: Archive, found: Found) -> CoSignature | None:
    try:
        kid = signer_kid(acceptance)
        key = archive.signing_key(
            acceptance.sender, kid, acceptance.issued_at, received_at=acceptance.received_at
        )
        check_acceptance(acceptance, version, key)
    except Refused as refused:
        found(refused.code, f"messages/{acceptance.id}/statement", refused.detail)
        return None
    return CoSignature(
        by=acceptance.sender, kid=kid, signed_at=acceptance.issued_at, acceptance=acceptance.id
    )


def _document(name: str, digest: str, by_digest: Mapping[str, Said]) -> RestsOn:
    one = by_digest.get(digest)
    if one is None:
        return RestsOn(name=name, digest=digest)
    return RestsOn(
        name=name,
        digest=digest,
        type=one.type,
        message=one.id,
        sender=one.sender,
        issued_at=one.issued_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exported:
    """The agreement that a bundle was exported for."""

    said: Sequence[Said]
    archive: Archive
    proven: Mapping[str, ProvenAgreement]
    by_digest: Mapping[str, Said]
    listed: Mapping[str, str]
    found: Found

    def check(self, exported: object, exported_digest: str | None) -> None:
        if exported is None:
            self.found("bundle.missing", "agreement", "the exporter listed an agreement that is not there")
            return
        if exported_digest is None:
            self.found("bundle.unlisted", "agreement", "the exporter did not list an agreement")
        try:
            agreement = Agreement.from_json(exported)
        except Refused as refused:
            self.found(refused.code, "agreement", refused.detail)
            return
        if exported_digest is not None and agreement.digest != exported_digest:
            self.found("agreement.altered", "agreement/payload", "not the bytes that the exporter listed")
        self._signatures(agreement)
        if agreement.digest in self.proven:
            self._chain(agreement)
            return
        if agreement.proposal_digest not in self.by_digest:
            self._absent("agreement/proposal", agreement.proposal_digest)
        elif not any(
            one.statement_digest == agreement.proposal_digest and one.type in VERSIONS for one in self.said
        ):
            self.found("agreement.altered", "agreement/payload", "what it names as its proposal is none")
        else:
            self._unproven(agreement)
        self._documents(agreement, "agreement")

    def _signatures(self, agreement: Agreement) -> None:
        """Each signature is by its party over these bytes, with the key that its acceptance names."""
        accepted = {
            one.sender: one
            for one in reversed(self.said)
            if one.type == ACCEPTANCE and one.in_reply_to == agreement.proposal
        }
        for position, (party, signature) in enumerate(
            zip(agreement.parties, agreement.signatures, strict=True)
        ):
            place = f"agreement/signatures/{position}"
            acceptance = accepted.get(party)
            if acceptance is None:
                self.found("agreement.unsigned", place, f"no acceptance by {party} is there")
            else:
                try:
                    key = self.archive.signing_key(
                        party,
                        signer_kid(acceptance),
                        acceptance.issued_at,
                        received_at=acceptance.received_at,
                    )
                    check_cosignature(agreement.payload, signature, key)
                except Refused as refused:
                    self.found(refused.code, place, refused.detail)

    def _unproven(self, agreement: Agreement) -> None:
        """The proposal is there, and does not give these bytes with two signatures."""
        version = self.by_digest[agreement.proposal_digest]
        try:
            derived = Agreement.of(version, (one for one in self.said if one.type == ACCEPTANCE))
        except Refused as refused:
            self.found(refused.code, "agreement/signatures", refused.detail)
            return
        if derived.payload != agreement.payload:
            self.found("agreement.altered", "agreement/payload", "not the bytes that its proposal gives")

    def _chain(self, agreement: Agreement) -> None:
        """The documents of this agreement, and of those that it takes the place of, one after the other."""
        place, seen = "agreement", set[str]()
        while agreement.digest not in seen:
            seen.add(agreement.digest)
            self._documents(agreement, place)
            if agreement.amends is None:
                return
            place = f"{place}/amends"
            amended = self.proven.get(agreement.amends)
            if amended is None:
                self.found(
                    "agreement.document_missing", place, f"agreement {agreement.amends} is not proven here"
                )
                return
            agreement = amended.agreement

    def _documents(self, agreement: Agreement, place: str) -> None:
        for document in agreement.documents:
            if document.digest not in self.by_digest:
                self._absent(f"{place}/{document.name}", document.digest)

    def _absent(self, place: str, digest: str) -> None:
        """A document that was listed under this digest is there and says something else, or is not there."""
        message = self.listed.get(digest)
        if message is None:
            self.found("agreement.document_missing", place, f"statement {digest} is not there")
        else:
            self.found(
                "agreement.document_altered", place, f"message {message} is not statement {digest} any more"
            )
