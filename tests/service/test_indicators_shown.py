"""The report on corridors as the API and the client give it: every format, and what is not asked so."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from protocol.identifiers import StateCode
from protocol.indicators import Figures, Report, Row, Share
from service.client import Client
from service.exchange.views import IndicatorQuery
from tests.service.api_stand import Stand

pytestmark = pytest.mark.anyio


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    made = Stand()
    share = Share(part=3, of=4)
    figures: dict[str, Any] = dict.fromkeys(Figures.__dataclass_fields__, 1)
    figures |= {name: share for name in figures if name.endswith(("_days", "_time")) and name[0] == "a"}
    row = Row(
        asking=StateCode("it"),
        answering=StateCode("ro"),
        procedure="social-inquiry",
        figures=Figures(**figures),
    )

    class Counting(type(made.exchange)):  # type: ignore[misc]
        async def read_indicators(self, node: Any, actor: Any, query: IndicatorQuery, /) -> Report:
            self.asked = query
            now = node.clock.now()
            return Report(year=query.year, as_of=query.as_of or now, made_at=now, rows=(row,))

    made.exchange.__class__ = Counting
    return made


def client_for(stand: Stand) -> Client:
    return Client(
        "http://node", stand.token("operator"), transport=httpx.ASGITransport(app=stand.app), language="en"
    )


async def test_the_client_asks_for_exactly_what_it_is_told(stand: Stand) -> None:
    async with client_for(stand) as node:
        told = await node.indicators(
            year=2026, procedure="social-inquiry", peer="ro", as_of="2027-01-05T00:00:00Z", publication=True
        )
        assert told["rows"][0]["answered_in_time_of"] == 4
        asked = stand.exchange.asked  # type: ignore[attr-defined]
        assert (asked.year, asked.procedure, asked.peer, asked.publication) == (
            2026,
            "social-inquiry",
            "ro",
            True,
        )
        await node.indicators()
        assert stand.exchange.asked.year == stand.clock.now().year  # type: ignore[attr-defined]


async def test_the_file_can_be_read_by_a_spreadsheet(stand: Stand) -> None:
    async with client_for(stand) as node:
        content = (await node.indicators_file(year=2026, language="fr")).decode()
    rows = list(csv.DictReader(io.StringIO(content)))
    assert rows[0]["label"] == "Demandes"
    answer = await stand.as_("operator").get("/v1/indicators?format=csv&year=2026")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="indicators-2026.csv"'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("form", ["text", "html", "pdf"])
async def test_the_page_comes_in_every_form(stand: Stand, form: Any) -> None:
    async with client_for(stand) as node:
        assert (await node.printed_indicators(year=2026, format=form)).content


@pytest.mark.parametrize(
    "wrong",
    ["year=1999", "procedure=no-such", "peer=Romania", "as_of=yesterday", "publication=1", "yaer=2026"],
)
async def test_what_is_not_a_question_is_refused(stand: Stand, wrong: str) -> None:
    answer = await stand.as_("operator").get(f"/v1/indicators?{wrong}")
    assert answer.status_code == 422
    assert answer.json()["code"].startswith("request.")
