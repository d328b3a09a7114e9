"""The floor does what the product does: neither less, which would flatter nobody, nor more."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from protocol.sealing import SealingPrivateKey, SealingPublicKey, SealingSuite, open_sealed
from protocol.sealing import seal as product_seal
from protocol.statements import StatementType, VerifyKey
from protocol.statements import read as product_read
from protocol.statements import verify as product_verify
from tests.benchmarks.bare_wire import SealKey, SignKey, issue, open_part, read, seal_part
from tests.benchmarks.floor import ProductMix
from tests.benchmarks.sample_request import TYPE
from tests.service.exchange_pair import message, open_pair

MESSAGES = 32
"""As many as receipts share an envelope."""

COUNTED = {
    "Ed25519PrivateKey.sign",
    "Ed25519PublicKey.verify",
    "Suite.encrypt",
    "Suite.decrypt",
    "AESGCM.encrypt",
    "AESGCM.decrypt",
}


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Calls into the cryptography library, HMACs and commits, on every thread. The profiler sees calls of
    built-in functions, so nothing of ours or of a library is replaced."""
    counts: Counter[str] = Counter()

    def look(_frame: Any, event: str, called: Any) -> None:
        if event != "c_call":
            return
        owner = type(getattr(called, "__self__", None)).__name__
        name = called.__name__
        if name in ("commit", "hmac_digest"):
            counts[name] += 1
        elif f"{owner}.{name}" in COUNTED:
            counts[f"{owner}.{name}"] += 1

    threading.setprofile_all_threads(look)
    try:
        yield counts
    finally:
        threading.setprofile_all_threads(None)
        sys.setprofile(None)


async def _product(directory: Path) -> Counter[str]:
    """One round of messages between two real nodes whose hub is a queue."""
    pair = open_pair(directory)
    try:
        case = await pair.open_case()
        await pair.notify(case)
        await pair.request(case)
        requests = [message(TYPE, case, pair.it.office, pair.ro.office) for _ in range(MESSAGES)]
        with counted() as counts:
            await asyncio.gather(*(pair.it.send(request) for request in requests))
            accepting = counts.pop("commit")
            await pair.release(pair.it)
            await pair.deliver("ro")
            await pair.release(pair.ro)
            await pair.deliver("it")
        assert not pair.hub.waiting["ro"], "each message went once"
        consigned = await pair.it.rows("SELECT id FROM message WHERE status = 'consigned'")
        assert len(consigned) == MESSAGES + 2
    finally:
        pair.close()
    assert accepting >= 1, "how many share a commit is chance"
    return counts


@contextmanager
def _opened(directory: Path) -> Iterator[ProductMix]:
    """Sender and recipient in one process."""
    mix = ProductMix()
    mix.open_sender(directory)
    mix.open_recipient(directory)
    try:
        yield mix
    finally:
        mix.at_sender.close()
        mix.at_recipient.close()


def _one_round(mix: ProductMix) -> None:
    _, ids, out = mix.accept(MESSAGES)
    replies = mix.take_in([data for _, data in out])
    assert len(replies) == 1
    assert mix.settle([data for _, data in replies]) == ids


def test_the_floor_performs_the_products_cryptographic_operations_exactly(tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    product = asyncio.run(_product(tmp_path / "product"))
    with _opened(tmp_path) as mix, counted() as floor:
        _one_round(mix)
    assert product.pop("commit") >= 6, "of the floor's seven, the first is not counted here"
    assert product == floor
    assert floor["Ed25519PrivateKey.sign"] == 4 * MESSAGES + 1
    assert floor["Suite.encrypt"] == 4 * MESSAGES + 2


def test_the_floor_commits_seven_times_a_round(tmp_path: Path) -> None:
    """Accepted, numbered, taken in, counted, numbered, taken, counted; each shared by all at hand."""
    statements: list[str] = []
    with _opened(tmp_path) as mix:
        for database in (mix.at_sender, mix.at_recipient):
            database.set_trace_callback(statements.append)
        _one_round(mix)
    assert statements.count("COMMIT") == 7


def test_the_product_opens_what_the_floor_seals_and_the_other_way_round() -> None:
    header = hashlib.sha256(b"a clear header").digest()
    bare = SealKey("k")
    public = SealingPublicKey(kid="k", suite=SealingSuite.HPKE_9_KE, raw=bare.raw_public)
    assert open_part(product_seal(b"words", to=public, header_digest=header), bare, header) == b"words"
    private = SealingPrivateKey.generate("k")
    bare.public = private.public._public  # type: ignore[assignment]
    sealed = seal_part(b"words", bare, header)
    assert open_sealed(sealed, key=private, header_digest=header) == b"words"
    assert len(sealed) == len(product_seal(b"words", to=public, header_digest=header))


def test_the_product_verifies_what_the_floor_signs() -> None:
    key = SignKey("k")
    token = issue(key, "fp-content+jws", {"iss": "it.servizio-minori"})
    unverified = product_read(token, typ=StatementType.CONTENT)
    public = VerifyKey(kid="k", raw=key.public.public_bytes_raw())
    assert product_verify(unverified, public).claims == {"iss": "it.servizio-minori"}


def test_the_floor_believes_nothing_that_was_changed() -> None:
    key, header = SealKey("k"), hashlib.sha256(b"a clear header").digest()
    with pytest.raises(InvalidTag):
        open_part(seal_part(b"words", key, header), key, hashlib.sha256(b"another").digest())
    with pytest.raises(InvalidSignature):
        read(SignKey("k"), issue(SignKey("k"), "fp-content+jws", {}))
