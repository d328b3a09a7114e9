"""A proposal that must not be made, the child's own views, and an agreement that both States sign."""

from __future__ import annotations

import json
from typing import Final

from service.cli.agreement import agreement_lines
from service.cli.demo import decisions
from service.cli.demo.assessment import risk_is_answered
from service.cli.demo.scene import Scene, due_words, unexpected
from service.cli.proven import report_on
from service.client import Problem

__all__ = ["agree", "hear_the_child", "propose_too_early"]

_DOCUMENTS: Final = {
    "social_inquiry": "report",
    "risk_assessment": "final",
    "guardian_notice": "guardian",
    "child_views": "views",
    "best_interests": "best_interests",
    "identity_result": "identity",
}


async def _documents(scene: Scene) -> dict[str, str]:
    return {
        name: await scene.digest_of(scene.officer, scene.said[said])
        for name, said in _DOCUMENTS.items()
        if said in scene.said
    }


async def propose_too_early(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("A return is proposed too early, and refused")
    tell.say("The officer, in a hurry, proposes that the girl goes back to her grandmother:")
    await scene.refused(
        officer,
        "durable-solution.proposal",
        scene.answering,
        decisions.proposal(scene.today, await _documents(scene), escort="social-worker-destination"),
        narrative=decisions.PLAN,
    )
    tell.say(
        """Nothing has left Italy, and a node that let it out would have been refused by Romania's in the same
        words. No role and no setting overrides that. The software checks that documents are there, fresh and
        signed; whether they are true and good for the girl is judged by people."""
    )


async def hear_the_child(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("The girl is heard, and her best interests are weighed")
    notice = scene.said["notice"]
    scene.said["views"] = await scene.say(
        officer,
        "child-views.record",
        answering,
        decisions.childs_views(scene.today),
        narrative=decisions.CHILDS_WORDS,
        reply_to=notice,
    )
    tell.act(officer.who, "records what she said to each option, in her own words, in her language")
    await risk_is_answered(scene)
    considered = [await scene.digest_of(officer, scene.said[name]) for name in ("report", "final", "views")]
    scene.said["best_interests"] = await scene.say(
        officer,
        "best-interests.summary",
        answering,
        decisions.best_interests(scene.today, considered=considered),
        narrative=decisions.BEST_INTERESTS_REASONS,
        reply_to=notice,
    )
    tell.act(
        officer.who,
        "sends the court's decision: two solutions were weighed, and why this one is best for her",
    )


async def agree(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("Italy proposes, Romania answers with another escort, and both States sign the same bytes")
    documents = await _documents(scene)
    proposal = await scene.say(
        officer,
        "durable-solution.proposal",
        answering,
        decisions.proposal(scene.today, documents, escort="no-escort"),
        narrative=decisions.PLAN,
    )
    scene.said["proposal"] = proposal
    tell.act(officer.who, f"proposes, on six documents named by digest{due_words(proposal)}")
    counter = await scene.say(
        answering,
        "durable-solution.counter-proposal",
        officer,
        decisions.proposal(scene.today, documents, escort="social-workers-of-both"),
        narrative=decisions.PLAN,
        reply_to=proposal,
    )
    tell.act(
        answering.who, "answers with a counter-proposal: a girl of her age does not travel without an escort"
    )
    seen = (await officer.node.message(counter["id"]))["agreement_digest"]
    tell.say("Nobody signs for a State alone: an officer proposes it, another person approves it.")
    for by, superior, to in ((officer, scene.superior, answering), (answering, scene.supervisor, officer)):
        waits = await scene.propose(
            by, "durable-solution.acceptance", to, decisions.acceptance(seen), reply_to=counter
        )
        tell.act(by.who, f"proposes to sign the agreement {seen[:12]}…; it is kept, and not sent:")
        try:
            await by.node.approve(waits["approval"])
        except Problem as refusal:
            tell.refused(refusal)
        else:
            raise unexpected("one person alone signed for a State")
        await scene.approve(superior, waits, to)
        tell.act(superior.who, "looks at it and approves: it is signed and sent")
    await scene.both_agree(proposal, "in-force")
    scene.said["counter"] = counter
    scene.agreement = seen
    tell.say("In force, on both nodes: both States signed the same bytes, and every safeguard holds.")
    await _prove(scene)


async def _prove(scene: Scene) -> None:
    tell = scene.tell
    exported = await scene.officer.node.agreement(scene.case, scene.agreement)
    file = scene.place / "agreement.json"
    file.write_bytes(exported)
    tell.act(
        scene.officer.who, f"exports it as one file, {len(exported):,} bytes; a court verifies it offline:"
    )
    digest = scene.network["charter_digest"]
    tell.quote([f"focalpoint agreement verify {file.name} --charter-digest {digest}"])
    report = report_on(exported, digest)
    tell.quote(agreement_lines(report, "en"))
    if not report.whole:
        raise unexpected("the agreement did not verify")
    altered = report_on(_one_letter_changed(exported), digest)
    if altered.whole:
        raise unexpected("an altered agreement passed for whole")
    tell.say("And with one letter of one document that it rests on changed:")
    tell.quote(f"{found.code}: {found.where}: {found.detail}" for found in altered.findings)


def _one_letter_changed(exported: bytes) -> bytes:
    """The same file, but for one letter in the coded part of its third document."""
    document = json.loads(exported)
    token = document["messages"][2]["statement"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    document["messages"][2]["statement"] = changed
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
