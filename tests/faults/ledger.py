"""What clients were promised, and whether the two databases kept it.

The ledger is written by clients alone: an entry for every 202, with what the answer said. The checker joins
it with both databases, and verifies each piece of evidence from the charter's digest up.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from protocol.directory import Directory
from protocol.errors import Refused
from protocol.evidence import Evidence, Parties, verify_evidence
from protocol.identifiers import Address, NodeCode
from protocol.statements import CoSigned
from tests.faults.local_network import LocalNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One 202."""

    id: str
    sender_node: str
    recipient_node: str
    recipient: str
    statement_digest: str
    submission_evidence: str
    during: str
    """What was being done to the network when it was given."""


@dataclass
class Ledger:
    promises: dict[str, Promise] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    """Every id that was ever posted, answered or not."""
    refused: list[str] = field(default_factory=list)
    """Codes that a client was answered instead of 202: there should be none."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, promise: Promise) -> None:
        with self.lock:
            self.promises[promise.id] = promise

    def __len__(self) -> int:
        return len(self.promises)


def findings(ledger: Ledger, network: LocalNetwork) -> list[str]:
    """Everything that is not as promised, in words. Empty when every message answered 202 was consigned
    exactly once, and its consignment and retrieval evidence is at the sender and verifies."""
    described = network.description
    codes = [node["code"] for node in described["nodes"]]
    sides = {code: _Side(network, code) for code in codes}
    directories = {code: _directory(network, code, described["charter_digest"]) for code in codes}
    found = [f"a client was refused: {code}" for code in ledger.refused]
    for promise in list(ledger.promises.values()):
        sender, recipient = sides[promise.sender_node], sides[promise.recipient_node]
        found += [
            f"{promise.id} ({promise.during}): {fault}"
            for fault in _faults(promise, sender, recipient, directories[promise.sender_node])
        ]
    for code, side in sides.items():
        found += [
            f"{code} holds a message that nobody posted: {id_}" for id_ in set(side.messages) - ledger.asked
        ]
        found += [f"{code} quarantined {count} envelopes: {what}" for what, count in side.quarantined.items()]
    for sender, recipient in (("it", "ro"), ("ro", "it")):
        ours, theirs = (sides[code].channels.get((sender, recipient)) for code in (sender, recipient))
        if ours != theirs:
            found.append(f"the channel {sender}-{recipient} ends at {ours} here and at {theirs} there")
    return found


def owed(network: LocalNetwork) -> int:
    """Outbox rows that still wait for the other node's word."""
    return sum(
        int(network.rows(code, "SELECT count(*) FROM outbox WHERE state != 'done'")[0][0])
        for code in ("it", "ro")
    )


class _Side:
    """One node's database, read whole."""

    def __init__(self, network: LocalNetwork, code: str) -> None:
        self.messages = defaultdict(list)
        for row in network.rows(code, "SELECT id, direction, status, statement_digest FROM message"):
            self.messages[row["id"]].append(row)
        self.inbox = defaultdict(list)
        for row in network.rows(code, "SELECT * FROM inbox WHERE kind = 'content'"):
            self.inbox[row["id"]].append(row)
        self.evidence = defaultdict(list)
        for row in network.rows(code, "SELECT id, kind, token FROM evidence ORDER BY position"):
            self.evidence[row["id"]].append(row)
        self.manifests = defaultdict(set)
        for row in network.rows(code, "SELECT id, digest FROM sent_manifest"):
            self.manifests[row["id"]].add(row["digest"])
        self.quarantined = Counter(row["code"] for row in network.rows(code, "SELECT code FROM quarantine"))
        self.channels = {
            (row["sender_node"], row["recipient_node"]): (
                row["epoch"],
                row["count"],
                row["last"],
                row["chain"],
            )
            for row in network.rows(code, "SELECT * FROM channel ORDER BY epoch")
        }


def _faults(promise: Promise, sender: _Side, recipient: _Side, directory: Directory) -> list[str]:
    found = []
    sent = sender.messages[promise.id]
    if [row["statement_digest"] for row in sent] != [promise.statement_digest]:
        found.append(f"promised, and the sender's node has {len(sent)} such messages: lost")
    elif sent[0]["status"] != "retrieved":
        found.append(f"the sender's node says {sent[0]['status']}")
    came = [row["statement_digest"] for row in recipient.messages[promise.id]]
    if came != [promise.statement_digest]:
        found.append(f"the recipient has {len(came)} such messages: {'lost' if not came else 'not once'}")
    inbox = [(row["outcome"], row["statement_digest"]) for row in recipient.inbox[promise.id]]
    if inbox != [("consigned", promise.statement_digest)]:
        found.append(f"the recipient's inbox says {[outcome for outcome, _ in inbox]}")
    parties = Parties(
        sender_node=NodeCode(promise.sender_node),
        recipient_node=NodeCode(promise.recipient_node),
        recipient=Address(promise.recipient),
    )
    held = {row["token"]: row["kind"] for row in sender.evidence[promise.id]}
    if promise.submission_evidence not in held:
        found.append("the submission evidence that the client was given is not at the node")
    kinds = Counter(held.values())
    for kind in ("submission-accepted", "content-consigned", "content-retrieved"):
        if kinds[kind] != 1:
            found.append(f"the sender has {kind} {kinds[kind]} times")
    for token in {*held, promise.submission_evidence}:
        try:
            evidence = verify_evidence(token, directory, datetime.now(UTC), parties=parties)
        except Refused as reason:
            found.append(f"evidence does not verify: {reason.code}")
            continue
        found += _other_message(evidence, promise, sender.manifests[promise.id])
    return found


def _other_message(evidence: Evidence, promise: Promise, manifests: set[str]) -> list[str]:
    about = evidence.about
    found = []
    if (about.id, about.statement_digest) != (promise.id, promise.statement_digest):
        found.append(f"{evidence.kind.name} is about something else")
    if about.manifest_digest is not None and about.manifest_digest not in manifests:
        found.append(f"{evidence.kind.name} names a manifest that never left")
    return found


def _directory(network: LocalNetwork, code: str, charter_digest: str) -> Directory:
    documents: dict[str, Any] = {
        row["path"]: row["token"] for row in network.rows(code, "SELECT path, token FROM directory_document")
    }
    snapshot = network.rows(code, "SELECT token FROM directory_snapshot ORDER BY sequence DESC LIMIT 1")[0]
    read = {path: text for path, text in documents.items() if not path.startswith("net/")}
    return Directory.assemble(
        CoSigned.from_json(json.loads(documents["net/charter"])),
        charter_digest,
        [
            CoSigned.from_json(json.loads(text))
            for path, text in documents.items()
            if path.startswith("net/admission/")
        ],
        snapshot["token"],
        read,
        now=datetime.now(UTC),
    )
