"""One full, valid content per form, for every test that needs one. All persons and places are invented.

The forms of one group of steps stand together in a module of their own, `sample_<group>`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from tests.protocol.sample_child import CHILD
from tests.protocol.sample_follow_up import FOLLOW_UP_CONTENTS
from tests.protocol.sample_identity import IDENTITY
from tests.protocol.sample_parts import PERSONS_AND_PLACES, Json, NarrativeBlock, SampleContent, block
from tests.protocol.sample_risk_assessments import RISK_ASSESSMENT
from tests.protocol.sample_solutions import SOLUTION_CONTENTS

__all__ = ["SAMPLES", "Json", "NarrativeBlock", "SampleContent", "sample"]


def sample(message_type: str) -> SampleContent:
    """A fresh copy: a test may change its parts."""
    return copy.deepcopy(SAMPLES[message_type])


SAMPLES: Mapping[str, SampleContent] = {
    content.type: content
    for content in (
        SampleContent(
            type="case.notification",
            coded={
                "first_contact_on": "2026-11-02",
                "trafficking_status": "presumed",
                "sex": "female",
                "age_band": "12-14",
                "age_basis": "child-statement",
                "age_band_when_first_trafficked": "12-14",
                "believed_nationalities": [{"country": "RO", "nationality_basis": "language"}],
                "child_languages": ["ro", "it"],
                "separation_status": "unaccompanied",
                "exploitation_forms": ["exploitation/begging", "exploitation/criminality/theft"],
                "trafficking_reach": "cross-border",
                "exploitation_countries": ["IT"],
                "immediate_danger": "no",
                "care_arrangement": "specialised-shelter",
                "guardian_status": "provisional",
                "means_of_control": ["takes-earnings", "threats"],
                "recruitment_methods": ["friends"],
                "recruiter_relation": "friend-or-acquaintance",
                "separation_causes": ["poverty", "entrusted"],
                "health_needs": ["not-examined"],
                "urgent_needs": ["safe-place", "interpreter"],
            },
            narrative=(block("circumstances", "it", "La bambina è stata trovata in una stazione."),),
            identity=PERSONS_AND_PLACES,
        ),
        SampleContent(
            type="guardian.notice",
            coded={
                "guardian_event": "replaced",
                "effective_on": "2026-11-03",
                "guardian_basis": "court-decision",
                "guardian_kind": "professional",
                "guardian_powers": ["legal-representation", "best-interests", "durable-solution"],
                "guardian_in_conflict": "no",
                "replaces": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a10",
            },
            identity={
                "contact": {
                    "office": "Example Guardianship Office",
                    "channels": [{"channel": "email", "value": "office@guardianship.example"}],
                    "languages": ["it", "en"],
                    "authority": "it.ufficio-tutele",
                    "guardian": {
                        "reference": "person-1",
                        "names": [{"full": "Example Guardian"}],
                        "channels": [{"channel": "mobile", "value": "+00 000 001"}],
                    },
                }
            },
        ),
        SampleContent(
            type="social-inquiry.request",
            coded={
                "questions": ["family-whereabouts", "carer-willing", "carer-able", "trafficker-presence"],
                "legal_bases": ["crc-1989", "hague-1996"],
                "known_parties": [
                    {"reference": "carer-1", "family_relation": "grandparent"},
                    {"reference": "person-1", "family_relation": "aunt-or-uncle"},
                ],
                "not_to_contact": [
                    {
                        "reference": "person-2",
                        "family_relation": "step-parent",
                        "no_contact_reason": "suspected-trafficker",
                    }
                ],
                "inquiry_conditions": ["do-not-mention-trafficking", "do-not-reveal-whereabouts"],
                "child_informed": "yes",
                "child_view_of_contact": "agrees-in-part",
                "guardian_agrees": "yes",
            },
            narrative=(block("reasons", "it", "La bambina parla di una nonna che l'ha cresciuta."),),
            identity=PERSONS_AND_PLACES,
        ),
        SampleContent(
            type="social-inquiry.report",
            coded={
                "completeness": "partial",
                "concluded_on": "2026-11-20",
                "visited_on": ["2026-11-16", "2026-11-18"],
                "inquiry_methods": ["home-visit", "family-interview", "records-check"],
                "family_traced": "partly-traced",
                "family_wants_contact": "yes",
                "candidate_carers": [
                    {
                        "reference": "carer-1",
                        "family_relation": "grandparent",
                        "care_arrangement": "kinship-care",
                        "willing": "yes",
                        "able": "unknown",
                        "agreed": "yes",
                        "agreed_on": "2026-11-18",
                        "lived_with_child_before": "yes",
                        "knows_of_exploitation": "no",
                        "children_in_household": 1,
                        "adults_in_household": 2,
                    }
                ],
                "home_risks": [
                    {
                        "risk": "trafficker-contact",
                        "foreseeable": "unknown",
                        "concerning": "carer-1",
                        "information_source": "community",
                    },
                    {"risk": "no-livelihood", "foreseeable": "yes", "information_source": "observation"},
                ],
                "trafficker_link": "yes",
                "trafficker_links": ["lives-nearby"],
                "services": [
                    {"service": "school", "available": "yes"},
                    {"service": "mental-health", "available": "no"},
                ],
                "question_results": [
                    {"question": "family-whereabouts", "result": "answered"},
                    {"question": "carer-able", "result": "not-found-out"},
                ],
                "limitations": ["carer-not-seen-alone", "time-too-short"],
                "recommendation": "further-inquiry",
            },
            narrative=(
                block("findings", "fr", "La grand-mère vit seule avec un petit-fils."),
                block("family_views", "ro", "Bunica dorește să vorbească cu fata."),
            ),
            identity=PERSONS_AND_PLACES,
        ),
        SampleContent(
            type="accept",
            coded={
                "case_contact": {"authority": "ro.anpdca", "office": "case-desk"},
                "alternate_contact": {"authority": "ro.anpdca", "office": "duty-desk"},
                "expected_on": "2027-01-15",
            },
        ),
        SampleContent(
            type="decline",
            coded={"decline_reason": "no-jurisdiction", "competent_authority": "md.protectia-copilului"},
            narrative=(block("explanation", "ro", "Familia locuiește în alt stat."),),
        ),
        SampleContent(
            type="query",
            coded={"query_questions": ["last-address", "family-names"]},
            narrative=(block("further_questions", "ro", "Cum se numește satul?"),),
        ),
        SampleContent(
            type="answer",
            coded={
                "answers": [
                    {"query_question": "last-address", "result": "answered"},
                    {"query_question": "family-names", "result": "partly-answered"},
                ]
            },
            narrative=(block("explanation", "it", "Il nome del villaggio è nella parte riservata."),),
            identity=PERSONS_AND_PLACES,
        ),
        SampleContent(
            type="progress",
            coded={"progress_reason": "awaiting-records", "new_due_on": "2027-03-01"},
            narrative=(block("explanation", "ro", "Registrul local răspunde în februarie."),),
        ),
        SampleContent(
            type="redirect",
            coded={"redirect_reason": "other-jurisdiction", "redirected_to": "ro.dgaspc-example"},
        ),
        SampleContent(type="withdraw", coded={"withdraw_reason": "answered-otherwise"}),
        SampleContent(type="nudge", coded={"was_due_on": "2026-11-12", "due_basis": "project-choice"}),
        SampleContent(
            type="escalate",
            coded={
                "was_due_on": "2026-11-12",
                "due_basis": "project-choice",
                "escalation_level": "supervisor",
                "escalation_reason": "no-acceptance",
            },
        ),
        *SOLUTION_CONTENTS,
        *FOLLOW_UP_CONTENTS,
        *RISK_ASSESSMENT,
        *CHILD,
        *IDENTITY,
    )
}
