"""Who does what, step by step: through the API alone, each person with a token of their own.

Nothing here sleeps. Whatever takes its time is waited for by the API's long poll, within a deadline.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from protocol import base64url, rendering, vocabularies
from protocol.rendering import EvidenceFinding
from protocol.statements import StatementType, read
from service.cli.demo import contents
from service.cli.demo.telling import Teller
from service.cli.local_network import described_node, token_of
from service.cli.verify import proven_lines, report_on
from service.client import Accepted, Client, Message, NarrativeBlock, Problem, Submission
from service.clock import SystemClock

__all__ = ["Story"]

_WITHIN: Final = 40.0
"""Seconds that one message, or one proof, may take from node to node."""
_HELD: Final = 10
"""Seconds of one long poll."""
_RENDERED: Final = {"es": "Spanish", "ar": "Arabic, which reads from right to left"}
_LOOKED_FOR: Final = (contents.CHILD, contents.WHERE, "nonna", "social-inquiry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at a desk: their own token, and the authority they act for."""

    who: str
    authority: str
    node: Client


class Story:
    """`network` is what `network.json` says, `place` where the evidence file goes."""

    def __init__(self, network: Mapping[str, Any], place: Path, teller: Teller) -> None:
        self._network = network
        self._place = place
        self._teller = teller
        self._case = ""

    async def tell(self) -> None:
        """The whole of it. Raises `Problem` or TimeoutError where it goes otherwise than told."""
        async with AsyncExitStack() as stack:

            async def person(who: str, code: str, role: str, number: int = 1) -> Person:
                node = described_node(self._network, code)
                client = Client(node["api"], token_of(node, role, person=number))
                return Person(
                    who=who, authority=node["authorities"][0], node=await stack.enter_async_context(client)
                )

            officer = await person("officer, Italy", "it", "case-officer")
            colleague = await person("second officer, Italy", "it", "case-officer", 2)
            answering = await person("officer, Romania", "ro", "case-officer")
            supervisor = await person("supervisor, Romania", "ro", "supervisor")

            await self._stage(officer)
            await self._protection_first(officer, colleague, answering)
            await self._notify(officer, answering)
            request = await self._ask(officer, answering, supervisor)
            await self._hub_sees(officer, request)
            report = await self._work(officer, request, answering)
            await self._read_the_report(officer, report, answering)
            await self._look_back(officer)
            await self._prove(officer)

    # The steps

    async def _stage(self, officer: Person) -> None:
        tell = self._teller
        tell.step("The stage: a hub, and a node for each State")
        for node in self._network["nodes"]:
            tell.act(
                f"node {node['code']}", f"process {node['pid']}, API at {node['api']}, a database of its own"
            )
        tell.act("hub", f"process {self._network['hub']['pid']}, carries sealed envelopes between the nodes")
        tell.say(
            """The nodes know each other from a directory that each State signs for itself, under a charter
            whose digest every operator was given by hand:"""
        )
        tell.quote([self._network["charter_digest"]])
        for entry in await officer.node.authorities():
            tell.act(entry["address"], f"{entry['names']['en']}; for: {', '.join(entry['competences'])}")

    async def _protection_first(self, officer: Person, colleague: Person, answering: Person) -> None:
        tell = self._teller
        tell.step("Italy opens a case, and may not tell the State of origin yet")
        case = await officer.node.open_case()
        self._case = case["reference"]
        tell.act(officer.who, f"a girl was found at a station: opens the case {self._case}")
        tell.say(
            """The reference is random: no country, no date, no initials. Does the child, or her family, need
            protection from the State she comes from? Until two people have settled that, nothing leaves. The
            officer tries all the same:"""
        )
        try:
            await self._send(officer, "case.notification", answering, contents.notification(self._today))
        except Problem as refusal:
            tell.refused(refusal)
        else:
            raise _unexpected("a notification was accepted before the protection status was settled")
        tell.act(officer.who, "proposes, after an interview: protection is not sought")
        await officer.node.set_protection(self._case, "not-sought", reason="interview-held")
        tell.act(officer.who, "tries to confirm that alone:")
        try:
            await officer.node.set_protection(self._case, "not-sought", reason="interview-held")
        except Problem as refusal:
            tell.refused(refusal)
        else:
            raise _unexpected("one person settled the protection status alone")
        settled = await colleague.node.set_protection(self._case, "not-sought", reason="file-reviewed")
        tell.act(
            colleague.who, f"confirms it: the status is {settled['status']}. It never leaves Italy's node."
        )

    async def _notify(self, officer: Person, answering: Person) -> None:
        tell = self._teller
        tell.step("Italy notifies Romania, and Romania takes the case on")
        notice = await self._send(
            officer,
            "case.notification",
            answering,
            contents.notification(self._today),
            narrative=contents.CIRCUMSTANCES,
        )
        tell.act(officer.who, f"notifies the case{_due(notice)}")
        tell.say(
            """Signed twice: by the authority (who said this?), by the node (who sent these bytes?). Sealed to
            Romania's node. No name is in it: a notification works without identity. The answer came when it
            was on disk together with signed proof of its submission."""
        )
        await self._arrives(answering, notice)
        tell.act(
            "node ro", "verifies signatures, sender, competence and freshness, opens, stores, signs a receipt"
        )
        await self._becomes(officer, notice, "consigned")
        tell.act("node it", "has Romania's signed receipt: the message is consigned")
        await answering.node.collect(notice["id"])
        tell.act(answering.who, "collects it for the agency's files; signed proof of that goes back too")
        accepted = await self._reply(
            answering, "accept", officer, notice, contents.acceptance(answering.authority, self._today)
        )
        await self._arrives(officer, accepted)
        tell.act(answering.who, "accepts, naming two offices that answer for the case")
        guardian = await self._reply(
            officer, "guardian.notice", answering, notice, contents.guardian_notice(self._today)
        )
        await self._arrives(answering, guardian)
        tell.act(officer.who, "gives notice of the guardian that the court appointed, and of the powers")

    async def _ask(self, officer: Person, answering: Person, supervisor: Person) -> Accepted:
        tell = self._teller
        tell.step("Italy asks for a social inquiry; who and where is sealed apart")
        request = await self._send(
            officer,
            "social-inquiry.request",
            answering,
            contents.inquiry_request(),
            narrative=contents.REASONS,
            identity=contents.PERSONS_AND_PLACES,
            urgency="urgent",
        )
        tell.act(officer.who, f"asks about the family{_due(request)}")
        tell.say(
            """Three parts: codes, which every reader sees in their own language; free text in Italian; and
            identity, sealed to another key than the rest and kept under a key of this case's own, so that it
            can be destroyed one day while the signed history still verifies."""
        )
        await self._arrives(answering, request)
        read_here = await answering.node.message(request["id"])
        tell.act(
            answering.who, f"reads it; the identity part stays {_state_of_identity(read_here)}. Asks for it:"
        )
        try:
            await answering.node.release_identity(request["id"], reason="home-visit")
        except Problem as refusal:
            tell.refused(refusal)
        else:
            raise _unexpected("a case officer released an identity part")
        released = await supervisor.node.release_identity(request["id"], reason="home-visit")
        tell.act(supervisor.who, f"releases it for a home visit, which is journalled: {_names(released)}")
        return request

    async def _hub_sees(self, officer: Person, request: Accepted) -> None:
        tell = self._teller
        tell.step("What the hub sees of that request")
        envelope = await officer.node.export_envelope(request["id"])
        manifest = read(json.loads(envelope)["manifest"], typ=StatementType.MANIFEST)
        clear = base64url.decode(manifest.claims["header"].encode())
        header = json.loads(clear)
        header["sent_at"] = _moment(datetime.fromtimestamp(header["sent_at"], UTC).isoformat())
        tell.quote(f"{name:<10} {value}" for name, value in header.items())
        sizes = ", ".join(f"{name} {part['size']}" for name, part in manifest.claims["parts"].items())
        tell.quote([f"{'sealed':<10} {sizes} bytes, padded"])
        words = (*_LOOKED_FOR, self._case, officer.authority)
        if found := [word for word in words if word.encode() in envelope + clear]:
            raise _unexpected(f"the envelope shows {len(found)} of the words that were looked for")
        tell.say(
            f"""Two node codes, a random id, a number. In the {len(envelope):,} bytes that the hub carries
            there is neither the child's name, nor the village, nor a word of the free text, nor the kind of
            message, nor the case reference, nor an authority. (`make test` searches all that the hub stores.)
            It could lose every byte, and the nodes would send again."""
        )

    async def _work(self, officer: Person, request: Accepted, answering: Person) -> Accepted:
        tell = self._teller
        tell.step("Romania accepts, asks back, and reports")
        accepted = await self._reply(
            answering, "accept", officer, request, contents.acceptance(answering.authority, self._today)
        )
        await self._arrives(officer, accepted)
        tell.act(answering.who, f"accepts the inquiry{await self._owed(officer, request)}")
        question = await self._reply(
            answering, "query", officer, request, contents.query(), narrative=contents.FURTHER_QUESTIONS
        )
        await self._arrives(officer, question)
        tell.act(answering.who, f"asks for the last address{await self._owed(officer, request)}")
        answer = await self._reply(
            officer, "answer", answering, question, contents.answer(), identity=contents.PERSONS_AND_PLACES
        )
        await self._arrives(answering, answer)
        tell.act(officer.who, f"answers, in the sealed identity part{await self._owed(officer, request)}")
        report = await self._reply(
            answering,
            "social-inquiry.report",
            officer,
            request,
            contents.inquiry_report(self._today),
            narrative=contents.REPORT_TEXTS,
        )
        await self._arrives(officer, report)
        tell.act(answering.who, "reports: codes, findings in French, the family's views in Romanian")
        tell.say("(Weeks of work in a second: the dates in the report are today's.)")
        return report

    async def _read_the_report(self, officer: Person, report: Accepted, answering: Person) -> None:
        tell = self._teller
        tell.step("Italy collects the report: the inquiry is complete")
        collection = await officer.node.collect(report["id"])
        tell.act(officer.who, f"collects it; the conversation is now {collection.get('thread_state')}")
        await self._becomes(answering, report, "retrieved")
        tell.act("node ro", "has Italy's signed proof that the agency has the report")
        for language, spoken in _RENDERED.items():
            tell.step(f"The same report in {spoken}")
            tell.say(
                "Coded fields by their labels, no translator needed. Free text stays as written, and says so."
            )
            tell.quote((await officer.node.rendering(report["id"], language=language)).splitlines())

    async def _look_back(self, officer: Person) -> None:
        tell = self._teller
        tell.step("The case as Italy's node tells it")
        timeline = await officer.node.printed_timeline(self._case, language="en")
        tell.quote(timeline.content.decode().splitlines())
        owed = await officer.node.deadlines(case=self._case)
        tell.say(f"Answers still owed on this case: {len(owed) or 'none'}.")

    async def _prove(self, officer: Person) -> None:
        tell = self._teller
        tell.step("The evidence, verified offline")
        bundle = await officer.node.case_evidence(self._case)
        file = self._place / "evidence.json"
        file.write_bytes(bundle)
        digest = self._network["charter_digest"]
        tell.act(
            officer.who, f"exports the evidence of the case: {len(bundle):,} bytes, no narrative, no identity"
        )
        tell.say("A court verifies it with nothing but the file and the charter's digest; no node is asked:")
        tell.quote([f"focalpoint verify {file.name} --charter-digest {digest}"])
        report = report_on(bundle, digest)
        tell.quote(proven_lines(report, "en"))
        tell.quote(_verdict((finding.code, finding.where) for finding in report.findings))
        if not report.whole:
            raise _unexpected("the evidence of the case did not verify")
        altered = report_on(_one_character_changed(bundle), digest)
        if altered.whole:
            raise _unexpected("an altered file passed for whole")
        tell.say("And with one character of one receipt changed:")
        tell.quote(f"{found.code}: {found.where}: {found.detail}" for found in altered.findings)

    # What every step needs

    @property
    def _today(self) -> date:
        return SystemClock().now().date()

    async def _reply(
        self, by: Person, kind: str, to: Person, answered: Accepted, coded: Mapping[str, Any], **more: Any
    ) -> Accepted:
        return await self._send(by, kind, to, coded, in_reply_to=answered["id"], **more)

    async def _send(
        self,
        by: Person,
        kind: str,
        to: Person,
        coded: Mapping[str, Any],
        *,
        narrative: list[NarrativeBlock] | None = None,
        identity: Mapping[str, Any] | None = None,
        in_reply_to: str | None = None,
        urgency: Any = "ordinary",
    ) -> Accepted:
        submission = Submission(
            id=str(uuid.uuid4()),
            case=self._case,
            type=kind,
            sender=by.authority,
            recipient=to.authority,
            urgency=urgency,
            declares_no_danger=True,
            coded=coded,
            narrative=narrative or [],
        )
        if identity is not None:
            submission["identity"] = identity
        if in_reply_to is not None:
            submission["in_reply_to"] = in_reply_to
        return await by.node.send(submission)

    async def _arrives(self, at: Person, message: Accepted) -> None:
        async with asyncio.timeout(_WITHIN):
            async for arrived in at.node.follow(direction="in", case=self._case, wait=_HELD):
                if arrived["id"] == message["id"]:
                    return

    async def _becomes(self, at: Person, message: Accepted, status: str) -> None:
        async with asyncio.timeout(_WITHIN):
            while not (
                await at.node.messages(
                    thread=message["thread"],
                    type=message["type"],
                    direction="out",
                    status=status,
                    wait=_HELD,
                )
            )["messages"]:
                continue

    async def _owed(self, at: Person, request: Accepted) -> str:
        timeline = await at.node.case(self._case)
        for thread in timeline["threads"]:
            if thread["id"] == request["thread"] and "due" in thread:
                due = thread["due"]
                if due["paused"]:
                    return "; until Italy answers, the clock stands still"
                return f"; the report is due by {_moment(due['at'])} ({_basis(due['basis'])})"
        return ""


def _due(message: Accepted) -> str:
    due = message.get("due")
    return f"; an answer is due by {_moment(due['at'])} ({_basis(due['basis'])})" if due else ""


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d %b %Y, %H:%M} UTC"


def _basis(code: str) -> str:
    return vocabularies.label("due-basis", code, "en").text


def _state_of_identity(message: Message) -> str:
    return message["content"]["identity_state"]


def _names(message: Message) -> str:
    people = message["content"].get("identity", {}).get("persons", [])
    return ", ".join(name["full"] for person in people for name in person["names"])


def _verdict(findings: Iterable[tuple[str, str]]) -> list[str]:
    found = [EvidenceFinding(code=code, where=where) for code, where in findings]
    return rendering.render_evidence_report(found, language="en").splitlines()


def _one_character_changed(bundle: bytes) -> bytes:
    document = json.loads(bundle)
    receipts = document["messages"][0]["evidence"]
    receipt = receipts[-1]
    receipts[-1] = receipt[:-10] + ("A" if receipt[-10] != "A" else "B") + receipt[-9:]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _unexpected(what: str) -> AssertionError:
    return AssertionError(f"{what}: this is a bug, please report it")
