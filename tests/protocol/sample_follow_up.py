"""A full, valid content of each form from the handover to the end of a case. All of it is invented."""

from __future__ import annotations

from tests.protocol.sample_parts import PERSONS_AND_PLACES, SampleContent, block
from tests.protocol.sample_solutions import AGREEMENT, digest

FOLLOW_UP_CONTENTS: tuple[SampleContent, ...] = (
    SampleContent(
        type="handover.confirmation",
        coded={
            "handed_over_on": "2027-03-15",
            "recipient_kind": "family-member",
            "reference": "carer-1",
            "child_condition": "tired",
            "agreement": AGREEMENT,
            "documents_handed_over": ["birth-certificate", "school-record", "health-record"],
        },
        narrative=(block("notes", "ro", "Bunica a venit la aeroport."),),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="follow-up.report",
        coded={
            "follow_up_point": "month-1",
            "visited_on": ["2027-04-15", "2027-04-16"],
            "inquiry_methods": ["home-visit", "school-enquiry"],
            "living_with": "kinship-care",
            "family_relation": "grandparent",
            "school_or_work": "school",
            "safety": "concerns",
            "new_risk": "yes",
            "new_risks": ["stigma"],
            "child_choice": "wants-changes",
            "moved": "no",
            "services": [{"service": "mental-health", "available": "no"}],
            "agreement": AGREEMENT,
        },
        narrative=(
            block("notes", "ro", "Fata merge la școală cu plăcere."),
            block("child_words", "ro", "Vreau la altă clasă."),
        ),
        identity=PERSONS_AND_PLACES,
    ),
    SampleContent(
        type="alert.danger",
        coded={
            "dangers": ["trafficker-contact", "threat-to-family"],
            "observed_on": "2027-04-20",
            "measures_taken": ["police-informed", "family-protected"],
            "last_country": "RO",
        },
    ),
    SampleContent(
        type="alert.missing-child",
        coded={
            "missing_status": "found-safe",
            "missing_since": "2027-04-21",
            "found_on": "2027-04-23",
            "missing_circumstances": "left-family",
            "measures_taken": ["search-started", "police-informed"],
            "last_country": "RO",
        },
    ),
    SampleContent(
        type="case.alias",
        coded={"alias_kind": "duplicate-case", "same_as": "K7QM-3XPT-9V2D-6"},
        identity={"file_numbers": [{"system": "Example Register", "number": "EX/0001/2027"}]},
    ),
    SampleContent(
        type="case.closure",
        coded={
            "closure_reason": "solution-completed",
            "closed_on": "2028-04-01",
            "trafficking_status": "confirmed",
            "age_outcome": "child",
            "transition_support": "not-applicable",
            "follow_up_complete": "yes",
        },
        narrative=(block("reasons", "it", "La ragazza vive bene con la nonna."),),
    ),
    SampleContent(type="case.reopening", coded={"reopening_reason": "child-asks"}),
    SampleContent(
        type="relay.attestation",
        coded={
            "on_behalf_of": "md.protectia-copilului",
            "original_form": "paper",
            "original_digest": digest("P"),
            "received_on": "2027-01-20",
            "attested_message": "7f3c2f0e-5a39-4a37-9a39-0d8d6f4f6a12",
            "authentication": "seen-and-identified",
        },
    ),
)
