"""`durable-solution.acceptance`: this State says yes to one version, over its exact bytes.

Both nodes compute the agreement's bytes from the signed proposal; `agreement` is their digest and `signature`
the State's own signature over them. The proposer accepts too: to propose is not to agree. An acceptance binds
no one to what the authority cannot decide: the State where the child is decides on best interests, the State
of origin on how the child is received there.
"""

from __future__ import annotations

from protocol.messages.form import CodedPart, Form, Signature, StatementDigest

__all__ = ["FORM", "SolutionAcceptance"]


class SolutionAcceptance(CodedPart):
    agreement: StatementDigest
    signature: Signature


FORM = Form(
    type="durable-solution.acceptance",
    procedure="durable-solution",
    opens_thread=False,
    supervised=True,
    model=SolutionAcceptance,
)
