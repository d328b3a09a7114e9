"""Verifying a bundle: each step goes on as far as the steps before allow, and names what it finds by its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from protocol.attachments import read_claims
from protocol.bundle.agreements import (
    ProvenAgreement,
    ProvenOnPaper,
    Said,
    prove_agreements,
    prove_on_paper,
)
from protocol.bundle.coverage import Coverage, read_checkpoint, verify_checkpoint, with_earlier
from protocol.bundle.document import (
    DIRECTORY_SECTIONS,
    FORMAT,
    VERSION,
    BundleMessage,
    clear_header,
    digest_of,
    member_digest,
)
from protocol.claims import Claims
from protocol.directory import (
    Archive,
    AuthorityEntry,
    Charter,
    CorridorEntry,
    MandateEntry,
    Owner,
    Snapshot,
    verify_admission,
    verify_charters,
    verify_snapshot,
)
from protocol.directory.entries import Entry
from protocol.directory.mandates import mandated_at
from protocol.errors import NotAcceptable, Refused
from protocol.evidence import Evidence, Parties, check_chain, check_parties, verify_evidence
from protocol.identifiers import (
    Address,
    CaseReference,
    MessageId,
    NodeCode,
    ThreadId,
    parse_address,
    state_of,
)
from protocol.intermediary import ATTEST, CONFIRMED, check_scan, parts_to_be_given, require_may_say
from protocol.json_strict import parse_object
from protocol.statements import CoSigned, Statement, StatementType, Unverified, read, verify

__all__ = ["Finding", "ProvenMessage", "Report", "verify_bundle"]

MAX_BUNDLE_BYTES = 67_108_864
"""Bytes. A case with a thousand messages stays far below."""
MAX_INDEX_BYTES = 8_388_608

_MESSAGE_MEMBERS = frozenset({"sender", "id", "statement", "manifests", "evidence"})
_ALTERED = frozenset({"statement.malformed", "statement.algorithm", "statement.signature"})
"""Refusals that mean: these are no longer the bytes that somebody signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `where`: a path into the bundle, such as `messages/<id>/evidence/2`.

    `code`: of the refusal vocabulary; `evidence.altered`, `evidence.missing`, `evidence.reordered` for links.
    """

    code: str
    where: str
    detail: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`whole`: nothing was found. The rest is what could be verified, and is empty where nothing could.

    `on_paper`: versions that one State signed and the other accepted on paper, which are no agreements.
    `agreements`: those that both States signed; `exported`: the digest of the one that the file is the export
    of, as its exporter said.
    """

    whole: bool
    findings: tuple[Finding, ...]
    case: str | None = None
    exporter: NodeCode | None = None
    exported_at: datetime | None = None
    messages: tuple[ProvenMessage, ...] = ()
    agreements: tuple[ProvenAgreement, ...] = ()
    exported: str | None = None
    on_paper: tuple[ProvenOnPaper, ...] = ()


type ProcedureOf = Callable[[str], str | None]
type Covered = Callable[[Coverage], bool]


def verify_bundle(
    data: bytes,
    charter_digest: str,
    *,
    procedure_of: ProcedureOf | None = None,
    known: Archive | None = None,
) -> Report:
    """Whether the bundle is whole, and if not, where. Never raises for what the bundle says.

    `known`: a directory that the verifier holds itself. Whoever exported the bundle chose how much of the
    directory goes along, and may have left out that a key was given up as stolen since. It may be under an
    earlier or a later charter; one that does not lead to the bundle's is found as `directory.wrong_charter`,
    for nothing was looked up in it.

    `procedure_of` (the procedure of a message type, None when its conversation decides) has the competence of
    each signer checked too.
    """
    try:
        document = Claims(
            parse_object(data, max_bytes=MAX_BUNDLE_BYTES, max_depth=16), code="bundle.malformed"
        )
        if document.text("format") != FORMAT or document.integer("version") != VERSION:
            raise document.wrong("format", f"{FORMAT}, version {VERSION}")
        verifier = _Verifier(document, charter_digest, procedure_of, known)
    except Refused as refused:
        return Report(whole=False, findings=(_finding(refused, "bundle"),))
    return verifier.run()


@dataclass(slots=True)
class _ListedMessage:
    """A message as the index lists it."""

    statement: str | None
    manifests: tuple[str, ...]
    evidence: tuple[str, ...]


