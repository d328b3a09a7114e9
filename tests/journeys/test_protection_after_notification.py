"""Safeguard 11 must not betray itself: protection that arises after a notification shows the State of origin
evidence of delivery and one suspension without a cause, whatever anybody tries where the child is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocol import base64url
from protocol.errors import Refused
from protocol.identifiers import CaseReference, MessageId
from service import exchange
from service.errors import NodeError
from service.exchange.views import Accepted, Awaiting, Submission
from service.routing.attachments import Attachments
from service.routing.reconciler import Reconciler
from tests.service.exchange_pair import Pair, actor, message, open_pair
from tests.service.solution_case import Road
from tests.service.test_attachments_between_nodes import described, document, upload, with_attachments

EVIDENCE = {"content-consigned", "content-retrieved"}
"""What O may still be told by D's node: that its own messages arrived, and were read."""

TRIED = (
    "accept",
    "case.closure",
    "case.notification",
    "child-views.record",
    "durable-solution.counter-proposal",
    "durable-solution.proposal",
    "durable-solution.revocation",
    "guardian.notice",
    "query",
    "risk-assessment.request",
    "social-inquiry.request",
)

type Protection = Literal["possible", "sought"]


def suspends(reason: str) -> Callable[[dict[str, Any]], None]:
    def change(coded: dict[str, Any]) -> None:
        coded.clear()
        coded["suspension_reason"] = reason

    return change


@dataclass
class Scene:
    """An agreement in force between two nodes, and much that is on its way when protection arises."""

    pair: Pair
    road: Road
    version: Accepted
    notice: MessageId
    other: CaseReference
    attached: Accepted
    report: MessageId
    waiting: list[Awaiting] = field(default_factory=list)

    @property
    def case(self) -> CaseReference:
        return self.road.case

    @classmethod
    async def begin(cls, pair: Pair) -> Scene:
        it, ro = pair.it, pair.ro
        road = await Road.to_a_proposal(pair)
        version = await road.propose()
        for side in (it, ro):
            await road.accept(side, version)
        (notice,) = await it.rows("SELECT id FROM message WHERE type = 'case.notification'")
        uploaded = await upload(it, road.case, document(300_000))
        attached = await it.send(with_attachments(pair, road.case, described(uploaded)))
        await pair.settle()  # it was consigned, and none of its attachment has left
        scene = cls(
            pair=pair,
            road=road,
            version=version,
            notice=notice["id"],
            other=await pair.open_case(),
            attached=attached,
            report=road.said["social_inquiry"].id,
        )
        await scene.say("durable-solution.revocation")
        await scene.say("social-inquiry.request")  # accepted, and without a number yet
        return scene

    async def say(self, type_: str, change: Callable[[dict[str, Any]], None] = lambda coded: None) -> None:
        answers = self.version.id if type_.startswith("durable-solution") else self.notice
        submission = self.road.message(
            self.pair.it, type_, change, in_reply_to=None if type_.endswith(".request") else answers
        )
        await self.submit(submission)

    async def submit(self, submission: Submission) -> None:
        it = self.pair.it
        done = await exchange.send(it.node, it.officer, submission)
        if isinstance(done, Awaiting):
            self.waiting.append(done)

    async def step(self, name: str) -> None:
        pair, it, ro = self.pair, self.pair.it, self.pair.ro
        pair.clock.pass_by(seconds=1)
        match name.split():
            case ["say", type_]:
                await self.say(type_)
            case ["suspend", reason]:
                await self.say("durable-solution.suspension", suspends(reason))
            case ["sign"]:
                await self.submit(await self.road.acceptance(it, self.version))
            case ["approve"]:
                for one in self.waiting:
                    with contextlib.suppress(Refused, NodeError):
                        await exchange.decide(it.node, it.supervisor, one.approval, "approve", None)
            case ["attach"]:
                await self.submit(
                    with_attachments(pair, self.case, described(await upload(it, self.case, document(9_000))))
                )
            case ["carry"]:
                for side in (it, ro):
                    await Attachments(side.node).once()
                    await Reconciler(side.node, side.link).confirm()
            case ["release"]:
                await it.release(self.report, "identity-check")
            case ["collect"]:
                await exchange.collect(it.node, it.officer, self.report)
            case ["reconcile", code]:
                await pair.reconcile(code)
            case ["settle"]:
                await pair.settle()
            case ["answer"]:
                await ro.send(message("query", self.case, ro.office, it.office, in_reply_to=self.notice))
            case ["doubt", status, person]:
                await self.protect(status, person)  # type: ignore[arg-type]
            case ["another-child"]:
                await it.send(message("case.notification", self.other, it.office, ro.office))

    async def protect(self, status: Protection | Literal["not-sought"], person: str) -> None:
        officer = actor(self.pair.it.office, person=person)
        await exchange.set_protection(self.pair.it.node, officer, self.case, status, "child-interviewed")

    async def seen(self) -> Seen:
        ro = self.pair.ro
        said = await ro.rows(
            "SELECT id, type, statement FROM message WHERE direction = 'in' AND case_reference = :case",
            case=self.case,
        )
        evidence = await ro.rows("SELECT kind, token FROM evidence")
        (chunks,) = await ro.rows("SELECT count(*) AS n FROM attachment_chunk")
        numbered = [
            (header["id"], header["sequence"])
            for to, data in self.pair.hub.carried
            if to == "ro" and (header := header_of(data))["sequence"]
        ]
        return Seen(
            said={row["id"]: (row["type"], claims_of(row["statement"])) for row in said},
            evidence={row["token"]: row["kind"] for row in evidence},
            chunks=chunks["n"],
            numbered=dict(numbered),
            quarantine=len(await ro.rows("SELECT * FROM quarantine")),
            case=await ro.rows("SELECT * FROM case_file WHERE reference = :case", case=self.case),
        )


