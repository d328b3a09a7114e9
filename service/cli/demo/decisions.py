"""What the authorities say when they weigh and decide, in the demo. The child, the family and every place are
invented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

from service.client import NarrativeBlock

__all__ = [
    "ANSWERED",
    "BEST_INTERESTS_REASONS",
    "CHILDS_WORDS",
    "PLAN",
    "REASONING",
    "REVISED",
    "WHY_ASSESS",
    "WHY_DISPUTED",
    "acceptance",
    "assessment_request",
    "best_interests",
    "childs_views",
    "closure",
    "contribution",
    "dispute",
    "final_assessment",
    "follow_up",
    "handover",
    "proposal",
]

type Json = dict[str, Any]


def _text(field: str, language: str, text: str) -> list[NarrativeBlock]:
    return [{"field": field, "language": language, "text": text}]


WHY_ASSESS: Final = _text("reasons", "it", "La nonna è disposta ad accogliere la bambina: è sicuro?")
REASONING: Final = _text(
    "reasoning", "it", "Il reclutatore abita vicino, ma un'ordinanza gli vieta ogni contatto."
)
WHY_DISPUTED: Final = _text(
    "reasoning", "ro", "Ordinul de protecție a fost cerut, dar instanța nu l-a emis încă."
)
REVISED: Final = _text("reasoning", "it", "Senza l'ordinanza il rischio resta: per ora nessun ritorno.")
ANSWERED: Final = _text("reasoning", "it", "L'ordinanza è stata emessa; la polizia locale è informata.")
CHILDS_WORDS: Final = _text("child_words", "ro", "Vreau la bunica, dar nu vreau să-l mai văd pe omul acela.")
BEST_INTERESTS_REASONS: Final = _text(
    "reasons", "it", "La bambina vuole tornare dalla nonna che l'ha cresciuta."
)
PLAN: Final = _text(
    "reintegration_plan", "fr", "Retour à l'école du village, suivi psychologique chaque semaine."
)


def assessment_request() -> Json:
    return {
        "assessment_purposes": ["return"],
        "risk_categories": ["re-trafficking", "trafficker-contact", "carer-incapacity"],
        "legal_bases": ["crc-1989", "coe-trafficking-2005"],
        "child_informed": "yes",
    }


def _recruiter(*, mitigated: bool, order: str) -> Json:
    return {
        "risk": "trafficker-contact",
        "information_source": "community",
        "foreseeable": "yes",
        "severity": "serious",
        "likelihood": "possible",
        "mitigations": [{"mitigation": "no-contact-order", "responsible_state": "RO", "in_place": order}],
        "residual": "mitigated" if mitigated else "not-mitigated",
        "concerning": "person-2",
    }


_CARER: Final[Json] = {
    "risk": "carer-incapacity",
    "information_source": "observation",
    "foreseeable": "no",
    "severity": "limited",
    "likelihood": "unlikely",
    "residual": "nothing-to-mitigate",
    "concerning": "carer-1",
}

_LIVELIHOOD: Final[Json] = {
    "risk": "no-livelihood",
    "information_source": "observation",
    "foreseeable": "yes",
    "severity": "limited",
    "likelihood": "possible",
    "mitigations": [{"mitigation": "livelihood-support", "responsible_state": "RO", "in_place": "yes"}],
    "residual": "mitigated",
    "concerning": "carer-1",
}
"""The inquiry reported it: an assessment that is silent on it supports no return."""


def contribution(today: date, *, by_origin: bool, order_issued: bool = False) -> Json:
    known = _recruiter(mitigated=order_issued, order="yes" if order_issued else "unknown")
    return {
        "concluded_on": today.isoformat(),
        "risks": [known, _CARER] if by_origin else [known],
        "limitations": ["none"],
    }


def final_assessment(
    today: date, *, considered: Iterable[str], replaces: str | None = None, outstanding: bool = False
) -> Json:
    assessed: Json = {
        "assessed_country": "RO",
        "outcome": "return-possible",
        "concluded_on": today.isoformat(),
        "risks": [
            _recruiter(mitigated=not outstanding, order="no" if outstanding else "yes"),
            _LIVELIHOOD,
            _CARER,
        ],
        "considered": list(considered),
        "origin_contribution": "contributed",
    }
    if replaces is not None:
        assessed["replaces"] = replaces
    if outstanding:
        assessed["dispute_response"] = "revised"
    return assessed


def dispute(final: str) -> Json:
    return {
        "final_assessment": final,
        "disputed_points": [{"risk": "trafficker-contact", "dispute_ground": "measure-not-available"}],
    }


def childs_views(today: date) -> Json:
    return {
        "heard_on": today.isoformat(),
        "hearing_method": "individual-interview",
        "hearing_language": "ro",
        "interpreter": "not-needed",
        "heard_by": ["social-worker"],
        "guardian_present": "yes",
        "child_informed": "yes",
        "views": [
            {"option": "return/to-other-family", "view": "wants"},
            {"option": "local-integration", "view": "undecided"},
        ],
        "guardian_agrees_with_child": "yes",
        "separate_representative": "not-needed",
    }


def best_interests(today: date, *, considered: Iterable[str]) -> Json:
    return {
        "options": [
            {
                "option": "return/to-other-family",
                "option_assessment": "in-best-interests",
                "decision_reasons": ["views-of-the-child", "family-relations"],
            },
            {
                "option": "local-integration",
                "option_assessment": "acceptable",
                "decision_reasons": ["safety"],
            },
        ],
        "best_solution": "return/to-other-family",
        "decided_on": today.isoformat(),
        "decision_maker": "court",
        "appeal": "none-lodged",
        "considered": list(considered),
    }


def proposal(today: date, documents: Mapping[str, str], *, escort: str, lifts: Iterable[str] = ()) -> Json:
    """`documents`: digests by the name of the field of `rests_on`; a report under `social_inquiry`."""
    rests_on: Json = {name: digest for name, digest in documents.items() if name != "social_inquiry"}
    rests_on["social_inquiries"] = [documents["social_inquiry"]]
    return {
        "terms": {
            "solution": "return/to-other-family",
            "receiving_country": "RO",
            "receiving_carer": {
                "reference": "carer-1",
                "carer_kind": "family-member",
                "family_relation": "grandparent",
                "care_arrangement": "kinship-care",
                "agreement_shown_in": documents["social_inquiry"],
            },
            "custody_arrangement": "guardian-in-origin",
            "escort": escort,
            "costs_bearer": "both-states",
            "travel_not_before": (today + timedelta(days=7)).isoformat(),
            "travel_not_after": (today + timedelta(days=21)).isoformat(),
            "reintegration": [
                {"service": "school", "responsible_state": "RO", "funded": "yes"},
                {"service": "mental-health", "responsible_state": "RO", "funded": "yes"},
            ],
            "monitoring": [
                {"follow_up_point": point, "monitoring_authority": "ro.anpdca"}
                for point in ("month-1", "month-3", "month-6", "month-12")
            ],
            "contingencies": ["child-may-stop", "come-back", "helpline"],
            "causes": [
                {"cause": "trafficker-nearby", "cause_measures": ["no-contact-order"], "answered": "yes"},
                {"cause": "poverty", "cause_measures": ["livelihood-support"], "answered": "yes"},
            ],
            "same_situation": "no",
            "legal_bases": ["crc-1989", "hague-1996"],
        },
        "rests_on": rests_on,
        "lifts": list(lifts),
    }


def acceptance(agreement: str) -> Json:
    return {"agreement": agreement}


def handover(today: date, agreement: str) -> Json:
    return {
        "handed_over_on": today.isoformat(),
        "recipient_kind": "family-member",
        "reference": "carer-1",
        "child_condition": "well",
        "agreement": agreement,
        "documents_handed_over": ["birth-certificate"],
    }


def follow_up(today: date, point: str, agreement: str) -> Json:
    return {
        "follow_up_point": point,
        "visited_on": [today.isoformat()],
        "inquiry_methods": ["home-visit", "child-seen-alone"],
        "living_with": "kinship-care",
        "family_relation": "grandparent",
        "school_or_work": "school",
        "safety": "safe",
        "new_risk": "no",
        "child_choice": "wants-to-stay",
        "moved": "no",
        "services": [{"service": "school", "available": "yes"}],
        "agreement": agreement,
    }


def closure(today: date) -> Json:
    return {
        "closure_reason": "solution-completed",
        "closed_on": today.isoformat(),
        "trafficking_status": "confirmed",
        "transition_support": "not-applicable",
        "follow_up_complete": "yes",
    }
