"""Safeguard 9: silence or lapse never becomes consent, and nothing is placed without consent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocol import safeguards, standing
from protocol.agreed import agreed_version
from protocol.conversations import PredecessorMissing
from tests.safeguards.claims import both_refuse, both_take, sender_refuses
from tests.safeguards.whole_case import AGREEMENT, INT, IT, RO, until_agreed, until_decided, until_proposed


def test_silence_never_becomes_consent() -> None:
    case = until_proposed()
    for accepted in ((), (IT,), (RO,)):
        case.said = {name: one for name, one in case.said.items() if "acceptance" not in name}
        for by in accepted:
            case.said[f"acceptance-{by}"] = case.acceptance(by)
        years_later = case.now + timedelta(days=3650)
        assert agreed_version(case.file("it"), case.said["proposal"].thread) is None
        assert standing.agreement(case.file("it"), case.said["proposal"].thread, years_later) is None
        assert sender_refuses(case, case.handover()).code == "safeguard.consent_given"


def test_an_authority_accepts_for_its_own_state_alone() -> None:
    case = until_proposed()
    by_relay = case.draft(
        "a", "durable-solution.acceptance", INT, to=IT, thread="proposal", in_reply_to="proposal"
    )
    both_refuse(case, by_relay, 9, "acceptance_by_state")
    case.said["a"] = by_relay
    assert agreed_version(case.file("it"), case.said["proposal"].thread) is None


def test_two_acceptances_by_one_state_are_one() -> None:
    case = until_proposed()
    for name in ("first", "second"):
        case.said[name] = case.draft(
            name, "durable-solution.acceptance", RO, thread="proposal", in_reply_to="proposal"
        )
    assert agreed_version(case.file("it"), case.said["proposal"].thread) is None


def test_acceptances_of_two_versions_are_no_agreement() -> None:
    case = until_proposed()
    case.said["counter"] = case.version(
        "counter",
        "durable-solution.counter-proposal",
        RO,
        thread="proposal",
        in_reply_to="proposal",
    )
    case.said["a"] = case.acceptance(RO)
    case.said["b"] = case.acceptance(IT, of="counter")
    assert agreed_version(case.file("it"), case.said["proposal"].thread) is None
    both_refuse(case, case.handover(), 9, "both_acceptances")


def test_a_refusal_beats_the_acceptances_that_it_crossed() -> None:
    case = until_agreed()
    case.say("no", "durable-solution.refusal", RO, thread="proposal", in_reply_to="proposal")
    both_refuse(case, case.handover(), 9, "both_acceptances")


def test_nobody_is_handed_over_before_both_have_accepted() -> None:
    case = until_proposed()
    case.said["acceptance"] = case.acceptance(RO)
    both_refuse(case, case.handover(), 9, "both_acceptances")


def test_nobody_is_handed_over_under_another_agreement() -> None:
    case = until_agreed()
    both_refuse(case, case.handover("B" * 43), 9, "both_acceptances")


def test_an_acceptance_that_is_still_on_its_way_is_waited_for() -> None:
    case = until_agreed()
    case.kept_from[f"acceptance-{RO}-of-proposal"] = "it"
    handover = case.handover()
    safeguards.check_sending(case.file("ro"), handover)
    with pytest.raises(PredecessorMissing):
        safeguards.check_receiving(case.file("it"), handover)


@pytest.mark.parametrize("ending", ["durable-solution.suspension", "durable-solution.revocation"])
def test_nobody_is_handed_over_under_what_was_suspended_or_revoked(ending: str) -> None:
    case = until_agreed()
    case.say("end", ending, thread="proposal", in_reply_to="proposal")
    both_refuse(case, case.handover(), 9, "agreement_in_force")


def test_a_new_version_lifts_a_suspension_that_it_names_with_both_signatures() -> None:
    case = until_agreed()
    suspension = case.say("stop", "durable-solution.suspension", thread="proposal", in_reply_to="proposal")
    case.said["amended"] = case.version(
        "amended",
        "durable-solution.counter-proposal",
        thread="proposal",
        in_reply_to="proposal",
        amends=AGREEMENT,
        lifts=[suspension.id],
    )
    case.said["one"] = case.acceptance(IT, of="amended", agreement="B" * 43)
    both_refuse(case, case.handover(), 9, "agreement_in_force")
    case.said["two"] = case.acceptance(RO, of="amended", agreement="B" * 43)
    both_take(case, case.handover("B" * 43))


def test_two_agreements_of_which_neither_amends_the_other_leave_neither_in_force() -> None:
    case = until_agreed()
    case.propose(name="other")
    for by in (IT, RO):
        case.said[f"other-{by}"] = case.draft(
            f"other-{by}", "durable-solution.acceptance", by, thread="other", in_reply_to="other"
        )
    both_refuse(case, case.handover(), 9, "agreement_in_force")
    for thread in ("proposal", "other"):
        stands = standing.agreement(case.file("it"), case.said[thread].thread, case.now)
        assert stands is not None
        assert stands.state == "suspended"


@pytest.mark.parametrize(("withdrawn_on", "stands"), [("2026-12-02", False), ("2026-12-03", True)])
def test_a_child_who_takes_consent_back_is_heard_again_first(withdrawn_on: str, stands: bool) -> None:
    case = until_decided()
    case.say(
        "withdrawal",
        "consent.withdrawal",
        thread="notification",
        withdrawn_by="child",
        consent_to="return",
        reference="child",
        withdrawn_on=withdrawn_on,
    )
    case.assess("final")
    case.decide("decision")
    case.propose()
    if stands:
        both_refuse(case, case.acceptance(), 9, "child_consent_again")
    else:
        both_take(case, case.acceptance())


def test_a_guardian_who_takes_consent_back_is_weighed_first() -> None:
    case = until_proposed()
    case.say(
        "withdrawal",
        "consent.withdrawal",
        thread="notification",
        withdrawn_by="guardian",
        consent_to="solution",
        reference="guardian-1",
    )
    both_refuse(case, case.acceptance(), 9, "guardian_consent_again", beside=(1, 8))
    case.assess("final")
    case.decide("decision")
    both_take(case, case.acceptance())
