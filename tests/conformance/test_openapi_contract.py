"""The application does what openapi.yaml says, and nothing that it does not say (Schemathesis, in process).

Behind the application is a real node: its use cases, its store, its keys, and another node to talk to.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import CHECKS

from protocol.messages import FORMS
from protocol.statistics import Population
from scripts import openapi_forms
from service import exchange
from service.access.roles import ENDPOINTS, Role
from service.access.tokens import TokenVerifier, mint
from service.api.app import build_api
from tests.service.access_stand import WithTokenKey
from tests.service.api_stand import TOKEN_KEY, message_id, submission
from tests.service.exchange_pair import WorldKeys, actor, message, open_pair
from tests.service.fake_exchange import EXAMPLE_CASE
from tests.service.test_attachments_between_nodes import described, upload

OPENAPI = Path(__file__).resolve().parents[2] / "openapi.yaml"
DESCRIPTION: dict[str, Any] = yaml.safe_load(OPENAPI.read_text("utf-8"))
EXAMPLES = 25
"""Requests per operation and phase: enough to reach every parameter, few enough for every run of the
tests."""
ROLES_TOGETHER = (
    "supervisor",
    "operator",
    "statistician",
    "administrator",
    "auditor",
    "intermediary-officer",
    "agency-system",
)
"""Between them they may ask everything."""


EXAMPLES_IN_PATHS = {
    "reference": EXAMPLE_CASE,
    "id": message_id(1),
    "scheme": "exploitation-form",
    "digest": "A" * 43,
    "kind": "mandate",
    "name": "iom",
    "state": "md",
    "secret": "A" * 43,
}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/v1/cases/{reference}/protection"): {
        "body": {"status": "possible", "reason": "interview-held"},
        "media_type": "application/json",
    },
    ("PUT", "/v1/cases/{reference}/guardian"): {
        "body": {"provided_on": "2026-11-20"},
        "media_type": "application/json",
    },
    ("POST", "/v1/cases/{reference}/retention"): {
        "body": {"act": "hold", "reason": "court-proceedings"},
        "media_type": "application/json",
    },
    ("PUT", "/v1/adapters/{name}/health"): {
        "body": {"version": "1", "state": "well", "since": "2026-11-26T10:00:00Z", "set_aside": 0},
        "media_type": "application/json",
    },
    ("GET", "/v1/events"): {"query": {"seconds": 0}},
    ("PUT", "/v1/notices/read"): {"body": {"cursor": "bjA"}, "media_type": "application/json"},
    ("PUT", "/v1/subscriptions/{id}"): {
        "body": {"channel": "webhook", "target": "https://registry.example/notices"},
        "media_type": "application/json",
    },
    ("POST", "/v1/statistics/releases"): {
        "body": {"role": "origin", "year": 2025},
        "media_type": "application/json",
    },
    ("POST", "/v1/messages/validation"): {"body": submission(2), "media_type": "application/json"},
    ("POST", "/v1/persons"): {"body": {"role": "auditor"}, "media_type": "application/json"},
    ("PUT", "/v1/cases/{reference}/attachments/{id}"): {
        "body": b"%PDF-1.7 made up",
        "media_type": "application/pdf",
    },
    ("POST", "/v1/messages/{id}/identity-release"): {
        "body": {"reason": "home-visit"},
        "media_type": "application/json",
    },
    ("POST", "/v1/directory/entries/preview"): {
        "body": {
            "kind": "mandate",
            "name": "iom",
            "facts": {"intermediary": "int.iom", "procedures": ["case"], "from": 1, "until": 2},
        },
        "media_type": "application/json",
    },
    ("POST", "/v1/keys/actions"): {
        "body": {"act": "rotate", "owner": "api-token"},
        "media_type": "application/json",
    },
    ("GET", "/v1/directory/landing"): {"query": {"state": "ro", "procedure": "social-inquiry"}},
    ("POST", "/v1/approvals/{id}/decision"): {
        "body": {"decision": "approve"},
        "media_type": "application/json",
    },
    ("GET", "/v1/messages/{id}/attachments/{digest}"): {
        "query": {"identity": "release", "reason": "interview-held"}
    },
}

EXAMPLES_OF: dict[str, Any] = {}
"""What only exists once the node has been played: the id of a message that came to it, its
envelope, and a case that nothing was asked of yet."""

RELEASED = Population(role="destination", year=2025)

type Base = tuple[FastAPI, dict[str, str]]


class FirstThenAny:
    """The bytes from which the example case draws its reference, then unpredictable ones."""

    def __init__(self) -> None:
        letters = EXAMPLE_CASE.replace("-", "")[:12]
        self._first = bytes("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(letter) for letter in letters)

    def bytes(self, count: int, /) -> bytes:
        first, self._first = self._first, b""
        return first or os.urandom(count)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    """A real node's application that has EXAMPLE_CASE, the message of EXAMPLES_IN_PATHS and one that came."""
    directory = tmp_path_factory.mktemp("contract")
    pair = open_pair(directory)
    # What is done with a key is done in a key store of files.
    keys = WithTokenKey.over(WorldKeys(pair.world, "it"), directory / "key-store")
    node = dataclasses.replace(pair.it.node, random=FirstThenAny(), keys=keys)
    tokens = {
        role: mint(
            TOKEN_KEY,
            node=node.code,
            person=f"{role}-1",
            role=Role(role),
            authorities=[pair.it.office] if role in ("supervisor", "agency-system") else [],
            now=node.clock.now(),
            random_bytes=os.urandom,
        )
        for role in ROLES_TOGETHER
    }
    app = build_api(
        node,
        exchange=exchange,
        tokens=TokenVerifier(node=node.code, keys={TOKEN_KEY.kid: TOKEN_KEY.public}),
    )

    async def play() -> None:
        case = await exchange.open_case(node, pair.it.supervisor)
        assert case.reference == EXAMPLE_CASE
        for person in (pair.it.officer, pair.it.supervisor):
            await exchange.set_protection(node, person, case.reference, "not-sought", "interview-held")
        first = message("case.notification", EXAMPLE_CASE, pair.it.office, pair.ro.office, id=message_id(1))
        uploaded = await upload(pair.it, case.reference, b"%PDF-1.7 made up, and sent")
        attached = {**(first.identity or {}), "attachments": [described(uploaded)]}
        await pair.it.send(dataclasses.replace(first, identity=attached))
        await pair.settle()
        EXAMPLES_IN_PATHS["digest"] = uploaded.digest
        answer = message("accept", EXAMPLE_CASE, pair.ro.office, pair.it.office, in_reply_to=first.id)
        await pair.ro.send(answer)
        await pair.settle()
        by_hand = await exchange.export_envelope(pair.ro.node, pair.ro.officer, answer.id)
        await exchange.make_statistics(node, actor(role=Role.STATISTICIAN), RELEASED, False)
        untouched = await exchange.open_case(node, pair.it.supervisor)
        shown, asked = [
            await exchange.request_release(node, pair.it.officer, first.id, reason)
            for reason in ("interview-held", "family-tracing")
        ]
        await exchange.decide(node, pair.it.supervisor, shown.id, "approve", None)
        EXAMPLES_OF.update(approval=asked.id)
        EXAMPLES_OF.update(received=answer.id, envelope=json.loads(by_hand), untouched=untouched.reference)

    asyncio.run(play())
    yield app, tokens
    pair.close()


