"""What use cases take and what they return: plain values between `api/`, `cli/`, `console/` and `exchange/`.

A view holds nothing that its reader may not see: the use case leaves it out, the API only writes it down.
Every time is aware and in UTC. The JSON of the API has the names of these fields; a None is left out of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Self

from protocol.errors import Missing
from protocol.evidence import ShownRendering
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode, StateCode, ThreadId
from protocol.indicators import published_year, settled
from protocol.rendering import Format
from protocol.statistics import Release
from service.access.actor import Actor
from service.access.roles import Scope

__all__ = [
    "MOST_HANDED_OVER",
    "RELAY_REASONS",
    "Accepted",
    "AdapterHealth",
    "AdapterView",
    "AdaptersView",
    "ApprovalView",
    "ApprovalsView",
    "AttachmentBytes",
    "AttachmentView",
    "Awaiting",
    "CaseView",
    "ClaimedRendering",
    "CollectionView",
    "ContentView",
    "DeadlineQuery",
    "DeadlineView",
    "DeadlinesView",
    "Direction",
    "DueView",
    "EvidenceItem",
    "EvidenceView",
    "GuardianView",
    "ImportView",
    "IndicatorQuery",
    "InvitationView",
    "MessageQuery",
    "MessageStatus",
    "MessageView",
    "NarrativeView",
    "NextStep",
    "NextStepsView",
    "Page",
    "PendingRelay",
    "PendingRelays",
    "ProtectionStatus",
    "ProtectionView",
    "RefusalView",
    "RelayOutcome",
    "RelayView",
    "RetentionAct",
    "RetentionDue",
    "RetentionPart",
    "RetentionRun",
    "RetentionView",
    "SignedSubmission",
    "StatisticsList",
    "Submission",
    "ThreadView",
    "TimelineEntry",
    "TimelineView",
    "UploadView",
    "Urgency",
    "Validation",
    "ViaView",
    "WaitingMessage",
]

type Direction = Literal["in", "out"]
type Urgency = Literal["ordinary", "urgent", "emergency"]
type MessageStatus = Literal["accepted", "held", "sent", "consigned", "refused", "retrieved", "waiting"]
"""accepted: ours and on disk; held: kept back, unnumbered; sent: released to the hub; consigned: the other
node has it, or we have theirs; refused: the other node said no; retrieved: the other agency has it; waiting:
theirs, and its predecessor has not come."""
type ProtectionStatus = Literal["unknown", "not-sought", "possible", "sought"]


# -- what use cases take


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrativeView:
    """One block of free text and the BCP 47 tag of its language."""

    field: str
    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What an authority wants to say; the node signs it with the authority's key.

    `thread` is None for a message that opens a conversation (its thread is then its own id) and may be left
    out of a reply, whose thread is that of `in_reply_to`.
    """

    id: MessageId
    case: CaseReference
    type: str
    sender: Address
    recipient: Address
    thread: ThreadId | None
    in_reply_to: MessageId | None
    urgency: Urgency
    declares_no_danger: bool
    coded: Mapping[str, Any]
    narrative: tuple[NarrativeView, ...]
    identity: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedSubmission:
    """A content statement that the agency signed on its own side, with the bytes of the parts it binds.

    The parts are the exact bytes whose digests stand in the statement, salt inside.
    """

    statement: str
    narrative: bytes | None
    identity: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageQuery:
    """Which messages, oldest arrival first. None does not filter.

    `after`: only those recorded after this position (`Page.position`). `since`: recorded at or after this
    moment. It never waits: whoever waits listens to `Wake.mail_arrived` and asks again.
    """

    case: CaseReference | None = None
    type: str | None = None
    direction: Direction | None = None
    status: MessageStatus | None = None
    thread: ThreadId | None = None
    since: datetime | None = None
    after: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineQuery:
    """Which deadlines, the earliest first. `owed_by`: whose move is awaited. `until`: due at or before
    this. `with_state`: those with an authority of that State on the other side. `after`: as the page
    before gave it."""

    owed_by: Literal["us", "them"] | None = None
    overdue: bool | None = None
    case: CaseReference | None = None
    until: datetime | None = None
    with_state: StateCode | None = None
    after: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorQuery:
    """Whose figures of which year, and as of when (None: the latest instant that has settled).

    `publication`: as everybody may see them. The year is then one that ended half a year ago and `as_of` a
    fixed one, so that there are no two to subtract. Whoever may not see full figures sees no other.
    """

    year: int
    procedure: str | None = None
    peer: StateCode | None = None
    as_of: datetime | None = None
    publication: bool = False

    @classmethod
    def asked(
        cls,
        actor: Actor,
        now: datetime,
        *,
        year: int | None,
        procedure: str | None,
        peer: StateCode | None,
        as_of: datetime | None = None,
        publication: bool | None,
    ) -> Self:
        """What is not said is as the actor may see it: the form, and with it the newest year there is."""
        if publication is None:
            publication = not actor.may(Scope.INDICATORS_FULL)
        if year is None:
            year = published_year(settled(now)) if publication else settled(now).year
        return cls(year=year, procedure=procedure, peer=peer, as_of=as_of, publication=publication)


