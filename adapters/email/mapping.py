"""A message to a letter: an encrypted PDF in an e-mail that says an id and a date. Pure but for chance."""

from __future__ import annotations

import io
import math
import re
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

__all__ = ["LOCALES", "composed", "encrypted", "made_password", "weakness", "words"]

LOCALES: Final = files("adapters.email") / "locales"
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without what is misheard or misread: 0 O, 1 I L, and U beside V."""
_GROUPS, _IN_A_GROUP = 6, 4
_LEAST_BITS: Final = 80
_LEAST_DISTINCT: Final = 10
_CLASSES: Final = ((r"[a-z]", 26), (r"[A-Z]", 26), (r"[0-9]", 10), (r"[^A-Za-z0-9]", 20))


@cache
def words(language: str) -> Sentences:
    """The words in `language`, or in the nearest there is."""
    return words_in(LOCALES, language)


def made_password() -> str:
    """One to be read out on the telephone: 24 letters and digits, 117 bits."""
    while True:
        letters = [secrets.choice(_ALPHABET) for _ in range(_GROUPS * _IN_A_GROUP)]
        groups = (letters[start : start + _IN_A_GROUP] for start in range(0, len(letters), _IN_A_GROUP))
        made = "-".join("".join(group) for group in groups)
        # About one in eighty repeats itself by chance, and would be refused when it is used.
        if weakness(made) is None:
            return made


def weakness(password: str, *known: str) -> str | None:
    """Why `password` will not do; None when it will. `known`: what everybody knows of the office. Whoever has
    the mailbox can try an encrypted file for years: nothing slows a guesser down."""
    if not password.isprintable() or not password.isascii():
        return "expected letters, digits and signs of ASCII, which every reader of PDFs takes alike"
    if password.isdigit():
        return "digits alone: expected letters too"
    space = sum(size for pattern, size in _CLASSES if re.search(pattern, password))
    if len(set(password)) < _LEAST_DISTINCT or len(password) * math.log2(max(space, 2)) < _LEAST_BITS:
        return "too short, or too few different signs: `focalpoint-adapter email password` makes one"
    # Each repeated piece says nothing new.
    if re.search(r"(.+)\1\1", password) or re.fullmatch(r"(.+?)\1+", password):
        return "it repeats itself"
    plain = re.sub(r"[^a-z0-9]", "", password.lower())
    parts = {part for text in known for part in re.split(r"[^a-z0-9]+", text.lower()) if len(part) > 3}
    if any(part in plain for part in parts):
        return "it has the office's own name or address in it"
    return None


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
