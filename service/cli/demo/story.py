"""A whole case, chapter by chapter: from the day a girl is found to the day her file is closed, a year later;
and the beginning of another, whose State of origin has no node.

Everything goes through the API, each person with a token of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from service.cli.demo import afterwards, agreement, assessment, bridge, inquiry, opening, proof
from service.cli.demo.scene import Scene
from service.cli.demo.telling import Teller

__all__ = ["tell_story"]

_CHAPTERS: Final[tuple[Callable[[Scene], Awaitable[None]], ...]] = (
    opening.stage,
    opening.protection_first,
    opening.notify,
    inquiry.establish_identity,
    inquiry.ask,
    inquiry.hub_sees,
    inquiry.work,
    inquiry.read_the_report,
    assessment.assess_risk,
    agreement.propose_too_early,
    agreement.hear_the_child,
    agreement.agree,
    afterwards.hand_over,
    afterwards.follow_up,
    afterwards.close,
    proof.look_back,
    proof.prove,
    bridge.ask_on_paper,
)


async def tell_story(place: Path, teller: Teller) -> None:
    """The whole of it, in the network that runs in `place`. Raises `Problem` or TimeoutError where it goes
    otherwise than told."""
    async with Scene(place, teller) as scene:
        for chapter in _CHAPTERS:
            await chapter(scene)
