"""`focalpoint keys` and `focalpoint doctor`: a node's own machine, looked over without its node running."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from protocol.directory.views import DirectoryView, view_of
from protocol.identifiers import NodeCode
from service.cli.doctor import Check, examine
from service.cli.main import app
from service.clock import SystemClock
from service.network.layout import Member, lay_out_network
from service.node_files import write_settings
from service.random_source import SystemRandomSource
from service.store import comparisons
from service.store.engine import open_engine
from service.store.migrate import upgrade
from tests.protocol.sample_directory import RO_LOCAL, sample_directory

OFFICE = "it.servizio-minori"


@dataclass(kw_only=True)
class Machine:
    """A node's files, as its operator has them."""

    member: Member
    charter_digest: str
    settings: dict[str, Any]

    def set(self, **changes: Any) -> None:
        self.settings |= changes
        write_settings(self.member.settings_file, self.settings, heading="A test's")

    def keys(self, *words: str) -> Result:
        return CliRunner().invoke(app, ["keys", *words, "--config", str(self.member.settings_file)])

    def checks(self) -> dict[str, Check]:
        """The worst word on each thing."""
        worst: dict[str, Check] = {}
        order = ("good", "look", "wrong")
        for check in examine(self.member.settings_file, patience=0.1):
            before = worst.get(check.name)
            if before is None or order.index(before.outcome) < order.index(check.outcome):
                worst[check.name] = check
        return worst


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nobody answers on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def machine(tmp_path: Path, closed_port: int) -> Machine:
    layout = lay_out_network(tmp_path / "net", ["it"], clock=SystemClock(), random=SystemRandomSource())
    (member,) = layout.members
    machine = Machine(member=member, charter_digest=layout.charter_digest, settings={})
    machine.set(
        node="it",
        state="it",
        charter_digest=layout.charter_digest,
        data_dir=str(member.directory),
        hub_url=f"nats://127.0.0.1:{closed_port}",
        api_port=closed_port,
    )
    return machine


# -- keys


def test_keys_are_listed_with_what_they_are_for_and_without_their_secrets(machine: Machine) -> None:
    listed = machine.keys("list")
    assert listed.exit_code == 0, listed.output
    for word in (OFFICE, "state-root", "api-token", "opens identity", "current"):
        assert word in listed.output
    seed = machine.member.keys.signing(OFFICE).seed()
    assert seed.hex() not in listed.output


def test_a_keys_public_half_is_shown_as_the_directory_has_it(machine: Machine) -> None:
    key = machine.member.keys.signing(OFFICE)
    shown = json.loads(machine.keys("show", key.kid).output)
    assert shown["public"] == key.public.jwk()
    assert "d" not in shown["public"]
    assert machine.keys("show", "nobody's").exit_code == 1


def test_a_key_is_made_for_an_owner_who_has_none(machine: Machine) -> None:
    made = machine.keys("generate", "it.nuovo-ufficio")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["kid"] == machine.member.keys.signing("it.nuovo-ufficio").kid
    assert "list it in a directory entry" in made.stderr


def test_a_key_in_use_is_not_replaced_by_accident(machine: Machine) -> None:
    before = machine.member.keys.signing(OFFICE).kid
    refused = machine.keys("generate", OFFICE)
    assert refused.exit_code == 1
    assert "keystore.key_current" in refused.stderr
    assert f"keys rotate {OFFICE}" in refused.stderr
    assert "--replace" in refused.stderr
    assert machine.member.keys.signing(OFFICE).kid == before
    assert machine.keys("generate", OFFICE, "--replace").exit_code == 0
    assert machine.member.keys.signing(OFFICE).kid != before


def test_a_sealing_key_is_made_for_its_purpose(machine: Machine) -> None:
    before = machine.member.keys.current_sealing_kid("identity")
    refused = machine.keys("generate", "--seal", "identity")
    assert refused.exit_code == 1
    assert "keystore.key_current" in refused.stderr
    assert machine.member.keys.current_sealing_kid("identity") == before
    made = machine.keys("generate", "--seal", "identity", "--replace")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["kid"] == machine.member.keys.current_sealing_kid("identity")
    assert machine.keys("generate", "--seal", "everything").exit_code == 2
    assert machine.keys("generate").exit_code == 2


# -- doctor


