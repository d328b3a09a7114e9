"""A row of the workbook to what a `case.notification` needs, and a notification back to a row. Pure.

Every filled cell is accounted for. Nothing is guessed: a value without a certain match is unknown, a date
that can be read in two ways is not read, and what has no place is named. Values go through the crosswalk
`protocol/vocabularies/crosswalks/htcds-2.0.json`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from adapters.htcds.columns import Header, column_letters
from protocol.vocabularies.crosswalk import Crosswalk, Mark, crosswalk

__all__ = [
    "FIRST_CONTACT",
    "REASONS",
    "Exported",
    "LeftOut",
    "Note",
    "Standing",
    "Understood",
    "Unread",
    "Value",
    "row_of",
    "understand",
]

type Json = dict[str, Any]

FIRST_CONTACT: Final = "cas_IncomingReferralDate"
"""The standard has no day of first contact. At some agencies this is it, and their settings say so."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A cell that is not taken for what it shows."""

    code: str


type Value = str | bool | int | float | date | datetime | Unread


class Standing(StrEnum):
    UNDERSTOOD = "understood"
    BROADER = "broader"
    """Understood; our code says less than the cell."""
    UNKNOWN = "unknown"
    NOT_CARRIED = "not-carried"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What became of a cell, or of one of several values in it."""

    column: str
    standing: Standing
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """`stops`: why the row is not sent; `coded` is None then. `country`: whose State is notified, ISO 3166-1
    alpha-2. `identity`: None where the row has no name."""

    notes: tuple[Note, ...]
    stops: tuple[str, ...] = ()
    coded: Json | None = None
    identity: Json | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something of a message that the workbook has no certain place for. `value`: its code or date, never
    text."""

    field: str
    value: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    cells: Mapping[str, str | date] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()


REASONS: Final[Mapping[str, str]] = {
    "cell.understood": "taken over as it is",
    "cell.formula": "a formula is never calculated: put in the value",
    "cell.error": "the cell shows an error",
    "cell.too_long": "longer than any value of the standard",
    "cell.not_text": "expected text: a number has lost its zeros and its plus sign",
    "cell.not_one_line": "expected one line of text",
    "cell.several": "expected one value, and there are several",
    "value.broader": "understood, but our code says less",
    "value.no_match": "no certain match: unknown is sent, or nothing",
    "date.ambiguous": "a day that can be read in two ways: expected a date cell, or 2026-11-02",
    "date.unreadable": "expected a date cell, or 2026-11-02",
    "date.future": "a day that has not come yet",
    "birthdate.after_contact": "born after the first contact",
    "birthdate.band_only": "the age band is sent, the date is not: there is no name for it to go with",
    "name.second_alone": "a second name without a first: which part of the name it is cannot be known",
    "name.nameless": "nothing of the person is sent without a first name",
    "identity.withheld": "identity was not to be sent",
    "first_contact.not_declared": "only the settings can say that the referral is the first contact",
    "consent.given": "consent is given; no message says so",
    "consent.missing": "no consent is recorded: the row is not sent",
    "consent.refused": "consent is refused: the row is not sent",
    "consent.unreadable": "expected TRUE or FALSE: the row is not sent",
    "gender.is_not_sex": "gender is not sex: the sex is sent as unknown",
    "person.adult": "18 or older at the first contact: not a case for this procedure",
    "citizenship.missing": "no State to notify",
    "citizenship.unknown": "expected a code of ISO 3166-1 alpha-2, such as RO",
    "citizenship.several": "several States: a person decides which one to notify",
    "citizenship.own": "the State of the office itself: there is nobody to notify",
    "status.missing": "the trafficking status is missing or has no certain match",
    "first_contact.missing": "the day of first contact is missing, unreadable or not declared",
    "header.contradiction": "name and label of the column contradict each other",
    "header.unknown": "neither a name nor a label of the standard",
    "column.address": "the standard's own workbook contradicts itself on addresses, so none is read",
    "column.internal": "how one organisation keeps its file; no message says it",
    "column.free_text": "free text, written for an internal file and not for another State",
    "column.salutation": "no form of address is sent",
    "column.no_field": "a notification has no field for it",
    "export.no_column": "the standard has no column for it",
    "export.no_value": "the standard has no value that is certainly the same",
    "export.says_less": "written as the standard's nearest value, which says less",
    "export.not_declared": "no column is declared for the day of first contact",
    "export.narrative": "free text is not exported",
    "export.identity": "the identity part is sealed: a person releases it, for a reason",
    "export.not_the_child": "the workbook has columns for one person",
}
"""English, for the report."""