@dataclass
class Seen:
    """What has come to O: statements of the case by id, evidence by token, numbers by envelope."""

    said: dict[str, tuple[str, dict[str, Any]]]
    evidence: dict[str, str]
    chunks: int
    numbered: dict[str, int]
    quarantine: int
    case: list[Any]


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return found


def header_of(envelope: bytes) -> dict[str, Any]:
    manifest = claims_of(json.loads(envelope)["manifest"])
    header: dict[str, Any] = json.loads(base64url.decode(manifest["header"].encode()))
    return header


STEPS = st.sampled_from(
    [
        *(f"say {type_}" for type_ in TRIED),
        *("suspend withheld", "suspend danger", "sign", "approve", "attach", "carry", "release", "collect"),
        *("reconcile it", "reconcile ro", "settle", "answer", "another-child"),
        *("doubt possible b", "doubt sought b", "doubt not-sought a", "doubt not-sought c"),
    ]
)
EVERYTHING = [
    *("approve", "carry", "settle", "collect", "release", "attach", "sign", "suspend danger"),
    *(f"say {type_}" for type_ in TRIED),
    *("suspend withheld", "suspend withheld", "doubt sought b", "suspend withheld", "approve", "carry"),
    *("answer", "reconcile it", "reconcile ro", "another-child", "settle", "carry"),
]


@settings(max_examples=8, deadline=None)
@given(
    arises=st.sampled_from(["possible", "sought"]),
    people=st.sampled_from([["a"], ["a", "b"]]),
    steps=st.lists(STEPS, min_size=4, max_size=14),
)
@example(arises="sought", people=["a"], steps=EVERYTHING)
@example(arises="possible", people=["a", "b"], steps=EVERYTHING)
def test_the_state_of_origin_sees_evidence_of_delivery_and_at_most_one_suspension(
    arises: Protection, people: list[str], steps: list[str]
) -> None:
    async def play(pair: Pair) -> None:
        scene = await Scene.begin(pair)
        before = await scene.seen()
        for person in people:
            await scene.protect(arises, person)
        lifted = {"a", "c"} <= {step.split()[2] for step in steps if step.startswith("doubt not-sought")}
        for step in steps:
            if lifted and step == "doubt not-sought c":
                continue  # two people would have lifted it: another claim
            with contextlib.suppress(Refused, NodeError):
                await scene.step(step)
        for code in ("it", "ro"):
            await pair.settle()
            pair.clock.pass_by(seconds=1)
            await pair.reconcile(code)
        await scene.step("carry")
        await pair.settle()
        after = await scene.seen()

        said = [one for id_, one in after.said.items() if id_ not in before.said]
        assert [type_ for type_, _ in said] in ([], ["durable-solution.suspension"])
        for _, claims in said:
            assert claims["coded"] == {"suspension_reason": "withheld"}
        told = {token: kind for token, kind in after.evidence.items() if token not in before.evidence}
        by_it = {kind for token, kind in told.items() if claims_of(token)["iss"].startswith("it")}
        assert by_it <= EVIDENCE | {"submission-accepted"}
        for token in told:
            words = json.dumps(claims_of(token))
            assert not any(word in words for word in ("protection", "sought", "possible", "held"))
        assert after.chunks == before.chunks
        assert after.quarantine == before.quarantine
        assert after.case == before.case

        # Whatever has a number is one of these, and no number is missing.
        content = {id_ for id_ in after.said if id_ not in before.said}
        carrying = {
            row["envelope_id"]
            for row in await pair.it.rows("SELECT envelope_id FROM outbox WHERE kind = 'evidence'")
        }
        others = await pair.it.rows("SELECT id FROM message WHERE case_reference = :case", case=scene.other)
        assert set(after.numbered) - set(before.numbered) <= content | carrying | {
            row["id"] for row in others
        }
        assert sorted(after.numbered.values()) == list(range(1, len(after.numbered) + 1))
        channel = "SELECT last, count, chain FROM channel WHERE sender_node = 'it'"
        (ours,), (theirs,) = await pair.it.rows(channel), await pair.ro.rows(channel)
        assert theirs == ours
        assert theirs["last"] == theirs["count"] == len(after.numbered)

    between_two_nodes(play)


def test_without_a_doubt_the_same_steps_reach_the_state_of_origin() -> None:
    """Else the claim above would be empty."""

    async def play(pair: Pair) -> None:
        scene = await Scene.begin(pair)
        before = await scene.seen()
        for step in ("settle", "carry", "settle", "release", "collect", "approve", "settle"):
            await scene.step(step)
        after = await scene.seen()
        types = {type_ for id_, (type_, _) in after.said.items() if id_ not in before.said}
        assert types == {"durable-solution.revocation", "social-inquiry.request"}
        assert (before.chunks, after.chunks > 0) == (0, True)

    between_two_nodes(play)


def between_two_nodes(play: Callable[[Pair], Coroutine[Any, Any, None]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        pair = open_pair(Path(directory))
        try:
            asyncio.run(play(pair))
        finally:
            pair.close()
