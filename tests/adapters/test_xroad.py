"""A node behind X-Road: who calls is who X-Road says, and nothing else gets through, whatever is written."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import io
import ipaddress
import json
import logging
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from adapters.kit import logs
from adapters.kit.errors import Away
from adapters.kit.settings import Settings, SettingsError, load
from adapters.kit.stand_in import Mood
from adapters.kit.trial import MoodyNode
from adapters.xroad.consumer import ThroughSecurityServer, transport_of
from adapters.xroad.endpoints import ALLOWED, asked_for
from adapters.xroad.identifiers import Member, Party, Service, Unreadable
from adapters.xroad.provider import Caller, Provider
from adapters.xroad.settings import Listening, callers_of, listening_of
from adapters.xroad.worker import served
from protocol.identifiers import CaseReference
from service.access.roles import ENDPOINTS
from service.client import Client, NodeUnreachable, Problem
from tests.adapters.node_stage import NodeStage
from tests.adapters.register_stand_in import RegisterStandIn
from tests.adapters.test_adapter_loop import RegisterTrial
from tests.adapters.xroad_stand_in import ConsumerServer, ProviderServer
from tests.service.access_stand import BASE
from tests.service.exchange_pair import message

pytestmark = pytest.mark.anyio

REGISTRY = Member.parse("EX/GOV/70000001/registry")
IOM = Member.parse("EX/NGO/IOM/desk")
ABSENT = Party.parse("GOV/70000009")
NODE = Service.parse("EX/GOV/70000005/focalpoint/node-api")
SECRET = "Planted-Name-Of-A-Child"


@dataclass
class Road:
    stage: NodeStage
    provider: Provider
    ours: ProviderServer
    theirs: ConsumerServer
    near: MoodyNode

    def client(
        self,
        member: Member = REGISTRY,
        *,
        represented: Party | None = None,
        token: str = "",
        seconds: float = 30,
    ) -> Client:
        transport = self.transport(member, represented)
        return Client("https://node.invalid", token, transport=transport, timeout=seconds)

    def transport(self, member: Member, represented: Party | None = None) -> ThroughSecurityServer:
        return ThroughSecurityServer(self.theirs.url, caller=member, service=NODE, represented=represented)

    def direct(self, address: str = "127.0.0.1") -> httpx.AsyncClient:
        """As a Security Server connects, or somebody who is none."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.provider, client=(address, 4711)), base_url="http://gate"
        )

    def clients_seen(self) -> list[str]:
        """Which clients the node has given tokens to."""
        return [row[0] for row in self.stage.stand.journal() if row[2] == "token-issued"]


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    stage = await NodeStage(tmp_path).opened()
    keys: dict[str, Any] = {}
    for name in ("registry", "iom", "iom-for-absent"):
        keys[name] = OKPKey.generate_key("Ed25519", {"kid": name})
        await stage.stand.client(name, key=keys[name])
    callers = (
        Caller(member=REGISTRY, client="registry", key=keys["registry"]),
        Caller(
            member=IOM,
            client="iom",
            key=keys["iom"],
            represents={ABSENT: ("iom-for-absent", keys["iom-for-absent"])},
        ),
    )
    provider = Provider(
        BASE,
        callers,
        security_servers=frozenset({"127.0.0.1"}),
        now=stage.stand.clock.now,
        most_bytes=1 << 18,
        transport=stage.between,
    )
    near = MoodyNode(httpx.ASGITransport(app=provider, client=("127.0.0.1", 4711)))
    async with provider, ProviderServer(slow=3) as ours, ConsumerServer(ours, slow=3) as theirs:
        ours.services[str(NODE)] = near
        ours.rights = {(str(REGISTRY), str(NODE)), (str(IOM), str(NODE)), ("EX/COM/1/stranger", str(NODE))}
        theirs.members = {str(REGISTRY), str(IOM), "EX/COM/1/stranger"}
        yield Road(stage, provider, ours, theirs, near)
    stage.close()


def submission(road: Road, **changes: Any) -> Any:
    made = message(
        "case.notification",
        CaseReference(road.stage.case),
        road.stage.stand.office,
        road.stage.stand.pair.ro.office,
    )
    return {
        "id": str(made.id),
        "case": str(made.case),
        "type": made.type,
        "sender": str(made.sender),
        "recipient": str(made.recipient),
        "declares_no_danger": True,
        "coded": made.coded,
        **changes,
    }


# -- a whole message, both ways


