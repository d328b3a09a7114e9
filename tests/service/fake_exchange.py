"""The use cases in memory: what the API calls, without store, keys or hub.

It keeps the promises that the API's tests rest on (one answer per id, two people, party or 404) and nothing
more. The real ones are tested on a real store.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, Literal

from protocol import base64url, messages
from protocol.attachments import MediaType, chunks_of
from protocol.errors import Missing, NotAcceptable, Refused
from protocol.evidence import ShownRendering
from protocol.identifiers import (
    CaseReference,
    MessageId,
    NodeCode,
    StateCode,
    ThreadId,
    new_case_reference,
)
from protocol.indicators import Report
from protocol.languages import direction
from protocol.rendering import Format, Rendering, printed
from protocol.rendering.words import Document, Remark, Section
from protocol.statistics import Population, Release
from service.access.actor import Actor
from service.access.pairs import Decision, State
from service.directory.desk import DirectoryState, EntryDraft
from service.directory.key_desk import KeyRequest
from service.errors import Conflict, Forbidden, NotFound
from service.exchange.notices import NoticePage, ReadView
from service.exchange.printing import words_of_timeline
from service.exchange.views import (
    Accepted,
    AdapterHealth,
    AdaptersView,
    AdapterView,
    ApprovalsView,
    ApprovalView,
    AttachmentBytes,
    AttachmentView,
    CaseView,
    ClaimedRendering,
    CollectionView,
    ContentView,
    DeadlineQuery,
    DeadlinesView,
    DeadlineView,
    DueView,
    EvidenceItem,
    EvidenceView,
    GuardianView,
    ImportView,
    IndicatorQuery,
    MessageQuery,
    MessageView,
    NextStep,
    NextStepsView,
    Page,
    PendingRelays,
    ProtectionStatus,
    ProtectionView,
    RefusalView,
    RelayOutcome,
    RelayView,
    RetentionAct,
    RetentionDue,
    RetentionPart,
    RetentionRun,
    RetentionView,
    SignedSubmission,
    StatisticsList,
    Submission,
    ThreadView,
    TimelineEntry,
    TimelineView,
    UploadView,
    Validation,
)
from service.monitor.views import PeersView, StuckView
from service.node import Node
from service.notifying.subscriptions import SubscriptionView, Wanted

EXAMPLE_CASE = CaseReference("K7QM-3XPT-9V2D-6")
UNSETTLED = Missing(code="missing.protection_settled", supplier="destination", source="project choice")


def digest_of(value: object) -> str:
    return base64url.encode(hashlib.sha256(repr(value).encode()).digest()).decode()


def _rendered(what: str, language: str, form: Format) -> Rendering:
    heading = Section(heading=None, blocks=(Remark(text=language),))
    return printed(
        Document(title=what, language=language, direction=direction(language), sections=(heading,)), form
    )


_SUBSCRIPTION = SubscriptionView(
    id="registry",
    channel="webhook",
    audience="operator",
    target="https://registry.example/notices",
    kinds=(),
    state="active",
    waiting=0,
    registered_at=datetime(2026, 11, 2, tzinfo=UTC),
    registered_by="administrator-1",
)


class FakeExchange:
    """`fails_with`: what the next call raises. `listed`: how often messages were looked for."""

    def __init__(self) -> None:
        self.cases: dict[CaseReference, CaseView] = {}
        self.opened: dict[MessageId, CaseView] = {}
        self.messages: list[MessageView] = []
        self.answers: dict[MessageId, tuple[str, Accepted]] = {}
        self.evidence: dict[MessageId, list[EvidenceItem]] = {}
        self.released: list[tuple[str, MessageId, str]] = []
        self.approvals: dict[MessageId, ApprovalView] = {}
        self.imported: list[bytes] = []
        self.listed = 0
        self.statistics: dict[str, Release] = {}
        self.fails_with: Exception | None = None

    # -- cases

    async def open_case(self, node: Node, actor: Actor, id: MessageId | None = None, /) -> CaseView:  # noqa: A002
        self._maybe_fail()
        if id is None:
            return self.add_case(node, actor, new_case_reference(node.random.bytes))
        if id not in self.opened:
            self.opened[id] = self.add_case(node, actor, new_case_reference(node.random.bytes))
        return self.opened[id]

    def add_case(self, node: Node, actor: Actor, reference: CaseReference) -> CaseView:
        case = CaseView(
            reference=reference,
            role="destination",
            opened_at=node.clock.now(),
            parties=tuple(sorted(actor.authorities)),
            protection=ProtectionView(status="unknown", state="settled"),
            guardian=GuardianView(recorded=False),
        )
        self.cases[reference] = case
        return case

    async def case_timeline(self, node: Node, actor: Actor, reference: CaseReference, /) -> TimelineView:
        case = self._case(actor, reference)
        entries = [TimelineEntry(at=case.opened_at, kind="case-opened", actor="person-1")]
        threads = []
        for message in (one for one in self.messages if one.case == reference):
            entries.append(
                TimelineEntry(
                    at=message.recorded_at,
                    kind="message",
                    id=message.id,
                    type=message.type,
                    direction=message.direction,
                    sender=message.sender,
                    recipient=message.recipient,
                    thread=message.thread,
                    status=message.status,
                    due=message.due,
                )
            )
            threads.append(
                ThreadView(
                    id=message.thread,
                    procedure="case",
                    state="notified",
                    asker=message.sender,
                    answerer=message.recipient,
                    opened_at=message.recorded_at,
                    due=message.due,
                )
            )
        return TimelineView(case=case, threads=tuple(threads), entries=tuple(entries))

    async def case_retention(self, node: Node, actor: Actor, reference: CaseReference, /) -> RetentionView:
        self._case(actor, reference)
        parts = (
            RetentionPart(part="identity", state="kept"),
            RetentionPart(part="narrative", state="kept"),
        )
        return RetentionView(reference=reference, closed_at=None, parts=parts)

    async def change_retention(
        self, node: Node, actor: Actor, reference: CaseReference, act: RetentionAct, reason: str, /
    ) -> RetentionView:
        return await self.case_retention(node, actor, reference)

    async def due_for_retention(
        self, node: Node, actor: Actor, after: CaseReference | None = None, /
    ) -> RetentionDue:
        return RetentionDue(cases=())

    async def run_retention(self, node: Node, actor: Actor | None = None, /) -> RetentionRun:
        return RetentionRun(blocked=(), proposed=(), erased=())

    async def record_guardian(
        self, node: Node, actor: Actor, reference: CaseReference, provided_on: date | None, /
    ) -> GuardianView:
        case = self._case(actor, reference)
        after = GuardianView(recorded=provided_on is not None, provided_on=provided_on)
        self.cases[reference] = dataclasses.replace(case, guardian=after)
        return after

    async def set_protection(
        self,
        node: Node,
        actor: Actor,
        reference: CaseReference,
        status: ProtectionStatus,
        reason: str,
        /,
    ) -> ProtectionView:
        case = self._case(actor, reference)
        before = case.protection
        assert before is not None
        if before.proposed == status and before.proposed_by != actor.person:
            after = ProtectionView(status=status, state="settled", changed_at=node.clock.now())
        else:
            after = dataclasses.replace(before, state="proposed", proposed=status, proposed_by=actor.person)
        self.cases[reference] = dataclasses.replace(case, protection=after)
        return after

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
        self._case(actor, case)
        data = b"".join([piece async for piece in body])
        return UploadView(
            id=upload,
            digest=digest_of(data),
            salt="A" * 22,
            size=len(data),
            chunks=chunks_of(len(data)),
            media_type=media_type,
        )

    async def list_attachments(
        self, node: Node, actor: Actor, message: MessageId, /
    ) -> tuple[AttachmentView, ...]:
        self._message(actor, message)
        return ()

    async def read_attachment(
        self, node: Node, actor: Actor, message: MessageId, digest: str, reason: str, /
    ) -> AttachmentBytes:
        self._message(actor, message)
        self._require_release(actor, message, reason)

        async def chunks() -> AsyncIterator[bytes]:
            yield b"%PDF-"

        return AttachmentBytes(digest=digest, media_type="pdf", size=5, chunks=chunks())

    async def next_steps(self, node: Node, actor: Actor, reference: CaseReference, /) -> NextStepsView:
        case = self._case(actor, reference)
        step = NextStep(
            type="case.notification",
            procedure="case",
            by=case.parties[0],
            to=None,
            open=False,
            refusal=RefusalView(code="safeguard.international_protection", missing=(UNSETTLED,)),
        )
        return NextStepsView(reference=reference, at=node.clock.now(), steps=(step,))

    async def case_bundle(self, node: Node, actor: Actor, reference: CaseReference, /) -> bytes:
        self._case(actor, reference)
        return json.dumps({"case": reference, "statements": [], "evidence": []}).encode()

    async def agreement_file(
        self, node: Node, actor: Actor, reference: CaseReference, wanted: str, /
    ) -> bytes:
        self._case(actor, reference)
        return json.dumps({"case": reference, "agreement": wanted}).encode()

    async def render_agreement(
        self, node: Node, actor: Actor, reference: CaseReference, wanted: str, language: str, form: Format, /
    ) -> Rendering:
        self._case(actor, reference)
        return _rendered(wanted, language, form)

    # -- messages

    async def send(self, node: Node, actor: Actor, submission: Submission | SignedSubmission, /) -> Accepted:
        self._maybe_fail()
        if isinstance(submission, SignedSubmission):
            raise NotAcceptable("statement.malformed", "the stand-in reads no statements")
        actor.require_authority(submission.sender)
        messages.validate(_as_content(submission))
        mark = digest_of(submission)
        if submission.id in self.answers:
            known, answer = self.answers[submission.id]
            if known != mark:
                raise Conflict("id_reused", "another statement has this id")
            return answer
        self._check(actor, submission)
        view = self.add_message(node, submission)
        answer = Accepted(
            id=view.id,
            sender_node=view.sender_node,
            case=view.case,
            thread=view.thread,
            type=view.type,
            sender=view.sender,
            recipient=view.recipient,
            status="accepted",
            issued_at=view.issued_at,
            recorded_at=view.recorded_at,
            due=view.due,
            statement_digest=view.statement_digest,
            evidence=self.evidence[view.id][0].token,
        )
        self.answers[submission.id] = (mark, answer)
        node.wake.mail_arrived.notify()
        return answer

    def add_message(
        self, node: Node, submission: Submission, direction: Literal["in", "out"] = "out"
    ) -> MessageView:
        now = node.clock.now()
        view = MessageView(
            id=submission.id,
            sender_node=node.code if direction == "out" else NodeCode("ro"),
            direction=direction,
            case=submission.case,
            thread=submission.thread or ThreadId(submission.id),
            in_reply_to=submission.in_reply_to,
            type=submission.type,
            sender=submission.sender,
            recipient=submission.recipient,
            urgency=submission.urgency,
            issued_at=now,
            recorded_at=now,
            status="accepted" if direction == "out" else "consigned",
            vocabulary="2026.11",
            statement_digest=digest_of(submission),
            due=DueView(at=now, basis="project-choice"),
            content=ContentView(
                coded=submission.coded,
                narrative=submission.narrative,
                narrative_state="released" if submission.narrative else "none",
                identity=submission.identity,
                identity_state="none" if submission.identity is None else "sealed",
                declares_no_danger=submission.declares_no_danger,
            ),
        )
        self.messages.append(view)
        self.evidence[view.id] = [
            EvidenceItem(
                kind="submission-accepted",
                positive=True,
                issuer=str(node.code),
                issued_at=now,
                digest=digest_of(view.id),
                previous=None,
                code=None,
                token="e30.e30.AA",
            )
        ]
        return view

    async def validate(
        self, node: Node, actor: Actor, submission: Submission | SignedSubmission, /
    ) -> Validation:
        try:
            if isinstance(submission, SignedSubmission):
                raise NotAcceptable("statement.malformed", "the stand-in reads no statements")
            messages.validate(_as_content(submission))
            self._check(actor, submission)
        except Refused as no:
            refusal = RefusalView(code=no.code, field=no.field, facts=no.facts, missing=no.missing)
            return Validation(acceptable=False, refusals=(refusal,))
        return Validation(acceptable=True, due=DueView(at=node.clock.now(), basis="project-choice"))

    async def list_messages(self, node: Node, actor: Actor, query: MessageQuery, /) -> Page:
        self.listed += 1
        found = [
            (position, dataclasses.replace(message, content=None))
            for position, message in enumerate(self.messages, start=1)
            if position > query.after
            and actor.acts_for(message.sender, message.recipient)
            and query.case in (None, message.case)
            and query.type in (None, message.type)
            and query.direction in (None, message.direction)
            and query.status in (None, message.status)
            and query.thread in (None, message.thread)
            and (query.since is None or message.recorded_at >= query.since)
        ]
        page = found[: query.limit]
        return Page(
            messages=tuple(message for _, message in page),
            position=page[-1][0] if page else query.after,
            more=len(found) > len(page),
        )

    async def message_facts(self, node: Node, actor: Actor, message: MessageId, /) -> MessageView:
        return dataclasses.replace(self._message(actor, message), content=None)

    async def read_message(
        self,
        node: Node,
        actor: Actor,
        message: MessageId,
        include_identity: bool,
        reason: str | None,
        /,
    ) -> MessageView:
        view = self._message(actor, message)
        assert view.content is not None
        if include_identity:
            self._require_release(actor, message, reason)
            self.released.append((actor.person, message, str(reason)))
            content = dataclasses.replace(view.content, identity_state="released")
        else:
            content = dataclasses.replace(view.content, identity=None)
        return dataclasses.replace(view, content=content)

    def _require_release(self, actor: Actor, message: MessageId, reason: str | None) -> None:
        for one in self.approvals.values():
            released = (one.subject, one.reason, one.state) == (message, reason, "approved")
            if released and actor.person in (one.proposed_by, one.decided_by):
                return
        raise Forbidden("access.second_person", "nobody else has released it")

    async def request_release(
        self, node: Node, actor: Actor, message: MessageId, reason: str, /
    ) -> ApprovalView:
        view = self._message(actor, message)
        id_ = MessageId(f"3f1d9a52-6c4e-4f0a-9b7d-{len(self.approvals) + 1:012x}")
        self.approvals[id_] = ApprovalView(
            id=id_,
            kind="identity-release",
            subject=message,
            state="proposed",
            proposed_by=actor.person,
            proposed_at=node.clock.now(),
            expires_at=node.clock.now(),
            case=view.case,
            reason=reason,
        )
        return self.approvals[id_]

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
    ) -> ApprovalsView:
        known = (one for one in self.approvals.values() if subject in (None, one.subject))
        found = (one for one in known if state in (None, one.state))
        return ApprovalsView(approvals=tuple(found))

    async def read_approval(self, node: Node, actor: Actor, approval: MessageId, /) -> ApprovalView:
        if approval not in self.approvals:
            raise NotFound("request.not_found", "no such approval")
        return self.approvals[approval]

    async def decide(
        self, node: Node, actor: Actor, approval: MessageId, decision: Decision, reason: str | None, /
    ) -> ApprovalView:
        before = await self.read_approval(node, actor, approval)
        if before.proposed_by == actor.person:
            raise Forbidden("access.second_person", "whoever proposed it does not decide")
        self.approvals[approval] = dataclasses.replace(
            before,
            state="approved" if decision == "approve" else "returned",
            decided_by=actor.person,
            decided_at=node.clock.now(),
            decided_reason=reason,
        )
        return self.approvals[approval]

    async def message_evidence(self, node: Node, actor: Actor, message: MessageId, /) -> EvidenceView:
        view = self._message(actor, message)
        return EvidenceView(
            id=view.id,
            sender_node=view.sender_node,
            statement_digest=view.statement_digest,
            evidence=tuple(self.evidence[view.id]),
        )

    async def render_message(
        self, node: Node, actor: Actor, message: MessageId, language: str, form: Format, /
    ) -> Rendering:
        return _rendered(self._message(actor, message).type, language, form)

    async def render_timeline(
        self, node: Node, actor: Actor, reference: CaseReference, language: str, form: Format, /
    ) -> Rendering:
        timeline = await self.case_timeline(node, actor, reference)
        return printed(words_of_timeline(node, timeline, language), form)

    async def collect(
        self, node: Node, actor: Actor, message: MessageId, claimed: ClaimedRendering | None = None, /
    ) -> CollectionView:
        view = self._message(actor, message)
        shown = None
        if claimed is not None:
            shown = ShownRendering(
                digest=claimed.digest, language=claimed.language, format=claimed.format, release="test"
            )
        at = view.collected_at or node.clock.now()
        self.messages[self.messages.index(view)] = dataclasses.replace(view, collected_at=at)
        return CollectionView(
            id=view.id,
            sender_node=view.sender_node,
            collected_at=at,
            evidence="e30.e30.AA",
            rendering=shown,
        )

    # -- the rest

    async def pending_relays(self, node: Node, actor: Actor, /) -> PendingRelays:
        return PendingRelays(at=node.clock.now(), messages=())

    async def record_relay(
        self, node: Node, actor: Actor, message: MessageId, outcome: RelayOutcome, /
    ) -> RelayView:
        self._message(actor, message)
        return RelayView(
            id=message,
            sender_node=node.code,
            outcome=outcome.outcome,
            way=outcome.way,
            reason=outcome.reason,
            attempt=1,
            recorded_at=node.clock.now(),
            evidence="e30.e30.AA",
        )

    async def propose_paper_consent(self, node: Node, actor: Actor, message: MessageId, /) -> ApprovalView:
        self._message(actor, message)
        now = node.clock.now()
        return ApprovalView(
            id=message,
            kind="paper-consent",
            subject=message,
            state="proposed",
            proposed_by=actor.person,
            proposed_at=now,
            expires_at=now,
        )

    async def export_hand_over(self, node: Node, actor: Actor, state: StateCode, /) -> AsyncIterator[bytes]:
        async def file() -> AsyncIterator[bytes]:
            yield b"{}"

        return file()

    async def import_hand_over(
        self, node: Node, actor: Actor, body: AsyncIterator[bytes], /
    ) -> tuple[int, int, int]:
        async for _ in body:
            pass
        return 0, 0, 0

    async def relay_envelope(self, node: Node, actor: Actor, message: MessageId, /) -> bytes:
        self._message(actor, message)
        return b'{"manifest":"e30.e30.AA","parts":{}}'

    async def import_envelope(self, node: Node, actor: Actor, data: bytes, /) -> ImportView:
        self.imported.append(data)
        if not data.startswith(b'{"manifest"'):
            raise NotAcceptable("envelope.malformed", "not an envelope")
        return ImportView(
            outcome="consigned",
            sender_node=NodeCode("ro"),
            id=MessageId("3f1d9a52-6c4e-4f0a-9b7d-2a8e5c1b0d94"),
        )

    async def export_envelope(self, node: Node, actor: Actor, message: MessageId, /) -> bytes:
        # Whoever carries need not be a party: what they carry is sealed.
        if not any(view.id == message for view in self.messages):
            raise NotFound("request.not_found", "no such message")
        return b'{"manifest":"e30.e30.AA","parts":{}}'

    async def directory_state(self, node: Node, actor: Actor, /) -> DirectoryState:
        self._maybe_fail()
        snapshot = node.directory.current().snapshot
        return DirectoryState(
            charter=snapshot.charter,
            charter_sequence=1,
            snapshot=snapshot.sequence,
            snapshot_digest=snapshot.digest,
            issued_at=snapshot.issued_at,
            half_life=snapshot.half_life,
            expires_at=snapshot.expires_at,
            freshness="good",
            suspended=(),
            peers=(),
            alarms=(),
        )

    async def preview_entry(
        self, node: Node, actor: Actor, kind: str, name: str, facts: Mapping[str, Any], /
    ) -> EntryDraft:
        self._maybe_fail()
        return EntryDraft(path=f"{node.code}/{kind}/{name}", changes=("new",), claims=facts, signs_here=False)

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
        self._maybe_fail()
        return self._kept(node, actor, "directory-action", f"{node.code}/{kind}/{name}")

    async def propose_key_act(self, node: Node, actor: Actor, request: KeyRequest, /) -> ApprovalView:
        self._maybe_fail()
        return self._kept(node, actor, "key-action", request.owner)

    def _kept(self, node: Node, actor: Actor, kind: str, subject: str) -> ApprovalView:
        id_ = MessageId(f"3f1d9a52-6c4e-4f0a-9b7d-{len(self.approvals) + 1:012x}")
        self.approvals[id_] = ApprovalView(
            id=id_,
            kind=kind,
            subject=subject,
            state="proposed",
            proposed_by=actor.person,
            proposed_at=node.clock.now(),
            expires_at=node.clock.now(),
            preview=("new",),
        )
        return self.approvals[id_]

    async def list_notices(
        self, node: Node, actor: Actor, after: int | None, limit: int, newest: bool = False, /
    ) -> NoticePage:
        self._maybe_fail()
        return NoticePage(notices=(), position=after or 0, more=False, read=0, unread=0)

    async def newest_notice(self, node: Node, actor: Actor, /) -> int:
        return 0

    async def mark_read(self, node: Node, actor: Actor, position: int, /) -> ReadView:
        self._maybe_fail()
        return ReadView(read=position, unread=0)

    async def list_subscriptions(self, node: Node, actor: Actor, /) -> tuple[SubscriptionView, ...]:
        self._maybe_fail()
        return (_SUBSCRIPTION,)

    async def read_subscription(self, node: Node, actor: Actor, subscription: str, /) -> SubscriptionView:
        self._maybe_fail()
        return _SUBSCRIPTION

    async def put_subscription(
        self, node: Node, actor: Actor, subscription: str, wanted: Wanted, /
    ) -> SubscriptionView:
        self._maybe_fail()
        return _SUBSCRIPTION

    async def delete_subscription(self, node: Node, actor: Actor, subscription: str, /) -> SubscriptionView:
        self._maybe_fail()
        return _SUBSCRIPTION

    async def read_indicators(self, node: Node, actor: Actor, query: IndicatorQuery, /) -> Report:
        self._maybe_fail()
        now = node.clock.now()
        return Report(year=query.year, as_of=query.as_of or now, made_at=now)

    async def render_indicators(
        self, node: Node, actor: Actor, query: IndicatorQuery, language: str, form: Format, /
    ) -> Rendering:
        return _rendered((await self.read_indicators(node, actor, query)).id, language, form)

    async def report_adapter(
        self, node: Node, actor: Actor, name: str, health: AdapterHealth, /
    ) -> AdapterView:
        self._maybe_fail()
        return AdapterView(
            name=name,
            client=actor.person,
            version=health.version,
            state=health.state,
            code=health.code,
            since=health.since,
            set_aside=health.set_aside,
            counts=health.counts,
            heard_at=node.clock.now(),
            silent=False,
        )

    async def list_adapters(self, node: Node, actor: Actor, /) -> AdaptersView:
        self._maybe_fail()
        return AdaptersView(at=node.clock.now(), adapters=())

    async def list_statistics(self, node: Node, actor: Actor, limit: int, /) -> StatisticsList:
        self._maybe_fail()
        return StatisticsList(releases=tuple(self.statistics.values())[:limit])

    async def make_statistics(
        self, node: Node, actor: Actor, wanted: Population, coarsen: bool, /
    ) -> tuple[Release, bool]:
        self._maybe_fail()
        new = wanted.id not in self.statistics
        if new:
            self.statistics[wanted.id] = Release(
                population=wanted, made_at=node.clock.now(), total=None, tables=()
            )
        return self.statistics[wanted.id], new

    async def read_statistics(self, node: Node, actor: Actor, release: str, /) -> Release:
        self._maybe_fail()
        if release not in self.statistics:
            raise NotFound("request.not_found", "no such release")
        return self.statistics[release]

    async def render_statistics(
        self, node: Node, actor: Actor, release: str, language: str, form: Format, /
    ) -> Rendering:
        return _rendered((await self.read_statistics(node, actor, release)).population.id, language, form)

    async def deadlines(self, node: Node, actor: Actor, query: DeadlineQuery, /) -> DeadlinesView:
        rows = tuple(
            DeadlineView(
                case=message.case,
                thread=message.thread,
                procedure="case",
                state="notified",
                asker=message.sender,
                answerer=message.recipient,
                owed_by="them" if message.direction == "out" else "us",
                due=message.due,
                overdue=False,
                obligation="acceptance",
                owing=message.recipient,
                message=message.id,
            )
            for message in self.messages
            if message.due is not None
        )
        return DeadlinesView(at=node.clock.now(), deadlines=rows[: query.limit], more=len(rows) > query.limit)

    async def operations_stuck(self, node: Node, actor: Actor, /) -> StuckView:
        now = node.clock.now()
        return StuckView(at=now, unanswered=(), stuck=(), counts=(), more=False)

    async def operations_peers(self, node: Node, actor: Actor, /) -> PeersView:
        return PeersView(at=node.clock.now(), peers=())

    def _check(self, actor: Actor, submission: Submission) -> None:
        case = self._case(actor, submission.case)
        if not submission.declares_no_danger:
            raise NotAcceptable("safeguard.no_danger_declaration", "not declared")
        if case.protection is not None and case.protection.status != "not-sought":
            raise NotAcceptable("safeguard.international_protection", "not settled", missing=(UNSETTLED,))

    def _case(self, actor: Actor, reference: CaseReference) -> CaseView:
        self._maybe_fail()
        case = self.cases.get(reference)
        if case is None or not actor.acts_for(*case.parties):
            raise NotFound("case.unknown", "no such case, or not a party")
        return case

    def _message(self, actor: Actor, message: MessageId) -> MessageView:
        self._maybe_fail()
        for view in self.messages:
            if view.id == message and actor.acts_for(view.sender, view.recipient):
                return view
        raise NotFound("request.not_found", "no such message, or not a party")

    def _maybe_fail(self) -> None:
        failure, self.fails_with = self.fails_with, None
        if failure is not None:
            raise failure


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    type: str
    coded: Any
    narrative: Any
    identity: Any
    form: int = 1
    vocabulary: str = "2026.11"


def _as_content(submission: Submission) -> _Content:
    return _Content(
        type=submission.type,
        coded=submission.coded,
        narrative=submission.narrative,
        identity=submission.identity,
    )
