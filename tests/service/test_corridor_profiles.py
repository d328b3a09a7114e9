"""Two nodes count by the corridor profile that the message cites, and by no other."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protocol.bundle import verify_bundle
from protocol.content import Draft, read_content, sign_content
from protocol.directory import (
    CorridorEntry,
    CorridorFacts,
    CorridorTerms,
    Directory,
    profile_bytes,
    sign_profile,
)
from protocol.errors import NotAcceptable
from protocol.identifiers import (
    Address,
    CaseReference,
    StateCode,
    ThreadId,
    new_case_reference,
    new_message_id,
)
from protocol.json_strict import dumps, parse_object
from protocol.statements import CoSigned, StatementType, digest, read, sign
from service import exchange
from service.exchange.accept import Outcome
from service.exchange.case_files import cited_profile
from service.exchange.views import Accepted
from tests.protocol.sample_directory import NETWORK, NOW
from tests.service.exchange_pair import Pair, WorldDirectory, message, open_pair

IT, RO = StateCode("it"), StateCode("ro")
ACCEPTANCE = ("social-inquiry.request", "acceptance", "ordinary")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    opened = open_pair(tmp_path)
    yield opened
    opened.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def agree(pair: Pair, *, ended: bool = False, **changes: Any) -> str:
    """Italy and Romania sign a profile, and Romania publishes it. Returns its digest."""
    world = pair.world
    world.now = pair.clock.now()
    agreed = dataclasses.replace(
        CorridorTerms(
            network=NETWORK,
            states=(IT, RO),
            durations={ACCEPTANCE: "P2WD"},
            costs="both-states",
            languages=("en",),
            retention="P10Y",
            since=NOW - timedelta(days=1),
            until=NOW + timedelta(days=365),
            issued_at=NOW - timedelta(days=1),
        ),
        **changes,
    )
    payload = profile_bytes(agreed)
    signatures = tuple(sign_profile(payload, world.root[state]) for state in ("it", "ro"))
    cosigned = CoSigned(payload=payload, signatures=signatures)
    world.publish(
        CorridorFacts(state=RO, other=IT, profile=cosigned, terms=agreed, ended_at=NOW if ended else None)
    )
    world.refresh()
    return cosigned.digest


class Behind:
    """A node that has not seen what the others have."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory


def keep_behind(pair: Pair) -> WorldDirectory:
    """From now on Romania's node has the directory of today. Returns the way to bring it up to date."""
    source = pair.ro.node.directory
    assert isinstance(source, WorldDirectory)
    source.world = Behind(pair.world.directory)  # type: ignore[assignment]
    return source


async def known_case(pair: Pair) -> CaseReference:
    case = await pair.open_case()
    await pair.notify(case)
    return case


async def asked(pair: Pair, case: CaseReference | None = None) -> tuple[Accepted, Any]:
    case = case or await known_case(pair)
    request = await pair.it.send(message("social-inquiry.request", case, pair.it.office, pair.ro.office))
    (row,) = await pair.it.rows(
        "SELECT statement, due_at, due_basis FROM message WHERE id = :id", id=request.id
    )
    return request, row


async def due_at_ro(pair: Pair, request: Accepted) -> list[tuple[Any, Any]]:
    rows = await pair.ro.rows("SELECT due_at, due_basis FROM message WHERE id = :id", id=request.id)
    return [(row["due_at"], row["due_basis"]) for row in rows]


def cited(row: Any) -> object:
    return read(row["statement"], typ=StatementType.CONTENT).claims.get("corridor_profile")


def test_both_nodes_count_the_same_instant_by_the_profile(pair: Pair) -> None:
    async def play() -> None:
        agreed = agree(pair)
        request, row = await asked(pair)
        await pair.settle()
        assert cited(row) == agreed
        assert row["due_basis"] == "corridor-profile"
        assert await due_at_ro(pair, request) == [(row["due_at"], "corridor-profile")]

    run(play())


