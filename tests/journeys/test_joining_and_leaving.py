"""A State joins a running network, is suspended and comes back, and the keepers hand the charter over: nobody
is restarted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocol.bundle import verify_bundle
from protocol.conversations import procedure_of
from tests.journeys.local_network import (
    REPOSITORY,
    LocalNetwork,
    await_status,
    local_network,
    message,
    send,
    status_of,
)
from tests.watching import until

FR = "fr.focal-point"
IT = "it.servizio-minori"


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """One of its own: it grows, and one of its States is suspended."""
    with local_network(tmp_path_factory.mktemp("joining") / "network") as up:
        yield up


def ask(network: LocalNetwork, command: str, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "service.cli.main",
            "network",
            command,
            "--dir",
            str(network.directory),
            *words,
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def pids(network: LocalNetwork) -> dict[str, int]:
    described = json.loads((network.directory / "network.json").read_text())
    return {node["code"]: node["pid"] for node in described["nodes"]} | {"hub": described["hub"]["pid"]}


def refusal(client: httpx.Client, body: dict[str, Any]) -> str | None:
    answer = client.post("/v1/messages/validation", json=body).json()
    return None if answer["acceptable"] else answer["refusals"][0]["code"]


def test_a_new_state_exchanges_its_first_message_and_a_suspended_one_is_not_served(
    network: LocalNetwork, tmp_path: Path
) -> None:
    before = pids(network)
    ask(network, "add-node", "fr")
    after = pids(network)
    assert {name: after[name] for name in before} == before, "nobody was restarted"

    it, fr = network.officer("it"), network.officer("fr")
    case = network.settled_case()
    first = send(it, message("case.notification", case, IT, FR))
    await_status(it, first["id"], "consigned")
    assert status_of(fr, first["id"]) == "consigned"

    # Suspended: refused at the door at once, in both directions; what was exchanged can still be proved.
    ask(network, "suspend", "fr")
    body = message("social-inquiry.request", case, IT, FR)
    until(lambda: refusal(it, body) == "directory.suspended")
    back = message("accept", case, FR, IT, in_reply_to=first["id"])
    until(lambda: refusal(fr, back) == "directory.suspended")
    evidence = it.get(f"/v1/cases/{case}/evidence").content
    digest = json.loads((network.directory / "network.json").read_text())["charter_digest"]
    assert verify_bundle(evidence, digest, procedure_of=procedure_of).whole

    # Handed over, and readmitted by the new keepers; everybody follows from the digest that they were given.
    assert ask(network, "rotate-charter")["charter"] == 2
    ask(network, "readmit", "fr")
    until(lambda: refusal(it, body) is None)
    until(lambda: it.get("/v1/directory/state").json()["charter_sequence"] == 2)
    accepted = send(fr, back)
    await_status(fr, accepted["id"], "consigned")
    evidence = it.get(f"/v1/cases/{case}/evidence").content
    report = verify_bundle(evidence, digest, procedure_of=procedure_of)
    assert report.whole, report.findings
    assert "charters" in json.loads(evidence)
    assert {name: pids(network)[name] for name in after} == after, "nobody was restarted"
