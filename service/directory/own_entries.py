"""The next entries of this State: what they would say, how that differs from the last ones, their signing.

facts, keys, last entries ──► Planned (shown first) ── root key ──► data_dir/entries ──► the hub
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from protocol.claims import Claims, moment_of
from protocol.directory import AuthorityFacts, KeyRecord, NodeFacts, entry_path, sign_entry
from protocol.directory.entries import MALFORMED, read_keys
from protocol.signing_keys import SigningKey
from protocol.statements import StatementType, read
from service.directory.laid_out import lay_out

__all__ = ["PROTOCOL_VERSIONS", "Planned", "claims_of", "key_that_signed", "listed_keys", "plan"]

PROTOCOL_VERSIONS = ("1.0",)
"""What a node of this release speaks."""

_LASTS = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An entry as it would be. `before`: the claims of the one that lies there now, None for a first one."""

    path: str
    facts: AuthorityFacts | NodeFacts
    member: str
    network: str
    before: Mapping[str, Any] | None

    def changes(self, now: datetime) -> tuple[str, ...]:
        """What signing it would change, in words; nothing when it need not be signed."""
        if self.before is None:
            return ("new", *_key_changes({}, self._keys()))
        changes = [
            *_differences(self.before, self._description()),
            *_key_changes(_keys(self.before), self._keys()),
        ]
        if (ends := moment_of(self.before["exp"])) - _RENEW_BEFORE <= now:
            changes.append(f"renewed: the last one is good until {ends:%Y-%m-%d}")
        return tuple(changes)

    def signed(self, key: SigningKey, now: datetime) -> str:
        """The entry, signed by the State's root key."""
        return sign_entry(
            self.facts,
            network=self.network,
            issued_at=now,
            expires_at=now + _LASTS,
            key=key,
            member=self.member,
        )

    def sign(self, key: SigningKey, data_dir: Path, now: datetime) -> None:
        """Sign it, and lay it where the node takes it from."""
        lay_out(data_dir, self.path, self.signed(key, now))

    def _description(self) -> dict[str, Any]:
        return {"authority_hints": [self.network], **next(iter(self.facts.metadata().values()))}

    def _keys(self) -> dict[str, Any]:
        return {record.kid: record.to_json() for record in self.facts.signing_keys + self.facts.sealing_keys}


def plan(
    facts: Iterable[AuthorityFacts | NodeFacts], *, member: str, network: str, last: Mapping[str, str]
) -> tuple[Planned, ...]:
    """`last`: tokens by path, as `service.directory.publish.read_entries` finds them."""
    return tuple(
        Planned(
            path=(path := entry_path(fact, member=member)),
            facts=fact,
            member=member,
            network=network,
            before=claims_of(last[path]) if path in last else None,
        )
        for fact in facts
    )


def claims_of(token: str) -> Mapping[str, Any]:
    """What an entry of our own says. Its signature is not looked at: whoever reads it will."""
    return read(token, typ=StatementType.STATE_ENTRY).claims


def key_that_signed(token: str) -> str:
    """Its id, as the entry says it."""
    return read(token, typ=StatementType.STATE_ENTRY).kid


def listed_keys(token: str | None) -> tuple[KeyRecord, ...]:
    """The keys in an entry of our own; none in one that is not there."""
    if token is None:
        return ()
    return read_keys(Claims(claims_of(token), code=MALFORMED).inside("jwks"))


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    said = {"authority_hints": before["authority_hints"], **next(iter(before["metadata"].values()))}
    for name in sorted({*said, *after}):
        if said.get(name) != after.get(name):
            yield f"{name}: {_shown(said.get(name))} -> {_shown(after.get(name))}"


def _key_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for kid in after:
        key = after[kid]
        if kid not in before:
            yield f"key {kid} ({key['purpose']}): new, until {_day(key['signing_until'])}"
        elif before[kid] != key:
            cut_off = f", revoked from {_day(key['revoked']['revoked_at'])}" if "revoked" in key else ""
            yield (
                f"key {kid} ({key['purpose']}): until {_day(key['signing_until'])},"
                f" verifies until {_day(key['exp'])}{cut_off}"
            )
    for kid in before:
        if kid not in after:
            yield f"key {kid} ({before[kid]['purpose']}): no longer listed"


def _keys(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {key["kid"]: key for key in claims["jwks"]["keys"]}


def _day(seconds: int) -> str:
    return f"{moment_of(seconds):%Y-%m-%d %H:%M} UTC"


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
