"""A State with a node and one without, through the intermediary: PDF out, reply in, nothing pretended."""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pypdf
import pytest

from adapters.kit import Away, NotNow, Unfit
from adapters.relay import handing
from adapters.relay.filled import read_filled
from adapters.relay.handing import Draft, Office
from adapters.relay.spool import Link
from protocol import conversations, courier
from protocol.bundle import verify_bundle
from service import exchange
from service.client import Problem
from service.exchange.views import Accepted
from tests.adapters.relay_stage import PASSWORD, RETURN_TO, RelayStage, filled_in
from tests.adapters.test_relay_paper import whole
from tests.protocol.sample_intermediary import IOM, MD_OFFICE, give, give_own_key, revoke, take_own_node
from tests.service.test_hand_over import exported, imported
from tests.service.test_paper_consent import carry_attachments, confirm, open_scan, proposed, stands, state

pytestmark = pytest.mark.anyio
OFFICE = Office(address=str(MD_OFFICE), language="en", password=PASSWORD, email="office@ministry.example")


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[RelayStage]:
    made = RelayStage(tmp_path)
    yield made
    made.close()


async def on_paper(stage: RelayStage, message: str, **options: Any) -> bytes:
    async with stage.officer() as node:
        one = await handing.pending(node, message)
        return await handing.sheets(node, one, OFFICE, return_to=RETURN_TO, **options)


async def draft_of(stage: RelayStage, message: str, reply: str, file: bytes) -> Draft:
    async with stage.officer() as node:
        found = await read_filled(file)
        return await handing.read_pdf(node, message, reply, found, file, language="en", on=date(2026, 11, 23))


async def whole_evidence(stage: RelayStage, case: Any) -> None:
    """Both sides' evidence of the case verifies with the charter's digest alone."""
    trio = stage.trio
    await stage.keep_snapshots()
    for side in (trio.it, trio.md_at_iom):
        bundle = await exchange.case_bundle(side.node, side.officer, case)
        report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
        assert report.findings == ()


async def accepted(stage: RelayStage, request: Accepted) -> None:
    trio = stage.trio
    await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
    await trio.settle()


# --- out and in -------------------------------------------------------------------------------------------


async def test_pdf_out_and_reply_in(stage: RelayStage) -> None:
    trio = stage.trio
    request = await stage.asked()
    await accepted(stage, request)
    (due,) = await trio.it.rows("select due_at from thread where id = :id", id=request.id)
    file = await on_paper(stage, request.id)
    with pikepdf.open(io.BytesIO(file)) as pdf:
        assert len(pdf.pages) > 5  # the message's and the form's

    async with stage.officer() as node:
        stage.book.sent(request.id, str(MD_OFFICE), "post", stage.now())
        assert "relayed-to-non-node" not in await stage.kinds(request.id)  # printed is not handed over
        await handing.confirm(node, stage.book, request.id, "post")
        await trio.settle()
        assert "relayed-to-non-node" in await stage.kinds(request.id)
        (after,) = await trio.it.rows("select due_at from thread where id = :id", id=request.id)
        assert dict(after) == dict(due)  # the clock goes on
        await whole_evidence(stage, request.case)

        returned = filled_in(file, whole() | {"person": "An officer", "office": "Ministry"})
        draft = await draft_of(stage, request.id, "social-inquiry.report", returned)
        assert not [name for name, outcome in draft.report if outcome in ("missing", "not-understood")]
        assert "An officer" not in draft.to_json()
        typed, attestation = await handing.say(
            node,
            Draft.from_json(draft.to_json()),
            original_form="e-mail",
            authentication="known-correspondent",
            declares_no_danger=True,
            scan=returned,
        )
        again = await handing.say(
            node,
            draft,
            original_form="e-mail",
            authentication="known-correspondent",
            declares_no_danger=True,
            scan=returned,
        )
        assert again == (typed, attestation)
    await trio.settle()
    view = await exchange.read_message(trio.it.node, trio.it.officer, typed, False, None)  # type: ignore[arg-type]
    assert view.sender == MD_OFFICE
    assert view.via is not None
    assert (view.via.by, view.via.attested, view.via.authentication) == (IOM, True, "known-correspondent")
    timeline = await exchange.case_timeline(trio.it.node, trio.it.officer, request.case)
    told = {entry.evidence for entry in timeline.entries if entry.kind == "evidence"}
    assert {"relayed-to-non-node", "received-from-non-node"} <= told
    await carry_attachments(trio)
    rows = await trio.it.rows("select digest, state from attachment where message_id = :id", id=attestation)
    assert [tuple(row.values()) for row in rows] == [(view.via.original_digest, "complete")]
    await whole_evidence(stage, request.case)


