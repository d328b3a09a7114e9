"""Why something is refused.

    FocalpointError
    └── Refused                  a rule of the protocol says no; carries a stable code
        ├── Unauthenticated      we cannot tell who sent it: quarantined, never answered
        ├── CannotOpen           authentic envelope, unreadable content: the peer learns `cannot_open`
        └── NotAcceptable        authentic and readable, but a rule forbids it: the peer learns the code

A refusal never carries what was submitted, only where it stands (`field`) and which rule it broke (`code`).
The codes are data: `protocol/vocabularies/refusal.json` gives each its side, remedy and labels in every
language. `protocol/refusals.py` reads them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["CannotOpen", "FocalpointError", "Missing", "NotAcceptable", "Refused", "Side", "Unauthenticated"]


class FocalpointError(Exception):
    """Everything that this project raises on purpose."""


class Side(StrEnum):
    """Who has to act before the same thing can succeed."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that a safeguard or a conversation still waits for.

    `code` is a code of the refusal vocabulary, `supplier` says who can supply it (a role in the conversation,
    such as `destination`, or an authority's address), `source` is its legal source, as `safeguards.Source`
    marks it.
    """

    code: str
    supplier: str
    source: str


@dataclass(eq=False)
class Refused(FocalpointError):
    """A rule says no.

    `code`: stable, from the refusal vocabulary, e.g. `statement.unknown_key`.
    `detail`: plain English for an operator's log: what was expected, what came, what to do. Never content,
    never personal data.
    `field`: JSON pointer of the offending field, when there is one. Its names come from our forms, never
    from the submission.
    `facts`: values that a label may interpolate (`{"current_kid": ...}`), never personal data.
    `missing`: what would have to be supplied first.
    """

    code: str
    detail: str = ""
    field: str | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[Missing, ...] = ()

    def __str__(self) -> str:
        where = f" at {self.field}" if self.field else ""
        return f"{self.code}{where}: {self.detail}" if self.detail else f"{self.code}{where}"


class Unauthenticated(Refused):
    """Nobody that the directory knows vouches for these bytes. Quarantine them; never answer."""


class CannotOpen(Refused):
    """The sending node is known, its content is not readable or not authentic.

    The peer is told `cannot_open` and nothing finer (an oracle otherwise), except for a stale key, where
    `facts["current_kid"]` names the key to use instead.
    """


class NotAcceptable(Refused):
    """Authentic and readable, but a rule forbids it. The peer is told the code in a signed refusal.

    `statement_digest`: the statement that is refused, where it came in an envelope and is authentic.
    """

    statement_digest: str | None = None
