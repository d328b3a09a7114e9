"""`focalpoint-adapter relay`, as an officer types it: a real node behind HTTP, and files."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from adapters.cli import app
from adapters.kit import Memory, load
from adapters.relay.paper import protected
from protocol import courier
from protocol.identifiers import Address
from service.access.roles import Role
from service.access.tokens import mint
from tests.adapters.relay_stage import PASSWORD, RelayStage, filled_in
from tests.adapters.test_relay_paper import whole
from tests.protocol.sample_intermediary import give, give_own_key
from tests.service.api_stand import TOKEN_KEY

UP_WITHIN = 30.0


class Officer:
    def __init__(self, directory: Path) -> None:
        self.stage = RelayStage(directory)
        self.request = asyncio.run(self._asked())
        self.server = uvicorn.Server(uvicorn.Config(self.stage.app, port=0, log_config=None, lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + UP_WITHIN
        while not self.server.started:
            assert time.monotonic() < until
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        token = mint(
            TOKEN_KEY,
            node=self.stage.trio.iom.node.code,
            person="relay-officer-1",
            role=Role.INTERMEDIARY_OFFICER,
            authorities=[Address("int.iom")],
            now=self.stage.now(),
            random_bytes=os.urandom,
        )
        self.home = directory / "officer"
        self.home.mkdir()
        for name, text in (("token", token), ("password", PASSWORD)):
            (self.home / name).write_text(text)
            (self.home / name).chmod(0o600)
        self.settings = self.home / "relay.toml"
        self.settings.write_text(f"""
[adapter]
name = "relay-desk"
kind = "relay"
[node]
url = "http://127.0.0.1:{port}"
token_file = "token"
[system]
intermediary = "International organisation (example)"
return_to = "International organisation (example), Chisinau"
page = "https://relay.example"
[system.offices."md.protectia-copilului"]
language = "en"
password_file = "password"
""")

    async def _asked(self) -> str:
        request = await self.stage.asked()
        trio = self.stage.trio
        await trio.iom.send(trio.for_md("accept", request.case, in_reply_to=request.id))
        await trio.settle()
        return str(request.id)

    def types(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["relay", *words, "--settings", str(self.settings)])

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.stage.close()


@pytest.fixture
def officer(tmp_path: Path) -> Iterator[Officer]:
    made = Officer(tmp_path)
    yield made
    made.close()


def test_from_what_waits_to_what_is_said(officer: Officer) -> None:
    request, home = officer.request, officer.home
    assert request in officer.types("pending").output
    printed = officer.types("print", request, "-o", str(home / "out.pdf"), "--link", "--protect")
    assert printed.exit_code == 0, printed.output
    assert stat.S_IMODE((home / "out.pdf").stat().st_mode) == 0o600
    password = printed.output.rpartition(": ")[2].strip()
    assert "sent by post" in officer.types("pending").output
    again = officer.types("print", request, "-o", str(home / "out.pdf"))
    assert again.exit_code == 1
    confirmed = officer.types("confirm", request, "--way", "post")
    assert "handed over" in confirmed.output, confirmed.output

    back = home / "back.pdf"
    filled = whole() | {"person": "An officer", "trafficker_link": "perhaps"}
    back.write_bytes(filled_in((home / "out.pdf").read_bytes(), filled, password=password))
    (home / "returned").write_text(password)
    back.write_bytes(protected(back.read_bytes(), password))  # it came back as it went
    words = ("read", str(back), "--message", request, "-o", str(home / "draft.json"))
    assert "relay.pdf_unreadable" in officer.types(*words).output
    words = (*words, "--password-file", str(home / "returned"))
    read = officer.types(*words)
    assert read.exit_code == 0, read.output
    told = {tuple(line.split(maxsplit=1)) for line in read.output.splitlines()}
    assert {("not-understood", "trafficker_link"), ("missing", "trafficker_link")} <= told
    assert "perhaps" not in read.output
    draft = json.loads((home / "draft.json").read_text())
    draft["submission"]["coded"]["trafficker_link"] = "unknown"  # what the paper says, read by a person
    (home / "draft.json").write_text(json.dumps(draft))
    said = ("say", str(home / "draft.json"), "--came-by", "e-mail", "--sure", "known-correspondent")
    undeclared = officer.types(*said, "--scan", str(back))
    assert undeclared.exit_code == 1
    assert "safeguard.no_danger_declaration" in undeclared.output
    done = officer.types(*said, "--scan", str(back), "--declare-no-danger")
    assert done.exit_code == 0, done.output
    assert "attested by" in done.output


class WithOwnKey(Officer):
    """Identity is sealed past the intermediary, to the authority's own key."""

    async def _asked(self) -> str:
        trio = self.stage.trio
        trio.wait(minutes=1)
        give_own_key(trio.world)
        give(trio.world, parts=("coded", "narrative"))
        case = await trio.open_case()
        await trio.notify(case)
        request = await trio.it.send(trio.to_md("social-inquiry.request", case, identity=True))
        await trio.settle()
        return str(request.id)


