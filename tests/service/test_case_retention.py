"""Blocking and erasing: what is due by rule, what two people decide, and what is left afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from protocol import base64url
from protocol.bundle import verify_bundle
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference
from service import exchange
from service.access.roles import Role
from service.errors import Conflict, Forbidden, NotFound
from service.exchange.erasure import erase, forget, outstanding
from service.exchange.retention import LOOKS, run_retention
from service.exchange.running import begin_running
from service.exchange.views import Accepted, RetentionRun
from service.node import Node
from service.store.vault import Vault
from service.store.wiping import wipe
from tests.service.exchange_pair import Pair, Side, TestClock, WorldDirectory, actor, message, open_pair
from tests.service.test_vault import FixedClock

BOTH = ("identity", "narrative")
FIRST, SECOND = (actor(role=Role.ADMINISTRATOR, person=f"administrator-{number}") for number in (1, 2))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    keep_directory(opened)
    yield opened
    opened.close()


def keep_directory(pair: Pair) -> None:
    """Years pass in these tests, and the network's keys with them: let its directory count all the while."""
    for side in (pair.it, pair.ro):
        assert isinstance(side.node.directory, WorldDirectory)
        side.node.directory.clock = TestClock()


def erasing(node: Node) -> Node:
    """The node as it is where the setting says that it erases by itself."""
    return replace(node, settings=replace(node.settings, erasure="when-due"))


async def days_pass(pair: Pair, node: Node, count: int) -> list[RetentionRun]:
    """So many days, with the daily look."""
    done = []
    for _ in range(count):
        pair.clock.pass_by(days=1)
        done.append(await run_retention(node))
    return done


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def closed_case(pair: Pair) -> tuple[CaseReference, Accepted]:
    """A case that was notified, asked about and closed."""
    case = await pair.open_case()
    notified = await pair.notify(case)
    await pair.request(case)
    closure = await pair.it.send(
        message("case.closure", case, pair.it.office, pair.ro.office, in_reply_to=notified.id)
    )
    await pair.settle()
    assert closure.thread == notified.thread
    return case, notified


async def decided(side: Side, case: CaseReference) -> None:
    (row,) = await side.rows(
        "select id from approval where subject = :case and state = 'proposed'", case=case
    )
    await exchange.decide(side.node, SECOND, row["id"], "approve", None)


async def erased(side: Side, case: CaseReference) -> None:
    """By the two people that it takes."""
    await exchange.change_retention(side.node, FIRST, case, "block", "erasure-decided")
    await exchange.change_retention(side.node, FIRST, case, "erase", "erasure-decided")
    await decided(side, case)
    await forget(side.node)


async def code_of(work: Coroutine[Any, Any, Any]) -> str:
    with pytest.raises((Conflict, Forbidden, NotFound, NotAcceptable)) as refused:
        await work
    return str(refused.value.code)


# -- what is due


