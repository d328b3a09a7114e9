"""What a State says about its own node and authorities: directory entries, and the keys in them.

An entry is an entity statement in the manner of OpenID Federation 1.1 (`iss sub iat exp jwks metadata
authority_hints`), with entity types of our own, signed by the State's root key. Paths name entries:

    <member>/node/<code>            the member's node
    <member>/authority/<name>       one of its authorities, address `<state>.<name>`
    <member>/mandate/<name>         whom it lets act for it      (`protocol.directory.between`)
    <member>/corridor/<other>       what it agreed with another State

A *member* is a State (`ro`) or one international body (`int-iom`), as its admission names it. An entry of a
kind that this version does not know is verified and kept, and not interpreted: a newer node may publish one.

An entry names offices, never persons: it is copied to every node and kept for as long as old messages are to
verify.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from protocol.claims import Claims, seconds_of
from protocol.directory.between import CorridorFacts, MandateFacts, read_corridor, read_mandate
from protocol.directory.targets import DeliveryTargets, read_targets
from protocol.errors import NotAcceptable
from protocol.identifiers import Address, NodeCode, StateCode, parse_address, parse_node_code
from protocol.json_strict import Json
from protocol.sealing import SealingPublicKey
from protocol.statements import Statement, VerifyKey

__all__ = [
    "DEFAULT_LIMITS",
    "AuthorityEntry",
    "AuthorityFacts",
    "Contact",
    "CorridorEntry",
    "Entry",
    "KeyPurpose",
    "KeyRecord",
    "MandateEntry",
    "NodeEntry",
    "NodeFacts",
    "OpeningHours",
    "OtherEntry",
    "Owner",
    "Role",
    "Routing",
    "authority_path",
    "corridor_path",
    "is_member_code",
    "key_record",
    "mandate_path",
    "node_path",
    "sealing_key_record",
    "state_of_member",
]

type Owner = Address | NodeCode
"""Whoever holds keys. An address has a dot, a node code never has."""

AUTHORITY_TYPE = "focalpoint_authority"
NODE_TYPE = "focalpoint_node"
MALFORMED = "directory.malformed"

DEFAULT_LIMITS: Mapping[str, int] = MappingProxyType(
    {"coded": 65_536, "narrative": 131_072, "identity": 131_072, "attachment": 20 << 20}
)
"""Bytes per part before padding and sealing, when an entry says nothing else (docs/wire.md).

`attachment`: bytes of one attachment. An entry that does not mention it is of a node that takes none."""

_MEMBER = re.compile(r"[a-z]{2}|int-[a-z0-9](?:[a-z0-9-]{0,26}[a-z0-9])?")
_PATH_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


class KeyPurpose(StrEnum):
    SIGN = "sign"
    SEAL_CONTENT = "seal-content"
    SEAL_IDENTITY = "seal-identity"


class Role(StrEnum):
    FOCAL_POINT = "focal-point"
    LOCAL = "local"
    INTERNATIONAL = "international"


class Routing(StrEnum):
    """How what a local authority says leaves its State."""

    DIRECT = "direct"
    THROUGH_FOCAL_POINT = "through-focal-point"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A public key and when it counts.

    A signature made from `not_before` until `signing_until` is good, when it was received by `verify_until`:
    the second is later, so that mail queued across a rotation still verifies. For a sealing key they say
    until when others may seal to it, and until when its owner can still open. Nothing that was signed or
    received from `revoked_at` on counts.

    `checkpoints` is there when the key was given up as stolen: its holder can write any date, so that what is
    dated earlier stands only where a counterpart's reconciliation statement from before `revoked_at` shows
    that it was there (`protocol.bundle.coverage`). These are the digests of the statements that the owner had
    received by then; none, when it had none.
    """

    kid: str
    jwk: Mapping[str, Any] = field(hash=False)
    purpose: KeyPurpose
    not_before: datetime
    signing_until: datetime
    verify_until: datetime
    revoked_at: datetime | None = None
    checkpoints: tuple[str, ...] | None = None

    def in_use(self, at: datetime) -> bool:
        """True when `at` is a moment at which the owner may sign, or others may seal, with this key."""
        if self.revoked_at is not None and at >= self.revoked_at:
            return False
        return self.not_before <= at < self.signing_until

    def vouches(self, at: datetime, received_at: datetime) -> bool:
        """True when a signature dated `at` and received at `received_at` counts."""
        if self.revoked_at is not None and received_at >= self.revoked_at:
            return False
        return self.in_use(at) and received_at <= self.verify_until

    def verify_key(self) -> VerifyKey:
        """Refuses `statement.key_malformed`."""
        return VerifyKey.from_jwk(dict(self.jwk))

    def to_json(self) -> Json:
        """A JWK with members for the times, as OpenID Federation's historical keys have them."""
        value: Json = {
            **self.jwk,
            "kid": self.kid,
            "purpose": self.purpose.value,
            "nbf": seconds_of(self.not_before),
            "signing_until": seconds_of(self.signing_until),
            "exp": seconds_of(self.verify_until),
        }
        if self.revoked_at is not None:
            value["revoked"] = {
                "revoked_at": seconds_of(self.revoked_at),
                **(
                    {}
                    if self.checkpoints is None
                    else {"reason": _COMPROMISED, "checkpoints": list(self.checkpoints)}
                ),
            }
        return value


