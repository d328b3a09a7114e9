"""What of the node's API may be asked through X-Road. Pure. Everything else is not there.

Left out on purpose: what takes a person, identity and its documents, signing in and tokens, everything of
administrators, operators, auditors and statisticians, and the stream of events, which X-Road cannot carry (it
is request and answer alone, PR-REST §3.1): ask `GET /v1/messages` with `wait` instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from adapters.xroad.identifiers import Unreadable

__all__ = ["ALLOWED", "Asked", "asked_for"]

ALLOWED: Final = frozenset(
    {
        ("POST", "/v1/cases"),
        ("GET", "/v1/cases/{reference}"),
        ("GET", "/v1/cases/{reference}/timeline/rendering"),
        ("GET", "/v1/cases/{reference}/next-steps"),
        ("GET", "/v1/cases/{reference}/evidence"),
        ("GET", "/v1/cases/{reference}/agreements/{digest}"),
        ("GET", "/v1/cases/{reference}/agreements/{digest}/rendering"),
        ("PUT", "/v1/cases/{reference}/attachments/{id}"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/messages/validation"),
        ("GET", "/v1/messages"),
        ("GET", "/v1/messages/{id}"),
        ("GET", "/v1/messages/{id}/evidence"),
        ("GET", "/v1/messages/{id}/rendering"),
        ("GET", "/v1/messages/{id}/attachments"),
        ("POST", "/v1/messages/{id}/collection"),
        ("GET", "/v1/approvals"),
        ("GET", "/v1/approvals/{id}"),
        ("GET", "/v1/relay/pending"),
        ("POST", "/v1/messages/{id}/relay"),
        ("GET", "/v1/messages/{id}/relay/envelope"),
        ("GET", "/v1/directory/authorities"),
        ("GET", "/v1/directory/state"),
        ("GET", "/v1/directory/landing"),
        ("GET", "/v1/vocabularies"),
        ("GET", "/v1/vocabularies/{scheme}"),
        ("GET", "/v1/deadlines"),
        ("PUT", "/v1/adapters/{name}/health"),
        ("GET", "/openapi.yaml"),
    }
)

_LONGEST: Final = 2_000
"""Characters of path and query: what most clients keep to (PR-REST §4.2)."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+=-]*")
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~:@+=-]|%[0-9A-Fa-f]{2})+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`route`: the endpoint, for the log. `target`: path and query, written anew from what was understood, so
    that the node reads what was checked."""

    route: str
    target: str


def asked_for(method: str, raw_path: str, raw_query: str) -> Asked | None:
    """What is asked for; None where that is not allowed. Unreadable for what two readers could read in two
    ways: an encoded slash or dot, a part encoded twice, a query parameter given twice."""
    if len(raw_path) + len(raw_query) > _LONGEST:
        raise Unreadable("longer than 2000 characters")
    segments = [_segment(part) for part in raw_path.removeprefix("/").split("/")]
    route = _route(method, segments)
    if route is None:
        return None
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    return Asked(route=route, target=path + _query(raw_query))


def _segment(part: str) -> str:
    if not _ENCODED.fullmatch(part):
        raise Unreadable("a part of the path is empty, or not percent-encoded")
    segment = re.sub(r"%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), part)
    if not _SEGMENT.fullmatch(segment):
        raise Unreadable("a part of the path is none that the node has")
    return segment


def _route(method: str, segments: list[str]) -> str | None:
    return next(
        (
            template
            for verb, template in sorted(ALLOWED)  # `{` sorts behind letters: what is named comes first
            if verb == method and _fits(template.removeprefix("/").split("/"), segments)
        ),
        None,
    )


def _fits(template: list[str], segments: list[str]) -> bool:
    return len(template) == len(segments) and all(
        wanted.startswith("{") or wanted == got for wanted, got in zip(template, segments, strict=True)
    )


def _query(raw: str) -> str:
    if not raw:
        return ""
    try:
        pairs = parse_qsl(
            raw, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=30
        )
    except ValueError:
        raise Unreadable("the query cannot be read") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise Unreadable("a query parameter is given twice")
    return "?" + urlencode(pairs)
