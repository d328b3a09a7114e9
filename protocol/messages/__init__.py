"""What authorities say to each other: one module of this package per form.

    checked = validate(content)          # a Draft, a Content, anything with their attributes
    checked.coded.trafficking_status     # typed, every code known
    checked.form.coded_fields            # what there is to render, in order

A new form is one module with a `FORM`: it is found by being here. Its codes and the labels of its fields are
rows of `protocol/vocabularies`, its place in a conversation a row of a table in `protocol/conversations`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from protocol import vocabularies
from protocol.errors import NotAcceptable
from protocol.messages.form import CodedPart, Form, FormField, IdentityPart, NewerRelease, is_language_tag

__all__ = ["FORMS", "Checked", "Form", "FormField", "form", "validate"]

MAX_NARRATIVE_BLOCKS: Final = 64
MAX_NARRATIVE_LENGTH: Final = 30_000  # characters of one block


def _forms() -> Mapping[str, Form]:
    modules = (
        importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    )
    forms = [module.FORM for module in modules if isinstance(getattr(module, "FORM", None), Form)]
    return MappingProxyType({form.type: form for form in sorted(forms, key=lambda form: form.type)})


FORMS: Final[Mapping[str, Form]] = _forms()
"""Every form by its type."""


class _Block(Protocol):
    @property
    def field(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def text(self) -> str: ...


class _Content(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def form(self) -> int: ...
    @property
    def vocabulary(self) -> str: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def narrative(self) -> Iterable[_Block]: ...
    @property
    def identity(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A content that fits its form. Frozen values: dates are dates, lists are tuples."""

    form: Form
    coded: CodedPart
    identity: IdentityPart | None


def form(message_type: str) -> Form:
    """Refuses `message.unknown_type`."""
    if (declared := FORMS.get(message_type)) is None:
        raise NotAcceptable("message.unknown_type", "no form of this release has this type")
    return declared


def validate(content: _Content, *, absent: Collection[str] = ()) -> Checked:
    """Check a content against its form. `absent`: parts that the reader may not open, and cannot check.

    Refuses `message.unknown_type`, `message.form_version`, `message.field`, `message.unknown_code`,
    `message.narrative_field`, `message.narrative_missing`, `message.identity_not_allowed` and
    `message.identity_missing`. Codes that this release lacks pass only when the content cites a newer one.
    Whether the message may be sent now is for the conversation and the safeguards to say.
    """
    declared = form(content.type)
    identity: IdentityPart | None = None
    if content.form != declared.version:
        raise NotAcceptable("message.form_version", f"expected version {declared.version} of the form")
    context = NewerRelease() if _newer(content.vocabulary) else None
    coded = _part(declared, "coded", declared.model, content.coded, context)
    _check_narrative(declared, tuple(content.narrative), absent="narrative" in absent)
    if content.identity is not None:
        if declared.identity_model is None:
            raise NotAcceptable("message.identity_not_allowed", "this form has no identity part")
        identity = _part(declared, "identity", declared.identity_model, content.identity, context)
    elif declared.identity_required and "identity" not in absent:
        raise NotAcceptable("message.identity_missing", "this form needs its identity part")
    return Checked(form=declared, coded=coded, identity=identity)


def _newer(release: str) -> bool:
    if not re.fullmatch(r"\d{4}\.\d{2}", release, re.ASCII):
        raise NotAcceptable("message.field", "expected a release such as 2026.11", field="/vocabulary")
    return release > vocabularies.RELEASE


def _part[Part: BaseModel](
    declared: Form,
    part: str,
    model: type[Part],
    submitted: Mapping[str, Any],
    context: NewerRelease | None,
) -> Part:
    try:
        return model.model_validate(submitted, context=context)
    except ValidationError as invalid:
        error = invalid.errors(include_url=False, include_input=False)[0]
    # Raised outside the handler: the exception holds what was submitted, and would be this one's context.
    raise _refusal(declared, part, error)


def _refusal(declared: Form, part: str, error: ErrorDetails) -> NotAcceptable:
    pointer = f"/{part}"
    for step in error["loc"]:
        # An unknown field's name is the submitter's text: the pointer stops at the group that it stands in.
        if isinstance(step, str) and step not in declared.field_names:
            break
        pointer += f"/{step}"
    if error["type"] == "unknown_code":
        scheme = str(error["ctx"]["scheme"])
        return NotAcceptable(
            "message.unknown_code",
            f"expected a code of the vocabulary {scheme}, release {vocabularies.RELEASE}",
            field=pointer,
            facts={"field": pointer, "scheme": scheme},
        )
    return NotAcceptable(
        "message.field", _expectation(error["type"]), field=pointer, facts={"field": pointer}
    )


def _expectation(error_type: str) -> str:
    match error_type:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return "a field here is not one of the form"
        case "too_short" | "too_long":
            return "fewer or more entries than the form allows"
        case _:
            return f"not what the form declares here ({error_type})"


def _check_narrative(declared: Form, blocks: tuple[_Block, ...], *, absent: bool) -> None:
    if len(blocks) > MAX_NARRATIVE_BLOCKS:
        raise _free_text("too many blocks of free text", "/narrative")
    for index, block in enumerate(blocks):
        pointer = f"/narrative/{index}"
        if block.field not in declared.narrative_fields:
            raise _free_text("not a free-text field of this form", f"{pointer}/field")
        if not block.text.strip() or len(block.text) > MAX_NARRATIVE_LENGTH:
            raise _free_text("empty, or too long for one block", f"{pointer}/text")
        if not is_language_tag(block.language):
            raise _free_text("expected a BCP 47 language tag", f"{pointer}/language")
    for required in () if absent else declared.required_narrative:
        if not any(block.field == required for block in blocks):
            pointer = f"/narrative/{required}"
            raise NotAcceptable(
                "message.narrative_missing",
                "this form must give free text here",
                field=pointer,
                facts={"field": pointer},
            )


def _free_text(expectation: str, pointer: str) -> NotAcceptable:
    return NotAcceptable("message.narrative_field", expectation, field=pointer, facts={"field": pointer})