async def test_a_whole_message_is_sent_and_collected_through_two_security_servers(road: Road) -> None:
    async with road.client() as agency:
        sent = submission(road)
        accepted = await agency.send(sent)
        assert accepted["id"] == sent["id"]
        await road.stage.stand.pair.settle()
        kept = await road.stage.stand.pair.ro.rows("SELECT id FROM message WHERE direction = 'in'")
        assert [row["id"] for row in kept] == [sent["id"]]
        (mail,) = await road.stage.mail(1)
        page = await agency.messages(direction="in")
        assert [row["id"] for row in page["messages"]] == [mail]
        assert (await agency.message(mail))["type"] == "query"
        assert (await agency.printed(mail, format="pdf")).content.startswith(b"%PDF")
        await agency.collect(mail)
        assert "collected_at" in await agency.message(mail)
    assert set(road.clients_seen()) == {"registry"}


async def test_a_refusal_of_the_node_is_the_nodes_and_not_a_fault_of_the_road(road: Road) -> None:
    async with road.client() as agency:
        with pytest.raises(Problem) as refused:
            await agency.message("019ac000-0000-7000-8000-000000000000")
    assert refused.value.status == 404


@pytest.mark.parametrize("mood", [mood for mood in Mood if mood is not Mood.WELL])
@pytest.mark.parametrize("where", ["theirs", "ours"])
async def test_in_any_mood_of_either_server_a_message_is_taken_once(
    road: Road, mood: Mood, where: str
) -> None:
    before = len(road.stage.sent())
    server = road.theirs if where == "theirs" else road.ours
    server.moods.append(mood)
    sent = submission(road)
    async with road.client(seconds=2) as agency:  # a slow server takes three
        for _ in range(10):
            with contextlib.suppress(Away, NodeUnreachable, Problem):
                await agency.send(sent)
                break
    assert road.stage.sent()[before:] == [sent["id"]]


async def test_an_adapter_whose_node_is_behind_the_road_loses_and_doubles_nothing(
    road: Road, tmp_path: Path
) -> None:
    async with RegisterStandIn() as register:
        trial = _Behind(tmp_path, road, register)
        names = [await trial.new_record() for _ in range(3)]
        mail = await trial.new_messages(2)
        before = len(trial.at_node())
        road.theirs.moods.extend([Mood.LOST, Mood.WELL, Mood.FAILING, Mood.NONSENSE, Mood.HALF] * 3)
        road.ours.faults.extend(["Server.ServerProxy.DatabaseError"] * 2)
        await trial.until(lambda: len(trial.at_node()) >= before + 3 and len(trial.at_system()) >= 2)
        assert trial.at_node()[before:] == trial.expected(names)
        assert trial.at_system() == mail
    assert (await road.stage.told())["state"] == "stopped"


class _Behind(RegisterTrial):
    def __init__(self, directory: Path, road: Road, register: RegisterStandIn) -> None:
        super().__init__(directory, road.stage, register)
        self.road = road

    def node(self) -> Client:
        return self.road.client()


# -- faults


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("Server.ServerProxy.AccessDenied", "xroad.server.serverproxy.accessdenied"),
        ("Server.ClientProxy.OutdatedGlobalConf", "xroad.server.clientproxy.outdatedglobalconf"),
        (f"Server.{SECRET} said", "xroad.fault"),
    ],
)
async def test_a_fault_of_the_road_is_away_with_its_kind(road: Road, kind: str, code: str) -> None:
    road.ours.faults.append(kind)
    async with road.client() as agency:
        with pytest.raises(Away) as away:
            await agency.open_case()
    assert away.value.code == code
    assert SECRET not in str(away.value)


async def test_the_answer_to_another_question_is_not_taken(road: Road) -> None:
    road.theirs.mixes_up = True
    async with road.client() as agency:
        with pytest.raises(Away) as away:
            await agency.open_case()
    assert away.value.code == "xroad.nonsense"


async def test_a_page_of_something_in_between_is_not_taken_for_the_node(road: Road) -> None:
    road.theirs.mood = Mood.NONSENSE
    async with road.client() as agency:
        with pytest.raises(Away) as away:
            await agency.message("x")
    assert away.value.code == "xroad.nonsense"


async def test_the_token_of_a_client_is_not_sent_into_the_road(road: Road) -> None:
    async with road.client(token=SECRET) as agency:
        await agency.open_case()
    for server in (road.theirs, road.ours):
        assert all(SECRET not in str(asked.headers) for asked in server.seen)


# -- who may call


