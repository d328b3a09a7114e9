"""What a client learns when something is refused or fails: the code, in its language, and no more."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import Missing, NotAcceptable, Unauthenticated
from protocol.refusals import refusals
from service import errors
from service.api.problems import MEDIA_TYPE, problem_type, status_of
from tests.service.api_stand import Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

pytestmark = pytest.mark.anyio

PLANTED = "Zorica-Planted-2741"


@pytest.fixture
def stand() -> Stand:
    return Stand()


STATUSES = {
    "a second statement under one id": (errors.Conflict("id_reused"), 409),
    "a conversation in another state": (NotAcceptable("conversation.not_now"), 409),
    "a case that is not ready": (NotAcceptable("safeguard.international_protection"), 409),
    "a field that the form does not have": (NotAcceptable("message.field"), 422),
    "bytes that are no JSON": (NotAcceptable("json.malformed"), 400),
    "a part over its limit": (NotAcceptable("content.too_large"), 413),
    "an envelope over its limit": (Unauthenticated("envelope.too_large"), 413),
    "an envelope of nobody": (Unauthenticated("envelope.malformed"), 422),
    "no directory to rely on": (NotAcceptable("directory.expired"), 503),
    "nobody": (errors.NotAuthenticated("access.token_missing"), 401),
    "not their role": (errors.Forbidden("access.scope"), 403),
    "nothing there": (errors.NotFound("case.unknown"), 404),
    "nothing there, said by the protocol": (NotAcceptable("case.unknown"), 404),
    "an older copy": (errors.Stale("request.refused"), 412),
    "too often": (errors.Throttled("request.too_many"), 429),
    "a part that is away": (errors.Unavailable("store.closed"), 503),
    "a wrong setting": (errors.Misconfigured("settings.invalid"), 500),
    "the wrong media type": (errors.Malformed("request.media_type"), 415),
    "a body that cannot be read": (errors.Malformed("request.refused"), 400),
}


@pytest.mark.parametrize("case", sorted(STATUSES))
def test_each_kind_of_error_has_one_status(case: str) -> None:
    error, status = STATUSES[case]
    assert status_of(error) == status


@pytest.mark.parametrize("code", sorted(refusals()))
def test_every_code_has_a_problem_type_of_its_own(code: str) -> None:
    assert [other for other in refusals() if problem_type(other) == problem_type(code)] == [code]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("fr", "fr"), ("ar-EG, en;q=0.5", "ar"), ("tlh", "en"), ("", "en"), ("zh-Hant;q=0.1", "zh")],
)
async def test_a_problem_speaks_the_readers_language(stand: Stand, accepted: str, language: str) -> None:
    answer = await stand.as_("case-officer").get("/nowhere", headers={"Accept-Language": accepted})
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["Content-Language"] == language
    english = await stand.as_("case-officer").get("/nowhere")
    assert (answer.json()["title"] == english.json()["title"]) == (language == "en")
    assert answer.json()["code"] == "request.not_found"


async def test_a_safeguard_says_what_is_missing_who_supplies_it_and_on_what_ground(stand: Stand) -> None:
    answer = await stand.as_("case-officer").post(
        "/v1/messages", json=submission(1), headers={"Accept-Language": "es"}
    )
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "safeguard.international_protection")
    (missing,) = problem["missing"]
    assert missing.keys() == {"code", "title", "supplier", "supplier_title", "source"}
    assert missing["code"] == "missing.protection_settled"
    assert missing["title"] != problem["title"]
    assert missing["supplier_title"] == "El Estado donde se encuentra el niño"
    assert missing["source"] == "decisión del proyecto"


async def test_a_fault_of_the_node_reveals_an_incident_number_and_nothing_else(stand: Stand) -> None:
    stand.exchange.fails_with = RuntimeError(f"no such column {PLANTED}")
    answer = await stand.as_("case-officer").get(f"/v1/cases/{EXAMPLE_CASE}")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "node.internal")
    assert PLANTED not in answer.text
    ((event, facts),) = stand.log.lines
    assert (event, facts["incident"]) == ("request.failed", problem["incident"])
    assert facts.keys() == {"incident", "exc_info"}, (
        "the log tells an exception's type and place, never its text"
    )
    assert type(facts["exc_info"]) is RuntimeError


async def test_a_part_that_is_away_says_when_to_ask_again(stand: Stand) -> None:
    stand.exchange.fails_with = errors.Unavailable("store.closed")
    answer = await stand.as_("case-officer").get(f"/v1/cases/{EXAMPLE_CASE}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    stand.exchange.fails_with = errors.Throttled("request.too_many", facts={"retry_after_seconds": "7"})
    answer = await stand.as_("case-officer").get(f"/v1/cases/{EXAMPLE_CASE}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


SUBMITTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a coded field": ("POST", "/v1/messages", {"json": submission(1, coded={"sex": PLANTED})}),
    "the name of a field": ("POST", "/v1/messages", {"json": submission(1, **{PLANTED: "x"})}),
    "the name of a coded field": ("POST", "/v1/messages", {"json": submission(1, coded={PLANTED: 1})}),
    "a message type": ("POST", "/v1/messages", {"json": submission(1, type=PLANTED)}),
    "an address": ("POST", "/v1/messages", {"json": submission(1, recipient=PLANTED)}),
    "an id": ("POST", "/v1/messages", {"json": submission(1, id=PLANTED)}),
    "a case": ("POST", "/v1/messages", {"json": submission(1, case=PLANTED)}),
    "a narrative": ("POST", "/v1/messages", {"json": submission(1, narrative=[{"text": PLANTED}])}),
    "an identity": ("POST", "/v1/messages", {"json": submission(1, identity={"persons": PLANTED})}),
    "a body that is no JSON": (
        "POST",
        "/v1/messages",
        {"content": PLANTED, "headers": {"Content-Type": "application/json"}},
    ),
    "a statement": (
        "POST",
        "/v1/messages",
        {"content": PLANTED, "headers": {"Content-Type": "application/jose"}},
    ),
    "a media type": ("POST", "/v1/messages", {"content": "", "headers": {"Content-Type": PLANTED}}),
    "a query parameter": ("GET", "/v1/messages", {"params": {"direction": PLANTED}}),
    "the name of a query parameter": ("GET", "/v1/messages", {"params": {PLANTED: "1"}}),
    "a cursor": ("GET", "/v1/messages", {"params": {"after": PLANTED}}),
    "a reference in the path": ("GET", f"/v1/cases/{PLANTED}", {}),
    "an id in the path": ("GET", f"/v1/messages/{PLANTED}", {}),
    "a vocabulary": ("GET", f"/v1/vocabularies/{PLANTED}", {}),
    "an unknown path": ("GET", f"/{PLANTED}", {}),
    "a protection reason": (
        "PUT",
        f"/v1/cases/{EXAMPLE_CASE}/protection",
        {"json": {"status": "sought", "reason": f"{PLANTED} said so"}},
    ),
}


@pytest.mark.parametrize("case", sorted(SUBMITTED))
async def test_what_was_submitted_is_not_repeated(stand: Stand, case: str) -> None:
    method, path, request = SUBMITTED[case]
    await stand.settle_protection()
    answer = await stand.as_("supervisor").request(method, path, **request)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert PLANTED not in answer.text
    assert PLANTED not in str(answer.headers)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "x"}, "/id"),
        ({"case": "K7QM-3XPT-9V2D-7"}, "/case"),
        ({"sender": 1}, "/sender"),
        ({"narrative": [{"field": "circumstances", "language": "en"}]}, "/narrative/0/text"),
        ({"coded": []}, "/coded"),
        ({"urgency": "soon"}, "/urgency"),
        ({"declares_no_danger": "yes"}, "/declares_no_danger"),
    ],
)
async def test_a_malformed_submission_says_where(stand: Stand, change: dict[str, Any], field: str) -> None:
    answer = await stand.as_("case-officer").post("/v1/messages", json=submission(1, **change))
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"id":"a","id":"b"}', 400, "json.duplicate_key"),
        (b'{"coded":1.5}', 400, "json.float"),
        (b"[1]", 400, "json.malformed"),
        (b"\xff", 400, "json.malformed"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, 400, "json.too_deep"),
        (b" " * 700_000, 413, "request.too_large"),
    ],
)
async def test_a_body_that_two_readers_might_read_differently_is_refused(
    stand: Stand, body: bytes, status: int, code: str
) -> None:
    answer = await stand.as_("case-officer").post(
        "/v1/messages", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_body_that_hides_its_length_is_cut_off_at_the_limit(stand: Stand) -> None:
    sent = 0

    async def chunks() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 65_536
            yield b" " * 65_536

    answer = await stand.as_("case-officer").post(
        "/v1/messages", content=chunks(), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert sent <= 720_896  # the first eleven chunks


async def test_a_wrong_method_names_every_right_one(stand: Stand) -> None:
    answer = await stand.as_("case-officer").request("DELETE", "/v1/messages")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
    answer = await stand.as_("case-officer").get("/v1/messages/validation")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    answer = await stand.as_("case-officer").request("PUT", f"/v1/messages/{message_id(1)}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


def test_a_missing_thing_and_its_refusal_are_two_codes() -> None:
    missing = Missing(code="missing.overdue", supplier="destination", source="project choice")
    refused = NotAcceptable("conversation.overdue_only", missing=(missing,))
    assert status_of(refused) == 409
