"""Tokens for people and systems at a local network's nodes."""

from __future__ import annotations

from datetime import timedelta

from service.access.roles import Role
from service.access.tokens import mint
from service.keystore import API_TOKEN
from service.network.layout import Member
from service.ports import Clock, RandomSource

__all__ = ["LOCAL_TOKENS_LAST", "client_tokens"]

LOCAL_TOKENS_LAST = timedelta(days=30)
"""In a local network alone, where nobody signs in. A node issues tokens for minutes (`token_seconds`)."""

_IN_PAIRS = frozenset({Role.CASE_OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.INTERMEDIARY_OFFICER})
"""Roles whose acts may need a second person: two people, so that the rule can be tried."""


def client_tokens(member: Member, *, clock: Clock, random: RandomSource) -> dict[str, str | list[str]]:
    """One token per role, two where a second person is needed. Each acts for all of the node's
    authorities."""

    def token(role: Role, number: int) -> str:
        return mint(
            member.keys.signing(API_TOKEN),
            node=member.code,
            person=f"{role}-{number}",
            role=role,
            authorities=member.authorities,
            now=clock.now(),
            random_bytes=random.bytes,
            lifetime=LOCAL_TOKENS_LAST,
        )

    return {
        role.value: [token(role, 1), token(role, 2)] if role in _IN_PAIRS else token(role, 1) for role in Role
    }
