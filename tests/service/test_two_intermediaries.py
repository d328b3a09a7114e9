"""Two international bodies at one node, each with mandates of its own: people of one see, take out, type and
attest nothing that only the other's mandate covers."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol.directory import AuthorityFacts
from protocol.errors import NotAcceptable
from protocol.identifiers import Address
from service import exchange
from service.access.actor import Actor
from service.access.represented import acting
from service.access.roles import Role
from service.errors import Conflict, Forbidden
from service.exchange import relay as handing_over
from service.exchange.views import Accepted, Awaiting, RelayOutcome, SignedSubmission
from tests.protocol.sample_intermediary import INT_IOM, IOM, MD_OFFICE, give, give_own_key, mandate
from tests.service.exchange_pair import actor
from tests.service.exchange_trio import Relay, Trio, open_trio

pytestmark = pytest.mark.anyio

OTHER = Address("int.other")
EVERYTHING = ("coded", "narrative", "identity")
BY_POST = RelayOutcome(outcome="handed-over", way="post")
NOT_REACHED = RelayOutcome(outcome="failed", way="e-mail", reason="relay.not_reached", attempt=1)


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    """`int.iom` has a mandate for everything, `int.other` one for notifications alone."""
    made = open_trio(tmp_path)
    world = made.world
    give(world, parts=EVERYTHING)
    world.admit("int-iom", nodes=(INT_IOM,), authorities=(IOM, OTHER))
    iom = world.facts["int-iom/authority/iom"]
    assert isinstance(iom, AuthorityFacts)
    world.publish(dataclasses.replace(iom, address=OTHER), member="int-iom")
    keys: Any = made.iom.node.keys
    world.signing[OTHER] = world.signing[IOM]
    keys._kept.add(OTHER)
    give_other(made)
    yield made
    made.close()


def give_other(trio: Trio, **changes: Any) -> None:
    given = {"name": "other", "intermediary": OTHER, "procedures": ("case",), "parts": EVERYTHING}
    trio.world.publish(mandate(trio.world, **{**given, **changes}))
    trio.world.refresh()


def theirs(trio: Trio, role: Role = Role.INTERMEDIARY_OFFICER) -> Actor:
    found = acting(trio.iom.node, actor(OTHER, role=role, person=f"other-{role}-1"))
    assert MD_OFFICE in found.authorities
    return found


async def asked(trio: Trio) -> tuple[Accepted, Accepted]:
    """What the other's mandate covers too, and what it does not."""
    case = await trio.open_case()
    notice = await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    return notice, request


async def waiting(trio: Trio, officer: Actor) -> set[str]:
    return {one.id for one in (await exchange.pending_relays(trio.iom.node, officer)).messages}


# --- handing over -------------------------------------------------------------------------------------------


async def test_a_hand_over_is_seen_by_those_whose_own_intermediary_may_make_it(trio: Trio) -> None:
    notice, request = await asked(trio)
    assert await waiting(trio, trio.iom.officer) == {notice.id, request.id}
    assert await waiting(trio, theirs(trio)) == {notice.id}
    trio.wait(minutes=1)
    give_other(trio, procedures=("case", "social-inquiry"))
    assert await waiting(trio, theirs(trio)) == {notice.id, request.id}


@pytest.mark.parametrize("outcome", [BY_POST, NOT_REACHED])
async def test_nobody_records_a_hand_over_under_anothers_mandate(trio: Trio, outcome: RelayOutcome) -> None:
    _, request = await asked(trio)
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await exchange.record_relay(trio.iom.node, theirs(trio), request.id, outcome)
    (row,) = await trio.iom.rows("select state, attempts from relay where id = :id", id=request.id)
    assert (row["state"], row["attempts"]) == ("waiting", 0)
    assert not await trio.iom.rows(
        "select kind from evidence where id = :id and kind like 'relay%'", id=request.id
    )
    done = await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, outcome)
    assert done.outcome == outcome.outcome


@pytest.mark.parametrize("outcome", [BY_POST, NOT_REACHED])
async def test_what_became_of_it_is_told_again_to_its_own_people_alone(
    trio: Trio, outcome: RelayOutcome
) -> None:
    _, request = await asked(trio)
    ours = trio.iom.officer
    done = await exchange.record_relay(trio.iom.node, ours, request.id, outcome)
    for said in (BY_POST, NOT_REACHED):
        with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
            await exchange.record_relay(trio.iom.node, theirs(trio), request.id, said)
    trio.wait(hours=1)
    give(trio.world, parts=EVERYTHING, until=trio.world.now)
    # A lost answer comes again also when the mandate under which it was recorded is over.
    assert await exchange.record_relay(trio.iom.node, ours, request.id, outcome) == done
    if outcome is BY_POST:
        with pytest.raises(Conflict, match=r"relay\.done"):
            await exchange.record_relay(trio.iom.node, ours, request.id, NOT_REACHED)


