"""The typed client says what the API says, and its types are those of the description."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import yaml

from service import client
from service.client import Client, NodeUnreachable, Problem, Submission
from tests.service.api_stand import Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

pytestmark = pytest.mark.anyio
SCHEMAS = yaml.safe_load((Path(__file__).resolve().parents[2] / "openapi.yaml").read_text("utf-8"))[
    "components"
]["schemas"]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def client_for(stand: Stand, role: str, *, language: str = "en", **of_token: Any) -> Client:
    return Client(
        "http://node",
        stand.token(role, **of_token),
        language=language,
        transport=httpx.ASGITransport(app=stand.app),
    )


def message(number: int = 1, **changes: Any) -> Submission:
    return cast("Submission", submission(number, **changes))


async def test_a_case_from_its_opening_to_its_evidence(stand: Stand) -> None:
    async with (
        client_for(stand, "supervisor") as first,
        client_for(stand, "case-officer", person="person-2") as second,
    ):
        case = (await first.open_case())["reference"]
        assert (await first.set_protection(case, "not-sought", reason="interview-held"))[
            "state"
        ] == "proposed"
        assert (await second.set_protection(case, "not-sought", reason="interview-held"))[
            "state"
        ] == "settled"
        assert (await first.next_steps(case))["steps"]
        assert (await first.validate(message(1, case=case)))["acceptable"]
        accepted = await first.send(message(1, case=case))
        (listed,) = (await second.messages(case=case, direction="out", since=stand.clock.now()))["messages"]
        assert listed["id"] == accepted["id"]
        assert (await second.message(listed["id"]))["content"]["identity_state"] == "sealed"
        asked = await second.request_release(listed["id"], reason="family-tracing")
        assert (await first.approvals(state="proposed"))[0]["id"] == asked["id"]
        assert (await first.approve(asked["id"]))["state"] == "approved"
        assert (await first.approval(asked["id"]))["decided_by"]
        released = await first.release_identity(listed["id"], reason="family-tracing")
        assert released["content"]["identity"]
        assert (await first.evidence(listed["id"]))[0]["token"] == accepted["evidence"]
        assert 'dir="rtl"' in await first.rendering(listed["id"], language="ar", format="html")
        assert (await second.collect(listed["id"]))["evidence"]
        assert (await first.deadlines(overdue=False, owed_by="them"))[0]["case"] == case
        assert b"evidence" in await first.case_evidence(case)
        assert [entry["kind"] for entry in (await first.case(case))["entries"]] == ["case-opened", "message"]


async def test_an_operator_carries_envelopes_and_reads_the_directory(stand: Stand) -> None:
    await stand.settle_protection()
    async with client_for(stand, "case-officer") as officer:
        await officer.send(message(1))
    async with client_for(stand, "operator", authorities=()) as operator:
        envelope = await operator.export_envelope(message_id(1))
        assert (await operator.import_envelope(envelope))["outcome"] == "consigned"
        assert [entry["state"] for entry in await operator.authorities(state="ro")].count("ro") >= 1
        assert (await operator.vocabulary("sex"))["concepts"]
        assert {entry["scheme"] for entry in await operator.vocabularies()} >= {"sex", "country"}
        assert await operator.ready() == {"store": True, "hub": True}
        assert "fp_http_requests_total" in await operator.metrics()


async def test_a_refusal_is_a_problem_with_its_code_and_what_is_missing(stand: Stand) -> None:
    async with client_for(stand, "case-officer", language="fr") as officer:
        with pytest.raises(Problem) as refused:
            await officer.send(message(1))
    problem = refused.value
    assert (problem.status, problem.code) == (409, "safeguard.international_protection")
    assert problem.missing[0]["code"] == "missing.protection_settled"
    assert problem.code in str(problem)


async def test_a_name_from_elsewhere_reaches_no_other_endpoint(stand: Stand) -> None:
    async with client_for(stand, "case-officer") as officer:
        with pytest.raises(Problem) as refused:
            await officer.case("../messages")
    assert refused.value.status == 404


async def test_following_yields_what_was_there_and_then_what_arrives(stand: Stand) -> None:
    await stand.settle_protection()
    async with client_for(stand, "case-officer") as officer, asyncio.timeout(5):
        await officer.send(message(1))
        seen = []
        async for found in officer.follow():
            seen.append(found["id"])
            if len(seen) == 3:
                break
            await officer.send(message(len(seen) + 1))
        assert seen == [message_id(number) for number in (1, 2, 3)]


async def test_a_signed_statement_travels_with_its_parts(stand: Stand) -> None:
    async with client_for(stand, "agency-system") as system:
        with pytest.raises(Problem) as refused:
            await system.send_signed("aa.bb.cc", narrative=b'{"salt":"AA"}')
    assert refused.value.code == "statement.malformed"  # what the stand-in says when it was reached


async def test_a_node_that_cannot_be_reached_is_not_a_refusal() -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    async with Client("http://node", "t", transport=httpx.MockTransport(nobody)) as node:
        with pytest.raises(NodeUnreachable):
            await node.case(EXAMPLE_CASE)
        with pytest.raises(NodeUnreachable):
            await node.ready()


async def test_an_answer_that_is_no_problem_document_is_still_told_as_one() -> None:
    def proxy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>")

    async with Client("http://node", "t", transport=httpx.MockTransport(proxy)) as node:
        with pytest.raises(Problem) as refused:
            await node.case(EXAMPLE_CASE)
    assert (refused.value.status, refused.value.code) == (502, "unknown")


TYPES = {
    name: getattr(client, name)
    for name in client.__all__
    if hasattr(getattr(client, name), "__required_keys__")
}
DESCRIBED_AS = {"EvidenceItem": "Evidence", "RegisteredPerson": "Person", "SignInLink": "Invitation"}


# A submission is held below; an event's cursor is the id of the stream's event, outside of its data.
@pytest.mark.parametrize("name", sorted(set(TYPES) - {"Submission", "NoticeEvent"}))
def test_the_types_have_the_members_of_the_description(name: str) -> None:
    described = SCHEMAS[DESCRIBED_AS.get(name, name)]
    assert set(described["properties"]) == TYPES[name].__required_keys__ | TYPES[name].__optional_keys__
    assert set(described["required"]) == TYPES[name].__required_keys__


def test_a_submission_has_the_members_of_the_description() -> None:
    described = SCHEMAS["Submission"]["allOf"][0]
    assert set(described["properties"]) == Submission.__required_keys__ | Submission.__optional_keys__
    assert set(described["required"]) == Submission.__required_keys__
