"""Narrative and identity at rest: where they can be read, and where they no longer can."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from sqlalchemy import insert, select, update

from service.errors import Misconfigured, NodeError, NotFound
from service.random_source import SystemRandomSource
from service.store import Store, Vault
from service.store.tables import CASE_KEY, MESSAGE, METADATA

KEK = bytes(range(32))
CASE, OTHER_CASE = "K7QM-3XPT-9V2D-6", "0000-0000-0000-0"
MESSAGE_ID, OTHER_MESSAGE = "0b6f6d3e-8f5c-4d5b-9f1e-000000000001", "0b6f6d3e-8f5c-4d5b-9f1e-000000000002"
PLANTED = b"Ana-Maria Planted Popescu, born in the planted village of Ciorogarla"


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, tzinfo=UTC)


def vault(kek: bytes = KEK, open_keys: int = 16) -> Vault:
    return Vault(kek, clock=FixedClock(), random=SystemRandomSource(), open_keys=open_keys)


@pytest.fixture
def store(tmp_path: Path):
    store = Store(f"sqlite:///{tmp_path}/node.db")
    METADATA.create_all(store.engine)
    yield store
    store.close()


def seal(store: Store, vault: Vault, part: bytes = PLANTED, purpose="identity", case=CASE) -> bytes:
    work = lambda session: vault.seal(session, case, purpose, part, bound_to=MESSAGE_ID)  # noqa: E731
    return store.submit(work).result(5)


def opened(
    store: Store, vault: Vault, sealed: bytes, *, case=CASE, purpose="identity", message=MESSAGE_ID
) -> bytes:
    return store.read_now(lambda session: vault.open(session, case, purpose, sealed, bound_to=message))


def destroy(store: Store, vault: Vault, purpose="identity", case=CASE) -> bool:
    return store.submit(lambda session: vault.destroy(session, case, purpose)).result(5)


def wrapped_key(store: Store) -> bytes:
    return store.read_now(lambda session: session.scalar(select(CASE_KEY.c.wrapped)))


def files_of(store: Store) -> bytes:
    path = Path(store.url.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))


def encodings(secret: bytes) -> dict[str, bytes]:
    """What a careless store could have made of `secret`. Base64 at each alignment, without the ends that mix
    with neighbours."""
    found = {"raw": secret, "hex": secret.hex().encode(), "HEX": secret.hex().upper().encode()}
    text = secret.decode("latin-1")
    found["json"] = json.dumps(text)[1:-1].encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret)[4:-4]
        found[f"base64+{shift}"] = encoded
        found[f"base64url+{shift}"] = encoded.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def test_a_part_opens_for_its_case_purpose_and_message(store: Store) -> None:
    sealed = seal(store, vault())
    assert opened(store, vault(), sealed) == PLANTED


@pytest.mark.parametrize(
    "elsewhere", [{"message": OTHER_MESSAGE}, {"case": OTHER_CASE}, {"purpose": "narrative"}], ids=str
)
def test_a_part_moved_elsewhere_does_not_open(store: Store, elsewhere: dict[str, str]) -> None:
    safe = vault()
    sealed = seal(store, safe)
    seal(store, safe, case=OTHER_CASE)
    seal(store, safe, purpose="narrative")
    with pytest.raises(NodeError) as refused:
        opened(store, safe, sealed, **elsewhere)
    assert refused.value.code == "vault.damaged"


def test_the_key_of_another_case_put_in_its_place_does_not_open_a_moved_part(store: Store) -> None:
    safe = vault()
    sealed = seal(store, safe)
    wrapped = wrapped_key(store)
    seal(store, safe, case=OTHER_CASE)
    swap = update(CASE_KEY).where(CASE_KEY.c.reference == OTHER_CASE).values(wrapped=wrapped)
    store.submit(lambda session: session.connection().execute(swap)).result(5)
    with pytest.raises(NodeError) as refused:
        opened(store, safe, sealed, case=OTHER_CASE)
    assert refused.value.code == "vault.damaged"


def test_every_flipped_byte_is_noticed(store: Store) -> None:
    safe = vault()
    sealed = seal(store, safe)
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 1
        with pytest.raises(NodeError):
            opened(store, safe, bytes(altered))
    for length in (0, 1, 12, 13, 28):
        with pytest.raises(NodeError):
            opened(store, safe, sealed[:length])


def test_names_that_run_together_are_bound_apart(store: Store) -> None:
    safe = vault()
    run = lambda work: store.submit(work).result(5)  # noqa: E731
    sealed = run(lambda session: safe.seal(session, "AB", "identity", PLANTED, bound_to="C"))
    run(lambda session: safe.seal(session, "A", "identity", PLANTED, bound_to="BC"))
    key = store.read_now(lambda s: s.scalar(select(CASE_KEY.c.wrapped).where(CASE_KEY.c.reference == "AB")))
    move = update(CASE_KEY).where(CASE_KEY.c.reference == "A").values(wrapped=key)
    run(lambda session: session.connection().execute(move))
    with pytest.raises(NodeError):
        store.read_now(lambda session: safe.open(session, "A", "identity", sealed, bound_to="BC"))


def test_a_key_made_in_a_work_that_failed_is_not_used_again(store: Store) -> None:
    safe = vault()

    def sealed_then_failed(session):
        safe.seal(session, CASE, "identity", PLANTED, bound_to=MESSAGE_ID)
        raise ValueError("after sealing")

    assert isinstance(store.submit(sealed_then_failed).exception(5), ValueError)
    sealed = seal(store, safe)
    assert opened(store, vault(), sealed) == PLANTED  # by a vault that has nothing in memory


def test_another_key_encryption_key_is_refused_as_such(store: Store) -> None:
    sealed = seal(store, vault())
    with pytest.raises(Misconfigured) as refused:
        opened(store, vault(bytes(32)), sealed)
    assert refused.value.code == "vault.wrong_key"


def test_keys_in_memory_are_bounded_and_the_rest_still_open(store: Store) -> None:
    safe = vault(open_keys=2)
    cases = [f"case-{number}" for number in range(5)]
    sealed = {case: seal(store, safe, case=case) for case in cases}
    assert len(safe._opened) == 2
    assert all(opened(store, safe, sealed[case], case=case) == PLANTED for case in cases)


def test_after_destruction_nothing_opens_and_nothing_new_is_sealed(store: Store) -> None:
    safe = vault()
    sealed = seal(store, safe)
    assert destroy(store, safe)
    assert not destroy(store, safe)
    for attempt in (
        lambda: opened(store, safe, sealed),
        lambda: seal(store, safe),
        lambda: opened(store, vault(), sealed),
    ):
        with pytest.raises(NotFound) as refused:
            attempt()
        assert refused.value.code == "vault.key_destroyed"


def test_destroying_identity_leaves_narrative(store: Store) -> None:
    safe = vault()
    narrative = seal(store, safe, purpose="narrative")
    seal(store, safe)
    destroy(store, safe)
    assert opened(store, safe, narrative, purpose="narrative") == PLANTED


def test_a_case_without_a_key_is_closed_by_destruction_too(store: Store) -> None:
    safe = vault()
    assert destroy(store, safe)
    with pytest.raises(NotFound):
        seal(store, safe)


def test_a_mark_tells_the_same_request_and_dies_with_the_key(store: Store) -> None:
    safe = vault()
    mark = lambda data, case=CASE: store.submit(lambda s: safe.mark(s, case, "identity", data)).result(5)  # noqa: E731
    assert mark(b"request") == mark(b"request")
    assert mark(b"request") != mark(b"another")
    assert mark(b"request") != mark(b"request", OTHER_CASE)
    destroy(store, safe)
    with pytest.raises(NotFound):
        mark(b"request")


def row_with(sealed: bytes) -> dict[str, object]:
    moment = FixedClock().now()
    words = (
        "sender_node",
        "type",
        "sender",
        "recipient",
        "statement",
        "statement_digest",
        "urgency",
        "vocabulary",
    )
    return dict.fromkeys(words, "x") | {
        "id": MESSAGE_ID,
        "direction": "in",
        "case_reference": CASE,
        "thread": MESSAGE_ID,
        "issued_at": moment,
        "recorded_at": moment,
        "status": "consigned",
        "identity_sealed": sealed,
    }


def test_planted_identity_is_in_no_file_in_any_encoding(store: Store) -> None:
    safe = vault()

    def accept(session) -> None:
        sealed = safe.seal(session, CASE, "identity", PLANTED, bound_to=MESSAGE_ID)
        session.connection().execute(insert(MESSAGE), row_with(sealed))

    store.submit(accept).result(5)
    assert MESSAGE_ID.encode() in files_of(store)  # the row is there, in the log or the database
    found = [name for name, form in encodings(PLANTED).items() if form in files_of(store)]
    assert found == []


def test_the_search_finds_what_is_planted_in_the_clear(store: Store) -> None:
    row = row_with(PLANTED) | {"statement": encodings(PLANTED)["base64url+1"].decode()}
    store.submit(lambda session: session.connection().execute(insert(MESSAGE), row)).result(5)
    found = {name for name, form in encodings(PLANTED).items() if form in files_of(store)}
    assert {"raw", "base64url+1"} <= found


def test_destroyed_keys_are_in_no_file_once_the_log_is_emptied(store: Store) -> None:
    safe = vault()
    cases = [f"case-{number:03}" for number in range(120)]  # several pages, with neighbours that stay
    for case in cases:
        seal(store, safe, case=case)
    every = select(CASE_KEY.c.reference, CASE_KEY.c.wrapped)
    wrapped = {row.reference: row.wrapped for row in store.read_now(lambda s: s.execute(every).all())}
    going, staying = cases[::3], cases[1::3]
    secrets = [secret for case in going for secret in (wrapped[case], aes_key_unwrap(KEK, wrapped[case]))]
    pieces = {secret[at : at + 8] for secret in secrets for at in range(len(secret) - 7)}
    assert all(wrapped[case] in files_of(store) for case in going)
    for case in going:
        destroy(store, safe, case=case)
    asyncio.run(store.forget_deleted())
    kept = files_of(store)
    assert not any(piece in kept for piece in pieces)
    assert all(wrapped[case] in kept for case in staying)
    assert os.path.getsize(store.url.removeprefix("sqlite:///") + "-wal") == 0
