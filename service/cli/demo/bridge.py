"""A third State has no node: an intermediary stands in, says so with every word, and binds nobody."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from typing import Any, Final

from protocol import base64url
from service.cli.demo import contents, decisions
from service.cli.demo.scene import Person, Scene, due_words, unexpected
from service.client import Accepted, Problem, Submission

__all__ = ["ask_on_paper"]

_OFFICE: Final = "md.focal-point"
_BINDS_NOBODY: Final = ("access.scope", "intermediary.cannot_bind")
_SHEET: Final = b"A sheet of paper, signed and stamped, as the desk scanned it. Made up."


async def ask_on_paper(scene: Scene) -> None:
    """A notification goes out on paper, and the answer that comes back is typed, attested and no consent."""
    tell, officer, desk = scene.tell, scene.officer, scene.desk
    tell.step("A second child is from a State that has no node")
    tell.say(
        f"""Its central authority signed two entries with a root key that it keeps offline: {_OFFICE} is
        reached by the node of {desk.authority}, and {desk.authority} has a mandate to carry for it, from a
        day, until a day. No other node asks who carries; each asks for the mandate."""
    )
    case = (await officer.node.open_case())["reference"]
    for person in (officer, scene.colleague):
        await person.node.set_protection(case, "not-sought", reason="interview-held")
    notice = await _said(officer, case, "case.notification", _OFFICE, contents.notification(scene.today))
    tell.act(officer.who, f"opens the case {case} and notifies {_OFFICE}{due_words(notice)}")
    await _arrives(desk, notice)
    (waits,) = (await desk.node.pending_relays())["messages"]
    sheet = await desk.node.printed(notice["id"], language="ro", format="pdf")
    tell.act(desk.who, f"prints it in Romanian ({len(sheet.content):,} bytes of PDF) and takes it there")
    await desk.node.record_relay(
        notice["id"], outcome="handed-over", way="in-person", attempt=waits["attempts"] + 1
    )
    await _evidence(officer, notice, "relayed-to-non-node")
    tell.act("node it", "has signed proof that it was handed over on paper; the clock went on all the while")

    tell.step("The answer comes back on paper, and is typed")
    typed = await _said(
        desk,
        case,
        "accept",
        officer.authority,
        contents.acceptance(_OFFICE, scene.today),
        by=_OFFICE,
        to=notice,
    )
    attested = {
        "on_behalf_of": _OFFICE,
        "original_form": "paper",
        "original_digest": base64url.encode(hashlib.sha256(_SHEET).digest()).decode(),
        "received_on": scene.today.isoformat(),
        "attested_message": typed["id"],
        "authentication": "known-correspondent",
    }
    await _arrives(officer, typed)
    attestation = await _said(
        desk, case, "relay.attestation", officer.authority, attested, by=_OFFICE, to=notice
    )
    await _arrives(officer, attestation)
    tell.act(desk.who, "types what the sheet says, and attests what sort of sheet it was, with its digest")
    tell.say("What Italy's officer reads begins with who wrote it down:")
    tell.quote((await officer.node.rendering(typed["id"], language="en")).splitlines()[:8])

    tell.step("An intermediary binds no State")
    tell.act(desk.who, "tries to accept an agreement for the State whose paper it carries:")
    try:
        await _said(
            desk,
            case,
            "durable-solution.acceptance",
            officer.authority,
            decisions.acceptance(scene.agreement),
            by=_OFFICE,
            to=notice,
        )
    except Problem as refusal:
        tell.refused(refusal)
        if refusal.code not in _BINDS_NOBODY:
            raise unexpected(f"an acceptance was refused as {refusal.code}") from refusal
    else:
        raise unexpected("an intermediary accepted an agreement for a State")
    tell.say(
        """No role at an intermediary may propose one, and a node that let it out would be refused by every
        other. On paper a State can consent, with its scan attested and two people here to confirm it; it is
        then "accepted on paper" in every language, and never "agreed"."""
    )


async def _said(
    person: Person,
    case: str,
    kind: str,
    recipient: str,
    coded: Any,
    *,
    by: str | None = None,
    to: Accepted | None = None,
) -> Accepted:
    submission = Submission(
        id=str(uuid.uuid4()),
        case=case,
        type=kind,
        sender=by or person.authority,
        recipient=recipient,
        declares_no_danger=True,
        coded=coded,
    )
    if to is not None:
        submission["in_reply_to"] = to["id"]
    sent = await person.node.send(submission)
    if sent["status"] == "awaiting-approval":
        raise unexpected(f"a {kind} waits for a second person")
    return sent


async def _arrives(at: Person, message: Accepted) -> None:
    async with asyncio.timeout(40):
        async for arrived in at.node.follow(direction="in", case=message["case"], wait=10):
            if arrived["id"] == message["id"]:
                return


async def _evidence(at: Person, message: Accepted, kind: str) -> None:
    """Until this node has evidence of that kind, looked for whenever something arrives or a second passes."""
    async with asyncio.timeout(40):
        while not any(one["kind"] == kind for one in await at.node.evidence(message["id"])):
            await at.node.messages(case=message["case"], direction="in", wait=1)
