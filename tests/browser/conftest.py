"""A local network and a browser for all tests here. They are run by `make test-browser`, and by no other
command: whoever runs them has Chromium, or is told to install it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from service.access.roles import Role
from tests.browser.browsing import PICTURES, Desk, chromium, pictures
from tests.journeys.local_network import LocalNetwork, local_network


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == "browser":
        os.environ.setdefault(PICTURES, str(pictures()))  # one directory for all workers


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if pictures.cache_info().currsize:
        terminalreporter.write_line(f"pictures: {pictures()}")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalNetwork]:
    """Italy and Romania. Shared: a test opens its own cases."""
    # Everybody here signs in from one address: the limit on that is for other tests.
    settings = {"rate_sign_in_per_minute": "0"}
    with local_network(tmp_path_factory.mktemp("browser") / "network", settings=settings) as up:
        yield up


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


type Sit = Callable[..., Desk]


@pytest.fixture
def sit(browser: Browser, network: LocalNetwork) -> Iterator[Sit]:
    """`sit("it", Role.OPERATOR, language="ar")`: somebody at a screen, who leaves when the test ends."""
    desks: list[Desk] = []

    def at(code: str, role: Role | None, **how: Any) -> Desk:
        desks.append(Desk(browser, network, code, role, **how))
        return desks[-1]

    yield at
    for desk in desks:
        desk.close()
