"""When the database was last copied, as `focalpoint backup` notes it beside the ledger: the copy itself may
be anywhere."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from service.private_files import write_private

__all__ = ["last_backup", "note_backup"]

_NAME = "last-backup.json"


def note_backup(ledger_dir: Path, at: datetime) -> None:
    """Where there is no ledger yet, no node has run, and nothing is noted."""
    if ledger_dir.is_dir():
        write_private(ledger_dir / _NAME, json.dumps({"at": at.isoformat()}).encode())


def last_backup(ledger_dir: Path) -> datetime | None:
    """None when it is not known: backups may be made by other means."""
    try:
        found = json.loads((ledger_dir / _NAME).read_bytes())
        return datetime.fromisoformat(found["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
