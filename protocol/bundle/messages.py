"""The messages of a bundle: of each, its manifests, its content statement and the evidence about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol.bundle.agreements import Said
from protocol.bundle.authority import AuthorityAtSigning, ProcedureOf
from protocol.bundle.coverage import Coverage, with_earlier
from protocol.bundle.document import BundleMessage, clear_header, digest_of
from protocol.bundle.findings import Findings
from protocol.bundle.index import ListedMessage, compare_tokens
from protocol.bundle.material import Material
from protocol.bundle.sections import Sections, row_of
from protocol.claims import Claims
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties, check_chain, check_parties, verify_evidence
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, ThreadId
from protocol.statements import StatementType, Unverified, read, verify

__all__ = ["ProvenMessage", "verify_messages"]

_MESSAGE_MEMBERS = frozenset({"sender", "id", "statement", "manifests", "evidence"})
_ALTERED = frozenset({"statement.malformed", "statement.algorithm", "statement.signature"})
"""Refusals that mean: these are no longer the bytes that somebody signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenMessage:
    """What the bundle proves of one message: who said something to whom, and what became of it."""

    sender_node: NodeCode
    id: MessageId
    type: str | None
    sender: Address | None
    recipient: Address | None
    issued_at: datetime | None
    evidence: tuple[Evidence, ...]
    statement_digest: str | None = None
    via: Address | None = None


def verify_messages(
    sections: Sections,
    material: Material,
    listed: Mapping[tuple[str, str], ListedMessage] | None,
    procedure_of: ProcedureOf | None,
) -> tuple[tuple[ProvenMessage, ...], tuple[Said, ...]]:
    """What each message proves, and what was said in them, in the order of the bundle."""
    authority = AuthorityAtSigning(archive=material.archive, sections=sections, procedure_of=procedure_of)
    proven: list[ProvenMessage] = []
    said: list[Said] = []
    order: list[tuple[str, str]] = []
    for position, value in enumerate(sections.array("messages")):
        claims = row_of(value)
        try:
            message = BundleMessage(
                sender_node=NodeCode(claims.text("sender")),
                id=MessageId(claims.text("id")),
                statement=claims.text_or_none("statement"),
                manifests=claims.texts("manifests"),
                evidence=claims.texts("evidence"),
            )
        except Refused as refused:
            sections.findings.refused(refused, f"messages/{position}")
            continue
        name: tuple[str, str] = (message.sender_node, message.id)
        if name in order:
            sections.findings.found("bundle.unlisted", f"messages/{message.id}", "the message is there twice")
            continue
        order.append(name)
        if unknown := dict(claims.members()).keys() - _MESSAGE_MEMBERS:
            # Under another name an empty list is as good as absent: nothing else would miss it.
            sections.findings.found(
                "bundle.unlisted", f"messages/{message.id}", f"{len(unknown)} members unknown"
            )
        expected = listed.get(name) if listed is not None else None
        if listed is not None and expected is None:
            sections.findings.found(
                "bundle.unlisted", f"messages/{message.id}", "the exporter did not list this message"
            )
        verifier = _MessageVerifier(
            findings=sections.findings,
            material=material,
            authority=authority,
            message=message,
            listed=expected,
            said=said,
        )
        proven.append(verifier.run())
    if listed is not None:
        for name in sorted(listed.keys() - set(order)):
            sections.findings.found(
                "bundle.missing", f"messages/{name[1]}", "the exporter listed a message that is not there"
            )
        if [name for name in listed if name in order] != [name for name in order if name in listed]:
            sections.findings.found(
                "bundle.reordered", "messages", "the messages stand in another order than listed"
            )
    return tuple(proven), tuple(said)


