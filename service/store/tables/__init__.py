"""The node's tables. Rows are mapped by hand at the store's border; these classes go no further.

Personal data is in the columns `sealed` and `…_sealed` of `message`, `attachment`, `attachment_chunk` and
`approval` alone, and only sealed under the case's own key (`vault.py`). Everything else is codes, digests,
addresses of offices, times, and statements as they were signed.

For the busy paths use the Core tables (`MESSAGE`, `OUTBOX`, …) with `session.connection()`: a Core insert
costs about a third of an ORM one.

A new table goes into the module of its subject, and its names into `__all__` here: else no migration sees it.
"""

from __future__ import annotations

from service.store.tables.access import (
    ACCESS_JOURNAL,
    APPROVAL,
    CLIENT,
    CLIENT_ASSERTION,
    INVITATION,
    PERSON,
    SIGN_IN_ATTEMPT,
    SIGN_IN_SESSION,
    AccessJournal,
    ApprovalRow,
    ClientAssertion,
    ClientRow,
    InvitationRow,
    PersonRow,
    SignInAttempt,
    SignInSession,
)
from service.store.tables.adapters import ADAPTER, AdapterRow
from service.store.tables.attachments import ATTACHMENT, ATTACHMENT_CHUNK, AttachmentChunk, AttachmentRow
from service.store.tables.base import METADATA
from service.store.tables.cases import (
    CASE_ALIAS,
    CASE_FILE,
    CASE_KEY,
    CASE_PARTY,
    CaseFileRow,
    CaseKey,
    CaseParty,
)
from service.store.tables.channels import (
    CHANNEL,
    CHANNEL_SEEN,
    CHECKPOINT,
    INBOX,
    OUTBOX,
    QUARANTINE,
    SENT_MANIFEST,
    ChannelRow,
    ChannelSeen,
    CheckpointRow,
    InboxRow,
    OutboxRow,
    Quarantine,
    SentManifest,
)
from service.store.tables.clocks import (
    CLOCK_DIFFERENCE,
    DEADLINE,
    REMINDER,
    ClockDifference,
    DeadlineRow,
    ReminderRow,
)
from service.store.tables.directory import (
    DIRECTORY_COMPARISON,
    DIRECTORY_DOCUMENT,
    DIRECTORY_HISTORY,
    DIRECTORY_SNAPSHOT,
    DirectoryComparison,
    DirectoryDocument,
    DirectoryHistory,
    DirectorySnapshot,
)
from service.store.tables.indicators import INDICATORS_TOLD, IndicatorsTold
from service.store.tables.messages import EVIDENCE, MESSAGE, THREAD, EvidenceRow, MessageRow, ThreadRow
from service.store.tables.node import NODE_STATE, NodeState
from service.store.tables.notices import (
    NOTICE,
    NOTICE_DELIVERY,
    NOTICE_READ,
    SUBSCRIPTION,
    NoticeDelivery,
    NoticeRead,
    NoticeRow,
    SubscriptionRow,
)
from service.store.tables.relay import RELAY, RelayRow
from service.store.tables.retention import CASE_RETENTION, CaseRetention
from service.store.tables.statistics import (
    STATISTICS_COUNT,
    STATISTICS_RELEASE,
    StatisticsCount,
    StatisticsRelease,
)
from service.store.tables.watching import (
    DELIVERY_DAY,
    LEASE,
    STUCK,
    WATCH_POSITION,
    DeliveryDay,
    Lease,
    StuckRow,
    WatchPosition,
)

__all__ = [
    "ACCESS_JOURNAL",
    "ADAPTER",
    "APPROVAL",
    "ATTACHMENT",
    "ATTACHMENT_CHUNK",
    "CASE_ALIAS",
    "CASE_FILE",
    "CASE_KEY",
    "CASE_PARTY",
    "CASE_RETENTION",
    "CHANNEL",
    "CHANNEL_SEEN",
    "CHECKPOINT",
    "CLIENT",
    "CLIENT_ASSERTION",
    "CLOCK_DIFFERENCE",
    "DEADLINE",
    "DELIVERY_DAY",
    "DIRECTORY_COMPARISON",
    "DIRECTORY_DOCUMENT",
    "DIRECTORY_HISTORY",
    "DIRECTORY_SNAPSHOT",
    "EVIDENCE",
    "INBOX",
    "INDICATORS_TOLD",
    "INVITATION",
    "LEASE",
    "MESSAGE",
    "METADATA",
    "NODE_STATE",
    "NOTICE",
    "NOTICE_DELIVERY",
    "NOTICE_READ",
    "OUTBOX",
    "PERSON",
    "QUARANTINE",
    "RELAY",
    "REMINDER",
    "SENT_MANIFEST",
    "SIGN_IN_ATTEMPT",
    "SIGN_IN_SESSION",
    "STATISTICS_COUNT",
    "STATISTICS_RELEASE",
    "STUCK",
    "SUBSCRIPTION",
    "THREAD",
    "WATCH_POSITION",
    "AccessJournal",
    "AdapterRow",
    "ApprovalRow",
    "AttachmentChunk",
    "AttachmentRow",
    "CaseFileRow",
    "CaseKey",
    "CaseParty",
    "CaseRetention",
    "ChannelRow",
    "ChannelSeen",
    "CheckpointRow",
    "ClientAssertion",
    "ClientRow",
    "ClockDifference",
    "DeadlineRow",
    "DeliveryDay",
    "DirectoryComparison",
    "DirectoryDocument",
    "DirectoryHistory",
    "DirectorySnapshot",
    "EvidenceRow",
    "InboxRow",
    "IndicatorsTold",
    "InvitationRow",
    "Lease",
    "MessageRow",
    "NodeState",
    "NoticeDelivery",
    "NoticeRead",
    "NoticeRow",
    "OutboxRow",
    "PersonRow",
    "Quarantine",
    "RelayRow",
    "ReminderRow",
    "SentManifest",
    "SignInAttempt",
    "SignInSession",
    "StatisticsCount",
    "StatisticsRelease",
    "StuckRow",
    "SubscriptionRow",
    "ThreadRow",
    "WatchPosition",
]
