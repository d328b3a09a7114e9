"""`focalpoint network`: comes up, describes itself, brings back what was killed, resumes, leaves nothing
behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.network.tether import tethered
from tests.watching import alive, until

pytestmark = pytest.mark.network

COMMAND = (sys.executable, "-m", "service.cli.main", "network")
UP_WITHIN = 60
PAIRS = {"case-officer", "supervisor", "administrator", "intermediary-officer"}


class Running:
    """A network in `directory`, started by the command that people use."""

    def __init__(self, directory: Path, *options: str, states: str = "it,ro") -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._output = (directory / "up.out").open("ab")
        self.process = subprocess.Popen(
            # Tied to us: a test run that is cut off leaves nothing running.
            tethered([*COMMAND, "up", "--dir", str(directory), "--states", states, *options]),
            stdout=self._output,
            stderr=self._output,
        )

    @property
    def description(self) -> Any:
        return json.loads((self.directory / "network.json").read_bytes())

    def node(self, code: str) -> Any:
        return next(node for node in self.description["nodes"] if node["code"] == code)

    @property
    def output(self) -> str:
        return (self.directory / "up.out").read_text()

    def wait_ready(self) -> None:
        until = time.monotonic() + UP_WITHIN
        while not (self.directory / "network.json").exists():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < until, self.output
            time.sleep(0.02)

    def pids(self) -> list[int]:
        described = self.description
        return [described["hub"]["pid"], *(node["pid"] for node in described["nodes"])]

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command, *rest = arguments
        return subprocess.run(
            [*COMMAND, command, "--dir", str(self.directory), *rest],
            capture_output=True,
            text=True,
            timeout=UP_WITHIN,
            check=False,
        )

    def ended(self) -> int:
        """Wait until it has ended by itself."""
        status = self.process.wait(UP_WITHIN)
        self._output.close()
        return status

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.ended()


def get(node: Any, path: str, role: str | None = None) -> httpx.Response:
    headers = {}
    if role is not None:
        token = node["clients"][role]
        headers["Authorization"] = f"Bearer {token if isinstance(token, str) else token[0]}"
    return httpx.get(node["api"] + path, headers=headers, timeout=10)


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


def test_it_ends_whole_resumes_with_the_same_keys_and_data_and_dies_whole(tmp_path: Path) -> None:
    first = Running(tmp_path)
    first.wait_ready()
    charter, pids, nodes = first.description["charter_digest"], first.pids(), first.description["nodes"]
    case = httpx.post(
        nodes[0]["api"] + "/v1/cases",
        headers={"Authorization": f"Bearer {nodes[0]['clients']['case-officer'][0]}"},
        timeout=10,
    )
    assert first.end() == 0
    assert not any(map(alive, pids))
    assert not (tmp_path / "network.json").exists()
    assert first.ask("restart-hub").returncode == 1

    again = Running(tmp_path, states="it,ro,int-iom")
    again.wait_ready()
    assert again.description["charter_digest"] == charter
    assert [node["code"] for node in again.description["nodes"]] == ["it", "ro", "int-iom"]
    assert [node["database"] for node in again.description["nodes"]][:2] == [
        node["database"] for node in nodes
    ]
    assert '"int.iom"' in get(again.node("ro"), "/v1/directory/authorities", "case-officer").text
    # A token of the first run is still good: the keys are the same.
    old = nodes[0] | {"api": again.node("it")["api"]}
    assert get(old, "/v1/directory/authorities", "case-officer").status_code == 200
    assert get(old, f"/v1/cases/{case.json()['reference']}", "case-officer").status_code == 200

    pids = again.pids()
    again.end(signal.SIGKILL)
    until(lambda: not any(map(alive, pids)), what="the end, by the kernel, of what the supervisor left")


def test_a_node_that_cannot_start_ends_the_whole_start_and_is_named(tmp_path: Path) -> None:
    running = Running(tmp_path, "--set", "log_level=shouting")
    assert running.ended() == 1
    assert "network.node_ended" in running.output
    assert "log_level" in running.output
    hub = json.loads((tmp_path / "hub" / "hub.json").read_bytes())
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{hub['port']}")
    assert not (tmp_path / "network.json").exists()