_NOT_CARRIED: Final[Mapping[str, str]] = {
    "cas_CaseOwner": "column.internal",
    "prs_Salutation": "column.salutation",
    "prs_Title": "column.salutation",
    "prs_MailingCity": "column.address",
    "prs_MailingCountry": "column.address",
    "prs_MailingState": "column.address",
    "prs_MailingStreet": "column.address",
    "prs_MailingPostalCode": "column.address",
    "vic_TraffickinStatusDecisionMakingOrg": "column.no_field",
    "vic_LocationOfRecruitment": "column.free_text",
    "vic_ForcedLabourIndustry": "column.no_field",
    "vic_LocationOfExploitation": "column.free_text",
    "cas_Status": "column.internal",
    "cas_ReferringOrganisation": "column.internal",
    "cas_ReferringPrimaryCaseWorker": "column.internal",
    "cas_ReasonForIncomingReferral": "column.free_text",
    "cas_IncomingReferralDetails": "column.free_text",
    "cas_ReferredOrganisation": "column.internal",
    "cas_ReferredPrimaryCaseWorker": "column.internal",
    "Reason for Outgoing Referral": "column.free_text",
    "cas_OutgoingReferralDate": "column.internal",
    "cas_OutgoingReferralDetails": "column.free_text",
    "cas_ReasonForCaseClosure": "column.internal",
}
_CHANNELS: Final[Mapping[str, str]] = {
    "prs_Email": "email",
    "prs_HomePhone": "telephone",
    "prs_MobilePhone": "mobile",
}
_BANDS: Final = ((5, "0-5"), (11, "6-11"), (14, "12-14"), (17, "15-17"))
_UNKNOWN_AGE: Final = "unknown-child"
_LISTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "recruitment_methods": ("recruitment-method", ("vic_MethodOfRecruitment",)),
    "means_of_control": ("means-of-control", ("vic_MethodsOfControl",)),
    "exploitation_forms": ("exploitation-form", ("vic_TypeOfExploitation", "vic_TypeOfSexExploitation")),
}
_ALSO: Final[Mapping[str, str]] = {"vic_MethodsOfControl": "vic_Methods_of_Control"}
"""The standard's other list of methods of control. No value stands in both, so that either may be read."""

_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_PARTIAL: Final = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]))?", re.ASCII)
_TWO_WAYS: Final = re.compile(r"\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}", re.ASCII)
_LINE: Final = 300


