"""Primero keeps what every adapter has to keep, and is read without a gap and without a mark too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.kit.running import run
from adapters.kit.trial import WITHIN, Claims
from tests.adapters.primero_stage import CONSOLE, PrimeroOnTrial, PrimeroTrial
from tests.adapters.primero_stand_in import PrimeroStandIn


class TestPrimero(PrimeroOnTrial, Claims):
    async def test_a_record_is_marked_once_for_each_change_of_how_it_stands(
        self, trial: PrimeroTrial
    ) -> None:
        name = await trial.new_record()
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) > before)
        for _ in range(2):
            await trial.until_idle()
        assert trial.marked(name.split(":")[1]) == ["synced"]
        (_, mark) = trial.primero.marks[0]
        assert mark == {"mark_synced": True, "mark_synced_url": CONSOLE, "mark_synced_status": "synced"}

    async def test_what_is_set_aside_is_not_tried_again_and_again(self, trial: PrimeroTrial) -> None:
        name = await trial.unfit_record()
        record = name.split(":")[1]
        await trial.until(lambda: bool(trial.aside()))
        await trial.until_idle()
        before = len(trial.primero.seen)
        await trial.until_idle()
        fetched = [one for one in trial.primero.seen[before:] if one.path.endswith(record)]
        assert len(fetched) <= 1  # once after a start

    async def test_a_token_that_ends_is_renewed_and_nobody_notices(self, trial: PrimeroTrial) -> None:
        trial.primero.uses_per_token = 3
        names = [await trial.new_record() for _ in range(2)]
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) == before + 2)
        assert trial.at_node()[before:] == trial.expected(names)
        assert trial.primero.logins > 2

    async def test_more_records_than_a_page_are_all_read_in_order(self, trial: PrimeroTrial) -> None:
        names = [await trial.new_record() for _ in range(8)]
        same = trial.primero.records[names[2].split(":")[1]]["last_updated_at"]
        for name in names[:6]:  # twice a page, at the same moment
            trial.primero.records[name.split(":")[1]]["last_updated_at"] = same
        before = len(trial.at_node())
        await trial.until(lambda: len(trial.at_node()) == before + 8)
        assert sorted(trial.at_node()[before:]) == sorted(trial.expected(names))

    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda primero: setattr(primero, "filters", False), "primero.filter_ignored"),
            (lambda primero: setattr(primero, "may_list_transfers", False), "primero.forbidden"),
            (
                lambda primero: primero.tokens.__class__ and setattr(primero, "uses_per_token", 0),
                "primero.login_refused",
            ),
        ],
    )
    async def test_an_account_that_may_not_do_what_is_needed_is_told_to_the_operator(
        self, trial: PrimeroTrial, spoil: Callable[[PrimeroStandIn], None], code: str
    ) -> None:
        for _ in range(2):
            await trial.new_record()
        await trial.until_idle()
        spoil(trial.primero)
        trial.primero.expire()
        stop = asyncio.Event()
        async with trial.start() as (adapter, desk), asyncio.timeout(WITHIN), asyncio.TaskGroup() as group:
            group.create_task(run(adapter, desk, stop=stop))
            while (await trial.told()).get("code") != code:
                await asyncio.sleep(0.01)
            stop.set()
