"""The checker can fail: nodes that acknowledge before they commit are caught by it.

Nothing repeats here but the hub (`PATIENT`): a sender that repeats within seconds would cover for a recipient
that forgets. The same drill with the product's own node is the control.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.faults.agencies import Agency, open_case
from tests.faults.ledger import Ledger, findings
from tests.faults.local_network import PATIENT, LocalNetwork
from tests.watching import until

pytestmark = pytest.mark.network

WITHIN = 30.0


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    with LocalNetwork(tmp_path_factory.mktemp("mutants") / "network", PATIENT) as up:
        yield up


@contextlib.contextmanager
def hasty(network: LocalNetwork, code: str, mutation: str) -> Iterator[subprocess.Popen[bytes]]:
    """The mutant in place of the node, with its keys, its data and its port."""
    network.kill(code)
    node = network.node(code)
    command = [sys.executable, "-m", "tests.faults.hasty_node", mutation, "--config", node["config"]]
    process = subprocess.Popen(command)

    def ready() -> bool:
        assert process.poll() is None
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(node["api"] + "/readyz", timeout=5).status_code == 200
        return False

    try:
        until(ready, within=WITHIN, what=f"{mutation} is ready")
        yield process
    finally:
        process.kill()
        process.wait()


def handed_over(network: LocalNetwork, code: str, *, unanswered: range = range(1)) -> bool:
    """The hub has delivered all that it held for the node, and so many of them are not acknowledged."""
    waiting, delivered = network.waiting_at_hub(code)
    return waiting == 0 and delivered in unanswered


def power_cut_between_delivery_and_commit(network: LocalNetwork, mutation: str | None) -> list[str]:
    """Five messages reach `ro`, whose disk takes nothing; it dies; the product's own node comes back.
    Returns what the checker has to say once the hub has nothing left to bring."""
    ledger = Ledger()
    case = open_case(network, ledger)
    until(
        lambda: (
            network.rows("it", "SELECT 1 FROM outbox WHERE kind = 'content' AND state != 'done'") == []
            and handed_over(network, "ro")
        ),
        within=WITHIN,
        what="the case is known to `ro`",
    )
    with contextlib.ExitStack() as drill:
        it = drill.enter_context(Agency(network, "it", ledger))
        process = drill.enter_context(hasty(network, "ro", mutation)) if mutation else None
        with network.nothing_commits("ro"):
            for _ in range(5):
                it.post(case, "social-inquiry.request", during="the drill")
            until(
                lambda: handed_over(network, "ro", unanswered=range(5) if mutation else range(5, 6)),
                within=4,  # before the hub brings it again, and before the writer gives up
                what="all are delivered, and acknowledged by a mutant alone",
            )
            network.kill_process(process.pid) if process else network.kill("ro")
    network.restart("ro")
    until(lambda: handed_over(network, "ro"), within=WITHIN, what="the hub has brought all")
    with Agency(network, "ro", ledger) as ro:
        for promise in ledger.promises.values():
            ro.until_answered("POST", f"/v1/messages/{promise.id}/collection")
    until(
        lambda: (
            not network.rows("ro", "SELECT 1 FROM outbox WHERE state = 'queued'")
            and handed_over(network, "it")
        ),
        within=WITHIN,
        what="the evidence is back",
    )
    return findings(ledger, network)


def test_control_the_products_own_node_keeps_its_promise_in_the_same_drill(network: LocalNetwork) -> None:
    assert power_cut_between_delivery_and_commit(network, None) == []


def test_a_mutant_that_acknowledges_to_the_hub_before_it_commits_is_caught(network: LocalNetwork) -> None:
    found = power_cut_between_delivery_and_commit(network, "acks-the-hub-first")
    lost = [line for line in found if line.endswith("the recipient has 0 such messages: lost")]
    assert lost  # those of the batch that it was at when it died; the hub brought the others again


def test_a_mutant_that_answers_202_before_it_commits_is_caught(network: LocalNetwork) -> None:
    ledger = Ledger()
    case = open_case(network, ledger)
    with (
        hasty(network, "it", "answers-202-first") as process,
        Agency(network, "it", ledger) as it,
    ):
        promise = it.post(case, "social-inquiry.request", during="the drill")
        network.kill_process(process.pid)
    network.restart("it")
    assert promise is not None
    assert f"{promise.id} (the drill): promised, and the sender's node has 0 such messages: lost" in findings(
        ledger, network
    )
