"""Agencies' systems are known by what they sign, once, for a minute, for this node."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from service.access.roles import ROLE_SCOPES, Role, Scope
from tests.service.access_stand import AccessStand

pytestmark = pytest.mark.anyio

KEYS: dict[str, Key] = {
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "k1"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "k1"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "k1"}),
    "PS256": RSAKey.generate_key(2048, {"kid": "k1"}),
    "RS256": RSAKey.generate_key(2048, {"kid": "k1"}),
}


async def asked(stand: AccessStand, assertion: str, **more: str) -> Any:
    return await stand.browser().post("/oauth/token", data=stand.form(assertion, **more))


@pytest.mark.parametrize("algorithm", sorted(KEYS))
async def test_a_system_gets_a_token_for_what_it_signed_and_works_with_it(
    stand: AccessStand, algorithm: str
) -> None:
    await stand.client(key=KEYS[algorithm])
    answer = await asked(stand, stand.assertion(KEYS[algorithm], algorithm=algorithm))
    issued = answer.json()
    assert answer.status_code == 200
    assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 600)
    assert set(issued["scope"].split()) == ROLE_SCOPES[Role.AGENCY_SYSTEM]
    assert answer.headers["cache-control"] == "no-store"
    holder = stand.browser(Authorization=f"Bearer {issued['access_token']}")
    assert (await holder.post("/v1/cases")).status_code == 201
    assert (await holder.get("/v1/clients")).status_code == 403
    assert ("registry", "client", "token-issued", "registry") in stand.journal()
    assert [row[:3] for row in stand.journal() if row[2] == "case-opened"] == [
        ("registry", "client", "case-opened")
    ]


BAD: dict[str, dict[str, Any]] = {
    "for the token endpoint": {"aud": "http://127.0.0.1:8460/oauth/token"},
    "for several": {"aud": ["http://127.0.0.1:8460"]},
    "for another node": {"aud": "https://ro.example"},
    "by another's name": {"sub": "another"},
    "by a client that is not registered": {"iss": "another", "sub": "another"},
    "longer than a minute": {"exp": 1795510800 + 61},
    "of a client that is a number": {"iss": 1, "sub": 1},
    "with a short jti": {"jti": "x"},
    "with a jti that is a number": {"jti": 123456789},
    "with a fraction of a second": {"exp": "soon"},
}


@pytest.mark.parametrize("case", sorted(BAD))
async def test_an_assertion_that_is_not_as_agreed_gets_nothing(stand: AccessStand, case: str) -> None:
    _, key = await stand.client()
    changes = BAD[case]
    if case == "longer than a minute":
        changes = {"exp": int(stand.clock.now().timestamp()) + 61}
    await _refused(stand, stand.assertion(key, **changes))


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "iat", "exp", "jti"])
async def test_every_claim_is_needed(stand: AccessStand, missing: str) -> None:
    _, key = await stand.client()
    await _refused(stand, stand.assertion(key, without=(missing,)))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"kid": "k2"},
        {"jku": "https://x.example/keys"},
        {"jwk": KEYS["EdDSA"].as_dict(private=False)},
        {"x5c": ["AAAA"]},
    ],
    ids=lambda header: next(iter(header)),
)
async def test_a_header_that_would_change_how_it_is_read_gets_nothing(
    stand: AccessStand, header: dict[str, Any]
) -> None:
    _, key = await stand.client()
    await _refused(stand, stand.assertion(key, header=header))


async def test_an_assertion_of_another_moment_gets_nothing(stand: AccessStand) -> None:
    _, key = await stand.client()
    now = int(stand.clock.now().timestamp())
    await _refused(stand, stand.assertion(key, iat=now - 61, exp=now - 1))
    await _refused(stand, stand.assertion(key, iat=now - 60, exp=now))
    await _refused(stand, stand.assertion(key, iat=now + 31, exp=now + 60))
    await _refused(stand, stand.assertion(key, nbf=now + 31))


async def test_a_signature_of_another_key_or_of_none_gets_nothing(stand: AccessStand) -> None:
    _, key = await stand.client()
    await _refused(stand, stand.assertion(OKPKey.generate_key("Ed25519", {"kid": "k1"})))
    good = stand.assertion(key)
    head, claims, _ = good.split(".")
    none = stand.assertion(OctKey.generate_key(256, {"kid": "k1"}), algorithm="HS256")
    for assertion in (
        f"{head}.{claims}.",
        f"{head}.{claims}.AAAA",
        none,
        "x",
        "a.b.c",
        good + "é",
        "a" * 5000,
    ):
        await _refused(stand, assertion)


async def test_a_weaker_algorithm_than_the_keys_gets_nothing(stand: AccessStand) -> None:
    await stand.client(key=KEYS["RS256"])
    for algorithm in ("RS384", "RS512", "PS512"):
        await _refused(stand, stand.assertion(KEYS["RS256"], algorithm=algorithm))


async def _refused(stand: AccessStand, assertion: str) -> None:
    before = stand.tables()
    answer = await asked(stand, assertion)
    assert answer.status_code == 401, answer.text
    assert answer.json()["error"] == "invalid_client"
    assert answer.json().keys() == {"error", "error_description"}
    assert stand.tables() == before


async def test_an_assertion_is_used_once_also_when_the_node_was_restarted(stand: AccessStand) -> None:
    _, key = await stand.client()
    assertion = stand.assertion(key)
    assert (await asked(stand, assertion)).status_code == 200
    await _refused(stand, assertion)
    stand.app = stand.build()
    await _refused(stand, assertion)
    stand.clock.pass_by(seconds=59)
    await _refused(stand, assertion)


async def test_of_many_at_once_one_uses_it(stand: AccessStand) -> None:
    _, key = await stand.client()
    assertion = stand.assertion(key)
    answers = await asyncio.gather(*(asked(stand, assertion) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9


async def test_used_assertions_are_forgotten_when_they_could_not_be_used_again(stand: AccessStand) -> None:
    _, key = await stand.client()
    await asked(stand, stand.assertion(key))
    stand.clock.pass_by(seconds=60)
    await asked(stand, stand.assertion(key))
    assert len(stand.tables()["client_assertion"]) == 1


async def test_the_same_jti_of_two_clients_is_two(stand: AccessStand) -> None:
    _, key = await stand.client()
    await stand.client("another", key=key)
    for name in ("registry", "another"):
        answer = await asked(stand, stand.assertion(key, iss=name, sub=name, jti="the-same-jti"))
        assert answer.status_code == 200


async def test_fewer_scopes_may_be_asked_for_and_never_more(stand: AccessStand) -> None:
    _, key = await stand.client(scopes=[Scope.MESSAGES_READ, Scope.CASES_READ])
    issued = (await asked(stand, stand.assertion(key), scope="messages:read")).json()
    assert issued["scope"] == "messages:read"
    for scope in ("messages:send", "messages:read messages:send", "admin", "x"):
        assertion = stand.assertion(key)
        answer = await asked(stand, assertion, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert scope not in answer.text or scope == "x"
        assert (await asked(stand, assertion)).status_code == 401  # used, though it got nothing


async def test_a_request_that_is_not_one_is_answered_as_the_standard_says(stand: AccessStand) -> None:
    _, key = await stand.client()
    good = stand.form(stand.assertion(key))
    for changes, error in (
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "planted"}, "invalid_client"),
        ({"client_id": "planted"}, "invalid_client"),
        ({"client_secret": "planted"}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
    ):
        answer = await stand.browser().post("/oauth/token", data=good | changes)
        assert answer.json()["error"] == error, changes
        assert "planted" not in answer.text
    twice = "&".join(f"{name}={value}" for name, value in good.items()) + "&scope=a&scope=b"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (twice, "x", "é", "a=" + "b" * 9000):
        answer = await stand.browser().post("/oauth/token", content=content.encode(), headers=kind)
        assert answer.json()["error"] == "invalid_request"
    as_json = await stand.browser().post("/oauth/token", json=good)
    assert as_json.json()["error"] == "invalid_request"


async def test_a_disabled_client_gets_no_token_until_it_is_registered_again(stand: AccessStand) -> None:
    _, key = await stand.client()
    admin = stand.as_(Role.ADMINISTRATOR)
    assert "disabled_at" in (await admin.delete("/v1/clients/registry")).json()
    await _refused(stand, stand.assertion(key))
    await stand.client(key=key)
    assert (await asked(stand, stand.assertion(key))).status_code == 200


async def test_new_keys_replace_the_old_ones(stand: AccessStand) -> None:
    _, old = await stand.client()
    _, new = await stand.client(key=KEYS["ES256"])
    await _refused(stand, stand.assertion(old))
    assert (await asked(stand, stand.assertion(new, algorithm="ES256"))).status_code == 200


def jwk(key: Key, **changes: Any) -> dict[str, Any]:
    return key.as_dict(private=False) | {"kid": "k1"} | changes


REFUSED_KEYS: dict[str, Any] = {
    "private": lambda: OKPKey.generate_key("Ed25519").as_dict(private=True) | {"kid": "k1"},
    "shared": lambda: {"kty": "oct", "k": "AAAA", "kid": "k1"},
    "RSA of 1024 bits": lambda: _rsa(1024),
    "another curve": lambda: jwk(ECKey.generate_key("P-384")),
    "X25519": lambda: jwk(OKPKey.generate_key("X25519")),
    "for encryption": lambda: jwk(KEYS["ES256"], use="enc"),
    "for another algorithm": lambda: jwk(KEYS["ES256"], alg="RS256"),
    "off the curve": lambda: jwk(KEYS["ES256"], x="A" * 43),
    "without an id": lambda: {name: value for name, value in jwk(KEYS["ES256"]).items() if name != "kid"},
    "nothing": dict,
}


def _rsa(bits: int) -> dict[str, Any]:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from protocol import base64url

    numbers = rsa.generate_private_key(65537, bits).public_key().public_numbers()
    n = base64url.encode(numbers.n.to_bytes(bits // 8)).decode()
    return {"kty": "RSA", "n": n, "e": "AQAB", "kid": "k1"}


@pytest.mark.parametrize("case", sorted(REFUSED_KEYS))
async def test_a_key_that_nobody_should_be_known_by_is_refused(stand: AccessStand, case: str) -> None:
    before = stand.tables()
    given = REFUSED_KEYS[case]()
    body = {"role": "agency-system", "authorities": [stand.office], "keys": [given]}
    answer = await stand.as_(Role.ADMINISTRATOR).put("/v1/clients/registry", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "access.client_key")
    assert not any(str(value) in answer.text for name, value in given.items() if name in ("d", "k", "x"))
    assert stand.tables() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "supervisor"},
        {"role": "administrator"},
        {"scopes": ["identity:read"]},
        {"scopes": []},
        {"authorities": []},
        {"authorities": ["ro.anpdca"]},
        {"keys": [jwk(KEYS["ES256"]), jwk(KEYS["EdDSA"])]},
        {"keys": []},
        {"remark": "x"},
    ],
    ids=lambda changes: json.dumps(changes)[:30],
)
async def test_software_is_given_no_more_than_software_may_have(
    stand: AccessStand, changes: dict[str, Any]
) -> None:
    before = stand.tables()
    body = {"role": "agency-system", "authorities": [stand.office], "keys": [jwk(KEYS["ES256"])]}
    answer = await stand.as_(Role.ADMINISTRATOR).put("/v1/clients/registry", json=body | changes)
    assert answer.status_code in (400, 422), answer.text
    assert stand.tables() == before


async def test_the_metadata_say_how_it_is_done(stand: AccessStand) -> None:
    told = (await stand.browser().get("/.well-known/oauth-authorization-server")).json()
    assert told["issuer"] == stand.node.settings.audience
    assert told["token_endpoint"] == f"{told['issuer']}/oauth/token"
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert set(told["token_endpoint_auth_signing_alg_values_supported"]) == set(KEYS)
