"""A real, signed directory of two States for tests: `it` and `ro`, with every private key at hand.

    world = sample_directory()
    world.directory                        the assembled Directory
    world.signing["it.servizio-minori"]    an authority's key; a node's under its code
    world.sealing["ro", "content"]         what a node opens with

`World` also changes the directory as a State or the network would (`publish`, `admit`, `snapshot`) and gives
the parts to `assemble` again. The offices exist as kinds of offices; every contact is made up.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from protocol.directory import (
    AuthorityFacts,
    Contact,
    Directory,
    Facts,
    KeyPurpose,
    KeyRecord,
    NodeFacts,
    OpeningHours,
    Role,
    entry_path,
    key_record,
    sealing_key_record,
    sign_admission,
    sign_charter,
    sign_entry,
    sign_snapshot,
    verify_admission,
    verify_charters,
)
from protocol.identifiers import Address, NodeCode, StateCode
from protocol.sealing import SealingPrivateKey, SealingSuite
from protocol.statements import CoSigned, LocalSigningKey, digest

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NETWORK = "focalpoint-example"
PROCEDURES = ("case", "guardian", "identity", "social-inquiry", "risk-assessment", "durable-solution")

IT, RO = NodeCode("it"), NodeCode("ro")
IT_FOCAL_POINT = Address("it.servizio-minori")
IT_LOCAL = Address("it.tribunale-minori")
RO_FOCAL_POINT = Address("ro.anpdca")
RO_LOCAL = Address("ro.dgaspc-iasi")


def seeded_key(name: str) -> LocalSigningKey:
    """The same key for the same name in every run. For tests alone: anybody can make it."""
    return LocalSigningKey.from_seed(name, hashlib.sha256(f"sample:{name}".encode()).digest())


def seeded_sealing_key(name: str) -> SealingPrivateKey:
    secret = hashlib.sha256(f"sample-sealing:{name}".encode()).digest()
    return SealingPrivateKey.from_secret(name, SealingSuite.HPKE_9_KE, secret)


@dataclass(kw_only=True)
class World:
    """What the network and its States hold. Mutable on purpose: tests play every part."""

    now: datetime = NOW
    charter_keys: list[LocalSigningKey] = field(default_factory=list)
    snapshot_key: LocalSigningKey = field(default_factory=lambda: seeded_key("snapshot-1"))
    root: dict[str, LocalSigningKey] = field(default_factory=dict)
    signing: dict[str, LocalSigningKey] = field(default_factory=dict)
    sealing: dict[tuple[str, str], SealingPrivateKey] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    charter: CoSigned = field(init=False)
    charters: list[CoSigned] = field(default_factory=list)
    """Those before `charter`, oldest first."""
    admissions: dict[str, CoSigned] = field(default_factory=dict)
    admission_sequence: dict[str, int] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    lasting: dict[str, datetime] = field(default_factory=dict)
    """Until when each entry was signed, by its path."""
    snapshots: list[str] = field(default_factory=list)
    directory: Directory = field(init=False)

    @property
    def charter_digest(self) -> str:
        return self.charter.digest

    @property
    def snapshot_token(self) -> str:
        return self.snapshots[-1]

    def record(self, key: LocalSigningKey, *, since: timedelta = timedelta(days=30)) -> KeyRecord:
        """Signs for a year, verifies for ten."""
        return key_record(
            key.public,
            not_before=self.now - since,
            signing_until=self.now + timedelta(days=365),
            verify_until=self.now + timedelta(days=3650),
        )

    def seal_record(self, key: SealingPrivateKey, purpose: KeyPurpose) -> KeyRecord:
        return sealing_key_record(
            key.public,
            purpose,
            not_before=self.now - timedelta(days=1),
            signing_until=self.now + timedelta(days=60),
            verify_until=self.now + timedelta(days=90),
        )

    def admit(
        self,
        member: str,
        *,
        nodes: tuple[str, ...],
        suspended: bool = False,
        root_keys: list[KeyRecord] | None = None,
        signers: list[LocalSigningKey] | None = None,
        authorities: tuple[str, ...] = (),
    ) -> CoSigned:
        """The network admits a member, again with the next sequence, or suspends it."""
        self.root.setdefault(member, seeded_key(f"{member}-root-1"))
        self.admission_sequence[member] = self.admission_sequence.get(member, 0) + 1
        self.admissions[member] = sign_admission(
            charter=self.charter,
            member=member,
            root_keys=root_keys if root_keys is not None else [self.record(self.root[member])],
            nodes=[NodeCode(code) for code in nodes],
            authorities=[Address(address) for address in authorities],
            sequence=self.admission_sequence[member],
            suspended=suspended,
            issued_at=self.now,
            expires_at=self.now + timedelta(days=365),
            signers=signers if signers is not None else self.charter_keys[:2],
        )
        return self.admissions[member]

    def publish(
        self,
        facts: Facts,
        *,
        member: str | None = None,
        key: LocalSigningKey | None = None,
        lasts: timedelta = timedelta(days=180),
    ) -> str:
        """A member signs one of its entries and puts it in its place."""
        member = member or facts.state
        token = sign_entry(
            facts,
            network=NETWORK,
            issued_at=self.now,
            expires_at=self.now + lasts,
            key=key or self.root[member],
            member=member,
        )
        path = entry_path(facts, member=member)
        self.facts[path] = facts
        self.entries[path] = token
        self.lasting[path] = self.now + lasts
        return token

    def snapshot(self, *, lasts: timedelta = timedelta(days=7), **changes: object) -> str:
        """The snapshot's keeper signs what now stands. `changes` replace any argument of `sign_snapshot`."""
        arguments: dict[str, object] = {
            "charter": self.charter,
            "sequence": len(self.snapshots) + 1,
            "previous": digest(self.snapshots[-1].encode()) if self.snapshots else None,
            "admissions": dict(self.admissions),
            "entries": dict(self.entries),
            "issued_at": self.now,
            "expires_at": self.now + lasts,
            "key": self.snapshot_key,
        }
        token = sign_snapshot(**{**arguments, **changes})  # type: ignore[arg-type]
        self.snapshots.append(token)
        return token

    def assemble(self, *, previous: Directory | None = None, **changes: object) -> Directory:
        """What a node makes of it. `changes` replace any argument of `Directory.assemble`."""
        arguments: dict[str, object] = {
            "charter": [*self.charters, self.charter],
            "charter_digest": self.charter_digest,
            "admissions": list(self.admissions.values()),
            "snapshot_token": self.snapshot_token,
            "entries": dict(self.entries),
            "now": self.now,
            "previous": previous,
        }
        return Directory.assemble(**{**arguments, **changes})  # type: ignore[arg-type]

    def rotated(self, keys: list[LocalSigningKey], **changes: object) -> CoSigned:
        """A charter for `keys` that replaces the present one and takes over what is admitted. `changes`
        replace any argument of `sign_charter`."""
        rules = verify_charters([*self.charters, self.charter], self.charter_digest)
        arguments: dict[str, object] = {
            "network": NETWORK,
            "keys": [key.public for key in keys],
            "threshold": 2,
            "snapshot_keys": [self.record(self.snapshot_key)],
            "issued_at": self.now,
            "expires_at": self.now + timedelta(days=3650),
            "previous": rules,
            "admissions": [verify_admission(one, rules) for one in self.admissions.values()],
            "signers": list(dict.fromkeys((*self.charter_keys[:2], *keys[:2]))),
        }
        return sign_charter(**{**arguments, **changes})  # type: ignore[arg-type]

    def rotate_charter(self, *names: str, **changes: object) -> CoSigned:
        """The keepers hand over to the keys `names`."""
        keys = [seeded_key(name) for name in names]
        successor = self.rotated(keys, **changes)
        self.charters.append(self.charter)
        self.charter, self.charter_keys = successor, keys
        return successor

    def refresh(self) -> Directory:
        """A new snapshot over what now stands, taken in by a node that held the last one."""
        self.snapshot()
        self.directory = self.assemble(previous=self.directory)
        return self.directory

    def renew(self, now: datetime) -> Directory:
        """What everybody does as time goes by: entries that are about to end are signed anew, and a snapshot
        is taken of them. Refuses once the keys of the network or of a member have ended."""
        self.now = now
        for path, until in list(self.lasting.items()):
            if until <= now + timedelta(days=30) and path in self.entries:
                self.publish(self.facts[path], member=path.partition("/")[0])
        return self.refresh()

    def wait(self, **span: float) -> datetime:
        """Time passes."""
        self.now += timedelta(**span)
        return self.now

    def authority(self, address: Address) -> AuthorityFacts:
        facts = self.facts[f"{address.split('.')[0]}/authority/{address.split('.')[1]}"]
        assert isinstance(facts, AuthorityFacts)
        return facts

    def node(self, code: NodeCode) -> NodeFacts:
        facts = self.facts[f"{code}/node/{code}"]
        assert isinstance(facts, NodeFacts)
        return facts

    def rotate(self, owner: str, name: str, *, overlap: timedelta = timedelta(days=20)) -> LocalSigningKey:
        """The owner signs with a new key from now on; its last one verifies for `overlap` more."""
        facts = self.authority(Address(owner)) if "." in owner else self.node(NodeCode(owner))
        retired = tuple(
            dataclasses.replace(key, signing_until=self.now, verify_until=self.now + overlap)
            if key.signing_until > self.now
            else key
            for key in facts.signing_keys
            if key.verify_until > self.now
        )
        key = seeded_key(name)
        fresh = self.record(key, since=timedelta())
        self.publish(dataclasses.replace(facts, signing_keys=(*retired, fresh)))
        self.signing[owner] = key
        return key


