"""A webhook of a Primero has a record looked at, sooner, and does nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.kit import Memory
from adapters.kit.running import run
from adapters.kit.serving import served
from adapters.kit.trial import WITHIN
from adapters.primero.webhook import Caller, receiver
from adapters.primero.worker import PrimeroLink
from tests.adapters.primero_stage import WAY, PrimeroOnTrial, PrimeroTrial


class TestWebhook(PrimeroOnTrial):
    async def test_a_webhook_brings_a_record_sooner_and_a_lost_one_later(self, trial: PrimeroTrial) -> None:
        before = len(trial.at_node())
        first = await trial.new_record()
        record = first.split(":")[1]
        async with _Listening(trial) as ask:
            # Nothing but the webhook leads to it: the poll and the sweep are hours away.
            await ask.working()
            for _ in range(3):
                answer = await ask.post(trial.primero.webhook(record))
                assert answer.status_code == 202
            await ask.until(lambda: len(trial.at_node()) > before)
        assert trial.at_node()[before:] == trial.expected([first])
        self.read_up_to(trial, "2026-11-20T00:00:00+00:00")
        second = await trial.new_record()  # its webhook never comes
        await trial.until(lambda: len(trial.at_node()) > before + 1)
        assert trial.at_node()[before:] == trial.expected([first, second])

    async def test_a_forged_webhook_only_has_a_record_looked_at(self, trial: PrimeroTrial) -> None:
        record = await trial.record(disclosure_other_orgs=False)
        trial.primero.refer(record)
        forged = trial.primero.webhook(record)
        forged["data"] |= {"disclosure_other_orgs": True, "status": "accepted", "sex": "male"}
        unknown = trial.primero.webhook("00000000-0000-4000-8000-000000000000")
        before = len(trial.at_node())
        async with _Listening(trial) as ask:
            await ask.working()
            for body in (forged, unknown):
                assert (await ask.post(body)).status_code == 202
            await ask.until(lambda: bool(trial.aside()))
        assert trial.at_node()[before:] == []
        assert list(trial.aside().values()) == ["primero.no_consent"]

    async def test_nobody_else_has_anything_looked_at(self, trial: PrimeroTrial) -> None:
        record = await trial.record()
        right = trial.primero.webhook(record)
        async with _Listening(trial) as ask:
            await ask.working()
            hints = trial.link._hints if trial.link else {}
            for headers in ({}, {"x-api-key": ""}, {"x-api-key": "kez"}, {"Authorization": "Basic a2V5Og=="}):
                assert (await ask.post(right, headers=headers)).status_code == 401
            assert (await ask.post({"data": {"record_id": "../tokens"}})).status_code == 400
            assert (await ask.post({"data": []})).status_code == 400
            assert (await ask.post({"data": {"record_id": record, "x": "y" * 70_000}})).status_code == 413
            assert not hints
            assert not ask.adapter.nudged.is_set()

    @staticmethod
    def read_up_to(trial: PrimeroTrial, position: str) -> None:
        memory = Memory(trial.state_dir)
        memory.reached("records", position)
        memory.close()


class _Listening:
    """The adapter at work with its webhook, and neither poll nor sweep to help."""

    def __init__(self, trial: PrimeroTrial) -> None:
        self.trial, self._stack = trial, contextlib.AsyncExitStack()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Listening:
        trial = self.trial
        trial.way = dataclasses.replace(WAY, sweep=timedelta(days=1))
        adapter, desk = await self._stack.enter_async_context(trial.start())
        assert isinstance(adapter, PrimeroLink)
        self.adapter = adapter
        desk.settings = dataclasses.replace(desk.settings, poll_seconds=3_600.0)
        self._desk = desk
        port = await self._stack.enter_async_context(
            served(receiver(Caller(key="key"), adapter.hint), "127.0.0.1", 0)
        )
        self._http = await self._stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
        )
        return self

    async def working(self) -> None:
        # What is there already was read: only news counts.
        self._desk.memory.reached("records", "2199-01-01T00:00:00+00:00")
        self.adapter._swept = self._desk.now()
        before = len(self.trial.primero.seen)
        work = run(self.adapter, self._desk, stop=self._stop, nudged=self.adapter.nudged)
        self._task = asyncio.create_task(work)
        await self.until(lambda: len(self.trial.primero.seen) > before + 1)
        await self.until(lambda: not self.adapter.nudged.is_set())

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN):
            while not done():
                await asyncio.sleep(0.01)

    async def post(self, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self._http.post(
            "/webhook", json=body, headers=headers if headers is not None else {"x-api-key": "key"}
        )

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, 5)
        self.trial.way = WAY
        await self._stack.aclose()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_basic_is_compared_as_a_whole(anyio_backend: str) -> None:
    hints: list[str] = []
    app = receiver(Caller(user="primero", password="secret"), hints.append)
    body = {"data": {"record_id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as http:
        for pair, status in (("primero:secret", 202), ("primero:", 401), (":secret", 401), ("", 401)):
            basic = base64.b64encode(pair.encode()).decode()
            answer = await http.post("/webhook", json=body, headers={"Authorization": f"Basic {basic}"})
            assert answer.status_code == status
    assert len(hints) == 1
