"""A mandate that became narrower: what lies at the intermediary already is closed to its people from then on,
and that there is something, by when it is owed and by whom, is not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.directory import AuthorityFacts, Directory
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, MessageId, StateCode
from protocol.refusals import explain
from service import exchange
from service.access.actor import Actor
from service.access.represented import acting
from service.access.roles import Role
from service.console.officer.documents import documents_of
from service.errors import Forbidden, NotFound
from service.exchange.hand_over import export_hand_over, import_hand_over
from service.exchange.views import Accepted, Awaiting, MessageQuery, MessageView
from tests.protocol.sample_intermediary import INT_IOM, IOM, give, mandate, take_own_node
from tests.service.access_stand import AccessStand, WithTokenKey
from tests.service.console_stand import Desk, text_of
from tests.service.exchange_pair import WorldKeys, actor, message
from tests.service.exchange_trio import INTERMEDIARY_OFFICER, Relay, Trio, open_trio
from tests.service.identity_provider import CLIENT_ID, ISSUER, IdentityProvider
from tests.service.test_attachments_between_nodes import described, upload
from tests.service.test_paper_consent import carry_attachments, confirm, consent, proposed

pytestmark = pytest.mark.anyio
EVERYTHING = ("coded", "narrative", "identity")
PAPER = b"%PDF-1.7 made up: a birth certificate"
type Open = Callable[[Trio, Actor, Accepted], Awaitable[Any]]


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    give(made.world, parts=EVERYTHING)
    yield made
    made.close()


def narrow(trio: Trio, **changes: Any) -> None:
    """The State gives its mandate anew, a minute later."""
    trio.wait(minutes=1)
    give(trio.world, **{"parts": EVERYTHING, **changes})


async def told(trio: Trio) -> tuple[Accepted, Accepted]:
    """A case that was notified, and an inquiry with a document; both at the intermediary, and accepted."""
    case = await trio.open_case()
    notice = await trio.notify(case)
    uploaded = await upload(trio.it, case, PAPER)
    said = trio.to_md("social-inquiry.request", case, identity=True)
    request = await trio.it.send(
        dataclasses.replace(said, identity={**(said.identity or {}), "attachments": [described(uploaded)]})
    )
    await trio.settle()
    await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    await carry_attachments(trio)
    return notice, request


def at_iom(trio: Trio, role: Role = Role.CASE_OFFICER) -> Actor:
    """Somebody of the intermediary who may ask for an identity part, and for whom they act now."""
    return acting(trio.iom.node, actor(IOM, role=role, person=f"relay-{role}-1"))


async def read(trio: Trio, officer: Actor, message: MessageId) -> MessageView:
    return await exchange.read_message(trio.iom.node, officer, message, False, None)


async def _identity(trio: Trio, officer: Actor, said: Accepted) -> Any:
    return await exchange.read_message(trio.iom.node, officer, said.id, True, "family-tracing")


async def _document(trio: Trio, officer: Actor, said: Accepted) -> Any:
    (row,) = await trio.iom.rows("select digest from attachment where message_id = :id", id=said.id)
    return await exchange.read_attachment(trio.iom.node, officer, said.id, row["digest"], "family-tracing")


OPENS: dict[str, Open] = {
    "message": lambda trio, officer, said: read(trio, officer, said.id),
    "identity": _identity,
    "release": lambda trio, officer, said: exchange.request_release(
        trio.iom.node, officer, said.id, "court-proceedings"
    ),
    "documents": lambda trio, officer, said: exchange.list_attachments(trio.iom.node, officer, said.id),
    "document": _document,
    "text": lambda trio, officer, said: exchange.render_message(
        trio.iom.node, officer, said.id, "en", "text"
    ),
    "pdf": lambda trio, officer, said: exchange.render_message(trio.iom.node, officer, said.id, "en", "pdf"),
}
OF_IDENTITY = {"identity", "release", "document"}


async def released(trio: Trio, said: Accepted) -> None:
    """Two people of the intermediary agreed that the identity part be read."""
    asked = await exchange.request_release(trio.iom.node, at_iom(trio), said.id, "family-tracing")
    await exchange.decide(trio.iom.node, at_iom(trio, Role.SUPERVISOR), asked.id, "approve", None)


NARROWER: dict[str, dict[str, Any]] = {
    "mandate.procedure": {"procedures": ("case",)},
    "mandate.state": {"states": (StateCode("ro"),)},
}


@pytest.mark.parametrize("code", NARROWER)
@pytest.mark.parametrize("way", OPENS)
async def test_what_a_narrower_mandate_does_not_cover_is_opened_by_no_way(
    trio: Trio, way: str, code: str
) -> None:
    _, request = await told(trio)
    await released(trio, request)
    opened = OPENS[way]
    await opened(trio, at_iom(trio), request)
    narrow(trio, **NARROWER[code])
    with pytest.raises(NotAcceptable) as refused:
        await opened(trio, at_iom(trio), request)
    assert refused.value.code == code
    # Nobody has touched the rows: given back, it is read as before.
    narrow(trio)
    await opened(trio, at_iom(trio), request)


async def test_what_it_still_covers_stays_readable(trio: Trio) -> None:
    notice, request = await told(trio)
    narrow(trio, procedures=("case",))
    view = await read(trio, trio.iom.officer, notice.id)
    assert view.content is not None
    assert view.content.coded
    assert view.content.narrative
    # A neutral move belongs to its conversation, and nothing in its own name says to which.
    (accept,) = await trio.iom.rows("select id from message where type = 'accept'")
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await read(trio, trio.iom.officer, accept["id"])
    narrow(trio, procedures=("social-inquiry",))
    assert (await read(trio, trio.iom.officer, accept["id"])).content is not None
    assert (await read(trio, trio.iom.officer, request.id)).content is not None
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await read(trio, trio.iom.officer, notice.id)


async def test_a_move_whose_conversation_is_not_here_is_read_by_nobody(trio: Trio) -> None:
    await told(trio)
    (accept,) = await trio.iom.rows("select id, thread from message where type = 'accept'")
    assert (await read(trio, trio.iom.officer, accept["id"])).content is not None
    await trio.iom.node.store.write(
        lambda session: session.connection().exec_driver_sql(
            "delete from thread where id = ?", (accept["thread"],)
        )
    )
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await read(trio, trio.iom.officer, accept["id"])


@pytest.mark.parametrize("way", sorted(OF_IDENTITY))
async def test_an_identity_part_that_is_not_given_any_more_is_closed_and_the_rest_is_not(
    trio: Trio, way: str
) -> None:
    _, request = await told(trio)
    await released(trio, request)
    narrow(trio, parts=("coded", "narrative"))
    with pytest.raises(NotAcceptable, match=r"mandate\.part"):
        await OPENS[way](trio, at_iom(trio), request)
    view = await read(trio, trio.iom.officer, request.id)
    assert view.content is not None
    assert view.content.narrative


async def test_free_text_that_is_not_given_any_more_is_in_no_view_and_no_rendering(trio: Trio) -> None:
    _, request = await told(trio)
    before = await read(trio, trio.iom.officer, request.id)
    assert before.content is not None
    (first, *_) = [block.text for block in before.content.narrative if block.text]
    shown = await OPENS["text"](trio, trio.iom.officer, request)
    assert first[:20] in shown.content.decode()
    narrow(trio, parts=("coded",))
    after = await read(trio, trio.iom.officer, request.id)
    assert after.content is not None
    assert (after.content.coded, after.content.narrative) == (before.content.coded, ())
    assert after.content.narrative_state == "sealed"
    shown = await OPENS["text"](trio, trio.iom.officer, request)
    assert first[:20] not in shown.content.decode()


@pytest.mark.parametrize(
    ("code", "period"),
    [
        ("mandate.ended", {"until": timedelta(seconds=30)}),
        ("mandate.not_begun", {"since": timedelta(days=2), "until": timedelta(days=9)}),
    ],
)
async def test_a_mandate_of_another_period_closes_what_somebody_has_in_hand(
    trio: Trio, code: str, period: dict[str, timedelta]
) -> None:
    notice, _ = await told(trio)
    in_hand = trio.iom.officer
    narrow(trio, **{name: trio.world.now + span for name, span in period.items()})
    with pytest.raises(NotAcceptable) as refused:
        await read(trio, in_hand, notice.id)
    assert refused.value.code == code
    # Whoever asks anew acts for nobody of that State.
    with pytest.raises(NotFound):
        await read(trio, trio.iom.officer, notice.id)


async def test_only_ones_own_intermediarys_mandate_opens_anything(trio: Trio) -> None:
    """Two bodies at one node, each with a mandate of its own."""
    notice, request = await told(trio)
    world, other = trio.world, Address("int.other")
    trio.wait(hours=1)
    world.admit("int-iom", nodes=(INT_IOM,), authorities=(IOM, other))
    iom = world.facts["int-iom/authority/iom"]
    assert isinstance(iom, AuthorityFacts)
    world.publish(dataclasses.replace(iom, address=other), member="int-iom")
    world.publish(mandate(world, name="other", intermediary=other, procedures=("case",), parts=EVERYTHING))
    world.refresh()
    theirs = acting(trio.iom.node, actor(other, role=Role.INTERMEDIARY_OFFICER, person="relay-officer-2"))
    assert (await read(trio, theirs, notice.id)).content is not None
    assert (await read(trio, trio.iom.officer, request.id)).content is not None
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await read(trio, theirs, request.id)


async def test_what_was_said_to_the_intermediary_itself_takes_no_mandate(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    asked = await trio.it.send(message("social-inquiry.request", case, trio.it.office, IOM))
    await trio.settle()
    narrow(trio, procedures=("identity",))
    assert (await read(trio, trio.iom.officer, asked.id)).content is not None


# --- what remains to be seen --------------------------------------------------------------------------------


async def test_silence_is_still_seen_where_nothing_is_read_any_more(trio: Trio) -> None:
    _, request = await told(trio)
    node, before = trio.iom.node, trio.iom.officer
    seen: list[Any] = [
        await exchange.list_messages(node, before, MessageQuery()),
        await exchange.message_evidence(node, before, request.id),
        (await exchange.case_timeline(node, before, request.case)).entries,
        (await exchange.case_timeline(node, before, request.case)).threads,
    ]
    (listed,) = [one for one in seen[0].messages if one.id == request.id]
    assert listed.due is not None
    narrow(trio, procedures=("case",))
    officer = trio.iom.officer
    threads = (await exchange.case_timeline(node, officer, request.case)).threads
    assert [
        await exchange.list_messages(node, officer, MessageQuery()),
        await exchange.message_evidence(node, officer, request.id),
        (await exchange.case_timeline(node, officer, request.case)).entries,
        threads,
    ] == seen
    facts = await exchange.message_facts(node, officer, request.id)
    assert facts == listed
    trio.wait(days=60)
    assert any(one.overdue for one in (await exchange.case_timeline(node, officer, request.case)).threads)


async def test_what_an_attestation_says_is_content_and_by_whom_it_was_typed_is_not(trio: Trio) -> None:
    _, request = await told(trio)
    report = await trio.iom.send(trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id))
    await trio.settle()
    attestation = await trio.iom.send(trio.attestation(request.case, report))
    await trio.settle()

    async def vias() -> list[Any]:
        page = await exchange.list_messages(trio.iom.node, trio.iom.officer, MessageQuery())
        timeline = await exchange.case_timeline(trio.iom.node, trio.iom.officer, request.case)
        wanted = (report.id, attestation.id)
        shown: tuple[Any, ...] = (*page.messages, *timeline.entries)
        return [one.via for one in shown if one.id in wanted and getattr(one, "kind", "message") == "message"]

    assert any(via.original_digest for via in await vias())
    narrow(trio, procedures=("case",))
    found = await vias()
    assert len(found) == 4
    for via in found:
        assert (via.by, via.attested) == (IOM, True)
        assert {getattr(via, name.name) for name in dataclasses.fields(via)} <= {IOM, True, None, ()}


# --- files --------------------------------------------------------------------------------------------------


async def test_a_bundle_holds_no_statement_that_its_reader_may_not_read(trio: Trio) -> None:
    notice, request = await told(trio)
    node = trio.iom.node

    async def held() -> set[str]:
        bundle = await exchange.case_bundle(node, trio.iom.officer, request.case)
        return {one["id"] for one in json.loads(bundle)["messages"]}

    assert {notice.id, request.id} <= await held()
    narrow(trio, procedures=("case",))
    assert await held() == {notice.id}
    narrow(trio, procedures=("identity",))
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await held()


async def test_an_agreement_on_paper_is_closed_with_its_procedure(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    digest = await road.agreement_digest(proposal)
    node = trio.iom.node
    see: Any = SimpleNamespace(node=node, actor=trio.iom.officer)

    async def stands() -> list[Any]:
        timeline = await exchange.case_timeline(node, trio.iom.officer, road.case)
        return [one.standing for one in timeline.threads if one.id == proposal.thread]

    await exchange.render_agreement(node, trio.iom.officer, road.case, digest, "en", "text")
    assert digest in {one.agreement for one in await documents_of(see, road.case)}
    (agreed,) = await stands()
    assert agreed is not None
    others = await documents_of(see, road.case)
    narrow(trio, procedures=("case", "social-inquiry"))
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await exchange.render_agreement(node, trio.iom.officer, road.case, digest, "en", "text")
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await exchange.agreement_file(node, trio.iom.officer, road.case, digest)
    assert await stands() == [None]
    see.actor = trio.iom.officer
    shown = await documents_of(see, road.case)
    assert {one.agreement for one in shown} == {None}
    assert [one.id for one in shown] == [one.id for one in others]


async def test_what_waits_for_a_second_person_is_closed_too(trio: Trio) -> None:
    _, request = await told(trio)
    settings = dataclasses.replace(
        trio.iom.node.settings, second_person="identity-release social-inquiry.report"
    )
    careful = Relay(
        node=dataclasses.replace(trio.iom.node, settings=settings),
        outbox=trio.iom.outbox,
        office=trio.iom.office,
        hub=trio.iom.hub,
        link=trio.iom.link,
    )
    officer = at_iom(trio)
    kept = await exchange.send(
        careful.node,
        officer,
        trio.for_md("social-inquiry.report", request.case, in_reply_to=request.id),
    )
    assert isinstance(kept, Awaiting)
    view = await exchange.read_approval(careful.node, officer, kept.approval)
    assert view.message is not None
    narrow(trio, procedures=("case",))
    with pytest.raises(NotAcceptable, match=r"mandate\.procedure"):
        await exchange.read_approval(careful.node, officer, kept.approval)
    (listed,) = (await exchange.list_approvals(careful.node, officer, "proposed")).approvals
    assert (listed.id, listed.message) == (kept.approval, None)


async def test_the_states_own_node_gets_all_of_its_cases_also_what_was_closed_before(trio: Trio) -> None:
    notice, request = await told(trio)
    narrow(trio, procedures=("case",), parts=("coded",))
    trio.wait(hours=1)
    take_own_node(trio.world)
    admin = actor(role=Role.ADMINISTRATOR, person="administrator-1")
    data = b"".join([one async for one in await export_hand_over(trio.iom.node, admin, StateCode("md"))])

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    assert await import_hand_over(trio.md.node, admin, pieces()) == (1, 3, 0)
    for said in (notice, request):
        view = await exchange.read_message(trio.md.node, trio.md.officer, said.id, False, None)
        assert view.content is not None
        assert view.content.narrative
    (document,) = await exchange.list_attachments(trio.md.node, trio.md.officer, request.id)
    assert document.state == "complete"
    # The file is no way round for the intermediary: it is sealed to the State's own node.
    assert PAPER not in data
    assert request.case.encode() not in data
    with pytest.raises(Forbidden, match=r"access\.scope"):
        await export_hand_over(trio.iom.node, trio.iom.officer, StateCode("md"))


# --- how often the directory is asked -----------------------------------------------------------------------


class Counting(dict[str, Any]):
    """The directory's other entries. How often all of them were gone through."""

    walked = 0

    def items(self) -> Any:
        self.walked += 1
        return super().items()


