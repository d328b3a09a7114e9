"""Agencies' systems: registered by an administrator with their public keys, and known by what they sign
(`private_key_jwt`, OpenID Connect Core §9, as RFC 7523 and its revision rfc7523bis have it).

What the assertion has to be:

    typ        client-authentication+jwt
    alg        that of the key: ES256, PS256 or RS256, EdDSA or Ed25519
    iss, sub   the client's id, both
    aud        this node's issuer, as one string: the address of the token endpoint would let another server
               that is called so use it here
    iat, exp   at most 60 seconds apart; jti not used before
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from protocol import base64url
from protocol.errors import Refused
from protocol.identifiers import Address, StateCode
from protocol.json_strict import dumps, parse_object
from service.access import journal
from service.access.actor import Actor
from service.access.people import authorities_of
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.access.signatures import verified_payload
from service.access.tokens import CLOCK_SKEW
from service.errors import Malformed, NotAuthenticated, NotFound
from service.store.tables import CLIENT, CLIENT_ASSERTION

__all__ = [
    "ALGORITHMS",
    "ASSERTION_TYPE",
    "CLIENT_ROLES",
    "Client",
    "authenticate",
    "check",
    "clients",
    "disable",
    "known",
    "register",
    "thumbprints",
]

ASSERTION_TYPE: Final = "client-authentication+jwt"
LIFETIME: Final = timedelta(seconds=60)
MAX_ASSERTION_BYTES: Final = 4_096
MAX_KEYS: Final = 4
LEAST_RSA_BITS: Final = 2_048
CLIENT_ROLES: Final = frozenset({Role.AGENCY_SYSTEM, Role.OPERATOR, Role.STATISTICIAN})
"""What software may be: no role that is one of two people."""

_OF_KEY: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("ES256",),
    "RSA": ("PS256", "RS256"),
    "OKP": ("EdDSA", "Ed25519"),
}
ALGORITHMS: Final = tuple(sorted(name for names in _OF_KEY.values() for name in names))
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
_KID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_JTI_LENGTH: Final = range(8, 129)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A system as it was registered. `kids`: of its keys."""

    id: str
    role: Role
    authorities: tuple[Address, ...]
    scopes: tuple[Scope, ...]
    kids: tuple[str, ...]
    registered_at: datetime
    registered_by: str
    disabled_at: datetime | None


def register(
    session: Session,
    actor: Actor,
    id: str,  # noqa: A002 (the client's own word)
    *,
    state: StateCode,
    role: Role,
    authorities: Iterable[str],
    scopes: Iterable[Scope] | None,
    keys: Iterable[Mapping[str, Any]],
    now: datetime,
) -> Client:
    """Register a system, or say anew what it is: with it, its keys are replaced and it is no longer disabled.
    Refuses as `check`."""
    values = {
        **check(id, state=state, role=role, authorities=authorities, scopes=scopes, keys=keys),
        "registered_at": now,
        "registered_by": actor.person,
        "disabled_at": None,
    }
    change = insert(CLIENT) if known(session, id) is None else update(CLIENT).where(CLIENT.c.id == id)
    session.connection().execute(change.values({"id": id, **values}))
    journal.note(session, actor, "client-registered", id, at=now)
    row = _row(session, id)
    assert row is not None
    return _client(row)


def check(
    id: str,  # noqa: A002
    *,
    state: StateCode,
    role: Role,
    authorities: Iterable[str],
    scopes: Iterable[Scope] | None,
    keys: Iterable[Mapping[str, Any]],
) -> dict[str, str]:
    """A registration as it would be stored.

    Malformed `request.body` for an id, role or scope that cannot be; `access.client_key` for a key that is
    none, is private, or is too weak.
    """
    if not _ID.fullmatch(id):
        raise Malformed(
            "request.body", "expected 3 to 64 of a-z, 0-9, dot, hyphen and underscore", field="/id"
        )
    if role not in CLIENT_ROLES:
        raise Malformed("request.body", "expected a role that software may have", field="/role")
    allowed = frozenset(ROLE_SCOPES[role] if scopes is None else scopes)
    if not allowed or not allowed <= ROLE_SCOPES[role]:
        raise Malformed("request.body", "expected scopes that the role has", field="/scopes")
    return {
        "role": str(role),
        "authorities": " ".join(authorities_of(role, authorities, state)),
        "scopes": " ".join(sorted(allowed)),
        "keys": json.dumps({"keys": list(_public_keys(keys))}, separators=(",", ":")),
    }


