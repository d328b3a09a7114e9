"""How timely States answer: a year whose numbers were computed by hand, and what must not move them."""

from __future__ import annotations

import csv as comma_separated
import dataclasses
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from two_nodes import ASKER, OFFICES, OPENING, opening, said

from protocol import indicators
from protocol.claims import Claims
from protocol.conversations import (
    CASE,
    PROCEDURES,
    RISK_ASSESSMENT,
    SOCIAL_INQUIRY,
    Party,
    Table,
    Thread,
    advance,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId
from protocol.indicators import Comparison, Figures, Measured, Outcome, Report, Row, Share, Tally, Told
from protocol.languages import available_languages
from protocol.rendering import printed

A, B = Party.ASKER, Party.ANSWERER
REPORT = "social-inquiry.report"
ASKED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AS_OF = datetime(2027, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

type Said = tuple[str, Party, datetime] | tuple[str, Party, datetime, dict[str, Any]]


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def conversation(*moves: Said, asked: datetime = ASKED, table: Table = SOCIAL_INQUIRY) -> Thread:
    """What was said, each at its moment. A question is answered where the move `answer` follows it."""
    thread = advance(None, opening(table, asked), table=table, sending=True).thread
    for number, (move_type, by, at, *coded) in enumerate(moves):
        questions = thread.open_questions(by)
        statement = said(
            thread,
            move_type,
            by=by,
            at=at,
            name=f"{move_type}-{number}",
            in_reply_to=questions[-1].id if move_type == "answer" else OPENING,
            coded=coded[0] if coded else {},
        )
        thread = advance(thread, statement, table=table, sending=False).thread
    return thread


def arrived(thread: Thread, *, but: tuple[str, ...] = ()) -> Mapping[MessageId, datetime]:
    """Every message was consigned a second after it was signed, but those of these types."""
    return {entry.id: entry.at + SECOND for entry in thread.entries if entry.type not in but}


def measured(thread: Thread, as_of: datetime = AS_OF) -> Measured:
    one = indicators.measured(thread, arrived(thread), as_of=as_of)
    assert one is not None
    return one


NEW_DATE = {"new_due_on": "2026-07-15"}
BY_HAND = {
    # Asked on 2 March at 9.30: acceptance is due when 12 March ends, the report when 2 June ends.
    "accepted on the 3rd day, reported on the 30th": conversation(
        ("accept", B, ASKED + 3 * DAY), (REPORT, B, ASKED + 30 * DAY)
    ),
    "accepted on the 9th day, reported when the time is just over: 93 days": conversation(
        ("accept", B, ASKED + 9 * DAY), (REPORT, B, on("2026-06-03T00:00:00"))
    ),
    "accepted when the time is just over, a new date, kept: 136 days": conversation(
        ("accept", B, on("2026-03-13T00:00:00")),
        ("progress", B, on("2026-05-01T10:00:00"), NEW_DATE),
        (REPORT, B, on("2026-07-15T12:00:00")),
    ),
    "a question that took 6 days, accepted on the 13th, reported past the first date: 98 days": conversation(
        ("query", B, ASKED + 2 * DAY),
        ("answer", A, ASKED + 8 * DAY),
        ("accept", B, ASKED + 13 * DAY),
        (REPORT, B, on("2026-06-07T12:00:00")),
    ),
    "redirected, accepted there a second before the 7 days were over, reported on the 60th": conversation(
        ("redirect", B, ASKED + DAY, {"redirected_to": OFFICES[1]}),
        ("accept", B, ASKED + 7 * DAY - SECOND),
        (REPORT, B, ASKED + 60 * DAY),
    ),
    "reported on the 6th day without a word before": conversation((REPORT, B, ASKED + 6 * DAY)),
    "a question a day after the acceptance was due, reported within its 2 days: 95 days": (
        conversation(
            ("query", B, on("2026-03-14T10:00:00")),
            ("answer", A, on("2026-03-16T10:00:00")),
            ("accept", B, on("2026-03-17T08:00:00")),
            (REPORT, B, on("2026-06-04T12:00:00")),
        )
    ),
    "a new date when the report is 2 days late, kept, and late all the same: 131 days": conversation(
        ("accept", B, ASKED + 3 * DAY),
        ("progress", B, on("2026-06-05T10:00:00"), NEW_DATE),
        (REPORT, B, on("2026-07-10T12:00:00")),
    ),
    "declined on the 4th day": conversation(("decline", B, ASKED + 4 * DAY)),
    "withdrawn on the 30th day, never accepted": conversation(("withdraw", A, ASKED + 30 * DAY)),
    "silence": conversation(),
    "asked on the last day, accepted, a new date in June, not kept so far": conversation(
        ("accept", B, on("2027-01-02T08:00:00")),
        ("progress", B, on("2027-02-01T08:00:00"), {"new_due_on": "2027-06-15"}),
        asked=on("2026-12-31T23:59:59"),
    ),
}
FIGURES = Figures(
    requests=12,
    accepted_in_seven_days=Share(part=5, of=11),
    accepted_in_time=Share(part=7, of=11),
    answered_in_time=Share(part=6, of=10),
    answered_in_first_time=Share(part=3, of=10),
    # 6, 30, 60, 93, 95, 98, 131, 136 and two without an answer: the 5th of 10 is the median, the 9th has no
    # answer.
    days_of=10,
    median_days=95,
    ninetieth_days=None,
    answered=8,
    lapsed=1,
    open=1,
    declined=1,
    withdrawn=1,
    concluded=0,
    extended=3,
    redirected=1,
    paused=2,
    paused_seconds=(6 + 2) * 86_400,
)


def year_by_hand() -> tuple[Row, ...]:
    tally = Tally()
    for thread in BY_HAND.values():
        tally.add(measured(thread))
    return tally.rows()


def test_a_year_reproduces_the_numbers_computed_by_hand() -> None:
    (row,) = year_by_hand()
    assert (row.asking, row.answering, row.procedure) == ("it", "ro", "social-inquiry")
    assert row.figures == FIGURES


def test_the_ends_of_all_requests_add_up_to_the_requests() -> None:
    (row,) = year_by_hand()
    assert row.figures.requests == sum(getattr(row.figures, outcome.value) for outcome in Outcome)


SEVERAL = [
    ("query", B, ASKED + 2 * DAY),
    ("progress", B, ASKED + 3 * DAY, NEW_DATE),
    ("redirect", B, ASKED + 4 * DAY, {"redirected_to": OFFICES[1]}),
    ("accept", B, ASKED + 5 * DAY),
]


def test_the_order_in_which_a_node_learned_of_the_messages_changes_nothing() -> None:
    thread = conversation(*SEVERAL)
    request, *rest = thread.entries
    expected = measured(thread)
    assert (expected.accepted_in_seven_days, expected.extended, expected.redirected) == (True, True, True)
    for order in permutations(rest):
        assert measured(dataclasses.replace(thread, entries=(request, *order))) == expected


def test_what_the_other_node_has_not_got_does_not_count() -> None:
    thread = BY_HAND["accepted on the 3rd day, reported on the 30th"]
    one = indicators.measured(thread, arrived(thread, but=(REPORT,)), as_of=AS_OF)
    assert one is not None
    assert one.outcome is Outcome.LAPSED
    assert one.accepted_in_seven_days
    nothing = indicators.measured(thread, arrived(thread, but=("social-inquiry.request",)), as_of=AS_OF)
    assert nothing is None


def test_evidence_signed_after_the_instant_does_not_count() -> None:
    thread = BY_HAND["reported on the 6th day without a word before"]
    late = {**arrived(thread), thread.entries[1].id: AS_OF}
    one = indicators.measured(thread, late, as_of=AS_OF)
    assert one is not None
    assert one.outcome is Outcome.LAPSED
    just = {**late, thread.entries[1].id: AS_OF - SECOND}
    again = indicators.measured(thread, just, as_of=AS_OF)
    assert again is not None
    assert again.outcome is Outcome.ANSWERED


def test_a_message_that_is_dated_ahead_of_its_evidence_counts_from_its_own_date() -> None:
    """The clocks of two nodes may be minutes apart."""
    thread = BY_HAND["reported on the 6th day without a word before"]
    ahead = {entry.id: entry.at - timedelta(minutes=4) for entry in thread.entries}
    before = indicators.measured(thread, ahead, as_of=ASKED + 6 * DAY - timedelta(minutes=1))
    assert before is not None
    assert before.outcome is Outcome.OPEN


def test_an_acceptance_by_the_authority_that_redirected_is_not_one() -> None:
    thread = conversation(
        ("accept", B, ASKED + DAY),
        ("redirect", B, ASKED + 2 * DAY, {"redirected_to": OFFICES[1]}),
    )
    assert measured(thread).accepted_in_seven_days is False


def test_when_a_node_received_something_is_nowhere_asked() -> None:
    thread = BY_HAND["accepted on the 3rd day, reported on the 30th"]
    at_once = arrived(thread)
    slowly = {message: at + 100 * DAY for message, at in at_once.items()}
    assert indicators.measured(thread, at_once, as_of=AS_OF) == indicators.measured(
        thread, slowly, as_of=AS_OF
    )


def test_what_is_said_after_the_deadline_makes_no_acceptance_timely() -> None:
    late = conversation(("accept", B, ASKED + 12 * DAY), ("query", B, ASKED + 13 * DAY))
    assert measured(late).accepted_in_time is False


def test_a_question_after_the_deadline_makes_no_acceptance_timely() -> None:
    # Due when 12 March ends. Asked on the 13th at 0.00 and answered two days later, accepted the day after.
    due = on("2026-03-13T00:00:00")
    late = conversation(
        ("query", B, due), ("answer", A, due + 2 * DAY), ("accept", B, due + 3 * DAY), asked=ASKED
    )
    in_time = conversation(
        ("query", B, due - SECOND), ("answer", A, due + 2 * DAY), ("accept", B, due + 2 * DAY + SECOND)
    )
    assert measured(late).accepted_in_time is False
    assert measured(in_time).accepted_in_time is True


def test_a_new_date_after_the_deadline_makes_no_answer_timely() -> None:
    due = on("2026-06-03T00:00:00")
    for promised_at, timely in ((due, False), (due - SECOND, True)):
        one = measured(
            conversation(
                ("accept", B, ASKED + DAY),
                ("progress", B, promised_at, NEW_DATE),
                (REPORT, B, on("2026-07-10T12:00:00")),
            )
        )
        assert (one.answered_in_time, one.extended) == (timely, True)


def test_a_question_after_the_last_deadline_stops_no_clock() -> None:
    late = conversation(("query", B, on("2026-06-03T00:00:00")))
    assert measured(late).paused == timedelta()


def test_a_request_whose_time_is_not_over_is_not_judged() -> None:
    one = measured(conversation(), as_of=ASKED + 5 * DAY)
    assert one.outcome is Outcome.OPEN
    assert (one.accepted_in_seven_days, one.accepted_in_time, one.answered_in_time) == (None, None, None)


def test_a_lapsed_request_that_is_answered_after_all_is_answered_late() -> None:
    thread = conversation((REPORT, B, ASKED + 300 * DAY))
    assert measured(thread, as_of=ASKED + 299 * DAY).outcome is Outcome.LAPSED
    one = measured(thread)
    assert (one.outcome, one.answered_in_time) == (Outcome.ANSWERED, False)


def test_an_answer_beats_the_withdrawal_that_it_crossed() -> None:
    thread = conversation(("withdraw", A, ASKED + 5 * DAY), (REPORT, B, ASKED + 5 * DAY))
    assert measured(thread).outcome is Outcome.ANSWERED


def test_a_question_without_an_answer_stops_the_clock_for_as_long_as_it_may() -> None:
    thread = conversation(("query", B, ASKED + DAY))
    assert measured(thread, as_of=ASKED + 3 * DAY).paused == 2 * DAY
    assert measured(thread).paused == 14 * DAY


def test_a_final_assessment_without_the_others_word_is_a_conclusion_and_no_answer() -> None:
    thread = conversation(("risk-assessment.final", A, ASKED + 40 * DAY), table=RISK_ASSESSMENT)
    one = measured(thread)
    assert (one.outcome, one.answered_after) == (Outcome.CONCLUDED, None)
    assert one.answered_in_time is False, "it was due after 30 days"


def test_a_closure_that_was_undone_concludes_nothing() -> None:
    closed = conversation(("case.closure", A, ASKED + DAY), table=CASE)
    assert measured(closed).outcome is Outcome.CONCLUDED
    reopening = said(
        closed, "case.reopening", by=A, at=ASKED + 2 * DAY, name="again", in_reply_to="case.closure-0"
    )
    reopened = advance(closed, reopening, table=CASE, sending=False).thread
    assert measured(reopened).outcome is Outcome.LAPSED


@pytest.mark.parametrize("table", PROCEDURES.values(), ids=PROCEDURES)
def test_silence_is_never_an_answer(table: Table) -> None:
    one = measured(conversation(table=table))
    assert (one.outcome, one.answered_after, one.answered_in_time) == (Outcome.LAPSED, None, False)


@given(st.lists(st.integers(0, 400), max_size=60), st.integers(1, 100))
def test_the_nearest_rank_is_the_smallest_with_enough_at_or_below(days: list[int], percentile: int) -> None:
    found = indicators.nearest_rank(sorted(days), percentile)
    enough = [
        one for one in sorted(days) if 100 * sum(other <= one for other in days) >= percentile * len(days)
    ]
    assert found == (enough[0] if days else None)


# -- what two nodes tell each other


def told(rows: tuple[Row, ...], **changes: Any) -> Told:
    return dataclasses.replace(Told.of(2026, AS_OF, rows), **changes)


def test_what_is_told_is_read_as_it_was() -> None:
    ours = told(year_by_hand())
    assert indicators.read_told(Claims(ours.to_json(), code="channel.malformed")) == ours


def test_every_figure_that_differs_is_named() -> None:
    (row,) = year_by_hand()
    other = dataclasses.replace(
        row, figures=dataclasses.replace(FIGURES, answered=5, open=2, median_days=None)
    )
    found = indicators.differences(told((row,)), told((other,)))
    assert found is not None
    assert {(one.figure, one.ours, one.theirs) for one in found} == {
        ("answered", 8, 5),
        ("open", 1, 2),
        ("median_days", 95, None),
    }
    assert indicators.differences(told((row,)), told((row,))) == ()


@pytest.mark.parametrize("changed", [{"definition": 1}, {"year": 2025}, {"as_of": AS_OF - DAY}])
def test_figures_of_something_else_are_not_compared(changed: dict[str, Any]) -> None:
    assert indicators.differences(told(()), told((), **changed)) is None


@pytest.mark.parametrize("value", [-1, True, "6", 2**53])
def test_a_figure_that_is_no_count_is_refused(value: object) -> None:
    data = told(year_by_hand()).to_json()
    data["rows"][0]["figures"]["answered"] = value
    with pytest.raises(NotAcceptable, match=r"channel\.malformed"):
        indicators.read_told(Claims(data, code="channel.malformed"))


def test_a_figure_that_we_do_not_know_is_left_out() -> None:
    data = told(year_by_hand()).to_json()
    data["rows"][0]["figures"]["a-new-one"] = 1
    assert indicators.read_told(Claims(data, code="channel.malformed")) == told(year_by_hand())


# -- what everybody may see


def row_of(**counts: int) -> Row:
    requests = sum(counts.get(outcome.value, 0) for outcome in Outcome)
    figures = dict.fromkeys(Figures.__dataclass_fields__, 0) | {"requests": requests} | counts
    in_time = figures.pop("in_time", figures["answered"])
    figures |= {"answered_in_time": Share(part=in_time, of=requests), "median_days": 3, "ninetieth_days": 9}
    for name in ("accepted_in_time", "answered_in_first_time"):
        figures[name] = Share(part=0, of=requests)
    seven = figures.pop("seven", requests)
    figures["accepted_in_seven_days"] = Share(part=seven, of=requests)
    (known,) = year_by_hand()
    return dataclasses.replace(known, figures=Figures(**figures))


def test_fewer_than_ten_requests_are_not_told_at_all() -> None:
    told_row = indicators.published(row_of(answered=9))
    assert told_row.requests is None
    assert told_row.to_json() == {
        "asking": "it",
        "answering": "ro",
        "procedure": "social-inquiry",
        "suppressed": True,
    }


counts = st.fixed_dictionaries({outcome.value: st.integers(0, 25) for outcome in Outcome})


@given(counts, st.integers(0, 25), st.integers(0, 150), st.integers(0, 150), st.integers(0, 150))
def test_no_number_under_ten_is_published_nor_follows_from_the_total(
    ends: dict[str, int], in_time: int, seven: int, extended: int, redirected: int
) -> None:
    requests = sum(ends.values())
    row = row_of(
        **ends,
        in_time=min(in_time, ends["answered"]),
        seven=min(seven, requests),
        extended=min(extended, requests),
        redirected=min(redirected, requests),
    )
    told_row = indicators.published(row)
    for question in told_row.questions:
        sizes = Counter(block for block, _ in question.cells)
        assert all(count >= 10 for _, count in question.cells)
        assert sum(count for _, count in question.cells) in (0, requests)
        assert max(sizes.values(), default=1) == 1
    if told_row.days_told:
        assert ends["answered"] >= 10


def test_the_deadline_of_acceptance_is_not_published_beside_the_seven_days() -> None:
    names = {question.name for question in indicators.published(row_of(answered=40, lapsed=20)).questions}
    assert names == {"outcome", "accepted-in-seven-days", "extended", "redirected"}


# -- how it is shown


def report(**changes: Any) -> Report:
    rows = year_by_hand()
    return dataclasses.replace(Report(year=2026, as_of=AS_OF, made_at=AS_OF + 3 * DAY, rows=rows), **changes)


def everything() -> Iterator[Report]:
    differing = indicators.differences(told(year_by_hand()), told(()))
    for found in ((), differing, None):
        one = Comparison(peer="ro", as_of=AS_OF, told_at=AS_OF + 2 * DAY, differences=found)
        yield report(comparisons=(one,))
    yield report(rows=())
    rows = (row_of(answered=40, lapsed=3, in_time=38), row_of(answered=3))
    yield report(rows=(), published=tuple(indicators.published(row) for row in rows))


@pytest.mark.parametrize("language", sorted(available_languages()))
@pytest.mark.parametrize("form", ["text", "html", "pdf"])
def test_every_report_can_be_read_in_every_language(language: str, form: Any) -> None:
    for one in everything():
        document = indicators.document(one, language)
        assert document.language == language
        assert printed(document, form).content


def test_no_language_has_english_left_over() -> None:
    for language in sorted(set(available_languages()) - {"en"}):
        english, theirs = _sentences("en"), _sentences(language)
        assert theirs.keys() == english.keys()
        assert {name for name in theirs if theirs[name] == english[name]} <= {"indicators-share"}, language


def _sentences(language: str) -> dict[str, str]:
    lines = (files("protocol") / "rendering" / "locales" / f"{language}.ftl").read_text("utf-8").splitlines()
    return dict(line.split(" = ", 1) for line in lines if line.startswith("indicators-"))


def test_beside_every_share_stands_the_number_it_is_of() -> None:
    text = printed(indicators.document(report(), "en"), "text").content.decode()
    assert "45 % (5 of 11)" in text
    assert "60 % (6 of 10)" in text
    assert "not reached" in text


def test_the_file_says_what_the_page_says() -> None:
    rows = list(comma_separated.DictReader(io.StringIO(indicators.csv(report(), "en").decode())))
    found = {row["figure"]: (row["value"], row["of"], row["status"]) for row in rows}
    assert found["accepted_in_seven_days"] == ("5", "11", "shown")
    assert found["median_days"] == ("95", "10", "shown")
    assert found["ninetieth_days"] == ("", "10", "not-reached")
    assert found["paused_seconds"] == (str(8 * 86_400), "", "shown")


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    hostile = dataclasses.replace(year_by_hand()[0], procedure='=HYPERLINK("x")')
    cells = indicators.csv(report(rows=(hostile,)), "en").decode()
    assert "'=HYPERLINK" in cells
    assert not any(
        cell.startswith(("=", "+", "@")) for row in comma_separated.reader(io.StringIO(cells)) for cell in row
    )


def test_no_report_names_a_case_an_authority_or_a_message() -> None:
    names = {ASKER, *OFFICES, OPENING, "K7QM-3XPT-9V2D-6"}
    for one in everything():
        shown = printed(indicators.document(one, "en"), "text").content.decode()
        written = indicators.csv(one, "en").decode()
        assert not any(name in place for name in names for place in (shown, written, str(one.to_json())))