async def test_a_reply_from_the_page_is_looked_at_and_typed_as_unauthenticated(stage: RelayStage) -> None:
    trio = stage.trio
    request = await stage.asked()
    await accepted(stage, request)
    token, _ = stage.book.new_link(
        request.id,
        "social-inquiry.report",
        "en",
        narrative=False,
        lasting=timedelta(days=1),
        now=stage.now(),
    )
    assert stage.book.spool.take_reply(token, whole(), stage.now())
    before = await trio.iom.rows("select id from message where direction = 'out'")
    assert len(before) == 1  # the acceptance alone: nobody has looked at the reply
    async with stage.officer() as node:
        draft = await handing.read_web(node, stage.book, stage.book.waiting()[0].id)
        typed, _ = await handing.say(
            node, draft, original_form="web-reply", authentication="unauthenticated", declares_no_danger=True
        )
    await trio.settle()
    view = await exchange.read_message(trio.it.node, trio.it.officer, typed, False, None)  # type: ignore[arg-type]
    assert view.via is not None
    assert (view.via.original_form, view.via.authentication) == ("web-reply", "unauthenticated")


async def test_a_form_of_another_message_and_without_a_name_is_pointed_out(stage: RelayStage) -> None:
    request = await stage.asked()
    notice = (await stage.trio.iom.rows("select id from message where type = 'case.notification'"))[0]["id"]
    file = await on_paper(stage, notice, reply="query")
    draft = await draft_of(stage, request.id, "query", file)
    assert draft.notes == ("not-named", "other-message")


async def test_identity_goes_only_where_two_people_release_it(stage: RelayStage) -> None:
    request = await stage.asked(identity=True)
    (row,) = await stage.trio.iom.rows("select identity_sealed from message where id = :id", id=request.id)
    assert row["identity_sealed"] is not None
    with pytest.raises(Problem) as refused:
        await on_paper(stage, request.id, identity_reason="handover")
    assert refused.value.status in (403, 409, 400, 422)
    plain = await on_paper(stage, request.id)
    assert len(plain) > 1_000


async def test_nothing_that_binds_the_state_can_be_asked_for_or_said(stage: RelayStage) -> None:
    request = await stage.asked()
    with pytest.raises(Unfit, match=r"relay\.binds"):
        await on_paper(stage, request.id, reply="durable-solution.acceptance")
    draft = await draft_of(stage, request.id, "query", await on_paper(stage, request.id, reply="query"))
    forged = json.loads(draft.to_json())
    forged["submission"]["type"] = "durable-solution.acceptance"
    forged["submission"]["coded"] = {"agreement": "A" * 43}
    async with stage.officer() as node:
        with pytest.raises((Problem, Unfit)) as refused:
            await handing.say(
                node,
                Draft.from_json(json.dumps(forged)),
                original_form="paper",
                authentication="seen-and-identified",
                declares_no_danger=True,
            )
    assert getattr(refused.value, "code", "") != ""
    rows = await stage.trio.iom.rows("select type from message where direction = 'out'")
    assert rows == []


# --- consent on paper -------------------------------------------------------------------------------------


