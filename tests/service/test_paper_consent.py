"""A State without a node accepts an agreement on paper: confirmed by two people, and never agreed."""

from __future__ import annotations

import dataclasses
import html
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from protocol import conversations, standing, vocabularies
from protocol.agreed import agreement_of
from protocol.bundle import verify_bundle
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, MessageId
from protocol.refusals import explain
from protocol.rendering import evidence_words
from protocol.rendering.sentences import sentences
from protocol.rendering.text import to_text
from protocol.statements import StatementType, cosign, read, sign
from service import exchange
from service.access import pairs
from service.access.actor import Actor
from service.access.represented import acting
from service.access.roles import Role
from service.cli.agreement import agreement_lines, as_consent, paper_lines
from service.errors import Conflict, Forbidden, NotFound
from service.exchange import case_files
from service.exchange.views import Accepted, ApprovalView, Submission
from service.routing.attachments import Attachments
from service.store import cases
from service.store.tables import MESSAGE
from tests.protocol.sample_directory import IT_LOCAL
from tests.protocol.sample_intermediary import MD_OFFICE, give
from tests.service.exchange_pair import Side, actor
from tests.service.exchange_trio import Trio, open_trio
from tests.service.solution_case import (
    Road,
    _carer_is_able,
    _child_wants,
    _contributes,
    _without,
    assessed_risks,
)
from tests.service.test_attachments_between_nodes import described, upload

pytestmark = pytest.mark.anyio
SCAN = b"%PDF-1.7 made up: the ministry agrees"


@dataclass
class ThroughTheIntermediary:
    """What a `Road` asks of a pair, where the other side has no node: `ro` is md's office at the
    intermediary."""

    trio: Trio

    @property
    def it(self) -> Side:
        return self.trio.it

    @property
    def ro(self) -> Side:
        return self.trio.md_at_iom

    async def open_case(self) -> Any:
        return await self.trio.open_case()

    async def settle(self) -> None:
        await self.trio.settle()

    async def notify(self, case: Any) -> Accepted:
        from tests.service.exchange_pair import message

        accepted = await self.it.send(message("case.notification", case, self.it.office, MD_OFFICE))
        await self.trio.settle()
        return accepted


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    give(made.world, parts=("coded", "narrative", "identity"))
    yield made
    made.close()


async def proposed(trio: Trio) -> tuple[Road, Accepted]:
    road = await to_a_proposal(trio)
    proposal = await road.propose(change=receives_in_md)
    await road.accept(trio.it, proposal)
    return road, proposal


async def to_a_proposal(trio: Trio) -> Road:
    """As `Road.to_a_proposal`, with what the other State contributed typed from paper and attested."""
    pair: Any = ThroughTheIntermediary(trio)
    it, ro = pair.it, pair.ro
    case = await pair.open_case()
    road = Road(pair=pair, case=case)
    notice = await pair.notify(case)
    await road.say("guardian_notice", it, "guardian.notice", _without("replaces"), in_reply_to=notice)
    request = await road.say("inquiry", it, "social-inquiry.request")
    await road.say("inquiry-accepted", ro, "accept", in_reply_to=request)
    await road.say("social_inquiry", ro, "social-inquiry.report", _carer_is_able, in_reply_to=request)
    await road.say("child_views", it, "child-views.record", _child_wants, in_reply_to=notice)
    opened = await road.say("assessment", it, "risk-assessment.request", _without("reassessment_reason"))
    typed = await road.say(
        "contribution", ro, "risk-assessment.contribution", _contributes, in_reply_to=opened
    )
    road.said["attestation"] = await trio.iom.send(trio.attestation(case, typed))
    await trio.settle()

    def concludes(coded: dict[str, Any]) -> None:
        coded.update(
            outcome="return-possible",
            risks=assessed_risks(),
            considered=[one.statement_digest for one in road.said.values()],
            origin_contribution="attested-by-relay",
            assessed_country="MD",
        )
        for absent in ("dispute_response", "replaces", "reassess_on"):
            coded.pop(absent, None)

    await road.say("final", it, "risk-assessment.final", concludes, in_reply_to=opened)
    await road.say("best_interests", it, "best-interests.summary", road._weighs, in_reply_to=notice)
    return road