def test_a_node_before_its_first_start_is_told_what_is_still_to_come(machine: Machine) -> None:
    checks = machine.checks()
    assert [checks[name].outcome for name in ("settings", "files", "keys")] == ["good"] * 3
    assert checks["database"].outcome == "look"
    assert "first start" in checks["database"].advice
    assert checks["hub"].outcome == "wrong"
    assert checks["api"].outcome == "look"
    assert not machine.member.database.exists()


def test_whatever_is_not_good_comes_with_what_to_do(machine: Machine) -> None:
    upgrade(f"sqlite:///{machine.member.database}")
    checks = machine.checks()
    assert checks["database"].outcome == "good"
    assert "synchronous=2" in checks["database"].says
    assert checks["directory"].outcome == "wrong"
    assert all(check.advice for check in checks.values() if check.outcome != "good")


def test_a_wrong_setting_is_named_and_nothing_else_is_guessed(machine: Machine) -> None:
    machine.set(api_prot=1)
    (settings,) = machine.checks().values()
    assert settings.outcome == "wrong"
    assert "did you mean `api_port`?" in settings.says


@pytest.mark.parametrize("name", ["passphrase", "hub.nk", "keys", "node.toml", "keys/index.json", "node.db"])
def test_a_file_that_others_can_read_is_named_with_the_way_to_close_it(machine: Machine, name: str) -> None:
    upgrade(f"sqlite:///{machine.member.database}")
    path = machine.member.directory / name
    path.chmod(path.stat().st_mode | 0o044)
    check = machine.checks()["files"]
    assert check.outcome == "wrong"
    assert str(path) in check.says
    assert f"chmod {700 if path.is_dir() else 600}" in check.advice


def test_a_missing_passphrase_is_missed(machine: Machine) -> None:
    (machine.member.directory / "passphrase").unlink()
    checks = machine.checks()
    assert checks["files"].outcome == "wrong"
    assert checks["keys"].outcome == "wrong"


def test_a_database_of_an_older_release_is_noticed(machine: Machine) -> None:
    url = f"sqlite:///{machine.member.database}"
    upgrade(url)
    with closing(sqlite3.connect(machine.member.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
    assert machine.checks()["database"].outcome == "look"
    assert "0000" in machine.checks()["database"].says


def test_a_split_view_is_wrong_and_its_entry_is_named_once_it_is_known(machine: Machine) -> None:
    url = f"sqlite:///{machine.member.database}"
    upgrade(url)
    world = sample_directory()
    before, one = world.directory, dict(world.entries)
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), competences=("case",)))
    world.snapshot()
    theirs = world.assemble(previous=before)
    world.snapshots.pop()
    world.entries = one
    world.snapshot(expires_at=world.now + timedelta(days=1))
    ours = world.assemble(previous=before)

    def told(view: DirectoryView) -> Check:
        engine = open_engine(url)
        with engine.begin() as connection:
            comparisons.compare(connection, ours, view, NodeCode("ro"), world.now)
        engine.dispose()
        return machine.checks()["split view"]

    unnamed = told(view_of(theirs.snapshot, {}))
    assert (unnamed.outcome, "not known yet" in unnamed.says) == ("wrong", True)
    named = told(view_of(theirs.snapshot, {}, naming=range(32)))
    assert named.outcome == "wrong"
    assert named.says == (
        "ro sees another directory than this node since snapshot 2: ro/authority/dgaspc-iasi"
    )
    assert "call ro and the registrar" in named.advice
    same = told(view_of(ours.snapshot, {}))
    assert (same.outcome, same.advice) == ("good", "")


def test_a_file_that_is_no_database_is_told_without_its_address(machine: Machine) -> None:
    file = machine.member.database
    with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as no_database:
        no_database.write("not a database, and longer than the header of one would be" * 50)
    check = machine.checks()["database"]
    assert check.outcome == "wrong"
    assert str(file) not in check.says


def test_the_command_prints_every_check_and_fails_when_something_is_wrong(machine: Machine) -> None:
    said = CliRunner().invoke(
        app, ["doctor", "--config", str(machine.member.settings_file), "--patience", "0.1"]
    )
    assert said.exit_code == 1
    assert "good  settings" in said.output
    assert "wrong hub" in said.output
    assert "-> " in said.output
