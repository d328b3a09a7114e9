"""A case is opened, its protection settled, and the State of origin is told."""

from __future__ import annotations

from service.cli.demo import contents
from service.cli.demo.scene import Scene, due_words, unexpected
from service.client import Problem

__all__ = ["notify", "protection_first", "stage"]


async def stage(scene: Scene) -> None:
    tell = scene.tell
    tell.step("The stage: a hub, and a node for each State")
    for node in scene.network["nodes"]:
        tell.act(
            f"node {node['code']}", f"process {node['pid']}, API at {node['api']}, a database of its own"
        )
    tell.act("hub", f"process {scene.network['hub']['pid']}, carries sealed envelopes between the nodes")
    tell.say(
        """The nodes know each other from a directory that each State signs for itself, under a charter
        whose digest every operator was given by hand:"""
    )
    tell.quote([scene.network["charter_digest"]])
    for entry in await scene.officer.node.authorities():
        tell.act(entry["address"], f"{entry['names']['en']}; for: {', '.join(entry['competences'])}")
    tell.act(
        "clock",
        f"""simulated, in this network on this machine alone: it is {scene.now:%d %b %Y}, and a year will pass
        in a few moments""",
    )


async def protection_first(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("Italy opens a case, and may not tell the State of origin yet")
    case = await officer.node.open_case()
    scene.case = case["reference"]
    tell.act(officer.who, f"a girl was found at a station: opens the case {scene.case}")
    tell.say(
        """The reference is random: no country, no date, no initials. Does the child, or her family, need
        protection from the State she comes from? Until two people have settled that, nothing leaves. The
        officer tries all the same:"""
    )
    await scene.refused(officer, "case.notification", scene.answering, contents.notification(scene.today))
    tell.act(officer.who, "proposes, after an interview: protection is not sought")
    await officer.node.set_protection(scene.case, "not-sought", reason="interview-held")
    tell.act(officer.who, "tries to confirm that alone:")
    try:
        await officer.node.set_protection(scene.case, "not-sought", reason="interview-held")
    except Problem as refusal:
        tell.refused(refusal)
    else:
        raise unexpected("one person settled the protection status alone")
    settled = await scene.colleague.node.set_protection(scene.case, "not-sought", reason="file-reviewed")
    tell.act(
        scene.colleague.who, f"confirms it: the status is {settled['status']}. It never leaves Italy's node."
    )


async def notify(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("Italy notifies Romania, and Romania takes the case on")
    notice = await scene.say(
        officer,
        "case.notification",
        answering,
        contents.notification(scene.today),
        narrative=contents.CIRCUMSTANCES,
    )
    scene.said["notice"] = notice
    tell.act(officer.who, f"notifies the case{due_words(notice)}")
    tell.say(
        """Signed twice: by the authority (who said this?), by the node (who sent these bytes?). Sealed to
        Romania's node. No name is in it: a notification works without identity. The answer came when it
        was on disk together with signed proof of its submission."""
    )
    tell.act(
        "node ro", "verifies signatures, sender, competence and freshness, opens, stores, signs a receipt"
    )
    await scene.becomes(officer, notice, "consigned")
    tell.act("node it", "has Romania's signed receipt: the message is consigned")
    await answering.node.collect(notice["id"])
    tell.act(answering.who, "collects it for the agency's files; signed proof of that goes back too")
    await scene.say(
        answering,
        "accept",
        officer,
        contents.acceptance(answering.authority, scene.today),
        reply_to=notice,
    )
    tell.act(answering.who, "accepts, naming two offices that answer for the case")
    scene.said["guardian"] = await scene.say(
        officer, "guardian.notice", answering, contents.guardian_notice(scene.today), reply_to=notice
    )
    tell.act(officer.who, "gives notice of the guardian that the court appointed, and of the powers")
