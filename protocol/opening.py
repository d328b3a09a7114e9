"""From bytes to what an authority has said, in numbered steps.

Nothing is believed before the step that earns it. Who learns of a refusal depends on where it falls:

    who sent these bytes?       `authenticate`   Unauthenticated: quarantined, never answered
      1  size
      2  strict parse of envelope, manifest and clear header; protocol version
      3  the envelope is for this node
      4  sent at most 15 days ago, and not in the future
      5  the directory knows the sending node, and the manifest's key was its own when it was sent
      6  the manifest's signature; digest and size of every part
    what is in them?            `open_envelope`  CannotOpen: the peer learns `cannot_open` and nothing finer
      7  each part is sealed to a key that we hold; a stale one is answered with the current key's id
      8  the sealed header opens, bears the clear header's message id, and is numbered unless a reconciliation
      9  the statements open and are those that the sealed header lists
     10  `iss`, `aud` and `jti` of the content are the sealed header's (no surreptitious forwarding)
     11  the key was the signing authority's, or that of the intermediary which `via` names (for evidence: the
         signer's), when it signed; the signature
     12  narrative and identity open and are the parts that the content binds
         (a blob has no statement: its manifest binds it, and steps 9 to 12 are the opening of its chunk; of
         what is returned to its author, `returned.verify_returned` makes the steps from 10 on)
    may it be said?             `open_envelope`  NotAcceptable: the peer learns the code in a signed refusal
     13  nothing critical in header or statement that this version does not know; every claim has its shape
     14  not dated in the future
     15  the sending node serves the signing authority or its State, and this node serves the recipient
     16  the signing authority has the competence for the procedure: else any local office could bind a State
     17  what an intermediary says or takes for a State without a node is within a mandate, and binds nobody

For the caller remain: form and vocabulary (`messages.validate`), sameness, conversation, safeguards, and
whether a signer of evidence may issue that kind (`evidence.verify_evidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol, assert_never

from protocol.attachments import ChunkPlace
from protocol.claims import Claims
from protocol.content import Content, SignedContent, check_parts, read_content
from protocol.directory import Directory
from protocol.directory.mandates import carried_by, is_intermediary_node
from protocol.envelope import ClearHeader, Envelope, Kind, Limits, SealedHeader, UnverifiedEnvelope, parse
from protocol.errors import CannotOpen, NotAcceptable, Refused, Unauthenticated
from protocol.identifiers import Address, MessageId, NodeCode, StateCode, state_of
from protocol.intermediary import check_relayed, check_unnamed
from protocol.returned import Returned
from protocol.sealing import Sealed, SealingPrivateKey, read_sealed
from protocol.statements import Statement, StatementType, Unverified, digest, read, verify

__all__ = [
    "CLOCK_SKEW",
    "LIFETIME",
    "AuthenticEnvelope",
    "Keys",
    "Opened",
    "ProcedureOf",
    "authenticate",
    "check_content",
    "open_envelope",
    "past_digest",
    "sealed_past",
]

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours a sender's clock may be."""
LIFETIME = timedelta(days=14 + 1)
"""Fourteen days in which an envelope may wait at the hub, and one for it to be taken in."""

AuthenticEnvelope = Envelope
"""An envelope that `authenticate` has let pass."""

type ProcedureOf = Callable[[str], str | None]
"""The procedure of a message type; None for a move that belongs to any (`conversations.procedure_of`)."""

_INTERNATIONAL = StateCode("int")
_STATEMENT_TYPES: Mapping[str, StatementType] = {
    "content": StatementType.CONTENT,
    "evidence": StatementType.EVIDENCE,
    "reconciliation": StatementType.RECONCILIATION,
}