async def test_an_envelope_sealed_past_the_node_is_taken_out_by_those_who_may_carry_it(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    give_own_key(trio.world)
    trio.wait(minutes=1)
    give(trio.world, procedures=("case",), parts=EVERYTHING)
    sealed = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    officer = theirs(trio)
    # Each has a mandate of that State in force: what neither may read, either may carry.
    for carrier in (trio.iom.officer, officer):
        assert await exchange.relay_envelope(trio.iom.node, carrier, sealed.id)
    trio.wait(minutes=1)
    give_other(trio, revoked_at=trio.world.now)
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await exchange.relay_envelope(trio.iom.node, officer, sealed.id)
    assert sealed.id not in await waiting(trio, officer)
    assert sealed.id in await waiting(trio, trio.iom.officer)
    assert await exchange.relay_envelope(trio.iom.node, trio.iom.officer, sealed.id)
    notes = await trio.iom.rows("select actor from access_journal where action = 'envelope-exported'")
    assert [one["actor"] for one in notes].count(officer.person) == 1


async def test_what_only_the_other_may_hand_over_crowds_out_nothing(
    trio: Trio, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, request = await asked(trio)
    monkeypatch.setattr(handing_over, "SHOWN_AT_MOST", 1)
    trio.wait(minutes=1)
    for _ in range(3):
        await trio.it.send(trio.to_md("social-inquiry.request", request.case))
    await trio.settle()
    trio.wait(minutes=1)
    later = await trio.notify(await trio.open_case())
    officer = theirs(trio)
    first = await exchange.pending_relays(trio.iom.node, officer)
    assert (len(first.messages), first.more) == (1, True)
    await exchange.record_relay(trio.iom.node, officer, first.messages[0].id, BY_POST)
    last = await exchange.pending_relays(trio.iom.node, officer)
    assert ([one.id for one in last.messages], last.more) == ([later.id], False)


# --- typing and attesting -----------------------------------------------------------------------------------


async def accepted(trio: Trio) -> Accepted:
    _, request = await asked(trio)
    await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    await trio.settle()
    return request


async def typed(trio: Trio) -> tuple[Accepted, Accepted]:
    """A report that was typed by int.iom, and the inquiry that it answers."""
    request = await accepted(trio)
    report = await trio.iom.send(trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id))
    await trio.settle()
    return request, report


async def test_nobody_attests_or_types_under_anothers_mandate(trio: Trio) -> None:
    request, report = await typed(trio)
    before = await trio.iom.rows("select count(*) as n from message")
    for said in (
        trio.attestation(request.case, report),
        trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id),
    ):
        with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
            await exchange.send(trio.iom.node, theirs(trio), said)
        refused = await exchange.validate(trio.iom.node, theirs(trio), said)
        assert [one.code for one in refused.refusals] == ["mandate.procedure"]
    assert await trio.iom.rows("select count(*) as n from message") == before
    await trio.iom.send(trio.attestation(request.case, report))


async def test_each_types_under_its_own_name_where_both_may(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_other(trio, procedures=("case", "social-inquiry"))
    for officer, name in ((trio.iom.officer, IOM), (theirs(trio), OTHER)):
        request = await accepted(trio)
        said = await exchange.send(
            trio.iom.node, officer, trio.for_md("query", request.case, in_reply_to=request.id)
        )
        assert isinstance(said, Accepted)
        view = await exchange.read_message(trio.iom.node, officer, said.id, False, None)
        assert view.via is not None
        assert view.via.by == name


async def test_a_statement_that_the_other_signed_is_not_ones_own_to_send(trio: Trio) -> None:
    _, report = await typed(trio)
    (row,) = await trio.iom.rows("select statement from message where id = :id", id=report.id)
    signed = SignedSubmission(statement=str(row["statement"]), narrative=None, identity=None)
    trio.wait(minutes=1)
    with pytest.raises((NotAcceptable, Forbidden)):
        await exchange.send(trio.iom.node, theirs(trio), signed)


async def test_what_waits_for_a_second_person_is_said_by_the_one_that_proposed_it(trio: Trio) -> None:
    request = await accepted(trio)
    settings = dataclasses.replace(trio.iom.node.settings, second_person="identity-release query")
    careful = Relay(
        node=dataclasses.replace(trio.iom.node, settings=settings),
        outbox=trio.iom.outbox,
        office=trio.iom.office,
        hub=trio.iom.hub,
        link=trio.iom.link,
    )
    trio.wait(minutes=1)
    give_other(trio, procedures=("case", "social-inquiry"))
    officer = theirs(trio, Role.CASE_OFFICER)
    kept = await exchange.send(
        careful.node, officer, trio.for_md("query", request.case, in_reply_to=request.id)
    )
    assert isinstance(kept, Awaiting)
    ours = acting(careful.node, actor(IOM, role=Role.SUPERVISOR, person="supervisor-1"))
    with pytest.raises(Forbidden, match=r"access\.not_your_authority"):
        await exchange.decide(careful.node, ours, kept.approval, "approve", None)
    supervisor = theirs(trio, Role.SUPERVISOR)
    done = await exchange.decide(careful.node, supervisor, kept.approval, "approve", None)
    assert done.accepted is not None
    view = await exchange.read_message(careful.node, officer, done.accepted.id, False, None)
    assert view.via is not None
    assert view.via.by == OTHER


async def test_next_steps_are_those_of_ones_own_intermediary(trio: Trio) -> None:
    request, _ = await typed(trio)
    ours, others = [
        {
            (step.type, step.open, None if step.refusal is None else step.refusal.code)
            for step in (await exchange.next_steps(trio.iom.node, officer, request.case)).steps
            if step.procedure == "social-inquiry"
        }
        for officer in (trio.iom.officer, theirs(trio))
    ]
    assert any(open_ for _, open_, _ in ours)
    assert {(open_, code) for _, open_, code in others} == {(False, "mandate.procedure")}
