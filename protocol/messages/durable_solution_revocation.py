"""`durable-solution.revocation`: this State takes back, for good, what it had agreed to.

A suspension can be lifted, a revocation cannot: whoever wants the solution after all proposes it again.
`agreement` is the digest of what is taken back. Nothing that was received becomes unsaid.
"""

from __future__ import annotations

from typing import Annotated

from protocol.messages.form import Coded, CodedPart, Form, StatementDigest

__all__ = ["FORM", "SolutionRevocation"]


class SolutionRevocation(CodedPart):
    revocation_reason: Annotated[str, Coded("revocation-reason")]
    agreement: StatementDigest


FORM = Form(
    type="durable-solution.revocation",
    procedure="durable-solution",
    opens_thread=False,
    supervised=True,
    model=SolutionRevocation,
    narrative_fields=("reasons",),
)
