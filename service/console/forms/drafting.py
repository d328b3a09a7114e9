"""What the node knows before anybody types: whom a message goes to, what it answers, which documents it may
cite. What is known is filled in; where there is a choice, the person makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol

from protocol.identifiers import Address, CaseReference, MessageId, ThreadId
from protocol.messages import Form
from service.console.forms.entering import as_posted
from service.console.forms.parsing import Filled
from service.console.forms.shape import Shape, leaves, shape_of
from service.exchange.views import DueView, NextStep, Submission, Urgency

__all__ = ["Drafted", "Facts", "KnownDocument", "documents_for", "draft", "submission"]

_ASSESSMENT: Final = frozenset({"risk-assessment.final"})
_VERSIONS: Final = frozenset({"durable-solution.proposal", "durable-solution.counter-proposal"})
# What a field cites by its name, which means the same thing in every form
# (`protocol.messages.form.FormField`). A field that is not here may cite any document of the case.
_CITES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "risk_assessment": _ASSESSMENT,
        "final_assessment": _ASSESSMENT,
        "child_views": frozenset({"child-views.record"}),
        "guardian_notice": frozenset({"guardian.notice"}),
        "best_interests": frozenset({"best-interests.summary"}),
        "identity_result": frozenset({"identity.result"}),
        "social_inquiries": frozenset({"social-inquiry.report"}),
        "agreement_shown_in": frozenset({"social-inquiry.report"}),
        "agreement": _VERSIONS,
        "amends": _VERSIONS,
        "lifts": frozenset({"durable-solution.suspension"}),
    }
)
_AGREEMENTS: Final = frozenset({"agreement", "amends"})
"""Fields that hold the digest of an agreement, not of the statement that proposes it."""
_OF_ITS_OWN_TYPE: Final = "replaces"
_OF_NO_DOCUMENT: Final = frozenset({"digest", "salt", "original_digest"})
"""Digests of files and papers: the case's statements are no choice for them."""


class Base(Protocol):
    """A content to begin from, such as the proposal that a counter-proposal answers."""

    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def narrative(self) -> Any: ...
    @property
    def identity(self) -> Mapping[str, Any] | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDocument:
    """A message of the case that a form may cite. `agreement`: what an acceptance of this version names."""

    id: MessageId
    digest: str
    type: str
    sender: Address
    issued_at: datetime
    agreement: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the node knows of the case. `documents`: the oldest first. `authorities`: addresses and names that
    the directory has, to propose. `agreement`: digest of what is in force in the conversation. `due`: of the
    answer that the conversation awaits; `due_on` is its day where the answering authority is. `base`: a
    content of a form with the same fields."""

    case: CaseReference
    documents: tuple[KnownDocument, ...] = ()
    authorities: tuple[tuple[Address, str], ...] = ()
    agreement: str | None = None
    due: DueView | None = None
    due_on: str | None = None
    base: Base | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A message that is about to be written. `posted` is what `enter` and `parse` read."""

    type: str
    case: CaseReference
    sender: Address
    recipient: Address | None
    thread: ThreadId | None
    in_reply_to: MessageId | None
    posted: tuple[tuple[str, str], ...]


def draft(form: Form, step: NextStep, facts: Facts) -> Drafted:
    """`form` as the node can begin it for `step`. Nothing that a person has to judge is filled in."""
    posted = list(as_posted(form, facts.base)) if facts.base is not None else []
    begun = {name for name, _ in posted}
    answered = next((one for one in facts.documents if one.id == step.in_reply_to), None)
    for path, shape in leaves(shape_of(form).coded, "coded"):
        # What stands at the top is about the message itself; what stands in a group is about the child.
        if path.count(".") == 1 and path not in begun and not shape.many:
            value = _known(form, shape, facts, answered)
            if value is not None:
                posted.append((path, value))
    return Drafted(
        type=form.type,
        case=facts.case,
        sender=step.by,
        recipient=step.to,
        thread=step.thread,
        in_reply_to=step.in_reply_to,
        posted=tuple(posted),
    )


def documents_for(form: Form, shape: Shape, facts: Facts) -> tuple[tuple[str, KnownDocument], ...]:
    """What a field that cites a document may be given, as value and document."""
    if shape.kind not in ("digest", "message-id") or shape.name in _OF_NO_DOCUMENT:
        return ()
    types = frozenset({form.type}) if shape.name == _OF_ITS_OWN_TYPE else _CITES.get(shape.name)
    found = []
    for one in facts.documents:
        if types is not None and one.type not in types:
            continue
        value = (
            one.id
            if shape.kind == "message-id"
            else one.agreement
            if shape.name in _AGREEMENTS
            else one.digest
        )
        if value is not None:
            found.append((str(value), one))
    return tuple(found)


def submission(
    drafted: Drafted,
    content: Filled,
    *,
    id: MessageId,  # noqa: A002  # the name that it has in a submission
    recipient: Address,
    urgency: Urgency = "ordinary",
    declares_no_danger: bool = False,
) -> Submission:
    """What the use case takes. `recipient`: `drafted.recipient`, or who was chosen where it is None."""
    return Submission(
        id=id,
        case=drafted.case,
        type=drafted.type,
        sender=drafted.sender,
        recipient=recipient,
        thread=drafted.thread,
        in_reply_to=drafted.in_reply_to,
        urgency=urgency,
        declares_no_danger=declares_no_danger,
        coded=content.coded,
        narrative=content.narrative,
        identity=content.identity,
    )


def _known(form: Form, shape: Shape, facts: Facts, answered: KnownDocument | None) -> str | None:
    match shape.name:
        case "agreement":
            return facts.agreement or (answered.agreement if answered is not None else None)
        case "was_due_on":
            return facts.due_on
        case "due_basis":
            return facts.due.basis if facts.due is not None else None
    if answered is None or not shape.required:
        return None
    return next(
        (value for value, document in documents_for(form, shape, facts) if document.id == answered.id), None
    )
