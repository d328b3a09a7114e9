"""A node of one State with its API, for the tests that come in by its door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.access_stand import AccessStand


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[AccessStand]:
    made = AccessStand(tmp_path)
    yield made
    made.close()
