"""Attachments between two real nodes: in pieces, once, whole, and nowhere in plain."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import os
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from protocol import base64url
from protocol.attachments import CHUNK_BYTES, ChunkPlace, MediaType
from protocol.bundle import verify_bundle
from protocol.envelope import ClearHeader, Outgoing, assemble
from protocol.errors import NotAcceptable
from protocol.identifiers import CaseReference, MessageId, NodeCode, new_message_id
from service import exchange
from service.errors import Conflict, Forbidden, NodeError, NotFound, Throttled, TooLarge
from service.exchange.accept import Outcome
from service.exchange.attachments import UNSENT_AT_MOST
from service.exchange.views import Accepted, UploadView
from service.routing.attachments import Attachments
from service.routing.reconciler import Reconciler
from tests.journeys.planting import files_below, occurrences
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair

PDF = b"%PDF-1.7\n"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


def document(size: int, *, seed: int = 1, beginning: bytes = PDF) -> bytes:
    return beginning + random.Random(seed).randbytes(size - len(beginning))


async def pieces(data: bytes, *, of: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(data), of):
        yield data[start : start + of]


async def upload(
    side: Side,
    case: CaseReference,
    data: bytes,
    *,
    id: MessageId | None = None,  # noqa: A002
    kind: MediaType = MediaType.PDF,
) -> UploadView:
    return await exchange.put_attachment(
        side.node, side.officer, case, id or MessageId(str(uuid.uuid4())), kind, pieces(data)
    )


def described(upload: UploadView, **changes: Any) -> dict[str, Any]:
    return {
        "digest": upload.digest,
        "salt": upload.salt,
        "size": upload.size,
        "media_type": upload.media_type,
        "document_kind": "birth-certificate",
        "title": "Made-up certificate",
        "concerns": ["child"],
    } | changes


def with_attachments(pair: Pair, case: CaseReference, *attached: dict[str, Any], **more: Any) -> Any:
    plain = message("social-inquiry.request", case, pair.it.office, pair.ro.office, **more)
    return dataclasses.replace(plain, identity={**(plain.identity or {}), "attachments": list(attached)})


class Carrier:
    """Both nodes' workers, one step after the other, until nothing moves."""

    def __init__(self, pair: Pair, *, at_the_hub: Callable[[], None] = lambda: None) -> None:
        self.pair = pair
        self._at_the_hub = at_the_hub
        self.sides = (pair.it, pair.ro)
        self._workers = [Attachments(side.node) for side in self.sides]
        self._reconcilers = [Reconciler(side.node, side.link) for side in self.sides]
        self.most_unanswered = 0

    async def step(self) -> bool:
        self.pair.clock.pass_by(milliseconds=1)  # by which a channel is seen to have changed
        moved = sum([await worker.once() for worker in self._workers])
        released = [await self.pair.release(side) for side in self.sides]
        (row,) = await self.pair.it.rows(
            "SELECT count(*) AS n FROM outbox WHERE kind = 'blob' AND state <> 'done'"
        )
        self.most_unanswered = max(self.most_unanswered, row["n"])
        self._at_the_hub()
        delivered = await self.pair.deliver("it") + await self.pair.deliver("ro")
        for outcome in delivered:
            if isinstance(outcome, Exception):
                raise outcome
        told = sum([await reconciler.confirm() for reconciler in self._reconcilers])
        return bool(moved or sum(released) or delivered or told)

    async def settle(self) -> None:
        for _ in range(400):
            if not await self.step():
                return
        raise AssertionError("the two nodes do not come to rest")


async def sent_with(pair: Pair, *data: bytes) -> tuple[CaseReference, Accepted, list[UploadView]]:
    case = await pair.open_case()
    uploads = [await upload(pair.it, case, one) for one in data]
    accepted = await pair.it.send(with_attachments(pair, case, *map(described, uploads)))
    return case, accepted, uploads


async def states(side: Side, accepted: Accepted) -> list[tuple[str, int, str | None]]:
    listed = await exchange.list_attachments(side.node, side.officer, accepted.id)
    return [(one.state, one.arrived, one.code) for one in listed]


async def arrived(pair: Pair) -> int:
    return sum(row["passed"] for row in await pair.ro.rows("SELECT passed FROM attachment"))


