"""A State takes its own node: its open cases move from the intermediary's, and the others notice nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from protocol import conversations, evidence, vocabularies
from protocol.bundle import verify_bundle
from protocol.errors import NotAcceptable
from protocol.evidence import About
from protocol.identifiers import NodeCode, StateCode
from protocol.statements import StatementType, issue, read
from service import exchange
from service.access.roles import Role
from service.errors import Forbidden
from service.exchange import proof
from service.exchange.chunks import open_chunk
from service.exchange.hand_over import export_hand_over, import_hand_over
from service.exchange.views import Accepted
from service.store.tables import ATTACHMENT, MESSAGE
from tests.protocol.sample_directory import IT_FOCAL_POINT
from tests.protocol.sample_intermediary import give, take_own_node
from tests.service.exchange_pair import Side, actor
from tests.service.exchange_trio import Trio, open_trio
from tests.service.test_attachments_between_nodes import described, upload
from tests.service.test_paper_consent import carry_attachments

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


async def exported(trio: Trio) -> bytes:
    return b"".join([piece async for piece in await export_hand_over(trio.iom.node, ADMIN, MD)])


async def imported(side: Side, data: bytes) -> tuple[int, int]:
    """In pieces that end anywhere."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 65_521):
            yield data[start : start + 65_521]

    return await import_hand_over(side.node, ADMIN, pieces())


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
    data = await exported(trio)
    assert await imported(trio.md, data) == (1, 3)
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
    assert await imported(trio.md, data) == (1, 0)
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
    data = await exported(trio)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
        await imported(trio.it, data)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
        await imported(trio.md, data.replace(b'"pieces":["', b'"pieces":["x', 1))
    with pytest.raises(Forbidden):
        await export_hand_over(trio.iom.node, trio.iom.officer, MD)


async def about_to_move(trio: Trio) -> Accepted:
    """The intermediary's own accept, typed for the State, which takes its own node afterwards."""
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    typed = await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    trio.wait(hours=1)
    take_own_node(trio.world)
    return typed


async def changed(trio: Trio, message: str, **columns: object) -> None:
    """Whoever runs the intermediary's node writes what they like into its store before they export."""
    await trio.iom.node.store.write(
        lambda session: session.connection().execute(
            update(MESSAGE).where(MESSAGE.c.id == message).values(**columns)
        )
    )


@pytest.mark.parametrize("type_", ["durable-solution.acceptance", "durable-solution.revocation"])
async def test_no_hand_over_brings_a_consent_that_the_intermediary_signed(trio: Trio, type_: str) -> None:
    typed = await about_to_move(trio)
    (row,) = await trio.iom.rows("select statement from message where id = :id", id=typed.id)
    claims = dict(read(row["statement"], typ=StatementType.CONTENT).claims) | {"type": type_}
    forged = issue(StatementType.CONTENT, claims, trio.world.signing["int.iom"])
    await changed(trio, typed.id, statement=forged.token, statement_digest=forged.digest, type=type_)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed.*cannot_bind"):
        await imported(trio.md, await exported(trio))
    assert await trio.md.rows("select id from message") == []


@pytest.mark.parametrize("column", ["type", "in_reply_to", "thread", "urgency"])
async def test_a_message_of_a_hand_over_is_what_its_own_statement_says(trio: Trio, column: str) -> None:
    typed = await about_to_move(trio)
    other = {"type": "durable-solution.acceptance", "urgency": "immediate-danger"}.get(column, typed.id)
    await changed(trio, typed.id, **{column: other})
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
        await imported(trio.md, await exported(trio))
    assert await trio.md.rows("select id from message") == []


async def test_what_was_typed_when_no_mandate_covered_it_is_not_handed_over(trio: Trio) -> None:
    typed = await about_to_move(trio)
    (row,) = await trio.iom.rows("select statement from message where id = :id", id=typed.id)
    late = read(row["statement"], typ=StatementType.CONTENT).claims | {
        "iat": int(trio.clock.now().timestamp())
    }
    forged = issue(StatementType.CONTENT, late, trio.world.signing["int.iom"])
    await changed(
        trio, typed.id, statement=forged.token, statement_digest=forged.digest, issued_at=trio.clock.now()
    )
    with pytest.raises(NotAcceptable, match="no mandate covered it"):
        await imported(trio.md, await exported(trio))


async def test_evidence_that_its_issuer_did_not_sign_is_left_out(trio: Trio) -> None:
    typed = await about_to_move(trio)
    rows = "select digest from evidence where id = :id order by digest"
    honest = await trio.iom.rows(rows, id=typed.id)
    assert honest
    forged = evidence.issue(
        "content-retrieved",
        about=About(
            sender_node=NodeCode("int-iom"),
            id=typed.id,
            manifest_digest=None,
            statement_digest=typed.statement_digest,
        ),
        issuer=IT_FOCAL_POINT,
        previous=None,
        directory="A" * 43,
        vocabulary=vocabularies.RELEASE,
        issued_at=trio.clock.now(),
        key=trio.world.signing["int.iom"],
    )
    await trio.iom.node.store.write(
        lambda session: proof.store(
            session,
            forged,
            sender=NodeCode("int-iom"),
            message=typed.id,
            kind="content-retrieved",
            issuer=IT_FOCAL_POINT,
            code=None,
            ours=False,
            issued_at=trio.clock.now(),
        )
    )
    await imported(trio.md, await exported(trio))
    assert await trio.md.rows(rows, id=typed.id) == honest