_COMPROMISED = "compromised"
"""As OpenID Federation 1.1 names it among the reasons of a historical key's revocation."""
_KEY_MEMBERS = {"purpose", "nbf", "signing_until", "exp", "revoked"}


def key_record(
    key: VerifyKey,
    *,
    not_before: datetime,
    signing_until: datetime,
    verify_until: datetime,
    revoked_at: datetime | None = None,
) -> KeyRecord:
    """The record of a key for signatures."""
    return KeyRecord(
        kid=key.kid,
        jwk=key.jwk(),
        purpose=KeyPurpose.SIGN,
        not_before=not_before,
        signing_until=signing_until,
        verify_until=verify_until,
        revoked_at=revoked_at,
    )


def sealing_key_record(
    key: SealingPublicKey,
    purpose: KeyPurpose,
    *,
    not_before: datetime,
    signing_until: datetime,
    verify_until: datetime,
    revoked_at: datetime | None = None,
) -> KeyRecord:
    """The record of a key to seal to, until `signing_until`; its owner can open until `verify_until`."""
    return KeyRecord(
        kid=key.kid,
        jwk=key.jwk(),
        purpose=purpose,
        not_before=not_before,
        signing_until=signing_until,
        verify_until=verify_until,
        revoked_at=revoked_at,
    )


def read_keys(claims: Claims, name: str = "keys") -> tuple[KeyRecord, ...]:
    """The key records of a JWK set. Refuses `directory.malformed`, `statement.key_malformed`."""
    records: list[KeyRecord] = []
    seen: set[str] = set()
    for one in claims.each(name):
        kid = one.text("kid")
        if kid in seen:
            raise one.wrong("kid", "each key id once")
        seen.add(kid)
        try:
            purpose = KeyPurpose(one.text("purpose"))
        except ValueError:
            raise one.wrong("purpose", "sign, seal-content or seal-identity") from None
        revoked = one.inside("revoked") if "revoked" in one else None
        record = KeyRecord(
            kid=kid,
            jwk=MappingProxyType({key: value for key, value in one.members() if key not in _KEY_MEMBERS}),
            purpose=purpose,
            not_before=one.moment("nbf"),
            signing_until=one.moment("signing_until"),
            verify_until=one.moment("exp"),
            revoked_at=revoked.moment("revoked_at") if revoked is not None else None,
            checkpoints=_checkpoints(revoked) if revoked is not None else None,
        )
        if not record.not_before < record.signing_until <= record.verify_until:
            raise one.wrong("signing_until", "nbf before signing_until, and signing_until not after exp")
        if purpose is KeyPurpose.SIGN:
            record.verify_key()
        elif any(secret in record.jwk for secret in ("d", "priv")):
            raise one.wrong("kid", "a public key alone")
        records.append(record)
    return tuple(records)


