"""An example State without a node in a local network, and the mandate it gave to the body that serves it.

Its root key lies in `states/<code>`, apart from every node's: in a real network on that State's own machine
(docs/operations/intermediary.md). What it signs is laid out at the intermediary's node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from protocol.claims import seconds_of
from protocol.directory.entries import AUTHORITY_TYPE, authority_path, mandate_path
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.statements import SigningKey, read
from protocol.statements import StatementType as Kind
from service.directory.laid_out import lay_out, read_entries
from service.directory.nodeless import sign_entry
from service.keystore import STATE_ROOT, FileKeyStore
from service.network.examples import EVERY_PROCEDURE, authority_facts, example_state

__all__ = ["Represented", "keys_directory", "sign_for"]

_MANDATE: Final = "standing"
_MANDATE_LASTS: Final = timedelta(days=3650)
_SIGNED_AGAIN: Final = timedelta(days=180)
"""An entry lasts a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """`node`: the body's, in this network, laid out in `directory`; `intermediary` its office."""

    state: StateCode
    node: NodeCode
    intermediary: Address
    directory: Path
    keys: FileKeyStore = field(repr=False)

    @property
    def root(self) -> SigningKey:
        return self.keys.signing(STATE_ROOT)

    @property
    def authorities(self) -> tuple[Address, ...]:
        return tuple(authority.address for authority in example_state(self.state).authorities)


def sign_for(one: Represented, network: str, now: datetime) -> None:
    """Sign what is missing or old: its authorities, which name the intermediary's node, and the mandate."""
    state, laid = example_state(one.state), read_entries(one.directory)
    facts = {
        ("authority", authority.address.partition(".")[2]): authority_facts(
            one.state, one.node, state, authority, ()
        ).metadata()[AUTHORITY_TYPE]
        for authority in state.authorities
    }
    facts["mandate", _MANDATE] = {
        "intermediary": one.intermediary,
        "procedures": list(EVERY_PROCEDURE),
        "parts": ["coded", "narrative", "identity"],
        "from": seconds_of(now),
        "until": seconds_of(now + _MANDATE_LASTS),
    }
    for (kind, name), example in facts.items():
        said = example
        path = (
            mandate_path(one.state, name)
            if kind == "mandate"
            else authority_path(one.state, Address(f"{one.state}.{name}"))
        )
        known = read(laid[path], typ=Kind.STATE_ENTRY) if path in laid else None
        if known is not None:
            if seconds_of(now) - known.claims["iat"] < _SIGNED_AGAIN.total_seconds():
                continue
            if kind == "mandate":
                # As it was given, and no longer: signing it again is not giving it again.
                said = known.claims["metadata"]["focalpoint_mandate"] | {"intermediary": known.claims["sub"]}
        token = sign_entry(one.state, kind, name, said, network=network, now=now, key=one.root)
        lay_out(one.directory, path, token)


def keys_directory(directory: Path, state: StateCode) -> Path:
    """Where such a State's own keys lie."""
    return directory / "states" / state
