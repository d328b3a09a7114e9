"""What was sealed past an intermediary's node, opened with the key of the authority that it was sealed to: on
that authority's own machine, without node and network, or at the node that its State takes into use later.

It is no delivery: whoever opens it is not the node that it was sent to, and it may have lain for months.
Checked is, in this order:

    1  size and strict parse; it was sent to an intermediary's node
    2  the manifest is the sending node's, by the key that counted when it was sent; digests of the parts
    3  what is opened is sealed to a key that is held here and that an entry of the recipient has listed
    4  the sealed header bears the clear header's message id, and the statement is the one that it lists
    5  `iss`, `aud` and `jti` are the sealed header's, the recipient is the authority whose key opened it
    6  the statement is its authority's own, or typed for it within a mandate; it binds each part that came
    7  the sending node serves the signing authority or its State, and that authority was competent

Where the intermediary may read the coded part, that is sealed to its node, and only narrative or identity is
opened here (`Past.parts`). The statement that binds them is on the printed paper, or at the State's own node
(`read_content` with them); by itself such a part is vouched for by the sending node alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from protocol.claims import Claims
from protocol.content import Content, SignedContent, check_parts, read_content
from protocol.directory import AuthorityEntry, Directory, NodeEntry
from protocol.directory.mandates import was_mandated
from protocol.envelope import ClearHeader, Limits, SealedHeader, UnverifiedEnvelope, parse
from protocol.errors import CannotOpen, NotAcceptable, Unauthenticated
from protocol.identifiers import Address, NodeCode, state_of
from protocol.intermediary import check_scan, check_unnamed, parts_to_be_given, require_may_say
from protocol.opening import CLOCK_SKEW, ProcedureOf
from protocol.sealing import Sealed, SealingPrivateKey, read_sealed
from protocol.statements import Statement, StatementType, digest, read, verify

__all__ = ["Past", "open_past", "was_sent_past"]

type KeyById = Callable[[str], SealingPrivateKey | None]

_INTERNATIONAL = "int"
_PRIVATE = ("narrative", "identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was opened. With `content` (and `signed`) all of it, verified; without, only `parts`, of which the
    digest in the message's statement is still to be compared."""

    header: ClearHeader
    manifest: Statement
    recipient: Address
    content: Content | None = None
    signed: SignedContent | None = None
    parts: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)


def was_sent_past(header: ClearHeader) -> bool:
    """Whether an envelope was sent to an intermediary's node, as its clear header says."""
    return header.recipient.partition("-")[0] == _INTERNATIONAL


def open_past(
    data: bytes,
    *,
    keys: KeyById,
    directory: Directory,
    procedure_of: ProcedureOf,
    limits: Limits | None = None,
) -> Past:
    """The whole, or the parts of it that `keys` open. `keys`: a private key by its id, None for another's.

    Refuses, as `Unauthenticated`, the codes of `envelope.parse`, `opening.not_for_us` for one that went to no
    intermediary, those of `Archive.signing_key`, `statement.signature`, `opening.part_digest`; as
    `CannotOpen` `sealing.unknown_key` when nothing in it is sealed to these keys, or something is to another
    authority's, the codes of `Sealed.open`, `opening.header_mismatch`, `opening.statement_digest`,
    `content.part_missing`; as `NotAcceptable` the codes of `read_content`, `check_unnamed`,
    `require_may_say`, `mandate.not_covered`, `opening.wrong_node` and `opening.not_competent`.
    """
    limits = limits or Limits()
    # Step 1
    unverified = parse(data, limits)
    header = unverified.header
    if not was_sent_past(header):
        raise Unauthenticated(
            "opening.not_for_us", f"addressed to {header.recipient}, no intermediary's node"
        )
    # Step 2
    manifest = _manifest(unverified, directory)
    # Step 3
    sealed = {name: read_sealed(part) for name, part in unverified.parts.items()}
    whole = keys(header.key) is not None
    names = (
        sealed.keys() if whole else [name for name in _PRIVATE if name in sealed and keys(sealed[name].kid)]
    )
    if not names:
        raise CannotOpen("sealing.unknown_key", "nothing in it is sealed to one of these keys")
    opened = {name: _open(name, sealed[name], keys, unverified.header_digest, limits) for name in names}
    owners = [_owners_of(sealed[name].kid, directory) for name in names]
    owner = next(iter(sorted(frozenset.intersection(*owners))), None)
    if owner is None:
        raise CannotOpen("sealing.unknown_key", "no authority in this directory has listed the keys")
    if not whole:
        return Past(header=header, manifest=manifest, recipient=owner, parts=opened)
    content, signed = _content(header, opened, directory, procedure_of, limits)
    if any(content.recipient not in owned for owned in owners):
        raise CannotOpen("sealing.unknown_key", "a part is sealed to another than its recipient")
    return Past(
        header=header,
        manifest=manifest,
        recipient=content.recipient,
        content=content,
        signed=signed,
        parts={},
    )


