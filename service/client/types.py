"""What the API takes and answers, with the names of `openapi.yaml`."""

# No postponed annotations: `NotRequired` would go unnoticed by whoever asks a type for its members.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Accepted",
    "Approval",
    "Attachment",
    "Awaiting",
    "Case",
    "CitedRendering",
    "Collection",
    "Content",
    "Deadline",
    "Direction",
    "Due",
    "EvidenceItem",
    "Format",
    "Guardian",
    "ImportOutcome",
    "Json",
    "Message",
    "MessagePage",
    "Missing",
    "NarrativeBlock",
    "NextStep",
    "NextSteps",
    "Notice",
    "NoticeEvent",
    "NoticePage",
    "NoticesRead",
    "Peer",
    "PeerDelivery",
    "PendingRelay",
    "PendingRelays",
    "Printed",
    "Protection",
    "ProtectionStatus",
    "Refusal",
    "RegisteredClient",
    "RegisteredPerson",
    "RelayRecord",
    "Retention",
    "RetentionAct",
    "RetentionPart",
    "RetentionRun",
    "SignInLink",
    "Standing",
    "StandingReason",
    "Stuck",
    "StuckCount",
    "StuckItem",
    "Submission",
    "Subscription",
    "Thread",
    "Timeline",
    "TimelineEntry",
    "Unanswered",
    "Upload",
    "Validation",
    "Via",
    "WaitingMessage",
]

type Json = Mapping[str, Any]
type Direction = Literal["in", "out"]
type Format = Literal["text", "html", "pdf"]
type ProtectionStatus = Literal["unknown", "not-sought", "possible", "sought"]


class NarrativeBlock(TypedDict):
    field: str
    language: str
    text: str


class Attestation(TypedDict):
    """What an intermediary said of one original."""

    attestation: str
    original_form: str
    authentication: str
    received_on: NotRequired[str]
    original_digest: str


class Via(TypedDict):
    """An intermediary typed the message for its sender."""

    by: str
    attested: bool
    attestation: NotRequired[str]
    original_form: NotRequired[str]
    authentication: NotRequired[str]
    received_on: NotRequired[str]
    original_digest: NotRequired[str]
    besides: list[Attestation]
    agreement: NotRequired[str]
    refusal: NotRequired[str]


class PendingRelay(TypedDict):
    """A message to hand over to an authority without a node."""

    id: str
    sender_node: str
    recipient: str
    received_at: str
    attempts: int
    sealed: bool
    readable: bool
    way: NotRequired[str]
    reason: NotRequired[str]
    type: NotRequired[str]
    sender: NotRequired[str]
    case: NotRequired[str]
    thread: NotRequired[str]
    due_at: NotRequired[str]
    urgency: NotRequired[str]


class PendingRelays(TypedDict):
    at: str
    messages: list[PendingRelay]
    more: bool


class RelayRecord(TypedDict):
    id: str
    sender_node: str
    outcome: Literal["handed-over", "failed"]
    way: str
    attempt: int
    recorded_at: str
    evidence: str
    reason: NotRequired[str]


class Submission(TypedDict):
    """A message to be signed by the node."""

    id: str
    case: str
    type: str
    sender: str
    recipient: str
    coded: Json
    thread: NotRequired[str]
    in_reply_to: NotRequired[str]
    urgency: NotRequired[Literal["ordinary", "urgent", "emergency"]]
    declares_no_danger: NotRequired[bool]
    narrative: NotRequired[Sequence[NarrativeBlock]]
    identity: NotRequired[Json]


class Notice(TypedDict):
    """`at`: when it was told. `due_at`: until when something is owed, or lasts."""

    id: str
    kind: str
    at: str
    authority: NotRequired[str]
    due_at: NotRequired[str]


class NoticePage(TypedDict):
    notices: list[Notice]
    cursor: str
    more: bool
    next: str
    read: str
    unread: int


class NoticesRead(TypedDict):
    read: str
    unread: int


class NoticeEvent(TypedDict):
    """`cursor`: where to go on after it."""

    id: str
    kind: str
    cursor: str
    due_at: NotRequired[str]


class Subscription(TypedDict):
    """Where notices are sent, and how it does. `state`: active, failing or disabled."""

    id: str
    channel: Literal["email", "webhook"]
    audience: str
    target: str
    kinds: list[str]
    state: Literal["active", "failing", "disabled"]
    waiting: int
    registered_at: str
    registered_by: str
    authority: NotRequired[str]
    daily_at: NotRequired[int]
    language: NotRequired[str]
    failing_since: NotRequired[str]
    failure_code: NotRequired[str]
    disabled_at: NotRequired[str]


class RegisteredClient(TypedDict):
    id: str
    role: str
    authorities: list[str]
    scopes: list[str]
    kids: list[str]
    registered_at: str
    registered_by: str
    disabled_at: NotRequired[str]


class RegisteredPerson(TypedDict):
    id: str
    role: str
    authorities: list[str]
    by_provider: bool
    registered_at: str
    registered_by: str
    disabled_at: NotRequired[str]


