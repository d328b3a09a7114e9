"""A system that works with a node through the client gets its tokens by itself."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from joserfc.jwk import OKPKey

from service.client import Client, ClientCredentials, Problem
from tests.service.access_stand import BASE, AccessStand

pytestmark = pytest.mark.anyio


def client_of(stand: AccessStand, key: OKPKey) -> Client:
    credentials = ClientCredentials(
        BASE, client="registry", key=key, algorithm="Ed25519", now=stand.clock.now
    )
    transport = httpx.ASGITransport(app=stand.app, raise_app_exceptions=False, client=("127.0.0.1", 4711))
    return Client(BASE, credentials, transport=transport)


def tokens_issued(stand: AccessStand) -> int:
    return sum(row[2] == "token-issued" for row in stand.journal())


async def test_one_token_serves_many_requests_also_at_once(stand: AccessStand) -> None:
    _, key = await stand.client()
    async with client_of(stand, key) as client:
        await asyncio.gather(*(client.open_case() for _ in range(5)))
    assert tokens_issued(stand) == 1


async def test_another_token_is_got_before_the_first_ends(stand: AccessStand) -> None:
    _, key = await stand.client()
    async with client_of(stand, key) as client:
        await client.open_case()
        stand.clock.pass_by(seconds=545)
        await client.open_case()
    assert tokens_issued(stand) == 2


async def test_a_key_that_is_not_registered_is_told_so_in_the_words_of_oauth(stand: AccessStand) -> None:
    await stand.client()
    stranger = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    async with client_of(stand, stranger) as client:
        with pytest.raises(Problem) as refused:
            await client.open_case()
    assert (refused.value.status, refused.value.code) == (401, "invalid_client")
    assert tokens_issued(stand) == 0


async def test_a_token_that_is_no_longer_taken_is_replaced_at_the_next_request(stand: AccessStand) -> None:
    _, key = await stand.client()
    async with client_of(stand, key) as client:
        await client.open_case()
        client._node._http.auth._token = "gone"  # type: ignore[union-attr]
        with pytest.raises(Problem) as refused:
            await client.open_case()
        assert refused.value.status == 401
        await client.open_case()
    assert tokens_issued(stand) == 2
