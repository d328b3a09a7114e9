"""A full, valid content of each form about a durable solution. Persons, places and digests are invented."""

from __future__ import annotations

from tests.protocol.sample_parts import PERSONS_AND_PLACES, Json, SampleContent, block


def digest(letter: str) -> str:
    """43 characters, as a digest has."""
    return letter * 43


AGREEMENT = digest("A")

DRAFT: Json = {
    "terms": {
        "solution": "return/to-family",
        "receiving_country": "RO",
        "receiving_carer": {
            "reference": "carer-1",
            "carer_kind": "family-member",
            "family_relation": "grandparent",
            "care_arrangement": "kinship-care",
            "agreement_shown_in": digest("B"),
        },
        "custody_arrangement": "court-transfer",
        "escort": "social-workers-of-both",
        "costs_bearer": "both-states",
        "travel_not_before": "2027-03-01",
        "travel_not_after": "2027-03-31",
        "reintegration": [
            {"service": "school", "responsible_state": "RO", "funded": "yes"},
            {"service": "mental-health", "responsible_state": "RO", "funded": "yes"},
        ],
        "monitoring": [
            {"follow_up_point": "month-1", "monitoring_authority": "ro.dgaspc-example"},
            {"follow_up_point": "month-6", "monitoring_authority": "ro.dgaspc-example"},
            {"follow_up_point": "month-12", "monitoring_authority": "ro.anpdca"},
        ],
        "contingencies": ["child-may-stop", "come-back", "direct-contact"],
        "causes": [
            {"cause": "trafficker-nearby", "cause_measures": ["police-protection"], "answered": "yes"},
            {"cause": "no-schooling", "cause_measures": [], "answered": "unknown"},
        ],
        "same_situation": "no",
        "legal_bases": ["crc-1989", "eu-directive-2011-36"],
    },
    "rests_on": {
        "social_inquiries": [digest("B")],
        "risk_assessment": digest("C"),
        "child_views": digest("D"),
        "guardian_notice": digest("E"),
        "best_interests": digest("F"),
        "identity_result": digest("G"),
    },
    "amends": AGREEMENT,
    "lifts": ["7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a11"],
}

SOLUTION_CONTENTS: tuple[SampleContent, ...] = (
    SampleContent(
        type="durable-solution.proposal",
        coded=DRAFT,
        narrative=(
            block("reintegration_plan", "it", "La bambina riprende la scuola nel villaggio della nonna."),
            block("reasons", "it", "La bambina lo desidera e la nonna è pronta."),
        ),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="durable-solution.counter-proposal",
        coded=DRAFT,
        narrative=(block("reasons", "ro", "Școala începe mai târziu."),),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="durable-solution.acceptance",
        coded={"agreement": AGREEMENT, "signature": f"{'h' * 40}..{'s' * 86}"},
    ),
    SampleContent(
        type="durable-solution.refusal",
        coded={"refusal_reasons": ["risk-not-mitigated", "monitoring-insufficient"]},
        narrative=(block("reasons", "ro", "Un risc nu este înlăturat."),),
    ),
    SampleContent(
        type="durable-solution.suspension",
        coded={"suspension_reason": "assessment-superseded", "caused_by": digest("H")},
    ),
    SampleContent(
        type="durable-solution.revocation",
        coded={"revocation_reason": "carer-withdrew", "agreement": AGREEMENT},
        narrative=(block("reasons", "ro", "Bunica este bolnavă."),),
    ),
)
