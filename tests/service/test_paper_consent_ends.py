"""A consent on paper ends, or never was one: nobody confirms it, and nothing shows it as what stands."""

from __future__ import annotations

import dataclasses
import html
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol import conversations
from protocol.bundle import Report, verify_bundle
from protocol.directory import MandateFacts
from protocol.errors import NotAcceptable
from protocol.rendering import evidence_words
from protocol.rendering.sentences import sentences
from protocol.rendering.text import to_text
from service import exchange
from service.cli.agreement import as_consent, paper_lines
from service.errors import Conflict
from service.exchange.views import Accepted
from tests.protocol.sample_intermediary import give, revoke
from tests.service.exchange_trio import Trio, open_trio
from tests.service.solution_case import Road
from tests.service.test_paper_consent import (
    LANGUAGES,
    confirm,
    consent,
    open_scan,
    pressed,
    proposed,
    receives_in_md,
    stands,
    state,
    to_a_proposal,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    give(made.world, parts=("coded", "narrative", "identity"))
    yield made
    made.close()


async def refuse(trio: Trio, road: Road, proposal: Accepted) -> None:
    await trio.iom.send(trio.for_md("durable-solution.refusal", road.case, in_reply_to=proposal.id))
    await trio.settle()


async def withdraw(trio: Trio, road: Road, proposal: Accepted) -> None:
    await trio.it.send(trio.to_md("withdraw", road.case, in_reply_to=proposal.id))
    await trio.settle()


ENDS = {"refused": refuse, "withdrawn": withdraw}


def dated_back(trio: Trio, hours: float) -> None:
    """The State says that its mandate has not been in force for so long."""
    facts = trio.world.facts["md/mandate/iom"]
    assert isinstance(facts, MandateFacts)
    trio.world.publish(dataclasses.replace(facts, revoked_at=trio.world.now - timedelta(hours=hours)))
    trio.world.refresh()


async def verified(trio: Trio, road: Road) -> Report:
    bundle = await exchange.case_bundle(trio.it.node, trio.it.officer, road.case)
    return verify_bundle(bundle, trio.world.charter_digest, procedure_of=conversations.procedure_of)


async def shown(trio: Trio, road: Road, proposal: Accepted, language: str = "en") -> str:
    digest = await road.agreement_digest(proposal)
    made = await exchange.render_agreement(trio.it.node, trio.it.officer, road.case, digest, language, "html")
    return pressed(html.unescape(made.content.decode()))


async def waits(trio: Trio, attested: Accepted) -> Any:
    """One person has asked for a second."""
    await open_scan(trio, attested.id)
    return await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)


async def evidence_of_it(trio: Trio, attested: Accepted) -> list[Any]:
    return await trio.it.rows(
        "select kind from evidence where id = :id and kind = 'paper-consent-confirmed'", id=attested.id
    )


# -- the version is not open any more


@pytest.mark.parametrize("end", sorted(ENDS))
async def test_nobody_proposes_or_confirms_what_has_ended(trio: Trio, end: str) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    asked = await waits(trio, attested)
    await ENDS[end](trio, road, proposal)
    with pytest.raises(Conflict, match=r"paper\.not_open"):
        await exchange.propose_paper_consent(trio.it.node, trio.it.supervisor, attested.id)
    with pytest.raises(Conflict, match=r"paper\.not_open"):
        await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    view = await exchange.read_message(trio.it.node, trio.it.officer, attested.id, False, None)
    assert view.via is not None
    assert view.via.refusal == "paper.not_open"
    assert await evidence_of_it(trio, attested) == []
    assert await state(trio, proposal) == end


async def test_a_version_that_was_countered_is_confirmed_no_more(trio: Trio) -> None:
    road = await to_a_proposal(trio)
    proposal = await road.propose(change=receives_in_md)
    attested = await consent(trio, road, proposal)
    await counter(trio, road, proposal)
    await open_scan(trio, attested.id)
    with pytest.raises(Conflict, match=r"paper\.not_open"):
        await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)


async def counter(trio: Trio, road: Road, proposal: Accepted) -> Accepted:
    first = await exchange.read_message(trio.it.node, trio.it.officer, proposal.id, False, None)
    assert first.content is not None
    terms = first.content.coded

    def changed(coded: dict[str, Any]) -> None:
        coded.clear()
        coded.update({name: value for name, value in terms.items() if name not in ("amends", "lifts")})

    said = trio.for_md(
        "durable-solution.counter-proposal", road.case, in_reply_to=proposal.id, change=changed
    )
    accepted = await trio.iom.send(said)
    await trio.settle()
    return accepted