@dataclass(slots=True, kw_only=True)
class _MessageVerifier:
    """`said`: takes what this message says, for the agreements in it."""

    findings: Findings
    material: Material
    authority: AuthorityAtSigning
    message: BundleMessage
    listed: ListedMessage | None
    said: list[Said]

    def run(self) -> ProvenMessage:
        where = f"messages/{self.message.id}"
        content = self._content_claims(where)
        manifests, recipient_node = self._manifests(where, content)
        parties = None
        if recipient_node is not None:
            recipient = Address(content.text("aud")) if content else None
            parties = Parties(
                sender_node=self.message.sender_node, recipient_node=recipient_node, recipient=recipient
            )
        evidence = self._evidence(where, parties, manifests)
        issued_at = self._content_signature(where, evidence) if content else None
        statement = self.message.statement if content else None
        if content is not None and issued_at is not None:
            self._remember(where, content, issued_at, evidence)
        return ProvenMessage(
            sender_node=self.message.sender_node,
            id=self.message.id,
            type=content.text("type") if content else None,
            sender=Address(content.text("iss")) if content else None,
            recipient=Address(content.text("aud")) if content else None,
            issued_at=issued_at,
            evidence=evidence,
            statement_digest=None if statement is None else digest_of(statement),
            via=_via(content),
        )

    def _remember(
        self, where: str, content: Claims, issued_at: datetime, evidence: Sequence[Evidence]
    ) -> None:
        """What was said, for the agreements in it. What the other node refused was never said to it."""
        kinds = {one.kind.name for one in evidence}
        if "consignment-failed" in kinds and "content-consigned" not in kinds:
            return
        consigned = [one.issued_at for one in evidence if one.kind.name == "content-consigned"]
        try:
            answered = content.text_or_none("in_reply_to")
            said = Said(
                id=self.message.id,
                type=content.text("type"),
                case=CaseReference(content.text("case")),
                thread=ThreadId(MessageId(content.text("thread"))),
                in_reply_to=None if answered is None else MessageId(answered),
                sender=Address(content.text("iss")),
                recipient=Address(content.text("aud")),
                coded=content.mapping("coded"),
                statement_digest=digest_of(self.message.statement or ""),
                issued_at=issued_at,
                via=_via(content),
                received_at=max(issued_at, min(consigned, default=issued_at)),
            )
        except Refused as refused:
            self.findings.refused(refused, f"{where}/statement")
            return
        self.said.append(said)

    def _manifests(self, where: str, content: Claims | None) -> tuple[frozenset[str], NodeCode | None]:
        recipient: NodeCode | None = None
        good: set[str] = set()
        for position, token in enumerate(self.message.manifests):
            place = f"{where}/manifests/{position}"
            try:
                unverified = read(token, typ=StatementType.MANIFEST)
                header = clear_header(unverified)
                if (header.sender, header.id) != (self.message.sender_node, self.message.id):
                    raise NotAcceptable("bundle.foreign", "the manifest is of another message")
                key = self.material.archive.signing_key(
                    self.message.sender_node, unverified.kid, header.sent_at, received_at=header.sent_at
                )
                verify(unverified, key)
                self.material.require_covered(self.message.sender_node, unverified.kid, self._covers_message)
                aud = Address(content.text("aud")) if content else None
                if recipient not in (None, header.recipient) and not self._moved(
                    aud, header.recipient, header.sent_at
                ):
                    raise NotAcceptable("bundle.foreign", "the manifest goes to another node than the first")
                recipient = recipient or header.recipient
                good.add(unverified.digest)
            except Refused as refused:
                self.findings.refused(refused, place)
        if self.listed is not None:
            compare_tokens(
                self.findings, f"{where}/manifests", self.message.manifests, self.listed.manifests, "bundle"
            )
        return frozenset(good), recipient

    def _moved(self, recipient: Address | None, node: str, at: datetime) -> bool:
        """By then its recipient's entry named `node`: a State has taken a node of its own, since the message
        went to its intermediary's."""
        if recipient is None:
            return False
        entry = self.material.archive.authority_at(recipient, at)
        return entry is not None and entry.node == node

    def _content_claims(self, where: str) -> Claims | None:
        """The content statement's claims, read for who and to whom; its signature is checked afterwards."""
        place = f"{where}/statement"
        token = self.message.statement
        if token is None:
            if self.listed is not None and self.listed.statement is not None:
                self.findings.found(
                    "bundle.missing", place, "the exporter listed a statement that is not there"
                )
            return None
        if self.listed is not None and digest_of(token) != self.listed.statement:
            self.findings.found("bundle.altered", place, "not the statement that the exporter listed")
        try:
            claims = Claims(read(token, typ=StatementType.CONTENT).claims, code="bundle.malformed")
            for name in ("iss", "aud", "jti", "type", "case"):
                claims.text(name)
            claims.moment("iat")
        except Refused as refused:
            self.findings.refused(refused, place)
            return None
        if claims.text("jti") != self.message.id:
            self.findings.found("bundle.foreign", place, "the statement is of another message")
            return None
        return claims

    def _content_signature(self, where: str, evidence: Iterable[Evidence]) -> datetime | None:
        assert self.message.statement is not None
        place = f"{where}/statement"
        unverified = read(self.message.statement, typ=StatementType.CONTENT)
        claims = Claims(unverified.claims, code="bundle.malformed")
        sender, at = Address(claims.text("iss")), claims.moment("iat")
        via = claims.text_or_none("via")
        signer = sender if via is None else Address(via)
        consigned = [one.issued_at for one in evidence if one.kind.name == "content-consigned"]
        try:
            key = self.material.archive.signing_key(
                signer, unverified.kid, at, received_at=max(at, min(consigned, default=at))
            )
            verify(unverified, key)
            self.material.require_covered(signer, unverified.kid, self._covers_message)
            self.authority.check(claims, at)
        except Refused as refused:
            self.findings.refused(refused, place)
            return None
        return at

    def _covers_message(self, coverage: Coverage) -> bool:
        token = self.message.statement
        return (
            token is not None
            and coverage.peer == self.message.sender_node
            and (self.message.id, digest_of(token)) in coverage.statements
        )

    def _require_evidence_covered(self, link: Evidence, kid: str, tokens: Sequence[Unverified]) -> None:
        def covered(coverage: Coverage) -> bool:
            if link.about.sender_node == link.issuer and self._covers_message(coverage):
                return True
            return link.digest in with_earlier(tokens, coverage.evidence)

        self.material.require_covered(link.issuer, kid, covered)

    def _evidence(
        self, where: str, parties: Parties | None, manifests: frozenset[str]
    ) -> tuple[Evidence, ...]:
        place = f"{where}/evidence"
        statement = digest_of(self.message.statement) if self.message.statement is not None else None
        good: list[Evidence] = []
        positions: list[int] = []
        readable = _readable(self.message.evidence)
        for position, token in enumerate(self.message.evidence):
            try:
                unverified = read(token, typ=StatementType.EVIDENCE)
                link = verify_evidence(token, self.material.archive, _dated(unverified))
                if (link.about.sender_node, link.about.id) != (self.message.sender_node, self.message.id):
                    raise NotAcceptable("bundle.foreign", "the evidence is about another message")
                if link.about.statement_digest not in (None, statement):
                    raise NotAcceptable("bundle.foreign", "the evidence is about another statement")
                if parties is not None:
                    own = self._moved(parties.recipient, link.issuer, link.issued_at)
                    by = NodeCode(link.issuer) if own else parties.recipient_node
                    check_parties(link, dataclasses.replace(parties, recipient_node=by))
                self._require_evidence_covered(link, unverified.kid, readable)
            except Refused as refused:
                altered = refused.code in _ALTERED or refused.code.startswith("json.")
                code = "evidence.altered" if altered else refused.code
                self.findings.found(code, f"{place}/{position}", f"{refused.code}: {refused.detail}")
                continue
            good.append(link)
            positions.append(position)
            if link.about.manifest_digest is not None and link.about.manifest_digest not in manifests:
                self.findings.found(
                    "bundle.missing", f"{where}/manifests", "the manifest that evidence cites is not there"
                )
            if link.directory not in self.material.snapshots:
                self.findings.found(
                    "bundle.missing",
                    "snapshots",
                    f"snapshot {link.directory}, cited by evidence, is not there",
                )
        unreadable = len(good) < len(self.message.evidence)
        for fault in check_chain(good):
            # Where a link is there but cannot be read, it was named as altered already.
            if fault.code == "evidence.missing" and unreadable:
                continue
            self.findings.found(fault.code, f"{place}/{positions[fault.position]}", fault.detail)
        if self.listed is not None:
            compare_tokens(self.findings, place, self.message.evidence, self.listed.evidence, "evidence")
        return tuple(good)


def _via(content: Claims | None) -> Address | None:
    via = None if content is None else content.text_or_none("via")
    return None if via is None else Address(via)


def _readable(tokens: Iterable[str]) -> list[Unverified]:
    readable = []
    for token in tokens:
        try:
            readable.append(read(token, typ=StatementType.EVIDENCE))
        except Refused:
            continue
    return readable


def _dated(unverified: Unverified) -> datetime:
    return Claims(unverified.claims, code="evidence.malformed").moment("iat")
