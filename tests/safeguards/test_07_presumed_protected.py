"""Safeguard 7: a presumed victim has the same protection as a confirmed one, police or no police."""

from __future__ import annotations

import dataclasses

import pytest

from protocol import messages
from protocol.errors import NotAcceptable
from tests.protocol.sample_contents import sample
from tests.safeguards.claims import both_refuse, both_take
from tests.safeguards.whole_case import until_decided


def test_no_case_ends_because_the_child_did_not_help_the_police() -> None:
    case = until_decided()
    closure = case.draft(
        "closure", "case.closure", thread="notification", closure_reason="no-cooperation-with-police"
    )
    both_refuse(case, closure, 7, "reason_other_than_cooperation")


@pytest.mark.parametrize("status", ["possible", "presumed", "confirmed"])
def test_nobody_is_closed_as_no_victim_whose_status_says_otherwise(status: str) -> None:
    case = until_decided()
    fields = {"closure_reason": "victim-status-excluded", "trafficking_status": status}
    both_refuse(
        case, case.draft("closure", "case.closure", thread="notification", **fields), 7, "status_decided"
    )
    fields["trafficking_status"] = "not-a-victim"
    both_take(case, case.draft("closure", "case.closure", thread="notification", **fields))


@pytest.mark.parametrize("status", ["possible", "presumed", "confirmed"])
def test_a_presumed_child_is_notified_as_fully_as_a_confirmed_one(status: str) -> None:
    whole = sample("case.notification")
    fields = messages.form(whole.type).model.model_fields
    said = {**whole.coded, "trafficking_status": status}
    for required in (name for name, field in fields.items() if field.is_required()):
        thinner = {name: value for name, value in said.items() if name != required}
        with pytest.raises(NotAcceptable):
            messages.validate(dataclasses.replace(whole, coded=thinner))
