"""The file itself: what goes into a bundle, and who is needed to verify it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from protocol import base64url, statements
from protocol.agreement import Agreement
from protocol.bundle.coverage import Checkpoint
from protocol.claims import Claims, seconds_of
from protocol.directory import (
    Archive,
    CorridorEntry,
    Directory,
    MandateEntry,
    OtherEntry,
    Owner,
    Snapshot,
    verify_snapshot,
)
from protocol.directory.archive import Held
from protocol.directory.entries import Entry, split_path
from protocol.evidence import read_evidence
from protocol.identifiers import Address, CaseReference, MessageId, NodeCode
from protocol.json_strict import Json, dumps, parse_object
from protocol.reconciliation import read_reconciliation
from protocol.statements import SigningKey, StatementType, Unverified, digest, read

__all__ = [
    "DIRECTORY_SECTIONS",
    "FORMAT",
    "VERSION",
    "BundleMessage",
    "ClearHeader",
    "clear_header",
    "digest_of",
    "export_bundle",
    "member_digest",
]

FORMAT = "focalpoint-evidence-bundle"
VERSION = 1
DIRECTORY_SECTIONS = ("admissions", "snapshots", "entries")
"""The lists of directory material; the index names each member by its digest, as it names the charter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleMessage:
    """What a node holds of one message: tokens as received, evidence in the order in which it came."""

    sender_node: NodeCode
    id: MessageId
    statement: str | None
    manifests: tuple[str, ...]
    evidence: tuple[str, ...]


def export_bundle(
    *,
    exporter: NodeCode,
    case: CaseReference,
    directory: Directory,
    messages: Sequence[BundleMessage],
    snapshots: Iterable[str],
    exported_at: datetime,
    key: SigningKey,
    agreement: Agreement | None = None,
    checkpoints: Sequence[Checkpoint] = (),
) -> bytes:
    """The bundle's bytes. `messages` in the order of the case. With `agreement` it is the export of that one.

    `checkpoints`: what shows that something was there before the key that signed it was stolen.

    `snapshots`: the tokens of those that the evidence cites; the current one goes along by itself. Entries
    are taken from `directory` and its history: load the history first (`Directory.with_history`).
    """
    tokens = {digest(token.encode("ascii")): token for token in (*snapshots, directory.snapshot.token)}
    charter = directory.charter
    known = [verify_snapshot(token, charter) for token in tokens.values()]
    witnesses = {_issuer(one) for one in checkpoints}
    owners = _owners(messages) | {exporter} | witnesses
    entries = [
        *_entries_needed(directory.archive, known, owners, _cited(messages, "recipient_entry")),
        *_profiles(directory.archive, _cited(messages, "corridor_profile")),
        *_mandates(directory.archive, messages),
    ]
    members = {split_path(held.entry.path)[0] for held in entries}
    # A profile counts by the root keys of both, whichever of them published it.
    members |= {
        state
        for held in entries
        if isinstance(held.entry, CorridorEntry)
        for state in held.entry.facts.terms.states
    }
    earlier = [one for one in directory.charter_documents if one.digest != charter.digest]
    material: Json = {
        "charter": next(one.to_json() for one in directory.charter_documents if one.digest == charter.digest),
        "admissions": [
            cosigned.to_json()
            for member in sorted(members)
            for _, cosigned in directory.archive.admissions.get(member, ())
        ],
        "snapshots": [one.token for one in sorted(known, key=lambda one: one.sequence)],
        "entries": [{"path": held.entry.path, "token": held.token} for held in entries],
    }
    index: Json = {
        "iss": exporter,
        "iat": seconds_of(exported_at),
        "case": case,
        "charter": charter.digest,
        # A threshold is reached without every signature, and a spare one altered would else go unnoticed.
        "material": {
            "charter": member_digest(material["charter"]),
            **{name: [member_digest(one) for one in material[name]] for name in DIRECTORY_SECTIONS},
            **({"charters": [member_digest(one.to_json()) for one in earlier]} if earlier else {}),
            **({"checkpoints": [member_digest(one.to_json()) for one in checkpoints]} if checkpoints else {}),
        },
        "messages": [_listed(message) for message in messages],
        **({} if agreement is None else {"agreement": agreement.digest}),
    }
    document: Json = {
        "format": FORMAT,
        "version": VERSION,
        **material,
        "messages": [
            {
                "sender": message.sender_node,
                "id": message.id,
                "statement": message.statement,
                "manifests": list(message.manifests),
                "evidence": list(message.evidence),
            }
            for message in messages
        ],
        # Whoever was given the digest of one of these follows the rotations from there.
        **({"charters": [one.to_json() for one in earlier]} if earlier else {}),
        **({"checkpoints": [one.to_json() for one in checkpoints]} if checkpoints else {}),
        **({} if agreement is None else {"agreement": agreement.to_json()}),
        "index": statements.sign(StatementType.BUNDLE_INDEX, index, key),
    }
    return dumps(document)


