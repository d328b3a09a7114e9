"""A State takes its own node: its open cases move from the intermediary's, and the others notice nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from protocol import conversations, evidence, vocabularies
from protocol.bundle import verify_bundle
from protocol.errors import NotAcceptable
from protocol.evidence import About
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.json_strict import dumps
from protocol.sealing import read_sealed, seal
from protocol.statements import StatementType, digest, issue, read
from service import exchange
from service.access.roles import Role
from service.errors import Forbidden
from service.exchange import proof
from service.exchange.chunks import open_chunk
from service.exchange.hand_over import _place, export_hand_over, import_hand_over
from service.exchange.views import Accepted
from service.store.tables import ATTACHMENT, MESSAGE, THREAD
from tests.protocol.sample_directory import IT_FOCAL_POINT
from tests.protocol.sample_intermediary import give, take_own_node
from tests.service.exchange_pair import Side, actor
from tests.service.exchange_trio import Trio, open_trio
from tests.service.test_attachments_between_nodes import described, upload
from tests.service.test_paper_consent import carry_attachments, confirm, consent, proposed

pytestmark = pytest.mark.anyio
ADMIN = actor(role=Role.ADMINISTRATOR, person="administrator-1")
MD = StateCode("md")


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    yield made
    made.close()


async def exported(trio: Trio) -> bytes:
    return b"".join([piece async for piece in await export_hand_over(trio.iom.node, ADMIN, MD)])


async def imported(side: Side, data: bytes) -> tuple[int, int, int]:
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
    assert await imported(trio.md, data) == (1, 3, 0)
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
    assert await imported(trio.md, data) == (1, 0, 0)
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
    await put_in(trio, typed, "content-retrieved", issuer=IT_FOCAL_POINT, key="int.iom")
    await imported(trio.md, await exported(trio))
    assert await trio.md.rows(rows, id=typed.id) == honest


async def put_in(trio: Trio, message: Accepted, kind: str, *, issuer: Address | NodeCode, key: str) -> None:
    """Evidence about a message of the intermediary's that nobody has given, among what its node keeps."""
    made = evidence.issue(
        kind,
        about=About(
            sender_node=NodeCode("int-iom"),
            id=message.id,
            manifest_digest=None,
            statement_digest=message.statement_digest,
        ),
        issuer=issuer,
        previous=None,
        directory="A" * 43,
        vocabulary=vocabularies.RELEASE,
        issued_at=trio.clock.now(),
        key=trio.world.signing[key],
    )
    await trio.iom.node.store.write(
        lambda session: proof.store(
            session,
            made,
            sender=NodeCode("int-iom"),
            message=message.id,
            kind=kind,
            issuer=issuer,
            code=None,
            ours=issuer == "int-iom",
            issued_at=trio.clock.now(),
        )
    )


# --- where conversations stand ------------------------------------------------------------------------------


async def stored(side: Side, thread: str) -> dict[str, Any]:
    """All that a node keeps of a conversation, but the order in which it learned of it."""
    (row,) = await side.rows("select snapshot from thread where id = :id", id=thread)
    kept: dict[str, Any] = json.loads(row["snapshot"])
    return {**kept, "entries": sorted(kept["entries"], key=lambda one: (one["at"], one["id"], one["type"]))}


async def reported(trio: Trio) -> tuple[Accepted, Accepted]:
    """An inquiry and the report that the intermediary typed."""
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    report = await trio.iom.send(trio.for_md("social-inquiry.report", case, in_reply_to=request.id))
    await trio.settle()
    return request, report


async def test_what_the_intermediary_keeps_of_a_conversation_is_believed_by_nobody(trio: Trio) -> None:
    request, _ = await reported(trio)
    forged = {**await stored(trio.iom, request.id), "state": "complete", "due": None, "owed": []}
    await trio.iom.node.store.write(
        lambda session: session.connection().execute(
            update(THREAD).where(THREAD.c.id == request.id).values(state="complete", snapshot=dumped(forged))
        )
    )
    trio.wait(hours=1)
    take_own_node(trio.world)
    await imported(trio.md, await exported(trio))
    assert await stored(trio.md, request.id) == await stored(trio.it, request.id)
    assert (await due(trio, request, "md"))[0] == "reported"


async def test_a_snapshot_that_a_file_brings_all_the_same_says_nothing(trio: Trio) -> None:
    request, _ = await reported(trio)
    forged = {**await stored(trio.it, request.id), "state": "complete", "due": None, "owed": []}
    trio.wait(hours=1)
    take_own_node(trio.world)
    file = json.loads((await exported(trio)).splitlines()[0])
    own = trio.world.sealing["md", "identity"]
    plain = [
        read_sealed(one.encode()).open(own, _place(NodeCode("int-iom"), NodeCode("md"), number))
        for number, one in enumerate(file["pieces"])
    ]
    # Before and after what was said, and signed by the intermediary's node, as it would sign it.
    told = dumps({"kind": "thread", "snapshot": dumped(forged)})
    public = trio.world.directory.sealing_key(NodeCode("md"), "identity", trio.clock.now())
    sealed = [
        seal(one, to=public, header_digest=_place(NodeCode("int-iom"), NodeCode("md"), number))
        for number, one in enumerate([told, *plain, told])
    ]
    claims = dict(read(file["statement"], typ=StatementType.HAND_OVER, max_bytes=1 << 20).claims)
    signed = issue(
        StatementType.HAND_OVER,
        {**claims, "pieces": [digest(one) for one in sealed]},
        trio.world.signing["int-iom"],
    )
    again = {**file, "statement": signed.token, "pieces": [one.decode("ascii") for one in sealed]}
    await imported(trio.md, dumps(again) + b"\n")
    assert await stored(trio.md, request.id) == await stored(trio.it, request.id)


