"""`child-views.record`: what the child says about each option, and how the child was asked.

The software sees that views are recorded: which options, when, how, in which language, by whom, and whether
the child had been told what they mean. Whether the child was truly heard, spoke freely and was understood is
judged by people. That is why an interpreter close to the case, or words taken from another interview, have a
code of their own and are not hidden under a better one.

Traps. The interview of a witness asks what happened; this asks what the child wants to happen. No view that
the child expresses is a consent, and no silence is a view: an option that the child said nothing about is
`not-expressed`. The guardian stands up for what is best; where guardian and child disagree, somebody separate
speaks for the child (safeguard 5).
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, model_validator
from pydantic_core import PydanticCustomError

from protocol.messages.form import (
    Coded,
    CodedPart,
    Form,
    IsoDate,
    LanguageTag,
    MessageReference,
    Several,
    YesNoUnknown,
)
from protocol.messages.lists import EachOnce, alone, each_once

__all__ = ["FORM", "ChildViewsRecord", "ViewOfOption"]

_NOT_HEARD: Final = "not-heard"


class ViewOfOption(CodedPart):
    option: Annotated[str, Coded("solution-type")]
    view: Annotated[str, Coded("child-view")]


def _each_option_once(views: tuple[ViewOfOption, ...]) -> tuple[ViewOfOption, ...]:
    each_once(view.option for view in views)
    return views


class ChildViewsRecord(CodedPart):
    """`child_informed`: the child was told what each option means, in words that the child understands.

    `guardian_agrees_with_child`: about the options taken together. `replaces`: the earlier record; views may
    change, and the newest counts.
    """

    heard_on: IsoDate | None = None
    hearing_method: Annotated[str, Coded("hearing-method")]
    not_heard_reason: Annotated[str, Coded("not-heard-reason")] | None = None
    hearing_language: LanguageTag | None = None
    interpreter: Annotated[str, Coded("interpreter-use")]
    heard_by: Annotated[Several[Annotated[str, Coded("heard-by")]], EachOnce, alone("nobody")]
    guardian_present: YesNoUnknown
    child_informed: YesNoUnknown
    views: Annotated[Several[ViewOfOption], AfterValidator(_each_option_once)]
    guardian_agrees_with_child: YesNoUnknown
    separate_representative: Annotated[str, Coded("representative-status")]
    replaces: MessageReference | None = None

    @model_validator(mode="after")
    def _heard_on_a_day_or_not_heard_for_a_reason(self) -> Self:
        heard = self.hearing_method != _NOT_HEARD
        if heard != (self.heard_on is not None):
            raise PydanticCustomError("heard_on", "a day exactly when the child was heard")
        if heard == (self.not_heard_reason is not None):
            raise PydanticCustomError("not_heard_reason", "a reason exactly when the child was not heard")
        if heard == (self.heard_by == ("nobody",)):
            raise PydanticCustomError("heard_by", "nobody exactly when the child was not heard")
        if heard == (self.interpreter == "not-applicable"):
            raise PydanticCustomError("interpreter", "not applicable exactly when the child was not heard")
        return self

    @model_validator(mode="after")
    def _who_was_not_heard_has_said_nothing(self) -> Self:
        if self.hearing_method != _NOT_HEARD:
            return self
        if self.hearing_language is not None:
            raise PydanticCustomError("hearing_language", "no language when the child was not heard")
        if any(view.view != "not-expressed" for view in self.views):
            raise PydanticCustomError("views", "no view when the child was not heard")
        if self.guardian_agrees_with_child == "yes":
            raise PydanticCustomError("guardian_agrees_with_child", "there is no view to agree with")
        return self

    @model_validator(mode="after")
    def _a_disagreement_needs_somebody_separate(self) -> Self:
        if self.guardian_agrees_with_child == "no" and self.separate_representative == "not-needed":
            raise PydanticCustomError("separate_representative", "needed where guardian and child disagree")
        return self


FORM = Form(
    type="child-views.record",
    procedure="case",
    opens_thread=False,
    said_by="destination",
    model=ChildViewsRecord,
    narrative_fields=("child_words", "notes"),
)
