"""Envelopes on a stick: the bytes that the hub carries, accepted once, whichever way comes first."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import warnings
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import courier
from protocol.bundle import verify_bundle
from protocol.envelope import parse
from protocol.errors import NotAcceptable
from service import exchange
from service.exchange.accept import Outcome
from service.exchange.views import Accepted
from tests.service.exchange_pair import Pair, message, open_pair

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    made = open_pair(tmp_path)
    yield made
    made.close()


async def notified(pair: Pair) -> Accepted:
    case = await pair.open_case()
    return await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))


async def exported(pair: Pair, *sent: Accepted) -> bytes:
    return courier.pack(
        [await exchange.export_envelope(pair.it.node, pair.it.officer, one.id) for one in sent]
    )


async def imported(pair: Pair, file: bytes) -> list[str]:
    return [
        (await exchange.import_envelope(pair.ro.node, pair.ro.officer, data)).outcome
        for data in courier.unpack(file)
    ]


async def by_hub(pair: Pair, *envelopes: bytes) -> list[str]:
    outcomes = await pair.ro.receive(*envelopes)
    assert all(isinstance(one, Outcome) for one in outcomes)
    return [one.disposition for one in outcomes if isinstance(one, Outcome)]


async def here_once(pair: Pair, *sent: Accepted) -> None:
    """Each message is at the recipient, once, and the sender's evidence of it is whole."""
    await pair.settle()
    rows = await pair.ro.rows("select id from message where direction = 'in' order by cursor")
    assert [row["id"] for row in rows] == [one.id for one in sent]
    assert len(await pair.ro.rows("select id from inbox")) == len(sent)
    bundle = await exchange.case_bundle(pair.it.node, pair.it.officer, sent[0].case)
    assert verify_bundle(bundle, pair.world.charter_digest).findings == ()


async def test_what_the_hub_carried_travels_in_a_file_byte_for_byte(pair: Pair) -> None:
    sent = await notified(pair)
    await pair.release(pair.it)
    ((to, carried),) = pair.hub.carried
    assert to == "ro"
    assert courier.unpack(courier.pack([carried])) == (carried,)
    pair.hub.lose_everything()
    assert await imported(pair, courier.pack([carried])) == ["consigned"]
    await here_once(pair, sent)


async def test_what_a_file_carried_travels_by_the_hub_byte_for_byte(pair: Pair) -> None:
    sent = await notified(pair)
    (envelope,) = courier.unpack(await exported(pair, sent))
    assert await by_hub(pair, envelope) == ["consigned"]
    await here_once(pair, sent)


async def test_the_bytes_are_those_of_one_manifest_and_evidence_names_it(pair: Pair) -> None:
    sent = await notified(pair)
    (envelope,) = courier.unpack(await exported(pair, sent))
    read = parse(envelope)
    kept = await pair.it.rows("select token from sent_manifest where id = :id", id=sent.id)
    assert [row["token"] for row in kept] == [read.manifest.token]
    await by_hub(pair, envelope)
    await pair.settle()
    (row,) = await pair.ro.rows("select manifest_digest from inbox where id = :id", id=sent.id)
    assert row["manifest_digest"] == read.manifest.digest


WAYS = ("hub", "file", "attempt")
"""By the hub; the very same bytes in a file; another attempt, exported by itself."""


@pytest.mark.parametrize("order", [*itertools.permutations(WAYS), ("file", "file", "hub", "hub")])
async def test_accepted_once_whichever_way_comes_first_and_however_often(
    pair: Pair, order: Sequence[str]
) -> None:
    sent = await notified(pair)
    await pair.release(pair.it)
    ((_, carried),) = pair.hub.carried
    pair.hub.lose_everything()
    attempt = await exported(pair, sent)
    seen: list[str] = []
    for way in order:
        match way:
            case "hub":
                seen += await by_hub(pair, carried)
            case "file":
                seen += await imported(pair, courier.pack([carried]))
            case _:
                seen += await imported(pair, attempt)
    assert seen == ["consigned", *["known"] * (len(order) - 1)]
    await here_once(pair, sent)


