"""Twenty megabytes between two node processes: never in memory as a whole, and through two power cuts."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.attachments import CHUNK_BYTES
from service.network.control import ask
from tests.journeys.local_network import IT, RO, LocalNetwork, local_network, message, send
from tests.journeys.planting import files_below, occurrences
from tests.watching import until

pytestmark = pytest.mark.network

MIB = 1 << 20
LARGEST = 20 * MIB
WITHIN = 120.0
"""Seconds. Only a failing test waits that long."""
NOT_HERE = {"state": "not here", "arrived": 0}

type Json = dict[str, Any]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """A network of its own: its nodes are killed."""
    with local_network(tmp_path_factory.mktemp("attachments") / "network") as up:
        yield up


def document(size: int, *, seed: int = 1, beginning: bytes = b"%PDF-1.7\n") -> bytes:
    return beginning + random.Random(seed).randbytes(size - len(beginning))


def pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 65_536):
        yield data[start : start + 65_536]


def send_with(network: LocalNetwork, *documents: bytes) -> tuple[Json, Json]:
    """The message that was sent, and the first of its uploads."""
    case = network.settled_case()
    uploads = [upload(network, case, data) for data in documents]
    body = message("social-inquiry.request", case, IT, RO)
    body["identity"] = {**body["identity"], "attachments": [described(one) for one in uploads]}
    return send(network.officer("it"), body), uploads[0]


def described(uploaded: Json) -> Json:
    of_upload = {name: uploaded[name] for name in ("digest", "salt", "size", "media_type")}
    return of_upload | {"document_kind": "birth-certificate", "title": "Made up"}


def upload(network: LocalNetwork, case: str, data: bytes) -> Json:
    it = network.officer("it")
    answer = it.put(
        f"/v1/cases/{case}/attachments/{uuid.uuid4()}",
        content=pieces(data),
        headers={"Content-Type": "application/pdf"},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def state(network: LocalNetwork, code: str, sent: Json) -> Json:
    answer = network.officer(code).get(f"/v1/messages/{sent['id']}/attachments")
    listed = answer.json()["attachments"] if answer.status_code == 200 else []
    return dict(min(listed, key=lambda one: one["state"] == "complete")) if listed else NOT_HERE


def await_complete(network: LocalNetwork, sent: Json) -> None:
    for code in ("ro", "it"):
        until(
            lambda code=code: state(network, code, sent)["state"] == "complete",
            within=WITHIN,
            what=f"the whole attachment at {code}",
        )


def downloaded(network: LocalNetwork, code: str, sent: Json, digest: str) -> tuple[str, int, Any]:
    summed, size = hashlib.sha256(), 0
    where = f"/v1/messages/{sent['id']}/attachments/{digest}"
    asked = {"identity": "release", "reason": "identity-check"}
    network.release(code, sent["id"], "identity-check")
    with network.officer(code).stream("GET", where, params=asked) as answer:
        assert answer.status_code == 200
        for piece in answer.iter_bytes():
            summed.update(piece)
            size += len(piece)
        return summed.hexdigest(), size, answer.headers


def peak_memory(network: LocalNetwork, code: str) -> int:
    """Bytes that the node's process had in memory at most."""
    status = Path(f"/proc/{network.node(code)['pid']}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def kill_and_restart(network: LocalNetwork, code: str) -> None:
    os.kill(int(network.node(code)["pid"]), signal.SIGKILL)
    asyncio.run(ask(network.directory, "restart-node", code))


def test_the_largest_document_is_never_in_memory_as_a_whole(network: LocalNetwork) -> None:
    # More bytes in small documents first, so that the writers' page caches are as full as they get.
    sent, _ = send_with(network, *(document(3 * MIB, seed=seed) for seed in range(10, 18)))
    await_complete(network, sent)
    before = {code: peak_memory(network, code) for code in ("it", "ro")}
    data = document(LARGEST, seed=2)
    sent, uploaded = send_with(network, data)
    await_complete(network, sent)
    there, size, headers = downloaded(network, "ro", sent, uploaded["digest"])
    grown = {code: peak_memory(network, code) - before[code] for code in ("it", "ro")}
    assert (there, size) == (hashlib.sha256(data).hexdigest(), LARGEST)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"].startswith('attachment; filename="attachment-')
    assert "Made up" not in str(headers)
    assert grown["it"] < 8 * MIB, grown
    # Its pages stay in the readers' page caches (`service.store.engine`): about its size, once. Held as a
    # whole on its way out it was seen to come to 57 MiB.
    assert grown["ro"] < 28 * MIB, grown


def test_both_nodes_are_killed_half_way_and_every_chunk_arrives_once(network: LocalNetwork) -> None:
    data = document(LARGEST, seed=3)
    sent, uploaded = send_with(network, data)
    for code, reached in (("ro", 15), ("it", 40)):
        until(
            lambda reached=reached: state(network, "ro", sent)["arrived"] >= reached,
            within=WITHIN,
            what=f"{reached} chunks",
        )
        kill_and_restart(network, code)
        assert state(network, "ro", sent)["arrived"] < uploaded["chunks"]
    await_complete(network, sent)
    sql = (
        "SELECT c.number FROM attachment a JOIN attachment_chunk c ON c.attachment = a.row"
        " WHERE a.digest = ? ORDER BY c.number"
    )
    numbers = [row["number"] for row in network.rows("ro", sql, uploaded["digest"])]
    assert numbers == list(range(1, -(-LARGEST // CHUNK_BYTES) + 1))
    there, size, _ = downloaded(network, "ro", sent, uploaded["digest"])
    assert (there, size) == (hashlib.sha256(data).hexdigest(), LARGEST)
    (evidence,) = network.rows(
        "it", "SELECT count(*) AS n FROM evidence WHERE id = ? AND kind = 'attachment-consigned'", sent["id"]
    )
    assert evidence["n"] == 1


def test_what_is_in_a_document_is_in_no_file_of_the_network_and_on_no_wire(network: LocalNetwork) -> None:
    word = "Щw-planted-in-a-document-ß"
    sent, uploaded = send_with(network, b"%PDF-1.7\n" + word.encode() * 30_000)
    await_complete(network, sent)
    assert occurrences(word, files_below(network.directory)) == []
    assert occurrences(uploaded["salt"], files_below(network.directory)) == []
    assert occurrences(word, files_below(network.temporary)) == []


def test_what_is_refused_over_http(network: LocalNetwork) -> None:
    it = network.officer("it")
    case = network.settled_case()

    def put(data: Any, kind: str = "application/pdf") -> tuple[int, str]:
        answer = it.put(
            f"/v1/cases/{case}/attachments/{uuid.uuid4()}", content=data, headers={"Content-Type": kind}
        )
        return answer.status_code, answer.json()["code"]

    assert put(b"MZ\x90\x00" + bytes(100)) == (422, "attachment.type")
    assert put(document(100), "image/png") == (422, "attachment.type")
    assert put(document(100), "application/x-msdownload") == (415, "request.media_type")
    assert put(document(LARGEST + 1)) == (413, "attachment.too_large")
