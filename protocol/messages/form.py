"""What a form is, and what its coded and identity parts are made of.

A form is one module of this package: it declares a coded part, the names of its free-text fields, perhaps an
identity part, and collects them as `FORM`. A field of a coded part holds a code of a vocabulary, a date, a
count, an authority's address or a reference that stands for a person: never free text, never a name.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from annotated_types import Len
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from protocol import vocabularies
from protocol.errors import Refused
from protocol.identifiers import Address, MessageId, parse_address, parse_message_id

__all__ = [
    "AnyNumber",
    "AuthorityAddress",
    "Coded",
    "CodedPart",
    "Count",
    "Country",
    "Form",
    "FormField",
    "IdentityPart",
    "IsoDate",
    "Kind",
    "LanguageTag",
    "Line",
    "MessageReference",
    "NewerRelease",
    "PartyReference",
    "Several",
    "Signature",
    "StatementDigest",
    "YesNoUnknown",
    "is_language_tag",
]

type FieldKind = Literal[
    "code",
    "date",
    "count",
    "address",
    "reference",
    "message-id",
    "case-reference",
    "digest",
    "signature",
    "language",
    "text",
    "group",
]


type SaidBy = Literal["destination", "origin"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Marks what a field holds, for whoever renders it or describes the form."""

    kind: FieldKind


@dataclass(frozen=True, slots=True)
class NewerRelease:
    """Validation context: the sender's vocabulary is newer than ours, so unknown codes pass."""


@dataclass(frozen=True, slots=True)
class Coded:
    """Marks a field that holds a code of the vocabulary `scheme`.

    A code that the vocabulary lacks is refused, except from a sender with a newer release: then any
    well-formed code passes, and readers see the nearest broader concept.
    """

    scheme: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._check, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "enum": list(vocabularies.scheme(self.scheme).concepts),
            "x-vocabulary": self.scheme,
        }

    def _check(self, value: Any, info: ValidationInfo) -> str:
        if not isinstance(value, str):
            raise PydanticCustomError("string_type", "expected a code")
        if value in vocabularies.scheme(self.scheme).concepts:
            return value
        if isinstance(info.context, NewerRelease) and vocabularies.well_formed(value):
            return value
        raise PydanticCustomError("unknown_code", "not in the vocabulary", {"scheme": self.scheme})


def _iso_date(value: Any) -> datetime.date:
    # date.fromisoformat() also reads 20260131 and 2026-W05-6: one spelling only, both nodes compare bytes.
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        raise PydanticCustomError("date", "expected YYYY-MM-DD")
    try:
        return datetime.date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("date", "no such day") from None


def _address(value: str) -> Address:
    try:
        return parse_address(value)
    except Refused:
        raise PydanticCustomError("address", "expected <state>.<name>") from None


def _message_id(value: str) -> MessageId:
    try:
        return parse_message_id(value)
    except Refused:
        raise PydanticCustomError("message_id", "expected a UUID") from None


_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|\d{3}))?")


def is_language_tag(text: str) -> bool:
    """Whether `text` is a BCP 47 tag of language, script and region, in RFC 5646's case (`zh-Hant-TW`)."""
    return _LANGUAGE_TAG.fullmatch(text) is not None


def _language_tag(text: str) -> str:
    if not is_language_tag(text):
        raise PydanticCustomError("language", "expected a BCP 47 tag")
    return text


# U+202D and U+202E turn the reading direction over: a name could show as another one.
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f\u2028\u2029\u202d\u202e]")


def _one_line(text: str) -> str:
    if _NOT_IN_A_LINE.search(text):
        raise PydanticCustomError("line", "expected one line of text")
    return text


Item = TypeVar("Item")
# Strict(False) lets a JSON list stand for a tuple; what is in it stays strict.
Several = Annotated[tuple[Item, ...], Strict(False), Len(1, 64)]
AnyNumber = Annotated[tuple[Item, ...], Strict(False), Len(0, 64)]