async def test_somebody_that_the_road_proves_and_we_do_not_know_is_refused(road: Road) -> None:
    async with road.client(Member.parse("EX/COM/1/stranger")) as stranger:
        with pytest.raises(Problem) as refused:
            await stranger.open_case()
    assert (refused.value.status, refused.value.code) == (403, "xroad.unknown_client")
    assert road.clients_seen() == []


async def test_another_subsystem_of_the_same_member_is_another_caller(road: Road) -> None:
    for name in ("EX/GOV/70000001", "EX/GOV/70000001/Registry", "EX/GOV/70000001/other"):
        async with road.direct() as gate:
            answer = await gate.post("/v1/cases", headers={"X-Road-Client": name})
        assert answer.json()["code"] == "xroad.unknown_client"


async def test_only_an_intermediary_acts_for_a_party_and_only_for_its_own(road: Road) -> None:
    async with road.client(IOM, represented=ABSENT) as desk:
        await desk.open_case()
    assert road.clients_seen() == ["iom-for-absent"]
    for member, party in (
        (REGISTRY, ABSENT),
        (IOM, Party.parse("GOV/70000008")),
        (IOM, Party.parse("70000009")),
    ):
        async with road.client(member, represented=party) as caller:
            with pytest.raises(Problem) as refused:
                await caller.open_case()
        assert (refused.value.status, refused.value.code) == (403, "xroad.not_represented")


async def test_headers_are_believed_from_a_security_server_alone(road: Road) -> None:
    async with road.direct("192.0.2.7") as outsider:
        answer = await outsider.post(
            "/v1/cases",
            headers={
                "X-Road-Client": str(REGISTRY),
                "X-Forwarded-For": "127.0.0.1",
                "Forwarded": "for=127.0.0.1",
            },
        )
    assert (answer.status_code, answer.json()["code"]) == (403, "xroad.not_a_security_server")
    assert road.clients_seen() == []


@pytest.mark.parametrize("name", ["X-Road-Client", "X-Road-Represented-Party"])
async def test_who_calls_is_said_once_or_not_believed(road: Road, name: str) -> None:
    road.ours.adds = [(name, str(IOM) if name == "X-Road-Client" else str(ABSENT))] * 2
    async with road.client() as agency:
        with pytest.raises(Problem) as refused:
            await agency.open_case()
    assert refused.value.code == "xroad.malformed"


async def test_a_token_that_comes_through_the_road_is_not_passed_on(road: Road) -> None:
    from service.access.roles import Role

    admin = road.stage.stand.bearer(Role.ADMINISTRATOR)
    async with road.direct() as gate:
        answer = await gate.get(
            "/v1/messages", headers={"X-Road-Client": str(REGISTRY), "Authorization": f"Bearer {admin}"}
        )
    assert answer.status_code == 200
    assert road.clients_seen() == ["registry"]
    # Nobody could tell otherwise whether the caller's own, or the administrator's, was used.
    (row,) = [row for row in road.stage.stand.journal() if row[2] == "token-issued"]
    assert row[0] == "registry"


# -- what may be asked


async def test_what_is_not_on_the_list_is_not_there(road: Road) -> None:
    for method, path in (
        ("GET", "/v1/clients"),
        ("GET", "/v1/persons"),
        ("GET", "/v1/journal"),
        ("GET", "/metrics"),
        ("POST", "/oauth/token"),
        ("GET", "/v1/events"),
        ("GET", "/console/operator"),
        ("GET", "/v1/messages/x/attachments/y"),
        ("DELETE", "/v1/messages/x"),
        ("POST", "/v1/approvals/x/decision"),
        ("POST", "/v1/keys/actions"),
    ):
        async with road.direct() as gate:
            answer = await gate.request(method, path, headers={"X-Road-Client": str(REGISTRY)})
        assert (answer.status_code, answer.json()["code"]) == (404, "xroad.no_such_endpoint"), path
    assert road.stage.between.seen == []


@pytest.mark.parametrize(
    "path",
    [
        b"/v1/messages/..%2fclients",
        b"/v1/messages/%2e%2e/clients",
        b"/v1/messages/../clients",
        b"/v1/messages/%252e%252e",
        b"/v1/messages//x",
        b"/v1/messages/x%5c..%5cclients",
        b"/v1/messages/x%00",
        b"/v1/messages/%C3%A9",
        b"/v1/messages/x%",
        b"/v1/messages/x;a=b",
        b"/v1/messages/x%3Fidentity=release",
        b"/v1/messages/x%23",
        b"/v1/messages?case=a&case=b",
        b"/v1/messages?%zz",
        b"/v1/messages?case=%FF",
        b"//gate/v1/messages",
        b"/v1/messages/" + b"x" * 2000,
    ],
)
async def test_an_address_that_can_be_read_in_two_ways_is_refused(road: Road, path: bytes) -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": path.partition(b"?")[0],
        "path": "/v1/messages",
        "query_string": path.partition(b"?")[2],
        "headers": [(b"x-road-client", str(REGISTRY).encode())],
        "client": ("127.0.0.1", 1),
    }
    told: list[Any] = []

    async def send(event: Any) -> None:
        told.append(event)

    async def receive() -> Any:
        return {"type": "http.request"}

    await road.provider(scope, receive, send)
    assert told[0]["status"] == 400
    assert road.stage.between.seen == []


