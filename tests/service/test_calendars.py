"""Calendars are proposed by a library and confirmed by the State; nothing is taken silently."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import NotAcceptable
from protocol.identifiers import StateCode
from service import exchange
from service.access.roles import Role
from service.directory.calendars import ending, propose
from tests.service.exchange_pair import Pair, actor, open_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = open_pair(tmp_path)
    yield pair
    pair.close()


def entry(**changes: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "address": "ro.anpdca",
        "role": "focal-point",
        "working_hours": [{"days": [1, 2, 3, 4, 5], "opens": "08:00", "closes": "16:00"}],
        "timezone": "Europe/Bucharest",
        "weekend": [6, 7],
        "holidays": ["2026-12-25", "2027-03-01"],
    }
    return shown | changes


def test_what_is_proposed_says_each_change_and_keeps_other_years() -> None:
    proposed = propose(entry(), StateCode("ro"), [2027, 2028])
    days = proposed.facts["holidays"]
    assert "2026-12-25" in days, "years that were not asked for stay"
    assert {"2027-12-25", "2028-01-01"} <= set(days)
    assert days == sorted(days)
    assert any(change.startswith("+ 2027-12-01") for change in proposed.changes)
    assert any(change.startswith("- 2027-03-01") for change in proposed.changes), "what goes is named"
    assert proposed.facts["timezone"] == "Europe/Bucharest"
    assert proposed.facts["working_hours"] == entry()["working_hours"]


def test_a_friday_weekend_takes_its_days_out_of_the_working_hours() -> None:
    proposed = propose(entry(timezone="Africa/Algiers"), StateCode("dz"), [2027])
    assert proposed.facts["weekend"] == [5, 6]
    assert proposed.facts["working_hours"][0]["days"] == [1, 2, 3, 4]
    assert any("estimate" in change for change in proposed.changes), "moon-sighted days are marked"


def test_of_a_state_with_several_zones_the_entry_decides() -> None:
    proposed = propose(entry(timezone="America/Bogota"), StateCode("br"), [2027])
    assert proposed.facts["timezone"] == "America/Bogota"
    assert any(change.startswith("timezone: stays") for change in proposed.changes)


@pytest.mark.parametrize(("state", "subdivision"), [("xx", None), ("de", "ZZ")])
def test_what_the_library_does_not_know_is_refused(state: str, subdivision: str | None) -> None:
    with pytest.raises(NotAcceptable):
        propose(entry(), StateCode(state), [2027], subdivision=subdivision)


def test_a_part_of_a_state_has_days_of_its_own() -> None:
    whole = propose(entry(), StateCode("de"), [2027]).facts["holidays"]
    bavaria = propose(entry(), StateCode("de"), [2027], subdivision="BY").facts["holidays"]
    assert set(whole) < set(bavaria)


def test_the_facts_are_those_of_an_entry_that_can_be_published(pair: Pair) -> None:
    async def play() -> None:
        directory = pair.ro.node.directory.current()
        office = directory.authority(pair.ro.office)
        shown = next(iter(office.metadata().values())) | {"address": office.address}
        proposed = propose(shown, StateCode("ro"), [2027])
        administrator = actor(role=Role.ADMINISTRATOR, person="administrator-1")
        draft = await exchange.preview_entry(
            pair.ro.node, administrator, "authority", "anpdca", dict(proposed.facts)
        )
        assert any("holidays" in change for change in draft.changes)

    asyncio.run(play())


def test_an_entry_whose_holidays_end_soon_is_found(pair: Pair) -> None:
    directory = pair.ro.node.directory.current()
    office = directory.authority(pair.ro.office)
    last = max(office.holidays, default=None)
    now = pair.clock.now()
    found = dict(ending(directory, StateCode("ro"), now))
    if last is None:
        assert found[office.address] is None
    far = now.replace(year=now.year + 5)
    assert dict(ending(directory, StateCode("ro"), far)).keys() >= {office.address}
    if last is not None:
        early = now - timedelta(days=3650)
        assert last > date(early.year, 1, 1)
        assert office.address not in dict(ending(directory, StateCode("ro"), early))
