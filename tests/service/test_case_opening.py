"""A case that is asked for again is the same case."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from protocol.identifiers import Address, MessageId
from service import exchange
from service.access.roles import Role
from service.store import cases
from tests.service.access_stand import AccessStand
from tests.service.exchange_pair import actor

pytestmark = pytest.mark.anyio


def opened(stand: AccessStand) -> int:
    return stand.node.store.read_now(
        lambda session: int(session.connection().execute(text("SELECT COUNT(*) FROM case_file")).scalar_one())
    )


async def test_the_same_id_from_the_same_authority_is_the_same_case(stand: AccessStand) -> None:
    system = stand.as_(Role.AGENCY_SYSTEM, person="registry")
    chosen = {"id": str(uuid.uuid4())}
    first = await system.post("/v1/cases", json=chosen)
    journal = stand.journal()
    again = await system.post("/v1/cases", json=chosen)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["location"] == again.headers["location"]
    assert stand.journal() == journal
    assert opened(stand) == 1


async def test_without_an_id_or_without_a_body_each_time_is_another_case(stand: AccessStand) -> None:
    system = stand.as_(Role.AGENCY_SYSTEM, person="registry")
    answers = [
        await system.post("/v1/cases"),
        await system.post("/v1/cases"),
        await system.post("/v1/cases", json={}),
    ]
    assert len({answer.json()["reference"] for answer in answers}) == 3


async def test_asked_at_once_it_is_opened_once(stand: AccessStand) -> None:
    system = stand.as_(Role.AGENCY_SYSTEM, person="registry")
    chosen = {"id": str(uuid.uuid4())}
    answers = await asyncio.gather(*(system.post("/v1/cases", json=chosen) for _ in range(8)))
    assert len({answer.json()["reference"] for answer in answers}) == 1
    assert opened(stand) == 1


async def test_another_authority_with_the_same_id_learns_nothing_and_gets_its_own_case(
    stand: AccessStand,
) -> None:
    chosen = MessageId(str(uuid.uuid4()))
    mine = await exchange.open_case(stand.node, stand.actor(Role.CASE_OFFICER), chosen)
    theirs = await exchange.open_case(stand.node, actor("it.other-office"), chosen)
    assert mine.reference != theirs.reference
    assert mine.parties != theirs.parties


async def test_the_store_itself_keeps_two_workers_from_opening_it_twice(stand: AccessStand) -> None:
    chosen = MessageId(str(uuid.uuid4()))
    case = await exchange.open_case(stand.node, stand.actor(Role.CASE_OFFICER), chosen)
    other = await exchange.open_case(stand.node, stand.actor(Role.CASE_OFFICER))
    with pytest.raises(IntegrityError):
        await stand.node.store.write(
            lambda session: session.connection().execute(
                text("UPDATE case_file SET opening_id = :id WHERE reference = :of"),
                {"id": chosen, "of": other.reference},
            )
        )

    def found(session: object) -> str | None:
        known = cases.find_opened(session.connection(), Address(stand.office), chosen)  # type: ignore[attr-defined]
        return None if known is None else str(known.row.reference)

    assert stand.node.store.read_now(found) == case.reference


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"id": "7"}', 422, "identifier.message_id"),
        (b'{"id": "7F3C2F0E-5A39-4A37-9A39-0D8D6F4F6A10"}', 422, "identifier.message_id"),
        (b'{"id": 7}', 422, "request.body"),
        (b'{"name": "x"}', 422, "request.body"),
        (b'{"id": "' + b"x" * 2_000 + b'"}', 413, "request.too_large"),
    ],
)
async def test_what_is_no_id_opens_nothing(stand: AccessStand, body: bytes, status: int, code: str) -> None:
    system = stand.as_(Role.AGENCY_SYSTEM, person="registry")
    answer = await system.post("/v1/cases", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert opened(stand) == 0


async def test_a_body_of_another_kind_opens_nothing(stand: AccessStand) -> None:
    system = stand.as_(Role.AGENCY_SYSTEM, person="registry")
    answer = await system.post("/v1/cases", content=b"id=7")
    assert answer.status_code == 415
    assert opened(stand) == 0