def _listed(message: BundleMessage) -> Json:
    return {
        "sender": message.sender_node,
        "id": message.id,
        "statement": None if message.statement is None else digest_of(message.statement),
        "manifests": [digest_of(token) for token in message.manifests],
        "evidence": [digest_of(token) for token in message.evidence],
    }


def _owners(messages: Iterable[BundleMessage]) -> set[Owner]:
    owners: set[Owner] = set()
    for message in messages:
        owners.add(message.sender_node)
        for token in message.evidence:
            owners.add(read_evidence(read(token, typ=StatementType.EVIDENCE)).issuer)
        for token in message.manifests:
            owners.add(clear_header(read(token, typ=StatementType.MANIFEST)).recipient)
        if message.statement is not None:
            claims = Claims(
                read(message.statement, typ=StatementType.CONTENT).claims, code="bundle.malformed"
            )
            owners.update((Address(claims.text("iss")), Address(claims.text("aud"))))
            via = claims.text_or_none("via")
            if via is not None:
                owners.add(Address(via))
    return owners


def _issuer(checkpoint: Checkpoint) -> NodeCode:
    return read_reconciliation(read(checkpoint.token, typ=StatementType.RECONCILIATION)).issuer


def _cited(messages: Iterable[BundleMessage], claim: str) -> set[str]:
    """Digests of what statements cite: entries for their calendar, corridor profiles for their deadlines."""
    cited = set()
    for message in messages:
        if message.statement is not None:
            named = read(message.statement, typ=StatementType.CONTENT).claims.get(claim)
            if isinstance(named, str):
                cited.add(named)
    return cited


def _profiles(archive: Archive, cited: set[str]) -> list[Held]:
    """Every entry that has one of these: of two, one may bear a signature that the other lacks."""
    needed = [
        held
        for held in archive.held.values()
        if isinstance(held.entry, CorridorEntry) and held.entry.facts.profile_digest in cited
    ]
    return sorted(needed, key=lambda held: (held.entry.path, held.entry.issued_at))


def _mandates(archive: Archive, messages: Iterable[BundleMessage]) -> list[Held]:
    """Every version of the mandates under which an intermediary typed one of these."""
    states = set()
    for message in messages:
        if message.statement is not None:
            claims = read(message.statement, typ=StatementType.CONTENT).claims
            if claims.get("via") is not None:
                states.add(str(claims["iss"]).partition(".")[0])
    needed = [
        held
        for held in archive.held.values()
        if isinstance(held.entry, MandateEntry) and held.entry.state in states
    ]
    return sorted(needed, key=lambda held: (held.entry.path, held.entry.issued_at))


def _entries_needed(
    archive: Archive, snapshots: Iterable[Snapshot], owners: set[Owner], cited: set[str]
) -> list[Held]:
    listed = {entry_digest for snapshot in snapshots for entry_digest in snapshot.entries.values()}
    listed |= {
        one.digest for path in _paths(archive, owners) for one in _naming_theft(archive.versions(path))
    }
    needed = [
        held
        for entry_digest, held in archive.held.items()
        if not isinstance(held.entry, OtherEntry)
        and (entry_digest in cited or (held.entry.owner in owners and entry_digest in listed))
    ]
    return sorted(needed, key=lambda held: (held.entry.path, held.entry.issued_at))


def _paths(archive: Archive, owners: set[Owner]) -> set[str]:
    return {
        held.entry.path
        for held in archive.held.values()
        if not isinstance(held.entry, OtherEntry) and held.entry.owner in owners
    }


def _naming_theft(versions: Iterable[Entry]) -> Iterable[Entry]:
    """The first version that names each checkpoint: it shows since when the checkpoint was there."""
    known: set[tuple[str, str]] = set()
    for entry in versions:
        if isinstance(entry, OtherEntry):
            continue
        named = {(record.kid, one) for record in entry.signing_keys for one in record.checkpoints or ()}
        if named - known:
            known |= named
            yield entry


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearHeader:
    sender: NodeCode
    recipient: NodeCode
    id: MessageId
    sent_at: datetime


def clear_header(manifest: Unverified) -> ClearHeader:
    """What a verifier needs of the clear header in a manifest, whatever its minor version adds."""
    claims = Claims(manifest.claims, code="bundle.malformed")
    try:
        data = base64url.decode(claims.text("header").encode("ascii"))
    except ValueError:
        raise claims.wrong("header", "base64url") from None
    header = Claims(parse_object(data, max_bytes=4_096), code="bundle.malformed", at="/header")
    return ClearHeader(
        sender=NodeCode(header.text("from")),
        recipient=NodeCode(header.text("to")),
        id=MessageId(header.text("id")),
        sent_at=header.moment("sent_at"),
    )


def member_digest(value: object) -> str:
    """Of a member of the file, as the file writes it."""
    return digest(dumps(value))


def digest_of(token: str) -> str:
    return digest(token.encode("utf-8", "replace"))
