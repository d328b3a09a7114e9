"""Two nodes in one process, stopped exactly between two steps: what a crash, a loss or a repetition there
leaves behind, and that the exchange completes all the same.

The campaign (test_faults.py) kills real processes; what it hits by chance is hit here on purpose.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.identifiers import CaseReference, NodeCode
from protocol.sealing import SealingPrivateKey
from service import exchange
from service.exchange.accept import Outcome
from service.exchange.views import Accepted
from service.routing.outbox import Outbox
from service.routing.reconciler import Reconciler
from service.store import Store, Vault
from service.store import outgoing as outgoing_rows
from tests.service.exchange_pair import Pair, QueueHub, QueueLink, Side, message, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def crash(pair: Pair, code: str) -> None:
    """The node's process ends here and starts again: only what is on disk is left of it."""
    side = pair.side(code)
    side.node.store.close()
    node = dataclasses.replace(
        side.node,
        store=Store(side.node.settings.database, readers=2),
        vault=Vault(side.node.keys.kek(), clock=pair.clock, random=side.node.random),
    )
    setattr(pair, code, dataclasses.replace(side, node=node, outbox=Outbox(node, side.link)))


async def ask(pair: Pair, case: CaseReference) -> Accepted:
    """A request answered 202 and not yet released."""
    return await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))


async def ready_case(pair: Pair) -> CaseReference:
    case = await pair.open_case()
    await pair.notify(case)
    return case


async def evidence_kinds(side: Side, *, about: str) -> list[str]:
    rows = await side.rows("SELECT kind FROM evidence WHERE id = :id ORDER BY position", id=about)
    return [row["kind"] for row in rows]


async def assert_consigned_once(pair: Pair, *accepted: Accepted) -> None:
    for one in accepted:
        messages = await pair.ro.rows("SELECT statement_digest FROM message WHERE id = :id", id=one.id)
        assert [row["statement_digest"] for row in messages] == [one.statement_digest]
        inbox = await pair.ro.rows("SELECT outcome FROM inbox WHERE id = :id", id=one.id)
        assert [row["outcome"] for row in inbox] == ["consigned"]
        assert (await evidence_kinds(pair.it, about=one.id)).count("content-consigned") == 1
        status = await pair.it.rows("SELECT status FROM message WHERE id = :id", id=one.id)
        assert [row["status"] for row in status] == ["consigned"]


async def until_nothing_is_owed(pair: Pair, *, hours: int = 48) -> None:
    """Let time pass until neither node's outbox owes the other content."""
    for _ in range(hours):
        await pair.settle()
        owed = [
            row
            for side in (pair.it, pair.ro)
            for row in await side.rows("SELECT row FROM outbox WHERE kind = 'content' AND state != 'done'")
        ]
        if not owed:
            return
        pair.clock.pass_by(hours=1)
    raise AssertionError("content is still unanswered")


def outcomes(results: list[Outcome | Exception]) -> list[str]:
    return [result.disposition if isinstance(result, Outcome) else repr(result) for result in results]


# The sender


def test_a_crash_between_202_and_numbering_loses_nothing(pair: Pair) -> None:
    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        crash(pair, "it")
        await pair.settle()
        await assert_consigned_once(pair, accepted)

    run(story())


def test_a_crash_between_numbering_and_publishing_leaves_a_row_whose_next_attempt_is_due(pair: Pair) -> None:
    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        pair.hub.away = True  # numbered and on disk; not one byte leaves
        await pair.release(pair.it)
        crash(pair, "it")
        pair.hub.away = False
        assert pair.hub.waiting["ro"] == []
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, accepted)

    run(story())


def test_a_crash_between_sealing_and_numbering_uses_up_no_number(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        case = await ready_case(pair)
        before = await pair.it.rows("SELECT last FROM channel WHERE sender_node = 'it'")
        accepted = await ask(pair, case)

        def power_cut(*_: object, **__: object) -> bool:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(outgoing_rows, "release", power_cut)
            with pytest.raises(KeyboardInterrupt):
                await pair.release(pair.it)
        crash(pair, "it")
        assert await pair.it.rows("SELECT last FROM channel WHERE sender_node = 'it'") == before
        await pair.settle()
        await assert_consigned_once(pair, accepted)
        after = await pair.it.rows("SELECT last FROM channel WHERE sender_node = 'it'")
        assert after[0]["last"] == before[0]["last"] + 1

    run(story())


def test_a_crash_between_publishing_and_the_hubs_answer_sends_it_twice_and_consigns_it_once(
    pair: Pair,
) -> None:
    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        await pair.release(pair.it)
        crash(pair, "it")  # it never heard that the hub has it
        pair.clock.pass_by(minutes=5)
        await pair.release(pair.it)
        assert len(pair.hub.waiting["ro"]) == 2
        assert outcomes(await pair.deliver("ro")) == ["consigned", "known"]
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, accepted)

    run(story())


