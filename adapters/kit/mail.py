"""A mail server, for adapters that send e-mail. Encryption is required, not tried, except on this machine."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Literal

import aiosmtplib

from adapters.kit.errors import Away, Unfit

__all__ = ["LOOPBACK", "AddressRefused", "Busy", "MailRefused", "MailServer"]

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_FOR_GOOD: Final = 500


class Busy(Away):
    """The server takes nothing for this mailbox now: a full one, a greylist."""


class AddressRefused(Unfit):
    """The server will never take anything for this address."""


class MailRefused(Unfit):
    """The server will never take this mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`sender`: where what cannot be delivered returns to. `timeout`: seconds for all of it. `ca_file`: where
    no public authority signs its certificate."""

    host: str
    port: int
    sender: str
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    timeout: float = 60.0

    async def send(self, mail: EmailMessage, *, to: str) -> None:
        """Return when the server has said that it took it. AddressRefused and MailRefused for what it will
        never take; Busy for a mailbox alone; Away for the rest, which is the settings' fault or the network's
        and would be the same for every mail."""
        plain = self.security == "none"
        if plain and self.host not in LOOPBACK:
            raise Away("mail.tls_required", "security none is for this machine alone")
        try:
            async with asyncio.timeout(self.timeout):
                await aiosmtplib.send(
                    mail,
                    sender=self.sender,
                    recipients=[to],
                    hostname=self.host,
                    port=self.port,
                    username=self.user,
                    password=self.password,
                    use_tls=self.security == "tls",
                    start_tls=self.security == "starttls",
                    tls_context=None if plain else ssl.create_default_context(cafile=self.ca_file),
                    timeout=self.timeout,
                )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if all(one.code >= _FOR_GOOD for one in refused.recipients):
                raise AddressRefused("mail.address_refused", "the server does not take the address") from None
            raise Busy("mail.mailbox_busy", "the server takes nothing for this mailbox now") from None
        except aiosmtplib.SMTPDataError as refused:
            if refused.code >= _FOR_GOOD:
                raise MailRefused("mail.refused", "the server does not take the mail") from None
            raise Away("mail.server_busy", f"status {refused.code}") from None
        except aiosmtplib.SMTPAuthenticationError:
            raise Away("mail.authentication", "the server refuses user or password") from None
        except aiosmtplib.SMTPResponseException as refused:
            raise Away("mail.server_refuses", f"status {refused.code}") from None
        except (ssl.SSLError, ssl.CertificateError):
            raise Away("mail.tls", "the server's certificate") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError):
            raise Away("mail.unreachable", "no sensible answer") from None
