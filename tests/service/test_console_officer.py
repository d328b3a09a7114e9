"""The officer's console on real nodes: a case opened, written about, read, collected, approved, by pages alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.access.roles import Role
from tests.service.access_stand import AccessStand
from tests.service.console_stand import Desk, text_of
from tests.service.officer_stand import compose, other_side

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[AccessStand]:
    stand = AccessStand(tmp_path)
    yield stand
    stand.close()


async def settled(stand: AccessStand) -> tuple[Desk, str]:
    """A case opened and its protection settled, at two desks."""
    desk, colleague = [await Desk.of(stand, Role.CASE_OFFICER) for _ in range(2)]
    opened = await desk.post("/console/cases")
    assert opened.status_code == 303
    case = opened.headers["location"].partition("?")[0].rpartition("/")[2]
    for one in (desk, colleague):
        answer = await one.post(
            f"/console/cases/{case}/protection", {"status": "not-sought", "reason": "child-interviewed"}
        )
        assert answer.status_code == 303, answer.text
    return desk, case


async def test_a_case_goes_from_opening_to_a_collected_message_by_pages_alone(
    stand: AccessStand, tmp_path: Path
) -> None:
    desk, case = await settled(stand)
    there = other_side(stand, tmp_path)
    page = await desk.get(f"/console/cases/{case}")
    assert page.status_code == 200, page.text
    checked = await compose(desk, case, "case.notification", to=stand.pair.ro.office, do="check")
    assert checked.status_code == 200, text_of(checked)
    reviewed = await compose(desk, case, "case.notification", to=stand.pair.ro.office, do="review")
    assert reviewed.status_code == 200, text_of(reviewed)
    sent = await compose(desk, case, "case.notification", to=stand.pair.ro.office)
    assert sent.status_code == 303, text_of(sent)
    message = sent.headers["location"].partition("?")[0].rpartition("/")[2]
    assert "Signed and sent" in text_of(await desk.get(sent.headers["location"]))
    await stand.pair.settle()
    theirs = await Desk.of(there, Role.CASE_OFFICER, language="ar")
    for path in (
        "/console/work",
        "/console/cases",
        f"/console/cases/{case}",
        "/console/messages",
        f"/console/messages/{message}",
        f"/console/messages/{message}/evidence",
        f"/console/cases/{case}/retention",
        "/console/notices",
        "/console/approvals",
        "/console/envelopes",
        "/console/codes?scheme=country&search=Rom",
        "/console/directory?state=ro&procedure=case",
        f"/console/cases/{case}/timeline",
        f"/console/cases/{case}/evidence",
        f"/console/messages/{message}/rendering",
    ):
        answer = await theirs.get(path)
        assert answer.status_code == 200, (path, answer.text)


async def test_smoke_all(stand: AccessStand) -> Any:
    desk = await Desk.of(stand, Role.SUPERVISOR)
    assert (await desk.get("/console/retention")).status_code == 200
    officer = await Desk.of(stand, Role.INTERMEDIARY_OFFICER)
    assert (await officer.get("/console/relay")).status_code == 200