class Keys(Protocol):
    """The node's private sealing keys."""

    def sealing(self, kid: str, /) -> SealingPrivateKey | None:
        """None for a key that we never had and for one that was destroyed alike."""
        ...

    def current_sealing_kid(self, purpose: Literal["content", "identity"], /) -> str:
        """The key that peers should seal to today."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an envelope held; every signature in it verified.

    One of `content` (with `signed`, the bytes that it was read from), `evidence`, `reconciliation`, `blob`
    (with `chunk`) and `returned`, of which nothing is believed yet, is set, as `kind` says.
    `identity_key_kid`: the node key that the identity part or the chunk was sealed to. `past`: parts that
    were sealed past this node to the recipient's own key, and then `envelope`, as it came.
    """

    header: ClearHeader
    manifest: Statement
    kind: Kind
    content: Content | None = None
    signed: SignedContent | None = None
    evidence: tuple[Statement, ...] = ()
    reconciliation: Statement | None = None
    blob: ChunkPlace | None = None
    chunk: bytes | None = field(default=None, repr=False)
    returned: Returned | None = None
    identity_key_kid: str | None = None
    past: frozenset[str] = frozenset()
    envelope: bytes | None = field(default=None, repr=False)


def sealed_past(authentic: AuthenticEnvelope, keys: Keys, directory: Directory) -> Address | None:
    """The authority that the whole of an envelope is sealed to, past this node; None for every other.

    Only an authority without a node, which this node serves: nobody else's mail is carried unopened."""
    header = authentic.header
    if header.key is None or keys.sealing(header.key) is not None or "blob" in authentic.parts:
        return None
    return _own_keys(header.recipient, directory).get(header.key)


def past_digest(message: MessageId) -> str:
    """What stands for the statement, in the running digest of both nodes, of a message that the receiving one
    cannot read."""
    return digest(f"sealed-past:{message}".encode())


def _own_keys(node: NodeCode, directory: Directory) -> Mapping[str, Address]:
    """Key ids of the authorities that this node serves for States without a node."""
    return {
        record.kid: entry.address
        for entry in directory.authorities()
        if entry.node == node and is_intermediary_node(directory, node, entry.address)
        for record in entry.sealing_keys
    }


def authenticate(
    data: bytes, *, directory: Directory, me: NodeCode, now: datetime, limits: Limits | None = None
) -> AuthenticEnvelope:
    """Steps 1 to 6: who sent these bytes. Every refusal is `Unauthenticated`.

    Refuses with the codes of `envelope.parse`, and `opening.not_for_us`, `opening.from_the_future`,
    `opening.too_old`, those of `Directory.signing_key`, `statement.signature`, `opening.part_digest`.
    `directory` must be fresh (`Directory.require_fresh`).
    """
    # Steps 1 and 2
    unverified = parse(data, limits)
    header = unverified.header
    # Step 3
    if header.recipient != me:
        raise Unauthenticated("opening.not_for_us", f"addressed to {header.recipient}, this is {me}")
    # Step 4
    if header.sent_at > now + CLOCK_SKEW:
        raise Unauthenticated("opening.from_the_future", "sent later than our clock says; compare the clocks")
    if header.sent_at < now - LIFETIME:
        raise Unauthenticated("opening.too_old", f"sent more than {LIFETIME.days} days ago")
    # Step 5
    key = directory.signing_key(
        header.sender, unverified.manifest.kid, header.sent_at, received_at=now, refuse=Unauthenticated
    )
    # Step 6
    manifest = verify(unverified.manifest, key, refuse=Unauthenticated)
    _check_part_digests(unverified)
    return Envelope(
        data=data,
        manifest=manifest,
        header=header,
        header_digest=unverified.header_digest,
        parts=unverified.parts,
    )


