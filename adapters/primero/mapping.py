"""A record and a referral of Primero to a message of ours, and a message to a note in Primero. Pure.

Two consents stand before everything: `disclosure_other_orgs` and `consent_for_services`, both ticked in the
record itself. What overrides a consent in Primero is none, and nothing here reads it.

Primero's own fields go through the crosswalk `protocol/vocabularies/crosswalks/primero.json`. What another
State needs and Primero has no field for stands in the fields `focalpoint_…`, which the agency adds to its
forms (README.md): a person fills them in, with our codes. Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final, Literal

from adapters.kit.errors import Unfit
from adapters.primero.client import Transition
from protocol.vocabularies import label, scheme
from protocol.vocabularies.crosswalk import Crosswalk, Mark, crosswalk

__all__ = [
    "CONSENTS",
    "FIELDS",
    "IDENTITY_FIELDS",
    "NO_DANGER",
    "Note",
    "Profile",
    "Standing",
    "Understood",
    "answer_of",
    "fields_for",
    "message_in",
    "note_of",
    "status_of",
    "understand",
]

type Json = dict[str, Any]
type Standing = Literal["understood", "broader", "unknown"]

CONSENTS: Final = ("disclosure_other_orgs", "consent_for_services")
NO_DANGER: Final = "focalpoint_no_danger_declared"
FIELDS: Final = (
    *CONSENTS,
    "sex",
    "age",
    "estimated",
    "nationality",
    "protection_concerns",
    "separation_cause",
    "care_arrangements_section",
    "focalpoint_country",
    "focalpoint_first_contact_on",
    NO_DANGER,
    "focalpoint_trafficking_status",
    "focalpoint_trafficking_reach",
    "focalpoint_separation_status",
    "focalpoint_guardian_status",
    "focalpoint_immediate_danger",
    "focalpoint_inquiry_questions",
    "focalpoint_inquiry_legal_bases",
    "focalpoint_inquiry_reasons",
    "focalpoint_inquiry_language",
    "focalpoint_nobody_not_to_contact",
    "focalpoint_child_informed",
    "focalpoint_child_view_of_contact",
    "focalpoint_guardian_agrees",
)
"""What is asked of a record. A name is not among it."""
IDENTITY_FIELDS: Final = ("name", "name_first", "name_last", "hidden_name", "date_of_birth")
"""What is asked of it besides, where the settings name the legal basis for sending identity."""

_BANDS: Final = ((5, "0-5"), (11, "6-11"), (14, "12-14"), (17, "15-17"))
_SEXES: Final = {"female": "female", "male": "male"}
_YES_NO: Final = frozenset({"yes", "no"})
_LINE: Final = 300
_MARK: Final = re.compile(r"\[focalpoint:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\]")
_INQUIRY: Final = "social-inquiry.request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one agency uses it. `recipients`: by country, ISO 3166-1 alpha-2. `nationalities`: the values of
    its own lookup, by country. `services`: which message a referral for a service is. `reasons`: what people
    write as a reason for rejecting, and the code that it stands for. `contacts`: the two offices of `accept`.
    `identity_legal_basis`: a code of the scheme `legal-basis`; without one, no name is even asked for.
    """

    sender: str
    recipients: Mapping[str, str]
    nationalities: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    contacts: Mapping[str, Json] | None = None
    identity_legal_basis: str | None = None
    language: str = "en"

    @property
    def state(self) -> str:
        return self.sender.partition(".")[0].upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What became of a field, or of one of several values in it. `value` stands in a record: it is shown to
    whoever may see that, and never logged."""

    name: str
    standing: Standing
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """A submission but for its `id` and `case`, and what became of each field."""

    submission: Json = field(repr=False)
    notes: tuple[Note, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Fields that had a value, and whose value has no certain match."""
        return tuple(dict.fromkeys(note.name for note in self.notes if note.standing == "unknown"))


def fields_for(profile: Profile) -> tuple[str, ...]:
    return FIELDS if profile.identity_legal_basis is None else (*FIELDS, *IDENTITY_FIELDS)