def test_what_is_sealed_is_written_beside_the_pdf_and_nothing_is_confirmed_without_it(
    tmp_path: Path,
) -> None:
    officer = WithOwnKey(tmp_path)
    try:
        early = officer.types("confirm", officer.request, "--way", "post")
        assert early.exit_code == 1
        assert "relay.sealed_part_here" in early.output
        (row,) = asyncio.run(
            officer.stage.trio.iom.rows("select envelope from relay where id = :i", i=officer.request)
        )
        out, beside = officer.home / "out.pdf", officer.home / "out.sealed.focalpoint"
        out.write_bytes(b"an older one")
        assert officer.types("print", officer.request, "-o", str(out)).exit_code == 1
        assert not beside.exists()
        out.unlink()
        printed = officer.types("print", officer.request, "-o", str(out))
        assert printed.exit_code == 0, printed.output
        assert f"{beside}: sealed to the authority's own key" in printed.output
        assert out.read_bytes().startswith(b"%PDF")
        assert courier.unpack(beside.read_bytes()) == (row["envelope"],)
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600
        assert "handed over" in officer.types("confirm", officer.request, "--way", "post").output
    finally:
        officer.close()


def test_two_who_mail_at_once_are_told_so_in_a_sentence(officer: Officer) -> None:
    port = officer.stage.server().port
    officer.settings.write_text(
        officer.settings.read_text().replace(
            "[system.offices",
            f"""[system.mail]
host = "127.0.0.1"
port = {port}
sender = "relay@organisation.example"
security = "none"
[system.offices""",
        )
        + 'email = "office@ministry.example"\n'
    )
    other = Memory(load(officer.settings).state_dir / "by-hand")
    second = officer.types("mail", officer.request)
    assert second.exit_code == 1
    assert "relay.busy" in second.output
    assert "somebody else's `mail` is at work" in second.output
    other.close()
    assert officer.stage.mail.taken == []
    assert officer.types("mail", officer.request).exit_code == 0


def test_what_cannot_be_done_is_said_in_a_line(officer: Officer) -> None:
    for words, code in (
        (
            ("print", "3f1d9a52-6c4e-4f0a-9b7d-2a8e5c1b0d94", "-o", str(officer.home / "x")),
            "relay.not_pending",
        ),
        (("mail", officer.request), "relay.by_hand"),
        (("read", "--reply", "none", "-o", str(officer.home / "x")), "relay.no_reply"),
        (
            (
                "print",
                officer.request,
                "-o",
                str(officer.home / "x"),
                "--form",
                "durable-solution.acceptance",
            ),
            "relay.binds",
        ),
    ):
        said = officer.types(*words)
        assert said.exit_code == 1, said.output
        assert code in said.output
        assert "Traceback" not in said.output


def test_a_desk_book_that_is_damaged_is_a_line_that_says_what_to_do(officer: Officer) -> None:
    assert officer.types("pending").exit_code == 0
    (book,) = officer.home.rglob("desk.db")
    for file in book.parent.glob("desk.db*"):
        file.unlink()
    book.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)
    said = officer.types("pending")
    assert (said.exit_code, len(said.output.splitlines())) == (1, 1)
    assert "desk.db in the state directory is damaged: stop the worker and bring it back" in said.output


def test_settings_are_refused_with_every_fault(officer: Officer) -> None:
    text = officer.settings.read_text().replace("intermediary =", "intermediry =")
    officer.settings.write_text(text.replace("https://relay", "http://relay"))
    (officer.home / "password").chmod(0o644)
    said = officer.types("pending")
    assert said.exit_code == 1
    for fault in ("intermediry is not known", "intermediary: expected", "https://", "others may read it"):
        assert fault in said.output


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("123456789012", "digits alone"),
        ("aaaaaaaaaaaa", "too few different signs"),
        ("office@ministry.example", "the office's own name or address"),
        ("Protectia-copilului-2026", "the office's own name or address"),
    ],
)
def test_a_weak_password_of_an_office_is_refused(officer: Officer, password: str, said: str) -> None:
    officer.settings.write_text(officer.settings.read_text() + 'email = "office@ministry.example"\n')
    (officer.home / "password").write_text(password)
    refused = officer.types("pending")
    assert refused.exit_code == 1
    assert said in refused.output
    assert password not in refused.output


def test_one_password_for_two_offices_is_refused(officer: Officer) -> None:
    other = '[system.offices."ro.protectia-copilului"]\npassword_file = "password"\n'
    officer.settings.write_text(officer.settings.read_text() + other)
    refused = officer.types("pending")
    assert refused.exit_code == 1
    assert "md.protectia-copilului and ro.protectia-copilului have one password" in refused.output
    assert PASSWORD not in refused.output
