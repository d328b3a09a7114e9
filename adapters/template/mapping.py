"""A record of the register to a message of ours, and back. Pure: no call, no clock, no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.kit.errors import Unfit

__all__ = ["entry_of", "notification_of"]

type Json = dict[str, Any]

_SEX: Final = {"F": "female", "M": "male", "X": "other"}
_SEPARATION: Final[dict[Any, str]] = {True: "unaccompanied"}
"""Who else is there may be the trafficker: not alone is not `with-parent`."""
_BANDS: Final = ((5, "0-5"), (11, "6-11"), (14, "12-14"), (17, "15-17"))


def notification_of(record: Mapping[str, Any], *, id: str, sender: str, recipient: str) -> Json:  # noqa: A002
    """What the record says as a submission. Unfit `register.incomplete` for one that names no case, no date
    or no country: a person completes it there."""
    case, found_on, country = (record.get(name) for name in ("focalpoint_case", "found_on", "nationality"))
    if not case or not found_on or not country:
        raise Unfit("register.incomplete", "expected focalpoint_case, found_on and nationality")
    return {
        "id": id,
        "case": case,
        "type": "case.notification",
        "sender": sender,
        "recipient": recipient,
        # A person says this of each case, in the register. It is not for a program to assume.
        "declares_no_danger": record.get("no_danger_declared") is True,
        "coded": {
            "first_contact_on": found_on,
            "trafficking_status": "presumed",
            "sex": _SEX.get(str(record.get("sex")), "unknown"),
            "age_band": _band(record.get("age")),
            "age_basis": "unknown",
            "age_band_when_first_trafficked": "unknown-child",
            "believed_nationalities": [{"country": country, "nationality_basis": "unknown"}],
            "separation_status": _SEPARATION.get(record.get("alone"), "unknown"),
            "exploitation_forms": ["unknown"],
            "trafficking_reach": "unknown",
            "immediate_danger": "unknown",
            "care_arrangement": "unknown",
            "guardian_status": "unknown",
        },
    }


def entry_of(message: Mapping[str, Any]) -> Json:
    """What the register notes of a message: that it came, of what kind, until when it is to be answered. What
    it says is read at the node, where it is sealed."""
    due = message.get("due")
    return {
        "id": message["id"],
        "focalpoint_case": message["case"],
        "kind": message["type"],
        "received_at": message["recorded_at"],
        **({"answer_by": due["at"]} if due else {}),
    }


def _band(age: object) -> str:
    if not isinstance(age, int) or isinstance(age, bool) or age < 0:
        return "unknown-child"
    # Above seventeen it is for people to say whether the register is wrong: every rule treats it as a child.
    return next((band for most, band in _BANDS if age <= most), "unknown-child")
