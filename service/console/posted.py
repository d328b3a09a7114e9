"""What a form said. Read up to a limit before it is looked at; nothing of it touches the disk.

A file is read while it arrives: a form has one at most, and it comes last, after the fields.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.errors import Malformed, TooLarge

__all__ = ["CSRF_FIELD", "MAX_FIELDS", "MAX_FORM", "NOTHING_POSTED", "Posted", "Upload", "read_posted"]

CSRF_FIELD: Final = "_csrf"
MAX_FORM: Final = 1 << 20
"""Bytes of a form without its file: the parts of a message are 330 kB, and more once percent-encoded."""
MAX_FIELDS: Final = 4_000
_MAX_HEADER: Final = 8_192  # bytes of the headers of one part


class _Kinds:
    URLENCODED = "application/x-www-form-urlencoded"
    MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The file of a form. `name` is the sender's and is shown nowhere; `chunks` gives it once."""

    field: str
    name: str
    media_type: str
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """`items`: the fields in their order, without the session's word. `writer`: the mark of the person whose
    page the form was, as that page wrote it beside the word."""

    items: tuple[tuple[str, str], ...] = ()
    csrf: str | None = None
    writer: str | None = None
    upload: Upload | None = None

    def one(self, name: str) -> str:
        """The field that is there once. Malformed `request.body` otherwise."""
        match self.all(name):
            case (value,):
                return value
            case _:
                raise Malformed("request.body", "expected one field of that name", field=f"/{name}")

    def get(self, name: str) -> str | None:
        """The field, None when it is absent or empty. Malformed `request.body` when it is there twice."""
        values = self.all(name)
        if len(values) > 1:
            raise Malformed("request.body", "a field more than once", field=f"/{name}")
        return values[0] or None if values else None

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for known, value in self.items if known == name)

    def only(self, *names: str) -> Posted:
        """Itself. Malformed `request.body` when there is a field of another name."""
        if any(name not in names for name, _ in self.items):
            raise Malformed("request.body", "a field that this form does not have")
        return self


NOTHING_POSTED: Final = Posted()


async def read_posted(request: Request) -> Posted:
    """The form of a request. TooLarge `request.too_large`, Malformed `request.media_type`, `request.body`."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    match kind.decode("latin-1"):
        case _Kinds.URLENCODED:
            return _collected(_pairs(await _whole(request)), None)
        case _Kinds.MULTIPART:
            boundary = options.get(b"boundary", b"")
            if not 1 <= len(boundary) <= 70:  # RFC 2046 §5.1.1
                raise Malformed("request.body", "expected a boundary")
            return await _Parts(request, boundary).read()
        case _:
            raise Malformed("request.media_type", "expected a form")


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM:
            raise TooLarge("request.too_large", "a form larger than forms are")
    return bytes(body)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Malformed("request.body", "expected a form") from None


def _collected(pairs: list[tuple[str, str]], upload: Upload | None) -> Posted:
    words = [value for name, value in pairs if name == CSRF_FIELD]
    items = tuple((name, _lines(value)) for name, value in pairs if name != CSRF_FIELD)
    csrf, _, writer = words[0].partition(".") if len(words) == 1 else ("", "", "")
    return Posted(items=items, csrf=csrf or None, writer=writer or None, upload=upload)


def _lines(value: str) -> str:
    # A browser sends each line of a text as CR LF (HTML, "append an entry"); people wrote lines.
    return value.replace("\r\n", "\n")


@dataclass(slots=True)
class _Part:
    name: str | None = None
    file_name: str | None = None
    media_type: str = "application/octet-stream"
    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    headers: dict[str, bytes] = field(default_factory=dict)


class _Parts:
    """A multipart body (RFC 7578), read no further than its file begins; the rest is the file's reader's."""

    def __init__(self, request: Request, boundary: bytes) -> None:
        self._source = request.stream()
        self._pairs: list[tuple[str, str]] = []
        self._part = _Part()
        self._size = 0
        self._file: _Part | None = None
        self._arrived: list[bytes] = []
        self._file_done = False
        self._done = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    async def read(self) -> Posted:
        while self._file is None and not self._done and await self._feed():
            pass
        if self._file is None:
            if not self._done:
                raise Malformed("request.body", "a form that ends in the middle")
            return _collected(self._pairs, None)
        assert self._file.name is not None
        upload = Upload(
            field=self._file.name,
            name=self._file.file_name or "",
            media_type=self._file.media_type,
            chunks=self._chunks(),
        )
        return _collected(self._pairs, upload)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            arrived, self._arrived = self._arrived, []
            for piece in arrived:
                yield piece
            if self._done:
                return
            if not await self._feed():
                raise Malformed("request.body", "a form that ends in the middle")

    async def _feed(self) -> bool:
        piece = await anext(self._source, None)
        if not piece:
            return False
        try:
            self._parser.write(piece)
        except FormParserError:
            raise Malformed("request.body", "expected a form") from None
        return True

    def _begin(self) -> None:
        if self._file is not None:
            raise Malformed("request.body", "something after the file of a form")
        self._part = _Part()
        self._count(0)

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MAX_FORM or len(self._pairs) >= MAX_FIELDS:
            raise TooLarge("request.too_large", "a form larger than forms are")

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._part.header += data[start:end].lower()

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        name = self._part.header.decode("latin-1")
        self._part.headers[name] = self._part.headers.get(name, b"") + data[start:end]
        if len(self._part.headers[name]) > _MAX_HEADER:
            raise Malformed("request.body", "a header longer than headers are")

    def _header_end(self) -> None:
        self._part.header.clear()

    def _headers_finished(self) -> None:
        part = self._part
        kind, options = parse_options_header(part.headers.get("content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise Malformed("request.body", "a part that is no field")
        part.name = options[b"name"].decode("utf-8", "replace")
        if b"filename" in options:
            part.file_name = options[b"filename"].decode("utf-8", "replace")
            media_type, _ = parse_options_header(part.headers.get("content-type", b""))
            part.media_type = media_type.decode("latin-1") or part.media_type
            self._file = part

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._arrived.append(data[start:end])
            return
        self._count(end - start)
        self._part.value += data[start:end]

    def _end(self) -> None:
        part = self._part
        if part is self._file:
            return
        assert part.name is not None
        try:
            self._pairs.append((part.name, part.value.decode("utf-8")))
        except UnicodeDecodeError:
            raise Malformed("request.body", "expected UTF-8", field=f"/{part.name}") from None

    def _finish(self) -> None:
        self._done = True