def test_without_a_profile_the_general_length_counts(pair: Pair) -> None:
    async def play() -> None:
        request, row = await asked(pair)
        await pair.settle()
        assert cited(row) is None
        assert await due_at_ro(pair, request) == [(row["due_at"], "project-choice")]

    run(play())


@pytest.mark.parametrize("over", ["by its own period", "by one of the States"])
def test_a_profile_that_ended_is_not_used(pair: Pair, over: str) -> None:
    async def play() -> None:
        if over == "by its own period":
            agree(pair, until=pair.clock.now())
        else:
            agree(pair, ended=True)
        _, row = await asked(pair)
        assert cited(row) is None
        assert row["due_basis"] == "project-choice"

    run(play())


def test_a_message_waits_for_a_profile_that_is_not_here_yet_and_is_then_taken(pair: Pair) -> None:
    async def play() -> None:
        case = await known_case(pair)
        source = keep_behind(pair)
        agree(pair)
        request, row = await asked(pair, case)
        await pair.release(pair.it)
        (outcome,) = await pair.deliver("ro")
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("wait", "directory.unknown_profile")
        assert await due_at_ro(pair, request) == []
        source.world = pair.world
        await pair.settle()
        assert await due_at_ro(pair, request) == [(row["due_at"], "corridor-profile")]

    run(play())


def test_a_profile_that_a_newer_directory_does_not_know_is_refused_for_good(pair: Pair) -> None:
    """Else whoever cites what does not exist would have its message brought for ever."""

    async def play() -> None:
        before = dict(pair.world.entries)
        agree(pair)
        request, _ = await asked(pair)
        # Romania's node never saw the profile, and its directory is younger than the message.
        world = pair.world
        with_profile, snapshots = world.directory, list(world.snapshots)
        world.now = pair.clock.now() + timedelta(seconds=1)
        world.entries = before
        world.snapshots = snapshots[:1]
        world.snapshot(sequence=3, previous=digest(b"another"))
        source = keep_behind(pair)
        source.world = Behind(world.assemble())  # type: ignore[assignment]
        world.directory = with_profile
        await pair.release(pair.it)
        (outcome,) = await pair.deliver("ro")
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", "directory.unknown_profile")
        await pair.settle()
        (row,) = await pair.it.rows("SELECT status, refusal_code FROM message WHERE id = :id", id=request.id)
        assert dict(row) == {"status": "refused", "refusal_code": "directory.unknown_profile"}

    run(play())


def test_a_profile_that_a_state_had_ended_when_the_message_was_signed_is_refused(pair: Pair) -> None:
    async def play() -> None:
        agree(pair)
        request, _ = await asked(pair)
        agree(pair, ended=True)  # Italy's node did not know yet when it signed
        await pair.release(pair.it)
        (outcome,) = await pair.deliver("ro")
        assert isinstance(outcome, Outcome)
        assert (outcome.disposition, outcome.code) == ("refused", "directory.profile_not_in_force")
        assert await due_at_ro(pair, request) == []

    run(play())


def test_a_profile_of_other_states_cannot_be_cited(pair: Pair) -> None:
    agreed = agree(pair)
    draft = Draft(
        id=new_message_id(bytes),
        type="social-inquiry.request",
        case=new_case_reference(os.urandom),
        thread=ThreadId("t"),
        sender=pair.it.office,
        recipient=pair.ro.office,
        coded={},
        vocabulary="2026.11",
        corridor_profile=agreed,
    )
    draft = dataclasses.replace(draft, thread=ThreadId(draft.id))
    for changes, code in (
        ({}, None),
        ({"recipient": Address("fr.anybody")}, "directory.profile_not_in_force"),
        ({"corridor_profile": digest(b"nothing")}, "directory.unknown_profile"),
    ):
        signed = sign_content(
            dataclasses.replace(draft, **changes),  # type: ignore[arg-type]
            key=pair.world.signing[pair.it.office],
            issued_at=pair.clock.now(),
            random_bytes=bytes,
        )
        content = read_content(signed.statement, None, None)
        if code is None:
            found = cited_profile(pair.world.directory, content)
            assert found is not None
            assert found.digest == agreed
        else:
            with pytest.raises(NotAcceptable) as refused:
                cited_profile(pair.world.directory, content)
            assert refused.value.code == code


