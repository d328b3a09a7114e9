"""Reasons that people choose from. They stand in the journal as codes; their words are in officer.ftl."""

from __future__ import annotations

from typing import Final

from service.console.pages import Viewing

__all__ = ["PROTECTION", "RELEASE", "RETURN", "reason_words"]

RELEASE: Final = (
    "home-visit",
    "family-tracing",
    "identity-check",
    "court-hearing",
    "medical-care",
    "travel-documents",
    "handover",
    "guardian-needs-it",
)
PROTECTION: Final = (
    "child-interviewed",
    "interview-held",
    "file-reviewed",
    "lawyer-consulted",
    "asylum-authority-asked",
    "new-information",
    "recorded-in-error",
)
RETURN: Final = (
    "facts-wrong",
    "documents-missing",
    "not-needed-for-task",
    "other-wording",
    "not-now",
    "not-competent",
)


def reason_words(see: Viewing, code: str | None) -> str:
    """A reason's words; one that came from elsewhere stays as its code."""
    if code is None:
        return ""
    name = f"officer-reason-{code}"
    if see.words.knows(name):
        return see.words.say(name)
    try:
        return see.words.label("retention-reason", code)
    except LookupError:
        return code
