"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from protocol.identifiers import Address
from service.access.roles import Role, Scope
from service.errors import Forbidden

__all__ = ["Actor", "Via"]

type Via = Literal["command", "client", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person or an agency's system, for as long as its token is valid.

    `person`: the token's subject, an opaque name in the journal; two different ones are two people.
    `authorities`: on whose behalf it may speak and read. Empty for roles that never see content.
    `scopes`: what the token grants, never more than the role has.
    `via`: how it came to be known: a token made by `command` on the node's machine, a `client`'s signed
    assertion, a `session` that a person signed in to. The journal keeps it.
    """

    person: str
    role: Role
    authorities: frozenset[Address]
    scopes: frozenset[Scope]
    expires_at: datetime
    via: Via = "command"

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    def acts_for(self, *authorities: Address) -> bool:
        """Whether it speaks for at least one of them: of a message's sender and recipient, one has to be its
        own."""
        return not self.authorities.isdisjoint(authorities)

    def require(self, scope: Scope) -> None:
        """Forbidden `access.scope` without the scope."""
        if scope not in self.scopes:
            raise Forbidden(
                "access.scope", f"needs {scope}; the role {self.role} with this token has not got it"
            )

    def require_authority(self, authority: Address) -> None:
        """Forbidden `access.not_your_authority` unless it speaks for `authority`."""
        if authority not in self.authorities:
            raise Forbidden("access.not_your_authority", f"the token does not act for {authority}")
