"""Evidence: what happened to a message, signed by whoever did it, each link naming the one before.

Kinds are data (`evidence_kinds.json`): who signs it, on which side, and whether it moves a conversation. Node
evidence never does; only what the recipient authority itself attests moves anything.

Each link binds the message (sending node and id, digests of statement and manifest), the newest evidence of
that message that its issuer held (`previous`), the directory snapshot it was made under and the vocabulary
release. So the links of a message form one chain per side, joined wherever one side had the other's: taking
one out, changing it or moving it shows. `check_chain` names the place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, Protocol

from protocol import statements
from protocol.claims import Claims, seconds_of
from protocol.directory import Owner
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import (
    Address,
    MessageId,
    NodeCode,
    parse_address,
    parse_message_id,
    parse_node_code,
    state_of,
)
from protocol.json_strict import Json
from protocol.statements import SigningKey, Statement, StatementType, Unverified, VerifyKey, read, verify

__all__ = [
    "About",
    "ChainFault",
    "Evidence",
    "EvidenceKind",
    "KeySource",
    "Parties",
    "ShownRendering",
    "check_chain",
    "check_parties",
    "evidence_kind",
    "evidence_kinds",
    "issue",
    "read_evidence",
    "verify_evidence",
]

CLOCK_SKEW = timedelta(minutes=5)
MAX_EVIDENCE_BYTES = 8_192
_MALFORMED = "evidence.malformed"
_DIGEST_LENGTH = 43  # SHA-256 in base64url without padding


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceKind:
    """One row of `evidence_kinds.json`. `event`: its name in ETSI EN 319 522, as public profiles have it;
    empty for what is ours alone."""

    name: str
    event: str
    positive: bool
    side: Literal["sender", "recipient"]
    signer: Literal["node", "authority"]
    moves: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The message that evidence speaks of.

    `statement_digest` is None only where the issuer could not open it; `manifest_digest` is None where no
    envelope was involved yet.
    """

    sender_node: NodeCode
    id: MessageId
    manifest_digest: str | None
    statement_digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One link. `facts`: what the code's text interpolates, such as a current key id, or which rendering was
    shown; never personal data."""

    kind: EvidenceKind
    about: About
    issuer: Owner
    previous: str | None
    directory: str
    vocabulary: str
    issued_at: datetime
    code: str | None
    facts: Mapping[str, str] = field(hash=False)
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRendering:
    """The rendering in which the message was put before a person, as `content-retrieved` may name it.

    `digest`: SHA-256 of its bytes, base64url. `release`: of the software that made them. Whoever keeps the
    bytes can prove by it what was shown; from the digest alone nothing can be read.
    """

    digest: str
    language: str
    format: str
    release: str

    def as_facts(self) -> Mapping[str, str]:
        """As `issue` takes them."""
        return MappingProxyType(
            {
                "rendering": self.digest,
                "rendering_language": self.language,
                "rendering_format": self.format,
                "rendering_release": self.release,
            }
        )

    @classmethod
    def named_in(cls, facts: Mapping[str, str]) -> ShownRendering | None:
        """None where the facts name no rendering, or not wholly."""
        names = ("rendering", "rendering_language", "rendering_format", "rendering_release")
        if any(name not in facts for name in names) or len(facts["rendering"]) != _DIGEST_LENGTH:
            return None
        digest, language, form, release = (facts[name] for name in names)
        return cls(digest=digest, language=language, format=form, release=release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Between whom a message went, as its manifest and statement show."""

    sender_node: NodeCode
    recipient_node: NodeCode
    recipient: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFault:
    """`position`: index in what was checked. `link`: the digest that is missing, or that is out of place."""

    code: str
    position: int
    link: str
    detail: str


class KeySource(Protocol):
    """Whatever answers for keys at a time: a `Directory`, or an `Archive`."""

    def signing_key(
        self,
        owner: Owner,
        kid: str,
        at: datetime,
        *,
        received_at: datetime,
        refuse: type[Refused] = NotAcceptable,
    ) -> VerifyKey: ...


@cache
def evidence_kinds() -> Mapping[str, EvidenceKind]:
    """Every kind that can happen, by name."""
    text = resources.files("protocol").joinpath("evidence_kinds.json").read_text("utf-8")
    return MappingProxyType({row["name"]: EvidenceKind(**row) for row in json.loads(text)["kinds"]})


