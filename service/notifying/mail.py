"""Telling an office by e-mail: how many of what, until when, and where to look. Nothing of a case, and no
name: mail is read on the way, and forwarded.

The mailbox is an office's. What a header holds is made here or checked when it was put; the library refuses
line ends in headers besides (`email.policy.SMTP`).
"""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, tzinfo
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import aiosmtplib

from protocol.errors import Refused
from protocol.identifiers import Address
from protocol.languages import DEFAULT_LANGUAGE
from service.errors import Misconfigured
from service.node import Node
from service.notifying import words
from service.notifying.addresses import is_tls_fault, tls_context
from service.notifying.outgoing import NotTaken, Outgoing
from service.settings import Settings

__all__ = ["Mail", "composed", "place_of"]

TIMEOUT: Final = 30.0
"""Seconds for all of it."""
CONSOLE: Final = "/console/"


def place_of(node: Node, authority: str | None) -> tuple[str, tzinfo]:
    """In which language an office is written to, and by which clock: as its directory entry says. English and
    UTC for the node's own, and where the directory is away."""
    if authority is not None:
        try:
            entry = node.directory.known().authority(Address(authority))
        except Refused:
            return DEFAULT_LANGUAGE, UTC
        return (entry.languages or (DEFAULT_LANGUAGE,))[0], ZoneInfo(entry.timezone)
    return DEFAULT_LANGUAGE, UTC


def composed(node: Node, outgoing: Outgoing, now: datetime) -> EmailMessage:
    language, zone = place_of(node, outgoing.authority)
    language = words.words(outgoing.language or language).language
    sender = node.settings.smtp_from
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = outgoing.target
    mail["Subject"] = words.subject(outgoing.notices, language, zone)
    mail["Date"] = format_datetime(now.astimezone(UTC))
    # The same at every attempt: mailboxes drop the second.
    mail["Message-ID"] = f"<{outgoing.batch}@{sender.rpartition('@')[2]}>"
    # RFC 3834 §5: no answering machine shall answer.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    link = node.settings.audience.rstrip("/") + CONSOLE
    mail.set_content(words.text(outgoing.notices, language, zone, link))
    mail["Content-Language"] = language  # behind the content, which drops every such header
    return mail


class Mail:
    """The channel. One connection for each mail: there are few."""

    def __init__(self, node: Node, *, timeout: float = TIMEOUT) -> None:
        self._node = node
        self._timeout = timeout

    async def send(self, outgoing: Outgoing, now: datetime) -> None:
        settings = self._node.settings
        if not settings.smtp_host:
            raise NotTaken("no-mail-server")
        mail = composed(self._node, outgoing, now)
        try:
            async with asyncio.timeout(self._timeout):
                await _sent(settings, mail, self._timeout)
        except TimeoutError:
            raise NotTaken("timeout") from None
        except aiosmtplib.SMTPAuthenticationError:
            raise NotTaken("authentication") from None
        except aiosmtplib.SMTPConnectError as reason:
            raise NotTaken("tls" if is_tls_fault(reason) else "connect") from None
        except aiosmtplib.SMTPRecipientsRefused as reason:
            first = next(iter(reason.recipients), None)
            raise NotTaken(_by_status(first.code if first else 0)) from None
        except aiosmtplib.SMTPResponseException as reason:
            raise NotTaken(_by_status(reason.code)) from None
        except Misconfigured:
            raise NotTaken("authentication") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as reason:
            raise NotTaken("tls" if is_tls_fault(reason) else "protocol") from None


async def _sent(settings: Settings, mail: EmailMessage, timeout: float) -> None:
    security = settings.smtp_security
    given: dict[str, Any] = {}
    if settings.smtp_user:
        given = {"username": settings.smtp_user, "password": _password(settings.smtp_password_file)}
    if security != "none":
        given["tls_context"] = tls_context(settings.smtp_ca_file)
    async with aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=security == "tls",
        # Required, and not "where it is offered": whoever stands between would just not offer it.
        start_tls=security == "starttls",
        timeout=timeout,
        local_hostname=settings.smtp_from.rpartition("@")[2],
        **given,
    ) as server:
        await server.send_message(mail)


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Misconfigured("settings.invalid", "`smtp_password_file` is open to other users; chmod 600")
        return path.read_text("utf-8").strip()
    except OSError:
        raise Misconfigured("settings.invalid", "`smtp_password_file` cannot be read") from None


def _by_status(code: int) -> str:
    """RFC 5321 §4.2.1: 4 is for now, 5 for good. Both are tried again: a mailbox is repaired by people."""
    return "status-4xx" if 400 <= code < 500 else "status-5xx"