def understand(record: Mapping[str, Any], transition: Transition, profile: Profile) -> Understood:
    """Unfit for what a person has to complete or decide in Primero first: no consent, an adult, no country,
    a service that is for nobody here, …"""
    # First, and of the record alone. A transition has a word that overrides them: see the top.
    if any(record.get(consent) is not True for consent in CONSENTS):
        raise Unfit("primero.no_consent", "both consents have to be ticked in the record")
    type_ = "case.notification" if transition.service is None else profile.services.get(transition.service)
    if type_ is None:
        raise Unfit("primero.service_unknown", "the service is not in [system.services]")
    reading = _Reading(record)
    age_band = reading.age_band()
    country = reading.country(profile)
    recipient = profile.recipients.get(country)
    if recipient is None:
        raise Unfit("primero.recipient_unknown", "the country is not in [system.recipients]")
    submission: Json = {
        "type": type_,
        "sender": profile.sender,
        "recipient": recipient,
        # A person says this of each case, in the record. It is not for a program to assume.
        "declares_no_danger": record.get(NO_DANGER) is True,
    }
    if type_ == _INQUIRY:
        submission |= reading.inquiry()
    else:
        submission["coded"] = reading.notification(age_band, country)
    if profile.identity_legal_basis is not None and (person := reading.person(country)) is not None:
        submission["identity"] = {"persons": [person]}
    return Understood(submission=submission, notes=tuple(reading.notes))