async def test_what_waits_for_a_hub_that_is_away_leaves_by_courier(pair: Pair) -> None:
    sent = await notified(pair)
    answer = message("social-inquiry.request", sent.case, pair.it.office, pair.ro.office)
    second = await pair.it.send(answer)
    assert pair.hub.carried == []
    file = await exported(pair, sent, second)
    rows = await pair.it.rows("select state, sequence from outbox where kind = 'content' order by row")
    assert [tuple(row.values()) for row in rows] == [("released", 1), ("released", 2)]
    assert await imported(pair, file) == ["consigned", "consigned"]
    pair.clock.pass_by(hours=2)  # the hub is back, and the outbox tries as it always does
    await pair.settle()
    await pair.reconcile("it")
    await pair.reconcile("ro")
    await here_once(pair, sent, second)
    (channel,) = await pair.ro.rows("select count, last from channel where sender_node = 'it'")
    assert dict(channel) == {"count": 2, "last": 2}


async def test_two_exports_at_once_take_one_number(pair: Pair) -> None:
    sent = await notified(pair)
    files = await asyncio.gather(exported(pair, sent), exported(pair, sent))
    numbers = {parse(courier.unpack(one)[0]).header.sequence for one in files}
    assert numbers == {1}
    (channel,) = await pair.it.rows("select count, last from channel where recipient_node = 'ro'")
    assert dict(channel) == {"count": 1, "last": 1}
    pair.clock.pass_by(hours=2)
    await here_once(pair, sent)


async def test_what_was_exported_with_nobody_to_bring_it_goes_by_the_hub_in_the_end(pair: Pair) -> None:
    sent = await notified(pair)
    await exported(pair, sent)
    pair.clock.pass_by(hours=2)
    await here_once(pair, sent)


async def test_the_file_shows_nothing_that_the_envelope_does_not(pair: Pair) -> None:
    sent = await notified(pair)
    file = await exported(pair, sent)
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.namelist() == ["manifest.json", "envelopes/0001.json"]
        manifest = archive.read("manifest.json")
    for hidden in (str(sent.case), str(sent.id), "servizio-minori", "anpdca", "notification"):
        assert hidden.encode() not in manifest
    assert str(sent.case).encode() not in file


# --- the file ---------------------------------------------------------------------------------------------

ENVELOPES = (b'{"manifest":"a","parts":{}}', b'{"manifest":"b","parts":{"header":"x"}}')


def test_the_same_envelopes_are_the_same_file() -> None:
    assert courier.pack(ENVELOPES) == courier.pack(ENVELOPES)
    assert courier.unpack(courier.pack(ENVELOPES)) == ENVELOPES


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_broken_copy_is_refused_or_holds_the_same_bytes(data: Any) -> None:
    file = bytearray(courier.pack(ENVELOPES))
    at = data.draw(st.integers(0, len(file) - 1))
    if data.draw(st.booleans()):
        file[at] ^= data.draw(st.integers(1, 255))
    else:
        del file[at : at + data.draw(st.integers(1, 40))]
    with contextlib.suppress(NotAcceptable):
        assert courier.unpack(bytes(file)) == ENVELOPES


def rewritten(change: Any, compression: int = zipfile.ZIP_STORED) -> bytes:
    entries = []
    with zipfile.ZipFile(io.BytesIO(courier.pack(ENVELOPES))) as archive:
        entries = [(name, archive.read(name)) for name in archive.namelist()]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice, on purpose
        for name, content in change(entries):
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "courier.malformed"),
        (b"PK\x05\x06" + bytes(18), "courier.malformed"),
        (rewritten(lambda rows: rows, zipfile.ZIP_DEFLATED), "courier.malformed"),
        (rewritten(lambda rows: rows[:2]), "courier.altered"),
        (rewritten(lambda rows: [rows[0], rows[2], rows[1]]), "courier.altered"),
        (rewritten(lambda rows: [*rows, rows[1]]), "courier.malformed"),
        (rewritten(lambda rows: [*rows, ("../etc/passwd", b"x")]), "courier.malformed"),
        (rewritten(lambda rows: [*rows, ("envelopes/٠٠٠٣.json", b"x")]), "courier.malformed"),
        (rewritten(lambda rows: [*rows, ("envelopes/0003.json", bytes(4 << 20))]), "courier.malformed"),
        (rewritten(lambda rows: [rows[0], rows[1], (rows[2][0], rows[1][1])]), "courier.altered"),
        (rewritten(lambda rows: rows[1:]), "courier.malformed"),
    ],
)
def test_what_is_no_whole_courier_file_is_refused_as_a_whole(file: bytes, code: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        courier.unpack(file)
    assert refused.value.code == code


def test_no_more_is_packed_than_can_be_unpacked() -> None:
    for envelopes in ((), [b"{}"] * (courier.MOST_ENVELOPES + 1)):
        with pytest.raises(NotAcceptable, match=r"courier\.too_large"):
            courier.pack(envelopes)
