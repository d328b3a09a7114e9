"""Samples of the forms about the child: views, best interests, age, a consent, an appeal."""

from __future__ import annotations

from tests.protocol.sample_parts import SampleContent, block

__all__ = ["CHILD"]

CHILD = (
    SampleContent(
        type="child-views.record",
        coded={
            "heard_on": "2026-12-03",
            "hearing_method": "with-trusted-person",
            "hearing_language": "ro",
            "interpreter": "independent",
            "heard_by": ["social-worker", "psychologist"],
            "guardian_present": "yes",
            "child_informed": "yes",
            "views": [
                {"option": "return/to-family", "view": "accepts"},
                {"option": "local-integration", "view": "undecided"},
            ],
            "guardian_agrees_with_child": "yes",
            "separate_representative": "not-needed",
            "replaces": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a13",
        },
        narrative=(
            block("child_words", "ro", "Vreau să fiu cu bunica, dar nu în satul acela."),
            block("notes", "it", "Ha chiesto due volte quando può tornare a scuola."),
        ),
    ),
    SampleContent(
        type="best-interests.summary",
        coded={
            "options": [
                {
                    "option": "return/to-family",
                    "option_assessment": "in-best-interests",
                    "decision_reasons": ["views-of-the-child", "carer-able", "family-relations"],
                },
                {
                    "option": "local-integration",
                    "option_assessment": "acceptable",
                    "decision_reasons": ["integration", "continuity"],
                },
            ],
            "best_solution": "return/to-family",
            "decided_on": "2026-12-15",
            "decision_maker": "court",
            "appeal": "open-to-appeal",
            "appeal_until": "2027-01-15",
            "considered": ["A" * 43, "B" * 43],
            "replaces": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a14",
        },
        narrative=(block("reasons", "it", "La nonna l'ha cresciuta e può proteggerla."),),
    ),
    SampleContent(
        type="age.outcome",
        coded={
            "age_outcome": "child",
            "age_band": "12-14",
            "age_basis": "document",
            "decided_on": "2026-12-01",
            "appeal": "none-lodged",
        },
    ),
    SampleContent(
        type="consent.withdrawal",
        coded={
            "withdrawn_by": "carer",
            "reference": "carer-1",
            "consent_to": "care",
            "withdrawn_on": "2027-01-04",
        },
    ),
    SampleContent(
        type="appeal.notice",
        coded={
            "appealed_decision": "durable-solution",
            "appeal": "pending",
            "lodged_on": "2027-01-05",
            "suspensive": "yes",
        },
    ),
)