async def read(side: Side, accepted: Accepted, digest: str) -> bytes:
    await side.release(accepted.id, "identity-check")
    found = await exchange.read_attachment(side.node, side.officer, accepted.id, digest, "identity-check")
    return b"".join([chunk async for chunk in found.chunks])


async def kinds(side: Side, accepted: Accepted) -> list[tuple[str, str | None]]:
    found = await exchange.message_evidence(side.node, side.officer, accepted.id)
    return [(one.kind, one.code) for one in found.evidence]


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


# -- the way there


@pytest.mark.parametrize("size", [10, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_document_arrives_as_it_was(pair: Pair, size: int) -> None:
    async def story() -> None:
        data = document(size)
        _, accepted, (uploaded,) = await sent_with(pair, data)
        await Carrier(pair).settle()
        assert await states(pair.it, accepted) == [("complete", uploaded.chunks, None)]
        assert await states(pair.ro, accepted) == [("complete", uploaded.chunks, None)]
        assert await read(pair.ro, accepted, uploaded.digest) == data
        assert await read(pair.it, accepted, uploaded.digest) == data
        assert ("attachment-consigned", None) in await kinds(pair.it, accepted)

    run(story)


def test_an_ordinary_message_says_nothing_of_attachments(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        accepted = await pair.request(case)
        rows = await pair.it.rows("SELECT statement FROM message")
        assert "attachments" not in str(opening_claims(rows[0]["statement"]))
        assert await states(pair.ro, accepted) == []

    run(story)


def opening_claims(token: str) -> str:
    return base64url.decode(token.split(".")[1].encode()).decode()


def test_the_digest_is_blinded_and_the_statement_says_neither_size_nor_title(pair: Pair) -> None:
    async def story() -> None:
        data = document(1_000)
        _, accepted, (uploaded,) = await sent_with(pair, data)
        (row,) = await pair.it.rows("SELECT statement FROM message WHERE id = :id", id=accepted.id)
        claims = opening_claims(row["statement"])
        assert base64url.encode(hashlib.sha256(data).digest()).decode() != uploaded.digest
        salt = base64url.decode(uploaded.salt.encode())
        assert base64url.encode(hashlib.sha256(salt + data).digest()).decode() == uploaded.digest
        assert uploaded.digest in claims
        assert uploaded.salt not in claims
        assert "certificate" not in claims
        assert "1000" not in claims

    run(story)


def test_no_more_than_a_few_chunks_are_on_their_way_and_a_message_overtakes_them(pair: Pair) -> None:
    async def story() -> None:
        case, accepted, _ = await sent_with(pair, document(40 * CHUNK_BYTES))
        carrier = Carrier(pair)
        while await arrived(pair) < 4:
            await carrier.step()
        overtaking = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        for _ in range(4):
            await carrier.step()
        (row,) = await pair.ro.rows("SELECT status FROM message WHERE id = :id", id=overtaking.id)
        assert row["status"] == "consigned"
        assert (await states(pair.ro, accepted))[0][0] == "arriving"
        await carrier.settle()
        assert (await states(pair.ro, accepted))[0][0] == "complete"
        assert carrier.most_unanswered == 8

    run(story)


def test_nothing_of_it_leaves_before_its_message_is_consigned(pair: Pair) -> None:
    async def story() -> None:
        await sent_with(pair, document(2 * CHUNK_BYTES))
        pair.hub.away = True
        await Attachments(pair.it.node).once()
        await pair.release(pair.it)
        rows = await pair.it.rows("SELECT kind FROM outbox")
        assert [row["kind"] for row in rows] == ["content"]

    run(story)


def test_chunks_that_come_twice_or_backwards_are_stored_once(pair: Pair) -> None:
    async def story() -> None:
        data = document(5 * CHUNK_BYTES)
        _, accepted, (uploaded,) = await sent_with(pair, data)
        seen: list[bytes] = []

        def again_and_backwards() -> None:
            waiting = pair.hub.waiting["ro"]
            if waiting:
                pair.hub.waiting["ro"] = [*reversed(waiting), *waiting, *seen[-3:]]
                seen.extend(waiting)

        await Carrier(pair, at_the_hub=again_and_backwards).settle()
        assert (await states(pair.it, accepted)) == [("complete", 5, None)]
        rows = await pair.ro.rows("SELECT number FROM attachment_chunk ORDER BY number")
        assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
        assert await read(pair.ro, accepted, uploaded.digest) == data

    run(story)


def test_a_hub_that_loses_everything_half_way_loses_nothing(pair: Pair) -> None:
    async def story() -> None:
        data = document(12 * CHUNK_BYTES)
        _, accepted, (uploaded,) = await sent_with(pair, data)
        carrier = Carrier(pair)
        while await arrived(pair) < 4:
            await carrier.step()
        await Attachments(pair.it.node).once()
        await pair.release(pair.it)
        assert pair.hub.waiting["ro"]
        pair.hub.lose_everything()
        await carrier.settle()
        assert (await states(pair.ro, accepted))[0][0] == "arriving"
        pair.clock.pass_by(seconds=pair.it.node.settings.outbox_resend_seconds + 1)
        for _ in range(6):
            await carrier.settle()
            pair.clock.pass_by(seconds=120)
        assert await read(pair.ro, accepted, uploaded.digest) == data

    run(story)


def test_a_case_that_is_held_holds_its_attachments_too(pair: Pair) -> None:
    async def story() -> None:
        case, accepted, _ = await sent_with(pair, document(20 * CHUNK_BYTES))
        carrier = Carrier(pair)
        while await arrived(pair) < 4:
            await carrier.step()
        await Attachments(pair.it.node).once()  # some are queued, and have no number yet
        await exchange.set_protection(pair.it.node, pair.it.officer, case, "possible", "child-interviewed")
        queued = await pair.it.rows("SELECT state FROM outbox WHERE kind = 'blob' AND sequence IS NULL")
        assert queued
        assert {row["state"] for row in queued} == {"held"}
        await carrier.settle()
        held = (await states(pair.ro, accepted))[0][1]
        await carrier.settle()
        assert (await states(pair.ro, accepted)) == [("arriving", held, None)]
        assert held < 20
        for person in (pair.it.officer, pair.it.supervisor):
            await exchange.set_protection(pair.it.node, person, case, "not-sought", "child-interviewed")
        await carrier.settle()
        assert (await states(pair.ro, accepted)) == [("complete", 20, None)]

    run(story)


def test_a_case_that_was_held_before_the_first_chunk_gives_none_to_the_outbox(pair: Pair) -> None:
    async def story() -> None:
        accepted, _ = await announced(pair, document(3 * CHUNK_BYTES))
        await exchange.set_protection(
            pair.it.node, pair.it.officer, accepted.case, "possible", "child-interviewed"
        )
        await Carrier(pair).settle()
        assert await pair.it.rows("SELECT * FROM outbox WHERE kind = 'blob'") == []
        assert await states(pair.it, accepted) == [("waiting", 0, None)]

    run(story)


def test_both_nodes_agree_on_a_channel_that_carried_chunks(pair: Pair) -> None:
    async def story() -> None:
        await sent_with(pair, document(6 * CHUNK_BYTES))
        await Carrier(pair).settle()
        await pair.reconcile("ro")
        await pair.reconcile("it")
        sql = "SELECT chain, last FROM channel WHERE sender_node = 'it' AND recipient_node = 'ro'"
        assert await pair.it.rows(sql) == await pair.ro.rows(sql)
        left = await pair.it.rows("SELECT kind FROM outbox WHERE state <> 'done'")
        assert left == []

    run(story)


# -- what is refused


def test_a_stranger_stores_nothing(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        accepted = await pair.request(case)
        place = ChunkPlace(message=accepted.id, attachment="A" * 43, index=1, count=1)
        (outcome,) = await pair.ro.receive(blob(pair, place, PDF))
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", "attachment.not_announced")
        assert await pair.ro.rows("SELECT * FROM attachment_chunk") == []

    run(story)


def blob(pair: Pair, place: ChunkPlace, chunk: bytes, *, sequence: int = 900) -> bytes:
    """As a dishonest or broken node of Italy would send it."""
    world, now = pair.world, pair.clock.now()
    key = world.directory.sealing_key(NodeCode("ro"), "content", now)
    id_ = new_message_id(os.urandom)
    return assemble(
        Outgoing(kind="blob", id=id_, statements=(), blob=place, chunk=chunk),
        clear=ClearHeader(
            sender=NodeCode("it"),
            recipient=NodeCode("ro"),
            id=id_,
            sent_at=now,
            epoch="000000000001",
            sequence=sequence,
            suite=key.suite,
            key=key.kid,
        ),
        node_key=world.signing["it"],
        sealing_key=key,
        identity_key=world.directory.sealing_key(NodeCode("ro"), "identity", now),
    ).data


async def announced(pair: Pair, *data: bytes) -> tuple[Accepted, list[UploadView]]:
    """The message is there, and nothing of its attachments."""
    _, accepted, uploads = await sent_with(pair, *data)
    await pair.settle()
    return accepted, uploads


def test_a_chunk_that_comes_before_its_message_waits(pair: Pair) -> None:
    async def story() -> None:
        place = ChunkPlace(message=new_message_id(os.urandom), attachment="A" * 43, index=1, count=1)
        (outcome,) = await pair.ro.receive(blob(pair, place, PDF))
        assert isinstance(outcome, Outcome)
        assert outcome.disposition == "wait"
        assert outcome.numbered is None

    run(story)


@pytest.mark.parametrize(
    ("place", "size", "code"),
    [
        ({"index": 1, "count": 3}, CHUNK_BYTES, "attachment.wrong_count"),
        ({"index": 1, "count": 2}, CHUNK_BYTES - 1, "attachment.wrong_count"),
        ({"index": 2, "count": 2}, 0, "attachment.wrong_count"),
    ],
)
def test_a_series_that_is_not_the_announced_one_is_refused_and_its_sender_learns_why(
    pair: Pair, place: dict[str, int], size: int, code: str
) -> None:
    async def story() -> None:
        accepted, (uploaded,) = await announced(pair, document(CHUNK_BYTES + 5))
        where = ChunkPlace(message=accepted.id, attachment=uploaded.digest, **place)
        (outcome,) = await pair.ro.receive(blob(pair, where, bytes(size)))
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", code)
        await pair.settle()
        assert await states(pair.it, accepted) == [("refused", 0, code)]
        assert ("attachment-failed", code) in await kinds(pair.it, accepted)
        timeline = await exchange.case_timeline(pair.it.node, pair.it.officer, accepted.case)
        assert code in {entry.code for entry in timeline.entries}
        assert await pair.ro.rows("SELECT * FROM attachment_chunk") == []

    run(story)


def test_swapped_chunks_of_two_attachments_are_found_out(pair: Pair) -> None:
    async def story() -> None:
        one, two = document(CHUNK_BYTES + 5, seed=1), document(CHUNK_BYTES + 5, seed=2)
        accepted, uploads = await announced(pair, one, two)
        for uploaded, head, tail in ((uploads[0], one, two), (uploads[1], two, one)):
            for index, chunk in ((1, head[:CHUNK_BYTES]), (2, tail[CHUNK_BYTES:])):
                place = ChunkPlace(message=accepted.id, attachment=uploaded.digest, index=index, count=2)
                await pair.ro.receive(blob(pair, place, chunk, sequence=900 + index))
        await Attachments(pair.ro.node).once()
        await pair.settle()
        assert await states(pair.it, accepted) == [("refused", 0, "attachment.digest")] * 2
        assert await pair.ro.rows("SELECT * FROM attachment_chunk") == []
        with pytest.raises(NotFound):
            await read(pair.ro, accepted, uploads[0].digest)

    run(story)


def test_what_claims_to_be_a_document_and_is_a_program_is_refused_by_the_recipient_as_well(
    pair: Pair,
) -> None:
    async def story() -> None:
        program = b"MZ" + bytes(100)
        salt = bytes(16)
        digest = base64url.encode(hashlib.sha256(salt + program).digest()).decode()
        _, accepted, _ = await sent_with(pair, document(102))
        # A node that checks nothing: its upload is the program.
        await pair.it.node.store.write(
            lambda session: session.connection().execute(
                text("UPDATE attachment SET digest = :digest"), {"digest": digest}
            )
        )
        await pair.settle()
        row = (await pair.ro.rows("SELECT digest FROM attachment"))[0]
        place = ChunkPlace(message=accepted.id, attachment=row["digest"], index=1, count=1)
        await pair.ro.receive(blob(pair, place, program))
        await Attachments(pair.ro.node).once()
        assert await states(pair.ro, accepted) == [("refused", 0, "attachment.type")]

    run(story)


def test_an_envelope_of_a_chunk_that_was_changed_on_its_way_is_quarantined(pair: Pair) -> None:
    async def story() -> None:
        accepted, (uploaded,) = await announced(pair, document(100))
        place = ChunkPlace(message=accepted.id, attachment=uploaded.digest, index=1, count=1)
        sealed = blob(pair, place, document(100))
        at = sealed.index(b"ciphertext") + 40
        changed = sealed[:at] + (b"A" if sealed[at : at + 1] != b"A" else b"B") + sealed[at + 1 :]
        (outcome,) = await pair.ro.receive(changed)
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("quarantined", "opening.part_digest")

    run(story)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"MZ\x90\x00" + bytes(400), MediaType.PDF),
        (b"\x7fELF" + bytes(400), MediaType.JPEG),
        (document(400), MediaType.PNG),
        (b"", MediaType.PDF),
    ],
)
def test_a_file_that_is_not_what_it_claims_to_be_is_not_taken(
    pair: Pair, data: bytes, kind: MediaType
) -> None:
    async def story() -> None:
        case = await pair.open_case()
        with pytest.raises(NotAcceptable) as refused:
            await upload(pair.it, case, data, kind=kind)
        assert refused.value.code == "attachment.type"
        assert await pair.it.rows("SELECT * FROM attachment_chunk") == []

    run(story)


def test_what_is_too_large_is_refused_before_it_is_whole(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        taken = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal taken
            yield PDF
            while True:
                taken += 1 << 20
                yield bytes(1 << 20)

        with pytest.raises(TooLarge) as refused:
            await exchange.put_attachment(
                pair.it.node, pair.it.officer, case, MessageId(str(uuid.uuid4())), MediaType.PDF, endless()
            )
        assert refused.value.code == "attachment.too_large"
        assert taken <= 21 << 20

    run(story)


def test_an_upload_that_breaks_off_is_not_usable_and_can_begin_again(pair: Pair) -> None:
    async def story() -> None:
        case, data = await pair.open_case(), document(3 * CHUNK_BYTES)
        id_ = MessageId(str(uuid.uuid4()))

        async def broken() -> AsyncIterator[bytes]:
            yield data[: 2 * CHUNK_BYTES + 10]
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await exchange.put_attachment(pair.it.node, pair.it.officer, case, id_, MediaType.PDF, broken())
        (row,) = await pair.it.rows("SELECT state, digest FROM attachment")
        assert row == {"state": "uploading", "digest": None}
        uploaded = await upload(pair.it, case, data, id=id_)
        numbers = await pair.it.rows("SELECT number FROM attachment_chunk ORDER BY number")
        assert [row["number"] for row in numbers] == [1, 2, 3]
        assert await upload(pair.it, case, data, id=id_) == uploaded
        with pytest.raises(Conflict) as refused:
            await upload(pair.it, case, document(3 * CHUNK_BYTES, seed=9), id=id_)
        assert refused.value.code == "id_reused"

    run(story)


def test_of_two_uploads_at_once_under_one_id_the_later_stands(pair: Pair) -> None:
    async def story() -> None:
        case, data = await pair.open_case(), document(2 * CHUNK_BYTES + 1)
        id_ = MessageId(str(uuid.uuid4()))
        go_on = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield document(CHUNK_BYTES + 10, seed=5)
            await go_on.wait()
            yield bytes(2 * CHUNK_BYTES)

        first = asyncio.create_task(
            exchange.put_attachment(pair.it.node, pair.it.officer, case, id_, MediaType.PDF, slow())
        )
        while not await pair.it.rows("SELECT * FROM attachment_chunk"):
            await asyncio.sleep(0)
        uploaded = await upload(pair.it, case, data, id=id_)
        go_on.set()
        with pytest.raises(Conflict):
            await first
        accepted = await pair.it.send(with_attachments(pair, case, described(uploaded)))
        assert await read(pair.it, accepted, uploaded.digest) == data

    run(story)


@pytest.mark.parametrize("seen", [CHUNK_BYTES, 0])
def test_an_upload_in_progress_ends_when_the_case_is_blocked(pair: Pair, seen: int) -> None:
    """While a chunk is stored, and when it is finished."""

    async def story() -> None:
        case = await pair.open_case()
        id_ = new_message_id(pair.it.node.random.bytes)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield document(seen + 10, seed=5)
            begun.set()
            await go_on.wait()
            yield bytes(CHUNK_BYTES if seen else 1)

        first = asyncio.create_task(
            exchange.put_attachment(pair.it.node, pair.it.officer, case, id_, MediaType.PDF, slow())
        )
        await begun.wait()
        before = await pair.it.rows("SELECT * FROM attachment_chunk")
        await exchange.change_retention(pair.it.node, pair.it.supervisor, case, "block", "complaint")
        go_on.set()
        with pytest.raises(Forbidden) as refused:
            await first
        assert refused.value.code == "retention.blocked"
        assert await pair.it.rows("SELECT * FROM attachment_chunk") == before
        (row,) = await pair.it.rows("SELECT state FROM attachment")
        assert row["state"] == "uploading"

    run(story)


def test_what_is_not_described_as_it_was_uploaded_is_not_sent(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        uploaded = await upload(pair.it, case, document(500))
        other = await upload(pair.it, case, document(500, seed=3))
        wrong: list[tuple[list[dict[str, Any]], str]] = [
            ([described(uploaded, salt=other.salt)], "attachment.unknown"),
            ([described(uploaded, size=501)], "attachment.unknown"),
            ([described(uploaded, media_type="png")], "attachment.unknown"),
            ([described(uploaded, digest="A" * 43)], "attachment.unknown"),
            ([described(uploaded), described(uploaded)], "attachment.not_described"),
            ([described(uploaded, size=21 << 20)], "attachment.too_large"),
            ([described(uploaded)] * 9, "message.field"),
        ]
        for attached, code in wrong:
            with pytest.raises(NotAcceptable) as refused:
                await pair.it.send(with_attachments(pair, case, *attached))
            assert refused.value.code == code
        elsewhere = await pair.open_case()
        with pytest.raises(NotAcceptable):
            await pair.it.send(with_attachments(pair, elsewhere, described(uploaded)))
        dry = await exchange.validate(
            pair.it.node, pair.it.officer, with_attachments(pair, case, described(uploaded, size=501))
        )
        assert [one.code for one in dry.refusals] == ["attachment.unknown"]

    run(story)


def test_one_upload_goes_with_one_message(pair: Pair) -> None:
    async def story() -> None:
        case, _, (uploaded,) = await sent_with(pair, document(500))
        with pytest.raises(NotAcceptable) as refused:
            await pair.it.send(with_attachments(pair, case, described(uploaded)))
        assert refused.value.code == "attachment.used"

    run(story)


def test_the_same_message_again_gets_the_first_answer(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        uploaded = await upload(pair.it, case, document(500))
        submission = with_attachments(pair, case, described(uploaded))
        assert await pair.it.send(submission) == await pair.it.send(submission)

    run(story)


def test_uploads_that_nobody_sends_are_bounded_and_forgotten(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        for seed in range(UNSENT_AT_MOST):
            await upload(pair.it, case, document(50, seed=seed))
        with pytest.raises(Throttled) as refused:
            await upload(pair.it, case, document(50))
        assert refused.value.code == "attachment.unsent"
        pair.clock.pass_by(hours=25)
        await upload(pair.it, case, document(50))
        (row,) = await pair.it.rows("SELECT count(*) AS n FROM attachment")
        assert row["n"] < UNSENT_AT_MOST

    run(story)


def test_a_case_of_others_takes_no_upload(pair: Pair) -> None:
    async def story() -> None:
        case = await pair.open_case()
        with pytest.raises(NotFound):
            await exchange.put_attachment(
                pair.it.node,
                actor("it.tribunale-minori"),
                case,
                MessageId(str(uuid.uuid4())),
                MediaType.PDF,
                pieces(document(50)),
            )

    run(story)


# -- reading and erasure


def test_a_document_is_released_as_identity_is_and_journalled(pair: Pair) -> None:
    async def story() -> None:
        _, accepted, (uploaded,) = await sent_with(pair, document(500))
        await Carrier(pair).settle()
        with pytest.raises(Forbidden):
            await exchange.read_attachment(
                pair.ro.node, pair.ro.officer, accepted.id, uploaded.digest, "identity-check"
            )
        await read(pair.ro, accepted, uploaded.digest)
        journal = await pair.ro.rows("SELECT action, subject, reason FROM access_journal")
        assert journal[-1] == {
            "action": "identity-released",
            "subject": accepted.id,
            "reason": "identity-check",
        }
        shown = await exchange.read_message(pair.ro.node, pair.ro.officer, accepted.id, False, None)
        assert shown.content is not None
        assert [one.state for one in shown.content.attachments] == ["complete"]
        assert uploaded.salt not in repr(shown)

    run(story)


def test_what_has_not_come_as_a_whole_is_not_shown(pair: Pair) -> None:
    async def story() -> None:
        accepted, (uploaded,) = await announced(pair, document(500))
        with pytest.raises(Conflict) as refused:
            await read(pair.ro, accepted, uploaded.digest)
        assert refused.value.code == "attachment.incomplete"

    run(story)


def test_destroying_the_cases_key_destroys_its_attachments_on_both_sides(pair: Pair, tmp_path: Path) -> None:
    async def story() -> None:
        word = "Щw-planted-in-a-document-ß"
        data = PDF + (word + "\n").encode() * 20_000
        case, accepted, (uploaded,) = await sent_with(pair, data)
        await Carrier(pair).settle()
        assert await read(pair.ro, accepted, uploaded.digest) == data
        for side in (pair.it, pair.ro):
            node = side.node
            await node.store.write(lambda session, node=node: node.vault.destroy(session, case, "identity"))
            await node.store.forget_deleted()
            with pytest.raises(NotFound):
                await read(side, accepted, uploaded.digest)
            assert (await states(side, accepted))[0][0] == "destroyed"
            sealed = await side.rows(
                "SELECT a.name, a.chunks, c.number, c.sealed FROM attachment a"
                " JOIN attachment_chunk c ON c.attachment = a.row"
            )
            assert sealed
            for row in sealed:
                with pytest.raises(NodeError):
                    await node.store.read(
                        lambda session, row=row, node=node: node.vault.open(
                            session, case, "identity", row["sealed"], bound_to=row["name"]
                        )
                    )
        places = [(name, data) for name, data in files_below(tmp_path)]
        assert places
        assert occurrences(word, places) == []
        assert occurrences(uploaded.salt, places) == []

    run(story)


def test_a_plain_chunk_would_be_found_by_that_search(tmp_path: Path) -> None:
    (tmp_path / "leak").write_bytes(PDF + "Щw-planted-in-a-document-ß".encode())
    assert occurrences("Щw-planted-in-a-document-ß", files_below(tmp_path))


def test_an_attachment_whose_key_was_destroyed_at_the_recipient_is_refused(pair: Pair) -> None:
    async def story() -> None:
        case, accepted, _ = await sent_with(pair, document(3 * CHUNK_BYTES))
        await pair.settle()
        node = pair.ro.node
        await node.store.write(lambda session: node.vault.destroy(session, case, "identity"))
        await Carrier(pair).settle()
        assert (await states(pair.it, accepted))[0] == ("refused", 0, "attachment.erased")

    run(story)


def test_an_attachment_whose_key_was_destroyed_at_the_sender_stops(pair: Pair) -> None:
    async def story() -> None:
        case, accepted, _ = await sent_with(pair, document(20 * CHUNK_BYTES))
        carrier = Carrier(pair)
        while await arrived(pair) < 4:
            await carrier.step()
        node = pair.it.node
        await node.store.write(lambda session: node.vault.destroy(session, case, "identity"))
        for _ in range(20):
            await carrier.step()
        assert (await states(pair.it, accepted))[0][0] == "destroyed"
        assert (await states(pair.ro, accepted))[0][0] == "arriving"
        other = await pair.open_case()
        assert (await pair.notify(other)).status == "accepted"

    run(story)


def test_a_bundle_holds_no_bytes_of_an_attachment_and_verifies(pair: Pair) -> None:
    async def story() -> None:
        word = "Щw-planted-in-a-document-ß"
        case, accepted, (uploaded,) = await sent_with(pair, PDF + word.encode() * 200)
        await Carrier(pair).settle()
        bundle = await exchange.case_bundle(pair.it.node, pair.it.officer, case)
        assert occurrences(word, [("bundle", bundle)]) == []
        assert occurrences(uploaded.salt, [("bundle", bundle)]) == []
        report = verify_bundle(bundle, pair.world.charter_digest)
        assert report.findings == ()
        (proven,) = [one for one in report.messages if one.id == accepted.id]
        assert "attachment-consigned" in repr(proven)

    run(story)