def _authority(
    world: World,
    address: Address,
    *,
    role: Role,
    names: dict[str, str],
    jurisdiction: str,
    competences: tuple[str, ...],
    languages: tuple[str, ...],
    timezone: str,
    holidays: tuple[date, ...],
) -> AuthorityFacts:
    state = StateCode(address.split(".")[0])
    key = world.signing[address] = seeded_key(f"{address}-1")
    return AuthorityFacts(
        address=address,
        state=state,
        role=role,
        names=names,
        jurisdiction=(jurisdiction,),
        competences=competences,
        languages=languages,
        working_hours=(OpeningHours(days=(1, 2, 3, 4, 5), opens="08:30", closes="16:30"),),
        timezone=timezone,
        weekend=(6, 7),
        holidays=holidays,
        contacts=(
            Contact(office="Front desk", email=f"desk@{state}.example"),
            Contact(office="Deputy desk", email=f"deputy@{state}.example"),
        ),
        escalation=Contact(office="Coordination unit", email=f"coordination@{state}.example"),
        node=NodeCode(state),
        signing_keys=(world.record(key),),
        vocabulary_releases=("2026.11",),
    )


def node_facts(world: World, code: str, state: str) -> NodeFacts:
    """A node with a signing key and both of its sealing keys, the private ones kept in `world`."""
    world.signing[code] = seeded_key(f"{code}-node-1")
    for purpose in ("content", "identity"):
        world.sealing[code, purpose] = seeded_sealing_key(f"{code}-{purpose}-1")
    return NodeFacts(
        code=NodeCode(code),
        state=StateCode(state),
        protocol_versions=("1.0",),
        signing_keys=(world.record(world.signing[code]),),
        sealing_keys=(
            world.seal_record(world.sealing[code, "content"], KeyPurpose.SEAL_CONTENT),
            world.seal_record(world.sealing[code, "identity"], KeyPurpose.SEAL_IDENTITY),
        ),
    )