def dumped(value: object) -> str:
    return dumps(value).decode()


async def test_what_was_collected_only_a_receipt_says(trio: Trio) -> None:
    request, report = await reported(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    await changed(trio, report.id, status="retrieved", collected_at=trio.clock.now(), due_at=trio.clock.now())
    await imported(trio.md, await exported(trio))
    (row,) = await trio.md.rows("select * from message where id = :id", id=report.id)
    assert (row["status"], row["collected_at"], row["due_at"]) == ("consigned", None, None)
    assert (await due(trio, request, "md"))[0] == "reported"


async def test_what_the_other_state_took_is_not_refused_because_the_file_says_so(trio: Trio) -> None:
    request, report = await reported(trio)
    trio.wait(hours=1)
    take_own_node(trio.world)
    for one in (request, report):
        await changed(trio, one.id, status="refused", refusal_code="mandate.ended", direction="in")
    await imported(trio.md, await exported(trio))
    rows = await trio.md.rows("select id, status, refusal_code, direction from message")
    found = {row["id"]: (row["status"], row["refusal_code"], row["direction"]) for row in rows}
    assert found[request.id] == ("consigned", None, "in")
    assert found[report.id] == ("consigned", None, "out")
    assert await stored(trio.md, request.id) == await stored(trio.it, request.id)


async def test_who_sent_a_message_says_nothing_about_its_arrival(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    typed = await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await put_in(trio, typed, "content-consigned", issuer=NodeCode("int-iom"), key="int-iom")
    await changed(trio, typed.id, status="consigned")
    trio.wait(hours=1)
    take_own_node(trio.world)
    await imported(trio.md, await exported(trio))
    (row,) = await trio.md.rows("select status from message where id = :id", id=typed.id)
    assert row["status"] == "sent"


async def test_what_was_complete_and_what_was_refused_stays_so(trio: Trio) -> None:
    request, report = await reported(trio)
    case = request.case
    await exchange.collect(trio.it.node, trio.it.officer, report.id)
    await trio.settle()
    trio.wait(minutes=1)
    second = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    lost = await trio.iom.send(trio.for_md("accept", case, in_reply_to=second.id))
    trio.wait(hours=1)
    take_own_node(trio.world)
    await trio.release(trio.iom)  # no mandate covers it any more
    await imported(trio.md, await exported(trio))
    (row,) = await trio.md.rows("select status, refusal_code from message where id = :id", id=lost.id)
    assert row["status"] == "refused"
    for one in (request, second):
        assert await stored(trio.md, one.id) == await stored(trio.it, one.id)
    assert (await due(trio, request, "md"))[0] == "complete"
    assert (await due(trio, second, "md"))[0] == "requested"


async def test_what_was_accepted_on_paper_stays_so_by_the_other_states_own_word(trio: Trio) -> None:
    give(trio.world, parts=("coded", "narrative", "identity"))
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    trio.wait(hours=1)
    take_own_node(trio.world)
    await imported(trio.md, await exported(trio))
    threads = [row["id"] for row in await trio.it.rows("select id from thread order by id")]
    assert threads == [row["id"] for row in await trio.md.rows("select id from thread order by id")]
    for thread in threads:
        assert await stored(trio.md, thread) == await stored(trio.it, thread)
    (row,) = await trio.md.rows("select state from thread where id = :id", id=proposal.thread)
    assert row["state"] == "accepted-on-paper"


async def test_a_conversation_that_cannot_be_told_anew_is_named_and_nothing_is_taken(trio: Trio) -> None:
    """Its opening cites a profile that this node's directory has not got."""
    typed = await about_to_move(trio)
    rows = await trio.iom.rows("select id, statement from message where type = 'social-inquiry.request'")
    (request,) = rows
    claims = dict(read(request["statement"], typ=StatementType.CONTENT).claims)
    cites = issue(
        StatementType.CONTENT, {**claims, "corridor_profile": "A" * 43}, trio.world.signing[IT_FOCAL_POINT]
    )
    await changed(trio, request["id"], statement=cites.token, statement_digest=cites.digest)
    with pytest.raises(NotAcceptable, match=rf"hand_over\.malformed.*{typed.thread}.*unknown_profile"):
        await imported(trio.md, await exported(trio))
    assert await trio.md.rows("select id from message") == []


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
    (row,) = await it.rows("select state, sequence from outbox where message_id = :id", id=notice.id)
    assert (row["state"], row["sequence"]) == ("held", None)
    for person in (it.officer, it.supervisor):
        await exchange.set_protection(it.node, person, case, "not-sought", "child-interviewed")
    for _ in ("addressed anew", "sent"):
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