@pytest.mark.parametrize("end", ["refused"])
async def test_what_was_confirmed_and_refused_since_shows_its_end_first(trio: Trio, end: str) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    await ENDS[end](trio, road, proposal)
    assert await state(trio, proposal) == end
    assert await stands(trio, road, proposal) is None
    report = await verified(trio, road)
    assert report.findings == ()
    (paper,) = report.on_paper
    assert paper.ended is not None
    assert (paper.ended.kind, paper.ended.by) == (end, paper.party)
    for language in LANGUAGES:
        words = sentences(language)
        text = await shown(trio, road, proposal, language)
        title, says = pressed(words.say("paper-title-ended")), pressed(words.say("paper-ended-means"))
        assert text.index(title) < text.index(says) < text.index(pressed(words.say(f"paper-end-{end}")))
        assert text.index(pressed(words.say(f"paper-end-{end}"))) < text.index(
            pressed(words.say("paper-no-agreement"))
        )
        assert pressed(words.say("paper-title")) not in text
        lines = paper_lines(report, language)
        assert lines[0].startswith(words.say("paper-proven-ended"))
        assert words.say(f"paper-end-{end}") in lines[1]
        assert not any(words.say("paper-proven") in line for line in lines)
        printed = pressed(
            to_text(evidence_words([], language=language, on_paper=[as_consent(report.on_paper[0])]))
        )
        assert pressed(words.say("paper-proven-ended")) in printed
        assert pressed(words.say("paper-proven")) not in printed


# -- the mandate


async def test_what_no_mandate_covered_is_not_confirmed(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    asked = await waits(trio, attested)
    trio.wait(hours=1)
    dated_back(trio, hours=2)
    with pytest.raises(NotAcceptable, match=r"mandate\.not_covered"):
        await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)
    with pytest.raises(NotAcceptable, match=r"mandate\.not_covered"):
        await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    assert await evidence_of_it(trio, attested) == []


async def test_nobody_confirms_once_the_state_can_take_nothing_back_through_its_intermediary(
    trio: Trio,
) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    asked = await waits(trio, attested)
    trio.wait(hours=1)
    revoke(trio.world)
    for person in (trio.it.officer, trio.it.supervisor):
        view = await exchange.read_message(trio.it.node, person, attested.id, False, None)
        assert view.via is not None
        assert view.via.refusal == "mandate.revoked"
    with pytest.raises(NotAcceptable, match=r"mandate\.revoked"):
        await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)


