"""`answer`: what was asked in a query, question by question. Names asked for stand in the identity part."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, Several
from protocol.messages.person import PersonsAndPlaces

__all__ = ["FORM", "Answer", "QueryResult"]


class QueryResult(CodedPart):
    query_question: Annotated[str, Coded("query-question")]
    result: Annotated[str, Coded("answer-result")]


class Answer(CodedPart):
    answers: Several[QueryResult]


FORM = Form(
    type="answer",
    procedure=None,
    opens_thread=False,
    model=Answer,
    narrative_fields=("explanation",),
    identity_model=PersonsAndPlaces,
)
