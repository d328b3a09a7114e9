"""The message goes to the office's mailbox as a file that opens with its password alone, once as far as
anybody can say, and the sender hears that it was handed over only when a mail server took it."""

from __future__ import annotations

import contextlib
import io
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pypdf
import pytest

from adapters.email.cli import link_of
from adapters.email.mapping import LOCALES, composed, encrypted, words
from adapters.email.worker import MailLink, Office
from adapters.kit.errors import Away
from adapters.kit.mail import MailServer
from adapters.kit.memory import glance
from adapters.kit.passwords import made_password, weakness
from adapters.kit.running import retry_set_aside
from adapters.kit.settings import Settings, SettingsError
from adapters.kit.stand_in import Mood
from adapters.kit.trial import Claims, Trial
from protocol.languages import available_languages
from service.client import Client
from tests.adapters.mail_stand_in import MailStandIn
from tests.adapters.node_stage import NodeStage
from tests.adapters.test_xroad import certificate

pytestmark = pytest.mark.anyio

SECRET = "Planted-Name-Of-A-Child"
PASSWORD = "7KQM-93XP-T9W2-D6HB-42RN-C8YE"
SENDER = "focalpoint@agency.example"
BOX = "office@minors.example"
UNSURE = (Mood.LOST, Mood.SLOW, Mood.HALF)
"""It was taken, and nobody says so: here nobody can do better than send the same again."""


class MailTrial(Trial):
    takes = False
    says_when = False
    planted = (SECRET, PASSWORD)

    def __init__(self, directory: Path, stage: NodeStage, server: MailStandIn) -> None:
        super().__init__(directory, system=server, between=stage.between)
        self.stage, self.server = stage, server
        self.language = "en"

    def opened(self) -> AbstractAsyncContextManager[MailLink]:
        @contextlib.asynccontextmanager
        async def link() -> AsyncIterator[MailLink]:
            server = MailServer(
                host="127.0.0.1", port=self.server.port, sender=SENDER, security="none", timeout=1.5
            )
            authority = str(self.stage.stand.office)
            office = Office(authority=authority, to=BOX, language=self.language, password=PASSWORD)
            yield MailLink(server, {authority: office})

        return link()

    def node(self) -> Client:
        return self.stage.client()

    async def told(self) -> dict[str, Any]:
        return await self.stage.told()

    async def new_messages(self, count: int) -> list[str]:
        return await self.stage.mail(count, narrative=SECRET)

    def at_system(self) -> list[str]:
        """As a mailbox shows it that looks at Message-ID: each once."""
        return list(dict.fromkeys(self.mails()))

    def mails(self) -> list[str]:
        """Each as often as it came."""
        return [str(taken.mail["Message-ID"]).strip("<>").partition("@")[0] for taken in self.server.taken]

    def left_behind(self) -> str:
        """Everything that can be read without the password."""
        return "".join(readable(taken.raw) for taken in self.server.taken)


def readable(raw: bytes) -> str:
    from email import message_from_bytes

    mail = message_from_bytes(raw)
    parts = [part.get_payload(decode=True) or b"" for part in mail.walk() if not part.is_multipart()]
    return raw.decode("latin-1") + b"".join(parts).decode("latin-1")


@pytest.fixture
async def trial(tmp_path: Path) -> AsyncIterator[MailTrial]:
    stage = await NodeStage(tmp_path).opened()
    async with MailStandIn(slow=4) as server:
        yield MailTrial(tmp_path, stage, server)
    stage.close()


