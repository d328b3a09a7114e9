"""The directory as a file, for a machine that reaches no node: to verify there what was carried by hand.

    {"format": "focalpoint-directory", "version": 1, "charters": [...], "admissions": [...],
     "snapshot": "<JWS>", "entries": [{"path": ..., "token": ...}]}

Nothing in it is secret, and whoever brings it vouches for nothing: it is believed as far as the charter leads
whose digest the reader was given. It is as old as its snapshot. That a key was stolen later, it cannot say.
"""

from __future__ import annotations

from typing import Final

from protocol.directory.lookup import Directory
from protocol.directory.trust import verify_charters, verify_snapshot
from protocol.errors import NotAcceptable
from protocol.json_strict import Json, dumps, parse_object
from protocol.statements import CoSigned, digest

__all__ = ["MOST_BYTES", "read_directory", "write_directory"]

FORMAT: Final = "focalpoint-directory"
VERSION: Final = 1
MOST_BYTES: Final = 64 << 20
_MALFORMED: Final = "directory.malformed"


def write_directory(directory: Directory) -> bytes:
    """With all that it remembers: former versions say whose a former key was."""
    archive = directory.archive
    return dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "charters": [one.to_json() for one in directory.charter_documents],
            "admissions": [
                cosigned.to_json() for pairs in archive.admissions.values() for _, cosigned in pairs
            ],
            "snapshot": directory.snapshot.token,
            "entries": [{"path": held.entry.path, "token": held.token} for held in archive.held.values()],
        }
    )


def read_directory(data: bytes, charter_digest: str) -> Directory:
    """As of its snapshot, however long ago that was. What of its history does not verify is in `forgotten`.

    Refuses `directory.malformed`, and as `Directory.assemble`.
    """
    body = parse_object(data, max_bytes=MOST_BYTES, max_depth=8)
    token = body.get("snapshot")
    if (body.get("format"), body.get("version")) != (FORMAT, VERSION) or not isinstance(token, str):
        raise NotAcceptable(
            _MALFORMED, "expected a directory file, as `focalpoint directory export` writes it"
        )
    charters = [CoSigned.from_json(row) for row in _rows(body, "charters")]
    admissions = [CoSigned.from_json(row) for row in _rows(body, "admissions")]
    entries = [(str(row.get("path")), str(row.get("token"))) for row in _rows(body, "entries")]
    snapshot = verify_snapshot(token, verify_charters(charters, charter_digest))
    listed = set(snapshot.entries.items())
    current = Directory.assemble(
        charters,
        charter_digest,
        admissions,
        token,
        {path: one for path, one in entries if (path, digest(one.encode())) in listed},
        now=snapshot.issued_at,
    )
    return current.with_history(entries, admissions=admissions)


def _rows(body: Json, name: str) -> list[Json]:
    rows = body.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise NotAcceptable(_MALFORMED, f"expected a list of objects in `{name}`")
    return rows
