"""What a lost disk does not give back: the power that somebody took away, and the protection status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference
from service import exchange
from service.access import clients, people
from service.access.people import Person
from service.access.roles import Role
from service.errors import Conflict
from service.exchange import accounts
from service.exchange.restraints import disable_client, disable_person
from service.exchange.retention import run_retention
from service.exchange.running import TakenUp, begin_running, take_up_restored
from service.monitor.retention import Retention
from service.store.ledger import Ledger
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair
from tests.service.test_case_retention import FIRST, SECOND, closed_case, decided, erasing, keep_directory
from tests.service.test_restoration import copied, put_back

KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    keep_directory(opened)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def restored(pair: Pair, code: str, copy: Path) -> tuple[Side, TakenUp]:
    pair.clock.pass_by(minutes=1)
    side = put_back(pair, code, copy)
    done = await asyncio.to_thread(take_up_restored, side.node)
    await asyncio.to_thread(begin_running, side.node)
    return side, done


async def settle_protection(side: Side, case: CaseReference, status: Any = "not-sought") -> None:
    for who in (side.officer, side.supervisor):
        await exchange.set_protection(side.node, who, case, status, "no-indication")


async def protection(side: Side, case: CaseReference) -> Any:
    (row,) = await side.rows(
        "select protection, protection_proposed from case_file where reference = :case", case=case
    )
    return (row["protection"], row["protection_proposed"])


async def person(side: Side, role: Role = Role.SUPERVISOR) -> Person:
    node = side.node
    return await node.store.write(
        lambda session: people.add(
            session,
            FIRST,
            state=node.state,
            role=role,
            authorities=[side.office],
            subject=None,
            random_bytes=node.random.bytes,
            now=node.clock.now(),
        )
    )


async def client(side: Side) -> clients.Client:
    node = side.node
    return await node.store.write(
        lambda session: clients.register(
            session,
            FIRST,
            "agency-system",
            state=node.state,
            role=Role.AGENCY_SYSTEM,
            authorities=[side.office],
            scopes=None,
            keys=[KEY],
            now=node.clock.now(),
        )
    )


async def retention_of(side: Side, case: CaseReference) -> Any:
    return await exchange.case_retention(side.node, FIRST, case)


# -- the protection status


def test_nothing_leaves_a_restored_node_before_two_people_settled_protection_anew(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await asyncio.to_thread(begin_running, pair.it.node)
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        copy = copied(pair.it, tmp_path / "copy.db")
        # Since the backup the child asked for asylum: what waited may not leave.
        await settle_protection(pair.it, case, "sought")
        await pair.settle()
        assert await pair.ro.rows("select id from message") == []

        side, done = await restored(pair, "it", copy)
        assert done.doubted == 1
        for code in ("it", "ro"):
            await pair.reconcile(code)
            await pair.settle()
        assert await pair.ro.rows("select id from message") == []
        assert await pair.ro.rows("select reference from case_file") == []
        assert {
            row["state"] for row in await side.rows("select state from outbox where kind = 'content'")
        } == {"held"}
        assert await protection(side, case) == ("unknown", None)
        (told,) = await side.rows(
            "select authority, audience, subject from notice where kind = :kind", kind="protection-unknown"
        )
        assert told == {"authority": side.office, "audience": "officer", "subject": case}
        with pytest.raises(NotAcceptable) as refused:
            await side.send(message("case.notification", case, side.office, pair.ro.office))
        assert refused.value.code.startswith("safeguard.")

        await exchange.set_protection(side.node, side.officer, case, "not-sought", "no-indication")
        await pair.settle()
        assert await pair.ro.rows("select id from message") == []
        await exchange.set_protection(side.node, side.supervisor, case, "not-sought", "no-indication")
        await pair.settle()
        assert len(await pair.ro.rows("select id from message")) == 1

    run(play())


def test_what_had_a_number_before_the_backup_is_held_too(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await asyncio.to_thread(begin_running, pair.it.node)
        await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        copy = copied(pair.it, tmp_path / "copy.db")
        pair.hub.lose_everything()
        side, _ = await restored(pair, "it", copy)
        pair.clock.pass_by(hours=1)
        assert await pair.release(side) == 0

    run(play())


def test_a_danger_that_the_backup_knows_stays_one_and_one_persons_proposal_counts_no_more(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        sought, doubted, proposed = [await pair.open_case() for _ in range(3)]
        it = pair.it
        await asyncio.to_thread(begin_running, it.node)
        await settle_protection(it, sought, "sought")
        await exchange.set_protection(it.node, it.officer, sought, "not-sought", "no-indication")
        await exchange.set_protection(it.node, it.officer, doubted, "possible", "no-indication")
        await settle_protection(it, proposed, "possible")
        side, done = await restored(pair, "it", copied(it, tmp_path / "copy.db"))
        assert done.doubted == 3
        assert await protection(side, sought) == ("sought", None)
        assert await protection(side, doubted) == ("possible", None)
        assert await protection(side, proposed) == ("possible", None)
        # Whoever proposed it before the loss is no first person any more.
        await exchange.set_protection(side.node, side.supervisor, sought, "not-sought", "no-indication")
        assert await protection(side, sought) == ("sought", "not-sought")

    run(play())


def test_the_state_of_origin_has_no_status_that_could_be_in_doubt(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        await asyncio.to_thread(begin_running, pair.ro.node)
        before = await pair.ro.rows("select * from case_file")
        side, done = await restored(pair, "ro", copied(pair.ro, tmp_path / "copy.db"))
        assert done.doubted == 0
        assert await side.rows("select * from case_file") == before
        assert await side.rows("select * from notice where kind = 'protection-unknown'") == []

    run(play())


def test_of_a_closed_case_nobody_is_told(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        await asyncio.to_thread(begin_running, pair.it.node)
        side, _ = await restored(pair, "it", copied(pair.it, tmp_path / "copy.db"))
        assert await protection(side, case) == ("unknown", None)
        assert await side.rows("select * from notice where kind = 'protection-unknown'") == []

    run(play())


# -- holds, blocks and who was disabled


def test_what_was_taken_away_since_the_backup_is_taken_away_again(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        it = pair.it
        gone, stays = await person(it), await person(it)
        await client(it)
        await asyncio.to_thread(begin_running, it.node)
        copy = copied(it, tmp_path / "copy.db")
        await exchange.change_retention(it.node, it.supervisor, case, "hold", "court-proceedings")
        await exchange.change_retention(it.node, it.supervisor, case, "block", "complaint")
        await disable_person(it.node, FIRST, gone.id)
        await disable_client(it.node, FIRST, "agency-system")
        held_at = (await retention_of(it, case)).held_at

        side, done = await restored(pair, "it", copy)
        again = done.repeated
        assert (again.held, again.blocked, again.people, again.systems) == (1, 1, 1, 1)
        view = await retention_of(side, case)
        assert (view.hold_reason, view.block_reason) == ("court-proceedings", "complaint")
        assert abs((view.held_at - held_at).total_seconds()) < 1
        found = {one.id: one.disabled_at for one in await side.node.store.read(people.people)}
        assert found[gone.id] is not None
        assert found[stays.id] is None
        (system,) = await side.node.store.read(clients.clients)
        assert system.disabled_at is not None
        done_by = await side.rows(
            "select action, actor from access_journal where action in"
            " ('retention-held', 'retention-blocked', 'person-disabled', 'client-disabled') order by action"
        )
        assert {row["actor"] for row in done_by} == {"node"}
        assert len(done_by) == 4
        # And once.
        assert not (await asyncio.to_thread(take_up_restored, side.node)).repeated

    run(play())


def test_what_was_ended_since_does_not_come_back(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        it = pair.it
        await client(it)
        await asyncio.to_thread(begin_running, it.node)
        copy = copied(it, tmp_path / "copy.db")
        await exchange.change_retention(it.node, FIRST, case, "block", "complaint")
        await exchange.change_retention(it.node, FIRST, case, "unblock", "dispute-settled")
        await exchange.change_retention(it.node, FIRST, case, "hold", "complaint")
        await exchange.change_retention(it.node, FIRST, case, "lift-hold", "hold-ended")
        await decided(it, case)
        assert (await retention_of(it, case)).held_at is None
        side, done = await restored(pair, "it", copy)
        assert not done.repeated
        view = await retention_of(side, case)
        assert (view.held_at, view.blocked_at) == (None, None)

    run(play())


def test_a_system_that_two_administrators_registered_anew_is_not_disabled_again(pair: Pair) -> None:
    async def play() -> None:
        it = pair.it
        await client(it)
        await disable_client(it.node, FIRST, "agency-system")
        waits = await registered_anew(it)
        await exchange.decide(it.node, SECOND, waits, "approve", None)
        await asyncio.to_thread(begin_running, it.node)
        (system,) = await it.node.store.read(clients.clients)
        assert system.disabled_at is None

    run(play())


async def registered_anew(side: Side) -> Any:
    waits = await accounts.register_client(
        side.node,
        FIRST,
        "agency-system",
        role=Role.AGENCY_SYSTEM,
        authorities=[side.office],
        scopes=None,
        keys=[KEY],
    )
    return waits.id


def test_a_crash_before_the_commit_leaves_the_restraint_standing(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        one = await person(pair.it)
        node = pair.it.node
        # On disk outside, and never committed.
        node.ledger.restrain("hold", case, pair.clock.now(), "complaint")
        node.ledger.restrain("person-disabled", one.id, pair.clock.now())
        await asyncio.to_thread(begin_running, node)
        assert (await retention_of(pair.it, case)).hold_reason == "complaint"
        assert await node.store.read(lambda session: people.has_gone(session, one.id))

    run(play())


def test_what_an_earlier_release_took_away_is_written_to_the_ledger_at_the_first_start(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        it, one = pair.it, await person(pair.it)
        copy = copied(it, tmp_path / "copy.db")
        await exchange.change_retention(it.node, FIRST, case, "hold", "complaint")
        await it.node.store.write(lambda session: people.disable(session, FIRST, one.id, pair.clock.now()))
        await client(it)
        await it.node.store.write(
            lambda session: clients.disable(session, FIRST, "agency-system", pair.clock.now())
        )
        for file in it.node.settings.ledger_dir.iterdir():
            file.unlink()
        node = replace(
            it.node, ledger=Ledger(it.node.settings.ledger_dir, it.node.keys.kek(), salt=bytes(32))
        )
        pair.it = replace(it, node=node)
        await asyncio.to_thread(begin_running, node)
        assert node.ledger.restraints("hold").keys() == {node.ledger.named(case)}
        assert node.ledger.restraints("person-disabled").keys() == {node.ledger.named(one.id)}
        assert node.ledger.restraints("client-disabled").keys() == {node.ledger.named("agency-system")}
        side, done = await restored(pair, "it", copy)
        assert (done.repeated.held, done.repeated.people) == (1, 1)
        assert (await retention_of(side, case)).held_at is not None

    run(play())


def test_a_case_that_comes_back_later_is_held_before_anything_of_it_is_due(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        pair.it.node.ledger.restrain("hold", case, pair.clock.now(), "complaint")
        await Retention(pair.it.node).look()
        assert (await retention_of(pair.it, case)).held_at is not None

    run(play())


def test_what_a_rule_blocks_is_not_in_the_ledger(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        pair.clock.pass_by(days=701)
        assert (await run_retention(pair.it.node)).blocked == (case,)
        await asyncio.to_thread(begin_running, pair.it.node)
        assert pair.it.node.ledger.restraints("block") == {}

    run(play())


def test_the_ledger_says_neither_which_case_nor_who(pair: Pair) -> None:
    async def play() -> None:
        case, _ = await closed_case(pair)
        one = await person(pair.it)
        await exchange.change_retention(pair.it.node, FIRST, case, "hold", "complaint")
        await disable_person(pair.it.node, FIRST, one.id)
        text = (pair.it.node.settings.ledger_dir / "erasures.jsonl").read_text()
        assert case not in text
        assert one.id not in text
        assert [json.loads(line).get("restraint") for line in text.splitlines()[1:]] == [
            "hold",
            "person-disabled",
        ]

    run(play())


def test_a_restore_beside_a_new_ledger_says_that_the_old_one_is_lost(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        await pair.open_case()
        await asyncio.to_thread(begin_running, pair.it.node)
        copy = copied(pair.it, tmp_path / "copy.db")
        _, done = await restored(pair, "it", copy)
        assert not done.ledger_is_new
        for file in pair.it.node.settings.ledger_dir.iterdir():
            file.unlink()
        _, done = await restored(pair, "it", copy)
        assert done.ledger_is_new

    run(play())


# -- after a restore


def test_of_cases_from_before_a_restore_the_node_erases_nothing_by_itself(pair: Pair, tmp_path: Path) -> None:
    """A hold may have been lost together with the ledger that would have said so."""

    async def play() -> None:
        case, _ = await closed_case(pair)
        await asyncio.to_thread(begin_running, pair.it.node)
        side, _ = await restored(pair, "it", copied(pair.it, tmp_path / "copy.db"))
        node = erasing(side.node)
        pair.clock.pass_by(days=701)
        assert (await run_retention(node)).blocked == (case,)
        for _ in range(31):
            pair.clock.pass_by(days=1)
            done = await run_retention(node)
            assert done.erased == ()
            if done.proposed:
                break
        assert done.proposed == (case,)
        assert await side.rows("select * from case_key where destroyed_at is not null") == []
        await exchange.change_retention(
            node, actor(role=Role.ADMINISTRATOR, person="a"), case, "hold", "complaint"
        )
        with pytest.raises(Conflict) as refused:
            await decided(side, case)
        assert refused.value.code == "retention.held"

    run(play())
