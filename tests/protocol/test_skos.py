"""A reader who knows SKOS, and nothing of us, finds labels, broader concepts, cautions and matches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import OWL, RDF, SKOS

from protocol.vocabularies import LANGUAGES, RELEASE, label, scheme, schemes, skos

# rdflib warns of its own way to parse JSON-LD.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

FP = "urn:focalpoint:term:"
HTCDS = "urn:focalpoint:crosswalk:htcds-2.0:vic_TypeOfExploitation"


def graph_of(document: dict[str, Any]) -> Graph:
    return Graph().parse(data=json.dumps(document), format="json-ld")


def node(name: str, code: str | None = None) -> URIRef:
    return URIRef(skos.uri(name, code))


@pytest.mark.parametrize("name", schemes())
def test_every_concept_has_every_label_and_its_place(name: str) -> None:
    graph = graph_of(skos.concept_scheme(name))
    assert set(graph.subjects(RDF.type, SKOS.ConceptScheme)) == {node(name)}
    concepts = scheme(name).concepts
    assert set(graph.subjects(SKOS.inScheme, node(name))) == {node(name, code) for code in concepts}
    for code, concept in concepts.items():
        labels = set(graph.objects(node(name, code), SKOS.prefLabel))
        expected = {Literal(label(name, code, tag).text, lang=tag) for tag in LANGUAGES}
        assert labels == expected
        broader = None if concept.broader is None else node(name, concept.broader)
        assert graph.value(node(name, code), SKOS.broader) == broader
        assert ((node(name, code), SKOS.topConceptOf, node(name)) in graph) == (broader is None)


def test_the_context_stands_in_the_document_and_nothing_has_to_be_fetched() -> None:
    for document in (skos.concept_scheme("sex"), skos.list_of_schemes()):
        assert isinstance(document["@context"], dict)
        inside = json.dumps(document["@context"])
        assert "@import" not in inside
        assert '"@context"' not in inside


def test_the_release_is_the_version() -> None:
    graph = graph_of(skos.concept_scheme("sex"))
    assert graph.value(node("sex"), OWL.versionInfo) == Literal(RELEASE)
    listed = graph_of(skos.list_of_schemes())
    assert set(listed.subjects(OWL.versionInfo, Literal(RELEASE))) == {node(name) for name in schemes()}


def test_a_caution_is_a_scope_note_in_its_language() -> None:
    graph = graph_of(skos.concept_scheme("field-term"))
    notes = {
        n.language: str(n) for n in graph.objects(node("field-term", "smuggling-of-migrants"), SKOS.scopeNote)
    }
    assert set(notes) == set(LANGUAGES)
    assert "traite" in notes["fr"]


def test_each_label_says_where_its_wording_comes_from() -> None:
    graph = graph_of(skos.concept_scheme("country"))
    origins = {
        (
            str(graph.value(row, URIRef("http://purl.org/dc/terms/language"))),
            graph.value(row, URIRef(f"{FP}origin")),
        )
        for row in graph.objects(node("country", "RO"), URIRef(f"{FP}labelOrigin"))
    }
    assert origins == {(tag, node("label-origin", "cldr")) for tag in LANGUAGES}


def test_matches_look_from_our_concept_to_the_other_list() -> None:
    graph = graph_of(skos.concept_scheme("exploitation-form"))
    ours = lambda code: node("exploitation-form", code)  # noqa: E731
    assert (ours("exploitation/begging"), SKOS.exactMatch, URIRef(f"{HTCDS}:ForcedBegging")) in graph
    # Ours has marriage of a child in it: theirs is the narrower one.
    assert (ours("exploitation/marriage"), SKOS.narrowMatch, URIRef(f"{HTCDS}:ForcedMarriage")) in graph
    assert not list(graph.objects(ours("exploitation/marriage"), SKOS.exactMatch))


def test_a_list_without_uris_is_a_note() -> None:
    graph = graph_of(skos.concept_scheme("care-arrangement"))
    notes = [str(n) for n in graph.objects(node("care-arrangement", "kafala"), SKOS.note)]
    assert notes == ["Primero, seed lookups: care_arrangements_type = kafala (equal)"]


def test_one_language_can_be_had_alone() -> None:
    graph = graph_of(skos.concept_scheme("sex", ["pt-BR"]))
    assert {text.language for text in graph.objects(None, SKOS.prefLabel)} == {"pt"}


def test_what_each_concept_is_worth_is_said() -> None:
    graph = graph_of(skos.concept_scheme("sector"))
    assert graph.value(node("sector", "mining"), URIRef(f"{FP}status")) == Literal("draft")