# -- what they return


@dataclass(frozen=True, slots=True, kw_only=True)
class DueView:
    """`basis` is a code of the due-basis vocabulary. While `paused`, the clock adds nothing and `at`
    moves."""

    at: datetime
    basis: str
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalView:
    """A refusal that is an answer, not a failure: in a dry run and in next steps. The API adds its words.

    `field` is a JSON pointer, `missing` what has to be supplied first.
    """

    code: str
    field: str | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadView:
    """A document that was stored for a message to cite. `digest`, `salt`, `size` and `media_type` go into the
    message's identity part as they stand here."""

    id: MessageId
    digest: str
    salt: str
    size: int
    chunks: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentView:
    """How far an attachment has come. Neither its title nor its size.

    waiting: ours, and its message is not confirmed yet; sending, arriving: `arrived` of `chunks` are at the
    recipient's node; complete: there, and verified; refused: with `code`; destroyed: with the case's key.
    """

    digest: str
    state: Literal["waiting", "sending", "arriving", "complete", "refused", "destroyed"]
    chunks: int
    arrived: int
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentBytes:
    """A document, chunk by chunk. `size` in bytes; `media_type` a code of the vocabulary of that name."""

    digest: str
    media_type: str
    size: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentView:
    """What a message says, as far as its reader may see it.

    `narrative_state`, `identity_state`: `none` was sent; `sealed` here and not part of this answer;
    `released` in this answer; `destroyed` for good, its digest alone remains in the statement.
    """

    coded: Mapping[str, Any]
    narrative: tuple[NarrativeView, ...] = ()
    narrative_state: Literal["none", "sealed", "released", "destroyed"] = "none"
    identity: Mapping[str, Any] | None = None
    identity_state: Literal["none", "sealed", "released", "destroyed"] = "none"
    declares_no_danger: bool = False
    attachments: tuple[AttachmentView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedView:
    """What an intermediary said of one original, as `ViaView`."""

    attestation: MessageId
    original_form: str
    authentication: str
    received_on: str | None
    original_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViaView:
    """An intermediary typed the message for its sender, a State without a node.

    `attested`: it has said what it typed it from; the rest is what it said: `authentication` a code of
    `authentication-strength`, `original_form` of the vocabulary of that name, `original_digest` of the scan.
    Where it attested another original of the same message too, the weaker one is here and the others
    `besides`. `agreement`: the digest of the version to which this attestation brings a consent on paper;
    `refusal`, where one message is read: why the reader cannot confirm that now.
    """

    by: Address
    attested: bool
    attestation: MessageId | None = None
    original_form: str | None = None
    authentication: str | None = None
    received_on: str | None = None
    original_digest: str | None = None
    besides: tuple[AttestedView, ...] = ()
    agreement: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message. In a list `content` is None; alone it is there for a reader who may see it.

    `due`: when the answer is owed, for a message that asks for one. `refusal`: the code that the other node
    refused it with; where it has not answered yet, why the message does not count for the present.
    `agreement_digest`: with its content, what an acceptance of this version names.
    """

    id: MessageId
    sender_node: NodeCode
    direction: Direction
    case: CaseReference
    thread: ThreadId
    in_reply_to: MessageId | None
    type: str
    sender: Address
    recipient: Address
    urgency: Urgency
    issued_at: datetime
    recorded_at: datetime
    status: MessageStatus
    vocabulary: str
    statement_digest: str
    refusal: str | None = None
    due: DueView | None = None
    collected_at: datetime | None = None
    content: ContentView | None = None
    agreement_digest: str | None = None
    via: ViaView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to a message: the same words however often the same statement is submitted.

    So nothing in it changes later: `status` and `due` are as they were at first. `evidence` is the signed
    submission evidence.
    """

    id: MessageId
    sender_node: NodeCode
    case: CaseReference
    thread: ThreadId
    type: str
    sender: Address
    recipient: Address
    status: Literal["accepted", "held"]
    issued_at: datetime
    recorded_at: datetime
    due: DueView | None
    statement_digest: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """The answer to a message that a second person has to approve first. It is on disk; it was not sent, and
    the other State knows nothing of it. `approval` names what became of it, `deciding` whose people decide.
    """

    id: MessageId
    case: CaseReference
    type: str
    sender: Address
    recipient: Address
    status: Literal["awaiting-approval"]
    approval: MessageId
    deciding: Address
    recorded_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingMessage:
    """A message before it is said, as whoever decides reads it. Never with its identity part."""

    type: str
    sender: Address
    recipient: Address
    urgency: Urgency
    content: ContentView
    thread: ThreadId | None = None
    in_reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """A one-time sign-in link. It is shown once, and kept nowhere."""

    link: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """An act that one person proposed and another decides on.

    `subject`: what it is about, such as a message's id. `expires_at`: until when it may be decided, and once
    approved until when an identity may be looked at. `message`: what waits, where it is read alone.
    `accepted`: in the answer to the decision that sent it.
    """

    id: MessageId
    kind: str
    subject: str
    state: Literal["proposed", "approved", "returned", "lapsed"]
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    case: CaseReference | None = None
    proposing: Address | None = None
    deciding: Address | None = None
    reason: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_reason: str | None = None
    message: WaitingMessage | None = None
    accepted: Accepted | None = None
    preview: tuple[str, ...] = ()
    in_force_since: datetime | None = None
    invitation: InvitationView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsView:
    """What still waits comes first. `after` asks for the next page, where there is one."""

    approvals: tuple[ApprovalView, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What would happen, had it been sent now. Nothing was stored, nothing signed. `due` when acceptable."""

    acceptable: bool
    refusals: tuple[RefusalView, ...] = ()
    due: DueView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`position` is that of the last message, or the one asked from when there is none: ask on from there."""

    messages: tuple[MessageView, ...]
    position: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceItem:
    """`positive`: it proves that something happened, and not that it failed. `issuer`: node or authority."""

    kind: str
    positive: bool
    issuer: str
    issued_at: datetime
    digest: str
    previous: str | None
    code: str | None
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """The evidence of one message, in the order in which this node came to hold it."""

    id: MessageId
    sender_node: NodeCode
    statement_digest: str
    evidence: tuple[EvidenceItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRendering:
    """What a reader says to have been shown: `digest` as a rendering's answer carries it."""

    digest: str
    language: str
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionView:
    """The agency has it. Collected again, the first answer comes again. `evidence`: the signed retrieval.

    `rendering`: the one that the evidence names.
    """

    id: MessageId
    sender_node: NodeCode
    collected_at: datetime
    evidence: str
    thread_state: str | None = None
    rendering: ShownRendering | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportView:
    """What became of an envelope that came by hand.

    `refused`: authentic, and our signed refusal (`code`) goes back. `noted`: it carried evidence. `known`: it
    had come before. `waiting`: its predecessor has not come; bring it again afterwards. An envelope that
    nobody vouches for is no answer but a refusal of the request.
    """

    outcome: Literal["consigned", "refused", "noted", "known", "waiting"]
    sender_node: NodeCode
    id: MessageId
    code: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionView:
    """The protection status on this node; it never leaves it. `proposed` waits for a second person.

    `state` is `proposed` while a proposal waits, `settled` otherwise (also when the status is still unknown).
    `held_elsewhere`: nothing leaves whatever stands here, because under another reference of the same child
    protection is not ruled out.
    """

    status: ProtectionStatus
    state: Literal["settled", "proposed"]
    proposed: ProtectionStatus | None = None
    proposed_by: str | None = None
    changed_at: datetime | None = None
    held_elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianView:
    """Whether somebody here recorded that the child has a guardian or representative, and since which day;
    never who it is. It never leaves this node. Not recorded: unknown."""

    recorded: bool
    provided_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """`role` is this State's: `destination` where the child is, `origin` otherwise. `protection` and
    `guardian` are there only at the destination, for those who work on the case. `closed_at`: signed date of
    the last closure; None while the case is open. `same_child`: other references of the child, as far as the
    reader's authorities take part in those cases."""

    reference: CaseReference
    role: Literal["destination", "origin", "unknown"]
    opened_at: datetime
    parties: tuple[Address, ...]
    protection: ProtectionView | None = None
    guardian: GuardianView | None = None
    closed_at: datetime | None = None
    same_child: tuple[CaseReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingReason:
    """`code`: of the vocabulary `suspension-reason`; `document`: digest of the statement that causes it, if
    one does."""

    code: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """Whether what is agreed or concluded in a conversation still stands, read from the whole case.

    An agreement is `in-force`, `accepted-on-paper` or `suspended`, a final risk assessment `current` or
    `superseded`. `on_paper`: one of the two States has not signed. `message`: the
    version that is agreed. `concerns`: new risks after the child was handed over.
    """

    state: Literal["in-force", "accepted-on-paper", "suspended", "current", "superseded"]
    message: MessageId | None = None
    reasons: tuple[StandingReason, ...] = ()
    concerns: tuple[StandingReason, ...] = ()
    on_paper: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """One conversation. `asker` opened it, `answerer` owes the answer. `standing` where something is agreed
    or concluded in it."""

    id: ThreadId
    procedure: str
    state: str
    asker: Address
    answerer: Address
    opened_at: datetime
    due: DueView | None = None
    overdue: bool = False
    standing: StandingView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that happened on a case, as far as this node knows. Facts, never content.

    `kind` says which of the rest is there: a `message` has id, type, direction, sender, recipient, thread and
    status; `evidence` has id, evidence (its kind), issuer, digest and perhaps code; `identity-released` has
    id and reason; `protection` has state and perhaps actor; `guardian` has state (`provided`, `taken-back`),
    actor and perhaps reason (the day); `retention` has state and reason; `clock-differs` has id, thread,
    issuer (the other node), state (what is owed), code (the cause) and due (what holds).
    """

    at: datetime
    kind: Literal[
        "case-opened",
        "message",
        "evidence",
        "protection",
        "guardian",
        "identity-released",
        "retention",
        "overdue",
        "clock-differs",
    ]
    id: MessageId | None = None
    type: str | None = None
    direction: Direction | None = None
    sender: Address | None = None
    recipient: Address | None = None
    thread: ThreadId | None = None
    status: str | None = None
    state: str | None = None
    evidence: str | None = None
    issuer: str | None = None
    digest: str | None = None
    code: str | None = None
    actor: str | None = None
    reason: str | None = None
    due: DueView | None = None
    via: ViaView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """A case, its conversations and what happened, oldest first."""

    case: CaseView
    threads: tuple[ThreadView, ...]
    entries: tuple[TimelineEntry, ...]


MOST_HANDED_OVER = 512 << 20
"""Bytes of one State's cases in one file."""

RELAY_REASONS = ("relay.not_accepted", "relay.not_reached", "relay.returned", "relay.way_failed")
"""Why a message was not handed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOutcome:
    """What became of handing a message over. `way`: a code of `relay-way`; `reason`: why it failed, a code of
    the family `relay`; `attempt`: which attempt it was, from 1, so that saying it twice counts once."""

    outcome: Literal["handed-over", "failed"]
    way: str
    reason: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayView:
    """`evidence`: signed by this node, on its way to the sender. `attempt`: how often it was tried."""

    id: MessageId
    sender_node: NodeCode
    outcome: Literal["handed-over", "failed"]
    way: str
    attempt: int
    recorded_at: datetime
    evidence: str
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRelay:
    """A message to hand over. `readable`: this node could open it, and it can be rendered; `sealed`: the
    whole of it or a part was sealed past this node, and its envelope has to go along. `way`, `reason`: of the
    last attempt, where one failed."""

    id: MessageId
    sender_node: NodeCode
    recipient: Address
    received_at: datetime
    attempts: int
    sealed: bool
    readable: bool
    way: str | None = None
    reason: str | None = None
    type: str | None = None
    sender: Address | None = None
    case: CaseReference | None = None
    thread: ThreadId | None = None
    due_at: datetime | None = None
    urgency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRelays:
    """Oldest first. `more`: there are others behind these."""

    at: datetime
    messages: tuple[PendingRelay, ...]
    more: bool = False


type RetentionAct = Literal["block", "unblock", "hold", "lift-hold", "erase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPart:
    """Narrative or identity. From `blocked_from` nobody reads it, from `erased_from` it is to be gone; both
    follow from the closure."""

    part: Literal["identity", "narrative"]
    state: str
    blocked_from: datetime | None = None
    erased_from: datetime | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionView:
    """Until when the erasable parts of a case are kept. `next_act`: block, propose or erase, when it is
    due."""

    reference: CaseReference
    closed_at: datetime | None
    parts: tuple[RetentionPart, ...]
    blocked_at: datetime | None = None
    block_reason: str | None = None
    held_at: datetime | None = None
    hold_reason: str | None = None
    proposed: bool = False
    next_act: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionDue:
    """Of the closed cases that were looked at, those in which something is due. `after` asks for the next
    ones, where there are any: there may be something due among them, however empty this is."""

    cases: tuple[RetentionView, ...]
    after: CaseReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRun:
    """What a run did. `waiting`: due to be erased, which takes an administrator, or the node's own run."""

    blocked: tuple[CaseReference, ...]
    proposed: tuple[CaseReference, ...]
    erased: tuple[CaseReference, ...]
    waiting: tuple[CaseReference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """A message that the procedures know for this case.

    `open`: `by` may send it now, until `until` where a deadline or a pause ends it. Otherwise `refusal` says
    why not, and what is missing. `thread` and `in_reply_to` are what to put into the message; without them it
    opens a conversation.
    """

    type: str
    procedure: str
    by: Address
    to: Address | None
    open: bool
    thread: ThreadId | None = None
    in_reply_to: MessageId | None = None
    until: datetime | None = None
    refusal: RefusalView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStepsView:
    """What may be sent at the moment `at`, and what the rest still waits for. `note` says, in the reader's
    language, that people judge the content; whoever shows the view adds it."""

    reference: CaseReference
    at: datetime
    steps: tuple[NextStep, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnToView:
    """Who is there when an authority stays silent. Offices as its directory entry has them, its State's focal
    point, and those who hold that State's mandate: people turn to them, the node never does by itself."""

    alternate: str | None = None
    escalation: str | None = None
    focal_point: Address | None = None
    intermediaries: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderView:
    """How far the reminders of a deadline have gone; steps are codes of `reminder-step`. `next_at` moves with
    the deadline."""

    step: str | None
    taken_at: datetime | None
    next_step: str | None
    next_at: datetime | None
    turn_to: TurnToView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDifferenceView:
    """Node `node` counts another instant from the same message. `cause` is a code of `clock-difference`."""

    node: str
    ours_at: datetime
    theirs_at: datetime
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineView:
    """Something that is owed. It says whose and when, never about what: an operator reads it.

    `kind`: an `answer` to `message` of `thread`, or a `duty` towards the child that this State has alone.
    `owing`: the authority that owes it. `due` is what holds where the two nodes count differently: the
    earlier one, for what this State owes by a day at most.
    """

    case: CaseReference
    procedure: str
    state: str
    asker: Address
    answerer: Address
    owed_by: Literal["us", "them"]
    due: DueView
    overdue: bool
    obligation: str
    owing: Address
    kind: Literal["answer", "duty"] = "answer"
    thread: ThreadId | None = None
    message: MessageId | None = None
    ladder: LadderView | None = None
    differs: ClockDifferenceView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinesView:
    """`at` is the moment that `overdue` was judged at. `after` asks for the next page, where there is one."""

    at: datetime
    deadlines: tuple[DeadlineView, ...]
    more: bool = False
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterHealth:
    """How an adapter is, in its own words. `counts`: what it settled, by way and outcome, and what waits."""

    version: str
    state: Literal["well", "set-aside", "waiting", "system-away", "node-away", "stopped"]
    since: datetime
    set_aside: int
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterView:
    """An adapter as it last said to be. `client`: whose token it came with. `silent`: it should have said
    something since."""

    name: str
    client: str
    version: str
    state: str
    since: datetime
    set_aside: int
    counts: Mapping[str, int]
    heard_at: datetime
    silent: bool
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptersView:
    """Those that are not well come first."""

    at: datetime
    adapters: tuple[AdapterView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsList:
    """Statistics that were released, the newest first."""

    releases: tuple[Release, ...]
    more: bool = False