class TestMail(Claims):
    async def test_an_office_reads_in_its_language_what_the_message_says_and_nobody_else_does(
        self, trial: MailTrial
    ) -> None:
        trial.language = "fr"
        (number,) = await trial.new_messages(1)
        await trial.until(lambda: bool(trial.mails()))
        (taken,) = trial.server.taken
        mail = taken.mail
        assert (taken.to, mail["To"], mail["From"]) == ([BOX], BOX, SENDER)
        assert (str(mail["Subject"]), mail["Content-Language"]) == (
            f"Message pour votre service : {number}",
            "fr",
        )
        (attached,) = mail.iter_attachments()
        assert attached.get_filename() == f"{number}.pdf"
        pdf = attached.get_content()
        reader = pypdf.PdfReader(io.BytesIO(pdf))
        assert reader.is_encrypted
        rules = reader.trailer["/Encrypt"].get_object()
        assert (rules["/R"], rules["/V"], rules["/CF"]["/StdCF"]["/CFM"]) == (6, 5, "/AESV3")
        for wrong in ("", PASSWORD.lower(), number):
            assert not pypdf.PdfReader(io.BytesIO(pdf)).decrypt(wrong)
        assert reader.decrypt(PASSWORD)
        assert SECRET in "".join(page.extract_text() for page in reader.pages).replace("\n", "")
        text = trial.left_behind()
        for word in (SECRET, PASSWORD, trial.stage.case, "query"):
            assert word not in text

    async def test_the_sender_hears_of_it_with_the_rendering_that_went_out(self, trial: MailTrial) -> None:
        (number,) = await trial.new_messages(1)
        async with trial.node() as node:
            printed = await node.printed(number, language="en", format="pdf")
            await trial.until(lambda: bool(glance(trial.state_dir).health) and bool(trial.mails()))
            await trial.until(lambda: True)
            assert "collected_at" in await node.message(number)
            evidence = json.dumps(await node.evidence(number))
        assert printed.digest in evidence or printed.digest in _opened(evidence)

    @pytest.mark.parametrize("mood", [mood for mood in Mood if mood not in {Mood.WELL, *UNSURE}])
    async def test_where_it_is_sure_that_nothing_was_taken_exactly_one_mail_comes(
        self, trial: MailTrial, mood: Mood
    ) -> None:
        trial.server.moods.extend([mood] * 3)
        ids = await trial.new_messages(2)
        await trial.until(lambda: len(trial.mails()) >= 2)
        assert trial.mails() == ids

    @pytest.mark.parametrize("mood", UNSURE)
    async def test_where_nobody_can_be_sure_the_second_mail_is_known_by_its_id(
        self, trial: MailTrial, mood: Mood
    ) -> None:
        trial.server.moods.append(mood)
        (number,) = await trial.new_messages(1)
        await trial.until(lambda: len(trial.mails()) >= 2)
        assert trial.mails() == [number, number]

    async def test_killed_between_the_mail_and_the_collection_no_second_mail_is_sent(
        self, trial: MailTrial
    ) -> None:
        (number,) = await trial.new_messages(1)
        async with trial.start() as (adapter, desk):
            trial.between.moods.extend([Mood.WELL, Mood.WELL, Mood.DOWN])  # message, rendering, collection
            message = await desk.node.message(number)
            with pytest.raises(Exception, match="ConnectError"):
                await adapter.deliver(message, desk)
        assert trial.mails() == [number]
        async with trial.start() as (adapter, desk):
            assert await adapter.deliver(await desk.node.message(number), desk) == "mailed"
            # Killed again, before it was written down that all is done.
            assert await adapter.deliver(await desk.node.message(number), desk) == "mailed"
        assert trial.mails() == [number]

    async def test_nothing_is_collected_that_no_server_took(self, trial: MailTrial) -> None:
        trial.server.refuses[BOX] = "550 5.1.1 no such mailbox"
        (number,) = await trial.new_messages(1)
        await trial.until(lambda: bool(glance(trial.state_dir).aside))
        assert [item.code for item in glance(trial.state_dir).aside] == ["mail.address_refused"]
        async with trial.node() as node:
            assert "collected_at" not in await node.message(number)
        trial.server.refuses.clear()
        async with trial.start() as (adapter, desk):
            assert await retry_set_aside(adapter, desk) == (1, 0)
        assert trial.mails() == [number]

    async def test_a_mailbox_that_is_full_does_not_hold_up_the_others_for_ever(
        self, trial: MailTrial
    ) -> None:
        trial.server.refuses[BOX] = "452 4.2.2 mailbox full"
        await trial.new_messages(1)
        await trial.until(lambda: bool(glance(trial.state_dir).aside))
        assert [item.code for item in glance(trial.state_dir).aside] == ["mail.mailbox_busy"]
        assert len(trial.server.seen) == 12

    async def test_a_mail_that_is_too_large_is_set_aside(self, trial: MailTrial) -> None:
        trial.server.content_refused = "552 5.3.4 too large"
        await trial.new_messages(1)
        await trial.until(lambda: bool(glance(trial.state_dir).aside))
        assert [item.code for item in glance(trial.state_dir).aside] == ["mail.refused"]

    async def test_what_somebody_read_at_the_node_already_is_not_mailed(self, trial: MailTrial) -> None:
        (read,) = await trial.new_messages(1)
        async with trial.node() as node:
            await node.collect(read)
        (other,) = await trial.new_messages(1)
        await trial.until(lambda: bool(trial.mails()))
        assert trial.mails() == [other]


def _opened(evidence: str) -> str:
    """What the tokens in it say."""
    import base64
    import re

    found = []
    for token in re.findall(r"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", evidence):
        payload = token.split(".")[1]
        found.append(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("latin-1"))
    return "".join(found)


# -- the mail server's connection


def letter() -> Any:
    pdf = io.BytesIO()
    made = pikepdf.new()
    made.add_blank_page()
    made.save(pdf)
    return composed(
        {"id": "019ac000-0000-7000-8000-000000000000"},
        encrypted(pdf.getvalue(), PASSWORD),
        sender=SENDER,
        to=BOX,
        language="en",
        now=datetime(2026, 11, 26, tzinfo=UTC),
    )