def open_envelope(
    authentic: AuthenticEnvelope,
    *,
    keys: Keys,
    directory: Directory,
    now: datetime,
    procedure_of: ProcedureOf,
    limits: Limits | None = None,
) -> Opened:
    """Steps 7 to 17: what is in the envelope, and whether it may be said.

    Refuses as `CannotOpen` until the content is authentic, then as `NotAcceptable`; see the list above.
    """
    limits = limits or Limits()
    header = authentic.header
    # Step 7
    sealed = {name: read_sealed(part) for name, part in authentic.parts.items()}
    key = _held(keys, header.key, "content")
    if header.suite != key.suite:
        raise CannotOpen("sealing.suite", f"the clear header names {header.suite}, its key is of {key.suite}")
    private = sealed.get("identity") or sealed.get("blob")
    own_keys = _own_keys(header.recipient, directory)
    past = frozenset(
        name
        for name in ("narrative", "identity")
        if name in sealed and keys.sealing(sealed[name].kid) is None and sealed[name].kid in own_keys
    )
    identity_key = (
        _held(keys, private.kid, "identity") if private is not None and "identity" not in past else None
    )

    def unseal(name: str, with_key: SealingPrivateKey) -> bytes:
        return _unseal(name, sealed[name], with_key, authentic.header_digest, limits)

    # Step 8
    sealed_header = SealedHeader.from_bytes(unseal("header", key), limits)
    if sealed_header.id != header.id:
        raise CannotOpen("opening.header_mismatch", "sealed and clear header bear different message ids")
    if (sealed_header.kind == "reconciliation") != (header.sequence == 0):
        raise CannotOpen("opening.header_mismatch", "only a reconciliation travels without a number")
    if sealed_header.kind == "blob":
        if identity_key is None or sealed.keys() != {"header", "blob"}:
            raise CannotOpen("opening.unexpected_part", "a blob is a header and one chunk")
        chunk = unseal("blob", identity_key)
        # Step 13
        _check_critical(header)
        return Opened(
            header=header,
            manifest=authentic.manifest,
            kind="blob",
            blob=sealed_header.blob,
            chunk=chunk,
            identity_key_kid=identity_key.kid,
        )
    whole = sealed_header.kind in ("content", "returned")
    if "blob" in sealed or (not whole and sealed.keys() != {"header", "statement"}):
        raise CannotOpen("opening.unexpected_part", f"{sealed_header.kind} has no such part")
    # Step 9
    tokens = unseal("statement", key).split(b"\n")
    if tuple(digest(token) for token in tokens) != sealed_header.statements:
        raise CannotOpen("opening.statement_digest", "not the statements that the sealed header lists")
    if sealed_header.kind == "returned":
        if past:
            raise CannotOpen("opening.unexpected_part", "what is returned is sealed to the node alone")
        # Step 13
        _check_critical(header)
        return Opened(
            header=header,
            manifest=authentic.manifest,
            kind="returned",
            returned=Returned(
                statement=tokens[0],
                proofs=tuple(tokens[1:]),
                narrative=unseal("narrative", key) if "narrative" in sealed else None,
                identity=unseal("identity", identity_key) if identity_key is not None else None,
            ),
            identity_key_kid=identity_key.kid if identity_key else None,
        )
    typ = _STATEMENT_TYPES[sealed_header.kind]
    statements = [read(token, typ=typ, max_bytes=limits.statement, refuse=CannotOpen) for token in tokens]

    match sealed_header.kind:
        case "content":
            readable = "narrative" in sealed and "narrative" not in past
            narrative = unseal("narrative", key) if readable else None
            identity = unseal("identity", identity_key) if identity_key is not None else None
            content, signed = _content(
                statements[0],
                narrative,
                identity,
                header=header,
                sealed_header=sealed_header,
                directory=directory,
                now=now,
                procedure_of=procedure_of,
                limits=limits,
                past=past,
            )
            if any(own_keys[sealed[name].kid] != content.recipient for name in past):
                raise CannotOpen("sealing.unknown_key", "a part is sealed to another than its recipient")
            return Opened(
                header=header,
                manifest=authentic.manifest,
                kind="content",
                past=past,
                envelope=authentic.data if past else None,
                content=content,
                signed=signed,
                identity_key_kid=identity_key.kid if identity_key else None,
            )
        case "evidence":
            return Opened(
                header=header,
                manifest=authentic.manifest,
                kind="evidence",
                evidence=tuple(_from_peer(one, header, directory, now) for one in statements),
            )
        case "reconciliation":
            return Opened(
                header=header,
                manifest=authentic.manifest,
                kind="reconciliation",
                reconciliation=_from_peer(statements[0], header, directory, now, node_alone=True),
            )
        case other:
            assert_never(other)


