"""The node that owes the answer learns that the other counts otherwise: once, from signed evidence, and never
so that a deadline moves later, or far."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import Session

from protocol import evidence, statements
from protocol.bundle import verify_bundle
from protocol.deadlines import Due
from protocol.evidence import About, read_evidence
from protocol.identifiers import CaseReference, MessageId, NodeCode, StateCode, ThreadId
from protocol.statements import Statement, StatementType, digest, read
from service import exchange
from service.exchange.receipts import take_receipts
from service.exchange.views import Accepted, DeadlineQuery, DeadlineView
from service.monitor.reminders import Reminders
from service.store import deadlines, mailbox
from service.store.tables import DEADLINE
from tests.service.exchange_pair import Pair, Side, message, open_pair
from tests.service.test_restoration import copied
from tests.service.test_restored_own_messages import restored, rounds, verifies


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


async def asked(pair: Pair, by: timedelta = timedelta(0)) -> tuple[CaseReference, Accepted]:
    """An inquiry whose report `it` counts otherwise than `ro`, and everything has arrived."""
    case = await pair.open_case()
    await pair.notify(case)
    request = await asked_and_kept(pair, case, by)
    await pair.settle()
    return case, request


async def asked_and_kept(pair: Pair, case: CaseReference, by: timedelta) -> Accepted:
    """`it` counts as if its machine had other data; the message has not left."""
    request = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))

    def other(session: Session) -> None:
        connection = session.connection()
        thread = mailbox.load_thread(connection, ThreadId(request.id))
        assert thread is not None
        assert thread.terms is not None

        def moved(due: Due) -> Due:
            return dataclasses.replace(due, at=due.at + by) if due.obligation == "report" else due

        terms = dataclasses.replace(thread.terms, dues=tuple(moved(due) for due in thread.terms.dues))
        owed = tuple(dataclasses.replace(one, due=moved(one.due)) for one in thread.owed)
        changed = dataclasses.replace(thread, terms=terms, owed=owed)
        mailbox.save_thread(connection, changed, now=pair.clock.now(), new=False)

    await pair.it.node.store.write(other)
    return request


async def counted(side: Side, message: str, obligation: str = "report") -> datetime:
    """What the node that received it said in its evidence, before anything moved."""
    (row,) = await side.rows(
        "select token from evidence where id = :id and kind = 'content-consigned'", id=message
    )
    text = read_evidence(read(row["token"], typ=StatementType.EVIDENCE)).facts[f"due.{obligation}"]
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


async def report_of(side: Side, case: CaseReference) -> DeadlineView:
    page = await exchange.deadlines(side.node, side.officer, DeadlineQuery(case=case))
    (one,) = [one for one in page.deadlines if one.obligation == "report"]
    return one


async def known(side: Side) -> list[Mapping[str, Any]]:
    return await side.rows("select obligation, peer, cause from clock_difference order by obligation")


async def notices(side: Side) -> list[str]:
    rows = await side.rows("select audience from notice where kind = 'clock-differs' order by audience")
    return [row["audience"] for row in rows]


async def proofs(side: Side, kind: str = "clock-differs") -> list[Mapping[str, Any]]:
    return await side.rows("select token, issuer, ours from evidence where kind = :kind", kind=kind)


async def statement_digest(side: Side, message: str) -> str:
    (row,) = await side.rows("select statement_digest from message where id = :id", id=message)
    return str(row["statement_digest"])


def said_by_it(pair: Pair, about: About, facts: Mapping[str, str], *, signer: str = "it") -> Statement:
    return evidence.issue(
        "clock-differs",
        about=about,
        issuer=NodeCode(signer),
        previous=None,
        directory=pair.world.directory.snapshot.digest,
        vocabulary="2026.11",
        issued_at=pair.clock.now(),
        key=pair.world.signing[signer],
        facts=facts,
    )


async def take(pair: Pair, *said: Statement, sender: str = "it") -> None:
    now = pair.clock.now()
    await pair.ro.node.store.write(
        lambda session: take_receipts(pair.ro.node, session, said, NodeCode(sender), now)
    )


def left_out(side: Side) -> float:
    for line in side.node.metrics.exposition().decode().splitlines():
        if line.startswith('fp_clock_claims_left_out_total{peer="it"}'):
            return float(line.rpartition(" ")[2])
    return 0.0


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_office_that_owes_is_told_and_reminded_by_the_earlier_instant(pair: Pair) -> None:
    async def play() -> None:
        case, request = await asked(pair, timedelta(hours=-3))
        ours = await counted(pair.ro, request.id)
        for side, other in ((pair.it, "ro"), (pair.ro, "it")):
            assert await known(side) == [{"obligation": "report", "peer": other, "cause": "unexplained"}]
            assert await notices(side) == ["officer", "operator"]
            (entry,) = [
                one
                for one in (await exchange.case_timeline(side.node, side.officer, case)).entries
                if one.kind == "clock-differs"
            ]
            assert entry.due is not None
            assert entry.due.at == ours - timedelta(hours=3)
        report = await report_of(pair.ro, case)
        assert report.due.at == ours - timedelta(hours=3)
        assert report.differs is not None
        assert (report.differs.node, report.differs.ours_at) == ("it", ours)
        (notice,) = await pair.ro.rows(
            "select authority, subject from notice where kind = 'clock-differs' and audience = 'officer'"
        )
        assert dict(notice) == {"authority": pair.ro.office, "subject": request.id}
        # Its own ladder goes by the earlier one.
        pair.clock.moment = ours - timedelta(hours=3)
        await Reminders(pair.ro.node).look()
        steps = await pair.ro.rows("select step from reminder where obligation = 'report'")
        assert [row["step"] for row in steps] == ["due-soon", "overdue"]

    asyncio.run(play())


def test_both_hold_the_signed_word_of_it_and_only_of_what_differs(pair: Pair) -> None:
    async def play() -> None:
        _, request = await asked(pair, timedelta(hours=-3))
        (mine,), (theirs,) = await proofs(pair.it), await proofs(pair.ro)
        assert mine["token"] == theirs["token"]
        assert (mine["ours"], theirs["ours"]) == (1, 0)
        said = read_evidence(read(theirs["token"], typ=StatementType.EVIDENCE))
        assert said.about.id == request.id
        assert {name for name in said.facts if name.startswith("due.")} == {"due.report"}
        assert {"calendar", "deadlines", "time_zones"} <= said.facts.keys()
        (consigned,) = await pair.ro.rows(
            "select digest from evidence where id = :id and kind = 'content-consigned'", id=request.id
        )
        assert said.previous == consigned["digest"]

    asyncio.run(play())


def test_nodes_that_agree_say_nothing_more(pair: Pair) -> None:
    async def play() -> None:
        await asked(pair)
        for side in (pair.it, pair.ro):
            assert await proofs(side) == []
            assert await known(side) == []

    asyncio.run(play())


def test_a_later_count_moves_nothing(pair: Pair) -> None:
    async def play() -> None:
        case, request = await asked(pair, timedelta(days=3))
        ours = await counted(pair.ro, request.id)
        report = await report_of(pair.ro, case)
        assert report.due.at == ours
        assert report.differs is not None
        assert report.differs.theirs_at == ours + timedelta(days=3)
        assert await notices(pair.ro) == ["officer", "operator"]

    asyncio.run(play())


def test_the_others_word_hurries_whoever_owes_by_a_day_at_most(pair: Pair) -> None:
    async def play() -> None:
        case, request = await asked(pair, timedelta(days=-20))
        ours = await counted(pair.ro, request.id)
        report = await report_of(pair.ro, case)
        assert report.due.at == ours - timedelta(days=1)
        assert report.differs is not None, "and both counts are shown"
        assert (report.differs.ours_at, report.differs.theirs_at) == (ours, ours - timedelta(days=20))
        (entry,) = [
            one
            for one in (await exchange.case_timeline(pair.ro.node, pair.ro.officer, case)).entries
            if one.kind == "clock-differs"
        ]
        assert entry.due is not None
        assert entry.due.at == ours - timedelta(days=1)
        # The side that waits sees its own count, as before.
        assert (await report_of(pair.it, case)).due.at == ours - timedelta(days=20)

    asyncio.run(play())


def test_a_word_that_was_lost_on_its_way_or_comes_twice_is_told_once(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        before = len(pair.hub.carried)
        _, request = await asked(pair, timedelta(hours=-3))
        envelopes = [data for to, data in pair.hub.carried[before:] if to == "ro"]
        await pair.ro.receive(*envelopes)
        await pair.ro.receive(*reversed(envelopes))
        for _ in range(2):
            await pair.reconcile("it")
            await pair.reconcile("ro")
            await pair.settle()
        assert len(await proofs(pair.ro)) == 1
        assert await notices(pair.ro) == ["officer", "operator"]
        # The same again from a node that was put back and found the difference anew.
        again = said_by_it(
            pair,
            About(
                sender_node=NodeCode("it"),
                id=MessageId(request.id),
                manifest_digest=None,
                statement_digest=await statement_digest(pair.ro, request.id),
            ),
            {"due.report": written(await counted(pair.ro, request.id) - timedelta(hours=3))},
        )
        await take(pair, again)
        assert len(await proofs(pair.ro)) == 1
        assert await notices(pair.ro) == ["officer", "operator"]

    asyncio.run(play())


def test_it_arrives_although_the_hub_lost_it(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await asked_and_lost(pair, case)
        assert await known(pair.ro) == []
        pair.clock.pass_by(hours=2)
        await pair.settle()
        await pair.reconcile("it")
        await pair.reconcile("ro")
        pair.clock.pass_by(hours=2)
        await pair.settle()
        assert [row["obligation"] for row in await known(pair.ro)] == ["report"]
        assert await notices(pair.ro) == ["officer", "operator"]

    async def asked_and_lost(pair: Pair, case: CaseReference) -> None:
        await asked_and_kept(pair, case, timedelta(hours=-3))
        await pair.release(pair.it)
        await pair.deliver("ro")
        await pair.release(pair.ro)
        await pair.deliver("it")
        assert len(await proofs(pair.it)) == 1
        await pair.release(pair.it)
        pair.hub.lose_everything()

    asyncio.run(play())


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"due.report": "soon"},
        {"due.report": "0001-01-01T00:00:00Z"},
        {"due.report": "9999-12-31T23:59:59Z"},
        {"due.return-of-the-child": "2026-12-01T00:00:00Z"},
        {"due.answer": "2026-12-01T00:00:00Z"},
        {"report": "2026-12-01T00:00:00Z", "time_zones": "2019a"},
    ],
)
def test_what_is_no_count_of_anything_owed_is_left_out_and_counted(pair: Pair, facts: dict[str, str]) -> None:
    async def play() -> None:
        case, request = await asked(pair)
        before = (await report_of(pair.ro, case)).due.at
        about = About(
            sender_node=NodeCode("it"),
            id=MessageId(request.id),
            manifest_digest=None,
            statement_digest=await statement_digest(pair.ro, request.id),
        )
        await take(pair, said_by_it(pair, about, facts))
        assert await known(pair.ro) == await proofs(pair.ro) == await notices(pair.ro) == []
        assert (await report_of(pair.ro, case)).due.at == before
        assert left_out(pair.ro) == 1.0

    asyncio.run(play())


def test_a_difference_that_is_none_is_not_told(pair: Pair) -> None:
    async def play() -> None:
        _, request = await asked(pair)
        about = About(
            sender_node=NodeCode("it"),
            id=MessageId(request.id),
            manifest_digest=None,
            statement_digest=await statement_digest(pair.ro, request.id),
        )
        same = written(await counted(pair.ro, request.id))
        await take(pair, said_by_it(pair, about, {"due.report": same}))
        assert await known(pair.ro) == await proofs(pair.ro) == await notices(pair.ro) == []
        assert left_out(pair.ro) == 1.0

    asyncio.run(play())


def test_nobody_speaks_of_messages_that_are_not_its_own(pair: Pair) -> None:
    async def play() -> None:
        case, request = await asked(pair)
        ours = await pair.ro.send(
            message("query", case, pair.ro.office, pair.it.office, in_reply_to=request.id)
        )
        await pair.settle()
        earlier = {"due.report": "2026-12-01T00:00:00Z", "due.answer": "2026-12-01T00:00:00Z"}
        its_own = await statement_digest(pair.ro, request.id)
        for sender, id_, bytes_, signer in (
            ("it", "6f7b3a52-0000-4000-8000-000000000000", its_own, "it"),  # of no message
            ("ro", ours.id, await statement_digest(pair.ro, ours.id), "ro"),  # of ours
            ("it", request.id, digest(b"another"), "it"),  # of another statement under its id
        ):
            about = About(
                sender_node=NodeCode(sender),
                id=MessageId(id_),
                manifest_digest=None,
                statement_digest=bytes_,
            )
            await take(pair, said_by_it(pair, about, earlier, signer=signer))
        about = About(
            sender_node=NodeCode("it"),
            id=MessageId(request.id),
            manifest_digest=None,
            statement_digest=its_own,
        )
        # Of the right message, and from a node that did not send it.
        await take(pair, said_by_it(pair, about, earlier), sender="fr")
        assert await known(pair.ro) == await proofs(pair.ro) == await notices(pair.ro) == []

    asyncio.run(play())


def test_of_a_thousand_words_about_one_message_one_is_kept(pair: Pair) -> None:
    async def play() -> None:
        case, request = await asked(pair)
        ours = await counted(pair.ro, request.id)
        about = About(
            sender_node=NodeCode("it"),
            id=MessageId(request.id),
            manifest_digest=None,
            statement_digest=await statement_digest(pair.ro, request.id),
        )
        many = [
            said_by_it(pair, about, {"due.report": written(ours - timedelta(minutes=number))})
            for number in range(1, 1_001)
        ]
        await take(pair, *many)
        assert len(await proofs(pair.ro)) == len(await known(pair.ro)) == 1
        assert await notices(pair.ro) == ["officer", "operator"]
        assert (await report_of(pair.ro, case)).due.at == ours - timedelta(minutes=1)
        assert left_out(pair.ro) == 999.0

    asyncio.run(play())


def test_a_node_that_does_not_know_a_kind_takes_what_stands_beside_it(pair: Pair) -> None:
    """As a node of an earlier release does with `clock-differs`."""

    async def play() -> None:
        case, request = await asked(pair)
        ours = await counted(pair.ro, request.id)
        about = About(
            sender_node=NodeCode("it"),
            id=MessageId(request.id),
            manifest_digest=None,
            statement_digest=await statement_digest(pair.ro, request.id),
        )
        beside = said_by_it(pair, about, {"due.report": written(ours - timedelta(hours=1))})
        later = statements.issue(
            StatementType.EVIDENCE,
            {**beside.claims, "kind": "of-a-later-release"},
            pair.world.signing["it"],
        )
        await take(pair, later, beside)
        assert await proofs(pair.ro, "of-a-later-release") == []
        assert (await report_of(pair.ro, case)).due.at == ours - timedelta(hours=1)

    asyncio.run(play())


def test_what_is_owed_again_is_owed_at_the_earlier_instant(pair: Pair) -> None:
    """An answer that was refused discharges nothing: its deadline is listed anew, and no later."""

    async def play() -> None:
        case, request = await asked(pair, timedelta(hours=-3))
        before = (await report_of(pair.ro, case)).due.at

        def listed_anew(session: Session) -> None:
            connection = session.connection()
            thread = mailbox.load_thread(connection, ThreadId(request.id))
            assert thread is not None
            now = pair.clock.now()
            deadlines.save(connection, dataclasses.replace(thread, owed=()), now=now, new=False)
            deadlines.save(connection, thread, now=now, new=False)

        await pair.ro.node.store.write(listed_anew)
        assert (await report_of(pair.ro, case)).due.at == before

    asyncio.run(play())


@pytest.mark.parametrize(
    ("owed_by", "told", "held"),
    [("it.servizio-minori", False, 1), ("ro.anpdca", False, 20), ("md.tutela", True, 1)],
)
def test_the_bound_holds_for_whoever_owes_also_where_evidence_of_receipt_says_it(
    pair: Pair, owed_by: str, told: bool, held: int
) -> None:
    """The State that confirmed a handover owes its follow-ups: there the sender of the message is hurried.
    And an intermediary is told what a State owes that has no node."""

    async def play() -> None:
        case, request = await asked(pair)
        ours = (await report_of(pair.it, case)).due.at

        def differ(session: Session) -> datetime | None:
            connection = session.connection()
            connection.execute(
                update(DEADLINE).where(DEADLINE.c.obligation == "report").values(owed_by=owed_by)
            )
            values = {
                "message": request.id,
                "obligation": "report",
                "thread": request.id,
                "case_reference": case,
                "peer": "ro",
                "ours_at": ours,
                "theirs_at": ours - timedelta(days=20),
                "cause": "unexplained",
            }
            now = pair.clock.now()
            return deadlines.differ(connection, values, state=StateCode("it"), told=told, now=now)

        assert await pair.it.node.store.write(differ) == ours - timedelta(days=held)
        assert (await report_of(pair.it, case)).due.at == ours - timedelta(days=held)

    asyncio.run(play())


def test_both_bundles_verify_with_it(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await asked(pair, timedelta(hours=-3))
        await verifies(pair, pair.it, case)
        await verifies(pair, pair.ro, case)

    asyncio.run(play())


@pytest.mark.parametrize("code", ["it", "ro"])
def test_a_node_that_was_put_back_knows_it_again_and_nobody_is_told_twice(
    pair: Pair, tmp_path: Path, code: str
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        copy = copied(pair.side(code), tmp_path / "copy.db")
        await asked_and_kept(pair, case, timedelta(hours=-3))
        await pair.settle()
        await restored(pair, code, copy)
        await rounds(pair)
        for side, ours in ((pair.it, 1), (pair.ro, 0)):
            (proof,) = await proofs(side)
            assert proof["ours"] == ours
            bundle = await exchange.case_bundle(side.node, side.officer, case)
            found = {one.code for one in verify_bundle(bundle, pair.world.charter_digest).findings}
            # It names the receipt that the node has lost and made anew, which is seen and said.
            assert found == ({"evidence.missing"} if code == "ro" and side is pair.ro else set())
        assert [row["obligation"] for row in await known(pair.ro)] == ["report"]
        assert await notices(pair.ro) == ["officer", "operator"]

    asyncio.run(play())
