"""What was done with keys, told to the node's journal.

The commands work on files, also while the node is stopped, and have no journal to write to. Each leaves a
note in `data_dir`/key-acts; the node's key worker writes it into the access journal and takes it away. What
the node does itself, after two people agreed, leaves the same note: a crash between the key and the commit
takes it from nobody's sight.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from service.access.actor import Via
from service.private_files import make_private_directory, write_private

__all__ = ["AT_THE_MACHINE", "Act", "KeyAct", "leave_note", "notes"]

AT_THE_MACHINE: Final = "administrator-at-the-machine"
_NOTES = "key-acts"

type Act = Literal["generate", "publish", "rotate", "retire", "revoke", "compromised", "destroy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAct:
    """`subject`: the owner, or the use of a sealing key, and the key's id where one was meant. `by`: who
    proposed it, or did it alone before the node's first start. `via`: how they came, as in the journal."""

    act: Act
    subject: str
    at: datetime
    by: str = AT_THE_MACHINE
    via: Via = "command"

    @property
    def action(self) -> str:
        """As the journal names it."""
        return f"keys.{self.act}"


def leave_note(data_dir: Path, act: KeyAct) -> None:
    directory = make_private_directory(data_dir / _NOTES)
    name = f"{act.at:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}.json"
    said = {"act": act.act, "subject": act.subject, "at": act.at.isoformat(), "by": act.by, "via": act.via}
    write_private(directory / name, json.dumps(said).encode())


def notes(data_dir: Path) -> Iterable[tuple[KeyAct, Callable[[], None]]]:
    """Oldest first, each with how to take it away. One that cannot be read is passed over."""
    for file in sorted((data_dir / _NOTES).glob("*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            act = KeyAct(
                act=said["act"],
                subject=said["subject"],
                at=datetime.fromisoformat(said["at"]),
                by=said.get("by", AT_THE_MACHINE),
                via=said.get("via", "command"),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
        yield act, file.unlink
