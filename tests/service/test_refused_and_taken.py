"""A redirection is refused, and what the new office said since is taken after all: two real nodes agree."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.identifiers import Address, CaseReference, MessageId
from service import exchange
from service.exchange.accept import Outcome
from service.exchange.views import Accepted, MessageQuery
from service.store import mailbox
from tests.service.exchange_pair import Pair, Side, actor, message, open_pair

NEW_OFFICE = Address("ro.dgaspc-iasi")
LEFT_OUT = ("sent", "conversation.predecessor_refused")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


async def redirect(pair: Pair, case: CaseReference, request: MessageId) -> Accepted:
    def to_new_office(coded: dict[str, Any]) -> None:
        coded["redirected_to"] = NEW_OFFICE

    return await pair.ro.send(
        message("redirect", case, pair.ro.office, pair.it.office, in_reply_to=request, change=to_new_office)
    )


async def by_new_office(pair: Pair, type_: str, case: CaseReference, in_reply_to: MessageId) -> Accepted:
    submission = message(type_, case, NEW_OFFICE, pair.it.office, in_reply_to=in_reply_to)
    return await exchange.send(pair.ro.node, actor(NEW_OFFICE), submission)


async def shown(pair: Pair, sent: Accepted) -> tuple[str, str | None]:
    page = await exchange.list_messages(pair.ro.node, actor(NEW_OFFICE), MessageQuery(thread=sent.thread))
    (view,) = (view for view in page.messages if view.id == sent.id)
    return view.status, view.refusal


async def thread_at(side: Side, sent: Accepted) -> tuple[object, ...]:
    thread = await side.node.store.read(
        lambda session: mailbox.load_thread(session.connection(), sent.thread)
    )
    assert thread
    return thread.state, thread.due, thread.answerers, frozenset(thread.entries)


async def outcomes(pair: Pair) -> list[str]:
    await pair.release(pair.ro)
    delivered = await pair.deliver("it")
    assert all(isinstance(one, Outcome) for one in delivered)
    return [one.disposition for one in delivered if isinstance(one, Outcome)]


async def refused_redirection(pair: Pair) -> tuple[CaseReference, Accepted]:
    """A redirection that the asker's node refuses for a reason of its own, and does not say so yet."""
    case = await pair.open_case()
    await pair.notify(case)
    request = await pair.request(case)

    async def at_asker(sql: str) -> None:
        await pair.it.node.store.write(lambda session: session.connection().exec_driver_sql(sql, (case,)))

    await redirect(pair, case, request.id)
    await at_asker(
        "update case_party set address = 'xx.' || address where reference = ? and address like 'ro.%'"
    )
    assert await outcomes(pair) == ["refused"]
    await at_asker(
        "update case_party set address = substr(address, 4) where reference = ? and address like 'xx.%'"
    )
    return case, request


def test_what_stood_with_a_refused_redirection_counts_again_once_the_other_node_took_it(pair: Pair) -> None:
    async def play() -> None:
        case, request = await refused_redirection(pair)
        acceptance = await by_new_office(pair, "accept", case, request.id)
        question = await by_new_office(pair, "query", case, acceptance.id)
        assert await outcomes(pair) == ["wait", "wait"]

        await pair.release(pair.it)
        await pair.deliver("ro")  # the refusal
        assert await shown(pair, acceptance) == await shown(pair, question) == LEFT_OUT
        assert await thread_at(pair.ro, request) == await thread_at(pair.it, request)
        state, _, answerers, entries = await thread_at(pair.ro, request)
        assert (state, answerers, len(entries)) == ("requested", (pair.ro.office,), 1)

        await redirect(pair, case, request.id)
        await pair.settle()
        for sent in (acceptance, question):
            assert await shown(pair, sent) == ("consigned", None)
        assert await thread_at(pair.ro, request) == await thread_at(pair.it, request)
        state, _, answerers, entries = await thread_at(pair.ro, request)
        assert (state, answerers, len(entries)) == ("awaiting-info", (pair.ro.office, NEW_OFFICE), 4)

    run(play())
