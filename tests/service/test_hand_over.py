"""A State takes its own node: its open cases move from the intermediary's, and the others notice nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol import conversations
from protocol.bundle import verify_bundle
from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from service import exchange
from service.access.roles import Role
from service.errors import Forbidden
from service.exchange.hand_over import export_hand_over, import_hand_over
from service.exchange.views import Accepted
from tests.protocol.sample_intermediary import take_own_node
from tests.service.exchange_pair import actor
from tests.service.exchange_trio import Trio, open_trio

pytestmark = pytest.mark.anyio
ADMIN = actor(role=Role.ADMINISTRATOR, person="administrator-1")
MD = StateCode("md")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    yield made
    made.close()


async def moved(trio: Trio) -> tuple[Accepted, bytes]:
    """An inquiry that was accepted through the intermediary, and then the State's own node."""
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await export_hand_over(trio.iom.node, ADMIN, MD)
    assert await import_hand_over(trio.md.node, ADMIN, data) == (1, 3)
    return request, data


async def due(trio: Trio, request: Accepted, side: str) -> tuple[object, object]:
    (row,) = await trio.sides[side].rows("select state, due_at from thread where id = :id", id=request.id)
    return row["state"], row["due_at"]


async def test_the_conversation_goes_on_between_the_two_states_themselves(trio: Trio) -> None:
    request, _ = await moved(trio)
    assert await due(trio, request, "md") == await due(trio, request, "it")
    report = await trio.md.send(trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id))
    await trio.settle()
    view = await exchange.read_message(trio.it.node, trio.it.officer, report.id, False, None)
    assert (view.via, view.sender_node) == (None, "md")
    assert (await due(trio, request, "it"))[0] == "reported"
    # And the other way, with nothing done at the other State.
    await exchange.collect(trio.it.node, trio.it.officer, report.id)
    await trio.settle()
    assert (await due(trio, request, "md"))[0] == "complete"


async def test_importing_twice_doubles_nothing(trio: Trio) -> None:
    _, data = await moved(trio)
    tables = ("message", "thread", "evidence", "inbox", "case_file", "case_party")
    before = [await trio.md.rows(f"select count(*) as n from {table}") for table in tables]
    assert await import_hand_over(trio.md.node, ADMIN, data) == (1, 0)
    assert [await trio.md.rows(f"select count(*) as n from {table}") for table in tables] == before


async def test_the_history_still_verifies_at_the_new_node(trio: Trio) -> None:
    request, _ = await moved(trio)
    for side in (trio.md, trio.it):
        bundle = await exchange.case_bundle(side.node, side.officer, request.case)
        report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
        # The test's nodes keep no old snapshots; everything else is whole.
        assert {one.code for one in report.findings} <= {"bundle.missing", "bundle.unlisted"}
        assert len(report.messages) == 3


async def test_the_intermediary_blocks_its_own_copy(trio: Trio) -> None:
    request, _ = await moved(trio)
    (row,) = await trio.iom.rows(
        "select block_reason from case_retention where reference = :case", case=request.case
    )
    assert row["block_reason"] == "handed-over"


async def test_nothing_moves_before_the_state_has_a_node_and_to_nobody_else(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    with pytest.raises(NotAcceptable, match=r"hand_over\.no_own_node"):
        await export_hand_over(trio.iom.node, ADMIN, MD)
    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await export_hand_over(trio.iom.node, ADMIN, MD)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
        await import_hand_over(trio.it.node, ADMIN, data)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
        await import_hand_over(trio.md.node, ADMIN, data.replace(b'"pieces":["', b'"pieces":["x', 1))
    with pytest.raises(Forbidden):
        await export_hand_over(trio.iom.node, trio.iom.officer, MD)


async def test_what_is_unanswered_goes_to_the_new_node_by_itself(trio: Trio) -> None:
    request, _ = await moved(trio)
    case = request.case
    alert = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    (row,) = await trio.md.rows("select status from message where id = :id", id=alert.id)
    assert row["status"] == "consigned"