def _checkpoints(revoked: Claims) -> tuple[str, ...] | None:
    # Also for a reason alone: a stolen key without a checkpoint covers nothing, and is no lesser revocation.
    if revoked.text_or_none("reason") != _COMPROMISED:
        return None
    return revoked.texts("checkpoints") if "checkpoints" in revoked else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An office that answers, by its function."""

    office: str
    email: str | None = None
    telephone: str | None = None

    def to_json(self) -> Json:
        value = {"office": self.office, "email": self.email, "telephone": self.telephone}
        return {name: text for name, text in value.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """When an office answers: ISO weekdays (Monday is 1), local times as `HH:MM`."""

    days: tuple[int, ...]
    opens: str
    closes: str

    def to_json(self) -> Json:
        return {"days": list(self.days), "opens": self.opens, "closes": self.closes}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityFacts:
    """What a State says of one of its authorities.

    `names`: by BCP 47 language. `jurisdiction`: ISO 3166-2 codes, or the State's own code for all of it.
    `competences`: the procedures in which it may bind its State. `weekend`: ISO weekdays that are no working
    days. `holidays`: for the years ahead, because both sides compute deadlines from this list. `contacts`:
    the first answers, the next are its alternates. `sealing_keys`: only where the agency holds keys of its
    own. `routing`: whether it sends directly, or what it says goes through its focal point; None as the focal
    point's own entry has it for the whole State.
    """

    address: Address
    state: StateCode
    role: Role
    names: Mapping[str, str] = field(hash=False)
    jurisdiction: tuple[str, ...]
    competences: tuple[str, ...]
    languages: tuple[str, ...]
    working_hours: tuple[OpeningHours, ...]
    timezone: str
    weekend: tuple[int, ...]
    holidays: tuple[date, ...]
    contacts: tuple[Contact, ...]
    escalation: Contact | None
    node: NodeCode
    signing_keys: tuple[KeyRecord, ...]
    sealing_keys: tuple[KeyRecord, ...] = ()
    vocabulary_releases: tuple[str, ...]
    routing: Routing | None = None

    def metadata(self) -> Json:
        return {
            AUTHORITY_TYPE: {
                "role": self.role.value,
                "names": dict(self.names),
                "jurisdiction": list(self.jurisdiction),
                "competences": list(self.competences),
                "languages": list(self.languages),
                "working_hours": [hours.to_json() for hours in self.working_hours],
                "timezone": self.timezone,
                "weekend": list(self.weekend),
                "holidays": [day.isoformat() for day in self.holidays],
                "contacts": [contact.to_json() for contact in self.contacts],
                **({"escalation": self.escalation.to_json()} if self.escalation else {}),
                "node": self.node,
                "vocabulary_releases": list(self.vocabulary_releases),
                **({"routing": self.routing.value} if self.routing else {}),
            }
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityEntry(AuthorityFacts):
    """An authority as a verified entry describes it. `digest` names this version of the entry."""

    path: str
    digest: str
    issued_at: datetime
    expires_at: datetime

    @property
    def owner(self) -> Owner:
        return self.address

    @property
    def keys(self) -> tuple[KeyRecord, ...]:
        return self.signing_keys + self.sealing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """What a State says of its node. `limits`: bytes per part, by part name. `targets`: how fast it says
    that it takes messages in."""

    code: NodeCode
    state: StateCode
    protocol_versions: tuple[str, ...]
    limits: Mapping[str, int] = field(hash=False, default=DEFAULT_LIMITS)
    targets: DeliveryTargets | None = None
    signing_keys: tuple[KeyRecord, ...]
    sealing_keys: tuple[KeyRecord, ...]

    def metadata(self) -> Json:
        said: Json = {"protocol_versions": list(self.protocol_versions), "limits": dict(self.limits)}
        if self.targets is not None:
            said["targets"] = self.targets.to_json()
        return {NODE_TYPE: said}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntry(NodeFacts):
    """A node as a verified entry describes it. `digest` names this version of the entry."""

    path: str
    digest: str
    issued_at: datetime
    expires_at: datetime

    @property
    def owner(self) -> Owner:
        return self.code

    @property
    def keys(self) -> tuple[KeyRecord, ...]:
        return self.signing_keys + self.sealing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEntry:
    """An entry that lists no keys. Of a kind that this version does not know: its member did sign it, no more
    is said.
    """

    path: str
    state: StateCode
    claims: Mapping[str, Any] = field(hash=False)
    digest: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEntry(OtherEntry):
    """A mandate as a verified entry gives it."""

    facts: MandateFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CorridorEntry(OtherEntry):
    """A corridor profile in a verified entry of one of its States. That both signed the profile is for
    `Directory.corridor_profile` and `Directory.profile_by_digest` to see.
    """

    facts: CorridorFacts


type Entry = AuthorityEntry | NodeEntry | OtherEntry


def is_member_code(text: str) -> bool:
    """True for a State's code (`ro`) and for an international body's (`int-iom`)."""
    return _MEMBER.fullmatch(text) is not None


def state_of_member(member: str) -> StateCode:
    """The State code in the member's addresses: `int` for an international body."""
    return StateCode("int" if member.startswith("int-") else member)


