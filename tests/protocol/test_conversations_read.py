"""What a risk assessment, a durable solution and the case as a whole allow, one claim at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from datetime import timedelta

import pytest
from two_nodes import ASKER, OFFICES, OPENING, START, coded_for, opening, said

from protocol.conversations import (
    CASE,
    DURABLE_SOLUTION,
    IDENTITY,
    PROCEDURES,
    RISK_ASSESSMENT,
    Party,
    Table,
    Thread,
    advance,
    agreed_version,
    collected,
    current_final,
    lapses_at,
    may_say,
    moves_from,
    on_the_table,
    rebuilt,
    state_at,
    thread_from_json,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId
from protocol.messages import FORMS

A, B = Party.ASKER, Party.ANSWERER
DS, RA = "durable-solution.", "risk-assessment."
PROPOSAL, COUNTER, ACCEPTANCE = DS + "proposal", DS + "counter-proposal", DS + "acceptance"
REFUSAL, SUSPENSION, REVOCATION = DS + "refusal", DS + "suspension", DS + "revocation"
HANDOVER, FOLLOW_UP = "handover.confirmation", "follow-up.report"
FINAL, DISPUTE, CORROBORATION = RA + "final", RA + "dispute", RA + "corroboration"

type Said = tuple[Party, str, str] | tuple[Party, str, str, str]
"""By whom, what, its name, and the name of what it replies to: the opening message unless told otherwise."""


def talk(table: Table, *moves: Said, sending: bool = True) -> Thread:
    thread = advance(None, opening(table), table=table, sending=True).thread
    for hour, (by, move_type, name, *reply) in enumerate(moves, start=1):
        thread = speak(thread, table, by, move_type, name, *reply, hour=hour, sending=sending)
    return thread


def speak(
    thread: Thread,
    table: Table,
    by: Party,
    move_type: str,
    name: str,
    reply: str = OPENING,
    *,
    hour: int = 100,
    sending: bool = True,
) -> Thread:
    statement = said(
        thread,
        move_type,
        by=by,
        name=name,
        at=START + timedelta(hours=hour),
        in_reply_to=reply,
        coded=coded_for(thread, move_type),
    )
    return advance(thread, statement, table=table, sending=sending).thread


BOTH: tuple[Said, ...] = ((A, ACCEPTANCE, "a"), (B, ACCEPTANCE, "b"))
HANDED_OVER: tuple[Said, ...] = (*BOTH, (B, HANDOVER, "h"))

SOLUTIONS: dict[str, tuple[tuple[Said, ...], str]] = {
    "a proposal waits": ((), "proposed"),
    "proposing is not accepting": (((B, ACCEPTANCE, "b"),), "accepted-one"),
    "both accept one version": (BOTH, "agreed"),
    "a counter-proposal takes the proposal's place": (((B, COUNTER, "c"),), "countered"),
    "an acceptance of what was countered is no acceptance of the counter-proposal": (
        ((A, ACCEPTANCE, "a"), (B, COUNTER, "c"), (B, ACCEPTANCE, "b", "c")),
        "accepted-one",
    ),
    "both accept the counter-proposal": (
        ((B, COUNTER, "c"), (B, ACCEPTANCE, "b", "c"), (A, ACCEPTANCE, "a", "c")),
        "agreed",
    ),
    "refused": (((B, REFUSAL, "r"),), "refused"),
    "withdrawn": (((A, "withdraw", "w"),), "withdrawn"),
    "revoked": ((*BOTH, (A, REVOCATION, "r")), "revoked"),
    "suspended": ((*BOTH, (A, SUSPENSION, "s")), "suspended"),
    "suspended before it was agreed": (((A, SUSPENSION, "s"), *BOTH), "suspended"),
    "nothing is suspended where nothing is agreed": (((A, SUSPENSION, "s"),), "proposed"),
    "a version that one side put forward lifts nothing": (
        (*BOTH, (A, SUSPENSION, "s"), (A, COUNTER, "c"), (A, ACCEPTANCE, "a2", "c")),
        "suspended",
    ),
    "an agreed version lifts what it names": (
        (
            *BOTH,
            (A, SUSPENSION, "s"),
            (A, COUNTER, "c"),
            (A, ACCEPTANCE, "a2", "c"),
            (B, ACCEPTANCE, "b2", "c"),
        ),
        "agreed",
    ),
    "a later suspension suspends again": (
        (
            *BOTH,
            (A, SUSPENSION, "s"),
            (A, COUNTER, "c"),
            (A, ACCEPTANCE, "a2", "c"),
            (B, ACCEPTANCE, "b2", "c"),
            (B, SUSPENSION, "s2"),
        ),
        "suspended",
    ),
    "refusing an amendment leaves what is agreed": (
        (*BOTH, (A, COUNTER, "c"), (B, REFUSAL, "r", "c")),
        "agreed",
    ),
    "handed over": (HANDED_OVER, "implementing"),
    "every follow-up of the agreed version": ((*HANDED_OVER, (B, FOLLOW_UP, "f", "h")), "completed"),
    "an agreement revoked after the handover": ((*HANDED_OVER, (A, REVOCATION, "r")), "revoked"),
}


@pytest.mark.parametrize(("moves", "state"), SOLUTIONS.values(), ids=SOLUTIONS)
def test_a_durable_solution_reaches(moves: tuple[Said, ...], state: str) -> None:
    assert talk(DURABLE_SOLUTION, *moves).state == state


ASSESSMENTS: dict[str, tuple[tuple[Said, ...], str]] = {
    "requested": ((), "requested"),
    "accepted": (((B, "accept", "a"),), "accepted"),
    "a question stops the clock": (((B, "query", "q"),), "awaiting-info"),
    "contributions": (((A, RA + "contribution", "c"), (B, RA + "contribution", "d")), "gathering"),
    "a final one without the other State": (((A, FINAL, "f"),), "final"),
    "a final one after the other declined": (((B, "decline", "d"), (A, FINAL, "f")), "final"),
    "corroborated": (((A, FINAL, "f"), (B, CORROBORATION, "c", "f")), "corroborated"),
    "disputed": (((A, FINAL, "f"), (B, DISPUTE, "d", "f")), "disputed"),
    "a dispute outweighs a corroboration": (
        ((A, FINAL, "f"), (B, CORROBORATION, "c", "f"), (B, DISPUTE, "d", "f")),
        "disputed",
    ),
    "a new final one answers the dispute": (
        ((A, FINAL, "f"), (B, DISPUTE, "d", "f"), (A, FINAL, "g", "d")),
        "final",
    ),
    "declined": (((B, "decline", "d"),), "declined"),
    "withdrawn": (((A, "withdraw", "w"),), "withdrawn"),
}


@pytest.mark.parametrize(("moves", "state"), ASSESSMENTS.values(), ids=ASSESSMENTS)
def test_a_risk_assessment_reaches(moves: tuple[Said, ...], state: str) -> None:
    assert talk(RISK_ASSESSMENT, *moves).state == state


CASES: dict[str, tuple[tuple[Said, ...], str]] = {
    "closed": (((B, "accept", "a"), (A, "case.closure", "c")), "closed"),
    "reopened": (((B, "accept", "a"), (A, "case.closure", "c"), (B, "case.reopening", "r", "c")), "accepted"),
    "a warning after closure is taken and opens nothing": (
        ((A, "case.closure", "c"), (B, "alert.danger", "d")),
        "closed",
    ),
    "a warning in a declined case": (((B, "decline", "d"), (A, "alert.missing-child", "m")), "declined"),
    "a paper attested when all is closed": (
        ((A, "case.closure", "c"), (B, "relay.attestation", "t")),
        "closed",
    ),
}


@pytest.mark.parametrize(("moves", "state"), CASES.values(), ids=CASES)
def test_the_case_as_a_whole_reaches(moves: tuple[Said, ...], state: str) -> None:
    assert talk(CASE, *moves).state == state


NOT_NOW: dict[str, tuple[Table, tuple[Said, ...], Said]] = {
    "accepting twice": (DURABLE_SOLUTION, (BOTH[0],), (A, ACCEPTANCE, "again")),
    "accepting what is off the table": (DURABLE_SOLUTION, ((B, COUNTER, "c"),), (A, ACCEPTANCE, "a")),
    "countering what one has accepted": (DURABLE_SOLUTION, (BOTH[0],), (A, COUNTER, "c")),
    "withdrawing what is agreed": (DURABLE_SOLUTION, BOTH, (A, "withdraw", "w")),
    "refusing what is agreed": (DURABLE_SOLUTION, BOTH, (B, REFUSAL, "r")),
    "handing over without agreement": (DURABLE_SOLUTION, (BOTH[0],), (B, HANDOVER, "h")),
    "handing over while suspended": (DURABLE_SOLUTION, (*BOTH, (A, SUSPENSION, "s")), (B, HANDOVER, "h")),
    "following up a child who stayed": (DURABLE_SOLUTION, BOTH, (B, FOLLOW_UP, "f", "b")),
    "a neutral acceptance of a solution": (DURABLE_SOLUTION, (), (B, "accept", "a")),
    "a final one beside the present one": (RISK_ASSESSMENT, ((A, FINAL, "f"),), (A, FINAL, "g")),
    "disputing an older final one": (
        RISK_ASSESSMENT,
        ((A, FINAL, "f"), (A, FINAL, "g", "f")),
        (B, DISPUTE, "d", "f"),
    ),
    "closing twice": (CASE, ((A, "case.closure", "c"),), (A, "case.closure", "d")),
    "reopening what is open": (CASE, (), (B, "case.reopening", "r")),
}


@pytest.mark.parametrize(("table", "moves", "last"), NOT_NOW.values(), ids=NOT_NOW)
def test_a_sender_may_not_say(table: Table, moves: tuple[Said, ...], last: Said) -> None:
    thread = talk(table, *moves)
    with pytest.raises(NotAcceptable) as refusal:
        speak(thread, table, *last)
    assert refusal.value.code in ("conversation.not_now", "conversation.wrong_reply")


def test_what_replies_to_the_wrong_kind_of_message_is_refused_on_receipt_too() -> None:
    agreed = talk(DURABLE_SOLUTION, *BOTH)
    for move_type in (COUNTER, ACCEPTANCE, REFUSAL, REVOCATION, HANDOVER, FOLLOW_UP):
        with pytest.raises(NotAcceptable, match="wrong_reply"):
            speak(agreed, DURABLE_SOLUTION, B, move_type, "x", "a", sending=False)


def test_where_both_countered_the_askers_version_is_on_the_table_and_the_other_is_kept() -> None:
    for order in ((A, B), (B, A)):
        moves: list[Said] = [(by, COUNTER, f"{by}'s") for by in order]
        both = talk(DURABLE_SOLUTION, *moves, sending=False)
        assert on_the_table(both).id == "asker's"
        assert {entry.id for entry in both.said(COUNTER)} == {"asker's", "answerer's"}


def test_each_side_accepting_its_own_version_is_no_agreement() -> None:
    both = talk(
        DURABLE_SOLUTION,
        (A, COUNTER, "x"),
        (B, COUNTER, "y"),
        (A, ACCEPTANCE, "a", "x"),
        (B, ACCEPTANCE, "b", "y"),
        sending=False,
    )
    assert both.state == "accepted-one"
    assert agreed_version(both) is None


@pytest.mark.parametrize(
    ("no", "state"), [((A, "withdraw", "w"), "withdrawn"), ((A, REFUSAL, "r"), "refused")]
)
def test_who_said_no_before_knowing_of_the_others_yes_is_not_bound(no: Said, state: str) -> None:
    first = (A, ACCEPTANCE, "a")
    for crossed in ((no, (B, ACCEPTANCE, "b")), ((B, ACCEPTANCE, "b"), no)):
        thread = talk(DURABLE_SOLUTION, first, sending=False)
        for move in crossed:
            thread = speak(thread, DURABLE_SOLUTION, *move, sending=False)
        assert thread.state == state


def test_an_amendment_that_only_one_side_accepted_changes_nothing_that_is_agreed() -> None:
    thread = talk(DURABLE_SOLUTION, *BOTH, (B, COUNTER, "c"), (B, ACCEPTANCE, "b2", "c"))
    agreed = agreed_version(thread)
    assert thread.state == "agreed"
    assert agreed is not None
    assert agreed.id == OPENING
    both = speak(thread, DURABLE_SOLUTION, A, ACCEPTANCE, "a2", "c")
    now_agreed = agreed_version(both)
    assert now_agreed is not None
    assert now_agreed.id == "c"


def test_an_amendment_that_a_side_refused_before_knowing_of_the_others_yes_amends_nothing() -> None:
    amended: tuple[Said, ...] = (*BOTH, (A, SUSPENSION, "s"), (A, COUNTER, "c"), (A, ACCEPTANCE, "a2", "c"))
    no, yes = (A, REFUSAL, "r", "c"), (B, ACCEPTANCE, "b2", "c")
    for crossed in ((no, yes), (yes, no)):
        thread = talk(DURABLE_SOLUTION, *amended, *crossed, sending=False)
        agreed = agreed_version(thread)
        assert thread.state == "suspended", "what it would have lifted stands"
        assert agreed is not None
        assert agreed.id == OPENING


def test_a_child_who_was_handed_over_is_followed_up_whatever_ended_the_agreement() -> None:
    revoked = talk(DURABLE_SOLUTION, *HANDED_OVER, (A, REVOCATION, "r"))
    told = speak(revoked, DURABLE_SOLUTION, B, FOLLOW_UP, "f", "h")
    assert told.state == "revoked"
    assert any(told.said(FOLLOW_UP))


def test_silence_and_time_agree_to_nothing() -> None:
    for moves, beneath in (((), "proposed"), ((BOTH[0],), "accepted-one")):
        thread = talk(DURABLE_SOLUTION, *moves)
        limit = lapses_at(thread, table=DURABLE_SOLUTION)
        assert limit
        assert state_at(thread, limit - timedelta(seconds=1), table=DURABLE_SOLUTION) == beneath
        assert state_at(thread, limit + timedelta(days=4000), table=DURABLE_SOLUTION) == "lapsed"
        assert thread.state == beneath


@pytest.mark.parametrize("move_type", [ACCEPTANCE, COUNTER, REFUSAL])
def test_any_word_of_the_answerer_on_the_proposal_discharges_its_answer(move_type: str) -> None:
    waiting = talk(DURABLE_SOLUTION)
    assert waiting.due
    assert waiting.due.obligation == "answer"
    after = talk(DURABLE_SOLUTION, (B, move_type, "x"))
    assert all(one.by is A for one in after.owed), "what is owed now is owed by the one who proposed"
    assert [one.message for one in after.owed] == ([] if move_type == REFUSAL else ["x"])
    assert talk(DURABLE_SOLUTION, (A, ACCEPTANCE, "x")).due == waiting.due


def test_a_dispute_of_an_older_final_assessment_is_recorded_and_does_not_touch_the_newer() -> None:
    thread = talk(RISK_ASSESSMENT, (A, FINAL, "f"), (A, FINAL, "g", "f"))
    late = speak(thread, RISK_ASSESSMENT, B, DISPUTE, "d", "f", sending=False)
    assert late.state == "final"
    assert any(late.said(DISPUTE))
    final = current_final(late)
    assert final is not None
    assert final.id == "g"


def test_of_two_final_assessments_side_by_side_both_nodes_take_the_one_signed_later() -> None:
    thread = talk(RISK_ASSESSMENT)
    for hours in ({"f": 1, "g": 2}, {"g": 2, "f": 1}):
        both = thread
        for name, hour in hours.items():
            both = speak(both, RISK_ASSESSMENT, A, FINAL, name, hour=hour, sending=False)
        final = current_final(both)
        assert final is not None
        assert final.id == "g"


def test_a_reopening_of_an_older_closure_never_reopens_a_newer_one() -> None:
    again = talk(CASE, (A, "case.closure", "c"), (B, "case.reopening", "r", "c"), (A, "case.closure", "d"))
    assert again.state == "closed"
    crossed = speak(again, CASE, A, "case.reopening", "s", "c", sending=False)
    assert crossed.state == "closed"
    assert speak(crossed, CASE, B, "case.reopening", "t", "d").state == "notified"


def test_an_identity_result_is_collected_like_a_report() -> None:
    thread = talk(IDENTITY, (B, "accept", "a"), (B, "identity.result", "i"))
    assert thread.state == "answered"
    done = collected(thread, MessageId("i"), by=ASKER, at=START, table=IDENTITY).thread
    assert done.state == "complete"


ONE_STATE = [
    (table, message_type, state)
    for table in PROCEDURES.values()
    for types, state in ((table.destination_says, "it"), (table.origin_says, "ro"))
    for message_type in sorted(types)
]


@pytest.mark.parametrize(("table", "message_type", "state"), ONE_STATE)
def test_only_the_state_that_a_form_names_says_it(table: Table, message_type: str, state: str) -> None:
    """The asker is Italian and the answerer Romanian: the child is in the one, then in the other."""
    at = {"it": ASKER, "ro": OFFICES[0]}
    other = "ro" if state == "it" else "it"
    assert may_say(table, message_type, at[state], "it")
    assert not may_say(table, message_type, at[other], "it")
    assert may_say(table, message_type, at[other], "ro")
    assert may_say(table, message_type, at[other], None)


def test_a_table_and_a_form_name_the_same_state() -> None:
    for table in PROCEDURES.values():
        for message_type in table.own:
            by_table = (
                "destination"
                if message_type in table.destination_says
                else "origin"
                if message_type in table.origin_says
                else None
            )
            assert FORMS[message_type].said_by == by_table, message_type
            assert FORMS[message_type].procedure == table.procedure, message_type


@pytest.mark.parametrize("sending", [True, False])
def test_the_other_state_is_refused_by_its_own_node_and_by_the_recipients(sending: bool) -> None:
    with pytest.raises(NotAcceptable, match="other_state"):
        advance(None, opening(RISK_ASSESSMENT), table=RISK_ASSESSMENT, sending=sending, destination="ro")
    agreed = talk(DURABLE_SOLUTION, *BOTH)
    by_destination = said(agreed, HANDOVER, by=A)
    with pytest.raises(NotAcceptable, match="other_state"):
        advance(agreed, by_destination, table=DURABLE_SOLUTION, sending=sending, destination="it")
    offered = {
        move.type for move in moves_from(agreed, ASKER, START, table=DURABLE_SOLUTION, destination="it")
    }
    assert HANDOVER not in offered
    offered = {
        move.type for move in moves_from(agreed, ASKER, START, table=DURABLE_SOLUTION, destination="ro")
    }
    assert HANDOVER in offered


def test_who_spoke_only_because_of_a_redirection_goes_with_it_and_comes_back_with_another() -> None:
    table = RISK_ASSESSMENT
    opened = talk(table)
    redirection = said(opened, "redirect", by=B, name="r", coded=coded_for(opened, "redirect"))
    redirected = advance(opened, redirection, table=table, sending=True).thread
    acceptance = said(redirected, "accept", by=B, name="a")
    thread = advance(redirected, acceptance, table=table, sending=True).thread
    assert (thread.state, acceptance.sender) == ("accepted", OFFICES[1])
    assert rebuilt(thread, [acceptance], table=table) == opened
    another = dataclasses.replace(redirection, id=MessageId("r2"))
    again = rebuilt(thread, [acceptance, another], table=table)
    assert [entry.id for entry in again.entries] == [OPENING, "r2", "a"]
    assert again.state == "accepted"


def all_said() -> Iterable[Thread]:
    for table, talks in ((DURABLE_SOLUTION, SOLUTIONS), (RISK_ASSESSMENT, ASSESSMENTS), (CASE, CASES)):
        for moves, _ in talks.values():
            yield talk(table, *moves)


def test_a_conversation_survives_storage_as_plain_json() -> None:
    for thread in all_said():
        assert thread_from_json(json.loads(json.dumps(thread.to_json()))) == thread


def test_a_conversation_that_an_older_node_stored_is_still_read() -> None:
    thread = talk(IDENTITY, (B, "accept", "a"), (B, "progress", "p"), (B, "redirect", "r"))
    stored = thread.to_json()
    for entry in stored["entries"]:
        del entry["lifts"]
        entry["named"] = entry["named"][0] if entry["named"] else None
    assert thread_from_json(stored) == thread
