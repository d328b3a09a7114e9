"""Who may ask what: every role at every endpoint, foreign tokens, and no content without the grant."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.responses import Response

from protocol import base64url
from protocol.identifiers import NodeCode
from protocol.statistics import Population, Release
from service.access.roles import (
    CONTENT_SCOPES,
    ENDPOINTS,
    ROLE_SCOPES,
    Endpoint,
    Role,
    Scope,
    check_endpoints,
)
from service.access.tokens import TokenVerifier, mint
from service.api.app import ROUTERS, check_guarded
from service.api.guard import Guarded
from service.errors import Forbidden, Misconfigured
from tests.protocol.sample_directory import seeded_key
from tests.service.api_stand import OURS, THEIRS, TOKEN_KEY, Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

pytestmark = pytest.mark.anyio

RELEASED = Population(role="destination", year=2025)
WITHOUT_CONTENT = (Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR, Role.STATISTICIAN)
WITH_A_STORE = ("/v1/clients", "/v1/persons", "/v1/journal", "/oauth/", "/.well-known/", "/auth/")
"""Not in memory: tests/service/test_role_matrix.py asks these of a real node, with all the others."""
IN_MEMORY = sorted(one for one in ENDPOINTS if not one[1].startswith(WITH_A_STORE))
BODIES: dict[Endpoint, dict[str, Any]] = {
    ("POST", "/v1/messages"): {"json": submission(2)},
    ("POST", "/v1/messages/validation"): {"json": submission(3)},
    ("PUT", "/v1/cases/{reference}/protection"): {"json": {"status": "sought", "reason": "claim"}},
    ("PUT", "/v1/cases/{reference}/guardian"): {"json": {"provided_on": "2026-11-20"}},
    ("PUT", "/v1/cases/{reference}/attachments/{id}"): {
        "content": b"%PDF-1.7 made up",
        "headers": {"Content-Type": "application/pdf"},
    },
    ("GET", "/v1/messages/{id}/attachments/{digest}"): {
        "params": {"identity": "release", "reason": "identity-check"}
    },
    ("POST", "/v1/messages/{id}/identity-release"): {"json": {"reason": "identity-check"}},
    ("POST", "/v1/cases/{reference}/retention"): {"json": {"act": "hold", "reason": "court-proceedings"}},
    ("GET", "/v1/directory/landing"): {"params": {"state": "ro", "procedure": "social-inquiry"}},
    ("POST", "/v1/directory/entries/preview"): {
        "json": {"kind": "mandate", "name": "iom", "facts": {"intermediary": "int.iom"}}
    },
    ("PUT", "/v1/directory/entries/{kind}/{name}"): {"json": {"facts": {}}},
    ("POST", "/v1/keys/actions"): {"json": {"act": "rotate", "owner": "api-token"}},
    ("POST", "/v1/approvals/{id}/decision"): {"json": {"decision": "approve"}},
    ("PUT", "/v1/adapters/{name}/health"): {
        "json": {"version": "1", "state": "well", "since": "2026-11-26T10:00:00Z", "set_aside": 0}
    },
    ("PUT", "/v1/notices/read"): {"json": {"cursor": "bjA"}},
    ("GET", "/v1/events"): {"params": {"seconds": 0}},
    ("PUT", "/v1/subscriptions/{id}"): {
        "json": {"channel": "webhook", "target": "https://registry.example/notices"}
    },
    ("POST", "/v1/hand-over"): {
        "content": b"{}",
        "headers": {"Content-Type": "application/vnd.focalpoint.hand-over"},
    },
    ("POST", "/v1/messages/{id}/relay"): {"json": {"outcome": "handed-over", "way": "post"}},
    ("POST", "/v1/statistics/releases"): {"json": {"role": "origin", "year": 2025}},
    ("POST", "/v1/envelopes"): {
        "content": b'{"manifest":"e30.e30.AA","parts":{}}',
        "headers": {"Content-Type": "application/vnd.focalpoint.envelope+json"},
    },
}


def path_of(template: str) -> str:
    id_ = RELEASED.id if template.startswith("/v1/statistics") else message_id(1)
    return template.format(
        reference=EXAMPLE_CASE, id=id_, scheme="sex", digest="A" * 43, kind="mandate", name="iom", state="md"
    )


@pytest.fixture
async def stand() -> Stand:
    made = Stand()
    await made.settle_protection()
    sent = await made.as_("case-officer").post("/v1/messages", json=submission(1))
    assert sent.status_code == 202, sent.text
    asked = await made.as_("case-officer").post(
        f"/v1/messages/{message_id(1)}/identity-release", json={"reason": "identity-check"}
    )
    assert asked.json()["id"] == message_id(1), "the example id in the paths of approvals too"
    made.exchange.statistics[RELEASED.id] = Release(
        population=RELEASED, made_at=made.node.clock.now(), total=None, tables=()
    )
    return made


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("endpoint", IN_MEMORY, ids=" ".join)
async def test_a_role_gets_what_its_scopes_allow_and_nothing_else(
    stand: Stand, role: Role, endpoint: Endpoint
) -> None:
    method, template = endpoint
    before = (len(stand.exchange.messages), dict(stand.exchange.cases), list(stand.exchange.imported))
    answer = await stand.as_(role, person="person-9").request(
        method, path_of(template), **BODIES.get(endpoint, {})
    )
    if ENDPOINTS[endpoint] <= ROLE_SCOPES[role]:
        # What is in a document is identity: the role is enough to ask, a second person's approval to have it.
        unapproved = template.endswith("/attachments/{digest}") and answer.status_code == 403
        if unapproved:
            assert answer.json()["code"] == "access.second_person"
        assert answer.status_code < 300 or unapproved, answer.text
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "access.scope"
        assert before == (len(stand.exchange.messages), stand.exchange.cases, stand.exchange.imported)


@pytest.mark.parametrize("endpoint", IN_MEMORY, ids=" ".join)
async def test_nobody_gets_nothing_but_what_is_public(stand: Stand, endpoint: Endpoint) -> None:
    method, template = endpoint
    answer = await stand.bearing(None).request(method, path_of(template), **BODIES.get(endpoint, {}))
    if ENDPOINTS[endpoint]:
        assert answer.status_code == 401
        assert answer.json()["code"] == "access.token_missing"
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="focalpoint"'
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize("role", WITHOUT_CONTENT)
def test_roles_that_watch_have_no_scope_that_shows_content(role: Role) -> None:
    assert not ROLE_SCOPES[role] & CONTENT_SCOPES


@pytest.mark.parametrize("role", Role)
async def test_what_the_message_says_is_in_no_answer_to_a_role_without_the_grant(
    stand: Stand, role: Role
) -> None:
    planted = submission(1)["narrative"][0]["text"]
    shown = False
    for method, template in IN_MEMORY:
        if method == "GET":
            answer = await stand.as_(role).get(path_of(template), **BODIES.get((method, template), {}))
            shown |= planted in answer.text
    assert shown == (Scope.MESSAGES_READ in ROLE_SCOPES[role])


def test_an_endpoint_without_a_declared_scope_stops_the_start() -> None:
    with pytest.raises(Misconfigured) as refused:
        check_endpoints([("GET", "/v1/forgotten")])
    assert refused.value.code == "access.endpoint_undeclared"
    forgotten = APIRouter(route_class=Guarded)
    with pytest.raises(Misconfigured):
        forgotten.get("/v1/forgotten")(_forgotten)


def test_a_route_that_asks_nobody_stops_the_start() -> None:
    unguarded = APIRouter()
    unguarded.get("/livez")(_forgotten)
    with pytest.raises(Misconfigured):
        check_guarded((*ROUTERS, unguarded))


def test_a_declared_endpoint_that_nobody_serves_stops_the_start() -> None:
    with pytest.raises(Misconfigured):
        check_guarded(ROUTERS[:-1])


def test_the_application_is_not_built_with_an_endpoint_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.api.app.ROUTERS", ROUTERS[:-1])
    with pytest.raises(Misconfigured):
        Stand()


async def _forgotten() -> Response:
    return Response()


# -- tokens


def altered(token: str, part: int, **changes: Any) -> str:
    parts = token.split(".")
    members = json.loads(base64url.decode(parts[part].encode())) | changes
    parts[part] = base64url.encode(json.dumps(members).encode()).decode()
    return ".".join(parts)


FOREIGN: dict[str, Any] = {
    "not a token": lambda stand: "not.a.token",
    "one word": lambda stand: "word",
    "not ASCII": lambda stand: "é.é.é",
    "very long": lambda stand: "a" * 9000,
    "another key under our key id": lambda stand: minted(stand, seeded_key_named_ours()),
    "an authority's own key": lambda stand: minted(stand, seeded_key("it.servizio-minori")),
    "for another node": lambda stand: minted(stand, TOKEN_KEY, node="ro"),
    "role raised afterwards": lambda stand: altered(stand.token("operator"), 1, role="supervisor"),
    "algorithm none": lambda stand: altered(stand.token("supervisor"), 0, alg="none"),
    "another type": lambda stand: altered(stand.token("supervisor"), 0, typ="JWT"),
    "a statement of another kind by our key": lambda stand: signed_again(
        altered(stand.token("supervisor"), 0, typ="fp-evidence+jws")
    ),
    "without a signature": lambda stand: stand.token("supervisor").rpartition(".")[0] + ".",
    "from the future": lambda stand: minted(stand, TOKEN_KEY, later=timedelta(minutes=5)),
}


def seeded_key_named_ours() -> Any:
    return type(TOKEN_KEY).from_seed(TOKEN_KEY.kid, b"\1" * 32)


def minted(stand: Stand, key: Any, *, node: str = "it", later: timedelta = timedelta(0)) -> str:
    return mint(
        key,
        node=NodeCode(node),
        person="person-1",
        role=Role.SUPERVISOR,
        authorities=[OURS],
        now=stand.clock.now() + later,
        random_bytes=stand.node.random.bytes,
    )


@pytest.mark.parametrize("case", sorted(FOREIGN))
def test_a_token_that_this_node_did_not_issue_is_refused(case: str) -> None:
    stand = Stand()
    with pytest.raises(Exception) as refused:  # noqa: PT011 (the code is what tells)
        stand.tokens.verify(FOREIGN[case](stand), stand.clock.now())
    assert getattr(refused.value, "code", None) == "access.token_invalid"


async def test_a_token_expires_also_when_it_was_seen_before(stand: Stand) -> None:
    officer = stand.as_("case-officer")
    assert (await officer.get("/v1/messages")).status_code == 200
    stand.clock.advance(timedelta(minutes=9, seconds=59))
    assert (await officer.get("/v1/messages")).status_code == 200
    stand.clock.advance(timedelta(seconds=1))
    answer = await officer.get("/v1/messages")
    assert (answer.status_code, answer.json()["code"]) == (401, "access.token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


async def test_a_token_grants_no_more_than_was_asked_for(stand: Stand) -> None:
    reader = stand.as_("case-officer", scopes=[Scope.MESSAGES_READ])
    assert (await reader.get("/v1/messages")).status_code == 200
    assert (await reader.post("/v1/messages", json=submission(2))).status_code == 403


def test_a_token_cannot_grant_what_its_role_does_not_have() -> None:
    with pytest.raises(Forbidden):
        Stand().token("operator", scopes=[Scope.MESSAGES_READ])


def test_a_scope_that_the_role_has_lost_is_gone_from_tokens_that_name_it() -> None:
    stand = Stand()
    forged = signed_again(altered(stand.token("operator"), 1, scope="messages:read deadlines:read"))
    actor = TokenVerifier(node=NodeCode("it"), keys={TOKEN_KEY.kid: TOKEN_KEY.public}).verify(
        forged, stand.clock.now()
    )
    assert actor.scopes == {Scope.DEADLINES_READ}


def signed_again(token: str) -> str:
    """Signed by the right key, whatever it says by now."""
    signed = token.rpartition(".")[0]
    return f"{signed}.{base64url.encode(TOKEN_KEY.sign(signed.encode())).decode()}"


# -- parties, identity, two people


async def test_who_is_no_party_is_answered_as_if_there_were_nothing(stand: Stand) -> None:
    stranger = stand.as_("case-officer", authorities=["ro.dgaspc-iasi"])
    for there, nowhere in (
        (f"/v1/messages/{message_id(1)}", f"/v1/messages/{message_id(99)}"),
        (f"/v1/cases/{EXAMPLE_CASE}", "/v1/cases/0000-0000-0000-0"),
    ):
        one, other = await stranger.get(there), await stranger.get(nowhere)
        assert one.status_code == 404
        assert other.status_code in (404, 422)
        if other.status_code == 404:
            assert one.json() == other.json()
    assert (await stranger.get("/v1/messages")).json()["messages"] == []


async def test_nobody_sends_for_an_authority_that_is_not_theirs(stand: Stand) -> None:
    answer = await stand.as_("case-officer", authorities=[THEIRS]).post("/v1/messages", json=submission(2))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.not_your_authority")


async def test_an_identity_stays_sealed_until_a_second_person_releases_it_for_a_reason(stand: Stand) -> None:
    path = f"/v1/messages/{message_id(1)}"
    planted = "Exampleville"
    officer, supervisor = stand.as_("case-officer"), stand.as_("supervisor", person="person-7")
    assert planted in json.dumps(submission(1))  # the search finds it where it is

    plain = await supervisor.get(path)
    assert planted not in plain.text
    assert plain.json()["content"]["identity_state"] == "sealed"
    software = stand.as_("agency-system", person="system-1")
    for asking, code in ((officer, "second_person"), (supervisor, "second_person"), (software, "scope")):
        denied = await asking.get(path, params={"identity": "release", "reason": "family-tracing"})
        assert (denied.status_code, denied.json()["code"]) == (403, f"access.{code}")
    unreasoned = await supervisor.get(path, params={"identity": "release"})
    assert (unreasoned.status_code, unreasoned.json()["code"]) == (422, "access.reason_required")
    assert stand.exchange.released == []

    asked = await officer.post(f"{path}/identity-release", json={"reason": "family-tracing"})
    assert (asked.status_code, asked.json()["state"]) == (202, "proposed")
    where = f"{asked.headers['location']}/decision"
    own = await officer.post(where, json={"decision": "approve"})
    assert (own.status_code, own.json()["code"]) == (403, "access.second_person")
    unreasoned = await supervisor.post(where, json={"decision": "return"})
    assert unreasoned.status_code in (400, 422)
    assert (await supervisor.post(where, json={"decision": "approve"})).json()["state"] == "approved"
    released = await officer.get(path, params={"identity": "release", "reason": "family-tracing"})
    assert planted in released.text
    assert stand.exchange.released == [("person-1", message_id(1), "family-tracing")]


async def test_the_protection_status_takes_two_people() -> None:
    stand = Stand()
    path = f"/v1/cases/{EXAMPLE_CASE}/protection"
    body = {"status": "not-sought", "reason": "interview-held"}
    first, second = (stand.as_("case-officer", person=person) for person in ("person-1", "person-2"))
    for _ in range(2):  # the same person twice is one person
        proposed = await first.put(path, json=body)
        assert (proposed.status_code, proposed.json()["state"]) == (202, "proposed")
    settled = await second.put(path, json=body)
    assert settled.status_code == 200
    assert settled.json() == {
        "status": "not-sought",
        "state": "settled",
        "changed_at": "2026-11-24T09:00:00Z",
        "held_elsewhere": False,
    }
