"""Signed entries of this State on their way to be laid out: checked as others will check them, and against
the entry that they were made to follow.

Between a proposal and its approval the directory may have changed. What was previewed then is not what would
happen now, so it is refused and proposed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocol.directory import Directory
from protocol.directory.entries import Entry
from protocol.directory.trust import Admission, verify_entry
from protocol.errors import NotAcceptable
from protocol.statements import StatementType, read
from service.directory.laid_out import lay_out, read_entries
from service.directory.own_entries import claims_of
from service.errors import Conflict
from service.node import Node

__all__ = [
    "Standing",
    "digest_of",
    "lay_out_entries",
    "member_of_node",
    "require_base",
    "standing",
    "verified",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What this State says at a path now. `digest` is empty where it says nothing yet."""

    digest: str
    claims: Mapping[str, Any] | None = field(hash=False)
    laid: bool

    @property
    def said(self) -> Mapping[str, Any]:
        """Its metadata."""
        return {} if self.claims is None else next(iter(self.claims["metadata"].values()))


def standing(node: Node, directory: Directory, path: str) -> Standing:
    """What was laid out, which the directory may not have yet; else what the directory has."""
    laid = read_entries(node.settings.data_dir).get(path)
    newest = directory.archive.newest(path)
    token = laid if laid is not None else None if newest is None else newest.token
    return Standing(
        digest="" if token is None else digest_of(token),
        claims=None if token is None else claims_of(token),
        laid=laid is not None,
    )


def digest_of(token: str) -> str:
    return read(token, typ=StatementType.STATE_ENTRY).digest


def require_base(now: Standing, base: str) -> None:
    """Conflict `access.base_changed` where something else was published since."""
    if now.digest != base and (now.laid or base):
        raise Conflict(
            "access.base_changed",
            "this entry has changed since it was proposed; look at it and propose anew",
        )


def member_of_node(node: Node) -> str:
    return node.code if node.state == "int" else node.state


def admission_of(directory: Directory, node: Node) -> Admission:
    """Refuses `directory.not_admitted`."""
    admission = directory.archive.admission(member_of_node(node))
    if admission is None:
        raise NotAcceptable("directory.not_admitted", f"{member_of_node(node)} is not admitted")
    return admission


def verified(node: Node, directory: Directory, path: str, token: str, now: Standing) -> Entry:
    """The entry, as every other node would take it today.

    Refuses as `verify_entry`, `directory.root_key_revoked`, `directory.entry_expired`,
    `directory.entry_rollback` for one that is no newer than the last.
    """
    entry, root = verify_entry(path, token, directory.charter, admission_of(directory, node))
    if root.revoked_at is not None:
        raise NotAcceptable("directory.root_key_revoked", f"root key {root.kid} was revoked")
    if entry.expires_at <= node.clock.now():
        raise NotAcceptable("directory.entry_expired", f"the entry at {path} is over already")
    newest = directory.archive.newest(path)
    older = newest is not None and entry.issued_at <= newest.entry.issued_at and entry != newest.entry
    laid_later = (
        now.claims is not None and claims_of(token)["iat"] <= now.claims["iat"] and entry.digest != now.digest
    )
    if older or laid_later:
        raise NotAcceptable("directory.entry_rollback", f"a newer entry at {path} was seen")
    return entry


def lay_out_entries(node: Node, entries: Mapping[str, str], bases: Mapping[str, str]) -> tuple[str, ...]:
    """Lay all of them out, or none. Their digests. Refuses as `verified` and `require_base`.

    What lies there already, because a crash came between the file and the commit, is passed over.
    """
    directory = node.directory.current()
    for path, token in entries.items():
        there = standing(node, directory, path)
        if there.digest != digest_of(token):
            require_base(there, bases.get(path, ""))
        verified(node, directory, path, token, there)
    for path, token in entries.items():
        lay_out(node.settings.data_dir, path, token)
    return tuple(digest_of(token) for token in entries.values())