def known(session: Session, id: str) -> Client | None:  # noqa: A002
    row = _row(session, id)
    return None if row is None else _client(row)


def thumbprints(keys: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each key's id and its thumbprint (RFC 7638), to be compared by telephone. Refuses as `check`."""
    return [f"{jwk['kid']}, thumbprint {_key(jwk).thumbprint()}" for jwk in _public_keys(keys)]


def clients(session: Session) -> list[Client]:
    return [_client(row) for row in session.connection().execute(select(CLIENT).order_by(CLIENT.c.id))]


def disable(session: Session, actor: Actor, id: str, now: datetime) -> Client:  # noqa: A002
    """No token from now on; those it has live out their minutes. NotFound `request.not_found`."""
    row = _row(session, id)
    if row is None:
        raise NotFound("request.not_found", "no client has this id")
    if row.disabled_at is None:
        session.connection().execute(update(CLIENT).where(CLIENT.c.id == id).values(disabled_at=now))
        journal.note(session, actor, "client-disabled", id, at=now)
        row = _row(session, id)
        assert row is not None
    return _client(row)


def authenticate(session: Session, assertion: str, *, issuer: str, now: datetime) -> Client:
    """Whose system signed `assertion`. It is used with that, also when the transaction's other work fails
    later; so run this in a transaction of its own.

    NotAuthenticated `access.assertion_invalid`, `access.assertion_replayed`. Neither says what was wrong to
    whoever may be guessing.
    """
    claimed = _claimed_id(assertion)
    row = _row(session, claimed)
    if row is None or row.disabled_at is not None:
        raise _invalid("no such client")
    claims = _verified(assertion, KeySet([_key(jwk) for jwk in json.loads(row.keys)["keys"]]))
    expires_at = _check(claims, client=claimed, issuer=issuer, now=now)
    used = hashlib.sha256(dumps([claimed, claims["jti"]])).digest()
    connection = session.connection()
    connection.execute(delete(CLIENT_ASSERTION).where(CLIENT_ASSERTION.c.until <= now))
    try:
        with connection.begin_nested():
            connection.execute(
                insert(CLIENT_ASSERTION), {"digest": base64url.encode(used).decode(), "until": expires_at}
            )
    except IntegrityError:
        raise NotAuthenticated("access.assertion_replayed", "this assertion was used before") from None
    return _client(row)


def _claimed_id(assertion: str) -> str:
    """Whom it is said to be from, to find the keys. Nothing is believed yet."""
    if len(assertion) > MAX_ASSERTION_BYTES or not assertion.isascii() or assertion.count(".") != 2:
        raise _invalid("not a signed JWT")
    try:
        payload = base64url.decode(assertion.split(".")[1].encode())
        claimed = parse_object(payload, max_bytes=MAX_ASSERTION_BYTES)["iss"]
    except (Refused, ValueError, KeyError):
        raise _invalid("not a signed JWT") from None
    if not isinstance(claimed, str):
        raise _invalid("iss is no text")
    return claimed


def _verified(assertion: str, keys: KeySet) -> dict[str, Any]:
    try:
        header = parse_object(
            base64url.decode(assertion.split(".", 1)[0].encode()), max_bytes=MAX_ASSERTION_BYTES
        )
        # Nothing that would let an assertion bring its own key, or change how it is read.
        if header.get("typ") != ASSERTION_TYPE or not header.keys() <= {"typ", "alg", "kid"}:
            raise _invalid("its header is not what was agreed")
        fitting = [key for key in keys.keys if header.get("kid") in (None, key.kid)]
        if len(fitting) != 1:
            raise _invalid("it names none of the client's keys")
        (key,) = fitting
        allowed = list(_OF_KEY[key.key_type])
        payload = verified_payload(assertion, key, allowed)
        return parse_object(payload, max_bytes=MAX_ASSERTION_BYTES)
    except (JoseError, Refused, ValueError, TypeError, KeyError, UnicodeError):
        raise _invalid("its signature does not verify") from None


def _check(claims: Mapping[str, Any], *, client: str, issuer: str, now: datetime) -> datetime:
    issued, expires, jti = claims.get("iat"), claims.get("exp"), claims.get("jti")
    if claims.get("sub") != client or claims.get("aud") != issuer:
        raise _invalid("it is another's, or for another")
    if type(issued) is not int or type(expires) is not int or not 0 < issued < expires < 1 << 40:
        raise _invalid("iat and exp are whole seconds")
    if not isinstance(jti, str) or len(jti) not in _JTI_LENGTH:
        raise _invalid("jti has 8 to 128 characters")
    if expires - issued > LIFETIME.total_seconds():
        raise _invalid("it lives longer than 60 seconds")
    issued_at, expires_at = datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC)
    if issued_at > now + CLOCK_SKEW or expires_at <= now:
        raise _invalid("it is not of this moment")
    not_before = claims.get("nbf", issued)
    if type(not_before) is not int or not_before > expires or not_before > (now + CLOCK_SKEW).timestamp():
        raise _invalid("it is not of this moment")
    return expires_at


