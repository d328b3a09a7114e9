"""Every role at every endpoint of the written contract, on a real node with everything in it.

An allowed cell answers with what the contract describes; a denied one with 403 `access.scope`, and not one
row of any table is another. The endpoints and the scopes come from openapi.yaml: an endpoint there without
a fixture here fails, and so does one that is served and not there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from joserfc.jwk import OKPKey
from jsonschema import Draft202012Validator

from protocol.agreement import VERSIONS, agreement_digest
from protocol.attachments import AttachmentClaim
from protocol.content import Draft, read_content, sign_content
from protocol.directory import MandateFacts, sign_entry
from protocol.identifiers import (
    Address,
    CaseReference,
    MessageId,
    NodeCode,
    StateCode,
    ThreadId,
    new_message_id,
)
from protocol.json_strict import dumps
from protocol.statements import StatementType, issue
from protocol.statistics import Population
from service import exchange
from service.access import journal, sessions
from service.access.actor import Actor
from service.access.roles import ENDPOINTS, ROLE_SCOPES, Endpoint, Role, Scope
from service.exchange.consents import SCAN_OPENED
from service.exchange.message_row import stored_statement
from service.store import attachments, mailbox, relay
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NETWORK, NOW, node_facts, seeded_key
from tests.protocol.sample_intermediary import mandate
from tests.service.access_stand import AccessStand
from tests.service.exchange_pair import message
from tests.service.test_agreements import agreed
from tests.service.test_attachments_between_nodes import described, upload

DESCRIPTION: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "openapi.yaml").read_text("utf-8")
)
CONTRACT: dict[Endpoint, dict[str, Any]] = {
    (method.upper(), path): operation
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
    if method != "parameters"
}
KEY = OKPKey.generate_key("Ed25519", {"kid": "k1"})
REASON = "court-hearing"


class World(AccessStand):
    """A node with a case that went its whole way to an agreement, and all else that may be asked for."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        asyncio.run(self._play())

    async def _play(self) -> None:
        pair = self.pair
        self.case = await pair.open_case()
        first = message("case.notification", self.case, pair.it.office, pair.ro.office)
        uploaded = await upload(pair.it, self.case, b"%PDF-1.7 made up, and sent")
        attached = {**(first.identity or {}), "attachments": [described(uploaded)]}
        self.sent = (await pair.it.send(dataclasses.replace(first, identity=attached))).id
        self.attached = uploaded.digest
        await pair.settle()
        answer = message("accept", self.case, pair.ro.office, pair.it.office, in_reply_to=self.sent)
        self.received = (await pair.ro.send(answer)).id
        await pair.settle()
        self.envelope = await exchange.export_envelope(
            pair.ro.node, pair.ro.officer, MessageId(self.received)
        )
        road, _, self.agreement = await agreed(pair)
        self.agreed_case = road.case
        self.released = Population(role="destination", year=2025)
        await exchange.make_statistics(self.node, self.actor(Role.STATISTICIAN), self.released, False)
        await self.client(key=KEY)

    async def new_case(self) -> CaseReference:
        return await self.pair.open_case()

    async def asked_release(self, by: Role, person: str | None = None) -> str:
        who = self.actor(by, person)
        return (await exchange.request_release(self.node, who, MessageId(self.sent), REASON)).id

    async def asked_erasure(self) -> str:
        case, who = await self.new_case(), self.actor(Role.ADMINISTRATOR, "administrator-7")
        await exchange.change_retention(self.node, who, case, "block", "court-proceedings")
        before = {one.id for one in (await self.approvals(who))}
        await exchange.change_retention(self.node, who, case, "erase", "court-proceedings")
        (new,) = {one.id for one in (await self.approvals(who))} - before
        return new

    async def approvals(self, who: Any) -> Any:
        found = await exchange.list_approvals(self.node, who, None)
        return getattr(found, "approvals", found)

    async def invitation(self) -> str:
        known = await self.person(Role.AUDITOR)
        return urlsplit(await self.link(known.id)).path

    async def session(self) -> dict[str, str]:
        browser = self.browser()
        await browser.post(await self.invitation())
        cookie = browser.cookies["focalpoint"]
        return {"Cookie": f"focalpoint={cookie}", sessions.CSRF_HEADER: sessions.csrf_of(cookie)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """A request with which nothing is wrong, and a text that its answer has to hold."""

    path: str
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    says: str = ""


type Fixture = Callable[[World, Role], Awaitable[Asked]]
FIXTURES: dict[Endpoint, Fixture] = {}


def fixture(endpoint: str) -> Callable[[Fixture], Fixture]:
    method, path = endpoint.split()

    def named(made: Fixture) -> Fixture:
        FIXTURES[method, path] = made
        return made

    return named


def plain(endpoint: str, path: str, says: str = "", **more: Any) -> None:
    """An endpoint that can be asked as it stands. `path` may name what the world has."""

    async def asked(world: World, role: Role) -> Asked:
        known = vars(world)
        return Asked(path=path.format(**known), more=more, says=says.format(**known))

    fixture(endpoint)(asked)


plain("POST /v1/cases", "/v1/cases", '"unknown"')
plain("GET /v1/cases/{reference}", "/v1/cases/{case}", "{case}")
plain("GET /v1/cases/{reference}/timeline/rendering", "/v1/cases/{case}/timeline/rendering", "{case}")
plain("GET /v1/cases/{reference}/next-steps", "/v1/cases/{case}/next-steps", "{case}")
plain("GET /v1/cases/{reference}/evidence", "/v1/cases/{case}/evidence", "focalpoint-evidence-bundle")
plain("GET /v1/cases/{reference}/retention", "/v1/cases/{case}/retention")
plain("GET /v1/retention", "/v1/retention", "cases")
plain("POST /v1/retention", "/v1/retention")
plain(
    "GET /v1/cases/{reference}/agreements/{digest}",
    "/v1/cases/{agreed_case}/agreements/{agreement}",
    "focalpoint-evidence-bundle",
)
plain(
    "GET /v1/cases/{reference}/agreements/{digest}/rendering",
    "/v1/cases/{agreed_case}/agreements/{agreement}/rendering",
    "{agreed_case}",
)
plain("GET /v1/messages", "/v1/messages", "{sent}")
plain("GET /v1/messages/{id}", "/v1/messages/{sent}", "{sent}")
plain("GET /v1/messages/{id}/evidence", "/v1/messages/{sent}/evidence", "{sent}")
plain("GET /v1/messages/{id}/rendering", "/v1/messages/{sent}/rendering", "{case}")
plain("GET /v1/messages/{id}/attachments", "/v1/messages/{sent}/attachments", "{attached}")
plain("POST /v1/messages/{id}/collection", "/v1/messages/{received}/collection", "{received}")
plain("GET /v1/approvals", "/v1/approvals", "approvals")
plain("GET /v1/messages/{id}/envelope", "/v1/messages/{sent}/envelope", "manifest")
plain("GET /v1/relay/pending", "/v1/relay/pending", "messages")
# Of a State that never gave a mandate to anybody here, there is nothing to hand over.
plain("POST /v1/hand-over/{state}", "/v1/hand-over/ro", "focalpoint-hand-over")


@fixture("POST /v1/hand-over")
async def _hand_over(world: World, role: Role) -> Asked:
    network = world.pair.world
    if "int-iom" not in network.admissions:
        network.admit("int-iom", nodes=("int-iom",), authorities=("int.iom",))
        network.publish(node_facts(network, "int-iom", "int"), member="int-iom")
        network.refresh()
    said = {"iss": "int-iom", "aud": "it", "state": "it", "iat": int(NOW.timestamp()), "pieces": []}
    signed = issue(StatementType.HAND_OVER, said, network.signing["int-iom"])
    body = dumps({"format": "focalpoint-hand-over", "statement": signed.token, "pieces": []})
    kind = {"Content-Type": "application/vnd.focalpoint.hand-over"}
    return Asked(path="/v1/hand-over", more={"content": body, "headers": kind}, says="messages")


def attested_on_paper(world: World, by: Actor) -> MessageId:
    """An attestation under a mandate, as if an intermediary had sent it, whose scan `by` has opened."""
    message = new_message_id(world.node.random.bytes)
    network = world.pair.world
    if "ro/mandate/iom" not in network.facts:
        network.publish(mandate(network, state=StateCode("ro")))
        network.refresh()

    def work(session: Any) -> None:
        connection = session.connection()
        rows = mailbox.messages_of_case(connection, world.agreed_case)
        version = next(
            row
            for row in rows
            if row.type in VERSIONS
            and agreement_digest(read_content(stored_statement(row), None, None)) == world.agreement
        )
        draft = Draft(
            id=message,
            type="relay.attestation",
            case=world.agreed_case,
            thread=ThreadId(version.thread),
            in_reply_to=version.id,
            sender=Address("ro.anpdca"),
            recipient=world.pair.it.office,
            via=Address("int.iom"),
            coded={**sample("relay.attestation").coded, "agreement": world.agreement},
            vocabulary="2026.11",
            attachments=(AttachmentClaim(digest="S" * 43, chunks=1),),
        )
        signed = sign_content(
            draft, key=seeded_key("int.iom-1"), issued_at=NOW, random_bytes=world.node.random.bytes
        )
        values = {name: getattr(version, name) for name in version._fields if name != "cursor"}
        mailbox.add_message(
            connection,
            {
                **values,
                "id": message,
                "sender_node": "int-iom",
                "direction": "in",
                "type": draft.type,
                "sender": draft.sender,
                "recipient": draft.recipient,
                "in_reply_to": version.id,
                "statement": signed.statement.token,
                "statement_digest": signed.statement.digest,
            },
        )
        attachments.add(
            connection,
            name=str(message),
            direction="in",
            case_reference=world.agreed_case,
            sender_node="int-iom",
            message_id=message,
            digest="S" * 43,
            chunks=1,
            passed=1,
            peer=None,
            state="complete",
            changed_at=NOW,
        )
        journal.note(session, by, SCAN_OPENED, message, at=NOW)

    world.node.store.submit(work).result()
    return message


@fixture("POST /v1/messages/{id}/paper-consent")
async def _paper_consent(world: World, role: Role) -> Asked:
    message = await asyncio.to_thread(attested_on_paper, world, world.actor(role))
    return Asked(path=f"/v1/messages/{message}/paper-consent", says="paper-consent")


def sealed_past(world: World, envelope: bytes | None = b'{"manifest":"sealed"}') -> MessageId:
    """Something that waits to be handed over, and that the node cannot read."""
    message = new_message_id(world.node.random.bytes)
    world.node.store.submit(
        lambda session: relay.add(
            session.connection(),
            sender=NodeCode("ro"),
            message=message,
            recipient=world.pair.it.office,
            case=None,
            envelope=envelope,
            now=NOW,
        )
    ).result()
    return message


@fixture("POST /v1/messages/{id}/relay")
async def _record_relay(world: World, role: Role) -> Asked:
    message = await asyncio.to_thread(sealed_past, world, None)  # nothing of it has to be taken out first
    more = {"json": {"outcome": "handed-over", "way": "post"}}
    return Asked(path=f"/v1/messages/{message}/relay", more=more, says="handed-over")


@fixture("GET /v1/messages/{id}/relay/envelope")
async def _relay_envelope(world: World, role: Role) -> Asked:
    message = await asyncio.to_thread(sealed_past, world)
    return Asked(path=f"/v1/messages/{message}/relay/envelope", says="sealed")


plain("GET /v1/directory/authorities", "/v1/directory/authorities", "{office}")
plain(
    "GET /v1/directory/landing",
    "/v1/directory/landing",
    "ro.",
    params={"state": "ro", "procedure": "social-inquiry"},
)
plain("GET /v1/directory/state", "/v1/directory/state", "alarms")
plain(
    "POST /v1/directory/entries/preview",
    "/v1/directory/entries/preview",
    "it/mandate/iom",
    json={
        "kind": "mandate",
        "name": "iom",
        "facts": {"intermediary": "int.iom", "procedures": ["case"], "from": 1, "until": 2},
    },
)
plain("GET /v1/vocabularies", "/v1/vocabularies", "exploitation-form")
plain("GET /v1/vocabularies/{scheme}", "/v1/vocabularies/sex", "female")
plain("GET /v1/notices", "/v1/notices", "unread")
plain("PUT /v1/notices/read", "/v1/notices/read", "unread", json={"cursor": "bjA"})
plain("GET /v1/events", "/v1/events", "id: ", params={"seconds": 0, "after": "bjA"})
plain("GET /v1/subscriptions", "/v1/subscriptions", "subscriptions")
plain("GET /.well-known/focalpoint-webhook-key", "/.well-known/focalpoint-webhook-key", "whpk_")
plain("GET /v1/deadlines", "/v1/deadlines", "deadlines")
plain("GET /v1/operations/stuck", "/v1/operations/stuck", "unanswered")
plain("GET /v1/operations/peers", "/v1/operations/peers", "delivery")
plain("GET /v1/indicators", "/v1/indicators", "comparisons")
plain("GET /v1/adapters", "/v1/adapters", "adapters")
plain(
    "PUT /v1/adapters/{name}/health",
    "/v1/adapters/registry-link/health",
    "registry-link",
    json={"version": "1", "state": "well", "since": "2026-11-26T10:00:00Z", "set_aside": 0},
)
plain("GET /v1/statistics", "/v1/statistics")
plain("POST /v1/statistics/releases", "/v1/statistics/releases", json={"role": "origin", "year": 2025})
plain("GET /v1/journal", "/v1/journal", "case-opened")
plain("GET /v1/clients", "/v1/clients", "registry")
plain("GET /v1/persons", "/v1/persons", "persons")
plain("POST /v1/persons", "/v1/persons", "person-", json={"role": "auditor"})
plain("GET /metrics", "/metrics", "fp_process")
plain(
    "GET /.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server", "token_endpoint"
)
plain("GET /auth/login", "/auth/login")
plain("GET /livez", "/livez", "alive")
plain("GET /readyz", "/readyz", "ready")
plain("GET /openapi.yaml", "/openapi.yaml", "openapi: 3.1.0")


WEBHOOK = {"channel": "webhook", "target": "https://registry.example/notices"}


@fixture("PUT /v1/subscriptions/{id}")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/v1/subscriptions/made-now", more={"json": WEBHOOK}, says="made-now")


async def _subscribed(world: World) -> str:
    name = f"s-{uuid.uuid4()}"
    made = await world.as_(Role.ADMINISTRATOR, person="administrator-9").put(
        f"/v1/subscriptions/{name}", json=WEBHOOK
    )
    assert made.status_code == 200, made.text
    return name


@fixture("GET /v1/subscriptions/{id}")
async def _(world: World, role: Role) -> Asked:
    name = await _subscribed(world)
    return Asked(path=f"/v1/subscriptions/{name}", says=name)


@fixture("DELETE /v1/subscriptions/{id}")
async def _(world: World, role: Role) -> Asked:
    name = await _subscribed(world)
    return Asked(path=f"/v1/subscriptions/{name}", says=name)


@fixture("GET /v1/statistics/releases/{id}")
async def _(world: World, role: Role) -> Asked:
    return Asked(path=f"/v1/statistics/releases/{world.released.id}")


@fixture("PUT /v1/directory/entries/{kind}/{name}")
async def _(world: World, role: Role) -> Asked:
    sample_world = world.pair.world
    name = f"m-{uuid.uuid4()}"
    mandate = MandateFacts(
        state=StateCode("it"),
        name=name,
        intermediary=Address("int.iom"),
        procedures=("case",),
        since=NOW,
        until=NOW + timedelta(days=1),
    )
    token = sign_entry(
        mandate,
        network=NETWORK,
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        key=sample_world.root["it"],
    )
    return Asked(path=f"/v1/directory/entries/mandate/{name}", more={"json": {"entry": token}}, says=name)


plain("POST /v1/keys/actions", "/v1/keys/actions", "key-action", json={"act": "rotate", "owner": "api-token"})


@fixture("PUT /v1/cases/{reference}/protection")
async def _(world: World, role: Role) -> Asked:
    case = await world.new_case()
    return Asked(
        path=f"/v1/cases/{case}/protection",
        more={"json": {"status": "possible", "reason": "interview-held"}},
        says="possible",
    )


@fixture("PUT /v1/cases/{reference}/guardian")
async def _(world: World, role: Role) -> Asked:
    case = await world.new_case()
    day = world.pair.clock.now().date().isoformat()
    return Asked(path=f"/v1/cases/{case}/guardian", more={"json": {"provided_on": day}}, says=day)


@fixture("POST /v1/cases/{reference}/retention")
async def _(world: World, role: Role) -> Asked:
    case = await world.new_case()
    body = {"act": "hold", "reason": "court-proceedings"}
    return Asked(path=f"/v1/cases/{case}/retention", more={"json": body})


@fixture("PUT /v1/cases/{reference}/attachments/{id}")
async def _(world: World, role: Role) -> Asked:
    more = {"content": b"%PDF-1.7 made up", "headers": {"Content-Type": "application/pdf"}}
    path = f"/v1/cases/{await world.new_case()}/attachments/{uuid.uuid4()}"
    return Asked(path=path, more=more, says="digest")


async def _submission(world: World) -> dict[str, Any]:
    content = sample("case.notification")
    return {
        "id": str(uuid.uuid4()),
        "case": await world.new_case(),
        "type": "case.notification",
        "sender": world.office,
        "recipient": world.pair.ro.office,
        "declares_no_danger": True,
        "coded": content.coded,
        "narrative": [dataclasses.asdict(block) for block in content.narrative],
        "identity": content.identity,
    }


@fixture("POST /v1/messages")
async def _(world: World, role: Role) -> Asked:
    body = await _submission(world)
    return Asked(path="/v1/messages", more={"json": body}, says=body["id"])


@fixture("POST /v1/messages/validation")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/v1/messages/validation", more={"json": await _submission(world)}, says="acceptable")


@fixture("GET /v1/messages/{id}/attachments/{digest}")
async def _(world: World, role: Role) -> Asked:
    if Scope.IDENTITY_REQUEST in ROLE_SCOPES[role]:
        approval = await world.asked_release(role)
        await exchange.decide(
            world.node, world.actor(Role.SUPERVISOR, "supervisor-9"), approval, "approve", None
        )
    return Asked(
        path=f"/v1/messages/{world.sent}/attachments/{world.attached}",
        more={"params": {"identity": "release", "reason": REASON}},
        says="%PDF-",
    )


@fixture("POST /v1/messages/{id}/identity-release")
async def _(world: World, role: Role) -> Asked:
    body = {"reason": "family-tracing"}
    return Asked(
        path=f"/v1/messages/{world.sent}/identity-release", more={"json": body}, says="family-tracing"
    )


async def _approval(world: World, role: Role) -> str:
    if role is Role.ADMINISTRATOR:
        return await world.asked_erasure()
    return await world.asked_release(Role.CASE_OFFICER, f"officer-{uuid.uuid4()}")


@fixture("GET /v1/approvals/{id}")
async def _(world: World, role: Role) -> Asked:
    approval = await _approval(world, role)
    return Asked(path=f"/v1/approvals/{approval}", says=approval)


@fixture("POST /v1/approvals/{id}/decision")
async def _(world: World, role: Role) -> Asked:
    approval = await _approval(world, role)
    return Asked(
        path=f"/v1/approvals/{approval}/decision", more={"json": {"decision": "approve"}}, says="approved"
    )


@fixture("POST /v1/envelopes")
async def _(world: World, role: Role) -> Asked:
    kind = {"Content-Type": "application/vnd.focalpoint.envelope+json"}
    return Asked(path="/v1/envelopes", more={"content": world.envelope, "headers": kind})


@fixture("PUT /v1/clients/{id}")
async def _(world: World, role: Role) -> Asked:
    body = {"role": "agency-system", "authorities": [world.office], "keys": [KEY.as_dict(private=False)]}
    return Asked(path="/v1/clients/another", more={"json": body}, says="another")


@fixture("DELETE /v1/clients/{id}")
async def _(world: World, role: Role) -> Asked:
    await world.client("leaving", key=KEY)
    return Asked(path="/v1/clients/leaving", says="disabled_at")


@fixture("DELETE /v1/persons/{id}")
async def _(world: World, role: Role) -> Asked:
    return Asked(path=f"/v1/persons/{(await world.person()).id}", says="disabled_at")


@fixture("POST /v1/persons/{id}/invitation")
async def _(world: World, role: Role) -> Asked:
    known = await world.person(Role.AUDITOR)
    return Asked(path=f"/v1/persons/{known.id}/invitation", says="/auth/invitation/")


@fixture("POST /oauth/token")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/oauth/token", more={"data": world.form(world.assertion(KEY))}, says="access_token")


@fixture("GET /auth/callback")
async def _(world: World, role: Role) -> Asked:
    subject = f"s-{uuid.uuid4()}"
    await world.person(subject=subject)
    browser = world.browser()
    back = world.provider.authorize((await browser.get("/auth/login")).headers["location"], subject=subject)
    return Asked(
        path="/auth/callback",
        more={"params": back, "headers": {"Cookie": f"focalpoint-sign-in={back['state']}"}},
    )


@fixture("GET /auth/invitation/{secret}")
async def _(world: World, role: Role) -> Asked:
    return Asked(path=await world.invitation(), says="<button>")


@fixture("POST /auth/invitation/{secret}")
async def _(world: World, role: Role) -> Asked:
    return Asked(path=await world.invitation())


@fixture("GET /auth/session")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/auth/session", more={"headers": await world.session()}, says="csrf")


@fixture("DELETE /auth/session")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/auth/session", more={"headers": await world.session()})


@fixture("POST /auth/token")
async def _(world: World, role: Role) -> Asked:
    return Asked(path="/auth/token", more={"headers": await world.session()}, says="access_token")


NARROWER: dict[tuple[Role, Endpoint], tuple[int, str]] = {
    # Decides on what its own office sends (a countersignature), and on no release of identity.
    (Role.CASE_OFFICER, ("POST", "/v1/approvals/{id}/decision")): (403, "access.scope"),
    # Sees what became of its own messages; of a release of identity not even that it was asked for.
    (Role.INTERMEDIARY_OFFICER, ("GET", "/v1/approvals/{id}")): (404, "request.not_found"),
    (Role.AGENCY_SYSTEM, ("GET", "/v1/approvals/{id}")): (404, "request.not_found"),
}
"""Cells that the scope allows and the matter of the fixture denies."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()


async def answered(world: World, role: Role | None, endpoint: Endpoint, asked: Asked) -> httpx.Response:
    more = dict(asked.more)
    headers = dict(more.pop("headers", {}))
    if role is not None and "Cookie" not in headers:
        headers["Authorization"] = f"Bearer {world.bearer(role)}"
    async with world.browser() as browser:
        return await browser.request(endpoint[0], asked.path, headers=headers, **more)


def scopes_of(endpoint: Endpoint) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in CONTRACT[endpoint].get("x-scope", "").split())


def check_described(endpoint: Endpoint, answer: httpx.Response) -> None:
    """It is one of the successes that the contract describes, and looks as it says."""
    described_as = CONTRACT[endpoint]["responses"].get(str(answer.status_code))
    assert answer.status_code < 400, answer.text
    assert described_as is not None, answer.status_code
    if "$ref" in described_as:
        described_as = DESCRIPTION["components"]["responses"][described_as["$ref"].rpartition("/")[2]]
    content = described_as.get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in content or not (content or answer.content), kind
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": DESCRIPTION["components"]}
        assert list(Draft202012Validator(schema).iter_errors(json.loads(answer.content))) == []


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("endpoint", sorted(CONTRACT), ids=" ".join)
def test_a_cell_of_the_matrix_is_as_the_contract_says(world: World, role: Role, endpoint: Endpoint) -> None:
    async def play() -> None:
        asked = await FIXTURES[endpoint](world, role)
        before = world.tables("access_journal")
        answer = await answered(world, role, endpoint, asked)
        allowed = scopes_of(endpoint) <= ROLE_SCOPES[role]
        if allowed and (role, endpoint) not in NARROWER:
            check_described(endpoint, answer)
            assert asked.says in answer.text
            return
        refusal = NARROWER.get((role, endpoint), (403, "access.scope"))
        assert (answer.status_code, answer.json()["code"]) == refusal, answer.text
        assert asked.says not in answer.text or not asked.says
        assert world.tables("access_journal") == before

    asyncio.run(play())


@pytest.mark.parametrize("endpoint", sorted(one for one in CONTRACT if scopes_of(one)), ids=" ".join)
def test_without_a_token_a_cell_is_closed(world: World, endpoint: Endpoint) -> None:
    async def play() -> None:
        asked = await FIXTURES[endpoint](world, Role.SUPERVISOR)
        before = world.tables()
        answer = await answered(world, None, endpoint, asked)
        assert (answer.status_code, answer.json()["code"]) == (401, "access.token_missing")
        assert world.tables() == before

    asyncio.run(play())


def test_every_endpoint_of_the_contract_is_served_with_its_scope_and_has_a_fixture() -> None:
    assert set(CONTRACT) == set(ENDPOINTS)
    assert {one: scopes_of(one) for one in CONTRACT} == dict(ENDPOINTS)
    assert set(CONTRACT) <= set(FIXTURES), "write a fixture in this file for what is new"


OPERATORS_WORK = [
    endpoint for endpoint in sorted(CONTRACT) if scopes_of(endpoint) <= ROLE_SCOPES[Role.OPERATOR]
]


def test_an_operator_does_the_whole_job_without_seeing_what_is_said_of_a_child(world: World) -> None:
    """Health, metrics, deadlines, directory, carrying an envelope by hand: no word of a message, no name, and
    no case reference but where a deadline is named by it."""
    content = sample("case.notification")
    planted = [block.text for block in content.narrative]
    planted += [
        # Names and addresses, not codes, which are everybody's words.
        value
        for value in _texts(content.identity)
        if len(value) > 4 and any(letter.isupper() for letter in value)
    ]
    assert len(planted) > 3

    async def play() -> dict[Endpoint, str]:
        told = {}
        officer = world.as_(Role.CASE_OFFICER)
        assert planted[0] in (await officer.get(f"/v1/messages/{world.sent}")).text  # found where it is
        for endpoint in OPERATORS_WORK:
            if endpoint[1].startswith(("/auth/", "/oauth/")):
                continue  # somebody else's session
            answer = await answered(
                world, Role.OPERATOR, endpoint, await FIXTURES[endpoint](world, Role.OPERATOR)
            )
            assert answer.status_code < 300, endpoint
            told[endpoint] = answer.text + repr(dict(answer.headers))
        return told

    told = asyncio.run(play())
    work = {"/v1/deadlines", "/v1/directory/authorities", "/metrics", "/readyz", "/v1/envelopes"}
    assert work <= {path for _, path in told}
    for endpoint, text in told.items():
        assert not [word for word in planted if word in text], endpoint
        if endpoint != ("GET", "/v1/deadlines"):
            assert world.case not in text, endpoint
    # A deadline names the case by its reference, which has no country, date, sex or initials in it.
    assert world.case in told["GET", "/v1/deadlines"] or world.agreed_case in told["GET", "/v1/deadlines"]


def _texts(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for member in value.values() for text in _texts(member)]
        case list() | tuple():
            return [text for member in value for text in _texts(member)]
        case _:
            return []
