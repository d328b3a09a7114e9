"""In which order files are begun, and by how many workers; and on what they run that are asynchronous."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Speed is measured in benchmarks. A machine that does other things too is no counterexample.
settings.register_profile(
    "focalpoint", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("focalpoint")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start processes come first: they wait more than they work. Those that end last are short."""
    waits = {
        item.path
        for item in items
        if item.get_closest_marker("network") or item.path.parent.name in ("faults", "year", "journeys")
    }
    items.sort(key=lambda item: item.path not in waits)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, for one of them waits for a network."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
