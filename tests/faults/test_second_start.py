"""A network that is started again goes on where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.agencies import Stream
from tests.faults.campaign import (
    everything_collected,
    goes_the_whole_way,
)
from tests.faults.ledger import findings, owed
from tests.faults.local_network import EAGER, LocalNetwork
from tests.watching import until

pytestmark = pytest.mark.network


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