def receives_in_md(coded: dict[str, Any]) -> None:
    coded["terms"]["receiving_country"] = "MD"


async def carry_attachments(trio: Trio) -> None:
    for _ in range(6):
        for side in (trio.iom, trio.it):
            await Attachments(side.node).once()
        await trio.settle()
        for code in ("it", "int-iom"):
            await trio.reconcile(code)
        await trio.settle()


async def consenting(
    trio: Trio, road: Road, proposal: Accepted, *, scan: bool = True, **coded: Any
) -> Submission:
    """The intermediary attests that the paper accepts this version."""
    digest = await road.agreement_digest(proposal)
    uploaded = await upload(trio.md_at_iom, road.case, SCAN) if scan else None

    def says(said: dict[str, Any]) -> None:
        said.update(on_behalf_of=MD_OFFICE, agreement=digest, received_on="2026-11-23")
        said.pop("attested_message", None)
        if uploaded is not None:
            said["original_digest"] = uploaded.digest
        said.update(coded)

    said: Submission = trio.for_md("relay.attestation", road.case, in_reply_to=proposal.id, change=says)
    if uploaded is None:
        return said
    return dataclasses.replace(said, identity={"attachments": [described(uploaded)]})


async def consent(
    trio: Trio, road: Road, proposal: Accepted, *, scan: bool = True, carry: bool = True, **coded: Any
) -> Accepted:
    attested = await trio.iom.send(await consenting(trio, road, proposal, scan=scan, **coded))
    await trio.settle()
    if carry:
        await carry_attachments(trio)
    return attested


async def open_scan(trio: Trio, attestation: MessageId, *people: Actor) -> None:
    """Released by one person to the other, and opened by each of `people`: by both, where none is named."""
    it = trio.it
    released = await exchange.request_release(it.node, it.officer, attestation, "case-assessment")
    if released.state == "proposed":
        await exchange.decide(it.node, it.supervisor, released.id, "approve", None)
    view = await exchange.read_message(it.node, it.officer, attestation, False, None)
    digest = view.content.coded["original_digest"] if view.content else ""
    for person in people or (it.officer, it.supervisor):
        scan = await exchange.read_attachment(it.node, person, attestation, digest, "case-assessment")
        assert b"".join([chunk async for chunk in scan.chunks])


async def confirm(trio: Trio, attested: Accepted) -> ApprovalView:
    await open_scan(trio, attested.id)
    asked = await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)
    return await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)


async def state(trio: Trio, proposal: Accepted, side: str = "it") -> str:
    (row,) = await trio.sides[side].rows("select state from thread where id = :id", id=proposal.thread)
    return str(row["state"])


async def stands(trio: Trio, road: Road, proposal: Accepted) -> tuple[str, bool] | None:
    def look(session: Any) -> Any:
        case = cases.load_case(session.connection(), road.case)
        assert case is not None
        file = case_files.whole_file(session.connection(), case.row, trio.it.node.directory.known())
        version = file.message(proposal.id)
        assert version is not None
        assert agreement_of(file, version) is None, "accepted on paper is never agreed"
        return standing.agreement(file, proposal.thread, trio.clock.now())

    found = await trio.it.node.store.read(look)
    return None if found is None else (found.state, found.on_paper)