async def test_a_consent_on_paper_is_confirmed_by_two_and_shown_as_accepted_on_paper(
    stage: RelayStage,
) -> None:
    trio = stage.trio
    road, proposal = await proposed(trio)
    file = await on_paper(stage, proposal.id)
    with pikepdf.open(io.BytesIO(file)) as pdf:
        assert [str(one.T) for one in pdf.Root.AcroForm.Fields] == ["answers"]
    scan = b"%PDF-1.7 made up: the ministry agrees, with a stamp"
    draft = await draft_of(stage, proposal.id, "query", file)
    async with stage.officer() as node:
        for wrong in ({"original_form": "e-mail"}, {"scan": None}):
            with pytest.raises(Unfit, match=r"relay\.not_paper"):
                await handing.say(node, draft, **(CONSENT | {"scan": scan} | wrong))  # type: ignore[arg-type]
        typed, attestation = await handing.say(node, draft, **CONSENT, scan=scan)  # type: ignore[arg-type]
    assert typed is None
    await trio.settle()
    await carry_attachments(trio)
    assert await state(trio, proposal) == "accepted-one"  # one State alone has signed
    (row,) = await trio.it.rows("select * from message where id = :id", id=attestation)
    assert row["type"] == "relay.attestation"

    class Attested:
        id = attestation

    await confirm(trio, Attested)  # type: ignore[arg-type]
    await trio.settle()
    assert await stands(trio, road, proposal) == ("accepted-on-paper", True)
    await whole_evidence(stage, road.case)


CONSENT = {
    "original_form": "paper",
    "authentication": "seen-and-identified",
    "agreement": True,
    "declares_no_danger": True,
}


async def test_with_the_mandate_revoked_the_next_hand_over_is_refused(stage: RelayStage) -> None:
    request = await stage.asked()
    await on_paper(stage, request.id)
    revoke(stage.trio.world)
    with pytest.raises((Unfit, Problem)) as refused:
        await on_paper(stage, request.id)
    assert refused.value.code == "relay.not_pending"  # type: ignore[union-attr]
    async with stage.officer() as node:
        with pytest.raises(Problem) as denied:
            await handing.confirm(node, stage.book, request.id, "post")
    assert denied.value.code.startswith(("mandate.", "relay.not_to_hand_over", "access."))
    async with stage.worker() as (worker, desk):
        assert (await worker.changed(None, desk)).names == ()
    assert stage.mail.taken == []
    await whole_evidence_of(stage, request)


@pytest.mark.parametrize("ends", [revoke, take_own_node])
async def test_what_nobody_can_answer_for_any_more_is_closed_and_what_came_before_is_shown(
    stage: RelayStage, ends: Callable[..., Any]
) -> None:
    """Also for what was handed over, which is in no list; what is still covered stays open."""
    request = await stage.asked()
    async with stage.officer() as node:
        stage.book.sent(request.id, str(MD_OFFICE), "post", stage.now())
        await handing.confirm(node, stage.book, request.id, "post")
    tokens = [_link(stage, request.id, reply) for reply in ("social-inquiry.report", "query")]
    assert request.id not in [name.partition("@")[0] for name in await looked(stage)]
    assert [stage.book.spool.link(one, stage.now()).closed for one in tokens] == [False, False]  # type: ignore[union-attr]

    stage.trio.wait(hours=1)
    ends(stage.trio.world)
    # Before the desk has looked again the page still takes an answer, and it is not forgotten.
    assert stage.book.spool.take_reply(tokens[0], whole(), stage.now())
    (reply,) = stage.book.waiting()
    seen = await looked(stage)
    assert seen == {f"{reply.id}@undelivered": "relay.reply_undelivered"}
    left = stage.book.spool.link(tokens[1], stage.now())
    assert left is not None
    assert left.closed
    assert not stage.book.spool.take_reply(tokens[1], whole(), stage.now())
    assert await looked(stage) == {}  # and is not told again
    async with stage.worker() as (worker, desk):
        assert [one.code for one in desk.memory.aside()] == ["relay.reply_undelivered"]
        with pytest.raises(Unfit, match=r"relay\.reply_undelivered"):
            await worker.take(f"{reply.id}@reply", desk)
    async with stage.officer() as node:
        with pytest.raises(Unfit, match=r"relay\.reply_undelivered"):
            await handing.read_web(node, stage.book, reply.id)
    stage.book.reviewed(reply.id)
    assert await looked(stage) == {f"{reply.id}@undelivered": "reviewed"}


