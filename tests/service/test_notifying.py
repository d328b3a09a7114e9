"""Notices go out: signed, once and again until they are taken, to where they may go and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import email
import email.policy
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from hypothesis import given
from hypothesis import strategies as st

from protocol.identifiers import Address, MessageId
from service import exchange
from service.access.roles import Role
from service.errors import Malformed, Misconfigured, NotFound
from service.keystore import WEBHOOK, FileKeyStore
from service.node import Node
from service.notifying import deliveries
from service.notifying.addresses import AllowedAddresses, Guide, is_webhook_url
from service.notifying.mail import Mail
from service.notifying.outgoing import NotTaken, Outgoing, Told
from service.notifying.subscriptions import SubscriptionView, Wanted
from service.notifying.webhook import Webhook, ensure_key, published, signature_headers, signing_keys
from service.notifying.worker import Notifier, next_daily
from service.random_source import SystemRandomSource
from service.settings import settings_from
from service.store import Store
from tests.protocol.sample_contents import sample
from tests.protocol.sample_directory import NOW
from tests.service.exchange_pair import WEBHOOK_KEY, Pair, Side, actor, open_pair
from tests.service.hostile_receivers import Came, Receiver, server_tls
from tests.service.test_notices import told, words_in

pytestmark = pytest.mark.anyio

ADMINISTRATOR = actor(role=Role.ADMINISTRATOR, person="administrator-1")
KEY = published(WEBHOOK_KEY.public)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = open_pair(tmp_path)
    yield made
    made.close()


def with_settings(side: Side, **settings: Any) -> Node:
    changed = dataclasses.replace(side.node.settings, **settings)
    side.node = dataclasses.replace(side.node, settings=changed)
    return side.node


async def subscribe(
    node: Node, target: str | None, name: str = "registry", **wanted: Any
) -> SubscriptionView:
    channel = wanted.pop("channel", "webhook")
    return await exchange.put_subscription(
        node, ADMINISTRATOR, name, Wanted(channel=channel, target=target, **wanted)
    )


async def state_of(node: Node, name: str = "registry") -> SubscriptionView:
    return await exchange.read_subscription(node, ADMINISTRATOR, name)


def notifier(node: Node, **timeouts: float) -> Notifier:
    webhook = Webhook(node.settings, lambda _: (WEBHOOK_KEY,), timeout=timeouts.get("webhook", 5.0))
    return Notifier(node, {"webhook": webhook, "email": Mail(node, timeout=timeouts.get("email", 5.0))})


async def ids_of(side: Side) -> list[str]:
    return [row["id"] for row in await side.rows("SELECT id FROM notice ORDER BY row")]


# --- webhooks


async def test_a_webhook_is_signed_as_the_standard_says_and_says_no_more_than_it_may(pair: Pair) -> None:
    node = pair.it.node
    async with Receiver() as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        assert await notifier(node).look()
    (came,) = receiver.taken
    came.verify(KEY)
    assert [came.id] == await ids_of(pair.it)
    assert came.said == {"type": "stuck", "data": {"id": came.id}}
    assert int(came.headers["webhook-timestamp"]) == int(NOW.timestamp())
    altered = dataclasses.replace(came, body=came.body.replace(b"stuck", b"stack"))
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library raises
        altered.verify(KEY)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"answers": [500]}, "status-5xx"),
        ({"answers": [404]}, "status-4xx"),
        ({"answers": [302], "headers": "location: http://127.0.0.1:1/elsewhere\r\n"}, "status-3xx"),
        ({"slow": True}, "timeout"),
    ],
    ids=["500", "404", "redirect", "slow"],
)
async def test_what_is_not_taken_comes_again_later_under_the_same_id(
    pair: Pair, how: dict[str, Any], code: str
) -> None:
    node = pair.it.node
    async with Receiver(**how) as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        worker = notifier(node, webhook=0.5)
        await worker.look()
        state = await state_of(node)
        assert (state.state, state.failure_code, state.waiting) == ("failing", code, 1)
        assert await worker.look() == 0, "not before its time"
        receiver.answers, receiver.slow, receiver.headers = [200], False, ""
        pair.clock.pass_by(seconds=10)
        await worker.look()
    assert len({came.id for came in receiver.came}) == 1
    assert (await state_of(node)).state == "active"
    assert (await state_of(node)).waiting == 0
    assert receiver.connections == 2, "no redirect was followed"


async def test_a_receiver_that_is_down_gets_everything_when_it_is_back_and_is_not_stormed(
    pair: Pair,
) -> None:
    node = pair.it.node
    receiver = Receiver()
    async with receiver:
        pass  # its port is known, and nobody listens
    await subscribe(node, receiver.url)
    for number in range(40):
        await told(node, number)
    worker = notifier(node)
    await worker.look()
    attempts = sum(row["attempts"] for row in await pair.it.rows("SELECT attempts FROM notice_delivery"))
    assert attempts == 1, "one was tried, and the rest waited for it"
    assert (await state_of(node)).failure_code == "connect"
    async with receiver:
        for _ in range(10):
            pair.clock.pass_by(seconds=60)
            await worker.look()
    assert Counter(came.id for came in receiver.taken) == Counter(await ids_of(pair.it))


async def test_a_body_without_end_is_not_read(pair: Pair) -> None:
    node = pair.it.node
    async with Receiver(body=None) as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        async with asyncio.timeout(5):
            await notifier(node).look()
    assert (await state_of(node)).waiting == 0


async def test_gone_ends_it_at_once_and_an_operator_is_told(pair: Pair) -> None:
    node = pair.it.node
    async with Receiver(answers=[410]) as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        await notifier(node).look()
        await told(node, 2)
        pair.clock.pass_by(days=1)
        await notifier(node).look()
        assert len(receiver.came) == 1
        assert (await state_of(node)).state == "disabled"
        kinds = [row["kind"] for row in await pair.it.rows("SELECT kind FROM notice")]
        assert kinds.count("adapter-unwell") == 1
        # Put anew, it gets what waited.
        receiver.answers = [200]
        await subscribe(node, receiver.url)
        await notifier(node).look()
    assert {came.id for came in receiver.taken} == set(await ids_of(pair.it))


async def test_after_three_days_of_trying_it_is_disabled_with_a_notice_and_nothing_is_lost(
    pair: Pair,
) -> None:
    node = pair.it.node
    async with Receiver(answers=[500]) as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        worker = notifier(node)
        hours = 0
        while (await state_of(node)).state != "disabled":
            await worker.look()
            pair.clock.pass_by(hours=1)
            hours += 1
            assert hours < 120
        assert 72 <= hours <= 100
        assert 8 <= len(receiver.came) <= 24, "it was asked often enough, and not more"
        (unwell,) = await pair.it.rows("SELECT * FROM notice WHERE kind = 'adapter-unwell'")
        assert (unwell["audience"], unwell["subject"]) == ("operator", "registry")
        assert (await state_of(node)).waiting >= 1


async def test_one_that_is_never_taken_does_not_hold_up_the_others_for_ever(pair: Pair) -> None:
    node = pair.it.node
    rude: set[str] = set()

    class Picky:
        async def send(self, outgoing: Outgoing, now: datetime) -> None:
            if not rude:
                rude.add(outgoing.batch)
            if outgoing.batch in rude:
                raise NotTaken("status-4xx")
            taken.append(outgoing.batch)

    taken: list[str] = []
    await subscribe(node, "https://registry.example/")
    worker = Notifier(node, {"webhook": Picky()})
    for number in range(20):
        await told(node, number)
    for _ in range(10):
        await worker.look()
        pair.clock.pass_by(minutes=2)
    assert len(taken) == 19
    for _ in range(150):  # and one day it is given up, with a notice, however long it rests between
        pair.clock.pass_by(hours=1)
        await told(node, int(pair.clock.now().timestamp()))
        await worker.look()
    assert (await state_of(node)).state == "active"
    given_up = await pair.it.rows("SELECT * FROM notice_delivery WHERE state = 'failed'")
    assert [row["notice"] for row in given_up] == list(rude)
    assert len(await pair.it.rows("SELECT * FROM notice WHERE kind = 'adapter-unwell'")) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(pair: Pair, tmp_path: Path) -> None:
    tls, ca_file = server_tls(tmp_path, "127.0.0.1")
    async with Receiver(tls=tls) as receiver:
        await subscribe(pair.it.node, receiver.url)
        await told(pair.it.node, 1)
        await notifier(pair.it.node).look()
        assert (await state_of(pair.it.node)).failure_code == "tls"
        assert receiver.came == []
        node = with_settings(pair.it, webhook_ca_file=ca_file)  # the State's own authority
        pair.clock.pass_by(seconds=10)
        await notifier(node).look()
        assert len(receiver.taken) == 1


async def test_a_certificate_of_another_name_is_not_talked_to(pair: Pair, tmp_path: Path) -> None:
    tls, ca_file = server_tls(tmp_path, "another.example")
    node = with_settings(pair.it, webhook_ca_file=ca_file)
    async with Receiver(tls=tls) as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        await notifier(node).look()
        assert receiver.came == []
    assert (await state_of(node)).failure_code == "tls"


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["93.184.215.14", "169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fd00::1"],
        ["64:ff9b::a00:1"],
        ["2002:7f00:1::"],
    ],
    ids=str,
)
async def test_a_name_that_leads_inside_is_never_connected_to(pair: Pair, addresses: list[str]) -> None:
    dialled: list[str] = []

    class Dialling:
        async def connect_tcp(self, host: str, *_: Any, **__: Any) -> Any:
            dialled.append(host)
            raise OSError

        async def sleep(self, seconds: float) -> None: ...

    guide = Guide(AllowedAddresses(), {"registry.example": addresses}, Dialling())  # type: ignore[arg-type]
    webhook = Webhook(pair.it.node.settings, lambda _: (WEBHOOK_KEY,), guide=guide)
    with pytest.raises(NotTaken) as refused:
        await webhook.send(outgoing("https://registry.example/"), NOW)
    assert refused.value.code == "refused-address"
    assert dialled == []
    # And a public one is dialled by its address, so that no second look-up can lead elsewhere.
    public = Guide(AllowedAddresses(), {"registry.example": ["93.184.215.14"]}, Dialling())  # type: ignore[arg-type]
    with pytest.raises(NotTaken):
        await Webhook(pair.it.node.settings, lambda _: (WEBHOOK_KEY,), guide=public).send(
            outgoing("https://registry.example/"), NOW
        )
    assert dialled == ["93.184.215.14"]


async def test_who_is_at_the_other_end_is_asked_again(pair: Pair) -> None:
    """A way around in between, such as a proxy that the system puts there, does not lead inside either."""
    import httpcore

    class Elsewhere(httpcore.AnyIOBackend):
        async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
            return await super().connect_tcp("127.0.0.1", receiver.port, *rest, **more)

    async with Receiver() as receiver:
        guide = Guide(AllowedAddresses(), {"registry.example": ["93.184.215.14"]}, Elsewhere())
        with pytest.raises(NotTaken) as refused:
            await Webhook(pair.it.node.settings, lambda _: (WEBHOOK_KEY,), guide=guide).send(
                outgoing("https://registry.example/"), NOW
            )
        assert refused.value.code == "refused-address"
        assert receiver.came == []


def outgoing(target: str, *notices: Told, channel: str = "webhook", **more: Any) -> Outgoing:
    return Outgoing(
        **{
            "batch": str(uuid.uuid4()),
            "subscription": "registry",
            "authority": None,
            "channel": channel,
            "target": target,
            "language": None,
            "daily": False,
            "attempts": 1,
            "notices": notices or (Told(id="n", kind="stuck", due_at=None),),
            **more,
        }
    )


INSIDE = (
    *("0.0.0.0", "10.1.2.3", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1"),
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::10.0.0.1"),
    *("64:ff9b::7f00:1", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "fe80::1%eth0"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_no_inner_address_is_allowed(address: str) -> None:
    assert not AllowedAddresses().allows(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert AllowedAddresses().allows(ip_address(address))


def test_a_network_that_the_settings_name_is_allowed_and_the_one_beside_it_is_not() -> None:
    allowed = AllowedAddresses.of("10.2.0.0/16 fd12::/32", on_this_machine=False)
    assert allowed.allows(ip_address("10.2.3.4"))
    assert allowed.allows(ip_address("::ffff:10.2.3.4"))
    assert allowed.allows(ip_address("fd12::1"))
    assert not allowed.allows(ip_address("10.3.0.1"))
    assert not allowed.allows(ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example/",
        "ftp://registry.example/",
        "https://",
        "https://user:secret@registry.example/",
        "https://registry.example/#part",
        "https://registry.example:0/",
        "https://registry.example:99999/",
        "https://registry.example/\r\nX: y",
        "https://registry.example/ x",
        "https://registry.example\\@10.0.0.1/",
        "https://režim.example/",
        "https://registry.example/" + "x" * 3_000,
        "file:///etc/passwd",
        "",
    ],
)
async def test_an_address_that_notices_may_not_go_to_is_refused(pair: Pair, url: str) -> None:
    with pytest.raises(Malformed) as refused:
        await subscribe(pair.it.node, url)
    assert refused.value.code == "notice.target"
    assert len(url) < 10 or url not in str(refused.value)


def test_plain_http_leads_to_this_machine_alone_and_from_it_alone() -> None:
    assert is_webhook_url("http://127.0.0.1:8080/x", on_this_machine=True)
    assert not is_webhook_url("http://127.0.0.1:8080/x", on_this_machine=False)
    assert not is_webhook_url("http://10.0.0.1/x", on_this_machine=True)


# --- several workers, and those that die


async def test_two_workers_send_everything_once(pair: Pair) -> None:
    node = pair.it.node
    other = Store(node.store.url, readers=2)
    second = dataclasses.replace(node, store=other)
    async with Receiver() as receiver:
        await subscribe(node, receiver.url)
        for number in range(120):
            await told(node, number)
        workers = [notifier(node), notifier(second)]
        async with asyncio.timeout(60):
            while (await state_of(node)).waiting or not receiver.taken:
                await asyncio.gather(*(worker.look() for worker in workers))
    other.close()
    assert Counter(came.id for came in receiver.taken) == Counter(await ids_of(pair.it))


async def test_a_worker_that_died_before_it_could_say_so_has_it_repeated_under_the_same_id(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = pair.it.node

    class Dead(BaseException):
        pass

    def dies(*_: Any) -> None:
        raise Dead

    async with Receiver() as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1)
        with monkeypatch.context() as patched:
            patched.setattr(deliveries, "taken", dies)
            with pytest.raises(BaseException):  # noqa: B017, PT011
                await notifier(node).look()
        second = notifier(node)
        assert await second.look() == 0, "its lease still holds"
        pair.clock.pass_by(minutes=3)
        assert await second.look()
        assert await second.look() == 0
    assert [came.id for came in receiver.taken] == await ids_of(pair.it) * 2


async def test_workers_that_are_killed_lose_nothing_and_repeat_only_what_a_receiver_can_drop(
    pair: Pair,
) -> None:
    """Real processes, killed with no warning while they send."""
    node = pair.it.node
    killed = 0
    running: asyncio.subprocess.Process | None = None

    def kill(count: int) -> None:
        nonlocal killed
        if count % 15 == 0 and killed < 2 and running is not None and running.returncode is None:
            killed += 1
            running.kill()

    async with Receiver(on_request=kill) as receiver:
        await subscribe(node, receiver.url)
        for number in range(60):
            await told(node, number)
        wanted = set(await ids_of(pair.it))
        async with asyncio.timeout(50):
            while len({came.id for came in receiver.taken}) < len(wanted):
                running = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.service.notifier_process", node.store.url),
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                dead = asyncio.create_task(running.wait())
                while not dead.done() and len({came.id for came in receiver.taken}) < len(wanted):
                    await asyncio.wait({dead}, timeout=0.05)
                if not dead.done():
                    running.kill()
                    await dead
                # The lease of whoever died ends.
                await node.store.write(
                    lambda session: session.connection().exec_driver_sql(
                        "UPDATE notice_delivery SET lease_until = 1 WHERE lease_until IS NOT NULL"
                    )
                )
    assert killed == 2
    assert {came.id for came in receiver.taken} == wanted
    for came in receiver.came:
        came.verify(KEY)
    repeated = len(receiver.came) - len(wanted)
    assert repeated <= 3 * deliveries.CLAIMED_AT_ONCE


# --- mail


class Mailbox:
    """An office's mail server. `says`: what it answers to a message."""

    def __init__(self, says: str = "250 OK") -> None:
        self.says = says
        self.mails: list[email.message.EmailMessage] = []
        self.raw: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.recipients = envelope.rcpt_tos
        self.raw.append(envelope.content)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.says


