"""Documents that go with a message: a birth certificate, a photograph of a decision.

An attachment is cut into chunks of `CHUNK_BYTES`, the last one shorter; each travels in an envelope of its
own (`envelope.Kind` "blob"), after its message. The statement binds it by two numbers,

    {"digest": SHA-256(salt ‖ bytes), "chunks": n}

and nothing else about it. The digest is *blinded*: whoever holds a copy of a known document cannot tell
from a statement that this was it, for the 16 random bytes in front are in the identity part, with title,
kind, exact size and whom it concerns, and die with it. The size is not in the statement for the same reason.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from protocol import base64url
from protocol.claims import Claims
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import MessageId, parse_message_id
from protocol.json_strict import Json, dumps
from protocol.statements import digest

__all__ = [
    "CHUNK_BYTES",
    "MAX_ATTACHMENTS",
    "SALT_BYTES",
    "AttachmentClaim",
    "BlindDigest",
    "ChunkPlace",
    "MediaType",
    "check_chunk",
    "check_described",
    "check_size",
    "chunks_of",
    "media_type_of",
    "read_claims",
]

CHUNK_BYTES: Final = 262_143
"""One byte less than 256 KiB: with its padding bit a full chunk fills its size class, and a last one that is
nearly full cannot be told from it."""
MAX_ATTACHMENTS: Final = 8
"""Of one message."""
SALT_BYTES: Final = 16
_MAX_CHUNKS: Final = 65_536
_DIGEST_LENGTH: Final = 43


class MediaType(StrEnum):
    """What may be attached. The value is a code of the vocabulary `media-type`.

    Project choice: what a register or a telephone makes, and nothing that is meant to be run.
    """

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"

    @property
    def name_in_http(self) -> str:
        """As `Content-Type` has it."""
        return "application/pdf" if self is MediaType.PDF else f"image/{self}"


_MAGIC: Final = (
    (b"%PDF-", MediaType.PDF),
    (b"\xff\xd8\xff", MediaType.JPEG),
    (b"\x89PNG\r\n\x1a\n", MediaType.PNG),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentClaim:
    """What a statement says of one attachment."""

    digest: str
    chunks: int

    def to_json(self) -> Json:
        return {"digest": self.digest, "chunks": self.chunks}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlace:
    """Where a chunk belongs: the message that announces it, the attachment, and which of how many, from 1."""

    message: MessageId
    attachment: str
    index: int
    count: int

    @property
    def last(self) -> bool:
        return self.index == self.count

    @property
    def digest(self) -> str:
        """By which a channel's running digest knows this chunk again, however often it was sealed."""
        return digest(dumps(self.to_json()))

    def to_json(self) -> Json:
        return {
            "message": self.message,
            "attachment": self.attachment,
            "index": self.index,
            "count": self.count,
        }

    @classmethod
    def from_claims(cls, claims: Claims) -> ChunkPlace:
        """Refuses as `claims` does, for anything but a place."""
        attachment, count = claims.text("attachment"), claims.integer("count", least=1)
        index = claims.integer("index", least=1)
        if len(attachment) != _DIGEST_LENGTH:
            raise claims.wrong("attachment", "a digest")
        if not index <= count <= _MAX_CHUNKS:
            raise claims.wrong("index", "a number up to `count`")
        try:
            message = parse_message_id(claims.text("message"))
        except NotAcceptable:
            raise claims.wrong("message", "a message id") from None
        return cls(message=message, attachment=attachment, index=index, count=count)


class BlindDigest:
    """SHA-256 over salt and bytes, chunk by chunk."""

    __slots__ = ("_hash",)

    def __init__(self, salt: bytes) -> None:
        if len(salt) != SALT_BYTES:
            raise NotAcceptable("attachment.not_described", f"expected a salt of {SALT_BYTES} bytes")
        self._hash = hashlib.sha256(salt)

    def update(self, chunk: bytes) -> None:
        self._hash.update(chunk)

    def text(self) -> str:
        """Base64url."""
        return base64url.encode(self._hash.digest()).decode()


def chunks_of(size: int) -> int:
    """How many chunks `size` bytes make."""
    return -(-size // CHUNK_BYTES)


def media_type_of(beginning: bytes) -> MediaType | None:
    """What a file's first bytes say that it is; None for what may not be attached."""
    return next((kind for magic, kind in _MAGIC if beginning.startswith(magic)), None)


def check_chunk(place: ChunkPlace, claim: AttachmentClaim, chunk: bytes) -> None:
    """Refuses `attachment.wrong_count` when the series is not the announced one, or a chunk's length is not
    that of its place."""
    if place.count != claim.chunks:
        raise NotAcceptable("attachment.wrong_count", f"expected {claim.chunks} chunks in the series")
    if not 0 < len(chunk) <= CHUNK_BYTES or (len(chunk) < CHUNK_BYTES and not place.last):
        raise NotAcceptable("attachment.wrong_count", "a chunk has not the length that its place gives it")


def check_size(claims: Iterable[AttachmentClaim], most: int) -> None:
    """Refuses `attachment.too_large` for more than `most` bytes, `attachment.not_taken` when `most` is 0."""
    for claim in claims:
        if most == 0:
            raise NotAcceptable("attachment.not_taken", "the recipient's node takes no attachments")
        if claim.chunks > chunks_of(most):
            raise NotAcceptable("attachment.too_large", f"expected at most {most} bytes")


class _Described(Protocol):
    """An attachment as an identity part describes it."""

    @property
    def digest(self) -> str: ...
    @property
    def size(self) -> int: ...


def check_described(claims: tuple[AttachmentClaim, ...], described: Iterable[_Described]) -> None:
    """Statement and identity part speak of the same attachments, in the same order.

    Refuses `attachment.not_described`: what only one of them names could be neither verified nor read.
    """
    told = tuple(AttachmentClaim(digest=one.digest, chunks=chunks_of(one.size)) for one in described)
    if told != claims or len({claim.digest for claim in claims}) != len(claims):
        raise NotAcceptable(
            "attachment.not_described",
            "the attachments of the statement are not those of the identity part",
            field="/identity/attachments",
        )


def read_claims(claims: Claims, *, refuse: type[Refused] = NotAcceptable) -> tuple[AttachmentClaim, ...]:
    """The statement's `attachments`. Refuses, as a `refuse`: `content.malformed`, `attachment.too_many`."""
    read = tuple(
        AttachmentClaim(digest=one.text("digest"), chunks=one.integer("chunks", least=1))
        for one in claims.each("attachments")
    )
    if len(read) > MAX_ATTACHMENTS:
        raise refuse("attachment.too_many", f"expected at most {MAX_ATTACHMENTS} attachments")
    if not all(len(one.digest) == _DIGEST_LENGTH and one.chunks <= _MAX_CHUNKS for one in read):
        raise claims.wrong("attachments", "digests, and how many chunks each has")
    return read
