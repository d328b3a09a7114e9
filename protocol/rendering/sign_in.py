"""The words of the page behind a one-time sign-in link."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.rendering.sentences import sentences

__all__ = ["SignInWords", "sign_in_words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInWords:
    title: str
    once: str
    button: str


def sign_in_words(language: str) -> SignInWords:
    say = sentences(language).say
    return SignInWords(title=say("sign-in-title"), once=say("sign-in-once"), button=say("sign-in-button"))
