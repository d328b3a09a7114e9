"""Attachments on the wire: a blinded digest, chunks in their places, nothing that a stranger could guess."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import base64url
from protocol.attachments import (
    CHUNK_BYTES,
    MAX_ATTACHMENTS,
    AttachmentClaim,
    BlindDigest,
    ChunkPlace,
    MediaType,
    check_chunk,
    check_described,
    check_size,
    chunks_of,
    media_type_of,
)
from protocol.content import read_content, sign_content
from protocol.envelope import Limits, Outgoing, SealedHeader, parse
from protocol.errors import CannotOpen, NotAcceptable, Unauthenticated
from protocol.json_strict import dumps
from protocol.messages.person import Attachment
from protocol.padding import padded_size
from protocol.sealing import sealed_size
from tests.protocol.sample_directory import NOW
from tests.protocol.sample_envelopes import (
    AUTHORITY_KEY,
    DRAFT,
    MESSAGE,
    RO_CONTENT,
    RO_IDENTITY,
    HeldKeys,
    envelope,
    receipt,
    zeros,
)
from tests.protocol.test_opening import opened

DIGEST = "d" * 43
PLACE = ChunkPlace(message=MESSAGE, attachment=DIGEST, index=2, count=3)
CHUNK = b"c" * 1_000


def outgoing(place: ChunkPlace | None = PLACE, **changes: Any) -> Outgoing:
    made = Outgoing(kind="blob", id=MESSAGE, statements=(), blob=place, chunk=CHUNK)
    return replace(made, **changes)


def test_a_chunk_opens_with_its_place() -> None:
    found = opened(envelope(outgoing=outgoing()))
    assert (found.kind, found.blob, found.chunk) == ("blob", PLACE, CHUNK)
    assert found.identity_key_kid == RO_IDENTITY.kid


def test_a_chunk_whose_identity_key_was_destroyed_does_not_open() -> None:
    with pytest.raises(CannotOpen) as refused:
        opened(envelope(outgoing=outgoing()), keys=HeldKeys(keys={RO_CONTENT.kid: RO_CONTENT}))
    assert refused.value.code == "sealing.unknown_key"
    assert refused.value.facts["purpose"] == "identity"


@pytest.mark.parametrize(
    ("index", "count"), [(0, 3), (4, 3), (1, 0), (1, 70_000)], ids=["nought", "beyond", "none", "too many"]
)
def test_a_place_outside_its_series_does_not_open(index: int, count: int) -> None:
    wrong = replace(PLACE, index=index, count=count)
    with pytest.raises(CannotOpen) as refused:
        opened(envelope(outgoing=outgoing(wrong)))
    assert refused.value.code == "envelope.sealed_header"


def test_a_blob_with_a_statement_or_without_its_place_does_not_open() -> None:
    with pytest.raises(Unauthenticated):
        parse(envelope(outgoing=outgoing(statements=(receipt(),))).data)
    header = SealedHeader(
        kind="blob", id=MESSAGE, sender=None, recipient=None, statements=(DIGEST,), blob=None
    )
    with pytest.raises(CannotOpen):
        SealedHeader.from_bytes(header.to_bytes(), Limits())


def test_content_that_hides_in_a_blob_part_does_not_open() -> None:
    with pytest.raises((CannotOpen, Unauthenticated)):
        opened(envelope(outgoing=outgoing(None, kind="evidence")))


def test_the_places_digest_is_that_of_its_members_as_the_page_has_them() -> None:
    written = dumps({"message": MESSAGE, "attachment": DIGEST, "index": 2, "count": 3})
    assert PLACE.digest == base64url.encode(hashlib.sha256(written).digest()).decode()
    assert PLACE.digest != replace(PLACE, index=3).digest


def test_a_full_chunk_fills_its_size_class() -> None:
    assert padded_size(CHUNK_BYTES) == 256 << 10
    assert len(envelope(outgoing=outgoing(chunk=bytes(CHUNK_BYTES))).data) < Limits().envelope
    assert Limits(coded=1024, narrative=1024, identity=1024).envelope > sealed_size(CHUNK_BYTES)


@given(st.binary(max_size=64), st.binary(min_size=16, max_size=16))
def test_the_digest_is_of_salt_and_bytes_however_they_are_cut(data: bytes, salt: bytes) -> None:
    blind = BlindDigest(salt)
    for at in range(0, len(data), 7):
        blind.update(data[at : at + 7])
    assert blind.text() == base64url.encode(hashlib.sha256(salt + data).digest()).decode()


def test_a_short_salt_is_refused() -> None:
    with pytest.raises(NotAcceptable):
        BlindDigest(b"short")


@given(st.integers(1, 3 * CHUNK_BYTES + 5))
def test_every_byte_is_in_one_chunk(size: int) -> None:
    assert (chunks_of(size) - 1) * CHUNK_BYTES < size <= chunks_of(size) * CHUNK_BYTES


@pytest.mark.parametrize(
    ("place", "length"),
    [
        ({"count": 4}, CHUNK_BYTES),
        ({"index": 1}, CHUNK_BYTES - 1),
        ({"index": 3}, 0),
        ({"index": 3}, CHUNK_BYTES + 1),
    ],
)
def test_a_chunk_that_does_not_fit_its_place_is_refused(place: dict[str, int], length: int) -> None:
    claim = AttachmentClaim(digest=DIGEST, chunks=3)
    check_chunk(replace(PLACE, index=3), claim, b"x")
    with pytest.raises(NotAcceptable) as refused:
        check_chunk(replace(PLACE, **place), claim, bytes(length))
    assert refused.value.code == "attachment.wrong_count"


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"%PDF-1.4", MediaType.PDF),
        (b"\xff\xd8\xff\xe0", MediaType.JPEG),
        (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
        (b"MZ\x90\x00", None),
        (b"\x7fELF", None),
        (b"#!/bin/sh", None),
        (b" %PDF-1.4", None),
        (b"PK\x03\x04", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_what_a_file_begins_with_says_what_it_is(beginning: bytes, kind: MediaType | None) -> None:
    assert media_type_of(beginning) is kind


def with_claims(*claims: AttachmentClaim) -> Any:
    draft = replace(DRAFT, attachments=claims)
    return sign_content(draft, key=AUTHORITY_KEY, issued_at=NOW, random_bytes=zeros)


def test_the_statement_says_digest_and_number_of_chunks_and_reads_back() -> None:
    claim = AttachmentClaim(digest=DIGEST, chunks=81)
    signed = with_claims(claim)
    assert signed.statement.claims["attachments"] == [{"digest": DIGEST, "chunks": 81}]
    assert read_content(signed.statement, signed.narrative, signed.identity).attachments == (claim,)
    assert "attachments" not in with_claims().statement.claims


def test_a_statement_with_too_many_attachments_is_refused() -> None:
    claims = [AttachmentClaim(digest=f"{number:043}", chunks=1) for number in range(MAX_ATTACHMENTS + 1)]
    signed = with_claims(*claims)
    with pytest.raises(NotAcceptable) as refused:
        read_content(signed.statement, signed.narrative, signed.identity)
    assert refused.value.code == "attachment.too_many"


@pytest.mark.parametrize(
    ("claims", "sizes"),
    [((1,), ()), ((), (1,)), ((2,), (1,)), ((1, 1), (1, 1))],
    ids=["not described", "not signed for", "another size", "twice"],
)
def test_what_is_signed_for_is_what_is_described(claims: tuple[int, ...], sizes: tuple[int, ...]) -> None:
    signed = tuple(AttachmentClaim(digest=DIGEST, chunks=chunks) for chunks in claims)
    described = [Attachment.model_construct(digest=DIGEST, size=size) for size in sizes]
    with pytest.raises(NotAcceptable) as refused:
        check_described(signed, described)
    assert refused.value.code == "attachment.not_described"


def test_a_recipient_that_takes_none_or_less_is_sent_none() -> None:
    claims = [AttachmentClaim(digest=DIGEST, chunks=2)]
    check_size(claims, 2 * CHUNK_BYTES)
    for most, code in ((CHUNK_BYTES, "attachment.too_large"), (0, "attachment.not_taken")):
        with pytest.raises(NotAcceptable) as refused:
            check_size(claims, most)
        assert refused.value.code == code
    check_size([], 0)
