"""The id makes a message one message, however often and from however many hands it is posted."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.journeys.local_network import IT, RO, LocalNetwork, message, send
from tests.watching import until

pytestmark = pytest.mark.network

TIMES, AT_ONCE = 1_000, 50


def posted_at_once(network: LocalNetwork, body: dict[str, Any]) -> list[httpx.Response]:
    """The same body `TIMES` times over `AT_ONCE` connections."""

    async def all_of_them() -> list[httpx.Response]:
        left = iter(range(TIMES))
        answers: list[httpx.Response] = []

        async def hand(client: httpx.AsyncClient) -> None:
            for _ in left:
                answers.append(await client.post("/v1/messages", json=body))

        async with httpx.AsyncClient(
            base_url=network.node("it")["api"],
            headers={"Authorization": f"Bearer {network.token('it', 'case-officer')}"},
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE),
            timeout=60,
        ) as client:
            await asyncio.gather(*(hand(client) for _ in range(AT_ONCE)))
        return answers

    return asyncio.run(all_of_them())


def test_a_thousand_posts_of_one_message_are_one_message_and_a_thousand_equal_answers(
    network: LocalNetwork,
) -> None:
    it = network.officer("it")
    case = network.settled_case()
    send(it, message("case.notification", case, IT, RO))
    body = message("social-inquiry.request", case, IT, RO)

    answers = posted_at_once(network, body)

    assert len(answers) == TIMES
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1

    until(
        lambda: it.get(f"/v1/messages/{body['id']}").json()["status"] == "consigned", what="its consignment"
    )
    for code in ("it", "ro"):
        assert len(network.rows(code, "SELECT 1 FROM message WHERE id = ?", body["id"])) == 1
    assert len(network.rows("it", "SELECT 1 FROM outbox WHERE message_id = ?", body["id"])) == 1
    assert len(network.rows("ro", "SELECT 1 FROM inbox WHERE id = ?", body["id"])) == 1
    kinds = [row["kind"] for row in network.rows("it", "SELECT kind FROM evidence WHERE id = ?", body["id"])]
    assert sorted(kinds) == ["content-consigned", "submission-accepted"]

    # Also once it is consigned: the first answer, not today's state.
    assert it.post("/v1/messages", json=body).content == answers[0].content


@pytest.mark.parametrize(
    "change",
    [
        {"urgency": "urgent"},
        {"coded": {**message("social-inquiry.request", "", IT, RO)["coded"], "child_informed": "no"}},
        {"narrative": [{"field": "reasons", "language": "it", "text": "Altro testo."}]},
        {"identity": None},
    ],
    ids=["another urgency", "another code", "another narrative", "no identity"],
)
def test_the_same_id_with_another_statement_is_refused_and_changes_nothing(
    network: LocalNetwork, change: dict[str, Any]
) -> None:
    it = network.officer("it")
    case = network.settled_case()
    send(it, message("case.notification", case, IT, RO))
    body = message("social-inquiry.request", case, IT, RO)
    first = it.post("/v1/messages", json=body)
    assert first.status_code == 202

    other = {name: value for name, value in {**body, **change}.items() if value is not None}
    refused = it.post("/v1/messages", json=other)

    assert refused.status_code == 409
    assert refused.json()["code"] == "id_reused"
    assert it.post("/v1/messages", json=body).content == first.content
    assert len(network.rows("it", "SELECT 1 FROM message WHERE id = ?", body["id"])) == 1


def test_the_same_content_under_another_id_is_another_message(network: LocalNetwork) -> None:
    it = network.officer("it")
    case = network.settled_case()
    send(it, message("case.notification", case, IT, RO))
    body = message("social-inquiry.request", case, IT, RO)
    twice = [it.post("/v1/messages", json={**body, "id": str(uuid.uuid4())}).json()["id"] for _ in range(2)]
    assert len(set(twice)) == 2
