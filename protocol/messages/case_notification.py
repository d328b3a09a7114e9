"""`case.notification`: the State where a child was found tells the child's believed State of origin.

It works without an identity part: minimum disclosure. It has no place for an asylum claim, on purpose: that
fact never leaves the State where the child is (safeguard 11). Presumed victims have the same fields and the
same protection as confirmed ones (safeguard 7).

What is known of the exploitation, and what the child needs, may be left out: it is given as far as the other
State needs it in order to act. The lists are those of HTCDS 2.0 and of the Primero lookups, as far as they
go.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import (
    AnyNumber,
    Coded,
    CodedPart,
    Country,
    Form,
    IsoDate,
    LanguageTag,
    Several,
    YesNoUnknown,
)
from protocol.messages.lists import EachOnce, alone
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "BelievedNationality", "CaseNotification"]


class BelievedNationality(CodedPart):
    country: Country
    nationality_basis: Annotated[str, Coded("nationality-basis")]


class CaseNotification(CodedPart):
    """`first_contact_on`: the day on which an agency first had contact with the child.

    A field of the second half that is left out was not asked or is not told; `unknown` was asked in vain.
    """

    first_contact_on: IsoDate
    trafficking_status: Annotated[str, Coded("trafficking-status")]
    sex: Annotated[str, Coded("sex")]
    age_band: Annotated[str, Coded("age-band")]
    age_basis: Annotated[str, Coded("age-basis")]
    age_band_when_first_trafficked: Annotated[str, Coded("age-band")]
    believed_nationalities: Several[BelievedNationality]
    child_languages: AnyNumber[LanguageTag] = ()
    separation_status: Annotated[str, Coded("separation-status")]
    exploitation_forms: Several[Annotated[str, Coded("exploitation-form")]]
    trafficking_reach: Annotated[str, Coded("trafficking-reach")]
    exploitation_countries: AnyNumber[Country] = ()
    immediate_danger: YesNoUnknown
    care_arrangement: Annotated[str, Coded("care-arrangement")]
    guardian_status: Annotated[str, Coded("guardian-status")]
    means_of_control: Annotated[AnyNumber[Annotated[str, Coded("means-of-control")]], EachOnce] = ()
    recruitment_methods: Annotated[AnyNumber[Annotated[str, Coded("recruitment-method")]], EachOnce] = ()
    recruiter_relation: Annotated[str, Coded("recruiter-relation")] | None = None
    separation_causes: Annotated[AnyNumber[Annotated[str, Coded("separation-cause")]], EachOnce] = ()
    health_needs: Annotated[
        AnyNumber[Annotated[str, Coded("health-need")]], EachOnce, alone("none-known")
    ] = ()
    urgent_needs: Annotated[AnyNumber[Annotated[str, Coded("urgent-need")]], EachOnce, alone("none")] = ()


FORM = Form(
    type="case.notification",
    procedure="case",
    opens_thread=True,
    said_by="destination",
    model=CaseNotification,
    narrative_fields=("circumstances",),
    identity_model=PersonsAndPlaces,
)
