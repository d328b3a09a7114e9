"""Kill -9 under a stream of messages: what was answered 202 is consigned exactly once, and proven.

Short in `make test`; `make faults` runs twenty points for each victim.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.agencies import Stream
from tests.faults.campaign import VICTIMS, kill_and_recover, lose_the_hubs_store, settled
from tests.faults.local_network import EAGER, LocalNetwork

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
