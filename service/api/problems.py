"""How HTTP says that something is refused or failed: RFC 9457, in the reader's language.

The only place where a status code is chosen for an error. A problem names the code, what is wrong (`title`),
what to do about it (`detail`), where (`field`) and what is missing; never a value that was submitted, and of
a bug nothing but an incident number that the log has too.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from protocol.errors import FocalpointError, Missing, Refused
from protocol.languages import best_language
from protocol.refusals import cited_in, explain
from protocol.vocabularies import label
from service import errors
from service.access.roles import ENDPOINTS
from service.errors import NodeError

__all__ = ["MEDIA_TYPE", "described_missing", "install", "problem", "problem_type", "status_of"]

MEDIA_TYPE: Final = "application/problem+json"

# A code, where its kind alone would not say it.
_BY_CODE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "id_reused": 409,
        "directory.expired": 503,
        "request.media_type": 415,
        "request.method": 405,
        "request.not_found": 404,
        "case.unknown": 404,
        "request.body": 422,
        "request.parameter": 422,
        "request.cursor": 422,
        "access.reason_required": 422,
        "attachment.used": 409,
        "access.second_person": 403,
        "access.person_unknown": 403,
        "access.client_key": 422,
    }
)

# A refusal of the protocol, by the last part of its code, then by the first.
_BY_ENDING: Final[Mapping[str, int]] = MappingProxyType({"too_large": 413, "id_reused": 409})
_BY_FAMILY: Final[Mapping[str, int]] = MappingProxyType(
    {
        "json": 400,  # the body is not what its media type says
        "conversation": 409,  # the conversation is in another state
        "safeguard": 409,  # the case is not ready for it
    }
)
_REFUSED: Final = 422

_BY_KIND: Final[Mapping[type[NodeError], int]] = MappingProxyType(
    {
        errors.NotAuthenticated: 401,
        errors.Forbidden: 403,
        errors.NotFound: 404,
        errors.Conflict: 409,
        errors.Stale: 412,
        errors.Malformed: 400,
        errors.TooLarge: 413,
        errors.Throttled: 429,
        errors.Unavailable: 503,
        errors.Misconfigured: 500,
    }
)

_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {404: "request.not_found", 405: "request.method", 413: "request.too_large", 415: "request.media_type"}
)

_RETRY_AFTER: Final = "5"
"""Seconds, where the error names no number: long enough for a restart, short for a person."""


def status_of(error: FocalpointError) -> int:
    """The HTTP status of an error that was raised on purpose."""
    code = getattr(error, "code", "")
    if code in _BY_CODE:
        return _BY_CODE[code]
    if isinstance(error, NodeError):
        return next((status for kind, status in _BY_KIND.items() if isinstance(error, kind)), 500)
    return _BY_ENDING.get(code.rpartition(".")[2]) or _BY_FAMILY.get(code.partition(".")[0], _REFUSED)


def problem_type(code: str) -> str:
    """The `type` of a problem: a name, not an address, and as stable as the code."""
    return f"urn:focalpoint:problem:{re.sub(r'[._]', '-', code)}"


def problem(request: Request, error: Exception, *, language: str | None = None) -> Response:
    """The answer to a request that ended in `error`. `language`: where the reader chose one."""
    language = language or best_language(request.headers.get("accept-language"))
    match error:
        case Refused() | NodeError():
            status = status_of(error)
            if status >= 500:
                _log(request, "request.unavailable", code=error.code)
            return _document(
                status,
                error.code,
                language,
                facts=error.facts,
                field=error.field,
                missing=error.missing if isinstance(error, Refused) else (),
                headers=_headers(status, error),
            )
        case RequestValidationError():
            return _document(422, "request.parameter", language, field=_pointer(error))
        case HTTPException():
            code = _BY_STATUS.get(error.status_code, "request.refused")
            headers = {"Allow": _methods(request)} if error.status_code == 405 else error.headers
            return _document(error.status_code, code, language, headers=headers)
        case _:
            incident = secrets.token_hex(8)
            _log(request, "request.failed", incident=incident, exc_info=error)
            return _document(500, "node.internal", language, more={"incident": incident})


def install(app: FastAPI, *, pages: str, page: Callable[[Request, Exception], Response]) -> None:
    """Say as problems also what ends before it reaches an endpoint: an unknown path, a wrong method. Under
    the path `pages` there are people, who are answered with a `page`."""

    async def answer(request: Request, error: Exception) -> Response:
        return (page if request.url.path.startswith(pages) else problem)(request, error)

    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(Exception, answer)


def described_missing(missing: Missing, language: str) -> dict[str, str]:
    """What is missing, who can supply it and on what ground, with words."""
    words = explain(missing.code, language)
    return {
        "code": missing.code,
        "title": words.title,
        "supplier": missing.supplier,
        "supplier_title": label("supplier", missing.supplier, language).text,
        "source": cited_in(missing.source, language),
    }


def _document(
    status: int,
    code: str,
    language: str,
    *,
    facts: Mapping[str, str] | None = None,
    field: str | None = None,
    missing: tuple[Missing, ...] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    words = explain(code, language, facts)
    body: dict[str, Any] = {
        "type": problem_type(code),
        "title": words.title,
        "status": status,
        "detail": words.remedy,
        "code": code,
    }
    if field is not None:
        body["field"] = field
    if missing:
        body["missing"] = [described_missing(one, language) for one in missing]
    body |= more or {}
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        status,
        {"Content-Language": words.language, "Cache-Control": "no-store", **(headers or {})},
        MEDIA_TYPE,
    )


def _headers(status: int, error: Refused | NodeError) -> dict[str, str]:
    match status:
        case 401:
            # RFC 6750 §3: an error is named only to those who tried.
            tried = "" if error.code == "access.token_missing" else ', error="invalid_token"'
            return {"WWW-Authenticate": f'Bearer realm="focalpoint"{tried}'}
        case 429 | 503:
            return {"Retry-After": error.facts.get("retry_after_seconds", _RETRY_AFTER)}
        case _:
            return {}


def _pointer(error: RequestValidationError) -> str | None:
    """The name of the parameter, which is ours. Its value stays where it is."""
    for fault in error.errors():
        return f"/{fault['loc'][-1]}" if fault["loc"] else None
    return None


def _methods(request: Request) -> str:
    """Every method of the path. The framework names those of one route alone; RFC 9110 §15.5.6 wants all."""
    path = request.url.path
    literal = {method for method, template in ENDPOINTS if template == path}
    fitting = {method for method, template in ENDPOINTS if compile_path(template)[0].fullmatch(path)}
    return ", ".join(sorted(literal or fitting))


def _log(request: Request, event: str, **facts: str | Exception) -> None:
    request.app.state.api.node.log.error(event, **facts)
