"""A message to a letter: an encrypted PDF in an e-mail that says an id and a date. Pure but for chance."""

from __future__ import annotations

import io
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import pikepdf

from adapters.kit.errors import Away
from adapters.kit.words import words_in
from protocol.rendering.sentences import Sentences

__all__ = ["LOCALES", "composed", "encrypted", "words"]

LOCALES: Final = files("adapters.email") / "locales"


@cache
def words(language: str) -> Sentences:
    """The words in `language`, or in the nearest there is."""
    return words_in(LOCALES, language)


def encrypted(pdf: bytes, password: str) -> bytes:
    """`pdf` under AES-256 (PDF 2.0, revision 6), with its metadata. Away for what is no PDF."""
    made = io.BytesIO()
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            opened.save(
                made,
                encryption=pikepdf.Encryption(
                    user=password, owner=secrets.token_urlsafe(32), R=6, aes=True, metadata=True
                ),
            )
    except pikepdf.PdfError:
        # A node that cannot make it now, or something in between.
        raise Away("email.no_pdf", "expected a PDF of the node") from None
    return made.getvalue()


def composed(
    message: Mapping[str, Any], pdf: bytes, *, sender: str, to: str, language: str, now: datetime
) -> EmailMessage:
    """`pdf` is encrypted already. What the mail says besides is an id and a date."""
    said, number = words(language), str(message["id"])
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = said.say("subject", id=number)
    mail["Date"] = format_datetime(now.astimezone(UTC))
    # The same at every attempt: a mailbox that looks at it shows the second one not at all.
    mail["Message-ID"] = f"<{number}@{sender.rpartition('@')[2]}>"
    # RFC 3834 §5: no answering machine shall answer.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    lines = [said.say("attached", id=number)]
    if message.get("due"):
        lines.append(said.say("due", moment=said.moment(datetime.fromisoformat(message["due"]["at"]))))
    lines += [said.say("password"), said.say("no-answer")]
    mail.set_content("\n\n".join(lines) + "\n")
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{number}.pdf")
    mail["Content-Language"] = said.language  # last: what comes before moves into the first part
    return mail
