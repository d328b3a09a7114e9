"""What lies in the directory of a local network, and how it comes to lie there.

    network.json         the description, while it runs
    clock.json           how far the clock runs ahead, once it was moved (`--simulated-clock`)
    registrar/           the network's keys (charter, snapshot), charter, admissions, last snapshot
    hub/                 the hub's configuration, keys and streams
    nodes/<code>/        one node: node.toml, keys/, passphrase, hub.nk, entries/, node.db, node.log
    states/<code>/       the root key of a State that has no node

Made once and found again: a second start has the same charter, keys and data, and admits States that are new.
One program holding every State's keys is what makes this a local network and never a real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from protocol.directory import (
    AuthorityFacts,
    KeyRecord,
    NodeFacts,
    authority_path,
    node_path,
)
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.statements import SigningKey
from service.directory.ceremony import (
    Proposal,
    file,
    propose_admission,
    propose_charter,
    propose_readmission,
    propose_rotation,
    propose_suspension,
)
from service.directory.identity_keys import Policy, make_ahead
from service.directory.nodeless import admission_request
from service.directory.own_entries import PROTOCOL_VERSIONS, listed_keys, plan
from service.directory.own_keys import KeyLives, sealing_records, signing_records
from service.directory.papers import Papers, read_papers, snapshot_file
from service.directory.publish import read_entries
from service.errors import Conflict, Misconfigured, NotFound
from service.keystore import API_TOKEN, SNAPSHOT, STATE_ROOT, FileKeyStore, charter_owner
from service.network.examples import authority_facts, example_state
from service.network.nodeless import Represented, keys_directory, sign_for
from service.node_files import lay_out_node, open_keys
from service.ports import Clock, RandomSource
from service.private_files import make_private_directory
from service.routing.subjects import member_code

__all__ = ["NETWORK", "Layout", "Member", "Registry", "lay_out_network", "sign_entries"]

NETWORK = "focalpoint-local"
_CHARTER_KEYS = 3
_THRESHOLD = 2

# Long lives, because nobody renews anything in a local network.
_CHARTER_LASTS = timedelta(days=3650)
_LIVES = KeyLives(signs=timedelta(days=3650), verifies=timedelta(days=7300))
# Short, as everywhere: the root key is at hand at every start.
_IDENTITY = Policy(life=timedelta(days=7), overlap=timedelta(days=2), ahead=8)


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
    """A local network on disk. `charter_digest`: what its nodes are given; of the first charter of all, from
    which they follow every rotation.
    """

    directory: Path
    charter_digest: str
    snapshot_key: SigningKey
    members: tuple[Member, ...]
    represented: tuple[Represented, ...] = ()
    registry: Registry = field(repr=False)
    time: Clock = field(repr=False)
    random: RandomSource = field(repr=False)

    @property
    def description(self) -> Path:
        return self.directory / "network.json"

    @property
    def clock(self) -> Path:
        """How far the network's clock runs ahead, when it is simulated."""
        return self.directory / "clock.json"

    @property
    def hub(self) -> Path:
        return self.directory / "hub"

    @property
    def registrar_state(self) -> Path:
        return snapshot_file(self.registry.directory)

    def add(self, code: str) -> Member:
        """One State more: laid out, admitted, its entries signed. Conflict `network.node_exists`."""
        wanted = member_code(code)
        if any(member.code == wanted for member in self.members):
            raise Conflict("network.node_exists", f"this network has a node {wanted}")
        member = _member(self.directory / "nodes" / wanted, wanted, clock=self.time, random=self.random)
        self.registry.admit(member)
        sign_entries(member, self.time.now())
        return member


def lay_out_network(
    directory: Path,
    states: Sequence[str],
    *,
    without_node: Mapping[str, str] = MappingProxyType({}),
    clock: Clock,
    random: RandomSource,
) -> Layout:
    """Make what is missing for `states` (`it`, `ro`, `int-iom`), and find the rest. States of an earlier
    start that are not named stay admitted, and their nodes rest. `without_node`: States that have none, each
    with the node of the body that serves it (`md` by `int-iom`).

    Misconfigured `network.no_states`, `network.two_charters`.
    """
    if not states:
        raise Misconfigured("network.no_states", "name at least one State, such as `it,ro`")
    directory = make_private_directory(directory)
    office = Registry(directory / "registrar", clock=clock, random=random)
    members = tuple(
        _member(directory / "nodes" / code, code, clock=clock, random=random)
        for code in dict.fromkeys(member_code(text) for text in states)
    )
    for member in members:
        office.admit(member)
        sign_entries(member, clock.now())
    served = tuple(
        _represented(directory, StateCode(state), by, members, clock=clock, random=random)
        for state, by in without_node.items()
    )
    for one in served:
        office.admit_without_node(one)
        sign_for(one, NETWORK, clock.now())
    papers = office.papers()
    return Layout(
        directory=directory,
        charter_digest=papers.charters[0].digest,
        snapshot_key=office.keys.signing(SNAPSHOT),
        members=members,
        represented=served,
        registry=office,
        time=clock,
        random=random,
    )


