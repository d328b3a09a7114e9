"""What was sealed past the intermediary is opened by whom it was sealed to: at the State's own node later."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from protocol import conversations, evidence, vocabularies
from protocol.bundle import verify_bundle
from protocol.evidence import About
from protocol.identifiers import NodeCode, ThreadId
from protocol.json_strict import dumps
from service import exchange
from service.errors import Malformed
from service.exchange import proof
from service.exchange.erasure import erase
from service.exchange.views import Accepted, RelayOutcome
from service.store.tables import RELAY
from tests.protocol.sample_directory import IT_FOCAL_POINT
from tests.protocol.sample_envelopes import DRAFT, signed_content
from tests.protocol.sample_intermediary import MD_OFFICE, give, give_own_key, take_own_node
from tests.protocol.test_open_past import envelope
from tests.service.exchange_trio import Trio, open_trio
from tests.service.test_hand_over import due, exported, imported

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    yield made
    made.close()


def take_over_keys(trio: Trio) -> None:
    """As `focalpoint keys take-over` does: the node opens with them, and lists them to nobody."""
    for (owner, purpose), key in list(trio.world.sealing.items()):
        if owner == MD_OFFICE:
            trio.world.sealing["md", f"{purpose}-taken-over"] = key


async def sealed_request(trio: Trio) -> Accepted:
    """A case that the intermediary reads, and an inquiry that it does not; then the State's own node."""
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("case",))
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    assert await trio.iom.rows("select id from message where id = :id", id=request.id) == []
    return request


async def settled(trio: Trio) -> None:
    await trio.settle()
    for code in trio.sides:
        await trio.reconcile(code)
    await trio.settle()


async def test_a_request_that_was_sealed_past_is_received_at_the_new_node_and_due_when_it_was(
    trio: Trio,
) -> None:
    request = await sealed_request(trio)
    before = await due(trio, request, "it")
    trio.wait(hours=30)
    take_own_node(trio.world)
    take_over_keys(trio)
    assert await imported(trio.md, await exported(trio)) == (1, 2, 0)
    await settled(trio)
    view = await exchange.read_message(trio.md.node, trio.md.officer, request.id, False, None)
    assert (view.type, view.sender_node, view.status) == ("social-inquiry.request", "it", "consigned")
    assert view.content is not None
    assert view.content.narrative
    assert await due(trio, request, "md") == await due(trio, request, "it") == before
    assert before[1] is not None
    (row,) = await trio.md.rows("select due_at from message where id = :id", id=request.id)
    assert row["due_at"] == before[1]
    assert await trio.md.rows("select id from relay") == []
    # It can be answered, and the conversation goes on between the two States.
    await trio.md.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    await settled(trio)
    assert (await due(trio, request, "it"))[0] == "accepted"


