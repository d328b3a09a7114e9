"""`focalpoint network`: ends whole, resumes, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx
import pytest

from tests.service.network_stage import Running, get
from tests.watching import alive, until

pytestmark = pytest.mark.network


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