IsoDate = Annotated[
    datetime.date,
    BeforeValidator(_iso_date),
    Kind("date"),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Count = Annotated[int, Field(ge=0, le=1000), Kind("count")]
AuthorityAddress = Annotated[
    Address,
    AfterValidator(_address),
    Kind("address"),
    WithJsonSchema({"type": "string", "examples": ["it.servizio-minori"], "maxLength": 70}),
]
MessageReference = Annotated[
    MessageId,
    AfterValidator(_message_id),
    Kind("message-id"),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
PartyReference = Annotated[
    str,
    StringConstraints(pattern=r"^(?:child|(?:carer|person|place)-[1-9][0-9]?)$"),
    Kind("reference"),
]
"""Stands for somebody or some place that only the identity part names: `child`, `carer-1`, `place-2`."""
StatementDigest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$"), Kind("digest")]
"""SHA-256 of a statement's token, of an agreement's bytes or of a scanned paper, in base64url: the exact
version that is meant."""
Signature = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,400}\.\.[A-Za-z0-9_-]{86}$"), Kind("signature")
]
"""A detached JWS over bytes that both sides hold (`protocol.statements.cosign`)."""
LanguageTag = Annotated[
    str,
    AfterValidator(_language_tag),
    Kind("language"),
    WithJsonSchema({"type": "string", "examples": ["fr"]}),
]
Country = Annotated[str, Coded("country")]
YesNoUnknown = Annotated[str, Coded("yes-no-unknown")]
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=300), AfterValidator(_one_line), Kind("text")
]
"""One line of text as somebody wrote it. Only identity parts have such fields."""


class CodedPart(BaseModel):
    """A coded part, or a group of fields in one. Unknown fields are refused, nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class IdentityPart(BaseModel):
    """An identity part, or a group of fields in one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# Spelled here because `type` is the name of a field below.
type _CodedModel = type[CodedPart]
type _IdentityModel = type[IdentityPart]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field of a form, for rendering and documentation.

    `name` is also its code in the vocabulary `field`, which holds the labels: a field name means the same
    thing in every form. `scheme` is set for codes, `fields` for groups; `many` says that it holds a list.
    """

    name: str
    kind: FieldKind
    many: bool = False
    required: bool = True
    scheme: str | None = None
    fields: tuple[FormField, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Form:
    """One type of message.

    `procedure` is the competence that an authority needs to send or answer it, and the conversation that it
    belongs to; None for the moves that every procedure has. `opens_thread`: it may be the first message of a
    conversation. `said_by`: the only State that may say it, where the child is (`destination`) or where the
    child is from (`origin`). `supervised`: a second pair of eyes signs it, never a case officer alone.
    `required_narrative` names the free-text fields that cannot be left out.
    """

    type: str
    version: int = 1
    procedure: str | None
    opens_thread: bool
    said_by: SaidBy | None = None
    supervised: bool = False
    model: _CodedModel
    narrative_fields: tuple[str, ...] = ()
    required_narrative: tuple[str, ...] = ()
    identity_model: _IdentityModel | None = None
    identity_required: bool = False

    @cached_property
    def coded_fields(self) -> tuple[FormField, ...]:
        return fields_of(self.model)

    @cached_property
    def identity_fields(self) -> tuple[FormField, ...]:
        return fields_of(self.identity_model) if self.identity_model else ()

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every name that may stand in a pointer to a field of this form."""
        return frozenset(_names(self.coded_fields)) | frozenset(_names(self.identity_fields))


@cache
def fields_of(model: type[BaseModel]) -> tuple[FormField, ...]:
    """The fields of a part or group, in the order in which they are declared and shown."""
    return tuple(
        FormField(name=name, required=field.is_required(), **_nature(field.annotation, tuple(field.metadata)))
        for name, field in model.model_fields.items()
    )


def _nature(annotation: Any, metadata: tuple[Any, ...]) -> Mapping[str, Any]:
    for mark in metadata:
        if isinstance(mark, Coded):
            return MappingProxyType({"kind": "code", "scheme": mark.scheme})
        if isinstance(mark, Kind):
            return MappingProxyType({"kind": mark.kind})
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _nature(arguments[0], arguments[1:])
    if origin is tuple:
        return MappingProxyType({**_nature(arguments[0], ()), "many": True})
    if origin in (Union, UnionType):
        return _nature(next(one for one in arguments if one is not type(None)), ())
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return MappingProxyType({"kind": "group", "fields": fields_of(annotation)})
    # A field of no declared kind would be neither rendered nor kept free of free text.
    raise TypeError(f"{annotation!r} is not a kind of field that a form may have")


def _names(fields: tuple[FormField, ...]) -> list[str]:
    return [name for field in fields for name in (field.name, *_names(field.fields))]
