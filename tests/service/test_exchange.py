"""What two nodes owe each other, in one process: real stores, real keys, a hub that does as it is told."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.bundle import verify_bundle
from protocol.content import Draft, NarrativeBlock, sign_content
from protocol.errors import NotAcceptable
from protocol.identifiers import MessageId, ThreadId, new_case_reference
from protocol.vocabularies import RELEASE
from service import exchange
from service.errors import Conflict, Forbidden, NotFound
from service.exchange.accept import Outcome
from service.exchange.letters import Letter, seal
from service.exchange.views import SignedSubmission
from tests.service.exchange_pair import Pair, actor, message, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def new_id() -> MessageId:
    return MessageId(str(uuid.uuid4()))


def test_a_whole_social_inquiry_ends_complete_on_both_sides(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        it, ro = pair.it, pair.ro
        query = await ro.send(message("query", case, ro.office, it.office, in_reply_to=request.id))
        await pair.settle()
        await it.send(message("answer", case, it.office, ro.office, in_reply_to=query.id))
        await pair.settle()
        report = await ro.send(
            message("social-inquiry.report", case, ro.office, it.office, in_reply_to=request.id)
        )
        await pair.settle()
        await exchange.collect(it.node, it.officer, report.id)
        await pair.settle()

        for side in (it, ro):
            states = await side.rows("select state from thread where procedure = 'social-inquiry'")
            assert [row["state"] for row in states] == ["complete"]
        bundle = await exchange.case_bundle(it.node, it.officer, case)
        proven = verify_bundle(bundle, pair.world.charter_digest)
        assert proven.findings == ()
        assert {one.kind.name for one in proven.messages[-1].evidence} == {
            "content-consigned",
            "content-retrieved",
        }

    run(play())


def test_nothing_of_a_message_is_stored_when_it_is_refused(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        careless = message(
            "case.notification", case, pair.it.office, pair.ro.office, declares_no_danger=False
        )
        with pytest.raises(NotAcceptable) as refused:
            await pair.it.send(careless)
        assert refused.value.code == "safeguard.no_danger_declaration"
        for table in ("message", "thread", "evidence", "outbox"):
            assert await pair.it.rows(f"select * from {table}") == []

    run(play())


def test_the_same_request_again_gets_the_first_answer_again(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        submission = message("case.notification", case, pair.it.office, pair.ro.office)
        first = await pair.it.send(submission)
        await pair.settle()
        pair.clock.pass_by(hours=1)
        assert await pair.it.send(submission) == first
        other = replace(submission, urgency="urgent")
        with pytest.raises(Conflict) as refused:
            await pair.it.send(other)
        assert refused.value.code == "id_reused"
        assert len(await pair.it.rows("select id from message")) == 1

    run(play())


def test_a_message_delivered_twice_is_taken_once_and_answered_with_the_same_evidence(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        (envelope,) = pair.hub.waiting["ro"]
        first, second = await pair.ro.receive(envelope, envelope)
        assert isinstance(first, Outcome)
        assert isinstance(second, Outcome)
        assert (first.disposition, second.disposition) == ("consigned", "known")
        assert first.evidence == second.evidence is not None
        assert [row["id"] for row in await pair.ro.rows("select id from message")] == [sent.id]
        await pair.settle()
        assert len(await pair.it.rows("select * from evidence where kind = 'content-consigned'")) == 1

    run(play())


def test_what_the_hub_lost_is_sent_again_under_its_old_number(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        pair.hub.lose_everything()
        assert await pair.release(pair.it) == 0, "its next attempt is not due yet"
        pair.clock.pass_by(seconds=pair.it.node.settings.outbox_resend_seconds)
        await pair.settle()
        assert await pair.it.rows("select state, sequence, attempts from outbox") == [
            {"state": "done", "sequence": 1, "attempts": 2}
        ]
        assert [row["status"] for row in await pair.it.rows("select status from message")] == ["consigned"]

    run(play())


def test_evidence_that_the_hub_lost_comes_again_when_the_message_does(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        await pair.deliver("ro")
        await pair.release(pair.ro)
        pair.hub.lose_everything()
        pair.clock.pass_by(seconds=pair.it.node.settings.outbox_resend_seconds)
        await pair.settle()
        assert [row["status"] for row in await pair.it.rows("select status from message")] == ["consigned"]
        assert len(await pair.ro.rows("select id from message")) == 1

    run(play())


def test_a_reply_that_comes_before_its_request_waits_for_it(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = message("social-inquiry.request", case, pair.it.office, pair.ro.office)
        asked = await pair.it.send(request)
        withdrawn = message("withdraw", case, pair.it.office, pair.ro.office, in_reply_to=asked.id)
        await pair.it.send(withdrawn)
        await pair.release(pair.it)
        first, second = pair.hub.waiting.pop("ro")
        (early,) = await pair.ro.receive(second)
        assert isinstance(early, Outcome)
        assert early.disposition == "wait"
        assert len(await pair.ro.rows("select id from inbox")) == 1, "nothing of it is stored"
        taken = await pair.ro.receive(first, second)
        assert [outcome.disposition for outcome in taken if isinstance(outcome, Outcome)] == ["consigned"] * 2
        states = await pair.ro.rows("select state from thread where procedure = 'social-inquiry'")
        assert [row["state"] for row in states] == ["withdrawn"]

    run(play())


def test_a_refused_message_is_taken_back_at_its_sender(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        # The recipient node does not know this State as a party of the case that it has under that reference.
        await pair.ro.node.store.write(
            lambda session: session.connection().exec_driver_sql(
                "insert into case_file (reference, role, opened_at, opened_by, protection) "
                "values (?, 'destination', 0, 'ro.anpdca', 'unknown')",
                (case,),
            )
        )
        sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.settle()
        (row,) = await pair.it.rows("select status, refusal_code from message where id = :id", id=sent.id)
        assert row == {"status": "refused", "refusal_code": "case.unknown"}
        assert await pair.it.rows("select * from thread") == [], (
            "a conversation that was refused was never opened"
        )
        assert [row["state"] for row in await pair.it.rows("select state from outbox")] == ["done"]

    run(play())


def test_what_builds_on_a_refused_message_is_refused_instead_of_waiting_for_ever(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.ro.node.store.write(
            lambda session: session.connection().exec_driver_sql(
                "insert into case_file (reference, role, opened_at, opened_by, protection) "
                "values (?, 'destination', 0, 'ro.anpdca', 'unknown')",
                (case,),
            )
        )
        it, ro = pair.it, pair.ro
        notice = await it.send(message("case.notification", case, it.office, ro.office))
        alert = await it.send(message("alert.danger", case, it.office, ro.office, in_reply_to=notice.id))
        await pair.settle()
        codes = await it.rows("select id, refusal_code from message where status = 'refused'")
        assert {row["id"]: row["refusal_code"] for row in codes} == {
            notice.id: "case.unknown",
            alert.id: "conversation.predecessor_refused",
        }
        assert await it.rows("select * from thread") == []
        assert pair.hub.waiting["ro"] == [], "nothing waits for a message that never comes"
        assert {row["state"] for row in await it.rows("select state from outbox")} == {"done"}

    run(play())


def test_only_the_state_where_the_child_is_asks_for_an_assessment_and_both_nodes_hold_to_it(
    pair: Pair,
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        it, ro = pair.it, pair.ro
        request = message("risk-assessment.request", case, ro.office, it.office)
        with pytest.raises(NotAcceptable) as refused:
            await ro.send(request)
        assert refused.value.code == "conversation.other_state"
        # A node that has lost track of where the child is.
        await ro.node.store.write(
            lambda session: session.connection().exec_driver_sql(
                "update case_file set opened_by = 'ro.anpdca' where reference = ?", (case,)
            )
        )
        sent = await ro.send(request)
        await pair.settle()
        (row,) = await ro.rows("select status, refusal_code from message where id = :id", id=sent.id)
        assert row == {"status": "refused", "refusal_code": "conversation.other_state"}
        assert await it.rows("select id from message where id = :id", id=sent.id) == []

    run(play())


def test_running_digests_settle_evidence_and_agree(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.request(case)
        assert [row["state"] for row in await pair.ro.rows("select state from outbox")] == ["released"] * 2
        assert await pair.reconcile("it") == 1
        assert [row["state"] for row in await pair.ro.rows("select state from outbox")] == ["done"] * 2
        for sender, recipient in (("it", "ro"), ("ro", "it")):
            chains = [
                await side.rows(
                    "select epoch, count, last, chain from channel"
                    " where sender_node = :a and recipient_node = :b",
                    a=sender,
                    b=recipient,
                )
                for side in (pair.it, pair.ro)
            ]
            assert chains[0] == chains[1] != []

    run(play())


def test_a_number_that_never_came_is_asked_for_and_sent_again(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        pair.hub.lose_everything()
        await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        await pair.deliver("ro")
        await pair.reconcile("ro")
        await pair.settle()
        assert [
            row["last"] for row in await pair.ro.rows("select last from channel where sender_node = 'it'")
        ] == [3]

    run(play())


def test_a_case_is_shown_only_to_its_parties(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        stranger = actor("ro.dgaspc-iasi", person="officer-9")
        for look in (
            exchange.case_timeline(pair.ro.node, stranger, case),
            exchange.next_steps(pair.ro.node, stranger, case),
            exchange.read_message(pair.ro.node, stranger, notified.id, False, None),
            exchange.message_evidence(pair.ro.node, stranger, notified.id),
        ):
            with pytest.raises(NotFound):
                await look

    run(play())


def test_only_the_recipient_authority_collects(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        with pytest.raises(Forbidden):
            await exchange.collect(pair.it.node, pair.it.officer, notified.id)
        first = await exchange.collect(pair.ro.node, pair.ro.officer, notified.id)
        assert await exchange.collect(pair.ro.node, pair.ro.officer, notified.id) == first
        await pair.settle()
        (row,) = await pair.it.rows("select status, collected_at from message where id = :id", id=notified.id)
        assert row["status"] == "retrieved"

    run(play())


def test_an_envelope_by_hand_is_accepted_once_whichever_way_comes_first(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        by_hand = await exchange.export_envelope(pair.it.node, pair.it.officer, sent.id)
        imported = await exchange.import_envelope(pair.ro.node, pair.ro.officer, by_hand)
        assert imported.outcome == "consigned"
        (by_hub,) = await pair.deliver("ro")
        assert isinstance(by_hub, Outcome)
        assert by_hub.disposition == "known"
        await pair.settle()
        bundle = await exchange.case_bundle(pair.it.node, pair.it.officer, case)
        assert verify_bundle(bundle, pair.world.charter_digest).findings == ()

    run(play())


def test_a_dry_run_says_what_sending_would_and_leaves_nothing(pair: Pair) -> None:
    async def play() -> None:
        case = await exchange.open_case(pair.it.node, pair.it.officer)
        submission = message("case.notification", case.reference, pair.it.office, pair.ro.office)
        unsettled = await exchange.validate(pair.it.node, pair.it.officer, submission)
        assert [refusal.code for refusal in unsettled.refusals] == ["safeguard.international_protection"]
        for person in (pair.it.officer, pair.it.supervisor):
            await exchange.set_protection(
                pair.it.node, person, case.reference, "not-sought", "child-interviewed"
            )
        settled = await exchange.validate(pair.it.node, pair.it.officer, submission)
        assert settled.acceptable
        assert settled.due is not None
        assert await pair.it.rows("select * from message") == []

    run(play())


def test_a_release_of_identity_needs_a_second_person_and_is_journalled(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        ro = pair.ro
        plain = await exchange.read_message(ro.node, ro.officer, request.id, False, None)
        assert plain.content is not None
        assert (plain.content.identity, plain.content.identity_state) == (None, "sealed")
        for alone in (ro.officer, ro.supervisor):
            with pytest.raises(Forbidden) as refused:
                await exchange.read_message(ro.node, alone, request.id, True, "family-visit")
            assert refused.value.code == "access.second_person"
        await ro.release(request.id, "family-visit")
        released = await exchange.read_message(ro.node, ro.officer, request.id, True, "family-visit")
        assert released.content is not None
        assert released.content.identity is not None
        rows = await ro.rows("select actor, action, subject, reason from access_journal")
        assert [(row["actor"], row["action"]) for row in rows] == [
            ("officer-1", "narrative-read"),
            ("officer-1", "identity-release-proposed"),
            ("supervisor-1", "identity-release-approved"),
            ("officer-1", "identity-released"),
        ]
        assert {row["subject"] for row in rows} == {request.id}
        assert [row["reason"] for row in rows] == [None, *["family-visit"] * 3]

    run(play())


@pytest.mark.parametrize(
    ("age", "code"),
    [
        pytest.param({"hours": 24}, None, id="signed a day ago"),
        pytest.param({"hours": 24, "seconds": 1}, "content.signed_too_long_ago", id="signed before that"),
    ],
)
def test_an_agency_cannot_shorten_a_deadline_by_an_old_signature(
    pair: Pair, age: dict[str, int], code: str | None
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        template = message("case.notification", case, pair.it.office, pair.ro.office)
        signed = sign_content(
            Draft(
                id=template.id,
                type=template.type,
                case=case,
                thread=ThreadId(template.id),
                sender=pair.it.office,
                recipient=pair.ro.office,
                coded=dict(template.coded),
                narrative=tuple(
                    NarrativeBlock(field=block.field, language=block.language, text=block.text)
                    for block in template.narrative
                ),
                declares_no_danger=True,
                vocabulary=RELEASE,
            ),
            key=pair.world.signing[pair.it.office],
            issued_at=pair.clock.now() - timedelta(**age),
            random_bytes=os.urandom,
        )
        submission = SignedSubmission(
            statement=signed.statement.token, narrative=signed.narrative, identity=signed.identity
        )
        if code is None:
            accepted = await exchange.send(pair.it.node, pair.it.officer, submission)
            pair.clock.pass_by(days=2)
            assert await exchange.send(pair.it.node, pair.it.officer, submission) == accepted
            return
        with pytest.raises(NotAcceptable) as refused:
            await exchange.send(pair.it.node, pair.it.officer, submission)
        assert refused.value.code == code

    run(play())


@pytest.mark.parametrize("known", [True, False], ids=["a reference in use", "a reference that is not"])
def test_a_stranger_who_tries_a_reference_learns_nothing(pair: Pair, known: bool) -> None:
    async def play() -> None:
        if known:
            ours = await exchange.open_case(pair.ro.node, pair.ro.officer)
            reference = ours.reference
        else:
            reference = new_case_reference(os.urandom)
        probe = message(
            "withdraw",
            reference,
            pair.it.office,
            pair.ro.office,
            thread=ThreadId(new_id()),
            in_reply_to=new_id(),
        )
        signed = sign_content(
            Draft(
                id=probe.id,
                type=probe.type,
                case=reference,
                thread=probe.thread or ThreadId(probe.id),
                in_reply_to=probe.in_reply_to,
                sender=probe.sender,
                recipient=probe.recipient,
                coded=dict(probe.coded),
                declares_no_danger=True,
                vocabulary=RELEASE,
            ),
            key=pair.world.signing[pair.it.office],
            issued_at=pair.clock.now(),
            random_bytes=os.urandom,
        )
        letter = Letter(
            row=1,
            kind="content",
            peer=pair.ro.node.code,
            message_id=probe.id,
            attempts=0,
            token=signed.statement.token,
            sender=probe.sender,
            recipient=probe.recipient,
        ).numbered(probe.id, "1", 1)
        envelope = seal(
            pair.it.node,
            pair.ro.node.code,
            [letter],
            directory=pair.world.directory,
            now=pair.clock.now(),
        )
        (outcome,) = await pair.ro.receive(envelope.data)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("wait", "conversation.predecessor_missing")
        assert await pair.ro.rows("select * from outbox") == []

    run(play())


def test_a_message_is_sent_once_it_has_a_number(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        assert [row["status"] for row in await pair.it.rows("select status from message")] == ["accepted"]
        await pair.release(pair.it)
        assert [row["status"] for row in await pair.it.rows("select status from message")] == ["sent"]

    run(play())
