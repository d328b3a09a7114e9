"""Safeguards 1 and 2: a move to another State rests on a risk assessment that is current, and that shows no
risk outstanding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from protocol.case_file import CaseFile, Document
from protocol.currency import ASSESSMENT, standing_versions
from protocol.errors import Missing
from protocol.identifiers import Address, state_of
from protocol.material_facts import unweighed
from protocol.safeguards.asked import ABSENT, Asked, Version, day, lacking, listed, version_of
from protocol.safeguards.rows import Safeguard

__all__ = ["assessment_current", "newest_assessment", "no_risk_outstanding"]

CONTRIBUTION = "risk-assessment.contribution"
_RISKS_TOLD_IN: Mapping[str, str] = MappingProxyType(
    {CONTRIBUTION: "risks", "social-inquiry.report": "home_risks", "follow-up.report": "new_risks"}
)
"""Where somebody reports a risk: one word means the same in each (`home-risk` is a part of `risk-category`).
"""
_ATTESTED = frozenset({"seen-and-identified", "known-correspondent"})


def assessment_current(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """The version cites the newest final assessment of the State where the child is, for the country that
    would receive it; that assessment finds a return possible, names every material fact of the file as
    considered, is not due again, and heard the State of origin (A/RES/64/142 para 148; thematic paper
    l.1543-1552).

    Every final of that country that nothing replaces has to find a return possible: a second conclusion does
    not set the first one aside in silence. `insufficient-information` and `return-not-considered` are no
    conclusion that a child can be moved on (project choice). On the day of `reassess_on` it still counts.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or not version.moves(file):
        return
    digest = version.rests_on.get("risk_assessment")
    if digest is None:
        yield lacking(row, "missing.risk_assessment", "destination")
        return
    cited = file.cited(digest)
    if cited is None:
        yield lacking(row, ABSENT, "sender")
        return
    finals = _finals(file, version)
    if not finals or finals[-1].digest != digest:
        yield lacking(row, "missing.risk_assessment_newest", "destination")
    if any(
        final.coded.get("outcome") != "return-possible" for final in {*_told_anybody(file, version), cited}
    ):
        yield lacking(row, "missing.risk_assessment_supports", "destination")
    if unweighed(file, listed(cited.coded, "considered")):
        yield lacking(row, "missing.fact_considered", "destination")
    again = day(cited.coded.get("reassess_on"))
    if again is not None and again < asked.day:
        yield lacking(row, "missing.reassessment", "destination")
    if version.is_return(file) and not _origin_was_heard(file, version, cited):
        yield lacking(row, "missing.origin_contribution", "origin")


def no_risk_outstanding(row: Safeguard, file: CaseFile, asked: Asked) -> Iterator[Missing]:
    """No risk that is foreseeable, or of which nobody knows whether it is, remains other than mitigated, in
    the assessment cited or in another of that country that still stands, whichever State it was told
    (A/RES/64/142 para 148(a); GC6 para 84).

    An unknown counts as foreseeable: doubt is the child's (project choice). `mitigated` without a measure
    that is in place is not mitigated. A risk that a contribution, a social inquiry or a follow-up calls
    foreseeable and on which the assessment is silent is outstanding, and so is contact with traffickers where
    a report does not rule out a link to them. A disputed assessment is outstanding as a whole until a newer
    one answers the dispute.
    """
    file = asked.known(file)
    version = version_of(file, asked)
    if version is None or not version.moves(file):
        return
    cited = file.cited(version.rests_on.get("risk_assessment"))
    if cited is None:
        return  # safeguard 1 says it
    finals = {*_told_anybody(file, version), cited}
    risks = [risk for final in finals for risk in listed(final.coded, "risks") if _foreseeable(risk)]
    if any(risk.get("residual") != "mitigated" for risk in risks):
        yield lacking(row, "missing.risk_mitigated", "both")
    if any(risk.get("residual") == "mitigated" and not _in_place(risk) for risk in risks):
        yield lacking(row, "missing.mitigation_named", "destination")
    answered = {risk.get("risk") for risk in listed(cited.coded, "risks")}
    if _told(file) - answered:
        yield lacking(row, "missing.risk_answered", "destination")
    digests = {final.digest for final in finals}
    if any(
        dispute.coded.get("final_assessment") in digests
        for dispute in file.of_type("risk-assessment.dispute")
    ):
        yield lacking(row, "missing.dispute_answered", "destination")