async def test_two_people_make_it_accepted_on_paper_and_never_agreed(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    assert await state(trio, proposal) == "accepted-one"
    assert await stands(trio, road, proposal) is None
    await confirm(trio, attested)
    await trio.settle()
    for side in ("it", "int-iom"):
        assert await state(trio, proposal, side) == "accepted-on-paper"
    assert await stands(trio, road, proposal) == ("accepted-on-paper", True)


async def test_one_person_alone_confirms_nothing(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await open_scan(trio, attested.id)
    asked = await exchange.propose_paper_consent(trio.it.node, trio.it.supervisor, attested.id)
    with pytest.raises(Forbidden, match=r"access\.second_person"):
        await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    officer = actor(trio.it.office, role=Role.CASE_OFFICER, person="officer-2")
    with pytest.raises(Forbidden, match=r"access\.scope"):
        await exchange.decide(trio.it.node, officer, asked.id, "approve", None)
    assert await state(trio, proposal) == "accepted-one"


async def test_the_intermediary_confirms_nothing(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    with pytest.raises(Forbidden):
        await exchange.propose_paper_consent(trio.iom.node, trio.iom.officer, attested.id)


async def test_no_confirmation_leaves_while_protection_is_sought_or_possible(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await open_scan(trio, attested.id)
    await trio.settle()
    it = trio.it
    asked = await exchange.propose_paper_consent(it.node, it.officer, attested.id)
    await exchange.set_protection(it.node, it.officer, road.case, "possible", "child-interviewed")
    with pytest.raises(NotAcceptable, match=r"safeguard\.international_protection"):
        await exchange.decide(it.node, it.supervisor, asked.id, "approve", None)
    with pytest.raises(NotAcceptable, match=r"safeguard\.international_protection"):
        await exchange.propose_paper_consent(it.node, it.officer, attested.id)
    queued = "select row from outbox where message_id = :id and kind = 'evidence' and state = 'queued'"
    kinds = "select kind from evidence where id = :id and kind = 'paper-consent-confirmed'"
    assert await it.rows(queued, id=attested.id) == await it.rows(kinds, id=attested.id) == []
    for person in (it.officer, it.supervisor):
        await exchange.set_protection(it.node, person, road.case, "not-sought", "child-interviewed")
    assert (await exchange.decide(it.node, it.supervisor, asked.id, "approve", None)).state == "approved"


async def test_no_people_of_an_intermediary_confirm_what_a_state_was_told(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await trio.iom.node.store.write(
        lambda session: session.connection().execute(
            update(MESSAGE)
            .where(MESSAGE.c.id == attested.id)
            .values(direction="in", recipient=MD_OFFICE, sender_node="ro")
        )
    )
    supervisor = acting(
        trio.iom.node, actor(Address("int.iom"), role=Role.SUPERVISOR, person="iom-supervisor")
    )
    assert MD_OFFICE in supervisor.authorities
    with pytest.raises(NotAcceptable, match=r"intermediary\.cannot_bind"):
        await exchange.propose_paper_consent(trio.iom.node, supervisor, attested.id)


async def test_another_nodes_attestation_under_the_same_id_is_another_matter(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await open_scan(trio, attested.id)
    other = actor(IT_LOCAL, person="officer-elsewhere")
    now = trio.clock.now()
    waits = await trio.it.node.store.write(
        lambda session: pairs.propose(
            trio.it.node,
            session,
            other,
            "paper-consent",
            attested.id,
            {"agreement": "A" * 43},
            now,
            proposing=IT_LOCAL,
            sender_node="ro",
        )
    )
    asked = await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)
    assert asked.id != waits
    assert asked.proposing == trio.it.office


async def test_no_step_that_binds_the_state_is_open_to_an_intermediary(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    steps = (await exchange.next_steps(trio.iom.node, trio.iom.officer, road.case)).steps
    (accept,) = (one for one in steps if one.type == "durable-solution.acceptance")
    assert accept.in_reply_to == proposal.id
    assert not accept.open
    assert accept.refusal is not None
    assert accept.refusal.code == "intermediary.cannot_bind"
    # The sentence beside it names both ways: the State's own word, and a consent on paper.
    remedy = explain("intermediary.cannot_bind", "en").remedy
    assert "own authority" in remedy
    assert "on paper" in remedy
    assert any(one.open and one.type == "durable-solution.refusal" for one in steps)
    # At the State with a node nothing of this is asked.
    ours = (await exchange.next_steps(trio.it.node, trio.it.officer, road.case)).steps
    assert all(one.refusal is None or not one.refusal.code.startswith("intermediary.") for one in ours)


async def test_what_no_mandate_gives_is_no_open_step_of_an_intermediary(trio: Trio) -> None:
    road, _ = await proposed(trio)
    trio.wait(hours=1)
    give(trio.world, procedures=("case",))
    steps = (await exchange.next_steps(trio.iom.node, trio.iom.officer, road.case)).steps
    assert not [one for one in steps if one.open and one.procedure != "case"]
    refused = {one.refusal.code for one in steps if one.procedure != "case" and one.refusal}
    assert "mandate.procedure" in refused


@pytest.mark.parametrize("form", ["web-reply", "e-mail", "fax", "telephone"])
async def test_what_came_without_paper_is_no_consent(trio: Trio, form: str) -> None:
    road, proposal = await proposed(trio)
    with pytest.raises(NotAcceptable, match=r"message\.field"):
        await consent(trio, road, proposal, original_form=form, authentication="unauthenticated")
    with pytest.raises(NotAcceptable, match=r"message\.field"):
        await consent(trio, road, proposal, authentication="unauthenticated")


async def test_without_its_scan_nobody_confirms_a_paper(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal, carry=False)
    with pytest.raises(Conflict, match=r"paper\.scan_missing"):
        await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)


async def test_a_consent_without_its_scan_or_with_another_is_not_sent(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    for wrong in ({"scan": False}, {"original_digest": "Z" * 43}):
        said = await consenting(trio, road, proposal, **wrong)
        with pytest.raises(NotAcceptable, match=r"intermediary\.scan"):
            await trio.iom.send(said)
    assert await trio.iom.rows("select id from message where type = 'relay.attestation'") == [
        {"id": road.said["attestation"].id}
    ]


async def test_paper_without_the_other_states_signature_settles_nothing(trio: Trio) -> None:
    road = await to_a_proposal(trio)
    proposal = await road.propose(change=receives_in_md)
    attested = await consent(trio, road, proposal)
    await confirm(trio, attested)
    await trio.settle()
    assert await state(trio, proposal) == "proposed"
    assert await stands(trio, road, proposal) is None


async def test_what_is_accepted_on_paper_may_be_carried_out_and_says_so(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    digest = await road.agreement_digest(proposal)

    def handed_over(coded: dict[str, Any]) -> None:
        coded.update(agreement=digest, handed_over_on="2026-11-24")

    said = trio.for_md(
        "handover.confirmation", road.case, in_reply_to=proposal.id, identity=True, change=handed_over
    )
    await trio.iom.send(said)
    await trio.settle()
    assert await state(trio, proposal) == "implementing"
    assert await stands(trio, road, proposal) == ("accepted-on-paper", True)


async def test_the_confirmation_is_the_authoritys_own_signed_word(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await confirm(trio, attested)
    await trio.settle()
    for side in (trio.it, trio.iom):
        view = await exchange.message_evidence(side.node, side.officer, attested.id)
        (proven,) = (one for one in view.evidence if one.kind == "paper-consent-confirmed")
        assert proven.issuer == Address("it.servizio-minori")


async def test_the_case_verifies_offline_and_names_who_typed_what(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    for side in (trio.it, trio.md_at_iom):
        bundle = await exchange.case_bundle(side.node, side.officer, road.case)
        report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
        assert report.findings == ()
        assert {one.via for one in report.messages if one.sender == MD_OFFICE} == {Address("int.iom")}
        assert report.agreements == (), "accepted on paper is no agreement"
        (paper,) = report.on_paper
        assert (paper.party, paper.via, paper.confirmed_by) == (
            MD_OFFICE,
            Address("int.iom"),
            trio.it.office,
        )
        assert paper.attested.authentication == "seen-and-identified"
        assert paper.agreement == await road.agreement_digest(proposal)


async def test_a_signature_over_other_bytes_behind_a_consent_on_paper_is_found_and_proves_nothing(
    trio: Trio,
) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    bundle = json.loads(await exchange.case_bundle(trio.it.node, trio.it.officer, road.case))
    key = trio.world.signing[trio.it.office]
    (accepted,) = (
        one
        for one in bundle["messages"]
        if one["statement"] and said_by(one["statement"])["type"] == "durable-solution.acceptance"
    )
    claims = said_by(accepted["statement"])
    claims["coded"] = {**claims["coded"], "signature": cosign(StatementType.AGREEMENT, b"{}", key)}
    accepted["statement"] = sign(StatementType.CONTENT, claims, key)
    report = verify_bundle(json.dumps(bundle).encode(), trio.world.charter_digest)
    found = {(one.code, one.where) for one in report.findings}
    assert ("agreement.signature", f"messages/{accepted['id']}/statement") in found
    assert (report.on_paper, report.agreements) == ((), ())


def said_by(statement: str) -> dict[str, Any]:
    return dict(read(statement, typ=StatementType.CONTENT).claims)


async def test_a_bundle_without_the_confirmation_proves_no_consent_on_paper(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await consent(trio, road, proposal)
    bundle = await exchange.case_bundle(trio.it.node, trio.it.officer, road.case)
    report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
    assert (report.findings, report.on_paper) == ((), ())


def pressed(text: str) -> str:
    """Without the places where a printer breaks lines, and what it begins them with."""
    return "".join(one for one in text if not one.isspace() and one not in "\u200e\u200f")


LANGUAGES = ("en", "fr", "es", "pt", "ru", "ar", "zh")


async def test_every_rendering_says_accepted_on_paper_and_never_agreed(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    digest = await road.agreement_digest(proposal)
    it = trio.it
    with pytest.raises(NotFound, match=r"request\.not_found"):
        await exchange.render_agreement(it.node, it.officer, road.case, digest, "en", "text")
    await confirm(trio, attested)
    await trio.settle()
    for side in (it, trio.md_at_iom):
        for language in LANGUAGES:
            words = sentences(language)
            sure = vocabularies.label("authentication-strength", "seen-and-identified", language).text
            for form in ("text", "html"):
                made = await exchange.render_agreement(
                    side.node, side.officer, road.case, digest, language, form
                )
                text = pressed(html.unescape(made.content.decode()))
                for said in ("paper-title", "paper-no-agreement", "paper-signed", "paper-confirmed-by"):
                    assert pressed(words.say(said)) in text
                for party in (MD_OFFICE, "int.iom", it.office, attested.id, digest):
                    assert party in text
                assert pressed(sure) in text
                for never in ("agreement-title", "agreement-signed", "agreement-proposal"):
                    assert pressed(words.say(never)) not in text
        made = await exchange.render_agreement(side.node, side.officer, road.case, digest, "ar", "pdf")
        assert made.content.startswith(b"%PDF-")
        with pytest.raises(NotFound):
            await exchange.agreement_file(side.node, side.officer, road.case, digest)
    printed = await exchange.render_timeline(it.node, it.officer, road.case, "en", "text")
    assert pressed(sentences("en").say("paper-consents", digest=digest)) in pressed(printed.content.decode())


async def test_verify_prints_accepted_on_paper_by_whom_how_sure_and_confirmed_by_two(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await confirm(trio, attested)
    await trio.settle()
    bundle = await exchange.case_bundle(trio.it.node, trio.it.officer, road.case)
    report = verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)
    for language in LANGUAGES:
        words = sentences(language)
        text = "\n".join(paper_lines(report, language))
        sure = vocabularies.label("authentication-strength", "seen-and-identified", language).text
        named = ("paper-proven", "paper-attested-by", "paper-confirmed-by")
        assert all(words.say(one) in text for one in named)
        assert all(one in text for one in (MD_OFFICE, "int.iom", trio.it.office, attested.id, sure))
        assert words.say("agreement-title") not in text
        printed = evidence_words([], language=language, on_paper=[as_consent(report.on_paper[0])])
        assert pressed(sure) in pressed(to_text(printed))
        assert pressed(words.say("paper-proven")) in pressed(to_text(printed))
    assert agreement_lines(report, "en") == []
