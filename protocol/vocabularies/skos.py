"""A vocabulary as a SKOS concept scheme, written as JSON-LD with its context inside.

Nothing has to be fetched to read it. Labels are in every language there is, or in those asked for; each says
where its wording comes from. What another list calls the concept stands as a SKOS match where the other value
has a URI, else as a note. Our code broader than theirs is `skos:narrowMatch`: SKOS looks from the concept.
Source: SKOS Simple Knowledge Organization System Reference (W3C, 2009).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from protocol import vocabularies
from protocol.languages import available_languages, nearest_language
from protocol.vocabularies import RELEASE, Concept, Label, Scheme
from protocol.vocabularies.crosswalk import Mark, crosswalk, crosswalks

__all__ = ["MEDIA_TYPE", "concept_scheme", "list_of_schemes", "uri"]

MEDIA_TYPE: Final = "application/ld+json"
_BASE: Final = "urn:focalpoint:vocabulary"

_CONTEXT: Final[dict[str, Any]] = {
    "dcterms": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    # A project's own name space: its terms have no page.
    "fp": {"@id": "urn:focalpoint:term:", "@prefix": True},
    "id": "@id",
    "type": "@type",
    "graph": "@graph",
    "ConceptScheme": "skos:ConceptScheme",
    "Concept": "skos:Concept",
    "prefLabel": {"@id": "skos:prefLabel", "@container": "@language"},
    "definition": {"@id": "skos:definition", "@container": "@language"},
    "scopeNote": {"@id": "skos:scopeNote", "@container": "@language"},
    "note": {"@id": "skos:note", "@container": "@language"},
    "notation": "skos:notation",
    "inScheme": {"@id": "skos:inScheme", "@type": "@id"},
    "topConceptOf": {"@id": "skos:topConceptOf", "@type": "@id"},
    "hasTopConcept": {"@id": "skos:hasTopConcept", "@type": "@id"},
    "broader": {"@id": "skos:broader", "@type": "@id"},
    "exactMatch": {"@id": "skos:exactMatch", "@type": "@id"},
    "broadMatch": {"@id": "skos:broadMatch", "@type": "@id"},
    "narrowMatch": {"@id": "skos:narrowMatch", "@type": "@id"},
    "versionInfo": "owl:versionInfo",
    "status": "fp:status",
    "labelOrigin": "fp:labelOrigin",
    "language": "dcterms:language",
    "origin": {"@id": "fp:origin", "@type": "@id"},
}
_MATCHES: Final = {Mark.EXACT: "exactMatch", Mark.BROADER: "narrowMatch", Mark.NARROWER: "broadMatch"}


def uri(scheme: str, code: str | None = None) -> str:
    """The URI of a vocabulary, or of a code in it. It names; nothing answers there."""
    return f"{_BASE}:{scheme}" if code is None else f"{_BASE}:{scheme}:{code}"


def concept_scheme(name: str, languages: Iterable[str] | None = None) -> dict[str, Any]:
    """The vocabulary `name` with all of its concepts. Refuses `UnknownSchemeError`.

    `languages`: those whose labels are wanted, each answered by the nearest there is; None for all.
    """
    wanted = available_languages() if languages is None else map(nearest_language, languages)
    spoken = tuple(dict.fromkeys(wanted))
    scheme = vocabularies.scheme(name)
    concepts = [_concept(scheme, concept, spoken) for concept in scheme.concepts.values()]
    top = [uri(name, code) for code, concept in scheme.concepts.items() if concept.broader is None]
    described = {**_described(scheme), "hasTopConcept": top}
    return {"@context": _CONTEXT, "graph": [described, *concepts]}


def list_of_schemes() -> dict[str, Any]:
    """All vocabularies, without their concepts."""
    return {
        "@context": _CONTEXT,
        "graph": [_described(vocabularies.scheme(name)) for name in vocabularies.schemes()],
    }


def _described(scheme: Scheme) -> dict[str, Any]:
    return {
        "id": uri(scheme.name),
        "type": "ConceptScheme",
        "notation": scheme.name,
        "definition": {"en": scheme.definition},
        "versionInfo": RELEASE,
        "status": scheme.status,
    }


def _concept(scheme: Scheme, concept: Concept, languages: Sequence[str]) -> dict[str, Any]:
    labels = [vocabularies.label(scheme.name, concept.code, language) for language in languages]
    node: dict[str, Any] = {
        "id": uri(scheme.name, concept.code),
        "type": "Concept",
        "inScheme": uri(scheme.name),
        "notation": concept.code,
        "prefLabel": {found.language: found.text for found in labels},
        "labelOrigin": [_origin(found) for found in labels],
        "status": concept.status,
    }
    if concept.broader is None:
        node["topConceptOf"] = uri(scheme.name)
    else:
        node["broader"] = uri(scheme.name, concept.broader)
    if concept.definition is not None:
        node["definition"] = {"en": concept.definition}
    if notes := {found.language: found.note for found in labels if found.note is not None}:
        node["scopeNote"] = notes
    return node | _matches(scheme.name, concept.code)


def _origin(found: Label) -> dict[str, str]:
    return {"language": found.language, "origin": uri("label-origin", found.origin)}


def _matches(scheme: str, code: str) -> dict[str, Any]:
    matched: dict[str, list[str]] = {}
    notes = []
    for name in crosswalks():
        other = crosswalk(name)
        for row in other.matches(scheme, code):
            if (target := other.uri_of(row)) is not None:
                matched.setdefault(_MATCHES[row.mark], []).append(target)
            else:
                relation = "equal" if row.mark is Mark.EXACT else f"ours is {row.mark.value}"
                notes.append(f"{other.title}: {row.field} = {row.value} ({relation})")
    return {**matched, **({"note": {"en": notes}} if notes else {})}
