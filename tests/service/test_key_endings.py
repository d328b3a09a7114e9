"""What comes to its end is said in the log, in the metrics and by the doctor, as time passes, until somebody
acts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from protocol.claims import Claims
from protocol.directory import Directory, KeyRecord, key_record, sign_admission, sign_charter, sign_snapshot
from protocol.directory.entries import read_keys
from protocol.identifiers import NodeCode
from protocol.statements import LocalSigningKey
from service.cli.at_key_desk import desk_of
from service.cli.doctor import Check, examine
from service.clock import SimulatedClock, SystemClock
from service.directory.identity_keys import make_ahead
from service.directory.key_desk import KeyRequest
from service.directory.own_keys import KeyLives, spans
from service.directory.publish import read_entries
from service.directory.rotate import KeyLife
from service.settings import load
from tests.protocol.sample_directory import IT_LOCAL
from tests.service.exchange_pair import Pair, open_pair
from tests.service.kept_directory import keep_directory
from tests.service.test_cli_setup import FACTS, OFFICE
from tests.service.test_cli_setup import run as command
from tests.service.test_exchange import run
from tests.service.test_gauges import shown
from tests.service.test_keys_in_a_stream import POLICY, Keys


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


class Watched:
    """The key worker of `it`, and what it says in the log."""

    def __init__(self, pair: Pair, keys: Keys) -> None:
        self.pair, self.lines = pair, []
        log = structlog.wrap_logger(None, processors=[self._keep])
        self.life = KeyLife(dataclasses.replace(pair.it.node, log=log), keys.store)

    def _keep(self, _logger: object, level: str, event: Any) -> Any:
        self.lines.append({"level": level, **event})
        raise structlog.DropEvent

    async def after(self, **span: float) -> dict[str, Any]:
        """What is said once that much time has passed, by kind; the worker looks twice."""
        self.pair.clock.pass_by(**span)
        self.pair.world.now = self.pair.clock.now()
        self.pair.world.refresh()
        self.lines.clear()
        await self.life.look()
        await self.life.look()
        said = [line for line in self.lines if line["event"] == "keys.ending"]
        assert all(line["level"] == "warning" for line in said)
        return {line["kind"]: line for line in said}


def gauge(pair: Pair, what: str) -> float:
    return shown(pair, "fp_key_ends_seconds")[f'fp_key_ends_seconds{{what="{what}"}}']


def test_identity_keys_that_run_out_are_said_once_a_day_until_more_are_listed(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        it = Keys(pair, "it", tmp_path / "it-keys")
        make_ahead(it.store, POLICY, pair.clock.now())
        it.publish()
        watched = Watched(pair, it)
        assert await watched.after(days=0) == {}
        assert await watched.after(days=20) == {}
        assert shown(pair, "fp_identity_keys_ahead") == {"fp_identity_keys_ahead": 2}
        said = await watched.after(days=1)
        assert said["seal-identity"]["count"] == 1
        assert len([line for line in watched.lines if line["event"] == "keys.ending"]) == len(said)
        assert shown(pair, "fp_identity_keys_ahead") == {"fp_identity_keys_ahead": 1}
        assert "seal-identity" not in await watched.after(hours=23)
        assert "seal-identity" in await watched.after(hours=1)
        # Made, and not listed yet: no comfort.
        make_ahead(it.store, POLICY, pair.clock.now())
        assert "seal-identity" in await watched.after(days=1)
        it.publish()
        assert "seal-identity" not in await watched.after(days=1)
        assert shown(pair, "fp_identity_keys_ahead")["fp_identity_keys_ahead"] >= 3

    run(play())


def test_past_the_directorys_expiry_what_is_over_is_still_counted_and_destroyed_and_nothing_new_signs(
    pair: Pair, tmp_path: Path
) -> None:
    async def play() -> None:
        it = Keys(pair, "it", tmp_path / "it-keys")
        make_ahead(it.store, POLICY, pair.clock.now())
        it.publish()
        watched = Watched(pair, it)
        first = it.store.current_sealing_kid("identity")
        ends = pair.directory_ends()
        waiting = it.store.add_signing("it", waiting=True)
        it.publish()
        before = it.store.signing("it").kid
        assert pair.world.directory.ends_at >= ends
        left = []
        for later in (timedelta(seconds=1), timedelta(days=4)):
            pair.clock.moment = pair.world.directory.ends_at + later
            assert pair.world.directory.freshness(pair.clock.now()) == "expired"
            await watched.life.look()
            left.append(gauge(pair, "entry"))
        assert left[0] - left[1] == timedelta(days=4).total_seconds() - 1
        assert it.store.sealing(first) is None
        assert it.store.signing("it").kid == before
        # Somebody publishes again: the key that waited signs.
        pair.world.renew(pair.clock.now())
        await watched.life.look()
        assert it.store.signing("it").kid == waiting.kid != before

    run(play())


def test_an_entry_is_counted_down_and_said_also_once_it_is_over(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        it = Keys(pair, "it", tmp_path / "it-keys")
        watched = Watched(pair, it)
        assert "entry" not in await watched.after(days=149)
        day = timedelta(days=1).total_seconds()
        assert gauge(pair, "entry") == 31 * day
        said = await watched.after(days=1)
        assert (said["entry"]["seconds"], gauge(pair, "entry")) == (30 * day, 30 * day)
        # Whose entry it is stands in no log line.
        assert pair.it.office not in str(watched.lines)
        said = await watched.after(days=31)
        assert pair.world.directory.withheld["it"] == "directory.entry_expired"
        assert (said["entry"]["seconds"], gauge(pair, "entry")) == (-day, -day)
        pair.world.publish(pair.world.authority(IT_LOCAL))
        it.publish()
        assert "entry" not in await watched.after(days=1)
        assert gauge(pair, "entry") == 179 * day

    run(play())


def test_a_signing_key_is_said_in_its_last_month(pair: Pair, tmp_path: Path) -> None:
    async def play() -> None:
        it = Keys(pair, "it", tmp_path / "it-keys")
        watched = Watched(pair, it)
        await watched.after(days=170)
        it.publish()
        await watched.after(days=160)
        it.publish()
        assert "sign" not in await watched.after(days=4)
        assert "sign" in await watched.after(days=1)
        assert gauge(pair, "sign") == timedelta(days=30).total_seconds()

    run(play())


# -- the doctor


_LONG = KeyLives(signs=timedelta(days=3650), verifies=timedelta(days=3650))


class NewNode:
    """Just set up, admitted, and its first directory come: `node init`, `directory entry`, a snapshot."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SimulatedClock(directory / "clock.json")
        now = SystemClock().now()
        self.keepers = [LocalSigningKey.from_seed(None, letter * 32) for letter in (b"a", b"b")]
        self.snapshots = LocalSigningKey.from_seed(None, b"s" * 32)
        self.charter = sign_charter(
            network="focalpoint",
            keys=[key.public for key in self.keepers],
            threshold=2,
            snapshot_keys=[_record(self.snapshots)],
            issued_at=now,
            expires_at=now + timedelta(days=3650),
            signers=self.keepers,
        )
        result = command(
            *("node", "init", str(directory), "--code", "ro", "--state", "ro", "--authority", OFFICE),
            *("--hub-url", "tls://127.0.0.1:1", "--charter-digest", self.charter.digest),
        )
        assert result.exit_code == 0, result.output
        (root,) = read_keys(
            Claims({"keys": [json.loads(result.stdout)["root_key"]]}, code="directory.malformed")
        )
        self.admission = sign_admission(
            charter=self.charter,
            member="ro",
            root_keys=[root],
            nodes=[NodeCode("ro")],
            sequence=1,
            issued_at=now,
            expires_at=root.verify_until,
            signers=self.keepers,
        )
        with self.config.open("a") as settings:
            settings.write('simulated_clock_file = "clock.json"\n')
        signed = command("directory", "entry", "--config", str(self.config), "--facts", str(FACTS))
        assert signed.exit_code == 0, signed.output
        self.sequence = 0
        self.last: Directory | None = None

    @property
    def config(self) -> Path:
        return self.directory / "node.toml"

    def take_in(self) -> None:
        """A new snapshot over the entries that lie there now."""
        now, entries = self.clock.now(), read_entries(self.directory)
        self.sequence += 1
        token = sign_snapshot(
            charter=self.charter,
            sequence=self.sequence,
            previous=self.last.snapshot.digest if self.last else None,
            admissions={"ro": self.admission},
            entries=entries,
            issued_at=now,
            expires_at=now + timedelta(days=7),
            key=self.snapshots,
        )
        self.last = Directory.assemble(
            self.charter, self.charter.digest, [self.admission], token, entries, now=now, previous=self.last
        )
        keep_directory(load(self.config, {}), self.last)

    def key_lives(self) -> list[Check]:
        return [one for one in examine(self.config, patience=0.1) if one.name == "key lives"]

    def after(self, **span: float) -> list[Check]:
        self.clock.move_to(self.clock.now() + timedelta(**span))
        self.take_in()
        return self.key_lives()


