"""A mail server on loopback (aiosmtpd), and one that behaves badly. What it took is in `taken`."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from adapters.kit.stand_in import Mood


@dataclass
class Taken:
    sender: str
    to: list[str]
    raw: bytes
    tls: bool

    @property
    def mail(self) -> EmailMessage:
        made = message_from_bytes(self.raw, policy=POLICY)
        assert isinstance(made, EmailMessage)
        return made


class _Rude(asyncio.Protocol):
    def __init__(self, said: bytes | None, *, endless: bool = False) -> None:
        self._said, self._endless = said, endless

    def connection_made(self, transport: Any) -> None:
        if self._said is not None:
            transport.write(self._said * (20_000 if self._endless else 1))
        transport.close()


class MailStandIn:
    """`refuses`: mailbox to the answer it gets at RCPT. `tls`: offers STARTTLS. `user`: wants a login."""

    def __init__(
        self, *, slow: float = 0.5, tls: ssl.SSLContext | None = None, user: tuple[str, str] | None = None
    ) -> None:
        self.mood = Mood.WELL
        self.moods: deque[Mood] = deque()
        self.seen: list[Any] = []
        self.taken: list[Taken] = []
        self.refuses: dict[str, str] = {}
        self.content_refused: str | None = None
        self._slow, self._tls, self._user = slow, tls, user

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    def _connected(self) -> asyncio.Protocol:
        mood = self.moods.popleft() if self.moods else self.mood
        self.seen.append(mood)
        if mood is Mood.DOWN:
            return _Rude(None)
        if mood is Mood.NONSENSE:
            return _Rude(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>")
        if mood is Mood.ENDLESS:
            return _Rude(b"220-welcome\r\n", endless=True)
        return SMTP(
            _Handler(self, mood),
            hostname="mail.example",
            tls_context=self._tls,
            authenticator=self._login if self._user else None,
            auth_required=self._user is not None,
            auth_require_tls=True,
            data_size_limit=1 << 24,
            enable_SMTPUTF8=True,
        )

    def _login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert self._user is not None
        return AuthResult(success=(data.login.decode(), data.password.decode()) == self._user, handled=False)


class _Handler:
    def __init__(self, stand_in: MailStandIn, mood: Mood) -> None:
        self._stand_in, self._mood = stand_in, mood

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._mood is Mood.FAILING:
            return "451 4.3.0 try later"
        if self._mood is Mood.BUSY:
            return "421 4.3.2 too busy"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._stand_in.refuses:
            return self._stand_in.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._stand_in.content_refused is not None:
            return self._stand_in.content_refused
        content = envelope.content
        assert isinstance(content, bytes)
        taken = Taken(envelope.mail_from or "", list(envelope.rcpt_tos), content, session.ssl is not None)
        self._stand_in.taken.append(taken)
        if self._mood is Mood.SLOW:
            await asyncio.sleep(self._stand_in._slow)
        if self._mood in {Mood.LOST, Mood.HALF}:
            assert server.transport is not None
            if self._mood is Mood.HALF:
                server.transport.write(b"25")
            server.transport.close()
        return "250 OK"
