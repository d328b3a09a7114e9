"""What a check looks at: the message that is asked about, and the version of a solution that it concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, Self

from protocol.agreement import ACCEPTANCE, VERSIONS
from protocol.case_file import CaseFile, Document
from protocol.errors import Missing
from protocol.identifiers import Address, MessageId, ThreadId, state_of
from protocol.safeguards.rows import Safeguard

__all__ = ["ABSENT", "HANDOVER", "Asked", "Guarded", "Version", "cited_digests", "lacking", "version_of"]

HANDOVER = "handover.confirmation"
ABSENT = "missing.document_cited"
"""A document that a message names is not in the file. It may be on its way: a receiver waits for it."""
_DIGEST_LENGTH = 43
_AHEAD_OF_UTC = timedelta(hours=14)
_SEVERING = frozenset({"adoption", "kafala"})
_MAY_STAY = frozenset({"local-integration", "adoption", "kafala", "other"})
"""Solutions under which a child may stay where it is. What a newer vocabulary names is none of them: nobody
here can tell that it moves no child."""


class Guarded(Protocol):
    """What is read of a message: a content statement has it."""

    @property
    def type(self) -> str: ...
    @property
    def sender(self) -> Address: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def thread(self) -> ThreadId: ...
    @property
    def in_reply_to(self) -> MessageId | None: ...
    @property
    def coded(self) -> Mapping[str, Any]: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def declares_no_danger(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A message, or one that nobody has written yet (`written` false: only what others must have supplied
    before is asked for). `issued_at` is its own signed time, so that both nodes agree on every age."""

    type: str
    sender: Address
    recipient: Address
    thread: ThreadId
    in_reply_to: MessageId | None
    coded: Mapping[str, Any] = field(hash=False)
    issued_at: datetime
    declares_no_danger: bool = True
    written: bool = True

    @classmethod
    def of(cls, content: Guarded) -> Self:
        return cls(
            type=content.type,
            sender=content.sender,
            recipient=content.recipient,
            thread=content.thread,
            in_reply_to=content.in_reply_to,
            coded=content.coded,
            issued_at=content.issued_at,
            declares_no_danger=content.declares_no_danger,
        )

    def known(self, file: CaseFile) -> CaseFile:
        """The file, of a handover as it was on its day."""
        return file.until(self.day) if self.type == HANDOVER else file

    @property
    def day(self) -> date:
        """The day for which ages are counted: of a handover that on which it took place."""
        handed_over = self.coded.get("handed_over_on") if self.type == HANDOVER else None
        return day(handed_over) or self.issued_at.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A proposal or counter-proposal, as the checks ask about it. `id` is None for what is being put."""

    id: MessageId | None
    digest: str | None
    sender: Address
    recipient: Address
    coded: Mapping[str, Any] = field(hash=False)

    @property
    def terms(self) -> Mapping[str, Any]:
        terms = self.coded.get("terms")
        return terms if isinstance(terms, Mapping) else {}

    @property
    def rests_on(self) -> Mapping[str, Any]:
        rests_on = self.coded.get("rests_on")
        return rests_on if isinstance(rests_on, Mapping) else {}

    @property
    def states(self) -> frozenset[str]:
        return frozenset({state_of(self.sender), state_of(self.recipient)})

    @property
    def solution(self) -> str:
        return str(self.terms.get("solution", ""))

    @property
    def receiving_state(self) -> str:
        return str(self.terms.get("receiving_country", "")).lower()

    @property
    def permanent_new_family(self) -> bool:
        """Adoption or kafala, by the solution, the custody or the care that is named. They are not the same;
        safeguard 14 asks the same of both."""
        carer = self.terms.get("receiving_carer")
        care = carer.get("care_arrangement") if isinstance(carer, Mapping) else None
        named = (self.solution, self.terms.get("custody_arrangement"), care)
        return any(re.split("[/-]", str(code))[0] in _SEVERING for code in named)

    def moves(self, file: CaseFile) -> bool:
        """The child leaves the State where it is, by name or by the country that receives it."""
        named = self.solution.split("/")[0] not in _MAY_STAY
        return named or file.destination is None or self.receiving_state != file.destination

    def is_return(self, file: CaseFile) -> bool:
        """A move to the State of origin: whatever moves the child and names no third country.

        A country that was notified of the child, or that the child is believed to be a national of, is no
        third country, whatever the solution calls it."""
        third = self.solution.split("/")[0] == "third-country"
        return self.moves(file) and not (third and self.receiving_state not in _origins(file))

    def supplier(self, file: CaseFile) -> str:
        """How the State that would receive the child is called."""
        return "origin" if self.is_return(file) else "receiving-state"


def _origins(file: CaseFile) -> frozenset[str]:
    """The States that a child of this case may come from, in lower case."""
    notices = tuple(file.of_type("case.notification"))
    nationalities = (
        str(one.get("country", "")).lower()
        for notice in notices
        for one in listed(notice.coded, "believed_nationalities")
    )
    return frozenset({*nationalities, *(state_of(notice.recipient) for notice in notices)})


def version_of(file: CaseFile, asked: Asked) -> Version | None:
    """What is put, what is accepted, or what the child was handed over under; None when it is not here."""
    if asked.type in VERSIONS:
        return Version(
            id=None, digest=None, sender=asked.sender, recipient=asked.recipient, coded=asked.coded
        )
    if asked.type == ACCEPTANCE:
        named = file.message(asked.in_reply_to)
    elif asked.type == HANDOVER:
        named = next((file.message(one.in_reply_to) for one in _acceptances(file, asked)), None)
    else:
        return None
    return as_version(named) if named is not None and named.type in VERSIONS else None


def as_version(document: Document) -> Version:
    return Version(
        id=document.id,
        digest=document.digest,
        sender=document.sender,
        recipient=document.recipient,
        coded=document.coded,
    )


def _acceptances(file: CaseFile, asked: Asked) -> Iterator[Document]:
    agreement = asked.coded.get("agreement")
    return (
        one
        for one in sorted(file.of_type(ACCEPTANCE), key=lambda one: one.digest)
        if one.thread == asked.thread and one.coded.get("agreement") == agreement
    )


def cited_digests(value: object) -> frozenset[str]:
    """Everything in a coded part that can be the digest of a statement."""
    match value:
        case str():
            return frozenset({value}) if len(value) == _DIGEST_LENGTH else frozenset()
        case Mapping():
            return frozenset().union(*(cited_digests(member) for member in value.values()))
        case list() | tuple():
            return frozenset().union(*(cited_digests(member) for member in value))
        case _:
            return frozenset()


def lacking(row: Safeguard, code: str, supplier: str) -> Missing:
    return Missing(code=code, supplier=supplier, source=row.cited)


def day(text: object) -> date | None:
    """A day of a coded part; None where there is none."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def to_come(text: object, moment: datetime) -> bool:
    """Whether that day had begun nowhere on earth at `moment`: what is said of it has not happened."""
    said = day(text)
    return said is not None and said > (moment.astimezone(UTC) + _AHEAD_OF_UTC).date()


def listed(coded: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    """A field that holds several entries; empty where it is left out."""
    value = coded.get(name)
    return tuple(value) if isinstance(value, (list, tuple)) else ()
