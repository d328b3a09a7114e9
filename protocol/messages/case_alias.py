"""`case.alias`: under which number an office of this State keeps the same child's file.

The case reference is issued once, by the first agency in contact; other States and offices add aliases, never
a second master (project choice). A register's number can identify the child, so the numbers are in the
identity part, and nothing of them is said here. A case reference says nothing about the child, so the other
reference of a child who was referred twice may stand here.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from protocol.errors import Refused
from protocol.identifiers import CaseReference, case_reference
from protocol.messages.form import Coded, CodedPart, Form, IdentityPart, Kind, Line, Several

__all__ = ["FORM", "CaseAlias", "FileNumber", "FileNumbers"]


def _case_reference(text: str) -> CaseReference:
    try:
        read = case_reference(text)
    except Refused:
        read = None
    # One spelling only: two spellings of one reference would be two cases.
    if read is None or read != text:
        raise PydanticCustomError("case_reference", "expected a case reference such as K7QM-3XPT-9V2D-6")
    return read


class CaseAlias(CodedPart):
    """`same_as`: the other case reference, exactly when the child was referred twice."""

    alias_kind: Annotated[str, Coded("alias-kind")]
    same_as: (
        Annotated[
            CaseReference,
            AfterValidator(_case_reference),
            Kind("case-reference"),
            WithJsonSchema({"type": "string", "examples": ["K7QM-3XPT-9V2D-6"], "maxLength": 16}),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _a_duplicate_names_the_other_case(self) -> Self:
        if (self.alias_kind == "duplicate-case") != (self.same_as is not None):
            raise PydanticCustomError("same_as", "given exactly when the child was referred twice")
        return self


class FileNumber(IdentityPart):
    """`system`: which register or office counts so, as it calls itself."""

    system: Line
    number: Line


class FileNumbers(IdentityPart):
    file_numbers: Several[FileNumber]


FORM = Form(
    type="case.alias",
    procedure="case",
    opens_thread=False,
    model=CaseAlias,
    identity_model=FileNumbers,
    identity_required=True,
)
