"""Who is the child, is there a family, is it safe there? Asked, answered, and read in other languages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from protocol import base64url
from protocol.statements import StatementType, read
from service.cli.demo import contents
from service.cli.demo.scene import Scene, due_words, moment, names_of, unexpected
from service.client import Message, Problem

__all__ = ["ask", "establish_identity", "hub_sees", "read_the_report", "work"]

_RENDERED: Final = {"es": "Spanish", "ar": "Arabic, which reads from right to left"}
_LOOKED_FOR: Final = (contents.CHILD, contents.WHERE, "nonna", "social-inquiry")


async def establish_identity(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    tell.step("Romania is asked who the child is")
    request = await scene.say(
        officer,
        "identity.request",
        answering,
        contents.identity_request(),
        identity=contents.PERSONS_AND_PLACES,
    )
    tell.act(officer.who, f"asks, with the names as the girl gave them{due_words(request)}")
    scene.said["identity"] = await scene.say(
        answering,
        "identity.result",
        officer,
        contents.identity_result(scene.today),
        identity=contents.PERSONS_AND_PLACES,
        reply_to=request,
    )
    tell.act(answering.who, "has found her birth in the civil register: the identity is verified")


async def ask(scene: Scene) -> None:
    tell, officer, answering, supervisor = scene.tell, scene.officer, scene.answering, scene.supervisor
    tell.step("Italy asks for a social inquiry; who and where is sealed apart")
    request = await scene.say(
        officer,
        "social-inquiry.request",
        answering,
        contents.inquiry_request(),
        narrative=contents.REASONS,
        identity=contents.PERSONS_AND_PLACES,
        urgency="urgent",
    )
    scene.said["inquiry"] = request
    tell.act(officer.who, f"asks about the family{due_words(request)}")
    tell.say(
        """Three parts: codes, which every reader sees in their own language; free text in Italian; and
        identity, sealed to another key than the rest and kept under a key of this case's own, so that it
        can be destroyed one day while the signed history still verifies."""
    )
    read_here = await answering.node.message(request["id"])
    tell.act(
        answering.who, f"reads it; the identity part stays {_state_of_identity(read_here)}. Asks for it:"
    )
    try:
        await answering.node.release_identity(request["id"], reason="home-visit")
    except Problem as refusal:
        tell.refused(refusal)
    else:
        raise unexpected("one person alone released an identity part")
    asked = await answering.node.request_release(request["id"], reason="home-visit")
    tell.act(answering.who, "asks a second person to release it, for a home visit")
    approved = await supervisor.node.approve(asked["id"])
    tell.act(supervisor.who, f"releases it until {moment(approved['expires_at'])}, which is journalled")
    released = await answering.node.release_identity(request["id"], reason="home-visit")
    tell.act(answering.who, f"reads it: {names_of(released)}")


async def hub_sees(scene: Scene) -> None:
    tell, officer = scene.tell, scene.officer
    tell.step("What the hub sees of that request")
    envelope = await officer.node.export_envelope(scene.said["inquiry"]["id"])
    manifest = read(json.loads(envelope)["manifest"], typ=StatementType.MANIFEST)
    clear = base64url.decode(manifest.claims["header"].encode())
    header = json.loads(clear)
    header["sent_at"] = moment(datetime.fromtimestamp(header["sent_at"], UTC).isoformat())
    tell.quote(f"{name:<10} {value}" for name, value in header.items())
    sizes = ", ".join(f"{name} {part['size']}" for name, part in manifest.claims["parts"].items())
    tell.quote([f"{'sealed':<10} {sizes} bytes, padded"])
    words = (*_LOOKED_FOR, scene.case, officer.authority)
    if found := [word for word in words if word.encode() in envelope + clear]:
        raise unexpected(f"the envelope shows {len(found)} of the words that were looked for")
    tell.say(
        f"""Two node codes, a random id, a number. In the {len(envelope):,} bytes that the hub carries
        there is neither the child's name, nor the village, nor a word of the free text, nor the kind of
        message, nor the case reference, nor an authority. (`make test` searches all that the hub stores.)
        It could lose every byte, and the nodes would send again."""
    )


async def work(scene: Scene) -> None:
    tell, officer, answering = scene.tell, scene.officer, scene.answering
    request = scene.said["inquiry"]
    tell.step("Romania accepts, asks back, and reports")
    await scene.say(
        answering,
        "accept",
        officer,
        contents.acceptance(answering.authority, scene.today),
        reply_to=request,
    )
    tell.act(answering.who, f"accepts the inquiry{await scene.owed(officer, request)}")
    question = await scene.say(
        answering,
        "query",
        officer,
        contents.query(),
        narrative=contents.FURTHER_QUESTIONS,
        reply_to=request,
    )
    tell.act(answering.who, f"asks for the last address{await scene.owed(officer, request)}")
    await scene.say(
        officer,
        "answer",
        answering,
        contents.answer(),
        identity=contents.PERSONS_AND_PLACES,
        reply_to=question,
    )
    tell.act(officer.who, f"answers, in the sealed identity part{await scene.owed(officer, request)}")
    scene.said["report"] = await scene.say(
        answering,
        "social-inquiry.report",
        officer,
        contents.inquiry_report(scene.today),
        narrative=contents.REPORT_TEXTS,
        reply_to=request,
    )
    tell.act(answering.who, "reports: codes, findings in French, the family's views in Romanian")
    tell.say("(Weeks of work in a second: the dates in the report are today's.)")


async def read_the_report(scene: Scene) -> None:
    tell, officer, report = scene.tell, scene.officer, scene.said["report"]
    tell.step("Italy collects the report: the inquiry is complete")
    collection = await officer.node.collect(report["id"])
    tell.act(officer.who, f"collects it; the conversation is now {collection.get('thread_state')}")
    await scene.becomes(scene.answering, report, "retrieved")
    tell.act("node ro", "has Italy's signed proof that the agency has the report")
    for language, spoken in _RENDERED.items():
        tell.step(f"The same report in {spoken}")
        tell.say(
            "Coded fields by their labels, no translator needed. Free text stays as written, and says so."
        )
        tell.quote((await officer.node.rendering(report["id"], language=language)).splitlines())


def _state_of_identity(message: Message) -> str:
    return message["content"]["identity_state"]
