"""Where Primero's webhooks come in. They are not signed, and lost ones do not come again: one is believed no
more than that its record is looked at soon, through Primero's own API, as the poll would have done later.

    POST /webhook    {"data": {"record_id": "…", "record_type": "Child", …}}    x-api-key, or Basic
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Caller", "receiver"]

log = logging.getLogger("focalpoint.adapter")

_MOST_BYTES: Final = 64 << 10
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """How Primero shows that it is Primero: a key, or a user with a password."""

    key: str | None = field(default=None, repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    def is_it(self, request: Request) -> bool:
        if self.key is not None:
            return _same(request.headers.get("x-api-key", ""), self.key)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(given, validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            pair = b""
        return _same(pair, f"{self.user}:{self.password}")


def _same(given: str | bytes, expected: str) -> bool:
    """Takes as long for a near miss as for a far one."""
    found = given.encode("latin-1") if isinstance(given, str) else given
    return bool(expected) and hmac.compare_digest(found, expected.encode())


def receiver(caller: Caller, hint: Callable[[str], None]) -> Starlette:
    """`hint` is told the id of a record."""

    async def come_in(request: Request) -> Response:
        if not caller.is_it(request):
            return Response(status_code=401)
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BYTES:
                return Response(status_code=413)
        record = _record_in(bytes(body))
        if record is None:
            return Response(status_code=400)
        hint(record)
        log.info("webhook.came", extra={"status": 202})
        return Response(status_code=202)

    return Starlette(routes=[Route("/webhook", come_in, methods=["POST"])])


def _record_in(body: bytes) -> str | None:
    try:
        told: Any = json.loads(body)
        record = told["data"]["record_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return record if isinstance(record, str) and _ID.fullmatch(record) else None
