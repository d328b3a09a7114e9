"""What a restored backup must not bring back, kept outside the database and its backups (`ledger_dir`).

    erasures.jsonl   one line for each part of a case that was erased, and for each act that takes power away
                     or ends that (`Restraint`): appended, flushed to disk before the key goes and before
                     the act is committed, replayed at every start
    position.json    how far the database had come: an older one was put back from a copy

A line names no case and nobody. It has a keyed digest (HMAC-SHA-256) of the reference or the id, under a key
that follows from the node's key-encryption key and the ledger's own salt: whoever has the file alone cannot
tell which cases it names, not even by trying references. Lines are chained, so that one taken out or changed
is noticed; lines taken from the end are noticed as long as the position still counts them.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from protocol.identifiers import CaseReference
from protocol.retention import ERASABLE, ErasablePart
from service.errors import Misconfigured

__all__ = ["RESTRAINTS", "Erased", "Ledger", "Position", "Restraint", "Since"]

type Restraint = Literal["hold", "block", "person-disabled", "client-disabled"]
"""What takes power away and stands until it is ended: of a case, or of a person or a system."""

RESTRAINTS: Final = frozenset[str](get_args(Restraint.__value__))

_SALT_BYTES: Final = 32
_LABEL: Final = b"focalpoint erasure ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """One line. `case`: the keyed digest, as hex."""

    number: int
    at: str
    case: str
    part: ErasablePart


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """A restraint that stands. `reason`: a code, where the act has one."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the database had come.

    `starts`: how often a node has run on it. `outbox`, `evidence`: the highest rows. `erasures`: lines of the
    ledger, of every kind. `epoch`: the latest epoch that was opened on any channel.
    """

    starts: int = 0
    outbox: int = 0
    evidence: int = 0
    erasures: int = 0
    epoch: str = ""

    def is_behind(self, other: Position) -> bool:
        """Whether a database at this position is an older copy of one that was at `other`."""
        return (
            self.starts < other.starts
            or self.outbox < other.outbox
            or self.evidence < other.evidence
            or self.epoch < other.epoch
        )


class Ledger:
    """The files of one node. Misconfigured `ledger.damaged`, `ledger.wrong_key`, `ledger.permissions`."""

    def __init__(self, directory: Path, kek: bytes, *, salt: bytes) -> None:
        """`salt`: fresh random bytes, used where there is no ledger yet."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._path = directory / "erasures.jsonl"
        self._position = directory / "position.json"
        self._lock = threading.Lock()
        if not self._path.exists():
            _write_durably(self._path, _line({"salt": salt[:_SALT_BYTES].hex(), "check": _check(kek, salt)}))
        for path in (self._path, self._position):
            if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Misconfigured(
                    "ledger.permissions", "the ledger is open to other users; chmod it to 600"
                )
        head = self._lines()[0]
        kept = bytes.fromhex(str(head.get("salt", "")))
        if not hmac.compare_digest(str(head.get("check", "")), _check(kek, kept)):
            raise Misconfigured(
                "ledger.wrong_key", "the ledger was kept under another keystore; put them together again"
            )
        self._key = _key(kek, kept)
        if self.length() < self.position().erasures:
            raise Misconfigured("ledger.damaged", "lines of the ledger are gone; put the whole file back")

    def append(self, reference: CaseReference, part: ErasablePart, at: datetime) -> None:
        """On disk when this returns. What stands there already is not written twice."""
        with self._lock:
            if not self.names(reference, part):
                self._write({"at": _written(at), "case": self._named(reference), "part": part})

    def restrain(self, what: Restraint, subject: str, at: datetime, reason: str | None = None) -> None:
        """Note that power was taken away, before it is committed. On disk when this returns; what stands
        already is not written twice. `subject`: a reference or an id, of which a digest is written."""
        self._turn(what, subject, at, reason, standing=True)

    def release(self, what: Restraint, subject: str, at: datetime) -> None:
        """Note that it was ended. Nothing when it did not stand here."""
        self._turn(what, subject, at, None, standing=False)

    def restraints(self, what: Restraint) -> dict[str, Since]:
        """What stands, by `named(subject)`."""
        found: dict[str, Since] = {}
        for line in self._lines()[1:]:
            if line.get("restraint") == what:
                if line["standing"]:
                    found[line["subject"]] = Since(
                        at=datetime.fromisoformat(line["at"]), reason=line.get("reason")
                    )
                else:
                    found.pop(line["subject"], None)
        return found

    def length(self) -> int:
        """How many lines there are, but the first."""
        return len(self._lines()) - 1

    def erased(self) -> tuple[Erased, ...]:
        """Every line of an erasure, oldest first."""
        return tuple(
            Erased(
                number=line["number"],
                at=line["at"],
                case=line["case"],
                part=cast("ErasablePart", line["part"]),
            )
            for line in self._lines()[1:]
            if "part" in line
        )

    def names(self, reference: CaseReference, part: ErasablePart) -> bool:
        """Whether this part of the case was erased once."""
        named = self._named(reference)
        return any(line.case == named and line.part == part for line in self.erased())

    def parts_by_name(self) -> dict[str, set[ErasablePart]]:
        found: dict[str, set[ErasablePart]] = {}
        for line in self.erased():
            found.setdefault(line.case, set()).add(line.part)
        return found

    def named(self, subject: str) -> str:
        """What a line calls the case, the person or the system."""
        return self._named(subject)

    def position(self) -> Position:
        try:
            read: dict[str, Any] = json.loads(self._position.read_text("ascii"))
            return Position(**read)
        except FileNotFoundError:
            return Position()
        except (ValueError, TypeError) as error:
            raise Misconfigured("ledger.damaged", "position.json cannot be read") from error

    def keep_position(self, position: Position) -> None:
        """Replaced as a whole, on disk when this returns."""
        with self._lock:
            _write_durably(self._position, _line(asdict(position)))

    def _named(self, subject: str) -> str:
        return hmac.digest(self._key, str(subject).encode(), hashlib.sha256).hex()

    def _turn(
        self, what: Restraint, subject: str, at: datetime, reason: str | None, *, standing: bool
    ) -> None:
        with self._lock:
            if (self._named(subject) in self.restraints(what)) is not standing:
                row = {
                    "at": _written(at),
                    "restraint": what,
                    "standing": standing,
                    "subject": self._named(subject),
                }
                self._write(row if reason is None else {**row, "reason": reason})

    def _write(self, row: dict[str, Any]) -> None:
        lines = self._lines()
        row = {**row, "number": len(lines), "previous": _digest(lines[-1])}
        with self._path.open("r+b") as file:
            # What a power cut left half-written had not happened yet.
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
            file.write(_line(row))
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        for text in self._whole_lines():
            try:
                line = json.loads(text)
                chained = not lines or (
                    line["previous"] == _digest(lines[-1])
                    and line["number"] == len(lines)
                    and (line["part"] in ERASABLE if "part" in line else line["restraint"] in RESTRAINTS)
                )
            except (ValueError, TypeError, KeyError):
                chained = False
            if not chained:
                raise Misconfigured(
                    "ledger.damaged", f"line {len(lines) + 1} of the ledger is not what was written"
                )
            lines.append(line)
        if not lines:
            raise Misconfigured("ledger.damaged", "the ledger has lost its first line")
        return lines

    def _whole_lines(self) -> Iterator[bytes]:
        data = self._path.read_bytes()
        yield from data[: data.rfind(b"\n") + 1].splitlines()


def _key(kek: bytes, salt: bytes) -> bytes:
    return hmac.digest(kek, _LABEL + salt, hashlib.sha256)


def _check(kek: bytes, salt: bytes) -> str:
    return hmac.digest(_key(kek, salt), b"check", hashlib.sha256).hex()


def _written(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


def _digest(line: dict[str, Any]) -> str:
    return hashlib.sha256(_line(line)).hexdigest()


def _write_durably(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