def _record(key: LocalSigningKey) -> KeyRecord:
    return key_record(key.public, **spans(SystemClock().now(), _LONG))


def carried_out(config: object, *helps: str) -> None:
    """The command that the doctor names, as the node does it once two administrators agreed."""
    desk = desk_of(load(Path(str(config)), {}))
    desk.carry_out(desk.plan(KeyRequest(act=helps[1], owner=helps[2])), desk.keys.signing("state-root"))  # type: ignore[arg-type]


def test_the_doctor_has_nothing_to_say_of_a_new_node_and_later_names_who_and_what_helps(
    tmp_path: Path,
) -> None:
    node = NewNode(tmp_path / "ro")
    node.take_in()
    assert [one.outcome for one in node.key_lives()] == ["good"]
    assert [one.outcome for one in node.after(days=48)] == ["good"]
    (check,) = node.after(days=2)
    assert check.outcome == "look"
    assert "1 identity keys of ro" in check.says
    helps = check.advice.split(":")[0].removeprefix("focalpoint ").split()
    carried_out(node.config, *helps)
    assert [one.outcome for one in node.after(days=1)] == ["good"]

    # 365 days after they were signed the entries are over; the node's was signed again on day 50.
    (check,) = [one for one in node.after(days=290) if "entry" in one.says]
    assert (check.outcome, f"the entry of {OFFICE} ends" in check.says) == ("look", True)
    (check,) = [one for one in node.after(days=30) if "entry" in one.says and OFFICE in one.says]
    assert (check.outcome, f"the entry of {OFFICE} ended" in check.says) == ("wrong", True)
    helps = check.advice.split(":")[0].removeprefix("focalpoint ").split()
    carried_out(node.config, *helps)
    assert not [one for one in node.after(days=1) if "entry" in one.says and OFFICE in one.says]
