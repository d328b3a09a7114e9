"""The vocabularies, as JSON in the reader's language or as SKOS in all of them.

What is answered changes only with the release of the node, so whoever has it may keep it and ask again with
its entity tag.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Response

from protocol import base64url, vocabularies
from protocol.json_strict import dumps
from protocol.languages import nearest_language
from protocol.vocabularies import skos
from protocol.vocabularies.crosswalk import Crosswalk, crosswalk, crosswalks
from service.api.answers import NOT_STORED
from service.api.guard import Ask, Guarded
from service.api.reading import Language
from service.errors import NotFound

__all__ = ["router"]

router = APIRouter(route_class=Guarded)

AcceptHeader = Annotated[str | None, Header()]
IfNoneMatch = Annotated[str | None, Header()]

_JSON: Final = "application/json"
_KEPT: Final[Mapping[str, str]] = {
    **NOT_STORED,
    # Nothing about a child, but who may read it was asked: each holder keeps its own, and asks again.
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Accept-Language",
}


@router.get("/v1/vocabularies")
async def list_vocabularies(
    ask: Ask,
    *,
    lang: Language = None,
    accept: AcceptHeader = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    if _wants_linked_data(accept):
        return _kept(_linked_list(), skos.MEDIA_TYPE, if_none_match)
    return _kept(_list(), _JSON, if_none_match, language=_reader(ask.language, lang))


@router.get("/v1/vocabularies/{scheme}")
async def read_vocabulary(
    ask: Ask,
    scheme: Annotated[str, Path(max_length=64)],
    *,
    lang: Language = None,
    accept: AcceptHeader = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    if scheme not in vocabularies.schemes():
        raise NotFound("request.not_found", "no vocabulary of this name")
    if _wants_linked_data(accept):
        alone = None if lang is None else nearest_language(lang)
        return _kept(_linked(scheme, alone), skos.MEDIA_TYPE, if_none_match)
    language = _reader(ask.language, lang)
    return _kept(_vocabulary(scheme, language), _JSON, if_none_match, language=language)


# Written once: the data is the release's, and there are no more answers than schemes and languages.


@cache
def _list() -> bytes:
    schemes = [
        {"scheme": name, "status": scheme.status, "definition": scheme.definition, "release": scheme.release}
        for name in vocabularies.schemes()
        for scheme in (vocabularies.scheme(name),)
    ]
    others = [_crosswalk(crosswalk(name)) for name in crosswalks()]
    return dumps({"release": vocabularies.RELEASE, "vocabularies": schemes, "crosswalks": others})


@cache
def _linked_list() -> bytes:
    return dumps(skos.list_of_schemes())


@cache
def _vocabulary(scheme: str, language: str) -> bytes:
    vocabulary = vocabularies.scheme(scheme)
    body = {
        "scheme": vocabulary.name,
        "status": vocabulary.status,
        "definition": vocabulary.definition,
        "release": vocabulary.release,
        "language": language,
        "concepts": [_concept(scheme, concept, language) for concept in vocabulary.concepts.values()],
    }
    return dumps(body)


@cache
def _linked(scheme: str, alone: str | None) -> bytes:
    return dumps(skos.concept_scheme(scheme, None if alone is None else (alone,)))


def _reader(preferred: str, asked: str | None) -> str:
    return preferred if asked is None else nearest_language(asked)


def _wants_linked_data(accept: str | None) -> bool:
    """Whether JSON-LD is preferred to JSON. What cannot be read in the header counts for neither."""
    weights = {_JSON: 0.0, skos.MEDIA_TYPE: 0.0}
    for part in (accept or "").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if kind in weights:
            quality = next((found[1] for p in parameters if (found := _QUALITY.fullmatch(p))), "1")
            weights[kind] = max(weights[kind], float(quality))
    return weights[skos.MEDIA_TYPE] > weights[_JSON]


_QUALITY: Final = re.compile(r"q\s*=\s*([01](?:\.\d{0,3})?)", re.ASCII)


def _kept(
    written: bytes, media_type: str, if_none_match: str | None, *, language: str | None = None
) -> Response:
    """The bytes with their entity tag: the release, and their digest. 304 to whoever has them."""
    tag = f'"{vocabularies.RELEASE}-{base64url.encode(hashlib.sha256(written).digest()).decode()}"'
    headers = {**_KEPT, "ETag": tag}
    if language is not None:
        headers["Content-Language"] = language
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(written, 200, headers, media_type)


def _names(if_none_match: str, tag: str) -> bool:
    """Whether the header names the tag. Weak comparison, as RFC 9110, section 13.1.2, has it."""
    named = {part.strip().removeprefix("W/") for part in if_none_match.split(",")}
    return tag in named or "*" in named


def _crosswalk(other: Crosswalk) -> dict[str, Any]:
    facts = {
        "name": other.name,
        "title": other.title,
        "version": other.version,
        "publisher": other.publisher,
        "source": other.source,
        "commit": other.commit,
        "licence": other.licence,
        "state": other.state.value,
        "note": other.note,
        "values": len(other.mappings),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _concept(scheme: str, concept: vocabularies.Concept, language: str) -> dict[str, Any]:
    label = vocabularies.label(scheme, concept.code, language)
    facts = {
        "code": concept.code,
        "broader": concept.broader,
        "status": concept.status,
        "label": label.text,
        "origin": label.origin,
        "definition": concept.definition,
        "not_to_be_confused_with": label.note,
        "matches": [
            {"crosswalk": name, "field": row.field, "value": row.value, "mark": row.mark.value}
            for name in crosswalks()
            for row in crosswalk(name).matches(scheme, concept.code)
        ],
    }
    return {name: value for name, value in facts.items() if value is not None}
