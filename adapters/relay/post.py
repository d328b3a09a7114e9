"""The e-mails that hand a message over: neutral outside, and inside nothing that opens without a key.

An e-mail about the same hand-over has the same `Message-ID`, however often it is tried: a mail system that
got it and whose answer was lost shows it once. What sends it is the kit's (`adapters.kit.mail`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from adapters.relay.words import words

__all__ = ["Attached", "letter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    name: str
    media_type: str
    content: bytes


def letter(
    sender: str, to: str, language: str, *, id_: str, attached: Sequence[Attached], sealed: bool
) -> EmailMessage:
    """`id_`: the same for the same hand-over. Its words are the same for every message."""
    say = words(language)
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, to
    message["Subject"] = say.say("mail-subject")
    message["Message-ID"] = f"<{id_}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(say.say("mail-sealed" if sealed else "mail-body") + "\n")
    for one in attached:
        kind, _, more = one.media_type.partition("/")
        message.add_attachment(one.content, maintype=kind, subtype=more, filename=one.name)
    return message
