"""What was accepted on paper stands only while nobody has said an end to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocol.conversations import Thread
from protocol.conversations.durable_solution import paper_consents
from protocol.conversations.table import PAPER_CONSENT, Party
from protocol.conversations.thread import Entry
from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.version_end import VersionEnd, version_end

IT, MD = Address("it.servizio-minori"), Address("md.protectia-copilului")
BEGUN = datetime(2026, 11, 2, 9, tzinfo=UTC)
CONFIRMED = BEGUN + timedelta(hours=10)
AGREEMENT = "A" * 43
PROPOSAL, COUNTER = "durable-solution.proposal", "durable-solution.counter-proposal"
REFUSAL, REVOCATION = "durable-solution.refusal", "durable-solution.revocation"


@dataclass(frozen=True, kw_only=True)
class Spoken:
    id: MessageId
    type: str
    thread: ThreadId
    in_reply_to: MessageId | None
    sender: Address
    issued_at: datetime
    coded: Mapping[str, Any] = field(default_factory=dict)


def said(name: str, type_: str, to: str | None, hours: float, by: Address = MD, **coded: Any) -> Spoken:
    return Spoken(
        id=MessageId(name),
        type=type_,
        thread=ThreadId(MessageId("elsewhere" if name.startswith("other") else "first")),
        in_reply_to=None if to is None else MessageId(to),
        sender=by,
        issued_at=BEGUN + timedelta(hours=hours),
        coded=coded,
    )


VERSION = said("first", PROPOSAL, None, 0, IT)


def end(*more: Spoken, settled: Sequence[str] = ()) -> VersionEnd | None:
    return version_end(
        VERSION,
        (VERSION, *more),
        agreement=AGREEMENT,
        confirmed_at=CONFIRMED,
        settled={MessageId(one) for one in settled},
    )


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("refused", said("no", REFUSAL, "first", 20)),
        ("refused", said("no", REFUSAL, "first", 5)),
        ("withdrawn", said("back", "withdraw", "first", 20, IT)),
        ("revoked", said("over", REVOCATION, "first", 20)),
        ("superseded", said("newer", COUNTER, "first", 5)),
    ],
)
def test_an_end_said_by_either_side_is_found_whenever_it_was_said(kind: str, ending: Spoken) -> None:
    found = end(ending)
    assert found is not None
    assert (found.kind, found.by, found.at, found.message) == (
        kind,
        ending.sender,
        ending.issued_at,
        ending.id,
    )


def test_who_answers_withdraws_nothing() -> None:
    assert end(said("back", "withdraw", "first", 20, MD)) is None


def test_a_version_put_on_the_table_afterwards_changes_nothing_until_it_is_settled() -> None:
    newer = said("newer", COUNTER, "first", 20)
    assert end(newer) is None
    assert end(newer, said("no", REFUSAL, "newer", 21)) is None, "refusing it refuses nothing else"
    found = end(newer, settled=["newer"])
    assert found is not None
    assert found.kind == "superseded"


def test_one_that_amends_it_in_another_conversation_replaces_it_once_settled() -> None:
    other = said("other", PROPOSAL, None, 20, amends=AGREEMENT)
    assert end(other) is None
    found = end(other, settled=["other"])
    assert found is not None
    assert found.kind == "superseded"


def test_the_first_end_is_shown() -> None:
    found = end(said("over", REVOCATION, "first", 30), said("no", REFUSAL, "first", 20))
    assert found is not None
    assert found.kind == "refused"


@pytest.mark.parametrize(("hours", "counts"), [(5, False), (10, False), (11, True)])
def test_a_consent_that_crossed_a_newer_version_is_none_at_either_node(hours: float, counts: bool) -> None:
    def entry(name: str, type_: str, at: datetime) -> Entry:
        to = MessageId("first")
        return Entry(id=MessageId(name), type=type_, sender=MD, by=Party.ANSWERER, in_reply_to=to, at=at)

    countered = entry("newer", COUNTER, BEGUN + timedelta(hours=hours))
    consent = entry("paper", PAPER_CONSENT, CONFIRMED)
    for entries in ((countered, consent), (consent, countered)):
        thread = opened(entries)
        assert bool(paper_consents(thread)) is counts


def opened(entries: tuple[Entry, ...]) -> Thread:
    first = Entry(
        id=VERSION.id, type=PROPOSAL, sender=IT, by=Party.ASKER, in_reply_to=None, at=VERSION.issued_at
    )
    return Thread(
        id=ThreadId(VERSION.id),
        procedure="durable-solution",
        case=CaseReference("K7QM-3XPT-9V2D-6"),
        state="proposed",
        asker=IT,
        answerers=(MD,),
        opened_at=BEGUN,
        terms=None,
        due=None,
        entries=(first, *entries),
    )
