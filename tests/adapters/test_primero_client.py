"""An answer of a Primero that is not as described is not believed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.kit import Away, Unfit
from adapters.primero.client import Primero
from tests.adapters.primero_stage import SECRET
from tests.adapters.primero_stand_in import ACCOUNT, PASSWORD


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
class TestCalls:
    @pytest.mark.parametrize(
        "answer",
        [
            {"data": "x", "metadata": {"total": 1, "page": 1}},
            {
                "data": [{"id": "x", "last_updated_at": "2026-11-20T09:00:00Z"}],
                "metadata": {"total": 1, "page": 1},
            },
            {"data": [{"id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}], "metadata": {"total": 1, "page": 1}},
            {"data": [], "metadata": {"total": 1, "page": 2}},
            {"data": []},
            [],
        ],
    )
    async def test_a_list_that_is_not_as_described_is_not_believed(
        self, answer: Any, anyio_backend: str
    ) -> None:
        async with self._primero(lambda _: httpx.Response(200, json=answer)) as primero:
            with pytest.raises(Away, match="nonsense"):
                await primero.cases(since=datetime(2026, 1, 1, tzinfo=UTC), per=5)

    async def test_another_record_than_was_asked_for_is_not_believed(self, anyio_backend: str) -> None:
        asked, other = "0b0b2e0d-33c0-4dff-8815-6815365e1d0a", "1b0b2e0d-33c0-4dff-8815-6815365e1d0a"
        async with self._primero(lambda _: httpx.Response(200, json={"data": {"id": other}})) as primero:
            with pytest.raises(Away, match="nonsense"):
                await primero.case(asked, ())
            with pytest.raises(Away, match="nonsense"):
                await primero.case("../users/1", ())

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.Response(200, html="<p>Scheduled maintenance</p>"),
            httpx.Response(200, json={"data": {"id": "1b0b2e0d-33c0-4dff-8815-6815365e1d0a"}}),
        ],
        ids=["a page", "another record"],
    )
    async def test_a_record_was_not_made_where_the_answer_does_not_say_so(
        self, answer: httpx.Response, anyio_backend: str
    ) -> None:
        async with self._primero(lambda _: answer) as primero:
            with pytest.raises(Away, match="nonsense"):
                await primero.create_case("0b0b2e0d-33c0-4dff-8815-6815365e1d0a", {})

    async def test_a_refusal_that_quotes_a_record_is_not_passed_on(self, anyio_backend: str) -> None:
        quoted = {"errors": [{"status": 422, "message": SECRET}]}
        async with self._primero(lambda _: httpx.Response(422, json=quoted)) as primero:
            with pytest.raises(Unfit) as refused:
                await primero.case("0b0b2e0d-33c0-4dff-8815-6815365e1d0a", ())
        assert SECRET not in str(refused.value)
        assert refused.value.code == "primero.invalid"

    async def test_a_token_is_renewed_before_its_hour_is_over(self, anyio_backend: str) -> None:
        clock, logins = [0.0], []

        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"data": {"id": "0b0b2e0d-33c0-4dff-8815-6815365e1d0a"}})

        async with self._primero(answer, now=lambda: clock[0], logins=logins) as primero:
            for clock[0] in (0.0, 2_900.0, 3_100.0):
                await primero.case("0b0b2e0d-33c0-4dff-8815-6815365e1d0a", ())
        assert len(logins) == 2

    @staticmethod
    def _primero(
        answer: Callable[[httpx.Request], httpx.Response],
        *,
        now: Callable[[], float] = lambda: 0.0,
        logins: list[Any] | None = None,
    ) -> Primero:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/tokens"):
                if logins is not None:
                    logins.append(request)
                return httpx.Response(
                    200, json={"user_name": ACCOUNT}, headers={"Authorization": "Bearer a.b.c"}
                )
            return answer(request)

        return Primero("http://127.0.0.1", ACCOUNT, PASSWORD, now=now, transport=httpx.MockTransport(handle))
