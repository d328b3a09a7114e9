"""The application does what openapi.yaml says, and nothing that it does not say (Schemathesis, in process).

The fixture `base` gives the application and a token: another node, with the real use cases behind it, is
tested by overriding that one fixture.
"""

from __future__ import annotations

import asyncio
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
from scripts import openapi_forms
from service.access.roles import ENDPOINTS
from tests.service.api_stand import Stand, message_id, submission
from tests.service.fake_exchange import EXAMPLE_CASE

OPENAPI = Path(__file__).resolve().parents[2] / "openapi.yaml"
DESCRIPTION: dict[str, Any] = yaml.safe_load(OPENAPI.read_text("utf-8"))
EXAMPLES = 25
"""Requests per operation and phase: enough to reach every parameter, few enough for every run of the
tests."""
ROLES_TOGETHER = ("supervisor", "operator")
"""Between them they may ask everything."""


EXAMPLES_IN_PATHS = {"reference": EXAMPLE_CASE, "id": message_id(1), "scheme": "exploitation-form"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PUT", "/v1/cases/{reference}/protection"): {
        "body": {"status": "possible", "reason": "interview-held"},
        "media_type": "application/json",
    },
    ("POST", "/v1/messages/validation"): {"body": submission(2), "media_type": "application/json"},
    ("POST", "/v1/envelopes"): {
        "body": {"manifest": "e30.e30.AA", "parts": {}},
        "media_type": "application/vnd.focalpoint.envelope+json",
    },
}

type Base = tuple[FastAPI, dict[str, str]]


@pytest.fixture(scope="module")
def base() -> Base:
    """An application that has EXAMPLE_CASE and the message of EXAMPLES_IN_PATHS, and one token per role."""

    async def stand() -> Base:
        made = Stand()
        await made.settle_protection()
        sent = await made.as_("supervisor").post("/v1/messages", json=submission(1))
        assert sent.status_code == 202, sent.text
        return made.app, {role: made.token(role) for role in ROLES_TOGETHER}

    return asyncio.run(stand())


def role_for(path: str) -> str:
    return "operator" if path == "/metrics" else "supervisor"


class BaseApplication:
    """The application that `base` gives, for a schema that is made before any fixture."""

    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@schemathesis.serializer("application/jose")
def written_as_it_is(_: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


schema = schemathesis.openapi.from_dict(DESCRIPTION)
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


@pytest.mark.parametrize(("method", "path"), sorted(set(ENDPOINTS) - {("POST", "/v1/messages")}))
def test_every_operation_succeeds_where_nothing_is_wrong(method: str, path: str, base: Base) -> None:
    the_base.app, tokens = base
    case = schema[path][method].Case(
        path_parameters={name: value for name, value in EXAMPLES_IN_PATHS.items() if f"{{{name}}}" in path},
        **BODIES.get((method, path), {}),
    )
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
