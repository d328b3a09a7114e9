"""Which of the claims on every adapter `make test` asks of each, and which wait for `make adapters`.

`make test` asks the worst moods (an answer that is lost, one that is nonsense) and two kills; every mood at
every request takes minutes for each adapter.
"""

from __future__ import annotations

import pytest

_IN_EVERY_MOOD = (
    "test_whichever_request_meets_any_mood_nothing_is_lost_or_doubled",
    "test_a_system_that_is_cruel_again_and_again_loses_nothing_and_doubles_nothing",
    "test_a_node_in_any_mood_loses_nothing_and_doubles_nothing",
)
_KILLED = "test_killed_at_any_moment_it_goes_on_without_a_gap_and_without_a_double"
_ALWAYS = ("lost", "nonsense")
_KILLS = 2


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not isinstance(item, pytest.Function) or item.cls is None:
            continue
        values = item.callspec.params if hasattr(item, "callspec") else {}
        long = (item.originalname in _IN_EVERY_MOOD and str(values.get("mood")) not in _ALWAYS) or (
            item.originalname == _KILLED and values.get("seed", 0) >= _KILLS
        )
        if long:
            item.add_marker(pytest.mark.slow)