class _Reading:
    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record
        self.notes: list[Note] = []

    def notification(self, age_band: str, country: str) -> Json:
        first = self._day("focalpoint_first_contact_on")
        if first is None:
            raise Unfit("primero.first_contact_missing", "focalpoint_first_contact_on")
        status = self._ours("focalpoint_trafficking_status", "trafficking-status")
        if status is None:
            # `trafficked_smuggled` is one value for two things: people say which.
            self._matched("protection_concerns")
            raise Unfit("primero.trafficking_status_missing", "focalpoint_trafficking_status")
        coded: Json = {
            "first_contact_on": first,
            "trafficking_status": status,
            "sex": self._sex(),
            "age_band": age_band,
            "age_basis": "estimate" if self._record.get("estimated") is True else "unknown",
            "age_band_when_first_trafficked": "unknown-child",
            "believed_nationalities": [{"country": country, "nationality_basis": "unknown"}],
            "separation_status": self._ours("focalpoint_separation_status", "separation-status", "unknown"),
            "exploitation_forms": self._matched("protection_concerns") or ["unknown"],
            "trafficking_reach": self._ours("focalpoint_trafficking_reach", "trafficking-reach", "unknown"),
            "immediate_danger": self._yes_or_no("focalpoint_immediate_danger"),
            "care_arrangement": self._care(),
            "guardian_status": self._ours("focalpoint_guardian_status", "guardian-status", "unknown"),
        }
        if causes := self._matched("separation_cause"):
            coded["separation_causes"] = causes
        return coded

    def inquiry(self) -> Json:
        questions = self._several("focalpoint_inquiry_questions", "si-question")
        bases = self._several("focalpoint_inquiry_legal_bases", "legal-basis")
        reasons = self._record.get("focalpoint_inquiry_reasons")
        language = self._record.get("focalpoint_inquiry_language")
        if not (
            questions
            and bases
            and isinstance(reasons, str)
            and reasons.strip()
            and isinstance(language, str)
            and language
        ):
            raise Unfit("primero.inquiry_incomplete", "the fields focalpoint_inquiry_…")
        if self._record.get("focalpoint_nobody_not_to_contact") is not True:
            # An empty list says that anybody may be asked: only a person can say that. Whom not to contact
            # is entered in the console.
            raise Unfit("primero.not_to_contact_open", "focalpoint_nobody_not_to_contact, or the console")
        coded = {
            "questions": questions,
            "legal_bases": bases,
            "child_informed": self._yes_or_no("focalpoint_child_informed"),
            "child_view_of_contact": self._ours(
                "focalpoint_child_view_of_contact", "view-of-contact", "unknown"
            ),
            "guardian_agrees": self._yes_or_no("focalpoint_guardian_agrees"),
        }
        # Written for the other State, in a field that says so. No other text of a record is ever read.
        return {"coded": coded, "narrative": [{"field": "reasons", "language": language, "text": reasons}]}

    def country(self, profile: Profile) -> str:
        """Whose State is written to: what a person wrote down for that; else the nationality, if there is
        one and it is known which."""
        said = self._record.get("focalpoint_country")
        if said not in (None, ""):
            if not isinstance(said, str) or said not in scheme("country").concepts:
                raise Unfit("primero.country_unknown", "expected a code of ISO 3166-1 alpha-2")
            found = [said]
        else:
            values = self._values("nationality")
            known = [(value, profile.nationalities.get(value)) for value in values]
            for value, code in known:
                self._note("nationality", "unknown" if code is None else "understood", value)
            if any(code is None for _, code in known):
                raise Unfit("primero.country_unknown", "the nationality is not in [system.nationalities]")
            found = list(dict.fromkeys(code for _, code in known if code is not None))
        if not found:
            raise Unfit("primero.country_missing", "focalpoint_country, or nationality")
        if len(found) > 1:
            raise Unfit("primero.country_several", "focalpoint_country says which State")
        if found[0] == profile.state:
            raise Unfit("primero.country_own", "there is no other State to write to")
        return found[0]

    def age_band(self) -> str:
        age = self._record.get("age")
        if not isinstance(age, int) or isinstance(age, bool) or not 0 <= age <= 130:
            if age is not None:
                self._note("age", "unknown", str(age))
            return "unknown-child"
        if age > 17:
            # Who may be a child is treated as one. Who certainly is none is not for this procedure.
            if self._record.get("estimated") is False:
                raise Unfit("primero.adult", "18 or older, and not estimated")
            self._note("age", "unknown", str(age))
            return "unknown-child"
        self._note("age", "understood", str(age))
        return next(band for most, band in _BANDS if age <= most)

    def person(self, country: str) -> Json | None:
        """The child; None where there is no name, or it is hidden in Primero."""
        if self._record.get("hidden_name") is True:
            return None
        given, family = self._text("name_first"), self._text("name_last")
        full = self._text("name") or " ".join(part for part in (given, family) if part)
        if not full or len(full) > _LINE:
            return None
        name = {"full": full} | {k: v for k, v in (("given", given), ("family", family)) if v is not None}
        person: Json = {
            "reference": "child",
            "names": [name],
            "sex": _SEXES.get(str(self._record.get("sex")), "unknown"),
            "nationalities": [country],
        }
        if (born := self._day("date_of_birth")) is not None and self._record.get("estimated") is not True:
            person["born"] = born
        return person

    def _sex(self) -> str:
        value = self._record.get("sex")
        if value in (None, ""):
            return "unknown"
        found = _SEXES.get(str(value))
        self._note("sex", "unknown" if found is None else "understood", str(value))
        return found or "unknown"

    def _care(self) -> str:
        """The arrangement that began last. Where the record does not say which that is, it is not known."""
        rows = self._record.get("care_arrangements_section")
        rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        dated = [row for row in rows if isinstance(row.get("care_arrangement_started_date"), str)]
        if len(rows) == 1:
            last = rows
        elif len(dated) == len(rows) and dated:
            newest = max(row["care_arrangement_started_date"] for row in dated)
            last = [row for row in dated if row["care_arrangement_started_date"] == newest]
        else:
            last = []
        values = {row.get("care_arrangements_type") for row in last} - {None, ""}
        if rows and len(values) != 1:
            self._note("care_arrangements_type", "unknown", "")
            return "unknown"
        codes = self._through("care_arrangements_type", [str(value) for value in values])
        return codes[0] if codes else "unknown"

    def _matched(self, name: str) -> list[str]:
        return self._through(name, self._values(name))

    def _through(self, name: str, values: Iterable[str]) -> list[str]:
        """Our codes for values of Primero's, each once; the others are noted."""
        codes: dict[str, None] = {}
        for value in values:
            found = _codes().to_ours(name, value)
            if found.code is None or found.mark not in (Mark.EXACT, Mark.BROADER):
                self._note(name, "unknown", value)
            else:
                self._note(name, "understood" if found.mark is Mark.EXACT else "broader", value)
                codes[found.code] = None
        return list(codes)

    def _ours(self, name: str, of: str, otherwise: str | None = None) -> Any:
        """A code of our scheme `of`, which stands in a field of ours."""
        value = self._record.get(name)
        if value in (None, ""):
            return otherwise
        if not isinstance(value, str) or value not in scheme(of).concepts:
            self._note(name, "unknown", str(value))
            return otherwise
        self._note(name, "understood", value)
        return value

    def _several(self, name: str, of: str) -> list[str]:
        codes = []
        for value in self._values(name):
            known = value in scheme(of).concepts
            self._note(name, "understood" if known else "unknown", value)
            codes += [value] if known else []
        return list(dict.fromkeys(codes))

    def _yes_or_no(self, name: str) -> str:
        value = self._record.get(name)
        if value in (None, "", "unknown"):
            return "unknown"
        if value not in _YES_NO:
            self._note(name, "unknown", str(value))
            return "unknown"
        self._note(name, "understood", str(value))
        return str(value)

    def _values(self, name: str) -> list[str]:
        value = self._record.get(name)
        rows = value if isinstance(value, list) else [value]
        return list(dict.fromkeys(str(row) for row in rows if row not in (None, "")))

    def _day(self, name: str) -> str | None:
        value = self._record.get(name)
        if value in (None, ""):
            return None
        try:
            return date.fromisoformat(str(value)[:10]).isoformat()
        except ValueError:
            self._note(name, "unknown", str(value))
            return None

    def _text(self, name: str) -> str | None:
        value = self._record.get(name)
        line = value.strip() if isinstance(value, str) else ""
        return line if line and line.isprintable() and len(line) <= _LINE else None

    def _note(self, name: str, standing: Standing, value: str) -> None:
        note = Note(name=name, standing=standing, value=value)
        if note not in self.notes:
            self.notes.append(note)


