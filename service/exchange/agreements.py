"""Agreements on a durable solution: co-signing one, checking a co-signature, and one as a file or in words.

The bytes of an agreement are nowhere in the store. They are derived from the proposal whenever they are
needed, so that no officer signs anything but what the proposal says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlmodel import Session

from protocol import languages
from protocol.agreement import (
    ACCEPTANCE,
    VERSIONS,
    Agreement,
    Version,
    agreement_bytes,
    check_acceptance,
    signer_kid,
)
from protocol.bundle import BundleMessage, Checkpoint, export_bundle
from protocol.content import Content, read_content
from protocol.directory import Directory
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode
from protocol.intermediary import ATTEST, CONFIRMED, attested_in
from protocol.rendering import Format, Rendering
from protocol.rendering.agreement import Grounds, PaperConsent, SignedBy, agreement_words, paper_words
from protocol.statements import digest
from protocol.version_end import VersionEnd, version_end
from service.access.actor import Actor
from service.errors import NotFound
from service.exchange import case_files
from service.exchange.bundle import cited_snapshots, held_message
from service.exchange.checkpoints import covering
from service.exchange.consents import was_covered
from service.exchange.covered import MayRead
from service.exchange.message_row import stored_statement
from service.exchange.printing import directory_names, print_words
from service.exchange.telling import directory_or_none
from service.exchange.views import Submission
from service.node import Node
from service.store import mailbox
from service.store.tables import MESSAGE

__all__ = ["agreement_file", "bytes_to_sign", "check_cosigned", "render_agreement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    """An agreement in the store, with the row of its version and those of both acceptances."""

    agreement: Agreement
    version: Row[Any]
    acceptances: tuple[Row[Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnPaper:
    """A version that one State signed, in `acceptance`, and the other accepted on paper."""

    version: Version
    acceptance: Row[Any]
    consent: PaperConsent


async def bytes_to_sign(node: Node, actor: Actor, submission: Submission) -> bytes | None:
    """What the node has to co-sign for an acceptance; None for what brings its signature or is no acceptance.

    The officer names the digest that they saw: nothing is signed over any other bytes. Refuses
    `agreement.other_bytes`, and NotFound `request.not_found` for a case that is not the actor's.
    """
    coded, answered = submission.coded, submission.in_reply_to
    if submission.type != ACCEPTANCE or "signature" in coded or answered is None:
        return None

    def look(session: Session) -> bytes:
        connection = session.connection()
        case_files.own_case(connection, actor, submission.case)
        return agreement_bytes(_answered(connection, submission.case, answered))

    payload = await node.store.read(look)
    if coded.get("agreement") != digest(payload):
        raise NotAcceptable(
            "agreement.other_bytes",
            "expected the digest of the version that this replies to; look at it again",
            field="/coded/agreement",
        )
    return payload


def check_cosigned(connection: Connection, content: Content, directory: Directory, now: datetime) -> None:
    """An acceptance is of the version that it replies to, co-signed with a key of its sender.

    The rule for the key is that for statements: it counted when the acceptance was signed, and counts now.
    Refuses as `protocol.agreement.check_acceptance` and `Directory.signing_key`.
    """
    if content.type != ACCEPTANCE or content.in_reply_to is None:
        return
    proposal = _answered(connection, content.case, content.in_reply_to)
    key = directory.signing_key(content.sender, signer_kid(content), content.issued_at, received_at=now)
    check_acceptance(content, proposal, key)


async def agreement_file(node: Node, actor: Actor, reference: CaseReference, wanted: str) -> bytes:
    """An agreement that both States signed, as one file that verifies offline with the charter's digest.

    It holds the versions that led to it, both acceptances, every document that it rests on, the agreements
    before and after it, and the evidence about all of these; never free text or identity. A document between
    other authorities stays out, and the verifier then names it as missing.
    NotFound `request.not_found` for a digest of no agreement of both.
    """
    now = node.clock.now()
    directory = node.directory.known()

    def gather(session: Session) -> tuple[Agreement, list[BundleMessage], list[str], list[Checkpoint]]:
        connection = session.connection()
        rows, closed = _own_messages(node, session, actor, reference)
        signed = _signed(rows)
        chosen = _chosen(signed, wanted, closed)
        needed = _needed(rows, signed, chosen)
        held = [held_message(connection, row) for row in rows if (row.sender_node, row.id) in needed]
        snapshots = cited_snapshots(connection, held)
        return chosen.agreement, held, snapshots, covering(connection, directory, held)

    agreement, messages, snapshots, checkpoints = await node.store.read(gather)
    return await asyncio.to_thread(
        export_bundle,
        exporter=node.code,
        case=reference,
        directory=directory,
        messages=messages,
        snapshots=snapshots,
        exported_at=now,
        key=node.keys.signing(node.code),
        agreement=agreement,
        checkpoints=checkpoints,
    )


async def render_agreement(
    node: Node, actor: Actor, reference: CaseReference, wanted: str, language: str, form: Format
) -> Rendering:
    """The agreement in words; or the version with that digest which one State signed and the other accepted
    on paper, which is no agreement and says so; and first that it has ended, where it has. Refuses as
    `agreement_file`, and `rendering.too_large`, for a PDF alone."""

    def gather(session: Session) -> tuple[_Signed | _OnPaper, list[Row[Any]]]:
        rows, closed = _own_messages(node, session, actor, reference)
        signed = _signed(rows)
        agreed = {one.agreement.proposal for one in signed.values()}
        on_paper = (
            None
            if wanted in signed
            else _on_paper(session.connection(), rows, wanted, agreed, directory_or_none(node))
        )
        return on_paper or _chosen(signed, wanted, closed), rows

    chosen, rows = await node.store.read(gather)
    by_digest = {row.statement_digest: row for row in rows}
    said = chosen.version if isinstance(chosen, _OnPaper) else chosen.agreement
    grounds = tuple(_grounds(document.name, document.digest, by_digest) for document in said.documents)
    if isinstance(chosen, _OnPaper):
        words = paper_words(
            chosen.version,
            signed=_signed_by(chosen.acceptance),
            consent=chosen.consent,
            grounds=grounds,
            language=languages.nearest_language(language),
            names=directory_names(node),
        )
    else:
        words = agreement_words(
            chosen.agreement,
            signed=tuple(_signed_by(row) for row in chosen.acceptances),
            grounds=grounds,
            language=languages.nearest_language(language),
            names=directory_names(node),
        )
    return await print_words(words, form)


def _signed_by(acceptance: Row[Any]) -> SignedBy:
    kid = signer_kid(_content(acceptance))
    return SignedBy(by=Address(acceptance.sender), at=acceptance.issued_at, kid=kid)


def _on_paper(
    connection: Connection,
    rows: Iterable[Row[Any]],
    wanted: str,
    agreed: Collection[MessageId],
    directory: Directory | None,
) -> _OnPaper | None:
    """The version with that digest, when one State signed it and two people of it confirmed the other's
    consent on paper; with its end, where it does not stand any more. `agreed`: versions that both signed."""
    rows = list(rows)
    contents = {row.id: _content(row) for row in rows}
    found = [
        (version, one)
        for row in rows
        if row.type == ATTEST
        for version, one in _confirmed(connection, row, contents, rows)
    ]
    settled = {*agreed, *(version.id for version, _ in found)}
    ended = []
    for version, one in found:
        if one.version.digest != wanted:
            continue
        attestation = contents[one.consent.attested.attestation]
        if directory is not None and not was_covered(attestation, directory):
            end: VersionEnd | None = VersionEnd(
                kind="not-mandated", by=one.consent.via, at=attestation.issued_at, message=attestation.id
            )
        else:
            end = version_end(
                version,
                tuple(contents.values()),
                agreement=wanted,
                confirmed_at=one.consent.confirmed_at,
                settled=settled - {version.id},
            )
        if end is None:
            return one
        ended.append(replace(one, consent=replace(one.consent, ended=end)))
    return ended[0] if ended else None


def _confirmed(
    connection: Connection, row: Row[Any], contents: Mapping[MessageId, Content], rows: Iterable[Row[Any]]
) -> Iterator[tuple[Content, _OnPaper]]:
    """What this attestation made accepted on paper, whatever became of it."""
    attestation = contents[row.id]
    version = contents.get(attestation.in_reply_to) if attestation.in_reply_to else None
    if version is None or version.type not in VERSIONS or attestation.via is None:
        return
    said = Version.of(version)
    evidence = mailbox.evidence_of(connection, NodeCode(row.sender_node), MessageId(row.id))
    confirmed = next((one for one in evidence if one.kind == CONFIRMED), None)
    acceptance = next(
        (
            one
            for one in rows
            if one.type == ACCEPTANCE
            and one.sender == row.recipient
            and one.in_reply_to == version.id
            and contents[one.id].coded.get("agreement") == said.digest
        ),
        None,
    )
    if confirmed is None or acceptance is None or attestation.coded.get("agreement") != said.digest:
        return
    yield (
        version,
        _OnPaper(
            version=said,
            acceptance=acceptance,
            consent=PaperConsent(
                agreement=said.digest,
                party=attestation.sender,
                via=attestation.via,
                attested=attested_in(attestation.id, attestation.coded),
                confirmed_by=Address(confirmed.issuer),
                confirmed_at=confirmed.issued_at,
            ),
        ),
    )


def _grounds(name: str, document: str, by_digest: Mapping[str, Row[Any]]) -> Grounds:
    row = by_digest.get(document)
    if row is None:
        return Grounds(name=name, digest=document)
    return Grounds(
        name=name, digest=document, type=row.type, sender=Address(row.sender), issued_at=row.issued_at
    )


def _answered(connection: Connection, case: CaseReference, answered: MessageId) -> Content:
    """The version that an acceptance replies to, as its sender signed it."""
    row = connection.execute(
        select(MESSAGE).where(
            MESSAGE.c.id == answered, MESSAGE.c.case_reference == case, MESSAGE.c.type.in_(VERSIONS)
        )
    ).first()
    if row is None:
        raise NotAcceptable(
            "agreement.other_bytes",
            "`in_reply_to` names no proposal or counter-proposal of this case here",
            field="/in_reply_to",
        )
    return _content(row)


def _content(row: Row[Any]) -> Content:
    return read_content(stored_statement(row), None, None)


def _own_messages(
    node: Node, session: Session, actor: Actor, reference: CaseReference
) -> tuple[list[Row[Any]], NotAcceptable | None]:
    """The messages of the case that its authorities said or took, in order; what was refused is neither. And
    why others of them are not readable to the actor, if any are not."""
    connection = session.connection()
    case_files.own_case(connection, actor, reference)
    rows = connection.execute(
        select(MESSAGE)
        .where(MESSAGE.c.case_reference == reference, MESSAGE.c.status != "refused")
        .order_by(MESSAGE.c.cursor)
    )
    may_read = MayRead(node, session, actor)
    found, closed = [], None
    for row in rows:
        if actor.acts_for(row.sender, row.recipient):
            reason = may_read.refusal(row)
            if reason is None:
                found.append(row)
            closed = closed or reason
    return found, closed


def _signed(rows: Iterable[Row[Any]]) -> dict[str, _Signed]:
    """Every agreement that both States signed, by its digest."""
    said = [(row, _content(row)) for row in rows if row.type in VERSIONS or row.type == ACCEPTANCE]
    found: dict[str, _Signed] = {}
    for row, version in said:
        if version.type not in VERSIONS:
            continue
        accepting = [
            (other, content)
            for other, content in said
            if content.type == ACCEPTANCE and content.in_reply_to == version.id
        ]
        try:
            agreement = Agreement.of(version, (content for _, content in accepting))
        except Refused:
            continue
        found[agreement.digest] = _Signed(
            agreement=agreement, version=row, acceptances=tuple(other for other, _ in accepting)
        )
    return found


def _chosen(signed: Mapping[str, _Signed], wanted: str, closed: NotAcceptable | None) -> _Signed:
    if wanted not in signed:
        if closed is not None:
            raise closed
        raise NotFound("request.not_found", "no agreement with that digest was signed by both in this case")
    return signed[wanted]


def _needed(rows: Iterable[Row[Any]], signed: Mapping[str, _Signed], chosen: _Signed) -> set[tuple[str, str]]:
    """The messages that prove the agreement, those before it and those after it, by node and id."""
    by_id = {row.id: row for row in rows}
    by_digest = {row.statement_digest: row for row in by_id.values()}
    needed: set[tuple[str, str]] = set()
    for one in _amendments(signed, chosen):
        version: Row[Any] | None = one.version
        while version is not None and (version.sender_node, version.id) not in needed:
            needed.add((version.sender_node, version.id))
            version = by_id.get(version.in_reply_to)
        others = [
            *one.acceptances,
            *(by_digest.get(document.digest) for document in one.agreement.documents),
            *(by_id.get(lifted) for lifted in one.agreement.lifts),
        ]
        needed |= {(row.sender_node, row.id) for row in others if row is not None}
    return needed


def _amendments(signed: Mapping[str, _Signed], chosen: _Signed) -> Iterator[_Signed]:
    """The agreement, those that it took the place of, and those that took its place."""
    yield chosen
    before = chosen.agreement.amends
    seen = {chosen.agreement.digest}
    while before is not None and before in signed and before not in seen:
        seen.add(before)
        yield signed[before]
        before = signed[before].agreement.amends
    after = {chosen.agreement.digest}
    while after:
        later = [one for one in signed.values() if one.agreement.amends in after]
        after = {one.agreement.digest for one in later} - seen
        seen |= after
        yield from (one for one in later if one.agreement.digest in after)
