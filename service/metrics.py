"""What an operator watches. Every name begins with `fp_`, every label has few values.

No case, message id, authority, person or path with an id in it is ever a label. A label whose values come
from elsewhere (a code, a peer) is capped: past the cap it reads `other`.

What to page on, at this volume of traffic, is age and not rates: `deploy/prometheus/focalpoint.rules.yaml`.
Each name is explained in docs/operations/metrics.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

from service.store.writer import Group

__all__ = [
    "CLOCK_CAUSES",
    "CONTENT_TYPE",
    "DUTIES",
    "LABEL_VALUES",
    "PUBLISH_FAILURES",
    "SLOW",
    "UNTIMED",
    "Metrics",
]

CONTENT_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"

LABEL_VALUES: Final = 300
"""Values that one capped label may take, at most: more than there are States, or refusal codes."""

CLOCK_CAUSES: Final = (
    "calendar",
    "corridor-profile",
    "deadline-release",
    "time-zone-database",
    "unexplained",
)
"""Why two nodes count a deadline differently."""
PUBLISH_FAILURES: Final = (
    "hub.full",
    "hub.no_answer",
    "hub.no_inbox",
    "hub.refused",
    "hub.too_large",
    "hub.unreachable",
)
"""Codes under which the hub does not take an envelope."""
DUTIES: Final = ("case-notification", "guardian-notice")
"""What a State owes the child, beside its answers to other States."""
SLOW: Final = 1.0
"""Seconds, a project choice: what is answered later counts against the API's budget."""
UNTIMED: Final = frozenset(
    {
        # They wait on purpose.
        ("GET", "/v1/messages"),
        ("GET", "/v1/notices"),
        ("GET", "/v1/events"),
        # They last as long as what they carry does on the asker's own line.
        ("PUT", "/v1/cases/{reference}/attachments/{id}"),
        ("GET", "/v1/messages/{id}/attachments/{digest}"),
        ("POST", "/v1/hand-over/{state}"),
        ("POST", "/v1/hand-over"),
    }
)
"""Calls of the API whose length says nothing about the node: outside the budget for latency."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WORKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The node's own registry: two nodes in one process (in tests) do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(namespace="fp", registry=self.registry)
        self._seen: dict[str, set[str]] = {}
        registry = self.registry

        self._published = Counter(
            "fp_published_total", "Envelopes that the hub has acknowledged", ["peer"], registry=registry
        )
        self._publish_failed = Counter(
            "fp_publish_failures_total",
            "Envelopes that the hub did not take",
            ["peer", "code"],
            registry=registry,
        )
        self._received = Counter(
            "fp_received_total", "Envelopes taken in, by outcome", ["outcome", "code"], registry=registry
        )
        self._received_refused = Counter(
            "fp_received_refused_total", "Envelopes taken in and refused, by any code", registry=registry
        )
        self._accepted = Counter(
            "fp_accepted_total", "Messages answered 202, by message type", ["type"], registry=registry
        )
        self._refused = Counter(
            "fp_refused_total", "Refusals given to our own clients", ["code"], registry=registry
        )
        self._evidence = Counter(
            "fp_evidence_total", "Evidence recorded", ["kind", "direction"], registry=registry
        )
        self._outbox_rows = Gauge("fp_outbox_rows", "Outbox rows not yet done", ["state"], registry=registry)
        self._outbox_oldest = Gauge(
            "fp_outbox_oldest_seconds",
            "Age of the oldest row that may leave and is not done",
            registry=registry,
        )
        self._quarantined = Gauge("fp_quarantine_rows", "Envelopes in quarantine", registry=registry)
        self._overdue = Gauge(
            "fp_threads_overdue", "Conversations whose answer is overdue", ["procedure"], registry=registry
        )
        self._unanswered = Gauge(
            "fp_oldest_unanswered_seconds",
            "How long the oldest due answer has been overdue; negative before it is due",
            registry=registry,
        )
        self._clock_differs = Counter(
            "fp_clock_differences_total",
            "Deadlines that a peer's node counts differently, by cause",
            ["cause"],
            registry=registry,
        )
        self._clock_claims_left_out = Counter(
            "fp_clock_claims_left_out_total",
            "Deadlines that a peer's node said to count differently, and that were left out",
            ["peer"],
            registry=registry,
        )
        self._channel_lacks = Gauge(
            "fp_channel_lacks",
            "Envelopes that a peer sent and that have not come",
            ["peer"],
            registry=registry,
        )
        self._indicators_differ = Gauge(
            "fp_indicators_differ",
            "Figures that a peer's node counts otherwise than ours, as it was last told",
            ["peer"],
            registry=registry,
        )
        self._adapters_unwell = Gauge(
            "fp_adapters_unwell",
            "Adapters that say that something is wrong, or have fallen silent",
            registry=registry,
        )
        self._hub = Gauge("fp_hub_connected", "1 while the hub is reachable", registry=registry)
        self._hub_reconnects = Counter("fp_hub_reconnects_total", "Connections regained", registry=registry)
        self._directory_expires = Gauge(
            "fp_directory_expires_seconds", "Until the directory's hard expiry", registry=registry
        )
        self._directory_sequence = Gauge(
            "fp_directory_sequence", "Sequence of the snapshot in use", registry=registry
        )
        self._key_ends = Gauge(
            "fp_key_ends_seconds",
            "Until the first key of that use, or entry, of this State ends",
            ["what"],
            registry=registry,
        )
        self._identity_ahead = Gauge(
            "fp_identity_keys_ahead", "Published identity keys that have not begun", registry=registry
        )
        self._directory_splits = Gauge(
            "fp_directory_split",
            "1 while a peer was shown another directory than this node",
            ["peer"],
            registry=registry,
        )
        self._notices_waiting = Gauge(
            "fp_notices_waiting", "Notices that wait to go out, by channel", ["channel"], registry=registry
        )
        self._notice_oldest = Gauge(
            "fp_notice_oldest_seconds", "Age of the oldest notice that should be out", registry=registry
        )
        self._notice_failures = Counter(
            "fp_notice_failures_total",
            "Attempts to tell somebody that were not taken",
            ["channel", "code"],
            registry=registry,
        )
        self._requests = Counter(
            "fp_http_requests_total",
            "Requests by route template",
            ["route", "method", "status"],
            registry=registry,
        )
        self._request_seconds = Histogram(
            "fp_http_request_seconds",
            "Until the answer, long polls included",
            ["route", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._api_requests = Counter(
            "fp_api_requests_total", "Calls of the API that were answered", registry=registry
        )
        self._api_failures = Counter(
            "fp_api_failures_total", "Calls of the API answered with a failure of its own", registry=registry
        )
        self._api_timed = Counter(
            "fp_api_timed_total",
            "Calls of the API, without those that wait or carry documents",
            registry=registry,
        )
        self._api_slow = Counter(
            "fp_api_slow_total", "Of those, the calls answered later than after a second", registry=registry
        )
        self._group_works = Histogram(
            "fp_store_group_works", "Works in one commit", buckets=_WORKS, registry=registry
        )
        self._group_seconds = Histogram(
            "fp_store_group_seconds", "One group, its commit included", buckets=_SECONDS, registry=registry
        )
        self._works_failed = Counter("fp_store_works_failed_total", "Works rolled back", registry=registry)
        self._commits_failed = Counter(
            "fp_store_commits_failed_total", "Groups not committed", registry=registry
        )
        self._stuck = Gauge(
            "fp_stuck", "What has stood in one state for longer than it may", ["what"], registry=registry
        )
        self._answer_overdue = Gauge(
            "fp_answer_overdue_seconds",
            "How long the oldest answer has been overdue by its legal deadline; 0 for none",
            ["owed_by"],
            registry=registry,
        )
        self._duty_overdue = Gauge(
            "fp_duty_overdue_seconds",
            "How long the oldest duty of this State towards a child has been overdue; 0 for none",
            ["what"],
            registry=registry,
        )
        self._peer_oldest = Gauge(
            "fp_outbox_peer_oldest_seconds",
            "Age of the oldest row for a peer that may leave and is not done",
            ["peer"],
            registry=registry,
        )
        self._peer_heard = Gauge(
            "fp_peer_heard_seconds",
            "Since a peer's node last told what it has",
            ["peer"],
            registry=registry,
        )
        self._delivery_within = Gauge(
            "fp_delivery_within_ratio",
            "Share of a leg that was in time in the last 7 days, by the target of that State",
            ["peer", "leg"],
            registry=registry,
        )
        self._delivery_measured = Gauge(
            "fp_delivery_measured",
            "How many that share is of, those that are late and still on their way included",
            ["peer", "leg"],
            registry=registry,
        )
        self._delivery_target = Gauge(
            "fp_delivery_target_seconds",
            "What that State published, or what all are measured by",
            ["peer", "leg"],
            registry=registry,
        )
        self._directory_half_life = Gauge(
            "fp_directory_half_life_seconds",
            "Until half of the snapshot's life is over; negative after",
            registry=registry,
        )
        self._backup_age = Gauge(
            "fp_backup_age_seconds",
            "Since `focalpoint backup` last copied the database; NaN where that is not known",
            registry=registry,
        )
        self._backup_age.set(math.nan)
        self._disk_free = Gauge(
            "fp_disk_free_bytes", "Free where the node writes", ["where"], registry=registry
        )
        self._disk_size = Gauge(
            "fp_disk_size_bytes", "Size of the disk where the node writes", ["where"], registry=registry
        )
        self._database = Gauge(
            "fp_database_bytes", "The database's file with its log; 0 for a server", registry=registry
        )
        self._measured_at = Gauge(
            "fp_measured_at_seconds", "Unix time at which the gauges were last measured", registry=registry
        )
        self._store_waiting = Gauge("fp_store_waiting", "Works in the writer's queue", registry=registry)
        self._worker_failures = Counter(
            "fp_worker_failures_total",
            "Workers that ended and were started again",
            ["worker"],
            registry=registry,
        )
        self._fields_dropped = Counter(
            "fp_log_fields_dropped_total", "Log fields outside the allow-list", registry=registry
        )

        # A counter that is not there before it counts begins at 1, and `increase` of that is 0: whoever is
        # called by an increase has to be shown the 0 first.
        for cause in CLOCK_CAUSES:
            self._clock_differs.labels(self._capped("cause", cause))
        self.duties_overdue({})

    def expect_publishing(self, peers: Iterable[str]) -> None:
        """Show what has not failed yet, for each node that may be written to."""
        for peer in peers:
            for code in PUBLISH_FAILURES:
                self._publish_failed.labels(self._capped("peer", peer), self._capped("code", code))

    def expect_worker(self, worker: str) -> None:
        """Show that it has not failed yet."""
        self._worker_failures.labels(worker)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes, of type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def published(self, peer: str, count: int = 1) -> None:
        self._published.labels(self._capped("peer", peer)).inc(count)

    def publish_failed(self, peer: str, code: str, count: int = 1) -> None:
        self._publish_failed.labels(self._capped("peer", peer), self._capped("code", code)).inc(count)

    def received(self, outcome: str, code: str = "") -> None:
        self._received.labels(self._capped("outcome", outcome), self._capped("code", code)).inc()
        if outcome == "refused":
            self._received_refused.inc()

    def accepted(self, message_type: str) -> None:
        self._accepted.labels(self._capped("type", message_type)).inc()

    def refused(self, code: str) -> None:
        self._refused.labels(self._capped("code", code)).inc()

    def evidence(self, kind: str, *, ours: bool) -> None:
        self._evidence.labels(self._capped("kind", kind), "out" if ours else "in").inc()

    def outbox(self, rows: dict[str, int], *, oldest_seconds: float) -> None:
        """`rows` by state; a state that is not named has none."""
        self._outbox_rows.clear()
        for state, count in rows.items():
            self._outbox_rows.labels(self._capped("state", state)).set(count)
        self._outbox_oldest.set(oldest_seconds)

    def quarantined(self, rows: int) -> None:
        self._quarantined.set(rows)

    def clock_differs(self, cause: str) -> None:
        self._clock_differs.labels(self._capped("cause", cause)).inc()

    def clock_claims_left_out(self, peer: str, count: int) -> None:
        """Known already, no difference, not owed, or no instant of a deadline."""
        self._clock_claims_left_out.labels(self._capped("peer", peer)).inc(count)

    def overdue(self, threads: dict[str, int], *, oldest_seconds: float) -> None:
        """`threads` by procedure; `oldest_seconds` as `fp_oldest_unanswered_seconds` says."""
        self._overdue.clear()
        for procedure, count in threads.items():
            self._overdue.labels(self._capped("procedure", procedure)).set(count)
        self._unanswered.set(oldest_seconds)

    def channel_lacks(self, peer: str, count: int) -> None:
        """How many numbered envelopes `peer` says it sent that have not come."""
        self._channel_lacks.labels(self._capped("peer", peer)).set(count)

    def indicators_differ(self, peer: str, count: int) -> None:
        """How many figures of the newest year that both told are different at `peer`."""
        self._indicators_differ.labels(self._capped("peer", peer)).set(count)

    def adapters_unwell(self, count: int) -> None:
        self._adapters_unwell.set(count)

    def hub(self, *, connected: bool, regained: bool = False) -> None:
        self._hub.set(connected)
        if regained:
            self._hub_reconnects.inc()

    def directory(self, *, sequence: int, expires_seconds: float) -> None:
        self._directory_sequence.set(sequence)
        self._directory_expires.set(expires_seconds)

    def key_lives(self, soonest_seconds: Mapping[str, float], *, identity_ahead: int) -> None:
        """`soonest_seconds`: by use of a key, and `entry`; see `service.monitor.key_lives`."""
        for what, seconds in soonest_seconds.items():
            self._key_ends.labels(self._capped("what", what)).set(seconds)
        self._identity_ahead.set(identity_ahead)

    def directory_splits(self, peers: Mapping[str, bool]) -> None:
        """For each peer that was compared with, whether it sees another directory."""
        self._directory_splits.clear()
        for peer, split in peers.items():
            self._directory_splits.labels(self._capped("peer", peer)).set(split)

    def notices_waiting(self, rows: Mapping[str, int], *, oldest_seconds: float) -> None:
        """`rows` by channel, `email` and `webhook`; one that is not named has none."""
        self._notices_waiting.clear()
        for channel, count in rows.items():
            self._notices_waiting.labels(self._capped("channel", channel)).set(count)
        self._notice_oldest.set(oldest_seconds)

    def notice_failed(self, channel: str, code: str) -> None:
        """`code`: one of our own few, never what the other side wrote."""
        self._notice_failures.labels(self._capped("channel", channel), self._capped("code", code)).inc()

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """`route` is the template (`/v1/messages/{id}`), never the path asked for; `unmatched` for none."""
        if route.startswith("/v1/"):
            self._api_requests.inc()
            self._api_failures.inc(status >= 500)
            if (method, route) not in UNTIMED:
                self._api_timed.inc()
                self._api_slow.inc(seconds > SLOW)
        route = self._capped("route", route)
        self._requests.labels(route, self._capped("method", method), str(status)).inc()
        self._request_seconds.labels(route, self._capped("method", method)).observe(seconds)

    def group(self, group: Group) -> None:
        """For `Store(on_group=...)`."""
        self._group_works.observe(group.works)
        self._group_seconds.observe(group.seconds)
        self._works_failed.inc(group.failed)
        if not group.committed:
            self._commits_failed.inc()

    def stuck(self, counts: Mapping[str, int]) -> None:
        """By row of `dwell.json`, zero included."""
        for what, count in counts.items():
            self._stuck.labels(self._capped("what", what)).set(count)

    def answers_overdue(self, *, us: float, them: float) -> None:
        """Seconds past the legal deadline of the oldest that we owe, and of the oldest that others owe us."""
        self._answer_overdue.labels("us").set(us)
        self._answer_overdue.labels("them").set(them)

    def duties_overdue(self, seconds: Mapping[str, float]) -> None:
        """By duty (`DUTIES`), of the oldest; one that is not named is not overdue."""
        for duty in DUTIES:
            self._duty_overdue.labels(duty).set(seconds.get(duty, 0.0))

    def peers(self, *, oldest_seconds: Mapping[str, float], heard_seconds: Mapping[str, float]) -> None:
        """A peer for whom nothing waits, or who was never heard, has no value."""
        for gauge, values in ((self._peer_oldest, oldest_seconds), (self._peer_heard, heard_seconds)):
            gauge.clear()
            for peer, seconds in values.items():
                gauge.labels(self._capped("peer", peer)).set(seconds)

    def delivery(self, figures: Iterable[tuple[str, str, float | None, int, float]]) -> None:
        """Peer, leg, share in time, of how many, target in seconds. Without any there is no share."""
        for gauge in (self._delivery_within, self._delivery_measured, self._delivery_target):
            gauge.clear()
        for node, leg, share, count, target in figures:
            peer = self._capped("peer", node)
            self._delivery_measured.labels(peer, leg).set(count)
            self._delivery_target.labels(peer, leg).set(target)
            if share is not None:
                self._delivery_within.labels(peer, leg).set(share)

    def directory_half_life(self, seconds: float) -> None:
        self._directory_half_life.set(seconds)

    def backup_age(self, seconds: float | None) -> None:
        self._backup_age.set(math.nan if seconds is None else seconds)

    def disk(self, where: str, *, free: int, size: int) -> None:
        """`where`: data or ledger."""
        self._disk_free.labels(where).set(free)
        self._disk_size.labels(where).set(size)

    def database(self, size: int) -> None:
        self._database.set(size)

    def measured(self, at: datetime, *, writes_waiting: int) -> None:
        self._measured_at.set(at.timestamp())
        self._store_waiting.set(writes_waiting)

    def worker_failed(self, worker: str) -> None:
        self._worker_failures.labels(worker).inc()

    def fields_dropped(self, count: int) -> None:
        """For `logs.configure(on_dropped=...)`."""
        self._fields_dropped.inc(count)

    def _capped(self, label: str, value: str) -> str:
        seen = self._seen.setdefault(label, set())
        if value in seen:
            return value
        if len(seen) >= LABEL_VALUES:
            return "other"
        seen.add(value)
        return value
