"""Samples of the forms of a risk assessment."""

from __future__ import annotations

from tests.protocol.sample_parts import PERSONS_AND_PLACES, Json, SampleContent, block

__all__ = ["RISK_ASSESSMENT"]

_RISKS: list[Json] = [
    {
        "risk": "trafficker-contact",
        "information_source": "police",
        "foreseeable": "yes",
        "severity": "serious",
        "likelihood": "possible",
        "mitigations": [
            {"mitigation": "other-place-of-residence", "responsible_state": "RO", "in_place": "yes"},
            {"mitigation": "case-worker", "responsible_state": "RO", "in_place": "no"},
        ],
        "residual": "mitigated",
        "concerning": "place-1",
        "evidence_documents": ["A" * 43],
    },
    {
        "risk": "no-schooling",
        "information_source": "school",
        "foreseeable": "no",
        "severity": "limited",
        "likelihood": "unlikely",
        "mitigations": [],
        "residual": "nothing-to-mitigate",
        "evidence_documents": [],
    },
]

RISK_ASSESSMENT = (
    SampleContent(
        type="risk-assessment.request",
        coded={
            "assessment_purposes": ["durable-solution", "return"],
            "risk_categories": ["trafficker-contact", "re-trafficking", "no-schooling"],
            "reassessment_reason": "new-information",
            "legal_bases": ["crc-1989"],
            "child_informed": "yes",
        },
        narrative=(block("reasons", "it", "La nonna vive vicino al luogo del reclutamento."),),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="risk-assessment.contribution",
        coded={
            "concluded_on": "2026-12-01",
            "risks": _RISKS,
            "limitations": ["information-unverified"],
            "replaces": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a11",
        },
        narrative=(block("reasoning", "ro", "Poliția nu cunoaște alte amenințări."),),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="risk-assessment.final",
        coded={
            "assessed_country": "RO",
            "outcome": "return-possible",
            "concluded_on": "2026-12-10",
            "risks": _RISKS,
            "considered": ["A" * 43, "B" * 43],
            "origin_contribution": "contributed",
            "dispute_response": "revised",
            "replaces": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a12",
            "reassess_on": "2027-03-10",
        },
        narrative=(block("reasoning", "it", "La bambina vivrà in un'altra città."),),
    ),
    SampleContent(
        type="risk-assessment.corroboration",
        coded={"final_assessment": "C" * 43},
        narrative=(block("reasoning", "ro", "Constatările noastre sunt aceleași."),),
    ),
    SampleContent(
        type="risk-assessment.dispute",
        coded={
            "final_assessment": "C" * 43,
            "disputed_points": [
                {
                    "risk": "no-schooling",
                    "dispute_ground": "information-outdated",
                    "evidence_documents": ["D" * 43],
                }
            ],
        },
        narrative=(block("reasoning", "ro", "Școala satului s-a închis în septembrie."),),
    ),
)
