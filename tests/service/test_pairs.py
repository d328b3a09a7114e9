"""Two people: one proposes, another decides. Judged by what is stored and by what leaves."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.bundle import verify_bundle
from protocol.directory import Routing
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId
from service import exchange
from service.access import people
from service.access.actor import Actor
from service.access.roles import Role
from service.errors import Conflict, Forbidden, NotFound
from service.exchange.views import Accepted, ApprovalView, Awaiting, Submission
from service.monitor.overdue import Overdue
from tests.protocol.sample_directory import IT_FOCAL_POINT, IT_LOCAL
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair
from tests.service.solution_case import Road

WAITING = "select * from approval order by proposed_at"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def second_supervisor(side: Side) -> Actor:
    return actor(side.office, role=Role.SUPERVISOR, person="supervisor-2")


async def decide(side: Side, who: Actor, approval: str, word: str = "approve") -> ApprovalView:
    reason = "not-now" if word == "return" else None
    return await exchange.decide(side.node, who, MessageId(approval), word, reason)  # type: ignore[arg-type]


async def proposed(pair: Pair, side: Side) -> tuple[Road, Submission, Awaiting]:
    """An acceptance that an officer has proposed and nobody has looked at yet."""
    road = await Road.to_a_proposal(pair)
    acceptance = await road.acceptance(side, await road.propose())
    waits = await exchange.send(side.node, side.officer, acceptance)
    assert isinstance(waits, Awaiting)
    return road, acceptance, waits


def test_nothing_of_what_binds_a_state_is_said_before_a_second_person_approves(pair: Pair) -> None:
    async def play() -> None:
        _, acceptance, waits = await proposed(pair, pair.it)
        carried = len(pair.hub.carried)
        assert await exchange.send(pair.it.node, pair.it.officer, acceptance) == waits
        await pair.settle()
        assert len(pair.hub.carried) == carried
        assert await pair.it.rows("select id from message where id = :id", id=acceptance.id) == []
        assert await pair.it.rows("select row from outbox where message_id = :id", id=acceptance.id) == []
        (row,) = await pair.it.rows(WAITING)
        assert (row["state"], row["kind"], row["subject"]) == ("proposed", "binding-message", acceptance.id)
        agreement = acceptance.coded["agreement"].encode()
        assert agreement not in row["payload_sealed"]
        assert agreement.decode() not in str({**row, "payload_sealed": None})

        decided = await decide(pair.it, pair.it.supervisor, waits.approval)
        assert decided.accepted is not None
        assert await decide(pair.it, pair.it.supervisor, waits.approval) is not None, "again, and no harm"
        await pair.settle()
        for side in (pair.it, pair.ro):
            (said,) = await side.rows("select status from message where id = :id", id=acceptance.id)
            assert said["status"] == "consigned"
        (row,) = await pair.it.rows(WAITING)
        assert (row["state"], row["payload_sealed"]) == ("approved", None)
        assert isinstance(await exchange.send(pair.it.node, pair.it.officer, acceptance), Accepted)

    run(play())


async def registered(side: Side, person: Actor) -> None:
    """As one of this node's people, under the name that they have here."""
    await side.node.store.write(
        lambda session: people.add(
            session,
            actor(role=Role.ADMINISTRATOR, person="administrator-1"),
            state=side.node.state,
            role=person.role,
            authorities=person.authorities,
            subject=None,
            random_bytes=side.node.random.bytes,
            now=side.node.clock.now(),
            id=person.person,
        )
    )


async def disabled(side: Side, person: Actor) -> None:
    admin, now = actor(role=Role.ADMINISTRATOR, person="administrator-1"), side.node.clock.now()
    await side.node.store.write(lambda session: people.disable(session, admin, person.person, now))


def test_who_comes_back_under_another_name_is_not_the_second_person(pair: Pair) -> None:
    async def play() -> None:
        await registered(pair.it, pair.it.officer)
        _, acceptance, waits = await proposed(pair, pair.it)
        await disabled(pair.it, pair.it.officer)
        again = second_supervisor(pair.it)
        await registered(pair.it, again)
        with pytest.raises(Conflict, match=r"access\.proposal_void"):
            await decide(pair.it, again, waits.approval)
        assert await pair.it.rows("select id from message where id = :id", id=acceptance.id) == []
        assert (await decide(pair.it, again, waits.approval, "return")).state == "returned"

    run(play())


