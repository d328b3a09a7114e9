"""Kill -9 under a stream of messages: what was answered 202 is consigned exactly once, and proven.

Short in `make test`; `make faults` runs twenty points for each victim.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.agencies import Stream
from tests.faults.campaign import (
    VICTIMS,
    everything_collected,
    goes_the_whole_way,
    kill_and_recover,
    lose_the_hubs_store,
    settled,
)
from tests.faults.ledger import findings, owed
from tests.faults.local_network import EAGER, LocalNetwork
from tests.watching import until

pytestmark = pytest.mark.network


@pytest.fixture
def stream(tmp_path: Path) -> Iterator[Stream]:
    with LocalNetwork(tmp_path / "network", EAGER) as network:
        opened = Stream(network)
        opened.start()
        try:
            yield opened
        finally:
            opened.leave()


def test_what_was_answered_202_survives_kills_of_nodes_and_hub(stream: Stream, seeds: int) -> None:
    for role in VICTIMS:
        for seed in range(seeds):
            kill_and_recover(stream, role, seed)
    lose_the_hubs_store(stream)
    assert settled(stream) == []
    print(f"{len(stream.ledger)} messages answered 202, all consigned once and proven")
    assert len(stream.ledger) > 10 * seeds


def test_a_second_start_on_the_same_directory_resumes_with_all_that_was_under_way(tmp_path: Path) -> None:
    directory = tmp_path / "network"
    with LocalNetwork(directory, EAGER) as network:
        stream = Stream(network)
        stream.start()
        goes_the_whole_way(stream)
        network.kill("ro")  # so that something is under way
        before = len(stream.ledger)
        until(lambda: len(stream.ledger) > before + 5, within=20, what="clients are answered without `ro`")
        stream.stop_posting()
        stream.leave()
        charter = network.description["charter_digest"]
    with LocalNetwork(directory, EAGER) as network:
        assert network.description["charter_digest"] == charter
        rest = Stream(network, continuing=stream)
        rest.start_collecting()
        until(
            lambda: everything_collected(rest) and owed(network) == 0,
            within=60,
            what="what was under way arrives after the second start",
        )
        rest.finish()
        assert findings(rest.ledger, network) == []