async def test_its_evidence_is_that_of_both_nodes_and_verifies_offline(trio: Trio) -> None:
    request = await sealed_request(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    take_over_keys(trio)
    await imported(trio.md, await exported(trio))
    await settled(trio)
    for side in (trio.it, trio.md):
        told = await exchange.message_evidence(side.node, side.officer, request.id)
        kinds = [(one.kind, one.issuer) for one in told.evidence]
        # Since when the intermediary has had it, and that the State's own node has it now.
        assert kinds[-2:] == [("relay-accepted", "int-iom"), ("content-consigned", "md")]
        bundle = await exchange.case_bundle(side.node, side.officer, request.case)
        report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
        # The test's nodes keep no old snapshots; everything else is whole.
        assert {one.code for one in report.findings} <= {"bundle.missing", "bundle.unlisted"}
        (proven,) = [one for one in report.messages if one.id == request.id]
        assert {link.kind.name for link in proven.evidence} >= {"relay-accepted", "content-consigned"}


async def test_it_is_taken_once_whatever_comes_twice(trio: Trio) -> None:
    request = await sealed_request(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    take_over_keys(trio)
    data = await exported(trio)
    await imported(trio.md, data)
    await settled(trio)
    tables = ("message", "thread", "inbox", "evidence", "relay")
    before = [await trio.md.rows(f"select count(*) as n from {table}") for table in tables]
    assert await imported(trio.md, data) == (1, 0, 0)
    await settled(trio)
    assert [await trio.md.rows(f"select count(*) as n from {table}") for table in tables] == before
    (row,) = await trio.it.rows("select status, refusal_code from message where id = :id", id=request.id)
    assert (row["status"], row["refusal_code"]) == ("consigned", None)


async def test_what_its_sender_repeats_to_the_new_node_by_itself_is_the_same_message(trio: Trio) -> None:
    """The intermediary's receipt was lost: it comes both ways."""
    trio.wait(minutes=1)
    give_own_key(trio.world)
    give(trio.world, procedures=("case",))
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.release(trio.it)
    await trio.deliver("int-iom")
    await trio.release(trio.iom)
    trio.hub.waiting["it"].clear()
    trio.wait(hours=30)
    take_own_node(trio.world)
    take_over_keys(trio)
    await imported(trio.md, await exported(trio))
    await settled(trio)
    rows = await trio.md.rows("select status from message where id = :id", id=request.id)
    assert [row["status"] for row in rows] == ["consigned"]
    (row,) = await trio.it.rows("select status, refusal_code from message where id = :id", id=request.id)
    assert (row["status"], row["refusal_code"]) == ("consigned", None)


async def test_without_the_authoritys_keys_it_stays_sealed_is_said_so_and_opens_with_the_same_file(
    trio: Trio,
) -> None:
    request = await sealed_request(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await exported(trio)
    assert await imported(trio.md, data) == (1, 1, 1)
    assert await trio.md.rows("select id from message where id = :id", id=request.id) == []
    assert len(await trio.md.rows("select id from relay where envelope is not null")) == 1
    take_over_keys(trio)
    assert await imported(trio.md, data) == (1, 1, 0)
    assert await trio.md.rows("select id from relay") == []


async def test_an_identity_part_that_was_sealed_past_is_put_to_its_message(trio: Trio) -> None:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    case = await trio.open_case()
    said = trio.to_md("case.notification", case, identity=True)
    notice = await trio.it.send(said)
    await trio.settle()
    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await exported(trio)
    assert await imported(trio.md, data) == (1, 1, 1)
    (row,) = await trio.md.rows("select identity_sealed from message where id = :id", id=notice.id)
    assert row["identity_sealed"] is None
    take_over_keys(trio)
    assert await imported(trio.md, data) == (1, 0, 0)
    (row,) = await trio.md.rows("select identity_sealed from message where id = :id", id=notice.id)
    assert row["identity_sealed"]
    assert await trio.md.rows("select id from relay") == []


async def test_what_was_handed_over_as_a_file_before_comes_in_by_that_file(trio: Trio) -> None:
    request = await sealed_request(trio)
    node, officer = trio.iom.node, trio.iom.officer
    envelope = await exchange.relay_envelope(node, officer, request.id)
    await exchange.record_relay(
        node, officer, request.id, RelayOutcome(outcome="handed-over", way="courier-file")
    )
    before = await due(trio, request, "it")
    trio.wait(hours=1)
    take_own_node(trio.world)
    assert await imported(trio.md, await exported(trio)) == (1, 1, 0)
    with pytest.raises(Malformed):
        await exchange.import_envelope(trio.md.node, trio.md.officer, envelope)
    take_over_keys(trio)
    done = await exchange.import_envelope(trio.md.node, trio.md.officer, envelope)
    assert (done.outcome, done.id, done.sender_node) == ("consigned", request.id, "it")
    assert (await exchange.import_envelope(trio.md.node, trio.md.officer, envelope)).outcome == "known"
    await settled(trio)
    assert await due(trio, request, "md") == await due(trio, request, "it") == before


# --- what does not fit --------------------------------------------------------------------------------------


async def test_what_builds_on_a_sealed_request_is_opened_after_it(trio: Trio) -> None:
    request = await sealed_request(trio)
    trio.wait(hours=1)
    withdrawn = await trio.it.send(trio.to_md("withdraw", request.case, in_reply_to=request.id))
    await trio.settle()
    trio.wait(hours=1)
    take_own_node(trio.world)
    take_over_keys(trio)
    assert await imported(trio.md, await exported(trio)) == (1, 3, 0)
    await settled(trio)
    assert await due(trio, request, "md") == await due(trio, request, "it")
    (row,) = await trio.md.rows("select status from message where id = :id", id=withdrawn.id)
    assert row["status"] == "consigned"


async def put_envelope(trio: Trio, message: Accepted, envelope: bytes) -> None:
    """Whatever the sender's node made, the intermediary could not look into it."""
    await trio.iom.node.store.write(
        lambda session: session.connection().execute(
            update(RELAY).where(RELAY.c.id == message.id).values(envelope=envelope)
        )
    )


async def test_an_envelope_that_does_not_hold_keeps_no_state_from_its_cases(trio: Trio) -> None:
    request = await sealed_request(trio)
    (row,) = await trio.iom.rows("select envelope from relay where id = :id", id=request.id)
    body = json.loads(row["envelope"])
    body["parts"]["statement"] = body["parts"]["header"]
    await put_envelope(trio, request, dumps(body))
    trio.wait(hours=1)
    take_own_node(trio.world)
    take_over_keys(trio)
    assert await imported(trio.md, await exported(trio)) == (1, 1, 1)
    assert await trio.md.rows("select id from message where id = :id", id=request.id) == []


async def identity_past(trio: Trio) -> Accepted:
    trio.wait(minutes=1)
    give_own_key(trio.world)
    case = await trio.open_case()
    notice = await trio.it.send(trio.to_md("case.notification", case, identity=True))
    await trio.settle()
    return notice


async def identity_at_md(trio: Trio, message: Accepted) -> bytes | None:
    (row,) = await trio.md.rows("select identity_sealed from message where id = :id", id=message.id)
    sealed: bytes | None = row["identity_sealed"]
    return sealed


async def test_another_part_than_the_message_binds_is_not_put_to_it(trio: Trio) -> None:
    notice = await identity_past(trio)
    other = dataclasses.replace(DRAFT, id=notice.id, thread=ThreadId(notice.id), recipient=MD_OFFICE)
    said = signed_content(other, key=trio.world.signing[IT_FOCAL_POINT], issued_at=trio.world.now)
    key = trio.world.sealing["int-iom", "content"]
    forged = envelope(trio.world, said, clear={"key": key.kid, "suite": key.suite})
    await put_envelope(trio, notice, forged)
    trio.wait(hours=1)
    take_own_node(trio.world)
    take_over_keys(trio)
    assert await imported(trio.md, await exported(trio)) == (1, 1, 1)
    assert await identity_at_md(trio, notice) is None


async def test_what_was_erased_at_the_new_node_is_not_put_there_again(trio: Trio) -> None:
    notice = await identity_past(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await exported(trio)
    await imported(trio.md, data)
    now = trio.clock.now()
    await trio.md.node.store.write(
        lambda session: erase(trio.md.node, session, notice.case, ("identity",), now)
    )
    take_over_keys(trio)
    assert await imported(trio.md, data) == (1, 0, 0)
    assert not await identity_at_md(trio, notice)


@pytest.mark.parametrize("ahead", [False, True])
async def test_a_node_takes_only_what_is_to_its_own_authorities_and_no_date_to_come(
    trio: Trio, ahead: bool
) -> None:
    request = await sealed_request(trio)
    data = await exchange.relay_envelope(trio.iom.node, trio.iom.officer, request.id)
    side = trio.it
    if ahead:
        other = dataclasses.replace(DRAFT, recipient=MD_OFFICE)
        said = signed_content(other, key=trio.world.signing[IT_FOCAL_POINT], issued_at=trio.world.now)
        data = envelope(trio.world, said, clear={"sent_at": trio.world.now + timedelta(hours=2)})
        trio.wait(hours=1)
        take_own_node(trio.world)
        side = trio.md
    for (owner, purpose), key in list(trio.world.sealing.items()):
        if owner == MD_OFFICE:
            trio.world.sealing[side.node.code, f"{purpose}-taken-over"] = key
    with pytest.raises(Malformed):
        await exchange.import_envelope(side.node, side.officer, data)


async def test_a_third_node_attests_nothing_of_a_message_that_moved(trio: Trio) -> None:
    request = await sealed_request(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    about = About(
        sender_node=NodeCode("it"),
        id=request.id,
        manifest_digest=None,
        statement_digest=request.statement_digest,
    )
    made = evidence.issue(
        "content-consigned",
        about=about,
        issuer=NodeCode("ro"),
        previous=None,
        directory=trio.world.directory.snapshot.digest,
        vocabulary=vocabularies.RELEASE,
        issued_at=trio.clock.now(),
        key=trio.world.signing["ro"],
    )
    await trio.it.node.store.write(
        lambda session: proof.store(
            session,
            made,
            sender=NodeCode("it"),
            message=request.id,
            kind="content-consigned",
            issuer="ro",
            code=None,
            ours=False,
            issued_at=trio.clock.now(),
        )
    )
    bundle = await exchange.case_bundle(trio.it.node, trio.it.officer, request.case)
    report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
    assert "evidence.not_a_party" in {one.code for one in report.findings}