async def test_a_server_that_offers_no_encryption_gets_nothing() -> None:
    async with MailStandIn() as stand_in:
        server = MailServer(
            host="127.0.0.1", port=stand_in.port, sender=SENDER, security="starttls", timeout=5
        )
        with pytest.raises(Away):
            await server.send(letter(), to=BOX)
        assert stand_in.taken == []


async def test_a_server_beyond_this_machine_is_never_reached_without_encryption() -> None:
    server = MailServer(host="192.0.2.1", port=25, sender=SENDER, security="none")
    with pytest.raises(Away) as away:
        await server.send(letter(), to=BOX)
    assert away.value.code == "mail.tls_required"


async def test_over_tls_the_server_has_to_be_the_one_that_was_named_and_the_login_right(
    tmp_path: Path,
) -> None:
    right, wrong = certificate(tmp_path, "right"), certificate(tmp_path, "wrong")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(right.path, right.key)
    async with MailStandIn(tls=context, user=("adapter", "correct")) as stand_in:

        async def sent(ca: Path, password: str) -> None:
            server = MailServer(
                host="127.0.0.1",
                port=stand_in.port,
                sender=SENDER,
                user="adapter",
                password=password,
                ca_file=str(ca),
                timeout=10,
            )
            await server.send(letter(), to=BOX)

        for ca, password, code in (
            (wrong.path, "correct", "mail.tls"),
            (right.path, "x", "mail.authentication"),
        ):
            with pytest.raises(Away) as away:
                await sent(ca, password)
            assert away.value.code == code
        assert stand_in.taken == []
        await sent(right.path, "correct")
        assert [taken.tls for taken in stand_in.taken] == [True]


# -- what it says


@pytest.mark.parametrize("language", sorted(available_languages()))
def test_every_language_says_all_of_it_in_its_own_words(language: str) -> None:
    said, english = words(language), words("en")
    assert said.language == language
    assert (LOCALES / f"{language}.ftl").is_file()
    moment = said.moment(datetime(2026, 12, 3, 12, tzinfo=UTC))
    for name, values in (
        ("subject", {"id": "1"}),
        ("attached", {"id": "1"}),
        ("due", {"moment": moment}),
        ("password", {}),
        ("no-answer", {}),
    ):
        text = said.say(name, **values)
        assert text
        assert language == "en" or text != english.say(name, **values)


def test_a_file_that_is_no_pdf_is_not_sent() -> None:
    with pytest.raises(Away) as away:
        encrypted(b"<html>", PASSWORD)
    assert away.value.code == "email.no_pdf"


# -- passwords and settings


def test_a_password_that_is_made_is_strong_and_never_the_same() -> None:
    made = {made_password() for _ in range(5_000)}
    assert len(made) == 5_000
    assert [weakness(one) for one in made] == [None] * 5_000


@pytest.mark.parametrize(
    "weak",
    [
        "",
        "secret",
        "12345678901234567890123456",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Abc1!Abc1!Abc1!Abc1!Abc1!",
        "Kq7-servizio-minori-2026-Xp",
        "Minors.Example-2026-Kq7Xp9W",
        "пароль-пароль-пароль-123",
        "tab\tinside-the-password-Kq7",
    ],
)
def test_a_password_that_can_be_guessed_is_refused(weak: str) -> None:
    assert weakness(weak, "it.servizio-minori", BOX) is not None


def settings(directory: Path, **system: Any) -> Settings:
    (directory / "office.password").write_text(system.pop("password", PASSWORD))
    (directory / "office.password").chmod(0o600)
    office = {
        "authority": "it.servizio-minori",
        "to": BOX,
        "language": "it",
        "password_file": "office.password",
        **system.pop("office", {}),
    }
    told = {"host": "mail.agency.example", "sender": SENDER, "offices": [office], **system}
    return Settings(
        name="mail", state_dir=directory, node_url="x", token="x", directory=directory, system=told
    )


def test_settings_say_everything_that_is_wrong_and_never_a_password(tmp_path: Path) -> None:
    assert link_of(settings(tmp_path)).delivers
    for wrong in (
        {"host": ""},
        {"security": "none"},
        {"security": "maybe"},
        {"sender": "nobody"},
        {"sender": "a@b.example\nBcc: c@d.example"},
        {"offices": []},
        {"password": "guess"},
        {"office": {"authority": "nowhere"}},
        {"office": {"to": f"{BOX}, other@minors.example"}},
        {"office": {"password_file": "missing"}},
        {"hots": "x"},
        {"offices": "x"},
        {"offices": ["x"]},
        {"offices": {"x": 1}},
        {"port": "abc"},
    ):
        with pytest.raises(SettingsError) as told:
            link_of(settings(tmp_path, **wrong))
        assert "guess" not in str(told.value)
    first = dict(settings(tmp_path).system["offices"][0])
    twice = settings(tmp_path, offices=[first, {**first, "authority": "it.altro-servizio"}])
    with pytest.raises(SettingsError, match="one password"):
        link_of(twice)