# --- in a case's evidence -----------------------------------------------------------------------------------


async def exported(pair: Pair, by: str = "it") -> tuple[str, dict[str, Any]]:
    """A request that cites a profile, taken by its recipient; and the case's evidence as one side has it."""
    agree(pair)
    case = await known_case(pair)
    request, _ = await asked(pair, case)
    await pair.settle()
    side = pair.side(by)
    document = parse_object(
        await exchange.case_bundle(side.node, side.officer, case), max_bytes=1 << 24, max_depth=16
    )
    return request.id, document


def found(pair: Pair, document: dict[str, Any]) -> list[tuple[str, str]]:
    report = verify_bundle(dumps(document), pair.world.charter_digest)
    return [(one.code, one.where) for one in report.findings]


@pytest.mark.parametrize("by", ["it", "ro"])
def test_a_verifier_far_from_both_nodes_has_the_lengths_that_deadlines_were_counted_by(
    pair: Pair, by: str
) -> None:
    async def play() -> None:
        _, document = await exported(pair, by)
        assert found(pair, document) == []
        assert [one["path"] for one in document["entries"]].count("ro/corridor/it") == 1

    run(play())


def test_a_profile_that_was_left_out_of_the_evidence_is_missed(pair: Pair) -> None:
    async def play() -> None:
        request, document = await exported(pair)
        document["entries"] = [one for one in document["entries"] if "/corridor/" not in one["path"]]
        assert ("bundle.missing", f"messages/{request}/statement") in found(pair, document)

    run(play())


def test_a_profile_without_the_root_keys_of_both_states_proves_nothing(pair: Pair) -> None:
    async def play() -> None:
        request, document = await exported(pair)
        agreed = cited((await pair.it.rows("SELECT statement FROM message WHERE id = :id", id=request))[0])
        (position,) = [
            number for number, one in enumerate(document["entries"]) if "/corridor/" in one["path"]
        ]
        world = pair.world
        (entry,) = [
            held.entry
            for held in world.directory.archive.held.values()
            if isinstance(held.entry, CorridorEntry)
        ]
        payload = entry.facts.profile.payload
        alone = CoSigned(payload=payload, signatures=(sign_profile(payload, world.root["ro"]),))
        world.publish(dataclasses.replace(entry.facts, profile=alone))
        document["entries"][position]["token"] = world.entries["ro/corridor/it"]
        assert alone.digest == agreed, "the same bytes, one signature less"
        assert ("directory.profile_signatures", f"messages/{request}/statement") in found(pair, document)

    run(play())


def test_a_message_in_the_evidence_cannot_cite_a_profile_from_after_its_end(pair: Pair) -> None:
    async def play() -> None:
        agree(pair)
        case = await known_case(pair)
        request, _ = await asked(pair, case)
        await pair.settle()
        document = parse_object(
            await exchange.case_bundle(pair.it.node, pair.it.officer, case), max_bytes=1 << 24, max_depth=16
        )
        assert found(pair, document) == []
        (message_,) = [one for one in document["messages"] if one["id"] == request.id]
        # The State's own office may sign anything: what it cites has to fit all the same.
        over = agree(pair, until=pair.clock.now() - timedelta(hours=1))
        (entry,) = [one for one in document["entries"] if "/corridor/" in one["path"]]
        entry["token"] = pair.world.entries["ro/corridor/it"]
        claims = {**read(message_["statement"], typ=StatementType.CONTENT).claims, "corridor_profile": over}
        message_["statement"] = sign(StatementType.CONTENT, claims, pair.world.signing[pair.it.office])
        places = found(pair, document)
        assert ("directory.profile_not_in_force", f"messages/{request.id}/statement") in places

    run(play())
