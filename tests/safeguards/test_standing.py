"""An agreement suspends by itself, and only new signatures on a new version bring it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from protocol import standing
from tests.safeguards.whole_case import AGREEMENT, RO, WholeCase, until_agreed


def of(case: WholeCase, **later: float) -> standing.AgreementStanding:
    found = [
        standing.agreement(case.file(node), case.said["proposal"].thread, case.now + timedelta(**later))
        for node in ("it", "ro")
    ]
    assert found[0] == found[1], "both nodes that hold the same documents say the same"
    assert found[0] is not None
    return found[0]


def renewed(case: WholeCase) -> None:
    """Assessed, decided and put again, on all that is known; both accept."""
    case.assess("final-2", replaces=case.said["final"].id)
    case.decide("decision-2", replaces=case.said["decision"].id)
    case.said["amended"] = case.version(
        "amended",
        "durable-solution.counter-proposal",
        thread="proposal",
        in_reply_to="proposal",
        amends=AGREEMENT,
        rests_on={
            "risk_assessment": case.digest("final-2"),
            "best_interests": case.digest("decision-2"),
        },
    )


@pytest.mark.parametrize(
    ("message_type", "fields", "code"),
    [
        ("alert.danger", {"by": RO}, "danger"),
        ("alert.missing-child", {}, "child-missing"),
        ("guardian.notice", {"guardian_in_conflict": "yes"}, "guardian"),
        ("consent.withdrawal", {}, "carer-consent"),
        ("appeal.notice", {}, "appeal"),
        ("social-inquiry.report", {"by": RO}, "assessment-superseded"),
    ],
)
def test_a_later_fact_suspends_under_its_own_reason(message_type: str, fields: Any, code: str) -> None:
    case = until_agreed()
    assert of(case).state == "in-force"
    case.say("fact", message_type, thread="notification", **fields)
    stands = of(case)
    assert stands.state == "suspended"
    assert standing.Reason(code=code, document=case.digest("fact")) in stands.reasons


def test_it_does_not_come_back_when_the_cause_goes_away() -> None:
    case = until_agreed()
    case.say("appeal", "appeal.notice", thread="notification")
    case.say("dismissed", "appeal.notice", thread="notification", appeal="dismissed")
    assert of(case).state == "suspended"


def test_it_comes_back_by_a_new_version_and_both_signatures_and_not_by_one() -> None:
    case = until_agreed()
    case.say("danger", "alert.danger", RO, thread="notification")
    renewed(case)
    assert of(case).state == "suspended"
    case.said["one"] = case.acceptance(of="amended", agreement="B" * 43)
    assert of(case).state == "suspended"
    case.agree("amended", "B" * 43)
    stands = of(case)
    assert (stands.state, stands.version.id) == ("in-force", case.said["amended"].id)


def test_a_report_that_grows_old_suspends_what_was_not_carried_out() -> None:
    case = until_agreed()
    assert of(case, days=100).state == "in-force"
    assert of(case, days=200).state == "suspended"


def test_after_the_handover_a_new_risk_is_a_concern_and_nothing_suspends() -> None:
    case = until_agreed()
    case.said["handover"] = case.handover()
    case.say("appeal", "appeal.notice", thread="notification")
    case.say("worry", "follow-up.report", RO, thread="proposal", new_risk="unknown")
    stands = of(case, days=400)
    assert (stands.state, stands.reasons) == ("in-force", ())
    assert stands.concerns == (standing.Reason(code="danger", document=case.digest("worry")),)
