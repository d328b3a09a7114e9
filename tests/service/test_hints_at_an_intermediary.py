"""Next steps at an intermediary's node rest on what their reader may read: what is closed to them decides
nothing there, and everything where a message is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from protocol import messages, safeguards
from protocol.case_file import CaseFile
from protocol.identifiers import Address, CaseReference, StateCode
from protocol.refusals import explain
from service import exchange
from service.access.represented import acting
from service.access.roles import Role
from service.exchange import case_files
from service.exchange.views import NextStep, Submission
from service.store import cases
from tests.protocol.sample_directory import PROCEDURES
from tests.protocol.sample_intermediary import INT_IOM, IOM, MD_OFFICE, give, mandate
from tests.service.console_stand import Desk, text_of
from tests.service.exchange_pair import actor, message
from tests.service.exchange_trio import Trio, open_trio
from tests.service.test_narrowed_mandate import AtTheIntermediarysConsole
from tests.service.test_paper_consent import confirm, consent, proposed, to_a_proposal

pytestmark = pytest.mark.anyio

EVERYTHING = ("coded", "narrative", "identity")
PROPOSAL = "durable-solution.proposal"
OTHER = Address("int.other")
WITHOUT_RISKS = tuple(one for one in PROCEDURES if one != "risk-assessment")


@pytest.fixture
async def trio(tmp_path: Path) -> AsyncIterator[Trio]:
    made = open_trio(tmp_path)
    give(made.world, parts=EVERYTHING)
    yield made
    made.close()


def narrow(trio: Trio, **changes: Any) -> None:
    trio.wait(minutes=1)
    give(trio.world, **{"parts": EVERYTHING, **changes})


async def steps(trio: Trio, case: CaseReference, officer: Any = None) -> dict[tuple[str, str], NextStep]:
    """What the intermediary's officer is shown for the State, by type and procedure."""
    found = await exchange.next_steps(trio.iom.node, officer or trio.iom.officer, case)
    return {(one.type, one.procedure): one for one in found.steps if one.by == MD_OFFICE}


async def proposal_step(trio: Trio, case: CaseReference, officer: Any = None) -> NextStep:
    (found,) = (one for (type_, _), one in (await steps(trio, case, officer)).items() if type_ == PROPOSAL)
    return found


def proposes(trio: Trio, case: CaseReference) -> Submission:
    return trio.for_md(PROPOSAL, case)


async def refusals(trio: Trio, said: Submission) -> Any:
    return (await exchange.validate(trio.iom.node, trio.iom.officer, said)).refusals