@contextlib.asynccontextmanager
async def served(handler: Any, **more: Any) -> AsyncIterator[int]:
    """The port of a mail server."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="mail.example", **more), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def mailing(side: Side, port: int, **settings: Any) -> Node:
    return with_settings(
        side,
        **{
            "smtp_host": "127.0.0.1",
            "smtp_port": port,
            "smtp_security": "none",
            "smtp_from": "focalpoint@node.example",
            **settings,
        },
    )


async def test_an_office_gets_one_mail_in_its_language_that_names_no_case(pair: Pair) -> None:
    box = Mailbox()
    async with served(box) as port:
        node = mailing(pair.ro, port)
        await subscribe(node, "registratura@ro.example", channel="email", authority=pair.ro.office)
        case = await pair.open_case()
        sent = await pair.request(case)
        await notifier(node).look()
    (mail,) = box.mails
    assert box.recipients == ["registratura@ro.example"]
    entry = pair.world.directory.authority(pair.ro.office)
    assert mail["Content-Language"].startswith(entry.languages[0]) or mail["Content-Language"] == "en"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "1 new message, due " in mail["Subject"] or mail["Content-Language"] != "en"
    body = mail.get_content()
    assert node.settings.audience + "/console/" in body
    content = sample("social-inquiry.request")
    planted = [case, sent.id, pair.it.office, pair.ro.office, *words_in(content.identity)]
    planted += [block.text for block in content.narrative]
    told_ = box.raw[0].decode() + body
    assert not [word for word in planted if word in told_]


@pytest.mark.parametrize("language", ["en", "fr", "es", "pt", "ru", "ar", "zh"])
async def test_mail_is_written_in_every_language(pair: Pair, language: str) -> None:
    box = Mailbox()
    async with served(box) as port:
        node = mailing(pair.it, port)
        await subscribe(node, "operations@it.example", channel="email", language=language)
        await told(node, 1)
        await told(node, 2, kind="key-ending")
        await notifier(node).look()
    (mail,) = box.mails
    assert mail["Content-Language"] == language
    assert len(mail.get_content().splitlines()) == 8


async def test_what_waits_goes_in_one_mail_and_the_same_mail_comes_again_under_one_id(pair: Pair) -> None:
    box = Mailbox("451 later")
    async with served(box) as port:
        node = mailing(pair.it, port)
        await subscribe(node, "operations@it.example", channel="email")
        for number in range(7):
            await told(node, number)
        worker = notifier(node)
        await worker.look()
        assert (await state_of(node)).failure_code == "status-4xx"
        await told(node, 99)  # it comes in between, and goes with the next
        box.says = "250 OK"
        for _ in range(3):
            pair.clock.pass_by(seconds=90)
            await worker.look()
    assert len(box.mails) == 3
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"] != box.mails[2]["Message-ID"]
    assert box.mails[1]["Subject"].startswith("7 ")
    assert box.mails[2]["Subject"].startswith("1 ")
    assert (await state_of(node)).waiting == 0


async def test_no_mail_goes_over_a_connection_that_will_not_be_encrypted(pair: Pair) -> None:
    box = Mailbox()
    async with served(box) as port:
        node = mailing(pair.it, port, smtp_security="starttls")
        await subscribe(node, "operations@it.example", channel="email")
        await told(node, 1)
        await notifier(node).look()
    assert box.mails == []
    assert (await state_of(node)).waiting == 1


async def test_mail_goes_over_starttls_with_a_password_to_a_server_that_is_vouched_for(
    pair: Pair, tmp_path: Path
) -> None:
    tls, ca_file = server_tls(tmp_path, "127.0.0.1")
    secret = tmp_path / "smtp-password"
    secret.write_text("made-up\n")
    secret.chmod(0o600)
    shown: list[tuple[bytes, bytes]] = []

    def authenticate(_: Any, __: Any, ___: Any, mechanism: str, data: Any) -> AuthResult:
        shown.append((data.login, data.password))
        return AuthResult(success=data.password == b"made-up")

    box = Mailbox()
    more = {"tls_context": tls, "require_starttls": True, "auth_required": True}
    async with served(box, authenticator=authenticate, **more) as port:
        signed_in = {"smtp_user": "node-it", "smtp_password_file": secret, "smtp_security": "starttls"}
        node = mailing(pair.it, port, **signed_in)
        await subscribe(node, "operations@it.example", channel="email")
        await told(node, 1)
        await notifier(node).look()
        assert (await state_of(node)).failure_code == "tls", "nobody vouches for it yet"
        node = mailing(pair.it, port, smtp_ca_file=ca_file, **signed_in)
        secret.chmod(0o644)
        pair.clock.pass_by(seconds=10)
        await notifier(node).look()
        assert (await state_of(node)).failure_code == "authentication", "the file is open to others"
        secret.chmod(0o600)
        pair.clock.pass_by(seconds=90)
        await notifier(node).look()
    assert shown == [(b"node-it", b"made-up")]
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    "target",
    [
        "office@ro.example\r\nBcc: everybody@ro.example",
        "office@ro.example\nX",
        "office@ro.example,another@ro.example",
        "Office <office@ro.example>",
        '"a b"@ro.example',
        "office@",
        "@ro.example",
        "office",
        "office@localhost",
        "приёмная@ro.example",
        "o" * 300 + "@ro.example",
    ],
)
async def test_nothing_but_one_plain_mailbox_is_taken(pair: Pair, target: str) -> None:
    node = mailing(pair.it, 25)
    with pytest.raises(Malformed) as refused:
        await subscribe(node, target, channel="email")
    assert refused.value.code == "notice.target"


async def test_the_mailbox_of_the_directory_is_taken_where_none_is_given(pair: Pair) -> None:
    node = mailing(pair.it, 25)
    entry = pair.world.directory.authority(pair.it.office)
    listed = next((one.email for one in entry.contacts if one.email), None)
    if listed is None:
        with pytest.raises(Malformed):
            await subscribe(node, None, channel="email", authority=pair.it.office)
    else:
        made = await subscribe(node, None, channel="email", authority=pair.it.office)
        assert made.target == listed


async def test_a_subscription_that_makes_no_sense_is_refused(pair: Pair) -> None:
    node, url = pair.it.node, "https://registry.example/"
    with pytest.raises(NotFound):
        await subscribe(node, "a@it.example", channel="email")  # no mail server
    with pytest.raises(NotFound):
        await subscribe(node, url, authority=pair.ro.office)  # another node's
    with pytest.raises(Malformed):
        await subscribe(node, url, authority=pair.it.office, audience="operator")
    with pytest.raises(Malformed):
        await subscribe(node, url, audience="officer")
    with pytest.raises(Malformed):
        await subscribe(node, url, kinds=("nonsense",))
    with pytest.raises(Malformed):
        await subscribe(node, url, daily_at=24)
    assert await exchange.list_subscriptions(node, ADMINISTRATOR) == ()


# --- who gets what, and when


async def test_a_subscription_gets_the_kinds_that_it_asks_for_of_its_authority_alone(pair: Pair) -> None:
    node, office = pair.it.node, pair.it.office
    async with Receiver() as receiver:
        await subscribe(node, receiver.url, authority=office, kinds=("overdue",))
        await told(node, 1, authority=office, audience="officer", kind="overdue")
        await told(node, 2, authority=office, audience="officer", kind="due-soon")
        await told(node, 3, authority=office, audience="supervisor", kind="overdue")
        await told(node, 4, authority=Address("it.another-office"), audience="officer", kind="overdue")
        await told(node, 5, kind="overdue")
        while await notifier(node).look():
            pass
    first = (await ids_of(pair.it))[0]
    assert [came.id for came in receiver.taken] == [first]


async def test_a_digest_waits_for_its_hour_and_says_everything_at_once(pair: Pair) -> None:
    node = pair.it.node
    async with Receiver() as receiver:
        made = await subscribe(node, receiver.url, authority=pair.it.office, daily_at=7)
        assert made.daily_at == 7
        for number in range(3):
            await told(node, number, authority=pair.it.office, audience="officer", kind="overdue")
        worker = notifier(node)
        await worker.look()
        await worker.look()
        assert receiver.came == []
        zone = ZoneInfo(pair.world.directory.authority(pair.it.office).timezone)
        pair.clock.moment = next_daily(7, zone, NOW)
        assert pair.clock.moment.astimezone(zone).hour == 7
        await worker.look()
    (came,) = receiver.taken
    came.verify(KEY)
    assert came.said["type"] == "digest"
    assert [one["id"] for one in came.said["data"]["notices"]] == await ids_of(pair.it)


@given(
    hour=st.integers(0, 23),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
)
def test_the_next_hour_is_ahead_and_within_a_day_and_is_that_hour(hour: int, at: datetime, zone: str) -> None:
    found = next_daily(hour, ZoneInfo(zone), at)
    assert at < found <= at + timedelta(hours=26)
    local = found.astimezone(ZoneInfo(zone))
    # In the hour that summer time leaves out it is the next one.
    assert local.hour == hour or (local.hour - hour) % 24 == 1 or local.minute == 30


async def test_what_is_old_is_forgotten_and_what_is_looked_for_again_is_not_told_again(pair: Pair) -> None:
    node = pair.it.node
    async with Receiver() as receiver:
        await subscribe(node, receiver.url)
        await told(node, 1, kind="stuck")
        await told(node, 2, kind="approval-decided", audience="administrator")
        worker = notifier(node)
        await worker.look()
        pair.clock.pass_by(days=91)
        await told(node, 3)
        assert await worker.forget() == 2
        assert await worker.forget() == 0
        assert await told(node, 1, kind="stuck") is False, "its key is kept"
        seen = await exchange.list_notices(node, ADMINISTRATOR, 0, 10)
        assert [one.subject for one in seen.notices] == ["subject-3"]
        await worker.look()
    assert len(receiver.taken) == 2
    rows = await pair.it.rows("SELECT * FROM notice WHERE key = 'stuck/1'")
    assert [(row["subject"], row["authority"]) for row in rows] == [("", None)]


async def test_what_waits_is_measured(pair: Pair) -> None:
    node = pair.it.node
    await subscribe(node, "http://127.0.0.1:1/")
    await told(node, 1)
    worker = notifier(node)
    await worker.look()
    pair.clock.pass_by(minutes=2)
    await worker.measure()
    text = node.metrics.exposition().decode()
    assert 'fp_notices_waiting{channel="webhook"} 1.0' in text
    assert "fp_notice_oldest_seconds 120.0" in text
    assert 'fp_notice_failures_total{channel="webhook",code="connect"} 1.0' in text


async def test_who_changed_what_is_sent_where_is_in_the_journal(pair: Pair) -> None:
    node = pair.it.node
    await subscribe(node, "https://registry.example/")
    await exchange.delete_subscription(node, ADMINISTRATOR, "registry")
    acts = await pair.it.rows("SELECT actor, action, subject FROM access_journal ORDER BY position")
    assert [(row["action"], row["subject"]) for row in acts] == [
        ("subscription-put", "registry"),
        ("subscription-removed", "registry"),
    ]
    with pytest.raises(NotFound):
        await state_of(node)


async def test_planted_words_leave_by_no_channel(pair: Pair) -> None:
    """Everything a case says, and everything it is called, against everything that went out."""
    box = Mailbox()
    async with Receiver() as receiver, served(box) as port:
        for side in (pair.it, pair.ro):
            node = mailing(side, port)
            for audience in ("officer", "supervisor"):
                await subscribe(
                    node, receiver.url, f"hook-{audience}", authority=side.office, audience=audience
                )
                await subscribe(
                    node,
                    "office@ro.example",
                    f"mail-{audience}",
                    channel="email",
                    authority=side.office,
                    audience=audience,
                )
        case = await pair.open_case()
        sent = await pair.request(case)
        await exchange.request_release(pair.it.node, pair.it.officer, MessageId(sent.id), "family-tracing")
        for side in (pair.it, pair.ro):
            while await notifier(side.node).look():
                pass
    content = sample("social-inquiry.request")
    planted = [case, sent.id, str(pair.it.office), str(pair.ro.office), *words_in(content.identity)]
    planted += [block.text for block in content.narrative]
    assert len(receiver.taken) > 3
    assert len(box.mails) > 2
    out = [came.body.decode() + repr(came.headers) for came in receiver.came]
    out += [raw.decode() + mail.get_content() for raw, mail in zip(box.raw, box.mails, strict=True)]
    for text in out:
        assert not [word for word in planted if word in text]


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_security": "none", "smtp_host": "mail.example", "smtp_from": "a@b.example"},
        {"smtp_host": "mail.example"},
        {"smtp_host": "mail.example", "smtp_from": "a@b.example\r\nBcc: c@d.example"},
        {"smtp_user": "somebody"},
        {"webhook_networks": "10.2.0.0/16 nonsense"},
        {"smtp_security": "maybe"},
    ],
    ids=str,
)
def test_settings_that_would_send_in_the_open_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        settings_from(
            {
                "node": "it",
                "state": "it",
                "charter_digest": "A" * 43,
                "data_dir": str(tmp_path),
                "hub_url": "tls://hub.example:4222",
                **wrong,
            },
            base=tmp_path,
        )


def test_a_webhook_key_that_is_replaced_signs_beside_its_successor_for_a_week(
    tmp_path: Path,
) -> None:
    moment = [NOW]

    class Clock:
        def now(self) -> datetime:
            return moment[0]

    keys = FileKeyStore.create(
        tmp_path / "keys", b"p" * 32, clock=Clock(), random=SystemRandomSource(), scrypt_n=2**4
    )
    ensure_key(keys)
    ensure_key(keys)  # at every start
    (first,) = signing_keys(keys, NOW)
    keys.add_signing(WEBHOOK, former_until=NOW + timedelta(days=7))
    second, former = signing_keys(keys, NOW + timedelta(days=6))
    assert former.public == first.public != second.public
    headers = signature_headers("id", b"{}", (second, former), NOW)
    for key, signature in zip((second, former), headers["webhook-signature"].split(), strict=True):
        came = Came({**headers, "webhook-signature": signature}, b"{}")
        came.verify(published(key.public))
    assert [key.public for key in signing_keys(keys, NOW + timedelta(days=7))] == [second.public]
    keys.add_signing(WEBHOOK)  # after a theft: the one that was stolen signs no more
    assert second.public not in [key.public for key in signing_keys(keys, NOW)]
