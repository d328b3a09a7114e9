"""What lies in the directory of a local network, and how it comes to lie there.

    network.json         the description, while it runs
    registrar/           the network's keys (charter, snapshot), charter, admissions, last snapshot
    hub/                 the hub's configuration, keys and streams
    nodes/<code>/        one node: node.toml, keys/, passphrase, hub.nk, entries/, node.db, node.log

Made once and found again: a second start has the same charter, keys and data, and admits States that are new.
One program holding every State's keys is what makes this a local network and never a real one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from protocol.directory import (
    AuthorityFacts,
    Contact,
    KeyPurpose,
    KeyRecord,
    NodeFacts,
    OpeningHours,
    entry_path,
    key_record,
    sealing_key_record,
    sign_admission,
    sign_charter,
    sign_entry,
)
from protocol.directory.trust import verify_admission, verify_charter
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.sealing import SealingPrivateKey
from protocol.statements import CoSigned, LocalSigningKey, StatementType, read
from protocol.vocabularies import RELEASE
from service.directory.documents import cosigned_text, read_cosigned
from service.directory.publish import lay_out, read_entries
from service.errors import Misconfigured
from service.keystore import (
    API_TOKEN,
    SNAPSHOT,
    STATE_ROOT,
    FileKeyStore,
    KeyEntry,
    charter_owner,
    new_passphrase_file,
    read_passphrase,
)
from service.network.examples import ExampleAuthority, ExampleState, example_state
from service.ports import Clock, RandomSource
from service.private_files import make_private_directory, write_private
from service.routing.hub import new_user_seed, public_user_key
from service.routing.subjects import member_code

__all__ = ["Layout", "Member", "lay_out_network", "write_settings"]

NETWORK = "focalpoint-local"
PROTOCOL_VERSIONS = ("1.0",)
_CHARTER_KEYS = 3
_THRESHOLD = 2

# Long lives, because nobody renews anything in a local network.
_CHARTER_LASTS = timedelta(days=3650)
_KEYS_SIGN_FOR = timedelta(days=3650)
_KEYS_VERIFY_FOR = timedelta(days=7300)
_ENTRIES_LAST = timedelta(days=365)
_RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One State's node, laid out. `hub_key` is its public user key."""

    code: NodeCode
    state: StateCode
    directory: Path
    authorities: tuple[Address, ...]
    keys: FileKeyStore
    hub_key: str

    @property
    def settings_file(self) -> Path:
        return self.directory / "node.toml"

    @property
    def database(self) -> Path:
        return self.directory / "node.db"

    @property
    def log(self) -> Path:
        return self.directory / "node.log"

    @property
    def output(self) -> Path:
        """What the process printed: nothing, unless it failed before it had a log."""
        return self.directory / "node.out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A local network on disk."""

    directory: Path
    charter: CoSigned
    admissions: Mapping[str, CoSigned]
    snapshot_key: LocalSigningKey
    members: tuple[Member, ...]

    @property
    def description(self) -> Path:
        return self.directory / "network.json"

    @property
    def hub(self) -> Path:
        return self.directory / "hub"

    @property
    def registrar_state(self) -> Path:
        return self.directory / "registrar" / "snapshot.json"


def lay_out_network(directory: Path, states: Sequence[str], *, clock: Clock, random: RandomSource) -> Layout:
    """Make what is missing for `states` (`it`, `ro`, `int-iom`), and find the rest. States of an earlier
    start that are not named stay admitted, and their nodes rest.

    Misconfigured `network.no_states`, `network.two_charters`.
    """
    if not states:
        raise Misconfigured("network.no_states", "name at least one State, such as `it,ro`")
    directory = make_private_directory(directory)
    office = _Registry(directory / "registrar", clock=clock, random=random)
    members = tuple(
        _member(directory / "nodes" / code, code, clock=clock, random=random)
        for code in dict.fromkeys(member_code(text) for text in states)
    )
    for member in members:
        office.admit(member)
        _sign_entries(member, clock.now())
    return Layout(
        directory=directory,
        charter=office.charter,
        admissions=office.admissions,
        snapshot_key=office.keys.signing(SNAPSHOT),
        members=members,
    )


