"""Safeguard 11: while protection is sought, possible or unsettled nothing leaves, but one suspension.

Evaluated by the State where the child is alone, so "the receiver refuses as well" is no claim here: the
receiver must not be able to tell.
"""

from __future__ import annotations

import pytest

from protocol import safeguards, standing
from protocol.case_file import ProtectionStatus
from protocol.content import Content
from protocol.errors import NotAcceptable
from protocol.identifiers import Address
from protocol.messages import FORMS
from tests.safeguards.whole_case import AGREEMENT, IT, RO, WholeCase, until_agreed, until_proposed

BLOCKING = [ProtectionStatus.UNKNOWN, ProtectionStatus.POSSIBLE, ProtectionStatus.SOUGHT]


def suspension(case: WholeCase, name: str = "stop", **fields: str) -> Content:
    given = {"suspension_reason": "withheld", "caused_by": None} | fields
    return case.draft(name, "durable-solution.suspension", thread="proposal", in_reply_to="proposal", **given)


def refused(case: WholeCase, content: Content, status: ProtectionStatus) -> bool:
    """Whether the State where the child is refuses to send it, for this reason before any other."""
    try:
        safeguards.check_sending(case.file("it", status), content)
    except NotAcceptable as refusal:
        reason = (refusal.code, refusal.missing[0].code)
        return reason == ("safeguard.international_protection", "missing.protection_settled")
    return False


@pytest.mark.parametrize("status", BLOCKING)
@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_nothing_leaves(message_type: str, status: ProtectionStatus) -> None:
    case = until_agreed()
    if message_type.startswith("durable-solution."):
        content = case.draft("m", message_type, thread="notification")
    else:
        content = case.draft("m", message_type, thread="proposal")
    assert refused(case, content, status)


@pytest.mark.parametrize("status", BLOCKING)
def test_an_agreement_is_suspended_once_for_the_reason_that_several_causes_share(
    status: ProtectionStatus,
) -> None:
    case = until_agreed()
    first = suspension(case)
    assert not refused(case, first, status)
    safeguards.check_receiving(case.file("ro"), first)
    case.said["stop"] = first
    assert refused(case, suspension(case, "again"), status)


def test_it_names_no_other_reason_and_no_cause() -> None:
    case = until_agreed()
    reasons = {"assessment-superseded", "guardian", "carer-consent", "child-missing", "danger", "other"}
    for reason in reasons:
        assert refused(case, suspension(case, suspension_reason=reason), ProtectionStatus.SOUGHT)
    assert refused(case, suspension(case, caused_by="Q" * 43), ProtectionStatus.SOUGHT)


def test_there_must_be_something_to_suspend() -> None:
    case = until_proposed()
    assert refused(case, suspension(case), ProtectionStatus.SOUGHT)
    case.said["one"] = case.acceptance(IT)
    assert refused(case, suspension(case), ProtectionStatus.SOUGHT)
    case.said["two"] = case.acceptance(RO)
    assert not refused(case, suspension(case), ProtectionStatus.SOUGHT)
    case.say("end", "durable-solution.revocation", thread="proposal", in_reply_to="proposal")
    assert refused(case, suspension(case), ProtectionStatus.SOUGHT)


def test_only_the_other_state_of_that_agreement_hears_of_it() -> None:
    case = until_agreed()
    to_a_third = case.draft(
        "stop",
        "durable-solution.suspension",
        to=Address("fr.ase"),
        thread="proposal",
        suspension_reason="withheld",
        caused_by=None,
    )
    assert refused(case, to_a_third, ProtectionStatus.SOUGHT)


def test_after_a_new_agreement_that_lifted_it_there_may_be_one_more() -> None:
    case = until_agreed()
    case.said["stop"] = suspension(case)
    case.said["amended"] = case.version(
        "amended",
        "durable-solution.counter-proposal",
        thread="proposal",
        in_reply_to="proposal",
        amends=AGREEMENT,
        lifts=[case.said["stop"].id],
    )
    case.agree("amended", "B" * 43)
    assert not refused(case, suspension(case, "again"), ProtectionStatus.SOUGHT)


def test_what_the_state_of_origin_is_told_is_the_same_for_every_cause() -> None:
    for status in (*BLOCKING, ProtectionStatus.NOT_SOUGHT):
        case = until_agreed()
        stop = suspension(case)
        assert not refused(case, stop, status)
        assert stop.coded == {"suspension_reason": "withheld"}


def test_the_state_of_origin_is_never_asked_and_sees_one_reason() -> None:
    case = until_agreed()
    before = standing.agreement(case.file("ro"), case.said["proposal"].thread, case.now)
    assert before is not None
    assert before.state == "in-force"
    case.said["stop"] = suspension(case)
    stands = standing.agreement(case.file("ro"), case.said["proposal"].thread, case.now)
    assert stands is not None
    assert [reason.code for reason in stands.reasons] == ["withheld"]


@pytest.mark.parametrize("status", BLOCKING)
def test_where_the_child_is_the_agreement_is_not_in_force_before_anything_is_said(
    status: ProtectionStatus,
) -> None:
    case = until_agreed()
    stands = standing.agreement(case.file("it", status), case.said["proposal"].thread, case.now)
    assert stands is not None
    assert [reason.code for reason in stands.reasons] == ["withheld"]


@pytest.mark.parametrize("status", BLOCKING)
def test_it_never_decides_what_is_received(status: ProtectionStatus) -> None:
    case = until_agreed()
    safeguards.check_receiving(case.file("it", status), case.handover())