def _invalid(detail: str) -> NotAuthenticated:
    return NotAuthenticated("access.assertion_invalid", detail)


def _public_keys(keys: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    given = list(keys)
    if not 1 <= len(given) <= MAX_KEYS:
        raise Malformed("access.client_key", f"expected 1 to {MAX_KEYS} keys", field="/keys")
    kids = set()
    for number, jwk in enumerate(given):
        where = f"/keys/{number}"
        if _PRIVATE & jwk.keys():
            raise Malformed(
                "access.client_key", "a private or shared key; it is not a secret any more", field=where
            )
        kid = jwk.get("kid")
        if not isinstance(kid, str) or not _KID.fullmatch(kid) or kid in kids:
            raise Malformed("access.client_key", "expected a `kid` of its own", field=f"{where}/kid")
        kids.add(kid)
        try:
            key = _key(jwk)
        except (JoseError, ValueError, TypeError, KeyError):
            raise Malformed(
                "access.client_key", "expected EC P-256, OKP Ed25519, or RSA as JWK", field=where
            ) from None
        if (
            jwk.get("use", "sig") != "sig"
            or jwk.get("alg", _OF_KEY[key.key_type][0]) not in _OF_KEY[key.key_type]
        ):
            raise Malformed("access.client_key", "expected a key for signatures", field=where)
        yield {**key.as_dict(private=False), "kid": kid}


def _key(jwk: Mapping[str, Any]) -> Key:
    members: Any = {
        name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e", "kid")
    }
    match members.get("kty"), members.get("crv"):
        case "EC", "P-256":
            return ECKey.import_key(members)
        case "OKP", "Ed25519":
            return OKPKey.import_key(members)
        case "RSA", None:
            numbers = base64url.decode(members["n"].encode()), base64url.decode(members["e"].encode())
            bits, exponent = int.from_bytes(numbers[0]).bit_length(), int.from_bytes(numbers[1])
            if not LEAST_RSA_BITS <= bits <= 8_192 or exponent != 65_537:
                raise ValueError("RSA of 2048 to 8192 bits, exponent 65537")
            key = RSAKey.import_key(members)
            assert isinstance(key.public_key, RSAPublicKey)
            return key
        case _:
            raise ValueError("another kind of key")


def _row(session: Session, id: str) -> Row[Any] | None:  # noqa: A002
    return session.connection().execute(select(CLIENT).where(CLIENT.c.id == id)).first()


def _client(row: Row[Any]) -> Client:
    return Client(
        id=row.id,
        role=Role(row.role),
        authorities=tuple(Address(address) for address in row.authorities.split()),
        # A role may have lost a scope since.
        scopes=tuple(
            sorted(frozenset(Scope(scope) for scope in row.scopes.split()) & ROLE_SCOPES[Role(row.role)])
        ),
        kids=tuple(jwk["kid"] for jwk in json.loads(row.keys)["keys"]),
        registered_at=row.registered_at,
        registered_by=row.registered_by,
        disabled_at=row.disabled_at,
    )