def check_content(
    unverified: Unverified, *, directory: Directory, now: datetime, procedure_of: ProcedureOf
) -> Statement:
    """Steps 11, 14 and 16 for a content statement that an agency has signed itself, before it is sent.
    Step 17 is the caller's, who reads its parts.

    Refuses, as `NotAcceptable`: the codes of `Directory.signing_key`, `statement.signature`,
    `opening.from_the_future`, `opening.not_competent`, `content.malformed`, and those of `procedure_of`.
    """
    statement = _verified(unverified, directory, now, NotAcceptable)
    claims = Claims(statement.claims, code="content.malformed")
    _check_date(claims.moment("iat"), now)
    _check_competence(Address(claims.text("iss")), procedure_of(claims.text("type")), directory)
    return statement


def _content(
    unverified: Unverified,
    narrative: bytes | None,
    identity: bytes | None,
    *,
    header: ClearHeader,
    sealed_header: SealedHeader,
    directory: Directory,
    now: datetime,
    procedure_of: ProcedureOf,
    limits: Limits,
    past: frozenset[str] = frozenset(),
) -> tuple[Content, SignedContent]:
    # Step 10
    said = tuple(unverified.claims.get(name) for name in ("iss", "aud", "jti"))
    if said != (sealed_header.sender, sealed_header.recipient, sealed_header.id):
        raise CannotOpen("opening.header_mismatch", "the content is not from, to or named as the header says")
    # Step 11
    try:
        statement = _verified(unverified, directory, now, CannotOpen)
    except CannotOpen as reason:
        signer = unverified.claims.get("via") or said[0]
        raise _for_good(reason, unverified, Address(str(signer)), directory) from None
    # Step 12
    check_parts(statement, narrative, identity, refuse=CannotOpen, past=past)
    # From here on the content is known to be its authority's, and a refusal is about this very statement.
    try:
        # Step 13
        _check_critical(header)
        content = read_content(statement, narrative, identity, limits=limits)
        # Step 14
        _check_date(content.issued_at, now)
        # Step 15
        _check_carrier(header.sender, content.sender, directory)
        if directory.authority(content.recipient).node != header.recipient:
            raise NotAcceptable("opening.not_served_here", f"{content.recipient} is served by another node")
        # Step 16
        procedure = procedure_of(content.type)
        _check_competence(content.sender, procedure, directory)
        # Step 17
        _check_mandates(content, procedure, header.sender, directory, now)
    except NotAcceptable as reason:
        reason.statement_digest = statement.digest
        raise
    return content, SignedContent(statement=statement, narrative=narrative, identity=identity)


def _check_part_digests(unverified: UnverifiedEnvelope) -> None:
    for name, part in unverified.parts.items():
        if unverified.claimed[name] != (digest(part), len(part)):
            raise Unauthenticated("opening.part_digest", f"the {name} part is not the one that was signed")


def _held(keys: Keys, kid: str, purpose: Literal["content", "identity"]) -> SealingPrivateKey:
    key = keys.sealing(kid)
    if key is None:
        current = keys.current_sealing_kid(purpose)
        raise CannotOpen(
            "sealing.unknown_key",
            f"{purpose} sealed to key {kid}, not held or destroyed here; the sender should refresh its"
            f" directory and seal to {current}",
            facts={"current_kid": current, "purpose": purpose},
        )
    return key


def _unseal(name: str, sealed: Sealed, key: SealingPrivateKey, header_digest: bytes, limits: Limits) -> bytes:
    part = sealed.open(key, header_digest)
    if len(part) > limits.part(name):
        raise CannotOpen("content.too_large", f"expected at most {limits.part(name)} bytes", field=f"/{name}")
    return part


