"""Where a message to another State goes: by competence, then jurisdiction, then the focal point."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from service import exchange
from tests.protocol.sample_directory import RO_FOCAL_POINT, RO_LOCAL
from tests.service.api_stand import Stand
from tests.service.exchange_pair import open_pair

pytestmark = pytest.mark.anyio


async def test_the_api_names_whom_to_write_to() -> None:
    officer = Stand().as_("case-officer")
    where = "/v1/directory/landing"
    asked = {"state": "ro", "procedure": "social-inquiry"}
    assert (await officer.get(where, params=asked)).json() == {"address": RO_FOCAL_POINT}
    local = await officer.get(where, params={**asked, "jurisdiction": "RO-IS"})
    assert local.json() == {"address": RO_LOCAL}
    elsewhere = await officer.get(where, params={**asked, "jurisdiction": "RO-B"})
    assert elsewhere.json() == {"address": RO_FOCAL_POINT}
    none = await officer.get(where, params={**asked, "state": "zz"})
    assert (none.status_code, none.json()["code"]) == (422, "directory.no_landing")


async def test_next_steps_name_the_authority_that_may_act_and_not_the_one_that_may_not(
    tmp_path: Path,
) -> None:
    pair = open_pair(tmp_path)
    case = await pair.open_case()
    await pair.notify(case)

    async def proposed_for(procedure: str) -> set[str | None]:
        steps = await exchange.next_steps(pair.it.node, pair.it.officer, case)
        return {one.to for one in steps.steps if one.procedure == procedure and one.thread is None}

    assert await proposed_for("social-inquiry") == {RO_FOCAL_POINT}
    world = pair.world
    facts = world.authority(RO_FOCAL_POINT)
    rest = tuple(one for one in facts.competences if one != "social-inquiry")
    world.publish(dataclasses.replace(facts, competences=rest))
    world.publish(dataclasses.replace(world.authority(RO_LOCAL), jurisdiction=("RO",)))
    world.refresh()
    landed = world.directory.landing(facts.state, "social-inquiry")
    assert await proposed_for("social-inquiry") == {landed}
    pair.close()
