"""A State without a node, through the intermediary's: three real nodes, real stores, real keys."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.requests import Request

from protocol import vocabularies
from protocol.envelope import parse
from protocol.errors import NotAcceptable
from protocol.evidence import evidence_kind
from protocol.identifiers import MessageId
from protocol.rendering.sentences import sentences
from service import exchange
from service.access.represented import acting
from service.access.roles import Role
from service.api import messages, notices
from service.api.guard import Api, Asking
from service.errors import Conflict, Forbidden, NotFound
from service.exchange.views import Accepted, MessageQuery, RelayOutcome
from tests.protocol.sample_directory import IT_FOCAL_POINT
from tests.protocol.sample_intermediary import IOM, MD_OFFICE, give, revoke
from tests.service.exchange_pair import actor
from tests.service.exchange_trio import Trio, open_trio

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    yield made
    made.close()


async def asked(trio: Trio) -> tuple[Accepted, Accepted]:
    """A case that was notified and a social inquiry that was requested, both at the intermediary."""
    case = await trio.open_case()
    notice = await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    return notice, request


async def answered(trio: Trio) -> tuple[Accepted, Accepted]:
    """The inquiry accepted, and the report typed from paper."""
    _, request = await asked(trio)
    await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    await trio.settle()
    report = await trio.iom.send(trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id))
    await trio.settle()
    return request, report


async def status(trio: Trio, accepted: Accepted, side: str) -> tuple[str, str | None]:
    (row,) = await trio.sides[side].rows(
        "select status, refusal_code from message where id = :id", id=accepted.id
    )
    return row["status"], row["refusal_code"]


async def kinds(trio: Trio, accepted: Accepted, side: str) -> list[str]:
    node = trio.sides[side]
    view = await exchange.message_evidence(node.node, node.officer, accepted.id)
    return [one.kind for one in view.evidence]


# --- both ways ----------------------------------------------------------------------------------------------


async def test_a_message_to_a_state_without_a_node_lands_at_the_intermediary(trio: Trio) -> None:
    _, request = await asked(trio)
    assert await status(trio, request, "it") == ("consigned", None)
    view = await exchange.read_message(trio.iom.node, trio.iom.officer, request.id, False, None)
    assert (view.recipient, view.via) == (MD_OFFICE, None)


async def test_what_the_intermediary_types_says_so_to_its_reader(trio: Trio) -> None:
    request, report = await answered(trio)
    view = await exchange.read_message(trio.it.node, trio.it.officer, report.id, False, None)
    assert view.sender == MD_OFFICE
    assert view.via is not None
    assert (view.via.by, view.via.attested, view.via.authentication) == (IOM, False, None)
    (listed,) = (
        one
        for one in (
            await exchange.list_messages(
                trio.it.node, trio.it.officer, exchange_query(request.case, "social-inquiry.report")
            )
        ).messages
    )
    assert listed.via == view.via
    timeline = await exchange.case_timeline(trio.it.node, trio.it.officer, request.case)
    typed = [entry for entry in timeline.entries if entry.kind == "message" and entry.via is not None]
    assert {entry.type for entry in typed} == {"accept", "social-inquiry.report"}
    assert "received-from-non-node" in await kinds(trio, report, "it")


def exchange_query(case: object, type_: str) -> object:
    from service.exchange.views import MessageQuery

    return MessageQuery(case=case, type=type_)  # type: ignore[arg-type]


async def test_an_attestation_says_what_it_was_typed_from_and_how_sure_that_is(trio: Trio) -> None:
    request, report = await answered(trio)
    attestation = await trio.iom.send(trio.attestation(request.case, report))
    await trio.settle()
    view = await exchange.read_message(trio.it.node, trio.it.officer, report.id, False, None)
    assert view.via is not None
    assert (view.via.attested, view.via.attestation) == (True, attestation.id)
    assert (view.via.original_form, view.via.authentication) == ("paper", "seen-and-identified")


async def test_both_sides_count_the_same_deadline(trio: Trio) -> None:
    _, request = await asked(trio)
    dues = [
        (await side.rows("select due_at from thread where id = :id", id=request.id))[0]["due_at"]
        for side in (trio.it, trio.iom)
    ]
    assert dues[0] == dues[1] is not None


# --- binding nobody -----------------------------------------------------------------------------------------


async def test_the_intermediary_cannot_accept_an_agreement_for_the_state(trio: Trio) -> None:
    _, request = await asked(trio)
    supervisor = acting(trio.iom.node, actor(IOM, role=Role.SUPERVISOR, person="supervisor-9"))
    for officer in (acting(trio.iom.node, trio.iom.officer), supervisor):
        said = trio.for_md("durable-solution.acceptance", request.case, in_reply_to=request.id)
        with pytest.raises((NotAcceptable, Forbidden)) as refused:
            await exchange.send(trio.iom.node, officer, said)
        assert refused.value.code in ("intermediary.cannot_bind", "access.scope")
    with pytest.raises(NotAcceptable, match=r"intermediary\.cannot_bind"):
        await exchange.send(trio.iom.node, supervisor, said)


async def test_the_states_own_key_is_nowhere_at_the_intermediary(trio: Trio) -> None:
    with pytest.raises(KeyError):
        trio.iom.node.keys.signing(MD_OFFICE)


async def test_the_intermediary_opens_no_case_and_settles_no_protection(trio: Trio) -> None:
    notice, _ = await asked(trio)
    officer = acting(trio.iom.node, trio.iom.officer)
    own = dataclasses.replace(officer, authorities=frozenset({MD_OFFICE}))
    with pytest.raises(Forbidden):
        await exchange.open_case(trio.iom.node, own)
    with pytest.raises(Forbidden):
        await exchange.set_protection(trio.iom.node, officer, notice.case, "not-sought", "interview-held")


async def test_nobody_collects_for_an_authority_that_has_nothing_yet(trio: Trio) -> None:
    _, request = await asked(trio)
    with pytest.raises(Conflict, match=r"intermediary\.relay_instead"):
        await exchange.collect(trio.iom.node, trio.iom.officer, request.id)


# --- handing over -------------------------------------------------------------------------------------------

BY_POST = RelayOutcome(outcome="handed-over", way="post")
NOT_REACHED = RelayOutcome(outcome="failed", way="e-mail", reason="relay.not_reached", attempt=1)


async def test_what_waits_is_listed_and_handed_over_once(trio: Trio) -> None:
    notice, request = await asked(trio)
    waiting = await exchange.pending_relays(trio.iom.node, trio.iom.officer)
    assert {one.id for one in waiting.messages} == {notice.id, request.id}
    assert all(one.readable and not one.sealed for one in waiting.messages)
    done = await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, BY_POST)
    again = await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, BY_POST)
    assert again == done
    with pytest.raises(Conflict, match=r"relay\.done"):
        await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, NOT_REACHED)
    left = await exchange.pending_relays(trio.iom.node, trio.iom.officer)
    assert [one.id for one in left.messages] == [notice.id]
    await trio.settle()
    assert (await kinds(trio, request, "it")).count("relayed-to-non-node") == 1


async def test_a_failure_is_shown_to_the_sender_and_the_clock_goes_on(trio: Trio) -> None:
    _, request = await asked(trio)
    (before,) = await trio.it.rows("select due_at, state from thread where id = :id", id=request.id)
    first = await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, NOT_REACHED)
    assert await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, NOT_REACHED) == first
    await trio.settle()
    view = await exchange.message_evidence(trio.it.node, trio.it.officer, request.id)
    failed = [one for one in view.evidence if one.kind == "relay-failed"]
    assert [one.code for one in failed] == ["relay.not_reached"]
    assert failed[0].issuer == "int-iom"
    (after,) = await trio.it.rows("select due_at, state from thread where id = :id", id=request.id)
    assert dict(after) == dict(before)
    await exchange.record_relay(trio.iom.node, trio.iom.officer, request.id, BY_POST)
    await trio.settle()
    timeline = await exchange.case_timeline(trio.it.node, trio.it.officer, request.case)
    shown = [entry.evidence for entry in timeline.entries if entry.id == request.id and entry.evidence]
    assert shown[-2:] == ["relay-failed", "relayed-to-non-node"]


def test_the_bridge_events_have_their_names_in_the_standard() -> None:
    assert evidence_kind("relayed-to-non-node").event == "RelayToNonERDS"
    assert evidence_kind("relay-failed").event == "RelayToNonERDSFailure"
    assert evidence_kind("received-from-non-node").event == "ReceivedFromNonERDS"


async def test_nobody_hands_over_what_is_not_for_his_states(trio: Trio) -> None:
    _, request = await asked(trio)
    stranger = actor(IT_FOCAL_POINT, role=Role.INTERMEDIARY_OFFICER)
    assert (await exchange.pending_relays(trio.iom.node, stranger)).messages == ()
    with pytest.raises(NotFound, match=r"relay\.not_to_hand_over"):
        await exchange.record_relay(trio.iom.node, stranger, request.id, BY_POST)
    with pytest.raises(NotFound):
        await exchange.record_relay(trio.iom.node, trio.iom.officer, MessageId(request.id[::-1]), BY_POST)


# --- a mandate ends -----------------------------------------------------------------------------------------


async def test_revoking_the_mandate_stops_sending_receiving_and_handing_over_at_once(trio: Trio) -> None:
    notice, request = await asked(trio)
    before = trio.iom.officer
    acted = acting(trio.iom.node, before)
    trio.wait(hours=1)
    revoke(trio.world)
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await exchange.record_relay(trio.iom.node, acted, request.id, BY_POST)
    assert (await exchange.pending_relays(trio.iom.node, acted)).messages == ()
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await exchange.send(trio.iom.node, acted, trio.for_md("accept", request.case, in_reply_to=request.id))
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await trio.it.send(trio.to_md("social-inquiry.request", notice.case))
    # Whoever signs in now acts for nobody there any more.
    assert acting(trio.iom.node, actor(IOM)).authorities == {IOM}


async def test_who_listens_when_the_mandate_ends_hears_nothing_more(trio: Trio) -> None:
    await asked(trio)
    unused: Any = None
    api = Api(node=trio.iom.node, exchange=cast("Any", exchange), tokens=unused, probes={}, rates=unused)
    listening = Asking(api=api, actor=trio.iom.officer, language="en")
    request = Request({"type": "http", "headers": [(b"authorization", b"Bearer made-up")]})

    async def heard() -> int:
        events = [event async for event in notices._events(listening, request, 0, 0.0)]
        return sum(b"event: notice" in event for event in events)

    async def listed() -> int:
        return len((await messages._awaited(listening, MessageQuery(), 0.0)).messages)

    assert (await heard() > 0, await listed() > 0) == (True, True)
    trio.wait(minutes=1)
    revoke(trio.world)
    assert (await heard(), await listed()) == (0, 0)


async def test_what_was_on_its_way_to_the_intermediary_is_refused_there(trio: Trio) -> None:
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    trio.wait(hours=1)
    revoke(trio.world)
    await trio.settle()
    assert await status(trio, notice, "it") == ("refused", "mandate.revoked")
    assert await trio.iom.rows("select id from message") == []


async def test_what_was_on_its_way_from_the_intermediary_is_refused_by_the_other_state(trio: Trio) -> None:
    _, request = await asked(trio)
    said = await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    await trio.release(trio.iom)
    trio.wait(hours=1)
    revoke(trio.world)
    await trio.settle()
    assert await status(trio, said, "int-iom") == ("refused", "mandate.revoked")
    (thread,) = await trio.it.rows("select state from thread where id = :id", id=request.id)
    assert thread["state"] == "requested"


async def test_what_waits_in_the_outbox_does_not_leave_any_more(trio: Trio) -> None:
    notice, request = await asked(trio)
    ours = await trio.it.send(trio.to_md("alert.danger", request.case, in_reply_to=notice.id))
    theirs = await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    carried = len(trio.hub.carried)
    trio.wait(hours=1)
    revoke(trio.world)
    await trio.release(trio.it)
    await trio.release(trio.iom)
    left = {parse(data).header.id for _, data in trio.hub.carried[carried:]}
    assert left.isdisjoint({ours.id, theirs.id})
    for accepted, side in ((ours, "it"), (theirs, "int-iom")):
        assert await status(trio, accepted, side) == ("refused", "mandate.revoked")


async def test_a_mandate_for_another_procedure_covers_no_reply(trio: Trio) -> None:
    _, request = await asked(trio)
    trio.wait(hours=1)
    give(trio.world, procedures=("case",))
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))


async def test_a_revoked_mandate_blocks_what_is_held_for_the_state_at_once(trio: Trio) -> None:
    notice, _ = await asked(trio)
    reader = acting(trio.iom.node, trio.iom.officer)
    read = await exchange.read_message(trio.iom.node, reader, notice.id, False, None)
    assert read.content is not None
    assert read.content.narrative
    await trio.iom.outbox.release_queued()
    assert await trio.iom.rows("select blocked_at from case_retention") == []
    trio.wait(hours=1)
    revoke(trio.world)
    # Nothing waits in the outbox, and nobody asks for anything: the node does it by itself.
    await trio.iom.outbox.release_queued()
    (row,) = await trio.iom.rows("select reference, blocked_at, block_reason from case_retention")
    assert (row["reference"], row["block_reason"]) == (notice.case, "mandate-ended")
    assert row["blocked_at"] is not None
    # Also with what somebody had in hand when it was revoked.
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await exchange.read_message(trio.iom.node, reader, notice.id, False, None)
    (noted,) = await trio.iom.rows(
        "select actor, action, reason from access_journal where action = 'retention-blocked'"
    )
    assert dict(noted) == {"actor": "node", "action": "retention-blocked", "reason": "mandate-ended"}
    await trio.iom.outbox.release_queued()
    assert len(await trio.iom.rows("select position from access_journal where reason = 'mandate-ended'")) == 1
    # At the State with a node nothing is blocked.
    await trio.it.outbox.release_queued()
    assert await trio.it.rows("select blocked_at from case_retention where blocked_at is not null") == []


async def test_a_new_mandate_takes_back_its_own_block_and_no_other(trio: Trio) -> None:
    notice, _ = await asked(trio)
    trio.wait(hours=1)
    revoke(trio.world)
    await trio.iom.outbox.release_queued()
    trio.wait(hours=1)
    give(trio.world, since=trio.world.now)
    await trio.iom.outbox.release_queued()
    (row,) = await trio.iom.rows("select blocked_at from case_retention")
    assert row["blocked_at"] is None
    administrator = actor(role=Role.ADMINISTRATOR, person="administrator-1")
    await exchange.change_retention(trio.iom.node, administrator, notice.case, "block", "court-proceedings")
    await trio.iom.outbox.release_queued()
    (row,) = await trio.iom.rows("select block_reason from case_retention")
    assert row["block_reason"] == "court-proceedings"


LANGUAGES = ("en", "fr", "es", "pt", "ru", "ar", "zh")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_rendering_says_who_typed_it_and_how_sure_that_is(trio: Trio, language: str) -> None:
    request, report = await answered(trio)
    words = sentences(language)

    async def shown() -> tuple[str, str, str]:
        printed = [
            (
                await exchange.render_message(trio.it.node, trio.it.officer, report.id, language, form)
            ).content.decode()
            for form in ("text", "html")
        ]
        timeline = await exchange.render_timeline(
            trio.it.node, trio.it.officer, request.case, language, "text"
        )
        return printed[0], printed[1], timeline.content.decode()

    for text in await shown():
        assert words.say("header-via") in text
        assert words.say("via-not-attested") in text
    await trio.iom.send(trio.attestation(request.case, report))
    await trio.settle()
    sure = vocabularies.label("authentication-strength", "seen-and-identified", language).text
    message, page, timeline = await shown()
    for text in (message, page):
        assert sure in text
        assert words.say("via-not-attested") not in text
    assert sure in timeline
