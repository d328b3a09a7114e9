"""Three rotations and a theft during a stream of messages both ways, some of them queued across each: none is
lost, none wrongly taken, and what was said before verifies afterwards.

Real keystores, real entries, the real key worker; the hub is two queues.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, insert
from sqlmodel import Session

from protocol.bundle import verify_bundle
from protocol.conversations import procedure_of
from protocol.identifiers import CaseReference, MessageId
from protocol.statements import LocalSigningKey, digest
from service import exchange
from service.directory.identity_keys import Policy, ahead, make_ahead
from service.directory.key_acts import AT_THE_MACHINE, KeyAct, leave_note
from service.directory.own_keys import REAL, sealing_records, signing_records
from service.directory.rotate import KeyLife
from service.keystore import FileKeyStore, _bound, _key
from service.monitor.key_lives import endings
from service.random_source import SystemRandomSource
from service.routing.outbox import Outbox
from service.store.checkpoints import received_before
from service.store.tables import DIRECTORY_SNAPSHOT
from tests.protocol.sample_directory import World
from tests.service.exchange_pair import Pair, Side, message, open_pair
from tests.service.test_exchange import run

POLICY = Policy(life=timedelta(days=7), overlap=timedelta(days=2), ahead=4)


class Keys:
    """One side's keystore, and its entries in the directory, as its administrator would keep them."""

    def __init__(self, pair: Pair, code: str, directory: Path) -> None:
        self.pair, self.code, self.directory = pair, code, directory
        side = pair.side(code)
        self.store = FileKeyStore.create(
            directory, b"a passphrase for tests", clock=pair.clock, random=SystemRandomSource(), scrypt_n=2**4
        )
        for owner in (code, side.office):
            key = pair.world.signing[owner]
            assert isinstance(key, LocalSigningKey)
            self.store.add_signing(owner, key)
        for purpose in ("content", "identity"):
            self.store.add_sealing(purpose, key=pair.world.sealing[code, purpose])
        side.node = dataclasses.replace(side.node, keys=self.store)
        side.outbox = Outbox(side.node, side.link)

    async def remember(self) -> None:
        await remember(self.side, self.pair.world)

    @property
    def side(self) -> Side:
        return self.pair.side(self.code)

    def publish(self, cut: dict[str, tuple[datetime, tuple[str, ...]]] | None = None) -> None:
        """Node and office, with today's keys and what is cut off; a new snapshot follows."""
        world = self.pair.world
        world.now = self.pair.clock.now()
        for facts in (world.node(self.side.node.code), world.authority(self.side.office)):
            owner = getattr(facts, "code", None) or facts.address
            listed = facts.signing_keys
            records = signing_records(self.store, owner, lives=REAL, now=world.now, listed=listed)
            records = tuple(
                dataclasses.replace(one, revoked_at=cut[one.kid][0], checkpoints=cut[one.kid][1])
                if cut and one.kid in cut
                else one
                for one in records
            )
            sealing = (
                sealing_records(self.store, lives=REAL, now=world.now, listed=facts.sealing_keys)
                if owner == self.code
                else facts.sealing_keys
            )
            world.publish(dataclasses.replace(facts, signing_keys=records, sealing_keys=sealing))
        world.refresh()

    async def look(self) -> None:
        await KeyLife(self.side.node, self.store).look()

    def kids(self) -> set[str]:
        return {self.store.signing(owner).kid for owner in (self.code, self.side.office)}


async def remember(side: Side, world: World) -> None:
    """The snapshots, as the worker that follows the directory keeps them."""
    rows = [
        {
            "sequence": number,
            "digest": digest(token.encode()),
            "token": token,
            "received_at": side.node.clock.now(),
        }
        for number, token in enumerate(world.snapshots, start=1)
    ]

    def work(session: Session) -> None:
        session.connection().execute(delete(DIRECTORY_SNAPSHOT))
        session.connection().execute(insert(DIRECTORY_SNAPSHOT), rows)

    await side.node.store.write(work)


@dataclasses.dataclass
class Stream:
    """What was sent and what has become of it."""

    pair: Pair
    case: CaseReference
    requests: list[MessageId]
    sent: list[tuple[str, MessageId]] = dataclasses.field(default_factory=list)

    async def say(self, code: str) -> MessageId:
        """One more message: `it` asks for an inquiry, `ro` has a question about an earlier one."""
        it, ro = self.pair.it, self.pair.ro
        self.pair.clock.pass_by(seconds=1)
        if code == "it":
            said = message("social-inquiry.request", self.case, it.office, ro.office)
        else:
            said = message("query", self.case, ro.office, it.office, in_reply_to=self.requests.pop())
        accepted = await self.pair.side(code).send(said)
        self.sent.append((code, accepted.id))
        return accepted.id

    async def status(self, code: str, id_: MessageId) -> tuple[str, str | None]:
        (row,) = await self.pair.side(code).rows(
            "select status, refusal_code from message where id = :id and direction = 'out'", id=id_
        )
        return row["status"], row["refusal_code"]

    async def all_consigned(self) -> None:
        await self.pair.settle()
        for code, id_ in self.sent:
            assert (await self.status(code, id_))[0] == "consigned"
            other = self.pair.side("ro" if code == "it" else "it")
            rows = await other.rows("select id from message where id = :id and direction = 'in'", id=id_)
            assert len(rows) == 1


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


