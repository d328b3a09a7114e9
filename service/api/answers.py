"""Views written down as JSON: the names of their fields, times in RFC 3339, a None left out."""

from __future__ import annotations

import dataclasses
from base64 import b64encode
from collections.abc import Hashable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final, cast

from fastapi import Response

from protocol import base64url
from protocol.errors import Missing
from protocol.json_strict import dumps
from protocol.refusals import explain
from protocol.rendering import Rendering
from service.api.problems import described_missing
from service.exchange.views import ApprovalView, RefusalView

__all__ = ["NOT_STORED", "answer", "json_of", "shown", "waiting"]

NOT_STORED: Final[Mapping[str, str]] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""What is said about a child stays in no cache on the way."""
_HTML_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_PLAIN: Final = frozenset({type(None), bool, str, int})


def answer(
    view: Any, *, language: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """`view` as JSON. Its refusals are explained in `language`."""
    body = dumps(json_of(view, language))
    return Response(body, status, {**NOT_STORED, **(headers or {})}, "application/json")


def waiting(approval: ApprovalView, *, language: str) -> Response:
    """202: a second person decides on it, and where they see it."""
    headers = {"Location": f"/v1/approvals/{approval.id}"}
    return answer(approval, language=language, status=202, headers=headers)


def shown(rendering: Rendering, name: str) -> Response:
    """A rendering, with the digest by which evidence can name it. `name`: of the file, without its suffix,
    and not a case's reference: names of files are seen by more programs and people than what is in them."""
    headers = {
        **NOT_STORED,
        "Content-Language": rendering.language,
        "ETag": f'"{rendering.digest}"',
        "Repr-Digest": f"sha-256=:{b64encode(base64url.decode(rendering.digest.encode())).decode()}:",
    }
    if rendering.format == "html":
        headers["Content-Security-Policy"] = _HTML_POLICY
    if rendering.format == "pdf":
        headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return Response(rendering.content, headers=headers, media_type=rendering.media_type)


def json_of(value: Any, language: str) -> Any:
    """Plain JSON of a view or of anything in it."""
    if type(value) in _PLAIN:  # most of what is written, so it is asked first
        return value
    match value:
        case bool() | str() | int():
            return value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Missing():
            return described_missing(value, language)
        case RefusalView():
            words = explain(value.code, language, value.facts)
            explained = {"title": words.title, "detail": words.remedy, **_fields(value, language)}
            del explained["facts"]  # they are in the words
            return explained
        case Mapping():
            return {name: json_of(member, language) for name, member in value.items()}
        case tuple() | list() | frozenset():
            return [json_of(member, language) for member in value]
        case _:
            return _fields(value, language)


def _fields(view: Any, language: str) -> dict[str, Any]:
    return {
        name: json_of(member, language)
        for name in _names(view.__class__)
        if (member := getattr(view, name)) is not None
    }


@cache
def _names(view: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cast("Any", view)))
