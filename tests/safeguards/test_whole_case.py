"""The case that the other tests take things away from: with all of it, nothing is refused."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import messages, safeguards, standing
from protocol.case_file import CaseFile
from protocol.safeguards.asked import Asked
from tests.protocol.sample_contents import sample
from tests.safeguards.claims import both_take, sender_refuses
from tests.safeguards.whole_case import IT, START, until_agreed, until_decided, until_proposed


def test_with_all_of_it_a_return_is_proposed_accepted_and_carried_out() -> None:
    both_take(until_decided(), until_decided().version())
    case = until_proposed()
    for by in (case.acceptance(), case.acceptance(IT)):
        both_take(case, by)
    case = until_agreed()
    both_take(case, case.handover())


def test_what_several_safeguards_lack_is_named_once_with_all_their_sources() -> None:
    case = until_decided()
    bare = case.version(rests_on={"best_interests": None, "child_views": None})
    lacking = {entry.code: entry for entry in sender_refuses(case, bare).missing}
    assert len(lacking) == len(sender_refuses(case, bare).missing)
    cited = {safeguards.SAFEGUARDS[number - 1].cited for number in (5, 12)}
    assert all(source in lacking["missing.child_views"].source for source in cited)


def test_every_document_of_it_fits_its_form() -> None:
    for content in until_agreed().said.values():
        whole = sample(content.type)
        messages.validate(dataclasses.replace(whole, coded=content.coded))


def test_a_child_who_stays_needs_no_assessment_of_a_return() -> None:
    case = until_decided(decision={"best_solution": "local-integration"})
    del case.said["final"]
    stays = {"solution": "local-integration", "receiving_country": "IT", "receiving_carer": None}
    both_take(case, case.version(terms=stays, rests_on={"risk_assessment": None, "social_inquiries": None}))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_order_in_which_documents_came_changes_nothing(data: st.DataObject) -> None:
    case = until_agreed()
    case.say("danger", "alert.danger", thread="notification")
    case.say("conflict", "guardian.notice", thread="notification", guardian_in_conflict="yes")
    case.say("appeal", "appeal.notice", thread="notification")
    case.say("second-views", "child-views.record", thread="notification")
    case.say("second-final", "risk-assessment.final", thread="assessment", outcome="return-excluded")
    case.say("suspension", "durable-solution.suspension", thread="proposal", in_reply_to="proposal")
    whole = case.file("it")
    kept = data.draw(st.sets(st.sampled_from(whole.documents), min_size=1))
    some = dataclasses.replace(whole, documents=tuple(d for d in whole.documents if d in kept))
    mixed = dataclasses.replace(some, documents=tuple(data.draw(st.permutations(some.documents))))

    def read(file: CaseFile) -> object:
        asked = [Asked.of(one) for one in (case.version(), case.acceptance(), case.handover())]
        return (
            [safeguards.unmet(file, one) for one in asked],
            standing.agreement(file, case.said["proposal"].thread, START),
            standing.assessment_superseded(file, case.said["final"].thread),
        )

    before = case.now
    first = read(some)
    case.now = before
    assert read(mixed) == first