def authority_path(member: str, address: Address) -> str:
    return f"{member}/authority/{address.partition('.')[2]}"


def node_path(member: str, code: NodeCode) -> str:
    return f"{member}/node/{code}"


def mandate_path(member: str, name: str) -> str:
    return f"{member}/mandate/{name}"


def corridor_path(member: str, other: str) -> str:
    return f"{member}/corridor/{other}"


def split_path(path: str) -> tuple[str, str, str]:
    """Member, kind and name of an entry. Refuses `directory.malformed`."""
    member, _, rest = path.partition("/")
    kind, _, name = rest.partition("/")
    if not is_member_code(member) or not _PATH_NAME.fullmatch(kind) or not _PATH_NAME.fullmatch(name):
        raise NotAcceptable(MALFORMED, "expected a path `<member>/<kind>/<name>`")
    return member, kind, name


def read_entry(path: str, statement: Statement) -> Entry:
    """The entry that a verified statement under `path` makes.

    Refuses `directory.malformed`, `directory.critical`, `directory.wrong_path` when the statement is about
    something else than its path says.
    """
    member, kind, name = split_path(path)
    state = state_of_member(member)
    claims = Claims(statement.claims, code=MALFORMED)
    claims.no_unknown_critical("directory.critical")
    issued_at, expires_at = claims.moment("iat"), claims.moment("exp")
    if expires_at <= issued_at:
        raise claims.wrong("exp", "a moment after iat")
    subject = claims.text("sub")
    if kind == "authority":
        if subject.partition(".")[0] != state:
            raise NotAcceptable("directory.wrong_state", f"{member} may not speak for another's authority")
        if subject != f"{state}.{name}":
            raise NotAcceptable("directory.wrong_path", f"the entry at {path} is about another subject")
        facts = claims.inside("metadata").inside(AUTHORITY_TYPE)
        return _authority(
            facts,
            claims.inside("jwks"),
            address=parse_address(subject),
            state=state,
            path=path,
            digest=statement.digest,
            issued_at=issued_at,
            expires_at=expires_at,
        )
    if kind == "node":
        if subject != name:
            raise NotAcceptable("directory.wrong_path", f"the entry at {path} is about another subject")
        facts = claims.inside("metadata").inside(NODE_TYPE)
        signing, sealing = by_purpose(read_keys(claims.inside("jwks")))
        return NodeEntry(
            code=parse_node_code(subject),
            state=state,
            protocol_versions=facts.texts("protocol_versions"),
            limits=MappingProxyType({**DEFAULT_LIMITS, "attachment": 0, **_limits(facts)}),
            targets=read_targets(dict(facts.members()).get("targets")),
            signing_keys=signing,
            sealing_keys=sealing,
            path=path,
            digest=statement.digest,
            issued_at=issued_at,
            expires_at=expires_at,
        )
    plain: dict[str, Any] = {
        "path": path,
        "state": state,
        "claims": MappingProxyType(statement.claims),
        "digest": statement.digest,
        "issued_at": issued_at,
        "expires_at": expires_at,
    }
    if kind == "mandate":
        return MandateEntry(**plain, facts=read_mandate(state, name, subject, claims.inside("metadata")))
    if kind == "corridor" and state == member:
        return CorridorEntry(**plain, facts=read_corridor(state, name, subject, claims.inside("metadata")))
    return OtherEntry(**plain)