def test_every_endpoint_that_is_passed_on_is_one_of_the_nodes_and_none_is_for_staff() -> None:
    from service.access.roles import ROLE_SCOPES, Role

    assert set(ENDPOINTS) >= ALLOWED
    for endpoint in ALLOWED:
        assert ENDPOINTS[endpoint] <= ROLE_SCOPES[Role.AGENCY_SYSTEM], endpoint


@given(st.text(alphabet=st.sampled_from("ab/.%2eE5cC;?#&=\\ é\x00"), max_size=30))
def test_what_is_passed_on_is_read_alike_by_everybody(path: str) -> None:
    raw = "/v1/messages/" + path
    try:
        asked = asked_for("GET", raw, "")
    except Unreadable:
        return
    if asked is not None:
        assert httpx.URL(BASE).join(asked.target).raw_path == asked.target.encode()
        assert not {"..", "."} & set(asked.target.split("/"))
        assert asked.target.startswith("/v1/messages/")


@given(st.lists(st.text(min_size=1, max_size=20), min_size=4, max_size=4))
def test_names_survive_their_encoding_and_nothing_else_is_read_as_one(parts: list[str]) -> None:
    instance, member_class, code, subsystem = parts
    made = Member(instance=instance, member_class=member_class, code=code, subsystem=subsystem)
    readable = all(part.isprintable() and part not in {".", ".."} for part in parts)
    with contextlib.nullcontext() if readable else pytest.raises((Unreadable, UnicodeEncodeError)):
        assert Member.parse(str(made)) == made


@pytest.mark.parametrize(
    "name",
    [
        "",
        "EX",
        "EX/GOV",
        "EX//70000001",
        "EX/GOV/1/a/b",
        "EX%2FGOV%2F1",
        "EX/GOV/%",
        "EX/GOV/%FF",
        "EX/GOV/é",
        "EX/GOV/a b",
    ],
)
def test_a_name_that_is_not_written_as_the_road_writes_it_is_none(name: str) -> None:
    with pytest.raises(Unreadable):
        Member.parse(name)


# -- size, slowness, an absent node, and what is told


async def test_what_is_too_large_is_refused_whether_it_says_so_or_not(road: Road) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    for content in (b"x" * (2 << 20), pieces()):
        async with road.direct() as gate:
            answer = await gate.post(
                "/v1/messages",
                headers={"X-Road-Client": str(REGISTRY), "Content-Type": "application/json"},
                content=content,
            )
        assert (answer.status_code, answer.json()["code"]) == (413, "xroad.too_large")


@pytest.mark.parametrize("mood", [Mood.DOWN, Mood.LOST])
async def test_a_node_that_is_away_is_said_to_be(road: Road, mood: Mood) -> None:
    road.stage.between.mood = mood
    async with road.direct() as gate:
        answer = await gate.get("/v1/messages", headers={"X-Road-Client": str(REGISTRY)})
    assert (answer.status_code, answer.json()["code"]) == (503, "xroad.node_away")


async def test_a_caller_whose_client_was_disabled_is_refused_by_the_node(road: Road) -> None:
    operator = road.stage.stand
    from service.access.roles import Role

    assert (await operator.as_(Role.ADMINISTRATOR).delete("/v1/clients/registry")).status_code == 200
    async with road.direct() as gate:
        answer = await gate.get("/v1/messages", headers={"X-Road-Client": str(REGISTRY)})
    assert (answer.status_code, answer.json()["code"]) == (502, "xroad.node_refuses_client")


@pytest.fixture
def lines() -> AsyncIterator[io.StringIO]:
    root, hook = logging.getLogger(), sys.excepthook
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream  # type: ignore[misc]
    logging.captureWarnings(False)
    sys.excepthook = hook
    root.handlers[:], root.level, logging.raiseExceptions = before


