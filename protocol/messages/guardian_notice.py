"""`guardian.notice`: who represents the child now, with which powers, and whether that person is in conflict.

The word for a guardian differs by legal system, so the powers are coded, not the word. No field gives the
reason why a guardian was due: in some systems that alone would reveal an asylum claim (safeguard 11).
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, IsoDate, MessageReference, Several, YesNoUnknown
from protocol.messages.person import PersonsAndPlaces, RoleContact

__all__ = ["FORM", "GuardianNotice"]


class GuardianNotice(CodedPart):
    """`replaces`: the earlier notice that this one overtakes."""

    guardian_event: Annotated[str, Coded("guardian-event")]
    effective_on: IsoDate
    guardian_basis: Annotated[str, Coded("guardian-basis")]
    guardian_kind: Annotated[str, Coded("guardian-kind")]
    guardian_powers: Several[Annotated[str, Coded("guardian-power")]]
    guardian_in_conflict: YesNoUnknown
    replaces: MessageReference | None = None


class GuardianContact(PersonsAndPlaces):
    contact: RoleContact


FORM = Form(
    type="guardian.notice",
    procedure="case",
    opens_thread=False,
    model=GuardianNotice,
    identity_model=GuardianContact,
)