def understand(
    cells: Mapping[int, Value],
    header: Header,
    *,
    own_state: str,
    today: date,
    first_contact_declared: bool = False,
    with_identity: bool = True,
) -> Understood:
    """`cells`: what is filled, by column from 0. Without consent nothing else of the row is looked at.

    `own_state`: of the office that would send it, alpha-2. `first_contact_declared`: that at this agency
    the day in `FIRST_CONTACT` is the day of first contact.
    """
    row, notes = _by_column(cells, header)
    reading = _Reading(row, notes, today)
    if (stop := reading.consent()) is not None:
        return Understood(notes=tuple(reading.notes), stops=(stop,))
    stops: list[str] = []
    contact = reading.first_contact(declared=first_contact_declared)
    born, band, adult = reading.birth(contact)
    country = reading.citizenship(own_state, stops)
    status = reading.one("vic_TraffickingStatus")
    lists = {name: reading.many(fields) for name, (_, fields) in _LISTS.items()}
    if reading.take("prs_Gender") is not None:
        reading.note("prs_Gender", Standing.UNKNOWN, "gender.is_not_sex")
    identity = reading.person(born, country, wanted=with_identity)
    for key in list(row):
        reading.take(key)
        reading.note(key, Standing.NOT_CARRIED, _NOT_CARRIED[key])
    if status is None:
        stops.append("status.missing")
    if contact is None:
        stops.append("first_contact.missing")
    if adult:
        stops.append("person.adult")
    if stops or country is None or contact is None:
        return Understood(notes=tuple(reading.notes), stops=tuple(stops), country=country)
    coded: Json = {
        "first_contact_on": contact.isoformat(),
        "trafficking_status": status,
        "sex": "unknown",
        "age_band": band,
        "age_basis": "unknown",
        "age_band_when_first_trafficked": _UNKNOWN_AGE,
        "believed_nationalities": [{"country": country, "nationality_basis": "unknown"}],
        "separation_status": "unknown",
        "exploitation_forms": lists.pop("exploitation_forms") or ["unknown"],
        "trafficking_reach": "unknown",
        "immediate_danger": "unknown",
        "care_arrangement": "unknown",
        "guardian_status": "unknown",
        **{name: codes for name, codes in lists.items() if codes},
    }
    return Understood(notes=tuple(reading.notes), coded=coded, identity=identity, country=country)


def _by_column(cells: Mapping[int, Value], header: Header) -> tuple[dict[str, Value], list[Note]]:
    row: dict[str, Value] = {}
    notes: list[Note] = []
    for placed in header.placed:
        value = cells.get(placed.at)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if placed.column is None:
            assert placed.code is not None
            notes.append(Note(column=placed.shown_as, standing=Standing.NOT_CARRIED, code=placed.code))
        else:
            row[placed.column.key] = value
    headed = {placed.at for placed in header.placed}
    notes += [
        Note(column=f"column {column_letters(at)}", standing=Standing.NOT_CARRIED, code="header.unknown")
        for at in sorted(set(cells) - headed)
    ]
    return row, notes