def newest_assessment(file: CaseFile, version: Version) -> Document | None:
    finals = _finals(file, version)
    return finals[-1] if finals else None


def _finals(file: CaseFile, version: Version) -> tuple[Document, ...]:
    return tuple(
        one
        for one in standing_versions(file, ASSESSMENT, version.states)
        if file.from_destination(one)
        and str(one.coded.get("assessed_country", "")).lower() == version.receiving_state
    )


def _told_anybody(file: CaseFile, version: Version) -> tuple[Document, ...]:
    """What the State where the child is concluded for that country, whichever State it told: two States are
    not told two things."""
    return tuple(
        one
        for one in standing_versions(file, ASSESSMENT)
        if file.from_destination(one)
        and str(one.coded.get("assessed_country", "")).lower() == version.receiving_state
    )


def _told(file: CaseFile) -> set[str]:
    """The risks that somebody reported and did not call unforeseeable."""
    entries = [
        risk
        for document_type, name in _RISKS_TOLD_IN.items()
        for document in standing_versions(file, document_type)
        for risk in listed(document.coded, name)
    ]
    named = {
        str(risk.get("risk")) if isinstance(risk, Mapping) else str(risk)
        for risk in entries
        if not isinstance(risk, Mapping) or _foreseeable(risk)
    }
    # A link to the traffickers that nobody rules out: the assessment has to speak of them.
    reports = standing_versions(file, "social-inquiry.report")
    if any(report.coded.get("trafficker_link", "no") != "no" for report in reports):
        named.add("trafficker-contact")
    return named - {"none-identified"}


def _in_place(risk: Mapping[str, Any]) -> bool:
    return any(measure.get("in_place") == "yes" for measure in listed(risk, "mitigations"))


def _foreseeable(risk: Mapping[str, Any]) -> bool:
    return risk.get("foreseeable") != "no"


def _origin_was_heard(file: CaseFile, version: Version, final: Document) -> bool:
    """As the assessment says, and shown among what it considered: a contribution of that State, or a relay's
    attestation of one on paper from somebody that it could tell apart from a stranger. No State attests for
    another: who relays is an international body, and it typed the contribution that it attests."""
    considered = [file.cited(digest) for digest in listed(final.coded, "considered")]
    match final.coded.get("origin_contribution"):
        case "contributed":
            return any(
                one is not None
                and one.type == CONTRIBUTION
                and one.state == version.receiving_state
                and one.via is None
                for one in considered
            )
        case "attested-by-relay":
            return any(
                one is not None
                and one.type == "relay.attestation"
                and _typed_a_contribution(file, one)
                and state_of(Address(str(one.coded.get("on_behalf_of", "")))) == version.receiving_state
                and all(other.coded.get("authentication") in _ATTESTED for other in _said_of(file, one))
                for one in considered
            )
    return False


def _said_of(file: CaseFile, attestation: Document) -> tuple[Document, ...]:
    """Everything that its intermediary attested of the same message: a second original makes nothing surer
    than the first."""
    return tuple(
        one
        for one in file.of_type("relay.attestation")
        if one.relayed_by == attestation.relayed_by
        and one.coded.get("attested_message") == attestation.coded.get("attested_message")
    )


def _typed_a_contribution(file: CaseFile, attestation: Document) -> bool:
    typed = file.message(attestation.coded.get("attested_message"))
    return (
        attestation.relayed_by is not None
        and typed is not None
        and typed.type == CONTRIBUTION
        and typed.relayed_by == attestation.relayed_by
        and typed.sender == attestation.sender
    )
