"""What the API calls. `service.exchange` has these functions; so has the tests' stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, Protocol

from protocol.attachments import MediaType
from protocol.identifiers import CaseReference, MessageId, StateCode
from protocol.indicators import Report
from protocol.rendering import Format, Rendering
from protocol.statistics import Population, Release
from service.access.actor import Actor
from service.access.pairs import Decision, State
from service.directory.desk import DirectoryState, EntryDraft
from service.directory.key_desk import KeyRequest
from service.exchange.notices import NoticePage, ReadView
from service.exchange.views import (
    Accepted,
    AdapterHealth,
    AdaptersView,
    AdapterView,
    ApprovalsView,
    ApprovalView,
    AttachmentBytes,
    AttachmentView,
    Awaiting,
    CaseView,
    ClaimedRendering,
    CollectionView,
    DeadlineQuery,
    DeadlinesView,
    EvidenceView,
    GuardianView,
    ImportView,
    IndicatorQuery,
    MessageQuery,
    MessageView,
    NextStepsView,
    Page,
    PendingRelays,
    ProtectionStatus,
    ProtectionView,
    RelayOutcome,
    RelayView,
    RetentionAct,
    RetentionDue,
    RetentionRun,
    RetentionView,
    SignedSubmission,
    StatisticsList,
    Submission,
    TimelineView,
    UploadView,
    Validation,
)
from service.monitor.views import PeersView, StuckView
from service.node import Node
from service.notifying.subscriptions import SubscriptionView, Wanted

__all__ = ["UseCases"]


class UseCases(Protocol):
    """Every one is asynchronous, holds no thread while it waits, and has committed when it returns.

    Each refuses NotFound `request.not_found` for a case or message that is unknown, or that the actor is no
    party to: the two are answered alike.
    """

    async def open_case(self, node: Node, actor: Actor, opening: MessageId | None = None, /) -> CaseView: ...

    async def case_timeline(self, node: Node, actor: Actor, reference: CaseReference, /) -> TimelineView: ...

    async def set_protection(
        self, node: Node, actor: Actor, reference: CaseReference, status: ProtectionStatus, reason: str, /
    ) -> ProtectionView:
        """The first person proposes, a second and different one confirms by asking for the same status."""
        ...

    async def record_guardian(
        self, node: Node, actor: Actor, reference: CaseReference, provided_on: date | None, /
    ) -> GuardianView:
        """None takes back what was recorded. NotAcceptable `case.guardian_date`."""
        ...

    async def case_retention(
        self, node: Node, actor: Actor, reference: CaseReference, /
    ) -> RetentionView: ...

    async def change_retention(
        self, node: Node, actor: Actor, reference: CaseReference, act: RetentionAct, reason: str, /
    ) -> RetentionView:
        """Erasing, and lifting a hold, wait for a second person. Conflict `retention.held` and its kin."""
        ...

    async def due_for_retention(
        self, node: Node, actor: Actor, after: CaseReference | None = None, /
    ) -> RetentionDue: ...

    async def run_retention(self, node: Node, actor: Actor | None = None, /) -> RetentionRun: ...

    async def next_steps(self, node: Node, actor: Actor, reference: CaseReference, /) -> NextStepsView: ...

    async def case_bundle(self, node: Node, actor: Actor, reference: CaseReference, /) -> bytes: ...

    async def agreement_file(
        self, node: Node, actor: Actor, reference: CaseReference, wanted: str, /
    ) -> bytes: ...

    async def render_agreement(
        self, node: Node, actor: Actor, reference: CaseReference, wanted: str, language: str, form: Format, /
    ) -> Rendering: ...

    async def put_attachment(
        self,
        node: Node,
        actor: Actor,
        case: CaseReference,
        upload: MessageId,
        media_type: MediaType,
        body: AsyncIterator[bytes],
        /,
    ) -> UploadView:
        """Conflict `id_reused` when the id stands for other bytes already."""
        ...

    async def list_attachments(
        self, node: Node, actor: Actor, message: MessageId, /
    ) -> tuple[AttachmentView, ...]: ...

    async def read_attachment(
        self, node: Node, actor: Actor, message: MessageId, digest: str, reason: str, /
    ) -> AttachmentBytes:
        """A release of identity. Conflict `attachment.incomplete` until it is here as a whole."""
        ...

    async def send(
        self, node: Node, actor: Actor, submission: Submission | SignedSubmission, /
    ) -> Accepted | Awaiting:
        """Conflict `id_reused` when the id stands for another statement already. `Awaiting` when a second
        person has to approve it first."""
        ...

    async def validate(
        self, node: Node, actor: Actor, submission: Submission | SignedSubmission, /
    ) -> Validation: ...

    async def list_messages(self, node: Node, actor: Actor, query: MessageQuery, /) -> Page: ...

    async def message_facts(self, node: Node, actor: Actor, message: MessageId, /) -> MessageView:
        """Without content, and so also of a message that the actor may not read."""
        ...

    async def read_message(
        self, node: Node, actor: Actor, message: MessageId, include_identity: bool, reason: str | None, /
    ) -> MessageView:
        """`include_identity` releases the identity part, and `reason` goes into the access journal with
        it. NotAcceptable `mandate.*` at an intermediary's node, of what no mandate in force covers."""
        ...

    async def request_release(
        self, node: Node, actor: Actor, message: MessageId, reason: str, /
    ) -> ApprovalView: ...

    async def list_approvals(
        self,
        node: Node,
        actor: Actor,
        state: State | None,
        /,
        *,
        subject: str | None = None,
        after: str | None = None,
        limit: int = 200,
    ) -> ApprovalsView: ...

    async def read_approval(self, node: Node, actor: Actor, approval: MessageId, /) -> ApprovalView: ...

    async def decide(
        self, node: Node, actor: Actor, approval: MessageId, decision: Decision, reason: str | None, /
    ) -> ApprovalView:
        """Forbidden `access.second_person` for whoever proposed it. Conflict `access.decided`,
        `access.lapsed`."""
        ...

    async def message_evidence(self, node: Node, actor: Actor, message: MessageId, /) -> EvidenceView: ...

    async def render_message(
        self, node: Node, actor: Actor, message: MessageId, language: str, form: Format, /
    ) -> Rendering:
        """Without its identity part. NotAcceptable `rendering.too_large`, for a PDF alone."""
        ...

    async def render_timeline(
        self, node: Node, actor: Actor, reference: CaseReference, language: str, form: Format, /
    ) -> Rendering: ...

    async def collect(
        self, node: Node, actor: Actor, message: MessageId, claimed: ClaimedRendering | None = None, /
    ) -> CollectionView:
        """The evidence names the rendering `claimed`, when the node makes the same; else Conflict
        `rendering.differs`."""
        ...

    async def import_envelope(self, node: Node, actor: Actor, data: bytes, /) -> ImportView: ...

    async def export_envelope(self, node: Node, actor: Actor, message: MessageId, /) -> bytes: ...

    async def pending_relays(self, node: Node, actor: Actor, /) -> PendingRelays: ...

    async def record_relay(
        self, node: Node, actor: Actor, message: MessageId, outcome: RelayOutcome, /
    ) -> RelayView:
        """NotFound `relay.not_to_hand_over`, Conflict `relay.done` and `relay.sealed_part_here`."""
        ...

    async def propose_paper_consent(self, node: Node, actor: Actor, message: MessageId, /) -> ApprovalView:
        """NotAcceptable `paper.not_a_consent`, Conflict `paper.scan_missing`."""
        ...

    async def export_hand_over(self, node: Node, actor: Actor, state: StateCode, /) -> AsyncIterator[bytes]:
        """NotAcceptable `hand_over.no_own_node`."""
        ...

    async def import_hand_over(
        self, node: Node, actor: Actor, body: AsyncIterator[bytes], /
    ) -> tuple[int, int, int]:
        """Cases, messages that were not here yet, and those that stay sealed. NotAcceptable
        `hand_over.malformed`."""
        ...

    async def relay_envelope(self, node: Node, actor: Actor, message: MessageId, /) -> bytes: ...

    async def deadlines(self, node: Node, actor: Actor, query: DeadlineQuery, /) -> DeadlinesView: ...

    async def operations_stuck(self, node: Node, actor: Actor, /) -> StuckView: ...

    async def operations_peers(self, node: Node, actor: Actor, /) -> PeersView: ...

    async def directory_state(self, node: Node, actor: Actor, /) -> DirectoryState: ...

    async def preview_entry(
        self, node: Node, actor: Actor, kind: str, name: str, facts: Mapping[str, Any], /
    ) -> EntryDraft: ...

    async def propose_entry(
        self,
        node: Node,
        actor: Actor,
        kind: str,
        name: str,
        facts: Mapping[str, Any] | None,
        signed: str | None,
        /,
    ) -> ApprovalView:
        """Of facts that this node signs, or of an entry that comes `signed`. What only revokes a mandate is
        in force at once."""
        ...

    async def propose_key_act(self, node: Node, actor: Actor, request: KeyRequest, /) -> ApprovalView:
        """A cut-off is in force at once, from now on."""
        ...

    async def read_indicators(self, node: Node, actor: Actor, query: IndicatorQuery, /) -> Report:
        """Counted now. NotAcceptable `statistics.period_open`."""
        ...

    async def render_indicators(
        self, node: Node, actor: Actor, query: IndicatorQuery, language: str, form: Format, /
    ) -> Rendering: ...

    async def list_notices(
        self, node: Node, actor: Actor, after: int | None, limit: int, newest: bool = False, /
    ) -> NoticePage:
        """Those of the actor's own authorities, or of the node, that are for a role like theirs."""
        ...

    async def newest_notice(self, node: Node, actor: Actor, /) -> int: ...

    async def mark_read(self, node: Node, actor: Actor, position: int, /) -> ReadView: ...

    async def list_subscriptions(self, node: Node, actor: Actor, /) -> tuple[SubscriptionView, ...]: ...

    async def read_subscription(self, node: Node, actor: Actor, subscription: str, /) -> SubscriptionView: ...

    async def put_subscription(
        self, node: Node, actor: Actor, subscription: str, wanted: Wanted, /
    ) -> SubscriptionView:
        """Malformed `notice.target`, NotFound `notice.no_mail_server`."""
        ...

    async def delete_subscription(
        self, node: Node, actor: Actor, subscription: str, /
    ) -> SubscriptionView: ...

    async def report_adapter(
        self, node: Node, actor: Actor, name: str, health: AdapterHealth, /
    ) -> AdapterView: ...

    async def list_adapters(self, node: Node, actor: Actor, /) -> AdaptersView: ...

    async def list_statistics(self, node: Node, actor: Actor, limit: int, /) -> StatisticsList: ...

    async def make_statistics(
        self, node: Node, actor: Actor, wanted: Population, coarsen: bool, /
    ) -> tuple[Release, bool]:
        """The release, and whether it is new: a population is told once. NotAcceptable
        `statistics.would_reveal`, `statistics.period_open`."""
        ...

    async def read_statistics(self, node: Node, actor: Actor, release: str, /) -> Release: ...

    async def render_statistics(
        self, node: Node, actor: Actor, release: str, language: str, form: Format, /
    ) -> Rendering: ...