async def test_a_reply_that_waits_can_be_said_again_when_the_mandate_comes_back(stage: RelayStage) -> None:
    request = await stage.asked()
    assert stage.book.spool.take_reply(_link(stage, request.id, "query"), whole(), stage.now())
    (reply,) = stage.book.waiting()
    codes = []
    for procedures in (None, ("case",), None):
        if procedures is not None:
            stage.trio.wait(minutes=1)
            give(stage.trio.world, procedures=procedures, parts=("coded", "narrative", "identity"))
        elif codes:
            stage.trio.wait(minutes=1)
            give(stage.trio.world, parts=("coded", "narrative", "identity"))
        await looked(stage)
        async with stage.worker() as (_, desk):
            codes += [(one.name, one.code) for one in desk.memory.aside() if reply.id in one.name]
    review, undelivered = (f"{reply.id}@reply", "relay.reply_to_review"), f"{reply.id}@undelivered"
    assert codes == [review, (undelivered, "relay.reply_undelivered"), review]


async def test_a_page_that_was_made_to_keep_nonsense_stops_no_desk(stage: RelayStage) -> None:
    await stage.asked()
    for message in ("../messages", "x" * 300, "3f1d9a52-6c4e-4f0a-9b7d-2a8e5c1b0d94", ""):
        link = Link(
            message=message,
            reply="query",
            language="en",
            narrative=False,
            expires_at=stage.now() + timedelta(days=1),
        )
        stage.book.spool.put_link(f"token-{message}", link, stage.now())
    assert set((await looked(stage)).values()) == {"mailed"}
    own = {str(row["id"]) for row in await stage.trio.iom.rows("select id from message")}
    assert stage.book.spool.linked(stage.now()) <= own


def _link(stage: RelayStage, message: str, reply: str) -> str:
    token, _ = stage.book.new_link(
        message, reply, "en", narrative=False, lasting=timedelta(days=14), now=stage.now()
    )
    return token


async def whole_evidence_of(stage: RelayStage, request: Accepted) -> None:
    trio = stage.trio
    await stage.keep_snapshots()
    bundle = await exchange.case_bundle(trio.it.node, trio.it.officer, request.case)
    report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
    assert report.findings == ()


# --- by e-mail --------------------------------------------------------------------------------------------


async def looked(stage: RelayStage, **options: Any) -> dict[str, str]:
    """One round of the worker: what became of each name."""
    seen: dict[str, str] = {}
    async with stage.worker(**options) as (worker, desk):
        for name in (await worker.changed(None, desk)).names:
            try:
                seen[name] = await worker.take(name, desk)
            except Unfit as unfit:
                seen[name] = unfit.code
                desk.memory.set_aside("to-node", name, unfit.code, desk.now())
            else:
                desk.memory.settle("to-node", name, seen[name], desk.now())
    return seen


def parts(content: bytes) -> list[Any]:
    return list(email.message_from_bytes(content, policy=email.policy.SMTP).walk())


async def test_an_e_mail_says_nothing_outside_and_opens_with_the_password_alone(stage: RelayStage) -> None:
    request = await stage.asked()
    seen = await looked(stage)
    assert set(seen.values()) == {"mailed"}
    assert len(stage.mail.taken) == 2
    for content in stage.mail.taken:
        head = content.partition(b"\r\n\r\n")[0]
        for hidden in (str(request.case), str(request.id), "inquiry", "notification", "protectia"):
            assert hidden.encode() not in content
        assert b"A message waits for your office" in head
        (pdf,) = [one for one in parts(content) if one.get_content_type() == "application/pdf"]
        assert pdf.get_filename() == "message.pdf"
        data = pdf.get_payload(decode=True)
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(io.BytesIO(data))
        with pikepdf.open(io.BytesIO(data), password=PASSWORD) as opened:
            assert opened.encryption.R == 6