def evidence_kind(name: str, *, refuse: type[Refused] = NotAcceptable) -> EvidenceKind:
    """Refuses `evidence.unknown_kind`, as a `refuse`."""
    kind = evidence_kinds().get(name)
    if kind is None:
        raise refuse("evidence.unknown_kind", "this version does not know that kind of evidence")
    return kind


def issue(
    kind: str,
    *,
    about: About,
    issuer: Owner,
    previous: str | None,
    directory: str,
    vocabulary: str,
    issued_at: datetime,
    key: SigningKey,
    code: str | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
) -> Statement:
    """Sign one link. `previous`: the newest evidence of this message that the issuer holds, its own or not.

    Refuses `evidence.unknown_kind`, `evidence.not_entitled` (the issuer's role may not sign that kind) and
    `evidence.malformed` (a failure without a code, a success with one).
    """
    row = evidence_kind(kind)
    _check_role(row, issuer, about)
    _check_code(row, code)
    claims: Json = {
        "iss": issuer,
        "iat": seconds_of(issued_at),
        "kind": row.name,
        "message": {
            "sender": about.sender_node,
            "id": about.id,
            **_present("statement", about.statement_digest),
            **_present("manifest", about.manifest_digest),
        },
        **_present("previous", previous),
        "directory": directory,
        "vocabulary": vocabulary,
        **_present("code", code),
        **({"facts": dict(facts)} if facts else {}),
    }
    return statements.issue(StatementType.EVIDENCE, claims, key)


def read_evidence(statement: Statement | Unverified, *, refuse: type[Refused] = NotAcceptable) -> Evidence:
    """What the statement says. Belief is the caller's: of a `Statement` the signature, of an `Unverified`
    nothing.

    Refuses, as a `refuse`: `evidence.malformed`, `evidence.critical`, `evidence.unknown_kind`.
    """
    claims = Claims(statement.claims, code=_MALFORMED, refuse=refuse)
    claims.no_unknown_critical("evidence.critical")
    message = claims.inside("message")
    try:
        issuer = _owner(claims.text("iss"))
        sender = parse_node_code(message.text("sender"))
        message_id = parse_message_id(message.text("id"))
    except Refused as refused:
        raise refuse(_MALFORMED, refused.detail, field=refused.field) from None
    kind = evidence_kind(claims.text("kind"), refuse=refuse)
    code = claims.text_or_none("code")
    _check_code(kind, code, refuse)
    return Evidence(
        kind=kind,
        about=About(
            sender_node=sender,
            id=message_id,
            manifest_digest=_digest_or_none(message, "manifest"),
            statement_digest=_digest_or_none(message, "statement"),
        ),
        issuer=issuer,
        previous=_digest_or_none(claims, "previous"),
        directory=claims.text("directory"),
        vocabulary=claims.text("vocabulary"),
        issued_at=claims.moment("iat"),
        code=code,
        facts=MappingProxyType(claims.texts_by_name("facts")),
        digest=statement.digest,
    )


def verify_evidence(
    token: str,
    directory: KeySource,
    now: datetime,
    *,
    parties: Parties | None = None,
    refuse: type[Refused] = NotAcceptable,
) -> Evidence:
    """The link, once its signature holds and its signer may issue that kind.

    `now`: when it was received. Without `parties` the caller checks that the issuer was a side of the
    message: its recipient node, or the recipient authority. Refuses, as a `refuse`: the codes of
    `read_evidence`, `check_parties`, `Directory.signing_key`, `statements.read` and `statements.verify`, and
    `evidence.not_entitled`, `evidence.from_the_future`.
    """
    unverified = read(token, typ=StatementType.EVIDENCE, max_bytes=MAX_EVIDENCE_BYTES, refuse=refuse)
    evidence = read_evidence(unverified, refuse=refuse)
    if evidence.issued_at > now + CLOCK_SKEW:
        raise refuse("evidence.from_the_future", "the evidence is dated ahead of our clock")
    key = directory.signing_key(
        evidence.issuer, unverified.kid, evidence.issued_at, received_at=now, refuse=refuse
    )
    verify(unverified, key, refuse=refuse)
    _check_role(evidence.kind, evidence.issuer, evidence.about, refuse)
    if parties is not None:
        check_parties(evidence, parties, refuse=refuse)
    return evidence


