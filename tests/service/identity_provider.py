"""An identity provider to sign in by: real keys, real signatures, the checks that a provider has to make.

    provider = IdentityProvider()
    back = provider.authorize(location, subject="s-1")     # what the browser is sent back with
    provider.says = lambda claims: claims | {"nonce": "another"}   # and then it lies

It is reached by `provider.transport`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeySet

ISSUER = "https://login.example"
CLIENT_ID = "focalpoint-it"

type Json = dict[str, Any]


@dataclass
class IdentityProvider:
    """`says` changes an ID token's claims before they are signed; `key` signs; `published` is told."""

    now: Callable[[], datetime]
    issuer: str = ISSUER
    client_id: str = CLIENT_ID
    secret: str | None = None
    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "op-1"}))
    published: list[Key] | None = None
    algorithm: str = "ES256"
    says: Callable[[Json], Json] = lambda claims: claims
    writes: Callable[[str], str] = lambda token: token
    away: bool = False
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, Json] = field(default_factory=dict)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def authorize(self, location: str, *, subject: str = "s-1") -> Json:
        """Somebody signs in where the browser was sent. Refuses what a provider has to refuse."""
        address = urlsplit(location)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{self.issuer}/authorize"
        assert asked["response_type"] == "code"
        assert asked["client_id"] == self.client_id
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"] == "openid"
        assert len(asked["code_challenge"]) == 43
        assert min(len(asked["state"]), len(asked["nonce"])) >= 43
        code = f"code-{len(self._codes)}-{asked['nonce'][:6]}"
        self._codes[code] = {**asked, "subject": subject}
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.away:
            raise httpx.ConnectError("away", request=request)
        match request.method, request.url.path:
            case "GET", "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.metadata())
            case "GET", "/jwks":
                keys = [self.key] if self.published is None else self.published
                return httpx.Response(200, json=KeySet(keys).as_dict(private=False))
            case "POST", "/token":
                return self._token(request)
        return httpx.Response(404)

    def metadata(self) -> Json:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": [self.algorithm],
        }

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        known = self._codes.pop(form.get("code", ""), None)  # once
        if self.secret is not None:
            expected = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
            if request.headers.get("authorization") != f"Basic {expected}":
                return httpx.Response(401, json={"error": "invalid_client"})
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            known is None
            or known["code_challenge"] != challenge
            or known["redirect_uri"] != form.get("redirect_uri")
            or form.get("grant_type") != "authorization_code"
        ):
            return httpx.Response(400, json={"error": "invalid_grant"})
        issued = int(self.now().timestamp())
        claims = self.says(
            {
                "iss": self.issuer,
                "sub": known["subject"],
                "aud": self.client_id,
                "iat": issued,
                "exp": issued + 300,
                "nonce": known["nonce"],
                "acr": "urn:example:two-factors",
                "amr": ["pwd", "otp"],
            }
        )
        header = {"alg": self.algorithm, "kid": self.key.kid}
        token = jwt.encode(header, claims, self.key, algorithms=[self.algorithm])
        return httpx.Response(
            200, json={"access_token": "opaque", "token_type": "Bearer", "id_token": self.writes(token)}
        )


def query(back: Json) -> str:
    return urlencode(back)


def unsigned(token: str) -> str:
    """The same claims, signed by nobody."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."
