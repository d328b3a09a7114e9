"""What a form asks for, with its limits: the fields of `protocol.messages`, beside the schema of their
models.

A `FormField` says what a field holds; how many entries a list takes, or how long a line may be, stands in the
JSON Schema of the same model. Both are walked together here, once for each form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel

from protocol.messages import FORMS, Form
from protocol.messages.form import FieldKind, FormField, fields_of

__all__ = ["FormShape", "Shape", "ShapeKind", "leaves", "shape_of"]

type ShapeKind = FieldKind | Literal["partial-date"]
"""`partial-date`: a year, a month or a day, as far as it is known."""

_MOST_ENTRIES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One field. `fewest` and `most`: entries of a list. `smallest` and `largest`: of a number. `longest`:
    characters of a line. A list is `required` when it takes no less than one entry."""

    name: str
    kind: ShapeKind
    many: bool
    required: bool
    scheme: str | None = None
    fields: tuple[Shape, ...] = ()
    fewest: int = 0
    most: int = _MOST_ENTRIES
    smallest: int = 0
    largest: int = 0
    longest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormShape:
    """The three parts. `identity` is None for a form that names nobody."""

    type: str
    coded: tuple[Shape, ...]
    narrative: tuple[str, ...]
    required_narrative: tuple[str, ...]
    identity: tuple[Shape, ...] | None
    identity_required: bool


def shape_of(form: Form) -> FormShape:
    """The shape of `form`."""
    # By type where the release has the form: one that a test makes up is walked anew.
    return _kept(form.type) if FORMS.get(form.type) is form else _shape(form)


@cache
def _kept(message_type: str) -> FormShape:
    return _shape(FORMS[message_type])


def _shape(form: Form) -> FormShape:
    return FormShape(
        type=form.type,
        coded=_part(form.model),
        narrative=form.narrative_fields,
        required_narrative=form.required_narrative,
        identity=None if form.identity_model is None else _part(form.identity_model),
        identity_required=form.identity_required,
    )


def leaves(shapes: tuple[Shape, ...], path: str = "") -> Iterator[tuple[str, Shape]]:
    """Each field that holds a value, by its path without the numbers of entries."""
    for one in shapes:
        here = f"{path}.{one.name}" if path else one.name
        if one.kind == "group":
            yield from leaves(one.fields, here)
        else:
            yield here, one


def _part(model: type[BaseModel]) -> tuple[Shape, ...]:
    schema = model.model_json_schema(ref_template="{model}")
    return _fields(fields_of(model), schema, schema.get("$defs", {}))


def _fields(
    fields: tuple[FormField, ...], schema: Mapping[str, Any], groups: Mapping[str, Any]
) -> tuple[Shape, ...]:
    shapes = (_field(one, schema["properties"][one.name], groups) for one in fields)
    # A list that the form takes over and lets have no entry is nothing that could be filled in.
    return tuple(shape for shape in shapes if shape.most)


def _field(field: FormField, schema: Mapping[str, Any], groups: Mapping[str, Any]) -> Shape:
    declared = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    item = declared.get("items", declared) if field.many else declared
    if "$ref" in item:
        item = groups[item["$ref"]]
    pattern = item.get("pattern")
    partial = field.kind == "text" and pattern is not None and re.match(pattern, "2012-03") is not None
    return Shape(
        name=field.name,
        kind="partial-date" if partial else field.kind,
        many=field.many,
        required=field.required,
        scheme=field.scheme,
        fields=_fields(field.fields, item, groups) if field.kind == "group" else (),
        fewest=declared.get("minItems", 0) if field.many else 0,
        most=declared.get("maxItems", _MOST_ENTRIES) if field.many else 1,
        smallest=item.get("minimum", 0),
        largest=item.get("maximum", 0),
        longest=item.get("maxLength"),
    )
