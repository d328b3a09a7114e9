"""What the verifier's own node knows of a theft counts, although whoever exported the file left it out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from service import exchange
from service.cli.main import app
from service.node_files import write_settings
from service.settings import load
from tests.protocol.sample_directory import IT_FOCAL_POINT, NOW, World, sample_directory
from tests.protocol.test_compromise import give_up
from tests.service.exchange_pair import Pair, open_pair
from tests.service.kept_directory import keep_directory
from tests.service.test_agreements import agreed, file_of
from tests.service.test_keys_in_a_stream import remember


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def node_of(directory: Path, world: World) -> Path:
    """A node's settings, and in its store the directory as it is now."""
    directory.mkdir(mode=0o700)
    config = directory / "node.toml"
    values = {
        "node": "ro",
        "state": "ro",
        "charter_digest": world.charter_digest,
        "data_dir": ".",
        "hub_url": "nats://127.0.0.1:1",
    }
    write_settings(config, values, heading="a test")
    keep_directory(load(config, {}), world.directory)
    return config


def exported(pair: Pair, tmp_path: Path) -> tuple[Path, Path, str]:
    """The case's file, the agreement's, and the agreement's digest."""
    case_file, agreement_file = tmp_path / "case.json", tmp_path / "agreement.json"
    found: list[str] = []

    async def play() -> None:
        road, _, agreement = await agreed(pair)
        found.append(agreement)
        await remember(pair.ro, pair.world)
        case_file.write_bytes(await exchange.case_bundle(pair.ro.node, pair.ro.officer, road.case))
        agreement_file.write_bytes(await file_of(pair.ro, road.case, agreement))

    asyncio.run(play())
    return case_file, agreement_file, found[0]


def test_a_theft_that_the_file_leaves_out_is_found_by_the_verifiers_own_directory(
    pair: Pair, tmp_path: Path
) -> None:
    world = pair.world
    case_file, agreement_file, _ = exported(pair, tmp_path)
    commands = (("verify", case_file), ("agreement", "verify", agreement_file))
    before = node_of(tmp_path / "before", world)
    for command in commands:
        for more in ((), ("--config", before)):
            whole = run(*command, "--charter-digest", world.charter_digest, *more)
            assert whole.exit_code == 0, whole.output

    # Stolen after all of it was said, and no checkpoint covers that.
    pair.clock.pass_by(hours=1)
    theft = pair.clock.now().replace(microsecond=0)
    pair.clock.pass_by(days=1)
    world.now = pair.clock.now()
    give_up(world, IT_FOCAL_POINT, theft, [])
    after = node_of(tmp_path / "after", world)
    for command in commands:
        assert run(*command, "--charter-digest", world.charter_digest).exit_code == 0
        found = run(*command, "--charter-digest", world.charter_digest, "--config", after)
        assert found.exit_code == 1
        assert "statement.not_covered" in found.stderr
        assert "with the directory of node ro: snapshot 2" in found.stderr


def test_the_file_of_a_case_says_each_agreement_that_it_proves(pair: Pair, tmp_path: Path) -> None:
    case_file, agreement_file, agreement = exported(pair, tmp_path)
    digest_option = ("--charter-digest", pair.world.charter_digest)
    own = run("agreement", "verify", agreement_file, *digest_option).stdout
    said = [line for line in own.splitlines() if agreement in line or IT_FOCAL_POINT in line]
    assert len(said) >= 2
    of_case = run("verify", case_file, *digest_option).stdout
    for line in said:
        assert line in of_case


def test_a_directory_that_is_not_there_or_of_another_network_is_said(pair: Pair, tmp_path: Path) -> None:
    case_file, _, _ = exported(pair, tmp_path)
    verify = ("verify", case_file, "--charter-digest", pair.world.charter_digest)
    other = sample_directory(NOW.replace(day=1))
    found = run(*verify, "--config", node_of(tmp_path / "other", other))
    assert (found.exit_code, "directory.wrong_charter" in found.stderr) == (1, True)
    empty = node_of(tmp_path / "empty", other)
    (tmp_path / "empty" / "node.db").unlink()
    found = run(*verify, "--config", empty)
    assert (found.exit_code, "directory.none_yet" in found.stderr) == (1, True)
    assert not found.stdout
