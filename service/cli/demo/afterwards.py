"""The journey, the year after it, and the end of the case."""

from __future__ import annotations

from typing import Final

from service.cli.demo import decisions
from service.cli.demo.scene import Scene

__all__ = ["close", "follow_up", "hand_over"]

_VISITS: Final = (("month-1", "P1M"), ("month-3", "P2M"), ("month-6", "P3M"), ("month-12", "P6M"))
"""Each visit, and how long after the one before."""


async def hand_over(scene: Scene) -> None:
    tell, answering = scene.tell, scene.answering
    tell.step("The girl travels, and Romania confirms that she arrived")
    await scene.time_passes("P10D")
    tell.act("clock", f"ten days later: it is {scene.now:%d %b %Y} in this network")
    scene.said["handover"] = await scene.say(
        scene.answering,
        "handover.confirmation",
        scene.officer,
        decisions.handover(scene.today, scene.agreement),
        reply_to=scene.said["counter"],
    )
    tell.act(answering.who, "confirms: handed over to her grandmother, and well")
    await scene.both_agree(scene.said["proposal"], "implementing")


async def follow_up(scene: Scene) -> None:
    tell = scene.tell
    tell.step("Romania reports how she is, after 1, 3, 6 and 12 months")
    for point, later in _VISITS:
        await scene.time_passes(later)
        await scene.say(
            scene.answering,
            "follow-up.report",
            scene.officer,
            decisions.follow_up(scene.today, point, scene.agreement),
            reply_to=scene.said["handover"],
        )
        tell.act(scene.answering.who, f"{scene.now:%d %b %Y}: safe, in school, and she wants to stay")
    await scene.both_agree(scene.said["proposal"], "completed")
    tell.say("Every visit that was agreed has been made: the agreement is completed.")


async def close(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("Italy closes the case")
    await scene.say(
        officer,
        "case.closure",
        scene.answering,
        decisions.closure(scene.today),
        reply_to=scene.said["notice"],
    )
    await scene.both_agree(scene.said["notice"], "closed")
    tell.act(officer.who, "closes it: the solution is completed. Either State may reopen it.")
