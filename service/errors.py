"""What the node could not do.

    FocalpointError                (protocol.errors)
    ├── Refused                    a rule of the protocol says no
    └── NodeError                  the node itself could not, or may not, do what was asked
        ├── NotAuthenticated       nobody that we know is asking
        ├── Forbidden              we know who asks; their role may not do this
        ├── NotFound               no such thing, or none that the asker may know of
        ├── Conflict               it exists already, and differs
        ├── Stale                  it changed since the asker read it
        ├── Malformed              the request cannot be read
        ├── TooLarge               over a published limit
        ├── Throttled              too often; later it will be done
        ├── Unavailable            a part of the node is away; the same request may succeed later
        └── Misconfigured          the operator has to change a setting, a file or a key first

Every kind carries a stable dotted `code`. How HTTP says it is decided in `service/api/problems.py` alone, and
an exception that is neither of the two kinds is a bug: it is logged by type and place, and reveals nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from protocol.errors import FocalpointError

__all__ = [
    "Conflict",
    "Forbidden",
    "Malformed",
    "Misconfigured",
    "NodeError",
    "NotAuthenticated",
    "NotFound",
    "Stale",
    "Throttled",
    "TooLarge",
    "Unavailable",
]


@dataclass(eq=False)
class NodeError(FocalpointError):
    """The node could not do it.

    `code`: stable, e.g. `vault.key_destroyed`.
    `detail`: plain English for an operator's log: what was expected, what came, what to do. Never content,
    never personal data, never a secret.
    `field`: JSON pointer of the offending field, when there is one.
    `facts`: values that a label may interpolate, never personal data.
    """

    code: str
    detail: str = ""
    field: str | None = None
    facts: Mapping[str, str] = dataclasses.field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        where = f" at {self.field}" if self.field else ""
        return f"{self.code}{where}: {self.detail}" if self.detail else f"{self.code}{where}"


class NotAuthenticated(NodeError):
    """No token, or none that we issued and still honour."""


class Forbidden(NodeError):
    """The actor's role, scope or authority does not allow this."""


class NotFound(NodeError):
    """No such thing. Also the answer for what the asker may not know to exist."""


class Conflict(NodeError):
    """The same name already stands for something else, e.g. a message id for another statement."""


class Stale(NodeError):
    """The asker's copy is older than ours: read again, decide again."""


class Malformed(NodeError):
    """The request cannot be read as what it claims to be. Says where, never what was there."""


class TooLarge(NodeError):
    """Over a published limit."""


class Throttled(NodeError):
    """Asked too often. `facts["retry_after_seconds"]` says when to ask again."""


class Unavailable(NodeError):
    """A part of the node is away. Asking again later, with the same id, is safe and right."""


class Misconfigured(NodeError):
    """Nothing but an operator's change of a setting, a file or a key will help."""