async def test_the_log_finds_a_request_again_and_names_nobody(road: Road, lines: io.StringIO) -> None:
    road.ours.adds = [("X-Road-UserId", SECRET), ("X-Road-Issue", SECRET)]
    async with road.client() as agency:
        await agency.messages(case=road.stage.case)
    async with road.direct() as gate:
        await gate.get("/v1/messages", headers={"X-Road-Client": str(REGISTRY), "X-Road-Id": SECRET})
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    (answered,) = [line for line in told if line["event"] == "xroad.answered"]
    passed = [line for line in told if line["event"] == "xroad.request"]
    assert answered["message_id"] == passed[0]["message_id"]
    assert len(answered["digest"]) == 88
    assert (passed[0]["route"], passed[0]["member"], passed[0]["status"]) == (
        "/v1/messages",
        str(REGISTRY),
        200,
    )
    assert SECRET not in lines.getvalue()
    assert road.stage.case not in lines.getvalue()
    assert "left_out" not in lines.getvalue()


# -- the Security Server's connection


@dataclass
class Certificate:
    path: Path
    key: Path


def certificate(directory: Path, name: str) -> Certificate:
    """Signed by itself, as a Security Server makes its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    path, secret = directory / f"{name}.pem", directory / f"{name}-key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Certificate(path, secret)


async def test_over_tls_only_the_security_server_that_was_named_gets_in(road: Road, tmp_path: Path) -> None:
    gate, server, other = (certificate(tmp_path, name) for name in ("gate", "server", "other"))
    at = Listening(
        host="127.0.0.1",
        port=0,
        security_servers=frozenset({"127.0.0.1"}),
        most_bytes=1 << 20,
        certificate=gate.path,
        key=gate.key,
        security_server=server.path,
    )

    async def asked(own: Certificate | None, port: int) -> int:
        context = ssl.create_default_context(cafile=str(gate.path))
        if own is not None:
            context.load_cert_chain(own.path, own.key)
        async with httpx.AsyncClient(verify=context, trust_env=False) as http:
            answer = await http.get(
                f"https://127.0.0.1:{port}/v1/messages", headers={"X-Road-Client": str(REGISTRY)}
            )
            return answer.status_code

    async with asyncio.timeout(20), served(road.provider, at) as port:
        assert await asked(server, port) == 200
        for wrong in (None, other):
            with pytest.raises(httpx.TransportError):
                await asked(wrong, port)


# -- settings


def settings(directory: Path, **system: Any) -> Settings:
    return Settings(
        name="gate", state_dir=directory, node_url=BASE, token="x", directory=directory, system=system
    )


def test_without_certificates_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    assert listening_of(settings(tmp_path)).host == "127.0.0.1"
    for system in (
        {"listen": "0.0.0.0"},
        {"security_servers": ["10.0.0.5"]},
        {"listen": "localhost"},
        {"prot": 1},
    ):
        with pytest.raises(SettingsError):
            listening_of(settings(tmp_path, **system))


def test_a_caller_is_named_once_with_a_client_of_its_own(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text(json.dumps(OKPKey.generate_key("Ed25519", {"kid": "k"}).as_dict(private=True)))
    key.chmod(0o600)
    row = {"member": str(IOM), "client": "iom", "key_file": "key.json"}
    party = {"party": str(ABSENT), "client": "iom-for-absent", "key_file": "key.json"}
    (caller,) = callers_of(settings(tmp_path, callers=[{**row, "represents": [party]}]))
    assert (caller.member, caller.represents[ABSENT][0]) == (IOM, "iom-for-absent")
    for rows in (
        [],
        [row, row],
        [{**row, "member": "EX"}],
        [{**row, "represents": [party, party]}],
        [{**row, "represents": [{**party, "client": "iom"}]}],
        [{"member": str(IOM)}],
    ):
        with pytest.raises(SettingsError):
            callers_of(settings(tmp_path, callers=rows))
    key.chmod(0o644)
    with pytest.raises(SettingsError):
        callers_of(settings(tmp_path, callers=[row]))


def test_any_adapter_reaches_its_node_through_the_road_by_its_settings(tmp_path: Path) -> None:
    path = tmp_path / "register.toml"
    path.write_text(
        f"""
        [adapter]
        name = "register"
        [node]
        url = "https://ss.agency.example"
        [node.xroad]
        client = "{REGISTRY}"
        service = "{NODE}"
        """
    )
    assert isinstance(transport_of(load(path)), ThroughSecurityServer)
    path.write_text(path.read_text().replace("service", "sevrice"))
    with pytest.raises(SettingsError):
        transport_of(load(path))