def test_what_is_closed_is_blocked_and_then_proposed_to_be_erased_when_the_rule_says(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = pair.it.node
        assert (await exchange.due_for_retention(node, FIRST)).cases == ()
        pair.clock.pass_by(days=701)
        (due,) = (await exchange.due_for_retention(node, FIRST)).cases
        assert (due.reference, due.next_act) == (case, "block")
        # Looking does nothing.
        assert (await exchange.case_retention(node, FIRST, case)).blocked_at is None
        assert (await run_retention(node)).blocked == (case,)
        assert (await run_retention(node)) == (await run_retention(node))
        pair.clock.pass_by(days=30)
        assert (await run_retention(node)).proposed == (case,)
        assert (await run_retention(node)).proposed == ()
        assert await pair.it.rows("select * from case_key where destroyed_at is not null") == []
        await decided(pair.it, case)
        keys = await pair.it.rows("select wrapped from case_key where reference = :case", case=case)
        assert [row["wrapped"] for row in keys] == [None, None]

    run(play())


def test_an_open_case_and_a_reopened_one_are_never_due(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)
        pair.clock.pass_by(days=4000)
        assert (await exchange.due_for_retention(pair.it.node, FIRST)).cases == ()
        pair.clock.pass_by(days=-4000)
        closure = await pair.it.send(
            message("case.closure", case, pair.it.office, pair.ro.office, in_reply_to=notified.id)
        )
        await pair.settle()
        closed = (await exchange.case_retention(pair.it.node, FIRST, case)).closed_at
        assert closed is not None
        for side in (pair.it, pair.ro):
            told = await exchange.case_timeline(side.node, side.officer, case)
            assert told.case.closed_at == closed
        await pair.it.send(
            message("case.reopening", case, pair.it.office, pair.ro.office, in_reply_to=closure.id)
        )
        await pair.settle()
        for side in (pair.it, pair.ro):
            assert (await exchange.case_retention(side.node, FIRST, case)).closed_at is None
            assert (await exchange.case_timeline(side.node, side.officer, case)).case.closed_at is None

    run(play())


def test_where_the_setting_says_so_the_node_erases_by_itself_but_blocks_first(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = erasing(pair.it.node)
        pair.clock.pass_by(days=740)
        assert (await run_retention(node)).blocked == (case,)
        done = await days_pass(pair, node, 30)
        assert [run.erased for run in done] == [()] * 29 + [(case,)]
        (entry,) = await pair.it.rows(
            "select actor, reason from access_journal where action = 'identity-erased'"
        )
        assert entry == {"actor": "node", "reason": "retention-ended"}

    run(play())


def test_a_clock_that_jumps_ahead_and_back_erases_nothing(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = erasing(pair.it.node)
        pair.clock.pass_by(days=3 * 365)
        assert (await run_retention(node)).blocked == (case,)
        # However often it jumps on, a jump is one look.
        for _ in range(LOOKS - 1):
            pair.clock.pass_by(days=40)
            assert (await run_retention(node)).erased == ()
            assert (await run_retention(node)).erased == ()
        # Set right, then wrong once more: what was counted by the wrong clock does not count.
        pair.clock.pass_by(days=-3 * 365 - 40 * (LOOKS - 1))
        await run_retention(node)
        pair.clock.pass_by(days=10 * 365)
        for _ in range(3):
            assert (await run_retention(node)).erased == ()
        assert await pair.it.rows("select * from case_key where destroyed_at is not null") == []

    run(play())


def test_what_was_seen_blocked_on_many_days_waits_for_the_blocked_period_as_well(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = erasing(pair.it.node)
        await exchange.change_retention(node, FIRST, case, "block", "complaint")
        pair.clock.pass_by(days=900)
        await exchange.change_retention(node, FIRST, case, "block", "complaint")
        assert all(run.erased == () for run in await days_pass(pair, node, LOOKS + 5))
        # Unblocked and blocked again, it begins anew.
        await exchange.change_retention(node, FIRST, case, "unblock", "dispute-settled")
        assert (await run_retention(node)).blocked == (case,)
        pair.clock.pass_by(days=31)
        assert [(await run_retention(node)).erased for _ in range(2)] == [(), ()]
        done = await days_pass(pair, node, LOOKS)
        assert [run.erased for run in done] == [()] * (LOOKS - 1) + [(case,)]

    run(play())


def test_looks_within_a_day_count_once(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = erasing(pair.it.node)
        pair.clock.pass_by(days=740)
        for _ in range(3 * LOOKS):
            await run_retention(node)
        pair.clock.pass_by(days=40)
        await run_retention(node)
        assert (await run_retention(node)).erased == ()
        (row,) = await pair.it.rows("select looks from case_retention where reference = :case", case=case)
        assert row["looks"] == 2

    run(play())


def test_nothing_is_done_by_rule_while_the_directory_is_expired(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        pair.directory_ends()
        source = pair.it.node.directory
        assert isinstance(source, WorldDirectory)
        fresh, late = source.clock, TestClock(pair.world.directory.ends_at)
        source.clock = late
        pair.clock.pass_by(days=701)
        assert (await exchange.due_for_retention(pair.it.node, FIRST)).cases == ()
        assert (await run_retention(pair.it.node)).blocked == ()
        source.clock = fresh
        assert (await run_retention(pair.it.node)).blocked == (case,)
        source.clock = late
        pair.clock.pass_by(days=31)
        assert (await run_retention(pair.it.node)).proposed == ()
        # When it will be due is shown all the same.
        view = await exchange.case_retention(pair.it.node, FIRST, case)
        assert all(part.erased_from for part in view.parts)
        source.clock = fresh
        assert (await run_retention(pair.it.node)).proposed == (case,)

    run(play())


@pytest.mark.parametrize("erasure", ["proposed", "when-due"])
def test_a_supervisors_run_blocks_and_leaves_what_is_to_be_erased_to_an_administrator(
    pair: Pair, erasure: str
) -> None:
    async def play() -> None:
        due, _ = await closed_case(pair)
        node = replace(pair.it.node, settings=replace(pair.it.node.settings, erasure=erasure))
        pair.clock.pass_by(days=60)
        later, _ = await closed_case(pair)
        pair.clock.pass_by(days=641)
        assert (await run_retention(node)).blocked == (due,)
        await days_pass(pair, node, 29)
        pair.clock.pass_by(days=40)
        done = await run_retention(node, pair.it.supervisor)
        assert (done.blocked, done.proposed, done.erased, done.waiting) == ((later,), (), (), (due,))
        assert await pair.it.rows("select * from approval") == []
        assert await pair.it.rows("select * from case_key where destroyed_at is not null") == []
        done = await run_retention(node, FIRST)
        assert (due,) in (done.proposed, done.erased)
        assert done.waiting == ()

    run(play())


def test_a_hold_stops_what_is_due_and_one_person_cannot_lift_it(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = pair.it.node
        await exchange.change_retention(node, pair.it.supervisor, case, "hold", "court-proceedings")
        pair.clock.pass_by(days=740)
        await run_retention(node)
        assert (await run_retention(node)).proposed == ()
        assert (
            await code_of(exchange.change_retention(node, FIRST, case, "erase", "complaint"))
            == "retention.held"
        )
        await exchange.change_retention(node, FIRST, case, "lift-hold", "hold-ended")
        assert (await exchange.case_retention(node, FIRST, case)).held_at is not None
        (row,) = await pair.it.rows("select id from approval where state = 'proposed'")
        alone = exchange.decide(node, FIRST, row["id"], "approve", None)
        assert await code_of(alone) == "access.second_person"
        await decided(pair.it, case)
        assert (await exchange.case_retention(node, FIRST, case)).held_at is None
        assert (await run_retention(node)).proposed == (case,)

    run(play())


def test_a_hold_that_comes_after_the_proposal_stops_the_decision(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = pair.it.node
        await exchange.change_retention(node, FIRST, case, "block", "complaint")
        await exchange.change_retention(node, FIRST, case, "erase", "complaint")
        await exchange.change_retention(node, pair.it.supervisor, case, "hold", "court-proceedings")
        with pytest.raises(Conflict) as refused:
            await decided(pair.it, case)
        assert refused.value.code == "retention.held"
        assert await pair.it.rows("select * from case_key where destroyed_at is not null") == []

    run(play())


def test_nothing_is_erased_that_was_not_blocked_nor_by_a_supervisor(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        change = exchange.change_retention
        node = pair.it.node
        assert await code_of(change(node, FIRST, case, "erase", "complaint")) == "retention.not_blocked"
        await change(node, pair.it.supervisor, case, "block", "complaint")
        assert await code_of(change(node, pair.it.supervisor, case, "erase", "complaint")) == "access.scope"
        stranger = actor("it.tribunale-minori", role=Role.SUPERVISOR)
        assert await code_of(change(node, stranger, case, "hold", "complaint")) == "request.not_found"
        assert await code_of(exchange.case_retention(node, stranger, case)) == "request.not_found"

    run(play())


# -- blocked


def test_of_a_blocked_case_nobody_reads_identity_or_free_text_and_a_person_can_take_that_back(
    pair: Pair,
) -> None:
    async def play() -> None:
        case, notified = await closed_case(pair)
        node = replace(pair.it.node, settings=replace(pair.it.node.settings, second_person=""))

        async def read(release: bool) -> Any:
            return await exchange.read_message(node, pair.it.supervisor, notified.id, release, "visit")

        assert (await read(True)).content.identity_state == "released"
        await exchange.change_retention(node, FIRST, case, "block", "accuracy-disputed")
        assert await code_of(read(True)) == "retention.blocked"
        shown = (await read(False)).content
        assert (shown.identity_state, shown.narrative_state, shown.narrative) == ("sealed", "sealed", ())
        printed = await exchange.render_message(node, pair.it.officer, notified.id, "en", "text")
        assert b"not shown" in printed.content or b"sealed" in printed.content.lower()
        another = message("social-inquiry.request", case, pair.it.office, pair.ro.office)
        assert await code_of(pair.it.send(another)) == "retention.blocked"
        await exchange.change_retention(node, FIRST, case, "unblock", "dispute-settled")
        assert (await read(True)).content.identity_state == "released"

    run(play())


# -- erased


def test_of_an_erased_case_no_part_is_left_and_its_history_still_verifies(pair: Pair) -> None:
    async def play() -> None:
        case, notified = await closed_case(pair)
        for side in (pair.it, pair.ro):
            await erased(side, case)
            rows = await side.rows("select narrative_sealed, identity_sealed from message")
            assert {value for row in rows for value in row.values()} <= {b"", None}
            node = replace(side.node, settings=replace(side.node.settings, second_person=""))
            shown = await exchange.read_message(node, side.supervisor, notified.id, True, "visit")
            assert shown.content is not None
            assert (shown.content.identity_state, shown.content.narrative_state) == ("destroyed", "destroyed")
        await pair.settle()
        for side in (pair.it, pair.ro):
            bundle = await exchange.case_bundle(side.node, side.officer, case)
            report = verify_bundle(bundle, pair.world.charter_digest)
            assert report.findings == ()
            assert len(report.messages) == 3

    run(play())


def test_every_key_that_is_still_held_opens_none_of_what_was_kept(pair: Pair) -> None:
    """Of a copy that somebody kept: the sealed parts, without the database's key row."""

    async def play() -> None:
        case, _ = await closed_case(pair)
        other = await pair.open_case()
        await pair.notify(other)
        kept = await pair.it.rows(
            "select id, narrative_sealed, identity_sealed from message where case_reference = :case",
            case=case,
        )
        await erased(pair.it, case)
        keys = [
            aes_key_unwrap(pair.it.node.keys.kek(), row["wrapped"])
            for row in await pair.it.rows("select wrapped from case_key where wrapped is not null")
        ]
        assert len(keys) == 2
        keys.append(pair.it.node.keys.kek())
        tried = 0
        for row in kept:
            for purpose in ("narrative", "identity"):
                sealed = row[f"{purpose}_sealed"]
                names = (case.encode(), row["id"].encode(), purpose.encode())
                bound = b"".join(len(name).to_bytes(4) + name for name in names)
                for key in keys if sealed else ():
                    with pytest.raises(InvalidTag):
                        AESGCM(key).decrypt(sealed[1:13], sealed[13:], bound)
                    tried += 1
        assert tried >= 9

    run(play())


def test_what_cannot_be_sealed_any_more_ends_with_a_code_and_holds_up_nothing(pair: Pair) -> None:
    """One that had a number and was never answered, one that had none, and another case beside them."""

    async def play() -> None:
        case = await pair.open_case()
        notified = await pair.notify(case)

        def another(type_: str) -> Any:
            return message(type_, case, pair.it.office, pair.ro.office, in_reply_to=notified.id)

        other = await pair.open_case()
        pair.hub.away = True
        numbered = await pair.it.send(another("alert.danger"))
        lost = await pair.it.send(another("guardian.notice"))
        await pair.release(pair.it)
        queued = await pair.it.send(another("guardian.notice"))
        await erased(pair.it, case)
        pair.hub.away = False
        rest = await pair.it.send(message("case.notification", other, pair.it.office, pair.ro.office))
        await pair.settle()
        for reconciled in ("it", "ro"):
            await pair.reconcile(reconciled)
        states = {
            row["id"]: (row["status"], row["refusal_code"])
            for row in await pair.it.rows("select id, status, refusal_code from message")
        }
        assert states[lost.id] == states[queued.id] == ("refused", "vault.key_destroyed")
        # Codes alone can still be said.
        assert states[numbered.id][0] == "consigned"
        assert states[rest.id][0] == "consigned"
        # No number is waited for: the channel went on in a new epoch.
        for side in (pair.it, pair.ro):
            (newest,) = await side.rows(
                "select * from channel where sender_node = 'it' order by epoch desc limit 1"
            )
            assert newest["last"] == newest["count"] > 0
            seen = await side.rows(
                "select * from channel_seen where sender_node = 'it' and epoch = :epoch and sequence > :last",
                epoch=newest["epoch"],
                last=newest["last"],
            )
            assert seen == []

    run(play())


def test_what_was_erased_does_not_come_back_under_a_new_key_but_a_warning_passes(pair: Pair) -> None:
    async def play() -> None:
        case, notified = await closed_case(pair)
        await erased(pair.ro, case)
        late = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        await pair.settle()
        (row,) = await pair.it.rows("select status, refusal_code from message where id = :id", id=late.id)
        assert row == {"status": "refused", "refusal_code": "retention.erased"}
        again = message("guardian.notice", case, pair.it.office, pair.ro.office, in_reply_to=notified.id)
        await erased(pair.it, case)
        assert await code_of(pair.it.send(again)) == "retention.erased"
        keys = await pair.ro.rows("select wrapped from case_key where reference = :case", case=case)
        assert [key["wrapped"] for key in keys] == [None, None]

    run(play())


# -- told to the other State


def test_the_other_state_learns_of_a_release_and_of_an_erasure_and_not_who_or_why(pair: Pair) -> None:
    async def play() -> None:
        case, notified = await closed_case(pair)
        node = replace(pair.ro.node, settings=replace(pair.ro.node.settings, second_person=""))
        await exchange.read_message(node, pair.ro.supervisor, notified.id, True, "secret-reason")
        await erased(pair.ro, case)
        await pair.settle()
        timeline = await exchange.case_timeline(pair.it.node, pair.it.officer, case)
        told = [
            entry for entry in timeline.entries if entry.evidence in ("identity-released", "identity-erased")
        ]
        assert {entry.evidence for entry in told} == {"identity-released", "identity-erased"}
        assert {(entry.issuer, entry.actor, entry.reason) for entry in told} == {("ro", None, None)}
        tokens = await pair.it.rows("select token from evidence where kind like 'identity-%'")

        for row in tokens:
            claims = base64url.decode(row["token"].split(".")[1].encode())
            assert b"secret-reason" not in claims
            assert pair.ro.supervisor.person.encode() not in claims

    run(play())


def test_while_origin_must_not_hear_of_the_case_it_hears_of_no_release_either(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        asked = await pair.request(case)
        said = await pair.ro.send(
            message("social-inquiry.report", case, pair.ro.office, pair.it.office, in_reply_to=asked.id)
        )
        await pair.settle()
        for person in (pair.it.officer, pair.it.supervisor):
            await exchange.set_protection(pair.it.node, person, case, "possible", "child-interviewed")
        node = replace(pair.it.node, settings=replace(pair.it.node.settings, second_person=""))
        shown = await exchange.read_message(node, pair.it.supervisor, said.id, True, "visit")
        assert shown.content is not None
        assert shown.content.identity_state == "released"
        await erased(pair.it, case)
        await pair.settle()
        assert await pair.ro.rows("select * from evidence where kind like 'identity-%'") == []
        assert await pair.it.rows("select * from evidence where kind like 'identity-%'") == []

    run(play())


# -- files, memory, crash


def test_a_crash_after_the_ledger_and_before_the_commit_is_made_up_for_at_the_next_start(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)

        def dies(session: Any) -> None:
            erase(pair.it.node, session, case, BOTH, pair.clock.now())
            raise NotFound("request.not_found", "the power went")

        with pytest.raises(NotFound):
            await pair.it.node.store.write(dies)
        assert await pair.it.rows("select * from case_key where destroyed_at is not null") == []
        await asyncio.to_thread(begin_running, pair.it.node)
        assert len(await pair.it.rows("select * from case_key where wrapped is null")) == 2
        assert await pair.it.node.store.write(outstanding) == ()

    run(play())


def test_an_erasure_that_was_committed_and_not_forgotten_is_finished_at_the_next_start(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        node = pair.it.node
        await node.store.write(lambda session: erase(node, session, case, BOTH, pair.clock.now()))
        assert await node.store.write(outstanding) == (case,)
        await asyncio.to_thread(begin_running, node)
        assert await node.store.write(outstanding) == ()

    run(play())


def test_an_open_key_is_overwritten_once_its_cipher_is_made() -> None:

    class Shown:
        """A source that keeps what it handed out."""

        given: list[bytes] = []  # noqa: RUF012

        def bytes(self, count: int, /) -> Any:
            made = bytearray(range(1, count + 1))
            self.given.append(bytes(made))
            return self.given[-1]

    source = Shown()
    vault = Vault(b"k" * 32, clock=FixedClock(), random=source)
    vault._remember(b"wrapped", source.bytes(32))
    assert source.given == [bytes(32)]
    vault.let_go()
    assert not vault._opened


def test_wiping_overwrites_the_bytes_themselves() -> None:
    key = bytes(bytearray(range(32)))
    wipe(key)
    assert key == bytes(32)