def write_settings(member: Member, values: Mapping[str, Any]) -> None:
    """Write the node's settings file. Strings, numbers and booleans only."""
    lines = ["# Written by `focalpoint network up`; changes are overwritten."]
    # JSON's spelling of strings, numbers and booleans is TOML's too.
    lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    write_private(member.settings_file, ("\n".join(lines) + "\n").encode())


class _Registry:
    """The network's own papers: charter and admissions."""

    def __init__(self, directory: Path, *, clock: Clock, random: RandomSource) -> None:
        self._directory = make_private_directory(directory)
        self._clock = clock
        self.keys = _key_store(directory, clock=clock, random=random)
        path = directory / "charter.json"
        if not path.exists():
            charter = self._found()
            write_private(path, cosigned_text(charter).encode())
        self.charter = read_cosigned(path.read_text())
        self._rules = verify_charter(self.charter, self.charter.digest)
        self.admissions = {
            path.stem: read_cosigned(path.read_text())
            for path in sorted((directory / "admissions").glob("*.json"))
        }

    def admit(self, member: Member) -> None:
        """Admit it, unless it is. Misconfigured `network.two_charters` when its papers are another
        network's."""
        name = str(member.code)
        if name in self.admissions:
            root = member.keys.signing(STATE_ROOT)
            if verify_admission(self.admissions[name], self._rules).root_key(root.kid) is None:
                raise Misconfigured(
                    "network.two_charters", f"the node {name} and the registrar are of two networks"
                )
            return
        now = self._clock.now()
        root_entry = _current_key(member.keys, STATE_ROOT)
        admission = sign_admission(
            charter=self.charter,
            member=name,
            root_keys=[_signing_record(member.keys.signing(STATE_ROOT), root_entry)],
            nodes=[member.code],
            authorities=member.authorities if member.state == "int" else (),
            sequence=1,
            issued_at=now,
            expires_at=now + _CHARTER_LASTS,
            signers=[self.keys.signing(charter_owner(number)) for number in range(1, _THRESHOLD + 1)],
        )
        folder = make_private_directory(self._directory / "admissions")
        write_private(folder / f"{name}.json", cosigned_text(admission).encode())
        self.admissions[name] = admission

    def _found(self) -> CoSigned:
        now = self._clock.now()
        keys = [self.keys.add_signing(charter_owner(number)) for number in range(1, _CHARTER_KEYS + 1)]
        snapshot_key = self.keys.add_signing(SNAPSHOT)
        return sign_charter(
            network=NETWORK,
            keys=[key.public for key in keys],
            threshold=_THRESHOLD,
            snapshot_keys=[_signing_record(snapshot_key, _current_key(self.keys, SNAPSHOT))],
            issued_at=now,
            expires_at=now + _CHARTER_LASTS,
            signers=keys[:_THRESHOLD],
        )


def _member(directory: Path, code: NodeCode, *, clock: Clock, random: RandomSource) -> Member:
    make_private_directory(directory)
    state = example_state(code)
    keys = _key_store(directory, clock=clock, random=random)
    present = {entry.owner for entry in keys.entries()}
    addresses = tuple(authority.address for authority in state.authorities)
    for owner in (STATE_ROOT, API_TOKEN, code, *addresses):
        if owner not in present:
            keys.add_signing(owner)
    if "node" not in present:
        keys.add_sealing("content")
        keys.add_sealing("identity")
    seed = directory / "hub.nk"
    if not seed.exists():
        write_private(seed, new_user_seed(random.bytes).encode())
    return Member(
        code=code,
        state=state.code,
        directory=directory,
        authorities=addresses,
        keys=keys,
        hub_key=public_user_key(seed.read_text().strip()),
    )


def _key_store(directory: Path, *, clock: Clock, random: RandomSource) -> FileKeyStore:
    passphrase = directory / "passphrase"
    if not passphrase.exists():
        new_passphrase_file(passphrase, random)
    secret = read_passphrase(passphrase)
    if not (directory / "keys" / "index.json").exists():
        return FileKeyStore.create(directory / "keys", secret, clock=clock, random=random)
    return FileKeyStore(directory / "keys", secret, clock=clock, random=random)


