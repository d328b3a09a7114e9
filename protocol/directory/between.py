"""What States grant and agree: mandates of intermediaries, and corridor profiles of two States.

    <member>/mandate/<name>      the member lets an intermediary act for it: in which procedures, towards
                                 which States, from when until when; `revoked_at` ends it early
    <member>/corridor/<other>    a profile that both States signed over the same bytes, and `ended_at`, by
                                 which the member alone may end it

Both stand in an entry that the member's root key signs. A profile holds what two States agreed for messages
between them: lengths of deadlines, who bears the costs, languages, how long is kept. A message that opens a
conversation cites it by its digest, so that both nodes count by the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from protocol.claims import Claims, seconds_of
from protocol.deadlines import CorridorProfile, parse_duration
from protocol.errors import NotAcceptable, Refused
from protocol.identifiers import Address, StateCode, parse_address
from protocol.json_strict import Json, dumps, parse_object
from protocol.statements import CoSigned, SigningKey, StatementType, cosign
from protocol.vocabularies import scheme

__all__ = [
    "CORRIDOR_TYPE",
    "MANDATE_TYPE",
    "CorridorFacts",
    "CorridorTerms",
    "MandateFacts",
    "profile_bytes",
    "read_corridor",
    "read_mandate",
    "read_profile",
    "require_known_costs",
    "sign_profile",
]

MANDATE_TYPE = "focalpoint_mandate"
CORRIDOR_TYPE = "focalpoint_corridor"
MALFORMED = "directory.malformed"
MAX_PROFILE_BYTES = 32_768
PARTS = ("coded", "narrative", "identity")
WITHOUT_IDENTITY = ("coded", "narrative")
"""What an intermediary may read where the mandate says nothing else (project choice): who the child is, only
where its State says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateFacts:
    """A State lets `intermediary` act for it in `procedures`, from `since` until `until`.

    `states`: towards which other States; empty for all. `parts`: which parts of a message it may read and
    write; what is not among them is sealed past it. Nothing counts from `revoked_at` on.
    """

    state: StateCode
    name: str
    intermediary: Address
    procedures: tuple[str, ...]
    states: tuple[StateCode, ...] = ()
    parts: tuple[str, ...] = WITHOUT_IDENTITY
    since: datetime
    until: datetime
    revoked_at: datetime | None = None

    def in_force(self, at: datetime) -> bool:
        if self.revoked_at is not None and at >= self.revoked_at:
            return False
        return self.since <= at < self.until

    @property
    def subject(self) -> str:
        return self.intermediary

    def metadata(self) -> Json:
        return {
            MANDATE_TYPE: {
                "procedures": list(self.procedures),
                **({"states": list(self.states)} if self.states else {}),
                **({"parts": list(self.parts)} if self.parts != WITHOUT_IDENTITY else {}),
                "from": seconds_of(self.since),
                "until": seconds_of(self.until),
                **({} if self.revoked_at is None else {"revoked_at": seconds_of(self.revoked_at)}),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorTerms:
    """What two States agreed. `states`: both codes, in order of the alphabet.

    `durations`: lengths as `protocol.deadlines` writes them, by message type, obligation and urgency.
    `costs`: a code of `costs-bearer`. `languages`: BCP 47, in which either may be written to. `retention`:
    how long each keeps a closed case, as a length.
    """

    network: str
    states: tuple[StateCode, StateCode]
    durations: Mapping[tuple[str, str, str], str] = field(hash=False)
    costs: str
    languages: tuple[str, ...]
    retention: str
    since: datetime
    until: datetime
    issued_at: datetime

    def agreed(self, profile_digest: str) -> CorridorProfile:
        """What deadlines are counted by."""
        return CorridorProfile(
            digest=profile_digest,
            durations={key: parse_duration(text) for key, text in self.durations.items()},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorFacts:
    """A profile as one of its States publishes it. `profile`: the bytes that both signed."""

    state: StateCode
    other: StateCode
    profile: CoSigned
    terms: CorridorTerms
    ended_at: datetime | None = None

    @property
    def profile_digest(self) -> str:
        return self.profile.digest

    @property
    def subject(self) -> str:
        return self.other

    def metadata(self) -> Json:
        return {
            CORRIDOR_TYPE: {
                "profile": self.profile.to_json(),
                **({} if self.ended_at is None else {"ended_at": seconds_of(self.ended_at)}),
            }
        }


def profile_bytes(terms: CorridorTerms) -> bytes:
    """What both States sign. Refuses `directory.malformed` for terms that would not be read, and as
    `require_known_costs`."""
    require_known_costs(terms)
    payload = dumps(
        {
            "network": terms.network,
            "states": list(terms.states),
            "iat": seconds_of(terms.issued_at),
            "from": seconds_of(terms.since),
            "until": seconds_of(terms.until),
            "durations": [
                {"type": kind, "obligation": obligation, "urgency": urgency, "duration": text}
                for (kind, obligation, urgency), text in sorted(terms.durations.items())
            ],
            "costs": terms.costs,
            "languages": list(terms.languages),
            "retention": terms.retention,
        }
    )
    read_profile(payload)
    return payload


def require_known_costs(terms: CorridorTerms) -> None:
    """Asked of those who draft and sign. A reader takes a code of a later vocabulary: else one profile would
    stop every older node's directory. Refuses `directory.malformed`."""
    if terms.costs not in scheme("costs-bearer").concepts:
        raise NotAcceptable(MALFORMED, "expected a code of `costs-bearer` in `costs`")


def sign_profile(payload: bytes, key: SigningKey) -> str:
    """One State's signature, by its root key."""
    return cosign(StatementType.CORRIDOR, payload, key)


def read_profile(payload: bytes) -> CorridorTerms:
    """Refuses `directory.malformed`, `directory.critical`. Says nothing about who signed."""
    claims = Claims(parse_object(payload, max_bytes=MAX_PROFILE_BYTES), code=MALFORMED)
    claims.no_unknown_critical("directory.critical")
    states = claims.texts("states")
    if len(states) != 2 or states != tuple(sorted(set(states))) or any(len(code) != 2 for code in states):
        raise claims.wrong("states", "the codes of two States, in order")
    durations: dict[tuple[str, str, str], str] = {}
    for one in claims.each("durations"):
        key = (one.text("type"), one.text("obligation"), one.text("urgency"))
        if key in durations:
            raise one.wrong("obligation", "each length once")
        durations[key] = _length(one, "duration")
    since, until = claims.moment("from"), claims.moment("until")
    if until <= since:
        raise claims.wrong("until", "a moment after `from`")
    return CorridorTerms(
        network=claims.text("network"),
        states=(StateCode(states[0]), StateCode(states[1])),
        durations=MappingProxyType(durations),
        costs=claims.text("costs"),
        languages=claims.texts("languages"),
        retention=_length(claims, "retention"),
        since=since,
        until=until,
        issued_at=claims.moment("iat"),
    )


def read_mandate(state: StateCode, name: str, subject: str, claims: Claims) -> MandateFacts:
    """The mandate in an entry's metadata. Refuses `directory.malformed`."""
    facts = claims.inside(MANDATE_TYPE)
    intermediary = parse_address(subject)
    if intermediary.startswith(f"{state}."):
        raise NotAcceptable(MALFORMED, "a State gives a mandate to another than itself")
    since, until = facts.moment("from"), facts.moment("until")
    if until <= since:
        raise facts.wrong("until", "a moment after `from`")
    procedures = facts.texts("procedures")
    if not procedures:
        raise facts.wrong("procedures", "at least one procedure")
    parts = facts.texts("parts") if "parts" in facts else WITHOUT_IDENTITY
    # Nobody carries a conversation whose codes he cannot read.
    if "coded" not in parts or not set(parts) <= set(PARTS):
        raise facts.wrong("parts", "coded, and perhaps narrative and identity")
    return MandateFacts(
        state=state,
        name=name,
        intermediary=intermediary,
        procedures=procedures,
        states=tuple(StateCode(code) for code in facts.texts("states")),
        parts=tuple(part for part in PARTS if part in parts),
        since=since,
        until=until,
        revoked_at=facts.moment_or_none("revoked_at"),
    )


def read_corridor(state: StateCode, name: str, subject: str, claims: Claims) -> CorridorFacts:
    """The profile in an entry's metadata. Refuses `directory.malformed` and
    `directory.wrong_path` for a profile of other States than the path says.
    """
    facts = claims.inside(CORRIDOR_TYPE)
    profile = CoSigned.from_json(facts.mapping("profile"))
    terms = read_profile(profile.payload)
    if subject != name or set(terms.states) != {state, name}:
        raise NotAcceptable("directory.wrong_path", "the profile is between other States than its path says")
    return CorridorFacts(
        state=state,
        other=StateCode(name),
        profile=profile,
        terms=terms,
        ended_at=facts.moment_or_none("ended_at"),
    )


def _length(claims: Claims, name: str) -> str:
    text = claims.text(name)
    try:
        parse_duration(text)
    except Refused:
        raise claims.wrong(name, "a length of time such as P10D or P10WD") from None
    return text
