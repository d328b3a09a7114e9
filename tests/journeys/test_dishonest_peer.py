"""What a member may do with valid keys of its own, and what a node's own mistake comes to at its peer."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol import evidence
from protocol.envelope import ClearHeader, Outgoing, assemble
from protocol.evidence import About
from protocol.identifiers import Address, MessageId, NodeCode
from protocol.vocabularies import RELEASE
from service.exchange.accept import Outcome
from tests.journeys.forgery import new_id
from tests.protocol.sample_directory import IT_FOCAL_POINT, sample_directory
from tests.service.exchange_pair import Pair, message, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def _receipt(pair: Pair, sender: str, of: MessageId, kind: str, issuer: str, **more: Any) -> bytes:
    """Evidence about a message of `sender`, made and carried by the other node."""
    other, world = ("it" if sender == "ro" else "ro"), pair.world
    row_digest = more.pop("statement_digest")
    token = evidence.issue(
        kind,
        about=About(sender_node=NodeCode(sender), id=of, manifest_digest=None, statement_digest=row_digest),
        issuer=Address(issuer) if "." in issuer else NodeCode(issuer),
        previous=None,
        directory=world.directory.snapshot.digest,
        vocabulary=RELEASE,
        issued_at=pair.clock.now(),
        key=world.signing[issuer],
        **more,
    ).token
    key = world.sealing[sender, "content"]
    id_ = new_id()
    return assemble(
        Outgoing(kind="evidence", id=id_, statements=(token,)),
        clear=ClearHeader(
            sender=NodeCode(other),
            recipient=NodeCode(sender),
            id=id_,
            sent_at=pair.clock.now(),
            epoch="of-the-liar",
            sequence=1,
            suite=key.suite,
            key=key.kid,
        ),
        node_key=world.signing[other],
        sealing_key=key.public,
        identity_key=None,
    ).data


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed before", "never confirmed"])
def test_evidence_that_contradicts_itself_does_not_stop_the_inbox(pair: Pair, confirmed: bool) -> None:
    """Refused, and then collected: one of the two cannot be applied, and must not come again for ever."""

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        request = await pair.request(case)
        report = await pair.ro.send(
            message("social-inquiry.report", case, pair.ro.office, pair.it.office, in_reply_to=request.id)
        )
        if confirmed:
            await pair.settle()
        else:
            await pair.release(pair.ro)
            pair.hub.lose_everything()
        about = {"statement_digest": report.statement_digest}
        refused = _receipt(pair, "ro", report.id, "consignment-failed", "it", code="case.unknown", **about)
        collected = _receipt(pair, "ro", report.id, "content-retrieved", IT_FOCAL_POINT, **about)
        states = []
        for data in (refused, collected):
            (outcome,) = await pair.ro.receive(data)
            assert isinstance(outcome, Outcome), outcome
            assert outcome.disposition == "noted"
            rows = await pair.ro.rows("select state from thread where id = :id", id=request.thread)
            states += [row["state"] for row in rows]
        expected = ["reported", "complete"] if confirmed else ["requested", "requested"]
        assert states == expected, "a later word undoes nothing that was confirmed"
        kept = await pair.ro.rows("select kind from evidence where id = :id and not ours", id=report.id)
        assert {"consignment-failed", "content-retrieved"} <= {row["kind"] for row in kept}
        await pair.notify(await pair.open_case())

    run(play())


def test_a_message_refused_at_the_door_is_refused_at_its_sender_once(pair: Pair) -> None:
    """The recipient's node has a newer directory, in which the sender may no longer say this."""

    async def play() -> None:
        case = await pair.open_case()
        await pair.notify(case)
        newer = sample_directory()
        facts = newer.authority(IT_FOCAL_POINT)
        newer.publish(dataclasses.replace(facts, competences=("case",)))
        newer.refresh()
        pair.ro.node.directory.world = newer  # type: ignore[attr-defined]
        request = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
        carried = len(pair.hub.carried)
        for _ in range(20):
            await pair.settle()
            pair.clock.pass_by(minutes=1)
        rows = await pair.it.rows("select status, refusal_code from message where id = :id", id=request.id)
        assert rows == [{"status": "refused", "refusal_code": "opening.not_competent"}]
        assert len([to for to, _ in pair.hub.carried[carried:] if to == "ro"]) == 1
        await pair.reconcile("ro")
        pair.clock.pass_by(minutes=1)
        await pair.settle()
        again = [to for to, _ in pair.hub.carried[carried:] if to == "ro"]
        assert len(again) == 1, "its number was counted: no running digest asks for it again"
        states = await pair.it.rows("select state from thread where id = :id", id=request.thread)
        assert states == [], "a conversation that the other node refused was never opened"

    run(play())


def test_a_message_that_cannot_be_opened_is_tried_again_with_patience(pair: Pair) -> None:
    async def play() -> None:
        case = await pair.open_case()
        pair.world.sealing["ro", "content"], kept = (
            pair.world.sealing["it", "content"],
            pair.world.sealing["ro", "content"],
        )
        sent = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        carried = len(pair.hub.carried)
        for _ in range(600):
            await pair.settle()
            pair.clock.pass_by(seconds=2)
        tries = len([to for to, _ in pair.hub.carried[carried:] if to == "ro"])
        assert tries < 20, f"{tries} times in twenty minutes"
        pair.world.sealing["ro", "content"] = kept
        pair.clock.pass_by(hours=1)
        await pair.settle()
        rows = await pair.it.rows("select status from message where id = :id", id=sent.id)
        assert rows == [{"status": "consigned"}], "nothing is given up while it may yet be opened"

    run(play())