class SignInLink(TypedDict):
    link: str
    expires_at: str


class Due(TypedDict):
    at: str
    basis: str
    paused: bool


class Missing(TypedDict):
    code: str
    title: str
    supplier: str
    supplier_title: str
    source: str


class Refusal(TypedDict):
    code: str
    title: str
    detail: str
    missing: list[Missing]
    field: NotRequired[str]


class AdapterState(TypedDict):
    name: str
    client: str
    version: str
    state: str
    since: str
    set_aside: int
    counts: dict[str, int]
    heard_at: str
    silent: bool
    code: NotRequired[str]


class Accepted(TypedDict):
    id: str
    sender_node: str
    case: str
    thread: str
    type: str
    sender: str
    recipient: str
    status: Literal["accepted", "held"]
    issued_at: str
    recorded_at: str
    statement_digest: str
    evidence: str
    due: NotRequired[Due]


class Awaiting(TypedDict):
    """On disk, and not sent: a second person has to approve it. `deciding`: whose people decide."""

    id: str
    case: str
    type: str
    sender: str
    recipient: str
    status: Literal["awaiting-approval"]
    approval: str
    deciding: str
    recorded_at: str
    expires_at: str


class Validation(TypedDict):
    acceptable: bool
    refusals: list[Refusal]
    due: NotRequired[Due]


class Upload(TypedDict):
    """`digest`, `salt`, `size` and `media_type` go into `identity.attachments` of its message."""

    id: str
    digest: str
    salt: str
    size: int
    chunks: int
    media_type: str


class Attachment(TypedDict):
    digest: str
    state: Literal["waiting", "sending", "arriving", "complete", "refused", "destroyed"]
    chunks: int
    arrived: int
    code: NotRequired[str]


class Content(TypedDict):
    coded: Json
    narrative: list[NarrativeBlock]
    narrative_state: Literal["none", "sealed", "released", "destroyed"]
    identity_state: Literal["none", "sealed", "released", "destroyed"]
    declares_no_danger: bool
    attachments: list[Attachment]
    identity: NotRequired[Json]


class Message(TypedDict):
    id: str
    sender_node: str
    direction: Direction
    case: str
    thread: str
    type: str
    sender: str
    recipient: str
    urgency: str
    issued_at: str
    recorded_at: str
    status: str
    vocabulary: str
    statement_digest: str
    in_reply_to: NotRequired[str]
    refusal: NotRequired[str]
    due: NotRequired[Due]
    agreement_digest: NotRequired[str]
    collected_at: NotRequired[str]
    content: NotRequired[Content]
    via: NotRequired[Via]


class WaitingMessage(TypedDict):
    type: str
    sender: str
    recipient: str
    urgency: str
    content: Content
    thread: NotRequired[str]
    in_reply_to: NotRequired[str]


class Approval(TypedDict):
    """An act that one person proposed and another decides on."""

    id: str
    kind: str
    subject: str
    state: Literal["proposed", "approved", "returned", "lapsed"]
    facts: Mapping[str, str]
    proposed_by: str
    proposed_at: str
    expires_at: str
    case: NotRequired[str]
    proposing: NotRequired[str]
    deciding: NotRequired[str]
    reason: NotRequired[str]
    decided_by: NotRequired[str]
    decided_at: NotRequired[str]
    decided_reason: NotRequired[str]
    message: NotRequired[WaitingMessage]
    accepted: NotRequired[Accepted]
    preview: list[str]
    in_force_since: NotRequired[str]
    invitation: NotRequired[SignInLink]


class MessagePage(TypedDict):
    messages: list[Message]
    cursor: str
    more: bool
    next: str


class EvidenceItem(TypedDict):
    kind: str
    positive: bool
    issuer: str
    issued_at: str
    digest: str
    token: str
    previous: NotRequired[str]
    code: NotRequired[str]


class CitedRendering(TypedDict):
    digest: str
    language: str
    format: Format
    release: str


class Collection(TypedDict):
    id: str
    sender_node: str
    collected_at: str
    evidence: str
    thread_state: NotRequired[str]
    rendering: NotRequired[CitedRendering]


class ImportOutcome(TypedDict):
    outcome: Literal["consigned", "refused", "noted", "known", "waiting"]
    sender_node: str
    id: str
    code: NotRequired[str]
    evidence: NotRequired[str]


class Protection(TypedDict):
    status: ProtectionStatus
    state: Literal["settled", "proposed"]
    proposed: NotRequired[ProtectionStatus]
    proposed_by: NotRequired[str]
    changed_at: NotRequired[str]
    held_elsewhere: NotRequired[bool]


class Guardian(TypedDict):
    recorded: bool
    provided_on: NotRequired[str]


class Case(TypedDict):
    reference: str
    role: Literal["destination", "origin", "unknown"]
    opened_at: str
    parties: list[str]
    protection: NotRequired[Protection]
    guardian: NotRequired[Guardian]
    closed_at: NotRequired[str]
    same_child: NotRequired[list[str]]