def parameters_of(path: str) -> dict[str, str]:
    values = dict(EXAMPLES_IN_PATHS)
    if path.endswith(("/protection", "/retention")):
        # What was generated before may have left a proposal that one person cannot confirm.
        values["reference"] = EXAMPLES_OF["untouched"]
    if path.startswith("/v1/approvals"):
        values["id"] = EXAMPLES_OF["approval"]
    if path.startswith("/v1/statistics"):
        values["id"] = RELEASED.id
    if path.endswith("/collection"):
        values["id"] = EXAMPLES_OF["received"]
    return {name: value for name, value in values.items() if f"{{{name}}}" in path}


def role_for(path: str) -> str:
    if path.startswith("/v1/statistics"):
        return "statistician"
    if path.startswith(("/v1/clients", "/v1/persons", "/v1/directory/entries", "/v1/keys")):
        return "administrator"
    if path == "/v1/journal":
        return "auditor"
    if path.startswith("/v1/adapters/"):
        return "agency-system"
    if path.startswith("/v1/subscriptions"):
        return "administrator"
    if path.startswith("/v1/relay/") or "/relay" in path:
        return "intermediary-officer"
    operators = path in ("/metrics", "/v1/adapters") or path.startswith("/v1/operations/")
    return "operator" if operators else "supervisor"


