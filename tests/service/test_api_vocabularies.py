"""The vocabularies over HTTP: whose language, which form, and kept as long as they are true."""

from __future__ import annotations

import pytest
from rdflib import Graph, Literal, URIRef
from rdflib.namespace import SKOS

from protocol.vocabularies import RELEASE, schemes
from service.access.roles import Role
from tests.service.api_stand import Stand

# rdflib warns of its own way to parse JSON-LD.
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
]

SEX = "/v1/vocabularies/sex"
LINKED = {"Accept": "application/ld+json"}


@pytest.fixture
def stand() -> Stand:
    return Stand()


async def test_a_language_in_the_link_counts_before_the_readers_preference(stand: Stand) -> None:
    reader = stand.as_("statistician", authorities=())
    answer = await reader.get(f"{SEX}?lang=ru-RU", headers={"Accept-Language": "ar"})
    assert answer.headers["Content-Language"] == answer.json()["language"] == "ru"
    assert (await reader.get(f"{SEX}?lang=xx")).json()["language"] == "en"
    assert (await reader.get(f"{SEX}?lang=../../etc")).status_code == 422


async def test_linked_data_is_answered_to_whoever_prefers_it(stand: Stand) -> None:
    reader = stand.as_("auditor", authorities=())
    answer = await reader.get(SEX, headers=LINKED)
    assert answer.headers["Content-Type"] == "application/ld+json"
    graph = Graph().parse(data=answer.text, format="json-ld")
    female = URIRef("urn:focalpoint:vocabulary:sex:female")
    assert (female, SKOS.prefLabel, Literal("Female", lang="en")) in graph
    assert len(list(graph.objects(female, SKOS.prefLabel))) == 7
    alone = await reader.get(f"{SEX}?lang=fr", headers=LINKED)
    assert {
        t.language for t in Graph().parse(data=alone.text, format="json-ld").objects(None, SKOS.prefLabel)
    } == {"fr"}


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/ld+json;q=0.5, application/json",
        "application/ld+json;q=0",
        "nonsense;;q=,",
        "text/html",
    ],
)
async def test_json_is_answered_to_everybody_else(stand: Stand, accept: str) -> None:
    answer = await stand.as_("auditor", authorities=()).get(SEX, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("path", [SEX, "/v1/vocabularies"])
@pytest.mark.parametrize("accept", ["application/json", "application/ld+json"])
async def test_what_is_held_is_not_sent_again(stand: Stand, path: str, accept: str) -> None:
    reader = stand.as_("case-officer")
    first = await reader.get(path, headers={"Accept": accept})
    tag = first.headers["ETag"]
    assert tag.startswith(f'"{RELEASE}-')
    assert "no-store" not in first.headers["Cache-Control"]
    for header in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = await reader.get(path, headers={"Accept": accept, "If-None-Match": header})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    other = await reader.get(path, headers={"Accept": accept, "If-None-Match": '"another"'})
    assert other.content == first.content


async def test_each_form_and_language_has_its_own_tag(stand: Stand) -> None:
    reader = stand.as_("case-officer")
    answers = [
        await reader.get(SEX, headers=headers)
        for headers in ({"Accept-Language": "fr"}, {"Accept-Language": "ar"}, LINKED)
    ]
    assert len({answer.headers["ETag"] for answer in answers}) == 3
    assert answers[0].headers["Vary"] == "Accept, Accept-Language"


async def test_a_held_tag_opens_nothing_to_a_stranger(stand: Stand) -> None:
    answer = await stand.bearing(None).get(SEX, headers={"If-None-Match": "*"})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", sorted(Role))
async def test_every_role_may_read_what_the_words_mean(stand: Stand, role: Role) -> None:
    answer = await stand.as_(role.value, authorities=()).get("/v1/vocabularies")
    assert [row["scheme"] for row in answer.json()["vocabularies"]] == list(schemes())


async def test_a_crosswalk_says_how_much_of_the_other_list_it_has(stand: Stand) -> None:
    answer = await stand.as_("statistician", authorities=()).get("/v1/vocabularies")
    states = {row["name"]: (row["state"], row["values"]) for row in answer.json()["crosswalks"]}
    assert states["ic-tip"] == ("not-available", 0)
    assert states["htcds-2.0"][0] == "in-part"


async def test_a_concept_carries_its_caution_its_status_and_its_matches(stand: Stand) -> None:
    answer = await stand.as_("case-officer").get("/v1/vocabularies/trafficking-status?lang=fr")
    presumed, confirmed = (
        next(row for row in answer.json()["concepts"] if row["code"] == code)
        for code in ("presumed", "confirmed")
    )
    assert "trafic illicite" in presumed["not_to_be_confused_with"]
    assert (presumed["status"], presumed["matches"]) == ("stable", [])
    assert confirmed["matches"] == [
        {
            "crosswalk": "htcds-2.0",
            "field": "vic_TraffickingStatus",
            "value": "ActualVictimOfTrafficking",
            "mark": "exact",
        }
    ]