def note_of(message: Mapping[str, Any], *, console: str, language: str) -> str:
    """What Primero is told of a message: which it is, which case, of what kind, until when it is to be
    answered, and where it is read. What it says stays at the node, where it is sealed."""
    due = message.get("due")
    return "\n".join(
        (
            # First, and short: by this line it is known again.
            f"[focalpoint:{message['id']}]",
            str(message["case"]),
            label("message-type", str(message["type"]), language).text,
            *([f"⌛ {due['at']}"] if due else []),
            f"{console}/cases/{message['case']}",
        )
    )


def message_in(notes: str) -> str | None:
    """The id of the message that a note is of."""
    found = _MARK.search(notes)
    return None if found is None else found[1]


def answer_of(
    status: str, reason: str, message: Mapping[str, Any], *, in_reply_to: str, profile: Profile
) -> Json:
    """What somebody in Primero answered to a note, as a submission but for its `id`. Unfit
    `primero.reason_missing` where it was rejected and nobody chose a reason with a code."""
    coded: Json
    if status == "rejected":
        said = reason.strip()
        code = profile.reasons.get(said, said)
        if code not in scheme("decline-reason").concepts:
            raise Unfit("primero.reason_missing", "expected a code of decline-reason as rejected_reason")
        type_, coded = "decline", {"decline_reason": code}
    else:
        if profile.contacts is None:
            raise Unfit("primero.contacts_missing", "[system.contacts]: the two offices of an acceptance")
        type_, coded = "accept", dict(profile.contacts)
    return {
        "case": message["case"],
        "type": type_,
        "sender": message["recipient"],
        "recipient": message["sender"],
        "thread": message["thread"],
        "in_reply_to": in_reply_to,
        "coded": coded,
    }


def status_of(code: str) -> str:
    """What a refusal is called on a record in Primero: never what the node knows of the child. What concerns
    international protection is not told apart from any other refusal, since more people see a record than
    may know of that."""
    if code.startswith("primero."):
        return f"focalpoint-refused:{code.removeprefix('primero.')}"
    if code.startswith(("node.safeguard.", "node.missing.")):
        return "focalpoint-waits:people-at-node"
    if code.removeprefix("node.") == "access.second_person":
        return "focalpoint-waits:second-person"
    return "focalpoint-refused:by-node"


@cache
def _codes() -> Crosswalk:
    return crosswalk("primero")