async def test_what_was_confirmed_stands_after_the_mandate_has_ended(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    trio.wait(hours=1)
    revoke(trio.world)
    assert await stands(trio, road, proposal) == ("accepted-on-paper", True)
    (paper,) = (await verified(trio, road)).on_paper
    assert paper.ended is None


async def test_screen_and_bundle_agree_that_a_consent_without_a_mandate_stands_for_nothing(
    trio: Trio,
) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    trio.wait(hours=1)
    dated_back(trio, hours=2)
    report = await verified(trio, road)
    assert "mandate.not_covered" in {one.code for one in report.findings}
    assert report.on_paper == ()
    assert await stands(trio, road, proposal) is None
    timeline = await exchange.case_timeline(trio.it.node, trio.it.officer, road.case)
    (thread,) = (one for one in timeline.threads if one.id == proposal.thread)
    assert (thread.state, thread.standing) == ("accepted-one", None)
    text = await shown(trio, road, proposal)
    for said in ("paper-title-ended", "paper-end-not-mandated"):
        assert pressed(sentences("en").say(said)) in text
    assert pressed(sentences("en").say("paper-title")) not in text


async def test_nobody_is_handed_over_on_a_consent_that_no_mandate_covered(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()
    digest = await road.agreement_digest(proposal)
    trio.wait(hours=1)
    dated_back(trio, hours=2)
    give(trio.world, name="iom-2", since=trio.world.now, parts=("coded", "narrative", "identity"))
    trio.wait(minutes=1)

    def handed_over(coded: dict[str, Any]) -> None:
        coded.update(agreement=digest, handed_over_on="2026-11-24")

    said = trio.for_md(
        "handover.confirmation", road.case, in_reply_to=proposal.id, identity=True, change=handed_over
    )
    with pytest.raises(NotAcceptable):
        await trio.iom.send(said)
    assert await trio.iom.rows("select id from message where type = 'handover.confirmation'") == []


# -- the scan is opened by both


async def test_nobody_proposes_a_paper_that_they_have_not_opened(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await open_scan(trio, attested.id, trio.it.supervisor)
    with pytest.raises(Conflict, match=r"paper\.scan_not_opened"):
        await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)
    view = await exchange.read_message(trio.it.node, trio.it.officer, attested.id, False, None)
    assert view.via is not None
    assert view.via.refusal == "paper.scan_not_opened"


async def test_the_second_person_has_opened_the_scan_too(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    await open_scan(trio, attested.id, trio.it.officer)
    asked = await exchange.propose_paper_consent(trio.it.node, trio.it.officer, attested.id)
    with pytest.raises(Conflict, match=r"paper\.scan_not_opened"):
        await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    assert await evidence_of_it(trio, attested) == []
    await open_scan(trio, attested.id, trio.it.supervisor)
    decided = await exchange.decide(trio.it.node, trio.it.supervisor, asked.id, "approve", None)
    assert decided.state == "approved"


# -- how sure


async def typed_report(trio: Trio) -> tuple[Any, Accepted]:
    case = await trio.open_case()
    await trio.notify(case)
    request = await trio.it.send(trio.to_md("social-inquiry.request", case))
    await trio.settle()
    await trio.iom.send(trio.for_md("accept", case, in_reply_to=request.id))
    await trio.settle()
    report = await trio.iom.send(trio.for_md("social-inquiry.report", case, in_reply_to=request.id))
    await trio.settle()
    return case, report


WEB = {"original_form": "web-reply", "authentication": "unauthenticated"}
SEEN = {"original_form": "paper", "authentication": "seen-and-identified"}


async def test_one_original_is_attested_in_one_way_alone(trio: Trio) -> None:
    case, report = await typed_report(trio)
    await trio.iom.send(trio.attestation(case, report, **WEB))
    await trio.settle()
    trio.wait(minutes=1)
    with pytest.raises(NotAcceptable, match=r"intermediary\.attested_otherwise"):
        await trio.iom.send(trio.attestation(case, report, **SEEN))
    await trio.iom.send(trio.attestation(case, report, **WEB))


async def test_the_receiving_node_asks_it_again(trio: Trio, monkeypatch: pytest.MonkeyPatch) -> None:
    case, report = await typed_report(trio)
    await trio.iom.send(trio.attestation(case, report, **WEB))
    await trio.settle()
    trio.wait(minutes=1)
    # The intermediary's own node is not to be relied on.
    monkeypatch.setattr(sys.modules["service.exchange.send"], "check_original", lambda *_: None)
    upgraded = await trio.iom.send(trio.attestation(case, report, **SEEN))
    await trio.settle()
    (row,) = await trio.iom.rows("select status, refusal_code from message where id = :id", id=upgraded.id)
    assert row == {"status": "refused", "refusal_code": "intermediary.attested_otherwise"}


async def test_a_second_original_is_shown_and_makes_nothing_surer(trio: Trio) -> None:
    case, report = await typed_report(trio)
    await trio.iom.send(trio.attestation(case, report, **WEB))
    await trio.settle()
    trio.wait(minutes=1)
    await trio.iom.send(trio.attestation(case, report, **SEEN, original_digest="B" * 43))
    await trio.settle()
    view = await exchange.read_message(trio.it.node, trio.it.officer, report.id, False, None)
    assert view.via is not None
    assert view.via.authentication == "unauthenticated"
    assert [one.authentication for one in view.via.besides] == ["seen-and-identified"]
    made = await exchange.render_message(trio.it.node, trio.it.officer, report.id, "en", "text")
    text = pressed(made.content.decode())
    again = pressed(sentences("en").say("via-attested-again", form="F", date="D", strength="S"))
    assert again.partition("“F”")[0] in text


async def test_no_web_reply_is_upgraded_to_a_consent(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    attested = await consent(trio, road, proposal)
    view = await exchange.read_message(trio.it.node, trio.it.officer, attested.id, False, None)
    assert view.content is not None
    scan = view.content.coded["original_digest"]
    typed = road.said["contribution"]
    with pytest.raises(NotAcceptable, match=r"intermediary\.attested_otherwise"):
        await trio.iom.send(trio.attestation(road.case, typed, **WEB, original_digest=scan))
