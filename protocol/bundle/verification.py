"""Verifying a bundle: each step goes on as far as the steps before allow, and names what it finds by its
place.

    material     the charter, and the directory material under it
    index        the exporter's list, and whether all of it is there and nothing else
    messages     of each its manifests, content and evidence
    authority    whether its author might say it then
    agreements   what they prove of agreements
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from protocol.bundle.agreements import (
    ProvenAgreement,
    ProvenOnPaper,
    prove_agreements,
    prove_cosignatures,
    prove_on_paper,
)
from protocol.bundle.authority import ProcedureOf
from protocol.bundle.document import FORMAT, VERSION
from protocol.bundle.findings import Finding, Findings
from protocol.bundle.index import compare_material, exported_agreement, listed_messages, verify_index
from protocol.bundle.material import verify_charter, verify_material
from protocol.bundle.messages import ProvenMessage, verify_messages
from protocol.bundle.sections import Sections
from protocol.claims import Claims
from protocol.directory import Archive
from protocol.errors import Refused
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.intermediary import CONFIRMED
from protocol.json_strict import parse_object

__all__ = ["Report", "verify_bundle"]

MAX_BUNDLE_BYTES = 67_108_864
"""Bytes. A case with a thousand messages stays far below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`whole`: nothing was found. The rest is what could be verified, and is empty where nothing could.

    `on_paper`: versions that one State signed and the other accepted on paper, which are no agreements; with
    their end, where one was said.
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
    findings = Findings()
    try:
        document = Claims(
            parse_object(data, max_bytes=MAX_BUNDLE_BYTES, max_depth=16), code="bundle.malformed"
        )
        if document.text("format") != FORMAT or document.integer("version") != VERSION:
            raise document.wrong("format", f"{FORMAT}, version {VERSION}")
    except Refused as refused:
        findings.refused(refused, "bundle")
        return Report(whole=False, findings=tuple(findings.all))
    sections = Sections(document, findings)
    try:
        charter = verify_charter(sections, charter_digest)
    except Refused as refused:
        findings.refused(refused, "charter")
        return Report(whole=False, findings=tuple(findings.all))
    material = verify_material(sections, charter, known)
    index = verify_index(sections, material)
    listed = listed_messages(index, findings) if index else None
    if index:
        compare_material(sections, index)
    proven, said = verify_messages(sections, material, listed, procedure_of)
    exported = exported_agreement(index, findings) if index else None
    cosigned = prove_cosignatures(said, material.archive, findings.found)
    agreements = prove_agreements(
        said,
        cosigned,
        material.archive,
        exported=sections.member("agreement"),
        exported_digest=exported,
        listed={one.statement: id_ for (_, id_), one in (listed or {}).items() if one.statement},
        found=findings.found,
    )
    agreed = {one.agreement.proposal for one in agreements}
    on_paper = prove_on_paper(said, cosigned, _confirmed(proven), agreed)
    return Report(
        whole=not findings.all,
        findings=tuple(findings.all),
        case=str(index.claims["case"]) if index else None,
        exporter=NodeCode(str(index.claims["iss"])) if index else None,
        exported_at=Claims(index.claims, code="bundle.malformed").moment("iat") if index else None,
        messages=proven,
        agreements=agreements,
        exported=exported,
        on_paper=on_paper,
    )


def _confirmed(proven: Iterable[ProvenMessage]) -> dict[MessageId, tuple[Address, datetime]]:
    return {
        one.id: (Address(str(link.issuer)), link.issued_at)
        for one in proven
        for link in one.evidence
        if link.kind.name == CONFIRMED
    }
