"""A typed client of a node's API, as `openapi.yaml` has it. The one door for adapters and the command line.

    async with Client("http://127.0.0.1:8801", token) as node:
        case = await node.open_case()
        accepted = await node.send({"id": str(uuid), "case": case["reference"], …})
        async for message in node.follow(direction="in"):
            …

Answers are the JSON of the API typed as in `types`. What a node refuses raises `Problem`, what cannot be
reached raises `NodeUnreachable`. Sending again under the same id is always safe, so `send` may be repeated
after either.
"""

from __future__ import annotations

from service.client.client import ENVELOPE, JOURNAL_PAGE, LONG_POLL, TIMEOUT, UPLOAD, Client
from service.client.credentials import ClientCredentials
from service.client.errors import NodeUnreachable, Problem
from service.client.types import (
    Accepted,
    Approval,
    Attachment,
    Awaiting,
    Case,
    CitedRendering,
    Collection,
    Content,
    Deadline,
    Direction,
    Due,
    EvidenceItem,
    Format,
    ImportOutcome,
    Json,
    Message,
    MessagePage,
    Missing,
    NarrativeBlock,
    NextStep,
    NextSteps,
    Printed,
    Protection,
    ProtectionStatus,
    Refusal,
    RegisteredClient,
    RegisteredPerson,
    Retention,
    RetentionAct,
    RetentionPart,
    RetentionRun,
    SignInLink,
    Standing,
    StandingReason,
    Submission,
    Thread,
    Timeline,
    TimelineEntry,
    Upload,
    Validation,
    WaitingMessage,
)

__all__ = [
    "ENVELOPE",
    "JOURNAL_PAGE",
    "LONG_POLL",
    "TIMEOUT",
    "UPLOAD",
    "Accepted",
    "Approval",
    "Attachment",
    "Awaiting",
    "Case",
    "CitedRendering",
    "Client",
    "ClientCredentials",
    "Collection",
    "Content",
    "Deadline",
    "Direction",
    "Due",
    "EvidenceItem",
    "Format",
    "ImportOutcome",
    "Json",
    "Message",
    "MessagePage",
    "Missing",
    "NarrativeBlock",
    "NextStep",
    "NextSteps",
    "NodeUnreachable",
    "Printed",
    "Problem",
    "Protection",
    "ProtectionStatus",
    "Refusal",
    "RegisteredClient",
    "RegisteredPerson",
    "Retention",
    "RetentionAct",
    "RetentionPart",
    "RetentionRun",
    "SignInLink",
    "Standing",
    "StandingReason",
    "Submission",
    "Thread",
    "Timeline",
    "TimelineEntry",
    "Upload",
    "Validation",
    "WaitingMessage",
]