type RetentionAct = Literal["block", "unblock", "hold", "lift-hold", "erase"]


class RetentionPart(TypedDict):
    part: Literal["identity", "narrative"]
    state: Literal["kept", "blocked", "erased"]
    blocked_from: NotRequired[str]
    erased_from: NotRequired[str]
    erased_at: NotRequired[str]


class Retention(TypedDict):
    """Until when narrative and identity of a case are kept, and what stands in the way."""

    reference: str
    closed_at: NotRequired[str]
    parts: list[RetentionPart]
    blocked_at: NotRequired[str]
    block_reason: NotRequired[str]
    held_at: NotRequired[str]
    hold_reason: NotRequired[str]
    proposed: bool
    next_act: NotRequired[Literal["block", "propose", "erase"]]


class RetentionRun(TypedDict):
    blocked: list[str]
    proposed: list[str]
    erased: list[str]
    waiting: list[str]


class StandingReason(TypedDict):
    code: str
    document: NotRequired[str]


class Standing(TypedDict):
    """Whether an agreement is in force, or an assessment current, and why not."""

    state: str
    message: NotRequired[str]
    reasons: list[StandingReason]
    concerns: list[StandingReason]
    on_paper: bool


class Thread(TypedDict):
    id: str
    procedure: str
    state: str
    asker: str
    answerer: str
    opened_at: str
    overdue: bool
    due: NotRequired[Due]
    standing: NotRequired[Standing]


class TimelineEntry(TypedDict):
    at: str
    kind: str
    id: NotRequired[str]
    type: NotRequired[str]
    direction: NotRequired[Direction]
    sender: NotRequired[str]
    recipient: NotRequired[str]
    thread: NotRequired[str]
    status: NotRequired[str]
    state: NotRequired[str]
    evidence: NotRequired[str]
    issuer: NotRequired[str]
    digest: NotRequired[str]
    code: NotRequired[str]
    actor: NotRequired[str]
    reason: NotRequired[str]
    due: NotRequired[Due]
    via: NotRequired[Via]


class Timeline(TypedDict):
    case: Case
    threads: list[Thread]
    entries: list[TimelineEntry]


class NextStep(TypedDict):
    type: str
    procedure: str
    by: str
    open: bool
    to: NotRequired[str]
    thread: NotRequired[str]
    in_reply_to: NotRequired[str]
    until: NotRequired[str]
    refusal: NotRequired[Refusal]


class NextSteps(TypedDict):
    reference: str
    at: str
    note: str
    steps: list[NextStep]


class TurnTo(TypedDict):
    alternate: NotRequired[str]
    escalation: NotRequired[str]
    focal_point: NotRequired[str]
    intermediaries: list[str]


class Ladder(TypedDict):
    step: NotRequired[str]
    taken_at: NotRequired[str]
    next_step: NotRequired[str]
    next_at: NotRequired[str]
    turn_to: NotRequired[TurnTo]


class ClockDifference(TypedDict):
    node: str
    ours_at: str
    theirs_at: str
    cause: str


class Deadline(TypedDict):
    case: str
    kind: Literal["answer", "duty"]
    thread: NotRequired[str]
    message: NotRequired[str]
    procedure: str
    obligation: str
    state: str
    asker: str
    answerer: str
    owing: str
    owed_by: Literal["us", "them"]
    due: Due
    overdue: bool
    ladder: NotRequired[Ladder]
    differs: NotRequired[ClockDifference]


class DeadlinePage(TypedDict):
    at: str
    deadlines: list[Deadline]
    more: bool
    after: NotRequired[str]


class Unanswered(TypedDict):
    thread: str
    procedure: str
    answerer: str
    owed_by: Literal["us", "them"]
    due_at: str
    overdue_seconds: int


class StuckItem(TypedDict):
    what: str
    subject: str
    since: str
    most_seconds: int
    over_seconds: int
    page: str


class StuckCount(TypedDict):
    what: str
    count: int


class Stuck(TypedDict):
    at: str
    unanswered: list[Unanswered]
    stuck: list[StuckItem]
    counts: list[StuckCount]
    more: bool


class PeerDelivery(TypedDict):
    leg: Literal["consign", "collect"]
    days: int
    target: str
    published: bool
    count: int
    within: int
    late: int
    share_percent: NotRequired[int]
    met: NotRequired[bool]
    median_seconds: NotRequired[int]
    ninetieth_seconds: NotRequired[int]


class Peer(TypedDict):
    node: str
    ours: bool
    last_heard: NotRequired[str]
    silent: bool
    waiting: int
    oldest_waiting_seconds: int
    lacking: int
    split: bool
    clock_differs: int
    overdue: int
    delivery: list[PeerDelivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A rendering as bytes. `language`: the one used. `digest`: SHA-256 of `content`, base64url."""

    content: bytes
    format: Format
    language: str
    digest: str
