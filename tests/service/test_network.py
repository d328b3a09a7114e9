"""`focalpoint network`: comes up, describes itself, brings back what was killed."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.network.tether import tethered
from tests.service.network_stage import COMMAND, Running, get
from tests.watching import alive, until

pytestmark = pytest.mark.network

PAIRS = {"case-officer", "supervisor", "administrator", "intermediary-officer"}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("network"))
    try:
        running.wait_ready()
        yield running
    finally:
        running.end()


def test_the_description_says_what_a_client_and_a_tester_need(network: Running) -> None:
    described = network.description
    assert described["hub"]["url"].startswith("nats://127.0.0.1:")
    assert Path(described["hub"]["store"]).is_dir()
    assert [node["code"] for node in described["nodes"]] == ["it", "ro"]
    for node in described["nodes"]:
        assert node["state"] == node["code"]
        assert Path(node["database"]).is_file()
        assert Path(node["log"]).is_file()
        assert node["api"].startswith("http://127.0.0.1:")
        assert {role for role, token in node["clients"].items() if isinstance(token, list)} == PAIRS
        assert all(len(set(node["clients"][role])) == 2 for role in PAIRS)
    assert network.node("it")["authorities"] == ["it.servizio-minori", "it.tribunale-minori"]
    assert network.node("ro")["authorities"] == ["ro.anpdca", "ro.dgaspc-iasi"]
    assert all(map(alive, network.pids()))


def test_what_holds_tokens_or_keys_is_for_its_owner_alone(network: Running) -> None:
    assert stat.S_IMODE(network.directory.stat().st_mode) == 0o700
    for name in ("network.json", "control.json", "nodes/it/hub.nk", "nodes/it/passphrase", "hub/hub.conf"):
        assert stat.S_IMODE((network.directory / name).stat().st_mode) == 0o600, name


def test_every_node_is_ready_and_knows_every_authority(network: Running) -> None:
    everybody = {address for node in network.description["nodes"] for address in node["authorities"]}
    for node in network.description["nodes"]:
        assert get(node, "/readyz").json()["ready"] is True
        listed = get(node, "/v1/directory/authorities", "case-officer")
        assert listed.status_code == 200
        assert all(f'"{address}"' in listed.text for address in everybody)


def test_a_token_of_one_node_opens_no_other(network: Running) -> None:
    stranger = network.node("it") | {"clients": network.node("ro")["clients"]}
    assert get(stranger, "/v1/directory/authorities", "case-officer").status_code == 401


def test_a_killed_node_comes_back_by_restart_node(network: Running) -> None:
    before = network.node("ro")
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: not alive(before["pid"]), what="the end of the node")
    assert network.process.poll() is None, "the rest goes on"
    answer = network.ask("restart-node", "ro")
    assert answer.returncode == 0, answer.stderr
    after = network.node("ro")
    assert after["pid"] != before["pid"]
    assert alive(after["pid"])
    assert after["api"] == before["api"]
    assert get(after, "/readyz").json()["ready"] is True


def test_a_node_that_runs_is_replaced_by_restart_node(network: Running) -> None:
    before = network.node("it")["pid"]
    assert network.ask("restart-node", "it").returncode == 0
    assert not alive(before)
    assert alive(network.node("it")["pid"])


def test_nodes_go_on_without_the_hub_and_a_hub_without_its_store_is_filled_again(network: Running) -> None:
    described = network.description
    os.kill(described["hub"]["pid"], signal.SIGKILL)
    until(lambda: not alive(described["hub"]["pid"]), what="the end of the hub")
    shutil.rmtree(described["hub"]["store"])
    for node in described["nodes"]:
        assert get(node, "/readyz").json()["ready"] is True
    assert network.ask("restart-hub").returncode == 0
    hub = network.description["hub"]
    assert hub["pid"] != described["hub"]["pid"]
    assert hub["url"] == described["hub"]["url"]
    # A node that starts now, with an empty database, finds the whole directory there.
    ro = network.node("ro")
    os.kill(ro["pid"], signal.SIGKILL)
    data = Path(ro["database"]).parent
    for leftover in data.glob("node.db*"):
        leftover.unlink()
    # Otherwise it knows that its database was further once, and waits for somebody who says why.
    shutil.rmtree(data / "ledger")
    answer = network.ask("restart-node", "ro")
    assert answer.returncode == 0, answer.stderr
    assert '"it.servizio-minori"' in get(ro, "/v1/directory/authorities", "case-officer").text


def test_a_real_clock_cannot_be_moved(network: Running) -> None:
    answer = network.ask("advance-clock", "P1M")
    assert answer.returncode == 1
    assert "network.real_clock" in answer.stderr


def test_an_unknown_node_is_said_to_be_unknown(network: Running) -> None:
    answer = network.ask("restart-node", "zz")
    assert answer.returncode == 1
    assert "network.unknown_node" in answer.stderr


def test_a_second_supervisor_leaves_the_first_alone(network: Running) -> None:
    second = subprocess.run(
        tethered([*COMMAND, "up", "--dir", str(network.directory)]),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert "network.running" in second.stderr
    assert (network.directory / "network.json").exists()