class _Reading:
    """One row, being read: what is taken out of `row` has its notes."""

    def __init__(self, row: dict[str, Value], notes: list[Note], today: date) -> None:
        self._row, self.notes, self._today = row, notes, today

    def note(self, column: str, standing: Standing, code: str) -> None:
        self.notes.append(Note(column=column, standing=standing, code=code))

    def take(self, column: str) -> Value | None:
        return self._row.pop(column, None)

    def consent(self) -> str | None:
        """Why the row may not be sent; None when it may."""
        value = self.take("con_Consent")
        word = value.strip().upper() if isinstance(value, str) else None
        if value is True or word == "TRUE":
            self.note("con_Consent", Standing.NOT_CARRIED, "consent.given")
            return None
        if value is None:
            return "consent.missing"
        if value is False or word == "FALSE":
            self.note("con_Consent", Standing.NOT_CARRIED, "consent.refused")
            return "consent.refused"
        self.note("con_Consent", Standing.UNREADABLE, "consent.unreadable")
        return "consent.unreadable"

    def first_contact(self, *, declared: bool) -> date | None:
        value = self.take(FIRST_CONTACT)
        if value is None:
            return None
        if not declared:
            self.note(FIRST_CONTACT, Standing.NOT_CARRIED, "first_contact.not_declared")
            return None
        day = self._day(FIRST_CONTACT, value)
        if day is not None:
            self.note(FIRST_CONTACT, Standing.UNDERSTOOD, "cell.understood")
        return day

    def birth(self, contact: date | None) -> tuple[str | None, str, bool]:
        """The date of birth as far as it is known, the age band at the first contact, and whether the person
        was certainly 18 then."""
        column = "prs_Birthdate"
        value = self.take(column)
        if value is None:
            return None, _UNKNOWN_AGE, False
        text = value.strip() if isinstance(value, str) else ""
        if _PARTIAL.fullmatch(text) and text[:4] != "0000":
            year, month = int(text[:4]), int(text[5:7] or 0)
            first = date(year, month or 1, 1)
            last = date(year, month or 12, monthrange(year, month or 12)[1])
            born = text
        else:
            day = self._day(column, value)
            if day is None:
                return None, _UNKNOWN_AGE, False
            first = last = day
            born = day.isoformat()
        if first > self._today:
            self.note(column, Standing.UNREADABLE, "date.future")
            return None, _UNKNOWN_AGE, False
        if contact is not None and first > contact:
            self.note(column, Standing.UNREADABLE, "birthdate.after_contact")
            return None, _UNKNOWN_AGE, False
        self.note(column, Standing.UNDERSTOOD, "cell.understood")
        if contact is None:
            return born, _UNKNOWN_AGE, False
        oldest, youngest = _years(first, contact), _years(min(last, contact), contact)
        bands = {_band(oldest), _band(youngest)}
        return born, bands.pop() if len(bands) == 1 else _UNKNOWN_AGE, youngest >= 18

    def citizenship(self, own_state: str, stops: list[str]) -> str | None:
        column = "prs_Citizenship"
        value = self.take(column)
        if value is None:
            stops.append("citizenship.missing")
            return None
        words = self._words(column, value)
        if not words:
            stops.append("citizenship.unknown")
            return None
        if len(words) > 1:
            self.note(column, Standing.UNREADABLE, "citizenship.several")
            stops.append("citizenship.several")
            return None
        found = _codes().to_ours(column, words[0])
        if found.code is None or found.mark is not Mark.EXACT:
            self.note(column, Standing.UNKNOWN, "citizenship.unknown")
            stops.append("citizenship.unknown")
            return None
        self.note(column, Standing.UNDERSTOOD, "cell.understood")
        if found.code == own_state:
            stops.append("citizenship.own")
        return found.code

    def one(self, column: str) -> str | None:
        value = self.take(column)
        if value is None:
            return None
        words = self._words(column, value)
        if len(words) > 1:
            self.note(column, Standing.UNREADABLE, "cell.several")
            return None
        return next(iter(self._coded(column, words)), None)

    def many(self, columns: Iterable[str]) -> list[str]:
        """The codes of all the columns, each once."""
        codes: dict[str, None] = {}
        for column in columns:
            if (value := self.take(column)) is not None:
                codes |= dict.fromkeys(self._coded(column, self._words(column, value)))
        return list(codes)

    def person(self, born: str | None, country: str | None, *, wanted: bool) -> Json | None:
        """The identity part. A name is kept as it was written; which part of it a second name is, the
        standard does not say."""
        lines = {column: self._line(column) for column in ("prs_FirstName", "prs_SecondName", *_CHANNELS)}
        filled = {column: line for column, line in lines.items() if line is not None}
        if not wanted:
            for column in filled:
                self.note(column, Standing.NOT_CARRIED, "identity.withheld")
            self._band_only(born, "identity.withheld")
            return None
        first = filled.pop("prs_FirstName", None)
        if first is None:
            for column in filled:
                second = column == "prs_SecondName"
                code = "name.second_alone" if second else "name.nameless"
                self.note(column, Standing.NOT_CARRIED, code)
            self._band_only(born, "birthdate.band_only")
            return None
        self.note("prs_FirstName", Standing.UNDERSTOOD, "cell.understood")
        name = filled.pop("prs_SecondName", None)
        if name is not None and len(first) + 1 + len(name) > _LINE:
            self.note("prs_SecondName", Standing.UNREADABLE, "cell.too_long")
            name = None
        elif name is not None:
            self.note("prs_SecondName", Standing.UNDERSTOOD, "cell.understood")
        person: Json = {
            "reference": "child",
            "names": [{"given": first, "full": first if name is None else f"{first} {name}"}],
        }
        if born is not None:
            person["born"] = born
        if country is not None:
            person["nationalities"] = [country]
        if filled:
            for column in filled:
                self.note(column, Standing.UNDERSTOOD, "cell.understood")
            person["channels"] = [
                {"channel": _CHANNELS[column], "value": line} for column, line in filled.items()
            ]
        return {"persons": [person]}

    def _band_only(self, born: str | None, code: str) -> None:
        if born is not None:
            at = next(i for i, note in enumerate(self.notes) if note.column == "prs_Birthdate")
            self.notes[at] = Note(column="prs_Birthdate", standing=Standing.BROADER, code=code)

    def _coded(self, column: str, words: Iterable[str]) -> Iterator[str]:
        for word in words:
            found = _codes().to_ours(column, word)
            if found.code is None and column in _ALSO:
                found = _codes().to_ours(_ALSO[column], word)
            if found.code is None or found.mark not in (Mark.EXACT, Mark.BROADER):
                self.note(column, Standing.UNKNOWN, "value.no_match")
            elif found.mark is Mark.BROADER:
                self.note(column, Standing.BROADER, "value.broader")
                yield found.code
            else:
                self.note(column, Standing.UNDERSTOOD, "cell.understood")
                yield found.code

    def _words(self, column: str, value: Value) -> list[str]:
        if not isinstance(value, str):
            self._unreadable(column, value)
            return []
        words = (word.strip() for word in re.split(r"[;\r\n]", value))
        return list(dict.fromkeys(word for word in words if word))

    def _line(self, column: str) -> str | None:
        value = self.take(column)
        if value is None:
            return None
        if not isinstance(value, str):
            self._unreadable(column, value)
            return None
        line = value.strip()
        if not line.isprintable():
            self.note(column, Standing.UNREADABLE, "cell.not_one_line")
            return None
        if len(line) > _LINE:
            self.note(column, Standing.UNREADABLE, "cell.too_long")
            return None
        return line

    def _day(self, column: str, value: Value) -> date | None:
        """A day that can be read in one way only."""
        day: date | None = None
        code = "date.unreadable"
        if isinstance(value, datetime):
            day = value.date()
        elif isinstance(value, date):
            day = value
        elif isinstance(value, Unread):
            code = value.code
        elif isinstance(value, str) and _ISO_DAY.fullmatch(value.strip()):
            try:
                day = date.fromisoformat(value.strip())
            except ValueError:
                day = None
        elif isinstance(value, str) and _TWO_WAYS.fullmatch(value.strip()):
            code = "date.ambiguous"
        if day is not None and day > self._today:
            day, code = None, "date.future"
        if day is None:
            self.note(column, Standing.UNREADABLE, code)
        return day

    def _unreadable(self, column: str, value: Value) -> None:
        code = value.code if isinstance(value, Unread) else "cell.not_text"
        self.note(column, Standing.UNREADABLE, code)


