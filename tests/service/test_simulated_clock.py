"""A clock that can be moved ahead, for a network on one machine alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.clock import SimulatedClock, SystemClock
from service.errors import Misconfigured


def test_until_it_is_moved_it_is_the_machines_clock(tmp_path: Path) -> None:
    before = SystemClock().now()
    assert before <= SimulatedClock(tmp_path / "clock.json").now() <= SystemClock().now()


def test_everybody_who_shares_the_file_jumps_together(tmp_path: Path) -> None:
    mine, theirs = (SimulatedClock(tmp_path / "clock.json") for _ in range(2))
    theirs.now()
    for months_ahead in (31, 180):
        target = datetime.now(UTC) + timedelta(days=months_ahead)
        mine.move_to(target)
        assert timedelta() <= theirs.now() - target < timedelta(seconds=5)


def test_it_never_goes_back(tmp_path: Path) -> None:
    clock = SimulatedClock(tmp_path / "clock.json")
    clock.move_to(datetime.now(UTC) + timedelta(days=2))
    with pytest.raises(Misconfigured) as refused:
        clock.move_to(datetime.now(UTC) + timedelta(days=1))
    assert refused.value.code == "clock.backwards"
    assert clock.now() > datetime.now(UTC) + timedelta(days=1, hours=23)
