"""A real node's API with what signing in needs: its token key, a provider, and hands to ask with.

stand = AccessStand(tmp_path)
person = await stand.person(Role.SUPERVISOR)
browser = stand.browser()
"""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import Key, OKPKey
from sqlalchemy import text

from protocol.identifiers import Address
from service import exchange
from service.access import clients, people
from service.access.actor import Actor
from service.access.clients import Client
from service.access.people import Person
from service.access.provider import Provider
from service.access.roles import Role, Scope
from service.access.signatures import REGISTRY
from service.access.tokens import TokenVerifier, mint
from service.api.app import build_api
from service.clock import SystemClock
from service.keystore import API_TOKEN, FileKeyStore
from service.random_source import SystemRandomSource
from tests.service.api_stand import TOKEN_KEY
from tests.service.exchange_pair import Pair, WorldKeys, actor, open_pair
from tests.service.identity_provider import CLIENT_ID, ISSUER, IdentityProvider

BASE = "http://127.0.0.1:8460"


class WithTokenKey(FileKeyStore):
    """The sample directory's keys, and the one that signs tokens, which is in no directory; over a real
    store, which takes what is done with keys."""

    world: WorldKeys

    @classmethod
    def over(cls, world: WorldKeys, directory: Path) -> WithTokenKey:
        made = cls.create(
            directory, b"p" * 32, clock=SystemClock(), random=SystemRandomSource(), scrypt_n=2**4
        )
        made.world = world
        return made

    def signing(self, owner: str, /) -> Any:
        if owner == API_TOKEN:
            return TOKEN_KEY
        try:
            return self.world.signing(owner)
        except KeyError:
            return super().signing(owner)

    def signing_by_kid(self, kid: str, /) -> Any:
        return self.world.signing_by_kid(kid) or super().signing_by_kid(kid)

    def sealing(self, kid: str, /) -> Any:
        return self.world.sealing(kid)

    def current_sealing_kid(self, purpose: str = "content", /) -> str:
        return self.world.current_sealing_kid(purpose)

    def kek(self) -> bytes:
        return self.world.kek()


class AccessStand:
    def __init__(self, directory: Path, **settings: Any) -> None:
        self.pair: Pair = open_pair(directory)
        self.clock = self.pair.clock
        before = self.pair.it.node
        changed = dataclasses.replace(
            before.settings, oidc_issuer=ISSUER, oidc_client_id=CLIENT_ID, **settings
        )
        keys = WithTokenKey.over(WorldKeys(self.pair.world, "it"), directory / "key-store")
        self.node = dataclasses.replace(before, settings=changed, keys=keys)
        self.provider = IdentityProvider(now=self.clock.now)
        self.office = self.pair.it.office
        self.admin = actor(role=Role.ADMINISTRATOR, person="administrator-9")
        self.app = self.build()

    def build(self) -> Any:
        """The application, as after a restart: nothing is remembered but what is stored."""
        return build_api(
            self.node,
            exchange=exchange,
            tokens=TokenVerifier(node=self.node.code, keys={TOKEN_KEY.kid: TOKEN_KEY.public}),
            provider=Provider(self.node.settings, transport=self.provider.transport),
        )

    def close(self) -> None:
        self.pair.close()

    def browser(self, *, address: str = "127.0.0.1", **headers: str) -> httpx.AsyncClient:
        """Keeps cookies, follows nothing by itself."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=(address, 4711))
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    def bearer(self, role: Role, *, person: str | None = None) -> str:
        return mint(
            TOKEN_KEY,
            node=self.node.code,
            person=person or f"{role}-1",
            role=role,
            authorities=[self.office],
            now=self.clock.now(),
            random_bytes=os.urandom,
        )

    def as_(self, role: Role, *, person: str | None = None) -> httpx.AsyncClient:
        return self.browser(Authorization=f"Bearer {self.bearer(role, person=person)}")

    async def approved(self, answer: httpx.Response, *, by: str = "administrator-2") -> dict[str, Any]:
        """What an administrator has proposed, approved by another."""
        assert answer.status_code == 202, answer.text
        decided = await self.as_(Role.ADMINISTRATOR, person=by).post(
            f"{answer.headers['location']}/decision", json={"decision": "approve"}
        )
        assert decided.status_code == 200, decided.text
        body: dict[str, Any] = decided.json()
        return body

    async def link(self, person: str) -> str:
        """A sign-in link, which two administrators agreed on."""
        asked = await self.as_(Role.ADMINISTRATOR).post(f"/v1/persons/{person}/invitation")
        if asked.status_code == 201:
            return str(asked.json()["link"])
        return str((await self.approved(asked))["invitation"]["link"])

    def actor(self, role: Role, person: str | None = None) -> Actor:
        return actor(self.office, role=role, person=person or f"{role}-1")

    async def person(self, role: Role = Role.CASE_OFFICER, *, subject: str | None = None) -> Person:
        digest = None if subject is None else people.subject_digest(ISSUER, subject)
        return await self.node.store.write(
            lambda session: people.add(
                session,
                self.admin,
                state=self.node.state,
                role=role,
                authorities=[self.office],
                subject=digest,
                random_bytes=os.urandom,
                now=self.clock.now(),
            )
        )

    async def client(
        self,
        id: str = "registry",  # noqa: A002
        *,
        key: Key | None = None,
        scopes: list[Scope] | None = None,
        authorities: tuple[Address, ...] | None = None,
    ) -> tuple[Client, Key]:
        key = key or OKPKey.generate_key("Ed25519", {"kid": "k1"})
        registered = await self.node.store.write(
            lambda session: clients.register(
                session,
                self.admin,
                id,
                state=self.node.state,
                role=Role.AGENCY_SYSTEM,
                authorities=(self.office,) if authorities is None else authorities,
                scopes=scopes,
                keys=[key.as_dict(private=False)],
                now=self.clock.now(),
            )
        )
        return registered, key

    def assertion(
        self,
        key: Key,
        *,
        algorithm: str = "Ed25519",
        header: Mapping[str, Any] | None = None,
        without: tuple[str, ...] = (),
        **changes: Any,
    ) -> str:
        issued = int(self.clock.now().timestamp())
        claims = {
            "iss": "registry",
            "sub": "registry",
            "aud": self.node.settings.audience,
            "iat": issued,
            "exp": issued + 60,
            "jti": str(uuid.uuid4()),
        } | changes
        for name in without:
            del claims[name]
        head = {"alg": algorithm, "kid": key.kid, "typ": clients.ASSERTION_TYPE} | dict(header or {})
        older = REGISTRY if algorithm == "EdDSA" else None  # which the library warns of
        return jwt.encode(head, claims, key, algorithms=None if older else [algorithm], registry=older)

    @staticmethod
    def form(assertion: str, **more: str) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
        } | more

    def tables(self, *without: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, for a comparison."""

        def work(session: Any) -> dict[str, list[tuple[Any, ...]]]:
            connection = session.connection()
            names = connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
            return {
                name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))]
                for name in sorted(names)
                if name not in without
            }

        return self.node.store.read_now(work)

    def journal(self) -> list[tuple[str, str, str, str]]:
        def work(session: Any) -> list[tuple[str, str, str, str]]:
            rows = session.connection().execute(
                text("SELECT actor, via, action, subject FROM access_journal ORDER BY position")
            )
            return [tuple(row) for row in rows]

        return self.node.store.read_now(work)
