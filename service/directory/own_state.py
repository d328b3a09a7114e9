"""All entries of this State as they would be now: what was said of it, and today's keys.

What a key command changes is given as a change of one owner's records: the preview and the signing see the
same entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from protocol.directory import (
    AuthorityFacts,
    KeyRecord,
    NodeFacts,
    authority_facts,
    authority_path,
    node_path,
)
from protocol.identifiers import Address
from service.directory.facts_file import StateFacts
from service.directory.own_entries import PROTOCOL_VERSIONS, Planned, listed_keys, plan
from service.directory.own_keys import REAL, sealing_records, signing_records
from service.keystore import FileKeyStore
from service.settings import Settings

__all__ = ["Change", "member_of", "path_of", "planned_entries", "unchanged"]

type Records = tuple[KeyRecord, ...]
type Change = Callable[[Records], Records]


def unchanged(records: Records) -> Records:
    return records


def member_of(settings: Settings) -> str:
    """The State, or the international body, as its admission names it."""
    return settings.node if settings.state == "int" else settings.state


def path_of(settings: Settings, owner: str) -> str:
    """Where the entry of this State's node or authority stands."""
    member = member_of(settings)
    return authority_path(member, Address(owner)) if "." in owner else node_path(member, settings.node)


def planned_entries(
    settings: Settings,
    keys: FileKeyStore,
    said: StateFacts,
    last: Mapping[str, str],
    now: datetime,
    *,
    revoked: Mapping[str, datetime] | None = None,
    signing: Mapping[str, Change] | None = None,
    sealing: Change = unchanged,
) -> tuple[Planned, ...]:
    """`last`: tokens by path. `revoked`: cut-offs by key id. `signing`: a change of the records by owner;
    `sealing`: of the node's keys to seal to.

    NotFound `keystore.unknown_owner` for an owner without a key, `keystore.no_sealing_key`.
    """
    changes = signing or {}

    def records(owner: str, listed: Records) -> Records:
        found = signing_records(keys, owner, lives=REAL, now=now, listed=listed, revoked=revoked)
        return changes.get(owner, unchanged)(found)

    known = listed_keys(last.get(path_of(settings, settings.node)))
    limits = settings.limits
    facts: list[AuthorityFacts | NodeFacts] = [
        NodeFacts(
            code=settings.node,
            state=settings.state,
            protocol_versions=PROTOCOL_VERSIONS,
            limits={
                "coded": limits.coded,
                "narrative": limits.narrative,
                "identity": limits.identity,
                "attachment": limits.attachment,
            },
            targets=said.targets,
            signing_keys=records(settings.node, known),
            sealing_keys=sealing(sealing_records(keys, lives=REAL, now=now, listed=known)),
        )
    ]
    for address, description in said.authorities.items():
        known = listed_keys(last.get(path_of(settings, address)))
        own = [record for record in known if record.purpose != "sign"]
        facts.append(authority_facts(address, description, (*records(address, known), *own)))
    return plan(facts, member=member_of(settings), network=said.network, last=last)
