"""An agreement on a durable solution: one sequence of bytes, signed by an authority of each State.

    payload = agreement_bytes(proposal)         # both sides derive it; nobody sends it
    signature = sign(payload, key)              # travels in a `durable-solution.acceptance`
    agreement = Agreement.of(proposal, acceptances)

The bytes are canonical JSON of what the signed proposal or counter-proposal says: its terms, the documents
that it rests on by digest, the agreement that it takes the place of. Whoever holds the proposal can derive
them again, so an officer, the other State and a court compare one digest. Free text and identity stay out:
the proposal's digest, which is in the bytes, binds them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self

from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.json_strict import Json, dumps, parse_object
from protocol.statements import (
    MAX_STATEMENT_BYTES,
    CoSigned,
    SigningKey,
    StatementType,
    VerifyKey,
    cosign,
    cosigner_kid,
    digest,
    verify_threshold,
)

__all__ = [
    "ACCEPTANCE",
    "VERSIONS",
    "Agreement",
    "Document",
    "Version",
    "agreement_bytes",
    "agreement_digest",
    "check_acceptance",
    "check_cosignature",
    "sign",
    "signer_kid",
]

TYPE: Final = "durable-solution.agreement"
VERSION: Final = 1
ACCEPTANCE: Final = "durable-solution.acceptance"
VERSIONS: Final = frozenset({"durable-solution.proposal", "durable-solution.counter-proposal"})
"""The forms that put a version on the table: what can be accepted."""

_MEMBERS: Final = frozenset(
    {"type", "version", "case", "thread", "proposal", "parties", "terms", "rests_on", "amends", "lifts"}
)
_MAX_DEPTH: Final = 16


class Proposal(Protocol):
    """A signed version of what is proposed: `protocol.content.Content`, or anything with its attributes."""

    @property
    def id(self) -> MessageId: ...
    @property
    def type(self) -> str: ...
    @property
    def case(self) -> CaseReference: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def statement_digest(self) -> str: ...


class Acceptance(Protocol):
    """A signed acceptance, as `Proposal`."""

    @property
    def type(self) -> str: ...
    @property
    def case(self) -> CaseReference: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def sender(self) -> Address: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document that an agreement rests on. `name`: where the agreement names it, such as
    `rests_on/social_inquiries/0`; `digest`: that of its statement."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The bytes and both co-signatures: `signatures[0]` is by `parties[0]`, `signatures[1]` by `parties[1]`.

    `parties`: the two authorities, in the order of their addresses. `amends`: the digest of the agreement
    that this one takes the place of. `lifts`: the suspensions that it answers.
    Made by `of`, or read by `from_json`; neither checks a signature (`check_cosignature`).
    """

    payload: bytes = field(repr=False)
    signatures: tuple[str, str] = field(repr=False)
    case: CaseReference
    thread: ThreadId
    proposal: MessageId
    proposal_digest: str
    parties: tuple[Address, Address]
    terms: Mapping[str, Any] = field(hash=False, repr=False)
    rests_on: Mapping[str, Any] = field(hash=False, repr=False)
    amends: str | None
    lifts: tuple[MessageId, ...]

    @property
    def digest(self) -> str:
        return digest(self.payload)

    @property
    def documents(self) -> tuple[Document, ...]:
        """Every document that it rests on, as it names them; one named twice is there twice."""
        return tuple(_documents(self.terms, self.rests_on))

    @classmethod
    def of(cls, proposal: Proposal, acceptances: Iterable[Acceptance]) -> Self:
        """Both States' acceptances of one version, put together.

        What is no acceptance of exactly this version counts nothing. Refuses `agreement.unsigned` while one
        of the two is missing.
        """
        payload = agreement_bytes(proposal)
        expected = digest(payload)
        signed = {
            one.sender: str(one.coded.get("signature", ""))
            for one in acceptances
            if one.type == ACCEPTANCE
            and one.in_reply_to == proposal.id
            and one.coded.get("agreement") == expected
        }
        first, second = _parties(proposal)
        if first not in signed or second not in signed:
            raise NotAcceptable("agreement.unsigned", "expected an acceptance of this version by each State")
        return cls._read(payload, (signed[first], signed[second]))

    def to_json(self) -> Json:
        """As it stands in a file: the bytes in base64url, and the signatures in the order of the parties."""
        return CoSigned(payload=self.payload, signatures=self.signatures).to_json()

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Refuses `agreement.malformed`, also for bytes that say the same in another spelling."""
        try:
            cosigned = CoSigned.from_json(value)
        except Refused as refused:
            raise NotAcceptable("agreement.malformed", refused.detail) from None
        if len(cosigned.signatures) != 2:
            raise NotAcceptable("agreement.malformed", "expected two signatures", field="/signatures")
        return cls._read(cosigned.payload, (cosigned.signatures[0], cosigned.signatures[1]))

    @classmethod
    def from_file(cls, data: bytes) -> Self:
        """Refuses `agreement.malformed`."""
        return cls.from_json(_object(data, 2 * MAX_STATEMENT_BYTES))

    def to_file(self) -> bytes:
        return dumps(self.to_json())

    @classmethod
    def _read(cls, payload: bytes, signatures: tuple[str, str]) -> Self:
        said = _object(payload, MAX_STATEMENT_BYTES)
        # One spelling alone: two spellings of the same terms would be two agreements.
        if said.keys() != _MEMBERS or _canonical(said) != payload or said["version"] != VERSION:
            raise NotAcceptable("agreement.malformed", "expected the canonical bytes of an agreement")
        proposal, parties, lifts = said["proposal"], said["parties"], said["lifts"]
        texts = isinstance(proposal, dict) and proposal.keys() == {"id", "digest"} and isinstance(lifts, list)
        texts = texts and isinstance(parties, list) and len(parties) == 2
        if (
            said["type"] != TYPE
            or not texts
            or not all(
                isinstance(one, str)
                for one in (said["case"], said["thread"], *proposal.values(), *parties, *lifts)
            )
            or not isinstance(said["terms"], dict)
            or not isinstance(said["rests_on"], dict)
            or not isinstance(said["amends"], str | None)
        ):
            raise NotAcceptable("agreement.malformed", "not an agreement as the protocol writes it")
        return cls(
            payload=payload,
            signatures=signatures,
            case=CaseReference(said["case"]),
            thread=ThreadId(MessageId(said["thread"])),
            proposal=MessageId(proposal["id"]),
            proposal_digest=proposal["digest"],
            parties=(Address(parties[0]), Address(parties[1])),
            terms=said["terms"],
            rests_on=said["rests_on"],
            amends=said["amends"],
            lifts=tuple(MessageId(one) for one in lifts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a version says, as the bytes of an agreement on it would have it, whoever signed it or not."""

    digest: str
    case: CaseReference
    proposal: MessageId
    parties: tuple[Address, Address]
    terms: Mapping[str, Any] = field(hash=False, repr=False)
    rests_on: Mapping[str, Any] = field(hash=False, repr=False)
    amends: str | None
    lifts: tuple[MessageId, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """As `Agreement.documents`."""
        return tuple(_documents(self.terms, self.rests_on))

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """Refuses as `agreement_bytes`."""
        coded = proposal.coded
        amends = coded.get("amends")
        return cls(
            digest=agreement_digest(proposal),
            case=proposal.case,
            proposal=proposal.id,
            parties=_parties(proposal),
            terms=coded.get("terms") or {},
            rests_on=coded.get("rests_on") or {},
            amends=None if amends is None else str(amends),
            lifts=tuple(MessageId(one) for one in coded.get("lifts") or ()),
        )


def agreement_bytes(proposal: Proposal) -> bytes:
    """The bytes that both States sign when they accept this version: sorted keys, no spaces, UTF-8.

    Refuses `agreement.other_bytes` for a message that is no version of a durable solution.
    """
    if proposal.type not in VERSIONS:
        raise NotAcceptable(
            "agreement.other_bytes", "expected a proposal or counter-proposal", field="/in_reply_to"
        )
    coded = proposal.coded
    return _canonical(
        {
            "type": TYPE,
            "version": VERSION,
            "case": proposal.case,
            "thread": proposal.thread,
            "proposal": {"id": proposal.id, "digest": proposal.statement_digest},
            "parties": list(_parties(proposal)),
            "terms": coded.get("terms") or {},
            "rests_on": coded.get("rests_on") or {},
            "amends": coded.get("amends"),
            "lifts": coded.get("lifts") or [],
        }
    )


def agreement_digest(proposal: Proposal) -> str:
    """What an officer, the other State and a court compare. Refuses as `agreement_bytes`."""
    return digest(agreement_bytes(proposal))


def sign(payload: bytes, key: SigningKey) -> str:
    """One authority's detached JWS over the bytes of an agreement."""
    return cosign(StatementType.AGREEMENT, payload, key)


def signer_kid(acceptance: Acceptance) -> str:
    """The id of the key that an acceptance's co-signature says it is by. Refuses `agreement.signature`."""
    kid = cosigner_kid(str(acceptance.coded.get("signature", "")), StatementType.AGREEMENT)
    if kid is None:
        raise NotAcceptable(
            "agreement.signature", "expected a detached JWS over an agreement", field="/coded/signature"
        )
    return kid


def check_acceptance(acceptance: Acceptance, proposal: Proposal, key: VerifyKey) -> None:
    """The acceptance is of exactly this version, and `key` signed this version's bytes.

    `key`: the accepting authority's, valid when the acceptance was signed; whose it is the directory knows.
    Refuses `agreement.wrong_signer` (neither party of the proposal), `agreement.other_bytes` (another
    version, or a digest that is not that of its bytes) and `agreement.signature`.
    """
    if acceptance.sender not in _parties(proposal):
        raise NotAcceptable("agreement.wrong_signer", "only the two parties of a proposal can agree on it")
    payload = agreement_bytes(proposal)
    same_thread = (acceptance.case, acceptance.thread) == (proposal.case, proposal.thread)
    if acceptance.in_reply_to != proposal.id or not same_thread:
        raise NotAcceptable("agreement.other_bytes", "the acceptance replies to another version")
    if acceptance.coded.get("agreement") != digest(payload):
        raise NotAcceptable(
            "agreement.other_bytes",
            "expected the digest of the version that the acceptance replies to; look at it again",
            field="/coded/agreement",
        )
    check_cosignature(payload, str(acceptance.coded.get("signature", "")), key)


def check_cosignature(payload: bytes, signature: str, key: VerifyKey) -> None:
    """Refuses `agreement.signature` unless `key` signed these bytes as an agreement."""
    try:
        verify_threshold(
            CoSigned(payload=payload, signatures=(signature,)), StatementType.AGREEMENT, {key.kid: key}, 1
        )
    except Refused:
        raise NotAcceptable(
            "agreement.signature", f"key {key.kid} did not sign these bytes", field="/coded/signature"
        ) from None


def _parties(proposal: Proposal) -> tuple[Address, Address]:
    first, second = sorted((proposal.sender, proposal.recipient))
    return first, second


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _object(data: bytes, limit: int) -> Json:
    try:
        return parse_object(data, max_bytes=limit, max_depth=_MAX_DEPTH)
    except Refused as refused:
        raise NotAcceptable("agreement.malformed", f"{refused.code}: {refused.detail}") from None


def _documents(terms: Mapping[str, Any], rests_on: Mapping[str, Any]) -> Iterator[Document]:
    for name, value in rests_on.items():
        if isinstance(value, str):
            yield Document(name=f"rests_on/{name}", digest=value)
        elif isinstance(value, list | tuple):
            for position, one in enumerate(value):
                yield Document(name=f"rests_on/{name}/{position}", digest=str(one))
    carer = terms.get("receiving_carer")
    if isinstance(carer, Mapping) and isinstance(shown_in := carer.get("agreement_shown_in"), str):
        yield Document(name="terms/receiving_carer/agreement_shown_in", digest=shown_in)