async def test_an_e_mail_that_left_is_not_handed_over_and_shows_when_nobody_confirms_it(
    stage: RelayStage,
) -> None:
    request = await stage.asked()
    await looked(stage)
    await stage.trio.settle()
    assert "relayed-to-non-node" not in await stage.kinds(request.id)
    assert await looked(stage) == {}  # and is not mailed again
    stage.trio.wait(days=6)
    assert set((await looked(stage)).values()) == {"relay.unconfirmed"}
    async with stage.worker() as (_, desk):
        assert desk.memory.aside_count() == 2
    async with stage.officer() as node:
        await handing.confirm(node, stage.book, request.id, "e-mail")
    assert "done" in (await looked(stage)).values()
    async with stage.worker() as (_, desk):
        assert desk.memory.aside_count() == 1


async def test_what_no_e_mail_is_agreed_for_waits_for_a_hand(stage: RelayStage) -> None:
    await stage.asked()
    assert set((await looked(stage, mail=False)).values()) == {"relay.by_hand"}
    assert await looked(stage, mail=False) == {}
    stage.trio.wait(days=1)
    assert sorted((await looked(stage, mail=False)).values()) == ["relay.by_hand"] * 2 + ["still-waits"] * 2


async def test_what_a_mail_server_has_against_us_is_no_failed_hand_over(stage: RelayStage) -> None:
    request = await stage.asked()
    stage.mail.of_sender = "550 5.7.1 sender not allowed"
    with pytest.raises(Away, match=r"mail\.server_refuses"):
        await looked(stage)
    assert stage.book.handed(request.id) is None
    await stage.trio.settle()
    view = await exchange.message_evidence(stage.trio.it.node, stage.trio.it.officer, request.id)
    assert [one.code for one in view.evidence if one.kind == "relay-failed"] == []
    stage.mail.of_sender = None
    await looked(stage)
    assert stage.mail.taken


async def test_an_address_that_is_refused_for_good_is_told_to_the_sender(stage: RelayStage) -> None:
    request = await stage.asked()
    stage.mail.mood = "550 no such mailbox"
    assert set((await looked(stage)).values()) == {"relay.not_reached"}
    await stage.trio.settle()
    view = await exchange.message_evidence(stage.trio.it.node, stage.trio.it.officer, request.id)
    assert [one.code for one in view.evidence if one.kind == "relay-failed"] == ["relay.not_reached"]
    (row,) = await stage.trio.it.rows("select due_at from thread where id = :id", id=request.id)
    assert row["due_at"] is not None


@pytest.mark.parametrize("mood", ["450 busy", "451 later", "451 lost"])
async def test_a_mail_server_that_is_away_is_asked_again_and_no_message_is_another(
    stage: RelayStage, mood: str
) -> None:
    await stage.asked()
    stage.mail.mood = mood
    async with stage.worker() as (worker, desk):
        (name, *_) = (await worker.changed(None, desk)).names
        with pytest.raises(Away):
            await worker.take(name, desk)
        stage.mail.mood = "250 OK"
        assert await worker.take(name, desk) == "mailed"
    ids = {email.message_from_bytes(one)["Message-ID"] for one in stage.mail.taken}
    assert len(ids) == 1  # a mailbox that got it twice shows it once


async def test_whichever_of_two_mails_an_office_kept_its_link_is_good(stage: RelayStage) -> None:
    """The answer to the first was lost: a mailbox that has it shows the second not at all."""
    request = await stage.asked()
    stage.mail.moods = ["451 lost"]
    async with stage.worker() as (worker, desk):
        (name,) = [one for one in (await worker.changed(None, desk)).names if request.id in one]
        with pytest.raises(Away):
            await worker.take(name, desk)
        stage.trio.wait(minutes=1)
        assert await worker.take(name, desk) == "mailed"
    ids = {email.message_from_bytes(one)["Message-ID"] for one in stage.mail.taken}
    pages = [await _links_in(one) for one in stage.mail.taken]
    assert (len(stage.mail.taken), len(ids), len(pages[0])) == (2, 1, 1)
    assert pages[0] == pages[1]
    token = pages[0].pop().rpartition("/")[2]
    assert stage.book.spool.link(token, stage.now()) is not None


