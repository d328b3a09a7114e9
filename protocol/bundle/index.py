"""The exporter's index: what it lists, and whether that is what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.bundle.document import DIRECTORY_SECTIONS, digest_of, member_digest
from protocol.bundle.findings import Findings
from protocol.bundle.material import Material
from protocol.bundle.sections import Sections
from protocol.claims import Claims
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import NodeCode
from protocol.statements import Statement, StatementType, read, verify

__all__ = [
    "ListedMessage",
    "compare_material",
    "compare_tokens",
    "exported_agreement",
    "listed_messages",
    "verify_index",
]

MAX_INDEX_BYTES = 8_388_608


@dataclass(slots=True)
class ListedMessage:
    """A message as the index lists it."""

    statement: str | None
    manifests: tuple[str, ...]
    evidence: tuple[str, ...]


def verify_index(sections: Sections, material: Material) -> Statement | None:
    """None where it does not verify, which is then found."""
    try:
        unverified = read(
            sections.document.text("index"), typ=StatementType.BUNDLE_INDEX, max_bytes=MAX_INDEX_BYTES
        )
        claims = Claims(unverified.claims, code="bundle.malformed")
        claims.text("case")
        if claims.text("charter") != material.archive.charter.digest:
            raise NotAcceptable("directory.wrong_charter", "the index belongs to another network")
        at = claims.moment("iat")
        exporter = NodeCode(claims.text("iss"))
        key = material.archive.signing_key(exporter, unverified.kid, at, received_at=at)
        # Nobody else has seen an index: what a stolen key signed of this kind is a thief's at any date.
        material.require_covered(exporter, unverified.kid, lambda _: False)
        return verify(unverified, key)
    except Refused as refused:
        sections.findings.refused(refused, "index")
        return None


def listed_messages(index: Statement, findings: Findings) -> dict[tuple[str, str], ListedMessage]:
    """By sender and id, in the order of the index."""
    listed: dict[tuple[str, str], ListedMessage] = {}
    try:
        for one in Claims(index.claims, code="bundle.malformed").each("messages"):
            listed[one.text("sender"), one.text("id")] = ListedMessage(
                statement=one.text_or_none("statement"),
                manifests=one.texts("manifests"),
                evidence=one.texts("evidence"),
            )
    except Refused as refused:
        findings.refused(refused, "index")
    return listed


def exported_agreement(index: Statement, findings: Findings) -> str | None:
    """The digest of the agreement that the file is the export of."""
    try:
        return Claims(index.claims, code="bundle.malformed").text_or_none("agreement")
    except Refused as refused:
        findings.refused(refused, "index")
        return None


def compare_material(sections: Sections, index: Statement) -> None:
    """The charter and the directory material are those that the exporter listed, to the last byte."""
    try:
        material = Claims(index.claims, code="bundle.malformed").inside("material")
        if material.text("charter") != member_digest(sections.member("charter")):
            sections.findings.found_first(
                "bundle.altered", "charter", "not the charter that the exporter listed"
            )
        for name in (*DIRECTORY_SECTIONS, "charters", "checkpoints"):
            _compare_section(sections.findings, name, sections.digests(name), material.texts(name))
    except Refused as refused:
        sections.findings.refused(refused, "index")


def _compare_section(findings: Findings, name: str, present: Sequence[str], listed: Sequence[str]) -> None:
    for position, one in enumerate(present):
        if one in listed:
            continue
        if position < len(listed) and listed[position] not in present:
            findings.found_first("bundle.altered", f"{name}/{position}", "not what the exporter listed here")
        else:
            findings.found_first("bundle.unlisted", f"{name}/{position}", "the exporter did not list this")
    for position, wanted in enumerate(listed):
        taken = position < len(present) and present[position] not in listed
        if wanted not in present and not taken:
            findings.found_first(
                "bundle.missing", f"{name}/{position}", f"{wanted}, listed by the exporter, is not there"
            )
    if len(set(present)) < len(present):
        findings.found_first("bundle.unlisted", name, "something is there twice")
    if [one for one in listed if one in present] != [one for one in present if one in listed]:
        findings.found_first("bundle.reordered", name, "stands in another order than listed")


def compare_tokens(
    findings: Findings, place: str, tokens: Sequence[str], listed: Sequence[str], family: str
) -> None:
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
            findings.found(f"{family}.altered", f"{place}/{position}", "not what the exporter listed here")
            altered -= 1
            continue
        findings.found(
            f"{family}.missing", f"{place}/{position}", f"{wanted}, listed by the exporter, is not there"
        )
    for position, one in enumerate(present):
        if one not in listed and (position >= len(listed) or listed[position] in present):
            findings.found(f"{family}.unlisted", f"{place}/{position}", "the exporter did not list this")
    common = [one for one in present if one in listed]
    expected = [one for one in listed if one in present]
    for one, wanted in zip(common, expected, strict=False):
        if one != wanted:
            findings.found(
                f"{family}.reordered",
                f"{place}/{present.index(one)}",
                "stands elsewhere than the exporter listed",
            )
            break