async def begin(pair: Pair, tmp_path: Path) -> tuple[Stream, Keys, Keys]:
    it, ro = Keys(pair, "it", tmp_path / "it-keys"), Keys(pair, "ro", tmp_path / "ro-keys")
    for keys in (it, ro):
        make_ahead(keys.store, POLICY, pair.clock.now())
        keys.publish()
    case = await pair.open_case()
    await pair.notify(case)
    requests = [(await pair.request(case)).id for _ in range(10)]
    return Stream(pair=pair, case=case, requests=requests), it, ro


def holds_no_secret(directory: Path, keys: FileKeyStore, secret: bytes) -> bool:
    """No file of the keystore holds the secret, as it is or opened with the keystore's own keys."""
    for file in directory.iterdir():
        data = file.read_bytes()
        if secret in data or secret.hex().encode() in data:
            return False
        for kind in ("sign", "seal", "wrap"):
            for entry in keys.entries():
                try:
                    opened = AESGCM(_key(keys._master, kind)).decrypt(data[:12], data[12:], _bound(entry))
                except (InvalidTag, ValueError):
                    continue
                if opened == secret:
                    return False
    return True


def test_three_rotations_of_every_key_lose_nothing(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        stream, it, ro = await begin(pair, tmp_path)
        used: list[set[str]] = [it.kids()]
        identity = [it.store.current_sealing_kid("identity")]
        secrets = {
            entry.kid: it.store.sealing(entry.kid).to_secret()  # type: ignore[union-attr]
            for entry in it.store.entries()
            if entry.purpose == "identity"
        }
        for _ in range(3):
            for code in ("it", "ro"):
                await stream.say(code)
            # Sealed to the old keys and signed with them, and still at the hub when everything changes.
            await pair.release(pair.it)
            await pair.release(pair.ro)
            # Signed with the old ones, and not even sealed yet.
            for code in ("it", "ro"):
                await stream.say(code)
            for keys in (it, ro):
                for owner in (keys.code, keys.side.office):
                    keys.store.add_signing(owner, waiting=True)
                keys.store.add_sealing("content")
                before = keys.kids()
                await keys.look()
                assert keys.kids() == before, "a key that nobody lists signs nothing"
                keys.publish()
                await keys.look()
                assert keys.kids().isdisjoint(before)
            used.append(it.kids())
            # Signed with the new ones while the old envelopes are still on their way.
            for code in ("it", "ro"):
                await stream.say(code)
            await stream.all_consigned()
            for code in ("it", "ro"):
                await pair.reconcile(code)
            await stream.say("it")
            await pair.release(pair.it)
            pair.clock.pass_by(days=8)
            pair.world.now = pair.clock.now()
            pair.world.refresh()
            for keys in (it, ro):
                await keys.look()
            identity.append(it.store.current_sealing_kid("identity"))
            await stream.all_consigned()
        assert len(stream.sent) == 3 * 7
        assert len(set().union(*used)) == 8
        assert len(set(identity)) == 4

        pair.clock.pass_by(days=3)
        pair.world.now = pair.clock.now()
        pair.world.refresh()
        await it.look()
        for kid in identity[:3]:
            assert it.store.sealing(kid) is None
            assert holds_no_secret(tmp_path / "it-keys", it.store, secrets[kid])
        assert not holds_no_secret(tmp_path / "it-keys", it.store, secrets[identity[3]])
        rows = await pair.it.rows("select action, subject from access_journal where action = 'keys.destroy'")
        assert {f"identity {kid}" for kid in identity[:3]} <= {row["subject"] for row in rows}

        for keys in (it, ro):
            await keys.remember()
        for side in (pair.it, pair.ro):
            bundle = await exchange.case_bundle(side.node, side.officer, stream.case)
            report = verify_bundle(bundle, pair.world.charter_digest, procedure_of=procedure_of)
            assert report.findings == ()
            assert len(report.messages) == len(stream.sent) + 11

    run(play())


def test_an_envelope_to_a_destroyed_identity_key_is_sealed_afresh_and_arrives(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        stream, _, ro = await begin(pair, tmp_path)
        case = await pair.open_case()
        late = await pair.it.send(message("case.notification", case, pair.it.office, pair.ro.office))
        await pair.release(pair.it)
        (to, captured) = pair.hub.carried[-1]
        assert to == "ro"
        pair.clock.pass_by(days=10)
        pair.world.now = pair.clock.now()
        pair.world.refresh()
        await ro.look()
        destroyed = [entry for entry in ro.store.entries() if entry.destroyed_at is not None]
        assert [entry.purpose for entry in destroyed] == ["identity"]
        (outcome,) = await pair.deliver("ro")
        assert outcome.disposition == "refused"
        pair.clock.pass_by(seconds=5)
        await pair.settle()
        pair.clock.pass_by(seconds=5)
        await pair.settle()
        stream.sent.append(("it", late.id))
        assert (await stream.status("it", late.id))[0] == "consigned"
        assert captured not in pair.hub.waiting["ro"]

    run(play())


def test_a_forgotten_series_loses_short_lives_and_no_mail(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        stream, it, ro = await begin(pair, tmp_path)
        pair.clock.pass_by(days=50)
        pair.world.now = pair.clock.now()
        pair.world.refresh()
        for keys in (it, ro):
            await keys.look()
            assert ahead(keys.store, pair.clock.now()) == ()
        await stream.say("it")
        await stream.all_consigned()

    run(play())


def test_a_theft_in_the_stream(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        stream, it, ro = await begin(pair, tmp_path)
        stolen = {owner: it.store.signing(owner) for owner in ("it", pair.it.office)}
        for code in ("it", "ro", "it"):
            await stream.say(code)
        await stream.all_consigned()
        pair.clock.pass_by(minutes=5)
        await pair.reconcile("ro")
        await pair.reconcile("it")
        pair.clock.pass_by(minutes=5)
        cut_off = pair.clock.now().replace(microsecond=0)
        before = list(stream.sent)

        # After the theft, before anybody knew of it.
        pair.clock.pass_by(minutes=5)
        between = await stream.say("it")
        await stream.all_consigned()
        # Queued when it becomes known: one at the hub, one not yet sealed.
        queued = [await stream.say("it")]
        await pair.release(pair.it)
        queued.append(await stream.say("it"))

        named = await pair.it.node.store.read(
            lambda session: received_before(session.connection(), pair.it.node.code, cut_off)
        )
        assert named
        for owner in ("it", pair.it.office):
            it.store.add_signing(owner)
        it.publish({key.kid: (cut_off, named) for key in stolen.values()})
        for _ in range(4):
            pair.clock.pass_by(hours=1)
            await pair.settle()

        # Not lost: each is answered by a signed refusal that says why, and the office says it again.
        for id_ in queued:
            assert await stream.status("it", id_) == ("refused", "statement.key_revoked")
            assert await pair.ro.rows("select id from message where id = :id", id=id_) == []
        stream.sent = [one for one in stream.sent if one[1] not in queued]
        for _ in queued:
            await stream.say("it")
        await stream.say("ro")
        await stream.all_consigned()

        for keys in (it, ro):
            await keys.remember()
        for side in (pair.it, pair.ro):
            bundle = await exchange.case_bundle(side.node, side.officer, stream.case)
            report = verify_bundle(bundle, pair.world.charter_digest, procedure_of=procedure_of)
            found = {one.where.split("/")[1]: one.code for one in report.findings}
            refused = {str(id_) for id_ in queued} & set(found)
            assert set(found) - refused == {str(between)}
            stands = {one.id for one in report.messages if one.issued_at is not None}
            assert {id_ for _, id_ in before} <= stands
            assert between not in stands

    run(play())


def test_a_stolen_node_key_sends_nothing_more(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        stream, it, _ = await begin(pair, tmp_path)
        pair.clock.pass_by(minutes=1)
        await stream.say("it")
        await pair.release(pair.it)
        (envelope,) = pair.hub.waiting["ro"]
        old = it.store.signing("it").kid
        cut_off = pair.clock.now().replace(microsecond=0) - timedelta(minutes=1)
        it.store.add_signing("it")
        it.publish({old: (cut_off, ())})
        (outcome,) = await pair.ro.receive(envelope)
        assert (outcome.disposition, outcome.code) == ("quarantined", "statement.key_revoked")
        pair.hub.lose_everything()
        # Ours seals it afresh under the new key.
        pair.clock.pass_by(hours=1)
        await stream.all_consigned()

    run(play())


def test_what_an_administrator_did_at_the_machine_stands_in_the_journal(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        _, it, _ = await begin(pair, tmp_path)
        act = KeyAct(act="compromised", subject="it.servizio-minori k1", at=pair.clock.now())
        leave_note(pair.it.node.settings.data_dir, act)
        await it.look()
        await it.look()
        rows = await pair.it.rows(
            "select actor, subject from access_journal where action = 'keys.compromised'"
        )
        assert rows == [{"actor": AT_THE_MACHINE, "subject": "it.servizio-minori k1"}]

    run(play())


def test_an_end_that_comes_near_is_counted_down_and_owed_to_somebody(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        _, it, _ = await begin(pair, tmp_path)
        now = pair.clock.now()
        by_what = {one.what: one for one in endings(pair.world.directory, it.side.node.code, now)}
        assert not by_what["sign"].due
        assert by_what["seal-identity"].ahead == POLICY.ahead
        later = now + timedelta(days=22)
        by_what = {one.what: one for one in endings(pair.world.directory, it.side.node.code, later)}
        assert by_what["seal-identity"].ahead == 1
        assert by_what["seal-identity"].due
        last = now + timedelta(days=340)
        assert all(one.due for one in endings(pair.world.directory, it.side.node.code, last))
        await it.look()
        shown = pair.it.node.metrics.exposition().decode()
        assert 'fp_key_ends_seconds{what="sign"}' in shown
        assert f"fp_identity_keys_ahead {float(POLICY.ahead)}" in shown

    run(play())