async def test_who_may_read_everything_is_told_what_is_missing(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    step = await proposal_step(trio, case)
    assert not step.open
    assert step.refusal is not None
    assert step.refusal.code.startswith("safeguard.")
    assert "missing.risk_assessment" in {one.code for one in step.refusal.missing}
    road = await to_a_proposal(trio)
    assert (await proposal_step(trio, road.case)).open


async def test_what_is_closed_shows_neither_by_a_step_that_is_open_nor_by_what_is_missing(
    trio: Trio,
) -> None:
    """Two cases, alike in what their reader may read; one has a concluded assessment, one has none."""
    road = await to_a_proposal(trio)
    bare = await trio.open_case()
    await trio.notify(bare)
    await trio.it.send(trio.to_md("risk-assessment.request", bare))
    await trio.settle()
    before = [await proposal_step(trio, case) for case in (road.case, bare)]
    assert [one.open for one in before] == [True, False]
    narrow(trio, procedures=WITHOUT_RISKS)
    shown = [await proposal_step(trio, case) for case in (road.case, bare)]
    assert shown[0] == shown[1]
    assert not shown[0].open
    assert shown[0].refusal is not None
    assert (shown[0].refusal.code, shown[0].refusal.missing) == ("mandate.undecided", ())
    # Nothing was written down: a wider mandate tells again.
    narrow(trio)
    assert [await proposal_step(trio, case) for case in (road.case, bare)] == before


async def test_what_is_refused_and_what_is_allowed_at_sending_does_not_change(trio: Trio) -> None:
    road = await to_a_proposal(trio)
    bare = await trio.open_case()
    await trio.notify(bare)
    await trio.it.send(trio.to_md("risk-assessment.request", bare))
    await trio.settle()
    said = [proposes(trio, case) for case in (road.case, bare)]
    before = [await refusals(trio, one) for one in said]
    assert before[1][0].code.startswith("safeguard.")
    assert before[1][0].missing
    narrow(trio, procedures=WITHOUT_RISKS)
    assert [await refusals(trio, one) for one in said] == before


async def test_a_step_that_no_mandate_gives_says_so_and_not_what_is_missing(trio: Trio) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    narrow(trio, procedures=("case", "social-inquiry"))
    step = await proposal_step(trio, case)
    assert step.refusal is not None
    assert (step.refusal.code, step.refusal.missing) == ("mandate.procedure", ())
    narrow(trio, states=(StateCode("ro"),))
    for one in (await steps(trio, case)).values():
        if one.to is not None:
            assert one.refusal is not None
            assert one.refusal.missing == ()


async def test_a_step_that_rests_on_no_document_is_decided_all_the_same(trio: Trio) -> None:
    road = await to_a_proposal(trio)
    before = await steps(trio, road.case)
    narrow(trio, procedures=WITHOUT_RISKS)
    after = await steps(trio, road.case)
    kept = {key for key in before if key[1] != "risk-assessment" and not key[0].startswith("durable-")}
    assert any(before[key].open for key in kept)
    for key in kept:
        assert after[key] == before[key]


async def test_what_others_of_the_node_talk_about_is_no_hint(trio: Trio) -> None:
    """int.iom's own correspondence on the case is not for people of int.other."""
    world = trio.world
    world.admit("int-iom", nodes=(INT_IOM,), authorities=(IOM, OTHER))
    iom: Any = world.facts["int-iom/authority/iom"]
    world.publish(dataclasses.replace(iom, address=OTHER), member="int-iom")
    world.publish(mandate(world, name="other", intermediary=OTHER, parts=EVERYTHING))
    world.refresh()
    theirs = acting(trio.iom.node, actor(OTHER, role=Role.INTERMEDIARY_OFFICER, person="other-1"))
    road = await to_a_proposal(trio)
    assert (await proposal_step(trio, road.case, theirs)).open
    await trio.it.send(message("social-inquiry.request", road.case, trio.it.office, IOM))
    await trio.settle()
    # Who takes part is shown to everybody who does. Whether anything was said is not, and is not guessed.
    assert IOM in (await exchange.case_timeline(trio.iom.node, theirs, road.case)).case.parties
    step = await proposal_step(trio, road.case, theirs)
    assert step.refusal is not None
    assert step.refusal.code == "mandate.undecided"
    found = (await exchange.next_steps(trio.iom.node, theirs, road.case)).steps
    assert IOM not in {one.to for one in found} | {one.by for one in found}
    ours = await exchange.next_steps(trio.iom.node, trio.iom.officer, road.case)
    assert IOM in {one.by for one in ours.steps}
    assert (await proposal_step(trio, road.case)).open


async def test_at_a_states_own_node_the_whole_case_is_asked(trio: Trio) -> None:
    road = await to_a_proposal(trio)
    narrow(trio, procedures=WITHOUT_RISKS)
    found = (await exchange.next_steps(trio.it.node, trio.it.officer, road.case)).steps
    assert any(one.open and one.type == PROPOSAL for one in found)
    assert all(one.refusal is None or one.refusal.code != "mandate.undecided" for one in found)


async def test_what_says_that_it_reads_no_document_reads_none(trio: Trio) -> None:
    road = await to_a_proposal(trio)

    def look(session: Any) -> CaseFile:
        case = cases.load_case(session.connection(), road.case)
        assert case is not None
        return case_files.whole_file(session.connection(), case.row, trio.it.node.directory.known())

    file = await trio.it.node.store.read(look)
    empty = dataclasses.replace(file, documents=())
    asked: dict[str, Any] = {"sender": trio.it.office, "recipient": MD_OFFICE}
    reads = set()
    for type_ in messages.FORMS:
        told = [safeguards.ready(one, type_, trio.clock.now(), **asked) for one in (file, empty)]
        same = [None if one is None else (one.code, one.missing) for one in told]
        if same[0] != same[1]:
            reads.add(type_)
    said = {one for one in messages.FORMS if safeguards.ready_reads_documents(one, withheld=False)}
    assert reads <= said
    assert PROPOSAL in reads


async def test_the_page_of_a_case_says_that_it_cannot_tell_and_what_to_do(trio: Trio, tmp_path: Path) -> None:
    case = await trio.open_case()
    await trio.notify(case)
    await trio.it.send(trio.to_md("risk-assessment.request", case))
    await trio.settle()
    desk = await Desk.of(AtTheIntermediarysConsole(trio, tmp_path), Role.INTERMEDIARY_OFFICER)
    undecided = explain("mandate.undecided", "en")
    path = f"/console/cases/{case}"
    assert undecided.title not in text_of(await desk.get(path))
    narrow(trio, procedures=WITHOUT_RISKS)
    said = text_of(await desk.get(path))
    assert undecided.title in said
    assert undecided.remedy in said
    page = await desk.get(f"{path}/compose?type={PROPOSAL}&by={MD_OFFICE}")
    assert page.status_code == 200
    assert undecided.title in text_of(page)


async def test_an_agreement_that_is_suspended_is_shown_so_and_the_closed_reason_is_not(trio: Trio) -> None:
    road, proposal = await proposed(trio)
    await confirm(trio, await consent(trio, road, proposal))
    await trio.settle()

    async def stands(thread: str) -> Any:
        timeline = await exchange.case_timeline(trio.iom.node, trio.iom.officer, road.case)
        (found,) = (one.standing for one in timeline.threads if one.id == thread)
        return found

    before = await stands(proposal.thread)
    assert (before.state, before.reasons) == ("accepted-on-paper", ())
    dispute = await trio.iom.send(
        trio.for_md(
            "risk-assessment.dispute",
            road.case,
            in_reply_to=road.said["final"].id,
            change=lambda coded: coded.update(final_assessment=road.digest("final")),
        )
    )
    await trio.settle()
    suspended = await stands(proposal.thread)
    assert suspended.state != before.state
    assert dispute.statement_digest in {one.document for one in suspended.reasons}
    narrow(trio, procedures=WITHOUT_RISKS)
    closed = await stands(proposal.thread)
    assert (closed.state, closed.reasons, closed.concerns) == (suspended.state, (), ())
    narrow(trio)
    assert await stands(proposal.thread) == suspended
