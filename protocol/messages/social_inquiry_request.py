"""`social-inquiry.request`: please find out whether there is a family or carer, and whether it is safe there.

A reasoned request (Regulation (EU) 2019/1111 art 80(1)): hence its one required free text. The persons whom
nobody may contact are named in the identity part and only referred to here.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import AnyNumber, Coded, CodedPart, Form, PartyReference, Several, YesNoUnknown
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "KnownParty", "NotToContact", "SocialInquiryRequest"]


class KnownParty(CodedPart):
    """Somebody to look for or to visit, and how that person is related to the child."""

    reference: PartyReference
    family_relation: Annotated[str, Coded("family-relation")]


class NotToContact(CodedPart):
    reference: PartyReference
    family_relation: Annotated[str, Coded("family-relation")]
    no_contact_reason: Annotated[str, Coded("no-contact-reason")]


class SocialInquiryRequest(CodedPart):
    questions: Several[Annotated[str, Coded("si-question")]]
    legal_bases: Several[Annotated[str, Coded("legal-basis")]]
    known_parties: AnyNumber[KnownParty] = ()
    not_to_contact: AnyNumber[NotToContact] = ()
    inquiry_conditions: AnyNumber[Annotated[str, Coded("inquiry-condition")]] = ()
    child_informed: YesNoUnknown
    child_view_of_contact: Annotated[str, Coded("view-of-contact")]
    guardian_agrees: YesNoUnknown


FORM = Form(
    type="social-inquiry.request",
    procedure="social-inquiry",
    opens_thread=True,
    model=SocialInquiryRequest,
    narrative_fields=("reasons", "further_questions"),
    required_narrative=("reasons",),
    identity_model=PersonsAndPlaces,
)
