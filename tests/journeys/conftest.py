"""One local network for all journeys: real processes, a real hub, and a tap on every byte between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.local_network import LocalNetwork, local_network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Italy and Romania. Shared: a journey opens its own cases, and leaves the nodes running as it found
    them."""
    with local_network(tmp_path_factory.mktemp("journeys") / "network") as up:
        yield up