def test_a_token_that_outlives_its_person_approves_nothing(pair: Pair) -> None:
    async def play() -> None:
        await registered(pair.it, pair.it.supervisor)
        _, acceptance, waits = await proposed(pair, pair.it)
        await disabled(pair.it, pair.it.supervisor)
        with pytest.raises(Forbidden, match=r"access\.second_person"):
            await decide(pair.it, pair.it.supervisor, waits.approval)
        assert await pair.it.rows("select id from message where id = :id", id=acceptance.id) == []

    run(play())


def test_who_comes_back_under_another_name_does_not_settle_protection_alone(pair: Pair) -> None:
    async def play() -> None:
        await registered(pair.it, pair.it.officer)
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        settle = exchange.set_protection
        await settle(pair.it.node, pair.it.officer, case, "not-sought", "child-interviewed")
        await disabled(pair.it, pair.it.officer)
        again = second_supervisor(pair.it)
        view = await settle(pair.it.node, again, case, "not-sought", "child-interviewed")
        assert (view.status, view.state, view.proposed_by) == ("unknown", "proposed", again.person)
        view = await settle(pair.it.node, pair.it.supervisor, case, "not-sought", "child-interviewed")
        assert (view.status, view.state) == ("not-sought", "settled")

    run(play())


def test_a_token_that_outlives_its_person_settles_no_protection(pair: Pair) -> None:
    """One human: registered, disabled, registered anew; the first registration's token is still good."""

    async def play() -> None:
        await registered(pair.it, pair.it.officer)
        case = (await exchange.open_case(pair.it.node, pair.it.officer)).reference
        await disabled(pair.it, pair.it.officer)
        again = second_supervisor(pair.it)
        await registered(pair.it, again)
        settle = exchange.set_protection
        await settle(pair.it.node, again, case, "not-sought", "child-interviewed")
        with pytest.raises(Forbidden, match=r"access\.second_person"):
            await settle(pair.it.node, pair.it.officer, case, "not-sought", "child-interviewed")
        (row,) = await pair.it.rows("select protection, protection_proposed_by from case_file")
        assert (row["protection"], row["protection_proposed_by"]) == ("unknown", again.person)

    run(play())


def test_a_token_that_outlives_its_person_returns_nothing_and_is_shown_no_identity(pair: Pair) -> None:
    async def play() -> None:
        for person in (pair.ro.officer, pair.ro.supervisor):
            await registered(pair.ro, person)
        told = await pair.notify(await pair.open_case())
        node = pair.ro.node
        first = await exchange.request_release(node, pair.ro.officer, told.id, "family-visit")
        second = await exchange.request_release(node, pair.ro.officer, told.id, "home-visit")
        await decide(pair.ro, pair.ro.supervisor, first.id)
        shown = await exchange.read_message(node, pair.ro.officer, told.id, True, "family-visit")
        assert shown.content.identity is not None
        for person in (pair.ro.officer, pair.ro.supervisor):
            await disabled(pair.ro, person)
            with pytest.raises(Forbidden, match=r"access\.second_person"):
                await exchange.read_message(node, person, told.id, True, "family-visit")
        with pytest.raises(Forbidden, match=r"access\.second_person"):
            await decide(pair.ro, pair.ro.supervisor, second.id, "return")
        (row,) = await pair.ro.rows("select state from approval where id = :id", id=second.id)
        assert row["state"] == "proposed"

    run(play())


@pytest.mark.parametrize("role", [Role.CASE_OFFICER, Role.SUPERVISOR])
def test_whoever_proposed_it_neither_approves_nor_returns_it_in_any_role(pair: Pair, role: Role) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        acceptance = await road.acceptance(pair.it, await road.propose())
        proposer = actor(pair.it.office, role=role, person="one-person")
        waits = await exchange.send(pair.it.node, proposer, acceptance)
        assert isinstance(waits, Awaiting)
        before = await pair.it.rows(WAITING)
        same_person = actor(pair.it.office, role=Role.SUPERVISOR, person="one-person")
        for word in ("approve", "return"):
            with pytest.raises(Forbidden) as refused:
                await decide(pair.it, same_person, waits.approval, word)
            assert refused.value.code == "access.second_person"
        for who, kind in (
            (actor(pair.it.office, person="officer-2"), Forbidden),
            (actor(pair.it.office, role=Role.AGENCY_SYSTEM, person="system"), NotFound),
            (actor(IT_LOCAL, role=Role.SUPERVISOR, person="elsewhere"), NotFound),
            (actor(role=Role.ADMINISTRATOR, person="admin"), NotFound),
        ):
            with pytest.raises(kind):
                await decide(pair.it, who, waits.approval)
        assert await pair.it.rows(WAITING) == before

    run(play())


