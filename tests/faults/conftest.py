"""`--seeds N`: at how many points each victim is killed. `make faults` has twenty."""

from __future__ import annotations

import pytest

A_HANDFUL = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeds", type=int, default=A_HANDFUL, help="points for each victim of the fault campaign"
    )


@pytest.fixture
def seeds(request: pytest.FixtureRequest) -> int:
    # The default once more: pytest knows the option only when it was started on this folder.
    return int(request.config.getoption("--seeds", default=A_HANDFUL))
