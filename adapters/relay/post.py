"""The e-mails that hand a message over: neutral outside, and inside nothing that opens without a key.

Encryption to the mail server is required, except on this machine. An e-mail about the same hand-over has the
same `Message-ID`, however often it is tried: a mail system that got it and whose answer was lost shows it
once.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

import aiosmtplib

from adapters.kit import Away, Unfit
from adapters.relay.words import words

__all__ = ["Attached", "MailServer", "letter"]

_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_REFUSED: Final = 500
"""From here on a mail server's answer will stay the same however often it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`sender`: the intermediary's own address. `security`: `starttls`, `tls`, or `none` on this machine."""

    host: str
    port: int
    sender: str
    security: str = "starttls"
    user: str | None = None
    password: str | None = None
    timeout: float = 30.0

    async def send(self, message: EmailMessage) -> None:
        """Away while the server does not answer; Unfit `relay.not_reached` when it refuses the address for
        good, and `relay.way_failed` when it refuses the e-mail."""
        if self.security == "none" and self.host not in _HERE:
            raise Unfit("relay.mail_unprotected", "expected starttls or tls beyond this machine")
        try:
            await aiosmtplib.send(
                message,
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password,
                use_tls=self.security == "tls",
                start_tls=self.security == "starttls",
                tls_context=ssl.create_default_context() if self.security != "none" else None,
                timeout=self.timeout,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            lasting = all(one.code >= _REFUSED for one in refused.recipients)
            raise (Unfit("relay.not_reached") if lasting else Away("relay.mail_busy")) from None
        except aiosmtplib.SMTPResponseException as refused:
            if isinstance(refused, aiosmtplib.SMTPAuthenticationError) or refused.code < _REFUSED:
                raise Away("relay.mail_away", "the mail server does not take it now") from None
            raise Unfit("relay.way_failed", "the mail server refused the e-mail") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            raise Away("relay.mail_away", "the mail server does not answer") from None


def letter(
    server: MailServer, to: str, language: str, *, id_: str, attached: Sequence[Attached], sealed: bool
) -> EmailMessage:
    """`id_`: the same for the same hand-over. Its words are the same for every message."""
    say = words(language)
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = server.sender, to
    message["Subject"] = say.say("mail-subject")
    message["Message-ID"] = f"<{id_}@{server.sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(say.say("mail-sealed" if sealed else "mail-body") + "\n")
    for one in attached:
        kind, _, more = one.media_type.partition("/")
        message.add_attachment(one.content, maintype=kind, subtype=more, filename=one.name)
    return message
