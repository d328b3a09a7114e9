"""What a social inquiry and the case as a whole allow, one claim at a time."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from two_nodes import ASKER, OFFICES, OPENING, START, coded_for, opening, said

from protocol.content import Content
from protocol.conversations import (
    CASE,
    DURABLE_SOLUTION,
    PROCEDURES,
    SOCIAL_INQUIRY,
    Effect,
    InquiryState,
    Party,
    PredecessorMissing,
    Table,
    Thread,
    advance,
    collected,
    lapses_at,
    moves_from,
    procedure_of,
    rebuilt,
    state_at,
    stopped,
    table_for,
    thread_from_json,
)
from protocol.conversations.clock import with_clock
from protocol.deadlines import Terms
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, CaseReference, MessageId

A, B = Party.ASKER, Party.ANSWERER
REPORT = "social-inquiry.report"
DAY = timedelta(days=1)
STRANGER = Address("fr.ase")


def talk(*moves: tuple[Party, str], table: Table = SOCIAL_INQUIRY, sending: bool = True) -> Thread:
    """The conversation after those moves, an hour apart, each said by the side that may say it."""
    return talk_over(*moves, table=table, sending=sending)[0]


def talk_over(
    *moves: tuple[Party, str], table: Table = SOCIAL_INQUIRY, sending: bool = True
) -> tuple[Thread, list[Content]]:
    """The same, with what was said after the opening message."""
    messages = []
    thread = advance(None, opening(table), table=table, sending=True).thread
    for hour, (by, move_type) in enumerate(moves, start=1):
        questions = thread.open_questions(by)
        reply = questions[-1].id if move_type == "answer" else OPENING
        messages.append(
            said(
                thread,
                move_type,
                by=by,
                at=START + timedelta(hours=hour),
                in_reply_to=reply,
                coded=coded_for(thread, move_type),
            )
        )
        thread = advance(thread, messages[-1], table=table, sending=sending).thread
    return thread, messages


def refused(thread: Thread | None, statement: object, *, sending: bool = False) -> NotAcceptable:
    table = table_for(thread.procedure) if thread else SOCIAL_INQUIRY
    with pytest.raises(NotAcceptable) as refusal:
        advance(thread, statement, table=table, sending=sending)  # type: ignore[arg-type]
    return refusal.value


STATES = {
    "a request awaits acceptance": ((), "requested"),
    "acceptance": (((B, "accept"),), "accepted"),
    "a question before acceptance": (((B, "query"),), "awaiting-info"),
    "a question after acceptance": (((B, "accept"), (B, "query")), "awaiting-info"),
    "an answer goes back to requested": (((B, "query"), (A, "answer")), "requested"),
    "an answer goes back to accepted": (((B, "accept"), (B, "query"), (A, "answer")), "accepted"),
    "acceptance with a question open": (((B, "query"), (B, "accept"), (A, "answer")), "accepted"),
    "a progress note changes no state": (((B, "accept"), (B, "progress")), "accepted"),
    "a report": (((B, "accept"), (B, REPORT)), "reported"),
    "a report without acceptance": (((B, REPORT),), "reported"),
    "a report with a question open": (((B, "query"), (B, REPORT)), "reported"),
    "the asker questions the report": (((B, REPORT), (A, "query"), (B, "answer")), "reported"),
    "declined": (((B, "decline"),), "declined"),
    "declined after acceptance": (((B, "accept"), (B, "decline")), "declined"),
    "withdrawn": (((A, "withdraw"),), "withdrawn"),
    "withdrawn with a question open": (((B, "query"), (A, "withdraw")), "withdrawn"),
    "redirected": (((B, "redirect"),), "redirected"),
    "redirected and accepted there": (((B, "redirect"), (B, "accept")), "accepted"),
    "a question after redirection": (((B, "redirect"), (B, "query"), (A, "answer")), "redirected"),
    "redirected twice": (((B, "redirect"), (B, "redirect")), "redirected"),
}


@pytest.mark.parametrize(("moves", "state"), STATES.values(), ids=STATES)
def test_social_inquiry_reaches(moves: tuple[tuple[Party, str], ...], state: str) -> None:
    assert talk(*moves).state == state


NOTICES = {
    "a notification awaits acceptance": ((), "notified"),
    "acceptance": (((B, "accept"),), "accepted"),
    "a guardian notified before acceptance": (((A, "guardian.notice"), (B, "accept")), "accepted"),
    "guardians come and go": (((B, "accept"), (A, "guardian.notice"), (A, "guardian.notice")), "accepted"),
    "a question changes no state": (((B, "query"), (B, "accept"), (A, "answer")), "accepted"),
    "declined": (((B, "decline"),), "declined"),
    "redirected": (((B, "redirect"),), "redirected"),
    "withdrawn": (((B, "accept"), (A, "withdraw")), "withdrawn"),
}


@pytest.mark.parametrize(("moves", "state"), NOTICES.values(), ids=NOTICES)
def test_the_case_as_a_whole_reaches(moves: tuple[tuple[Party, str], ...], state: str) -> None:
    assert talk(*moves, table=CASE).state == state


NOT_NOW = {
    "a second acceptance": (((B, "accept"),), (B, "accept")),
    "a second report": (((B, REPORT),), (B, REPORT)),
    "a report after declining": (((B, "decline"),), (B, REPORT)),
    "declining after the report": (((B, REPORT),), (B, "decline")),
    "a second new date": (((B, "accept"), (B, "progress")), (B, "progress")),
    "a question while one is open": (((B, "query"),), (B, "query")),
    "a third question": (((B, "query"), (A, "answer")) * 2, (B, "query")),
    "withdrawing what is reported": (((B, REPORT),), (A, "withdraw")),
    "withdrawing twice": (((A, "withdraw"),), (A, "withdraw")),
    "a report on what was withdrawn": (((A, "withdraw"),), (B, REPORT)),
    "a nudge in time": ((), (A, "nudge")),
    "an escalation in time": ((), (A, "escalate")),
    "guardian notice in an inquiry": ((), (A, "guardian.notice")),
}


@pytest.mark.parametrize(("moves", "last"), NOT_NOW.values(), ids=NOT_NOW)
def test_sender_may_not_say(moves: tuple[tuple[Party, str], ...], last: tuple[Party, str]) -> None:
    thread = talk(*moves)
    by, move_type = last
    coded = {"new_due_on": "2026-07-01"}
    before = thread.to_json()
    refusal = refused(
        thread, said(thread, move_type, by=by, at=START + DAY, name="last", coded=coded), sending=True
    )
    assert refusal.code == "conversation.not_now"
    assert thread.to_json() == before


def test_a_report_has_no_place_in_the_case_as_a_whole_even_where_two_states_share_a_name() -> None:
    accepted = talk((B, "accept"), table=CASE)
    report = said(accepted, REPORT, by=B)
    for table in (CASE, SOCIAL_INQUIRY):
        with pytest.raises(NotAcceptable, match="not_now"):
            advance(accepted, report, table=table, sending=False)


def test_only_the_side_that_asked_withdraws_and_only_the_other_reports() -> None:
    thread = talk()
    assert refused(thread, said(thread, "withdraw", by=B)).code == "conversation.other_side"
    assert refused(thread, said(thread, REPORT, by=A)).code == "conversation.other_side"
    assert refused(thread, said(thread, "nudge", by=B)).code == "conversation.wrong_reply"


def test_stranger_wrong_case_and_wrong_thread_are_told_the_same() -> None:
    thread = talk()
    acceptance = said(thread, "accept", by=B)
    other_case = CaseReference("0000-0000-0000-0")
    codes = {
        refused(thread, dataclasses.replace(acceptance, **change)).code
        for change in (
            {"sender": STRANGER},
            {"recipient": STRANGER},
            {"case": other_case},
            {"recipient": OFFICES[0]},
        )
    }
    assert codes == {"conversation.not_party"}


def test_opening_message_bears_its_own_id_as_thread_and_replies_to_nothing() -> None:
    for change in ({"in_reply_to": MessageId("x")}, {"thread": "x"}):
        assert refused(None, opening(SOCIAL_INQUIRY, **change)).code == "conversation.wrong_thread"
    thread = talk()
    second = opening(SOCIAL_INQUIRY, id=MessageId("second"), thread="second")
    assert refused(thread, second).code == "conversation.wrong_thread"
    same = opening(SOCIAL_INQUIRY, recipient=ASKER)
    assert refused(None, same).code == "conversation.not_party"


def test_a_reply_before_its_request_waits() -> None:
    thread = talk()
    acceptance = said(thread, "accept", by=B)
    with pytest.raises(PredecessorMissing) as waiting:
        advance(None, acceptance, table=SOCIAL_INQUIRY, sending=False)
    assert waiting.value.code == "conversation.predecessor_missing"
    with pytest.raises(PredecessorMissing):
        advance(
            thread,
            said(thread, "answer", by=A, in_reply_to="a question on its way"),
            table=SOCIAL_INQUIRY,
            sending=False,
        )


def test_an_office_that_the_conversation_may_have_been_redirected_to_waits() -> None:
    thread = talk()
    from_other_office = said(thread, "accept", by=B, sender=OFFICES[1])
    with pytest.raises(PredecessorMissing):
        advance(thread, from_other_office, table=SOCIAL_INQUIRY, sending=False)


def test_a_sender_is_refused_rather_than_made_to_wait() -> None:
    thread = talk()
    codes = [
        refused(None, said(thread, "accept", by=B), sending=True).code,
        refused(thread, said(thread, "accept", by=B, in_reply_to="elsewhere"), sending=True).code,
        refused(thread, said(thread, "accept", by=B, in_reply_to=None), sending=True).code,
    ]
    assert codes == ["conversation.not_party", "conversation.wrong_reply", "conversation.wrong_reply"]


def test_an_answer_replies_to_an_open_question_of_the_other_side() -> None:
    thread = talk((B, "query"))
    assert refused(thread, said(thread, "answer", by=A)).code == "conversation.wrong_reply"
    answered = talk((B, "query"), (A, "answer"))
    question = next(answered.said("query"))
    again = said(answered, "answer", by=A, name="again", in_reply_to=question.id)
    assert refused(answered, again).code == "conversation.wrong_reply"


def test_what_was_said_before_changes_nothing_when_it_comes_again() -> None:
    thread = talk((B, "accept"))
    acceptance = next(thread.said("accept"))
    again = advance(
        thread, said(thread, "accept", by=B, name=acceptance.id), table=SOCIAL_INQUIRY, sending=False
    )
    assert again.thread == thread
    assert again.effects == ()


def test_only_the_collection_by_the_agency_that_asked_completes() -> None:
    thread = talk((B, "accept"), (B, REPORT))
    report = next(thread.said(REPORT))
    done = collected(thread, report.id, by=ASKER, at=START + DAY, table=SOCIAL_INQUIRY)
    assert done.thread.state is InquiryState.COMPLETE
    assert collected(done.thread, report.id, by=ASKER, at=START, table=SOCIAL_INQUIRY).thread == done.thread
    acceptance = next(thread.said("accept"))
    assert (
        collected(thread, acceptance.id, by=ASKER, at=START, table=SOCIAL_INQUIRY).thread.state == "reported"
    )
    with pytest.raises(NotAcceptable, match="other_side"):
        collected(thread, report.id, by=OFFICES[0], at=START, table=SOCIAL_INQUIRY)
    with pytest.raises(PredecessorMissing):
        collected(talk(), report.id, by=ASKER, at=START, table=SOCIAL_INQUIRY)


@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_no_deadline_and_no_message_of_the_answerer_ever_completes(table: Table) -> None:
    completing = {(m.type, m.by) for m in table.moves if m.to == "complete" and m.state != "complete"}
    assert completing <= {("collection", Party.ASKER)}


@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_no_message_leads_to_lapsed_and_a_crossing_row_never_revives(table: Table) -> None:
    assert all(move.to != table.lapsed for move in table.moves)
    assert all(reading.state != table.lapsed for reading in table.readings)
    for move in table.moves:
        if move.crossing and move.state not in table.owing:
            assert move.to not in table.owing  # where the state is read, `to` is None


def test_silence_is_overdue_then_lapsed_and_a_late_report_is_still_taken() -> None:
    thread = talk()
    assert thread.due
    assert thread.due.obligation == "acceptance"
    limit = lapses_at(thread, table=SOCIAL_INQUIRY)
    assert limit
    assert limit > thread.due.at
    assert state_at(thread, limit - timedelta(seconds=1), table=SOCIAL_INQUIRY) == "requested"
    assert state_at(thread, limit, table=SOCIAL_INQUIRY) is InquiryState.LAPSED
    late = advance(
        thread, said(thread, REPORT, by=B, at=limit + 30 * DAY), table=SOCIAL_INQUIRY, sending=True
    ).thread
    assert state_at(late, limit + 31 * DAY, table=SOCIAL_INQUIRY) is InquiryState.REPORTED


def test_a_report_goes_stale_with_age() -> None:
    thread = talk((B, REPORT))
    old = datetime(2026, 9, 2, 12, tzinfo=UTC)
    assert state_at(thread, old - DAY, table=SOCIAL_INQUIRY) == "reported"
    assert state_at(thread, old, table=SOCIAL_INQUIRY) is InquiryState.STALE


def test_nudge_then_escalate_once_overdue() -> None:
    thread = talk()
    assert thread.due
    late = thread.due.at
    nudge = said(thread, "nudge", by=A, at=late)
    early = said(thread, "nudge", by=A, at=late - timedelta(seconds=1))
    escalation = said(thread, "escalate", by=A, at=late)
    refusal = refused(thread, escalation, sending=True)
    assert [entry.code for entry in refusal.missing] == ["missing.nudge"]
    assert refused(thread, early, sending=True).missing[0].code == "missing.overdue"
    a_day_early = said(thread, "nudge", by=A, at=late - timedelta(days=1, seconds=1))
    assert refused(thread, a_day_early).code == "conversation.not_now"
    advance(thread, early, table=SOCIAL_INQUIRY, sending=False)  # another time-zone database counts earlier
    nudged = advance(thread, nudge, table=SOCIAL_INQUIRY, sending=True)
    assert nudged.effects == (Effect.REMIND,)
    raised = advance(
        nudged.thread, dataclasses.replace(escalation, id=MessageId("e")), table=SOCIAL_INQUIRY, sending=True
    )
    assert raised.effects == (Effect.RAISE_TO_SUPERVISOR, Effect.OFFER_INTERMEDIARY)
    assert raised.thread.state == "requested"


def test_a_question_moves_the_deadline_by_the_time_that_its_answer_took() -> None:
    thread = talk((B, "accept"))
    assert thread.due
    base = thread.due.at
    asked = advance(
        thread, said(thread, "query", by=B, name="q", at=START + DAY), table=SOCIAL_INQUIRY, sending=True
    ).thread
    assert asked.due
    assert asked.due.at == base + 14 * DAY
    answer = said(asked, "answer", by=A, at=START + 4 * DAY, in_reply_to="q")
    answered = advance(asked, answer, table=SOCIAL_INQUIRY, sending=True).thread
    assert answered.due
    assert answered.due.at == base + 3 * DAY
    slow = advance(
        asked, dataclasses.replace(answer, issued_at=START + 40 * DAY), table=SOCIAL_INQUIRY, sending=True
    ).thread
    assert slow.due
    assert slow.due.at == base + 14 * DAY


def test_a_new_date_moves_the_report_once_and_within_bounds() -> None:
    thread = talk((B, "accept"))
    assert thread.due
    for promised in ("2026-06-02", "2026-09-03", "20260701", "2026-W27-3", "soon", None):
        note = said(thread, "progress", by=B, coded={"new_due_on": promised})
        assert refused(thread, note, sending=True).code == "conversation.new_date"
    note = said(thread, "progress", by=B, coded={"new_due_on": "2026-07-10"})
    extended = advance(thread, note, table=SOCIAL_INQUIRY, sending=True).thread
    assert extended.due
    assert extended.due.at == datetime(2026, 7, 11, tzinfo=UTC)
    assert extended.extended


def test_only_questions_asked_after_a_new_date_move_it() -> None:
    thread = talk((B, "accept"), (B, "query"), (A, "answer"))
    note = said(thread, "progress", by=B, at=START + DAY, coded={"new_due_on": "2026-07-10"})
    extended = advance(thread, note, table=SOCIAL_INQUIRY, sending=True).thread
    assert extended.due
    assert extended.due.at == datetime(2026, 7, 11, tzinfo=UTC)
    asked = said(extended, "query", by=B, at=START + 2 * DAY)
    paused = advance(extended, asked, table=SOCIAL_INQUIRY, sending=True).thread
    assert paused.due
    assert paused.due.at == datetime(2026, 7, 25, tzinfo=UTC)


def test_what_is_overdue_stays_overdue_whatever_is_asked_then() -> None:
    thread = talk()
    acceptance, report = (one.due.at for one in thread.owed)
    for at, moved_by in ((acceptance - timedelta(seconds=1), 14), (acceptance, 0), (acceptance + 9 * DAY, 0)):
        asked = advance(thread, said(thread, "query", by=B, at=at), table=SOCIAL_INQUIRY, sending=True).thread
        rows = {one.obligation: one for one in asked.owed if one.main}
        assert rows["acceptance"].due.at == acceptance + moved_by * DAY
        assert rows["report"].due.at == report + 14 * DAY, "its own deadline had not passed"
        assert stopped(asked, rows["acceptance"], table=SOCIAL_INQUIRY) == bool(moved_by)
        assert stopped(asked, rows["report"], table=SOCIAL_INQUIRY)


def test_a_second_question_counts_by_where_the_deadline_stood_when_it_was_asked() -> None:
    thread = talk()
    acceptance = thread.owed[0].due.at
    first = said(thread, "query", by=B, name="q1", at=acceptance - DAY)
    # Answered after three days: due three days later. A question on the second of them is in time.
    answer = said(thread, "answer", by=A, at=acceptance + 2 * DAY, in_reply_to="q1")
    for at, due in (
        (acceptance + 3 * DAY - timedelta(seconds=1), acceptance + 17 * DAY),
        (acceptance + 3 * DAY, acceptance + 3 * DAY),
    ):
        second = said(thread, "query", by=B, name="q2", at=at)
        for order in permutations((first, answer, second)):
            again = rebuilt(thread, order, table=SOCIAL_INQUIRY)
            assert again.owed[0].due.at == due


def test_a_new_date_that_comes_too_late_is_taken_and_moves_nothing() -> None:
    thread = talk((B, "accept"))
    assert thread.due
    for at, due in (
        (thread.due.at - timedelta(seconds=1), datetime(2026, 7, 11, tzinfo=UTC)),
        (thread.due.at, thread.due.at),
    ):
        note = said(thread, "progress", by=B, at=at, coded={"new_due_on": "2026-07-10"})
        promised = advance(thread, note, table=SOCIAL_INQUIRY, sending=True).thread
        assert promised.due
        assert promised.due.at == due
        assert promised.extended
        asked = said(promised, "query", by=B, at=at + DAY)
        later = advance(promised, asked, table=SOCIAL_INQUIRY, sending=True).thread
        assert later.due
        assert (later.due.at == due) == (due == thread.due.at)


def test_a_question_of_who_waits_stops_no_clock_of_who_owes() -> None:
    thread = talk(table=DURABLE_SOLUTION)
    asked = advance(thread, said(thread, "query", by=A, at=START + DAY), table=DURABLE_SOLUTION, sending=True)
    assert [one.due for one in asked.thread.owed if one.main] == [one.due for one in thread.owed]


@pytest.mark.parametrize(("urgency", "hours"), [("ordinary", 336), ("urgent", 72), ("emergency", 12)])
def test_the_more_urgent_a_request_the_shorter_a_question_stops_it(urgency: str, hours: int) -> None:
    """Whatever urgency the question itself says it has."""
    request = opening(SOCIAL_INQUIRY, urgency=urgency)
    thread = advance(None, request, table=SOCIAL_INQUIRY, sending=True).thread
    first = thread.owed[0].due
    for own in ("ordinary", "emergency"):
        asked_at = START + timedelta(hours=1)
        question = said(thread, "query", by=B, name="q", at=asked_at, urgency=own)
        asked = advance(thread, question, table=SOCIAL_INQUIRY, sending=True).thread
        for one in (asked, thread_from_json(asked.to_json())):
            owed = with_clock(one, SOCIAL_INQUIRY).owed
            assert owed[0].due.at == first.at + timedelta(hours=hours)
            assert owed[-1].message == "q"
            assert owed[-1].due.at <= asked_at + timedelta(hours=hours), "its answer is owed by then"


def test_terms_that_an_earlier_release_stored_are_ordinary() -> None:
    thread = advance(
        None, opening(SOCIAL_INQUIRY, urgency="urgent"), table=SOCIAL_INQUIRY, sending=True
    ).thread
    assert thread.terms
    stored = thread.terms.to_json()
    del stored["urgency"]
    assert Terms.from_json(stored) == dataclasses.replace(thread.terms, urgency="ordinary")


def test_a_question_about_a_notification_stops_no_clock() -> None:
    notified, asked = talk(table=CASE), talk((B, "query"), table=CASE)
    assert asked.due == notified.due is not None


def test_a_redirection_stays_within_the_state_and_never_turns_back() -> None:
    thread = talk()
    for target in ("fr.ase", "ro.anpdca", "it.servizio-minori", None, 7):
        move = said(thread, "redirect", by=B, coded={"redirected_to": target})
        assert refused(thread, move, sending=True).code == "conversation.redirect_target"
    redirected = talk((B, "redirect"))
    assert redirected.answerer == OFFICES[1]
    former = said(redirected, "accept", by=B, sender=OFFICES[0])
    assert refused(redirected, former, sending=True).code == "conversation.not_now"
    assert moves_from(redirected, OFFICES[0], START, table=SOCIAL_INQUIRY) == ()


def test_next_steps_say_what_is_missing_and_what_can_be_replied_to() -> None:
    thread = talk((B, "query"))
    steps = {move.type: move for move in moves_from(thread, ASKER, START + DAY, table=SOCIAL_INQUIRY)}
    assert set(steps) == {"answer", "withdraw", "nudge", "escalate", "relay.attestation"}
    assert steps["answer"].replies_to == tuple(entry.id for entry in thread.open_questions(A))
    assert not steps["answer"].missing
    assert [entry.code for entry in steps["escalate"].missing] == ["missing.overdue", "missing.nudge"]
    assert moves_from(thread, STRANGER, START, table=SOCIAL_INQUIRY) == ()


def test_a_message_that_the_other_node_refused_can_be_taken_back_out() -> None:
    thread, messages = talk_over((B, "accept"), (B, "query"), (A, "answer"), (B, REPORT))
    acceptance, _, answer, report = messages
    rest = rebuilt(thread, [acceptance, answer, report], table=SOCIAL_INQUIRY)
    assert [entry.id for entry in rest.entries] == [OPENING, acceptance.id, report.id]
    assert rebuilt(thread, [], table=SOCIAL_INQUIRY) == talk()
    assert rebuilt(thread, messages, table=SOCIAL_INQUIRY) == thread


def test_a_conversation_is_rebuilt_from_what_was_said_in_any_order_with_its_collection() -> None:
    thread, messages = talk_over((B, "accept"), (B, "query"), (A, "answer"), (B, REPORT))
    at = START + 9 * DAY
    complete = collected(thread, messages[-1].id, by=ASKER, at=at, table=SOCIAL_INQUIRY).thread
    assert complete.state == "complete"
    for order in permutations(messages):
        again = rebuilt(complete, order, table=SOCIAL_INQUIRY, collected_at={messages[-1].id: at})
        assert (again.state, again.due) == (complete.state, complete.due)
        assert frozenset(again.entries) == frozenset(complete.entries)
    without_report = rebuilt(
        complete, messages[:-1], table=SOCIAL_INQUIRY, collected_at={messages[-1].id: at}
    )
    assert without_report.state == "accepted"
    assert not any(without_report.said("collection"))


def test_of_two_messages_that_cannot_both_stand_the_one_that_both_nodes_know_has_the_right_of_way() -> None:
    thread = talk()
    one, two = (said(thread, "accept", by=B, name=name) for name in ("one", "two"))

    def left(before: Thread, *unanswered: Content) -> list[str]:
        names = {message.id for message in unanswered}
        again = rebuilt(before, [one, two], table=SOCIAL_INQUIRY, unanswered=names)
        return [entry.id for entry in again.entries if entry.id != OPENING]

    assert left(thread) == ["one"]
    second = advance(thread, two, table=SOCIAL_INQUIRY, sending=True).thread
    assert left(second) == left(second, one) == left(second, one, two) == ["two"], (
        "what counts goes on counting"
    )
    assert left(second, two) == ["one"]


def test_what_counts_in_a_conversation_is_not_displaced_by_what_counts_again() -> None:
    """The new office declined, redirected when that had not counted, and its refusal was taken after all."""
    thread, messages = talk_over((B, "redirect"), (B, "redirect"), (A, "withdraw"))
    refusal = said(thread, "decline", by=B, sender=OFFICES[1])
    again = rebuilt(thread, [refusal, *messages], table=SOCIAL_INQUIRY)
    assert again == advance(thread, refusal, table=SOCIAL_INQUIRY, sending=False).thread
    assert (again.state, again.answerers) == ("declined", OFFICES)


def test_a_conversation_survives_storage_as_plain_json() -> None:
    for moves, _ in STATES.values():
        thread = talk(*moves)
        assert thread_from_json(json.loads(json.dumps(thread.to_json()))) == thread


def test_procedures_are_found_by_message_type() -> None:
    assert procedure_of("guardian.notice") == "case"
    assert procedure_of(REPORT) == "social-inquiry"
    assert procedure_of("accept") is None
    assert procedure_of("accept", talk()) == "social-inquiry"
    for unknown in ("ds.propose", ""):
        with pytest.raises(NotAcceptable, match="unknown_procedure"):
            procedure_of(unknown)
    with pytest.raises(NotAcceptable, match="unknown_procedure"):
        table_for("extradition")