async def test_what_is_unanswered_goes_to_the_new_node_by_itself(trio: Trio) -> None:
    request, _ = await moved(trio)
    case = request.case
    alert = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    (row,) = await trio.md.rows("select status from message where id = :id", id=alert.id)
    assert row["status"] == "consigned"


async def test_what_goes_to_the_new_node_instead_is_held_while_protection_is_doubted(trio: Trio) -> None:
    it, case = trio.it, await trio.open_case()
    notice = await it.send(trio.to_md("case.notification", case))
    await trio.release(it)
    trio.hub.waiting["int-iom"].clear()  # numbered, and lost on its way to the intermediary
    await exchange.set_protection(it.node, it.officer, case, "possible", "child-interviewed")
    trio.wait(hours=1)
    take_own_node(trio.world)
    await trio.settle()
    assert await trio.md.rows("select id from message") == []
    (row,) = await it.rows("select state, recipient_node from outbox where message_id = :id", id=notice.id)
    assert (row["state"], row["recipient_node"]) == ("held", "md")
    for person in (it.officer, it.supervisor):
        await exchange.set_protection(it.node, person, case, "not-sought", "child-interviewed")
    await trio.settle()
    assert [one["id"] for one in await trio.md.rows("select id from message")] == [notice.id]


# --- documents ----------------------------------------------------------------------------------------------

PAPER = b"%PDF-1.7 made up " + bytes(range(256)) * 2_100
"""Three chunks."""


async def with_documents(trio: Trio) -> Accepted:
    """One document that came for the State, and one that the intermediary scanned; then its own node."""
    give(trio.world, parts=("coded", "narrative", "identity"))
    case = await trio.open_case()
    await trio.notify(case)
    uploaded = await upload(trio.it, case, PAPER)
    said = trio.to_md("social-inquiry.request", case, identity=True)
    request = await trio.it.send(
        dataclasses.replace(said, identity={**(said.identity or {}), "attachments": [described(uploaded)]})
    )
    await trio.settle()
    typed = await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    scanned = await upload(trio.md_at_iom, case, PAPER[:1_000])
    scan = trio.attestation(case, typed, original_digest=scanned.digest)
    await trio.iom.send(dataclasses.replace(scan, identity={"attachments": [described(scanned)]}))
    await trio.settle()
    await carry_attachments(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    return request


async def documents_at(side: Side) -> list[bytes]:
    def read(session: Session) -> list[bytes]:
        rows = session.connection().execute(select(ATTACHMENT).order_by(ATTACHMENT.c.chunks.desc())).all()
        assert all(row.state == "complete" for row in rows)
        return [
            b"".join(open_chunk(side.node, session, row, at) or b"" for at in range(1, row.chunks + 1))
            for row in rows
        ]

    return await side.node.store.read(read)


async def test_documents_move_with_the_cases_and_are_verified_again(trio: Trio) -> None:
    request = await with_documents(trio)
    data = await exported(trio)
    assert PAPER[:40] not in data
    assert len(data.splitlines()) == 1 + 3 + 1
    await imported(trio.md, data)
    assert await documents_at(trio.md) == [PAPER, PAPER[:1_000]]
    (seen,) = await exchange.list_attachments(trio.md.node, trio.md.officer, request.id)
    assert (seen.state, seen.arrived) == ("complete", 3)
    await imported(trio.md, data)
    assert len(await trio.md.rows("select number from attachment_chunk")) == 3 + 1
    # What is at rest there is under its own keys.
    home = trio.md.node.settings.data_dir
    assert all(PAPER[:40] not in file.read_bytes() for file in home.rglob("*") if file.is_file())


async def test_a_file_that_broke_off_is_said_to_have_and_goes_on(trio: Trio) -> None:
    await with_documents(trio)
    data = await exported(trio)
    lines = data.splitlines(keepends=True)
    with pytest.raises(NotAcceptable, match=r"hand_over\.malformed.*attachment\.incomplete"):
        await imported(trio.md, b"".join(lines[:3]))
    states = {row["state"] for row in await trio.md.rows("select state from attachment")}
    assert states == {"arriving"}
    await imported(trio.md, data)
    assert await documents_at(trio.md) == [PAPER, PAPER[:1_000]]


async def test_a_line_at_another_place_or_of_another_hand_over_is_taken_by_nobody(trio: Trio) -> None:
    await with_documents(trio)
    first, second = await exported(trio), await exported(trio)
    lines, others = first.splitlines(keepends=True), second.splitlines(keepends=True)
    for wrong in (
        [lines[0], lines[2], lines[1], *lines[3:]],
        [lines[0], *others[1:]],
        [lines[0], b"e30.e30\n", *lines[2:]],
    ):
        with pytest.raises(NotAcceptable, match=r"hand_over\.malformed"):
            await imported(trio.md, b"".join(wrong))
    assert await trio.md.rows("select number from attachment_chunk") == []


async def test_a_hand_over_is_written_and_read_a_chunk_at_a_time(trio: Trio) -> None:
    await with_documents(trio)
    sizes = [len(piece) async for piece in await export_hand_over(trio.iom.node, ADMIN, MD)]
    assert len(sizes) == 1 + 3 + 1
    assert max(sizes[1:]) < 1 << 20