def test_a_supervisors_own_proposal_takes_another_supervisor(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        acceptance = await road.acceptance(pair.it, await road.propose())
        waits = await exchange.send(pair.it.node, pair.it.supervisor, acceptance)
        assert isinstance(waits, Awaiting)
        with pytest.raises(Forbidden):
            await decide(pair.it, pair.it.supervisor, waits.approval)
        assert (await decide(pair.it, second_supervisor(pair.it), waits.approval)).accepted is not None

    run(play())


def test_what_was_returned_or_has_lapsed_is_never_carried_out_and_leaves_no_content(pair: Pair) -> None:
    async def play() -> None:
        road, _, waits = await proposed(pair, pair.it)
        back = await decide(pair.it, pair.it.supervisor, waits.approval, "return")
        assert (back.state, back.decided_reason, back.decided_by) == ("returned", "not-now", "supervisor-1")
        with pytest.raises(Conflict) as decided:
            await decide(pair.it, second_supervisor(pair.it), waits.approval)
        assert decided.value.code == "access.decided"

        later = await road.acceptance(pair.it, road.said["proposal"])
        waits = await exchange.send(pair.it.node, pair.it.officer, later)  # type: ignore[assignment]
        pair.clock.pass_by(days=3, seconds=1)
        with pytest.raises(Conflict) as late:
            await decide(pair.it, pair.it.supervisor, waits.approval)
        assert late.value.code == "access.lapsed"
        shown = await exchange.read_approval(pair.it.node, pair.it.officer, waits.approval)
        assert shown.state == "lapsed", "seen before anybody writes it down"
        await Overdue(pair.it.node).look()
        rows = await pair.it.rows(WAITING)
        assert [(row["state"], row["payload_sealed"]) for row in rows] == [
            ("returned", None),
            ("lapsed", None),
        ]
        assert await pair.it.rows("select id from message where type like '%acceptance'") == []

    run(play())


def test_a_refusal_on_approval_decides_nothing_and_nothing_leaves_while_protection_is_doubted(
    pair: Pair,
) -> None:
    async def play() -> None:
        road, acceptance, waits = await proposed(pair, pair.it)
        await exchange.set_protection(
            pair.it.node, pair.it.supervisor, road.case, "possible", "child-interviewed"
        )
        carried = len(pair.hub.carried)
        with pytest.raises(NotAcceptable) as refused:
            await decide(pair.it, pair.it.supervisor, waits.approval)
        assert refused.value.code == "safeguard.international_protection"
        await pair.settle()
        assert len(pair.hub.carried) == carried
        assert await pair.it.rows("select id from message where id = :id", id=acceptance.id) == []
        (row,) = await pair.it.rows(WAITING)
        assert row["state"] == "proposed"

    run(play())


def test_an_identity_is_shown_to_the_two_alone_for_that_reason_and_for_a_time(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        ro = pair.ro

        async def shown(who: Actor, reason: str) -> bool:
            try:
                view = await exchange.read_message(ro.node, who, request.id, True, reason)
            except Forbidden as refused:
                return refused.code != "access.second_person"
            assert view.content is not None
            return view.content.identity is not None

        asked = await exchange.request_release(ro.node, ro.officer, request.id, "home-visit")
        assert await exchange.request_release(ro.node, ro.officer, request.id, "home-visit") == asked
        assert not await shown(ro.officer, "home-visit")
        await decide(ro, ro.supervisor, asked.id)
        assert await shown(ro.officer, "home-visit")
        assert await shown(ro.supervisor, "home-visit")
        assert not await shown(ro.officer, "court-hearing")
        assert not await shown(second_supervisor(ro), "home-visit")
        assert not await shown(actor(ro.office, person="officer-2"), "home-visit")
        pair.clock.pass_by(hours=1, seconds=1)
        assert not await shown(ro.officer, "home-visit")
        released = await ro.rows("select actor from access_journal where action = 'identity-released'")
        assert [row["actor"] for row in released] == ["officer-1", "supervisor-1"]

    run(play())


def test_a_setting_adds_acts_that_take_two_and_takes_none_away(pair: Pair) -> None:
    async def play() -> None:
        node = pair.it.node
        node = dataclasses.replace(
            node, settings=dataclasses.replace(node.settings, second_person="social-inquiry.request")
        )
        case = await pair.open_case()
        notified = await pair.notify(case)
        asking = message("social-inquiry.request", case, pair.it.office, pair.ro.office)
        waits = await exchange.send(node, pair.it.officer, asking)
        assert isinstance(waits, Awaiting)
        shown = await exchange.read_approval(node, pair.it.supervisor, waits.approval)
        assert shown.message is not None
        assert shown.message.content.identity_state == "sealed"
        assert shown.message.content.identity is None
        assert (await exchange.decide(node, pair.it.supervisor, waits.approval, "approve", None)).accepted
        # Without the word for it, a supervisor alone releases; an officer never does.
        assert await exchange.read_message(node, pair.it.supervisor, notified.id, True, "visit")
        with pytest.raises(Forbidden):
            await exchange.read_message(node, pair.it.officer, notified.id, True, "visit")
        assert pair.it.node.settings.second_person == "identity-release", "by default identity takes two"

        road = await Road.to_a_proposal(pair)
        acceptance = await road.acceptance(pair.it, await road.propose())
        assert isinstance(await exchange.send(node, pair.it.officer, acceptance), Awaiting)

    run(play())


def test_a_list_shows_what_waits_first_and_never_content(pair: Pair) -> None:
    async def play() -> None:
        _, acceptance, waits = await proposed(pair, pair.it)
        listed = await exchange.list_approvals(pair.it.node, pair.it.supervisor, "proposed")
        assert [one.id for one in listed.approvals] == [waits.approval]
        assert listed.approvals[0].message is None
        assert acceptance.coded["agreement"] not in repr(listed)
        nobody = await exchange.list_approvals(pair.it.node, actor(role=Role.ADMINISTRATOR), None)
        assert nobody.approvals == ()

    run(play())


# -- through the focal point


def through_the_focal_point(pair: Pair) -> None:
    """Italy's directory: what a local authority says is approved by the focal point first."""
    world = pair.world
    world.publish(dataclasses.replace(world.authority(IT_FOCAL_POINT), routing=Routing.THROUGH_FOCAL_POINT))
    world.refresh()


async def local_case(pair: Pair) -> tuple[Side, CaseReference]:
    local = dataclasses.replace(pair.it, office=IT_LOCAL)
    case = (await exchange.open_case(local.node, local.officer)).reference
    for person in ("local-1", "local-2"):
        officer = actor(IT_LOCAL, person=person)
        await exchange.set_protection(local.node, officer, case, "not-sought", "child-interviewed")
    return local, case


def asking(case: CaseReference, pair: Pair) -> Submission:
    return message("case.notification", case, IT_LOCAL, pair.ro.office)


def test_a_local_authoritys_message_waits_for_its_focal_point_and_leaves_countersigned(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        local, case = await local_case(pair)
        submission = asking(case, pair)
        waits = await exchange.send(local.node, local.officer, submission)
        assert isinstance(waits, Awaiting)
        assert (waits.deciding, waits.status) == (IT_FOCAL_POINT, "awaiting-approval")
        await pair.settle()
        assert pair.hub.carried == []
        colleague = actor(IT_LOCAL, role=Role.SUPERVISOR, person="local-supervisor")
        with pytest.raises(Forbidden) as refused:
            await decide(local, colleague, waits.approval)
        assert refused.value.code == "access.not_your_authority"

        at_focal_point = actor(IT_FOCAL_POINT, person="focal-1")
        shown = await exchange.read_approval(local.node, at_focal_point, waits.approval)
        assert shown.message is not None
        assert shown.message.content.coded == submission.coded
        assert (await decide(local, at_focal_point, waits.approval)).accepted is not None
        await pair.settle()
        for side in (pair.it, pair.ro):
            rows = await side.rows("select kind, issuer from evidence where id = :id", id=submission.id)
            assert {"kind": "countersigned", "issuer": IT_FOCAL_POINT} in rows
        bundle = await exchange.case_bundle(pair.ro.node, pair.ro.officer, case)
        assert verify_bundle(bundle, pair.world.charter_digest).findings == ()

    run(play())


def test_what_the_focal_point_returns_is_never_said_and_its_author_is_told_why(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        local, case = await local_case(pair)
        waits = await exchange.send(local.node, local.officer, asking(case, pair))
        assert isinstance(waits, Awaiting)
        await decide(local, actor(IT_FOCAL_POINT, person="focal-1"), waits.approval, "return")
        await pair.settle()
        assert pair.hub.carried == []
        (seen,) = (await exchange.list_approvals(local.node, local.officer, None)).approvals
        assert (seen.state, seen.decided_reason) == ("returned", "not-now")
        journal = await local.rows("select action, subject from access_journal")
        assert {"action": "countersignature-returned", "subject": waits.id} in journal

    run(play())


def test_nothing_waiting_for_the_focal_point_leaves_once_protection_is_doubted(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        local, case = await local_case(pair)
        waits = await exchange.send(local.node, local.officer, asking(case, pair))
        assert isinstance(waits, Awaiting)
        await exchange.set_protection(local.node, local.officer, case, "sought", "child-interviewed")
        at_origin = await pair.ro.rows("select name from sqlite_master where type = 'table'")
        before = {one["name"]: await pair.ro.rows(f"select * from {one['name']}") for one in at_origin}
        with pytest.raises(NotAcceptable) as refused:
            await decide(local, actor(IT_FOCAL_POINT, person="focal-1"), waits.approval)
        assert refused.value.code == "safeguard.international_protection"
        await pair.settle()
        assert pair.hub.carried == []
        assert {name: await pair.ro.rows(f"select * from {name}") for name in before} == before

    run(play())


def test_no_countersignature_leaves_alone_when_its_message_is_held(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        local, case = await local_case(pair)
        waits = await exchange.send(local.node, local.officer, asking(case, pair))
        assert isinstance(waits, Awaiting)
        approved = await decide(local, actor(IT_FOCAL_POINT, person="focal-1"), waits.approval)
        assert approved.accepted is not None
        await exchange.set_protection(local.node, local.officer, case, "possible", "child-interviewed")
        await pair.settle()
        assert pair.hub.carried == []
        for person in ("local-1", "local-2"):
            officer = actor(IT_LOCAL, person=person)
            await exchange.set_protection(local.node, officer, case, "not-sought", "child-interviewed")
        await pair.settle()
        rows = await pair.ro.rows("select kind from evidence where id = :id", id=approved.accepted.id)
        assert {"kind": "countersigned"} in rows

    run(play())


def test_a_focal_point_and_an_authority_that_sends_directly_wait_for_nobody(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        case = await pair.open_case()
        assert isinstance(await pair.notify(case), Accepted)
        pair.world.publish(dataclasses.replace(pair.world.authority(IT_LOCAL), routing=Routing.DIRECT))
        pair.world.refresh()
        local, case = await local_case(pair)
        assert isinstance(await exchange.send(local.node, local.officer, asking(case, pair)), Accepted)

    run(play())


def test_what_could_not_be_sent_is_not_even_kept_to_wait(pair: Pair) -> None:
    async def play() -> None:
        road = await Road.to_a_proposal(pair)
        acceptance = await road.acceptance(pair.it, await road.propose())
        await exchange.set_protection(
            pair.it.node, pair.it.supervisor, road.case, "possible", "child-interviewed"
        )
        with pytest.raises(NotAcceptable) as refused:
            await exchange.send(pair.it.node, pair.it.officer, acceptance)
        assert refused.value.code == "safeguard.international_protection"
        assert await pair.it.rows(WAITING) == []

    run(play())


def test_what_binds_the_state_and_goes_through_the_focal_point_takes_its_supervisor(pair: Pair) -> None:
    async def play() -> None:
        through_the_focal_point(pair)
        local, case = await local_case(pair)
        settings = dataclasses.replace(local.node.settings, second_person="case.notification")
        local.node = dataclasses.replace(local.node, settings=settings)
        waits = await exchange.send(local.node, local.officer, asking(case, pair))
        assert isinstance(waits, Awaiting)
        with pytest.raises(Forbidden) as refused:
            await decide(local, actor(IT_FOCAL_POINT, person="focal-1"), waits.approval)
        assert refused.value.code == "access.scope"
        supervisor = actor(IT_FOCAL_POINT, role=Role.SUPERVISOR, person="focal-2")
        assert (await decide(local, supervisor, waits.approval)).accepted is not None

    run(play())