async def test_a_list_asks_the_directory_once_for_each_procedure_and_not_for_each_message(trio: Trio) -> None:
    _, request = await told(trio)
    for _ in range(8):
        await trio.it.send(trio.to_md("social-inquiry.request", request.case))
    await trio.settle()
    entries = Counting(trio.world.directory.others)
    walked: Mapping[str, Any] = entries

    @dataclasses.dataclass
    class Counted:
        def current(self) -> Directory:
            return dataclasses.replace(trio.world.directory, others=walked)

        known = current

    node = dataclasses.replace(trio.iom.node, directory=Counted())
    officer = trio.iom.officer
    bundle = await exchange.case_bundle(node, officer, request.case)
    assert len(json.loads(bundle)["messages"]) == 11
    assert entries.walked <= 4


# --- on the page --------------------------------------------------------------------------------------------


class AtTheIntermediarysConsole(AccessStand):
    def __init__(self, trio: Trio, directory: Path) -> None:
        self.pair: Any = trio
        self.clock = trio.clock
        before = trio.iom.node
        changed = dataclasses.replace(before.settings, oidc_issuer=ISSUER, oidc_client_id=CLIENT_ID)
        keys = WithTokenKey.over(WorldKeys(trio.world, "int-iom"), directory / "key-store-iom")
        self.node = dataclasses.replace(before, settings=changed, keys=keys)
        self.provider = IdentityProvider(now=self.clock.now)
        self.office = IOM
        self.admin = actor(role=Role.ADMINISTRATOR, person="administrator-9")
        self.app = self.build()


