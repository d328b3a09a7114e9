"""The JSON Schemas of all forms, for the marked block of openapi.yaml.

One component per form and part (`social-inquiry.report.coded`), one per group of fields in it, and one per
vocabulary (`vocabulary.home-risk`), so that a client generator makes one enumeration of each.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from protocol import messages
from protocol.messages.form import fields_of

__all__ = ["openapi_schemas"]

type Json = dict[str, Any]

_PREFIX = "#/components/schemas/"


def openapi_schemas() -> Json:
    """Components for OpenAPI 3.1, by name, sorted: the same bytes on every run."""
    components: Json = {}
    for form in messages.FORMS.values():
        _add(components, f"{form.type}.coded", form.model)
        if form.identity_model is not None:
            _add(components, f"{form.type}.identity", form.identity_model)
    return dict(sorted(components.items()))


def _add(components: Json, name: str, model: type[BaseModel]) -> None:
    schema = model.model_json_schema(ref_template="{model}")
    groups = schema.pop("$defs", {})
    for group_name, group in groups.items():
        components[f"group.{group_name}"] = _tidy(group, components)
    components[name] = _tidy(schema, components)
    signatures = {field.name for field in fields_of(model) if field.kind == "signature"}
    if signatures:
        # A node with the authority's key signs what an officer has named: a submission may leave it out.
        components[name]["required"] = [one for one in schema["required"] if one not in signatures]


def _tidy(schema: Json, components: Json) -> Json:
    """References made absolute, vocabularies moved to `components`, titles and docstrings left out."""
    if (vocabulary := schema.get("x-vocabulary")) is not None:
        name = f"vocabulary.{vocabulary}"
        components[name] = {"type": "string", "enum": schema["enum"]}
        return {"$ref": _PREFIX + name}
    if "$ref" in schema:
        return {"$ref": f"{_PREFIX}group.{schema['$ref']}"}
    tidy: Json = {}
    for key, value in schema.items():
        match key:
            case "title" | "description":
                continue
            case "properties":
                tidy[key] = {name: _tidy(field, components) for name, field in value.items()}
            case "items":
                tidy[key] = _tidy(value, components)
            case "anyOf":
                tidy[key] = [_tidy(option, components) for option in value]
            case _:
                tidy[key] = value
    return tidy
