"""Access tokens: JWT of type `at+jwt` (RFC 9068), signed with Ed25519 by the node that will read them.

    iss, aud   this node and its API: a token for one node opens no other
    sub        who asks: an opaque name, the one that the journal keeps
    role       one role; `authorities` on whose behalf; `scope` what is granted, never more than the role has
    via        how the subject came to be known (`service.access.actor`); a token made by command says so
    iat, exp   seconds; jti 128 random bits

Time comes from the node's clock, so the library checks the signature and we check the claims.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

import jwt
from jwt.algorithms import Algorithm

from protocol import base64url
from protocol.errors import Refused
from protocol.identifiers import Address, NodeCode, parse_address
from protocol.json_strict import dumps, parse_object
from protocol.signing_keys import ALGORITHM, SigningKey, VerifyKey
from service.access.actor import Actor, Via
from service.access.roles import ROLE_SCOPES, Role, Scope
from service.errors import Forbidden, NotAuthenticated

__all__ = ["LIFETIME", "TOKEN_TYPE", "TokenVerifier", "audience", "issuer", "mint"]

TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 (a media type, RFC 9068 §2.1)
LIFETIME: Final = timedelta(minutes=10)
MAX_TOKEN_BYTES: Final = 8192
"""More than a token for fifty authorities needs, less than a header that costs us to read."""
CLOCK_SKEW: Final = timedelta(seconds=30)
"""How far in the future `iat` may lie: the minting process may run on another machine of the same State."""
REMEMBERED: Final = 1024
"""Tokens that were verified and are not verified again until they expire."""


type KeyOf = Callable[[str], VerifyKey | None]
"""The token key of that id, when this node honours it."""


_VIAS: Final[Mapping[str, Via]] = {"command": "command", "client": "client", "session": "session"}


class _Ed25519(Algorithm):
    """RFC 9864's name and our key port, so that a key may live in a hardware module."""

    def prepare_key(self, key: Any) -> Any:
        return key

    def sign(self, msg: bytes, key: SigningKey) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: VerifyKey, sig: bytes) -> bool:
        return key.verify(sig, msg)

    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> NoReturn:
        raise NotImplementedError("protocol.signing_keys writes our keys")

    @staticmethod
    def from_jwk(jwk: Any) -> NoReturn:
        raise NotImplementedError("protocol.signing_keys reads our keys")


# An instance of our own, allowing nothing else: the library's global one is everybody's.
_jws = jwt.PyJWS(algorithms=[])
_jws.register_algorithm(ALGORITHM, _Ed25519())


def issuer(node: NodeCode) -> str:
    return f"urn:focalpoint:node:{node}"


def audience(node: NodeCode) -> str:
    return f"urn:focalpoint:node:{node}:api"


def mint(
    key: SigningKey,
    *,
    node: NodeCode,
    person: str,
    role: Role,
    authorities: Iterable[Address],
    now: datetime,
    random_bytes: Callable[[int], bytes],
    lifetime: timedelta = LIFETIME,
    scopes: Iterable[Scope] | None = None,
    via: Via = "command",
) -> str:
    """A token for `person`. All scopes of the role, unless fewer are named.

    Forbidden `access.scope` when a scope is asked for that the role does not have.
    """
    granted = ROLE_SCOPES[role] if scopes is None else frozenset(scopes)
    if not granted <= ROLE_SCOPES[role]:
        raise Forbidden("access.scope", f"the role {role} does not have every scope that was asked for")
    issued = int(now.timestamp())
    claims = {
        "iss": issuer(node),
        "aud": audience(node),
        "sub": person,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": base64url.encode(random_bytes(16)).decode(),
        "role": str(role),
        "authorities": sorted(authorities),
        "scope": " ".join(sorted(granted)),
        "via": via,
    }
    # The library's types know its own keys only; `_Ed25519` takes ours.
    any_key: Any = key
    return _jws.encode(
        dumps(claims), any_key, algorithm=ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": key.kid}
    )


class TokenVerifier:
    """Says who asks. `keys`: the token keys that this node honours, by key id, and no other key of the node;
    asked anew each time, so that a key that was replaced ends what it signed without a restart.

    A token that was verified is remembered by its digest until it expires, because a verification costs as
    much as a good part of taking a message in. Safe on one event loop.
    """

    def __init__(self, *, node: NodeCode, keys: Mapping[str, VerifyKey] | KeyOf) -> None:
        self._issuer = issuer(node)
        self._audience = audience(node)
        self._key_of: KeyOf = keys if callable(keys) else dict(keys).get
        self._known: OrderedDict[bytes, tuple[Actor, str]] = OrderedDict()

    def verify(self, token: str, now: datetime) -> Actor:
        """NotAuthenticated `access.token_invalid`, or `access.token_expired` for one that was ours."""
        if len(token) > MAX_TOKEN_BYTES or not token.isascii():
            raise NotAuthenticated("access.token_invalid", "not a token of this node")
        name = hashlib.sha256(token.encode("ascii")).digest()
        actor, kid = self._known.get(name, (None, ""))
        if actor is not None and self._key_of(kid) is None:
            del self._known[name]
            raise NotAuthenticated("access.token_invalid", "not a token of this node's token key")
        if actor is None:
            actor, kid = self._read(token, now)
            if len(self._known) >= REMEMBERED:
                self._known.popitem(last=False)
            self._known[name] = actor, kid
        if actor.expires_at <= now:
            self._known.pop(name, None)
            raise NotAuthenticated("access.token_expired", "the token has expired")
        return actor

    def _read(self, token: str, now: datetime) -> tuple[Actor, str]:
        try:
            header = jwt.get_unverified_header(token)
            kid = str(header.get("kid", ""))
            key: Any = self._key_of(kid)
            if key is None or header.get("typ") != TOKEN_TYPE or header.get("alg") != ALGORITHM:
                raise NotAuthenticated("access.token_invalid", "not a token of this node's token key")
            payload = _jws.decode(token, key, algorithms=[ALGORITHM])
            claims = parse_object(payload, max_bytes=MAX_TOKEN_BYTES)
            if claims["iss"] != self._issuer or claims["aud"] != self._audience:
                raise NotAuthenticated("access.token_invalid", "a token for another node")
            if datetime.fromtimestamp(claims["iat"], UTC) > now + CLOCK_SKEW:
                raise NotAuthenticated("access.token_invalid", "a token from the future")
            role = Role(claims["role"])
            actor = Actor(
                person=str(claims["sub"]),
                role=role,
                authorities=frozenset(parse_address(address) for address in claims["authorities"]),
                # A role may have lost a scope since: what counts is what it has today.
                scopes=frozenset(Scope(scope) for scope in claims["scope"].split()) & ROLE_SCOPES[role],
                expires_at=datetime.fromtimestamp(claims["exp"], UTC),
                via=_VIAS[claims["via"]],
            )
            return actor, kid
        except (
            jwt.PyJWTError,
            Refused,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            OverflowError,
            OSError,
        ):
            raise NotAuthenticated("access.token_invalid", "not a token of this node") from None
