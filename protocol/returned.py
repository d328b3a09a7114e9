"""A message given back to the node that once sent it and lost it: it was put back from an older backup.

The envelope (kind `returned`) carries the author's own statement, behind it what proves its way (the
manifests under which it left, and the evidence about it), and narrative and identity where the one who gives
it back still has them and may read them. Nothing of that is believed because of who brings it:

1. the statement is by the key of an authority, as the directory lists it for the second of signing, and
   nobody has revoked that key since;
2. it is dated before the restoration: what was said later is not lost;
3. that authority is served by the restored node, and the one spoken to by who brings it: no third node's
   mail;
4. each part that came is the one that the statement binds; one that did not come is missed by nobody but the
   reader;
5. a manifest is our own node's, for this message and that node; evidence is by a side of this message. What
   is not so is left out, and the message is taken without it.

A thief of a key that was not revoked yet could do no more with this than by sending. With one that was
revoked, or given up as stolen, nothing comes back, also of what was once honest: the peer keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from protocol import base64url
from protocol.channels import shared_digest
from protocol.claims import Claims
from protocol.content import Content, SignedContent, read_content
from protocol.directory import Directory, Owner
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties, check_parties, read_evidence
from protocol.identifiers import Address, MessageId, NodeCode, state_of
from protocol.intermediary import check_unnamed
from protocol.json_strict import parse_object
from protocol.limits import Limits
from protocol.statements import Statement, StatementType, Unverified, digest, read, verify

__all__ = ["NOT_OURS", "Proven", "Returned", "returned_digest", "that_fit", "verify_returned"]

NOT_OURS = "returned.not_ours"
_MAX_HEADER_BYTES = 4_096
_INTERNATIONAL = "int"


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What came, opened and not believed. `statement` and `proofs`: tokens; the parts: bytes, salt inside."""

    statement: bytes
    proofs: tuple[bytes, ...] = ()
    narrative: bytes | None = field(default=None, repr=False)
    identity: bytes | None = field(default=None, repr=False)

    @property
    def sameness(self) -> str:
        """What stands for the envelope in a channel's running digest."""
        return returned_digest(digest(self.statement))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A message of ours, and what proves its way. `left_out`: how many proofs did not hold."""

    content: Content
    signed: SignedContent
    manifests: tuple[Statement, ...]
    evidence: tuple[tuple[Statement, Evidence], ...]
    left_out: int


def returned_digest(statement_digest: str) -> str:
    """Of the statement alone: proofs and parts may be others when it is given back once more."""
    return shared_digest([statement_digest])


def that_fit(statement: str, proofs: Iterable[str], most: int, limits: Limits) -> tuple[str, ...]:
    """The first of these proofs that go into one envelope with the statement, `most` at most."""
    left = limits.statement - len(statement)
    fitting: list[str] = []
    for token in proofs:
        left -= len(token) + 1
        if left < 0 or len(fitting) == most:
            break
        fitting.append(token)
    return tuple(fitting)


def verify_returned(
    returned: Returned, *, me: NodeCode, by: NodeCode, before: datetime, directory: Directory
) -> Proven:
    """What node `by` gave back to us, node `me`, restored at `before`.

    Refuses `returned.not_ours` (2, 3), `statement.key_revoked` (1), and the codes of `statements.read` and
    `verify`, `Directory.signing_key`, `check_unnamed`, `read_content`.
    """
    unverified = read(returned.statement, typ=StatementType.CONTENT, max_bytes=Limits().statement)
    statement = _signed_by_ours(unverified, directory)
    # A part that did not come is no fault; one that came is held against its digest.
    content = read_content(statement, returned.narrative, returned.identity)
    if content.issued_at > before:
        raise NotAcceptable(NOT_OURS, "dated after this node was restored")
    if not _serves(me, content.sender, directory) or not _serves(by, content.recipient, directory):
        raise NotAcceptable(NOT_OURS, "expected a message from here to an authority of who gives it back")
    manifests: list[Statement] = []
    evidence: list[tuple[Statement, Evidence]] = []
    left_out = 0
    for token in returned.proofs:
        try:
            manifest = _manifest(token, content.id, me=me, by=by, directory=directory)
            if manifest is not None:
                manifests.append(manifest)
                continue
            evidence.append(_evidence(token, content, me=me, by=by, directory=directory))
        except Refused:
            left_out += 1
    return Proven(
        content=content,
        signed=SignedContent(statement=statement, narrative=returned.narrative, identity=returned.identity),
        manifests=tuple(manifests),
        evidence=tuple(evidence),
        left_out=left_out,
    )


def _signed_by_ours(unverified: Unverified, directory: Directory) -> Statement:  # step 1
    claims = Claims(unverified.claims, code="content.malformed")
    sender, at = Address(claims.text("iss")), claims.moment("iat")
    signer = Address(claims.text_or_none("via") or sender)
    if "." not in sender or "." not in signer:
        raise claims.wrong("iss", "an authority's address")
    if directory.archive.revoked_key(signer, unverified.kid) is not None:
        # Its date proves nothing any more, and whoever brings it may be in league with the thief.
        raise NotAcceptable("statement.key_revoked", f"key {unverified.kid} of {signer} was revoked")
    # As it was when it was said: it has long been received, and the key may have been rotated since.
    key = directory.signing_key(signer, unverified.kid, at, received_at=at)
    statement = verify(unverified, key)
    if signer == sender:
        check_unnamed(sender, key, directory)
    return statement


def _serves(node: NodeCode, authority: Address, directory: Directory) -> bool:  # step 3
    """Or is of its State: the authority may have moved to another node since."""
    if directory.authority(authority).node == node:
        return True
    state = state_of(authority)
    return state != _INTERNATIONAL and directory.state_of_node(node) == state


def _manifest(
    token: bytes, message: MessageId, *, me: NodeCode, by: NodeCode, directory: Directory
) -> Statement | None:
    """None when it is no manifest."""
    try:
        unverified = read(token, typ=StatementType.MANIFEST)
    except Refused as reason:
        if reason.code == "statement.wrong_type":
            return None
        raise
    claims = Claims(unverified.claims, code="envelope.malformed")
    try:
        data = base64url.decode(claims.text("header").encode("ascii"))
    except ValueError:
        raise claims.wrong("header", "base64url") from None
    header = Claims(parse_object(data, max_bytes=_MAX_HEADER_BYTES), code="envelope.malformed", at="/header")
    if (header.text("from"), header.text("to"), header.text("id")) != (me, by, message):
        raise NotAcceptable(NOT_OURS, "the manifest is of another message")
    return _dated(unverified, me, header.moment("sent_at"), directory)


def _evidence(
    token: bytes, content: Content, *, me: NodeCode, by: NodeCode, directory: Directory
) -> tuple[Statement, Evidence]:
    unverified = read(token, typ=StatementType.EVIDENCE)
    said = read_evidence(unverified)
    if (said.about.sender_node, said.about.id) != (me, content.id) or said.about.statement_digest not in (
        None,
        content.statement_digest,
    ):
        raise NotAcceptable(NOT_OURS, "the evidence is about another message")
    check_parties(said, Parties(sender_node=me, recipient_node=by, recipient=content.recipient))
    return _dated(unverified, said.issuer, said.issued_at, directory), said


def _dated(unverified: Unverified, signer: Owner, at: datetime, directory: Directory) -> Statement:
    return verify(unverified, directory.signing_key(signer, unverified.kid, at, received_at=at))