def sample_directory(now: datetime = NOW) -> World:
    """Italy and Romania as example States: a focal point and a local authority each, one node each.

    `it.tribunale-minori` may not act in a social inquiry; `ro.dgaspc-iasi` may, for the county of Iași.
    """
    world = World(now=now, charter_keys=[seeded_key(f"charter-{number}") for number in (1, 2, 3)])
    world.charter = sign_charter(
        network=NETWORK,
        keys=[key.public for key in world.charter_keys],
        threshold=2,
        snapshot_keys=[world.record(world.snapshot_key)],
        issued_at=now - timedelta(days=1),
        expires_at=now + timedelta(days=3650),
        signers=world.charter_keys[:2],
    )
    for state in ("it", "ro"):
        world.admit(state, nodes=(state,))
        world.publish(node_facts(world, state, state))
    italy = {"timezone": "Europe/Rome", "holidays": (date(2026, 12, 8), date(2026, 12, 25), date(2027, 1, 1))}
    romania = {
        "timezone": "Europe/Bucharest",
        "holidays": (date(2026, 12, 1), date(2026, 12, 25), date(2027, 1, 1)),
    }
    for facts in (
        _authority(
            world,
            IT_FOCAL_POINT,
            role=Role.FOCAL_POINT,
            names={"it": "Servizio per i minori", "en": "Service for minors"},
            jurisdiction="IT",
            competences=PROCEDURES,
            languages=("it", "en", "fr"),
            **italy,  # type: ignore[arg-type]
        ),
        _authority(
            world,
            IT_LOCAL,
            role=Role.LOCAL,
            names={"it": "Tribunale per i minorenni", "en": "Juvenile court"},
            jurisdiction="IT-RM",
            competences=("case", "guardian"),
            languages=("it",),
            **italy,  # type: ignore[arg-type]
        ),
        _authority(
            world,
            RO_FOCAL_POINT,
            role=Role.FOCAL_POINT,
            names={
                "ro": "Autoritatea Națională pentru Protecția Drepturilor Copilului și Adopție",
                "en": "National authority for the protection of children's rights and adoption",
            },
            jurisdiction="RO",
            competences=PROCEDURES,
            languages=("ro", "en", "fr"),
            **romania,  # type: ignore[arg-type]
        ),
        _authority(
            world,
            RO_LOCAL,
            role=Role.LOCAL,
            names={
                "ro": "Direcția Generală de Asistență Socială și Protecția Copilului Iași",
                "en": "Directorate for social assistance and child protection, Iași",
            },
            jurisdiction="RO-IS",
            competences=("case", "social-inquiry"),
            languages=("ro",),
            **romania,  # type: ignore[arg-type]
        ),
    ):
        world.publish(facts)
    world.snapshot()
    world.directory = world.assemble()
    return world