# The hub


def test_a_hub_that_loses_everything_delays_and_loses_nothing(pair: Pair) -> None:
    async def story() -> None:
        case = await ready_case(pair)
        asked = [await ask(pair, case) for _ in range(5)]
        await pair.release(pair.it)
        pair.hub.lose_everything()
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, *asked)

    run(story())


def test_duplicates_in_any_order_are_known_and_nothing_is_consigned_twice(pair: Pair) -> None:
    async def story() -> None:
        case = await ready_case(pair)
        asked = [await ask(pair, case) for _ in range(4)]
        await pair.release(pair.it)
        pair.hub.waiting["ro"] = [*reversed(pair.hub.waiting["ro"]), *pair.hub.waiting["ro"]]
        results = outcomes(await pair.deliver("ro"))
        assert results == ["consigned"] * 4 + ["known"] * 4
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, *asked)
        theirs = await pair.ro.rows("SELECT last, chain FROM channel WHERE sender_node = 'it'")
        ours = await pair.it.rows("SELECT last, chain FROM channel WHERE sender_node = 'it'")
        assert theirs == ours

    run(story())


def test_a_message_that_overtook_its_predecessor_waits_and_is_consigned_after_it(pair: Pair) -> None:
    async def story() -> None:
        request = await ask(pair, await ready_case(pair))
        await pair.release(pair.it)
        (first,) = pair.hub.waiting["ro"]
        pair.hub.waiting["ro"] = []
        withdrawal = await pair.it.send(
            message("withdraw", request.case, pair.it.office, pair.ro.office, in_reply_to=request.id)
        )
        await pair.release(pair.it)
        assert outcomes(await pair.deliver("ro")) == ["wait"]
        pair.hub.waiting["ro"].append(first)
        assert outcomes(await pair.deliver("ro")) == ["wait", "consigned"]
        assert outcomes(await pair.deliver("ro")) == ["consigned"]
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, request, withdrawal)

    run(story())


class LinkThatIsDown(QueueLink):
    """No connection until `up` is set; counts how often somebody waited for one."""

    def __init__(self, hub: QueueHub) -> None:
        super().__init__(hub)
        self.up = asyncio.Event()
        self.waited = 0

    async def wait_connected(self, timeout: float) -> bool:
        self.waited += 1
        try:
            await asyncio.wait_for(self.up.wait(), min(timeout, 0.02))
        except TimeoutError:
            return False
        return True


def test_no_attempt_is_used_up_while_there_is_no_hub_and_all_leaves_as_soon_as_there_is(pair: Pair) -> None:
    """Attempts double the wait for the next: an outage would be followed by a silence as long."""

    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        link = LinkThatIsDown(pair.hub)
        worker = asyncio.create_task(Outbox(pair.it.node, link).run())  # type: ignore[arg-type]
        try:
            async with asyncio.timeout(5):
                while link.waited < 3:
                    await asyncio.sleep(0)
            (row,) = await pair.it.rows(
                "SELECT state, attempts FROM outbox WHERE message_id = :id", id=accepted.id
            )
            assert (row["state"], row["attempts"]) == ("queued", 0)
            link.up.set()
            async with asyncio.timeout(5):
                while not pair.hub.waiting["ro"]:
                    await asyncio.sleep(0)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
        await pair.settle()
        await assert_consigned_once(pair, accepted)

    run(story())


# The recipient


def test_a_crash_between_commit_and_acknowledgement_gets_the_first_outcome_again(pair: Pair) -> None:
    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        await pair.release(pair.it)
        (envelope,) = pair.hub.waiting["ro"]  # the hub keeps it: nobody acknowledged
        (first,) = await pair.ro.receive(envelope)
        crash(pair, "ro")
        (again,) = await pair.ro.receive(envelope)
        assert isinstance(first, Outcome)
        assert isinstance(again, Outcome)
        assert (first.disposition, again.disposition) == ("consigned", "known")
        assert first.evidence == again.evidence
        pair.hub.lose_everything()
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, accepted)

    run(story())


def test_evidence_that_shared_a_lost_envelope_all_arrives(pair: Pair) -> None:
    """What asks again is one message at a time; the receipts were sealed together. An envelope repeated with
    fewer receipts under its old id would have the rest dropped as known."""

    async def story() -> None:
        case = await ready_case(pair)
        asked = [await ask(pair, case) for _ in range(3)]
        await pair.release(pair.it)
        await pair.deliver("ro")
        await pair.release(pair.ro)  # three receipts in one envelope
        pair.hub.lose_everything()

        # The sender repeats one of the three before the others.
        first = asked[0]
        await _make_due(pair, first)
        assert outcomes(await pair.deliver("ro")) == ["known"]
        await pair.release(pair.ro)
        await pair.deliver("it")
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, *asked)

    run(story())