@dataclass(slots=True)
class _Verifier:
    """Gathers findings; each step goes on as far as the steps before allow."""

    document: Claims
    charter_digest: str
    procedure_of: ProcedureOf | None
    known: Archive | None
    findings: list[Finding] = field(default_factory=list)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    coverages: list[Coverage] = field(default_factory=list)
    types: dict[str, str] | None = None

    def run(self) -> Report:
        try:
            charter = self._charter()
        except Refused as refused:
            return Report(whole=False, findings=(_finding(refused, "charter"),))
        archive = self._directory(self._known(Archive.empty(charter)))
        self._checkpoints(archive)
        index = self._index(archive)
        listed = self._listed(index) if index else None
        if index:
            self._material(index)
        proven = self._messages(archive, listed)
        exported = self._exported(index) if index else None
        agreements = prove_agreements(
            self.said,
            archive,
            exported=dict(self.document.members()).get("agreement"),
            exported_digest=exported,
            listed={one.statement: id_ for (_, id_), one in (listed or {}).items() if one.statement},
            found=self.found,
        )
        exporter = NodeCode(str(index.claims["iss"])) if index else None
        return Report(
            whole=not self.findings,
            findings=tuple(self.findings),
            case=str(index.claims["case"]) if index else None,
            exporter=exporter,
            exported_at=Claims(index.claims, code="bundle.malformed").moment("iat") if index else None,
            messages=proven,
            agreements=agreements,
            exported=exported,
            on_paper=prove_on_paper(self.said, archive, _confirmed(proven), self.found),
        )

    def _charter(self) -> Charter:
        """Refuses as `verify_charters`, and `bundle.malformed` when `charter` is not the newest in the
        file."""
        newest = CoSigned.from_json(self.document.mapping("charter"))
        earlier = [CoSigned.from_json(one) for one in self._optional("charters")]
        charter = verify_charters([newest, *earlier], self.charter_digest)
        if charter.digest != newest.digest:
            raise NotAcceptable("bundle.malformed", "expected the newest charter in `charter`")
        return charter

    def _optional(self, name: str) -> list[Any]:
        return self._array(name) if name in self.document else []

    def found(self, code: str, where: str, detail: str) -> None:
        finding = Finding(code=code, where=where, detail=detail)
        if finding not in self.findings:
            self.findings.append(finding)

    def _known(self, archive: Archive) -> Archive:
        if self.known is None:
            return archive
        ours, theirs = self.known.charter, archive.charter
        if {one.digest for one in (ours, *ours.earlier)}.isdisjoint(
            {one.digest for one in (theirs, *theirs.earlier)}
        ):
            self.found(
                "directory.wrong_charter",
                "charter",
                "the verifier's own directory does not lead to this charter",
            )
            return archive
        return archive.adding(
            admissions=[one for pairs in self.known.admissions.values() for one in pairs],
            entries=self.known.held.values(),
        )

    def _checkpoints(self, archive: Archive) -> None:
        if "checkpoints" not in self.document:
            return
        for position, value in enumerate(self._array("checkpoints")):
            try:
                claims = Claims(value if isinstance(value, dict) else {}, code="bundle.malformed")
                self.coverages.append(verify_checkpoint(read_checkpoint(claims), archive))
            except Refused as refused:
                self.findings.append(_finding(refused, f"checkpoints/{position}"))

    def require_covered(self, archive: Archive, owner: Owner, kid: str, covered: Covered) -> None:
        """Refuses `statement.not_covered` for what a stolen key signed, unless a checkpoint that counts
        shows that it was there."""
        cut_off = archive.cut_off(owner, kid)
        if cut_off is None:
            return
        if not any(one.counts_for(cut_off) and covered(one) for one in self.coverages):
            raise NotAcceptable(
                "statement.not_covered",
                f"key {kid} of {owner} was stolen, and no checkpoint that another State's node gave before"
                f" {cut_off.at:%Y-%m-%d} shows that this was there",
            )

    def _directory(self, archive: Archive) -> Archive:
        for position, value in enumerate(self._array("admissions")):
            try:
                cosigned = CoSigned.from_json(value)
                archive = archive.adding(admissions=[(verify_admission(cosigned, archive.charter), cosigned)])
            except Refused as refused:
                self.findings.append(_finding(refused, f"admissions/{position}"))
        for position, token in enumerate(self._texts("snapshots")):
            try:
                snapshot = verify_snapshot(token, archive.charter)
                self.snapshots[snapshot.digest] = snapshot
            except Refused as refused:
                self.findings.append(_finding(refused, f"snapshots/{position}"))
        listed = {one for snapshot in self.snapshots.values() for one in snapshot.entries.values()}
        for position, value in enumerate(self._array("entries")):
            try:
                claims = Claims(value if isinstance(value, dict) else {}, code="bundle.malformed")
                token = claims.text("token")
                held = archive.verify(claims.text("path"), token, snapshots=self.snapshots.values())
                archive = archive.adding(entries=[held])
                if held.entry.digest not in listed and not self._is_cited(held.entry):
                    raise NotAcceptable("bundle.unlisted", "no snapshot in the bundle lists this entry")
            except Refused as refused:
                self.findings.append(_finding(refused, f"entries/{position}"))
        return archive

    def _is_cited(self, entry: Entry) -> bool:
        """An entry that only a signed message vouches for serves as that message's calendar, or for the
        corridor profile in it, which two States signed."""
        if isinstance(entry, MandateEntry):
            return any(
                claims.get("via") is not None and str(claims.get("iss")).startswith(f"{entry.state}.")
                for claims in self._said_claims()
            )
        cited = (
            ("corridor_profile", entry.facts.profile_digest)
            if isinstance(entry, CorridorEntry)
            else ("recipient_entry", entry.digest)
        )
        return any(claims.get(cited[0]) == cited[1] for claims in self._said_claims())

    def _said_claims(self) -> Iterator[Mapping[str, Any]]:
        """Of every message whose statement can be read, before any signature was checked."""
        for value in self._array("messages"):
            token = value.get("statement") if isinstance(value, dict) else None
            try:
                yield read(str(token), typ=StatementType.CONTENT).claims
            except Refused:
                continue

    def procedure(self, message_type: str) -> str | None:
        """Of a message type. Refuses as `procedure_of`."""
        return None if self.procedure_of is None else self.procedure_of(message_type)

    def opened_by(self, thread: str) -> str | None:
        """The type of the message that opened the conversation."""
        if self.types is None:
            self.types = {str(one.get("jti")): str(one.get("type")) for one in self._said_claims()}
        return self.types.get(thread)

    def _index(self, archive: Archive) -> Statement | None:
        try:
            unverified = read(
                self.document.text("index"), typ=StatementType.BUNDLE_INDEX, max_bytes=MAX_INDEX_BYTES
            )
            claims = Claims(unverified.claims, code="bundle.malformed")
            claims.text("case")
            if claims.text("charter") != archive.charter.digest:
                raise NotAcceptable("directory.wrong_charter", "the index belongs to another network")
            at = claims.moment("iat")
            exporter = NodeCode(claims.text("iss"))
            key = archive.signing_key(exporter, unverified.kid, at, received_at=at)
            # Nobody else has seen an index: what a stolen key signed of this kind is a thief's at any date.
            self.require_covered(archive, exporter, unverified.kid, lambda _: False)
            return verify(unverified, key)
        except Refused as refused:
            self.findings.append(_finding(refused, "index"))
            return None

    def _listed(self, index: Statement) -> dict[tuple[str, str], _ListedMessage]:
        listed: dict[tuple[str, str], _ListedMessage] = {}
        try:
            for one in Claims(index.claims, code="bundle.malformed").each("messages"):
                listed[one.text("sender"), one.text("id")] = _ListedMessage(
                    statement=one.text_or_none("statement"),
                    manifests=one.texts("manifests"),
                    evidence=one.texts("evidence"),
                )
        except Refused as refused:
            self.findings.append(_finding(refused, "index"))
        return listed

    def _exported(self, index: Statement) -> str | None:
        try:
            return Claims(index.claims, code="bundle.malformed").text_or_none("agreement")
        except Refused as refused:
            self.findings.append(_finding(refused, "index"))
            return None

    def _material(self, index: Statement) -> None:
        """The charter and the directory material are those that the exporter listed, to the last byte."""
        members = dict(self.document.members())
        try:
            material = Claims(index.claims, code="bundle.malformed").inside("material")
            if material.text("charter") != member_digest(members.get("charter")):
                self._found_first("bundle.altered", "charter", "not the charter that the exporter listed")
            for name in DIRECTORY_SECTIONS:
                value = members.get(name)
                present = [member_digest(one) for one in value] if isinstance(value, list) else []
                self._compare_material(name, present, material.texts(name))
            for name in ("charters", "checkpoints"):
                value = members.get(name, [])
                shown = [member_digest(one) for one in value] if isinstance(value, list) else []
                self._compare_material(name, shown, material.texts(name))
        except Refused as refused:
            self.findings.append(_finding(refused, "index"))

    def _compare_material(self, name: str, present: Sequence[str], listed: Sequence[str]) -> None:
        for position, one in enumerate(present):
            if one in listed:
                continue
            if position < len(listed) and listed[position] not in present:
                self._found_first("bundle.altered", f"{name}/{position}", "not what the exporter listed here")
            else:
                self._found_first("bundle.unlisted", f"{name}/{position}", "the exporter did not list this")
        for position, wanted in enumerate(listed):
            taken = position < len(present) and present[position] not in listed
            if wanted not in present and not taken:
                self._found_first(
                    "bundle.missing", f"{name}/{position}", f"{wanted}, listed by the exporter, is not there"
                )
        if len(set(present)) < len(present):
            self._found_first("bundle.unlisted", name, "something is there twice")
        if [one for one in listed if one in present] != [one for one in present if one in listed]:
            self._found_first("bundle.reordered", name, "stands in another order than listed")

    def _found_first(self, code: str, where: str, detail: str) -> None:
        """Only where nothing closer to the cause was found: one fault is not told as many."""
        if not any(finding.where == where for finding in self.findings):
            self.found(code, where, detail)

    def _messages(
        self, archive: Archive, listed: Mapping[tuple[str, str], _ListedMessage] | None
    ) -> tuple[ProvenMessage, ...]:
        proven: list[ProvenMessage] = []
        order: list[tuple[str, str]] = []
        for position, value in enumerate(self._array("messages")):
            claims = Claims(value if isinstance(value, dict) else {}, code="bundle.malformed")
            try:
                message = BundleMessage(
                    sender_node=NodeCode(claims.text("sender")),
                    id=MessageId(claims.text("id")),
                    statement=claims.text_or_none("statement"),
                    manifests=claims.texts("manifests"),
                    evidence=claims.texts("evidence"),
                )
            except Refused as refused:
                self.findings.append(_finding(refused, f"messages/{position}"))
                continue
            name: tuple[str, str] = (message.sender_node, message.id)
            if name in order:
                self.found("bundle.unlisted", f"messages/{message.id}", "the message is there twice")
                continue
            order.append(name)
            if unknown := dict(claims.members()).keys() - _MESSAGE_MEMBERS:
                # Under another name an empty list is as good as absent: nothing else would miss it.
                self.found("bundle.unlisted", f"messages/{message.id}", f"{len(unknown)} members unknown")
            expected = listed.get(name) if listed is not None else None
            if listed is not None and expected is None:
                self.found(
                    "bundle.unlisted", f"messages/{message.id}", "the exporter did not list this message"
                )
            proven.append(_MessageVerifier(self, archive, message, expected).run())
        if listed is not None:
            for name in sorted(listed.keys() - set(order)):
                self.found(
                    "bundle.missing", f"messages/{name[1]}", "the exporter listed a message that is not there"
                )
            if [name for name in listed if name in order] != [name for name in order if name in listed]:
                self.found("bundle.reordered", "messages", "the messages stand in another order than listed")
        return tuple(proven)

    def _array(self, name: str) -> list[Any]:
        value = dict(self.document.members()).get(name)
        if isinstance(value, list):
            return value
        self.found("bundle.malformed", name, "expected an array")
        return []

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self._array(name)
        if all(isinstance(one, str) for one in value):
            return tuple(value)
        self.found("bundle.malformed", name, "expected an array of texts")
        return ()