class BaseApplication:
    """The application that `base` gives, for a schema that is made before any fixture."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") == "/v1/events":
            receive, send = _who_leaves_after_a_piece(receive, send)
        await self.app(scope, receive, send)


def _who_leaves_after_a_piece(receive: Any, send: Any) -> tuple[Any, Any]:
    """A stream lasts for an hour, and whoever calls here reads an answer to its end."""
    asked, came = asyncio.Event(), asyncio.Event()

    async def until_a_piece_came() -> Any:
        if not asked.is_set():
            asked.set()
            return await receive()
        await came.wait()
        return {"type": "http.disconnect"}

    async def noticing(message: Any) -> None:
        await send(message)
        if message["type"] == "http.response.body":
            came.set()

    return until_a_piece_came, noticing


@schemathesis.serializer(
    "application/jose",
    "application/pdf",
    "application/vnd.focalpoint.hand-over",
    "image/jpeg",
    "image/png",
)
def written_as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


schema = schemathesis.openapi.from_dict(DESCRIPTION)
# What is wrong may also be too large: then it is refused before anybody reads it.
rejection = schema.config.checks.negative_data_rejection
rejection.expected_statuses = [*rejection.expected_statuses, "413"]
schema.app = the_base = BaseApplication()
submissions = Draft202012Validator({"$ref": "#/components/schemas/Submission", **DESCRIPTION})


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_node_keeps_its_written_contract(case: Any, base: Base) -> None:
    the_base.app, tokens = base
    if isinstance(case.query, dict):
        case.query.pop("wait", None)  # a long poll is tested where time is not real
    if case.path.endswith("/retention") and case.path_parameters.get("reference") == EXAMPLE_CASE:
        # A case that one of these blocks is read by nobody, and the others read this one.
        case.path_parameters["reference"] = EXAMPLES_OF["untouched"]
    # A check character, a competence or a case's state is beyond what a schema can say.
    excluded = ["positive_data_acceptance"]
    if case.path == "/v1/messages/validation":
        excluded.append("negative_data_rejection")  # what is wrong with a message is the answer there
    case.call_and_validate(
        headers={"Authorization": f"Bearer {tokens[role_for(case.path)]}"},
        excluded_checks=[CHECKS.get_one(name) for name in excluded],
    )


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_good_message_of_every_form_fits_the_schema(form: str) -> None:
    assert list(submissions.iter_errors(submission(kind=form))) == []


def test_an_unknown_member_does_not_fit_the_schema() -> None:
    assert list(submissions.iter_errors(submission(remark="")))


OTHERWISE_TESTED = {
    ("POST", "/v1/messages"),
    # What an intermediary has to hand over: tests/service/test_intermediary_node.py and test_role_matrix.py.
    ("POST", "/v1/messages/{id}/relay"),
    ("GET", "/v1/messages/{id}/relay/envelope"),
    ("POST", "/v1/messages/{id}/paper-consent"),
    ("POST", "/v1/hand-over"),
    ("POST", "/v1/hand-over/{state}"),
    # An agreement needs two States and every document that it rests on: tests/service/test_agreements.py.
    ("GET", "/v1/cases/{reference}/agreements/{digest}"),
    ("GET", "/v1/cases/{reference}/agreements/{digest}/rendering"),
    # An entry that the State's root key signed: tests/service/test_directory_desk.py and test_role_matrix.py.
    ("PUT", "/v1/directory/entries/{kind}/{name}"),
    # These need somebody who is registered, an assertion, a provider or a session:
    # tests/service/test_role_matrix.py, test_client_tokens.py and test_sign_in.py.
    *((method, "/v1/clients/{id}") for method in ("PUT", "DELETE")),
    *((method, "/v1/subscriptions/{id}") for method in ("GET", "DELETE")),
    ("DELETE", "/v1/persons/{id}"),
    ("POST", "/v1/persons/{id}/invitation"),
    ("POST", "/oauth/token"),
    *((method, path) for method, path in ENDPOINTS if path.startswith("/auth/")),
}


@pytest.mark.parametrize(("method", "path"), sorted(set(ENDPOINTS) - OTHERWISE_TESTED))
def test_every_operation_succeeds_where_nothing_is_wrong(method: str, path: str, base: Base) -> None:
    the_base.app, tokens = base
    body = BODIES.get((method, path), {})
    if path == "/v1/envelopes":
        body = {"body": EXAMPLES_OF["envelope"], "media_type": "application/vnd.focalpoint.envelope+json"}
    case = schema[path][method].Case(path_parameters=parameters_of(path), **body)
    answer = case.call_and_validate(headers={"Authorization": f"Bearer {tokens[role_for(path)]}"})
    assert answer.status_code < 300


def test_what_is_described_is_what_is_declared_and_with_the_same_scope() -> None:
    described = {
        (method.upper(), path): operation.get("x-scope")
        for path, operations in DESCRIPTION["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert described == {endpoint: " ".join(sorted(scopes)) or None for endpoint, scopes in ENDPOINTS.items()}


def test_the_forms_in_the_description_are_those_of_the_protocol() -> None:
    text = OPENAPI.read_text("utf-8")
    assert openapi_forms.rewritten(text) == text
