"""Three real nodes and the intermediary's API in this process, with the desk of the relay adapter beside it.

stage = RelayStage(tmp_path)
request = await stage.asked()                       a social inquiry that waits at the intermediary for md
async with stage.officer() as node: ...             the typed client, as an officer of the intermediary
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pikepdf
from aiosmtpd.controller import Controller
from pikepdf import Name, String
from sqlalchemy import insert

from adapters.kit import Desk, Memory, Settings
from adapters.kit.mail import MailServer
from adapters.kit.pace import Pace
from adapters.relay.desk import DeskBook
from adapters.relay.worker import RelayDesk
from protocol.identifiers import Address
from protocol.statements import digest
from service import exchange
from service.access.roles import Role
from service.access.tokens import TokenVerifier, mint
from service.api.app import build_api
from service.client import Client
from service.exchange.views import Accepted
from service.store.tables import DIRECTORY_SNAPSHOT
from tests.protocol.sample_intermediary import MD_OFFICE, give
from tests.service.access_stand import BASE
from tests.service.api_stand import TOKEN_KEY
from tests.service.exchange_trio import Trio, open_trio

PASSWORD = "agreed-by-telephone"
RETURN_TO = "International organisation (example), Chisinau"


@dataclass
class MailBox:
    """What the mail server took, and how it answers: `moods` once each, then `mood`; `of_sender`: what it has
    against us."""

    mood: str = "250 OK"
    of_sender: str | None = None
    moods: list[str] = field(default_factory=list)
    taken: list[bytes] = field(default_factory=list)

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.of_sender is not None:
            return self.of_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        answer = self.moods[0] if self.moods and self.moods[0].startswith(("550", "450")) else "250 OK"
        if not answer.startswith("250"):
            self.moods.pop(0)
            return answer
        if self.mood.startswith(("550", "450")):
            return self.mood
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        answer = self.moods.pop(0) if self.moods else self.mood
        if answer.startswith("250") or "lost" in answer:
            self.taken.append(envelope.content)
        return answer


class RelayStage:
    def __init__(self, directory: Path) -> None:
        self.trio: Trio = open_trio(directory)
        give(self.trio.world, parts=("coded", "narrative", "identity"))
        node = self.trio.iom.node
        self.app = build_api(
            node,
            exchange=exchange,
            tokens=TokenVerifier(node=node.code, keys={TOKEN_KEY.kid: TOKEN_KEY.public}),
        )
        self.directory = directory / "desk"
        self.book = DeskBook(self.directory)
        self.mail = MailBox()
        self._smtp: Controller | None = None

    def close(self) -> None:
        self.book.close()
        if self._smtp is not None:
            self._smtp.stop()
        self.trio.close()

    def now(self) -> datetime:
        return self.trio.clock.now()

    def server(self) -> MailServer:
        if self._smtp is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            self._smtp = Controller(self.mail, hostname="127.0.0.1", port=port)
            self._smtp.start()
        port = self._smtp.port
        return MailServer(
            host="127.0.0.1", port=port, sender="relay@organisation.example", security="none", timeout=2.0
        )

    def client(self, role: Role = Role.INTERMEDIARY_OFFICER, person: str = "relay-officer-1") -> Client:
        token = mint(
            TOKEN_KEY,
            node=self.trio.iom.node.code,
            person=person,
            role=role,
            authorities=[Address("int.iom")],
            now=self.now(),
            random_bytes=os.urandom,
        )
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False, client=("127.0.0.1", 4711))
        return Client(BASE, token, transport=transport)

    def officer(self) -> Client:
        return self.client()

    def system(self) -> Client:
        return self.client(Role.AGENCY_SYSTEM, "relay-desk")

    @contextlib.asynccontextmanager
    async def worker(self, *, mail: bool = True, **changes: Any) -> AsyncIterator[tuple[RelayDesk, Desk]]:
        memory = Memory(self.directory / "state")
        settings = Settings(
            name="relay-desk", state_dir=self.directory / "state", node_url=BASE, token="x", poll_seconds=0.01
        )
        office = {"email": "office@ministry.example", "password": PASSWORD, "language": "en"}
        given: dict[str, Any] = {
            "book": self.book,
            "offices": {str(MD_OFFICE): office} if mail else {},
            "return_to": RETURN_TO,
            "mail": self.server() if mail else None,
            "page": "https://relay.example",
        }
        try:
            async with self.system() as node:
                desk = Desk(
                    settings=settings, node=node, memory=memory, pace=Pace(0, now=lambda: 0.0), now=self.now
                )
                yield RelayDesk(**(given | changes)), desk
        finally:
            memory.close()

    async def asked(self, *, identity: bool = False) -> Accepted:
        """A case that was notified and a social inquiry that was requested, both at the intermediary."""
        trio = self.trio
        case = await trio.open_case()
        await trio.notify(case)
        request = await trio.it.send(trio.to_md("social-inquiry.request", case, identity=identity))
        await trio.settle()
        return request

    async def keep_snapshots(self) -> None:
        """As a node keeps each snapshot of the directory that comes; the sample's directory is replaced."""
        rows = [
            {"sequence": number, "digest": digest(one.encode()), "token": one, "received_at": self.now()}
            for number, one in enumerate(self.trio.world.snapshots, 1)
        ]
        for side in self.trio.sides.values():
            await side.node.store.write(
                lambda session: session.connection().execute(
                    insert(DIRECTORY_SNAPSHOT).prefix_with("OR IGNORE"), rows
                )
            )

    async def kinds(self, message: str) -> list[str]:
        """The evidence that the sender has of its message."""
        it = self.trio.it
        view = await exchange.message_evidence(it.node, it.officer, message)  # type: ignore[arg-type]
        return [one.kind for one in view.evidence]


def filled_in(file: bytes, values: dict[str, str], *, password: str = "") -> bytes:
    """The form as somebody fills it in with a PDF reader."""
    import io

    with pikepdf.open(io.BytesIO(file), password=password) as pdf:
        names = set()
        for one in pdf.Root.AcroForm.Fields:
            name = str(one.T)
            names.add(name)
            if name in values:
                one.V = Name("/" + values[name]) if Name.Btn == one.FT else String(values[name])
        assert set(values) <= names, set(values) - names
        made = io.BytesIO()
        pdf.save(made)
        return made.getvalue()