class Registry:
    """The network's own papers, and all its keepers in one person."""

    def __init__(self, directory: Path, *, clock: Clock, random: RandomSource) -> None:
        self.directory = make_private_directory(directory)
        self._clock = clock
        self.keys = open_keys(directory, clock=clock, random=random)
        if not (directory / "charter.json").exists():
            self._found()

    def papers(self) -> Papers:
        return read_papers(self.directory)

    def admit(self, member: Member) -> None:
        """Admit it, unless it is. Misconfigured `network.two_charters` when its papers are another
        network's."""
        name, papers, now = str(member.code), self.papers(), self._clock.now()
        known = papers.admissions.get(name)
        (root, *_) = signing_records(member.keys, STATE_ROOT, lives=_LIVES, now=now)
        if known is not None:
            if known.root_key(member.keys.signing(STATE_ROOT).kid) is None:
                raise Misconfigured(
                    "network.two_charters", f"the node {name} and the registrar are of two networks"
                )
            return
        request = {
            "member": name,
            "node": member.code,
            "root_key": root.to_json(),
            "authorities": list(member.authorities) if member.state == "int" else [],
        }
        self._decide(propose_admission(papers, request, now=now, lasts=_CHARTER_LASTS))

    def admit_without_node(self, one: Represented) -> None:
        """Admit a State that has no node, unless it is admitted."""
        papers, now = self.papers(), self._clock.now()
        if one.state not in papers.admissions:
            request = admission_request(one.state, one.root.public, now)
            self._decide(propose_admission(papers, request, now=now, lasts=_CHARTER_LASTS))

    def suspend(self, member: str) -> None:
        self._decide(propose_suspension(self.papers(), member, now=self._clock.now()))

    def readmit(self, member: str) -> None:
        self._decide(propose_readmission(self.papers(), member, now=self._clock.now()))

    def rotate(self) -> None:
        """New keepers' keys, and what is admitted stays so."""
        number = _CHARTER_KEYS * self.papers().rules.sequence
        keys = [self.keys.add_signing(charter_owner(number + one)) for one in range(1, _CHARTER_KEYS + 1)]
        proposal = propose_rotation(
            self.papers(),
            now=self._clock.now(),
            lasts=_CHARTER_LASTS,
            keys=[key.public for key in keys],
        )
        for key in keys[:_THRESHOLD]:
            proposal = proposal.signed(key)
        self._decide(proposal)

    def _decide(self, proposal: Proposal) -> None:
        for kid in list(self.papers().rules.keys)[:_THRESHOLD]:
            key = self.keys.signing_by_kid(kid)
            assert key is not None, "this registrar holds every keeper's key"
            proposal = proposal.signed(key)
        file(self.directory, proposal)

    def _found(self) -> None:
        now = self._clock.now()
        keys = [self.keys.add_signing(charter_owner(number)) for number in range(1, _CHARTER_KEYS + 1)]
        self.keys.add_signing(SNAPSHOT)
        proposal = propose_charter(
            network=NETWORK,
            keys=[key.public for key in keys],
            threshold=_THRESHOLD,
            snapshot_keys=signing_records(self.keys, SNAPSHOT, lives=_LIVES, now=now),
            now=now,
            lasts=_CHARTER_LASTS,
        )
        for key in keys[:_THRESHOLD]:
            proposal = proposal.signed(key)
        file(self.directory, proposal)


def _member(directory: Path, code: NodeCode, *, clock: Clock, random: RandomSource) -> Member:
    state = example_state(code)
    addresses = tuple(authority.address for authority in state.authorities)
    files = lay_out_node(directory, (STATE_ROOT, API_TOKEN, code, *addresses), clock=clock, random=random)
    return Member(
        code=code,
        state=state.code,
        directory=directory,
        authorities=addresses,
        keys=files.keys,
        hub_key=files.hub_key,
    )


def _represented(
    directory: Path,
    state: StateCode,
    by: str,
    members: Sequence[Member],
    *,
    clock: Clock,
    random: RandomSource,
) -> Represented:
    server = next((member for member in members if member.code == by), None)
    if server is None or server.state != "int":
        raise Misconfigured(
            "network.no_intermediary", f"expected the node of a body, such as int-iom, for {state}"
        )
    keys = open_keys(make_private_directory(keys_directory(directory, state)), clock=clock, random=random)
    try:
        keys.signing(STATE_ROOT)
    except NotFound:
        keys.add_signing(STATE_ROOT)
    return Represented(
        state=state,
        node=server.code,
        intermediary=server.authorities[0],
        directory=server.directory,
        keys=keys,
    )


def sign_entries(member: Member, now: datetime) -> None:
    """Sign the entries that are missing, old, or say something else than the example now does, the identity
    keys of the next weeks among them."""
    make_ahead(member.keys, _IDENTITY, now)
    state = example_state(member.code)
    last = read_entries(member.directory)

    def listed(path: str) -> tuple[KeyRecord, ...]:
        return listed_keys(last.get(path))

    own = listed(node_path(member.code, member.code))
    facts: list[AuthorityFacts | NodeFacts] = [
        NodeFacts(
            code=member.code,
            state=state.code,
            protocol_versions=PROTOCOL_VERSIONS,
            signing_keys=signing_records(member.keys, member.code, lives=_LIVES, now=now, listed=own),
            sealing_keys=sealing_records(member.keys, lives=_LIVES, now=now, listed=own),
        )
    ]
    for authority in state.authorities:
        address = authority.address
        known = listed(authority_path(member.code, address))
        keys = signing_records(member.keys, address, lives=_LIVES, now=now, listed=known)
        facts.append(authority_facts(member.code, member.code, state, authority, keys))
    for planned in plan(facts, member=member.code, network=NETWORK, last=last):
        if planned.changes(now):
            planned.sign(member.keys.signing(STATE_ROOT), member.directory, now)