async def _links_in(content: bytes) -> set[str]:
    (pdf,) = [one for one in parts(content) if one.get_content_type() == "application/pdf"]
    with pikepdf.open(io.BytesIO(pdf.get_payload(decode=True)), password=PASSWORD) as opened:
        plain = io.BytesIO()
        opened.save(plain)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(plain).pages)
    return set(re.findall(r"https://relay\.example/reply/[\w-]{43}", re.sub(r"\s", "", text)))


async def test_nothing_listens_and_nothing_is_lost(stage: RelayStage) -> None:
    await stage.asked()
    server = stage.server()
    assert stage._smtp is not None
    stage._smtp.stop()
    async with stage.worker() as (worker, desk):
        worker.mail = server
        (name, *_) = (await worker.changed(None, desk)).names
        with contextlib.suppress(Away):
            await worker.take(name, desk)
        assert stage.book.handed(name.partition("@")[0]) is None
    stage._smtp = None


async def test_beyond_this_machine_mail_goes_encrypted_or_not_at_all(stage: RelayStage) -> None:
    import dataclasses

    server = dataclasses.replace(stage.server(), host="mail.example")
    await stage.asked()
    async with stage.worker(mail=True) as (worker, desk):
        worker.mail = server
        (name, *_) = (await worker.changed(None, desk)).names
        with pytest.raises(Away, match=r"mail\.tls_required"):
            await worker.take(name, desk)
        assert worker.book.handed(name.partition("@")[0]) is None


async def test_what_is_sealed_past_the_node_is_mailed_sealed_byte_for_byte(stage: RelayStage) -> None:
    trio = stage.trio
    give_own_key(trio.world)
    give(trio.world, procedures=("case",))
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    async with stage.officer() as node:
        waiting = {one["id"]: one for one in (await node.pending_relays())["messages"]}
        assert (waiting[request.id]["sealed"], waiting[request.id]["readable"]) == (True, False)
        envelope = await node.relay_envelope(request.id)
    await looked(stage)
    files = [
        one.get_payload(decode=True)
        for content in stage.mail.taken
        for one in parts(content)
        if one.get_content_type() == courier.MEDIA_TYPE
    ]
    assert courier.unpack(files[-1]) == (envelope,)
    assert envelope in [data for _, data in trio.hub.carried]
    # And nobody here could read what a link to it brought.
    token = _link(stage, request.id, "query")
    await looked(stage)
    link = stage.book.spool.link(token, stage.now())
    assert link is not None
    assert link.closed


async def test_a_courier_file_by_e_mail_is_what_the_hub_carried(stage: RelayStage) -> None:
    from adapters.relay.post import Attached, letter

    trio = stage.trio
    case = await trio.open_case()
    sent = await trio.it.send(trio.to_md("case.notification", case))
    await trio.release(trio.it)
    ((_, carried),) = trio.hub.carried
    server = stage.server()
    file = courier.pack([carried])
    attached = [Attached(name="sealed.focalpoint", media_type=courier.MEDIA_TYPE, content=file)]
    e_mail = letter(server.sender, "a@example.org", "en", id_="1", attached=attached, sealed=True)
    await server.send(e_mail, to="a@example.org")
    (content,) = stage.mail.taken
    (part,) = [one for one in parts(content) if one.get_content_type() == courier.MEDIA_TYPE]
    assert part.get_payload(decode=True) == file
    (envelope,) = courier.unpack(part.get_payload(decode=True))
    first = await exchange.import_envelope(trio.iom.node, trio.iom.officer, envelope)
    assert first.outcome == "consigned"
    (by_hub,) = await trio.deliver("int-iom")
    assert by_hub.disposition == "known"  # type: ignore[union-attr]
    rows = await trio.iom.rows("select id from message where id = :id", id=sent.id)
    assert len(rows) == 1


# --- what is kept -----------------------------------------------------------------------------------------