def _authority(
    facts: Claims,
    jwks: Claims,
    *,
    address: Address,
    state: StateCode,
    path: str,
    digest: str,
    issued_at: datetime,
    expires_at: datetime,
) -> AuthorityEntry:
    signing, sealing = by_purpose(read_keys(jwks))
    return AuthorityEntry(
        address=address,
        state=state,
        signing_keys=signing,
        sealing_keys=sealing,
        path=path,
        digest=digest,
        issued_at=issued_at,
        expires_at=expires_at,
        **described(facts),
    )


def _routing(facts: Claims) -> Routing | None:
    text = facts.text_or_none("routing")
    try:
        return None if text is None else Routing(text)
    except ValueError:
        raise facts.wrong("routing", "direct or through-focal-point") from None


def described(facts: Claims) -> dict[str, Any]:
    """The members of `AuthorityFacts` that an entry's metadata holds. Refuses `directory.malformed`."""
    try:
        role = Role(facts.text("role"))
    except ValueError:
        raise facts.wrong("role", "focal-point, local or international") from None
    weekend = facts.integers("weekend")
    if not set(weekend) < set(range(1, 8)):
        raise facts.wrong("weekend", "ISO weekdays (1 to 7), and at least one working day")
    return {
        "role": role,
        "names": MappingProxyType(facts.texts_by_name("names")),
        "jurisdiction": facts.texts("jurisdiction"),
        "competences": facts.texts("competences"),
        "languages": facts.texts("languages"),
        "working_hours": tuple(_hours(one) for one in facts.each("working_hours")),
        "timezone": facts.text("timezone"),
        "weekend": weekend,
        "holidays": facts.dates("holidays"),
        "contacts": tuple(_contact(one) for one in facts.each("contacts")),
        "escalation": _contact(facts.inside("escalation")) if "escalation" in facts else None,
        "node": parse_node_code(facts.text("node")),
        "vocabulary_releases": facts.texts("vocabulary_releases"),
        "routing": _routing(facts),
    }


def by_purpose(keys: Iterable[KeyRecord]) -> tuple[tuple[KeyRecord, ...], tuple[KeyRecord, ...]]:
    """Those for signatures, and those to seal to."""
    keys = tuple(keys)
    signing = tuple(key for key in keys if key.purpose is KeyPurpose.SIGN)
    return signing, tuple(key for key in keys if key.purpose is not KeyPurpose.SIGN)


def _limits(facts: Claims) -> dict[str, int]:
    limits = facts.mapping("limits")
    if not all(
        type(size) is int and size >= (0 if name == "attachment" else 1) for name, size in limits.items()
    ):
        raise facts.wrong("limits", "sizes in bytes")
    return limits


def _hours(claims: Claims) -> OpeningHours:
    hours = OpeningHours(
        days=claims.integers("days"), opens=claims.text("opens"), closes=claims.text("closes")
    )
    if not _TIME.fullmatch(hours.opens) or not _TIME.fullmatch(hours.closes):
        raise claims.wrong("opens", "times as HH:MM")
    return hours


def _contact(claims: Claims) -> Contact:
    return Contact(
        office=claims.text("office"),
        email=claims.text_or_none("email"),
        telephone=claims.text_or_none("telephone"),
    )