def check_parties(evidence: Evidence, parties: Parties, *, refuse: type[Refused] = NotAcceptable) -> None:
    """Nobody attests a message that he was no party to, nor the other side's part in it.

    Refuses `evidence.not_a_party`, as a `refuse`.
    """
    if evidence.kind.side == "sender" and evidence.kind.signer == "authority":
        # The focal point of the sender's State, which need not be the sender.
        own = f"{parties.sender_node}-".startswith(f"{state_of(Address(evidence.issuer))}-")
        allowed: Owner | None = None if own else parties.sender_node
    elif evidence.kind.side == "sender":
        allowed = parties.sender_node
    elif evidence.kind.signer == "node":
        allowed = parties.recipient_node
    else:
        allowed = parties.recipient
    if evidence.about.sender_node != parties.sender_node or (
        allowed is not None and evidence.issuer != allowed
    ):
        raise refuse(
            "evidence.not_a_party",
            f"{evidence.kind.name} of this message is not for {evidence.issuer} to attest",
        )


def check_chain(links: Sequence[Evidence]) -> tuple[ChainFault, ...]:
    """What is wrong with the links of one message, in the order in which they are kept; empty when nothing
    is.

    `evidence.missing`: a link names a predecessor that is not there. `evidence.reordered`: it stands before
    its predecessor, or its issuer dated it before. `evidence.repeated`: it is there twice.
    `evidence.unlinked`: a side began a second chain, as if it had not known its own first link, and did not
    say that it was restored from a backup (the fact `restored`, with the epoch that it opened then). A last
    link that is simply gone leaves nothing behind here: for that a bundle has its signed index.
    """
    faults: list[ChainFault] = []
    position_of: dict[str, int] = {}
    for position, link in enumerate(links):
        if link.digest in position_of:
            faults.append(_fault("evidence.repeated", position, link.digest, "the link is there twice"))
        position_of.setdefault(link.digest, position)
    begun: set[str] = set()
    for position, link in enumerate(links):
        if position_of[link.digest] != position:
            continue
        if link.previous is None:
            if link.kind.side in begun and "restored" not in link.facts:
                detail = f"a second chain of the {link.kind.side}'s side begins here"
                faults.append(_fault("evidence.unlinked", position, link.digest, detail))
            begun.add(link.kind.side)
            continue
        before = position_of.get(link.previous)
        if before is None:
            detail = f"the link before this one, {link.previous}, is not there"
            faults.append(_fault("evidence.missing", position, link.previous, detail))
        elif before >= position:
            detail = "the link stands before the one that it follows"
            faults.append(_fault("evidence.reordered", position, link.digest, detail))
        elif links[before].issuer == link.issuer and link.issued_at < links[before].issued_at:
            detail = "the link is dated before the one that it follows, by the same issuer"
            faults.append(_fault("evidence.reordered", position, link.digest, detail))
    return tuple(faults)


def _fault(code: str, position: int, link: str, detail: str) -> ChainFault:
    return ChainFault(code=code, position=position, link=link, detail=detail)


def _check_role(
    kind: EvidenceKind, issuer: Owner, about: About, refuse: type[Refused] = NotAcceptable
) -> None:
    is_authority = "." in issuer
    if is_authority != (kind.signer == "authority"):
        raise refuse("evidence.not_entitled", f"{kind.name} is signed by the {kind.side}'s {kind.signer}")
    if kind.side == "sender" and kind.signer == "node" and issuer != about.sender_node:
        raise refuse("evidence.not_entitled", f"{kind.name} is signed by the node that sent the message")


def _check_code(kind: EvidenceKind, code: str | None, refuse: type[Refused] = NotAcceptable) -> None:
    if kind.positive == (code is not None):
        raise refuse(_MALFORMED, "a failure needs its code, a success has none", field="/code")


def _owner(text: str) -> Owner:
    return parse_address(text) if "." in text else parse_node_code(text)


def _digest_or_none(claims: Claims, name: str) -> str | None:
    text = claims.text_or_none(name)
    if text is not None and len(text) != _DIGEST_LENGTH:
        raise claims.wrong(name, "a digest")
    return text


def _present(name: str, value: str | None) -> Json:
    return {} if value is None else {name: value}