def _sign_entries(member: Member, now: datetime) -> None:
    """Sign the entries that are missing, old, or say something else than the example now does."""
    state = example_state(member.code)
    facts: list[AuthorityFacts | NodeFacts] = [_node_facts(member, state)]
    facts += [_authority_facts(member, state, authority) for authority in state.authorities]
    there = read_entries(member.directory)
    for fact in facts:
        path = entry_path(fact, member=member.code)
        token = sign_entry(
            fact,
            network=NETWORK,
            issued_at=now,
            expires_at=now + _ENTRIES_LAST,
            key=member.keys.signing(STATE_ROOT),
            member=member.code,
        )
        if path not in there or not _says_the_same(there[path], token):
            lay_out(member.directory, path, token)


def _says_the_same(old: str, new: str) -> bool:
    """Whether an entry, still good for a while, differs from a fresh one in nothing but its dates."""
    before, after = _claims(old), _claims(new)
    lasting = before.pop("exp") - _RENEW_BEFORE.total_seconds() > after.pop("iat")
    del before["iat"], after["exp"]
    return bool(lasting and before == after)


def _claims(token: str) -> dict[str, Any]:
    return dict(read(token, typ=StatementType.STATE_ENTRY).claims)


def _node_facts(member: Member, state: ExampleState) -> NodeFacts:
    keys = member.keys
    return NodeFacts(
        code=member.code,
        state=state.code,
        protocol_versions=PROTOCOL_VERSIONS,
        signing_keys=(_signing_record(keys.signing(member.code), _current_key(keys, member.code)),),
        sealing_keys=(
            _sealing_record(keys, keys.current_sealing_kid("content"), KeyPurpose.SEAL_CONTENT),
            _sealing_record(keys, keys.current_sealing_kid("identity"), KeyPurpose.SEAL_IDENTITY),
        ),
    )


def _authority_facts(member: Member, state: ExampleState, authority: ExampleAuthority) -> AuthorityFacts:
    domain = f"{member.code}.example"
    key = member.keys.signing(authority.address)
    working = tuple(day for day in range(1, 8) if day not in state.weekend)
    return AuthorityFacts(
        address=authority.address,
        state=state.code,
        role=authority.role,
        names=authority.names,
        jurisdiction=authority.jurisdiction,
        competences=authority.competences,
        languages=authority.languages,
        working_hours=(OpeningHours(days=working, opens="08:30", closes="16:30"),),
        timezone=state.timezone,
        weekend=state.weekend,
        holidays=state.holidays,
        contacts=(
            Contact(office="Front desk", email=f"desk@{domain}"),
            Contact(office="Deputy desk", email=f"deputy@{domain}"),
        ),
        escalation=Contact(office="Coordination unit", email=f"coordination@{domain}"),
        node=member.code,
        signing_keys=(_signing_record(key, _current_key(member.keys, authority.address)),),
        vocabulary_releases=(RELEASE,),
    )


def _current_key(keys: FileKeyStore, owner: str) -> KeyEntry:
    kid = keys.signing(owner).kid
    return next(entry for entry in keys.entries() if entry.kid == kid)


def _signing_record(key: LocalSigningKey, entry: KeyEntry) -> KeyRecord:
    return key_record(key.public, **_spans(entry.created_at))


def _sealing_record(keys: FileKeyStore, kid: str, purpose: KeyPurpose) -> KeyRecord:
    key: SealingPrivateKey | None = keys.sealing(kid)
    assert key is not None, "a current sealing key is there"
    entry = next(entry for entry in keys.entries() if entry.kid == kid)
    return sealing_key_record(key.public, purpose, **_spans(entry.created_at))


def _spans(created_at: datetime) -> dict[str, datetime]:
    # Whole seconds are what travels; rounding up would make a key that was just made not yet valid.
    since = created_at.replace(microsecond=0)
    return {
        "not_before": since,
        "signing_until": since + _KEYS_SIGN_FOR,
        "verify_until": since + _KEYS_VERIFY_FOR,
    }