async def test_nothing_of_a_message_is_in_what_the_desk_keeps(
    stage: RelayStage, caplog: pytest.LogCaptureFixture
) -> None:
    request = await stage.asked()
    await looked(stage)
    kept = b"".join(path.read_bytes() for path in stage.directory.rglob("*") if path.is_file())
    for hidden in (str(request.case), PASSWORD, "office@ministry.example", "social-inquiry.request"):
        assert hidden.encode() not in kept
        assert hidden not in caplog.text


# --- the whole road ---------------------------------------------------------------------------------------


async def test_a_whole_case_without_a_node_to_the_states_own_node(stage: RelayStage) -> None:
    """PDF out, reply in, consent on paper, mandate revoked, and the move: evidence whole at each stage."""
    trio = stage.trio
    road, proposal = await proposed(
        trio
    )  # the inquiry was asked, accepted and answered, and typed from paper
    await whole_evidence(stage, road.case)

    file = await on_paper(stage, proposal.id)
    draft = await draft_of(stage, proposal.id, "query", file)
    async with stage.officer() as node:
        await handing.confirm(node, stage.book, proposal.id, "post")
        with pytest.raises(Problem) as bound:
            await node.send(
                {
                    "id": draft.attestation,
                    "case": str(road.case),
                    "type": "durable-solution.acceptance",
                    "sender": str(MD_OFFICE),
                    "recipient": str(trio.it.office),
                    "in_reply_to": str(proposal.id),
                    "declares_no_danger": True,
                    "coded": {"agreement": await road.agreement_digest(proposal)},
                }
            )
        assert bound.value.code in ("intermediary.cannot_bind", "access.scope")
        _, attestation = await handing.say(node, draft, **CONSENT, scan=b"%PDF-1.7 signed")  # type: ignore[arg-type]
    await trio.settle()
    await carry_attachments(trio)
    await open_scan(trio, attestation)  # type: ignore[arg-type]
    asked = await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attestation)  # type: ignore[arg-type]
    await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    await trio.settle()
    assert await stands(trio, road, proposal) == ("accepted-on-paper", True)
    assert "relayed-to-non-node" in await stage.kinds(proposal.id)
    await whole_evidence(stage, road.case)

    notice = (await trio.iom.rows("select id from message where type = 'case.notification'"))[0]["id"]
    await on_paper(stage, notice)
    await stage.keep_snapshots()
    revoke(trio.world)
    with pytest.raises(Unfit, match=r"relay\.not_pending"):
        await on_paper(stage, notice)
    async with stage.officer() as node:
        with pytest.raises(Problem):
            await handing.confirm(node, stage.book, notice, "post")

    trio.wait(hours=1)
    take_own_node(trio.world)
    data = await exported(trio)
    cases, messages, _ = await imported(trio.md, data)
    assert (cases, messages > 10) == (1, True)
    await stage.keep_snapshots()
    for side in (trio.md, trio.it):
        bundle = await exchange.case_bundle(side.node, side.officer, road.case)
        report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
        assert report.findings == (), side.node.code


async def test_what_a_narrower_mandate_takes_from_the_list_is_news_again_when_it_comes_back(
    stage: RelayStage,
) -> None:
    request = await stage.asked()
    await looked(stage)
    stage.trio.wait(days=6)
    told = await looked(stage)
    assert set(told.values()) == {"relay.unconfirmed"}
    stage.trio.wait(minutes=1)
    give(stage.trio.world, procedures=("case",), parts=("coded", "narrative", "identity"))
    assert await looked(stage) == {}
    async with stage.worker() as (worker, desk):
        assert [one.name for one in desk.memory.aside() if request.id in one.name] == []
        # Between the list and the look: it waits, and is not called done.
        with pytest.raises(NotNow, match=r"relay\.not_pending"):
            await worker.take(f"{request.id}@confirm-1", desk)
    stage.trio.wait(minutes=1)
    give(stage.trio.world, parts=("coded", "narrative", "identity"))
    again = await looked(stage)
    assert again == {name: code for name, code in told.items() if request.id in name}
