"""Every endpoint, asked by every role and by nobody, on a running node: the table in `service.access.roles`
is what happens."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from protocol.messages import FORMS, Form
from service.access.roles import ENDPOINTS, ROLE_SCOPES, Endpoint, Role, Scope
from service.api.reading import ENVELOPE
from tests.journeys.local_network import (
    IT,
    RO,
    LocalNetwork,
    await_status,
    message,
    send,
    status_of,
)
from tests.watching import until

pytestmark = pytest.mark.network

OWN_TABLES = (
    *("case_file", "case_party", "message", "thread", "evidence", "inbox", "quarantine"),
    *("sent_manifest", "case_key", "access_journal"),
)
GUARDED = [endpoint for endpoint, scopes in ENDPOINTS.items() if scopes]


@dataclass(frozen=True, kw_only=True)
class Known:
    """Real ids at `it`: a case, a message that went out, one that came in."""

    case: str
    out: str
    incoming: str
    approval: str


@pytest.fixture(scope="module")
def known(network: LocalNetwork) -> Known:
    it, ro = network.officer("it"), network.officer("ro")
    case = network.settled_case()
    notified = send(it, message("case.notification", case, IT, RO))["id"]
    await_status(it, notified, "consigned")
    accepted = send(ro, message("accept", case, RO, IT, in_reply_to=notified))["id"]
    until(lambda: status_of(it, accepted) == "consigned")
    await_status(ro, accepted, "consigned")
    asked = it.post(f"/v1/messages/{notified}/identity-release", json={"reason": "home-visit"})
    return Known(case=case, out=notified, incoming=accepted, approval=asked.json()["id"])


def ask(client: httpx.Client, endpoint: Endpoint, known: Known) -> httpx.Response:
    """A request that would be answered, if the role may: real ids, bodies of the right kind."""
    method, template = endpoint
    id_ = known.incoming if template.endswith("/collection") else known.out
    path = (
        template.replace("{reference}", known.case)
        .replace("{id}", id_)
        .replace("{scheme}", "exploitation-form")
        .replace("{digest}", "A" * 43)
        .replace("{secret}", "A" * 43)
    )
    more: dict[str, Any] = {}
    if template.startswith("/v1/approvals/{id}"):
        path = path.replace(known.out, known.approval)
    if template == "/v1/directory/landing":
        more = {"params": {"state": "ro", "procedure": "social-inquiry"}}
    elif template == "/v1/events":
        more = {"params": {"seconds": 0}}
    elif template.endswith("/identity-release"):
        more = {"json": {"reason": "court-hearing"}}
    elif template.endswith("/decision"):
        # Proposed by the officer; of those who may, the administrator sees none of a case.
        more = {"json": {"decision": "return", "reason": "not-needed"}}
    if endpoint == ("PUT", "/v1/cases/{reference}/protection"):
        more = {"json": {"status": "not-sought", "reason": "child-interviewed"}}
    elif template.endswith("/guardian"):
        more = {"json": {"provided_on": "2026-01-01"}}
    elif template in ("/v1/messages", "/v1/messages/validation") and method == "POST":
        # Of a case that does not exist: whoever may send is told so.
        more = {"json": message("case.notification", "K7QM-3XPT-9V2D-6", IT, RO)}
    elif template == "/v1/envelopes":
        more = {"content": b"{}", "headers": {"Content-Type": ENVELOPE}}
    return client.request(method, path, **more)


def state(network: LocalNetwork) -> dict[str, Any]:
    return {table: network.rows("it", f"select * from {table} order by 1, 2") for table in OWN_TABLES}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_the_table_says_and_nothing_else(
    network: LocalNetwork, known: Known, role: Role
) -> None:
    client = network.client("it", role)
    allowed = [one for one in ENDPOINTS if ENDPOINTS[one] <= ROLE_SCOPES[role]]
    denied = [one for one in ENDPOINTS if one not in allowed]
    assert allowed
    assert denied or role is Role.SUPERVISOR
    before = state(network)
    for endpoint in denied:
        answer = ask(client, endpoint, known)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.scope"), endpoint
    assert state(network) == before
    for endpoint in allowed:
        if endpoint[1].startswith("/auth/"):
            continue  # for a browser's session, with no token: tests/service/test_sign_in.py
        answer = ask(client, endpoint, known)
        assert answer.status_code not in (401, 403) or answer.json()["code"] == "access.second_person", (
            endpoint,
            answer.text,
        )
        assert answer.status_code < 500, (endpoint, answer.text)


@pytest.mark.parametrize("role", [role for role in Role if Scope.MESSAGES_SEND in ROLE_SCOPES[role]])
@pytest.mark.parametrize(
    "form", [form for form in FORMS.values() if form.supervised], ids=lambda one: one.type
)
def test_what_binds_a_state_is_proposed_by_its_people_alone(
    network: LocalNetwork, form: Form, role: Role
) -> None:
    """Of a case that does not exist: whoever may send such a form is told so."""
    before = state(network)
    body = message(form.type, "K7QM-3XPT-9V2D-6", IT, RO, in_reply_to=str(uuid.uuid4()))
    for path in ("/v1/messages", "/v1/messages/validation"):
        answer = network.client("it", role).post(path, json=body)
        refused = answer.status_code == 403 and answer.json()["code"] == "access.scope"
        people = (Role.SUPERVISOR, Role.CASE_OFFICER)
        assert refused is (role not in people), (path, answer.text)
    assert state(network) == before


def test_without_a_token_nothing_is_answered_and_nothing_changes(network: LocalNetwork, known: Known) -> None:
    before = state(network)
    other_node = network.token("ro", "supervisor")
    for headers in (
        {},
        {"Authorization": "Bearer x.y.z"},
        {"Authorization": f"Bearer {other_node}"},
        {"Authorization": f"Basic {network.token('it', 'supervisor')}"},
    ):
        with network.anybody("it") as client:
            client.headers.update(headers)
            for endpoint in GUARDED:
                answer = ask(client, endpoint, known)
                assert answer.status_code == 401, (endpoint, headers)
                assert answer.headers["www-authenticate"].startswith("Bearer"), endpoint
                assert answer.json().keys() <= {"type", "title", "status", "detail", "code"}
    assert state(network) == before


def test_what_is_public_answers_anybody(network: LocalNetwork, known: Known) -> None:
    with network.anybody("it") as client:
        for endpoint in ENDPOINTS.keys() - set(GUARDED):
            if endpoint[1].startswith(("/auth/", "/oauth/")):
                continue  # it looks by itself at what it is shown: tests/service/test_sign_in.py
            assert ask(client, endpoint, known).status_code == 200, endpoint


def test_a_release_of_identity_is_journalled_with_its_reason_and_a_refused_one_is_not(
    network: LocalNetwork, known: Known
) -> None:
    query = {"identity": "release", "reason": "court-hearing"}
    journal = (
        "select actor, role, reason from access_journal where subject = ? and action = 'identity-released'"
    )
    for client in (network.officer("it"), network.supervisor("it"), network.client("it", "auditor")):
        assert client.get(f"/v1/messages/{known.out}", params=query).status_code == 403
    without_reason = network.supervisor("it").get(f"/v1/messages/{known.out}", params={"identity": "release"})
    assert (without_reason.status_code, without_reason.json()["code"]) == (422, "access.reason_required")
    unknown = network.supervisor("it").get(f"/v1/messages/{uuid.uuid4()}", params=query)
    assert unknown.status_code == 404
    assert network.rows("it", journal, known.out) == []
    network.release("it", known.out, "court-hearing")
    released = network.officer("it").get(f"/v1/messages/{known.out}", params=query)
    assert released.json()["content"]["identity_state"] == "released"
    assert network.rows("it", journal, known.out) == [
        {"actor": "case-officer-1", "role": "case-officer", "reason": "court-hearing"}
    ]