def row_of(message: Mapping[str, Any], *, first_contact_declared: bool = False) -> Exported:
    """What a `case.notification`, as the API answers it with its content, is as a row."""
    content = message["content"]
    coded = dict(content["coded"])
    cells: dict[str, str | date] = {}
    left: list[LeftOut] = []
    countries = [one["country"] for one in coded.pop("believed_nationalities", ())]
    for at, one in enumerate(content["coded"].get("believed_nationalities", ())):
        if one["nationality_basis"] != "unknown":
            left.append(
                _left(f"believed_nationalities/{at}/nationality_basis", one["nationality_basis"], "no_column")
            )
    told = [country for country in countries if _codes().from_ours("country", country)]
    left += [
        _left("believed_nationalities/country", country, "no_value")
        for country in countries
        if country not in told and country != "unknown"
    ]
    if told:
        cells["prs_Citizenship"] = ";".join(told)
    contact = coded.pop("first_contact_on", None)
    if contact is not None and first_contact_declared:
        cells[FIRST_CONTACT] = date.fromisoformat(contact)
    elif contact is not None:
        left.append(_left("first_contact_on", contact, "not_declared"))
    status = coded.pop("trafficking_status", None)
    _said({"trafficking_status": ("trafficking-status", [status] if status else [])}, cells, left)
    _said({name: (of, list(coded.pop(name, ()))) for name, (of, _) in _LISTS.items()}, cells, left)
    for name, value in coded.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            if one not in (None, "", "unknown", _UNKNOWN_AGE):
                left.append(_left(name, str(one), "no_column"))
    left += [_left(f"narrative/{block['field']}", "", "narrative") for block in content.get("narrative", ())]
    if content.get("identity") is not None:
        _identity(content["identity"], cells, left)
    elif content.get("identity_state", "none") != "none":
        left.append(_left("identity", str(content["identity_state"]), "identity"))
    return Exported(cells=cells, left_out=tuple(left))


