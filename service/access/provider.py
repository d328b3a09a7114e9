"""The State's identity provider, by OpenID Connect: authorization code with PKCE (S256), state and nonce.

    discover   the provider's own description; its `issuer` has to be the one of the settings
    go         the browser is sent there with a state, a nonce and the digest of a verifier, made for it alone
    come back  the code, with the verifier, becomes an ID token, which is believed when it is signed by one of
               the provider's keys, from that issuer, for this node, of this moment, and carries the nonce

authlib and joserfc do what the standards say; time is the node's, and so are the refusals. What the provider
says of somebody beyond their subject and how they were recognised (`acr`, `amr`) is not read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from protocol import base64url
from protocol.errors import Refused
from protocol.json_strict import parse_object
from service.access.people import subject_digest
from service.access.signatures import verified_payload
from service.errors import NotAuthenticated, Unavailable
from service.settings import Settings

__all__ = ["ALGORITHMS", "Identity", "Provider"]

ALGORITHMS: Final = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")
MAX_ANSWER: Final = 1 << 18
MAX_ID_TOKEN: Final = 16_384
TIMEOUT: Final = 10.0
KEPT: Final = timedelta(hours=1)
"""How long the provider's description and keys are kept."""
ASKED_AGAIN: Final = timedelta(seconds=60)
"""An unknown key is looked for at most this often, or anybody could make the node ask without end."""
LEEWAY: Final = 30
"""Seconds between the provider's clock and ours."""
MAX_WORD: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who came back: `subject` is a digest (`people.subject_digest`)."""

    subject: str
    acr: str | None
    amr: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    metadata: Mapping[str, Any]
    keys: KeySet
    at: datetime


class Provider:
    """One identity provider. `transport`: how it is reached; tests give one that leads to theirs."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret_file = settings.oidc_client_secret_file
        self._transport = transport
        self._known: _Known | None = None
        self._one_at_a_time = asyncio.Lock()

    async def address(self, *, state: str, nonce: str, verifier: str, back_to: str, now: datetime) -> str:
        """Where the browser is to be sent. Unavailable `access.provider_unavailable`."""
        known = await self._discovered(now)
        address: str = prepare_grant_uri(
            known.metadata["authorization_endpoint"],
            client_id=self._client_id,
            response_type="code",
            redirect_uri=back_to,
            scope="openid",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address

    async def identify(
        self, *, code: str, nonce: str, verifier: str, back_to: str, now: datetime
    ) -> Identity:
        """Who the code stands for. NotAuthenticated `access.sign_in_failed`; Unavailable
        `access.provider_unavailable`."""
        known = await self._discovered(now)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back_to,
            "code_verifier": verifier,
            "client_id": self._client_id,
        }
        auth = None
        if self._secret_file is not None:
            secret = self._secret_file.read_text("utf-8").strip()
            # RFC 6749 §2.3.1 has both written as in a form first.
            auth = httpx.BasicAuth(quote(self._client_id, safe=""), quote(secret, safe=""))
        answer = await self._ask("POST", known.metadata["token_endpoint"], data=form, auth=auth)
        token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str) or len(token) > MAX_ID_TOKEN or not token.isascii():
            raise _failed("the provider gave no ID token")
        header, claims = await self._verified(token, now)
        try:
            read = CodeIDToken(
                claims,
                header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client_id},
                },
                params={"nonce": nonce, "client_id": self._client_id, "access_token": access_token},
            )
            read.validate(now=int(now.timestamp()), leeway=LEEWAY)
        except (AuthlibBaseError, JoseError, ValueError, TypeError):
            raise _failed("the ID token is not for this sign-in") from None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_WORD:
            raise _failed("the ID token names nobody")
        methods = claims.get("amr")
        return Identity(
            subject=subject_digest(self.issuer, subject),
            acr=_word(claims.get("acr")),
            amr=_word(" ".join(str(one) for one in methods)) if isinstance(methods, list) else None,
        )

    async def _verified(self, token: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            header = parse_object(base64url.decode(token.split(".", 1)[0].encode()), max_bytes=MAX_ID_TOKEN)
        except (Refused, ValueError):
            raise _failed("the ID token is not a signed JWT") from None
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise _failed("the ID token is not signed as agreed")
        key = self._key(header, await self._discovered(now))
        if key is None:
            key = self._key(header, await self._discovered(now, again=True))
        if key is None:
            raise _failed("the ID token names none of the provider's keys")
        try:
            payload = verified_payload(token, key, [algorithm])
            return header, parse_object(payload, max_bytes=MAX_ID_TOKEN)
        except (JoseError, Refused, ValueError, TypeError):
            raise _failed("the ID token's signature does not verify") from None

    @staticmethod
    def _key(header: Mapping[str, Any], known: _Known) -> Key | None:
        kid = header.get("kid")
        fitting = [key for key in known.keys.keys if kid is None or key.kid == kid]
        # Without a key id there must be no choice (OpenID Connect Core §10.1).
        return fitting[0] if len(fitting) == 1 else None

    async def _discovered(self, now: datetime, *, again: bool = False) -> _Known:
        async with self._one_at_a_time:
            known = self._known
            if known is not None and now - known.at < (ASKED_AGAIN if again else KEPT):
                return known
            metadata = await self._ask("GET", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if metadata.get("issuer") != self.issuer or not all(
                self._may_be_asked(metadata.get(name)) for name in needed
            ):
                raise Unavailable(
                    "access.provider_unavailable", "the identity provider describes another than it is"
                )
            keys = (await self._ask("GET", metadata["jwks_uri"])).get("keys")
            self._known = _Known(metadata=metadata, keys=_signing_keys(keys), at=now)
            return self._known

    def _may_be_asked(self, address: object) -> bool:
        """No weaker way than to the issuer itself."""
        scheme = self.issuer.partition(":")[0]
        return isinstance(address, str) and address.startswith(("https://", f"{scheme}://"))

    async def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT) as client:
                answer = await client.request(method, address, headers={"Accept": "application/json"}, **more)
        except httpx.HTTPError as error:
            raise Unavailable(
                "access.provider_unavailable",
                f"the identity provider did not answer ({type(error).__name__})",
            ) from error
        if answer.status_code in (400, 401, 403):
            raise _failed("the provider refused the code")
        if not answer.is_success or len(answer.content) > MAX_ANSWER:
            raise Unavailable("access.provider_unavailable", f"the provider answered {answer.status_code}")
        try:
            found = json.loads(answer.content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable("access.provider_unavailable", "the provider did not answer in JSON")
        return found


def _signing_keys(given: object) -> KeySet:
    keys = []
    for jwk in given if isinstance(given, list) else []:
        if (
            isinstance(jwk, dict)
            and jwk.get("kty") in ("EC", "RSA", "OKP")
            and jwk.get("use", "sig") == "sig"
        ):
            try:
                keys += KeySet.import_key_set({"keys": [jwk]}).keys
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # a kind that we do not know; one that we do may stand beside it
    return KeySet(keys)


def _word(value: object) -> str | None:
    return value[:MAX_WORD] if isinstance(value, str) and value.isprintable() else None


def _failed(detail: str) -> NotAuthenticated:
    return NotAuthenticated("access.sign_in_failed", detail)