def _manifest(unverified: UnverifiedEnvelope, directory: Directory) -> Statement:  # step 2
    header = unverified.header
    # As it was when it was sent: it has long been received, and the key may have been rotated since.
    key = directory.archive.signing_key(
        header.sender,
        unverified.manifest.kid,
        header.sent_at,
        received_at=header.sent_at,
        refuse=Unauthenticated,
    )
    manifest = verify(unverified.manifest, key, refuse=Unauthenticated)
    for name, part in unverified.parts.items():
        if unverified.claimed[name] != (digest(part), len(part)):
            raise Unauthenticated("opening.part_digest", f"the {name} part is not the one that was signed")
    return manifest


def _open(name: str, sealed: Sealed, keys: KeyById, header_digest: bytes, limits: Limits) -> bytes:
    key = keys(sealed.kid)
    if key is None:
        raise CannotOpen("sealing.unknown_key", f"the {name} part is sealed to a key that is not here")
    part = sealed.open(key, header_digest)
    if len(part) > limits.part(name):
        raise CannotOpen("content.too_large", f"expected at most {limits.part(name)} bytes", field=f"/{name}")
    return part


def _owners_of(kid: str, directory: Directory) -> frozenset[Address]:
    """Authorities whose entries have listed that key, now or before."""
    entries = (held.entry for held in directory.archive.held.values())
    return frozenset(
        entry.address
        for entry in entries
        if isinstance(entry, AuthorityEntry) and any(record.kid == kid for record in entry.sealing_keys)
    )


def _content(
    header: ClearHeader,
    opened: Mapping[str, bytes],
    directory: Directory,
    procedure_of: ProcedureOf,
    limits: Limits,
) -> tuple[Content, SignedContent]:
    # Step 4
    inner = SealedHeader.from_bytes(opened["header"], limits)
    if inner.id != header.id or inner.kind != "content" or inner.recipient is None:
        raise CannotOpen("opening.header_mismatch", "expected a message, under the id of the clear header")
    token = opened["statement"]
    if (digest(token),) != inner.statements:
        raise CannotOpen("opening.statement_digest", "not the statement that the sealed header lists")
    unverified = read(token, typ=StatementType.CONTENT, max_bytes=limits.statement, refuse=CannotOpen)
    # Step 5
    said = tuple(unverified.claims.get(name) for name in ("iss", "aud", "jti"))
    if said != (inner.sender, inner.recipient, inner.id):
        raise CannotOpen("opening.header_mismatch", "the content is not from, to or named as the header says")
    # Step 6
    claims = Claims(unverified.claims, code="content.malformed", refuse=CannotOpen)
    sender, at = Address(claims.text("iss")), claims.moment("iat")
    signer = Address(claims.text_or_none("via") or sender)
    if "." not in sender or "." not in signer:
        raise claims.wrong("iss", "an authority's address")
    key = directory.archive.signing_key(signer, unverified.kid, at, received_at=at, refuse=CannotOpen)
    statement = verify(unverified, key, refuse=CannotOpen)
    narrative, identity = opened.get("narrative"), opened.get("identity")
    check_parts(statement, narrative, identity)
    content = read_content(statement, narrative, identity, limits=limits)
    if at > header.sent_at + CLOCK_SKEW:
        raise NotAcceptable("opening.from_the_future", "dated later than it was sent")
    if content.via is None:
        check_unnamed(sender, key, directory)
    _check_typed(content, directory, procedure_of)
    # Step 7
    _check_carrier(header.sender, sender, directory)
    procedure = procedure_of(content.type)
    entry = directory.archive.authority_at(sender, at)
    competent = (
        directory.competent(sender, procedure or "") if entry is None else procedure in entry.competences
    )
    if procedure is not None and not competent:
        raise NotAcceptable("opening.not_competent", f"{sender} was not competent for {procedure}")
    return content, SignedContent(statement=statement, narrative=narrative, identity=identity)


def _check_typed(content: Content, directory: Directory, procedure_of: ProcedureOf) -> None:
    require_may_say(content.type, content.via, content.sender, content.coded)
    check_scan(content.type, content.coded, content.attachments)
    if content.via is not None and not was_mandated(
        directory,
        state=state_of(content.sender),
        intermediary=content.via,
        procedure=procedure_of(content.type),
        towards=state_of(content.recipient),
        parts=parts_to_be_given(content.type, content.parts),
        at=content.issued_at,
    ):
        raise NotAcceptable("mandate.not_covered", "no mandate covered this when it was signed")


def _check_carrier(node: NodeCode, authority: Address, directory: Directory) -> None:
    """As for what is delivered, by all that the directory remembers: either may have moved since."""
    entries = [held.entry for held in directory.archive.held.values()]
    served = any(
        isinstance(entry, AuthorityEntry) and (entry.address, entry.node) == (authority, node)
        for entry in entries
    )
    of_its_state = state_of(authority) != _INTERNATIONAL and any(
        isinstance(entry, NodeEntry) and (entry.code, entry.state) == (node, state_of(authority))
        for entry in entries
    )
    if not (served or of_its_state):
        raise NotAcceptable("opening.wrong_node", f"{authority} is served by another node than {node}")