def _said(
    fields: Mapping[str, tuple[str, list[str]]], cells: dict[str, str | date], left: list[LeftOut]
) -> None:
    """Each code where the standard says the same, else where it says less and that is named too."""
    for name, (of, codes) in fields.items():
        said: dict[str, list[str]] = {}
        for code in codes:
            if code == "unknown":
                continue
            rows = _codes().from_ours(of, code)
            exact = [row for row in rows if row.mark is Mark.EXACT]
            if not exact:
                left.append(_left(name, code, "says_less" if rows else "no_value"))
            for row in exact or rows:
                said.setdefault(row.field, []).append(row.value)
        for column, values in said.items():
            cells[column] = ";".join(dict.fromkeys(values))


def _identity(identity: Mapping[str, Any], cells: dict[str, str | date], left: list[LeftOut]) -> None:
    for person in identity.get("persons", ()):
        if person["reference"] != "child":
            left.append(_left(f"identity/{person['reference']}", "", "not_the_child"))
            continue
        for at, name in enumerate(person["names"]):
            given, full = name.get("given"), name["full"]
            second = full.removeprefix(f"{given} ") if given else full
            if at or not given or (full != given and second == full):
                left.append(_left(f"identity/child/names/{at}", "", "no_column"))
                continue
            cells["prs_FirstName"] = given
            if full != given:
                cells["prs_SecondName"] = second
            others = set(name) - {"given", "full"}
            left += [
                _left(f"identity/child/names/{at}/{other}", "", "no_column")
                for other in sorted(others)
                if name[other] is not None
            ]
        if (born := person.get("born")) is not None:
            cells["prs_Birthdate"] = date.fromisoformat(born) if len(born) == 10 else born
        by_channel = {channel: column for column, channel in _CHANNELS.items()}
        for at, channel in enumerate(person.get("channels", ())):
            column = by_channel.get(channel["channel"])
            if column is None or column in cells:
                left.append(_left(f"identity/child/channels/{at}", "", "no_column"))
            else:
                cells[column] = channel["value"]
        stated = set(person.get("nationalities", ())) - set(str(cells.get("prs_Citizenship", "")).split(";"))
        left += [_left("identity/child/nationalities", country, "no_column") for country in sorted(stated)]
        for other in ("birthplace", "family_relation", "documents", "places"):
            if person.get(other):
                left.append(_left(f"identity/child/{other}", "", "no_column"))
        if person.get("sex", "unknown") != "unknown":
            left.append(_left("identity/child/sex", person["sex"], "no_column"))
    for part in ("addresses", "attachments"):
        if identity.get(part):
            left.append(_left(f"identity/{part}", "", "no_column"))


def _left(name: str, value: str, code: str) -> LeftOut:
    return LeftOut(field=name, value=value, code=f"export.{code}")


@cache
def _codes() -> Crosswalk:
    return crosswalk("htcds-2.0")


def _years(born: date, at: date) -> int:
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))


def _band(years: int) -> str:
    return next((band for most, band in _BANDS if years <= most), _UNKNOWN_AGE)