@dataclass(slots=True)
class _MessageVerifier:
    whole: _Verifier
    archive: Archive
    message: BundleMessage
    listed: _ListedMessage | None

    def run(self) -> ProvenMessage:
        where = f"messages/{self.message.id}"
        manifests, recipient_node = self._manifests(where)
        content = self._content_claims(where)
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
            self.whole.findings.append(_finding(refused, f"{where}/statement"))
            return
        self.whole.said.append(said)

    def _manifests(self, where: str) -> tuple[frozenset[str], NodeCode | None]:
        recipient: NodeCode | None = None
        good: set[str] = set()
        for position, token in enumerate(self.message.manifests):
            place = f"{where}/manifests/{position}"
            try:
                unverified = read(token, typ=StatementType.MANIFEST)
                header = clear_header(unverified)
                if (header.sender, header.id) != (self.message.sender_node, self.message.id):
                    raise NotAcceptable("bundle.foreign", "the manifest is of another message")
                key = self.archive.signing_key(
                    self.message.sender_node, unverified.kid, header.sent_at, received_at=header.sent_at
                )
                verify(unverified, key)
                self.whole.require_covered(
                    self.archive, self.message.sender_node, unverified.kid, self._covers_message
                )
                if recipient not in (None, header.recipient):
                    raise NotAcceptable("bundle.foreign", "the manifest goes to another node than the first")
                recipient = header.recipient
                good.add(unverified.digest)
            except Refused as refused:
                self.whole.findings.append(_finding(refused, place))
        if self.listed is not None:
            self._compare(f"{where}/manifests", self.message.manifests, self.listed.manifests, "bundle")
        return frozenset(good), recipient

    def _content_claims(self, where: str) -> Claims | None:
        """The content statement's claims, read for who and to whom; its signature is checked afterwards."""
        place = f"{where}/statement"
        token = self.message.statement
        if token is None:
            if self.listed is not None and self.listed.statement is not None:
                self.whole.found("bundle.missing", place, "the exporter listed a statement that is not there")
            return None
        if self.listed is not None and digest_of(token) != self.listed.statement:
            self.whole.found("bundle.altered", place, "not the statement that the exporter listed")
        try:
            claims = Claims(read(token, typ=StatementType.CONTENT).claims, code="bundle.malformed")
            for name in ("iss", "aud", "jti", "type", "case"):
                claims.text(name)
            claims.moment("iat")
        except Refused as refused:
            self.whole.findings.append(_finding(refused, place))
            return None
        if claims.text("jti") != self.message.id:
            self.whole.found("bundle.foreign", place, "the statement is of another message")
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
            key = self.archive.signing_key(
                signer, unverified.kid, at, received_at=max(at, min(consigned, default=at))
            )
            verify(unverified, key)
            self.whole.require_covered(self.archive, signer, unverified.kid, self._covers_message)
            self._check_competence(claims, sender, at)
            self._check_via(claims, at)
            cited = claims.text_or_none("recipient_entry")
            if cited is not None and cited not in self.archive.held:
                raise NotAcceptable(
                    "bundle.missing", "the directory entry that the statement cites is not there"
                )
            self._check_profile(claims, at)
        except Refused as refused:
            self.whole.findings.append(_finding(refused, place))
            return None
        return at

    def _check_via(self, claims: Claims, at: datetime) -> None:
        """What an intermediary typed binds its State to nothing, and a mandate covered it when it was signed:
        its procedure, the other State and its parts. Whether that was revoked by the time it was received,
        the recipient's evidence shows."""
        via = claims.text_or_none("via")
        sender = parse_address(claims.text("iss"))
        type_, coded = claims.text("type"), claims.mapping("coded")
        if via is not None or type_ == ATTEST:
            require_may_say(type_, None if via is None else Address(via), sender, coded)
            check_scan(type_, coded, read_claims(claims) if "attachments" in claims else ())
        if via is None:
            return
        if not mandated_at(
            self.archive,
            state=state_of(sender),
            intermediary=Address(via),
            procedure=self._procedure(claims),
            towards=state_of(parse_address(claims.text("aud"))),
            parts=parts_to_be_given(type_, claims.texts_by_name("parts")),
            at=at,
        ):
            raise NotAcceptable("mandate.not_covered", "no mandate covered this when it was signed")

    def _procedure(self, claims: Claims) -> str | None:
        """Of the message, or of the conversation that it belongs to; None where this release cannot say, and
        where the message that opened it is not in the bundle."""
        opener = claims.text("thread")
        for said in (claims.text("type"), self.whole.opened_by(opener)):
            try:
                procedure = None if said is None else self.whole.procedure(said)
            except Refused:  # a form of a newer version
                return None
            if procedure is not None:
                return procedure
        return None

    def _check_profile(self, claims: Claims, at: datetime) -> None:
        """Whether a State ended it meanwhile is not asked: the recipient did, as it stood when it took the
        message, and an end may be dated back."""
        cited = claims.text_or_none("corridor_profile")
        if cited is None:
            return
        try:
            terms = self.archive.profile_by_digest(cited).facts.terms
        except Refused as refused:
            if refused.code != "directory.unknown_profile":
                raise
            raise NotAcceptable(
                "bundle.missing", "the corridor profile that the statement cites is not there"
            ) from None
        between = {state_of(parse_address(claims.text(name))) for name in ("iss", "aud")}
        if set(terms.states) != between or not terms.since <= at < terms.until:
            raise NotAcceptable(
                "directory.profile_not_in_force",
                "expected a profile in force between the two States when the message was signed",
            )

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

        self.whole.require_covered(self.archive, link.issuer, kid, covered)

    def _check_competence(self, claims: Claims, signer: Address, at: datetime) -> None:
        if self.whole.procedure_of is None:
            return
        try:
            procedure = self.whole.procedure_of(claims.text("type"))
        except Refused:  # a form of a newer version
            return
        entry = self.archive.authority_at(signer, at) or self._earliest(signer)
        if procedure is not None and entry is not None and procedure not in entry.competences:
            raise NotAcceptable("bundle.not_competent", f"{signer} was not competent for {procedure}")

    def _earliest(self, signer: Address) -> AuthorityEntry | None:
        """The State may have issued anew since; the bundle then holds no version from before."""
        versions = [
            held.entry
            for held in self.archive.held.values()
            if isinstance(held.entry, AuthorityEntry) and held.entry.address == signer
        ]
        return min(versions, key=lambda entry: entry.issued_at, default=None)

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
                link = verify_evidence(token, self.archive, _dated(unverified))
                if (link.about.sender_node, link.about.id) != (self.message.sender_node, self.message.id):
                    raise NotAcceptable("bundle.foreign", "the evidence is about another message")
                if link.about.statement_digest not in (None, statement):
                    raise NotAcceptable("bundle.foreign", "the evidence is about another statement")
                if parties is not None:
                    check_parties(link, parties)
                self._require_evidence_covered(link, unverified.kid, readable)
            except Refused as refused:
                altered = refused.code in _ALTERED or refused.code.startswith("json.")
                code = "evidence.altered" if altered else refused.code
                self.whole.found(code, f"{place}/{position}", f"{refused.code}: {refused.detail}")
                continue
            good.append(link)
            positions.append(position)
            if link.about.manifest_digest is not None and link.about.manifest_digest not in manifests:
                self.whole.found(
                    "bundle.missing", f"{where}/manifests", "the manifest that evidence cites is not there"
                )
            if link.directory not in self.whole.snapshots:
                self.whole.found(
                    "bundle.missing",
                    "snapshots",
                    f"snapshot {link.directory}, cited by evidence, is not there",
                )
        unreadable = len(good) < len(self.message.evidence)
        for fault in check_chain(good):
            # Where a link is there but cannot be read, it was named as altered already.
            if fault.code == "evidence.missing" and unreadable:
                continue
            self.whole.found(fault.code, f"{place}/{positions[fault.position]}", fault.detail)
        if self.listed is not None:
            self._compare(place, self.message.evidence, self.listed.evidence, "evidence")
        return tuple(good)

    def _compare(self, place: str, tokens: Sequence[str], listed: Sequence[str], family: str) -> None:
        """Name what the index lists and is not there, what is there and not listed, and what stands
        elsewhere.
        """
        present = [digest_of(token) for token in tokens]
        altered = sum(1 for one in present if one not in listed)
        for position, wanted in enumerate(listed):
            if wanted in present:
                continue
            # A place taken by something unlisted was altered; that is found, and named, where it stands.
            if altered and position < len(present) and present[position] not in listed:
                self.whole.found(
                    f"{family}.altered", f"{place}/{position}", "not what the exporter listed here"
                )
                altered -= 1
                continue
            self.whole.found(
                f"{family}.missing", f"{place}/{position}", f"{wanted}, listed by the exporter, is not there"
            )
        for position, one in enumerate(present):
            if one not in listed and (position >= len(listed) or listed[position] in present):
                self.whole.found(
                    f"{family}.unlisted", f"{place}/{position}", "the exporter did not list this"
                )
        common = [one for one in present if one in listed]
        expected = [one for one in listed if one in present]
        for one, wanted in zip(common, expected, strict=False):
            if one != wanted:
                self.whole.found(
                    f"{family}.reordered",
                    f"{place}/{present.index(one)}",
                    "stands elsewhere than the exporter listed",
                )
                break


def _confirmed(proven: Iterable[ProvenMessage]) -> dict[MessageId, tuple[Address, datetime]]:
    return {
        one.id: (Address(str(link.issuer)), link.issued_at)
        for one in proven
        for link in one.evidence
        if link.kind.name == CONFIRMED
    }


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


def _finding(refused: Refused, where: str) -> Finding:
    return Finding(code=refused.code, where=where, detail=refused.detail)
