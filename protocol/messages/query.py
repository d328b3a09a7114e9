"""`query`: the authority cannot go on without an answer. The clock of what it owes pauses meanwhile."""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, Several

__all__ = ["FORM", "Query"]


class Query(CodedPart):
    query_questions: Several[Annotated[str, Coded("query-question")]]


FORM = Form(
    type="query",
    procedure=None,
    opens_thread=False,
    model=Query,
    narrative_fields=("further_questions",),
)