def _verified(
    unverified: Unverified, directory: Directory, now: datetime, refuse: type[Refused]
) -> Statement:  # step 11
    claims = Claims(unverified.claims, code="content.malformed", refuse=refuse)
    sender, at = Address(claims.text("iss")), claims.moment("iat")
    signer = Address(claims.text_or_none("via") or sender)
    # The directory knows nodes and authorities by the same look-up; content is an authority's alone.
    if "." not in sender or "." not in signer:
        raise claims.wrong("iss", "an authority's address")
    key = directory.signing_key(signer, unverified.kid, at, received_at=now, refuse=refuse)
    statement = verify(unverified, key, refuse=refuse)
    if signer == sender:
        check_unnamed(sender, key, directory, refuse=refuse)
    return statement


def _for_good(
    reason: CannotOpen, unverified: Unverified, signer: Address, directory: Directory
) -> CannotOpen | NotAcceptable:
    """A statement under a key that its owner revoked will never count: its sender shall stop repeating it.

    It tells nothing that the sender's own State did not publish, and only to the node that vouches for it."""
    key = directory.archive.revoked_key(signer, unverified.kid)
    if reason.code != "statement.key_revoked" or key is None:
        return reason
    try:
        statement = verify(unverified, key, refuse=CannotOpen)
    except CannotOpen as unsigned:
        return unsigned
    refused = NotAcceptable(reason.code, reason.detail)
    refused.statement_digest = statement.digest
    return refused


def _from_peer(
    unverified: Unverified,
    header: ClearHeader,
    directory: Directory,
    now: datetime,
    *,
    node_alone: bool = False,
) -> Statement:
    """A statement by the sending node, or, unless `node_alone`, by an authority that it serves."""
    # Step 11
    claims = Claims(unverified.claims, code="opening.signer", refuse=CannotOpen)
    signer, at = claims.text("iss"), claims.moment("iat")
    by_authority = "." in signer
    if signer != header.sender and (node_alone or not by_authority):
        raise CannotOpen("opening.signer", f"signed by somebody else than its sender, {header.sender}")
    owner = Address(signer) if by_authority else NodeCode(signer)
    key = directory.signing_key(owner, unverified.kid, at, received_at=now, refuse=CannotOpen)
    statement = verify(unverified, key, refuse=CannotOpen)
    # Step 13
    _check_critical(header)
    # Step 15
    if by_authority:
        _check_carrier(header.sender, Address(signer), directory)
    return statement


def _check_critical(header: ClearHeader) -> None:  # step 13
    if header.critical:
        raise NotAcceptable("envelope.critical", "the clear header has critical members unknown here")


def _check_carrier(node: NodeCode, authority: Address, directory: Directory) -> None:  # step 15
    """The node serves the authority, or is of the same State: mail may be on its way when a node changes.

    International bodies share the code `int` and nothing else, so there only the serving node may.
    """
    if directory.authority(authority).node == node:
        return
    state = state_of(authority)
    if state == _INTERNATIONAL or directory.state_of_node(node) != state:
        raise NotAcceptable("opening.wrong_node", f"{authority} is served by another node than {node}")


def _check_mandates(
    content: Content, procedure: str | None, node: NodeCode, directory: Directory, now: datetime
) -> None:  # step 17
    check_relayed(content, procedure=procedure, directory=directory, now=now, node=node)
    towards = state_of(content.recipient)
    if content.via is None and is_intermediary_node(directory, node, content.sender):
        # A State's own word, which the intermediary only carries: for that it needs a mandate, of whatever
        # scope. A node that is being replaced is of the same State and is none of this.
        carried_by(directory, content.sender, procedure=procedure, towards=towards, at=now, blind=True)
    # What was opened here was sealed to this node: what no mandate gives it should have gone past it.
    carried_by(directory, content.recipient, procedure=procedure, towards=state_of(content.sender), at=now)


def _check_date(issued_at: datetime, now: datetime) -> None:  # step 14
    # A deadline runs from this date: one in the future would lengthen it.
    if issued_at > now + CLOCK_SKEW:
        raise NotAcceptable("opening.from_the_future", "dated later than our clock says; compare the clocks")


def _check_competence(authority: Address, procedure: str | None, directory: Directory) -> None:  # step 16
    if procedure is not None and not directory.competent(authority, procedure):
        raise NotAcceptable("opening.not_competent", f"{authority} is not competent for {procedure}")