async def _make_due(pair: Pair, accepted: Accepted) -> None:
    await pair.it.node.store.write(
        lambda session: outgoing_rows.try_again(
            session.connection(), NodeCode("it"), accepted.id, at=pair.clock.now()
        )
    )
    await pair.release(pair.it)


def test_retrieval_evidence_that_was_lost_arrives_later(pair: Pair) -> None:
    async def story() -> None:
        accepted = await ask(pair, await ready_case(pair))
        await pair.settle()
        await exchange.collect(pair.ro.node, pair.ro.officer, accepted.id)
        await pair.release(pair.ro)
        pair.hub.lose_everything()
        crash(pair, "ro")
        crash(pair, "it")
        pair.clock.pass_by(hours=1)
        await pair.settle()
        assert (await evidence_kinds(pair.it, about=accepted.id))[-1] == "content-retrieved"

    run(story())


def test_what_was_lost_before_something_that_arrived_is_repeated_when_it_is_due(pair: Pair) -> None:
    async def story() -> None:
        case = await ready_case(pair)
        lost = await ask(pair, case)
        await pair.release(pair.it)
        pair.hub.lose_everything()
        pair.clock.pass_by(seconds=25)
        later = await ask(pair, case)
        await pair.settle()
        pair.clock.pass_by(seconds=10)
        await pair.settle()
        await assert_consigned_once(pair, lost, later)

    run(story())


# Running digests


async def reconcile(pair: Pair, teller: Side) -> int:
    return await Reconciler(teller.node, teller.link).tell_all()


def test_a_lost_reconciliation_is_told_again_when_evidence_comes_a_second_time(pair: Pair) -> None:
    """Else the evidence would be sent for ever: only the running digest tells its sender that it came."""

    async def story() -> None:
        await ready_case(pair)
        reconciler = Reconciler(pair.it.node, pair.it.link)
        assert await reconciler.tell_all() == 1
        pair.hub.lose_everything()
        assert await reconciler.tell_all() == 0  # nothing new to say, as far as it knows
        pair.clock.pass_by(hours=1)
        await pair.settle()  # `ro` sends its receipt again
        assert await reconciler.tell_all() == 1
        await pair.settle()
        assert await pair.ro.rows("SELECT row FROM outbox WHERE kind = 'evidence' AND state != 'done'") == []

    run(story())


def test_a_suppressed_number_is_named_by_the_digest_and_sent_again(pair: Pair) -> None:
    async def story() -> None:
        case = await ready_case(pair)
        asked = [await ask(pair, case) for _ in range(3)]
        await pair.release(pair.it)
        del pair.hub.waiting["ro"][1]
        await pair.deliver("ro")
        await reconcile(pair, pair.ro)
        await pair.settle()
        await assert_consigned_once(pair, *asked)

    run(story())


# One peer and the others


def test_a_peer_that_cannot_be_sealed_to_holds_up_nobody_else(pair: Pair) -> None:
    """Suspended, expired or without a key today: its rows wait, the others leave."""

    async def story() -> None:
        case = await ready_case(pair)
        (known, *_) = await pair.it.rows("SELECT digest, id FROM evidence ORDER BY position")
        await pair.it.node.store.write(
            lambda session: outgoing_rows.queue(
                session.connection(),
                recipient=NodeCode("md"),
                kind="evidence",
                sender=NodeCode("md"),
                message=known["id"],
                evidence_digest=known["digest"],
                now=pair.clock.now(),
            )
        )
        accepted = await ask(pair, case)
        await pair.settle()
        await assert_consigned_once(pair, accepted)

    run(story())


def test_a_peer_that_has_lost_its_key_is_not_sent_the_same_message_every_few_seconds(pair: Pair) -> None:
    """Quickly at first, because most likely our copy of its keys is old; then as patiently as anything else.
    Each attempt costs both nodes signed evidence that is kept for ever."""

    async def story() -> None:
        case = await ready_case(pair)
        lost = pair.world.sealing["ro", "content"]
        pair.world.sealing["ro", "content"] = SealingPrivateKey.generate("another", lost.suite)
        accepted = await ask(pair, case)
        for _ in range(120):
            await pair.settle()
            pair.clock.pass_by(seconds=5)
        answers = (await evidence_kinds(pair.it, about=accepted.id)).count("consignment-failed")
        assert 3 <= answers <= 8
        pair.world.sealing["ro", "content"] = lost
        await until_nothing_is_owed(pair)
        await assert_consigned_once(pair, accepted)

    run(story())