async def test_the_page_of_a_closed_message_says_why_and_what_is_owed(trio: Trio, tmp_path: Path) -> None:
    _, request = await told(trio)
    view = await read(trio, trio.iom.officer, request.id)
    assert view.content is not None
    (first, *_) = [block.text for block in view.content.narrative if block.text]
    desk = await Desk.of(AtTheIntermediarysConsole(trio, tmp_path), Role.INTERMEDIARY_OFFICER)
    page = await desk.get(f"/console/messages/{request.id}")
    assert (page.status_code, first[:20] in text_of(page)) == (200, True)
    narrow(trio, procedures=("case",))
    page = await desk.get(f"/console/messages/{request.id}")
    assert page.status_code == 422
    said = text_of(page)
    assert explain("mandate.procedure", "en").title in said
    assert view.due is not None
    assert view.sender in said
    assert view.recipient in said
    assert view.due.at.date().isoformat() in page.text
    assert first[:20] not in said
    for path in (
        f"/console/messages/{request.id}/evidence",
        f"/console/cases/{request.case}",
        "/console/messages",
        "/console/relay",
    ):
        page = await desk.get(path)
        assert page.status_code == 200, path
        assert first[:20] not in text_of(page)
    page = await desk.get(f"/console/messages/{request.id}/rendering?format=pdf")
    assert page.status_code == 422
    assert INTERMEDIARY_OFFICER not in page.text
