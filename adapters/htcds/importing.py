"""A workbook to the node: a dry run, or a case and a notification for each row.

What makes a row the same is what would be sent of it, not where it stands nor what else is in it: its ids
follow from that and from the memory's secret. So the same file again, or the rest of one that was
interrupted, makes nothing twice. A row that may be about the child of another row opens no case: a person
says whether it is another child. The report names rows by number and columns by name, and shows no value.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import secrets
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from adapters.htcds.columns import Header
from adapters.htcds.mapping import REASONS, Note, Understood, understand
from adapters.htcds.workbook import Row, Workbook, guarded
from adapters.kit import Desk, Health, State
from adapters.kit.pace import Backoff
from protocol.identifiers import new_case_reference
from service.client import NodeUnreachable, Problem, Submission

__all__ = ["VERSION", "Line", "Refusal", "Report", "Stopped", "Totals", "Wanted", "bring_in", "report_to"]

VERSION: Final = "1"
_AT_ONCE: Final = 8
_MOST_TRIES: Final = 8
_LATER: Final = frozenset({408, 425, 429})
_TYPE: Final = "case.notification"
_UNSETTLED: Final = "safeguard.international_protection"
"""The node takes nothing for the State of origin while the protection status of the case blocks it. A program
settles no such status: the case is there, two people do, and the row is sent the next time."""

_REASONS: Final = {
    "would-be-sent": "the node finds nothing wrong with it, as far as it can say before there is a case",
    "not-sent": "nothing was sent",
    "sent": "a case was opened and the State of origin is notified",
    "held": "a case was opened; when two people have settled its protection status, give the same file again",
    "waiting": "a case was opened; the notification waits for a second person",
    "already": "sent before, and not again",
    "undecided": "nothing was done: look whether it is the child of another row. Is it another one: "
    "--another-child with this row's number",
    "refused": "the node refuses it",
}


class Stopped(Exception):
    """Nothing is wrong with the rows: the node does not answer, or not this adapter. What was done is kept,
    and the same command goes on from there."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refusal(Exception):
    """It is not begun. `code` is stable."""

    def __init__(self, code: str, hint: str) -> None:
        super().__init__(f"{code}: {hint}")
        self.code, self.hint = code, hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`declares_no_danger`: a person has said, of every row of this file, that to notify the State of origin
    endangers nobody. `another_child`: numbers of rows of which a person has said that no row before is about
    the same child."""

    office: str
    send: bool = False
    declares_no_danger: bool = False
    first_contact_declared: bool = False
    with_identity: bool = True
    another_child: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    row: int
    outcome: str
    code: str = ""
    column: str = ""
    reason: str = ""
    case: str = ""
    """Of the row, by its reference, for those who work on it."""


@dataclass(slots=True)
class Totals:
    """`rows` by outcome; `cells` by what became of them."""

    rows: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)


type Report = Callable[[Line], None]


@contextlib.contextmanager
def report_to(path: Path | None) -> Iterator[Report]:
    """A CSV file for its owner alone; nothing for None."""
    if path is None:
        yield lambda _: None
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["row", "outcome", "code", "column", "reason", "case"])
        yield lambda line: rows.writerow(
            [line.row, *map(guarded, (line.outcome, line.code, line.column, line.reason, line.case))]
        )


_PARTS: Final = 3
_PART: Final = 4
_NO_PART: Final = b"\0" * _PART
_KNOWN: Final = 16 + _PARTS * _PART
_MOST_NAMESAKES: Final = 1_000
"""Of more than that a person looks at each: to compare all of them with all would not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Who a row is about, in keyed digests. `named`: of the name, however it is written. `known`: the row's
    message, then one digest each of year, month and day of birth, as far as they are known."""

    named: bytes
    known: bytes

    @property
    def position(self) -> str:
        return f"person/{self.named.hex()}"

    def is_in(self, others: bytes) -> bool:
        """Whether this very row is among them."""
        return any(other[:16] == self.known[:16] for other in _each(others))

    def may_be_in(self, others: bytes) -> bool:
        """Whether one of them may be the same child: of what is known of both births at most one part is
        another, as when somebody corrected it."""
        if len(others) >= _MOST_NAMESAKES * _KNOWN:
            return True
        return any(sum(map(_differ, _parts(self.known), _parts(other))) <= 1 for other in _each(others))


def _each(known: bytes) -> Iterator[bytes]:
    return (known[at : at + _KNOWN] for at in range(0, len(known), _KNOWN))


def _parts(known: bytes) -> list[bytes]:
    return [known[at : at + _PART] for at in range(16, _KNOWN, _PART)]


def _differ(one: bytes, other: bytes) -> bool:
    return one != other and _NO_PART not in (one, other)


def _plain(name: str) -> str:
    """Without accents, spaces, capitals and order: a name that was corrected in these is the same."""
    apart = unicodedata.normalize("NFKD", name)
    bare = "".join(character for character in apart if not unicodedata.combining(character))
    return " ".join(sorted(bare.casefold().replace("-", " ").split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    row: Row
    said: Understood
    message: str
    case: str
    same_person: bool = False
    person: _Person | None = None


async def bring_in(
    workbook: Workbook,
    desk: Desk,
    wanted: Wanted,
    report: Report,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Totals:
    """`progress` is told the number of the last row that is settled. Raises Refusal, Stopped,
    WorkbookError."""
    if wanted.send and not wanted.declares_no_danger:
        raise Refusal(
            "import.no_danger_not_declared",
            "a person declares that these notifications endanger nobody: --declare-no-danger",
        )
    return await _Import(workbook.header, desk, wanted, report, progress).run(workbook.rows())


class _Import:
    def __init__(
        self, header: Header, desk: Desk, wanted: Wanted, report: Report, progress: Callable[[int], None]
    ) -> None:
        self._header, self._desk, self._wanted = header, desk, wanted
        self._report, self._progress = report, progress
        self._own = wanted.office.partition(".")[0]
        # All that is kept of every row: as bytes, because there may be many.
        self._seen: dict[bytes, int] = {}
        self._persons: dict[bytes, bytes] = {}
        self._landings: dict[str, str | Problem] = {}
        self._totals = Totals()
        self._since = desk.now()
        self._told: datetime | None = None

    async def run(self, rows: Iterator[Row]) -> Totals:
        await self._tell(State.WELL)
        try:
            await self._require_office()
            while some := [self._prepare(row) for row in islice(rows, _AT_ONCE)]:
                for one, lines in zip(some, await self._all(some), strict=True):
                    self._account(one, lines)
                self._progress(some[-1].row.number)
                await self._tell(State.WELL)
        except Stopped as stopped:
            self._say(State.NODE_AWAY, stopped.code)
            raise
        await self._tell(State.STOPPED)
        return self._totals

    async def _all(self, some: list[_Prepared]) -> list[list[Line]]:
        tasks = [asyncio.ensure_future(self._one(one)) for one in some]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _require_office(self) -> None:
        """As the node will: before a case is opened that nobody may notify from."""
        own = await self._asked(lambda: self._desk.node.authorities(state=self._own, procedure="case"))
        if self._wanted.office not in {authority["address"] for authority in own}:
            raise Refusal("import.office", "the directory has no such office that may notify")

    def _prepare(self, row: Row) -> _Prepared:
        memory = self._desk.memory
        said = self._understood(row, with_identity=self._wanted.with_identity)
        # Whether identity is sent is a setting, and makes no other row of it.
        whole = said if self._wanted.with_identity else self._understood(row, with_identity=True)
        content = json.dumps([whole.coded, whole.identity], sort_keys=True)
        mark = UUID(memory.message_id("htcds-content", content)).bytes
        self._seen[mark] = self._seen.get(mark, 0) + 1
        which = str(self._seen[mark])
        message = memory.message_id("htcds-message", content, which)
        person = None if said.coded is None else self._person_of(whole, message)
        same = False
        if person is not None:
            kept, here = self._kept(person), self._persons.get(person.named, b"")
            same = not person.is_in(kept) and person.may_be_in(kept + here)
            if len(here) < _MOST_NAMESAKES * _KNOWN:
                self._persons[person.named] = here + person.known
        return _Prepared(
            row=row,
            said=said,
            message=message,
            case=memory.message_id("htcds-case", content, which),
            person=person,
            same_person=same,
        )

    def _understood(self, row: Row, *, with_identity: bool) -> Understood:
        return understand(
            row.cells,
            self._header,
            own_state=self._own.upper(),
            today=self._desk.now().date(),
            first_contact_declared=self._wanted.first_contact_declared,
            with_identity=with_identity,
        )

    def _person_of(self, said: Understood, message: str) -> _Person | None:
        """None where the row has no name: nothing tells then whether two rows are about one child."""
        if said.identity is None:
            return None
        person = said.identity["persons"][0]
        name = _plain(person["names"][0]["full"])
        parts = dict(enumerate(str(person.get("born", "")).split("-")))
        return _Person(
            named=self._mark("htcds-person", name),
            known=UUID(message).bytes
            + b"".join(
                self._mark("htcds-born", name, str(at), parts[at])[-_PART:] if parts.get(at) else _NO_PART
                for at in range(_PARTS)
            ),
        )

    def _mark(self, *names: str) -> bytes:
        return UUID(self._desk.memory.message_id(*names)).bytes[-8:]

    def _kept(self, person: _Person) -> bytes:
        """Of the rows before that have the name, as it is remembered."""
        return bytes.fromhex(self._desk.memory.position(person.position) or "")

    async def _one(self, one: _Prepared) -> list[Line]:
        """What became of the row, in one line or more."""
        number, said, memory = one.row.number, one.said, self._desk.memory
        if said.coded is None:
            return [
                Line(row=number, outcome="not-sent", code=code, reason=REASONS[code]) for code in said.stops
            ]
        if memory.outcome("to-node", one.message) is not None:
            return [Line(row=number, outcome="already", reason=_REASONS["already"])]
        if one.same_person and number not in self._wanted.another_child:
            return [
                Line(row=number, outcome="undecided", code="row.same_person", reason=_REASONS["undecided"])
            ]
        try:
            outcome, code, case = await self._brought(one)
        except Problem as problem:
            return [
                Line(row=number, outcome="refused", code=f"node.{problem.code}", reason=_REASONS["refused"])
            ]
        except _Unacceptable as unacceptable:
            return [
                Line(row=number, outcome="refused", code=f"node.{code}", reason=_REASONS["refused"])
                for code in unacceptable.codes
            ]
        return [Line(row=number, outcome=outcome, code=code, reason=_REASONS[outcome], case=case)]

    async def _brought(self, one: _Prepared) -> tuple[str, str, str]:
        """What became of it, the code of why, and the case's reference."""
        node, memory = self._desk.node, self._desk.memory
        recipient = await self._landing(str(one.said.country))
        draft = self._submission(one, new_case_reference(secrets.token_bytes), recipient)
        # Before a case is opened that nothing could be said of. That there is no such case is the last thing
        # that the node finds out: all that can be wrong with the row itself comes before.
        try:
            said = await self._asked(lambda: node.validate(draft))
        except Problem as problem:
            if problem.code != "request.not_found":
                raise
        else:
            if not said["acceptable"]:
                raise _Unacceptable([refusal["code"] for refusal in said["refusals"]])
        if not self._wanted.send:
            return "would-be-sent", "", ""
        if one.person is not None and not one.person.is_in(kept := self._kept(one.person)):
            # Before there is a case: after a kill the row may come again with something else in it.
            memory.reached(one.person.position, (kept + one.person.known).hex())
        case = await self._asked(lambda: node.open_case(one.case))
        reference = case["reference"]
        submission = self._submission(one, reference, recipient)
        try:
            status: str = (await self._asked(lambda: node.send(submission)))["status"]
        except Problem as problem:
            if problem.code == _UNSETTLED:
                memory.set_aside("to-node", one.message, f"node.{_UNSETTLED}", self._desk.now())
                return "held", f"node.{_UNSETTLED}", reference
            if problem.code != "id_reused":
                raise
            # Said before a kill, when a setting or the directory was another: it is said.
            status = "accepted"
        outcome = "waiting" if status == "awaiting-approval" else "sent"
        memory.settle("to-node", one.message, outcome, self._desk.now())
        return outcome, "", reference

    def _submission(self, one: _Prepared, case: str, recipient: str) -> Submission:
        submission: dict[str, Any] = {
            "id": one.message,
            "case": case,
            "type": _TYPE,
            "sender": self._wanted.office,
            "recipient": recipient,
            "declares_no_danger": self._wanted.declares_no_danger,
            "coded": one.said.coded,
        }
        if one.said.identity is not None:
            submission["identity"] = one.said.identity
        return cast("Submission", submission)

    async def _landing(self, country: str) -> str:
        if country not in self._landings:
            try:
                self._landings[country] = await self._asked(
                    lambda: self._desk.node.landing(country.lower(), "case")
                )
            except Problem as problem:
                self._landings[country] = problem
        found = self._landings[country]
        if isinstance(found, Problem):
            raise found
        return found

    async def _asked[T](self, ask: Callable[[], Awaitable[T]]) -> T:
        """The node's answer, asked no faster than the settings allow, and again where it was busy or away."""
        backoff = Backoff()
        while True:
            await self._desk.pace.wait()
            try:
                return await ask()
            except NodeUnreachable:
                code = "node.unreachable"
            except Problem as problem:
                if problem.status in (401, 403) and problem.code != "access.not_your_authority":
                    raise Stopped(f"node.{problem.code}") from None
                if problem.status < 500 and problem.status not in _LATER:
                    raise
                code = f"node.{problem.code}"
            if backoff.failed >= _MOST_TRIES:
                raise Stopped(code)
            now = self._desk.now()
            await asyncio.sleep((backoff.failure(now) - now).total_seconds())

    def _account(self, one: _Prepared, lines: list[Line]) -> None:
        self._totals.rows[lines[0].outcome] += 1
        for line in lines:
            self._report(line)
        for note in one.said.notes:
            self._totals.cells[note.standing] += 1
            self._report(_line(one.row.number, note))

    async def _tell(self, state: State) -> None:
        """How it is, to the operator. Who does not hear it sees that."""
        now, settings = self._desk.now(), self._desk.settings
        if (
            state is State.WELL
            and self._told is not None
            and (now - self._told).total_seconds() < settings.report_seconds
        ):
            return
        self._told = now
        health = self._say(state)
        with contextlib.suppress(Problem, NodeUnreachable):
            await self._desk.node.report_adapter(health.adapter, health.to_json())

    def _say(self, state: State, code: str | None = None) -> Health:
        memory, now = self._desk.memory, self._desk.now()
        aside = memory.aside_count()
        if state is State.WELL and aside:
            state = State.SET_ASIDE
        health = Health(
            adapter=self._desk.settings.name,
            version=VERSION,
            state=state,
            since=self._since,
            code=code,
            set_aside=aside,
            counts={f"{way} {word}": number for (way, word), number in memory.counts().items()},
        )
        memory.say(health.to_json(), now)
        return health


class _Unacceptable(Exception):
    def __init__(self, codes: list[str]) -> None:
        super().__init__("the node would refuse it")
        self.codes = codes


def _line(row: int, note: Note) -> Line:
    return Line(row=row, outcome=note.standing, code=note.code, column=note.column, reason=REASONS[note.code])
