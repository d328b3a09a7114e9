"""The directory material that travels along: the charter that the verifier knows by its digest, and under it
admissions, snapshots, entries and checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from protocol.bundle.coverage import Coverage, read_checkpoint, verify_checkpoint
from protocol.bundle.findings import Findings
from protocol.bundle.sections import Sections, row_of
from protocol.directory import (
    Archive,
    Charter,
    CorridorEntry,
    MandateEntry,
    Owner,
    Snapshot,
    verify_admission,
    verify_charters,
    verify_snapshot,
)
from protocol.directory.entries import Entry
from protocol.errors import NotAcceptable, Refused
from protocol.statements import CoSigned

__all__ = ["Material", "verify_charter", "verify_material"]

type Covered = Callable[[Coverage], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What of it was verified. `snapshots`: by digest."""

    archive: Archive
    snapshots: Mapping[str, Snapshot]
    coverages: Sequence[Coverage]

    def require_covered(self, owner: Owner, kid: str, covered: Covered) -> None:
        """Refuses `statement.not_covered` for what a stolen key signed, unless a checkpoint that counts
        shows that it was there."""
        cut_off = self.archive.cut_off(owner, kid)
        if cut_off is None:
            return
        if not any(one.counts_for(cut_off) and covered(one) for one in self.coverages):
            raise NotAcceptable(
                "statement.not_covered",
                f"key {kid} of {owner} was stolen, and no checkpoint that another State's node gave before"
                f" {cut_off.at:%Y-%m-%d} shows that this was there",
            )


def verify_charter(sections: Sections, charter_digest: str) -> Charter:
    """Refuses as `verify_charters`, and `bundle.malformed` when `charter` is not the newest in the file."""
    newest = CoSigned.from_json(sections.document.mapping("charter"))
    earlier = [CoSigned.from_json(one) for one in sections.optional("charters")]
    charter = verify_charters([newest, *earlier], charter_digest)
    if charter.digest != newest.digest:
        raise NotAcceptable("bundle.malformed", "expected the newest charter in `charter`")
    return charter


def verify_material(sections: Sections, charter: Charter, known: Archive | None) -> Material:
    """What can be verified under `charter`; the rest is found. `known`: as in `verify_bundle`."""
    start = _with_known(Archive.empty(charter), known, sections.findings)
    archive, snapshots = _directory(start, sections)
    return Material(archive=archive, snapshots=snapshots, coverages=_coverages(archive, sections))


def _with_known(archive: Archive, known: Archive | None, findings: Findings) -> Archive:
    if known is None:
        return archive
    ours, theirs = known.charter, archive.charter
    if {one.digest for one in (ours, *ours.earlier)}.isdisjoint(
        {one.digest for one in (theirs, *theirs.earlier)}
    ):
        findings.found(
            "directory.wrong_charter",
            "charter",
            "the verifier's own directory does not lead to this charter",
        )
        return archive
    return archive.adding(
        admissions=[one for pairs in known.admissions.values() for one in pairs],
        entries=known.held.values(),
    )


def _directory(archive: Archive, sections: Sections) -> tuple[Archive, dict[str, Snapshot]]:
    snapshots: dict[str, Snapshot] = {}
    for position, value in enumerate(sections.array("admissions")):
        try:
            cosigned = CoSigned.from_json(value)
            archive = archive.adding(admissions=[(verify_admission(cosigned, archive.charter), cosigned)])
        except Refused as refused:
            sections.findings.refused(refused, f"admissions/{position}")
    for position, token in enumerate(sections.texts("snapshots")):
        try:
            snapshot = verify_snapshot(token, archive.charter)
            snapshots[snapshot.digest] = snapshot
        except Refused as refused:
            sections.findings.refused(refused, f"snapshots/{position}")
    listed = {one for snapshot in snapshots.values() for one in snapshot.entries.values()}
    for position, value in enumerate(sections.array("entries")):
        try:
            claims = row_of(value)
            token = claims.text("token")
            held = archive.verify(claims.text("path"), token, snapshots=snapshots.values())
            archive = archive.adding(entries=[held])
            if held.entry.digest not in listed and not _is_cited(held.entry, sections):
                raise NotAcceptable("bundle.unlisted", "no snapshot in the bundle lists this entry")
        except Refused as refused:
            sections.findings.refused(refused, f"entries/{position}")
    return archive, snapshots


def _is_cited(entry: Entry, sections: Sections) -> bool:
    """An entry that only a signed message vouches for serves as that message's calendar, or for the
    corridor profile in it, which two States signed."""
    if isinstance(entry, MandateEntry):
        return any(
            claims.get("via") is not None and str(claims.get("iss")).startswith(f"{entry.state}.")
            for claims in sections.said_claims()
        )
    cited = (
        ("corridor_profile", entry.facts.profile_digest)
        if isinstance(entry, CorridorEntry)
        else ("recipient_entry", entry.digest)
    )
    return any(claims.get(cited[0]) == cited[1] for claims in sections.said_claims())


def _coverages(archive: Archive, sections: Sections) -> list[Coverage]:
    coverages: list[Coverage] = []
    for position, value in enumerate(sections.optional("checkpoints")):
        try:
            claims = row_of(value)
            coverages.append(verify_checkpoint(read_checkpoint(claims), archive))
        except Refused as refused:
            sections.findings.refused(refused, f"checkpoints/{position}")
    return coverages
