"""What the authorities say to each other in the demo. The child, the family and every place are invented.

Coded parts are what both States' systems work with, narrative is free text in its own language, identity is
the part that is sealed apart and destroyed first.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from service.client import NarrativeBlock

__all__ = [
    "CHILD",
    "CIRCUMSTANCES",
    "FURTHER_QUESTIONS",
    "PERSONS_AND_PLACES",
    "REASONS",
    "REPORT_TEXTS",
    "WHERE",
    "acceptance",
    "answer",
    "guardian_notice",
    "identity_request",
    "identity_result",
    "inquiry_report",
    "inquiry_request",
    "notification",
    "query",
]

type Json = dict[str, Any]

CHILD: Final = "Ileana Exemplu"
WHERE: Final = "Satul Exemplu"

PERSONS_AND_PLACES: Final[Json] = {
    "persons": [
        {
            "reference": "child",
            "names": [{"given": "Ileana", "family": "Exemplu", "full": CHILD, "script_language": "ro"}],
            "sex": "female",
            "born": "2013-03",
            "nationalities": ["RO"],
        },
        {
            "reference": "carer-1",
            "names": [{"full": "Bunica Exemplu", "script_language": "ro"}],
            "family_relation": "grandparent",
            "places": ["place-1"],
        },
    ],
    "addresses": [
        {
            "reference": "place-1",
            "address_lines": ["Strada Inventată 1"],
            "locality": WHERE,
            "country": "RO",
        }
    ],
}

CIRCUMSTANCES: Final[list[NarrativeBlock]] = [
    {
        "field": "circumstances",
        "language": "it",
        "text": "La bambina è stata trovata in una stazione. Parla rumeno e un po' di italiano.",
    }
]
REASONS: Final[list[NarrativeBlock]] = [
    {
        "field": "reasons",
        "language": "it",
        "text": "La bambina parla di una nonna che l'ha cresciuta e vorrebbe sentirla.",
    }
]
FURTHER_QUESTIONS: Final[list[NarrativeBlock]] = [
    {"field": "further_questions", "language": "ro", "text": "Cum se numește satul în care locuiește bunica?"}
]
REPORT_TEXTS: Final[list[NarrativeBlock]] = [
    {
        "field": "findings",
        "language": "fr",
        "text": "La grand-mère vit avec un petit-fils. La maison est propre ; il n'y a pas de revenu fixe.",
    },
    {
        "field": "family_views",
        "language": "ro",
        "text": "Bunica dorește să vorbească cu fata cât mai curând.",
    },
]


def notification(today: date) -> Json:
    return {
        "first_contact_on": (today - timedelta(days=2)).isoformat(),
        "trafficking_status": "presumed",
        "sex": "female",
        "age_band": "12-14",
        "age_basis": "child-statement",
        "age_band_when_first_trafficked": "12-14",
        "believed_nationalities": [{"country": "RO", "nationality_basis": "language"}],
        "child_languages": ["ro", "it"],
        "separation_status": "unaccompanied",
        "exploitation_forms": ["exploitation/begging"],
        "trafficking_reach": "cross-border",
        "exploitation_countries": ["IT"],
        "immediate_danger": "no",
        "care_arrangement": "specialised-shelter",
        "guardian_status": "provisional",
    }


def guardian_notice(today: date) -> Json:
    return {
        "guardian_event": "appointed",
        "effective_on": today.isoformat(),
        "guardian_basis": "court-decision",
        "guardian_kind": "professional",
        "guardian_powers": ["legal-representation", "best-interests"],
        "guardian_in_conflict": "no",
    }


def identity_request() -> Json:
    return {
        "identity_questions": ["nationality", "civil-registration"],
        "legal_bases": ["palermo-protocol-2000"],
        "travel_document_needed": "yes",
        "child_informed": "yes",
    }


def identity_result(today: date) -> Json:
    return {
        "identity_outcome": "verified",
        "verification_methods": ["civil-register"],
        "concluded_on": today.isoformat(),
        "travel_document": "issued",
        "limitations": ["none"],
    }


def inquiry_request() -> Json:
    return {
        "questions": ["family-whereabouts", "carer-willing", "carer-able", "trafficker-presence"],
        "legal_bases": ["crc-1989", "hague-1996"],
        "known_parties": [{"reference": "carer-1", "family_relation": "grandparent"}],
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
    }


def acceptance(authority: str, today: date) -> Json:
    return {
        "case_contact": {"authority": authority, "office": "case-desk"},
        "alternate_contact": {"authority": authority, "office": "duty-desk"},
        "expected_on": (today + timedelta(days=45)).isoformat(),
    }


def query() -> Json:
    return {"query_questions": ["last-address"]}


def answer() -> Json:
    return {"answers": [{"query_question": "last-address", "result": "answered"}]}


def inquiry_report(today: date) -> Json:
    return {
        "completeness": "partial",
        "concluded_on": today.isoformat(),
        "visited_on": [today.isoformat()],
        "inquiry_methods": ["home-visit", "family-interview", "records-check"],
        "family_traced": "partly-traced",
        "family_wants_contact": "yes",
        "candidate_carers": [
            {
                "reference": "carer-1",
                "family_relation": "grandparent",
                "care_arrangement": "kinship-care",
                "willing": "yes",
                "able": "yes",
                "agreed": "yes",
                "agreed_on": today.isoformat(),
                "lived_with_child_before": "yes",
                "knows_of_exploitation": "no",
                "children_in_household": 1,
                "adults_in_household": 1,
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
        "services": [{"service": "school", "available": "yes"}],
        "question_results": [
            {"question": "family-whereabouts", "result": "answered"},
            {"question": "carer-willing", "result": "answered"},
            {"question": "carer-able", "result": "answered"},
            {"question": "trafficker-presence", "result": "answered"},
        ],
        "limitations": ["carer-not-seen-alone"],
        "recommendation": "further-inquiry",
    }
