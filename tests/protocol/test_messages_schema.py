"""The schemas of openapi.yaml say what the forms accept."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from protocol.messages import FORMS
from protocol.messages.schema import openapi_schemas
from tests.protocol.sample_contents import sample

type Json = dict[str, Any]


def validator(component: str) -> Draft202012Validator:
    document = {"$ref": f"#/components/schemas/{component}", "components": {"schemas": openapi_schemas()}}
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_the_schema_of_each_form_accepts_its_example(message_type: str) -> None:
    content = sample(message_type)
    validator(f"{message_type}.coded").validate(content.coded)
    if content.identity is not None:
        validator(f"{message_type}.identity").validate(content.identity)


@pytest.mark.parametrize("message_type", sorted(FORMS))
def test_the_schema_of_each_form_refuses_an_unknown_field(message_type: str) -> None:
    assert not validator(f"{message_type}.coded").is_valid({**sample(message_type).coded, "more": 1})


def test_the_schema_refuses_a_code_of_another_vocabulary() -> None:
    assert not validator("withdraw.coded").is_valid({"withdraw_reason": "no-jurisdiction"})


def test_the_schemas_are_the_same_on_every_run_and_name_only_each_other() -> None:
    schemas = openapi_schemas()
    text = json.dumps(schemas)
    assert text == json.dumps(openapi_schemas())
    assert list(schemas) == sorted(schemas)
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(schemas)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in schemas), "OpenAPI component names"
    assert "x-vocabulary" not in text
